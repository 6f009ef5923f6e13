"""Zeros beside which there was much."""

from datetime import date

import polars as pl
import pytest

from openmeasures import doubts
from openmeasures.periods import months
from openmeasures.schemas import STATUS_TYPE

JANUARY = date(2023, 1, 1)


def series(*counts, org_code="RC9", first=JANUARY):
    """One month each: numerator and denominator, or None where nothing was submitted."""
    days = months(first, date(2030, 1, 1))[: len(counts)]
    rows = [
        (org_code, day, *(each or (None, None)), "reported" if each else "not_submitted")
        for day, each in zip(days, counts, strict=True)
    ]
    return pl.DataFrame(
        rows,
        schema={
            "org_code": pl.String, "period_start": pl.Date, "numerator": pl.Float64, "denominator": pl.Float64,
            "status": STATUS_TYPE,
        },
        orient="row",
    )  # fmt: skip


def found(*counts, england=(1, 10), kind="proportion"):
    everyone = series(*[england] * len(counts), org_code="ENG")
    table = doubts.zeros(series(*counts), everyone, kind=kind)
    return [(row[0].month, row[1], round(row[2], 6)) for row in table.iter_rows()]


@pytest.mark.parametrize(
    ("before", "after", "is_doubted"),
    [(100, 100, True), (99, 100, False), (100, 99, False), (None, 100, True), (100, None, True), (None, 99, False)],
)
def test_a_denominator_of_0_is_in_doubt_beside_hundreds(before, after, is_doubted):
    counts = [(50, before)] if before else []
    counts += [(0, 0), *([(50, after)] if after else [])]
    month = len(counts) - bool(after)
    assert found(*counts) == ([(month, "denominator", 100)] if is_doubted else [])


@pytest.mark.parametrize(("share", "is_doubted"), [(0.2, True), (0.19, False)])
def test_a_numerator_of_0_is_in_doubt_where_20_were_to_be_expected(share, is_doubted):
    """Of 100, by the lower share of its neighbours, which is 0.2 of a thousand."""
    counts = [(1000 * share, 1000), (0, 100), (50, 100)]
    assert found(*counts) == ([(2, "numerator", 20)] if is_doubted else [])


def test_nobody_beside_the_numerator_is_in_doubt_likewise():
    assert found((800, 1000), (100, 100), (700, 1000)) == [(2, "rest", 20)]
    assert found((81, 100), (100, 100), (70, 100)) == []


def test_zeros_beside_each_other_are_how_it_is():
    assert found((0, 1000), (0, 1000), (500, 1000)) == []
    assert found((500, 1000), (0, 0), (0, 0), (500, 1000)) == []
    assert found((0, 0), (0, 90)) == []  # nothing was counted, so nothing is to be expected


def test_what_is_more_than_a_year_away_says_nothing():
    gap = [None] * 12
    assert found((500, 1000), *gap, (0, 100), england=(0, 10)) == []
    assert found((500, 1000), *gap[:11], (0, 100), england=(0, 10)) == [(1, "numerator", 50)]


def test_with_nothing_of_its_own_but_gaps_it_is_set_beside_england():
    """As of London North West: 0 breaches of 347 in the one quarter that it submitted."""
    assert found(None, (0, 347), None, england=(1, 10)) == [(2, "numerator", 34.7)]
    assert found(None, (0, 199), None, england=(1, 10)) == []
    assert found((0, 347), england=(1, 10)) == []  # one month of data is no gap
    assert found((300, 1000), (0, 347), None, england=(0, 10)) == [(2, "numerator", 104.1)]


@pytest.mark.parametrize(
    ("kind", "doubted"),
    [
        ("proportion", ["numerator", "rest"]),
        ("rate", ["numerator"]),
        ("mean", []),
        ("ratio", []),
        ("percentile", []),
    ],
)
def test_only_shares_have_a_rest_and_only_counts_a_numerator(kind, doubted):
    counts = [(500, 1000), (0, 1000), (500, 1000), (1000, 1000), (500, 1000)]
    assert [what for _, what, _ in found(*counts, kind=kind)] == doubted
    assert [what for _, what, _ in found((500, 1000), (0, 0), kind=kind)] == ["denominator"]


def test_without_figures_there_are_no_zeros():
    assert dict(doubts.zeros(series(None), series((1, 2), org_code="ENG"), kind="rate").schema) == doubts.SCHEMA


def test_zeros_in_words(measure):
    table = pl.DataFrame(
        [(JANUARY, "denominator", 7515.4, 0.0), (JANUARY, "numerator", 74.0, 1347.0), (JANUARY, "rest", 58.0, 8352.0)],
        schema=doubts.SCHEMA,
        orient="row",
    )
    assert doubts.told(table, measure) == [
        "January 2023 (0 attendances, where 7,515 or more were to be expected)",
        "January 2023 (0 within four hours of 1,347, where 74 or more were to be expected)",
        "January 2023 (all of 8,352 attendances within four hours, where 58 or more others were to be expected)",
    ]
