"""NHS Talking Therapies (once IAPT), monthly time series of key measures: NHS Digital's workbook.

| observations | breakdown | from |
|---|---|---|
| each of `METRICS`, of England and of each provider | whole | rows `England` and `Provider` of the table |

The sheet is found by its headings. Each month stands in four groups, which hold the same people: England, commissioners
(CCG), providers, and each pair of the two (CCG/Provider); the rows of commissioners are left out, or everybody would
count twice. Where a group does not name one side, that side is `all`.

England's counts are exact and its percentages have one decimal. Those of providers are rounded, counts to the nearest
5 and percentages to whole numbers, and what rests on fewer than 5 people is `*` [1]; so providers do not add up to
England. `-` stands for a provider with nothing in the month. Recovery and reliable recovery are of those at caseness at
the start, a number that the workbook does not give.

1. The workbook's own sheets `Title sheet` and `Constructions`, edition of 14 May 2020.
"""

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_label
from openmeasures.releases import Vintage, vintage_stated
from openmeasures.schemas import Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.tables import Workbook, folded

TITLE = "NHS Talking Therapies (IAPT), monthly time series for key measures"
PUBLISHER = "NHS Digital"
URL = "https://digital.nhs.uk/data-and-information/publications/statistical/nhs-talking-therapies-monthly-statistics-including-employment-advisors"
LICENCE = "Open Government Licence v3.0"

COUNTS = {
    "Referrals Received": "referrals_received",
    "First Treatment": "first_treatments",
    "Ended Referrals": "ended_referrals",
    "Finished a Course of Treatment": "finished_courses",
}
PERCENTAGES = {
    "First Treatment within 6 weeks Finished a Course of Treatment": "first_treatment_within_6_weeks_percent",
    "First Treatment within 18 weeks Finished a Course of Treatment": "first_treatment_within_18_weeks_percent",
    "Recovery rate": "recovery_percent",
    "Improvement rate": "reliable_improvement_percent",
    "Reliable Recovery rate": "reliable_recovery_percent",
}
METRICS = COUNTS | PERCENTAGES
KEYS = {
    "CCG Code": "commissioner_code",
    "Provider Code": "org_code",
    "Provider Name": "org_name",
    "Group Type": "group",
    "Month / Year": "month",
}
COUNTRY, PROVIDER = "england", "provider"
GROUPS = (COUNTRY, PROVIDER, "ccg", "ccg/provider")
EVERY = "all"
PUBLISHED = "publication date"
ROUNDED_TO, MOST_HIDDEN = 5, 4  # of providers' counts


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with a sheet that has most of the publication's headings."""
    return file.workbook is not None and _sheet(file.workbook) is not None


def read(file: SourceFile) -> Publication:
    """Read every month of the workbook.

    Raises `SourceError`, which names sheet and row, for: a missing heading, a month that is none, a group type other
    than the four, no row of England in a month, a row of a provider for one commissioner that is not said to be, a
    figure given twice, a percentage above 100, or a cell that is neither a number nor a mark.
    """
    workbook = file.workbook
    sheet = None if workbook is None else _sheet(workbook)
    if workbook is None or sheet is None:
        raise SourceError(
            f"{file.place}: no sheet with the headings of the monthly time series (such as {next(iter(COUNTS))!r}). "
            "Check the file."
        )
    place = f"{file.place}, sheet {sheet!r}"
    table = tables.dated(tables.find(workbook.cells(sheet), KEYS | METRICS, place=place), "month", place=place)
    table = table.with_columns(group=pl.col("group").str.to_lowercase())
    _refuse_other_groups(table, place=place)
    wanted = table.filter(pl.col("group").is_in([COUNTRY, PROVIDER])).with_columns(
        org_code=pl.when(pl.col("group") == COUNTRY).then(pl.lit(ENGLAND)).otherwise("org_code")
    )
    found = tables.figures(wanted, [*METRICS.values()], keys=["org_code", "period_start", "period_end"], place=place)
    _refuse_impossible(found, place=place)
    observations = tables.observations(found, source=__name__.rsplit(".", 1)[-1], release=file.sha256, place=file.place)
    _refuse_months_without_england(observations, place=place)
    providers = wanted.filter(pl.col("org_code") != ENGLAND).with_columns(parent_name=pl.lit(""))
    return Publication(
        observations,
        tables.organisations(providers, release=file.sha256),
        checks=_checks(observations),
        vintage=_vintage(workbook),
    )


