"""Intervals against published figures, the equations that define them, scipy and statsmodels, and at their edges."""

from math import inf, log, nan, sqrt
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from openmeasures.errors import ParameterError
from openmeasures.methods.intervals import byar, dobson, exact_binomial, exact_poisson, poisson, wilson

Z95 = 1.959964  # the 97.5th percentile of the standard normal distribution, as printed in tables


CONFIDENCES = st.sampled_from([0.5, 0.8, 0.95, 0.998])


def limits(*figures, method=wilson, **options):
    names = list("abc")[: len(figures)]
    table = pl.DataFrame([figures], schema=dict.fromkeys(names, pl.Float64), orient="row")
    return table.select(method(*map(pl.col, names), **options)).row(0)


@pytest.mark.parametrize(
    ("numerator", "denominator", "lower", "upper"),
    [
        # By hand: half of the cases, so the interval is 1/2 ± z / 2√(n + z²).
        (5, 10, 1 / 2 - Z95 / 2 / sqrt(10 + Z95**2), 1 / 2 + Z95 / 2 / sqrt(10 + Z95**2)),
        (50, 100, 1 / 2 - Z95 / 2 / sqrt(100 + Z95**2), 1 / 2 + Z95 / 2 / sqrt(100 + Z95**2)),
        # None and all: the other limit is z² / (n + z²) from the edge.
        (0, 10, 0, Z95**2 / (10 + Z95**2)),
        (10, 10, 10 / (10 + Z95**2), 1),
        (0, 1, 0, Z95**2 / (1 + Z95**2)),
        # Newcombe 1998, Statistics in Medicine 17: 857-872, table I, method 3: four decimals.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_limits_by_hand_and_as_published(numerator, denominator, lower, upper):
    assert limits(numerator, denominator) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 10**7), st.floats(0, 1), CONFIDENCES)
@settings(derandomize=True, deadline=None)
def test_the_score_test_just_does_not_reject_either_limit(denominator, share, confidence):
    numerator = round(share * denominator)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    observed = numerator / denominator
    lower, upper = limits(numerator, denominator, confidence=confidence)
    assert 0 <= lower <= observed <= upper <= 1
    for limit in (lower, upper):
        assert (observed - limit) ** 2 == pytest.approx(z**2 * limit * (1 - limit) / denominator, rel=1e-6, abs=1e-15)


@given(st.integers(1, 10**9))
@settings(derandomize=True, deadline=None)
def test_none_is_exactly_0_and_all_exactly_1(denominator):
    assert limits(0, denominator)[0] == 0
    assert limits(denominator, denominator)[1] == 1


@pytest.mark.parametrize("method", [wilson, exact_binomial])
@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [(0, 0), (1, 0), (None, 10), (1, None), (None, None), (-1, 10), (11, 10), (1, -10), (nan, 10), (1, nan), (1, inf)],
)
def test_counts_that_make_no_proportion_have_no_interval(numerator, denominator, method):
    assert limits(numerator, denominator, method=method) == (None, None)


@pytest.mark.parametrize(
    ("method", "figures"),
    [
        (wilson, (8, 10)),
        (exact_binomial, (8, 10)),
        (byar, (8,)),
        (exact_poisson, (8,)),
        (poisson, (8,)),
        (dobson, (50, 25, 100)),
    ],
)
class TestConfidence:
    def test_more_confidence_is_a_wider_interval(self, method, figures):
        narrow, wide = limits(*figures, method=method), limits(*figures, method=method, confidence=0.998)
        assert wide[0] < narrow[0] < narrow[1] < wide[1]

    def test_its_default_is_95_percent(self, method, figures):
        assert limits(*figures, method=method) == limits(*figures, method=method, confidence=0.95)

    @pytest.mark.parametrize("confidence", [-0.5, 0, 1, 95, nan])
    def test_outside_0_to_1_it_is_refused(self, method, figures, confidence):
        with pytest.raises(ParameterError, match=r"expected a share between 0 and 1, such as 0\.95"):
            limits(*figures, method=method, confidence=confidence)

    def test_the_expressions_are_named_lower_and_upper(self, method, figures):
        table = pl.DataFrame([figures], schema=list("abc")[: len(figures)], orient="row")
        assert table.select(method(*map(pl.col, table.columns))).columns == ["lower", "upper"]


