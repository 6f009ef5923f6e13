"""Standardised rates and ratios by hand, as published, by a second implementation, and at their edges."""

from math import inf, nan, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from openmeasures import standard_populations
from openmeasures.errors import ParameterError
from openmeasures.methods.standardise import Withheld, directly, indirectly, ratio

BANDS = ["0-64", "65+"]
STANDARD = pl.DataFrame({"standard_population": "Ours", "age_band": BANDS, "weight": [80, 20]})
ENGLAND = pl.DataFrame({"standard_population": "England", "age_band": BANDS, "rate": [0.001, 0.02]})

# Down's syndrome among births of fifth or later order by the mother's age (to 19, 20-24, and so on), Michigan 1950-64:
# Fleiss 1981, table 14.4; Fay and Feuer 1997, Statistics in Medicine 16: 791-801. The standard is all births.
DOWNS_CASES = [0, 8, 63, 112, 262, 295]
DOWNS_BIRTHS = [327, 30666, 123419, 149919, 104088, 34392]
DOWNS_STANDARD = [319933, 931318, 786511, 488235, 237863, 61313]

# Deaths and people of the United States by age, under 1 to 85 and over, 1940 and 1960: Selvin 2004, as in R's epitools.
DEATHS_1940 = [45, 201, 320, 670, 1126, 3160, 9723, 17935, 22179, 13461, 2238]
PEOPLE_1940 = [906897, 3794573, 10003544, 10629526, 9465330, 8249558, 7294330, 5022499, 2920220, 1019504, 142532]
DEATHS_1960 = [141, 926, 1253, 1080, 1869, 4891, 14956, 30888, 41725, 26501, 5928]
PEOPLE_1960 = [1784033, 7065148, 15658730, 10482916, 9939972, 10563872, 9114202, 6850263, 4702482, 1874619, 330915]


def strata(counts, people, **keys):
    keys = keys or {"org_code": "RJ1"}
    columns = {name: [value] * len(counts) for name, value in keys.items()}
    bands = BANDS if len(counts) == len(BANDS) else [str(band) for band in range(len(counts))]
    return pl.DataFrame(columns | {"age_band": bands, "count": counts, "population": people}, strict=False)


def weighted(weights, figure="weight"):
    bands = BANDS if len(weights) == len(BANDS) else [str(band) for band in range(len(weights))]
    return pl.DataFrame({"standard_population": "Ours", "age_band": bands, figure: weights}, strict=False)


def rate(counts, people, standard=STANDARD, **options):
    return directly(strata(counts, people), by="org_code", standard=standard, **options).row(0, named=True)


def compared(counts, people, standard=ENGLAND, **options):
    return indirectly(strata(counts, people), by="org_code", standard=standard, **options).row(0, named=True)


def by_byar(count, z=1.959964):
    """Byar's limits, written once more."""
    lower = count * (1 - 1 / (9 * count) - z / 3 / sqrt(count)) ** 3
    return lower, (count + 1) * (1 - 1 / (9 * (count + 1)) + z / 3 / sqrt(count + 1)) ** 3


