"""The provider CSV: one row a provider and a `TOTAL` row at the end.

Columns are found by their heading, whatever their order; extra ones, as in September 2024, are left alone. Figures are
kept as published: a zero that stands for "not reported" (the trusts that field-tested other standards) is mended by
each measure's `corrections.yml`, where readers can see it.
"""

import csv
import io
import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError, near_miss
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_end, month_named
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.sources.ae_monthly.names import SOURCE
from openmeasures.tables import MARKS, folded

# Headings as published since April 2021; "other" departments are the statistics' type 3 (and 4).
METRICS = {
    "A&E attendances Type 1": "attendances_type_1",
    "A&E attendances Type 2": "attendances_type_2",
    "A&E attendances Other A&E Department": "attendances_type_3",
    "A&E attendances Booked Appointments Type 1": "booked_attendances_type_1",
    "A&E attendances Booked Appointments Type 2": "booked_attendances_type_2",
    "A&E attendances Booked Appointments Other Department": "booked_attendances_type_3",
    "Attendances over 4hrs Type 1": "over_four_hours_type_1",
    "Attendances over 4hrs Type 2": "over_four_hours_type_2",
    "Attendances over 4hrs Other Department": "over_four_hours_type_3",
    "Attendances over 4hrs Booked Appointments Type 1": "booked_over_four_hours_type_1",
    "Attendances over 4hrs Booked Appointments Type 2": "booked_over_four_hours_type_2",
    "Attendances over 4hrs Booked Appointments Other Department": "booked_over_four_hours_type_3",
    "Patients who have waited 4-12 hs from DTA to admission": "dta_waits_four_to_twelve_hours",
    "Patients who have waited 12+ hrs from DTA to admission": "dta_waits_over_twelve_hours",
    "Emergency admissions via A&E - Type 1": "emergency_admissions_type_1",
    "Emergency admissions via A&E - Type 2": "emergency_admissions_type_2",
    "Emergency admissions via A&E - Other A&E department": "emergency_admissions_type_3",
    "Other emergency admissions": "other_emergency_admissions",
}
KEYS = {"Period": "period", "Org Code": "org_code", "Parent Org": "parent_name", "Org name": "org_name"}
SIGNATURE = ("org code", "a&e attendances type 1")  # the headings that no other publication has together
PERIOD_PREFIX = "msitae-"
TOTAL = "total"

# A count of people in figures, with or without thousands separators; a spreadsheet may have added `.0`.
_WHOLE_NUMBER = re.compile(r"(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.0+)?", re.ASCII)


def recognises(file: SourceFile) -> bool:
    """Whether the first line holds the headings that only this publication has.

    A line with a zero byte is no text: a zip may hold this very file uncompressed.
    """
    first_line = file.content[:4096].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if "\0" in first_line:
        return False
    headings = {folded(heading.replace('"', "")) for heading in first_line.split(",")}
    return all(heading in headings for heading in SIGNATURE)


def read(file: SourceFile) -> Publication:
    """Read one month.

    Raises `SourceError`, which names the row or column, for: a missing heading, a short row, a period that is not a
    month or differs between rows, a repeated organisation, a figure that is not a whole number of people, or no
    total row at the end (a truncated file).
    """
    rows = _rows(file)
    providers = _providers(file, rows)
    month = _month(file, rows[: len(providers)])
    _refuse_repeats(file, rows)
    figures = [
        (metric, row["org_code"], *_figure(file, line, heading, row[heading]))
        for line, row in rows
        for heading, metric in METRICS.items()
    ]
    found = pl.DataFrame(
        figures,
        schema={"metric": pl.String, "org_code": pl.String, "value": pl.Float64, "status": STATUS_TYPE},
        orient="row",
    ).with_columns(period_start=pl.lit(month), period_end=pl.lit(month_end(month)))
    observations = tables.observations(found, source=SOURCE, release=file.sha256, place=file.place)
    organisations = pl.DataFrame(
        [{name: row[name] for name in ("org_code", "org_name", "parent_name")} for _, row in providers]
    )
    return Publication(
        observations,
        tables.organisations(organisations, period_start=month, release=file.sha256),
        checks=tables.total_checks(observations),
    )


