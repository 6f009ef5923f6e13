"""Where words, axes and lines go: the room that they need, in every chart alike.

| function | gives |
|---|---|
| `month_step`, `spaced` | how far apart the labels of months are, and which quarters and years have one |
| `wrapped`, `apart` | words on lines that fit, labels that do not touch |
| `domain`, `reach` | where an axis of values begins and ends, and how far from them a line may be |
| `size_axis`, `ticks` | the scale of an axis of sizes, where it begins and ends, and its labels |
| `cut` | lines that end where they leave the chart |
"""

import math
import textwrap
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise
from statistics import quantiles
from typing import Any, Literal

import polars as pl

from openmeasures.charts import theme
from openmeasures.periods import YEAR_STARTS

Scale = Literal["linear", "sqrt", "log"]
Row = dict[str, Any]  # of a data set in the specification: JSON, as in `output`
# Of the axis, what the smallest quarter of organisations must have at least, or the next scale is taken.
QUARTERS_SHARE = 1 / 10
BEYOND_SIZES = 1.04  # of the greatest size, so that its point stands clear of the axis's end
MANY_SIZES = 1000  # times the least is the greatest where a logarithmic axis has labels at powers of ten alone
LABELLED_SIZES = 100  # times smaller than the greatest is the least that a label of a square-root axis says


def month_step(months: int, size: theme.Size) -> int:
    """Return how many months apart the labels of an axis of so many months are."""
    return next((step for step in theme.MONTH_STEPS if months <= step * size.months), theme.MONTH_STEPS[-1])


