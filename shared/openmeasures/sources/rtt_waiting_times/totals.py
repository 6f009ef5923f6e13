"""Whether the extract is whole: by its own totals of functions and of week bands, its parts and its systems."""

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
        *_absent(rows),
        *([f"'Total All' is blank in {len(blank)} rows, first in row {blank[tables.LINE][0]}"] if len(blank) else []),
    ]


def _absent(rows: pl.DataFrame) -> list[str]:
    """Say which parts of the return, and the providers of which systems, the file has no rows of.

    Rows stand in the order of providers' systems (ICBs), so that a file cut between two lines lacks the later ones. The
    patients of a system go to providers everywhere, so that commissioners of those systems are still there.
    """
    parts = [f"{PARTS[part].replace('_', ' ')} ({part})" for part in PARTS if part not in rows["part"]]
    of_commissioners, of_providers = (
        set(rows[name].drop_nulls().unique()) for name in ("commissioner_system", "provider_system")
    )
    lacking = sorted(of_commissioners - of_providers) if of_providers else []
    return [
        *([f"no rows at all of {', '.join(parts)}: the file may be cut off"] if parts else []),
        *(
            [
                f"no provider of {len(lacking)} of {len(of_commissioners)} systems that commission, first "
                f"{lacking[0]}: the file may be cut off, and England lacks them"
            ]
            if lacking
            else []
        ),
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
