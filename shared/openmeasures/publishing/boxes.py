"""Boxes for the tables of a page's Markdown: on a narrow screen a table scrolls in its own, by keyboard too.

Without one a phone either breaks the words of a table letter by letter, or lets the whole page scroll sideways. A box
is named after the heading above it, as a screen reader says it.

| function | does |
|---|---|
| `put` | puts each table of a page into a box |
| `around_tables` | does so with tables that are HTML already |
"""

import re
from html import escape

_BLOCK = re.compile(
    r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)[ ]*$"  # code, or a raw block: nothing in it is Markdown
    r"|^#{1,6} (?P<heading>[^\n]+)$"
    r"|(?P<table>(?:^\|[^\n]*(?:\n|\Z))+)",
    re.MULTILINE | re.DOTALL,
)
_MARKS = re.compile(r"\s*\{[^}]*\}\s*$|\[([^\]]*)\]\([^)]*\)|[`*]")
_OPENED, _CLOSED = '<div class="om-scroll" tabindex="0" role="region" aria-label="{}">', "</div>"


def put(page: str) -> str:
    r"""Return a page with a box around each of its pipe tables; those in code, and in raw blocks, are left alone.

    >>> print(put("## Sources {#sources}\n\n| a |\n|:--|\n| b |\n"))
    ## Sources {#sources}
    <BLANKLINE>
    ```{=html}
    <div class="om-scroll" tabindex="0" role="region" aria-label="Sources: table">
    ```
    <BLANKLINE>
    | a |
    |:--|
    | b |
    <BLANKLINE>
    ```{=html}
    </div>
    ```
    <BLANKLINE>
    """
    heading, number = "This page", 0

    def boxed(block: re.Match[str]) -> str:
        nonlocal heading, number
        if block["heading"]:
            heading, number = _MARKS.sub(r"\1", block["heading"]), 0
        if not block["table"]:
            return block[0]
        number += 1
        label = f"{heading}: table" + (f" {number}" if number > 1 else "")
        return f"{_raw(_OPENED.format(escape(label)))}\n{block['table'].rstrip()}\n\n{_raw(_CLOSED)}"

    return _BLOCK.sub(boxed, page)


def _raw(html: str) -> str:
    return f"```{{=html}}\n{html}\n```\n"


def around_tables(html: str, *, label: str) -> str:
    """Return HTML with a box around each table, all of them named `label`."""
    opened = _OPENED.format(escape(label))
    return html.replace("<table>", f"{opened}<table>").replace("</table>", f"</table>{_CLOSED}")
