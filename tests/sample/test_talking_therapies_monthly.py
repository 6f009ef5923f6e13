import hashlib

import polars as pl
import pytest

from openmeasures.ingest import Kept, ingest
from openmeasures.sample import talking_therapies_activity as happened
from openmeasures.sample import talking_therapies_monthly
from openmeasures.sample.talking_therapies_activity import Figures
from openmeasures.store import Store


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    [path] = talking_therapies_monthly.write(tmp_path_factory.mktemp("sample"))
    return path


@pytest.fixture(scope="module")
def rows(path, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    [outcome] = ingest([path], store)
    assert (outcome.kept, store.synthetic) == (Kept.ADDED, True)
    assert store.releases()[0].checks == []
    return store.observations("talking_therapies_monthly")


def test_two_runs_write_the_same_bytes(path, tmp_path):
    [again] = talking_therapies_monthly.write(tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_every_month_has_england_and_every_service(rows):
    found = rows.filter(metric="finished_courses")
    assert set(found["org_code"]) == {"ENG", *happened.SERVICES}
    assert found.height == 48 * (1 + len(happened.SERVICES))


def test_below_england_counts_are_multiples_of_five_and_nothing_small_is_shown(rows):
    counts = rows.filter(pl.col("metric") == "finished_courses", pl.col("org_code") != "ENG")["value"].drop_nulls()
    assert (counts % 5 == 0).all()
    assert counts.min() >= 5
    assert not (rows.filter(metric="finished_courses", org_code="ENG")["value"] % 5 == 0).all()


def test_england_is_the_exact_sum_of_those_who_were_there(rows):
    [month] = {period for period in rows["period_start"].unique() if period == happened.NOTHING_MONTHS[0]}
    there = [happened.activity(code)[month] for code in happened.SERVICES if code != happened.NOTHING]
    own = dict(rows.filter(org_code="ENG", period_start=month).select("metric", "value").iter_rows())
    assert own["finished_courses"] == sum(each.finished for each in there)
    improved = 100 * sum(each.improved for each in there) / sum(each.finished for each in there)
    assert own["reliable_improvement_percent"] == round(improved, 1)


def test_the_small_service_is_suppressed_in_some_months_and_the_absent_one_is_not_there(rows):
    improvement = rows.filter(metric="reliable_improvement_percent")
    few = improvement.filter(org_code=happened.FEW)["status"].value_counts()
    assert dict(few.iter_rows())["suppressed"] >= 10
    assert dict(few.iter_rows())["reported"] >= 10
    nothing = improvement.filter(org_code=happened.NOTHING, status="not_applicable")["period_start"]
    assert (nothing.min(), nothing.max(), len(nothing)) == (*happened.NOTHING_MONTHS, 3)


def test_the_learning_service_gets_better(rows):
    own = rows.filter(org_code=happened.LEARNING, metric="reliable_improvement_percent")
    is_after = pl.col("period_start") >= happened.LEARNING_FROM
    before, after = (own.filter(which)["value"].mean() for which in (~is_after, is_after))
    assert 4 < after - before < 8  # planted: 6


@pytest.mark.parametrize(
    ("finished", "improved", "cells"),
    [
        (4, 4, ("*", "*")),  # too few who finished
        (5, 4, (5, "*")),  # too few who improved
        (7, 5, (5, 71)),
        (8, 5, (10, 62)),  # 62.5: to the even number, as Python rounds
        (13, 13, (15, 100)),
    ],
)
def test_what_is_small_is_suppressed_and_the_rest_is_rounded(finished, improved, cells):
    figures = Figures(100, 100, 100, finished, 0, 0, finished, 0, improved, 0)
    shown = talking_therapies_monthly.disclosed(figures)
    assert (shown[3], shown[7]) == cells
