"""Which rule-sets would have led to another conclusion on the latest point."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.errors import ParameterError
from openmeasures.methods import rulesets
from openmeasures.methods.sensitivity import sensitivity
from openmeasures.methods.signals import KINDS
from openmeasures.methods.spc import VARIATION_TYPE, xmr

IDS = [rules.id for rules in rulesets.load()]
BACKGROUND = [1, -1] * 20


def series(values, *, org_code="RJ1"):
    return pl.DataFrame(
        {"org_code": org_code, "period_start": range(len(values)), "value": list(values)},
        schema_overrides={"value": pl.Float64},
    )


def found(values, *, improvement="increase", **options):
    row = sensitivity(series(values), improvement=improvement, **options).row(0, named=True)
    return row["variation"], {other["rule_set"]: other["variation"] for other in row["differing"]}


@pytest.mark.parametrize(
    ("tail", "variation", "differing"),
    [
        ([], "common_cause", {}),
        ([20], "improvement_high", {}),
        ([1] * 6, "common_cause", {"making-data-count-excel-6": "improvement_high"}),
        ([1, 1] + [-1] * 7, "concern_low", {"abspc": "common_cause"}),
        ([1, -1] + [-1] * 7, "concern_low", {}),  # eight, with the one before
        ([-2, -1, 0, 1, 2], "common_cause", {"power-bi-spc": "improvement_high"}),
        # Only those that count points beyond the limits see two in three. The long background keeps limits near 5.4.
        (
            [1, -1] * 200 + [1, 20, 4.5],
            "common_cause",
            dict.fromkeys(
                ["making-data-count-excel-7", "making-data-count-excel-6", "power-bi-spc"], "improvement_high"
            ),
        ),
        ([20] + [-1] * 5 + [None, None], "common_cause", {}),  # the latest is the latest with a value
    ],
)
def test_the_rule_sets_that_differ(tail, variation, differing):
    assert found(BACKGROUND + tail) == (variation, differing)


def test_another_rule_with_the_same_meaning_is_not_another_conclusion():
    # Of seven that rise from below the mean, the spreadsheet with six takes the last six for the trend: the same kind.
    assert found([*BACKGROUND, -3, -2.5, -2, -1.5, -1, -0.5, 0.3]) == ("improvement_high", {})


def test_high_and_low_of_one_kind_are_alike():
    assert KINDS["concern_high"] == KINDS["concern_low"] == "concern"
    assert KINDS["common_cause"] == "common_cause"


@pytest.mark.parametrize(
    ("points", "variation", "silent"),
    [
        (12, None, IDS[1:4]),
        (13, "common_cause", ["abspc"]),
        (14, "common_cause", ["abspc"]),
        (15, "common_cause", []),
    ],
)
def test_rule_sets_without_limits_neither_agree_nor_differ(points, variation, silent):
    row = sensitivity(series(([1, 2] * 8)[:points]), improvement="increase").row(0, named=True)
    assert (row["variation"], row["differing"], row["without_limits"]) == (variation, [], silent)


def test_another_default_is_compared_with_the_rest():
    values = BACKGROUND + [1] * 6
    variation, differing = found(values, rule_set="making-data-count-excel-6")
    assert variation == "improvement_high"
    assert differing == dict.fromkeys([name for name in IDS if name != "making-data-count-excel-6"], "common_cause")
    assert found(values, others=[rulesets.find("abspc")]) == ("common_cause", {})
    assert found(values, others=[]) == ("common_cause", {})


def test_rows_are_series_in_the_order_of_their_names():
    frame = pl.concat(
        [series(BACKGROUND + [1] * 6, org_code="B"), series([None] * 20, org_code="C"), series([1, 2], org_code="A")]
    ).with_columns(measure=pl.lit("m"))
    result = sensitivity(frame[::-1], improvement="decrease", by=["measure", "org_code"])
    assert result.select("measure", "org_code", "period_start", "variation").rows() == [
        ("m", "A", 1, None),
        ("m", "B", 45, "common_cause"),
    ]
    assert result["differing"].to_list() == [
        [],
        [{"rule_set": "making-data-count-excel-6", "variation": "concern_high"}],
    ]


def test_columns_and_their_types_where_there_is_no_series():
    nothing = series([1]).head(0)
    result = sensitivity(nothing, improvement="increase")
    assert result.schema == {
        "org_code": pl.String,
        "period_start": pl.Int64,
        "variation": VARIATION_TYPE,
        "differing": pl.List(pl.Struct({"rule_set": pl.String, "variation": VARIATION_TYPE})),
        "without_limits": pl.List(pl.String),
    }
    assert sensitivity(nothing, improvement="increase", others=[]).schema == result.schema


def test_segments_and_baseline_are_those_of_the_chart():
    values = [1, -1] * 10 + [11, 9] * 10
    frame = series(values).with_columns(phase=pl.Series([0] * 20 + [1] * 20))
    split = sensitivity(frame, improvement="increase", segment="phase").row(0, named=True)
    fixed = sensitivity(frame, improvement="increase", baseline_points=20).row(0, named=True)
    assert (split["variation"], split["differing"]) == ("common_cause", [])
    assert (fixed["variation"], fixed["differing"]) == ("improvement_high", [])


def test_what_the_chart_refuses_is_refused():
    with pytest.raises(ParameterError, match="natural bounds"):
        sensitivity(series([101]), improvement="increase", natural_bounds=(0, 100))


values = st.lists(st.none() | st.integers(-3, 3), min_size=1, max_size=40)


@given(st.lists(values, min_size=1, max_size=3))
@settings(derandomize=True, deadline=None, max_examples=20)
def test_as_each_chart_alone_says(lists):
    frame = pl.concat([series(each, org_code=f"R{number}") for number, each in enumerate(lists)])
    result = sensitivity(frame, improvement="increase")
    for row in result.iter_rows(named=True):
        latest = frame.filter(pl.col("org_code") == row["org_code"], pl.col("value").is_not_null())
        alone = {name: xmr(latest, improvement="increase", rule_set=name)["variation"][-1] for name in IDS}
        default = alone.pop(rulesets.DEFAULT)
        assert row["variation"] == default
        assert row["without_limits"] == [name for name, variation in alone.items() if variation is None]
        assert row["differing"] == [
            {"rule_set": name, "variation": variation}
            for name, variation in alone.items()
            if default and variation and KINDS[variation] != KINDS[default]
        ]
