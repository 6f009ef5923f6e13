import polars as pl
import pytest

from openmeasures.errors import ParameterError
from openmeasures.methods.neighbours import nearest

TRUSTS = pl.DataFrame(
    {
        "org_code": ["A", "B", "C", "D", "E"],
        "size": [100, 110, 1000, 1200, None],
        "beds": [10, 500, 12, 480, 10],
        "same": [7, 7, 7, 7, 7],
    }
)


@pytest.mark.parametrize(
    ("features", "number", "expected"),
    [
        (["size"], 1, ["B"]),
        (["size"], 3, ["B", "C", "D"]),
        (["size"], 9, ["B", "C", "D"]),  # E has no size
        (["beds"], 2, ["E", "C"]),
        (["size", "beds"], 3, ["C", "B", "D"]),
        (["same"], 2, ["B", "C"]),  # tells nobody apart, so by code
        (["size", "same"], 1, ["B"]),
    ],
)
def test_the_nearest_come_first(features, number, expected):
    assert nearest(TRUSTS, org_code="A", features=features, number=number) == expected


def test_factors_count_and_not_steps():
    """100 is as far from 10 as from 1,000, and further from 1,500."""
    trusts = pl.DataFrame({"org_code": ["A", "B", "C"], "size": [99, 9, 1499]})
    assert nearest(trusts, org_code="A", features=["size"], number=1) == ["B"]


def test_no_feature_counts_for_more_because_it_is_counted_in_larger_numbers():
    """B is nearer in one feature as C is in the other, which varies ten times as much."""
    trusts = pl.DataFrame({"org_code": ["A", "B", "C"], "x": [9, 99, 9], "y": [9, 9, 999_999_999]})
    assert nearest(trusts, org_code="A", features=["x", "y"], number=2) == ["B", "C"]


def test_one_that_lacks_a_feature_has_no_neighbours():
    assert nearest(TRUSTS, org_code="E", features=["size"], number=3) == []


def test_one_alone_has_none():
    assert nearest(TRUSTS.head(1), org_code="A", features=["size"], number=3) == []


def test_an_unknown_organisation_is_refused():
    with pytest.raises(ParameterError, match=r"organisation 'a' is not among the 5 compared\. Did you mean 'A'\?"):
        nearest(TRUSTS, org_code="a", features=["size"], number=1)


def test_an_unknown_feature_is_refused():
    with pytest.raises(ParameterError, match=r"feature 'sise': not among .*Did you mean 'size'\?"):
        nearest(TRUSTS, org_code="A", features=["sise"], number=1)
