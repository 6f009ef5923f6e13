"""T and G charts against qicharts2, the distributions that they rest on, and their edges."""

import math
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures.errors import ParameterError
from openmeasures.methods.rare_events import g_chart, intervals, t_chart

PAGE = Path(__file__).resolve().parents[2] / "site" / "methods" / "large-and-rare.qmd"
DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=40)
LIMITS = ["mean", "lower_process_limit", "upper_process_limit"]

# Days, and operations, between deaths after bypass surgery: `cabg` of qicharts2, days of 0 left out there.
DAYS_BETWEEN = [
    16, 20, 5, 13, 1, 26, 46, 12, 12, 5, 19, 4, 3, 15, 14, 9, 8, 15, 21, 6, 3, 1, 56, 117, 1, 33, 9, 9, 19, 12, 1, 16,
    13, 18, 1, 35, 16, 5, 21, 38, 3, 25, 3, 11, 13, 20, 9, 3, 8, 21, 24, 38, 8, 13, 9, 1, 30, 23, 3, 7, 22, 19, 11, 31,
    6, 1, 1,
]  # fmt: skip
OPERATIONS_BETWEEN = [
    23, 39, 15, 34, 1, 49, 98, 29, 27, 13, 45, 7, 10, 27, 24, 14, 20, 38, 44, 11, 10, 3, 113, 183, 3, 47, 18, 18, 33,
    15, 2, 38, 27, 27, 1, 52, 23, 7, 26, 82, 5, 49, 5, 17, 24, 44, 26, 2, 27, 46, 55, 97, 22, 22, 20, 4, 60, 51, 7, 21,
    66, 36, 25, 72, 15, 5, 3,
]  # fmt: skip


def events(values, *, name="days_between", org_code="RJ1"):
    return pl.DataFrame(
        {"org_code": org_code, "event": range(len(values)), name: values},
        schema={"org_code": pl.String, "event": pl.Int64, name: pl.Float64},
    )


def cases(values, **options):
    return events(values, name="cases_between", **options)


# ---- intervals


def test_days_between_the_events_of_each_organisation():
    days = [date(2026, 1, 31), date(2026, 1, 1), date(2026, 3, 1), date(2026, 1, 31)]
    frame = pl.DataFrame({"org_code": ["B", "B", "A", "B"], "event_date": days, "note": "dropped"})
    assert intervals(frame).rows() == [
        ("A", date(2026, 3, 1), 1, None),
        ("B", date(2026, 1, 1), 1, None),
        ("B", date(2026, 1, 31), 2, 30),
        ("B", date(2026, 1, 31), 3, 0),
    ]


def test_hours_count_where_they_are_known():
    frame = pl.DataFrame({"site": "A", "at": [datetime(2026, 1, 1, 6), datetime(2026, 1, 2, 18)]})
    assert intervals(frame, by="site", date="at")["days_between"].to_list() == [None, 1.5]


def test_no_events_no_intervals():
    frame = pl.DataFrame(schema={"org_code": pl.String, "event_date": pl.Date})
    assert intervals(frame).is_empty()
    assert t_chart(intervals(frame)).is_empty()


@pytest.mark.parametrize("row", [(None, date(2026, 1, 1)), ("A", None)])
def test_an_event_without_organisation_or_date_is_refused(row):
    frame = pl.DataFrame([("A", date(2025, 1, 1)), row], schema=["org_code", "event_date"], orient="row")
    with pytest.raises(ParameterError, match="expected an organisation and a period in every row"):
        intervals(frame)


def test_ties_on_one_day_are_charted():
    # Days of the year; the last three events are on one day.
    days = [
        date(2026, 1, 1) + timedelta(days=day) for day in (0, 3, 40, 45, 90, 92, 93, 130, 190, 200, 215, 216, 216, 216)
    ]
    chart = t_chart(intervals(pl.DataFrame({"org_code": "A", "event_date": days})))
    assert chart["points"][0] == 13
    assert chart["standardised"][0] is None
    # A zero is the shortest of times, and still no signal: the lower limit is 0.
    assert chart["lower_process_limit"][0] == 0
    assert -3 < chart["standardised"][-1] < -1


# ---- T: golden values and the formula


