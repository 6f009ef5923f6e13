"""P′ and U′ charts after Laney: limits for counts that know both how many cases a point has and how it varies.

| function | for |
|---|---|
| `p_prime` | proportions: cases with a feature, of all cases |
| `u_prime` | rates: events in an amount of exposure (bed days, attendances, population) |

A P chart takes counting chance for the only source of variation. With thousands of cases a point that is far too
little: almost every point lies outside its limits. An XmR chart takes the variation from the points themselves, but
gives a month of 50 cases the limits of a month of 5,000. These two do both: with sigma_i the sigma of counting chance
at point i, and z_i the distance of the point from the mean in units of it,

    sigma_z = mean moving range of z / 1.128        limits = mean ± 3 · sigma_i · sigma_z

Sigma_z is how many times wider than chance the points vary: near 1 the chart is a P or U chart, and where all
denominators are equal it is, but for the rounding of 2.66, an XmR chart.

Sources:
1. Laney DB. Improved control charts for attributes. Quality Engineering 2002; 14(4): 531-537.
   https://doi.org/10.1081/QEN-120003555
2. Anhøj J. qicharts2, charts `pp` and `up`, https://cran.r-project.org/package=qicharts2
3. Mohammed MA, Panesar JS, Laney DB, Wilson R. Statistical process control charts for attribute data involving very
   large sample sizes. BMJ Quality & Safety 2013; 22: 362-368. https://doi.org/10.1136/bmjqs-2012-001373
"""

import polars as pl

from openmeasures.methods.points import check, check_minimum
from openmeasures.methods.spc import MINIMUM_POINTS, ROUNDING, SCREENING_FACTOR

SIGMAS = 3  # from the mean to a limit, and so the reach of `standardised`
MEAN_RANGE_IN_SIGMAS = 1.128  # d2 for ranges of two, rounded as in [1]


