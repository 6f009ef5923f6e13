"""T and G charts: where most months have no event, watch the time, or the cases, from one event to the next.

| function | gives |
|---|---|
| `intervals` | days since the last event, one row an event, from the dates of events |
| `t_chart` | limits for times between events |
| `g_chart` | limits for cases between events |

Both need when each event happened, or its place among all cases. Counts by month, as most publications give them, do
not say that, and cannot be charted so.

High is good news on both charts where the event is harm: a point above the upper limit is an unusually long time
without one. With a handful of days between events, the lower limit is so close to 0 that a cluster of harm hardly ever
crosses it; look at the runs below the centre line.

Sources:
1. Nelson LS. A control chart for parts-per-million nonconforming items. Journal of Quality Technology 1994; 26(3):
   239-240. https://doi.org/10.1080/00224065.1994.11979529
2. Provost LP, Murray SK. The Health Care Data Guide. Jossey-Bass 2011.
3. Benneyan JC. Number-between g-type statistical quality control charts for monitoring adverse events. Health Care
   Management Science 2001; 4: 305-318. https://doi.org/10.1023/A:1011846412909
4. Anhøj J. qicharts2, charts `t` and `g`, https://cran.r-project.org/package=qicharts2
"""

import math
from statistics import NormalDist
from typing import Literal

import polars as pl

from openmeasures.methods.points import check, check_minimum
from openmeasures.methods.spc import MINIMUM_POINTS, ROUNDING, SCREENING_FACTOR

WEIBULL_POWER = 1 / 3.6  # makes exponential times nearly Normal: a Weibull with shape 3.6 is nearly symmetric [1]
SIGMAS = 3
MEAN_RANGE_IN_SIGMAS = 1.128  # d2 for ranges of two; not the rounded quotient 2.66 of XmR charts, as in [4]
BEYOND_THREE_SIGMA = NormalDist().cdf(-SIGMAS)  # 0.00135: what a Normal value leaves beyond one limit
MICROSECONDS_A_DAY = 24 * 60 * 60 * 1_000_000

GeometricLimits = Literal["three_sigma", "probability"]


def intervals(events: pl.DataFrame, *, by: str = "org_code", date: str = "event_date") -> pl.DataFrame:
    """Return the days from each event to the next, one row an event: `by`, `date`, `event`, `days_between`.

    Rows are in order of `by` and `date`; `event` counts an organisation's events from 1. Its first event has no time
    before it: null. Events on one day are 0 days apart. The time since the last event is still running, and is left
    out: it would make that interval look shorter than it will be.

    - `events`: one row an event. `date` is a date, or a date and time, which gives parts of days.

    Raises `ParameterError` for an event without organisation or date.

    >>> from datetime import date
    >>> events = pl.DataFrame({"org_code": "RJ1", "event_date": [date(2026, 1, 1), date(2026, 3, 1), date(2026, 3, 1)]})
    >>> intervals(events)["days_between"].to_list()
    [None, 59.0, 0.0]
    """
    numbered = events.select(by, date).sort(by, date).with_columns(event=pl.int_range(1, pl.len() + 1).over(by))
    # Events without a date have numbers as well, so that only the missing key is at fault.
    check(numbered.select(pl.col(by).alias("by"), order=pl.when(pl.col(date).is_not_null()).then("event")))
    days = pl.col(date).diff().over(by).dt.total_microseconds(fractional=False) / MICROSECONDS_A_DAY
    return numbered.with_columns(days_between=days)


