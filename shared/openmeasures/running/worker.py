"""What a worker of a distributed build does: take the data, see that it would run what the client would, and run it.

A worker has the project and its environment on its own machine, as in one container image for all. It refuses runs
whose digest it does not come to by itself, so that no two machines make one site by different methods.

| name | what |
|---|---|
| `Order` | one run, as it is sent to a worker |
| `run` | what Dask calls there |
| `fulfil` | the same in any process |
"""

import atexit
import hashlib
import json
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from distributed import get_worker

from openmeasures import definitions, folders, parameters, project
from openmeasures.charts import conversion
from openmeasures.errors import OpenMeasuresError
from openmeasures.organisations import ENGLAND
from openmeasures.running import dependencies, execute, manifest
from openmeasures.running.dependencies import NOTEBOOK, Parts
from openmeasures.running.exchange import Exchange
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Task

PACKAGE = Path(__file__).resolve().parents[1]

_turn = Lock()  # a worker runs tasks in threads; what all of them need is made ready once
_ending = ExitStack()
atexit.register(_ending.close)


@dataclass(frozen=True)
class Order:
    """One run; `data` is the hash of a listing in the exchange at `storage`, `parts` that of the parts of `digest`."""

    measure_id: str
    org_code: str
    period_to: str
    digest: str
    storage: str
    data: str
    parts: str


def run(order: Order) -> Entry | str:  # pragma: no cover - in the workers
    """Run one order in a worker of Dask; see `fulfil`."""
    worker = get_worker()
    with _turn:
        if not conversion.is_served():
            # Dask's nanny marks its workers as daemons, which may have no children; ours end when this process does.
            current_process().daemon = False
            # Each child would first import what started this worker, `dask`, of which it needs nothing.
            vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)
            _ending.enter_context(conversion.service(processes=conversion.processes_for(worker.state.nthreads)))
    return fulfil(order, Path(worker.local_directory).parent)  # the folder of all workers of a machine


def fulfil(order: Order, scratch: Path) -> Entry | str:
    """Run one order and leave its notebook, if any, in the exchange; return its entry, or why it must not be run here.

    `scratch` is a folder for the data, which all workers of a machine may share. Raises `StoreError` where the exchange
    lacks something or fails.
    """
    exchange = Exchange(order.storage)
    data = scratch / f"openmeasures-{order.data[:16]}"
    with _turn:
        refusal = _refusal(replace(order, org_code=ENGLAND), data)
    if refusal:
        return refusal
    notebook = definitions.find(order.measure_id).folder / NOTEBOOK
    task = Task(order.measure_id, notebook, order.org_code, order.period_to, data, order.digest)
    with TemporaryDirectory(dir=scratch, prefix="openmeasures-run-") as build:
        [entry] = execute.execute([task], Path(build), workers=1)
        if left := manifest.left_by(Path(build), entry):
            exchange.put(left.read_bytes())
    return entry


@cache  # looked at once for each measure of a build
def _refusal(order: Order, data: Path) -> str:
    """Take the data and say what differs here from what the order rests on; nothing, where nothing does."""
    exchange = Exchange(order.storage)
    exchange.receive(order.data, data)
    expected: Parts = json.loads(exchange.get(order.parts))
    place = f"worker on {socket.gethostname()}, {PACKAGE.parents[1]}"
    if stale := dependencies.changed(_AT_START, _modules()):
        return f"{place}: its code has changed since it started ({stale}). Restart the workers."
    try:
        place = f"worker on {socket.gethostname()}, {project.root()}"
        measure = definitions.find(order.measure_id)
        checked = parameters.check(measure, org_code=ENGLAND, period_to=order.period_to, data=str(data))
        found = dependencies.parts(checked)
    except OpenMeasuresError as error:
        return f"{place}: {error}"
    if dependencies.digest(found) == order.digest:
        return ""
    return (
        f"{place}: would run something else than asked for: there, {dependencies.changed(expected, found)}. "
        "Give all machines the same clone and environment, restart the workers, and run again; what is done is kept."
    )


def _modules() -> Parts:
    """Return a hash of each file of this package as it is now; a process keeps to what it imported or read first."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in folders.files(PACKAGE).items()}


_AT_START = _modules()
