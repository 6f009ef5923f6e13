"""The sample's talking therapies by month: one workbook in the layout of the publication's time series.

A title sheet that carries the date, a table under a link, and the constructions. Each month stands in four groups that
hold the same people. England is exact; below it counts are rounded to 5, percentages to whole numbers, and what rests
on fewer than 5 people is `*`; a month with nothing is `-`.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

from openmeasures.periods import month_label, months
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH, is_in
from openmeasures.sample.talking_therapies_activity import NOTHING, NOTHING_MONTHS, SERVICES, Figures, activity
from openmeasures.sample.workbooks import stored

HEADINGS = (
    "CCG Code", "CCG Name", "Provider Code", "Provider Name", "Group Type", "Month / Year", "Referrals Received",
    "First Treatment", "Ended Referrals", "Finished a Course of Treatment",
    "First Treatment within 6 weeks Finished a Course of Treatment",
    "First Treatment within 18 weeks Finished a Course of Treatment", "Recovery rate", "Improvement rate",
    "Reliable Recovery rate",
)  # fmt: skip
HEADING_LINE = 7  # counted from 0, as xlsxwriter does
COUNTS = 4
ALL_COMMISSIONERS, ALL_PROVIDERS = ("all", "all CCGs"), ("all", "all Providers")
PUBLISHED = "14 May 2026"
CREATED = datetime(2026, 5, 14)  # a workbook holds when it was made; the same for ever
BASE, FEWEST = 5, 5

Cell = str | int | float


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbook to `folder`, made if need be, and return its path in a list.

    It is the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    known = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    services = {known[code]: activity(code) for code in SERVICES}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"talking-therapies-time-series-{month_label(LAST_MONTH).replace(' ', '-')}-synthetic.xlsx"
    path.write_bytes(_workbook(_rows(services)))
    return [path]


def disclosed(figures: Figures) -> list[Cell]:
    """Return the cells of one organisation's month as the publication prints them below England.

    A percentage of those finishing is suppressed with its numerator or with them; so is one of those at caseness.
    """
    return [
        *(_rounded(count) for count in figures[:COUNTS]),
        *(
            round(100 * part / whole) if part >= FEWEST and figures.finished >= FEWEST else "*"
            for part, whole in _shares(figures)
        ),
    ]


def _rounded(count: int) -> Cell:
    return "*" if count < FEWEST else BASE * ((2 * count + BASE) // (2 * BASE))


def _shares(figures: Figures) -> list[tuple[int, int]]:
    return [
        (figures.six_weeks, figures.finished),
        (figures.eighteen_weeks, figures.finished),
        (figures.recovered, figures.at_caseness),
        (figures.improved, figures.finished),
        (figures.reliably_recovered, figures.at_caseness),
    ]


def _exact(everyone: Iterable[Figures]) -> list[Cell]:
    summed = Figures(*map(sum, zip(*everyone, strict=True)))
    return [*summed[:COUNTS], *(round(100 * part / whole, 1) for part, whole in _shares(summed))]


def _rows(
    services: Mapping[Organisation, Mapping[date, Figures]],
) -> Iterator[tuple[tuple[str, ...], date, list[Cell]]]:
    """Give keys, month and figures of each row, group by group; each service has one commissioner, its system."""
    every_month = list(months(FIRST_MONTH, LAST_MONTH))
    nothing: list[Cell] = ["-"] * (len(HEADINGS) - 6)

    def is_there(organisation: Organisation, month: date) -> bool:
        return not (organisation.org_code == NOTHING and is_in(month, NOTHING_MONTHS))

    for month in every_month:
        there = [figures[month] for organisation, figures in services.items() if is_there(organisation, month)]
        yield (*ALL_COMMISSIONERS, *ALL_PROVIDERS, "England"), month, _exact(there)
    for group in ("CCG", "Provider", "CCG/Provider"):
        for organisation, figures in services.items():
            place = ALL_COMMISSIONERS if group == "Provider" else _commissioner(organisation)
            who = ALL_PROVIDERS if group == "CCG" else (organisation.org_code, organisation.org_name.upper())
            for month in every_month:
                cells = disclosed(figures[month]) if is_there(organisation, month) else nothing
                yield (*place, *who, group), month, cells


def _commissioner(organisation: Organisation) -> tuple[str, str]:
    return f"Z-C{organisation.org_code[-2:]}", f"NHS {organisation.system_name.upper()} CCG"


def _workbook(rows: Iterator[tuple[tuple[str, ...], date, list[Cell]]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "mmm-yy"}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        title = book.add_worksheet("Title sheet")
        title.write_column(
            0, 0, ["SYNTHETIC FIGURES: talking therapies", "Monthly time series for key measures", "",
                   f"Publication date: {PUBLISHED}"],
        )  # fmt: skip
        sheet = book.add_worksheet("Table 1")
        sheet.write(0, 0, "Return to Contents")
        sheet.write(4, 0, "Table 1: Monthly time series of key activity, waiting times and outcome measures")
        sheet.write_row(HEADING_LINE, 0, HEADINGS)
        for line, (keys, month, cells) in enumerate(rows, start=HEADING_LINE + 1):
            for column, key in enumerate(keys):
                sheet.write_string(line, column, key)
            sheet.write_datetime(line, len(keys), datetime(month.year, month.month, 1))
            for column, cell in enumerate(cells, start=len(keys) + 1):  # by type, which is quicker than `write_row`
                if isinstance(cell, str):
                    sheet.write_string(line, column, cell)
                else:
                    sheet.write_number(line, column, cell)
        book.add_worksheet("Constructions").write(4, 0, "Description of measure")
    return stored(content.getvalue())
