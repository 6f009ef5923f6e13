"""The lines of an SPC chart that carry words: limits, mean and standards, and where their labels stand.

| function | gives |
|---|---|
| `within_reach` | which standards are drawn, and which are so far off that they are only named |
| `end_labels`, `step_labels` | the words at the right of each line, and at the start of an earlier standard |
"""

import polars as pl

from openmeasures.charts import layout, theme
from openmeasures.definitions import Measure

LINES = {  # with their words; of equal lines, the first is labelled highest
    "upper_process_limit": "Upper limit",
    "mean": "Mean",
    "lower_process_limit": "Lower limit",
    "standard": "Standard",
    "milestone": "Milestone",
}
STANDARDS = ("standard", "milestone")  # the one that lasts, and one that ends beside it
REACH = ("value", "mean", "lower_process_limit", "upper_process_limit")  # what the chart is about
TOP_OF_AXIS = 1 / 8  # of the axis, where words above a line would leave it

Row = dict[str, str | float | list[str] | None]
Ends = tuple[float, float]


def within_reach(points: pl.DataFrame, measure: Measure) -> tuple[pl.DataFrame, str]:
    """Part the standard that lasts from a milestone beside it, blank what is out of reach, and say what that is.

    The reach is that of values and limits, and as much again on each side.
    """
    low, high = measure.natural_bounds
    figures = [float(figure) for column in REACH for figure in points[column].drop_nulls()]
    least, most = min(figures), max(figures)
    reach = max(most - least, ((high - low) if low is not None and high is not None else most) * theme.LEAST_SPAN)
    is_beside = pl.col("lasting_standard").is_not_null()
    points = points.with_columns(
        in_force="standard",
        standard=pl.coalesce("lasting_standard", "standard"),
        milestone=pl.when(is_beside).then("standard"),
    )
    words = ""
    for column in STANDARDS:
        above, below = pl.col(column) > most + reach, pl.col(column) < least - reach
        for side, where in ((above, "above"), (below, "below")):
            far = points.filter(side)[column].unique().sort()
            if not far.is_empty():
                named = " and ".join(theme.plainly(standard, measure) for standard in far)
                words += f" {LINES[column]} {named}: {where} the chart."
        points = points.with_columns(pl.when(~(above | below)).then(column).alias(column))
    return points, words


def _words(column: str, line: float, measure: Measure) -> list[str]:
    return [f"{LINES[column]} {(theme.plainly if column in STANDARDS else theme.measured)(line, measure)}"]


def end_labels(points: pl.DataFrame, measure: Measure, ends: Ends) -> list[Row]:
    """Return the words to the right of each line that reaches the last month, none of them touching."""
    last = points.row(-1, named=True)
    lines = {column: last[column] for column in LINES if last[column] is not None}
    places = layout.apart(list(lines.values()), ends=ends, height=theme.PLOT_HEIGHT)
    return [
        {
            "period_start": last["period_start"].isoformat(),
            "label": _words(column, line, measure),
            "line": round(line, theme.DECIMALS),
            "at": place,
            "ink": theme.STANDARD_TEXT if column in STANDARDS else theme.TEXT,
        }
        for (column, line), place in zip(lines.items(), places, strict=True)
    ]


def step_labels(points: pl.DataFrame, measure: Measure, ends: Ends) -> list[Row]:
    """Return the words at the start of each standard before the last, on the side where fewer values are."""
    return [row for column in STANDARDS for row in _steps_of(column, points, measure, ends)]


def _steps_of(column: str, points: pl.DataFrame, measure: Measure, ends: Ends) -> list[Row]:
    above, below = pl.col("value") > pl.col(column), pl.col("value") < pl.col(column)
    steps = points.group_by(pl.col(column).rle_id().alias("step"), maintain_order=True).agg(
        pl.col("period_start", column).first(), mostly_met=above.sum() > below.sum()
    )
    near_top = pl.col(column) > ends[1] - (ends[1] - ends[0]) * TOP_OF_AXIS
    earlier = steps.head(-1).drop_nulls(column)  # the last has its label at the end
    return [
        {
            "period_start": month.isoformat(),
            "label": _words(column, standard, measure),
            "line": standard,
            "baseline": "top" if hangs else "bottom",
        }
        for month, standard, hangs in earlier.select(
            "period_start", column, hangs=near_top | pl.col("mostly_met")
        ).iter_rows()
    ]
