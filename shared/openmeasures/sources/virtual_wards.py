"""Virtual ward capacity and occupancy: NHS England's monthly workbook, a snapshot of one Thursday a month.

| observations | of | from |
|---|---|---|
| each of `METRICS`, England's row too | integrated care boards (ICBs) | the sheet of ICBs |
| each of `OF_PROVIDERS`, England's row too | providers | the sheet of providers, from April 2025 |

Both sheets hold the same patients and places once more. So what providers report has metrics of its own, and England is
the sum of either. Sheets and columns are found by name; the notes' numbers in headings (`(see note 1)`) do not matter.

A percentage above 100 is published as the text `100%*`: that is no figure, and `suppressed`; the counts beside it are
published and say what it is. `**` stands for patients that nobody submitted; the places are in the published capacity
of England all the same, so that its published percentage is too low in such a month. A provider has a row in each
region in which it leads a ward; its rows are added up.
"""

import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_end, month_named
from openmeasures.releases import vintage_stated
from openmeasures.schemas import Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.tables import LINE, MARKS, Workbook, folded

TITLE = "Virtual Ward Capacity and Occupancy, monthly workbook"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/virtual-ward/"
LICENCE = "Open Government Licence v3.0"

CAPACITY, PATIENTS, PUBLISHED = "virtual_ward_capacity", "virtual_ward_patients", "published_occupied_share"
POPULATION, PER_PEOPLE = "gp_registered_population", "published_capacity_per_100_000"
COUNTED = {"Virtual Ward Capacity": CAPACITY, "Patients in a Virtual Ward": PATIENTS}
METRICS = COUNTED | {
    "Occupancy %": PUBLISHED,
    "Virtual Ward Capacity per 100,000 GP registered population": PER_PEOPLE,
    "GP registered population": POPULATION,
}
OF_PROVIDERS = {name: f"{name}_of_providers" for name in COUNTED.values()}
REGION = {"Region": "parent_name"}
ICB = REGION | {"ICB code": "org_code", "Name": "org_name"}
PROVIDER = REGION | {"Provider code": "org_code", "Name": "org_name"}
CAPPED, NOBODY = "100%*", "**"
SHEET_MARKS = MARKS | {CAPPED: Status.SUPPRESSED, NOBODY: Status.NOT_SUBMITTED}
_NOTE = re.compile(r"\s*\(see notes? [^)]*\)\s*$", re.IGNORECASE)


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with a sheet that has most of the headings of either kind."""
    workbook = file.workbook
    return workbook is not None and any(
        tables.resembles(_plain(workbook.cells(sheet)), names)
        for sheet in workbook.sheets
        for names in (ICB | METRICS, PROVIDER | COUNTED)
    )


def read(file: SourceFile) -> Publication:
    """Read one month.

    Raises `SourceError`, which names sheet and row, for: no sheet of ICBs, a missing heading, a period that is no month
    or differs between the sheets, no row of England or several, a row without code, an organisation given twice, or a
    cell that is neither a number nor a mark.
    """
    workbook = file.workbook
    if workbook is None:
        raise SourceError(f"{file.place}: not a workbook; expected the monthly file (.xlsx). Check the file.")
    of_icbs, of_providers = (_sheet(workbook, names) for names in (ICB, PROVIDER))
    if of_icbs is None:
        raise SourceError(
            f"{file.place}: no sheet with a heading 'ICB code' among {', '.join(map(repr, workbook.sheets))}. "
            "Download the file again, or tell us that its layout has changed."
        )
    boards = _table(workbook, of_icbs, ICB | METRICS)
    found = [tables.figures(boards, [*METRICS.values()], keys=["org_code"], place=file.place, marks=SHEET_MARKS)]
    month = _month(workbook, of_icbs)
    if of_providers is not None:
        if _month(workbook, of_providers) != month:
            raise SourceError(
                f"{workbook.place}, sheet {of_providers!r}: another month than sheet {of_icbs!r}; expected one month a "
                "file. Download the file again."
            )
        providers = _table(workbook, of_providers, PROVIDER | COUNTED).rename(OF_PROVIDERS)
        metrics = [*OF_PROVIDERS.values()]
        rows = tables.figures(providers, metrics, keys=["org_code"], place=file.place, marks=SHEET_MARKS)
        found.append(_added_up(rows).select(found[0].columns))
    observations = tables.observations(
        pl.concat(found).with_columns(period_start=pl.lit(month), period_end=pl.lit(month_end(month))),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    added = observations.filter(~pl.col("metric").is_in([PUBLISHED, PER_PEOPLE]))
    return Publication(
        observations,
        tables.organisations(boards.filter(pl.col("org_code") != ENGLAND), period_start=month, release=file.sha256),
        checks=[*tables.total_checks(added), *_absent(observations)],
        vintage=vintage_stated(tables.labels(workbook.cells(of_icbs))),
    )


def _plain(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells with headings that have lost the number of their note, which changes with every note added."""
    head = cells.head(tables.TOP_ROWS).with_columns(
        pl.all().map_elements(lambda cell: _NOTE.sub("", cell), return_dtype=pl.String)
    )
    return pl.concat([head, cells.slice(tables.TOP_ROWS)])


