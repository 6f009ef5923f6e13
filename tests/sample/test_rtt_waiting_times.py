import hashlib
from datetime import date
from itertools import pairwise

import polars as pl
import pytest

from openmeasures.periods import months
from openmeasures.sample import rtt_pathways, rtt_waiting_times
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sources import SourceFile
from openmeasures.sources import rtt_waiting_times as reader

WAITING = "incomplete_pathways"
NON_ENGLISH = "_for_non_english_commissioners"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return rtt_waiting_times.write(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def publications(paths):
    return [reader.read(SourceFile(str(path), path.name, path.read_bytes())) for path in paths]


@pytest.fixture(scope="module")
def observations(publications):
    return pl.concat(publication.observations for publication in publications)


def _series(observations, org_code, metric=WAITING, breakdown="", category=""):
    found = observations.filter(org_code=org_code, metric=metric, breakdown=breakdown, category=category)
    return dict(found.sort("period_start").select("period_start", "value").iter_rows())


def _within(observations, org_code, suffix=""):
    """Return the percentage within 18 weeks by month."""
    within = _series(observations, org_code, f"{WAITING}_within_18_weeks{suffix}")
    return {month: 100 * within[month] / n for month, n in _series(observations, org_code, WAITING + suffix).items()}


# ---- the files


def test_there_is_a_file_a_month_in_order(paths):
    assert len(paths) == len(months(FIRST_MONTH, LAST_MONTH)) == 48
    assert paths[0].name == "20220430-RTT-April-2022-full-extract-synthetic.csv"
    assert paths[-1].name == "20260331-RTT-March-2026-full-extract-synthetic.csv"


def test_the_bytes_are_the_same_everywhere(paths):
    """Numbers typed from a run: they change with what is planted, and with nothing else."""
    content = b"".join(path.read_bytes() for path in paths)
    assert hashlib.sha256(content).hexdigest() == "b2c5792f619c7111503f4a2be589984d5bc6b18fea6e07800dc5df2e0c7d8ba8"


def test_every_file_adds_up(publications):
    assert [publication.checks for publication in publications] == [[]] * 48


def test_the_layout_is_the_publications(paths):
    lines = paths[0].read_text().splitlines()
    assert {line.count(",") for line in lines} == {121 - 1}
    assert lines[0].startswith("Period,Provider Parent Org Code,Provider Parent Name,Provider Org Code,")
    assert lines[0].endswith(
        ",Gt 103 To 104 Weeks SUM 1,Gt 104 Weeks SUM 1,Total,Patients with unknown clock start date,Total All"
    )


@pytest.mark.parametrize(("part", "filled"), [("Part_1A", True), ("Part_2", False), ("Part_3", False)])
def test_parts_fill_what_they_collect(paths, part, filled):
    rows = pl.read_csv(paths[0], infer_schema=False).filter(pl.col("RTT Part Type") == part)
    assert rows["Total"].is_not_null().unique().to_list() == [filled]
    assert rows["Total All"].null_count() == 0
    assert rows["Gt 00 To 01 Weeks SUM 1"].null_count() == (len(rows) if part == "Part_3" else 0)


def test_blank_and_zero_bands_are_mixed(paths):
    rows = pl.read_csv(paths[0], infer_schema=False).filter(pl.col("RTT Part Type") == "Part_2")
    last = rows["Gt 104 Weeks SUM 1"]
    assert set(last.unique()) >= {None, "0"}
    assert rows.filter(last.is_null())["Provider Org Code"].unique().to_list() == ["Z-17"]


def test_every_organisation_is_one_of_the_samples(publications):
    codes = {code for publication in publications for code in publication.organisations["org_code"]}
    assert codes == set(rtt_pathways.TRUSTS)


# ---- levels


def test_levels_are_realistic(observations):
    """Published: England had 65 percent within 18 weeks in April 2026, and 1.4 percent over 52 weeks."""
    last = observations.filter(breakdown="", period_start=LAST_MONTH)
    england = dict(last.group_by("metric").agg(pl.col("value").sum()).iter_rows())
    assert 0.60 < england[f"{WAITING}_within_18_weeks"] / england[WAITING] < 0.68
    assert 0.008 < england[f"{WAITING}_over_52_weeks"] / england[WAITING] < 0.025
    assert 0.2 < england["new_rtt_periods"] / england[WAITING] < 0.3


def test_lists_fit_their_flows_but_for_unreported_removals(observations):
    """What is not explained is about the planted share of new periods, in every month."""
    stock, new, admitted, other = (
        _series(observations, "Z-01", metric)
        for metric in (WAITING, "new_rtt_periods", "completed_admitted_pathways", "completed_non_admitted_pathways")
    )
    for before, month in pairwise(stock):
        unexplained = stock[before] + new[month] - admitted[month] - other[month] - stock[month]
        assert unexplained / new[month] == pytest.approx(rtt_pathways.REMOVED_SHARE, abs=0.001)


def test_each_list_is_its_functions(observations):
    whole = observations.filter(metric=WAITING, breakdown="").drop("category", "breakdown")
    parts = observations.filter(metric=WAITING, breakdown="treatment_function")
    added = parts.group_by("org_code", "period_start").agg(pl.col("value").sum().alias("added"))
    assert whole.join(added, on=["org_code", "period_start"]).filter(pl.col("value") != pl.col("added")).is_empty()


# ---- what is planted


def test_the_step_is_where_it_is_said_to_be(observations):
    within = _within(observations, rtt_pathways.STEP_TRUST)
    steps = {month: within[month] - within[before] for before, month in pairwise(within)}
    assert max(steps, key=steps.get) == rtt_pathways.STEP_FROM
    assert steps[rtt_pathways.STEP_FROM] == pytest.approx(rtt_pathways.STEP_POINTS, abs=2)
    assert max(value for month, value in steps.items() if month != rtt_pathways.STEP_FROM) < 2.5


def test_one_trust_did_not_submit(observations):
    first, last = rtt_pathways.MISSING_MONTHS
    missing = set(months(FIRST_MONTH, LAST_MONTH)) - set(_series(observations, rtt_pathways.MISSING_TRUST))
    assert sorted(missing) == months(first, last)


def test_at_the_border_other_countries_patients_wait_longer(observations):
    trust = rtt_pathways.BORDER_TRUST
    others = _series(observations, trust, WAITING + NON_ENGLISH)
    english = _series(observations, trust)
    assert all(0.35 < others[month] / english[month] < 0.45 for month in english)
    assert max(_within(observations, trust, NON_ENGLISH).values()) < min(_within(observations, trust).values())
    assert observations.filter(pl.col("metric").str.ends_with(NON_ENGLISH))["org_code"].unique().to_list() == [trust]


def test_community_pathways_leave_in_february_2024(observations):
    paediatric = _series(
        observations,
        rtt_pathways.COMMUNITY_TRUST,
        breakdown="treatment_function",
        category="Other - Paediatric Services",
    )
    assert max(paediatric) == date(2024, 1, 1)
    assert set(paediatric.values()) == {rtt_pathways.COMMUNITY_PATHWAYS}
    whole = _series(observations, rtt_pathways.COMMUNITY_TRUST)
    assert whole[date(2024, 1, 1)] - whole[date(2024, 2, 1)] > rtt_pathways.COMMUNITY_PATHWAYS


def test_one_function_is_too_small_for_a_chart(observations):
    small = _series(
        observations, rtt_pathways.SMALL_TRUST, breakdown="treatment_function", category="Neurosurgical Service"
    )
    assert set(small.values()) == {rtt_pathways.SMALL_PATHWAYS}


def test_one_trust_has_two_commissioners(paths):
    rows = pl.read_csv(paths[0], infer_schema=False).group_by("Provider Org Code", maintain_order=True)
    commissioners = dict(rows.agg(pl.col("Commissioner Org Code").unique().sort()).iter_rows())
    assert commissioners.pop("Z-05") == ["Z-Q1", "Z-Q2"]
    assert commissioners.pop("Z-18") == ["NONC", "Z-Q1"]
    assert set(map(tuple, commissioners.values())) == {("Z-Q1",)}
