"""The look of charts: contrast, signs that do not rest on colour, and room for words."""

from itertools import pairwise

import altair as alt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.charts import theme

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=50)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_itself_is_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey just below 4.5


@pytest.mark.parametrize("ink", [theme.TEXT, theme.QUIET_TEXT, theme.STANDARD_TEXT, theme.SUBJECT, theme.MEAN])
@pytest.mark.parametrize("paper", [theme.PAPER, theme.BAND])
def test_text_can_be_read(ink, paper):
    assert contrast(ink, paper) >= 4.5


@pytest.mark.parametrize(
    "colour",
    [theme.MEAN, theme.STANDARD, theme.EDGE, theme.SUBJECT, theme.OTHERS_EDGE, *(sign.edge for sign in theme.SIGNS)],
)
def test_marks_can_be_seen(colour):
    assert contrast(colour, theme.PAPER) >= 3


def test_signs_differ_without_colour():
    looks = {(sign.shape, sign.area, sign.fill == theme.PAPER) for sign in theme.SIGNS}
    assert len(looks) == len(theme.SIGNS)


def test_special_causes_are_larger_than_common_cause():
    special = (theme.IMPROVEMENT, theme.CONCERN, theme.NEUTRAL)
    assert all(sign.area > theme.COMMON_CAUSE.area for sign in special)


def test_colours_are_those_of_making_data_count():
    fills = [sign.fill for sign in (theme.COMMON_CAUSE, theme.IMPROVEMENT, theme.CONCERN, theme.NEUTRAL)]
    assert [*fills, theme.MEAN, theme.STANDARD] == ["#a6a6a6", "#00b0f0", "#e46c0a", "#490092", "#000000", "#de1b1b"]


def test_theme_is_registered_and_active():
    assert alt.theme.active == theme.NAME
    assert alt.theme.get()() == {"config": theme.config(theme.PAGE)}


@pytest.mark.parametrize(
    ("months", "page", "phone"),
    [(1, 1, 1), (7, 1, 1), (8, 1, 3), (21, 1, 3), (22, 3, 6), (42, 3, 6), (43, 3, 12), (60, 3, 12), (63, 3, 12),
     (64, 6, 12), (500, 12, 12)],
)  # fmt: skip
def test_month_step(months, page, phone):
    assert (theme.month_step(months, theme.PAGE), theme.month_step(months, theme.PHONE)) == (page, phone)


def test_words_are_wrapped_evenly_and_no_break_spaces_hold():
    words = "Lower limit 67.4\u00a0%"
    assert theme.wrapped(words, width=500, size=12) == [words]
    assert theme.wrapped(words, width=75, size=12) == ["Lower limit", "67.4\u00a0%"]
    assert theme.wrapped("one two three four", width=16 * 12 * theme.LETTER, size=12) == ["one two", "three four"]


def test_a_word_longer_than_the_line_stays_whole():
    assert theme.wrapped("a Gloucestershire", width=50, size=12) == ["a", "Gloucestershire"]


@pytest.mark.parametrize(
    ("value", "written"), [(78.0, "78\u00a0%"), (92.5, "92.5\u00a0%"), (0.0, "0\u00a0%"), (0.125, "0.125\u00a0%")]
)
def test_a_number_that_was_set_has_no_needless_decimals(measure, value, written):
    assert theme.plainly(value, measure) == written


def test_labels_leave_units_other_than_per_cent_to_the_axis(measure):
    minutes = measure.model_copy(update={"unit": "minutes"})
    assert (theme.measured(75.04, measure), theme.measured(1241.04, minutes)) == ("75.0\u00a0%", "1,241.0")
    assert theme.plainly(240.0, minutes) == "240"
    assert theme.axis_words(minutes) == "Four hours, minutes"


LINE = theme.LINE_HEIGHT + theme.LABEL_SPACE  # pixels from one label to the next


def test_labels_far_apart_stay_at_their_lines():
    assert theme.apart([10, 50, 90], ends=(0, 100), height=100 * LINE) == [10, 50, 90]


def test_of_equal_lines_the_first_label_is_highest():
    assert theme.apart([50, 50, 50], ends=(0, 100), height=10 * LINE) == [60, 50, 40]


def test_labels_stay_on_the_axis():
    assert theme.apart([100, 100], ends=(0, 100), height=10 * LINE) == [100, 90]
    assert theme.apart([0, 0], ends=(0, 100), height=10 * LINE) == [10, 0]


def test_no_lines_need_no_labels():
    assert theme.apart([], ends=(0, 1), height=100) == []


@DETERMINISTIC
@given(st.lists(st.floats(0, 100), min_size=2, max_size=4), st.integers(1, 2))
def test_labels_never_touch_and_keep_their_order(values, lines):
    places = theme.apart(values, ends=(0, 100), height=theme.PLOT_HEIGHT, lines=lines)
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
    assert theme.domain(values, bounds=bounds) == pytest.approx(ends)


def test_room_below_moves_only_the_lower_end():
    assert theme.domain([70.0, 79.0], bounds=(0, 100), room_below=0.2) == (66, 80)
