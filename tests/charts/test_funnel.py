"""The funnel, read from its Vega-Lite specification."""

import re

import polars as pl
import pytest

from openmeasures.charts import funnel, output, theme
from openmeasures.errors import ParameterError

FINDING = "Its 70.1 % is within the limits."
LONG_NAME = "The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust"
POINTS = pl.DataFrame(
    [
        ("RA1", "Ash NHS Trust", 9000.0, 60.0, "below_99_8"),
        ("RB2", "Birch NHS Trust", 8000.0, 68.0, "below_95"),
        ("RC3", LONG_NAME, 7000.0, 70.1, "within_95"),
        ("RD4", "Damson NHS Trust", 12000.0, 76.0, "above_95"),
        ("RE5", "Elm NHS Foundation Trust", 5000.0, 90.0, "above_99_8"),
        ("RF6", "Fir NHS Trust", 6000.0, 70.0, None),
        ("RG7", "Gorse NHS Trust", None, None, None),
        ("ENG", "England", 47000.0, 71.5, None),
    ],
    schema=["org_code", "org_name", "denominator", "value", "position"],
    orient="row",
)
# Limits about 72 %, wide where there is little: 800 ÷ √size points away at 99.8 %, and 500 ÷ √size at 95 %.
CURVE = pl.DataFrame({"denominator": [float(size) for size in range(100, 12_100, 100)]}).with_columns(
    lower_95=72 - 500 / pl.col("denominator").sqrt(),
    upper_95=72 + 500 / pl.col("denominator").sqrt(),
    lower_99_8=72 - 800 / pl.col("denominator").sqrt(),
    upper_99_8=72 + 800 / pl.col("denominator").sqrt(),
)
LIMITS = ["lower_95", "upper_95", "lower_99_8", "upper_99_8"]


def drawn(measure, points=POINTS, curve=CURVE, **changes):
    given = {
        "org_code": "RC3", "title": "Four hours", "finding": FINDING, "target": 72.0, "size_label": "Attendances",
        "standard": 78.0,
    }  # fmt: skip
    return funnel.chart(points, curve, measure, **given | changes).to_dict()


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def organisations(spec):
    return {row["org_name"]: row for row in spec["datasets"]["organisations"]}


def ends(spec):
    return [" ".join(row["label"]) for row in spec["datasets"]["ends"]]


def names(spec):
    return [" ".join(row["label"]) for row in spec["datasets"]["names"]]


def value_ends(spec):
    return spec["layer"][0]["encoding"]["y"]["scale"]["domain"]


@pytest.fixture
def spec(measure):
    return drawn(measure)


def test_description_is_the_finding(spec):
    assert spec["description"] == FINDING


def test_a_point_for_every_figure_but_england_s(spec):
    assert {name: (row["denominator"], row["value"]) for name, row in organisations(spec).items()} == {
        "Ash NHS Trust": (9000, 60), "Birch NHS Trust": (8000, 68), LONG_NAME: (7000, 70.1),
        "Damson NHS Trust": (12_000, 76), "Elm NHS Foundation Trust": (5000, 90), "Fir NHS Trust": (6000, 70),
    }  # fmt: skip
    assert "Each point is one of 6 organisations." in " ".join(spec["title"]["subtitle"])


def test_each_point_says_what_it_is(spec):
    within = "Within the 99.8\u00a0% limits"
    assert {name: (row["sign"], row["position"]) for name, row in organisations(spec).items()} == {
        "Ash NHS Trust": ("Below the 99.8\u00a0% limit", "Below the 99.8\u00a0% limit"),
        "Birch NHS Trust": (within, "Between the lower 95\u00a0% and 99.8\u00a0% limits"),
        LONG_NAME: ("This organisation: within the 95\u00a0% limits", "Within the 95\u00a0% limits"),
        "Damson NHS Trust": (within, "Between the upper 95\u00a0% and 99.8\u00a0% limits"),
        "Elm NHS Foundation Trust": ("Above the 99.8\u00a0% limit", "Above the 99.8\u00a0% limit"),
        "Fir NHS Trust": ("Not set against limits", "Not set against limits"),
    }


def test_whoever_is_beyond_the_limits_differs_in_shape_and_the_legend_holds_only_what_occurs(spec, measure):
    looks = layer(spec, "points")["encoding"]
    own = "This organisation: within the 95\u00a0% limits"
    assert looks["shape"]["scale"]["domain"] == [*(sign.words for sign in theme.FUNNEL_SIGNS), own]
    assert looks["shape"]["scale"]["range"] == ["triangle-up", "triangle-down", "circle", "circle", "diamond"]
    without = drawn(measure, POINTS.filter(pl.col("position") == "within_95").vstack(POINTS[3:4]))
    assert layer(without, "points")["encoding"]["shape"]["scale"]["domain"] == ["Within the 99.8\u00a0% limits", own]


