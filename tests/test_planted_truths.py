"""What is planted in the sample is found, and no more: the notebook's own steps, for every story of its organisations.

reference/sample/organisations.csv tells the stories; what is expected here is written out from there.
"""

import csv
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from openmeasures import (
    corrections,
    counts,
    definitions,
    parameters,
    project,
    quality,
    rebases,
    reliability,
    results,
    revisions,
    sample,
    standards,
    words,
)
from openmeasures.methods import intervals, seasonal, spc
from openmeasures.periods import months

PERIODS = months(date(2022, 4, 1), date(2026, 3, 1))
LATEST = PERIODS[-1]
STORIES = {
    "step_improvement": "Z-03",
    "stable": "Z-06",
    "shock": "Z-07",
    "far_below": "Z-09",
    "near_standard": "Z-11",
    "slow_decline": "Z-12",
    "other_standard": "Z-15",
    "revised": "Z-16",
    "not_submitted": "Z-17",
    "merger_successor": "Z-20",
    "merger_predecessor": "Z-21",
}


@pytest.fixture(scope="module")
def run(sample_folder):
    """The notebook's parameters and its cells up to the charts, for all organisations at once."""
    measure = definitions.find("ae_four_hour")
    checked = parameters.check(measure, org_code="ENG", period_to="", data=str(sample_folder))
    published = checked.observations()
    observations = corrections.apply(published, measure.folder).observations
    return SimpleNamespace(measure=measure, checked=checked, published=published, observations=observations)


def charted(run, part):
    """Chart a series of the measure as the notebook does."""
    providers = counts.count(run.observations, numerator=part.numerator, denominator=part.denominator)
    everyone = pl.concat([providers, counts.roll_up(providers)])
    lower, upper = intervals.wilson(pl.col("numerator"), pl.col("denominator"))
    points = everyone.with_columns(
        value=run.measure.scale * pl.col("numerator") / pl.col("denominator").replace(0, None),
        value_lower=run.measure.scale * lower,
        value_upper=run.measure.scale * upper,
    )
    points = rebases.segments(points, rebases.load(run.measure.folder), period_to=run.checked.period_to)
    return spc.xmr(
        points,
        improvement=run.measure.improvement,
        rule_set=run.measure.rule_set,
        segment="segment",
        natural_bounds=run.measure.natural_bounds,
    )


@pytest.fixture(scope="module")
def everyone(run):
    """The measure itself, all types of department together."""
    return standards.join(charted(run, run.measure), run.measure)


@pytest.fixture(scope="module")
def type_1(run):
    return standards.absent(charted(run, run.measure.series[0]))


@pytest.fixture(scope="module")
def points_of(everyone):
    return lambda org_code: everyone.filter(pl.col("org_code") == org_code).sort("period_start")


def marked(points):
    """Return month, cause and variation of every point that is special cause."""
    rows = points.filter(pl.col("special_cause") != "none").sort("period_start")
    return rows.select("period_start", "special_cause", "variation").rows()


def months_with(points, status):
    return points.filter(pl.col("status") == status)["period_start"].to_list()


def finding(run, points):
    return words.finding(points, run.measure, period_to=run.checked.period_to).replace("\u00a0", " ")


def season(run, points):
    adjusted = seasonal.adjust(points, segment="segment").select(
        "org_code", "period_start", "segment", "adjusted_value"
    )
    adjusted = spc.xmr(adjusted.rename({"adjusted_value": "value"}), improvement="increase", segment="segment")
    return reliability.season(points, adjusted, run.measure)


def test_every_story_of_the_sample_is_looked_for_here():
    with (project.root() / "reference" / "sample" / "organisations.csv").open(encoding="utf-8") as file:
        told = {row["story"]: row["org_code"] for row in csv.DictReader(file) if row["story"]}
    assert told == STORIES


# ---- changes of level


