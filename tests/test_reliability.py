"""How far a conclusion holds, word for word: series small enough to see what is in them."""

from datetime import date

import polars as pl
import pytest

from openmeasures import rebases, reliability
from openmeasures.methods import false_alarms, rulesets, seasonal, spc
from openmeasures.periods import months

SCHEMA = {
    "org_code": pl.String,
    "period_start": pl.Date,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "value": pl.Float64,
}
FIRST = date(2022, 4, 1)
ENTRY = """\
- org_code: {org_code}
  date: {date}
  reason: "A second unit opened."
  author: "A. Uthor"
  reviewed: 2026-01-01
"""


def series(*values, sizes=(10_000,), segments=(0,)):
    """Make the points of RJ1 from April 2022 on; sizes recur, and the last segment number lasts."""
    rows = [
        ("RJ1", month, value and value * size / 100, value and size, value)
        for month, value, size in zip(months(FIRST, date(2032, 3, 1)), values, [*sizes] * len(values), strict=False)
    ]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    numbers = [segments[min(place, len(segments) - 1)] for place in range(len(rows))]
    return charted(frame.with_columns(segment=pl.Series(numbers, dtype=pl.UInt32)), natural_bounds=(0.0, 100.0))


def charted(frame, **bounds):
    return spc.xmr(frame, improvement="increase", segment="segment", **bounds)


def plain(text):
    return text.replace("\u00a0", " ")


# ---- other rules

AGREED = "Every other rule-set that draws limits here comes to the same conclusion"
DIFFERED = (
    "The conclusion depends on the rules: “Making Data Count spreadsheet, 6 points” sees special-cause improvement"
)


def test_other_rules_that_agree(measure):
    assert reliability.other_rules(series(*[61, 59] * 15), measure) == f"{AGREED}."


def test_other_rules_that_differ_are_named_with_what_they_see(measure):
    six_above = series(*[61, 59] * 12, *[61] * 6)
    assert reliability.other_rules(six_above, measure) == f"{DIFFERED}."


def test_several_rule_sets_that_differ_are_listed(measure):
    by_six = measure.model_copy(update={"rule_set": "making-data-count-excel-6"})
    others = [rules.title for rules in rulesets.load() if rules.shift_points > 6]
    said = reliability.other_rules(series(*[61, 59] * 12, *[61] * 6), by_six)
    *first, last = (f"“{title}”" for title in others)
    assert said == f"The conclusion depends on the rules: {', '.join(first)} and {last} see common cause."


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([61, 59] * 7, f"{AGREED} (1 rule-set would draw no limits yet)."),
        ([61, 59] * 7 + [61], f"{AGREED}."),
        ([61, 59] * 4 + [61] * 6, f"{DIFFERED} (1 rule-set would draw no limits yet)."),
    ],
)
def test_other_rules_that_draw_no_limits_yet_are_counted_apart(measure, values, said):
    assert reliability.other_rules(series(*values), measure) == said  # abspc asks for 15 values


@pytest.mark.parametrize(
    "points",
    [
        series(),
        series(None, None),
        series(*[61, 59] * 6),  # 12 values
        series(*[61, 59] * 10, *[71, 69] * 6, segments=[0] * 20 + [1]),
    ],
)
def test_without_limits_no_other_rules_are_set_against_them(measure, points):
    assert reliability.other_rules(points, measure) == ""


# ---- other charts


def test_large_and_even_months_need_no_other_chart(measure):
    assert reliability.other_charts(series(*[61, 59] * 10), measure) == ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "proportion",
            "A P′ chart, which allows for the uneven numbers of months, has the latest figure by itself {} its limits.",
        ),
        ("rate", ""),  # for which U′ would be the chart
        ("mean", ""),
    ],
)
@pytest.mark.parametrize(("latest", "where"), [(61, "inside"), (75, "outside"), (45, "outside")])
def test_uneven_months_are_seen_by_a_chart_that_knows_their_numbers(measure, kind, said, latest, where):
    points = series(*[61, 59] * 10, latest, sizes=[10_000, 5_000])
    of_kind = measure.model_copy(update={"kind": kind})
    assert reliability.other_charts(points, of_kind) == said.format(where)


