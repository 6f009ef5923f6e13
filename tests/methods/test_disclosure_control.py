"""What a published count can stand for, against a list of every count; and intervals against every possible pair."""

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from openmeasures.errors import ParameterError
from openmeasures.methods.disclosure_control import (
    poisson_of_possible,
    possible,
    wilson_of_percentage,
    wilson_of_possible,
)
from openmeasures.methods.intervals import poisson, wilson

TO_5_BELOW_5 = {"base": 5, "suppressed_below": 5}
MARK = "*"


def behind(published, **rules):
    marked = published == MARK
    row = pl.DataFrame({"n": [None if marked else published], "marked": [marked]}, schema_overrides={"n": pl.Float64})
    return row.select(possible(pl.col("n"), suppressed=pl.col("marked"), **rules)).row(0)


def published_as(count, *, base, suppressed_below, zero_suppressed):
    """Publish a true count as the docstring says, as the set of figures that halves leave open."""
    if (count == 0 and zero_suppressed and suppressed_below) or 0 < count < suppressed_below:
        return {MARK}
    below = count // base * base
    distances = {below: count - below, below + base: below + base - count}
    return {figure for figure, distance in distances.items() if distance == min(distances.values())}


class TestPossible:
    @pytest.mark.parametrize(
        ("published", "zero_suppressed", "range_"),
        [
            (5, True, (5, 7)),
            (5, False, (5, 7)),
            (10, True, (8, 12)),
            (1195, True, (1193, 1197)),
            (MARK, True, (0, 4)),
            (MARK, False, (1, 4)),
            (0, False, (0, 0)),
            (0, True, (None, None)),  # would have been suppressed
        ],
    )
    def test_rounded_to_5_and_suppressed_below_5(self, published, zero_suppressed, range_):
        assert behind(published, **TO_5_BELOW_5, zero_suppressed=zero_suppressed) == range_

    @pytest.mark.parametrize(
        ("published", "base", "suppressed_below", "range_"),
        [
            (0, 5, 0, (0, 2)),
            (5, 5, 0, (3, 7)),
            (0, 5, 2, (0, 2)),  # 0 and 2; a 1 is suppressed
            (0, 5, 3, (0, 0)),
            (7, 1, 0, (7, 7)),
            (7, 1, 7, (7, 7)),
            (6, 1, 7, (None, None)),
            (10, 10, 0, (5, 15)),  # halves go either way
            (5, 5, 8, (None, None)),  # 3 to 7 are all suppressed
            (10, 5, 10, (10, 12)),
            (MARK, 5, 0, (None, None)),  # a publication without suppression has no such mark
            (MARK, 5, 1, (None, None)),
            (MARK, 5, 2, (1, 1)),
        ],
    )
    def test_other_rules(self, published, base, suppressed_below, range_):
        found = behind(published, base=base, suppressed_below=suppressed_below, zero_suppressed=False)
        assert found == range_

    @given(
        published=st.one_of(st.integers(0, 60), st.just(MARK)),
        base=st.integers(1, 12),
        suppressed_below=st.integers(0, 15),
        zero_suppressed=st.booleans(),
    )
    @settings(derandomize=True, deadline=None, max_examples=300)
    def test_every_count_that_would_be_published_so_lies_between(self, published, **rules):
        counts = [count for count in range(80) if published in published_as(count, **rules)]
        expected = (min(counts), max(counts)) if counts else (None, None)
        assert behind(published, **rules) == expected

    @pytest.mark.parametrize("published", [None, -5, 7, 5.5, float("nan"), float("inf")])
    def test_what_is_no_rounded_count_stands_for_nothing(self, published):
        assert behind(published, **TO_5_BELOW_5, zero_suppressed=True) == (None, None)

    def test_a_figure_that_is_also_marked_stands_for_nothing(self):
        row = pl.DataFrame({"n": [10], "marked": [True]})
        found = row.select(possible(pl.col("n"), suppressed=pl.col("marked"), **TO_5_BELOW_5, zero_suppressed=True))
        assert found.row(0) == (None, None)

    def test_a_row_that_does_not_say_whether_it_is_suppressed_is_not(self):
        rows = pl.DataFrame({"n": [10, None], "marked": [None, None]}, schema_overrides={"marked": pl.Boolean})
        found = rows.select(possible(pl.col("n"), suppressed=pl.col("marked"), **TO_5_BELOW_5, zero_suppressed=True))
        assert found.rows() == [(8, 12), (None, None)]

    def test_counts_are_whole_numbers(self):
        found = pl.select(possible(pl.lit(10.0), suppressed=pl.lit(value=False), **TO_5_BELOW_5, zero_suppressed=True))
        assert found.schema == {"least": pl.Int64, "greatest": pl.Int64}

    @pytest.mark.parametrize(
        ("name", "value", "fewest"), [("base", 0, 1), ("base", -5, 1), ("suppressed_below", -1, 0)]
    )
    def test_rules_that_no_publication_has_are_refused(self, name, value, fewest):
        rules = TO_5_BELOW_5 | {name: value}
        with pytest.raises(ParameterError, match=f"{name} is {value}: expected a whole number of {fewest} or more"):
            possible(pl.col("n"), suppressed=pl.col("marked"), **rules, zero_suppressed=True)


