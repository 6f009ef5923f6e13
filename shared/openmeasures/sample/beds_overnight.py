"""The sample's beds: sixteen quarters of overnight beds in the layout of the publication's web file.

Notes above the table, a row of titles over headings that stand three times, spacers without a heading, England's row
with a name and no code, an empty row beneath it, averages with nine decimals, and marks where there are no beds. The
sheet that names estimated returns is last in older files and first in newer ones. One quarter is there in two vintages.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from openmeasures.periods import MONTH_NAMES, Period, month_label
from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sample.workbooks import stored

# What is planted, and in whom.
NEW_WARD, NEW_WARD_OPENS = "Z-06", date(2024, 10, 1)  # from then on a tenth more beds for as many patients
NEW_WARD_BEDS = 1.1
NOT_SUBMITTED, NOT_SUBMITTED_QUARTER = "Z-17", date(2023, 7, 1)  # no row: a hole that a chart must show
ESTIMATED, ESTIMATED_QUARTER = "Z-13", date(2025, 7, 1)  # last year's figures, named in the sheet on data quality
REVISED_QUARTER, REVISED_ON = date(2024, 10, 1), "21st May 2025"
FIRST_PUBLISHED_SHARE = 0.97  # of the occupied bed days that the revised file gives

SECTORS = ("General & Acute", "Learning Disabilities", "Maternity", "Mental Illness")


class Beds(NamedTuple):
    """An organisation's beds of each of `SECTORS`, and the share of general and acute ones that is occupied."""

    beds: tuple[int, int, int, int]
    occupied: float


# Published: quartiles of trusts' general and acute beds are 280, 600 and 1,000, and England has nine in ten occupied.
PROVIDERS = {
    "Z-01": Beds((1240, 0, 96, 0), 0.93),
    "Z-02": Beds((560, 0, 38, 0), 0.92),
    "Z-03": Beds((610, 0, 42, 0), 0.90),
    "Z-05": Beds((1390, 0, 110, 24), 0.91),
    NEW_WARD: Beds((640, 0, 40, 0), 0.965),
    "Z-07": Beds((600, 0, 44, 0), 0.90),
    "Z-08": Beds((1020, 0, 84, 0), 0.94),
    "Z-10": Beds((470, 0, 30, 0), 0.91),
    "Z-12": Beds((590, 0, 36, 0), 0.89),
    ESTIMATED: Beds((380, 0, 22, 0), 0.93),
    "Z-16": Beds((700, 0, 48, 0), 0.92),
    NOT_SUBMITTED: Beds((400, 0, 26, 0), 0.90),
    "Z-18": Beds((60, 0, 0, 0), 0.72),  # an orthopaedic hospital: planned operations alone
    "Z-19": Beds((890, 0, 70, 0), 0.92),
    "Z-24": Beds((46, 18, 0, 240), 0.84),  # community and mental health
}
OTHER_SECTORS = (0.62, 0.60, 0.895)  # published: England's share of learning disability, maternity and mental illness
# Published: England's general and acute share from January, July and October over their mean, in points; April's is
# not in the files.
SEASON = {1: 1.6, 4: -0.3, 7: -0.4, 10: -0.9}
NOISE, OTHER_NOISE = 0.9, 3.0  # points, of a quarter
MOST = 0.995  # of the beds, whatever is drawn
NEWER_FROM = date(2024, 7, 1)  # the sheet on data quality comes first
CREATED = datetime(2026, 5, 21)  # a workbook holds when it was made; the same for ever
KEYS = ("Year", "Period End", "Region Code", "Org Code", "Org Name")
HEADING_LINE = 14  # counted from 0, as xlsxwriter does

Days = tuple[tuple[int, ...], tuple[int, ...]]  # bed days available and occupied in the quarter, by sector
Row = list[str | float]


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbooks to `folder`, made if need be, and return their paths in order of quarter.

    They are the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    known = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    organisations = {code: known[code] for code in PROVIDERS}
    by_org = {code: bed_days(code) for code in PROVIDERS}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for quarter in quarters():
        days = {
            code: by_quarter[quarter]
            for code, by_quarter in by_org.items()
            if (code, quarter) != (NOT_SUBMITTED, NOT_SUBMITTED_QUARTER)
        }
        name = f"Beds-Open-Overnight-Web_File-{Period.QUARTER.label(quarter).replace(' ', '-').replace('/', '-')}"
        if quarter == REVISED_QUARTER:
            first = {code: (beds, _fewer(occupied)) for code, (beds, occupied) in days.items()}
            path = folder / f"{name}-synthetic.xlsx"
            path.write_bytes(_workbook(quarter, first, organisations, revised=""))
            written.append(path)
        is_revised = quarter == REVISED_QUARTER
        path = folder / f"{name}{'revised' * is_revised}-synthetic.xlsx"
        path.write_bytes(_workbook(quarter, days, organisations, revised=REVISED_ON * is_revised))
        written.append(path)
    return written


def quarters() -> list[date]:
    """Return the first day of every quarter of the sample."""
    found = [Period.QUARTER.start(FIRST_MONTH)]
    while (following := Period.QUARTER.next(found[-1])) <= LAST_MONTH:
        found.append(following)
    return found


