"""The extract's rows, found by their headings in either layout, and checked.

| name | gives |
|---|---|
| `headings_of` | what stands in the first line |
| `Band`, `bands_of` | the week bands that a file has: to 104 weeks and more, or before April 2021 to 52 and more |
| `rows_of` | the rows under our own column names, figures as whole numbers |
| `month_of` | the month that they are of |
"""

import csv
import re
from datetime import date
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError, near_miss
from openmeasures.periods import month_named
from openmeasures.sources import SourceFile

KEYS = {
    "Period": "period",
    "Provider Parent Name": "parent_name",
    "Provider Org Code": "org_code",
    "Provider Org Name": "org_name",
    "Commissioner Org Code": "commissioner",
    "RTT Part Type": "part",
    "Treatment Function Code": "function_code",
    "Treatment Function Name": "function",
}
# Read where they are there, to see whether the file is whole; an edition without them is read all the same.
SYSTEMS = {"Provider Parent Org Code": "provider_system", "Commissioner Parent Org Code": "commissioner_system"}
UNKNOWN_START = "Patients with unknown clock start date"  # in `Total All`, and in no band
TOTAL_ALL = "Total All"  # `Total` is filled for parts 1A and 1B only
WAITING, WITHOUT_BANDS = "Part_2", "Part_3"
PARTS = {
    WAITING: "incomplete_pathways",
    "Part_2A": "incomplete_pathways_with_decision_to_admit",
    "Part_1A": "completed_admitted_pathways",
    "Part_1B": "completed_non_admitted_pathways",
    WITHOUT_BANDS: "new_rtt_periods",
}
ALL_FUNCTIONS = "C_999"
NON_ENGLISH = "NONC"
_BAND = re.compile(r"gt (\d{2,3})(?: to (\d{2,3}))? weeks sum 1")
_PERIOD_PREFIX = "rtt-"
_LINE_BYTES = 16_384  # more than any line has


class Band(NamedTuple):
    """A week band: its heading, the weeks that everyone in it has waited more than, and our name for it."""

    heading: str
    lower: int
    category: str


def headings_of(file: SourceFile) -> list[str]:
    """Return the headings as they stand in the first line; none where that is no text."""
    first_line = file.content[:_LINE_BYTES].split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").rstrip("\r")
    # A line with a zero byte is no text: a zip may hold this very file uncompressed.
    return [] if "\0" in first_line else next(csv.reader([first_line]), [])


def bands_of(file: SourceFile, headings: list[str]) -> list[Band]:
    """Return the bands in order, whichever layout has them; refuse a gap, which would hide patients."""
    bands = []
    for heading in headings:
        if match := _BAND.fullmatch(tables.folded(heading)):
            lower = int(match[1])
            bands.append(Band(heading, lower, f"{lower:03d}-{int(match[2]):03d}" if match[2] else f"{lower:03d}+"))
    bands.sort(key=lambda band: band.lower)
    expected = [*(f"{week:03d}-{week + 1:03d}" for week in range(len(bands) - 1)), f"{len(bands) - 1:03d}+"]
    if [band.category for band in bands] != expected:
        wrong = next((want for want, band in zip(expected, bands, strict=True) if want != band.category), expected[-1])
        raise SourceError(
            f"{file.place}: the week band {wrong!r} is missing among {len(bands)} found; expected one a week and an "
            "open one at the end, such as 'Gt 104 Weeks SUM 1'. Download the file again."
        )
    return bands


def rows_of(file: SourceFile, headings: list[str], bands: list[Band]) -> pl.DataFrame:
    """Return the columns that are needed under our names, bands under their categories, and refuse odd rows."""
    names = {
        **{tables.folded(heading): name for heading, name in KEYS.items()},
        tables.folded(UNKNOWN_START): "unknown_start",
        tables.folded(TOTAL_ALL): "total",
        **{tables.folded(band.heading): band.category for band in bands},
    }
    published = {tables.folded(heading): heading for heading in reversed(headings)}
    if missing := [name for name in names if name not in published]:
        shown = next(heading for heading in (*KEYS, UNKNOWN_START, TOTAL_ALL) if tables.folded(heading) == missing[0])
        raise SourceError(
            f"{file.place}: column {shown!r} is missing ({len(headings)} columns found, {len(missing)} of "
            f"{len(names)} expected ones absent).{near_miss(shown, headings)} Download the file again."
        )
    names |= {tables.folded(heading): name for heading, name in SYSTEMS.items() if tables.folded(heading) in published}
    _refuse_cut(file, headings)
    wanted = {published[folded]: name for folded, name in names.items()}
    texts = [name for name in names.values() if name in (*KEYS.values(), *SYSTEMS.values())]
    figures = [heading for heading, name in wanted.items() if name not in texts]
    table = _numbers(file, list(wanted), figures).rename(wanted).with_row_index(tables.LINE, offset=2)
    table = table.with_columns(pl.col(*texts).str.strip_chars().replace("", None)).filter(
        pl.any_horizontal(pl.col(*texts).is_not_null())
    )
    table = table.with_columns(pl.lit(None, pl.String).alias(name) for name in SYSTEMS.values() if name not in texts)
    keys = ["org_code", "commissioner", "part", "function_code"]
    for name in ("period", "org_name", "function", *keys):
        if table[name].null_count():
            line = table.filter(pl.col(name).is_null())[tables.LINE][0]
            shown = next(heading for heading, ours in KEYS.items() if ours == name)
            raise SourceError(f"{file.place}, row {line}: no {shown!r}; expected one. Download the file again.")
    twice = table.filter(pl.struct(keys).is_duplicated())
    if not twice.is_empty():
        first = twice.row(-1, named=True)
        raise SourceError(
            f"{file.place}, row {first[tables.LINE]}: provider {first['org_code']!r}, commissioner "
            f"{first['commissioner']!r}, {first['part']}, {first['function']!r} again; expected one row each. "
            "Download the file again."
        )
    _refuse_without_total(file, table)
    return table


