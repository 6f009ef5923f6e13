"""Rates and ratios that do not differ because one population is older than another.

| name | gives |
|---|---|
| `directly` | the rate that a standard population would have with this one's rates, from events and people by age |
| `indirectly` | observed events ÷ those expected with the rates of a standard population, by age |
| `ratio` | the same from the two totals, as expressions |
| `Withheld` | why a figure is not given |

With O_i events in n_i people of stratum i, weights w_i, and rates λ_i of the standard population,

    rate = Σ w_i O_i / n_i ÷ Σ w_i        variance = Σ w_i² O_i / n_i² ÷ (Σ w_i)²        ratio = Σ O_i ÷ Σ n_i λ_i

Directly standardised rates compare with each other. Two ratios do not: each rests on the age structure of its own
population, and says only how that differs from the standard. But a ratio needs fewer events. Strata are mostly bands of
age, and may be anything else that is in both tables.

Nothing is left out in silence: a stratum that is in one table alone is an error, and a figure that cannot or should not
be given is null with its reason.

Sources:
1. Office for Health Improvement and Disparities, Public health technical guidance: Indirectly standardised ratios,
   https://fingertips.phe.org.uk/static-reports/public-health-technical-guidance/Standardisation/ISRatios.html
2. Association of Public Health Observatories, Technical briefing 3: Commonly used public health statistics and their
   confidence intervals. 2008.
3. Public Health England, Tool for common public health statistics and their confidence intervals, February 2018.
4. Morris JK, Tan J, Fryers P, Bestwick J. Evaluation of stability of directly standardized rates for sparse data using
   simulation methods. Population Health Metrics 2018; 16: 19. https://doi.org/10.1186/s12963-018-0177-1
"""

from collections.abc import Sequence
from enum import StrEnum

import polars as pl

from openmeasures.errors import ParameterError
from openmeasures.methods.intervals import dobson, poisson
from openmeasures.methods.strata import joined

MINIMUM_EVENTS = 10  # with fewer, neither the rate nor its limits are stable [4], and guidance is to give none [3]


class Withheld(StrEnum):
    """Why a figure is null; where several apply, the first."""

    MISSING_COUNT = "missing_count"  # a stratum's count is null, so that the total is not known
    NO_POPULATION = "no_population"  # a stratum has nobody in it, so that its rate is not known
    FEW_EVENTS = "few_events"  # below the minimum
    NOTHING_EXPECTED = "nothing_expected"  # the standard's rates, or the people in these strata, are 0


