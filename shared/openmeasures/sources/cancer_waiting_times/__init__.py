"""Cancer waiting times: NHS England's monthly figures of providers, since the three standards of October 2023.

| module | layout |
|---|---|
| `provider_workbook` | the provider workbook, October 2023 to September 2025: a sheet a standard and a division |
| `data_extract` | the provider data extract: several months in one table, without names or England |
| `combined_workbook` | the combined workbook, since October 2025: every figure of a month in one table |
| `names` | what the layouts call the same thing, and what it is called here |
| `divisions` | the whole and its parts, by cancer type, by route and so on, alike for every layout |

All give the same metrics, so any of them will do for a month; the newest vintage counts. Figures before October 2023
measure other standards and are not read. A provider has no row for a type of cancer without patients: nothing is
missing then, and the parts still add up. So it is with a standard, which is a zero where the provider has a row of
another one in the month, and missing where it has none. Patients of the 62-day standard may be shared by two
providers, half each.
"""

from types import ModuleType

from openmeasures.errors import SourceError
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.sources.cancer_waiting_times import combined_workbook, data_extract, provider_workbook

TITLE = "Cancer Waiting Times (monthly, providers)"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/cancer-waiting-times/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(
    files=(r"combined.workbook.*\.xlsx$", r"provider.workbook.*\.xlsx$"),
    pages=(r"/monthly-data-and-summaries/?$", r"\d{4}-\d{2}-monthly-cancer-waiting-times-statistics"),
)

LAYOUTS = (provider_workbook, data_extract, combined_workbook)


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with the sheets and headings of one of the three layouts."""
    return _layout(file) is not None


def read(file: SourceFile) -> Publication:
    """Read whichever layout it is.

    Raises `SourceError`, which names sheet and row, for: a file that is none of the layouts, a missing sheet or
    heading, a month that is none or differs between sheets, an unknown standard, a row without an organisation, no
    row for England where the layout has one, no figure at all, a repeated one, or a cell that is neither a number nor
    a mark.
    """
    layout = _layout(file)
    if layout is None or file.workbook is None:
        raise SourceError(
            f"{file.place}: none of the layouts of cancer waiting times that can be read; expected a provider "
            "workbook, a provider data extract or a combined workbook, October 2023 or later. Check the file."
        )
    publication: Publication = layout.read(file, file.workbook)
    return publication


def _layout(file: SourceFile) -> ModuleType | None:
    try:
        workbook = file.workbook
    except SourceError:  # begins like a workbook and is none: no source's, so the caller says so
        return None
    if workbook is None:
        return None
    return next((layout for layout in LAYOUTS if layout.recognises(workbook)), None)
