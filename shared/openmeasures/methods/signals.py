"""The four rules that tell special from common cause, and what a mark means.

| name | gives |
|---|---|
| `signals` | special cause and variation of every point, by the rules of a rule-set |
| `SpecialCause`, `Variation` | the labels, in the order of their `pl.Enum` columns |
| `KINDS` | the kind of a variation: improvement, concern, neutral or common cause |

Source: NHS-R Community, NHSRplotthedots at 050b07d, https://github.com/nhs-r-community/NHSRplotthedots, for the rules
and their order; `reference/rulesets.yml` for how others differ.
"""

from enum import StrEnum
from typing import Literal

import polars as pl

from openmeasures.methods.rulesets import RuleSet

Improvement = Literal["increase", "decrease", "neutral"]


class SpecialCause(StrEnum):
    """The rule that marks a point; of several, the one that takes precedence."""

    NONE = "none"
    ASTRONOMICAL_POINT = "astronomical_point"  # beyond a process limit
    SHIFT = "shift"  # one of so many in a row on one side of the mean
    TREND = "trend"  # one of so many in a row, each higher than the last or each lower
    TWO_IN_THREE = "two_in_three"  # one of two or three beyond one near limit, in three


class Variation(StrEnum):
    """What a point's special cause means; a chart's icon is that of its latest point."""

    COMMON_CAUSE = "common_cause"
    IMPROVEMENT_HIGH = "improvement_high"
    IMPROVEMENT_LOW = "improvement_low"
    CONCERN_HIGH = "concern_high"
    CONCERN_LOW = "concern_low"
    NEUTRAL_HIGH = "neutral_high"
    NEUTRAL_LOW = "neutral_low"


SPECIAL_CAUSE_TYPE, VARIATION_TYPE = pl.Enum(SpecialCause), pl.Enum(Variation)
# Two conclusions are alike if they are of one kind.
KINDS = {
    variation: "common_cause" if variation == Variation.COMMON_CAUSE else variation.partition("_")[0]
    for variation in Variation
}

NEAR_LIMIT_SHARE = 2 / 3  # two of the three sigma, in every rule-set
CLOSE_POINTS = 2  # two in three

# What a direction means: 1 is high or rising, -1 low or falling, 0 neither.
VARIATIONS: dict[Improvement, dict[int, Variation]] = {
    "increase": {1: Variation.IMPROVEMENT_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.CONCERN_LOW},
    "decrease": {1: Variation.CONCERN_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.IMPROVEMENT_LOW},
    "neutral": {1: Variation.NEUTRAL_HIGH, 0: Variation.COMMON_CAUSE, -1: Variation.NEUTRAL_LOW},
}
BETTER: dict[Improvement, int] = {"increase": 1, "decrease": -1, "neutral": 0}


def neighbour(expression: pl.Expr, places: int) -> pl.Expr:
    """Return the expression so many places earlier in the same series; null where the series does not reach.

    Faster by far than a window function: rows of a series lie together, in order, and share a `key`.
    """
    return pl.when(pl.col("key") == pl.col("key").shift(places)).then(expression.shift(places))


def signals(chart: pl.LazyFrame, *, rule_set: RuleSet, improvement: Improvement) -> pl.LazyFrame:
    """Add `special_cause` and `variation` to each point; rows without a value have none and common cause.

    Takes rows in order of series and time, those without a value last in their series: `key` (a whole number for each
    series), `distance` (from the mean) and `step` (from the point before), both null without a value and 0 where the
    two are equal, `reach` (from mean to limit) and `tolerance` (within which figures are equal), in one unit.

    Of several rules, the first names the point: astronomical point, trend, two in three, shift. Where the rule-set
    says `conflict: improvement`, the first that means improvement does, if any.
    """
    distance, reach, tolerance = pl.col("distance").abs(), pl.col("reach"), pl.col("tolerance")
    side, trend = pl.col("side"), pl.col("trend")
    long_run = _run_length("side") >= rule_set.shift_points
    no_signal = pl.lit(0, pl.Int8)
    # In order of precedence; each is the direction where the rule applies, and null elsewhere.
    found = {
        SpecialCause.ASTRONOMICAL_POINT: pl.when("outside").then(side),
        # The point before a trend's first step belongs to it. Where two trends meet, the later has the point.
        SpecialCause.TREND: pl.coalesce(neighbour(trend, -1), trend),
        SpecialCause.TWO_IN_THREE: pl.when(_in_window()).then("near"),
        SpecialCause.SHIFT: pl.when(long_run if rule_set.shift_on_mean else long_run & (side != 0)).then(side),
    }
    near = distance > NEAR_LIMIT_SHARE * reach + tolerance
    if not rule_set.two_in_three.beyond_limits_count:
        near &= distance <= reach + tolerance
    labelled = (
        chart.with_columns(
            side=pl.col("distance").sign().cast(pl.Int8),
            slope=pl.col("step").sign().fill_null(0).cast(pl.Int8),
            outside=distance > reach + tolerance,
        )
        .with_columns(near=pl.when(near).then(side).fill_null(0))
        .with_columns(
            # Seven points make six steps, the first of which starts at the point before it.
            trend=pl.when((_run_length("slope") >= rule_set.trend_points - 1) & (pl.col("slope") != 0)).then("slope"),
            window=_window(rule_set),
        )
        .with_columns(direction.alias(rule) for rule, direction in found.items())
    )
    order = [(rule, pl.col(rule).is_not_null()) for rule in found]
    if rule_set.conflict == "improvement" and improvement != "neutral":
        order = [(rule, pl.col(rule) == BETTER[improvement]) for rule in found] + order
    return labelled.with_columns(
        special_cause=pl.coalesce(
            *(pl.when(applies).then(pl.lit(rule, SPECIAL_CAUSE_TYPE)) for rule, applies in order),
            pl.lit(SpecialCause.NONE, SPECIAL_CAUSE_TYPE),
        ),
        variation=pl.coalesce(*(pl.when(applies).then(rule) for rule, applies in order), no_signal).replace_strict(
            VARIATIONS[improvement], return_dtype=VARIATION_TYPE
        ),
    )


def _run_length(name: str) -> pl.Expr:
    """Return how many neighbouring rows of one series share a column's value, -1, 0 or 1; null is shared with none."""
    series_and_value = pl.col("key").cast(pl.Int64) * 3 + pl.col(name)
    return pl.len().over(series_and_value.rle_id())


def _window(rule_set: RuleSet) -> pl.Expr:
    """Return whether the point and the two before it are two in three.

    `near` is 1 beyond the upper near limit, -1 beyond the lower and 0 elsewhere, so that a sum of 2 or more leaves no
    room for one beyond the other.
    """
    near, side = pl.col("near"), pl.col("side")
    before, earlier = neighbour(near, 1).fill_null(0), neighbour(near, 2).fill_null(0)
    enough = (near + before + earlier).abs() >= CLOSE_POINTS
    if rule_set.two_in_three.third_point == "not_near_the_other_limit":
        return enough
    one_side = (side == neighbour(side, 1)) & (side == neighbour(side, 2)) & (side != 0)
    return (enough & one_side).fill_null(False)


def _in_window() -> pl.Expr:
    """Return whether a point beyond a near limit is in any window that is two in three."""
    window = pl.col("window")
    return (pl.col("near") != 0) & (
        window | neighbour(window, -1).fill_null(False) | neighbour(window, -2).fill_null(False)
    )
