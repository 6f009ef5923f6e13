"""The axis of time, for what figures cover; that of months is seen in the charts' own tests."""

from datetime import UTC, date, datetime

import pytest

from openmeasures.charts import axes, conversion, layout, theme
from openmeasures.periods import Period

QUARTER, YEAR = Period.QUARTER, Period.YEAR


def starts(period, number, *, first=date(2016, 4, 1)):
    found = [first]
    while len(found) < number:
        found.append(period.next(found[-1]))
    return found


@pytest.mark.parametrize(
    ("number", "page", "phone"),
    [(3, 1, 1), (4, 1, 2), (6, 1, 2), (7, 1, 4), (12, 1, 4), (13, 2, 8), (24, 2, 8)],
)
@pytest.mark.parametrize("period", [QUARTER, YEAR])
def test_labels_are_as_far_apart_as_their_number_needs_and_april_keeps_its_own(period, number, page, phone):
    every = starts(period, number)
    aprils = [day for day in every if day.month == 4]
    for size, step in ((theme.PAGE, page), (theme.PHONE, phone)):
        kept = layout.spaced(every, size)
        assert kept == every[every.index(aprils[-1]) % step :: step]
        assert len(kept) <= size.years


def test_a_missing_quarter_moves_no_label():
    every = starts(QUARTER, 12)
    without = [day for day in every if day != date(2017, 10, 1)]
    assert layout.spaced(without, theme.PHONE) == layout.spaced(every, theme.PHONE)


@pytest.mark.parametrize("days", [[date(2024, 7, 1)], [date(2024, 7, 1), date(2024, 10, 1)]])
def test_quarters_without_an_april_are_counted_from_the_last(days):
    assert layout.spaced(days, theme.PHONE) == days


def labels(period, days):
    """Draw an axis and return the words on it, by Vega itself."""
    x = axes.time(days, period).to_dict()
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json", "width": theme.PAGE.width - 200,
        "data": {"values": [{"period_start": day.isoformat(), "y": 1} for day in days]},
        "mark": "point", "encoding": {"x": x | {"field": "period_start", "type": "temporal"}},
        "config": theme.config(theme.PAGE), "title": "", "description": "",
    }  # fmt: skip
    return conversion.svg(spec)


@pytest.mark.parametrize(
    ("period", "days", "shown", "absent"),
    [
        (QUARTER, starts(QUARTER, 5, first=date(2024, 7, 1)), ["Q1", "Q2", "Q3", "Q4", "2024/25", "2025/26"], "2023"),
        (QUARTER, starts(QUARTER, 2, first=date(1999, 1, 1)), ["Q4", "Q1", "1998/99", "1999/00"], "1997"),
        (YEAR, starts(YEAR, 8, first=date(2017, 4, 1)), [f"{y}/{y + 1 - 2000}" for y in range(2017, 2025)], "2025/26"),
        (Period.ROLLING_YEAR, starts(Period.ROLLING_YEAR, 3, first=date(2024, 1, 1)), ["Dec", "Jan", "Feb"], "Mar"),
    ],
)
def test_labels_are_those_of_the_periods(period, days, shown, absent):
    image = labels(period, days)
    assert [words for words in shown if f">{words}<" not in image] == []
    assert absent not in image


def test_moments_are_midnight_in_utc():
    assert axes.moments([date(2024, 4, 1)]) == [1000 * datetime(2024, 4, 1, tzinfo=UTC).timestamp()]
