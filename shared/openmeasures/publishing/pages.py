"""From executed notebooks and their results to the pages of the site, as plain Markdown for Quarto or smalldocs.

    index.qmd, methods/, …          written by hand in site/; a line such as `<!-- notice -->` in them is
                                    replaced by what it names: the notice of synthetic data, England's cards
                                    (`measures`), the key to the icons, or where the figures come from (`origins`)
    measures/<measure>/index.qmd    England's notebook, every organisation, the definition
    reconciliation.qmd              England's figures beside the published ones
    status.qmd                      when the runs were made, and which failed
    package/                        the package's documentation, from its docstrings
    organisations/index.qmd         every organisation, by region
    organisations/<org>/index.qmd   every measure of one organisation
    organisations/<org>/<measure>.qmd   that organisation's notebook
    systems/index.qmd               every region with its systems
    systems/<code>/, regions/<code>/    the same as of an organisation, and the latest figures of those in it

`publish` writes them beside `_quarto.yml`, keeps a list of what it wrote, and removes what it wrote before and no
longer does; it touches nothing else.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from openmeasures import definitions, project
from openmeasures.charts import conversion
from openmeasures.definitions import Measure
from openmeasures.errors import RenderError
from openmeasures.organisations import ENGLAND, regions_of
from openmeasures.publishing import (
    area_pages,
    cards,
    chart_files,
    contributing,
    documentation,
    origins,
    reconciliation,
    status,
)  # fmt: skip
from openmeasures.publishing.places import Places
from openmeasures.publishing.places import find as find_places
from openmeasures.publishing.run_page import write_run_page
from openmeasures.publishing.runs import Run, runs_of
from openmeasures.publishing.writer import TEMPLATES, Pages
from openmeasures.reviewing.reconcile import lines, reconcile
from openmeasures.store import Store

CONFIG = "_quarto.yml"
CHARTS = "charts"  # in the build folder: images, each drawn once


def publish(store: Store, build: Path, stage: Path, *, period_to: str = "") -> Pages:
    """Write every page into `stage`, and return which.

    `period_to` is the last month of the runs to show, the latest by default. Raises `RenderError` where none of them
    succeeded on the present data and code, since a site without figures helps nobody.
    """
    store = store.fixed()
    measures = [measure for measure in definitions.load_all() if store.newest(measure.source)]
    runs = [run for measure in measures for run in runs_of(store, build, measure, period_to)]
    if not any(run.content for run in runs):
        raise RenderError(f"{build}: no run on the present data succeeded. Use `openmeasures run` to see why.")
    with conversion.keeping(build / CHARTS):
        return _publish(runs, measures, store, build, stage)


def _publish(runs: list[Run], measures: list[Measure], store: Store, build: Path, stage: Path) -> Pages:
    shown = [run.last_good or run for run in runs if run.last_good or run.content]
    figures = (figure for run in shown for step in run.steps for figure in step.figures)
    conversion.draw_ahead((figure.narrow_specification for figure in figures), processes=os.cpu_count() or 1)
    pages = Pages(stage)
    reconciled = {measure.id: reconcile(measure, store) for measure in measures}
    regions = regions_of([(run.org_code, run.content["region_name"]) for run in runs if run.content])
    by_org: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_org[run.org_code].append(run)
    places = find_places(store, [measure.source for measure in measures], with_pages=by_org)
    for run in runs:
        of_measure = [other for other in runs if other.measure.id == run.measure.id]
        write_run_page(
            pages, run, of_measure, store, lines(reconciled[run.measure.id], run.measure.period), regions, places
        )
    synthetic = store.synthetic
    names = {
        code: next((run.content["org_name"] for run in of_it if run.content), code) for code, of_it in by_org.items()
    }
    everything = origins.of(runs, synthetic=synthetic)
    _organisation_pages(pages, by_org, names, regions, places, synthetic=synthetic)
    area_pages.write(pages, places, by_org, names, synthetic=synthetic)
    reconciliation.write(pages, reconciled, measures, everything)
    status.write(pages, runs, reconciled, places, everything)
    documentation.write(pages, everything)
    domains = cards.by_domain(by_org.get(ENGLAND, []), "{}/index.html")
    pages.render(
        "measures/index.qmd", "measures.qmd.jinja", up="../", domains=domains, synthetic=synthetic, origins=everything
    )
    from_home = cards.by_domain(by_org.get(ENGLAND, []), "measures/{}/index.html")
    parts_by_hand = {
        "<!-- notice -->": TEMPLATES.get_template("notice.qmd.jinja").render(synthetic=synthetic),
        "<!-- measures -->": TEMPLATES.get_template("cards.qmd.jinja").render(up="", domains=from_home),
        "<!-- contributing -->": contributing.body(project.root()),
        "<!-- icons -->": TEMPLATES.get_template("icons.qmd.jinja").render(),
        "<!-- origins -->": TEMPLATES.get_template("origins.qmd.jinja").render(origins=everything),
    }
    _copy_by_hand(pages, parts_by_hand)
    pages.write("assets/vega.js", chart_files.script(build))
    pages.finish(build / "pages.json")
    return pages


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
        pages.write(address, text)
    if pages.stage != project.root():
        shutil.copyfile(project.root() / CONFIG, pages.stage / CONFIG)


def _organisation_pages(
    pages: Pages, by_org: dict[str, list[Run]], names: dict[str, str], regions: dict[str, str], places: Places,
    *, synthetic: bool,
) -> None:  # fmt: skip
    members_of: dict[str, list[dict[str, str]]] = defaultdict(list)
    for org_code, runs in by_org.items():
        if org_code == ENGLAND or org_code in places.by_code:
            continue
        name, region = names[org_code], regions.get(org_code, "Region unknown")
        members_of[region].append({"code": org_code, "name": name})
        pages.render(
            f"{places.folder(org_code)}/index.qmd", "organisation.qmd.jinja", up="../../", synthetic=synthetic,
            page={"title": name, "subtitle": f"{org_code}, {region}"}, parents=places.of(org_code),
            domains=cards.by_domain(runs, "{}.html"), origins=origins.of(runs, synthetic=synthetic),
        )  # fmt: skip
    by_name: Callable[[dict[str, str]], str] = lambda org: org["name"].removeprefix("The ")  # noqa: E731
    listed = [(region, sorted(members, key=by_name)) for region, members in sorted(members_of.items())]
    pages.render(
        "organisations/index.qmd", "organisations.qmd.jinja", up="../", regions=listed, synthetic=synthetic,
        origins=origins.of((run for of_it in by_org.values() for run in of_it), synthetic=synthetic),
    )  # fmt: skip