def test_the_subject_is_a_diamond_and_named_with_its_value(spec):
    assert [row["org_name"] for row in spec["datasets"]["organisations"] if row.get("is_subject")] == [LONG_NAME]
    assert spec["datasets"]["organisations"][-1].get("is_subject")  # painted over the others
    looks = layer(spec, "points")["encoding"]
    assert [looks[channel]["scale"]["range"][-1] for channel in ("shape", "fill", "size")] == [
        "diamond", theme.SUBJECT, theme.SUBJECT_AREA,
    ]  # fmt: skip
    assert names(spec)[0] == "Queen Elizabeth Hospital, King's Lynn 70.1\u00a0%"


def test_whoever_is_beyond_the_limits_is_named_the_farthest_first(spec):
    # Elm: 90 is 90 − (72 + 800 ÷ √5,000) = 6.7 points above; Ash: 60 is 72 − 800 ÷ √9,000 − 60 = 3.6 below.
    assert names(spec)[1:] == ["Elm", "Ash"]


def test_whoever_is_beyond_the_limits_without_room_for_a_name_is_named_beneath_the_title(measure):
    beside = [(f"RX{n}", f"Oak {n} NHS Trust", 5000.0 + n, 90.0 + n / 100, "above_99_8") for n in range(2)]
    crowded = POINTS.vstack(pl.DataFrame(beside, schema=POINTS.schema, orient="row"))
    spec = drawn(measure, crowded)
    shown = set(names(spec))
    left = [name for name in ("Elm", "Oak 0", "Oak 1") if name not in shown]
    subtitle = " ".join(spec["title"]["subtitle"])
    assert 1 <= len(left) <= 4
    told = subtitle.partition("with no room for a name: ")[2].rstrip(".").split(", ")
    assert sorted(told) == sorted(left)


def test_many_without_a_name_are_counted(measure):
    beside = [(f"RX{n}", f"Oak {n} NHS Trust", 5000.0 + n, 90.0, "above_99_8") for n in range(20)]
    spec = drawn(measure, POINTS.vstack(pl.DataFrame(beside, schema=POINTS.schema, orient="row")))
    named = sum(name.startswith(("Oak", "Elm")) for name in names(spec))
    assert f"with no room for a name: {21 - named} more." in " ".join(spec["title"]["subtitle"])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, ""),
        ({"upper_99_8": 100.0}, ""),
        ({"upper_99_8": 140.0}, "Upper 99.8\u00a0%\u00a0limit: above the chart."),
        ({"upper_95": 130.0, "upper_99_8": 140.0},
         "Upper 99.8\u00a0%\u00a0limit and 95\u00a0%\u00a0limit: above the chart."),
        ({"lower_99_8": 10.0, "lower_95": 20.0},
         "Lower 95\u00a0%\u00a0limit and 99.8\u00a0%\u00a0limit: below the chart."),
    ],
)  # fmt: skip
def test_limits_that_are_nowhere_on_the_chart_are_said_to_be(measure, columns, said):
    curve = CURVE.with_columns(pl.lit(line).alias(limit) for limit, line in columns.items())
    subtitle = " ".join(drawn(measure, curve=curve)["title"]["subtitle"])
    assert (said in subtitle) if said else ("the chart." not in subtitle)


def test_the_full_name_is_in_the_tooltip(spec):
    for name in ("points",):
        fields = {each["field"]: each["title"] for each in layer(spec, name)["encoding"]["tooltip"]}
        assert fields == {
            "org_name": "Organisation", "written": "Value", "denominator": "Denominator", "position": "Position",
        }  # fmt: skip


def test_limits_of_95_are_dashed_and_of_99_8_solid(spec):
    dashes = {limit: layer(spec, limit)["mark"]["strokeDash"] for limit in LIMITS}
    assert dashes == {"lower_95": [5, 4], "upper_95": [5, 4], "lower_99_8": [], "upper_99_8": []}


def test_lines_are_labelled_at_their_ends_from_the_top(spec):
    assert ends(spec) == [
        "99.8\u00a0%\u00a0limit", "95\u00a0%\u00a0limit", "Average 72.0\u00a0%", "Standard 78\u00a0%",
        "95\u00a0%\u00a0limit", "99.8\u00a0%\u00a0limit",
    ]  # fmt: skip
    by_height = sorted(spec["datasets"]["ends"], key=lambda row: row["at"])
    assert [row["line"] for row in by_height] == sorted(row["line"] for row in by_height)


def test_lines_across_are_the_target_and_the_standard(spec, measure):
    colours = {row["line"]: row["colour"] for row in spec["datasets"]["ends"] if "colour" in row}
    assert colours == {72: theme.MEAN, 78: theme.STANDARD}
    without = drawn(measure, standard=None)
    assert [row["line"] for row in without["datasets"]["ends"] if "colour" in row] == [72]


