"""What a page tells programs in its head: its feed, and a card for whoever passes its link on (Open Graph [1]).

Both renderers take it from the page's front matter, `include-in-header`. The addresses that a card needs are full ones,
so that without `site-url` in `_quarto.yml` a card has words alone.

1. The Open Graph protocol. https://ogp.me
"""

import json
import re
from html import escape
from typing import NamedTuple

import yaml

from openmeasures.publishing import social_card
from openmeasures.publishing.website import Website

FEED = "feed.xml"
_MARK = (
    '\n```{{=html}}\n<p class="om-preview" role="note"><strong>Preview. Do not share.</strong> '
    "Some of these figures are not published before {}.</p>\n```\n"
)
_FRONT = re.compile(r"\A\s*---\n(.*?)\n---\n", re.DOTALL)


class Words(NamedTuple):
    """What a card says of a page: its title, and one sentence."""

    title: str
    says: str


def words(page: str, website: Website, *, described: str = "") -> Words | None:
    """Return what the card of a page says; nothing for one without front matter, which has none.

    - `described`: the sentence; by default the page's own description, its subtitle or the site's name.
    """
    match = _FRONT.match(page)
    if match is None:
        return None
    front = yaml.safe_load(match[1])
    says = described or front.get("description") or front.get("subtitle") or website.title
    return Words(front.get("pagetitle") or front["title"], says)


def put(page: str, address: str, website: Website, *, described: str = "") -> str:
    """Return a page with the head of its address; one without front matter as it is.

    A page of a preview says so above everything else, and has no card.

    - `address`: of its Markdown, from the home page.
    - `described`: see `words`.
    """
    match, told = _FRONT.match(page), words(page, website, described=described)
    if match is None or told is None:
        return page
    text = "".join(_tags(told, address, website, has_description="\ndescription:" in f"\n{match[1]}"))
    lines = [*(json.dumps(each, ensure_ascii=False) for each in website.in_header), f"text: {_quoted(text)}"]
    header = "include-in-header:\n" + "".join(f"  - {line}\n" for line in lines)
    mark = _MARK.format(escape(website.not_before)) if website.not_before else ""
    return f"{page[: match.end(1) + 1]}{header}---\n{mark}{page[match.end() :]}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _tags(told: Words, page: str, website: Website, *, has_description: bool) -> list[str]:
    if website.not_before:
        return ['<meta name="robots" content="noindex">']
    address = page.removesuffix(".qmd") + ".html"
    tags = [] if has_description else [f'<meta name="description" content="{escape(told.says)}">']
    tags.append(
        f'<link rel="alternate" type="application/atom+xml" title="Changes of conclusion" href="{feed_of(address)}">'
    )
    properties = {"type": "article", "site_name": website.title, "title": told.title, "description": told.says}
    if website.has_cards:
        width, height = social_card.SIZE
        properties |= {
            "url": website.absolute(address), "image": website.absolute(social_card.address(page)),
            "image:width": str(width), "image:height": str(height), "image:alt": f"{told.title}. {told.says}",
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
