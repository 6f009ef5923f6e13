"""CONTRIBUTING.md as the body of a page, so that what it says stands in one place.

Its links lead to files of the repository, which is wherever a reader got it from: they become the names of those files,
and links to pages of the site lead to these.

| function | gives |
|---|---|
| `body` | the text of the file without its title, its links put right |
"""

import re
from pathlib import Path

from openmeasures.errors import RenderError

FILE = "CONTRIBUTING.md"
PAGES = "site/"  # where pages of the site are in the repository
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")


def body(root: Path) -> str:
    """Return the text beneath the title of the project's CONTRIBUTING.md; `RenderError` where there is none."""
    path = root / FILE
    if not path.is_file():
        raise RenderError(f"{path}: no such file (the page Contribute shows it). Take it from the repository.")
    _title, _, text = path.read_text(encoding="utf-8").partition("\n")
    return _LINK.sub(_put_right, text).strip()


def _put_right(link: re.Match[str]) -> str:
    """Return a link to a page of the site, or the name of a file of the repository.

    >>> _put_right(_LINK.match("[the guide](analyses/README.md#fields)"))
    'the guide (`analyses/README.md`)'
    """
    text, target, place = link[1], link[2], link[3] or ""
    if target.startswith(PAGES):
        return f"[{text}]({target.removeprefix(PAGES)}{place})"
    return f"`{target}`" if text.strip("`") == target else f"{text} (`{target}`)"
