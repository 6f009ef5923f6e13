"""P′ and U′ charts against qicharts2, a plain reading of Laney's formulae, and their edges."""

import math
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures.errors import ParameterError
from openmeasures.methods.laney import p_prime, u_prime
from openmeasures.methods.spc import xmr

PAGE = Path(__file__).resolve().parents[2] / "site" / "methods" / "large-and-rare.qmd"
DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=40)
LIMITS = ["mean", "lower_process_limit", "upper_process_limit"]
ADDED = [*LIMITS, "sigma_z", "standardised", "points"]

# A&E attendances in England seen within four hours, and all, in twenty weeks: Mohammed and others 2013, with Laney
# among them, https://doi.org/10.1136/bmjqs-2012-001373; `nhs_accidents` of qicharts2.
WITHIN_FOUR_HOURS = [
    266501, 264225, 276532, 281461, 269071, 261215, 270409, 279778, 270483, 270320,
    267923, 271478, 255353, 256820, 261835, 259144, 255910, 260863, 264465, 260989,
]  # fmt: skip
ATTENDANCES = [
    280443, 276823, 291681, 296155, 282343, 275888, 283867, 295251, 284468, 282529,
    279618, 283932, 266629, 268091, 276803, 271578, 266005, 273520, 278574, 273772,
]  # fmt: skip
# Hospital infections in the Capital Region of Denmark, and risk days, January 2015 to December 2016:
# `hospital_infections` of qicharts2, summed over hospitals and infections; days are rounded to hours here.
INFECTIONS = [
    575, 521, 585, 528, 507, 519, 457, 505, 494, 512, 543, 506,
    509, 521, 549, 531, 509, 528, 419, 512, 495, 513, 454, 490,
]  # fmt: skip
RISK_DAYS = [
    310466.83333329321, 282346.79166671709, 309089.70833330322, 287977.33333316818, 297743.37500002852,
    286988.25000001001, 261120.33333336981, 268720.75000004529, 284437.87500012899, 290449.49999993952,
    288104.45833330858, 279961.37499995198, 289803.95833335089, 275950.58333331929, 290824.45833333238,
    285495.75000004098, 282515.20833329752, 273927.8750000195, 253085.624999983, 262410.7083333832,
    275529.25000001222, 282405.08333336539, 259530.7916666563, 256235.45833330762,
]  # fmt: skip


def counts(numerators, denominators, *, org_code="RJ1"):
    return pl.DataFrame(
        {
            "org_code": org_code,
            "period_start": range(len(numerators)),
            "numerator": numerators,
            "denominator": denominators,
        },
        schema_overrides={
            "org_code": pl.String,
            "period_start": pl.Int64,
            "numerator": pl.Float64,
            "denominator": pl.Float64,
        },
    )


def plain(numerators, denominators, *, poisson=False):
    """Laney's formulae read aloud: mean, sigma_z, and lower limit, upper limit and standardised value of each point."""
    mean = sum(numerators) / sum(denominators)
    sigmas = [math.sqrt((mean if poisson else mean * (1 - mean)) / n) for n in denominators]
    z = [(x / n - mean) / sigma for x, n, sigma in zip(numerators, denominators, sigmas, strict=True)]
    sigma_z = fmean(abs(b - a) for a, b in pairwise(z)) / 1.128
    highest = math.inf if poisson else 1
    return (
        mean,
        sigma_z,
        [
            (max(0, mean - 3 * s * sigma_z), min(highest, mean + 3 * s * sigma_z), distance / sigma_z)
            for s, distance in zip(sigmas, z, strict=True)
        ],
    )


# ---- golden values


def test_p_prime_as_published():
    # qicharts2 0.8.1, chart = "pp", as printed in test/fixtures/qicharts2.ts of PowerBI-SPC at d4bb4f6.
    chart = p_prime(counts(WITHIN_FOUR_HOURS, ATTENDANCES))
    assert chart["mean"].unique().item() == pytest.approx(0.95289971134419116, rel=1e-14)
    for row, lower, upper in (
        (0, 0.9401296441775141, 0.96566977851086822),
        (1, 0.94004641862513627, 0.96575300406324605),
        (12, 0.93980301398912502, 0.96599640869925729),
        (19, 0.93997499652290417, 0.96582442616547814),
    ):
        assert chart.select(LIMITS[1:]).row(row) == pytest.approx((lower, upper), rel=1e-14)


