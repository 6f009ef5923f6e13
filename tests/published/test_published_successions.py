"""Mergers: their dates are those of ODS's own files, and a restated series is the sum of the published ones."""

import csv
from datetime import date, timedelta

import polars as pl
import pytest

from openmeasures import counts, definitions, register, successions
from openmeasures.ingest import ingest
from openmeasures.parameters import check
from openmeasures.store import Store

JANUARY = date(2025, 1, 1)


def test_a_trust_that_merged_closed_the_day_before():
    closed = dict(register.organisations().select("org_code", "closed").iter_rows())
    wrong = {
        link.predecessor_code: (link.date, closed[link.predecessor_code])
        for link in successions.load()
        if link.is_whole and closed.get(link.predecessor_code, date.min) != link.date - timedelta(days=1)
        and link.predecessor_code not in register.systems()["system_code"]
    }  # fmt: skip
    assert wrong == {}


def test_links_since_2019_are_those_of_the_list_of_successors(published):
    with (published / "ods" / "trust-successors.csv").open(encoding="utf-8") as file:
        listed = {
            (row["old_code"], row["new_code"], date.fromisoformat(row["date"]))
            for row in csv.DictReader(file)
            if row["date"] > "2019-04-01"
        }
    assert listed == {link[:3] for link in successions.load()} & listed
    assert len(listed) >= 10


@pytest.fixture(scope="module")
def store(published, tmp_path_factory):
    names = ("Monthly-AE-December-2024.csv", "Monthly-AE-January-2025.csv")
    found = Store(tmp_path_factory.mktemp("mergers"))
    list(ingest([published / "ae-monthly-csv" / name for name in names], found))
    return found


def test_royal_free_before_january_2025_is_restated_with_north_middlesex(store):
    measure = definitions.find("ae_four_hour")

    def counted(choice):
        changed = measure.model_copy(update={"successions": choice})
        run = check(changed, org_code="RAL", period_to="", data=str(store.folder))
        return counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)

    alone, restated = counted("alone"), counted("restated")

    def figures(frame, code, month):
        row = frame.filter(pl.col("org_code") == code, pl.col("period_start") == month)
        return row.select("numerator", "denominator").row(0)

    december = date(2024, 12, 1)
    both = zip(figures(alone, "RAL", december), figures(alone, "RAP", december), strict=True)
    assert figures(restated, "RAL", december) == tuple(map(sum, both))
    assert figures(restated, "RAL", JANUARY) == figures(alone, "RAL", JANUARY)
    assert "RAP" not in restated["org_code"]
    assert counts.roll_up(restated).equals(counts.roll_up(alone))
