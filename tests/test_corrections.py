from datetime import date

import polars as pl
import pytest

from openmeasures import corrections
from openmeasures.errors import DefinitionError
from openmeasures.schemas import STATUS_TYPE

ENTRY = """\
- what: Field-test trusts show zero waits
  reason: They were not asked.
  url: https://www.england.nhs.uk/
  org_codes: [RC9, RJ1]
  from: 2024-02-01
  to: 2024-03-31
  metrics: [over, booked_over]
  expect: 0
  status: not_applicable
"""
JANUARY, FEBRUARY, MARCH, APRIL = (date(2024, month, 1) for month in (1, 2, 3, 4))
# With these, every organisation and metric of the entry occurs in its months.
BESIDE = [("RC9", FEBRUARY, "booked_over", 0), ("RJ1", FEBRUARY, "over", 0)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corrections.yml").write_text(ENTRY, encoding="utf-8")
    return tmp_path


def _write(folder, text):
    (folder / "corrections.yml").write_text(text, encoding="utf-8")
    return folder


def _observations(*rows):
    """Make observations: organisation, month, metric, figure; a figure of None is not submitted."""
    return pl.DataFrame(
        [(*row, "not_submitted" if row[-1] is None else "reported") for row in rows],
        schema={
            "org_code": pl.String,
            "period_start": pl.Date,
            "metric": pl.String,
            "value": pl.Float64,
            "status": STATUS_TYPE,
        },
        orient="row",
    )


def _corrected(folder, *rows, beside=BESIDE):
    """Return value and status of each row after correction, of those beside not."""
    corrected = corrections.apply(_observations(*rows, *beside), folder).observations
    return corrected.select("value", "status").head(len(rows)).rows()


def _said(call, *arguments):
    with pytest.raises(DefinitionError) as refusal:
        call(*arguments)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# ---- apply


def test_a_figure_that_an_entry_concerns_becomes_null_with_the_entrys_status(folder):
    assert _corrected(folder, ("RC9", MARCH, "over", 0)) == [(None, "not_applicable")]


@pytest.mark.parametrize(
    ("month", "found"),
    [
        (JANUARY, (0, "reported")),
        (FEBRUARY, (None, "not_applicable")),
        (MARCH, (None, "not_applicable")),
        (APRIL, (0, "reported")),
    ],
)
def test_both_ends_of_an_entry_are_included(folder, month, found):
    assert _corrected(folder, ("RC9", month, "over", 0)) == [found]


@pytest.mark.parametrize("row", [("R0D", MARCH, "over", 7), ("RC9", MARCH, "all", 7), ("ENG", MARCH, "over", 7)])
def test_other_figures_stay(folder, row):
    assert _corrected(folder, row, ("RC9", MARCH, "over", 0)) == [(7, "reported"), (None, "not_applicable")]


def test_how_many_figures_each_entry_changed_is_told(folder):
    done = corrections.apply(
        _observations(
            ("RC9", MARCH, "over", 0),
            ("RC9", MARCH, "booked_over", 0),
            ("RJ1", FEBRUARY, "over", 0),
            ("RJ1", APRIL, "over", 5),
        ),
        folder,
    )
    assert [(entry.what, changed) for entry, changed in done.applied] == [("Field-test trusts show zero waits", 2 + 1)]


@pytest.mark.parametrize(
    ("codes", "row"),
    [
        ("RC9, RJ1", ("RC9", JANUARY, "over", 0)),
        ("RC9, RJ1", ("R0D", APRIL, "all", 7)),
        ("RC9, RJ1", ("ENG", MARCH, "over", 0)),
        ("RC9, RJ1", ("Z-01", MARCH, "over", 0)),
        ("Z-01, Z-02", ("RC9", MARCH, "over", 0)),
    ],
    ids=["month before", "month after", "published total", "sample", "real"],
)
def test_an_entry_about_other_months_or_the_other_kind_of_data_is_left_aside(folder, codes, row):
    _write(folder, ENTRY.replace("RC9, RJ1", codes))
    before = _observations(row)
    done = corrections.apply(before, folder)
    assert done.observations.equals(before)
    assert done.applied == []


def test_no_observation_is_no_fault(folder):
    assert corrections.apply(_observations(), folder).observations.is_empty()


def test_without_a_file_nothing_changes(tmp_path):
    before = _observations(("RC9", MARCH, "over", 0))
    done = corrections.apply(before, tmp_path)
    assert done.observations.equals(before)
    assert done.applied == []


def test_entries_are_made_one_after_the_other(folder):
    _write(folder, ENTRY + ENTRY.replace("2024-03-31", "2024-04-30").replace("2024-02-01", "2024-04-01"))
    in_april = [(code, APRIL, metric, 0) for code, _, metric, _ in BESIDE]
    done = corrections.apply(_observations(("RC9", MARCH, "over", 0), *BESIDE, *in_april), folder)
    assert [changed for _, changed in done.applied] == [1 + 2, 2]
    assert set(done.observations["value"]) == {None}


@pytest.mark.parametrize("status", ["suppressed", "not_submitted", "not_applicable"])
def test_an_entry_may_give_any_status_without_figure(folder, status):
    _write(folder, ENTRY.replace("not_applicable", status))
    assert _corrected(folder, ("RC9", MARCH, "over", 0)) == [(None, status)]


# ---- the guard


@pytest.mark.parametrize("figure", [1, -1, 0.5, None])
def test_a_source_that_says_something_else_now_fails_the_run(folder, figure):
    said = _said(corrections.apply, _observations(("RC9", MARCH, "over", figure), *BESIDE), folder)
    assert said == (
        f"{folder / 'corrections.yml'}, 'Field-test trusts show zero waits': RC9 has over = "
        f"{None if figure is None else float(figure)} in 2024-03, but the entry expects 0 (1 such figures). "
        "The source seems mended: narrow the entry or remove it."
    )


def test_what_is_stated_truly_already_is_in_order_and_stays(folder):
    """The workbook of a month prints `-` where the CSV has a zero; a missing figure of another kind is a surprise."""
    truly = _observations(("RC9", MARCH, "over", None), *BESIDE).with_columns(
        status=pl.when(pl.col("value").is_null())
        .then(pl.lit("not_applicable", STATUS_TYPE))
        .otherwise(pl.col("status"))
    )
    done = corrections.apply(truly, folder)
    found = done.observations.filter(org_code="RC9", metric="over")
    assert found.select("value", "status").rows() == [(None, "not_applicable")]


def test_the_guard_names_the_first_and_counts_the_rest(folder):
    said = _said(
        corrections.apply,
        _observations(("RJ1", MARCH, "over", 3), ("RC9", MARCH, "over", 0), ("RC9", FEBRUARY, "over", 2), *BESIDE),
        folder,
    )
    assert "RC9 has over = 2.0 in 2024-02, but the entry expects 0 (2 such figures)" in said


def test_the_guard_compares_with_what_the_entry_expects(folder):
    _write(folder, ENTRY.replace("expect: 0", "expect: 999"))
    beside = [(*row[:-1], 999) for row in BESIDE]
    assert _corrected(folder, ("RC9", MARCH, "over", 999), beside=beside) == [(None, "not_applicable")]


def test_the_guard_does_not_look_outside_the_entry(folder):
    assert _corrected(folder, ("RC9", APRIL, "over", 8), ("R0D", MARCH, "over", 8)) == [(8, "reported")] * 2


# ---- names that do not occur


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("RC9, RJ1", "RC9, RJI", "org_code 'RJI' does not occur in the data of its months. Did you mean 'RJ1'?"),
        ("RC9, RJ1", "rc9", "org_code 'rc9' does not occur in the data of its months. Did you mean 'RC9'?"),
        ("RC9, RJ1", "RC9, 8XY56", "org_code '8XY56' does not occur in the data of its months."),
        ("RC9, RJ1", "RC9, Z-01", "org_code 'Z-01' does not occur in the data of its months."),
        (
            "booked_over",
            "booked_ovr",
            "metric 'booked_ovr' does not occur in the data of its months. Did you mean 'boo",
        ),
        ("booked_over", "beds", "metric 'beds' does not occur in the data of its months."),
    ],
)
def test_a_name_that_does_not_occur_in_an_entrys_months_is_refused(folder, found, instead, said):
    _write(folder, ENTRY.replace(found, instead))
    message = _said(corrections.apply, _observations(*BESIDE), folder)
    assert message.startswith(f"{folder / 'corrections.yml'}, 'Field-test trusts show zero waits': {said}")
    assert message.endswith(" Correct the entry.")
    assert ("Did you mean" in message) is ("Did you mean" in said)


