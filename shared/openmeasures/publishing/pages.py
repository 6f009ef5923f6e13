"""From executed notebooks and their results to the pages of the site, as plain Markdown for Quarto or smalldocs.

    index.qmd, methods/, …          written by hand in site/; a line `<!-- notice -->` or `<!-- measures -->` in them
                                    becomes the notice of synthetic data, or England's cards
    measures/<measure>/index.qmd    England's notebook, every organisation, the definition
    organisations/index.qmd         every organisation, by region
    organisations/<org>/index.qmd   every measure of one organisation
    organisations/<org>/<measure>.qmd   that organisation's notebook

`publish` writes them beside `_quarto.yml`, keeps a list of what it wrote, and removes what it wrote before and no
longer does; it touches nothing else.
"""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from openmeasures import definitions, project, results
from openmeasures.definitions import Measure
from openmeasures.errors import RenderError
from openmeasures.methods import rulesets
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_label
from openmeasures.publishing import parts, provenance, summary
from openmeasures.releases import Release
from openmeasures.running import collect
from openmeasures.running.execute import notebook_path
from openmeasures.running.plan import run_digest
from openmeasures.store import Store, write_whole

LEAD = (
    "variation",
    "standards",
    "certainty",
    "seasons",
    "peers",
    "quality",
)  # ids of cells that lead a page, beside every chart
CONFIG = "_quarto.yml"
UNRANKED = (
    "By name, in no order of merit: neighbours in a ranking may differ by chance alone. Those that no longer report "
    "come last. Each name leads to its own page."
)

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("openmeasures.publishing"), undefined=jinja2.StrictUndefined, trim_blocks=True,
    lstrip_blocks=True, autoescape=False, keep_trailing_newline=True,
)  # fmt: skip
_templates.globals["guides"] = {"peers": "methods/comparing.html"}  # the page that explains a cell's chart, if not SPC


@dataclass(frozen=True)
class Run:
    """One run as the pages need it: its result, or the error it ended with."""

    measure: Measure
    org_code: str
    notebook: Path
    release: Release
    content: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @cached_property
    def steps(self) -> list[parts.Step]:
        """The notebook's steps; two pages show them, and images take time."""
        return parts.steps(self.notebook)


@dataclass
class Pages:
    """Writes pages under one folder, and remembers which."""

    stage: Path
    written: list[str] = field(default_factory=list)

    def write(self, address: str, text: str | bytes) -> None:
        """Write one file whole, and only where it differs, so that a renderer sees what changed."""
        path, content = self.stage / address, text.encode() if isinstance(text, str) else text
        self.written.append(address)
        if not (path.is_file() and path.read_bytes() == content):
            write_whole(path, content)

    def render(self, address: str, template: str, **values: object) -> None:
        """Write a page from a template."""
        self.write(address, _templates.get_template(template).render(**values))

    def finish(self, record: Path) -> None:
        """Remove the pages of the last time that were not written again."""
        before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
        for address in set(before) - set(self.written):
            (self.stage / address).unlink(missing_ok=True)
        write_whole(record, json.dumps(sorted(self.written), indent=0).encode())


def publish(store: Store, build: Path, stage: Path, *, period_to: str = "") -> list[str]:
    """Write every page into `stage` and return their addresses.

    `period_to` is the last month of the runs to show, the latest by default. Raises `RenderError` where none of them
    succeeded on the present data and code, since a site without figures helps nobody.
    """
    runs = [run for measure in definitions.load_all() for run in _runs(store, build, measure, period_to)]
    if not any(run.content for run in runs):
        raise RenderError(f"{build}: no run on the present data succeeded. Use `openmeasures run` to see why.")
    pages = Pages(stage)
    by_org: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_org[run.org_code].append(run)
        _run_page(pages, run, [other for other in runs if other.measure.id == run.measure.id], store)
    synthetic = store.synthetic
    _organisation_pages(pages, by_org, synthetic=synthetic)
    cards = [_card(run, f"{run.measure.id}/index.qmd") for run in by_org.get(ENGLAND, [])]
    pages.render("measures/index.qmd", "measures.qmd.jinja", up="../", cards=cards, synthetic=synthetic)
    from_home = [_card(run, f"measures/{run.measure.id}/index.qmd") for run in by_org.get(ENGLAND, [])]
    parts_by_hand = {
        "<!-- notice -->": _templates.get_template("notice.qmd.jinja").render(synthetic=synthetic),
        "<!-- measures -->": _templates.get_template("cards.qmd.jinja").render(up="", cards=from_home),
    }
    _copy_by_hand(pages, parts_by_hand)
    pages.finish(build / "pages.json")
    return pages.written


