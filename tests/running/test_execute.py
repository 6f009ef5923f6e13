"""Runs with the real papermill, real processes and real kernels, on a notebook that takes a second."""

import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from openmeasures.running import execute as running
from openmeasures.running import forks, manifest, notebooks
from openmeasures.running.execute import execute, run_one
from openmeasures.running.manifest import failed_path, notebook_path
from openmeasures.running.plan import Task

# What a run does is up to its organisation.
SOURCE = """\
import os, sys, time
from pathlib import Path
with open("ran.txt", "a") as note:
    print(org_code, file=note)
match org_code:
    case "FAILS":
        raise ValueError("no such\\n  ward")
    case "OURS":
        from openmeasures.errors import ParameterError
        raise ParameterError("organisation 'OURS': unknown. Name another.")
    case "DIES":
        os._exit(3)
    case "GREEDY":
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, resource.RLIM_INFINITY))
        taken = bytearray(8 * 2**30)
    case "KILLS":
        os.kill(os.getppid(), 9)
    case "SLOW":
        Path("processes.txt").write_text(f"{os.getppid()} {os.getpid()}")
        time.sleep(60)
    case "HANGS" if sys.argv == [""]:  # forked, that is
        time.sleep(60)
"""
RESULT = """\
from IPython.display import display
content = {"org_code": org_code, "period_to": period_to, "data": Path(os.environ["OPENMEASURES_DATA"]).name,
           "folder": Path.cwd().name}
if org_code != "SILENT":
    display({"application/vnd.openmeasures.result+json": content, "text/markdown": "Done."}, raw=True)
"""

forked = pytest.mark.skipif(not forks.available(), reason="runs are forked on Linux only")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("execute")


@pytest.fixture(scope="module")
def task_for(folder, notebook_of):
    notebook = folder / "analyses" / "four_hours" / "notebook.ipynb"
    notebook.parent.mkdir(parents=True)
    nbformat.write(notebook_of(SOURCE, RESULT), notebook)

    def task(org_code, data="data"):
        return Task("four_hours", notebook, org_code, "2024-03", folder / data, "digest")

    return task


@pytest.fixture(scope="module")
def executed(folder, task_for):
    """Run five organisations, of which two fail; return the entries as they came, by organisation."""
    build = folder / "pool"
    (build / "notebooks" / "four_hours").mkdir(parents=True)
    notebook_path(build, "four_hours", "FAILS").write_text("of an earlier run", encoding="utf-8")
    (build / "failed" / "four_hours").mkdir(parents=True)
    for code in ("FAILS", "DIES", "RC9"):
        failed_path(build, "four_hours", code).write_text("of an earlier failure", encoding="utf-8")
    tasks = [task_for(code) for code in ("ENG", "FAILS", "RC9", "DIES", "RJ1")]
    return build, {entry.org_code: entry for entry in execute(tasks, build, workers=2)}


@pytest.fixture
def run_here(task_for, tmp_path, monkeypatch):
    """Run one organisation in this process."""
    monkeypatch.setenv("OPENMEASURES_DATA", "")  # restored afterwards, since a run sets it

    def run(org_code, **values):
        entry = run_one(task_for(org_code, **values), tmp_path)
        return entry, notebook_path(tmp_path, "four_hours", org_code)

    return run


# ---- several runs


def test_every_run_has_its_entry(executed):
    _, entries = executed
    assert {code: entry.status for code, entry in entries.items()} == {
        "ENG": "done", "FAILS": "failed", "RC9": "done", "DIES": "failed", "RJ1": "done",
    }  # fmt: skip


def test_every_entry_is_in_the_manifest(executed):
    build, entries = executed
    assert manifest.read(build / "manifest.jsonl") == [entries[code] for code in sorted(entries)]


def test_a_run_that_succeeded_left_its_notebook(executed):
    build, entries = executed
    for code in ("ENG", "RC9", "RJ1"):
        path = notebook_path(build, "four_hours", code)
        assert notebooks.result(path)["org_code"] == code
        assert entries[code].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entries[code].error == ""
        assert entries[code].seconds > 0


def test_a_run_that_failed_left_no_notebook_but_that_of_an_earlier_run(executed):
    build, entries = executed
    found = sorted(path.name for path in (build / "notebooks" / "four_hours").iterdir())
    assert found == ["ENG.ipynb", "FAILS.ipynb", "RC9.ipynb", "RJ1.ipynb"]
    assert notebook_path(build, "four_hours", "FAILS").read_text(encoding="utf-8") == "of an earlier run"
    assert entries["DIES"].sha256 == ""


