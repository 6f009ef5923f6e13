"""A publisher's site, and what reads it without waiting."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest

from openmeasures.fetching import fetch as fetching
from openmeasures.fetching.web import Web
from openmeasures.sources import ae_monthly

from .site import AREA, YEAR, Publisher


@pytest.fixture
def publisher(monkeypatch):
    """A site without anything but a landing page's address, which is that of A&E."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Publisher()
    monkeypatch.setattr(ae_monthly, "URL", site.url + AREA)
    yield site
    site.close()


@pytest.fixture
def quick() -> Callable[..., Web]:
    """Make a reader that waits for nothing; what it would have waited is in `rested`."""
    made = []

    def web(**how) -> Web:
        rested: list[float] = []
        made.append(Web(**{"pause": 0.0, "wait": 2.0, "rest": rested.append, **how}))
        made[-1].rested = rested
        return made[-1]

    yield web
    for each in made:
        each.close()


@pytest.fixture
def listed(publisher, ae_csv):
    """Put an A&E year on the site: `listed("2024-25", ("April 2024", "April-2024.csv", content, "text after"))`."""
    years: dict[str, str] = {}

    def year(name: str, *files: tuple) -> list[str]:
        lines, urls = "", []
        for text, file_name, content, *after in files:
            urls.append(publisher.file(file_name, content) if isinstance(content, bytes) else content)
            lines += f'<p><a href="{urls[-1]}">{text}</a> {"".join(after)}</p>\n'
        years[name] = publisher.page(YEAR.format(name), f"<h3>{name}</h3>{lines}")
        links = "".join(f'<li><a href="{url}">A&amp;E Attendances {year}</a></li>' for year, url in years.items())
        publisher.page(AREA, f"<ul>{links}</ul>")
        return urls

    return year


@pytest.fixture
def fetched(store, tmp_path, quick):
    """Fetch into the store; return the outcomes, with the record's path beside them."""
    entries = tmp_path / "releases.csv"

    def run(*names: str, web: Web | None = None, **how):
        chosen = fetching.choose(names or ["ae_monthly"])
        outcomes = list(fetching.fetch(chosen, store, web or quick(), entries=entries, **how))
        return [(outcome.result.value, outcome.place.rsplit("/", 1)[-1], outcome.message) for outcome in outcomes]

    run.entries = entries
    run.again = partial(run, again=True)
    return run


@pytest.fixture
def april(ae_csv) -> SimpleNamespace:
    """April 2024 as first published and as revised."""
    first = ae_csv(("RC9", 1000, 400), ("RJ1", 500, 100), month="APRIL-2024")
    revised = ae_csv(("RC9", 1010, 390), ("RJ1", 500, 100), month="APRIL-2024")
    return SimpleNamespace(first=first.encode(), revised=revised.encode())
