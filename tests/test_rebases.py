from datetime import date

import polars as pl
import pytest

from openmeasures import rebases
from openmeasures.errors import DefinitionError
from openmeasures.methods import spc
from openmeasures.periods import months
from openmeasures.rebases import Rebase, segments

ENTRY = """\
- org_code: RJ1
  date: 2024-03-01
  reason: A second assessment unit opened.
  author: A. Uthor
  reviewed: 2024-09-30
  url: https://www.england.nhs.uk/
"""
JANUARY, FEBRUARY, MARCH, APRIL = (date(2024, month, 1) for month in (1, 2, 3, 4))


@pytest.fixture
def folder(tmp_path):
    return _write(tmp_path, ENTRY)


def _write(folder, text):
    (folder / "rebases.yml").write_text(text, encoding="utf-8")
    return folder


def _rebase(org_code="RJ1", day=MARCH):
    return Rebase(org_code=org_code, date=day, reason="It changed.", author="A. Uthor", reviewed=date(2030, 1, 1))


def _points(*org_codes, first=JANUARY, last=date(2024, 6, 1)):
    return pl.DataFrame(
        [(code, month) for code in org_codes for month in months(first, last)],
        schema={"org_code": pl.String, "period_start": pl.Date},
        orient="row",
    )


def _said(call, *arguments, **options):
    with pytest.raises(DefinitionError) as refusal:
        call(*arguments, **options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# ---- load


def test_an_entry_is_read_with_its_dates(folder):
    [entry] = rebases.load(folder)
    assert (entry.org_code, entry.date, entry.reviewed) == ("RJ1", MARCH, date(2024, 9, 30))
    assert (entry.reason, entry.author) == ("A second assessment unit opened.", "A. Uthor")
    assert str(entry.url) == "https://www.england.nhs.uk/"


def test_no_file_and_a_list_of_nothing_are_no_rebase(tmp_path):
    assert rebases.load(tmp_path) == []
    assert rebases.load(_write(tmp_path, "[]")) == []


def test_an_entry_needs_no_address(folder):
    [entry] = rebases.load(_write(folder, ENTRY.replace("  url: https://www.england.nhs.uk/\n", "")))
    assert entry.url is None


@pytest.mark.parametrize(("code", "synthetic"), [("RJ1", False), ("Z-03", True)])
def test_an_entry_is_synthetic_if_its_code_is(folder, code, synthetic):
    assert rebases.load(_write(folder, ENTRY.replace("RJ1", code)))[0].synthetic is synthetic


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("  reason: A second assessment unit opened.\n", "", "'reason' is missing."),
        ("reason: A second assessment unit opened.", 'reason: " "', "'reason' is ' '"),
        ("author: A. Uthor", "author:", "'author' is None"),
        ("author: A. Uthor", "author: ''", "'author' is ''"),
        ("org_code: RJ1", "org_code: [RJ1]", "'org_code' is ['RJ1']"),
        ("org_code: RJ1", "org_codes: RJ1", "unknown key 'org_codes'. Did you mean 'org_code'?"),
        ("date: 2024-03-01", "date: 2024-02-30", "'date' is '2024-02-30'"),
        ("date: 2024-03-01", "date: March 2024", "'date' is 'March 2024'"),
        ("date: 2024-03-01", "date: 2024-10-01", "'reviewed' (2024-09-30) is before 'date' (2024-10-01)"),
        ("reviewed: 2024-09-30", "approved: 2024-09-30", "unknown key 'approved'."),
        ("  reviewed: 2024-09-30\n", "", "'reviewed' is missing."),
        ("url: https", "url: htps", "'url' is 'htps://www.england.nhs.uk/'"),
    ],
)
def test_a_wrong_field_is_named(folder, found, instead, said):
    assert found in ENTRY
    message = _said(rebases.load, _write(folder, ENTRY.replace("RJ1", "RC9") + ENTRY.replace(found, instead)))
    assert message.startswith(f"{folder / 'rebases.yml'}, entry 2: ")
    assert said in message
    assert message.endswith("See analyses/README.md for the fields.")


def test_a_change_may_be_reviewed_on_its_first_day(folder):
    assert rebases.load(_write(folder, ENTRY.replace("2024-09-30", "2024-03-01")))[0].reviewed == MARCH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rebases.yml: found NoneType, expected a list of entries."),
        ("org_code: RJ1", "rebases.yml: found dict, expected a list of entries."),
        ("- just text", "entry 1: 'the whole' is 'just text'"),
        ("- [", "rebases.yml: not valid YAML: "),
    ],
)
def test_a_malformed_file_is_named(folder, text, said):
    assert said in _said(rebases.load, _write(folder, text))


def test_two_entries_of_one_organisation_and_date_are_refused(folder):
    other_day, other_code = ENTRY.replace("2024-03-01", "2024-05-01"), ENTRY.replace("RJ1", "RC9")
    assert len(rebases.load(_write(folder, ENTRY + other_day + other_code))) == 3
    assert _said(rebases.load, _write(folder, ENTRY + other_day + ENTRY)) == (
        f"{folder / 'rebases.yml'}, entry 3: RJ1 in 2024-03-01 is entry 1 already. Keep one of them, with both reasons."
    )


# ---- segments


