"""Pages as Markdown, from runs that were made up by hand; tests/test_site.py has the whole way, to HTML."""

import hashlib
import json
import re
import shutil
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import pytest
from nbformat.v4 import new_output

from openmeasures import definitions, embargo, project, quality, results
from openmeasures.errors import DefinitionError, RenderError, StoreError
from openmeasures.ingest import Origin, ingest
from openmeasures.publishing import pages
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.running import manifest, notebooks
from openmeasures.running.manifest import Entry, failed_path, notebook_path
from openmeasures.running.plan import run_digest
from openmeasures.store import Store

ENGLAND_PAGE = "measures/four_hours/index.qmd"


def quality_of(periods):
    """Make the parts of a run's data quality in which nothing is amiss."""
    return dict.fromkeys(quality.COLUMNS) | {
        "periods_expected": periods, "periods_submitted": periods, "periods_without_file": 0,
        "totals_compared": 2 * periods, "totals_unequal": 0, "zeros_doubted": 0,
        "share_of_england": 1.0, "periods_revised": 0,
    }  # fmt: skip


def page_of(code):
    return f"organisations/{code}/four_hours.qmd"


@pytest.fixture
def build(tmp_path):
    return tmp_path / "_build"


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "stage"
    folder.mkdir()
    return folder


@pytest.fixture
def ran(small_project, store, keep, build, notebook_of):
    """Record a run of `four_hours`: its notebook, or its error."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))

    def record(
        org_code="RC9", *, error="", value=60.0, name=None, region="London", outputs=(), digest=None, last="2024-03",
        data_to="2024-03", standards=(), day=9, releases=(), kept=b"", **of_point,
    ):  # fmt: skip
        digest = digest or run_digest(store, definitions.find("four_hours"), data_to)
        entry = Entry(
            measure_id="four_hours", org_code=org_code, period_to=data_to, digest=digest, seconds=1, error=error,
            status="failed" if error else "done", ended=datetime(2024, 5, day, tzinfo=UTC),
        )  # fmt: skip
        if error:
            if kept:
                path = failed_path(build, "four_hours", org_code)
                path.parent.mkdir(parents=True)
                path.write_bytes(kept)
                entry = entry.model_copy(update={"sha256": hashlib.sha256(kept).hexdigest()})
            manifest.append(manifest.path(build), entry)
            return
        point = dict.fromkeys(results.COLUMNS) | {
            "series": "all", "org_code": org_code, "period_start": f"{last}-01", "value": value, "numerator": 600.0,
            "denominator": 1000.0, "segment": 0, "status": "reported", **of_point,
        }  # fmt: skip
        content = {
            "measure": "four_hours", "org_code": org_code, "org_name": name or f"Trust {org_code}",
            "region_name": region, "period_to": f"{data_to}-01", "synthetic": store.synthetic,
            "releases": list(releases),
            "suits_limits": True, "quality": quality_of(1), "as_of": "",
            "findings": {"variation": f"What {org_code} is like.", "peers": "Like others."}, "points": [point],
            "standards": list(standards),
        }  # fmt: skip
        notebook = notebook_of("variation()", "method()", "results.collect()")
        notebook.cells[-5].id = "variation"
        notebook.cells[-5].outputs = [new_output("display_data", data=out) for out in outputs]
        notebook.cells[-3].outputs = [new_output("display_data", data={"text/markdown": "Step by step."})]
        shown = {results.MIME_TYPE: content, "text/markdown": "The finding."}
        notebook.cells[-1].outputs = [new_output("display_data", data=shown)]
        content = notebooks.write(notebook, notebook_path(build, "four_hours", org_code))
        sha256 = hashlib.sha256(content).hexdigest()
        manifest.append(manifest.path(build), entry.model_copy(update={"sha256": sha256}))

    return record


@pytest.fixture
def synthetic(ran, store, keep):
    """Record runs as `ran` does, on made-up figures."""
    shutil.rmtree(store.folder)
    keep(("Z-01", 1000, 400), ("Z-02", 500, 100))
    return ran


@pytest.fixture
def publish(store, build, stage):
    return lambda period_to="": pages.publish(store, build, stage, period_to=period_to).written


@pytest.fixture
def text(stage):
    return lambda address: (stage / address).read_text(encoding="utf-8")


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- which pages


@pytest.mark.parametrize("change", [lambda path: path.write_text("{}", "utf-8"), Path.unlink], ids=["another", "gone"])
def test_a_notebook_of_another_run_than_the_page_s_is_not_offered(ran, publish, build, monkeypatch, change):
    """As of a run that ended while its pages were being written."""
    ran("ENG")
    real = pages.write_run_page

    def write(*given):
        change(notebook_path(build, "four_hours", "ENG"))
        real(*given)

    monkeypatch.setattr(pages, "write_run_page", write)
    with pytest.raises(StoreError, match=r"ENG\.ipynb: n.*, although the manifest has this run as done\. Run again"):
        publish()


def test_the_executed_notebook_is_offered_to_its_last_byte(ran, publish, build, stage):
    ran("ENG")
    publish()
    offered = stage / "measures" / "four_hours" / "downloads" / "four_hours-ENG.ipynb"
    assert offered.read_bytes() == notebook_path(build, "four_hours", "ENG").read_bytes()


def test_each_page_has_an_image_of_its_own_where_the_site_has_an_address(ran, publish, stage, small_project):
    ran("ENG")
    ran("RC9", error="cell 3: ValueError")
    assert [name for name in publish() if name.startswith("cards/")] == []
    config = small_project / "_quarto.yml"
    with_address = config.read_text(encoding="utf-8").replace(
        "website:\n", "website:\n  site-url: https://example.org\n"
    )
    config.write_text(with_address, encoding="utf-8")
    written = publish()
    pages_ = {name.removesuffix(".qmd").replace("/", "-") for name in written if name.endswith(".qmd")}
    assert {Path(name).stem for name in written if name.startswith("cards/")} == pages_
    of_england = (stage / "cards" / "measures-four_hours-index.png").read_bytes()
    assert of_england.startswith(b"\x89PNG")
    assert of_england != (stage / "cards" / "organisations-RC9-four_hours.png").read_bytes()


def test_england_and_every_organisation_have_their_pages(ran, publish, stage):
    for code in ("ENG", "RC9"):
        ran(code)
    assert set(publish()) >= {
        "index.qmd",
        "measures/index.qmd",
        ENGLAND_PAGE,
        "measures/four_hours/downloads/four_hours-ENG.csv",
        "measures/four_hours/downloads/four_hours-ENG.ipynb",
        "organisations/index.qmd",
        "organisations/RC9/index.qmd",
        "organisations/RC9/feed.xml",
        "feed.xml",
        page_of("RC9"),
        "organisations/RC9/downloads/four_hours-RC9.csv",
        "organisations/RC9/downloads/four_hours-RC9.ipynb",
    }
    assert not (stage / "organisations" / "ENG").exists()


def test_board_packs_stand_beside_the_pages_that_link_them_where_asked_for(ran, store, build, stage, text):
    for code in ("ENG", "RC9"):
        ran(code)
    written = pages.publish(store, build, stage, packs=True).written
    packs = {address.removesuffix("/board-pack.pdf") for address in written if address.endswith(".pdf")}
    assert "organisations/RC9" in packs
    assert {folder.split("/")[0] for folder in packs} == {"organisations", "regions", "systems"}
    assert all('<a href="board-pack.pdf">' in text(f"{folder}/index.qmd") for folder in packs)


def test_board_packs_are_not_made_unasked(ran, publish, text):
    ran("RC9")
    assert [address for address in publish() if address.endswith(".pdf")] == []
    assert "board-pack" not in text("organisations/RC9/index.qmd")


def test_every_address_returned_is_a_file(ran, publish, stage):
    ran("ENG")
    assert set(publish()) | {"_quarto.yml"} == files(stage)


def test_pages_written_by_hand_are_copied_but_for_their_markers(ran, publish, stage, small_project):
    ran("ENG")
    publish()
    by_hand = files(small_project / "site")
    assert by_hand
    for path in by_hand:
        parts = re.split(
            b"<!-- (?:notice|finder|results|measures|origins|icons|contributing) -->",
            (small_project / "site" / path).read_bytes(),
        )
        copied = re.sub(rb"^include-in-header:\n(?:  - .*\n)+", b"", (stage / path).read_bytes(), flags=re.MULTILINE)
        copied = re.sub(rb'```{=html}\n<div class="om-scroll"[^>]*>\n```\n\n', b"", copied)
        copied = copied.replace(b"\n```{=html}\n</div>\n```\n", b"")
        assert re.fullmatch(b".*".join(map(re.escape, parts)), copied, re.DOTALL)


def test_a_marker_in_a_page_written_by_hand_gives_way_to_its_part(ran, publish, text, small_project):
    by_hand = "Before\n\n<!-- measures -->\n\nBetween\n\n<!-- notice -->\n\nAfter <!-- and this stays -->\n"
    (small_project / "site" / "index.qmd").write_text(by_hand, encoding="utf-8")
    ran("ENG")
    publish()
    page = text("index.qmd")
    before, rest = page.split("Between")
    assert before.startswith("Before")
    assert "What ENG is like." in before
    assert rest.strip() == "After <!-- and this stays -->"  # published figures need no notice


def test_every_page_has_a_head_of_its_own(ran, publish, text):
    ran("ENG")
    ran("RC9")
    ran("RJ1", error="cell 3: ValueError")
    for address in publish():
        if address.endswith(".qmd"):
            front = text(address).split("---\n")[1]
            assert front.count("include-in-header:") == 1, address
            assert 'property=\\"og:title\\"' in front, address
    assert 'property=\\"og:description\\" content=\\"What RC9 is like.\\"' in text(page_of("RC9"))


def test_the_page_on_data_lists_the_results_and_says_what_their_columns_hold(ran, publish, text):
    ran("ENG")
    ran("RC9")
    publish()
    page = text("data.qmd")
    row = (
        "| [A&E within four hours](measures/four_hours/index.qmd) | 1 | 2 | [CSV, 1\u00a0KB](results/four_hours.csv), "
    )
    assert row in page
    assert "| `status` | string | Why there is a figure, or none. What is not reported is never a zero. One of" in page


def test_no_marker_is_left(ran, publish, text):
    ran("ENG")
    for address in publish():
        if address.endswith(".qmd"):
            for marker in ("notice", "finder", "results", "measures", "origins", "icons", "contributing"):
                assert f"<!-- {marker} -->" not in text(address)


def test_search_covers_the_list_of_organisations_and_none_of_their_pages(ran, publish, text):
    ran("ENG")
    ran("RC9")
    ran("RJ1", error="cell 3: ValueError")
    written = publish()
    of_organisations = [page for page in written if page.startswith("organisations/") and page.endswith(".qmd")]
    assert len(of_organisations) == 1 + 2 * 2
    assert {page for page in of_organisations if "\nsearch: false\n" not in text(page)} == {"organisations/index.qmd"}
    assert "\nsearch: true\n" in text(ENGLAND_PAGE)
    assert '["RC9","Trust RC9","London","organisations/RC9/index.html",' in text("assets/organisations.js")


def test_an_organisation_is_found_from_the_home_page_the_list_and_each_organisation(ran, publish, text):
    ran("ENG")
    ran("RC9")
    publish()
    for page, up in (("index.qmd", ""), ("organisations/index.qmd", "../"), ("organisations/RC9/index.qmd", "../../")):
        assert f'<script src="{up}assets/finder.js" defer></script>' in text(page)
        assert text(page).count('role="combobox"') == 1


def test_only_pages_have_markers(ran, publish, stage, small_project):
    (small_project / "site" / "assets" / "note.txt").write_bytes(b"<!-- notice -->\r\n")
    ran("ENG")
    publish()
    assert (stage / "assets" / "note.txt").read_bytes() == b"<!-- notice -->\r\n"


def test_pictures_are_copied_and_hidden_files_are_not(ran, publish, stage, small_project):
    (small_project / "site" / "assets" / "logo.png").write_bytes(b"\x89PNG\xff")
    (small_project / "site" / ".DS_Store").write_bytes(b"\xff")
    ran("ENG")
    publish()
    assert (stage / "assets" / "logo.png").read_bytes() == b"\x89PNG\xff"
    assert not (stage / ".DS_Store").exists()


def test_the_project_itself_may_be_the_stage(ran, store, build, small_project):
    ran("ENG")
    before = (small_project / "_quarto.yml").read_bytes()
    pages.publish(store, build, small_project)
    assert (small_project / "_quarto.yml").read_bytes() == before
    assert (small_project / ENGLAND_PAGE).is_file()


def test_runs_on_other_data_have_no_pages(ran, publish):
    ran("RC9")
    ran("RJ1", digest="before")
    assert [address for address in publish() if "RJ1" in address] == []


FEBRUARY = {"month": "FEBRUARY-2024", "name": "February-2024.csv"}


@pytest.mark.parametrize(
    ("period_to", "is_shown", "is_not"),
    [("", "RC9", "RJ1"), ("2024-03", "RC9", "RJ1"), ("2024-02", "RJ1", "RC9"), ("February 2024", "RJ1", "RC9")],
)
def test_the_runs_of_one_month_are_shown(ran, publish, keep, text, period_to, is_shown, is_not):
    keep(("RC9", 900, 300), ("RJ1", 450, 90), **FEBRUARY)
    ran("RC9")
    ran("RJ1", data_to="2024-02", last="2024-02")
    written = publish(period_to)
    assert page_of(is_shown) in written
    assert page_of(is_not) not in written


def test_a_page_of_an_earlier_month_names_that_months_release(ran, publish, keep, text):
    keep(("RC9", 900, 300), **FEBRUARY)
    ran("RC9", data_to="2024-02", last="2024-02")
    publish("2024-02")
    page = text(page_of("RC9"))
    assert "February-2024.csv (provisional)" in page
    assert "`openmeasures run four_hours --org RC9 --period-to 2024-02`" in page
    assert "March" not in page


@pytest.mark.parametrize("entries", [(), ({"error": "broken"},), ({"digest": "before"},)])
def test_without_any_result_there_is_no_site(ran, publish, stage, entries):
    for entry in entries:
        ran("RC9", **entry)
    with pytest.raises(RenderError, match=r"_build: no run on the present data succeeded\. Use `openmeasures run`"):
        publish()
    assert files(stage) == set()


def test_a_preview_is_marked_on_every_page(ran, publish, store, build, stage, text, tmp_path, ae_csv):
    ran("ENG")
    ran("RC9")
    path = tmp_path / "April-2024.csv"
    path.write_text(ae_csv(("RC9", 100, 10), month="APRIL-2024"), encoding="utf-8")
    list(ingest([path], store, embargoed_until=embargo.named("2999-12-10T09:30")))
    early = Store(store.folder, public_at=project.EVERYTHING)
    written = pages.publish(early, build, stage, period_to="2024-03").written
    of_pages = [address for address in written if address.endswith(".qmd")]
    assert [page for page in of_pages if text(page).count("not published before 10 December 2999, 09:30.") != 1] == []
    assert "Preview, not to be shared before 10 December 2999, 09:30." in text("feed.xml")
    assert [page for page in publish("2024-03") if page.endswith(".qmd") and "Do not share" in text(page)] == []
    assert "Preview" not in text("feed.xml")


# ---- what is removed


def test_pages_of_organisations_that_are_gone_are_removed_and_nothing_else(ran, publish, stage, build):
    for code in ("ENG", "RC9", "RJ1"):
        ran(code)
    publish()
    others = {"notes.txt", "organisations/RC9/notes.qmd", "organisations/RXX/four_hours.qmd", "_site/index.html"}
    for name in others:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text("not ours", encoding="utf-8")
    before = files(stage)
    (build / "manifest.jsonl").unlink()
    for code in ("ENG", "RJ1"):
        ran(code)
    publish()
    assert before - files(stage) == {
        "organisations/RC9/index.qmd",
        "organisations/RC9/feed.xml",
        "organisations/RC9/four_hours.qmd",
        "organisations/RC9/downloads/four_hours-RC9.csv",
        "organisations/RC9/downloads/four_hours-RC9.ipynb",
        "systems/S1Y5D/index.qmd",  # of nobody else's
        "regions/Y61/index.qmd",
    }
    assert files(stage) - before == set()


def test_a_page_that_was_deleted_by_hand_is_not_missed(ran, publish, stage, build):
    ran("ENG")
    ran("RC9")
    publish()
    (stage / page_of("RC9")).unlink()
    (build / "manifest.jsonl").unlink()
    ran("ENG")
    publish()
    assert not (stage / "organisations" / "RC9" / "index.qmd").exists()


def test_downloads_are_removed_with_the_figures(ran, publish, stage, build):
    ran("ENG")
    ran("RC9")
    publish()
    ran("RC9", error="broken")
    publish()
    assert "organisations/RC9/downloads/four_hours-RC9.csv" in files(stage)  # of the last good run
    notebook_path(build, "four_hours", "RC9").unlink()
    publish()
    left = {"organisations/RC9/index.qmd", "organisations/RC9/feed.xml", page_of("RC9")}
    assert {name for name in files(stage) if "RC9" in name} == left


def test_a_page_that_is_the_same_is_not_written_again(ran, publish, stage):
    ran("ENG")
    publish()
    before = {name: (stage / name).stat().st_mtime_ns for name in files(stage) - {"_quarto.yml"}}
    publish()
    assert {name: (stage / name).stat().st_mtime_ns for name in before} == before


def test_publishing_twice_writes_the_same(ran, publish, stage):
    ran("ENG")
    ran("RC9")
    publish()
    before = {name: (stage / name).read_bytes() for name in files(stage)}
    publish()
    assert {name: (stage / name).read_bytes() for name in files(stage)} == before


# ---- a page of one organisation


def test_a_page_says_whose_it_is_and_what_was_found(ran, publish, text):
    ran("RC9", name="Bedfordshire & Luton")
    publish()
    page = text(page_of("RC9"))
    head = page.split("---")[1]
    assert 'title: "A\\u0026E within four hours"' in head
    assert "Bedfordshire" in head
    assert "What RC9 is like." in page
    assert "Bedfordshire &amp; Luton" in page


def test_a_page_shows_each_step_with_its_code_once(ran, publish, text):
    ran("RC9")
    publish()
    page = text(page_of("RC9"))
    shown = unescape(re.sub(r"<[^>]*>", "", page))
    for code in ('org_code = "ENG"', "variation()", "method()", "results.collect()"):
        assert shown.count(code) == 1
    assert page.count("Step by step.") == 1


def test_a_leading_step_is_shown_at_the_top_and_not_again(ran, publish, text):
    ran("RC9", outputs=[{"text/markdown": "Up and down."}])
    publish()
    page = text(page_of("RC9"))
    assert page.count("Up and down.") == 1
    assert page.index("Up and down.") < page.index("Method, step by step")


def test_a_page_says_where_it_comes_from(ran, publish, text, store):
    ran("RC9")
    publish()
    page = text(page_of("RC9"))
    (release,) = store.releases()
    for said in (
        release.sha256,
        "March-2024.csv (provisional)",
        "retrieved on 2024-04-11",
        "March 2024",
        release.url,
        "Open Government Licence v3.0",
        "`openmeasures run four_hours --org RC9 --period-to 2024-03`",
        "data up to March 2024",
    ):
        assert said in page


def test_a_file_that_was_fetched_is_linked_to_with_the_day_that_its_page_gave(ran, publish, text, keep):
    told = Vintage(ReleaseStatus.REVISED, date(2024, 6, 13))
    keep(("RC9", 1000, 390), name="b.csv", origin=Origin("ae_monthly", "https://x.nhs.uk/a(1).csv", "f" * 64, told))
    ran("RC9")
    publish()
    said = "[b.csv](https://x.nhs.uk/a%281%29.csv) (revised), retrieved on 2024-04-11, dated 2024-06-13"
    assert said in text(page_of("RC9"))


def test_a_revised_release_has_its_date(ran, publish, text, keep):
    keep(("RC9", 1000, 390), name="March-2024-revised-130624.csv")
    ran("RC9")
    publish()
    assert "March-2024-revised-130624.csv (revised), retrieved on 2024-04-11, dated 2024-06-13" in text(page_of("RC9"))


def test_published_figures_are_not_called_synthetic(ran, publish, text):
    ran("ENG")
    ran("RC9")
    publish()
    for address in (page_of("RC9"), "organisations/RC9/index.qmd", "organisations/index.qmd", "index.qmd"):
        assert "ynthetic" not in text(address)


def test_made_up_figures_are_called_so_on_every_page(synthetic, publish, text):
    synthetic("ENG")
    synthetic("Z-01")
    synthetic("Z-02", error="broken")
    written = [address for address in publish() if address.endswith(".qmd")]
    ours = [address for address in written if address.startswith(("index", "measures", "organisations"))]
    assert {page_of("Z-01"), page_of("Z-02"), ENGLAND_PAGE, "index.qmd", "measures/index.qmd"} <= set(ours)
    for address in ours:
        assert "<strong>Synthetic data.</strong>" in text(address)


def test_made_up_figures_name_no_publisher_and_no_other_licence(synthetic, publish, text):
    synthetic("Z-01")
    publish()
    page = text(page_of("Z-01"))
    assert "| Data | the synthetic sample, March 2024 |" in page
    assert "| Licence | Synthetic figures and code: MIT |" in page
    assert "Open Government Licence" not in page


def test_the_definition_is_on_englands_page_only(ran, publish, text):
    ran("ENG")
    ran("RC9")
    publish()
    assert "## Definition" in text(ENGLAND_PAGE)
    assert "## Definition" not in text(page_of("RC9"))


def test_downloads_are_the_results_and_the_notebook(ran, publish, stage, build):
    ran("RC9")
    publish()
    folder = stage / "organisations" / "RC9" / "downloads"
    table = (folder / "four_hours-RC9.csv").read_text(encoding="utf-8").splitlines()
    assert table[1].startswith("four_hours,all,RC9,Trust RC9,London,false,2024-03-01,600.0,1000.0,60.0,")
    saved = (folder / "four_hours-RC9.ipynb").read_bytes()
    assert saved == notebook_path(build, "four_hours", "RC9").read_bytes()


def test_a_standard_is_written_in_full(ran, publish, text, small_project):
    definition = small_project / "analyses" / "four_hours" / "measure.yml"
    url = "https://www.england.nhs.uk/"
    standards = (
        f"standards:\n  - {{name: Low, value: 99.5, from: 2010-01-01, title: Guidance, url: {url}, verified: true}}\n"
        f"  - {{name: High, value: 95, from: 2010-01-01, to: 2011-03-31, title: Plan, url: {url}, verified: false}}\n"
    )
    definition.write_text(definition.read_text(encoding="utf-8") + standards, encoding="utf-8")
    ran("ENG")
    publish()
    page = text(ENGLAND_PAGE)
    assert f"| Low | 99.5\u00a0% | 2010-01-01 | still in force | [Guidance]({url}) |" in page
    assert (
        f"| High | 95\u00a0% | 2010-01-01 | 2011-03-31 | [Plan]({url}) (not confirmed by us in the original) |" in page
    )


def test_the_standard_of_a_series_is_listed_too(ran, publish, text, small_project):
    definition = small_project / "analyses" / "four_hours" / "measure.yml"
    series = (
        "series:\n  - id: longest\n    title: Longest waits\n    metric: attendances_type_1\n    kind: percentile\n"
        "    unit: weeks\n    standards:\n      - {name: Longest, value: 12, from: 2010-01-01, title: Guidance, "
        "url: https://www.england.nhs.uk/, verified: true}\n"
    )
    definition.write_text(definition.read_text(encoding="utf-8") + series, encoding="utf-8")
    ran("ENG")
    publish()
    assert "| Longest waits: Longest | 12 weeks | 2010-01-01 | still in force |" in text(ENGLAND_PAGE)


def test_without_a_standard_there_is_no_table_of_them(ran, publish, text):
    ran("ENG")
    publish()
    page = text(ENGLAND_PAGE)
    assert "| Standard | Value |" not in page
    assert "No national standard is set for this measure." in page


def test_every_standard_in_force_leads_a_page(ran, publish, text):
    rows = [
        {"period_start": "2024-03-01", "standard_name": name, "standard": value, "value": 80.0, "latest": met,
         "due_month": None, "periods_met": 7, "periods": 12, "periods_spanned": 12,
         "assurance": "hit_or_miss", "is_changing": False}
        for name, value, met in (("Interim", 78.0, True), ("Operational", 95.0, False))
    ]  # fmt: skip
    ran("RC9", standards=rows)
    publish()
    page, card = (text(address).replace("\u00a0", " ") for address in (page_of("RC9"), "organisations/RC9/index.qmd"))
    assert "<dt>Interim: 78 %</dt>" in page
    assert 'Met in March 2024</span><br><span class="om-often">Met in 7 of the last 12 months</span>' in page
    assert "<dt>Operational: 95 %</dt>" in page
    assert 'Missed in March 2024</span><br><span class="om-often">Met in 7 of the last 12 months</span>' in page
    met, missed = 'om-passing">Met in March 2024</span>', 'om-failing">Missed in March 2024</span>'
    assert f'<span>Interim, 78 %: <span class="om-badge {met} Met in 7 of the last 12 months' in card
    assert f'<span>Operational, 95 %: <span class="om-badge {missed} Met in 7 of the last 12 months' in card


def test_an_output_that_would_not_show_stops_the_site(ran, publish):
    ran("RC9", outputs=[{"text/html": "<b>"}])
    with pytest.raises(DefinitionError, match="text/html; expected Markdown or a chart"):
        publish()


# ---- lists


def test_englands_page_lists_every_organisation_without_a_rank(ran, publish, text):
    ran("ENG")
    ran("RC9", value=99.0)
    ran("RJ1", value=1.0)
    ran("RXX", error="broken")
    publish()
    page = text(ENGLAND_PAGE)
    rows = re.findall(r'organisations/(\w+)/four_hours.html">([^<]+)<.*?<td>([\d.]+)', page)
    assert rows == [("RC9", "Trust RC9", "99.0"), ("RJ1", "Trust RJ1", "1.0")]
    assert "By name, in no order of merit" in page


def test_englands_page_lists_by_name_with_those_that_ended_last(ran, publish, text, keep):
    keep(("RC9", 900, 300), **FEBRUARY)
    ran("ENG")
    ran("RC9", name="Abbey", last="2024-02")
    ran("RJ1", name="The Bridge")
    ran("RXX", name="Castle", value=None)
    ran("RYY", name="Borough")
    ran("RZZ", name="Borough")
    publish()
    rows = re.findall(r'four_hours.html">([^<]+)</a> <span class="om-code">(\w+)<(.*)', text(ENGLAND_PAGE))
    assert [(name, code) for name, code, _ in rows] == [
        ("Borough", "RYY"),
        ("Borough", "RZZ"),
        ("The Bridge", "RJ1"),
        ("Castle", "RXX"),
        ("Abbey", "RC9"),
    ]
    assert "no figure" in rows[3][2]
    assert "No figures after February 2024" in rows[4][2]


def listed_by_region(text):
    """Return the headings and the names of the list of organisations, in order, as far as the page's origins."""
    body = text("organisations/index.qmd").partition("## Where this page")[0]
    found = re.findall(r"^## (.+)$|^- \[(.+?)\]\(\w+/index.qmd\) \w+$", body, re.MULTILINE)
    return [region or name for region, name in found]


