import csv
from collections import defaultdict
from datetime import date

import polars as pl
import pytest

from openmeasures.sample import hospital_deaths, hospital_mortality
from openmeasures.sample.organisations import read_organisations
from openmeasures.sources import SourceFile, recognise
from openmeasures.sources import hospital_mortality as source


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    [written] = hospital_mortality.write(tmp_path_factory.mktemp("sample"))
    return written


@pytest.fixture(scope="module")
def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def publication(path):
    file = SourceFile(str(path), path.name, path.read_bytes())
    assert recognise(file)[0] == "hospital_mortality"
    return source.read(file)


def of(rows, org_code):
    return [row for row in rows if row["PROVIDER_CODE"] == org_code]


def bands(rows, org_code):
    return {row["SHMI_BANDING"] for row in of(rows, org_code)}


def test_the_file_is_named_as_the_publication_names_it_and_the_same_on_every_run(path, tmp_path):
    assert path.name == "Historical_trust_level_SHMI_data_Jan25-Dec25_csv-synthetic.csv"
    [again] = hospital_mortality.write(tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


def test_every_period_is_twelve_months_one_month_after_the_last(publication):
    found = publication.observations.select("period_start", "period_end").unique().sort("period_start")
    first = [date(2022 + (3 + step) // 12, (3 + step) % 12 + 1, 1) for step in range(34)]  # April 2022 to January 2025
    assert found["period_start"].to_list() == first
    assert found.row(0) == (date(2022, 4, 1), date(2023, 3, 31))
    assert found.row(-1) == (date(2025, 1, 1), date(2025, 12, 31))


def test_it_is_published_five_months_after_a_period_ends(rows):
    assert {row["TIME_PERIOD"]: row["PUBLICATION_MONTH"] for row in rows}["JAN25_DEC25"] == "MAY_26"
    assert rows[0]["TIME_PERIOD"] == "APR22_MAR23"
    assert rows[0]["PUBLICATION_MONTH"] == "AUG_23"


def test_acute_trusts_alone_have_rows(rows):
    types = dict(read_organisations().select("org_code", "org_type").iter_rows())
    every = {code for code, type_ in types.items() if type_ == "acute trust"}
    assert {row["PROVIDER_CODE"] for row in rows} == every
    assert len(every) == 18  # ten or more tell how much trusts usually differ


def test_counts_come_in_fives_and_ratios_of_what_they_were_before(rows, publication):
    counts = ("SPELLS", "OBSERVED", "EXPECTED", "PALLIATIVE_SPELLS", "PALLIATIVE_DEATHS")
    shown = [row for row in rows if row["SHMI_VALUE"] != "**"]
    assert {int(row[name]) % 5 for row in shown for name in counts} == {0}
    quotients = [f"{int(row['OBSERVED']) / int(row['EXPECTED']):.4f}" for row in shown]
    same = sum(ours == row["SHMI_VALUE"] for ours, row in zip(quotients, shown, strict=True))
    assert same < len(shown) / 2  # the ratio cannot be had from the counts
    assert publication.checks == []  # and is what they allow


# ---- what is planted


def test_two_trusts_are_banded_in_every_period(rows):
    assert (bands(rows, "Z-09"), bands(rows, "Z-05")) == ({"1.0"}, {"3.0"})


def test_one_is_as_expected_that_chance_alone_would_call_higher(rows):
    """An exact 99.8 % Poisson limit is near 1 + 3.09 ÷ √E: of 3,130 expected, 1.055."""
    assert bands(rows, "Z-01") == {"2.0"}
    last = of(rows, "Z-01")[-1]
    assert float(last["SHMI_VALUE"]) > 1.08 > 1 + 3.09 / int(last["EXPECTED"]) ** 0.5


def test_one_is_suppressed_in_the_three_periods_that_begin_in_autumn_2023(rows):
    suppressed = [row["TIME_PERIOD"] for row in rows if row["OBSERVED"] == "**"]
    assert suppressed == ["SEP23_AUG24", "OCT23_SEP24", "NOV23_OCT24"]
    assert {row["PROVIDER_CODE"] for row in rows if row["OBSERVED"] == "**"} == {"Z-17"}


def test_a_trust_that_took_over_another_has_all_twelve_months_of_both(rows):
    """Z-20 took over Z-21 in April 2024, so from the period that ends then."""
    assert of(rows, "Z-21")[-1]["TIME_PERIOD"] == "APR23_MAR24"
    expected = {row["TIME_PERIOD"]: int(row["EXPECTED"]) for row in of(rows, "Z-20")}
    last_alone = int(of(rows, "Z-21")[-1]["EXPECTED"])
    assert expected["MAY23_APR24"] - expected["APR23_MAR24"] == pytest.approx(last_alone, rel=0.1)


def test_england_is_near_one_and_not_there(rows):
    sums = defaultdict(lambda: [0, 0])
    for row in rows:
        if row["OBSERVED"] != "**":
            sums[row["TIME_PERIOD"]][0] += int(row["OBSERVED"])
            sums[row["TIME_PERIOD"]][1] += int(row["EXPECTED"])
    ratios = [observed / expected for observed, expected in sums.values()]
    assert all(0.97 < ratio < 1.03 for ratio in ratios)
    assert sum(ratio == 1 for ratio in ratios) <= 1


def test_what_happens_is_the_same_whatever_the_year():
    """Each organisation's chance is its own, so that none moves another's figures."""
    known = {row["org_code"]: row for row in read_organisations().iter_rows(named=True)}
    one = hospital_mortality.Organisation(**known["Z-02"])
    months = hospital_deaths.activity(one)
    assert (min(months), max(months)) == (date(2022, 4, 1), date(2025, 12, 1))
    assert months == hospital_deaths.activity(one)


# ---- limits, against FunnelPlotR's own figures and, by hand, its formula


def test_variance_between_trusts_is_funnelplotrs():
    """Its test's six trusts, of which none is left out; recomputed from its formula, 0.0194776."""
    observed, expected = (100, 150, 180, 80, 120, 225), (108, 112, 165, 95, 100, 220)
    assert hospital_mortality.between_variance(observed, expected) == pytest.approx(0.0194776, abs=1e-7)


def test_limits_are_funnelplotrs():
    assert hospital_mortality.limits(100, 0.0194776) == pytest.approx((0.714261, 1.400048), abs=1e-6)


def test_the_lowest_and_the_highest_group_do_not_count():
    """Of ten trusts ⌊10 × number ÷ 11⌋ is 0 for the first alone and 9 for the last alone; of nine, none is 0."""
    observed = [10, 95, 96, 97, 98, 99, 101, 102, 103, 900]

    def variance(*left):
        return hospital_mortality.between_variance(left, [100] * len(left))

    assert variance(*observed) == 0
    assert variance(*observed[1:]) == 0  # of nine, the last is left out
    assert variance(*observed[:-1]) > 0  # and the first is not
    assert variance(*observed[2:]) > 0  # of eight, neither is


def test_published_limits_are_those_of_the_formula(rows):
    """Counts in fives move τ² a little: the limits are good to a few in ten thousand."""
    last = [row for row in rows if row["TIME_PERIOD"] == "JAN25_DEC25"]
    frame = pl.DataFrame(last).select(pl.col("EXPECTED", "SHMI_VALUE", "OD_LL", "OD_UL").cast(pl.Float64))
    expected = frame["EXPECTED"].to_list()
    variance = hospital_mortality.between_variance((frame["SHMI_VALUE"] * frame["EXPECTED"]).to_list(), expected)
    for row in frame.iter_rows(named=True):
        lower, upper = hospital_mortality.limits(row["EXPECTED"], variance)
        assert (row["OD_LL"], row["OD_UL"]) == pytest.approx((lower, upper), abs=5e-4)
