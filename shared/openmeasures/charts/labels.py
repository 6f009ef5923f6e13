"""Names beside the points that they belong to, as many as there is room for: on the page, and anew on a phone.

| name | gives |
|---|---|
| `shortened` | an organisation's name without what it shares with most others |
| `end_room`, `plot_width` | how wide words to the right of the plot are, and what they leave for it |
| `named` | the names that fit, each with its place beside its point |

A name never covers a point, a line, another name or the plot's edge: it stands beside its point, or not at all. Only
the subject's is always there: it moves away until it is free of points, lines where it can, and a line leads back. All
is worked out in the order of the rows, so that equal rows get equal places.
"""

import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmeasures.charts import boxes, layout, theme
from openmeasures.charts.boxes import Box, Point
from openmeasures.charts.layout import Row

SHARED = re.compile(r"^The |,? NHS (Foundation )?Trust$| (Ltd|Limited)$", re.IGNORECASE)

AREAS = {sign.words: sign.area for sign in theme.FUNNEL_SIGNS}
BEYOND = {theme.ABOVE_LIMITS.words, theme.BELOW_LIMITS.words}

GAP = 3  # pixels that a name keeps from everything
CLEAR = 5  # pixels that a name that is not the subject's keeps from other points, so that it is nobody else's
STEP = 10  # pixels that the subject's name moves on, until it is free
LEADING = 24  # pixels between point and name from which a line joins them
CROSSING = 2  # pixels that the subject's name rather moves than cover one more piece of a line
LIMITS = ("upper_99_8", "upper_95", "lower_95", "lower_99_8")  # of the curve, from the top
SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))  # right, left, above, below, corners
ALIGN = {1: "left", 0: "center", -1: "right"}

Room = NDArray[np.float64]  # what is covered: one row a box


class Place(NamedTuple):
    """Where a name could stand, its point, and the nearest that it would come to that."""

    box: Box
    align: str
    point: Point
    nearest: Point

    @property
    def distance(self) -> float:
        """How far the name is from its point, in pixels."""
        return math.dist(self.point, self.nearest)


def shortened(org_name: str) -> str:
    """Return an organisation's name without what it shares with most others.

    >>> shortened("The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust")
    "Queen Elizabeth Hospital, King's Lynn"
    """
    return SHARED.sub("", org_name)


def end_room(label: Sequence[str], size: theme.Size) -> float:
    """Return how many pixels words at the right of a line need beside the plot."""
    return math.ceil(theme.END_GAP + boxes.width(label, size.text))


def plot_width(width: float, ends: Sequence[Row]) -> float:
    """Return how wide a funnel's plot is, the image being `width` pixels wide; `ends` hold the words at the right."""
    room: float = max(row["room"] for row in ends)
    return width - 2 * theme.PADDING - theme.AXIS_ROOM - room


def named(datasets: Mapping[str, list[Row]], plot: boxes.Plot, size: theme.Size) -> list[Row]:
    """Return the rows of the names that fit, the subject's first.

    - `datasets`: a funnel's: `organisations`, those last that are to be named first, `curve` and `ends`.
    - `plot`: where they are drawn.
    - `size`: gives the size of letters, the width of names, and how many there may be.
    """
    organisations = datasets["organisations"][::-1]
    points = [plot.at(row["denominator"], row["value"]) for row in organisations]
    dots = [
        boxes.around(point, math.sqrt(_area(row, size)) / 2 + GAP)
        for row, point in zip(organisations, points, strict=True)
    ]
    covered, lines = np.array(dots), np.array(_lines(datasets, plot)).reshape(-1, len(Box._fields))
    taken = lines
    names: list[Row] = []
    for index, row in enumerate(organisations):
        is_subject = "is_subject" in row
        if not is_subject and (row["sign"] not in BEYOND or len(names) == size.names):
            continue
        label = _label(row, size)
        places = list(_places(dots[index], label, plot, size, is_subject=is_subject))
        if is_subject:
            best: Place | None = _freest(places, covered, lines)
        else:
            best = _beside(places, dots[index], np.delete(covered, index, axis=0), taken)
        if best:
            names.append(_row(row, label, best))
            taken = np.concatenate([taken, [best.box, *_along(best)]])
    return names


def _freest(places: Sequence[Place], dots: Room, lines: Room) -> Place:
    """Return the place that covers the fewest points and is the nearest, lines and a leader over points avoided."""
    covered = boxes.overlaps([place.box for place in places], dots).sum(axis=1)
    least = [place for place, count in zip(places, covered, strict=True) if count == covered.min()]
    crossed = boxes.overlaps([place.box for place in least], lines).sum(axis=1) + 2 * _passes(least, dots).sum(axis=1)
    costs = [round(place.distance + CROSSING * int(count), 2) for place, count in zip(least, crossed, strict=True)]
    return least[costs.index(min(costs))]


