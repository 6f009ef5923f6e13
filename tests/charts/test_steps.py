"""Words on an earlier standard stand where they cover the least: seen on series small enough to check by eye."""

from datetime import date

import polars as pl
import pytest

from openmeasures.charts import steps
from openmeasures.periods import months

ENDS = (60.0, 90.0)  # of the axis: ten pixels a unit, so that words take two units beside their line
MONTHS = months(date(2020, 1, 1), date(2023, 12, 1))
NO_LINES = dict.fromkeys(("mean", "lower_process_limit", "upper_process_limit", "milestone"))


def label(measure, values, *, standard=75.0, of_it=24, **across):
    """Give the place of the one label: a standard in force for so many of 48 months, and then another."""
    points = pl.DataFrame(
        {
            "period_start": MONTHS, "value": values, "standard": [standard] * of_it + [65.0] * (48 - of_it),
            **NO_LINES, **across,
        },
        schema_overrides=dict.fromkeys([*NO_LINES, "value", "standard"], pl.Float64),
    )  # fmt: skip
    [row] = steps.labels(points, measure, ENDS)
    return MONTHS.index(date.fromisoformat(row["period_start"])), row["baseline"]


def test_where_nothing_is_in_the_way_words_stand_at_the_start_where_fewer_values_are(measure):
    assert label(measure, [70.0] * 48) == (0, "bottom")
    assert label(measure, [80.0] * 48) == (0, "top")


def test_words_move_to_the_other_side_of_a_line_that_they_would_cover(measure):
    assert label(measure, [70.0] * 48, upper_process_limit=76.0) == (0, "top")
    assert label(measure, [70.0] * 48, upper_process_limit=78.0) == (0, "bottom")
    assert label(measure, [80.0] * 48, mean=74.0) == (0, "bottom")


def test_words_move_along_until_they_are_clear_of_points(measure):
    """Values touch both sides of the standard in the first ten months."""
    values = [76.0, 74.0] * 5 + [85.0] * 38
    first, side = label(measure, values)
    assert (first > 9, side) == (True, "top")


def test_a_line_that_crosses_the_words_is_in_their_way_though_no_point_is(measure):
    first, side = label(measure, [70.0, 70.0, 70.0, 82.0, *[70.0] * 44])  # up through both sides and down again
    assert (first > 3, side) == (True, "bottom")


def test_where_there_is_no_clear_place_the_first_of_the_least_covered_is_taken(measure):
    assert label(measure, [75.5] * 48, of_it=2, mean=76.0)[0] == 0


def test_near_the_top_of_the_axis_words_hang_whatever_is_there(measure):
    assert label(measure, [87.0] * 48, standard=89.0)[1] == "top"
    assert label(measure, [87.0] * 48, standard=89.0, mean=88.0)[1] == "top"


@pytest.mark.parametrize("of_it", [46, 47])
def test_words_keep_on_the_chart(measure, of_it):
    values = [76.0, 74.0] * 22 + [85.0] * 4
    assert label(measure, values, of_it=of_it)[0] < 44


def test_a_month_without_a_value_is_in_nobody_s_way(measure):
    assert label(measure, [None] * 48) == (0, "bottom")
    assert label(measure, [70.0, None, 80.0, None] * 12) == (0, "bottom")


def test_a_standard_that_starts_too_late_for_its_words_has_them_all_the_same(measure):
    points = pl.DataFrame(
        {"period_start": MONTHS[:4], "value": [70.0] * 4, "standard": [None, None, 75.0, 76.0], **NO_LINES},
        schema_overrides=dict.fromkeys(NO_LINES, pl.Float64),
    )
    assert [row["period_start"] for row in steps.labels(points, measure, ENDS)] == ["2020-03-01"]
