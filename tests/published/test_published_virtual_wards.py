"""The real virtual ward workbooks: every row, the capped texts, and the month in which two systems sent nothing."""

from datetime import date

import polars as pl
import pytest

from openmeasures import counts, definitions, parameters
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.reviewing.reconcile import reconcile
from openmeasures.store import Store

MONTHS = months(date(2024, 8, 1), date(2025, 4, 1))
FEBRUARY, APRIL = date(2025, 2, 1), date(2025, 4, 1)
# Read off the workbooks: how many systems have the text `100%*`.
CAPPED = dict(zip(MONTHS, (3, 2, 2, 3, 4, 2, 1, 3, 1), strict=True))


@pytest.fixture(scope="module")
def store(published, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("wards"))
    outcomes = list(ingest([published / "virtual-wards"], store, retrieved=date(2026, 1, 1)))
    assert [outcome.kept for outcome in outcomes] == [Kept.ADDED] * 9
    return store


@pytest.fixture(scope="module")
def measure():
    return definitions.find("virtual_ward_occupancy")


@pytest.fixture(scope="module")
def points(store, measure):
    run = parameters.check(measure, org_code="ENG", period_to="", data=str(store.folder))
    systems = counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)
    value = 100 * pl.col("numerator") / pl.col("denominator")
    return pl.concat([systems, counts.roll_up(systems)]).with_columns(value=value)


def test_every_published_percentage_and_rate_is_ours(store, measure):
    found = reconcile(measure, store)
    verdicts = {
        (title, verdict): number
        for title, verdict, number in found.group_by("published_in", "verdict").len().iter_rows()
    }
    england, each, per_people, each_per_people = (entry.title for entry in measure.published)
    assert verdicts == {
        (england, "agrees"): 8,
        (england, "explained"): 1,
        (each, "agrees"): 9 * 42 - 21 - 2,
        (each, "unpublished"): 21,
        (per_people, "agrees"): 9,
        (each_per_people, "agrees"): 9 * 42,
    }
    assert sum(CAPPED.values()) == 21


def test_a_percentage_above_100_is_worked_out_where_the_workbook_has_a_text(points):
    above = points.filter(pl.col("value") > 100, pl.col("org_code") != "ENG").group_by("period_start").len()
    assert dict(above.iter_rows()) == CAPPED
    gloucestershire = points.filter(org_code="QR1", period_start=APRIL)["value"].item()
    assert gloucestershire == pytest.approx(100 * 187 / 181)


def test_systems_that_sent_no_patients_leave_both_parts_of_england(points):
    absent = points.filter(period_start=FEBRUARY, status="not_submitted")["org_code"].sort().to_list()
    assert absent == ["QHL", "QT6"]
    england = points.filter(org_code="ENG", period_start=FEBRUARY).row(0, named=True)
    assert (england["numerator"], england["denominator"]) == (9340, 12724 - 170 - 212)
    assert england["value"] == pytest.approx(75.68, abs=0.005)  # published: 73.4


def test_england_is_the_sum_of_systems_and_providers_are_the_same_once_more(store, points):
    england = points.filter(org_code="ENG", period_start=APRIL).row(0, named=True)
    assert (england["numerator"], england["denominator"]) == (9182, 12724)
    of_providers = store.observations(
        "virtual_wards", metrics=["virtual_ward_capacity_of_providers", "virtual_ward_patients_of_providers"]
    )
    assert of_providers["period_start"].unique().to_list() == [APRIL]
    sums = of_providers.filter(pl.col("org_code") != "ENG").group_by("metric").agg(pl.col("value").sum())
    assert dict(sums.iter_rows()) == {
        "virtual_ward_capacity_of_providers": 12724,
        "virtual_ward_patients_of_providers": 9182,
    }
    assert points.filter(pl.col("org_code") != "ENG")["org_code"].n_unique() == 42


def test_each_month_is_dated_by_its_workbook(store):
    published = {release.period_start: release.published for release in store.releases("virtual_wards")}
    assert list(published) == MONTHS
    assert published[APRIL] == date(2025, 5, 15)
