"""The parts of a figure, read from the chart's Vega-Lite specification."""

import re

import polars as pl
import pytest

from openmeasures.charts import breakdown, output, theme
from openmeasures.errors import ParameterError

FINDING = "Two parts differ."
LONG_NAME = "Upper gastrointestinal - oesophagus, stomach and everything that is near them"
PARTS = pl.DataFrame(
    [
        ("Skin", 70.0, 67.08, 72.76, "700 of 1,000 people"),
        (LONG_NAME, 60.0, 55.64, 64.2, "300 of 500 people"),
        ("Children", 0.0, 0.0, 65.76, "0 of 2 people"),
        ("Rare", 50.0, None, None, "1 of 2 people"),
        ("Lung", None, None, None, None),
    ],
    schema=["category", "value", "value_lower", "value_upper", "counted"],
    orient="row",
)


def drawn(measure, parts=PARTS, **changes):
    given = {"title": "Four hours by part", "finding": FINDING, "whole": 66.667, "standard": 78.0}
    return breakdown.chart(parts, measure, **given | changes).to_dict()


def subtitle(spec):
    return " ".join(spec["title"]["subtitle"]).replace("\u00a0", " ")


def axis(spec):
    return spec["layer"][2]["encoding"]["x"]["scale"]["domain"]


@pytest.fixture
def spec(measure):
    return drawn(measure)


def test_description_is_the_finding_and_a_page_says_how_to_read_it(spec):
    assert spec["description"] == FINDING
    assert spec["usermeta"] == {"guide": "breakdowns"}


def test_every_part_with_a_figure_is_drawn_as_it_is_in_the_order_given(spec):
    rows = spec["datasets"]["parts"]
    assert [(row["category"], row["value"], row["lower"], row["upper"]) for row in rows] == [
        ("Skin", 70.0, 67.08, 72.76),
        (LONG_NAME, 60.0, 55.64, 64.2),
        ("Children", 0.0, 0.0, 65.76),
        ("Rare", 50.0, None, None),
    ]
    assert all(layer["encoding"]["y"]["sort"] == [row["category"] for row in rows] for layer in spec["layer"][1:])


def test_order_does_not_follow_the_figures(measure):
    image = output.svg(drawn(measure, PARTS.head(3)))
    places = [image.index(f">{name}<") for name in ("Skin", "Children")]
    assert places == sorted(places)


def test_a_row_for_each_part_that_is_drawn(spec):
    assert spec["height"] == 4 * theme.ROW_HEIGHT


def test_what_a_dot_says_is_written_out(spec):
    told = [(row["written"], row["interval"], row["counted"]) for row in spec["datasets"]["parts"]]
    assert told[0] == ("70.0\u00a0%", "67.1\u00a0% to 72.8\u00a0%", "700 of 1,000 people")
    assert told[2] == ("0.0\u00a0%", "0.0\u00a0% to 65.8\u00a0%", "0 of 2 people")
    assert told[3] == ("50.0\u00a0%", "none", "1 of 2 people")
    fields = {one["field"]: one["title"].replace("\u00a0", " ") for one in spec["layer"][2]["encoding"]["tooltip"]}
    assert fields == {"category": "Part", "written": "Value", "interval": "95 % interval", "counted": "Counted"}


def intervals_in(spec):
    """Return the horizontal lines of the image that belong to the parts, as (x, length)."""
    [group] = re.findall(r'<g class="mark-rule role-mark layer_1_marks".*?</g>', output.svg(spec))
    found = re.findall(r'translate\(([-\d.]+),[-\d.]+\)" x2="([-\d.]+)"', group)
    return [(float(place), float(length)) for place, length in found]


def test_intervals_are_as_long_as_they_should_be_and_none_is_invented(measure):
    with_none, without = (intervals_in(drawn(measure, parts)) for parts in (PARTS, PARTS.head(3)))
    assert len(without) == 3
    assert [length for _, length in with_none if length] == [length for _, length in without]
    long, _, longest = (abs(length) for _, length in without)
    assert longest / long == pytest.approx(65.76 / (72.76 - 67.08), rel=0.01)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (PARTS.head(2), "Dots with 95 % intervals."),
        (PARTS.head(4), "Dots with 95 % intervals where there are any."),
        (PARTS.tail(2), "Dots without intervals."),
        (PARTS.head(1).with_columns(value_lower=None), "Dots without intervals."),
        (PARTS.head(1).with_columns(value_upper=None), "Dots without intervals."),
    ],
)
def test_a_chart_says_whether_its_dots_have_intervals(measure, parts, said):
    assert f"Four hours, per cent. {said} Black line" in subtitle(drawn(measure, parts))


