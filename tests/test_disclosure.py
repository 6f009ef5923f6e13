"""What published figures can stand for, beside a search through every pair of counts that could have been published."""

from datetime import date
from math import sqrt

import polars as pl
import pytest

from openmeasures import disclosure
from openmeasures.definitions import Disclosure, Part
from openmeasures.errors import DefinitionError
from openmeasures.schemas import STATUS_TYPE

MARCH = date(2024, 3, 1)
RULE = Disclosure(
    rounded_to=5, suppressed_below=5, zero_suppressed=True, percentage_decimals=0, england_percentage_decimals=1
)
Z = 1.959963984540054
TO_ZERO, SHOWN_ZERO = RULE, RULE.model_copy(update={"zero_suppressed": False})


@pytest.fixture
def rounded(measure):
    better = Part(text="better", label="better", percentage="better_percent")
    return measure.model_copy(
        update={
            "numerator": better,
            "denominator": Part(text="all", label="all", add=["finished"]),
            "disclosure": RULE,
        }
    )


def _observations(*rows):
    """Make observations: organisation, denominator and percentage, or the mark in the place of either."""
    long = []
    for code, *figures in rows:
        for metric, figure in zip(("finished", "better_percent"), figures, strict=True):
            status = {"*": "suppressed", "-": "not_applicable"}.get(figure, "reported")
            long.append((code, MARCH, metric, figure if status == "reported" else None, status))
    return pl.DataFrame(
        long,
        schema={
            "org_code": pl.String,
            "period_start": pl.Date,
            "metric": pl.String,
            "value": pl.Float64,
            "status": STATUS_TYPE,
        },
        orient="row",
        strict=False,
    )


def _wilson(count, total):
    middle, reach = count + Z**2 / 2, Z * sqrt(Z**2 / 4 + count * (1 - count / total))
    return 100 * (middle - reach) / (total + Z**2), 100 * (middle + reach) / (total + Z**2)


def _interval(measure, *row):
    points = pl.DataFrame({"org_code": [row[0]], "period_start": [MARCH]})
    return disclosure.intervals(points, _observations(row), measure=measure).select("value_lower", "value_upper").row(0)


def test_an_interval_holds_that_of_every_count_that_can_have_been_published(rounded):
    lower, upper = _interval(rounded, "RXT", 10, 63)
    possible = [(n, d) for d in range(8, 13) for n in range(d + 1) if round(100 * n / d) == 63 or (n, d) == (5, 8)]
    assert possible == [(5, 8)]
    assert lower <= _wilson(5, 8)[0] + 1e-9 < _wilson(5, 8)[1] <= upper
    assert (lower, upper) == pytest.approx((_wilson(0.625 * 8, 8)[0], _wilson(0.635 * 8, 8)[1]))


def test_england_is_rounded_to_its_decimal_alone(rounded):
    expected = (_wilson(0.6455 * 212, 212)[0], _wilson(0.6465 * 212, 212)[1])
    assert _interval(rounded, "ENG", 212, 64.6) == pytest.approx(expected)


def test_a_suppressed_percentage_is_bounded_and_never_zero(rounded):
    lower, upper = _interval(rounded, "RXT", 20, "*")
    assert lower == 0
    assert upper == pytest.approx(_wilson(4, 18)[1])


@pytest.mark.parametrize(("rule", "lower"), [(TO_ZERO, 0), (SHOWN_ZERO, _wilson(1, 22)[0])])
def test_where_zero_is_shown_a_mark_stands_for_one_or_more(rounded, rule, lower):
    assert _interval(rounded.model_copy(update={"disclosure": rule}), "RXT", 20, "*")[0] == pytest.approx(lower)


def test_nothing_is_known_where_both_are_suppressed(rounded):
    assert _interval(rounded, "RXT", "*", "*") == (0, 100)


