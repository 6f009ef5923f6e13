"""Findings in plain English, word for word: they are the page, the alt text and the summary."""

import re
from datetime import date

import polars as pl
import pytest

from openmeasures import standards, words
from openmeasures.definitions import Standard
from openmeasures.periods import Period
from openmeasures.quality import Quality
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Status

MARCH = date(2024, 3, 1)
COLUMNS = {
    "period_start": pl.Date,
    "value": pl.Float64,
    "mean": pl.Float64,
    "lower_process_limit": pl.Float64,
    "upper_process_limit": pl.Float64,
    "special_cause": pl.String,
    "variation": pl.String,
    "standard": pl.Float64,
    "standard_name": pl.String,
    "assurance": pl.String,
    "segment": pl.UInt32,
}


def series(
    *values, mean=60, reach=10, cause="none", variation="common_cause", standard=None, assurance=None, segment=0
):
    """Make a series that ends in March 2024, with limits either side of its mean; labels are those of every row."""
    months = [date(2022 + (2 + back) // 12, (2 + back) % 12 + 1, 1) for back in range(25 - len(values), 25)]
    limits = (mean, mean - reach, mean + reach) if mean is not None else (None, None, None)
    labels = (cause, variation, standard, "Milestone", assurance, segment)
    rows = [(month, value, *limits, *labels) for month, value in zip(months, values, strict=True)]
    # A thousand cases a month: enough for limits, whatever the value.
    counts = {"org_code": pl.lit("RC9"), "numerator": pl.lit(1000.0), "denominator": pl.lit(2000.0)}
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").with_columns(**counts)


def say(measure, points, period_to=MARCH):
    return words.finding(points, measure, period_to=period_to).replace("\u00a0", " ")


@pytest.mark.parametrize(("value", "written"), [(-2.46, "\u22122.5"), (-1234.0, "\u22121,234"), (-0.04, "0.0")])
def test_a_figure_below_zero_has_a_minus_sign(value, written):
    assert words.number(value) == written


# ---- too few cases


@pytest.mark.parametrize(("cases", "is_few"), [(4.0, True), (5.0, False)])
@pytest.mark.parametrize("rare", ["with", "without"])
def test_too_few_cases_claim_no_change(measure, cases, is_few, rare):
    numerator = cases if rare == "with" else 2000.0 - cases
    points = series(*[60.0] * 13, 75, cause="astronomical_point", variation="improvement_high")
    said = say(measure, points.with_columns(numerator=pl.lit(numerator)))
    assert said.startswith("75.0 % in March 2024. Fewer than 5 cases a month") == is_few


def test_a_series_with_many_suppressed_months_claims_no_change(measure):
    points = series(*[60.0] * 10, None, None, 75, cause="astronomical_point", variation="improvement_high")
    statuses = ["reported"] * 10 + ["suppressed", "suppressed", "reported"]
    assert say(measure, points.with_columns(status=pl.Series(statuses))) == (
        "75.0 % in March 2024. Only 11 of 13 months have a figure, for the others are too small to show: what is left "
        "is a selection, so no change is claimed here."
    )


def exceeding(points, *places):
    """Mark months, as `counts.part_of_whole` does, in which there were more in the numerator than in the whole."""
    return points.with_columns(
        exceeds_whole=pl.Series([place in places for place in range(points.height)]),
        status=pl.Series(["not_applicable" if place in places else "reported" for place in range(points.height)]),
    )


def test_a_series_with_many_months_of_more_than_the_whole_claims_no_change(measure):
    points = series(*[60.0] * 10, None, None, 75, cause="astronomical_point", variation="improvement_high")
    assert say(measure, exceeding(points, 10, 11)) == (
        "75.0 % in March 2024. Only 11 of 13 months have a figure, for in others there were more within four hours "
        "than attendances: what is left is a selection, so no change is claimed here."
    )


def test_limits_without_a_month_of_more_than_the_whole_are_said_to_lack_it(measure):
    points = exceeding(series(*[60.0] * 11, None, 61), 11)
    assert "In 1 of 13 months there were more within four hours than attendances: no share, and no part" in say(
        measure, points
    )
    assert "no share" not in say(measure, exceeding(series(*[60.0] * 12, 61)))


# ---- sentences


@pytest.mark.parametrize(
    ("sentences", "text"),
    [([], ""), (["", ""], ""), (["One."], "One."), (["", "One.", "", "Two."], "One. Two.")],
)
def test_sentences_that_say_nothing_leave_no_gap(sentences, text):
    assert words.together(sentences) == text


# ---- the finding of a series


@pytest.mark.parametrize("points", [series(), series(None, None)])
def test_a_series_without_a_figure_says_so(measure, points):
    assert say(measure, points) == "No figures up to March 2024."


@pytest.mark.parametrize(
    ("values", "months"), [([61], "1 month of figures is"), ([None, 59, 61], "2 months of figures are")]
)
def test_too_few_figures_are_given_without_a_judgement(measure, values, months):
    assert say(measure, series(*values, mean=None)) == (
        f"61.0 % in March 2024. {months} too few to tell common from special cause, which takes 13."
    )


@pytest.mark.parametrize(
    ("values", "months"),
    [([61], "1 month of figures since March 2024 is"), ([59, None, 61], "2 months of figures since January 2024 are")],
)
def test_too_few_figures_since_limits_start_anew_are_counted_from_there(measure, values, months):
    points = pl.concat([series(*[50] * 20).head(20 - len(values)), series(*values, mean=None, segment=1)])
    assert say(measure, points) == (
        f"61.0 % in March 2024. {months} too few to tell common from special cause, which takes 13."
    )


def test_a_series_that_ended_says_since_when(measure):
    found = say(measure, series(61, None))
    assert found.startswith(
        "The last figure is for February 2024; later months have none. Common-cause variation: 61.0 % in February 2024"
    )


def test_common_cause_gives_range_and_average(measure):
    assert say(measure, series(59, 61)) == (
        "Common-cause variation: 61.0 % in March 2024 is within the range of 50.0 % to 70.0 % that this series is "
        "expected to keep to, around an average of 60.0 %."
    )


@pytest.mark.parametrize(
    ("value", "reach", "said"),
    [
        (60.0, 0.0, "60.0 % in March 2024; this series hardly ever differs from that."),
        (60.0, 0.0004, "60.000 % in March 2024; this series hardly ever differs from that."),
        (60.0, 0.04, "60.00 % in March 2024 is within the range of 59.96 % to 60.04 %"),
        (60.0, 0.06, "60.0 % in March 2024 is within the range of 59.9 % to 60.1 %"),
    ],
)
def test_a_range_that_is_not_to_be_seen_is_not_given(measure, value, reach, said):
    assert say(measure, series(value, reach=reach)).startswith(f"Common-cause variation: {said}")


@pytest.mark.parametrize("noise", [1e-14, -1e-14])
def test_the_last_bit_of_a_constant_series_is_not_written_out(measure, noise):
    found = say(measure, series(60 + noise, reach=0))
    assert found == "Common-cause variation: 60.0 % in March 2024; this series hardly ever differs from that."


def test_the_order_of_rows_does_not_matter(measure):
    points = series(59, 61)
    assert say(measure, points.reverse()) == say(measure, points)


@pytest.mark.parametrize(
    ("variation", "opening"),
    [
        ("improvement_high", "Special-cause improvement: 75.0 % in March 2024 is above"),
        ("improvement_low", "Special-cause improvement: 75.0 % in March 2024 is below"),
        ("concern_high", "Special-cause concern: 75.0 % in March 2024 is above"),
        ("concern_low", "Special-cause concern: 75.0 % in March 2024 is below"),
        ("neutral_high", "Special cause, high: 75.0 % in March 2024 is above"),
        ("neutral_low", "Special cause, low: 75.0 % in March 2024 is below"),
    ],
)
def test_a_point_beyond_a_limit(measure, variation, opening):
    found = say(measure, series(60, 75, cause="astronomical_point", variation=variation))
    assert found == f"{opening} the expected range of 50.0 % to 70.0 %."


@pytest.mark.parametrize(
    ("values", "months"),
    [
        ([59, *[61] * 7], 7),
        ([59, *[61] * 8], 8),
        ([*[61] * 3, 59, None, *[61] * 7], 7),  # neither the gap nor what came before the break counts
        ([60, *[61] * 7], 7),  # a value on the mean breaks a shift
        ([61] * 9, 9),
    ],
)
def test_a_shift_counts_its_months(measure, values, months):
    assert say(measure, series(*values, cause="shift", variation="improvement_high")) == (
        f"Special-cause improvement: the last {months} months are above the average of 60.0 %; March 2024 is at 61.0 %."
    )


def test_a_shift_does_not_reach_back_over_new_limits(measure):
    labels = {"cause": "shift", "variation": "improvement_high"}
    points = pl.concat([series(*[51] * 17, mean=50, **labels).head(10), series(*[61] * 7, segment=1, **labels)])
    assert say(measure, points) == (
        "Special-cause improvement: the last 7 months are above the average of 60.0 %; March 2024 is at 61.0 %."
    )


@pytest.mark.parametrize(
    ("values", "months"), [([61, *[59] * 7], 7), ([60, *[59] * 7], 7), ([60 - 1e-12, *[59] * 7], 7)]
)
def test_a_low_shift_is_broken_by_the_mean_too(measure, values, months):
    assert say(measure, series(*values, cause="shift", variation="concern_low")) == (
        f"Special-cause concern: the last {months} months are below the average of 60.0 %; March 2024 is at 59.0 %."
    )


@pytest.mark.parametrize(("variation", "direction"), [("concern_high", "higher"), ("improvement_low", "lower")])
def test_a_trend_names_its_direction(measure, variation, direction):
    found = say(measure, series(63, cause="trend", variation=variation))
    assert found.endswith(f"each of the last months is {direction} than the one before; March 2024 is at 63.0 %.")


@pytest.mark.parametrize(
    ("variation", "side", "limit"), [("improvement_high", "above", "70.0 %"), ("concern_low", "below", "50.0 %")]
)
def test_two_in_three_names_the_limit_that_is_near(measure, variation, side, limit):
    found = say(measure, series(68, cause="two_in_three", variation=variation))
    assert found.endswith(
        f"two of the last three months are unusually far {side} the average of 60.0 %, close to the limit of {limit}; "
        "March 2024 is at 68.0 %."
    )


@pytest.mark.parametrize("months", [6, 7, 18])
def test_two_in_three_at_the_end_of_a_shift_names_the_shift_first(measure, months):
    found = say(measure, series(61, *[52] * months, cause="two_in_three", variation="concern_low"))
    assert found == (
        "Special-cause concern: "
        + (
            f"the last {months} months are all below the average of 60.0 %, two of the last three unusually far from it"
            if months >= 7
            else "two of the last three months are unusually far below the average of 60.0 %"
        )
        + ", close to the limit of 50.0 %; March 2024 is at 52.0 %."
    )


@pytest.mark.parametrize(
    ("value", "reach", "said"),
    [
        (70.04, 10, "70.04 % in March 2024 is above the expected range of 50.00 % to 70.00 %."),
        (70.004, 10, "70.004 % in March 2024 is above the expected range of 50.000 % to 70.000 %."),
        (70.0004, 10, "70.000 % in March 2024 is above the expected range of 50.000 % to 70.000 %."),
        (70.06, 10, "70.1 % in March 2024 is above the expected range of 50.0 % to 70.0 %."),
    ],
)
def test_a_value_beyond_a_limit_is_not_written_as_equal_to_it(measure, value, reach, said):
    found = say(measure, series(60, value, reach=reach, cause="astronomical_point", variation="improvement_high"))
    assert found == f"Special-cause improvement: {said}"


@pytest.mark.parametrize(("months", "is_told"), [(6, False), (7, True)])
def test_a_point_beyond_a_limit_may_end_a_shift(measure, months, is_told):
    found = say(measure, series(*[59] * 8, *[75] * months, cause="astronomical_point", variation="improvement_high"))
    shift = f", and the last {months} months are all above the average of 60.0 %"
    assert found == (
        f"Special-cause improvement: 75.0 % in March 2024 is above the expected range of 50.0 % to 70.0 %"
        f"{shift if is_told else ''}."
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 0, 0), "Within four hours: none in 3 months, up to March 2024."),
        ((0,), "Within four hours: none in 1 month, up to March 2024."),
        ((None, 0, None, 0), "Within four hours: none in 2 figures, over 3 months, up to March 2024."),
        (
            (0, 0, None),
            "The last figure is for February 2024; later months have none. Within four hours: none in 2 months, up to "
            "February 2024.",
        ),
    ],
)
def test_a_series_of_nothing_but_zeros_is_one_sentence(measure, values, said):
    assert say(measure, series(*values, mean=0, reach=0)) == said
    assert say(measure, series(*values, mean=None).with_columns(numerator=pl.lit(0.0))) == said


