"""The SPC chart of one organisation: its months, mean, process limits and standard, each labelled where it is drawn.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Figures are drawn as they come. What is worked out here is room: where the axis ends and where labels stand.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import altair as alt
import polars as pl

from openmeasures.charts import axes, joining, layout, lines, steps, theme
from openmeasures.charts.layer import Layer
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError
from openmeasures.methods.spc import SpecialCause, Variation
from openmeasures.schemas import Status

VARIATION_SIGNS = {
    Variation.COMMON_CAUSE: theme.COMMON_CAUSE,
    Variation.IMPROVEMENT_HIGH: theme.IMPROVEMENT,
    Variation.IMPROVEMENT_LOW: theme.IMPROVEMENT,
    Variation.CONCERN_HIGH: theme.CONCERN,
    Variation.CONCERN_LOW: theme.CONCERN,
    Variation.NEUTRAL_HIGH: theme.NEUTRAL,
    Variation.NEUTRAL_LOW: theme.NEUTRAL,
}
MISSING_SIGNS = {
    Status.REPORTED: theme.NOTHING_TO_COUNT,  # published, with nothing in the denominator
    Status.SUPPRESSED: theme.SUPPRESSED,
    Status.NOT_SUBMITTED: theme.NOT_SUBMITTED,
    Status.NOT_APPLICABLE: theme.NOT_APPLICABLE,
}
CAUSES = {
    SpecialCause.NONE: "none",
    SpecialCause.ASTRONOMICAL_POINT: "beyond a process limit",
    SpecialCause.SHIFT: "in a run on one side of the mean",
    SpecialCause.TREND: "in a run that rises, or falls, each {period}",
    SpecialCause.TWO_IN_THREE: "two of three {period}s near a process limit",
}
JUDGEMENT = {
    "sign:N": "Variation",
    "cause:N": "Signal",
    "standard_written:N": "Standard",
}
SEGMENT = alt.Detail("segment:Q")  # no line of limits joins one segment to the next
INTERVAL = ("value_lower", "value_upper")
ROOM_FOR_MISSING = 0.08  # of the axis, so that no value touches the marks at its base


def chart(
    points: pl.DataFrame,
    measure: Measure,
    *,
    title: str,
    finding: str,
    note: str = "",
    with_intervals: bool = False,
    reference: tuple[float, str] | None = None,
    joined: Mapping[date, str] | None = None,
    beside: pl.DataFrame | None = None,
    width: int = theme.PAGE.width,
) -> alt.LayerChart:
    """Return the SPC chart of one organisation.

    A month without a value breaks the line and gets a mark at the base that says why there is none; one of which there
    is no file (`gaps.filled`) has no `status`, and no mark. Where mean and limits are null, as with too few months,
    they are not drawn. A standard is a step over the months in which it is in force; one so far off that it would
    flatten the series is named in the subtitle instead.

    - `points`: one row a month, those without a value included: `period_start`, `value`, `status`, `numerator`,
      `denominator`, `segment` (limits start anew with each), and the columns that `methods.spc.xmr` and
      `standards.join` add; all figures in the measure's unit.
    - `measure`: gives the unit, and the range that can happen.
    - `title`: stands above the chart.
    - `finding`: what the chart shows, in words; it becomes the description.
    - `note`: a sentence beneath the title, such as the rules by which points are marked.
    - `with_intervals`: whether each value has its interval, from `value_lower` to `value_upper`, as where there are no
      limits to set it against.
    - `reference`: a value that is the same for all months, and a word or two for it, drawn as a line.
    - `joined`: the first days of periods in which another organisation joined, each marked by a line with its word.
    - `beside`: the figures of others, `org_name, period_start, value`, drawn as thin broken lines.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if no month has a value, so that there is nothing to draw.
    """
    if points["value"].null_count() == points.height:
        raise ParameterError(
            f"chart {title!r}: found {points.height} {measure.period.plural} without a value, expected one with a "
            "value or more. Say in words that there is no figure."
        )
    points, beyond = lines.within_reach(points.sort("period_start"), measure)
    shown = ("value", *lines.LINES, *(INTERVAL if with_intervals else ()))
    drawn = [float(figure) for column in shown for figure in points[column].drop_nulls()]
    drawn += reference[:1] if reference else ()
    drawn += [] if beside is None else beside["value"].drop_nulls().to_list()
    room_below = ROOM_FOR_MISSING if points.filter(pl.col("status").is_not_null())["value"].has_nulls() else 0
    ends = layout.domain(drawn, bounds=measure.natural_bounds, room_below=room_below)
    rows = _rows(points, measure, with_intervals=with_intervals)
    end_labels = lines.end_labels(points, measure, ends)
    if reference:
        at_end = {"period_start": points["period_start"][-1].isoformat()}
        end = lines.End(*reference, at_end, colour=theme.MEAN)
        end_labels += lines.end_rows([end], ends=ends, height=theme.PLOT_HEIGHT)
    subtitle = " ".join(part for part in (f"{theme.vertical_axis(measure, ends[0])}{beyond}", note) if part)
    return alt.LayerChart(
        layer=[
            _path("mean", theme.MEAN).encode(
                axes.time(points["period_start"].to_list(), measure.period), axes.values("mean", ends, measure), SEGMENT
            ),  # for all layers
            _path("upper limit", theme.EDGE, dash=[5, 4]).encode(axes.WHEN, alt.Y("upper_process_limit:Q"), SEGMENT),
            _path("lower limit", theme.EDGE, dash=[5, 4]).encode(axes.WHEN, alt.Y("lower_process_limit:Q"), SEGMENT),
            _path("standard", theme.STANDARD).encode(axes.WHEN, alt.Y("standard:Q")),
            _path("milestone", theme.STANDARD, dash=[2, 3]).encode(axes.WHEN, alt.Y("milestone:Q")),
            *([lines.across_layer()] if reference else []),
            *([_intervals()] if with_intervals else []),
            *joining.layers(joined, beside, measure.period),
            _path("values", theme.COMMON_CAUSE.fill, interpolate="linear").encode(axes.WHEN, alt.Y("value:Q")),
            *_label_layers(),
            *_sign_layers({row["sign"] for row in rows}, measure),
        ],
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(subtitle, width=width, size=theme.PAGE.text),
        ),
        description=finding,
        width=width,
        height=theme.PLOT_HEIGHT,
        datasets={
            "points": rows,
            "ends": end_labels,
            "steps": steps.labels(points, measure, ends),
            **joining.rows(points, joined, beside, measure.period),
        },
    )


def _rows(points: pl.DataFrame, measure: Measure, *, with_intervals: bool) -> list[dict[str, str]]:
    """Return what is drawn of each month, and the words of its tooltip."""
    signs = {variation: sign.words for variation, sign in VARIATION_SIGNS.items()}
    causes = {cause: words.format(period=measure.period.noun) for cause, words in CAUSES.items()}
    reasons = {status: sign.words for status, sign in MISSING_SIGNS.items()}
    without_limits = theme.WITH_INTERVAL if with_intervals else theme.no_limits(measure.period.plural)
    sign_of_value = pl.col("variation").cast(pl.String).replace_strict(signs, default=without_limits.words)
    reason = pl.col("status").cast(pl.String).replace_strict(reasons, default=None)
    standards = [
        "none in force" if value is None else f"{theme.plainly(value, measure)} ({name})"
        for value, name in points.select("in_force", "standard_name").iter_rows()
    ]
    return points.select(
        pl.col("period_start").dt.to_string("%Y-%m-%d"),
        pl.col("value", *lines.LINES, *(INTERVAL if with_intervals else ())).round(theme.DECIMALS),
        "numerator",
        "denominator",
        pl.Series(
            "written", [measure.written_on(*each) for each in points.select("value", "period_start").iter_rows()]
        ),
        pl.Series("standard_written", standards),
        "segment",
        month=pl.Series([measure.period.in_full(day) for day in points["period_start"]], dtype=pl.String),
        sign=pl.when(pl.col("value").is_null()).then(reason).otherwise(sign_of_value),
        cause=pl.col("special_cause").cast(pl.String).replace_strict(causes, default=causes[SpecialCause.NONE]),
    ).to_dicts()


def _path(
    name: str, colour: str, *, dash: list[int] | None = None, interpolate: Literal["linear", "step"] = "step"
) -> Layer:
    path: Layer = Layer(alt.NamedData("points"), name=name).mark_line(
        color=colour,
        strokeWidth=1.75,
        strokeDash=dash or [],
        strokeJoin="round",
        interpolate=interpolate,
        invalid="break-paths-filter-domains",  # a gap stays a gap
    )
    return path


def _intervals() -> Layer:
    lower, upper = INTERVAL
    layer: Layer = (
        Layer(alt.NamedData("points"), name="intervals")
        .transform_filter(f"isValid(datum.{lower}) && isValid(datum.{upper})")
        .mark_rule(color=theme.OTHERS_EDGE, strokeWidth=1.25)
        .encode(axes.WHEN, alt.Y(f"{lower}:Q"), alt.Y2(upper))
    )
    return layer


def _label_layers() -> list[Layer]:
    """Return the labels at the right, tied to their lines, and those of earlier standards, clear of what they cross."""
    earlier = alt.NamedData("steps")
    return [
        *lines.end_layers(axes.WHEN),
        *(
            Layer(earlier, name=name)
            .mark_text(
                align="left",
                baseline={"expr": "datum.baseline"},
                dx=2,
                dy={"expr": f"datum.baseline == 'top' ? 5 : -5 - {lines.TALLER}"},
                color=theme.STANDARD_TEXT,
                stroke=halo,
                strokeWidth=4,
                strokeJoin="round",
            )
            .encode(axes.WHEN, alt.Y("line:Q"), alt.Text("label:N"))
            for name, halo in (("step label halos", theme.PAPER), ("step labels", "transparent"))
        ),
    ]


def _sign_layers(signs: set[str], measure: Measure) -> list[Layer]:
    """Return the points, and at the base the marks of months without one; the legend says only what occurs."""
    period = measure.period
    possible = [theme.no_limits(period.plural) if sign is theme.NO_LIMITS else sign for sign in theme.SIGNS]
    shown = [sign for sign in possible if sign.words in signs]
    words = [sign.words for sign in shown]
    looks = [
        alt.Fill("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.fill for sign in shown])),
        alt.Stroke("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.edge for sign in shown])),
        alt.Shape("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.shape for sign in shown])),
        # The last area stands twice, since Vega-Lite loses a range of one.
        alt.Size("sign:O", scale=alt.Scale(domain=words, range=[*(sign.area for sign in shown), shown[-1].area])),
    ]
    when = {"month:N": period.heading}
    counted = {"numerator:Q": measure.numerator.heading, "denominator:Q": measure.denominator.heading}
    told = theme.tooltip(when | {"written:N": "Value"} | counted | JUDGEMENT)
    points = Layer(alt.NamedData("points"), name="points").transform_filter("isValid(datum.value)")
    layers = [points.mark_point(opacity=1, strokeWidth=1).encode(axes.WHEN, alt.Y("value:Q"), *looks, tooltip=told)]
    if signs & {sign.words for sign in MISSING_SIGNS.values()}:
        missing = Layer(alt.NamedData("points"), name="missing").transform_filter(
            "!isValid(datum.value) && isValid(datum.sign)"
        )
        marks = missing.mark_point(opacity=1, strokeWidth=1.25, y={"expr": "height - 8"})
        layers.append(marks.encode(axes.WHEN, *looks, tooltip=theme.tooltip(when | {"sign:N": "Value"})))
    return layers
