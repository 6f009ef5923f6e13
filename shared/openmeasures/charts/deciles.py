"""One organisation over time among the others: its own line, and behind it the deciles of all of them.

| function | gives |
|---|---|
| `chart` | the chart; its description, which stands for it where it cannot be seen, is the finding |

Deciles are what organisations have, not limits of what one of them varies by, so they look nothing like an SPC chart's:
fine, without steps, and shaded between the outermost. Figures are drawn as they come; only room is worked out here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import altair as alt
import polars as pl

from openmeasures.charts import axes, labels, layout, lines, theme
from openmeasures.charts.layer import Layer
from openmeasures.definitions import Measure
from openmeasures.errors import ParameterError

MEDIAN = "decile_50"
LOWEST, HIGHEST = "decile_10", "decile_90"
DECILES = tuple(f"decile_{share}" for share in range(10, 100, 10))
WORDS = {HIGHEST: "Highest tenth", MEDIAN: "Median", LOWEST: "Lowest tenth"}
TOOLTIP = {"written:N": "Value", "median:N": "Median of all", "middle:N": "Middle 8 in 10"}
BREAK: Literal["break-paths-filter-domains"] = "break-paths-filter-domains"  # a gap stays a gap
POINT_AREA, POINT_SHARE = 30, 0.6  # a point's square pixels at most, and of the room of its month, its width at most


def chart(
    deciles: pl.DataFrame,
    series: pl.DataFrame,
    measure: Measure,
    *,
    org_name: str,
    title: str,
    finding: str,
    note: str = "",
    standard: float | None = None,
    width: int = theme.PAGE.width,
) -> alt.LayerChart:
    """Return one organisation's months before the deciles of all organisations.

    A month without a value, or without deciles, is a gap. An organisation without any value is said to have none. A
    standard so far off that it would flatten the lines is named in the subtitle instead.

    - `deciles`: one row a month: `period_start`, and `decile_10`, `decile_20` … `decile_90` in the measure's unit, null
      where there are none.
    - `series`: one row a month: `period_start` and `value`, null where there is none.
    - `measure`: gives the unit, and the range that can happen.
    - `org_name`: whose series it is.
    - `title`: stands above the chart.
    - `finding`: what the chart shows, in words; it becomes the description.
    - `note`: a sentence beneath the title.
    - `standard`: the standard in force in all these months, in the measure's unit; None where there is none.
    - `width`: of the whole image, in pixels.

    Raises `ParameterError` if no month has deciles, so that there is nothing to compare with.
    """
    months = deciles.select("period_start", *DECILES).join(
        series.select("period_start", "value"), on="period_start", how="full", coalesce=True
    )
    months = months.sort("period_start")
    if months[MEDIAN].is_null().all():
        plural = f"{months.height} {measure.period.plural}"
        raise ParameterError(
            f"chart {title!r}: found no deciles in {plural}, expected one {measure.period.noun} with deciles or more. "
            "Show the series alone."
        )
    figures = [float(figure) for column in ("value", *DECILES) for figure in months[column].drop_nulls()]
    standard, beyond = lines.standard_in_reach(standard, figures, measure)
    shown = [*figures, *([] if standard is None else [standard])]
    y_ends = layout.domain(shown, bounds=measure.natural_bounds, near=theme.NEAR_BOUND)
    said = [theme.vertical_axis(measure, y_ends[0]), beyond, "Dotted lines part the organisations into tenths."]
    if months["value"].is_null().all():
        said.append(f"{org_name} has no figure.")
    return alt.LayerChart(
        layer=_layers(months["period_start"].to_list(), y_ends, measure),
        title=alt.Title(
            layout.wrapped(title, width=width, size=theme.PAGE.title),
            subtitle=layout.wrapped(" ".join(filter(None, [*said, note])), width=width, size=theme.PAGE.text),
        ),
        description=finding,
        usermeta={"guide": "comparing"},
        width=width,
        height=theme.PLOT_HEIGHT,
        datasets={
            "points": _rows(months, measure),
            "ends": lines.end_rows(
                _ends(months, measure, name=labels.shortened(org_name), standard=standard),
                ends=y_ends,
                height=theme.PLOT_HEIGHT,
            ),
        },
    )


def _rows(months: pl.DataFrame, measure: Measure) -> list[dict[str, str]]:
    """Return what is drawn of each month, and the words of its tooltip."""
    middle = [
        None if lowest is None else f"{theme.measured(lowest, measure)} to {theme.measured(highest, measure)}"
        for lowest, highest in months.select(LOWEST, HIGHEST).iter_rows()
    ]
    return months.select(
        pl.col("period_start").dt.to_string("%Y-%m-%d"),
        pl.col("value", *DECILES).round(theme.DECIMALS),
        pl.Series("written", [measure.written(value) for value in months["value"]], dtype=pl.String),
        pl.Series("median", [measure.written(value) for value in months[MEDIAN]], dtype=pl.String),
        pl.Series("middle", middle, dtype=pl.String),
        month=pl.Series([measure.period.in_full(day) for day in months["period_start"]], dtype=pl.String),
    ).to_dicts()


def _ends(months: pl.DataFrame, measure: Measure, *, name: str, standard: float | None) -> list[lines.End]:
    """Return the lines that are labelled, with their words; of equal lines, the first is labelled highest."""
    last = months["period_start"][-1]
    ends = []
    for column in (HIGHEST, "value", MEDIAN, LOWEST):
        known = months.select("period_start", column).drop_nulls()
        if not known.is_empty():
            month, line = known.row(-1)
            place = {"period_start": month.isoformat()}
            if column == "value":
                until = "" if month == last else f" in {measure.period.label(month)}"
                words = f"{name} {theme.measured(line, measure)}{until}"
                ends.append(lines.End(line, words, place, theme.SUBJECT, is_subject=True))
            else:
                ends.append(lines.End(line, WORDS[column], place, theme.QUIET_TEXT))
    if standard is not None:
        words = f"{measure.standard_word} {theme.plainly(standard, measure)}"
        place = {"period_start": last.isoformat()}
        ends.append(lines.End(standard, words, place, theme.STANDARD_TEXT, theme.STANDARD))
    return ends


def _layers(starts: Sequence[date], y_ends: tuple[float, float], measure: Measure) -> list[Layer]:
    """Return the band, the deciles, the standard, the organisation's own line and the words, as they are painted."""
    points = alt.NamedData("points")
    band = Layer(points, name="band").mark_area(color=theme.BAND, invalid=BREAK)
    own = Layer(points, name="points").transform_filter("isValid(datum.value)")
    area = f"min({POINT_AREA}, pow({POINT_SHARE} * width / {len(starts)}, 2))"
    return [
        band.encode(
            axes.time(starts, measure.period), axes.values(LOWEST, y_ends, measure), alt.Y2(HIGHEST)
        ),  # axes for all layers
        *(_path(decile, theme.OTHERS_EDGE, width=1, dash=[1, 3]) for decile in DECILES if decile != MEDIAN),
        _path(MEDIAN, theme.OTHERS_EDGE, width=2.5),
        *lines.end_layers(axes.WHEN, with_subject=True),
        lines.across_layer(),
        _path("value", theme.SUBJECT, width=2),
        own.mark_point(fill=theme.SUBJECT, stroke=None, opacity=1, size={"expr": area}).encode(
            axes.WHEN, alt.Y("value:Q"), tooltip=theme.tooltip({"month:N": measure.period.heading} | TOOLTIP)
        ),
    ]


def _path(field: str, colour: str, *, width: float, dash: Sequence[int] = ()) -> Layer:
    path: Layer = (
        Layer(alt.NamedData("points"), name=field)
        .mark_line(color=colour, strokeWidth=width, strokeDash=list(dash), strokeJoin="round", invalid=BREAK)
        .encode(axes.WHEN, alt.Y(f"{field}:Q"))
    )
    return path
