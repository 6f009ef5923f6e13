"""What it takes to read every published file that is at hand, beside reading their bytes alone.

The files are those of `shared/data/published` beside the checkout, or of the folder that is named: one CPU-bound pass
through all readers, into an empty data folder. Without such files there is nothing to measure, which it says.
"""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from openmeasures import ingest, project
from openmeasures.store import Store

PUBLISHED = project.root().parent / "shared" / "data" / "published"
BUDGET_SECONDS = 60  # the design's, for all of them


def main(folder: Path) -> None:
    """Measure and print, one row a folder of files."""
    console = Console(width=120)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        console.print("Reading published files: not measured, as there are none here. Name a folder that has some.")
        return
    table = Table("Publication", "files", "MB", "read alone: s", "ingested: s", "CPU s", title="Every published file")
    total = [0, 0.0, 0.0, 0.0, 0.0]
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        for place in sorted({path.parent for path in files}):
            mine = [path for path in files if path.parent == place]
            started = time.perf_counter()
            size = sum(len(path.read_bytes()) for path in mine) / 1e6
            alone = time.perf_counter() - started
            started, busy = time.perf_counter(), time.process_time()
            for _ in ingest.ingest([place], store):
                pass
            row = (len(mine), size, alone, time.perf_counter() - started, time.process_time() - busy)
            total = [sum(pair) for pair in zip(total, row, strict=True)]
            table.add_row(place.name, *_written(row))
    table.add_row("all", *_written(total))
    console.print(table)
    console.print(f"Budget: {BUDGET_SECONDS} s.")


def _written(row: list[float] | tuple[float, ...]) -> list[str]:
    return [f"{row[0]:.0f}", *(f"{cell:.1f}" for cell in row[1:])]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PUBLISHED)
