"""One sheet of the A&E provider workbook: a row for England, then one for each provider, under two rows of headings."""

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.tables import LINE, Workbook, folded

KEYS = {"Code": "org_code", "Region": "parent_name", "Name": "org_name"}
ENGLAND_CODE, ENGLAND_NAME = "-", "england"


class Sheet:
    """The rows of a sheet, `rows`: England under its code, without notes.

    - `headings`: those that are wanted beside `KEYS`, and their metrics.
    - `period`: what the file's first sheet says beside `Period:`.

    Raises `SourceError` for a missing sheet or heading, another period, no row for England or several, no provider, or
    a row without an organisation.
    """

    def __init__(self, workbook: Workbook, sheet: str, headings: dict[str, str], *, period: str) -> None:
        cells = workbook.cells(sheet)
        self.place = f"{workbook.place}, sheet {sheet!r}"
        self._refuse_other_month(tables.labels(cells).get("period", ""), expected=period)
        found = tables.find(cells, KEYS | headings, place=self.place, band=True)
        has_figures = pl.any_horizontal(pl.col(*headings.values()) != "")
        rows = found.filter((pl.col("org_code") != "") | has_figures)  # a note below has neither
        is_england = (pl.col("org_code") == ENGLAND_CODE) & (pl.col("org_name").str.to_lowercase() == ENGLAND_NAME)
        if (count := rows.filter(is_england).height) != 1:
            raise SourceError(
                f"{self.place}: {count or 'no'} rows for England (code '-') among {rows.height}; expected exactly "
                "one. The file looks truncated: download it again, or tell us that its layout has changed."
            )
        nameless = rows.filter(pl.col("org_code").is_in(["", ENGLAND_CODE]) & ~is_england | (pl.col("org_name") == ""))
        if not nameless.is_empty():
            raise SourceError(
                f"{self.place}, row {nameless[LINE][0]}: no organisation code or name. Download the file again."
            )
        if rows.height == 1:
            raise SourceError(
                f"{self.place}: England alone; expected at least one provider. The file looks truncated: download it "
                "again."
            )
        self.rows = rows.with_columns(org_code=pl.when(is_england).then(pl.lit(ENGLAND)).otherwise("org_code"))

    @property
    def organisations(self) -> pl.DataFrame:
        """Return the providers' codes and names, written as the CSV does."""
        written = pl.col("org_name", "parent_name").str.replace_all(r"\s+", " ").str.strip_chars().str.to_uppercase()
        return self.rows.filter(pl.col("org_code") != ENGLAND).with_columns(written)

    def figures(self, headings: dict[str, str]) -> pl.DataFrame:
        """Return `org_code, metric, value, status`."""
        return tables.figures(self.rows, [*headings.values()], keys=["org_code"], place=self.place)

    def _refuse_other_month(self, period: str, *, expected: str) -> None:
        if folded(period) != folded(expected):
            raise SourceError(
                f"{self.place}: the period is {period!r}, but {expected!r} in the first sheet; expected one month a "
                "file. Download the file again."
            )
