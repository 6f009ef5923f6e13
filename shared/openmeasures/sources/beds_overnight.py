"""Beds available and occupied overnight (KH03): NHS England's quarterly web file.

| observations | breakdown | from |
|---|---|---|
| `beds_available_…` and `beds_occupied_…` of each of `SECTORS`, England's too | whole | sheet `NHS Trust by Sector` |
| `share_occupied_…` of each of `SECTORS`, a fraction as published, England's too | whole | the same sheet |

Figures are averages a day over the quarter, of consultant-led beds on wards open overnight, with up to nine decimals.
Sheets and columns are found by name: a heading such as `General & Acute` stands three times, under a row of titles. The
file of beds open by day only has the same sheets and headings, so what is above them tells the two apart. The row of
England has its name and no code. The sheet `Data Quality`, first or last, names those whose returns are estimates;
nothing in their rows does.

1. Bed Availability and Occupancy (KH03), NHS England,
   https://www.england.nhs.uk/statistics/statistical-work-areas/bed-availability-and-occupancy/
"""

import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import ENGLAND, ENGLAND_NAME
from openmeasures.periods import MONTH_NAMES, Period, month_named
from openmeasures.releases import vintage_stated
from openmeasures.sources import Publication, SourceFile
from openmeasures.tables import LINE, Workbook, folded

TITLE = "Bed Availability and Occupancy (KH03), beds open overnight"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/bed-availability-and-occupancy/bed-data-overnight/"
LICENCE = "Open Government Licence v3.0"

