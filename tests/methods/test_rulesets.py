"""Rule-sets as data: what the file holds, what is refused, and each field's effect on a chart."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from openmeasures import project
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.methods import rulesets
from openmeasures.methods.rulesets import RuleSet
from openmeasures.methods.spc import SpecialCause, xmr

ROOT = Path(__file__).parents[2]
DEFAULT = rulesets.find(rulesets.DEFAULT)
MARKS = {
    SpecialCause.NONE: ".",
    SpecialCause.ASTRONOMICAL_POINT: "A",
    SpecialCause.SHIFT: "S",
    SpecialCause.TREND: "T",
    SpecialCause.TWO_IN_THREE: "2",
}


def chart(values, *, improvement="increase", **changes):
    frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(len(values)), "value": values}, strict=False)
    rule_set = RuleSet.model_validate({**DEFAULT.model_dump(), **changes})
    return xmr(frame, improvement=improvement, rule_set=rule_set)


def marks(values, **changes):
    return "".join(MARKS[cause] for cause in chart(values, **changes)["special_cause"])


def two_in_three(*, beyond_limits_count=False, third_point="same_side"):
    return {"two_in_three": {"beyond_limits_count": beyond_limits_count, "third_point": third_point}}


def test_the_rule_sets_of_the_known_tools_the_default_first():
    # The table of differences in ../shared/reference/methods.md, and NHSRplotthedots issue 194 for the spreadsheet.
    columns = ("id", "limit_factor", "screen_moving_ranges", "minimum_points", "shift_points", "trend_points")
    assert [tuple(getattr(each, column) for column in columns) for each in rulesets.load()] == [
        ("making-data-count", 2.66, True, 13, 7, 7),
        ("making-data-count-excel-7", 2.66, False, 13, 7, 7),
        ("making-data-count-excel-6", 2.66, False, 13, 6, 6),
        ("abspc", 3 / 1.128, False, 15, 8, 6),
        ("power-bi-spc", 3 / 1.128, True, 2, 7, 5),
        ("nhspy-plotthedots", 2.66, True, 2, 7, 7),
    ]
    assert rulesets.load()[0].id == rulesets.DEFAULT


def test_a_near_miss_is_named():
    with pytest.raises(ParameterError, match=r"rule-set 'abscp': .* Did you mean 'abspc'\? Known rule-sets: making-"):
        rulesets.find("abscp")


def test_the_file_is_found_from_any_folder(tmp_path, monkeypatch):
    for folder in (tmp_path, ROOT / "analyses" / "ae_four_hour", ROOT):
        monkeypatch.chdir(folder)
        assert rulesets.reference_file().is_file()
        assert rulesets.find("abspc").shift_points == 8


def test_a_project_has_rule_sets_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "analyses").mkdir()
    (tmp_path / "reference").mkdir()
    (tmp_path / "_quarto.yml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DefinitionError, match=r"rulesets\.yml: no such file, expected the list of rule-sets"):
        rulesets.load()
    shutil.copyfile(ROOT / "reference" / "rulesets.yml", project.root() / "reference" / "rulesets.yml")
    assert rulesets.load()[0].id == rulesets.DEFAULT
    assert Path.cwd() == Path(os.path.realpath(tmp_path))


ABSPC = {**rulesets.find("abspc").model_dump(), "limit_factor": "3/1.128"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1", r"found dict, expected a list of rule-sets"),
        ([{**ABSPC, "shift": 8}], r"unknown key '0\.shift'"),
        ([{**ABSPC, "shift_points": 1}], r"'0\.shift_points' is 1: input should be greater than or equal to 2"),
        ([{**ABSPC, "limit_factor": "three"}], r"'0\.limit_factor' is 'three'"),
        ([{**ABSPC, "limit_factor": "3/0"}], r"'0\.limit_factor' is '3/0'"),
        ([{**ABSPC, "limit_factor": 0}], r"'0\.limit_factor' is 0"),
        ([{**ABSPC, "url": "example.org"}], r"'0\.url' is 'example\.org'"),
        ([{key: value for key, value in ABSPC.items() if key != "verified"}], r"'0\.verified' is missing"),
        ([{**ABSPC, "two_in_three": {"third_point": "same_side"}}], r"beyond_limits_count' is missing"),
        ([ABSPC, ABSPC], r"id abspc stands twice, expected once"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, content, message):
    path = tmp_path / "rulesets.yml"
    path.write_text(content if isinstance(content, str) else repr(content).replace("True", "true"), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        rulesets.load(path)


def test_a_rule_set_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        DEFAULT.shift_points = 8


# What each field does

TWENTY = [10, 0] * 10


@pytest.mark.parametrize("points", [5, 6, 7, 8])
def test_shift_points(points):
    for length in (points - 1, points):
        run = marks(TWENTY + [6] * length + [0, 10] * 10, shift_points=points)[20 : 20 + length]
        assert run == ("S" if length == points else ".") * length


@pytest.mark.parametrize("points", [5, 6, 7, 8])
def test_trend_points(points):
    for length in (points - 1, points):
        rise = [2 + step * 0.9 for step in range(length)]
        found = marks([0, 10] * 10 + rise + [0, 10] * 10, trend_points=points, shift_points=40)
        assert found[20 : 20 + length] == ("T" if length == points else ".") * length


@pytest.mark.parametrize(
    ("run", "expected"),
    [([0] * 6, "......"), ([0] * 7, "SSSSSSS"), ([0, 0, 0, None, 0, 0, 0, 0], "SSS SSSS"), ([0] * 6 + [1], ".......")],
)
def test_a_shift_on_the_mean_has_no_direction(run, expected):
    values = [1, -1] * 10 + run + [-1] + [1, -1] * 10 if run[-1] == 1 else [1, -1] * 10 + run + [1, -1] * 10
    result = chart(values, shift_on_mean=True)
    assert result["mean"][0] == 0
    found = "".join({None: " ", **MARKS}[cause] for cause in result["special_cause"])
    assert found[20 : 20 + len(run)] == expected
    assert set(result["variation"].drop_nulls()) == {"common_cause"}
    assert set(marks([value for value in values if value is not None])) == {"."}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("tail", "default", "beyond_counts", "third_anywhere", "both"),
    [
        # After 1, -1, …, 1, -1 a point from 3.6 on is beyond the near limit, from 5.4 on beyond the limit.
        ([4.5, 20], ".A", ".A", ".A", "2A"),
        ([1, 4.5, 20], "..A", ".2A", "..A", ".2A"),
        ([1, 20, 4.5], ".A.", ".A2", ".A.", ".A2"),
        ([20, 1, 4.5], "A..", "A.2", "A..", "A.2"),
        ([20, 20, 4.5], "AA.", "AA2", "AA.", "AA2"),
        ([4.5, -1, 4.5], "...", "...", "2.2", "2.2"),
        ([-1, 4.5, 4.5], "...", "...", ".22", ".22"),
        ([4.5, 4.5, -4.5], "...", "...", "22.", "22."),
        ([-1, 4.5, -4.5, 4.5], "....", "....", "....", "...."),
        ([4.5, -1, -1, 4.5], "....", "....", "....", "...."),
    ],
)
def test_two_in_three(tail, default, beyond_counts, third_anywhere, both, sign):
    values = [sign * value for value in [1, -1] * 50 + tail]
    anywhere = "not_near_the_other_limit"
    for options, expected in (
        ({}, default),
        ({"beyond_limits_count": True}, beyond_counts),
        ({"third_point": anywhere}, third_anywhere),
        ({"beyond_limits_count": True, "third_point": anywhere}, both),
    ):
        assert marks(values, **two_in_three(**options))[100:] == expected, options


def test_two_at_the_very_start_are_enough_where_the_third_may_lie_anywhere():
    values = [4.5, 4.5] + [-1, 1] * 50
    assert marks(values)[:2] == ".."
    assert marks(values, **two_in_three(third_point="not_near_the_other_limit"))[:2] == "22"


@pytest.mark.parametrize(
    ("improvement", "conflict", "expected"),
    [
        # Seven above the mean, each lower than the one before.
        ("increase", "precedence", ("trend", "concern_low")),
        ("increase", "improvement", ("shift", "improvement_high")),
        ("decrease", "precedence", ("trend", "improvement_low")),
        ("decrease", "improvement", ("trend", "improvement_low")),
        ("neutral", "precedence", ("trend", "neutral_low")),
        ("neutral", "improvement", ("trend", "neutral_low")),
    ],
)
def test_where_rules_conflict(improvement, conflict, expected):
    values = [0, 10] * 20 + [8, 7.8, 7.6, 7.4, 7.2, 7, 6.8]
    result = chart(values, improvement=improvement, conflict=conflict)
    assert result.select("special_cause", "variation").row(-1) == expected
