"""What a Dask cluster adds to a run: one worker of one thread, beside the same runs one at a time without Dask.

Counts the CPU seconds of all processes that a way starts, to the last grandchild, so Linux only. What is paid once (the
processes start, and import what notebooks do) is told from what each run takes by a build of few runs and one of many.
A tiny notebook shows what Dask adds, since it does nothing else. Fails where the two ways give other notebooks.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat

from openmeasures import definitions, ingest
from openmeasures.charts import conversion
from openmeasures.running import dependencies, distributed, execute, manifest, plan, traces
from openmeasures.store import Store

FEW, MANY = 2, 22
REAL = "ae_four_hour"
TINY = """\
from IPython.display import display
display({"application/vnd.openmeasures.result+json": {"org_code": org_code}, "text/markdown": "Done."}, raw=True)
"""
RUNS_OF_PRACTICES = 7_000 * 20  # practices × measures
PR_SET_CHILD_SUBREAPER = 36  # of prctl(2): orphans of children become this process's own, so that it can count them
# Not this file by its name: each forked process would import it, and Dask with it, as Python's `__main__`.
CHILD = [sys.executable, "-c", "import sys; from cluster import child; child(*sys.argv[1:])"]
DASK = Path(sys.executable).parent / "dask"


class Taken(NamedTuple):
    """CPU seconds and seconds on the clock."""

    cpu: float
    clock: float


def reap() -> float:
    """Wait for every process below this one to end; return the CPU seconds of all that ever were."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime


def measured(*arguments: object) -> Taken:
    """Return what this script takes with some arguments, in a process of its own."""
    before, start = reap(), time.perf_counter()
    subprocess.run([*CHILD, *map(str, arguments)], check=True)
    return Taken(reap() - before, time.perf_counter() - start)


def tiny_project(folder: Path) -> Path:
    """Make a project like this one, with one notebook that does nothing."""
    here = definitions.find(REAL).folder
    root = here.parents[1]
    measure = folder / "project" / "analyses" / REAL
    measure.mkdir(parents=True)
    shutil.copyfile(here / "measure.yml", measure / "measure.yml")
    shutil.copyfile(root / "_quarto.yml", folder / "project" / "_quarto.yml")
    shutil.copytree(root / "reference", folder / "project" / "reference")
    cells = [
        nbformat.v4.new_code_cell(
            'org_code = "ENG"\nperiod_to = ""\ndata = ""', metadata={"tags": ["parameters"]}, id="a"
        ),
        nbformat.v4.new_code_cell(TINY, id="b"),
    ]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": traces.KERNEL}), measure / "notebook.ipynb"
    )
    return folder / "project"


def tasks_of(data: Path, number: int) -> tuple[list[plan.Task], dependencies.Parts]:
    """Return so many runs of the measure in the project that is the working directory."""
    planned, _ = plan.plan([definitions.find(REAL)], data=data)
    return planned[REAL].tasks[:number], planned[REAL].parts


def here(data: Path, build: Path, number: int) -> None:
    """Run without Dask, one at a time."""
    tasks, _ = tasks_of(data, number)
    with conversion.service(processes=1):
        list(execute.execute(tasks, build, workers=1))


def there(data: Path, build: Path, number: int) -> None:
    """Run on a cluster that is started and ended for it: a scheduler, and a worker of one thread."""
    tasks, parts = tasks_of(data, number)
    dependencies.keep(build, parts)
    known, scratch = build / "scheduler.json", build / "scratch"
    common = ["--scheduler-file", str(known), "--no-dashboard"]
    with (build / "dask.log").open("wb") as log:
        started = [
            subprocess.Popen([DASK, *command, *common], stdout=log, stderr=log)
            for command in (
                ["scheduler", "--host", "127.0.0.1", "--port", "0"],
                ["worker", "--no-nanny", "--nthreads", "1", "--local-directory", str(scratch)],
            )
        ]
    try:
        while not (known.is_file() and known.stat().st_size):
            time.sleep(0.02)
        address = json.loads(known.read_text(encoding="utf-8"))["address"]
        list(distributed.execute(tasks, build, scheduler=address))
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


WAYS: dict[str, Callable[[Path, Path, int], None]] = {"here": here, "there": there}


def main() -> int:
    """Measure both ways with both notebooks, and print."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as temporary:
        folder, differs = Path(temporary), False
        subprocess.run([*CHILD, "sample", str(folder / "data")], check=True)
        each: dict[tuple[str, str], float] = {}
        for name, project in (("tiny", tiny_project(folder)), ("real", Path.cwd())):
            os.chdir(project)
            hashes = {}
            for way in WAYS:
                builds = {number: folder / f"{name}-{way}-{number}" for number in (FEW, MANY)}
                few, many = (measured(way, folder / "data", build, number) for number, build in builds.items())
                each[name, way] = (many.cpu - few.cpu) / (MANY - FEW)
                clock = (many.clock - few.clock) / (MANY - FEW)
                entries = manifest.read(manifest.path(builds[MANY]))
                hashes[way] = [entry.sha256 for entry in entries]
                print(
                    f"{name} notebook, {way:5}: {each[name, way]:.3f} CPU s a run, {clock:.3f} s on the clock; "
                    f"{few.cpu - FEW * each[name, way]:.1f} CPU s once",
                    flush=True,
                )
            differs |= hashes["here"] != hashes["there"] or "" in hashes["here"] or len(hashes["here"]) != MANY
    print(
        f"Dask adds {1000 * (each['tiny', 'there'] - each['tiny', 'here']):.0f} CPU ms to a run. {RUNS_OF_PRACTICES:,} "
        f"runs of the real one: {RUNS_OF_PRACTICES * each['real', 'there'] / 3600:.0f} core-hours."
    )
    if differs:
        print("The notebooks differ, or some failed.")
    return int(differs)


def child(way: str, data: str, *rest: str) -> None:
    """Do one part in a process of its own."""
    if way == "sample":
        ingest.ingest_sample(Store(Path(data)))
        return
    build, number = rest
    Path(build).mkdir()
    WAYS[way](Path(data), Path(build), int(number))


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    sys.exit(main())
