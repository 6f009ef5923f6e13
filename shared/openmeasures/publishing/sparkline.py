"""A sparkline: a series in the space of a few words, drawn by ourselves as SVG that needs no script and no id.

It shows the values as dots on a line, the mean and the process limits that stay the same over a stretch of it, and the
latest value with the sign of its variation, in the shapes of the charts. Where nothing is known the line has a gap.
It says nothing that the words beside it do not say, so screen readers pass over it; colours are the style sheet's.

| name | gives |
|---|---|
| `draw` | the image of a run's points |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from openmeasures.periods import Period

WIDTH, HEIGHT = 480, 112  # of the drawing, whose whole numbers are then fine enough; pages show it smaller
MARGIN = 12  # room for the latest value's sign
SIGNS = {
    "improvement": "M{x} {top}a9 9 0 1 0 .1 0z",  # a circle
    "concern": "M{left} {top}h18v18h-18z",  # a square
    "neutral": "M{x} {top}l10 18h-20z",  # a triangle
}
PLAIN = "M{x} {top}a9 9 0 1 0 .1 0z"  # common cause, or nothing to say
RADIUS = 9


@dataclass(frozen=True)
class _Scale:
    """Where a period and a value are, in whole units of the drawing."""

    period: Period
    first: date
    last: date
    least: float
    greatest: float

    def x(self, day: date) -> int:
        """From the left; a single period is in the middle."""
        periods = self.period.number(self.first, self.last) - 1
        if not periods:
            return WIDTH // 2
        return MARGIN + round((self.period.number(self.first, day) - 1) * (WIDTH - 2 * MARGIN) / periods)

    def y(self, value: float) -> int:
        """From the top; a series of one value is in the middle."""
        if self.greatest == self.least:
            return HEIGHT // 2
        return HEIGHT - MARGIN - round((value - self.least) * (HEIGHT - 2 * MARGIN) / (self.greatest - self.least))


def draw(points: Sequence[dict[str, Any]], *, kind: str, period: Period) -> str:
    """Return the image of the points of one series, in the order of time, as `results.COLUMNS` has them.

    `kind` is that of the latest value's `summary.variation`, which is its sign: `improvement`, `concern`, `neutral`,
    or any other word for none. Empty where no point has a value. Limits that differ from one value to the next are left
    out, and so is a limit that is null, in place of which the band reaches the edge.

    >>> draw([], kind="common", period=Period.MONTH)
    ''
    """
    known = [point for point in points if point["value"] is not None]
    if not known:
        return ""
    levels = _levels(known)
    heights = [point["value"] for point in known]
    heights += [point[name] for level in levels for point in level[:1] for name in _LINES if point[name] is not None]
    first, last = _day(points[0]), _day(points[-1])
    scale = _Scale(period, first, last, min(heights), max(heights))
    parts = [_path("band", "".join(_band(level, scale) for level in levels))]
    parts.append(_path("mean", "".join(_mean(level, scale) for level in levels)))
    parts.append(_path("line", "".join(_line(stretch, scale) for stretch in _stretches(known, period))))
    parts.append(_path("dots", "".join(f"M{scale.x(_day(each))} {scale.y(each['value'])}h.1" for each in known)))
    x, y = scale.x(_day(known[-1])), scale.y(known[-1]["value"])
    sign = SIGNS.get(kind, PLAIN).format(x=x, left=x - RADIUS, top=y - RADIUS)
    parts.append(_path(f"last om-{kind}", sign))
    return f'<svg class="om-spark" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'


_LINES = ("mean", "lower_process_limit", "upper_process_limit")


def _day(point: dict[str, Any]) -> date:
    return date.fromisoformat(point["period_start"])


def _path(name: str, drawn: str) -> str:
    return f'<path class="om-spark-{name}" d="{drawn}"/>' if drawn else ""


def _levels(known: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the stretches of values that share their mean and limits; none where limits change within a segment."""
    grouped = [
        list(group) for _, group in groupby(known, key=lambda point: [point["segment"], *map(point.get, _LINES)])
    ]
    if len(grouped) > len({point["segment"] for point in known}):
        return []
    return [level for level in grouped if level[0]["mean"] is not None]


def _band(level: list[dict[str, Any]], scale: _Scale) -> str:
    lower, upper = level[0]["lower_process_limit"], level[0]["upper_process_limit"]
    if lower is None and upper is None:
        return ""
    top = MARGIN if upper is None else scale.y(upper)
    bottom = HEIGHT - MARGIN if lower is None else scale.y(lower)
    return f"M{scale.x(_day(level[0]))} {top}H{scale.x(_day(level[-1]))}V{bottom}H{scale.x(_day(level[0]))}z"


def _mean(level: list[dict[str, Any]], scale: _Scale) -> str:
    return f"M{scale.x(_day(level[0]))} {scale.y(level[0]['mean'])}H{scale.x(_day(level[-1]))}"


def _stretches(known: list[dict[str, Any]], period: Period) -> list[list[dict[str, Any]]]:
    """Return the values that follow each other without a gap."""
    stretches: list[list[dict[str, Any]]] = []
    before: date | None = None
    for point in known:
        day = _day(point)
        if before is None or period.next(before) != day:
            stretches.append([])
        stretches[-1].append(point)
        before = day
    return stretches


def _line(stretch: list[dict[str, Any]], scale: _Scale) -> str:
    places = [f"{scale.x(_day(point))} {scale.y(point['value'])}" for point in stretch]
    return f"M{'L'.join(places)}" if len(places) > 1 else ""
