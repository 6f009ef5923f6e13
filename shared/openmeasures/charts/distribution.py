"""One organisation among the others: a dot for each, their middle half, median and the standard; no ranks.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |
| `piled` | where each dot stands |

A dot stands within half its width of its value, on top of those that it would cover, so that a pile's height shows how
common a value is. Figures are drawn as they come; only room is worked out here.
"""

from collections.abc import Sequence

import altair as alt
import polars as pl

from openmeasures.charts import layout, theme
from openmeasures.charts.layer import Layer
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError, near_miss
from openmeasures.methods.peers import Spread
from openmeasures.organisations import ENGLAND

DOTS_ACROSS = (60, 90, 130)  # dots side by side along the axis: the fewest, and so the largest, whose piles fit
PLOT_SHARE = 0.95  # of the image's width; the rest is margin
SPARE_LEVELS = 3  # so that words do not sit on the highest dot
CENTRED = (0.32, 0.68)  # shares of the axis between which words are centred on their line; beyond, they lead inwards

# Of each line: its own colour, that of its words, and what the words stand on.
LOOKS = {
    "subject": (theme.SUBJECT, theme.SUBJECT, theme.PAPER),
    "standard": (theme.STANDARD, theme.STANDARD_TEXT, theme.PAPER),
    "band": (theme.BAND, theme.QUIET_TEXT, theme.PAPER),
    "median": (theme.MEAN, theme.TEXT, theme.BAND),
}

Row = dict[str, str | float | list[str] | None]


def chart(
    frame: pl.DataFrame,
    measure: Measure,
    *,
    org_code: str,
    title: str,
    finding: str,
    spread: Spread,
    standard: float | None = None,
    width: int = theme.PAGE.width,
) -> alt.LayerChart:
    """Return the distribution of organisations' figures, one of them named.

    England is not one organisation among others: as the subject it is a line, otherwise it is left out. Organisations
    without a figure are not drawn; a subject without one is said to have none.

    - `frame`: one row an organisation: `org_code`, `org_name`, `value` in the measure's unit, `denominator`.
    - `measure`: gives the unit, and the range that can happen.
    - `org_code`: the organisation that the chart is about.
    - `title`: stands above the chart.
    - `finding`: what the chart shows, in words; it becomes the description.
    - `spread`: the quartiles of the same organisations, from `methods.peers.spread`.
    - `standard`: the standard in force, in the measure's unit; None where there is none.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if no organisation has a figure, so that there is nothing to draw, or if `org_code` is not
    in `frame`.
    """
    others = frame.filter(pl.col("org_code") != ENGLAND, pl.col("value").is_not_null()).sort("value", "org_code")
    subject = frame.filter(pl.col("org_code") == org_code)
    if others.is_empty():
        raise ParameterError(
            f"chart {title!r}: found no figure among {frame.height} organisations, expected one or more. "
            "Say in words that there is none."
        )
    if subject.is_empty():
        raise ParameterError(
            f"chart {title!r}: organisation {org_code!r} is not among the {frame.height} given."
            f"{near_miss(org_code, frame['org_code'])}"
        )
    name, value = subject.select("org_name", "value").row(0)
    lower, median, upper = (
        theme.measured(quartile, measure) for quartile in (spread.lower_quartile, spread.median, spread.upper_quartile)
    )
    lines = {
        "subject": (value, f"{name} {theme.measured(value, measure)}"),
        "standard": (standard, f"{measure.standard_word} {theme.plainly(standard or 0, measure)}"),
        "band": (spread.median, f"Middle half {lower} to {upper}"),
        "median": (spread.median, f"Median {median}"),
    }
    drawn = {kind: (float(line), words) for kind, (line, words) in lines.items() if line is not None}
    values = others["value"].to_list()
    ends = layout.domain([*values, *(line for line, _ in drawn.values())], bounds=measure.natural_bounds)
    across, places = _fitting_piles(values, ends=ends, width=width * PLOT_SHARE)
    levels = max(level for _, level in places) + 1
    is_subject = pl.col("org_code") == org_code
    place = pl.when(is_subject).then("value").otherwise(pl.Series([middle for middle, _ in places]))  # its very value
    dots = others.select(
        "org_name",
        "denominator",
        pl.Series("written", [measure.written(each) for each in values]),
        pl.Series("level", [level for _, level in places]),
        place=place.round(theme.DECIMALS),
        is_subject=is_subject,
    ).to_dicts()
    labels = [
        _label(kind, words, line, row=row, ends=ends, width=width)
        for row, (kind, (line, words)) in enumerate(drawn.items())
    ]
    for dot in dots:
        if dot["is_subject"]:
            labels[0]["level"] = dot["level"]  # where its line ends
    note = f"Each dot is one of {spread.organisations:,} organisations."
    if value is None:
        note += f" {name} has no figure."
    return alt.LayerChart(
        layer=_layers(across, len(labels), levels, ends=ends, measure=measure),
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(note, width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "comparing"},
        width=width,
        height=len(labels) * theme.ROW_HEIGHT + min(theme.PAGE.piles, round((levels + SPARE_LEVELS) * width / across)),
        datasets={
            "dots": dots,
            "labels": labels,
            "band": [{"from": spread.lower_quartile, "to": spread.upper_quartile, "row": list(drawn).index("band")}],
        },
    )


