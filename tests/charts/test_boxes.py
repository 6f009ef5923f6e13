"""What covers what, in pixels."""

import numpy as np
import pytest

from openmeasures.charts import boxes
from openmeasures.charts.boxes import Box, Plot


@pytest.mark.parametrize(
    ("scale", "x_ends", "x", "share"),
    [
        ("linear", (0, 100), 25, 25 / 100),
        ("sqrt", (0, 100), 25, 5 / 10),  # √25 ÷ √100
        ("log", (1, 10_000), 100, 2 / 4),  # two decades of four
        ("log", (10, 1000), 10, 0),
    ],
)
def test_a_figure_s_place_on_each_scale(scale, x_ends, x, share):
    place = Plot(x_ends, (50, 100), scale, 400, 300).at(x, 90)
    assert place == pytest.approx((share * 400, 300 * 10 / 50))


def test_the_highest_figure_is_at_the_top():
    plot = Plot((0, 1), (50, 100), "linear", 400, 300)
    assert plot.at(0, 100) == (0, 0)
    assert plot.at(1, 50) == (400, 300)


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (Box(2, 2, 3, 3), 1),  # inside
        (Box(-5, 4, 15, 5), 1),  # right across
        (Box(9.9, 9.9, 20, 20), 1),
        (Box(10, 0, 20, 10), 0),  # side by side
        (Box(0, 10, 10, 20), 0),
        (Box(10 - boxes.SLACK, 0, 20, 10), 0),  # what floating point may make of side by side
        (Box(30, 0, 40, 10), 0),
        (Box(0, -20, 10, -10), 0),
    ],
)
def test_what_a_box_covers(other, covered):
    box = Box(0, 0, 10, 10)
    assert boxes.overlaps([box], [other]).tolist() == [[bool(covered)]]
    assert boxes.overlaps([other], [box]).tolist() == [[bool(covered)]]


def test_each_box_is_held_against_each_other_one():
    row = [Box(0, 0, 10, 10), Box(20, 0, 30, 10)]
    others = [Box(5, 5, 6, 6), Box(8, 0, 22, 10), Box(40, 0, 50, 10)]
    assert boxes.overlaps(row, others).tolist() == [[True, True, False], [False, True, False]]
    assert boxes.overlaps(row, np.array(others)).tolist() == boxes.overlaps(row, others).tolist()
    assert boxes.overlaps(row, []).shape == (2, 0)
    assert boxes.overlaps([], others).shape == (0, 3)


def test_boxes_grow_on_every_side():
    assert Box(1, 2, 3, 4).grown(1) == (0, 1, 4, 5)
    assert boxes.around((5, 6), 2) == (3, 4, 7, 8)


# Advance widths of Liberation Sans and its bold, in thousandths of an em, as its own tables (hmtx) give them.
ADVANCES = {
    "i": (222, 278), "e": (556, 556), "o": (556, 611), "w": (722, 778), "m": (833, 889), "r": (333, 389),
    "t": (278, 333), "s": (500, 556), "N": (722, 722), "H": (722, 722), "S": (667, 667), "W": (944, 944),
    "C": (722, 722), "O": (778, 778), "7": (556, 556), "%": (889, 889), " ": (278, 278), "&": (667, 722),
    "-": (333, 333), "…": (1000, 1000), "é": (556, 556),
}  # fmt: skip


@pytest.mark.parametrize("letter", ADVANCES)
def test_letters_are_at_least_as_wide_as_the_font_draws_them_and_hardly_wider(letter):
    widest = max(ADVANCES[letter]) / 1000
    assert widest <= boxes.width([letter], 1) <= widest + 0.07


def test_the_widest_line_counts():
    assert boxes.width(["ii", "WW"], 10) == boxes.width(["WW"], 10)
