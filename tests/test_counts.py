from datetime import date

import polars as pl
import pytest

from openmeasures.counts import as_counted, by_category, count, england, part_of_whole, published, roll_up
from openmeasures.definitions import Disclosure, Part
from openmeasures.periods import Period, months
from openmeasures.schemas import STATUS_TYPE, Counts

WITHIN = Part(text="within four hours", label="within four hours", add=["all"], subtract=["over"])
ALL = Part(text="everyone", label="everyone", add=["all"])
MARCH, APRIL, MAY, JUNE = (date(2024, month, 1) for month in (3, 4, 5, 6))


def _observations(*rows):
    """Make observations: organisation, month, metric and a figure, or the status that stands in its place."""
    return pl.DataFrame(
        [
            (code, month, metric, None, figure)
            if isinstance(figure, str)
            else (code, month, metric, figure, "reported")
            for code, month, metric, figure in rows
        ],
        schema={
            "org_code": pl.String,
            "period_start": pl.Date,
            "metric": pl.String,
            "value": pl.Float64,
            "status": STATUS_TYPE,
        },
        orient="row",
    )


def _count(*rows):
    return count(_observations(*rows), numerator=WITHIN, denominator=ALL).rows()


def _counts(*rows):
    return Counts.validate(pl.DataFrame(rows, schema=list(Counts.column_names()), orient="row"), cast=True)


def test_the_numerator_subtracts_and_the_denominator_adds():
    assert _count(("RC9", MARCH, "all", 1000), ("RC9", MARCH, "over", 400)) == [
        ("RC9", MARCH, 1000 - 400, 1000, "reported")
    ]


def test_every_added_metric_counts():
    several = Part(
        text="all types", label="all types", add=["type_1", "type_2", "type_3"], subtract=["over_1", "over_2"]
    )
    rows = [("RC9", MARCH, metric, figure) for metric, figure in zip(several.metrics, (100, 20, 3, 40, 5), strict=True)]
    found = count(
        _observations(*rows), numerator=several, denominator=Part(text="two", label="two", add=["type_1", "type_2"])
    )
    assert found.select("numerator", "denominator").row(0) == (100 + 20 + 3 - 40 - 5, 100 + 20)


def test_other_metrics_do_not_matter():
    assert _count(
        ("RC9", MARCH, "all", 10),
        ("RC9", MARCH, "over", 4),
        ("RC9", MARCH, "beds", 7),
        ("RC9", MARCH, "doctors", "suppressed"),
    ) == [("RC9", MARCH, 10 - 4, 10, "reported")]


def test_zero_is_a_figure():
    assert _count(("RC9", MARCH, "all", 0), ("RC9", MARCH, "over", 0)) == [("RC9", MARCH, 0, 0, "reported")]


def test_everyone_over_four_hours_is_a_numerator_of_zero():
    assert _count(("RC9", MARCH, "all", 5), ("RC9", MARCH, "over", 5)) == [("RC9", MARCH, 0, 5, "reported")]


def test_published_totals_are_left_out():
    assert _count(
        ("ENG", MARCH, "all", 10), ("ENG", MARCH, "over", 4), ("RC9", MARCH, "all", 10), ("RC9", MARCH, "over", 4)
    ) == [("RC9", MARCH, 6, 10, "reported")]


# Suppressed before not applicable before not submitted: the strongest reason not to show a figure comes first.
@pytest.mark.parametrize(
    ("everyone", "over", "status"),
    [
        ("suppressed", 4, "suppressed"),
        (10, "suppressed", "suppressed"),
        ("suppressed", "not_applicable", "suppressed"),
        ("not_submitted", "suppressed", "suppressed"),
        (10, "not_applicable", "not_applicable"),
        ("not_applicable", "not_submitted", "not_applicable"),
        (10, "not_submitted", "not_submitted"),
        ("not_submitted", "not_submitted", "not_submitted"),
    ],
)
def test_both_parts_fall_together_with_the_strongest_status(everyone, over, status):
    assert _count(("RC9", MARCH, "all", everyone), ("RC9", MARCH, "over", over)) == [("RC9", MARCH, None, None, status)]