def test_a_single_case_is_not_none(measure):
    assert "none" not in say(measure, series(0, 0.1, 0))


@pytest.mark.parametrize("mean", [60, None])
def test_a_value_that_misses_a_standard_is_not_written_as_equal_to_it(measure, mean):
    assured = mean and "hit_or_miss"
    held = measure.model_copy(update={"standards": [_standard("Standard", 65)]})
    assert "65.0 % in March 2024" in say(measure, series(64.98, mean=mean))
    assert "64.98 % in March 2024" in say(held, series(64.98, mean=mean, assurance=assured))
    assert "65.0 % in March 2024" in say(held, series(65, mean=mean, assurance=assured))


# ---- a series that its limits do not describe

SLOPE = [35.0, 40, 45, 55, 60, 65, 75, 80, 85]  # three of nine inside 50 to 70


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        (SLOPE, "3 of 9 months lie"),
        ([*[40] * 6, 60, 80], "1 of 8 months lies"),
        ([40, 40, None, 80], "0 of 3 months lie"),
    ],
)
def test_limits_that_most_months_lie_outside_are_said_not_to_describe_the_series(measure, values, inside):
    found = say(measure, series(*values, cause="astronomical_point", variation="improvement_high"))
    assert found.startswith(
        f"Special-cause improvement: {values[-1]:.1f} % in March 2024 is above the limits of 50.0 %"
    )
    assert found.endswith(
        f"The series keeps to no one level: {inside} inside its limits, which therefore do not describe it."
    )


