"""Organisations by size: a point for each, and a funnel of what chance alone allows; no ranks.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Figures are drawn as they come: limits and positions are those of `methods.funnel`. What is worked out here is room:
where axes end, which scale spreads the organisations, where lines leave the chart, where words stand.
"""

import math

import altair as alt
import polars as pl

from openmeasures.charts import axes, boxes, labels, layout, lines, theme
from openmeasures.charts.layer import Layer
from openmeasures.charts.layout import Row
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError, near_miss
from openmeasures.organisations import ENGLAND

# What is drawn of a position, and what the tooltip says of it.
POSITIONS = {
    "above_99_8": (theme.ABOVE_LIMITS, "Above the 99.8\u00a0% limit"),
    "above_95": (theme.WITHIN_LIMITS, "Between the upper 95\u00a0% and 99.8\u00a0% limits"),
    "within_95": (theme.WITHIN_LIMITS, "Within the 95\u00a0% limits"),
    "below_95": (theme.WITHIN_LIMITS, "Between the lower 95\u00a0% and 99.8\u00a0% limits"),
    "below_99_8": (theme.BELOW_LIMITS, "Below the 99.8\u00a0% limit"),
    None: (theme.NOT_POSITIONED, "Not set against limits"),
}
LIMITS = {  # with their words, which stay on one line
    "upper_99_8": "99.8\u00a0%\u00a0limit",
    "upper_95": "95\u00a0%\u00a0limit",
    "lower_95": "95\u00a0%\u00a0limit",
    "lower_99_8": "99.8\u00a0%\u00a0limit",
}
SCALE_WORDS = {"linear": "", "sqrt": " (square-root scale)", "log": " (logarithmic scale)"}
DASHES: dict[str, list[int]] = {"upper_99_8": [], "upper_95": [5, 4], "lower_95": [5, 4], "lower_99_8": []}
UPPER = ("upper_99_8", "upper_95")  # of equal lines, these are labelled above the others
LOWER = ("lower_95", "lower_99_8")
MOST_UNNAMED = 4  # that are named beneath the title
CURVE_ROWS = 200  # that a line needs to look smooth
TOOLTIP = {"org_name:N": "Organisation", "written:N": "Value", "denominator:Q": "Denominator", "position:N": "Position"}


def chart(
    points: pl.DataFrame,
    curve: pl.DataFrame,
    measure: Measure,
    *,
    org_code: str,
    title: str,
    finding: str,
    target: float,
    size_label: str,
    target_label: str = "Average",
    note: str = "",
    standard: float | None = None,
    width: int = theme.PAGE.width,
) -> alt.LayerChart:
    """Return the funnel of organisations' figures: one of them named, and of those beyond the limits as many as fit.

    England is not one organisation among others: as the subject it is the target line, otherwise it is left out.
    Organisations without a figure are not drawn; a subject without one is said to have none. The horizontal scale is
    the first of linear, square-root and logarithmic that spreads the organisations, and its title says so. Limits end
    where they leave the vertical axis, so that those of tiny organisations do not flatten all others. A standard that
    would do so is named in the subtitle instead.

    - `points`: one row an organisation: `org_code`, `org_name`, `denominator`, `value` in the measure's unit, and
      `position`: `above_99_8`, `above_95`, `within_95`, `below_95`, `below_99_8`, or null where there is none.
    - `curve`: one row a denominator, close enough for a smooth line: `denominator`, and in the measure's unit
      `lower_95`, `upper_95`, `lower_99_8`, `upper_99_8`, null where there is no limit.
    - `measure`: gives the unit, and the range that can happen.
    - `org_code`: the organisation that the chart is about.
    - `title`: stands above the chart.
    - `finding`: what the chart shows, in words; it becomes the description.
    - `target`: what limits are set around, in the measure's unit; `target_label` says in a word or two what that is,
      for England as well, whose own figure may rest on organisations that the chart does not show.
    - `size_label`: what denominators count, in few words, such as `Attendances in the month`.
    - `note`: a sentence beneath the title, such as how limits were set.
    - `standard`: the standard in force, in the measure's unit; None where there is none.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if no organisation has a figure, so that there is nothing to draw, or if `org_code` is not
    in `points`.
    """
    present = points.filter(pl.col("org_code") != ENGLAND, pl.col("value").is_not_null())
    subject = points.filter(pl.col("org_code") == org_code)
    if present.is_empty():
        raise ParameterError(
            f"chart {title!r}: found no figure among {points.height} organisations, expected one or more. "
            "Say in words that there is none."
        )
    if subject.is_empty():
        raise ParameterError(
            f"chart {title!r}: organisation {org_code!r} is not among the {points.height} given."
            f"{near_miss(org_code, points['org_code'])}"
        )
    name, value = subject.select("org_name", "value").row(0)
    is_england = org_code == ENGLAND and value is not None
    scale, x_ends = layout.size_axis(present["denominator"].to_list())
    sizes = pl.col("denominator").cast(pl.Float64).round(theme.DECIMALS)
    curve = _thinned(curve.with_columns(sizes).filter(pl.col("denominator").is_between(*x_ends)).sort("denominator"))
    figures = [*present["value"], target]
    standard, beyond = lines.standard_in_reach(standard, figures, measure)
    usual = curve.filter(pl.col("denominator") >= present["denominator"].median()).head(1)
    y_ends = _value_ends(figures, usual, measure, standard=standard)
    said = [theme.vertical_axis(measure, y_ends[0]), beyond, f"Each point is one of {present.height:,} organisations."]
    if value is None:
        said.append(f"{name} has no figure.")
    said.append(_unseen(curve, y_ends))
    target_words = f"{target_label} {theme.measured(target, measure)}"
    at_end = {"denominator": x_ends[1]}
    across = [
        lines.End(target, target_words, at_end, theme.SUBJECT, theme.SUBJECT, is_subject=True)
        if is_england
        else lines.End(target, target_words, at_end, theme.TEXT, theme.MEAN)
    ]
    if standard is not None:
        words = f"{measure.standard_word} {theme.plainly(standard, measure)}"
        across.append(lines.End(standard, words, at_end, theme.STANDARD_TEXT, theme.STANDARD))
    datasets = {
        "curve": layout.cut(curve, list(LIMITS), x="denominator", ends=y_ends),
        "ends": _ends(curve, across, y_ends),
        "organisations": _organisations(present, curve, measure, org_code=org_code),
    }
    plot = boxes.Plot(x_ends, y_ends, scale, labels.plot_width(width, datasets["ends"]), theme.FUNNEL_HEIGHT)
    named = labels.named(datasets, plot, theme.PAGE)
    said.append(_unnamed(datasets["organisations"], named))
    return alt.LayerChart(
        layer=_layers(plot, datasets["organisations"], measure, size_label=size_label),
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(" ".join(filter(None, [*said, note])), width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "funnels"},
        width=width,
        height=theme.FUNNEL_HEIGHT,
        datasets=datasets | {"names": named},
    )


