"""Our figures beside those that are published, month by month, and the reason where they differ.

| name | gives |
|---|---|
| `reconcile` | one row a published figure and month: ours, theirs, the difference and what it comes to |
| `summarise` | how many of them agree, one row a published figure |
| `lines` | the same in words |

Ours is England's, the sum of the organisations after corrections, by the functions that the notebooks use; or every
organisation's own, where a publication has a figure for `each_organisation`. Theirs is what
`published` in `measure.yml` names: the total row of the same file, or another publication. Where both differ,
`differences` there must say why; otherwise the verdict is "unexplained", and `openmeasures reconcile` fails. A total
that only an earlier vintage gives, because the newest edition has none, is explained as such where it differs. Where
the publication rounds organisations and suppresses the smallest (`disclosure`), ours agrees if theirs lies between the
bounds that this leaves possible.
"""

from enum import StrEnum
from typing import Any

import polars as pl

from openmeasures import corrections, counts, disclosure, waiting
from openmeasures.definitions import Measure, Published
from openmeasures.methods import waits
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import check
from openmeasures.periods import Period
from openmeasures.store import Store
from openmeasures.words import doing, plural

EARLIER = "The total stands in an earlier release alone; the organisations' figures were revised since."
EXACT = 1e-9  # of the figure's unit: sums of whole numbers differ by the last bit of a division at most


