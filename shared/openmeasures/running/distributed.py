"""Run a plan on a cluster of Dask: what `execute` does with the processes of one machine, with those of many.

The client leaves the data in an exchange, once, and sends one small order a run. Workers (see `worker`) leave each
notebook there by its hash and return the run's entry; the client takes the notebook, and only then writes the entry
into the manifest. So nothing depends on a worker, or on the client, living to the end.

| what is lost | what happens |
|---|---|
| a worker | its runs are done by others; those that were cut short too often are tried once more, each alone |
| the scheduler | an error; the next build goes on from there |
| the client | the scheduler drops its runs; the next build goes on from there |
"""

import json
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker, as_completed
from distributed.versions import VersionMismatchWarning

from openmeasures import definitions
from openmeasures.errors import ClusterError, OpenMeasuresError
from openmeasures.running import dependencies, manifest, worker
from openmeasures.running.exchange import Exchange
from openmeasures.running.execute import failed
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Task
from openmeasures.running.worker import Order
from openmeasures.store import write_whole

FOLDER = "exchange"
SECONDS_TO_CONNECT = 10
TRIES_AGAIN = 2  # of a run that could not use the exchange, as when an object store is busy
TAKEN_AT_ONCE = 16  # notebooks: an object store answers after some 50 ms, a hundred workers finish one in 4
KILLED = "ended every worker that ran it, perhaps for lack of memory"
SAME = ("python", "dask", "distributed", "msgpack", "cloudpickle")  # what the machines' talk depends on


def execute(tasks: list[Task], build: Path, *, scheduler: str, storage: str = "") -> Iterator[Entry]:
    """Run every task on the cluster of a scheduler; yield each entry as it ends, when it is in the manifest.

    `storage` is a folder or an address of fsspec that all machines read and write; by default a folder in the build,
    which is right for one machine or a shared file system. What the tasks depend on is to be kept in the build; see
    `dependencies.keep`. Raises `ClusterError` for a scheduler that is not there, or a machine that would run something
    else; `StoreError` for storage that cannot be used.
    """
    exchange = Exchange(storage or str(build / FOLDER))
    with _client(scheduler) as client, ThreadPoolExecutor(TAKEN_AT_ONCE) as pool:
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
    sources: dict[Path, set[str]] = {}
    for task in tasks:
        sources.setdefault(task.data, set())
    for folder, measure_id in {(task.data, task.measure_id) for task in tasks}:
        sources[folder].add(definitions.find(measure_id).source)
    data = {folder: exchange.send(folder, names) for folder, names in sources.items()}
    parts = {
        digest: exchange.put(json.dumps(dependencies.recall(build, digest) or {}).encode())
        for digest in {task.digest for task in tasks}
    }
    return {
        task: Order(
            task.measure_id, task.org_code, task.period_to, task.digest,
            exchange.url, data[task.data], parts[task.digest],
        ) for task in tasks
    }  # fmt: skip


def _ended(client: Client, orders: dict[Task, Order]) -> Iterator[list[Entry]]:
    """Yield the entries of runs as they end, those at a time that ended at the same time.

    Dask gives up a run when several workers died that had it. Any of those that they had may be to blame; so each is
    tried once more when all others are done, and fails if it is given up again.
    """
    cut_short = []
    token = uuid4().hex
    names = [(f"{task.measure_id}-{token}", task.org_code) for task in orders]
    futures = client.map(worker.run, list(orders.values()), key=names, pure=False, retries=TRIES_AGAIN)
    running = dict(zip(futures, orders, strict=True))
    del futures  # what nobody holds, the cluster forgets
    for batch in as_completed(list(running), loop=client.loop, with_results=True, raise_errors=False).batches():
        entries, trouble = [], None
        for future, result in batch:
            task = running.pop(future)
            try:
                entry = _outcome(future, result)
            except OpenMeasuresError as error:
                trouble = error
            else:
                entries += [entry] if entry else []
                cut_short += [] if entry else [task]
        yield entries  # what ended well beside what did not is kept
        if trouble:
            raise trouble
    for task in cut_short:
        again = client.submit(worker.run, orders[task], pure=False, retries=TRIES_AGAIN)
        [(future, result)] = as_completed([again], loop=client.loop, with_results=True, raise_errors=False)
        yield [_outcome(future, result) or failed(task, 0.0, KILLED)]


def _outcome(future: Future[Any], result: Any) -> Entry | None:  # noqa: ANN401 - a result, or what was raised
    """Return the entry of a run that ended, or None where it was given up because workers died."""
    if future.status == "finished":
        if isinstance(result, Entry):
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


@contextmanager
def _client(scheduler: str) -> Iterator[Client]:
    """Connect to a scheduler whose machines speak as this one does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # which is an error below
            client = Client(scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ClusterError(
            f"{scheduler}: no Dask scheduler answers ({reason}). Start one, or correct --scheduler."
        ) from error
    with client:
        if others := _others(client.get_versions()):
            raise ClusterError(f"{scheduler}: {others}. Give all machines the same environment.")
        yield client


def _others(versions: Any) -> str:  # noqa: ANN401 - what Dask tells of them
    """Say which machines of a cluster have other versions than this one has, the first of them."""
    own = versions["client"]["packages"]
    machines = {"the scheduler": versions["scheduler"]}
    machines |= {f"worker {address}": found for address, found in versions["workers"].items()}
    for machine, found in machines.items():
        for name in SAME:
            if found["packages"][name] != own[name]:
                return f"{machine} has {name} {found['packages'][name]}, this machine {own[name]}"
    return ""
