"""A chart is an image until its reader asks for more; then it answers, and from this site alone."""

import csv
import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

ENGLAND = "measures/ae_four_hour/index.html"
OF_ORGANISATION = "organisations/Z-15/ae_four_hour.html"
OF_RATES = "organisations/Z-15/ae_twelve_hour_dta.html"  # its peers are dots, not a funnel
VARIATION, PEERS = "variation-0", "peers-0"


class Chart:
    """One chart of a page, by the end of its file's name."""

    def __init__(self, page, key):
        self.page = page
        self.figure = page.locator(f"figure[data-chart$='-{key}.vl.json']")
        self.tools = page.locator(f"figure[data-chart$='-{key}.vl.json'] + .om-tools")
        self.choices = page.locator(f"figure[data-chart$='-{key}.vl.json'] + .om-tools + .om-choices")
        self.said = page.locator(f"figure[data-chart$='-{key}.vl.json'] + .om-tools + .om-choices + .om-said")

    def button(self, name):
        return self.tools.get_by_role("button", name=name)

    @property
    def shown(self):
        return self.figure.locator("svg >> visible=true")

    def explore(self):
        self.button("Interactive chart").click()
        self.figure.locator(".om-live svg").wait_for()
        return self

    def words(self):
        return " ".join(self.shown.locator("text").all_text_contents())

    def saved(self, name, folder):
        with self.page.expect_download() as download:
            self.button(name).click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


@pytest.fixture
def chart(reader):
    """Open a page and return the window and one of its charts."""

    def one(kind, key, **window):
        opened = reader(reduced_motion="reduce", **window)
        return opened, Chart(opened.open(kind), key)

    return one


def test_nothing_is_loaded_before_the_reader_asks(chart):
    _, one = chart(ENGLAND, VARIATION)
    loaded = one.page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert any(name.endswith("charts.js") for name in loaded)
    assert [name for name in loaded if name.endswith(("vega.js", ".vl.json"))] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_interactive_chart_is_the_same_chart(chart, width):
    window, one = chart(OF_ORGANISATION, VARIATION, width=width)
    before = (one.shown.get_attribute("aria-label"), one.words(), one.shown.bounding_box()["width"])
    one.explore()
    after = (one.shown.get_attribute("aria-label"), one.words(), one.shown.bounding_box()["width"])
    assert after[:2] == before[:2]
    assert after[2] == pytest.approx(before[2], abs=2)
    assert (window.wrong, window.foreign) == ([], [])
    one.button("Interactive chart").click()
    assert one.figure.locator(".om-live").is_hidden()
    assert one.shown.count() == 1


def test_a_point_tells_its_month_value_counts_limits_and_status(chart):
    _, one = chart(OF_ORGANISATION, VARIATION)
    one.explore().figure.locator(".om-live .points_marks path").last.hover()
    told = one.page.locator("#vg-tooltip-element").inner_text()
    for said in ("March 2026", "72.1 %", "16,453", "22,829", "Common cause", "66.6 % to 76.0 %", "78 %"):
        assert said in told.replace("\u00a0", " ")


def test_a_month_without_a_figure_tells_why(chart):
    _, one = chart(OF_ORGANISATION, VARIATION)
    dash = one.explore().figure.locator(".om-live .missing_marks path").first
    dash.scroll_into_view_if_needed()
    box = dash.bounding_box()
    one.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "Not applicable" in one.page.locator("#vg-tooltip-element").inner_text()


def test_the_series_is_shown_seasonally_adjusted_or_without_new_limits(chart):
    window, one = chart(ENGLAND, VARIATION)
    one.explore()
    expect(one.said).to_have_text("")
    for words, title in (
        ("Seasonally adjusted", "seasonally adjusted"),
        ("Without new limits", "limits of all months"),
    ):
        one.choices.get_by_label(words).check()
        one.shown.locator("text", has_text=title).first.wait_for()
        expect(one.said).to_have_text(one.shown.get_attribute("aria-label"))
    one.choices.get_by_label("As published").check()
    one.shown.locator("text", has_text="Milestone").first.wait_for()
    expect(one.said).to_have_text("")
    assert window.wrong == []


@pytest.mark.parametrize(("kind", "width"), [(OF_ORGANISATION, 1280), (OF_RATES, 1280), (OF_RATES, 390)])
def test_a_peer_is_highlighted_by_a_ring_and_in_words(chart, kind, width):
    window, one = chart(kind, PEERS, width=width)
    select = one.explore().choices.get_by_label("Highlight an organisation")
    name = select.locator("option").all_inner_texts()[2]
    select.select_option(name)
    one.shown.locator(".highlight_marks path").wait_for()
    expect(one.said).to_contain_text(f"{name}: ")
    assert one.shown.locator(".highlight_marks path").count() == 1
    assert one.page.evaluate("document.documentElement.scrollWidth") == width
    select.select_option("none")
    one.shown.locator(".highlight_marks").wait_for(state="detached")
    expect(one.said).to_have_text("")
    assert window.wrong == []


