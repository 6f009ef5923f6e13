"""NHS sickness absence rates: NHS England's monthly CSV of days lost and days available, one row an organisation.

| observations | breakdown | from |
|---|---|---|
| each of `METRICS` | whole | the file's rows |
| `DAYS` | `organisation_type` | the same, by the column that says what kind each is |

Days are full-time equivalent: a day of someone who works half of the week is half a day [1]. A month is written as its
last day, `30/04/2024`, and in older files as `2009-APR`; those call some columns otherwise, and may hold many months.
There is no row of England. Figures are kept as published; the rate, a percentage of two decimals, is there to be
compared with.

1. NHS Sickness Absence Rates, data quality statement, NHS England Digital.
"""

import csv
import io
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.periods import MONTH_NAMES, month_end
from openmeasures.sources import Publication, SourceFile
from openmeasures.tables import LINE, folded

TITLE = "NHS Sickness Absence Rates, monthly CSV"
PUBLISHER = "NHS England"
URL = "https://digital.nhs.uk/data-and-information/publications/statistical/nhs-sickness-absence-rates"
LICENCE = "Open Government Licence v3.0"

DAYS = ("fte_days_lost", "fte_days_available")
RATE = "published_sickness_rate"
METRICS = (*DAYS, RATE)
# The headings of each column: today's, and those of files to March 2022 as others that read them name them.
HEADINGS = {
    "month": ("DATE",),
    "parent_name": ("NHSE_REGION_NAME", "HEE_region_name"),
    "org_code": ("ORG_CODE", "Org Code"),
    "org_name": ("ORG_NAME", "Org Name"),
    "category": ("ORG_TYPE", "Org Type"),
    "fte_days_lost": ("FTE_DAYS_LOST", "FTE Days Sick"),
    "fte_days_available": ("FTE_DAYS_AVAILABLE", "FTE Days Available"),
    RATE: ("SICKNESS_ABSENCE_RATE_PERCENT", "SA Rate (%)"),
}
SYSTEM = "ICS_CODE"  # of the integrated care system, which files to March 2022 have not
STAFF_GROUP = "staff group"  # a column of the file for benchmarking, which has every organisation many times
ROUNDED = 0.005 + 1e-9  # half a unit of the published rate's last decimal, and what a division loses
_MONTHS = {name[:3].casefold(): number for number, name in enumerate(MONTH_NAMES, start=1)}


def recognises(file: SourceFile) -> bool:
    """Whether the first line holds most of the headings, of any age, and none of staff groups."""
    first_line = file.content[:4096].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if "\0" in first_line:
        return False
    found = [heading.strip('"\r') for heading in first_line.split(",")]
    if any(folded(heading).replace("_", " ") == STAFF_GROUP for heading in found):
        return False
    return tables.resembles(pl.DataFrame([found], orient="row"), _names(found))