def test_organisations_are_listed_by_region_and_name(ran, publish, text):
    ran("RC9", name="The Abbey", region="London")
    ran("RJ1", name="Borough", region="London")
    ran("RXX", name="Zoo", region="East")
    publish()
    found = listed_by_region(text)
    assert found == ["East", "Zoo", "London", "The Abbey", "Borough"]


def test_an_organisation_has_the_same_region_on_every_page(ran, publish, text):
    ran("ENG")
    ran("RC9", name="Abbey", region="East")
    ran("RJ1", name="Borough", region="")
    publish()
    listed = re.findall(r'four_hours.html">(\w+)<.*?om-spare">(.*?)<', text(ENGLAND_PAGE))
    assert listed == [("Abbey", "East"), ("Borough", "")]
    assert listed_by_region(text) == ["East", "Abbey", "Region unknown", "Borough"]
    assert 'subtitle: "RC9, East"' in text("organisations/RC9/index.qmd")


def test_an_organisations_page_has_a_card_for_its_measure(ran, publish, text):
    ran("RC9")
    publish()
    page = text("organisations/RC9/index.qmd")
    assert 'href="four_hours.html"' in page
    assert "What RC9 is like." in page


def test_home_and_measures_show_england(ran, publish, text):
    ran("ENG")
    publish()
    assert 'href="measures/four_hours/index.html"' in text("index.qmd")
    assert 'href="four_hours/index.html"' in text("measures/index.qmd")


