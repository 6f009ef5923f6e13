"""Periods of which there is no file here, between those that a series has: a chart leaves room for them.

| name | gives |
|---|---|
| `absent` | which they are |
| `filled` | a series with a row for each of them |
| `told` | how many they are, in words |
"""

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from openmeasures import standards, words
from openmeasures.definitions import Measure

_LEVEL = ("mean", "lower_process_limit", "upper_process_limit")  # one of each in a segment


def absent(days: Iterable[date], measure: Measure) -> list[date]:
    """Return the periods between the first and the last of those that begin on `days`, in any order, without these."""
    there = set(days)
    return [day for day in measure.period.between(min(there), max(there)) if day not in there] if there else []


def filled(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return one organisation's points in order of time, with a row for each period between them that has none.

    Takes `period_start`, and what `spc.xmr` and `standards.join` add. The new rows have neither value nor `status`. The
    level of their segment goes on, and each has the standards that were in force, so that a step stands where it was;
    where no other row has a standard, as in a seasonally adjusted series, they have none either. A series without such
    periods stays as it is, and so does an empty one.
    """
    points = points.sort("period_start")
    days = absent(points["period_start"], measure)
    if not days:
        return points
    has_standards = points["standard"].is_not_null().any()
    rows = standards.in_force(days, measure) if has_standards else pl.DataFrame({"period_start": days})
    full = pl.concat([points, rows], how="diagonal").sort("period_start")
    of_segment = pl.col(*_LEVEL).drop_nulls().first().over("segment")
    return full.with_columns(pl.col("segment").forward_fill()).with_columns(
        pl.when(pl.col("period_start").is_in(days)).then(of_segment).otherwise(pl.col(*_LEVEL))
    )


def told(days: Sequence[date], measure: Measure) -> str:
    """Say why a line breaks, given `absent` periods; nothing where there are none."""
    return f"The line breaks where no file is here ({words.plural(len(days), measure.period.noun)})." if days else ""
