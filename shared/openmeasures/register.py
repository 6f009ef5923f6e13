"""The register of organisations: who exists, of what type, in which system and region. See `reference/`.

    organisations.csv       trusts as ODS lists them, closed ones included; see `openmeasures fetch ods`
    organisation_types.csv  what type each trust is, and which publication says so; ODS does not. Most are those of
                            sickness absence, which counts specialist trusts as acute; those are ERIC's
    systems.csv             integrated care boards and their regions, those of before April 2026 included

The sample has tables of its own in `reference/sample/`. An organisation that no table has is `UNKNOWN` in whatever is
not known of it: nothing is guessed from a name or a code.

| name | gives |
|---|---|
| `organisations` | every organisation with type, system and region |
| `systems` | every system with its region |
| `areas` | systems and regions by code, with name, level and region |
| `level_of` | what a code is the area of |
| `members` | the area of each organisation of a publication |
| `described` | a publication's organisations with what the register knows of them |
"""

from enum import StrEnum
from functools import cache
from pathlib import Path

import dataframely as dy
import polars as pl

from openmeasures import reference, successions
from openmeasures.errors import DefinitionError

UNKNOWN = "unknown"
BOARD = "integrated care board"  # where a publication counts systems as its organisations
INDEPENDENT_ROLE = "RO172"  # ODS: independent sector healthcare provider, the one type that ODS does give
ORGANISATIONS, TYPES, SYSTEMS = "organisations.csv", "organisation_types.csv", "systems.csv"


class OrganisationType(StrEnum):
    """What an organisation does; the words are those that pages use."""

    ACUTE = "acute trust"
    SPECIALIST = "specialist trust"
    MENTAL_HEALTH = "mental health trust"
    COMMUNITY = "community trust"
    AMBULANCE = "ambulance trust"
    INDEPENDENT = "independent provider"


class Level(StrEnum):
    """What an area is."""

    SYSTEM = "system"
    REGION = "region"


class Listed(dy.Schema):
    """One row: an organisation as ODS lists it, by its primary role. A trust in Wales has neither system nor region.

    `town` is that of its own address, its head office, which need not be where its hospitals are.
    """

    org_code = dy.String(nullable=False, primary_key=True)
    org_name = dy.String(nullable=False)
    role_code = dy.Enum(["RO107", "RO172", "RO197"], nullable=False)  # care trust, independent provider, NHS trust
    system_code = dy.String(nullable=True)
    region_code = dy.String(nullable=True)
    opened = dy.Date(nullable=True)
    closed = dy.Date(nullable=True)
    town = dy.String(nullable=True)


class Types(dy.Schema):
    """One row: an organisation's type, how the publication calls it, and which publication that is."""

    org_code = dy.String(nullable=False, primary_key=True)
    org_type = dy.Enum([each.value for each in OrganisationType], nullable=False)
    called = dy.String(nullable=False)
    source_title = dy.String(nullable=False)
    source_url = dy.String(nullable=False, regex=r"^https://")
    verified = dy.Bool(nullable=False)


class Systems(dy.Schema):
    """One row: an integrated care board, its region, and where its name was seen (nowhere, in the sample)."""

    system_code = dy.String(nullable=False, primary_key=True)
    system_name = dy.String(nullable=False)
    region_code = dy.String(nullable=False)
    region_name = dy.String(nullable=False)
    opened = dy.Date(nullable=False)
    closed = dy.Date(nullable=True)
    source_title = dy.String(nullable=True)
    source_url = dy.String(nullable=True, regex=r"^https://")


def organisations(*, synthetic: bool = False) -> pl.DataFrame:
    """Return `org_code, org_name, org_type, system_…, region_… (code and name), opened, closed, town`.

    One row an organisation, sorted by code, the sample's if `synthetic`. What is not known is null, but for the type,
    which is then `UNKNOWN`. Raises `DefinitionError` for a table that is missing or breaks its schema, and for a system
    that `systems.csv` does not have.
    """
    return _organisations(reference.folder(synthetic=synthetic), synthetic)


def systems(*, synthetic: bool = False) -> pl.DataFrame:
    """Return `systems.csv` as `Systems` describes it, the sample's if `synthetic`."""
    return _systems(reference.folder(synthetic=synthetic))


@cache  # a notebook asks several times
def _systems(folder: Path) -> pl.DataFrame:
    return reference.read_table(folder / SYSTEMS, Systems)


@cache  # a notebook asks several times
def _organisations(folder: Path, synthetic: bool) -> pl.DataFrame:
    of_systems = _systems(folder)
    listed = _of_sample(of_systems) if synthetic else _of_ods(folder)
    named = listed["system_code"].drop_nulls()
    if unknown := sorted(set(named) - set(of_systems["system_code"])):
        raise DefinitionError(
            f"{folder / ORGANISATIONS}: system {unknown[0]!r} is not in {SYSTEMS} ({len(unknown)} are not). Add it "
            "there, with its region and where its name is set down."
        )
    regions = dict(of_systems.select("region_code", "region_name").iter_rows())
    return (
        listed.join(of_systems.select("system_code", "system_name"), on="system_code", how="left")
        .with_columns(
            pl.col("org_type").cast(pl.String).fill_null(UNKNOWN),
            region_name=pl.col("region_code").replace_strict(regions, default=None, return_dtype=pl.String),
        )
        .select(
            "org_code", "org_name", "org_type", "system_code", "system_name", "region_code", "region_name", "opened",
            "closed", "town",
        )
        .sort("org_code")
    )  # fmt: skip