@pytest.mark.parametrize(("values", "is_said"), [([40, 60, 60], False), ([40, 60], False), ([40, 80, 60], True)])
def test_half_of_the_months_inside_are_enough(measure, values, is_said):
    assert ("keeps to no one level" in say(measure, series(*values))) == is_said


def test_no_range_is_expected_of_a_series_that_its_limits_do_not_describe(measure):
    found = say(measure.model_copy(update={"standards": [_standard("Standard", 65)]}),
                series(40, 80, 60, standard=65, assurance="hit_or_miss"))  # fmt: skip
    assert found == (
        "60.0 % in March 2024 is within the limits of 50.0 % to 70.0 %. The series keeps to no one level: 1 of 3 "
        "months lies inside its limits, which therefore do not describe it. Standard (65 %) lies inside the "
        "limits; 1 of 3 figures in the last 12 months reach it. Whether that goes on cannot be told: the series is "
        "changing."
    )


def test_only_the_months_that_share_the_limits_count(measure):
    before = series(*[20] * 20).head(17)
    assert "keeps to no one level" not in say(measure, pl.concat([before, series(59, 61, 60, segment=1)]))


# ---- the standard


def against(measure, points, standard, **changes):
    return say(measure.model_copy(update={"standards": [_standard("Standard", standard)], **changes}), points)


