"""The sample's national A&E time series: the workbook, with the sums of the sample's organisations.

As in the publication, the months before June 2015 are estimates in fractions (here only a few, of nobody), the
organisation that tests another standard counts in the activity alone, and hidden sheets feed charts.
"""

import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.workbook import Workbook

from openmeasures.organisations import SYNTHETIC_ENGLAND_NAME
from openmeasures.periods import MONTH_NAMES, month_label
from openmeasures.sample.ae_monthly import is_testing, reported
from openmeasures.sample.ae_workbook import (
    ADMISSIONS,
    ARRIVAL,
    CREATED,
    GROUPS,
    SHARES,
    TYPES,
    Counted,
    admissions,
    booked,
    non_booked,
)
from openmeasures.sample.diagnostic_waits import published_on
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sample.workbooks import stored
from openmeasures.sources.ae_time_series import SHEET_TITLE

ATTENDED, WITHIN, LATE, PERCENTAGE, ADMITTED = GROUPS
SHEETS = {
    "Activity": {ATTENDED: (*TYPES, "Total Attendances"), ADMITTED: ADMISSIONS},
    "Performance": {WITHIN: GROUPS[WITHIN], LATE: GROUPS[LATE], PERCENTAGE: SHARES},
    "Booking": {
        "A&E Booked Appointment attendances": (*TYPES, "Total attendances"),
        f"A&E Booked Appointment attendances less than or equal to 4 hours {ARRIVAL}": (
            *TYPES,
            "Booked Appointment Attendances <= 4 hours",
        ),
        f"A&E Booked Appointments attendances greater than 4 hours {ARRIVAL}": (
            *TYPES,
            "Booked Appointment Attendances > 4 hours",
        ),
        PERCENTAGE: tuple(f"{share} (Booked Appointments Only)" for share in SHARES),
    },
}
BAND_LINE = {"Activity": 12, "Performance": 12, "Booking": 11}  # counted from 0, as xlsxwriter does
ESTIMATED = {date(2015, 4, 1): 1_138_652 / 7, date(2015, 5, 1): 1_155_181 / 7}  # figures of no hospital
STANDARD = ("Operational standard (Performance)", "", 0.95)  # beside the headings of the activity


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbook to `folder`, made if need be, and return its path."""
    organisations = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    lines: dict[str, dict[date, list[str | float]]] = {name: {} for name in SHEETS}
    for month, figure in ESTIMATED.items():
        lines["Activity"][month] = [figure] * 12
        lines["Performance"][month] = [figure] * 12
    for month, figures in reported(organisations).items():
        parts = {
            kind: Counted.total(
                [kind(row, testing=is_testing(organisations[code], month)) for code, row in figures.items()]
            )
            for kind in (non_booked, booked)
        }
        everybody, appointments = Counted.total(parts.values()), parts[booked]
        admitted = map(sum, zip(*(admissions(row) for row in figures.values()), strict=True))
        lines["Activity"][month] = [*_with_sum(everybody.attended), *admitted]
        lines["Performance"][month] = [*_with_sum(everybody.within), *_with_sum(everybody.late), *everybody.shares]
        counted = (appointments.attended, appointments.within, appointments.late)
        lines["Booking"][month] = [*(cell for group in counted for cell in _with_sum(group)), *appointments.shares]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"Monthly-AE-Time-Series-{MONTH_NAMES[LAST_MONTH.month - 1]}-{LAST_MONTH.year}-synthetic.xlsx"
    path.write_bytes(_workbook(lines))
    return [path]


def _with_sum(group: tuple[int, ...]) -> list[int]:
    return [*group, sum(group)]


def _workbook(lines: Mapping[str, Mapping[date, list[str | float]]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "mmm-yy"}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        for name, rows in lines.items():
            _write(book, name, rows)
        book.add_worksheet("Notes").write_row(4, 0, (1, "Every figure is invented"))
        charts = book.add_worksheet("Chart Data")
        charts.write_row(5, 2, ("Period 1", "Monthly data"))
        charts.write(6, 3, 42)  # what is left of a formula's error
        charts.hide()
    return stored(content.getvalue())


def _write(book: Workbook, name: str, rows: Mapping[date, list[str | float]]) -> None:
    sheet = book.add_worksheet(name)
    above = (
        ("Title:", f"{SHEET_TITLE}{SYNTHETIC_ENGLAND_NAME}"),
        ("Summary:", "SYNTHETIC FIGURES: A&E attendances and emergency admissions by month"),
        ("Period:", f"{month_label(FIRST_MONTH)} - present"),
        ("Source:", "The synthetic sample of Open Measures"),
        ("Basis:", "Provider"),
        ("Published:", published_on(LAST_MONTH)),
        ("Revised:", published_on(FIRST_MONTH)),
        ("Status:", "Published"),
    )
    for line, label in enumerate(above, start=1):
        sheet.write_row(line, 0, label)
    band = BAND_LINE[name]
    sheet.write(band + 1, 0, "Period")
    column = 1
    for title, headings in SHEETS[name].items():
        sheet.write(band, column, title)
        sheet.write_row(band + 1, column, headings)
        column += len(headings)
    if name == "Activity":
        sheet.write_row(band + 1, column + 1, STANDARD)
    for line, (month, cells) in enumerate(rows.items(), start=band + 2):
        sheet.write_datetime(line, 0, datetime(month.year, month.month, 1))
        sheet.write_row(line, 1, cells)
