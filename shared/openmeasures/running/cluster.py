"""The connection to a cluster of Dask: its scheduler, the versions of its machines, and which workers there are.

What goes wrong there becomes one error of ours; Dask's own account of it, forty lines long, is kept from the terminal.

| name | what |
|---|---|
| `connected` | a client of the scheduler at an address, as a context |
| `workers` | the addresses of the workers that take runs |
"""

import asyncio
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed import Client, Security
from distributed.comm.core import connect
from distributed.core import send_recv
from distributed.versions import VersionMismatchWarning

from openmeasures.errors import ClusterError

SECONDS_TO_CONNECT = 10
SECONDS_TO_GREET = 5  # more, as it takes milliseconds and is not what should fail first
SAME = ("python", "dask", "distributed", "msgpack", "cloudpickle")  # what the machines' talk depends on
LOGS = ("distributed.client", "tornado.application")  # of what is an error here as well
NOTHING = logging.CRITICAL + 1


@contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """Connect to a scheduler whose machines speak as this one does.

    Raises `ClusterError` where there is none, or where a machine has other versions.
    """
    with _quiet():
        try:
            # Without Dask's client at first: it waits for ever for a greeting from what is no scheduler, and one that
            # could not be made is closed only at the end of the program, which then waits 20 s for it.
            asyncio.run(asyncio.wait_for(_greet(scheduler), SECONDS_TO_CONNECT + SECONDS_TO_GREET))
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


async def _greet(scheduler: str) -> None:
    """Connect to an address and ask who is there; raises `OSError` or `ValueError` unless it is a scheduler."""
    connection = await connect(scheduler, timeout=SECONDS_TO_CONNECT, **Security().get_connection_args("client"))
    found = await send_recv(connection, op="identity", close=True)
    if found["type"] != "Scheduler":
        raise ValueError(f"a {found['type']} is there")


def workers(client: Client) -> set[str]:
    """Return the addresses of the workers that take runs."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    return {address for address, each in found.items() if each["status"] == "running"}


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(NOTHING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


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
