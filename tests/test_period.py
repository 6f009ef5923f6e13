"""What each figure covers: edges of quarters and financial years, how they are written and read."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmeasures.errors import ParameterError
from openmeasures.periods import Period, months

MONTH, QUARTER, YEAR, ROLLING = Period.MONTH, Period.QUARTER, Period.YEAR, Period.ROLLING_YEAR
DAYS = st.dates(min_value=date(1100, 1, 1), max_value=date(2800, 12, 31))


def test_what_each_is():
    said = {each: (each.months, each.step, each.per_year, each.seasons, each.lately, each.late) for each in Period}
    assert said == {
        MONTH: (1, 1, 12, 12, 12, 6),
        QUARTER: (3, 3, 4, 4, 4, 2),
        YEAR: (12, 12, 1, 1, 5, 1),
        ROLLING: (12, 1, 12, 1, 12, 6),
    }
    assert [(each.noun, each.plural, each.heading) for each in Period] == [
        ("month", "months", "Month"),
        ("quarter", "quarters", "Quarter"),
        ("financial year", "financial years", "Financial year"),
        ("twelve-month period", "twelve-month periods", "Twelve-month period"),
    ]


@pytest.mark.parametrize(
    ("period", "day", "start", "end", "label"),
    [
        (MONTH, date(2024, 2, 29), date(2024, 2, 1), date(2024, 2, 29), "February 2024"),
        (QUARTER, date(2024, 3, 31), date(2024, 1, 1), date(2024, 3, 31), "Q4 2023/24"),
        (QUARTER, date(2024, 4, 1), date(2024, 4, 1), date(2024, 6, 30), "Q1 2024/25"),
        (QUARTER, date(2024, 9, 30), date(2024, 7, 1), date(2024, 9, 30), "Q2 2024/25"),
        (QUARTER, date(2024, 10, 1), date(2024, 10, 1), date(2024, 12, 31), "Q3 2024/25"),
        (QUARTER, date(2024, 12, 31), date(2024, 10, 1), date(2024, 12, 31), "Q3 2024/25"),
        (QUARTER, date(2025, 1, 1), date(2025, 1, 1), date(2025, 3, 31), "Q4 2024/25"),
        (YEAR, date(2024, 3, 31), date(2023, 4, 1), date(2024, 3, 31), "2023/24"),
        (YEAR, date(2024, 4, 1), date(2024, 4, 1), date(2025, 3, 31), "2024/25"),
        (YEAR, date(1999, 12, 31), date(1999, 4, 1), date(2000, 3, 31), "1999/00"),
        (ROLLING, date(2024, 1, 31), date(2024, 1, 1), date(2024, 12, 31), "January 2024 to December 2024"),
        (ROLLING, date(2024, 4, 1), date(2024, 4, 1), date(2025, 3, 31), "April 2024 to March 2025"),
    ],
)
def test_where_one_starts_and_ends_and_what_it_is_called(period, day, start, end, label):
    assert (period.start(day), period.end(day), period.label(day)) == (start, end, label)


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (MONTH, "December 2024"),
        (QUARTER, "Q3 2024/25 (October to December 2024)"),
        (YEAR, "2024/25 (April 2024 to March 2025)"),
        (ROLLING, "December 2024 to November 2025"),
    ],
)
def test_a_label_in_full_names_its_months(period, said):
    assert period.in_full(date(2024, 12, 1)) == said


@given(st.sampled_from(Period), DAYS)
def test_the_next_one_starts_after_a_step_and_where_none_overlap_on_the_day_after(period, day):
    following = period.next(day)
    assert months(period.start(day), following)[-1] == following
    assert len(months(period.start(day), following)) == period.step + 1
    assert (period.end(day) + timedelta(days=1) == following) == (period is not ROLLING)


@given(st.sampled_from(Period), DAYS)
def test_what_is_written_is_read_again(period, day):
    assert period.named(period.key(day)) == period.start(day)
    if period is not ROLLING:  # which is written with two months
        assert period.named(period.label(day)) == period.start(day)


@given(st.sampled_from(Period), DAYS)
def test_every_day_is_in_the_period_that_it_ends(period, day):
    found = period.ending(day)
    assert found <= day <= period.end(found)
    assert period.start(found) == found


@pytest.mark.parametrize(
    ("period", "text", "start"),
    [
        (QUARTER, "Q3 2024/25", date(2024, 10, 1)),
        (QUARTER, " q4 2024-25 ", date(2025, 1, 1)),
        (QUARTER, "Q1 1999/00", date(1999, 4, 1)),
        (QUARTER, "2024-10", date(2024, 10, 1)),
        (QUARTER, "December 2024", date(2024, 10, 1)),
        (QUARTER, "2025-01", date(2025, 1, 1)),
        (YEAR, "2024/25", date(2024, 4, 1)),
        (YEAR, "2009-10", date(2009, 4, 1)),  # October 2009
        (YEAR, "March 2024", date(2023, 4, 1)),
        (YEAR, "2024-04", date(2024, 4, 1)),
        (ROLLING, "December 2024", date(2024, 1, 1)),
        (ROLLING, "2025-01", date(2024, 2, 1)),
        (MONTH, "2025-01", date(2025, 1, 1)),
    ],
)
def test_one_is_named_by_its_label_or_a_month_in_it(period, text, start):
    assert period.named(text) == start


@pytest.mark.parametrize("text", ["Q5 2024/25", "Q0 2024/25", "Q3 2024/26", "Q3 2024", "2024/25", "winter", "2024-13"])
def test_what_is_no_quarter_is_refused(text):
    with pytest.raises(ParameterError) as refusal:
        QUARTER.named(text)
    assert str(refusal.value) == (
        f"{text!r} is not a quarter: expected one such as 'Q3 2024/25', or a month in it such as 'March 2024' or "
        "'2024-03'."
    )


@pytest.mark.parametrize("text", ["Q3 2024/25", "2024/26", "2024/2025", "2024-25", "2024"])
def test_what_is_no_financial_year_is_refused(text):
    with pytest.raises(ParameterError) as refusal:
        YEAR.named(text)
    assert str(refusal.value) == (
        f"{text!r} is not a financial year: expected one such as '2024/25', or a month in it such as 'March 2024' or "
        "'2024-03'."
    )


@pytest.mark.parametrize("period", [MONTH, ROLLING])
@pytest.mark.parametrize("text", ["Q3 2024/25", "2024/25"])
def test_no_other_kind_of_period_is_a_month(period, text):
    with pytest.raises(ParameterError, match=r"is not a month: expected a month such as 'March 2024' or '2024-03'\."):
        period.named(text)


@pytest.mark.parametrize(
    ("period", "last", "number", "said"),
    [
        (MONTH, date(2024, 4, 1), 1, "April 2024"),
        (MONTH, date(2024, 6, 1), 3, "April 2024 to June 2024"),
        (QUARTER, date(2024, 6, 30), 1, "Q1 2024/25"),
        (QUARTER, date(2024, 7, 1), 2, "Q1 2024/25 to Q2 2024/25"),
        (QUARTER, date(2025, 1, 1), 4, "Q1 2024/25 to Q4 2024/25"),
        (YEAR, date(2025, 3, 31), 1, "2024/25"),
        (YEAR, date(2026, 4, 1), 3, "2024/25 to 2026/27"),
        (ROLLING, date(2024, 4, 30), 1, "April 2024 to March 2025"),
        (ROLLING, date(2024, 6, 1), 3, "years ending March 2025 to May 2025"),
    ],
)
def test_a_span_and_how_many_it_has(period, last, number, said):
    first = date(2024, 4, 1)
    assert (period.number(first, last), period.span(first, last)) == (number, said)


@pytest.mark.parametrize(
    ("period", "starts", "spans"),
    [
        (MONTH, [], []),
        (MONTH, [(2024, 4)], ["April 2024"]),
        (MONTH, [(2024, 4), (2024, 5), (2024, 7)], ["April 2024 to May 2024", "July 2024"]),
        (QUARTER, [(2024, 1), (2024, 4), (2025, 1)], ["Q4 2023/24 to Q1 2024/25", "Q4 2024/25"]),
        (YEAR, [(2022, 4), (2024, 4), (2025, 4)], ["2022/23", "2024/25 to 2025/26"]),
        (ROLLING, [(2024, 4), (2024, 5)], ["years ending March 2025 to April 2025"]),
    ],
)
def test_periods_make_up_spans_without_a_gap(period, starts, spans):
    assert period.spans([date(*start, 1) for start in starts]) == spans


@pytest.mark.parametrize(
    ("month", "said"),
    [(1, "Q4 (January to March)"), (4, "Q1 (April to June)"), (7, "Q2 (July to September)"),
     (10, "Q3 (October to December)")],
)  # fmt: skip
def test_a_part_of_the_year(month, said):
    assert QUARTER.part_of_year(month) == said
    assert MONTH.part_of_year(month) == said.partition("(")[2].partition(" ")[0]