def t_chart(
    frame: pl.DataFrame,
    *,
    value: str = "days_between",
    by: str = "org_code",
    order: str = "event",
    segment: str | None = None,
    screen_moving_ranges: bool = True,
    minimum_points: int = MINIMUM_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with a T chart's columns for each organisation.

    Times between events that strike at random are exponential: skewed, with a mean far above the median. Their power
    1/3.6 is nearly Normal [1]; an XmR chart is made of that, and its mean and limits are raised to 3.6 again. Fewer
    than one in 1,000 of such times lie outside; an XmR chart of the times themselves has 26 above its limit.

    The new columns are `mean`, `lower_process_limit` and `upper_process_limit` in the unit of the times;
    `standardised`, the distance of the transformed time from its mean on a scale where the limits are -3 and 3, for
    the rules of any rule-set; and `points`. At the edges:

    - `mean` is the mean on the transformed scale, put back: near the median of the times, and below their mean.
    - A time of 0 (events on one day) is a time like any other. Where there are many, record hours.
    - A lower limit below 0 on the transformed scale is drawn at 0: no time lies below it.
    - A null time (the first event) is passed over. Below `minimum_points` times all but `points` is null: with one
      event, or two, there is no chart.
    - Times that are all equal have both limits at their mean, and standardised values of 0.

    What it takes:

    - `frame`: one row an event; `order` is sortable, and unique within an organisation.
    - `segment`, `minimum_points`: as for `laney.p_prime`.
    - `screen_moving_ranges`: leave out, once, ranges of 3.267 times their mean or more, as `spc.xmr` does by default;
      [4] does on request.

    Raises `ParameterError` if a time is negative or not finite, `minimum_points` is below 2, an event lacks its
    organisation or order, or two share both.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "event": range(14), "days_between": [10, 30] * 7})
    >>> t_chart(frame).select(pl.col("mean", "lower_process_limit", "upper_process_limit").round(1)).row(0)
    (18.1, 0.0, 151.5)
    """
    check_minimum(minimum_points)
    points = _points(frame, value=value, by=by, order=order, segment=segment)
    group = ["by", "segment"]
    transformed = pl.col("value").pow(WEIBULL_POWER)
    chart = points.with_columns(
        transformed=transformed,
        centre=transformed.mean().over(group),
        range=transformed.diff().abs().over(group),
    )
    ranges = pl.col("range")
    if screen_moving_ranges:
        chart = chart.with_columns(screen=SCREENING_FACTOR * ranges.mean().over(group))
        ranges = ranges.filter(ranges < pl.col("screen"))
    # Screening leaves no range only where every range is 0.
    chart = chart.with_columns(reach=SIGMAS * (ranges.mean().fill_null(0) / MEAN_RANGE_IN_SIGMAS).over(group)).sort(
        "row"
    )
    charted, centre, reach = pl.col("points") >= minimum_points, pl.col("centre"), pl.col("reach")
    distance = SIGMAS * (pl.col("transformed") - centre) / reach
    return frame.hstack(
        chart.select(
            mean=pl.when(charted).then(_restored(centre)),
            lower_process_limit=pl.when(charted).then(_restored((centre - reach).clip(lower_bound=0))),
            upper_process_limit=pl.when(charted).then(_restored(centre + reach)),
            standardised=pl.when(charted, pl.col("value").is_not_null()).then(
                pl.when(reach > 0).then(distance).otherwise(0.0)
            ),
            points="points",
        )
    )


def g_chart(
    frame: pl.DataFrame,
    *,
    value: str = "cases_between",
    by: str = "org_code",
    order: str = "event",
    segment: str | None = None,
    limits: GeometricLimits = "three_sigma",
    minimum_points: int = MINIMUM_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with a G chart's columns for each organisation.

    Where each case has the same small chance p of the event, the cases without it between two events are geometric,
    from 0 upwards, with mean (1 - p) / p. The new columns are `mean`; `median`, which is the line to draw and to count
    runs by, since far more than half of the points lie below the mean [2, 4]; `lower_process_limit`,
    `upper_process_limit`; and `points`. There is no standardised value: the distribution has no near limit below, and
    only the rules for points beyond a limit and for runs (about the median) make sense. At the edges:

    - Events at neighbouring cases are 0 apart, a value like any other.
    - If every value is 0, p is 1, and all limits are 0.
    - A null value (the first event) is passed over. Below `minimum_points` values all but `points` is null.

    What it takes:

    - `frame`: one row an event; `value` counts the cases *between* it and the one before, both left out. A count of
      cases *until* the event is one more: subtract 1.
    - `limits`: "three_sigma" draws mean ± 3 √(mean × (mean + 1)), the lower at 0, after [2, 3, 4]: some 1.8 % of
      values on a stable process lie above it, and none below. "probability" draws the values beyond which a stable
      process has 0.135 % on either side, as on other charts; the lower is 0 for a mean below some 740.
    - `segment`, `minimum_points`: as for `laney.p_prime`.

    Raises `ParameterError` if a value is negative or not finite, `minimum_points` is below 2, an event lacks its
    organisation or order, or two share both.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "event": range(14), "cases_between": [10, 30] * 7})
    >>> g_chart(frame).select(pl.col("mean", "median", "upper_process_limit").round(1)).row(0)
    (20.0, 20.0, 81.5)
    """
    check_minimum(minimum_points)
    points = _points(frame, value=value, by=by, order=order, segment=segment)
    group = ["by", "segment"]
    chart = points.with_columns(
        mean=pl.col("value").mean().over(group), median=pl.col("value").median().over(group)
    ).sort("row")
    mean, charted = pl.col("mean"), pl.col("points") >= minimum_points
    if limits == "three_sigma":
        sigma = (mean * (mean + 1)).sqrt()
        lower, upper = (mean - SIGMAS * sigma).clip(lower_bound=0), mean + SIGMAS * sigma
    else:
        lower, upper = (_geometric_quantile(share, mean) for share in (BEYOND_THREE_SIGMA, 1 - BEYOND_THREE_SIGMA))
    return frame.hstack(
        chart.select(
            mean=pl.when(charted).then("mean"),
            median=pl.when(charted).then("median"),
            lower_process_limit=pl.when(charted).then(lower),
            upper_process_limit=pl.when(charted).then(upper),
            points="points",
        )
    )


def _points(frame: pl.DataFrame, *, value: str, by: str, order: str, segment: str | None) -> pl.DataFrame:
    """Return the checked values in order of time, gaps last, so that neighbours in the table are so on the chart."""
    table = frame.select(by=by, order=order, value=pl.col(value).cast(pl.Float64))
    check(table, (pl.col("value") < 0, "0 or more between two events"))
    return (
        table.with_columns(segment=pl.lit(0) if segment is None else frame[segment])
        .with_row_index("row")
        .with_columns(points=pl.col("value").count().over("by", "segment"))
        .sort("by", "segment", pl.col("value").is_null(), "order")
    )


def _restored(transformed: pl.Expr) -> pl.Expr:
    return transformed.pow(1 / WEIBULL_POWER)


def _geometric_quantile(share: float, mean: pl.Expr) -> pl.Expr:
    """Return the least whole number of cases between events that at least `share` of intervals do not exceed.

    Of the intervals, 1 - (1 - p)^(k + 1) do not exceed k, and 1 - p is mean / (mean + 1).
    """
    log_without_event = (mean / (mean + 1)).log()
    least = (math.log(1 - share) / log_without_event - 1 - ROUNDING).ceil()
    # With a mean of 0 every interval is 0, and the logarithm minus infinity.
    return pl.when(mean > 0, least > 0).then(least).otherwise(0.0)
