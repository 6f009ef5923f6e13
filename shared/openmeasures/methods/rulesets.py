"""Rule-sets: how each of the known tools draws an XmR chart, as data in `reference/rulesets.yml`.

| name | gives |
|---|---|
| `RuleSet` | one tool's factor, screening, least number of points and rules |
| `load` | every rule-set, in the order of the file, the default first |
| `find` | one rule-set by id, with the near miss when there is none |
| `DEFAULT` | the id of the rule-set that charts use unless told otherwise |
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from openmeasures import project
from openmeasures.definitions import faults, read_yaml
from openmeasures.errors import DefinitionError, ParameterError, near_miss

DEFAULT = "making-data-count"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _divided(written: object) -> object:
    """Turn `3/1.128` into the number, so that the file can say where a factor comes from."""
    if not isinstance(written, str):
        return written
    numerator, _, denominator = written.partition("/")
    if not float(denominator or 1):
        raise ValueError("division by zero")
    return float(numerator) / float(denominator or 1)


class TwoInThree(_Strict):
    """Two of three neighbours beyond one near limit; those two are marked, whatever lies between them."""

    beyond_limits_count: bool  # whether a point beyond the process limit is one of the two
    third_point: Literal["same_side", "not_near_the_other_limit"]  # where the third may lie


class RuleSet(_Strict):
    """One tool's way to draw an XmR chart."""

    id: str
    title: str
    url: str = Field(pattern=r"^https://")
    verified: str  # what the fields rest on
    differs: str  # what of the tool they do not reproduce
    limit_factor: Annotated[float, BeforeValidator(_divided), Field(gt=0)]  # from mean to limit, in mean moving ranges
    screen_moving_ranges: bool  # whether ranges at or above 3.267 times their mean are left out, once
    minimum_points: int = Field(ge=2)  # fewest values with which a chart has limits
    shift_points: int = Field(ge=2)
    shift_on_mean: bool  # whether as many points exactly on the mean are a shift, too; it has no direction
    trend_points: int = Field(ge=3)
    two_in_three: TwoInThree
    conflict: Literal["precedence", "improvement"]  # which rule names a point that one calls better and one worse


def reference_file() -> Path:
    """Return the file of rule-sets, whichever folder the command or notebook started in."""
    return project.root() / "reference" / "rulesets.yml"


def load(path: Path | None = None) -> tuple[RuleSet, ...]:
    """Return every rule-set, in the order of the file.

    Raises `DefinitionError` for a missing or malformed file, an unknown key, a value that does not fit or an id that
    stands twice. A file is read once a process.
    """
    return _load(path or reference_file())


def find(rule_set: str, path: Path | None = None) -> RuleSet:
    """Return the rule-set with this id; `ParameterError`, with the near miss, where there is none.

    >>> find("abspc").shift_points
    8
    """
    known = {each.id: each for each in load(path)}
    if rule_set not in known:
        raise ParameterError(
            f"rule-set {rule_set!r}: not in reference/rulesets.yml.{near_miss(rule_set, known)} "
            f"Known rule-sets: {', '.join(known)}."
        )
    return known[rule_set]


@cache
def _load(path: Path) -> tuple[RuleSet, ...]:
    if not path.is_file():
        raise DefinitionError(f"{path}: no such file, expected the list of rule-sets. Restore it from the repository.")
    content = read_yaml(path)
    if not isinstance(content, list):
        raise DefinitionError(f"{path}: found {type(content).__name__}, expected a list of rule-sets.")
    try:
        rule_sets = TypeAdapter(tuple[RuleSet, ...]).validate_python(content)
    except ValidationError as error:
        raise DefinitionError(f"{path}: {faults(error, RuleSet)}") from error
    ids = [each.id for each in rule_sets]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise DefinitionError(f"{path}: id {', '.join(twice)} stands twice, expected once. Rename or remove one.")
    return rule_sets
