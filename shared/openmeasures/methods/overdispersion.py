"""How much more organisations differ than chance alone would make them: additive overdispersion.

Limits from chance alone mark half the country where patients, places and coding differ. The usual remedy takes the
spread between organisations as given: each has its own true level, which varies by `between_variance` (τ²) on a scale
where chance varies alike for all, and the limits make room for both.

| name | gives |
|---|---|
| `Scale` | the transformation on which organisations are compared: the value, its standard error, and the way back |
| `SCALES` | those in use: `logarithm`, `square_root`, `arcsine`; `identity` for means, which vary alike as they are |
| `trimmed` | z-scores without the most extreme, which should not widen their own limits |
| `estimate` | the dispersion (φ) and the variance between organisations (τ²) |
| `by_chance` | the dispersion up to which there may be none |
| `remaining` | how much spread trimming leaves of scores without outliers |

Sources:
1. Spiegelhalter DJ. Handling over-dispersion of performance indicators. Quality and Safety in Health Care 2005; 14(5):
   347-351.
2. NHS England, Summary Hospital-level Mortality Indicator (SHMI): methodology specification (limits and banding),
   https://digital.nhs.uk/data-and-information/publications/ci-hub/summary-hospital-level-mortality-indicator-shmi
3. DerSimonian R, Laird N. Meta-analysis in clinical trials. Controlled Clinical Trials 1986; 7(3): 177-188.
4. Paule RC, Mandel J. Consensus values and weighting factors. Journal of Research of the National Bureau of Standards
   1982; 87(5): 377-385.
5. Croux C, Rousseeuw PJ. Time-efficient algorithms for two highly robust estimators of scale. Computational
   Statistics 1992; 1: 411-428 (an estimate from trimmed data is divided by what it would be without outliers).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Overdispersion = Literal["logarithm", "square_root", "arcsine", "identity"]
Numbers = npt.NDArray[np.float64]

TRIMMED_SHARE = 0.1  # at each end, as [1] and [2] have it
HALVINGS = 25  # of the interval that holds τ²; what is left is far below its own uncertainty
GROUPS = round(1 / TRIMMED_SHARE)


class Scale(NamedTuple):
    """A scale on which chance varies alike for all organisations of one size.

    - `forth`: from the value (numerator ÷ denominator) to the scale.
    - `back`: from the scale to the value; what lies outside what can happen comes back as its nearest end.
    - `error`: the standard error on the scale: of the logarithm by the expected count, else by the denominator; of the
      identity in standard deviations of single values.
    - `is_truncated`: whether extreme z-scores are left out [2], or pulled in to the tenth part (winsorised) [1].
    """

    forth: Callable[[Numbers], Numbers]
    back: Callable[[Numbers], Numbers]
    error: Callable[[Numbers], Numbers]
    is_truncated: bool


def _log(value: Numbers) -> Numbers:
    with np.errstate(divide="ignore"):  # log 0 is -inf, which `estimate` leaves out
        return np.log(value)


SCALES: dict[Overdispersion, Scale] = {
    "logarithm": Scale(_log, np.exp, lambda expected: 1 / np.sqrt(expected), is_truncated=True),
    "square_root": Scale(
        np.sqrt,
        lambda root: np.square(np.maximum(root, 0)),
        lambda denominator: 1 / (2 * np.sqrt(denominator)),
        is_truncated=False,
    ),
    "arcsine": Scale(
        lambda share: np.arcsin(np.sqrt(share)),
        lambda angle: np.square(np.sin(np.clip(angle, 0, np.pi / 2))),
        lambda denominator: 1 / (2 * np.sqrt(denominator)),
        is_truncated=False,
    ),
    "identity": Scale(np.asarray, np.asarray, lambda denominator: 1 / np.sqrt(denominator), is_truncated=False),
}


class Dispersion(NamedTuple):
    """`dispersion` (φ) is 1 where chance explains all; `between_variance` (τ²) is 0 then, on the scale's own unit."""

    dispersion: float
    between_variance: float


