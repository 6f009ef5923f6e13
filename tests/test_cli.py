"""The command line as a user meets it: what it prints, where, with which exit code, and what it leaves behind."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import polars as pl
import pytest
from filelock import FileLock, Timeout
from rich.console import Console

from openmeasures import __version__, cli, definitions, project, readers, turn
from openmeasures.publishing import board_pack, pages, render
from openmeasures.running import belonging, manifest, plan
from openmeasures.store import Store

PROJECT = Path(__file__).parents[1]
COMMAND = shutil.which("openmeasures", path=str(Path(sys.executable).parent))
FEBRUARY = {"month": "FEBRUARY-2024", "name": "February-2024.csv"}


@pytest.fixture
def typed():
    """Run the command in a process of its own; return its exit code, output and errors."""

    def run(*arguments, **environment):
        done = subprocess.run(
            [COMMAND, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False,
            env={**os.environ, "PYTHONUTF8": "1", **environment},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


class Here(Executor):
    """Runs at once and in this process: starting processes takes most of a small run's time."""

    def submit(self, call, *arguments):
        future = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture
def called(monkeypatch, capsys):
    """Call `main` in this process, which is quicker; return what `typed` does."""
    monkeypatch.setattr("openmeasures.running.execute._pool", lambda workers, build: Here())

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openmeasures", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def filled(small_project, keep):
    """The small project with March 2024; its notebook fails for RJ1."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    return small_project


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def results(project):
    return pl.read_csv(project / "_build" / "results" / "four_hours.csv")["org_code"].to_list()


PUBLISHED = """
published:
  - {title: Total row, url: "https://example.org/"}
"""


@pytest.fixture
def reconcilable(filled):
    """The small project, whose measure says how England's figure is published."""
    path = filled / "analyses" / "four_hours" / "measure.yml"
    path.write_text(path.read_text(encoding="utf-8") + PUBLISHED, encoding="utf-8")
    return filled


def test_reconcile_of_figures_that_agree(called, reconcilable):
    code, out, err = called("reconcile")
    said = "four_hours: Total row: 1 of 1 month agree (March 2024).\n"
    assert (code, out, err) == (0, said, "")


def test_reconcile_fails_where_a_difference_has_no_reason(called, reconcilable):
    correction = """
- what: A figure that is wrong
  reason: For this test
  org_codes: [RJ1]
  from: 2024-03-01
  to: 2024-03-31
  metrics: [over_four_hours_type_1]
  expect: 100
  status: not_submitted
"""
    (reconcilable / "analyses" / "four_hours" / "corrections.yml").write_text(correction, encoding="utf-8")
    code, _, err = called("reconcile", "four_hours")
    assert code == 1
    assert err == (
        "Unexplained four_hours, ENG, 2024-03: ours 60.000000, Total row 66.666667. Find the cause, then mend it or "
        "say it in measure.yml (published, differences).\n"
    )


def test_a_measure_whose_publication_is_not_here_is_left_out_and_said_to_be(called, filled):
    folder = filled / "analyses" / "elsewhere"
    shutil.copytree(filled / "analyses" / "four_hours", folder)
    path = folder / "measure.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("ae_monthly", "not_here"), encoding="utf-8")
    code, out, err = called("run", "--org", "RC9")
    assert code == 0
    assert "four_hours: 1 run" in out
    assert "left out, for want of their publication in" in err
    assert "elsewhere (not_here)" in err
    code, _, err = called("run", "elsewhere")
    assert code == 2
    assert "no release of 'not_here' here" in err


def test_what_the_plan_leaves_out_is_said_as_it_is_written(called, filled, monkeypatch):
    planned = plan.plan
    monkeypatch.setattr(plan, "plan", lambda *given, **named: (planned(*given, **named)[0], ["[list]: none of RC9"]))
    code, _, err = called("run", "--org", "RC9")
    assert (code, err) == (0, "Note left out, [list]: none of RC9\n")


# ---- the command itself


def test_version(typed, called):
    assert typed("--version") == called("--version") == (0, f"{__version__}\n", "")


def test_without_a_command_it_explains_itself(called):
    _, out, err = called()
    commands = ("sample", "ingest", "fetch", "list", "check", "run", "site", "pack", "refresh")
    assert [name for name in commands if not re.search(rf"\b{name}\b", out + err)] == []


def test_an_unknown_command_is_refused(typed):
    code, out, err = typed("publsh")
    assert (code, out) == (2, "")
    assert "No such command 'publsh'" in err


