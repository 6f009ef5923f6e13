"""How long people wait, from counts of people in bands of waiting time, as NHS England publishes them.

| function | gives |
|---|---|
| `percentile` | the wait that a share of people do not exceed, with an interval: 0.5 for the median, 0.92 as in RTT |
| `share_within` | how many wait so many weeks or less, of how many |
| `share_over` | how many wait longer, of how many |

All take one row a band of each group: the grouping columns, which the caller names; `weeks_from` and `weeks_to`, the
band's edges; and `waiting`, how many people are in it. A band holds waits longer than its lower edge and up to and
including its upper one, as "Gt 17 To 18 Weeks" does; an open last band ("Gt 104 Weeks", before April 2021 "Gt 52
Weeks") has null for its upper edge. Each group may have bands of its own. What a blank band means is for the reader of
the file to say: in the RTT extract it is 0, and a null that arrives here is an error.

The bands do not say where in them people are. NHS England takes them to be spread evenly: its percentiles are
estimates "from aggregate data, rather than patient level data" [1, note 1]. We have not found its formula in print;
but from March 2008 to August 2016 there are 38 months whose 92nd percentile lies beside an edge at which the number of
people was published too [1], and all 38 agree, to the nine decimals given, with

    wait = weeks_from + (share × all waiting - waiting in earlier bands) ÷ waiting in the band × (weeks_to - weeks_from)

and with none of the usual variants (share × (n + 1), share × (n - 1) + 1). Medians are calculated like percentiles
from October 2022 on, and were otherwise before [1, note 9]. Where we give `is_beyond`, NHS England writes "52+".

Sources:
1. NHS England, Referral to Treatment (RTT) Waiting Times, England: overview time series, April 2007 to August 2023,
   with its notes, https://www.england.nhs.uk/statistics/statistical-work-areas/rtt-waiting-times/
2. Conover WJ. Practical Nonparametric Statistics, 3rd edition. Wiley 1999: section 3.2, confidence interval for a
   quantile.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import special

from openmeasures.errors import ParameterError
from openmeasures.methods.spc import ROUNDING

FIGURES = ("weeks_from", "weeks_to", "waiting")


def percentile(frame: pl.DataFrame, *, share: float, by: str | Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    """Return one row a group, in order of `by`: the wait in weeks that `share` of people do not exceed.

    The columns after those of `by`:

    - `waiting`: all people of the group.
    - `weeks`: the percentile, by the formula above. Where exactly the share waits up to a band's upper edge it is that
      edge. Null where it lies in the open last band.
    - `weeks_lower`, `weeks_upper`: an interval for it. The upper limit is null where there is none to give: it lies in
      the open band, or there are too few people. The lower limit is 0 where there are too few, and the open band's
      lower edge where it lies in that band.
    - `is_beyond`: whether the percentile lies in the open band; `weeks_at_least`: that band's lower edge if so.

    A group without people has 0 `waiting` and null for the rest.

    The interval is the distribution-free one [2]: if each wait were a draw from one distribution, then the number of
    draws below its percentile is binomial, and so two of the people, counted from the shortest wait, have it between
    them. The binomial is exact, also for millions; that the two are spread evenly in their bands is assumed, and the
    limits are the outer ends of their places. A waiting list is complete, so none of this is uncertainty of sampling:
    it says how far the figure might have come out otherwise had the same process run again, if people waited
    independently of each other. They do not (a list that loses a theatre slows down for all), so an SPC chart says
    more about change over time.

    - `share`: above 0 and below 1.
    - `by`: the column or columns whose every combination is a group.
    - `confidence`: share of such intervals that hold the percentile of the process, above 0 and below 1.

    Raises `ParameterError` for any other share or confidence; for a group with a null in `by`; for bands that do not
    start at 0, leave a gap, overlap, or end before they start; for a count that is null, negative or not finite.

    >>> bands = {"weeks_from": [0, 1, 2], "weeks_to": [1, 2, None], "waiting": [40, 40, 20]}
    >>> waits = pl.DataFrame({"org_code": "RJ1", **bands})
    >>> median = percentile(waits, share=0.5, by="org_code")
    >>> median.select(pl.col("weeks", "weeks_lower", "weeks_upper").round(3)).row(0)
    (1.25, 0.975, 1.525)
    >>> percentile(waits, share=0.92, by="org_code").select("weeks", "is_beyond", "weeks_at_least").row(0)
    (None, True, 2.0)
    """
    for name, value, example in (("share", share, "0.92"), ("confidence", confidence, "0.95")):
        if not 0 < value < 1:
            raise ParameterError(f"{name} is {value!r}: expected a share between 0 and 1, such as {example}.")
    names = _names(by)
    bands = _bands(frame, names)
    groups = bands.group_by("key", maintain_order=True).agg(pl.col(*names).first(), all=pl.col("waiting").sum())
    lower, upper = _ranks(groups["all"].to_numpy(), share=share, confidence=confidence)
    people = groups.with_columns(
        # The shortest wait of the lower person is the longest of the one before.
        point=share * pl.col("all"),
        lower=pl.Series(lower - 1),
        upper=pl.Series(upper),
    )
    occupied = bands.select("key", *FIGURES, before=pl.col("waiting").cum_sum().over("key") - pl.col("waiting")).filter(
        pl.col("waiting") > 0
    )
    found = (
        occupied.join(people.select("key", "point", "lower", "upper"), on="key", how="left")
        .group_by("key")
        .agg(
            weeks=_wait("point"),
            weeks_lower=pl.coalesce(_wait("lower"), _only(pl.col("weeks_from"), "lower"), 0.0),
            weeks_upper=_wait("upper"),
            is_beyond=_only(pl.col("weeks_to").is_null(), "point"),
            weeks_at_least=_only(pl.when(pl.col("weeks_to").is_null()).then("weeks_from"), "point"),
        )
    )
    return groups.rename({"all": "waiting"}).join(found, on="key", how="left", maintain_order="left").drop("key")


def share_within(frame: pl.DataFrame, *, weeks: float, by: str | Sequence[str]) -> pl.DataFrame:
    """Return one row a group, in order of `by`: how many people wait `weeks` or less.

    The columns after those of `by` are `numerator`, those who do; `denominator`, all; and `share`, the one divided by
    the other, null where nobody waits. `intervals.wilson` takes the two counts. Nothing is estimated here, which is why
    a number of weeks inside a band is an error.

    - `weeks`: an edge between bands, above 0: 18 for the 18-week standard.

    Raises `ParameterError` if `weeks` is not above 0, cuts through a band of any group, or lies in an open one; and
    for bands and counts as `percentile` does.

    >>> bands = {"weeks_from": [0, 18, 52], "weeks_to": [18, 52, None], "waiting": [65, 30, 5]}
    >>> share_within(pl.DataFrame({"org_code": "RJ1", **bands}), weeks=18, by="org_code").row(0)
    ('RJ1', 65.0, 100.0, 0.65)
    """
    return _split(frame, weeks=weeks, by=by, counted=pl.col("weeks_to") <= weeks)


def share_over(frame: pl.DataFrame, *, weeks: float, by: str | Sequence[str]) -> pl.DataFrame:
    """Return one row a group, in order of `by`: how many people wait longer than `weeks`.

    As `share_within`, of which it is the rest. The lower edge of an open band is an edge: over 104 weeks is what it
    holds.

    >>> bands = {"weeks_from": [0, 18, 52], "weeks_to": [18, 52, None], "waiting": [65, 30, 5]}
    >>> share_over(pl.DataFrame({"org_code": "RJ1", **bands}), weeks=52, by="org_code").row(0)
    ('RJ1', 5.0, 100.0, 0.05)
    """
    return _split(frame, weeks=weeks, by=by, counted=pl.col("weeks_from") >= weeks)


def _split(frame: pl.DataFrame, *, weeks: float, by: str | Sequence[str], counted: pl.Expr) -> pl.DataFrame:
    if not weeks > 0:
        raise ParameterError(f"weeks is {weeks!r}: expected a number of weeks above 0, such as 18.")
    names = _names(by)
    bands = _bands(frame, names)
    inside = (pl.col("weeks_from") < weeks) & (pl.col("weeks_to").is_null() | (pl.col("weeks_to") > weeks))
    _refuse(bands, names, inside, f"an edge of a band at {weeks!r} weeks; choose one of this band's edges")
    waiting = pl.col("waiting")
    return (
        bands.group_by("key", maintain_order=True)
        .agg(pl.col(*names).first(), numerator=waiting.filter(counted).sum(), denominator=waiting.sum())
        .drop("key")
        .with_columns(share=pl.when(pl.col("denominator") > 0).then(pl.col("numerator") / pl.col("denominator")))
    )


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def _bands(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return the bands in order, with a `key` for each group; raise `ParameterError` for what cannot be."""
    bands = frame.select(*names, *(pl.col(name).cast(pl.Float64) for name in FIGURES)).sort(*names, "weeks_from")
    starts = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names)
    bands = bands.with_columns(key=starts.cum_sum())
    lower, upper, waiting = (pl.col(name) for name in FIGURES)
    is_first = pl.col("key").ne_missing(pl.col("key").shift(1))
    touches = pl.when(is_first).then(lower == 0).otherwise(lower == upper.shift(1))
    for fault, expected in (
        (pl.any_horizontal(pl.col(*names).is_null()), "a group in every row"),
        (~touches.fill_null(False), "bands from 0 weeks on, without gap or overlap, and only the last one open"),
        ((upper <= lower) | ~upper.is_finite(), "an upper edge above the lower one, or null where the band is open"),
        (waiting.is_null() | (waiting < 0) | ~waiting.is_finite(), "a count of 0 or more; a reader fills in blanks"),
    ):
        _refuse(bands, names, fault, expected)
    return bands


