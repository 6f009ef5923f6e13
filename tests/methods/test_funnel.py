"""Limits against golden values and scipy, false-alarm rates by simulation, positions by hand."""

from math import nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from openmeasures.errors import ParameterError
from openmeasures.methods.funnel import LEVELS, LIMITS, Funnel, Position, funnel
from openmeasures.methods.overdispersion import SCALES


def frame(numerators, denominators):
    return pl.DataFrame(
        {"numerator": numerators, "denominator": denominators},
        schema={"numerator": pl.Float64, "denominator": pl.Float64},
    )


def of_known(kind, scale, *, target, between_variance, is_corrected=True):
    """A funnel whose target and variance are given, to look at its limits alone."""
    is_adjusted = between_variance > 0
    return Funnel(pl.DataFrame(), kind, target, scale, 1.0, between_variance, is_adjusted, is_corrected, 0, 0)


# ---- golden values


# FunnelPlotR's own test of exact Poisson limits (9020d49), target 1.
@pytest.mark.parametrize(
    ("expected", "lower_99_8", "lower_95", "upper_95", "upper_99_8"),
    [
        (15, 0.3862650, 0.5596924, 1.649348, 2.082907),
        (20, 0.4479107, 0.6108260, 1.544419, 1.902094),
        (30, 0.5289724, 0.6746958, 1.427562, 1.702771),
    ],
)
def test_exact_limits_of_a_ratio(expected, lower_99_8, lower_95, upper_95, upper_99_8):
    found = of_known("ratio", "logarithm", target=1, between_variance=0, is_corrected=False).limits([expected])
    assert found.select(LIMITS).row(0) == pytest.approx((lower_99_8, lower_95, upper_95, upper_99_8), rel=5e-7)


def test_limits_of_shmi_with_overdispersion():
    found = of_known("ratio", "logarithm", target=1, between_variance=0.0194776).limits([100])
    assert found.select(LIMITS).row(0) == pytest.approx((0.588274, 0.714261, 1.400048, 1.699888), abs=2e-6)