def test_without_england_there_is_still_a_site(ran, publish, text):
    ran("RC9")
    assert ENGLAND_PAGE not in publish()
    assert "four_hours" not in text("measures/index.qmd")
    assert "four_hours" not in text("index.qmd")


# ---- failures


def test_a_run_that_failed_has_a_page_that_says_why(ran, publish, text):
    ran("ENG")
    ran("RC9", error="cell 3: ValueError: 1 < 2 & 3")
    publish()
    page = text(page_of("RC9"))
    assert "There are no figures on this page." in page
    assert "The notebook for this organisation, up to March 2024, has failed since 9 May 2024." in page
    assert "cell 3: ValueError: 1 &lt; 2 &amp; 3" in page
    assert "`openmeasures run four_hours --org RC9 --period-to 2024-03`" in page
    assert "It left no notebook that would say more." in page


LEADS_ON = (
    "To see the whole error, run it by itself: `openmeasures run four_hours --org RC9 --period-to 2024-03`. That "
    "leaves the notebook as it failed, with its outputs and any traceback, as `_build/failed/four_hours/RC9.ipynb`."
)


@pytest.mark.parametrize("had_succeeded", [False, True])
def test_the_page_says_where_the_notebook_is_as_it_failed_and_does_not_publish_it(
    ran, publish, text, stage, build, had_succeeded
):
    ran("ENG")
    if had_succeeded:
        ran("RC9", digest="before")
    ran("RC9", error="cell 3: ValueError", kept=b"a traceback of this machine")
    written = publish()
    assert LEADS_ON in text(page_of("RC9"))
    assert [name for name in written if b"a traceback of this machine" in (stage / name).read_bytes()] == []
    failed_path(build, "four_hours", "RC9").write_bytes(b"of another run")
    publish()
    assert "It left no notebook that would say more." in text(page_of("RC9"))


