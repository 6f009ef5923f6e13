"""The parts of one organisation's figure: a dot for each with its interval, beside the whole and the standard.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Parts stand in the order in which they come. Figures are drawn as they come; only room is worked out here.
"""

from typing import Any

import altair as alt
import polars as pl

from openmeasures.charts import layout, theme
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError

# Of a part's name, in pixels, on a page and on a phone; the whole name is in the tooltip and in the table beneath.
NAME_ROOM = "width < 400 ? 120 : 290"
TOOLTIP = {"category:N": "Part", "written:N": "Value", "interval:N": "95\u00a0% interval", "counted:N": "Counted"}


def chart(
    parts: pl.DataFrame,
    measure: Measure,
    *,
    title: str,
    finding: str,
    whole: float | None,
    standard: float | None = None,
    width: int = theme.PAGE.width,
) -> alt.LayerChart:
    """Return the parts of one organisation's figure in one period.

    - `parts`: one row a part: `category`, `value` and, null where there is none, `value_lower` and `value_upper`, all
      in the measure's unit; `counted`, what they rest on, in words. Parts without a value are not drawn.
    - `measure`: gives the unit, and the range that can happen.
    - `title`, `finding`: stand above the chart, and for it where it cannot be seen.
    - `whole`: the figure of all parts together; None where there is none.
    - `standard`: the lasting standard in force; None where there is none.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if no part has a value.
    """
    drawn = parts.drop_nulls("value")
    if drawn.is_empty():
        raise ParameterError(f"chart {title!r}: found no figure among {parts.height} parts. Say so in words.")
    rows = [
        {
            "category": row["category"],
            "value": round(row["value"], theme.DECIMALS),
            "lower": _rounded(row["value_lower"]),
            "upper": _rounded(row["value_upper"]),
            "written": measure.written(row["value"]),
            "interval": _interval(row["value_lower"], row["value_upper"], measure),
            "counted": row["counted"],
        }
        for row in drawn.iter_rows(named=True)
    ]
    marks = []
    if whole is not None:
        marks.append(_mark(whole, f"Black line: all together, {measure.written(whole)}.", theme.MEAN))
    if standard is not None:
        said = f"Red line: the standard for all together, {measure.written_as_set(standard)}."
        marks.append(_mark(standard, said, theme.STANDARD))
    reach = [row[name] for row in rows for name in ("value", "lower", "upper") if row[name] is not None]
    ends = layout.domain([*reach, *(mark["at"] for mark in marks)], bounds=measure.natural_bounds)
    x = alt.X("value:Q").scale(domain=ends, nice=False, zero=False).title(None)
    y = alt.Y("category:N").sort(drawn["category"].to_list()).title(None)
    named = y.axis(grid=True, ticks=False, domain=False, labelLimit=alt.ExprRef(NAME_ROOM), labelPadding=8)
    note = " ".join([f"{theme.axis_words(measure)}.", _dots(rows), *(mark["words"] for mark in marks)])
    return alt.LayerChart(
        layer=[
            alt.Chart(alt.NamedData("marks"))
            .mark_rule(strokeWidth=1.5)
            .encode(alt.X("at:Q"), color=alt.Color("colour:N", scale=None)),
            alt.Chart(alt.NamedData("parts"))
            .mark_rule(color=theme.EDGE, strokeWidth=1.5)
            .encode(alt.X("lower:Q"), alt.X2("upper:Q"), named),
            alt.Chart(alt.NamedData("parts"), name="parts")
            .mark_point(filled=True, size=70, opacity=1, fill=theme.SUBJECT, stroke=theme.PAPER, strokeWidth=1)
            .encode(x.axis(labelExpr=theme.tick_words(measure), tickCount=6), named, tooltip=theme.tooltip(TOOLTIP)),
        ],
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(note, width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "breakdowns"},
        width=width,
        height=len(rows) * theme.ROW_HEIGHT,
        datasets={"parts": rows, "marks": marks},
    )


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, theme.DECIMALS)


def _mark(at: float, said: str, colour: str) -> dict[str, Any]:
    return {"at": round(at, theme.DECIMALS), "words": said, "colour": colour}


def _dots(rows: list[dict[str, Any]]) -> str:
    have = [row["lower"] is not None and row["upper"] is not None for row in rows]
    if all(have):
        return "Dots with 95\u00a0% intervals."
    return "Dots with 95\u00a0% intervals where there are any." if any(have) else "Dots without intervals."


def _interval(lower: float | None, upper: float | None, measure: Measure) -> str:
    if lower is None or upper is None:
        return "none"
    return f"{measure.written(lower)} to {measure.written(upper)}"
