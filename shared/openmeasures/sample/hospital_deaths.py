"""Deaths after a stay in the sample's hospitals, month by month: how many, and how many would be expected.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it. What is planted
is a share of the expected deaths that is the organisation's own for all months; chance comes on top.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import Organisation
from openmeasures.sample.stories import FIRST_MONTH

LAST_MONTH = date(2025, 12, 1)  # the publication is four to five months behind

# What is planted, and in whom.
HIGHER, LOWER = "Z-09", "Z-05"  # banded so by either limits
HIGHER_BY_CHANCE_ALONE = "Z-01"  # beyond exact limits, within those that make room for the usual spread
SUPPRESSED = "Z-17"
SUPPRESSED_FROM = (date(2023, 9, 1), date(2023, 11, 1))  # first months of the first and the last period suppressed

# Of each acute trust: observed by expected deaths in the long run. Beside what is planted they differ by some 5 %, as
# trusts do; the whole is near 1 and not exactly there.
LEVELS = {
    HIGHER_BY_CHANCE_ALONE: 1.085,
    "Z-02": 0.95,
    "Z-03": 1.03,
    LOWER: 0.80,
    "Z-06": 1.00,
    "Z-07": 0.97,
    "Z-08": 1.04,
    HIGHER: 1.32,
    "Z-10": 0.93,
    "Z-12": 1.06,
    "Z-13": 0.96,
    "Z-15": 1.01,
    "Z-16": 0.94,
    SUPPRESSED: 1.02,
    "Z-19": 0.99,
    "Z-20": 1.05,
    "Z-21": 1.07,
    "Z-22": 0.92,
}
# Of a month's type 1 attendances. With them the largest trust has some 3,100 expected deaths a year, the smallest some
# 1,000: as trusts have. One that the publication names had 106,625 spells and 3,115 expected deaths.
SPELLS, EXPECTED = 0.52, 0.0152
SEASON = (1.16, 1.03, 1.02, 0.98, 0.95, 0.92, 0.93, 0.93, 0.93, 0.98, 1.02, 1.15)  # deaths, January to December
SPELLS_SD, EXPECTED_SD = 0.03, 0.02  # of a month, over its mean
PALLIATIVE_SPELLS, PALLIATIVE_DEATHS = (0.015, 0.025), (0.3, 0.5)  # of spells and of deaths, from trust to trust


class Month(NamedTuple):
    """One month of one organisation; what is expected comes from a model, so it is no whole number."""

    spells: int
    observed: int
    expected: float
    palliative_spells: int
    palliative_deaths: int


def activity(organisation: Organisation) -> dict[date, Month]:
    """Return an acute trust's months from `FIRST_MONTH` to `LAST_MONTH`; `LEVELS` has all of them."""
    draws, level = Draws(f"{organisation.org_code} deaths"), LEVELS[organisation.org_code]
    of_spells, of_deaths = draws.between(PALLIATIVE_SPELLS), draws.between(PALLIATIVE_DEATHS)
    attendances = organisation.monthly_attendances_type_1

    def month_figures(month: date) -> Month:
        spells = round(attendances * SPELLS * (1 + draws.normal(SPELLS_SD)))
        expected = attendances * EXPECTED * SEASON[month.month - 1] * (1 + draws.normal(EXPECTED_SD))
        observed = round(level * expected + draws.normal(math.sqrt(level * expected)))
        return Month(spells, observed, expected, round(spells * of_spells), round(observed * of_deaths))

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}
