"""A real scheduler and real workers of Dask, each a process of its own, one of which is killed in mid-run."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import nbformat
import pytest
from distributed import Client, as_completed
from distributed import versions as dask_versions

from openmeasures import cli, definitions, ingest, project
from openmeasures.errors import ClusterError, ParameterError, StoreError
from openmeasures.running import build as building
from openmeasures.running import cluster as cluster_of
from openmeasures.running import distributed as running
from openmeasures.running import manifest, plan, worker
from openmeasures.running.manifest import failed_path, notebook_path
from openmeasures.store import Store

PROJECT = Path(__file__).resolve().parents[2]
DASK = shutil.which("dask", path=str(Path(sys.executable).parent))
NOWHERE = "tcp://127.0.0.1:1"
CODES = ["RA1", "RB1", "RC1"]
# What a run does is up to its organisation. In `notes` a run says that it began, and in which worker.
SOURCE = """\
import os, time
from pathlib import Path
import polars as pl
from openmeasures.project import root
def parent(pid): return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
notes, worker = root() / "notes", parent(os.getppid())
with (notes / org_code).open("a") as note:
    print(worker, file=note)
if org_code == "RKILLS":
    os.kill(worker, 9)
if org_code == "RFAILS":
    raise ValueError("no such ward")
if org_code.startswith("RWAIT"):
    while not (notes / "go").exists():
        time.sleep(0.02)
"""
FIGURES = """\
path = Path(os.environ["OPENMEASURES_DATA"]) / "observations" / "ae_monthly" / f"{period_to}.parquet"
found = pl.read_parquet(path).filter(org_code=org_code)
whole, over = (found.filter(metric=f"{name}_type_1")["value"].item() for name in ("attendances", "over_four_hours"))
part = whole - over
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


class Watching:
    """Remembers how runs ended."""

    def __init__(self):
        self.entries = {}

    def waiting(self, holder):
        pass

    def left_out(self, note):
        pass

    def planned(self, steps):
        pass

    def ended(self, entry, notebook):
        self.entries[entry.org_code] = entry

    def collected(self, measure_id, runs, path):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory, measure_yml, notebook_of, ae_csv, showing):
    """A project with one measure, and its data."""
    folder = tmp_path_factory.mktemp("distributed") / "project"
    measure = folder / "analyses" / "four_hours"
    measure.mkdir(parents=True)
    (folder / "notes").mkdir()
    (measure / "measure.yml").write_text(measure_yml, encoding="utf-8")
    nbformat.write(notebook_of(SOURCE, FIGURES + showing), measure / "notebook.ipynb")
    shutil.copyfile(PROJECT / "_quarto.yml", folder / "_quarto.yml")
    shutil.copytree(PROJECT / "reference", folder / "reference")
    codes = [*CODES, "RFAILS", "RKILLS", "RWAIT1", "RWAIT2", "RWAIT3"]
    file = folder.parent / "March-2024.csv"
    file.write_text(ae_csv(*((code, 1000 + place, 400) for place, code in enumerate(codes))), encoding="utf-8")
    [_] = ingest.ingest([file], Store(folder.parent / "data"), retrieved=date(2024, 4, 11))
    return folder


