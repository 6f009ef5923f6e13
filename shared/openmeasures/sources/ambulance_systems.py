"""Ambulance systems indicators (AmbSYS): NHS England's monthly time series, as its workbook and as its CSV.

Each file holds every month since August 2017, one row a service and month, with its indicators under their numbers:

| | workbook, hidden sheet `Raw` | CSV |
|---|---|---|
| year and month | `2025-26`, `AUGUST` | `2025`, `8` |
| code, name and region | `Area`, `Trust`, `Reg` | `Org Code`, `Org Name`, `Region` |
| England | `ENG` | `Eng` |
| not available | `-` | `.` |

The workbook's visible sheets are views of one area at a time and are not read. Rows of regions repeat their services
and are left out. Figures are kept as published: a service that had not begun has zeros in the workbook, which each
measure's `corrections.yml` turns into what they are. Centiles do not add up, so England's is the published one.
"""

import re
from collections.abc import Iterable
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_end, month_named
from openmeasures.releases import Vintage, vintage_stated
from openmeasures.schemas import Status
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.tables import LINE, Workbook, folded

TITLE = "Ambulance Quality Indicators: Systems Indicators (AmbSYS)"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/ambulance-quality-indicators/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(files=(r"ambsys.time.series.*\.xlsx$", r"ambsys.*\.csv$"), is_series=True)

# Indicators by their number, which is the same in every edition; the names are those of the workbook's visible sheets.
METRICS = {
    "A0": "contacts",
    "A1": "calls_answered",
    "A2": "call_answer_time_seconds",
    "A7": "incidents",
    "A8": "category_1_incidents",
    "A24": "category_1_response_time_seconds",
    "A26": "category_1_90th_centile_seconds",
    "A9": "category_1_transport_incidents",  # C1T: the response is the vehicle that takes the patient
    "A27": "category_1_transport_response_time_seconds",
    "A29": "category_1_transport_90th_centile_seconds",
    "A10": "category_2_incidents",
    "A30": "category_2_response_time_seconds",
    "A32": "category_2_90th_centile_seconds",
    "A11": "category_3_incidents",
    "A33": "category_3_response_time_seconds",
    "A35": "category_3_90th_centile_seconds",
    "A12": "category_4_incidents",
    "A36": "category_4_response_time_seconds",
    "A38": "category_4_90th_centile_seconds",
}
SUMMED = [metric for metric in METRICS.values() if not metric.endswith("_90th_centile_seconds")]
WORKBOOK_KEYS = {"Year": "year", "Month": "month", "Reg": "region", "Area": "org_code", "Trust": "org_name"}
CSV_KEYS = {"Year": "year", "Month": "month", "Region": "region", "Org Code": "org_code", "Org Name": "org_name"}
REGION_NAMES = {"Region": "region", "Region Long": "region_name"}  # beside the workbook's data, in the same row
DATA_SHEET = "Raw"
ABOUT_SHEET = "Introduction"
SIGNATURE = ("Year", "Month", *METRICS)  # most of them together are in no other publication
ABOUT = "systems indicators (ambsys), in this spreadsheet"  # in the introduction; clinical outcomes have another one
HEADING_ROWS = 10  # the workbook has its headings in row 5
# The sheets' notes call `-` "not available": a figure that was due and is not there.
MARKS = dict.fromkeys(("-", ".", ""), Status.NOT_SUBMITTED)
APRIL = 4  # a financial year's first month

_FINANCIAL_YEAR = re.compile(r"([12]\d{3})-\d{2}", re.ASCII)


def recognises(file: SourceFile) -> bool:
    """Whether it introduces itself so, or its sheet `Raw`, or the first line of a text, has most of the headings."""
    workbook = _workbook(file)
    if workbook is not None:
        has_data = DATA_SHEET in workbook.sheets and tables.resembles(workbook.cells(DATA_SHEET), SIGNATURE)
        return has_data or _introduces_itself(workbook)
    first_line = file.content[:4096].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if "\0" in first_line:
        return False
    return tables.resembles(pl.DataFrame([first_line.replace('"', "").split(",")], orient="row"), SIGNATURE)


def _introduces_itself(workbook: Workbook) -> bool:
    if ABOUT_SHEET not in workbook.sheets:
        return False
    return any(ABOUT in folded(cell) for row in workbook.cells(ABOUT_SHEET).iter_rows() for cell in row)


