"""Percentiles of banded waits against hand arithmetic, people laid out one by one, scipy's binomial and simulation."""

from fractions import Fraction
from itertools import pairwise
from math import exp, inf, log, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from openmeasures.errors import ParameterError
from openmeasures.methods import waits
from openmeasures.methods.waits import percentile, share_over, share_within

SCHEMA = {"org_code": pl.String, "weeks_from": pl.Float64, "weeks_to": pl.Float64, "waiting": pl.Float64}


def banded(*counts, edges=None, org_code="RJ1"):
    """Lay out a group: bands of a week each and an open last one, or bands between the given edges."""
    edges = [*range(len(counts)), None] if edges is None else edges
    rows = [(org_code, *band, count) for band, count in zip(pairwise(edges), counts, strict=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def found(frame, *, share=0.5, **options):
    return percentile(frame, share=share, by="org_code", **options).row(0, named=True)


@pytest.mark.parametrize(
    ("counts", "share", "weeks"),
    [
        ([10, 20, 10, 0], 0.5, 1 + (20 - 10) / 20),
        ([10, 20, 10, 0], 0.92, 2 + (0.92 * 40 - 30) / 10),
        ([0, 0, 8, 0], 0.5, 2 + 4 / 8),  # all in one band
        ([0, 0, 1, 0], 0.92, 2 + 0.92),  # one person
        ([5, 0, 0, 5, 0], 0.5, 1),  # half wait up to an edge: there, and not where the next person is
        ([5, 5, 5, 5], 0.75, 3),  # the last closed edge is not beyond
        ([7, 0, 93, 0], 0.07, 1),  # 0.07 × 100 is 7.000000000000001 in floating point
        ([1.5, 0.5, 1, 0], 0.5, 1),  # half a patient each for two trusts
    ],
)
def test_percentile_by_hand(counts, share, weeks):
    row = found(banded(*counts), share=share)
    assert row["weeks"] == pytest.approx(weeks, rel=1e-12)
    assert (row["waiting"], row["is_beyond"], row["weeks_at_least"]) == (sum(counts), False, None)


@pytest.mark.parametrize("counts", [[5, 5, 5, 6], [0, 0, 0, 1], [0, 0, 0, 7_000_000]])
def test_a_percentile_in_the_open_band_is_only_known_to_be_at_least_its_edge(counts):
    row = found(banded(*counts), share=0.75)
    assert (row["weeks"], row["is_beyond"], row["weeks_at_least"], row["weeks_upper"]) == (None, True, 3, None)


def test_a_lower_limit_in_the_open_band_is_its_edge():
    assert found(banded(0, 0, 0, 100))["weeks_lower"] == 3
    assert found(banded(30, 20, 10, 100), share=0.4)["weeks_lower"] < 3


def test_a_group_without_people_has_no_percentile():
    row = found(banded(0, 0, 0))
    assert row == {"org_code": "RJ1", "waiting": 0} | dict.fromkeys(
        ["weeks", "weeks_lower", "weeks_upper", "is_beyond", "weeks_at_least"]
    )


def test_bands_of_any_width_and_without_an_open_one():
    frame = banded(10, 30, 60, edges=[0, 2, 6, 13])
    assert found(frame)["weeks"] == 6 + 10 / 60 * 7
    assert found(frame, share=0.25)["weeks"] == 2 + 15 / 30 * 4


def test_each_group_has_its_own_bands_and_comes_in_order():
    months = pl.concat(
        [
            banded(1, 1, 1, edges=[0, 51, 52, None], org_code="RJ1").with_columns(month=2),
            banded(1, 3, edges=[0, 104, None], org_code="RJ1").with_columns(month=1),
            banded(4, 0, org_code="RC9").with_columns(month=2),
        ]
    ).sample(fraction=1, shuffle=True, seed=7)
    table = percentile(months, share=0.5, by=["org_code", "month"])
    assert table.select("org_code", "month", "weeks", "weeks_at_least").rows() == [
        ("RC9", 2, 0.5, None),
        ("RJ1", 1, None, 104),
        ("RJ1", 2, 0 + 51 + 0.5, None),
    ]


def test_no_rows_are_no_groups():
    assert percentile(banded(1).clear(), share=0.5, by="org_code").is_empty()
    assert share_within(banded(1).clear(), weeks=18, by="org_code").is_empty()


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    st.fractions(min_value=Fraction(1, 40), max_value=Fraction(39, 40), max_denominator=40),
)
@settings(derandomize=True, deadline=None)
def test_people_laid_out_one_by_one_have_the_same_percentile(counts, share):
    """Cut each person into so many equal parts that the share of all parts is whole, and count off that many."""
    parts = share.denominator
    waits_of_parts = np.sort(
        [week + step / (parts * count) for week, count in enumerate(counts) for step in range(1, parts * count + 1)]
    )
    row = found(banded(*counts, 0), share=float(share))
    assert row["weeks"] == pytest.approx(waits_of_parts[share.numerator * sum(counts) - 1], rel=1e-9)


@given(
    st.lists(st.integers(0, 10**6), min_size=2, max_size=12).filter(any),
    st.floats(0.01, 0.98),
    st.floats(0.001, 0.01),
    st.sampled_from([0.5, 0.95, 0.998]),
)
@settings(derandomize=True, deadline=None)
def test_the_interval_holds_the_percentile_and_a_higher_share_waits_longer(counts, share, more, confidence):
    row = found(banded(*counts), share=share, confidence=confidence)
    weeks, lower, upper = (inf if row[name] is None else row[name] for name in ("weeks", "weeks_lower", "weeks_upper"))
    assert 0 <= lower <= weeks <= upper or (row["is_beyond"] and lower <= row["weeks_at_least"])
    later = found(banded(*counts), share=share + more)["weeks"]
    assert (inf if later is None else later) >= weeks


@pytest.mark.parametrize("share", [0.01, 0.5, 0.92, 0.999])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.998])
def test_ranks_are_those_of_scipys_binomial(share, confidence):
    people = np.array([1, 2, 3, 5, 6, 10, 17, 100, 1000, 20_001, 7_123_980], dtype=float)
    lower, upper = waits._ranks(people, share=share, confidence=confidence)
    half = (1 - confidence) / 2
    for all_people, low, high in zip(people, lower, upper, strict=True):
        # Fewer than `low` draws below the percentile, or `high` and more, are each as unlikely as half of the rest,
        # and one rank nearer they are not.
        assert stats.binom.cdf(low - 1, all_people, share) < half <= stats.binom.cdf(low, all_people, share)
        assert stats.binom.sf(high - 1, all_people, share) <= half * (1 + 1e-9)
        assert stats.binom.sf(high - 2, all_people, share) > half


