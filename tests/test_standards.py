from datetime import date

import polars as pl
import pytest

from openmeasures import standards
from openmeasures.definitions import Standard
from openmeasures.methods import spc

MARCH, APRIL, MAY = date(2024, 3, 1), date(2024, 4, 1), date(2024, 5, 1)
POINTS = {
    "period_start": pl.Date,
    "value": pl.Float64,
    "lower_process_limit": pl.Float64,
    "upper_process_limit": pl.Float64,
    "special_cause": spc.SPECIAL_CAUSE_TYPE,
    "segment": pl.UInt32,
}


def standard(value, *, begin=date(2010, 1, 1), end=None, name="Standard"):
    where = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    return Standard(name=name, value=value, **{"from": begin, "to": end}, **where)


def with_standards(measure, *given, improvement="increase"):
    return measure.model_copy(update={"standards": list(given), "improvement": improvement})


def points(*rows, limits=(50.0, 70.0), cause="none"):
    """Make points from pairs of month and value, all with the same limits and special cause."""
    return pl.DataFrame([(*row, *limits, cause, 0) for row in rows], schema=POINTS, orient="row")


# ---- the standard beside each point


def test_each_point_has_the_standard_of_its_own_month(measure):
    set_down = with_standards(
        measure, standard(76, begin=MARCH, end=date(2024, 4, 30), name="Before"), standard(78, begin=MAY, name="After")
    )
    joined = standards.join(points((MARCH, 60.0), (APRIL, 61.0), (MAY, 62.0)), set_down)
    assert joined["standard"].to_list() == [76, 76, 78]
    assert joined["standard_name"].to_list() == ["Before", "Before", "After"]


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (MARCH, MARCH, 76),
        (date(2024, 3, 2), None, None),  # a month is judged by its first day
        (date(2024, 2, 1), date(2024, 2, 29), None),
    ],
)
def test_a_standard_holds_from_its_first_day_to_its_last(measure, begin, end, expected):
    set_down = with_standards(measure, standard(76, begin=begin, end=end))
    assert standards.join(points((MARCH, 60.0)), set_down)["standard"].to_list() == [expected]


def test_a_series_is_read_against_the_latest_begun_of_several_in_force(measure):
    milestone = standard(78, begin=MARCH, end=APRIL, name="Milestone")
    joined = standards.join(points((MARCH, 60.0)), with_standards(measure, standard(95, name="Lasting"), milestone))
    assert joined.select("standard", "standard_name").row(0) == (78, "Milestone")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([standard(95), standard(78, begin=MARCH, end=APRIL)], 95),
        ([standard(95)], None),  # it is `standard` itself
        ([standard(78, end=APRIL)], None),
        ([standard(76, end=APRIL), standard(78, begin=MARCH, end=APRIL)], None),
        ([standard(78, end=APRIL), standard(95, begin=MARCH)], None),
        ([standard(98), standard(78, begin=MARCH, end=APRIL).model_copy(update={"judged": "each_month"})], None),
        (
            [standard(98), standard(95, begin=MARCH)],
            None,
        ),  # of two without an end, the series is read against the later
        ([standard(98), standard(95, begin=date(2020, 1, 1)), standard(78, begin=MARCH, end=APRIL)], 95),
        ([standard(95, begin=APRIL), standard(78, end=APRIL)], None),  # not yet in force
    ],
)
def test_a_milestone_does_not_replace_the_standard_that_lasts(measure, given, expected):
    joined = standards.join(points((MARCH, 60.0)), with_standards(measure, *given))
    assert joined["lasting_standard"].to_list() == [expected]


def test_the_lasting_standard_stands_apart_only_while_a_milestone_is_in_force(measure):
    set_down = with_standards(measure, standard(95), standard(78, begin=APRIL, end=date(2024, 4, 30)))
    joined = standards.join(points((MARCH, 60.0), (APRIL, 61.0), (MAY, 62.0)), set_down)
    assert joined.select("standard", "lasting_standard").rows() == [(95, None), (78, 95), (95, None)]


