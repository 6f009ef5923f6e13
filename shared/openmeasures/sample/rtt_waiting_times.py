"""The sample's RTT extracts: 48 months of CSV in the exact layout of the publication, its irregularities included."""

import csv
import io
from collections import defaultdict
from datetime import date
from itertools import groupby
from pathlib import Path

import numpy as np

from openmeasures.periods import MONTH_NAMES, month_end
from openmeasures.sample.organisations import Organisation, read_organisations
from openmeasures.sample.rtt_pathways import BANDS, FUNCTIONS, NON_ENGLISH, Row, is_reported, pathways

WEEKS = [f"Gt {week:02d} To {week + 1:02d} Weeks SUM 1" for week in range(BANDS - 1)]
HEADERS = (
    "Period",
    "Provider Parent Org Code",
    "Provider Parent Name",
    "Provider Org Code",
    "Provider Org Name",
    "Commissioner Parent Org Code",
    "Commissioner Parent Name",
    "Commissioner Org Code",
    "Commissioner Org Name",
    "RTT Part Type",
    "RTT Part Description",
    "Treatment Function Code",
    "Treatment Function Name",
    *WEEKS,
    f"Gt {BANDS - 1} Weeks SUM 1",
    "Total",
    "Patients with unknown clock start date",
    "Total All",
)
DESCRIPTIONS = {
    "Part_1A": "Completed Pathways For Admitted Patients",
    "Part_1B": "Completed Pathways For Non-Admitted Patients",
    "Part_2": "Incomplete Pathways",
    "Part_2A": "Incomplete Pathways with DTA",
    "Part_3": "New RTT Periods - All Patients",
}
COMMISSIONERS = {
    "Z-Q1": ("Z-LOW", "NHS LOWER NORROW INTEGRATED CARE BOARD", "NHS LOWER NORROW ICB - Z-Q1"),
    "Z-Q2": ("", "", "ESTERMARCH COMMISSIONING HUB"),  # hubs have no parent
    NON_ENGLISH: ("", "", ""),
}
BLANK_ZEROS = {"Z-17"}  # this provider leaves bands without patients blank, as some do


def write(folder: Path) -> list[Path]:
    """Write the synthetic files to `folder`, made if need be, and return their paths in order of month.

    One file a month, `20220430-RTT-April-2022-full-extract-synthetic.csv` and so on; files of the same name are
    overwritten. Raises `DefinitionError` where the reference tables are malformed.
    """
    organisations = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for month, rows in groupby(filter(is_reported, pathways()), key=lambda row: row.month):
        name = f"{month_end(month):%Y%m%d}-RTT-{MONTH_NAMES[month.month - 1]}-{month.year}-full-extract-synthetic.csv"
        path = folder / name
        path.write_bytes(_file(month, list(rows), organisations))
        written.append(path)
    return written


def _file(month: date, rows: list[Row], organisations: dict[str, Organisation]) -> bytes:
    """Return a month's file; the total of all functions follows those of each provider, commissioner and part."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS)
    period = f"RTT-{MONTH_NAMES[month.month - 1]}-{month.year}"
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.org_code, row.commissioner, row.part].append(row)
    for (org_code, commissioner, part), functions in groups.items():
        organisation = organisations[org_code]
        parent, parent_name, name = COMMISSIONERS[commissioner]
        keys = (
            period,
            f"Z-{organisation.system_name[:3].upper()}",
            f"NHS {organisation.system_name.upper()} INTEGRATED CARE BOARD",
            org_code,
            organisation.org_name.upper(),
            parent,
            parent_name,
            commissioner,
            name,
            part,
            DESCRIPTIONS[part],
        )
        for row in functions:
            writer.writerow((*keys, row.function, FUNCTIONS[row.function], *_figures(row)))
        whole = functions[0]._replace(
            bands=np.sum([row.bands for row in functions], axis=0),
            unknown=sum(row.unknown for row in functions),
            total=sum(row.total for row in functions),
        )
        writer.writerow((*keys, "C_999", "Total", *_figures(whole)))
    return text.getvalue().encode()


def _figures(row: Row) -> list[int | str]:
    """Return the cells of the bands, `Total`, the unknown starts and `Total All`; a part fills what it collects."""
    figures: list[int | str] = row.bands.tolist() or [""] * BANDS
    if row.org_code in BLANK_ZEROS:
        figures = [figure or "" for figure in figures]
    is_completed = row.part.startswith("Part_1")
    return [*figures, *((row.total - row.unknown, row.unknown) if is_completed else ("", "")), row.total]
