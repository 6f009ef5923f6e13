"""The sample's sickness absence: its layouts, its bytes and what is planted in whom."""

import hashlib
from datetime import date
from statistics import mean

import polars as pl
import pytest

from openmeasures import register
from openmeasures.methods import seasonal, spc
from openmeasures.periods import months
from openmeasures.sample import sickness_days
from openmeasures.sample import staff_sickness as sample
from openmeasures.sources import SourceFile, staff_sickness

MONTHS = months(date(2022, 4, 1), date(2026, 3, 1))
# Every byte of all files. A deliberate change belongs in the changelog.
SHA_256 = "c97cbfed25f4b2e38917cbf1bab9266ab134f0910a3e0c0b38118c28864d3585"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    paths = sample.write(tmp_path_factory.mktemp("sample") / "made")
    return [SourceFile(path.name, path.name, path.read_bytes()) for path in paths]


@pytest.fixture(scope="module")
def publications(files):
    return [staff_sickness.read(file) for file in files]


@pytest.fixture(scope="module")
def rates(publications):
    """The rate in per cent of each organisation and month, worked out from the days."""
    rows = pl.concat([publication.observations for publication in publications]).filter(breakdown="")
    wide = rows.pivot("metric", index=["org_code", "period_start"], values="value")
    found = {}
    for code, month, lost, available in wide.select(
        "org_code", "period_start", "fte_days_lost", "fte_days_available"
    ).iter_rows():
        found.setdefault(code, {})[month] = 100 * lost / available
    return found


def charted(values):
    """Return the month and side of each special cause of a series without its season."""
    frame = pl.DataFrame({"org_code": "Z", "period_start": list(values), "value": list(values.values())})
    adjusted = seasonal.adjust(frame.with_columns(segment=0), segment="segment")
    assert adjusted["adjusted_value"].is_not_null().all()
    chart = spc.xmr(adjusted.with_columns(value="adjusted_value"), improvement="decrease", segment="segment")
    return dict(chart.filter(pl.col("special_cause") != "none").select("period_start", "special_cause").iter_rows())


def test_the_files_are_the_same_bytes_on_every_machine(files):
    every = hashlib.sha256(b"".join(file.content for file in files)).hexdigest()
    assert every == SHA_256


def test_systems_are_those_of_the_register_and_a_board_is_in_its_own(publications):
    systems = dict(publications[-1].organisations.select("org_code", "system_code").iter_rows())
    known = dict(register.organisations(synthetic=True).select("org_code", "system_code").iter_rows())
    trusts = {code: system for code, system in systems.items() if code in known}
    assert trusts == {code: known[code] for code in trusts}
    assert {code: systems[code] for code in systems if code not in known} == {
        "Z-A1": None, "Z-A2": None, sickness_days.FEW: sickness_days.FEW,
    }  # fmt: skip
    assert set(publications[0].organisations["system_code"]) == {None}  # the older layout


def test_the_first_year_is_one_file_of_the_older_layout_and_then_one_comes_a_month(files, publications):
    assert [file.name for file in files[:2]] == [
        "Sickness-absence-rates-2022-04-to-2023-03-synthetic.csv",
        "Sickness-absence-rates-2023-04-synthetic.csv",
    ]
    lines = [file.content.decode().splitlines()[:2] for file in files[:2]]
    assert lines[0][0].startswith("Date,HEE_region_code")
    assert lines[0][1].startswith("2022-APR,")
    assert lines[1][0].startswith("DATE,NHSE_REGION_CODE")
    assert lines[1][1].startswith("30/04/2023,")
    assert len(files) == 1 + 36
    covered = [publication.observations["period_start"].unique().sort() for publication in publications]
    assert pl.concat(covered).to_list() == MONTHS


def test_every_published_rate_is_that_of_its_days(publications):
    assert [publication.checks for publication in publications] == [[] for _ in publications]


def test_each_organisation_reports_in_every_month_but_where_it_is_told(rates):
    assert set(rates) == set(sickness_days.EMPLOYERS)
    gaps = {code: [month for month in MONTHS if month not in found] for code, found in rates.items()}
    assert {code: missing for code, missing in gaps.items() if missing} == {
        "Z-13": [date(2023, 8, 1), date(2023, 9, 1), date(2023, 10, 1)],
        "Z-21": months(date(2024, 4, 1), date(2026, 3, 1)),  # taken over by Z-20, whose staff it is since
    }


def test_a_merger_moves_the_staff(publications):
    def available(code, month):
        rows = pl.concat([publication.observations for publication in publications])
        of_one = rows.filter(metric="fte_days_available", breakdown="", org_code=code, period_start=month)
        return of_one["value"].item() / 30

    assert available("Z-20", date(2023, 6, 1)) == pytest.approx(6_000, rel=0.02)
    assert available("Z-20", date(2024, 6, 1)) == pytest.approx(6_000 + 3_400, rel=0.02)


def test_better_recording_is_a_step_up_that_lasts(rates):
    before, after = (
        mean(rate for month, rate in rates["Z-08"].items() if is_in(month))
        for is_in in (lambda month: month < date(2024, 9, 1), lambda month: month >= date(2024, 9, 1))
    )
    assert after / before == pytest.approx(1.3, abs=0.06)  # the months after have more winters among them
    marks = charted(rates["Z-08"])
    assert {month for month in marks if month >= date(2024, 9, 1)} == set(months(date(2024, 9, 1), MONTHS[-1]))


def test_an_outbreak_in_summer_is_outside_its_limits_and_above_every_winter(rates):
    assert charted(rates["Z-05"])[date(2025, 6, 1)] == "astronomical_point"
    assert max(rates["Z-05"], key=rates["Z-05"].get) == date(2025, 6, 1)


def test_illness_has_its_season_in_england(rates, publications):
    rows = pl.concat([publication.observations for publication in publications]).filter(breakdown="")
    days = rows.group_by("period_start", "metric").agg(pl.col("value").sum()).pivot("metric", index="period_start")
    england = days.with_columns(
        org_code=pl.lit("ENG"), value=100 * pl.col("fte_days_lost") / pl.col("fte_days_available"), segment=0
    ).sort("period_start")
    found = seasonal.seasonality(england, segment="segment").row(0, named=True)
    assert found["is_seasonal"]
    assert found["highest_month"] in (12, 1)
    assert found["lowest_month"] in (4, 5, 8)  # a fiftieth apart
    assert found["strength"] > 0.9


def test_a_board_of_fifty_people_moves_by_whole_points(rates):
    few, many = (max(found.values()) - min(found.values()) for found in (rates["Z-Q9"], rates["Z-01"]))
    assert few > 2 * many


def test_months_vary_as_days_that_come_together_do(rates):
    """Of an acute trust, without its season: about four times what independent days would give."""
    spread = [100 * (0.05 * 0.95 / (staff * 30)) ** 0.5 for staff in (6_200, 5_400)]
    for code, alone in zip(("Z-06", "Z-07"), spread, strict=True):
        left = [rate / sickness_days.SEASON[month.month - 1] for month, rate in rates[code].items()]
        sd = (sum((rate - mean(left)) ** 2 for rate in left) / (len(left) - 1)) ** 0.5
        assert 3 < sd / alone < 5
