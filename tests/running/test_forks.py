"""Jobs in real children of the real fork server. A job is an expression, which `eval` evaluates there."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from openmeasures.running import forks

resource = pytest.importorskip("resource", reason="jobs are forked on Linux only")
pytestmark = pytest.mark.skipif(not forks.available(), reason="jobs are forked on Linux only")


@pytest.fixture
def run(tmp_path):
    """Evaluate expressions, each in a child; return how they ended, by expression."""

    def outcomes(*expressions, workers=2, seconds=60):
        ended = forks.run(eval, expressions, workers=workers, seconds=seconds, log=tmp_path / "build" / "log")
        return {each.item: each for each in ended}

    return outcomes


@pytest.fixture
def value(run):
    """Evaluate one expression in a child and return its value."""

    def of(expression):
        ended = run(expression)[expression]
        assert ended.reason == ""
        return ended.result

    return of


def os_(call):
    return f"__import__('os').{call}"


def gone(pid):
    """Whether a process ends within a while."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


# ---- results and reasons


def test_every_job_ends_with_its_result(run):
    ended = run("1 + 1", "2 + 2", "3 + 3", workers=2)
    assert {item: each.result for item, each in ended.items()} == {"1 + 1": 2, "2 + 2": 4, "3 + 3": 6}
    assert [each.reason for each in ended.values()] == ["", "", ""]


def test_no_items_are_no_jobs(run):
    assert run() == {}


def test_a_job_that_ends_its_process_has_a_reason_and_stops_no_other(run):
    ended = run(os_("_exit(3)"), os_("kill(0, 9)"), os_("kill(0, 15)"), "1 / 0", "5")
    assert {item: (each.result, each.reason) for item, each in ended.items()} == {
        os_("_exit(3)"): (None, "ended with exit code 3"),
        os_("kill(0, 9)"): (None, "was ended by signal 9, perhaps for lack of memory"),
        os_("kill(0, 15)"): (None, "was ended by signal 15"),
        "1 / 0": (None, "ended with exit code 1"),
        "5": (5, ""),
    }


def test_what_a_job_writes_to_standard_error_is_in_the_log(run, tmp_path):
    run("1 / 0", os_("write(2, b'a socket closed')"))
    log = (tmp_path / "build" / "log").read_text(encoding="utf-8")
    assert "ZeroDivisionError: division by zero" in log
    assert "a socket closed" in log


def test_a_job_that_takes_too_long_is_cut_short_with_what_it_started(run, tmp_path):
    note = tmp_path / "pid"
    started = f"__import__('subprocess').Popen(['sh', '-c', 'echo $$ > {note}; exec sleep 600']).wait()"
    ended = run(started, "5", seconds=2)
    assert ended[started].reason == "ran longer than 2 s"
    assert ended["5"].result == 5
    assert gone(int(note.read_text(encoding="utf-8")))


def test_a_message_that_is_no_result_is_none(run):
    sender = "next(o for o in __import__('gc').get_objects() if type(o).__name__ == 'Connection' and o.writable)"
    ended = run(f"{sender}.send_bytes(b'junk')", f"{sender}.close()", workers=1)
    reasons = [each.reason for each in ended.values()]
    assert reasons[0].startswith("sent no result (UnpicklingError: ")
    assert reasons[1] == "ended with exit code 1"  # it could not send one


def test_a_job_that_closes_its_connection_and_goes_on_is_ended(run, monkeypatch):
    monkeypatch.setattr(forks, "SECONDS_TO_END", 0.2)
    sender = "next(o for o in __import__('gc').get_objects() if type(o).__name__ == 'Connection' and o.writable)"
    expression = f"({sender}.close(), __import__('time').sleep(600))"
    assert run(expression)[expression].reason == "closed its connection and went on"


def test_a_job_outlives_the_fork_server_and_later_ones_get_another(run):
    ended = run(os_("kill(__import__('os').getppid(), 9)"), "5", "6", workers=1)
    assert [(each.result, each.reason) for each in ended.values()] == [(None, ""), (5, ""), (6, "")]


def test_a_job_for_which_no_process_can_be_had_has_a_reason(run):
    run("1")  # so that the fork server runs
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        ended = run("5", "6")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {each.reason for each in ended.values()} == {"could not be forked (OSError: [Errno 24] Too many open files)"}


def test_a_job_whose_fork_server_does_not_answer_has_a_reason(run, monkeypatch):
    run("1")
    monkeypatch.setattr(forkserver._forkserver, "_forkserver_address", "\0nobody listens here")
    ended = run("5")["5"]
    assert (ended.result, ended.reason) == (
        None, "could not be forked (ConnectionRefusedError: [Errno 111] Connection refused)"
    )  # fmt: skip


def test_jobs_end_where_the_caller_stops(tmp_path):
    expressions = ["__import__('os').getpid()", "__import__('time').sleep(600)"]
    started = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid())) and "
    running = forks.run(
        eval, [started + expressions[1], expressions[0]], workers=2, seconds=60, log=tmp_path / "log"
    )  # fmt: skip
    assert next(running).item == expressions[0]
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text(encoding="utf-8"):
        time.sleep(0.01)
    running.close()
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


CALLER = """\
import sys
from pathlib import Path
from openmeasures.running import forks
if __name__ == "__main__":
    for ended in forks.run(eval, sys.argv[2:], workers=2, seconds=60, log=Path(sys.argv[1])):
        print(ended.reason or ended.result, flush=True)
"""


