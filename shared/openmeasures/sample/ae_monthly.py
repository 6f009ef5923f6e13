"""The sample's A&E files: 48 months of CSV in the exact layout of the publication, its irregularities included.

One month comes as a provider workbook too, as every month of the publication does; its figures are those of the CSV.
"""

import csv
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from openmeasures.periods import MONTH_NAMES, months
from openmeasures.sample.ae_activity import Figures, activity
from openmeasures.sample.ae_workbook import provider_workbook
from openmeasures.sample.organisations import Organisation, read_organisations, read_successions
from openmeasures.sample.stories import (
    FIRST_MONTH,
    FIRST_PUBLISHED_SHARE,
    LAST_MONTH,
    NOT_SUBMITTED_MONTHS,
    OTHER_STANDARD_MONTHS,
    REVISED_MONTH,
    Story,
    is_in,
)

HEADERS = (
    "Period",
    "Org Code",
    "Parent Org",
    "Org name",
    "A&E attendances Type 1",
    "A&E attendances Type 2",
    "A&E attendances Other A&E Department",
    "A&E attendances Booked Appointments Type 1",
    "A&E attendances Booked Appointments Type 2",
    "A&E attendances Booked Appointments Other Department",
    "Attendances over 4hrs Type 1",
    "Attendances over 4hrs Type 2",
    "Attendances over 4hrs Other Department",
    "Attendances over 4hrs Booked Appointments Type 1",
    "Attendances over 4hrs Booked Appointments Type 2",
    "Attendances over 4hrs Booked Appointments Other Department",
    "Patients who have waited 4-12 hs from DTA to admission",
    "Patients who have waited 12+ hrs from DTA to admission",
    "Emergency admissions via A&E - Type 1",
    "Emergency admissions via A&E - Type 2",
    "Emergency admissions via A&E - Other A&E department",
    "Other emergency admissions",
)

# The publication's own irregularities, each in the month in which it has it: a reader must survive them all.
BYTE_ORDER_MARK_MONTHS = (date(2023, 7, 1), date(2023, 8, 1), date(2023, 9, 1))
STRAY_COLUMNS_MONTH = date(2024, 9, 1)
STRAY_HEADERS = ("", "", "", "", "", "a")
TOTAL_CELLS = {
    date(2022, 8, 1): ("TOTAL", "TOTAL ", "TOTAL ", "TOTAL "),
    date(2023, 4, 1): ("TOTAl",) * 4,
    **dict.fromkeys(months(date(2023, 5, 1), date(2024, 3, 1)), ("Total",) * 4),
    date(2023, 9, 1): ("Total ", "Total", "Total", "Total"),
    date(2024, 4, 1): ("Total ",) * 4,
    date(2024, 9, 1): ("Total", "Total ", "Total", "Total"),
    date(2026, 2, 1): ("MSitAE-FEBRUARY-2026", "TOTAL", "TOTAL", "TOTAL"),
}
USUAL_TOTAL_CELLS = ("TOTAL",) * 4
WORKBOOK_MONTH = date(2022, 12, 1)  # one in which a trust has no four-hour figures, which the CSV shows as zeros
REGION_WITHOUT_TRAILING_SPACE = "Sundrey"  # as London is the one parent without it


