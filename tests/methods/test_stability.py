"""Whether limits describe a series: counted by hand, and set against independent series."""

import numpy as np
import polars as pl
import pytest

from openmeasures.methods import spc, stability


def limited(*values, low=50.0, high=70.0, segments=(0,)):
    return pl.DataFrame(
        {
            "period_start": range(len(values)),
            "value": values,
            "segment": [segments[min(place, len(segments) - 1)] for place in range(len(values))],
            "mean": None if low is None else (low + high) / 2,
            "lower_process_limit": low,
            "upper_process_limit": high,
        },
        schema_overrides=dict.fromkeys(("value", "mean", "lower_process_limit", "upper_process_limit"), pl.Float64),
    )


# ---- inside


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], (0, 0)),
        ([None], (0, 0)),
        ([50, 70, 49.9, 70.1], (2, 4)),  # on a limit is inside
        ([50 * (1 - 1e-14), 70 * (1 + 1e-14)], (2, 2)),
        ([60, None, 80], (1, 2)),
    ],
)
def test_values_inside_their_limits_are_counted(values, found):
    assert stability.inside(limited(*values)) == found


@pytest.mark.parametrize(("values", "is_described"), [([60, 60, 80], True), ([60, 80], True), ([60, 80, 80], False)])
def test_limits_describe_a_series_unless_most_values_lie_outside(values, is_described):
    assert stability.is_described(limited(*values)) is is_described


def test_without_limits_nothing_speaks_against_them():
    assert stability.is_described(limited(1, 2, 3, low=None, high=None))


# ---- likeness


def test_likeness_is_the_products_of_neighbours_by_the_squares():
    """About 60: -2, -1, …, 2 and back; 1.96 / √9 = 0.65 is the most that may be chance."""
    apart = [-2, -2, -2, -2, 0, 2, 2, 2, 2]
    products = 4 + 4 + 4 + 0 + 0 + 4 + 4 + 4
    assert stability.likeness(limited(*(60 + each for each in apart))) == pytest.approx(products / 32)


def test_alternating_and_constant_values_are_not_alike():
    assert stability.likeness(limited(*[59, 61] * 20)) is None
    assert stability.likeness(limited(*[60] * 20)) is None
    assert stability.likeness(limited(*[60 + 1e-13, 60 + 1e-13] * 20)) is None
    assert stability.likeness(limited()) is None


def test_values_of_two_segments_are_no_neighbours():
    """One segment apart from the other, all of it on one side of the mean: five products of six squares are left."""
    one, two = [62] * 10, [58] * 10
    assert stability.likeness(limited(*one, *two, segments=[0] * 10 + [1])) == pytest.approx(18 / 20)
    assert stability.likeness(limited(*one, *two)) == pytest.approx((18 - 1) / 20)


def test_values_without_limits_and_gaps_are_passed_over():
    apart = [-2, -2, -2, -2, 0, 2, 2, 2, 2]
    whole = stability.likeness(limited(*(60 + each for each in apart)))
    with_gap = limited(*(60 + each for each in apart[:3]), None, *(60 + each for each in apart[3:]))
    assert stability.likeness(with_gap) == whole
    assert stability.likeness(with_gap.reverse()) == whole
    assert stability.likeness(with_gap.with_columns(mean=pl.lit(None, pl.Float64))) is None


@pytest.mark.parametrize(("memory", "least", "most"), [(0.0, 0.0, 0.03), (0.7, 0.95, 1.0)])
def test_independent_series_are_called_alike_once_in_forty_and_those_with_memory_nearly_always(memory, least, most):
    rng = np.random.default_rng(1946)
    series = rng.normal(size=(600, 48))
    for month in range(1, 48):
        series[:, month] += memory * series[:, month - 1]
    found = [stability.likeness(limited(*row).with_columns(mean=pl.lit(row.mean()))) is not None for row in series]
    assert least <= np.mean(found) <= most


def test_a_drift_is_not_described_by_its_own_limits():
    values = [60 + 0.5 * month + (0.3 if month % 2 else -0.3) for month in range(40)]
    frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(40), "value": values})
    assert not stability.is_described(spc.xmr(frame, improvement="increase"))