def read(file: SourceFile) -> Publication:
    """Read the whole series.

    Raises `SourceError`, which names row and column, for: a missing heading, a short row, a month that is none, a row
    without code or name, a figure that is no number, a service twice in one month, or no England or no service at all.
    """
    workbook = _workbook(file)
    if workbook is None:
        place, keys, cells = file.place, CSV_KEYS, file.csv_cells
    else:
        place, keys, cells = f"{file.place}, sheet {DATA_SHEET!r}", WORKBOOK_KEYS, workbook.cells(DATA_SHEET)
    areas = _areas(tables.find(cells, keys | METRICS, place=place), _region_names(cells, place=place), place=place)
    figures = tables.figures(
        areas, list(METRICS.values()), keys=["org_code", "period_start", "period_end"], place=place, marks=MARKS
    )
    source = __name__.rsplit(".", 1)[-1]
    observations = tables.observations(figures, source=source, release=file.sha256, place=place)
    return Publication(
        observations,
        tables.organisations(areas.filter(pl.col("org_code") != ENGLAND), release=file.sha256),
        checks=tables.total_checks(observations.filter(pl.col("metric").is_in(SUMMED))),
        vintage=None if workbook is None else _vintage(workbook),
    )


def _workbook(file: SourceFile) -> Workbook | None:
    """Return the file as a workbook; None for anything else, a workbook too damaged to be known as ours included."""
    try:
        return file.workbook
    except SourceError:
        return None


def _has_headings(cells: pl.DataFrame, headings: Iterable[str]) -> bool:
    return any(_all_in(headings, row) for row in cells.head(HEADING_ROWS).iter_rows())


def _all_in(headings: Iterable[str], row: Iterable[str]) -> bool:
    return {folded(heading) for heading in headings} <= {folded(cell) for cell in row}


def _region_names(cells: pl.DataFrame, *, place: str) -> dict[str, str]:
    """Return the workbook's own names of regions by code; none in an edition without them."""
    if not _has_headings(cells, REGION_NAMES):
        return {}
    return dict(tables.find(cells, REGION_NAMES, place=place).select("region", "region_name").iter_rows())


def _areas(table: pl.DataFrame, region_names: dict[str, str], *, place: str) -> pl.DataFrame:
    """Return England's and the services' rows, with `period_start`, `period_end` and `parent_name`.

    A row is a region's if other rows give its code, or its name, as their region.
    """
    filled = table.filter(pl.any_horizontal(pl.col("year", "month", "org_code") != ""))
    is_england = pl.col("org_code").str.to_uppercase() == ENGLAND
    regions = filled.filter(~is_england, pl.col("region") != "")["region"].unique().implode()
    is_region = ~is_england & (pl.col("org_code").is_in(regions) | pl.col("org_name").is_in(regions))
    named = filled.filter(is_region, pl.col("org_name") != "").select("org_code", "org_name").iter_rows()
    areas = filled.filter(~is_region).with_columns(
        org_code=pl.when(is_england).then(pl.lit(ENGLAND)).otherwise("org_code"),
        parent_name=pl.col("region").replace(region_names | dict(named)),
    )
    found = areas["org_code"].unique()
    if ENGLAND not in found or found.len() == 1:
        raise SourceError(
            f"{place}: found {areas.filter(~is_england).height} rows of services and {areas.filter(is_england).height} "
            "of England; expected some of each. The file looks truncated: download it again."
        )
    nameless = areas.filter(~is_england, pl.any_horizontal(pl.col("org_code", "org_name") == ""))
    if not nameless.is_empty():
        raise SourceError(f"{place}, row {nameless[LINE][0]}: no organisation code or name. Download the file again.")
    return _with_months(areas, place=place)


def _with_months(areas: pl.DataFrame, *, place: str) -> pl.DataFrame:
    labels = areas.unique(["year", "month"], keep="first", maintain_order=True).select(LINE, "year", "month")
    months = [_month(year, month, place=f"{place}, row {line}") for line, year, month in labels.iter_rows()]
    dated = labels.drop(LINE).with_columns(
        period_start=pl.Series(months), period_end=pl.Series([month_end(month) for month in months])
    )
    return areas.join(dated, on=["year", "month"], how="left", maintain_order="left")


def _month(year: str, month: str, *, place: str) -> date:
    """Return the first day of a month, of which a financial year such as `2025-26` has three in its second half."""
    financial = _FINANCIAL_YEAR.fullmatch(year)
    calendar_year = financial[1] if financial else year
    try:
        first = month_named(f"{year}-{month.zfill(2)}" if month.isdigit() else f"{month} {calendar_year}")
    except ParameterError as error:
        raise SourceError(
            f"{place}: found year {year!r} and month {month!r}, expected for example '2025-26' and 'AUGUST', or "
            "'2025' and '8'. Download the file again, or tell the publisher."
        ) from error
    return first.replace(year=first.year + 1) if financial and first.month < APRIL else first


def _vintage(workbook: Workbook) -> Vintage | None:
    """Return the day beside `Published` in the introduction; a later edition replaces the whole series."""
    if ABOUT_SHEET not in workbook.sheets:
        return None
    for row in workbook.cells(ABOUT_SHEET).iter_rows():
        label, *beside = [cell for cell in row if cell] or [""]
        if folded(label) == "published" and beside:
            return vintage_stated({"published": beside[0]})
    return None
