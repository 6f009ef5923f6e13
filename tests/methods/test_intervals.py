"""Wilson's interval against published worked figures, the score equation it solves, and its edges."""

from math import nan, sqrt
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.errors import ParameterError
from openmeasures.methods.intervals import wilson

Z95 = 1.959964  # the 97.5th percentile of the standard normal distribution, as printed in tables


def limits(numerator, denominator, **options):
    counts = pl.DataFrame({"n": [numerator], "d": [denominator]}, schema={"n": pl.Float64, "d": pl.Float64})
    lower, upper = wilson(pl.col("n"), pl.col("d"), **options)
    return counts.select(lower=lower, upper=upper).row(0)


@pytest.mark.parametrize(
    ("numerator", "denominator", "lower", "upper"),
    [
        # By hand: half of the cases, so the interval is 1/2 ± z / 2√(n + z²).
        (5, 10, 1 / 2 - Z95 / 2 / sqrt(10 + Z95**2), 1 / 2 + Z95 / 2 / sqrt(10 + Z95**2)),
        (50, 100, 1 / 2 - Z95 / 2 / sqrt(100 + Z95**2), 1 / 2 + Z95 / 2 / sqrt(100 + Z95**2)),
        # None and all: the other limit is z² / (n + z²) from the edge.
        (0, 10, 0, Z95**2 / (10 + Z95**2)),
        (10, 10, 10 / (10 + Z95**2), 1),
        (0, 1, 0, Z95**2 / (1 + Z95**2)),
        # Newcombe 1998, Statistics in Medicine 17: 857-872, table I, method 3: four decimals.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_limits_by_hand_and_as_published(numerator, denominator, lower, upper):
    assert limits(numerator, denominator) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 10**7), st.floats(0, 1), st.sampled_from([0.5, 0.8, 0.95, 0.998]))
@settings(derandomize=True, deadline=None)
def test_the_score_test_just_does_not_reject_either_limit(denominator, share, confidence):
    numerator = round(share * denominator)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    observed = numerator / denominator
    lower, upper = limits(numerator, denominator, confidence=confidence)
    assert 0 <= lower <= observed <= upper <= 1
    for limit in (lower, upper):
        assert (observed - limit) ** 2 == pytest.approx(z**2 * limit * (1 - limit) / denominator, rel=1e-6, abs=1e-15)


@given(st.integers(1, 10**9))
@settings(derandomize=True, deadline=None)
def test_none_is_exactly_0_and_all_exactly_1(denominator):
    assert limits(0, denominator)[0] == 0
    assert limits(denominator, denominator)[1] == 1


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [(0, 0), (1, 0), (None, 10), (1, None), (None, None), (-1, 10), (11, 10), (1, -10), (nan, 10), (1, nan)],
)
def test_counts_that_make_no_proportion_have_no_interval(numerator, denominator):
    assert limits(numerator, denominator) == (None, None)


def test_more_confidence_is_a_wider_interval():
    narrow, wide = limits(8, 10, confidence=0.95), limits(8, 10, confidence=0.998)
    assert wide[0] < narrow[0] < 8 / 10 < narrow[1] < wide[1]


@pytest.mark.parametrize("confidence", [-0.5, 0, 1, 95, nan])
def test_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(ParameterError, match=r"expected a share between 0 and 1, such as 0\.95"):
        wilson(pl.col("n"), pl.col("d"), confidence=confidence)