@pytest.mark.parametrize(("code", "leads_to"), [("RC9", "organisations"), ("ENG", "measures")])
def test_a_first_failure_has_its_name_and_leads_to_where_it_belongs(ran, publish, text, code, leads_to):
    ran("RJ1")
    ran(code, error="cell 3: ValueError")
    publish()
    page = text(ENGLAND_PAGE if code == "ENG" else page_of(code))
    name = {"RC9": "RC9 Hospitals, NHS Trust", "ENG": "England"}[code]
    assert f'subtitle: "{name}"\npagetitle: "{name}: Four hours"' in page
    assert ">England</a>" not in page
    up = {"measures": "../", "organisations": "../../organisations/"}[leads_to]
    assert f'/ <a href="{up}index.html">{leads_to.capitalize()}</a>' in page
    if code == "RC9":
        assert f'<a href="index.html">{name}</a> / Four hours</nav>' in page
        # RC9 is in the register, which knows its region better than the publication, which says London
        assert f'title: "{name}"\nsubtitle: "RC9, East of England"' in text("organisations/RC9/index.qmd")


def test_the_card_of_a_run_that_failed_leads_to_the_reason(ran, publish, text):
    ran("ENG")
    ran("RC9", error="broken")
    publish()
    page = text("organisations/RC9/index.qmd")
    assert "the notebook has failed since 9 May 2024." in page
    assert '<a href="four_hours.html">Why</a>' in page