def _label(kind: str, words: str, line: float, *, row: int, ends: tuple[float, float], width: int) -> Row:
    """Return one row of words above the dots, set so that it stays on the chart wherever its line is."""
    share = (line - ends[0]) / (ends[1] - ends[0])
    colour, ink, paper = LOOKS[kind]
    return {
        "kind": kind,
        "row": row,
        "line": round(line, theme.DECIMALS),
        "label": layout.wrapped(words, width=width * theme.LABEL_SHARES["labels"], size=theme.PAGE.text),
        "align": "left" if share < CENTRED[0] else "right" if share > CENTRED[1] else "center",
        "colour": colour,
        "ink": ink,
        "paper": paper,
    }


def _layers(across: int, rows: int, levels: int, *, ends: tuple[float, float], measure: Measure) -> list[Layer]:
    """Return the band, the lines, the dots and the words, in the order in which they are painted."""
    x = alt.X(  # for all layers
        "from:Q",
        scale=alt.Scale(domain=list(ends), nice=False, zero=False),
        axis=alt.Axis(
            title=theme.axis_words(measure),
            grid=False,
            labelFlush=False,
            labelExpr=theme.tick_words(measure),
            tickCount=alt.ExprRef("width / 90"),
        ),
    )
    dots, labels = alt.NamedData("dots"), alt.NamedData("labels")
    rise = f"min(width / {across}, (height - {rows * theme.ROW_HEIGHT}) / {levels})"  # from one dot to the next above
    middle = f"(height - (datum.level + 0.5) * {rise})"  # of a dot
    row = f"(datum.row + 0.5) * {theme.ROW_HEIGHT}"  # its middle
    area = f"pow(0.86 * width / {across}, 2)"  # of a dot: a little space to its neighbours
    tooltip = theme.tooltip({"org_name:N": "Organisation", "written:N": "Value", "denominator:Q": "Denominator"})

    def words(name: str) -> Layer:
        written: Layer = (
            Layer(labels, name=name)
            .mark_text(
                align={"expr": "datum.align"},
                baseline="middle",
                y={"expr": row},
                dy={"expr": f"(1 - length(datum.label)) * {theme.LINE_HEIGHT}"},  # further lines lead up
                fontWeight={"expr": "datum.kind == 'subject' ? 'bold' : 'normal'"},
                strokeWidth=4,
                strokeJoin="round",
            )
            .encode(alt.X("line:Q"), alt.Text("label:N"))
        )
        return written

    return [
        Layer(alt.NamedData("band"), name="band")
        .mark_rect(color=theme.BAND, y={"expr": f"(datum.row + 1) * {theme.ROW_HEIGHT}"}, y2={"expr": "height"})
        .encode(x, alt.X2("to:Q")),
        Layer(labels, name="lines")
        .transform_filter("datum.kind != 'band'")
        .mark_rule(strokeWidth=1.5)
        .encode(
            alt.X("line:Q"),
            alt.Color("colour:N", scale=None),
            y=alt.YValue(alt.ExprRef(f"{row} + 9")),  # type: ignore[no-untyped-call]
            y2=alt.Y2Value(alt.ExprRef(f"isValid(datum.level) ? {middle} : height")),  # type: ignore[no-untyped-call]
        ),
        Layer(dots, name="dots")
        .transform_filter("!datum.is_subject")
        .mark_point(fill=theme.OTHERS, stroke=theme.OTHERS_EDGE, opacity=1, size={"expr": area}, y={"expr": middle})
        .encode(alt.X("place:Q"), strokeWidth=alt.StrokeWidthValue(0.75), tooltip=tooltip),
        Layer(dots, name="subject")
        .transform_filter("datum.is_subject")
        .mark_point(fill=theme.SUBJECT, stroke=theme.PAPER, shape="diamond", opacity=1, y={"expr": middle})
        .encode(alt.X("place:Q"), size=alt.SizeValue(alt.ExprRef(f"max(150, 2 * {area})")), tooltip=tooltip),
        words("label halos").encode(alt.Stroke("paper:N", scale=None)),
        words("labels").encode(alt.Fill("ink:N", scale=None)),
    ]


def _fitting_piles(
    values: list[float], *, ends: tuple[float, float], width: float
) -> tuple[int, list[tuple[float, int]]]:
    """Return how many dots go side by side, and each dot's place; where no piles fit, the smallest dots."""
    for across in DOTS_ACROSS:
        places = piled(values, ends=ends, across=across)
        if (max(level for _, level in places) + 1) * width / across <= theme.PAGE.piles:
            break
    return across, places


def piled(values: Sequence[float], *, ends: tuple[float, float], across: int) -> list[tuple[float, int]]:
    """Return where each dot stands: the middle of its pile, and its level, 0 at the bottom.

    The axis is cut into `across` piles as wide as a dot, so a dot stands half its width from its value at most. A value
    between two piles belongs to the right one, the axis's end to the last.

    >>> piled([1.0, 1.2, 2.0, 4.0], ends=(0.0, 4.0), across=4)
    [(1.5, 0), (1.5, 1), (2.5, 0), (3.5, 0)]
    """
    start, end = ends
    heights = [0] * across
    places = []
    for value in values:
        pile = min(int((value - start) / (end - start) * across), across - 1)
        places.append((start + (pile + 0.5) * (end - start) / across, heights[pile]))
        heights[pile] += 1
    return places
