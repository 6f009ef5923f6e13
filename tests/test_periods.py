from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmeasures import periods
from openmeasures.errors import ParameterError


@pytest.mark.parametrize(
    "written",
    ["March 2024", "MARCH-2024", "march 2024", "  March   2024 ", "March - 2024", "2024-03", " 2024-03 "],
)
def test_a_month_is_read_as_publications_and_people_write_it(written):
    assert periods.month_named(written) == date(2024, 3, 1)


@pytest.mark.parametrize(
    "written",
    ["", "2024", "March", "2024-00", "2024-13", "2024-3", "March 24", "March 2024 x", "03/2024", "2024-03-01"],
)
def test_anything_else_is_refused_with_what_was_found_and_expected(written):
    with pytest.raises(ParameterError, match=r"is not a month: expected a month such as 'March 2024' or '2024-03'\."):
        periods.month_named(written)


@pytest.mark.parametrize("written", ["0000-01", "January 0000", "9999-12", "December 9999", "０٣٠٣-01"])
def test_a_year_that_no_publication_has_is_refused_not_a_crash(written):
    with pytest.raises(ParameterError, match="is not a month"):
        periods.month_named(written)


def test_the_refusal_quotes_what_was_found():
    with pytest.raises(ParameterError, match=r"^'2024-13' is not"):
        periods.month_named("2024-13")


def test_a_misspelt_month_gets_the_near_miss():
    with pytest.raises(ParameterError, match="Did you mean 'February'"):
        periods.month_named("Febuary 2024")


@pytest.mark.parametrize(
    ("month", "end"),
    [
        (date(2024, 1, 1), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2023, 2, 1), date(2023, 2, 28)),
        (date(2024, 4, 30), date(2024, 4, 30)),
        (date(2024, 12, 31), date(2024, 12, 31)),
    ],
)
def test_month_end(month, end):
    assert periods.month_end(month) == end


@given(st.dates(min_value=date(1000, 1, 1), max_value=date(2999, 12, 1)))
def test_the_day_after_a_months_end_opens_the_next_month(day):
    following = periods.month_end(day) + timedelta(days=1)
    assert (following.day, following > day, (following - day).days <= 31) == (1, True, True)


@given(st.dates(min_value=date(1000, 1, 1), max_value=date(2999, 12, 1)))
def test_a_label_names_its_own_month(day):
    assert periods.month_named(periods.month_label(day)) == day.replace(day=1)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (date(2024, 3, 1), date(2024, 2, 1), []),
        (date(2024, 3, 1), date(2024, 3, 1), [date(2024, 3, 1)]),
        (date(2024, 3, 1), date(2024, 4, 1), [date(2024, 3, 1), date(2024, 4, 1)]),
        (date(2023, 12, 31), date(2024, 1, 1), [date(2023, 12, 1), date(2024, 1, 1)]),
    ],
)
def test_months_from_one_to_another(first, last, found):
    assert periods.months(first, last) == found


def test_four_years_have_48_months():
    assert len(periods.months(date(2022, 4, 1), date(2026, 3, 1))) == 4 * 12


def test_month_names_are_english_whatever_the_locale():
    assert periods.MONTH_NAMES[:2] == ("January", "February")
    assert len(periods.MONTH_NAMES) == 12


def test_rolling_years_alone_overlap():
    assert [each for each in periods.Period if each.overlaps] == [periods.Period.ROLLING_YEAR]
