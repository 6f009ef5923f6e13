"""The parts of a figure, read from the chart's Vega-Lite specification."""

import re
from itertools import pairwise

import polars as pl
import pytest

from openmeasures.charts import breakdown, named_rows, output, theme
from openmeasures.errors import ParameterError

FINDING = "Two parts differ."
LONG_NAME = "Upper gastrointestinal - oesophagus, stomach and everything that is near them"
PARTS = pl.DataFrame(
    [
        ("Skin", 70.0, 67.08, 72.76, "700 of 1,000 people", "above"),
        (LONG_NAME, 60.0, 55.64, 64.2, "300 of 500 people", "below"),
        ("Children", 0.0, 0.0, 65.76, "0 of 2 people", "chance"),
        ("Rare", 50.0, None, None, "1 of 2 people", None),
        ("Lung", None, None, None, None, None),
    ],
    schema=["category", "value", "value_lower", "value_upper", "counted", "verdict"],
    orient="row",
)


def drawn(measure, parts=PARTS, **changes):
    given = {"title": "Four hours by part", "finding": FINDING, "whole": 66.667, "standard": 78.0}
    return breakdown.chart(parts, measure, **given | changes).to_dict()


def subtitle(spec):
    return " ".join(spec["title"]["subtitle"]).replace("\u00a0", " ")


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def axis(spec):
    return layer(spec, "parts")["encoding"]["x"]["scale"]["domain"]


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
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def test_order_does_not_follow_the_figures(measure):
    image = output.svg(drawn(measure, PARTS.head(3)))
    places = [image.index(f">{name}<") for name in ("Skin", "Children")]
    assert places == sorted(places)


def test_each_part_has_room_for_its_name_in_both_sizes(spec):
    names = [row["on_phone"] for row in spec["datasets"]["parts"]]
    assert [len(name) for name in names] == [1, 2, 1, 1]
    assert spec["height"] == sum(theme.LINE_HEIGHT * len(name) + named_rows.DOT_ROOM for name in names)
    edges = [0, *(row["at"] + named_rows.DOT_ROOM / 2 for row in spec["datasets"]["parts"])]
    assert [below - above for above, below in pairwise(edges)] == [16 + 20, 2 * 16 + 20, 16 + 20, 16 + 20]


def test_a_dot_is_filled_where_its_part_differs_and_hollow_where_it_may_not(spec):
    assert [row["fill"] for row in spec["datasets"]["parts"]] == [theme.SUBJECT] * 2 + [theme.PAPER] * 2
    [dots] = re.findall(r'role-mark parts_marks".*?</g>', output.svg(spec))
    assert re.findall(r' fill="([^"]+)"', dots) == [theme.SUBJECT] * 2 + [theme.PAPER] * 2


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            PARTS.head(3),
            "Filled: differs from all together by more than chance, allowing for 3 comparisons. Hollow: may be chance "
            "alone.",
        ),
        (
            PARTS,
            "Filled: differs from all together by more than chance, allowing for 4 comparisons. Hollow: may be chance "
            "alone, or cannot be judged.",
        ),
        (PARTS.head(1), "Filled: differs from all together by more than chance. Hollow: may be chance alone."),
    ],
)
def test_a_chart_says_what_filled_and_hollow_mean(measure, parts, said):
    assert said in subtitle(drawn(measure, parts))


def test_where_nothing_is_judged_every_dot_is_filled_and_nothing_is_said_of_it(measure):
    spec = drawn(measure, PARTS.with_columns(verdict=pl.lit(None, pl.String)))
    assert {row["fill"] for row in spec["datasets"]["parts"]} == {theme.SUBJECT}
    assert "Filled" not in subtitle(spec)


def test_what_a_dot_says_is_written_out(spec):
    told = [(row["written"], row["interval"], row["counted"]) for row in spec["datasets"]["parts"]]
    assert told[0] == ("70.0\u00a0%", "67.1\u00a0% to 72.8\u00a0%", "700 of 1,000 people")
    assert told[2] == ("0.0\u00a0%", "0.0\u00a0% to 65.8\u00a0%", "0 of 2 people")
    assert told[3] == ("50.0\u00a0%", "none", "1 of 2 people")
    fields = {one["field"]: one["title"].replace("\u00a0", " ") for one in layer(spec, "parts")["encoding"]["tooltip"]}
    assert fields == {"category": "Part", "written": "Value", "interval": "95 % interval", "counted": "Counted"}


def intervals_in(spec):
    """Return the horizontal lines of the image that belong to the parts, as (x, length)."""
    [group] = re.findall(r'<g class="mark-rule role-mark intervals_marks".*?</g>', output.svg(spec))
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
        (PARTS.head(2), "Dots, each with its own 95 % interval."),
        (PARTS.head(4), "Dots, each with its own 95 % interval where there is one."),
        (PARTS.tail(2), "Dots without intervals."),
        (PARTS.head(1).with_columns(value_lower=None), "Dots without intervals."),
        (PARTS.head(1).with_columns(value_upper=None), "Dots without intervals."),
    ],
)
def test_a_chart_says_whether_its_dots_have_intervals(measure, parts, said):
    judged_or_not = re.escape(f"Four hours, per cent. {said}") + "( Filled: .*)? The standard is set for all together"
    assert re.match(judged_or_not, subtitle(drawn(measure, parts)))