@pytest.mark.parametrize(("left_out", "unknown"), [("RJ1", "org_code 'RJ1'"), ("booked_over", "metric 'booked_over'")])
def test_a_name_must_occur_in_the_entrys_own_months(folder, left_out, unknown):
    rows = [("RC9", MARCH, "over", 0), *((*row[:1], APRIL, *row[2:]) if left_out in row else row for row in BESIDE)]
    assert unknown in _said(corrections.apply, _observations(*rows), folder)


def test_a_figure_of_england_does_not_make_a_metric_known(folder):
    rows = [("RC9", MARCH, "over", 0), ("RJ1", MARCH, "over", 0), ("ENG", MARCH, "booked_over", 0)]
    assert "metric 'booked_over'" in _said(corrections.apply, _observations(*rows), folder)


def test_names_of_the_sample_must_occur_too(folder):
    _write(folder, ENTRY.replace("RC9, RJ1", "Z-01, Z-20"))
    rows = [("ENG", MARCH, "over", 0), ("Z-01", MARCH, "over", 0), ("Z-02", MARCH, "booked_over", 0)]
    said = _said(corrections.apply, _observations(*rows), folder)
    assert "org_code 'Z-20' does not occur in the data of its months. Did you mean 'Z-02'?" in said


# ---- load