class TestDirectly:
    def test_by_hand(self):
        # 10 of 20,000 are 50 per 100,000; 60 of 4,000 are 1,500. 80 % and 20 % of those: 40 + 300.
        found = rate([10, 60], [20_000, 4000])
        assert found["rate"] == pytest.approx(0.8 * 50 + 0.2 * 1500)
        # An event of the young adds 0.8 × 100,000 ÷ 20,000 = 4, one of the old 0.2 × 100,000 ÷ 4,000 = 5.
        assert found["variance"] == pytest.approx(10 * 4**2 + 60 * 5**2)
        lower, upper = by_byar(70)
        step = sqrt((10 * 4**2 + 60 * 5**2) / 70)
        limits = (340 + step * (lower - 70), 340 + step * (upper - 70))
        assert (found["lower"], found["upper"]) == pytest.approx(limits, rel=1e-6)
        assert (found["count"], found["population"]) == (70, 24_000)
        assert (found["withheld"], found["standard_population"]) == (None, "Ours")

    def test_downs_syndrome_as_published(self):
        found = rate(DOWNS_CASES, DOWNS_BIRTHS, weighted(DOWNS_STANDARD))
        # R's dsrTest, vignette: the rate, and the gamma interval of Fay and Feuer, which rests on rate and variance.
        assert found["rate"] == pytest.approx(75.52901, abs=5e-6)
        mean, variance = found["rate"], found["variance"]
        greatest = max(np.divide(DOWNS_STANDARD, DOWNS_BIRTHS)) / sum(DOWNS_STANDARD) * 100_000
        lower = stats.gamma.ppf(0.025, mean**2 / variance, scale=variance / mean)
        mean, variance = mean + greatest, variance + greatest**2
        upper = stats.gamma.ppf(0.975, mean**2 / variance, scale=variance / mean)
        assert (lower, upper) == pytest.approx((67.70212, 188.30017), abs=5e-6)

    def test_deaths_of_1940_with_the_ages_of_1960(self):
        found = rate(DEATHS_1940, PEOPLE_1940, weighted(PEOPLE_1960))
        rows = zip(DEATHS_1940, PEOPLE_1940, PEOPLE_1960, strict=True)
        expected = sum(weight * deaths / people for deaths, people, weight in rows) / sum(PEOPLE_1960)
        assert found["rate"] == pytest.approx(expected * 100_000)

    def test_a_population_shaped_like_the_standard_has_its_crude_rate(self):
        found = rate([7, 13], [8000, 2000], scale=1000)
        assert found["rate"] == pytest.approx(20 / 10)
        assert (found["lower"], found["upper"]) == pytest.approx(tuple(limit / 10 for limit in by_byar(20)), rel=1e-6)

    @given(
        st.lists(
            st.tuples(st.integers(0, 500), st.integers(1, 10**6), st.integers(1, 10_000)), min_size=3, max_size=19
        ),
        st.sampled_from([0.8, 0.95, 0.998]),
    )
    @settings(derandomize=True, deadline=None, max_examples=50)
    def test_a_second_implementation_agrees(self, rows, confidence):
        counts, people, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
        found = rate(counts, people, weighted(weights), minimum_events=1, confidence=confidence)
        events = counts.sum()
        if events == 0:
            assert found["withheld"] == "few_events"
            return
        shares = weights / weights.sum() / people
        mean, variance = (shares * counts).sum(), (shares**2 * counts).sum()
        limits = by_byar(events, stats.norm.isf((1 - confidence) / 2))
        if events < 10:
            tail = (1 - confidence) / 2
            limits = stats.chi2.ppf(tail, 2 * events) / 2, stats.chi2.isf(tail, 2 * events + 2) / 2
        reach = [mean + sqrt(variance / events) * (limit - events) for limit in limits]
        expected = np.array([mean, max(reach[0], 0), reach[1]]) * 1e5
        assert [found["rate"], found["lower"], found["upper"]] == pytest.approx(list(expected), rel=1e-6, abs=1e-9)

    def test_weights_count_only_beside_each_other(self):
        in_thousands = STANDARD.with_columns(pl.col("weight") * 1000)
        assert rate([10, 60], [20_000, 4000], in_thousands) == pytest.approx(rate([10, 60], [20_000, 4000]))

    def test_the_standard_population_of_2013_is_named_in_the_result(self):
        standard = standard_populations.load()
        bands = standard.select("age_band", count=pl.lit(2), population=pl.lit(1000), org_code=pl.lit("RJ1"))
        found = directly(bands, by="org_code", standard=standard).row(0, named=True)
        assert found["standard_population"] == "European Standard Population 2013"
        assert found["rate"] == pytest.approx(200)  # 2 of 1,000 at each age

    def test_populations_stay_apart_and_in_order(self):
        both = pl.concat(
            [
                strata([10, 60], [20_000, 4000], org_code="RJ1", year=2024),
                strata([20, 60], [20_000, 4000], org_code="RC9", year=2024),
                strata([30, 60], [20_000, 4000], org_code="RJ1", year=2023),
            ]
        )
        found = directly(both, by=["org_code", "year"], standard=STANDARD)
        assert found.select("org_code", "year", pl.col("rate").round(6)).rows() == [
            ("RJ1", 2024, 40 + 300),
            ("RC9", 2024, 80 + 300),
            ("RJ1", 2023, 120 + 300),
        ]

    def test_columns_may_have_other_names(self):
        renamed = strata([10, 60], [20_000, 4000]).rename({"age_band": "sex", "count": "falls", "population": "days"})
        standard = STANDARD.rename({"age_band": "sex"})
        options = {"stratum": "sex", "count": "falls", "population": "days"}
        found = directly(renamed, by="org_code", standard=standard, **options)
        assert found.row(0, named=True) == rate([10, 60], [20_000, 4000])

    def test_large_populations_in_small_integers_do_not_overflow(self):
        small = strata([10, 60], [2_000_000, 400_000]).cast({"population": pl.Int32, "count": pl.Int16})
        standard = STANDARD.with_columns((pl.col("weight") * 1000).cast(pl.Int32))
        assert directly(small, by="org_code", standard=standard)["rate"].item() == pytest.approx(0.4 + 3)

    @pytest.mark.parametrize(("events", "withheld"), [(9, "few_events"), (10, None), (11, None)])
    def test_a_rate_of_fewer_than_10_events_is_withheld(self, events, withheld):
        found = rate([0, events], [20_000, 4000])
        assert (found["withheld"], found["rate"] is None) == (withheld, withheld is not None)
        assert found["count"] == events

    def test_the_minimum_can_be_chosen(self):
        assert rate([0, 9], [20_000, 4000], minimum_events=9)["rate"] == pytest.approx(0.2 * 9 / 4000 * 100_000)

    def test_no_events_are_withheld_or_on_demand_a_rate_of_0_without_limits(self):
        assert rate([0, 0], [20_000, 4000])["withheld"] == Withheld.FEW_EVENTS
        found = rate([0, 0], [20_000, 4000], minimum_events=0)
        assert [found[name] for name in ("rate", "variance", "lower", "upper", "withheld")] == [0, 0, None, None, None]

    @pytest.mark.parametrize(
        ("counts", "people", "withheld"),
        [
            ([10, None], [20_000, 4000], Withheld.MISSING_COUNT),
            ([None, None], [20_000, 4000], Withheld.MISSING_COUNT),
            ([70, 0], [20_000, 0], Withheld.NO_POPULATION),
            ([5, None], [20_000, 0], Withheld.MISSING_COUNT),  # where several apply, the first
            ([5, 0], [20_000, 0], Withheld.NO_POPULATION),
        ],
    )
    def test_what_is_not_known_is_null_with_its_reason(self, counts, people, withheld):
        found = rate(counts, people)
        assert [found[name] for name in ("rate", "variance", "lower", "upper")] == [None] * 4
        assert found["withheld"] == withheld
        assert (found["count"] is None) == (withheld == Withheld.MISSING_COUNT)

    def test_one_population_withheld_leaves_the_others(self):
        both = pl.concat([strata([10, None], [20_000, 4000]), strata([10, 60], [20_000, 4000], org_code="RC9")])
        found = directly(both, by="org_code", standard=STANDARD)
        assert found["rate"].is_null().to_list() == [True, False]

    def test_events_without_people_are_refused(self):
        with pytest.raises(ParameterError, match="expected no events where there are no people"):
            rate([10, 60], [20_000, 0])

    def test_a_missing_stratum_is_refused(self):
        with pytest.raises(ParameterError, match=r"org_code 'RJ1' has no row for age_band '65\+'"):
            directly(strata([10, 60], [20_000, 4000]).head(1), by="org_code", standard=STANDARD)

    def test_a_stratum_without_weight_is_refused(self):
        with pytest.raises(ParameterError, match=r"age_band '65\+' is not in 'Ours'"):
            rate([10, 60], [20_000, 4000], STANDARD.head(1))

    def test_a_weight_of_0_is_refused(self):
        with pytest.raises(ParameterError, match="found weight 0, expected weights above 0"):
            rate([10, 60], [20_000, 4000], weighted([80, 0]))

    def test_a_negative_minimum_is_refused(self):
        with pytest.raises(ParameterError, match="minimum_events is -1: expected 0 or more"):
            rate([10, 60], [20_000, 4000], minimum_events=-1)

    def test_a_confidence_in_percent_is_refused(self):
        with pytest.raises(ParameterError, match="confidence is 95"):
            rate([10, 60], [20_000, 4000], confidence=95)