def test_every_organisation_keeps_its_rows_in_their_order(measure):
    rows = points((APRIL, 61.0), (MARCH, 60.0), (APRIL, 71.0)).with_columns(org_code=pl.Series(["B", "A", "A"]))
    joined = standards.join(rows, with_standards(measure, standard(95)))
    assert joined.select(rows.columns).equals(rows)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((50.0, 94.9), "consistently_failing"), ((50.0, 95.0), "hit_or_miss"), ((95.1, 99.0), "consistently_passing")],
)
def test_assurance_sets_the_limits_against_the_standard(measure, limits, expected):
    joined = standards.join(points((MARCH, 60.0), limits=limits), with_standards(measure, standard(95)))
    assert joined["assurance"].item() == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([standard(95), standard(78, begin=MARCH, end=APRIL)], "consistently_failing"),
        ([standard(78), standard(95, begin=MARCH, end=APRIL)], "hit_or_miss"),
        ([standard(78, begin=MARCH, end=APRIL)], None),
    ],
)
def test_assurance_is_of_the_standard_for_every_month_and_never_of_a_milestone(measure, given, expected):
    """78 lies within the limits of 70 to 80, and 95 does not."""
    joined = standards.join(points((MARCH, 75.0), limits=(70.0, 80.0)), with_standards(measure, *given))
    assert joined["assurance"].item() == expected


@pytest.mark.parametrize(
    ("judged", "end", "expected"),
    [(None, None, False), (None, APRIL, True), ("last_month", APRIL, True), ("together", APRIL, True),
     ("each_month", APRIL, False)],
)  # fmt: skip
def test_a_standard_that_ends_is_a_milestone_unless_each_month_is_judged(measure, judged, end, expected):
    one = standard(78, end=end).model_copy(update={"judged": judged})
    assert standards.join(points((MARCH, 75.0)), with_standards(measure, one))["is_milestone"].item() is expected


@pytest.mark.parametrize(("given", "limits"), [((), (50.0, 70.0)), ((standard(95),), (None, None))])
def test_without_standard_or_limits_there_is_no_assurance(measure, given, limits):
    joined = standards.join(points((MARCH, 60.0), limits=limits), with_standards(measure, *given))
    assert joined["assurance"].item() is None


def test_without_a_standard_in_force_every_column_is_null(measure):
    rows = points((MARCH, 60.0))
    joined = standards.join(rows, with_standards(measure, standard(95, begin=APRIL)))
    assert joined.drop(rows.columns).row(0, named=True) == dict.fromkeys(
        ("standard", "standard_name", "is_milestone", "lasting_standard", "assurance")
    )


def test_a_series_to_which_no_standard_applies_has_the_same_columns(measure):
    rows = points((MARCH, 60.0))
    joined, absent = standards.join(rows, with_standards(measure, standard(95))), standards.absent(rows)
    assert absent.schema == joined.schema
    assert set(absent.drop(rows.columns).row(0)) == {None}


def test_no_points_give_no_rows(measure):
    assert standards.join(points(), with_standards(measure, standard(95))).is_empty()


# ---- how often it was met


def met(measure, rows, *given, improvement="increase", **layout):
    found = standards.met(points(*rows, **layout), with_standards(measure, *given, improvement=improvement))
    return found.rows(named=True)


