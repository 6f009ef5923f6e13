"""Standards beside a series: the value in force at each period, and whether it is met.

| function | gives |
|---|---|
| `join` | the standard in force at each point, for charts |
| `in_force` | the same for days by themselves |
| `absent` | the same columns for a series without a standard |
| `met` | how often each standard now in force was met in the latest points |
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from openmeasures.definitions import Measure
from openmeasures.methods import spc, stability

_JOINED = {
    "standard": pl.Float64,
    "standard_name": pl.String,
    "is_milestone": pl.Boolean,
    "lasting_standard": pl.Float64,
}
MET: dict[str, pl.DataType | type[pl.DataType]] = {
    "period_start": pl.Date,
    "standard_name": pl.String,
    "standard": pl.Float64,
    "value": pl.Float64,
    "latest": pl.Boolean,
    "periods_met": pl.UInt32,
    "periods": pl.UInt32,
    "periods_spanned": pl.UInt32,
    "due_month": pl.Date,
    "assurance": spc.ASSURANCE_TYPE,
    "is_changing": pl.Boolean,
}


def join(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Add the standards in force at `period_start`, as numbers beside the points.

    - `standard`, `standard_name`: the one that began last.
    - `is_milestone`: whether that is met or missed at its end alone.
    - `lasting_standard`: the one that holds for every month, where that is another. A milestone does not replace it.
    - `assurance`: of the one that holds for every month, from the process limits that `spc.xmr` added.

    All are null where no standard is in force; `assurance` also where there are no limits.
    """
    standards = in_force(points["period_start"].unique().sort().to_list(), measure)
    every_month = pl.coalesce("lasting_standard", pl.when(~pl.col("is_milestone")).then("standard"))
    return points.join(standards, on="period_start", how="left").with_columns(
        assurance=_assurance(measure, standard=every_month)
    )


def in_force(days: Sequence[date], measure: Measure) -> pl.DataFrame:
    """Return `period_start` and what `join` adds by it, one row for each of the days."""
    rows = [(day, *_in_force(measure, day)) for day in days]
    return pl.DataFrame(rows, schema={"period_start": pl.Date, **_JOINED}, orient="row")


def _in_force(measure: Measure, day: date) -> tuple[float | None, str | None, bool | None, float | None]:
    in_force = measure.standards_on(day)
    if not in_force:
        return None, None, None, None
    first, lasting = in_force[0], measure.lasting_standard_on(day)
    is_other = lasting is not None and lasting is not first
    return first.value, first.name, not first.is_monthly, lasting.value if lasting and is_other else None


def absent(points: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of `join`, all null, for a series to which no standard applies."""
    return points.with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in _JOINED.items()),
        assurance=pl.lit(None, spc.ASSURANCE_TYPE),
    )


def met(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return one row for each standard in force at the latest value of one organisation's points.

    Gives `period_start` (of that value), `standard_name`, `standard`, `value` and, where a month can meet the standard:

    - `latest`: whether the value meets it; of a milestone null before its own month.
    - `due_month`: of a milestone, its own month, or the start of the period that this is in. Null of a standard for
      every month, and of a milestone that is for all its months together, which no value meets by itself: its `latest`
      and the following are null.
    - `periods_met` of `periods`: the values in the latest periods up to it (see `Period.lately`); null of a milestone.
    - `periods_spanned`: how many periods there are from the first of these values to the last, more than `periods`
      where some between them have no value, or no file here; null of a milestone.
    - `assurance`: see `spc.assurance`; null without limits, and of a milestone.
    - `is_changing`: the latest value is special cause, or limits do not describe the series, so that they say little of
      what comes next.

    A neutral measure has no better direction, so nothing is met or missed: no rows. A value equal to the standard
    meets it.
    """
    ordered = points.sort("period_start")
    last = ordered.drop_nulls("value")["period_start"].max()
    if measure.improvement == "neutral" or not isinstance(last, date):
        return pl.DataFrame(schema=MET)
    recent = ordered.filter(pl.col("period_start") <= last).tail(measure.period.lately).drop_nulls("value")
    spanned = measure.period.number(recent["period_start"][0], last)
    rows = []
    for each in measure.standards_on(last):
        meets = [measure.meets(value, each.value) for value in recent["value"]]
        is_due = each.is_monthly or measure.due(each) == last
        rows.append(
            recent.select(
                pl.col("period_start").last(),
                pl.lit(each.name).alias("standard_name"),
                pl.lit(each.value).alias("standard"),
                pl.col("value").last(),
                pl.lit(meets[-1] if is_due else None, pl.Boolean).alias("latest"),
                pl.lit(sum(meets) if each.is_monthly else None, pl.UInt32).alias("periods_met"),
                pl.lit(len(meets) if each.is_monthly else None, pl.UInt32).alias("periods"),
                pl.lit(spanned if each.is_monthly else None, pl.UInt32).alias("periods_spanned"),
                pl.lit(measure.due(each), pl.Date).alias("due_month"),
                _assurance(measure, standard=pl.lit(each.value if each.is_monthly else None)).last(),
                is_changing().last() | pl.lit(not _is_described(ordered, last)),
            )
        )
    return pl.concat(rows) if rows else pl.DataFrame(schema=MET)


def _is_described(points: pl.DataFrame, month: date) -> bool:
    """Whether limits describe the values that share those of a month."""
    return stability.is_described(
        points.filter(pl.col("segment") == points.filter(period_start=month)["segment"].item())
    )


def is_changing() -> pl.Expr:
    """Whether a point is special cause: limits that rest on the months before it then say little of the next."""
    special = pl.col("special_cause").cast(pl.String) != spc.SpecialCause.NONE.value
    return special.fill_null(False).alias("is_changing")


def _assurance(measure: Measure, *, standard: pl.Expr) -> pl.Expr:
    return spc.assurance(
        standard=standard,
        lower=pl.col("lower_process_limit"),
        upper=pl.col("upper_process_limit"),
        improvement=measure.improvement,
    )
