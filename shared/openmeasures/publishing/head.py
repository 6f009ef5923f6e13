"""What a page tells programs in its head: its feed, and a card for whoever passes its link on (Open Graph [1]).

Both renderers take it from the page's front matter, `include-in-header`. The addresses that a card needs are full ones,
so that without `site-url` in `_quarto.yml` a card has words alone.

1. The Open Graph protocol. https://ogp.me
"""

import json
import re
from collections.abc import Mapping
from html import escape

import yaml

from openmeasures.publishing.website import Website

FEED = "feed.xml"
CARD = "assets/card.png"  # drawn once, of the site: one of each page's chart would double the time that pages take
CARD_SIZE = (1200, 630)  # what Open Graph's readers show whole
CARD_ALT = "Open Measures, with a chart of a series that rises above its usual range"
_MARK = (
    '\n```{{=html}}\n<p class="om-preview" role="note"><strong>Preview. Do not share.</strong> '
    "Some of these figures are not published before {}.</p>\n```\n"
)
_FRONT = re.compile(r"\A\s*---\n(.*?)\n---\n", re.DOTALL)


def put(page: str, address: str, website: Website, *, described: str = "") -> str:
    """Return a page with the head of its address; one without front matter as it is.

    A page of a preview says so above everything else, and has no card.

    - `address`: of its Markdown, from the home page.
    - `described`: what the card says; by default the page's own description, its subtitle or the site's name.
    """
    match = _FRONT.match(page)
    if match is None:
        return page
    front = yaml.safe_load(match[1])
    text = "".join(_tags(front, address.removesuffix(".qmd") + ".html", website, described))
    lines = [*(json.dumps(each, ensure_ascii=False) for each in website.in_header), f"text: {_quoted(text)}"]
    header = "include-in-header:\n" + "".join(f"  - {line}\n" for line in lines)
    mark = _MARK.format(escape(website.not_before)) if website.not_before else ""
    return f"{page[: match.end(1) + 1]}{header}---\n{mark}{page[match.end() :]}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _tags(front: Mapping[str, str], address: str, website: Website, described: str) -> list[str]:
    if website.not_before:
        return ['<meta name="robots" content="noindex">']
    title = front.get("pagetitle") or front["title"]
    says = described or front.get("description") or front.get("subtitle") or website.title
    tags = [] if "description" in front else [f'<meta name="description" content="{escape(says)}">']
    tags.append(
        f'<link rel="alternate" type="application/atom+xml" title="Changes of conclusion" href="{feed_of(address)}">'
    )
    properties = {"type": "article", "site_name": website.title, "title": title, "description": says}
    if website.address:
        width, height = CARD_SIZE
        properties |= {
            "url": website.absolute(address), "image": website.absolute(CARD), "image:width": str(width),
            "image:height": str(height), "image:alt": CARD_ALT,
        }  # fmt: skip
        tags.append('<meta name="twitter:card" content="summary_large_image">')
    return tags + [f'<meta property="og:{name}" content="{escape(value)}">' for name, value in properties.items()]


def feed_of(address: str) -> str:
    """Return the feed of a page, from the page: an organisation's own, and for all others that of the site.

    >>> feed_of("organisations/RJ1/four_hours.html"), feed_of("methods/spc.html"), feed_of("organisations/index.html")
    ('feed.xml', '../feed.xml', '../feed.xml')
    """
    folders = address.split("/")[:-1]
    is_organisation = len(folders) > 1 and folders[0] == "organisations"
    return FEED if is_organisation else "../" * len(folders) + FEED
