"""How long people have waited, from the bands of weeks in which a publication counts them.

| function | gives |
|---|---|
| `lower_edge`, `upper_edge` | the edges of a band, from its category |
| `bands` | people waiting in each band, period by period |
| `points` | an organisation's series with a percentile as its value |
| `finding` | median, 92nd percentile and longest waits of the latest period, in words |

Bands are the breakdown `weeks_waited`. A category such as `017-018` holds waits over 17 and up to 18 weeks; the last,
such as `104+`, has no upper edge.
"""

from collections.abc import Sequence

import polars as pl

from openmeasures import counts, words
from openmeasures.methods import waits
from openmeasures.parameters import Parameters
from openmeasures.periods import month_label

BREAKDOWN = "weeks_waited"
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
    everyone = {"numerator": run.measure.denominator, "denominator": run.measure.denominator}
    found = counts.by_category(run.observations(breakdown=BREAKDOWN), **everyone, org_code=run.org_code)
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
    `FEWEST` people have no percentiles. Without anyone waiting, or without figures, it says so.
    """
    month = month_label(run.period_to)
    latest = bands.filter(pl.col("period_start") == run.period_to)
    waiting = latest["waiting"].sum()
    if not waiting:
        return f"Nobody is known to have been waiting at the end of {month}."
    half, most = (waits.percentile(latest, share=share, by=BY).row(0, named=True) for share in (0.5, 0.92))
    known = latest.filter(pl.col("weeks_to").is_null())["weeks_from"].max()
    longest: list[str] = []
    for weeks in (weeks for weeks in over if isinstance(known, int) and weeks <= known):
        row = waits.share_over(latest, weeks=weeks, by=BY).row(0, named=True)
        counted = f"{words.number(row['numerator'])} ({100 * row['share']:.2f}\u00a0%)"
        longest.append(f"{counted}{'' if longest else ' had waited'} over {weeks} weeks")
    ending = f" Of them {words.listed(longest)}." if longest else ""
    if waiting < FEWEST:
        were = "was" if waiting == 1 else "were"
        return (
            f"At the end of {month} {words.number(waiting)} {were} waiting, too few for a median or a 92nd percentile."
            f"{ending}"
        )
    return (
        f"At the end of {month} {words.number(waiting)} were waiting: half of them had waited {_weeks(half)} and 92 in "
        f"100 {_weeks(most)}.{ending}"
    )


def _weeks(row: dict[str, float | None]) -> str:
    upper = "with no upper end" if row["weeks_upper"] is None else f"to {row['weeks_upper']:.1f}"
    interval = f"(95\u00a0% interval {row['weeks_lower']:.1f} {upper})"
    if row["is_beyond"]:
        beyond = f"more than {row['weeks_at_least']:.0f} weeks"
        return beyond if row["weeks_lower"] == row["weeks_at_least"] else f"{beyond} {interval}"
    return f"{row['weeks']:.1f} weeks or less {interval}"
