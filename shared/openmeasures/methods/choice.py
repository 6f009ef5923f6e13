"""Which chart a series gets, and why: from the measure's kind and, where cases are counted, from how many there are.

| name | gives |
|---|---|
| `DEFAULTS` | the chart of each kind of measure, the one beside it, and the reasons for both |
| `choose` | the chart of each organisation's series, by the rules below |
| `Chart` | the charts, in the order of the `pl.Enum` column |

The rules, the first that applies:

1. Periods that overlap: no chart, only the values. Neighbours share most of what they count, so that runs and trends
   come of themselves and moving ranges are far too small.
2. Fewer than 10 values: no chart, only the values.
3. Proportions and rates with fewer than `FEWEST_CASES` cases a period on average: a T chart, with a G chart beside it,
   if it is known when each event happened, and a run chart if not. For a proportion the cases are those with the
   feature or those without it, whichever are fewer; 99 % of 200 patients rest on two.
4. From 10 to 12 values: a run chart, which needs no limits.
5. Otherwise the chart of `DEFAULTS`, an XmR chart for every kind. P′ or U′ is offered beside it where a denominator
   lies more than `UNEVEN` of their mean away from it, since XmR limits are the same for a month of few cases as for
   one of many. Even denominators, however large, need no second chart: both are the same.

Why not P′ at once, if it knows more? Because NHS boards, regulators and the Making Data Count team [1] use XmR charts
for everything, and readers should find here the picture that they know; because monthly NHS denominators are large and
even, so that the two hardly differ; and because XmR needs the values alone, where counts are often not published.

Sources:
1. NHS England, Making Data Count, https://www.england.nhs.uk/publication/making-data-count/
2. Wheeler DJ. What about p-charts? Quality Digest 2011 (in favour of XmR charts for counts).
3. Laney DB. Improved control charts for attributes. Quality Engineering 2002; 14(4): 531-537.
   https://doi.org/10.1081/QEN-120003555
4. Benneyan JC. Number-between g-type statistical quality control charts for monitoring adverse events. Health Care
   Management Science 2001; 4: 305-318. https://doi.org/10.1023/A:1011846412909
"""

from enum import StrEnum
from typing import Literal, NamedTuple

import polars as pl

from openmeasures.methods.points import check
from openmeasures.methods.run_chart import MINIMUM_USEFUL_POINTS
from openmeasures.methods.spc import MINIMUM_POINTS
from openmeasures.schemas import EXCEEDS, Status

Kind = Literal["proportion", "rate", "mean", "ratio", "percentile"]  # as in `definitions`, which a test holds


class Chart(StrEnum):
    """The charts that there are."""

    XMR = "xmr"
    P_PRIME = "p_prime"
    U_PRIME = "u_prime"
    T = "t"
    G = "g"
    RUN = "run"


CHART_TYPE = pl.Enum(Chart)

# The usual bound below which counts are too skewed for limits that reach equally far up and down: with a mean of 5,
# three Poisson sigmas below it are less than 0.
FEWEST_CASES = 5
# A textbook's rule of thumb: equal limits will do while no denominator is more than a quarter from their mean.
UNEVEN = 0.25


# Our own choice: where more periods than one in ten are left out for their size, those that are shown are the better,
# or the worse, part of the series, and limits from them would be those of a selection.
MOST_LEFT_OUT = 0.1


class Default(NamedTuple):
    """A kind's chart, the one that may stand beside it, and why."""

    chart: Chart
    beside: Chart | None
    reason: str


DEFAULTS: dict[Kind, Default] = {
    "proportion": Default(
        Chart.XMR,
        Chart.P_PRIME,
        "With large and even denominators the variation from month to month says all; P′ also knows how many cases "
        "each month has.",
    ),
    "rate": Default(
        Chart.XMR,
        Chart.U_PRIME,
        "With many events and even exposure the variation from month to month says all; U′ also knows how much "
        "exposure each month has.",
    ),
    "mean": Default(
        Chart.XMR, None, "Only the mean is published, not the spread within a month, so an X̄ chart is not possible."
    ),
    "ratio": Default(Chart.XMR, None, "The parts are not counts of the same cases, so no chance model fits them."),
    "percentile": Default(
        Chart.XMR, None, "A percentile has no simple chance model. Where it is skewed, look at the run chart as well."
    ),
}
COUNTED: dict[Kind, bool] = {kind: default.beside is not None for kind, default in DEFAULTS.items()}

OVERLAPPING = "Neighbouring figures share most of their months, so that no chart's rules apply to them."
FEW_VALUES = f"Fewer than {MINIMUM_USEFUL_POINTS} values: too few for any chart's rules."
SHORT = f"Fewer than {MINIMUM_POINTS} values: too few for limits, but enough for runs."
RARE_WITH_DATES = f"Fewer than {FEWEST_CASES} cases a period: the time between them tells more than their number."
RARE = (
    f"Fewer than {FEWEST_CASES} cases a period, and not known when each happened: limits would mean little. Longer "
    "periods, or the dates of events, would tell more."
)
EVEN = "Every denominator is within a quarter of their mean, so a second chart would look the same."