def test_u_prime_as_published():
    # qicharts2 0.8.1, chart = "up", from the same file.
    chart = u_prime(counts(INFECTIONS, RISK_DAYS), scale=1000)
    assert chart["mean"].unique().item() == pytest.approx(1.8235751654857593, rel=1e-14)
    for row, lower, upper in (
        (0, 1.5763817754848699, 2.0707685554866484),
        (11, 1.5632624392410799, 2.0838878917304386),
        (18, 1.5497894911090633, 2.0973608398624553),
        (23, 1.5514774813533132, 2.0956728496182051),
    ):
        assert chart.select(LIMITS[1:]).row(row) == pytest.approx((lower, upper), rel=1e-14)


def test_segments_as_published():
    # chart = "up", part = 12, and the first year of it again on its own.
    frame = counts(INFECTIONS, RISK_DAYS).with_columns(segment=pl.Series([1] * 12 + [2] * 12))
    chart = u_prime(frame, segment="segment", minimum_points=12)
    assert chart["mean"][0] == pytest.approx(0.0018135371760980396, rel=1e-14)
    assert chart["upper_process_limit"][0] == pytest.approx(0.0020242569108607405, rel=1e-13)
    for part in (slice(0, 12), slice(12, 24)):
        alone = u_prime(counts(INFECTIONS[part], RISK_DAYS[part]), minimum_points=12)
        assert_frame_equal(alone.select(ADDED), chart[part].select(ADDED))


def test_sixteen_of_twenty_weeks_lie_outside_a_p_chart_and_none_outside_p_prime():
    chart = p_prime(counts(WITHIN_FOUR_HOURS, ATTENDANCES))
    beyond_chance = (chart["standardised"] * chart["sigma_z"]).abs() > 3
    assert (beyond_chance.sum(), (chart["standardised"].abs() > 3).sum()) == (16, 0)
    assert chart["sigma_z"][0] == pytest.approx(10.64, abs=0.005)


# ---- the formulae

sizes = st.integers(1, 5000)
pairs = st.lists(sizes.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=13, max_size=30)


@given(pairs)
@DETERMINISTIC
def test_both_charts_are_the_formulae_read_aloud(cases):
    numerators, denominators = (list(column) for column in zip(*cases, strict=True))
    if len({x / n for x, n in cases}) == 1:
        return  # constant: the formulae divide by 0, and a test of its own says what we do
    for chart, poisson in ((p_prime, False), (u_prime, True)):
        result = chart(counts(numerators, denominators))
        mean, sigma_z, points = plain(numerators, denominators, poisson=poisson)
        assert result.select("mean", "sigma_z").unique().row(0) == pytest.approx((mean, sigma_z), rel=1e-9)
        for ours, theirs in zip(result.select(*LIMITS[1:], "standardised").rows(), points, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-9)


@given(pairs)
@DETERMINISTIC
def test_standardised_values_lie_beyond_three_where_points_lie_beyond_limits(cases):
    numerators, denominators = (list(column) for column in zip(*cases, strict=True))
    result = (
        u_prime(counts(numerators, denominators))
        .with_columns(value=pl.col("numerator") / pl.col("denominator"))
        .filter((pl.col("standardised").abs() - 3).abs() > 1e-6, pl.col("standardised") > 0)
    )
    above = result["value"] > result["upper_process_limit"]
    assert above.to_list() == (result["standardised"] > 3).to_list()


def test_equal_denominators_give_an_xmr_chart():
    shares = [72, 78, 75, 71, 80, 76, 74, 73, 79, 77, 75, 74, 76]
    chart = p_prime(counts([100 * x for x in shares], [10_000] * 13), scale=100)
    reach = 3 / 1.128 * fmean(abs(b - a) for a, b in pairwise(shares))
    assert chart.select(LIMITS).row(5) == pytest.approx((fmean(shares), fmean(shares) - reach, fmean(shares) + reach))


def test_sigma_z_is_near_one_where_there_is_nothing_but_chance():
    rng = np.random.default_rng(2002)
    denominators = rng.integers(200, 5000, size=2000)
    chart = p_prime(counts(rng.binomial(denominators, 0.7), denominators))
    assert chart["sigma_z"][0] == pytest.approx(1, abs=0.03)
    assert (chart["standardised"].abs() > 3).mean() == pytest.approx(0.0027, abs=0.002)


def test_limits_are_wider_where_the_denominator_is_smaller():
    chart = p_prime(counts([50, 30, 55, 2800] * 4, [100, 50, 100, 5000] * 4))
    reach = (chart["upper_process_limit"] - chart["mean"]).to_list()[:4]
    assert reach[1] > reach[0] == reach[2] > reach[3]
    assert reach[0] / reach[1] == pytest.approx(math.sqrt(50 / 100))


