"""Bands in words and tables, word for word; and those of the sample, where what is planted is found, and no more."""

import re
from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from openmeasures import banding, counts, definitions, mortality, parameters
from openmeasures.methods import bands
from openmeasures.parameters import Parameters
from openmeasures.periods import Period

LATEST = date(2025, 1, 1)
OPENING = "In the twelve months from January 2025 to December 2025"
# Of 1,000 expected each: exact limits are 0.905 to 1.100, near 1 ± 3.09 ÷ √1,000.
SPREAD = [0.70, 0.92, 0.94, 0.96, 0.98, 1.00, 1.00, 1.02, 1.04, 1.06, 1.12, 1.30]


@pytest.fixture
def ratio(measure):
    return measure.model_copy(
        update={
            "kind": "ratio",
            "unit": "ratio",
            "improvement": "neutral",
            "decimals": 2,
            "period": Period.ROLLING_YEAR,
        }
    )


def run_of(measure, org_code):
    codes = ["ENG", *(f"R{place:02}" for place in range(len(SPREAD))), "RXX"]
    names = pl.DataFrame({"org_code": codes, "org_name": [f"Trust {code}" for code in codes], "region_name": ""})
    return Parameters(measure, SimpleNamespace(synthetic=False), org_code, LATEST, names)


def trusts(ratios, period_start=LATEST):
    return pl.DataFrame(
        {"org_code": [f"R{place:02}" for place in range(len(ratios))], "value": ratios, "denominator": 1000.0},
        schema_overrides={"org_code": pl.String, "value": pl.Float64},
    ).with_columns(period_start=pl.lit(period_start))


def banded(ratios=SPREAD):
    return bands.bands(bands.as_published(trusts(ratios)))


