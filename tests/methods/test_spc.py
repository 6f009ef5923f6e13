"""The XmR chart against published values, and every rule at its boundary."""

from itertools import accumulate, cycle
from math import inf, nan

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openmeasures.errors import ParameterError
from openmeasures.methods import rulesets
from openmeasures.methods.rulesets import RuleSet
from openmeasures.methods.spc import (
    ASSURANCE_TYPE,
    MINIMUM_POINTS,
    Assurance,
    SpecialCause,
    Variation,
    assurance,
    xmr,
)

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=30)
LIMITS = ["mean", "lower_process_limit", "upper_process_limit"]
MARKS = {
    None: " ",
    SpecialCause.NONE: ".",
    SpecialCause.ASTRONOMICAL_POINT: "A",
    SpecialCause.SHIFT: "S",
    SpecialCause.TREND: "T",
    SpecialCause.TWO_IN_THREE: "2",
}

# R: set.seed(123); rnorm(20)
NORMALS = [
    -0.56047565, -0.23017749, 1.55870831, 0.07050839, 0.12928774, 1.71506499, 0.46091621, -1.26506123, -0.68685285,
    -0.44566197, 1.22408180, 0.35981383, 0.40077145, 0.11068272, -0.55584113, 1.78691314, 0.49785048, -1.96661716,
    0.70135590, -0.47279141,
]  # fmt: skip
NORMALS_WITH_10 = [*NORMALS[:14], 10, *NORMALS[15:]]
VIGNETTE = [1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]

DEFAULT = rulesets.find(rulesets.DEFAULT)


def variant(**changes):
    """Make a rule-set that differs from the default in one thing."""
    return RuleSet.model_validate({**DEFAULT.model_dump(), **changes})


UNSCREENED = variant(screen_moving_ranges=False)


def series(values, *, org_code="RJ1"):
    return pl.DataFrame(
        {"org_code": org_code, "period_start": range(len(values)), "value": list(values)},
        schema_overrides={"value": pl.Float64},
    )


def chart(values, *, improvement="increase", **options):
    return xmr(series(values), improvement=improvement, **options)


def marks(values, **options):
    return "".join(MARKS[cause] for cause in chart(values, **options)["special_cause"])


# Limits


@pytest.mark.parametrize(
    ("values", "screened", "limits", "tolerance"),
    [
        # NHSRplotthedots, vignettes/deviations.Rmd: 35 / 18, and the 17 ranges 15 × 1, 8 and 9.
        (VIGNETTE, True, (35 / 18, 35 / 18 - 2.66 * 1, 35 / 18 + 2.66 * 1), 1e-12),
        (VIGNETTE, True, (1.9444, -0.7156, 4.6044), 5e-5),
        (VIGNETTE, False, (35 / 18, 35 / 18 - 2.66 * 32 / 17, 35 / 18 + 2.66 * 32 / 17), 1e-12),
        (VIGNETTE, False, (1.9444, -3.0626, 6.9515), 5e-5),
        # NHSRplotthedots, tests/testthat/_snaps/ptd_spc_standard.md
        (NORMALS, True, (0.1416238, -3.01138, 3.294627), 1e-6),
        (NORMALS_WITH_10, True, (0.6694159, -2.383666, 3.722497), 1e-6),
        (NORMALS_WITH_10, False, (0.6694159, -4.596625, 5.935457), 1e-6),
    ],
)
def test_limits_as_published(values, screened, limits, tolerance):
    row = chart(values, rule_set=DEFAULT if screened else UNSCREENED).select(LIMITS).row(-1)
    assert row == pytest.approx(limits, rel=0, abs=tolerance)


def reach_of(ranges):
    """From the mean to a limit, for a series that goes up by the first range, down by the next, and so on."""
    steps = (size * sign for size, sign in zip(ranges, cycle((1, -1)), strict=False))
    mean, _, upper = chart(list(accumulate(steps, initial=0))).select(LIMITS).row(0)
    return upper - mean


