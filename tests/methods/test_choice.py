"""Each rule of the choice at its boundary, and reasons for every chart."""

from datetime import date
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures import definitions
from openmeasures.errors import ParameterError
from openmeasures.methods import spc
from openmeasures.methods.choice import DEFAULTS, Chart, Kind, choose, is_selection, suits_limits, without_unsuited

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=40)
COUNTED = ["proportion", "rate"]


def series(numerators, denominators=1000, *, org_code="RJ1"):
    return (
        pl.DataFrame(
            {"org_code": org_code, "period_start": range(len(numerators)), "numerator": numerators},
            schema={"org_code": pl.String, "period_start": pl.Int64, "numerator": pl.Float64},
        )
        .with_columns(
            denominator=pl.lit(denominators)
            if isinstance(denominators, int)
            else pl.Series(denominators, dtype=pl.Float64)
        )
        .with_columns(value=pl.col("numerator") / pl.col("denominator"))
    )


def chosen(frame, *columns, kind="proportion", **options):
    return choose(frame, kind=kind, **options).select(columns or ("chart", "beside")).row(0)


def test_every_kind_of_measure_has_a_chart_and_a_reason():
    assert set(DEFAULTS) == set(get_args(Kind)) == set(get_args(definitions.Kind))
    for default in DEFAULTS.values():
        assert default.reason.endswith(".")
        assert default.chart == Chart.XMR


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize(("count", "chart"), [(0, None), (9, None), (10, "run"), (12, "run"), (13, "xmr")])
def test_runs_need_ten_values_and_limits_thirteen(kind, count, chart):
    assert chosen(series([400] * count + [None]), "points", "chart", "beside", kind=kind) == (count, chart, None)


@pytest.mark.parametrize(("cases", "chart"), [(4, "run"), (5, "xmr")])
def test_fewer_than_five_cases_a_month_are_rare(cases, chart):
    events = series([cases - 1, cases + 1] * 10)
    assert chosen(events, "cases", "chart", kind="rate") == (cases, chart)
    assert chosen(events, "cases", "chart") == (cases, chart)
    # 1,000 less the cases have the feature: those without it are few.
    assert chosen(series([1001 - cases, 999 - cases] * 10), "cases", "chart") == (cases, chart)
    assert chosen(series([1001 - cases, 999 - cases] * 10), "chart", kind="rate") == ("xmr",)


@pytest.mark.parametrize("kind", ["mean", "ratio", "percentile"])
def test_other_kinds_have_no_cases(kind):
    frame = series([1] * 20, [100, 900] * 10).select("org_code", "period_start", "value")
    assert chosen(frame, "cases", "unevenness", "chart", "beside", "reason", kind=kind) == (
        None, None, "xmr", None, DEFAULTS[kind].reason,
    )  # fmt: skip


@pytest.mark.parametrize(("count", "has_event_dates", "charts"), [
    (20, False, ("run", None)), (20, True, ("t", "g")), (11, True, ("t", "g")), (9, True, (None, None)),
])  # fmt: skip
def test_rare_events_need_their_dates(count, has_event_dates, charts):
    assert chosen(series([2] * count), kind="rate", has_event_dates=has_event_dates) == charts


def test_dates_of_events_change_nothing_where_there_are_many():
    assert chosen(series([400] * 20), has_event_dates=True) == ("xmr", None)


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize(("largest", "is_uneven"), [(1250, False), (1251, True)])
def test_another_chart_is_offered_where_a_denominator_is_a_quarter_from_the_mean(kind, largest, is_uneven):
    beside = {"proportion": "p_prime", "rate": "u_prime"}[kind] if is_uneven else None
    frame = series([400] * 20, [largest, 2000 - largest] * 10)
    unevenness, *charts = chosen(frame, "unevenness", "chart", "beside", kind=kind)
    assert unevenness == pytest.approx((largest - 1000) / 1000)
    assert charts == ["xmr", beside]


def test_large_denominators_alone_offer_nothing():
    assert chosen(series([800_000, 810_000] * 10, 1_000_000)) == ("xmr", None)


def test_each_outcome_has_its_own_reason():
    frames = {
        "few": (series([400] * 9), False),
        "short": (series([400] * 12), False),
        "rare": (series([2] * 20), False),
        "rare with dates": (series([2] * 20), True),
        "even": (series([400] * 20), False),
        "uneven": (series([400] * 20, [500, 1500] * 10), False),
    }
    reasons = [chosen(frame, "reason", has_event_dates=dates)[0] for frame, dates in frames.values()]
    assert len(set(reasons)) == len(frames)
    assert reasons[-1] == DEFAULTS["proportion"].reason
    assert reasons[-2].startswith(DEFAULTS["proportion"].reason)


def test_rows_without_a_value_count_for_nothing():
    frame = series([400] * 20, [1000] * 20)
    empty = frame.with_columns(pl.col("period_start") + 20, denominator=pl.lit(9e6), value=pl.lit(None, pl.Float64))
    assert_frame_equal(choose(pl.concat([frame, empty]), kind="rate"), choose(frame, kind="rate"))


def test_columns_may_have_other_names():
    names = {"org_code": "site", "period_start": "week", "numerator": "seen", "denominator": "all", "value": "share"}
    options = dict(zip(("by", "order", "numerator", "denominator", "value"), names.values(), strict=True))
    found = choose(series([400] * 20).rename(names), kind="rate", **options)
    assert found.columns == ["site", "points", "cases", "unevenness", "chart", "beside", "reason"]


def test_faulty_rows_are_refused():
    with pytest.raises(ParameterError, match="one row an organisation and period"):
        choose(series([1, 2]).with_columns(period_start=0), kind="rate")