class TestExactBinomial:
    @pytest.mark.parametrize(
        ("numerator", "denominator", "lower", "upper"),
        [
            # Newcombe 1998, Statistics in Medicine 17: 857-872, table I, method 5: four decimals.
            (81, 263, 0.2527, 0.3676),
            (15, 148, 0.0578, 0.1617),
            (0, 20, 0.0000, 0.1684),
            (1, 29, 0.0009, 0.1776),
            # By hand: none of n has the probability (1 - p)ⁿ, which is 0.025 at the upper limit; one of one, p.
            (0, 10, 0, 1 - 0.025 ** (1 / 10)),
            (10, 10, 0.025 ** (1 / 10), 1),
            (1, 1, 0.025, 1),
        ],
    )
    def test_limits_by_hand_and_as_published(self, numerator, denominator, lower, upper):
        assert limits(numerator, denominator, method=exact_binomial) == pytest.approx((lower, upper), abs=5e-5)

    @given(st.integers(1, 10**7), st.floats(0, 1), CONFIDENCES)
    @settings(derandomize=True, deadline=None)
    def test_scipy_and_statsmodels_agree(self, denominator, share, confidence):
        numerator = round(share * denominator)
        found = limits(numerator, denominator, method=exact_binomial, confidence=confidence)
        theirs = proportion_confint(numerator, denominator, alpha=1 - confidence, method="beta")
        assert found == pytest.approx(theirs, rel=1e-9)
        if denominator < 1000:  # scipy searches for the root, which takes long
            other = stats.binomtest(numerator, denominator).proportion_ci(confidence, method="exact")
            assert found == pytest.approx((other.low, other.high), rel=1e-6)

    @given(st.integers(1, 10**9))
    @settings(derandomize=True, deadline=None)
    def test_none_is_exactly_0_and_all_exactly_1(self, denominator):
        assert limits(0, denominator, method=exact_binomial)[0] == 0
        assert limits(denominator, denominator, method=exact_binomial)[1] == 1

    def test_a_literal_count_meets_a_column(self):
        attended = pl.DataFrame({"attended": [10, 20]})
        assert attended.select(exact_binomial(pl.lit(8), pl.col("attended"))).rows() == [
            limits(8, 10, method=exact_binomial),
            limits(8, 20, method=exact_binomial),
        ]


class TestPoissonCounts:
    @pytest.mark.parametrize(
        ("count", "lower", "upper"),
        [
            # Garwood 1936 and Biometrika tables for statisticians, volume I, table 40.
            (0, 0, 3.69),
            (1, 0.0253, 5.57),
            (5, 1.62, 11.67),
            (10, 4.80, 18.39),
            (20, 12.22, 30.89),
            (50, 37.11, 65.92),
        ],
    )
    def test_exact_limits_as_in_printed_tables(self, count, lower, upper):
        assert limits(count, method=exact_poisson) == pytest.approx((lower, upper), abs=5e-3)

    @pytest.mark.parametrize(
        ("count", "lower", "upper"),
        [
            # By hand: no event has the probability exp(-m), which is 0.025 at the upper limit.
            (0, 0, -log(0.025)),
            # FunnelPlotR's test of exact limits around a target, by its expected count: 15 × 0.5596924, and so on.
            (15, 15 * 0.5596924, 15 * 1.649348),
            (20, 20 * 0.6108260, 20 * 1.544419),
            (30, 30 * 0.6746958, 30 * 1.427562),
        ],
    )
    def test_exact_limits_by_hand_and_in_the_test_of_funnelplotr(self, count, lower, upper):
        assert limits(count, method=exact_poisson) == pytest.approx((lower, upper), rel=1e-6)

    @pytest.mark.parametrize(
        ("confidence", "count", "lower", "upper"),
        [
            # DHSC's PHStatsMethods, testdata_funnel_ratio_outputs.csv, found there by search to about seven digits.
            (0.95, 1, 0.025317898, 5.571644585),
            (0.95, 9, 4.11537405, 17.08479966),
            (0.95, 100, 81.36400699, 121.6268111),
            (0.95, 716, 664.5083011, 770.4222128),
            (0.998, 1, 0.001000547, 9.233410143),
            (0.998, 9, 2.452425215, 22.65737951),
            (0.998, 100, 71.92139974, 134.9243187),
            (0.998, 716, 636.1521174, 802.60414),
        ],
    )
    def test_exact_limits_in_the_test_data_of_dhsc(self, confidence, count, lower, upper):
        found = limits(count, method=exact_poisson, confidence=confidence)
        assert found == pytest.approx((lower, upper), rel=5e-5 if count == 1 else 1e-6)

    @given(st.integers(0, 10**7), CONFIDENCES)
    @settings(derandomize=True, deadline=None)
    def test_beyond_each_exact_limit_is_the_tail(self, count, confidence):
        lower, upper = limits(count, method=exact_poisson, confidence=confidence)
        assert stats.poisson.cdf(count, upper) == pytest.approx((1 - confidence) / 2, rel=1e-6)
        if count:
            assert stats.poisson.sf(count - 1, lower) == pytest.approx((1 - confidence) / 2, rel=1e-6)
        else:
            assert lower == 0

    @pytest.mark.parametrize(
        ("count", "lower", "upper"),
        [
            (100, 100 * (1 - 1 / 900 - Z95 / 30) ** 3, 101 * (1 - 1 / 909 + Z95 / (3 * sqrt(101))) ** 3),
            (9, 9 * (1 - 1 / 81 - Z95 / 9) ** 3, 10 * (1 - 1 / 90 + Z95 / (3 * sqrt(10))) ** 3),
            (1, (1 - 1 / 9 - Z95 / 3) ** 3, 2 * (1 - 1 / 18 + Z95 / (3 * sqrt(2))) ** 3),
            (0, 0, (1 - 1 / 9 + Z95 / 3) ** 3),
        ],
    )
    def test_byar_by_hand(self, count, lower, upper):
        assert limits(count, method=byar) == pytest.approx((lower, upper), rel=1e-6)

    @pytest.mark.parametrize(("confidence", "share"), [(0.95, 0.002), (0.998, 0.015)])
    def test_byar_is_as_near_to_the_exact_limits_from_10_as_phe_says(self, confidence, share):
        # Public Health Data Science, Technical guide: confidence intervals, May 2018: 0.2 % at 95 %.
        counts = pl.DataFrame({"n": range(10, 5000)})
        near = counts.select(*byar(pl.col("n"), confidence=confidence))
        exact = counts.select(*exact_poisson(pl.col("n"), confidence=confidence))
        assert (near / exact - 1).select(pl.max_horizontal(pl.all().abs().max())).item() < share

    def test_byar_lower_is_exactly_0_without_events_and_never_negative(self):
        assert limits(0, method=byar)[0] == 0
        assert 1 - 1 / 9 - 3.09 / 3 < 0  # the cube of which would be negative
        assert limits(1, method=byar, confidence=0.998)[0] == 0

    @pytest.mark.parametrize(
        ("count", "as_method"), [(0, exact_poisson), (9, exact_poisson), (10, byar), (11, byar), (1e6, byar)]
    )
    def test_ohid_takes_exact_limits_below_10_and_byar_from_10(self, count, as_method):
        assert limits(count, method=poisson, confidence=0.998) == limits(count, method=as_method, confidence=0.998)

    @pytest.mark.parametrize("method", [byar, exact_poisson, poisson])
    @pytest.mark.parametrize("count", [None, -1, -0.5, nan, inf])
    def test_what_is_no_count_has_no_interval(self, count, method):
        assert limits(count, method=method) == (None, None)

    @pytest.mark.parametrize("method", [byar, exact_poisson, poisson])
    def test_a_null_leaves_its_neighbours_alone(self, method):
        counts = pl.DataFrame({"n": [5, None, 50]})
        assert counts.select(method(pl.col("n"))).rows() == [
            limits(5, method=method),
            (None, None),
            limits(50, method=method),
        ]

    @pytest.mark.parametrize("method", [byar, exact_poisson, poisson])
    def test_no_rows_are_no_rows(self, method):
        assert pl.DataFrame(schema={"n": pl.Int64}).select(method(pl.col("n"))).rows() == []


