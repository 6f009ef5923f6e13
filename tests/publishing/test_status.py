"""The page of the build, from runs made up by hand."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from openmeasures.publishing import origins, status
from openmeasures.publishing.places import Place, Places
from openmeasures.publishing.runs import Failure, Run
from openmeasures.publishing.writer import Pages
from openmeasures.register import Level

NOON = datetime(2024, 5, 9, 12, 0, tzinfo=UTC)


@pytest.fixture
def run(measure):
    def make(org_code="RC9", *, title="Four hours", ended=NOON, error="", last_good=None, month=3):
        of_it = measure.model_copy(update={"id": title.lower().replace(" ", "_"), "title": title})
        failure = Failure(error, datetime(2024, 5, 1, tzinfo=UTC)) if error else None
        first = date(2024, month, 1)
        return Run(of_it, org_code, Path(), first, None, ended, first, {}, failure=failure, last_good=last_good)

    return make


@pytest.fixture
def page(tmp_path):
    def written(*runs, verdicts=("agrees",), places=None, has_england=True):
        of_england = [f"measures/{run.measure.id}/index.qmd" for run in runs] if has_england else []
        pages = Pages(tmp_path, written=list(of_england))
        found = pl.DataFrame({"verdict": list(verdicts)}, schema={"verdict": pl.String})
        reconciled = {run.measure.id: found for run in runs}
        status.write(pages, runs, reconciled, places or Places({}), origins.of([], synthetic=False))
        assert pages.written == [*of_england, "status.qmd"]
        return (tmp_path / "status.qmd").read_text(encoding="utf-8")

    return written


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| [")]


def test_each_measure_says_how_many_runs_were_done_and_failed_and_when_the_last_ended(run, page):
    text = page(
        run(), run("ENG", ended=NOON + timedelta(minutes=5)), run("RJ1", error="1 / 0"), run(title="Beds", month=2)
    )
    assert rows(text) == [
        "| [Beds](measures/beds/index.qmd) | February 2024 | 1 | 0 | 9 May 2024, 12:00 UTC | 1 agrees |",
        "| [Four hours](measures/four_hours/index.qmd) | March 2024 | 2 | 1 | 9 May 2024, 12:05 UTC | 1 agrees |",
    ]
    assert "between 9 May 2024, 12:00 UTC and 9 May 2024, 12:05 UTC" in text
    assert "3 runs done, 1 failed." in text


def test_a_measure_without_england_s_page_has_no_link_to_it(run, page):
    assert "| Four hours | March 2024 | 1 | 0 |" in page(run("RJ1"), has_england=False)


def test_times_are_those_of_one_clock(run, page):
    summer = NOON.astimezone(timezone(timedelta(hours=1)))
    assert "9 May 2024, 12:00 UTC" in page(run(ended=summer))


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((), "nothing to compare with"),
        (("unpublished",), "nothing to compare with"),
        (("agrees", "agrees", "explained"), "2 agree, 1 differs for a known reason"),
        (("agrees", "unexplained", "unpublished"), "1 agrees, **1 unexplained**"),
        (("unexplained",), "0 agree, **1 unexplained**"),
    ],
)
def test_how_a_measure_reconciles(run, page, verdicts, said):
    assert rows(page(run(), verdicts=verdicts))[0].endswith(f"| {said} |")


def test_without_failures_there_are_none(run, page):
    assert "## Runs that failed\n\nNone.\n" in page(run())


def test_a_failure_says_why_since_when_and_what_its_page_has(run, page):
    places = Places({"QWO": Place("QWO", "A board", Level.SYSTEM)})
    text = page(
        run("RJ1", error="cell 3: <nowhere>"), run("ENG", error="broken", last_good=run("ENG")), run("QWO", error="x"),
        places=places,
    )  # fmt: skip
    assert "None." not in text
    assert "### Four hours: RJ1" in text
    assert "[Its page](organisations/RJ1/four_hours.qmd) has no figures. It has failed since 1 May 2024:" in text
    assert "cell 3: &lt;nowhere&gt;" in text
    assert "[Its page](measures/four_hours/index.qmd) has its last good figures." in text
    assert "[Its page](systems/QWO/four_hours.qmd)" in text
