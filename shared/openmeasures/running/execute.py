"""Run a plan: papermill for every task, several at a time, each on its own.

A failing run stops no other. Its error goes into the manifest and shows on its page, and the notebook as it failed is
kept for whoever looks into it; that of its last good run stays as it is.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import papermill
from papermill.exceptions import PapermillExecutionError

from openmeasures.errors import DefinitionError, OpenMeasuresError
from openmeasures.running import forks, manifest, notebooks, traces
from openmeasures.running.manifest import Entry, failed_path, notebook_path
from openmeasures.running.plan import Task

ENGINE = "openmeasures"  # as pyproject.toml names it to papermill
RUN_SECONDS = 120  # no run of ours takes 10; what takes longer than this hangs
STANDARD_ERROR = 2  # by POSIX, and on Windows as well
KERNEL_LOG = "kernels.log"
# Read by Polars at its first query. Tables here are small, and as many runs go at a time as there are cores: threads
# that wait for each other would be a sixth of a run.
POLARS_THREADS = "POLARS_MAX_THREADS"
MOST_WORKERS = 61  # what Windows can wait for at a time


def execute(tasks: list[Task], build: Path, *, workers: int | None = None) -> Iterator[Entry]:
    """Run every task, `workers` at a time (as many as there are cores, by default); yield each entry as it ends.

    The entry is in the manifest before it is yielded. Each run has a forked process of its own, where that is possible.
    One whose process did not come to its end runs again, in a kernel; what a notebook raises is not tried again, since
    it would raise it again.
    """
    workers = workers or os.cpu_count() or 1
    unfinished = dict.fromkeys(tasks, "")
    for entry in chain(_in_forks(unfinished, build, workers), _in_kernels(unfinished, build, workers)):
        manifest.record(build, entry)
        yield entry


def _in_forks(unfinished: dict[Task, str], build: Path, workers: int) -> Iterator[Entry]:
    """Run tasks in forked processes; leave those that came to no end, each with the reason."""
    if not forks.available():
        return
    once = partial(run_one, build=build, engine=ENGINE)
    tasks = list(unfinished)
    for ended in forks.run(once, tasks, workers=workers, seconds=RUN_SECONDS, log=build / KERNEL_LOG):
        if isinstance(ended.result, Entry):
            del unfinished[ended.item]
            yield ended.result
        else:
            unfinished[ended.item] = ended.reason


def _in_kernels(unfinished: dict[Task, str], build: Path, workers: int) -> Iterator[Entry]:
    """Run tasks in kernels.

    A process that is ended from outside takes the whole pool with it; the runs that this cut short are tried again, one
    at a time, so that only those fail that end their process.
    """
    cut_short = []
    with _pool(workers, build) as pool:
        running = {pool.submit(run_one, task, build): task for task in unfinished}
        for future in as_completed(running):
            task = running[future]
            try:
                yield _tried_before(future.result(), unfinished[task])
            except BrokenProcessPool:
                cut_short.append(task)
    for task in cut_short:
        with _pool(1, build) as pool:
            try:
                entry = pool.submit(run_one, task, build).result()
            except BrokenProcessPool:
                entry = failed(task, 0.0, "its process was ended from outside, perhaps for lack of memory")
        yield _tried_before(entry, unfinished[task])


def _tried_before(entry: Entry, reason: str) -> Entry:
    """Return the entry of a second try, which says of a failure how the first one ended."""
    if entry.error and reason:
        return entry.model_copy(update={"error": f"{reason}; in a kernel: {entry.error}"})
    return entry


def _pool(workers: int, build: Path) -> ProcessPoolExecutor:
    """Return a pool of fresh processes: Polars must not be forked once it has run a query."""
    return ProcessPoolExecutor(
        min(workers, MOST_WORKERS), mp_context=get_context("spawn"), initializer=_begin,
        initargs=(build / KERNEL_LOG,),
    )  # fmt: skip


def _begin(log: Path) -> None:  # pragma: no cover - in the workers
    """Make a worker end with the build, and its kernels write to a file."""
    Thread(target=_end_with_build, daemon=True).start()
    _log_kernels(log)


def _end_with_build() -> None:  # pragma: no cover - in the workers
    """End this process once the build has, by whatever: it would go on with the next run; its kernel ends with it."""
    build = parent_process()
    assert build is not None
    build.join()
    os._exit(1)


def _log_kernels(path: Path) -> None:  # pragma: no cover - in the workers
    """Send what kernels say on their own account, as of a socket closing, to a file; a run reports by its entry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        os.dup2(log.fileno(), STANDARD_ERROR)  # which kernels inherit