def test_the_whole_of_shmi_from_counts():
    """Their data six times over: enough to estimate from, and the same spread but for who is trimmed."""
    observed, expected = [100, 150, 180, 80, 120, 225] * 6, [108, 112, 165, 95, 100, 220] * 6
    found = funnel(frame(observed, expected), kind="ratio", is_corrected=False)
    z_scores = np.log(np.array(observed) / expected) * np.sqrt(expected)
    assert found.points["z_score"].to_numpy() == pytest.approx(z_scores)
    assert (found.target, found.scale, found.is_adjusted, found.organisations) == (1, "logarithm", True, 36)
    # Left out are ranks to 3 and from 34 on: groups ⌊10 rank ÷ 37⌋ of 0 and 9.
    ranks = stats.rankdata(z_scores)
    kept = (ranks * 10 // 37 > 0) & (ranks * 10 // 37 < 9)
    assert found.dispersion == pytest.approx(np.mean(z_scores[kept] ** 2))
    weights = np.array(expected)[kept]
    excess = np.sum(z_scores[kept] ** 2) - (len(weights) - 1)
    assert found.between_variance == pytest.approx(excess / (weights.sum() - (weights**2).sum() / weights.sum()))
    reach = stats.norm.ppf(0.999) * np.sqrt(1 / np.array(expected) + found.between_variance)
    assert found.points["upper_99_8"].to_numpy() == pytest.approx(np.exp(reach))


# ---- a second implementation


@pytest.mark.parametrize(
    ("kind", "scale", "target", "size", "forth", "back", "error"),
    [
        ("proportion", "arcsine", 0.7, 400, lambda p: np.arcsin(np.sqrt(p)), lambda a: np.sin(a) ** 2, 1 / (2 * 20)),
        ("rate", "square_root", 0.04, 10_000, np.sqrt, np.square, 0.2 / (2 * 20)),  # √target ÷ 2√expected
        ("rate", "logarithm", 0.04, 10_000, np.log, np.exp, 1 / 20),
        ("ratio", "square_root", 1, 400, np.sqrt, np.square, 1 / (2 * 20)),
    ],
)
def test_adjusted_limits_by_hand(kind, scale, target, size, forth, back, error):
    found = of_known(kind, scale, target=target, between_variance=0.03**2).limits([size])
    for name, z in (("95", 1.959964), ("99_8", 3.090232)):
        reach = z * np.sqrt(error**2 + 0.03**2)
        assert found[f"lower_{name}"].item() == pytest.approx(back(forth(target) - reach), rel=1e-6)
        assert found[f"upper_{name}"].item() == pytest.approx(back(forth(target) + reach), rel=1e-6)


# ---- false alarms


def share_beyond(values, limits, name):
    return np.mean((values < limits[f"lower_{name}"].to_numpy()) | (values > limits[f"upper_{name}"].to_numpy()))


DRAWS = 3_000_000  # so that chance alone moves a rate of 0.2 % by 1.3 % of itself


def stable(kind, random):
    """Draw values of organisations that differ by chance alone, with their sizes and the target."""
    if kind == "proportion":
        sizes, target = random.integers(200, 5_000, 2_000), 0.75
        return sizes, target, random.binomial(sizes, target, (DRAWS // 2_000, 2_000)) / sizes
    sizes, target = (random.uniform(100, 5_000, 2_000), 1.0) if kind == "ratio" else (
        random.integers(1_000, 50_000, 2_000), 0.02,
    )  # fmt: skip
    return sizes, target, random.poisson(sizes * target, (DRAWS // 2_000, 2_000)) / sizes


@pytest.mark.parametrize(
    ("kind", "scale"), [("proportion", "arcsine"), ("rate", "square_root"), ("ratio", "logarithm")]
)
def test_false_alarms_of_exact_limits_are_nominal(kind, scale):
    sizes, target, values = stable(kind, np.random.default_rng(11))
    limits = of_known(kind, scale, target=target, between_variance=0).limits(sizes)
    for name, level in LEVELS.items():
        assert share_beyond(values, limits, name) == pytest.approx(1 - level, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "scale", "spread"),
    [("proportion", "arcsine", 0.06), ("rate", "square_root", 0.015), ("ratio", "logarithm", 0.12)],
)
def test_false_alarms_of_adjusted_limits_are_nominal_where_the_spread_is_known(kind, scale, spread):
    random = np.random.default_rng(12)
    sizes = random.integers(1_000, 20_000, 2_000)
    target = {"proportion": 0.75, "rate": 0.05, "ratio": 1.0}[kind]
    known = of_known(kind, scale, target=target, between_variance=spread**2)
    level_of_each = SCALES[scale].back(
        SCALES[scale].forth(np.array(target)) + spread * random.standard_normal((DRAWS // 2_000, 2_000))
    )
    draw = random.binomial if kind == "proportion" else random.poisson
    values = (draw(sizes, level_of_each) if kind == "proportion" else draw(sizes * level_of_each)) / sizes
    limits = known.limits(sizes)
    for name, level in LEVELS.items():
        assert share_beyond(values, limits, name) == pytest.approx(1 - level, rel=0.1)


def beyond(kind, scale, spread, *, is_corrected, organisations=1_000):
    """The share of organisations without outliers, so many in a funnel, beyond limits that are estimated."""
    random = np.random.default_rng(13)
    found = []
    for _ in range(max(60, 18_000 // organisations)):
        sizes = random.integers(500, 20_000, organisations)
        target = {"proportion": 0.75, "rate": 0.05, "ratio": 1.0}[kind]
        deviations = spread * random.standard_normal(organisations)
        levels = SCALES[scale].back(SCALES[scale].forth(np.array(target)) + deviations)
        counts = random.binomial(sizes, levels) if kind == "proportion" else random.poisson(sizes * levels)
        points = funnel(frame(counts, sizes), kind=kind, scale=scale, is_corrected=is_corrected).points
        found.append((points["position"] != Position.WITHIN_95.value).mean())
    return np.mean(found)


@pytest.mark.parametrize("organisations", [12, 1_000])
@pytest.mark.parametrize(
    ("kind", "scale", "spread"),
    [("proportion", "arcsine", 0.06), ("rate", "square_root", 0.015), ("ratio", "logarithm", 0.12)],
)
def test_false_alarms_are_nominal_where_the_spread_is_estimated_and_corrected(kind, scale, spread, organisations):
    found = beyond(kind, scale, spread, is_corrected=True, organisations=organisations)
    assert found == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(("kind", "scale", "spread"), [("proportion", "arcsine", 0.06), ("ratio", "logarithm", 0.12)])
def test_as_published_false_alarms_are_twice_nominal_and_more(kind, scale, spread):
    """What trimming costs where it is not corrected; the page on funnels says so."""
    assert beyond(kind, scale, spread, is_corrected=False) > 0.09


def test_limits_that_are_not_squared_back_would_fail():
    """FunnelPlotR's issue 33: 34.1 % and 12.0 % of stable data at an expected count of 100 lie outside; ours do not."""
    values = np.random.default_rng(14).poisson(100, 400_000) / 100
    root = {f"{side}_{name}": 1 + sign * z * 0.05 for name, z in (("95", 1.959964), ("99_8", 3.090232))
            for side, sign in (("lower", -1), ("upper", 1))}  # fmt: skip
    for name, theirs, ours in (("95", 0.341, 0.052), ("99_8", 0.120, 0.0021)):
        limits = pl.DataFrame({limit: [bound] * len(values) for limit, bound in root.items()})
        assert share_beyond(values, limits, name) == pytest.approx(theirs, abs=0.003)
        squared = limits.select(pl.all() ** 2)
        assert share_beyond(values, squared, name) == pytest.approx(ours, abs=0.002)
    # As good as no variance between organisations, so that the adjusted limits are those of the scale alone.
    found = of_known("ratio", "square_root", target=1, between_variance=1e-18, is_corrected=False).limits([100])
    assert found.select("lower_95", "upper_95").row(0) == pytest.approx(((1 - 0.0979982) ** 2, (1 + 0.0979982) ** 2))


@pytest.mark.parametrize(
    ("kind", "scale", "target"),
    [("proportion", "arcsine", 0.3), ("rate", "square_root", 0.5), ("ratio", "logarithm", 1)],
)
def test_limits_have_the_standard_error_of_the_z_scores(kind, scale, target):
    """FunnelPlotR's ratios of counts have two: with 1.96 × one of them, 77 % to 42 % lie outside (targets 0.1 to 2)."""
    for theta, outside in ((0.1, 0.77), (0.5, 0.57), (1, 0.49), (2, 0.42)):  # s² of 1/(θd) + 1/d, and limits of 1/(4d)
        assert 2 * stats.norm.sf(1.959964 * np.sqrt(1 / 4 / (1 / theta + 1))) == pytest.approx(outside, abs=0.006)
    known = of_known(kind, scale, target=target, between_variance=1e-18, is_corrected=False)
    limit = known.limits([400])["upper_95"].item()
    counts = frame([400 * limit], [400])
    assert funnel(counts, kind=kind, target=target).points["z_score"].item() == pytest.approx(1.959964)


# ---- positions, edges


def position_of(values, sizes=None, **options):
    counts = frame(values, sizes or [100.0] * len(values))
    return funnel(counts, **({"kind": "ratio", "is_adjusted": False} | options)).points["position"].to_list()


def test_positions_by_hand():
    # Limits at an expected count of 100: 0.719 and 0.814, 1.216 and 1.349 (chi-squared).
    assert position_of([100, 82, 81, 72, 71, 121, 122, 134, 135], is_corrected=False) == [
        Position.WITHIN_95, Position.WITHIN_95, Position.BELOW_95, Position.BELOW_95, Position.BELOW_99_8,
        Position.WITHIN_95, Position.ABOVE_95, Position.ABOVE_95, Position.ABOVE_99_8,
    ]  # fmt: skip


def test_on_a_limit_is_inside():
    limit = funnel(frame([100], [100]), kind="ratio", is_adjusted=False).points["upper_95"].item()
    assert position_of([100 * limit]) == [Position.WITHIN_95]
    assert position_of([100 * np.nextafter(limit, 2)]) == [Position.ABOVE_95]


def test_limits_of_the_points_are_those_of_the_curve():
    random = np.random.default_rng(3)
    sizes = random.integers(50, 5_000, 40)
    for is_adjusted in (True, False):
        found = funnel(frame(random.binomial(sizes, random.uniform(0.5, 0.9, 40)), sizes), kind="proportion",
                       is_adjusted=is_adjusted)  # fmt: skip
        assert found.is_adjusted == is_adjusted
        curve = found.limits(sizes)
        assert curve.select(LIMITS).equals(found.points.select(LIMITS))
        assert curve["denominator"].to_list() == sizes.tolist()


def test_rows_without_a_figure_stay_and_count_for_nothing():
    counts = frame([30, None, 0, 60, 5], [100, 50, 0, 200, None])
    found = funnel(counts.with_columns(org_code=pl.Series(list("ABCDE"))), kind="proportion")
    assert found.points["org_code"].to_list() == list("ABCDE")
    assert found.points["value"].to_list() == [0.3, None, None, 0.3, None]
    assert found.points["position"].to_list() == [Position.WITHIN_95, None, None, Position.WITHIN_95, None]
    assert found.points.select("lower_95", "z_score", "exact_position").row(1) == (None, None, None)
    assert (found.organisations, found.target) == (2, 90 / 300)


def test_without_any_figure_there_is_no_position():
    found = funnel(frame([None, 0], [10, 0]), kind="rate")
    assert found.points["position"].to_list() == [None, None]
    assert (found.organisations, found.is_adjusted) == (0, False)


def test_of_nine_organisations_overdispersion_is_not_estimated():
    values, sizes = [500.0, 900, 700, 600, 800, 500, 900, 700, 600], [1000.0] * 9
    assert not funnel(frame(values, sizes), kind="proportion").is_adjusted
    assert funnel(frame([*values, 800], [*sizes, 1000]), kind="proportion").is_adjusted


def test_all_equal_are_not_adjusted():
    found = funnel(frame([700] * 20, [1000] * 20), kind="proportion")
    assert (found.dispersion, found.between_variance, found.is_adjusted) == (0, 0, False)
    assert set(found.points["position"]) == {Position.WITHIN_95}


def test_nothing_observed_has_no_logarithm_and_yet_a_position():
    found = funnel(frame([0, *[100] * 11], [100] * 12), kind="ratio")
    assert found.points["z_score"][0] is None
    assert found.points["position"][0] == Position.BELOW_99_8


@pytest.mark.parametrize(("kind", "expected"), [("ratio", 0.5), ("ratio", 2), ("rate", 2)])
def test_none_of_a_few_expected_is_not_unusual(kind, expected):
    """With 2 expected, none are observed in one of seven; the published limits would mark them as one in a thousand."""
    counts = frame([0], [expected])
    assert funnel(counts, kind=kind, target=1.0).points["position"].item() == Position.WITHIN_95
    as_published = funnel(counts, kind=kind, target=1.0, is_corrected=False).points["position"].item()
    assert as_published == Position.BELOW_99_8


@pytest.mark.parametrize("kind", ["proportion", "rate", "ratio"])
def test_room_for_the_usual_spread_never_narrows_the_limits(kind):
    scale = {"proportion": "arcsine", "rate": "square_root", "ratio": "logarithm"}[kind]
    sizes = [0.5, 1, 3, 10, 100, 10_000]
    alone, room = (of_known(kind, scale, target=0.9, between_variance=v).limits(sizes) for v in (0, 0.0001))
    for name in ("95", "99_8"):
        assert (room[f"lower_{name}"] <= alone[f"lower_{name}"]).all()
        assert (room[f"upper_{name}"] >= alone[f"upper_{name}"]).all()
    assert room["upper_95"][-1] > alone["upper_95"][-1]


@pytest.mark.parametrize(
    ("kind", "target", "least"), [("proportion", 0.75, 20), ("proportion", 0.2, 25), ("rate", 0.5, 10), ("ratio", 1, 5)]
)
def test_of_organisations_too_small_for_their_scale_no_spread_is_estimated(kind, target, least):
    """Less than 5 expected of the rarer outcome: 0.25 of 20, 0.2 of 25, 0.5 of 10."""
    small, enough = ([0.1 * size, 0.9 * size] * 6 for size in (least - 1, least))
    assert funnel(frame(small, [least - 1] * 12), kind=kind, target=target).estimated_from == 0
    found = funnel(frame([None, *enough], [99, *[least] * 12]), kind=kind, target=target)
    assert (found.estimated_from, found.organisations, found.is_adjusted) == (12, 12, True)
    assert funnel(frame(small, [least - 1] * 12), kind=kind, target=target, is_corrected=False).estimated_from == 12


@pytest.mark.parametrize("target", [1e-6, 0.02, 0.5, 0.97, 0.999999])
def test_limits_of_half_a_patient_more_lie_between_those_of_whole_ones(target):
    found = of_known("proportion", "arcsine", target=target, between_variance=0).limits([0.5, 1, 2, 2.5, 3])
    counts = found.select(pl.col(LIMITS) * pl.col("denominator"))
    assert found.row(0)[1:] == pytest.approx(found.row(1)[1:])
    assert counts.row(3) == pytest.approx((np.array(counts.row(2)) + counts.row(4)) / 2)


@pytest.mark.parametrize(("kind", "numerators"), [("rate", [0] * 9), ("proportion", [0] * 9), ("proportion", [50] * 9)])
def test_a_target_at_the_end_of_what_can_be(kind, numerators):
    assert set(funnel(frame(numerators, [50] * 9), kind=kind).points["position"]) == {Position.WITHIN_95}


def test_other_columns_and_a_target_of_ones_own():
    counts = pl.DataFrame({"deaths": [30], "expected_deaths": [20]})
    found = funnel(counts, kind="ratio", numerator="deaths", denominator="expected_deaths", target=1.5)
    assert found.points.select("value", "position").row(0) == (1.5, Position.WITHIN_95)


@pytest.mark.parametrize(
    ("numerators", "denominators", "options", "message"),
    [
        ([5, 11], [10, 10], {"kind": "proportion"},
         r"row 1: numerator 11\.0 and denominator 10\.0 make no proportion; .* the numerator no more than the den"),
        ([-1], [10], {"kind": "rate"}, r"row 0: numerator -1\.0 and .* make no rate; expected counts of 0 or more\."),
        ([1], [-1], {"kind": "ratio"}, "make no ratio"),
        ([nan], [10], {"kind": "ratio"}, "numerator nan"),
        ([1], [10], {"kind": "ratio", "target": -1.0}, r"target is -1\.0: expected a ratio that can be"),
        ([1], [10], {"kind": "proportion", "target": 75.0}, r"target is 75\.0: expected a proportion that can be"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(numerators, denominators, options, message):
    with pytest.raises(ParameterError, match=message):
        funnel(frame(numerators, denominators), **options)


def test_a_ratio_may_exceed_its_denominator():
    assert position_of([130], [100]) == [Position.ABOVE_95]


SIZES = st.one_of(st.integers(1, 10**6), st.integers(1, 100).map(lambda halves: halves / 2))


@given(st.floats(0.0001, 0.9999), st.lists(SIZES, min_size=1, max_size=5))
def test_limits_are_in_order_and_hold_the_target(target, sizes):
    for kind, scale in (("proportion", "arcsine"), ("rate", "square_root"), ("ratio", "logarithm")):
        for variance in (0.0, 0.01):
            found = of_known(kind, scale, target=target, between_variance=variance).limits(sizes)
            for row in found.select(LIMITS).iter_rows():
                assert list(row) == sorted(row)
                assert row[0] >= 0
                assert row[-1] <= 1 or kind != "proportion"
            assert (found["lower_95"] <= target).all()
            assert (found["upper_95"] >= target - 1e-12).all()


# ---- whether a funnel tells anybody apart

# From 1 to 46 % of 400 each: 99.8 % limits with room for that reach 0, and those of chance alone do not.
WIDE = [number * number // 2 + 4.0 for number in range(20)]


def test_limits_that_hold_whatever_can_happen_tell_nobody_apart():
    found = funnel(frame(WIDE, [400.0] * 20), kind="proportion")
    assert found.limits([400])["lower_99_8"].item() == 0 < stats.binom.ppf(0.001, 400, found.target)
    assert found.points["position"].unique().to_list() == [Position.WITHIN_95]
    assert not found.tells_apart


def test_where_nobody_is_adjusted_for_limits_tell_apart():
    assert funnel(frame(WIDE, [400.0] * 20), kind="proportion", is_adjusted=False).tells_apart
    assert funnel(frame([], []), kind="proportion").tells_apart


@pytest.mark.parametrize("kind", ["proportion", "rate"])
def test_an_upper_bound_is_one_of_a_proportion_alone(kind):
    """The same mirrored: all up to 99 %, and a rate may exceed 100 %."""
    found = funnel(frame([400 - n for n in WIDE], [400.0] * 20), kind=kind)
    assert found.tells_apart == (kind == "rate")


@pytest.mark.parametrize(("position", "number", "tells"), [
    ("above_99_8", 1, True), ("below_99_8", 1, True), ("above_95", 1, False), ("below_95", 2, True),
])  # fmt: skip
def test_one_beyond_99_8_or_more_than_a_fortieth_beyond_95_are_told_apart(position, number, tells):
    rows = 40
    points = pl.DataFrame(
        {"value": 0.2, "denominator": 400, "position": [position] * number + ["within_95"] * (rows - number)}
    )
    found = Funnel(points, "proportion", 0.2, "arcsine", 9.0, 0.05, True, True, rows, rows)
    assert found.limits([400])["lower_99_8"].item() == 0
    assert found.tells_apart is tells


def test_limits_that_chance_alone_puts_at_the_bound_are_a_funnel_still():
    points = pl.DataFrame({"value": [0.02] * 40, "denominator": [40] * 40, "position": ["within_95"] * 40})
    found = Funnel(points, "proportion", 0.02, "arcsine", 1.5, 0.001, True, True, 40, 40)
    assert found.limits([40])["lower_99_8"].item() == 0
    assert found.tells_apart


# ---- means


def _means(*rows):
    """Make organisations from size, mean and variance of single values."""
    return pl.DataFrame(
        [(f"R{place:02}", size * mean, size, variance) for place, (size, mean, variance) in enumerate(rows)],
        schema={"org_code": pl.String, "numerator": pl.Float64, "denominator": pl.Float64, "variance": pl.Float64},
        orient="row",
    )


def test_limits_of_means_are_the_target_give_or_take_standard_errors():
    """Spiegelhalter 2005, A.3.1: target ± z × SD ÷ √n. The SD is pooled: (100 × 64 + 300 × 144) ÷ 400 = 124."""
    found = funnel(_means((100, -4.0, 64.0), (300, -5.0, 144.0)), kind="mean")
    assert found.target == pytest.approx((-400 - 1500) / 400)
    assert found.spread == pytest.approx(124**0.5)
    limits = found.limits([100]).row(0, named=True)
    assert limits["upper_95"] == pytest.approx(-4.75 + 1.959964 * 124**0.5 / 10)
    assert limits["lower_95"] == pytest.approx(-4.75 - 1.959964 * 124**0.5 / 10)
    assert limits["upper_99_8"] == pytest.approx(-4.75 + 3.090232 * 124**0.5 / 10)
    assert limits["lower_99_8"] == pytest.approx(-4.75 - 3.090232 * 124**0.5 / 10)
    assert found.points["z_score"].to_list() == pytest.approx([0.75 / (124 / 100) ** 0.5, -0.25 / (124 / 300) ** 0.5])
    assert found.points["position"].to_list() == ["within_95", "within_95"]


def test_a_mean_beyond_its_limit_is_placed_on_its_side():
    rows = [(100, 0.0, 100.0)] * 9 + [(100, 5.0, 100.0), (100, -5.0, 100.0)]  # an error of 1 each, a target of 0
    found = funnel(_means(*rows), kind="mean", is_adjusted=False)
    assert found.target == 0
    assert found.points["position"].to_list()[-2:] == ["above_99_8", "below_99_8"]
    assert found.tells_apart


def test_means_that_differ_more_than_chance_get_room():
    """Errors of 1 and true levels of an SD of 2: τ² is near 4, and limits near 1.96 × √5."""
    random = np.random.default_rng(11)
    levels = random.normal(0, 2, 400) + random.normal(0, 1, 400)
    found = funnel(_means(*((100, -10 + level, 100.0) for level in levels)), kind="mean")
    assert found.is_adjusted
    assert found.scale == "identity"
    assert found.between_variance == pytest.approx(4, rel=0.2)
    outside = (found.points["position"] != "within_95").mean()
    assert outside == pytest.approx(0.05, abs=0.025)
    limits = found.limits([100]).row(0, named=True)
    reach = 1.959964 * (1 + found.between_variance) ** 0.5
    assert limits["upper_95"] - found.target == pytest.approx(reach)


def test_means_that_differ_by_chance_alone_get_none():
    random = np.random.default_rng(12)
    means = random.normal(-4, 1, 300)
    found = funnel(_means(*((100, mean, 100.0) for mean in means)), kind="mean")
    assert found.dispersion == pytest.approx(1, abs=0.3)
    assert (found.points["exact_position"] != "within_95").mean() == pytest.approx(0.05, abs=0.03)


def test_few_values_do_not_tell_of_the_spread():
    found = funnel(_means(*((29, mean, 100.0) for mean in range(12)), (30, 1.0, 100.0)), kind="mean")
    assert found.estimated_from == 1
    assert not found.is_adjusted


def test_without_a_variance_there_is_no_place():
    found = funnel(_means((100, -4.0, 64.0), (100, -4.0, None)), kind="mean")
    assert found.organisations == 1
    assert found.points["position"].is_null().to_list() == [False, True]


def test_nobody_has_a_mean():
    found = funnel(_means((0, 0.0, None)), kind="mean")
    assert (found.organisations, found.target) == (0, 0)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (_means((100, 1.0, -1.0)), "variance is -1.0: expected 0 or more"),
        (_means((100, 1.0, 1.0)).drop("variance"), "no column 'variance' among org_code, numerator, denominator"),
        (_means((-1, 1.0, 1.0)), "make no mean; expected finite figures, the denominator 0 or more"),
        (_means((1, float("inf"), 1.0)), "make no mean; expected finite figures, the denominator 0 or more"),
    ],
)
def test_what_makes_no_mean_is_refused(frame, said):
    with pytest.raises(ParameterError, match=said):
        funnel(frame, kind="mean")


def test_the_target_of_means_may_be_below_zero_but_has_to_be_finite():
    assert funnel(_means((100, -4.0, 64.0)), kind="mean", target=-3.0).target == -3
    with pytest.raises(ParameterError, match="expected a mean that can be, finite"):
        funnel(_means((100, -4.0, 64.0)), kind="mean", target=float("nan"))


def test_room_for_the_usual_spread_leaves_means_told_apart_since_they_have_no_bound():
    """Evenly spread, the farthest are √3 = 1.73 standard deviations away, so none lies beyond 95 % limits."""
    found = funnel(_means(*((1000, mean / 10, 100.0) for mean in range(-60, 61))), kind="mean")
    assert found.is_adjusted
    assert set(found.points["position"]) == {"within_95"}
    assert found.tells_apart
