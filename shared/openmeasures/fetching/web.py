"""Pages and files from a publisher's site, politely.

One request at a time and a pause before each; robots.txt is kept to, and so is the wait that a busy site asks for. What
passes (a lost connection, 429, 5xx) is tried again, each time after a longer wait; what does not is an error at once.
A redirect is followed within the publisher's own hosts only, and a file has a temporary name until it is whole.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from openmeasures import __version__
from openmeasures.errors import FetchError, OfflineError
from openmeasures.fetching.answers import (
    ATTEMPTS,
    BY_HAND,
    LONGEST_WAIT_SECONDS,
    PassingError,
    UnavailableError,
    check,
    followed,
    pieces,
)
from openmeasures.fetching.links import Page, read_page
from openmeasures.ingest import is_web_page

AGENT = "openmeasures"  # what robots.txt may name
USER_AGENT = f"{AGENT}/{__version__} (reads official statistics; one request at a time)"
PAUSE_SECONDS = 1.0  # between two requests; a longer one in robots.txt counts
LONGEST_PAUSE_SECONDS = 30.0  # that robots.txt is believed
FIRST_WAIT_SECONDS = 2.0
TIMEOUT_SECONDS = 30.0  # without a byte
LARGEST_PAGE, LARGEST_FILE = 10 * 2**20, 300 * 2**20  # bytes; an RTT extract, the largest, has 80 million unzipped
MOST_REDIRECTS = 5
BEGINNING = 1024  # bytes of a file that tell a web page from others

T = TypeVar("T")


class Download(NamedTuple):
    """A whole file: where it is, and its SHA-256."""

    path: Path
    sha256: str


class Web:
    """A site's reader; `pause` and `wait` are in seconds, `rest` waits for so many, `headers` go with each request."""

    def __init__(
        self, *, pause: float = PAUSE_SECONDS, wait: float = FIRST_WAIT_SECONDS, rest: Callable[[float], None] = sleep,
        largest_file: int = LARGEST_FILE, timeout: float = TIMEOUT_SECONDS, headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        # Identity: the file as it is, so that its length tells whether it is whole.
        own = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        self._client = httpx.Client(headers=own | dict(headers or {}), timeout=timeout)
        self._pause, self._rest, self._largest_file = pause, rest, largest_file
        self._growing = wait_exponential_jitter(multiplier=wait, max=LONGEST_WAIT_SECONDS, jitter=wait / 2)
        self._robots: dict[str, RobotFileParser] = {}
        self._last = float("-inf")
        self._is_connected = False

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def page(self, url: str) -> Page:
        """Return a page. Raises `FetchError` for what is not there, is no web page, or is on another site."""

        def read(response: httpx.Response) -> Page:
            content = b"".join(pieces(response, LARGEST_PAGE))
            kind = response.headers.get("content-type", "").split(";")[0]
            if kind not in {"text/html", "application/xhtml+xml"}:
                raise FetchError(f"{url}: found {kind or 'no content type'}, expected a web page. {BY_HAND}")
            encoding = response.charset_encoding or "utf-8"
            return read_page(str(response.url), content.decode(encoding, errors="replace"))

        return self._get(url, read)

    def json(self, url: str) -> dict[str, Any]:
        """Return what a service answers. Raises `FetchError` for what is not there, or is no JSON object."""

        def read(response: httpx.Response) -> dict[str, Any]:
            try:
                found = json.loads(b"".join(pieces(response, LARGEST_PAGE)))
            except ValueError as error:
                raise FetchError(f"{url}: no JSON ({error}). Look at what the address answers. {BY_HAND}") from error
            if not isinstance(found, dict):
                raise FetchError(f"{url}: found {type(found).__name__}, expected a JSON object. {BY_HAND}")
            return found

        return self._get(url, read)

    def download(self, url: str, to: Path) -> Download:
        """Save a file whole or not at all.

        Raises `FetchError` for a file that is not there, cut off, too large, or really a web page.
        """

        def save(response: httpx.Response) -> Download:
            digest = hashlib.sha256()
            beginning = b""
            with part.open("wb") as file:
                for piece in pieces(response, self._largest_file):
                    file.write(piece)
                    digest.update(piece)
                    beginning += piece[: BEGINNING - len(beginning)]  # the first piece may be a single byte
            if is_web_page(beginning):
                raise FetchError(
                    f"{url}: found a web page, expected a file. The file may have moved: look at the publisher's page. "
                    f"{BY_HAND}"
                )
            part.replace(to)
            return Download(to, digest.hexdigest())

        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        try:
            return self._get(url, save)
        finally:
            part.unlink(missing_ok=True)

    def _get(self, url: str, take: Callable[[httpx.Response], T]) -> T:
        """Return what `take` makes of a response, trying again what passes."""
        attempts = Retrying(
            retry=retry_if_exception_type(PassingError), stop=stop_after_attempt(ATTEMPTS), wait=self._wait,
            sleep=self._rest, reraise=True,
        )  # fmt: skip
        taken: T = attempts(self._once, url, take)
        return taken

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, PassingError) else None
        return self._growing(state) if asked is None else asked

    def _once(self, url: str, take: Callable[[httpx.Response], T]) -> T:
        address = url
        for _ in range(MOST_REDIRECTS + 1):
            self._ask_robots(address)
            self._take_turn(address)
            try:
                with self._client.stream("GET", address) as response:
                    self._is_connected = True
                    if response.has_redirect_location:
                        address = followed(address, response)
                        continue
                    check(response, address)
                    return take(response)
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise self._lost(address, error) from error
            except httpx.InvalidURL as error:
                raise FetchError(f"{address}: no address ({error}). Look at the publisher's page. {BY_HAND}") from error
            finally:
                self._last = monotonic()
        raise FetchError(f"{url}: more than {MOST_REDIRECTS} redirects, the last to {address}. {BY_HAND}")

    def _lost(self, address: str, error: httpx.RequestError) -> FetchError:
        host = urlsplit(address).netloc
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError) and not self._is_connected:
            return OfflineError(
                f"{host}: cannot be reached ({error}). Connect to the internet, or say how: HTTPS_PROXY names a proxy, "
                "SSL_CERT_FILE its certificate. What was fetched before is in the data folder."
            )
        return PassingError(
            f"{address}: cut off or lost {ATTEMPTS} times ({error or type(error).__name__}). Try again later. {BY_HAND}"
        )

    def _ask_robots(self, address: str) -> None:
        """Keep to the site's robots.txt. Raises `FetchError` for an address that it closes to programs."""
        parts = urlsplit(address)
        site = f"{parts.scheme}://{parts.netloc}"
        if parts.path == "/robots.txt":
            return
        if site not in self._robots:
            self._robots[site] = self._get_robots(f"{site}/robots.txt")
        if not self._robots[site].can_fetch(AGENT, address):
            raise FetchError(f"{address}: the site's robots.txt closes this address to programs. {BY_HAND}")

    def _get_robots(self, url: str) -> RobotFileParser:
        rules = RobotFileParser(url)
        try:
            text = self._get(url, lambda response: b"".join(pieces(response, LARGEST_PAGE)).decode(errors="replace"))
        except OfflineError:
            raise
        except UnavailableError as error:  # RFC 9309, 2.3.1.4: while it cannot be read, everything is closed
            raise FetchError(
                f"{url}: cannot be read, so nothing may be fetched from there. Try again later."
            ) from error
        except FetchError:  # 2.3.1.3: there is none
            text = ""
        rules.parse(text.splitlines())
        return rules

    def _take_turn(self, address: str) -> None:
        """Wait until the pause since the last request is over."""
        parts = urlsplit(address)
        rules = self._robots.get(f"{parts.scheme}://{parts.netloc}")
        asked = float(rules.crawl_delay(AGENT) or 0) if rules else 0.0
        pause = max(self._pause, min(asked, LONGEST_PAUSE_SECONDS))
        if (left := self._last + pause - monotonic()) > 0:
            self._rest(left)
