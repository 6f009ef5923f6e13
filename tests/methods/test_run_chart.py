"""Run charts against published tables, a plain reading of the rules, and their edges."""

import math
from itertools import groupby
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures.errors import ParameterError
from openmeasures.methods.run_chart import fewest_crossings_expected, longest_run_expected, run_chart

PAGE = Path(__file__).resolve().parents[2] / "site" / "methods" / "large-and-rare.qmd"
DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=60)
TESTS = ["longest_run", "longest_run_limit", "crossings", "crossings_limit", "shows_shift"]
ADDED = ["median", "useful_points", *TESTS, "is_in_long_run"]

# qicharts2, appendix 2 of its vignette: useful observations, upper limit for longest run, lower limit for crossings.
PUBLISHED = {
    10: (6, 2), 11: (6, 2), 12: (7, 3), 13: (7, 3), 14: (7, 4), 15: (7, 4), 16: (7, 4), 17: (7, 5), 18: (7, 5),
    19: (7, 6), 20: (7, 6), 21: (7, 6), 22: (7, 7), 23: (8, 7), 24: (8, 8), 25: (8, 8), 26: (8, 8), 27: (8, 9),
    28: (8, 9), 29: (8, 10), 30: (8, 10), 31: (8, 11), 32: (8, 11), 33: (8, 11), 34: (8, 12), 35: (8, 12), 36: (8, 13),
    37: (8, 13), 38: (8, 14), 39: (8, 14), 40: (8, 14), 41: (8, 15), 42: (8, 15), 43: (8, 16), 44: (8, 16), 45: (8, 17),
    46: (9, 17), 47: (9, 17), 48: (9, 18), 49: (9, 18), 50: (9, 19), 51: (9, 19),
}  # fmt: skip
# Clostridium difficile infections by month, November 2012 to October 2015: `cdi` of qicharts2.
INFECTIONS = [
    17, 12, 27, 20, 20, 18, 22, 19, 19, 24, 17, 16, 24, 19, 19, 22, 25, 19,
    17, 6, 25, 17, 11, 14, 9, 11, 7, 13, 5, 5, 3, 5, 9, 4, 5, 9,
]  # fmt: skip


def series(values, *, org_code="RJ1"):
    return pl.DataFrame(
        {"org_code": org_code, "period_start": range(len(values)), "value": values},
        schema={"org_code": pl.String, "period_start": pl.Int64, "value": pl.Float64},
    )


def chart(values, **options):
    return run_chart(series(values), **options)


def first(values, *columns, **options):
    return chart(values, **options).select(columns).row(0)


def plain(values):
    """The rules read aloud, of values without null: median, useful points, longest run and crossings."""
    centre = median(values)
    runs = [len(list(run)) for _, run in groupby(value > centre for value in values if value != centre)]
    return centre, sum(runs), max(runs, default=None), len(runs) - 1


# ---- limits and golden values


@pytest.mark.parametrize(("points", "limits"), PUBLISHED.items())
def test_limits_as_published(points, limits):
    assert (longest_run_expected(points), fewest_crossings_expected(points)) == limits


@pytest.mark.parametrize("points", [10, 60, 119, 2000])
def test_the_crossings_limit_is_the_binomial_quantile(points):
    limit = fewest_crossings_expected(points)
    below = [sum(math.comb(points - 1, k) for k in range(end)) / 2 ** (points - 1) for end in (limit, limit + 1)]
    assert below[0] < 0.05 <= below[1]


def test_infections_fell():
    # qicharts2 0.8.1 draws the median at 17 (test/fixtures/qicharts2.ts of PowerBI-SPC at d4bb4f6, "cdi run").
    # Four months lie on it; of the other 32, the last 14 all lie below.
    assert first(INFECTIONS, "median", "useful_points") == (17, 32)
    assert first(INFECTIONS, *TESTS) == (14, 8, 6, 11, True)
    assert plain(INFECTIONS) == (17, 32, 14, 6)


def test_infections_fell_between_two_stable_periods():
    # part = 18: medians 19 and 9.
    frame = series(INFECTIONS).with_columns(segment=pl.Series([1] * 18 + [2] * 18))
    result = run_chart(frame, segment="segment")
    assert result["median"].to_list() == [19] * 18 + [9] * 18
    for part in (slice(0, 18), slice(18, 36)):
        assert_frame_equal(result[part].select(ADDED), chart(INFECTIONS[part]).select(ADDED))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
@DETERMINISTIC
def test_the_rules_read_aloud(values):
    centre, useful, longest, crossings = plain(values)
    result = chart(values)
    assert result.select("median", "useful_points").row(0) == (centre, useful)
    if useful < 10:
        assert result.select(TESTS).null_count().row(0) == (len(values),) * 5
    else:
        run_limit, crossings_limit = longest_run_expected(useful), fewest_crossings_expected(useful)
        shift = longest > run_limit or crossings < crossings_limit
        assert result.select(TESTS).unique().row(0) == (longest, run_limit, crossings, crossings_limit, shift)