def _thinned(curve: pl.DataFrame) -> pl.DataFrame:
    """Return as many rows as a smooth line needs, the last one among them."""
    return curve.reverse().gather_every(max(1, math.ceil(curve.height / CURVE_ROWS))).reverse()


def _value_ends(
    figures: list[float], usual: pl.DataFrame, measure: Measure, *, standard: float | None
) -> tuple[float, float]:
    """Return the ends of the vertical axis.

    It shows every figure, the standard, and the limits of an organisation of usual size; but these only as far from the
    figures as leaves half of the axis to the figures.
    """
    furthest = layout.reach(figures, bounds=measure.natural_bounds) / 2
    least, most = min(figures) - furthest, max(figures) + furthest
    limits = [min(max(limit, least), most) for column in LIMITS for limit in usual[column].drop_nulls()]
    shown = [*figures, *limits, *([] if standard is None else [standard])]
    return layout.domain(shown, bounds=measure.natural_bounds, near=theme.NEAR_BOUND)


def _unseen(curve: pl.DataFrame, y_ends: tuple[float, float]) -> str:
    """Name the limits that are nowhere on the chart, so that none is missed in silence."""
    said = []
    for side, where, limits in (("Upper", "above", UPPER), ("Lower", "below", LOWER)):
        known = {limit: curve[limit].drop_nulls() for limit in limits}
        unseen = [LIMITS[limit] for limit, line in known.items() if len(line) and not line.is_between(*y_ends).any()]
        said += [f"{side} {' and '.join(unseen)}: {where} the chart."] * bool(unseen)
    return " ".join(said)


def _unnamed(organisations: list[Row], named: list[Row]) -> str:
    """Name those beyond the limits for whose name there is no room beside their point; many are only counted."""
    places = {(row["denominator"], row["value"]) for row in named}
    beyond = [row for row in organisations[::-1] if row["sign"] in labels.BEYOND]
    left = [labels.shortened(row["org_name"]) for row in beyond if (row["denominator"], row["value"]) not in places]
    if not left:
        return ""
    who = f"{len(left)} more" if len(left) > MOST_UNNAMED else ", ".join(left)
    return f"Beyond the 99.8\u00a0% limits, with no room for a name: {who}."


def _ends(curve: pl.DataFrame, across: list[lines.End], y_ends: tuple[float, float]) -> list[Row]:
    """Return the words to the right of each line that is on the chart where it ends, and the room that they take."""
    limits = {}
    for limit, words in LIMITS.items():
        known = curve.select("denominator", limit).drop_nulls()
        if not known.is_empty():
            denominator, line = known.row(-1)
            limits[limit] = lines.End(line, words, {"denominator": denominator})
    upper = [limits[limit] for limit in UPPER if limit in limits]
    lower = [end for limit, end in limits.items() if limit not in UPPER]
    rows = lines.end_rows([*upper, *across, *lower], ends=y_ends, height=theme.FUNNEL_HEIGHT)
    return [{**row, "room": labels.end_room(row["label"], theme.PAGE)} for row in rows]