def test_a_constant_series_lies_inside_its_limits(measure):
    points = series(*[100 / 3] * 20, sizes=[70, 110, 130])
    assert "inside" in reliability.other_charts(points, measure.model_copy(update={"kind": "proportion"}))


def test_the_latest_month_is_the_latest_with_a_figure(measure):
    points = series(*[61, 59] * 10, 75, None, sizes=[10_000, 5_000])
    assert "outside" in reliability.other_charts(points, measure)
    assert reliability.other_charts(points.reverse(), measure) == reliability.other_charts(points, measure)


def test_limits_of_an_earlier_level_say_nothing_of_the_latest_month(measure):
    points = series(*[61, 59] * 10, *[71, 69] * 3, sizes=[10_000, 5_000], segments=[0] * 20 + [1])
    assert reliability.other_charts(points, measure) == ""


def test_rare_cases_hardly_suit_limits(measure):
    assert reliability.other_charts(series(*[0.01, 0.02] * 10), measure).startswith(
        "These figures hardly suit a chart with limits. Fewer than 5 cases a period"
    )


@pytest.mark.parametrize("points", [series(), series(None, None), series(*[61, 59] * 4)])
def test_with_hardly_a_figure_no_chart_is_better_than_another(measure, points):
    assert reliability.other_charts(points, measure) == ""


# ---- false alarms


def said_of(anywhere, latest):
    return (
        f"Where nothing changes at all, {100 * anywhere:.0f} in 100 charts of this length still have a mark "
        f"somewhere, and {100 * latest:.1f} in 100 at the latest figure (by simulation of independent Normal "
        "values; seasons and slow drifts mostly make it more)."
    )


@pytest.mark.parametrize("gaps", [0, 5])
def test_false_alarms_are_those_of_the_number_of_figures(measure, gaps):
    # reference/false_alarms.csv for 36 points; methods.md has 29 % and 1.6 % by a simulation of its own
    points = series(*[61, 59] * 18, *[None] * gaps)
    assert reliability.false_alarms(points, measure) == said_of(0.29, 0.017)


def test_false_alarms_are_those_of_the_measures_rule_set(measure):
    by_six = measure.model_copy(update={"rule_set": "making-data-count-excel-6"})
    found = false_alarms.probability("making-data-count-excel-6", 36)
    assert found.anywhere > false_alarms.probability(points=36).anywhere
    assert reliability.false_alarms(series(*[61, 59] * 18), by_six) == said_of(*found)


def test_false_alarms_of_segments_add_up(measure):
    first, second = (false_alarms.probability(points=points) for points in (20, 16))
    points = series(*[61, 59] * 18, segments=[0] * 20 + [1])
    expected = said_of(1 - (1 - first.anywhere) * (1 - second.anywhere), second.latest)
    assert reliability.false_alarms(points, measure) == expected
    assert reliability.false_alarms(points.reverse(), measure) == expected


@pytest.mark.parametrize(
    "points",
    [series(), series(None), series(*[61, 59] * 6), series(*[61, 59] * 18, segments=[0] * 30 + [1])],
)
def test_without_limits_at_the_latest_month_there_is_no_alarm(measure, points):
    assert reliability.false_alarms(points, measure) == ""


@pytest.mark.parametrize(("pairs", "is_alike"), [(18, True), (4, False)])
def test_where_neighbours_are_alike_the_usual_rate_does_not_hold(measure, pairs, is_alike):
    """Three months high, three low, so that of five neighbours three agree: about 1/3, beyond 1.96 / sqrt(36)."""
    points = series(*[61.1, 61, 61.1, 59, 59.1, 59] * pairs)
    said = reliability.false_alarms(points, measure)
    latest = false_alarms.of_chart([6 * pairs], measure.rule_set).latest
    assert said.startswith("Neighbouring months of this series are alike (a correlation of 0.3)") == is_alike
    assert f"{100 * latest:.1f} in 100 at the latest figure" in said


# ---- all doubts


