"""The image by which a page is shown where its link is passed on: its title, and of a run its latest figure and chart.

Such images have full addresses, so that they are made where `_quarto.yml` says where the site will stand.

| name | what |
|---|---|
| `address` | of the image of a page |
| `Shown` | the latest figure of a run |
| `draw` | the image |
"""

import textwrap
import zlib
from dataclasses import dataclass

import vl_convert

from openmeasures.charts import drawing, theme
from openmeasures.publishing.print_icons import COLOURS
from openmeasures.publishing.templating import TEMPLATES

FOLDER = "cards"
SIZE = (1200, 630)  # what Open Graph's readers show whole, https://ogp.me
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TITLE, TEXT = (32, 3), (62, 5)  # letters in a line of the image's width, and the most lines


@dataclass(frozen=True)
class Shown:
    """A latest figure as its page writes it, of what and of whom.

    `kind` is that of the variation's badge, `sparkline` the one of the measure's card.
    """

    title: str
    org_name: str
    value: str
    month: str
    variation: str
    kind: str
    sparkline: str


def address(page: str) -> str:
    """Return where the image of a page is, from the home page.

    >>> address("organisations/RJ1/four_hours.qmd"), address("index.qmd")
    ('cards/organisations-RJ1-four_hours.png', 'cards/index.png')
    """
    return f"{FOLDER}/{page.removesuffix('.qmd').replace('/', '-')}.png"


def draw(*, site: str, title: str, said: str, note: str = "", shown: Shown | None = None) -> bytes:
    """Return the image as PNG: the site's name, a title, and beneath it what is said, or a latest figure.

    `note` stands beside the site's name. What has no room ends in dots. The letters are those that charts have.
    """
    svg = TEMPLATES.get_template("social_card.svg.jinja").render(
        site=site, title=_lines(shown.title if shown else title, *TITLE), note=note, shown=shown,
        said=_lines(shown.org_name, TEXT[0], 1) if shown else _lines(said, *TEXT),
        colour=COLOURS.get(shown.kind if shown else "", theme.QUIET_TEXT),
    )  # fmt: skip
    with drawing.environment(drawing.FONT_CONFIGURATION, str(drawing.OWN_FONTS)):
        return _compressed(vl_convert.svg_to_png(svg))


def _compressed(image: bytes) -> bytes:
    """Return the same PNG in a third of the bytes: vl-convert compresses in haste.

    It consists of chunks, each a length, a name, content and a checksum; those named IDAT hold one stream of zlib.
    """
    chunks, at = [], len(_SIGNATURE)
    while at < len(image):
        size = int.from_bytes(image[at : at + 4], "big")
        chunks.append((image[at + 4 : at + 8], image[at + 8 : at + 8 + size]))
        at += size + 12
    pixels = zlib.compress(zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT")))
    (_header, header), *_ = chunks
    kept = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in kept)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return len(content).to_bytes(4, "big") + name + content + checksum.to_bytes(4, "big")


def _lines(text: str, width: int, most: int) -> list[str]:
    return textwrap.wrap(text, width, max_lines=most, placeholder="…")
