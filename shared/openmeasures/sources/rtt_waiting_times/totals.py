"""The extract's own totals: all treatment functions together, and `Total All` of the week bands."""

import polars as pl

from openmeasures import tables
from openmeasures.sources.rtt_waiting_times.extract import ALL_FUNCTIONS, PARTS, WITHOUT_BANDS, Band

_SHOWN = 3  # findings of one kind that are told one by one


def checks(rows: pl.DataFrame, sums: pl.DataFrame, bands: list[Band]) -> list[str]:
    """Compare the file with its own totals, provider by provider; say in words what differs, and blank totals."""
    categories = [band.category for band in bands]
    group = ["org_code", "part", "is_english"]
    is_whole = pl.col("function_code") == ALL_FUNCTIONS
    functions = (
        sums.filter(~is_whole)
        .group_by(group)
        .agg(
            pl.when(pl.col("total").null_count() == 0).then(pl.col("total").sum()).alias("added"),
            pl.col(categories).sum().name.suffix(" added"),
            has_functions=pl.lit(True),
        )
    )
    by_function = functions.join(sums.filter(is_whole), on=group, how="full", coalesce=True).sort(group)
    is_half = pl.col("function_code").is_null() | pl.col("has_functions").is_null()
    by_week = (
        sums.filter(pl.col("part") != WITHOUT_BANDS)
        .with_columns(added=pl.sum_horizontal("unknown_start", *categories))
        .sort(*group, "function_code")
    )
    in_a_band = by_function.filter(pl.col("added") == pl.col("total")).with_columns(
        band=pl.coalesce(pl.when(pl.col(name) != pl.col(f"{name} added")).then(pl.lit(name)) for name in categories)
    )
    blank = rows.filter(pl.col("part").is_in(list(PARTS)), pl.col("total").is_null())
    return [
        *_told(
            by_function.filter((pl.col("added") != pl.col("total")) | is_half),
            "treatment functions add up to {added}, the total of all functions is {total}",
        ),
        *_told(
            in_a_band.filter(pl.col("band").is_not_null()),
            "treatment functions do not add up to the total of all functions in the band {band} weeks",
        ),
        *_told(
            by_week.filter(pl.col("added") != pl.col("total")),
            "{function}: week bands add up to {added}, 'Total All' is {total}",
        ),
        *([f"'Total All' is blank in {len(blank)} rows, first in row {blank[tables.LINE][0]}"] if len(blank) else []),
    ]


def _told(differing: pl.DataFrame, words: str) -> list[str]:
    """Say the first few differences one by one, and how many more there are."""
    said = []
    for row in differing.head(_SHOWN).iter_rows(named=True):
        metric = PARTS[row["part"]].replace("_", " ") + ("" if row["is_english"] else " for non-English commissioners")
        numbers = {name: "missing" if row[name] is None else f"{row[name]:,}" for name in ("added", "total")}
        said.append(f"{metric}, {row['org_code']}: {words.format(**{**row, **numbers})}")
    if more := len(differing) - len(said):
        said.append(f"and {more} more where " + words.split(" {", maxsplit=1)[0].removeprefix("{function}: "))
    return said
