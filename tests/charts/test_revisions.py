"""What became of published figures, read from the chart's Vega-Lite specification."""

from datetime import date

import polars as pl
import pytest

from openmeasures.charts import output, revisions, theme
from openmeasures.errors import ParameterError

REVISED = pl.DataFrame(
    [
        (date(2025, 10, 1), 74.15, 74.19, "74.15 %", "74.19 %", "+0.04 percentage points"),
        (date(2025, 12, 1), 73.85, 73.85, "73.85 %", "73.85 %", "unchanged"),
    ],
    schema=["period_start", "first", "now", "first_written", "now_written", "change_written"],
    orient="row",
)


def drawn(measure, frame=REVISED, **changes):
    return revisions.chart(frame, measure, **{"title": "Four hours", "finding": "It moved."} | changes).to_dict()


def layer(spec, name):
    [found] = [layer for layer in spec["layer"] if layer.get("name") == name]
    return found


def test_the_finding_describes_it_and_a_page_says_how_to_read_it(measure):
    spec = drawn(measure)
    assert spec["description"] == "It moved."
    assert spec["usermeta"] == {"guide": "data-quality"}


def test_both_figures_are_drawn_as_they_are_oldest_period_first(measure):
    rows = drawn(measure)["datasets"]["revisions"]
    assert [(row["on_page"], row["first"], row["now"]) for row in rows] == [
        (["October 2025: +0.04 percentage points"], 74.15, 74.19),
        (["December 2025: unchanged"], 73.85, 73.85),
    ]


def test_a_dot_fits_in_its_ring_and_is_drawn_over_it(measure):
    spec = drawn(measure)
    assert [one.get("name") for one in spec["layer"]][-2:] == ["firsts", "nows"]
    assert layer(spec, "nows")["mark"]["size"] < layer(spec, "firsts")["mark"]["size"]
    assert layer(spec, "firsts")["mark"]["fill"] == theme.PAPER
    fields = [layer(spec, name)["encoding"]["x"]["field"] for name in ("firsts", "nows")]
    assert fields == ["first", "now"]
    line = layer(spec, "changes")["encoding"]
    assert (line["x"]["field"], line["x2"]["field"]) == ("first", "now")


def test_a_small_revision_looks_small(measure):
    """0.04 points on an axis of five at least, as that of the chart over time."""
    low, high = layer(drawn(measure), "changes")["encoding"]["x"]["scale"]["domain"]
    assert high - low >= 100 * theme.LEAST_SPAN
    assert (low, high) == (71.0, 77.0)


def test_the_subtitle_says_what_ring_and_dot_are_and_what_is_left_out(measure):
    said = " ".join(drawn(measure, note="2 of 30 months.")["title"]["subtitle"])
    assert said == "Four hours, per cent. Ring: as first published. Dot: as it is now. 2 of 30 months."
    assert " ".join(drawn(measure)["title"]["subtitle"]).endswith("Dot: as it is now.")


def test_a_tooltip_has_both_figures_and_the_change(measure):
    told = {one["field"]: one["title"] for one in layer(drawn(measure), "nows")["encoding"]["tooltip"]}
    assert told == {
        "period": "Month",
        "first_written": "As first published",
        "now_written": "As it is now",
        "change_written": "Change",
    }


def test_it_can_be_drawn_on_a_phone(measure):
    image = output.svg(output.narrow(drawn(measure)))
    assert f'width="{theme.PHONE.width}"' in image
    assert "October 2025: +0.04 percentage points" in image


def test_nothing_to_draw_is_an_error(measure):
    with pytest.raises(ParameterError, match="found no period with two releases"):
        drawn(measure, REVISED.head(0))
