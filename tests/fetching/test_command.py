"""`openmeasures fetch` as a user meets it: what it prints, where, with which exit code, and what it leaves behind."""

import io
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from time import sleep

import pytest
from rich.console import Console

from openmeasures import cli
from openmeasures.fetching import web
from openmeasures.sources import ae_monthly

from .site import Answer

PROGRAM = """
from openmeasures.fetching import web
from openmeasures.sources import ae_monthly
from openmeasures import cli
ae_monthly.URL = {url!r}
web.Web.__init__.__kwdefaults__["pause"] = 0
cli.main()
"""


@pytest.fixture
def called(monkeypatch, capsys, small_project):
    """Call `main` in this process, without pauses; return its exit code, output and errors."""
    monkeypatch.setattr(web, "Web", partial(web.Web, pause=0.0, wait=0.01))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openmeasures", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


def test_fetch_names_what_it_fetched_and_counts_it(called, listed, store, small_project, april):
    [url] = listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    assert called("fetch", "ae_monthly") == (0, f"ae_monthly  2024-04  fetched  {url}\n1 fetched\n", "")
    assert called("fetch", "ae_monthly") == (0, "1 already there\n", "")
    assert len(store.releases()) == 1
    assert url in (small_project / "reference" / "releases.csv").read_text()


def test_what_it_fetched_is_on_a_line_of_its_own_where_all_goes_to_one_terminal(
    called, listed, april, monkeypatch, lines_on_screen
):
    screen = io.StringIO()
    for name in ("out", "err"):
        monkeypatch.setattr(cli, name, Console(file=screen, force_terminal=True, no_color=True, width=120))
    [url] = listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    assert called("fetch", "ae_monthly") == (0, "", "")
    assert lines_on_screen(screen.getvalue()) == [f"ae_monthly  2024-04  fetched  {url}", "1 fetched"]


def test_a_dry_run_names_what_would_be_fetched(called, listed, store, small_project, april):
    before = (small_project / "reference" / "releases.csv").read_text()
    urls = listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("Providers", "b.csv", b""))
    said = f"ae_monthly  undated  to be fetched  {urls[1]}\nae_monthly  2024-04  to be fetched  {urls[0]}\n"
    assert called("fetch", "ae_monthly", "--dry-run") == (0, f"{said}2 to be fetched\n", "")
    assert not store.folder.exists()
    assert (small_project / "reference" / "releases.csv").read_text() == before


def test_one_failure_ends_the_command_with_1_and_says_why(called, listed, publisher, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May", "", publisher.url + "/May-2024.csv"))
    code, out, err = called("fetch", "ae_monthly")
    assert (code, out.splitlines()[-1]) == (1, "1 fetched; 1 failed")
    assert err.startswith(f"Error ae_monthly: {publisher.url}/May-2024.csv: 404 Not Found. It has moved")
    assert len(err.splitlines()) == 1


def test_what_is_noticed_is_said(called, listed, april):
    listed("2024-25", ("May 2024", "May-2024.csv", april.first))
    code, _, err = called("fetch", "ae_monthly")
    assert code == 0
    assert err.startswith("Note ae_monthly: http://127.0.0.1:")
    assert "the page lists it under 2024-05" in err


def test_a_changed_file_is_taken_when_accepted(called, listed, publisher, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    called("fetch", "ae_monthly")
    publisher.file("April-2024.csv", april.revised)
    code, _, err = called("fetch", "ae_monthly", "--again")
    assert (code, "the file has changed since" in err) == (1, True)
    code, out, err = called("fetch", "ae_monthly", "--again", "--accept-changed")
    assert (code, out.splitlines()[-1]) == (0, "1 fetched")


def test_the_first_month_may_be_given_in_words(called, listed, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    assert called("fetch", "ae_monthly", "--from", "May 2024") == (0, "Nothing is listed since then.\n", "")
    code, _, err = called("fetch", "ae_monthly", "--from", "2024-13")
    assert (code, err.startswith("Error '2024-13' is not a month")) == (2, True)


def test_offline_is_one_line_and_bad_input(called, publisher):
    publisher.close()
    code, out, err = called("fetch", "ae_monthly")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("Error 127.0.0.1:")
    assert "cannot be reached" in err


def test_an_unknown_source_is_bad_input(called):
    code, out, err = called("fetch", "ae_montly")
    assert (code, out) == (2, "")
    assert err.startswith("Error 'ae_montly' is not a source. Did you mean 'ae_monthly'?")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal to one process")
def test_an_interrupted_fetch_leaves_what_is_whole_and_nothing_else(publisher, listed, small_project, store, april):
    never = threading.Event()
    held = publisher.put("/May-2024.csv", Answer(april.first, after=never))
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May 2024", "", held))
    command = [sys.executable, "-c", PROGRAM.format(url=ae_monthly.URL), "fetch", "ae_monthly"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = store.folder / "downloads" / ".May-2024.csv.part"
    for _ in range(600):
        if part.exists() or running.poll() is not None:
            break
        sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    never.set()
    assert running.returncode not in (0, 2)
    assert "Traceback" not in err
    assert [path.name for path in (store.folder / "downloads").iterdir()] == []
    assert [release.file_name for release in store.releases()] == ["April-2024.csv"]
    assert len((small_project / "reference" / "releases.csv").read_text().splitlines()) == 2