def test_z_03_the_step_improvement_is_a_shift_at_the_latest_month(run, points_of):
    points = points_of("Z-03")
    assert marked(points)[-1] == (LATEST, "shift", "improvement_high")
    # October 2024 to March 2026
    assert finding(run, points).startswith("Special-cause improvement: the last 18 months are above the average")


def test_z_03_the_step_improvement_is_suggested_in_its_month_and_applied_by_nobody(run, points_of):
    points = points_of("Z-03")
    assert reliability.changes(points, run.measure).startswith(
        "A calculation suggests a change of level in October 2024 ("
    )
    assert set(points["segment"]) == {0}


def test_z_12_the_slow_decline_is_a_concern_at_the_latest_month(run, points_of):
    points = points_of("Z-12")
    assert points["variation"][-1] == "concern_low"
    assert {variation for month, _, variation in marked(points) if month >= date(2025, 1, 1)} == {"concern_low"}
    assert finding(run, points).startswith("Special-cause concern: ")


# ---- odd months


def test_z_07_the_shock_is_a_concern_in_its_month_only(points_of):
    assert marked(points_of("Z-07")) == [(date(2025, 6, 1), "astronomical_point", "concern_low")]


def test_z_07_the_shock_is_no_change_of_level(run, points_of):
    points = points_of("Z-07")
    assert reliability.changes(points, run.measure) == ""
    assert finding(run, points).startswith("Common-cause variation: ")


# ---- months without figures


def assessed(run, org_code, points):
    checked = replace(run.checked, org_code=org_code)
    return quality.assess(checked, run.published, points, revisions.since_first(checked, points))


def test_z_17_months_not_submitted_are_gaps_and_no_zeros(run, points_of):
    points = points_of("Z-17")
    missing = [date(2023, 8, 1), date(2023, 9, 1), date(2023, 10, 1)]
    assert points["period_start"].to_list() == PERIODS
    assert months_with(points, "not_submitted") == missing
    assert points.filter(pl.col("value").is_null())["period_start"].to_list() == missing
    said = words.quality(assessed(run, "Z-17", points))
    assert said.startswith("45 of 48 months have a figure (3 months not submitted)")


def test_z_15_zeros_that_are_no_zeros_are_not_applicable(run, points_of):
    points, nine = points_of("Z-15"), months(date(2022, 9, 1), date(2023, 5, 1))
    over = run.published.filter(
        pl.col("org_code") == "Z-15", pl.col("metric") == "over_four_hours_type_1", pl.col("period_start").is_in(nine)
    )
    as_workbook = [month == date(2022, 12, 1) for month in nine]  # which prints `-`; the CSV has zeros
    assert over["value"].to_list() == [None if is_dash else 0 for is_dash in as_workbook]
    assert months_with(points, "not_applicable") == nine
    assert points.filter(pl.col("value").is_null())["period_start"].to_list() == nine
    assert points["value"].max() < 80


def test_z_15_leaves_england_while_its_figures_are_not_applicable(run, points_of):
    limits_start = [month for month, segment in points_of("ENG").select("period_start", "segment").rows() if segment]
    assert limits_start[0] == date(2023, 6, 1)
    assert reliability.changes(points_of("ENG"), run.measure).startswith("From June 2023 the limits start anew.")


# ---- the merger


def test_z_21_ends_with_the_merger(run, points_of):
    points = points_of("Z-21")
    assert points.drop_nulls("value")["period_start"].to_list() == months(date(2022, 4, 1), date(2024, 3, 1))
    assert finding(run, points).startswith("The last figure is for March 2024; later months have none.")


def test_z_20_starts_anew_with_the_merger_by_the_ledger(run, points_of):
    points = points_of("Z-20")
    [start] = points.filter(pl.col("segment").diff() == 1)["period_start"]
    assert start == date(2024, 4, 1)
    assert points["mean"].n_unique() == 2
    assert reliability.changes(points, run.measure) == (
        "From April 2024 the limits start anew. Sample: merger with Yarlowick General Hospital NHS Trust (Z-21)."
    )