def test_the_last_of_several_quick_choices_is_shown(chart):
    _, one = chart(ENGLAND, VARIATION)
    one.explore()
    one.page.context.route("**/*-seasons-0.vl.json", lambda route: (one.page.wait_for_timeout(400), route.continue_()))
    one.choices.get_by_label("Seasonally adjusted").check()
    one.choices.get_by_label("As published").check()
    one.page.wait_for_timeout(1500)
    assert "seasonally adjusted" not in one.words()
    expect(one.said).to_have_text("")


def test_everything_is_reached_by_keyboard(chart):
    _, one = chart(ENGLAND, VARIATION)
    one.button("Interactive chart").focus()
    one.page.keyboard.press("Enter")
    one.figure.locator(".om-live svg").wait_for()
    assert one.button("Interactive chart").get_attribute("aria-pressed") == "true"
    one.choices.get_by_label("As published").focus()
    one.page.keyboard.press("ArrowDown")
    one.shown.locator("text", has_text="limits of all months").first.wait_for()


def test_axe_finds_nothing_in_an_interactive_chart(chart):
    _, one = chart(ENGLAND, VARIATION, scheme="dark", width=390)
    one.explore()
    Chart(one.page, PEERS).explore()
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    found = Axe().run(one.page, options=options).response["violations"]
    assert [(each["id"], node["html"][:200]) for each in found for node in each["nodes"]] == []


# ---- what is saved


def test_the_image_is_saved_as_it_is_shown(chart, tmp_path):
    _, one = chart(OF_ORGANISATION, VARIATION)
    svg = one.saved("SVG", tmp_path)
    assert svg.name == "ae_four_hour-Z-15-variation-0.svg"
    assert one.shown.get_attribute("aria-label") in svg.read_text(encoding="utf-8")
    png = one.saved("PNG", tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20])
    assert width == 2 * one.page.evaluate("document.querySelector('figure[data-chart] svg').viewBox.baseVal.width")


def test_the_figures_are_saved_in_full_and_not_in_words(chart, tmp_path):
    _, one = chart(OF_ORGANISATION, PEERS)
    rows = list(csv.DictReader(one.saved("CSV", tmp_path).read_text(encoding="utf-8-sig").splitlines()))
    table = one.page.locator("figure[data-chart$='-peers-0.vl.json'] ~ details").first.locator("tbody tr")
    assert len(rows) == table.count() > 1
    in_table = {row.locator("th").text_content(): row.locator("td").first.text_content() for row in table.all()}
    assert {row["org_name"]: f"{float(row['value']):.1f}\u00a0%" for row in rows} == in_table
    assert all(float(row["denominator"]) > 0 for row in rows)
    assert not {"written", "label"} & rows[0].keys()


def test_another_view_is_saved_under_its_own_name(chart, tmp_path):
    _, one = chart(ENGLAND, VARIATION)
    one.explore().choices.get_by_label("Seasonally adjusted").check()
    one.shown.locator("text", has_text="seasonally adjusted").first.wait_for()
    saved = one.saved("CSV", tmp_path)
    assert saved.name == "ae_four_hour-ENG-seasons-0.csv"
    rows = list(csv.DictReader(saved.read_text(encoding="utf-8-sig").splitlines()))
    assert (rows[-1]["period_start"], len(rows)) == ("2026-03-01", 48)
    assert 60 < float(rows[-1]["value"]) < 90
    assert "seasonally adjusted" in one.saved("SVG", tmp_path).read_text(encoding="utf-8")
    one.button("Interactive chart").click()
    back = one.saved("SVG", tmp_path)
    assert back.name == "ae_four_hour-ENG-variation-0.svg"
    assert "seasonally adjusted" not in back.read_text(encoding="utf-8")


def test_the_specification_is_a_download_without_any_script(reader, built, tmp_path):
    page = reader(java_script_enabled=False).open(OF_ORGANISATION)
    with page.expect_download() as download:
        page.get_by_role("link", name="Vega-Lite").first.click()
    download.value.save_as(tmp_path / "a.json")
    specification = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert specification["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    assert specification["description"] == page.locator("figure svg").first.get_attribute("aria-label")


# ---- where it cannot be


def test_from_a_disk_charts_are_images_that_can_be_saved(chart, built, on_disk, tmp_path):
    window, one = chart(OF_ORGANISATION, VARIATION, root=on_disk(built[0] / "_site"))
    assert one.button("Interactive chart").count() == 0
    assert one.shown.count() == 1
    assert one.saved("PNG", tmp_path).read_bytes().startswith(b"\x89PNG")
    assert window.wrong == []


def test_where_the_specification_is_not_there_the_image_stays_and_the_page_says_so(chart):
    _, one = chart(OF_ORGANISATION, VARIATION)
    one.page.context.route("**/*.vl.json", lambda route: route.fulfill(status=404))
    one.button("Interactive chart").click()
    one.said.get_by_text("The interactive chart cannot be loaded").wait_for()
    assert one.shown.count() == 1
    assert one.button("Interactive chart").is_enabled()


def test_a_view_that_is_not_there_leaves_the_chart_and_says_so(chart):
    _, one = chart(ENGLAND, VARIATION)
    one.explore().page.context.route("**/*-seasons-0.vl.json", lambda route: route.fulfill(status=404))
    one.choices.get_by_label("Seasonally adjusted").check()
    expect(one.said).to_contain_text("cannot be loaded")
    assert one.shown.count() == 1
