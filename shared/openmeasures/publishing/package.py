"""The results for programs: a Data Package [1] of tables, with their dictionary, sources and licence.

    results/<measure>.csv, .parquet   every organisation, series and period of a measure
    results/releases.csv              the published files that they are from, by SHA-256
    results/schema.json               the dictionary of the measures' tables (Table Schema)
    results/datapackage.json          what there is, with size and SHA-256 of each file

Nothing in them is from a clock. `write` writes all of them, and returns what a page needs to list them.

1. Data Package, version 2. https://datapackage.org
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import polars as pl

from openmeasures import dictionary
from openmeasures.definitions import Measure
from openmeasures.dictionary import Column
from openmeasures.organisations import ENGLAND
from openmeasures.publishing.runs import Run
from openmeasures.publishing.writer import Pages
from openmeasures.releases import Release
from openmeasures.running import collect
from openmeasures.store import Store

FOLDER = "results"
SCHEMA = "schema.json"
RELEASES = "releases"
SMALLEST_IN_MEGABYTES = 1_000_000
PROFILES = "https://datapackage.org/profiles/2.0"
OPEN_GOVERNMENT = {
    "name": "OGL-UK-3.0",
    "title": "Open Government Licence v3.0",
    "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}
MIT = {"name": "MIT", "title": "MIT licence", "path": "https://opensource.org/license/mit"}
# Of a release, what leads to the published file and says which edition it is.
OF_RELEASES = {
    "sha256": "SHA-256 of the published file, by which `release` in the other tables names it.",
    "source": "Id of the publication.",
    "file_name": "Name of the file as it was read.",
    "status": "provisional, final or revised, as its publisher says.",
    "published": "The publisher's date; null where neither the file nor its name gives one.",
    "retrieved": "The day on which the file was read.",
    "url": "The publisher's page.",
    "file_url": "The address from which the file was downloaded; null where a person brought it.",
    "licence": "The licence under which it was published.",
}


class Table(NamedTuple):
    """One measure's table: how many organisations and rows it has, and the sizes of its files in bytes."""

    measure: Measure
    organisations: int
    rows: int
    csv: int
    parquet: int


class Package(NamedTuple):
    """What was written."""

    tables: list[Table]
    columns: list[Column]


def size(number: int) -> str:
    r"""Return a number of bytes as a reader has it.

    >>> size(900), size(848_305), size(6_200_000)
    ('1\xa0KB', '848\xa0KB', '6.2\xa0MB')
    """
    if number >= SMALLEST_IN_MEGABYTES:
        return f"{number / 1e6:.1f}\u00a0MB"
    return f"{max(1, round(number / 1e3))}\u00a0KB"


def write(pages: Pages, runs: Sequence[Run], store: Store) -> Package:
    """Write the tables of the runs that succeeded, and what describes them."""
    columns = dictionary.columns(collect.table([]))
    measures = {run.measure.id: run.measure for run in runs if run.content}
    tables, resources = [], []
    for measure in measures.values():
        table = collect.table([run.content for run in runs if run.content and run.measure.id == measure.id])
        csv, parquet = table.write_csv().encode(), _parquet(table)
        organisations = table.filter(pl.col("org_code") != ENGLAND)["org_code"].n_unique()
        tables.append(Table(measure, organisations, table.height, len(csv), len(parquet)))
        for kind, content in (("csv", csv), ("parquet", parquet)):
            pages.write(f"{FOLDER}/{measure.id}.{kind}", content)
            resources.append(_resource(measure, kind, content, store))
    releases = _releases(store, measures.values()).write_csv().encode()
    pages.write(f"{FOLDER}/{RELEASES}.csv", releases)
    pages.write(f"{FOLDER}/{SCHEMA}", _json(_schema(columns)))
    not_before = pages.website.not_before
    preview = f" (preview, not to be shared before {not_before})" if not_before else ""
    described = {
        "$schema": f"{PROFILES}/datapackage.json",
        "name": "open-measures",
        "title": f"{pages.website.title}: results{' (synthetic data)' if store.synthetic else ''}{preview}",
        "description": "Every figure of every organisation: value, interval, process limits, signal, standard, status.",
        **({"homepage": pages.website.address} if pages.website.address else {}),
        "licenses": [MIT] if store.synthetic else [OPEN_GOVERNMENT],
        "resources": [*resources, _of_releases(releases)],
    }
    pages.write(f"{FOLDER}/datapackage.json", _json(described))
    return Package(tables, columns)


def _parquet(table: pl.DataFrame) -> bytes:
    content = BytesIO()
    table.write_parquet(content)
    return content.getvalue()


def _resource(measure: Measure, kind: str, content: bytes, store: Store) -> dict[str, Any]:
    latest = next(reversed(store.newest(measure.source).values()))
    source = {"title": "Made up by this project"} if latest.synthetic else {"title": measure.source, "path": latest.url}
    media = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}[kind]
    return _file(
        measure.id if kind == "csv" else f"{measure.id}-{kind}", f"{measure.id}.{kind}", content, media,
        title=measure.title,
        description=f"{measure.question} Values and limits are in this unit: {measure.unit}.",
        schema=SCHEMA, sources=[source],
    )  # fmt: skip


def _file(name: str, path: str, content: bytes, media: str, **more: object) -> dict[str, Any]:
    is_text = media == "text/csv"
    return {
        "name": name, "type": "table", "path": path, "format": path.rpartition(".")[2], "mediatype": media,
        **({"encoding": "utf-8"} if is_text else {}), "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}", **more,
    }  # fmt: skip


def _releases(store: Store, measures: Iterable[Measure]) -> pl.DataFrame:
    """Return every release that counts for a measure, one row each."""
    found: dict[str, Release] = {}
    for source in sorted({measure.source for measure in measures}):
        found |= {release.sha256: release for release in store.newest(source).values()}
    rows = [[_text(getattr(release, name)) for name in OF_RELEASES] for release in found.values()]
    return pl.DataFrame(rows, schema=dict.fromkeys(OF_RELEASES, pl.String), orient="row")


def _text(value: object) -> str | None:
    return str(value) if value else None


def _of_releases(content: bytes) -> dict[str, Any]:
    dates = ("published", "retrieved")
    fields = [
        {"name": name, "type": "date" if name in dates else "string", "description": text}
        for name, text in OF_RELEASES.items()
    ]
    schema = {"$schema": f"{PROFILES}/tableschema.json", "fields": fields, "primaryKey": ["sha256"]}
    return _file(
        RELEASES, f"{RELEASES}.csv", content, "text/csv", title="The published files that the figures are from",
        schema=schema,
    )  # fmt: skip


def _schema(columns: Iterable[Column]) -> dict[str, Any]:
    fields = [
        {
            "name": column.name, "type": column.kind, "description": column.description,
            "constraints": {
                **({"required": True} if column.is_required else {}),
                **({"enum": list(column.values)} if column.values else {}),
            },
        }
        for column in columns
    ]  # fmt: skip
    release = {"fields": ["release"], "reference": {"resource": RELEASES, "fields": ["sha256"]}}
    return {
        "$schema": f"{PROFILES}/tableschema.json", "fields": fields, "primaryKey": list(dictionary.KEY),
        "foreignKeys": [release],
    }  # fmt: skip


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
