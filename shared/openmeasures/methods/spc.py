"""XmR charts: mean, process limits and special cause of every point of every organisation, in one call.

| name | gives |
|---|---|
| `xmr` | the chart's columns, by the rules of a rule-set; by default Making Data Count's, as NHSRplotthedots has them |
| `xmr_by_each` | the same by each of several rule-sets |
| `MINIMUM_POINTS` | fewest values with which the default rule-set gives limits |

`signals` has the rules, `rulesets` their numbers, `assurance` the comparison with a standard; all that callers of
`xmr` need of them is here too.

Sources:
1. NHS-R Community, NHSRplotthedots at 050b07d, https://github.com/nhs-r-community/NHSRplotthedots
2. NHS England, Making Data Count, https://www.england.nhs.uk/publication/making-data-count/
"""

from collections.abc import Sequence

import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods import rulesets
from openmeasures.methods.assurance import ASSURANCE_TYPE, ROUNDING, Assurance, assurance
from openmeasures.methods.rulesets import DEFAULT, RuleSet
from openmeasures.methods.signals import (
    SPECIAL_CAUSE_TYPE,
    VARIATION_TYPE,
    Improvement,
    SpecialCause,
    Variation,
    neighbour,
    signals,
)

__all__ = [
    "ASSURANCE_TYPE",
    "MINIMUM_POINTS",
    "ROUNDING",
    "SPECIAL_CAUSE_TYPE",
    "VARIATION_TYPE",
    "Assurance",
    "Improvement",
    "SpecialCause",
    "Variation",
    "assurance",
    "xmr",
    "xmr_by_each",
]

MINIMUM_POINTS = 13  # of the default rule-set; words need it where there is no chart
SCREENING_FACTOR = 3.267  # D4 for ranges of two: the upper limit of a chart of moving ranges [1]
LEAST_BASELINE = 12  # fewest points that [1] lets limits be fixed by