def test_ranges_are_screened_on_request():
    numerators = [71, 73] * 8 + [20] + [71, 73] * 8
    frame = counts(numerators, [100] * 33)
    widths = [p_prime(frame, screen_moving_ranges=screened)["sigma_z"][0] for screened in (False, True)]
    mean = sum(numerators) / 3300
    sigma = math.sqrt(mean * (1 - mean) / 100)
    # 30 ranges of 2 points, and one of 53 and one of 51, which the screen leaves out.
    assert widths == pytest.approx([(30 * 2 + 53 + 51) / 32 / 100 / sigma / 1.128, 2 / 100 / sigma / 1.128])


# ---- edges


@pytest.mark.parametrize("share", [0, 1, 0.25])
@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize("chart", [p_prime, u_prime])
def test_a_constant_series_has_both_limits_at_its_mean(share, screened, chart):
    denominators = [40, 4000, 120, 44] * 4
    result = chart(counts([share * n for n in denominators], denominators), scale=100, screen_moving_ranges=screened)
    assert set(result.select(*LIMITS, "sigma_z", "standardised").rows()) == {(*(share * 100,) * 3, 0, 0)}


def test_rounding_is_no_variation():
    denominators = [30, 70, 210, 7] * 4
    result = u_prime(counts([n * 0.1 for n in denominators], denominators))
    assert set(result.select("sigma_z", "standardised").rows()) == {(0, 0)}


@pytest.mark.parametrize("gap", [(None, 10), (5, None), (None, None), (0, 0), (None, 0)])
@pytest.mark.parametrize("chart", [p_prime, u_prime])
def test_a_row_without_a_value_is_passed_over(gap, chart):
    cases = [(4, 10), (6, 12), (5, 9), (7, 10)] * 4
    whole = chart(counts(*zip(*cases, strict=True)))
    cases.insert(6, gap)
    result = chart(counts(*zip(*cases, strict=True)))
    assert_frame_equal(result[[*range(6), *range(7, 17)]].select(ADDED), whole.select(ADDED))
    mean, lower, upper, sigma_z, standardised, points = result.select(ADDED).row(6)
    assert (mean, sigma_z, points) == (whole["mean"][0], whole["sigma_z"][0], 16)
    assert (lower, upper, standardised) == (None, None, None)


@pytest.mark.parametrize(("count", "charted"), [(12, False), (13, True)])
def test_limits_need_thirteen_values(count, charted):
    result = p_prime(counts([*([1, 2] * 7)[:count], None], [5] * (count + 1)))
    assert result["points"].to_list() == [count] * (count + 1)
    assert [column.is_not_null().any() for column in result.select(ADDED[:-1])] == [charted] * 5


@pytest.mark.parametrize("numerators", [[], [None] * 20, [0] * 20])
def test_no_value_at_all(numerators):
    result = u_prime(counts(numerators, [0] * len(numerators)))
    assert result["points"].to_list() == [0] * len(numerators)
    assert result.select(ADDED[:-1]).null_count().row(0) == (len(numerators),) * 5


def test_limits_beyond_what_is_possible_are_drawn_at_the_bound():
    result = p_prime(counts([9, 10, 10, 8] * 4, [10] * 16), scale=100)
    assert result["upper_process_limit"].unique().to_list() == [100]
    assert u_prime(counts([9, 10, 10, 8] * 4, [10] * 16), scale=100)["upper_process_limit"][0] > 100
    assert u_prime(counts([0, 3, 0, 1] * 4, [10] * 16))["lower_process_limit"].unique().to_list() == [0]


def test_columns_may_have_other_names_and_others_are_kept():
    names = {"org_code": "site", "period_start": "week", "numerator": "seen", "denominator": "all"}
    frame = counts(WITHIN_FOUR_HOURS, ATTENDANCES)
    options = dict(zip(("by", "order", "numerator", "denominator"), names.values(), strict=True))
    result = p_prime(frame.rename(names).with_columns(note=pl.lit("kept")), **options)
    assert result.columns == [*names.values(), "note", *ADDED]
    assert_frame_equal(result.select(ADDED), p_prime(frame).select(ADDED))


