"""Months, as publications write them and as people read them.

| function | gives |
|---|---|
| `month_named` | the first day of a month written as `March 2024`, `MARCH-2024` or `2024-03` |
| `month_end` | the last day of a month |
| `month_label` | `March 2024`, for readers |
| `day_label` | `1 March 2024` |
| `months_span` | `March 2024 to May 2024`, or the one month |
| `months` | every month from one to another, both included |
"""

import re
from datetime import date, timedelta

from openmeasures.errors import ParameterError, near_miss

# English on every machine: calendar.month_name follows the user's locale.
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
RECENT_PERIODS = 12  # what "lately" means: a year of months, every season once
_BY_NAME = {name.casefold(): number for number, name in enumerate(MONTH_NAMES, start=1)}
# Years 1000 to 2999: `date` has no year 0 and no day after 9999.
_WORDS = re.compile(r"\s*([A-Za-z]+)[\s-]+([12]\d{3})\s*", re.ASCII)
_NUMBERS = re.compile(r"\s*([12]\d{3})-(\d{2})\s*", re.ASCII)


def month_named(text: str) -> date:
    """Return the first day of the month that `text` names, in words or as `yyyy-mm`.

    Raises `ParameterError` for anything else, a misspelt month included.

    >>> month_named("MARCH-2024"), month_named("2024-03")
    (datetime.date(2024, 3, 1), datetime.date(2024, 3, 1))
    """
    expected = "expected a month such as 'March 2024' or '2024-03'."
    if match := _NUMBERS.fullmatch(text):
        if 1 <= int(match[2]) <= 12:  # noqa: PLR2004 - months in a year
            return date(int(match[1]), int(match[2]), 1)
        raise ParameterError(f"{text!r} is not a month: {expected}")
    match = _WORDS.fullmatch(text)
    if not match or match[1].casefold() not in _BY_NAME:
        raise ParameterError(f"{text!r} is not a month: {expected}{near_miss(match[1], MONTH_NAMES) if match else ''}")
    return date(int(match[2]), _BY_NAME[match[1].casefold()], 1)


def month_end(month: date) -> date:
    """Return the last day of the month that holds `month`.

    >>> month_end(date(2024, 2, 1))
    datetime.date(2024, 2, 29)
    """
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def month_label(month: date) -> str:
    """Return the month as a reader writes it.

    >>> month_label(date(2024, 3, 1))
    'March 2024'
    """
    return f"{MONTH_NAMES[month.month - 1]} {month.year}"


def day_label(day: date) -> str:
    """Return a day, or that of a moment, as a reader writes it.

    >>> day_label(date(2024, 3, 1))
    '1 March 2024'
    """
    return f"{day.day} {month_label(day)}"


def months_span(first: date, last: date) -> str:
    """Return a span of months as a reader writes it.

    >>> months_span(date(2024, 3, 1), date(2024, 5, 1)), months_span(date(2024, 3, 1), date(2024, 3, 1))
    ('March 2024 to May 2024', 'March 2024')
    """
    return month_label(first) if first == last else f"{month_label(first)} to {month_label(last)}"


def months(first: date, last: date) -> list[date]:
    """Return the first day of every month from `first` to `last`, both included; none if `last` is before `first`.

    >>> months(date(2023, 12, 1), date(2024, 1, 1))
    [datetime.date(2023, 12, 1), datetime.date(2024, 1, 1)]
    """
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    index = first.year * 12 + first.month - 1
    return [date((index + step) // 12, (index + step) % 12 + 1, 1) for step in range(count)]