def test_half_an_interval_is_none(measure):
    spec = drawn(measure, PARTS.head(1).with_columns(value_upper=None))
    assert [row["interval"] for row in spec["datasets"]["parts"]] == ["none"]
    assert [length for _, length in intervals_in(spec) if length] == []


@pytest.mark.parametrize(
    ("whole", "standard", "labels"),
    [
        (66.667, 78.0, {66.667: "All together 66.7 %", 78.0: "Standard 78 %"}),
        (0.0, None, {0.0: "All together 0.0 %"}),
        (None, 99.5, {99.5: "Standard 99.5 %"}),
        (None, None, {}),
    ],
)
def test_every_line_bears_its_words_and_there_is_no_other(measure, whole, standard, labels):
    spec = drawn(measure, PARTS.head(1), whole=whole, standard=standard)
    lines = spec["datasets"]["lines"]
    assert {line["line"]: line["label"].replace("\u00a0", " ") for line in lines} == labels
    assert ("The standard is set for all together." in subtitle(spec)) == (standard is not None)
    image = output.svg(spec).replace("\u00a0", " ")
    assert all(f">{label}</text>" in image for label in labels.values())


def test_the_standard_is_red_and_the_whole_black(spec):
    assert {line["label"].split()[0]: (line["colour"], line["ink"]) for line in spec["datasets"]["lines"]} == {
        "All": (theme.MEAN, theme.TEXT), "Standard": (theme.STANDARD, theme.STANDARD_TEXT),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "standard", "align", "outer"), [(90.0, 96.0, "right", 96.0), (96.0, 90.0, "right", 96.0),
                                              (4.0, 1.0, "left", 1.0), (1.0, 4.0, "left", 1.0)]
)  # fmt: skip
def test_words_of_lines_run_inwards_and_cross_no_line(measure, whole, standard, align, outer):
    """The line that is nearer to the edge has its words on top, beyond those of the other."""
    lines = drawn(measure, PARTS.head(3), whole=whole, standard=standard)["datasets"]["lines"]
    assert {line["align"] for line in lines} == {align}
    assert min(lines, key=lambda line: line["top"])["line"] == outer
    assert abs(lines[0]["top"] - lines[1]["top"]) == theme.LINE_HEIGHT


def test_the_axis_holds_every_figure_interval_and_line(measure):
    low, high = axis(drawn(measure, PARTS.head(2)))
    assert low < 55.64
    assert high > 78.0
    assert axis(drawn(measure, PARTS.head(2), standard=90.0))[1] > 90.0
    assert axis(drawn(measure, PARTS.head(2), whole=12.0, standard=None))[0] < 12.0


def test_the_axis_ends_where_what_can_happen_ends(measure):
    assert axis(drawn(measure, standard=100.0)) == [0.0, 100.0]


def test_one_part_alone_has_an_axis(measure):
    alone = PARTS.head(1).with_columns(value=50.0, value_lower=50.0, value_upper=50.0)
    low, high = axis(drawn(measure, alone, whole=50.0, standard=None))
    assert low < 50.0 < high


def test_the_unit_stands_with_the_numbers(measure):
    assert ">60\u00a0%</text>" in output.svg(drawn(measure))
    days = measure.model_copy(update={"unit": "days"})
    assert subtitle(drawn(days)).startswith("Four hours, days. Dots,")
    assert "%" not in re.sub(r"95\u00a0%", "", output.svg(drawn(days)))


@pytest.mark.parametrize("width", [theme.PAGE.width, theme.PHONE.width])
def test_a_long_name_is_whole_and_leaves_room_for_the_figures_in_both_sizes(spec, width):
    shown = spec if width == theme.PAGE.width else output.narrow(spec)
    image = output.svg(shown)
    assert f'width="{width}"' in image
    [names] = re.findall(r'role-mark names_marks".*?</g>', image, re.DOTALL)
    written = re.findall(r">([^<>]+)</(?:text|tspan)>", names)
    lines = shown["datasets"]["parts"][1]["on_page" if width == theme.PAGE.width else "on_phone"]
    assert " ".join(lines) == LONG_NAME
    assert written == ["Skin", *lines, "Children", "Rare"]
    [dots] = re.findall(r'role-mark parts_marks".*?</g>', image)
    places = [float(place) for place in re.findall(r"translate\(([^,]+),", dots)]
    assert max(places) - min(places) > width / 2


def test_nothing_of_it_is_cut_off_on_a_phone(spec):
    """Words that the specification does not wrap itself would be: an axis has no title for this reason."""
    assert layer(spec, "parts")["encoding"]["x"]["title"] is None
    assert "Four hours, per cent." in " ".join(output.narrow(spec)["title"]["subtitle"])


def test_no_colour_but_the_themes(spec):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(spec)))
    assert painted - {"none", "transparent"} <= of_theme


@pytest.mark.parametrize("parts", [PARTS.head(0), PARTS.tail(1)])
def test_a_chart_without_a_figure_is_refused(measure, parts):
    with pytest.raises(ParameterError, match=f"'Four hours by part': found no figure among {parts.height} parts"):
        drawn(measure, parts)
