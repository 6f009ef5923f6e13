"""What happens in the sample's A&E departments, month by month, whether or not it is reported.

Rates and sizes marked *published* were computed from the monthly provider CSVs of NHS England, April 2022 to March
2026, four-hour figures without the fourteen trusts that were field-testing other standards.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it, so that adding an
organisation or a story changes no other figure.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import Organisation
from openmeasures.sample.stories import (
    DECLINE_FROM,
    DECLINE_POINTS_A_MONTH,
    FIRST_MONTH,
    LAST_MONTH,
    SHOCK_ATTENDANCES,
    SHOCK_MONTH,
    SHOCK_POINTS,
    STEP_FROM,
    STEP_POINTS,
    Story,
)

# Published: England's type 1 share, January to December, in points from its mean.
SEASON_POINTS = (-1.6, -1.0, 2.0, 1.3, 1.5, 1.5, 1.9, 1.7, 0.1, -1.5, -1.9, -3.9)
SEASON_SHARE = 0.6  # of it; the whole swing puts runs of seven months on most charts, and hides what is planted
# Published: England's type 1 attendances, January to December, over their mean; February has the fewest days.
ATTENDANCES_BY_MONTH = (0.98, 0.92, 1.04, 0.96, 1.04, 1.01, 1.02, 0.96, 0.98, 1.04, 1.02, 1.03)
ATTENDANCES_SD = 0.025  # of a month's attendances, once the season is out
NOISE_POINTS = (1.8, 2.6)  # published: about the quartiles of the trusts' month-to-month sigma, season taken out
SHARE_LIMITS = (0.02, 0.995)  # an extreme draw must not leave 0 to 1, nor look like a trust without four-hour figures
OTHER_TYPES_SHARE = (0.94, 0.99)  # published: England has 96 percent within four hours in types 2 and 3
OTHER_TYPES_SD = 0.006  # minor injuries wait evenly

# Published ratios for England where there is one number; the middle half of the trusts, or wider, where there are two.
BOOKED_SHARES = (0.022, 0.012, 0.062)  # booked appointments over other attendances, types 1 to 3
BOOKED_AT_MOST = 4  # times those; half of the organisations book nobody, and the rest anything up to this
BOOKED_SD = 0.15
BOOKED_BREACH_RATIO = 0.6  # a booked patient's risk of more than four hours, over a walk-in's
ADMITTED_SHARES = (0.285, 0.031, 0.006)  # emergency admissions over attendances, types 1 to 3
ADMITTED_SD = 0.03
DECISION_WAIT_RATIO = (0.11, 0.22)  # 4 to 12 hours from decision to admission, over type 1 attendances over four hours
LONG_WAIT_RATIO = (0.05, 0.85)  # 12 hours and more from decision to admission, over 4 to 12 hours
WAIT_SD = 0.1
OTHER_ADMISSIONS_RATIO = 0.35  # emergency admissions not through A&E, over those through type 1
OTHER_ADMISSIONS_ALONE = 90  # at a specialist hospital without A&E, which is in the files because of them


class Figures(NamedTuple):
    """The figures of one row, in the publication's order."""

    attendances_type_1: int
    attendances_type_2: int
    attendances_type_3: int
    booked_type_1: int
    booked_type_2: int
    booked_type_3: int
    over_4_hours_type_1: int
    over_4_hours_type_2: int
    over_4_hours_type_3: int
    over_4_hours_booked_type_1: int
    over_4_hours_booked_type_2: int
    over_4_hours_booked_type_3: int
    decision_waits_4_to_12_hours: int
    decision_waits_over_12_hours: int
    admissions_type_1: int
    admissions_type_2: int
    admissions_type_3: int
    other_admissions: int


def activity(organisation: Organisation) -> dict[date, Figures]:
    """Return what happened at an organisation in every month, whether or not it was reported."""
    draws = Draws(organisation.org_code)
    scales = (
        organisation.monthly_attendances_type_1,
        organisation.monthly_attendances_type_2,
        organisation.monthly_attendances_type_3,
    )
    noise = draws.between(NOISE_POINTS)
    base = (organisation.within_four_hours or 0.0, draws.between(OTHER_TYPES_SHARE), draws.between(OTHER_TYPES_SHARE))
    books = draws.between((0, 1)) < 1 / 2
    booked_shares = [books * draws.between((0, BOOKED_AT_MOST * share)) for share in BOOKED_SHARES]
    wait_ratio, long_wait_ratio = draws.between(DECISION_WAIT_RATIO), draws.between(LONG_WAIT_RATIO)

    def around(expected: float, sd: float) -> int:
        return max(0, round(expected * (1 + draws.normal(sd))))

    def month_figures(month: date) -> Figures:
        volume = ATTENDANCES_BY_MONTH[month.month - 1] * _planted_volume(organisation.story, month)
        attended = [around(scale * volume, ATTENDANCES_SD) for scale in scales]
        booked = [around(n * share, BOOKED_SD) for n, share in zip(attended, booked_shares, strict=True)]
        spread = 2 * math.sqrt(base[0] * (1 - base[0]))  # a share varies less near 0 and 1
        points = spread * (_season(organisation.story, month) + draws.normal(noise))
        shares = (
            base[0] + (points + _planted_points(organisation.story, month)) / 100,
            base[1] + draws.normal(OTHER_TYPES_SD),
            base[2] + draws.normal(OTHER_TYPES_SD),
        )
        least, most = SHARE_LIMITS
        breach = [1 - min(max(share, least), most) for share in shares]
        over = [round(n * risk) for n, risk in zip(attended, breach, strict=True)]
        over_booked = [round(n * risk * BOOKED_BREACH_RATIO) for n, risk in zip(booked, breach, strict=True)]
        admitted = [around(n * share, ADMITTED_SD) for n, share in zip(attended, ADMITTED_SHARES, strict=True)]
        # Half at most, so that both waits together never exceed the admissions that they ended in.
        waits = min(around(over[0] * wait_ratio, WAIT_SD), admitted[0] // 2)
        long_waits = min(around(waits * long_wait_ratio, WAIT_SD), waits)
        other = around(admitted[0] * OTHER_ADMISSIONS_RATIO if any(scales) else OTHER_ADMISSIONS_ALONE, ADMITTED_SD)
        return Figures._make([*attended, *booked, *over, *over_booked, waits, long_waits, *admitted, other])

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}


def _season(story: str | None, month: date) -> float:
    return 0.0 if story == Story.STABLE else SEASON_SHARE * SEASON_POINTS[month.month - 1]


def _planted_points(story: str | None, month: date) -> float:
    """Return what a story adds to the type 1 share in a month, in points."""
    if story == Story.STEP_IMPROVEMENT and month >= STEP_FROM:
        return STEP_POINTS
    if story == Story.SHOCK and month == SHOCK_MONTH:
        return SHOCK_POINTS
    if story == Story.SLOW_DECLINE:
        return DECLINE_POINTS_A_MONTH * len(months(DECLINE_FROM, month))
    return 0.0


def _planted_volume(story: str | None, month: date) -> float:
    """Return what a story multiplies attendances by in a month."""
    return SHOCK_ATTENDANCES if story == Story.SHOCK and month == SHOCK_MONTH else 1.0
