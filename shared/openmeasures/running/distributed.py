"""Run a plan on a cluster of Dask: what `execute` does with the processes of one machine, with those of many.

The client leaves the data in an exchange, once, and sends one small order a run. Workers (see `worker`) leave each
notebook there by its hash and return the run's entry; the client takes the notebook, and only then writes the entry
into the manifest. So nothing depends on a worker, or on the client, living to the end.

| what is lost | what happens |
|---|---|
| a worker | its runs are done by others; those that were cut short too often are tried once more, each alone |
| room on a worker's disk | its runs are done by others |
| the scheduler | an error; the next build goes on from there |
| the client | the scheduler drops its runs; the next build goes on from there |
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker, as_completed

from openmeasures import definitions, project
from openmeasures.errors import ClusterError, OpenMeasuresError
from openmeasures.running import cluster, dependencies, manifest, worker
from openmeasures.running.exchange import Exchange
from openmeasures.running.execute import failed
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Task
from openmeasures.running.worker import Order, Unable
from openmeasures.store import write_whole

FOLDER = "exchange"
TRIES_AGAIN = 2  # of a run that could not use the exchange, as when an object store is busy
TRIES_ELSEWHERE = 3  # of a run that some workers were unable to do, each time without these
SECONDS_TO_LOOK = 0.2  # for whether the workers that are to try are still there
TAKEN_AT_ONCE = 16  # notebooks: an object store answers after some 50 ms, a hundred workers finish one in 4
KILLED = "ended every worker that ran it, perhaps for lack of memory"

Outcome = Entry | Unable | None  # None of a run that was given up because workers died


def execute(tasks: list[Task], build: Path, *, scheduler: str, storage: str = "") -> Iterator[Entry]:
    """Run every task on the cluster of a scheduler; yield each entry as it ends, when it is in the manifest.

    `storage` is a folder or an address of fsspec that all machines read and write; by default a folder in the build,
    which is right for one machine or a shared file system. What the tasks depend on is to be kept in the build; see
    `dependencies.keep`. Raises `ClusterError` for a scheduler that is not there, or a machine that would run something
    else; `StoreError` for storage that cannot be used.
    """
    exchange = Exchange(storage or str(build / FOLDER))
    with cluster.connected(scheduler) as client, ThreadPoolExecutor(TAKEN_AT_ONCE) as pool:
        orders = _orders(tasks, build, exchange)
        for entries in _ended(client, orders):
            list(pool.map(lambda entry: _take(entry, build, exchange), entries))
            for entry in entries:
                manifest.record(build, entry)
                yield entry


def _take(entry: Entry, build: Path, exchange: Exchange) -> None:
    if left := manifest.left_by(build, entry):
        write_whole(left, exchange.get(entry.sha256))


def _orders(tasks: list[Task], build: Path, exchange: Exchange) -> dict[Task, Order]:
    """Leave in the exchange what the tasks need, and return the order of each."""
    now = project.public_at()
    moments = {task: task.moment or now for task in tasks}
    sources: dict[tuple[Path, datetime], set[str]] = {}
    for folder, moment, measure_id in {(task.data, moment, task.measure_id) for task, moment in moments.items()}:
        sources.setdefault((folder, moment), set()).add(definitions.find(measure_id).source)
    data = {(folder, moment): exchange.send(folder, names, moment) for (folder, moment), names in sources.items()}
    parts = {
        digest: exchange.put(json.dumps(dependencies.recall(build, digest) or {}).encode())
        for digest in {task.digest for task in tasks}
    }
    return {
        task: Order(
            task.measure_id, task.org_code, task.period_to, task.digest, exchange.url, data[task.data, moment],
            parts[task.digest], moment, task.as_of,
        ) for task, moment in moments.items()
    }  # fmt: skip


def _ended(client: Client, orders: dict[Task, Order]) -> Iterator[list[Entry]]:
    """Yield the entries of runs as they end, those at a time that ended at the same time.

    What a worker was unable to do, others do when all else is done; it fails where there are none. Dask gives up a run
    when several workers died that had it. Any of those that they had may be to blame; so each is tried once more, alone
    at the end, and fails if it is given up again.
    """
    left = dict(orders)
    cut_short: list[Task] = []
    unable: dict[Task, Unable] = {}
    faulty: set[str] = set()
    fit: set[str] = set()
    for _ in range(1 + TRIES_ELSEWHERE):
        for batch in _outcomes(client, left, fit):
            for task, outcome in batch.items():
                if isinstance(outcome, Unable):
                    unable[task] = outcome
                    faulty.add(outcome.worker)
                else:
                    del left[task]
                    cut_short += [] if outcome else [task]
            yield [outcome for outcome in batch.values() if isinstance(outcome, Entry)]
        fit = _fit(client, faulty)
        if not left or not fit:
            break
    yield [_entry(task, unable[task]) for task in left]
    for task in cut_short:
        found: Outcome = None
        for batch in _outcomes(client, {task: orders[task]}, _fit(client, faulty)):
            found = batch[task]
        yield [_entry(task, found)]


def _fit(client: Client, faulty: set[str]) -> set[str]:
    """Return the workers other than those that were unable to do a run; none, which means any, where none were."""
    return cluster.workers(client) - faulty if faulty else set()


def _entry(task: Task, outcome: Outcome) -> Entry:
    """Return the entry of a run that is not tried again."""
    if isinstance(outcome, Entry):
        return outcome
    return failed(task, 0.0, outcome.reason if outcome else KILLED)


def _outcomes(client: Client, orders: dict[Task, Order], fit: set[str]) -> Iterator[dict[Task, Outcome]]:
    """Have runs done by the workers that are fit, or by any; yield how they end, those at a time that ended together.

    Ends early when all workers that are fit are lost, for whom the cluster would wait. Raises the error of a run that
    concerns all after yielding what ended beside it; what is outstanding then, or when the caller stops, is given up.
    """
    token = uuid4().hex
    names = [(f"{task.measure_id}-{token}", task.org_code) for task in orders]
    futures = client.map(
        worker.run, list(orders.values()), key=names, pure=False, retries=TRIES_AGAIN, workers=list(fit) or None
    )
    running = dict(zip(futures, orders, strict=True))
    del futures  # what nobody holds, the cluster forgets
    ended = as_completed(list(running), loop=client.loop, with_results=True, raise_errors=False)
    try:
        while running:
            batch = ended.next_batch(block=not fit)
            outcomes: dict[Task, Outcome] = {}
            trouble = None
            for future, result in batch:
                task = running.pop(future)
                try:
                    outcomes[task] = _outcome(future, result)
                except OpenMeasuresError as error:
                    trouble = error
            yield outcomes
            if trouble:
                raise trouble
            if not batch:
                time.sleep(SECONDS_TO_LOOK)
                if not fit & cluster.workers(client):
                    return
    finally:
        ended.clear()
        for future in running:
            future.release()  # the client does so too, but asks for what ends meanwhile until it is closed


def _outcome(future: Future[Any], result: Any) -> Outcome:  # noqa: ANN401 - a result, or what was raised
    """Return how a run ended."""
    if future.status == "finished":
        if isinstance(result, Entry | Unable):
            return result
        raise ClusterError(str(result))
    if future.status != "error":
        raise ClusterError("the connection to the scheduler was lost. Run again: what is done is kept.")
    error = result[1]
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, OpenMeasuresError):
        raise error
    raise ClusterError(
        f"the cluster cannot run what this machine sends ({type(error).__name__}: {error}). Give the scheduler and all "
        "workers the same clone and environment as here."
    ) from error
