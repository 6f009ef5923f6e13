"""The provider data extract: several months in one table, a row each where stage or route crosses another division.

Figures of all stages, routes or modalities together are not in it, nor are names of organisations, nor England. So the
whole is what its parts add up to, a name is the organisation's code, and there is no published total to compare with.
A month comes twice, provisional and final, months apart; only the file's name tells which it is.
"""

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
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
from openmeasures.sources.cancer_waiting_times.rows import has_sheet_like, identified, sheets_with, with_standards
from openmeasures.tables import Workbook

SHEET = "Extract"  # in the name
HEADINGS = {
    "PERIOD": "period",
    "STANDARD": "standard",
    "ORG CODE": "org_code",
    "STAGE/ROUTE": STAGE_OR_ROUTE,
    "TREATMENT MODALITY": TREATMENT_MODALITY,
    "CANCER TYPE": CANCER_TYPE,
    "TOTAL TREATED": TOTAL,
    "WITHIN STANDARD": WITHIN_STANDARD,
}


def recognises(workbook: Workbook) -> bool:
    """Whether it has a sheet called an extract with most of the headings, or all of them in a sheet of another name."""
    return has_sheet_like(workbook, named=SHEET, headings=HEADINGS)


def read(file: SourceFile, workbook: Workbook) -> Publication:
    """Read every month of a workbook that `recognises` knows; see the package's `read` for what is raised."""
    sheets = sheets_with(workbook, named=SHEET, headings=HEADINGS)
    figures = pl.concat(_figures(file, workbook, sheet) for sheet in sheets)
    if figures.is_empty():
        raise SourceError(f"{file.place}: no figures under the headings. The file looks truncated: download it again.")
    return divisions.publication(figures, file=file, vintage=None, notes=[])


def _figures(file: SourceFile, workbook: Workbook, sheet: str) -> pl.DataFrame:
    place = f"{file.place}, sheet {sheet!r}"
    found = tables.find(workbook.cells(sheet), HEADINGS, place=place)
    named = found.with_columns(org_name="org_code", parent_name=pl.lit(""))
    rows = identified(with_standards(named, place=place), is_england=None, place=place)
    months = {period: month_written(period, place=place) for period in rows["period"].unique()}
    return tables.figures(rows, divisions.FIGURES, keys=["period", *divisions.KEYS], place=place).with_columns(
        period_start=pl.col("period").replace_strict(months, return_dtype=pl.Date)
    )