def test_what_does_not_apply_has_no_bounds(rounded):
    assert _interval(rounded, "RXT", "-", "-") == (None, None)


def test_a_point_without_any_row_has_no_bounds_and_others_keep_theirs(rounded):
    points = pl.DataFrame({"org_code": ["RJ1", "RXT"], "period_start": MARCH, "value_lower": 1.0, "value": [None, 60]})
    found = disclosure.intervals(points, _observations(("RXT", 10, 60)), measure=rounded)
    assert found.columns == ["org_code", "period_start", "value", "value_lower", "value_upper"]
    assert found["value_lower"].is_null().to_list() == [True, False]


def test_organisations_together_lie_between_what_each_can_be(rounded):
    [(_, least, greatest)] = disclosure.together(
        _observations(("RXT", 200, 65), ("RYY", 10, 60), ("RZZ", 10, "*"), ("RNN", "-", "-"), ("ENG", 1, 1)),
        measure=rounded,
    ).rows()
    with_least = 0.645 * 198 + 0.595 * 8 + 0
    with_greatest = 0.655 * 202 + 0.605 * 12 + 4
    without_least = 0.345 * 198 + 0.395 * 8 + (8 - 4)
    without_greatest = 0.355 * 202 + 0.405 * 12 + 12
    assert least == pytest.approx(100 * with_least / (with_least + without_greatest))
    assert greatest == pytest.approx(100 * with_greatest / (with_greatest + without_least))


def test_the_bounds_hold_whichever_the_true_counts_are(rounded):
    """Two services published as 10 and 60 %, 15 and 40 %: every pair of true counts is tried."""
    [(_, least, greatest)] = disclosure.together(
        _observations(("RXT", 10, 60), ("RYY", 15, 40)), measure=rounded
    ).rows()

    def can_be(size, percentage):
        totals = range(size - 2, size + 3)
        return [(n, d) for d in totals for n in range(5, d + 1) if abs(100 * n / d - percentage) <= 0.5]

    shares = [100 * (n + m) / (d + e) for n, d in can_be(10, 60) for m, e in can_be(15, 40)]
    assert shares
    assert all(least <= share <= greatest for share in shares)


def test_the_percentage_of_nobody_is_no_bound(rounded):
    [(_, least, greatest)] = disclosure.together(_observations(("RXT", "*", "*")), measure=rounded).rows()
    assert (least, greatest) == (0, 100)


@pytest.mark.parametrize(
    "change",
    [
        {"disclosure": None},
        {"numerator": Part(text="a", label="a", add=["a"])},
        {"denominator": Part(text="a", label="a", add=["a", "b"])},
    ],
)
def test_a_measure_without_what_it_takes_is_refused(rounded, change):
    with pytest.raises(DefinitionError, match=r"four_hours: found disclosure .* expected 'disclosure' and a numerator"):
        disclosure.together(_observations(("RXT", 10, 60)), measure=rounded.model_copy(update=change))


@pytest.mark.parametrize(
    ("rule", "allowed"), [(RULE, 2 * 2.5 + 4), (RULE.model_copy(update={"suppressed_below": 0}), 5), (None, 0)]
)
def test_a_sum_may_differ_by_what_rounding_and_the_marks_hide(rule, allowed):
    rows = _observations(("RXT", 10, 1), ("RYY", 20, 1), ("RZZ", "*", 1), ("ENG", 33, 1)).filter(metric="finished")
    assert rows.select(disclosure.allowance(rule)).item() == allowed


def test_where_a_figure_is_added_up_from_parts_each_may_be_rounded_or_hidden():
    rows = _observations(("RXT", 10, 1), ("RZZ", "*", 1), ("ENG", 33, 1)).filter(metric="finished")
    of_three = RULE.model_copy(update={"parts": 3})
    assert (
        rows.select(disclosure.allowance(of_three)).item() == 3 * 4 + 3 * 4
    )  # a hidden one is 4 off at most, a shown 2.5
