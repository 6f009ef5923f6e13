"""The band of a ratio of observed to expected deaths, in words and as a table: never a rank, never better or worse.

| function | gives |
|---|---|
| `finding` | an organisation's band by both kinds of limits; for England, how many trusts have which |
| `table` | the same with the limits, beside what was published |
| `every_period` | the bands of all trusts and periods |
| `beside` | an organisation's points with their band, for its result |
| `agreement` | in how many trusts and periods our band is the published one |

The metrics are those of `sources.hospital_mortality`; the bands are those of `methods.bands`.
"""

from typing import Any

import polars as pl

from openmeasures import display, words
from openmeasures.display import Markdown
from openmeasures.methods import bands
from openmeasures.methods.bands import Band
from openmeasures.methods.funnel import MINIMUM_ORGANISATIONS
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.sources.hospital_mortality import BAND, LOWER_LIMIT, UPPER_LIMIT

PUBLISHED_BANDS = {1.0: Band.HIGHER, 2.0: Band.AS_EXPECTED, 3.0: Band.LOWER}
DECIMALS = 4  # of a ratio and its limits in a table, as published
ADJUSTED = "95\u00a0% limits with room for the usual spread"
EXACT = "exact 99.8\u00a0% Poisson limits"
_KEYS = ["org_code", "period_start"]
_FEW = (
    f"Fewer than {MINIMUM_ORGANISATIONS} trusts are too few to tell how much they usually differ, so that the band by "
    "which NHS England goes cannot be worked out."
)


def finding(run: Parameters, banded: pl.DataFrame) -> str:
    """Say which band the run's organisation has in the latest period, by both kinds of limits.

    `banded` is that of `methods.bands` for the trusts of that period. For England it is said how many have which band.
    """
    measure = run.measure
    when, present = f"the twelve months from {measure.period.label(run.period_to)}", banded.drop_nulls("value")
    is_told = present["band"].is_not_null().all()
    if run.org_code == ENGLAND:
        if present.is_empty():
            return f"No trust has a figure for {when}."
        by_exact = _counted(present["exact_band"])
        if not is_told:
            return f"In {when} {by_exact} by {EXACT}. {_FEW}"
        return (
            f"In {when} {_counted(present['band'])} by the limits that NHS England bands by ({ADJUSTED}). "
            f"By {EXACT} {by_exact}."
        )
    mine = present.filter(pl.col("org_code") == run.org_code)
    if mine.is_empty():
        return f"{run.org_name} has no figure for {when}, so that it has no band."
    row = mine.row(0, named=True)
    value, exact = measure.written(row["value"]), f"{EXACT} ({_limits(row, 'exact_')})"
    if not is_told:
        return f"In {when} {run.org_name}, at {value}, is {row['exact_band']} by {exact}. {_FEW}"
    again = f"it is {row['exact_band']} as well" if row["band"] == row["exact_band"] else f"it is {row['exact_band']}"
    return (
        f"In {when} {run.org_name}, at {value}, is {row['band']} by the limits that NHS England bands by "
        f"({_limits(row)}: {ADJUSTED}). By {exact} {again}."
    )


def _counted(found: pl.Series) -> str:
    """Say how many trusts have which band."""
    numbers = {band: found.filter(found == band.value).len() for band in Band}
    first = words.plural(numbers[Band.HIGHER], "trust")
    is_are = "is" if numbers[Band.HIGHER] == 1 else "are"
    return (
        f"{first} {is_are} {Band.HIGHER.value}, {numbers[Band.AS_EXPECTED]} {Band.AS_EXPECTED.value} and "
        f"{numbers[Band.LOWER]} {Band.LOWER.value}"
    )


def _limits(row: dict[str, Any], kind: str = "") -> str:
    lower, upper = row[f"{kind}lower_limit"], row[f"{kind}upper_limit"]
    return f"{lower:.2f} to {upper:.2f}"


def table(run: Parameters, banded: pl.DataFrame, observations: pl.DataFrame) -> Markdown:
    """Show both bands of the latest period with their limits, beside those published; for England, how many."""
    present = banded.drop_nulls("value")
    stated = _stated(observations).filter(pl.col("period_start") == run.period_to)
    if run.org_code == ENGLAND:
        rows = [
            (title, *(_cell(None if found.is_null().all() else str((found == band.value).sum())) for band in Band))
            for title, found in (
                (_titled(ADJUSTED), present["band"]), (_titled(EXACT), present["exact_band"]),
                ("As published", stated["stated_band"]),
            )
        ]  # fmt: skip
        return Markdown(display.table(("Trusts by", *(_titled(band.value) for band in Band)), rows, numbers=3))
    mine = present.join(stated, on=_KEYS, how="left").filter(pl.col("org_code") == run.org_code)
    if mine.is_empty():
        return Markdown("")
    row = mine.row(0, named=True)
    shown = [
        (_titled(ADJUSTED), "lower_limit", "upper_limit", "band"),
        (_titled(EXACT), "exact_lower_limit", "exact_upper_limit", "exact_band"),
        ("As published", LOWER_LIMIT, UPPER_LIMIT, "stated_band"),
    ]
    rows = [(title, *(_cell(row[column]) for column in columns)) for title, *columns in shown]
    headings = ("Band by", "Lower limit", "Upper limit", f"At {row['value']:.{DECIMALS}f}")
    return Markdown(display.table(headings, rows, numbers=3))


def _titled(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _cell(found: object) -> str:
    if found is None:
        return "not known"
    return f"{found:.{DECIMALS}f}" if isinstance(found, float) else str(found)


def _stated(observations: pl.DataFrame) -> pl.DataFrame:
    """Return the published limits and band of each trust and period, null where there is none."""
    named = (BAND, LOWER_LIMIT, UPPER_LIMIT)
    figures = observations.filter(pl.col("metric").is_in(named), pl.col("org_code") != ENGLAND)
    wide = figures.group_by(_KEYS, maintain_order=True).agg(
        pl.col("value").filter(pl.col("metric") == name).first().alias(name) for name in named
    )
    of_number = {number: band.value for number, band in PUBLISHED_BANDS.items()}
    return wide.with_columns(
        stated_band=pl.col(BAND).replace_strict(of_number, default=None, return_dtype=bands.BAND_TYPE)
    )


def every_period(points: pl.DataFrame) -> pl.DataFrame:
    """Return `methods.bands` of the trusts of each period; England, which they are set against, is left out."""
    return bands.by_period(points.filter(pl.col("org_code") != ENGLAND))


def beside(points: pl.DataFrame, banded: pl.DataFrame) -> pl.DataFrame:
    """Return points with the `band` that `every_period` found of each; null where there is none, as of England."""
    return points.join(banded.select(*_KEYS, "band"), on=_KEYS, how="left", maintain_order="left")


def agreement(banded: pl.DataFrame, observations: pl.DataFrame) -> str:
    """Say in how many trusts and periods our band, by limits with room for the usual spread, is the published one.

    `banded` is that of `every_period`.
    """
    both = banded.join(_stated(observations), on=_KEYS, how="inner").drop_nulls(["band", "stated_band"])
    if both.is_empty():
        return "No published band can be set beside ours."
    same = both.filter(pl.col("band") == pl.col("stated_band")).height
    return f"Worked out anew, the band is the published one in {same:,} of {words.plural(both.height, 'figure')}."