def test_the_target_may_have_another_name(measure):
    assert "As expected 72.0\u00a0%" in ends(drawn(measure, target_label="As expected"))


def test_england_is_the_target_line_and_no_point(measure):
    spec = drawn(measure, org_code="ENG")
    [target] = [row for row in spec["datasets"]["ends"] if row.get("is_subject")]
    assert (target["label"], target["line"], target["colour"]) == (["Average 72.0\u00a0%"], 72, theme.SUBJECT)
    assert not any("is_subject" in row for row in spec["datasets"]["organisations"])
    assert names(spec) == ["Elm", "Ash"]


def test_england_without_a_figure_is_said_to_have_none(measure):
    points = POINTS.with_columns(value=pl.when(pl.col("org_code") != "ENG").then("value"))
    spec = drawn(measure, points, org_code="ENG")
    assert "England has no figure." in " ".join(spec["title"]["subtitle"])
    assert "Average 72.0\u00a0%" in ends(spec)


def test_a_subject_without_a_figure_is_said_to_have_none(measure):
    spec = drawn(measure, org_code="RG7")
    assert "Gorse NHS Trust has no figure." in " ".join(spec["title"]["subtitle"])
    assert names(spec) == ["Elm", "Ash"]


def test_a_note_ends_the_subtitle(measure):
    assert " ".join(drawn(measure, note="Limits are wide.")["title"]["subtitle"]).endswith(" Limits are wide.")


@pytest.mark.parametrize(("standard", "words"), [(125.0, "above"), (10.0, "below")])
def test_a_standard_far_off_is_named_in_the_subtitle(measure, standard, words):
    spec = drawn(measure, standard=standard)
    assert f"Standard {standard:.0f}\u00a0%: {words} the chart." in " ".join(spec["title"]["subtitle"])
    assert not [end for end in ends(spec) if end.startswith("Standard")]


def test_the_vertical_axis_holds_every_figure_and_the_standard_but_not_the_limits_of_the_tiny(measure):
    low, high = value_ends(drawn(measure, standard=95.0))
    assert low < 60
    assert high >= 95
    assert low > 72 - 800 / 1000**0.5  # the limit of 1,000, at 46.7


def test_limits_end_at_the_edge_of_the_chart(spec):
    low, high = value_ends(spec)
    for limit in LIMITS:
        figures = [row[limit] for row in spec["datasets"]["curve"] if limit in row]
        assert low <= min(figures)
        assert max(figures) <= high
    first = min(row["denominator"] for row in spec["datasets"]["curve"] if "lower_99_8" in row)
    assert first == pytest.approx((800 / (72 - low)) ** 2, abs=50)  # where 72 − 800 ÷ √size is `low`


def test_an_axis_not_from_zero_says_so(spec):
    assert f"The vertical axis starts at {value_ends(spec)[0]:.0f}\u00a0%, not at zero." in " ".join(
        spec["title"]["subtitle"]
    )


def test_limits_that_lie_wide_take_at_most_half_of_the_axis(measure):
    wide = CURVE.with_columns(lower_99_8=pl.lit(0.0), upper_99_8=pl.lit(100.0))
    low, high = value_ends(drawn(measure, curve=wide, standard=None))
    assert (low, high) == (40, 100)  # figures from 60 to 90, and half as much on each side, never beyond 100


def test_where_all_are_equal_the_axis_has_a_span(measure):
    equal = POINTS.drop_nulls("value").with_columns(value=pl.lit(72.0), position=pl.lit("within_95"))
    flat = CURVE.with_columns(pl.lit(72.0).alias(limit) for limit in LIMITS)
    low, high = value_ends(drawn(measure, equal, flat, standard=None))
    assert high - low >= 100 * theme.LEAST_SPAN


def test_a_target_at_the_bound_that_floating_point_puts_beyond_it_keeps_its_label(measure):
    full = POINTS.drop_nulls("value").with_columns(value=pl.lit(100.0))
    flat = CURVE.with_columns(pl.lit(100.0).alias(limit) for limit in LIMITS)
    assert "Average 100.0\u00a0%" in ends(drawn(measure, full, flat, target=100.00000000000001))


@pytest.mark.parametrize(
    ("sizes", "scale", "words"),
    [
        ([7000, 8000, 9000, 12_000], "linear", "Attendances"),
        ([100, 200, 9000, 12_000], "sqrt", "Attendances (square-root scale)"),
        ([10, 20, 9000, 12_000], "log", "Attendances (logarithmic scale)"),
    ],
)
def test_the_axis_of_sizes_says_which_scale_it_has(measure, sizes, scale, words):
    spec = drawn(measure, POINTS.head(4).with_columns(denominator=pl.Series(sizes)))
    axis = spec["layer"][0]["encoding"]["x"]
    assert (axis["scale"]["type"], axis["axis"]["title"]) == (scale, words)