def _organisations(present: pl.DataFrame, curve: pl.DataFrame, measure: Measure, *, org_code: str) -> list[Row]:
    """Return what is drawn of each organisation, the first to be named last, so that it is painted over the others."""
    limits = curve.select("denominator", pl.col("upper_99_8", "lower_99_8").cast(pl.Float64))
    set_against = present.with_columns(pl.col("denominator").cast(pl.Float64).round(theme.DECIMALS)).sort("denominator")
    set_against = set_against.join_asof(limits, on="denominator", strategy="nearest")
    beyond = pl.max_horizontal(pl.col("value") - pl.col("upper_99_8"), pl.col("lower_99_8") - pl.col("value"))
    is_last = pl.col("org_code") == org_code
    rows = []
    for row in set_against.sort(is_last, beyond.fill_null(0), "org_code").iter_rows(named=True):
        sign, words = POSITIONS[row["position"]]
        is_subject = row["org_code"] == org_code
        rows.append(
            {
                "org_name": row["org_name"],
                "denominator": row["denominator"],
                "value": round(row["value"], theme.DECIMALS),
                "written": measure.written(row["value"]),
                "sign": f"{theme.SUBJECT_SIGN.words}: {words[0].lower()}{words[1:]}" if is_subject else sign.words,
                "position": words,
                **({"is_subject": True, "figure": theme.measured(row["value"], measure)} if is_subject else {}),
            }
        )
    return rows


def _layers(plot: boxes.Plot, organisations: list[Row], measure: Measure, *, size_label: str) -> list[Layer]:
    """Return the limits, the lines across, the points and the words, in the order in which they are painted."""
    x, y = alt.X("denominator:Q"), alt.Y("value:Q")
    drawn, ends = alt.NamedData("organisations"), alt.NamedData("ends")
    signs = {row["sign"] for row in organisations if "is_subject" not in row}
    shown = [sign for sign in theme.FUNNEL_SIGNS if sign.words in signs]
    of_subject = [theme.SUBJECT_SIGN._replace(words=row["sign"]) for row in organisations if "is_subject" in row]
    looks = theme.looks([*shown, *of_subject])
    tooltip = theme.tooltip(TOOLTIP)
    limits = [_limit(limit).encode(x, alt.Y(f"{limit}:Q")) for limit in LIMITS]
    return [
        limits[0].encode(  # these axes are for all layers
            _sizes(plot, size_label), axes.values(next(iter(LIMITS)), plot.y_ends, measure, room=theme.AXIS_ROOM)
        ),
        *limits[1:],
        lines.across_layer(),
        *lines.end_layers(x, with_subject=True),
        # As wide as words are taken to be, so that the plot is exactly as wide as the names' places need it to be.
        Layer(ends, name="room")
        .mark_rule(color=theme.PAPER, opacity=0, x={"expr": "width"}, x2={"expr": "width + datum.room"})
        .encode(alt.Y("at:Q")),
        Layer(alt.NamedData("names"), name="leaders")
        .transform_filter("isValid(datum.lead_x)")
        .mark_rule(color=theme.SUBJECT)
        .encode(
            x,
            y,
            x2=alt.X2Value(alt.ExprRef("scale('x', datum.denominator) + datum.lead_x")),  # type: ignore[no-untyped-call]
            y2=alt.Y2Value(alt.ExprRef("scale('y', datum.value) + datum.lead_y")),  # type: ignore[no-untyped-call]
        ),
        # The subject is the last row, and so painted over the others.
        Layer(drawn, name="points").mark_point(opacity=1, strokeWidth=1).encode(x, y, *looks, tooltip=tooltip),
        *(
            Layer(alt.NamedData("names"), name=name)
            .mark_text(
                align={"expr": "datum.align"},
                baseline="middle",
                dx={"expr": "datum.dx"},
                dy={"expr": "datum.dy"},
                fontWeight={"expr": "datum.is_subject ? 'bold' : 'normal'"},
                color={"expr": f"datum.is_subject ? '{theme.SUBJECT}' : '{theme.TEXT}'"},
                stroke=halo,
                strokeWidth=4,
                strokeJoin="round",
            )
            .encode(x, y, alt.Text("label:N"))
            for name, halo in (("name halos", theme.PAPER), ("names", "transparent"))
        ),
    ]


def _limit(limit: str) -> Layer:
    path: Layer = (
        Layer(alt.NamedData("curve"), name=limit)
        .transform_filter(f"isValid(datum.{limit})")
        .mark_line(color=theme.EDGE, strokeWidth=1.25, strokeDash=DASHES[limit], strokeJoin="round")
    )
    return path


def _sizes(plot: boxes.Plot, size_label: str) -> alt.X:
    return alt.X(
        "denominator:Q",
        scale=alt.Scale(type=plot.scale, domain=list(plot.x_ends), nice=False, zero=False),
        axis=alt.Axis(
            title=f"{size_label}{SCALE_WORDS[plot.scale]}",
            grid=False,
            format=",~f",
            labelFlush=False,
            labelOverlap=True if plot.scale == "linear" else "greedy",
            labelSeparation=12,
            values=layout.ticks(plot.x_ends, plot.scale),
        ),
    )
