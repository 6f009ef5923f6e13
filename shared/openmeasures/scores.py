"""Mean changes of scores beside their standard errors: what a measure with `squares` adds to its points.

The arithmetic is that of `methods.mean_change`.
"""

import polars as pl

from openmeasures.definitions import Measure
from openmeasures.errors import DefinitionError
from openmeasures.methods import mean_change


def intervals(points: pl.DataFrame, observations: pl.DataFrame, *, measure: Measure) -> pl.DataFrame:
    """Return the points with `value_lower` and `value_upper`, and `variance`, that of single values.

    All are null where the value is. `variance`, which a funnel of means takes, is the greatest that single changes can
    have; so the interval is no narrower than it would be if their own standard deviation were published. It has room
    for what rounding leaves open (`disclosure.value_rounding`), too.

    - `points`: `org_code`, `period_start`, `denominator` and `value` of organisations, or those of parts, with
      `category`.
    - `observations`: as published, of whole metrics or of the parts; England's included.

    Raises `DefinitionError` for a measure without `squares`.
    """
    if measure.squares is None:
        raise DefinitionError(
            f"{measure.id}: no 'squares', the metric that gives a mean its standard error. See analyses/README.md."
        )
    keys = [name for name in ("org_code", "period_start", "category") if name in points.columns]
    squares = observations.filter(pl.col("metric") == measure.squares).select(*keys, squares="value")
    rounding = measure.disclosure.value_rounding if measure.disclosure else 0.0
    value, number = pl.col("value"), pl.col("denominator")
    lower, upper = mean_change.interval(value, pl.col("squares"), number, rounding=rounding)
    return (
        points.join(squares, on=keys, how="left", maintain_order="left")
        .with_columns(value_lower=lower, value_upper=upper, variance=mean_change.variance(pl.col("squares"), number))
        .drop("squares")
    )