def outermost(numerator, denominator, **options):
    table = pl.DataFrame([(*numerator, *denominator)], schema=dict.fromkeys("abcd", pl.Int64), orient="row")
    columns = pl.col("a"), pl.col("b")
    return table.select(wilson_of_possible(columns, (pl.col("c"), pl.col("d")), **options)).row(0)


ranges = st.tuples(st.integers(0, 25), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))


class TestWilsonOfPossible:
    @given(ranges, ranges, st.sampled_from([0.5, 0.95, 0.998]))
    @settings(derandomize=True, deadline=None, max_examples=300)
    def test_no_possible_pair_reaches_further_and_one_reaches_as_far(self, numerator, denominator, confidence):
        pairs = pl.DataFrame(
            [(n, d) for n in _counts(numerator) for d in _counts(denominator) if d > 0 and n <= d],
            schema={"n": pl.Int64, "d": pl.Int64},
            orient="row",
        )
        each = pairs.select(wilson(pl.col("n"), pl.col("d"), confidence=confidence))
        assert outermost(numerator, denominator, confidence=confidence) == (each["lower"].min(), each["upper"].max())

    @given(ranges, ranges)
    @settings(derandomize=True, deadline=None, max_examples=50)
    def test_statsmodels_agrees(self, numerator, denominator):
        pairs = [(n, d) for n in _counts(numerator) for d in _counts(denominator) if d > 0 and n <= d]
        assume(pairs)
        limits = [proportion_confint(n, d, method="wilson") for n, d in pairs]
        expected = min(lower for lower, _ in limits), max(upper for _, upper in limits)
        assert outermost(numerator, denominator) == pytest.approx(expected, abs=1e-12)

    @given(st.integers(0, 10**6), st.integers(1, 10**6))
    @settings(derandomize=True, deadline=None)
    def test_counts_known_exactly_have_wilsons_own_interval(self, numerator, denominator):
        assume(numerator <= denominator)
        own = pl.select(wilson(pl.lit(numerator), pl.lit(denominator))).row(0)
        assert outermost((numerator, numerator), (denominator, denominator)) == own

    @pytest.mark.parametrize(
        ("numerator", "denominator", "pair_below", "pair_above"),
        [
            ((3, 7), (8, 12), (3, 12), (7, 8)),
            ((8, 12), (8, 12), (8, 12), (12, 12)),  # may be all of them
            ((13, 17), (8, 15), (13, 15), (15, 15)),  # most numerators are above most denominators
            ((0, 4), (5, 7), (0, 7), (4, 5)),
            ((0, 0), (0, 4), (0, 4), (0, 1)),  # a denominator of 0 makes no proportion
            ((0, 4), (0, 4), (0, 4), (4, 4)),
        ],
    )
    def test_the_outermost_pairs(self, numerator, denominator, pair_below, pair_above):
        below, above = (pl.select(wilson(*map(pl.lit, pair))).row(0) for pair in (pair_below, pair_above))
        assert outermost(numerator, denominator) == (below[0], above[1])

    @pytest.mark.parametrize(
        ("numerator", "denominator"),
        [
            ((11, 12), (8, 10)),  # above every denominator
            ((0, 0), (0, 0)),
            ((None, 4), (8, 12)),
            ((3, None), (8, 12)),
            ((3, 7), (None, 12)),
            ((3, 7), (8, None)),
            ((-1, 4), (8, 12)),
            ((0, 4), (-1, 12)),
            ((7, 3), (8, 12)),
            ((3, 7), (12, 8)),
        ],
    )
    def test_without_a_possible_pair_there_is_no_interval(self, numerator, denominator):
        assert outermost(numerator, denominator) == (None, None)

    def test_from_published_figures_to_an_interval(self):
        rows = pl.DataFrame({"recovered": [5, None], "finished": [10, 10]})
        rules = TO_5_BELOW_5 | {"zero_suppressed": True}
        recovered = possible(pl.col("recovered"), suppressed=pl.col("recovered").is_null(), **rules)
        finished = possible(pl.col("finished"), suppressed=pl.col("finished").is_null(), **rules)
        assert rows.select(wilson_of_possible(recovered, finished)).rows() == [
            outermost((5, 7), (8, 12)),
            outermost((0, 4), (8, 12)),
        ]

    def test_a_confidence_in_percent_is_refused(self):
        with pytest.raises(ParameterError, match="confidence is 95"):
            outermost((3, 7), (8, 12), confidence=95)


