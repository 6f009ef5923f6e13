"""The rules of every rule-set against exact arithmetic, and what must hold whatever the series."""

from fractions import Fraction
from itertools import pairwise
from math import inf

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures.methods import rulesets
from openmeasures.methods.spc import SpecialCause, Variation, xmr

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=25)
RULE_SETS = rulesets.load()
LIMITS = ["mean", "lower_process_limit", "upper_process_limit"]
ADDED = [*LIMITS, "special_cause", "variation", "points"]
BETTER = {"increase": 1, "decrease": -1, "neutral": 0}
MEANINGS = {
    ("increase", 1): Variation.IMPROVEMENT_HIGH,
    ("increase", -1): Variation.CONCERN_LOW,
    ("decrease", 1): Variation.CONCERN_HIGH,
    ("decrease", -1): Variation.IMPROVEMENT_LOW,
    ("neutral", 1): Variation.NEUTRAL_HIGH,
    ("neutral", -1): Variation.NEUTRAL_LOW,
}
every_rule_set = pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.id)


def series(values, *, org_code="RJ1"):
    return pl.DataFrame(
        {"org_code": org_code, "period_start": range(len(values)), "value": list(values)},
        schema={"org_code": pl.String, "period_start": pl.Int64, "value": pl.Float64},
    )


def windows(count, length):
    return [range(start, start + length) for start in range(count - length + 1)]


def exactly(values, rules):
    """Mean, reach, and by rule the direction of each point that it marks, in exact fractions, window by window."""
    count = len(values)
    mean = Fraction(sum(values), count)
    ranges = [abs(b - a) for a, b in pairwise(values)]
    screen = Fraction("3.267") * Fraction(sum(ranges), count - 1) if rules.screen_moving_ranges else inf
    kept = [size for size in ranges if size < screen]
    kept = kept if any(kept) else ranges  # limits without any reach would mark every point
    factor = Fraction("2.66") if rules.limit_factor == 2.66 else Fraction(3) / Fraction("1.128")
    reach = factor * (Fraction(sum(kept), len(kept)) if kept else 0)
    side = [(value > mean) - (value < mean) for value in values]
    outside = [abs(value - mean) > reach for value in values]
    counted = rules.two_in_three.beyond_limits_count
    close = [
        abs(v - mean) > reach * 2 / 3 and (counted or not beyond) for v, beyond in zip(values, outside, strict=True)
    ]
    anywhere = rules.two_in_three.third_point != "same_side"
    found = {rule: {} for rule in ("astronomical_point", "trend", "two_in_three", "shift")}
    found["astronomical_point"] = {i: side[i] for i in range(count) if outside[i]}
    for window in windows(count, rules.trend_points):
        steps = [values[i + 1] - values[i] for i in window[:-1]]
        for direction in (1, -1):
            if all(step * direction > 0 for step in steps):
                found["trend"].update(dict.fromkeys(window, direction))
    for window in windows(count, 3) + ([range(2)] if anywhere else []):
        for direction in (1, -1):
            near = [i for i in window if close[i] and side[i] == direction]
            other = any(close[i] and side[i] == -direction for i in window)
            allowed = not other if anywhere else all(side[i] == direction for i in window)
            if len(near) >= 2 and allowed:
                found["two_in_three"].update(dict.fromkeys(near, direction))
    for window in windows(count, rules.shift_points):
        for direction in (1, 0, -1) if rules.shift_on_mean else (1, -1):
            if all(side[i] == direction for i in window):
                found["shift"].update(dict.fromkeys(window, direction))
    return mean, reach, found


def label(found, place, rules, improvement):
    """Which rule names a point, and what it means."""
    applying = {rule: directions[place] for rule, directions in found.items() if place in directions}
    better = {rule: way for rule, way in applying.items() if way and way == BETTER[improvement]}
    named = better if rules.conflict == "improvement" and better else applying
    rule, direction = next(iter(named.items()), ("none", 0))
    return rule, MEANINGS.get((improvement, direction), Variation.COMMON_CAUSE)


