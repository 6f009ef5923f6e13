"""What the layouts of cancer waiting times call the same thing, and what it is called here.

| name | what |
|---|---|
| `STANDARDS` | the three standards: their metrics, and what divides them |
| `PUBLISHED_STANDARDS` | what the layouts call them |
| `category_written` | a category in one spelling, `""` for all of them together |
| `month_written` | the month that a layout writes as `Oct-23` or as a day |
"""

import re
from datetime import date, datetime
from typing import NamedTuple

from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import as_written
from openmeasures.periods import MONTH_NAMES, month_named

TOTAL = "total"
WITHIN_STANDARD = "within_standard"

# The columns that divide a figure, whatever the layout; each holds "" where it does not divide it.
STAGE_OR_ROUTE = "stage_or_route"
CANCER_TYPE = "cancer_type"
TREATMENT_MODALITY = "treatment_modality"
DIMENSIONS = (STAGE_OR_ROUTE, CANCER_TYPE, TREATMENT_MODALITY)


class Standard(NamedTuple):
    """One standard: the metrics of everybody and of those within it, and what `STAGE_OR_ROUTE` means for it."""

    total: str
    within_standard: str
    stage_or_route: str


FASTER_DIAGNOSIS = "28-day"
DECISION_TO_TREAT = "31-day"
URGENT_REFERRAL = "62-day"
# The 28-day standard counts people told a diagnosis outcome, the others treatments that began.
STANDARDS = {
    FASTER_DIAGNOSIS: Standard("faster_diagnosis_told", "faster_diagnosis_told_within_28_days", "route"),
    DECISION_TO_TREAT: Standard(
        "decision_to_treat_treated", "decision_to_treat_treated_within_31_days", "treatment_stage"
    ),
    URGENT_REFERRAL: Standard("urgent_referral_treated", "urgent_referral_treated_within_62_days", "route"),
}
PUBLISHED_STANDARDS = {
    "28-day FDS": FASTER_DIAGNOSIS,  # these three in the extract
    "31-day Combined": DECISION_TO_TREAT,
    "62-day Combined": URGENT_REFERRAL,
    "FDS": FASTER_DIAGNOSIS,  # and these in the combined workbook
    "31D": DECISION_TO_TREAT,
    "62D": URGENT_REFERRAL,
}

# One thing under two names: the combined workbook's before, the other layouts' after.
SAME = {"Subsequent": "Subsequent Treatment"}
ALL = "all "  # what a category begins with that is not one of the parts: ALL CANCERS, ALL ROUTES, ALL MODALITIES…

_SHORT_MONTH = re.compile(r"([A-Za-z]{3})-(\d{2})", re.ASCII)
_SHORT_NAMES = [month[:3].casefold() for month in MONTH_NAMES]  # strptime's %b would follow the user's locale


def category_written(published: str) -> str:
    """Return a category as every layout's readers shall see it; `""` for all categories together, or for none.

    Capitals become readable where a name has nothing else. Footnote marks such as `(a)` stay: without them
    `Urological - Other` might be taken for all other urological cancers than those listed beside it.

    >>> category_written("URGENT SUSPECTED CANCER"), category_written("Subsequent"), category_written("ALL CANCERS")
    ('Urgent Suspected Cancer', 'Subsequent Treatment', '')
    """
    name = " ".join(published.split())
    return "" if name.casefold().startswith(ALL) else as_written(SAME.get(name, name))


def month_written(published: str, *, place: str) -> date:
    """Return the first day of the month that a layout writes in words, short (`Oct-23`) or as a day.

    Raises `SourceError`, which names the place, for anything else.

    >>> month_written("Oct-23", place="sheet"), month_written("2024-10-01 00:00:00", place="sheet")
    (datetime.date(2023, 10, 1), datetime.date(2024, 10, 1))
    """
    try:
        if short := _SHORT_MONTH.fullmatch(published):
            return date(2000 + int(short[2]), _SHORT_NAMES.index(short[1].casefold()) + 1, 1)
        if published[:1].isdigit():
            return datetime.fromisoformat(published).date().replace(day=1)
        return month_named(published)
    except (ParameterError, ValueError) as error:
        raise SourceError(
            f"{place}: found {published!r} as the month, expected for example 'Oct-23', 'October 2023' or a date. "
            "Download the file again, or tell the publisher."
        ) from error
