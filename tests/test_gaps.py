"""Periods without a file: rows for them, with the level and the standards of their time, and no more."""

from datetime import date

import polars as pl
import pytest

from openmeasures import gaps, standards
from openmeasures.definitions import Standard
from openmeasures.periods import Period
from openmeasures.schemas import STATUS_TYPE

JANUARY, MARCH, APRIL, JUNE = (date(2024, month, 1) for month in (1, 3, 4, 6))
SCHEMA = {
    "period_start": pl.Date,
    "value": pl.Float64,
    "status": STATUS_TYPE,
    "segment": pl.UInt32,
    "mean": pl.Float64,
    "lower_process_limit": pl.Float64,
    "upper_process_limit": pl.Float64,
}


@pytest.fixture
def risen(measure):
    """A measure whose standard rises in April."""
    where = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    set_down = [
        Standard(name="Standard", value=76, **{"from": date(2020, 1, 1), "to": date(2024, 3, 31)}, **where),
        Standard(name="Standard", value=78, **{"from": APRIL, "to": None}, **where),
    ]
    return measure.model_copy(update={"standards": set_down})


def series(measure, *rows, join=standards.join):
    """Make points from triples of month, segment and mean; a month's limits are 5 either way."""
    frame = pl.DataFrame(
        [(day, mean, "reported", segment, mean, mean and mean - 5, mean and mean + 5) for day, segment, mean in rows],
        schema=SCHEMA,
        orient="row",
    )
    return standards.absent(frame) if join is standards.absent else join(frame.with_columns(variation=None), measure)


def test_a_series_without_gaps_stays_as_it_is(risen):
    points = series(risen, (MARCH, 0, 70.0), (APRIL, 0, 70.0))
    assert gaps.filled(points, risen).equals(points)
    assert gaps.told(gaps.absent(points["period_start"], risen), risen) == ""


def test_an_empty_series_stays_empty(risen):
    assert gaps.filled(series(risen), risen).is_empty()


def test_each_absent_period_has_a_row_in_its_place_and_is_counted(risen):
    filled = gaps.filled(series(risen, (JUNE, 0, 70.0), (JANUARY, 0, 70.0)), risen)
    assert filled["period_start"].to_list() == [date(2024, month, 1) for month in range(1, 7)]
    assert filled["value"].to_list() == [70, None, None, None, None, 70]


def test_how_many_are_absent_is_said(risen):
    assert gaps.told(gaps.absent([JUNE, JANUARY], risen), risen) == "The line breaks where no file is here (4 months)."


def test_a_row_has_the_standard_of_its_own_time(risen):
    filled = gaps.filled(series(risen, (JANUARY, 0, 70.0), (JUNE, 0, 70.0)), risen)
    assert filled["standard"].to_list() == [76, 76, 76, 78, 78, 78]


def test_a_series_without_standards_gets_none(risen):
    filled = gaps.filled(series(risen, (JANUARY, 0, 70.0), (JUNE, 0, 70.0), join=standards.absent), risen)
    assert filled["standard"].null_count() == filled.height == 6


def test_the_level_before_goes_on_and_one_without_limits_has_none(risen):
    rows = [(JANUARY, 0, 60.0), (MARCH, 0, 60.0), (APRIL, 1, None), (JUNE, 1, None)]
    filled = gaps.filled(series(risen, *rows), risen)
    assert filled["segment"].to_list() == [0, 0, 0, 1, 1, 1]
    assert filled["mean"].to_list() == [60, 60, 60, None, None, None]
    assert filled["upper_process_limit"].to_list() == [65, 65, 65, None, None, None]


def test_quarters_follow_quarters(risen):
    quarterly = risen.model_copy(update={"period": Period.QUARTER})
    filled = gaps.filled(series(quarterly, (JANUARY, 0, 70.0), (date(2024, 10, 1), 0, 70.0)), quarterly)
    assert filled["period_start"].to_list() == [date(2024, month, 1) for month in (1, 4, 7, 10)]
    absent = gaps.absent(filled["period_start"].gather([0, 3]), quarterly)
    assert gaps.told(absent, quarterly) == "The line breaks where no file is here (2 quarters)."
