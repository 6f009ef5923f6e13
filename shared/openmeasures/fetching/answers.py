"""What a site's answer means: go on, come again, or give up, and what the user can do then.

| name | what |
|---|---|
| `UnavailableError`, `PassingError` | the site cannot answer now; and may be able to in a moment |
| `check` | raises what a status means |
| `followed` | where a redirect leads, within the publisher's own hosts |
| `pieces` | an answer's content, up to a size |
| `is_same_publisher` | whether two addresses are of one publisher |
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpx

from openmeasures.errors import FetchError

ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 60.0  # between two of them, also where the site asks for it
PUBLISHER = ".nhs.uk"  # one publisher's hosts: www.england, digital, files.digital
GONE = {404, 410}
REFUSED = {401, 403}
BUSY = {429, 500, 502, 503, 504}
BY_HAND = "Download it with a browser and read it with `openmeasures ingest PATH`."


class UnavailableError(FetchError):
    """The site cannot answer now."""


class PassingError(UnavailableError):
    """What may be over in a moment; `wait_seconds` is what the site asks for."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def is_same_publisher(one: str, other: str) -> bool:
    """Whether two addresses are of one publisher: the same host, or two of `nhs.uk`; and none is less secret.

    >>> is_same_publisher("https://digital.nhs.uk/a", "https://files.digital.nhs.uk/b")
    True
    >>> is_same_publisher("https://digital.nhs.uk/a", "https://digital.nhs.uk.example.org/b")
    False
    """
    first, second = urlsplit(one), urlsplit(other)
    both = all((parts.hostname or "").endswith(PUBLISHER) for parts in (first, second))
    return second.scheme in {first.scheme, "https"} and (first.hostname == second.hostname or both)


def followed(address: str, response: httpx.Response) -> str:
    """Return where a redirect leads. Raises `FetchError` for another publisher's site."""
    target = urljoin(address, response.headers["location"])
    if not is_same_publisher(address, target):
        raise FetchError(f"{address}: leads to another site, {target}. Look at the publisher's page. {BY_HAND}")
    return target


def check(response: httpx.Response, address: str) -> None:
    """Raise what a status means."""
    status = response.status_code
    named = f"{address}: {status} {response.reason_phrase}".rstrip()
    if status in BUSY:
        wait = _wait_asked(response.headers.get("retry-after", ""))
        if wait is not None and wait > LONGEST_WAIT_SECONDS:
            raise UnavailableError(f"{named}; the site asks to come back in {wait:.0f} seconds. Try again then.")
        raise PassingError(f"{named}, {ATTEMPTS} times. Try again later.", wait)
    if status in GONE:
        raise FetchError(f"{named}. It has moved, or the link to it is wrong: look at the publisher's page. {BY_HAND}")
    if status in REFUSED:
        raise FetchError(f"{named}. The site refuses programs. {BY_HAND}")
    if not response.is_success:
        raise FetchError(f"{named}. {BY_HAND}")


def _wait_asked(header: str) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, as a number or as a date; None for none."""
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None


def pieces(response: httpx.Response, largest: int) -> Iterator[bytes]:
    """Yield a response's content as it comes. Raises `FetchError` for more than `largest` bytes, announced or sent."""
    too_large = f"{response.url}: more than {largest / 2**20:.0f} MB, larger than any known file. {BY_HAND}"
    announced = response.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > largest:
        raise FetchError(too_large)
    received = 0
    for piece in response.iter_bytes():
        received += len(piece)
        if received > largest:
            raise FetchError(too_large)
        yield piece
