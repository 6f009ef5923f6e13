"""A browser and a server of the built site, for tests that look at pages as a reader does."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`));
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing of it."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(built) -> Iterator[str]:
    """Serve the site on this machine; return where."""
    handler = functools.partial(Quiet, directory=str(built[0] / "_site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's own Chromium; without one the test is skipped."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH (on Debian: apt-get install chromium)")
    # Its sandbox needs rights that containers do not give.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


class Reader:
    """One reader's window: what they see, and what went wrong meanwhile."""

    def __init__(self, context: BrowserContext, root: str) -> None:
        self.root = root
        self.wrong: list[str] = []
        self.foreign: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.root}/{name}")
        return self.page


@pytest.fixture
def reader(browser, address) -> Iterator[Callable[..., Reader]]:
    """Open a window of a width, in a colour scheme; other hosts answer with nothing, or, `stubbed`, with a script."""
    contexts: list[BrowserContext] = []

    def one(*, width: int = 1280, scheme: str = "light", stubbed: bool = False, root: str = address, **more) -> Reader:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        contexts.append(context)
        context.add_init_script(VIOLATIONS)
        window = Reader(context, root)

        def guard(route: Route) -> None:
            if route.request.url.startswith((root, "data:", "blob:")):
                route.continue_()
                return
            window.foreign.append(route.request.url)
            if stubbed:
                route.fulfill(status=200, content_type="text/javascript", body="window.foreign = true;")
            else:
                route.abort()

        context.route("**/*", guard)
        return window

    yield one
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def on_disk() -> Callable[[Path], str]:
    """Give the address of a folder, for pages that are opened without a server."""
    return Path.as_uri
