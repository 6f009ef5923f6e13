"""The look of every chart: colours, signs, fonts, sizes and words.

No other module names a colour. Colours follow Making Data Count [1], but never stand alone: each kind of point also
has its own shape, size or fill, and an edge dark enough to be seen on white. Importing this enables the theme.

| name | gives |
|---|---|
| `Sign` and its instances | how one kind of point looks, and its words in the legend |
| `SIGNS`, `FUNNEL_SIGNS` | the signs of SPC charts and of funnels, in the order of the legend |
| `PAGE`, `PHONE` | the two sizes in which a chart is published |
| `config` | the Vega-Lite configuration for a size |
| `looks` | the encoding of signs, with their legend |
| `measured`, `plainly` | figures for labels |
| `axis_words`, `vertical_axis`, `tick_words`, `tooltip` | what axes and tooltips say |

Sources:
1. NHS-R Community, NHSRplotthedots at 050b07d, R/ptd_spc_colours.R, https://github.com/nhs-r-community/NHSRplotthedots
2. W3C, WCAG 2.2, success criteria 1.4.1, 1.4.3 and 1.4.11, https://www.w3.org/TR/WCAG22/
"""

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt

from openmeasures.definitions import Measure

NAME = "openmeasures"

MEAN = "#000000"  # [1]
STANDARD = "#de1b1b"  # [1]
TEXT = "#212b32"
QUIET_TEXT = "#4c5a63"
STANDARD_TEXT = "#b51414"  # text needs 4.5:1 on white [2]; the line's own red is too close to that
EDGE = "#6b6b6b"  # a point needs 3:1 on white [2], which the greys and blues of [1] lack
PAPER = "#ffffff"
GRID = "#ededed"
BAND = "#e6edf3"
SUBJECT = "#005eb8"
OTHERS = "#c9cfd4"
OTHERS_EDGE = "#868f96"

# vl-convert carries Liberation Sans, so text is measured alike on every machine; Arial has the same widths and stands
# in for readers. Arial first would be measured with whatever a machine calls Arial.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
LETTER = 0.54  # the mean width of a letter in em, bold included, with a little to spare


class Sign(NamedTuple):
    """How one kind of point looks, and what the legend says of it."""

    words: str
    fill: str
    edge: str
    shape: str
    area: int  # square pixels


IMPROVEMENT = Sign("Special cause – improvement", "#00b0f0", "#00648a", "circle", 90)  # fills: [1]
CONCERN = Sign("Special cause – concern", "#e46c0a", "#8f4200", "square", 80)
NEUTRAL = Sign("Special cause – neither good nor bad", "#490092", "#490092", "triangle-up", 80)
COMMON_CAUSE = Sign("Common cause", "#a6a6a6", EDGE, "circle", 36)
NO_LIMITS = Sign("Value (no limits: too few months or cases)", PAPER, EDGE, "circle", 36)
WITH_INTERVAL = Sign("Value, with its 95\u00a0% interval", OTHERS, EDGE, "circle", 49)
NOT_SUBMITTED = Sign("Not submitted", PAPER, EDGE, "diamond", 64)
NOT_APPLICABLE = Sign("Not applicable", PAPER, EDGE, "stroke", 36)
SUPPRESSED = Sign("Suppressed by the publisher", PAPER, EDGE, "triangle-down", 60)
NOTHING_TO_COUNT = Sign("Nothing to count", PAPER, EDGE, "cross", 60)
SIGNS = (
    IMPROVEMENT, CONCERN, NEUTRAL, COMMON_CAUSE, NO_LIMITS, WITH_INTERVAL, NOT_SUBMITTED, NOT_APPLICABLE, SUPPRESSED,
    NOTHING_TO_COUNT,
)  # fmt: skip

# A funnel says where a figure lies, never that it is good or bad: beyond its limits is no signal's blue or orange.
ABOVE_LIMITS = Sign("Above the 99.8\u00a0% limit", NEUTRAL.fill, NEUTRAL.edge, "triangle-up", 80)
BELOW_LIMITS = Sign("Below the 99.8\u00a0% limit", NEUTRAL.fill, NEUTRAL.edge, "triangle-down", 80)
WITHIN_LIMITS = Sign("Within the 99.8\u00a0% limits", OTHERS, OTHERS_EDGE, "circle", 50)
NOT_POSITIONED = Sign("Not set against limits", PAPER, OTHERS_EDGE, "circle", 50)
SUBJECT_AREA = 150  # of the subject's diamond among points, in square pixels and in both sizes
SUBJECT_SIGN = Sign("This organisation", SUBJECT, PAPER, "diamond", SUBJECT_AREA)
FUNNEL_SIGNS = (ABOVE_LIMITS, BELOW_LIMITS, WITHIN_LIMITS, NOT_POSITIONED)


class Size(NamedTuple):
    """One size of a published chart; lengths in pixels."""

    width: int  # of the whole image, labels and margins included
    title: int
    text: int
    legend_columns: int
    months: int  # labels that an axis of months has room for
    years: int  # the same of wider labels, such as 2024/25
    points: float  # share of the area that `Sign` gives a point
    piles: int  # height that piles of dots may fill
    names: int  # on a funnel, at most
    name_width: int  # of one of its lines
    name_lines: int


