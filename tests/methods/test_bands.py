import math

import polars as pl
import pytest

from openmeasures.errors import ParameterError
from openmeasures.methods.bands import Band, as_published, bands, by_period, change
from openmeasures.methods.funnel import funnel

# Limits of exact 99.8 % Poisson at E = 20 and 30, and of 95 %: FunnelPlotR's own test.
EXACT_20, EXACT_30 = (0.4479107, 1.902094), (0.5289724, 1.702771)
HIGHER, AS_EXPECTED, LOWER = (band.value for band in Band)


def trusts(*figures):
    """Make trusts of ratio and expected deaths."""
    return pl.DataFrame(
        [(f"R{place:02}", None if ratio is None else float(ratio), expected)
         for place, (ratio, expected) in enumerate(figures)],
        schema={"org_code": pl.String, "value": pl.Float64, "denominator": pl.Float64}, orient="row",
    )  # fmt: skip


# Twelve trusts of 1,000 expected. By rank, ⌊10 × rank ÷ 13⌋ is 0 for the first and 9 for the last alone: ten stay.
SPREAD = [0.70, 0.92, 0.94, 0.96, 0.98, 1.00, 1.00, 1.02, 1.04, 1.06, 1.08, 1.30]


def banded(frame):
    return bands(as_published(frame))


def by_hand(ratios, expected):
    """Work out τ² and the limits of trusts with one number of expected deaths, written out from the formula."""
    kept = sorted(ratios)[1:-1]
    scores = [math.log(ratio) ** 2 * expected for ratio in kept]
    weights = len(kept) * expected
    variance = (sum(scores) - (len(kept) - 1)) / (weights - len(kept) * expected**2 / weights)
    reach = 1.959964 * math.sqrt(1 / expected + variance)
    return math.exp(-reach), math.exp(reach)


def test_bands_are_by_95_per_cent_limits_with_room_for_the_usual_spread():
    found = banded(trusts(*((ratio, 1000) for ratio in SPREAD)))
    lower, upper = by_hand(SPREAD, 1000)
    assert found["lower_limit"].to_list() == pytest.approx([lower] * 12)
    assert found["upper_limit"].to_list() == pytest.approx([upper] * 12)
    assert found["band"].to_list() == [LOWER, *[AS_EXPECTED] * 10, HIGHER]
    assert (1.08 < upper < 1.30, 0.70 < lower < 0.92) == (True, True)


def test_exact_bands_are_by_99_8_per_cent_limits_of_chance_alone():
    """At 1,000 expected the upper one is near 1 + 3.09 ÷ √1,000 = 1.098; at 2,000, 1.069."""
    found = banded(trusts(*((ratio, 1000) for ratio in SPREAD[:-2]), (1.08, 1000), (1.08, 2000)))
    assert found["exact_band"].to_list() == [LOWER, *[AS_EXPECTED] * 10, HIGHER]
    assert found["band"].to_list()[-1] == AS_EXPECTED


def test_exact_limits_are_funnelplotrs():
    found = banded(trusts((1, 20), (1, 30)))
    assert found.row(0, named=True)["exact_lower_limit"] == pytest.approx(EXACT_20[0], abs=1e-6)
    assert found.row(0, named=True)["exact_upper_limit"] == pytest.approx(EXACT_20[1], abs=1e-6)
    assert found["exact_lower_limit"][1] == pytest.approx(EXACT_30[0], abs=1e-6)
    assert found["exact_upper_limit"][1] == pytest.approx(EXACT_30[1], abs=1e-6)


@pytest.mark.parametrize(("trusts_given", "is_told"), [(9, False), (10, True)])
def test_of_fewer_than_ten_trusts_the_usual_spread_is_not_known(trusts_given, is_told):
    found = banded(trusts(*((0.9 + 0.05 * (place % 5), 3000) for place in range(trusts_given))))
    assert found["band"].is_not_null().all() == is_told
    assert found["lower_limit"].is_null().all() != is_told
    assert found["exact_band"].is_not_null().all()


