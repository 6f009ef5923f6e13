"""The built site, as a reader gets it: from the sample through papermill and smalldocs to files on a disk.

`built` of conftest.py makes it. The organisations are England and those that are hardest to show: no type 1 (Z-04),
with months that are not applicable (Z-15), with missing months (Z-17), gone after a merger (Z-21).
"""

import csv
import gzip
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import nbformat
import pytest

from openmeasures.charts.output import SPEC_TYPE
from openmeasures.running import notebooks
from openmeasures.store import Store

PROJECT = Path(__file__).parents[1]
MEASURE = "ae_four_hour"
ORGANISATIONS = ("Z-04", "Z-15", "Z-17", "Z-21")
FAILING = "Z-10"
NAME_OF_FAILING = "Marlowick, Grenwold and Sedgemarle NHS Foundation Trust"
KEPT = f"_build/failed/{MEASURE}/{FAILING}.ipynb"
MOST_BYTES = 60_000  # of a page, compressed: the budget of the design
LOADING = {"src", "srcset", "poster", "data", "background", "action", "formaction", "manifest", "xlink:href"}
VOID = {"link", "meta", "img", "br", "hr", "input", "source", "track", "area", "base", "col", "embed", "wbr"}
CDN = (
    "jsdelivr",
    "unpkg",
    "cdnjs",
    "googleapis",
    "gstatic",
    "cloudflare",
    "polyfill",
    "mathjax",
    "require.min",
    "bootstrapcdn",
)
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """A page's elements with their attributes, its ids, its text, and its table cells by table."""

    def __init__(self, path):
        super().__init__()
        self.path, self.source = path, path.read_text(encoding="utf-8")
        self.elements, self.open, self.text, self.tables = [], [], "", []
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data.replace("\u00a0", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if attributes.get("id")]

    @property
    def drawings(self):
        """Everything that is drawn, each as a tree."""
        return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", self.source, flags=re.DOTALL)]

    @property
    def images(self):
        """The images of its figures."""
        return [drawing for drawing in self.drawings if not is_icon(drawing)]

    @property
    def icons(self):
        return [drawing for drawing in self.drawings if is_icon(drawing)]


def is_icon(drawing):
    return "om-icon" in drawing.get("class", "").split()


@pytest.fixture(scope="module")
def site(built):
    return built[0] / "_site"


@pytest.fixture(scope="module")
def pages(site):
    """Every page by its address."""
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


def address(code):
    return f"measures/{MEASURE}/index.html" if code == "ENG" else f"organisations/{code}/{MEASURE}.html"


@pytest.fixture(scope="module")
def content(built):
    """What each run found, by organisation, from its notebook."""
    folder = built[0] / "_build" / "notebooks" / MEASURE
    return {code: notebooks.result(folder / f"{code}.ipynb") for code in ("ENG", *ORGANISATIONS)}


every_run = pytest.mark.parametrize("code", ["ENG", *ORGANISATIONS])


# ---- the command


def test_one_failure_ends_the_command_with_1_and_a_count(built):
    _, done = built
    assert done.returncode == 1
    said = done.stderr.splitlines()
    [failed] = [line for line in said if line.startswith("Failed")]
    assert failed.startswith(f"Failed {MEASURE}, {FAILING}: cell 3: FileNotFoundError: ")
    done_of_each = [int(number) for number in re.findall(r": (\d+) runs?;", done.stdout)]
    assert said[-1] == f"1 of {sum(done_of_each)} runs failed."


def test_the_renderer_warned_of_nothing(built):
    assert "warn" not in built[1].stderr.casefold()
    assert "Site rendered by smalldocs: open " in built[1].stdout


def test_every_organisation_has_its_pages(pages):
    assert {address(code) for code in ("ENG", *ORGANISATIONS, FAILING)} <= set(pages)
    assert {f"organisations/{code}/index.html" for code in (*ORGANISATIONS, FAILING)} <= set(pages)


# ---- links and assets


