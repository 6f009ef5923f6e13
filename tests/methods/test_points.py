"""What every method refuses, and how the refusal reads."""

import math

import polars as pl
import pytest

from openmeasures.errors import ParameterError
from openmeasures.methods.points import check, check_minimum


def table(*rows):
    return pl.DataFrame(rows, schema={"by": pl.String, "order": pl.Int64, "value": pl.Float64}, orient="row")


def test_null_figures_no_rows_and_whole_series_pass():
    for rows in ([], [("A", 1, None)], [("A", 1, 0.0), ("A", 2, -1.0), ("B", 1, 0.0)]):
        assert check(table(*rows)) is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((None, 1, 2.0), "organisation None, period 1: found value 2.0, expected an organisation and a period in"),
        (("A", None, 2.0), "organisation 'A', period None: found value 2.0, expected an organisation and a period in"),
        (("A", 9, 2.0), "organisation 'A', period 9: found value 1.0, expected one row an organisation and period"),
        (("A", 1, math.nan), "organisation 'A', period 1: found value nan, expected a finite value"),
        (("A", 1, math.inf), "organisation 'A', period 1: found value inf, expected a finite value"),
        (("A", 1, -2.0), "organisation 'A', period 1: found value -2.0, expected 0 or more."),
    ],
)
def test_the_first_faulty_row_is_named(row, said):
    with pytest.raises(ParameterError) as refusal:
        check(table(("A", 9, 1.0), row), (pl.col("value") < 0, "0 or more"))
    assert str(refusal.value).startswith(said)


def test_a_minimum_below_the_least_is_refused():
    assert check_minimum(2) is None
    with pytest.raises(
        ParameterError, match=r"^minimum_points is 1: expected 2 or more, as a range joins two points\.$"
    ):
        check_minimum(1)
    with pytest.raises(ParameterError, match=r"expected 10 or more, as the table starts there\.$"):
        check_minimum(9, least=10, why="the table starts there")
