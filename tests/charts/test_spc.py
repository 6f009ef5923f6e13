"""The SPC chart, read from its Vega-Lite specification."""

import re
from datetime import date

import polars as pl
import pytest

from openmeasures.charts import output, spc, theme
from openmeasures.errors import ParameterError
from openmeasures.methods.spc import SPECIAL_CAUSE_TYPE, VARIATION_TYPE
from openmeasures.periods import months
from openmeasures.schemas import STATUS_TYPE

NO_FIGURE = pl.lit(None, pl.Float64)
FINDING = "Performance in March 2022 was 74.0 %, no better or worse than usual."
SCHEMA = {
    "period_start": pl.Date,
    "value": pl.Float64,
    "status": STATUS_TYPE,
    "special_cause": SPECIAL_CAUSE_TYPE,
    "variation": VARIATION_TYPE,
    "standard": pl.Float64,
    "standard_name": pl.String,
}
# Three signals, two gaps, and a standard that falls and rises again.
POINTS = pl.DataFrame(
    [
        (date(2022, 1, 1), 71.0, "reported", "none", "common_cause", 85.0, "Operational standard"),
        (date(2022, 2, 1), 79.0, "reported", "shift", "improvement_high", 85.0, "Operational standard"),
        (date(2022, 3, 1), None, "not_submitted", None, None, 76.0, "Milestone"),
        (date(2022, 4, 1), None, "not_applicable", None, None, 76.0, "Milestone"),
        (date(2022, 5, 1), 69.0, "reported", "astronomical_point", "concern_low", None, None),
        (date(2022, 6, 1), 74.0, "reported", "none", "common_cause", 78.0, "Milestone"),
    ],
    schema=SCHEMA,
    orient="row",
).with_columns(
    segment=pl.lit(0, pl.UInt32),
    lasting_standard=NO_FIGURE,
    is_milestone=pl.lit(False),
    mean=pl.lit(74.0),
    lower_process_limit=pl.lit(69.5),
    upper_process_limit=pl.lit(78.5),
    numerator=pl.col("value") * 100,
    denominator=pl.when(pl.col("value").is_not_null()).then(10_000.0),
)
# The same, where the operational standard lasts beside the milestones.
BOTH = POINTS.with_columns(
    lasting_standard=pl.when(pl.col("standard_name") == "Milestone").then(85.0),
    is_milestone=pl.col("standard_name") == "Milestone",
)
OF_BOTH = POINTS.with_columns(is_milestone=pl.lit(True))  # in every month


def drawn(points, measure, **changes):
    return spc.chart(points, measure, **{"title": "A trust", "finding": FINDING} | changes).to_dict()


@pytest.fixture
def spec(measure):
    return drawn(POINTS, measure)


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def legend(spec):
    return layer(spec, "points")["encoding"]["fill"]["scale"]["domain"]


def test_description_is_the_finding(spec):
    assert spec["description"] == FINDING


def test_every_month_is_there_missing_ones_without_a_value(spec):
    values = [row["value"] for row in spec["datasets"]["points"]]
    assert values == [71.0, 79.0, None, None, 69.0, 74.0]


def test_the_line_breaks_where_a_value_is_missing(spec):
    assert layer(spec, "values")["mark"]["invalid"] == "break-paths-filter-domains"
    pieces = output.svg(spec).split("mark-line role-mark values_marks")[1].split(' d="')[1].split('"')[0]
    assert pieces.count("M") == 2


def test_points_are_drawn_only_for_values_and_signs_only_for_missing_months(spec):
    assert layer(spec, "points")["transform"] == [{"filter": "isValid(datum.value)"}]
    assert layer(spec, "missing")["transform"] == [{"filter": "!isValid(datum.value) && isValid(datum.sign)"}]
    assert layer(spec, "missing")["mark"]["y"] == {"expr": "height - 8"}


