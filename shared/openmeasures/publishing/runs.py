"""The runs of a measure as its pages need them: the result of each, or the error it ended with."""

import os
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openmeasures import project, results
from openmeasures.definitions import Measure
from openmeasures.publishing import parts
from openmeasures.releases import Release
from openmeasures.running import collect, manifest
from openmeasures.running.manifest import Entry, History, notebook_path
from openmeasures.running.plan import run_digest
from openmeasures.store import Store


@dataclass(frozen=True)
class Failure:
    """Why there is nothing new, and since when; `notebook` is where it is as it failed, empty where there is none."""

    error: str
    since: datetime
    notebook: str = ""  # from the folder on that the site is built in, since no page names a machine's path


@dataclass(frozen=True)
class Run:
    """One run as the pages need it: its result, or how it failed; `release` has the last period.

    One that failed may have a last good run: its content is that of an earlier state of data or code, so that it
    belongs on its own page, marked, and in no table beside others.
    """

    measure: Measure
    org_code: str
    notebook: Path
    period_to: date
    release: Release
    ended: datetime
    reaches: date  # the last day of any data in the store
    content: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    last_good: "Run | None" = None
    sha256: str = ""  # of the notebook, where it succeeded

    @property
    def shown(self) -> dict[str, Any]:
        """The result that its own page shows: that of the last good run where it failed; empty where there is none."""
        return self.last_good.content if self.last_good else self.content

    def steps(self) -> list[parts.Step]:
        """Return the notebook's steps, read anew: those of every run at once would fill the memory."""
        return parts.steps(self.notebook)

    def executed(self) -> bytes:
        """Return the notebook. Raises `StoreError` where it is gone, or another run's by now."""
        return manifest.executed(self.notebook, self.sha256)


def runs_of(store: Store, build: Path, measure: Measure, period_to: str) -> list[Run]:
    """Return the runs of a measure on the present data and code, up to `period_to` (the latest by default)."""
    digest = run_digest(store, measure, period_to)
    known = manifest.histories(manifest.path(build)).values()
    reaches = store.reaches()
    return [
        _run(history, store, build, measure, reaches)
        for history in known
        if history.latest.measure_id == measure.id and history.latest.digest == digest
    ]


def _run(history: History, store: Store, build: Path, measure: Measure, reaches: date) -> Run:
    if history.failing_since is None:
        return _succeeded(history.latest, store, build, measure, reaches)
    entry = history.latest
    error = _without_folders(entry.error, build, store.folder, project.root(), Path.home())
    month = measure.period.named(entry.period_to)
    left = manifest.left_by(build, entry)
    kept = left.relative_to(build.parent).as_posix() if left and manifest.is_there(build, entry) else ""
    return Run(
        measure, entry.org_code, notebook_path(build, measure.id, entry.org_code), month,
        store.newest(measure.source)[month], entry.ended, reaches,
        failure=Failure(error, history.failing_since, kept),
        last_good=_last_good(history.last_good, store, build, measure, reaches),
    )  # fmt: skip


def _last_good(entry: Entry | None, store: Store, build: Path, measure: Measure, reaches: date) -> Run | None:
    """Return the last run that succeeded, if its month, its notebook and a result that pages can read are here.

    Nor may it rest on a release that counts no more, or not yet: a preview may have been built in the same folder.
    """
    if entry is None or measure.period.named(entry.period_to) not in store.newest(measure.source):
        return None
    if not manifest.is_there(build, entry):
        return None
    run = _succeeded(entry, store, build, measure, reaches)
    known = {release.sha256 for release in store.releases(measure.source)}
    return run if results.is_readable(run.content) and known.issuperset(run.content["releases"]) else None


def _succeeded(entry: Entry, store: Store, build: Path, measure: Measure, reaches: date) -> Run:
    month = measure.period.named(entry.period_to)
    (content,) = collect.contents(build, [entry])
    notebook, release = notebook_path(build, measure.id, entry.org_code), store.newest(measure.source)[month]
    return Run(
        measure, entry.org_code, notebook, month, release, entry.ended, reaches, content, sha256=entry.sha256
    )  # fmt: skip


def _without_folders(error: str, *folders: Path) -> str:
    """Return an error for readers, who are not to see where on this machine it happened."""
    for folder in sorted({str(folder) for folder in folders if folder.name}, key=len, reverse=True):
        error = error.replace(folder + os.sep, "").replace(folder, "…")
    return error
