import hashlib
from datetime import date

import polars as pl
import pytest

from openmeasures.ingest import Kept, ingest
from openmeasures.sample import talking_therapies_activity as happened
from openmeasures.sample import talking_therapies_annual
from openmeasures.store import Store

YEARS = [date(year, 4, 1) for year in range(2020, 2026)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    [path] = talking_therapies_annual.write(tmp_path_factory.mktemp("sample"))
    return path


@pytest.fixture(scope="module")
def changes(path, tmp_path_factory):
    """Courses and mean change of each organisation and year, as read back."""
    store = Store(tmp_path_factory.mktemp("store"))
    [outcome] = ingest([path], store)
    assert (outcome.kept, store.synthetic) == (Kept.ADDED, True)
    assert store.releases()[0].checks == []
    wide = store.observations("talking_therapies_annual").pivot(
        "metric", index=["org_code", "period_start"], values="value"
    )
    change = (pl.col("phq_9_points_at_end") - pl.col("phq_9_points_at_start")) / pl.col("phq_9_courses")
    return wide.select("org_code", "period_start", "phq_9_courses", change=change)


def test_two_runs_write_the_same_bytes(path, tmp_path):
    [again] = talking_therapies_annual.write(tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_every_year_has_england_and_every_service(changes):
    assert changes["period_start"].unique().sort().to_list() == YEARS
    assert set(changes["org_code"]) == {"ENG", *happened.SERVICES}
    assert changes.height == len(YEARS) * (1 + len(happened.SERVICES))


def test_everybody_gets_better_on_average(changes):
    assert changes["change"].max() < -2


def test_numbers_below_england_are_rounded_and_the_smallest_hidden(path, changes):
    table = pl.read_parquet(path).filter(org_type="Provider", measure_name="courses_of_therapy")
    shown = table["value"].drop_nulls()
    assert (shown % 5 == 0).all()
    assert shown.min() >= 5
    few = table.filter(org_code=happened.FEW, variable_a="Total")
    assert 0 < few["value"].null_count() < few.height


def test_the_service_that_learns_gets_better_from_then_on(changes):
    own = changes.filter(org_code=happened.LEARNING)
    is_after = pl.col("period_start") >= date(happened.LEARNING_FROM.year, 4, 1)
    before, after = (own.filter(which)["change"].mean() for which in (~is_after, is_after))
    assert -1.3 < after - before < -0.5  # planted: 0.9 points


def test_england_is_that_of_everybody(changes):
    own = changes.filter(org_code="ENG").sort("period_start")
    found = [talking_therapies_annual.courses(code) for code in happened.SERVICES]
    number = [sum(course.number for each in found for course in each[year.year].values()) for year in YEARS]
    assert own["phq_9_courses"].to_list() == number
