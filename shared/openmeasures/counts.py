"""From observations to counts: numerator and denominator of each organisation in each period.

| function | gives |
|---|---|
| `count` | one numerator and one denominator a row, with the status that both share |
| `part_of_whole` | the same, without those whose numerator is no part of their denominator |
| `roll_up` | a larger area, by adding counts; percentages are never averaged |
| `england` | England as the publication has it where organisations' counts are rounded, and rolled up elsewhere |
| `by_category` | the same for the parts of a breakdown, for one organisation or for England |
| `totals` | the publication's own totals, for comparison |
| `published` | a statistic as it was published, which cannot be added up |
| `as_counted` | observations under the code that counts them, where that is another than the organisation's own |

Observations may say in a column of `MOVED` that an organisation's figures count under another code. Then these
functions add up the organisations of each such code, count by count, never percentages.
"""

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from openmeasures.definitions import Measure, Part
from openmeasures.organisations import ENGLAND
from openmeasures.periods import Period
from openmeasures.schemas import EXCEEDS, STATUS_TYPE, Counts, Status

SUCCESSOR, AREA = "successor_code", "area_code"
MERGER = "merger_date"  # a column: since when an organisation is a part of another; null of most
# Columns that say under which code an organisation's figures count, and whether a sum needs all of its parts: a merged
# trust without one of them is another trust, while an area, like England, is those who reported.
MOVED = {SUCCESSOR: True, AREA: False}

# A sum is reported only if all its parts are; otherwise it takes the first of these that any part has.
_WORST_FIRST = (Status.SUPPRESSED, Status.NOT_APPLICABLE, Status.NOT_SUBMITTED)


def count(
    observations: pl.DataFrame, *, numerator: Part, denominator: Part, period: Period = Period.MONTH
) -> pl.DataFrame:
    """Return `schemas.Counts` for every organisation, published totals left out.

    Numerator and denominator stand or fall together: if any metric of either is suppressed, not applicable or not
    submitted (or has no row at all), both are null with that status, so that no percentage rests on half its data.
    A period without any row, between an organisation's first and last, is `not_submitted`; so are the latest ones,
    if it is missing from `period.late` of them at most, half a year's. Earlier and later periods are not invented: the
    organisation may not have existed. One that merges has no period later than the last whole one before that, and is
    late or gone by the same rule: a restated sum without its last months would pass for the whole.
    """
    grouped = _grouped(observations.filter(pl.col("org_code") != ENGLAND), numerator, denominator, keys=_KEYS)
    every_period = grouped.select(pl.col("period_start").unique().sort())
    filled = (
        _spans(grouped, observations, period)
        .join(every_period, how="cross")
        .filter(pl.col("period_start").is_between(pl.col("first"), pl.col("last")))
        .select("org_code", "period_start")
        .join(grouped, on=["org_code", "period_start"], how="left")
        .with_columns(pl.col("status").fill_null(pl.lit(Status.NOT_SUBMITTED.value, dtype=STATUS_TYPE)))
        .sort("org_code", "period_start")
    )
    return Counts.validate(_moved(filled, observations))


