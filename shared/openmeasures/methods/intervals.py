"""How sure a published proportion is: intervals for figures that rest on counts.

| function | gives |
|---|---|
| `wilson` | lower and upper limit of a proportion, by Wilson's score method |

Sources:
1. Wilson EB. Probable inference, the law of succession, and statistical inference. Journal of the American Statistical
   Association 1927; 22(158): 209-212.
2. Office for Health Improvement and Disparities (once Public Health England), Public health technical guidance:
   Proportions, https://fingertips.phe.org.uk/static-reports/public-health-technical-guidance/Basic_statistics/Proportions.html
"""

from statistics import NormalDist

import polars as pl

from openmeasures.errors import ParameterError


def wilson(numerator: pl.Expr, denominator: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return lower and upper limit of the proportion numerator ÷ denominator, both from 0 to 1.

    The limits are the proportions whose score test just does not reject the one observed [1], the method that [2]
    prefers for proportions. With numerator 0 the lower limit is exactly 0, with numerator equal to denominator the
    upper is exactly 1. Null where a count is null, the denominator is 0, or the counts make no proportion (the
    numerator negative, above its denominator, or either not a number).

    - `numerator`, `denominator`: counts in one unit.
    - `confidence`: share of such intervals that hold the true proportion, above 0 and below 1.

    Raises `ParameterError` for any other confidence, of which 95, meant as a percentage, is the likeliest.

    >>> lower, upper = wilson(pl.col("seen"), pl.col("attended"))
    >>> pl.DataFrame({"seen": [8], "attended": [10]}).select(lower=lower.round(4), upper=upper.round(4)).row(0)
    (0.4902, 0.9433)
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence!r}: expected a share between 0 and 1, such as 0.95.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    count, total = numerator.cast(pl.Float64), denominator.cast(pl.Float64)
    # Polars takes NaN for the greatest of all numbers, so the comparisons refuse it in either place.
    possible = (total > 0) & total.is_finite() & count.is_between(0, total)
    lower = pl.when(possible).then(_lower(count, total, z=z))
    # By symmetry: what the complement surely reaches, the proportion surely does not exceed.
    upper = 1 - pl.when(possible).then(_lower(total - count, total, z=z))
    return lower.alias("lower"), upper.alias("upper")


def _lower(count: pl.Expr, total: pl.Expr, *, z: float) -> pl.Expr:
    """Return the smaller root of (total + z²) p² - (2 count + z²) p + count² / total = 0, the equation of [1].

    It is had from the product of the two roots. The familiar difference in [2] loses digits for small counts, and
    gives some 1e-17 in place of 0.
    """
    greater = 2 * count + z**2 + z * (z**2 + 4 * count * (1 - count / total)).sqrt()  # × 2 (total + z²)
    return 2 * count * count / total / greater
