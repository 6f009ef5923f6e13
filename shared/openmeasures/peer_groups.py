"""Whom an organisation is fairly compared with: those that do the same kind of work.

`peers` in `measure.yml` names a metric; organisations that report any of it are one group, those that report none the
other. England is set against the group that has it.
"""

from dataclasses import dataclass

import polars as pl

from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters

RECENT_PERIODS = 12  # a year: an organisation that opened or closed a department is grouped by what it did lately


@dataclass(frozen=True)
class PeerGroup:
    """A group's organisations, and what they have in common, in words that follow a number."""

    org_codes: list[str]
    label: str


def alike(run: Parameters, observations: pl.DataFrame) -> PeerGroup:
    """Return the organisations like the run's own, itself included, by what was published for the last twelve periods.

    `observations` are those up to `period_to`. An organisation that reported nothing in that time is in no group, but
    for the run's own, which joins the group of those that lack the metric.
    """
    rule = run.measure.peers
    periods = observations["period_start"].unique().sort().tail(RECENT_PERIODS)
    recent = (
        observations.filter(
            pl.col("period_start").is_in(periods.implode()),
            pl.col("metric") == rule.metric,
            pl.col("org_code") != ENGLAND,
        )
        .group_by("org_code")
        .agg(pl.col("value").sum())
    )
    having = recent.filter(pl.col("value") > 0)["org_code"].sort().to_list()
    if run.org_code == ENGLAND or run.org_code in having:
        return PeerGroup(having, rule.having)
    lacking = set(recent["org_code"]) - set(having) | {run.org_code}
    return PeerGroup(sorted(lacking), rule.lacking)
