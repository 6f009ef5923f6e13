"""A&E attendances and emergency admissions: NHS England's monthly figures of providers.

| module | layout |
|---|---|
| `provider_csv` | the provider CSV, since April 2021 |
| `provider_workbook` | the provider workbook (.xls), before and since |
| `sheets` | a sheet of the workbook |
| `systems` | the integrated care board that the workbook puts each provider in; the CSV names none |
| `names` | what workbooks call a quantity, and what it is called here |

Both give the same metrics, attendances without booked appointments and those with one apart, so any of them will do for
a month; the newest vintage counts. The workbook also gives its own percentages (`within_four_hours_share`). England's
row is kept as organisation `ENG`, so that sums over providers can be compared with what was published.
"""

from openmeasures.errors import SourceError
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.sources.ae_monthly import provider_csv, provider_workbook

TITLE = "A&E Attendances and Emergency Admissions (Monthly Situation Report)"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/ae-waiting-times-and-activity/"
LICENCE = "Open Government Licence v3.0"
# Workbooks for the months that have no CSV.
LISTING = Listing(
    files=(r"\.csv$", r"by.provider.*\.xlsx?$"),
    pages=(r"ae-attendances-and-emergency-admissions-\d{4}-\d{2}",),
)


def recognises(file: SourceFile) -> bool:
    """Whether it is a CSV with this publication's headings, or a workbook with its sheet under its title."""
    try:
        workbook = file.workbook
    except SourceError:  # begins like a workbook and is none: no source's, so the caller says so
        return False
    return provider_csv.recognises(file) if workbook is None else provider_workbook.recognises(workbook)


def read(file: SourceFile) -> Publication:
    """Read one month, from whichever layout it is.

    Raises `SourceError`, which names sheet, row or column, for: a missing sheet or heading, a period that is not a
    month or differs between rows or sheets, a repeated organisation or one without code or name, a figure that is
    none, or no row for England (a truncated file).
    """
    workbook = file.workbook
    return provider_csv.read(file) if workbook is None else provider_workbook.read(file, workbook)
