"""Whether process limits describe a series at all, and whether its neighbouring values are alike.

Limits say what a process varies by about one level, if each value is about independent of the one before. A list that
grows or shrinks for years has no such level: most of its values lie outside limits that come from small moves between
neighbours.

| name | gives |
|---|---|
| `inside` | how many values lie inside their limits, of how many |
| `is_described` | whether limits describe a series |
| `likeness` | how alike neighbouring values are, where it is more than chance |

Source:
1. Bartlett MS. On the theoretical specification and sampling properties of autocorrelated time-series. Supplement to
   the Journal of the Royal Statistical Society 1946; 8(1): 27-41. https://doi.org/10.2307/2983611
"""

import math

import polars as pl

from openmeasures.methods.assurance import ROUNDING

BY_CHANCE = 1.96  # standard errors of 1 / sqrt(n) [1], above which a fortieth of independent series lies at most


def inside(points: pl.DataFrame) -> tuple[int, int]:
    """Return how many values lie inside their limits, and how many have limits; a value on a limit is inside.

    - `points`: with the columns of `spc.xmr`, of one organisation and, as a rule, one segment.

    >>> lines = {"value": [3.0, 5.0, 9.0, 4.0], "lower_process_limit": 4.0, "upper_process_limit": 6.0}
    >>> inside(pl.DataFrame(lines))
    (2, 4)
    """
    value, lower, upper = (pl.col(name) for name in ("value", "lower_process_limit", "upper_process_limit"))
    slack = ROUNDING * pl.max_horizontal(value.abs(), lower.abs(), upper.abs())
    limited = points.select("value", "lower_process_limit", "upper_process_limit").drop_nulls()
    return limited.filter(value >= lower - slack, value <= upper + slack).height, limited.height


def is_described(points: pl.DataFrame) -> bool:
    """Whether limits describe a series: not where most of its values lie outside them. True where it has none.

    Of independent values one in a hundred lies outside, and where neighbours have a correlation of 0.7 some ten.
    """
    within, limited = inside(points)
    return 2 * within >= limited


def likeness(points: pl.DataFrame) -> float | None:
    """Return the correlation of neighbouring values about their means, None where it may be chance or cannot be told.

    Neighbours are one segment's values in order of time, a missing one passed over as in limits. A drift, a step
    within a segment and a season all make neighbours alike.

    - `points`: one organisation's `period_start, value, segment, mean`; values without a mean are left out.

    >>> months = {"period_start": range(20), "value": range(20), "segment": 0, "mean": 9.5}
    >>> round(likeness(pl.DataFrame(months)), 2)
    0.85
    """
    apart = (
        points.drop_nulls(["value", "mean"])
        .sort("period_start")
        .select("segment", "value", apart=pl.col("value") - pl.col("mean"))
        .with_columns(before=pl.col("apart").shift(1).over("segment"))
    )
    squares = float(apart["apart"].pow(2).sum())
    if squares <= apart.height * (ROUNDING * float(apart["value"].abs().max() or 0)) ** 2:  # type: ignore[arg-type]
        return None
    found = float((apart["apart"] * apart["before"]).sum()) / squares
    return found if found > BY_CHANCE / math.sqrt(apart.height) else None