def test_half_an_interval_is_none(measure):
    spec = drawn(measure, PARTS.head(1).with_columns(value_upper=None))
    assert [row["interval"] for row in spec["datasets"]["parts"]] == ["none"]
    assert [length for _, length in intervals_in(spec) if length] == []


@pytest.mark.parametrize(
    ("whole", "standard", "said"),
    [
        (66.667, 78.0, "Black line: all together, 66.7 %. Red line: the standard for all together, 78 %."),
        (0.0, None, "Black line: all together, 0.0 %."),
        (None, 99.5, "Red line: the standard for all together, 99.5 %."),
    ],
)
def test_every_line_is_explained_and_no_other(measure, whole, standard, said):
    spec = drawn(measure, PARTS.head(1), whole=whole, standard=standard)
    assert subtitle(spec).endswith(f"intervals. {said}")
    assert [mark["at"] for mark in spec["datasets"]["marks"]] == [at for at in (whole, standard) if at is not None]


def test_without_a_whole_or_a_standard_no_line_is_explained(measure):
    spec = drawn(measure, PARTS.head(1), whole=None, standard=None)
    assert subtitle(spec).endswith("Dots with 95 % intervals.")
    assert spec["datasets"]["marks"] == []
    assert output.svg(spec)


def test_the_standard_is_red_and_the_whole_black(spec):
    assert [mark["colour"] for mark in spec["datasets"]["marks"]] == [theme.MEAN, theme.STANDARD]


def test_the_axis_holds_every_figure_interval_and_line(measure):
    low, high = axis(drawn(measure, PARTS.head(2)))
    assert low < 55.64
    assert high > 78.0
    assert axis(drawn(measure, PARTS.head(2), standard=90.0))[1] > 90.0
    assert axis(drawn(measure, PARTS.head(2), whole=12.0, standard=None))[0] < 12.0


def test_the_axis_ends_where_what_can_happen_ends(measure):
    assert axis(drawn(measure, standard=100.0)) == [0.0, 100.0]


def test_one_part_alone_has_an_axis(measure):
    alone = pl.DataFrame(
        {"category": ["A"], "value": [50.0], "value_lower": [50.0], "value_upper": [50.0], "counted": ["1"]}
    )
    low, high = axis(drawn(measure, alone, whole=50.0, standard=None))
    assert low < 50.0 < high


def test_the_unit_stands_with_the_numbers(measure):
    assert ">60\u00a0%</text>" in output.svg(drawn(measure))
    days = measure.model_copy(update={"unit": "days"})
    assert subtitle(drawn(days)).startswith("Four hours, days. Dots")
    assert "%" not in re.sub(r"95\u00a0%", "", output.svg(drawn(days)))


@pytest.mark.parametrize("width", [theme.PAGE.width, theme.PHONE.width])
def test_a_long_name_leaves_room_for_the_figures_in_both_sizes(spec, width):
    shown = spec if width == theme.PAGE.width else output.narrow(spec)
    image = output.svg(shown)
    assert f'width="{width}"' in image
    assert LONG_NAME not in re.sub(r'aria-label="[^"]*"', "", image)  # it is cut short, and whole in the tooltip
    assert "Upper gastr" in image
    [dots] = re.findall(r'role-mark parts_marks".*?</g>', image)
    places = [float(place) for place in re.findall(r"translate\(([^,]+),", dots)]
    assert max(places) - min(places) > width / 3


def test_nothing_of_it_is_cut_off_on_a_phone(spec):
    """Words that the specification does not wrap itself would be: an axis has no title for this reason."""
    assert all(layer["encoding"]["x"].get("title") is None for layer in spec["layer"][2:])
    assert "Four hours, per cent." in " ".join(output.narrow(spec)["title"]["subtitle"])


def test_no_colour_but_the_themes(spec):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(spec)))
    assert painted - {"none", "transparent"} <= of_theme


@pytest.mark.parametrize("parts", [PARTS.head(0), PARTS.tail(1)])
def test_a_chart_without_a_figure_is_refused(measure, parts):
    with pytest.raises(ParameterError, match=f"'Four hours by part': found no figure among {parts.height} parts"):
        drawn(measure, parts)