@pytest.mark.parametrize(
    ("ranges", "kept"),
    [
        # 27 ranges that sum to 1,000; the screen is at 3.267 × 1000 / 27 = 121.
        ([120] + [34] * 22 + [33] * 4, 1000 / 27),
        ([121] + [34] * 21 + [33] * 5, 879 / 26),
        ([122] + [34] * 20 + [33] * 6, 878 / 26),
        # A single pass: 9 is above 3.267 × 50 / 41, the mean without the range of 1,000, and stays.
        ([1] * 20 + [9] + [1] * 20 + [1000], 49 / 41),
    ],
)
@pytest.mark.parametrize("scale", [1, 0.1, 0.01, 1 / 3, 0.7])
def test_screening_leaves_out_ranges_at_the_screen_and_above_once(ranges, kept, scale):
    assert reach_of([size * scale for size in ranges]) == pytest.approx(2.66 * kept * scale)


@pytest.mark.parametrize("values", [[1] * 13, [100.0] * 20, [0] * 13, [-0.3] * 13, [0.1 + 0.2, 0.3] * 10])
@pytest.mark.parametrize("screened", [True, False])
def test_a_constant_series_has_limits_at_its_mean_and_no_signals(values, screened):
    result = chart(values, rule_set=DEFAULT if screened else UNSCREENED)
    for mean, lower, upper in result.select(LIMITS).rows():
        assert mean == lower == upper == pytest.approx(values[0])
    assert set(result["special_cause"]) == {SpecialCause.NONE}
    assert set(result["variation"]) == {Variation.COMMON_CAUSE}


@pytest.mark.parametrize(
    ("values", "bounds", "lower", "upper"),
    [
        ([95, 100] * 7, (None, None), 97.5 - 2.66 * 5, 97.5 + 2.66 * 5),
        ([95, 100] * 7, (0, 100), 97.5 - 2.66 * 5, 100),
        ([95, 100 + 1e-13] * 7, (0, 100), 97.5 - 2.66 * 5, 100),
        ([0, 5] * 7, (0, None), 0, 2.5 + 2.66 * 5),
        ([0, 1] * 7, (0, 1), 0, 1),
        ([1, 1 - 0.9 - 0.1] * 7, (0, 1), 0, 1),  # 1 - 0.9 - 0.1 comes out at -3e-17
    ],
)
def test_limits_beyond_a_natural_bound_are_drawn_at_it(values, bounds, lower, upper):
    result = chart(values, natural_bounds=bounds)
    assert result.select(LIMITS[1:]).row(0) == pytest.approx((lower, upper))


def test_natural_bounds_change_no_signal():
    percentages = [98, 100] * 8 + [90] + [100] * 7
    assert chart(percentages)["upper_process_limit"][0] > 100
    assert marks(percentages) == "." * 16 + "A" + "S" * 7
    assert marks(percentages, natural_bounds=(0, 100)) == "." * 16 + "A" + "S" * 7


# Points, gaps and rows


@pytest.mark.parametrize(("count", "charted"), [(12, False), (13, True), (14, True)])
def test_limits_and_signals_need_thirteen_values(count, charted):
    values = [*([1, 2] * 7)[: count - 1], 8]
    result = chart([*values, None])
    assert result["points"].to_list() == [count] * (count + 1)
    assert [column.is_not_null().all() for column in result.select(LIMITS)] == [charted] * 3
    assert result["variation"].is_not_null().to_list() == [charted] * count + [False]
    assert marks([*values, None]) == "." * (count - 1) + ("A" if charted else ".") + " "
    assert MINIMUM_POINTS == 13 == DEFAULT.minimum_points


def test_another_minimum():
    assert chart([1, 3], rule_set=variant(minimum_points=2)).select(LIMITS).row(0) == (2, 2 - 2.66 * 2, 2 + 2.66 * 2)
    assert chart([1, 3], rule_set=variant(minimum_points=3)).select(LIMITS).row(0) == (None, None, None)