def test_each_point_says_in_words_what_it_is(spec):
    assert [row["sign"] for row in spec["datasets"]["points"]] == [
        "Common cause",
        "Special cause – improvement",
        "Not submitted",
        "Not applicable",
        "Special cause – concern",
        "Common cause",
    ]


def test_legend_holds_only_what_occurs(spec, measure):
    assert legend(spec) == [
        "Special cause – improvement", "Special cause – concern", "Common cause", "Not submitted", "Not applicable",
    ]  # fmt: skip
    assert legend(drawn(POINTS.head(1), measure)) == ["Common cause"]


def test_without_a_missing_month_nothing_is_marked_at_the_base(measure):
    names = {layer.get("name") for layer in drawn(POINTS.drop_nulls("value"), measure)["layer"]}
    assert "missing" not in names
    assert "points" in names


@pytest.mark.parametrize(
    ("status", "words"),
    [("suppressed", "Suppressed by the publisher"), ("reported", "Nothing to count")],
)
def test_other_reasons_for_a_missing_value(measure, status, words):
    points = POINTS.with_columns(status=pl.col("status").replace({"not_submitted": status}))
    assert drawn(points, measure)["datasets"]["points"][2]["sign"] == words


def test_shape_size_and_colour_say_the_same(spec):
    encoding = layer(spec, "points")["encoding"]
    signs = [sign for sign in theme.SIGNS if sign.words in legend(spec)]
    assert encoding["fill"]["scale"]["range"] == [sign.fill for sign in signs]
    assert encoding["shape"]["scale"]["range"] == [sign.shape for sign in signs]
    assert encoding["size"]["scale"]["range"][: len(signs)] == [sign.area for sign in signs]


def test_no_colour_but_the_theme_s(spec):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    of_signs = {colour for sign in theme.SIGNS for colour in (sign.fill, sign.edge)}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(spec)))
    assert painted - {"none", "transparent"} <= of_theme | of_signs


def test_mean_is_solid_and_limits_are_dashed(spec):
    assert layer(spec, "mean")["mark"]["strokeDash"] == []
    assert layer(spec, "mean")["mark"]["color"] == theme.MEAN
    assert (
        layer(spec, "upper limit")["mark"]["strokeDash"] == layer(spec, "lower limit")["mark"]["strokeDash"] == [5, 4]
    )


def test_no_line_of_limits_joins_one_segment_to_the_next(measure):
    rebased = POINTS.with_columns(segment=pl.Series([0, 0, 0, 1, 1, 1]))
    spec = drawn(rebased, measure)
    assert [row["segment"] for row in spec["datasets"]["points"]] == [0, 0, 0, 1, 1, 1]
    of_limits = ("mean", "upper limit", "lower limit")
    for name in ("standard", "milestone", "values", *of_limits):
        detail = layer(spec, name)["encoding"].get("detail")
        assert detail == ({"field": "segment", "type": "quantitative"} if name in of_limits else None), name


@pytest.mark.parametrize(("segments", "pieces"), [([0] * 6, 1), ([0, 0, 0, 1, 1, 1], 2), ([0, 0, 1, 1, 2, 2], 3)])
def test_limits_are_drawn_in_as_many_pieces_as_segments(measure, segments, pieces):
    drawing = output.svg(drawn(POINTS.with_columns(segment=pl.Series(segments)), measure))
    for name in ("mean", "upper_limit", "lower_limit"):
        assert drawing.count(f"mark-line role-mark {name}_marks") == pieces, name


def test_a_note_ends_the_subtitle(spec, measure):
    [plain] = spec["title"]["subtitle"]
    noted = drawn(POINTS, measure, note="Rules: Making Data Count.")
    assert " ".join(noted["title"]["subtitle"]) == f"{plain} Rules: Making Data Count."
    far = drawn(POINTS.with_columns(standard=pl.lit(89.1)), measure, note="Rules: Making Data Count.")
    assert " ".join(far["title"]["subtitle"]).endswith("above the chart. Rules: Making Data Count.")