def test_limits_that_do_not_describe_a_series_leave_nothing_to_doubt(measure):
    drift = series(*(40 + 0.5 * month + month % 2 for month in range(48)))
    assert reliability.doubts(drift, measure) == (
        "Other rules would use the same limits, which do not describe this series, and a rate of false alarms is known "
        "for series that keep to one level: neither says anything here. Look at the line itself."
    )


def test_doubts_are_said_one_after_the_other(measure):
    points = series(*[61, 59] * 18, 75, sizes=[10_000, 5_000])
    parts = (reliability.other_rules, reliability.other_charts, reliability.false_alarms)
    said = [part(points, measure) for part in parts]
    assert all(said)
    assert reliability.doubts(points, measure) == " ".join(said)


def test_where_there_is_nothing_there_are_no_doubts(measure):
    assert reliability.doubts(series(), measure) == ""


# ---- changes of level

STEP = (*[61, 59] * 10, *[71, 69] * 10)  # the new level begins in December 2023
SEVERAL = (
    "A calculation suggests changes of level in {}. If they are real, the limits shown mix what was before and after; "
    "whoever knows the reason can enter it in the ledger of changes."
)
SUGGESTED = (
    "A calculation suggests a change of level in {}. If it is real, the limits shown mix what was before and after; "
    "whoever knows the reason can enter it in the ledger of changes."
)
APPLIED = "From {} the limits start anew. A second unit opened."


@pytest.fixture
def changes_of(measure):
    """Say the changes of a series, with a ledger that has these dates for RJ1."""

    def say(points, *dates, org_code="RJ1"):
        path = measure.folder / "rebases.yml"
        path.write_text("".join(ENTRY.format(org_code=org_code, date=day) for day in dates) or "[]", encoding="utf-8")
        rebased = rebases.segments(points.drop("segment"), rebases.load(measure.folder))
        return plain(reliability.changes(rebased, measure))

    return say


def test_a_steady_series_has_no_change_to_tell(changes_of):
    assert changes_of(series(*[61, 59] * 20)) == ""


@pytest.mark.parametrize(("cases", "is_told"), [(4, False), (5, True)])
def test_too_few_cases_suggest_no_change_and_tell_of_no_limits(changes_of, cases, is_told):
    points = series(*STEP).with_columns(numerator=pl.lit(float(cases)), denominator=pl.lit(10_000.0))
    assert bool(changes_of(points)) == bool(changes_of(points, "2023-12-01")) == is_told


def test_without_points_there_is_no_change_to_tell(changes_of):
    assert changes_of(series()) == ""


def test_a_change_is_suggested_with_both_levels(changes_of):
    assert changes_of(series(*STEP)) == SUGGESTED.format("December 2023 (from about 60.0 % to 70.0 %)")


def test_several_changes_are_suggested_together(changes_of):
    assert changes_of(series(*STEP, *[81, 79] * 10)) == SEVERAL.format(
        "December 2023 (from about 60.0 % to 70.0 %) and August 2025 (from about 70.0 % to 80.0 %)"
    )


def test_a_slow_drift_is_no_change_of_level(changes_of):
    assert changes_of(series(*(40 + 0.5 * month + month % 2 for month in range(48)))) == (
        "The level moves around March 2024 and March 2025, but a smooth curve fits better there than a step: a slow "
        "drift, for which limits should not start anew."
    )


def test_a_step_and_a_drift_are_told_apart(changes_of):
    flat, slope = [61, 59] * 12, [70 + 0.5 * month + month % 2 for month in range(24)]
    said = changes_of(series(*flat, *slope))
    assert said.startswith("A calculation suggests a change of level in April 2024 (from about 60.0 % to ")
    assert "ledger of changes. The level moves around " in said


@pytest.mark.parametrize(
    ("day", "month"),
    [("2023-12-01", "December 2023"), ("2023-01-01", "January 2023"), ("2024-11-01", "November 2024")],
)
def test_a_change_that_is_applied_is_told_with_its_reason_and_not_suggested_again(changes_of, day, month):
    assert changes_of(series(*STEP), day) == APPLIED.format(month)


