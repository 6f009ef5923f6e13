"""Whom an organisation is fairly compared with: those that do the same kind of work.

`peers` in `measure.yml` names a metric; organisations that report any of it are one group, those that report none the
other, each narrowed as `reference/peers.yml` says. England is set against the group that has it. With `breakdown`, such
as the type of organisation, those that report it are a group for each part, and England is set against all of them. A
system is compared with systems, a region with regions.
"""

from dataclasses import dataclass

import polars as pl

from openmeasures import counts, peer_choice, words
from openmeasures.definitions import PART
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters


@dataclass(frozen=True)
class PeerGroup:
    """A group's organisations, what they have in common (in words that follow a number), and what is compared.

    `series` is the id of the series in which they are compared, empty for the measure itself; `title` names it, and
    `size_label` what its denominators count. A group without organisations is that of one which reported nothing in
    the last year.
    """

    org_codes: list[str]
    label: str
    series: str
    title: str
    size_label: str


def alike(run: Parameters, observations: pl.DataFrame) -> PeerGroup:
    """Return the organisations like the run's own, itself included, by what was published for the last year.

    `observations` are those up to `period_to`. An organisation that reported nothing in that time is in no group.
    """
    measure, rule = run.measure, run.measure.peers
    periods = observations["period_start"].unique().sort().tail(measure.period.per_year)
    lately = counts.as_counted(observations).filter(
        pl.col("period_start").is_in(periods.implode()), pl.col("org_code") != ENGLAND, pl.col("value").is_not_null()
    )
    recent = lately.group_by("org_code").agg(pl.col("value").filter(pl.col("metric") == rule.metric).sum())
    if run.level and run.org_code != ENGLAND:
        return PeerGroup(
            recent["org_code"].sort().to_list(), f"{run.level}s", "", measure.short_title, measure.denominator.label
        )
    having = recent.filter(pl.col("value") > 0)["org_code"].sort().to_list()
    if run.org_code == ENGLAND or run.org_code in having:
        having, label = _narrowed(run, *_like(run, having, periods), lately)
        series = next((each for each in measure.series if each.id == rule.having_series), None)
        title = f"{measure.short_title}, {words.continued(series.title)}" if series else measure.short_title
        size = measure.of(series.id).denominator if series else measure.denominator
        return PeerGroup(having, label, series.id if series else "", title, size.label)
    lacking = sorted(set(recent["org_code"]) - set(having))
    lacking, label = _narrowed(run, lacking if run.org_code in lacking else [], rule.lacking, lately)
    return PeerGroup(lacking, label, "", measure.short_title, measure.denominator.label)


def _narrowed(run: Parameters, codes: list[str], label: str, lately: pl.DataFrame) -> tuple[list[str], str]:
    if run.org_code not in codes:
        return codes, label
    remaining, words = peer_choice.narrowed(run, codes, lately)
    return remaining, label + words


def _like(run: Parameters, having: list[str], periods: pl.Series) -> tuple[list[str], str]:
    """Return those of the same part as the run's organisation, by each one's last period, and their label."""
    rule = run.measure.peers
    if rule.breakdown is None or rule.everyone is None:
        return having, rule.having
    if run.org_code == ENGLAND:
        return having, rule.everyone
    parts = counts.as_counted(run.observations(breakdown=rule.breakdown)).filter(
        pl.col("period_start").is_in(periods.implode()), pl.col("metric") == rule.metric, pl.col("value") > 0
    )
    part_of = dict(parts.sort("period_start").group_by("org_code").last().select("org_code", "category").iter_rows())
    part = part_of[run.org_code]  # parts add up to the whole, so whoever has any of that is in one
    return [org_code for org_code in having if part_of.get(org_code) == part], rule.having.replace(PART, part)