def test_standard_is_a_red_step_only_where_in_force(spec):
    mark = layer(spec, "standard")["mark"]
    assert (mark["interpolate"], mark["color"], mark["invalid"]) == (
        "step", theme.STANDARD, "break-paths-filter-domains",
    )  # fmt: skip
    assert [row["standard"] for row in spec["datasets"]["points"]] == [85, 85, 76, 76, None, 78]


def test_lines_are_labelled_at_their_ends_in_order(spec):
    labels = sorted(spec["datasets"]["ends"], key=lambda row: -row["at"])
    assert [row["label"] for row in labels] == [
        ["Upper limit 78.5\u00a0%"], ["Standard 78\u00a0%"], ["Mean 74.0\u00a0%"], ["Lower limit 69.5\u00a0%"],
    ]  # fmt: skip
    assert [row["line"] for row in labels] == [78.5, 78.0, 74.0, 69.5]
    assert {row["period_start"] for row in labels} == {"2022-06-01"}


def test_earlier_standards_are_labelled_where_they_begin(spec):
    steps = [(row["period_start"], row["label"]) for row in spec["datasets"]["steps"]]
    assert steps == [("2022-01-01", ["Standard 85\u00a0%"]), ("2022-03-01", ["Standard 76\u00a0%"])]


def test_the_standard_that_lasts_goes_on_beside_a_milestone(measure):
    rows = drawn(BOTH, measure)["datasets"]["points"]
    assert [row["standard"] for row in rows] == [85, 85, 85, 85, None, 85]
    assert [row["milestone"] for row in rows] == [None, None, 76, 76, None, 78]


def test_a_milestone_without_a_lasting_standard_is_drawn_as_a_milestone_all_the_same(measure):
    alone = BOTH.with_columns(lasting_standard=NO_FIGURE)
    rows = drawn(alone, measure)["datasets"]["points"]
    assert [row["standard"] for row in rows] == [85, 85, None, None, None, None]
    assert [row["milestone"] for row in rows] == [None, None, 76, 76, None, 78]


def test_a_standard_that_is_no_milestone_is_drawn_as_the_standard(spec):
    assert {row["milestone"] for row in spec["datasets"]["points"]} == {None}


def test_a_milestone_is_a_step_like_the_standard_but_dashed(measure):
    spec = drawn(BOTH, measure)
    milestone, standard = layer(spec, "milestone"), layer(spec, "standard")
    assert (milestone["encoding"]["y"]["field"], standard["encoding"]["y"]["field"]) == ("milestone", "standard")
    assert milestone["mark"].pop("strokeDash") == [2, 3]
    assert standard["mark"].pop("strokeDash") == []
    assert milestone["mark"] == standard["mark"]


def test_milestone_and_standard_each_have_their_words(measure):
    spec = drawn(BOTH, measure)
    labels = sorted(spec["datasets"]["ends"], key=lambda row: -row["at"])
    assert [row["label"] for row in labels] == [
        ["Standard 85\u00a0%"], ["Upper limit 78.5\u00a0%"], ["Milestone 78\u00a0%"], ["Mean 74.0\u00a0%"],
        ["Lower limit 69.5\u00a0%"],
    ]  # fmt: skip
    red = {row["label"][0].split()[0] for row in labels if row["ink"] == theme.STANDARD_TEXT}
    assert red == {"Standard", "Milestone"}
    steps = [(row["period_start"], row["label"]) for row in spec["datasets"]["steps"]]
    assert steps == [("2022-01-01", ["Standard 85\u00a0%"]), ("2022-03-01", ["Milestone 76\u00a0%"])]


def test_a_milestone_that_has_ended_keeps_its_words_where_it_began(measure):
    ended = BOTH.with_columns(
        standard=pl.Series([85.0, 85.0, 76.0, 76.0, 85.0, 85.0]),
        lasting_standard=pl.Series([None, None, 85.0, 85.0, None, None]),
        is_milestone=pl.Series([False, False, True, True, False, False]),
    )
    datasets = drawn(ended, measure)["datasets"]
    assert [row["label"] for row in datasets["steps"]] == [["Milestone 76\u00a0%"]]
    assert not [row for row in datasets["ends"] if row["label"][0].startswith("Milestone")]


