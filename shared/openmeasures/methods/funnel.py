"""Organisations of different sizes beside each other: a funnel, whose limits are wide where numbers are small.

| name | gives |
|---|---|
| `funnel` | each organisation's limits and position, the target, and how much more they differ than chance |
| `Funnel.limits` | the same limits along any sizes, to draw |
| `Position` | inside the limits, or beyond the 95 % or the 99.8 % limit, above or below |

An organisation beyond the 99.8 % limits differs from the rest by more than chance and the spread that is usual among
them. That says nothing of why, and a place inside says nothing of being good.

Source:
1. Spiegelhalter DJ. Funnel plots for comparing institutional performance. Statistics in Medicine 2005; 24(8):
   1185-1202.

Limits from chance alone are those of `methods.exact_limits`, room for more is that of `methods.overdispersion`. Those
of means are target ± z × SD ÷ √size [1, appendix A.3.1]: Normal limits, with one standard deviation of single values
for all organisations, pooled over them by size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import special

from openmeasures.errors import ParameterError
from openmeasures.methods.exact_limits import binomial_limits, poisson_limits
from openmeasures.methods.overdispersion import SCALES, Dispersion, Numbers, Overdispersion, estimate

Kind = Literal["proportion", "rate", "ratio", "mean"]
LEVELS = {"95": 0.95, "99_8": 0.998}  # about two and three standard deviations, as [1] and SHMI draw them
LIMITS = ("lower_99_8", "lower_95", "upper_95", "upper_99_8")
HARDLY_ANY = 0.025  # our own choice: half of what 95 % limits leave outside
MINIMUM_ORGANISATIONS = 10  # our own choice: trimming a tenth at each end of fewer trims nobody
# Our own choice, of both outcomes where there are two: stable organisations have a φ of 1.1 where 5 are expected, and
# of 2.5 where 1 is, since on no scale does chance vary alike for so few.
FEWEST_EXPECTED = 5
DEFAULT_SCALES: dict[Kind, Overdispersion] = {
    "proportion": "arcsine",
    "rate": "square_root",
    "ratio": "logarithm",
    "mean": "identity",
}
FEWEST_VALUES = 30  # of a mean, for φ: the usual size from which means of skewed values are near enough to Normal


class Position(StrEnum):
    """Where an organisation lies in a funnel; on a limit is inside it."""

    ABOVE_99_8 = "above_99_8"
    ABOVE_95 = "above_95"
    WITHIN_95 = "within_95"
    BELOW_95 = "below_95"
    BELOW_99_8 = "below_99_8"


POSITION_TYPE = pl.Enum([position.value for position in Position])
BEYOND = (Position.ABOVE_99_8, Position.BELOW_99_8)  # what is called unusual; one in twenty is beyond 95 % by chance


@dataclass(frozen=True)
class Funnel:
    """A funnel: `points` are the rows given, with the columns that `funnel` names.

    `dispersion` (φ) and `between_variance` (τ²) are those of `methods.overdispersion`; `is_adjusted` says whether the
    limits make room for them, `is_corrected` whether they keep to their rates or are as published (see `funnel`).
    `organisations` is the number with a figure, `estimated_from` how many of them were large enough to tell φ from; if
    fewer than `MINIMUM_ORGANISATIONS`, it was not told. `spread` is the standard deviation of single values behind
    means, in their unit, and 1 for other kinds.
    """

    points: pl.DataFrame
    kind: Kind
    target: float
    scale: Overdispersion
    dispersion: float
    between_variance: float
    is_adjusted: bool
    is_corrected: bool
    organisations: int
    estimated_from: int
    spread: float = 1.0

    @property
    def tells_apart(self) -> bool:
        """Whether the limits can tell anybody apart: not where the usual spread has room for whatever can happen.

        That is so where none lies beyond the 99.8 % limits and hardly any beyond those of 95 % (`HARDLY_ANY`), and for
        an organisation of usual size, the median, a 99.8 % limit lies at what is the least that can happen, or the
        most, although chance alone would not put it there.
        """
        present = self.points.drop_nulls("value")
        if not self.is_adjusted or present["position"].is_in([place.value for place in BEYOND]).any():
            return True
        if (present["position"] != Position.WITHIN_95.value).mean() > HARDLY_ANY:  # type: ignore[operator]
            return True
        usual = np.array([np.median(present["denominator"].cast(pl.Float64).to_numpy())])
        chance = replace(self, is_adjusted=False)
        return not (self._is_at_bound(usual) and not chance._is_at_bound(usual))

    def _is_at_bound(self, sizes: Numbers) -> bool:
        if self.kind == "mean":  # nothing ends where a limit could lie
            return False
        limits = self.limits_at(sizes)
        return bool(limits["lower_99_8"][0] <= 0 or (self.kind == "proportion" and limits["upper_99_8"][0] >= 1))

    def limits(self, denominators: Sequence[float] | pl.Series) -> pl.DataFrame:
        """Return `denominator, lower_99_8, lower_95, upper_95, upper_99_8` at any sizes, by the code of the points."""
        sizes = np.asarray(denominators, dtype=np.float64)
        return pl.DataFrame({"denominator": sizes} | self.limits_at(sizes))

    def limits_at(self, sizes: Numbers) -> dict[str, Numbers]:
        """Return the same limits as arrays."""
        found: dict[str, Numbers] = {}
        for name, level in LEVELS.items():
            if not self.is_adjusted:
                lower, upper = self._by_chance(sizes, level=level)
            else:
                lower, upper = self._adjusted(sizes, level=level)
                if self.is_corrected:
                    # Of small numbers the scale's limits are too narrow: room for more never makes them narrower.
                    least, greatest = self._by_chance(sizes, level=level)
                    lower, upper = np.minimum(lower, least), np.maximum(upper, greatest)
            found |= {f"lower_{name}": lower, f"upper_{name}": upper}
        return {name: found[name] for name in LIMITS}

    def _by_chance(self, sizes: Numbers, *, level: float) -> tuple[Numbers, Numbers]:
        if self.kind == "mean":
            reach = special.ndtri((1 + level) / 2) * self.spread / np.sqrt(sizes)
            return self.target - reach, self.target + reach
        if self.kind == "proportion":
            lower, upper = binomial_limits(sizes, share=self.target, level=level)
        else:
            lower, upper = poisson_limits(sizes * self.target, level=level, is_interpolated=self.is_corrected)
        return lower / sizes, upper / sizes

    def _adjusted(self, sizes: Numbers, *, level: float) -> tuple[Numbers, Numbers]:
        scale = SCALES[self.scale]
        errors = self.spread * _errors(sizes, target=self.target, scale=self.scale)
        reach = special.ndtri((1 + level) / 2) * np.sqrt(errors**2 + self.between_variance)
        middle = scale.forth(np.array(self.target))
        return scale.back(middle - reach), scale.back(middle + reach)


def funnel(
    frame: pl.DataFrame,
    *,
    kind: Kind,
    scale: Overdispersion | None = None,
    is_adjusted: bool = True,
    is_corrected: bool = True,
    target: float | None = None,
    numerator: str = "numerator",
    denominator: str = "denominator",
    variance: str = "variance",
) -> Funnel:
    """Return the funnel of organisations in one period.

    Added to the rows, in their order: `value` (numerator ÷ denominator, in no unit), `z_score` (distance from the
    target on the scale, in standard errors; null where it is not finite), `lower_99_8`, `lower_95`, `upper_95` and
    `upper_99_8` at the organisation's own size, `position`, and `exact_position`, that of limits from chance alone. All
    are null for a row without counts or with denominator 0, which counts for nothing else.

    - `frame`: one row an organisation.
    - `kind`: `proportion` (of the denominator), `rate` (events by an exposure that is known), `ratio` (observed by
      expected) or `mean` (the sum of single values, which may be negative, by their number).
    - `variance`: of means alone, the column of the variance of single values in each organisation, in the square of
      their unit. An organisation without one has no place.
    - `scale`: that of overdispersion, by default `DEFAULT_SCALES`.
    - `is_corrected`: whether limits keep to their rates: those of chance alone by mid-P, τ² corrected for trimming
      (see `overdispersion.estimate`) and not told from organisations with fewer than `FEWEST_EXPECTED` expected. If
      not, they are as published: those of chance alone by chi-squared (rates and ratios), and τ² too small. SHMI is
      banded so.
    - `is_adjusted`: whether the limits make room for overdispersion, where there is any. From fewer than
      `MINIMUM_ORGANISATIONS` it is not estimated.
    - `target`: the value in the middle; by default all numerators by all denominators, and 1 for a ratio.

    Raises `ParameterError` for counts that are negative or not finite, a proportion above 1, a variance below 0, or a
    target that cannot be.
    """
    _refuse_impossible(frame, kind=kind, numerator=numerator, denominator=denominator)
    observed = frame[numerator].cast(pl.Float64).to_numpy()
    sizes = frame[denominator].cast(pl.Float64).to_numpy()
    has_figure = np.isfinite(observed) & (sizes > 0)
    variances = np.ones(len(sizes))
    if kind == "mean":
        variances = _variances(frame, variance)
        has_figure &= np.isfinite(variances)
    observed, sizes, variances = observed[has_figure], sizes[has_figure], variances[has_figure]
    pooled = float(np.sqrt((sizes * variances).sum() / sizes.sum())) if len(sizes) else 1.0
    if target is None:
        target = 1.0 if kind == "ratio" else float(observed.sum() / sizes.sum()) if len(sizes) else 0.0
    if not np.isfinite(target) or (kind != "mean" and target < 0) or (kind == "proportion" and target > 1):
        expected = "finite" if kind == "mean" else "0 or more, in no unit"
        raise ParameterError(f"target is {target!r}: expected a {kind} that can be, {expected}.")
    scale = scale or DEFAULT_SCALES[kind]
    value = observed / sizes
    errors = pooled * _errors(sizes, target=target, scale=scale)
    with np.errstate(invalid="ignore", divide="ignore"):  # a target of 0 has no error; nothing observed has no log
        z_scores = (SCALES[scale].forth(value) - SCALES[scale].forth(np.array(target))) / errors
    spread = Dispersion(1.0, 0.0)
    counted = np.isfinite(z_scores)
    if is_corrected:
        rarer = min(target, 1 - target) if kind == "proportion" else target
        counted &= sizes >= FEWEST_VALUES if kind == "mean" else sizes * rarer >= FEWEST_EXPECTED
    if counted.sum() >= MINIMUM_ORGANISATIONS and (kind == "mean" or target > 0):
        spread = estimate(
            z_scores[counted], errors[counted], is_truncated=SCALES[scale].is_truncated, is_corrected=is_corrected
        )
    is_adjusted = is_adjusted and spread.dispersion > 1 and spread.between_variance > 0
    columns = {"value": value, "z_score": np.where(np.isfinite(z_scores), z_scores, np.nan)}
    found = Funnel(
        points=frame,
        kind=kind,
        target=target,
        scale=scale,
        dispersion=spread.dispersion,
        between_variance=spread.between_variance,
        is_adjusted=is_adjusted,
        is_corrected=is_corrected,
        organisations=len(sizes),
        estimated_from=int(counted.sum()),
        spread=pooled,
    )
    exact = replace(found, is_adjusted=False).limits_at(sizes)
    limits = found.limits_at(sizes) if is_adjusted else exact
    points = _filled(frame, has_figure, columns | limits, positions(value, limits), positions(value, exact))
    return replace(found, points=points)


def _refuse_impossible(frame: pl.DataFrame, *, kind: Kind, numerator: str, denominator: str) -> None:
    counts = frame.select(
        numerator=pl.col(numerator).cast(pl.Float64), denominator=pl.col(denominator).cast(pl.Float64)
    )
    counted = pl.col("denominator") if kind == "mean" else pl.all()  # a sum of single values may be negative
    wrong = pl.any_horizontal(counted < 0, ~pl.all().is_finite())
    if kind == "proportion":
        wrong |= (pl.col("numerator") > pl.col("denominator")) & (pl.col("denominator") > 0)
    faulty = counts.with_row_index().filter(wrong)
    if not faulty.is_empty():
        row, found, size = faulty.row(0)
        raise ParameterError(
            f"row {row}: numerator {found!r} and denominator {size!r} make no {kind}; expected "
            f"{'finite figures, the denominator' if kind == 'mean' else 'counts of'} 0 or more"
            f"{', the numerator no more than the denominator' if kind == 'proportion' else ''}."
        )


def _variances(frame: pl.DataFrame, variance: str) -> Numbers:
    if variance not in frame.columns:
        raise ParameterError(
            f"no column {variance!r} among {', '.join(frame.columns)}: a funnel of means takes the variance of single "
            "values. Without it, show how the figures lie (`comparison.strip`)."
        )
    found = frame[variance].cast(pl.Float64).to_numpy()
    if (found < 0).any():
        raise ParameterError(
            f"{variance} is {float(np.nanmin(found))!r}: expected 0 or more, in the square of the values' unit."
        )
    return found


def _errors(sizes: Numbers, *, target: float, scale: Overdispersion) -> Numbers:
    """Return the standard errors on the scale: of the z-scores and, the same, of the limits.

    Of a logarithm it depends on the expected count; of a square root the target cancels: √target ÷ 2√(size × target).
    """
    with np.errstate(divide="ignore"):
        return SCALES[scale].error(sizes * target if scale == "logarithm" else sizes)


def positions(value: Numbers, limits: Mapping[str, Numbers]) -> list[str]:
    """Return where values lie against limits; on a limit is inside it."""
    conditions = [value > limits["upper_99_8"], value > limits["upper_95"], value < limits["lower_99_8"],
                  value < limits["lower_95"]]  # fmt: skip
    names = [Position.ABOVE_99_8, Position.ABOVE_95, Position.BELOW_99_8, Position.BELOW_95]
    return [str(name) for name in np.select(conditions, [name.value for name in names], Position.WITHIN_95.value)]


def _filled(
    frame: pl.DataFrame, has_figure: npt.NDArray[np.bool_], columns: Mapping[str, Numbers], position: list[str],
    exact_position: list[str],
) -> pl.DataFrame:  # fmt: skip
    """Add the columns to the rows that have a figure, and null to the others."""
    added = pl.DataFrame(
        {"row": np.flatnonzero(has_figure), **columns, "position": position, "exact_position": exact_position},
        schema_overrides={"row": pl.UInt32, "position": POSITION_TYPE, "exact_position": POSITION_TYPE},
    ).with_columns(pl.col("z_score").fill_nan(None))
    return frame.drop(added.columns, strict=False).with_row_index("row").join(added, on="row", how="left").drop("row")
