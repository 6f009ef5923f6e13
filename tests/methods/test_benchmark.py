from datetime import date
from math import asin, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from openmeasures.errors import ParameterError
from openmeasures.methods.benchmark import DECILES, Reading, deciles, rank_intervals, reading
from openmeasures.methods.funnel import Position
from openmeasures.methods.signals import Variation


def ranks(numerators, denominators, kind="proportion", **options):
    frame = pl.DataFrame(
        {"numerator": numerators, "denominator": denominators},
        schema={"numerator": pl.Float64, "denominator": pl.Float64},
    )
    return rank_intervals(frame, kind=kind, **options).select("rank_lower", "rank_upper").rows()


# ---- rank intervals


def test_far_apart_each_has_its_rank():
    assert ranks([9000, 1000, 5000], [10_000] * 3) == [(1, 1), (3, 3), (2, 2)]


def test_close_together_none_has():
    assert ranks([50, 52, 51], [100] * 3) == [(1, 3)] * 3


def test_equal_values_share_their_interval():
    assert ranks([10, 10, 90], [100] * 3) == [(2, 3), (2, 3), (1, 1)]


@pytest.mark.parametrize(("second", "expected"), [(63, [(1, 2), (1, 2)]), (64, [(2, 2), (1, 1)])])
def test_two_organisations_by_hand(second, expected):
    """Two of 100: angles asin √((n + 3/8) / 100.75) differ surely by more than 1.96 √(2 / 402)."""
    apart = asin(sqrt((second + 3 / 8) / 100.75)) - asin(sqrt((50 + 3 / 8) / 100.75))
    assert (apart > stats.norm.ppf(0.975) * sqrt(2 / 402)) == (expected[0] == (2, 2))
    assert ranks([50, second], [100, 100]) == expected


def test_more_comparisons_take_a_wider_gap():
    """The two that were told apart no longer are among twelve: 0.05 is shared by eleven comparisons."""
    assert ranks([50, 65, *[57] * 10], [100] * 12)[:2] == [(1, 12), (1, 12)]


def test_rates_are_compared_by_their_square_roots():
    # √(100.375/1000) − √(60.375/1000) = 0.0711 > 1.96 √(1/4000 + 1/4000) = 0.0438.
    assert ranks([60, 100], [1000, 1000], kind="rate") == [(2, 2), (1, 1)]
    assert ranks([6, 10], [100, 100], kind="ratio") == [(1, 2), (1, 2)]


def test_without_a_figure_there_is_no_rank_and_the_others_are_fewer():
    assert ranks([9000, None, 0, 1000], [10_000, 100, 0, 10_000]) == [(1, 1), (None, None), (None, None), (2, 2)]


def test_one_organisation_and_none():
    assert ranks([5], [10]) == [(1, 1)]
    assert ranks([None], [10]) == [(None, None)]


def test_other_columns_stay():
    frame = pl.DataFrame({"org_code": ["B", "A"], "deaths": [30, 10], "expected": [20, 20]})
    found = rank_intervals(frame, kind="ratio", numerator="deaths", denominator="expected")
    assert found.columns == ["org_code", "deaths", "expected", "rank_lower", "rank_upper"]
    assert found["org_code"].to_list() == ["B", "A"]


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ParameterError, match="expected a share between 0 and 1"):
        ranks([1], [2], confidence=confidence)


