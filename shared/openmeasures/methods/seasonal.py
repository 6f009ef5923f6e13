"""Seasons in a monthly or quarterly series: are there any, how strong are they, and what is left without them.

| function | gives |
|---|---|
| `seasonality` | the test, one row an organisation |
| `adjust` | the effect of each month, or quarter, and the series without it, in its own unit |

The model of a series is trend + month effect + chance. The trend is a line that may bend once a year; the twelve month
effects are the same every year and sum to 0. Both are fitted together by least squares, so that neither takes what is
the other's, and single odd months (beyond `OUTLIER` residual sigmas, one a year at most) are left out of the fit, so
that one shock in June does not make every June look bad. The test is the F test of the eleven free month effects; for
Normal noise without memory its p-value is exact.

By simulation (10,000 series a row, 4,000 of them with a season; Normal noise), the percentage taken to be seasonal:

| months | no season | no season, noise with memory 0.3 | no season, a shock of 14 sigma | season of England's A&E |
|---|---|---|---|---|
| 36 | 1.1 | 1.6 | 1.1 | 49 |
| 48 | 1.1 | 1.9 | 1.1 | 80 |
| 60 | 0.3 | 0.7 | 0.4 | 89 |
| 120 | 0.0 | 0.0 | 0.0 | 97 |

England's season in A&E has 5.9 points between its best month and its worst; the noise here is a trust's 2.2 points a
month. A large step hides a season (of 48 months with a step of 3.6 sigma 26 % are found, not 80 %) until a reviewed
rebase tells the trend of it.

Quarterly figures have four effects, three of them free. By the same
simulation 1.0 % of 12, 0.9 % of 20 and 0.6 % of 40 quarters are taken to be seasonal without a season. A figure that
covers a whole year has no season.

Sources:
1. Hyndman RJ, Athanasopoulos G. Forecasting: Principles and Practice, 3rd edition, section 4.3 (the strength of a
   season as a share of variance), https://otexts.com/fpp3/stlfeatures.html
2. Draper NR, Smith H. Applied Regression Analysis, 3rd edition. Wiley 1998 (F test of a group of coefficients,
   deleted residuals).
3. Office for National Statistics, Methodology: Seasonal adjustment,
   https://www.ons.gov.uk/methodology/methodologytopicsandstatisticalconcepts/seasonaladjustment
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods.points import check
from openmeasures.methods.spc import ROUNDING
from openmeasures.periods import Period

MONTHS = 12
YEARS = (
    3  # values that each month, or quarter, of the year must have: with two, an odd one cannot be told from the season
)
P_VALUE = 0.01  # our own choice: of 200 charts without a season, about two are taken to have one
# Our own choice: taking out a season of this strength narrows the limits by 1 - √(1 - 0.3) = 16 %; below it, the plain
# chart and the adjusted one say the same. It binds in long series, where a test finds what hardly matters.
STRENGTH = 0.3
BEND_EVERY = 12  # months: often enough for a turn in performance, too seldom to follow a season
LEAST_AFTER_BEND = 6  # months to the end, so that the last piece of the trend is no tail
LEAST_FREEDOM = 12  # degrees, or a deleted residual of `OUTLIER` is no rarity: quarters of few years come below it
OUTLIER = 5.0  # deleted residuals; of Normal ones, about 1 in 20,000, so that the p-value keeps its meaning

Numbers = npt.NDArray[np.float64]
Schema = dict[str, pl.DataType | type[pl.DataType]]


class Fit(NamedTuple):
    """What the model says of one series: `effects` are January's to December's, or the quarters' from January on."""

    p_value: float
    strength: float
    effects: Numbers
    left_out: int


