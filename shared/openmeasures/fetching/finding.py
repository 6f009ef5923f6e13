"""The files that a source's pages offer, as its `Listing` describes them.

| name | what |
|---|---|
| `Offer` | a file that a page links to, with what the page says of it |
| `listing_of` | how a source's publisher lists its files |
| `find` | the offers of a source, from its landing page down |
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from openmeasures.errors import FetchError
from openmeasures.fetching.answers import BY_HAND, is_same_publisher
from openmeasures.fetching.dates import APRIL, day_in, financial_year_in, month_in, year_start
from openmeasures.fetching.links import Link, Page
from openmeasures.releases import Vintage, vintage_named
from openmeasures.sources import Listing, Source

# Revised 14.05.26; (published on 9 January 2025)
DATED = re.compile(r"\b(?:published|revised|updated)\b[^)]*", re.IGNORECASE)
CHANGED = "The page's layout has changed: tell us. Until then: " + BY_HAND[0].lower() + BY_HAND[1:]


@dataclass(frozen=True)
class Offer:
    """A file that a page links to: `month` is the last that it should have, None where nothing tells.

    `vintage` is what the page and the file's name tell of it.
    """

    url: str
    file_name: str
    month: date | None
    vintage: Vintage


def listing_of(name: str, source: Source) -> Listing:
    """Return how a source's files are listed. Raises `FetchError` for a source that does not say so."""
    listing = getattr(source, "LISTING", None)
    if not isinstance(listing, Listing):
        raise FetchError(
            f"{name}: its module does not say how its files are listed. Download them from {source.URL} and read them "
            "with `openmeasures ingest PATH`, or add a LISTING (see CONTRIBUTING.md)."
        )
    return listing


def find(
    source: Source,
    listing: Listing,
    read: Callable[[str], Page],
    *,
    since: date | None = None,
    held: date | None = None,
) -> list[Offer]:
    """Return the files to have, oldest first, each address once.

    - `read`: gives a page by its address.
    - `since`: the first month wanted. By default the financial year before the newest that is listed; and earlier where
      more would be missing between it and `held`, the last month that is here already.

    Of a series, it is the newest file alone, whatever `since` is. A file that nothing dates is always among them.
    Raises `FetchError` for a page that cannot be read, or one without the links that it should have.
    """
    since = None if listing.is_series else since
    pages = [read(source.URL)]
    level = list(pages)
    for pattern in listing.pages:
        leads = _leads(level, pattern)
        since = since or _default(map(_dated, leads), held)
        level = [read(lead) for lead in leads if since is None or (_dated(lead) or since) >= since]
        pages += level
    offers = _offers(pages, listing, whole=bool(level))
    since = since or _default((offer.month for offer in offers), held)
    wanted = [offer for offer in offers if since is None or (offer.month or since) >= since]
    return wanted[-1:] if listing.is_series else wanted


def _leads(pages: list[Page], pattern: str) -> list[str]:
    """Return the addresses of the pages one step down, newest first, those without a date before all."""
    found = {
        link.address
        for page in pages
        for link in page.links
        if re.search(pattern, urlsplit(link.address).path, re.IGNORECASE)
        and is_same_publisher(page.address, link.address)
    }
    if not found:
        raise FetchError(f"{_seen(pages)}: no link with an address like {pattern!r}. {CHANGED}")
    return sorted(found, key=lambda address: (_dated(address) or date.max, address), reverse=True)


def _dated(address: str) -> date | None:
    """Return the last month of what a page's address names: an edition's month, or a financial year."""
    year = financial_year_in(_slug(address))
    return month_in(_slug(address)) or (date(year + 1, APRIL - 1, 1) if year else None)


def _default(months: Iterable[date | None], held: date | None) -> date | None:
    """Return from when on files are wanted unless the user says so; None where nothing is dated."""
    newest = max((month for month in months if month), default=None)
    if newest is None:
        return None
    start = year_start(newest)
    before = start.replace(year=start.year - 1)
    return min(before, held) if held else before


def _offers(pages: list[Page], listing: Listing, *, whole: bool) -> list[Offer]:
    """Return what the pages offer, oldest first: of each month, the files of the first pattern that fits any."""
    by_pattern: list[dict[str, Offer]] = []
    for pattern in listing.files:
        fitting = [
            _offer(link, page)
            for page in pages
            for link in page.links
            if re.search(pattern, link.label, re.IGNORECASE) and is_same_publisher(page.address, link.address)
        ]
        taken = {offer.month for found in by_pattern for offer in found.values()}
        by_pattern.append({offer.url: offer for offer in fitting if offer.month not in taken})
    offers = {url: offer for found in by_pattern[::-1] for url, offer in found.items()}
    if not offers and whole:
        raise FetchError(f"{_seen(pages)}: no link to a file like {' or '.join(map(repr, listing.files))}. {CHANGED}")
    return sorted(
        offers.values(), key=lambda offer: (offer.month or date.min, offer.vintage.status == "revised", offer.url)
    )


def _offer(link: Link, page: Page) -> Offer:
    dated = " ".join(DATED.findall(link.text) + DATED.findall(link.after)[:1])
    named = vintage_named(f"{link.text} {link.file_name} {dated}")
    return Offer(
        url=link.address,
        file_name=link.file_name,
        month=month_in(link.text)
        or month_in(link.file_name)
        or month_in(link.heading)
        or month_in(_slug(page.address)),
        vintage=Vintage(named.status, day_in(dated) or named.published or page.published),
    )


def _seen(pages: list[Page]) -> str:
    """Return where nothing was found; a page without any link may be one that a program cannot read."""
    return ", ".join(f"{page.address} (links: {len(page.links)})" for page in pages)


def _slug(address: str) -> str:
    """Return the last part of a page's address, which names it."""
    return urlsplit(address).path.rstrip("/").rsplit("/", 1)[-1]