def published(**of_trusts):
    """Make observations of published band and limits: `R00=(3, 0.9, 1.1)`."""
    names = ("mortality_band", "mortality_lower_limit", "mortality_upper_limit")
    rows = [
        (code, name, value) for code, values in of_trusts.items() for name, value in zip(names, values, strict=True)
    ]
    schema = {"org_code": pl.String, "metric": pl.String, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(period_start=pl.lit(LATEST))


def say(measure, org_code, ratios=SPREAD):
    return banding.finding(run_of(measure, org_code), banded(ratios)).replace("\u00a0", " ")


def cells(shown):
    lines = shown.text.replace("\u00a0", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_trust_beyond_both_kinds_of_limits(ratio):
    row = banded().row(-1, named=True)
    assert say(ratio, "R11") == (
        f"{OPENING} Trust R11, at 1.30, is higher than expected by the limits "
        f"that NHS England bands by ({row['lower_limit']:.2f} to {row['upper_limit']:.2f}: 95 % limits with room for "
        "the usual spread). By exact 99.8 % Poisson limits (0.91 to 1.10) it is higher than expected as well."
    )


def test_a_trust_that_exact_limits_alone_call_higher(ratio):
    text = say(ratio, "R10")
    assert "at 1.12, is as expected by the limits that NHS England bands by" in text
    assert text.endswith("By exact 99.8 % Poisson limits (0.91 to 1.10) it is higher than expected.")


def test_england_says_how_many_trusts_have_which_band(ratio):
    assert say(ratio, "ENG") == (
        f"{OPENING} 1 trust is higher than expected, 10 as expected and 1 "
        "lower than expected by the limits that NHS England bands by (95 % limits with room for the usual spread). By "
        "exact 99.8 % Poisson limits 2 trusts are higher than expected, 9 as expected and 1 lower than expected."
    )


FEW = (
    "Fewer than 10 trusts are too few to tell how much they usually differ, so that the band by which NHS England goes "
    "cannot be worked out."
)


def test_of_too_few_trusts_the_exact_band_alone_is_told(ratio):
    assert say(ratio, "R08", [*SPREAD[1:9], 1.3]) == (
        f"{OPENING} Trust R08, at 1.30, is higher than expected by exact 99.8 % Poisson limits (0.91 to 1.10). {FEW}"
    )
    assert say(ratio, "ENG", [*SPREAD[1:9], 1.3]) == (
        f"{OPENING} 1 trust is higher than expected, 8 as expected and 0 lower "
        f"than expected by exact 99.8 % Poisson limits. {FEW}"
    )


def test_a_trust_without_a_figure_has_no_band(ratio):
    assert say(ratio, "RXX") == (
        "Trust RXX has no figure for the twelve months from January 2025 to December 2025, so that it has no band."
    )


def test_where_no_trust_has_a_figure_england_says_so(ratio):
    assert (
        say(ratio, "ENG", [None]) == "No trust has a figure for the twelve months from January 2025 to December 2025."
    )


def test_a_trusts_table_has_both_limits_beside_those_published(ratio):
    row = banded().row(-1, named=True)
    shown = banding.table(run_of(ratio, "R11"), banded(), published(R11=(1, 0.8765, 1.1409)))
    assert cells(shown)[0] == ["Band by", "Lower limit", "Upper limit", "At 1.3000"]
    assert cells(shown)[2:] == [
        ["95 % limits with room for the usual spread", f"{row['lower_limit']:.4f}", f"{row['upper_limit']:.4f}",
         "higher than expected"],
        ["Exact 99.8 % Poisson limits", f"{row['exact_lower_limit']:.4f}", f"{row['exact_upper_limit']:.4f}",
         "higher than expected"],
        ["As published", "0.8765", "1.1409", "higher than expected"],
    ]  # fmt: skip


def test_what_is_not_published_or_cannot_be_told_is_not_known(ratio):
    shown = banding.table(run_of(ratio, "R00"), banded([1.0]), published(R05=(2, 0.9, 1.1)))
    ours, _, stated = (row[1:] for row in cells(shown)[2:])
    assert ours == stated == ["not known"] * 3


def test_englands_table_counts_trusts(ratio):
    shown = banding.table(run_of(ratio, "ENG"), banded(), published(R00=(3, 0.9, 1.1), R01=(2, 0.9, 1.1)))
    assert cells(shown)[0] == ["Trusts by", "Higher than expected", "As expected", "Lower than expected"]
    assert [row[1:] for row in cells(shown)[2:]] == [["1", "10", "1"], ["2", "9", "1"], ["0", "1", "1"]]


def test_a_band_that_cannot_be_told_is_no_count_of_0(ratio):
    found = cells(banding.table(run_of(ratio, "ENG"), banded([1.0]), published()))
    assert [row[1:] for row in found[-3:]] == [["not known"] * 3, ["0", "1", "0"], ["not known"] * 3]


def test_a_trust_without_a_figure_has_no_table(ratio):
    assert banding.table(run_of(ratio, "RXX"), banded(), published(R00=(3, 0.9, 1.1))).text == ""


# ---- of every period, for the result


def test_a_trusts_points_have_their_band_of_each_period_and_england_none():
    before = date(2024, 12, 1)
    mine = pl.DataFrame(
        {"org_code": ["R11", "R11", "ENG"], "period_start": [before, LATEST, LATEST], "mean": [1.1, 1.2, 1.0]}
    )
    england = trusts([1.0]).with_columns(org_code=pl.lit("ENG"))
    everyone = pl.concat([trusts(SPREAD), trusts([*SPREAD[:-1], 1.0], before), england])
    found = banding.beside(mine, banding.every_period(everyone))
    assert found.drop("band").equals(mine)
    assert found["band"].to_list() == ["as expected", "higher than expected", None]


# ---- beside the published bands


def test_bands_that_are_the_published_ones_are_counted():
    stated = published(R00=(3, 0.9, 1.1), R01=(1, 0.9, 1.1), R11=(1, 0.9, 1.1))
    england = trusts([1.0]).with_columns(org_code=pl.lit("ENG"))
    of_all = banding.every_period(pl.concat([trusts(SPREAD), england]))
    assert banding.agreement(of_all, stated) == "Worked out anew, the band is the published one in 2 of 3 figures."


@pytest.mark.parametrize("ratios", [SPREAD[:3], []])
def test_where_no_band_can_be_told_none_is_set_beside_ours(ratios):
    assert banding.agreement(banding.every_period(trusts(ratios)), published(R00=(3, 0.9, 1.1))) == (
        "No published band can be set beside ours."
    )


# ---- the sample


@pytest.fixture(scope="module")
def sample(sample_folder):
    """Every trust and period of the sample with its figures, as the notebook has them."""
    [measure] = [each for each in definitions.load_all() if each.source == "hospital_mortality"]
    run = parameters.check(measure, org_code="ENG", period_to="", data=str(sample_folder))
    observations = run.observations()
    parts = {"numerator": measure.numerator, "denominator": measure.denominator}
    counted = counts.count(observations, **parts, period=measure.period)
    points = mortality.with_published(counted, observations, run)
    return SimpleNamespace(run=run, observations=observations, points=points, bands=bands.by_period(points))


def of_metric(sample, metric):
    found = sample.observations.filter(pl.col("metric") == metric).drop_nulls("value")
    return found.select("org_code", "period_start", stated="value")


def test_our_band_is_the_published_one_in_every_period(sample):
    """The sample's bands are worked out from exact counts and apart from `methods`; see its own tests."""
    number = {"higher than expected": 1, "as expected": 2, "lower than expected": 3}
    ours = sample.bands.drop_nulls("band").with_columns(pl.col("band").cast(pl.String).replace_strict(number))
    both = ours.join(of_metric(sample, "mortality_band"), on=["org_code", "period_start"], how="full")
    assert both.height == 34 * 17 + 13 - 3  # Z-21 has 13 periods beside the others' 34, and Z-17 lacks three
    assert (both["band"] == both["stated"]).all()


def test_our_limits_are_the_published_ones_as_far_as_rounded_counts_can_tell(sample):
    for ours, metric in (("lower_limit", "mortality_lower_limit"), ("upper_limit", "mortality_upper_limit")):
        both = sample.bands.join(of_metric(sample, metric), on=["org_code", "period_start"])
        assert both.height == 588
        assert (both[ours] - both["stated"]).abs().max() < 5e-4


def test_our_ratio_is_the_published_one_to_its_four_decimals(sample):
    both = sample.points.join(of_metric(sample, "mortality_ratio"), on=["org_code", "period_start"])
    assert both.height == 588
    assert (both["value"] == both["stated"]).all()
    # From the counts alone it would not be: they come in fives.
    quotient = (both["numerator"] / both["denominator"]).round(4)
    assert (quotient != both["stated"]).mean() > 0.5
    assert (quotient - both["stated"]).abs().max() < 0.006


def of_trust(sample, org_code):
    found = sample.bands.filter(pl.col("org_code") == org_code).drop_nulls("band")
    return set(found["band"]), set(found["exact_band"])


def test_z_09_is_higher_than_expected_and_z_05_lower_in_every_period_by_either_limits(sample):
    assert of_trust(sample, "Z-09") == ({"higher than expected"}, {"higher than expected"})
    assert of_trust(sample, "Z-05") == ({"lower than expected"}, {"lower than expected"})


def test_the_band_of_a_result_is_the_one_that_the_finding_tells(sample):
    latest = banding.every_period(sample.points).filter(pl.col("period_start") == LATEST).drop_nulls("band")
    assert latest.height == 17
    for code, value, band in latest.select("org_code", "value", "band").iter_rows():
        mine = Parameters(sample.run.measure, sample.run.store, code, LATEST, sample.run.organisations)
        assert f"at {value:.2f}, is {band} by the limits that" in banding.finding(mine, latest)


def test_z_01_is_higher_by_exact_limits_alone_at_the_latest(sample):
    assert of_trust(sample, "Z-01")[0] == {"as expected"}
    last = sample.bands.filter(pl.col("org_code") == "Z-01", pl.col("period_start") == LATEST)
    assert last["exact_band"].item() == "higher than expected"


def test_z_17_is_suppressed_in_three_periods_and_has_no_band_there(sample):
    lacking = sample.bands.filter(pl.col("org_code") == "Z-17", pl.col("band").is_null())
    assert lacking["period_start"].to_list() == [date(2023, 9, 1), date(2023, 10, 1), date(2023, 11, 1)]
    assert set(lacking["status"]) == {"suppressed"}


def test_nothing_said_of_the_sample_ranks_or_judges(sample):
    run = sample.run
    latest = sample.bands.filter(pl.col("period_start") == run.period_to)
    for code in latest["org_code"]:
        mine = Parameters(run.measure, run.store, code, run.period_to, run.organisations)
        text = banding.finding(mine, latest) + banding.table(mine, latest, sample.observations).text
        assert not re.search(r"\b(better|worse|rank|best|worst|quarter|decile|avoidable|excess)\b", text)
