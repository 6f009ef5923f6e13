"""Where a series may have changed its level: suggestions for a person to review, never applied by themselves.

| function | gives |
|---|---|
| `suggest` | one row a suggested change: organisation, first period of the new level, the level before and after |

A chart is rebased only from a reviewed ledger (`openmeasures.rebases`), where someone who knows the service gives the
reason. This module only says where to look.

The method is binary segmentation [1] on means. Of all ways to cut a stretch in two parts of at least
`SHORTEST_SEGMENT` points, take the one with the largest gain, and cut there if the gain exceeds the penalty; then look
at both parts in the same way. With n1 and n2 points of means m1 and m2 before and after the cut,

    gain = n1 · n2 / (n1 + n2) · (m2 - m1)² / sigma²        penalty = 3 · ln(n), n the points of the whole series

The penalty is the leading term of the modified BIC for changes in a Normal mean [2]. Sigma comes from the moving ranges
as on an XmR chart, so that a step hardly widens it, and single odd points are pulled in to three sigma from the median
of the thirteen points around them first, so that a shock is no step.

By simulation (10,000 series a row; Normal noise; steps in sigmas, six tenths of the way along, from 48 points on), the
percentage with a suggestion, and of the suggestions for a step, those within one point of it:

| points | stable | with memory 0.3 | shock of 14 | step of 1.5 | step of 2 | step of 3 |
|---|---|---|---|---|---|---|
| 24 | 0.8 | 7 | 1.3 | | | |
| 48 | 1.6 | 18 | 2.0 | 96 (71) | 100 (84) | 100 (96) |
| 120 | 0.6 | 21 | 0.7 | 100 (70) | 100 (85) | 100 (96) |

A slow drift is no step, though steps can be fitted to it as stairs to a slope. So each suggestion is set against a
smooth curve: from the change before to the next, two levels and the place of the step are three numbers, and so are
those of a parabola. `is_step` says whether the levels leave the smaller sum of squared residuals; ties go to the curve.
In 48 points, of steps of 1.5, 2 and 3 sigma 89, 97 and 99 % are called so, and of steady drifts of 0.2 sigma a point,
all of which have a suggestion, 11 % (3,000 series each).

Memory (a correlation of 0.3 between neighbouring months here), a steady drift, or part of a season all look like steps,
and many real series have them: look at the chart before you believe a suggestion.

Sources:
1. Scott AJ, Knott M. A cluster analysis method for grouping means in the analysis of variance. Biometrics 1974; 30(3):
   507-512. https://doi.org/10.2307/2529204
2. Zhang NR, Siegmund DO. A modified Bayes information criterion with applications to the analysis of comparative
   genomic hybridization data. Biometrics 2007; 63(1): 22-32. https://doi.org/10.1111/j.1541-0420.2006.00662.x
"""

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods.points import check
from openmeasures.methods.spc import ROUNDING, SCREENING_FACTOR

SHORTEST_SEGMENT = 12  # the fewest points that NHSRplotthedots lets limits rest on, and a whole year of seasons
PENALTY = 3  # times ln(n) [2]
MEAN_RANGE_IN_SIGMAS = 1.128  # d2 for ranges of two
PULL_IN = 3.0  # sigmas from the local median, where an XmR chart would have its limits
LOCAL_POINTS = 13  # an odd number about as long as the shortest segment, whose majority a step keeps to its own side

Numbers = npt.NDArray[np.float64]