@pytest.mark.parametrize(
    ("standard", "assurance", "said"),
    [
        (
            95, "consistently_failing",
            "Standard (95 %) lies above the expected range; 0 of 2 figures in the last 12 months reach it. "
            "Left as it is, the process is not expected to meet it.",
        ),
        (
            60, "hit_or_miss",
            "Standard (60 %) lies inside the expected range; 1 of 2 figures in the last 12 months reach it. "
            "Left as it is, the process may meet it in some months and miss it in others.",
        ),
        (
            45, "consistently_passing",
            "Standard (45 %) lies below the expected range; 2 of 2 figures in the last 12 months reach it. "
            "Left as it is, the process is expected to go on meeting it.",
        ),
    ],
)  # fmt: skip
def test_the_standard_follows_the_variation(measure, standard, assurance, said):
    found = against(measure, series(59, 61, standard=standard, assurance=assurance), standard)
    assert found.endswith(f"around an average of 60.0 %. {said}")


@pytest.mark.parametrize(
    ("standard", "assurance", "said"),
    [
        (95, "consistently_passing", "lies above the expected range; 2 of 2 figures in the last 12 months reach it"),
        (60, "hit_or_miss", "lies inside the expected range; 1 of 2 figures in the last 12 months reach it"),
        (45, "consistently_failing", "lies below the expected range; 0 of 2 figures in the last 12 months reach it"),
    ],
)
def test_where_lower_is_better_the_standard_lies_on_the_other_side(measure, standard, assurance, said):
    points = series(59, 61, standard=standard, assurance=assurance)
    assert said in against(measure, points, standard, improvement="decrease")