def test_an_entry_is_read_with_its_dates(folder):
    [entry] = corrections.load(folder)
    assert (entry.date_from, entry.date_to, entry.org_codes) == (date(2024, 2, 1), date(2024, 3, 31), ["RC9", "RJ1"])


def test_no_file_is_no_correction(tmp_path):
    assert corrections.load(tmp_path) == []


def test_an_entry_for_the_sample_needs_no_address(folder):
    _write(folder, ENTRY.replace("  url: https://www.england.nhs.uk/\n", "").replace("RC9, RJ1", "Z-01, Z-02"))
    assert [(entry.url, entry.synthetic) for entry in corrections.load(folder)] == [(None, True)]


@pytest.mark.parametrize(("codes", "synthetic"), [("RC9", False), ("Z-01, RC9", False), ("Z-01", True)])
def test_an_entry_is_synthetic_if_all_its_codes_are(folder, codes, synthetic):
    _write(folder, ENTRY.replace("RC9, RJ1", codes))
    assert corrections.load(folder)[0].synthetic is synthetic


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("status: not_applicable", "status: reported", "'status' is 'reported'"),  # takes a figure away, so not that
        ("status: not_applicable", "status: null", "'status' is None"),
        ("status: not_applicable", "status: missing", "'status' is 'missing'"),
        ("  status: not_applicable\n", "", "'status' is missing."),
        ("expect: 0", "expect: null", "'expect' is None"),
        ("expect: 0", "expect: none", "'expect' is 'none'"),
        ("metrics: [over, booked_over]", "metrics: []", "'metrics' is []"),
        ("org_codes: [RC9, RJ1]", "org_codes: RC9", "'org_codes' is 'RC9'"),
        ("from: 2024-02-01", "from: 2024-02-30", "'from' is '2024-02-30'"),
        ("to: 2024-03-31", "to: March", "'to' is 'March'"),
        ("to: 2024-03-31", "to: 2024-01-31", "'to' (2024-01-31) is before 'from' (2024-02-01)"),
        ("reason:", "reasons:", "unknown key 'reasons'. Did you mean 'reason'?"),
        ("url: https", "url: htps", "'url' is 'htps://www.england.nhs.uk/'"),
    ],
)
def test_a_wrong_field_is_named(folder, found, instead, said):
    assert found in ENTRY
    message = _said(corrections.load, _write(folder, ENTRY + ENTRY.replace(found, instead)))
    assert message.startswith(f"{folder / 'corrections.yml'}, entry 2: ")
    assert said in message
    assert message.endswith("See analyses/README.md for the fields.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "corrections.yml: found NoneType, expected a list of entries."),
        ("what: one entry, no list", "corrections.yml: found dict, expected a list of entries."),
        ("- just text", "entry 1: 'the whole' is 'just text'"),
        ("- [", "corrections.yml: not valid YAML: "),
        ("- what: a\n   reason: b", "corrections.yml: not valid YAML: "),
    ],
)
def test_a_malformed_file_is_named(folder, text, said):
    assert said in _said(corrections.load, _write(folder, text))


def test_a_list_of_nothing_is_no_correction(folder):
    assert corrections.load(_write(folder, "[]")) == []