@pytest.mark.parametrize("values", [[], [None], [None] * 20])
def test_an_organisation_without_values(values):
    result = chart(values)
    assert result["points"].to_list() == [0] * len(values)
    assert result.drop("org_code", "period_start", "points").null_count().row(0) == (len(values),) * 6


def test_columns_and_their_types():
    assert chart([1, 2] * 7).schema == {
        **{"org_code": pl.String, "period_start": pl.Int64, "value": pl.Float64},
        **dict.fromkeys(LIMITS, pl.Float64),
        "special_cause": pl.Enum([cause.value for cause in SpecialCause]),
        "variation": pl.Enum([variation.value for variation in Variation]),
        "points": pl.get_index_type(),
    }


@given(st.lists(st.none() | st.integers(0, 8), min_size=13, max_size=40))
@DETERMINISTIC
def test_a_gap_is_passed_over_as_if_its_row_were_absent(values):
    with_gaps = chart(values)
    added = [*LIMITS, "special_cause", "variation", "points"]
    assert_frame_equal(
        with_gaps.filter(pl.col("value").is_not_null()).select(added),
        chart([value for value in values if value is not None]).select(added),
    )
    gaps = with_gaps.filter(pl.col("value").is_null())
    assert gaps.select("special_cause", "variation").null_count().row(0) == (gaps.height, gaps.height)
    assert with_gaps.select(*LIMITS, "points").unique().height == 1


organisation = st.lists(st.integers(0, 8), min_size=10, max_size=30)


@given(organisation, organisation, st.randoms())
@DETERMINISTIC
def test_organisations_are_independent_and_rows_keep_their_order(first, second, random):
    alone = pl.concat(
        [xmr(series(values, org_code=code), improvement="decrease") for code, values in (("B", first), ("A", second))]
    )
    shuffled = random.sample(range(alone.height), alone.height)
    together = alone[shuffled]
    assert_frame_equal(
        xmr(together.select("org_code", "period_start", "value"), improvement="decrease"), together, rel_tol=1e-12
    )


def test_columns_may_have_other_names_and_others_are_kept():
    names = {"org_code": "site", "period_start": "month", "value": "share"}
    frame = series(VIGNETTE).rename(names).with_columns(note=pl.lit("kept"))
    result = xmr(frame, improvement="increase", value="share", by="site", order="month")
    assert_frame_equal(result.select(frame.columns), frame)
    assert_frame_equal(result.drop(frame.columns), chart(VIGNETTE).drop(list(names)))


# The rules at their boundaries

TWENTY = [1, -1] * 10


def on_upper_limit():
    """x with which 1, -1, …, 1, -1, x has its unscreened upper limit at x.

    Of m + 1 = 21 points the mean is x / (m + 1), and the m ranges are m - 1 of 2 and one of x + 1.
    """
    m, factor = 20, 2.66
    return factor * (2 * m - 1) / m / (1 - 1 / (m + 1) - factor / m)


def on_near_limit():
    """x with which -1, 1, …, -1, 1, x, x has its unscreened near limit at x.

    Of m + 2 = 22 points the mean is 2 x / (m + 2), and the m + 1 ranges are m - 1 of 2, one of x - 1 and one of 0.
    """
    m, factor = 20, 2.66 * 2 / 3
    return factor * (2 * m - 3) / (m + 1) / (1 - 2 / (m + 2) - factor / (m + 1))