def test_ranks_where_the_binomial_meets_the_level_exactly():
    # Of three fair draws none is heads in 1/8 of cases, which is half of what a confidence of 3/4 leaves. The
    # lower rank could then be 1; the usual quantile of the binomial gives 0, and a limit on the safe side.
    lower, upper = waits._ranks(np.array([3.0]), share=0.5, confidence=0.75)
    assert (lower.item(), upper.item()) == (0, 3)


@pytest.mark.parametrize("offset", [-1, 1])
def test_an_inverse_that_is_off_by_one_is_put_right(monkeypatch, offset):
    people = np.array([50.0, 1000.0])
    exact = waits._ranks(people, share=0.5, confidence=0.95)
    inverse = waits.special.bdtrik
    monkeypatch.setattr(waits.special, "bdtrik", lambda *arguments: inverse(*arguments) + offset)
    assert np.array_equal(waits._ranks(people, share=0.5, confidence=0.95), exact)


def test_an_interval_by_hand_for_sixteen_people():
    # Of the binomial with 16 draws and p = 3/4, tables print P(X <= 7) = 0.0075 and P(X <= 8) = 0.0271; P(X <= 14) =
    # 0.9365 and P(X <= 15) = 0.9900. So ranks 8 and 16 have the upper quartile between them, with 98.25 % confidence.
    row = found(banded(*[1] * 16, 0), share=0.75, confidence=0.95)
    assert (row["weeks"], row["weeks_lower"], row["weeks_upper"]) == (12, 8 - 1, 16)


def test_too_few_people_have_no_upper_limit_and_a_lower_of_0():
    # The median of five lies beyond all of them with probability 1/32, more than 2.5 %; of six with 1/64.
    row = found(banded(0, 5, 0))
    assert (row["weeks"], row["weeks_lower"], row["weeks_upper"]) == (1.5, 0, None)
    row = found(banded(0, 6, 0))
    assert (row["weeks"], row["weeks_lower"], row["weeks_upper"]) == (1.5, 0, 2)


@pytest.mark.parametrize(("people", "share"), [(40, 0.5), (400, 0.5), (400, 0.92)])
def test_coverage_of_the_interval_by_simulation(people, share):
    mean_wait, lists, bands = 15, 2000, 104
    draws = np.random.default_rng(20260401).exponential(mean_wait, (lists, people))
    counts = np.stack([((draws > week) & (draws <= week + 1)).sum(axis=1) for week in range(bands)], axis=1)
    counts = np.column_stack([counts, people - counts.sum(axis=1)])
    frame = pl.DataFrame(
        {
            "list": np.repeat(np.arange(lists), bands + 1),
            "weeks_from": np.tile(np.arange(bands + 1.0), lists),
            "weeks_to": [*range(1, bands + 1), None] * lists,
            "waiting": counts.ravel(),
        }
    )
    true = -mean_wait * log(1 - share)
    assert 1 - exp(-true / mean_wait) == pytest.approx(share)
    held = percentile(frame, share=share, by="list").select(
        (pl.col("weeks_lower") <= true) & (pl.col("weeks_upper").fill_null(inf) >= true)
    )
    # At least 95 %, but for chance (three standard errors of 2,000 lists), and not needlessly wide.
    assert 0.95 - 3 * (0.95 * 0.05 / lists) ** 0.5 <= held.to_series().mean() <= 0.985