def samples():
    random = np.random.default_rng(36)
    for _ in range(60):
        length = random.integers(15, 40)
        yield random.integers(0, 5, length)  # runs, ties and points on the mean
        yield random.integers(0, 1000, length)
        yield random.choice([-1, 1, 1, 2, 4, 5, 20], length)  # points near the limits and beyond
        yield random.integers(-1, 4, length).cumsum()  # trends, rising
        yield random.integers(-3, 2, length).cumsum()  # and falling
        yield np.sort(random.integers(0, 60, length))[:: random.choice([-1, 1])]
        yield np.concatenate([np.zeros(9, int), random.choice([-1, 1], 10), [-1] * 5, [1] * 5])  # long on the mean


SAMPLES = [sample.tolist() for sample in samples()]


@every_rule_set
@pytest.mark.parametrize("improvement", BETTER)
def test_charts_agree_with_exact_arithmetic(rules, improvement):
    frame = pl.concat([series(values, org_code=f"{number:04d}") for number, values in enumerate(SAMPLES)])
    charts = xmr(frame, improvement=improvement, rule_set=rules).partition_by("org_code")
    assert set(pl.concat(charts)["special_cause"]) == set(SpecialCause)
    for values, chart in zip(SAMPLES, charts, strict=True):
        mean, reach, found = exactly(values, rules)
        assert chart.select(LIMITS).row(0) == pytest.approx([float(x) for x in (mean, mean - reach, mean + reach)])
        assert chart.select("special_cause", "variation").rows() == [
            label(found, place, rules, improvement) for place in range(len(values))
        ]


numbers = st.lists(st.none() | st.integers(0, 8), min_size=0, max_size=30)


@every_rule_set
@given(values=numbers, scale=st.sampled_from([0.001, 0.1, 1 / 3, 7, 1e6]), shift=st.integers(-1000, 1000))
@DETERMINISTIC
def test_scale_and_shift_change_the_limits_alike_and_no_signal(rules, values, scale, shift):
    shift = shift * scale
    plain = xmr(series(values), improvement="increase", rule_set=rules).select(ADDED)
    moved = [None if value is None else value * scale + shift for value in values]
    result = xmr(series(moved), improvement="increase", rule_set=rules).select(ADDED)
    assert_frame_equal(result, plain.with_columns(pl.col(LIMITS) * scale + shift), rel_tol=1e-9)


@every_rule_set
@given(lists=st.lists(numbers, min_size=2, max_size=4), random=st.randoms())
@DETERMINISTIC
def test_a_series_depends_on_no_other_and_the_order_of_rows_is_irrelevant(rules, lists, random):
    alone = [
        xmr(series(values, org_code=f"R{number}"), improvement="decrease", rule_set=rules)
        for number, values in enumerate(lists)
    ]
    together = pl.concat(alone)
    shuffled = together[random.sample(range(together.height), together.height)]
    result = xmr(shuffled.select("org_code", "period_start", "value"), improvement="decrease", rule_set=rules)
    assert_frame_equal(result, shuffled, rel_tol=1e-12)


reals = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
anything = st.lists(st.none() | reals | st.just(0.0) | st.sampled_from([1.0, 1.0, 2.0, -0.0, 5e-324]), max_size=40)


@every_rule_set
@given(values=anything, baseline=st.none() | st.integers(12, 40), segments=st.integers(1, 3))
@DETERMINISTIC
def test_any_series_of_reals_zeros_gaps_and_repeats_has_a_chart(rules, values, baseline, segments):
    frame = series(values).with_columns(segment=pl.int_range(pl.len()) * segments // max(len(values), 1))
    chart = xmr(frame, improvement="neutral", rule_set=rules, baseline_points=baseline, segment="segment")
    assert_frame_equal(chart.select(frame.columns), frame)
    present = pl.col("value").is_not_null()
    assert chart.select((pl.col("special_cause").is_not_null() == present).all()).item()
    ordered = (pl.col("lower_process_limit") <= pl.col("mean")) & (pl.col("mean") <= pl.col("upper_process_limit"))
    assert chart.drop_nulls("mean").select(ordered.all()).item()
    assert chart.select((pl.col("mean").is_null() == pl.col("upper_process_limit").is_null()).all()).item()
