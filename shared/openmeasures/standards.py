"""Standards beside a series: the value in force at each period, and whether it is met.

| function | gives |
|---|---|
| `join` | the standard in force at each point, for charts |
| `absent` | the same columns for a series without a standard |
| `met` | how often each standard now in force was met in the latest points |
"""

from datetime import date

import polars as pl

from openmeasures.definitions import Measure
from openmeasures.methods import spc

RECENT_PERIODS = 12  # a year of months: every season once
_MET: dict[str, pl.DataType | type[pl.DataType]] = {
    "period_start": pl.Date,
    "standard_name": pl.String,
    "standard": pl.Float64,
    "latest": pl.Boolean,
    "periods_met": pl.UInt32,
    "periods": pl.UInt32,
    "assurance": spc.ASSURANCE_TYPE,
}


def join(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Add `standard`, `standard_name` and `assurance`: of the standards in force at `period_start`, the latest begun.

    Takes points with the process limits of `spc.xmr`. All three are null where no standard is in force; `assurance`
    also where there are no limits.
    """
    in_force = [
        (day, *((found[0].value, found[0].name) if (found := measure.standards_on(day)) else (None, None)))
        for day in points["period_start"].unique().sort()
    ]
    schema = {"period_start": pl.Date, "standard": pl.Float64, "standard_name": pl.String}
    standards = pl.DataFrame(in_force, schema=schema, orient="row")
    return points.join(standards, on="period_start", how="left").with_columns(assurance=_assurance(measure))


def absent(points: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of `join`, all null, for a series to which no standard applies."""
    return points.with_columns(
        standard=pl.lit(None, pl.Float64),
        standard_name=pl.lit(None, pl.String),
        assurance=pl.lit(None, spc.ASSURANCE_TYPE),
    )


def met(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return one row for each standard in force at the latest value of one organisation's points.

    Gives `period_start` (of that value), `standard_name`, `standard`, `latest` (whether the value meets it),
    `periods_met` of `periods` (values in the twelve periods up to it) and `assurance` (see `spc.assurance`; null
    without limits). A neutral measure has no better direction, so nothing is met or missed: no rows. A value equal to
    the standard meets it.
    """
    ordered = points.sort("period_start")
    last = ordered.drop_nulls("value")["period_start"].max()
    if measure.improvement == "neutral" or not isinstance(last, date):
        return pl.DataFrame(schema=_MET)
    recent = ordered.filter(pl.col("period_start") <= last).tail(RECENT_PERIODS).drop_nulls("value")
    in_force = measure.standards_on(last)
    value, standard = pl.col("value"), pl.col("standard")
    better = value >= standard if measure.improvement == "increase" else value <= standard
    rows = [
        recent.with_columns(standard=pl.lit(each.value), standard_name=pl.lit(each.name)).select(
            pl.col("period_start").last(),
            pl.col("standard_name", "standard").first(),
            latest=better.last(),
            periods_met=better.sum(),
            periods=pl.len(),
            assurance=_assurance(measure).last(),
        )
        for each in in_force
    ]
    return pl.concat(rows) if rows else pl.DataFrame(schema=_MET)


def _assurance(measure: Measure) -> pl.Expr:
    return spc.assurance(
        standard=pl.col("standard"),
        lower=pl.col("lower_process_limit"),
        upper=pl.col("upper_process_limit"),
        improvement=measure.improvement,
    )