def test_every_size_is_on_the_axis(spec):
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low == 0
    assert high > 12_000


@pytest.mark.parametrize(("rows", "drawn_rows"), [(200, 200), (201, 101), (1000, 200)])
def test_a_curve_has_as_many_rows_as_a_smooth_line_needs_its_end_included(measure, rows, drawn_rows):
    sizes = [12_000 * (row + 1) / rows for row in range(rows)]
    curve = pl.DataFrame({"denominator": sizes}).with_columns(
        lower_95=pl.lit(70.0), upper_95=pl.lit(74.0), lower_99_8=pl.lit(68.0), upper_99_8=pl.lit(76.0)
    )
    found = drawn(measure, curve=curve)["datasets"]["curve"]
    assert len(found) == drawn_rows
    assert found[-1]["denominator"] == 12_000


def test_where_there_are_no_limits_none_are_drawn(measure):
    none = CURVE.with_columns(pl.lit(None, pl.Float64).alias(limit) for limit in LIMITS)
    for curve in (none, none.head(0)):
        spec = drawn(measure, curve=curve)
        assert spec["datasets"]["curve"] == []
        assert ends(spec) == ["Average 72.0\u00a0%", "Standard 78\u00a0%"]


def test_a_limit_that_ends_early_is_labelled_there(measure):
    early = CURVE.with_columns(upper_99_8=pl.when(pl.col("denominator") <= 9000).then("upper_99_8"))
    [row] = [row for row in drawn(measure, curve=early)["datasets"]["ends"] if row["line"] > 80]
    assert row["denominator"] == 9000


def test_the_subject_alone_is_a_chart_whose_legend_is_its_own(measure):
    spec = drawn(measure, POINTS[2:3])
    assert layer(spec, "points")["encoding"]["shape"]["scale"]["domain"] == [
        "This organisation: within the 95\u00a0% limits"
    ]
    assert names(spec) == ["Queen Elizabeth Hospital, King's Lynn 70.1\u00a0%"]


def test_no_ranks_and_no_judgement(spec):
    assert not re.search(r"rank|best|worst|outlier|concern|good|bad", str(spec), re.IGNORECASE)


def test_no_colour_but_the_theme_s(spec):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    of_signs = {colour for sign in (*theme.SIGNS, *theme.FUNNEL_SIGNS) for colour in (sign.fill, sign.edge)}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(spec)))
    assert painted - {"none", "transparent"} <= of_theme | of_signs


def test_figures_of_another_unit_are_written_without_it_in_labels(measure):
    ratio = measure.model_copy(update={"unit": "ratio", "decimals": 2})
    points = POINTS.with_columns(pl.col("value") / 72)
    spec = drawn(ratio, points, CURVE.with_columns(pl.col(LIMITS) / 72), target=1.0, standard=None)
    assert "Average 1.00" in ends(spec)
    assert names(spec)[0] == "Queen Elizabeth Hospital, King's Lynn 0.97"


@pytest.mark.parametrize("size", ["page", "phone"])
def test_the_plot_is_as_wide_as_names_were_placed_for(spec, size):
    spec = spec if size == "page" else output.narrow(spec)
    room = max(row["room"] for row in spec["datasets"]["ends"])
    [axis] = re.findall(r'role-axis-domain"[^>]*><line[^>]* x2="([\d.]+)" y2="0"', output.svg(spec))
    assert float(axis) == spec["width"] - 2 * theme.PADDING - theme.AXIS_ROOM - room


def test_names_find_new_places_on_a_phone(spec):
    phone = output.narrow(spec)
    assert names(phone)[0] == names(spec)[0]
    assert phone["datasets"]["names"] != spec["datasets"]["names"]
    assert phone["datasets"]["organisations"] == spec["datasets"]["organisations"]
    assert phone["datasets"]["curve"] == spec["datasets"]["curve"]


def test_rows_out_of_order_give_the_same_chart(spec, measure):
    assert drawn(measure, POINTS.reverse(), CURVE.reverse()) == spec


def test_an_organisation_that_is_not_there_is_an_error_with_the_near_miss(measure):
    with pytest.raises(ParameterError, match=r"organisation 'rc3' is not among the 8 given\. Did you mean 'RC3'\?"):
        drawn(measure, org_code="rc3")


@pytest.mark.parametrize("points", [POINTS.head(0), POINTS.tail(2)])  # England alone is no funnel
def test_a_chart_without_a_figure_is_refused(measure, points):
    with pytest.raises(ParameterError, match=f"'Four hours': found no figure among {points.height} organisations"):
        drawn(measure, points)
