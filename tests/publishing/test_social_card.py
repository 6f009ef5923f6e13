"""The image by which a page is shown elsewhere: drawn whole, with its words, small, the same each time."""

import zlib

import pytest

from openmeasures.publishing import social_card
from openmeasures.publishing.social_card import Shown
from openmeasures.publishing.website import Website
from openmeasures.publishing.writer import Pages

PAGE = '---\ntitle: "Four hours"\nsubtitle: "Of whom"\n---\n\nText\n'
SHOWN = Shown("A&E", "Guy's & Co", "74.5 %", "March 2026", "Special cause: concern ▼", "concern", "<svg></svg>")
ONLINE = Website("Measures", "https://example.org/")


def drawn(**values):
    return social_card.draw(**({"site": "Measures", "title": "A", "said": "B"} | values))


@pytest.fixture
def svg(monkeypatch):
    """Draw, and return what was drawn as text."""

    def one(**values):
        kept = []
        draw = social_card.vl_convert.svg_to_png
        monkeypatch.setattr(social_card.vl_convert, "svg_to_png", lambda text: kept.append(text) or draw(text))
        drawn(**values)
        return kept[0]

    return one


def pixels(image):
    """The bytes of a PNG's pixels: four each, and one before each line."""
    at, stream = 8, b""
    while at < len(image):
        size = int.from_bytes(image[at : at + 4])
        name, content = image[at + 4 : at + 8], image[at + 8 : at + 8 + size]
        assert zlib.crc32(name + content) == int.from_bytes(image[at + 8 + size : at + 12 + size])
        stream += content if name == b"IDAT" else b""
        at += size + 12
    return zlib.decompress(stream)


def test_it_is_a_png_of_the_size_that_pages_give():
    image = drawn(shown=SHOWN)
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(image[at : at + 4]) for at in (16, 20))
    assert (width, height) == social_card.SIZE
    assert len(pixels(image)) == height * (4 * width + 1)


def test_it_is_smaller_than_vl_convert_makes_it_and_shows_the_same(monkeypatch):
    small = drawn(shown=SHOWN)
    monkeypatch.setattr(social_card, "_compressed", lambda image: image)
    large = drawn(shown=SHOWN)
    assert len(small) < len(large) / 2
    assert pixels(small) == pixels(large)


def test_it_is_drawn_the_same_again():
    assert drawn() == drawn()
    assert drawn() != drawn(title="Another")


def test_a_run_s_has_the_latest_figure_and_of_whom_it_is(svg):
    text = svg(shown=SHOWN, note="Synthetic data")
    for each in ("A&amp;E", "Guy&#39;s &amp; Co", "74.5 %", "March 2026", "Special cause: concern ▼", "Synthetic data"):
        assert f">{each}</text>" in text


def test_another_page_s_says_what_it_is_about_and_what_has_no_room_ends_in_dots(svg):
    text = svg(title="word " * 60, said="sentence " * 100)
    assert text.count("…</text>") == 2
    assert text.count('font-weight="bold" fill="#1d2935"') == social_card.TITLE[1]


def test_a_page_has_one_where_the_site_has_an_address(tmp_path):
    pages = Pages(tmp_path, ONLINE._replace(synthetic=True))
    pages.write_page("methods/spc.qmd", PAGE)
    assert pages.written == ["cards/methods-spc.png", "methods/spc.qmd"]
    assert (tmp_path / "cards/methods-spc.png").read_bytes() == social_card.draw(
        site="Measures", title="Four hours", said="Of whom", note="Synthetic data"
    )


@pytest.mark.parametrize("website", [Website("Measures"), ONLINE._replace(not_before="tomorrow")])
def test_without_an_address_and_in_a_preview_there_is_none(tmp_path, website):
    pages = Pages(tmp_path, website)
    pages.write_page("methods/spc.qmd", PAGE)
    assert pages.written == ["methods/spc.qmd"]


def test_a_page_without_front_matter_has_none(tmp_path):
    pages = Pages(tmp_path, ONLINE)
    pages.write_page("x.qmd", "Text\n")
    assert pages.written == ["x.qmd"]