@pytest.mark.parametrize(
    ("there", "figure", "status"),
    [
        ("all", 10, "not_submitted"),
        ("over", 4, "not_submitted"),
        ("all", "suppressed", "suppressed"),
        ("over", "not_applicable", "not_applicable"),
    ],
)
def test_a_metric_without_row_counts_as_not_submitted(there, figure, status):
    assert _count(("RC9", MARCH, there, figure)) == [("RC9", MARCH, None, None, status)]


def _months(code, *months):
    return [(code, month, metric, 1) for month in months for metric in ("all", "over")]


def test_a_gap_in_the_middle_is_not_submitted():
    found = _count(*_months("RC9", MARCH, MAY), *_months("RJ1", MARCH, APRIL, MAY))
    assert [row for row in found if row[0] == "RC9"] == [
        ("RC9", MARCH, 0, 1, "reported"),
        ("RC9", APRIL, None, None, "not_submitted"),
        ("RC9", MAY, 0, 1, "reported"),
    ]


@pytest.mark.parametrize("first", [MARCH, APRIL, MAY])
def test_nothing_is_invented_before_the_first_period(first):
    every = [MARCH, APRIL, MAY]
    rows = _count(*_months("RC9", first, MAY), *_months("RJ1", *every))
    assert [row[1] for row in rows if row[0] == "RC9"] == every[every.index(first) :]


# Ten months; the organisation reports the first of them, and is missing from the rest.
@pytest.mark.parametrize(
    ("missing", "filled"),
    [
        (0, 0),
        (1, 1),
        (Period.MONTH.late - 1, Period.MONTH.late - 1),
        (Period.MONTH.late, Period.MONTH.late),
        (Period.MONTH.late + 1, 0),
        (9, 0),
    ],
)
def test_the_latest_periods_are_not_submitted_unless_they_are_too_many(missing, filled):
    every = months(date(2023, 6, 1), MARCH)
    rows = _count(*_months("RC9", *every[: 10 - missing]), *_months("RJ1", *every))
    found = [row for row in rows if row[0] == "RC9"]
    assert [row[1] for row in found] == every[: 10 - missing + filled]
    assert found[10 - missing :] == [
        ("RC9", month, None, None, "not_submitted") for month in every[10 - missing :][:filled]
    ]


def test_late_periods_are_those_that_anyone_has():
    """Between March and June lie two files that were never read."""
    rows = _count(*_months("RC9", MARCH), *_months("RJ1", MARCH, JUNE), *_months("ENG", MARCH, APRIL, JUNE))
    assert [row[1] for row in rows if row[0] == "RC9"] == [MARCH, JUNE]


def test_a_period_that_nobody_has_is_not_invented():
    """It is a file that was never read; whether anyone submitted is not known."""
    assert [row[1] for row in _count(*_months("RC9", MARCH, JUNE))] == [MARCH, JUNE]


def test_a_period_in_which_only_england_has_rows_is_not_invented():
    rows = _count(*_months("ENG", MARCH, APRIL, MAY), *_months("RC9", MARCH, MAY))
    assert [row[1] for row in rows] == [MARCH, MAY]


def test_no_observation_gives_no_row():
    assert _count() == []


def test_rows_are_sorted_by_organisation_and_period():
    found = _count(*_months("RJ1", APRIL, MARCH), *_months("RC9", APRIL, MARCH))
    assert [row[:2] for row in found] == [("RC9", MARCH), ("RC9", APRIL), ("RJ1", MARCH), ("RJ1", APRIL)]


# ---- part_of_whole


