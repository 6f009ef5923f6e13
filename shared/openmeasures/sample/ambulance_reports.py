"""What the sample's ambulance services report, and what the publication makes of it for regions and England."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from openmeasures.organisations import SYNTHETIC_ENGLAND_NAME
from openmeasures.sample.ambulance_activity import Figures, Responses, activity
from openmeasures.sample.ambulance_services import BEGAN, NOT_SUBMITTED_MONTHS, AmbulanceService, AmbulanceStory
from openmeasures.sample.stories import is_in

# Count, total, mean and 90th centile of categories 1, 1 with transport, 2, 3 and 4.
CATEGORIES = (
    ("A8", "A24", "A25", "A26"),
    ("A9", "A27", "A28", "A29"),
    ("A10", "A30", "A31", "A32"),
    ("A11", "A33", "A34", "A35"),
    ("A12", "A36", "A37", "A38"),
)
CALLS = ("A0", "A1", "A2", "A3", "A4", "A114", "A5", "A6", "A111", "A112", "A113", "A7")
INDICATORS = (*CALLS, *(each[0] for each in CATEGORIES), *(code for each in CATEGORIES for code in each[1:]))
NOT_AVAILABLE = "-"

Reports = Mapping[str, Mapping[date, Figures]]
Indicators = dict[str, int | str]


class Area(NamedTuple):
    """England, a region or a service: its code and name, its region, and the services in it."""

    code: str
    name: str
    region_code: str
    region_name: str
    services: list[AmbulanceService]


class Areas(NamedTuple):
    """Every area that the publication has rows of."""

    england: Area
    regions: list[Area]
    services: list[Area]


def areas(services: list[AmbulanceService]) -> Areas:
    """Return England, its regions and its services, as areas."""
    names = {service.region_code: service.region_name for service in services}
    regions = [
        Area(code, name, code, name, [service for service in services if service.region_code == code])
        for code, name in names.items()
    ]
    each = [Area(one.org_code, one.org_name, one.region_code, one.region_name, [one]) for one in services]
    return Areas(Area("ENG", SYNTHETIC_ENGLAND_NAME, "", "", services), regions, each)


def reports(services: list[AmbulanceService]) -> Reports:
    """Return what each service reports in each month, by its code."""
    return {
        service.org_code: {month: _reported(figures, service, month) for month, figures in activity(service).items()}
        for service in services
    }


def _reported(figures: Figures, service: AmbulanceService, month: date) -> Figures:
    """Return a month as the publication has it: zeros before a service began, no categories where none were sent."""
    if service.story == AmbulanceStory.BEGAN_LATE and month < BEGAN:
        return Figures(0, 0, 0, 0, (Responses(0, 0, 0),) * len(CATEGORIES))
    if service.story == AmbulanceStory.NOT_SUBMITTED and is_in(month, NOT_SUBMITTED_MONTHS):
        return figures._replace(categories=())
    return figures


def indicators(area: Area, month: date, reported: Reports) -> Indicators:
    """Return an area's figures: counts and times add up; a centile is the mean of centiles, weighted by incidents.

    That is how the publication makes England's and the regions' centiles. What is not invented is not available.
    """
    sent = [reported[service.org_code][month] for service in area.services]
    calls, answer_seconds = sum(each.calls for each in sent), sum(each.answer_seconds for each in sent)
    found: Indicators = dict.fromkeys(INDICATORS, NOT_AVAILABLE)
    found |= {"A0": sum(each.contacts for each in sent), "A1": calls, "A2": answer_seconds}
    found |= {"A3": _ratio(answer_seconds, calls), "A7": sum(each.incidents for each in sent)}
    for at, (count, total, mean, centile) in enumerate(CATEGORIES):
        responses = [each.categories[at] for each in sent if each.categories]
        if responses:
            incidents, seconds = sum(each.incidents for each in responses), sum(each.seconds for each in responses)
            weighted = sum(each.incidents * each.centile_seconds for each in responses)
            found |= {count: incidents, total: seconds}
            found |= {mean: _ratio(seconds, incidents), centile: _ratio(weighted, incidents)}
    return found


def _ratio(total: int, count: int) -> int:
    return round(total / count) if count else 0