def seasonality(
    frame: pl.DataFrame,
    *,
    value: str = "value",
    by: str = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    period: Period = Period.MONTH,
) -> pl.DataFrame:
    """Return one row an organisation, in order of `by`: whether it has a season, and how strong.

    The columns: `points`, the number of values; `left_out`, how many of them the fit leaves out; `p_value`; `strength`;
    `is_seasonal`; `highest_month` and `lowest_month`, from 1 to 12 (of quarters their first months), and `swing`, the
    distance between them in the unit of the value.

    - `p_value`: how often a series without a season would look at least as seasonal as this one.
    - `strength`: the share, from 0 to 1, of the variance about the trend that the month of the year explains, both
      variances unbiased; [1] has them biased, so that 36 months of pure noise have a strength of 0.35 there.
    - `is_seasonal`: whether the p-value is below `P_VALUE` and the strength `STRENGTH` or more.

    At the edges:

    - Unless every month of the year has `YEARS` values, all but `by` and `points` is null: three full years at least.
      So it is where a figure covers a whole year.
    - Null values are left out; they need not be whole years.
    - A constant series has a p-value of 1 and a strength of 0; one that is nothing but season has 0 and 1.

    What it takes:

    - `frame`: one row an organisation and month, or quarter; `order` is a date in it.
    - `period`: what each row covers.
    - `segment`: column of segment numbers, such as `rebases.segments` gives. The trend may jump where one ends; the
      season is that of the whole series.

    Raises `ParameterError` if `order` holds no dates, a row lacks organisation or month, two rows share both, or a
    value is not finite.

    >>> from datetime import date
    >>> from openmeasures.periods import months
    >>> winters = [m.month in (12, 1, 2) for m in months(date(2022, 4, 1), date(2026, 3, 1))]
    >>> values = [70 - 5 * winter + day % 5 for day, winter in enumerate(winters)]
    >>> frame = pl.DataFrame(
    ...     {"org_code": "RJ1", "period_start": months(date(2022, 4, 1), date(2026, 3, 1)), "value": values}
    ... )
    >>> seasonality(frame).select("is_seasonal", pl.col("strength").round(2)).row(0)
    (True, 0.61)
    """
    rows = []
    for organisation, points in _series(frame, value=value, by=by, order=order, segment=segment, period=period):
        fit = _fit(points, period)
        known: dict[str, object] = {by: organisation, "points": points.height}
        if fit is not None:
            known |= {
                "left_out": fit.left_out,
                "p_value": fit.p_value,
                "strength": fit.strength,
                "is_seasonal": _is_seasonal(fit),
                "highest_month": int(fit.effects.argmax()) * period.months + 1,
                "lowest_month": int(fit.effects.argmin()) * period.months + 1,
                "swing": float(np.ptp(fit.effects)),
            }
        rows.append(known)
    schema: Schema = {
        by: frame.schema[by],
        "points": pl.UInt32,
        "left_out": pl.UInt32,
        "p_value": pl.Float64,
        "strength": pl.Float64,
        "is_seasonal": pl.Boolean,
        "highest_month": pl.Int8,
        "lowest_month": pl.Int8,
        "swing": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)


