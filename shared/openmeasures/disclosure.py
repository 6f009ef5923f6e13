"""What published figures can stand for, where a publication rounds and suppresses them (`disclosure` in `measure.yml`).

| function | gives |
|---|---|
| `intervals` | the 95 % interval of each organisation's proportion; bounds alone where it is suppressed |
| `together` | between which values the organisations together lie, whichever the true counts are |
| `allowance` | by how much rounding and suppression can make a sum of organisations differ from the total |

A suppressed figure is never a zero: it has no value, and the bounds of what it can be. The arithmetic is that of
`methods.disclosure_control`.
"""

import polars as pl

from openmeasures.definitions import Disclosure, Measure
from openmeasures.errors import DefinitionError
from openmeasures.methods.disclosure_control import (
    Range,
    possible,
    wilson_of_percentage,
    wilson_of_possible,
)
from openmeasures.organisations import ENGLAND
from openmeasures.schemas import Status

_KEYS = ["org_code", "period_start"]
_SUPPRESSED = Status.SUPPRESSED.value


def intervals(points: pl.DataFrame, observations: pl.DataFrame, *, measure: Measure) -> pl.DataFrame:
    """Return the points with `value_lower` and `value_upper`, in the measure's unit.

    They are the outermost limits of Wilson's 95 % interval that the published percentage and denominator leave
    possible. Where the percentage is suppressed there is no value, and they bound what it can be; both are null where
    nothing was submitted or nothing applies. England is not rounded to a multiple.

    - `points`: `org_code`, `period_start`.
    - `observations`: as published, those of England included.

    Raises `DefinitionError` for a measure without `disclosure`, or whose parts are not one percentage of one metric.
    """
    rule, percentage, size = _published_parts(measure)
    found = _wide(observations, percentage=percentage, size=size)
    is_england = pl.col("org_code") == ENGLAND
    of_england = rule.model_copy(update={"rounded_to": 1, "suppressed_below": 0, "zero_suppressed": False})
    places = {False: rule.percentage_decimals, True: rule.england_percentage_decimals}
    limits = {is_own: _limits(each, decimals=places[is_own]) for is_own, each in ((False, rule), (True, of_england))}
    both = found.select(
        *_KEYS,
        *(
            (measure.scale * pl.when(is_england).then(limits[True][side]).otherwise(limits[False][side])).alias(name)
            for side, name in enumerate(("value_lower", "value_upper"))
        ),
    )
    return points.drop("value_lower", "value_upper", strict=False).join(
        both, on=_KEYS, how="left", maintain_order="left"
    )


def _published_parts(measure: Measure) -> tuple[Disclosure, str, str]:
    rule, percentage, sizes = measure.disclosure, measure.numerator.percentage, measure.denominator.metrics
    if rule is None or percentage is None or len(sizes) != 1:
        raise DefinitionError(
            f"{measure.id}: found disclosure {rule is not None}, percentage {percentage!r}, denominator {sizes!r}; "
            "expected 'disclosure' and a numerator with 'percentage' of one metric. See analyses/README.md."
        )
    return rule, percentage, sizes[0]


def _wide(observations: pl.DataFrame, *, percentage: str, size: str) -> pl.DataFrame:
    """Return percentage and denominator side by side, each with its status."""

    def one(metric: str, name: str) -> pl.DataFrame:
        own = observations.filter(pl.col("metric") == metric)
        return own.select(*_KEYS, pl.col("value").alias(name), pl.col("status").alias(f"{name}_status"))

    return one(size, "size").join(one(percentage, "percentage"), on=_KEYS, how="full", coalesce=True)


def _sizes(rule: Disclosure) -> Range:
    return possible(
        pl.col("size"),
        suppressed=pl.col("size_status") == _SUPPRESSED,
        base=rule.rounded_to,
        suppressed_below=rule.suppressed_below,
        zero_suppressed=rule.zero_suppressed,
    )


def _suppressed_numerator(rule: Disclosure) -> Range:
    return pl.lit(0 if rule.zero_suppressed else 1), pl.lit(max(rule.suppressed_below - 1, 0))


def _limits(rule: Disclosure, *, decimals: int) -> tuple[pl.Expr, pl.Expr]:
    known = wilson_of_percentage(pl.col("percentage"), _sizes(rule), decimals=decimals)
    hidden = wilson_of_possible(_suppressed_numerator(rule), _sizes(rule))
    is_hidden = pl.col("percentage_status") == _SUPPRESSED
    return (
        pl.when(is_hidden).then(hidden[0]).otherwise(known[0]),
        pl.when(is_hidden).then(hidden[1]).otherwise(known[1]),
    )


def together(observations: pl.DataFrame, *, measure: Measure) -> pl.DataFrame:
    """Return `period_start, least, greatest`: bounds of the proportion of all organisations, in the measure's unit.

    Each organisation's cases with the feature, and those without it, can be as few or as many as its percentage and its
    denominator allow; the bounds take them all at their least on one side and at their greatest on the other. What is
    suppressed is from nobody to as many as the mark can hide. An organisation that submitted nothing adds nothing.

    Raises `DefinitionError` as `intervals` does.
    """
    rule, percentage, size = _published_parts(measure)
    found = _wide(observations.filter(pl.col("org_code") != ENGLAND), percentage=percentage, size=size)
    half = 0.5 * 10.0**-rule.percentage_decimals
    (least, greatest), (fewest, most) = _sizes(rule), _suppressed_numerator(rule)
    low, high = ((pl.col("percentage") + sign * half).clip(0, 100) / 100 for sign in (-1, 1))
    is_hidden = pl.col("percentage_status") == _SUPPRESSED
    parts = found.with_columns(least=least, greatest=greatest).select(
        "period_start",
        with_least=pl.when(is_hidden).then(fewest).otherwise(low * pl.col("least")),
        with_greatest=pl.when(is_hidden).then(most).otherwise(high * pl.col("greatest")),
        without_least=pl.when(is_hidden).then((pl.col("least") - most).clip(0)).otherwise((1 - high) * pl.col("least")),
        without_greatest=pl.when(is_hidden).then(pl.col("greatest") - fewest).otherwise((1 - low) * pl.col("greatest")),
    )
    summed = parts.group_by("period_start").agg(pl.all().sum()).sort("period_start")
    return summed.select(
        "period_start",
        least=measure.scale * pl.col("with_least") / (pl.col("with_least") + pl.col("without_greatest")),
        greatest=measure.scale * pl.col("with_greatest") / (pl.col("with_greatest") + pl.col("without_least")),
    )


def allowance(rule: Disclosure | None) -> pl.Expr:
    """Return by how much the sum of some organisations' counts can differ from their total, as an aggregation.

    Half of what is rounded to for each one that is reported, and all that the mark can hide for each suppressed; 0
    where the publication rounds nothing. Where an organisation's figure is added up from `parts`, each of them may be
    either. The rows are those of one metric in one period, England's left out.
    """
    if rule is None:
        return pl.lit(0.0)
    status, is_own = pl.col("status"), pl.col("org_code") != ENGLAND
    rounding, hiding = rule.rounded_to / 2, max(rule.suppressed_below - 1, 0)
    of_reported = rounding if rule.parts == 1 else rule.parts * max(rounding, hiding)
    reported = (is_own & (status == Status.REPORTED)).sum() * of_reported
    return reported + (is_own & (status == Status.SUPPRESSED)).sum() * (rule.parts * hiding)
