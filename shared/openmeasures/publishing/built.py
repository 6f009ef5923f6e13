"""What a build folder has to show: its runs, what their organisations are called, and what these belong to.

| name | what |
|---|---|
| `Built` | all of it |
| `read` | that of the present data and code |
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from openmeasures import definitions, embargo
from openmeasures.definitions import Measure
from openmeasures.errors import RenderError
from openmeasures.organisations import regions_of
from openmeasures.publishing.places import Places
from openmeasures.publishing.places import find as find_places
from openmeasures.publishing.runs import Run, runs_of
from openmeasures.store import Store


@dataclass(frozen=True)
class Built:
    """The measures that the store has figures for, and their runs; `synthetic` where the figures are made up.

    `not_before` is when the last of the releases is out, where that is yet to come, as people write it: nothing that is
    made of them may be shared before.
    """

    measures: list[Measure]
    runs: list[Run]
    places: Places
    synthetic: bool
    not_before: str = ""

    @cached_property
    def by_org(self) -> dict[str, list[Run]]:
        """The runs of each organisation, system and region, by code."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            found[run.org_code].append(run)
        return dict(found)

    @cached_property
    def names(self) -> dict[str, str]:
        """What each is called; one of which no run succeeded has its code for a name."""
        return {
            code: next((run.content["org_name"] for run in of_it if run.content), code)
            for code, of_it in self.by_org.items()
        }

    @cached_property
    def regions(self) -> dict[str, str]:
        """The name of the region of each, as far as its runs know it."""
        return regions_of([(run.org_code, run.content["region_name"]) for run in self.runs if run.content])


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
    return Built(measures, runs, places, store.synthetic, _not_before(store))


def _not_before(store: Store) -> str:
    used = {release.sha256 for release in store.releases()}
    early = [each.public_from for each in store.not_out(datetime.now(UTC)) if each.public_from and each.sha256 in used]
    return embargo.label(early[-1]) if early else ""
