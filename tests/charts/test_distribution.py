"""The distribution, read from its Vega-Lite specification."""

import re

import polars as pl
import pytest

from openmeasures.charts import distribution, output, theme
from openmeasures.errors import ParameterError
from openmeasures.methods.peers import Spread, spread

FINDING = "Its 70.1 % lies in the middle half of 6 organisations."
LONG_NAME = "The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust"
FRAME = pl.DataFrame(
    [
        ("RA1", "Ash", 60.0, 9000.0),
        ("RB2", "Birch", 68.0, 8000.0),
        ("RC3", LONG_NAME, 70.1, 7000.0),
        ("RD4", "Damson", 70.2, 12000.0),
        ("RE5", "Elm", 81.0, 5000.0),
        ("RF6", "Fir", 70.15, 5000.0),
        ("RG7", "Gorse", None, None),
        ("ENG", "England", 71.5, 46000.0),
    ],
    schema=["org_code", "org_name", "value", "denominator"],
    orient="row",
)
PEERS = Spread(6, 60.0, 68.525, 70.125, 70.1875, 81.0)


def drawn(measure, frame=FRAME, **changes):
    given = {"org_code": "RC3", "title": "Four hours", "finding": FINDING, "spread": PEERS, "standard": 78.0}
    return distribution.chart(frame, measure, **given | changes).to_dict()


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def labels(spec):
    return {row["kind"]: " ".join(row["label"]) for row in spec["datasets"]["labels"]}


@pytest.fixture
def spec(measure):
    return drawn(measure)


def test_the_spread_in_these_tests_is_the_method_s():
    peers = FRAME.filter(pl.col("org_code") != "ENG")
    assert spread(peers) == pytest.approx(PEERS)


def test_description_is_the_finding(spec):
    assert spec["description"] == FINDING


def test_a_dot_for_every_figure_but_england_s(spec):
    names = [dot["org_name"] for dot in spec["datasets"]["dots"]]
    assert names == ["Ash", "Birch", LONG_NAME, "Fir", "Damson", "Elm"]
    assert spec["title"]["subtitle"] == ["Each dot is one of 6 organisations."]


def test_the_subject_is_named_with_its_value_and_stands_at_it(spec):
    assert labels(spec)["subject"] == f"{LONG_NAME} 70.1\u00a0%"
    [subject] = [dot for dot in spec["datasets"]["dots"] if dot["is_subject"]]
    assert subject["place"] == 70.1
    assert layer(spec, "subject")["mark"]["shape"] == "diamond"


def test_others_are_quiet(spec):
    mark = layer(spec, "dots")["mark"]
    assert (mark["fill"], mark["stroke"]) == (theme.OTHERS, theme.OTHERS_EDGE)


def test_median_middle_half_and_standard_are_marked_and_labelled(spec):
    assert labels(spec) == labels(spec) | {
        "standard": "Standard 78\u00a0%",
        "band": "Middle half 68.5\u00a0% to 70.2\u00a0%",
        "median": "Median 70.1\u00a0%",
    }
    assert {row["kind"]: row["line"] for row in spec["datasets"]["labels"]} == {
        "subject": 70.1, "standard": 78.0, "band": 70.125, "median": 70.125,
    }  # fmt: skip
    assert spec["datasets"]["band"] == [{"from": 68.525, "to": 70.1875, "row": 2}]


def test_the_standard_is_red_and_absent_where_there_is_none(spec, measure):
    [standard] = [row for row in spec["datasets"]["labels"] if row["kind"] == "standard"]
    assert standard["colour"] == theme.STANDARD
    without = drawn(measure, standard=None)
    assert list(labels(without)) == ["subject", "band", "median"]
    assert without["datasets"]["band"][0]["row"] == 1