def test_of_a_neutral_measure_no_standard_is_met_or_missed(measure):
    assert against(measure, series(59, 61, standard=60), 60, improvement="neutral").endswith("average of 60.0 %.")


@pytest.mark.parametrize("limit", [50, 70])
@pytest.mark.parametrize("noise", [-1e-13, 0, 1e-13])
def test_a_standard_on_a_limit_lies_inside_whatever_its_last_bit(measure, limit, noise):
    found = against(measure, series(59, 61, standard=limit + noise, assurance="hit_or_miss"), limit + noise)
    assert f"Standard ({limit} %) lies inside the expected range;" in found


@pytest.mark.parametrize(
    ("improvement", "value", "met"),
    [
        ("increase", 59.9, 0), ("increase", 60, 1), ("increase", 60.1, 1),
        ("decrease", 59.9, 1), ("decrease", 60, 1), ("decrease", 60.1, 0),
    ],
)  # fmt: skip
def test_a_value_equal_to_the_standard_meets_it(measure, improvement, value, met):
    points = series(value, standard=60, assurance="hit_or_miss")
    said = against(measure, points, 60, improvement=improvement)
    assert f"; {met} of 1 figure in the last 12 months reach it." in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([*[70] * 3, *[50] * 12], "0 of the last 12 months"),
        ([*[70] * 3, *[50] * 11], "1 of the last 12 months"),
        (
            [*[70] * 3, *[50] * 10, None, 50],
            "0 of 11 figures in the last 12 months",
        ),  # a gap is not filled from the year before
    ],
)
def test_only_the_last_twelve_periods_count_as_in_the_table(measure, values, said):
    points = series(*values, standard=65, assurance="hit_or_miss")
    assert f"; {said} reach it." in against(measure, points, 65)
    (row,) = standards.met(points, measure.model_copy(update={"standards": [_standard("S", 65)]})).rows(named=True)
    assert said.startswith(f"{row['periods_met']} of ")


def without(points, *back):
    """Leave out the months so many before March 2024, as if there were no file of them."""
    return points.filter(~pl.int_range(pl.len()).is_in([points.height - 1 - each for each in back]))


