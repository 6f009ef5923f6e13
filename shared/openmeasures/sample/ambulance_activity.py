"""What happens in the sample's ambulance services, month by month, whether or not it is reported.

Ratios and sizes marked *published* were computed from NHS England's ambulance systems indicators: those of services
from January 2023 to August 2025, seasons from all months since April 2018.

Each service has its own random numbers, and uses as many in every month whatever happens to it, so that adding a
service or a story changes no other figure.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.ambulance_services import STEP_FACTOR, STEP_FROM, AmbulanceService, AmbulanceStory
from openmeasures.sample.draws import Draws
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH

# Published: England, January to December, over the twelve months around it (medians).
CATEGORY_1_BY_MONTH = (1.00, 0.99, 0.99, 0.98, 0.95, 0.99, 1.00, 0.98, 1.01, 1.04, 1.03, 1.04)
CATEGORY_2_BY_MONTH = (1.05, 0.95, 0.98, 0.87, 0.84, 0.97, 0.97, 0.90, 1.03, 1.22, 1.07, 1.27)
SEASON_SHARE = 0.6  # of it; the whole swing puts runs of seven months on most charts, and hides what is planted
INCIDENTS_BY_MONTH = (1.04, 0.92, 1.03, 0.97, 1.02, 0.98, 1.01, 0.99, 0.98, 1.03, 1.01, 1.06)
INCIDENTS_SD = 0.02  # of a month's incidents, once the season is out
# Published: a service's month-to-month sigma about England's course, over its mean.
CATEGORY_1_SD = 0.015
CATEGORY_2_SD = 0.06
TIME_SPREAD = 0.7  # a single response time's sd over its mean, which shows where a service has few incidents

TRANSPORT_SHARE = 0.65  # published: Category 1 incidents with transport, over all of Category 1
OTHER_CATEGORIES = (0.33, 0.015)  # published: incidents of categories 3 and 4, over those of Category 2
INCIDENTS_RATIO = 1.9  # published: all incidents, hear and treat included, over those of Category 2
CALLS_RATIO = 1.1  # published: calls answered over incidents
CONTACTS_RATIO = 1.35  # published: contacts over calls answered
ANSWER_SECONDS = (2.0, 13.0)  # published: to answer a call, from the quickest service to the slowest, but for one
TRANSPORT_TIME = 1.2  # published: mean time of Category 1 with transport, over that of Category 1
OTHER_TIMES = (3.5, 4.3)  # published: mean times of categories 3 and 4, over that of Category 2
# Published: 90th centile over mean, of Category 1, the same with transport, and categories 2 to 4.
CENTILE_RATIOS = (1.8, 1.8, 2.1, 2.35, 2.4)
CENTILE_SD = 0.03

STREAM = "ambulance"  # chosen, as the seed is, so that the stable service has no special cause


class Responses(NamedTuple):
    """One category in one month: what adds up, and what does not."""

    incidents: int
    seconds: int
    centile_seconds: int


class Figures(NamedTuple):
    """One service in one month; `categories` are 1, 1 with transport, 2, 3 and 4."""

    contacts: int
    calls: int
    answer_seconds: int
    incidents: int
    categories: tuple[Responses, ...]


def activity(service: AmbulanceService) -> dict[date, Figures]:
    """Return what happened in a service in every month, whether or not it was reported."""
    draws = Draws(f"{service.org_code}/{STREAM}")
    answer_seconds = draws.between(ANSWER_SECONDS)

    def responses(expected: float, seconds: float, sd: float, centile_ratio: float) -> Responses:
        incidents = max(1, round(expected * (1 + draws.normal(INCIDENTS_SD))))
        mean = seconds * (1 + draws.normal(math.sqrt(sd**2 + TIME_SPREAD**2 / incidents)))
        centile = mean * centile_ratio * (1 + draws.normal(CENTILE_SD))
        return Responses(incidents, round(incidents * mean), round(centile))

    def month_figures(month: date) -> Figures:
        volume = INCIDENTS_BY_MONTH[month.month - 1]
        first, second = volume * service.monthly_category_1, volume * service.monthly_category_2
        first_seconds = 60 * service.category_1_minutes * _season(service, month, CATEGORY_1_BY_MONTH)
        second_seconds = 60 * service.category_2_minutes * _season(service, month, CATEGORY_2_BY_MONTH)
        second_seconds *= _planted(service, month)
        expected = (first, first * TRANSPORT_SHARE, second, *(second * share for share in OTHER_CATEGORIES))
        others = (second_seconds * ratio for ratio in OTHER_TIMES)
        times = (first_seconds, first_seconds * TRANSPORT_TIME, second_seconds, *others)
        sds = (CATEGORY_1_SD, CATEGORY_1_SD, CATEGORY_2_SD, CATEGORY_2_SD, CATEGORY_2_SD)
        categories = tuple(responses(*each) for each in zip(expected, times, sds, CENTILE_RATIOS, strict=True))
        incidents = round(categories[2].incidents * INCIDENTS_RATIO)
        calls = round(incidents * CALLS_RATIO)
        return Figures(round(calls * CONTACTS_RATIO), calls, round(calls * answer_seconds), incidents, categories)

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}


def _season(service: AmbulanceService, month: date, by_month: tuple[float, ...]) -> float:
    return 1.0 if service.story == AmbulanceStory.STABLE else 1 + SEASON_SHARE * (by_month[month.month - 1] - 1)


def _planted(service: AmbulanceService, month: date) -> float:
    """Return what a story multiplies Category 2 times by in a month; categories 3 and 4 follow them."""
    return STEP_FACTOR if service.story == AmbulanceStory.STEP_IMPROVEMENT and month >= STEP_FROM else 1.0
