"""Limits from chance alone against scipy's distributions, and how often they are passed by chance."""

import numpy as np
import pytest
from scipy import stats

from openmeasures import project
from openmeasures.methods.exact_limits import binomial_limits, poisson_limits
from openmeasures.methods.funnel import LEVELS


@pytest.mark.parametrize("level", LEVELS.values())
@pytest.mark.parametrize("size", [1, 7, 60, 900, 40_000])
def test_mid_p_of_a_limit_is_the_tail(size, level):
    """By scipy.stats: straight between whole counts, mid-P at the limit is what the level leaves over."""

    def mid_p(chance, count):
        return chance.cdf(count - 1) + chance.pmf(count) / 2

    sizes = np.array([size], dtype=float)
    cases = [(stats.poisson(size), poisson_limits(sizes, level=level, is_interpolated=True))]
    cases += [(stats.binom(size, share), binomial_limits(sizes, share=share, level=level)) for share in (0.03, 0.7)]
    for chance, limits in cases:
        for limit, tail in zip(limits, ((1 - level) / 2, (1 + level) / 2), strict=True):
            below = np.floor(limit[0])
            drawn = mid_p(chance, below) + (limit[0] - below) * (mid_p(chance, below + 1) - mid_p(chance, below))
            at_an_end = limit[0] == 0 or limit[0] == size
            assert drawn == pytest.approx(tail, rel=1e-6) or at_an_end


def test_poisson_limits_by_chi_squared():
    expected = np.array([3.5, 100])
    lower, upper = poisson_limits(expected, level=0.95, is_interpolated=False)
    assert lower == pytest.approx(stats.chi2.ppf(0.025, 2 * expected) / 2)
    assert upper == pytest.approx(stats.chi2.ppf(0.975, 2 * (expected + 1)) / 2)


def outside(expected, lower, upper):
    """The per cent of stable counts below and above limits, by scipy, on average over what is expected."""
    below, above = stats.poisson.cdf(np.ceil(lower) - 1, expected), stats.poisson.sf(np.floor(upper), expected)
    return 100 * below.mean(), 100 * above.mean()


def spiegelhalter(expected, probability):
    """The limit of his appendix: from the count that reaches the probability, back by the share that is too much."""
    count = stats.poisson.ppf(probability, expected)
    return count - (stats.poisson.cdf(count, expected) - probability) / stats.poisson.pmf(count, expected)


# Of small counts no limit has the rate of each; on average ours are not far off from 5 on, and on the safe side.
@pytest.mark.parametrize(("fewest", "most", "within"), [(1, 5, 0.6), (5, 20, 0.15), (20, 100, 0.1), (100, 1000, 0.1)])
def test_false_alarms_by_expected_count_are_those_of_the_page(fewest, most, within):
    expected = np.linspace(fewest, most, 2001)
    ours, published = (
        [
            sum(outside(expected, *poisson_limits(expected, level=level, is_interpolated=way)))
            for level in LEVELS.values()
        ]
        for way in (True, False)
    )
    for rate, level in zip(ours, LEVELS.values(), strict=True):
        assert 100 * (1 - level) * (1 - within) < rate < 101 * (1 - level)
    below, above = outside(expected, spiegelhalter(expected, 0.025), spiegelhalter(expected, 0.975))
    page = (project.root() / "site" / "methods" / "funnels.qmd").read_text(encoding="utf-8")
    assert (
        f"| {fewest} to {most:,} | {ours[0]:.1f} / {ours[1]:.2f} | {published[0]:.1f} / {published[1]:.2f} | "
        f"{below:.1f} / {above:.1f} |"
    ) in page
