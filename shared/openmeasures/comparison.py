"""What a notebook shows of an organisation among its peers: charts, or words where there is nothing to draw.

| function | shows |
|---|---|
| `funnel` | every organisation of the group by its size, with limits |
| `deciles` | the group's deciles over time, with the organisation's own series |
| `strip` | the distribution of the group, for figures whose chance variation is not known |
| `without_figure` | who is missing from the charts, and why |
"""

from datetime import date
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from openmeasures import gaps, words
from openmeasures.charts import deciles as deciles_chart
from openmeasures.charts import distribution
from openmeasures.charts import funnel as funnel_chart
from openmeasures.display import Markdown, marked, sourced
from openmeasures.errors import ParameterError
from openmeasures.methods import peers
from openmeasures.methods.funnel import LIMITS, Funnel
from openmeasures.methods.peers import Spread
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import PeerGroup
from openmeasures.schemas import EXCEEDS

EXPECTED = "As expected"  # of a ratio, whose target is 1 whatever the organisations come to
TOGETHER = "Together"  # the group, which is not all of England: others report as well
CURVE_POINTS = 120  # of each limit: closer than a line's width can show


def funnel(found: Funnel, run: Parameters, *, group: PeerGroup, finding: str) -> alt.LayerChart | Markdown:
    """Show the funnel of the latest period; in words alone where nobody has a figure, or one organisation alone.

    Where limits tell nobody apart, the distribution stands in place of a funnel that would be none. `found.points` has
    `org_code` and `org_name`.
    """
    if found.organisations <= 1:
        return Markdown(finding)
    measure, target_label = run.measure, EXPECTED if found.kind == "ratio" else TOGETHER
    if found.kind == "ratio" and measure.unit != "ratio":
        raise ParameterError(
            f"{measure.id}: a funnel of a ratio in {measure.unit!r}; expected one of observed by expected, whose "
            "target is 1 and whose denominator says how much chance there is. Show `comparison.strip` and deciles "
            "instead."
        )
    sizes = found.points.drop_nulls("value")["denominator"].to_numpy()
    # Where all are of about one size, limits still need some length to be seen.
    grid = np.geomspace(min(sizes.min(), sizes.max() / 2), sizes.max(), CURVE_POINTS)
    in_unit = [pl.col(name) * measure.scale for name in LIMITS]
    points = found.points.with_columns(pl.col("value") * measure.scale)
    if run.org_code not in points["org_code"]:  # England, whose figure is the target; or one that is in no group
        value = measure.scale * found.target if run.org_code == ENGLAND else None
        name = target_label if run.org_code == ENGLAND else run.org_name
        own = pl.DataFrame(
            {"org_code": run.org_code, "org_name": name, "value": value}, schema_overrides={"value": pl.Float64}
        )
        points = pl.concat([points, own], how="diagonal")
    if not found.tells_apart:
        alike = points.filter(pl.col("org_code") != ENGLAND)
        return _distribution(points, run, group=group, spread=peers.spread(alike), finding=finding)
    room = "make room for the usual spread" if found.is_adjusted else "are those of chance alone"
    chart = funnel_chart.chart(
        points,
        found.limits(grid.tolist()).with_columns(in_unit),
        measure,
        org_code=run.org_code,
        title=marked(f"{group.title}, {run.measure.period.label(run.period_to)}", run),
        finding=finding,
        target=measure.scale * found.target,
        target_label=target_label,
        size_label=f"{group.size_label[:1].upper()}{group.size_label[1:]}",
        note=f"Limits {room}.",
        standard=_standard(run, group),
    )
    return sourced(chart, run)


def deciles(
    found: pl.DataFrame, mine: pl.DataFrame, run: Parameters, *, group: PeerGroup, finding: str
) -> alt.LayerChart | Markdown:
    """Show the deciles of the group over time and the organisation's own series (`period_start, value`).

    Nothing where there are too few organisations for deciles.
    """
    if found["decile_50"].is_null().all():
        return Markdown(finding)
    absent = gaps.absent(found["period_start"], run.measure)
    chart = deciles_chart.chart(
        pl.concat([found, pl.DataFrame({"period_start": absent}, {"period_start": pl.Date})], how="diagonal"),
        mine.select("period_start", "value"),
        run.measure,
        org_name=run.org_name,
        title=marked(f"{group.title}: deciles of {group.label}", run),
        finding=finding,
        note=gaps.told(absent, run.measure),
        standard=_standard(run, group, since=found["period_start"].min()),
    )
    return sourced(chart, run)


def strip(
    latest: pl.DataFrame, run: Parameters, *, group: PeerGroup, spread: Spread, finding: str
) -> alt.LayerChart | Markdown:
    """Show the organisations of a group in the latest period; in words alone where there is nothing to compare.

    `latest` has one row an organisation (`org_code, org_name, value, denominator`), value null where there is none.
    """
    if spread.organisations == 0:
        return Markdown(finding)
    alike = latest.filter(pl.col("org_code").is_in([*group.org_codes, run.org_code]))
    return _distribution(alike, run, group=group, spread=spread, finding=finding)


def _distribution(
    alike: pl.DataFrame, run: Parameters, *, group: PeerGroup, spread: Spread, finding: str
) -> alt.LayerChart:
    chart = distribution.chart(
        alike,
        run.measure,
        org_code=run.org_code,
        title=marked(f"{group.title}, {run.measure.period.label(run.period_to)}", run),
        finding=finding,
        spread=spread,
        standard=_standard(run, group),
    )
    return sourced(chart, run)


def _standard(run: Parameters, group: PeerGroup, *, since: object = None) -> float | None:
    """Return the standard to draw; it is set for the measure, not for its parts, and a milestone for England alone.

    `since`: the first month of a chart over time, in all of which it has to be in force.
    """
    lasting = None if group.series else run.measure.lasting_standard_on(run.period_to)
    if lasting is None or (isinstance(since, date) and since < lasting.date_from):
        return None
    return lasting.value


def without_figure(latest: pl.DataFrame, run: Parameters) -> Markdown:
    """Name the organisations of the group that no chart shows, with the reason; nothing where there is none.

    Of a suppressed figure it is said what it can be, if that is known. Where somebody's numerator exceeds the whole, it
    is said that limits and deciles rest on the others, whose shares are the lower ones.

    - `latest`: one row an organisation of the group: `org_code, org_name, value, status`, null where it sent nothing;
      `value_lower, value_upper`, in the measure's unit, where bounds are known; `exceeds_whole`, if the measure has it.
    """
    missing = latest.filter(pl.col("value").is_null(), pl.col("org_code") != ENGLAND).sort("org_name")
    if missing.is_empty():
        return Markdown("")
    named = [f"{row['org_name']} ({_reason(row, run)})" for row in missing.iter_rows(named=True)]
    month = run.measure.period.label(run.period_to)
    lower = ""
    if EXCEEDS in missing.columns and missing[EXCEEDS].any():
        lower = (
            f"Where there are more {run.measure.numerator.label} than {run.measure.denominator.label} there is no "
            "share. Limits and deciles rest on the others, and are lower for it."
        )
    return Markdown(
        words.together([f"Not in the chart, for want of a figure for {month}: {words.listed(named)}.", lower])
    )


def _reason(row: dict[str, Any], run: Parameters) -> str:
    bounds = words.span(row.get("value_lower"), row.get("value_upper"), run.measure)
    return words.reason(row) + (bounds and f": {bounds}")
