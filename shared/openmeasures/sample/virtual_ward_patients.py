"""Who is on a virtual ward of the sample's boards on the day of the count, month by month, reported or not.

Rates marked *published* were computed from NHS England's monthly workbooks, August 2024 to April 2025.

Each board has its own random numbers, and uses as many in every month whatever happens to it.
"""

import math
from datetime import date
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.integrated_care_boards import (
    DOUBLED_FROM,
    DOUBLED_OCCUPIED,
    NOT_SUBMITTED_MONTH,
    STEP_FROM,
    STEP_POINTS,
    Board,
    BoardStory,
)
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH

# Published: England's occupied share, August to April, over their mean; May to July are in no file here.
SEASON = (1.06, 0.97, 1.01, 0.95, 1.0, 1.0, 1.0, 0.90, 0.93, 1.03, 1.02, 1.01)
SEASON_SHARE = 0.5  # of it, so that a single year's course does not hide what is planted
OCCUPIED_SD = 0.07  # published: half of the boards' sigmas of months are 0.06 to 0.11 of a place
PLACES_CHANGE = 0.1  # published: of ten boards' months, one has another number of places than the one before
PLACES_SD = 0.05  # of the places, when they change
PEOPLE_BASE = date(2022, 4, 1)
PEOPLE_GROWTH = 0.008  # published: of registered people, from one April to the next


class Count(NamedTuple):
    """A board on the day of the count; patients are None where nobody submitted them."""

    places: int
    registered: int
    patients: int | None


def counts(board: Board) -> dict[date, Count]:
    """Return what a board reported of each month."""
    draws = Draws(f"{board.org_code} virtual wards")
    places, found = float(board.places), {}
    for month in months(FIRST_MONTH, LAST_MONTH):
        changes = draws.between((0, 1)) < PLACES_CHANGE
        factor = 1 + draws.normal(PLACES_SD)
        places *= factor if changes else 1
        is_doubled = board.story == BoardStory.CAPACITY_DOUBLED and month >= DOUBLED_FROM
        open_places = max(1, round(places * (2 if is_doubled else 1)))
        share = _share(board, month) + draws.normal(
            math.hypot(OCCUPIED_SD, math.sqrt(board.occupied / open_places) / 2)
        )
        is_absent = board.story == BoardStory.NOT_SUBMITTED and month == NOT_SUBMITTED_MONTH
        # People are counted each April, and stand in every file until the next.
        years = month.year - PEOPLE_BASE.year - (month.month < PEOPLE_BASE.month)
        registered = round(board.registered * (1 + PEOPLE_GROWTH * years))
        found[month] = Count(open_places, registered, None if is_absent else max(0, round(open_places * share)))
    return found


def _share(board: Board, month: date) -> float:
    season = 1.0 if board.story == BoardStory.STABLE else 1 + SEASON_SHARE * (SEASON[month.month - 1] - 1)
    share = board.occupied * season
    if board.story == BoardStory.STEP_INCREASE and month >= STEP_FROM:
        share += STEP_POINTS
    if board.story == BoardStory.CAPACITY_DOUBLED and month >= DOUBLED_FROM:
        share *= DOUBLED_OCCUPIED
    return share
