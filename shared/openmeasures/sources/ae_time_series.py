"""A&E in England month by month: NHS England's time series workbook.

| sheet | what is read |
|---|---|
| `Activity` | attendances and emergency admissions, waits from decision to admit |
| `Performance` | attendances within and over four hours, and the published shares |
| `Booking` | booked appointments, since August 2020 |

These are the published national figures, all of organisation `ENG`. Those that `ae_monthly` has too have its names.
Attendances come in sum: a metric that ends in `_with_booked` counts booked appointments once there were any, so it is
not the metric of that name without the ending. The trusts that field-tested other standards from May 2019 to May 2023
count in the activity and not in the performance, so attendances within and over four hours do not add up to all then.

Months before June 2015 are left out: NHS England estimated them from weekly figures, and they come in fractions.
Hidden sheets, which feed charts and hold remains of formulae, and the operational standard beside the table are not
read.
"""

from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.releases import vintage_stated
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.sources.ae_monthly.names import (
    ADMISSIONS,
    ATTENDED,
    BOOKED_ATTENDED,
    BOOKED_LATE,
    LATE,
    SHARES,
    WITHIN,
    by_department,
)
from openmeasures.tables import Workbook, folded

TITLE = "A&E Attendances and Emergency Admissions: monthly time series"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/ae-waiting-times-and-activity/"
LICENCE = "Open Government Licence v3.0"
# Beside it stands a series adjusted for the field tests, in the same layout.
LISTING = Listing(
    files=(r"^(?!.*\badjusted).*monthly.a.{0,2}e.time.?series.*\.xlsx?$",),
    pages=(r"ae-attendances-and-emergency-admissions-\d{4}-\d{2}",),
    is_series=True,
)

ACTIVITY, PERFORMANCE, BOOKING = "Activity", "Performance", "Booking"
SHEET_TITLE = "A&E Attendances & Emergency Admission statistics, NHS and independent sector organisations in "
MONTH = "Period"
SHEETS = {
    ACTIVITY: by_department(ATTENDED, "attendances_with_booked")
    | {"Total Attendances": "attendances_with_booked"}
    | ADMISSIONS
    | {
        "Total Emergency Admissions via A&E": "emergency_admissions_via_ae",
        "Total Emergency Admissions": "emergency_admissions",
    },
    PERFORMANCE: by_department(WITHIN, "within_four_hours_with_booked")
    | {"Total Attendances < 4 hours": "within_four_hours_with_booked"}
    | by_department(LATE, "over_four_hours_with_booked")
    | {"Total Attendances > 4 hours": "over_four_hours_with_booked"}
    | SHARES,
    BOOKING: by_department(BOOKED_ATTENDED, "booked_attendances")
    | by_department(BOOKED_LATE, "booked_over_four_hours"),
}
# The first calendar month that was collected as such; the workbook's own notes say so.
FIRST_MONTH = date(2015, 6, 1)


def recognises(file: SourceFile) -> bool:
    """Whether the workbook has the sheet of activity, under this publication's title."""
    try:
        return file.workbook is not None and _country(file.workbook) is not None
    except SourceError:  # it begins like a workbook and is none
        return False


def read(file: SourceFile) -> Publication:
    """Read every calendar month since June 2015.

    Raises `SourceError`, which names sheet, row and column, for a missing sheet or heading, a month that is no date or
    stands twice, a cell that is neither a number nor a mark, or a sheet without any month since June 2015.
    """
    workbook = file.workbook
    country = _country(workbook) if workbook else None
    if workbook is None or country is None:
        raise SourceError(
            f"{file.place}: no sheet {ACTIVITY!r} under the title {SHEET_TITLE!r}; expected both. Download the file "
            "again."
        )
    read = {sheet: _table(workbook, sheet, headings) for sheet, headings in SHEETS.items()}
    figures = [
        tables.figures(
            table,
            list(SHEETS[sheet].values()),
            keys=["org_code", "period_start", "period_end"],
            place=f"{file.place}, sheet {sheet!r}",
        )
        for sheet, table in read.items()
    ]
    months = pl.concat(table.select("org_code", "period_start") for table in read.values()).unique(maintain_order=True)
    return Publication(
        tables.observations(
            pl.concat(figures), source=__name__.rsplit(".", 1)[-1], release=file.sha256, place=file.place
        ),
        tables.organisations(
            months.with_columns(org_name=pl.lit(country), parent_name=pl.lit("")), release=file.sha256
        ),
        vintage=vintage_stated(tables.labels(workbook.cells(_sheets(workbook)[ACTIVITY]))),
    )


def _sheets(workbook: Workbook) -> dict[str, str]:
    """Return the sheets' names as they stand in the file, by the names that are looked for."""
    by_folded = {folded(sheet): sheet for sheet in workbook.sheets}
    return {name: by_folded[folded(name)] for name in SHEETS if folded(name) in by_folded}


def _country(workbook: Workbook) -> str | None:
    """Return the country that the title ends with; None for another workbook."""
    sheet = _sheets(workbook).get(ACTIVITY)
    title = tables.labels(workbook.cells(sheet)).get("title", "") if sheet else ""
    return title.removeprefix(SHEET_TITLE) if title.startswith(SHEET_TITLE) else None


def _table(workbook: Workbook, name: str, headings: dict[str, str]) -> pl.DataFrame:
    """Return a sheet's calendar months that have figures, as England's."""
    sheet = _sheets(workbook).get(name, name)
    place = f"{workbook.place}, sheet {sheet!r}"
    found = tables.find(workbook.cells(sheet), {MONTH: "period", **headings}, place=place, band=True)
    filled = found.filter(pl.any_horizontal(pl.col(*headings.values()) != ""))  # notes below, months to come
    table = tables.dated(filled, "period", place=place).filter(pl.col("period_start") >= FIRST_MONTH)
    if table.is_empty():
        raise SourceError(
            f"{place}: no month since {FIRST_MONTH:%Y-%m} under the headings. The file looks truncated: download it "
            "again."
        )
    return table.with_columns(org_code=pl.lit(ENGLAND))
