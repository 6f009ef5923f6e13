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
from openmeasures.sources import SourceFile, recognise, talking_therapies_annual, talking_therapies_monthly
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


# ---- annual: scores before and after


@pytest.fixture(scope="module")
def annual_path(published):
    return published / "talking-therapies-annual" / "proms_annual.parquet"


@pytest.fixture(scope="module")
def annual_file(annual_path):
    return SourceFile(str(annual_path), annual_path.name, annual_path.read_bytes())


@pytest.fixture(scope="module")
def annual(annual_file):
    return talking_therapies_annual.read(annual_file)


@pytest.fixture(scope="module")
def table(annual_path):
    """All diagnoses together, without the reader: one row an organisation, year and therapy."""
    rows = (
        pl.scan_parquet(annual_path)
        .filter(pl.col("variable_a") == "Total", pl.col("org_type").is_in(["England", "Provider"]))
        .collect()
    )
    name = pl.concat_str("measure_name", "measure_statistic", pl.col("measure_time").fill_null(""), separator=" ")
    return rows.with_columns(name=name).pivot("name", index=["start_date", "org_code", "variable_b"], values="value")


def test_the_tidy_table_is_recognised_and_the_other_table_is_not(annual_file, published):
    name, _ = recognise(annual_file)
    assert name == "talking_therapies_annual"
    other = published / "talking-therapies-annual" / "measures_annual.parquet"
    assert recognise(SourceFile(str(other), other.name, other.read_bytes())) is None


def test_providers_have_as_many_courses_as_england_within_rounding_and_suppression(annual):
    assert annual.checks == []
    assert annual.observations["period_start"].unique().sort().to_list() == [date(y, 4, 1) for y in range(2019, 2025)]


@pytest.mark.parametrize("org_code", ["ENG", "RWX", "TAJ"])
def test_the_mean_change_is_that_of_the_published_means(annual, table, org_code):
    """For each year: means weighted by courses, by plain arithmetic over the rows of the table."""
    own = table.filter(org_code="All" if org_code == "ENG" else org_code).drop_nulls("phq mean start")
    found = annual.observations.filter(org_code=org_code, breakdown="")
    for (year,), rows in own.partition_by("start_date", as_dict=True).items():
        values = dict(found.filter(period_start=year).select("metric", "value").iter_rows())
        points = sum(
            row["courses_of_therapy count "] * (row["phq mean end"] - row["phq mean start"])
            for row in rows.iter_rows(named=True)
        )
        assert values["phq_9_points_at_end"] - values["phq_9_points_at_start"] == pytest.approx(points)
        assert values["phq_9_courses"] == rows["courses_of_therapy count "].sum()


def test_the_published_effect_size_is_the_change_over_englands_standard_deviation_at_the_start(table):
    """So it says nothing of the spread of single changes, and no standard error can be had from it."""
    of_england = table.filter(org_code="All").select("start_date", "variable_b", deviation="phq sd start")
    large = table.filter(pl.col("courses_of_therapy count ") >= 1000).drop_nulls("phq effect_size ")
    large = large.join(of_england, on=["start_date", "variable_b"])
    change = large["phq mean start"] - large["phq mean end"]
    rounding = 0.05 + 0.1 / 5  # of the effect size, and of both means over a deviation of 5 or more
    apart = (change / large["deviation"] - large["phq effect_size "]).abs()
    assert (apart.len(), (apart <= rounding).all()) == (1_143, True)
    by_own = (change / large["phq sd start"] - large["phq effect_size "]).abs()
    assert (by_own <= rounding).mean() < 0.9


def test_england_agrees_with_its_providers_in_every_year(annual_path, tmp_path):
    store = Store(tmp_path)
    [outcome] = ingest([annual_path], store)
    assert outcome.kept == Kept.ADDED
    [measure] = [each for each in definitions.load_all() if each.source == "talking_therapies_annual"]
    found = reconcile(measure, store)
    assert found.group_by("series", "verdict").len().sort("series").rows() == [
        ("", "agrees", 6),
        ("gad_7", "agrees", 6),
    ]
    assert found["difference"].abs().max() < 0.05
