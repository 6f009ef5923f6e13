"""Trimming, φ and τ² against published values, arithmetic and another library."""

from math import asin, exp, log, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from openmeasures.methods.overdispersion import SCALES, by_chance, estimate, remaining, trimmed

# FunnelPlotR's own test data (9020d49), SHMI: φ is theirs, τ² was computed from their formulae.
OBSERVED = np.array([100, 150, 180, 80, 120, 225.0])
EXPECTED = np.array([108, 112, 165, 95, 100, 220.0])


def test_dispersion_of_shmi_as_published():
    errors = 1 / np.sqrt(EXPECTED)
    found = estimate(np.log(OBSERVED / EXPECTED) / errors, errors, is_truncated=True, is_corrected=False)
    assert found == (pytest.approx(2.948033, abs=5e-7), pytest.approx(0.0194776, abs=1e-7))


@pytest.mark.parametrize("size", [10, 40])
def test_variance_is_that_of_dersimonian_and_laird_in_statsmodels(size):
    """Nothing is trimmed of equal tails that lie inside the tenths, so the methods are one."""
    random = np.random.default_rng(size)
    errors, effects = random.uniform(0.1, 0.5, size), random.normal(0, 1, size)
    z_scores = effects / errors
    low, high = np.quantile(z_scores, [0.1, 0.9])
    inside = np.clip(z_scores, low, high)  # already pulled in, so that it is not pulled in again by much
    found = estimate(z_scores, errors, is_truncated=False, is_corrected=False)
    # Their Q is about the pooled mean, ours about the target; so the moment equation is written out here.
    weights = 1 / errors**2
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    assert found.between_variance == pytest.approx(max(0, (np.sum(inside**2) - (size - 1)) / scale))
    theirs = combine_effects(effects, errors**2, method_re="chi2")
    q = np.sum(weights * (effects - np.average(effects, weights=weights)) ** 2)
    assert theirs.tau2 == pytest.approx(max(0, (q - (size - 1)) / scale))


# Recomputed from FunnelPlotR's rule, floor(10 rank / (n + 1)); asymmetric where n is small.
@pytest.mark.parametrize(
    ("size", "kept"), [(6, 6), (8, 8), (9, 8), (10, 8), (20, 16), (50, 40), (119, 96), (122, 98), (137, 111)]
)
def test_truncation_keeps_as_many_as_published(size, kept):
    scores = np.random.default_rng(size).permutation(size).astype(float)
    found, which = trimmed(scores, is_truncated=True)
    assert (len(found), which.sum()) == (kept, kept)
    assert (scores[which] == found).all()


