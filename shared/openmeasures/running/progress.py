"""Who watches a build: a terminal, a log, or another program.

| observer | shows |
|---|---|
| `Terminal` | a live line: runs done, done before, failed, their rate, and the time left |
| `Lines` | a plain line now and then, for logs |
| `Events` | one JSON object a line, for programs |

All of them say at once which run failed, why, and where its notebook is.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from openmeasures import words
from openmeasures.running.cache import Step
from openmeasures.running.manifest import Entry

SECONDS_BETWEEN_LINES = 30  # so that a short build stays quiet in a log
MOST_NAMED = 6  # organisations in one line of a plan


class Lines:
    """Plain lines: results to `out`, everything else to `err`."""

    def __init__(self, out: Console, err: Console) -> None:
        self.out, self.err = out, err
        self.total = self.cached = self.done = self.failed = 0
        self._started = self._last = time.monotonic()

    def close(self) -> None:
        """Leave the terminal as it was; here, nothing."""

    def waiting(self, holder: str) -> None:
        """Say which build is waited for."""
        self.err.print(f"Another build ({escape(holder)}) is at work in this folder; waiting for it.")

    def left_out(self, note: str) -> None:
        """Say what has nothing to run."""
        self.err.print(f"[yellow]Note[/] left out, {escape(note)}")

    def planned(self, steps: Sequence[Step]) -> None:
        """Take the totals."""
        self.total = sum(bool(step.reason) for step in steps)
        self.cached = len(steps) - self.total
        self._started = self._last = time.monotonic()

    def ended(self, entry: Entry, notebook: Path | None) -> None:
        """Count a run; where it failed name it, and the notebook that has the whole error."""
        self.done += 1
        if entry.error:
            self.failed += 1
            self.err.print(f"[red]Failed[/] {entry.measure_id}, {escape(entry.org_code)}: {escape(entry.error)}")
            if notebook:
                self.err.print(f"       its notebook, as it failed: {escape(str(notebook))}")
        self.advanced()

    def advanced(self) -> None:
        """Show where the build is, unless that was shown a moment ago."""
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self.err.print(f"{self.done} of {words.plural(self.total, 'run')}, {self.standing}")

    @property
    def standing(self) -> str:
        """What is said beside the number of runs: done before, failed, rate and time left."""
        taken = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / taken
        said = [f"{self.cached} done before", f"{self.failed} failed"]
        if self.done:
            said += [f"{rate:.1f} a second", f"about {_minutes((self.total - self.done) / rate)} left"]
        return ", ".join(said)

    def collected(self, measure_id: str, runs: int, path: Path) -> None:
        """Say where the results are."""
        self.out.print(f"{measure_id}: {words.plural(runs, 'run')}; results in {escape(str(path))}")

    def finished(self) -> None:
        """Say how many failed, if any."""
        if self.failed:
            self.err.print(f"{self.failed} of {words.plural(self.total, 'run')} failed.")

    def listed(self, steps: Sequence[Step]) -> None:
        """Print a plan: of each measure, how many runs for which reason, and whose."""
        by_measure: dict[str, dict[str, list[str]]] = {}
        for task, reason in steps:
            by_measure.setdefault(task.measure_id, {}).setdefault(reason, []).append(task.org_code)
        for measure_id, reasons in by_measure.items():
            for reason, codes in reasons.items():
                rest = f" and {len(codes) - MOST_NAMED} more" if len(codes) > MOST_NAMED else ""
                named = f"{', '.join(codes[:MOST_NAMED])}{rest}"
                what = f"to do, {reason}" if reason else "done already"
                self.out.print(f"{measure_id}: {words.plural(len(codes), 'run')} {escape(what)}: {escape(named)}")


class Terminal(Lines):
    """A live line in place of plain ones."""

    def __init__(self, out: Console, err: Console) -> None:
        super().__init__(out, err)
        columns = (TextColumn("Running"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, console=err, transient=True)
        self._bar = self._progress.add_task("", total=None)
        self._progress.start()

    def close(self) -> None:
        """Take the live line away."""
        self._progress.stop()

    def planned(self, steps: Sequence[Step]) -> None:
        """Take the totals."""
        super().planned(steps)
        self._progress.update(self._bar, total=self.total, description=self.standing)

    def advanced(self) -> None:
        """Show where the build is, each time."""
        self._progress.update(self._bar, completed=self.done, description=self.standing)

    def collected(self, measure_id: str, runs: int, path: Path) -> None:
        """Say where the results are; the live line makes way, which it does by itself for its own console alone."""
        self._progress.stop()
        super().collected(measure_id, runs, path)
        self._progress.start()


class Events:
    """One JSON object a line on `out`; nothing else is printed."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self.failed = 0

    def close(self) -> None:
        """Leave the terminal as it was; here, nothing."""

    def _event(self, name: str, **values: object) -> None:
        self.out.print(json.dumps({"event": name, **values}), markup=False, highlight=False)

    def waiting(self, holder: str) -> None:
        """Tell `waiting`: for the build of `holder`."""
        self._event("waiting", holder=holder)

    def left_out(self, note: str) -> None:
        """Tell `left_out`: what has nothing to run, and why."""
        self._event("left_out", note=note)

    def planned(self, steps: Sequence[Step]) -> None:
        """Tell `planned`: how many runs there are to do, and how many are done already."""
        todo = sum(bool(step.reason) for step in steps)
        self._event("planned", to_run=todo, done_already=len(steps) - todo)

    def ended(self, entry: Entry, notebook: Path | None) -> None:
        """Tell `run`: the line of the manifest, and where its notebook is, empty where it left none."""
        self.failed += entry.status == "failed"
        self._event("run", **entry.model_dump(mode="json"), notebook=str(notebook or ""))

    def collected(self, measure_id: str, runs: int, path: Path) -> None:
        """Tell `collected`: where a measure's results are."""
        self._event("collected", measure_id=measure_id, runs=runs, path=str(path))

    def finished(self) -> None:
        """Tell `finished`: how many runs failed."""
        self._event("finished", failed=self.failed)

    def listed(self, steps: Sequence[Step]) -> None:
        """Tell `step`: a run of the plan and the reason for it, empty where it is done already."""
        for task, reason in steps:
            self._event("step", measure_id=task.measure_id, org_code=task.org_code, reason=reason)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - a minute and a half
