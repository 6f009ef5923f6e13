"""The links of a web page, with what stands around them.

| name | what |
|---|---|
| `Link` | one link: its address, its text, the heading above and the words after it |
| `Page` | a page's address and its links |
| `read_page` | a page from its HTML |
"""

import re
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from openmeasures.fetching.dates import day_in

HEADING = re.compile("^h[1-6]$")
AFTER = 80  # characters after a link: `(published on 9 January 2025)`
# digital.nhs.uk heads each edition with it.
_PUBLISHED = re.compile(r"publication date\W{0,5}(.{6,20})", re.IGNORECASE)


class Link(NamedTuple):
    """A link: where it leads, its text, the last heading above it, and the words up to the next link."""

    address: str
    text: str
    heading: str
    after: str

    @property
    def file_name(self) -> str:
        """The last part of the address, as a person reads it."""
        return unquote(urlsplit(self.address).path.rstrip("/").rsplit("/", 1)[-1])

    @property
    def label(self) -> str:
        """What a source's `Listing` is compared with."""
        return f"{self.text} | {self.file_name}"


class Page(NamedTuple):
    """A page: its address, its links, and the day on which it says that it was published."""

    address: str
    links: list[Link]
    published: date | None


def read_page(address: str, html: str) -> Page:
    """Return the links of a page, whole addresses without fragments, each address once for each text.

    Where the page itself is served over https, so are the addresses on it: publishers' older links say http.
    """
    soup = BeautifulSoup(html, "html.parser")
    base = soup.find("base", href=True)
    whole = urljoin(address, str(base["href"])) if isinstance(base, Tag) else address
    found = dict.fromkeys(link for anchor in soup.find_all("a", href=True) if (link := _link(anchor, whole)))
    match = _PUBLISHED.search(_words(soup.get_text(" ")))
    links = [link for link in found if urlsplit(link.address).scheme in {"http", "https"}]
    return Page(address, links, day_in(match[1]) if match else None)


def _link(anchor: Tag, base: str) -> Link | None:
    """Return a link; None where what it leads to is no address, as people write them now and then."""
    try:
        address = urldefrag(urljoin(base, str(anchor["href"]).strip())).url
    except ValueError:
        return None
    if base.startswith("https:"):
        address = re.sub(r"^http:", "https:", address)
    heading = anchor.find_previous(HEADING)
    return Link(address, _words(anchor.get_text(" ")), _words(heading.get_text(" ")) if heading else "", _after(anchor))


def _after(anchor: Tag) -> str:
    """Return the text that follows a link in the same paragraph or list item, up to the next link."""
    text = ""
    for sibling in anchor.next_siblings:
        if isinstance(sibling, Tag) and (sibling.name in {"a", "br"} or sibling.find("a")):
            break
        text += sibling.get_text(" ")
        if len(text) > AFTER:
            break
    return _words(text)[:AFTER]


def _words(text: str) -> str:
    return " ".join(text.split())
