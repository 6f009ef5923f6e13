"""Words at the ends of lines, and standards that are too far off to be drawn."""

import pytest

from openmeasures.charts import lines, theme
from openmeasures.charts.lines import End

SPREAD = [60.0, 80.0]  # so that the reach is from 40 to 100


@pytest.mark.parametrize(
    ("standard", "drawn", "words"),
    [
        (None, None, ""),
        (100, 100, ""),
        (40, 40, ""),
        (100.5, None, "Standard 100.5\u00a0%: above the chart."),
        (39, None, "Standard 39\u00a0%: below the chart."),
    ],
)
def test_a_standard_out_of_reach_is_named_instead(measure, standard, drawn, words):
    assert lines.standard_in_reach(standard, SPREAD, measure) == (drawn, words)


def test_a_standard_of_a_neutral_measure_is_an_ambition(measure):
    neutral = measure.model_copy(update={"improvement": "neutral"})
    assert lines.standard_in_reach(39, SPREAD, neutral) == (None, "Ambition 39\u00a0%: below the chart.")
    assert lines.worded("standard", 39, neutral) == ["Ambition 39\u00a0%"]
    assert lines.worded("milestone", 39, neutral) == ["Milestone 39\u00a0%"]


def rows(*found):
    return lines.end_rows(found, ends=(0, 100), height=theme.PLOT_HEIGHT)


def test_the_words_of_a_line_stand_at_its_end():
    [row] = rows(End(75.123456, "Average", {"denominator": 5}))
    assert row == {"denominator": 5, "label": ["Average"], "line": 75.1235, "at": 75.123456, "ink": theme.TEXT}


def test_a_line_across_has_its_colour_and_the_subject_is_marked():
    [row] = rows(End(75, "England", {}, theme.SUBJECT, theme.SUBJECT, is_subject=True))
    assert (row["ink"], row["colour"], row["is_subject"]) == (theme.SUBJECT, theme.SUBJECT, True)


@pytest.mark.parametrize(("line", "shown"), [(0, 1), (-0.001, 0), (100, 1), (100.00000001, 1), (100.1, 0)])
def test_a_line_that_has_left_the_chart_has_no_words(line, shown):
    assert len(rows(End(line, "Limit", {}))) == shown


def test_long_words_take_several_lines_and_keep_others_off():
    above, below = rows(End(50, "The average of all the organisations together", {}), End(50, "Limit", {}))
    assert len(above["label"]) == 2
    pixel = 100 / theme.PLOT_HEIGHT
    assert above["at"] - below["at"] == pytest.approx(pixel * (theme.LINE_HEIGHT * (2 + 1) / 2 + theme.LABEL_SPACE))
