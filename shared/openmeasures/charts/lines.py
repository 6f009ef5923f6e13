"""Lines that carry words: the limits, mean and standards of an SPC chart, and labels at the end of any chart's lines.

| function | gives |
|---|---|
| `within_reach`, `standard_in_reach` | which standards are drawn, and which are so far off that they are only named |
| `end_labels` | the words at the right of each line; those of earlier standards are in `steps` |
| `End`, `end_rows`, `end_layers` | the words at the right of any lines, and the layers that draw them |
| `across_layer` | the layer of lines across a whole chart |
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import altair as alt
import polars as pl

from openmeasures.charts import layout, theme
from openmeasures.charts.layer import Layer
from openmeasures.charts.layout import Row
from openmeasures.definitions import Measure

LINES = {  # with their words; of equal lines, the first is labelled highest
    "upper_process_limit": "Upper limit",
    "mean": "Mean",
    "lower_process_limit": "Lower limit",
    "standard": "Standard",
    "milestone": "Milestone",
}
STANDARDS = ("standard", "milestone")  # the one that holds for every month, and one that is met or missed at its end
REACH = ("value", "mean", "lower_process_limit", "upper_process_limit")  # what the chart is about
TALLER = f"(length(datum.label) - 1) * {theme.LINE_HEIGHT}"  # what lines of words after the first add to the height

Ends = tuple[float, float]


def within_reach(points: pl.DataFrame, measure: Measure) -> tuple[pl.DataFrame, str]:
    """Part the standard that lasts from milestones, blank what is out of reach, and say what that is.

    A milestone is one also where no standard that lasts stands beside it. The reach is that of values and limits, and
    as much again on each side.
    """
    figures = [float(figure) for column in REACH for figure in points[column].drop_nulls()]
    least, most = min(figures), max(figures)
    reach = layout.reach(figures, bounds=measure.natural_bounds)
    points = points.with_columns(
        in_force="standard",
        standard=pl.coalesce("lasting_standard", pl.when(~pl.col("is_milestone")).then("standard")),
        milestone=pl.when("is_milestone").then("standard"),
    )
    words = ""
    for column in STANDARDS:
        above, below = pl.col(column) > most + reach, pl.col(column) < least - reach
        for side, where in ((above, "above"), (below, "below")):
            far = points.filter(side)[column].unique().sort()
            if not far.is_empty():
                named = " and ".join(theme.plainly(standard, measure) for standard in far)
                words += f" {_named(column, measure)} {named}: {where} the chart."
        points = points.with_columns(pl.when(~(above | below)).then(column).alias(column))
    return points, words


def worded(column: str, line: float, measure: Measure) -> list[str]:
    """Return what is said of a line of the data set `points`."""
    written = (theme.plainly if column in STANDARDS else theme.measured)(line, measure)
    return [f"{_named(column, measure)} {written}"]


def _named(column: str, measure: Measure) -> str:
    return measure.standard_word if column == "standard" else LINES[column]


def end_labels(points: pl.DataFrame, measure: Measure, ends: Ends) -> list[Row]:
    """Return the words to the right of each line that reaches the last month, none of them touching."""
    last = points.row(-1, named=True)
    lines = {column: last[column] for column in LINES if last[column] is not None}
    places = layout.apart(list(lines.values()), ends=ends, height=theme.PLOT_HEIGHT)
    return [
        {
            "period_start": last["period_start"].isoformat(),
            "label": worded(column, line, measure),
            "line": round(line, theme.DECIMALS),
            "at": place,
            "ink": theme.STANDARD_TEXT if column in STANDARDS else theme.TEXT,
        }
        for (column, line), place in zip(lines.items(), places, strict=True)
    ]


def standard_in_reach(standard: float | None, figures: Sequence[float], measure: Measure) -> tuple[float | None, str]:
    """Return a standard if it is drawn, or else None and a sentence that names it; the reach is that of `figures`."""
    reach = layout.reach(figures, bounds=measure.natural_bounds)
    if standard is None or min(figures) - reach <= standard <= max(figures) + reach:
        return standard, ""
    where = "above" if standard > max(figures) else "below"
    return None, f"{_named('standard', measure)} {theme.plainly(standard, measure)}: {where} the chart."


class End(NamedTuple):
    """The end of a line, and what is said there."""

    line: float  # its height, in the axis's unit
    words: str
    place: Mapping[str, str | float]  # the field of the horizontal axis, and where on it the line ends
    ink: str = theme.TEXT
    colour: str = ""  # of a line across the whole chart
    is_subject: bool = False


def end_rows(found: Sequence[End], *, ends: Ends, height: int) -> list[Row]:
    """Return the words to the right of each line that ends on the chart, the first highest where lines are equal."""
    shown = [end for end in found if ends[0] <= round(end.line, theme.DECIMALS) <= ends[1]]
    room = theme.PAGE.width * theme.LABEL_SHARES["ends"]
    written = [layout.wrapped(end.words, width=room, size=theme.PAGE.text) for end in shown]
    places = layout.apart(
        [end.line for end in shown], ends=ends, height=height, lines=[len(label) for label in written]
    )
    return [
        {
            **end.place,
            "label": label,
            "line": round(end.line, theme.DECIMALS),
            "at": place,
            "ink": end.ink,
            **({"colour": end.colour} if end.colour else {}),
            **({"is_subject": True} if end.is_subject else {}),
        }
        for end, label, place in zip(shown, written, places, strict=True)
    ]


def end_layers(x: alt.X, *, with_subject: bool = False) -> list[Layer]:
    """Return the layers of the words to the right of lines, from the data set `ends`, each tied to its line.

    - `x`: where the lines end.
    - `with_subject`: whether the words of the chart's subject are among them; they are bold.
    """
    ends = alt.NamedData("ends")
    # Not `alt.value`, from which Altair finds the class of the channel by looking at all that it has: 5 ms.
    beside = alt.X2Value(alt.ExprRef("width + 8"))  # type: ignore[no-untyped-call]
    weight = alt.ExprRef("datum.is_subject ? 'bold' : 'normal'") if with_subject else alt.Undefined
    return [
        Layer(ends, name="ties")
        .mark_rule(color=theme.COMMON_CAUSE.fill)
        .encode(x, alt.Y("line:Q"), alt.Y2("at:Q"), beside),
        Layer(ends, name="end labels")
        .mark_text(
            align="left",
            baseline="middle",
            x={"expr": f"width + {theme.END_GAP}"},
            dy={"expr": f"-{TALLER} / 2"},
            fontWeight=weight,
        )
        .encode(alt.Y("at:Q"), alt.Text("label:N"), alt.Color("ink:N", scale=None)),
    ]


def across_layer() -> Layer:
    """Return the layer of the lines across the whole chart: those of the data set `ends` that have a colour."""
    layer: Layer = (
        Layer(alt.NamedData("ends"), name="lines across")
        .transform_filter("isValid(datum.colour)")
        .mark_rule(strokeWidth=1.75, x=0, x2={"expr": "width"})
        .encode(alt.Y("line:Q"), alt.Color("colour:N", scale=None))
    )
    return layer
