"""Tables in published files: found by their headings, wherever they stand, and their cells read as figures.

| name | gives |
|---|---|
| `Workbook` | a workbook's sheets, hidden ones included, as cells of text |
| `labels` | what stands beside `Period:`, `Published:` and the like |
| `resembles` | whether there is a table with most of the headings, so that `find` can say which one is missing |
| `find` | the table whose headings are given, under our own column names |
| `dated` | its rows with the month that a column of dates gives |
| `figures` | its figures in long form, with the status of each |
| `observations`, `organisations` | the same as `schemas.Observations` and `schemas.Organisations` |
| `total_checks` | where organisations do not add up to the published total, in words |

Cells are text until `figures` reads them, so that a code such as `007` or a date never changes on the way.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache

import fastexcel
import polars as pl

from openmeasures.errors import SourceError, near_miss
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_label
from openmeasures.schemas import STATUS_TYPE, Observations, Organisations, Status

MOST = 2 / 3  # of a table's headings: enough to know whose it is, with some renamed
TOP_ROWS = 40  # headings stand in the first of them, below titles and notes
LINE = "line"  # the row's number as a spreadsheet shows it, for messages
# What publications print in place of a figure; a reader may know other marks.
MARKS = {"": Status.NOT_SUBMITTED, "-": Status.NOT_APPLICABLE, "*": Status.SUPPRESSED}
SMALLEST_FIGURE = 0.5  # 62-day cancer counts come in halves; sums that differ by less differ by rounding
# Digits of other scripts are no figures here, and a comma parts thousands only: `1,5` may be one and a half.
_NUMBER = r"^[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_AGAIN = "Download the file again."


class Workbook:
    """An Excel workbook of any age (xlsx, xls), read by calamine, which needs neither Excel nor its drawing parts.

    `place` is where it was found, for messages. Raises `SourceError` for content that is no workbook.
    """

    def __init__(self, content: bytes, *, place: str) -> None:
        self.place = place
        try:
            self._reader = fastexcel.read_excel(content)
        except fastexcel.FastExcelError as error:
            raise SourceError(f"{place}: not a workbook that can be read. Download it again.") from error
        self.sheets: list[str] = self._reader.sheet_names
        self._cells = cache(self._load)

    def cells(self, sheet: str) -> pl.DataFrame:
        """Return every cell of a sheet as text without outer spaces, empty ones as `""`; row 1 comes first.

        A number has nine decimals at most, a date is `2025-04-01 00:00:00`, and a formula's error is empty. Raises
        `SourceError` for a sheet that is not there, or is damaged.
        """
        return self._cells(sheet)

    def _load(self, sheet: str) -> pl.DataFrame:
        if sheet not in self.sheets:
            raise SourceError(
                f"{self.place}: no sheet {sheet!r} among {len(self.sheets)} ({', '.join(map(repr, self.sheets))})."
                f"{near_miss(sheet, self.sheets)} Download the file again, or tell us that its layout has changed."
            )
        try:
            # Without `skip_rows`, empty rows at the top are lost, and messages would name the wrong rows.
            loaded = self._reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_polars()
        except fastexcel.FastExcelError as error:
            raise SourceError(f"{self.place}, sheet {sheet!r}: damaged. Download the file again.") from error
        return loaded.select(pl.all().cast(pl.String).str.strip_chars().fill_null(""))


def folded(heading: str) -> str:
    """Return a heading without what publishers change from month to month: capitals, line breaks, double spaces.

    >>> folded("  Org   CODE ")
    'org code'
    """
    return " ".join(heading.replace("\ufeff", "").split()).casefold()


def labels(cells: pl.DataFrame) -> dict[str, str]:
    """Return what stands beside each label above a table, such as `Period:`, under the label `folded`, without colon.

    A label without anything beside it gives `""`; of two alike, the first counts.

    >>> labels(pl.DataFrame([["", "Period:", "April 2025"], ["", "Revised:", ""]], orient="row"))
    {'period': 'April 2025', 'revised': ''}
    """
    found: dict[str, str] = {}
    for row in cells.iter_rows():
        filled = [cell for cell in row if cell]
        if filled and filled[0].endswith(":"):
            found.setdefault(folded(filled[0].rstrip(":")), filled[1] if len(filled) > 1 else "")
    return found


def resembles(cells: pl.DataFrame, headings: Iterable[str]) -> bool:
    """Whether one of the first rows has `MOST` of the headings: then `find` either finds all, or names what is missing.

    >>> resembles(pl.DataFrame([["Code", "Name", "Sum"]], orient="row"), ["CODE", "name", "Total"])
    True
    """
    wanted = {folded(heading) for heading in headings}
    rows = cells.head(TOP_ROWS).iter_rows()
    return any(len(wanted & {folded(cell or "") for cell in row}) >= MOST * len(wanted) for row in rows)


def find(cells: pl.DataFrame, names: Mapping[str, str], *, place: str, band: bool = False) -> pl.DataFrame:
    """Return the rows under the first row that holds all the headings, as text, with `line` and our column names.

    - `cells`: a sheet or a CSV file as text, heading rows included.
    - `names`: published heading -> our column name. Headings are compared `folded`; a repeated one is taken where it
      stands first.
    - `place`: of the cells, for messages.
    - `band`: whether a row of titles above the headings is needed to tell them apart. A heading is then written as
      `title | heading`, and a title holds to the right until the next one; both forms are found.

    Wholly empty rows are left out. Raises `SourceError`, which names the missing heading of the likeliest row.
    """
    wanted = {folded(heading): name for heading, name in names.items()}
    best: tuple[int, list[str]] = (-1, [])
    above: list[str] = []
    for number, row in enumerate(cells.iter_rows(), start=1):
        plain = [folded(cell or "") for cell in row]
        headings = plain + (_banded(above, plain) if band else [])
        found = sum(heading in headings for heading in wanted)
        if found == len(wanted):
            columns = {name: headings.index(heading) % len(plain) for heading, name in wanted.items()}
            return (
                cells.select(pl.nth(index).alias(name) for name, index in columns.items())
                .with_columns(pl.all().fill_null("").str.strip_chars())
                .with_row_index(LINE, offset=1)
                .slice(number)
                .filter(pl.any_horizontal(pl.exclude(LINE) != ""))
            )
        best = max(best, (found, headings), key=lambda each: each[0])
        above = plain
    missing = [heading for heading in wanted if heading not in best[1]]
    shown = next(heading for heading in names if folded(heading) == missing[0])
    raise SourceError(
        f"{place}: no row has all {len(wanted)} headings; the likeliest lacks {len(missing)} of them, first "
        f"{shown!r}.{near_miss(folded(shown), [heading for heading in best[1] if heading])} Download the file again, "
        "or tell us that its layout has changed."
    )


def _banded(above: list[str], headings: list[str]) -> list[str]:
    """Return each heading with the title of its group, which stands over the first of them."""
    titles, title = [], ""
    for cell in above or [""] * len(headings):
        title = cell or title
        titles.append(title)
    return [folded(f"{title} | {heading}") for title, heading in zip(titles, headings, strict=True)]


def dated(table: pl.DataFrame, column: str, *, place: str) -> pl.DataFrame:
    """Return the rows with `period_start` and `period_end`, from a column of dates as `find` gives it.

    Raises `SourceError`, which names the row, for a cell that is not the first day of a month.
    """
    rows = table.with_columns(period_start=pl.col(column).str.head(10).str.to_date("%Y-%m-%d", strict=False))
    undated = rows.filter(pl.col("period_start").is_null() | (pl.col("period_start").dt.day() != 1))
    if not undated.is_empty():
        raise SourceError(
            f"{place}, row {undated[LINE][0]}, {column.capitalize()}: found {undated[column][0]!r}, expected the first "
            "day of a month. Download the file again, or tell the publisher."
        )
    return rows.with_columns(period_end=pl.col("period_start").dt.month_end())


def figures(
    table: pl.DataFrame,
    metrics: Sequence[str],
    *,
    keys: Sequence[str],
    place: str,
    marks: Mapping[str, Status] = MARKS,
) -> pl.DataFrame:
    """Return `keys, metric, value, status`, one row a figure, from columns of text named after their metrics.

    - `table`: as `find` gives it.
    - `metrics`: its columns of figures.
    - `keys`: the columns that say whose figures they are.
    - `marks`: what stands for a figure that is not there.

    Thousands may be parted by commas. Raises `SourceError`, which names row and column, for a cell that is neither a
    number nor a mark.
    """
    long = table.unpivot(metrics, index=[LINE, *keys], variable_name="metric", value_name="cell")
    is_mark = pl.col("cell").is_in(list(marks))
    strange = long.filter(~is_mark & ~pl.col("cell").str.contains(_NUMBER))
    if not strange.is_empty():
        first = strange.row(0, named=True)
        raise SourceError(
            f"{place}, row {first[LINE]}, {first['metric'].replace('_', ' ')}: found {first['cell']!r}, expected a "
            f"number or one of {', '.join(repr(mark) for mark in marks)}. Download the file again, or tell the "
            "publisher."
        )
    status = pl.col("cell").replace_strict(
        {mark: status.value for mark, status in marks.items()}, default=Status.REPORTED.value
    )
    return long.select(
        *keys,
        "metric",
        value=pl.when(~is_mark).then(pl.col("cell").str.replace_all(",", "")).cast(pl.Float64),
        status=status.cast(STATUS_TYPE),
    )


def observations(found: pl.DataFrame, *, source: str, release: str, place: str) -> pl.DataFrame:
    """Return `schemas.Observations` from what `figures` gives with `org_code`, `period_start` and `period_end`.

    `breakdown` and `category` are empty where they are not given. Raises `SourceError` for a figure given twice, or
    one of no organisation.
    """
    absent = [name for name in ("breakdown", "category") if name not in found.columns]
    rows = found.with_columns(
        *(pl.lit("").alias(name) for name in absent), source=pl.lit(source), release=pl.lit(release)
    )
    if "" in rows["org_code"]:
        count = rows.filter(pl.col("org_code") == "").height
        raise SourceError(f"{place}: {count} figures stand in rows without an organisation's code. {_AGAIN}")
    identity = ["metric", "org_code", "breakdown", "category", "period_start"]
    twice = rows.filter(pl.struct(identity).is_duplicated())
    if not twice.is_empty():
        first = twice.row(0, named=True)
        part = f" ({first['breakdown']}: {first['category']})" if first["breakdown"] else ""
        raise SourceError(
            f"{place}: organisation {first['org_code']!r} has {first['metric'].replace('_', ' ')}{part} twice for "
            f"{month_label(first['period_start'])}; expected once. {_AGAIN}"
        )
    return Observations.validate(rows.select(Observations.column_names()), cast=True)


def organisations(found: pl.DataFrame, *, period_start: date | None = None, release: str) -> pl.DataFrame:
    """Return `schemas.Organisations` from `org_code, org_name, parent_name` (and `period_start`, unless given).

    `system_code` is null where it is not given, or empty. An organisation with several rows in a period is named as in
    the first of them. Raises `SourceError` for one without a name.
    """
    rows = found if period_start is None else found.with_columns(period_start=pl.lit(period_start))
    system = pl.col("system_code").replace("", None) if "system_code" in rows.columns else pl.lit(None, pl.String)
    nameless = rows.filter(pl.col("org_name") == "")
    if not nameless.is_empty():
        raise SourceError(f"organisation {nameless['org_code'][0]!r} has no name. {_AGAIN}")
    return Organisations.validate(
        rows.with_columns(release=pl.lit(release), system_code=system)
        .select(Organisations.column_names())
        .unique(["org_code", "period_start"], keep="first", maintain_order=True),
        cast=True,
    )


def total_checks(observations: pl.DataFrame) -> list[str]:
    """Compare the organisations' sum with the published total, for each metric, part and period; say what differs.

    A figure without a published total has nothing to be compared with, and is not said to differ.
    """
    sums = observations.group_by("metric", "breakdown", "category", "period_start", maintain_order=True).agg(
        organisations=pl.col("value").filter(pl.col("org_code") != ENGLAND).sum(),
        published=pl.col("value").filter(pl.col("org_code") == ENGLAND).first(),
    )
    differing = sums.filter((pl.col("organisations") - pl.col("published")).abs() > SMALLEST_FIGURE / 2)
    return [
        f"{row['metric'].replace('_', ' ')}{row['category'] and ', ' + row['category']}, "
        f"{month_label(row['period_start'])}: organisations add up to {row['organisations']:,.10g}, the published "
        f"total is {row['published']:,.10g}"
        for row in differing.iter_rows(named=True)
    ]
