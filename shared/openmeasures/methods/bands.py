"""Bands of a ratio of observed to expected deaths: higher than expected, as expected, or lower, by two kinds of limits.

| name | gives |
|---|---|
| `as_published` | the funnel whose limits are those of SHMI's bands |
| `bands` | the band of each trust by those limits, and by exact ones |
| `by_period` | the same for each of many periods |
| `change` | how a ratio compares with an earlier one that shares nothing with it |

NHS England bands by 95 % limits that make room for overdispersion [1]; exact 99.8 % Poisson limits, which SHMI was once
banded by as well, name more trusts [2]. On a limit is as expected. Either band says how a count lies to a model of all
trusts, and nothing of what could have been avoided [3].

Sources:
1. NHS England, SHMI methodology specification, as NHS-R Community's FunnelPlotR has it (see `methods.overdispersion`).
2. A comment on the Hospital Guide, Health Service Journal, story 5066048, comment 211320: SHMI was published with both.
3. NHS England, SHMI, October 2023 - September 2024,
   https://digital.nhs.uk/data-and-information/publications/statistical/shmi/2025-02
4. Breslow NE, Day NE. Statistical methods in cancer research, volume II. Lyon: IARC, 1987 (of two Poisson counts, given
   their sum, each is binomial).
"""

from dataclasses import replace
from enum import StrEnum

import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods.funnel import MINIMUM_ORGANISATIONS, Funnel, funnel
from openmeasures.methods.intervals import wilson

EXPECTED_DECIMALS = 2  # to which SHMI rounds expected deaths before anything else, as FunnelPlotR found


class Band(StrEnum):
    """How many deaths were observed beside those expected; neither end is better."""

    HIGHER = "higher than expected"
    AS_EXPECTED = "as expected"
    LOWER = "lower than expected"


BAND_TYPE = pl.Enum([band.value for band in Band])


def as_published(frame: pl.DataFrame, *, ratio: str = "value", expected: str = "denominator") -> Funnel:
    """Return the funnel of the trusts of one period whose limits are SHMI's, uncorrected (see `funnel`).

    It rests on ratio and expected deaths: where counts are rounded and the ratio is not, observed deaths would only
    blur it. So the points' `numerator` becomes ratio × expected. A trust without either counts for nothing.
    """
    counted = frame.with_columns(pl.col(expected).cast(pl.Float64).round(EXPECTED_DECIMALS).alias("denominator"))
    return funnel(
        counted.with_columns(numerator=pl.col(ratio) * pl.col("denominator")), kind="ratio", is_corrected=False
    )


def bands(found: Funnel) -> pl.DataFrame:
    """Return the funnel's points with the band of each trust and the limits that it rests on.

    Added are `band` with `lower_limit` and `upper_limit`, by 95 % limits with room for overdispersion, and `exact_band`
    with `exact_lower_limit` and `exact_upper_limit`, by 99.8 % Poisson limits. Where trusts differ no more than by
    chance, the first are exact, too. All are null for a trust without a figure; the first three also where there are
    fewer than `MINIMUM_ORGANISATIONS` trusts, too few to tell how much they usually differ.

    Raises `ParameterError` for a funnel that is not one of `as_published`.
    """
    if found.kind != "ratio" or found.is_corrected:
        raise ParameterError(
            f"a funnel of kind {found.kind!r}, {'corrected' if found.is_corrected else 'as published'}: expected one "
            "of `as_published`, since bands are those of its limits."
        )
    sizes = found.points["denominator"].fill_null(1.0).to_numpy()  # limits of what has no figure are left out below
    exact = replace(found, is_adjusted=False).limits_at(sizes)
    is_told = found.estimated_from >= MINIMUM_ORGANISATIONS
    has_figure = pl.col("position").is_not_null()
    limits = {
        "lower_limit": pl.col("lower_95") if is_told else pl.lit(None, pl.Float64),
        "upper_limit": pl.col("upper_95") if is_told else pl.lit(None, pl.Float64),
        "exact_lower_limit": pl.when(has_figure).then(pl.Series(exact["lower_99_8"])),
        "exact_upper_limit": pl.when(has_figure).then(pl.Series(exact["upper_99_8"])),
    }
    return found.points.with_columns(**limits).with_columns(
        band=_band("lower_limit", "upper_limit"), exact_band=_band("exact_lower_limit", "exact_upper_limit")
    )


def _band(lower: str, upper: str) -> pl.Expr:
    return (
        pl.when(pl.col("value") > pl.col(upper))
        .then(pl.lit(Band.HIGHER.value))
        .when(pl.col("value") < pl.col(lower))
        .then(pl.lit(Band.LOWER.value))
        .when(pl.col(upper).is_not_null())
        .then(pl.lit(Band.AS_EXPECTED.value))
        .cast(BAND_TYPE)
    )


def by_period(frame: pl.DataFrame, *, by: str = "period_start") -> pl.DataFrame:
    """Return `bands` of each period's trusts, one period after the other; empty of none."""
    parts = frame.partition_by(by, maintain_order=True) or [frame]
    return pl.concat(bands(as_published(part)) for part in parts)


def change(
    observed: pl.Expr,
    expected: pl.Expr,
    *,
    observed_before: pl.Expr,
    expected_before: pl.Expr,
    confidence: float = 0.95,
) -> tuple[pl.Expr, pl.Expr]:
    """Return the limits of how many times the earlier ratio the later one is, by chance in the observed deaths alone.

    Both periods have to be free of common months: of two counts with nothing in common, given their sum, the later is
    binomial [4], and its share has Wilson's interval. Limits on both sides of 1 leave the difference to chance. The
    upper limit is infinite where nothing was observed before, and both are null without any death or without expected
    ones.

    >>> later, before = (pl.lit(120), pl.lit(100.0)), {"observed_before": pl.lit(100), "expected_before": pl.lit(100.0)}
    >>> lower, upper = change(*later, **before)
    >>> pl.select(lower=lower.round(2), upper=upper.round(2)).row(0)
    (0.92, 1.56)
    """
    shares = wilson(observed, observed + observed_before, confidence=confidence)
    possible = (expected > 0) & (expected_before > 0)
    lower, upper = (pl.when(possible).then(share / (1 - share) * expected_before / expected) for share in shares)
    return lower, upper
