"""Which runs have to be done, and why; the others are as they were left.

A run is done already if its last entry in the manifest succeeded with the same digest (see `dependencies`) and its
notebook is the one that was written then.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from openmeasures.running import dependencies, manifest
from openmeasures.running.dependencies import Parts
from openmeasures.running.manifest import History
from openmeasures.running.plan import Planned, Task


class Step(NamedTuple):
    """A task, and why it has to be run; there is no reason where it is done already."""

    task: Task
    reason: str


def steps(planned: Mapping[str, Planned], build: Path, *, force: bool = False) -> list[Step]:
    """Return every task of a plan in its order, with the reason to run it.

    `force` is a reason for all. Raises `StoreError` for a manifest, or a record beside it, that cannot be read.
    """
    known = manifest.histories(manifest.path(build))
    return [
        Step(task, "forced" if force else _reason(known.get((task.measure_id, task.org_code)), task, each.parts, build))
        for each in planned.values()
        for task in each.tasks
    ]


def _reason(history: History | None, task: Task, parts: Parts, build: Path) -> str:
    if history is None:
        return "never run here"
    latest = history.latest
    if latest.digest != task.digest:
        before = dependencies.recall(build, latest.digest)
        return "no record of what it depended on" if before is None else dependencies.changed(before, parts)
    if latest.status == "failed":
        return "failed the last time"
    return "" if manifest.is_there(build, latest) else "its notebook is gone or was changed"