class TestIndirectly:
    def test_by_hand(self):
        # 20,000 × 0.001 + 4,000 × 0.02 = 20 + 80 expected.
        found = compared([10, 60], [20_000, 4000], scale=100)
        lower, upper = by_byar(70)
        assert (found["observed"], found["expected"]) == (70, pytest.approx(100))
        limits = (found["ratio"], found["lower"], found["upper"])
        assert limits == pytest.approx((70, lower, upper), rel=1e-6)
        assert (found["withheld"], found["standard_population"]) == (None, "England")

    def test_deaths_of_1940_beside_those_expected_with_the_rates_of_1960(self):
        rates = [deaths / people for deaths, people in zip(DEATHS_1960, PEOPLE_1960, strict=True)]
        found = compared(DEATHS_1940, PEOPLE_1940, weighted(rates, "rate"))
        expected = sum(people * each for people, each in zip(PEOPLE_1940, rates, strict=True))
        assert found["expected"] == pytest.approx(expected)
        assert found["ratio"] == pytest.approx(sum(DEATHS_1940) / expected)

    def test_the_standard_beside_itself_is_1(self):
        rates = [deaths / people for deaths, people in zip(DEATHS_1960, PEOPLE_1960, strict=True)]
        assert compared(DEATHS_1960, PEOPLE_1960, weighted(rates, "rate"))["ratio"] == pytest.approx(1)

    def test_populations_stay_apart_and_in_order(self):
        both = pl.concat([strata([10, 60], [20_000, 4000], org_code=org_code) for org_code in ("RJ1", "RC9")])
        assert indirectly(both, by="org_code", standard=ENGLAND)["org_code"].to_list() == ["RJ1", "RC9"]

    def test_without_people_in_a_stratum_none_is_expected_in_it(self):
        found = compared([10, 0], [20_000, 0])
        assert (found["expected"], found["ratio"], found["withheld"]) == (pytest.approx(20), pytest.approx(0.5), None)

    def test_no_events_are_a_ratio_of_0_with_limits(self):
        found = compared([0, 0], [20_000, 4000])
        assert (found["ratio"], found["lower"]) == (0, 0)
        assert found["upper"] == pytest.approx(3.688879 / 100)

    @pytest.mark.parametrize(
        ("counts", "people", "standard", "withheld"),
        [
            ([10, None], [20_000, 4000], ENGLAND, Withheld.MISSING_COUNT),
            ([0, 0], [0, 0], ENGLAND, Withheld.NOTHING_EXPECTED),
            ([10, 60], [20_000, 4000], weighted([0, 0], "rate"), Withheld.NOTHING_EXPECTED),
            ([None, 0], [0, 0], ENGLAND, Withheld.MISSING_COUNT),
        ],
    )
    def test_what_is_not_known_is_null_with_its_reason(self, counts, people, standard, withheld):
        found = compared(counts, people, standard)
        assert [found[name] for name in ("ratio", "lower", "upper")] == [None] * 3
        assert found["withheld"] == withheld

    def test_a_missing_stratum_is_refused(self):
        with pytest.raises(ParameterError, match=r"org_code 'RJ1' has no row for age_band '65\+'"):
            indirectly(strata([10, 60], [20_000, 4000]).head(1), by=["org_code"], standard=ENGLAND)


