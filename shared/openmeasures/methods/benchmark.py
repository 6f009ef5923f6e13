"""One organisation among its peers, with its uncertainty: ranks that the data allow, and deciles over time.

A league table states ranks as if chance had no part in them. Here a rank is an interval: how many peers are surely
higher, how many surely lower, and all that lies between. With small numbers that is nearly everything.

| name | gives |
|---|---|
| `rank_intervals` | the least and the greatest rank of each organisation that its figures allow |
| `deciles` | the deciles of the organisations in each period |
| `reading` | what variation over time and the funnel say together |

Sources:
1. Mogstad M, Romano JP, Shaikh AM, Wilhelm D. Inference for ranks with applications to mobility across neighbourhoods
   and academic achievement across countries. Review of Economic Studies 2024; 91(1): 476-518.
2. Anscombe FJ. The transformation of Poisson, binomial and negative-binomial data. Biometrika 1948; 35: 246-254.
3. Goldstein H, Spiegelhalter DJ. League tables and their limitations. Journal of the Royal Statistical Society A 1996;
   159(3): 385-443.
4. Hyndman RJ, Fan Y. Sample quantiles in statistical packages. The American Statistician 1996; 50(4): 361-365.
"""

from enum import StrEnum

import numpy as np
import polars as pl
from scipy import special

from openmeasures.errors import ParameterError
from openmeasures.methods.funnel import BEYOND, Kind, Position
from openmeasures.methods.signals import Variation

DECILES = tuple(range(10, 100, 10))
# Our own choice: of fewer than ten organisations a decile would be one organisation, or lie between two.
MINIMUM_ORGANISATIONS = 10
SPECIAL_CAUSE = frozenset(variation for variation in Variation if variation != Variation.COMMON_CAUSE)


def rank_intervals(
    frame: pl.DataFrame,
    *,
    kind: Kind,
    confidence: float = 0.95,
    numerator: str = "numerator",
    denominator: str = "denominator",
    variance: str = "variance",
) -> pl.DataFrame:
    """Add `rank_lower` and `rank_upper` to the rows: the ranks that the figures of one organisation allow.

    Rank 1 is the highest value, which says nothing of better or worse. Each organisation is compared with each other
    one on the scale where chance varies alike (arcsine for proportions, square root for rates and ratios [2]; means
    as they are, with their own standard errors), at a level that makes all its comparisons together right with
    `confidence` (Bonferroni). `rank_lower` is one more than the number surely above it, `rank_upper` the number of
    organisations less those surely below it [1]. Equal values share their interval. What moves figures but chance in
    the counts, as case mix does, is not in it [3].

    - `frame`: one row an organisation, all of one period; without counts, or with denominator 0, both are null.
    - `kind`: as for `funnel`; of means, those without `variance` are null as well.

    Raises `ParameterError` for a confidence that is not between 0 and 1.

    >>> figures = pl.DataFrame({"numerator": [500, 700, 710], "denominator": [1000, 1000, 1000]})
    >>> rank_intervals(figures, kind="proportion").select("rank_lower", "rank_upper").rows()
    [(3, 3), (1, 2), (1, 2)]
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence!r}: expected a share between 0 and 1, such as 0.95.")
    counts = frame.with_row_index("row").filter(pl.col(numerator).is_not_null(), pl.col(denominator) > 0)
    if kind == "mean":
        counts = counts.drop_nulls(variance)
    count, size = (counts[name].cast(pl.Float64).to_numpy() for name in (numerator, denominator))
    if kind == "mean":
        place = count / size
        squared_error = counts[variance].cast(pl.Float64).to_numpy() / size
    elif kind == "proportion":
        place = np.arcsin(np.sqrt((count + 3 / 8) / (size + 3 / 4)))
        squared_error = 1 / (4 * size + 2)
    else:
        place = np.sqrt((count + 3 / 8) / size)
        squared_error = 1 / (4 * size)
    others = max(len(place) - 1, 1)
    enough = special.ndtri(1 - (1 - confidence) / (2 * others))
    apart = place[None, :] - place[:, None]
    surely = np.abs(apart) > enough * np.sqrt(squared_error[None, :] + squared_error[:, None])
    ranks = pl.DataFrame(
        {
            "row": counts["row"],
            "rank_lower": 1 + (surely & (apart > 0)).sum(axis=1),
            "rank_upper": len(place) - (surely & (apart < 0)).sum(axis=1),
        }
    )
    return frame.with_row_index("row").join(ranks, on="row", how="left", maintain_order="left").drop("row")


def deciles(frame: pl.DataFrame, *, by: str = "period_start", value: str = "value") -> pl.DataFrame:
    """Return `by, organisations, decile_10, …, decile_90`, one row a period in order.

    Quantiles interpolate linearly between the two nearest figures [4, definition 7]. Rows without a value count for
    nothing; of fewer than `MINIMUM_ORGANISATIONS` the deciles are null.
    """
    has_enough = pl.col(value).count() >= MINIMUM_ORGANISATIONS
    quantiles = {
        f"decile_{share}": pl.when(has_enough).then(pl.col(value).quantile(share / 100, interpolation="linear"))
        for share in DECILES
    }
    return frame.group_by(by).agg(organisations=pl.col(value).count(), **quantiles).sort(by)


class Reading(StrEnum):
    """What a chart over time and a funnel say together; each can be quiet where the other is not."""

    BOTH = "both"
    OVER_TIME = "over_time"
    AMONG_PEERS = "among_peers"
    NEITHER = "neither"


def reading(variation: str | None, position: str | None) -> Reading | None:
    """Return what the latest point's variation and the position in a funnel come to; None where either is unknown.

    Unusual among peers is beyond the 99.8 % limits: of a hundred organisations five are beyond 95 % by chance alone.

    >>> reading("common_cause", "below_99_8")
    <Reading.AMONG_PEERS: 'among_peers'>
    """
    if variation is None or position is None:
        return None
    is_special, is_unusual = Variation(variation) in SPECIAL_CAUSE, Position(position) in BEYOND
    if is_special:
        return Reading.BOTH if is_unusual else Reading.OVER_TIME
    return Reading.AMONG_PEERS if is_unusual else Reading.NEITHER
