"""Jobs that each run in a process of their own, forked from one that has imported everything already.

A job finds what a new process would find, as no job before it ran in the process that it is forked from, and it starts
in milliseconds. The process that forks is Python's own fork server, never the one that calls `run`: that one may have
run Polars queries, and a fork of it would hang. See `warm` for what the fork server does.

A job ends in a result or in a reason why there is none; it cannot stop another one. It leads a process group and
session of its own, which end with it when it is cut short, and with the process that called `run`. Functions that it
registered with `atexit` are not called.

| name | what |
|---|---|
| `available` | whether this machine can do so |
| `run` | run a function for each of many items |
"""

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WARM = "openmeasures.running.warm"
HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}  # since Polars was imported; 0 of 300 children hung without them
STANDARD_ERROR = 2  # by POSIX
SECONDS_TO_RESTART = 0.5  # after which a fork server that was being ended has ended, and another one is started
SECONDS_TO_END = 5  # for a process that has sent its result; it takes milliseconds


@dataclass(frozen=True)
class Ended(Generic[Item, Result]):
    """How the job for an item ended: with a result, or with the reason why there is none."""

    item: Item
    result: Result | None
    reason: str = ""


def available() -> bool:
    """Whether jobs can be forked: on Linux only.

    Windows has no fork. On macOS the system's own libraries may abort in a forked process, and there is no `/proc`
    that would show which threads it lacks.
    """
    return sys.platform == "linux"


def run(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, seconds: float, log: Path
) -> Iterator[Ended[Item, Result]]:
    """Call `function` with each item, `workers` at a time, and yield how each job ended, as it ends.

    The function, items and results are pickled. A job that takes longer than `seconds` is cut short. What the jobs'
    processes write to standard error is appended to `log`. Where the caller stops early, so do the jobs.
    """
    get_context("forkserver").set_forkserver_preload([WARM])
    log.parent.mkdir(parents=True, exist_ok=True)
    waiting = deque(items)
    jobs: dict[Connection, _Job[Item]] = {}
    try:
        while waiting or jobs:
            while waiting and len(jobs) < workers:
                job = _Job(waiting.popleft())
                try:
                    jobs[job.start(function, seconds, log)] = job
                except (EOFError, OSError) as error:
                    yield Ended(job.item, None, f"could not be forked ({type(error).__name__}: {error})")
            left = min((job.deadline for job in jobs.values()), default=time.monotonic()) - time.monotonic()
            arrived = wait(jobs, max(left, 0))
            for connection in [each for each in jobs if each in arrived]:
                job = jobs.pop(connection)
                yield Ended(job.item, *job.end())
            for connection in [each for each, job in jobs.items() if job.deadline <= time.monotonic()]:
                job = jobs.pop(connection)
                job.kill()
                yield Ended(job.item, None, f"ran longer than {seconds:g} s")
    finally:
        for job in jobs.values():
            job.kill()


class _Job(Generic[Item]):
    """A child that runs one item, seen from the process that asked for it."""

    def __init__(self, item: Item) -> None:
        self.item = item

    def start(self, function: Callable[[Item], Any], seconds: float, log: Path) -> Connection:
        """Have the child forked and return the connection on which its result arrives, or else that it ended.

        The process itself would not do to wait for: it seems to end with the fork server.
        """
        context = get_context("forkserver")
        self._connection, sender = context.Pipe(duplex=False)
        with sender:
            arguments = (sender, function, self.item, dict(os.environ), log)
            self._process = context.Process(target=_work, args=arguments)
            try:
                self._process.start()  # which waits for the fork server, where it starts with this
            except (EOFError, ConnectionError):  # or where it is just being ended, by a job or for lack of memory
                time.sleep(SECONDS_TO_RESTART)
                self._process.start()
        self.deadline = time.monotonic() + seconds
        return self._connection

    def end(self) -> tuple[Any, str]:
        """Return the result that has arrived and no reason, or no result and the reason."""
        try:
            result, reason = self._connection.recv()
        except EOFError:
            result, reason = None, self._ending()
        except Exception as error:  # whatever bytes that are no result make unpickling raise
            result, reason = None, f"sent no result ({type(error).__name__}: {error})"
        self.kill()
        return result, reason

    def _ending(self) -> str:
        self._process.join(SECONDS_TO_END)
        status = self._process.exitcode
        if status is None:
            return "closed its connection and went on"
        if status >= 0:
            return f"ended with exit code {status}"
        lack = ", perhaps for lack of memory" if -status == signal.SIGKILL else ""
        return f"was ended by signal {-status}{lack}"

    def kill(self) -> None:
        """End the child, if it still runs, and whatever it started."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)  # it may not have come to lead a group yet
        self._process.join(SECONDS_TO_END)
        self._connection.close()


def _work(
    sender: Connection, function: Callable[[Item], Any], item: Item, environment: dict[str, str], log: Path
) -> None:  # pragma: no cover - in the children
    """Run one item in a child and send what came of it; leave the child without waiting for anything."""
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), STANDARD_ERROR)
    Thread(target=_end_with_caller, daemon=True).start()
    sender.send(result_of(function, item, environment))
    os._exit(0)


def _end_with_caller() -> None:  # pragma: no cover - in the children
    """End this process and whatever it started, once the one that called `run` has ended."""
    caller = parent_process()
    assert caller is not None
    caller.join()
    os.killpg(0, signal.SIGKILL)


def result_of(function: Callable[[Item], Result], item: Item, environment: dict[str, str]) -> tuple[Result | None, str]:
    """Return the function's result, or the reason why it would not be safe to call it in this process."""
    warm = sys.modules.get(WARM)
    if warm is None:
        return None, "was not run, as the fork server could not import what notebooks do"
    threads = sorted(set(warm.threads) - HARMLESS)
    if threads:
        return None, f"was not run, as the fork server had threads that a fork lacks ({', '.join(threads)})"
    warm.start_anew(environment)
    return function(item), ""