def figures(observed, expected, **options):
    table = pl.DataFrame({"o": [observed], "e": [expected]}, schema={"o": pl.Float64, "e": pl.Float64})
    return table.select(ratio(pl.col("o"), pl.col("e"), **options)).row(0)


class TestRatio:
    @pytest.mark.parametrize(
        ("observed", "published", "lower", "upper"),
        [
            # Standardised mortality ratios with exact limits, two decimals: PMC4715601, table II.
            (7, 0.29, 0.12, 0.60),
            (12, 0.28, 0.15, 0.50),
            (37, 0.60, 0.42, 0.82),
            (45, 0.54, 0.39, 0.72),
            (50, 0.38, 0.28, 0.50),
            (70, 0.46, 0.36, 0.58),
            (330, 0.43, 0.39, 0.48),
        ],
    )
    def test_as_published(self, observed, published, lower, upper):
        # Only the rounded ratio is printed, so the expected count is known to as many digits.
        assert figures(observed, observed / published) == pytest.approx((published, lower, upper), abs=0.0125)

    @pytest.mark.parametrize("observed", [1, 9])
    def test_below_10_events_the_limits_are_exact(self, observed):
        _, lower, upper = figures(observed, 4)
        assert stats.poisson.sf(observed - 1, lower * 4) == pytest.approx(0.025)
        assert stats.poisson.cdf(observed, upper * 4) == pytest.approx(0.025)

    @pytest.mark.parametrize("observed", [10, 11, 100])
    def test_from_10_events_the_limits_are_byars(self, observed):
        _, lower, upper = figures(observed, 4, scale=100)
        assert (lower, upper) == pytest.approx(tuple(limit / 4 * 100 for limit in by_byar(observed)), rel=1e-6)

    @pytest.mark.parametrize(
        ("observed", "expected"),
        [(None, 4), (-1, 4), (nan, 4), (inf, 4), (8, None), (8, 0), (0, 0), (8, -4), (8, nan), (8, inf)],
    )
    def test_what_makes_no_ratio_is_null(self, observed, expected):
        assert figures(observed, expected) == (None, None, None)

    def test_the_expressions_are_named(self):
        table = pl.DataFrame({"o": [8], "e": [3.59]})
        assert table.select(ratio(pl.col("o"), pl.col("e"))).columns == ["ratio", "lower", "upper"]

    def test_more_confidence_is_a_wider_interval(self):
        narrow, wide = figures(8, 3.59), figures(8, 3.59, confidence=0.998)
        assert wide[1] < narrow[1] < 8 / 3.59 < narrow[2] < wide[2]

    def test_a_confidence_in_percent_is_refused(self):
        with pytest.raises(ParameterError, match="confidence is 95"):
            figures(8, 3.59, confidence=95)