@pytest.fixture
def failing(ran, build):
    """England is well; RC9 succeeded on other data, up to `data_to`, and has failed since."""

    def after(**options):
        ran("ENG")
        ran("RC9", digest="before", value=55.0, day=7, **options)
        ran("RC9", error="cell 3: broken", day=8)
        ran("RC9", error="cell 4: broken < again", day=9)
        return notebook_path(build, "four_hours", "RC9")

    return after


def test_the_page_of_a_run_that_failed_has_its_last_good_figures_marked_as_such(failing, publish, text):
    failing()
    publish()
    page = text(page_of("RC9"))
    assert "These are not the latest figures." in page
    assert "up to March 2024, has failed since 8 May 2024." in page
    assert "its last good figures, up to March 2024, made on 7 May 2024 from the data and the method" in page
    assert "cell 4: broken &lt; again" in page
    assert "What RC9 is like." in page
    assert "| Code | an earlier state |" in page
    assert "Why, and the last good figures</a>" in text("organisations/RC9/index.qmd")


def test_last_good_figures_are_in_no_table_beside_others(failing, publish, text):
    failing()
    publish()
    assert "RC9" not in text(ENGLAND_PAGE).partition("Every organisation")[2].partition("## Definition")[0]


@pytest.mark.parametrize(
    "loss",
    [
        "gone",
        "edited",
        "of a month that is here no more",
        "with columns of another time",
        "upon a release that is held back",
    ],
)
def test_last_good_figures_that_cannot_be_trusted_are_not_shown(failing, publish, text, loss):
    options = {"of": {"data_to": "2023-03"}, "with": {"standards": [{"standard_name": "Of old"}]}}
    options["upon"] = {"releases": ["0" * 64]}
    path = failing(**options.get(loss.split()[0], {}))
    if loss == "gone":
        path.unlink()
    if loss == "edited":
        path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    publish()
    assert "There are no figures on this page." in text(page_of("RC9"))


