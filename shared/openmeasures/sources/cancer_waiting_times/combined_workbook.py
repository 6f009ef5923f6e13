"""The combined workbook, since October 2025: every figure of a month's providers in one table.

Beside it stand the same table for systems (by commissioner) and the referrals seen; neither is read. Every division is
given as it is, and crossed with the stage or route; the 28-day standard's route alone comes crossed with cancer type.
"""

from collections.abc import Iterator
from itertools import dropwhile, islice, takewhile

import polars as pl

from openmeasures import tables
from openmeasures.releases import vintage_stated
from openmeasures.sources import Publication, SourceFile
from openmeasures.sources.cancer_waiting_times import divisions
from openmeasures.sources.cancer_waiting_times.names import (
    CANCER_TYPE,
    STAGE_OR_ROUTE,
    TOTAL,
    TREATMENT_MODALITY,
    WITHIN_STANDARD,
    month_written,
)
from openmeasures.sources.cancer_waiting_times.rows import (
    has_sheet_like,
    identified,
    noted,
    sheets_with,
    with_standards,
)
from openmeasures.tables import Workbook, folded

SHEET = "Provider Level Performance"
HEADINGS = {
    "Org Code": "org_code",
    "Region": "parent_name",
    "Org Name": "org_name",
    "Standard": "standard",
    "Cancer Type": CANCER_TYPE,
    "Referral Route/Stage": STAGE_OR_ROUTE,
    "Treatment Modality": TREATMENT_MODALITY,
    "Total": TOTAL,
    "Within": WITHIN_STANDARD,
}
ENGLAND_CODE = "total"


def recognises(workbook: Workbook) -> bool:
    """Whether it has the providers' sheet with most of its headings, or all of them in a sheet of another name."""
    return has_sheet_like(workbook, named=SHEET, headings=HEADINGS)


def read(file: SourceFile, workbook: Workbook) -> Publication:
    """Read one month of a workbook that `recognises` knows; see the package's `read` for what is raised."""
    sheet, *_ = sheets_with(workbook, named=SHEET, headings=HEADINGS)
    place = f"{file.place}, sheet {sheet!r}"
    cells = workbook.cells(sheet)
    stated = tables.labels(cells)
    month = month_written(stated.get("period", ""), place=place)
    rows = tables.find(cells, HEADINGS, place=place).filter(pl.any_horizontal(pl.col("standard", TOTAL) != ""))
    rows = with_standards(rows, place=place)
    rows = identified(rows, is_england=pl.col("org_code").str.to_lowercase() == ENGLAND_CODE, place=place)
    return divisions.publication(
        tables.figures(rows, divisions.FIGURES, keys=divisions.KEYS, place=place).with_columns(period_start=month),
        file=file,
        vintage=vintage_stated(stated),
        notes=noted(_below_summary(cells)),
    )


def _below_summary(cells: pl.DataFrame) -> Iterator[str]:
    """Return the texts between summary and period that stand alone, without a label: they are notes on the data."""
    rows = ([cell for cell in row if cell] for row in cells.iter_rows())
    from_summary = dropwhile(lambda filled: not _is_labelled(filled, "summary:"), rows)
    below = takewhile(lambda filled: not _is_labelled(filled, "period:"), islice(from_summary, 1, None))
    return (filled[0] for filled in below if len(filled) == 1)


def _is_labelled(filled: list[str], label: str) -> bool:
    return bool(filled) and folded(filled[0]) == label