def _sheet(workbook: Workbook, names: dict[str, str]) -> str | None:
    """Return the sheet that has a code's heading: today's names of the sheets began in April 2025."""
    code = folded(next(heading for heading, name in names.items() if name == "org_code"))
    return next(
        (
            sheet
            for sheet in workbook.sheets
            if any(code in map(folded, row) for row in workbook.cells(sheet).head(tables.TOP_ROWS).iter_rows())
        ),
        None,
    )


def _month(workbook: Workbook, sheet: str) -> date:
    period = tables.labels(workbook.cells(sheet)).get("month", "")
    try:
        return month_named(period)
    except ParameterError as error:
        raise SourceError(
            f"{workbook.place}, sheet {sheet!r}: found {period!r} beside 'Month:', expected for example 'April 2025'. "
            "Download the file again, or tell the publisher."
        ) from error


def _table(workbook: Workbook, sheet: str, names: dict[str, str]) -> pl.DataFrame:
    """Return the rows of a sheet; England's, whose code is `-`, has its code, and notes beneath are left out."""
    place = f"{workbook.place}, sheet {sheet!r}"
    rows = tables.find(_plain(workbook.cells(sheet)), names, place=place)
    metrics = [name for name in names.values() if name in METRICS.values()]
    rows = rows.filter(pl.any_horizontal(pl.col(*metrics) != ""))
    is_england = pl.col("org_name").str.to_lowercase().str.strip_chars("* ") == "england"
    if (number := rows.filter(is_england).height) != 1:
        raise SourceError(
            f"{place}: {number or 'no'} rows named 'England'; expected exactly one. Download the file again, or "
            "tell us that its layout has changed."
        )
    rows = rows.with_columns(org_code=pl.when(is_england).then(pl.lit(ENGLAND)).otherwise("org_code"))
    nameless = rows.filter(pl.col("org_code").is_in(["", "-"]))
    if not nameless.is_empty():
        raise SourceError(
            f"{place}, row {nameless[LINE][0]}: figures without an organisation's code. Download the file again."
        )
    return rows


def _added_up(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row a provider and metric; where a part is missing, so is the sum."""
    is_reported = pl.col("status") == Status.REPORTED.value
    return rows.group_by("org_code", "metric", maintain_order=True).agg(
        value=pl.when(is_reported.all()).then(pl.col("value").sum()),
        status=pl.col("status").sort_by(is_reported).first(),
    )


def _absent(observations: pl.DataFrame) -> list[str]:
    """Say which boards' patients nobody submitted: their places are in England's capacity all the same."""
    absent = observations.filter(pl.col("metric") == PATIENTS, pl.col("status") == Status.NOT_SUBMITTED.value)
    codes = absent["org_code"].sort().to_list()
    return [f"patients not submitted: {', '.join(codes)}"] if codes else []