def test_england_may_fail_too(ran, publish, text):
    ran("ENG", error="broken")
    ran("RC9")
    publish()
    assert "There are no figures on this page." in text(ENGLAND_PAGE)
    assert 'href="measures/four_hours/index.html"' in text("index.qmd")


def test_a_reason_names_no_folder_of_this_machine(ran, publish, text, build, store, small_project):
    ran("ENG")
    places = (
        build / "notebooks" / "x.ipynb",
        store.folder,
        small_project / "analyses" / "c.yml",
        Path.home() / "x" / "y",
    )
    ran("RC9", error="; ".join(str(place) for place in places))
    publish()
    page = text(page_of("RC9"))
    assert "notebooks/x.ipynb; …; analyses/c.yml; x/y" in page.replace("\\", "/")
    assert str(Path.home()) not in page


def test_a_home_at_the_top_of_the_disk_takes_no_slash_away(ran, publish, text, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path(Path.cwd().anchor))
    ran("ENG")
    ran("RC9", error="1/2 and 3/4")
    publish()
    assert "1/2 and 3/4" in text(page_of("RC9"))


def test_the_record_of_pages_is_beside_the_build(ran, publish, build):
    ran("ENG")
    addresses = publish()
    assert json.loads((build / "pages.json").read_text(encoding="utf-8")) == sorted(addresses)