@pytest.mark.parametrize(
    ("count", "screened", "mean", "lower", "upper"),
    [
        # qicharts2 0.8.1, chart = "t", from test/fixtures/qicharts2.ts of PowerBI-SPC at d4bb4f6.
        (67, False, 11.205060797289464, 0.0078717922788112418, 106.04183142495304),
        (67, True, 11.205060797289464, 0.02212887957455564, 97.268017722609528),
        (33, False, 11.444906381144426, 0.0037537354435645313, 113.70598556391909),
    ],
)
def test_t_chart_as_published(count, screened, mean, lower, upper):
    chart = t_chart(events(DAYS_BETWEEN[:count]), screen_moving_ranges=screened)
    assert set(chart["points"]) == {count}
    assert chart.select(LIMITS).unique().row(0) == pytest.approx((mean, lower, upper), rel=1e-12)


def test_t_chart_is_an_xmr_chart_of_the_transformed_times():
    chart = t_chart(events(DAYS_BETWEEN), screen_moving_ranges=False)
    y = [days ** (1 / 3.6) for days in DAYS_BETWEEN]
    reach = 3 / 1.128 * fmean(abs(b - a) for a, b in pairwise(y))
    assert chart["standardised"].to_list() == pytest.approx([3 * (one - fmean(y)) / reach for one in y])
    outside = (pl.col("days_between") > pl.col("upper_process_limit")) == (pl.col("standardised") > 3)
    assert chart.select(outside.all()).item()


def test_exponential_times_set_off_fewer_alarms_than_normal_values():
    # The transformed times have shorter tails than a Normal distribution, which leaves 0.27 % outside. An XmR chart of
    # the times as they are has its upper limit at mean + 2.66 × mean: exp(-3.66) = 2.6 % lie above that.
    times = np.random.default_rng(1994).exponential(30, size=20_000)
    chart = t_chart(events(times), screen_moving_ranges=False)
    assert (chart["standardised"].abs() > 3).mean() < 0.001
    assert (times > times.mean() + 2.66 * np.abs(np.diff(times)).mean()).mean() == pytest.approx(0.026, abs=0.004)


@pytest.mark.parametrize("values", [[5] * 13, [0] * 13, [0.1 + 0.2, 0.3] * 10])
def test_equal_times_have_both_limits_at_their_mean(values):
    for screened in (True, False):
        chart = t_chart(events(values), screen_moving_ranges=screened)
        for limit in chart.select(LIMITS).unique().row(0):
            assert limit == pytest.approx(values[0])
        assert set(chart["standardised"]) == {0}


def test_segments_are_charts_of_their_own():
    frame = events(DAYS_BETWEEN).with_columns(segment=pl.Series([1] * 33 + [2] * 34))
    chart = t_chart(frame, segment="segment")
    for part in (slice(0, 33), slice(33, 67)):
        alone = t_chart(events(DAYS_BETWEEN[part]))
        assert_frame_equal(chart[part].select(LIMITS), alone.select(LIMITS))
    of_cases = cases(OPERATIONS_BETWEEN).with_columns(segment=frame["segment"])
    assert g_chart(of_cases, segment="segment")["median"].unique(maintain_order=True).to_list() == [
        median(OPERATIONS_BETWEEN[:33]),
        median(OPERATIONS_BETWEEN[33:]),
    ]


# ---- G: golden values and the distribution


def test_g_chart_as_published():
    # qicharts2 (chart "g") as checked by test/fixtures/golden/g/basic.qicharts2.json of PowerBI-SPC at 662780f.
    chart = g_chart(cases(OPERATIONS_BETWEEN))
    mean = fmean(OPERATIONS_BETWEEN)
    assert chart.select(*LIMITS, "median").unique().row(0) == pytest.approx(
        (mean, 0, mean + 3 * math.sqrt(mean * (mean + 1)), 24)
    )
    assert chart["upper_process_limit"][0] == pytest.approx(128.1749, abs=5e-5)


@pytest.mark.parametrize("mean", [0.5, 4, 24, 739, 2000])
def test_probability_limits_leave_0_135_percent_on_either_side(mean):
    p = 1 / (mean + 1)
    chart = g_chart(cases([mean] * 13), limits="probability")
    lower, upper = chart.select(LIMITS[1:]).row(0)

    def not_above(k):
        return 1 - (1 - p) ** (k + 1)

    tail = 0.0013498980316300933  # of a Normal distribution, beyond three sigma
    assert not_above(upper) >= 1 - tail > not_above(upper - 1)
    assert not_above(lower - 1) < tail <= not_above(lower)
    assert (lower > 0) == (mean > 740)