@pytest.fixture
def caller(tmp_path):
    """Start a program of its own that runs expressions, in its own fork server."""
    script = tmp_path / "caller.py"
    script.write_text(CALLER, encoding="utf-8")

    def start(*expressions, **environment):
        return subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "log"), *expressions], text=True, stdout=subprocess.PIPE,
            env=os.environ | environment,
        )  # fmt: skip

    return start


def test_jobs_end_with_a_caller_that_is_killed(caller, tmp_path):
    note = tmp_path / "pid"
    lasting = f"(open({str(note)!r}, 'w').write(str(__import__('os').getpid())), __import__('time').sleep(600))"
    with caller(lasting) as program:
        while not (note.exists() and note.read_text(encoding="utf-8")):
            time.sleep(0.01)
        program.send_signal(signal.SIGKILL)
        program.wait()
    assert gone(int(note.read_text(encoding="utf-8")))


# ---- whether it is safe


def test_a_child_of_a_server_that_has_run_polars_does_nothing(caller, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'multiprocessing.forkserver' in str(sys.orig_argv):\n"
        "    import polars as pl\n"
        "    pl.DataFrame({'a': range(100_000)}).lazy().group_by(pl.col('a') % 7).len().collect()\n",
        encoding="utf-8",
    )
    with caller("5", PYTHONPATH=str(tmp_path)) as program:
        said = program.stdout.read()
    assert said.startswith("was not run, as the fork server had threads that a fork lacks (")
    assert "polars-0" in said


def test_a_server_as_it_is_has_only_threads_that_are_known_to_be_harmless(value):
    threads = value("__import__('sys').modules['openmeasures.running.warm'].threads")
    assert set(threads) <= forks.HARMLESS


def test_children_run_polars(run):
    query = "int(pl.DataFrame({'a': range(1000)}).lazy().group_by(pl.col('a') % 7).len().collect()['len'].sum())"
    expressions = [f"(pl := __import__('polars')) and {query} + {number}" for number in range(20)]
    assert sorted(each.result for each in run(*expressions, workers=2).values()) == [1000 + n for n in range(20)]


def test_without_what_notebooks_import_nothing_is_run(monkeypatch):
    monkeypatch.delitem(sys.modules, forks.WARM, raising=False)
    assert forks.result_of(eval, "5", {}) == (
        None, "was not run, as the fork server could not import what notebooks do"
    )  # fmt: skip


def test_a_function_is_called_only_where_no_thread_is_missing(monkeypatch):
    begun = []
    warm = SimpleNamespace(threads=["jemalloc_bg_thd", "tokio-rt-worker", "polars-0"], start_anew=begun.append)
    monkeypatch.setitem(sys.modules, forks.WARM, warm)
    assert forks.result_of(eval, "5", {}) == (
        None, "was not run, as the fork server had threads that a fork lacks (polars-0, tokio-rt-worker)"
    )  # fmt: skip
    warm.threads = ["jemalloc_bg_thd"]
    assert forks.result_of(eval, "5", {"A": "1"}) == (5, "")
    assert begun == [{"A": "1"}]


# ---- a new process


def test_a_child_has_the_callers_environment_and_folder_of_now(value, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENMEASURES_DATA", "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert value(os_("environ['OPENMEASURES_DATA']")) == "elsewhere"
    assert value(os_("getcwd()")) == str(tmp_path)
    monkeypatch.delenv("OPENMEASURES_DATA")
    assert value("'OPENMEASURES_DATA' in __import__('os').environ") is False


def test_a_child_sees_nothing_of_the_command_that_started_it(value, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    assert value("__import__('sys').argv") == [""]
    assert str(tmp_path) not in value("__import__('sys').path")


def test_no_job_sees_what_another_one_left(value):
    assert value("setattr(__import__('polars'), 'left', 1)") is None
    assert value("hasattr(__import__('polars'), 'left')") is False


@pytest.mark.parametrize("draw", ["random').random()", "numpy').random.random()"])
def test_children_draw_different_numbers(value, draw):
    assert value(f"__import__('{draw}") != value(f"__import__('{draw}")


def test_what_notebooks_import_is_there_already(value):
    expected = {
        "polars", "altair", "scipy.special", "papermill.execute", "ipykernel.zmqshell", "vl_convert",
        "openmeasures.charts.output", "openmeasures.methods.spc", "openmeasures.display",
    }  # fmt: skip
    assert expected - set(value("list(__import__('sys').modules)")) == set()


# ---- what the fork server does, here


@pytest.fixture
def unchanged():
    """Put back what starting anew replaces."""
    environment, path, argv = dict(os.environ), list(sys.path), list(sys.argv)
    yield
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:], sys.argv[:] = path, argv


def test_threads_are_noted():
    from openmeasures.running import warm  # noqa: PLC0415 - elsewhere it is for the fork server alone

    end = Event()
    warm.note_threads()
    before = len(warm.threads)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(end.wait)
        warm.note_threads()
        end.set()
    assert len(warm.threads) == before + 1


def test_starting_anew_leaves_nothing_but_the_environment_that_is_given(unchanged):
    from openmeasures.running import warm  # noqa: PLC0415

    warm.start_anew({"A": "1"})
    assert dict(os.environ) == {"A": "1"}
    assert sys.argv == [""]
    assert "" not in sys.path
