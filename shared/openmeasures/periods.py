"""Months, quarters and financial years, as publications write them and as people read them.

| name | gives |
|---|---|
| `Period` | what a measure's figures each cover: its words, its labels, how many make a year |
| `month_named` | the first day of a month written as `March 2024`, `MARCH-2024` or `2024-03` |
| `month_end` | the last day of a month |
| `month_label` | `March 2024`, for readers |
| `day_label` | `1 March 2024` |
| `months_span` | `March 2024 to May 2024`, or the one month |
| `months` | every month from one to another, both included |
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from openmeasures.errors import ParameterError, near_miss

# English on every machine: calendar.month_name follows the user's locale.
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
YEAR_STARTS = 4  # April: the first month of a financial year, and of its first quarter
_BY_NAME = {name.casefold(): number for number, name in enumerate(MONTH_NAMES, start=1)}
# Years 1000 to 2999: `date` has no year 0 and no day after 9999.
_WORDS = re.compile(r"\s*([A-Za-z]+)[\s-]+([12]\d{3})\s*", re.ASCII)
_NUMBERS = re.compile(r"\s*([12]\d{3})-(\d{2})\s*", re.ASCII)
_QUARTER = re.compile(r"\s*Q([1-4])\s+([12]\d{3})[/-](\d{2})\s*", re.ASCII | re.IGNORECASE)
_YEAR = re.compile(r"\s*([12]\d{3})/(\d{2})\s*", re.ASCII)  # no hyphen: 2009-10 is a month


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


class Period(StrEnum):
    """How long each figure of a measure covers, and how often there is one; every date given may be any day of it.

    Financial years run from April to March, and so do their quarters. Of rolling years there is one a month, each
    twelve months long: they overlap, so that neighbours are alike and have no season.
    """

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING_YEAR = "rolling_year"

    @property
    def months(self) -> int:
        """How many months a figure covers."""
        return {Period.MONTH: 1, Period.QUARTER: 3}.get(self, 12)

    @property
    def step(self) -> int:
        """How many months there are from one period's start to the next one's."""
        return 1 if self is Period.ROLLING_YEAR else self.months

    @property
    def overlaps(self) -> bool:
        """Whether neighbours share months, so that they are alike whatever happens."""
        return self.step < self.months

    @property
    def per_year(self) -> int:
        """How many periods start in a year."""
        return 12 // self.step

    @property
    def seasons(self) -> int:
        """How many parts of the year have a figure of their own; 1 where a figure covers the whole of it."""
        return 12 // self.months

    @property
    def lately(self) -> int:
        """How many periods "lately" are: a year of them, every season once; of years five, since one says nothing."""
        return 5 if self is Period.YEAR else self.per_year

    @property
    def late(self) -> int:
        """How many of the latest periods may be missing as late; longer, and most have closed or merged. Our choice."""
        return max(self.per_year // 2, 1)

    @property
    def noun(self) -> str:
        """What one is called."""
        return {Period.YEAR: "financial year", Period.ROLLING_YEAR: "twelve-month period"}.get(self, self.value)

    @property
    def plural(self) -> str:
        """What several are called."""
        return f"{self.noun}s"

    @property
    def heading(self) -> str:
        """What one is called at the head of a column."""
        return self.noun.capitalize()

    def start(self, day: date) -> date:
        """Return the first day of the period that `day` lies in; of rolling years, of the one that its month begins.

        >>> Period.QUARTER.start(date(2024, 12, 31)), Period.YEAR.start(date(2024, 3, 31))
        (datetime.date(2024, 10, 1), datetime.date(2023, 4, 1))
        """
        return _month_after(day, -((day.month - YEAR_STARTS) % self.step))

    def ending(self, day: date) -> date:
        """Return the same as `start`, but of rolling years the first day of the one that the month of `day` ends.

        >>> Period.ROLLING_YEAR.ending(date(2024, 12, 31)), Period.QUARTER.ending(date(2024, 12, 31))
        (datetime.date(2024, 1, 1), datetime.date(2024, 10, 1))
        """
        return _month_after(self.start(day), self.step - self.months)

    def last_month(self, day: date) -> date:
        """Return the first day of the period's last month.

        >>> Period.YEAR.last_month(date(2024, 4, 1))
        datetime.date(2025, 3, 1)
        """
        return _month_after(self.start(day), self.months - 1)

    def end(self, day: date) -> date:
        """Return the period's last day.

        >>> Period.QUARTER.end(date(2024, 1, 1))
        datetime.date(2024, 3, 31)
        """
        return month_end(self.last_month(day))

    def next(self, day: date) -> date:
        """Return the first day of the period after that of `day`."""
        return _month_after(self.start(day), self.step)

    def between(self, first: date, last: date) -> list[date]:
        """Return the first day of every period from one to another, both included; none if `last` is before `first`.

        >>> Period.QUARTER.between(date(2024, 10, 1), date(2025, 3, 31))
        [datetime.date(2024, 10, 1), datetime.date(2025, 1, 1)]
        """
        return months(self.start(first), self.start(last))[:: self.step]

    def number(self, first: date, last: date) -> int:
        """Return how many periods there are from one to another, both included."""
        return len(self.between(first, last))

    def label(self, day: date) -> str:
        """Return the period as a reader writes it.

        >>> [period.label(date(2024, 10, 1)) for period in (Period.MONTH, Period.QUARTER, Period.YEAR)]
        ['October 2024', 'Q3 2024/25', '2024/25']
        """
        start = self.start(day)
        first = Period.YEAR.start(start)
        year = f"{first.year}/{(first.year + 1) % 100:02}"
        match self:
            case Period.MONTH:
                return month_label(start)
            case Period.QUARTER:
                return f"Q{len(months(first, start)) // 3 + 1} {year}"
            case Period.YEAR:
                return year
            case _:  # a rolling year
                return months_span(start, self.last_month(start))

    def in_full(self, day: date) -> str:
        """Return the label with its months, for where it is mentioned first.

        >>> Period.QUARTER.in_full(date(2024, 10, 1)), Period.MONTH.in_full(date(2024, 10, 1))
        ('Q3 2024/25 (October to December 2024)', 'October 2024')
        """
        first, last = self.start(day), self.last_month(day)
        match self:
            case Period.QUARTER:
                return f"{self.label(day)} ({MONTH_NAMES[first.month - 1]} to {month_label(last)})"
            case Period.YEAR:
                return f"{self.label(day)} ({months_span(first, last)})"
            case _:
                return self.label(day)

    def part_of_year(self, month: int) -> str:
        """Return the name, in every year, of the month or quarter that begins with a month, from 1 to 12.

        >>> Period.MONTH.part_of_year(1), Period.QUARTER.part_of_year(1)
        ('January', 'Q4 (January to March)')
        """
        first = MONTH_NAMES[month - 1]
        if self.months == 1:
            return first
        return f"Q{(month - YEAR_STARTS) % 12 // 3 + 1} ({first} to {MONTH_NAMES[month + self.months - 2]})"

    def span(self, first: date, last: date) -> str:
        """Return a span of periods as a reader writes it, or the one.

        >>> Period.QUARTER.span(date(2024, 4, 1), date(2024, 12, 31))
        'Q1 2024/25 to Q3 2024/25'
        """
        if self.start(first) == self.start(last):
            return self.label(first)
        if self is Period.ROLLING_YEAR:
            return f"years ending {months_span(self.last_month(first), self.last_month(last))}"
        return f"{self.label(first)} to {self.label(last)}"

    def spans(self, days: Sequence[date]) -> list[str]:
        """Return periods, given in order, as the spans that they make up without a gap.

        >>> Period.MONTH.spans([date(2023, 12, 1), date(2024, 1, 1), date(2024, 3, 1)])
        ['December 2023 to January 2024', 'March 2024']
        """
        found: list[tuple[date, date]] = []
        for day in days:
            follows = bool(found) and self.next(found[-1][1]) == self.start(day)
            first = found.pop()[0] if follows else day
            found.append((first, day))
        return [self.span(first, last) for first, last in found]

    def key(self, day: date) -> str:
        """Return the period as `named` reads it, for file names and commands: `yyyy-mm`, of a rolling year its end."""
        month = self.last_month(day) if self is Period.ROLLING_YEAR else self.start(day)
        return f"{month:%Y-%m}"

    def named(self, text: str) -> date:
        """Return the first day of the period that `text` names: `Q3 2024/25`, `2024/25`, or a month in it.

        Of a rolling year that is the month with which it ends. Raises `ParameterError` for anything else.

        >>> Period.QUARTER.named("Q3 2024/25"), Period.QUARTER.named("2024-12")
        (datetime.date(2024, 10, 1), datetime.date(2024, 10, 1))
        """
        if self is Period.QUARTER and (match := _QUARTER.fullmatch(text)) and _follows(match[2], match[3]):
            return _month_after(date(int(match[2]), YEAR_STARTS, 1), 3 * (int(match[1]) - 1))
        if self is Period.YEAR and (match := _YEAR.fullmatch(text)) and _follows(match[1], match[2]):
            return date(int(match[1]), YEAR_STARTS, 1)
        try:
            return self.ending(month_named(text))
        except ParameterError as error:
            if self in (Period.MONTH, Period.ROLLING_YEAR):
                raise
            example = "Q3 2024/25" if self is Period.QUARTER else "2024/25"
            raise ParameterError(
                f"{text!r} is not a {self.noun}: expected one such as {example!r}, or a month in it such as 'March "
                "2024' or '2024-03'."
            ) from error


def _month_after(day: date, months_later: int) -> date:
    index = day.year * 12 + day.month - 1 + months_later
    return date(index // 12, index % 12 + 1, 1)


def _follows(year: str, next_year: str) -> bool:
    return (int(year) + 1) % 100 == int(next_year)
