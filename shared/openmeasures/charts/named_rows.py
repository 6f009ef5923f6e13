"""Rows of a chart, each beneath its whole name, which nothing cuts: a place for a dot or two, one above the other.

| function | gives |
|---|---|
| `places` | each row's name in both sizes, and the height at which its dot stands |
| `height` | how high all rows are |
| `vertical` | the axis that they stand along |
| `layers` | the names, clear of the lines that they cross |
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import altair as alt

from openmeasures.charts import layout, theme
from openmeasures.charts.layer import Layer

DOT_ROOM = 20  # pixels of height for a dot, beneath the lines of its name
NAME_ABOVE = 8  # pixels from the middle of a dot to its name
IS_PHONE = f"width < {(theme.PAGE.width + theme.PHONE.width) / 2:.0f}"  # the room of a name differs between sizes


def places(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return `on_page` and `on_phone`, the lines of each name, and `at`, how many pixels from the top its dot stands.

    Rows are as high as the longer names of a phone need, so that both sizes are of one height.

    >>> [(row["on_page"], row["at"]) for row in places(["Skin", "Lung"])]
    [(['Skin'], 26), (['Lung'], 62)]
    """
    on_page, on_phone = (
        [layout.wrapped(name, width=size.width - 2 * theme.PADDING, size=size.text) for name in names]
        for size in (theme.PAGE, theme.PHONE)
    )
    lowest = accumulate(theme.LINE_HEIGHT * len(lines) + DOT_ROOM for lines in on_phone)
    return [
        {"on_page": page, "on_phone": phone, "at": foot - DOT_ROOM // 2}
        for page, phone, foot in zip(on_page, on_phone, lowest, strict=True)
    ]


def height(rows: Sequence[dict[str, Any]]) -> int:
    """Return the height in pixels of all rows, one at least, with `at` as `places` gives it."""
    return int(rows[-1]["at"]) + DOT_ROOM // 2


def vertical(height: int) -> alt.Y:
    """Return the axis, which is not drawn, of pixels from the top."""
    return alt.Y("at:Q").scale(domain=[height, 0], nice=False, zero=False).axis(None)


def layers(data: str, y: alt.Y) -> list[Layer]:
    """Return the names of the rows of a named data set, clear of the lines that they cross."""
    name = f"({IS_PHONE} ? datum.on_phone : datum.on_page)"
    return [
        Layer(alt.NamedData(data), name=layer)
        .mark_text(
            align="left",
            baseline="bottom",
            x=0,
            dy={"expr": f"-{NAME_ABOVE} - (length({name}) - 1) * {theme.LINE_HEIGHT}"},
            text={"expr": name},
            stroke=halo,
            strokeWidth=4,
            strokeJoin="round",
        )
        .encode(y)
        for layer, halo in (("name halos", theme.PAPER), ("names", "transparent"))
    ]
