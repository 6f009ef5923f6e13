"""Who waits for a diagnostic test in the sample, and how many tests are done, month by month, reported or not.

Rates marked *published* were computed from NHS England's monthly provider files, August 2024 to April 2025.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it.
"""

import math
from datetime import date
from itertools import accumulate, pairwise
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH

# What is planted, and in whom.
CENTRE = "Z-08"
CENTRE_OPENS = date(2024, 9, 1)  # a community diagnostic centre: from then on, half as many wait six weeks or more
CENTRE_LEAVES = 0.5
NOT_SUBMITTED = "Z-13"
NOT_SUBMITTED_MONTHS = (date(2023, 11, 1), date(2024, 1, 1))  # first and last
FEW = "Z-18"  # an orthopaedic hospital with some sixty people waiting: a single one is more than a point


class Provider(NamedTuple):
    """An organisation's waiting list, the share of it that waits six weeks or more, and its tests (all, if empty)."""

    waiting: int
    six_weeks_or_more: float
    tests: tuple[str, ...] = ()


# Published: quartiles of the NHS trusts' lists are 7,800, 10,200 and 15,500, those of their shares 0.10, 0.15 and 0.25.
PROVIDERS = {
    "Z-01": Provider(15_500, 0.25),
    "Z-05": Provider(13_000, 0.15),
    CENTRE: Provider(10_200, 0.26),
    "Z-10": Provider(7_800, 0.10),
    NOT_SUBMITTED: Provider(6_200, 0.17),
    FEW: Provider(60, 0.12, ("Magnetic Resonance Imaging", "Non-obstetric Ultrasound", "DEXA Scan")),
    "Z-19": Provider(10_400, 0.13),
}


class Rates(NamedTuple):
    """Published figures of England for one test, as shares of its waiting list unless said otherwise."""

    of_all: float  # of the list of all tests
    six_weeks_or_more: float
    thirteen_weeks: float  # of those who wait six weeks or more
    planned: float
    unscheduled: float
    from_list: float


TESTS = {
    "Magnetic Resonance Imaging": Rates(0.193, 0.17, 0.27, 0.11, 0.16, 1.01),
    "Computed Tomography": Rates(0.108, 0.10, 0.27, 0.40, 1.91, 1.88),
    "Non-obstetric Ultrasound": Rates(0.351, 0.18, 0.23, 0.11, 0.17, 0.99),
    "Barium Enema": Rates(0.002, 0.13, 0.21, 0.07, 0.21, 1.00),
    "DEXA Scan": Rates(0.035, 0.18, 0.31, 0.12, 0.01, 0.70),
    "Audiology - Audiology Assessments": Rates(0.067, 0.43, 0.61, 0.36, 0.04, 0.64),
    "Cardiology - Echocardiography": Rates(0.092, 0.29, 0.38, 0.17, 0.16, 0.78),
    "Cardiology - Electrophysiology": Rates(0.0002, 0.32, 0.48, 0.31, 0.20, 0.88),
    "Neurophysiology - Peripheral Neurophysiology": Rates(0.022, 0.34, 0.32, 0.01, 0.01, 0.59),
    "Respiratory physiology - Sleep Studies": Rates(0.018, 0.33, 0.39, 0.07, 0.01, 0.57),
    "Urodynamics - Pressures & Flows": Rates(0.006, 0.42, 0.49, 0.13, 0.04, 0.49),
    "Colonoscopy": Rates(0.039, 0.26, 0.48, 0.12, 0.01, 0.76),
    "Flexi Sigmoidoscopy": Rates(0.013, 0.27, 0.43, 0.09, 0.04, 0.64),
    "Cystoscopy": Rates(0.014, 0.27, 0.45, 0.29, 0.06, 0.97),
    "Gastroscopy": Rates(0.039, 0.23, 0.42, 0.12, 0.05, 0.87),
}
ENGLAND_SHARE = 0.21  # published: of the list of all tests, six weeks or more
# Published: England's share, January to December, over its mean; May to July are not in the files.
SEASON = (1.06, 0.83, 0.87, 1.01, 1.0, 1.0, 1.0, 1.14, 1.08, 0.98, 0.95, 1.08)
SEASON_SHARE = 0.6  # of it, as in A&E: the whole swing hides what is planted
# Published: how those under six weeks, and those of six to thirteen, divide into weeks, of 1,000. Whole numbers:
# fractions, added up, have other last digits since Python 3.12.
EARLY_WEEKS = (277, 213, 182, 147, 107, 74)
LATE_WEEKS = (262, 204, 158, 116, 103, 87, 70)
LIST_SD, SHARE_SD = 0.04, 0.08  # of an organisation's month, over its mean; published sigmas are 0.06 and more, and 0.2
TEST_SD = 0.05  # of each figure of a test, beside the chance that counts have
MOST = 0.9  # of a list, whatever is drawn


class Figures(NamedTuple):
    """One test of one organisation at the end of a month: the list by weeks waited, the last band open; tests done."""

    weeks: tuple[int, ...]
    planned: int
    unscheduled: int
    from_list: int


def activity(org_code: str) -> dict[date, dict[str, Figures]]:
    """Return an organisation's figures of each month and test, whether or not they were reported."""
    provider, draws = PROVIDERS[org_code], Draws(f"{org_code} diagnostic tests")
    offered = provider.tests or tuple(TESTS)
    all_offered = math.fsum(TESTS[test].of_all for test in offered)

    def around(expected: float) -> int:
        chance = math.sqrt(expected + (TEST_SD * expected) ** 2)  # people, one by one, and what moves them all
        return max(0, round(expected + draws.normal(chance)))

    def test_figures(rates: Rates, volume: float, share: float) -> Figures:
        waiting = around(provider.waiting * volume * rates.of_all / all_offered)
        risk = min(MOST, share * rates.six_weeks_or_more / ENGLAND_SHARE)
        long_waits = min(around(waiting * risk), waiting)
        longest = min(around(long_waits * rates.thirteen_weeks), long_waits)
        early, late = waiting - long_waits, long_waits - longest
        weeks = (*_divided(early, EARLY_WEEKS), *_divided(late, LATE_WEEKS), longest)
        done = (around(waiting * rate) for rate in (rates.planned, rates.unscheduled, rates.from_list))
        return Figures(weeks, *done)

    def month_figures(month: date) -> dict[str, Figures]:
        volume = 1 + draws.normal(LIST_SD)
        season = 1 + SEASON_SHARE * (SEASON[month.month - 1] - 1)
        opened = CENTRE_LEAVES if org_code == CENTRE and month >= CENTRE_OPENS else 1
        share = provider.six_weeks_or_more * season * opened * (1 + draws.normal(SHARE_SD))
        return {test: test_figures(TESTS[test], volume, share) for test in offered}

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}


def _divided(count: int, weights: tuple[int, ...]) -> list[int]:
    """Divide a count by weights, so that the parts are whole and add up."""
    edges = [round(count * reached / sum(weights)) for reached in accumulate(weights, initial=0)]
    return [upper - lower for lower, upper in pairwise(edges)]
