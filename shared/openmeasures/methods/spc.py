"""XmR charts with the rules of Making Data Count, as NHSRplotthedots computes them.

| name | gives |
|---|---|
| `xmr` | mean, process limits, special cause and variation of every point of every organisation |
| `assurance` | whether a process, left as it is, passes its standard always, sometimes or never |
| `SpecialCause`, `Variation`, `Assurance` | the labels, in the order of their `pl.Enum` columns |

Sources:
1. NHS-R Community, NHSRplotthedots at 050b07d, https://github.com/nhs-r-community/NHSRplotthedots
2. NHS England, Making Data Count, https://www.england.nhs.uk/publication/making-data-count/
3. PowerBI-SPC, issue 116, https://github.com/AUS-DOH-Safety-and-Quality/PowerBI-SPC/issues/116
"""

from enum import StrEnum
from typing import Literal

import polars as pl

from openmeasures.errors import ParameterError

Improvement = Literal["increase", "decrease", "neutral"]


class SpecialCause(StrEnum):
    """The rule that marks a point; of several, the one that takes precedence."""

    NONE = "none"
    ASTRONOMICAL_POINT = "astronomical_point"  # beyond a process limit
    SHIFT = "shift"  # one of seven in a row on one side of the mean
    TREND = "trend"  # one of seven in a row, each higher than the last or each lower
    TWO_IN_THREE = "two_in_three"  # one of two or three near a process limit, in three on that side of the mean


class Variation(StrEnum):
    """What a point's special cause means; a chart's icon is that of its latest point."""

    COMMON_CAUSE = "common_cause"
    IMPROVEMENT_HIGH = "improvement_high"
    IMPROVEMENT_LOW = "improvement_low"
    CONCERN_HIGH = "concern_high"
    CONCERN_LOW = "concern_low"
    NEUTRAL_HIGH = "neutral_high"
    NEUTRAL_LOW = "neutral_low"


class Assurance(StrEnum):
    """Where a standard lies against the process limits."""

    CONSISTENTLY_PASSING = "consistently_passing"
    HIT_OR_MISS = "hit_or_miss"
    CONSISTENTLY_FAILING = "consistently_failing"


SPECIAL_CAUSE_TYPE, VARIATION_TYPE, ASSURANCE_TYPE = pl.Enum(SpecialCause), pl.Enum(Variation), pl.Enum(Assurance)

PROCESS_LIMIT_FACTOR = 2.66  # three sigma in mean moving ranges: 3 / 1.128 (d2 for ranges of two), rounded as in [1]
NEAR_LIMIT_SHARE = 2 / 3  # two of the three sigma [1]
SCREENING_FACTOR = 3.267  # D4 for ranges of two: the upper limit of a chart of moving ranges [1]
SHIFT_POINTS = 7  # [1]
TREND_POINTS = 7  # [1]
CLOSE_POINTS, CLOSE_WINDOW = 2, 3  # two in three [1]
MINIMUM_POINTS = 13  # the single-chart Excel tool of [2] shows limits and icons from 13 points
# Numbers are equal that differ by no more than this share of the largest among them. A mean of n floats errs by up to
# about n × 1e-16 of it; a figure of seven digits that differs from its mean does so by about 1e-7 / n or more.
ROUNDING = 1e-12

# What a direction means: 1 is high or rising, -1 low or falling, 0 no signal.
VARIATIONS: dict[Improvement, dict[int, Variation]] = {
    "increase": {1: Variation.IMPROVEMENT_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.CONCERN_LOW},
    "decrease": {1: Variation.CONCERN_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.IMPROVEMENT_LOW},
    "neutral": {1: Variation.NEUTRAL_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.NEUTRAL_LOW},
}
# What a standard above both limits means, and one below both [1].
ASSURANCES: dict[Improvement, tuple[Assurance | None, Assurance | None]] = {
    "increase": (Assurance.CONSISTENTLY_FAILING, Assurance.CONSISTENTLY_PASSING),
    "decrease": (Assurance.CONSISTENTLY_PASSING, Assurance.CONSISTENTLY_FAILING),
    "neutral": (None, None),
}


