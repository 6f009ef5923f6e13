"""Limits of a funnel from chance alone: between which a count of a given mean lies, as often as is said.

| name | gives |
|---|---|
| `poisson_limits` | the limits of a count of events, as of rates and of observed to expected |
| `binomial_limits` | the limits of a count of cases, as of proportions |
| `Chance` | the count at which a distribution of counts has a probability |

No whole count has a tail of exactly 2.5 %, so limits lie between whole counts.

Sources:
1. Spiegelhalter DJ. Funnel plots for comparing institutional performance. Statistics in Medicine 2005; 24(8):
   1185-1202 (exact limits interpolated between whole counts, so that their rate is nominal on average).
2. Ulm K. A simple method to calculate the confidence interval of a standardized mortality ratio. American Journal of
   Epidemiology 1990; 131(2): 373-375 (limits of a Poisson count by chi-squared, as SHMI has them).
3. Lancaster HO. Significance tests in discrete distributions. Journal of the American Statistical Association 1961;
   56(294): 223-234 (mid-P).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from openmeasures.methods.overdispersion import Numbers


def poisson_limits(expected: Numbers, *, level: float, is_interpolated: bool) -> tuple[Numbers, Numbers]:
    """Return the counts between which a Poisson count of this mean lies with probability `level`.

    By chi-squared quantiles [2], or by mid-P interpolated between whole counts [1, 3]. The first are what SHMI draws;
    for small means they are far off: of a mean of 1 to 5, 9 % lie below the lower 99.8 % limit by chance. The second
    have the nominal rate on average in each tail from a mean of some 20, and a lower one below, where too few events
    can hardly be told from none; `site/methods/funnels.qmd` has the figures.
    """
    tail = (1 - level) / 2
    if not is_interpolated:
        return special.gammaincinv(expected, tail), special.gammaincinv(expected + 1, 1 - tail)
    chance = Chance(
        mean=expected,
        variance=expected,
        mass=lambda count: np.exp(special.xlogy(count, expected) - expected - special.gammaln(count + 1)),
        distribution=lambda count: special.pdtr(count, expected),
    )
    return chance.count_at(tail), chance.count_at(1 - tail)


def binomial_limits(denominator: Numbers, *, share: float, level: float) -> tuple[Numbers, Numbers]:
    """Return the counts between which a binomial count lies with probability `level`, by interpolated mid-P.

    Shared care makes denominators of halves, of which there is no binomial: limits are drawn straight between those of
    the two whole numbers beside one.
    """
    below = np.floor(denominator)
    rest = denominator - below
    limits = _whole_binomial_limits(below, share=share, level=level)
    if not rest.any():
        return limits
    beyond = _whole_binomial_limits(below + 1, share=share, level=level)
    lower, upper = ((1 - rest) * near + rest * far for near, far in zip(limits, beyond, strict=True))
    return lower, upper


def _whole_binomial_limits(denominator: Numbers, *, share: float, level: float) -> tuple[Numbers, Numbers]:
    tail = (1 - level) / 2
    every = special.gammaln(denominator + 1)

    def mass(count: Numbers) -> Numbers:
        left = np.maximum(denominator - count, 0)
        ways = every - special.gammaln(count + 1) - special.gammaln(left + 1)
        return np.where(
            count > denominator, 0, np.exp(ways + special.xlogy(count, share) + special.xlog1py(left, -share))
        )

    chance = Chance(
        mean=denominator * share,
        variance=denominator * share * (1 - share),
        mass=mass,
        distribution=lambda count: special.bdtr(np.minimum(count, denominator), denominator.astype(np.int64), share),
    )
    return np.minimum(chance.count_at(tail), denominator), np.minimum(chance.count_at(1 - tail), denominator)


class Chance(NamedTuple):
    """A distribution of counts: its mean and variance, the chance of a count, and of that count or fewer."""

    mean: Numbers
    variance: Numbers
    mass: Callable[[Numbers], Numbers]
    distribution: Callable[[Numbers], Numbers]

    def count_at(self, probability: float) -> Numbers:
        """Return the count at which mid-P, drawn straight between whole counts, has a probability; at least 0.

        Mid-P of a count is the chance of fewer and half the chance of as many. The search begins at the Normal
        quantile and walks, adding one count's chance at a time, which is far quicker than to look each up.
        """
        near = self.mean + special.ndtri(probability) * np.sqrt(self.variance)
        count = np.maximum(np.ceil(near), 0.0)
        at_most, mass, mass_before = self.distribution(count), self.mass(count), self._before(count)
        while True:
            up = at_most - mass / 2 < probability
            # Where not even every count reaches the probability, rounding keeps the last few from ever ending.
            up &= mass > np.finfo(float).tiny
            down = ~up & (count > 0) & (at_most - mass - mass_before / 2 >= probability)
            if not (up.any() or down.any()):
                break
            at_most = at_most - np.where(down, mass, 0)
            count = count + up - down.astype(float)
            mass, mass_before = self.mass(count), self._before(count)
            at_most = at_most + np.where(up, mass, 0)
        reached, step = at_most - mass / 2, (mass + mass_before) / 2
        found: Numbers = np.maximum(count - (reached - probability) / np.maximum(step, np.finfo(float).tiny), 0.0)
        return found

    def _before(self, count: Numbers) -> Numbers:
        return np.where(count > 0, self.mass(np.maximum(count - 1, 0)), 0.0)
