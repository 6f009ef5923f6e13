"""The sample's beds: the same bytes, the publication's irregularities, and what is planted in them."""

from datetime import date

import fastexcel
import polars as pl
import pytest

from openmeasures.methods import spc
from openmeasures.periods import Period
from openmeasures.sample import beds_overnight as sample
from openmeasures.sources import SourceFile, beds_overnight

AVAILABLE, OCCUPIED = "beds_available_general_and_acute", "beds_occupied_general_and_acute"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beds")
    sample.write(folder)
    return folder


@pytest.fixture(scope="module")
def publications(folder):
    files = [SourceFile(str(path), path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return {file.name: beds_overnight.read(file) for file in files}


@pytest.fixture(scope="module")
def occupancy(publications):
    """Occupancy by organisation and quarter, of the latest vintages."""
    latest = [each.observations for name, each in publications.items() if name != FIRST_VINTAGE]
    wide = pl.concat(latest).pivot("metric", index=["org_code", "period_start"], values="value")
    return wide.select("org_code", "period_start", value=100 * pl.col(OCCUPIED) / pl.col(AVAILABLE))


FIRST_VINTAGE = "Beds-Open-Overnight-Web_File-Q3-2024-25-synthetic.xlsx"


def test_sixteen_quarters_one_of_them_twice(publications):
    assert len(publications) == 17
    quarters = [each.observations["period_start"][0] for each in publications.values()]
    assert sorted(set(quarters)) == sample.quarters()
    assert (sample.quarters()[0], sample.quarters()[-1]) == (date(2022, 4, 1), date(2026, 1, 1))
    assert [quarter for quarter in set(quarters) if quarters.count(quarter) > 1] == [date(2024, 10, 1)]
    assert publications[FIRST_VINTAGE.replace("-synthetic", "revised-synthetic")].vintage.published == date(2025, 5, 21)


def test_the_same_bytes_on_every_run(folder, tmp_path):
    for path in sample.write(tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_the_sheet_on_data_quality_moved(folder):
    places = {
        fastexcel.read_excel(path).sheet_names.index("Data Quality"): path.name for path in sorted(folder.iterdir())
    }
    assert set(places) == {0, 2}


def test_trusts_add_up_to_england_and_to_its_percentage(publications):
    for each in publications.values():
        wide = each.observations.pivot("metric", index="org_code", values="value")
        england, trusts = wide.filter(pl.col("org_code") == "ENG"), wide.filter(pl.col("org_code") != "ENG")
        for metric in (AVAILABLE, OCCUPIED):
            assert england[metric].item() == pytest.approx(trusts[metric].sum(), abs=1e-7)
        share = england[OCCUPIED].item() / england[AVAILABLE].item()
        assert england["share_occupied_general_and_acute"].item() == pytest.approx(share, abs=1e-9)


def test_nobody_has_more_patients_than_beds(occupancy):
    assert occupancy.filter(pl.col("value") > 100).is_empty()


def test_an_estimate_is_last_years_figure_and_named(publications, occupancy):
    said = [check for each in publications.values() for check in each.checks]
    assert said == [
        "The following trusts did not submit and the previous year period was used: Z-13 TOLVERDYKE DISTRICT HOSPITAL "
        "NHS TRUST"
    ]
    of = dict(occupancy.filter(pl.col("org_code") == "Z-13").select("period_start", "value").iter_rows())
    assert of[date(2025, 7, 1)] == of[date(2024, 7, 1)]


def test_a_quarter_is_missing(occupancy):
    held = occupancy.filter(pl.col("org_code") == "Z-17")["period_start"].to_list()
    assert set(sample.quarters()) - set(held) == {date(2023, 7, 1)}


def test_the_new_ward_shows(occupancy):
    series = occupancy.filter(pl.col("org_code") == "Z-06").sort("period_start")
    marked = spc.xmr(series, improvement="decrease").filter(pl.col("period_start") >= date(2024, 10, 1))
    assert set(marked["variation"].to_list()) == {"improvement_low"}


def test_the_first_vintage_has_fewer_occupied(publications):
    first, revised = (
        publications[name]
        .observations.filter(pl.col("metric") == OCCUPIED, pl.col("org_code") == "ENG")["value"]
        .item()
        for name in (FIRST_VINTAGE, FIRST_VINTAGE.replace("-synthetic", "revised-synthetic"))
    )
    assert first == pytest.approx(sample.FIRST_PUBLISHED_SHARE * revised, rel=1e-4)


@pytest.mark.parametrize(
    ("quarter", "days", "published"),
    [(date(2024, 1, 1), 91, "21st May 2024"), (date(2023, 1, 1), 90, "21st May 2023"),
     (date(2024, 10, 1), 92, "21st February 2025")],
)  # fmt: skip
def test_a_quarters_days_and_its_publication(quarter, days, published):
    assert (sample.days_in(quarter), sample.published_on(quarter)) == (days, published)
    assert Period.QUARTER.start(quarter) == quarter
