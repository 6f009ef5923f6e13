"""The sample's sickness absence files: the first financial year in one file of the older layout, then one a month.

In the older one a month is `2022-APR`, and some columns are called otherwise; in today's it is `30/04/2023`. Neither
has a row of England, and every percentage has two decimals at most, as a spreadsheet leaves them.
"""

import csv
import io
from datetime import date
from pathlib import Path

from openmeasures import register
from openmeasures.periods import MONTH_NAMES, month_end, months
from openmeasures.sample.ambulance_services import read_services
from openmeasures.sample.integrated_care_boards import read_boards
from openmeasures.sample.organisations import read_organisations
from openmeasures.sample.sickness_days import EMPLOYERS, Days, days, is_reported
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH

OLD_HEADINGS: tuple[str, ...] = (
    "Date", "HEE_region_code", "HEE_region_name", "Org Code", "Org Name", "Org Type", "FTE Days Sick",
    "FTE Days Available", "SA Rate (%)",
)  # fmt: skip
HEADINGS: tuple[str, ...] = (
    "DATE", "NHSE_REGION_CODE", "NHSE_REGION_NAME", "ICS_CODE", "ICS_NAME", "ORG_CODE", "ORG_NAME", "ORG_TYPE",
    "FTE_DAYS_LOST", "FTE_DAYS_AVAILABLE", "SICKNESS_ABSENCE_RATE_PERCENT",
)  # fmt: skip
LAST_OF_OLD_LAYOUT = date(2023, 3, 1)

Row = list[str]


def write(folder: Path) -> list[Path]:
    """Write the synthetic files to `folder`, made if need be, and return their paths in order of month.

    They are the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every = months(FIRST_MONTH, LAST_MONTH)
    of_org = {org_code: days(org_code) for org_code in EMPLOYERS}
    named = _names()
    old = [month for month in every if month <= LAST_OF_OLD_LAYOUT]
    files = {f"Sickness-absence-rates-{old[0]:%Y-%m}-to-{old[-1]:%Y-%m}-synthetic.csv": (OLD_HEADINGS, old)}
    files |= {f"Sickness-absence-rates-{month:%Y-%m}-synthetic.csv": (HEADINGS, [month]) for month in every[len(old) :]}
    written = []
    for name, (headings, covered) in files.items():
        rows = [
            _row(month, org_code, *named[org_code], of_org[org_code][month], is_old=headings is OLD_HEADINGS)
            for month in covered
            for org_code in sorted(EMPLOYERS)
            if month in of_org[org_code] and is_reported(org_code, month)
        ]
        path = folder / name
        path.write_bytes(_csv(headings, rows))
        written.append(path)
    return written


def _names() -> dict[str, tuple[str, str, str, str]]:
    """Return the name and region of each organisation, and its system's code and name.

    An ambulance service has no system; a board is in its own, as an employer.
    """
    code_of = dict(register.organisations(synthetic=True).select("org_code", "system_code").iter_rows())
    organisations = read_organisations().select("org_code", "org_name", "region_name", "system_name")
    found = {code: (name, region, code_of[code], system) for code, name, region, system in organisations.iter_rows()}
    found |= {service.org_code: (service.org_name, service.region_name, "", "") for service in read_services()}
    boards = read_boards()
    return found | {each.org_code: (each.org_name, each.region_name, each.org_code, each.org_name) for each in boards}


def _row(
    month: date, org_code: str, name: str, region: str, system_code: str, system: str, found: Days, *, is_old: bool
) -> Row:
    written = f"{month.year}-{MONTH_NAMES[month.month - 1][:3].upper()}" if is_old else f"{month_end(month):%d/%m/%Y}"
    area = [f"Z-{region[:2].upper()}", region]
    area += [] if is_old else [system_code, system]
    figures = [f"{found.lost:.5f}", f"{found.available:.5f}", repr(round(100 * found.lost / found.available, 2))]
    return [written, *area, org_code, name, EMPLOYERS[org_code].organisation_type, *figures]


def _csv(headings: tuple[str, ...], rows: list[Row]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerows([headings, *rows])
    return text.getvalue().encode()
