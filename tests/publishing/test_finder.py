"""The index by which an organisation is found; tests/browser/test_finder.py has the field that reads it."""

import json
from datetime import date

import polars as pl
import pytest

from openmeasures import register, successions
from openmeasures.publishing import finder
from openmeasures.publishing.finder import Findable
from openmeasures.publishing.writer import Pages
from openmeasures.store import Store
from openmeasures.successions import Link

PLACE = "London"


@pytest.fixture
def index(tmp_path, store):
    """Write the index of some codes; return its lines by code."""

    def write(*codes, name="Trust {}"):
        found = [Findable(code, name.format(code), PLACE, f"organisations/{code}/index.html") for code in codes]
        finder.write(Pages(tmp_path), found, store)
        script = (tmp_path / finder.FILE).read_text(encoding="utf-8")
        assert script.startswith("omOrganisations([\n")
        assert script.endswith("\n]);\n")
        rows = json.loads(script.removeprefix("omOrganisations(").removesuffix(");\n"))
        columns = ("code", "name", "place", "address", "town", "formerly", "partly", "note")
        return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}

    return write


@pytest.fixture
def links(monkeypatch):
    return lambda *known: monkeypatch.setattr(successions, "load", lambda *, synthetic: known)


def test_a_line_has_the_code_the_name_the_page_and_the_town(index, keep):
    keep(("RR8", 100, 10))
    assert index("RR8", name="Leeds Teaching Hospitals NHS Trust")["RR8"] | {"formerly": [], "partly": []} == {
        "code": "RR8",
        "name": "Leeds Teaching Hospitals NHS Trust",
        "place": PLACE,
        "address": "organisations/RR8/index.html",
        "town": "Leeds",
        "formerly": [],
        "partly": [],
        "note": "",
    }


def test_lines_are_in_the_order_of_codes_one_an_organisation(index, tmp_path):
    assert list(index("RJ1", "RC9", "RR8")) == ["RC9", "RJ1", "RR8"]
    assert len((tmp_path / finder.FILE).read_text(encoding="utf-8").splitlines()) == 1 + 3 + 1


def test_without_any_organisation_the_script_still_runs(index):
    assert index() == {}


def test_what_is_not_in_the_register_has_no_town(index):
    assert index("ZZ9")["ZZ9"]["town"] == ""


def test_a_name_of_an_earlier_month_is_found_and_the_register_s_too(index, keep):
    keep(
        ("RC9", 100, 10),
        month="FEBRUARY-2024",
        name="February-2024.csv",
        change=("RC9 HOSPITALS", "LUTON AND DUNSTABLE"),
    )
    keep(("RC9", 100, 10))
    of_register = register.organisations().filter(pl.col("org_code") == "RC9")["org_name"].item()
    others = index("RC9", name="RC9 Hospitals, NHS Trust")["RC9"]["formerly"]
    assert {"Luton and Dunstable, NHS Trust", of_register} < set(others)
    assert "Bedford Hospital NHS Trust" in others  # which has a code of its own, and came to this one


def test_capitals_and_signs_make_no_other_name(index, keep):
    keep(("Z9Z9", 100, 10))
    assert index("Z9Z9", name="Z9Z9 Hospitals NHS Trust")["Z9Z9"]["formerly"] == []


def test_a_name_that_is_nothing_but_the_code_is_none(index, keep):
    keep(("Z9Z9", 100, 10), change=("Z9Z9 HOSPITALS, NHS TRUST", "Z9Z9"))
    assert index("Z9Z9")["Z9Z9"]["formerly"] == []


def test_those_who_came_in_are_found_by_code_and_name_and_say_where_they_went(index, keep, links):
    links(Link("OLD", "NEW", date(2024, 4, 1), 1.0), Link("PART", "NEW", date(2023, 4, 1), None))
    keep(("OLD", 100, 10), ("PART", 100, 10), ("NEW", 100, 10), change=("OLD HOSPITALS", "ASHBY"))
    found = index("NEW", "OLD", "PART")
    assert found["NEW"]["formerly"] == ["New Hospitals, NHS Trust", "Ashby, NHS Trust", "OLD"]
    assert found["NEW"]["partly"] == ["Part Hospitals, NHS Trust", "PART"]
    assert found["OLD"]["note"] == "part of New Hospitals, NHS Trust since April 2024"
    assert (found["PART"]["note"], found["NEW"]["note"]) == ("", "")


def test_a_successor_without_a_name_is_told_by_its_code(index, keep, links):
    keep(("RC9", 100, 10))
    links(Link("OLD", "NEW", date(2024, 4, 1), 1.0))
    assert index("OLD")["OLD"]["note"] == "part of NEW since April 2024"


def test_a_chain_of_mergers_is_followed_and_a_circle_ends():
    chain = [Link("A", "B", date(2020, 4, 1), 1.0), Link("B", "C", date(2022, 4, 1), 1.0)]
    assert finder.predecessors("C", chain) == ["B", "A"]
    assert finder.predecessors("A", chain) == []
    assert finder.predecessors("C", [*chain, Link("C", "A", date(2024, 4, 1), 0.5)]) == ["B", "A"]


def test_the_sample_s_merger_is_found_by_either_name(tmp_path, sample_folder):
    finder.write(Pages(tmp_path), [Findable("Z-20", "Cressholm", "Sundrey", "x")], Store(sample_folder))
    script = (tmp_path / finder.FILE).read_text(encoding="utf-8")
    formerly = '["Cressholm Hospitals NHS Foundation Trust","Yarlowick General Hospital NHS Trust","Z-21"]'
    assert f'["Z-20","Cressholm","Sundrey","x","",{formerly},[],""]' in script
