"""Boxes in which tables scroll: around each table, named after its heading, and around nothing else."""

import re

from openmeasures.publishing import boxes

TABLE = "| a | b |\n|:--|--:|\n| 1 | 2 |\n"


def labels(page):
    return re.findall(r'aria-label="([^"]*)"', boxes.put(page))


def test_a_table_is_in_a_box_and_the_rest_is_as_it_was():
    before, after = "Words | of a line.\n\n", "\nMore words.\n"
    opened = '```{=html}\n<div class="om-scroll" tabindex="0" role="region" aria-label="This page: table">\n```\n\n'
    assert boxes.put(before + TABLE + after) == f"{before}{opened}{TABLE}\n```{{=html}}\n</div>\n```\n{after}"


def test_a_table_at_the_very_end_is_in_a_box():
    assert boxes.put(TABLE.rstrip("\n")) == boxes.put(TABLE)


def test_boxes_are_named_after_their_heading_and_numbered_beneath_it():
    page = f"## First\n\n{TABLE}\nWords.\n\n{TABLE}\n### Second {{#id .cls}}\n\n{TABLE}"
    assert labels(page) == ["First: table", "First: table 2", "Second: table"]


def test_a_name_is_without_marks_and_safe():
    assert labels(f"## [Data](data.qmd), `a` & *b*\n\n{TABLE}") == ["Data, a &amp; b: table"]


def test_code_and_raw_blocks_are_left_alone():
    page = f"```\n# no heading\n{TABLE}```\n\n````{{=html}}\n```\n{TABLE}```\n````\n\n~~~\n{TABLE}~~~\n"
    assert boxes.put(page) == page
    assert labels(f"## Real\n\n```\n## Not\n```\n\n{TABLE}") == ["Real: table"]


def test_tables_of_html_get_the_same_box():
    assert boxes.around_tables("<p>x</p><table><tr></tr></table>", label="A & B") == (
        '<p>x</p><div class="om-scroll" tabindex="0" role="region" aria-label="A &amp; B">'
        "<table><tr></tr></table></div>"
    )
