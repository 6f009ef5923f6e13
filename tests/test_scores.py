from datetime import date
from math import sqrt

import polars as pl
import pytest

from openmeasures import scores
from openmeasures.definitions import Disclosure
from openmeasures.errors import DefinitionError

YEAR = date(2024, 4, 1)
ROUNDED = Disclosure(rounded_to=5, suppressed_below=5, zero_suppressed=True, value_rounding=0.1)
Z = 1.959963984540054


@pytest.fixture
def of_scores(measure):
    return measure.model_copy(update={"squares": "squares", "kind": "mean", "disclosure": ROUNDED})


def _observations(*rows):
    return pl.DataFrame(
        [(code, category, YEAR, "squares", value) for code, category, value in rows],
        schema={"org_code": pl.String, "category": pl.String, "period_start": pl.Date, "metric": pl.String,
                "value": pl.Float64},
        orient="row",
    )  # fmt: skip


def _points(*rows):
    return pl.DataFrame(
        [(code, YEAR, of, value) for code, of, value in rows],
        schema={"org_code": pl.String, "period_start": pl.Date, "denominator": pl.Float64, "value": pl.Float64},
        orient="row",
    )


def test_each_mean_gets_its_interval_and_variance(of_scores):
    points = _points(("RC9", 25, -4.0), ("RJ1", None, None), ("ENG", 100, -3.0))
    rows = _observations(("RC9", "", 2500.0), ("RJ1", "", None), ("ENG", "", 10_000.0))
    found = scores.intervals(points, rows, measure=of_scores)
    reach = Z * sqrt(2500) / 25 + 0.1
    assert found.row(0) == ("RC9", YEAR, 25, -4, pytest.approx(-4 - reach), pytest.approx(-4 + reach), 100)
    assert found.row(1) == ("RJ1", YEAR, None, None, None, None, None)
    assert found["variance"].to_list() == [100, None, 100]
    assert found["org_code"].to_list() == ["RC9", "RJ1", "ENG"]


def test_parts_have_their_own(of_scores):
    points = pl.concat([_points(("RC9", 4, 1.0)), _points(("RC9", 9, 2.0))]).with_columns(
        category=pl.Series(["book", "talk"])
    )
    rows = _observations(("RC9", "book", 16.0), ("RC9", "talk", 81.0))
    assert scores.intervals(points, rows, measure=of_scores)["variance"].to_list() == [4, 9]


def test_without_rounding_there_is_chance_alone(of_scores):
    exact = of_scores.model_copy(update={"disclosure": None})
    found = scores.intervals(_points(("RC9", 25, -4.0)), _observations(("RC9", "", 2500.0)), measure=exact)
    assert found["value_upper"].item() == pytest.approx(-4 + Z * 2)


def test_a_measure_without_squares_is_refused(measure):
    with pytest.raises(DefinitionError, match="four_hours: no 'squares'"):
        scores.intervals(_points(("RC9", 25, -4.0)), _observations(), measure=measure)
