"""A ratio of observed to expected deaths over time: twelve months a figure, of which neighbours share eleven.

| function | gives |
|---|---|
| `with_published` | points whose value is the ratio as published, where there is one |
| `interval` | how sure a ratio is |
| `over_time` | the latest ratio in words, and whether it differs from that of the twelve months before |
| `chart` | every ratio with its interval |

Which band a ratio has is in `banding`. Neither end is called better.
"""

from typing import Any

import altair as alt
import polars as pl

from openmeasures import display, mergers, words
from openmeasures.charts import spc
from openmeasures.counts import published
from openmeasures.display import Markdown
from openmeasures.methods import bands
from openmeasures.methods.disclosure_control import poisson_of_possible
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.periods import month_label
from openmeasures.results import ALL
from openmeasures.sources.hospital_mortality import RATIO, ROUNDED_TO

BASELINE = (1.0, "As expected 1")  # as many deaths as expected
OVERLAP = (
    "Neighbours share eleven of them, so that they are alike whatever happens: there are no limits and no signals."
)
_KEYS = ["org_code", "period_start"]
_NOTHING_BEFORE = "There is no figure for the twelve months before, the latest that share no month with these."


def with_published(points: pl.DataFrame, observations: pl.DataFrame, run: Parameters) -> pl.DataFrame:
    """Return points with `value` as published, or observed ÷ expected where no ratio is published, as for England.

    Published counts are rounded to five and the ratio is not. Without expected deaths there is no value.
    """
    stated = published(observations, RATIO, denominator=run.measure.denominator).select(*_KEYS, stated="value")
    quotient = pl.col("numerator") / pl.col("denominator").replace(0, None)
    return points.join(stated, on=_KEYS, how="left", maintain_order="left").with_columns(
        value=pl.when(quotient.is_not_null()).then(pl.coalesce("stated", quotient))
    ).drop("stated")  # fmt: skip


def interval(observed: pl.Expr, expected: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the 95 % limits of observed ÷ expected deaths: Byar's of those observed, exact below 10.

    Both counts may have been rounded to five: the limits are the outermost of all counts that then are possible, a
    little wider than those of either count as it stands. Expected deaths are taken to be known without error. Null
    where a count is null, or so few are expected that there may be none.
    """
    reach = ROUNDED_TO // 2  # of whole counts; what is expected is no whole number
    lower, upper = poisson_of_possible(((observed - reach).clip(lower_bound=0), observed + reach))
    possible = pl.when(expected > ROUNDED_TO / 2)
    return (
        possible.then(lower / (expected + ROUNDED_TO / 2)).alias("lower"),
        possible.then(upper / (expected - ROUNDED_TO / 2)).alias("upper"),
    )


def over_time(points: pl.DataFrame, run: Parameters) -> str:
    """Say what one organisation's latest ratio is, and how it compares with that of the twelve months before.

    Those share no month with the latest; every period between shares some, so that no more is said of them. England is
    what ratios are set against, so that its own says nothing of change.
    """
    measure, period = run.measure, run.measure.period
    figures = points.sort("period_start").drop_nulls("value")
    if figures.is_empty():
        return words.finding(points, measure, period_to=run.period_to)
    last = figures.row(-1, named=True)
    when, ended = f"the twelve months from {period.label(last['period_start'])}", last["period_start"] < run.period_to
    opening = f"The last figure ended with {month_label(period.last_month(last['period_start']))}. " if ended else ""
    interval = words.span(last["value_lower"], last["value_upper"], measure)
    said = f"{opening}{measure.written(last['value'])} in {when} (95\u00a0% interval {interval})."
    if run.org_code == ENGLAND:
        return (
            f"{said} England is what each trust is set against, so that its own figure is near 1 in every period: it "
            "says nothing of whether more people die or fewer."
        )
    before = figures.filter(pl.col("period_start") == last["period_start"].replace(year=last["period_start"].year - 1))
    return f"{said} {_beside(last, before.row(0, named=True), run) if before.height else _NOTHING_BEFORE}"


def _beside(last: dict[str, Any], before: dict[str, Any], run: Parameters) -> str:
    lower, upper = bands.change(
        pl.lit(last["numerator"]),
        pl.lit(last["denominator"]),
        observed_before=pl.lit(before["numerator"]),
        expected_before=pl.lit(before["denominator"]),
    )
    least, most = pl.select(lower.alias("least"), upper.alias("most")).row(0)
    is_more = least > 1 or most < 1
    said = "the two differ by more than chance in the counts" if is_more else "chance in the counts may explain that"
    return (
        "In the twelve months before, the latest that share no month with these, it was "
        f"{run.measure.written(before['value'])}: {said}."
    )


def chart(points: pl.DataFrame, run: Parameters, *, finding: str) -> alt.LayerChart | Markdown:
    """Show every ratio of one organisation with its interval; in words alone where it has no figure at all."""
    measure = run.measure
    if points["value"].is_null().all():
        return Markdown(f"**{measure.short_title}**: {finding}")
    drawn = spc.chart(
        points,
        measure,
        title=display.marked(f"{run.org_name}: {measure.short_title}", run),
        finding=finding,
        note=words.together(
            [f"Each figure is of twelve months, shown where they end. {OVERLAP}", mergers.on_chart(run)]
        ),
        joined=mergers.marks(run),
        beside=mergers.beside(run, valued=with_published),
        with_intervals=True,
        reference=BASELINE,
    )
    drawn.usermeta = {"series": ALL}
    return display.sourced(drawn, run)