@pytest.mark.parametrize(("offset", "expected"), [(-1e-6, "."), (0, "."), (1e-6, "A")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_point_is_astronomical_beyond_the_limit(offset, expected, sign):
    values = [sign * value for value in (*TWENTY, on_upper_limit() + offset)]
    assert marks(values, rule_set=UNSCREENED) == "." * 20 + expected


@pytest.mark.parametrize(("offset", "expected"), [(-1e-6, ".."), (0, ".."), (1e-6, "22")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_point_is_close_beyond_the_near_limit(offset, expected, sign):
    tail = on_near_limit() + offset
    values = [sign * value for value in (*reversed(TWENTY), tail, tail)]
    assert marks(values, rule_set=UNSCREENED) == "." * 20 + expected


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ([6] * 6, "." * 6),
        ([6] * 7, "S" * 7),
        ([6] * 8, "S" * 8),
        ([6] * 7 + [4] * 7, "S" * 14),
        ([6] * 6 + [4] * 7, "." * 6 + "S" * 7),
    ],
)
def test_a_shift_is_seven_on_one_side(run, expected):
    # The background is on the other side before each run, which starts high, and after it.
    after = [0, 10] * 6 if run[-1] == 6 else [10, 0] * 6
    assert marks([10, 0] * 6 + run + after) == "." * 12 + expected + "." * 12


@pytest.mark.parametrize("scale", [1, 0.1, 1 / 3, -1, 1e9])
@pytest.mark.parametrize(
    ("below", "run", "expected"),
    [
        # A pair of 10 and -1 makes up for each 6, so that the mean is exactly 5.
        (7, [6, 6, 6, 6, 6, 6, 6], "SSSSSSS"),
        (6, [6, 6, 6, 5, 6, 6, 6], "......."),
        (7, [6, 6, 6, 6, 6, 6, 6, 5], "SSSSSSS."),
        (7, [5, 6, 6, 6, 6, 6, 6, 6], ".SSSSSSS"),
        (0, [5, 5, 5, 5, 5, 5, 5], "......."),
    ],
)
def test_a_point_on_the_mean_breaks_a_shift(below, run, expected, scale):
    values = [value * scale for value in [10, -1] * below + run + [0, 10] * 6]
    assert chart(values)["mean"][0] == pytest.approx(5 * scale)
    assert marks(values) == ".." * below + expected + "." * 12


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ([2, 3, 4, 5, 6, 7], "......"),
        ([2, 3, 4, 5, 6, 7, 8], "TTTTTTT"),
        ([2, 3, 4, 5, 6, 7, 8, 9], "TTTTTTTT"),
        ([2, 3, 4, 4, 5, 6, 7, 8], "........"),
        ([2, 3, 4, 4, 5, 6, 7, 8, 8.5, 9], "...TTTTTTT"),
        ([1, 2, 3, 10 * (0.1 + 0.2), 5, 6, 7, 8], "........"),  # 3.0000000000000004 is a rounded 3
        ([2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2], "TTTTTTTTTTTTT"),
    ],
)
def test_a_trend_is_seven_in_strict_order(run, expected, sign):
    # The background falls into each run from 10, and falls out of it to 0 or, after a fall, rises to 10.
    after = [10, 0] * 6 if run[-1] == 2 else [0, 10] * 6
    values = [sign * value for value in [0, 10] * 6 + run + after]
    assert marks(values) == "." * 12 + expected + "." * 12


