"""The axes that several charts share: months, and values of a measure.

| function | gives |
|---|---|
| `months` | the axis of months, as many labelled as there is room for |
| `values` | the vertical axis of a measure's values |
"""

import altair as alt

from openmeasures.charts import layout, theme
from openmeasures.definitions import Measure

MONTH = alt.X("period_start:T")
# The month, and under January and under the first label the year.
MONTH_WORDS = (
    "datum.index == 0 || utcmonth(datum.value) == 0 "
    "? [utcFormat(datum.value, '%b'), utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%b')"
)


def months(number: int) -> alt.X:
    """Return the axis of so many months, from the field `period_start`."""
    step = layout.month_step(number, theme.PAGE)
    return alt.X(
        "period_start:T",
        scale=alt.Scale(type="utc", padding=8, nice=False),  # utc: months must not shift with the reader's clock
        axis=alt.Axis(title=None, grid=False, tickCount={"interval": "month", "step": step}, labelExpr=MONTH_WORDS),
    )


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