class Verdict(StrEnum):
    """What a comparison comes to."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    UNPUBLISHED = "unpublished"


KEYS = ["org_code", "period_start"]
VERDICT_TYPE = pl.Enum([verdict.value for verdict in Verdict])
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String,
    "series": pl.String,
    "published_in": pl.String,
    "org_code": pl.String,
    "period_start": pl.Date,
    "ours": pl.Float64,
    "published": pl.Float64,
    "difference": pl.Float64,
    "verdict": VERDICT_TYPE,
    "reason": pl.String,
}


def reconcile(measure: Measure, store: Store) -> pl.DataFrame:
    """Return every comparison of one measure, with `COLUMNS`: a row for each of our figures and published ones.

    `difference` is ours − theirs, in the measure's unit. A published figure that is rounded agrees if ours rounds to
    it. A month that the publication has not, or a publication that the store does not hold, has the verdict
    "unpublished", with nothing to compare; months that only the publication has are left out.
    """
    return pl.concat([pl.DataFrame(schema=COLUMNS), *(_compared(measure, store, each) for each in measure.published)])


def _compared(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    theirs = _theirs(measure, store, entry)
    both = _ours(measure, store, entry).join(theirs, on=KEYS, how="left").sort(KEYS)
    tolerance = EXACT if entry.decimals is None else 0.5 * 10.0**-entry.decimals + EXACT
    difference = pl.col("ours") - pl.col("published")
    reason = pl.when("is_earlier").then(pl.lit(EARLIER)).otherwise(pl.lit(""))
    for known in entry.differences:
        reason = pl.when(pl.col("period_start").is_between(known.date_from, known.date_to)).then(
            pl.lit(known.reason)
        ).otherwise(reason)  # fmt: skip
    least, greatest = pl.col("least").fill_null(pl.col("ours")), pl.col("greatest").fill_null(pl.col("ours"))
    agrees = pl.col("published").is_between(least - tolerance, greatest + tolerance)
    verdict = (
        pl.when(pl.col("published").is_null())
        .then(pl.lit(Verdict.UNPUBLISHED.value))
        .when(agrees)
        .then(pl.lit(Verdict.AGREES.value))
        .when(reason != "")
        .then(pl.lit(Verdict.EXPLAINED.value))
        .otherwise(pl.lit(Verdict.UNEXPLAINED.value))
    )
    return both.select(
        pl.lit(measure.id).alias("measure"),
        pl.lit(entry.series or "").alias("series"),
        pl.lit(entry.title).alias("published_in"),
        *KEYS,
        "ours",
        "published",
        difference.alias("difference"),
        verdict.cast(VERDICT_TYPE).alias("verdict"),
        pl.when(agrees | pl.col("published").is_null()).then(pl.lit("")).otherwise(reason).alias("reason"),
    )


def _ours(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    """Return `KEYS` and `ours`, `least`, `greatest`, as the notebook of the measure works them out.

    `least` and `greatest` are what rounding and suppression leave possible for England, null where there is neither.
    """
    run = check(measure, org_code=ENGLAND, period_to="", data=str(store.folder))
    share = next((series.share for series in measure.series if series.id == entry.series), None)
    if share:
        waited = waits.percentile(waiting.bands(run), share=share, by=waiting.BY)
        found = waited.select(pl.lit(ENGLAND).alias("org_code"), "period_start", ours="weeks").drop_nulls()
        return _with_bounds(found, None)
    counted = measure.of(entry.series) if entry.series else measure
    observations = (
        run.observations(breakdown=entry.breakdown).filter(pl.col("category") == entry.category)
        if entry.breakdown  # corrections are of whole metrics
        else corrections.apply(run.observations(), measure.folder).observations
    )
    providers = counts.count(
        observations, numerator=counted.numerator, denominator=counted.denominator, period=counted.period
    )
    whose = providers if entry.each_organisation else counts.roll_up(providers)
    is_bounded = counted.disclosure and counted.numerator.percentage and not entry.each_organisation
    bounds = disclosure.together(observations, measure=counted) if is_bounded else None
    return _with_bounds(_quotient(whose, "ours", scale=counted.scale), bounds)


def _with_bounds(ours: pl.DataFrame, bounds: pl.DataFrame | None) -> pl.DataFrame:
    nothing = pl.lit(None, pl.Float64)
    if bounds is None:
        return ours.with_columns(least=nothing, greatest=nothing)
    return ours.join(bounds, on="period_start", how="left")


def _theirs(measure: Measure, store: Store, entry: Published) -> pl.DataFrame:
    """Return `KEYS`, `published` and `is_earlier` from the rows of England in a publication, or of organisations."""
    source = entry.source or measure.source
    if not store.releases(source):
        nothing = {"org_code": pl.String, "period_start": pl.Date, "published": pl.Float64, "is_earlier": pl.Boolean}
        return pl.DataFrame(schema=nothing)
    if entry.source and entry.metric:
        rows = store.observations(source, metrics=[entry.metric]) if entry.each_organisation else store.totals(source)
        found = rows.filter(pl.col("metric") == entry.metric).drop_nulls("value")
        return found.select(*KEYS, published=entry.scale * pl.col("value"), is_earlier=pl.lit(False))
    found = store.totals(source, entry.breakdown).filter(pl.col("category") == entry.category)
    counted = measure.of(entry.series) if entry.series else measure
    totals = counts.totals(found, numerator=counted.numerator, denominator=counted.denominator)
    vintages = {release.sha256: release.vintage for release in store.releases(source)}
    newest = store.newest(source)
    earlier = [
        period
        for period, release in found.select("period_start", "release").unique().iter_rows()
        if vintages[release] != newest[period].vintage
    ]
    return _quotient(totals, "published", scale=counted.scale).with_columns(
        is_earlier=pl.col("period_start").is_in(earlier)
    )


def _quotient(counted: pl.DataFrame, name: str, *, scale: float) -> pl.DataFrame:
    value = scale * pl.col("numerator") / pl.col("denominator").replace(0, None)
    return counted.select(*KEYS, value.alias(name)).drop_nulls()


def summarise(found: pl.DataFrame) -> pl.DataFrame:
    """Return `measure, series, published_in, first, last, months, is_of_each` and a count for each verdict.

    `months` is how many are compared, and `first` and `last` are of those; of all, where none is. Where the figures
    are those of each organisation (`is_of_each`), every one counts.
    """
    compared = pl.col("verdict") != Verdict.UNPUBLISHED.value
    spanned = pl.col("period_start").filter(compared | ~compared.any())
    return found.group_by("measure", "series", "published_in", maintain_order=True).agg(
        first=spanned.min(),
        last=spanned.max(),
        months=compared.sum(),
        is_of_each=(pl.col("org_code") != ENGLAND).any(),
        **{verdict.value: (pl.col("verdict") == verdict.value).sum() for verdict in Verdict},
    )


def lines(found: pl.DataFrame, period: Period = Period.MONTH) -> list[str]:
    """Say, for each published figure of a measure, how often ours is the same."""
    return [_line(row, period) for row in summarise(found).iter_rows(named=True)]


def _line(row: dict[str, Any], period: Period) -> str:
    span, noun = period.span(row["first"], row["last"]), noun_of(row, period)
    if not row["months"]:
        return f"{row['published_in']}: no figure to compare with in {plural(row['unpublished'], noun)} ({span})"
    said = f"{row['published_in']}: {row['agrees']:,} of {plural(row['months'], noun)} agree ({span})"
    if row["explained"]:
        said += f", {doing(row['explained'], 'differ')} for a known reason"
    if row["unexplained"]:
        said += f", {doing(row['unexplained'], 'differ')} and we do not know why"
    if row["unpublished"]:
        said += f", {plural(row['unpublished'], noun)} without a figure there"
    return said


def noun_of(row: dict[str, Any], period: Period) -> str:
    """Return what a row of `summarise` counts: periods of England, or figures, one an organisation and period."""
    return "figure" if row["is_of_each"] else period.noun
