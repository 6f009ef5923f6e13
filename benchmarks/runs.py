"""What a run costs, beside the plain papermill command, and how the rest of a build grows with the number of runs.

1. CPU seconds a run, of the sample: England's notebook of each measure by the papermill command, and by `openmeasures
   run` for every organisation, a measure at a time and all at once; with what its cells alone cost in a process that
   has everything ready.
2. Runs of a notebook that does next to nothing, a hundred of them and then thousands: what engine, manifest, plan and
   results cost; and the same again with nothing changed.

CPU seconds are those of all descendants, whoever reaped them: this process adopts them all (Linux only).
"""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from openmeasures import definitions, ingest, project
from openmeasures.store import Store

ROOT = project.root()
BIN = Path(sys.executable).parent
PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)
COUNTS = (100, 1_000)  # 2,400 takes five minutes: name it
LAST_SAID = 3_000  # letters of what a command that failed said
EACH = 200  # organisations of a measure in the second part
TINY = """\
from openmeasures import counts, definitions, parameters, quality, results
import polars as pl
from IPython.display import display
measure = definitions.load()
run = parameters.check(measure, org_code=org_code, period_to=period_to, data=data)
providers = counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)
mine = pl.concat([providers, counts.roll_up(providers)]).filter(pl.col("org_code") == run.org_code)
value = 100 * pl.col("numerator") / pl.col("denominator")
points = mine.with_columns(value=value, series=pl.lit("all"), period_start=pl.col("period_start").dt.to_string())
whole = dict.fromkeys(results.COLUMNS)
content = {"measure": measure.id, "org_code": org_code, "org_name": run.org_name, "region_name": "", "synthetic": True,
           "quality": dict.fromkeys(quality.COLUMNS),
           "points": [whole | row for row in points.select("org_code", "period_start", "numerator", "denominator",
                                                           "value", "series", "status").to_dicts()]}
display({results.MIME_TYPE: content, "text/markdown": ""}, raw=True)
"""


def adopt() -> None:
    """Let descendants whose parent ends first become this process's own, so that their time is counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cost(command: list[str], *, cwd: Path = ROOT, **environment: str) -> tuple[float, float, float]:
    """Run a command; return CPU seconds and elapsed seconds of it and all it started, and its peak memory in GB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, cwd=cwd, env={**os.environ, **environment})
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-LAST_SAID:]
        sys.exit(f"{' '.join(command)}\nended with exit code {done.returncode}:\n{said}")
    elapsed = time.perf_counter() - started
    with_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed, after.ru_maxrss / 1e6


