"""One series before the deciles of all, read from its Vega-Lite specification."""

import re
from datetime import date

import polars as pl
import pytest

from openmeasures.charts import deciles, output, theme
from openmeasures.errors import ParameterError
from openmeasures.periods import months

FINDING = "Its 74.0 % is above the median of 69.0 %."
MONTHS = months(date(2024, 1, 1), date(2024, 6, 1))
DECILES = pl.DataFrame({"period_start": MONTHS}).with_columns(
    pl.lit(50.0 + share / 2).alias(f"decile_{share}") for share in range(10, 100, 10)
)  # 55, 60 … 95
SERIES = pl.DataFrame({"period_start": MONTHS, "value": [71.0, 72.0, None, 60.0, 73.0, 74.0]})


def drawn(measure, frame=DECILES, series=SERIES, **changes):
    given = {"org_name": "Ash NHS Foundation Trust", "title": "Four hours", "finding": FINDING}
    return deciles.chart(frame, series, measure, **given | changes).to_dict()


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def ends(spec):
    return {" ".join(row["label"]): row["line"] for row in spec["datasets"]["ends"]}


def subtitle(spec):
    return " ".join(spec["title"]["subtitle"])


def pieces(spec, name):
    """How many pieces a line is drawn in."""
    return output.svg(spec).split(f"{name}_marks")[1].split(' d="')[1].split('"')[0].count("M")


@pytest.fixture
def spec(measure):
    return drawn(measure)


def test_description_is_the_finding(spec):
    assert spec["description"] == FINDING


def test_every_month_has_its_figures_as_they_came(spec):
    rows = spec["datasets"]["points"]
    assert [row["value"] for row in rows] == [71.0, 72.0, None, 60.0, 73.0, 74.0]
    assert [rows[0][f"decile_{share}"] for share in (10, 50, 90)] == [55, 75, 95]


def test_a_month_without_a_value_is_a_gap(spec):
    assert pieces(spec, "value") == 2


@pytest.mark.parametrize("column", ["decile_50", "decile_10", "band"])
def test_a_month_without_deciles_is_a_gap(measure, column):
    gap = DECILES.with_columns(
        pl.when(pl.col("period_start") != date(2024, 3, 1)).then(pl.col(f"decile_{share}"))
        for share in range(10, 100, 10)
    )
    assert pieces(drawn(measure), column) == 1
    assert pieces(drawn(measure, gap), column) == 2


def test_a_month_of_only_one_of_the_two_is_there(measure):
    spec = drawn(measure, DECILES.head(4), SERIES.tail(4))
    rows = spec["datasets"]["points"]
    assert len(rows) == 6
    assert rows[0]["value"] is None
    assert rows[5]["decile_50"] is None


def test_lines_are_labelled_at_their_ends(spec):
    assert ends(spec) == {"Highest tenth": 95, "Ash 74.0\u00a0%": 74, "Median": 75, "Lowest tenth": 55}
    [subject] = [row for row in spec["datasets"]["ends"] if row.get("is_subject")]
    assert subject["ink"] == theme.SUBJECT


def test_a_series_that_ends_before_the_last_month_says_when(measure):
    ended = SERIES.with_columns(value=pl.when(pl.col("period_start") < date(2024, 6, 1)).then("value"))
    spec = drawn(measure, series=ended)
    assert ends(spec)["Ash 73.0\u00a0% in May 2024"] == 73
    [subject] = [row for row in spec["datasets"]["ends"] if row.get("is_subject")]
    assert subject["period_start"] == "2024-05-01"


def test_deciles_look_nothing_like_limits(spec):
    """Limits are dashed steps of the theme's dark edge; the mean is black."""
    for share in range(10, 100, 10):
        mark = layer(spec, f"decile_{share}")["mark"]
        assert mark["color"] not in (theme.EDGE, theme.MEAN)
        assert "interpolate" not in mark
        assert mark["strokeDash"] == ([] if share == 50 else [1, 3])
    assert layer(spec, "decile_50")["mark"]["strokeWidth"] > layer(spec, "decile_10")["mark"]["strokeWidth"]
    band = layer(spec, "band")["encoding"]
    assert (band["y"]["field"], band["y2"]["field"]) == ("decile_10", "decile_90")


def test_the_organisation_s_own_line_has_the_subject_s_colour_and_a_tooltip(spec):
    assert layer(spec, "value")["mark"]["color"] == theme.SUBJECT
    fields = {each["field"]: each["title"] for each in layer(spec, "points")["encoding"]["tooltip"]}
    assert fields == {
        "month": "Month", "written": "Value", "median": "Median of all", "middle": "Middle 8 in 10",
    }  # fmt: skip
    row = spec["datasets"]["points"][0]
    assert [row[field] for field in fields] == [
        "January 2024",
        "71.0\u00a0%",
        "75.0\u00a0%",
        "55.0\u00a0% to 95.0\u00a0%",
    ]


def test_a_standard_is_a_line_across(measure):
    spec = drawn(measure, standard=78.0)
    [row] = [row for row in spec["datasets"]["ends"] if "colour" in row]
    assert (row["label"], row["line"], row["colour"]) == (["Standard 78\u00a0%"], 78, theme.STANDARD)


def test_a_standard_far_off_is_named_in_the_subtitle(measure):
    spec = drawn(measure, standard=5.0)
    assert "Standard 5\u00a0%: below the chart." in subtitle(spec)
    assert "Standard 5\u00a0%" not in ends(spec)


def test_an_organisation_without_a_figure_is_said_to_have_none(measure):
    spec = drawn(measure, series=SERIES.with_columns(value=pl.lit(None, pl.Float64)))
    assert "Ash NHS Foundation Trust has no figure." in subtitle(spec)
    assert set(ends(spec)) == {"Highest tenth", "Median", "Lowest tenth"}


def test_the_subtitle_says_what_is_shown(measure):
    assert subtitle(drawn(measure, note="England is left out.")) == (
        "Four hours, per cent. The vertical axis starts at 50\u00a0%, not at zero. "
        "Dotted lines part the organisations into tenths. England is left out."
    )


def test_the_axis_holds_every_figure(spec, measure):
    low, high = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert (low, high) == (50, 100)
    low, high = drawn(measure, series=SERIES.with_columns(value=pl.lit(30.0)))["layer"][0]["encoding"]["y"]["scale"][
        "domain"
    ]
    assert low < 30


def test_no_colour_but_the_theme_s(measure):
    of_theme = {value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")}
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', output.svg(drawn(measure, standard=78.0))))
    assert painted - {"none", "transparent"} <= of_theme | {theme.COMMON_CAUSE.fill}


def test_rows_out_of_order_give_the_same_chart(spec, measure):
    assert drawn(measure, DECILES.reverse(), SERIES.reverse()) == spec


def test_a_chart_without_deciles_is_refused(measure):
    none = DECILES.with_columns(pl.lit(None, pl.Float64).alias(f"decile_{share}") for share in range(10, 100, 10))
    for frame in (none, none.head(0)):
        with pytest.raises(ParameterError, match="'Four hours': found no deciles in 6 months"):
            drawn(measure, frame)
