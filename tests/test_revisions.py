from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from openmeasures import corrections, parameters, revisions, successions
from openmeasures.counts import count, roll_up
from openmeasures.definitions import Part, find

MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 1)


@pytest.fixture
def since(keep, store, measure):
    """March of two trusts, published again with RC9's over-four-hours changed; April once."""
    keep(("RC9", 100, 40), ("RJ1", 300, 30), name="March-2024.csv")
    keep(("RC9", 100, 50), ("RJ1", 300, 30), name="March-2024-revised-130624.csv")
    keep(("RC9", 100, 40), ("RJ1", 300, 30), month="APRIL-2024", name="April-2024.csv")

    def changes(org_code="RC9", period_to="", of=measure):
        run = parameters.check(of, org_code=org_code, period_to=period_to, data=str(store.folder))
        counts = count(run.observations(), numerator=of.numerator, denominator=of.denominator)
        return run, revisions.since_first(run, pl.concat([counts, roll_up(counts)]))

    return changes


def plain(text):
    return text.replace("\u00a0", " ")


def test_a_figure_is_set_beside_what_was_first_published(since):
    assert since()[1].rows() == [(MARCH, 60.0, 50.0, 50.0 - 60.0)]


def test_england_is_added_up_alike_from_either(since):
    [(month, first, now, _)] = since("ENG")[1].rows()
    assert (month, first, now) == (MARCH, 100 * (60 + 270) / 400, 100 * (50 + 270) / 400)


def test_a_merged_trust_is_restated_in_either(since, measure, monkeypatch):
    link = successions.Link("RJ1", "RC9", date(2024, 6, 1), 1.0, "Merger")
    monkeypatch.setattr(parameters.successions, "load", lambda **_: [link])
    restated = measure.model_copy(update={"successions": "restated"})
    [(month, first, now, _)] = since(of=restated)[1].rows()
    assert (month, first, now) == (MARCH, 100 * (60 + 270) / 400, 100 * (50 + 270) / 400)


def test_a_proportion_of_more_than_the_whole_is_none(since, measure, keep):
    """Those over four hours, of whom an edition has more than there were attendances."""
    late = measure.model_copy(update={"numerator": Part(text="Late", label="late", add=["over_four_hours_type_1"])})
    assert since(of=late)[1].rows() == [(MARCH, 40.0, 50.0, 10.0)]
    keep(("RC9", 100, 101), ("RJ1", 300, 30), name="March-2024-revised-130724.csv")
    assert since(of=late)[1].rows() == [(MARCH, 40.0, None, None)]


def test_what_is_no_proportion_may_be_more_than_the_whole(since, measure, keep):
    late = Part(text="Late", label="late", add=["over_four_hours_type_1"])
    ratio = measure.model_copy(update={"kind": "ratio", "numerator": late})
    keep(("RC9", 100, 150), ("RJ1", 300, 30), name="March-2024-revised-130724.csv")
    [(month, first, now, _)] = since(of=ratio)[1].rows()
    assert (month, first, now) == (MARCH, 0.4 * ratio.scale, 1.5 * ratio.scale)


def test_what_gives_values_does_so_to_either(since, monkeypatch):
    def valued(counts, observations, run):
        """A value that no quotient is: how many figures there are."""
        number = observations.filter(pl.col("org_code") == "RC9").height
        return counts.with_columns(value=pl.lit(float(number)))

    run, _ = since()
    everyone = count(run.observations(), numerator=run.measure.numerator, denominator=run.measure.denominator)
    [row] = revisions.since_first(run, everyone, valued=valued).rows()
    in_march = run.observations().filter(pl.col("org_code") == "RC9", pl.col("period_start") == MARCH).height
    assert row == (MARCH, in_march, 2 * in_march, in_march)  # the first edition has March, the store April as well


def test_a_period_published_once_is_left_out(since, keep):
    assert APRIL not in since()[1]["period_start"]


def test_where_nothing_was_published_twice_there_is_nothing(keep, store, measure):
    keep(("RC9", 100, 40))
    run = parameters.check(measure, org_code="RC9", period_to="", data=str(store.folder))
    found = revisions.since_first(run, pl.DataFrame())
    assert dict(found.schema) == revisions.SCHEMA
    assert found.is_empty()
    assert "No month was published more than once" in revisions.finding(found, run)
    assert revisions.table(found, run).text == ""


def test_what_one_release_does_not_have_has_no_change(since, keep):
    keep(("RC9", "-", "-"), ("RJ1", 300, 30), name="March-2024-revised-130724.csv")
    assert since()[1].rows() == [(MARCH, 60.0, None, None)]


def test_what_is_corrected_is_in_neither_figure(since, measure):
    (measure.folder / corrections.FILE_NAME).write_text(
        "- {what: W, reason: R, url: 'https://example.org/', org_codes: [RC9], from: 2024-03-01, to: 2024-03-31, "
        "metrics: [over_four_hours_type_1], expect: 50, status: not_applicable}\n",
        encoding="utf-8",
    )
    run, _ = since("ENG")
    applied = corrections.apply(run.observations(), measure.folder).observations
    counts = count(applied, numerator=measure.numerator, denominator=measure.denominator)
    found = revisions.since_first(run, pl.concat([counts, roll_up(counts)]))
    assert found.rows() == [(MARCH, 90.0, 90.0, 0.0)]  # RJ1 alone, which did not change