@pytest.mark.parametrize(
    ("months", "back", "said"),
    [
        (24, range(1, 10), "0 of the last 12 figures, over 21 months,"),
        (13, [1], "0 of the last 12 figures, over 13 months,"),
        (12, [1], "0 of 11 figures in the last 12 months"),  # the window holds them all
        (13, range(1, 12), "0 of the last 2 figures, over 13 months,"),
        (12, range(1, 11), "0 of 2 figures in the last 12 months"),
    ],
)
def test_figures_that_reach_over_more_than_a_year_are_not_called_its_months(measure, months, back, said):
    points = without(
        series(*[50, 60] * (months // 2), *[50] * (months % 2), standard=65, assurance="hit_or_miss"), *back
    )
    assert f"; {said} reach it." in against(measure, points, 65)
    (row,) = standards.met(points, measure.model_copy(update={"standards": [_standard("S", 65)]})).rows(named=True)
    assert (f"over {row['periods_spanned']} months" in said) == (row["periods_spanned"] > 12)


def test_a_second_standard_over_more_than_a_year_ends_without_a_comma(measure):
    both = measure.model_copy(update={"standards": [_standard("First", 60), _standard("Second", 62)]})
    points = without(series(*[61] * 14, assurance="hit_or_miss"), 1, 2)
    assert say(both, points).endswith("Second (62 %): 0 of the last 12 figures, over 14 months.")


@pytest.mark.parametrize(
    ("back", "noun"), [([], "months"), ([6], "figures"), ([5, 6, 7], "figures"), ([7], "months"), ([8], "months")]
)
def test_a_trend_with_a_gap_is_one_of_figures(measure, back, noun):
    points = without(series(*range(55, 65), cause="trend", variation="concern_high"), *back)
    assert f"each of the last {noun} is higher than the one before" in say(measure, points)


@pytest.mark.parametrize(("back", "noun"), [([], "months"), ([1], "figures"), ([2], "figures"), ([3], "months")])
def test_two_in_three_with_a_gap_are_figures(measure, back, noun):
    points = without(series(*[61, 59] * 2, 61, 68, cause="two_in_three", variation="improvement_high"), *back)
    assert f"two of the last three {noun} are unusually far above" in say(measure, points)


def test_zeros_with_a_gap_between_are_counted_in_figures(measure):
    said = say(measure, without(series(0, 0, 0), 1))
    assert said == "Within four hours: none in 2 figures, over 3 months, up to March 2024."


def test_a_series_that_is_changing_has_no_outlook(measure):
    points = series(61, 69, cause="trend", variation="improvement_high", standard=95, assurance="hit_or_miss")
    assert against(measure, points, 95).endswith(
        "0 of 2 figures in the last 12 months reach it. Whether that goes on cannot be told: the series is changing."
    )


def test_a_series_that_ended_has_no_outlook(measure):
    found = against(measure, series(61, None, standard=65, assurance="hit_or_miss"), 65)
    assert found.endswith("around an average of 60.0 %.")


@pytest.mark.parametrize(("standard", "written"), [(95, "95 %"), (99.5, "99.5 %"), (0.25, "0.25 %"), (76.0, "76 %")])
def test_a_standard_is_written_with_the_decimals_it_was_set_with(measure, standard, written):
    found = against(measure, series(61, standard=standard, assurance="hit_or_miss"), standard)
    assert f"Standard ({written}) lies" in found


def test_without_a_standard_in_force_nothing_is_said_of_one(measure):
    assert "65" not in say(measure, series(61))


# ---- milestones


def before_a_milestone(measure, value, *, end, judged=None, improvement="increase"):
    milestone = _standard("Milestone", 65, end=end).model_copy(update={"judged": judged})
    found = say(measure.model_copy(update={"standards": [milestone], "improvement": improvement}), series(64, value))
    return re.split(r"around an average of 60\.0+ %\. ", found)[1]


@pytest.mark.parametrize(
    ("improvement", "value", "said"),
    [
        ("increase", 65.3, "met in March 2024 (65.3 % against 65 %)"),
        ("increase", 65, "met in March 2024 (65.0 % against 65 %)"),
        ("increase", 64.97, "missed in March 2024 (64.97 % against 65 %)"),
        ("decrease", 65.04, "missed in March 2024 (65.04 % against 65 %)"),
        ("decrease", 65.00001, "missed in March 2024 (65.000 % against 65 %)"),
        ("decrease", 64.9, "met in March 2024 (64.9 % against 65 %)"),
    ],
)
def test_a_milestone_is_met_or_missed_in_its_own_month(measure, improvement, value, said):
    found = before_a_milestone(measure, value, end=date(2024, 3, 31), improvement=improvement)
    assert found == f"Milestone: {said}."


def test_a_milestone_that_names_its_month_does_not_say_it_twice(measure):
    named = _standard("Milestone for March 2024", 65, end=date(2024, 3, 31))
    found = say(measure.model_copy(update={"standards": [named]}), series(64, 66))
    assert found.endswith("Milestone for March 2024: met (66.0 % against 65 %).")


def test_before_its_month_a_milestone_is_neither_met_nor_missed(measure):
    assert before_a_milestone(measure, 66, end=date(2025, 3, 31)) == (
        "Milestone (65 %), for March 2025: no figure for that month yet; March 2024 is at 66.0 %."
    )


def test_a_milestone_that_names_its_month_does_not_say_when_it_is_for(measure):
    named = _standard("Milestone for March 2025", 65, end=date(2025, 3, 31))
    found = say(measure.model_copy(update={"standards": [named]}), series(64, 66))
    assert found.endswith("Milestone for March 2025 (65 %): no figure for that month yet; March 2024 is at 66.0 %.")


def test_a_milestone_for_a_year_is_not_met_by_its_last_month(measure):
    assert before_a_milestone(measure, 66, end=date(2024, 3, 31), judged="together") == (
        "Milestone (65 %) is for the months from January 2020 to March 2024 together, so that none by itself meets or "
        "misses it; March 2024 is at 66.0 %."
    )


# ---- data quality


def assessed(reported=48, not_submitted=0, not_applicable=0, suppressed=0, **values):
    periods = {
        Status.REPORTED: reported,
        Status.SUPPRESSED: suppressed,
        Status.NOT_SUBMITTED: not_submitted,
        Status.NOT_APPLICABLE: not_applicable,
    }
    standard = {
        "without_activity": 0,
        "last_figure": MARCH,
        "latest": MARCH,
        "unequal_totals": 0,
        "coverage": None,
        "latest_status": ReleaseStatus.PROVISIONAL,
        "absent": [],
    }
    return words.quality(Quality(periods, **(standard | values))).replace("\u00a0", " ")


def test_zeros_in_doubt_are_told_at_the_end():
    said = assessed(doubted=("May 2023 (0 of 347)", "June 2023 (0 of 9)"))
    assert said.endswith(
        " given for it. Zeros that may be errors at the source, shown as published: May 2023 (0 of 347); June 2023 "
        "(0 of 9)."
    )
    assert "Zeros" not in assessed()


def test_complete_and_consistent_figures(measure):
    assert assessed(coverage=0.9876) == (
        "48 of 48 months have a figure; as published, before corrections, all organisations add up to the totals; all "
        "organisations together cover 98.8 % of what was published for England in the latest month; the latest month "
        "is provisional and may be revised; no date of publication is given for it."
    )


@pytest.mark.parametrize(("area", "everyone"), [("system", "all systems"), ("region", "all regions")])
def test_on_the_page_of_an_area_the_share_is_that_of_all_areas_together(area, everyone):
    said = assessed(coverage=0.9876, area=area)
    assert f"; {everyone} together cover 98.8 % of what was published for England" in said


@pytest.mark.parametrize(("outside", "opening"), [(1, "1 organisation with"), (305, "305 organisations with")])
def test_whoever_is_in_no_area_is_told(outside, opening):
    said = assessed(area="system", outside=outside, doubted=("May 2023 (0 of 347)",))
    verb = "is" if outside == 1 else "are"
    assert f". {opening} figures in the latest month {verb} in no system here, since" in said
    assert said.endswith("(0 of 347).")
    assert "in no system here" not in assessed(area="system")


def test_a_latest_month_without_any_organisation_is_no_share(measure):
    assert "none of what was published for England in the latest month has figures" in assessed(coverage=0.0)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"reported": 1}, "1 of 1 month has a figure;"),
        ({"reported": 0}, "0 of 0 months have a figure;"),
        ({"reported": 47, "not_submitted": 1}, "47 of 48 months have a figure (1 month not submitted);"),
        ({"reported": 48, "without_activity": 3}, "45 of 48 months have a figure (3 months with no activity);"),
        (
            {"reported": 5, "suppressed": 1, "not_submitted": 2, "not_applicable": 3},
            "5 of 11 months have a figure (1 month suppressed, 2 months not submitted and 3 months not applicable);",
        ),
    ],
)
def test_every_gap_is_named_by_its_kind(states, said):
    assert assessed(**states).startswith(said)


