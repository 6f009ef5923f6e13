"""How far a series can be trusted: computed from the data, never typed in.

| function | question |
|---|---|
| `completeness` | how many of the expected periods have which status? |
| `without_file` | for which of them is no published file here? |
| `without_activity` | in how many was there nothing to count? |
| `agreement` | do the organisations add up to the published total? |
| `coverage` | what share of England's activity has figures in the latest period? |
| `months_later` | how long after its end was a period published? |
| `absent` | which organisations does England's latest figure lack? |
| `outside` | how many organisations are in none of the areas? |
| `assess` | all of it for one organisation |
"""

from dataclasses import dataclass
from datetime import date
from typing import cast

import polars as pl

from openmeasures import disclosure, doubts
from openmeasures.counts import AREA
from openmeasures.definitions import Disclosure
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.periods import Period
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Status

# Of a sum: averages come with nine decimals, and their sums differ in the last bits; counts by a half at least.
ROUNDING = 0.001
DECIMALS = 6  # of shares and revisions, the same on every machine
DAYS_PER_MONTH = 365.25 / 12  # on average


@dataclass(frozen=True)
class Quality:
    """The checks on one organisation's series; `words.quality` puts them into a sentence."""

    periods: dict[Status, int]
    without_activity: int  # among those reported
    last_figure: date | None
    latest: date
    unequal_totals: int | None  # None where no total is published to compare with
    coverage: float | None
    latest_status: ReleaseStatus
    absent: list[str]
    period: Period = Period.MONTH
    totals: int = 0  # that were compared with the sum of organisations
    months_later: float | None = None  # None where the latest release carries no date
    revised_periods: int = 0  # that were published more than once, with a figure each time
    usual_revision: float | None = None  # in the measure's unit; None where none was
    doubted: tuple[str, ...] = ()  # zeros that may be errors at the source, in words; see `doubts`
    area: str = ""  # of `register.Level` where the run is of an area
    outside: int = 0  # organisations with figures in the latest period that are in no such area
    is_rounded: bool = False  # so that totals can be compared within what rounding and suppression leave possible alone
    without_file: tuple[date, ...] = ()  # periods between the organisation's first and last

    @property
    def submitted(self) -> int:
        """In how many periods figures came in, suppressed ones included."""
        return self.periods[Status.REPORTED] + self.periods[Status.SUPPRESSED]

    @property
    def expected(self) -> int:
        """In how many periods figures were to come in, by the calendar: those whose file is not here included."""
        return self.submitted + self.periods[Status.NOT_SUBMITTED] + len(self.without_file)

    @property
    def content(self) -> dict[str, object]:
        """The parts as plain data, by the names of `COLUMNS`; a share is from 0 to 1."""
        return {
            "periods_expected": self.expected,
            "periods_submitted": self.submitted,
            "periods_without_file": len(self.without_file),
            "months_to_publication": self.months_later,
            "totals_compared": self.totals,
            "totals_unequal": self.unequal_totals,
            "zeros_doubted": len(self.doubted),
            "share_of_england": None if self.coverage is None else round(self.coverage, DECIMALS),
            "periods_revised": self.revised_periods,
            "usual_revision": None if self.usual_revision is None else round(self.usual_revision, DECIMALS),
        }


COLUMNS = {
    "periods_expected": pl.Int64,
    "periods_submitted": pl.Int64,
    "periods_without_file": pl.Int64,
    "months_to_publication": pl.Float64,
    "totals_compared": pl.Int64,
    "totals_unequal": pl.Int64,
    "zeros_doubted": pl.Int64,
    "share_of_england": pl.Float64,
    "periods_revised": pl.Int64,
    "usual_revision": pl.Float64,
}  # of `Quality.content`, in tables for download


def completeness(counts: pl.DataFrame) -> dict[Status, int]:
    """Return how many periods of one organisation have each status; every status is there, at 0 if need be."""
    found = dict(counts.group_by("status").len().iter_rows())
    return {status: found.get(status.value, 0) for status in Status}


def without_file(counts: pl.DataFrame, run: Parameters) -> tuple[date, ...]:
    """Return the periods from one organisation's first to its last, by the calendar, for which no file is here.

    What the organisation sent for them cannot be known here, so it is not said to have submitted nothing.
    """
    first, last = (cast("date | None", each) for each in (counts["period_start"].min(), counts["period_start"].max()))
    if first is None or last is None:
        return ()
    return tuple(each for each in run.measure.period.between(first, last) if each not in run.release_of)


def without_activity(counts: pl.DataFrame) -> int:
    """Return how many periods of one organisation were reported with nothing to count, and so have no value."""
    return counts.filter(pl.col("denominator") == 0).height


