"""Where an SPC chart shows that other organisations joined: a line at the date, and their own figures until then.

| function | gives |
|---|---|
| `layers` | the layers to draw, none where nobody joined |
| `rows` | the data sets that they draw |
"""

from collections.abc import Mapping
from datetime import date

import altair as alt
import polars as pl

from openmeasures.charts import axes, theme
from openmeasures.charts.layer import Layer
from openmeasures.charts.layout import Row
from openmeasures.periods import Period

DATES, FIGURES = "joined", "predecessors"


def layers(joined: Mapping[date, str] | None, beside: pl.DataFrame | None, period: Period) -> list[Layer]:
    """Return a broken line for each organisation that joined, and an upright one with a word at each date."""
    found: list[Layer] = []
    if beside is not None and not beside.is_empty():
        told = theme.tooltip({"month:N": period.heading, "org_name:N": "Predecessor", "value:Q": "Value"})
        line = Layer(alt.NamedData(FIGURES), name="predecessors").mark_line(
            color=theme.OTHERS_EDGE, strokeWidth=1.25, strokeDash=[3, 2], invalid="break-paths-filter-domains"
        )
        found.append(line.encode(axes.WHEN, alt.Y("value:Q"), alt.Detail("org_name:N"), tooltip=told))
    if joined:
        when = alt.NamedData(DATES)
        found.append(
            Layer(when, name="mergers")
            .mark_rule(color=theme.OTHERS_EDGE, strokeWidth=1.25, strokeDash=[1, 2])
            .encode(axes.WHEN)
        )
        found.append(
            Layer(when, name="merger words")
            .mark_text(align="left", baseline="top", dx=3, y=2, color=theme.QUIET_TEXT)
            .encode(axes.WHEN, alt.Text("words:N"))
        )
    return found


def rows(
    points: pl.DataFrame, joined: Mapping[date, str] | None, beside: pl.DataFrame | None, period: Period
) -> dict[str, list[Row]]:
    """Return the data sets of `layers`; what lies outside the periods of the chart is left out."""
    starts = points["period_start"].sort()
    first, last = starts[0], starts[-1]
    found: dict[str, list[Row]] = {}
    if beside is not None and not beside.is_empty():
        within = beside.filter(pl.col("period_start").is_between(first, last)).sort("org_name", "period_start")
        found[FIGURES] = within.select(
            pl.col("period_start").dt.to_string("%Y-%m-%d"),
            "org_name",
            pl.col("value").round(theme.DECIMALS),
            month=pl.Series([period.in_full(day) for day in within["period_start"]], dtype=pl.String),
        ).to_dicts()
    if joined:
        found[DATES] = [
            {"period_start": day.isoformat(), "words": word} for day, word in joined.items() if first <= day <= last
        ]
    return found
