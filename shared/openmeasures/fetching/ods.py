"""The register of organisations from the Organisation Data Service (ODS) to `reference/organisations.csv`.

| name | what |
|---|---|
| `fetch` | the register from the service where there is a key, and from the report otherwise |
| `from_service` | trusts and independent providers from ODS's FHIR R4 service, which asks for a key |
| `from_report` | trusts from its report `etr`, a CSV without headings that anyone can download |
| `write` | the rows into the register, and what that changes |

The service is the Organisation Data Terminology API [1]; the older ones are retired (STU3) or about to be (ORD). It
answers with bundles of a limited number of resources, each with the address of the next. A trust's system is the one
with which it has a relationship that is in force; the system's region is that of `systems.csv`.

1. Organisation data terminology API, specification of NHS England, as in its repository (seen in version 0.1).
   https://digital.nhs.uk/developer/api-catalogue/organisation-data-terminology
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import polars as pl

from openmeasures import reference
from openmeasures.errors import FetchError, OfflineError
from openmeasures.fetching import record
from openmeasures.fetching.answers import is_same_publisher
from openmeasures.fetching.record import Entry
from openmeasures.fetching.web import Web
from openmeasures.organisations import as_written
from openmeasures.register import INDEPENDENT_ROLE, ORGANISATIONS, SYSTEMS, Listed, Systems
from openmeasures.releases import ReleaseStatus
from openmeasures.store import write_whole

NAME = "ods"  # what `openmeasures fetch` calls it
SERVICE = "https://api.service.nhs.uk/organisation-data-terminology-api/fhir"
KEY = "ODS_API_KEY"  # the environment variable that holds the key of the service
KEY_HEADER = "apikey"
REPORT = "https://www.odsdatasearchandexport.nhs.uk/api/getReport?report=etr"
LICENCE = "Open Government Licence v3.0"

TRUST_ROLES = ("RO197", "RO107")  # NHS trust, care trust
PER_PAGE = 200  # resources; each has some 5 kB with its relationships
MOST_PAGES = 200
_EXTENSION = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-"
# In the report by position, since it has no headings; older files have 24 columns, and these are the same.
CODE, TITLE, REGION, SYSTEM, TOWN, OPENED, CLOSED = 0, 1, 2, 3, 7, 10, 11
FEWEST_COLUMNS = 24
CODE_LENGTHS = (3, 5)


KEY_HELP = (
    f"{KEY} has to be a key of the production service; without one, `openmeasures fetch {NAME}` takes the report "
    f"{REPORT}, which has trusts alone, and `openmeasures fetch {NAME} --file PATH` reads one that you downloaded."
)


class Changes(NamedTuple):
    """What writing the register changes, by code."""

    new: list[str]
    gone: list[str]
    changed: list[str]


def fetch(web: Web, *, has_key: bool, wanted: Iterable[str] = (), to: Path, entries: Path) -> pl.DataFrame:
    """Return `Listed` from the service if there `has_key`, which `web` then sends, and from the report otherwise.

    - `wanted`: the codes of independent providers to have.
    - `to`: where the report is put on its way.
    - `entries`: the record of what is fetched, which names the report's bytes.

    Raises `OfflineError` where ODS cannot be reached, `FetchError` for an answer that is not what was expected.
    """
    if has_key:
        try:
            return from_service(web.json, wanted=wanted)
        except OfflineError:
            raise
        except FetchError as error:
            raise FetchError(f"{error} {KEY_HELP}") from error
    download = web.download(REPORT, to)
    found = from_report(to.read_bytes(), place=REPORT)
    today = datetime.now(UTC).date()
    record.add(entries, Entry(NAME, "etr.csv", REPORT, None, today, download.sha256, ReleaseStatus.FINAL))
    to.unlink()
    return found


def from_service(
    read: Callable[[str], dict[str, Any]], *, wanted: Iterable[str] = (), service: str | None = None
) -> pl.DataFrame:
    """Return `Listed` of every trust, and of those independent providers that are `wanted`: there are thousands.

    - `read`: gives the JSON of an address.
    - `service`: the address of another service of this kind, such as a sandbox.

    Raises `FetchError` for an answer that is no bundle, that leads to another site or never ends, or has no trust.
    """
    service, of_systems, wanted = service or SERVICE, _systems(), set(wanted)
    query = {
        "roleCode": ",".join((*TRUST_ROLES, INDEPENDENT_ROLE)),
        "_revinclude": "OrganizationAffiliation:primary-organization",
        "_count": PER_PAGE,
    }
    rows: dict[str, dict[str, object]] = {}
    system_of: dict[str, str] = {}
    for resource in _resources(read, f"{service}/Organization?{urlencode(query, safe=',:')}"):
        if resource.get("resourceType") == "OrganizationAffiliation":
            if resource.get("active") and (system := _code_of(resource, "participatingOrganization")) in of_systems:
                system_of[_code_of(resource, "organization")] = system
        elif (row := _organisation(resource)) and (row["role_code"] in TRUST_ROLES or row["org_code"] in wanted):
            rows[str(row["org_code"])] = row
    if not any(row["role_code"] in TRUST_ROLES for row in rows.values()):
        raise FetchError(f"{service}: no NHS trust in its answer, expected some 200. Try again later, or tell us.")
    for code, row in rows.items():
        row["system_code"] = system_of.get(code)
        row["region_code"] = of_systems.get(system_of.get(code, ""))
    return _listed(rows.values(), place=service)


def _systems() -> dict[str, str]:
    """Return the region of each system."""
    known = reference.read_table(reference.folder() / SYSTEMS, Systems)
    return dict(known.select("system_code", "region_code").iter_rows())


def _resources(read: Callable[[str], dict[str, Any]], address: str) -> Iterator[dict[str, Any]]:
    first = address
    for _ in range(MOST_PAGES):
        bundle = read(address)
        if bundle.get("resourceType") != "Bundle":
            raise FetchError(f"{address}: found {bundle.get('resourceType')!r}, expected a bundle of organisations.")
        yield from (entry["resource"] for entry in bundle.get("entry", []))
        following = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
        if following is None:
            return
        if not is_same_publisher(address, following):
            raise FetchError(f"{address}: its next page is on another site, {following}. Tell us.")
        address = following
    raise FetchError(f"{first}: more than {MOST_PAGES} pages of {PER_PAGE}. Tell us.")


def _code_of(resource: dict[str, Any], end: str) -> str:
    return str(resource.get(end, {}).get("identifier", {}).get("value", ""))


def _organisation(resource: dict[str, Any]) -> dict[str, object] | None:
    """Return what the register keeps of an organisation; None for one without the roles asked for, as sites are."""
    for extension in resource.get("extension", []):
        if extension["url"] != f"{_EXTENSION}OrganisationRole":
            continue
        inner = extension["extension"]
        codings = [each["valueCodeableConcept"]["coding"][0] for each in inner if each["url"] == "roleCode"]
        role = codings[0]["code"] if codings else ""
        if role in (*TRUST_ROLES, INDEPENDENT_ROLE):
            period = _operational(inner)
            return {
                "org_code": resource["id"], "org_name": as_written(resource["name"]), "role_code": role,
                "opened": _day(period.get("start")), "closed": _day(period.get("end")),
                "town": _town(resource),
            }  # fmt: skip
    return None


def _town(resource: dict[str, Any]) -> str | None:
    """Return the town of an organisation's address, which FHIR calls a city; None where there is no address."""
    towns = (address.get("city") for address in resource.get("address", []))
    return next((as_written(town) for town in towns if town), None)


