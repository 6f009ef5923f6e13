"""One organisation among its peers, without a league table.

A rank says that the 40th of 120 is worse than the 39th, which chance alone can undo. The quarters of the spread say
less, and that much can be relied upon.

| name | gives |
|---|---|
| `spread` | how many organisations have a figure, and the least, quartiles and greatest of them |
| `position` | whether one organisation lies in the lowest quarter, the middle half or the highest quarter |

Neither says what is good: high is better for some measures and worse for others.

Source:
1. Hyndman RJ, Fan Y. Sample quantiles in statistical packages. The American Statistician 1996; 50(4): 361-365.
"""

from enum import StrEnum
from math import isclose
from typing import NamedTuple

import polars as pl

from openmeasures.errors import ParameterError, near_miss
from openmeasures.methods.spc import ROUNDING

# Our own choice: a quarter of fewer organisations is fewer than two, so that naming it would name a rank.
MINIMUM_PEERS = 8


class Position(StrEnum):
    """Where an organisation lies among its peers."""

    LOWEST_QUARTER = "lowest_quarter"
    MIDDLE_HALF = "middle_half"
    HIGHEST_QUARTER = "highest_quarter"


class Spread(NamedTuple):
    """The spread of a figure over organisations, in the figure's unit; None where no organisation has one."""

    organisations: int
    minimum: float | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    maximum: float | None


def spread(frame: pl.DataFrame, *, value: str = "value") -> Spread:
    """Return the spread of one figure over organisations, those without a figure (null) left out.

    Quantiles interpolate linearly between the two nearest figures: definition 7 of [1], the default of R and of
    Excel's QUARTILE.INC.

    - `frame`: one row an organisation, named by `org_code`, all of one metric and one period.
    - `value`: column of figures, in any unit.

    Raises `ParameterError` if an organisation has two rows, or a figure is not finite.

    >>> spread(pl.DataFrame({"org_code": list("ABCDE"), "value": [1.0, 2.0, 3.0, 4.0, None]}))
    Spread(organisations=4, minimum=1.0, lower_quartile=1.75, median=2.5, upper_quartile=3.25, maximum=4.0)
    """
    figures = frame.select("org_code", value=pl.col(value).cast(pl.Float64))
    for fault, expected in (
        (pl.col("org_code").is_duplicated(), "one row an organisation; compare one metric in one period"),
        (~pl.col("value").is_finite(), "a finite value, or null where there is none"),
    ):
        faulty = figures.filter(fault)
        if not faulty.is_empty():
            org_code, found = faulty.row(0)
            raise ParameterError(f"organisation {org_code!r}: found {found!r}, expected {expected}.")
    present = figures["value"].drop_nulls()
    quantiles = [present.quantile(share, interpolation="linear") for share in (0, 0.25, 0.5, 0.75, 1)]
    return Spread(present.len(), *quantiles)


def position(frame: pl.DataFrame, *, org_code: str, value: str = "value") -> Position | None:
    """Return where one organisation lies among those with a figure, itself included.

    A figure on a quartile belongs to the middle half, within `ROUNDING`, and so does every figure where all are equal.
    None where the organisation has no figure, or where fewer than `MINIMUM_PEERS` have one.

    - `frame`, `value`: as for `spread`.
    - `org_code`: the organisation.

    Raises `ParameterError` for an organisation that is not in the frame, and as `spread` does.

    >>> trusts = pl.DataFrame({"org_code": list("ABCDEFGH"), "value": [1, 2, 3, 4, 5, 6, 7, 8]})
    >>> position(trusts, org_code="B")
    <Position.LOWEST_QUARTER: 'lowest_quarter'>
    """
    peers = spread(frame, value=value)
    known = frame["org_code"].to_list()
    if org_code not in known:
        raise ParameterError(
            f"organisation {org_code!r} is not among the {len(known)} compared.{near_miss(org_code, known)}"
        )
    found = frame.row(by_predicate=pl.col("org_code") == org_code, named=True)[value]
    lower, upper = peers.lower_quartile, peers.upper_quartile
    if found is None or lower is None or upper is None or peers.organisations < MINIMUM_PEERS:
        return None
    if _below(found, lower):
        return Position.LOWEST_QUARTER
    if _below(upper, found):
        return Position.HIGHEST_QUARTER
    return Position.MIDDLE_HALF


def _below(number: float, bound: float) -> bool:
    return number < bound and not isclose(number, bound, rel_tol=ROUNDING)
