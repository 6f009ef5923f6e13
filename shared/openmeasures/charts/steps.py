"""Words on a standard that was replaced, at the place on its line where they cover the least.

| function | gives |
|---|---|
| `labels` | the words of each standard before the last |

What they would cover is worked out for the page; on a phone, whose months are closer, they keep their place.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from openmeasures.charts import boxes, lines, theme
from openmeasures.charts.layout import Row
from openmeasures.definitions import Measure

TOP_OF_AXIS = 1 / 8  # of the axis, where words above a line would leave it
PLOT_SHARE = 0.78  # of the image's width; axis and words at the right have the rest
NEAR, FAR = 2, 22  # pixels from the line between which its words stand, edges of points included
Heights = Sequence[float | None]  # of a line, month by month
ACROSS = ("mean", "lower_process_limit", "upper_process_limit", *lines.STANDARDS)


def labels(points: pl.DataFrame, measure: Measure, ends: lines.Ends) -> list[Row]:
    """Return the words of each standard before the last: along its line where they cover the fewest points and lines.

    Of equal places the first month is taken, and of both sides the one where fewer values are. Near the top of the axis
    words hang below their line, where there is room. `points` are those of `lines.within_reach`, in order of time.
    """
    return [row for column in lines.STANDARDS for row in _of(column, points, measure, ends)]


def _of(column: str, points: pl.DataFrame, measure: Measure, ends: lines.Ends) -> list[Row]:
    above, below = pl.col("value") > pl.col(column), pl.col("value") < pl.col(column)
    steps = (
        points.with_row_index("place")
        .group_by(pl.col(column).rle_id().alias("step"), maintain_order=True)
        .agg(pl.col("place"), pl.col(column).first(), is_mostly_met=above.sum() > below.sum())
    )
    rows: list[Row] = []
    drawn = {name: points[name].to_list() for name in ("value", *ACROSS) if name != column}
    for step in steps.head(-1).drop_nulls(column).iter_rows(named=True):  # the last has its label at the end
        words, line = lines.worded(column, step[column], measure), step[column]
        is_near_top = line > ends[1] - (ends[1] - ends[0]) * TOP_OF_AXIS
        sides = ["top"] if is_near_top else ["top", "bottom"] if step["is_mostly_met"] else ["bottom", "top"]
        long = boxes.width(words, theme.PAGE.text) / (theme.PAGE.width * PLOT_SHARE / points.height)  # in months
        places = [(place, side) for place in step["place"] for side in sides if place + long <= points.height - 1]
        first, hangs = min(
            places or [(step["place"][0], sides[0])],
            key=lambda at: _covered(drawn, line, months=(at[0], at[0] + long), hangs=at[1], ends=ends),
        )
        rows.append(
            {
                "period_start": points["period_start"][first].isoformat(),
                "label": words,
                "line": line,
                "baseline": hangs,
            }
        )
    return rows


def _covered(
    drawn: Mapping[str, Heights], line: float, *, months: tuple[float, float], hangs: str, ends: lines.Ends
) -> int:
    """Return how many points, pieces of the series and lines there are in the room of words on a line."""
    unit = (ends[1] - ends[0]) / theme.PLOT_HEIGHT
    near, far = (line - FAR * unit, line - NEAR * unit) if hangs == "top" else (line + NEAR * unit, line + FAR * unit)
    first, last = max(int(months[0]) - 1, 0), int(months[1]) + 2
    covered = _pieces(drawn["value"][first:last], near, far)
    for name, heights in drawn.items():
        if name != "value":
            covered += sum(near <= height <= far for height in {*heights[first:last]} if height is not None)
    return covered


def _pieces(values: Heights, near: float, far: float) -> int:
    """Return how many lines between neighbouring values, and single values, touch the band between two heights."""
    pieces = [(one, other) for one, other in pairwise(values) if one is not None and other is not None]
    return sum(max(piece) >= near and min(piece) <= far for piece in pieces) + sum(
        near <= value <= far for value in values if value is not None
    )
