"""From executed notebooks to `results/<measure>.csv`: every organisation, series and period in one table."""

import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from openmeasures import quality, results
from openmeasures.definitions import Measure
from openmeasures.running import belonging, manifest, notebooks
from openmeasures.running.manifest import Entry, notebook_path
from openmeasures.store import write_whole

OWN = {
    "measure": pl.String,
    "org_name": pl.String,
    "region_name": pl.String,
    "synthetic": pl.Boolean,
}  # what a run says once, and the table in every row
FIRST = ["measure", "series", "org_code", "org_name", "region_name", "synthetic", "period_start"]


def entries(build: Path, measure_id: str, digest: str) -> list[Entry]:
    """Return how each run of a measure with this digest ended; see `plan.run_digest`."""
    return [
        entry
        for entry in manifest.read(manifest.path(build))
        if entry.measure_id == measure_id and entry.digest == digest
    ]


def contents(build: Path, found: list[Entry]) -> list[dict[str, Any]]:
    """Return the result of each run that succeeded, in the order of the entries.

    Raises `StoreError` where its notebook is gone, or is not the one that was written then.
    """
    return [_content(build, entry) for entry in found if entry.status == "done"]


def _content(build: Path, entry: Entry) -> dict[str, Any]:
    path = notebook_path(build, entry.measure_id, entry.org_code)
    manifest.executed(path, entry.sha256)
    return notebooks.result(path)


def _done(found: list[Entry]) -> list[str]:
    return [entry.org_code for entry in found if entry.status == "done"]


def table(contents_: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the points of many runs as one table, sorted by series, organisation and period."""
    kinds = {**results.COLUMNS, "period_start": pl.String}  # JSON has no dates
    tables = [
        pl.DataFrame(content["points"], schema=kinds)
        .with_columns(pl.col("period_start").str.to_date())
        .with_columns(pl.lit(content[name]).alias(name) for name in OWN)
        .with_columns(pl.lit(content["quality"][name], kind).alias(name) for name, kind in quality.COLUMNS.items())
        for content in contents_
    ]
    empty = pl.DataFrame(schema={**results.COLUMNS, **OWN, **quality.COLUMNS})
    rows = pl.concat([empty, *tables])
    return rows.select(*FIRST, pl.exclude(FIRST)).sort("series", "org_code", "period_start")


def bring_up_to_date(build: Path, measure: Measure, data: Path, digest: str) -> Path:
    """Write `results/<measure>.csv` whole, unless it was made from the very same runs, and return its path.

    Thousands of notebooks take a minute to read; beside the table stands what it was made from. Raises `StoreError`
    where a notebook is gone or holds another organisation's figures; see `belonging`.
    """
    found = entries(build, measure.id, digest)
    path = build / "results" / f"{measure.id}.csv"
    made_from = path.with_name(f".{measure.id}.made-from")
    of_each = ((each.org_code, each.sha256 if each.status == "done" else "") for each in found)
    runs = hashlib.sha256("".join(f"{org_code} {sha256}\n" for org_code, sha256 in of_each).encode()).hexdigest()
    if path.is_file():
        whole = f"{runs} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        if made_from.is_file() and made_from.read_text(encoding="utf-8") == whole:
            return path
    read = contents(build, found)
    belonging.check_results(measure, data, dict(zip(_done(found), read, strict=True)))
    content = table(read).write_csv().encode()
    write_whole(path, content)
    write_whole(made_from, f"{runs} {hashlib.sha256(content).hexdigest()}".encode())
    return path