def write(folder: Path) -> list[Path]:
    """Write the synthetic files to `folder`, made if need be, and return their paths in order of month.

    One file a month, `April-2022-synthetic.csv` and so on; the revised month has a second one,
    `October-2025-synthetic-revised.csv`, right behind the first. The workbook follows its CSV. Files of the same name
    are overwritten. Raises `DefinitionError` where the reference tables are malformed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write(Path(folder))][:2]
    ['April-2022-synthetic.csv', 'May-2022-synthetic.csv']
    """
    organisations = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for month, figures in reported(organisations).items():
        vintages = {"synthetic": figures}
        if month == REVISED_MONTH:
            first = {code: _as_first_published(row, organisations[code].story) for code, row in figures.items()}
            vintages = {"synthetic": first, "synthetic-revised": figures}
        name = f"{MONTH_NAMES[month.month - 1]}-{month.year}"
        for vintage, rows in vintages.items():
            path = folder / f"{name}-{vintage}.csv"
            path.write_bytes(_file(month, rows, organisations))
            written.append(path)
        if month == WORKBOOK_MONTH:
            path = folder / f"{name}-AE-by-provider-synthetic.xlsx"
            testing = {code for code in figures if is_testing(organisations[code], month)}
            path.write_bytes(provider_workbook(month, figures, organisations, testing=testing))
            written.append(path)
    return written


def reported(organisations: Mapping[str, Organisation]) -> dict[date, dict[str, Figures]]:
    """Return what each organisation reported in every month, in the newest vintage, mergers carried out."""
    successions = read_successions()
    by_org = {code: activity(organisation) for code, organisation in organisations.items()}
    found = {}
    for month in months(FIRST_MONTH, LAST_MONTH):
        figures = _merged({code: by_month[month] for code, by_month in by_org.items()}, successions, month)
        found[month] = {
            code: _with_over_4_hours_times(0, row) if is_testing(organisations[code], month) else row
            for code, row in figures.items()
            if not (organisations[code].story == Story.NOT_SUBMITTED and is_in(month, NOT_SUBMITTED_MONTHS))
        }
    return found


def is_testing(organisation: Organisation, month: date) -> bool:
    """Whether an organisation field-tests another standard, and so reports nobody over four hours."""
    return organisation.story == Story.OTHER_STANDARD and is_in(month, OTHER_STANDARD_MONTHS)


def _merged(figures: Mapping[str, Figures], successions: pl.DataFrame, month: date) -> dict[str, Figures]:
    """Count predecessors' patients with their successors, from the date of each succession on."""
    counted = dict(figures)
    for succession in successions.filter(pl.col("date") <= month).iter_rows(named=True):
        successor = succession["successor_code"]
        counted[successor] = _added([counted[successor], counted.pop(succession["org_code"])])
    return counted


def _as_first_published(figures: Figures, story: str | None) -> Figures:
    """Return a row of the revised month as it was before its revision."""
    return _with_over_4_hours_times(FIRST_PUBLISHED_SHARE, figures) if story == Story.REVISED else figures


def _with_over_4_hours_times(factor: float, figures: Figures) -> Figures:
    over = {field: n for field, n in figures._asdict().items() if field.startswith("over_4_hours")}
    return figures._replace(**{field: round(n * factor) for field, n in over.items()})


def _added(rows: list[Figures]) -> Figures:
    return Figures._make(sum(column) for column in zip(*rows, strict=True))


def _file(month: date, figures: Mapping[str, Figures], organisations: Mapping[str, Organisation]) -> bytes:
    """Return a month's file as the publication writes it, with that month's irregularities."""
    period = f"MSitAE-{MONTH_NAMES[month.month - 1].upper()}-{month.year}"
    rows: list[tuple[str | int, ...]] = [
        (period, code, _parent(organisations[code].region_name), organisations[code].org_name.upper(), *row)
        for code, row in figures.items()
    ]
    rows.append((*TOTAL_CELLS.get(month, USUAL_TOTAL_CELLS), *_added(list(figures.values()))))
    stray = STRAY_HEADERS if month == STRAY_COLUMNS_MONTH else ()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*HEADERS, *stray))
    writer.writerows((*row, *("" for _ in stray)) for row in rows)
    return text.getvalue().encode("utf-8-sig" if month in BYTE_ORDER_MARK_MONTHS else "utf-8")


def _parent(region_name: str) -> str:
    return f"NHS ENGLAND {region_name.upper()}" + ("" if region_name == REGION_WITHOUT_TRAILING_SPACE else " ")
