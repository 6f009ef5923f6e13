"""The record of releases, `reference/releases.csv`: every file that was fetched, and exactly which bytes it had.

It is kept under version control: whoever has it and fetches the same files gets the same bytes, or an error that names
both hashes. One row a file; a second row for the same address, later, where its change was explained or accepted.
"""

import csv
import io
import re
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

from openmeasures import project
from openmeasures.errors import FetchError
from openmeasures.releases import ReleaseStatus
from openmeasures.store import write_whole

FILE = "releases.csv"
RESTORE = "Restore the file from version control."
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One row: `published` is the publisher's date, None where it gives none; `sha256` is that of the downloaded file.

    A zip has its own hash here, and its members theirs in the data folder.
    """

    source: str
    file_name: str
    url: str
    published: date | None
    retrieved: date
    sha256: str
    status: ReleaseStatus


COLUMNS = tuple(field.name for field in fields(Entry))


def path() -> Path:
    """Return where the project's record is."""
    return project.root() / "reference" / FILE


def load(file: Path) -> list[Entry]:
    """Return the rows, none where there is no record yet. Raises `FetchError`, which names the row, for damage."""
    if not file.exists():
        return []
    rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))
    if (headings := next(rows, [])) != list(COLUMNS):
        raise FetchError(f"{file}, row 1: found {','.join(headings)!r}, expected {','.join(COLUMNS)!r}. {RESTORE}")
    return [_entry(row, f"{file}, row {rows.line_num}") for row in rows]


def latest(entries: list[Entry], url: str) -> Entry | None:
    """Return the last row of an address; None where it has none."""
    rows = sorted((entry for entry in entries if entry.url == url), key=lambda entry: entry.retrieved)
    return rows[-1] if rows else None  # of two on one day, the one that was written later


def add(file: Path, entry: Entry) -> None:
    """Write a row down, in place of one with the same address and bytes, whose day of retrieval stays."""
    rows = {(known.url, known.sha256): known for known in load(file)}
    known = rows.get((entry.url, entry.sha256))
    # An earlier content that is back is the latest again, so its day is that of its return.
    stays = known is not None and known == latest(list(rows.values()), entry.url)
    day = known.retrieved if known and stays else entry.retrieved
    rows.pop((entry.url, entry.sha256), None)
    rows[entry.url, entry.sha256] = replace(entry, retrieved=day)
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for each in sorted(rows.values(), key=lambda each: (each.source, each.url, each.retrieved)):
        lines.writerow(["" if value is None else value for value in vars(each).values()])
    write_whole(file, text.getvalue().encode())


def _entry(row: list[str], place: str) -> Entry:
    try:
        source, file_name, url, published, retrieved, sha256, status = row
        entry = Entry(
            source, file_name, url, date.fromisoformat(published) if published else None,
            date.fromisoformat(retrieved), sha256, ReleaseStatus(status),
        )  # fmt: skip
    except ValueError as error:
        raise FetchError(f"{place}: {error}. {RESTORE}") from error
    if not _HASH.fullmatch(sha256):
        raise FetchError(f"{place}, sha256: found {sha256!r}, expected 64 hexadecimal digits. {RESTORE}")
    return entry