def bed_days(org_code: str) -> dict[date, Days]:
    """Return an organisation's bed days, available and occupied, of each quarter and sector, as reported."""
    provider, draws = PROVIDERS[org_code], Draws(f"{org_code} beds")
    found: dict[date, Days] = {}
    for quarter in quarters():
        length = days_in(quarter)
        points = SEASON[quarter.month] + draws.normal(NOISE)
        drawn = [draws.normal(OTHER_NOISE) for _ in OTHER_SECTORS]
        shares = [provider.occupied, *OTHER_SECTORS]
        moved = [min(MOST, share + more / 100) for share, more in zip(shares, [points, *drawn], strict=True)]
        occupied = [round(beds * length * share) for beds, share in zip(provider.beds, moved, strict=True)]
        available = [beds * length for beds in provider.beds]
        if org_code == NEW_WARD and quarter >= NEW_WARD_OPENS:
            available[0] = round(available[0] * NEW_WARD_BEDS)
        found[quarter] = (tuple(available), tuple(occupied))
    if org_code == ESTIMATED:
        before = ESTIMATED_QUARTER.replace(year=ESTIMATED_QUARTER.year - 1)
        found[ESTIMATED_QUARTER] = found[before]
    return found


def days_in(quarter: date) -> int:
    """Return how many days a quarter has."""
    return (Period.QUARTER.next(quarter) - quarter).days


def published_on(quarter: date) -> str:
    """Return the day of publication as the publication writes it: in the second month after the quarter.

    >>> published_on(date(2024, 7, 1))
    '21st November 2024'
    """
    later = Period.QUARTER.last_month(Period.QUARTER.next(quarter))
    return f"21st {month_label(date(later.year, later.month - 1, 1))}"


def _fewer(occupied: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(round(FIRST_PUBLISHED_SHARE * days) for days in occupied)


def _workbook(
    quarter: date, days: Mapping[str, Days], organisations: Mapping[str, Organisation], *, revised: str
) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        if quarter >= NEWER_FROM:
            _write_quality(book, quarter, organisations)
        regions: dict[str, list[Days]] = {}
        trusts: list[Row] = [["", "", "England", *_cells(list(days.values()), quarter)], []]
        for code, found in days.items():
            region = organisations[code].region_name
            regions.setdefault(region, []).append(found)
            name = organisations[code].org_name.upper()
            trusts.append([_area(region), code, name, *_cells([found], quarter)])
        areas: list[Row] = [["", "England", *_cells(list(days.values()), quarter)], []]
        areas += [[_area(region), region.upper(), *_cells(found, quarter)] for region, found in regions.items()]
        _write_table(book.add_worksheet("NHS Trust by Sector"), quarter, KEYS, trusts, revised=revised)
        _write_table(book.add_worksheet("Region by Sector"), quarter, (*KEYS[:3], "AT Name"), areas, revised=revised)
        if quarter < NEWER_FROM:
            _write_quality(book, quarter, organisations)
    return stored(content.getvalue())


def _area(region: str) -> str:
    return f"Y-{region[:2].upper()}"


def _cells(of: Sequence[Days], quarter: date) -> Row:
    """Return a row's cells from the total of available beds on: three groups of five, spacers between."""
    available, occupied = ([sum(column) for column in zip(*part, strict=True)] for part in zip(*of, strict=True))
    groups = [[sum(part), *part] for part in (available, occupied)]
    length = days_in(quarter)
    averages: list[Row] = [[round(days / length, 9) for days in group] for group in groups]
    mark = "-" if quarter >= NEWER_FROM else " -   "
    shares: Row = [round(taken / beds, 9) if beds else mark for beds, taken in zip(*groups, strict=True)]
    return [*averages[0], "", *averages[1], "", *shares]


def _write_table(sheet: Worksheet, quarter: date, keys: Sequence[str], rows: list[Row], *, revised: str) -> None:
    first, last = MONTH_NAMES[quarter.month - 1], Period.QUARTER.last_month(quarter)
    notes = [
        ("Title:", "Average daily number of available and occupied beds open overnight by sector"),
        ("Summary:", "SYNTHETIC FIGURES: available and occupied consultant-led beds"),
        (),
        ("Period:", f"{first} to {month_label(last)}"),
        ("Source:", "The synthetic sample of Open Measures"),
        ("Basis:", "Provider"),
        ("Published:", published_on(quarter)),
        ("Revised:", revised),
        ("Status:", "Public"),
    ]
    for line, cells in enumerate(notes, start=1):
        sheet.write_row(line, 1, cells)
    place = len(keys) + 1
    for group, title in enumerate(("Available", "Occupied", "% Occupied")):
        sheet.write(HEADING_LINE - 1, place + group * (len(SECTORS) + 2), title)
    headings = ["Total ", *SECTORS]
    sheet.write_row(HEADING_LINE, 1, [*keys, *headings, "", *headings, "", *headings])
    when = [Period.YEAR.label(quarter).replace("/", "-"), MONTH_NAMES[last.month - 1]]
    for line, row in enumerate(rows, start=HEADING_LINE + 1):
        sheet.write_row(line, 1, [*when, *row] if row else [])


def _write_quality(book: Workbook, quarter: date, organisations: Mapping[str, Organisation]) -> None:
    sheet = book.add_worksheet("Data Quality")
    label = Period.QUARTER.label(quarter)
    sheet.write(0, 0, f"Data Quality KH03 {label.replace('/', '-')}")
    sheet.write(5, 0, "The following trusts submitted estimated returns this quarter:")
    sheet.write(8, 0, "The following trusts did not submit and the previous year period was used:")
    if quarter == ESTIMATED_QUARTER:
        sheet.write_row(9, 0, [ESTIMATED, organisations[ESTIMATED].org_name.upper()])
