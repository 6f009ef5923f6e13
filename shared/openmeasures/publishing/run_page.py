"""The page of one run: a measure for England or for one organisation, or the reason why there is none."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from openmeasures import corrections, results, words
from openmeasures.definitions import Measure
from openmeasures.methods import rulesets
from openmeasures.organisations import ENGLAND
from openmeasures.periods import day_label
from openmeasures.publishing import chart_files, origins, provenance, sparkline, summary
from openmeasures.publishing.built import Built
from openmeasures.publishing.parts import Step
from openmeasures.publishing.places import Places
from openmeasures.publishing.runs import Run
from openmeasures.publishing.social_card import Shown
from openmeasures.publishing.summary import Summary
from openmeasures.publishing.writer import Pages, RunPage
from openmeasures.register import Level
from openmeasures.running import collect
from openmeasures.store import Store

# ids of cells that lead a page, beside every chart
LEAD = ("variation", "standards", "certainty", "seasons", "peers", "quality")
UNRANKED = (
    "By name, in no order of merit: neighbours in a ranking may differ by chance alone. Those that no longer report "
    "come last. Each name leads to its own page."
)


def write_run_page(
    pages: Pages, run: Run, steps: list[Step], of_measure: list[Run], store: Store, reconciled: list[str],
    built: Built,
) -> None:  # fmt: skip
    """Write the page of one run, with its downloads.

    `steps` are those of its notebook, or of the last good one; `of_measure` are all runs of the measure, which
    England's page lists, and `reconciled` says in how many months its figures are the published ones; `built` says what
    everyone is called and where the pages of each are.
    """
    places = built.places
    measure, is_england = run.measure, run.org_code == ENGLAND
    period = measure.period
    folder = f"measures/{measure.id}" if is_england else places.folder(run.org_code)
    address = f"{folder}/index.qmd" if is_england else f"{folder}/{measure.id}.qmd"
    is_area = run.org_code in places.by_code
    page: dict[str, Any] = {"is_england": is_england, "is_area": is_area, "synthetic": run.release.synthetic}
    command = f"openmeasures run {measure.id} --org {run.org_code} --period-to {period.key(run.period_to)}"
    command += f" --as-of {store.as_of}" if store.as_of else ""
    failure = run.failure
    if failure:
        page["failure"] = {
            "error": failure.error, "since": day_label(failure.since), "command": command,
            "month": period.label(run.period_to), "notebook": failure.notebook,
        }  # fmt: skip
        if run.last_good is None:
            page |= _titles(measure, built.names[run.org_code])
            of_it = origins.of([run], synthetic=run.release.synthetic)
            pages.render(address, "failed.qmd.jinja", up="../../", page=page, measure=measure, origins=of_it)
            return
        run = run.last_good
        page |= {"made": day_label(run.ended), "up_to": period.label(run.period_to)}
    content = run.content
    name = content["org_name"]
    downloads = _downloads(pages, run, folder)
    page |= _titles(measure, name) | {"downloads": downloads}
    findings = [figure.finding for step in steps for figure in step.figures]
    pages.of_runs.append(RunPage(address, f"{measure.id}-{run.org_code}", findings))
    lead = [step for step in steps if step.figures or step.cell_id in LEAD]
    first = date.fromisoformat(content["points"][0]["period_start"])
    facts = summary.summarise(content, measure, run.release, reaches=run.reaches)
    shown = _shown(content, measure, facts) if pages.website.has_cards and not failure else None
    pages.render(
        address, "measure.qmd.jinja", described=content["findings"]["variation"], shown=shown, up="../../", page=page,
        measure=measure, findings=content["findings"], lead=lead,
        method=steps, summary=facts,
        offered=chart_files.offer(
            pages, steps, measure, _figures_of(content, measure), folder=folder, name=f"{measure.id}-{run.org_code}"
        ),
        lists=_lists(of_measure, built.regions, places) if is_england else [],
        organisations_intro=UNRANKED,
        standards=_standards(measure),
        reconciled=reconciled,
        caveats=measure.caveats_for(first, period.end(run.period_to)),
        corrected=corrected(run, first),
        provenance=_provenance(run, store, command) | ({"commit": "an earlier state"} if failure else {}),
    )  # fmt: skip


def _titles(measure: Measure, name: str) -> dict[str, str]:
    browser_title = f"{name}: {measure.short_title}"
    return {"title": measure.title, "subtitle": name, "org_name": name, "browser_title": browser_title}


def _shown(content: dict[str, Any], measure: Measure, facts: Summary) -> Shown:
    """Return what the image of the page's card shows."""
    points = [point for point in content["points"] if point["series"] == results.ALL]
    kind = facts.variation.kind
    drawn = sparkline.draw(points, kind=kind, period=measure.period)
    name = content["org_name"]
    return Shown(measure.short_title, name, facts.value, facts.month, facts.variation.text, kind, drawn)


