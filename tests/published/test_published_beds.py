"""Overnight beds in the real files: England, its percentage, and whose returns are estimates."""

from datetime import date

import polars as pl
import pytest

from openmeasures import definitions
from openmeasures.ingest import ingest
from openmeasures.reviewing import reconcile
from openmeasures.sources import SourceFile, beds_overnight
from openmeasures.store import Store

# As the workbooks have them, read by eye: beds available and occupied, the percentage, and who did not submit.
PUBLISHED = {
    "Q2-2024-25": (date(2024, 7, 1), 103656.22826087, 93664.402173913, 0.903606119, 8),
    "Q3-2024-25revised": (date(2024, 10, 1), 107409.815217391, 96124.967391304, 0.894936531, 2),
    "Q4-2024-25": (date(2025, 1, 1), 106068.136630037, 98145.941758242, 0.925310323, 6),
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_england_is_the_sum_of_the_trusts_and_gives_the_published_percentage(published, name):
    path = published / "kh03-beds-overnight" / f"Beds-Open-Overnight-Web_File-{name}.xlsx"
    found = beds_overnight.read(SourceFile(str(path), path.name, path.read_bytes()))
    quarter, available, occupied, share, estimates = PUBLISHED[name]
    assert set(found.observations["period_start"]) == {quarter}
    wide = found.observations.pivot("metric", index="org_code", values="value")
    england, trusts = wide.filter(pl.col("org_code") == "ENG"), wide.filter(pl.col("org_code") != "ENG")
    sums = [trusts[f"beds_{what}_general_and_acute"].sum() for what in ("available", "occupied")]
    assert england["beds_available_general_and_acute"].item() == available == pytest.approx(sums[0], abs=1e-6)
    assert england["beds_occupied_general_and_acute"].item() == occupied == pytest.approx(sums[1], abs=1e-6)
    assert england["share_occupied_general_and_acute"].item() == share
    assert round(sums[1] / sums[0], 9) == share
    [said] = found.checks
    assert len(said.partition(": ")[2].split(", ")) == estimates


def test_every_quarter_reconciles_with_every_published_figure(published, tmp_path):
    store = Store(tmp_path)
    list(ingest([published / "kh03-beds-overnight"], store, retrieved=date(2026, 1, 1)))
    [measure] = [each for each in definitions.load_all() if each.source == "beds_overnight"]
    found = reconcile.reconcile(measure, store)
    assert found.height == 3 * len(measure.published)
    assert set(found["verdict"].to_list()) == {"agrees"}
