"""The two months of A&E that have two vintages: what the revision changed, added up from the files themselves."""

import csv
import io
from datetime import date

import polars as pl
import pytest

from openmeasures import corrections, counts, definitions, ingest, parameters, project, revisions
from openmeasures.store import Store

OCTOBER, DECEMBER = date(2025, 10, 1), date(2025, 12, 1)


@pytest.fixture(scope="module")
def files(published):
    folder = published / "ae-monthly-csv"
    found = [path for path in folder.iterdir() if "October-2025" in path.name or "December-2025" in path.name]
    assert len(found) == 4
    return found


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("data"))
    list(ingest.ingest(files, made, retrieved=date(2026, 6, 1)))
    return made


def share(path):
    """Return England's share within four hours, from the file's total row."""
    text = path.read_text(encoding="utf-8-sig")
    [total] = [row for row in csv.DictReader(io.StringIO(text)) if "TOTAL" in row["Org Code"].upper()]
    over = sum(float(value) for name, value in total.items() if name.startswith("Attendances over 4hrs"))
    everyone = sum(float(value) for name, value in total.items() if name.startswith("A&E attendances"))
    return 100 * (everyone - over) / everyone


def test_the_changes_are_those_of_the_total_rows(files, store):
    measure = definitions.find("ae_four_hour")
    run = parameters.check(measure, org_code="ENG", period_to="", data=str(store.folder))
    observations = corrections.apply(run.observations(), measure.folder).observations
    providers = counts.count(observations, numerator=measure.numerator, denominator=measure.denominator)
    found = revisions.since_first(run, pl.concat([providers, counts.roll_up(providers)]))
    shares = {("revised" in path.name, "October" in path.name): share(path) for path in files}
    expected = [
        (month, shares[False, is_october], shares[True, is_october])
        for month, is_october in ((OCTOBER, True), (DECEMBER, False))
    ]
    for (period, first, now, change), (month, before, after) in zip(found.rows(), expected, strict=True):
        assert (period, first, now) == (month, pytest.approx(before), pytest.approx(after))
        assert change == pytest.approx(after - before)
        assert change != 0


def test_before_the_revision_was_read_the_first_figures_stand(store):
    with project.known_on("2026-05-31"):
        measure = definitions.find("ae_four_hour")
        run = parameters.check(measure, org_code="ENG", period_to="", data=str(store.folder))
    assert [release.status.value for release in run.releases] == ["provisional", "provisional"]