def test_a_turning_point_belongs_to_the_later_trend():
    values = [0, 10] * 6 + [2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2] + [10, 0] * 6
    assert chart(values)["variation"][12:-12].to_list() == ["improvement_high"] * 6 + ["concern_low"] * 7


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        # After -1, 1, …, -1, 1 the mean range is near 2: from 3.6 a point is close, from 5.4 astronomical.
        ([4.5], "."),
        ([4.5, 4.5], "22"),
        ([4.5, 4.5, 4.5], "222"),
        ([4.5, 1, 4.5], "2.2"),
        ([4.5, 1, 1, 4.5], "...."),
        ([4.5, 1, 4.5, 1, 4.5], "2.2.2"),
        # All three on the same side
        ([4.5, -1, 4.5], "..."),
        ([-1, 4.5, 4.5], "..."),
        ([-1, 4.5, 4.5, -1], "...."),
        ([-1, 4.5, 4.5, 1], ".22."),
        ([4.5, -4.5, 4.5, -4.5], "...."),
        ([-4.5, -1, -4.5], "2.2"),
        # A point on the mean, here exactly 0, is on neither side
        ([4.5, 0, 4.5, -1, -4.5, 1, -4.5], "......."),
        ([4.5, 0.5, 4.5, -1, -4.5, 1, -4.5], "2.2...."),
        # Beyond the limit is not close
        ([20, 4.5], "A."),
        ([20, 20, 4.5], "AA."),
        ([20, 4.5, 4.5], "A22"),
        ([4.5, 20, 4.5], "2A2"),
        ([4.5, 4.5, 20], "22A"),
    ],
)
def test_two_in_three(tail, expected, sign):
    values = [sign * value for value in [-1, 1] * 50 + tail]
    assert marks(values) == "." * 100 + expected


@pytest.mark.parametrize(
    ("before", "tail", "expected"),
    [
        ([-1, 1], [-2, -1, 0, 1, 2, 3, 20], "TTTTTTA"),
        ([1, -1], [1, 1, 1, 20, 1, 1, 1], "SSSASSS"),
        ([-1, 1], [-2, -1, 0, 1, 2, 4.3, 4.6], "TTTTTTT"),
        ([1, -1], [3, 1, 1.5, 2, 2.5, 3, 3.2, 3.4], "STTTTTTT"),
        ([1, -1], [1, 1, 1, 4.5, 4.5, 1, 1], "SSS22SS"),
    ],
)
def test_astronomical_point_precedes_trend_precedes_two_in_three_precedes_shift(before, tail, expected):
    assert marks(before * 50 + tail) == "." * 100 + expected


# What a signal means

HIGH = {
    "astronomical_point": [20],
    "shift": [1] * 7,
    "two_in_three": [1, 4.5, 4.5],
    "trend": [-3, -2.8, -2.6, -2.4, -2.2, -2, -1.8],  # rising, though below the mean
}


@pytest.mark.parametrize("cause", HIGH)
@pytest.mark.parametrize(
    ("improvement", "high", "low"),
    [
        ("increase", Variation.IMPROVEMENT_HIGH, Variation.CONCERN_LOW),
        ("decrease", Variation.CONCERN_HIGH, Variation.IMPROVEMENT_LOW),
        ("neutral", Variation.NEUTRAL_HIGH, Variation.NEUTRAL_LOW),
    ],
)
def test_variation(cause, improvement, high, low):
    for sign, expected in ((1, high), (-1, low)):
        result = chart([sign * value for value in [1, -1] * 50 + HIGH[cause]], improvement=improvement)
        assert result.select("special_cause", "variation").row(-1) == (cause, expected)
        assert result["variation"][0] == Variation.COMMON_CAUSE


# Invariances


@given(
    st.lists(st.integers(0, 8), min_size=13, max_size=30),
    st.sampled_from([0.001, 0.1, 1 / 3, 1, 7, 1e6]),
    st.integers(-1000, 1000),
)
@DETERMINISTIC
def test_scale_and_shift_change_the_limits_alike_and_no_signal(values, scale, shift):
    shift = shift * scale
    plain, moved = chart(values), chart([value * scale + shift for value in values])
    assert_frame_equal(moved.select(pl.col(LIMITS)), plain.select(pl.col(LIMITS) * scale + shift), rel_tol=1e-9)
    assert_frame_equal(moved.drop(*LIMITS, "value"), plain.drop(*LIMITS, "value"))


@given(st.lists(st.integers(0, 8), min_size=13, max_size=30))
@DETERMINISTIC
def test_a_mirrored_series_with_the_opposite_improvement_means_the_mirrored_thing(values):
    swap = {"high": "low", "low": "high"}
    mirrored = chart([-value for value in values], improvement="decrease")
    expected = [
        "_".join(swap.get(word, word) for word in variation.split("_")) for variation in chart(values)["variation"]
    ]
    assert mirrored["variation"].to_list() == expected


