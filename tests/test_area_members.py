"""Systems whose organisations the publication names: providers that no register has, and boards as employers."""

from datetime import date

import polars as pl
import pytest

from openmeasures import counts, definitions, parameters, peer_groups, quality, words
from openmeasures.errors import ParameterError
from openmeasures.ingest import ingest
from openmeasures.publishing import places
from openmeasures.running import belonging, plan

HEADINGS = (
    "DATE,NHSE_REGION_CODE,NHSE_REGION_NAME,ICS_CODE,ICS_NAME,ORG_CODE,ORG_NAME,ORG_TYPE,FTE_DAYS_LOST,"
    "FTE_DAYS_AVAILABLE,SICKNESS_ABSENCE_RATE_PERCENT"
)
# A board and those that it has: a trust, one that has no row in December, and a company that no register has; a board
# that is part of another since, with a company; one that was split; a trust elsewhere; and a body of the whole country.
NOVEMBER = (("QUY", "RVN", 40, 1000),)
DECEMBER = (
    ("QUY", "QUY", 5, 200), ("QUY", "RA7", 50, 1000), ("QUY", "NLX", 20, 400),
    ("QHG", "QHG", 1, 100), ("QHG", "NRR", 2, 50),
    ("QJG", "QJG", 3, 100), ("QWO", "RR8", 60, 1000), ("QZZ", "X24", 4, 500),
)  # fmt: skip


def _csv(day, rows):
    lines = [
        f"{day},Y0,Nowhere,{system},{system},{code},{code} Staff,Acute,{lost},{days},{100 * lost / days:.2f}"
        for system, code, lost, days in rows
    ]
    return "\n".join((HEADINGS, *lines, ""))


@pytest.fixture
def filled(store, tmp_path):
    for day, rows in (("30/11/2024", NOVEMBER), ("31/12/2024", DECEMBER)):
        path = tmp_path / f"sickness-{day[3:5]}.csv"
        path.write_text(_csv(day, rows))
        assert [outcome.kept for outcome in ingest([path], store, retrieved=date(2025, 5, 1))] == ["added"]
    return store


@pytest.fixture
def measure():
    return definitions.find("sickness_absence")


@pytest.fixture
def run_of(filled, measure):
    return lambda code: parameters.check(measure, org_code=code, period_to="", data=str(filled.folder))


def _counted(run):
    measure = run.measure
    found = counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)
    latest = found.filter(period_start=run.period_to).sort("org_code")
    return {code: (above, below) for code, above, below in latest.select("org_code", "numerator", "denominator").rows()}


def test_a_board_that_is_an_employer_is_one_of_the_organisations_of_its_system(run_of):
    run = run_of("QUY")
    assert (run.level, run.counted) == ("system", ["NLX", "QUY", "RA7", "RVN"])
    assert run.org_name == "NHS Bristol, North Somerset and South Gloucestershire Integrated Care Board"
    assert _counted(run) == {"QUY": (75, 1600), "S1Y5D": (3, 150), "QWO": (60, 1000)}


def test_only_those_with_a_row_in_the_latest_period_are_in_these_figures(run_of):
    assert run_of("QUY").kind == "system of 3 organisations in these figures, added up"


def test_the_peers_of_a_system_are_systems(run_of):
    run = run_of("QUY")
    group = peer_groups.alike(run, run.observations())
    assert (group.org_codes, group.label) == (["QUY", "QWO", "S1Y5D"], "systems")


def test_a_board_that_is_part_of_another_since_has_no_figure_of_its_own(run_of):
    with pytest.raises(ParameterError, match="organisation 'QHG': not among"):
        run_of("QHG")


def test_a_region_has_its_boards_staff_and_systems_their_regions(run_of):
    """The publication calls the region Nowhere; of the split board the register knows where it was."""
    assert _counted(run_of("Y58")) == {"Y58": (75, 1600), "Y61": (6, 250), "Y63": (60, 1000)}


def test_boards_are_planned_as_systems_alone(filled, measure):
    planned, notes = plan.plan([measure], data=filled.folder)
    assert [task.org_code for task in planned[measure.id].tasks] == [
        "ENG", "NLX", "NRR", "RA7", "RR8", "RVN", "X24", "QUY", "QWO", "S1Y5D",
    ]  # fmt: skip
    assert notes == []
    with pytest.raises(ParameterError, match="organisation 'QHG': not among"):
        plan.plan([measure], data=filled.folder, org_codes=["QHG"])


def test_a_systems_result_is_compared_with_the_sum_and_not_with_its_boards_staff(filled, measure):
    point = {"series": "all", "org_code": "QUY", "period_start": "2024-12-01", "numerator": 75, "denominator": 1600}
    content = {"org_code": "QUY", "measure": measure.id, "points": [point]}
    belonging.check_results(measure, filled.folder, {"QUY": content})
    wrong = {"QUY": content | {"points": [point | {"numerator": 5, "denominator": 200}]}}
    with pytest.raises(belonging.StoreError, match="QUY, December 2024: its notebook counts 5 of 200"):
        belonging.check_results(measure, filled.folder, wrong)


def test_a_board_is_no_member_of_a_system_on_pages(filled):
    everyone = ("ENG", "QUY", "QHG", "RA7", "NLX", "NRR")
    found = places.find(filled, ["staff_sickness"], with_pages=everyone)
    members = {place.code: place.members for place in found.at("system")}
    assert members == {"QUY": ["NLX", "RA7"], "S1Y5D": ["NRR"], "QHG": []}
    assert [place.code for place in found.of("NLX")] == ["QUY", "Y58"]
    assert [place.code for place in found.of("QHG")] == ["Y61"]


def test_whoever_is_in_no_system_is_told_beside_a_systems_figure(run_of):
    """The board that was split and the body of the whole country; of a region only the latter is left out."""
    run = run_of("QUY")
    assert quality.outside(run, run.observations()) == 2
    region = run_of("Y58")
    assert quality.outside(region, region.observations()) == 1
    whole = run_of("ENG")
    assert quality.outside(whole, whole.observations()) == 0


def test_the_words_of_quality_are_about_systems(run_of):
    run = run_of("QUY")
    providers = counts.count(run.observations(), numerator=run.measure.numerator, denominator=run.measure.denominator)
    revised = pl.DataFrame({"change": []}, schema={"change": pl.Float64})
    said = words.quality(quality.assess(run, run.observations(), providers, revised))
    assert (
        "2 organisations with figures in the latest month are in no system here, since neither the publication nor the "
        "register says in which: independent providers, for example, or national bodies."
    ) in said
