"""Pages are for everyone: WCAG 2.2 AA by axe, by keyboard alone, zoomed, on a phone, printed, in the dark, at rest."""

import pytest
from axe_playwright_python.sync_playwright import Axe

MEASURE = "measures/ae_four_hour/index.html"
OF_ORGANISATION = "organisations/Z-15/ae_four_hour.html"
FAILED = "organisations/Z-10/ae_four_hour.html"
KINDS = (
    "index.html", "measures/index.html", MEASURE, "organisations/index.html", "organisations/Z-15/index.html",
    OF_ORGANISATION, FAILED, "methods/index.html", "methods/spc.html", "data.html", "reconciliation.html",
    "running.html", "about.html", "contribute.html", "status.html", "benchmarks.html", "systems/index.html",
    "systems/Z-Q1/index.html", "regions/Z-Y1/index.html", "package/index.html", "package/running.html",
    "methods/conformance.html", "methods/deviations.html",
)  # fmt: skip
STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
ZOOMED = 320  # pixels: a window of 1,280 at 400 %, the width of success criterion 1.4.10
DARK = 0.2  # the relative luminance below which a ground is dark
TABBABLE = "a[href], button, input, select, summary, [tabindex='0']"

LUMINANCE = """([selector, property]) => {
  const [r, g, b] = getComputedStyle(document.querySelector(selector))[property].match(/[\\d.]+/g).map(Number)
    .map((each) => each / 255).map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""
# Words of tables that are broken within. Code may be, and what is more than a word: an address, or one with a hyphen.
BROKEN = """() => [...document.querySelectorAll("main :is(td, th)")].flatMap((cell) => {
  const found = [], walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (cell.checkVisibility() && walker.nextNode()) {
    const node = walker.currentNode;
    for (const word of node.data.matchAll(/(?<![^\\s(])[\\p{L}\\p{N}]+(?![^\\s,.;:)])/gu)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => box.top));
      if (lines.size > 1 && !node.parentElement.closest("code, .om-unseen")) found.push(word[0]);
    }
  }
  return found;
})"""
FOCUSED = """() => {
  const it = document.activeElement, look = getComputedStyle(it), box = it.getBoundingClientRect();
  window.focused = (window.focused ?? new Set()).add(it);
  return {
    name: it.outerHTML.slice(0, 90), outline: look.outlineStyle === "none" ? 0 : parseFloat(look.outlineWidth),
    isSeen: box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
  };
}"""


def found(page):
    """What axe finds, each as one line with the element."""
    options = {"runOnly": {"type": "tag", "values": STANDARD}, "resultTypes": ["violations"]}
    response = Axe().run(page, options=options).response
    return [f"{each['id']}: {node['html'][:200]}" for each in response["violations"] for node in each["nodes"]]


# Either scheme at either width: what differs in both is in the style sheets' two media queries, which do not meet.
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(reader, kind, scheme, width):
    page = reader(width=width, scheme=scheme).open(kind)
    assert found(page) == []


def test_axe_finds_nothing_in_what_is_folded_away(reader):
    page = reader(scheme="dark").open(MEASURE)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert found(page) == []


def test_axe_would_find_something(reader):
    page = reader().open("index.html")
    page.evaluate("document.querySelector('.om-notice').style.color = '#c0b0d0'")
    assert {each.partition(":")[0] for each in found(page)} == {"color-contrast"}


@pytest.mark.parametrize("width", [390, ZOOMED])
def test_no_page_scrolls_sideways(reader, width):
    window = reader(width=width)
    wide = {kind: window.open(kind).evaluate("document.documentElement.scrollWidth") for kind in KINDS}
    assert {kind: reach for kind, reach in wide.items() if reach > width} == {}


def test_no_table_breaks_a_word_on_a_phone(reader):
    window = reader(width=390)
    broken = {kind: window.open(kind).evaluate(BROKEN) for kind in KINDS}
    assert {kind: words for kind, words in broken.items() if words} == {}


# ---- the keyboard


def test_the_first_key_offers_to_skip_to_the_content(reader):
    page = reader().open(MEASURE)
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    assert link.inner_text() == "Skip to the content"
    assert page.evaluate(FOCUSED)["isSeen"]
    page.keyboard.press("Enter")
    assert page.url.endswith("#quarto-document-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("kind", [MEASURE, "organisations/index.html"])
def test_every_control_is_reached_by_keyboard_and_shows_its_focus(reader, kind):
    page = reader(reduced_motion="reduce").open(kind)  # or it would still be on its way into view
    there = page.locator(TABBABLE).count()
    passed = []
    for _ in range(there + 5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        passed.append(page.evaluate(FOCUSED))
    assert [each["name"] for each in passed if each["outline"] < 2 or not each["isSeen"]] == []
    missed = page.evaluate(
        "(tabbable) => [...document.querySelectorAll(tabbable)]"
        ".filter((each) => each.checkVisibility() && each.tabIndex >= 0 && !window.focused.has(each))"
        ".map((each) => each.outerHTML.slice(0, 90))",
        TABBABLE,
    )
    assert missed == []


def test_the_figures_behind_a_chart_open_by_keyboard(reader):
    page = reader().open(OF_ORGANISATION)
    table = page.locator("details:has(summary:text('The figures behind this chart'))").first
    assert not table.locator("table").is_visible()
    table.locator("summary").focus()
    page.keyboard.press("Enter")
    assert table.locator("table").is_visible()


# ---- other ways to read


def test_the_page_is_dark_where_the_reader_asks_and_paper_is_not(reader):
    page = reader(scheme="dark").open(MEASURE)
    ground = ["body", "backgroundColor"]
    assert page.evaluate(LUMINANCE, ground) < DARK
    page.emulate_media(color_scheme="light")
    assert page.evaluate(LUMINANCE, ground) > 1 - DARK
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(LUMINANCE, ground) > 1 - DARK


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sparkline_can_be_told_from_its_band(reader, scheme):
    """Graphics need a contrast of 3 to 1 (success criterion 1.4.11)."""
    page = reader(scheme=scheme).open("organisations/Z-15/index.html")
    band = page.evaluate(LUMINANCE, [".om-spark-band", "fill"])
    for part in ("line", "dots", "mean"):
        darker, lighter = sorted([band, page.evaluate(LUMINANCE, [f".om-spark-{part}", "stroke"])])
        assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_print_has_the_finding_and_the_charts_and_nothing_to_click(reader):
    page = reader().open(OF_ORGANISATION)
    page.emulate_media(media="print")
    for shown in (".om-finding", ".om-figure svg >> visible=true"):
        assert page.locator(shown).first.is_visible()
    for hidden in (".navbar", ".om-trail", ".om-details", ".om-skip"):
        assert not page.locator(hidden).first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_nothing_moves_for_those_who_ask_for_less_motion(reader):
    page = reader(reduced_motion="reduce").open(MEASURE)
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((each) => { const look = getComputedStyle(each); return"
        " look.animationName !== 'none' || look.scrollBehavior === 'smooth'"
        " || look.transitionDuration.split(', ').some((time) => parseFloat(time) > 0); })"
        ".map((each) => each.outerHTML.slice(0, 90))"
    )
    assert moving == []


def test_charts_and_findings_are_there_without_any_script(reader):
    page = reader(java_script_enabled=False).open(OF_ORGANISATION)
    chart = page.locator("figure svg[role=img] >> visible=true").first
    assert chart.bounding_box()["width"] > 500
    assert " in March 2026 " in chart.get_attribute("aria-label")
