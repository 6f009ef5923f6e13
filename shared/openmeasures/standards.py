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
from openmeasures.periods import RECENT_PERIODS

_JOINED = {"standard": pl.Float64, "standard_name": pl.String, "lasting_standard": pl.Float64}
_MET: dict[str, pl.DataType | type[pl.DataType]] = {
    "period_start": pl.Date,
    "standard_name": pl.String,
    "standard": pl.Float64,
    "latest": pl.Boolean,
    "periods_met": pl.UInt32,
    "periods": pl.UInt32,
    "assurance": spc.ASSURANCE_TYPE,
    "is_changing": pl.Boolean,
}


def join(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Add the standards in force at `period_start`, as numbers beside the points.

    - `standard`, `standard_name`: the one that began last, against which the series is read.
    - `lasting_standard`: the one without an end, where that is another. A milestone does not replace it.
    - `assurance`: of `standard`, from the process limits that `spc.xmr` added.

    All are null where no standard is in force; `assurance` also where there are no limits.
    """
    standards = pl.DataFrame(
        [(day, *_in_force(measure, day)) for day in points["period_start"].unique().sort()],
        schema={"period_start": pl.Date, **_JOINED},
        orient="row",
    )
    return points.join(standards, on="period_start", how="left").with_columns(assurance=_assurance(measure))


def _in_force(measure: Measure, day: date) -> tuple[float | None, str | None, float | None]:
    in_force = measure.standards_on(day)
    if not in_force:
        return None, None, None
    first = in_force[0]
    lasting = next((each for each in in_force if each.date_to is None), first)
    return first.value, first.name, None if lasting is first else lasting.value


def absent(points: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of `join`, all null, for a series to which no standard applies."""
    return points.with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in _JOINED.items()),
        assurance=pl.lit(None, spc.ASSURANCE_TYPE),
    )


def met(points: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return one row for each standard in force at the latest value of one organisation's points.

    Gives `period_start` (of that value), `standard_name`, `standard`, `latest` (whether the value meets it),
    `periods_met` of `periods` (values in the twelve periods up to it), `assurance` (see `spc.assurance`; null
    without limits) and `is_changing` (the latest value is special cause, so limits say little of the next).

    A neutral measure has no better direction, so nothing is met or missed: no rows. A value equal to the standard
    meets it.
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
            is_changing=is_changing().last(),
        )
        for each in in_force
    ]
    return pl.concat(rows) if rows else pl.DataFrame(schema=_MET)


def is_changing() -> pl.Expr:
    """Whether a point is special cause: limits that rest on the months before it then say little of the next."""
    return (pl.col("special_cause").cast(pl.String) != spc.SpecialCause.NONE.value).fill_null(False)


def _assurance(measure: Measure) -> pl.Expr:
    return spc.assurance(
        standard=pl.col("standard"),
        lower=pl.col("lower_process_limit"),
        upper=pl.col("upper_process_limit"),
        improvement=measure.improvement,
    )
