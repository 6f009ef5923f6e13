"""The package's documentation as pages, from our own docstrings, and one docstring at a time."""

import re
from html import unescape

import pytest

from openmeasures.methods import spc
from openmeasures.publishing import documentation, origins
from openmeasures.publishing.writer import Pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    written = Pages(tmp_path_factory.mktemp("stage"))
    documentation.write(written, origins.of([], synthetic=True))
    return {
        name.removeprefix("package/"): (written.stage / name).read_text(encoding="utf-8") for name in written.written
    }


# ---- docstrings


def html(text, **known):
    return documentation.html(text, lambda name: known.get(name, ""))


def test_a_docstring_is_markdown():
    assert html("One *two*.\n\n- a\n- b") == "<p>One <em>two</em>.</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"


def test_an_example_is_code_and_no_quotation():
    assert html("Text.\n\n>>> f(1)\n2\n\nMore.") == (
        '<p>Text.</p>\n<pre><code class="language-python">&gt;&gt;&gt; f(1)\n2\n</code></pre>\n<p>More.</p>\n'
    )


def test_an_example_at_the_end_is_code_too():
    assert "<blockquote>" not in html("Text.\n\n>>> f(1)\n2")


def test_tags_in_a_docstring_are_shown_and_not_obeyed():
    assert html("See <b> and <script>.") == "<p>See &lt;b&gt; and &lt;script&gt;.</p>\n"


def test_a_known_name_leads_to_its_place_and_another_does_not():
    found = html("`f` and `g` and `f()`", f="methods.html#spc.f")
    assert found == ('<p><a href="methods.html#spc.f"><code>f</code></a> and <code>g</code> and <code>f()</code></p>\n')


def test_no_line_is_blank_since_that_would_end_the_block():
    assert "\n\n" not in html("    code\n\n    more code\n\nText.")


# ---- pages


def test_every_group_of_modules_has_its_page(pages):
    groups = {"charts", "fetching", "methods", "modules", "publishing", "reviewing", "running", "sample", "sources"}
    assert {name.removesuffix(".qmd") for name in pages} == groups | {"index"}


def test_what_is_public_is_there_with_its_docstring_and_nothing_private(pages):
    assert '<h3 id="spc.xmr">xmr</h3>' in pages["methods.qmd"]
    first = spc.xmr.__doc__.partition(".")[0].partition("`")[0]
    assert first in unescape(pages["methods.qmd"])
    assert not re.search(r'id="[\w.]*\._', "".join(pages.values()))


def test_a_signature_that_is_long_has_a_line_for_each_argument(pages):
    [signature] = re.findall(r'<h3 id="assurance\.assurance">.*?<code>(.*?)</code>', pages["methods.qmd"], re.DOTALL)
    assert unescape(signature).splitlines() == [
        "assurance(",
        "    *,",
        "    standard: pl.Expr,",
        "    lower: pl.Expr,",
        "    upper: pl.Expr,",
        "    improvement: Improvement,",
        ") -> pl.Expr",
    ]


def test_a_signature_that_is_short_has_one(pages):
    assert "<code>month_end(month: date) -&gt; date</code>" in pages["modules.qmd"]


def test_an_argument_is_not_split_within_its_type():
    assert documentation._split("a: dict[str, int], *, b: str") == ["a: dict[str, int]", "*", "b: str"]


def test_a_class_has_its_fields_and_its_members(pages):
    page = unescape(pages["modules.qmd"])
    assert "class Release(BaseModel)\n    sha256: str\n" in page
    assert '<h4 id="periods.Period.label">label</h4>' in page
    assert '<h4 id="periods.Period.step">step</h4>' in page


def test_every_link_between_these_pages_leads_somewhere(pages):
    places = {
        name.replace(".qmd", ".html"): {
            *re.findall(r'id="([^"]+)"', text), *(heading for heading in re.findall(r"^## (\w+)$", text, re.MULTILINE))
        }
        for name, text in pages.items()
    }  # fmt: skip
    links = [link for text in pages.values() for link in re.findall(r'href="(\w+\.html)#([^"]+)"', text)]
    assert len(links) > 100
    assert [link for link in links if link[1] not in places[link[0]]] == []


def test_no_id_occurs_twice_on_a_page(pages):
    for text in pages.values():
        ids = re.findall(r'id="([^"]+)"', text)
        assert len(set(ids)) == len(ids)


def test_the_list_says_in_a_line_what_each_module_is_for(pages):
    assert (
        "| [periods](modules.qmd#periods) | Months, quarters and financial years, as publications" in pages["index.qmd"]
    )