# Assurance

PASSING, FAILING, EITHER = Assurance.CONSISTENTLY_PASSING, Assurance.CONSISTENTLY_FAILING, Assurance.HIT_OR_MISS


def assured(standard, lower, upper, *, improvement="increase"):
    limits = pl.DataFrame({"s": [standard], "l": [lower], "u": [upper]}, schema=dict.fromkeys("slu", pl.Float64))
    column = limits.select(
        assurance(standard=pl.col("s"), lower=pl.col("l"), upper=pl.col("u"), improvement=improvement)
    )
    assert column.schema == {"assurance": ASSURANCE_TYPE}
    return column.item()


@pytest.mark.parametrize(
    ("standard", "increase", "decrease"),
    [
        (69.9, PASSING, FAILING),
        (70.0, EITHER, EITHER),
        (70.1, EITHER, EITHER),
        (75.0, EITHER, EITHER),
        (79.9, EITHER, EITHER),
        (80.0, EITHER, EITHER),
        (80.1, FAILING, PASSING),
        (None, None, None),
        (nan, None, None),
    ],
)
def test_assurance_is_strict_at_the_limits(standard, increase, decrease):
    assert assured(standard, 70, 80, improvement="increase") == increase
    assert assured(standard, 70, 80, improvement="decrease") == decrease
    assert assured(standard, 70, 80, improvement="neutral") is None


@pytest.mark.parametrize(("lower", "upper"), [(None, None), (70, None), (None, 80)])
def test_no_assurance_without_limits(lower, upper):
    assert assured(95, lower, upper) is None
    assert assured(60, lower, upper) is None


@pytest.mark.parametrize(
    ("values", "standard", "expected"),
    [
        ([100] * 13, 95, PASSING),
        ([100] * 13, 100, EITHER),
        ([0.1 + 0.2] * 13, 0.3, EITHER),  # 0.30000000000000004 is a rounded 0.3
        ([0.3] * 13, 0.1 + 0.2, EITHER),
        ([95, 100] * 7, 100, EITHER),  # the upper limit is at the natural bound
        ([0, 5] * 7, 0, EITHER),
        ([1, 2] * 6, 5, None),
        ([1, 2] * 7, 5, FAILING),
    ],
)
def test_assurance_of_a_chart(values, standard, expected):
    _, lower, upper = chart(values, natural_bounds=(0, 100)).select(LIMITS).row(-1)
    assert assured(standard, lower, upper) == expected


# Refusals


@pytest.mark.parametrize("impossible", [nan, inf, -inf])
def test_a_value_that_is_not_finite_is_refused(impossible):
    with pytest.raises(ParameterError, match=f"'RJ1', period 2: found {impossible!r}, expected a finite value"):
        chart([1, 2, impossible])


def test_two_rows_of_one_organisation_and_period_are_refused():
    with pytest.raises(ParameterError, match=r"'RJ1', period 0: found 1\.0, expected one row an organisation and per"):
        xmr(pl.concat([series([1]), series([2]), series([3], org_code="RC9")]), improvement="increase")


@pytest.mark.parametrize("missing", ["org_code", "period_start"])
def test_a_row_without_organisation_or_period_is_refused(missing):
    frame = series([1, 2]).with_columns(pl.when(pl.col("value") == 1).then(missing).alias(missing))
    with pytest.raises(ParameterError, match=r"None.*: found 2\.0, expected an organisation and a period in every row"):
        xmr(frame, improvement="increase")


@pytest.mark.parametrize("value", [-0.1, 100.1])
def test_a_value_beyond_its_natural_bounds_is_refused(value):
    with pytest.raises(ParameterError, match=rf"'RJ1', period 1: found {value}, .* bounds \(0, 100\)"):
        chart([50, value], natural_bounds=(0, 100))


