import shutil
from datetime import date

import polars as pl
import pytest

from openmeasures import peer_choice, project
from openmeasures.errors import DefinitionError
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import alike

MARCH = date(2024, 3, 1)
TYPES = {"RA": "acute trust", "RB": "acute trust", "RC": "mental health trust", "RD": "unknown", "ENG": ""}
SIZES = {"RA": 100, "RB": 1000, "RC": 120, "RD": 900}
GROUP = "  - {name: our network, org_codes: [RA, RC, RX]}\n"


@pytest.fixture
def chosen(tmp_path, monkeypatch, measure):
    """Write a choice and return the group of an organisation: its codes and its label."""
    shutil.copytree(project.root() / "reference", tmp_path / "reference")
    (tmp_path / "analyses").mkdir()
    (tmp_path / "_quarto.yml").touch()
    monkeypatch.chdir(tmp_path)
    peer_choice._load.cache_clear()

    def group(org_code, *, by="measure", features="size", number=1, groups="", text=None, without=()):
        own = f"groups:\n{groups}" if groups else "groups: []\n"
        neighbours = f"neighbours: {{number: {number}, features: [{features}]}}\n"
        path = tmp_path / "reference" / "peers.yml"
        path.write_text(f"compare_with: {by}\n{neighbours}{own}" if text is None else text, encoding="utf-8")
        organisations = pl.DataFrame({"org_code": list(TYPES), "org_type": list(TYPES.values())})
        rows = [
            (code, MARCH, metric, 0.0 if code in without else figure)
            for code, size in SIZES.items()
            for metric, figure in (("attendances_type_1", float(size)), ("over_four_hours_type_1", 10.0 * len(code)))
        ]
        columns = ["org_code", "period_start", "metric", "value"]
        run = Parameters(measure, None, org_code, MARCH, organisations)
        found = alike(run, pl.DataFrame(rows, schema=columns, orient="row"))
        return found.org_codes, found.label

    yield group
    peer_choice._load.cache_clear()


HAVING, LACKING = "organisations with a type 1 department", "organisations without one"


def test_as_the_project_has_it_the_measure_decides():
    choice = peer_choice.load()
    assert (choice.compare_with, choice.groups) == ("measure", [])


@pytest.mark.parametrize("by", ["measure", "type", "neighbours"])
def test_england_is_set_against_everyone_whatever_the_choice(chosen, by):
    assert chosen("ENG", by=by, groups=GROUP) == (["RA", "RB", "RC", "RD"], HAVING)


def test_those_of_the_same_type_remain(chosen):
    assert chosen("RA", by="type") == (["RA", "RB"], f"{HAVING} (of the type “acute trust”)")
    assert chosen("RC", by="type") == (["RC"], f"{HAVING} (of the type “mental health trust”)")


def test_one_whose_type_is_not_known_is_compared_with_all(chosen):
    assert chosen("RD", by="type") == (["RA", "RB", "RC", "RD"], HAVING)


@pytest.mark.parametrize(
    ("org_code", "number", "expected"),
    [("RA", 1, ["RA", "RC"]), ("RB", 1, ["RB", "RD"]), ("RA", 2, ["RA", "RC", "RD"])],
)
def test_nearest_neighbours_are_those_of_like_size(chosen, org_code, number, expected):
    found = chosen(org_code, by="neighbours", number=number)
    assert found == (expected, f"{HAVING} (the {number} nearest to it by size)")


def test_a_size_that_nobody_knows_is_near_to_none(measure):
    """RB reported its long waits alone; RC half of the months, which is no half of a size."""
    known = [("RA", "attendances_type_1", 100.0), ("RA", "attendances_type_1", 102.0)]
    known += [("RB", "over_four_hours_type_1", 5.0), ("RC", "attendances_type_1", 120.0)]
    recent = pl.DataFrame(known, schema=["org_code", "metric", "value"], orient="row")
    run = Parameters(measure, None, "RA", MARCH, pl.DataFrame())
    found = peer_choice._features(run, ["RA", "RB", "RC"], recent, ["size", "over_four_hours_type_1"])
    assert found.sort("org_code").rows() == [("RA", 101.0, None), ("RB", None, 5.0), ("RC", 120.0, None)]


def test_a_metric_of_the_measure_may_be_a_feature(chosen):
    codes, label = chosen("RA", by="neighbours", features="size, over_four_hours_type_1")
    assert (codes, label) == (["RA", "RC"], f"{HAVING} (the 1 nearest to it by size and over four hours type 1)")


def test_a_feature_that_the_measure_has_not_is_refused(chosen):
    with pytest.raises(
        DefinitionError, match=r"peers\.yml, features: 'beds' is none of four_hours's\. Expected one of size, "
    ):
        chosen("RA", by="neighbours", features="beds")


@pytest.mark.parametrize("by", ["measure", "type", "neighbours"])
def test_a_group_of_ones_own_comes_before_all(chosen, by):
    assert chosen("RA", by=by, groups=GROUP) == (["RA", "RC"], f"{HAVING} (of the group “our network”)")


def test_whoever_is_in_no_group_is_compared_as_before(chosen):
    assert chosen("RB", groups=GROUP) == (["RA", "RB", "RC", "RD"], HAVING)


def test_a_group_is_never_wider_than_the_measure_compares(chosen):
    """RC has no major department, whatever network it is in."""
    assert chosen("RA", groups=GROUP, without=["RC"]) == (["RA"], f"{HAVING} (of the group “our network”)")
    assert chosen("RC", groups=GROUP, without=["RC"]) == (["RC"], f"{LACKING} (of the group “our network”)")


def test_one_that_reported_nothing_is_in_no_group(chosen):
    assert chosen("RX", groups=GROUP) == ([], LACKING)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("compare_with: size\nneighbours: {number: 1, features: [size]}\n", "compare_with"),
        ("compare_with: type\nneighbours: {number: 0, features: [size]}\n", "number"),
        ("compare_with: type\nneighbours: {number: 1, features: []}\n", "features"),
        (
            "compare_with: type\nneighbours: {number: 1, features: [size]}\ngroups: [{name: N, org_codes: [RA]}]\n",
            "org_codes",
        ),
        ("compare_with: type\nneighbours: {number: 1, features: [size]}\nnearest: 1\n", "nearest"),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused(chosen, text, fault):
    with pytest.raises(DefinitionError, match=rf"(?s)peers\.yml: .*{fault}.*See analyses/README\.md"):
        chosen("RA", text=text)
