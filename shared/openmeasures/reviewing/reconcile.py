"""Our figures for England beside those that are published, month by month, and the reason where they differ.

| name | gives |
|---|---|
| `reconcile` | one row a published figure and month: ours, theirs, the difference and what it comes to |
| `summarise` | how many months agree, one row a published figure |
| `lines` | the same in words |

Ours is the sum of the organisations after corrections, by the functions that the notebooks use. Theirs is what
`published` in `measure.yml` names: the total row of the same file, or another publication. Where both differ,
`differences` there must say why; otherwise the verdict is "unexplained", and `openmeasures reconcile` fails.
"""

from enum import StrEnum
from typing import Any

import polars as pl

from openmeasures import corrections, counts
from openmeasures.definitions import Measure, Published
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import check
from openmeasures.periods import month_label
from openmeasures.store import Store
from openmeasures.words import plural

EXACT = 1e-9  # of the figure's unit: sums of whole numbers differ by the last bit of a division at most


class Verdict(StrEnum):
    """What a comparison comes to."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"


VERDICT_TYPE = pl.Enum([verdict.value for verdict in Verdict])
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String,
    "series": pl.String,
    "published_in": pl.String,
    "period_start": pl.Date,
    "ours": pl.Float64,
    "published": pl.Float64,
    "difference": pl.Float64,
    "verdict": VERDICT_TYPE,
    "reason": pl.String,
}


def reconcile(measure: Measure, store: Store) -> pl.DataFrame:
    """Return every comparison of one measure, with `COLUMNS`; months that only one side has are left out.

    `difference` is ours − theirs, in the measure's unit. A published figure that is rounded agrees if ours rounds to
    it. A publication that the store does not hold gives no rows: there is nothing to compare with.
    """
    held = [each for each in measure.published if store.newest(each.source or measure.source)]
    tables = [_compared(measure, store, each) for each in held]
    return pl.concat([pl.DataFrame(schema=COLUMNS), *tables])


def _compared(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    both = _ours(measure, store, entry).join(_theirs(measure, store, entry), on="period_start").sort("period_start")
    tolerance = EXACT if entry.decimals is None else 0.5 * 10.0**-entry.decimals + EXACT
    difference = pl.col("ours") - pl.col("published")
    reason = pl.lit("")
    for known in entry.differences:
        reason = pl.when(pl.col("period_start").is_between(known.date_from, known.date_to)).then(
            pl.lit(known.reason)
        ).otherwise(reason)  # fmt: skip
    agrees = difference.abs() <= tolerance
    verdict = (
        pl.when(agrees)
        .then(pl.lit(Verdict.AGREES.value))
        .when(reason != "")
        .then(pl.lit(Verdict.EXPLAINED.value))
        .otherwise(pl.lit(Verdict.UNEXPLAINED.value))
    )
    return both.select(
        pl.lit(measure.id).alias("measure"),
        pl.lit(entry.series or "").alias("series"),
        pl.lit(entry.title).alias("published_in"),
        "period_start",
        "ours",
        "published",
        difference.alias("difference"),
        verdict.cast(VERDICT_TYPE).alias("verdict"),
        pl.when(agrees).then(pl.lit("")).otherwise(reason).alias("reason"),
    )


def _ours(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    """Return `period_start, ours` for England, as the notebook of the measure works it out."""
    run = check(measure, org_code=ENGLAND, period_to="", data=str(store.folder))
    counted = measure.of(entry.series) if entry.series else measure
    observations = corrections.apply(run.observations(), measure.folder).observations
    providers = counts.count(observations, numerator=counted.numerator, denominator=counted.denominator)
    return _quotient(counts.roll_up(providers), "ours", scale=counted.scale)


def _theirs(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    """Return `period_start, published` from the rows of England in a publication."""
    if entry.source and entry.metric:
        found = store.observations(entry.source, metrics=[entry.metric], org_codes=[ENGLAND]).drop_nulls("value")
        return found.select("period_start", published=entry.scale * pl.col("value"))
    counted = measure.of(entry.series) if entry.series else measure
    found = store.observations(measure.source, org_codes=[ENGLAND])
    totals = counts.totals(found, numerator=counted.numerator, denominator=counted.denominator)
    return _quotient(totals, "published", scale=counted.scale)


def _quotient(counted: pl.DataFrame, name: str, *, scale: float) -> pl.DataFrame:
    value = scale * pl.col("numerator") / pl.col("denominator").replace(0, None)
    return counted.select("period_start", value.alias(name)).drop_nulls()


def summarise(found: pl.DataFrame) -> pl.DataFrame:
    """Return `measure, series, published_in, first, last, months` and a count for each verdict."""
    return found.group_by("measure", "series", "published_in", maintain_order=True).agg(
        first=pl.col("period_start").min(),
        last=pl.col("period_start").max(),
        months=pl.len(),
        **{verdict.value: (pl.col("verdict") == verdict.value).sum() for verdict in Verdict},
    )


def lines(found: pl.DataFrame) -> list[str]:
    """Say, for each published figure of a measure, in how many months ours is the same."""
    return [_line(row) for row in summarise(found).iter_rows(named=True)]


def _line(row: dict[str, Any]) -> str:
    span = f"{month_label(row['first'])} to {month_label(row['last'])}"
    said = f"{row['published_in']}: {row['agrees']} of {plural(row['months'], 'month')} agree ({span})"
    if row["explained"]:
        said += f", {row['explained']} differ for a known reason"
    if row["unexplained"]:
        said += f", {row['unexplained']} differ and we do not know why"
    return said