def test_tooltips_name_the_standard_against_which_the_series_is_read(measure):
    written = [row["standard_written"] for row in drawn(BOTH, measure)["datasets"]["points"]]
    assert written == [
        "85\u00a0% (Operational standard)", "85\u00a0% (Operational standard)", "76\u00a0% (Milestone)",
        "76\u00a0% (Milestone)", "none in force", "78\u00a0% (Milestone)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "standard", "side"),
    [([70, 71, 72], 75, "bottom"), ([80, 81, 72], 75, "top"), ([76, 70, 75], 75, "bottom"), ([60, 80, 90], 99, "top")],
)
def test_a_standard_s_label_keeps_to_the_emptier_side_and_inside(measure, values, standard, side):
    points = POINTS.drop_nulls("value").with_columns(
        pl.Series("value", [*values, 70], dtype=pl.Float64),
        pl.Series("standard", [standard, standard, standard, 90], dtype=pl.Float64),
        mean=NO_FIGURE,
        lower_process_limit=NO_FIGURE,
        upper_process_limit=NO_FIGURE,
    )
    [step] = drawn(points, measure)["datasets"]["steps"]
    assert step["baseline"] == side


def test_without_limits_nothing_is_labelled_but_the_standard(measure):
    few = POINTS.with_columns(
        NO_FIGURE.alias(name) for name in ("mean", "lower_process_limit", "upper_process_limit")
    ).with_columns(variation=pl.lit(None, VARIATION_TYPE))
    spec = drawn(few, measure)
    assert [row["label"] for row in spec["datasets"]["ends"]] == [["Standard 78\u00a0%"]]
    assert legend(spec)[0] == "Value (no limits: too few months or cases)"


def test_vertical_axis_says_where_it_starts(spec, measure):
    start = layer(spec, "mean")["encoding"]["y"]["scale"]["domain"][0]
    assert start > 0
    [words] = spec["title"]["subtitle"]
    assert words == f"Four hours, per cent. The vertical axis starts at {start:.0f}\u00a0%, not at zero."


def test_an_axis_that_starts_at_zero_needs_no_word_about_it(measure):
    lines = ("value", "mean", "lower_process_limit", "upper_process_limit")
    low = POINTS.with_columns(pl.col(*lines) / 100, standard=NO_FIGURE)
    assert drawn(low, measure)["title"]["subtitle"] == ["Four hours, per cent."]


def test_axis_holds_every_value_line_and_standard(spec):
    low, high = layer(spec, "mean")["encoding"]["y"]["scale"]["domain"]
    assert low < 69.0
    assert 85.0 < high <= 100


# Values and limits of POINTS run from 69 to 79, so the chart reaches ten points further on each side.
@pytest.mark.parametrize(
    ("standard", "shown", "words"),
    [
        (59.0, 59.0, ""),
        (58.9, None, " Standard 58.9\u00a0%: below the chart."),
        (89.0, 89.0, ""),
        (89.1, None, " Standard 89.1\u00a0%: above the chart."),
    ],
)
def test_a_standard_out_of_reach_is_named_and_not_drawn(measure, standard, shown, words):
    spec = drawn(POINTS.with_columns(standard=pl.lit(standard)), measure)
    assert {row["standard"] for row in spec["datasets"]["points"]} == {shown}
    assert " ".join(spec["title"]["subtitle"]).partition("not at zero.")[2] == words
    written = {row["standard_written"].partition(" (")[0] for row in spec["datasets"]["points"]}
    assert written == {f"{standard:g}\u00a0%"}


