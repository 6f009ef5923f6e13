"""How sure a published figure is: intervals for proportions, counts and standardised rates.

| function | gives the lower and upper limit of |
|---|---|
| `wilson` | a proportion, by Wilson's score method |
| `exact_binomial` | a proportion, by Clopper and Pearson's exact method, which is wider |
| `byar` | a count of events, by Byar's approximation |
| `exact_poisson` | a count of events, by the exact method |
| `poisson` | a count of events, by whichever of the two OHID prescribes for it |
| `dobson` | a directly standardised rate, by Dobson's method |

Each returns two Polars expressions, null where they cannot be computed. For a rate of events, divide the limits of
their count by the exposure, which is taken to be known without error.

Sources:
1. Wilson EB. Probable inference, the law of succession, and statistical inference. Journal of the American Statistical
   Association 1927; 22(158): 209-212.
2. Office for Health Improvement and Disparities (once Public Health England), Public health technical guidance:
   Proportions, https://fingertips.phe.org.uk/static-reports/public-health-technical-guidance/Basic_statistics/Proportions.html
3. The same: Rates, https://fingertips.phe.org.uk/static-reports/public-health-technical-guidance/Basic_statistics/Rates.html
4. Breslow NE, Day NE. Statistical methods in cancer research, volume II. Lyon: IARC, 1987: 68-72.
5. Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936; 28: 437-442.
6. Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the binomial. Biometrika
   1934; 26(4): 404-413.
7. Dobson AJ, Kuulasmaa K, Eberle E, Scherer J. Confidence intervals for weighted sums of Poisson parameters.
   Statistics in Medicine 1991; 10(3): 457-462. https://doi.org/10.1002/sim.4780100317
8. Public Health England, Tool for common public health statistics and their confidence intervals, February 2018: exact
   limits for rates and indirectly standardised ratios below 10 events, Byar's from 10; for directly standardised rates
   Byar's, and none below 10.
"""

from collections.abc import Callable
from statistics import NormalDist

import polars as pl
from scipy import special

from openmeasures.errors import ParameterError

FEWEST_FOR_BYAR = 10  # events: below, the limits of a count are exact [3, 8]

Quantile = Callable[[pl.Series, pl.Series, float], pl.Series]


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
    z = z_score(confidence)
    count, total, possible = _proportion(numerator, denominator)
    # By symmetry: what the complement surely reaches, the proportion surely does not exceed.
    return _limits(possible, _lower(count, total, z=z), 1 - _lower(total - count, total, z=z))


