"""The look of charts: contrast, signs that do not rest on colour, and room for words."""

import altair as alt
import pytest
import vl_convert

from openmeasures.charts import theme


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
    [
        theme.MEAN,
        theme.STANDARD,
        theme.EDGE,
        theme.SUBJECT,
        theme.OTHERS_EDGE,
        *(sign.edge for sign in theme.SIGNS + theme.FUNNEL_SIGNS),
    ],
)
def test_marks_can_be_seen(colour):
    assert contrast(colour, theme.PAPER) >= 3


@pytest.mark.parametrize("signs", [theme.SIGNS, theme.FUNNEL_SIGNS])
def test_signs_differ_without_colour(signs):
    looks = {(sign.shape, sign.area, sign.fill == theme.PAPER) for sign in signs}
    assert len(looks) == len(signs)


def test_a_funnel_s_signs_pass_no_judgement():
    judging = {sign.fill for sign in (theme.IMPROVEMENT, theme.CONCERN)} | {theme.STANDARD}
    assert not judging & {sign.fill for sign in theme.FUNNEL_SIGNS}
    assert theme.ABOVE_LIMITS.fill == theme.BELOW_LIMITS.fill


@pytest.mark.parametrize("shown", [theme.FUNNEL_SIGNS, theme.FUNNEL_SIGNS[:1]])
def test_each_sign_is_drawn_with_its_own_look(shown):
    """Read from what Vega is given: it loses all but two areas of a scale that it takes for continuous."""
    rows = [{"x": 1, "y": 1, "sign": sign.words} for sign in shown]
    marks = alt.Chart(alt.Data(values=rows)).mark_point().encode(alt.X("x:Q"), alt.Y("y:Q"), *theme.looks(shown))
    scales = {
        scale["name"]: scale for scale in vl_convert.vegalite_to_vega(marks.to_dict(), vl_version="6.4")["scales"]
    }
    assert {scales[name]["type"] for name in ("fill", "stroke", "shape", "size")} == {"ordinal"}
    assert scales["size"]["range"] == [sign.area for sign in shown]


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
    ("value", "written"), [(78.0, "78\u00a0%"), (92.5, "92.5\u00a0%"), (0.0, "0\u00a0%"), (0.125, "0.125\u00a0%")]
)
def test_a_number_that_was_set_has_no_needless_decimals(measure, value, written):
    assert theme.plainly(value, measure) == written


def test_labels_leave_units_other_than_per_cent_to_the_axis(measure):
    minutes = measure.model_copy(update={"unit": "minutes"})
    assert (theme.measured(75.04, measure), theme.measured(1241.04, minutes)) == ("75.0\u00a0%", "1,241.0")
    assert theme.plainly(240.0, minutes) == "240"
    assert theme.axis_words(minutes) == "Four hours, minutes"


@pytest.mark.parametrize(
    ("start", "words"),
    [(0, "Four hours, per cent."), (30, "Four hours, per cent. The vertical axis starts at 30\u00a0%, not at zero.")],
)
def test_an_axis_that_does_not_start_at_zero_says_so(measure, start, words):
    assert theme.vertical_axis(measure, start) == words