APRIL_ON = tuple(date(2023, month, 1) for month in range(4, 13))


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ((), "19 of 20 months have a figure (1 month not submitted); as"),
        (APRIL_ON[:1], "19 of 21 months have a figure (1 month not submitted); there is no file here for 1 month: "
         "April 2023; as"),
        (APRIL_ON, "19 of 29 months have a figure (1 month not submitted); there is no file here for 9 months: "
         "April 2023 to December 2023; as"),
        (APRIL_ON[::2][:3], "there is no file here for 3 months: April 2023, June 2023 and August 2023; as"),
        ((*APRIL_ON[::2][:3], *APRIL_ON[7:]), "5 months: April 2023, June 2023, August 2023 and 1 more; as"),
        (APRIL_ON[::2], "5 months: April 2023, June 2023, August 2023 and 2 more; as"),
    ],
)  # fmt: skip
def test_months_without_a_file_are_expected_and_told_apart_from_those_not_submitted(absent, said):
    assert f"{said} published, before" in assessed(reported=19, not_submitted=1, without_file=absent)


@pytest.mark.parametrize(
    ("unequal", "said"),
    [
        (0, "all organisations add up to the totals, as far as rounding and suppression let one see;"),
        (1, "1 total differs from the sum of organisations by more than rounding and suppression explain;"),
    ],
)
def test_rounded_figures_add_up_as_far_as_one_can_see(unequal, said):
    assert said in assessed(unequal_totals=unequal, is_rounded=True)


@pytest.mark.parametrize(
    ("last", "is_said"), [(date(2024, 2, 1), True), (MARCH, False), (None, False)], ids=["ended", "current", "never"]
)
def test_a_series_that_ended_early(last, is_said):
    assert ("nothing after February 2024" in assessed(last_figure=last)) == is_said


def test_organisations_that_england_lacks_are_named():
    said = "reported in the year before, but not in the latest month: Abbey (RA) and Borough (RB);"
    assert said in assessed(absent=["Abbey (RA)", "Borough (RB)"])


