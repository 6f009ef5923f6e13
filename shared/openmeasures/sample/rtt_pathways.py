"""What happens on the sample's waiting lists, month by month, whether or not it is reported.

Levels marked *published* were computed from NHS England's RTT full extract for April 2026 (trusts with more than 15,000
incomplete pathways), the course over the years from its overview time series.

Lists, new periods and completed pathways fit together: what is on the list at the end of a month is what was there
before, and new periods, less completed pathways and less removals that nobody reports.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH, is_in

# ---- what is planted: in whom, from when to when and how large
STEP_TRUST, STEP_FROM, STEP_POINTS = "Z-12", date(2024, 11, 1), 9.0  # more points within 18 weeks, for good
MISSING_TRUST, MISSING_MONTHS = "Z-17", (date(2024, 6, 1), date(2024, 9, 1))  # first and last without its rows
# Published: an orthopaedic hospital at the Welsh border has two in five patients from there, who wait much longer.
BORDER_TRUST, BORDER_SHARE, BORDER_POINTS = "Z-18", 0.4, -20.0  # share of English patients; points from theirs
COMMUNITY_TRUST, COMMUNITY_PATHWAYS = "Z-08", 2600  # they left the collection when all of England's did:
COMMUNITY_LEFT = date(2024, 2, 1)
SMALL_TRUST, SMALL_FUNCTION, SMALL_PATHWAYS = "Z-18", "C_150", 12  # too few for any chart

FUNCTIONS = {
    "C_110": "Trauma and Orthopaedic Service",
    "C_120": "Ear Nose and Throat Service",
    "C_130": "Ophthalmology Service",
    "C_150": "Neurosurgical Service",
    "C_330": "Dermatology Service",
    "X04": "Other - Paediatric Services",
}
# Published: about their shares of the list among themselves; and points from the trust's own share.
GENERAL = {"C_110": 0.35, "C_120": 0.25, "C_130": 0.25, "C_330": 0.15}
SPECIALIST = {"C_110": 1.0}
FUNCTION_POINTS = {"C_110": -3.0, "C_120": -5.0, "C_130": 4.0, "C_330": 5.0}


class Trust(NamedTuple):
    """A waiting list: how long it is, and which share of it has waited up to 18 weeks."""

    pathways: int
    within_18_weeks: float
    functions: dict[str, float]


# Published: half of the trusts have 34,000 to 69,000 incomplete pathways, and 61.5 to 68.4 percent within 18 weeks.
TRUSTS = {
    "Z-01": Trust(64000, 0.60, GENERAL),
    "Z-05": Trust(71000, 0.58, GENERAL),
    "Z-08": Trust(52000, 0.62, GENERAL),
    "Z-12": Trust(34000, 0.57, GENERAL),
    "Z-17": Trust(26000, 0.66, GENERAL),
    "Z-18": Trust(13500, 0.63, SPECIALIST),
}
COMMISSIONER, SECOND_COMMISSIONER = "Z-Q1", "Z-Q2"  # English ones
SHARED_TRUST, SHARED = "Z-05", {COMMISSIONER: 0.8, SECOND_COMMISSIONER: 0.2}  # the one trust that has both
NON_ENGLISH = "NONC"

# Published: England's list over that of April 2026, and points within 18 weeks from those of April 2025.
COURSE = (
    (date(2022, 4, 1), 0.91, 2.0),
    (date(2023, 9, 1), 1.09, -2.0),
    (date(2024, 4, 1), 1.07, -1.5),
    (date(2025, 4, 1), 1.04, 0.0),
    (date(2026, 4, 1), 1.00, 5.0),
)
NOISE_POINTS = 0.4  # of a month's share
NEW_SHARE, NEW_SD = 0.25, 0.05  # published: new periods over the list at the end of the month
REMOVED_SHARE = 0.15  # published: new periods that are never reported as completed
ADMITTED_SHARE = 0.18  # published: of completed pathways
DECIDED_SHARE = 0.165  # published: of the list, with a decision to admit
UNKNOWN_SHARE = 0.0005  # published: completed pathways whose start is not known
# Published: whoever is admitted, or waits to be, has waited longer; whoever is not has waited less.
PART_POINTS = {"Part_1A": -2.0, "Part_1B": 12.0, "Part_2": 0.0, "Part_2A": -12.0}

BANDS, STANDARD, YEAR = 105, 18, 52
NEAR_SLOPE = 0.7  # the band before 18 weeks over the first
TAIL, LONG_TAIL = 0.94, 0.82  # each band over the one before, from 18 and from 52 weeks
BORDER_LONG_TAIL = 0.95


class Row(NamedTuple):
    """What one provider reports of one commissioner's patients in one function, for one part of the return."""

    month: date
    org_code: str
    commissioner: str
    part: str
    function: str
    bands: NDArray[np.int64]  # none of them for new periods
    unknown: int
    total: int