def test_a_numerator_that_exceeds_its_denominator_is_no_part_of_it():
    """1 of 2 and 2 of 2 are shares, 3 of 2 and 1 of 0 are none; where nothing is counted, 0 of 0, nothing exceeds."""
    rows = [("A", MARCH, 1, 2), ("A", APRIL, 2, 2), ("A", MAY, 3, 2), ("B", MARCH, 1, 0), ("B", APRIL, 0, 0)]
    found = part_of_whole(_counts(*((*row, "reported") for row in rows)))
    assert found.rows() == [
        ("A", MARCH, 1, 2, "reported", False),
        ("A", APRIL, 2, 2, "reported", False),
        ("A", MAY, None, None, "not_applicable", True),
        ("B", MARCH, None, None, "not_applicable", True),
        ("B", APRIL, 0, 0, "reported", False),
    ]


@pytest.mark.parametrize("status", ["not_submitted", "suppressed", "not_applicable"])
def test_what_was_not_reported_stays_what_it_was(status):
    rows = _counts(("RC9", MARCH, None, None, status))
    assert part_of_whole(rows).equals(rows.with_columns(exceeds_whole=pl.lit(False)))


# ---- roll_up


def test_an_area_is_the_sum_of_its_counts_not_of_its_percentages():
    assert roll_up(_counts(("RC9", MARCH, 90, 100, "reported"), ("RJ1", MARCH, 1, 10, "reported"))).rows() == [
        ("ENG", MARCH, 90 + 1, 100 + 10, "reported")
    ]


@pytest.mark.parametrize("status", ["suppressed", "not_submitted", "not_applicable"])
def test_what_was_not_reported_adds_to_neither_part(status):
    assert roll_up(_counts(("RC9", MARCH, 90, 100, "reported"), ("RJ1", MARCH, None, None, status))).rows() == [
        ("ENG", MARCH, 90, 100, "reported")
    ]


def test_a_period_that_nobody_reported_has_no_counts():
    found = roll_up(
        _counts(
            ("RC9", MARCH, None, None, "suppressed"),
            ("RJ1", MARCH, None, None, "not_applicable"),
            ("RJ1", APRIL, 0, 0, "reported"),
        )
    )
    assert found.rows() == [("ENG", MARCH, None, None, "suppressed"), ("ENG", APRIL, 0, 0, "reported")]


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("not_submitted", "not_submitted", "not_submitted"),
        ("not_applicable", "not_applicable", "not_applicable"),
        ("not_submitted", "not_applicable", "not_applicable"),
        ("not_applicable", "suppressed", "suppressed"),
    ],
)
def test_a_period_that_nobody_reported_has_the_state_that_weighs_most(one, other, status):
    rows = [("RC9", MARCH, None, None, one), ("RJ1", MARCH, None, None, other)]
    assert roll_up(_counts(*rows))["status"].to_list() == [status]


def test_an_area_has_the_code_given():
    assert roll_up(_counts(("RC9", MARCH, 1, 2, "reported")), org_code="QM7")["org_code"].to_list() == ["QM7"]


def test_no_counts_roll_up_to_nothing():
    assert roll_up(_counts(("RC9", MARCH, 1, 2, "reported")).clear()).is_empty()


def _parts(*rows):
    """Make the observations of one breakdown: organisation, month, category, metric and figure."""
    return _observations(*((code, month, metric, figure) for code, month, _, metric, figure in rows)).with_columns(
        category=pl.Series([category for _, _, category, _, _ in rows])
    )


MRI_AND_CT = (
    ("RC9", MARCH, "MRI", "all", 10), ("RC9", MARCH, "MRI", "over", 4),
    ("RC9", MARCH, "CT", "all", 20), ("RC9", MARCH, "CT", "over", 5),
    ("RJ1", MARCH, "CT", "all", 7), ("RJ1", MARCH, "CT", "over", 0),
    ("RJ1", APRIL, "MRI", "all", 3), ("RJ1", APRIL, "MRI", "over", 3),
    ("ENG", MARCH, "CT", "all", 999), ("ENG", MARCH, "CT", "over", 99),
)  # fmt: skip


