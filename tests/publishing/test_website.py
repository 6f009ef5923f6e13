"""What `_quarto.yml` says of the website."""

import pytest

from openmeasures.errors import RenderError
from openmeasures.publishing import website
from openmeasures.publishing.website import Website


@pytest.fixture
def load(tmp_path):
    def load(more="", header=""):
        text = f"website:\n  title: Measures\n{more}\n{header}"
        (tmp_path / website.CONFIG).write_text(text, encoding="utf-8")
        return website.load(tmp_path)

    return load


@pytest.mark.parametrize("url", ["https://example.org/x", "https://example.org/x/"])
def test_addresses_are_below_that_of_the_site(load, url):
    assert load(f"  site-url: {url}").absolute("feed.xml") == "https://example.org/x/feed.xml"


@pytest.mark.parametrize("more", ["", "  site-url:", '  site-url: ""'])
def test_without_an_address_there_is_none(load, more):
    assert load(more) == Website("Measures", "", ())


def test_what_is_no_address_is_refused(load):
    with pytest.raises(
        RenderError, match=r"_quarto\.yml, website, site-url: found 'example\.org', expected an address"
    ):
        load("  site-url: example.org")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("head.html", ("head.html",)),
        ("[head.html, {text: '<meta>'}]", ("head.html", {"text": "<meta>"})),
        ("{text: '<meta>'}", ({"text": "<meta>"},)),
    ],
)
def test_what_is_in_every_head_is_a_list_however_it_is_written(load, given, found):
    assert load(header=f"format:\n  html:\n    include-in-header: {given}\n").in_header == found
