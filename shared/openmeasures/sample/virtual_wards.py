"""The sample's virtual wards: 48 monthly workbooks in the layout of the publication, its irregularities included.

A sheet of notes; headings in row 16 that end in the number of a note; England's row with `-` for a code and, in some
months, a star to its name; more patients than places as the text `100%*`, patients that nobody submitted as `**`; one
sheet until March 2025, then one of boards and one of providers, of which one has a row in two regions.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.workbook import Workbook

from openmeasures.periods import month_label, months
from openmeasures.sample.diagnostic_waits import published_on
from openmeasures.sample.integrated_care_boards import Board, read_boards
from openmeasures.sample.organisations import read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sample.virtual_ward_patients import Count, counts
from openmeasures.sample.workbooks import stored

HEADING_LINE = 15  # counted from 0, as xlsxwriter does
TWO_SHEETS_FROM = date(2025, 4, 1)
STARRED_UNTIL = date(2024, 9, 1)  # England's name has a star in files before this month, and on the later second sheet
CREATED = datetime(2026, 5, 14)  # a workbook holds when it was made; the same for ever
KEYS = ("Region", "Region Code")
NAME = "Name"
CAPACITY, PATIENTS = "Virtual Ward Capacity \n(see note 1) ", "Patients in a Virtual Ward\n(see notes 1 and 4) "
PER_PEOPLE = "Virtual Ward Capacity per 100,000 GP registered population\n(see note 2) "
POPULATION, OCCUPANCY = "GP registered population\n(see note 3) ", "Occupancy %\n(see note 5) "
# Whose wards a board's are, by share; of a board that is not here all are its first trust's.
LEADS = {"Z-Q1": ("Z-01", "Z-04"), "Z-Q2": ("Z-05",), "Z-Q4": ("Z-08",), "Z-Q5": ("Z-14",), "Z-Q7": ("Z-15",)}
EVERY_OTHER = "Z-24"  # leads those of every other board, in several regions, with a row in each
FIRST_SHARE = 0.6  # of a board's wards where two lead them

Row = list[str | int | float]


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbooks to `folder`, made if need be, and return their paths in order of month.

    They are the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    boards = read_boards()
    found = {board: counts(board) for board in boards}
    names = dict(read_organisations().select("org_code", "org_name").iter_rows())
    written = []
    for month in months(FIRST_MONTH, LAST_MONTH):
        path = folder / f"Monthly-Virtual-Ward-{month_label(month).replace(' ', '')}-synthetic.xlsx"
        path.write_bytes(_workbook(month, {board: by_month[month] for board, by_month in found.items()}, names))
        written.append(path)
    return written


def _workbook(month: date, found: Mapping[Board, Count], names: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    has_two = month >= TWO_SHEETS_FROM
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        notes = book.add_worksheet("Notes")
        notes.write_row(1, 0, ["Title:", "SYNTHETIC FIGURES: virtual ward capacity and occupancy"])
        notes.write_row(14, 0, ["Date:", published_on(month)])
        star = "ENGLAND*" if month < STARRED_UNTIL else "England"
        rows = [_board_row(*_areas(board), board.org_code, board.org_name, count) for board, count in found.items()]
        england = _board_row("-", "-", "-", star, _together(list(found.values())))
        headings: Row = [*KEYS, "ICB code", NAME, CAPACITY, PER_PEOPLE, POPULATION, PATIENTS, OCCUPANCY]
        title = "Virtual Ward Data - ICB" if has_two else "Virtual Ward Data"
        _write_sheet(book, title, month, "Integrated Care Board (ICB), England", headings, [england, *rows])
        if has_two:
            rows = _provider_rows(found, names)
            england = ["-", "-", "-", "ENGLAND*", *_provider_cells(_together(list(found.values())))]
            headings = [*KEYS, "Provider code", NAME, CAPACITY, PATIENTS, OCCUPANCY]
            _write_sheet(book, "Virtual Ward Data - Provider", month, "Provider, England", headings, [england, *rows])
    return stored(content.getvalue())


def _areas(board: Board) -> tuple[str, str]:
    return board.region_name, f"Z-{board.region_name[:2].upper()}"


def _together(found: Sequence[Count]) -> Count:
    """Return all boards together, as the publication has it: the places of those without patients count."""
    patients = sum(count.patients or 0 for count in found)
    return Count(sum(count.places for count in found), sum(count.registered for count in found), patients)


def _board_row(region: str, region_code: str, code: str, name: str, count: Count) -> Row:
    per_people = round(100_000 * count.places / count.registered, 1)
    patients, occupancy = _occupancy(count, decimals=3)
    return [region, region_code, code, name, count.places, per_people, count.registered, patients, occupancy]


def _provider_cells(count: Count) -> Row:
    return [count.places, *_occupancy(count, decimals=9)]


def _occupancy(count: Count, *, decimals: int) -> tuple[int | str, float | str]:
    if count.patients is None:
        return "**", "**"
    share = count.patients / count.places
    return count.patients, "100%*" if share > 1 else round(share, decimals)


def _provider_rows(found: Mapping[Board, Count], names: Mapping[str, str]) -> list[Row]:
    parts: dict[tuple[str, str, str], list[Count]] = {}
    for board, count in found.items():
        leads = LEADS.get(board.org_code, (EVERY_OTHER,))
        for code, part in zip(leads, _divided(count, len(leads)), strict=True):
            parts.setdefault((*_areas(board), code), []).append(part)
    return [
        [*key, names[key[-1]].upper(), *_provider_cells(_together(of_one))] for key, of_one in sorted(parts.items())
    ]


def _divided(count: Count, leads: int) -> list[Count]:
    """Divide a board's wards among one lead or two, so that the parts add up."""
    if leads == 1:
        return [count]
    places, patients = round(FIRST_SHARE * count.places), round(FIRST_SHARE * (count.patients or 0))
    rest = Count(count.places - places, count.registered, (count.patients or 0) - patients)
    return [Count(places, count.registered, patients), rest]


def _write_sheet(book: Workbook, title: str, month: date, basis: str, headings: Row, rows: Sequence[Row]) -> None:
    sheet = book.add_worksheet(title)
    about = {
        1: ("Title:", "SYNTHETIC FIGURES: virtual ward capacity and occupancy"),
        3: ("Summary:", "Management information: virtual ward activity"),
        5: ("Month:", month_label(month)),
        7: ("Data Source:", "The synthetic sample of Open Measures"),
        9: ("Basis:", basis),
        10: ("Published:", published_on(month)),
        11: ("Revised:", ""),
        12: ("Status:", "Published"),
    }
    for line, cells in about.items():
        sheet.write_row(line, 0, cells)
    sheet.write_row(HEADING_LINE, 0, headings)
    for line, row in enumerate(rows, start=HEADING_LINE + 1):
        for column, cell in enumerate(row):  # by type, which is quicker than `write_row`
            if isinstance(cell, str):
                sheet.write_string(line, column, cell)
            else:
                sheet.write_number(line, column, cell)
