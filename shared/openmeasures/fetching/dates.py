"""The month that a file covers, and the day on which it was published, as links and file names tell them.

Nothing here is sure: what a file covers is known once it is read. It decides only what is worth downloading.
"""

import re
from datetime import date

from openmeasures.periods import MONTH_NAMES

APRIL = 4  # a financial year's first month
CENTURY = 2000

_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTH_NAMES).replace("Sep(", "Sept?(")
_NUMBER = {name[:3].casefold(): number for number, name in enumerate(MONTH_NAMES, start=1)}
# 9 January 2025, 9th Jan 2025
_DAY_IN_WORDS = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?\s+({_NAMES})\s+(\d{{4}})\b", re.IGNORECASE)
# 14.05.26, 14/05/2026
_DAY_IN_NUMBERS = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2})(?!\d)")
# April 2024, APRIL-2024, Feb26, May-26; not the 28 of `April (CSV, 28KB)`
_MONTH_IN_WORDS = re.compile(rf"(?<![a-z])({_NAMES})[\s_-]*(\d{{4}}|\d{{2}})(?!\d|\s?[km]b)", re.IGNORECASE)
# 20260430, 2025-05
_MONTH_IN_NUMBERS = re.compile(r"(?<!\d)(2\d{3})(?:(\d{2})\d{2}|-(\d{2}))(?!\d)")
# Q1 2024-25, Quarter 3 2025-2026
_QUARTER = re.compile(r"(?<![a-z])Q(?:uarter)?[\s_-]*([1-4])[\s_-]*(2\d{3})[-/](?:\d{4}|\d{2})(?!\d)", re.IGNORECASE)
_FINANCIAL_YEAR = re.compile(r"(?<!\d)(2\d{3})-(\d{4}|\d{2})(?!\d)")


def month_in(text: str) -> date | None:
    """Return the first day of the last month that a text names, days left aside; None where it names none.

    Of a quarter it is the last month, since a file has figures up to then.

    >>> month_in("Monthly A&E April 2024 (CSV, 28KB), revised 14 November 2024")
    datetime.date(2024, 4, 1)
    >>> month_in("Full-CSV-data-file-Feb26-ZIP-4M"), month_in("AmbSYS-Time-Series-until-20250831")
    (datetime.date(2026, 2, 1), datetime.date(2025, 8, 1))
    """
    for pattern in (_DAY_IN_WORDS, _DAY_IN_NUMBERS):
        text = pattern.sub(" ", text)
    found = [_month(_year(year), _NUMBER[name[:3].casefold()]) for name, year in _MONTH_IN_WORDS.findall(text)]
    found += [
        _month(int(year), int(compact or month))
        for year, compact, month in _MONTH_IN_NUMBERS.findall(text)
        if compact or not financial_year_in(f"{year}-{month}")
    ]
    found += [_quarter_end(int(year), int(quarter)) for quarter, year in _QUARTER.findall(text)]
    return max((month for month in found if month), default=None)


def financial_year_in(text: str) -> int | None:
    """Return the year in which the last financial year that a text names begins; None where it names none.

    `2011-12` is taken for the year, not for December: no publication is listed by such a month.

    >>> financial_year_in("rtt-data-2024-25"), financial_year_in("statistics/2025-05")
    (2024, None)
    """
    years = [
        int(first) for first, second in _FINANCIAL_YEAR.findall(text) if int(second) % 100 == (int(first) + 1) % 100
    ]
    return max(years, default=None)


def year_start(month: date) -> date:
    """Return the first day of the financial year that holds a month.

    >>> year_start(date(2024, 3, 1))
    datetime.date(2023, 4, 1)
    """
    return date(month.year if month.month >= APRIL else month.year - 1, APRIL, 1)


def day_in(text: str) -> date | None:
    """Return the last day that a text names, in words or as dd.mm.yy; None where it names none.

    >>> day_in("published on 9 January 2025"), day_in("Revised 14.05.26"), day_in("31 June 2025")
    (datetime.date(2025, 1, 9), datetime.date(2026, 5, 14), None)
    """
    found = [(year, _NUMBER[name[:3].casefold()], day) for day, name, year in _DAY_IN_WORDS.findall(text)]
    found += [(year, int(month), day) for day, month, year in _DAY_IN_NUMBERS.findall(text)]
    return max((day for each in found if (day := _day(_year(each[0]), each[1], int(each[2])))), default=None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # no such day
        return None


def _year(text: str) -> int:
    return int(text) % CENTURY + CENTURY


def _month(year: int, month: int) -> date | None:
    return date(year, month, 1) if month in _NUMBER.values() else None


def _quarter_end(first_year: int, quarter: int) -> date:
    """Return the last month of a quarter of a financial year: June, September, December, March."""
    return date(first_year + 1, 3, 1) if quarter == 4 else date(first_year, 3 * (quarter + 1), 1)  # noqa: PLR2004