@pytest.mark.parametrize("name", ["run", "site"])
def test_help_gives_the_defaults(called, name):
    code, out, _ = called(name, "--help")
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", out).split())
    assert code == 0
    for default in ("default: all", "default: the latest", "default: three for two cores", "default: the project"):
        assert default in said


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "Makefile", "_quarto.yml", "site/about.qmd"])
def test_documents_name_commands_that_exist(name):
    known = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    text = (PROJECT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[`/] ?|pre-render: |activated\) )openmeasures ([a-z]+)", text, flags=re.MULTILINE))
    assert named <= known


def test_a_bug_shows_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["openmeasures", "list"])
    monkeypatch.setattr(definitions, "load_all", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_progress_is_shown_to_those_who_watch(monkeypatch):
    assert cli._progress().disable
    monkeypatch.setattr(cli, "err", Console(stderr=True, force_terminal=True))
    assert not cli._progress().disable


# ---- sample


def test_sample_fills_an_empty_folder(called, tmp_path):
    code, out, err = called("sample", "--data", tmp_path / "new")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"\d{{3}} synthetic files in {re.escape(str(tmp_path / 'new'))}\.\n", out)
    assert Store(tmp_path / "new").synthetic


def test_sample_if_empty_leaves_what_is_there(called, filled, store):
    before = files(store.folder)
    assert called("sample", "--if-empty") == (0, "", "")
    assert files(store.folder) == before


def test_sample_among_published_data_is_refused(called, filled, store, monkeypatch):
    before = files(store.folder)
    monkeypatch.chdir(PROJECT)
    code, out, err = called("sample")
    assert (code, out) == (2, "")
    assert err == (
        f"Error {store.folder}: holds published data; synthetic figures cannot be put among them. "
        "Name another folder with --data.\n"
    )
    assert files(store.folder) == before


# ---- ingest


@pytest.fixture
def incoming(tmp_path, ae_csv):
    folder = tmp_path / "downloads"
    folder.mkdir()

    def put(name, content=None, **layout):
        (folder / name).write_text(content or ae_csv(("RC9", 1000, 400), **layout), encoding="utf-8")
        return folder

    put.folder = folder
    return put


def test_ingest_counts_what_it_kept(called, incoming, store):
    incoming("March-2024.csv")
    incoming("April-2024.csv", month="APRIL-2024")
    assert called("ingest", incoming.folder, "--data", store.folder) == (0, "2 added\n", "")
    assert called("ingest", incoming.folder, "--data", store.folder) == (0, "2 already there\n", "")
    assert len(store.releases()) == 2


def test_ingest_of_one_bad_file_keeps_the_others_and_says_so(called, incoming, store, ae_csv):
    incoming("April-2024.csv", month="APRIL-2024")
    incoming("March-2024.csv", ae_csv(("RC9", "many", 400)))
    code, out, err = called("ingest", incoming.folder, "--data", store.folder)
    assert code == 2
    assert sorted(out.strip().split("; ")) == ["1 added", "1 unreadable"]
    assert err.startswith(f"Error {incoming.folder / 'March-2024.csv'}")
    assert "'many'" in err
    assert len(err.splitlines()) == 1
    assert [release.file_name for release in store.releases()] == ["April-2024.csv"]


def test_ingest_passes_on_what_was_noticed(called, incoming, store, ae_csv):
    text = ae_csv(("RC9", 1000, 400))
    incoming("March-2024.csv", text.replace("TOTAL,TOTAL,TOTAL,TOTAL,1000", "TOTAL,TOTAL,TOTAL,TOTAL,1001"))
    code, out, err = called("ingest", incoming.folder, "--data", store.folder)
    assert (code, out) == (0, "1 added\n")
    assert err.startswith(f"Note {incoming.folder / 'March-2024.csv'}: ")


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No file found.\n"), ("a,b\n1,2\n", "1 not recognised\n")], ids=["empty", "other"]
)
def test_ingest_of_nothing_useful_is_an_error(called, incoming, store, content, said):
    if content:
        incoming("table.csv", content)
    code, out, _ = called("ingest", incoming.folder, "--data", store.folder)
    assert (code, out) == (2, said)


def test_ingest_names_the_tables_that_it_passed_over_and_no_other_files(called, incoming, store):
    incoming("March-2024.csv")
    incoming("notes.txt", "to do")
    incoming("other.CSV", "a,b\n1,2\n")
    code, out, err = called("ingest", incoming.folder, "--data", store.folder)
    assert (code, sorted(out.strip().split("; "))) == (0, ["1 added", "2 not recognised"])
    assert err == f"Not recognised {incoming.folder / 'other.CSV'}\n"


def test_ingest_of_a_path_that_is_not_there(called, incoming, store):
    incoming("March-2024.csv")
    code, out, err = called("ingest", incoming.folder, "nowhere", "--data", store.folder)
    assert (code, out, err) == (2, "", "Error nowhere: no such file or folder. Check the path.\n")
    assert not store.folder.exists()


def test_ingest_again_reads_anew_what_another_version_has_read(called, small_project, keep, monkeypatch):
    keep(("RC9", 1000, 400))
    assert called("ingest", "--again") == (0, "Everything was read by the present version.\n", "")
    monkeypatch.setattr(readers, "fingerprint", lambda _: "another")
    assert called("ingest", "--again") == (0, "1 read anew\n", "")


def test_ingest_of_nothing_says_what_it_takes(called, small_project):
    said = "Error ingest: nothing to read. Name files, folders or zips; or --again.\n"
    assert called("ingest") == (2, "", said)


def test_a_run_on_what_another_version_has_read_says_so(called, small_project, keep, monkeypatch, store):
    keep(("RC9", 1000, 400))
    monkeypatch.setattr(readers, "fingerprint", lambda _: "another")
    monkeypatch.setattr("openmeasures.running.build.up_to_date", lambda *_, **__: nullcontext(0))
    code, _, err = called("run")
    assert (code, err) == (
        0,
        f"Note {store.folder}: files that another version of this program has read: 1, first March-2024.csv. Read them "
        "anew: openmeasures ingest --again\n",
    )


# ---- list and check


def test_list_shows_the_measures(called, filled):
    code, out, _ = called("list")
    assert code == 0
    assert re.search(r"four_hours .* A&E within four hours .* draft .* 2025-04-01", out)


def test_list_shows_the_organisations(called, filled, monkeypatch):
    monkeypatch.setattr(cli.out, "width", 120)
    code, out, _ = called("list", "--organisations")
    assert code == 0
    row = next(line for line in out.splitlines() if "RC9 " in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells == ["RC9", "RC9 Hospitals, NHS Trust", "acute trust", "East of England", "ae_monthly"]


def test_list_shows_the_publications_and_which_can_be_fetched(called, small_project, monkeypatch):
    monkeypatch.delattr("openmeasures.sources.rtt_overview.LISTING")
    code, out, _ = called("list", "--sources")
    assert code == 0
    assert re.search(r"ae_monthly .* A&E Attendances .* yes", out)
    assert re.search(r"rtt_overview .* by hand", out)


def test_list_of_organisations_without_data(called, small_project):
    code, out, err = called("list", "--organisations")
    assert (code, out) == (2, "")
    assert "no release of 'ae_monthly' here" in err


def test_check_of_a_sound_measure(called, small_project):
    assert called("check") == (0, "four_hours: fine\n", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("measure.yml", "titel: x\n", "Did you mean 'title'?"),
        ("corrections.yml", "what: x\n", "expected a list of entries"),
        ("notebook.ipynb", "{}", "not a Jupyter notebook"),
    ],
)
def test_check_of_a_broken_measure(called, small_project, name, content, said):
    (small_project / "analyses" / "four_hours" / name).write_text(content, encoding="utf-8")
    code, out, err = called("check")
    assert (code, out) == (2, "")
    assert err.startswith(f"Error {small_project / 'analyses' / 'four_hours' / name}")
    assert said in err


# ---- what cannot be run


@pytest.mark.parametrize("command", ["run", "site"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["four_hour"], "measure 'four_hour': no such folder in analyses/. Did you mean 'four_hours'? Known"),
        (["--org", "RJl"], "organisation 'RJl': not among the 3 of ae_monthly in "),
        (["--org", "RJl"], "Did you mean 'RJ1'?"),
        (["--org", "rc9 hospitals nhs trust"], "Did you mean 'RC9' (RC9 Hospitals, NHS Trust)?"),
        (["--org", "ENG", "--org", "XXX"], "organisation 'XXX'"),
        (["--period-to", "2024-13"], "'2024-13' is not a month: expected a month such as 'March 2024' or '2024-03'."),
        (["--period-to", "2023-03"], "no release for March 2023; the data cover March 2024."),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(called, filled, command, arguments, said):
    code, out, err = called(command, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (filled / "_build").exists()


@pytest.mark.parametrize("command", ["run", "site"])
def test_an_empty_data_folder_is_one_line_too(called, small_project, store, command):
    code, out, err = called(command)
    assert (code, out) == (2, "")
    assert err == (
        f"Error {store.folder}: no release of 'ae_monthly' here. Fill it with `openmeasures ingest PATH…` "
        "(published files) or `openmeasures sample` (synthetic figures).\n"
    )


@pytest.mark.parametrize("arguments", [["--workers", "0"], ["--workers", "two"], ["--renderer", "hugo"], ["--colour"]])
def test_a_mistaken_option_is_refused(called, filled, arguments):
    code, out, err = called("site", *arguments)
    assert (code, out) == (2, "")
    assert arguments[0] in err


def test_asking_for_a_quarto_that_is_not_there_is_refused_before_anything_runs(called, filled, monkeypatch):
    monkeypatch.setattr(render, "_path", lambda: str(filled))
    code, out, err = called("site", "--renderer", "quarto")
    assert (code, out) == (2, "")
    assert err == "Error quarto: not on the PATH. Install it (quarto.org), or use --renderer smalldocs.\n"
    assert not (filled / "_build").exists()


# ---- running


def test_a_run_of_one_organisation(typed, filled, store, tmp_path):
    code, out, err = typed("run", "four_hours", "--org", "RC9", "--data", store.folder, "--out", tmp_path / "out")
    build = tmp_path / "out" / "_build"
    path = build / "results" / "four_hours.csv"
    assert (code, out, err) == (0, f"four_hours: 1 run; results in {path}\n", "")
    assert {name for name in files(tmp_path / "out") if "/." not in name and "dependencies" not in name} == {
        "_build/kernels.log",
        "_build/manifest.jsonl",
        "_build/notebooks/four_hours/RC9.ipynb",
        "_build/results/four_hours.csv",
    }
    assert [entry.org_code for entry in manifest.read(build / "manifest.jsonl")] == ["RC9"]
    rows = pl.read_csv(path).select("measure", "org_code", "period_start", "value").rows()
    assert rows == [("four_hours", "RC9", "2024-03-01", 100 * 600 / 1000)]


def test_one_organisation_that_fails_stops_no_other(called, filled):
    code, out, err = called("run")
    assert code == 1
    kept = filled / "_build" / "failed" / "four_hours" / "RJ1.ipynb"
    assert err == (
        "Failed four_hours, RJ1: cell 3: ZeroDivisionError: division by zero\n"
        f"       its notebook, as it failed: {kept}\n1 of 3 runs failed.\n"
    )
    assert "An Exception was encountered" in nbformat.read(kept, as_version=4).cells[0].source
    assert "four_hours: 3 runs; results in " in out
    assert results(filled) == ["ENG", "RC9"]
    assert files(filled / "_build" / "notebooks") == {"four_hours/ENG.ipynb", "four_hours/RC9.ipynb"}


def test_a_release_that_is_damaged_is_one_line_and_leaves_what_was_done(called, filled, store, keep):
    assert called("run", "--org", "RC9")[0] == 0
    before = {path: path.read_bytes() for path in (filled / "_build").rglob("*.ipynb")}
    keep(("RC9", 900, 300), **FEBRUARY)
    damaged = store.folder / "observations" / "ae_monthly" / "2024-02.parquet"
    damaged.write_bytes(damaged.read_bytes()[:100])
    code, out, err = called("run", "--org", "RC9")
    assert (code, out) == (2, "")
    assert err.startswith(f"Error {damaged}: cannot be read (")
    assert err.endswith("Delete the file and ingest its release again.\n")
    assert {path: path.read_bytes() for path in before} == before


# ---- plans, and programs that read them


def test_a_dry_run_says_what_would_be_run_and_why_and_runs_nothing(called, filled):
    assert called("run", "--org", "RC9")[0] == 0
    before = files(filled)
    code, out, err = called("run", "--dry-run")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "four_hours: 2 runs to do, never run here: ENG, RJ1",
        "four_hours: 1 run done already: RC9",
    ]
    assert files(filled) == before


def test_a_dry_run_with_force_would_run_everything(called, filled):
    assert called("run", "--org", "RC9")[0] == 0
    assert called("run", "--org", "RC9", "--dry-run", "--force")[1] == "four_hours: 1 run to do, forced: RC9\n"


def test_systems_and_regions_are_run_for_whoever_asks_for_them(called, filled):
    said = called("run", "--areas", "--dry-run")[1]
    assert said == "four_hours: 7 runs to do, never run here: ENG, RC9, RJ1, QKK, S1Y5D, Y56 and 1 more\n"


def test_a_program_is_told_each_step_as_an_object(called, filled):
    code, out, _ = called("run", "--json", "--org", "ENG", "--org", "RJ1")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [each["event"] for each in told] == ["planned", "run", "run", "collected", "finished"]
    assert {each["org_code"]: each["status"] for each in told[1:3]} == {"ENG": "done", "RJ1": "failed"}
    assert told[-1]["failed"] == 1
    told = [json.loads(line) for line in called("run", "--json", "--dry-run", "--org", "ENG")[1].splitlines()]
    assert told[-1] == {"event": "step", "measure_id": "four_hours", "org_code": "ENG", "reason": ""}


def test_a_terminal_has_a_live_line(called, filled, monkeypatch):
    monkeypatch.setattr(cli, "err", Console(stderr=True, force_terminal=True, no_color=True, width=120))
    code, _, err = called("run", "--org", "RC9")
    assert code == 0
    assert "Running" in err
    assert "0 done before, 0 failed" in err


def test_runs_on_other_data_are_not_mixed(called, filled, keep):
    assert called("run", "--org", "RC9")[0] == 0
    keep(("RC9", 1100, 500), month="APRIL-2024", name="April-2024.csv")
    assert called("run", "--org", "ENG")[0] == 0
    assert results(filled) == ["ENG"]


def test_runs_up_to_different_months_are_not_mixed(called, filled, keep):
    keep(("RC9", 900, 300), **FEBRUARY)
    assert called("run", "--org", "ENG", "--period-to", "2024-02")[0] == 0
    assert called("run", "--org", "RC9")[0] == 0
    assert results(filled) == ["RC9"]


def test_a_run_that_was_interrupted_is_left_aside(called, filled):
    record = filled / "_build" / "manifest.jsonl"
    record.parent.mkdir()
    record.write_bytes(b'{"measure_id":"four_hours","org_code":"RJ1","peri')
    assert called("run", "--org", "RC9")[0] == 0
    assert [json.loads(line)["org_code"] for line in record.read_text(encoding="utf-8").splitlines()] == ["RC9"]


def test_a_damaged_manifest_is_one_line(called, filled, monkeypatch):
    record = filled / "_build" / "manifest.jsonl"
    record.parent.mkdir()
    record.write_text("nonsense\n", encoding="utf-8")
    monkeypatch.setattr("openmeasures.running.execute.execute", lambda *_, **__: iter(()))
    code, _, err = called("run", "--org", "RC9")
    assert (code, err) == (
        2,
        f"Error {record}, line 1: not a run's record. Delete that line and run again; if its run was the latest of "
        "its organisation, that alone is done anew.\n",
    )


# ---- the site


def test_site_goes_from_data_to_pages(called, filled):
    (filled / "site" / "about.qmd").write_text("---\ntitle: About\n---\n\n[nowhere](nowhere.qmd)\n", encoding="utf-8")
    code, out, err = called("site", "--renderer", "smalldocs", "--org", "RC9", "--org", "RJ1")
    assert code == 1
    assert f"Site rendered by smalldocs: open {filled / '_site' / 'index.html'}\n" in out
    assert "Failed four_hours, RJ1: " in err
    assert "Note warning: about.qmd: broken link nowhere.qmd\n" in err
    for code, said in (("RC9", "60.0"), ("RJ1", "ZeroDivisionError")):
        assert said in (filled / "_site" / "organisations" / code / "four_hours.html").read_text(encoding="utf-8")


def test_site_goes_where_it_is_told(called, filled, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "render", lambda stage, _: render.Rendered(f"nobody in {stage.name}", []))
    monkeypatch.setattr(belonging, "check_page", lambda page, **_: page)  # nobody has rendered one
    code, out, _ = called("site", "--org", "RC9", "--out", tmp_path / "elsewhere")
    assert code == 0
    assert "Site rendered by nobody in elsewhere" in out
    assert (tmp_path / "elsewhere" / "organisations" / "RC9" / "four_hours.qmd").is_file()
    assert not (filled / "_build").exists()


def test_site_links_board_packs_where_they_are_asked_for(called, filled):
    code, _, err = called("site", "--renderer", "smalldocs", "--org", "RC9", "--packs")
    assert (code, err) == (0, "")
    folder = filled / "_site" / "organisations" / "RC9"
    assert (folder / "board-pack.pdf").read_bytes().startswith(b"%PDF-")
    assert 'href="board-pack.pdf"' in (folder / "index.html").read_text(encoding="utf-8")
    code, _, _ = called("site", "--renderer", "smalldocs", "--org", "RC9")
    assert code == 0
    assert "board-pack" not in (folder / "index.html").read_text(encoding="utf-8")
    assert not (filled / "organisations" / "RC9" / "board-pack.pdf").exists()


def test_pack_writes_a_file_each_for_those_named(called, filled):
    assert called("run", "--org", "RC9", "--org", "RJ1")[0] == 1
    packs = filled / "_build" / "packs"
    assert called("pack", "--org", "RC9", "--org", "RJ1") == (0, f"2 board packs in {packs}.\n", "")
    assert files(packs) == {"RC9.pdf", "RJ1.pdf"}


def test_pack_of_one_that_was_not_run_is_refused(called, filled):
    assert called("run", "--org", "RC9")[0] == 0
    code, out, err = called("pack", "--org", "RJ1")
    assert (code, out) == (2, "")
    assert err.startswith("Error --org RJ1: no run on the present data; ")
    assert not (filled / "_build" / "packs").exists()


def test_publish_does_nothing_when_our_own_renderer_calls_it(typed, called, filled, monkeypatch):
    before = files(filled)
    assert typed("publish", OPENMEASURES_RENDERING="1") == (0, "", "")
    monkeypatch.setenv("OPENMEASURES_RENDERING", "1")
    assert called("publish") == (0, "", "")
    assert files(filled) == before


def test_publish_brings_the_pages_beside_the_configuration_up_to_date(called, filled):
    code, out, err = called("publish")
    assert (code, "1 of 3 runs failed." in err) == (0, True)  # Quarto would stop at any other exit code
    assert "four_hours: 3 runs" in out
    assert {"index.qmd", "organisations/RJ1/four_hours.qmd", "measures/four_hours/index.qmd"} <= files(filled)
    assert not (filled / "_site").exists()


# ---- the site, and others who want its folder


def is_free(build):
    """Whether another command could have the folder now."""
    try:
        with FileLock(build / turn.LOCK, timeout=0):
            return True
    except Timeout:
        return False


@pytest.fixture
def seen(filled, monkeypatch):
    """Whether the folder was free, by the step of a site at which that was looked at."""
    found = {}

    def look(module, name):
        real = getattr(module, name)

        def looking(*given, **options):
            found[name] = is_free(filled / "_build")
            return real(*given, **options)

        monkeypatch.setattr(module, name, looking)

    for module, name in ((pages, "publish"), (render, "render"), (belonging, "check_page"), (board_pack, "make")):
        look(module, name)
    return found


def test_a_site_has_its_folder_to_itself_until_it_is_checked(called, filled, seen):
    assert called("site", "--renderer", "smalldocs", "--org", "RC9")[0] == 0
    assert seen == {"publish": False, "render": False, "check_page": False}
    assert is_free(filled / "_build")


def test_publishing_and_packs_have_the_folder_to_themselves(called, filled, seen):
    assert called("publish")[0] == 0
    assert called("pack", "--org", "RC9")[0] == 0
    assert seen == {"publish": False, "make": False}
    assert is_free(filled / "_build")


@pytest.mark.parametrize("arguments", [["site", "--renderer", "smalldocs"], ["pack"]])
def test_who_wants_the_folder_of_another_says_so_and_waits(filled, called, arguments):
    assert called("run", "--org", "RC9")[0] == 0
    with FileLock(filled / "_build" / turn.LOCK):
        (filled / "_build" / turn.HOLDER).write_text("process 7, since 12:00", encoding="utf-8")
        waiting = subprocess.Popen([COMMAND, *arguments, "--org", "RC9"], stderr=subprocess.PIPE, encoding="utf-8")
        said = "Another build (process 7, since 12:00) is at work in this folder; waiting for it.\n"
        assert waiting.stderr.readline() == said
        assert waiting.poll() is None
    assert waiting.communicate(timeout=60)[1] == ""
    assert waiting.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Quarto is a script with a #! line")
def test_what_quarto_calls_before_it_renders_does_not_wait_for_us(filled, typed, tmp_path):
    """`_quarto.yml` has it call `openmeasures publish`, while the site that called Quarto has the folder."""
    quarto = tmp_path / "bin" / "quarto"
    quarto.parent.mkdir()
    quarto.write_text(
        f"#!{sys.executable}\n"
        "import subprocess, sys\n"
        "subprocess.run(['openmeasures', 'publish'], check=True, timeout=60)\n"
        "subprocess.run([sys.executable, '-m', 'openmeasures.publishing.smalldocs_site', '.', '_site'], check=True)\n",
        encoding="utf-8",
    )
    quarto.chmod(0o755)
    path = f"{quarto.parent}{os.pathsep}{os.environ['PATH']}"
    code, out, err = typed("site", "--renderer", "quarto", "--org", "RC9", PATH=path)
    assert (code, err) == (0, "")
    assert "Site rendered by Quarto" in out


@pytest.mark.parametrize(("module", "name"), [(pages, "publish"), (render, "render")])
def test_a_disk_that_is_full_is_one_clear_error_whenever_it_is(called, filled, monkeypatch, module, name):
    def full(*_given, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "index.qmd")

    monkeypatch.setattr(module, name, full)
    code, _, err = called("site", "--renderer", "smalldocs", "--org", "RC9")
    assert (code, err) == (
        2,
        "Error index.qmd: cannot be written (No space left on device). Make room or get the right to write there, or "
        "name another folder with --out. What is done already is kept.\n",
    )


# ---- refresh


def test_refresh_saves_the_outputs_of_the_sample(called, small_project, sample_folder, notebook_of):
    path = small_project / "analyses" / "four_hours" / "notebook.ipynb"
    nbformat.write(notebook_of("1 + 1"), path)
    assert called("refresh", "--data", sample_folder) == (0, "four_hours: changed\n", "")
    assert called("refresh", "four_hours", "--data", sample_folder) == (0, "four_hours: unchanged\n", "")


@pytest.mark.parametrize("rows", [[], [("RC9", 1000, 400)]], ids=["empty", "published"])
def test_refresh_on_anything_but_the_sample_is_refused(called, small_project, store, keep, rows):
    if rows:
        keep(*rows)
    before = files(small_project)
    code, out, err = called("refresh")
    assert (code, out) == (2, "")
    assert err == f"Error {store.folder}: does not hold the sample. Name a folder that does.\n"
    assert files(small_project) == before


def test_runs_as_of_a_day_go_up_to_what_was_known_then(called, small_project, keep):
    keep(("RC9", 1000, 400))
    keep(("RC9", 1000, 300), month="APRIL-2024", name="April-2024.csv")
    before = os.environ.get("OPENMEASURES_AS_OF")
    code, _, errors = called("run", "--org", "RC9", "--as-of", "2024-04-30")
    assert (code, os.environ.get("OPENMEASURES_AS_OF")) == (0, before), errors
    [entry] = manifest.read(manifest.path(small_project / "_build"))
    assert entry.period_to == "2024-03"


# ---- embargo, and preview


@pytest.fixture
def held(called, small_project, keep, tmp_path, ae_csv):
    """Put March 2024 in, and April, with figures and an organisation that nothing else has, under an embargo."""
    keep(("RC9", 1000, 400))
    april = tmp_path / "April-2024-held.csv"
    april.write_text(ae_csv(("RC9", 7654321, 1234567), ("QQ9ZZ", 50, 5), month="APRIL-2024"), encoding="utf-8")
    code, out, _ = called("ingest", april, "--embargo", "2999-12-10T09:30")
    assert (code, out) == (0, "1 added\n")
    return small_project


def traces(folder, store):
    """Return what below a folder names the release under embargo, one of its figures or its organisation."""
    [release] = store.not_out(datetime.now(UTC))
    words = (release.sha256, release.file_name, "7654321", "7,654,321", "6419754", "6,419,754", "QQ9ZZ")
    found = set()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = (
            pl.read_parquet(path).write_csv() if path.suffix == ".parquet" else path.read_bytes().decode("latin-1")
        )
        found |= {(path.relative_to(folder).as_posix(), word) for word in words if word in f"{path} {content}"}
    return found


def test_nothing_of_a_release_that_is_held_back_is_in_any_file_and_a_preview_says_what_it_is(called, held, store):
    code, out, err = called("site", "--renderer", "smalldocs")
    assert code == 0, err
    assert "Held back until 10 December 2999, 09:30: April-2024-held.csv (ae_monthly)\n" in err
    assert "7654321" not in out + err
    made = [held / name for name in ("_site", "_build", "results", "measures", "organisations")]
    assert [folder for folder in made if not any(folder.iterdir())] == []
    assert traces(held, store) == set()
    assert (held / "_site" / "feed.xml").is_file()
    before = files(held)

    code, out, err = called("site", "--renderer", "smalldocs", "--preview")
    assert (code, "Held back" in err) == (0, False), err
    assert str(Path("_preview") / "_site" / "index.html") in out
    assert {name.split("/")[0] for name in files(held) - before} == {"_preview"}
    preview = held / "_preview" / "_site"
    [release] = store.not_out(datetime.now(UTC))
    assert {release.sha256, "7654321", "6419754", "7,654,321", "QQ9ZZ"} <= {word for _, word in traces(preview, store)}
    pages = list(preview.rglob("*.html"))
    assert len(pages) > 20
    said = "Preview. Do not share.</strong> Some of these figures are not published before 10 December 2999, 09:30."
    assert [page for page in pages if said not in page.read_text(encoding="utf-8")] == []
    assert [page for page in pages if 'name="robots" content="noindex"' not in page.read_text(encoding="utf-8")] == []
    assert "Note" not in err  # of a link that leads nowhere
    described = json.loads((preview / "results" / "datapackage.json").read_text(encoding="utf-8"))
    assert described["title"].endswith("(preview, not to be shared before 10 December 2999, 09:30)")
    assert [
        page for page in (held / "_site").rglob("*.html") if "Do not share" in page.read_text(encoding="utf-8")
    ] == []


def test_a_preview_and_a_build_in_one_folder_do_not_mix(called, held, store, tmp_path):
    """The preview's run is the last good one when the next build fails; its page may not show it."""
    shared = tmp_path / "shared"
    assert called("run", "--org", "RC9", "--org", "ENG", "--preview", "--out", shared)[0] == 0
    notebook = held / "analyses" / "four_hours" / "notebook.ipynb"
    broken = notebook.read_text(encoding="utf-8").replace('org_code == \\"RJ1\\"', 'org_code == \\"RC9\\"')
    notebook.write_text(broken, encoding="utf-8")
    code, _, err = called("site", "--renderer", "smalldocs", "--org", "RC9", "--org", "ENG", "--out", shared)
    assert (code, "1 of 2 runs failed" in err) == (1, True)
    assert traces(shared / "_site", store) == set()
    assert "There are no figures on this page" in (shared / "_site/organisations/RC9/four_hours.html").read_text(
        "utf-8"
    )


def test_a_plan_does_not_know_what_is_held_back(called, held):
    code, out, err = called("run", "--dry-run")
    assert (code, out) == (0, "four_hours: 2 runs to do, never run here: ENG, RC9\n")
    assert err == "Held back until 10 December 2999, 09:30: April-2024-held.csv (ae_monthly)\n"
    code, out, err = called("run", "--dry-run", "--preview")
    assert (code, out, err) == (0, "four_hours: 3 runs to do, never run here: ENG, QQ9ZZ, RC9\n", "")


def test_a_list_does_not_know_what_is_held_back(called, held):
    assert "QQ9ZZ" not in called("list", "--organisations")[1]


def test_the_sample_is_not_put_beside_what_is_held_back(called, small_project, store, tmp_path, ae_csv):
    path = tmp_path / "April-2024.csv"
    path.write_text(ae_csv(("RC9", 1000, 400), month="APRIL-2024"), encoding="utf-8")
    assert called("ingest", path, "--embargo", "2999-12-10")[0] == 0
    assert called("sample", "--if-empty") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("run", "--preview", "--scheduler", "tcp://nowhere:8786"),
            "--preview with --scheduler: figures under embargo would lie on other machines.",
        ),
        (("site", "--preview", "--out", "."), "the site itself is built there. Name another folder for the preview."),
        (("ingest", "x.csv", "--embargo", "soon"), "embargo 'soon': not a time. Write it as 2026-12-10T09:30"),
    ],
)
def test_what_would_let_a_release_out_is_refused(called, held, arguments, said):
    code, _, err = called(*arguments)
    assert (code, said in err) == (2, True), err
    assert not (held / "_preview").exists()


def test_a_preview_of_nothing_is_refused(called, filled):
    code, _, err = called("site", "--preview")
    assert (code, err.endswith(" is out. Leave it out.\n")) == (2, True)


def test_a_build_leaves_no_moment_behind(called, filled, monkeypatch):
    monkeypatch.delenv(project.PUBLIC_AT, raising=False)
    assert called("run", "--org", "RC9")[0] == 0
    assert project.PUBLIC_AT not in os.environ
