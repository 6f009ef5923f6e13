"""The sample's invented organisations and mergers, read from `reference/sample/` and checked.

Nothing there is real: a code such as `Z-07` cannot be an ODS code, which has letters and digits only.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import polars as pl

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.reference import read_table
from openmeasures.sample.stories import Story


class SampleOrganisations(dy.Schema):
    """One row: an invented organisation, its size, its baseline and what is planted in it."""

    org_code = dy.String(nullable=False, primary_key=True, regex=r"^Z-\d{2}$")
    org_name = dy.String(nullable=False, unique=True)
    org_type = dy.Enum(
        ["acute trust", "specialist trust", "community trust", "urgent treatment centre", "walk-in centre"],
        nullable=False,
    )
    system_name = dy.String(nullable=False)
    region_name = dy.String(nullable=False)
    monthly_attendances_type_1 = dy.Int64(nullable=False, min=0)
    monthly_attendances_type_2 = dy.Int64(nullable=False, min=0)
    monthly_attendances_type_3 = dy.Int64(nullable=False, min=0)
    within_four_hours = dy.Float64(nullable=True, min=0, max=1)
    story = dy.Enum([story.value for story in Story], nullable=True)
    story_note = dy.String(nullable=True)

    @dy.rule()
    def within_four_hours_stands_exactly_with_type_1(cls) -> pl.Expr:
        return pl.col("within_four_hours").is_not_null() == (pl.col("monthly_attendances_type_1") > 0)

    @dy.rule()
    def note_stands_exactly_with_story(cls) -> pl.Expr:
        return pl.col("story_note").is_not_null() == pl.col("story").is_not_null()

    @dy.rule()
    def trusts_alone_are_named_nhs_trust(cls) -> pl.Expr:
        is_trust = pl.col("org_type").cast(pl.String).str.ends_with("trust")
        return pl.col("org_name").str.contains(r" NHS (Foundation )?Trust$") == is_trust


class Successions(dy.Schema):
    """One row: an organisation whose patients are counted by another from `date` on."""

    org_code = dy.String(nullable=False, primary_key=True)
    successor_code = dy.String(nullable=False)
    date = dy.Date(nullable=False)
    note = dy.String(nullable=False)

    @dy.rule()
    def successor_is_another_organisation(cls) -> pl.Expr:
        return pl.col("successor_code") != pl.col("org_code")


class Organisation(NamedTuple):
    """A row of `SampleOrganisations`."""

    org_code: str
    org_name: str
    org_type: str
    system_name: str
    region_name: str
    monthly_attendances_type_1: int
    monthly_attendances_type_2: int
    monthly_attendances_type_3: int
    within_four_hours: float | None
    story: str | None
    story_note: str | None


def reference_folder() -> Path:
    """Return the folder of the sample's reference tables."""
    return project.root() / "reference" / "sample"


def read_organisations() -> pl.DataFrame:
    """Return the invented organisations, one row each, as `SampleOrganisations` describes.

    Raises `DefinitionError` where the file is missing, or a column or row is not as described.
    """
    return _organisations(reference_folder() / "organisations.csv")


@cache  # a run asks for them, and for the mergers that are checked against them
def _organisations(path: Path) -> pl.DataFrame:
    return read_table(path, SampleOrganisations)


def read_successions() -> pl.DataFrame:
    """Return the invented mergers in order of date, as `Successions` describes.

    Raises `DefinitionError` where the file is missing, a column or row is not as described, or a code is unknown.
    """
    path = reference_folder() / "successions.csv"
    table = read_table(path, Successions).sort("date", "org_code")
    known = read_organisations()["org_code"]
    for column in ("org_code", "successor_code"):
        unknown = sorted(set(table[column]) - set(known))
        if unknown:
            raise DefinitionError(f"{path}: {column} {unknown!r} not in organisations.csv. Add them there, or correct.")
    return table