def _refuse_cut(file: SourceFile, headings: list[str]) -> None:
    """Raise `SourceError` for a file that ends within a line, or before its line break."""
    last_row = next(csv.reader([file.content[-_LINE_BYTES:].rstrip().rsplit(b"\n", 1)[-1].decode("utf-8", "replace")]))
    if len(last_row) != len(headings):
        raise SourceError(
            f"{file.place}, last row: {len(last_row)} cells found, {len(headings)} expected. The file looks "
            "truncated: download it again."
        )
    if not file.content.endswith((b"\n", b"\r")):
        raise SourceError(
            f"{file.place}, last row: no line break after {last_row[-1]!r}; expected one, as in every file "
            "as published. The file looks truncated: download it again."
        )


def _refuse_without_total(file: SourceFile, table: pl.DataFrame) -> None:
    """Raise `SourceError` where the last row's functions have no total: it is the last of its provider's part.

    Every provider, commissioner and part has one. Elsewhere in the file a missing one is told by `totals.checks`.
    """
    group = ["org_code", "commissioner", "part"]
    last = table.tail(1)
    if not last.is_empty() and ALL_FUNCTIONS not in table.join(last, on=group, how="semi")["function_code"]:
        row = last.row(0, named=True)
        raise SourceError(
            f"{file.place}, row {row[tables.LINE]}, the last: provider {row['org_code']!r}, commissioner "
            f"{row['commissioner']!r}, {row['part']} has no row of all functions ({ALL_FUNCTIONS}); expected one. The "
            "file looks truncated: download it again."
        )


def _numbers(file: SourceFile, wanted: list[str], figures: list[str]) -> pl.DataFrame:
    """Read the wanted columns, `figures` as whole numbers: at once, and cell by cell only where that fails."""
    try:
        fast = dict.fromkeys(figures, pl.Int32())
        table = pl.read_csv(file.content, columns=wanted, infer_schema=False, schema_overrides=fast)
        if not table.select(pl.min_horizontal(pl.col(figures).min()) < 0).item():
            return table
    except PolarsError:
        pass  # one cell is no number, or a name is not in UTF-8: the slow way below tells
    try:
        table = pl.read_csv(file.text.encode(), columns=wanted, infer_schema=False)
    except PolarsError as error:
        raise SourceError(f"{file.place}: not CSV ({str(error).splitlines()[0]}). Download the file again.") from error
    cleaned = table.with_columns(pl.col(figures).str.strip_chars().str.replace_all(",", "").str.replace(r"\.0+$", ""))
    for heading in figures:
        strange = cleaned.with_row_index(tables.LINE, offset=2).filter(~pl.col(heading).str.contains(r"^\d{0,9}$"))
        if not strange.is_empty():
            line = strange[tables.LINE][0]
            raise SourceError(
                f"{file.place}, row {line}, column {heading!r}: found {table[heading][line - 2]!r}, expected a whole "
                "number or nothing. Download the file again, or tell the publisher."
            )
    return cleaned.with_columns(pl.col(figures).replace("", None).cast(pl.Int32))


def month_of(file: SourceFile, rows: pl.DataFrame) -> date:
    """Return the month that every row names."""
    found = rows["period"].unique(maintain_order=True).to_list()
    if not found:
        raise SourceError(f"{file.place}: no rows below the headings. Download the file again.")
    if len({period.casefold() for period in found}) > 1:
        raise SourceError(
            f"{file.place}, column 'Period': {found[0]!r} and {found[1]!r}; expected one month a file. Split the file."
        )
    try:
        return month_named(found[0].casefold().removeprefix(_PERIOD_PREFIX))
    except ParameterError as error:
        raise SourceError(
            f"{file.place}, column 'Period': found {found[0]!r}, expected for example 'RTT-April-2026'. "
            "Download the file again, or tell the publisher."
        ) from error