def suggest(
    frame: pl.DataFrame,
    *,
    value: str = "value",
    by: str = "org_code",
    order: str = "period_start",
    shortest_segment: int = SHORTEST_SEGMENT,
) -> pl.DataFrame:
    """Return the suggested changes in order of `by` and `order`: none is the usual answer.

    The columns: `by`; `order`, the first period of the new level; `mean_before` and `mean_after`, the means of the
    values themselves back to the change before and on to the next, in the unit of the value; `step_in_sigmas`, the
    distance between them in sigmas of the moving ranges, negative for a fall; `gain_over_penalty`, above 1; and
    `is_step`, whether two levels fit better there than a smooth curve.

    - Null values are left out, and do not count towards a segment.
    - A series with fewer than twice `shortest_segment` values has no suggestion, nor has a constant one.
    - Where nothing moves but the step, sigma is 0, and `step_in_sigmas` and `gain_over_penalty` are infinite.

    What it takes:

    - `frame`: one row an organisation and period.
    - `shortest_segment`: fewest values on either side of a change, 2 or more.

    Raises `ParameterError` if `shortest_segment` is below 2, a row lacks organisation or period, two rows share both,
    or a value is not finite.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(40), "value": [70, 72] * 10 + [78, 80] * 10})
    >>> suggest(frame).select("period_start", "mean_before", "mean_after").row(0)
    (20, 71.0, 79.0)
    """
    if shortest_segment < 2:  # noqa: PLR2004 - the mean of one value is that value
        raise ParameterError(f"shortest_segment is {shortest_segment!r}: expected 2 or more values.")
    table = frame.select(by=by, order=order, value=pl.col(value).cast(pl.Float64))
    check(table)
    rows: list[dict[str, object]] = []
    values = table.drop_nulls("value").sort("by", "order")
    for (organisation,), points in values.partition_by("by", maintain_order=True, as_dict=True).items():
        series = points["value"].to_numpy()
        sigma = _sigma(series)
        gains = _changes(_pulled_in(series, sigma=sigma), sigma=sigma, shortest=shortest_segment)
        edges = [0, *sorted(gains), series.size]
        for start, change, end in zip(edges, edges[1:], edges[2:], strict=False):
            before, after = float(series[start:change].mean()), float(series[change:end].mean())
            rows.append(
                {
                    by: organisation,
                    order: points["order"][change],
                    "mean_before": before,
                    "mean_after": after,
                    "step_in_sigmas": (after - before) / sigma if sigma else math.copysign(math.inf, after - before),
                    "gain_over_penalty": gains[change],
                    "is_step": _is_step(series[start:end], change - start),
                }
            )
    figures = ("mean_before", "mean_after", "step_in_sigmas", "gain_over_penalty")
    keys = {by: frame.schema[by], order: frame.schema[order]}
    return pl.DataFrame(rows, schema={**keys, **dict.fromkeys(figures, pl.Float64), "is_step": pl.Boolean})


def _is_step(stretch: Numbers, change: int) -> bool:
    """Whether two levels leave a smaller sum of squared residuals than a parabola, which has as many numbers to fit."""
    levels = stretch - np.where(np.arange(stretch.size) < change, stretch[:change].mean(), stretch[change:].mean())
    place = np.linspace(-1, 1, stretch.size)
    curve = np.polynomial.Polynomial.fit(place, stretch, 2)
    return float((levels**2).sum()) < float(((stretch - curve(place)) ** 2).sum())


def _sigma(series: Numbers) -> float:
    """Return sigma by the moving ranges, screened once as on an XmR chart; 0 where all are 0."""
    if series.size < 2:  # noqa: PLR2004 - a range joins two points
        return 0.0
    ranges = np.abs(np.diff(series))
    ranges[ranges <= ROUNDING * np.abs(series).max()] = 0
    kept = ranges[ranges < SCREENING_FACTOR * ranges.mean()]
    return float(kept.mean()) / MEAN_RANGE_IN_SIGMAS if kept.size else 0.0


def _pulled_in(series: Numbers, *, sigma: float) -> Numbers:
    """Return the series with each value no farther than three sigma from the median of those around it."""
    around = pl.Series(series).rolling_median(LOCAL_POINTS, min_samples=1, center=True).to_numpy()
    return np.clip(series, around - PULL_IN * sigma, around + PULL_IN * sigma)


def _changes(series: Numbers, *, sigma: float, shortest: int) -> dict[int, float]:
    """Return where new levels start, each with its gain over the penalty."""
    found: dict[int, float] = {}
    stretches = [(0, series.size)]
    # Of two sigmas' square, as a share of the largest: below it, a difference of means is rounding.
    noise = max(sigma, ROUNDING * float(np.abs(series).max(initial=0.0)))
    while stretches:
        start, end = stretches.pop()
        if end - start < 2 * shortest or not noise:
            continue
        before = np.arange(shortest, end - start - shortest + 1)
        after = end - start - before
        sums = np.cumsum(series[start:end])
        step = (sums[-1] - sums[before - 1]) / after - sums[before - 1] / before
        gains = before * after / (before + after) * (step / noise) ** 2
        best = int(gains.argmax())
        gain = float(gains[best]) / (PENALTY * math.log(series.size))
        if gain > 1:
            cut = start + int(before[best])
            found[cut] = gain if sigma else math.inf
            stretches += [(start, cut), (cut, end)]
    return found
