"""The sample's cancer waiting times, in the publication's three layouts and both its vintages.

| months | layout | vintage |
|---|---|---|
| October 2023 to March 2025 | provider workbook | final |
| April to September 2025 | provider workbook, then the data extract | provisional, then final |
| October 2025 to March 2026 | combined workbook | provisional |
"""

from datetime import date
from pathlib import Path

from openmeasures.periods import MONTH_NAMES, months
from openmeasures.sample.cancer_activity import (
    FIRST_MONTH,
    NOT_SUBMITTED_ORG,
    PROVIDERS,
    activity,
    as_first_known,
    submits,
)
from openmeasures.sample.cancer_layouts import combined_workbook, data_extract, provider_workbook
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.stories import LAST_MONTH

EXTRACT_FROM, COMBINED_FROM = date(2025, 4, 1), date(2025, 10, 1)


def write(folder: Path) -> list[Path]:
    """Write the synthetic files to `folder`, made if need be, and return their paths, the extract's last.

    Files of the same name are overwritten. Raises `DefinitionError` where the reference tables are malformed.
    """
    organisations = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    happened = {code: activity(code) for code in PROVIDERS}
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    final = {}
    for month in months(FIRST_MONTH, LAST_MONTH):
        figures = {code: by_month[month] for code, by_month in happened.items() if submits(code, month)}
        first = {code: as_first_known(code, of_month) for code, of_month in figures.items()}
        name = f"{MONTH_NAMES[month.month - 1]}-{month.year}"
        if month < COMBINED_FROM:
            is_final = month < EXTRACT_FROM
            status = "Final" if is_final else "Provisional"
            path = folder / f"{name.upper()}-CWT-CRS-PROVIDER-WORKBOOK-{status.upper()}-synthetic.xlsx"
            provider_workbook(
                path, month, figures if is_final else first, organisations, status=status, note=_note(month)
            )
        else:
            path = folder / f"{name}-Monthly-Combined-Workbook-Provisional-synthetic.xlsx"
            combined_workbook(path, month, first, organisations, published=_published(month), note=_note(month))
        written.append(path)
        if EXTRACT_FROM <= month < COMBINED_FROM:
            final[month] = figures
    path = folder / "CWT-CRS-Apr-2025-to-Sep-2025-Data-Extract-Provider-Final-synthetic.xlsx"
    data_extract(path, final)
    return [*written, path]


def _note(month: date) -> str:
    """Return what the publication says of the quality of a month's data."""
    if submits(NOT_SUBMITTED_ORG, month):
        return "No data quality issues were highlighted for the reported set of data."
    return f"{NOT_SUBMITTED_ORG} did not make a submission of CWT Data for any of the standards."


def _published(month: date) -> str:
    """Return the day of publication: the twelfth of the second month after the one that is reported."""
    index = month.month + 1  # of the month after the next one, from 0
    return f"12th {MONTH_NAMES[index % 12]} {month.year + index // 12}"