def _spans(grouped: pl.DataFrame, observations: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Return `org_code, first, last`: between which periods an organisation's figures are expected."""
    starts = grouped["period_start"].unique().sort()
    spans = grouped.group_by("org_code").agg(first=pl.col("period_start").min(), last=pl.col("period_start").max())
    final = pl.lit(starts.max(), pl.Date)
    if MERGER in observations.columns:
        mergers = observations.select("org_code", MERGER).drop_nulls().unique()
        ends = {code: period.start(day) for code, day in mergers.iter_rows()}
        before = {end: starts.filter(starts < end).max() for end in ends.values()}
        end = pl.col("org_code").replace_strict(ends, default=None, return_dtype=pl.Date)
        has_merged = (pl.col("last") < end).fill_null(False)
        final = (
            pl.when(has_merged).then(end.replace_strict(before, default=None, return_dtype=pl.Date)).otherwise(final)
        )
    place = dict(zip(starts, range(starts.len()), strict=True))
    last, at_most = (
        each.replace_strict(place, default=None, return_dtype=pl.Int64) for each in (pl.col("last"), final)
    )
    is_late = at_most - last <= period.late
    return spans.with_columns(last=pl.when(is_late).then(final).otherwise("last"))


def part_of_whole(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the counts, those with more in the numerator than in the denominator as `not_applicable`.

    The column `exceeds_whole` marks those: whoever draws limits from the others draws them from a selection, and has to
    say so (`methods.choice.is_selection`, `words.finding`, `comparison.without_figure`).

    For a proportion whose numerator may belong to an earlier period's denominator: a breach counts in the quarter in
    which the time runs out, a cancellation in its own. Such a share is none, nor is it 100 %. To be called after
    `roll_up`, so that a larger area keeps everything that was counted.
    """
    exceeds = (pl.col("numerator") > pl.col("denominator")).fill_null(False)
    parts = Counts.validate(
        counts.with_columns(
            *(pl.when(~exceeds).then(name).alias(name) for name in ("numerator", "denominator")),
            status=pl.when(exceeds)
            .then(pl.lit(Status.NOT_APPLICABLE.value).cast(STATUS_TYPE))
            .otherwise(pl.col("status").cast(STATUS_TYPE)),
        )
    )
    return parts.with_columns(counts.select(exceeds.alias(EXCEEDS)).to_series())


def _moved_by(observations: pl.DataFrame) -> str | None:
    return next((column for column in MOVED if column in observations.columns), None)


def as_counted(observations: pl.DataFrame) -> pl.DataFrame:
    """Return observations whose `org_code` is the code under which they count; England's keep theirs.

    An organisation that counts nowhere, being in no area, is left out.
    """
    by = _moved_by(observations)
    if by is None:
        return observations
    is_england = pl.col("org_code") == ENGLAND
    code = pl.when(is_england).then("org_code").otherwise(by)
    return (
        observations.with_columns(org_code=code).drop(by, cs.by_name(MERGER, require_all=False)).drop_nulls("org_code")
    )


def _moved(counted: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Return the counts of each code that observations count under: sums over organisations, period by period.

    A period that was filled in counts where the organisation's did before.
    """
    by = _moved_by(observations)
    if by is None:
        return counted
    needs_all = MOVED[by]
    own = observations.select(*_KEYS, code=by).unique()
    placed = (
        counted.join(own, on=_KEYS, how="left", maintain_order="left")
        .with_columns(pl.col("code").fill_null(strategy="forward").over("org_code"))
        .drop_nulls("code")
    )
    is_reported = pl.col("status") == Status.REPORTED
    is_whole = is_reported.all() if needs_all else is_reported.any()
    return (
        placed.group_by(org_code="code", period_start="period_start")
        .agg(
            *(pl.when(is_whole).then(pl.col(name).sum()).alias(name) for name in ("numerator", "denominator")),
            status=_worst(pl.when(is_whole).then(pl.lit(Status.REPORTED.value)).otherwise(_NOT_SUBMITTED), ~is_whole),
        )
        .sort(_KEYS)
    )


_NOT_SUBMITTED = pl.lit(Status.NOT_SUBMITTED.value)
_KEYS = ("org_code", "period_start")


def _grouped(observations: pl.DataFrame, numerator: Part, denominator: Part, *, keys: Sequence[str]) -> pl.DataFrame:
    metrics = sorted({*numerator.metrics, *denominator.metrics})
    return (
        observations.lazy()
        .filter(pl.col("metric").is_in(metrics))
        .group_by(keys)
        .agg(
            _amount(numerator, denominator).alias("numerator"),
            _signed(denominator).alias("denominator"),
            _shared_status(len(metrics)).alias("status"),
        )
        .with_columns(
            pl.when(pl.col("status") == Status.REPORTED).then(pl.col(name)).alias(name)
            for name in ("numerator", "denominator")
        )
        .collect()
    )


def by_category(
    observations: pl.DataFrame, *, numerator: Part, denominator: Part, org_code: str, as_published: bool = False
) -> pl.DataFrame:
    """Return `category, org_code, period_start, numerator, denominator, status` for the parts of one breakdown.

    England is the sum of the organisations, or `as_published` the publication's own rows; a code under which several
    count is the sum of those that have the category. A period without a row of a
    category is none for that organisation (it does not offer the test, or nobody waited), so nothing is filled in.

    - `observations`: those of one breakdown, as `Parameters.parts` gives them.
    """
    keys = (*_KEYS, "category")
    by = None if org_code == ENGLAND else _moved_by(observations)
    is_summed = (org_code == ENGLAND and not as_published) or by is not None
    if by is not None:
        own = (pl.col(by) == org_code) & (pl.col("org_code") != ENGLAND)
    else:
        own = pl.col("org_code") != ENGLAND if is_summed else pl.col("org_code") == org_code
    mine = observations.filter(own)
    grouped = _grouped(mine, numerator, denominator, keys=keys).sort(keys)
    if not is_summed:
        return grouped
    parts = [
        roll_up(part, org_code=org_code).with_columns(category=pl.lit(category))
        for (category,), part in grouped.partition_by("category", as_dict=True, include_key=False).items()
    ]
    return pl.concat(parts).select(grouped.columns).sort(keys) if parts else grouped


def totals(observations: pl.DataFrame, *, numerator: Part, denominator: Part) -> pl.DataFrame:
    """Return `org_code, period_start, numerator, denominator, status` of the totals that a publication gives itself.

    They are for comparison: they may hold organisations that report activity but not the measure.
    """
    return _grouped(observations.filter(pl.col("org_code") == ENGLAND), numerator, denominator, keys=_KEYS).sort(_KEYS)


def published(observations: pl.DataFrame, metric: str, *, denominator: Part) -> pl.DataFrame:
    """Return counts with `value` for a statistic that stands as it was published, England's too.

    Where `denominator` is reported as 0 the statistic has nothing to describe, so a figure published there, mostly a 0,
    is no value. The numerator is null, since nothing adds up; so is a denominator that was not reported.
    """
    by = _moved_by(observations)
    if by is not None:  # no sum of such statistics is one
        observations = observations.filter((pl.col("org_code") == ENGLAND) | (pl.col("org_code") == pl.col(by)))
    rests_on = _grouped(observations, denominator, denominator, keys=_KEYS).select(*_KEYS, "denominator")
    return (
        observations.filter(pl.col("metric") == metric)
        .join(rests_on, on=_KEYS, how="left")
        .select(
            *_KEYS,
            pl.lit(None, pl.Float64).alias("numerator"),
            "denominator",
            pl.when((pl.col("denominator") != 0).fill_null(True)).then("value").alias("value"),
            "status",
        )
        .sort(_KEYS)
    )


def _amount(numerator: Part, denominator: Part) -> pl.Expr:
    if numerator.percentage is None:
        return _signed(numerator)
    return pl.col("value").filter(pl.col("metric") == numerator.percentage).sum() / 100 * _signed(denominator)


def _signed(part: Part) -> pl.Expr:
    added = pl.col("value").filter(pl.col("metric").is_in(part.add)).sum()
    return added - pl.col("value").filter(pl.col("metric").is_in(part.subtract)).sum()


def _shared_status(metrics: int) -> pl.Expr:
    whole = pl.when(pl.len() == metrics).then(pl.lit(Status.REPORTED.value))
    return _worst(whole.otherwise(_NOT_SUBMITTED), pl.lit(True))


def _worst(status: pl.Expr, applies: pl.Expr) -> pl.Expr:
    """Return a status, or where it `applies` the first of `_WORST_FIRST` that any row has."""
    for worst in reversed(_WORST_FIRST):
        status = pl.when(applies & (pl.col("status") == worst).any()).then(pl.lit(worst.value)).otherwise(status)
    return status.cast(STATUS_TYPE)


def roll_up(counts: pl.DataFrame, *, org_code: str = ENGLAND) -> pl.DataFrame:
    """Return the counts of all the organisations given, added up under one code.

    What was not reported adds nothing to either part. A period that nobody reported keeps null counts, with the status
    that all share, or else the first that anyone has of suppressed, not applicable and not submitted.
    """
    reported = (pl.col("status") == Status.REPORTED).any()
    status = _worst(pl.when(reported).then(pl.lit(Status.REPORTED.value)).otherwise(_NOT_SUBMITTED), ~reported)
    return Counts.validate(
        counts.group_by("period_start")
        .agg(
            pl.when(reported).then(pl.col("numerator").sum()).alias("numerator"),
            pl.when(reported).then(pl.col("denominator").sum()).alias("denominator"),
            status.alias("status"),
        )
        .select(pl.lit(org_code).alias("org_code"), "period_start", "numerator", "denominator", "status")
        .sort("period_start")
    )


def england(observations: pl.DataFrame, providers: pl.DataFrame, *, measure: Measure) -> pl.DataFrame:
    """Return England's counts, one row a period of `providers`.

    Where the measure has `disclosure`, organisations are rounded and the smallest suppressed, so that their sum is not
    England: the publication's own row stands, in periods in which it has one that is reported. Elsewhere England is
    `roll_up`, which takes part in what `corrections.yml` puts right, as a published total does not.

    - `observations`: those of whole metrics, England's row included.
    - `providers`: what `count` gives of them.
    """
    rolled_up = roll_up(providers)
    if measure.disclosure is None:
        return rolled_up
    own = totals(observations, numerator=measure.numerator, denominator=measure.denominator)
    own = own.filter(pl.col("status") == Status.REPORTED, pl.col("period_start").is_in(providers["period_start"]))
    summed = rolled_up.filter(~pl.col("period_start").is_in(own["period_start"]))
    return Counts.validate(pl.concat([own.select(summed.columns), summed]).sort("period_start"))