def test_one_change_in_words_and_as_a_table(since):
    run, found = since()
    assert plain(revisions.finding(found, run)) == (
        "Since it was first published March 2024 has changed by −10.00 percentage points, from 60.00 % to 50.00 %."
    )
    assert plain(revisions.table(found, run).text).splitlines()[-1] == (
        "| March 2024 | no date given | 13 June 2024 | 60.00 % | 50.00 % | −10.00 |"
    )


@pytest.mark.parametrize(
    ("kind", "unit", "heading", "change"),
    [("ratio", "percent", "Change, points", "−10.00"), ("mean", "minutes", "Change", "−10.00 minutes")],
)
def test_a_table_heads_changes_of_percentages_by_their_unit(since, kind, unit, heading, change):
    run, found = since()
    other = replace(run, measure=run.measure.model_copy(update={"kind": kind, "unit": unit}))
    first, _, *rows = revisions.table(found, other).text.splitlines()
    assert first.endswith(f"| {heading} |")
    assert plain(rows[-1]).endswith(f"| {change} |")


def test_a_change_is_drawn_with_what_it_is_in_words(since):
    run, found = since()
    spec = revisions.chart(found, run, finding="It changed.").to_dict()
    [row] = spec["datasets"]["revisions"]
    assert (row["first"], row["now"]) == (60.0, 50.0)
    assert plain(row["on_page"][0]) == "March 2024: −10.00 percentage points"
    assert [plain(row[name]) for name in ("first_written", "now_written")] == ["60.00 %", "50.00 %"]
    assert spec["description"] == "It changed."
    assert "RC9 Hospitals, NHS Trust: Four hours, since first published" in " ".join(spec["title"]["text"])
    assert "Source: NHS England" in " ".join(spec["title"]["subtitle"])


def test_what_did_not_change_is_drawn_beside_what_did(since, keep):
    keep(("RC9", 100, 40), ("RJ1", 300, 31), month="APRIL-2024", name="April-2024-revised.csv")
    run, found = since()
    rows = revisions.chart(found, run, finding="One changed.").to_dict()["datasets"]["revisions"]
    assert [plain(row["on_page"][0]).partition(": ")[2] for row in rows] == ["−10.00 percentage points", "unchanged"]
    assert (rows[1]["first"], rows[1]["now"]) == (60.0, 60.0)


@pytest.mark.parametrize("org_code", ["RJ1", "RC9"])
def test_where_nothing_changed_there_are_words_and_no_chart(since, org_code):
    run, found = since(org_code)
    none = found.head(0) if org_code == "RC9" else found
    assert revisions.chart(none, run, finding="Nothing is known.").text == "Nothing is known."


def revised(*changes):
    """One period a change, from January 2023."""
    months = pl.date_range(date(2023, 1, 1), date(2026, 1, 1), "1mo", eager=True).head(len(changes))
    frame = pl.DataFrame({"period_start": months, "first": 50.0, "change": pl.Series(changes, dtype=pl.Float64)})
    return frame.with_columns(now=pl.col("first") + pl.col("change")).select(revisions.SCHEMA.keys())


def test_of_many_periods_the_latest_that_changed_are_shown_and_how_many_there_are(since):
    run, _ = since()
    changes = [1.0] * 2 + [0.0] * 3 + [0.5] * revisions.LATEST + [0.0, None]
    many = revised(*changes)
    shown = revisions.latest(many, run.measure)
    assert shown["period_start"].to_list() == many["period_start"].to_list()[5:-2]
    subtitle = " ".join(revisions.chart(many, run, finding="F").to_dict()["title"]["subtitle"])
    every = len(changes) - 1  # one has no figure to compare with
    assert f"{revisions.LATEST} of {every} months, the latest that changed." in subtitle


def test_where_few_of_many_changed_the_latest_others_make_up_the_number(since):
    run, _ = since()
    many = revised(1.0, *[0.0] * revisions.LATEST)
    assert revisions.latest(many, run.measure)["period_start"].to_list() == [
        many["period_start"][0], *many["period_start"][2:]
    ]  # fmt: skip


@pytest.mark.parametrize("number", [revisions.LATEST, revisions.LATEST - 1])
def test_no_more_than_the_most_are_all_shown(since, number):
    run, _ = since()
    assert revisions.latest(revised(*[1.0] * number), run.measure).height == number
    subtitle = revisions.chart(revised(*[1.0] * number), run, finding="F").to_dict()["title"]["subtitle"]
    assert "the latest" not in " ".join(subtitle)


def test_several_changes_in_words_name_the_largest(since, keep):
    keep(("RC9", 100, 38), ("RJ1", 300, 30), month="APRIL-2024", name="April-2024-revised.csv")
    run, found = since()
    assert plain(revisions.finding(found, run)) == (
        "Published more than once: 2 months. Of them 2 changed since first published, at most March 2024: −10.00 "
        "percentage points, from 60.00 % to 50.00 %."
    )


def test_no_change_is_said(since):
    run, found = since("RJ1")
    assert revisions.finding(found, run) == (
        "Published more than once: 1 month; no figure has changed since it was first published."
    )


@pytest.mark.parametrize(
    ("change", "written"),
    [(0.0, "0.00 percentage points"), (0.004, "0.00 percentage points"), (0.26, "+0.26 percentage points")],
)
def test_a_change_has_its_sign_unless_it_is_none(change, written):
    assert revisions.written_change(change, find("ae_four_hour")) == written