def _runs(store: Store, build: Path, measure: Measure, period_to: str) -> list[Run]:
    releases = store.releases(measure.source, newest=True)
    found = []
    for entry in collect.entries(build, measure.id, run_digest(store, measure, period_to)):
        release = [r for r in releases if f"{r.period_start:%Y-%m}" <= entry.period_to][-1]
        notebook = notebook_path(build, measure.id, entry.org_code)
        content = {} if entry.error else collect.contents(build, [entry])[0]
        error = _without_folders(entry.error, build, store.folder, project.root(), Path.home())
        found.append(Run(measure, entry.org_code, notebook, release, content, error))
    return found


def _without_folders(error: str, *folders: Path) -> str:
    """Return an error for readers, who are not to see where on this machine it happened."""
    for folder in sorted({str(folder) for folder in folders if folder.name}, key=len, reverse=True):
        error = error.replace(folder + os.sep, "").replace(folder, "…")
    return error


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


def _run_page(pages: Pages, run: Run, of_measure: list[Run], store: Store) -> None:
    measure, is_england = run.measure, run.org_code == ENGLAND
    folder = f"measures/{measure.id}" if is_england else f"organisations/{run.org_code}"
    address = f"{folder}/index.qmd" if is_england else f"{folder}/{measure.id}.qmd"
    page: dict[str, Any] = {"is_england": is_england, "synthetic": run.release.synthetic}
    command = f"openmeasures run {measure.id} --org {run.org_code} --period-to {run.release.period_start:%Y-%m}"
    if run.error:
        page |= {"title": measure.title, "subtitle": run.org_code, "browser_title": f"{run.org_code}: {measure.title}"}
        month = month_label(run.release.period_start)
        values = {"page": page, "measure": measure, "error": run.error, "command": command, "month": month}
        pages.render(address, "failed.qmd.jinja", up="../../", **values)
        return
    content = run.content
    name = content["org_name"]
    downloads = _downloads(pages, run, folder)
    page |= {
        "title": measure.title, "subtitle": name, "org_name": name, "browser_title": f"{name}: {measure.short_title}",
        "downloads": downloads,
    }  # fmt: skip
    steps = run.steps
    lead = [step for step in steps if step.figure or step.cell_id in LEAD]
    first = date.fromisoformat(content["points"][0]["period_start"])
    pages.render(
        address, "measure.qmd.jinja", up="../../", page=page, measure=measure, findings=content["findings"], lead=lead,
        method=steps, summary=summary.summarise(content, measure, run.release),
        figures_of=_figures_of(steps, content, measure),
        organisations=_all_listed(of_measure),
        organisations_intro=UNRANKED,
        caveats=measure.caveats_for(first, run.release.period_end),
        provenance=_provenance(run, store, command),
    )  # fmt: skip


def _figures_of(steps: list[parts.Step], content: dict[str, Any], measure: Measure) -> dict[str, list[dict[str, str]]]:
    """Return the rows behind each chart: a cell is named after its series, with `-` for `_`; others have none."""
    series = {"variation": results.ALL, **{s.id.replace("_", "-"): s.id for s in measure.series}}
    return {
        step.cell_id: summary.rows(content, measure, series=series[step.cell_id]) if step.cell_id in series else []
        for step in steps
    }


