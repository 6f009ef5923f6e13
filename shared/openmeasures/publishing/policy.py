"""What a page may do: the Content-Security-Policy, completed for pages that Quarto rendered.

`_quarto.yml` writes the policy into each page: scripts come from the site itself and none stands in a page. smalldocs
keeps to that. Quarto has a few scripts of its own in each page, for the buttons that copy code and the like; they are
let through one by one, by a hash of their content [1], so that a script that came into a page later stays out.

| function | gives |
|---|---|
| `completed` | a page whose policy lets its own scripts through |
| `main` | the same for a folder of pages; `_quarto.yml` calls it when a site is rendered |

This module imports nothing else of ours, so that it costs a build nothing.

1. W3C, Content Security Policy Level 3, section 2.3.1, https://www.w3.org/TR/CSP3/
"""

import base64
import hashlib
import html
import os
import re
from pathlib import Path

OUTPUT = "QUARTO_PROJECT_OUTPUT_DIR"  # where the site is, as Quarto says to what it calls
BY_SMALLDOCS = "SMALLDOCS"  # which sets this and, in pages without its dark mode, writes no script into them

_SCRIPT = re.compile(r"<script\b(?P<attributes>[^>]*)>(?P<content>.*?)</script>", re.DOTALL | re.IGNORECASE)
_HAS_SOURCE = re.compile(r"\bsrc\s*=", re.IGNORECASE)
_DATA = re.compile(r"\btype\s*=\s*[\"']?application/(?:ld\+)?json", re.IGNORECASE)  # never run, so never refused
_HANDLER = re.compile(r"<[a-z][^<>]*?\son[a-z]+=\"(?P<content>[^\"]*)\"", re.IGNORECASE)
_POLICY = re.compile(r"(?<=; script-src 'self')[^;\"]*(?=;)")


def completed(page: str) -> str:
    """Return a page whose policy allows the scripts and the handlers (`onclick`) that it holds, each by its hash.

    A page without a policy, and one without such scripts, stays as it is.
    """
    scripts = [
        match["content"]
        for match in _SCRIPT.finditer(page)
        if not _HAS_SOURCE.search(match["attributes"]) and not _DATA.search(match["attributes"])
    ]
    handlers = [html.unescape(match["content"]) for match in _HANDLER.finditer(_SCRIPT.sub("", page))]
    allowed = [_hash(content) for content in dict.fromkeys(scripts)]
    if handlers:  # a hash allows a handler only beside this word
        allowed += ["'unsafe-hashes'", *(_hash(content) for content in dict.fromkeys(handlers))]
    return _POLICY.sub("".join(f" {source}" for source in allowed), page, count=1)


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def main() -> None:
    """Complete the policy of every page that was rendered."""
    if BY_SMALLDOCS in os.environ:
        return
    for path in Path(os.environ[OUTPUT]).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        changed = completed(page)
        if changed != page:
            path.write_text(changed, encoding="utf-8", newline="")


if __name__ == "__main__":  # pragma: no cover - called by the renderer
    main()
