"""What is planted in the sample: which story, in whom the tables say, from when to when and how large."""

from datetime import date
from enum import StrEnum

FIRST_MONTH = date(2022, 4, 1)  # four financial years: enough for a chart, its baseline and a comparison
LAST_MONTH = date(2026, 3, 1)


class Story(StrEnum):
    """What is planted in one organisation; the dates and sizes are the constants below."""

    STEP_IMPROVEMENT = "step_improvement"
    SHOCK = "shock"
    SLOW_DECLINE = "slow_decline"
    NOT_SUBMITTED = "not_submitted"
    OTHER_STANDARD = "other_standard"
    REVISED = "revised"
    STABLE = "stable"
    NEAR_STANDARD = "near_standard"  # this one and the next are told by `within_four_hours` alone
    FAR_BELOW = "far_below"
    MERGER_PREDECESSOR = "merger_predecessor"  # this one and the next are told by successions.csv
    MERGER_SUCCESSOR = "merger_successor"


# Sizes are points of the type 1 share: large against the noise of about 2 points, so that a chart cannot miss them.
STEP_FROM = date(2024, 10, 1)  # eighteen months before the end: the last months are still above the overall mean
STEP_POINTS = 8.0  # about four times the noise
SHOCK_MONTH = date(2025, 6, 1)  # early summer, so that no reader takes it for winter
SHOCK_POINTS = -30.0  # a month without records: far below any limit, although the shock itself widens the limits
SHOCK_ATTENDANCES = 0.8  # ambulances diverted
DECLINE_FROM = date(2024, 8, 1)  # twenty months to the end of the series
DECLINE_POINTS_A_MONTH = -0.6  # twelve points in all; no single month looks alarming
NOT_SUBMITTED_MONTHS = (date(2023, 8, 1), date(2023, 10, 1))  # first and last; a hole that a chart must show
OTHER_STANDARD_MONTHS = (date(2022, 9, 1), date(2023, 5, 1))  # first and last; the published field test ended May 2023
REVISED_MONTH = date(2025, 10, 1)  # the publication has this month in two vintages as well
FIRST_PUBLISHED_SHARE = 0.9  # of the patients over four hours that the revised file gives


def is_in(month: date, first_and_last: tuple[date, date]) -> bool:
    """Whether a month lies in a stretch of months, both ends included."""
    first, last = first_and_last
    return first <= month <= last
