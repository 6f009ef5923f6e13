"""The sample's invented ambulance services, read from `reference/sample/`, and what is planted in each."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

import dataframely as dy
import polars as pl

from openmeasures.reference import read_table
from openmeasures.sample.organisations import reference_folder


class AmbulanceStory(StrEnum):
    """What is planted in one service; the dates and sizes are the constants below."""

    STEP_IMPROVEMENT = "step_improvement"
    STABLE = "stable"
    NOT_SUBMITTED = "not_submitted"
    BEGAN_LATE = "began_late"


STEP_FROM = date(2024, 10, 1)  # eighteen months before the end, as in the sample's A&E departments
STEP_FACTOR = 0.7  # of Category 2 times: about five times the noise
# First and last; London's figures are missing for the same two months.
NOT_SUBMITTED_MONTHS = (date(2022, 10, 1), date(2022, 11, 1))
BEGAN = date(
    2022, 7, 1
)  # the publication has zeros until a service begins, for example the Isle of Wight's to March 2018


class AmbulanceServices(dy.Schema):
    """One row: an invented service, its size, its baseline and what is planted in it."""

    org_code = dy.String(nullable=False, primary_key=True, regex=r"^Z-A\d$")
    org_name = dy.String(nullable=False, unique=True)
    region_code = dy.String(nullable=False, regex=r"^Z-Y\d$")
    region_name = dy.String(nullable=False)
    monthly_category_1 = dy.Int64(nullable=False, min=1)
    monthly_category_2 = dy.Int64(nullable=False, min=1)
    category_1_minutes = dy.Float64(nullable=False, min=1)
    category_2_minutes = dy.Float64(nullable=False, min=1)
    story = dy.Enum([story.value for story in AmbulanceStory], nullable=False)
    story_note = dy.String(nullable=False)

    @dy.rule()
    def a_region_has_one_name(cls) -> pl.Expr:
        return pl.col("region_name").n_unique().over("region_code") == 1


class AmbulanceService(NamedTuple):
    """A row of `AmbulanceServices`."""

    org_code: str
    org_name: str
    region_code: str
    region_name: str
    monthly_category_1: int
    monthly_category_2: int
    category_1_minutes: float
    category_2_minutes: float
    story: str
    story_note: str


def read_services() -> list[AmbulanceService]:
    """Return the invented services in order of code.

    Raises `DefinitionError` where the file is missing, or a column or row is not as `AmbulanceServices` describes.
    """
    table = read_table(reference_folder() / "ambulance_services.csv", AmbulanceServices)
    return [AmbulanceService(**row) for row in table.sort("org_code").iter_rows(named=True)]