def year(*values):
    """Make the rows of the months up to March 2024, the last value for that month."""
    months = [date(2022 + (2 + back) // 12, (2 + back) % 12 + 1, 1) for back in range(25 - len(values), 25)]
    return list(zip(months, values, strict=True))


@pytest.mark.parametrize(
    ("improvement", "value", "expected"),
    [
        ("increase", 59.9, False),
        ("increase", 60.0, True),  # a value equal to the standard meets it
        ("increase", 60.1, True),
        ("decrease", 59.9, True),
        ("decrease", 60.0, True),
        ("decrease", 60.1, False),
    ],
)
def test_the_latest_value_meets_the_standard_or_not(measure, improvement, value, expected):
    (row,) = met(measure, [(MARCH, value)], standard(60), improvement=improvement)
    assert (row["latest"], row["periods_met"], row["periods"]) == (expected, int(expected), 1)


def test_only_the_last_twelve_periods_count(measure):
    (row,) = met(measure, year(*[61.0] * 6, *[59.0] * 11, 61.0), standard(60))
    assert (row["periods_met"], row["periods"]) == (1, 12)


def test_a_period_without_a_figure_is_neither_met_nor_missed(measure):
    (row,) = met(measure, year(*[61.0] * 10, None, 59.0), standard(60))
    assert (row["latest"], row["periods_met"], row["periods"]) == (False, 10, 12 - 1)
    assert row["periods_spanned"] == 12


@pytest.mark.parametrize(("absent", "spanned"), [(0, 12), (1, 13), (9, 21)])
def test_periods_without_a_file_make_the_latest_figures_reach_further(measure, absent, spanned):
    rows = year(*[61.0] * 24)
    (row,) = met(measure, [*rows[: 23 - absent], rows[-1]], standard(60))
    assert (row["periods_met"], row["periods"], row["periods_spanned"]) == (12, 12, spanned)


def test_a_series_that_ended_is_set_against_the_standards_of_its_last_figure(measure):
    given = standard(76, end=APRIL, name="Then"), standard(78, begin=MAY, name="Now")
    (row,) = met(measure, [(MARCH, 77.0), (APRIL, 77.0), (MAY, None)], *given)
    assert (row["period_start"], row["standard_name"], row["latest"]) == (APRIL, "Then", True)


def test_each_standard_in_force_has_its_row_the_latest_begun_first(measure):
    given = (
        standard(55, name="Operational"),
        standard(65, begin=MARCH, end=MARCH, name="Milestone"),
        standard(9, begin=APRIL),
    )
    assert [
        (row["standard_name"], row["standard"], row["latest"]) for row in met(measure, [(MARCH, 60.0)], *given)
    ] == [
        ("Milestone", 65, False),
        ("Operational", 55, True),
    ]


@pytest.mark.parametrize(
    ("judged", "end", "latest", "due"),
    [
        (None, date(2024, 3, 31), False, MARCH),
        (None, MARCH, False, MARCH),
        ("last_month", date(2024, 3, 31), False, MARCH),
        (None, date(2024, 4, 30), None, APRIL),
        ("together", date(2024, 3, 31), None, None),
    ],
)
def test_a_milestone_is_set_against_its_own_month_alone(measure, judged, end, latest, due):
    milestone = standard(65, end=end).model_copy(update={"judged": judged})
    (row,) = met(measure, year(*[66.0] * 5, 60.0), milestone)
    assert (row["value"], row["latest"], row["due_month"]) == (60, latest, due)
    assert {row[name] for name in ("periods_met", "periods", "periods_spanned", "assurance")} == {None}


@pytest.mark.parametrize(("outside", "expected"), [(3, False), (4, True)])
def test_a_series_that_its_limits_do_not_describe_is_changing(measure, outside, expected):
    (row,) = met(measure, year(*[60.0] * 3, *[71.0] * outside), standard(65))
    assert row["is_changing"] is expected


def test_assurance_is_that_of_the_latest_point(measure):
    (row,) = met(measure, [(MARCH, 60.0)], standard(95))
    assert row["assurance"] == "consistently_failing"


@pytest.mark.parametrize(
    ("cause", "expected"),
    [("none", False), (None, False), ("shift", True), ("trend", True), ("astronomical_point", True),
     ("two_in_three", True)],
)  # fmt: skip
def test_a_series_is_changing_where_its_latest_value_is_special_cause(measure, cause, expected):
    (row,) = met(measure, [(MARCH, 60.0)], standard(60), cause=cause)
    assert row["is_changing"] is expected


def test_the_special_cause_of_an_earlier_value_or_of_a_missing_one_does_not_matter(measure):
    rows = points((MARCH, 60.0), (APRIL, 61.0), (MAY, None)).with_columns(
        special_cause=pl.Series(["shift", "none", "shift"], dtype=spc.SPECIAL_CAUSE_TYPE)
    )
    assert standards.met(rows, with_standards(measure, standard(60)))["is_changing"].to_list() == [False]


def test_rows_in_any_order_give_the_same(measure):
    rows = year(61.0, 59.0)
    assert met(measure, rows, standard(60)) == met(measure, rows[::-1], standard(60))


@pytest.mark.parametrize(
    ("rows", "given", "improvement"),
    [
        ([(MARCH, 60.0)], [], "increase"),
        ([(MARCH, 60.0)], [standard(60, begin=APRIL)], "increase"),
        ([(MARCH, 60.0)], [standard(60)], "neutral"),
        ([(MARCH, None)], [standard(60)], "increase"),
        ([], [standard(60)], "increase"),
    ],
    ids=["no standard", "not yet in force", "neutral", "no figure", "no points"],
)
def test_nothing_is_met_or_missed(measure, rows, given, improvement):
    assert met(measure, rows, *given, improvement=improvement) == []


def test_the_table_has_one_shape_whether_or_not_there_are_rows(measure):
    some = standards.met(points((MARCH, 60.0)), with_standards(measure, standard(60)))
    none = standards.met(points(), with_standards(measure))
    assert some.schema == none.schema
    assert none.schema["assurance"] == spc.ASSURANCE_TYPE


# ---- is_changing


def test_a_point_without_limits_is_not_changing():
    rows = pl.DataFrame({"special_cause": ["shift", "none", None]}, schema={"special_cause": spc.SPECIAL_CAUSE_TYPE})
    assert rows.select(standards.is_changing()).to_series().to_list() == [True, False, False]
