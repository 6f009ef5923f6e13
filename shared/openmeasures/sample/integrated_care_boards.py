"""The sample's invented integrated care boards, read from `reference/sample/`, and what is planted in each."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

import dataframely as dy
import polars as pl

from openmeasures.reference import read_table
from openmeasures.sample.organisations import reference_folder


class BoardStory(StrEnum):
    """What is planted in one board's virtual wards; the dates and sizes are the constants below."""

    STABLE = "stable"
    NOT_SUBMITTED = "not_submitted"
    OVER_CAPACITY = "over_capacity"
    STEP_INCREASE = "step_increase"
    CAPACITY_DOUBLED = "capacity_doubled"


NOT_SUBMITTED_MONTH = date(2025, 2, 1)  # as two boards in the publication
STEP_FROM, STEP_POINTS = date(2024, 10, 1), 0.15  # about twice the noise
DOUBLED_FROM, DOUBLED_OCCUPIED = date(2025, 4, 1), 0.5  # of what it was: the patients are the same at first


class Boards(dy.Schema):
    """One row: an invented board, its people, its places and the share of them that is occupied."""

    org_code = dy.String(nullable=False, primary_key=True, regex=r"^Z-Q\d{1,2}$")
    org_name = dy.String(nullable=False, unique=True, regex=r"^NHS .+ Integrated Care Board$")
    region_name = dy.String(nullable=False)
    registered = dy.Int64(nullable=False, min=1)
    places = dy.Int64(nullable=False, min=1)
    occupied = dy.Float64(nullable=False, min=0)
    story = dy.Enum([story.value for story in BoardStory], nullable=True)
    story_note = dy.String(nullable=True)

    @dy.rule()
    def note_stands_exactly_with_story(cls) -> pl.Expr:
        return pl.col("story_note").is_not_null() == pl.col("story").is_not_null()


class Board(NamedTuple):
    """A row of `Boards`."""

    org_code: str
    org_name: str
    region_name: str
    registered: int
    places: int
    occupied: float
    story: str | None
    story_note: str | None


def read_boards() -> list[Board]:
    """Return the invented boards in order of region and name, as the publication has them.

    Raises `DefinitionError` where the file is missing, or a column or row is not as `Boards` describes.
    """
    table = read_table(reference_folder() / "integrated_care_boards.csv", Boards)
    return [Board(**row) for row in table.sort("region_name", "org_name").iter_rows(named=True)]
