"""Where words and axes go: the room that they need, in every chart alike.

| function | gives |
|---|---|
| `month_step` | how far apart the labels of months are |
| `wrapped`, `apart` | words on lines that fit, labels that do not touch |
| `domain` | where an axis begins and ends |
"""

import math
import textwrap
from collections.abc import Sequence

from openmeasures.charts import theme


def month_step(months: int, size: theme.Size) -> int:
    """Return how many months apart the labels of an axis of so many months are."""
    return next((step for step in theme.MONTH_STEPS if months <= step * size.months), theme.MONTH_STEPS[-1])


def wrapped(words: str, *, width: float, size: int) -> list[str]:
    """Return the words on as few lines of `width` pixels as can be, all about as long; no-break spaces hold."""
    most = max(1, int(width / (size * theme.LETTER)))

    def lines(letters: int) -> list[str]:
        return textwrap.wrap(words, letters, break_long_words=False, break_on_hyphens=False)

    fewest = len(lines(most))
    return lines(next(letters for letters in range(1, most + 1) if len(lines(letters)) == fewest))


def apart(values: Sequence[float], *, ends: tuple[float, float], height: float, lines: int = 1) -> list[float]:
    """Return where labels of so many `lines` stand: each as near its value as can be, none touching, all on the axis.

    All in the axis's unit, but the axis's `height` in pixels. Of equal values the first stands highest.

    >>> apart([50, 51, 90], ends=(0, 100), height=190)
    [45.5, 55.5, 90.0]
    """
    low, high = ends
    room = (high - low) / height * (lines * theme.LINE_HEIGHT + theme.LABEL_SPACE)
    order = sorted(range(len(values)), key=lambda index: -values[index])
    blocks: list[list[float]] = []  # labels that touch, as [sum, count]: pooled, they share their middle
    for place, index in enumerate(order):
        blocks.append([values[index] + place * room, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] < blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    middles = [total / count for total, count in blocks for _ in range(int(count))]
    lowest = low + (len(values) - 1) * room
    placed = {index: min(max(middles[place], lowest), high) - place * room for place, index in enumerate(order)}
    return [round(placed[index], 6) for index in range(len(values))]


def domain(
    values: Sequence[float], *, bounds: tuple[float | None, float | None], room_below: float = 0.0
) -> tuple[float, float]:
    """Return round ends for an axis that shows `values`, never beyond the `bounds` of what can happen.

    It starts at the lower bound only where the values come near it. However little the values differ, it spans at
    least `LEAST_SPAN` of the possible range, so that noise is not drawn as a mountain. `room_below` is a share of the
    span, for marks at the base.

    >>> domain([71.2, 78.9], bounds=(0, 100))
    (70.0, 80.0)
    >>> domain([100, 100], bounds=(0, 100))
    (97.0, 100.0)
    """
    low, high = bounds
    possible = high - low if low is not None and high is not None else max(abs(value) for value in values)
    least, most = min(values), max(values)
    lacking = max(possible * theme.LEAST_SPAN - (most - least), 0) or (most == least) * 1.0
    least, most = least - lacking / 2, most + lacking / 2
    step = _nice_step((most - least) / 8)
    start = math.floor((least - (most - least) * (0.05 + room_below)) / step) * step
    end = math.ceil((most + (most - least) * 0.05) / step) * step
    if low is not None and start - low < (end - start) / 2:
        start = low
    return round(float(start), 10), round(float(end if high is None else min(end, high)), 10)


def _nice_step(least: float) -> float:
    """Return the first of 1, 2, 5, 10, 20, 50 … and their tenths that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= least)