SECTORS = {
    "Total": "all_sectors",
    "General & Acute": "general_and_acute",
    "Learning Disabilities": "learning_disabilities",
    "Maternity": "maternity",
    "Mental Illness": "mental_illness",
}
GROUPS = {"Available": "beds_available", "Occupied": "beds_occupied", "% Occupied": "share_occupied"}
METRICS = {
    f"{group} | {sector}": f"{what}_{where}" for group, what in GROUPS.items() for sector, where in SECTORS.items()
}
KEYS = {"Year": "year", "Period End": "last_month", "Org Code": "org_code", "Org Name": "org_name"}
# Of the column that says where an organisation is; what stands first is what is published today.
AREAS = ("Region Code", "AT Code", "Area Team Code", "SHA Code")
TRUSTS, REGIONS, QUALITY = "NHS Trust by Sector", "Region by Sector", "Data Quality"
OVERNIGHT = "overnight"  # in the title of this file; that of the other says `day only`
_CODE = re.compile(r"[A-Z0-9-]{3,6}")
_AGAIN = "Download the file again, or tell us that its layout has changed."


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with the sheet, most of its headings, and `overnight` in the title above them."""
    workbook = file.workbook
    if workbook is None or TRUSTS not in workbook.sheets:
        return False
    cells = workbook.cells(TRUSTS)
    is_overnight = OVERNIGHT in folded(tables.labels(cells).get("title", ""))
    return is_overnight and tables.resembles(cells, [*KEYS, *SECTORS])


def read(file: SourceFile) -> Publication:
    """Read one quarter.

    Raises `SourceError`, which names sheet and row, for: a missing heading, a period that is no quarter or not that of
    the rows, no row of England or several, a row of figures without a code, a figure given twice, or a cell that is
    neither a number nor a mark.
    """
    workbook = file.workbook
    if workbook is None:
        raise SourceError(f"{file.place}: not a workbook; expected the quarterly web file (.xlsx). Check the file.")
    place = f"{file.place}, sheet {TRUSTS!r}"
    cells = workbook.cells(TRUSTS)
    titles = tables.labels(cells)
    quarter = _quarter(titles.get("period", ""), place=place)
    heading = _area(cells)
    rows = tables.find(cells, KEYS | {heading: "area"} | METRICS, place=place, band=True)
    _check_rows(rows, quarter, place=place)
    rows = _with_england(rows, place=place)
    observations = tables.observations(
        tables.figures(rows, [*METRICS.values()], keys=["org_code"], place=place).with_columns(
            period_start=pl.lit(quarter), period_end=pl.lit(Period.QUARTER.end(quarter))
        ),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    named = rows.filter(pl.col("org_code") != ENGLAND).with_columns(
        parent_name=pl.col("area").replace(_regions(workbook, heading))
    )
    return Publication(
        observations,
        tables.organisations(named, period_start=quarter, release=file.sha256),
        checks=[
            *tables.total_checks(observations.filter(~pl.col("metric").str.starts_with(GROUPS["% Occupied"]))),
            *_estimates(workbook),
        ],
        vintage=vintage_stated(titles),
    )


def _quarter(text: str, *, place: str) -> date:
    """Return the first day of a quarter written as `October to December 2024`."""
    first, _, last = text.partition(" to ")
    try:
        end = month_named(last)
        months = (month_named(f"{first} {end.year}"), end)
    except ParameterError:
        months = None
    quarter = Period.QUARTER.start(months[1]) if months else None
    if quarter is None or months != (quarter, Period.QUARTER.last_month(quarter)):
        raise SourceError(
            f"{place}, Period: found {text!r}, expected a quarter such as 'October to December 2024'. {_AGAIN}"
        )
    return quarter


def _check_rows(rows: pl.DataFrame, quarter: date, *, place: str) -> None:
    """Refuse rows of another quarter than the one above the table."""
    year = Period.YEAR.label(quarter).replace("/", "-")
    last = MONTH_NAMES[Period.QUARTER.last_month(quarter).month - 1]
    others = rows.filter((pl.col("year") != year) | (pl.col("last_month") != last))
    if not others.is_empty():
        row = others.row(0, named=True)
        raise SourceError(
            f"{place}, row {row[LINE]}: found figures of {row['year']!r}, {row['last_month']!r}, and above the table "
            f"{Period.QUARTER.in_full(quarter)}; expected {year!r}, {last!r}. {_AGAIN}"
        )


def _area(cells: pl.DataFrame) -> str:
    """Return the heading of the column of areas, the present one if there is none that is known."""
    seen = {folded(cell) for row in cells.head(tables.TOP_ROWS).iter_rows() for cell in row}
    return next((heading for heading in AREAS if folded(heading) in seen), AREAS[0])


def _with_england(rows: pl.DataFrame, *, place: str) -> pl.DataFrame:
    is_england = (pl.col("org_code") == "") & (pl.col("org_name").str.to_lowercase() == ENGLAND_NAME.lower())
    count = rows.filter(is_england).height
    if count != 1:
        raise SourceError(f"{place}: found {count} rows of {ENGLAND_NAME} without a code, expected one. {_AGAIN}")
    return rows.with_columns(org_code=pl.when(is_england).then(pl.lit(ENGLAND)).otherwise("org_code"))


def _regions(workbook: Workbook, heading: str) -> dict[str, str]:
    """Return the name of each area by its code; empty where the file has no sheet of them."""
    if REGIONS not in workbook.sheets:
        return {}
    cells = workbook.cells(REGIONS)
    if not tables.resembles(cells, [heading, "AT Name"]):
        return {}
    place = f"{workbook.place}, sheet {REGIONS!r}"
    table = tables.find(cells, {heading: "area", "AT Name": "name"}, place=place)
    return dict(table.filter(pl.col("area") != "").select("area", pl.col("name").str.to_titlecase()).iter_rows())


def _estimates(workbook: Workbook) -> list[str]:
    """Say whose figures are estimates, under each heading of the sheet that names them."""
    if QUALITY not in workbook.sheets:
        return []
    found: dict[str, list[str]] = {}
    heading = ""
    for row in workbook.cells(QUALITY).iter_rows():
        filled = [cell for cell in row if cell]
        if len(filled) == 1 and filled[0].endswith(":"):
            heading = filled[0].rstrip(":")
        elif heading and len(filled) > 1 and _CODE.fullmatch(filled[0]):
            found.setdefault(heading, []).append(f"{filled[0]} {filled[1]}")
    return [f"{heading}: {', '.join(named)}" for heading, named in found.items()]
