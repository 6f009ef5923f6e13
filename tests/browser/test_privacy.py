"""No page asks another host for anything, and the browser holds it to that by the page's own policy."""

import re

import pytest

from openmeasures.publishing import policy

KINDS = (
    "index.html", "measures/index.html", "measures/ae_four_hour/index.html", "organisations/index.html",
    "organisations/Z-15/index.html", "organisations/Z-15/ae_four_hour.html", "organisations/Z-10/ae_four_hour.html",
    "methods/spc.html", "data.html", "reconciliation.html", "running.html",
)  # fmt: skip
ADD_SCRIPT = "(code) => { document.body.append(Object.assign(document.createElement('script'), {textContent: code})); }"


@pytest.mark.parametrize("stubbed", [False, True], ids=["no other host", "other hosts answer"])
def test_no_page_asks_another_host_or_goes_against_its_policy(reader, stubbed):
    window = reader(stubbed=stubbed)
    for kind in KINDS:
        assert window.open(kind).evaluate("window.foreign") is None
    window.page.wait_for_timeout(300)  # for what is asked for later
    assert (window.foreign, window.wrong) == ([], [])


def test_a_reader_who_searches_and_filters_asks_nobody_else(reader):
    window = reader(stubbed=True)
    page = window.open("organisations/index.html")
    page.get_by_label("Find an organisation").fill("Norrow")
    page.locator(".smalldocs-search input").fill("funnel")
    page.locator(".search-result").first.wait_for()
    assert (window.foreign, window.wrong) == ([], [])


def test_pages_open_from_a_disk(reader, built, on_disk):
    window = reader(root=on_disk(built[0] / "_site"))
    for kind in KINDS:
        assert window.open(kind).locator("main").is_visible()
    assert (window.foreign, window.wrong) == ([], [])


def test_every_page_has_the_policy_that_servers_are_told(built):
    told = (built[0] / "site" / "running.qmd").read_text(encoding="utf-8")
    [block] = [block for block in re.findall(r"```text\n(.*?)```", told, re.DOTALL) if "script-src" in block]
    expected = f'content="{" ".join(block.split()).removesuffix(";")}"'
    pages = list((built[0] / "_site").rglob("*.html"))
    assert pages
    assert [page.name for page in pages if expected not in page.read_text(encoding="utf-8")] == []


# ---- what the policy refuses


def test_a_script_that_comes_into_a_page_is_refused(reader):
    window = reader()
    page = window.open("index.html")
    page.evaluate(ADD_SCRIPT, "window.ran = true")
    page.evaluate("setTimeout('window.ran = true')")  # as `eval` does; Playwright itself may call that
    page.evaluate("document.querySelector('h1').setAttribute('onclick', 'window.ran = true')")
    page.locator("h1").click()
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert sum("policy: script-src" in said for said in window.wrong) == 3


def test_an_image_or_data_of_another_host_is_refused_before_it_is_asked_for(reader):
    window = reader(stubbed=True)
    page = window.open("index.html")
    page.evaluate("new Image().src = 'https://example.org/pixel.png'")
    page.evaluate("fetch('https://example.org/track').catch(() => null)")
    page.wait_for_timeout(100)
    assert window.foreign == []
    assert {said.split()[1] for said in window.wrong if said.startswith("policy: ")} == {"img-src", "connect-src"}


def test_a_script_of_the_renderer_is_let_through_by_its_hash_and_no_other(reader, built, tmp_path, on_disk):
    """As in a page of Quarto, which has scripts of its own."""
    page = (built[0] / "_site" / "about.html").read_text(encoding="utf-8")
    own = '<script id="quarto-html-after-body" type="application/javascript">\nwindow.own = "’";\n</script>'
    handler = '<button onclick="window.pressed = &quot;yes&quot;">Press</button>'
    (tmp_path / "page.html").write_text(policy.completed(page.replace("</main>", f"{own}{handler}</main>")), "utf-8")
    window = reader(root=on_disk(tmp_path))
    shown = window.open("page.html")
    shown.get_by_role("button", name="Press").click()
    shown.evaluate(ADD_SCRIPT, "window.ran = true")
    assert shown.evaluate("[window.own, window.pressed, window.ran]") == ["’", "yes", None]