def test_truncation_of_nine_leaves_out_the_highest_alone():
    assert trimmed(np.arange(9.0), is_truncated=True)[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_ties_share_their_mean_rank():
    # Ranks of twenty scores of which the first three tie are 2, 2, 2, 4, …: group floor(10 × 2 / 21) is 0 for all.
    scores = np.array([5.0, 5, 5, *range(6, 23)])
    assert 5.0 not in trimmed(scores, is_truncated=True)[0]
    # All equal have rank 10.5 of 20, group 5: none is left out.
    assert len(trimmed(np.full(20, 3.0), is_truncated=True)[0]) == 20


def test_truncation_of_119_leaves_out_one_more_at_the_top():
    found, _ = trimmed(np.arange(119.0), is_truncated=True)
    assert (found.min(), found.max()) == (11, 118 - 12)


def test_a_tenth_of_0_is_a_limit_as_any_other():
    """A tool in use takes a limit of 0 for none."""
    assert trimmed(np.array([-5.0, *range(10)]), is_truncated=False)[0].min() == 0
    assert trimmed(np.array([5.0, *range(-9, 1)]), is_truncated=False)[0].max() == 0


def test_winsorising_pulls_in_to_the_tenths():
    # Definition 7: the tenth of 0 to 20 is 2, the ninetieth 18.
    assert trimmed(np.arange(21.0), is_truncated=False)[0].tolist() == [2, 2, *range(2, 19), 18, 18]


def test_what_trimming_leaves_of_a_normal_distribution():
    inner = stats.norm.expect(lambda z: z**2, lb=stats.norm.ppf(0.1), ub=stats.norm.ppf(0.9))
    assert remaining(100_000, is_truncated=True) == pytest.approx(inner / 0.8, rel=1e-3)
    assert remaining(100_000, is_truncated=False) == pytest.approx(inner + 0.2 * stats.norm.ppf(0.9) ** 2)


@pytest.mark.parametrize("size", [2, 9, 10, 12, 19, 40])
def test_what_truncation_leaves_of_few(size):
    """Simulated: of 19, two are left out at the top and one at the bottom."""
    draws = np.sort(np.random.default_rng(size).standard_normal((200_000, size)), axis=1)
    _, kept = trimmed(np.arange(float(size)), is_truncated=True)
    assert remaining(size, is_truncated=True) == pytest.approx(np.mean(draws[:, kept] ** 2), rel=0.01)


@pytest.mark.parametrize("is_truncated", [True, False])
@pytest.mark.parametrize("size", [10, 20, 150])
def test_chance_alone_exceeds_its_dispersion_once_in_twenty_times(size, is_truncated):
    random = np.random.default_rng(size)
    errors = np.full(size, 0.1)
    found = [
        estimate(random.standard_normal(size), errors, is_truncated=is_truncated, is_corrected=True).dispersion
        for _ in range(1500)
    ]
    assert 0.03 < np.mean(np.array(found) > by_chance(size)) < 0.09


@pytest.mark.parametrize("is_truncated", [True, False])
@pytest.mark.parametrize("spread", [0.0, 0.02, 0.3])
def test_corrected_the_true_variance_is_found(is_truncated, spread):
    random = np.random.default_rng(5)
    errors = random.uniform(0.005, 0.05, 20_000)
    effects = random.normal(0, np.sqrt(errors**2 + spread**2))
    found = estimate(effects / errors, errors, is_truncated=is_truncated, is_corrected=True)
    assert found.between_variance == pytest.approx(spread**2, rel=0.07, abs=1e-6)
    assert found.dispersion > 1.5 if spread else found.dispersion == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("is_truncated", [True, False])
def test_as_published_the_variance_is_too_small(is_truncated):
    """Why we correct: nobody here is an outlier."""
    random = np.random.default_rng(5)
    errors = random.uniform(0.005, 0.05, 20_000)
    effects = random.normal(0, np.sqrt(errors**2 + 0.3**2))
    found = estimate(effects / errors, errors, is_truncated=is_truncated, is_corrected=False)
    assert found.between_variance < 0.7 * 0.3**2


def test_far_from_the_target_on_one_side():
    errors = np.full(20, 0.1)
    found = estimate(np.full(20, 50.0), errors, is_truncated=False, is_corrected=True)
    # All 5 from the target: τ² + 0.01 = 25 / what winsorising leaves.
    assert found.between_variance == pytest.approx(25 / remaining(20, is_truncated=False) - 0.01)


@pytest.mark.parametrize("is_corrected", [True, False])
@pytest.mark.parametrize("is_truncated", [True, False])
@pytest.mark.parametrize("scores", [[], [9.0], [-np.inf, 9.0], [0.0] * 12])
def test_where_nothing_can_be_estimated_there_is_no_variance(scores, is_truncated, is_corrected):
    found = estimate(np.array(scores), np.full(len(scores), 0.1), is_truncated=is_truncated, is_corrected=is_corrected)
    assert found.between_variance == 0


@given(st.floats(0.001, 0.999), st.floats(1, 1e6))
def test_there_and_back(value, size):
    for scale in SCALES.values():
        assert scale.back(scale.forth(np.array([value]))) == pytest.approx([value])
        assert scale.error(np.array([size])) > 0


def test_scales_by_hand():
    half = np.array([0.25])
    assert SCALES["logarithm"].forth(half) == log(0.25)
    assert SCALES["square_root"].forth(half) == 0.5
    assert SCALES["arcsine"].forth(half) == pytest.approx(asin(0.5))
    sizes = np.array([16.0])
    assert [SCALES[name].error(sizes).item() for name in ("logarithm", "square_root", "arcsine")] == [
        1 / 4,
        1 / 8,
        1 / 8,
    ]


def test_what_cannot_happen_comes_back_as_the_nearest_end():
    assert SCALES["square_root"].back(np.array([-1.0])) == 0
    assert SCALES["arcsine"].back(np.array([-1.0, 2.0, 1.0])) == pytest.approx([0, 1, sin(1) ** 2])
    assert SCALES["arcsine"].back(np.array([pi / 2])) == 1
    assert SCALES["logarithm"].back(np.array([1.0])) == exp(1)
    assert SCALES["square_root"].back(np.array([2.0])) == sqrt(16)