def _refuse(bands: pl.DataFrame, names: list[str], fault: pl.Expr, expected: str) -> None:
    faulty = bands.filter(fault)
    if not faulty.is_empty():
        row = faulty.row(0, named=True)
        group = ", ".join(f"{name} {str(row[name])!r}" for name in names)
        band = f"band from {row['weeks_from']} to {row['weeks_to']} weeks with {row['waiting']} waiting"
        raise ParameterError(f"{group}: found a {band}, expected {expected}.")


def _ranks(
    people: npt.NDArray[np.float64], *, share: float, confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ranks of the two people, from 1 for the shortest wait, between whom the percentile lies [2].

    The lower is 0, or the upper more than all, where there is no such person. Each tail has at most its half of what
    the confidence leaves.
    """
    sizes, place = np.unique(people, return_inverse=True)
    tail = (1 - confidence) / 2
    return _binomial_quantile(tail, sizes, share)[place], _binomial_quantile(1 - tail, sizes, share)[place] + 1


def _binomial_quantile(level: float, sizes: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """Return the least number of cases, of `sizes` draws, whose cumulative probability reaches the level."""
    draws = sizes.astype(np.int64)  # half a patient, as each of two trusts that share one reports, is not a draw
    near = np.clip(np.ceil(special.bdtrik(level, np.maximum(draws, 1), share)), 0, draws)
    # The continuous inverse rounds, and may be off by one where the level is reached just there.
    near = np.where((near > 0) & (special.bdtr(near - 1, draws, share) >= level), near - 1, near)
    least: npt.NDArray[np.float64] = np.where(special.bdtr(near, draws, share) < level, near + 1, near)
    return least


def _only(figure: pl.Expr, person: str) -> pl.Expr:
    """Return the figure of the one occupied band that holds the person; null if none does."""
    # Less the rounding of share × all, which must not carry a person over an edge into the next occupied band.
    count = pl.col(person) * (1 - ROUNDING)
    holds = (count > pl.col("before")) & (count <= pl.col("before") + pl.col("waiting"))
    return pl.when(holds).then(figure).max()


def _wait(person: str) -> pl.Expr:
    """Return the longest wait of the person so many places from the shortest, in weeks; null in an open band."""
    into = ((pl.col(person) - pl.col("before")) / pl.col("waiting")).clip(0, 1)
    return _only(pl.col("weeks_from") + into * (pl.col("weeks_to") - pl.col("weeks_from")), person)
