"""Zeros that may be errors at the source: nothing is published as counted where there was much just before or after.

| function | gives |
|---|---|
| `zeros` | the zeros of one organisation that are in doubt, and how many were to be expected |
| `told` | each of them in words |

A figure in doubt stays as it was published. Whether it is an error is for its publisher to say; then it belongs in
`corrections.yml`.
"""

from datetime import timedelta

import polars as pl

from openmeasures.definitions import Kind, Measure
from openmeasures.schemas import Status

# Our own choices. Of independent cases none would come once in 500 million times where 20 are to be expected; cases are
# not independent, hence so wide a margin.
FEWEST_EXPECTED = 20
MANY = 100  # of a denominator: what an organisation that has hundreds will not lack altogether
NEAR = timedelta(days=366)  # a figure further away, as across a gap in the data, says nothing of this one
SCHEMA = {"period_start": pl.Date, "what": pl.String, "expected": pl.Float64, "denominator": pl.Float64}


def zeros(mine: pl.DataFrame, england: pl.DataFrame, *, kind: Kind) -> pl.DataFrame:
    """Return `period_start, what, expected, denominator` of zeros in doubt, oldest first.

    `what` is the `denominator`, the `numerator`, or the `rest`, which is in the denominator alone; `expected` how many
    the nearest figures before and after would have made of it, whichever is fewer; at an end of the series, the one
    that there is. Only figures at most a year away count. In doubt is:

    - a denominator of 0, where `MANY` or more were to be expected;
    - of a proportion a numerator or a rest of 0, of a rate a numerator of 0, where by the share of the nearest figures
      `FEWEST_EXPECTED` or more were to be expected.

    Where an organisation has no such figures, but periods that were not submitted in their place, England's share of
    the same period stands for theirs. Without either nothing is doubted, nor beside another zero: an organisation may
    never have such cases.

    - `mine`, `england`: `schemas.Counts` of one organisation and of England.
    """
    rows = mine.filter(pl.col("status") == Status.REPORTED).sort("period_start")
    whole, part = pl.col("denominator"), pl.col("numerator")
    found = rows.select(
        "period_start", "denominator", least=_nearest(whole), with_part=part, rest=whole - part,
        numerator_share=_nearest((part / whole).fill_nan(0)), rest_share=_nearest(((whole - part) / whole).fill_nan(0)),
    )  # fmt: skip
    of_england = england.select("period_start", numerator_england=part / whole, rest_england=(whole - part) / whole)
    found = found.join(of_england, on="period_start", how="left", maintain_order="left")
    absent = mine.filter(pl.col("status") == Status.NOT_SUBMITTED)["period_start"]
    has_gap = [any(abs(day - each) <= NEAR for each in absent) for day in found["period_start"]]
    found = found.with_columns(has_gap=pl.Series(has_gap, dtype=pl.Boolean))
    doubted = [
        found.filter(whole == 0, pl.col("least") >= MANY).select(
            "period_start", what=pl.lit("denominator"), expected="least", denominator=whole
        )
    ]
    for what, counted in {"numerator": "with_part", "rest": "rest"}.items():
        if kind == "proportion" or (kind == "rate" and what == "numerator"):
            share = pl.col(f"{what}_share")
            england_share = pl.when("has_gap").then(f"{what}_england")
            expected = whole * pl.coalesce(share, england_share)
            doubted.append(
                found.filter(whole > 0, pl.col(counted) == 0, expected >= FEWEST_EXPECTED).select(
                    "period_start", what=pl.lit(what), expected=expected, denominator=whole
                )
            )
    return pl.concat([pl.DataFrame(schema=SCHEMA), *doubted]).sort("period_start", "what")


def _nearest(figure: pl.Expr) -> pl.Expr:
    """Return the lesser of a figure's neighbours that are at most a year away; null where there is none."""
    day = pl.col("period_start")
    before = pl.when(day - day.shift(1) <= NEAR).then(figure.shift(1))
    after = pl.when(day.shift(-1) - day <= NEAR).then(figure.shift(-1))
    return pl.min_horizontal(before, after)


def told(found: pl.DataFrame, measure: Measure) -> list[str]:
    """Return each of `zeros` in words, with its period."""
    part, whole = measure.numerator.label, measure.denominator.label
    said = {
        "denominator": f"0 {whole}, where {{expected:,.0f}} or more were to be expected",
        "numerator": f"0 {part} of {{denominator:,.0f}}, where {{expected:,.0f}} or more were to be expected",
        "rest": (
            f"all of {{denominator:,.0f}} {whole} {part}, where {{expected:,.0f}} or more others were to be expected"
        ),
    }
    return [
        f"{measure.period.label(row['period_start'])} ({said[row['what']].format(**row)})"
        for row in found.iter_rows(named=True)
    ]
