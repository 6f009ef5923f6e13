"""The sample's ambulance files: 48 months as a workbook and as a CSV, in the layouts of the publication.

The workbook has the publication's irregularities: figures in a hidden sheet under five rows of headings, first England,
then regions of more than one service, then, under a title, the services; other tables beside them; columns without a
heading; figures that nobody invented here as `-`. Its visible sheet shows England by formulas, with their results.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from openmeasures.periods import MONTH_NAMES, month_end, months
from openmeasures.sample.ambulance_reports import (
    CATEGORIES,
    INDICATORS,
    NOT_AVAILABLE,
    Area,
    Areas,
    Indicators,
    Reports,
    areas,
    indicators,
    reports,
)
from openmeasures.sample.ambulance_services import read_services
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sample.workbooks import stored

PUBLISHED = datetime(2026, 4, 9)  # the second Thursday of the month after the last: the publication's usual day
APRIL = 4  # a financial year's first month
KEYS = ("Concatenated", "Year", "Month", "Reg", "", "Area", "Trust")
BANDS = {0: {15: "Incidents"}, 1: {15: "C1", 24: "C1-C4 response times"}, 2: {8: "Calls"}, 3: {7: "Contacts"}}
HEADING_LINE = 4  # counted from 0, as xlsxwriter does
BESIDE = len(KEYS) + len(INDICATORS) + 1  # where the other tables begin, one empty column on
COUNTS = [category[0] for category in CATEGORIES]
SECONDS_IN_A_DAY = 86_400


def write(folder: Path) -> list[Path]:
    """Write both files to `folder`, made if need be, and return their paths, the workbook's first.

    They hold the same figures, and are the same bytes on every run. Raises `DefinitionError` where the reference table
    is malformed.
    """
    services = read_services()
    published, reported = areas(services), reports(services)
    folder.mkdir(parents=True, exist_ok=True)
    workbook = folder / "AmbSYS-Time-Series-until-20260331-synthetic.xlsx"
    workbook.write_bytes(_workbook(published, reported))
    text = folder / "AmbSYS-to-Mar-2026-synthetic.csv"
    text.write_bytes(_csv(published, reported))
    return [workbook, text]


def _workbook(published: Areas, reported: Reports) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"created": PUBLISHED})
        _write_introduction(book)
        _write_view(book, {month: indicators(published.england, month, reported) for month in _months()})
        _write_raw(book, published, reported)
    return stored(content.getvalue())


def _months() -> list[date]:
    return months(FIRST_MONTH, LAST_MONTH)


def _write_introduction(book: Workbook) -> None:
    about = book.add_worksheet("Introduction")
    about.write(0, 0, "About the Ambulance Quality Indicators (AQI): SYNTHETIC FIGURES, NO REAL SERVICE")
    about.write_row(7, 0, ["Source", "The synthetic sample of Open Measures"])
    about.write(61, 0, "Published")
    about.write_datetime(61, 1, PUBLISHED, book.add_format({"num_format": "d mmmm yyyy"}))


def _write_view(book: Workbook, england: dict[date, Indicators]) -> None:
    """Write what a reader of the workbook sees: one area, found in the hidden sheet by formulas."""
    view, time = book.add_worksheet("Response times"), book.add_format({"num_format": "h:mm:ss"})
    view.write(0, 1, "Response times")
    view.write_column(4, 1, ["England", "ENG"])
    shown = [code for category in CATEGORIES for code in category]
    view.write_row(5, 4, shown)
    for line, (month, found) in enumerate(england.items(), start=6):
        view.write_row(line, 1, [_financial_year(month), "", MONTH_NAMES[month.month - 1]])
        for column, code in enumerate(shown, start=4):
            row = f"MATCH($B{line + 1}&UPPER($D{line + 1})&$B$6,Raw!$A:$A,0)"
            formula, value = f"=INDEX(Raw!$A:$AZ,{row},{len(KEYS) + INDICATORS.index(code) + 1})", int(found[code])
            if code in COUNTS:
                view.write_formula(line, column, formula, None, value)
            else:
                view.write_formula(line, column, f"{formula}/{SECONDS_IN_A_DAY}", time, value / SECONDS_IN_A_DAY)


def _write_raw(book: Workbook, published: Areas, reported: Reports) -> None:
    raw = book.add_worksheet("Raw")
    raw.hide()
    for line, cells in BANDS.items():
        for column, text in cells.items():
            raw.write(line, column, text)
    raw.write_row(HEADING_LINE, 0, [*KEYS, *INDICATORS, "", "Month", "Year", "month", "Days"])
    _write_region_names(raw, published.regions)
    line = HEADING_LINE + 1
    for area in (published.england, *(region for region in published.regions if len(region.services) > 1)):
        for month in _months():
            _write_row(raw, line, area, month, indicators(area, month, reported), name="")
            line += 1
        line += 1
    raw.write(line, 0, "Raw data")
    for month in _months():
        for area in published.services:
            line += 1
            _write_row(raw, line, area, month, indicators(area, month, reported), name=area.name)


def _write_region_names(raw: Worksheet, regions: list[Area]) -> None:
    raw.write_row(HEADING_LINE, BESIDE + 5, ["Geography", "Code", "Region", "Region Long"])
    names = [("England", "ENG", ".", "England"), (" --REGION--",)]
    names += [(region.name, region.code, region.code, region.name) for region in regions]
    for at, name in enumerate(names, start=HEADING_LINE + 1):
        raw.write_row(at, BESIDE + 5, name)


def _write_row(raw: Worksheet, line: int, area: Area, month: date, found: Indicators, *, name: str) -> None:
    year, month_name = _financial_year(month), MONTH_NAMES[month.month - 1].upper()
    keys = [f"{year}{month_name}{area.code}", year, month_name, area.region_code, area.region_name, area.code, name]
    raw.write_row(line, 0, [*keys, *(found[code] for code in INDICATORS), "", month.month, month.year])
    raw.write(line, BESIDE + 3, month_end(month).day)


def _financial_year(month: date) -> str:
    first = month.year - (month.month < APRIL)
    return f"{first}-{(first + 1) % 100:02}"


def _csv(published: Areas, reported: Reports) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(["Year", "Month", "Region", "Org Code", "Org Name", *INDICATORS])
    for month in _months():
        for region, code, area in _csv_areas(published):
            found = indicators(area, month, reported).values()
            figures = ("." if figure == NOT_AVAILABLE else figure for figure in found)
            lines.writerow([month.year, month.month, region, code, area.name, *figures])
    return text.getvalue().encode()


def _csv_areas(published: Areas) -> Iterator[tuple[str, str, Area]]:
    """Return what stands as region and code of each row of a month: here every region has one."""
    yield "Eng", "Eng", published.england
    for area in published.regions:
        yield area.name, area.code, area
    for area in published.services:
        yield area.region_code, area.code, area
