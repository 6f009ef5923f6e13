"""Builds as they happen: again, interrupted, two at once, on a full disk. With a small project and real processes."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import polars as pl
import pytest
from filelock import FileLock, Timeout

from openmeasures import definitions, turn
from openmeasures.errors import StoreError
from openmeasures.running import build as building
from openmeasures.running import manifest, notebooks
from openmeasures.running.manifest import notebook_path

COMMAND = shutil.which("openmeasures", path=str(Path(sys.executable).parent))
CODES = ["RA1", "RB1", "RC1", "RD1"]
APRIL = {"month": "APRIL-2024", "name": "April-2024.csv"}


class Watching:
    """Remembers what it was told."""

    def __init__(self):
        self.told, self.ran = [], []

    def waiting(self, holder):
        self.told.append(holder)

    def left_out(self, note):
        self.told.append(note)

    def planned(self, steps):
        self.steps = {step.task.org_code: step.reason for step in steps}

    def ended(self, entry, notebook):
        self.ran.append(entry.org_code)

    def collected(self, measure_id, runs, path):
        self.results = pl.read_csv(path)


@pytest.fixture
def project(small_project, keep):
    """Four organisations and England, none of which fails."""
    keep(*((code, 1000, 400) for code in CODES))
    return small_project


@pytest.fixture
def build(project):
    return project / "_build"


@pytest.fixture
def go(store, build):
    """Bring the runs up to date; return what was told."""

    def once(**options):
        watching = Watching()
        with building.up_to_date(
            definitions.load_all(), data=store.folder, build=build, observer=watching, workers=2, **options
        ) as watching.failed:
            return watching

    return once


def content_of(build):
    """What counts of a build: its notebooks and results, to the byte."""
    return {
        path.relative_to(build).as_posix(): path.read_bytes()
        for folder in ("notebooks", "results")
        for path in (build / folder).rglob("*")
        if path.is_file()
    }


# ---- again


def test_what_is_done_is_not_run_again(go, build):
    assert sorted(go().ran) == ["ENG", *CODES]
    before = content_of(build)
    again = go()
    assert (again.ran, set(again.steps.values())) == ([], {""})
    assert content_of(build) == before


def test_only_what_changed_is_run_again(go, build, keep):
    go()
    notebook_path(build, "four_hours", "RC1").write_text("edited", encoding="utf-8")
    assert go().ran == ["RC1"]
    keep(("RA1", 900, 300), **APRIL)
    third = go()
    assert sorted(third.ran) == ["ENG", *CODES]
    assert set(third.steps.values()) == {"month changed, release of 2024-04 is new"}


def test_a_run_that_failed_is_tried_again_and_its_last_good_notebook_stays(go, build, project):
    go(org_codes=["RA1"])
    good = notebook_path(build, "four_hours", "RA1").read_bytes()
    path = project / "analyses" / "four_hours" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    working = path.read_bytes()
    notebook.cells[-1].source = "1 / 0"
    nbformat.write(notebook, path)
    assert go(org_codes=["RA1"]).failed == 1
    assert notebook_path(build, "four_hours", "RA1").read_bytes() == good
    assert manifest.histories(manifest.path(build))["four_hours", "RA1"].last_good is not None
    assert go(org_codes=["RA1"]).steps == {"RA1": "failed the last time"}
    path.write_bytes(working)
    assert go(org_codes=["RA1"]).failed == 0


def test_a_measure_without_the_organisation_asked_for_is_passed_over(go, project, store):
    """Two measures of which one has the organisation: the other has nothing to collect."""
    other = project / "analyses" / "another"
    shutil.copytree(project / "analyses" / "four_hours", other)
    (other / "corrections.yml").write_text(
        "- what: Zeros\n  reason: Not asked\n  org_codes: [RA1]\n  from: 2024-03-01\n  to: 2024-03-31\n"
        "  metrics: [over_four_hours_type_1]\n  expect: 400\n  status: not_applicable\n",
        encoding="utf-8",
    )
    looking = Watching()
    [step] = building.steps(
        definitions.load_all(), data=store.folder, build=project / "_build", observer=looking, org_codes=["RA1"]
    )
    watching = go(org_codes=["RA1"])
    assert watching.told == looking.told == ["RA1: no figures in another"]
    assert watching.ran == [step.task.org_code] == ["RA1"]


def test_force_runs_everything_and_changes_nothing(go, build):
    go()
    before = content_of(build)
    assert sorted(go(force=True).ran) == ["ENG", *CODES]
    assert content_of(build) == before


def test_looking_changes_nothing(build, store, project):
    found = building.steps(definitions.load_all(), data=store.folder, build=build, observer=Watching())
    assert [(step.task.org_code, step.reason) for step in found] == [
        (code, "never run here") for code in ("ENG", *CODES)
    ]
    assert not build.exists()


# ---- interrupted


@contextmanager
def started(*arguments):
    """Start the command in a process group of its own."""
    process = subprocess.Popen(
        [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, encoding="utf-8",
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition, seconds=60):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("finished", [0, 1, 3])
def test_a_build_that_is_killed_goes_on_where_it_was(go, build, store, finished):
    record = manifest.path(build)

    def lines():
        return len(manifest.read(record))

    with started("run", "--workers", "1") as process:
        until(lambda: build.is_dir() and lines() >= finished)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = {entry.org_code for entry in manifest.read(record)}
    for path in (build / "notebooks").rglob("*.ipynb"):
        notebooks.result(path)  # raises for one that is not whole
    resumed = go()
    assert set(resumed.ran) == {"ENG", *CODES} - done
    assert resumed.results["org_code"].sort().to_list() == ["ENG", *CODES]
    assert not [name for name in content_of(build) if name.endswith(".part")]


# ---- two at once


def test_a_second_build_waits_for_the_first_and_says_so(go, build, project):
    build.mkdir()
    lock = FileLock(build / turn.LOCK)
    (build / turn.HOLDER).write_text("process 7, since 12:00", encoding="utf-8")
    with started("run", "--org", "ENG") as second:
        with lock:
            # On a terminal or not, the line comes at once.
            assert re.match(
                r"Another build \(process 7, since 12:00\) is at work in this folder", second.stderr.readline()
            )
            assert second.poll() is None
            assert not manifest.path(build).exists()
        assert second.wait(60) == 0
    assert [entry.org_code for entry in manifest.read(manifest.path(build))] == ["ENG"]


@pytest.fixture
def waits(monkeypatch):
    """Let a build wait for another one, during which something happens."""

    def wait(meanwhile):
        @contextmanager
        def after(_build, waiting):
            waiting("process 7")
            meanwhile()
            yield True

        monkeypatch.setattr(building, "turn", after)

    return wait


def test_data_that_came_while_waiting_are_used(go, build, keep, waits):
    waits(lambda: keep(("RA1", 900, 300), **APRIL))
    assert go(org_codes=["RA1"]).results["period_start"].to_list()[-1:] != []
    assert manifest.read(manifest.path(build))[0].period_to == "2024-04"


def test_what_is_left_out_is_told_once_of_the_plan_that_counts(go, build, monkeypatch, waits):
    real = building.plan.plan
    notes = iter([["RA1: no figures"], ["RB1: no figures"]])
    monkeypatch.setattr(building.plan, "plan", lambda *given, **options: (real(*given, **options)[0], next(notes)))
    waits(lambda: None)
    assert go(org_codes=["ENG"]).told == ["process 7", "RB1: no figures"]


def test_the_folder_is_kept_for_what_is_made_of_the_runs(build, store, project):
    watching = Watching()
    with building.up_to_date(
        definitions.load_all(), data=store.folder, build=build, observer=watching, org_codes=["ENG"]
    ) as failed:
        with pytest.raises(Timeout):
            FileLock(build / turn.LOCK, timeout=0).acquire()
        assert failed == 0
    with FileLock(build / turn.LOCK, timeout=0):
        assert not (build / turn.HOLDER).exists()


# ---- no room


def test_a_disk_that_is_full_loses_nothing_that_is_done(go, build, monkeypatch):
    go(org_codes=["ENG"])
    before = content_of(build)
    monkeypatch.setattr(manifest, "append", _full)
    with pytest.raises(StoreError, match="cannot be written"):
        go(org_codes=["ENG", "RA1"])
    monkeypatch.undo()
    assert {name: content for name, content in content_of(build).items() if name in before} == before


def _full(path, _entry):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
