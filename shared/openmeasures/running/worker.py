"""What a worker of a distributed build does: take the data, see that it would run what the client would, and run it.

A worker has the project and its environment on its own machine, as in one container image for all. It refuses runs
whose digest it does not come to by itself (see `approval`), so that no two machines make one site by different methods.

| name | what |
|---|---|
| `Order` | one run, as it is sent to a worker |
| `Unable` | what comes back where the machine is at fault, not the run |
| `run` | what Dask calls there |
| `fulfil` | the same in any process |
"""

import atexit
import json
import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from multiprocessing import current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from distributed import get_worker

from openmeasures import project
from openmeasures.charts import conversion
from openmeasures.errors import OpenMeasuresError, StoreError
from openmeasures.organisations import ENGLAND
from openmeasures.running import approval, execute, manifest
from openmeasures.running.approval import State
from openmeasures.running.dependencies import NOTEBOOK, Parts
from openmeasures.running.exchange import Exchange
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Task
from openmeasures.store import write_whole

ROOM = 2**24  # bytes: several times the largest notebook, which holds 2.4 MB

_turn = Lock()  # a worker runs tasks in threads; what all of them need is made ready once
_received: dict[Path, State] = {}  # the files of each data folder when it was last received
_ending = ExitStack()
atexit.register(_ending.close)


@dataclass(frozen=True)
class Order:
    """One run; `data` is the hash of a listing in the exchange at `storage`, `parts` that of the parts of `digest`.

    `moment` and `as_of` are those of the client's `Task`, whatever this machine's clock says.
    """

    measure_id: str
    org_code: str
    period_to: str
    digest: str
    storage: str
    data: str
    parts: str
    moment: datetime | None
    as_of: date | None


@dataclass(frozen=True)
class Unable:
    """A worker could not run an order, for a reason of its own, as a full disk: another one may."""

    worker: str
    reason: str


def run(order: Order) -> Entry | Unable | str:  # pragma: no cover - in the workers
    """Run one order in a worker of Dask; see `fulfil`."""
    worker = get_worker()
    try:
        with _turn:
            if not conversion.is_served():
                # Dask's nanny marks its workers as daemons, which may have no children; ours end when this process
                # does.
                current_process().daemon = False
                # Each child would first import what started this worker, `dask`, of which it needs nothing.
                vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)
                _ending.enter_context(conversion.service(processes=conversion.processes_for(worker.state.nthreads)))
        return fulfil(order, Path(worker.local_directory).parent)  # the folder of all workers of a machine
    except OpenMeasuresError:
        raise
    except Exception as error:  # whatever goes wrong on one machine must not stop the others
        logging.getLogger("distributed.worker").exception("A run could not be done here.")
        return Unable(
            worker.address,
            f"{approval.place()}, local directory {worker.local_directory}: {type(error).__name__}: {error}",
        )


def fulfil(order: Order, scratch: Path) -> Entry | str:
    """Run one order and leave its notebook, if any, in the exchange; return its entry, or why it must not be run here.

    `scratch` is a folder for the data, which all workers of a machine may share. Raises `StoreError` where the exchange
    lacks something or fails, and whatever else keeps this machine from running anything: `OSError` without room.
    """
    exchange = Exchange(order.storage)
    data = scratch / f"openmeasures-{order.data[:16]}"
    notebook = project.root() / "analyses" / order.measure_id / NOTEBOOK
    rest = (order.period_to, data, order.digest, order.moment, order.as_of)
    try:
        if refusal := _refusal(order, exchange, Task(order.measure_id, notebook, ENGLAND, *rest)):
            return refusal
        with TemporaryDirectory(dir=scratch, prefix="openmeasures-run-") as folder:
            build = Path(folder)
            [entry] = execute.execute([Task(order.measure_id, notebook, order.org_code, *rest)], build, workers=1)
            if left := manifest.left_by(build, entry):
                exchange.put(left.read_bytes())
            if entry.status == "failed":
                write_whole(build / "room", os.urandom(ROOM))  # without room for it no run is to blame
        # Looked at again, as it may have run what was changed meanwhile.
        return _refusal(order, exchange, Task(order.measure_id, notebook, ENGLAND, *rest)) or entry
    except StoreError as error:
        raise StoreError(f"{approval.place()}: {error}") from error


def _refusal(order: Order, exchange: Exchange, task: Task) -> str:
    """Take the data that are not here, and say why this machine must not run the task; nothing, where it may."""
    with _turn:
        state = approval.state(task.data)
        if _received.get(task.data) != state:
            exchange.receive(order.data, task.data)
            state = _received[task.data] = approval.state(task.data)
        return approval.refusal(task, _parts(order.storage, order.parts), state)


@lru_cache(approval.MOST_KEPT)  # named after what is in it
def _parts(storage: str, name: str) -> Parts:
    found: Parts = json.loads(Exchange(storage).get(name))
    return found
