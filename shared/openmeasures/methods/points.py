"""What every method demands of a series before it computes: a row that no chart can show is an error, not a picture.

| function | gives |
|---|---|
| `check` | nothing, or `ParameterError` for the first row at fault |
"""

import polars as pl
import polars.selectors as cs

from openmeasures.errors import ParameterError

MINIMUM_FOR_A_RANGE = 2  # a moving range joins two points


def check(table: pl.DataFrame, *faults: tuple[pl.Expr, str]) -> None:
    """Raise `ParameterError` for the first row that lacks its keys, shares them, or holds no usable figure.

    - `table`: columns `by`, `order`, and figures as floats, null where there is none.
    - `faults`: what else is wrong, as an expression that is true of a faulty row, and what was expected instead.

    >>> check(pl.DataFrame({"by": ["RJ1"], "order": [1], "value": [0.5]}))
    >>> check(pl.DataFrame({"by": ["RJ1"], "order": [1], "value": [float("nan")]}))
    Traceback (most recent call last):
        ...
    openmeasures.errors.ParameterError: organisation 'RJ1', period 1: found value nan, expected a finite value, or \
null where there is none.
    """
    figures = table.select(cs.float()).columns
    for fault, expected in (
        (pl.any_horizontal(pl.col("by", "order").is_null()), "an organisation and a period in every row"),
        (pl.struct("by", "order").is_duplicated(), "one row an organisation and period; chart one metric at a time"),
        (pl.any_horizontal(~cs.float().is_finite()), "a finite value, or null where there is none"),
        *faults,
    ):
        faulty = table.filter(fault)
        if not faulty.is_empty():
            row = faulty.row(0, named=True)
            found = ", ".join(f"{name} {row[name]!r}" for name in figures)
            raise ParameterError(
                f"organisation {row['by']!r}, period {row['order']!s}: found {found}, expected {expected}."
            )


def check_minimum(
    minimum_points: int, *, least: int = MINIMUM_FOR_A_RANGE, why: str = "a range joins two points"
) -> None:
    """Raise `ParameterError` for a minimum of points on which nothing could rest."""
    if minimum_points < least:
        raise ParameterError(f"minimum_points is {minimum_points!r}: expected {least} or more, as {why}.")