def _operational(inner: list[dict[str, Any]]) -> dict[str, str]:
    """Return the period in which a role is, or was, exercised; the legal one may begin and end on other days."""
    for typed in (each["extension"] for each in inner if each["url"] == f"{_EXTENSION}TypedPeriod"):
        kinds = [each["valueCoding"]["code"] for each in typed if each["url"] == "dateType"]
        if kinds == ["Operational"]:
            return next((each["valuePeriod"] for each in typed if each["url"] == "period"), {})
    return {}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def from_report(content: bytes, *, place: str) -> pl.DataFrame:
    """Return `Listed` of every trust of the report `etr`, whatever its age.

    Raises `FetchError`, which names the row, for anything else: too few cells, a code or a date that is none.
    """
    rows: list[dict[str, object]] = []
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""))
    for number, cells in enumerate(lines, start=1):
        if len(cells) < FEWEST_COLUMNS or len(cells[CODE]) not in CODE_LENGTHS:
            raise FetchError(
                f"{place}, row {number}: found {len(cells)} cells that begin with {cells[:1]!r}, expected an ODS code "
                f"and {FEWEST_COLUMNS} cells or more. Download {REPORT} again."
            )
        try:
            opened, closed = (_compact(cells[at]) for at in (OPENED, CLOSED))
        except ValueError as error:
            raise FetchError(
                f"{place}, row {number}: {error}, expected a date such as 20240401. Download {REPORT} again."
            ) from error
        rows.append(
            {
                "org_code": cells[CODE], "org_name": as_written(cells[TITLE]), "role_code": TRUST_ROLES[0],
                "system_code": cells[SYSTEM] or None, "region_code": cells[REGION] or None, "opened": opened,
                "closed": closed, "town": as_written(cells[TOWN]) or None,
            }
        )  # fmt: skip
    if not rows:
        raise FetchError(f"{place}: no row, expected one a trust. Download {REPORT} again.")
    return _listed(rows, place=place)


def _compact(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _listed(rows: Iterable[dict[str, object]], *, place: str) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=Listed.column_names(), schema_overrides=_TYPES)
    unknown = sorted({*frame["system_code"].drop_nulls()} - {*_systems()})
    if unknown:
        raise FetchError(
            f"{place}: system {unknown[0]!r} is not in reference/{SYSTEMS} ({len(unknown)} are not). Boards have "
            "changed: add it there, with its region and where its name is set down."
        )
    return Listed.validate(frame, cast=True).sort("org_code")


# Of a column that may be null throughout.
_TYPES = {"system_code": pl.String, "region_code": pl.String, "opened": pl.Date, "closed": pl.Date, "town": pl.String}


def write(found: pl.DataFrame, folder: Path) -> Changes:
    """Write the register, and return what differs from the one before.

    Rows of a role that `found` has none of stay: the report has trusts alone.
    """
    path = folder / ORGANISATIONS
    before = reference.read_table(path, Listed)
    kept = before.filter(~pl.col("role_code").is_in(found["role_code"].unique().implode()))
    now = pl.concat([found, kept]).sort("org_code")
    old, new = (dict(zip(frame["org_code"], frame.rows(), strict=True)) for frame in (before, now))
    changes = Changes(
        sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys()),
        sorted(code for code in new.keys() & old.keys() if new[code] != old[code]),
    )  # fmt: skip
    if any(changes):
        write_whole(path, now.write_csv().encode())
    return changes
