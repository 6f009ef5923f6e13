"""The page of the build: how far the data go, which runs were done, which failed, why and since when.

Nothing in it depends on the moment of publishing, so that pages are the same until a run, the data or the code change.

| function | does |
|---|---|
| `write` | writes the page |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from openmeasures import words
from openmeasures.definitions import Measure
from openmeasures.organisations import ENGLAND
from openmeasures.periods import day_label
from openmeasures.publishing.origins import Origins
from openmeasures.publishing.places import Places
from openmeasures.publishing.runs import Run
from openmeasures.publishing.writer import Pages
from openmeasures.reviewing.reconcile import Verdict


@dataclass(frozen=True)
class Line:
    """One measure: how far its runs go, how many were done and failed, when the last ended, and how it reconciles."""

    measure: Measure
    up_to: str
    done: int
    failed: int
    ended: str
    reconciled: str


@dataclass(frozen=True)
class Failed:
    """One run that failed: its page, whose it is, why and since when, and whether older figures are shown for it."""

    measure: Measure
    address: str
    org_code: str
    error: str
    since: str
    has_last_good: bool


def write(
    pages: Pages, runs: Sequence[Run], reconciled: Mapping[str, pl.DataFrame], places: Places, origins: Origins
) -> None:
    """Write the page; `reconciled` is that of `reconcile`, by measure."""
    measures = {run.measure.id: run.measure for run in sorted(runs, key=lambda run: run.measure.title)}
    lines = [_line(measure, runs, reconciled[id_]) for id_, measure in measures.items()]
    failures = [_failed(run, places) for run in sorted(runs, key=lambda run: (run.measure.title, run.org_code))]
    ends = [run.ended for run in runs]
    pages.render(
        "status.qmd", "status.qmd.jinja", up="", lines=lines, failures=[each for each in failures if each],
        first=_moment(min(ends)), last=_moment(max(ends)), origins=origins,
        done=words.plural(sum(line.done for line in lines), "run"), failed=sum(line.failed for line in lines),
    )  # fmt: skip


def _line(measure: Measure, runs: Sequence[Run], reconciled: pl.DataFrame) -> Line:
    mine = [run for run in runs if run.measure.id == measure.id]
    failed = sum(run.failure is not None for run in mine)
    return Line(
        measure,
        measure.period.label(max(run.period_to for run in mine)),
        len(mine) - failed,
        failed,
        _moment(max(run.ended for run in mine)),
        _verdicts(reconciled),
    )


def _verdicts(reconciled: pl.DataFrame) -> str:
    """Say how many published figures ours agree with, and how many differ."""
    counted = dict(reconciled["verdict"].cast(pl.String).value_counts().iter_rows())
    agree, explained, unexplained = (
        counted.get(verdict.value, 0) for verdict in (Verdict.AGREES, Verdict.EXPLAINED, Verdict.UNEXPLAINED)
    )
    if not agree + explained + unexplained:
        return "nothing to compare with"
    said = [words.doing(agree, "agree"), f"{words.doing(explained, 'differ')} for a known reason" if explained else ""]
    return ", ".join(filter(None, [*said, f"**{unexplained:,} unexplained**" if unexplained else ""]))


def _failed(run: Run, places: Places) -> Failed | None:
    if run.failure is None:
        return None
    of_england = f"measures/{run.measure.id}/index.qmd"
    address = of_england if run.org_code == ENGLAND else f"{places.folder(run.org_code)}/{run.measure.id}.qmd"
    return Failed(
        run.measure, address, run.org_code, run.failure.error, day_label(run.failure.since), bool(run.last_good)
    )


def _moment(ended: datetime) -> str:
    """Return a moment to the minute, in the time that every reader can convert."""
    at = ended.astimezone(UTC)
    return f"{day_label(at)}, {at:%H:%M} UTC"
