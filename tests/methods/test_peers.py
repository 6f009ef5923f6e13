"""The spread of a figure over organisations, and where one of them lies."""

from math import inf, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.errors import ParameterError
from openmeasures.methods.peers import Position, Spread, position, spread

LOWEST, MIDDLE, HIGHEST = Position.LOWEST_QUARTER, Position.MIDDLE_HALF, Position.HIGHEST_QUARTER


def peers(*values):
    return pl.DataFrame(
        {"org_code": [f"R{number}" for number in range(len(values))], "value": values},
        schema_overrides={"value": pl.Float64},
    )


def positions(*values):
    frame = peers(*values)
    return [position(frame, org_code=org_code) for org_code in frame["org_code"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # R type 7: the quantile p of n figures lies (n - 1) p steps above the least.
        ([], (0, None, None, None, None, None)),
        ([None], (0, None, None, None, None, None)),
        ([7], (1, 7, 7, 7, 7, 7)),
        ([3, 1], (2, 1, 1 + 1 / 4 * 2, 1 + 1 / 2 * 2, 1 + 3 / 4 * 2, 3)),
        ([10, 40, 20, 30], (4, 10, 10 + 3 / 4 * 10, 25, 30 + 1 / 4 * 10, 40)),
        ([10, 40, None, 20, 30, 50], (5, 10, 20, 30, 40, 50)),
        ([5, 5, 5, 5], (4, 5, 5, 5, 5, 5)),
    ],
)
def test_spread(values, expected):
    assert spread(peers(*values)) == Spread(*expected)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=200))
@settings(derandomize=True, deadline=None)
def test_spread_agrees_with_numpy(values):
    _, *quantiles = spread(peers(*values))
    assert quantiles == pytest.approx(list(np.quantile(values, [0, 0.25, 0.5, 0.75, 1], method="linear")))


def test_spread_takes_any_column():
    assert spread(peers(1, 2).rename({"value": "share"}), value="share").median == (1 + 2) / 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(1, 9), [LOWEST] * 2 + [MIDDLE] * 4 + [HIGHEST] * 2),  # quartiles 2.75 and 6.25
        (range(1, 10), [LOWEST] * 2 + [MIDDLE] * 5 + [HIGHEST] * 2),  # quartiles 3 and 7, both in the middle
        ([1, 2, 2, 2, 5, 6, 7, 8, 9], [LOWEST] + [MIDDLE] * 6 + [HIGHEST] * 2),  # quartiles 2 and 7
        ([0, 0, 0, 0, 0, 0, 0, 9], [MIDDLE] * 7 + [HIGHEST]),  # quartiles 0 and 0
        ([5] * 8, [MIDDLE] * 8),
        ([0.1 + 0.2, *[0.3] * 7], [MIDDLE] * 8),  # 0.30000000000000004 is a rounded 0.3
    ],
)
def test_position_with_ties_on_a_quartile_in_the_middle_half(values, expected):
    assert positions(*values) == expected


@pytest.mark.parametrize(("others", "expected"), [(6, None), (7, HIGHEST), (8, HIGHEST)])
def test_position_needs_eight_with_a_figure_the_organisation_included(others, expected):
    assert positions(*[1] * others, 2, None)[others] == expected


def test_position_of_an_organisation_without_a_figure():
    assert positions(*range(8), None)[8] is None
    assert positions(None) == [None]


def test_an_unknown_organisation_is_refused_with_the_nearest_name():
    frame = pl.DataFrame({"org_code": ["RJ1", "RC9"], "value": [1.0, 2.0]})
    with pytest.raises(ParameterError, match=r"'rjl' is not among the 2 compared\. Did you mean 'RJ1'\?"):
        position(frame, org_code="rjl")


@pytest.mark.parametrize("impossible", [nan, inf, -inf])
def test_a_figure_that_is_not_finite_is_refused(impossible):
    with pytest.raises(ParameterError, match=f"'R1': found {impossible!r}, expected a finite value"):
        spread(peers(1, impossible))


def test_two_rows_of_one_organisation_are_refused():
    with pytest.raises(ParameterError, match=r"'R0': found 1\.0, expected one row an organisation"):
        spread(pl.concat([peers(1), peers(2)]))