def test_england_is_a_line_and_no_dot(measure):
    spec = drawn(measure, org_code="ENG")
    assert labels(spec)["subject"] == "England 71.5\u00a0%"
    assert not any(dot["is_subject"] for dot in spec["datasets"]["dots"])
    assert "level" not in spec["datasets"]["labels"][0]  # so that its line goes down to the axis


def test_the_subject_s_line_ends_at_its_dot(spec):
    [subject] = [dot for dot in spec["datasets"]["dots"] if dot["is_subject"]]
    assert spec["datasets"]["labels"][0]["level"] == subject["level"]


def test_a_subject_without_a_figure_is_said_to_have_none(measure):
    spec = drawn(measure, org_code="RG7")
    assert spec["title"]["subtitle"] == ["Each dot is one of 6 organisations. Gorse has no figure."]
    assert "subject" not in labels(spec)


def test_no_ranks(spec):
    assert not re.search(r"rank|best|worst|top ", str(spec), re.IGNORECASE)


def test_no_colour_but_the_theme_s(spec):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(spec)))
    assert painted - {"none", "transparent"} <= of_theme


def test_axis_holds_every_figure_and_the_standard(spec, measure):
    low, high = layer(spec, "band")["encoding"]["x"]["scale"]["domain"]
    assert low < 60.0
    assert high > 81.0
    assert layer(drawn(measure, standard=95.0), "band")["encoding"]["x"]["scale"]["domain"][1] > 95.0


@pytest.mark.parametrize(("value", "align"), [(60.0, "left"), (68.0, "center"), (81.0, "right")])
def test_words_lead_inwards_from_the_ends_of_the_axis(measure, value, align):
    frame = FRAME.with_columns(value=pl.when(pl.col("org_code") == "RC3").then(value).otherwise("value"))
    assert drawn(measure, frame)["datasets"]["labels"][0]["align"] == align


def test_piles_at_their_edges():
    values = [0.0, 0.99, 1.0, 3.99, 4.0]
    assert distribution.piled(values, ends=(0.0, 4.0), across=4) == [
        (0.5, 0), (0.5, 1), (1.5, 0), (3.5, 0), (3.5, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("different", [1, 17])
@pytest.mark.parametrize("organisations", [2, 20, 220])
def test_piles_never_leave_their_room(measure, organisations, different):
    frame = pl.DataFrame(
        {
            "org_code": [f"R{number:03d}" for number in range(organisations)],
            "org_name": "A trust",
            "value": [70 + number % different / 7 for number in range(organisations)],
            "denominator": 1000.0,
        }
    )
    spec = drawn(measure, frame, org_code="R000", spread=spread(frame))
    [dots] = re.findall(r"dots_marks.*?</g>", output.svg(spec))
    heights = [float(y) for y in re.findall(r"translate\([^,]+,([^)]+)\)", dots)]
    assert len(heights) == organisations - 1
    assert all(len(spec["datasets"]["labels"]) * theme.ROW_HEIGHT < y < spec["height"] for y in heights)


def test_organisations_that_are_all_alike_share_one_pile(measure):
    alike = FRAME.with_columns(value=pl.lit(100.0))
    levels = [dot["level"] for dot in drawn(measure, alike, spread=spread(alike))["datasets"]["dots"]]
    assert levels == list(range(7))


def test_rows_out_of_order_give_the_same_chart(spec, measure):
    assert drawn(measure, FRAME.reverse()) == spec


def test_an_organisation_that_is_not_there_is_an_error_with_the_near_miss(measure):
    with pytest.raises(ParameterError, match=r"organisation 'rc3' is not among the 8 given\. Did you mean 'RC3'\?"):
        drawn(measure, org_code="rc3")


@pytest.mark.parametrize("frame", [FRAME.head(0), FRAME.tail(2)])  # England alone is no distribution
def test_a_chart_without_a_figure_is_refused(measure, frame):
    with pytest.raises(ParameterError, match=f"'Four hours': found no figure among {frame.height} organisations"):
        drawn(measure, frame)