@pytest.mark.parametrize(("kind", "size"), [("proportion", 400), ("rate", 3000)])
def test_the_true_rank_is_inside_as_often_as_is_said(kind, size):
    """Twenty organisations, a thousand times: each one's interval holds its true rank in 95 % at least."""
    random = np.random.default_rng(21)
    levels = np.linspace(0.6, 0.7, 20) if kind == "proportion" else np.linspace(0.03, 0.06, 20)
    true = 20 - np.arange(20)
    held = np.zeros(20)
    for _ in range(1000):
        counts = random.binomial(size, levels) if kind == "proportion" else random.poisson(size * levels)
        found = np.array(ranks(counts, [size] * 20, kind=kind))
        held += (found[:, 0] <= true) & (true <= found[:, 1])
    assert (held / 1000 >= 0.95).all()


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 500)), min_size=1, max_size=12))
def test_an_interval_holds_the_rank_of_the_value_and_stays_in_range(counts):
    counts = [(min(count, size), size) for count, size in counts]
    numerators, denominators = zip(*counts, strict=True)
    found = ranks(numerators, denominators)
    # The rank on the scale of comparison; small denominators may change places with it.
    places = [(count + 3 / 8) / (size + 3 / 4) for count, size in counts]
    for (lower, upper), place in zip(found, places, strict=True):
        above, equal = sum(other > place for other in places), sum(other == place for other in places)
        assert 1 <= lower <= above + 1 <= above + equal <= upper <= len(counts)


# ---- deciles


def test_deciles_by_hand():
    frame = pl.DataFrame({"period_start": [date(2024, 3, 1)] * 11, "value": [float(n) for n in range(0, 110, 10)]})
    row = deciles(frame).row(0, named=True)
    assert row == {"period_start": date(2024, 3, 1), "organisations": 11} | {f"decile_{n}": n for n in DECILES}


def test_deciles_between_figures_are_numpys():
    values = np.random.default_rng(2).normal(60, 9, 37)
    found = deciles(pl.DataFrame({"period_start": [date(2024, 3, 1)] * 37, "value": values}))
    assert found.row(0)[2:] == pytest.approx(np.quantile(values, np.array(DECILES) / 100))


@pytest.mark.parametrize(("figures", "is_null"), [(9, True), (10, False)])
def test_of_few_organisations_there_are_none(figures, is_null):
    frame = pl.DataFrame({"period_start": [date(2024, 3, 1)] * 12, "value": [1.0] * figures + [None] * (12 - figures)})
    found = deciles(frame)
    assert found["organisations"].item() == figures
    assert (found["decile_50"].item() is None) == is_null


def test_periods_come_in_order():
    months = [date(2024, month, 1) for month in (3, 1, 2)]
    assert deciles(pl.DataFrame({"period_start": months, "value": [1.0, 2, 3]}))["period_start"].to_list() == sorted(
        months
    )


# ---- over time and among peers


@pytest.mark.parametrize(
    ("variation", "position", "expected"),
    [
        (Variation.COMMON_CAUSE, Position.WITHIN_95, Reading.NEITHER),
        (Variation.COMMON_CAUSE, Position.ABOVE_95, Reading.NEITHER),
        (Variation.COMMON_CAUSE, Position.ABOVE_99_8, Reading.AMONG_PEERS),
        (Variation.CONCERN_LOW, Position.WITHIN_95, Reading.OVER_TIME),
        (Variation.IMPROVEMENT_HIGH, Position.BELOW_99_8, Reading.BOTH),
        (Variation.NEUTRAL_LOW, Position.BELOW_95, Reading.OVER_TIME),
        (None, Position.WITHIN_95, None),
        (Variation.COMMON_CAUSE, None, None),
    ],
)
def test_what_both_say_together(variation, position, expected):
    assert reading(variation, position) == expected


def test_means_are_told_apart_by_their_own_standard_errors():
    """Errors of 1: the difference of two has one of √2, and with two comparisons each 2.2414 × √2 = 3.17 is enough."""
    frame = pl.DataFrame(
        {
            "numerator": [0.0, 300.0, 320.0, 1.0],
            "denominator": [100, 100, 100, 100],
            "variance": [100.0, 100.0, 100.0, None],
        }
    )
    found = rank_intervals(frame, kind="mean")
    assert found.select("rank_lower", "rank_upper").rows() == [(2, 3), (1, 3), (1, 2), (None, None)]
    less_sure = rank_intervals(frame.with_columns(variance=101.0), kind="mean").head(3)  # 3.19, and one more to compare
    assert less_sure.select("rank_lower", "rank_upper").rows() == [(1, 4), (1, 4), (1, 4)]
