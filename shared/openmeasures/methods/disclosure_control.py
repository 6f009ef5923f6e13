"""What a published count can stand for, where rounding and suppression keep people from being recognised in it.

| function | gives |
|---|---|
| `possible` | the least and the greatest count behind a published figure |
| `wilson_of_possible` | the interval of a proportion of which only such ranges are known |
| `wilson_of_percentage` | the interval of a proportion that is published itself, rounded, beside such a denominator |
| `poisson_of_possible` | the interval of a count of events of which only such a range is known |

To compute with rounded counts as if they were exact promises too much: 5 of 10, each rounded to the nearest 5, may be
3 of 12 or 7 of 8.

Publications differ in whether 0 is suppressed with the other small counts. The Mental Health Bulletin of 2013-14, for
one, replaced "numbers less than five (including zero)" [1]. So `zero_suppressed` has no default: read the notes of the
publication, and where they say nothing take True, which leaves more possible behind a mark. Totals are often not
rounded: the main findings of NHS Talking Therapies have England's counts to the unit [2]. Take base 1 for those.

Sources:
1. Health and Social Care Information Centre, Mental Health Bulletin: annual report from MHMDS returns, 2013-14,
   https://digital.nhs.uk/data-and-information/publications/statistical/mental-health-bulletin/mental-health-bulletin-annual-report-from-mhmds-returns-2013-14
2. NHS England, NHS Talking Therapies monthly statistics including employment advisors, performance April 2025.
"""

import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods.intervals import poisson, wilson

Range = tuple[pl.Expr, pl.Expr]  # least and greatest, both included


def possible(count: pl.Expr, *, suppressed: pl.Expr, base: int, suppressed_below: int, zero_suppressed: bool) -> Range:
    """Return the least and the greatest count, whole numbers, that a published figure can stand for.

    The true count is taken to have been suppressed first if small, and otherwise rounded to the nearest multiple of
    the base. Rounded to 5 and suppressed below 5, a published 5 stands for 5 to 7, and 10 for 8 to 12. A published 0 is
    exactly 0, where what would round to it is suppressed. Halves, as 5 with base 10, may have been rounded either way.

    Null where neither a count nor suppression is reported, where both are, and where the figure cannot come from such a
    publication: one that is negative, no multiple of the base, or always suppressed. Nulls mean that an argument is
    wrong, or the row is.

    - `count`: the figure as published, null where there is none.
    - `suppressed`: whether the publication has a mark of suppression in its place.
    - `base`: what counts were rounded to a multiple of; 1 for counts not rounded.
    - `suppressed_below`: the least count above 0 that is shown, such as 5; 0 where nothing is suppressed.
    - `zero_suppressed`: whether 0 is suppressed with the counts below that, so that a mark may stand for 0.

    Raises `ParameterError` for a base below 1 or a negative `suppressed_below`.

    >>> least, greatest = possible(
    ...     pl.col("recovered"),
    ...     suppressed=pl.col("status") == "suppressed",
    ...     base=5,
    ...     suppressed_below=5,
    ...     zero_suppressed=True,
    ... )
    >>> published = pl.DataFrame({"recovered": [40, 5, None], "status": ["reported", "reported", "suppressed"]})
    >>> published.select(least=least, greatest=greatest).rows()
    [(38, 42), (5, 7), (0, 4)]
    """
    for name, found, fewest in (("base", base, 1), ("suppressed_below", suppressed_below, 0)):
        if found < fewest:
            raise ParameterError(f"{name} is {found!r}: expected a whole number of {fewest} or more.")
    figure, reach, marked = count.cast(pl.Float64), base // 2, suppressed.fill_null(value=False)
    published = ~marked & figure.is_finite() & (figure >= 0) & (figure % base == 0)
    # 0 alone may be shown though it is below the other counts shown; with it, those among them that round to it.
    zero = published & (figure == 0) & (not zero_suppressed)
    least = (
        pl.when(marked & count.is_null())
        .then(0 if zero_suppressed else 1)
        .when(zero)
        .then(0)
        .when(published)
        .then((figure - reach).clip(lower_bound=suppressed_below))
    )
    greatest = (
        pl.when(marked & count.is_null())
        .then(suppressed_below - 1)
        .when(zero)
        .then(reach if reach >= suppressed_below else 0)
        .when(published)
        .then(figure + reach)
    )
    exists = pl.when(least <= greatest)
    return exists.then(least).cast(pl.Int64).alias("least"), exists.then(greatest).cast(pl.Int64).alias("greatest")


