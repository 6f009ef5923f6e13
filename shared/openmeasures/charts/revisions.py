"""What a publication changed: a ring for the figure as first published, a dot for it as it is now, period by period.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Figures are drawn as they come; only room is worked out here.
"""

from typing import Any

import altair as alt
import polars as pl

from openmeasures.charts import layout, named_rows, theme
from openmeasures.charts.layer import Layer
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError

RING, DOT = 150, 36  # square pixels: the dot of a figure that hardly changed stands within its ring


def chart(
    revised: pl.DataFrame, measure: Measure, *, title: str, finding: str, note: str = "", width: int = theme.PAGE.width
) -> alt.LayerChart:
    """Return what became of one organisation's figures since they were first published, oldest period at the top.

    The axis spans what an axis of the measure's values always spans at least, so that a revision that hardly matters
    looks as if it hardly matters.

    - `revised`: one row a period: `period_start`, and `first` and `now` in the measure's unit; `first_written`,
      `now_written` and `change_written`, the same and their difference in words. All have both figures.
    - `measure`: gives the unit, the range that can happen, and how long a period is.
    - `title`, `finding`: stand above the chart, and for it where it cannot be seen.
    - `note`: a sentence beneath the title, such as how many periods are left out.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if there is no period.
    """
    if revised.is_empty():
        raise ParameterError(
            f"chart {title!r}: found no period with two releases, expected one or more. Say so in words."
        )
    rows = _rows(revised, measure)
    drawn = [row[name] for row in rows for name in ("first", "now")]
    ends = layout.domain(drawn, bounds=measure.natural_bounds)
    height = named_rows.height(rows)
    x = alt.X("first:Q").scale(domain=ends, nice=False, zero=False).title(None)
    y = named_rows.vertical(height)
    named = alt.NamedData("revisions")
    told = {
        "period:N": measure.period.heading,
        "first_written:N": "As first published",
        "now_written:N": "As it is now",
        "change_written:N": "Change",
    }
    said = (f"{theme.axis_words(measure)}.", "Ring: as first published. Dot: as it is now.", note)
    return alt.LayerChart(
        layer=[
            Layer(named, name="rows").mark_rule(color=theme.GRID, x=0, x2={"expr": "width"}).encode(y),
            Layer(named, name="changes")
            .mark_rule(color=theme.SUBJECT, strokeWidth=2.5)
            .encode(x.axis(labelExpr=theme.tick_words(measure), tickCount=6), alt.X2("now:Q"), y),
            *named_rows.layers("revisions", y),
            _points("first", "firsts", y, told, size=RING, fill=theme.PAPER, stroke=theme.EDGE),
            _points("now", "nows", y, told, size=DOT, fill=theme.SUBJECT, stroke=theme.SUBJECT),
        ],
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(" ".join(filter(None, said)), width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "data-quality"},
        width=width,
        height=height,
        datasets={"revisions": rows},
    )


def _rows(revised: pl.DataFrame, measure: Measure) -> list[dict[str, Any]]:
    """Return what is drawn of each period, named by itself and its change."""
    rows = list(revised.iter_rows(named=True))
    periods = [measure.period.label(row["period_start"]) for row in rows]
    names = [f"{period}: {row['change_written']}" for period, row in zip(periods, rows, strict=True)]
    return [
        {
            "period": period,
            **place,
            "first": round(row["first"], theme.DECIMALS),
            "now": round(row["now"], theme.DECIMALS),
            **{name: row[name] for name in ("first_written", "now_written", "change_written")},
        }
        for period, row, place in zip(periods, rows, named_rows.places(names), strict=True)
    ]


def _points(field: str, name: str, y: alt.Y, told: dict[str, str], *, size: int, fill: str, stroke: str) -> Layer:
    points: Layer = (
        Layer(alt.NamedData("revisions"), name=name)
        .mark_point(shape="circle", size=size, opacity=1, fill=fill, stroke=stroke, strokeWidth=1.5)
        .encode(alt.X(f"{field}:Q"), y, tooltip=theme.tooltip(told))
    )
    return points
