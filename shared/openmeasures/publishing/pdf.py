"""Sets a printable document with Typst: no network, no font of this machine, no clock.

Documents follow PDF/UA-1 [1]: a structure of headings, tables and figures with words for them, which Typst refuses to
leave out. The fonts beside this module are those that charts are measured with, Liberation Sans 2.1.5 (SIL Open Font
License, see the folder), so that a document looks alike everywhere.

Source:
1. ISO 14289-1, as Typst has it: https://typst.app/docs/reference/pdf/
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Literal

import typst

STANDARD: Literal["ua-1"] = "ua-1"
FONTS = Path(__file__).parent / "fonts"
TEMPLATES = Path(__file__).parent / "templates"


def written(template: str, content: Mapping[str, object], *, day: date) -> bytes:
    """Return the document that a template (`templates/<template>.typ`) makes of `content`, the same bytes every time.

    `content` is plain data: Typst takes none of it for markup. `day` is the document's date.
    """
    document = _compiler(template).compile(
        sys_inputs={"content": json.dumps(content)},
        format="pdf",
        pdf_standards=STANDARD,
        timestamp=datetime.combine(day, time(), UTC),
    )
    assert isinstance(document, bytes)  # one file, since no output is named
    return document


@cache
def _compiler(template: str) -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[FONTS])
    return typst.Compiler(TEMPLATES / f"{template}.typ", root=TEMPLATES, font_paths=fonts, ignore_system_fonts=True)
