"""The provider workbook, October 2023 to September 2025: a sheet a standard and a division.

A sheet has a part a stage or route, one below another, each with its own titles and headings; every row says its stage
or route itself, so that the parts are read as one table. England's rows are called `ALL ENGLISH PROVIDERS` and have no
code. Headings bear footnote marks, `ODS CODE (1)`, which may change from month to month.
"""

from datetime import date
from itertools import takewhile

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.releases import Vintage, vintage_named
from openmeasures.sources import Publication, SourceFile
from openmeasures.sources.cancer_waiting_times import divisions
from openmeasures.sources.cancer_waiting_times.names import (
    CANCER_TYPE,
    DECISION_TO_TREAT,
    DIMENSIONS,
    FASTER_DIAGNOSIS,
    STAGE_OR_ROUTE,
    TOTAL,
    TREATMENT_MODALITY,
    URGENT_REFERRAL,
    WITHIN_STANDARD,
    month_written,
)
from openmeasures.sources.cancer_waiting_times.rows import identified, noted
from openmeasures.tables import Workbook, folded

PROVIDER = {"ODS CODE": "org_code", "ACCOUNTABLE PROVIDER": "org_name"}
ROUTE = {"REFERRAL ROUTE": STAGE_OR_ROUTE}
STAGE = {"TREATMENT STAGE": STAGE_OR_ROUTE}
TYPE = {"CANCER TYPE": CANCER_TYPE}
SUSPECTED_TYPE = {"SUSPECTED CANCER OR BREAST SYMPTOMATIC": CANCER_TYPE}
MODALITY = {"TREATMENT MODALITY": TREATMENT_MODALITY}
# Each sheet that is read: its standard, and the headings that divide it. The referrals' sheets have no standard.
SHEETS: dict[str, tuple[str, dict[str, str]]] = {
    "28-DAY FDS (ALL ROUTES)": (FASTER_DIAGNOSIS, ROUTE),
    "28-DAY FDS (BY ROUTE)": (FASTER_DIAGNOSIS, ROUTE | SUSPECTED_TYPE),
    "31-DAY (ALL CANCER)": (DECISION_TO_TREAT, STAGE | TYPE),
    "31-DAY (BY CANCER)": (DECISION_TO_TREAT, STAGE | TYPE),
    "31-DAY (BY TREATMENT MODALITY)": (DECISION_TO_TREAT, STAGE | MODALITY),
    "62-DAY (ALL CANCER)": (URGENT_REFERRAL, ROUTE | TYPE),
    "62-DAY (BY CANCER)": (URGENT_REFERRAL, ROUTE | TYPE),
    "62-DAY (BY TREATMENT MODALITY)": (URGENT_REFERRAL, ROUTE | MODALITY),
}
SIGNATURE = "28-DAY FDS (ALL ROUTES)"  # the sheet whose month is the file's
OTHERS = "commission"  # in titles or headings of the same workbook of commissioners
# "WITHIN 31 DAYS" stands again over the bands of waiting, with the same figures; the first is taken.
FIGURES = {
    FASTER_DIAGNOSIS: {"TOTAL": TOTAL, "WITHIN 28 DAYS": WITHIN_STANDARD},
    DECISION_TO_TREAT: {"TOTAL": TOTAL, "WITHIN 31 DAYS": WITHIN_STANDARD},
    URGENT_REFERRAL: {"TOTAL": TOTAL, "WITHIN 62 DAYS": WITHIN_STANDARD},
}
ENGLAND_NAME = "all english providers"
STATUS, QUALITY = "status:", "data quality"  # on the front page: a line, and the title over notes
FOOTNOTE_MARK = r"\s*\(\d+\)$"


def recognises(workbook: Workbook) -> bool:
    """Whether it has most of the sheets, and in the first of them most of the headings; and no commissioners."""
    sheets = _sheets(workbook)
    if len(sheets) < tables.MOST * len(SHEETS):
        return False
    name, sheet = next(iter(sheets.items()))
    cells = _without_marks(workbook.cells(sheet))
    is_theirs = any(OTHERS in folded(cell) for row in cells.head(tables.TOP_ROWS).iter_rows() for cell in row)
    return not is_theirs and tables.resembles(cells, PROVIDER | FIGURES[SHEETS[name][0]])


