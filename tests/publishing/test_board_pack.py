"""Board packs as a reader of the PDF has them: words, marks, page numbers, structure, and charts drawn with lines."""

import io
import re
from dataclasses import replace

import pypdf
import pytest

from openmeasures.errors import ParameterError
from openmeasures.publishing import area_pages, board_pack, pack_sections, pdf
from openmeasures.publishing import built as built_runs
from openmeasures.publishing.cards import by_domain
from openmeasures.releases import ReleaseStatus
from openmeasures.store import Store

TRUST, FAILING, SYSTEM = "Z-15", "Z-10", "Z-Q1"


@pytest.fixture(scope="module")
def project_of_site(built):
    project, _ = built
    return project


@pytest.fixture(scope="module")
def of_all(project_of_site, sample_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project_of_site)
        return built_runs.read(Store(sample_folder).fixed(), project_of_site / "_build")


@pytest.fixture(scope="module")
def pack(of_all, project_of_site):
    made = {}

    def read(code, of=of_all):
        key = (code, id(of))
        if key not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(project_of_site)
                made[key] = board_pack.make(of, code)
        return pypdf.PdfReader(io.BytesIO(made[key]))

    return read


def plain(text):
    """Return a text with one space for every gap, as lines of print break anywhere."""
    return " ".join(text.split())


def words(document):
    return [plain(page.extract_text()) for page in document.pages]


def elements(node, kind):
    """Return the elements of a kind in the structure of a document."""
    node = node.get_object()
    if isinstance(node, pypdf.generic.ArrayObject):
        return [found for each in node for found in elements(each, kind)]
    if not isinstance(node, pypdf.generic.DictionaryObject):
        return []
    mine = [node] if node.get("/S") == kind else []
    return mine + (elements(node["/K"], kind) if "/K" in node else [])


def images(resources):
    """Return what kinds of outside objects some resources have, also those of objects within them."""
    found = []
    for each in (resources.get_object().get("/XObject") or {}).values():
        found.append(each.get_object()["/Subtype"])
        if "/Resources" in each.get_object():
            found += images(each.get_object()["/Resources"])
    return found


# ---- what it says


def test_finding_of_every_measure_is_there_in_full(of_all, pack):
    text = plain(" ".join(words(pack(TRUST))))
    runs = of_all.by_org[TRUST]
    assert len(runs) >= 2
    for run in runs:
        for finding in ("variation", "peers"):
            assert plain(run.content["findings"][finding]) in text, (run.measure.id, finding)
        assert run.release.sha256 in text
        assert run.measure.title in text


def test_findings_come_before_the_sections_of_measures(of_all, pack):
    found = next(number for number, page in enumerate(words(pack(TRUST))) if "What was found" in page)
    line = words(pack(TRUST))[found]
    [card] = [each for of_it in by_domain(of_all.by_org[TRUST], "").values() for each in of_it][:1]
    assert found == 1
    for part in (card.measure.title, card.figures.summary.value, card.figures.summary.variation.text):
        assert plain(part) in line


def test_page_given_for_a_measure_is_the_one_that_it_is_on(of_all, pack):
    pages = words(pack(TRUST))
    for run in of_all.by_org[TRUST]:
        given = re.search(re.escape(run.measure.title) + r".*?(?: in force| 20\d\d)\s(\d+) ", f"{pages[1]} ")
        assert given, pages[1]
        assert plain(run.measure.question) in pages[int(given[1]) - 1]