def p_prime(
    frame: pl.DataFrame,
    *,
    numerator: str = "numerator",
    denominator: str = "denominator",
    by: str = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    scale: float = 1.0,
    screen_moving_ranges: bool = False,
    minimum_points: int = MINIMUM_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with a P′ chart's columns for each organisation.

    The plotted value is scale × numerator ÷ denominator. The new columns are `mean`, `lower_process_limit` and
    `upper_process_limit` in that unit; `sigma_z`; `standardised`, the distance of the point from the mean on a scale
    where the limits are -3 and 3, so that the rules of any rule-set apply to it; and `points`, how many values the
    limits rest on. The mean is all cases with the feature over all cases, so large months count for more. At the edges:

    - A row without numerator or denominator, or with denominator 0, has no value: the moving ranges pass over it, as
      in `spc.xmr`. It carries the mean and sigma_z, and null for its limits, which depend on the denominator.
    - Below `minimum_points` values nothing is charted: all but `points` is null.
    - A constant series, always 0 % and always 100 % included, has sigma_z 0, both limits at its mean, and
      standardised values of 0. So has a series whose points differ by no more than `ROUNDING`.
    - A limit beyond 0 or 100 % is drawn there; `standardised` does not change by it.

    What it takes:

    - `frame`: one row an organisation and period; counts of cases in `numerator` and `denominator`.
    - `segment`: column that numbers the stretches of an organisation's series, such as `rebases.segments` gives; no
      limit or range crosses from one to another. None: one stretch an organisation.
    - `scale`: 100 for percent.
    - `screen_moving_ranges`: leave out, once, ranges of z of 3.267 times their mean or more, as `spc.xmr` does. Laney
      does not [1], and [2] does on request only, so the default is off.
    - `minimum_points`: fewest values that limits may rest on, 2 or more.

    Raises `ParameterError` if `minimum_points` is below 2, a row lacks organisation or period, two rows share both, or
    a count is negative, not finite, or a numerator exceeds its denominator.

    >>> frame = pl.DataFrame(
    ...     {"org_code": "RJ1", "period_start": range(14), "numerator": [72, 78] * 7, "denominator": 100}
    ... )
    >>> chart = p_prime(frame, scale=100)
    >>> chart.select(pl.col("mean", "lower_process_limit", "upper_process_limit", "sigma_z").round(2)).row(0)
    (75.0, 59.04, 90.96, 1.23)
    """
    mean = pl.col("mean")
    return _prime(
        frame,
        frame.select(by=by, order=order, numerator=numerator, denominator=denominator),
        segment=segment,
        variance=mean * (1 - mean),
        fault=(pl.col("numerator") > pl.col("denominator"), "a numerator that is part of its denominator"),
        bounds=(0.0, 1.0),
        scale=scale,
        screen_moving_ranges=screen_moving_ranges,
        minimum_points=minimum_points,
    )


def u_prime(
    frame: pl.DataFrame,
    *,
    numerator: str = "numerator",
    denominator: str = "denominator",
    by: str = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    scale: float = 1.0,
    screen_moving_ranges: bool = False,
    minimum_points: int = MINIMUM_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with a U′ chart's columns for each organisation.

    As `p_prime`, but the numerator counts events, of which one unit of the denominator may have several, so that
    chance gives them the variance of a Poisson count: sigma_i² = mean ÷ denominator. There is no upper bound.

    - `denominator`: the exposure, in any unit, whole or not.
    - `scale`: 1,000 for a rate per 1,000 units of exposure.

    Raises `ParameterError` as `p_prime` does, and for events without exposure (denominator 0) in place of a numerator
    above its denominator.

    >>> frame = pl.DataFrame(
    ...     {"org_code": "RJ1", "period_start": range(14), "numerator": [4, 6] * 7, "denominator": 2000.0}
    ... )
    >>> chart = u_prime(frame, scale=1000)
    >>> chart.select(pl.col("mean", "lower_process_limit", "upper_process_limit", "sigma_z").round(2)).row(0)
    (2.5, 0.0, 5.16, 0.79)
    """
    return _prime(
        frame,
        frame.select(by=by, order=order, numerator=numerator, denominator=denominator),
        segment=segment,
        variance=pl.col("mean"),
        fault=((pl.col("denominator") == 0) & (pl.col("numerator") > 0), "no events where there is no exposure"),
        bounds=(0.0, None),
        scale=scale,
        screen_moving_ranges=screen_moving_ranges,
        minimum_points=minimum_points,
    )


def _prime(
    frame: pl.DataFrame,
    counts: pl.DataFrame,
    *,
    segment: str | None,
    variance: pl.Expr,
    fault: tuple[pl.Expr, str],
    bounds: tuple[float, float | None],
    scale: float,
    screen_moving_ranges: bool,
    minimum_points: int,
) -> pl.DataFrame:
    """Return the frame with the chart's columns; `variance` is that of one case by chance alone, from `mean`."""
    check_minimum(minimum_points)
    table = counts.cast({"numerator": pl.Float64, "denominator": pl.Float64})
    check(table, (pl.min_horizontal("numerator", "denominator") < 0, "counts of 0 or more"), fault)
    group = ["by", "segment"]
    points = (
        table.with_columns(segment=pl.lit(0) if segment is None else frame[segment])
        .with_row_index("row")
        .with_columns(cases=pl.when(pl.col("numerator").is_not_null(), pl.col("denominator") > 0).then("denominator"))
        .with_columns(value=pl.col("numerator") / pl.col("cases"))
        # Gaps go last, so that a point's neighbour in the table is its neighbour on the chart.
        .sort(*group, pl.col("value").is_null(), "order")
    )
    chart = _limits(points, group=group, variance=variance, screen_moving_ranges=screen_moving_ranges).sort("row")
    charted, (lowest, highest) = pl.col("points") >= minimum_points, bounds
    lower, upper = pl.col("mean") - pl.col("reach"), pl.col("mean") + pl.col("reach")
    return frame.hstack(
        chart.select(
            mean=pl.when(charted).then(pl.col("mean") * scale),
            lower_process_limit=pl.when(charted).then(lower.clip(lower_bound=lowest) * scale),
            upper_process_limit=pl.when(charted).then(upper.clip(upper_bound=highest) * scale),
            sigma_z=pl.when(charted).then("sigma_z"),
            standardised=pl.when(charted).then("standardised"),
            points="points",
        )
    )


def _limits(points: pl.DataFrame, *, group: list[str], variance: pl.Expr, screen_moving_ranges: bool) -> pl.DataFrame:
    """Add mean, sigma_z, the reach of the limits from the mean, and the standardised values."""
    value, sigma, distance = pl.col("value"), pl.col("sigma"), pl.col("distance")
    events = pl.col("numerator").filter(value.is_not_null()).sum().over(group)
    chart = (
        points.with_columns(
            points=value.count().over(group),
            mean=pl.when(value.is_not_null().any().over(group)).then(events / pl.col("cases").sum().over(group)),
        )
        .with_columns(
            # Rounding leaves the mean of ones a hair above 1, and so its variance a hair below 0.
            sigma=(variance.clip(lower_bound=0) / pl.col("cases")).sqrt(),
            distance=pl.when((value - pl.col("mean")).abs() <= ROUNDING * value.abs().max().over(group))
            .then(0.0)
            .when(value.is_not_null())
            .then(value - pl.col("mean")),
        )
        # Where chance allows no variation, the mean is 0 or 100 %, and all values are equal to it.
        .with_columns(z=pl.when(distance == 0).then(0.0).otherwise(distance / sigma))
        .with_columns(range=pl.col("z").diff().abs().over(group))
    )
    ranges = pl.col("range")
    if screen_moving_ranges:
        chart = chart.with_columns(screen=SCREENING_FACTOR * ranges.mean().over(group))
        ranges = ranges.filter(ranges < pl.col("screen"))
    return (
        # Screening leaves no range only where every range is 0.
        chart.with_columns(sigma_z=(ranges.mean().fill_null(0) / MEAN_RANGE_IN_SIGMAS).over(group))
        .with_columns(reach=SIGMAS * sigma * pl.col("sigma_z"))
        .with_columns(
            standardised=pl.when(distance == 0).then(0.0).otherwise(SIGMAS * distance / pl.col("reach")),
        )
    )
