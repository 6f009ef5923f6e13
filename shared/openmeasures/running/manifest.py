"""The record of runs: one line each in `_build/manifest.jsonl`, the last line of a run being the one that counts."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from openmeasures.errors import StoreError


class Entry(BaseModel):
    """How one run ended; `error` is empty and `sha256` names the notebook where it succeeded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure_id: str
    org_code: str
    period_to: str
    digest: str
    status: str  # done, failed
    seconds: float
    error: str = ""
    sha256: str = ""


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


def read(path: Path) -> list[Entry]:
    """Return the latest entry of each run, in the order of measure and organisation; none without a manifest.

    A last line that was cut off by a kill is left out, since its run did not finish; any other malformed line raises
    `StoreError`.
    """
    if not path.is_file():
        return []
    latest: dict[tuple[str, str], Entry] = {}
    *lines, _cut_off = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            raise StoreError(f"{path}, line {number}: not a run's record. Delete _build/ and run again.") from error
        latest[entry.measure_id, entry.org_code] = entry
    return [latest[key] for key in sorted(latest)]
