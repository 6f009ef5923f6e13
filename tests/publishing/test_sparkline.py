"""Sparklines, read as SVG: what is drawn, where, and what is not."""

import gzip
import re
from xml.etree import ElementTree

import pytest

from openmeasures.periods import Period
from openmeasures.publishing import sparkline

LIMITS = {"mean": 60.0, "lower_process_limit": 50.0, "upper_process_limit": 70.0}


def series(*values, segment=0, first=1, **lines):
    """Make points of consecutive months of 2024, null where there is no value."""
    limits = LIMITS | lines
    return [
        {"period_start": f"2024-{month:02d}-01", "value": value, "segment": segment, **limits}
        for month, value in enumerate(values, start=first)
    ]


def drawn(points, kind="common", period=Period.MONTH):
    """Return what each part of the image draws, by its name."""
    image = ElementTree.fromstring(sparkline.draw(points, kind=kind, period=period))
    return {path.get("class").split()[0].removeprefix("om-spark-"): path.get("d") for path in image}


def numbers(text):
    return [int(number) for number in re.findall(r"(?<![.\d])\d+(?![.\d])", text)]


@pytest.mark.parametrize("points", [[], series(None, None)])
def test_without_a_value_there_is_no_image(points):
    assert sparkline.draw(points, kind="none", period=Period.MONTH) == ""


def test_values_are_from_left_to_right_and_higher_ones_are_higher():
    # The limits are the extremes: 50 at the foot (100), 70 at the head (12), 60 half way (56).
    assert drawn(series(50.0, 70.0, 60.0))["line"] == "M12 100L240 12L468 56"


def test_every_value_is_a_dot():
    assert drawn(series(50.0, None, 60.0))["dots"] == "M12 100h.1M468 56h.1"


def test_a_gap_is_where_nothing_is_known():
    assert drawn(series(50.0, 60.0, None, 60.0, 70.0))["line"] == "M12 100L126 56M354 56L468 12"


def test_a_month_that_has_no_row_is_a_gap_too():
    points = [point for point in series(50.0, 60.0, 60.0, 60.0, 70.0) if point["period_start"] != "2024-03-01"]
    assert drawn(points)["line"] == "M12 100L126 56M354 56L468 12"


def test_quarters_follow_each_other_without_a_gap():
    quarters = [
        point | {"period_start": day}
        for point, day in zip(series(50.0, 70.0), ("2024-01-01", "2024-04-01"), strict=True)
    ]
    assert drawn(quarters, period=Period.QUARTER)["line"] == "M12 100L468 12"
    assert "line" not in drawn(quarters)


def test_a_value_alone_is_a_dot_without_a_line():
    assert "line" not in drawn(series(50.0, None, 60.0))
    assert drawn(series(60.0))["dots"] == "M240 56h.1"


def test_equal_values_are_half_way_up():
    points = series(60.0, 60.0, mean=None, lower_process_limit=None, upper_process_limit=None)
    assert drawn(points) == drawn(points) | {"line": "M12 56L468 56"}


def test_fixed_limits_are_a_band_around_the_mean():
    found = drawn(series(55.0, 65.0))
    assert found["band"] == "M12 12H468V100H12z"
    assert found["mean"] == "M12 56H468"


def test_each_segment_has_its_own_band():
    found = drawn(series(55.0, 55.0) + series(65.0, 65.0, segment=1, first=3, mean=65.0, lower_process_limit=60.0))
    assert found["band"] == "M12 12H164V100H12zM316 12H468V56H316z"
    assert found["mean"] == "M12 56H164M316 34H468"


def test_limits_that_move_with_every_value_are_left_out():
    points = [
        point | {"upper_process_limit": limit} for point, limit in zip(series(55.0, 65.0), (70.0, 71.0), strict=True)
    ]
    assert not {"band", "mean"} & set(drawn(points))


def test_too_few_values_for_limits_have_none():
    assert not {"band", "mean"} & set(
        drawn(series(55.0, 65.0, mean=None, lower_process_limit=None, upper_process_limit=None))
    )


@pytest.mark.parametrize(
    ("missing", "band"),
    [
        ({"lower_process_limit": None}, "M12 12H468V100H12z"),
        ({"upper_process_limit": None}, "M12 12H468V100H12z"),
        ({"lower_process_limit": None, "upper_process_limit": None}, None),
    ],
)
def test_where_one_limit_is_missing_the_band_reaches_the_edge(missing, band):
    assert drawn(series(50.0, 70.0, **missing)).get("band") == band


@pytest.mark.parametrize(
    ("kind", "sides"),
    [("improvement", "a9"), ("concern", "h18v18"), ("neutral", "l10 18"), ("common", "a9"), ("none", "a9")],
)
def test_the_latest_value_has_the_sign_of_its_variation(kind, sides):
    image = ElementTree.fromstring(sparkline.draw(series(50.0, 70.0, None), kind=kind, period=Period.MONTH))
    last = image[-1]
    assert last.get("class") == f"om-spark-last om-{kind}"
    assert sides in last.get("d")
    left = 240 - 9 if kind == "concern" else 240
    assert numbers(last.get("d"))[:2] == [left, 12 - 9]


def test_it_is_small_the_same_every_time_and_not_read_out():
    months = [f"{2020 + number // 12}-{number % 12 + 1:02d}-01" for number in range(72)]
    points = [
        point | {"period_start": day, "value": 50.0 + number * 37 % 20}
        for number, (point, day) in enumerate(zip(series(*[55.0] * 72), months, strict=True))
    ]
    image = sparkline.draw(points, kind="concern", period=Period.MONTH)
    assert image == sparkline.draw(points, kind="concern", period=Period.MONTH)
    assert len(gzip.compress(image.encode())) < 1024
    assert ' aria-hidden="true"' in image
    assert "id=" not in image
