"""The sample's diagnostic waits: 48 monthly workbooks in the layout of the publication, its irregularities included.

Two sheets of figures under notes and a row of titles, with an empty first column and spacers between; a total row and
an empty one above the providers; every provider's total among its tests; percentages as fractions; a sheet of old
definitions, and one of notes, hidden in most months, that names who sent nothing.
"""

import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from openmeasures.periods import MONTH_NAMES, month_label, months
from openmeasures.sample.diagnostic_activity import (
    NOT_SUBMITTED,
    NOT_SUBMITTED_MONTHS,
    PROVIDERS,
    TESTS,
    Figures,
    activity,
)
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH, is_in
from openmeasures.sample.workbooks import stored

KEYS = ("Regional Team Code", "Regional Team Name", "Provider Code", "Provider Name")
TEST_KEYS = ("Diagnostic ID", "Diagnostic Test Name")
WEEKS = ("0 <01 weeks", *(f"{week:02} <{week + 1:02} weeks" for week in range(1, 13)), "13+ weeks")
WAITING = (
    "Total Waiting List", "Number waiting 6+ Weeks", "Number waiting 13+ Weeks", "Percentage waiting 6+ weeks", *WEEKS,
)  # fmt: skip
TESTS_DONE = (
    "Planned tests / procedures",
    "Unscheduled tests / procedures",
    "Waiting list tests / procedures (excluding planned)",
)
TEST_IDS = {test: number for number, test in enumerate(TESTS, start=1)} | {"Total": len(TESTS) + 1}
HEADING_LINE = 13  # counted from 0, as xlsxwriter does; one line higher in some months
HIGHER_FROM = date(2025, 10, 1)
NOTES_SHOWN_MONTHS = (date(2023, 4, 1), date(2024, 3, 1))  # first and last
# Half a year at a time is revised, as the publication did with these months.
REVISED_MONTHS, REVISED_ON = (date(2024, 8, 1), date(2025, 1, 1)), "10th July 2025"
CREATED = datetime(2026, 5, 14)  # a workbook holds when it was made; the same for ever

Row = list[str | int | float]


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbooks to `folder`, made if need be, and return their paths in order of month.

    They are the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    known = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    organisations = {code: known[code] for code in PROVIDERS}
    by_org = {code: activity(code) for code in PROVIDERS}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for month in months(FIRST_MONTH, LAST_MONTH):
        absent = {NOT_SUBMITTED} if is_in(month, NOT_SUBMITTED_MONTHS) else set()
        figures = {code: by_month[month] for code, by_month in by_org.items() if code not in absent}
        path = folder / f"Monthly-Diagnostics-Web-File-Provider-{month_label(month).replace(' ', '-')}-synthetic.xlsx"
        path.write_bytes(_workbook(month, figures, organisations, absent))
        written.append(path)
    return written


def published_on(month: date) -> str:
    """Return the publication's usual day as it writes it: the second Thursday of the month after next.

    >>> published_on(date(2025, 4, 1))
    '12th June 2025'
    """
    later = date(month.year + (month.month + 1) // 12, (month.month + 1) % 12 + 1, 1)
    return f"{8 + (3 - later.weekday()) % 7}th {MONTH_NAMES[later.month - 1]} {later.year}"


def _workbook(
    month: date,
    figures: Mapping[str, Mapping[str, Figures]],
    organisations: Mapping[str, Organisation],
    absent: Iterable[str],
) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        everything = [test for tests in figures.values() for test in tests.values()]
        providers: list[Row] = [["", "", "", "Total", *_cells(everything)], []]
        by_test: list[Row] = [["", "", "", "Total", "", "", *_cells(everything)], []]
        for code, tests in figures.items():
            keys = _keys(organisations[code])
            providers.append([*keys, *_cells(tests.values())])
            offered = {test: [found] for test, found in tests.items() if any((*found.weeks, *found[1:]))}
            for test, found in {**offered, "Total": list(tests.values())}.items():
                by_test.append([*keys, TEST_IDS[test], test, *_cells(found)])
        _write_table(book.add_worksheet("Provider"), month, KEYS, providers)
        _write_table(book.add_worksheet("Provider by Test"), month, (*KEYS, *TEST_KEYS), by_test)
        definitions = book.add_worksheet("Guidance & Definitions")
        definitions.write_column(4, 1, ["31st January 2013", "", "", "6th March 2013"])
        _write_notes(book, month, [organisations[code] for code in absent])
    return stored(content.getvalue())


def _keys(organisation: Organisation) -> Row:
    region = organisation.region_name
    return [f"Z-{region[:2].upper()}", f"{region} Commissioning Region", organisation.org_code, organisation.org_name]


def _cells(tests: Iterable[Figures]) -> Row:
    """Return a row's cells from the column of the whole list on, spacer included."""
    columns = list(zip(*((*test.weeks, *test[1:]) for test in tests), strict=True))
    sums = [sum(column) for column in columns]
    weeks, done = sums[: len(WEEKS)], sums[len(WEEKS) :]
    waiting, late = sum(weeks), sum(weeks[6:])
    return [waiting, late, weeks[-1], late / waiting if waiting else 0, *weeks, "", *done]


def _write_table(sheet: Worksheet, month: date, keys: tuple[str, ...], rows: list[Row]) -> None:
    heading = HEADING_LINE - (month >= HIGHER_FROM)
    revised = REVISED_ON if is_in(month, REVISED_MONTHS) else ""
    notes = {
        1: ("Title:", "Monthly Diagnostics"),
        2: ("Summary:", "SYNTHETIC FIGURES: waiting times and activity for diagnostic tests and procedures"),
        4: ("Period:", month_label(month)),
        5: ("Source:", "The synthetic sample of Open Measures"),
        6: ("Basis:", "Provider"),
        7: ("Published:", published_on(month)),
        8: ("Revised:", revised),
        9: ("Status:", "Published"),
    }
    for line, cells in notes.items():
        sheet.write_row(line, 1, cells)
    waits, done = 1 + len(keys), 1 + len(keys) + len(WAITING) + 1
    band = {1: "Provider level data", waits + 4: "Number of Patients Waiting at Month End"}
    for column, title in {**band, done - 1: "Timebands \n Waiting", done: "Activity during month"}.items():
        sheet.write(heading - 1, column, title)
    sheet.write_row(heading, 1, [*keys, *WAITING, "", *TESTS_DONE])
    for line, row in enumerate(rows, start=heading + 1):
        for column, cell in enumerate(row, start=1):  # by type, which is quicker than `write_row`
            if isinstance(cell, str):
                sheet.write_string(line, column, cell)
            else:
                sheet.write_number(line, column, cell)


def _write_notes(book: Workbook, month: date, absent: Iterable[Organisation]) -> None:
    notes = book.add_worksheet("Notes")
    if not is_in(month, NOTES_SHOWN_MONTHS):
        notes.hide()
    notes.write(1, 0, "Notes")
    notes.write(3, 0, "The following organisation did not submit Diagnostics (DM01) data this month:")
    notes.write_row(5, 0, ["Code", "Name"])
    for line, organisation in enumerate(absent, start=6):
        notes.write_row(line, 0, [organisation.org_code, organisation.org_name])
