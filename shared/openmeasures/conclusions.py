"""Changes of conclusion: where the newest figure of a series turned what its chart says.

A chart says two things of its latest figure: whether it varies as usual (`variation`), and what the process, left as it
is, will make of its standard (`assurance`). Both are worked out here as they were when each period was the latest: from
the figures up to it and no later one, which also move the limits. So the answer for a period does not change as later
periods come in. The figures themselves, the standards and the reviewed changes of limits are today's.

| function | gives |
|---|---|
| `states` | what the chart of each organisation said as each of the latest periods came in |
| `changes` | the periods in which that was another than the period before |
"""

from datetime import date

import polars as pl

from openmeasures import standards
from openmeasures.definitions import Measure
from openmeasures.methods import spc

STATE = ("variation", "assurance")


def states(points: pl.DataFrame, measure: Measure, *, after: date) -> pl.DataFrame:
    """Return `org_code, period_start, value, variation, assurance`: one row for each figure of a period after a day.

    - `points`: the figures of all organisations whose series have limits, `org_code, period_start, value, segment`.
    - `after`: earlier periods are read and have no row.

    States are null where the series was too short yet, or no standard was in force.
    """
    latest = points.filter(pl.col("period_start") > after)["period_start"].unique().sort()
    figures = points.select("org_code", "period_start", "value", "segment")
    as_then = pl.concat(
        [figures.filter(pl.col("period_start") <= last).with_columns(known_to=pl.lit(last, pl.Date)) for last in latest]
        or [figures.clear().with_columns(known_to=pl.lit(None, pl.Date))]
    )
    charts = spc.xmr(
        as_then, by=("known_to", "org_code"), improvement=measure.improvement, rule_set=measure.rule_set,
        segment="segment", natural_bounds=measure.natural_bounds,
    )  # fmt: skip
    newest = charts.filter(pl.col("period_start") == pl.col("known_to"), pl.col("value").is_not_null())
    return standards.join(newest, measure).select(
        "org_code", "period_start", "value", *(pl.col(each).cast(pl.String) for each in STATE)
    )


def changes(points: pl.DataFrame, measure: Measure, *, after: date) -> pl.DataFrame:
    """Return the rows of `states` whose conclusion differs from the one before, which stands beside in `…_before`.

    A gap is passed over: the period before is the last one with a figure. A conclusion that there was not yet, or is no
    longer, is no change; nor is that of the first period after the day, which has none before it here.
    """
    found = states(points, measure, after=after).sort("org_code", "period_start")
    before = [pl.col(each).shift(1).over("org_code").alias(f"{each}_before") for each in ("period_start", *STATE)]
    is_other = [pl.col(each) != pl.col(f"{each}_before") for each in STATE]  # null where either is
    return found.with_columns(before).filter(pl.any_horizontal(each.fill_null(False) for each in is_other))