# ---- systems and regions


def test_the_page_of_a_system_has_its_members_and_each_leads_to_the_other(ran, publish, text, keep):
    keep(("RR8", 1000, 400), ("RAE", 500, 100), name="b.csv")
    for code in ("ENG", "RR8", "RAE"):
        ran(code)
    assert {"systems/index.qmd", "systems/QWO/index.qmd", "regions/Y63/index.qmd"} <= set(publish())
    page = text("systems/QWO/index.qmd")
    assert 'subtitle: "QWO, system of 2 organisations"' in page
    assert "have pages here" not in page
    assert "No figures of its own were made for this system" in page
    for code in ("RR8", "RAE"):
        assert f'<a href="../../organisations/{code}/four_hours.html">' in page
        above = text(f"organisations/{code}/index.qmd")
        assert '<a href="../../systems/QWO/index.html">NHS West Yorkshire Integrated Care Board</a>' in above
        assert '<a href="../../regions/Y63/index.html">North East and Yorkshire</a>' in above
    assert '<a href="../../regions/Y63/index.html">' in page
    assert "(../../systems/QWO/index.qmd)" in text("regions/Y63/index.qmd")
    assert "[NHS West Yorkshire Integrated Care Board](../systems/QWO/index.qmd), 2 organisations" in text(
        "systems/index.qmd"
    )


