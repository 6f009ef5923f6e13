"""The mean change of a score between two times, from what is published of each: number, mean and standard deviation.

| function | gives |
|---|---|
| `variance` | the greatest variance that single changes can have |
| `interval` | the mean change with what chance and rounding leave open |

The standard error of a mean change takes the standard deviation of the changes. Where it is not published, it follows
from those of the two scores and their correlation r: SD² = SD₁² + SD₂² − 2 r SD₁ SD₂ [1]. Scores of one person are
correlated, and positively: who was worse than others at first is mostly worse at last. How much so is not published
either, and no figure is made up for it: r = 0 gives the greatest variance of any r from 0 on, so that the error is no
greater than the one here. With r = 0.5 it would be about 0.7 of it.

Changes pooled over parts, such as therapies, are taken within each part: the sum over parts of n (SD₁² + SD₂²).

Sources:
1. Higgins JPT, Li T, Deeks JJ (editors). Cochrane Handbook for Systematic Reviews of Interventions, chapter 6, section
   6.5.2.8: imputing standard deviations for changes from baseline. https://www.cochrane.org/handbook
"""

import polars as pl

from openmeasures.methods.intervals import z_score

Pair = tuple[pl.Expr, pl.Expr]


def variance(squares: pl.Expr, number: pl.Expr) -> pl.Expr:
    """Return the greatest variance of single changes, in the square of the score's unit; null where there is nobody.

    - `squares`: the sum over people of SD₁² + SD₂², each of its own part.
    - `number`: people.

    >>> pl.select(variance(pl.lit(100 * (6.0**2 + 8.0**2)), pl.lit(100))).item()
    100.0
    """
    return pl.when(number > 0).then(squares / number)


def interval(
    change: pl.Expr, squares: pl.Expr, number: pl.Expr, *, rounding: float = 0.0, confidence: float = 0.95
) -> Pair:
    """Return lower and upper limit of a mean change: z standard errors to each side, and what rounding leaves open.

    With the greatest standard error, √squares ÷ number, it holds the true mean at least as often as promised where the
    number is large enough for the mean to be Normal, about 30. Null where there is nobody or a figure is null.

    - `change`, `squares`, `number`: the mean change, and as for `variance`.
    - `rounding`: by how much the published means can make the change differ from what it is, in its unit: of two means
      with one decimal 0.1, half a tenth each.
    - `confidence`: above 0 and below 1, or `ParameterError` is raised.

    >>> limits = interval(pl.lit(-5.0), pl.lit(100 * 100.0), pl.lit(100), rounding=0.1)  # the error is 10 ÷ √100 = 1
    >>> tuple(round(limit, 3) for limit in pl.select(lower=limits[0], upper=limits[1]).row(0))
    (-7.06, -2.94)
    """
    reach = z_score(confidence) * squares.sqrt() / number + rounding
    exists = pl.when(number > 0)
    return exists.then(change - reach).alias("lower"), exists.then(change + reach).alias("upper")