def spaced(starts: Sequence[date], size: theme.Size) -> list[date]:
    """Return the quarters or financial years that have a label, oldest first: evenly spaced, the last April among them.

    Where no period starts in April, as in less than a year of quarters, the last period is among them.

    >>> quarters = [date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1), date(2024, 10, 1), date(2025, 1, 1)]
    >>> [day.isoformat() for day in spaced(quarters, theme.PHONE)]
    ['2024-04-01', '2024-10-01']
    """
    months = [start.year * 12 + start.month for start in starts]
    between = min((later - earlier for earlier, later in pairwise(months)), default=1)
    aprils = [month for month, start in zip(months, starts, strict=True) if start.month == YEAR_STARTS]
    kept = (aprils or months)[-1]
    number = (months[-1] - months[0]) // between + 1
    step = next((step for step in theme.PERIOD_STEPS if number <= step * size.years), theme.PERIOD_STEPS[-1])
    return [start for month, start in zip(months, starts, strict=True) if (month - kept) // between % step == 0]


def wrapped(words: str, *, width: float, size: int) -> list[str]:
    """Return the words on as few lines of `width` pixels as can be, all about as long; no-break spaces hold."""
    most = max(1, int(width / (size * theme.LETTER)))

    def lines(letters: int) -> list[str]:
        return textwrap.wrap(words, letters, break_long_words=False, break_on_hyphens=False)

    fewest = len(lines(most))
    # Longer lines are never more lines, so that the shortest that will do is found by halving.
    return lines(1 + bisect_left(range(1, most), -fewest, key=lambda letters: -len(lines(letters))))


def apart(
    values: Sequence[float], *, ends: tuple[float, float], height: float, lines: Sequence[int] | None = None
) -> list[float]:
    """Return where the middles of labels stand: each as near its value as can be, none touching, all on the axis.

    All in the axis's unit, but the axis's `height` in pixels. A label takes one line, or as many as `lines` says. Of
    equal values the first stands highest.

    >>> apart([50, 51, 90], ends=(0, 100), height=190)
    [45.5, 55.5, 90.0]
    """
    low, high = ends
    unit = (high - low) / height
    order = sorted(range(len(values)), key=lambda index: -values[index])
    tall = [unit * (theme.LINE_HEIGHT * (lines[index] if lines else 1) + theme.LABEL_SPACE) for index in order]
    drops = [0.0, *accumulate((upper + lower) / 2 for upper, lower in pairwise(tall))]  # below the highest label
    blocks: list[list[float]] = []  # labels that touch, as [sum, count]: pooled, they share their middle
    for index, drop in zip(order, drops, strict=False):
        blocks.append([values[index] + drop, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] < blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    middles = [total / count for total, count in blocks for _ in range(int(count))]
    lowest = low + drops[-1]
    placed = {
        index: min(max(middle, lowest), high) - drop for index, middle, drop in zip(order, middles, drops, strict=False)
    }
    return [round(placed[index], 6) for index in range(len(values))]


def domain(
    values: Sequence[float], *, bounds: tuple[float | None, float | None], room_below: float = 0.0, near: float = 1 / 2
) -> tuple[float, float]:
    """Return round ends for an axis that shows `values`, never beyond the `bounds` of what can happen.

    It starts at the lower bound only where the values come near it: within `near` of the axis's span. However little
    the values differ, it spans at least `LEAST_SPAN` of the possible range, so that noise is not drawn as a mountain.
    `room_below` is a share of the span, for marks at the base.

    >>> domain([71.2, 78.9], bounds=(0, 100))
    (70.0, 80.0)
    >>> domain([100, 100], bounds=(0, 100))
    (97.0, 100.0)
    """
    low, high = bounds
    least, most = min(values), max(values)
    lacking = reach(values, bounds=bounds) - (most - least) or (most == least) * 1.0
    least, most = least - lacking / 2, most + lacking / 2
    step = _nice_step((most - least) / 8)
    start = math.floor((least - (most - least) * (0.05 + room_below)) / step) * step
    end = math.ceil((most + (most - least) * 0.05) / step) * step
    if low is not None and start - low < (end - start) * near:
        start = low
    return round(float(start), 10), round(float(end if high is None else min(end, high)), 10)


def reach(values: Sequence[float], *, bounds: tuple[float | None, float | None]) -> float:
    """Return the span of the values, or `LEAST_SPAN` of the range that can happen where that is more.

    Of shares of a few per cent the range that counts is `RARE_SPANS` times the greatest, and a tenth of the whole at
    least, so that what is rare is not flat on the floor.

    >>> reach([71, 79], bounds=(0, 100)), reach([75, 76], bounds=(0, 100)), reach([1.3, 1.5], bounds=(0, 100))
    (8, 5.0, 1.5)
    """
    low, high = bounds
    least, most = min(values), max(values)
    possible = high - low if low is not None and high is not None else max(abs(value) for value in values)
    if low is not None and high is not None:
        possible = min(possible, max(theme.RARE_SPANS * (most - low), possible / 10))
    return max(possible * theme.LEAST_SPAN, most - least)


def size_axis(sizes: Sequence[float]) -> tuple[Scale, tuple[float, float]]:
    """Return the first scale that spreads organisations' sizes, all above 0, and the ends of its axis.

    >>> size_axis([100, 200, 250]), size_axis([5, 5, 250])[0], size_axis([1, 1, 250])[0]
    (('linear', (0.0, 260.0)), 'sqrt', 'log')
    """
    greatest = max(sizes)
    quarter = quantiles(sizes, method="inclusive")[0] if len(sizes) > 1 else greatest
    end = round(greatest * BEYOND_SIZES, theme.DECIMALS)
    if quarter / greatest >= QUARTERS_SHARE:
        return "linear", (0.0, end)
    if math.sqrt(quarter / greatest) >= QUARTERS_SHARE:
        return "sqrt", (0.0, end)
    widening = (greatest / min(sizes)) ** (BEYOND_SIZES - 1)
    return "log", (round(min(sizes) / widening, theme.DECIMALS), round(greatest * widening, theme.DECIMALS))


def ticks(ends: tuple[float, float], scale: Scale) -> list[float]:
    """Return what the labels of an axis of sizes may say; the renderer leaves out those without room.

    >>> ticks((0, 30), "linear"), ticks((8, 120), "log")
    ([0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0], [10.0, 20.0, 50.0, 100.0])
    >>> ticks((0, 300), "sqrt"), ticks((8, 12000), "log")
    ([0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0], [10.0, 100.0, 1000.0, 10000.0])
    """
    start, end = ends
    if scale == "linear":
        step = _nice_step(end / 8)
        return [round(number * step, 10) for number in range(int(end / step) + 1)]
    least = start if scale == "log" else end / LABELLED_SIZES
    first, last = math.floor(math.log10(least)), math.floor(math.log10(end))
    digits = [1, 2, 5] if end / least < MANY_SIZES else [1]
    last_digits = [1, 2, 3, 4] if scale == "sqrt" and end < 5 * 10.0**last else digits  # there is most room there
    round_ones = [
        digit * 10.0**power for power in range(first, last + 1) for digit in (last_digits if power == last else digits)
    ]
    return [0.0] * (scale == "sqrt") + [size for size in round_ones if least <= size <= end]


def cut(curve: pl.DataFrame, columns: Sequence[str], *, x: str, ends: tuple[float, float]) -> list[dict[str, float]]:
    """Return the rows of lines between the axis's ends; where one leaves it, it ends there.

    A row lacks what is null or beyond the axis.

    >>> cut(pl.DataFrame({"x": [0, 1, 2], "y": [5.0, 3.0, 1.0]}), ["y"], x="x", ends=(0, 4))
    [{'x': 0.5, 'y': 4}, {'x': 1, 'y': 3.0}, {'x': 2, 'y': 1.0}]
    """
    low, high = ends
    rows: dict[float, dict[str, float]] = {}

    def add(place: float, column: str, value: float) -> None:
        rows.setdefault(place, {x: place})[column] = round(value, theme.DECIMALS)

    for column in columns:
        line = curve.select(x, column).drop_nulls().rows()
        for place, value in line:
            if low <= value <= high:
                add(place, column, value)
        for (before, one), (after, other) in pairwise(line):
            for edge in (low, high):
                if (one - edge) * (other - edge) < 0:
                    add(round(before + (after - before) * (edge - one) / (other - one), theme.DECIMALS), column, edge)
    return [rows[place] for place in sorted(rows)]


def _nice_step(least: float) -> float:
    """Return the first of 1, 2, 5, 10, 20, 50 … and their tenths that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= least)