def test_the_parts_of_one_organisation_are_counted_and_no_month_is_invented():
    found = by_category(_parts(*MRI_AND_CT), numerator=WITHIN, denominator=ALL, org_code="RC9")
    assert found.select("category", "period_start", "numerator", "denominator").rows() == [
        ("CT", MARCH, 20 - 5, 20),
        ("MRI", MARCH, 10 - 4, 10),
    ]


def test_the_parts_of_england_are_the_sum_of_the_organisations_and_not_its_published_row():
    found = by_category(_parts(*MRI_AND_CT), numerator=WITHIN, denominator=ALL, org_code="ENG")
    assert found.select("org_code", "category", "period_start", "numerator", "denominator", "status").rows() == [
        ("ENG", "CT", MARCH, 20 - 5 + 7 - 0, 20 + 7, "reported"),
        ("ENG", "MRI", MARCH, 10 - 4, 10, "reported"),
        ("ENG", "MRI", APRIL, 3 - 3, 3, "reported"),
    ]


def test_a_part_whose_figure_is_suppressed_has_no_counts():
    rows = _parts(("RC9", MARCH, "MRI", "all", 10), ("RC9", MARCH, "MRI", "over", "suppressed"))
    found = by_category(rows, numerator=WITHIN, denominator=ALL, org_code="RC9")
    assert found.select("numerator", "denominator", "status").rows() == [(None, None, "suppressed")]


def test_without_parts_there_are_none():
    for code in ("ENG", "RC9"):
        assert by_category(_parts(*MRI_AND_CT[-2:]), numerator=WITHIN, denominator=ALL, org_code=code).is_empty()


def test_a_published_statistic_stands_as_it_is_with_england_and_with_what_it_rests_on():
    rows = _observations(
        ("RX6", MARCH, "centile", 900), ("RX6", MARCH, "all", 40), ("ENG", MARCH, "centile", 800),
        ("ENG", MARCH, "all", 90), ("RX7", MARCH, "other", 1), ("RX7", MARCH, "centile", "not_submitted"),
    )  # fmt: skip
    assert published(rows, "centile", denominator=ALL).rows() == [
        ("ENG", MARCH, None, 90, 800, "reported"),
        ("RX6", MARCH, None, 40, 900, "reported"),
        ("RX7", MARCH, None, None, None, "not_submitted"),
    ]


@pytest.mark.parametrize(
    ("denominator", "figure", "value"),
    [(0, 0, None), (0, 900, None), (1, 0, 0), (1, 900, 900), ("suppressed", 900, 900), ("not_submitted", 0, 0)],
)
def test_a_published_statistic_of_nothing_is_no_value(denominator, figure, value):
    rows = _observations(("RX6", MARCH, "centile", figure), ("RX6", MARCH, "all", denominator))
    assert published(rows, "centile", denominator=ALL).select("value", "status").rows() == [(value, "reported")]


# ---- percentages and rounded counts

SHARE = Part(text="better", label="better", percentage="percent")
RULE = Disclosure(
    rounded_to=5, suppressed_below=5, zero_suppressed=True, percentage_decimals=0, england_percentage_decimals=1
)


def test_a_published_percentage_gives_the_numerator_of_its_denominator():
    rows = _observations(("RC9", MARCH, "all", 400), ("RC9", MARCH, "percent", 65))
    assert count(rows, numerator=SHARE, denominator=ALL).rows() == [("RC9", MARCH, 0.65 * 400, 400, "reported")]


@pytest.mark.parametrize("status", ["suppressed", "not_applicable", "not_submitted"])
def test_without_its_percentage_neither_part_counts(status):
    rows = _observations(("RC9", MARCH, "all", 400), ("RC9", MARCH, "percent", status))
    assert count(rows, numerator=SHARE, denominator=ALL).rows() == [("RC9", MARCH, None, None, status)]


def _england(measure, *rows):
    observations = _observations(*rows)
    rounded = measure.model_copy(update={"numerator": SHARE, "denominator": ALL})
    providers = count(observations, numerator=SHARE, denominator=ALL)
    return england(observations, providers, measure=rounded).rows()