@pytest.mark.parametrize("points", [0, 1, 11])
def test_a_baseline_below_twelve_points_is_refused(points):
    with pytest.raises(ParameterError, match=rf"baseline_points is {points}: expected 12 or more, or None"):
        chart([1, 2] * 10, baseline_points=points)


def test_an_unknown_rule_set_is_refused():
    with pytest.raises(ParameterError, match="Did you mean 'making-data-count'"):
        chart([1, 2], rule_set="making_data_count")


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([1, 1, None], "period 2: found 3.0, expected a segment in every row, or no segments"),
        ([1, 2, 1], "period 2: found 3.0, expected segments whose numbers grow with time"),
    ],
)
def test_segments_grow_with_time(segments, expected):
    frame = series([1, 2, 3]).with_columns(segment=pl.Series(segments))
    with pytest.raises(ParameterError, match=expected):
        xmr(frame, improvement="increase", segment="segment")


# Segments, baseline and several columns that name a series

ADDED = [*LIMITS, "special_cause", "variation", "points"]


def numbered(parts):
    """One organisation's series of several segments, and the charts of each part alone."""
    frame = series([value for part in parts for value in part]).with_columns(
        phase=pl.Series([number for number, part in enumerate(parts) for _ in part], dtype=pl.Int64)
    )
    return frame, pl.concat([chart(part).select(ADDED) for part in parts])


def test_a_run_a_trend_and_a_window_end_with_their_segment():
    # Six and six on one side, four and four rising, and two of three near the limit, each across the border.
    for before, after in (
        ([10, 0] * 6 + [6] * 6, [6] * 6 + [0, 10] * 6),
        ([10, 0] * 6 + [2, 3, 4, 5], [6, 7, 8, 9] + [0, 10] * 6),
        ([-1, 1] * 20 + [4.5], [4.5] + [1, -1] * 20),
    ):
        assert marks([*before, *after]).strip(".")
        frame, _ = numbered([before, after])
        assert set(xmr(frame, improvement="increase", segment="phase")["special_cause"]) == {SpecialCause.NONE}


part = st.lists(st.none() | st.integers(0, 8), min_size=0, max_size=30)


@given(st.lists(part, min_size=1, max_size=4))
@DETERMINISTIC
def test_segments_are_charts_of_their_own(parts):
    frame, alone = numbered(parts)
    result = xmr(frame, improvement="increase", segment="phase")
    assert_frame_equal(result.select(ADDED), alone, rel_tol=1e-12)


def test_a_segment_with_too_few_values_has_no_limits_though_the_next_has():
    frame, _ = numbered([[1, 2] * 6, [1, 2] * 7])
    result = xmr(frame, improvement="increase", segment="phase")
    assert result["mean"].to_list() == [None] * 12 + [1.5] * 14


def test_the_baseline_alone_gives_the_limits():
    before, after = [3, 1] * 6, [9, 11] * 7
    result = chart(before + after, baseline_points=12)
    assert result.select(LIMITS).unique().row(0) == pytest.approx((2, 2 - 2.66 * 2, 2 + 2.66 * 2))
    assert result["points"].to_list() == [12] * 26
    assert marks(before + after, baseline_points=12) == "." * 12 + "A" * 14
    # One more point brings its range of 8 from 1 to 9, just below the screen of 3.267 × (11 × 2 + 8) / 12 = 8.2.
    one_more = chart(before + after, baseline_points=13)
    assert one_more["upper_process_limit"][0] == pytest.approx((24 + 9) / 13 + 2.66 * (11 * 2 + 8) / 12)


@pytest.mark.parametrize("points", [26, 27, 1000])
def test_a_baseline_as_long_as_the_series_is_no_baseline(points):
    values = [1, 3] * 6 + [9, 11] * 7
    assert_frame_equal(chart(values, baseline_points=points), chart(values))