def test_standards_are_told_with_whether_they_are_met(of_all, pack):
    text = plain(" ".join(words(pack(TRUST))))
    [run] = [run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"]
    assert run.content["standards"]
    for row in run.content["standards"]:
        assert row["standard_name"] in text
    assert "Missed in March 2026" in text


def test_other_organisations_are_named_only_where_a_finding_names_them(of_all, pack):
    text = plain(" ".join(words(pack(TRUST))))
    for run in of_all.by_org[TRUST]:
        for finding in run.content["findings"].values():
            text = text.replace(plain(finding), "")
    others = {name for code, name in of_all.names.items() if code not in (TRUST, "ENG") and name != code}
    assert len(others) >= 3
    assert [name for name in others if name in text] == []


def test_caveats_and_corrections_are_told_without_markdown(of_all, pack):
    text = plain(" ".join(words(pack(TRUST))))
    [run] = [run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"]
    assert plain(run.measure.caveats[-1].text) in text
    assert "](" not in text
    assert "`" not in text


def test_file_behind_a_measure_leads_to_where_it_was_downloaded(of_all, pack):
    address = "https://example.org/March (1).csv"
    runs = [replace(run, release=run.release.model_copy(update={"file_url": address})) for run in of_all.runs]
    links = [
        annotation.get_object().get("/A", {}).get("/URI")
        for page in pack(TRUST, replace(of_all, runs=runs)).pages
        for annotation in page.get("/Annots", [])
    ]
    assert links.count(address) == len(of_all.by_org[TRUST])


def test_in_short_names_the_measures_of_each_kind(of_all):
    runs = of_all.by_org[TRUST]
    told = dict(pack_sections.in_short(runs))
    kinds = {
        card.measure.title: card.figures.summary.variation.kind
        for of_it in by_domain(runs, "").values()
        for card in of_it
    }
    for kind in ("concern", "improvement"):
        titles = [title for title, found in kinds.items() if found == kind]
        assert told[f"Special cause: {kind}"] == ("; ".join(titles) or "none")
    assert "A&E: four-hour waits" in told["Standard missed, and expected to be"]
    missed = [
        card.measure.title
        for of_it in by_domain(runs, "").values()
        for card in of_it
        if any("Missed" in standard.met.text for standard in card.figures.summary.standards)
    ]
    assert told["Standard missed in the latest figure"] == "; ".join(missed)
    assert "Special cause, neither good nor bad" not in told


def banded(runs, band):
    """Return the runs with a band of each point."""
    return [
        replace(run, content=run.content | {"points": [point | {"band": band} for point in run.content["points"]]})
        if run.content
        else run
        for run in runs
    ]


@pytest.mark.parametrize("band", ["higher than expected", "as expected", "lower than expected", None])
def test_in_short_names_measures_whose_figure_is_not_as_expected(of_all, band):
    runs = [run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"]
    told = dict(pack_sections.in_short(banded(runs, band)))
    found = {line: told[line] for line in ("Higher than expected", "Lower than expected") if line in told}
    expected = {} if band in (None, "as expected") else {band.capitalize(): "A&E: four-hour waits"}
    assert found == expected


def test_a_band_stands_beside_the_figure_wherever_that_is(of_all, pack):
    of_it = replace(of_all, runs=banded(of_all.runs, "lower than expected"))
    pages = words(pack(TRUST, of_it))
    assert "Lower than expected" in pages[0]
    assert "Lower than expected" in pages[1]
    assert ", lower than expected (" in pages[2]
    text = plain(" ".join(words(pack(SYSTEM, of_it))))
    assert "Lower than expected" in text
    assert "of its variation over time, after its band, of which neither end is better." in text


def test_where_no_measure_has_bands_none_is_spoken_of(of_all, pack):
    of_it = replace(of_all, runs=banded(of_all.runs, None))
    text = plain(" ".join(words(pack(SYSTEM, of_it))))
    assert "The words under a figure are those of its variation over time." in text
    for told in (text, *words(pack(TRUST, of_it))[:2]):  # what follows there is in the words of measures
        assert not re.search("(High|Low)er than expected|As expected|its band", told)


# ---- marks, numbers, structure


def test_every_page_has_the_mark_and_its_number(pack):
    for code in (TRUST, FAILING, SYSTEM):
        pages = words(pack(code))
        for number, page in enumerate(pages, start=1):
            assert page.startswith("Synthetic data, made up to show the method")
            assert page.endswith(f" {number} of {len(pages)}")
            assert "; each measure says its own." in page


@pytest.mark.parametrize(("status", "mark"), [("provisional", "Some figures are provisional"), ("final", "")])
def test_published_figures_are_marked_where_some_are_provisional(of_all, pack, status, mark):
    runs = [
        replace(run, release=run.release.model_copy(update={"status": ReleaseStatus(status)})) for run in of_all.runs
    ]
    pages = words(pack(TRUST, replace(of_all, runs=runs, synthetic=False)))
    assert all(("Some figures are provisional" in page) is bool(mark) for page in pages)
    assert all(page.startswith(mark) for page in pages)
    assert "Open Government Licence v3.0" in pages[-1]


def test_every_page_of_a_preview_says_so_before_all_else(of_all, pack):
    pages = words(pack(TRUST, replace(of_all, not_before="10 December 2999, 09:30")))
    mark = "Preview, not to be shared before 10 December 2999, 09:30. Synthetic data"
    assert all(page.startswith(mark) for page in pages)


def test_headings_are_bookmarks(of_all, pack):
    def titles(outline):
        for each in outline:
            yield from titles(each) if isinstance(each, list) else [each.title]

    found = list(titles(pack(TRUST).outline))
    assert found[:3] == ["In short", "How to read this", "What was found"]
    assert {run.measure.title for run in of_all.by_org[TRUST]} < set(found)
    assert "Caution" not in found  # one a measure would hide the rest


def test_document_tells_its_language_and_title_and_is_tagged(of_all, pack):
    document = pack(TRUST)
    root = document.trailer["/Root"]
    assert root["/Lang"] == "en-GB"
    assert root["/MarkInfo"]["/Marked"]
    assert document.metadata.title == f"Board pack: {of_all.names[TRUST]}"
    assert "pdfuaid" in root["/Metadata"].get_data().decode()


def test_charts_have_their_finding_as_words_for_those_who_cannot_see_them(of_all, pack):
    figures = elements(pack(TRUST).trailer["/Root"]["/StructTreeRoot"]["/K"], "/Figure")
    said = {plain(figure["/Alt"]) for figure in figures}
    leads = {
        plain(figure.finding)
        for run in of_all.by_org[TRUST]
        for step in run.steps()
        if step.cell_id == pack_sections.LEAD
        for figure in step.figures
    }
    assert said == leads


def test_charts_are_lines_and_words_and_not_pixels(of_all, pack):
    document = pack(TRUST)
    assert "/Image" not in {kind for page in document.pages for kind in images(page["/Resources"])}
    [run] = [run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"]
    [page] = [page for page in document.pages if plain(run.measure.question) in plain(page.extract_text())]
    points = len([point for point in run.content["points"] if point["series"] == "all"])
    assert len(re.findall(rb" [lc]\s", page.get_contents().get_data())) > points
    assert "Upper limit" in page.extract_text()


def test_fonts_are_carried_along(pack):
    fonts = {
        font.get_object()["/BaseFont"].split("+")[-1]
        for page in pack(TRUST).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts <= {"LiberationSans", "LiberationSans-Bold", "DejaVuSansMono"}
    assert {"LiberationSans", "LiberationSans-Bold"} <= fonts


def test_same_runs_give_the_same_bytes(of_all, project_of_site, monkeypatch):
    monkeypatch.chdir(project_of_site)
    first = board_pack.make(of_all, TRUST)
    pdf._compiler.cache_clear()
    assert board_pack.make(of_all, TRUST) == first
    assert pypdf.PdfReader(io.BytesIO(first)).metadata.creation_date.date().isoformat() == "2026-03-31"


# ---- failures


def test_failed_run_says_so_and_the_others_are_there(of_all, pack):
    [failed] = [run for run in of_all.by_org[FAILING] if run.failure]
    text = plain(" ".join(words(pack(FAILING))))
    assert "No figures. The notebook has failed since" in text
    assert "No figures: the notebook failed." in text
    assert "<nowhere>" in text
    assert dict(pack_sections.in_short(of_all.by_org[FAILING]))["No figures, because the notebook failed"] == (
        failed.measure.title
    )
    assert plain(next(run for run in of_all.by_org[FAILING] if run.content).content["findings"]["variation"]) in text


def test_failed_run_with_good_figures_before_says_where_these_are(of_all, pack):
    [good] = [run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"]
    [failed] = [run for run in of_all.by_org[FAILING] if run.failure]
    others = [run for run in of_all.runs if run is not failed]
    text = plain(" ".join(words(pack(FAILING, replace(of_all, runs=[*others, replace(failed, last_good=good)])))))
    assert "Its last good figures are on its page of the site" in text
    assert plain(good.content["findings"]["variation"]) not in text


def test_run_without_a_chart_has_its_section_all_the_same(of_all, pack):
    run = replace(next(run for run in of_all.by_org[TRUST] if run.measure.id == "ae_four_hour"))
    run.__dict__["steps"] = list
    document = pack(TRUST, replace(of_all, runs=[run]))
    assert elements(document.trailer["/Root"]["/StructTreeRoot"]["/K"], "/Figure") == []
    assert plain(run.content["findings"]["variation"]) in plain(" ".join(words(document)))


def test_organisation_without_runs_is_refused(of_all):
    with pytest.raises(ParameterError, match=r"--org Z-99: no run on the present data; \d+ others have some\."):
        board_pack.choose(of_all, ["Z-99"])
    with pytest.raises(ParameterError, match="Run it first: openmeasures run --org RJ1"):
        board_pack.choose(of_all, ["RJ1"])


def test_everyone_with_runs_or_members_is_chosen_by_default(of_all):
    chosen = board_pack.choose(of_all, None)
    assert chosen == sorted({*of_all.by_org, *of_all.places.by_code})
    assert {TRUST, SYSTEM, "ENG"} <= set(chosen)
    assert board_pack.choose(of_all, [TRUST, "ENG", TRUST]) == [TRUST, "ENG"]


def test_packs_are_written_a_file_each(of_all, project_of_site, tmp_path, monkeypatch):
    monkeypatch.chdir(project_of_site)
    paths = list(board_pack.write(of_all, [TRUST, SYSTEM], tmp_path / "packs"))
    assert paths == [tmp_path / "packs" / f"{code}.pdf" for code in (TRUST, SYSTEM)]
    assert paths[0].read_bytes() == board_pack.make(of_all, TRUST)


# ---- systems, England


def test_system_without_runs_has_the_figures_of_its_organisations(of_all, pack):
    place = of_all.places.by_code[SYSTEM]
    text = plain(" ".join(words(pack(SYSTEM))))
    assert place.members
    assert f"{SYSTEM}, system in Norrowland" in text
    assert "No figures of its own were made for this system" in text
    assert "What was found" not in text
    for member in place.members:
        assert of_all.names[member] in text


def test_organisation_that_a_publication_does_not_have_has_a_dash(of_all):
    place = of_all.places.by_code[SYSTEM]
    of_members = {TRUST: of_all.by_org[TRUST][:1], **{code: of_all.by_org[code] for code in place.members}}
    tables = pack_sections.members(area_pages.members(of_members, of_all.names, of_all.places, up=""))
    rows = [(row["code"], cell) for table in tables for row in table["rows"] for cell in row["cells"]]
    assert (TRUST, None) in rows
    values = {cell["value"] for code, cell in rows if code in place.members and cell}
    assert len(values) >= 2


def test_system_with_runs_has_its_sections_and_its_organisations(of_all, pack):
    own = [replace(run, org_code=SYSTEM) for run in of_all.by_org[TRUST]]
    text = plain(" ".join(words(pack(SYSTEM, replace(of_all, runs=[*of_all.runs, *own])))))
    assert "Percentages are never averaged." in text
    assert plain(own[0].content["findings"]["variation"]) in text
    assert "Organisations in it" in text


def test_region_says_what_it_is_and_england_too(of_all, pack):
    region = of_all.places.by_code[SYSTEM].region_code
    assert f"{region}, region. The latest data are up to" in words(pack(region))[0]
    assert "ENG, the whole country. The latest data are up to" in words(pack("ENG"))[0]


def test_organisation_of_which_no_place_is_known_has_the_region_of_its_runs(of_all, pack):
    nowhere = replace(of_all, places=replace(of_all.places, by_code={}))
    assert f"{TRUST}, {of_all.regions[TRUST]}. The latest data are up to" in words(pack(TRUST, nowhere))[0]