@pytest.mark.parametrize(
    ("chart", "numerator", "denominator", "said"),
    [
        (
            p_prime,
            11,
            10,
            "found numerator 11.0, denominator 10.0, expected a numerator that is part of its denominator",
        ),
        (p_prime, 1, 0, "expected a numerator that is part of its denominator"),
        (u_prime, 1, 0, "expected no events where there is no exposure"),
        (p_prime, -1, 10, "expected counts of 0 or more"),
        (u_prime, 0, -1, "expected counts of 0 or more"),
        (u_prime, math.inf, 10, "expected a finite value"),
        (u_prime, 3, math.nan, "expected a finite value"),
    ],
)
def test_impossible_counts_are_refused(chart, numerator, denominator, said):
    with pytest.raises(ParameterError) as refusal:
        chart(counts([1, numerator], [10, denominator]))
    assert "organisation 'RJ1', period 1: " in str(refusal.value)
    assert said in str(refusal.value)


def test_more_events_than_exposure_is_a_rate():
    assert u_prime(counts([25, 30] * 7, [10] * 14))["mean"][0] == 2.75


def test_a_minimum_that_no_range_could_have_is_refused():
    with pytest.raises(ParameterError, match="minimum_points is 1"):
        p_prime(counts([1], [2]), minimum_points=1)


# ---- properties

ragged = st.lists(st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(1, 60)), min_size=0, max_size=24)


@given(ragged, ragged, st.randoms())
@DETERMINISTIC
def test_organisations_are_independent_and_rows_keep_their_order(first, second, random):
    frames = [
        counts([x for x, _ in rows], [n for _, n in rows], org_code=code)
        for code, rows in (("B", first), ("A", second))
    ]
    alone = pl.concat([u_prime(frame) for frame in frames])
    shuffled = random.sample(range(alone.height), alone.height)
    assert_frame_equal(u_prime(pl.concat(frames)[shuffled]), alone[shuffled], rel_tol=1e-12)


@given(pairs, st.sampled_from([0.001, 7, 1000]))
@DETERMINISTIC
def test_a_scale_scales_the_limits_and_leaves_the_rest(cases, scale):
    frame = counts(*zip(*cases, strict=True))
    once, scaled = p_prime(frame), p_prime(frame, scale=scale)
    assert_frame_equal(scaled.select(LIMITS), once.select(pl.col(LIMITS) * scale), rel_tol=1e-9)
    assert_frame_equal(scaled.select("sigma_z", "standardised"), once.select("sigma_z", "standardised"))


@given(pairs)
@DETERMINISTIC
def test_the_complement_has_the_mirror_image_of_the_chart(cases):
    chart = p_prime(counts(*zip(*cases, strict=True)))
    mirror = p_prime(counts(*zip(*((n - x, n) for x, n in cases), strict=True)))
    assert_frame_equal(
        mirror.select("mean", lower="lower_process_limit", z="standardised"),
        chart.select(mean=1 - pl.col("mean"), lower=1 - pl.col("upper_process_limit"), z=-pl.col("standardised")),
        rel_tol=1e-6,
        abs_tol=1e-9,
    )


# ---- the page


def test_the_worked_example_of_the_page_is_worked_out():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    mean, lower, upper, sigma_z, *_ = p_prime(counts(WITHIN_FOUR_HOURS, ATTENDANCES), scale=100).select(ADDED).row(0)
    sigma = 100 * math.sqrt(mean / 100 * (1 - mean / 100) / ATTENDANCES[0])
    assert f"The mean is {mean:.2f} %" in page
    assert f"chance alone has a sigma of {sigma:.3f} points" in page
    assert f"its limits {3 * sigma:.2f} points from the mean" in page
    assert f"σ_z is {sigma_z:.2f}, and the first week's limits are {lower:.2f} % and {upper:.2f} %" in page


def test_the_months_of_different_size_on_the_page():
    rng = np.random.default_rng(9)
    sizes = np.tile([400, 400, 400, 100], 12 * 500)
    frame = pl.DataFrame(
        {
            "org_code": np.repeat(np.arange(500), 48),
            "period_start": np.tile(np.arange(48), 500),
            "numerator": rng.binomial(sizes, 0.8),
            "denominator": sizes,
        }
    ).with_columns(value=pl.col("numerator") / pl.col("denominator"))
    plain, prime = xmr(frame, improvement="increase"), p_prime(frame)
    within = pl.col("value").is_between("lower_process_limit", "upper_process_limit")
    for size, by_xmr, by_prime in ((100, 0.05, 0.003), (400, 0.0006, 0.003)):
        small = pl.col("denominator") == size
        assert 1 - plain.filter(small).select(within.mean()).item() == pytest.approx(by_xmr, rel=0.25)
        assert (prime.filter(small)["standardised"].abs() > 3).mean() == pytest.approx(by_prime, rel=0.25)
