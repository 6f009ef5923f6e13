"""The real sickness absence files: every published rate, and the rates that NHS England's own pages state."""

from datetime import date

import polars as pl
import pytest

from openmeasures import counts, definitions, parameters, quality
from openmeasures.ingest import Kept, ingest
from openmeasures.methods import funnel
from openmeasures.reviewing.reconcile import Verdict, reconcile
from openmeasures.store import Store

# "NHS Sickness Absence Rates, January 2025", key facts: what it says of December 2024.
STATED_FOR_DECEMBER_2024 = {"ENG": 5.7, "Ambulance": 8.1, "Commissioning Support Unit": 3.7}
DECEMBER = date(2024, 12, 1)


@pytest.fixture(scope="module")
def store(published, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("sickness"))
    outcomes = list(ingest([published / "sickness-absence"], store, retrieved=date(2026, 1, 1)))
    assert [outcome.kept for outcome in outcomes] == [Kept.ADDED] * 9
    return store


@pytest.fixture(scope="module")
def measure():
    return definitions.find("sickness_absence")


@pytest.fixture(scope="module")
def run(store, measure):
    return parameters.check(measure, org_code="ENG", period_to="", data=str(store.folder))


def test_every_published_rate_is_ours_to_its_two_decimals(store, measure):
    found = reconcile(measure, store)
    assert found.height == 5 * 285 + 285 + 283 + 281 + 280
    assert found["verdict"].unique().to_list() == [Verdict.AGREES.value]
    assert found["difference"].abs().max() <= 0.005


def test_england_and_two_types_are_what_the_publication_states(run, measure):
    parts = {"numerator": measure.numerator, "denominator": measure.denominator}
    england = counts.roll_up(counts.count(run.observations(), **parts)).with_columns(category=pl.lit("ENG"))
    types = counts.by_category(run.observations(breakdown="organisation_type"), **parts, org_code="ENG")
    rate = 100 * pl.col("numerator") / pl.col("denominator")
    now = pl.concat([england, types], how="diagonal").filter(period_start=DECEMBER).with_columns(rate=rate.round(1))
    ours = dict(now.select("category", "rate").iter_rows())
    assert {name: ours[name] for name in STATED_FOR_DECEMBER_2024} == STATED_FOR_DECEMBER_2024


def test_types_add_up_to_england(run):
    whole = run.observations().filter(metric="fte_days_lost").group_by("period_start").agg(pl.col("value").sum())
    parts = run.observations(breakdown="organisation_type").filter(metric="fte_days_lost")
    both = whole.join(parts.group_by("period_start").agg(parts=pl.col("value").sum()), on="period_start")
    assert both.height == 9
    assert (both["value"] - both["parts"]).abs().max() < 1e-6


def test_days_lost_are_no_independent_cases(run):
    """What the definition's notes say of the variance: 13 to 18 times that of independent days, at every size."""
    days = run.observations().filter(pl.col("metric").is_in(run.measure.metrics))
    types = run.observations(breakdown="organisation_type").select("org_code", "period_start", "category").unique()
    wide = days.pivot("metric", index=["org_code", "period_start"], values="value").join(
        types, on=["org_code", "period_start"]
    )
    lost, available = pl.col("fte_days_lost"), pl.col("fte_days_available")
    expected = pl.col("course") * available
    scored = (
        wide.with_columns(course=(lost.sum() / available.sum()).over("category", "period_start"))
        .with_columns(share=pl.col("course") * (lost.sum() / expected.sum()).over("org_code"))
        .with_columns(
            z=(lost - pl.col("share") * available) / (available * pl.col("share") * (1 - pl.col("share"))).sqrt()
        )
    )
    for smallest, largest in ((6_000, 50_000), (50_000, 150_000), (150_000, 300_000), (300_000, 1e7)):
        of_size = scored.filter(available.is_between(smallest, largest))
        assert 13 <= (of_size["z"] ** 2).mean() * 9 / 8 <= 18  # nine months, of which each has its own level


def test_limits_from_chance_would_mark_most_acute_trusts(run):
    types = run.observations(breakdown="organisation_type").filter(category="Acute", period_start=DECEMBER)
    acute = types.pivot("metric", index="org_code", values="value").select(
        "org_code", numerator="fte_days_lost", denominator="fte_days_available"
    )
    found = funnel.funnel(acute, kind="proportion")
    beyond = found.points["exact_position"].is_in(["above_99_8", "below_99_8"]).sum()
    assert (acute.height, beyond, round(found.dispersion)) == (134, 119, 373)
    assert found.points["position"].value_counts(sort=True).row(0) == ("within_95", 131)


def test_a_system_is_its_organisations_and_not_its_boards_own_staff(store, measure, run):
    """The sum of the rows that the file has under Bristol's code, the board's own staff among them."""
    area = parameters.check(measure, org_code="QUY", period_to="", data=str(store.folder))
    parts = {"numerator": measure.numerator, "denominator": measure.denominator}
    found = counts.count(area.observations(), **parts).filter(period_start=DECEMBER)
    [(lost, days)] = found.filter(org_code="QUY").select("numerator", "denominator").rows()
    assert (round(lost, 1), round(days, 1)) == (40_204.5, 780_873.8)
    assert area.kind == "system of 4 organisations in these figures, added up"
    own = counts.count(run.observations(), **parts).filter(period_start=DECEMBER, org_code="QUY")
    assert own["denominator"].round(0).to_list() == [12_577]
    assert found.height == 36
    assert quality.outside(area, area.observations()) == 17  # 13 of the country, three boards since split, a company
