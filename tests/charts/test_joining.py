"""Where an SPC chart shows that others joined, read from its Vega-Lite specification."""

from datetime import date

import polars as pl
import pytest

from .test_spc import POINTS, drawn

APRIL = date(2022, 4, 1)
BESIDE = pl.DataFrame(
    [
        ("A trust", date(2021, 12, 1), 50.0),
        ("A trust", date(2022, 1, 1), 60.0),
        ("A trust", date(2022, 2, 1), None),
        ("A trust", date(2022, 3, 1), 61.0),
    ],
    schema={"org_name": pl.String, "period_start": pl.Date, "value": pl.Float64},
    orient="row",
)


def _names(chart):
    return [layer["name"] for layer in chart["layer"] if "name" in layer]


def test_a_chart_of_one_that_nobody_joined_is_as_it_was(measure):
    plain = drawn(POINTS, measure)
    assert drawn(POINTS, measure, joined={}, beside=BESIDE.clear()) == plain
    assert not {"mergers", "predecessors"} & {*_names(plain), *plain["datasets"]}


def test_a_date_is_marked_with_its_word(measure):
    chart = drawn(POINTS, measure, joined={APRIL: "Merger"})
    assert chart["datasets"]["joined"] == [{"period_start": "2022-04-01", "words": "Merger"}]
    assert {"mergers", "merger words"} <= {*_names(chart)}


@pytest.mark.parametrize(
    ("day", "shown"), [(date(2021, 12, 1), 0), (date(2022, 1, 1), 1), (date(2022, 6, 1), 1), (date(2022, 7, 1), 0)]
)
def test_only_dates_within_the_months_of_the_chart_are_marked(measure, day, shown):
    assert len(drawn(POINTS, measure, joined={day: "Merger"})["datasets"]["joined"]) == shown


def test_the_figures_of_others_are_broken_lines_with_their_gaps(measure):
    chart = drawn(POINTS, measure, joined={APRIL: "Merger"}, beside=BESIDE)
    [line] = [layer for layer in chart["layer"] if layer.get("name") == "predecessors"]
    assert line["mark"]["strokeDash"]
    assert line["mark"]["invalid"] == "break-paths-filter-domains"
    assert [(row["period_start"], row["value"]) for row in chart["datasets"]["predecessors"]] == [
        ("2022-01-01", 60.0),
        ("2022-02-01", None),
        ("2022-03-01", 61.0),
    ]


def test_the_axis_has_room_for_them(measure):
    lowest = drawn(POINTS, measure, beside=BESIDE)["layer"][0]["encoding"]["y"]["scale"]["domain"][0]
    assert lowest <= 50.0 < drawn(POINTS, measure)["layer"][0]["encoding"]["y"]["scale"]["domain"][0]