def exact_binomial(numerator: pl.Expr, denominator: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return lower and upper limit of the proportion numerator ÷ denominator, both from 0 to 1, by [6].

    Under the lower limit as many cases or more, and under the upper limit as many or fewer, have a probability of
    (1 - confidence) ÷ 2. Such intervals hold the true proportion at least as often as promised, mostly more often, for
    which they are wider than `wilson`. Edges, nulls, arguments and errors are those of `wilson`.

    >>> lower, upper = exact_binomial(pl.col("seen"), pl.col("attended"))
    >>> pl.DataFrame({"seen": [8], "attended": [10]}).select(lower=lower.round(4), upper=upper.round(4)).row(0)
    (0.4439, 0.9748)
    """
    tail = _tail(confidence)
    count, total, possible = _proportion(numerator, denominator)
    lower = _beta(special.betaincinv, count, total - count + 1, tail=tail)
    upper = _beta(special.betainccinv, count + 1, total - count, tail=tail)
    # The beta distribution ends where one of its two parameters is 0.
    return _limits(
        possible, pl.when(count == 0).then(0.0).otherwise(lower), pl.when(count == total).then(1.0).otherwise(upper)
    )


def byar(count: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return lower and upper limit of the mean of a Poisson count, by the approximation in [3, 4].

    From a count of 10 the limits are within 0.2 % of the exact ones at a confidence of 0.95, within 1.5 % at 0.998.
    With count 0 the lower limit is exactly 0, and where high confidence would take it below 0 it is 0, too. Null where
    the count is null, negative or not finite.

    - `count`: events, 0 or more.
    - `confidence`: share of such intervals that hold the true mean, above 0 and below 1.

    Raises `ParameterError` for any other confidence.

    >>> lower, upper = byar(pl.col("deaths"))
    >>> pl.DataFrame({"deaths": [100]}).select(lower=lower.round(2), upper=upper.round(2)).row(0)
    (81.36, 121.63)
    """
    z = z_score(confidence)
    events, possible = _count(count)
    lower = pl.when(events > 0).then(_byar(events, z=-z)).otherwise(0.0)
    return _limits(possible, lower.clip(lower_bound=0), _byar(events + 1, z=z))


def exact_poisson(count: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return lower and upper limit of the mean of a Poisson count, exactly, from the chi-squared distribution [3, 5].

    Under the lower limit as many events or more, and under the upper limit as many or fewer, have a probability of
    (1 - confidence) ÷ 2. With count 0 the lower limit is exactly 0. Nulls, arguments and errors are those of `byar`.

    >>> lower, upper = exact_poisson(pl.col("deaths"))
    >>> pl.DataFrame({"deaths": [0, 5]}).select(lower=lower.round(2), upper=upper.round(2)).rows()
    [(0.0, 3.69), (1.62, 11.67)]
    """
    tail = _tail(confidence)
    events, possible = _count(count)
    # Half a chi-squared quantile of 2k degrees of freedom is a gamma quantile of shape k.
    lower = events.map_batches(lambda x: special.gammaincinv(x, tail), pl.Float64, is_elementwise=True)
    upper = events.map_batches(lambda x: special.gammainccinv(x + 1, tail), pl.Float64, is_elementwise=True)
    return _limits(possible, pl.when(events == 0).then(0.0).otherwise(lower), upper)


def poisson(count: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return the limits of a count that OHID publishes: `exact_poisson` below 10 events, `byar` from 10 [3, 8].

    Nulls, arguments and errors are those of either.

    >>> lower, upper = poisson(pl.col("deaths"))
    >>> pl.DataFrame({"deaths": [9, 10]}).select(lower=lower.round(4), upper=upper.round(4)).rows()
    [(4.1154, 17.0848), (4.7874, 18.3915)]
    """
    few = count < FEWEST_FOR_BYAR
    exact, approximate = exact_poisson(count, confidence=confidence), byar(count, confidence=confidence)
    lower, upper = (pl.when(few).then(below).otherwise(above) for below, above in zip(exact, approximate, strict=True))
    return lower.alias("lower"), upper.alias("upper")


def dobson(rate: pl.Expr, variance: pl.Expr, count: pl.Expr, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return lower and upper limit of a directly standardised rate, by Dobson's method [7].

    The limits of the total count are moved and scaled to the mean and variance of the weighted sum. They are those of
    `poisson`: Byar's from 10 events, as OHID has it [8]; below 10, where OHID gives no such rate, exact as in [7]. A
    lower limit below 0, which unequal weights can make of few events, is 0. Null where an argument is null, negative or
    not finite, or the count is 0, since then the variance is not known.

    - `rate`, `variance`: the standardised rate, 0 or more in any unit, and its variance in the square of that unit.
    - `count`: events in all strata together, unweighted.
    - `confidence`: share of such intervals that hold the true rate, above 0 and below 1.

    Raises `ParameterError` for any other confidence. `standardise.directly` gives all of it from strata.

    >>> lower, upper = dobson(pl.col("rate"), pl.col("variance"), pl.col("deaths"))
    >>> equal_weights = pl.DataFrame({"rate": [50.0], "variance": [50**2 / 100], "deaths": [100]})
    >>> equal_weights.select(lower=lower.round(2), upper=upper.round(2)).row(0)
    (40.68, 60.81)
    """
    events, possible = _count(count)
    figures = (rate.cast(pl.Float64), variance.cast(pl.Float64))
    for figure in figures:
        possible &= figure.is_finite() & (figure >= 0)
    middle, spread = figures[0], (figures[1] / events).sqrt()
    least, greatest = poisson(events, confidence=confidence)
    lower, upper = (middle + spread * (limit - events) for limit in (least, greatest))
    return _limits(possible & (events > 0), lower.clip(lower_bound=0), upper)


def z_score(confidence: float) -> float:
    """Return how many standard errors each limit is from the middle of a Normal interval."""
    _tail(confidence)
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _tail(confidence: float) -> float:
    """Return the probability beyond each limit."""
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence!r}: expected a share between 0 and 1, such as 0.95.")
    return (1 - confidence) / 2


def _count(count: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the count as a float, and whether it is one; Polars takes NaN for the greatest of all numbers."""
    events = count.cast(pl.Float64)
    return events, events.is_finite() & (events >= 0)


def _proportion(numerator: pl.Expr, denominator: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return both counts as floats, and whether they make a proportion."""
    count, total = numerator.cast(pl.Float64), denominator.cast(pl.Float64)
    return count, total, (total > 0) & total.is_finite() & count.is_between(0, total)


def _limits(possible: pl.Expr, lower: pl.Expr, upper: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    return pl.when(possible).then(lower).alias("lower"), pl.when(possible).then(upper).alias("upper")


def _byar(events: pl.Expr, *, z: float) -> pl.Expr:
    return events * (1 - 1 / (9 * events) + z / (3 * events.sqrt())) ** 3


def _lower(count: pl.Expr, total: pl.Expr, *, z: float) -> pl.Expr:
    """Return the smaller root of (total + z²) p² - (2 count + z²) p + count² / total = 0, the equation of [1].

    It is had from the product of the two roots. The familiar difference in [2] loses digits for small counts, and
    gives some 1e-17 in place of 0.
    """
    greater = 2 * count + z**2 + z * (z**2 + 4 * count * (1 - count / total)).sqrt()  # × 2 (total + z²)
    return 2 * count * count / total / greater


def _beta(quantile: Quantile, first: pl.Expr, second: pl.Expr, *, tail: float) -> pl.Expr:
    shapes = pl.struct(first=first, second=second)  # as columns of one struct, literals take the length of the other
    return shapes.map_batches(
        lambda pair: quantile(pair.struct["first"], pair.struct["second"], tail), pl.Float64, is_elementwise=True
    )
