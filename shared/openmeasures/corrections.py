"""Known errors in a source, put right in the open: `corrections.yml` beside a measure.

Each entry says what is wrong, for whom and when, what is done about it and why, where that is documented, and what
the source says *now* (`expect`). If the source no longer says that, it has been mended: the entry must go, and until
then every run fails. The published figure itself stays in the store as it was published.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from openmeasures.definitions import faults, read_yaml, refuse_reversed
from openmeasures.errors import DefinitionError, near_miss
from openmeasures.organisations import ENGLAND, is_synthetic
from openmeasures.schemas import STATUS_TYPE, Status

FILE_NAME = "corrections.yml"


class Correction(BaseModel):
    """One known error: the observations it concerns, what they say, and the status that is true of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    reason: str
    url: HttpUrl | None = None  # nothing documents the synthetic sample but this project
    org_codes: list[str] = Field(min_length=1)
    date_from: date = Field(alias="from")
    date_to: date = Field(alias="to")
    metrics: list[str] = Field(min_length=1)
    expect: float
    # A correction takes a figure away, so it cannot say "reported".
    status: Literal[Status.SUPPRESSED, Status.NOT_SUBMITTED, Status.NOT_APPLICABLE]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        refuse_reversed(self.date_from, self.date_to)
        return self

    @property
    def synthetic(self) -> bool:
        """Whether the entry concerns the sample only."""
        return all(is_synthetic(code) for code in self.org_codes)


@dataclass(frozen=True)
class Corrected:
    """The observations after correction, and how many each entry changed."""

    observations: pl.DataFrame
    applied: list[tuple[Correction, int]]


def load(folder: Path) -> list[Correction]:
    """Read the corrections in a measure's folder; none where there is no file.

    Raises `DefinitionError` for a file that is not a list of entries with the fields of `Correction`.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    entries = read_yaml(path)
    if not isinstance(entries, list):
        raise DefinitionError(
            f"{path}: found {type(entries).__name__}, expected a list of entries. "
            "See analyses/README.md for the fields."
        )
    return [_correction(f"{path}, entry {number}", entry) for number, entry in enumerate(entries, start=1)]


def _correction(place: str, entry: object) -> Correction:
    try:
        return Correction.model_validate(entry)
    except ValidationError as error:
        raise DefinitionError(f"{place}: {faults(error, Correction)} See analyses/README.md for the fields.") from error


def apply(observations: pl.DataFrame, folder: Path) -> Corrected:
    """Return the observations with every correction made: null, with the entry's status.

    An entry about other months, or about the sample where these are real (and the reverse), is left aside. Raises
    `DefinitionError` where an observation does not say what the entry expects, or where an organisation or metric of
    the entry does not occur in its months: misspelt, it would be passed over in silence. What has the entry's status
    already is in order: another layout of the publication, such as a workbook beside a CSV, may tell the truth.
    """
    applied = []
    for correction in load(folder):
        _refuse_unknown(observations, correction, folder)
        is_its = _is_of(correction)
        is_true = pl.col("status") == correction.status
        mended = observations.filter(is_its & ~is_true & pl.col("value").ne_missing(correction.expect))
        if not mended.is_empty():
            first = mended.sort("period_start", "org_code").row(0, named=True)
            raise DefinitionError(
                f"{folder / FILE_NAME}, {correction.what!r}: {first['org_code']} has {first['metric']} = "
                f"{first['value']} in {first['period_start']:%Y-%m}, but the entry expects {correction.expect:g} "
                f"({mended.height} such figures). The source seems mended: narrow the entry or remove it."
            )
        changed = observations.filter(is_its).height
        if changed:
            applied.append((correction, changed))
            observations = observations.with_columns(
                value=pl.when(is_its).then(None).otherwise(pl.col("value")),
                status=pl.when(is_its)
                .then(pl.lit(correction.status.value, dtype=STATUS_TYPE))
                .otherwise(pl.col("status")),
            )
    return Corrected(observations, applied)


def concerned(folder: Path) -> pl.Expr:
    """Return whether an observation is one that some entry concerns, whatever it says."""
    return pl.any_horizontal(pl.lit(False), *(_is_of(correction) for correction in load(folder)))


def _is_of(correction: Correction) -> pl.Expr:
    return (
        pl.col("org_code").is_in(correction.org_codes)
        & pl.col("metric").is_in(correction.metrics)
        & pl.col("period_start").is_between(correction.date_from, correction.date_to)
    )


def _refuse_unknown(observations: pl.DataFrame, correction: Correction, folder: Path) -> None:
    within = observations.filter(
        pl.col("period_start").is_between(correction.date_from, correction.date_to), pl.col("org_code") != ENGLAND
    )
    if within.is_empty() or is_synthetic(within["org_code"][0]) != correction.synthetic:
        return
    for column, named in (("org_code", correction.org_codes), ("metric", correction.metrics)):
        known = within[column].unique().to_list()
        if unknown := [each for each in named if each not in known]:
            raise DefinitionError(
                f"{folder / FILE_NAME}, {correction.what!r}: {column} {unknown[0]!r} does not occur in the data of its "
                f"months.{near_miss(unknown[0], known)} Correct the entry."
            )