OURS = [
    ("RC9", month, metric, figure) for month in (MARCH, APRIL) for metric, figure in (("all", 200), ("percent", 50))
]


def test_england_is_the_sum_where_nothing_is_rounded(measure):
    rows = [*OURS, ("ENG", MARCH, "all", 203), ("ENG", MARCH, "percent", 51.2)]
    assert _england(measure, *rows) == [("ENG", month, 100, 200, "reported") for month in (MARCH, APRIL)]


def test_england_is_the_published_row_where_organisations_are_rounded_and_there_is_one(measure):
    rounded = measure.model_copy(update={"disclosure": RULE})
    rows = [*OURS, ("ENG", MARCH, "all", 203), ("ENG", MARCH, "percent", 50.0), ("ENG", MAY, "all", 1)]
    assert _england(rounded, *rows) == [
        ("ENG", MARCH, 0.5 * 203, 203, "reported"),
        ("ENG", APRIL, 100, 200, "reported"),
    ]


def test_a_published_row_without_its_percentage_is_not_england(measure):
    rounded = measure.model_copy(update={"disclosure": RULE})
    rows = [*OURS, ("ENG", MARCH, "all", 203), ("ENG", MARCH, "percent", "suppressed")]
    assert _england(rounded, *rows) == [("ENG", month, 100, 200, "reported") for month in (MARCH, APRIL)]


def test_the_parts_of_england_can_be_those_published():
    rows = _parts(*MRI_AND_CT).filter(pl.col("org_code") != "ENG")
    own = rows.filter(org_code="RC9").with_columns(org_code=pl.lit("ENG"), value=pl.col("value") + 3)
    found = by_category(pl.concat([rows, own]), numerator=WITHIN, denominator=ALL, org_code="ENG", as_published=True)
    alone = by_category(own, numerator=WITHIN, denominator=ALL, org_code="ENG", as_published=True)
    assert found.select(alone.columns).rows() == alone.rows()
    assert found["denominator"].to_list() == [20 + 3, 10 + 3]
    assert set(found["org_code"]) == {"ENG"}


# ---- under another code


def _moved(observations, **under):
    """Say under which code each organisation counts, in the column that names the way."""
    [(column, codes)] = under.items()
    own = pl.col("org_code")
    return observations.with_columns(own.replace_strict(codes, default=None, return_dtype=pl.String).alias(column))


def _both(*rows, **under):
    return count(_moved(_observations(*rows), **under), numerator=WITHIN, denominator=ALL).rows()


NEW = {"OLD": "NEW", "NEW": "NEW", "ENG": "ENG"}


def test_a_merged_organisation_is_the_sum_of_counts():
    rows = [("OLD", MARCH, "all", 100), ("OLD", MARCH, "over", 90), ("NEW", MARCH, "all", 300)]
    assert _both(*rows, ("NEW", MARCH, "over", 10), successor_code=NEW) == [
        ("NEW", MARCH, 100 - 90 + 300 - 10, 100 + 300, "reported")
    ]


@pytest.mark.parametrize("status", ["suppressed", "not_submitted", "not_applicable"])
def test_without_one_of_its_parts_a_merged_organisation_has_no_figure_while_an_area_has(status):
    rows = [("OLD", MARCH, "all", status), ("OLD", MARCH, "over", 0), ("NEW", MARCH, "all", 300)]
    rows += [("NEW", MARCH, "over", 10)]
    assert _both(*rows, successor_code=NEW) == [("NEW", MARCH, None, None, status)]
    assert _both(*rows, area_code=NEW) == [("NEW", MARCH, 290, 300, "reported")]


def test_an_area_of_which_nobody_reported_has_no_figure():
    rows = [("OLD", MARCH, "all", "suppressed"), ("OLD", MARCH, "over", 1), ("NEW", MARCH, "all", "not_submitted")]
    assert _both(*rows, area_code=NEW) == [("NEW", MARCH, None, None, "suppressed")]