def test_false_alarms_are_as_stated():
    rng = np.random.default_rng(2014)
    for points, low, high in ((12, 0, 0.03), (24, 0.02, 0.06), (36, 0.02, 0.06), (60, 0.03, 0.07), (120, 0.05, 0.1)):
        charts = 800
        frame = pl.DataFrame(
            {
                "org_code": np.repeat(np.arange(charts), points),
                "period_start": np.tile(np.arange(points), charts),
                "value": rng.normal(size=charts * points),
            }
        )
        found = run_chart(frame).group_by("org_code").agg(pl.col("shows_shift").first())["shows_shift"].mean()
        assert low <= found <= high


# ---- the rules at their boundaries


@pytest.mark.parametrize(
    ("sides", "run", "signal"), [("+++++++-----+-----++", 7, False), ("++++++++-----+-----+", 8, True)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_run_is_long_beyond_the_limit(sides, run, signal, sign):
    result = chart([sign if side == "+" else -sign for side in sides])
    assert result.select("useful_points", "longest_run", "longest_run_limit").row(0) == (20, run, 7)
    assert result["is_in_long_run"].to_list() == [signal] * run + [False] * (20 - run)


@pytest.mark.parametrize(("runs", "signal"), [([3, 3, 3, 3, 4, 4], True), ([3, 3, 3, 3, 3, 4, 1], False)])
def test_crossings_are_few_below_the_limit(runs, signal):
    # 20 useful points: 6 crossings, that is 7 runs, are the fewest expected.
    values = [(-1) ** place for place, run in enumerate(runs) for _ in range(run)]
    assert len(values) == 20
    assert first(values, "median", "longest_run", "crossings", "crossings_limit", "shows_shift") == (
        0,
        4,
        len(runs) - 1,
        6,
        signal,
    )


def test_a_point_on_the_median_neither_breaks_nor_belongs_to_a_run():
    values = [2] * 5 + [0] + [2] * 5 + [-2] * 10
    result = chart(values)
    assert result.select("median", "useful_points", "longest_run").row(0) == (0, 20, 10)
    assert result["is_in_long_run"].to_list() == [True] * 5 + [False] + [True] * 15


def test_rounding_does_not_put_a_point_beside_the_median():
    assert first([0.1 + 0.2, 0.3] * 10 + [0.3], "useful_points", "shows_shift") == (0, None)


# ---- points and rows


@pytest.mark.parametrize(
    ("values", "useful", "tested"), [([1] * 4 + [2] * 3 + [3] * 5, 9, False), ([1] * 5 + [2] * 3 + [3] * 5, 10, True)]
)
def test_the_rules_need_ten_useful_points(values, useful, tested):
    result = chart(values)
    assert result.select("median", "useful_points").row(0) == (2, useful)
    assert [column.is_not_null().all() for column in result.select(*TESTS, "is_in_long_run")] == [tested] * 6


@pytest.mark.parametrize("values", [[], [None] * 12, [7] * 30])
def test_a_series_without_useful_points_has_no_signal(values):
    result = chart(values)
    assert result["useful_points"].to_list() == [0] * len(values)
    assert result.select(TESTS).null_count().row(0) == (len(values),) * 5
    assert result["median"].to_list() == values


def test_a_minimum_below_the_tables_is_refused():
    with pytest.raises(ParameterError, match="minimum_points is 9: expected 10 or more, as the published tables begin"):
        chart([1], minimum_points=9)


@given(st.lists(st.none() | st.integers(0, 5), max_size=40))
@DETERMINISTIC
def test_a_null_is_passed_over(values):
    result = chart(values)
    whole = chart([value for value in values if value is not None])
    assert_frame_equal(result.filter(pl.col("value").is_not_null()).select(ADDED), whole.select(ADDED))
    assert result.filter(pl.col("value").is_null())["is_in_long_run"].is_null().all()


reals = st.lists(st.none() | st.integers(-9, 9) | st.floats(-1e9, 1e9), max_size=30)


@given(reals, reals, st.randoms())
@DETERMINISTIC
def test_organisations_are_independent_and_rows_keep_their_order(one, other, random):
    parts = [series(values, org_code=code) for code, values in (("B", one), ("A", other))]
    alone = pl.concat([run_chart(part) for part in parts])
    shuffled = random.sample(range(alone.height), alone.height)
    assert_frame_equal(run_chart(pl.concat(parts)[shuffled]), alone[shuffled])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.sampled_from([(2, 0), (0.5, 7), (-1, 0), (-3, 100)]))
@DETERMINISTIC
def test_shifting_scaling_and_turning_upside_down_changes_the_median_only(values, change):
    factor, shift = change
    once, changed = chart(values), chart([factor * value + shift for value in values])
    assert_frame_equal(changed.select("median"), once.select(pl.col("median") * factor + shift))
    assert_frame_equal(changed.select(ADDED[1:]), once.select(ADDED[1:]))


# ---- the page


def test_the_worked_example_of_the_page_is_worked_out():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    centre, useful = first(INFECTIONS, "median", "useful_points")
    longest, run_limit, crossings, crossings_limit, _ = first(INFECTIONS, *TESTS)
    assert f"The median is {centre:.0f}; four months lie on it, so {useful} count" in page
    assert f"The longest run is {longest}, where {run_limit} are expected at most" in page
    assert f"crossed {crossings} times, where {crossings_limit} are expected at least" in page
