"""Charts and icons that are known from elsewhere: the cases of `tests/oracles/spc.yml`, read and checked.

| name | gives |
|---|---|
| `load` | every case |
| `Oracles` | the charts, each with what every rule-set's tool gives for it, and the cases of assurance |
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from openmeasures import project
from openmeasures.definitions import faults, read_yaml
from openmeasures.errors import DefinitionError
from openmeasures.methods import rulesets
from openmeasures.methods.spc import Assurance, SpecialCause

MARKED = "marked"  # for a tool that flags points without saying by which rule
FULL_DIGITS = 1e-9  # what two programs may differ by that add in another order
Limits = tuple[float | None, float | None, float | None]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Strict):
    """What a tool gives for one series."""

    rule_set: str
    limits: Limits | None = None  # None: not known; a limit that is None: the tool leaves it undefined
    tolerance: float = FULL_DIGITS
    marks: dict[str, SpecialCause | Literal["marked"]]
    source: str
    departs: str | None = None  # why ours differs on purpose


class Chart(_Strict):
    """A series, and what each tool gives for it."""

    id: str
    title: str
    values: list[float | None]
    expected: list[Expected]


class Standard(_Strict):
    """Limits and a standard, and what the standard's place means for each direction of improvement."""

    lower: float
    upper: float
    standard: float | None
    increase: Assurance | None
    decrease: Assurance | None
    neutral: Assurance | None


class Oracles(_Strict):
    """The whole file."""

    charts: list[Chart]
    assurance: list[Standard]

    @model_validator(mode="after")
    def _covers_every_rule_set(self) -> Self:
        ids = [rules.id for rules in rulesets.load()]
        for chart in self.charts:
            if [each.rule_set for each in chart.expected] != ids:
                raise ValueError(f"chart {chart.id!r} must have every rule-set once, in the order of rulesets.yml")
        return self


def load(path: Path | None = None) -> Oracles:
    """Return the cases of `tests/oracles/spc.yml`; `DefinitionError` for one that does not fit."""
    path = path or project.root() / "tests" / "oracles" / "spc.yml"
    try:
        return Oracles.model_validate(read_yaml(path))
    except ValidationError as error:
        raise DefinitionError(f"{path}: {faults(error, Oracles)}") from error
