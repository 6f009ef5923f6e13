"""Whether this machine would run what another one asks for: the same code, project, packages and data.

A worker lives for hours, while its files change. So they are looked at for every run, before it and after it: at their
times and sizes, which takes 2 ms for 500 of them; and where one of these is another, at what is in them, by a process
that has read none of them before. Only Python keeps to the code that it imported, whatever happens to its file.

| name | what |
|---|---|
| `state` | the times and sizes of the files below some folders |
| `refusal` | why this machine must not run a task; nothing, where it may |
"""

import hashlib
import os
import socket
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

from openmeasures import definitions, folders, parameters, project
from openmeasures.errors import OpenMeasuresError
from openmeasures.running import dependencies, forks
from openmeasures.running.dependencies import LOCK, Parts
from openmeasures.running.plan import Task

PACKAGE = Path(__file__).resolve().parents[1]
SECONDS = 60  # for a look at what is in the files, which takes 0.05
MOST_KEPT = 256  # answers: a build has one for each measure, as long as no file changes

State = tuple[tuple[str, int, int, int], ...]


def place() -> str:
    """Return which machine this is, and which of its projects, for messages."""
    return f"worker on {socket.gethostname()}, {project.root()}"


def state(*places: Path) -> State:
    """Return each file in or below the places: its path, when its content and its record last changed, its size.

    A place that is not there has none. What tools leave there is left out, locks and other hidden files included; see
    `folders`.
    """
    found: list[tuple[str, int, int, int]] = []
    waiting = [os.fspath(place) for place in places if place.is_dir()]
    while waiting:
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:  # what is just being replaced
            for entry in entries:
                if folders.is_litter(entry.name):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    found.append(_stamp(entry.path, entry.stat()))
    return tuple(sorted(found)) + tuple(_stamp(os.fspath(place), place.stat()) for place in places if place.is_file())


def _stamp(path: str, found: os.stat_result) -> tuple[str, int, int, int]:
    return path, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def refusal(task: Task, expected: Parts, data: State) -> str:
    """Say what differs here from the `expected` parts of the task's digest; nothing, where nothing does.

    `data` is the `state` of the task's data folder. What is said is kept for as long as no file changes that it rests
    on. Raises `RuntimeError` where the process that looks comes to no end.
    """
    root = project.root()
    files = state(PACKAGE, root / "reference", root / LOCK, task.notebook.parent)
    packages = tuple(_stamp(name, folder.stat()) for name in sys.path if (folder := Path(name)).is_dir())
    return _refusal(task, tuple(sorted(expected.items())), root, files + packages + data)


@lru_cache(MOST_KEPT)
def _refusal(task: Task, expected: tuple[tuple[str, str], ...], root: Path, _state: State) -> str:
    if stale := dependencies.changed(_AT_START, _code()):
        where = f"worker on {socket.gethostname()}, {PACKAGE.parents[1]}"
        return f"{where}: its code has changed since it started ({stale}). Restart the workers."
    found = _in_a_process(task, root)
    if isinstance(found, str):
        return f"{place()}: {found}"
    if dependencies.digest(found) == task.digest:
        return ""
    return (
        f"{place()}: would run something else than asked for: there, {dependencies.changed(dict(expected), found)}. "
        "Give all machines the same clone and environment, restart the workers, and run again; what is done is kept."
    )


def _in_a_process(task: Task, root: Path) -> Parts | str:
    """Return what `parts_here` does in a process that is as a run's own: this one may have read older files."""
    look = partial(parts_here, root=root)
    if not forks.available():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(look, task).result(SECONDS)
    [ended] = forks.run(look, [task], workers=1, seconds=SECONDS, log=task.data / ".log")
    if ended.result is None:
        raise RuntimeError(f"could not look at its files: the process {ended.reason}")
    return ended.result


def parts_here(task: Task, root: Path) -> Parts | str:
    """Return what a task depends on in the project of this machine, or why it cannot be run; for a process of its own.

    It changes the working directory and the environment.
    """
    os.chdir(root)
    os.environ.update(task.environment)
    try:
        measure = definitions.find(task.measure_id)
        run = parameters.check(measure, org_code=task.org_code, period_to=task.period_to, data=str(task.data))
        return dependencies.parts(run)
    except OpenMeasuresError as error:
        return str(error)


def _code() -> Parts:
    """Return a hash of each file of this package, and the version of each other one, as they are now."""
    own = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in folders.files(PACKAGE).items()}
    return own | dependencies.packages()


_AT_START = _code()