def _beside(places: Sequence[Place], own: Box, others: Room, taken: Room) -> Place | None:
    """Return the nearest place that is free, and not so near another point that the name might be that one's."""
    found = [place.box for place in places]
    barred = [boxes.overlaps(found, [own]), boxes.overlaps(found, taken)]
    barred.append(boxes.overlaps([box.grown(CLEAR) for box in found], others))
    free = [place for place, covers in zip(places, np.concatenate(barred, axis=1), strict=True) if not covers.any()]
    return min(free, key=lambda place: round(place.distance, 2), default=None)


def _area(row: Row, size: theme.Size) -> float:
    """Return the square pixels of a point; the subject's is the same in every size."""
    return theme.SUBJECT_AREA if "is_subject" in row else AREAS[row["sign"]] * size.points


def _label(row: Row, size: theme.Size) -> list[str]:
    """Return the lines of a name: the subject's whole and with its value, others' cut where they are too long."""
    name = shortened(row["org_name"])
    if "is_subject" in row:
        return layout.wrapped(f"{name} {row['figure']}", width=size.name_width, size=size.text)
    letters = int(size.name_width / (size.text * theme.LETTER))
    cut = textwrap.wrap(name, letters, max_lines=size.name_lines, placeholder="…", break_on_hyphens=False)
    return layout.wrapped(" ".join(cut), width=size.name_width, size=size.text)


def _row(row: Row, label: list[str], place: Place) -> Row:
    """Return what is drawn of a name, in pixels from its point, so that it stays there whatever else moves."""
    (x, y), box = place.point, place.box
    anchor = {"left": box.left, "center": (box.left + box.right) / 2, "right": box.right}[place.align]
    leader = {"lead_x": round(place.nearest[0] - x, 1), "lead_y": round(place.nearest[1] - y, 1)}
    return {
        "denominator": row["denominator"],
        "value": row["value"],
        "label": label,
        "is_subject": "is_subject" in row,
        "align": place.align,
        "dx": round(anchor - x, 1),
        "dy": round(box.top + theme.LINE_HEIGHT / 2 - y, 1),  # the middle of the first line
        **(leader if place.distance >= LEADING else {}),
    }


def _places(dot: Box, label: list[str], plot: boxes.Plot, size: theme.Size, *, is_subject: bool) -> Iterator[Place]:
    """Yield where a name could stand around its point, pushed back where it would leave the plot."""
    wide, high = boxes.width(label, size.text), len(label) * theme.LINE_HEIGHT
    x, y = point = (dot.left + dot.right) / 2, (dot.top + dot.bottom) / 2
    reach = (dot.right - dot.left) / 2
    for away in range(0, int(plot.width) if is_subject else 1, STEP):
        for across, down in SIDES:
            left = x + across * (reach + away + wide / 2) - wide / 2
            top = y + down * (reach + away + high / 2) - high / 2
            left, top = max(min(left, plot.width - wide - GAP), GAP), max(min(top, plot.height - high), 0)
            box = Box(left, top, left + wide, top + high)
            nearest = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
            yield Place(box, ALIGN[across], point, nearest)


def _share(place: Place, share: float) -> Point:
    """Return the point that lies so far on the way to the name, from 0 to 1."""
    (x, y), (to_x, to_y) = place.point, place.nearest
    return x + (to_x - x) * share, y + (to_y - y) * share


def _along(place: Place) -> list[Box]:
    """Return what the way from the point to the name covers."""
    steps = int(place.distance / GAP) + 1
    return [boxes.around(_share(place, step / steps), GAP) for step in range(steps + 1)]


def _passes(places: Sequence[Place], dots: Room) -> NDArray[np.bool_]:
    """Return whether the way from its point to each place (rows) leads over each dot (columns)."""
    x, y, to_x, to_y = np.array([[*place.point, *place.nearest] for place in places]).T[..., np.newaxis]
    left, top, right, bottom = dots.T
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    along = (middle_x - x) * (to_x - x) + (middle_y - y) * (to_y - y)
    distance = np.array([[place.distance] for place in places])
    share = np.clip(along / np.maximum(distance, boxes.SLACK) ** 2, 0, 1)
    off_x, off_y = x + (to_x - x) * share - middle_x, y + (to_y - y) * share - middle_y
    passes: NDArray[np.bool_] = np.hypot(off_x, off_y) < (right - left) / 2
    return passes


def _lines(datasets: Mapping[str, list[Row]], plot: boxes.Plot) -> list[Box]:
    """Return the room of the chart's lines: in pieces, close enough that no name goes between them."""
    heights = [plot.at(plot.x_ends[1], row["line"])[1] for row in datasets["ends"] if "colour" in row]
    across = [(x, y) for y in heights for x in range(0, int(plot.width), STEP)]
    limits = [plot.at(row["denominator"], row[limit]) for row in datasets["curve"] for limit in LIMITS if limit in row]
    return [boxes.around(point, GAP) for point in across + limits]