def test_the_baseline_counts_values_not_gaps_and_each_segment_has_its_own():
    first, second = [1, None, 3] * 7, [5, 9] * 10
    frame, _ = numbered([first, second])
    result = xmr(frame, improvement="increase", segment="phase", baseline_points=12)
    assert result.group_by("phase", maintain_order=True).agg(pl.col("mean", "points").first()).rows() == [
        (0, 2.0, 12),
        (1, 7.0, 12),
    ]
    assert result.filter(phase=0)["upper_process_limit"][0] == pytest.approx(2 + 2.66 * 2)


def test_with_a_baseline_of_twelve_a_chart_still_needs_thirteen_values():
    assert chart([1, 3] * 6, baseline_points=12)["mean"].null_count() == 12
    assert chart([1, 3] * 6 + [1], baseline_points=12)["mean"].null_count() == 0


def test_a_series_may_be_named_by_several_columns():
    first, second = series(VIGNETTE), series(NORMALS)
    frame = pl.concat([first.with_columns(measure=pl.lit("a")), second.with_columns(measure=pl.lit("b"))])
    result = xmr(frame[::-1], improvement="increase", by=["measure", "org_code"])
    expected = pl.concat([chart(VIGNETTE).select(ADDED), chart(NORMALS).select(ADDED)])
    assert_frame_equal(result[::-1].select(ADDED), expected)
    with pytest.raises(ParameterError, match=r"organisation 'a' 'RJ1', period 0: found 1\.0, expected one row"):
        xmr(pl.concat([frame, frame]), improvement="increase", by=["measure", "org_code"])


# Gaps, stated one by one


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10, 0] * 6 + [6, 6, 6, None, 6, 6, 6, 6] + [0, 10] * 6, "." * 12 + "SSS SSSS" + "." * 12),
        ([10, 0] * 6 + [6, 6, 6, None, 6, 6, 6] + [0, 10] * 6, "." * 12 + "... ..." + "." * 12),
        ([0, 10] * 6 + [2, 3, 4, None, 5, 6, 7, 8] + [0, 10] * 6, "." * 12 + "TTT TTTT" + "." * 12),
        ([-1, 1] * 50 + [4.5, None, 1, None, 4.5], "." * 100 + "2 . 2"),
        ([-1, 1] * 50 + [4.5, None, 4.5], "." * 100 + "2 2"),
    ],
)
def test_runs_trends_and_windows_cross_a_gap(values, expected):
    assert marks(values) == expected


def test_a_moving_range_joins_the_values_on_both_sides_of_a_gap():
    # 13 ranges: twelve of 2, and one of 4 over the gap.
    values = [1, 3] * 6 + [1, None, 5]
    assert chart(values)["upper_process_limit"][0] == pytest.approx((24 + 1 + 5) / 14 + 2.66 * (12 * 2 + 4) / 13)


def test_a_month_without_a_row_acts_as_one_without_a_value():
    values = [None if place in (4, 20) else value for place, value in enumerate(NORMALS_WITH_10 * 2)]
    whole = series(values)
    assert_frame_equal(
        xmr(whole.drop_nulls("value"), improvement="increase"),
        xmr(whole, improvement="increase").drop_nulls("value"),
    )


def test_a_series_that_hardly_ever_moves_is_not_marked_throughout():
    # Screening would leave ranges of 0 only; so all count: |0|, …, |1|, and the reach is 2.66 × 1 / 35.
    frame = pl.DataFrame({"org_code": "RC9", "period_start": range(36), "value": [5.0] * 35 + [6.0]})
    chart = xmr(frame, improvement="decrease")
    assert chart["upper_process_limit"][0] == pytest.approx(5 + 1 / 36 + 2.66 / 35)
    assert chart["special_cause"].to_list()[-1] == "astronomical_point"
    assert "astronomical_point" not in chart["special_cause"].to_list()[:-1]