def test_whoever_is_in_no_area_counts_in_none():
    rows = [("A", MARCH, "all", 5), ("A", MARCH, "over", 1), ("B", MARCH, "all", 7), ("B", MARCH, "over", 1)]
    assert _both(*rows, area_code={"A": "NORTH"}) == [("NORTH", MARCH, 4, 5, "reported")]


def _reported(code, *months):
    return [(code, month, metric, figure) for month in months for metric, figure in (("all", 10), ("over", 1))]


def _merged(*rows, on):
    """Count NEW, into which OLD merges on a day."""
    moved = _moved(_observations(*rows), successor_code=NEW)
    dated = moved.with_columns(merger_date=pl.when(pl.col("org_code") == "OLD").then(pl.lit(on, pl.Date)))
    return count(dated, numerator=WITHIN, denominator=ALL).rows()


def test_a_gap_of_a_predecessor_is_a_gap_of_the_sum_and_its_end_is_none():
    """OLD misses April and merges in June; it is not expected to submit anything after that."""
    rows = [*_reported("OLD", MARCH, MAY), *_reported("NEW", MARCH, APRIL, MAY, JUNE)]
    assert _merged(*rows, on=JUNE) == [
        ("NEW", MARCH, 18, 20, "reported"),
        ("NEW", APRIL, None, None, "not_submitted"),
        ("NEW", MAY, 18, 20, "reported"),
        ("NEW", JUNE, 9, 10, "reported"),
    ]


def test_a_predecessor_that_misses_its_last_months_leaves_no_partial_sum():
    """OLD submits nothing after March, and merges in June: April and May are not whole without it."""
    rows = [*_reported("OLD", MARCH), *_reported("NEW", MARCH, APRIL, MAY, JUNE)]
    assert _merged(*rows, on=JUNE) == [
        ("NEW", MARCH, 18, 20, "reported"),
        ("NEW", APRIL, None, None, "not_submitted"),
        ("NEW", MAY, None, None, "not_submitted"),
        ("NEW", JUNE, 9, 10, "reported"),
    ]


def test_a_month_in_which_a_predecessor_merges_is_the_successors_already():
    """OLD merges on 15 May, so that May is no whole month of its own."""
    rows = [*_reported("OLD", MARCH), *_reported("NEW", MARCH, APRIL, MAY)]
    assert [row[1:] for row in _merged(*rows, on=date(2024, 5, 15))] == [
        (MARCH, 18, 20, "reported"),
        (APRIL, None, None, "not_submitted"),
        (MAY, 9, 10, "reported"),
    ]


@pytest.mark.parametrize(("missing", "status"), [(6, "not_submitted"), (7, "reported")])
def test_a_predecessor_that_is_silent_for_more_than_half_a_year_had_stopped_before(missing, status):
    months = [date(2023, month, 1) for month in range(1, 10)]
    rows = [*_reported("OLD", *months[: 8 - missing]), *_reported("NEW", *months)]
    found = {row[1]: row[-1] for row in _merged(*rows, on=months[8])}
    assert {found[month] for month in months[8 - missing : 8]} == {status}
    assert found[months[8]] == "reported"


def test_what_a_predecessor_submits_after_it_merged_stays_its_own():
    rows = [*_reported("OLD", MARCH), *_reported("NEW", MARCH, APRIL, MAY)]
    late = _moved(_observations(*rows, *_reported("OLD", MAY)), successor_code=NEW)
    is_after = (pl.col("org_code") == "OLD") & (pl.col("period_start") == MAY)
    dated = late.with_columns(
        successor_code=pl.when(is_after).then(pl.lit("OLD")).otherwise("successor_code"),
        merger_date=pl.when(pl.col("org_code") == "OLD").then(pl.lit(MAY, pl.Date)),
    )
    assert count(dated, numerator=WITHIN, denominator=ALL).rows() == [
        ("NEW", MARCH, 18, 20, "reported"),
        ("NEW", APRIL, None, None, "not_submitted"),
        ("NEW", MAY, 9, 10, "reported"),
        ("OLD", MAY, 9, 10, "reported"),
    ]


