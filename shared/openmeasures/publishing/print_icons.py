"""The site's icons as images for print, coloured as charts are; the drawings are those of `templates/icons.jinja`.

| function | gives |
|---|---|
| `variation`, `assurance` | the image of one |
| `key` | each with what it says and what that means |
"""

from functools import cache
from typing import Any, NamedTuple

from openmeasures.charts import theme
from openmeasures.publishing.templating import TEMPLATES

COLOURS = {
    "improvement": theme.IMPROVEMENT.edge, "passing": theme.IMPROVEMENT.edge, "concern": theme.CONCERN.edge,
    "failing": theme.CONCERN.edge, "neutral": theme.NEUTRAL.edge,
}  # fmt: skip


class Entry(NamedTuple):
    """One icon of the key."""

    icon: str
    says: str
    meaning: str


@cache
def _drawn() -> Any:  # noqa: ANN401 - a template's macros have no types
    return TEMPLATES.get_template("icons.jinja").module


@cache
def variation(kind: str, text: str) -> str:
    """Return the icon of a variation as SVG; `kind` and `text` are those of its badge."""
    return _image(_drawn().variation(kind, text), kind)


@cache
def assurance(kind: str) -> str:
    """Return the icon of what limits say of a standard as SVG."""
    return _image(_drawn().assurance(kind), kind)


def key() -> list[Entry]:
    """Return every icon, as the site's key has them."""
    over_time = [Entry(variation(kind, says), says, meaning) for kind, says, meaning in _drawn().VARIATIONS]
    return over_time + [Entry(assurance(kind), says, meaning) for kind, says, meaning in _drawn().ASSURANCES]


def _image(svg: str, kind: str) -> str:
    """Return an icon of a page, which takes its colour from there, as an image that stands alone."""
    alone = svg.strip().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return alone.replace("currentcolor", COLOURS.get(kind, theme.QUIET_TEXT))
