"""The real talking therapies files: providers give England's own figures, within what rounding leaves open."""

from datetime import date

import fastexcel
import polars as pl
import pytest

from openmeasures import counts, definitions, disclosure, project
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.reviewing.reconcile import reconcile
from openmeasures.sources import SourceFile, recognise, talking_therapies_monthly
from openmeasures.store import Store

EVERY_MONTH = months(date(2019, 2, 1), date(2020, 2, 1))
HEADING_ROW = 8


@pytest.fixture(scope="module")
def path(published):
    [path] = (published / "talking-therapies-monthly").glob("*.xlsx")
    return path


@pytest.fixture(scope="module")
def file(path):
    return SourceFile(str(path), path.name, path.read_bytes())


@pytest.fixture(scope="module")
def publication(file):
    return talking_therapies_monthly.read(file)


@pytest.fixture(scope="module")
def sheet(path):
    """The table as it stands, by its headings, without the reader."""
    cells = fastexcel.read_excel(path).load_sheet("Table 1", header_row=None, skip_rows=0, dtypes="string").to_polars()
    heading = cells.row(HEADING_ROW - 1)
    return cells.slice(HEADING_ROW).rename(dict(zip(cells.columns, heading, strict=True))).drop_nulls("Group Type")


def test_it_is_recognised_and_says_when_it_was_published(file, publication):
    name, _ = recognise(file)
    assert name == "talking_therapies_monthly"
    assert publication.vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2020, 5, 14))


def test_every_figure_of_england_and_providers_is_read_and_no_other(publication, sheet):
    wanted = sheet.filter(pl.col("Group Type").is_in(["England", "Provider"]))
    assert publication.observations.height == 9 * wanted.height == 9 * (13 + 182 * 13)
    for heading, metric in talking_therapies_monthly.METRICS.items():
        cells = wanted[heading]
        found = publication.observations.filter(metric=metric)
        assert found["value"].sum() == pytest.approx(cells.cast(pl.Float64, strict=False).sum())
        assert (found["status"] == "suppressed").sum() == (cells == "*").sum()
        assert (found["status"] == "not_applicable").sum() == (cells == "-").sum()


def test_providers_count_as_many_as_england_within_rounding(publication):
    """Each provider's count is within 2.5 of what it is, and each mark hides 4 people at most."""
    assert publication.checks == []
    of = pl.col("org_code") == "ENG"
    found = (
        publication.observations.filter(metric="finished_courses")
        .group_by("period_start")
        .agg(
            apart=(pl.col("value").filter(of).sum() - pl.col("value").filter(~of).sum()).abs(),
            rounded=(pl.col("status") == "reported").filter(~of).sum(),
        )
    )
    assert found.height == len(EVERY_MONTH)
    assert found["apart"].max() == 52  # August 2019: 48,547 and 48,495
    assert (found["apart"] <= 2.5 * found["rounded"]).all()


def test_no_provider_is_shown_with_fewer_than_five_and_none_at_zero(publication):
    own = publication.observations.filter(pl.col("org_code") != "ENG", metric="finished_courses")["value"].drop_nulls()
    assert own.min() == 5
    assert (own % 5 == 0).all()


@pytest.fixture(scope="module")
def store(path, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    [outcome] = ingest([path], store)
    assert outcome.kept == Kept.ADDED
    return store


@pytest.fixture(scope="module")
def improvement():
    [found] = [each for each in definitions.load_all() if each.source == "talking_therapies_monthly"]
    assert found.folder.parent == project.root() / "analyses"
    return found


def test_england_lies_in_every_month_between_what_providers_can_be(store, improvement):
    found = reconcile(improvement, store)
    assert found["period_start"].to_list() == EVERY_MONTH
    assert found["verdict"].unique().to_list() == ["agrees"]
    assert found["difference"].abs().max() < 0.12  # far nearer than rounding guarantees, since it evens out
    bounds = disclosure.together(store.observations("talking_therapies_monthly"), measure=improvement)
    assert (bounds["greatest"] - bounds["least"]).max() < 3


def test_england_is_the_published_row(store, improvement):
    observations = store.observations("talking_therapies_monthly")
    parts = {"numerator": improvement.numerator, "denominator": improvement.denominator}
    england = counts.england(observations, counts.count(observations, **parts), measure=improvement)
    last = england.row(-1, named=True)
    assert (last["period_start"], last["denominator"]) == (date(2020, 2, 1), 47_337)
    assert 100 * last["numerator"] / last["denominator"] == pytest.approx(66.8)


def test_every_suppressed_percentage_has_bounds_and_no_value(store, improvement):
    observations = store.observations("talking_therapies_monthly")
    providers = counts.count(observations, numerator=improvement.numerator, denominator=improvement.denominator)
    found = disclosure.intervals(providers, observations, measure=improvement).filter(status="suppressed")
    assert found.height == 145
    assert found["numerator"].null_count() == 145
    assert (found["value_lower"] == 0).all()
    assert (found["value_upper"] > 0).all()
