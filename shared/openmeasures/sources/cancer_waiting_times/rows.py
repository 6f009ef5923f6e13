"""What every layout has to do before its figures are read: find its sheet, and what its rows are about.

| function | gives |
|---|---|
| `has_sheet_like` | whether a sheet is, or may have been, the one with these headings |
| `sheets_with` | the sheets of a name that have a row of headings |
| `with_standards` | rows with the standards under our names |
| `noted` | what the publication says of the quality of its data |
| `identified` | rows with England's code in place, none without an organisation |
"""

from collections.abc import Iterable, Mapping

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.sources.cancer_waiting_times.names import PUBLISHED_STANDARDS
from openmeasures.tables import LINE, Workbook, folded

NOTHING_TO_SAY = "no data quality issues"


def has_sheet_like(workbook: Workbook, *, named: str, headings: Mapping[str, str]) -> bool:
    """Whether a sheet whose name contains `named` has most of the headings, or one of another name has them all.

    `sheets_with` then finds it, or says what has changed.
    """
    return any(
        tables.resembles(workbook.cells(sheet), headings)
        if folded(named) in folded(sheet)
        else _has(workbook.cells(sheet), headings)
        for sheet in workbook.sheets
    )


def sheets_with(workbook: Workbook, *, named: str, headings: Mapping[str, str]) -> list[str]:
    """Return the sheets whose name contains `named`, whatever its capitals, and that have all the headings.

    Raises `SourceError` where there is none: it names the missing heading, or the sheet.
    """
    so_named = [sheet for sheet in workbook.sheets if folded(named) in folded(sheet)]
    found = [sheet for sheet in so_named if _has(workbook.cells(sheet), headings)]
    if not found:  # then this raises, with the reason
        sheet = so_named[0] if so_named else named
        tables.find(workbook.cells(sheet), headings, place=f"{workbook.place}, sheet {sheet!r}")
    return found


def _has(cells: pl.DataFrame, headings: Mapping[str, str]) -> bool:
    try:
        tables.find(cells, headings, place="")
    except SourceError:
        return False
    return True


def with_standards(rows: pl.DataFrame, *, place: str) -> pl.DataFrame:
    """Return the rows with the keys of `STANDARDS` in place of what the layout calls them.

    Raises `SourceError`, which names the row, for a standard that is none of the three.
    """
    by_folded = {folded(name): standard for name, standard in PUBLISHED_STANDARDS.items()}
    published = rows["standard"].unique()
    known = {name: by_folded[folded(name)] for name in published if folded(name) in by_folded}
    unknown = rows.filter(~pl.col("standard").is_in(list(known)))
    if not unknown.is_empty():
        raise SourceError(
            f"{place}, row {unknown[LINE][0]}, standard: found {unknown['standard'][0]!r}, expected one of "
            f"{', '.join(map(repr, PUBLISHED_STANDARDS))}. Figures before October 2023 measure other standards; else "
            "tell us that the layout has changed."
        )
    return rows.with_columns(pl.col("standard").replace_strict(known, return_dtype=pl.String))


def identified(rows: pl.DataFrame, *, is_england: pl.Expr | None, place: str) -> pl.DataFrame:
    """Return the rows with `ENGLAND` as the `org_code` of those that `is_england` finds (None: a layout without any).

    Codes are kept as published, those of independent providers too (`NYG`, `S3H9L`). Raises `SourceError`, which
    names the row, for one without a code or name, and where no row is England's: the file must have been cut off.
    """
    found = (
        rows
        if is_england is None
        else rows.with_columns(org_code=pl.when(is_england).then(pl.lit(ENGLAND)).otherwise("org_code"))
    )
    nameless = found.filter((pl.col("org_code") == "") | (pl.col("org_name") == ""))
    if not nameless.is_empty():
        raise SourceError(f"{place}, row {nameless[LINE][0]}: no organisation code or name. Download the file again.")
    if is_england is not None and ENGLAND not in found["org_code"]:
        raise SourceError(
            f"{place}: no row for England among {len(found)}; expected one beside the providers' for each figure. "
            "The file looks truncated: download it again."
        )
    return found


def noted(texts: Iterable[str]) -> list[str]:
    """Return the publication's own words on its data as checks: who submitted nothing is said nowhere else.

    >>> noted(["No data quality issues were highlighted.", "RW5 did not make  a submission."])
    ['the publication says: RW5 did not make a submission.']
    """
    plain = [" ".join(text.split()) for text in texts]
    return [f"the publication says: {text}" for text in plain if text and not folded(text).startswith(NOTHING_TO_SAY)]