@pytest.mark.parametrize(("day", "month"), [("2022-12-01", "December 2022"), ("2024-12-01", "December 2024")])
def test_a_year_of_figures_parts_two_changes(changes_of, day, month):
    assert changes_of(series(*STEP), day) == (
        f"{APPLIED.format(month)} {SUGGESTED.format('December 2023 (from about 60.0 % to 70.0 %)')}"
    )


def test_a_year_is_counted_in_figures(changes_of):
    points = series(*STEP[:14], *[None] * 6, *STEP[14:])  # December 2022 to June 2024 is 18 months, 12 of them figures
    assert SUGGESTED.format("June 2024 (from about 60.0 % to 70.0 %)") in changes_of(points, "2022-12-01")
    assert changes_of(points, "2023-01-01") == APPLIED.format("January 2023")


def test_a_change_beyond_those_applied_is_suggested_beside_them(changes_of):
    assert changes_of(series(*STEP, *[81, 79] * 10), "2023-12-01") == (
        f"{APPLIED.format('December 2023')} {SUGGESTED.format('August 2025 (from about 70.0 % to 80.0 %)')}"
    )


def test_the_order_of_rows_does_not_matter(changes_of):
    points = series(*STEP, *[81, 79] * 10)
    assert changes_of(points.reverse(), "2023-12-01") == changes_of(points, "2023-12-01")


def test_an_entry_that_is_left_aside_is_not_told(changes_of):
    flat = series(*[61, 59] * 20)
    assert changes_of(flat, "2022-04-01") == ""  # the first month: the data begin with the change
    assert changes_of(flat, "2023-12-01", org_code="Z-03") == ""


# ---- season

# April to March: the last three months are low. The noise has no period of twelve.
WINTER = (2, 2, 2, 2, 1, 1, 0, -1, 0, -3, -3, -3)
NOISE = tuple((7 * number * number + 3 * number) % 11 / 11 - 0.5 for number in range(60))


def wintry(years, *, rise=0.0):
    """Make years of a winter season, the last three months higher by `rise` than it has them."""
    values = [60 + WINTER[number % 12] + NOISE[number] for number in range(12 * years)]
    return series(*values[:-3], *(value + rise for value in values[-3:]))


def season_of(points, measure):
    adjusted = seasonal.adjust(points.select("org_code", "period_start", "value", "segment"), segment="segment")
    return plain(reliability.season(points, charted(adjusted.with_columns(value="adjusted_value")), measure))


@pytest.mark.parametrize("points", [series(), series(None), series(*[61, 59] * 17, 61), wintry(2)])
def test_a_season_cannot_be_told_before_three_full_years(measure, points):
    assert season_of(points, measure) == (
        "Whether this series has a season cannot be told yet: that takes three full years."
    )


def test_noise_is_no_season(measure):
    assert season_of(series(*(60 + number for number in NOISE)), measure) == (
        "No season can be told from chance in this series."
    )


def test_a_season_is_told_with_what_is_left_without_it(measure):
    points = wintry(4)
    assert points["variation"][-1] == "concern_low"
    row = seasonal.seasonality(points).row(0, named=True)
    months_of_year = {7: "July", 6: "June", 5: "May", 4: "April", 1: "January", 2: "February", 3: "March"}
    high, low = months_of_year[row["highest_month"]], months_of_year[row["lowest_month"]]
    assert season_of(points, measure) == (
        f"This series has a season: {high} is highest and {low} lowest, {row['swing']:.1f} percentage points apart, "
        f"and the month of the year explains {100 * row['strength']:.0f} % of its variation about the trend. "
        "Without the season the "
        "latest month is common cause, not special-cause concern."
    )


def test_a_season_may_leave_the_conclusion_as_it_is(measure):
    lower = wintry(4, rise=-4.0)
    assert season_of(lower, measure).endswith("Without the season the latest month is special-cause concern too.")


def test_a_season_without_limits_leaves_the_latest_month_alone(measure):
    points = wintry(4).with_columns(segment=pl.Series([0] * 40 + [1] * 8, dtype=pl.UInt32))
    limits = ["mean", "lower_process_limit", "upper_process_limit", "points", "special_cause", "variation"]
    said = season_of(charted(points.drop(limits)), measure)
    assert said.startswith("This series has a season: ")
    assert said.endswith("of its variation about the trend.")