def directly(
    frame: pl.DataFrame,
    *,
    by: str | Sequence[str],
    standard: pl.DataFrame,
    stratum: str = "age_band",
    count: str = "count",
    population: str = "population",
    scale: float = 100_000,
    minimum_events: int = MINIMUM_EVENTS,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Return a directly standardised rate with its limits for each population.

    One row a population: its `by` columns, `count` and `population` in all strata together, `rate` per `scale` people,
    `variance` in the square of that unit, `lower` and `upper` limit after Dobson (`intervals.dobson`), `withheld`, and
    `standard_population`, the name of the standard. Rate, variance and limits are null with a reason in `withheld` if:

    - a count is null (`count` is then null, too), suppressed ones included;
    - a stratum has neither people nor events: its rate is not known, and 0 would be a guess. Join it to its neighbour,
      in both tables;
    - there are fewer events than `minimum_events`. If that is 0, no events are a rate of 0 without limits.

    - `frame`: one row a population and stratum: events (0 where there were none, null where not known) and people.
    - `by`: columns that name a population, such as organisation and year.
    - `standard`: `standard_population` (one name), the strata, and `weight` above 0, in any unit, such as
      `standard_populations.load` gives.
    - `scale`: people in the unit of the rate.
    - `minimum_events`: fewest events for which a rate is given, 0 or more.

    Raises `ParameterError` for strata that are not the same in both tables, for a row that stands twice or lacks a key,
    for events without people, and for a figure that is negative, not finite or, other than a count, null.

    >>> deaths = pl.DataFrame(
    ...     {"org_code": "RJ1", "age_band": ["0-64", "65+"], "count": [10, 60], "population": [20_000, 4_000]}
    ... )
    >>> standard = pl.DataFrame({"standard_population": "Ours", "age_band": ["0-64", "65+"], "weight": [80, 20]})
    >>> rates = directly(deaths, by="org_code", standard=standard)
    >>> rates.select(pl.col("rate", "lower", "upper").round(1), "withheld", "standard_population").row(0)
    (340.0, 264.8, 429.8, None, 'Ours')
    """
    if minimum_events < 0:
        raise ParameterError(f"minimum_events is {minimum_events!r}: expected 0 or more.")
    keys = [by] if isinstance(by, str) else list(by)
    weight, events, people = pl.col("weight"), pl.col("count"), pl.col("population")
    if not standard.filter(weight == 0).is_empty():
        raise ParameterError(
            "standard: found weight 0, expected weights above 0. Leave such strata out of both tables."
        )
    rates = (
        joined(frame, keys, standard, stratum=stratum, count=count, population=population, figure="weight")
        .group_by(keys, maintain_order=True)
        .agg(
            _total(events),
            people.sum(),
            rate=(weight * events / people).sum() / weight.sum() * scale,
            variance=(weight**2 * events / people**2).sum() / weight.sum() ** 2 * scale**2,
            empty=(people == 0).any(),
        )
        .with_columns(
            withheld=_first(
                (events.is_null(), Withheld.MISSING_COUNT),
                (pl.col("empty"), Withheld.NO_POPULATION),
                (events < minimum_events, Withheld.FEW_EVENTS),
            )
        )
        .with_columns(_given("rate", "variance"))
    )
    lower, upper = dobson(pl.col("rate"), pl.col("variance"), events, confidence=confidence)
    return rates.select(*keys, "count", "population", "rate", "variance", lower, upper, "withheld", _name(standard))


def indirectly(
    frame: pl.DataFrame,
    *,
    by: str | Sequence[str],
    standard: pl.DataFrame,
    stratum: str = "age_band",
    count: str = "count",
    population: str = "population",
    scale: float = 1.0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Return an indirectly standardised ratio with its limits for each population.

    One row a population: its `by` columns, `observed` and `expected` events, the `ratio`, its `lower` and `upper` limit
    as of `ratio`, `withheld`, and `standard_population`, whose ratio is `scale`. Ratio and limits are null with a
    reason in `withheld` if a count is null or no events are expected. A stratum without people expects none.

    - `frame`, `by`: as for `directly`.
    - `standard`: `standard_population` (one name), the strata, and `rate`, events a head, 0 or more.
    - `scale`: 1, or 100 for a ratio in percent, as most are printed.

    Raises `ParameterError` as `directly` does.

    >>> deaths = pl.DataFrame(
    ...     {"org_code": "RJ1", "age_band": ["0-64", "65+"], "count": [10, 60], "population": [20_000, 4_000]}
    ... )
    >>> england = pl.DataFrame({"standard_population": "Ours", "age_band": ["0-64", "65+"], "rate": [0.001, 0.02]})
    >>> ratios = indirectly(deaths, by="org_code", standard=england, scale=100)
    >>> ratios.select("observed", "expected", pl.col("ratio", "lower", "upper").round(1)).row(0)
    (70, 100.0, 70.0, 54.6, 88.4)
    """
    keys = [by] if isinstance(by, str) else list(by)
    observed, expected = pl.col("observed"), pl.col("expected")
    value, lower, upper = ratio(observed, expected, scale=scale, confidence=confidence)
    return (
        joined(frame, keys, standard, stratum=stratum, count=count, population=population, figure="rate")
        .group_by(keys, maintain_order=True)
        .agg(_total(pl.col("count")).alias("observed"), expected=(pl.col("population") * pl.col("rate")).sum())
        .with_columns(
            withheld=_first((observed.is_null(), Withheld.MISSING_COUNT), (expected == 0, Withheld.NOTHING_EXPECTED))
        )
        .select(*keys, "observed", "expected", value, lower, upper, "withheld", _name(standard))
    )


def ratio(
    observed: pl.Expr, expected: pl.Expr, *, scale: float = 1.0, confidence: float = 0.95
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return observed ÷ expected events with its lower and upper limit, all times `scale`.

    The limits are those of the observed count, exact below 10 events and Byar's from 10 (`intervals.poisson`), over the
    expected, which is taken to be known without error [1]. Null where `observed` is no count, or `expected` is null,
    not finite, or not above 0.

    - `observed`: events, 0 or more.
    - `expected`: events that the rates of a standard population would bring, above 0.

    Raises `ParameterError` for a confidence that is not above 0 and below 1.

    >>> figures = ratio(pl.col("observed"), pl.col("expected"), scale=100)
    >>> pl.DataFrame({"observed": [8], "expected": [3.59]}).select(figures).select(pl.all().round(1)).row(0)
    (222.8, 96.2, 439.1)
    """
    lower, upper = poisson(observed, confidence=confidence)
    possible = lower.is_not_null() & expected.is_finite() & (expected > 0)
    value, least, greatest = (
        pl.when(possible).then(events / expected * scale) for events in (observed.cast(pl.Float64), lower, upper)
    )
    return value.alias("ratio"), least.alias("lower"), greatest.alias("upper")


def _total(events: pl.Expr) -> pl.Expr:
    return pl.when(events.is_not_null().all()).then(events.sum())  # a sum would take null for 0


def _first(*reasons: tuple[pl.Expr, Withheld]) -> pl.Expr:
    return pl.coalesce(pl.when(applies).then(pl.lit(reason.value)) for applies, reason in reasons)


def _given(*columns: str) -> pl.Expr:
    return pl.when(pl.col("withheld").is_null()).then(pl.col(*columns))


def _name(standard: pl.DataFrame) -> pl.Expr:
    return pl.lit(standard["standard_population"][0]).alias("standard_population")