def adjust(
    frame: pl.DataFrame,
    *,
    value: str = "value",
    by: str = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    period: Period = Period.MONTH,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with `month_effect` and `adjusted_value` for each organisation.

    Both are in the unit of the value, and their sum is the value. The effects of an organisation's months, or
    quarters, sum to 0, so that a year's level stays where it was. Both are null where `seasonality` finds no season:
    there is nothing to take out, and taking out noise would make the process look calmer than it is. The effect is
    there in a month without a value as well; the adjusted value is not.

    An adjusted percentage may lie a little above 100 or below 0: chart it without natural bounds. The effects rest on
    the whole series, so that they, and adjusted values of past months, change a little with each new month.

    Takes and raises what `seasonality` does.
    """
    effects = [
        {"by": organisation, "part": part, "month_effect": effect}
        for organisation, points in _series(frame, value=value, by=by, order=order, segment=segment, period=period)
        if (fit := _fit(points, period)) is not None and _is_seasonal(fit)
        for part, effect in enumerate(fit.effects.tolist())
    ]
    schema: Schema = {"by": frame.schema[by], "part": pl.Int8, "month_effect": pl.Float64}
    parts = frame.select(by=by, part=_part_of_year(order, period))
    found = parts.join(pl.DataFrame(effects, schema=schema), on=["by", "part"], how="left", maintain_order="left")
    return frame.hstack([found["month_effect"]]).with_columns(adjusted_value=pl.col(value) - pl.col("month_effect"))


def _is_seasonal(fit: Fit) -> bool:
    return fit.p_value < P_VALUE and fit.strength >= STRENGTH


def _series(
    frame: pl.DataFrame, *, value: str, by: str, order: str, segment: str | None, period: Period
) -> list[tuple[object, pl.DataFrame]]:
    """Return each organisation with its `segment`, `value`, `month`, counted from its first, and `part_of_year`."""
    if not frame.schema[order].is_temporal():
        raise ParameterError(
            f"column {order!r} holds {frame.schema[order]}: expected dates, one in each {period.noun}."
        )
    table = frame.select(by=by, order=order, value=pl.col(value).cast(pl.Float64))
    month = pl.col("order").dt.year() * MONTHS + pl.col("order").dt.month() - 1
    month = month // period.step * period.step  # of quarters the first, so that any day of one will do
    repeated = pl.struct("by", month.alias("month")).is_duplicated()
    check(table, (repeated, f"one row an organisation and {period.noun}"))
    values = (
        table.with_columns(month=month, segment=pl.lit(0) if segment is None else frame[segment])
        .drop_nulls("value")
        .sort("by", "month")
        .select(
            "by",
            "segment",
            "value",
            month=pl.col("month") - pl.col("month").min().over("by"),
            part_of_year=_part_of_year("order", period),
        )
    )
    parts = values.partition_by("by", maintain_order=True, include_key=False, as_dict=True)
    without = values.drop("by").clear()
    return [(key, parts.get((key,), without)) for key in table["by"].unique().sort()]


def _part_of_year(order: str, period: Period) -> pl.Expr:
    """Return the number from 0 of the part of the year that a date is in: its month, or the quarter from January's."""
    return (pl.col(order).dt.month() - 1) // period.months


def _fit(points: pl.DataFrame, period: Period) -> Fit | None:
    """Fit trend and the effects of months to one series; None where a part of the year has too few values."""
    seasons, part_of_year = period.seasons, points["part_of_year"].to_numpy()
    if seasons == 1 or np.bincount(part_of_year, minlength=seasons).min() < YEARS:
        return None
    values = points["value"].to_numpy()
    trend, season = _trend(points), _season(part_of_year, seasons)
    kept = np.ones(values.size, dtype=bool)
    smallest = values.size * (ROUNDING * np.abs(values).max()) ** 2  # a sum of squares that is rounding only
    while True:
        both = _least_squares(np.hstack([trend, season])[kept], values[kept])
        is_enough = both.squares > smallest and both.freedom >= LEAST_FREEDOM
        odd = both.oddest if is_enough and (~kept).sum() < values.size // seasons else None
        if odd is None:
            break
        kept[np.flatnonzero(kept)[odd]] = False
    alone = _least_squares(trend[kept], values[kept])
    free = both.coefficients[trend.shape[1] :]
    effects = np.append(free, -free.sum())
    left_out = int((~kept).sum())
    if alone.squares <= smallest:
        return Fit(1.0, 0.0, np.zeros(seasons), left_out)
    if both.squares <= smallest:
        return Fit(0.0, 1.0, effects, left_out)
    variance, variance_alone = both.squares / both.freedom, alone.squares / alone.freedom
    tested = alone.freedom - both.freedom
    ratio = (alone.squares - both.squares) / tested / variance
    return Fit(_share_above(ratio, tested, both.freedom), max(0.0, 1 - variance / variance_alone), effects, left_out)


def _trend(points: pl.DataFrame) -> Numbers:
    """Return the columns of a line that may bend every twelve months, and jump from one segment to the next."""
    month = points["month"].to_numpy().astype(float)
    bends = np.arange(BEND_EVERY, month.max() + 1 - LEAST_AFTER_BEND, BEND_EVERY)
    segments = points["segment"].to_numpy()
    jumps = [segments == one for one in np.unique(segments)[1:]]
    # In years, so that no column dwarfs another.
    pieces = [np.maximum(month - bend, 0) / MONTHS for bend in bends]
    return np.column_stack([np.ones_like(month), month / MONTHS, *pieces, *jumps]).astype(float)


def _season(part_of_year: npt.NDArray[np.int8], seasons: int) -> Numbers:
    """Return columns whose coefficients are the effects of all parts but the last; that one's is minus their sum."""
    return np.vstack([np.eye(seasons - 1), -np.ones(seasons - 1)])[part_of_year]


class _Solution(NamedTuple):
    """A least squares fit: sum of squared residuals, degrees of freedom, and the row to leave out, if any."""

    coefficients: Numbers
    squares: float
    freedom: int
    oddest: int | None


def _least_squares(columns: Numbers, values: Numbers) -> _Solution:
    left, sizes, right = np.linalg.svd(columns, full_matrices=False)
    rank = int((sizes > sizes[0] * columns.shape[0] * np.finfo(float).eps).sum())
    left = left[:, :rank]
    projected = left.T @ values
    residuals = values - left @ projected
    squares, freedom = float(residuals @ residuals), values.size - rank
    # The residual of a value from the fit without it, in sigmas of that fit [2]. A value that alone decides a
    # coefficient has no residual.
    slack = np.maximum(1 - (left**2).sum(axis=1), ROUNDING)
    without = np.maximum(squares - residuals**2 / slack, ROUNDING * squares) / max(freedom - 1, 1)
    deleted = np.abs(residuals) / np.sqrt(slack * without, where=without > 0, out=np.ones_like(without))
    oddest = int(deleted.argmax())
    coefficients = right[:rank].T @ (projected / sizes[:rank])
    return _Solution(coefficients, squares, freedom, oddest if deleted[oddest] > OUTLIER else None)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(100)


def _share_above(ratio: float, upper: int, lower: int) -> float:
    """Return the share of an F distribution with `upper` and `lower` degrees of freedom that lies above `ratio`.

    It is the incomplete beta function of x = lower / (lower + upper × ratio), by Gauss-Legendre quadrature: the
    integrand is smooth for more than two degrees of freedom either side, which seasons always have. scipy has it
    ready-made, but would be a dependency of 35 MB for this one number.
    """
    a, b = lower / 2, upper / 2
    x = lower / (lower + upper * max(ratio, 0.0))
    shares = (_NODES + 1) / 2
    integral = (_WEIGHTS / 2) @ (shares ** (a - 1) * (1 - x * shares) ** (b - 1)) * x**a
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return min(1.0, float(integral) * math.exp(-log_beta))
