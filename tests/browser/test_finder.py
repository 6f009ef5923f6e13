"""The field by which an organisation is found, in a browser: keyboard, pointer, what is announced, and without scripts.

Pages are those that publishing writes, small; opened from the disk and served, under the strictest policy for scripts.
"""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

from openmeasures.publishing import finder
from openmeasures.publishing.finder import Findable
from openmeasures.publishing.templating import TEMPLATES
from openmeasures.publishing.writer import Pages
from openmeasures.store import Store

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
sync_api.expect.set_options(timeout=30_000)  # a busy machine
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (Debian: apt install chromium)")
ASSETS = Path(__file__).parents[2] / "site" / "assets"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'"
NAMES = {
    "R0A": "Manchester University NHS Foundation Trust",
    "RJ1": "Guy's and St Thomas' NHS Foundation Trust",
    "RJ7": "St George's University Hospitals NHS Foundation Trust",
    "RJZ": "King's College Hospital NHS Foundation Trust",
    "RR8": "Leeds Teaching Hospitals NHS Trust",
    "RC9": "Bedfordshire Hospitals NHS Foundation Trust",
    "REM": "Liverpool University Hospitals NHS Foundation Trust",
    "RBK": "Café & Co Hôpital Ltd",
    **{f"N{number:02}": f"Northern Walk-in Centre {number}" for number in range(12)},
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a home page, the page of each organisation, and the index."""
    folder = tmp_path_factory.mktemp("finder")
    pages = Pages(folder)
    found = [Findable(code, name, "London", f"organisations/{code}/index.html") for code, name in NAMES.items()]
    finder.write(pages, found, Store(folder / "data"))
    for name in ("finder.js", "openmeasures.css"):
        shutil.copyfile(ASSETS / name, folder / "assets" / name)
    part = TEMPLATES.get_template("finder.qmd.jinja").render(up="").replace("```{=html}", "").replace("```", "")
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>Home</title>'
    head += '<link rel="stylesheet" href="assets/openmeasures.css">'
    pages.write(
        "index.html", f'<!doctype html><html lang="en"><head>{head}</head><body><main>{part}</main></body></html>'
    )
    for address in ["organisations/index.html", *(each.address for each in found)]:
        pages.write(address, f"<!doctype html><title>{address}</title>")
    return folder


@pytest.fixture(scope="module")
def served(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, folder):
    """Open the home page from the disk; fail at the end on anything that the browser complained of."""
    page = chromium.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((folder / "index.html").as_uri())
    yield page
    page.close()
    assert said == []


def options(page):
    return page.locator("[role=option]").evaluate_all("all => all.map(each => each.firstChild.textContent)")


def announced(page):
    return page.locator("[role=status]").text_content()


def field(page):
    return page.get_by_role("combobox", name="Find an organisation")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("leeds", "RR8"),
        ("LEEDS teach", "RR8"),
        ("hospitals leeds", "RR8"),  # in any order
        ("rr8", "RR8"),
        ("guys", "RJ1"),
        ("guy’s & st. thomas", "RJ1"),
        ("saint thomas", "RJ1"),
        ("saint georges", "RJ7"),
        ("cafe and co", "RBK"),
        ("HOPITAL", "RBK"),
        ("the leeds trust", "RR8"),  # `the` is in no name here
        ("leds teaching", "RR8"),  # a letter less, and more, and other, and swapped
        ("leeeds", "RR8"),
        ("leads", "RR8"),
        ("manchetser", "R0A"),
        ("manchestr", "R0A"),
        ("qqqq", None),
        ("leadsy teaching", None),  # two letters
    ],
)
def test_what_is_typed_finds_the_organisation(page, typed, code):
    field(page).fill(typed)
    sync_api.expect(page.locator("[role=status]")).not_to_be_empty()
    expected = [NAMES[code]] if code else []
    assert options(page)[:1] == expected


def test_the_town_finds_those_in_it(page):
    field(page).fill("plymouth")
    sync_api.expect(page.locator("[role=status]")).to_have_text("No organisation found.")
    field(page).fill("london")  # by region all, by town three
    sync_api.expect(page.locator("[role=status]")).to_contain_text("20 organisations found, the first 10 listed.")
    assert {NAMES["RJ1"], NAMES["RJ7"], NAMES["RJZ"]} >= set(options(page)[:2])


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("broadgreen", "REM", "formerly Royal Liverpool and Broadgreen University Hospitals NHS Trust"),
        ("rc1", "RC9", "formerly RC1"),
        ("pennine acute", "R0A", "in part formerly Pennine Acute Hospitals NHS Trust"),
    ],
)
def test_a_former_name_or_code_finds_the_successor_and_says_so(page, typed, code, says):
    field(page).fill(typed)
    sync_api.expect(page.get_by_role("option")).to_have_count(1)
    assert options(page) == [NAMES[code]]
    assert page.get_by_role("option").locator("span").text_content().endswith(says)


def test_a_similar_name_is_said_to_be_no_more_than_that(page):
    field(page).fill("leads")
    sync_api.expect(page.locator("[role=status]")).to_have_text("1 organisation found with a similar name.")


def test_the_keyboard_goes_through_the_list_and_round_and_opens_the_page(page):
    box = field(page)
    assert box.get_attribute("aria-expanded") == "false"
    box.fill("northern")
    sync_api.expect(page.get_by_role("option")).to_have_count(10)
    assert (box.get_attribute("aria-expanded"), box.get_attribute("aria-activedescendant")) == ("true", None)
    for key, active in [("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", 9), ("ArrowDown", 0)]:
        box.press(key)
        assert box.get_attribute("aria-activedescendant") == f"om-found-{active}"
        assert page.locator("[aria-selected=true]").get_attribute("id") == f"om-found-{active}"
    box.press("Enter")
    page.wait_for_url("**/organisations/N00/index.html")


def test_arrow_up_first_goes_to_the_last(page):
    field(page).fill("northern")
    sync_api.expect(page.get_by_role("option")).to_have_count(10)
    field(page).press("ArrowUp")
    assert field(page).get_attribute("aria-activedescendant") == "om-found-9"


def test_enter_opens_what_is_certain_and_else_goes_to_the_first(page):
    field(page).fill("northern")
    sync_api.expect(page.get_by_role("option")).to_have_count(10)
    field(page).press("Enter")
    assert field(page).get_attribute("aria-activedescendant") == "om-found-0"
    field(page).fill("rj1")
    field(page).press("Enter")
    page.wait_for_url("**/organisations/RJ1/index.html")


def test_escape_closes_the_list_and_then_empties_the_field(page):
    box = field(page)
    box.fill("leeds")
    sync_api.expect(page.get_by_role("option")).to_have_count(1)
    box.press("Escape")
    assert (page.get_by_role("option").count(), box.input_value()) == (0, "leeds")
    assert box.get_attribute("aria-expanded") == "false"
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == "om-found-0"
    box.press("Escape")
    box.press("Escape")
    assert (box.input_value(), announced(page)) == ("", "")


def test_enter_and_arrows_on_nothing_do_nothing(page):
    field(page).focus()
    for key in ("Enter", "ArrowDown", "Escape"):
        field(page).press(key)
    assert page.url.endswith("/index.html")
    assert page.get_by_role("option").count() == 0


def test_a_click_opens_the_page_and_leaving_the_field_closes_the_list(page):
    field(page).fill("hospital")
    sync_api.expect(page.get_by_role("listbox")).to_be_visible()
    field(page).press("Tab")
    sync_api.expect(page.get_by_role("listbox")).to_be_hidden()
    field(page).fill("kings")
    page.get_by_role("option").first.click()
    page.wait_for_url("**/organisations/RJZ/index.html")


def test_the_index_is_loaded_once_and_only_when_somebody_comes_to_the_field(chromium, served):
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(served)
    assert "organisations.js" not in asked
    field(page).fill("leeds")
    sync_api.expect(page.get_by_role("option")).to_have_count(1)
    field(page).blur()
    field(page).focus()
    assert asked.count("organisations.js") == 1
    page.close()


def test_an_index_that_cannot_be_had_is_said_to_be_so(chromium, served):
    page = chromium.new_page()
    page.route("**/organisations.js", lambda route: route.abort())
    page.goto(served)
    field(page).fill("leeds")
    sync_api.expect(page.locator("[role=status]")).to_contain_text("could not be loaded. Use the list")
    page.close()


def test_without_scripts_there_is_a_link_to_the_list_and_no_field(chromium, folder):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert not page.locator("#om-finder").is_visible()
    page.get_by_role("link", name="All organisations, by region").click()
    assert page.url.endswith("/organisations/index.html")
    context.close()
