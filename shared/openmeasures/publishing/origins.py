"""Where the figures of a page come from: releases, commit, environment, rule-sets, licence, and how to cite them.

| name | what |
|---|---|
| `Origins` | what a page of many measures says of all that |
| `of` | those of some runs |
| `file_link`, `licence` | one release's file as a link; the licence of published or of made-up figures |
"""

from collections.abc import Iterable
from dataclasses import dataclass

from openmeasures import project
from openmeasures.definitions import Measure
from openmeasures.methods import rulesets
from openmeasures.publishing import provenance
from openmeasures.publishing.runs import Run
from openmeasures.releases import Release

NO_COMMIT = "not under version control"


@dataclass(frozen=True)
class Origin:
    """One measure, how far its data go, the latest release behind it, and that release's file as a link."""

    measure: Measure
    up_to: str
    release: Release
    file: str


@dataclass(frozen=True)
class Origins:
    """What a page of many measures says of its origin; `up_to` says how far each publication's data go."""

    measures: list[Origin]
    synthetic: bool
    up_to: str
    commit: str
    environment: str
    rule_sets: str
    licence: str


def of(runs: Iterable[Run], *, synthetic: bool) -> Origins:
    """Return the origins of some runs, one a measure in the order of titles; runs that failed count too."""
    latest = {run.measure.id: run for run in sorted(runs, key=lambda run: run.period_to)}
    shown = sorted(latest.values(), key=lambda run: run.measure.title)
    found = [
        Origin(run.measure, run.measure.period.label(run.period_to), run.release, file_link(run.release))
        for run in shown
    ]
    ends = {origin.up_to: origin.release.period_end for origin in found}
    used = sorted({rulesets.find(origin.measure.rule_set).title for origin in found})
    return Origins(
        found,
        synthetic,
        ", ".join(sorted(ends, key=lambda label: (ends[label], label), reverse=True)),
        commit(),
        provenance.environment(),
        ", ".join(used),
        licence(synthetic=synthetic),
    )


def commit() -> str:
    """Return the commit of the project that made the pages, in words where there is none."""
    return provenance.commit(project.root()) or NO_COMMIT


def file_link(release: Release) -> str:
    """Return a release's file name, as a link to where it was downloaded if that is known."""
    address = release.file_url.replace("(", "%28").replace(")", "%29")
    return f"[{release.file_name}]({address})" if address else release.file_name


def licence(*, synthetic: bool) -> str:
    """Return the licence of the figures and of the code, as Markdown."""
    if synthetic:
        return "Synthetic figures and code: MIT"
    return (
        "Contains public sector information licensed under the "
        "[Open Government Licence v3.0](https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/). "
        "Source: NHS England. Code: MIT"
    )