def wilson_of_possible(numerator: Range, denominator: Range, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return the outermost of the limits that `intervals.wilson` gives for any possible pair of counts.

    Whichever the true counts are, their own Wilson interval lies within this one. So it holds the true proportion at
    least as often as promised, and no count in a range is taken to be likelier than another. How much wider it is than
    the interval of the published figures is what rounding and suppression cost.

    A pair is possible if both counts are in their ranges, the denominator is above 0, and the numerator does not exceed
    it. So the lower limit is that of the least numerator in the greatest denominator, and the upper limit that of the
    greatest numerator in the least denominator, or 1 where the two can be equal. Null where a range has a null, is
    empty or negative, or no pair is possible.

    - `numerator`, `denominator`: least and greatest whole number that each can be, as `possible` gives them.
    - `confidence`: as for `intervals.wilson`, as are the errors.

    >>> lower, upper = wilson_of_possible((pl.lit(3), pl.lit(7)), (pl.lit(8), pl.lit(12)))  # published as 5 of 10
    >>> pl.select(lower=lower.round(2), upper=upper.round(2)).row(0)  # 5 of 10 exactly: 0.24 to 0.76
    (0.09, 0.98)
    """
    (fewest, most), (smallest, largest) = numerator, denominator
    most_within = pl.min_horizontal(most, largest)
    lower, _ = wilson(fewest, largest, confidence=confidence)
    _, upper = wilson(most_within, pl.max_horizontal(most_within, smallest, 1), confidence=confidence)
    pairs = (fewest >= 0) & (fewest <= most) & (smallest >= 0) & (smallest <= largest) & (fewest <= largest)
    exists = pl.when(pairs & (largest > 0))
    return exists.then(lower).alias("lower"), exists.then(upper).alias("upper")


def wilson_of_percentage(
    percentage: pl.Expr, denominator: Range, *, decimals: int, confidence: float = 0.95
) -> tuple[pl.Expr, pl.Expr]:
    """Return the outermost of the limits that `intervals.wilson` gives for any proportion that rounds to a percentage.

    A publication that computes percentages before it rounds counts tells more of the proportion than the counts do: 63
    is 62.5 to 63.5 % of whatever the denominator was. With as few cases as the denominator allows chance is greatest,
    so both limits are those of its least: the lower one of the least proportion, the upper one of the greatest.

    Null where the percentage or a limit of the denominator is null, the percentage is below 0 or above 100, or the
    greatest denominator is 0. A least denominator of 0 counts as 1.

    - `percentage`: from 0 to 100, rounded to `decimals`.
    - `denominator`: least and greatest whole number that it can be, as `possible` gives them.
    - `confidence`: as for `intervals.wilson`, as are the errors. Both limits are from 0 to 1.

    >>> lower, upper = wilson_of_percentage(pl.lit(50), (pl.lit(8), pl.lit(12)), decimals=0)
    >>> pl.select(lower=lower.round(4), upper=upper.round(4)).row(0)  # 3.96 and 4.04 of 8
    (0.2118, 0.7882)
    """
    half = 0.5 * 10.0**-decimals
    given, (smallest, largest) = percentage.cast(pl.Float64), denominator
    size = pl.max_horizontal(smallest, 1)
    lower, _ = wilson((given - half).clip(0, 100) / 100 * size, size, confidence=confidence)
    _, upper = wilson((given + half).clip(0, 100) / 100 * size, size, confidence=confidence)
    can_be = given.is_between(0, 100) & (smallest >= 0) & (smallest <= largest) & (largest > 0)
    exists = pl.when(can_be)
    return exists.then(lower).alias("lower"), exists.then(upper).alias("upper")


def poisson_of_possible(count: Range, *, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Return the outermost of the limits that `intervals.poisson` gives for any possible count of events.

    As for proportions, whichever the true count is, its own interval lies within this one: from the lower limit of the
    least to the upper limit of the greatest. For a rate, divide both by the exposure. Null where the range has a null,
    is empty or negative.

    - `count`: least and greatest whole number that the count can be, as `possible` gives them.
    - `confidence`: as for `intervals.poisson`, as are the errors.

    >>> lower, upper = poisson_of_possible((pl.lit(1), pl.lit(4)))  # suppressed below 5, and not 0
    >>> pl.select(lower=lower.round(2), upper=upper.round(2)).row(0)
    (0.03, 10.24)
    """
    least, greatest = count
    lower, _ = poisson(least, confidence=confidence)
    _, upper = poisson(greatest, confidence=confidence)
    exists = pl.when((least >= 0) & (least <= greatest))
    return exists.then(lower).alias("lower"), exists.then(upper).alias("upper")