def test_every_link_and_asset_leads_somewhere(site, pages):
    lost = []
    for name, page in pages.items():
        for tag, attributes in page.elements:
            for attribute in ("href", "src"):
                link = urlsplit(attributes.get(attribute) or "")
                if link.scheme or link.netloc or not (link.path or link.fragment):
                    continue
                target = (site / name).parent / unquote(link.path) if link.path else site / name
                target = target / "index.html" if target.is_dir() else target
                found = target.resolve()
                if not (found.is_file() and found.is_relative_to(site)):
                    lost.append((name, tag, link.path))
                elif link.fragment and link.fragment not in pages[found.relative_to(site).as_posix()].ids:
                    lost.append((name, tag, f"{link.path}#{link.fragment}"))
    assert lost == []


def test_no_page_can_load_anything_from_another_host(pages):
    foreign = re.compile(r"\s*(https?:|ftp:|wss?:)?//", re.IGNORECASE)
    found = []
    for name, page in pages.items():
        for tag, attributes in page.elements:
            loading = {value for key, value in attributes.items() if key in LOADING}
            if tag in ("link", "base", "use", "image"):
                loading.add(attributes.get("href"))
            found += [(name, tag, value) for value in loading if value and foreign.match(value)]
        found += [(name, tag) for tag in ("iframe", "object", "embed") if page.all(tag)]
    assert found == []


