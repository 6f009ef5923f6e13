"""Where the pages of an organisation are, and which system and region it belongs to.

    organisations/<code>/   a provider
    systems/<code>/         an integrated care board: the sum of its organisations, or what a publication says of it
    regions/<code>/         a region

| name | what |
|---|---|
| `Place` | a system or region, with those of its organisations that have pages |
| `Places` | all of them, and the folder of anybody's pages |
| `find` | the places of a store's organisations, as the register and its publications have them |
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from openmeasures import register
from openmeasures.organisations import ENGLAND, directory
from openmeasures.register import Level
from openmeasures.store import Store

FOLDERS = {Level.SYSTEM: "systems", Level.REGION: "regions"}
ORGANISATIONS = "organisations"


@dataclass(frozen=True)
class Place:
    """A system or region: its members are those in it that have pages, by code.

    `organisations` is how many there are of it in the publications, with pages or without. `region_code` is that of a
    system's region, empty where it is not known, and of a region itself.
    """

    code: str
    name: str
    level: Level
    region_code: str = ""
    members: list[str] = field(default_factory=list)
    organisations: int = 0

    @property
    def folder(self) -> str:
        """Where its pages are."""
        return f"{FOLDERS[self.level]}/{self.code}"


@dataclass(frozen=True)
class Places:
    """The systems and regions that have pages, by code."""

    by_code: dict[str, Place]

    def folder(self, org_code: str) -> str:
        """Return where the pages of an organisation, a system or a region are."""
        place = self.by_code.get(org_code)
        return place.folder if place else f"{ORGANISATIONS}/{org_code}"

    def of(self, org_code: str) -> list[Place]:
        """Return the system and the region of an organisation, or the region of a system, as far as they are known."""
        return self._around.get(org_code, [])

    @cached_property
    def _around(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = defaultdict(list)
        for level in Level:
            for place in self.at(level):
                for code in sorted({*place.members, *(each.code for each in self.systems_of(place))}):
                    found[code].append(place)
        return found

    def at(self, level: Level) -> list[Place]:
        """Return the systems, or the regions, by name."""
        return sorted((each for each in self.by_code.values() if each.level == level), key=lambda each: each.name)

    def systems_of(self, region: Place) -> list[Place]:
        """Return the systems of a region, by name; a system has none."""
        return [each for each in self.at(Level.SYSTEM) if each.region_code == region.code]


def find(store: Store, sources: Iterable[str], *, with_pages: Collection[str]) -> Places:
    """Return the systems and regions of those organisations that have pages, and those that have pages themselves.

    An organisation is in the system and region that `register.described` gives it. A board is in its region, and in no
    system, although it may be an employer there.
    """
    synthetic = store.synthetic
    members: dict[str, set[str]] = defaultdict(set)
    for source in sorted(set(sources)):
        known = register.described(directory(store.organisations(source)), synthetic=synthetic)
        for level in Level:
            for org_code, area in register.members(known, level, synthetic=synthetic).items():
                members[area].add(org_code)
    areas = register.areas(synthetic=synthetic)
    codes = dict(areas.filter(level=Level.REGION.value).select("org_name", "org_code").iter_rows())
    not_in = {Level.SYSTEM: {ENGLAND, *areas["org_code"]}, Level.REGION: {ENGLAND}}
    found = {}
    for code, name, region, level in areas.select("org_code", "org_name", "region_name", "level").iter_rows():
        mine = sorted(members[code] & set(with_pages) - not_in[Level(level)])
        if mine or code in with_pages:
            number = len(members[code] - set(areas["org_code"]))
            found[code] = Place(code, name, Level(level), codes.get(region, ""), mine, number)
    return Places(found)
