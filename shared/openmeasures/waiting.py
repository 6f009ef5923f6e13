"""How long people have waited, from the bands of weeks in which a publication counts them.

| function | gives |
|---|---|
| `lower_edge`, `upper_edge` | the edges of a band, from its category |
| `bands` | people waiting in each band, period by period |
| `points` | an organisation's series with a percentile as its value |
| `finding` | median, 92nd percentile and longest waits of the latest period, in words |
| `left_out` | how many of the list are not counted, for their commissioners are not English |
| `flow` | how the list changed since the month before, and how much of that nothing published explains, as `Flow` |

Bands are the breakdown `weeks_waited`. A category such as `017-018` holds waits over 17 and up to 18 weeks; the last,
such as `104+`, has no upper edge.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from openmeasures import counts, words
from openmeasures.display import Markdown
from openmeasures.display import table as markdown_table
from openmeasures.methods import waits
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.periods import month_label

BREAKDOWN = "weeks_waited"
OTHER_COMMISSIONERS = "_for_non_english_commissioners"  # ends the metrics of what is kept beside the list
BY = ("org_code", "period_start")
FEWEST = 10  # people, for percentiles: our own choice; of fewer, 92 in 100 are all of them


def lower_edge(category: pl.Expr) -> pl.Expr:
    """Return the weeks that everyone in a band has waited more than (0 in the first: or as much).

    >>> pl.DataFrame({"category": ["017-018", "104+"]}).select(lower_edge(pl.col("category"))).to_series().to_list()
    [17, 104]
    """
    return category.str.slice(0, 3).cast(pl.Int32)


def upper_edge(category: pl.Expr) -> pl.Expr:
    """Return the weeks that nobody in a band has waited longer than; null for the open last band.

    >>> pl.DataFrame({"category": ["017-018", "104+"]}).select(upper_edge(pl.col("category"))).to_series().to_list()
    [18, None]
    """
    return category.str.extract(r"-(\d+)$").cast(pl.Int32)


def bands(run: Parameters) -> pl.DataFrame:
    """Return `org_code, period_start, weeks_from, weeks_to, waiting` of the run's organisation, for `methods.waits`.

    England is the sum of the organisations. A period in which an organisation did not submit has no rows.
    """
    part, observations = run.measure.denominator, run.parts(BREAKDOWN)
    found = counts.by_category(observations, numerator=part, denominator=part, org_code=run.org_code)
    category = pl.col("category")
    return found.drop_nulls("denominator").select(
        *BY, weeks_from=lower_edge(category), weeks_to=upper_edge(category), waiting="denominator"
    )


def points(series: pl.DataFrame, bands: pl.DataFrame, *, share: float) -> pl.DataFrame:
    """Return the rows of `series` with the wait that `share` of people do not exceed, in weeks, as `value`.

    Numerators are null, as nothing adds up; the denominator says how many people were waiting. A percentile in the open
    last band has no value: its row is a gap in the chart, which `finding` puts into words.
    """
    found = waits.percentile(bands, share=share, by=BY).select(
        *BY, value="weeks", value_lower="weeks_lower", value_upper="weeks_upper"
    )
    kept = series.select(*BY, pl.lit(None, pl.Float64).alias("numerator"), "denominator", "status")
    return kept.join(found, on=BY, how="left", maintain_order="left")


def finding(run: Parameters, bands: pl.DataFrame, *, over: Sequence[int] = ()) -> str:
    """Say how long people had waited at the end of the last period, with 95 % intervals, and how many `over` each.

    A percentile in the open last band is more than that band's lower edge; its interval is given where it begins before
    that. A number of weeks in `over` that lies beyond that edge is left out: nothing is known of it. Fewer than
    `FEWEST` have no percentiles. Without any list, or without figures, it says so. What is counted is called as the
    denominator is, since a list need not count people.
    """
    month = month_label(run.period_to)
    latest = bands.filter(pl.col("period_start") == run.period_to)
    waiting = latest["waiting"].sum()
    counted = run.measure.denominator.label
    if not waiting:
        return f"No {counted} are known at the end of {month}."
    half, most = (waits.percentile(latest, share=share, by=BY).row(0, named=True) for share in (0.5, 0.92))
    known = latest.filter(pl.col("weeks_to").is_null())["weeks_from"].max()
    longest = [
        f"{words.number(row['numerator'])} ({100 * row['share']:.2f}\u00a0%) had lasted over {weeks} weeks"
        for weeks in over
        if isinstance(known, int) and weeks <= known
        for row in waits.share_over(latest, weeks=weeks, by=BY).iter_rows(named=True)
    ]
    ending = f" Of these {words.listed(longest)}." if longest else ""
    if waiting < FEWEST:
        few = f"the number of {counted} was {words.number(waiting)}"  # which reads well of 1, too
        return f"At the end of {month} {few}, too few for a median or a 92nd percentile.{ending}"
    return (
        f"At the end of {month} there were {words.number(waiting)} {counted}: half of them had lasted {_weeks(half)} "
        f"and 92 in 100 {_weeks(most)}.{ending}"
    )


def left_out(run: Parameters) -> str:
    """Say how many of the list at the end of the last period are of commissioners outside England; nothing where none.

    England is the sum of the organisations.
    """
    counted = run.measure.denominator.metrics
    others = [f"{metric}{OTHER_COMMISSIONERS}" for metric in counted]
    latest = _theirs(run, [*counted, *others]).filter(pl.col("period_start") == run.period_to)
    left = float(latest.filter(pl.col("metric").is_in(others))["value"].sum())
    everyone = float(latest["value"].sum())
    if not left:
        return ""
    return (
        f"Left out are {words.number(left)} {run.measure.denominator.label} of commissioners outside England at the "
        f"end of {month_label(run.period_to)}, {100 * left / everyone:.1f}\u00a0% of the {words.number(everyone)} "
        "that were reported."
    )


class Flow(NamedTuple):
    """How a list changed in a month: in words, and as an account from opening to closing list."""

    said: str
    account: Markdown


def flow(run: Parameters, *, starts: Sequence[str], stops: Sequence[str]) -> Flow:
    """Return how the list changed in the last month, and what part of it starts and stops do not explain.

    - `starts`, `stops`: metrics that count what joined the list in the month, and what left it.

    For England, organisations with a list in one of both months only are left aside: theirs is no change in waiting.
    Both are empty without any that has both.
    """
    month, before = run.period_to, (run.period_to - timedelta(days=1)).replace(day=1)
    found = _theirs(run, [*run.measure.denominator.metrics, *starts, *stops])
    is_list, is_now = pl.col("metric").is_in(run.measure.denominator.metrics), pl.col("period_start") == month
    value = pl.col("value")
    each = found.group_by("org_code").agg(
        now=value.filter(is_list, is_now).sum(),
        then=value.filter(is_list, pl.col("period_start") == before).sum(),
        months=pl.col("period_start").filter(is_list, pl.col("period_start") >= before, value.is_not_null()).n_unique(),
        started=value.filter(pl.col("metric").is_in(list(starts)), is_now).sum(),
        stopped=value.filter(pl.col("metric").is_in(list(stops)), is_now).sum(),
    )
    both = each.filter(pl.col("months") == len((before, month)))
    if both.is_empty():
        return Flow("", Markdown(""))
    now, then, started, stopped = both.select(pl.col("now", "then", "started", "stopped").sum()).row(0)
    change, explained = now - then, started - stopped
    said = (
        f"From the end of {month_label(before)} to the end of {month_label(month)} the list went from "
        f"{words.number(then)} to {words.number(now)} ({_signed(change)}). {words.number(started)} joined it and "
        f"{words.number(stopped)} left it as completed ({_signed(explained)}). The rest, "
        f"{_signed(change - explained)}, is explained by nothing that is published: what is removed without treatment, "
        "or found again, is reported nowhere."
    )
    rows = [
        (f"Opening list, end of {month_label(before)}", words.number(then)),
        ("+ joined it", words.number(started)),
        ("− left it as completed", words.number(stopped)),
        ("= expected", words.number(then + explained)),
        (f"Closing list, end of {month_label(month)}", words.number(now)),
        ("**Unexplained** (closing − expected)", f"**{_signed(change - explained)}**"),
    ]
    heading = f"{run.measure.denominator.label[:1].upper()}{run.measure.denominator.label[1:]}"
    return Flow(said, Markdown(markdown_table((f"{heading} in {month_label(month)}", "Number"), rows, numbers=1)))


def _theirs(run: Parameters, metrics: list[str]) -> pl.DataFrame:
    """Return whole figures of the run's organisation, of all of them for England, up to its last period."""
    only = None if run.org_code == ENGLAND else [run.org_code]
    found = run.store.observations(run.measure.source, metrics=metrics, org_codes=only)
    return found.filter(pl.col("org_code") != ENGLAND, pl.col("period_start") <= run.period_to)


def _signed(number: float) -> str:
    return f"{number:+,.0f}".replace("-", "−")


def _weeks(row: dict[str, float | None]) -> str:
    upper = "with no upper end" if row["weeks_upper"] is None else f"to {row['weeks_upper']:.1f}"
    interval = f"(95\u00a0% interval {row['weeks_lower']:.1f} {upper})"
    if row["is_beyond"]:
        beyond = f"more than {row['weeks_at_least']:.0f} weeks"
        return beyond if row["weeks_lower"] == row["weeks_at_least"] else f"{beyond} {interval}"
    return f"{row['weeks']:.1f} weeks or less {interval}"
