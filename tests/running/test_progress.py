"""What each kind of onlooker is shown of a build."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from openmeasures.running import progress
from openmeasures.running.cache import Step
from openmeasures.running.manifest import Entry
from openmeasures.running.plan import Task


def step(org_code, reason="", measure_id="four_hours"):
    return Step(Task(measure_id, Path("n.ipynb"), org_code, "2024-03", Path("data"), "d"), reason)


def entry(org_code, error=""):
    return Entry(
        measure_id="four_hours", org_code=org_code, period_to="2024-03", digest="d", seconds=1.5, error=error,
        status="failed" if error else "done", ended=datetime(2024, 5, 9, tzinfo=UTC), sha256="" if error else "ab",
    )  # fmt: skip


STEPS = [step("ENG"), step("RC9", "new"), step("RJ1", "new"), step("RXX", "new"), step("RYY", "new")]


@pytest.fixture
def consoles():
    return [Console(file=io.StringIO(), soft_wrap=True, width=200) for _ in range(2)]


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def said(console):
    return console.file.getvalue()


# ---- plain lines


def test_a_short_build_shows_nothing_but_its_results(consoles, clock):
    lines = progress.Lines(*consoles)
    lines.planned(STEPS)
    for code in ("RC9", "RJ1", "RXX", "RYY"):
        clock(1)
        lines.ended(entry(code), None)
    lines.collected("four_hours", 5, Path("results.csv"))
    lines.close()
    lines.finished()
    assert [said(console) for console in consoles] == ["four_hours: 5 runs; results in results.csv\n", ""]


def test_a_long_build_says_now_and_then_where_it_is(consoles, clock):
    lines = progress.Lines(*consoles)
    lines.planned(STEPS)
    clock(20)
    lines.ended(entry("RC9"), None)
    clock(20)
    lines.ended(entry("RJ1"), None)  # 40 s after the start: 2 of 4 in 40 s, so the other 2 take 40 s
    clock(5)
    lines.ended(entry("RXX"), None)
    assert said(consoles[1]) == "2 of 4 runs, 1 done before, 0 failed, 0.1 a second, about 40 s left\n"


def test_minutes_are_told_where_there_are_two(consoles, clock):
    lines = progress.Lines(*consoles)
    lines.planned(STEPS)
    clock(40)
    lines.ended(entry("RC9"), None)
    assert said(consoles[1]).endswith("about 2 min left\n")  # 3 × 40 s


def test_a_failure_is_said_at_once_and_counted_at_the_end(consoles, clock):
    lines = progress.Lines(*consoles)
    lines.planned(STEPS)
    clock(1)
    lines.ended(entry("RC9", "cell 3: [brackets]"), None)
    lines.finished()
    assert said(consoles[1]) == "Failed four_hours, RC9: cell 3: [brackets]\n1 of 4 runs failed.\n"


def test_a_failure_names_the_notebook_that_has_the_whole_error(consoles):
    lines = progress.Lines(*consoles)
    lines.planned(STEPS)
    lines.ended(entry("RC9"), Path("notebooks", "RC9.ipynb"))
    lines.ended(entry("RJ1", "broken"), Path("[failed]", "RJ1.ipynb"))
    assert said(consoles[1]).splitlines() == [
        "Failed four_hours, RJ1: broken",
        f"       its notebook, as it failed: {Path('[failed]', 'RJ1.ipynb')}",
    ]


def test_waiting_and_what_is_left_out_are_said(consoles):
    lines = progress.Lines(*consoles)
    lines.waiting("process 7, since 12:00")
    lines.left_out("four_hours: no figure")
    assert said(consoles[1]).splitlines() == [
        "Another build (process 7, since 12:00) is at work in this folder; waiting for it.",
        "Note left out, four_hours: no figure",
    ]


def test_a_plan_is_listed_by_measure_and_reason(consoles):
    many = [step(f"R{number}", "cell a changed", "other") for number in range(8)]
    progress.Lines(*consoles).listed([*STEPS, *many])
    assert said(consoles[0]).splitlines() == [
        "four_hours: 1 run done already: ENG",
        "four_hours: 4 runs to do, new: RC9, RJ1, RXX, RYY",
        "other: 8 runs to do, cell a changed: R0, R1, R2, R3, R4, R5 and 2 more",
    ]


# ---- a terminal


def test_a_terminal_has_a_live_line_that_goes_away():
    out, err = Console(file=io.StringIO()), Console(file=io.StringIO(), force_terminal=True, no_color=True, width=120)
    terminal = progress.Terminal(out, err)
    terminal.planned(STEPS)
    terminal.ended(entry("RC9"), None)
    terminal.ended(entry("RJ1", "broken"), None)
    (bar,) = terminal._progress.tasks
    assert (bar.completed, bar.total) == (2, 4)
    assert bar.description.startswith("1 done before, 1 failed, ")
    terminal.close()
    assert "Failed four_hours, RJ1: broken" in said(err)
    assert "\x1b[2K" in said(err)  # the line is erased


def test_results_are_on_lines_of_their_own_where_both_go_to_one_terminal(lines_on_screen):
    """What stands on the screen in the end, of all that was written to it: no line has the live line in it."""
    screen = io.StringIO()
    out, err = (Console(file=screen, force_terminal=True, no_color=True, width=120) for _ in range(2))
    terminal = progress.Terminal(out, err)
    terminal.planned(STEPS)
    for code in ("RC9", "RJ1", "RXX", "RYY"):
        terminal.ended(entry(code), None)
    for measure_id in ("four_hours", "other"):
        terminal.collected(measure_id, 5, Path("results.csv"))
    terminal.close()
    assert lines_on_screen(screen.getvalue()) == [
        f"{id_}: 5 runs; results in results.csv" for id_ in ("four_hours", "other")
    ]


# ---- programs


def test_a_program_gets_one_object_a_line(consoles):
    events = progress.Events(consoles[0])
    events.waiting("process 7")
    events.left_out("x")
    events.planned(STEPS)
    events.ended(entry("RC9"), None)
    events.ended(entry("RJ1", "broken"), Path("RJ1.ipynb"))
    events.collected("four_hours", 5, Path("results.csv"))
    events.listed(STEPS[:2])
    events.close()
    events.finished()
    told = [json.loads(line) for line in said(consoles[0]).splitlines()]
    assert [each["event"] for each in told] == [
        "waiting", "left_out", "planned", "run", "run", "collected", "step", "step", "finished",
    ]  # fmt: skip
    assert told[2] == {"event": "planned", "to_run": 4, "done_already": 1}
    assert (told[3]["org_code"], told[3]["status"], told[3]["ended"]) == ("RC9", "done", "2024-05-09T00:00:00Z")
    assert (told[3]["notebook"], told[4]["notebook"]) == ("", "RJ1.ipynb")
    assert told[4]["error"] == "broken"
    assert told[6:8] == [
        {"event": "step", "measure_id": "four_hours", "org_code": "ENG", "reason": ""},
        {"event": "step", "measure_id": "four_hours", "org_code": "RC9", "reason": "new"},
    ]
    assert told[8] == {"event": "finished", "failed": 1}
