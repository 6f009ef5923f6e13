"""The tables of members, from runs made up by hand; `test_pages.py` has the pages."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openmeasures.publishing import area_pages
from openmeasures.publishing.places import Place, Places
from openmeasures.publishing.runs import Run
from openmeasures.register import Level

NAMES = {"R1": "The Abbey", "R2": "Borough", "Q1": "A board"}
NOWHERE = Places({})


@pytest.fixture
def run(measure):
    def make(org_code, measure_id="four_hours", value=60.0, *, domain="Urgent", month=3, content=True, **of_point):
        of_it = measure.model_copy(update={"id": measure_id, "domain": domain, "title": measure_id.title()})
        point = {"series": "all", "period_start": f"2024-{month:02d}-01", "value": value, "variation": "concern_low"}
        point |= of_point
        whole = {"points": [point], "period_to": "2024-03-01", "suits_limits": True}
        ended = datetime(2024, 5, 9, tzinfo=UTC)
        return Run(of_it, org_code, Path(), date(2024, 3, 1), None, ended, date(2024, 3, 31), whole if content else {})

    return make


def tables(*runs, places=NOWHERE):
    by_org = {}
    for run in runs:
        by_org.setdefault(run.org_code, []).append(run)
    return area_pages.members(by_org, NAMES, places, up="../../")


def test_members_stand_by_name_under_their_domain_and_never_by_value(run):
    [cancer, urgent] = tables(run("R2", value=99.0), run("R1", value=1.0), run("R1", "told", domain="Cancer"))
    assert (cancer.domain, [row.name for row in cancer.rows]) == ("Cancer", ["The Abbey"])
    assert (urgent.domain, [row.code for row in urgent.rows]) == ("Urgent", ["R1", "R2"])


def test_a_figure_has_its_page_its_value_and_its_sign(run):
    [table] = tables(run("R1"))
    [row] = table.rows
    [cell] = row.cells
    assert row.folder == "../../organisations/R1"
    assert cell.address == "../../organisations/R1/four_hours.html"
    assert (cell.value, cell.period, cell.variation.kind) == ("60.0\u00a0%", "", "concern")


def test_a_board_that_a_publication_counts_is_found_where_its_pages_are(run):
    [table] = tables(run("Q1"), places=Places({"Q1": Place("Q1", "A board", Level.SYSTEM)}))
    assert table.rows[0].cells[0].address == "../../systems/Q1/four_hours.html"


def test_who_is_not_in_a_publication_has_no_cell_in_it(run):
    [table] = tables(run("R1"), run("R1", "other"), run("R2"))
    assert [measure.id for measure, _ in table.measures] == ["four_hours", "other"]
    assert [[cell is None for cell in row.cells] for row in table.rows] == [[False, False], [False, True]]


def test_an_older_figure_says_of_when_it_is(run):
    [table] = tables(run("R1", month=2), run("R2"))
    assert [period for _, period in table.measures] == ["March 2024"]
    assert [row.cells[0].period for row in table.rows] == ["February 2024", ""]


def test_a_figure_has_its_band_where_its_measure_has_bands(run):
    [cancer, urgent] = tables(
        run("R1", "told", domain="Cancer"), run("R1", band="higher than expected"), run("R2", band=None)
    )
    assert [row.cells[0].band for row in urgent.rows] == ["Higher than expected", ""]
    assert [row.cells[0].band for row in cancer.rows] == [""]
    assert (cancer.has_bands, urgent.has_bands) == (False, True)


def test_without_a_figure_there_is_no_period(run):
    [table] = tables(run("R1", value=None))
    assert [period for _, period in table.measures] == [""]
    assert (table.rows[0].cells[0].value, table.rows[0].cells[0].period) == ("no figure", "")


def test_runs_that_failed_are_in_no_table(run):
    assert tables(run("R1", content=False)) == []
