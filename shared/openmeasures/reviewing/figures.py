"""Our intervals, funnels, standardised rates and waits beside figures that others have published.

| name | gives |
|---|---|
| `load` | the cases of `tests/oracles/figures.yml` |
| `compare` | what is expected and what we give, for every case |
| `section` | the same as a part of the page on conformance |
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from openmeasures import project
from openmeasures.definitions import faults, read_yaml
from openmeasures.errors import DefinitionError
from openmeasures.methods import intervals, overdispersion, standardise, waits
from openmeasures.methods.funnel import LIMITS, Funnel

Method = Literal[
    "wilson", "exact_binomial", "exact_poisson", "funnel_exact", "funnel_logarithm", "dispersion", "between_variance",
    "truncated", "directly_standardised", "median_wait",
]  # fmt: skip
TITLES: dict[Method, str] = {
    "wilson": "Wilson's interval of a proportion",
    "exact_binomial": "Exact interval of a proportion",
    "exact_poisson": "Exact interval of a count",
    "funnel_exact": "Exact funnel limits of a ratio (99.8 %, 95 %, 95 %, 99.8 %)",
    "funnel_logarithm": "Funnel limits of SHMI with overdispersion",
    "dispersion": "Dispersion φ of SHMI",
    "between_variance": "Variance between organisations τ² of SHMI",
    "truncated": "How many are left by truncation",
    "directly_standardised": "Directly standardised rate",
    "median_wait": "Median wait from weekly bands",
}


class Case(BaseModel):
    """A method, what goes in, and what others say comes out, to so many decimals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method
    inputs: list[float]
    expected: list[float]
    decimals: int
    source: str


class Compared(NamedTuple):
    """A case and what we give."""

    case: Case
    ours: list[float]

    @property
    def agrees(self) -> bool:
        """Whether ours rounds to what is expected; half a unit is as near as the printed figure allows."""
        within = 0.5 * 10.0**-self.case.decimals * (1 + 1e-6)
        pairs = zip(self.ours, self.case.expected, strict=True)
        return all(abs(ours - theirs) <= within for ours, theirs in pairs)


def load(path: Path | None = None) -> list[Case]:
    """Return the cases; `DefinitionError` for one that does not fit."""
    path = path or project.root() / "tests" / "oracles" / "figures.yml"
    try:
        return TypeAdapter(list[Case]).validate_python(read_yaml(path))
    except ValidationError as error:
        raise DefinitionError(f"{path}: {faults(error, Case)}") from error


def compare(cases: list[Case] | None = None) -> list[Compared]:
    """Return every case with what we give for it."""
    return [Compared(case, _ours(case.method, case.inputs)) for case in (load() if cases is None else cases)]


def section(compared: list[Compared]) -> str:
    """Return a table for each method, and how many cases agree."""
    agreeing = sum(each.agrees for each in compared)
    parts = [f"## Intervals, funnels, rates and waits\n\nOf {len(compared)} figures {agreeing} agree.\n"]
    for method, title in TITLES.items():
        rows = [_row(each) for each in compared if each.case.method == method]
        head = "| Inputs | Expected | Ours | Agrees | Source |\n|:--|:--|:--|:--|:--|"
        parts.append("\n".join([f"### {title}\n", head, *rows]) + "\n")
    return "\n".join(parts)


def _row(each: Compared) -> str:
    case = each.case
    inputs = ", ".join(f"{value:g}" for value in case.inputs)
    expected, ours = (
        ", ".join(f"{value:.{case.decimals}f}" for value in found) for found in (case.expected, each.ours)
    )
    return f"| {inputs} | {expected} | {ours} | {'yes' if each.agrees else 'no'} | {case.source} |"


def _ours(method: Method, inputs: list[float]) -> list[float]:  # noqa: PLR0911 - one for each method
    row = pl.DataFrame([inputs[:2]], schema=["first", "second"][: len(inputs[:2])], orient="row")
    first, second = pl.col("first"), pl.col("second")
    match method:
        case "wilson":
            return list(row.select(intervals.wilson(first, second)).row(0))
        case "exact_binomial":
            return list(row.select(intervals.exact_binomial(first, second)).row(0))
        case "exact_poisson":
            return list(row.select(intervals.exact_poisson(first)).row(0))
        case "funnel_exact" | "funnel_logarithm":
            size, variance = inputs[0], (inputs[1] if method == "funnel_logarithm" else 0.0)
            funnel = Funnel(
                pl.DataFrame(),
                kind="ratio",
                target=1.0,
                scale="logarithm",
                dispersion=1.0,
                between_variance=variance,
                is_adjusted=variance > 0,
                is_corrected=False,
                organisations=1,
                estimated_from=1,
            )
            return list(funnel.limits([size]).select(LIMITS).row(0))
        case "dispersion" | "between_variance":
            observed, expected = np.split(np.array(inputs), 2)
            errors = 1 / np.sqrt(expected)
            scores = np.log(observed / expected) / errors
            found = overdispersion.estimate(scores, errors, is_truncated=True, is_corrected=False)
            return [getattr(found, method)]
        case "truncated":
            scores, _ = overdispersion.trimmed(np.arange(inputs[0]), is_truncated=True)
            return [float(len(scores))]
        case "directly_standardised":
            count, population, weight = np.split(np.array(inputs), 3)
            ages = [str(age) for age in range(len(count))]
            strata = pl.DataFrame({"org_code": "case", "age_band": ages, "count": count, "population": population})
            standard = pl.DataFrame({"standard_population": "case", "age_band": ages, "weight": weight})
            return [standardise.directly(strata, by="org_code", standard=standard)["rate"].item()]
        case _:  # the median wait
            bands = pl.DataFrame(
                {"org_code": "case", "weeks_from": range(len(inputs)), "weeks_to": range(1, len(inputs) + 1),
                 "waiting": inputs}
            )  # fmt: skip
            return [waits.percentile(bands, share=0.5, by="org_code")["weeks"].item()]