def read(file: SourceFile, workbook: Workbook) -> Publication:
    """Read one month of a workbook that `recognises` knows; see the package's `read` for what is raised."""
    sheets = _sheets(workbook)
    if missing := [sheet for sheet in SHEETS if sheet not in sheets]:
        raise SourceError(
            f"{file.place}: no sheet {missing[0]!r} ({len(missing)} of {len(SHEETS)} are missing); found "
            f"{', '.join(map(repr, workbook.sheets))}. Download the file again, or tell us that its layout has changed."
        )
    read = {sheet: _figures(file, workbook.cells(sheets[sheet]), sheet) for sheet in SHEETS}
    months = {sheet: figures["period_start"][0] for sheet, figures in read.items()}
    first = months[SIGNATURE]
    for sheet, month in months.items():
        if month != first:
            raise SourceError(
                f"{file.place}, sheet {sheet!r}: month {month:%Y-%m}, but {first:%Y-%m} in sheet {SIGNATURE!r}; "
                "expected one month a file. Download the file again, or tell the publisher."
            )
    vintage, notes = _front_page(workbook)
    return divisions.publication(pl.concat(read.values()), file=file, vintage=vintage, notes=notes)


def _sheets(workbook: Workbook) -> dict[str, str]:
    """Return the names of the sheets as they stand in the file, by the names that are looked for."""
    by_folded = {folded(sheet): sheet for sheet in workbook.sheets}
    return {sheet: by_folded[folded(sheet)] for sheet in SHEETS if folded(sheet) in by_folded}


def _without_marks(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(pl.all().str.replace(FOOTNOTE_MARK, ""))


def _figures(file: SourceFile, cells: pl.DataFrame, sheet: str) -> pl.DataFrame:
    """Return a sheet's figures; its later parts' titles and headings, which stand among them, are left out."""
    place = f"{file.place}, sheet {sheet!r}"
    standard, divided_by = SHEETS[sheet]
    found = tables.find(_without_marks(cells), PROVIDER | divided_by | FIGURES[standard], place=place)
    is_heading = pl.col(TOTAL).str.to_uppercase() == "TOTAL"
    others = ["org_name", *divided_by.values(), WITHIN_STANDARD]  # a part's title may stand above the codes
    is_title = pl.all_horizontal(pl.col(others) == "") & pl.col(TOTAL).str.contains(r"^$|[A-Za-z]")
    absent = [dimension for dimension in DIMENSIONS if dimension not in divided_by.values()]
    rows = identified(
        found.filter(~is_heading, ~is_title),
        is_england=pl.col("org_name").str.to_lowercase() == ENGLAND_NAME,
        place=place,
    ).with_columns(pl.lit("").alias(name) for name in ("parent_name", *absent))
    return tables.figures(
        rows.with_columns(standard=pl.lit(standard)), divisions.FIGURES, keys=divisions.KEYS, place=place
    ).with_columns(period_start=_month(cells, place=place))


def _month(cells: pl.DataFrame, *, place: str) -> date:
    """Return the month, which stands alone in its row below the sheet's title."""
    alone = [filled for row in cells.iter_rows() if len(filled := [cell for cell in row if cell]) == 1]
    for [text] in alone:
        try:
            return month_written(text, place=place)
        except SourceError:
            continue
    return month_written("", place=place)


def _front_page(workbook: Workbook) -> tuple[Vintage | None, list[str]]:
    """Return what the page with `Status: Final Official Statistics` says of the vintage and of the data.

    Where no page states a status, the vintage is None, for the file's name to tell.
    """
    for sheet in workbook.sheets:
        texts = [" ".join(cell for cell in row if cell) for row in workbook.cells(sheet).iter_rows()]
        if status := [text for text in texts if folded(text).startswith(STATUS)]:
            quality = [place for place, text in enumerate(texts) if folded(text) == QUALITY]
            notes = takewhile(bool, texts[quality[0] + 1 :]) if quality else []
            return vintage_named(status[0]), noted(notes)
    return None, []
