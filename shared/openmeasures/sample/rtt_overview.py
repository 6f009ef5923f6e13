"""The sample's national RTT time series: the overview workbook, with the sums of the sample's trusts.

It counts English commissioners' patients, as the publication does; estimates for the trust that did not submit are what
really happened there.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import xlsxwriter

from openmeasures.organisations import SYNTHETIC_ENGLAND_NAME
from openmeasures.periods import MONTH_NAMES, months
from openmeasures.sample.rtt_pathways import NON_ENGLISH, Row, is_reported, pathways
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sources.rtt_overview import ESTIMATES, SHEET_TITLE

CREATED = datetime(2026, 5, 14)  # the file's bytes must not depend on the day
INCOMPLETE = (
    "Median wait (weeks)",
    "92nd percentile (weeks)",
    "No. within 18 weeks",
    f"No. within 18 weeks{ESTIMATES}",
    "% within 18 weeks",
    "No. > 18 weeks",
    f"No. > 18 weeks{ESTIMATES}",
    "No. > 52 weeks",
    f"No. > 52 weeks{ESTIMATES}",
    "% > 52 weeks",
    "No. > 65 weeks",
    f"No. > 65 weeks{ESTIMATES}",
    "No. > 78 weeks",
    f"No. > 78 weeks{ESTIMATES}",
    "No. > 104 weeks",
    f"No. > 104 weeks{ESTIMATES}",
    "Total waiting (mil)",
    f"Total waiting (mil){ESTIMATES}",
)
COMPLETED = (
    "Median wait (weeks)",
    "95th percentile (weeks)",
    "No. within 18 weeks",
    "No. > 52 weeks",
    "No. of pathways (all)",
    f"No. of pathways (all){ESTIMATES}",
)
ADJUSTED = ("Median wait (weeks)", "95th percentile (weeks)", "No. within 18 weeks", "No. > 52 weeks")
GROUPS = {
    "Incomplete RTT pathways": INCOMPLETE,
    "Admitted (unadjusted) RTT pathways": COMPLETED,
    "Non-Admitted RTT pathways": COMPLETED,
    "New RTT periods": ("No. of new RTT periods", f"No. of new RTT periods{ESTIMATES}", ""),  # a spacer column
    "Admitted (adjusted) RTT pathways": (*ADJUSTED, "No. of pathways (all)"),
}
ABOVE = (
    f"{SHEET_TITLE}{SYNTHETIC_ENGLAND_NAME}",
    "",
    f"Period: {MONTH_NAMES[FIRST_MONTH.month - 1]} {FIRST_MONTH.year} to "
    f"{MONTH_NAMES[LAST_MONTH.month - 1]} {LAST_MONTH.year}",
    "Main Source: the synthetic sample",
    "Basis: Commissioner",
)
HEADING_ROW = 9  # counted from 0; the groups stand above
NOTES = (
    "Notes:",
    "1. Median and percentile times are calculated from aggregate data, and are only estimates",
)
MONTHS_TO_COME = 2  # as the publication has them, with a date and nothing else

_Parts = dict[str, tuple[np.ndarray, int]]


def write(folder: Path) -> list[Path]:
    """Write the synthetic workbook to `folder`, made if need be, and return its path."""
    by_month: dict[date, list[Row]] = defaultdict(list)
    for row in pathways():
        if row.commissioner != NON_ENGLISH:
            by_month[row.month].append(row)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"RTT-Overview-Timeseries-{MONTH_NAMES[LAST_MONTH.month - 1][:3]}-{LAST_MONTH.year}-synthetic.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet("Full Time Series")
        dates = book.add_format({"num_format": "mmm-yy"})
        for line, text in enumerate(ABOVE):
            sheet.write_string(line, 0, text)
        sheet.write_row(HEADING_ROW - 1, 0, ("Year", "Month"))
        column = 2
        for group, headings in GROUPS.items():
            sheet.write_string(HEADING_ROW - 1, column, group)
            sheet.write_row(HEADING_ROW, column, headings)
            column += len(headings)
        line = HEADING_ROW
        for month in months(FIRST_MONTH, date(LAST_MONTH.year, LAST_MONTH.month + MONTHS_TO_COME, 1)):
            line += 1
            if month.month == 4 or line == HEADING_ROW + 1:  # noqa: PLR2004 - financial years begin in April
                sheet.write_string(line, 0, f"{month.year}/{(month.year + 1) % 100:02d}")
            sheet.write_datetime(line, 1, datetime(month.year, month.month, 1), dates)
            if month in by_month:
                sheet.write_row(line, 2, _line(by_month[month]))
        for text in NOTES:
            line += 1
            sheet.write_string(line, 0, text)
    return [path]


def _line(rows: list[Row]) -> list[float | str]:
    """Return a month's cells, in the order of the headings."""
    reported, every = _sums(filter(is_reported, rows)), _sums(rows)
    waiting, total = reported["Part_2"]
    estimated = every["Part_2"][0]
    cells: list[float | str] = [percentile(waiting, 0.5), percentile(waiting, 0.92)]
    within = int(waiting[:18].sum())
    cells += [within, int(estimated[:18].sum()), within / total]
    for weeks in (18, 52):
        cells += [int(waiting[weeks:].sum()), int(estimated[weeks:].sum())]
    cells.append(int(waiting[52:].sum()) / total)
    for weeks in (65, 78, 104):
        cells += [int(waiting[weeks:].sum()), int(estimated[weeks:].sum())]
    cells += [total, every["Part_2"][1]]
    for part in ("Part_1A", "Part_1B"):
        waited, total = reported[part]
        cells += [percentile(waited, 0.5), percentile(waited, 0.95), int(waited[:18].sum()), int(waited[52:].sum())]
        cells += [total, every[part][1]]
    return [
        *cells,
        reported["Part_3"][1],
        every["Part_3"][1],
        "",
        *("-" for _ in GROUPS["Admitted (adjusted) RTT pathways"]),
    ]


def _sums(rows: Iterable[Row]) -> _Parts:
    sums: _Parts = {}
    for row in rows:
        bands, total = sums.get(row.part, (np.zeros_like(row.bands), 0))
        sums[row.part] = (bands + row.bands, total + row.total)
    return sums


def percentile(bands: np.ndarray, share: float) -> float:
    """Return the weeks that a share of the pathways has waited at most, as if evenly spread within a week's band."""
    reached = np.cumsum(bands)
    week = int(np.searchsorted(reached, share * reached[-1]))
    return week + float((share * reached[-1] - (reached[week] - bands[week])) / bands[week])