def run_one(task: Task, build: Path, engine: str | None = None) -> Entry:
    """Run one task and keep its notebook; a failure becomes an entry that says why, and leaves the notebook before.

    One that failed by what a cell raised or showed is kept as well, elsewhere: see `manifest.failed_path`. Without the
    name of one of papermill's engines it runs in a Jupyter kernel.
    """
    target = notebook_path(build, task.measure_id, task.org_code)
    part = target.with_name(f".{target.name}.{os.getpid()}.json")  # an ending that papermill asks for
    options = {"steady": True} if engine == ENGINE else {"extra_arguments": notebooks.KERNEL_ARGUMENTS}
    started = time.monotonic()
    os.environ.update(task.environment)
    os.environ.setdefault(POLARS_THREADS, "1")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        executed = papermill.execute_notebook(
            notebooks.without_outputs(task.notebook), str(part), parameters=task.parameters,
            cwd=str(task.notebook.parent), kernel_name=notebooks.KERNEL_NAME, engine_name=engine,
            execution_timeout=notebooks.CELL_SECONDS, progress_bar=False, log_output=False,
            request_save_on_cell_execute=False, **options,
        )  # fmt: skip
        notebooks.check_outputs(executed)
        notebooks.result_of(executed)
        if engine == ENGINE:
            with part.open("ab") as written:
                written.write(b"\n")  # which papermill leaves out, and Jupyter does not
        else:
            notebooks.write(traces.steady(executed), part)
        sha256 = _move(part, target)
    except PapermillExecutionError as error:
        reason = f"{error.ename}: {error.evalue}" if error.ename not in _ours() else str(error.evalue)
        return _failed_with(part, task, build, time.monotonic() - started, f"cell {error.exec_count}: {reason}")
    except DefinitionError as error:
        return _failed_with(part, task, build, time.monotonic() - started, f"DefinitionError: {error}")
    except Exception as error:  # whatever goes wrong in one organisation's run must not stop the others
        return failed(task, time.monotonic() - started, f"{type(error).__name__}: {error}")
    finally:
        part.unlink(missing_ok=True)
    return _entry(task, time.monotonic() - started, sha256=sha256)


def _move(part: Path, target: Path) -> str:
    """Put a notebook that is written whole where it belongs, and return its hash."""
    content = part.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    return hashlib.sha256(content).hexdigest()


def _failed_with(part: Path, task: Task, build: Path, seconds: float, error: str) -> Entry:
    """Return the entry of a run whose notebook, which papermill has written, says more than one line does; keep it."""
    try:
        sha256 = _move(part, failed_path(build, task.measure_id, task.org_code))
    except OSError as trouble:  # as on a full disk; the run failed for another reason, which is the one to tell
        return failed(task, seconds, f"{error} (its notebook could not be kept: {trouble.strerror})")
    return failed(task, seconds, error, sha256=sha256)


def _ours() -> set[str]:
    return {error.__name__ for error in OpenMeasuresError.__subclasses__()}


def failed(task: Task, seconds: float, error: str, *, sha256: str = "") -> Entry:
    """Return the entry of a run that failed: its error in one line, and the hash of the notebook that it left."""
    return _entry(task, seconds, error=" ".join(error.split()), sha256=sha256)


def _entry(task: Task, seconds: float, *, error: str = "", sha256: str = "") -> Entry:
    return Entry(
        measure_id=task.measure_id,
        org_code=task.org_code,
        period_to=task.period_to,
        digest=task.digest,
        status="failed" if error else "done",
        seconds=round(seconds, 3),
        ended=datetime.now(UTC),
        error=error,
        sha256=sha256,
    )