def test_one_that_has_not_merged_may_be_late_as_ever():
    rows = [*_reported("A", MARCH), *_reported("NEW", MARCH, APRIL)]
    assert ("A", APRIL, None, None, "not_submitted") in _both(*rows, successor_code=NEW | {"A": "A"})


def test_a_late_member_of_an_area_leaves_the_others():
    rows = [*_reported("OLD", MARCH), *_reported("NEW", MARCH, APRIL)]
    assert _both(*rows, area_code=NEW)[1] == ("NEW", APRIL, 9, 10, "reported")


def test_england_is_the_same_sum_whatever_is_restated():
    rows = [*_reported("OLD", MARCH), *_reported("NEW", MARCH, APRIL), *_reported("A", MARCH)]
    plain = count(_observations(*rows), numerator=WITHIN, denominator=ALL)
    moved = count(_moved(_observations(*rows), successor_code=NEW | {"A": "A"}), numerator=WITHIN, denominator=ALL)
    assert roll_up(plain.filter(pl.col("period_start") == MARCH)).equals(
        roll_up(moved.filter(pl.col("period_start") == MARCH))
    )


def test_observations_may_be_had_under_the_code_that_counts_them():
    rows = [("OLD", MARCH, "all", 1), ("NEW", MARCH, "all", 2), ("ENG", MARCH, "all", 3), ("A", MARCH, "all", 4)]
    plain = _observations(*rows)
    assert as_counted(plain) is plain
    found = as_counted(_moved(plain, area_code=NEW))
    assert found.columns == plain.columns
    assert found.select("org_code", "value").rows() == [("NEW", 1), ("NEW", 2), ("ENG", 3)]
    dated = _moved(plain, successor_code=NEW).with_columns(merger_date=pl.lit(APRIL, pl.Date))
    assert as_counted(dated).equals(found)


def test_parts_of_several_are_added_up_part_by_part():
    parts = _parts(
        *(("OLD", MARCH, "ct", *each) for each in (("all", 10), ("over", 1))),
        *(("NEW", MARCH, "ct", *each) for each in (("all", 20), ("over", 2))),
        *(("NEW", MARCH, "mri", *each) for each in (("all", 5), ("over", 0))),
    )
    found = by_category(_moved(parts, successor_code=NEW), numerator=WITHIN, denominator=ALL, org_code="NEW")
    assert found.select("category", "org_code", "numerator", "denominator").rows() == [
        ("ct", "NEW", 27, 30),
        ("mri", "NEW", 5, 5),
    ]


def test_englands_parts_do_not_mind_under_which_code_they_count():
    parts = _parts(*((code, MARCH, "ct", *each) for code in ("OLD", "NEW") for each in (("all", 15), ("over", 1))))
    found = by_category(_moved(parts, successor_code=NEW), numerator=WITHIN, denominator=ALL, org_code="ENG")
    assert found.select("org_code", "denominator").rows() == [("ENG", 30)]


def test_a_published_statistic_of_several_is_none():
    rows = [("OLD", MARCH, "all", 10), ("OLD", MARCH, "median", 4), ("NEW", MARCH, "all", 20)]
    rows += [("NEW", MARCH, "median", 6), ("ENG", MARCH, "all", 30), ("ENG", MARCH, "median", 5)]
    restated = _moved(_observations(*rows), successor_code=NEW)
    found = published(restated, "median", denominator=ALL).select("org_code", "value").rows()
    assert found == [("ENG", 5), ("NEW", 6)]
    areas = _moved(_observations(*rows), area_code={"OLD": "NORTH", "NEW": "NORTH"})
    assert published(areas, "median", denominator=ALL)["org_code"].to_list() == ["ENG"]
