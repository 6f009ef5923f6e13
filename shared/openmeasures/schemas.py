"""The shapes of the tables that pass between modules; each is checked once, where it is made.

| schema | one row is |
|---|---|
| `Observations` | one published figure of one organisation in one period, whole or in part, with status and release |
| `Organisations` | one organisation as one release names it |
| `Counts` | numerator and denominator of one organisation in one period |

A figure that is not there is never a zero: its value is null and its `Status` says why.
"""

from enum import StrEnum

import dataframely as dy
import polars as pl


class Status(StrEnum):
    """Why a value is there, or is not."""

    REPORTED = "reported"  # a figure was published, zero included
    SUPPRESSED = "suppressed"  # published as too small to show, or too faulty
    NOT_SUBMITTED = "not_submitted"  # expected, and missing
    NOT_APPLICABLE = "not_applicable"  # never expected, for example a trust that field-tests another standard


STATUSES = [status.value for status in Status]
STATUS_TYPE = pl.Enum(STATUSES)
EXCEEDS = "exceeds_whole"  # a column beside `Counts` of proportions: more in the numerator than in the denominator


class Observations(dy.Schema):
    """One row: one metric of one organisation in one period, as one release gives it.

    `breakdown` names a way to divide the metric, such as `treatment_function`, and `category` one of its parts; both
    are empty for the whole. A part belongs to one breakdown only (never treatment function *and* weeks waited, say),
    so the categories of a breakdown add up to the whole, and no sum that keeps to one breakdown counts twice.
    """

    source = dy.String(nullable=False, min_length=1)
    metric = dy.String(nullable=False, min_length=1, primary_key=True)
    org_code = dy.String(nullable=False, min_length=1, primary_key=True)
    breakdown = dy.String(nullable=False, primary_key=True)
    category = dy.String(nullable=False, primary_key=True)
    period_start = dy.Date(nullable=False, primary_key=True)
    period_end = dy.Date(nullable=False)
    value = dy.Float64(nullable=True)
    status = dy.Enum(STATUSES, nullable=False)
    release = dy.String(nullable=False, min_length=64, max_length=64, primary_key=True)

    @dy.rule()
    def value_stands_exactly_where_status_is_reported(cls) -> pl.Expr:
        return pl.col("value").is_not_null() == (pl.col("status") == Status.REPORTED)

    @dy.rule()
    def a_category_stands_exactly_where_a_breakdown_does(cls) -> pl.Expr:
        return (pl.col("breakdown") == "") == (pl.col("category") == "")


class Organisations(dy.Schema):
    """One row: an organisation's code, name and parent as one release gives them.

    `system_code` is that of the integrated care board that the release puts it in; null where it names none.
    """

    org_code = dy.String(nullable=False, min_length=1, primary_key=True)
    org_name = dy.String(nullable=False, min_length=1)
    parent_name = dy.String(nullable=False)
    system_code = dy.String(nullable=True, min_length=1)
    period_start = dy.Date(nullable=False, primary_key=True)
    release = dy.String(nullable=False, min_length=64, max_length=64, primary_key=True)


class Counts(dy.Schema):
    """One row: numerator and denominator of one organisation in one period; both null unless reported."""

    org_code = dy.String(nullable=False, primary_key=True)
    period_start = dy.Date(nullable=False, primary_key=True)
    numerator = dy.Float64(nullable=True)
    denominator = dy.Float64(nullable=True)
    status = dy.Enum(STATUSES, nullable=False)

    @dy.rule()
    def counts_stand_exactly_where_status_is_reported(cls) -> pl.Expr:
        reported = pl.col("status") == Status.REPORTED
        return (pl.col("numerator").is_not_null() == reported) & (pl.col("denominator").is_not_null() == reported)