def choose(
    frame: pl.DataFrame,
    *,
    kind: Kind,
    value: str = "value",
    numerator: str = "numerator",
    denominator: str = "denominator",
    by: str = "org_code",
    order: str = "period_start",
    has_event_dates: bool = False,
    overlaps: bool = False,
) -> pl.DataFrame:
    """Return one row an organisation, in order of `by`: `points`, `cases`, `unevenness`, `chart`, `beside`, `reason`.

    - `points`: how many values there are.
    - `cases`: of a proportion, the mean number a period of those with the feature or without it, whichever are fewer;
      of a rate, the mean number of events. Null for other kinds.
    - `unevenness`: how far the denominator farthest from their mean lies from it, as a share of the mean. Null for
      other kinds, and without values.
    - `chart` and `beside`: of `Chart`; null where there is none.
    - `reason`: a sentence or two for the chart's notes.

    Rows without a value count for nothing. Exactly 5 cases are enough, and exactly a quarter is even.

    - `frame`: one row an organisation and period, with `value`, and for proportions and rates their counts.
    - `has_event_dates`: whether the dates of single events are at hand, as T and G charts need them.
    - `overlaps`: whether neighbouring periods share part of their time, as rolling years do.

    Raises `ParameterError` if a row lacks organisation or period, two rows share both, or a figure is not finite.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(20), "numerator": [700, 820] * 10})
    >>> frame = frame.with_columns(denominator=pl.Series([900, 1100] * 10), value=pl.lit(75.0))
    >>> choose(frame, kind="proportion").select("cases", "unevenness", "chart", "beside").row(0)
    (240.0, 0.1, 'xmr', None)
    """
    default, nothing = DEFAULTS[kind], pl.lit(None, pl.Float64)
    counted = [pl.col(numerator), pl.col(denominator)] if COUNTED[kind] else [nothing, nothing]
    table = frame.select(
        by=by,
        order=order,
        value=pl.col(value).cast(pl.Float64),
        numerator=counted[0].cast(pl.Float64),
        denominator=counted[1].cast(pl.Float64),
    )
    check(table)
    present = pl.col("value").is_not_null()
    with_feature = pl.col("numerator").filter(present).mean()
    size = pl.col("denominator").filter(present)
    without = size.mean() - with_feature if kind == "proportion" else nothing
    found = table.group_by("by").agg(
        points=pl.col("value").count(),
        cases=pl.min_horizontal(with_feature, without),
        unevenness=(size - size.mean()).abs().max() / size.mean(),
    )
    few = pl.col("points") < MINIMUM_USEFUL_POINTS
    rare = (pl.col("cases") < FEWEST_CASES).fill_null(False)
    even = (pl.col("unevenness") <= UNEVEN).fill_null(True) if COUNTED[kind] else pl.lit(False)
    rare_charts = (Chart.T, Chart.G, RARE_WITH_DATES) if has_event_dates else (Chart.RUN, None, RARE)
    outcomes: list[tuple[pl.Expr, tuple[Chart | None, Chart | None, str]]] = [
        (pl.lit(overlaps), (None, None, OVERLAPPING)),
        (few, (None, None, FEW_VALUES)),
        (rare, rare_charts),
        (pl.col("points") < MINIMUM_POINTS, (Chart.RUN, None, SHORT)),
        (even, (default.chart, None, f"{default.reason} {EVEN}")),
        (pl.lit(True), default),
    ]
    columns = {"chart": CHART_TYPE, "beside": CHART_TYPE, "reason": pl.String()}
    return (
        found.with_columns(
            pl.coalesce(
                # A rule with nothing to give still decides, hence a struct: coalesce would pass over its null.
                pl.when(rule).then(pl.struct(pl.lit(outcome[place], kind_of).alias("is")))
                for rule, outcome in outcomes
            )
            .struct.field("is")
            .alias(name)
            for place, (name, kind_of) in enumerate(columns.items())
        )
        .sort("by")
        .rename({"by": by})
    )


def without_unsuited(chart: pl.DataFrame, *, kind: Kind, overlaps: bool = False) -> pl.DataFrame:
    """Return one organisation's XmR chart, stripped of limits and signals where `suits_limits` is False.

    Values stay. `special_cause` is none where there is a value, and mean, limits, `variation` and `assurance` are null,
    so that no chart, sentence or icon claims what a handful of cases, or their overlap, decides.
    """
    if suits_limits(chart, kind=kind, overlaps=overlaps):
        return chart
    limits = ("mean", "lower_process_limit", "upper_process_limit", "variation", "assurance")
    present = pl.col("value").is_not_null()
    return chart.with_columns(
        *(pl.lit(None, chart.schema[name]).alias(name) for name in limits),
        special_cause=pl.when(present).then(pl.lit("none").cast(chart.schema["special_cause"])),
    )


def suits_limits(frame: pl.DataFrame, *, kind: Kind, overlaps: bool = False) -> bool:
    """Whether one organisation's figures are frequent enough, and apart enough, for process limits to mean much.

    Takes its points with `org_code, period_start, numerator, denominator, value`. False where periods overlap, where
    there are fewer than `FEWEST_CASES` a period on average, of those with the feature or of those without it, and
    where the series `is_selection`; True where that is not known. Too few periods are no matter of this.
    """
    if overlaps or is_selection(frame):
        return False
    cases = choose(frame, kind=kind)["cases"]
    return cases.is_null().all() or cases.item() >= FEWEST_CASES


def is_selection(frame: pl.DataFrame) -> bool:
    """Whether more of one organisation's periods than `MOST_LEFT_OUT` have no figure for what it would have been.

    They are suppressed for small numbers, or their numerator exceeds the whole (`exceeds_whole`, which
    `counts.part_of_whole` gives). False for a frame without `status`, or without rows.
    """
    if "status" not in frame.columns or frame.is_empty():
        return False
    left_out = pl.col("status").cast(pl.String) == Status.SUPPRESSED.value
    if EXCEEDS in frame.columns:
        left_out |= pl.col(EXCEEDS)
    return frame.filter(left_out).height > MOST_LEFT_OUT * frame.height
