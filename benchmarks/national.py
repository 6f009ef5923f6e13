"""A cold national build: twelve measures for two hundred organisations each, their pages rendered by smalldocs.

The organisations are those of the sample, copied under other codes until there are enough of them in each
publication, so that every notebook, chart and page is a real one. Prints what `openmeasures site` costs, and the same
again with nothing changed.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table
from runs import BIN, adopt, cost

from openmeasures import definitions
from openmeasures.definitions import Measure
from openmeasures.organisations import ENGLAND

MEASURES, ORGANISATIONS = 12, 200


def multiplied(folder: Path, source: str, organisations: int) -> None:
    """Copy the organisations of a source in a store, England apart, until there are so many or a few more."""
    tables = [folder / name / source for name in ("observations", "organisations")]
    codes = pl.read_parquet(tables[1] / "*.parquet").filter(pl.col("org_code") != ENGLAND)["org_code"].unique()
    copies = -(-organisations // len(codes))
    for path in (path for table in tables for path in table.glob("*.parquet")):
        rows = pl.read_parquet(path)
        others = rows.filter(pl.col("org_code") != ENGLAND)
        renamed = [
            others.with_columns(
                pl.col("org_code") + f"-{number}",
                *([pl.col("org_name") + f" {number}"] if "org_name" in rows.columns else []),
            )
            for number in range(2, copies + 1)
        ]
        pl.concat([rows, *renamed]).sort("org_code", "period_start", maintain_order=True).write_parquet(path)


def national(measures: list[Measure], organisations: int) -> Table:
    """Build the site of so many organisations, then again."""
    columns = ("Build", "CPU s", "s", "GB at most", "runs", "pages")
    table = Table(*columns, title=f"{len(measures)} measures, {organisations} organisations of each")
    with tempfile.TemporaryDirectory() as name:
        data, out = Path(name) / "data", Path(name) / "out"
        cost([str(BIN / "openmeasures"), "sample", "--data", str(data)])
        for source in {measure.source for measure in measures}:
            multiplied(data, source, organisations)
        command = [str(BIN / "openmeasures"), "site", *(measure.id for measure in measures)]
        for build in ("cold", "nothing changed"):
            cpu, elapsed, memory = cost([*command, "--renderer", "smalldocs", "--data", str(data), "--out", str(out)])
            runs = sum(1 for _ in (out / "_build" / "notebooks").rglob("*.ipynb"))
            pages = sum(1 for _ in (out / "_site").rglob("*.html"))
            table.add_row(build, f"{cpu:.0f}", f"{elapsed:.0f}", f"{memory:.2f}", f"{runs:,}", f"{pages:,}")
    return table


def main(measures: int, organisations: int) -> None:
    """Measure and print."""
    if not sys.platform.startswith("linux"):
        sys.exit("CPU seconds of grandchildren can be counted on Linux alone.")
    adopt()
    Console(width=120).print(national(definitions.load_all()[:measures], organisations))


if __name__ == "__main__":
    main(*(tuple(map(int, sys.argv[1:])) or (MEASURES, ORGANISATIONS)))
