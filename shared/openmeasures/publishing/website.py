"""What `_quarto.yml` says of the website itself: its title, its address, and what is in the head of every page."""

from pathlib import Path
from typing import NamedTuple

import yaml

from openmeasures.errors import RenderError

CONFIG = "_quarto.yml"


class Website(NamedTuple):
    """The site's title, its address with a slash at the end (empty where none is set), and what is in every head.

    `not_before` is the time before which a preview is not to be shared, as people write it; empty for the site itself.
    `synthetic` is whether its figures are made up.

    A page that puts something into its own head has to repeat `in_header`: smalldocs takes the page's in place of the
    project's, and Quarto takes both, what is the same once.
    """

    title: str
    address: str = ""
    in_header: tuple[object, ...] = ()
    not_before: str = ""
    synthetic: bool = False

    @property
    def has_cards(self) -> bool:
        """Whether pages have images of their own for whoever passes their links on, which need full addresses."""
        return bool(self.address) and not self.not_before

    def absolute(self, path: str) -> str:
        """Return the full address of a page or file, `path` being that from the home page."""
        return self.address + path


def load(root: Path) -> Website:
    """Return the website of the project in `root`.

    Raises `RenderError` for a `site-url` that is no address of the web: feeds and cards would lead nowhere.
    """
    config = yaml.safe_load((root / CONFIG).read_text(encoding="utf-8"))
    address = str(config["website"].get("site-url") or "")
    if address and not address.startswith(("https://", "http://")):
        raise RenderError(
            f"{root / CONFIG}, website, site-url: found {address!r}, expected an address such as "
            "'https://measures.example.org'. Correct it, or leave the line out."
        )
    in_header = config.get("format", {}).get("html", {}).get("include-in-header") or []
    every = in_header if isinstance(in_header, list) else [in_header]
    return Website(config["website"]["title"], f"{address.rstrip('/')}/" if address else "", tuple(every))