def trimmed(z_scores: Numbers, *, is_truncated: bool) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Return the z-scores that count, and which of the given they are.

    Truncated, the scores are put in ten groups by rank, ties sharing their mean rank, and the lowest and highest group
    are left out [2]: of fewer than ten, none or one. Winsorised, those beyond the tenth and the ninetieth hundredth
    (quantile definition 7) take its value, and all are kept [1].

    >>> trimmed(np.arange(10.0), is_truncated=True)[0]
    array([1., 2., 3., 4., 5., 6., 7., 8.])
    >>> trimmed(np.arange(11.0), is_truncated=False)[0]
    array([1., 1., 2., 3., 4., 5., 6., 7., 8., 9., 9.])
    """
    if is_truncated:
        _, place, shared = np.unique(z_scores, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(shared) - (shared - 1) / 2)[place]
        group = np.floor(GROUPS * ranks / (len(z_scores) + 1))
        kept = (group > 0) & (group < GROUPS - 1)
        return z_scores[kept], kept
    low, high = np.quantile(z_scores, [TRIMMED_SHARE, 1 - TRIMMED_SHARE])
    return np.clip(z_scores, low, high), np.ones(len(z_scores), dtype=bool)


def estimate(z_scores: Numbers, errors: Numbers, *, is_truncated: bool, is_corrected: bool) -> Dispersion:
    """Return φ, the mean square of the trimmed z-scores, and τ².

    As published [1, 2], τ² is that of the method of moments from φ [3]. It is too small, because trimming takes away
    spread that is usual, and most of it from large organisations, whose scores are the largest: without any outlier,
    one in five lies beyond 95 % limits. Corrected, τ² is the variance at which the trimmed scores, in standard errors
    that include it, have the mean square that trimming leaves of a Normal distribution [4, 5].

    Scores that are not finite (the logarithm of nothing observed) do not count. τ² is 0 where the organisations differ
    no more than chance would have them, and where fewer than two are left.

    - `z_scores`: distances from the target in `errors`, the organisations' standard errors.
    """
    finite = np.isfinite(z_scores)
    z_scores, errors = z_scores[finite], errors[finite]
    if len(z_scores) <= 1:
        return Dispersion(1.0, 0.0)
    counted, kept = trimmed(z_scores, is_truncated=is_truncated)
    dispersion = float(np.mean(counted**2))
    if is_corrected:
        left = remaining(len(z_scores), is_truncated=is_truncated)
        variance = _consistent(z_scores * errors, errors, is_truncated=is_truncated, left=left)
        return Dispersion(dispersion / left, variance)
    weights = 1 / errors[kept] ** 2
    total = weights.sum()
    excess = len(counted) * dispersion - (len(counted) - 1)
    return Dispersion(dispersion, max(0.0, float(excess / (total - np.sum(weights**2) / total))))


def by_chance(organisations: int) -> float:
    """Return the φ that organisations which differ by chance alone exceed about once in twenty times.

    By chi-squared, whose degrees of freedom are those of the organisations inside the tenths. Simulated, 5 to 7 % of
    such funnels exceed it, from ten organisations on.

    >>> round(by_chance(10), 2), round(by_chance(150), 2)
    (1.99, 1.22)
    """
    freedom = (1 - 2 * TRIMMED_SHARE) * (organisations - 1)
    return float(special.chdtri(freedom, 0.05) / freedom)


def _consistent(distances: Numbers, errors: Numbers, *, is_truncated: bool, left: float) -> float:
    """Return the τ² at which trimmed scores have the mean square that is left, by halving; 0 where they have less."""

    def excess(variance: float) -> float:
        counted, _ = trimmed(distances / np.sqrt(errors**2 + variance), is_truncated=is_truncated)
        return float(np.mean(counted**2)) - left

    low, high = 0.0, float(np.max(distances**2))
    if excess(low) <= 0:
        return 0.0
    while excess(high) > 0:  # far from the target on one side: no organisation is near it
        high *= 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=1000)
def remaining(organisations: int, *, is_truncated: bool) -> float:
    """Return the mean square that trimming leaves of so many standard Normal scores [5].

    Truncation leaves out whole organisations, of few less than a tenth or more at one end than at the other; so its
    figure is that of the very ranks that are kept. Winsorised, it is that of many organisations.

    >>> [round(remaining(number, is_truncated=True), 2) for number in (12, 40, 1000)]
    [0.6, 0.48, 0.44]
    """
    if not is_truncated:
        edge = special.ndtri(1 - TRIMMED_SHARE)
        inside = 1 - 2 * TRIMMED_SHARE - 2 * edge * _density(edge)  # the integral of z² over the scores between
        return float(inside + 2 * TRIMMED_SHARE * edge**2)
    _, kept = trimmed(np.arange(organisations, dtype=np.float64), is_truncated=True)
    ranks = np.flatnonzero(kept)
    scores = np.linspace(-8, 8, 2001)  # of one organisation; the others are independent of it
    below = special.ndtr(scores)
    others = organisations - 1
    is_kept = special.bdtr(ranks[-1], others, below) - (special.bdtr(ranks[0] - 1, others, below) if ranks[0] else 0)
    return float(organisations / len(ranks) * np.trapezoid(scores**2 * _density(scores) * is_kept, scores))


def _density(score: Numbers | float) -> Numbers:
    density: Numbers = np.exp(-np.square(score) / 2) / np.sqrt(2 * np.pi)
    return density