def test_z_20_has_the_patients_of_z_21(points_of):
    after = points_of("Z-20").filter(pl.col("segment") == 1)["denominator"].mean()
    before = points_of("Z-20").filter(pl.col("segment") == 0)["denominator"].mean()
    assert after / before == pytest.approx(1 + (5700 + 2300) / (9900 + 4100), abs=0.03)


# ---- nothing to find


def test_z_06_is_stable_in_every_month(run, points_of, type_1):
    for points in (points_of("Z-06"), type_1.filter(pl.col("org_code") == "Z-06")):
        assert points["value"].null_count() == 0
        assert marked(points) == []
        assert reliability.changes(points, run.measure) == ""
        assert season(run, points) == "No season can be told from chance in this series."


# ---- standards


def met(run, points):
    rows = standards.met(points, run.measure)
    return {row["standard"]: row for row in rows.iter_rows(named=True)}


def test_z_11_meets_the_standard_in_some_months_and_misses_it_in_others(run, points_of):
    found = met(run, points_of("Z-11"))
    assert found[95]["assurance"] == "hit_or_miss"
    assert 0 < found[95]["periods_met"] < found[95]["periods"] == 12
    assert (found[78]["latest"], found[78]["due_month"]) == (True, PERIODS[-1])


def test_z_09_is_far_from_every_standard(run, points_of):
    found = met(run, points_of("Z-09"))
    assert {row["latest"] for row in found.values()} == {False}
    assert (found[95]["assurance"], found[95]["periods_met"]) == ("consistently_failing", 0)


def test_z_09_is_below_every_other_trust_in_every_month_and_that_is_no_change(run, points_of, type_1):
    is_shock = (pl.col("org_code") == "Z-07") & (pl.col("period_start") == date(2025, 6, 1))
    lowest = type_1.filter(~is_shock).drop_nulls("value").sort("value").group_by("period_start").first()
    assert set(lowest["org_code"]) == {"Z-09"}
    assert lowest.height == len(PERIODS)
    assert points_of("Z-09")["variation"][-1] == "common_cause"
    assert reliability.changes(points_of("Z-09"), run.measure) == ""


# ---- revisions


def test_z_16_is_counted_from_the_revised_release(run, points_of, tmp_path):
    over = {}
    for path in sample.write("ae_monthly", tmp_path):
        if path.name.startswith("October-2025"):
            with path.open(encoding="utf-8") as file:
                rows = {row["Org Code"]: row for row in csv.DictReader(file)}
            over[path.name] = int(rows["Z-16"]["Attendances over 4hrs Type 1"])
    first, revised = over["October-2025-synthetic.csv"], over["October-2025-synthetic-revised.csv"]
    assert first == round(0.9 * revised)
    used = run.observations.filter(pl.col("org_code") == "Z-16", pl.col("period_start") == date(2025, 10, 1))
    assert used.filter(pl.col("metric") == "over_four_hours_type_1")["value"].to_list() == [revised]


def test_z_16_names_the_revised_release_in_its_result(run, points_of):
    checked = replace(run.checked, org_code="Z-16")
    points = points_of("Z-16")
    point = results.collect(
        checked, {}, standards.met(points, run.measure), assessed(run, "Z-16", points), all=points
    ).points.filter(pl.col("period_start") == date(2025, 10, 1))
    [release] = (release for release in checked.releases if release.sha256 == point["release"].item())
    assert (release.file_name, release.status) == ("October-2025-synthetic-revised.csv", "revised")


# ---- season


def test_england_has_the_season_that_is_planted(run, points_of):
    said = season(run, points_of("ENG"))
    assert said.startswith("This series has a season: March is highest and December lowest, ")
    assert said.endswith("Without the season the latest month is common cause too.")
