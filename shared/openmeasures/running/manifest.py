"""The record of runs: one line each in `_build/manifest.jsonl`, the last line of a run being the one that counts.

| name | what |
|---|---|
| `Entry` | how one run ended |
| `History` | the last entry of an organisation, the last good one, and since when it has failed |
| `path` | where the record is |
| `notebook_path`, `failed_path` | where the notebook of a run goes that succeeded, and of one that failed |
| `left_by`, `is_there` | where the notebook of an entry is, and whether it is there, as it was written |
| `executed` | the content of one that succeeded, or an error where it is not there |
| `append` | add a line |
| `record` | the same, and remove the failed notebook of an earlier run |
| `read`, `histories` | the last entry of each, or all that is known of each |
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from openmeasures.errors import StoreError


class Entry(BaseModel):
    """How one run ended, and when; `error` is empty where it succeeded.

    `sha256` is that of the notebook that it left; empty where it failed without one, as when its process was ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure_id: str
    org_code: str
    period_to: str
    digest: str
    status: Literal["done", "failed"]
    seconds: float
    ended: AwareDatetime
    error: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class History:
    """What is known of one organisation's runs of a measure; a run that never succeeded has no last good one."""

    latest: Entry
    last_good: Entry | None
    failing_since: datetime | None


def path(build: Path) -> Path:
    """Return where the record is."""
    return build / "manifest.jsonl"


def notebook_path(build: Path, measure_id: str, org_code: str) -> Path:
    """Return where the executed notebook of one organisation goes."""
    return build / "notebooks" / measure_id / f"{org_code}.ipynb"


def failed_path(build: Path, measure_id: str, org_code: str) -> Path:
    """Return where the notebook of a run that failed goes.

    It is for people alone: nothing is published from there, since a traceback shows paths of the machine.
    """
    return build / "failed" / measure_id / f"{org_code}.ipynb"


def left_by(build: Path, entry: Entry) -> Path | None:
    """Return where the notebook is that a run left; None where it left none."""
    if entry.status == "done":
        return notebook_path(build, entry.measure_id, entry.org_code)
    return failed_path(build, entry.measure_id, entry.org_code) if entry.sha256 else None


def is_there(build: Path, entry: Entry) -> bool:
    """Whether the notebook that a run left is there, and the same to its last byte."""
    path = left_by(build, entry)
    return path is not None and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256


def executed(path: Path, sha256: str) -> bytes:
    """Return the notebook of a run that succeeded. Raises `StoreError` where it is gone, or another one by now."""
    content = path.read_bytes() if path.is_file() else None
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        fault = "no such file" if content is None else "not the notebook that was written"
        raise StoreError(f"{path}: {fault}, although the manifest has this run as done. Run again.")
    return content


def append(path: Path, entry: Entry) -> None:
    """Add one run's line, short enough to be written in one piece, in place of one that was cut off by a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        file.write(entry.model_dump_json().encode() + b"\n")


def record(build: Path, entry: Entry) -> None:
    """Add one run's line to the record of a build, and leave no failed notebook there that is not this run's."""
    failed = failed_path(build, entry.measure_id, entry.org_code)
    if left_by(build, entry) != failed:
        failed.unlink(missing_ok=True)
    append(path(build), entry)


def read(path: Path) -> list[Entry]:
    """Return the latest entry of each run, in the order of measure and organisation; none without a manifest.

    A last line that was cut off by a kill is left out, since its run did not finish; any other malformed line raises
    `StoreError`.
    """
    return [history.latest for history in histories(path).values()]


def histories(path: Path) -> dict[tuple[str, str], History]:
    """Return what is known of each measure and organisation, in their order; see `read`."""
    if not path.is_file():
        return {}
    found: dict[tuple[str, str], History] = {}
    *lines, _cut_off = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            raise StoreError(
                f"{path}, line {number}: not a run's record. Delete that line and run again; if its run was the latest "
                "of its organisation, that alone is done anew."
            ) from error
        key = entry.measure_id, entry.org_code
        before = found.get(key)
        if entry.status == "done":
            found[key] = History(entry, entry, None)
        elif before is None:
            found[key] = History(entry, None, entry.ended)
        else:
            found[key] = History(entry, before.last_good, before.failing_since or entry.ended)
    return dict(sorted(found.items()))