def test_a_trust_without_a_figure_has_no_band_and_counts_for_nothing():
    figures = [(ratio, 1000) for ratio in SPREAD]
    alone, beside = banded(trusts(*figures)), banded(trusts(*figures, (None, 1000), (None, None)))
    assert beside.tail(2).select("band", "exact_band", "upper_limit", "exact_upper_limit").rows() == [(None,) * 4] * 2
    assert beside.head(12)["upper_limit"].to_list() == alone["upper_limit"].to_list()


def test_a_ratio_on_a_limit_is_as_expected():
    upper = banded(trusts((1, 20), (1, 30)))["exact_upper_limit"][0]
    on, beyond = banded(trusts((upper, 20), (math.nextafter(upper, 9), 20)))["exact_band"]
    assert (on, beyond) == (AS_EXPECTED, HIGHER)


def test_limits_rest_on_the_ratio_and_on_expected_deaths_to_two_decimals():
    points = as_published(trusts((1.0497, 2100.004)).with_columns(numerator=pl.lit(2205.0))).points
    assert points.select("numerator", "denominator").row(0) == pytest.approx((1.0497 * 2100, 2100.0))


@pytest.mark.parametrize(
    ("kind", "is_corrected", "said"), [("ratio", True, "corrected"), ("rate", False, "as published")]
)
def test_bands_of_other_funnels_are_refused(kind, is_corrected, said):
    frame = trusts((1, 20)).with_columns(numerator=pl.lit(20.0))
    with pytest.raises(ParameterError, match=f"a funnel of kind '{kind}', {said}: expected one of `as_published`"):
        bands(funnel(frame, kind=kind, is_corrected=is_corrected))


def test_each_period_has_limits_of_its_own():
    wide, narrow = trusts(*((ratio, 1000) for ratio in SPREAD)), trusts(*((ratio, 4000) for ratio in SPREAD))
    both = pl.concat([wide.with_columns(period_start=1), narrow.with_columns(period_start=2)])
    found = by_period(both)
    limits = found.group_by("period_start", maintain_order=True).agg(pl.col("upper_limit").first())["upper_limit"]
    assert limits.to_list() == pytest.approx([by_hand(SPREAD, 1000)[1], by_hand(SPREAD, 4000)[1]])


def test_of_no_period_nothing_is_banded():
    empty = trusts().with_columns(period_start=pl.lit(1))
    assert by_period(empty).is_empty()
    assert {"band", "exact_band"} <= set(by_period(empty).columns)


# ---- two periods that share nothing


def limits_of(observed, expected, observed_before, expected_before, **confidence):
    lower, upper = change(
        pl.lit(observed), pl.lit(expected), observed_before=pl.lit(observed_before),
        expected_before=pl.lit(expected_before), **confidence,
    )  # fmt: skip
    return pl.select(lower=lower, upper=upper).row(0)


def test_change_is_the_odds_of_wilsons_interval_by_expected_deaths():
    """Of 220 deaths 120 are later: Wilson's interval of that share is 0.4794 to 0.6098."""
    share = 120 / 220
    z2 = 1.959963985**2
    middle, reach = (share + z2 / 440) / (1 + z2 / 220), math.sqrt(z2 * (share * (1 - share) + z2 / 880) / 220)
    reach /= 1 + z2 / 220
    odds = [limit / (1 - limit) for limit in (middle - reach, middle + reach)]
    assert limits_of(120, 100.0, 100, 100.0) == pytest.approx(odds)
    assert limits_of(120, 200.0, 100, 100.0) == pytest.approx([each / 2 for each in odds])


def test_a_greater_confidence_leaves_more_to_chance():
    narrow, wide = limits_of(120, 100.0, 100, 100.0), limits_of(120, 100.0, 100, 100.0, confidence=0.998)
    assert wide[0] < narrow[0] < 1.2 < narrow[1] < wide[1]


def test_nothing_observed_before_leaves_the_upper_limit_open():
    lower, upper = limits_of(10, 10.0, 0, 10.0)
    assert lower > 1
    assert upper == math.inf


@pytest.mark.parametrize(
    "counts", [(0, 10.0, 0, 10.0), (10, 0.0, 10, 10.0), (10, 10.0, 10, 0.0), (None, 10.0, 10, 10.0)]
)
def test_without_deaths_or_expected_ones_there_are_no_limits(counts):
    assert limits_of(*counts) == (None, None)