def test_segments_count_the_changes_behind_each_point():
    found = segments(_points("RC9", "RJ1"), [_rebase(day=date(2024, 5, 1)), _rebase(day=FEBRUARY)])
    assert found["segment"].to_list() == [0] * 6 + [0, 1, 1, 1, 2, 2]
    assert found.schema["segment"] == pl.UInt32


def test_rows_keep_their_order_and_their_columns():
    points = _points("RC9", "RJ1").with_columns(value=pl.Series(range(12)))
    shuffled = points[[7, 0, 11, 3, 9, 1, 5, 2, 10, 4, 8, 6]]
    found = segments(shuffled, [_rebase("RJ1"), _rebase("RC9", APRIL)])
    assert found.columns == [*points.columns, "segment"]
    assert found.drop("segment").equals(shuffled)
    assert found.sort("org_code", "period_start")["segment"].to_list() == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("points", [_points("RJ1"), _points()])
def test_without_entries_there_is_one_segment(points):
    assert set(segments(points, [])["segment"]) <= {0}


def test_columns_may_have_other_names():
    points = _points("RJ1").rename({"org_code": "site", "period_start": "month"})
    assert segments(points, [_rebase()], by="site", order="month")["segment"].to_list() == [0, 0, 1, 1, 1, 1]


def test_a_second_column_of_segments_replaces_the_first():
    once = segments(_points("RJ1"), [_rebase()])
    assert segments(once, [])["segment"].to_list() == [0] * 6


@pytest.mark.parametrize(("day", "nearest"), [(date(2024, 3, 2), MARCH), (date(2024, 1, 2), JANUARY)])
def test_a_date_that_is_no_period_is_refused(day, nearest):
    assert _said(segments, _points("RJ1"), [_rebase(day=day)]) == (
        f"rebases.yml, RJ1 from {day}: no period of its series, which has 6 from 2024-01-01 to 2024-06-01. "
        f"The nearest is {nearest}; give the first day of the first month of the new level."
    )


def test_the_period_of_another_organisation_is_no_period_of_this_one():
    points = pl.concat([_points("RC9"), _points("RJ1", last=FEBRUARY)])
    assert "no period of its series, which has 2 from" in _said(segments, points, [_rebase()])


@pytest.mark.parametrize("day", [JANUARY, date(2023, 12, 31), date(2023, 12, 1)])
def test_a_change_with_no_level_before_it_is_left_aside(day):
    assert segments(_points("RC9", "RJ1"), [_rebase(day=day), _rebase()])["segment"].to_list() == [0] * 8 + [1] * 4


def test_the_first_period_is_that_of_the_organisation_itself():
    points = pl.concat([_points("RC9"), _points("RJ1", first=APRIL)])
    assert (
        segments(points, [_rebase(day=MARCH), _rebase("RC9", APRIL)])["segment"].to_list()
        == [0] * 3 + [1] * 3 + [0] * 3
    )


def test_an_organisation_that_was_gone_before_the_data_begin_is_left_aside():
    points = pl.concat([_points("RC9", first=FEBRUARY), _points("RJ1")])
    assert segments(points, [_rebase("RXX", JANUARY)])["segment"].to_list() == [0] * 11
    assert "RXX from 2024-02-01: no such organisation" in _said(segments, points, [_rebase("RXX", FEBRUARY)])


def test_without_points_no_entry_is_refused():
    assert segments(_points(), [_rebase()]).is_empty()


def test_a_date_after_the_end_is_refused_unless_the_points_are_meant_to_end_before():
    points, entry = _points("RJ1"), _rebase(day=date(2024, 7, 1))
    assert "The nearest is 2024-06-01" in _said(segments, points, [entry])
    assert "The nearest is 2024-06-01" in _said(segments, points, [entry], period_to=date(2024, 7, 1))
    assert segments(points, [entry], period_to=date(2024, 6, 1))["segment"].to_list() == [0] * 6


def test_an_unknown_organisation_is_refused_with_the_near_miss():
    assert _said(segments, _points("RC9", "RJ1"), [_rebase("RJl")]) == (
        "rebases.yml, RJl from 2024-03-01: no such organisation among the 2 with figures. Did you mean 'RJ1'? "
        "Correct the code or remove the entry."
    )


def test_a_ledger_serves_the_sample_and_the_published_data():
    entries = [_rebase("RJ1"), _rebase("Z-03", APRIL)]
    assert segments(_points("RJ1"), entries)["segment"].to_list() == [0, 0, 1, 1, 1, 1]
    assert segments(_points("Z-03"), entries)["segment"].to_list() == [0, 0, 0, 1, 1, 1]
    assert "RJ1 from 2024-03-01: no such organisation" in _said(segments, _points("RC9", "Z-03"), entries)


def test_limits_start_anew_at_a_rebase_and_can_be_seen_without():
    values = [70, 72] * 10 + [78, 80] * 10
    points = _points("RJ1", first=date(2021, 1, 1), last=date(2024, 4, 1)).with_columns(value=pl.Series(values))
    change = points["period_start"][20]
    with_it = spc.xmr(segments(points, [_rebase(day=change)]), improvement="increase", segment="segment")
    without = spc.xmr(segments(points, []), improvement="increase", segment="segment")
    assert with_it["mean"].to_list() == [71] * 20 + [79] * 20
    assert set(with_it["special_cause"]) == {"none"}
    assert set(without["mean"]) == {75}
    assert without["special_cause"].to_list().count("none") == 0