def _of_ods(folder: Path) -> pl.DataFrame:
    types = reference.read_table(folder / TYPES, Types).select("org_code", pl.col("org_type").cast(pl.String))
    listed = reference.read_table(folder / ORGANISATIONS, Listed)
    independent = pl.when(pl.col("role_code") == INDEPENDENT_ROLE).then(pl.lit(OrganisationType.INDEPENDENT.value))
    return listed.join(types, on="org_code", how="full", coalesce=True).with_columns(
        org_type=pl.coalesce("org_type", independent)
    )


def _of_sample(of_systems: pl.DataFrame) -> pl.DataFrame:
    from openmeasures.sample.organisations import read_organisations  # noqa: PLC0415 - for the sample alone

    short = pl.col("system_name").str.strip_prefix("NHS ").str.strip_suffix(" Integrated Care Board")
    in_systems = of_systems.select("system_code", "region_code", system_name=short)
    nothing = pl.lit(None, pl.Date)
    nowhere = pl.lit(None, pl.String)
    return read_organisations().join(in_systems, on="system_name", how="left").select(
        "org_code", "org_name", "org_type", "system_code", "region_code", opened=nothing, closed=nothing, town=nowhere
    )  # fmt: skip


def areas(*, synthetic: bool = False) -> pl.DataFrame:
    """Return `org_code, org_name, region_name, level` of systems and regions; `level` is one of `Level`."""
    found = systems(synthetic=synthetic)
    of_systems = found.select(
        "region_name", org_code="system_code", org_name="system_name", level=pl.lit(Level.SYSTEM.value)
    )
    of_regions = found.select(
        "region_name", org_code="region_code", org_name="region_name", level=pl.lit(Level.REGION.value)
    ).unique()
    columns = ("org_code", "org_name", "region_name", "level")
    return pl.concat([of_systems.select(columns), of_regions.select(columns)]).sort("org_code")


def level_of(code: str, *, synthetic: bool = False) -> str:
    """Return the `Level` of the system or region that has this code; empty for any other."""
    return _levels(reference.folder(synthetic=synthetic), synthetic).get(code, "")


@cache  # asked for each organisation of a publication; by folder, as the tables that it comes from
def _levels(_folder: Path, synthetic: bool) -> dict[str, str]:
    return dict(areas(synthetic=synthetic).select("org_code", "level").iter_rows())


def described(directory: pl.DataFrame, *, synthetic: bool = False) -> pl.DataFrame:
    """Return a publication's organisations with `org_type` and `system_name`, one row each in the same order.

    Takes `organisations.directory`. The system is the one that the publication put the organisation in last, and counts
    for all periods: as it is today, where that board has become part of another. Where the publication names none, or
    one of which only a part went to each of several, it is the register's. The region is that of the system that the
    publication names, or else the register's, or else the publication's own; and the register's name stands in place of
    a code that stood for one. An empty text is where nobody knows.
    """
    every = systems(synthetic=synthetic)
    today = _boards_today(every, synthetic=synthetic)
    boards = every["system_code"]
    of_board = pl.col("org_code").replace_strict(
        dict(every.select("system_code", "region_name").iter_rows()), default=None, return_dtype=pl.String
    )
    named = every.select(today="system_code", named_system="system_name", of_system="region_name")
    known = organisations(synthetic=synthetic).select(
        "org_code", "org_type", "system_name", of_register="region_name", called="org_name"
    )
    found = directory.with_columns(
        today=pl.col("system_code").replace_strict(today, default=None, return_dtype=pl.String)
    ).join(named, on="today", how="left", maintain_order="left")
    return found.join(known, on="org_code", how="left", maintain_order="left").select(
        "org_code",
        org_name=pl.when(pl.col("org_name") == pl.col("org_code"))
        .then(pl.coalesce("called", "org_name"))
        .otherwise("org_name"),
        region_name=pl.coalesce("of_system", "of_register", of_board, "region_name"),
        org_type=pl.when(pl.col("org_code").is_in(boards.implode()))
        .then(pl.lit(BOARD))
        .otherwise(pl.col("org_type").fill_null(UNKNOWN)),
        system_name=pl.coalesce("named_system", "system_name", pl.lit("")),
    )


def _boards_today(every: pl.DataFrame, *, synthetic: bool) -> dict[str, str]:
    """Return the board of today for each that there is or was; one that was split is left out."""
    merged = {
        link.predecessor_code: link.successor_code for link in successions.load(synthetic=synthetic) if link.is_whole
    }
    opened = {*every.filter(pl.col("closed").is_null())["system_code"]}
    found = {code: code if code in opened else merged.get(code, "") for code in every["system_code"]}
    return {code: board for code, board in found.items() if board in opened}


def members(described: pl.DataFrame, level: str, *, synthetic: bool = False) -> dict[str, str]:
    """Return the code of the area of each organisation that is in one, as `described` has them.

    An organisation in no known system or region is left out.
    """
    found = areas(synthetic=synthetic).filter(pl.col("level") == level)
    code_of = dict(found.select("org_name", "org_code").iter_rows())
    column = "system_name" if level == Level.SYSTEM else "region_name"
    return {org: code_of[area] for org, area in described.select("org_code", column).iter_rows() if area in code_of}