class TestDobson:
    @pytest.mark.parametrize("count", [1, 9, 10, 100])
    def test_with_equal_weights_it_is_the_crude_rate(self, count):
        # Each event weighs 0.5, so the rate is 0.5 × the count and its variance 0.25 × the count.
        lower, upper = limits(count, method=poisson)
        found = limits(0.5 * count, 0.25 * count, count, method=dobson)
        assert found == pytest.approx((0.5 * lower, 0.5 * upper), rel=1e-12)

    def test_the_limits_of_the_count_are_scaled_by_hand(self):
        lower = 20 * (1 - 1 / 180 - Z95 / (3 * sqrt(20))) ** 3
        upper = 21 * (1 - 1 / 189 + Z95 / (3 * sqrt(21))) ** 3
        # √(45 ÷ 20) = 1.5
        found = limits(28, 45, 20, method=dobson)
        assert found == pytest.approx((28 + 1.5 * (lower - 20), 28 + 1.5 * (upper - 20)), rel=1e-6)

    def test_a_lower_limit_below_0_is_0(self):
        # Nine strata with an event of weight 1 and one of weight 20: rate 29, variance 409, √(409 ÷ 10) = 6.4.
        assert 29 - 6.4 * (10 - 4.79) < 0
        assert limits(29, 409, 10, method=dobson)[0] == 0

    @pytest.mark.parametrize(
        "figures",
        [
            (0, 0, 0),
            (None, 25, 100),
            (50, None, 100),
            (50, 25, None),
            (-1, 25, 100),
            (50, -1, 100),
            (50, 25, -1),
            (nan, 25, 100),
            (50, nan, 100),
            (50, 25, nan),
            (inf, 25, 100),
            (50, inf, 100),
            (50, 25, inf),
        ],
    )
    def test_what_makes_no_rate_has_no_interval(self, figures):
        assert limits(*figures, method=dobson) == (None, None)

    def test_no_variance_is_no_width(self):
        assert limits(50, 0, 100, method=dobson) == (50, 50)