def test_three_sigma_limits_leave_nearly_two_percent_above_and_none_below():
    # P(K > k) = (1 - p)^(k + 1), with mean 24 and p = 1/25; the limit is 24 + 3 √(24 × 25) = 97.5.
    chart = g_chart(cases([24] * 13))
    assert chart["upper_process_limit"][0] == pytest.approx(24 + 3 * math.sqrt(600))
    assert pytest.approx(0.018, abs=0.0005) == (24 / 25) ** 98
    assert chart["lower_process_limit"][0] == 0


@pytest.mark.parametrize("limits", ["three_sigma", "probability"])
def test_only_events(limits):
    chart = g_chart(cases([0] * 13), limits=limits)
    assert chart.select(*LIMITS, "median").unique().row(0) == (0, 0, 0, 0)


# ---- points and rows

CHARTS = [(t_chart, events), (g_chart, cases)]


@pytest.mark.parametrize(("chart", "frame"), CHARTS)
@pytest.mark.parametrize(("count", "charted"), [(0, False), (1, False), (2, False), (12, False), (13, True)])
def test_a_chart_needs_thirteen_values(chart, frame, count, charted):
    result = chart(frame([None, *([3, 5] * 7)[:count]]))
    assert result["points"].to_list() == [count] * (count + 1)
    assert [column.is_not_null().any() for column in result.select(LIMITS)] == [charted] * 3


@pytest.mark.parametrize(("chart", "frame"), CHARTS)
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_impossible_values_are_refused(chart, frame, value):
    with pytest.raises(ParameterError, match="organisation 'RJ1', period 1: found value"):
        chart(frame([1, value]))


@pytest.mark.parametrize(("chart", "frame"), CHARTS)
def test_a_minimum_that_no_range_could_have_is_refused(chart, frame):
    with pytest.raises(ParameterError, match="minimum_points is 1"):
        chart(frame([1]), minimum_points=1)


times = st.lists(st.none() | st.integers(0, 400) | st.floats(0, 1e6), max_size=30)


@given(times, times, st.randoms())
@DETERMINISTIC
def test_organisations_are_independent_and_rows_keep_their_order(first, second, random):
    for chart, frame in CHARTS:
        parts = [frame(values, org_code=code) for code, values in (("B", first), ("A", second))]
        alone = pl.concat([chart(part) for part in parts])
        shuffled = random.sample(range(alone.height), alone.height)
        assert_frame_equal(chart(pl.concat(parts)[shuffled]), alone[shuffled], rel_tol=1e-9)


@given(times, st.sampled_from([0.01, 24, 365.25]))
@DETERMINISTIC
def test_another_unit_of_time_changes_nothing_but_the_unit(values, scale):
    once = t_chart(events(values))
    scaled = t_chart(events([None if value is None else value * scale for value in values]))
    assert_frame_equal(scaled.select(LIMITS), once.select(pl.col(LIMITS) * scale), rel_tol=1e-6, abs_tol=1e-9)
    assert_frame_equal(scaled.select("standardised"), once.select("standardised"), rel_tol=1e-6, abs_tol=1e-6)


@given(times)
@DETERMINISTIC
def test_a_null_is_passed_over(values):
    present = [value for value in values if value is not None]
    for chart, frame in CHARTS:
        result = chart(frame(values))
        whole = chart(frame(present))
        name = result.columns[2]
        kept = result.filter(pl.col(name).is_not_null())
        assert_frame_equal(kept.drop("event"), whole.drop("event"))


# ---- the page


def test_the_worked_examples_of_the_page_are_worked_out():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    times, operations = t_chart(events(DAYS_BETWEEN)), g_chart(cases(OPERATIONS_BETWEEN))
    centre, lower, upper = times.select(LIMITS).row(0)
    assert f"the centre is {centre:.1f} days and the limits are {lower:.2f} and {upper:.1f} days" in page
    assert [days for days in DAYS_BETWEEN if days > upper] == [117]
    mean, middle, upper = operations.select("mean", "median", "upper_process_limit").row(0)
    assert f"the mean is {mean:.1f}, the median {middle:.0f}, the upper limit {upper:.1f}" in page
    assert [count for count in OPERATIONS_BETWEEN if count > upper] == [183]
