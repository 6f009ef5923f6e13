"""From executed notebooks and their results to the pages of the site, as plain Markdown for Quarto or smalldocs.

    index.qmd, methods/, …          written by hand in site/; a line such as `<!-- notice -->` in them is
                                    replaced by what it names: the notice of synthetic data, the field to find an
                                    organisation (`finder`), England's cards (`measures`), what there is to
                                    download (`results`), the key to the icons, or where the figures come from
                                    (`origins`)
    measures/<measure>/index.qmd    England's notebook, every organisation, the definition
    reconciliation.qmd              England's figures beside the published ones
    status.qmd                      when the runs were made, and which failed
    package/                        the package's documentation, from its docstrings
    organisations/index.qmd         every organisation, by region
    organisations/<org>/index.qmd   every measure of one organisation
    organisations/<org>/<measure>.qmd   that organisation's notebook
    systems/index.qmd               every region with its systems
    systems/<code>/, regions/<code>/    the same as of an organisation, and the latest figures of those in it
    cards/                          an image of each page for whoever passes its link on, where there is a `site-url`
    …/<code>/board-pack.pdf         all of it on paper, where packs are asked for: no page waits for them otherwise
    feed.xml, organisations/<org>/feed.xml   changes of conclusion
    results/                        every result as a Data Package

`publish` writes them beside `_quarto.yml`, keeps a list of what it wrote, and removes what it wrote before and no
longer does; it touches nothing else.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from openmeasures import project
from openmeasures.charts import conversion
from openmeasures.organisations import ENGLAND
from openmeasures.publishing import (
    area_pages,
    board_pack,
    cards,
    chart_files,
    contributing,
    documentation,
    feed,
    finder,
    origins,
    package,
    reconciliation,
    status,
    website,
)
from openmeasures.publishing import built as built_runs
from openmeasures.publishing.built import Built
from openmeasures.publishing.finder import Findable
from openmeasures.publishing.parts import Step
from openmeasures.publishing.run_page import write_run_page
from openmeasures.publishing.runs import Run
from openmeasures.publishing.templating import TEMPLATES
from openmeasures.publishing.writer import Pages
from openmeasures.reviewing.reconcile import lines, reconcile
from openmeasures.store import Store

CHARTS = "charts"  # in the build folder: images, each drawn once
AHEAD = 16  # pages whose charts are drawn while another one is written


def publish(store: Store, build: Path, stage: Path, *, period_to: str = "", packs: bool = False) -> Pages:
    """Write every page into `stage`, and return which.

    `period_to` is the last month of the runs to show, the latest by default. Raises `RenderError` where none of them
    succeeded on the present data and code, since a site without figures helps nobody.
    """
    store = store.fixed()
    built = built_runs.read(store, build, period_to=period_to)
    with conversion.keeping(build / CHARTS):
        return _publish(built, store, build, stage, packs=packs)


def _publish(built: Built, store: Store, build: Path, stage: Path, *, packs: bool) -> Pages:
    runs, by_org, places, synthetic = built.runs, built.by_org, built.places, built.synthetic
    site = website.load(project.root())._replace(not_before=built.not_before, synthetic=synthetic)
    pages = Pages(stage, site)
    reconciled = {measure.id: reconcile(measure, store) for measure in built.measures}
    of_measure: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        of_measure[run.measure.id].append(run)
    drawn = conversion.drawn_ahead(map(_read, runs), _phone_charts, processes=os.cpu_count() or 1, ahead=AHEAD)
    with closing(drawn):
        for run, steps in drawn:
            measure = run.measure
            in_words = lines(reconciled[measure.id], measure.period)
            write_run_page(pages, run, steps, of_measure[measure.id], store, in_words, built)
    everything = origins.of(runs, synthetic=synthetic)
    pack = board_pack.FILE if packs else ""
    found = _organisation_pages(pages, built, pack=pack)
    area_pages.write(pages, places, by_org, built.names, synthetic=synthetic, pack=pack)
    if packs:
        _packs(pages, built)
    for place in places.by_code.values():
        found.append(Findable(place.code, place.name, place.level.value.capitalize(), f"{place.folder}/index.html"))
    finder.write(pages, found, store)
    feed.write(pages, runs, store, places)
    results = package.write(pages, runs, store)
    reconciliation.write(pages, reconciled, built.measures, everything)
    status.write(pages, runs, reconciled, places, everything)
    documentation.write(pages, everything)
    domains = cards.by_domain(by_org.get(ENGLAND, []), "{}/index.html")
    pages.render(
        "measures/index.qmd", "measures.qmd.jinja", up="../", domains=domains, synthetic=synthetic, origins=everything
    )
    from_home = cards.by_domain(by_org.get(ENGLAND, []), "measures/{}/index.html")
    parts_by_hand = {
        "<!-- notice -->": TEMPLATES.get_template("notice.qmd.jinja").render(synthetic=synthetic),
        "<!-- finder -->": TEMPLATES.get_template("finder.qmd.jinja").render(up=""),
        "<!-- measures -->": TEMPLATES.get_template("cards.qmd.jinja").render(up="", domains=from_home),
        "<!-- results -->": TEMPLATES.get_template("results.qmd.jinja").render(
            tables=results.tables, columns=results.columns, size=package.size, has_page=pages.has
        ),
        "<!-- contributing -->": contributing.body(project.root()),
        "<!-- icons -->": TEMPLATES.get_template("icons.qmd.jinja").render(),
        "<!-- origins -->": TEMPLATES.get_template("origins.qmd.jinja").render(origins=everything),
    }
    _copy_by_hand(pages, parts_by_hand)
    pages.write("assets/vega.js", chart_files.script(build))
    pages.finish(build / "pages.json")
    return pages


def _read(run: Run) -> tuple[Run, list[Step]]:
    """Return a run with the steps that its page shows: its own, or those of the last good one."""
    shown = run.last_good or run
    return run, shown.steps() if shown.content else []


def _phone_charts(read: tuple[Run, list[Step]]) -> list[conversion.Spec]:
    return [figure.narrow_specification for step in read[1] for figure in step.figures]


def _copy_by_hand(pages: Pages, parts_by_hand: dict[str, str]) -> None:
    site = project.root() / "site"
    for path in sorted(path for path in site.rglob("*") if path.is_file() and not path.name.startswith(".")):
        address = path.relative_to(site).as_posix()
        if path.suffix != ".qmd":
            pages.write(address, path.read_bytes())
            continue
        text = path.read_text(encoding="utf-8")
        for marker, part in parts_by_hand.items():
            text = text.replace(marker, part)
        pages.write_page(address, text)
    if pages.stage != project.root():
        shutil.copyfile(project.root() / website.CONFIG, pages.stage / website.CONFIG)


def _packs(pages: Pages, built: Built) -> None:
    """Write a board pack beside the pages of everyone but England, whose pages are the measures'."""
    for code in board_pack.choose(built, None):
        if code != ENGLAND:
            pages.write(f"{built.places.folder(code)}/{board_pack.FILE}", board_pack.make(built, code))