_Rows = list[tuple[int, dict[str, str]]]


def _rows(file: SourceFile) -> _Rows:
    """Return each filled row with its line number, under our names for the keys and the published ones for figures."""
    reader = csv.reader(io.StringIO(file.text, newline=""))
    try:
        found = next(reader, [])
        filled = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise SourceError(
            f"{file.place}, row {reader.line_num}: not CSV ({error}). Download the file again."
        ) from error
    header = [folded(heading) for heading in found]
    wanted = {heading: KEYS.get(heading, heading) for heading in (*KEYS, *METRICS)}
    missing = [heading for heading in wanted if folded(heading) not in header]
    if missing:
        raise SourceError(
            f"{file.place}: column {missing[0]!r} is missing ({len(header)} columns found, {len(missing)} of "
            f"{len(wanted)} expected ones absent).{near_miss(missing[0], found)} Download the file again."
        )
    columns = {name: header.index(folded(heading)) for heading, name in wanted.items()}
    rows: _Rows = []
    for line, cells in filled:
        if len(cells) <= max(columns.values()):
            raise SourceError(
                f"{file.place}, row {line}: {len(cells)} cells found, at least {max(columns.values()) + 1} "
                "expected. The file looks truncated: download it again."
            )
        rows.append((line, {name: cells[index].strip() for name, index in columns.items()}))
    return rows


def _providers(file: SourceFile, rows: _Rows) -> _Rows:
    """Split off the total row, which becomes England, and return the rest."""
    totals = [place for place, (_, row) in enumerate(rows) if row["org_code"].casefold() == TOTAL]
    if totals != [len(rows) - 1] or len(rows) == 1:
        found = f"{len(totals)} total rows" if totals else "no total row"
        raise SourceError(
            f"{file.place}: {found} among {len(rows)} rows; expected exactly one, at the end, after at least one "
            "provider. The file looks truncated or joined from several: download it again."
        )
    rows[-1][1]["org_code"] = ENGLAND
    for line, row in rows[:-1]:
        if not row["org_code"] or not row["org_name"]:
            raise SourceError(f"{file.place}, row {line}: no organisation code or name. Download the file again.")
    return rows[:-1]


def _month(file: SourceFile, providers: _Rows) -> date:
    periods = {row["period"]: line for line, row in reversed(providers)}
    if len({period.casefold() for period in periods}) > 1:
        first, second, *_ = sorted(periods.items(), key=lambda found: found[1])
        raise SourceError(
            f"{file.place}, row {second[1]}: period {second[0]!r}, but {first[0]!r} in row {first[1]}; "
            "expected one month a file. Split the file."
        )
    period = next(iter(periods))
    try:
        return month_named(period.casefold().removeprefix(PERIOD_PREFIX))
    except ParameterError as error:
        raise SourceError(
            f"{file.place}, column 'Period': found {period!r}, expected for example 'MSitAE-MARCH-2024'. "
            "Download the file again, or tell the publisher."
        ) from error


def _refuse_repeats(file: SourceFile, rows: _Rows) -> None:
    seen: dict[str, int] = {}
    for line, row in rows:
        if (before := seen.setdefault(row["org_code"], line)) != line:
            raise SourceError(
                f"{file.place}, row {line}: organisation {row['org_code']!r} again (first in row {before}); "
                "expected one row an organisation. Download the file again."
            )


def _figure(file: SourceFile, line: int, heading: str, cell: str) -> tuple[float | None, Status]:
    if cell in MARKS:
        return None, MARKS[cell]
    match = _WHOLE_NUMBER.fullmatch(cell)
    if match is None:
        raise SourceError(
            f"{file.place}, row {line}, column {heading!r}: found {cell!r}, expected a whole number, '-', '*' or "
            "nothing. Download the file again, or tell the publisher."
        )
    return float(match[1].replace(",", "")), Status.REPORTED