def xmr(
    frame: pl.DataFrame,
    *,
    improvement: Improvement,
    rule_set: str | RuleSet = DEFAULT,
    value: str = "value",
    by: str | Sequence[str] = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    baseline_points: int | None = None,
    natural_bounds: tuple[float | None, float | None] = (None, None),
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with an XmR chart's columns for each organisation.

    The new columns are `mean`, `lower_process_limit` and `upper_process_limit` in the unit of the value,
    `special_cause`, `variation`, and `points`, the number of values that the limits rest on. At the edges:

    - A gap is passed over, as in [1]: the values on either side are neighbours to moving ranges, runs and trends,
      whether the month is suppressed (null), not submitted (null) or has no row. Nothing is put in its place. Its row
      carries the series' mean and limits, and null for special cause and variation.
    - With fewer values than the rule-set asks for nothing is charted: mean, limits and variation are null, special
      cause is none.
    - A constant series has limits equal to its mean and no signals; [1] leaves its limits undefined. Where screening
      would leave ranges of 0 only, as in a series that hardly ever moves, nothing is screened; [1] then marks each
      point.
    - A value on a limit is inside it, a value on the mean breaks a shift, a tie breaks a trend, all within `ROUNDING`.
    - Where a rise meets a fall and both are trends, the turning point belongs to the later, as in [1].
    - No limit, range, run, trend or window crosses from one segment to the next; each needs its own number of values.

    What it takes:

    - `frame`: one row an organisation and period; `value`, `by` and `order` name its columns, the last sortable. Every
      combination of the columns of `by` is a series of its own.
    - `improvement`: the direction that is better, "neutral" if neither is.
    - `rule_set`: the id of a rule-set in `reference/rulesets.yml`, or one made in its likeness.
    - `segment`: column of segment numbers, which grow with time. Where a reviewed change has moved the process, limits
      start anew.
    - `baseline_points`: rest the limits on the first so many values of each segment, 12 or more, and judge all others
      by them, as [1] does when told to.
    - `natural_bounds`: least and greatest possible value, in the unit of the value. A limit beyond is drawn at the
      bound; signals do not change by it, since no value can lie beyond.

    Raises `ParameterError` for an unknown rule-set, a baseline below 12 points, a row without organisation, period or
    segment, two rows of one organisation and period, a segment that goes back in number, or a value that is not finite
    or lies beyond its natural bounds: each would give a chart that looks right and is not.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(14), "value": [1, 2] * 7})
    >>> chart = xmr(frame, improvement="increase")
    >>> chart.select(pl.col("mean", "lower_process_limit", "upper_process_limit").round(2), "variation").row(-1)
    (1.5, -1.16, 4.16, 'common_cause')
    """
    rules = rulesets.find(rule_set) if isinstance(rule_set, str) else rule_set
    [chart] = xmr_by_each(
        frame,
        improvement=improvement,
        rule_sets=[rules],
        value=value,
        by=by,
        order=order,
        segment=segment,
        baseline_points=baseline_points,
        natural_bounds=natural_bounds,
    )
    return chart


def xmr_by_each(
    frame: pl.DataFrame,
    *,
    improvement: Improvement,
    rule_sets: Sequence[RuleSet],
    value: str = "value",
    by: str | Sequence[str] = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    baseline_points: int | None = None,
    natural_bounds: tuple[float | None, float | None] = (None, None),
) -> list[pl.DataFrame]:
    """Return what `xmr` does by each of several rule-sets; the figures are put in order and looked at once.

    It takes and raises what `xmr` does.
    """
    if baseline_points is not None and baseline_points < LEAST_BASELINE:
        raise ParameterError(f"baseline_points is {baseline_points!r}: expected {LEAST_BASELINE} or more, or None.")
    names = [by] if isinstance(by, str) else list(by)
    table = frame.select(
        *(pl.col(name).alias(f"by_{place}") for place, name in enumerate(names)),
        segment=pl.col(segment) if segment else pl.lit(0, pl.UInt8),
        order=order,
        value=pl.col(value).cast(pl.Float64),
    )
    series = _series(table, natural_bounds).lazy()
    # One query for all: what rule-sets share is worked out once, and no step between is made a table.
    charts = pl.collect_all(
        [
            _columns(series, rules, improvement, baseline_points=baseline_points, bounds=natural_bounds)
            for rules in rule_sets
        ],
        engine="in-memory",  # the other starts a machine for large data at each query
    )
    return [frame.hstack(chart) for chart in charts]


def _columns(
    series: pl.LazyFrame,
    rules: RuleSet,
    improvement: Improvement,
    *,
    baseline_points: int | None,
    bounds: tuple[float | None, float | None],
) -> pl.LazyFrame:
    """Return the columns that a chart adds, in the order of the rows of the frame."""
    chart = _limits(series, rules=rules, baseline_points=baseline_points)
    chart = signals(chart, rule_set=rules, improvement=improvement).sort("row")
    present, charted = pl.col("value").is_not_null(), pl.col("values") >= rules.minimum_points
    lowest, highest = bounds
    return chart.select(
        pl.when(charted).then("mean"),
        lower_process_limit=pl.when(charted).then(pl.col("mean") - pl.col("reach")).clip(lower_bound=lowest),
        upper_process_limit=pl.when(charted).then(pl.col("mean") + pl.col("reach")).clip(upper_bound=highest),
        special_cause=pl.when(present & charted)
        .then("special_cause")
        .when(present)
        .then(pl.lit(SpecialCause.NONE, SPECIAL_CAUSE_TYPE)),
        variation=pl.when(present & charted).then("variation"),
        points="points",
    )


def _series(table: pl.DataFrame, natural_bounds: tuple[float | None, float | None]) -> pl.DataFrame:
    """Return rows in order of series and time, gaps last; raise `ParameterError` for one that no chart can show."""
    by = [name for name in table.columns if name.startswith("by_")]
    points = table.with_row_index("row").sort(*by, "order")
    value, period = pl.col("value"), [*by, "order"]
    same_period = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in period)
    goes_back = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in by) & (
        pl.col("segment") < pl.col("segment").shift(1)
    )
    tolerance = ROUNDING * value.abs().max()
    lowest, highest = (pl.lit(bound, pl.Float64) for bound in natural_bounds)
    beyond = (value < lowest - tolerance) | (value > highest + tolerance)
    faults = (
        (pl.any_horizontal(pl.col(*period).is_null()), "an organisation and a period in every row"),
        (same_period | same_period.shift(-1), "one row an organisation and period; chart one metric at a time"),
        (pl.col("segment").is_null(), "a segment in every row, or no segments"),
        (goes_back, "segments whose numbers grow with time"),
        (~value.is_finite(), "a finite value, or null where there is none"),
        (beyond, f"a value within the natural bounds {natural_bounds!r}; correct the value or widen the bounds"),
    )
    found = points.select(fault.any().alias(expected) for fault, expected in faults).row(0)
    for (fault, expected), is_found in zip(faults, found, strict=True):
        if is_found:
            row = points.filter(fault).sort("row").row(0, named=True)
            place = " ".join(repr(row[name]) for name in by)
            raise ParameterError(
                f"organisation {place}, period {row['order']!s}: found {row['value']!r}, expected {expected}."
            )
    starts = pl.any_horizontal(pl.col(name) != pl.col(name).shift(1) for name in (*by, "segment"))
    # Gaps go last, so that a point's neighbour in the table is its neighbour on the chart.
    return points.select("row", "value", key=starts.fill_null(False).cum_sum()).sort(
        "key", value.is_null(), maintain_order=True
    )


def _limits(points: pl.LazyFrame, *, rules: RuleSet, baseline_points: int | None) -> pl.LazyFrame:
    """Add mean, the reach of the limits from it, and the distance of each point from the mean and from the last."""
    value, tolerance, ranges = pl.col("value"), pl.col("tolerance"), pl.col("range")
    place = pl.int_range(pl.len()).over("key")
    in_baseline = pl.lit(True) if baseline_points is None else place < baseline_points
    chart = points.with_columns(resting=pl.when(in_baseline).then("value"))
    levels = chart.group_by("key").agg(
        values=value.count(),
        points=pl.col("resting").count(),
        mean=pl.col("resting").mean(),
        tolerance=ROUNDING * value.abs().max(),
    )
    chart = (
        chart.join(levels, on="key", how="left", maintain_order="left")
        .with_columns(distance=value - pl.col("mean"), step=value - neighbour(value, 1))
        .with_columns(
            pl.when(pl.col(name).abs() <= tolerance).then(0.0).otherwise(name).alias(name)
            for name in ("distance", "step")
        )
        .with_columns(range=pl.when(pl.col("resting").is_not_null()).then(pl.col("step").abs()))
    )
    kept = ranges.filter(ranges < SCREENING_FACTOR * ranges.mean() - tolerance.first())
    # What screening leaves may be ranges of 0 only: of a series that hardly ever moves. Limits without any reach would
    # mark every point of it, so that then all ranges count.
    screened = pl.when(kept.mean() > 0).then(kept.mean()).otherwise(ranges.mean())
    reach = (screened if rules.screen_moving_ranges else ranges.mean()).fill_null(0)
    spread = chart.group_by("key").agg(reach=rules.limit_factor * reach)
    return chart.join(spread, on="key", how="left", maintain_order="left")
