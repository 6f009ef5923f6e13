"""Room for words and ends of axes."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.charts import layout, theme

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=50)


@pytest.mark.parametrize(
    ("months", "page", "phone"),
    [(1, 1, 1), (7, 1, 1), (8, 1, 3), (21, 1, 3), (22, 3, 6), (42, 3, 6), (43, 3, 12), (60, 3, 12), (63, 3, 12),
     (64, 6, 12), (500, 12, 12)],
)  # fmt: skip
def test_month_step(months, page, phone):
    assert (layout.month_step(months, theme.PAGE), layout.month_step(months, theme.PHONE)) == (page, phone)


def test_words_are_wrapped_evenly_and_no_break_spaces_hold():
    words = "Lower limit 67.4\u00a0%"
    assert layout.wrapped(words, width=500, size=12) == [words]
    assert layout.wrapped(words, width=75, size=12) == ["Lower limit", "67.4\u00a0%"]
    assert layout.wrapped("one two three four", width=16 * 12 * theme.LETTER, size=12) == ["one two", "three four"]


def test_a_word_longer_than_the_line_stays_whole():
    assert layout.wrapped("a Gloucestershire", width=50, size=12) == ["a", "Gloucestershire"]


LINE = theme.LINE_HEIGHT + theme.LABEL_SPACE  # pixels from one label to the next


def test_labels_far_apart_stay_at_their_lines():
    assert layout.apart([10, 50, 90], ends=(0, 100), height=100 * LINE) == [10, 50, 90]


def test_of_equal_lines_the_first_label_is_highest():
    assert layout.apart([50, 50, 50], ends=(0, 100), height=10 * LINE) == [60, 50, 40]


def test_labels_stay_on_the_axis():
    assert layout.apart([100, 100], ends=(0, 100), height=10 * LINE) == [100, 90]
    assert layout.apart([0, 0], ends=(0, 100), height=10 * LINE) == [10, 0]


def test_no_lines_need_no_labels():
    assert layout.apart([], ends=(0, 1), height=100) == []


def test_a_label_of_two_lines_keeps_the_next_farther_away():
    taller = theme.LINE_HEIGHT / 2 / (10 * LINE) * 100  # half of the further line, of an axis of ten labels' height
    assert layout.apart([50, 50], ends=(0, 100), height=10 * LINE, lines=[1, 2]) == pytest.approx(
        [55 + taller / 2, 45 - taller / 2]
    )


@DETERMINISTIC
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 3)), min_size=2, max_size=4))
def test_labels_never_touch_and_keep_their_order(labels):
    values, lines = zip(*labels, strict=True)
    places = layout.apart(values, ends=(0, 100), height=theme.PLOT_HEIGHT, lines=lines)
    by_height = sorted(zip(places, values, lines, strict=True), reverse=True)
    pixel = 100 / theme.PLOT_HEIGHT
    assert all(0 <= place <= 100 for place in places)
    for higher, lower in pairwise(by_height):
        room = pixel * ((higher[2] + lower[2]) / 2 * theme.LINE_HEIGHT + theme.LABEL_SPACE)
        assert higher[0] - lower[0] >= room - 1e-5
        assert higher[1] >= lower[1]


@pytest.mark.parametrize(
    ("values", "bounds", "ends"),
    [
        ([71.2, 78.9], (0, 100), (70, 80)),
        ([100.0], (0, 100), (97, 100)),  # constant, at the bound
        ([0.0], (0, None), (0, 0.6)),  # nothing but zero
        ([92.0, 92.5], (0, 100), (89, 95)),  # five points at least
        ([12.0, 40.0], (0, 100), (0, 45)),  # near zero, so from zero
        ([1.3, 1.5], (0, 100), (0, 2.4)),  # rare: 20 × 1.5 counts as the range, and a twentieth of it is 1.5
        ([0.0, 0.1], (0, 100), (0.0, 0.4)),  # a twentieth of a tenth of the range at least
        ([230.0, 270.0], (0, None), (225, 275)),
        ([-3.0, 5.0], (None, None), (-4, 6)),  # no bound, so below zero too
    ],
)
def test_axis_ends_are_round_and_possible(values, bounds, ends):
    assert layout.domain(values, bounds=bounds) == pytest.approx(ends)


def test_room_below_moves_only_the_lower_end():
    assert layout.domain([70.0, 79.0], bounds=(0, 100), room_below=0.2) == (66, 80)


@pytest.mark.parametrize(("near", "start"), [(1 / 2, 0), (1 / 4, 30)])
def test_how_near_its_bound_an_axis_starts_there(near, start):
    assert layout.domain([38.0, 97.0], bounds=(0, 100), near=near) == (start, 100)


@pytest.mark.parametrize(
    ("values", "bounds", "span"),
    [([60, 80], (0, 100), 20), ([75, 75], (0, 100), 100 / 20), ([75, 80], (0, 100), 5), ([200, 200], (0, None), 10)],
)
def test_reach_is_the_span_or_the_least_that_can_be_told(values, bounds, span):
    assert layout.reach(values, bounds=bounds) == span


@pytest.mark.parametrize(
    ("sizes", "scale"),
    [
        ([100], "linear"),
        ([100, 100, 100], "linear"),
        ([100, 100, 1000], "linear"),  # the smallest quarter at a tenth of the axis
        ([99, 99, 1000], "sqrt"),
        ([10, 10, 1000], "sqrt"),  # √(10 ÷ 1,000) = 1/10
        ([9, 9, 1000], "log"),
        ([1, 5000, 5000, 5000, 5000, 9000], "linear"),  # one that is tiny squeezes no others
    ],
)
def test_the_scale_is_the_first_that_spreads_the_sizes(sizes, scale):
    assert layout.size_axis(sizes)[0] == scale


@pytest.mark.parametrize("sizes", [[100], [99, 99, 1000], [9, 9, 1000]])
def test_every_size_is_on_its_axis_clear_of_the_end(sizes):
    scale, (start, end) = layout.size_axis(sizes)
    assert start < min(sizes) <= max(sizes) < end
    assert (start == 0) == (scale != "log")


@pytest.mark.parametrize(
    ("ends", "scale", "labels"),
    [
        ((0, 104), "linear", [0, 20, 40, 60, 80, 100]),
        ((0, 52_000), "sqrt", [0, 1000, 2000, 5000, 10_000, 20_000, 50_000]),
        ((0, 48_000), "sqrt", [0, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 40_000]),
        ((9, 999), "log", [10, 20, 50, 100, 200, 500]),
        ((9, 110_000), "log", [10, 100, 1000, 10_000, 100_000]),
    ],
)
def test_labels_of_sizes_are_round(ends, scale, labels):
    assert layout.ticks(ends, scale) == labels


def cut(values, ends=(0, 10), sizes=None):
    frame = pl.DataFrame(
        {"x": sizes or list(range(len(values))), "y": values}, schema={"x": pl.Float64, "y": pl.Float64}
    )
    return [(row["x"], row["y"]) for row in layout.cut(frame, ["y"], x="x", ends=ends)]


def test_a_line_ends_where_it_leaves_the_chart():
    assert cut([14.0, 6.0, 4.0]) == [(0.5, 10), (1, 6), (2, 4)]  # 14 to 6: 10 is half way
    assert cut([5.0, -5.0]) == [(0, 5), (0.5, 0)]


def test_a_line_that_crosses_the_whole_chart_between_two_rows_is_drawn_from_edge_to_edge():
    assert cut([-10.0, 30.0]) == [(0.25, 0), (0.5, 10)]


def test_a_line_on_the_edge_is_on_the_chart():
    assert cut([10.0, 10.0, 0.0]) == [(0, 10), (1, 10), (2, 0)]


def test_a_line_beyond_the_chart_is_not_drawn_and_null_is_no_row():
    assert cut([11.0, 12.0]) == []
    assert cut([5.0, None, 5.0]) == [(0, 5), (2, 5)]


def test_lines_share_rows_and_lack_what_they_have_not():
    frame = pl.DataFrame({"x": [0.0, 1.0], "upper": [20.0, 8.0], "lower": [2.0, 3.0]})
    assert layout.cut(frame, ["upper", "lower"], x="x", ends=(0, 10)) == [
        {"x": 0, "lower": 2}, {"x": 0.8333, "upper": 10}, {"x": 1, "upper": 8, "lower": 3},
    ]  # fmt: skip