def test_a_run_that_failed_keeps_its_notebook_elsewhere_with_the_whole_error(executed):
    build, entries = executed
    kept = failed_path(build, "four_hours", "FAILS")
    assert entries["FAILS"].sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert manifest.is_there(build, entries["FAILS"])
    made = nbformat.read(kept, as_version=4)
    [error] = [output for cell in made.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert (error.ename, error.evalue) == ("ValueError", "no such\n  ward")
    assert "raise ValueError" in re.sub(r"\x1b\[[\d;]*m", "", "".join(error.traceback))
    assert "An Exception was encountered at" in made.cells[0].source  # papermill's note, and a link to the cell


def test_no_failed_notebook_stays_of_a_run_that_succeeded_or_was_cut_short(executed):
    build, _ = executed
    assert [path.name for path in (build / "failed" / "four_hours").iterdir()] == ["FAILS.ipynb"]


def test_an_error_says_in_one_line_which_cell_failed_and_why(executed):
    _, entries = executed
    assert entries["FAILS"].error == "cell 3: ValueError: no such ward"


def test_a_process_that_ended_too_early_is_a_failed_run(executed):
    _, entries = executed
    first = "ended with exit code 3; in a kernel: " if forks.available() else ""
    assert entries["DIES"].error == f"{first}DeadKernelError: Kernel died"


def test_entries_carry_the_task(executed):
    _, entries = executed
    entry = entries["RC9"]
    assert (entry.measure_id, entry.period_to, entry.digest) == ("four_hours", "2024-03", "digest")


def test_a_run_sees_its_parameters_its_data_and_its_own_folder(executed):
    build, _ = executed
    assert notebooks.result(notebook_path(build, "four_hours", "RC9")) == {
        "org_code": "RC9", "period_to": "2024-03", "data": "data", "folder": "four_hours"
    }  # fmt: skip


def test_a_notebook_names_neither_times_nor_paths_nor_random_ids(executed, folder):
    build, _ = executed
    text = notebook_path(build, "four_hours", "RC9").read_text(encoding="utf-8")
    made = nbformat.reads(text, as_version=4)
    assert [
        word for word in (str(folder), str(Path.home()), "duration", "start_time", "transient") if word in text
    ] == []
    assert [cell.id for cell in made.cells if cell.cell_type == "code"] == [
        "step-0",
        "injected-parameters",
        "step-1",
        "step-2",
    ]
    assert set(made.metadata) == {"kernelspec", "language_info"}


def test_two_runs_give_the_same_bytes(executed, run_here):
    build, entries = executed
    entry, path = run_here("RC9")
    assert path.read_bytes() == notebook_path(build, "four_hours", "RC9").read_bytes()
    assert entry.sha256 == entries["RC9"].sha256


def test_without_forks_every_run_has_a_kernel(task_for, tmp_path, monkeypatch, executed):
    monkeypatch.setattr(forks, "available", lambda: False)
    build, _ = executed
    assert [entry.status for entry in execute([task_for("RC9")], tmp_path)] == ["done"]
    of_fork, of_kernel = (notebook_path(folder, "four_hours", "RC9").read_bytes() for folder in (build, tmp_path))
    assert of_fork == of_kernel


@pytest.mark.skipif(sys.platform == "win32", reason="a virtual environment's launcher stands between the two there")
def test_a_process_that_is_ended_from_outside_takes_no_other_run_with_it(task_for, tmp_path, monkeypatch):
    monkeypatch.setattr(forks, "available", lambda: False)
    earlier = notebook_path(tmp_path, "four_hours", "KILLS")
    earlier.parent.mkdir(parents=True)
    earlier.write_text("of an earlier run", encoding="utf-8")
    failure = failed_path(tmp_path, "four_hours", "KILLS")
    failure.parent.mkdir(parents=True)
    failure.write_text("of an earlier failure", encoding="utf-8")
    tasks = [task_for(code) for code in ("KILLS", "RC9")]
    entries = {entry.org_code: entry for entry in execute(tasks, tmp_path, workers=1)}
    assert entries["KILLS"].error == "its process was ended from outside, perhaps for lack of memory"
    assert earlier.read_text(encoding="utf-8") == "of an earlier run"
    assert not failure.exists()
    assert entries["RC9"].status == "done"
    assert len(manifest.read(tmp_path / "manifest.jsonl")) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes by signals")
def test_workers_and_kernels_end_with_a_build_that_is_killed(task_for, folder, tmp_path):
    script = tmp_path / "build.py"
    script.write_text(
        "from pathlib import Path, PosixPath\n"
        "from openmeasures.running import execute, forks\n"
        "from openmeasures.running.plan import Task\n"
        "if __name__ == '__main__':\n"
        "    forks.available = lambda: False\n"
        f"    list(execute.execute([{task_for('SLOW')!r}, {task_for('RC9')!r}], Path('build'), workers=1))\n"
    )
    build = subprocess.Popen([sys.executable, script.name], cwd=tmp_path)
    noted = folder / "analyses" / "four_hours" / "processes.txt"
    wait_for(noted.is_file, seconds=30)
    build.kill()
    build.wait()
    worker, kernel = map(int, noted.read_text().split())
    wait_for(lambda: not (runs(worker) or runs(kernel)), seconds=10)
    assert not notebook_path(tmp_path / "build", "four_hours", "RC9").exists()


def wait_for(holds, *, seconds):
    latest = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < latest
        time.sleep(0.05)


def runs(process):
    """Whether a process is there, and has not ended without anybody asking how."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not (state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its limit")
def test_a_run_that_takes_too_much_memory_fails_alone(task_for, tmp_path):
    entries = {entry.org_code: entry for entry in execute([task_for(code) for code in ("GREEDY", "RC9")], tmp_path)}
    assert entries["GREEDY"].error.startswith("cell 3: MemoryError")
    assert entries["RC9"].status == "done"


@forked
def test_a_run_that_hangs_when_forked_has_a_kernel(task_for, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "RUN_SECONDS", 2)
    tasks = [task_for(code) for code in ("HANGS", "RJ1")]
    entries = {entry.org_code: entry for entry in execute(tasks, tmp_path, workers=2)}
    assert {code: entry.status for code, entry in entries.items()} == {"HANGS": "done", "RJ1": "done"}
    assert list(entries) == ["RJ1", "HANGS"]


@forked
def test_what_a_notebook_raises_is_not_tried_again(executed, folder):
    ran = (folder / "analyses" / "four_hours" / "ran.txt").read_text(encoding="utf-8").split()
    assert (ran.count("FAILS"), ran.count("DIES")) == (1, 2)


def test_no_tasks_are_no_entries(tmp_path):
    assert list(execute([], tmp_path)) == []


# ---- one run


def test_an_error_of_ours_needs_no_class_name(run_here):
    entry, path = run_here("OURS")
    assert entry.error == "cell 3: organisation 'OURS': unknown. Name another."
    assert not path.exists()


def test_a_notebook_that_cannot_be_kept_as_it_failed_hides_no_error(run_here, tmp_path):
    (tmp_path / "failed").write_text("no folder", encoding="utf-8")
    entry, _ = run_here("FAILS")
    assert entry.error.startswith("cell 3: ValueError: no such ward (its notebook could not be kept: ")
    assert entry.sha256 == ""


def test_a_notebook_that_shows_no_result_failed(run_here, tmp_path):
    entry, path = run_here("SILENT")
    assert "DefinitionError: 0 results found, expected one; end it with `results.collect(…)`." in entry.error
    assert not path.exists()
    assert [cell.id for cell in nbformat.read(failed_path(tmp_path, "four_hours", "SILENT"), 4).cells][-1] == "step-2"


def test_a_cell_that_hangs_is_ended(run_here, task_for, folder, notebook_of, monkeypatch, tmp_path):
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 1)
    notebook = tmp_path / "hangs.ipynb"
    nbformat.write(notebook_of("import time\ntime.sleep(60)"), notebook)
    entry = run_one(Task("four_hours", notebook, "RC9", "2024-03", folder, ""), tmp_path)
    assert (entry.status, entry.sha256) == ("failed", "")
    assert "A cell timed out while it was being executed, after 1 seconds" in entry.error
    assert not (tmp_path / "failed").exists()


def test_a_notebook_that_is_not_there_failed(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENMEASURES_DATA", "")
    entry = run_one(Task("four_hours", tmp_path / "none.ipynb", "RC9", "2024-03", folder, ""), tmp_path)
    assert entry.status == "failed"
    assert "none.ipynb" in entry.error


def test_a_run_reads_the_data_that_its_task_names(run_here):
    _, path = run_here("RC9", data="elsewhere")
    assert notebooks.result(path)["data"] == "elsewhere"


def test_notebooks_lie_by_measure_and_organisation():
    assert notebook_path(Path("_build"), "four_hours", "RC9") == Path("_build/notebooks/four_hours/RC9.ipynb")


def test_what_kernels_say_on_their_own_account_goes_to_a_file(tmp_path):
    # In a process of its own, since it takes over the standard error of the one that it runs in.
    code = (
        "import os, sys; from pathlib import Path; from openmeasures.running import execute; "
        f"execute._log_kernels(Path({str(tmp_path / 'build' / 'kernels.log')!r})); os.write(2, b'a socket closed')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert (tmp_path / "build" / "kernels.log").read_text() == "a socket closed"