PAGE = Size(
    width=820, title=17, text=13, legend_columns=4, months=21, years=12, points=1, piles=170, names=12,
    name_width=165, name_lines=2,
)  # fmt: skip
PHONE = Size(
    width=340, title=15, text=12, legend_columns=1, months=7, years=3, points=0.5, piles=110, names=4,
    name_width=100, name_lines=3,
)  # fmt: skip
PADDING = 8  # around every chart
PLOT_HEIGHT = 300
FUNNEL_HEIGHT = 360  # its names need room
END_GAP = 12  # between the plot and words to its right
AXIS_ROOM = 48  # for the labels of a funnel's vertical axis, in both sizes
ROW_HEIGHT = 22  # of each row of words above piles of dots
LINE_HEIGHT = 16  # of text, in both sizes
LABEL_SPACE = 3  # between labels that stand above one another
# The share of the image's width that one line of words may have, by the data set that holds the words.
LABEL_SHARES = {"ends": 0.22, "steps": 0.22, "labels": 0.62}
MONTH_STEPS = (1, 3, 6, 12)  # months between labels: steps that keep January, where the year stands
PERIOD_STEPS = (1, 2, 4, 8)  # quarters, or financial years, between labels: steps that keep the first quarter
NEAR_BOUND = 1 / 4  # of the axis: how near to zero the figures of several organisations must be for it to start there
LEAST_SPAN = 1 / 20  # of the range that can happen: five points of a percentage
RARE_SPANS = 20  # of values below 5 %, the range that counts is so many times the greatest
DECIMALS = 4  # of a drawn figure: finer than any pixel, and coarser than what differs between processors


def no_limits(periods: str) -> Sign:
    """Return `NO_LIMITS` in words for what figures cover, such as `quarters`; of `financial years`, just `years`."""
    return NO_LIMITS._replace(words=NO_LIMITS.words.replace("months", periods.rpartition(" ")[2]))  # a phone's width


def config(size: Size = PAGE) -> alt.theme.ConfigKwds:
    """Return the Vega-Lite configuration that gives every chart of this size the same look."""
    return {
        "aria": False,  # the image as a whole has one description; a label on each dot would bury it
        "autosize": {"type": "fit-x", "contains": "padding"},  # the width includes labels beside the plot
        "background": PAPER,
        "font": FONT,
        "padding": PADDING,
        "view": {"stroke": None},
        "title": {
            "anchor": "start", "frame": "bounds", "color": TEXT, "fontSize": size.title, "fontWeight": "bold",
            "lineHeight": size.title * 1.25, "offset": 12, "subtitleColor": QUIET_TEXT, "subtitleFontSize": size.text,
            "subtitleLineHeight": LINE_HEIGHT, "subtitlePadding": 5,
        },
        "axis": {
            "labelColor": QUIET_TEXT, "labelFontSize": size.text, "titleColor": QUIET_TEXT, "titleFontSize": size.text,
            "titleFontWeight": "normal", "gridColor": GRID, "domainColor": EDGE, "tickColor": EDGE, "labelPadding": 4,
        },
        "legend": {
            "orient": "top", "direction": "horizontal", "columns": size.legend_columns, "title": None, "offset": 10,
            "labelColor": TEXT, "labelFontSize": size.text, "labelLimit": 0, "columnPadding": 16, "rowPadding": 3,
        },
        "text": {"color": TEXT, "fontSize": size.text, "lineHeight": LINE_HEIGHT},
    }  # fmt: skip


@alt.theme.register(NAME, enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {"config": config()}


def looks(shown: Sequence[Sign]) -> list[alt.Fill | alt.Stroke | alt.Shape | alt.Size]:
    """Return the encoding of the field `sign`, the words of a sign; the legend says only what is shown."""
    words = [sign.words for sign in shown]
    return [
        alt.Fill("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.fill for sign in shown])),
        alt.Stroke("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.edge for sign in shown])),
        alt.Shape("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.shape for sign in shown])),
        alt.Size("sign:N", scale=alt.Scale(type="ordinal", domain=words, range=[sign.area for sign in shown])),
    ]


def measured(value: float | None, measure: Measure) -> str:
    """Return a figure for a label: the sign of a percentage stays, any other unit is left to the axis."""
    return measure.written(value).removesuffix(f" {measure.unit}")


def plainly(value: float, measure: Measure) -> str:
    """Return a number that was set, as a standard is, for a label: with the decimals that it has and no more."""
    return measure.written_as_set(value).removesuffix(f" {measure.unit}")


def axis_words(measure: Measure) -> str:
    """Return what an axis shows and in which unit."""
    return f"{measure.short_title}, {'per cent' if measure.unit == 'percent' else measure.unit}"


def vertical_axis(measure: Measure, start: float) -> str:
    """Return, in a sentence or two, what a vertical axis shows, in which unit, and where it starts if not at zero."""
    if start == 0:
        return f"{axis_words(measure)}."
    return f"{axis_words(measure)}. The vertical axis starts at {plainly(start, measure)}, not at zero."


def tick_words(measure: Measure) -> str:
    """Return the Vega expression that writes an axis's numbers, with the sign of a percentage."""
    return "datum.label + '\u00a0%'" if measure.unit == "percent" else "datum.label"


def tooltip(fields: dict[str, str]) -> list[alt.Tooltip]:
    """Return a tooltip of fields, each with its title; numbers have separators between thousands."""
    return [
        alt.Tooltip(field, title=title, format="," if field.endswith(":Q") else alt.Undefined)
        for field, title in fields.items()
    ]