def corrected(run: Run, first: date) -> list[dict[str, str]]:
    """Return the known errors that are put right in the figures of the page, each in words; for England in anyone's."""
    period = run.measure.period
    return [
        {
            "text": f"Corrected, {period.span(period.start(each.date_from), period.start(each.date_to))} "
            f"({words.listed(each.org_codes)}): {each.what}. The source says {each.expect:g}; it is treated as "
            f"{words.STATUS_WORDS[each.status]}. {each.reason}",
            "url": str(each.url or ""),
        }
        for each in corrections.load(run.measure.folder)
        if each.synthetic == run.release.synthetic
        and (run.org_code == ENGLAND or run.org_code in each.org_codes)
        and each.date_from <= run.period_to
        and each.date_to >= first
    ]


def _standards(measure: Measure) -> list[dict[str, Any]]:
    """Return every standard of the measure and then of its series, each as it is written in its unit."""
    of_all = [("", measure), *((f"{each.title}: ", measure.of(each.id)) for each in measure.series)]
    return [
        {"name": f"{prefix}{each.name}", "value": of_it.written_as_set(each.value), "set": each}
        for prefix, of_it in of_all
        for each in of_it.standards
    ]


def _figures_of(content: dict[str, Any], measure: Measure) -> dict[str, summary.Table]:
    """Return the table of each series, which stands behind its chart."""
    series = {results.ALL: measure} | {each.id: measure.of(each.id) for each in measure.series}
    return {id_: summary.table(content, of_it, series=id_) for id_, of_it in series.items()}


def _downloads(pages: Pages, run: Run, folder: str) -> list[tuple[str, str]]:
    name = f"{run.measure.id}-{run.org_code}"
    table = collect.table([run.content])
    pages.write(f"{folder}/downloads/{name}.csv", table.write_csv())
    pages.write(f"{folder}/downloads/{name}.ipynb", run.executed())
    return [("figures (CSV)", f"downloads/{name}.csv"), ("executed notebook", f"downloads/{name}.ipynb")]


@dataclass(frozen=True)
class Listing:
    """One list of England's page: its heading, what its rows are called, and the rows."""

    heading: str
    noun: str
    rows: list[dict[str, Any]]


def _lists(runs: list[Run], regions: dict[str, str], places: Places) -> list[Listing]:
    """Return whoever has figures, each kind in a list of its own, since the sum of some is no peer of theirs."""
    kinds: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.content and run.org_code != ENGLAND:
            place = places.by_code.get(run.org_code)
            kinds[place.level if place else "organisation"].append(run)
    return [
        Listing(f"Every {noun}", noun, _all_listed(kinds[noun], regions, places))
        for noun in ("organisation", *Level)
        if kinds[noun]
    ]


def _all_listed(runs: list[Run], regions: dict[str, str], places: Places) -> list[dict[str, Any]]:
    """Return rows by name, those that no longer report last."""
    listed = [_listed(run, regions.get(run.org_code, ""), places) for run in runs]
    return sorted(listed, key=lambda org: (org["has_ended"], org["name"].removeprefix("The "), org["code"]))


def _listed(run: Run, region: str, places: Places) -> dict[str, Any]:
    point = summary.latest_point(run.content)
    return {
        "code": run.org_code,
        "folder": places.folder(run.org_code),
        "name": run.content["org_name"],
        "region": region,
        "month": run.measure.period.label(date.fromisoformat(point["period_start"])) if point else "",
        "value": summary.written(point, run.measure),
        "band": summary.band(run.content),
        "variation": summary.variation(run.content, run.measure.period),
        "has_ended": summary.has_ended(run.content),
    }


def _provenance(run: Run, store: Store, command: str) -> dict[str, Any]:
    release, measure = run.release, run.measure
    first = next(iter(store.newest(measure.source)))
    title = f"{measure.title}, {run.content['org_name']}, data up to {measure.period.label(run.period_to)}"
    source = "the synthetic sample" if release.synthetic else f"[{measure.source}]({release.url})"
    return {
        "data": f"{source}, {measure.period.span(first, run.period_to)}",
        "up_to": measure.period.label(run.period_to),
        "file": f"{origins.file_link(release)} ({release.status.value})",
        "retrieved": release.retrieved,
        "published": release.published,
        "sha256": release.sha256,
        "commit": origins.commit(),
        "environment": provenance.environment(),
        "rule_set": rulesets.find(measure.rule_set).title,
        "licence": origins.licence(synthetic=release.synthetic),
        "cite": f"Open Measures. {title}.",
        "command": command,
    }
