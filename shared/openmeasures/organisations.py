"""Organisations: their codes, and their names as people write them.

| name | what |
|---|---|
| `ENGLAND` | the code that stands for all of England |
| `is_synthetic` | whether a code is one of the sample's, which no real organisation can have |
| `as_written` | a name without the publication's capitals |
| `directory` | the latest name, region and system of each organisation |
| `regions_of` | one region for each organisation, whatever its publications call where it belongs |
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import polars as pl

ENGLAND = "ENG"
ENGLAND_NAME = "England"
SYNTHETIC_ENGLAND_NAME = "Synthetic England"  # the sample's sum must not be mistaken for the country

# An ODS code is letters and digits only (NHS Data Dictionary, ORGANISATION IDENTIFIER), so a hyphen cannot be real.
SYNTHETIC_PREFIX = "Z-"

_CAPITALS = {
    "NHS", "UTC", "UCC", "WIC", "MIU", "GP", "CIC", "UK", "HIV", "HCRG", "PCT", "CCG", "ICB", "DHU", "IC24", "LLP",
    "SSAFA", "BARDOC", "NWUH", "RUH", "QMC", "SEQOL", "NEMS", "BEH", "PMS", "A&E", "UEC", "II", "OOH", "LLR", "EA",
    "CBS",
}  # fmt: skip
_SMALL = {"and", "of", "the", "in", "on", "for", "at", "upon", "by", "with", "under", "le", "to"}
_ROUND_REGION = re.compile(r"^\s*NHS ENGLAND\s+|\s+COMMISSIONING REGION\s*$", re.IGNORECASE)
_WORD = re.compile(r"[A-Z0-9&][A-Z0-9&'’]*")


def is_synthetic(org_code: str) -> bool:
    """Whether `org_code` belongs to the synthetic sample.

    >>> is_synthetic("Z-01"), is_synthetic("RC9")
    (True, False)
    """
    return org_code.startswith(SYNTHETIC_PREFIX)


def as_written(name: str) -> str:
    """Return an organisation's name without the capitals in which publications print it.

    A name that already has lower-case letters is returned as it is, but for outer and double spaces.

    >>> as_written("THE QUEEN ELIZABETH HOSPITAL, KING'S LYNN, NHS FOUNDATION TRUST")
    "The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust"
    >>> as_written("WOKING WALK-IN CENTRE  (UTC)")
    'Woking Walk-in Centre (UTC)'
    """
    name = " ".join(name.split())
    if name != name.upper():
        return name
    return _WORD.sub(lambda word: _cased(word[0], before=name[: word.start()]), name)


def _cased(word: str, *, before: str) -> str:
    if word in _CAPITALS or any(sign.isdigit() for sign in word):
        return word
    opens = not before or before.endswith((" - ", "("))
    return word.lower() if word.lower() in _SMALL and not opens else word.capitalize()


def region_written(parent_name: str) -> str:
    """Return a region's name from the publication's parent, without what publications put before or after it.

    >>> region_written("NHS ENGLAND EAST OF ENGLAND "), region_written("LONDON COMMISSIONING REGION")
    ('East of England', 'London')
    """
    return as_written(_ROUND_REGION.sub("", parent_name))


def regions_of(areas: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one region for each organisation, from its code and the area that a publication puts it in.

    Publications differ: some name the region, some the integrated care board within it, some nothing. The region is the
    area with the most organisations among those named for one; where only a smaller area is named, it is the region in
    which most of that area's other organisations lie. Organisations without any area are left out.

    >>> regions_of([("A", "London"), ("B", "London"), ("A", "North London ICB"), ("C", "North London ICB")])
    {'A': 'London', 'B': 'London', 'C': 'London'}
    """
    areas_of, members = defaultdict(set), defaultdict(set)
    for org_code, area in areas:
        if area:
            areas_of[org_code].add(area)
            members[area].add(org_code)
    widest = {org_code: max(sorted(named), key=lambda area: len(members[area])) for org_code, named in areas_of.items()}
    return {org_code: _most_common(widest[other] for other in members[area]) for org_code, area in widest.items()}


def _most_common(areas: Iterable[str]) -> str:
    """Return the area that comes most often; of several, the first by name, so that the order of members is no matter.

    >>> _most_common(["b", "a", "b"]), _most_common(["b", "a"])
    ('b', 'a')
    """
    counted = Counter(areas)
    return min(counted, key=lambda area: (-counted[area], area))


def directory(organisations: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each organisation, as its latest release names it; some give nothing but its code.

    Takes `schemas.Organisations`; gives `org_code, org_name, region_name, system_code`, sorted by code. The system is
    that of the latest release that names one, since some editions of a publication do and some do not.
    """
    latest_system = pl.col("system_code").sort_by("period_start", "release").drop_nulls().last()
    return (
        organisations.sort(pl.col("org_name") != pl.col("org_code"), "period_start", "release")
        .group_by("org_code", maintain_order=True)
        .agg(pl.col("org_name", "parent_name").last(), latest_system)
        .select(
            "org_code",
            pl.when(pl.col("org_name") == pl.col("org_code"))
            .then("org_code")
            .otherwise(pl.col("org_name").map_elements(as_written, return_dtype=pl.String))
            .alias("org_name"),
            "system_code",
            region_name=pl.col("parent_name").map_elements(region_written, return_dtype=pl.String),
        )
        .select("org_code", "org_name", "region_name", "system_code")
        .sort("org_code")
    )