def _downloads(pages: Pages, run: Run, folder: str) -> list[tuple[str, str]]:
    name = f"{run.measure.id}-{run.org_code}"
    table = collect.table([run.content])
    pages.write(f"{folder}/downloads/{name}.csv", table.write_csv())
    pages.write(f"{folder}/downloads/{name}.ipynb", run.notebook.read_text(encoding="utf-8"))
    return [("figures (CSV)", f"downloads/{name}.csv"), ("executed notebook", f"downloads/{name}.ipynb")]


def _all_listed(runs: list[Run]) -> list[dict[str, Any]]:
    """Return every organisation by name, those that no longer report last."""
    listed = [_listed(run) for run in runs if run.content and run.org_code != ENGLAND]
    return sorted(listed, key=lambda org: (org["has_ended"], org["name"].removeprefix("The "), org["code"]))


def _listed(run: Run) -> dict[str, Any]:
    point = summary.latest_point(run.content)
    return {
        "code": run.org_code,
        "name": run.content["org_name"],
        "region": run.content["region_name"],
        "month": month_label(date.fromisoformat(point["period_start"])) if point else "",
        "value": run.measure.written(point["value"] if point else None),
        "variation": summary.variation(run.content),
        "has_ended": summary.has_ended(run.content),
    }


def _card(run: Run, address: str) -> dict[str, Any]:
    card: dict[str, Any] = {
        "measure": run.measure, "address": address, "error": run.error, "is_england": run.org_code == ENGLAND,
        "org_name": run.content.get("org_name", run.org_code), "summary": None, "finding": "", "figure": None,
    }  # fmt: skip
    if not run.error:
        card["summary"] = summary.summarise(run.content, run.measure, run.release)
        card["finding"] = run.content["findings"]["variation"]
        card["figure"] = next((step.figure for step in run.steps if step.cell_id == LEAD[0]), None)
    return card


def _organisation_pages(pages: Pages, by_org: dict[str, list[Run]], *, synthetic: bool) -> None:
    regions: dict[str, list[dict[str, str]]] = defaultdict(list)
    for org_code, runs in by_org.items():
        if org_code == ENGLAND:
            continue
        content = next(
            (run.content for run in runs if run.content), {"org_name": org_code, "region_name": "Region unknown"}
        )
        name, region = content["org_name"], content["region_name"]
        regions[region].append({"code": org_code, "name": name})
        page = {
            "title": name, "subtitle": f"{org_code}, {region}",
            "synthetic": synthetic,
        }  # fmt: skip
        cards = [_card(run, f"{run.measure.id}.qmd") for run in runs]
        pages.render(
            f"organisations/{org_code}/index.qmd", "organisation.qmd.jinja", up="../../", page=page, cards=cards
        )
    by_name: Callable[[dict[str, str]], str] = lambda org: org["name"].removeprefix("The ")  # noqa: E731
    listed = [(region, sorted(members, key=by_name)) for region, members in sorted(regions.items())]
    pages.render("organisations/index.qmd", "organisations.qmd.jinja", regions=listed, synthetic=synthetic)


def _provenance(run: Run, store: Store, command: str) -> dict[str, Any]:
    release, measure = run.release, run.measure
    first = store.releases(measure.source, newest=True)[0]
    title = f"{measure.title}, {run.content['org_name']}, data up to {month_label(release.period_start)}"
    source = "the synthetic sample" if release.synthetic else f"[{measure.source}]({release.url})"
    licence = (
        "Synthetic figures and code: MIT"
        if release.synthetic
        else "Contains public sector information licensed under the "
        "[Open Government Licence v3.0](https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/). "
        "Source: NHS England. Code: MIT"
    )
    return {
        "data": f"{source}, {month_label(first.period_start)} to {month_label(release.period_start)}",
        "file": f"{release.file_name} ({release.status.value})",
        "retrieved": release.retrieved,
        "published": release.published,
        "sha256": release.sha256,
        "commit": provenance.commit(project.root()) or "not under version control",
        "environment": provenance.environment(),
        "rule_set": rulesets.find(measure.rule_set).title,
        "licence": licence,
        "cite": f"Open Measures. {title}.",
        "command": command,
    }