def agreement(observations: pl.DataFrame, *, rounding: Disclosure | None = None) -> pl.DataFrame:
    """Compare the sum over organisations with the published total, one row a metric and period.

    Takes `schemas.Observations` as published, before corrections. Gives `metric, period_start, organisations,
    published, difference` (organisations − published); a period without a published total has no row. A difference
    that the publication's own rounding and suppression can make (`disclosure.allowance`) is 0.
    """
    return (
        observations.group_by("metric", "period_start")
        .agg(
            organisations=pl.col("value").filter(pl.col("org_code") != ENGLAND).sum(),
            published=pl.col("value").filter(pl.col("org_code") == ENGLAND).first(),
            allowance=disclosure.allowance(rounding),
        )
        .drop_nulls("published")
        .with_columns(difference=pl.col("organisations") - pl.col("published"))
        .with_columns(
            difference=pl.when(pl.col("difference").abs() > pl.col("allowance")).then("difference").otherwise(0.0)
        )
        .drop("allowance")
        .sort("period_start", "metric")
    )


def coverage(published: pl.DataFrame, counts: pl.DataFrame, *, denominator: list[str], period: date) -> float | None:
    """Return the share (0 to 1) of the published denominator that the counts of one period hold.

    Below 1 where organisations report activity but not the measure. None where there is no published total.
    """
    totals = published.filter(
        pl.col("metric").is_in(denominator), pl.col("org_code") == ENGLAND, pl.col("period_start") == period
    )
    held = counts.filter(pl.col("period_start") == period, pl.col("org_code") != ENGLAND)
    total = cast("float", totals["value"].sum())
    return cast("float", held["denominator"].sum()) / total if total else None


def months_later(published: date | None, period_end: date) -> float | None:
    """Return how many months after a period's end its figures were published, to a tenth; None without a date.

    >>> months_later(date(2024, 5, 9), date(2024, 3, 31))
    1.3
    """
    return None if published is None else round((published - period_end).days / DAYS_PER_MONTH, 1)


def assess(run: Parameters, published: pl.DataFrame, counts: pl.DataFrame, revised: pl.DataFrame) -> Quality:
    """Return every check for the run's organisation.

    `published` are the observations before corrections, `counts` those of every organisation, `revised` what
    `revisions.since_first` gives.
    """
    mine = counts.filter(pl.col("org_code") == run.org_code)
    # Neither a percentage nor a score adds up as rounded counts do; `openmeasures reconcile` compares them.
    is_rounded = run.measure.disclosure is not None
    wanted = {*run.measure.denominator.metrics, *([] if is_rounded else run.measure.numerator.metrics)}
    england = counts.filter(pl.col("org_code") == ENGLAND)
    totals = agreement(published.filter(pl.col("metric").is_in(wanted)), rounding=run.measure.disclosure)
    return Quality(
        periods=completeness(mine),
        without_activity=without_activity(mine),
        last_figure=cast("date | None", mine.filter(pl.col("denominator") > 0)["period_start"].max()),
        latest=run.period_to,
        unequal_totals=None if totals.is_empty() else totals.filter(pl.col("difference").abs() > ROUNDING).height,
        coverage=coverage(published, counts, denominator=run.measure.denominator.metrics, period=run.period_to),
        latest_status=run.release_of[run.period_to].status,
        absent=absent(run, counts) if run.org_code == ENGLAND else [],
        period=run.measure.period,
        totals=totals.height,
        months_later=months_later(run.release_of[run.period_to].published, run.measure.period.end(run.period_to)),
        revised_periods=revised["change"].count(),
        usual_revision=cast("float | None", revised["change"].abs().median()),
        doubted=tuple(doubts.told(doubts.zeros(mine, england, kind=run.measure.kind), run.measure)),
        area=run.level,
        outside=outside(run, published),
        is_rounded=is_rounded,
        without_file=without_file(mine, run),
    )


def outside(run: Parameters, published: pl.DataFrame) -> int:
    """Return how many organisations with figures in the run's latest period are in no area of its level; 0 of no area.

    Neither the publication nor the register says where those are, so that no area's figure has theirs.
    """
    if not run.level:
        return 0
    latest = published.filter(
        pl.col("period_start") == run.period_to, pl.col("value").is_not_null(), pl.col("org_code") != ENGLAND
    )
    return latest.filter(pl.col(AREA).is_null())["org_code"].n_unique()


def absent(run: Parameters, counts: pl.DataFrame) -> list[str]:
    """Return the names of organisations with figures in the year up to the latest period, but none in the latest.

    Of annual figures, in the two years up to it; years are those of the calendar, whichever files are here. England's
    figure of the latest period lacks them, whether they closed, merged or did not submit. One that reported no activity
    is not lacking.
    """
    period = run.measure.period
    periods = [
        each
        for each in counts["period_start"].unique()
        if period.number(each, run.period_to) <= max(period.per_year, 2)
    ]
    recent = counts.filter(pl.col("period_start").is_in(periods), pl.col("org_code") != ENGLAND)
    now = recent.filter(pl.col("period_start") == run.period_to, pl.col("denominator").is_not_null())["org_code"]
    active = recent.filter(pl.col("denominator") > 0)
    missing = active.filter(~pl.col("org_code").is_in(now.implode()))["org_code"].unique().sort()
    return [f"{run.name_of(code)} ({code})" for code in missing]
