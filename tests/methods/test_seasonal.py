"""Seasons planted and found, noise left alone, and the fit against another way to compute it."""

import math
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures import corrections, counts, definitions
from openmeasures.errors import ParameterError
from openmeasures.methods.seasonal import STRENGTH, _share_above, adjust, seasonality
from openmeasures.methods.spc import xmr
from openmeasures.periods import months
from openmeasures.store import Store

PAGE = Path(__file__).resolve().parents[2] / "site" / "methods" / "seasons-and-rebasing.qmd"
DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=25)
FOUND = ["left_out", "p_value", "strength", "is_seasonal", "highest_month", "lowest_month", "swing"]
# Published: England's type 1 four-hour share, January to December, in points from its mean; see `sample`.
SEASON = np.array([-1.6, -1.0, 2.0, 1.3, 1.5, 1.5, 1.9, 1.7, 0.1, -1.5, -1.9, -3.9])
SEASON -= SEASON.mean()
NOISE = 2.2  # points: the month-to-month sigma of a typical trust, as in the sample


def calendar(count, *, first=date(2020, 4, 1)):
    return months(first, date(first.year + count // 12 + 1, 12, 1))[:count]


def month_numbers(count):
    return np.array([month.month - 1 for month in calendar(count)])


def frame(rows, **first):
    """Make one organisation of each row of numbers, months from April on."""
    rows = [list(row) for row in rows]
    return pl.DataFrame(
        [
            (f"T{number:04}", month, value)
            for number, row in enumerate(rows)
            for month, value in zip(calendar(len(row), **first), row, strict=True)
        ],
        schema={"org_code": pl.String, "period_start": pl.Date, "value": pl.Float64},
        orient="row",
    )


def noise(series, count, *, seed, memory=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, NOISE, size=(series, count))
    for month in range(1, count):
        values[:, month] = memory * values[:, month - 1] + math.sqrt(1 - memory**2) * values[:, month]
    return values


def share_seasonal(rows):
    return seasonality(frame(rows))["is_seasonal"].mean()


# ---- the sample


def shares(folder, *, all_types):
    """Return the sample's points, England among them: all types of department, or type 1 alone."""
    measure = definitions.find("ae_four_hour")
    observations = corrections.apply(Store(folder).observations(measure.source), measure.folder).observations
    parts = measure if all_types else measure.series[0]
    counted = counts.count(observations, numerator=parts.numerator, denominator=parts.denominator)
    return pl.concat([counted, counts.roll_up(counted)]).with_columns(
        value=100 * pl.col("numerator") / pl.col("denominator").replace(0, None)
    )


def test_the_season_planted_in_england_is_found_and_the_stable_trust_has_none(sample_folder):
    found = seasonality(shares(sample_folder, all_types=False))
    england, stable = (found.row(by_predicate=pl.col("org_code") == code, named=True) for code in ("ENG", "Z-06"))
    assert england["is_seasonal"]
    assert england["p_value"] < 1e-6
    assert england["lowest_month"] == 12
    # Planted: 0.6 of 5.9 points between March and December; England adds up 15 trusts, so that little noise is left.
    assert england["swing"] == pytest.approx(0.6 * 5.9, abs=0.4)
    assert not stable["is_seasonal"]
    assert stable["p_value"] > 0.5


# ---- planted seasons and noise


@pytest.mark.parametrize(("count", "low", "high"), [(36, 0.35, 0.65), (48, 0.7, 0.9), (60, 0.8, 0.95), (120, 0.9, 1.0)])
def test_the_season_of_england_is_found_in_a_single_trust_as_often_as_stated(count, low, high):
    rows = 70 + noise(200, count, seed=count) + SEASON[month_numbers(count)]
    assert low <= share_seasonal(rows) <= high


@pytest.mark.parametrize("count", [36, 48, 60, 120])
def test_one_stable_series_in_a_hundred_has_a_p_value_below_one_percent(count):
    found = seasonality(frame(70 + noise(1500, count, seed=100 + count)))
    assert (found["p_value"] < 0.01).mean() == pytest.approx(0.01, abs=0.008)
    assert (found["p_value"] < 0.5).mean() == pytest.approx(0.5, abs=0.04)
    assert found["is_seasonal"].mean() < 0.018


def test_memory_trend_step_and_shock_are_no_season():
    stable = 70 + noise(400, 48, seed=11)
    month = np.arange(48)
    assert share_seasonal(70 + noise(400, 48, seed=12, memory=0.3)) < 0.04
    assert share_seasonal(stable + 0.5 * month) < 0.03
    assert share_seasonal(stable + 8 * (month >= 30)) < 0.04
    assert share_seasonal(stable - 30 * (month == 38)) < 0.03


def test_a_season_is_found_beside_a_trend_and_a_shock_and_a_known_step():
    month = np.arange(60)
    seasonal = 70 + noise(150, 60, seed=13) + SEASON[month_numbers(60)]
    plain = share_seasonal(seasonal)
    assert share_seasonal(seasonal + 0.4 * month) == pytest.approx(plain, abs=0.001)
    assert share_seasonal(seasonal - 30 * (month == 38)) > plain - 0.1
    stepped = frame(seasonal + 12 * (month >= 31)).with_columns(
        segment=pl.when(pl.col("period_start") >= calendar(60)[31]).then(2).otherwise(1)
    )
    assert seasonality(stepped)["is_seasonal"].mean() < plain - 0.3
    assert seasonality(stepped, segment="segment")["is_seasonal"].mean() > plain - 0.1


def test_a_strong_enough_season_has_the_strength_it_was_given():
    # Variance of the season over that of season and noise: 1 / (1 + 1).
    unit = SEASON / SEASON.std() * NOISE
    rows = noise(200, 120, seed=14) + unit[month_numbers(120)]
    assert seasonality(frame(rows))["strength"].mean() == pytest.approx(0.5, abs=0.03)
    assert seasonality(frame(noise(200, 36, seed=15)))["strength"].mean() < 0.12


def test_strength_binds_in_long_series():
    weak = SEASON / SEASON.std() * NOISE * math.sqrt(0.15 / 0.85)
    found = seasonality(frame(noise(100, 240, seed=16) + weak[month_numbers(240)]))
    assert (found["p_value"] < 0.01).mean() > 0.9
    assert (found["strength"] >= STRENGTH).mean() == found["is_seasonal"].mean() < 0.05


# ---- against another way to compute it


def by_dummies(values, month):
    """The same model with other columns (dummies, hinges unscaled), by numpy's own least squares; F and effects."""
    t = np.arange(values.size, dtype=float)
    trend = np.stack([np.ones_like(t), t, *(np.clip(t - k, 0, None) for k in range(12, int(t[-1]) - 5, 12))], axis=1)
    dummies = (month[:, None] == np.arange(1, 12)).astype(float)
    squares = []
    for columns in (trend, np.hstack([trend, dummies])):
        coefficients, [rest], rank, _ = np.linalg.lstsq(columns, values, rcond=None)
        squares.append((rest, values.size - rank))
    (alone, freedom_alone), (both, freedom) = squares
    effects = np.append(0, coefficients[-11:])
    ratio = (alone - both) / 11 / (both / freedom)
    return ratio, freedom, 1 - (both / freedom) / (alone / freedom_alone), effects - effects.mean()


@pytest.mark.parametrize("count", [36, 41, 48, 60, 90, 125])
def test_the_fit_agrees_with_dummies_by_another_solver(count):
    month = month_numbers(count)
    values = 60 + noise(1, count, seed=count)[0] + SEASON[month] + 0.1 * np.arange(count)
    ratio, freedom, strength, effects = by_dummies(values, month)
    found = seasonality(frame([values])).row(0, named=True)
    assert found["left_out"] == 0
    assert found["p_value"] == pytest.approx(_share_above(ratio, 11, freedom), rel=1e-6)
    assert found["strength"] == pytest.approx(strength)
    assert (found["highest_month"], found["lowest_month"]) == (effects.argmax() + 1, effects.argmin() + 1)
    assert found["swing"] == pytest.approx(np.ptp(effects))


@pytest.mark.parametrize(
    ("ratio", "upper", "lower", "share"),
    [
        # F tables: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.3, upper 5 % and 1 % points.
        (2.854, 10, 11, 0.05),
        (2.165, 10, 30, 0.05),
        (2.979, 10, 30, 0.01),
        (4.539, 10, 11, 0.01),
        (3.368, 10, 20, 0.01),
    ],
)
def test_the_tail_of_f_as_tabulated(ratio, upper, lower, share):
    assert _share_above(ratio, upper, lower) == pytest.approx(share, rel=0.002)


@pytest.mark.parametrize("lower", [20, 21, 32, 104])
@pytest.mark.parametrize("ratio", [0.2, 1.0, 2.8, 9.0])
def test_the_tail_of_f_with_even_degrees_in_closed_form(ratio, lower):
    # For an even number of upper degrees the tail is a finite sum: x^(lower/2) Σ (lower/2)_k (1 - x)^k / k!.
    x = lower / (lower + 12 * ratio)
    terms = [math.prod((lower / 2 + i) / (i + 1) for i in range(k)) * (1 - x) ** k for k in range(6)]
    assert _share_above(ratio, 12, lower) == pytest.approx(x ** (lower / 2) * sum(terms), rel=1e-12)


def test_the_tail_of_f_at_its_ends():
    assert _share_above(0, 11, 32) == pytest.approx(1)
    assert _share_above(-1e-9, 11, 32) == pytest.approx(1)
    assert 0 <= _share_above(1e9, 11, 32) < 1e-100


# ---- adjusting


def test_the_adjusted_series_has_no_season_and_keeps_level_and_unit():
    rows = 70 + noise(20, 60, seed=17) / 4 + SEASON[month_numbers(60)]
    adjusted = adjust(frame(rows))
    assert_frame_equal(
        adjusted.select(pl.col("month_effect") + pl.col("adjusted_value")).to_series().to_frame("value"),
        adjusted.select("value"),
    )
    again = seasonality(adjusted, value="adjusted_value")
    assert not again["is_seasonal"].any()
    assert again["p_value"].min() > 0.999
    yearly = adjusted.group_by("org_code", pl.int_range(pl.len()).over("org_code") // 12).agg(
        pl.col("month_effect").sum().abs(), pl.col("value").sum() - pl.col("adjusted_value").sum()
    )
    assert yearly["month_effect"].max() < 1e-9
    assert yearly["value"].abs().max() < 1e-9


def test_effects_are_those_planted():
    rows = 70 + noise(300, 60, seed=18) / 4 + SEASON[month_numbers(60)]
    effects = (
        adjust(frame(rows))
        .group_by(pl.col("period_start").dt.month().alias("month"))
        .agg(pl.col("month_effect").mean())
    )
    assert effects.sort("month")["month_effect"].to_list() == pytest.approx(SEASON.tolist(), abs=0.05)


def test_nothing_is_taken_out_where_there_is_no_season():
    adjusted = adjust(frame(70 + noise(3, 48, seed=19)))
    assert adjusted.select("month_effect", "adjusted_value").null_count().row(0) == (144, 144)


def test_a_month_without_value_has_an_effect_and_no_adjusted_value():
    row = list(70 + SEASON[month_numbers(60)])
    row[7] = None
    adjusted = adjust(frame([row]))
    assert adjusted["adjusted_value"][7] is None
    assert adjusted["month_effect"][7] == pytest.approx(adjusted["month_effect"][19])
    assert adjusted["adjusted_value"].drop_nulls().to_list() == pytest.approx([70] * 59)


# ---- edges


def test_a_series_that_is_only_season_and_one_that_never_changes():
    found = seasonality(frame([70 + SEASON[month_numbers(48)], [70] * 48, [0] * 48]))
    assert found.select("p_value", "strength", "is_seasonal").rows() == [(0, 1, True), (1, 0, False), (1, 0, False)]
    assert found["swing"][0] == pytest.approx(5.9)


@pytest.mark.parametrize(("count", "tested"), [(0, False), (35, False), (36, True)])
def test_three_full_years_are_needed(count, tested):
    found = seasonality(frame([noise(1, 60, seed=1)[0][:count].tolist() + [None] * 3]))
    assert found["points"].to_list() == [count]
    assert [column.is_not_null().item() for column in found.select(FOUND)] == [tested] * 7


def test_each_month_of_the_year_needs_three_values():
    values = noise(1, 60, seed=2)[0].tolist()
    for gone in (0, 12):
        values[gone] = None
    assert seasonality(frame([values]))["p_value"][0] is not None
    values[24] = None
    assert seasonality(frame([values]))["p_value"][0] is None


def test_one_shock_a_year_is_left_out_at_most():
    calm = 70 + noise(1, 48, seed=3)[0]
    shocks = calm.copy()
    shocks[[5, 17, 29, 41]] -= [300, 200, 100, 50]
    assert seasonality(frame([calm]))["left_out"].item() == 0
    assert seasonality(frame([shocks]))["left_out"].item() <= 4
    single = calm.copy()
    single[38] -= 30
    assert seasonality(frame([single]))["left_out"].item() == 1


def test_days_within_the_month_do_not_matter():
    first = frame([noise(1, 48, seed=4)[0]])
    later = first.with_columns(pl.col("period_start") + timedelta(days=14))
    assert_frame_equal(seasonality(first), seasonality(later))


def test_no_organisation_no_row():
    assert seasonality(frame([])).is_empty()
    assert adjust(frame([])).columns == ["org_code", "period_start", "value", "month_effect", "adjusted_value"]


def test_two_rows_in_a_month_are_refused():
    twice = pl.concat([frame([[1.0]]), frame([[2.0]]).with_columns(period_start=date(2020, 4, 15))])
    with pytest.raises(ParameterError, match="expected one row an organisation and month"):
        seasonality(twice)


def test_numbers_for_months_are_refused():
    with pytest.raises(ParameterError, match="column 'period_start' holds Int64: expected dates"):
        seasonality(pl.DataFrame({"org_code": "A", "period_start": [1], "value": [1.0]}))


def test_columns_may_have_other_names():
    one = frame([70 + SEASON[month_numbers(48)]])
    other = one.rename({"org_code": "site", "period_start": "month", "value": "share"})
    options = {"by": "site", "order": "month", "value": "share"}
    assert_frame_equal(seasonality(other, **options).drop("site"), seasonality(one).drop("org_code"))
    assert_frame_equal(adjust(other, **options)["adjusted_value"].to_frame(), adjust(one).select("adjusted_value"))


# ---- properties

reals = st.lists(st.none() | st.integers(-5, 5) | st.floats(-1e9, 1e9), min_size=30, max_size=60)


@given(reals, reals, st.randoms())
@DETERMINISTIC
def test_organisations_are_independent_and_rows_keep_their_order(one, other, random):
    both = frame([one, other])
    shuffled = both[random.sample(range(both.height), both.height)]
    alone = pl.concat([seasonality(both.filter(pl.col("org_code") == code)) for code in ("T0000", "T0001")])
    assert_frame_equal(seasonality(shuffled), alone, rel_tol=1e-9)
    adjusted = adjust(shuffled)
    assert_frame_equal(adjusted.select(both.columns), shuffled)
    assert_frame_equal(adjusted.sort("org_code", "period_start"), adjust(both), rel_tol=1e-9)


@given(st.integers(0, 99), st.sampled_from([(1, 50), (100, 0), (-1, 0), (0.01, -3)]))
@DETERMINISTIC
def test_shifting_and_scaling_the_values_does_so_to_the_season(seed, change):
    factor, shift = change
    values = noise(1, 50, seed=seed)[0] + 2 * SEASON[month_numbers(50)]
    once, changed = (seasonality(frame([row])) for row in (values, factor * values + shift))
    assert_frame_equal(changed.select("p_value", "strength"), once.select("p_value", "strength"), rel_tol=1e-6)
    assert changed["swing"][0] == pytest.approx(abs(factor) * once["swing"][0])
    effects = [adjust(frame([row]))["month_effect"].to_list() for row in (values, factor * values + shift)]
    if once["is_seasonal"][0]:
        assert effects[1] == pytest.approx([factor * effect for effect in effects[0]])


def test_a_whole_measure_takes_less_than_two_seconds():
    rows = frame(70 + noise(230, 60, seed=5) + SEASON[month_numbers(60)])
    start = perf_counter()
    adjust(rows)
    assert perf_counter() - start < 2


# ---- the page


def test_the_worked_example_of_the_page_is_worked_out(sample_folder):
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    england = adjust(shares(sample_folder, all_types=True).filter(pl.col("org_code") == "ENG"))
    found = seasonality(england).row(0, named=True)
    assert f"(p = {found['p_value']:.7f}, strength {found['strength']:.2f})" in page
    effects = dict(england.select(pl.col("period_start").dt.month(), "month_effect").iter_rows())
    assert f"December lies {-effects[12]:.1f} points below the year's level, March {effects[3]:.1f} above" in page
    plain, adjusted = (xmr(england, improvement="increase", value=name) for name in ("value", "adjusted_value"))
    marked = [(chart["special_cause"] != "none").sum() for chart in (plain, adjusted)]
    assert marked == [15, 0]
    assert f"{marked[0]} of the 48 months are marked" in page
    limits = [chart.select("lower_process_limit", "upper_process_limit").row(0) for chart in (adjusted, plain)]
    (lower, upper), (plain_lower, plain_upper) = limits
    assert f"{lower:.2f} % to {upper:.2f} % instead of {plain_lower:.2f} % to {plain_upper:.2f} %" in page
