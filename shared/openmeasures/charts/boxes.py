"""What covers what: figures, points and words as boxes in pixels, for words that must not cover anything.

| name | gives |
|---|---|
| `Plot` | where a figure stands |
| `Box`, `around` | what something covers, such as a point |
| `overlaps` | which boxes have room in common with which others |
| `width` | how wide words are |

Pixels are counted from the left and from the top of the plot, as they are drawn.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmeasures.charts import layout

Point = tuple[float, float]

SLACK = 0.01  # pixels that two things may share, since floating point may differ between processors

# In em, rounded up to the wider of regular and bold: the advance widths of Liberation Sans. Other letters: the usual.
WIDTHS = {
    letter: width
    for width, letters in (
        (0.28, "iIjl \u00a0.,/"), (0.34, "ft'’-()"), (0.39, "r"), (0.56, "aceksvxyz0123456789"), (0.67, "EFJLPSTVXYZ"),
        (0.73, "ABCDHKNRU&"), (0.78, "GOQw"), (0.89, "mM%"), (0.95, "W"), (1.0, "…"),
    )
    for letter in letters
}  # fmt: skip
USUAL_WIDTH = 0.62


class Plot(NamedTuple):
    """The room between the axes: what they show, and its size in pixels."""

    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    scale: layout.Scale
    width: float
    height: float

    def at(self, x: float, y: float) -> Point:
        """Return the place of a figure.

        >>> Plot((0, 100), (50, 100), "sqrt", 400, 300).at(25, 50)
        (200.0, 300.0)
        """
        grown = {"linear": float, "sqrt": math.sqrt, "log": math.log}[self.scale]
        first, here, last = (grown(each) for each in (self.x_ends[0], x, self.x_ends[1]))
        low, high = self.y_ends
        return (here - first) / (last - first) * self.width, (high - y) / (high - low) * self.height


class Box(NamedTuple):
    """What something covers, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> "Box":
        """Return the room with so many pixels more on each side."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)


def around(point: Point, reach: float) -> Box:
    """Return the box with a point in its middle that reaches so many pixels to each side."""
    x, y = point
    return Box(x - reach, y - reach, x + reach, y + reach)


def overlaps(boxes: Sequence[Box], others: Sequence[Box] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes (rows) have room in common with which of the others (columns), touching ones having none.

    Others that are asked for often are better given as an array, one row a box.

    >>> overlaps([Box(0, 0, 10, 10)], [Box(9, 9, 20, 20), Box(10, 0, 20, 10)])
    array([[ True, False]])
    """
    left, top, right, bottom = _edges(boxes)[..., np.newaxis]
    other_left, other_top, other_right, other_bottom = _edges(others)
    across = (left + SLACK < other_right) & (other_left < right - SLACK)
    down = (top + SLACK < other_bottom) & (other_top < bottom - SLACK)
    return np.asarray(across & down)


def _edges(boxes: Sequence[Box] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one row an edge, of boxes of which there may be none."""
    return np.asarray(boxes, dtype=np.float64).reshape(-1, len(Box._fields)).T


def width(lines: Sequence[str], size: float) -> float:
    """Return how many pixels wide the widest line is, at a font size in pixels; bold words fit as well.

    >>> round(width(["Mid", "Cheshire"], 10), 1)
    43.2
    """
    return max(sum(WIDTHS.get(letter, USUAL_WIDTH) for letter in line) for line in lines) * size
