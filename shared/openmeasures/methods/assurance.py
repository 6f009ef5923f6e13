"""Whether a process, left as it is, passes its standard always, sometimes or never.

| name | gives |
|---|---|
| `assurance` | where a standard lies against the process limits |
| `Assurance` | the labels, in the order of their `pl.Enum` column |

Sources:
1. NHS-R Community, NHSRplotthedots at 050b07d, https://github.com/nhs-r-community/NHSRplotthedots
2. PowerBI-SPC, issue 116, https://github.com/AUS-DOH-Safety-and-Quality/PowerBI-SPC/issues/116
"""

from enum import StrEnum

import polars as pl

from openmeasures.methods.signals import Improvement

# Numbers are equal that differ by no more than this share of the largest among them. A mean of n floats errs by up to
# about n × 1e-16 of it; a figure of seven digits that differs from its mean does so by about 1e-7 / n or more.
ROUNDING = 1e-12


class Assurance(StrEnum):
    """Where a standard lies against the process limits."""

    CONSISTENTLY_PASSING = "consistently_passing"
    HIT_OR_MISS = "hit_or_miss"
    CONSISTENTLY_FAILING = "consistently_failing"


ASSURANCE_TYPE = pl.Enum(Assurance)
# What a standard above both limits means, and one below both [1].
ASSURANCES: dict[Improvement, tuple[Assurance | None, Assurance | None]] = {
    "increase": (Assurance.CONSISTENTLY_FAILING, Assurance.CONSISTENTLY_PASSING),
    "decrease": (Assurance.CONSISTENTLY_PASSING, Assurance.CONSISTENTLY_FAILING),
    "neutral": (None, None),
}


def assurance(*, standard: pl.Expr, lower: pl.Expr, upper: pl.Expr, improvement: Improvement) -> pl.Expr:
    """Return the `Assurance` that process limits give of meeting a standard, all three in one unit.

    Null without a standard (null or NaN), without limits, and for a neutral measure.

    The comparison is strict, as in [1]: a standard on a limit, within `ROUNDING`, is hit or miss. So is a constant
    series equal to its standard. The specification of the icons in [2] is inclusive, though both tools code it
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