@pytest.fixture(autouse=True)
def _in_the_project(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shutil.rmtree("notes")
    Path("notes").mkdir()


@contextmanager
def started(*arguments, cwd):
    """Run `dask` in a process group of its own, which ends with the test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    with (cwd.parent / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [DASK, *map(str, arguments)], cwd=cwd, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def until(condition):
    """Wait a while for something, and return it."""
    for _ in range(1500):
        if found := condition():
            return found
        time.sleep(0.02)
    raise TimeoutError


@pytest.fixture(scope="module")
def cluster(folder):
    """A scheduler and two workers, one with a nanny and one without; the scheduler's process and address."""
    known, scratch = folder.parent / "scheduler.json", folder.parent / "scratch"
    common = ("--no-dashboard", "--local-directory", scratch, "--nthreads", 1)
    at = ("--scheduler-file", known)
    with (
        started("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", *at, cwd=folder) as scheduler,
        started("worker", "--nanny", *at, *common, cwd=folder),
        started("worker", "--no-nanny", *at, *common, cwd=folder),
    ):
        until(lambda: known.is_file() and known.stat().st_size)
        address = json.loads(known.read_text(encoding="utf-8"))["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield scheduler, address


@pytest.fixture
def said_by_dask():
    """What Dask has written to the terminal: messages, as they come."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado.application")]
    for logger in loggers:
        logger.addHandler(handler)
    yield messages
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def go(folder, tmp_path):
    """Bring runs up to date; return the entries by organisation."""

    def once(org_codes, *, build=tmp_path, data=folder.parent / "data", **options):
        watching = Watching()
        with building.up_to_date(
            definitions.load_all(), data=data, build=build, observer=watching, org_codes=org_codes, **options
        ):
            return watching.entries

    return once


def test_the_bytes_are_those_of_a_run_here(go, cluster, tmp_path):
    codes = ["ENG", *CODES]
    there = go(codes, build=tmp_path / "there", scheduler=cluster[1])
    here = go(codes, build=tmp_path / "here")
    assert {code: entry.sha256 for code, entry in there.items()} == {code: here[code].sha256 for code in codes}
    for code in codes:
        pair = [notebook_path(tmp_path / place, "four_hours", code).read_bytes() for place in ("there", "here")]
        assert pair[0] == pair[1]
    assert manifest.read(manifest.path(tmp_path / "there")) == sorted(there.values(), key=lambda each: each.org_code)
    assert go(codes, build=tmp_path / "there", scheduler=cluster[1]) == {}


# ---- what is lost


def test_a_worker_that_is_killed_in_mid_run_loses_nothing(go, cluster, folder, tmp_path):
    note = folder / "notes" / "RWAIT1"

    def kill_one():
        try:
            os.kill(int(until(lambda: note.exists() and note.read_text(encoding="utf-8"))), signal.SIGKILL)
        finally:
            (folder / "notes" / "go").touch()

    codes = [*CODES, "RWAIT1", "RWAIT2", "RFAILS"]
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_one)
        entries = go(codes, scheduler=cluster[1])
        killing.result()
    assert {code: entries[code].error for code in codes} == {
        **dict.fromkeys([*CODES, "RWAIT1", "RWAIT2"], ""), "RFAILS": "cell 3: ValueError: no such ward"
    }  # fmt: skip
    assert len(set(note.read_text(encoding="utf-8").split())) == 2  # workers that had it
    assert manifest.is_there(tmp_path, entries["RFAILS"])  # as it failed, with the whole error
    assert failed_path(tmp_path, "four_hours", "RFAILS").is_file()


def test_a_run_that_kills_its_workers_fails_and_takes_no_other_with_it(go, cluster, folder):
    def tolerate_nothing(dask_scheduler):
        dask_scheduler.allowed_failures = 0

    with Client(cluster[1], set_as_default=False) as client:
        client.run_on_scheduler(tolerate_nothing)
    entries = go(["RA1", "RKILLS", "RB1"], scheduler=cluster[1])
    assert {code: entry.error for code, entry in entries.items()} == {
        "RA1": "", "RB1": "", "RKILLS": "ended every worker that ran it, perhaps for lack of memory"
    }  # fmt: skip
    assert len((folder / "notes" / "RKILLS").read_text(encoding="utf-8").split()) == 2


def test_a_scheduler_that_is_lost_is_an_error_and_what_was_done_is_kept(
    go, folder, tmp_path, tmp_path_factory, said_by_dask
):
    known = tmp_path_factory.mktemp("lost") / "scheduler.json"
    at = ("--scheduler-file", known, "--no-dashboard")
    with (
        started("scheduler", "--host", "127.0.0.1", "--port", 0, *at, cwd=folder) as scheduler,
        started("worker", "--no-nanny", *at, "--local-directory", known.parent, "--nthreads", 1, cwd=folder),
    ):
        until(lambda: known.is_file() and known.stat().st_size)
        address = json.loads(known.read_text(encoding="utf-8"))["address"]

        def lose_it():
            until(lambda: manifest.read(manifest.path(tmp_path)) and (folder / "notes" / "RWAIT3").exists())
            scheduler.kill()

        with ThreadPoolExecutor(1) as pool:
            losing = pool.submit(lose_it)
            with pytest.raises(ClusterError, match=r"connection to the scheduler was lost\. Run again"):
                go(["RA1", "RWAIT3"], scheduler=address)
            losing.result()
    assert [entry.org_code for entry in manifest.read(manifest.path(tmp_path))] == ["RA1"]
    assert said_by_dask == []  # beside the error


@pytest.fixture
def faulty(cluster, folder, tmp_path):
    """Add a worker that can leave nothing on its disk; its name in messages."""
    scratch, known = tmp_path / "faulty", folder.parent / "scheduler.json"
    common = ("--scheduler-file", known, "--no-dashboard", "--local-directory", scratch, "--nthreads", 1)
    with Client(cluster[1], set_as_default=False) as client:
        before = len(client.scheduler_info(n_workers=-1)["workers"])
        with started("worker", "--no-nanny", *common, cwd=folder):
            client.wait_for_workers(before + 1, timeout=60)
            [space] = scratch.iterdir()
            shutil.rmtree(space)
            space.write_text("not a folder", encoding="utf-8")
            yield f"worker on {socket.gethostname()}, {folder}, local directory {space}"
            until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) >= before)
    with Client(cluster[1], set_as_default=False) as client:
        until(lambda: len(cluster_of.workers(client)) <= before)


def test_what_one_worker_cannot_do_is_done_by_others(go, cluster, faulty):
    codes = ["ENG", *CODES, "RFAILS"]
    entries = go(codes, scheduler=cluster[1])
    assert {code: entry.error for code, entry in entries.items()} == {
        **dict.fromkeys(codes, ""), "RFAILS": "cell 3: ValueError: no such ward"
    }  # fmt: skip


@pytest.mark.parametrize(
    "without",
    [lambda patch: patch.setattr(running, "TRIES_ELSEWHERE", 0),
     lambda patch: patch.setattr(cluster_of, "workers", lambda _client: set())],
    ids=["tries", "others"],
)  # fmt: skip
def test_without_others_it_fails_alone_with_the_worker_s_own_reason(go, cluster, faulty, monkeypatch, without):
    without(monkeypatch)
    codes = ["ENG", *CODES]
    errors = {entry.error for entry in go(codes, scheduler=cluster[1]).values()}
    [reason] = errors - {""}
    assert reason.startswith(faulty), reason
    assert "Error: [Errno" in reason
    assert "" in errors


def test_workers_that_were_to_try_and_are_lost_are_not_waited_for(cluster):
    task = plan.Task("four_hours", Path("notebook.ipynb"), "RA1", "2024-03", Path("data"), "")
    order = worker.Order("four_hours", "RA1", "2024-03", "", "", "", "", None, None)
    with Client(cluster[1], set_as_default=False) as client:
        assert list(running._outcomes(client, {task: order}, {NOWHERE})) == [{}]


def test_an_entry_of_what_is_not_tried_again():
    task = plan.Task("four_hours", Path("notebook.ipynb"), "RA1", "2024-03", Path("data"), "")
    entry = running._entry(task, worker.Unable(NOWHERE, "its disk is full"))
    assert entry.error == "its disk is full"
    assert running._entry(task, entry) is entry
    assert running._entry(task, None).error == running.KILLED


# ---- the moment


def test_every_run_is_of_the_moment_at_which_the_build_began(go, cluster, folder, ae_csv, tmp_path, monkeypatch):
    """A revision that came out since, as far as the workers' clocks say, is in none of the runs."""
    data = tmp_path / "data"
    shutil.copytree(folder.parent / "data", data)
    monkeypatch.setenv(project.PUBLIC_AT, "2024-06-01T00:00+00:00")
    before = go(["RA1"], build=tmp_path / "before", scheduler=cluster[1], data=data)
    file = tmp_path / "March-2024-revised-130624.csv"
    file.write_text(ae_csv(("RA1", 1000, 500)), encoding="utf-8")
    [_] = ingest.ingest([file], Store(data), retrieved=date(2024, 6, 14))
    again = go(["RA1"], build=tmp_path / "again", scheduler=cluster[1], data=data)
    assert (again["RA1"].status, again["RA1"].sha256) == ("done", before["RA1"].sha256)
    sent = [path.read_bytes() for path in (tmp_path / "again" / "exchange").rglob("*") if path.is_file()]
    assert not any(file.name.encode() in content for content in sent)
    monkeypatch.setenv(project.PUBLIC_AT, "2024-07-01T00:00+00:00")
    after = go(["RA1"], build=tmp_path / "after", scheduler=cluster[1], data=data)
    assert after["RA1"].digest != before["RA1"].digest  # and the workers come to it by themselves


# ---- what is refused


def test_a_worker_with_another_notebook_is_refused_and_told_what_differs(
    go, cluster, folder, tmp_path, monkeypatch, said_by_dask
):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    path = other / "analyses" / "four_hours" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source += "\n# another"
    nbformat.write(notebook, path)
    monkeypatch.chdir(other)
    with pytest.raises(ClusterError, match=f"worker on .+, {folder}: would run something else .+ cell step-2 changed"):
        go(["ENG", *CODES], scheduler=cluster[1])
    assert manifest.read(manifest.path(tmp_path)) == []
    assert said_by_dask == []  # beside the error


def test_a_damaged_blob_is_an_error(go, cluster, tmp_path, folder):
    storage = tmp_path / "storage"
    go(["RA1"], scheduler=cluster[1], storage=str(storage))
    parts = json.dumps(json.loads(next((tmp_path / "dependencies").iterdir()).read_bytes())).encode()
    [blob] = [path for path in storage.rglob("*") if path.is_file() and path.read_bytes() == parts]
    blob.write_bytes(parts.replace(b"a", b"b"))
    moved = tmp_path / "moved"
    storage.rename(moved)
    with pytest.raises(StoreError, match=f"{blob.name}: damaged, its content is not that of its name"):
        go(["RB1"], scheduler=cluster[1], storage=str(moved))


def test_a_cluster_that_cannot_run_what_is_sent(cluster):
    with Client(cluster[1], set_as_default=False) as client:
        future = client.submit(int, "not a number")
        [(_, result)] = list(as_completed([future], loop=client.loop, with_results=True, raise_errors=False))
        with pytest.raises(ClusterError, match=r"cannot run what this machine sends \(ValueError: invalid literal"):
            running._outcome(future, result)


def test_no_scheduler_at_the_address(go, monkeypatch):
    monkeypatch.setattr(cluster_of, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(ClusterError, match=f"{NOWHERE}: no Dask scheduler answers .+ correct --scheduler"):
        go(["RA1"], scheduler=NOWHERE)


def test_an_address_that_is_none(go):
    with pytest.raises(ClusterError, match="nothing://here: no Dask scheduler answers"):
        go(["RA1"], scheduler="nothing://here")


def test_a_worker_is_no_scheduler(go, cluster):
    with Client(cluster[1], set_as_default=False) as client:
        address = min(cluster_of.workers(client))
    with pytest.raises(ClusterError, match=f"{address}: no Dask scheduler answers .a Worker is there.. Start one"):
        go(["RA1"], scheduler=address)


def test_another_program_at_the_address_is_not_waited_for(go, monkeypatch):
    monkeypatch.setattr(cluster_of, "SECONDS_TO_CONNECT", 1)
    monkeypatch.setattr(cluster_of, "SECONDS_TO_GREET", 0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"{address}: no Dask scheduler answers"):
            go(["RA1"], scheduler=address)


def test_an_address_without_a_port_is_one_line_to_the_end_of_the_command(folder, tmp_path):
    command = [sys.executable, "-c", "from openmeasures.cli import main; main()", "run", "--org", "RA1"]
    places = ["--data", str(folder.parent / "data"), "--out", str(tmp_path), "--scheduler", "somewhere"]
    done = subprocess.run([*command, *places], capture_output=True, encoding="utf-8", check=False)
    said = "Error somewhere: no Dask scheduler answers (missing port number in address 'somewhere'). Start one, or"
    assert (done.returncode, done.stderr.startswith(said), done.stderr.count("\n")) == (2, True, 1), done.stderr


def test_the_command_ends_with_the_exit_code_of_bad_usage(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster_of, "SECONDS_TO_CONNECT", 1)
    arguments = ["run", "--org", "RA1", "--data", folder.parent / "data", "--out", tmp_path, "--scheduler", NOWHERE]
    monkeypatch.setattr(sys, "argv", ["openmeasures", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert f"Error {NOWHERE}: no Dask scheduler answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scheduler": NOWHERE, "workers": 2}, "--workers: the cluster behind --scheduler has its own"),
        ({"storage": "exchange"}, "--storage: of use to a cluster only"),
    ],
)
def test_options_that_exclude_each_other(go, options, said):
    with pytest.raises(ParameterError, match=said):
        go(["RA1"], **options)


def test_without_the_extra_the_error_says_how_to_install_it(go, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "openmeasures.running.distributed")
    monkeypatch.delattr("openmeasures.running.distributed")
    with pytest.raises(ClusterError, match=r"needs the package 'distributed'.+pip install -e '\.\[distributed\]'"):
        go(["RA1"], scheduler=NOWHERE)


def versions(**of_one):
    same = dict.fromkeys(cluster_of.SAME, "1.0")
    machine = {"packages": same}
    return {
        "client": machine,
        "scheduler": machine,
        "workers": {"tcp://a": machine, "tcp://b": {"packages": same | of_one}},
    }


def test_a_machine_with_other_versions_is_named():
    assert cluster_of._others(versions()) == ""
    assert cluster_of._others(versions(dask="2.0")) == "worker tcp://b has dask 2.0, this machine 1.0"


@pytest.fixture
def another_dask(tmp_path, monkeypatch):
    """Have another version of Dask installed here, as far as its metadata say."""
    metadata = tmp_path / "packages" / "dask-2001.1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: dask\nVersion: 2001.1.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    dask_versions._version_cached.cache_clear()
    yield
    dask_versions._version_cached.cache_clear()


def test_a_cluster_with_other_versions_is_refused(go, cluster, another_dask):
    with pytest.raises(ClusterError, match=r"the scheduler has dask .+, this machine 2001\.1\.0\. Give all machines"):
        go(["RA1"], scheduler=cluster[1])
