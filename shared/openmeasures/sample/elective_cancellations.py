"""The sample's cancelled operations: sixteen quarters in the layout of the publication's workbook.

Notes above the table, headings in row 16, two rows of England with `-` for a code, an empty row beneath them, and a
sheet of notes whose sentences go over two lines and name who did not submit. Providers of the independent sector are
among the others. One has more breaches than cancellations: a breach counts in the quarter in which the 28 days end.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from openmeasures.periods import MONTH_NAMES, Period, month_label
from openmeasures.sample.beds_overnight import quarters
from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import read_organisations
from openmeasures.sample.workbooks import stored

# What is planted, and in whom.
CLOSED, CLOSED_FROM, CLOSED_TIMES = "Z-12", date(2024, 10, 1), 2.2  # a theatre is closed: more than twice the breaches
NOT_SUBMITTED, NOT_SUBMITTED_QUARTER = ("Z-17", "Z-22"), date(2023, 7, 1)  # no row, named in the notes over two lines
IN_PART, IN_PART_QUARTER = "Z-13", date(2025, 7, 1)  # named in the notes, with the figures of some weeks
CARRIED, CARRIED_QUARTER = "Z-S1", date(2025, 1, 1)  # breaches of cancellations in the quarter before


class Provider(NamedTuple):
    """How many operations a provider cancels at the last minute in a quarter, and the share not treated in 28 days."""

    cancellations: int
    breaches: float


# Published: quartiles of providers are 56, 105 and 200 cancellations, and of England's 22 to 23 % are breaches.
PROVIDERS = {
    "Z-01": Provider(420, 0.28),
    "Z-02": Provider(110, 0.19),
    "Z-03": Provider(130, 0.24),
    "Z-05": Provider(510, 0.31),
    "Z-06": Provider(150, 0.22),
    "Z-07": Provider(140, 0.16),
    "Z-08": Provider(330, 0.26),
    "Z-10": Provider(95, 0.21),
    CLOSED: Provider(120, 0.17),
    IN_PART: Provider(60, 0.20),
    "Z-16": Provider(190, 0.23),
    NOT_SUBMITTED[0]: Provider(75, 0.22),
    "Z-18": Provider(24, 0.08),  # an orthopaedic hospital: too few breaches for limits
    "Z-19": Provider(260, 0.30),
    NOT_SUBMITTED[1]: Provider(105, 0.18),
    "Z-23": Provider(180, 0.03),  # an eye hospital: many cancellations, soon made up for
    "Z-24": Provider(0, 0.0),  # community and mental health: nothing to cancel
    CARRIED: Provider(5, 0.10),
    "Z-S2": Provider(2, 0.0),
}
INDEPENDENT = {CARRIED: ("Sundrey Vale Surgical Centre", "Sundrey"), "Z-S2": ("Oskerby Eye Clinic", "Norrowland")}
WINTER = 1.08  # of the cancellations from October to March
EXCESS = 1.3  # of what counting chance alone would make them vary
CREATED = datetime(2026, 5, 14)  # a workbook holds when it was made; the same for ever
HEADING_LINE = 15  # counted from 0, as xlsxwriter does
KEYS = ("Region Code", "Region Name", "Organisation Code", "Organisation Name")
FIGURES = (
    "Number of last minute elective operations cancelled for non clinical reasons",
    "Number of patients not treated within 28 days of last minute elective cancellation",
)

Counts = tuple[int, int]  # cancellations and breaches


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbooks to `folder`, made if need be, and return their paths in order of quarter.

    They are the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = read_organisations().select("org_code", "org_name", "region_name").iter_rows()
    named = {code: (name, region) for code, name, region in known if code in PROVIDERS} | INDEPENDENT
    by_org = {code: counts(code) for code in PROVIDERS}
    written = []
    for quarter in quarters():
        label = Period.QUARTER.label(quarter).replace(" ", "-").replace("/", "-")
        path = folder / f"{label}-Cancelled-Operations-synthetic.xlsx"
        path.write_bytes(_workbook(quarter, {code: found[quarter] for code, found in by_org.items()}, named))
        written.append(path)
    return written


def counts(org_code: str) -> dict[date, Counts]:
    """Return a provider's cancellations and breaches of each quarter."""
    provider, draws = PROVIDERS[org_code], Draws(f"{org_code} cancellations")
    found: dict[date, Counts] = {}
    for quarter in quarters():
        expected = provider.cancellations * (WINTER if quarter.month in (1, 10) else 1)
        cancelled = max(0, round(expected + draws.normal(EXCESS * sqrt(expected))))
        share = provider.breaches * (CLOSED_TIMES if org_code == CLOSED and quarter >= CLOSED_FROM else 1)
        chance = draws.normal(EXCESS * sqrt(cancelled * share * (1 - share)))
        found[quarter] = (cancelled, min(cancelled, max(0, round(cancelled * share + chance))))
    if org_code == CARRIED:
        found[CARRIED_QUARTER] = (1, 2)
    return found