@pytest.mark.parametrize(
    ("lasting", "milestone", "shown", "words"),
    [
        (89.0, 59.0, (89.0, 59.0), ""),
        (89.1, 78.0, (None, 78.0), " Standard 89.1\u00a0%: above the chart."),
        (78.0, 58.9, (78.0, None), " Milestone 58.9\u00a0%: below the chart."),
        (
            95.0, 50.0, (None, None),
            " Standard 95\u00a0%: above the chart. Milestone 50\u00a0%: below the chart.",
        ),
    ],
)  # fmt: skip
def test_standard_and_milestone_out_of_reach_are_each_named_and_not_drawn(measure, lasting, milestone, shown, words):
    spec = drawn(OF_BOTH.with_columns(standard=pl.lit(milestone), lasting_standard=pl.lit(lasting)), measure)
    assert {(row["standard"], row["milestone"]) for row in spec["datasets"]["points"]} == {shown}
    assert " ".join(spec["title"]["subtitle"]).partition("not at zero.")[2] == words
    low, high = layer(spec, "mean")["encoding"]["y"]["scale"]["domain"]
    assert all(low <= line <= high for line in shown if line is not None)


def test_several_milestones_out_of_reach_are_named_together(measure):
    milestones = pl.Series([92.0, 92.0, 91.0, 91.0, 50.0, 50.0])
    spec = drawn(OF_BOTH.with_columns(standard=milestones, lasting_standard=pl.lit(85.0)), measure)
    assert " ".join(spec["title"]["subtitle"]).partition("not at zero.")[2] == (
        " Milestone 91\u00a0% and 92\u00a0%: above the chart. Milestone 50\u00a0%: below the chart."
    )


def test_axis_of_a_flat_series_still_reaches_as_far_as_its_least_span(measure):
    flat = POINTS.with_columns(
        value=pl.lit(70.0), mean=pl.lit(70.0), lower_process_limit=pl.lit(70.0), upper_process_limit=pl.lit(70.0)
    )
    for standard, shown in ((75.0, 75.0), (75.1, None)):  # five points, a twentieth of 0 to 100
        spec = drawn(flat.with_columns(standard=pl.lit(standard)), measure)
        assert spec["datasets"]["points"][0]["standard"] == shown


def test_months_are_counted_in_utc_and_january_bears_the_year(spec):
    x = layer(spec, "mean")["encoding"]["x"]
    assert x["scale"]["type"] == "utc"
    assert x["axis"]["tickCount"] == {"interval": "month", "step": 1}
    assert "<tspan>Jan</tspan>" in output.svg(spec)


def test_tooltips_speak_in_words(spec):
    row = spec["datasets"]["points"][4]
    titles = [each["title"] for each in layer(spec, "points")["encoding"]["tooltip"]]
    assert titles == ["Month", "Value", "Within four hours", "Attendances", "Variation", "Signal", "Standard"]
    assert (row["month"], row["written"], row["cause"]) == ("May 2022", "69.0\u00a0%", "beyond a process limit")
    assert row["standard_written"] == "none in force"
    assert spec["datasets"]["points"][0]["standard_written"] == "85\u00a0% (Operational standard)"
    formats = {tip["field"]: tip.get("format") for tip in layer(spec, "points")["encoding"]["tooltip"]}
    assert formats["numerator"] == formats["denominator"] == ","


def test_rows_out_of_order_give_the_same_chart(spec, measure):
    assert drawn(POINTS.reverse(), measure) == spec


def test_only_what_is_drawn_travels(spec, measure):
    assert drawn(POINTS.with_columns(org_code=pl.lit("RJ1")), measure) == spec


@pytest.mark.parametrize("constant", [0.0, 100.0])
def test_a_constant_series_has_an_axis_of_some_height(measure, constant):
    flat = POINTS.with_columns(
        pl.lit(constant).alias(name) for name in ("value", "mean", "lower_process_limit", "upper_process_limit")
    ).with_columns(standard=NO_FIGURE)
    low, high = layer(drawn(flat, measure), "mean")["encoding"]["y"]["scale"]["domain"]
    assert low <= constant <= high
    assert low < high


