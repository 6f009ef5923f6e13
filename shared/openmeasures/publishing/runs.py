"""The runs of a measure as its pages need them: the result of each, or the error it ended with."""

import os
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from openmeasures import project
from openmeasures.definitions import Measure
from openmeasures.periods import month_named
from openmeasures.publishing import parts
from openmeasures.releases import Release
from openmeasures.running import collect
from openmeasures.running.manifest import notebook_path
from openmeasures.running.plan import run_digest
from openmeasures.store import Store


@dataclass(frozen=True)
class Run:
    """One run as the pages need it: its result, or the error it ended with; `release` has the last period."""

    measure: Measure
    org_code: str
    notebook: Path
    period_to: date
    release: Release
    content: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @cached_property
    def steps(self) -> list[parts.Step]:
        """The notebook's steps; two pages show them, and images take time."""
        return parts.steps(self.notebook)


def runs_of(store: Store, build: Path, measure: Measure, period_to: str) -> list[Run]:
    """Return the runs of a measure on the present data and code, up to `period_to` (the latest by default)."""
    newest = store.newest(measure.source)
    found = []
    for entry in collect.entries(build, measure.id, run_digest(store, measure, period_to)):
        month = month_named(entry.period_to)
        notebook = notebook_path(build, measure.id, entry.org_code)
        content = {} if entry.error else collect.contents(build, [entry])[0]
        error = _without_folders(entry.error, build, store.folder, project.root(), Path.home())
        found.append(Run(measure, entry.org_code, notebook, month, newest[month], content, error))
    return found


def _without_folders(error: str, *folders: Path) -> str:
    """Return an error for readers, who are not to see where on this machine it happened."""
    for folder in sorted({str(folder) for folder in folders if folder.name}, key=len, reverse=True):
        error = error.replace(folder + os.sep, "").replace(folder, "…")
    return error
