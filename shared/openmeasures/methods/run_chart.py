"""Run charts: the median, and whether the values stay on one side of it for longer than chance would have them.

| function | gives |
|---|---|
| `run_chart` | the median, the two tests of Anhøj, and the points of an unusually long run |
| `longest_run_expected` | how long a run may be |
| `fewest_crossings_expected` | how often the median should be crossed |

A run chart has no limits and assumes nothing about how values are distributed: use it where there are few values (ten
will do), where they are skewed, or where a rule-set's limits would be disputed. It finds lasting shifts, not single
odd months.

Sources:
1. Anhøj J, Olesen AV. Run charts revisited: a simulation study of run chart rules for detection of non-random variation
   in health care processes. PLoS ONE 2014; 9(11): e113825. https://doi.org/10.1371/journal.pone.0113825
2. Anhøj J, Wentzel-Larsen T. Smooth operator: modifying the Anhøj rules to improve runs analysis in statistical process
   control. PLoS ONE 2020; 15(6): e0233920. https://doi.org/10.1371/journal.pone.0233920
3. Anhøj J. qicharts2, appendix 2 of its vignette, https://cran.r-project.org/package=qicharts2
4. Perla RJ, Provost LP, Murray SK. The run chart: a simple analytical tool for learning from variation in healthcare
   processes. BMJ Quality & Safety 2011; 20: 46-51. https://doi.org/10.1136/bmjqs.2009.037895
"""

import math

import polars as pl

from openmeasures.methods.points import check, check_minimum
from openmeasures.methods.spc import ROUNDING

MINIMUM_USEFUL_POINTS = 10  # where the tables of [1] and [3] begin
LONGEST_RUN_MARGIN = 3  # added to log2(n), the length to expect of the longest run among n fair coin tosses [1]
ONE_CHART_IN = 20  # has too few crossings by chance: the 5 % quantile [1]


def longest_run_expected(useful_points: int) -> int:
    """Return how many useful points in a row may lie on one side of the median: log2(n) + 3, to the nearest whole.

    A longer run is a signal [1]. A fixed length, such as the six in a row of [4], is found in the more charts by chance
    the longer they are.

    >>> longest_run_expected(24)
    8
    """
    return round(math.log2(useful_points) + LONGEST_RUN_MARGIN)


def fewest_crossings_expected(useful_points: int) -> int:
    """Return how often n useful points should cross the median at least: the 5 % quantile of n - 1 fair coin tosses.

    Fewer crossings are a signal [1].

    >>> fewest_crossings_expected(24)
    8
    """
    tosses, cumulative, crossings = useful_points - 1, 0, 0
    # In whole numbers, so that no rounding decides: the least k with 20 × (C(n, 0) + … + C(n, k)) at least 2^n.
    while ONE_CHART_IN * (cumulative := cumulative + math.comb(tosses, crossings)) < 2**tosses:
        crossings += 1
    return crossings


def run_chart(
    frame: pl.DataFrame,
    *,
    value: str = "value",
    by: str = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    minimum_points: int = MINIMUM_USEFUL_POINTS,
) -> pl.DataFrame:
    """Return the frame, its rows in the same order, with a run chart's columns for each organisation.

    The rules are Anhøj's [1], of which one signal is enough: a run longer than `longest_run_expected`, or fewer
    crossings than `fewest_crossings_expected`. The new columns:

    - `median`, in the unit of the value.
    - `useful_points`: the values that are not on the median; only they count in either rule [1].
    - `longest_run` and `longest_run_limit`; `crossings` and `crossings_limit`.
    - `shows_shift`: whether either rule is broken. Chance alone does it in 1 % of charts of 12 stable values, 3 to 5 %
      of 24 to 60, and 7 % of 120 (our simulation); six in a row [4] are found in 1 %, 16 to 52 %, and 85 %.
    - `is_in_long_run`: whether the point belongs to a run longer than the limit; null without a value. A point on the
      median amid such a run neither breaks nor belongs to it.

    At the edges:

    - Null values are passed over, as in `spc.xmr`. A value on the median is one within `ROUNDING` of it.
    - Below `minimum_points` useful points only `median` and `useful_points` are given, and the median only where there
      is a value. A constant series has no useful points, and so no signal.

    What it takes:

    - `frame`: one row an organisation and period.
    - `segment`: as for `laney.p_prime`; the median, runs and crossings of each are its own.
    - `minimum_points`: fewest useful points, 10 or more, where the published tables begin.

    Raises `ParameterError` if `minimum_points` is below 10, a row lacks organisation or period, two rows share both,
    or a value is not finite.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(20), "value": [1] * 10 + [2] * 10})
    >>> chart = run_chart(frame)
    >>> chart.select("median", "longest_run", "longest_run_limit", "crossings", "crossings_limit").row(0)
    (1.5, 10, 7, 1, 6)
    """
    check_minimum(minimum_points, least=MINIMUM_USEFUL_POINTS, why="the published tables begin there")
    table = frame.select(by=by, order=order, value=pl.col(value).cast(pl.Float64))
    check(table)
    group = ["by", "segment"]
    points = (
        table.with_columns(segment=pl.lit(0) if segment is None else frame[segment])
        .with_row_index("row")
        .with_columns(median=pl.col("value").median().over(group))
        .with_columns(distance=pl.col("value") - pl.col("median"), size=pl.col("value").abs().max().over(group))
        .with_columns(
            side=pl.when(pl.col("distance").abs() > ROUNDING * pl.col("size")).then(pl.col("distance").sign())
        )
        # What is not useful goes last, so that neighbours in the table are neighbours in the run.
        .sort(*group, pl.col("side").is_null(), "order")
    )
    run = pl.struct(*group, "side").rle_id()
    useful = pl.col("side").is_not_null()
    chart = (
        points.with_columns(useful_points=pl.col("side").count().over(group), run=pl.when(useful).then(run))
        .with_columns(run_length=pl.when(useful).then(pl.len().over("run")))
        .with_columns(
            longest_run=pl.col("run_length").max().over(group),
            crossings=pl.col("run").n_unique().over(group) - pl.col("run").is_null().any().over(group) - 1,
        )
        .sort("row")
    )
    chart = chart.join(_limits(chart["useful_points"]), on="useful_points", how="left", maintain_order="left")
    tested = pl.col("useful_points") >= minimum_points
    long_run = pl.col("run_length") > pl.col("longest_run_limit")
    few_crossings = pl.col("crossings") < pl.col("crossings_limit")
    return frame.hstack(
        chart.select(
            "median",
            "useful_points",
            longest_run=pl.when(tested).then("longest_run"),
            longest_run_limit=pl.when(tested).then("longest_run_limit"),
            crossings=pl.when(tested).then("crossings"),
            crossings_limit=pl.when(tested).then("crossings_limit"),
            shows_shift=pl.when(tested).then((pl.col("longest_run") > pl.col("longest_run_limit")) | few_crossings),
            is_in_long_run=pl.when(tested, pl.col("value").is_not_null()).then(long_run.fill_null(False)),
        )
    )


def _limits(useful_points: pl.Series) -> pl.DataFrame:
    """Return both limits for every number of useful points that occurs."""
    numbers = useful_points.filter(useful_points >= MINIMUM_USEFUL_POINTS).unique()
    return pl.DataFrame(
        {
            "useful_points": numbers,
            "longest_run_limit": pl.Series([longest_run_expected(n) for n in numbers], dtype=pl.UInt32),
            "crossings_limit": pl.Series([fewest_crossings_expected(n) for n in numbers], dtype=pl.UInt32),
        }
    )