@pytest.mark.parametrize("rows", [0, 2])
def test_a_chart_without_a_value_is_refused(measure, rows):
    nothing = POINTS.head(rows).with_columns(value=NO_FIGURE)
    with pytest.raises(ParameterError, match=f"'A trust': found {rows} months without a value, expected one"):
        drawn(nothing, measure)


def test_sixty_months_of_one_organisation_stay_small(measure):
    long = pl.concat([POINTS.tail(1)] * 60).with_columns(
        period_start=pl.Series(months(date(2019, 1, 1), date(2023, 12, 1)))
    )
    assert len(output.svg(drawn(long, measure))) < 60_000


# ---- intervals in place of limits, and a value to set figures against

WITHOUT_LIMITS = POINTS.with_columns(
    pl.lit(None, pl.Float64).alias(name) for name in ("mean", "lower_process_limit", "upper_process_limit", "standard")
).with_columns(
    variation=pl.lit(None, VARIATION_TYPE), value_lower=pl.col("value") - 3, value_upper=pl.col("value") + 12
)


def test_each_value_has_its_interval_where_that_is_asked_for(measure):
    spec = drawn(WITHOUT_LIMITS, measure, with_intervals=True)
    rule = layer(spec, "intervals")
    assert (rule["encoding"]["y"]["field"], rule["encoding"]["y2"]["field"]) == ("value_lower", "value_upper")
    spans = [(row["value_lower"], row["value_upper"]) for row in spec["datasets"]["points"] if row["value"] is not None]
    assert spans == [(68, 83), (76, 91), (66, 81), (71, 86)]
    assert {row["sign"] for row in spec["datasets"]["points"] if row["value"]} == {"Value, with its 95\u00a0% interval"}
    low, high = layer(spec, "mean")["encoding"]["y"]["scale"]["domain"]
    assert low < 66
    assert high > 91


def test_without_intervals_there_is_no_layer_of_them(spec):
    assert "intervals" not in {layer.get("name") for layer in spec["layer"]}
    assert "value_lower" not in spec["datasets"]["points"][0]


def test_a_reference_is_drawn_across_with_its_words_and_is_on_the_axis(measure):
    spec = drawn(WITHOUT_LIMITS, measure, reference=(50.0, "As expected"))
    [end] = spec["datasets"]["ends"]
    assert (end["label"], end["line"], end["colour"]) == (["As expected"], 50, theme.MEAN)
    assert end["period_start"] == "2022-06-01"
    assert layer(spec, "lines across")["encoding"]["y"]["field"] == "line"
    assert layer(spec, "mean")["encoding"]["y"]["scale"]["domain"][0] < 50


def test_without_a_reference_nothing_is_drawn_across(spec):
    assert "lines across" not in {layer.get("name") for layer in spec["layer"]}


def test_a_month_without_a_file_breaks_the_line_and_has_no_mark(measure):
    """As `gaps.filled` has it: neither value nor status."""
    absent = POINTS.with_columns(
        pl.when(pl.col("status") != "not_submitted").then(pl.col(name)).alias(name) for name in ("value", "status")
    )
    spec = drawn(absent, measure)
    [row] = [row for row in spec["datasets"]["points"] if row["period_start"] == "2022-03-01"]
    assert (row["value"], row["sign"], row["mean"]) == (None, None, 74.0)
    [missing] = [layer for layer in spec["layer"] if layer["name"] == "missing"]
    assert missing["transform"] == [{"filter": "!isValid(datum.value) && isValid(datum.sign)"}]
    domains = [each["scale"]["domain"] for each in (missing["encoding"][name] for name in ("fill", "shape"))]
    assert all(theme.NOT_SUBMITTED.words not in domain for domain in domains)
    alone = drawn(absent.filter(pl.col("status").is_null() | (pl.col("status") == "reported")), measure)
    assert "missing" not in [layer.get("name") for layer in alone["layer"]]