def _organisation_pages(pages: Pages, built: Built, *, pack: str) -> list[Findable]:
    """Write the page of each organisation and the list of all; return them for the index by which they are found."""
    places, synthetic = built.places, built.synthetic
    found: list[Findable] = []
    members_of: dict[str, list[dict[str, str]]] = defaultdict(list)
    for org_code, runs in built.by_org.items():
        if org_code == ENGLAND or org_code in places.by_code:
            continue
        name, region = built.names[org_code], built.regions.get(org_code, "Region unknown")
        members_of[region].append({"code": org_code, "name": name})
        found.append(Findable(org_code, name, region, f"{places.folder(org_code)}/index.html"))
        pages.render(
            f"{places.folder(org_code)}/index.qmd", "organisation.qmd.jinja", up="../../", synthetic=synthetic,
            page={"title": name, "subtitle": f"{org_code}, {region}"}, parents=places.of(org_code),
            domains=cards.by_domain(runs, "{}.html"), origins=origins.of(runs, synthetic=synthetic),
            described=f"{name} ({org_code}), {region}: every measure, its latest figure and what its chart says.",
            pack=pack,
        )  # fmt: skip
    by_name: Callable[[dict[str, str]], str] = lambda org: org["name"].removeprefix("The ")  # noqa: E731
    listed = [(region, sorted(members, key=by_name)) for region, members in sorted(members_of.items())]
    pages.render(
        "organisations/index.qmd", "organisations.qmd.jinja", up="../", regions=listed, synthetic=synthetic,
        origins=origins.of(built.runs, synthetic=synthetic),
    )  # fmt: skip
    return found