@pytest.mark.parametrize(
    ("weeks", "numerator"),
    [(1, 10), (2, 10 + 20), (3, 10 + 20 + 30)],
)
def test_share_within_and_over_are_exact_at_edges(weeks, numerator):
    frame = banded(10, 20, 30, 40)
    assert share_within(frame, weeks=weeks, by="org_code").row(0) == ("RJ1", numerator, 100, numerator / 100)
    assert share_over(frame, weeks=weeks, by=["org_code"]).row(0) == ("RJ1", 100 - numerator, 100, 1 - numerator / 100)


def test_a_share_of_nobody_is_null():
    assert share_within(banded(0, 0), weeks=1, by="org_code").row(0) == ("RJ1", 0, 0, None)
    assert share_over(banded(0, 0), weeks=1, by="org_code").row(0) == ("RJ1", 0, 0, None)


def test_beyond_the_last_band_of_complete_bands_nobody_waits():
    assert share_over(banded(1, 2, edges=[0, 6, 13]), weeks=26, by="org_code").row(0) == ("RJ1", 0, 3, 0)


@pytest.mark.parametrize("share", [share_within, share_over])
@pytest.mark.parametrize(
    ("weeks", "band"),
    [(18.5, "18.0 to 52.0 weeks with 2.0 waiting"), (65, "52.0 to None weeks with 3.0 waiting"), (17.9, "0.0 to 18.0")],
)
def test_a_threshold_inside_a_band_is_refused_with_the_edges(share, weeks, band):
    with pytest.raises(
        ParameterError, match=rf"org_code 'RJ1': found a band from {band}.* an edge of a band at {weeks}"
    ):
        share(banded(1, 2, 3, edges=[0, 18, 52, None]), weeks=weeks, by="org_code")


@pytest.mark.parametrize("share", [share_within, share_over])
@pytest.mark.parametrize("weeks", [0, -18, nan])
def test_a_threshold_that_is_no_wait_is_refused(share, weeks):
    with pytest.raises(ParameterError, match="expected a number of weeks above 0"):
        share(banded(1, 2), weeks=weeks, by="org_code")


@pytest.mark.parametrize("wrong", [0, 1, 92, nan, -0.5])
@pytest.mark.parametrize("name", ["share", "confidence"])
def test_a_share_or_confidence_outside_0_to_1_is_refused(name, wrong):
    options = {"share": 0.5, "confidence": 0.95} | {name: wrong}
    with pytest.raises(ParameterError, match=f"{name} is {wrong!r}: expected a share between 0 and 1"):
        percentile(banded(1, 2), by="org_code", **options)


@pytest.mark.parametrize("method", [found, lambda frame: share_within(frame, weeks=1, by="org_code")])
@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ([(0, 1, 5), (2, 3, 5)], "without gap or overlap"),
        ([(0, 1, 5), (0.5, 2, 5)], "without gap or overlap"),
        ([(0, 1, 5), (0, 1, 5)], "without gap or overlap"),
        ([(1, 2, 5)], "bands from 0 weeks on"),
        ([(None, 1, 5)], "bands from 0 weeks on"),
        ([(nan, 1, 5)], "bands from 0 weeks on"),
        ([(0, None, 5), (1, 2, 5)], "only the last one open"),
        ([(0, 1, 5), (1, None, 5), (1, None, 5)], "only the last one open"),
        ([(0, 0, 5)], "an upper edge above the lower one"),
        ([(0, 1, 5), (1, inf, 5)], "an upper edge above the lower one"),
        ([(0, 1, 5), (1, nan, 5)], "an upper edge above the lower one"),
        ([(0, 1, -1)], "a count of 0 or more"),
        ([(0, 1, None)], "a count of 0 or more"),
        ([(0, 1, nan)], "a count of 0 or more"),
        ([(0, 1, inf)], "a count of 0 or more"),
    ],
)
def test_bands_and_counts_that_cannot_be_are_refused_by_group(method, bands, expected):
    faulty = pl.DataFrame([("RC9", *band) for band in bands], schema=SCHEMA, orient="row")
    with pytest.raises(ParameterError, match=rf"org_code 'RC9': found a band from .*{expected}"):
        method(pl.concat([banded(1, 2), faulty]))


def test_a_row_without_its_group_is_refused():
    with pytest.raises(ParameterError, match=r"org_code 'None': .*expected a group in every row"):
        found(banded(1, 2, org_code=None))