@pytest.mark.parametrize(
    ("unequal", "said"),
    [
        (None, "the files have no published total to compare the sum of organisations with"),
        (0, "as published, before corrections, all organisations add up to the totals"),
        (1, "as published, before corrections, 1 total differs from the sum of organisations"),
        (2, "as published, before corrections, 2 totals differ from the sum of organisations"),
    ],
)
def test_totals_that_do_not_agree_are_counted(unequal, said):
    assert f"; {said};" in assessed(unequal_totals=unequal)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            ReleaseStatus.PROVISIONAL,
            "the latest month is provisional and may be revised; no date of publication is given for it.",
        ),
        (ReleaseStatus.REVISED, "the latest month has been revised; no date of publication is given for it."),
        (ReleaseStatus.FINAL, "the latest month is final; no date of publication is given for it."),
    ],
)
def test_how_settled_the_latest_month_is(status, said):
    assert assessed(latest_status=status).endswith(said)


# ---- words


@pytest.mark.parametrize(("number", "said"), [(0, "0 months"), (1, "1 month"), (2, "2 months"), (1234, "1,234 months")])
def test_plural(number, said):
    assert words.plural(number, "month") == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 agree"), (1, "1 agrees"), (2, "2 agree"), (1234, "1,234 agree")])
def test_a_number_and_its_verb(number, said):
    assert words.doing(number, "agree") == said


@pytest.mark.parametrize(
    ("items", "said"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c", "d"], "a, b, c and d")]
)
def test_listed(items, said):
    assert words.listed(items) == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (None, "no row in the publication"),
        ("reported", "no activity"),
        ("suppressed", "suppressed"),
        ("not_submitted", "not submitted"),
        ("not_applicable", "not applicable"),
    ],
)
def test_why_there_is_no_figure(status, said):
    assert words.reason({"status": status}) == said
    assert words.reason({"status": status, "exceeds_whole": False}) == said


def test_a_share_of_more_than_the_whole_says_so():
    assert words.reason({"status": "not_applicable", "exceeds_whole": True}) == "more than the whole"
    assert words.reason({"status": None, "exceeds_whole": None}) == "no row in the publication"


def test_every_state_of_a_figure_has_its_words():
    assert set(words.STATUS_WORDS) == set(Status)


# ---- several standards


def _standard(name, value, *, end=None):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    return Standard(name=name, value=value, **{"from": date(2020, 1, 1), "to": end}, **link)


def test_a_milestone_comes_before_the_standard_that_lasts(measure):
    later = _standard("Milestone", 60, end=date(2025, 3, 31)).model_copy(update={"date_from": date(2021, 1, 1)})
    both = [_standard("Lasting standard", 95), later]
    found = say(measure.model_copy(update={"standards": both}), series(61, 64, assurance="consistently_failing"))
    assert found.endswith(
        "Milestone (60 %), for March 2025: no figure for that month yet; March 2024 is at 64.0 %. Lasting standard "
        "(95 %) lies above the expected range; 0 of 2 figures in the last 12 months reach it. Left as it is, the "
        "process is not expected to meet it."
    )


def test_a_second_standard_for_every_month_is_told_in_brief(measure):
    both = [_standard("First", 60), _standard("Second", 62)]
    found = say(measure.model_copy(update={"standards": both}), series(61, 64, assurance="hit_or_miss"))
    assert found.endswith("in others. Second (62 %): 1 of 2 figures in the last 12 months.")


def test_a_run_with_a_gap_is_counted_in_figures(measure):
    points = series(59, 61, 61, 61, 61, None, 61, 61, 61, cause="shift", variation="improvement_high")
    assert "the last 7 figures, over 8 months, are above the average" in say(measure, points)


def test_a_value_beside_the_mean_is_not_written_as_equal_to_it(measure):
    points = series(59, *[60.04] * 7, cause="shift", variation="improvement_high")
    assert "above the average of 60.00 %; March 2024 is at 60.04 %" in say(measure, points)


def test_of_figures_that_overlap_no_change_is_claimed(measure):
    rolling = measure.model_copy(update={"period": Period.ROLLING_YEAR})
    points = series(*[60.0] * 20, 90.0, mean=60.0)
    last = points["period_start"][-1]
    said = say(rolling, points, period_to=last)
    assert said.startswith(f"90.0 % in {Period.ROLLING_YEAR.label(last)}. Neighbouring twelve-month periods share most")
    assert said.endswith("no rule of charts over time applies and no change is claimed here.")