@cache
def pathways() -> tuple[Row, ...]:
    """Return everything that happens, in the order of month, organisation, commissioner, part and function."""
    rows = [row for org_code in TRUSTS for row in _of_trust(org_code)]
    return tuple(sorted(rows, key=lambda row: row[:5]))


def is_reported(row: Row) -> bool:
    """Whether a row is in the published file."""
    return not (row.org_code == MISSING_TRUST and is_in(row.month, MISSING_MONTHS))


def _of_trust(org_code: str) -> Iterator[Row]:
    trust, draws = TRUSTS[org_code], Draws(f"rtt {org_code}")
    before: dict[tuple[str, str], int] = {}
    for month in months(FIRST_MONTH, LAST_MONTH):
        factor, course = _course(month)
        points = course + draws.normal(NOISE_POINTS) + STEP_POINTS * (org_code == STEP_TRUST and month >= STEP_FROM)
        busy = 1 + draws.normal(NEW_SD)
        size = {function: trust.pathways * share * factor for function, share in trust.functions.items()}
        if org_code == COMMUNITY_TRUST and month < COMMUNITY_LEFT:
            size["X04"] = COMMUNITY_PATHWAYS
        if org_code == SMALL_TRUST:
            size[SMALL_FUNCTION] = SMALL_PATHWAYS
        shares = SHARED if org_code == SHARED_TRUST else {COMMISSIONER: 1.0}
        if org_code == BORDER_TRUST:
            shares = {**shares, NON_ENGLISH: BORDER_SHARE}
        for commissioner, share in shares.items():
            is_elsewhere = commissioner == NON_ENGLISH
            long_tail = BORDER_LONG_TAIL if is_elsewhere else LONG_TAIL
            for function, expected in size.items():
                waiting = round(expected * share)
                within = 100 * trust.within_18_weeks + points + FUNCTION_POINTS.get(function, 0.0)
                within += BORDER_POINTS * is_elsewhere
                new = round(waiting * NEW_SHARE * busy)
                change = waiting - before.get((commissioner, function), waiting)
                before[commissioner, function] = waiting
                completed = max(0, round(new * (1 - REMOVED_SHARE)) - change)
                admitted = round(completed * ADMITTED_SHARE)
                counted = {
                    "Part_1A": admitted,
                    "Part_1B": completed - admitted,
                    "Part_2": waiting,
                    "Part_2A": round(waiting * DECIDED_SHARE),
                }
                for part, total in counted.items():
                    unknown = round(total * UNKNOWN_SHARE) if part.startswith("Part_1") else 0
                    bands = _spread(total - unknown, (within + PART_POINTS[part]) / 100, long_tail)
                    yield Row(month, org_code, commissioner, part, function, bands, unknown, total)
                yield Row(month, org_code, commissioner, "Part_3", function, np.zeros(0, dtype=np.int64), 0, new)


def _course(month: date) -> tuple[float, float]:
    """Return the national course in a month, between the two given months that it lies between."""
    number = [12 * at.year + at.month for at, _, _ in COURSE]
    now = 12 * month.year + month.month
    left = max(place for place, at in enumerate(number[:-1]) if at <= now)
    share = (now - number[left]) / (number[left + 1] - number[left])
    (_, factor, points), (_, next_factor, next_points) = COURSE[left], COURSE[left + 1]
    return factor + share * (next_factor - factor), points + share * (next_points - points)


def _spread(total: int, within: float, long_tail: float) -> NDArray[np.int64]:
    """Spread a list over the bands; only sums and products, which are the same on every machine."""
    near = 1 - (1 - NEAR_SLOPE) * np.arange(STANDARD) / (STANDARD - 1)
    ratios = np.where(np.arange(STANDARD, BANDS) < YEAR, TAIL, long_tail)
    far = np.cumprod(ratios)
    share = np.concatenate([within * near / near.cumsum()[-1], (1 - within) * far / far.cumsum()[-1]])
    reached = np.floor(total * np.cumsum(share) + 0.5).astype(np.int64)
    reached[-1] = total
    return np.diff(reached, prepend=0)