def of_events(count, **options):
    table = pl.DataFrame([count], schema=dict.fromkeys("ab", pl.Int64), orient="row")
    return table.select(poisson_of_possible((pl.col("a"), pl.col("b")), **options)).row(0)


class TestPoissonOfPossible:
    @given(ranges, st.sampled_from([0.5, 0.95, 0.998]))
    @settings(derandomize=True, deadline=None)
    def test_no_possible_count_reaches_further_and_one_reaches_as_far(self, count, confidence):
        each = pl.DataFrame({"n": _counts(count)}).select(poisson(pl.col("n"), confidence=confidence))
        assert of_events(count, confidence=confidence) == (each["lower"].min(), each["upper"].max())

    @pytest.mark.parametrize("count", [(0, 4), (1, 4), (5, 7)])
    def test_scipy_agrees(self, count):
        lower, upper = stats.chi2.ppf(0.025, 2 * count[0]) / 2, stats.chi2.isf(0.025, 2 * count[1] + 2) / 2
        assert of_events(count) == pytest.approx((np.nan_to_num(lower), upper))

    @pytest.mark.parametrize("count", [(None, 4), (0, None), (-1, 4), (4, 3)])
    def test_what_is_no_range_has_no_interval(self, count):
        assert of_events(count) == (None, None)


def _counts(both):
    return range(both[0], both[1] + 1)


# ---- a published percentage


def _of_percentage(percentage, smallest, largest, *, decimals=0, **options):
    sizes = pl.lit(smallest, pl.Int64), pl.lit(largest, pl.Int64)
    lower, upper = wilson_of_percentage(pl.lit(percentage, pl.Float64), sizes, decimals=decimals, **options)
    return pl.select(lower=lower, upper=upper).row(0)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.998])
@pytest.mark.parametrize("published", [0, 1, 40, 63, 99, 100])
def test_the_interval_of_a_percentage_holds_those_of_all_counts_that_round_to_it(published, confidence):
    found = _of_percentage(published, 8, 120, confidence=confidence)
    tried = 0
    for total in range(8, 121):
        for count in range(total + 1):
            if abs(100 * count / total - published) <= 0.5:
                limits = wilson(pl.lit(count), pl.lit(total), confidence=confidence)
                lower, upper = pl.select(lower=limits[0], upper=limits[1]).row(0)
                assert found[0] <= lower + 1e-12
                assert upper - 1e-12 <= found[1]
                tried += 1
    assert tried


@pytest.mark.parametrize(
    ("percentage", "smallest", "largest"),
    [(None, 8, 12), (50, None, 12), (50, 8, None), (-1, 8, 12), (101, 8, 12), (50, 0, 0), (50, 12, 8), (50, -1, 8)],
)
def test_a_percentage_that_cannot_be_has_no_interval(percentage, smallest, largest):
    assert _of_percentage(percentage, smallest, largest) == (None, None)


def test_more_decimals_leave_less_open():
    exact = pl.select(lower=wilson(pl.lit(50), pl.lit(100))[0]).item()
    assert _of_percentage(50, 100, 100)[0] < _of_percentage(50, 100, 100, decimals=1)[0] < exact


def test_a_least_denominator_of_nobody_counts_as_one():
    assert _of_percentage(50, 0, 4) == _of_percentage(50, 1, 4)
