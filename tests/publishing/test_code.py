import re
from html import unescape

from openmeasures import project
from openmeasures.publishing import code

CELL = 'import polars as pl\n\nx = pl.lit("<b>") if y else None  # why\nz = 1'


def test_code_reads_as_it_was_written():
    html = code.coloured(CELL)
    assert unescape(re.sub(r"<[^>]*>", "", html)) == CELL


def test_no_line_is_blank_which_would_end_the_block():
    assert all(line.strip() for line in code.coloured(CELL).split("\n"))


def test_the_style_sheet_colours_keywords_strings_numbers_and_comments():
    styles = (project.root() / "site/assets/openmeasures.css").read_text(encoding="utf-8")
    kinds = re.findall(rf'class="{code.PREFIX}(\w+)"', code.coloured(CELL))
    for kind in ("kn", "k", "kc"):
        assert kind in kinds
        assert f".{code.PREFIX}{kind}" in styles
    for first in "smc":
        assert any(kind.startswith(first) for kind in kinds)
        assert f'[class^="{code.PREFIX}{first}"]' in styles