def with_orphans() -> None:
    """Wait for every adopted process."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def compute(folder: Path, data: Path) -> float:
    """Return the CPU seconds of a notebook's cells, charts drawn, the second time in one process."""
    code = (
        "import time, nbformat, contextlib, io; from IPython.core.interactiveshell import InteractiveShell\n"
        "nb = nbformat.read('notebook.ipynb', 4); shell = InteractiveShell.instance()\n"
        "for _ in range(2):\n"
        "    start = time.process_time()\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        [shell.run_cell(cell.source).raise_error() for cell in nb.cells if cell.cell_type == 'code']\n"
        "    took = time.process_time() - start\n"
        "print(took)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=folder,
        env={**os.environ, "OPENMEASURES_DATA": str(data)},
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def a_run(data: Path, out: Path) -> Table:
    """Compare the two ways to run each measure."""
    columns = ("Measure", "runs", "papermill command", "openmeasures run", "times", "cells and charts alone")
    table = Table(*columns, title="CPU seconds a run")
    sums = [0.0, 0.0]
    for measure in definitions.load_all():
        notebook = measure.folder / "notebook.ipynb"
        command = [str(BIN / "papermill"), "--no-progress-bar", "--cwd", str(measure.folder), str(notebook)]
        plain, _, _ = cost([*command, str(out / "plain.ipynb")], OPENMEASURES_DATA=str(data))
        ours, _, _ = cost([str(BIN / "openmeasures"), "run", measure.id, "--data", str(data), "--out", str(out)])
        runs = len(list((out / "_build" / "notebooks" / measure.id).glob("*.ipynb")))
        sums = [sums[0] + plain * runs, sums[1] + ours]
        alone = compute(measure.folder, data)
        row = (measure.id, runs, plain, ours / runs, plain * runs / ours, alone)
        table.add_row(*(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row))
    table.add_row("all, a command each", "", "", "", f"{sums[0] / sums[1]:.2f}", "")
    one = [str(BIN / "openmeasures"), "run", "--data", str(data), "--out", str(out / "one")]
    together, elapsed, _ = cost([*one, *(measure.id for measure in definitions.load_all())])
    table.add_row(f"all, in one command ({elapsed:.0f} s)", "", "", "", f"{sums[0] / together:.2f}", "")
    return table


@contextmanager
def tiny_project(measures: int) -> Iterator[Path]:
    """Make a project of so many measures, each with the same notebook, and data of `EACH` made-up organisations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("reference", "site"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copyfile(ROOT / "_quarto.yml", folder / "_quarto.yml")
        definition = (ROOT / "analyses" / "ae_four_hour" / "measure.yml").read_text(encoding="utf-8")
        parameters = nbformat.v4.new_code_cell('org_code = "ENG"\nperiod_to = ""\ndata = ""', id="parameters")
        parameters.metadata["tags"] = ["parameters"]
        notebook = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(TINY, id="all")])
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        for number in range(measures):
            place = folder / "analyses" / f"tiny_{number:02}"
            place.mkdir(parents=True)
            (place / "measure.yml").write_text(definition, encoding="utf-8")
            nbformat.write(notebook, place / "notebook.ipynb")
        store = Store(folder / "data")
        list(ingest.ingest([_month(folder)], store))
        yield folder


def _month(folder: Path) -> Path:
    """Write a month of the sample's A&E file with `EACH` organisations."""
    sample = next((ROOT / "analyses" / "ae_four_hour" / "example").glob("*.csv"))
    head, row, *_, total = sample.read_text(encoding="utf-8").splitlines()
    first = row.split(",")
    keys = [[first[0], f"Z-{number:03}", first[2], f"Hospital {number}"] for number in range(EACH)]
    sums = [str(EACH * int(cell)) for cell in first[4:]]
    rows = [*([*key, *first[4:]] for key in keys), [*total.split(",")[:4], *sums]]
    path = folder / "month.csv"
    path.write_text("\n".join([head, *map(",".join, rows), ""]), encoding="utf-8")
    return path


def growth(counts: tuple[int, ...]) -> Table:
    """Run a tiny notebook for more and more organisations, then all of them again."""
    columns = ("Runs", "CPU s", "s", "CPU ms a run", "again, nothing changed: s", "GB at most")
    table = Table(*columns, title="A notebook that does next to nothing")
    with tiny_project(-(-max(counts) // (EACH + 1))) as folder:
        for count in counts:
            measures = -(-count // (EACH + 1))
            named = [f"tiny_{number:02}" for number in range(measures)]
            some = [f"Z-{number:03}" for number in range(count)] if count < EACH else []
            orgs = [argument for code in some for argument in ("--org", code)]
            place = folder / f"out-{count}"
            command = [
                str(BIN / "openmeasures"),
                "run",
                *named,
                *orgs,
                "--data",
                str(folder / "data"),
                "--out",
                str(place),
            ]
            first = cost(["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder), *command])
            again = cost(["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder), *command])
            runs = sum(1 for _ in (place / "_build" / "notebooks").rglob("*.ipynb"))
            row = (
                f"{runs:,}",
                f"{first[0]:.1f}",
                f"{first[1]:.1f}",
                f"{1000 * first[0] / runs:.0f}",
                f"{again[1]:.1f}",
            )
            table.add_row(*row, f"{first[2]:.2f}")
    return table


def main(counts: tuple[int, ...]) -> None:
    """Measure and print."""
    if not sys.platform.startswith("linux"):
        sys.exit("CPU seconds of grandchildren can be counted on Linux alone.")
    adopt()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        cost([str(BIN / "openmeasures"), "sample", "--data", str(data)])
        console.print(a_run(data, Path(name)))
    console.print(growth(counts))


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or COUNTS)
