"""The choice of peers for every notebook at once: `reference/peers.yml`, which a fork may change.

A measure says whom it makes sense to compare at all (`peers` in `measure.yml`), such as those with a major department.
Here that group may be narrowed: to those of the same type, to nearest neighbours, or to a group of one's own. It is
never widened, so that nobody is compared with whom the measure does not compare them.

| name | gives |
|---|---|
| `load` | the choice, checked |
| `narrowed` | the codes that remain of a group, and words for them |
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from openmeasures import reference, register
from openmeasures.definitions import faults, read_yaml
from openmeasures.errors import DefinitionError
from openmeasures.methods.neighbours import nearest
from openmeasures.parameters import Parameters

FILE = "peers.yml"
SIZE = "size"  # the feature that is the measure's own denominator, whatever it counts


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Neighbours(_Strict):
    """How many nearest neighbours, and by which features: `SIZE`, or metrics that the measure takes."""

    number: int = Field(ge=1)
    features: list[str] = Field(min_length=1)


class Group(_Strict):
    """A group of one's own: whoever is in it is compared with the others in it."""

    name: str = Field(min_length=1)
    org_codes: list[str] = Field(min_length=2)


class Choice(_Strict):
    """The file: `compare_with` holds for whoever is in none of `groups`."""

    compare_with: Literal["measure", "type", "neighbours"]
    neighbours: Neighbours
    groups: list[Group] = []


def load() -> Choice:
    """Read the choice. Raises `DefinitionError` for a file that is missing or not as `Choice` describes it."""
    return _load(reference.folder() / FILE)


@cache
def _load(path: Path) -> Choice:
    try:
        return Choice.model_validate(read_yaml(path))
    except ValidationError as error:
        raise DefinitionError(f"{path}: {faults(error, Choice)} See analyses/README.md for the fields.") from error


def narrowed(run: Parameters, org_codes: Sequence[str], recent: pl.DataFrame) -> tuple[list[str], str]:
    """Return those of a group that the run's organisation is compared with, itself included, and words for them.

    The words follow those for the group and are empty where nothing is narrowed, as for an organisation whose type is
    not known.

    - `recent`: `org_code, metric, value` of the last year, for features.

    Raises `DefinitionError` for a feature that the measure has no metric for.
    """
    choice = load()
    own = next((group for group in choice.groups if run.org_code in group.org_codes), None)
    if own:
        return [code for code in org_codes if code in own.org_codes], f" (of the group “{own.name}”)"
    if choice.compare_with == "type":
        types = dict(run.organisations.select("org_code", "org_type").iter_rows())
        kind = types[run.org_code]
        if kind != register.UNKNOWN:
            return [code for code in org_codes if types.get(code) == kind], f" (of the type “{kind}”)"
    if choice.compare_with == "neighbours":
        number, features = choice.neighbours.number, choice.neighbours.features
        found = nearest(
            _features(run, org_codes, recent, features), org_code=run.org_code, features=features, number=number
        )
        named = " and ".join(feature.replace("_", " ") for feature in features)
        return sorted({run.org_code, *found}), f" (the {len(found)} nearest to it by {named})"
    return list(org_codes), ""


def _features(run: Parameters, org_codes: Sequence[str], recent: pl.DataFrame, features: Sequence[str]) -> pl.DataFrame:
    """Return `org_code` and each feature, an average of what was reported; null where nothing was."""
    denominator = run.measure.denominator
    signs = dict.fromkeys(denominator.add, 1.0) | dict.fromkeys(denominator.subtract, -1.0)
    known = [SIZE, *run.measure.metrics]
    for feature in features:
        if feature not in known:
            raise DefinitionError(
                f"{reference.folder() / FILE}, features: {feature!r} is none of {run.measure.id}'s. Expected one of "
                f"{', '.join(known)}."
            )
    sign = pl.col("metric").replace_strict(signs, default=0.0, return_dtype=pl.Float64)
    of_metrics = [
        pl.col("value").filter(pl.col("metric") == feature).mean().alias(feature)
        for feature in features
        if feature != SIZE
    ]
    return (
        recent.filter(pl.col("org_code").is_in(list(org_codes)))
        .group_by("org_code")
        .agg((pl.col("value") * sign).filter(sign != 0).mean().alias(SIZE), *of_metrics)
    )