def read(file: SourceFile) -> Publication:
    """Read every month of the file.

    Raises `SourceError`, which names the row, for: a missing heading, a row that is cut off, a date that is no month,
    an organisation without code, name or type, one given twice in a month, or a cell that is neither a number nor a
    mark.
    """
    cells = _cells(file)
    found = list(cells.row(0))
    systems = {SYSTEM: "system_code"} if folded(SYSTEM) in map(folded, found) else {}
    rows = tables.find(cells, _names(found) | systems, place=file.place)
    headings = [folded(heading) for heading in HEADINGS["org_code"]]  # which joined files have again in their midst
    rows = _dated(rows.filter(~pl.col("org_code").str.to_lowercase().is_in(headings)), place=file.place)
    for column in ("org_code", "org_name", "category"):
        empty = rows.filter(pl.col(column) == "")
        if not empty.is_empty():
            raise SourceError(
                f"{file.place}, row {empty[LINE][0]}: no organisation's {column.replace('category', 'type')}; "
                "expected code, name and type in each row. Download the file again."
            )
    keys = ["org_code", "category", "period_start", "period_end"]
    whole = tables.figures(rows, METRICS, keys=keys, place=file.place)
    parts = whole.filter(pl.col("metric").is_in(DAYS)).with_columns(breakdown=pl.lit("organisation_type"))
    observations = tables.observations(
        pl.concat([whole.with_columns(category=pl.lit("")), parts], how="diagonal").with_columns(
            pl.col("breakdown").fill_null("")
        ),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    return Publication(observations, tables.organisations(rows, release=file.sha256), checks=_rate_checks(whole))


def _names(found: list[str]) -> dict[str, str]:
    """Return the heading of each column that is in the file, today's where none is, with our name."""
    there = {folded(heading) for heading in found}
    return {
        next((heading for heading in headings if folded(heading) in there), headings[0]): name
        for name, headings in HEADINGS.items()
    }


def _cells(file: SourceFile) -> pl.DataFrame:
    """Return the lines as rows of one length; what a row has beyond the headings is empty or refused."""
    try:
        lines = list(csv.reader(io.StringIO(file.text, newline=""), strict=True))
    except csv.Error as error:
        raise SourceError(f"{file.place}: not CSV ({error}). Download the file again.") from error
    width = len(lines[0])
    for number, line in enumerate(lines, start=1):
        if line and (len(line) < width or any(line[width:])):
            raise SourceError(
                f"{file.place}, row {number}: {len(line)} cells found, {width} expected. The file looks truncated: "
                "download it again."
            )
    return pl.DataFrame(
        [line[:width] if line else [""] * width for line in lines],
        schema=[f"column_{number}" for number in range(width)],
        orient="row",
    )


def _dated(rows: pl.DataFrame, *, place: str) -> pl.DataFrame:
    found = {cell: _month(cell) for cell in rows["month"].unique()}
    strange = rows.filter(pl.col("month").is_in([cell for cell, month in found.items() if month is None]))
    if not strange.is_empty():
        raise SourceError(
            f"{place}, row {strange[LINE][0]}, DATE: found {strange['month'][0]!r}, expected a month's last day such "
            "as '30/04/2024', or '2009-APR'. Download the file again, or tell the publisher."
        )
    if rows.is_empty():
        raise SourceError(f"{place}: no organisation under the headings. The file looks truncated: download it again.")
    return rows.with_columns(
        period_start=pl.col("month").replace_strict(found, return_dtype=pl.Date),
    ).with_columns(period_end=pl.col("period_start").dt.month_end())


def _month(cell: str) -> date | None:
    """Return the first day of a month, as the publication writes one; None for anything else.

    >>> _month("30/04/2024"), _month("2009-APR"), _month("04/30/2024"), _month("29/04/2024")
    (datetime.date(2024, 4, 1), datetime.date(2009, 4, 1), None, None)
    """
    match [part.strip() for part in cell.replace("-", "/").split("/")]:
        case [day, month, year] if _has_digits(day, 1, 2) and _has_digits(month, 1, 2) and _has_digits(year, 4, 4):
            try:
                found = date(int(year), int(month), int(day))
            except ValueError:  # no such day
                return None
            return found.replace(day=1) if found == month_end(found.replace(day=1)) else None
        case [year, name] if _has_digits(year, 4, 4) and name.casefold() in _MONTHS:
            return date(int(year), _MONTHS[name.casefold()], 1)
    return None


def _has_digits(text: str, fewest: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and fewest <= len(text) <= most


def _rate_checks(whole: pl.DataFrame) -> list[str]:
    """Say how many published rates are not 100 × days lost ÷ days available, as far as their two decimals tell."""
    wide = whole.pivot("metric", index=["org_code", "period_start"], values="value", maintain_order=True)
    rate = 100 * pl.col("fte_days_lost") / pl.col("fte_days_available").replace(0, None)
    differing = wide.with_columns(rate=rate).filter((pl.col("rate") - pl.col(RATE)).abs() > ROUNDED)
    if differing.is_empty():
        return []
    first = differing.row(0, named=True)
    return [
        f"{differing.height} published rates are not days lost over days available, first {first['org_code']}: "
        f"{first[RATE]:.2f}, the days give {first['rate']:.4f}"
    ]