def _workbook(quarter: date, found: Mapping[str, Counts], named: Mapping[str, tuple[str, str]]) -> bytes:
    content = io.BytesIO()
    held = {
        code: each
        for code, each in found.items()
        if quarter != NOT_SUBMITTED_QUARTER or code not in NOT_SUBMITTED
    }  # fmt: skip
    nhs = [each for code, each in held.items() if code not in INDEPENDENT]
    rows: list[Sequence[str | int]] = [
        ["-", "", "-", "England (Excluding Independent Sector)", *_sum(nhs)],
        ["-", "", "-", "England (Including Independent Sector)", *_sum(held.values())],
        [],
    ]
    for code, each in held.items():
        name, region = named[code]
        rows.append([f"Y-{region[:2].upper()}", f"{region.upper()} COMMISSIONING REGION", code, name.upper(), *each])
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        sheet = book.add_worksheet("Provider")
        _write_notes(sheet, quarter)
        sheet.write_row(HEADING_LINE, 1, [*KEYS, *FIGURES])
        for line, row in enumerate(rows, start=HEADING_LINE + 1):
            sheet.write_row(line, 1, row)
        notes = book.add_worksheet("Notes")
        _write_notes(notes, quarter)
        for line, text in enumerate(["Notes", "", *_said(quarter, named)], start=HEADING_LINE):
            notes.write(line, 1, text)
    return stored(content.getvalue())


def _sum(of: Iterable[Counts]) -> list[int]:
    return [sum(column) for column in zip(*of, strict=True)]


def _said(quarter: date, named: Mapping[str, tuple[str, str]]) -> list[str]:
    label = Period.QUARTER.label(quarter).replace("/", "-")
    if quarter == NOT_SUBMITTED_QUARTER:
        first, second = (f"{code} {named[code][0]}" for code in NOT_SUBMITTED)
        return [f"{first} and", f"{second} did not submit data for {label}."]
    if quarter == IN_PART_QUARTER:
        return [f"{IN_PART} {named[IN_PART][0]} submission only contains data up to 24th August 2025 for {label}."]
    return []


def _write_notes(sheet: Worksheet, quarter: date) -> None:
    last = Period.QUARTER.last_month(quarter)
    number, year = Period.QUARTER.label(quarter)[1:].replace("/", "-").split()
    published = date(last.year + (last.month + 2 > len(MONTH_NAMES)), (last.month + 1) % len(MONTH_NAMES) + 1, 1)
    notes = [
        ("Title:", "Cancelled Operations (elective only)"),
        ("Summary:", "SYNTHETIC FIGURES: last minute cancelled elective operations for non-clinical reasons"),
        (),
        ("Period:", f"Quarter {number}, {year} ({MONTH_NAMES[quarter.month - 1]} to {month_label(last)})"),
        ("Source:", "The synthetic sample of Open Measures"),
        ("Basis:", "Provider"),
        ("Published:", f"14th {month_label(published)}"),
        ("Revised:", "-"),
        ("Status:", "Public"),
    ]
    for line, cells in enumerate(notes, start=1):
        sheet.write_row(line, 1, cells)
