"""The axes that several charts share: time, and values of a measure.

| function | gives |
|---|---|
| `time` | the axis of months, quarters or years, as many labelled as there is room for |
| `moments` | dates as an axis has them |
| `values` | the vertical axis of a measure's values |
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import altair as alt

from openmeasures.charts import layout, theme
from openmeasures.definitions import Measure
from openmeasures.periods import Period

WHEN = alt.X("period_start:T")
# The month, and under January and under the first label the year.
MONTH_WORDS = (
    "datum.index == 0 || utcmonth(datum.value) == 0 "
    "? [utcFormat(datum.value, '%b'), utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%b')"
)

# Of twelve months the last one.
_LAST_MONTH = "utcOffset('month', datum.value, 11)"
# The financial year, from April: 2024/25.
_YEAR = (
    "utcFormat(utcOffset('month', datum.value, -3), '%Y') + '/' + utcFormat(utcOffset('month', datum.value, 9), '%y')"
)
WORDS = {
    Period.MONTH: MONTH_WORDS,
    # Under April's quarter, and under the first label, the financial year.
    Period.QUARTER: (
        "datum.index == 0 || utcmonth(datum.value) == 3 "
        f"? ['Q' + ((utcmonth(datum.value) + 9) % 12 / 3 + 1), {_YEAR}] "
        ": 'Q' + ((utcmonth(datum.value) + 9) % 12 / 3 + 1)"
    ),
    Period.YEAR: _YEAR,
    Period.ROLLING_YEAR: MONTH_WORDS.replace("utcFormat(datum.value", f"utcFormat({_LAST_MONTH}"),
}


def time(starts: Sequence[date], period: Period) -> alt.X:
    """Return the axis of the periods that start on these dates, from the field `period_start`.

    Rolling years are labelled by the month with which they end.
    """
    if period.step == 1:
        step = layout.month_step(len(starts), theme.PAGE)
        axis = alt.Axis(title=None, grid=False, tickCount={"interval": "month", "step": step}, labelExpr=WORDS[period])
    else:
        labelled = moments(layout.spaced(starts, theme.PAGE))
        axis = alt.Axis(title=None, grid=False, values=labelled, labelExpr=WORDS[period])
    return alt.X(
        "period_start:T",
        scale=alt.Scale(type="utc", padding=8, nice=False),  # utc: months must not shift with the reader's clock
        axis=axis,
    )


def moments(days: Sequence[date]) -> list[float]:
    """Return dates as the milliseconds that an axis has, in UTC."""
    return [1000 * datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days]


def values(field: str, ends: tuple[float, float], measure: Measure, *, room: int | None = None) -> alt.Y:
    """Return the vertical axis of a measure's values; its labels take `room` pixels, by default what they need."""
    return alt.Y(
        f"{field}:Q",
        scale=alt.Scale(domain=list(ends), nice=False, zero=False),
        axis=alt.Axis(
            title=None,
            tickCount=6,
            labelExpr=theme.tick_words(measure),
            minExtent=alt.Undefined if room is None else room,
        ),
    )
