"""What a build folder has to show: its runs, what their organisations are called, and what these belong to.

| name | what |
|---|---|
| `Built` | all of it |
| `read` | that of the present data and code |
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from openmeasures import definitions, embargo, parameters, register
from openmeasures.definitions import Measure
from openmeasures.errors import RenderError
from openmeasures.organisations import ENGLAND, regions_of
from openmeasures.publishing.places import Places
from openmeasures.publishing.places import find as find_places
from openmeasures.publishing.runs import Run, runs_of
from openmeasures.store import Store


@dataclass(frozen=True)
class Built:
    """The measures that the store has figures for, and their runs; `synthetic` where the figures are made up.

    `listed` has the name and the region of those of whom no run ever succeeded, as the publications have them.
    `not_before` is when the last of the releases is out, where that is yet to come, as people write it: nothing that is
    made of them may be shared before.
    """

    measures: list[Measure]
    runs: list[Run]
    places: Places
    synthetic: bool
    not_before: str = ""
    listed: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def by_org(self) -> dict[str, list[Run]]:
        """The runs of each organisation, system and region, by code."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            found[run.org_code].append(run)
        return dict(found)

    @cached_property
    def names(self) -> dict[str, str]:
        """What each is called: by its runs, else by the last good ones, else by the publications."""
        listed = {code: name for code, (name, _region) in self.listed.items()}
        of_last_good = {run.org_code: run.shown["org_name"] for run in self.runs if run.shown}
        return listed | of_last_good | {run.org_code: run.content["org_name"] for run in self.runs if run.content}

    @cached_property
    def regions(self) -> dict[str, str]:
        """The name of the region of each, as far as its runs know it, or else the publications."""
        of_runs = [(run.org_code, run.shown["region_name"]) for run in self.runs if run.shown]
        return regions_of([*of_runs, *((code, region) for code, (_name, region) in self.listed.items())])


def read(store: Store, build: Path, *, period_to: str = "") -> Built:
    """Return the runs on the present data and code, up to `period_to` (the latest by default).

    Raises `RenderError` where none of them succeeded, since pages without figures help nobody.
    """
    store = store.fixed()
    measures = [measure for measure in definitions.load_all() if store.newest(measure.source)]
    runs = [run for measure in measures for run in runs_of(store, build, measure, period_to)]
    if not any(run.content for run in runs):
        raise RenderError(f"{build}: no run on the present data succeeded. Use `openmeasures run` to see why.")
    codes = {run.org_code for run in runs}
    places = find_places(store, [measure.source for measure in measures], with_pages=codes)
    return Built(measures, runs, places, store.synthetic, _not_before(store), _listed(store, runs))


def _listed(store: Store, runs: list[Run]) -> dict[str, tuple[str, str]]:
    """Return name and region of whoever has runs of which none ever succeeded: its code, where nobody knows it."""
    known = {run.org_code for run in runs if run.shown}
    nameless = [run for run in runs if run.org_code not in known]
    found: dict[str, tuple[str, str]] = {}
    for measure in {run.measure.id: run.measure for run in nameless}.values():
        checked = parameters.check(measure, org_code=ENGLAND, period_to="", data=str(store.folder))
        for table in (checked.organisations, register.areas(synthetic=store.synthetic)):
            rows = table.select("org_code", "org_name", "region_name").iter_rows()
            found |= {code: (name, region) for code, name, region in rows}
    return {run.org_code: found.get(run.org_code, (run.org_code, "")) for run in nameless}


def _not_before(store: Store) -> str:
    used = {release.sha256 for release in store.releases()}
    early = [each.public_from for each in store.not_out(datetime.now(UTC)) if each.public_from and each.sha256 in used]
    return embargo.label(early[-1]) if early else ""