def test_a_band_stands_in_words_beside_the_figure_wherever_that_is(ran, publish, text, keep):
    keep(("RR8", 1000, 400), ("RAE", 500, 100), name="b.csv")
    ran("ENG")
    ran("RR8", band="higher than expected")
    ran("RAE", band="as expected")
    publish()
    beside = '<span class="om-value">60.0\u00a0% <span class="om-badge om-band">Higher than expected</span></span>'
    for address in ("organisations/RR8/index.qmd", page_of("RR8")):
        assert beside in text(address)
    page = text(ENGLAND_PAGE)
    assert '<th scope="col">Value</th><th scope="col">Band</th>' in page
    assert '<td>60.0\u00a0%</td><td class="om-band">Higher than expected</td>' in page
    assert "om-badge om-band" not in page  # England has none
    system = text("systems/QWO/index.qmd")
    assert '<span class="om-band">Higher than expected</span>' in system
    assert "The words under some are their\n[band](../../methods/spc.qmd#bands)" in system


def test_where_a_measure_has_no_bands_none_is_spoken_of(ran, publish, text, keep):
    keep(("RR8", 1000, 400), ("RAE", 500, 100), name="b.csv")
    for code in ("ENG", "RR8"):
        ran(code)
    publish()
    for address in ("organisations/RR8/index.qmd", page_of("RR8"), ENGLAND_PAGE, "systems/QWO/index.qmd"):
        page = text(address)
        assert "om-band" not in page
        assert "Band" not in page
        assert "#bands" not in page


def test_a_system_says_how_many_of_its_organisations_have_pages(ran, publish, text, keep):
    keep(("RR8", 1000, 400), ("RAE", 500, 100), name="b.csv")
    ran("RR8")
    publish()
    page = text("systems/QWO/index.qmd")
    assert 'subtitle: "QWO, system of 2 organisations"' in page
    assert "1 of its 2 organisations have pages here." in page


def test_a_system_that_was_run_has_its_pages_and_is_no_organisation(ran, publish, text, keep):
    keep(("RR8", 1000, 400), name="b.csv")
    for code in ("ENG", "RR8", "QWO"):
        ran(code, name=f"Name of {code}")
    written = publish()
    assert "systems/QWO/four_hours.qmd" in written
    assert "systems/QWO/downloads/four_hours-QWO.csv" in written
    assert not [address for address in written if address.startswith("organisations/QWO")]
    assert 'href="four_hours.html"' in text("systems/QWO/index.qmd")
    assert "No figures of its own" not in text("systems/QWO/index.qmd")
    assert '<a href="../../systems/index.html">Systems and regions</a>' in text("systems/QWO/four_hours.qmd")
    assert "QWO" not in text("organisations/index.qmd")
    page = text(ENGLAND_PAGE)
    organisations, systems = page.index("## Every organisation"), page.index("## Every system")
    assert organisations < page.index("organisations/RR8/four_hours.html") < systems
    assert systems < page.index("systems/QWO/four_hours.html")


def test_what_every_page_says_of_its_origin(ran, publish, text, store):
    for code in ("ENG", "RC9"):
        ran(code)
    ran("RJ1", error="broken")
    (release,) = store.releases()
    written = [address for address in publish() if address.endswith(".qmd")]
    for address in written:
        page = text(address)
        facts = ("Data up to", "Code", "Environment", "Rule-set", "Licence", "Cite as")
        for said in ("March 2024", release.sha256, "2024-04-11", *(f"| {fact} |" for fact in facts)):
            assert said in page, (address, said)


# ---- corrections, and the day whose knowledge is shown


CORRECTED = """\
- what: "Zeros for what nobody counted"
  reason: "Not asked."
  url: https://example.org/
  org_codes: [RC9]
  from: 2024-03-01
  to: 2024-03-31
  metrics: [over_four_hours_type_1]
  expect: 400
  status: not_applicable
"""


@pytest.mark.parametrize(("code", "is_shown"), [("RC9", True), ("RJ1", False), ("ENG", True)])
def test_a_page_names_the_errors_that_were_put_right_in_it(ran, publish, text, small_project, code, is_shown):
    path = small_project / "analyses" / "four_hours" / "corrections.yml"
    path.write_text(CORRECTED, encoding="utf-8")
    ran(code)
    publish()
    page = text(ENGLAND_PAGE if code == "ENG" else page_of(code))
    said = (
        "- Corrected, March 2024 (RC9): Zeros for what nobody counted. The source says 400; it is treated as not "
        "applicable. Not asked. [Source](https://example.org/)"
    )
    assert (said in page) == is_shown
