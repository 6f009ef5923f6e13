"""Where pages are, and what belongs to what: by the register, on a store made for it."""

import pytest

from openmeasures.publishing import places
from openmeasures.publishing.places import Place, Places
from openmeasures.register import Level

EVERYONE = ("ENG", "RR8", "RAE", "RJ1", "AXX99")


@pytest.fixture
def find(keep, store):
    """Find the places of two trusts of West Yorkshire, one of London, and a centre that no register has."""
    keep(("RR8", 1000, 400), ("RAE", 500, 100), ("RJ1", 300, 30), ("AXX99", 50, 1))
    return lambda *with_pages: places.find(store, ["ae_monthly", "ae_monthly"], with_pages=with_pages or EVERYONE)


def test_systems_and_regions_have_the_members_that_the_register_gives_them(find):
    found = find()
    assert {code: (place.level, place.members) for code, place in found.by_code.items()} == {
        "QKK": (Level.SYSTEM, ["RJ1"]),
        "QWO": (Level.SYSTEM, ["RAE", "RR8"]),
        "Y56": (Level.REGION, ["AXX99", "RJ1"]),  # where the register knows nothing, the publication's
        "Y63": (Level.REGION, ["RAE", "RR8"]),
    }
    assert found.by_code["QWO"].name == "NHS West Yorkshire Integrated Care Board"


def test_only_who_has_pages_is_a_member(find):
    assert {code: place.members for code, place in find("RR8").by_code.items()} == {"QWO": ["RR8"], "Y63": ["RR8"]}


def test_how_many_it_has_does_not_depend_on_pages(find):
    assert {code: place.organisations for code, place in find("RR8", "ENG").by_code.items()} == {"QWO": 2, "Y63": 2}


def test_an_area_with_pages_of_its_own_needs_no_members(find):
    found = find("QWO")
    assert {code: place.members for code, place in found.by_code.items()} == {"QWO": []}
    assert found.of("QWO") == []


def test_pages_are_in_the_folder_of_their_kind(find):
    found = find()
    assert [found.folder(code) for code in ("RR8", "QWO", "Y63", "QOP")] == [
        "organisations/RR8", "systems/QWO", "regions/Y63", "organisations/QOP",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"),
    [("RR8", ["QWO", "Y63"]), ("AXX99", ["Y56"]), ("QWO", ["Y63"]), ("Y63", []), ("ENG", []), ("unknown", [])],
)
def test_everyone_is_in_a_system_and_a_region_as_far_as_is_known(find, code, expected):
    assert [place.code for place in find().of(code)] == expected


def test_a_board_that_publications_count_is_in_its_region_once(keep, store):
    keep(("QWO", 100, 10), ("RR8", 10, 1))
    found = places.find(store, ["ae_monthly"], with_pages=["QWO", "RR8"])
    assert [place.code for place in found.of("QWO") if place.code == "Y63"] == ["Y63"]
    assert found.by_code["QWO"].members == ["RR8"]


def test_systems_stand_under_their_region_by_name():
    region, other = Place("Y1", "North", Level.REGION, "Y1"), Place("Y2", "South", Level.REGION, "Y2")
    systems = [Place("Q1", "Zeta", Level.SYSTEM, "Y1"), Place("Q2", "Alpha", Level.SYSTEM, "Y1")]
    found = Places({place.code: place for place in (other, *systems, region)})
    assert [place.code for place in found.systems_of(region)] == ["Q2", "Q1"]
    assert found.systems_of(other) == []
    assert found.systems_of(systems[0]) == []
    assert [place.code for place in found.at(Level.REGION)] == ["Y1", "Y2"]