rows = st.lists(st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(1, 9)), max_size=20)


@given(rows, rows, st.sampled_from(get_args(Kind)))
@DETERMINISTIC
def test_organisations_are_independent(one, other, kind):
    parts = [
        series([x for x, _ in row], [n for _, n in row], org_code=code) for code, row in (("A", one), ("B", other))
    ]
    assert_frame_equal(choose(pl.concat(parts), kind=kind), pl.concat([choose(part, kind=kind) for part in parts]))


@pytest.mark.parametrize(("numerator", "suits"), [(4.0, False), (5.0, True), (1995.0, True), (1996.0, False)])
def test_limits_need_five_cases_a_period_with_the_feature_and_without(numerator, suits):
    rows = [("RC9", date(2024, month, 1), numerator, 2000.0, numerator / 20) for month in range(1, 4)]
    columns = ["org_code", "period_start", "numerator", "denominator", "value"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    assert suits_limits(frame, kind="proportion") == suits


def test_a_kind_without_cases_suits_limits():
    frame = pl.DataFrame({"org_code": ["RC9"], "period_start": [date(2024, 1, 1)], "value": [7.0]})
    counts = {"numerator": pl.lit(1.0), "denominator": pl.lit(1.0)}
    assert suits_limits(frame.with_columns(**counts), kind="mean")


@pytest.mark.parametrize(("cases", "stays"), [(4.0, False), (5.0, True)])
def test_a_chart_of_too_few_cases_is_stripped_of_what_it_cannot_claim(cases, stays):
    months = [date(2022 + month // 12, month % 12 + 1, 1) for month in range(24)]
    frame = pl.DataFrame({"org_code": "RC9", "period_start": months}).with_columns(
        numerator=pl.lit(cases), denominator=pl.lit(2000.0), value=pl.lit(cases / 20)
    )
    chart = spc.xmr(frame, improvement="increase").with_columns(assurance=pl.lit(None, pl.String))
    stripped = without_unsuited(chart, kind="proportion")
    assert stripped.schema == chart.schema
    assert stripped["value"].equals(chart["value"])
    for column in ("mean", "lower_process_limit", "upper_process_limit", "variation"):
        assert stripped[column].is_not_null().all() == stays
    assert set(stripped["special_cause"]) == {"none"}


@pytest.mark.parametrize(("suppressed", "is_so"), [(0, False), (2, False), (3, True)])  # of 20
def test_what_suppression_leaves_of_a_series_is_a_selection_beyond_one_in_ten(suppressed, is_so):
    statuses = ["suppressed"] * suppressed + ["reported"] * (20 - suppressed)
    frame = pl.DataFrame(
        {"org_code": "RC9", "period_start": [date(2022 + month // 12, month % 12 + 1, 1) for month in range(20)],
         "numerator": None, "denominator": None, "value": [None if each == "suppressed" else 60 for each in statuses],
         "status": statuses},
        schema_overrides={"numerator": pl.Float64, "denominator": pl.Float64, "value": pl.Float64},
    )  # fmt: skip
    assert is_selection(frame) == is_so
    assert suits_limits(frame, kind="proportion") != is_so
    assert not is_selection(frame.drop("status"))
    assert not is_selection(frame.clear())


@pytest.mark.parametrize(
    ("suppressed", "exceeding", "is_so"), [(0, 2, False), (0, 3, True), (1, 1, False), (2, 1, True)]
)
def test_periods_of_more_than_the_whole_are_left_out_like_suppressed_ones(suppressed, exceeding, is_so):
    left_out = suppressed + exceeding
    frame = pl.DataFrame(
        {"org_code": "RC9", "period_start": [date(2022 + month // 12, month % 12 + 1, 1) for month in range(20)],
         "value": [None] * left_out + [60] * (20 - left_out),
         "status": ["suppressed"] * suppressed + ["not_applicable"] * exceeding + ["reported"] * (20 - left_out),
         "exceeds_whole": [False] * suppressed + [True] * exceeding + [False] * (20 - left_out)},
        schema_overrides={"value": pl.Float64},
    ).with_columns(numerator=pl.lit(None, pl.Float64), denominator=pl.lit(None, pl.Float64))  # fmt: skip
    assert is_selection(frame) == is_so
    assert suits_limits(frame, kind="proportion") != is_so
    assert not is_selection(frame.drop("exceeds_whole"))  # of other kinds of measures


# ---- periods that overlap


@pytest.mark.parametrize("kind", get_args(Kind))
def test_figures_that_overlap_have_no_chart_however_many_there_are(kind):
    assert chosen(series([700] * 48), "chart", "beside", "reason", kind=kind, overlaps=True) == (
        None, None, "Neighbouring figures share most of their months, so that no chart's rules apply to them.",
    )  # fmt: skip


def test_limits_do_not_suit_figures_that_overlap():
    frame = series([700] * 48)
    assert (suits_limits(frame, kind="ratio"), suits_limits(frame, kind="ratio", overlaps=True)) == (True, False)


def test_a_chart_of_figures_that_overlap_is_stripped_of_limits_and_signals():
    chart = spc.xmr(series([700, 710] * 8 + [900] * 8), improvement="neutral").with_columns(assurance=pl.lit(None))
    assert (chart["special_cause"] != "none").any()
    bare = without_unsuited(chart, kind="ratio", overlaps=True)
    assert bare["value"].to_list() == chart["value"].to_list()
    assert set(bare["special_cause"]) == {"none"}
    assert bare["mean"].is_null().all()
    assert bare["variation"].is_null().all()
