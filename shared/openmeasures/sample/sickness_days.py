"""How many days staff of the sample's organisations are ill, month by month, whether or not it is reported.

Rates marked *published* were computed from NHS England's monthly files, April to December 2024.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import month_end, months
from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import read_successions
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH, is_in

# What is planted, and in whom.
RECORDED_BETTER = "Z-08"
RECORDED_BETTER_FROM = date(2024, 9, 1)  # days off by the hour are entered as well: three in ten more, for good
RECORDED_BETTER_FACTOR = 1.3
OUTBREAK = "Z-05"
OUTBREAK_MONTH = date(2025, 6, 1)  # early summer, so that no reader takes it for winter
OUTBREAK_FACTOR = 1.6
NOT_SUBMITTED = "Z-13"
NOT_SUBMITTED_MONTHS = (date(2023, 8, 1), date(2023, 10, 1))  # first and last: moving from one payroll to another
FEW = "Z-Q9"  # a care board with fifty staff, where one long illness is two points


class Employer(NamedTuple):
    """An organisation's staff in full-time equivalents, the share of their days that are lost, and its type."""

    staff: int
    share: float
    organisation_type: str


ACUTE, MENTAL, COMMUNITY = "Acute", "Mental Health", "Community Provider Trust"
AMBULANCE, BOARD = "Ambulance", "Integrated Care Board"
# Published: shares by type, of the nine months together; quartiles of acute trusts' staff are 4,500, 6,400 and 9,500.
EMPLOYERS = {
    "Z-01": Employer(12_400, 0.053, ACUTE),
    "Z-02": Employer(5_100, 0.061, ACUTE),
    "Z-03": Employer(4_800, 0.049, ACUTE),
    OUTBREAK: Employer(13_800, 0.058, ACUTE),
    "Z-06": Employer(6_200, 0.051, ACUTE),
    "Z-07": Employer(5_400, 0.047, ACUTE),
    RECORDED_BETTER: Employer(9_600, 0.044, ACUTE),
    "Z-09": Employer(6_400, 0.056, ACUTE),
    "Z-12": Employer(5_700, 0.045, ACUTE),
    NOT_SUBMITTED: Employer(3_900, 0.063, ACUTE),
    "Z-18": Employer(1_500, 0.041, ACUTE),
    "Z-20": Employer(6_000, 0.052, ACUTE),
    "Z-21": Employer(3_400, 0.055, ACUTE),
    "Z-04": Employer(2_100, 0.054, COMMUNITY),
    "Z-14": Employer(2_600, 0.050, COMMUNITY),
    "Z-24": Employer(4_200, 0.057, MENTAL),
    "Z-A1": Employer(5_200, 0.069, AMBULANCE),
    "Z-A2": Employer(4_300, 0.063, AMBULANCE),
    FEW: Employer(50, 0.033, BOARD),
}
# Published: England, January to December, over the mean; January is that of 2025 as its own page states it, and
# February and March, which are in no file here, lie between their neighbours.
SEASON = (1.11, 1.05, 0.98, 0.93, 0.92, 0.95, 1.01, 0.93, 0.96, 1.05, 1.06, 1.12)
# Published: the variance of a month about an organisation's own level, over that of independent days; whoever is ill
# loses many days, so that one in sixteen counts.
DAYS_TOGETHER = 16
STAFF_SD = 0.004  # of a month's staff, over its level
MOST = 0.3  # of all days, whatever is drawn


class Days(NamedTuple):
    """Full-time equivalent days of a month, to the five decimals that are published."""

    lost: float
    available: float


def days(org_code: str) -> dict[date, Days]:
    """Return an organisation's days of each month in which it exists, whether or not they were reported.

    Its staff are counted by another from a merger on, as `reference/sample/successions.csv` has it.
    """
    employer, draws = EMPLOYERS[org_code], Draws(f"{org_code} sickness")
    mergers = read_successions().filter(successor_code=org_code).select("org_code", "date").rows()
    ends = dict(read_successions().select("org_code", "date").iter_rows()).get(org_code)

    def month_days(month: date) -> Days:
        joined = sum(EMPLOYERS[other].staff for other, since in mergers if month >= since and other in EMPLOYERS)
        staff = (employer.staff + joined) * (1 + draws.normal(STAFF_SD))
        available = round(staff * month_end(month).day, 5)
        share = employer.share * SEASON[month.month - 1] * _planted(org_code, month)
        chance = math.sqrt(DAYS_TOGETHER * share * (1 - share) / available)
        lost = available * min(MOST, max(0.0, share + draws.normal(chance)))
        return Days(round(lost, 5), available)

    every = {month: month_days(month) for month in months(FIRST_MONTH, LAST_MONTH)}
    return {month: found for month, found in every.items() if ends is None or month < ends}


def is_reported(org_code: str, month: date) -> bool:
    """Whether an organisation's row is in the file of a month."""
    return org_code != NOT_SUBMITTED or not is_in(month, NOT_SUBMITTED_MONTHS)


def _planted(org_code: str, month: date) -> float:
    if org_code == RECORDED_BETTER and month >= RECORDED_BETTER_FROM:
        return RECORDED_BETTER_FACTOR
    return OUTBREAK_FACTOR if org_code == OUTBREAK and month == OUTBREAK_MONTH else 1.0