def _sheet(workbook: Workbook) -> str | None:
    """Return the first sheet that has most of the headings."""
    return next((name for name in workbook.sheets if tables.resembles(workbook.cells(name), KEYS | METRICS)), None)


def _refuse_other_groups(table: pl.DataFrame, *, place: str) -> None:
    """Refuse a group that may hold the same people again, and a provider's row that is for one commissioner alone."""
    is_part = (pl.col("group") == PROVIDER) & (pl.col("commissioner_code").str.to_lowercase() != EVERY)
    strange = table.filter(~pl.col("group").is_in(GROUPS) | is_part)
    if not strange.is_empty():
        row = strange.row(0, named=True)
        raise SourceError(
            f"{place}, row {row[tables.LINE]}: found group type {row['group']!r} with commissioner "
            f"{row['commissioner_code']!r}, expected one of {', '.join(map(repr, GROUPS))}, and commissioner {EVERY!r} "
            "for a provider. Download the file again, or tell us that its layout has changed."
        )


def _refuse_impossible(found: pl.DataFrame, *, place: str) -> None:
    above = found.filter(pl.col("metric").is_in([*PERCENTAGES.values()]), ~pl.col("value").is_between(0, 100))
    if not above.is_empty():
        row = above.row(0, named=True)
        raise SourceError(
            f"{place}: {row['org_code']!r} has {row['value']!r} for {row['metric'].replace('_', ' ')} in "
            f"{month_label(row['period_start'])}, expected 0 to 100. Download the file again, or tell the publisher."
        )


def _refuse_months_without_england(observations: pl.DataFrame, *, place: str) -> None:
    lacking = (
        observations.group_by("period_start").agg(has=(pl.col("org_code") == ENGLAND).any()).filter(~pl.col("has"))
    )
    if not lacking.is_empty():
        first = min(lacking["period_start"])
        raise SourceError(
            f"{place}: no row of England for {month_label(first)}; expected one each month. Download the file again."
        )


def _checks(observations: pl.DataFrame) -> list[str]:
    """Say where providers differ from England's exact count by more than rounding and suppression can make of it."""
    is_own, status = pl.col("org_code") != ENGLAND, pl.col("status")
    compared = (
        observations.filter(pl.col("metric").is_in([*COUNTS.values()]))
        .group_by("metric", "period_start", maintain_order=True)
        .agg(
            providers=pl.col("value").filter(is_own).sum(),
            england=pl.col("value").filter(~is_own).first(),
            rounding=(is_own & (status == Status.REPORTED)).sum() * ROUNDED_TO / 2,
            hidden=(is_own & (status == Status.SUPPRESSED)).sum() * MOST_HIDDEN,
        )
    )
    less, more = pl.col("rounding"), pl.col("rounding") + pl.col("hidden")
    differing = compared.filter(~(pl.col("england") - pl.col("providers")).is_between(-less, more))
    return [
        f"{row['metric'].replace('_', ' ')}, {month_label(row['period_start'])}: providers add up to "
        f"{row['providers']:,.0f}, England has {row['england']:,.0f}; rounding and suppression explain less"
        for row in differing.iter_rows(named=True)
    ]


def _vintage(workbook: Workbook) -> Vintage | None:
    """Return what the title sheet says, as in `Publication date: 14 May 2020`, all in one cell."""
    cells = (
        cell for name in workbook.sheets for row in workbook.cells(name).head(tables.TOP_ROWS).rows() for cell in row
    )
    dated = next((cell for cell in cells if folded(cell).startswith(PUBLISHED)), "")
    return vintage_stated({"published": dated})
