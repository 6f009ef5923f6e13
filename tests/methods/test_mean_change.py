"""Mean changes beside what people's own scores would give."""

from math import sqrt

import numpy as np
import polars as pl
import pytest

from openmeasures.errors import ParameterError
from openmeasures.methods.mean_change import interval, variance

Z = 1.959963984540054


def _interval(change, squares, number, **options):
    figures = (pl.lit(each, pl.Float64) for each in (change, squares, number))
    lower, upper = interval(*figures, **options)
    return pl.select(lower=lower, upper=upper).row(0)


def test_the_variance_is_that_of_scores_without_correlation():
    assert pl.select(variance(pl.lit(50 * (6.0**2 + 8.0**2)), pl.lit(50))).item() == 6**2 + 8**2


def test_the_interval_is_two_standard_errors_and_rounding_to_each_side():
    reach = Z * sqrt(100 / 25) + 0.1  # 25 people, a variance of 100
    assert _interval(-4, 25 * 100, 25, rounding=0.1) == pytest.approx((-4 - reach, -4 + reach))


def test_without_rounding_chance_alone_is_in_it():
    assert _interval(0, 400, 4) == pytest.approx((-Z * sqrt(400) / 4, Z * sqrt(400) / 4))


@pytest.mark.parametrize(("change", "squares", "number"), [(None, 1, 1), (1, None, 1), (1, 1, None), (1, 1, 0)])
def test_of_nobody_there_is_no_interval(change, squares, number):
    assert _interval(change, squares, number) == (None, None)


def test_of_nobody_there_is_no_variance():
    assert pl.select(variance(pl.lit(0.0), pl.lit(0))).item() is None


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(ParameterError, match="expected a share between 0 and 1"):
        _interval(1, 1, 1, confidence=confidence)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
def test_it_is_no_narrower_than_the_interval_of_the_changes_themselves(correlation):
    """Two parts of people with known correlation: the error of their pooled mean change, from each person's change."""
    random = np.random.default_rng(7)
    covariance = [[36, correlation * 48], [correlation * 48, 64]]
    parts = [random.multivariate_normal(mean, covariance, size) for mean, size in (((15, 10), 4000), ((12, 9), 1000))]
    changes = [part[:, 1] - part[:, 0] for part in parts]
    number = sum(map(len, changes))
    own_error = sqrt(sum(len(each) * each.var(ddof=1) for each in changes)) / number
    squares = sum(len(part) * part.var(axis=0, ddof=1).sum() for part in parts)
    lower, upper = _interval(0, squares, number)
    assert upper - lower == pytest.approx(-2 * lower)
    ratio = 2 * Z * own_error / (upper - lower)
    assert ratio == pytest.approx(sqrt((100 - 2 * correlation * 48) / 100), rel=0.03)
    assert ratio < 1.02
