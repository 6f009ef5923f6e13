"""Room for words and ends of axes."""

from itertools import pairwise

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


@DETERMINISTIC
@given(st.lists(st.floats(0, 100), min_size=2, max_size=4), st.integers(1, 2))
def test_labels_never_touch_and_keep_their_order(values, lines):
    places = layout.apart(values, ends=(0, 100), height=theme.PLOT_HEIGHT, lines=lines)
    by_height = sorted(zip(places, values, strict=True), reverse=True)
    room = 100 / theme.PLOT_HEIGHT * (lines * theme.LINE_HEIGHT + theme.LABEL_SPACE)
    assert all(0 <= place <= 100 for place in places)
    assert all(higher[0] - lower[0] >= room - 1e-5 for higher, lower in pairwise(by_height))
    assert all(higher[1] >= lower[1] for higher, lower in pairwise(by_height))


@pytest.mark.parametrize(
    ("values", "bounds", "ends"),
    [
        ([71.2, 78.9], (0, 100), (70, 80)),
        ([100.0], (0, 100), (97, 100)),  # constant, at the bound
        ([0.0], (0, None), (0, 0.6)),  # nothing but zero
        ([92.0, 92.5], (0, 100), (89, 95)),  # five points at least
        ([12.0, 40.0], (0, 100), (0, 45)),  # near zero, so from zero
        ([230.0, 270.0], (0, None), (225, 275)),
        ([-3.0, 5.0], (None, None), (-4, 6)),  # no bound, so below zero too
    ],
)
def test_axis_ends_are_round_and_possible(values, bounds, ends):
    assert layout.domain(values, bounds=bounds) == pytest.approx(ends)


def test_room_below_moves_only_the_lower_end():
    assert layout.domain([70.0, 79.0], bounds=(0, 100), room_below=0.2) == (66, 80)