def xmr(
    frame: pl.DataFrame,
    *,
    improvement: Improvement,
    value: str = "value",
    by: str = "org_code",
    order: str = "period_start",
    screen_moving_ranges: bool = True,
    natural_bounds: tuple[float | None, float | None] = (None, None),
    minimum_points: int = MINIMUM_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with an XmR chart's columns for each organisation.

    The new columns are `mean`, `lower_process_limit` and `upper_process_limit` in the unit of the value,
    `special_cause`, `variation`, and `points`, the number of values that the limits rest on. At the edges:

    - Null values are left out: moving ranges, runs and trends pass over a gap as if its row were absent, as in [1].
      Such a row carries its organisation's mean and limits, and null for special cause and variation.
    - Below `minimum_points` nothing is charted: mean, limits and variation are null, special cause is none.
    - A constant series has limits equal to its mean and no signals; [1] leaves its limits undefined.
    - A value on a limit is inside it, a value on the mean breaks a shift, a tie breaks a trend, all within `ROUNDING`.
    - Where a rise meets a fall and both are trends, the turning point belongs to the later, as in [1].

    What it takes:

    - `frame`: one row an organisation and period; `value`, `by` and `order` name its columns, the last sortable.
    - `improvement`: the direction that is better, "neutral" if neither is.
    - `screen_moving_ranges`: leave out, once, ranges of `SCREENING_FACTOR` times their mean or more, as [1] does by
      default; the Excel tools of [2] do not.
    - `natural_bounds`: least and greatest possible value, in the unit of the value. A limit beyond is drawn at the
      bound; signals do not change by it, since no value can lie beyond.
    - `minimum_points`: fewest values that limits may rest on, 2 or more.

    Raises `ParameterError` if `minimum_points` is below 2, a row lacks organisation or period, two rows share both, or
    a value is not finite or lies beyond its natural bounds: each would give a chart that looks right and is not.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(14), "value": [1, 2] * 7})
    >>> chart = xmr(frame, improvement="increase")
    >>> chart.select(pl.col("mean", "lower_process_limit", "upper_process_limit").round(2), "variation").row(-1)
    (1.5, -1.16, 4.16, 'common_cause')
    """
    if minimum_points < 2:  # noqa: PLR2004 - a moving range joins two points
        raise ParameterError(f"minimum_points is {minimum_points!r}: expected 2 or more, as a range joins two points.")
    table = frame.select(by=by, order=order, value=pl.col(value).cast(pl.Float64))
    _check(table, natural_bounds=natural_bounds)
    # Gaps go last, so that a point's neighbour in the table is its neighbour on the chart.
    points = table.with_row_index("row").sort("by", pl.col("value").is_null(), "order")
    chart = _signals(_limits(points, screen_moving_ranges=screen_moving_ranges)).sort("row")
    present, charted = pl.col("value").is_not_null(), pl.col("points") >= minimum_points
    lowest, highest = natural_bounds
    columns = chart.select(
        pl.when(charted).then("mean"),
        lower_process_limit=pl.when(charted).then(pl.col("mean") - pl.col("reach")).clip(lower_bound=lowest),
        upper_process_limit=pl.when(charted).then(pl.col("mean") + pl.col("reach")).clip(upper_bound=highest),
        special_cause=pl.when(present & charted).then("special_cause").when(present).then(_label(SpecialCause.NONE)),
        variation=pl.when(present & charted)
        .then("direction")
        .replace_strict(VARIATIONS[improvement], return_dtype=VARIATION_TYPE),
        points="points",
    )
    return frame.hstack(columns)


def assurance(*, standard: pl.Expr, lower: pl.Expr, upper: pl.Expr, improvement: Improvement) -> pl.Expr:
    """Return the `Assurance` that process limits give of meeting a standard, all three in one unit.

    Null without a standard (null or NaN), without limits, and for a neutral measure.

    The comparison is strict, as in [1]: a standard on a limit, within `ROUNDING`, is hit or miss. So is a constant
    series equal to its standard. The specification of the icons in [3] is inclusive, though both tools code it
    strictly. Drawing a limit at its natural bound changes nothing: no standard lies beyond the bound.

    >>> limits = pl.DataFrame({"lower": [70.0], "upper": [80.0]})
    >>> verdict = assurance(standard=pl.lit(95), lower=pl.col("lower"), upper=pl.col("upper"), improvement="increase")
    >>> limits.select(verdict).item()
    'consistently_failing'
    """
    above, below = ASSURANCES[improvement]
    # Polars would take NaN for the greatest of all numbers, and so for a standard that nothing reaches.
    standard = standard.cast(pl.Float64).fill_nan(None)
    tolerance = ROUNDING * pl.max_horizontal(standard.abs(), lower.abs(), upper.abs())
    verdict = (
        pl.when(standard > upper + tolerance)
        .then(pl.lit(above, ASSURANCE_TYPE))
        .when(standard < lower - tolerance)
        .then(pl.lit(below, ASSURANCE_TYPE))
        .otherwise(pl.lit(Assurance.HIT_OR_MISS, ASSURANCE_TYPE))
    )
    known = standard.is_not_null() & lower.is_not_null() & upper.is_not_null() & pl.lit(improvement != "neutral")
    return pl.when(known).then(verdict).alias("assurance")


def _check(table: pl.DataFrame, *, natural_bounds: tuple[float | None, float | None]) -> None:
    """Raise `ParameterError` for the first row that no chart can show."""
    value = pl.col("value")
    tolerance = ROUNDING * value.abs().max()
    lowest, highest = (pl.lit(bound, pl.Float64) for bound in natural_bounds)
    beyond = (value < lowest - tolerance) | (value > highest + tolerance)
    for fault, expected in (
        (pl.any_horizontal(pl.col("by", "order").is_null()), "an organisation and a period in every row"),
        (pl.struct("by", "order").is_duplicated(), "one row an organisation and period; chart one metric at a time"),
        (~value.is_finite(), "a finite value, or null where there is none"),
        (beyond, f"a value within the natural bounds {natural_bounds!r}; correct the value or widen the bounds"),
    ):
        faulty = table.filter(fault)
        if not faulty.is_empty():
            by, order, found = faulty.row(0)
            raise ParameterError(f"organisation {by!r}, period {order!s}: found {found!r}, expected {expected}.")


def _limits(points: pl.DataFrame, *, screen_moving_ranges: bool) -> pl.DataFrame:
    """Add the mean, the reach of the limits from it, and the distance of each point from the mean and from the last."""
    value, tolerance = pl.col("value"), pl.col("tolerance")
    chart = points.with_columns(
        points=value.count().over("by"),
        mean=value.mean().over("by"),
        tolerance=ROUNDING * value.abs().max().over("by"),
        distance=value - value.mean().over("by"),
        step=value.diff().over("by"),
    ).with_columns(pl.when(pl.col(c).abs() <= tolerance).then(0.0).otherwise(c).alias(c) for c in ("distance", "step"))
    ranges = pl.col("step").abs()
    if screen_moving_ranges:
        chart = chart.with_columns(screen=SCREENING_FACTOR * ranges.mean().over("by") - tolerance)
        ranges = ranges.filter(ranges < pl.col("screen"))
    # Screening leaves no range only where every range is 0.
    return chart.with_columns(reach=PROCESS_LIMIT_FACTOR * ranges.mean().fill_null(0).over("by"))


def _signals(chart: pl.DataFrame) -> pl.DataFrame:
    """Add each point's special cause and its direction: 1 high or rising, -1 low or falling, 0 for none."""
    distance, reach, tolerance = pl.col("distance").abs(), pl.col("reach"), pl.col("tolerance")
    side, slope, trend = pl.col("side"), pl.col("slope"), pl.col("trend")
    close_points = pl.col("close").cast(pl.Int32).rolling_sum(CLOSE_WINDOW)
    one_sided = side.rolling_sum(CLOSE_WINDOW).abs() == CLOSE_WINDOW
    in_window = pl.any_horizontal(pl.col("window").shift(-later).over("by") for later in range(CLOSE_WINDOW))
    # In order of precedence [1]; each is the direction where the rule applies, and 0 or null elsewhere.
    signals = {
        SpecialCause.ASTRONOMICAL_POINT: side * pl.col("outside"),
        SpecialCause.TREND: pl.coalesce(trend.shift(-1).over("by").replace(0, None), trend),
        SpecialCause.TWO_IN_THREE: side * (pl.col("close") & in_window),
        SpecialCause.SHIFT: side * (_run_length("side") >= SHIFT_POINTS),
    }
    return (
        chart.with_columns(
            side=pl.col("distance").sign().fill_null(0).cast(pl.Int32),
            slope=pl.col("step").sign().fill_null(0).cast(pl.Int32),
            outside=distance > reach + tolerance,
            close=(distance > NEAR_LIMIT_SHARE * reach + tolerance) & (distance <= reach + tolerance),
        )
        .with_columns(
            # Seven points make six steps, the first of which starts at the point before it.
            trend=pl.when(_run_length("slope") >= TREND_POINTS - 1).then(slope).otherwise(0),
            window=(one_sided & (close_points >= CLOSE_POINTS)).over("by"),
        )
        .with_columns(
            special_cause=pl.coalesce(
                *(pl.when(signal != 0).then(_label(rule)) for rule, signal in signals.items()),
                _label(SpecialCause.NONE),
            ),
            direction=pl.coalesce(*(pl.when(signal != 0).then(signal) for signal in signals.values()), 0),
        )
    )


def _run_length(name: str) -> pl.Expr:
    """Return how many neighbouring rows of one organisation share a column's value."""
    return pl.len().over(pl.struct("by", name).rle_id())


def _label(rule: SpecialCause) -> pl.Expr:
    return pl.lit(rule, SPECIAL_CAUSE_TYPE)