def test_no_style_or_script_can_load_anything_from_another_host(site):
    loading = re.compile(
        r"""url\(\s*['"]?\s*(?:https?:)?//|@import|@font-face[^}]*https?://"""
        r"""|(?:fetch|import|importScripts|open|Worker|EventSource|WebSocket|sendBeacon)\(\s*['"`](?:https?|wss?):"""
        r"""|\.(?:src|href)\s*=\s*['"`](?:https?:)?//""",
        re.IGNORECASE,
    )
    files = [path for path in site.rglob("*") if path.suffix in (".css", ".js", ".html", ".svg")]
    assert {path.suffix for path in files} >= {".css", ".js", ".html"}
    found = {path.relative_to(site).as_posix(): loading.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_no_page_names_a_content_network(pages):
    assert [(name, word) for name, page in pages.items() for word in CDN if word in page.source.casefold()] == []


def test_search_covers_the_list_of_organisations_and_none_of_their_pages_and_the_index_all(site, pages):
    entries = json.loads((site / "search.json").read_text(encoding="utf-8"))
    assert any(entry["href"].startswith("methods/") for entry in entries)
    of_organisations = [entry for entry in entries if entry["href"].startswith("organisations/")]
    assert {entry["href"].partition("#")[0] for entry in of_organisations} == {"organisations/index.html"}
    assert "Thornreach University Hospitals" in " ".join(entry["text"] for entry in of_organisations)
    index = (site / "assets" / "organisations.js").read_text(encoding="utf-8")
    assert set(re.findall(r'"(organisations/[^"]+)"', index)) == {
        name for name in pages if re.fullmatch(r"organisations/[^/]+/index\.html", name)
    }


def test_feeds_and_results_are_there_for_programs(site):
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert {"feed.xml", "results/datapackage.json", "results/schema.json", "results/releases.csv"} <= names
    assert {f"organisations/{code}/feed.xml" for code in ORGANISATIONS} <= names
    listed = json.loads((site / "results" / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    assert {f"results/{each['path']}" for each in listed} <= names


# ---- what a page says


def test_every_page_says_that_the_data_are_synthetic(pages):
    assert [name for name, page in pages.items() if "synthetic data" not in page.text.casefold()] == []


@every_run
def test_a_page_says_how_far_the_data_go_and_how_to_make_it_again(pages, sample_folder, code):
    text = pages[address(code)].text
    release = Store(sample_folder).releases("ae_monthly")[-1]
    for said in (
        "data up to March 2026",
        release.sha256,
        release.file_name,
        "Synthetic figures and code: MIT",
        f"openmeasures run {MEASURE} --org {code} --period-to 2026-03",
    ):
        assert said in text


@every_run
def test_a_page_begins_with_what_was_found(pages, content, code):
    page = pages[address(code)]
    assert content[code]["findings"]["variation"] in page.text
    assert content[code]["org_name"] in page.text
    assert len(page.all("h1")) == 1


def test_no_id_occurs_twice(pages):
    twice = {name: {each for each in page.ids if page.ids.count(each) > 1} for name, page in pages.items()}
    assert {name: ids for name, ids in twice.items() if ids} == {}


def test_every_page_has_its_own_title_and_language(pages):
    titles = [re.search("<title>(.*?)</title>", page.source)[1] for page in pages.values()]
    assert len(set(titles)) == len(titles)
    assert {page.all("html")[0].get("lang") for page in pages.values()} == {"en"}


def test_no_page_is_too_large(pages):
    sizes = {name: len(gzip.compress(page.source.encode())) for name, page in pages.items()}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_every_page_says_where_it_comes_from(pages):
    facts = ("Data up to", "Code", "Environment", "Rule-set", "Licence", "Cite as")
    lacking = [
        (name, fact)
        for name, page in pages.items()
        for fact in facts
        if not any(row[0].strip() == fact and row[1].strip() for table in page.tables for row in table if row)
    ]
    assert lacking == []
    assert [name for name, page in pages.items() if not re.search(r"\b[0-9a-f]{64}\b", page.text)] == []


# ---- systems, regions and what is of the whole


def test_an_organisation_leads_to_its_system_and_region_and_these_lead_back(pages):
    page = pages["organisations/Z-04/index.html"]
    assert {"../../systems/Z-Q1/index.html", "../../regions/Z-Y1/index.html"} <= {
        link.get("href") for link in page.all("a")
    }
    for name in ("systems/Z-Q1/index.html", "regions/Z-Y1/index.html"):
        assert "../../organisations/Z-04/ae_four_hour.html" in {link.get("href") for link in pages[name].all("a")}


def test_a_system_shows_the_figures_of_its_organisations_as_their_own_pages_do(pages, content):
    [value] = [point["value"] for point in content["Z-04"]["points"] if point["series"] == "all"][-1:]
    rows = [row for table in pages["systems/Z-Q1/index.html"].tables for row in table]
    [cells] = [
        row for row in rows if row[0].endswith("Z-04") and any(cell.startswith(f"{value:.1f} %") for cell in row)
    ]
    assert cells[0].startswith("Upper Norrow Community NHS Trust")


def test_the_build_says_what_was_done_and_what_failed(built, pages):
    page = pages["status.html"]
    [row] = [row for row in page.tables[0] if row[0] == "A&E: four-hour waits"]
    assert (row[2], row[3]) == (str(len(("ENG", *ORGANISATIONS))), "1")
    assert "cell 3: FileNotFoundError" in page.text
    assert f"organisations/{FAILING}/{MEASURE}.html" in {link.get("href") for link in page.all("a")}


def test_every_card_has_a_sparkline_that_is_small_and_not_read_out(pages):
    for name in ("index.html", "measures/index.html", "organisations/Z-17/index.html"):
        drawn = [drawing for drawing in pages[name].drawings if drawing.get("class") == "om-spark"]
        assert len(drawn) == len([each for each in pages[name].all("article") if each.get("class") == "om-card"])
        assert {drawing.get("aria-hidden") for drawing in drawn} == {"true"}
        assert max(len(gzip.compress(ElementTree.tostring(drawing))) for drawing in drawn) < 1024


# ---- charts


@every_run
def test_every_chart_is_an_image_described_by_a_finding(pages, content, code):
    images = pages[address(code)].images
    assert images
    for image in images:
        assert image.get("role") == "img"
        if not is_without_ledger(image):
            assert image.get("aria-label") in content[code]["findings"].values()


def is_without_ledger(image):
    return "limits of all months together" in " ".join(image.itertext())  # a narrow title breaks


@every_run
def test_a_chart_with_new_limits_can_be_seen_without_them(pages, content, code):
    segments = {point["segment"] for point in content[code]["points"] if point["series"] == "all"}
    shown = [image for image in pages[address(code)].images if is_without_ledger(image)]
    assert len(shown) == (2 if len(segments) > 1 else 0)  # one for wide screens, one for narrow ones
    assert all(" average of " in image.get("aria-label") for image in shown)


def test_icons_stand_beside_words_and_are_not_read_out(pages):
    of_pages = {name: page.icons for name, page in pages.items()}
    assert of_pages[address("ENG")]
    assert {icon.get("aria-hidden") for icons in of_pages.values() for icon in icons} == {"true"}


def marks(image, *names):
    groups = [group for group in image.iter(f"{SVG}g") if set((group.get("class") or "").split()) & set(names)]
    return sum(len(group.findall(f"{SVG}path")) for group in groups)


@every_run
@pytest.mark.parametrize(("series", "finding"), [("all", "variation"), ("type_1", "type_1")])
def test_every_figure_of_a_series_is_on_its_chart(pages, content, code, series, finding):
    run = content[code]
    values = [point for point in run["points"] if point["series"] == series and point["value"] is not None]
    said = run["findings"][finding]
    images = [image for image in pages[address(code)].images if image.get("aria-label") == said]
    if not values:
        assert images == []
        assert said in pages[address(code)].text
        return
    assert len(images) == 2  # one for wide screens, one for narrow ones
    assert {marks(image, "points_marks") for image in images} == {len(values)}


def test_what_cannot_be_drawn_is_among_those_tested(content):
    assert content["Z-04"]["findings"]["type_1"].startswith("No figures up to")
    assert "compared with no one" in content["Z-21"]["findings"]["peers"]


@every_run
def test_every_peer_is_on_the_chart(pages, content, code):
    said = content[code]["findings"]["peers"]
    images = [image for image in pages[address(code)].images if image.get("aria-label") == said]
    if "compared with no one" in said:
        assert images == []
        assert said in pages[address(code)].text
        return
    together, others = re.search(r"the (\d+) organisations", said), re.search(r"of the other (\d+)", said)
    expected = int(together[1]) if code == "ENG" else int(others[1]) + 1
    assert len(images) == 2  # one for wide screens, one for narrow ones
    assert {marks(image, "points_marks") for image in images} == {expected}
    # England is a line of the funnel, and no dot.
    words = [" ".join(image.itertext()) for image in images]
    assert {"This organisation:" in each for each in words} == {code != "ENG"}


# ---- figures


def test_the_table_shows_what_the_results_hold(built, pages):
    path = built[0] / "_build" / "results" / f"{MEASURE}.csv"
    with path.open(encoding="utf-8") as file:
        rows = {(row["org_code"], row["series"], row["period_start"]): row for row in csv.DictReader(file)}
    for code, month, label in (("ENG", "2026-03-01", "March 2026"), ("Z-15", "2022-04-01", "April 2022")):
        row = rows[code, "all", month]
        (shown, *_) = [cells for table in pages[address(code)].tables for cells in table if cells[0] == label]
        assert shown == [
            label,
            f"{float(row['numerator']):,.0f}",
            f"{float(row['denominator']):,.0f}",
            f"{float(row['value']):.1f} %",
            f"{float(row['value_lower']):.1f} % to {float(row['value_upper']):.1f} %",
            f"{float(row['lower_process_limit']):.1f} % to {float(row['upper_process_limit']):.1f} %",
            "reported",
        ]


@pytest.mark.parametrize(
    ("code", "month", "status"),
    [("Z-15", "May 2023", "not applicable"), ("Z-17", "August 2023", "not submitted")],
)
def test_a_figure_that_is_not_there_is_never_a_zero(pages, code, month, status):
    rows = [cells for table in pages[address(code)].tables for cells in table if cells[0] == month]
    of_results = [row for row in rows if row[-1] == status]
    assert of_results
    for row in of_results:
        assert row[1:5] == [""] * 4
    for row in (row for row in rows if row not in of_results):  # of a chart's tooltips
        assert row[1] == "no figure"
        assert "0" not in row[2:]


def test_results_hold_every_organisation_that_succeeded(built):
    path = built[0] / "_build" / "results" / f"{MEASURE}.csv"
    with path.open(encoding="utf-8") as file:
        assert {row["org_code"] for row in csv.DictReader(file)} == {"ENG", *ORGANISATIONS}


@every_run
def test_downloads_are_the_figures_and_the_notebook_of_the_run(built, site, code):
    folder = (site / address(code)).parent / "downloads"
    made = built[0] / "_build"
    notebook = made / "notebooks" / MEASURE / f"{code}.ipynb"
    assert (folder / f"{MEASURE}-{code}.ipynb").read_bytes() == notebook.read_bytes()
    heading, *rows = (made / "results" / f"{MEASURE}.csv").read_text(encoding="utf-8").splitlines()
    mine = [row for row in rows if row.split(",")[2] == code]
    assert (folder / f"{MEASURE}-{code}.csv").read_text(encoding="utf-8").splitlines() == [heading, *mine]


@every_run
def test_no_notebook_has_an_output_that_needs_a_script(built, code):
    notebook = nbformat.read(built[0] / "_build" / "notebooks" / MEASURE / f"{code}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}
    assert [output for output in outputs if "text/html" in output.data] == []
    assert any(SPEC_TYPE in output.data for output in outputs)


# ---- nothing of this machine


def test_nothing_that_is_published_names_a_folder_of_this_machine(built, site, sample_folder):
    project, _ = built
    folders = {str(folder) for folder in (project, PROJECT, sample_folder, Path.home(), Path(sys.prefix))}
    made = [*site.rglob("*.*"), *(project / "_build" / "notebooks").rglob("*.*"), *(project / "_build").rglob("*.csv")]
    files = [path for path in made if path.suffix in (".html", ".json", ".csv", ".ipynb", ".xml", ".txt")]
    assert {path.suffix for path in files} >= {".html", ".csv", ".ipynb"}
    found = [(path.name, folder) for path in files for folder in folders if folder in path.read_text(encoding="utf-8")]
    assert found == []


# ---- the one that failed


def test_the_organisation_that_failed_has_a_page_that_says_why(pages):
    page = pages[address(FAILING)]
    assert "There are no figures on this page." in page.text
    assert "cell 3: FileNotFoundError" in page.text
    assert "<nowhere>" in page.text
    assert f"openmeasures run {MEASURE} --org {FAILING} --period-to 2026-03" in page.text
    assert f"That leaves the notebook as it failed, with its outputs and any traceback, as {KEPT}." in page.text
    assert page.images == []


def test_what_the_page_says_of_the_notebook_is_true_and_the_command_names_it_too(built):
    project, done = built
    kept = project / KEPT
    said = done.stderr.splitlines()
    [place] = [place for place, line in enumerate(said) if line.startswith(f"Failed {MEASURE}, {FAILING}: ")]
    assert said[place + 1] == f"       its notebook, as it failed: {kept}"
    outputs = [output for cell in nbformat.read(kept, as_version=4).cells for output in cell.get("outputs", [])]
    [traceback] = ["".join(output.traceback) for output in outputs if output.output_type == "error"]
    assert "FileNotFoundError" in traceback
    assert traceback.count("\n") > 3


def test_a_notebook_that_failed_is_published_nowhere(built):
    project, _ = built
    note = b"An Exception was encountered"
    assert note in (project / KEPT).read_bytes()
    published = [path for path in (project / "_site").rglob("*") if path.is_file()]
    assert [path for path in published if note in path.read_bytes()] == []
    assert [path for path in published if path.name == f"{MEASURE}-{FAILING}.ipynb"] == []


def test_the_organisation_that_failed_has_its_name_all_the_same(pages):
    for page in (pages[address(FAILING)], pages[f"organisations/{FAILING}/index.html"]):
        assert NAME_OF_FAILING in page.text
    assert f"{FAILING}, Region unknown" not in pages[f"organisations/{FAILING}/index.html"].text


def test_the_organisation_that_failed_is_said_to_have_failed_where_it_is_listed(pages):
    assert "the notebook has failed since" in pages[f"organisations/{FAILING}/index.html"].text
    assert f"{FAILING}/index.html" in pages["organisations/index.html"].source


def test_the_organisation_that_failed_has_no_notebook_and_no_figures(built):
    assert not (built[0] / "_build" / "notebooks" / MEASURE / f"{FAILING}.ipynb").exists()
    manifest = (built[0] / "_build" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [entry for entry in map(json.loads, manifest) if entry["org_code"] == FAILING]
    [entry] = [entry for entry in entries if entry["measure_id"] == MEASURE]
    assert entry["status"] == "failed"
