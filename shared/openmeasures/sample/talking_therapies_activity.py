"""Who finishes a course of talking therapy in the sample, and how they are at its end, month by month.

Rates marked *published* were computed from NHS Digital's monthly time series, February 2019 to February 2020.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH

# What is planted, and in whom.
LEARNING = "Z-24"  # from October 2024 outcomes are looked at in every session: 6 more in 100 improve
LEARNING_FROM, LEARNING_POINTS = date(2024, 10, 1), 0.06
NOTHING = "Z-12"
NOTHING_MONTHS = (date(2023, 11, 1), date(2024, 1, 1))  # first and last; dashes in the file
FEW = "Z-28"  # some nine people a month: improvement is suppressed in some months, recovery in most


class Service(NamedTuple):
    """How many finish a course in a month, and the share of them that improves."""

    finished: int
    improvement: float


# Published: quartiles of providers that finish 50 or more are 175, 300 and 455, and of their shares 0.64, 0.68, 0.71.
SERVICES = {
    "Z-01": Service(640, 0.66),
    "Z-04": Service(455, 0.68),
    "Z-08": Service(300, 0.71),
    "Z-10": Service(240, 0.64),
    NOTHING: Service(175, 0.67),
    "Z-14": Service(410, 0.70),
    "Z-15": Service(330, 0.65),
    "Z-19": Service(520, 0.69),
    LEARNING: Service(380, 0.63),
    FEW: Service(9, 0.60),
}
# Published, of England, all months together, as shares: of those finishing, and of those at caseness.
CASENESS = 0.93  # not in the file; the annual files have it
RECOVERY, RELIABLE_RECOVERY, IMPROVEMENT = 0.519, 0.493, 0.674
SIX_WEEKS, EIGHTEEN_WEEKS = 0.875, 0.987
REFERRED, STARTED, ENDED = 2.85, 1.98, 2.72  # for each who finishes
SERVICE_SD, SHARE_SD = 0.08, 0.015  # of a month, over its mean; of its share, beside chance


class Figures(NamedTuple):
    """One organisation's month, in people."""

    referrals: int
    started: int
    ended: int
    finished: int
    six_weeks: int
    eighteen_weeks: int
    at_caseness: int
    recovered: int
    improved: int
    reliably_recovered: int


def activity(org_code: str) -> dict[date, Figures]:
    """Return an organisation's figures of each month, whether or not they were reported."""
    service, draws = SERVICES[org_code], Draws(f"{org_code} talking therapies")

    def some(whole: int, share: float) -> int:
        chance = math.sqrt(whole * share * (1 - share))
        return min(whole, max(0, round(whole * share + draws.normal(chance))))

    def around(expected: float) -> int:
        return max(0, round(expected + draws.normal(math.sqrt(expected + (SERVICE_SD * expected) ** 2))))

    def month_figures(month: date) -> Figures:
        finished = around(service.finished)
        learned = LEARNING_POINTS if org_code == LEARNING and month >= LEARNING_FROM else 0
        improvement = min(0.95, service.improvement + learned + draws.normal(SHARE_SD))
        at_caseness, improved = some(finished, CASENESS), some(finished, improvement)
        recovered = some(at_caseness, min(0.95, improvement * RECOVERY / IMPROVEMENT))
        return Figures(
            around(service.finished * REFERRED),
            around(service.finished * STARTED),
            around(service.finished * ENDED),
            finished,
            some(finished, SIX_WEEKS),
            some(finished, EIGHTEEN_WEEKS),
            at_caseness,
            recovered,
            improved,
            some(recovered, RELIABLE_RECOVERY / RECOVERY),
        )

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}
