"""Bring the runs of measures up to date: plan, leave what is done, run the rest, and collect their results.

One build at a time in one folder; see `turn`. Whatever kills a build, the next one goes on where it was: a run counts
once its line is in the manifest, and its notebook appears whole or not at all.

| name | what |
|---|---|
| `up_to_date` | do it, tell an observer of each step, and keep the folder for what is made of the runs |
| `steps` | what it would do, and why |
| `Observer` | what is told |
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from openmeasures.charts import conversion
from openmeasures.definitions import Measure
from openmeasures.errors import ClusterError, ParameterError
from openmeasures.running import cache, collect, dependencies, execute, manifest, plan
from openmeasures.running.cache import Step
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Planned, Task
from openmeasures.turn import turn


class Observer(Protocol):
    """Whoever watches a build: a terminal, a log or another program."""

    def waiting(self, holder: str) -> None:
        """Hear that another build of the same folder runs, and that this one waits for it."""

    def left_out(self, note: str) -> None:
        """Hear which organisation or measure has nothing to run, and why."""

    def planned(self, steps: Sequence[Step]) -> None:
        """Hear what is to be run, and why; a step without a reason is done already."""

    def ended(self, entry: Entry, notebook: Path | None) -> None:
        """Hear that a run ended, well or not, and where the notebook is that it left; None where it left none."""

    def collected(self, measure_id: str, runs: int, path: Path) -> None:
        """Hear that the results of a measure are in one table."""


@contextmanager
def up_to_date(
    measures: Sequence[Measure],
    *,
    data: Path,
    build: Path,
    observer: Observer,
    org_codes: list[str] | None = None,
    period_to: str = "",
    workers: int | None = None,
    force: bool = False,
    scheduler: str = "",
    storage: str = "",
    areas: bool = False,
) -> Iterator[int]:
    """Run what is not done, and collect the results of all; yield how many runs failed.

    No other build touches the folder until the caller is through with what it makes of them. With the address of a
    `scheduler` its cluster runs them, and `storage` is where its machines leave things for each other; see
    `distributed`. Raises what `plan.plan` raises, before anything runs; `StoreError` for a manifest that cannot be read
    or a folder that cannot be written; `ParameterError` for options that exclude each other, and `ClusterError` for a
    cluster that cannot be used.
    """
    if scheduler and workers:
        raise ParameterError("--workers: the cluster behind --scheduler has its own. Leave one of the two out.")
    if storage and not scheduler:
        raise ParameterError("--storage: of use to a cluster only. Name its --scheduler too.")

    def planned_now() -> tuple[dict[str, Planned], list[str]]:
        return plan.plan(measures, data=data, org_codes=org_codes, period_to=period_to, areas=areas)

    planned, left_out = planned_now()  # what is wrong with it is said before anything is touched
    with turn(build, observer.waiting) as waited:
        if waited:
            planned, left_out = planned_now()
        for note in left_out:
            observer.left_out(note)
        todo = cache.steps(planned, build, force=force)
        observer.planned(todo)
        failures = 0
        for each in planned.values():
            dependencies.keep(build, each.parts)
        if to_run := [step.task for step in todo if step.reason]:
            runs = _on_cluster(to_run, build, scheduler, storage) if scheduler else _here(to_run, build, workers)
            for entry in runs:
                failures += entry.status == "failed"
                observer.ended(entry, manifest.left_by(build, entry))
        for measure in measures:
            if measure.id in planned:
                tasks = planned[measure.id].tasks
                path = collect.bring_up_to_date(build, measure, data, tasks[0].digest)
                observer.collected(measure.id, len(tasks), path)
        yield failures


def _here(tasks: list[Task], build: Path, workers: int | None) -> Iterator[Entry]:
    cores = os.cpu_count() or 1
    workers = workers or cores + cores // 2  # a run whose chart is being drawn leaves its core to another
    with conversion.service(processes=conversion.processes_for(workers)):
        yield from execute.execute(tasks, build, workers=workers)


def _on_cluster(tasks: list[Task], build: Path, scheduler: str, storage: str) -> Iterator[Entry]:
    try:
        from openmeasures.running import distributed  # noqa: PLC0415 - an extra, which not everybody installs
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"--scheduler: needs the package {error.name!r}, which is not installed. Install the extra of this project "
            "that has it: `pip install -e '.[distributed]'` in your clone."
        ) from error
    yield from distributed.execute(tasks, build, scheduler=scheduler, storage=storage)


def steps(
    measures: Sequence[Measure],
    *,
    data: Path,
    build: Path,
    observer: Observer,
    org_codes: list[str] | None = None,
    period_to: str = "",
    force: bool = False,
    areas: bool = False,
) -> list[Step]:
    """Return what `up_to_date` would do, and do nothing."""
    planned, left_out = plan.plan(measures, data=data, org_codes=org_codes, period_to=period_to, areas=areas)
    for note in left_out:
        observer.left_out(note)
    return cache.steps(planned, build, force=force)
