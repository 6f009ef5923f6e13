"""The parts of one organisation's figure: a dot for each with its interval, beside the whole and the standard.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Parts stand in the order in which they come, each under its whole name. Figures are drawn as they come; only room is
worked out here.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from openmeasures.charts import layout, named_rows, theme
from openmeasures.charts.layer import Layer
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError

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
      in the measure's unit; `counted`, what they rest on, in words; `verdict`, `below` or `above` the whole by more
      than chance, or `chance`, or null without a judgement. Parts without a value are not drawn.
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
    rows = _rows(drawn, measure)
    lines = [at for at in (whole, standard) if at is not None]
    reach = [row[name] for row in rows for name in ("value", "lower", "upper") if row[name] is not None]
    ends = layout.domain([*reach, *lines], bounds=measure.natural_bounds)
    height = named_rows.height(rows)
    x = alt.X("value:Q").scale(domain=ends, nice=False, zero=False).title(None)
    y = named_rows.vertical(height)
    said = [f"{theme.axis_words(measure)}.", _dots(rows), _verdicts(drawn)]
    if standard is not None:
        said.append("The standard is set for all together.")
    named = alt.NamedData("parts")
    return alt.LayerChart(
        layer=[
            Layer(named, name="rows").mark_rule(color=theme.GRID, x=0, x2={"expr": "width"}).encode(y),
            *_line_layers(),
            Layer(named, name="intervals")
            .mark_rule(color=theme.EDGE, strokeWidth=1.5)
            .encode(alt.X("lower:Q"), alt.X2("upper:Q"), y),
            Layer(named, name="parts")
            .mark_point(size=70, opacity=1, stroke=theme.SUBJECT, strokeWidth=1.5)
            .encode(
                x.axis(labelExpr=theme.tick_words(measure), tickCount=6),
                y,
                alt.Fill("fill:N", scale=None),
                tooltip=theme.tooltip(TOOLTIP),
            ),
            *named_rows.layers("parts", y),
        ],
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(" ".join(filter(None, said)), width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "breakdowns"},
        width=width,
        height=height,
        datasets={"parts": rows, "lines": _lines(whole, standard, measure, ends)},
    )


def _rows(drawn: pl.DataFrame, measure: Measure) -> list[dict[str, Any]]:
    """Return what is drawn of each part, with its name in both sizes and the height at which its dot stands."""
    is_judged = drawn["verdict"].is_not_null().any()
    return [
        {
            "category": row["category"],
            **place,
            "value": round(row["value"], theme.DECIMALS),
            "lower": _rounded(row["value_lower"]),
            "upper": _rounded(row["value_upper"]),
            "written": measure.written(row["value"]),
            "interval": _interval(row["value_lower"], row["value_upper"], measure),
            "counted": row["counted"],
            "fill": theme.SUBJECT if row["verdict"] in ("below", "above") or not is_judged else theme.PAPER,
        }
        for row, place in zip(drawn.iter_rows(named=True), named_rows.places(drawn["category"].to_list()), strict=True)
    ]


def _lines(
    whole: float | None, standard: float | None, measure: Measure, ends: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return the lines across all parts with their words above them, which cross neither each other nor a line."""
    found = [
        (whole, measure.written, "All together", theme.MEAN, theme.TEXT),
        (standard, measure.written_as_set, measure.standard_word, theme.STANDARD, theme.STANDARD_TEXT),
    ]
    shown = [(at, f"{name} {written(at)}", colour, ink) for at, written, name, colour, ink in found if at is not None]
    if not shown:
        return []
    middle = sum(at for at, *_ in shown) / len(shown)
    align = "left" if middle < sum(ends) / 2 else "right"  # towards the inside, so that no word leaves the image
    outer_last: Sequence[Any] = sorted(shown, key=lambda line: line[0], reverse=align == "left")
    return [
        {
            "line": round(at, theme.DECIMALS),
            "label": label,
            "colour": colour,
            "ink": ink,
            "align": align,
            "top": -place * theme.LINE_HEIGHT - theme.LABEL_SPACE,
        }
        for place, (at, label, colour, ink) in enumerate(outer_last)
    ]


def _line_layers() -> list[Layer]:
    lines, x = alt.NamedData("lines"), alt.X("line:Q")
    return [
        Layer(lines, name="lines")
        .mark_rule(strokeWidth=1.5, y={"expr": "datum.top"}, y2={"expr": "height"})
        .encode(x, alt.Color("colour:N", scale=None)),
        Layer(lines, name="line labels")
        .mark_text(baseline="bottom", align={"expr": "datum.align"}, y={"expr": "datum.top"})
        .encode(x, alt.Text("label:N"), alt.Color("ink:N", scale=None)),
    ]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, theme.DECIMALS)


def _dots(rows: list[dict[str, Any]]) -> str:
    have = [row["lower"] is not None and row["upper"] is not None for row in rows]
    if all(have):
        return "Dots, each with its own 95\u00a0% interval."
    return "Dots, each with its own 95\u00a0% interval where there is one." if any(have) else "Dots without intervals."


def _verdicts(drawn: pl.DataFrame) -> str:
    """Say what a filled and a hollow dot mean, which is not what their intervals do: those allow for no other part."""
    missing = drawn["verdict"].null_count()
    if missing == drawn.height:
        return ""
    allowing = f", allowing for {drawn.height} comparisons" if drawn.height - missing > 1 else ""
    otherwise = ", or cannot be judged" if missing else ""
    return f"Filled: differs from all together by more than chance{allowing}. Hollow: may be chance alone{otherwise}."


def _interval(lower: float | None, upper: float | None, measure: Measure) -> str:
    if lower is None or upper is None:
        return "none"
    return f"{measure.written(lower)} to {measure.written(upper)}"
