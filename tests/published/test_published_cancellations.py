"""Cancelled operations in the real files: both rows of England, and who the notes name."""

from datetime import date

import pytest

from openmeasures import definitions
from openmeasures.ingest import ingest
from openmeasures.reviewing import reconcile
from openmeasures.sources import SourceFile, elective_cancellations
from openmeasures.store import Store

METRICS = ("last_minute_cancellations", "not_treated_within_28_days")
# As the workbooks have them, read by eye: cancellations and breaches with the independent sector and without it, how
# many providers have a row, and who did not submit.
PUBLISHED = {
    "Q2-2024-25-Cancelled-Operations": (date(2024, 7, 1), (21262, 4827), (21249, 4825), 143, {"R1K"}),
    "Q3-2024-25-Cancelled-Operations-65554": (date(2024, 10, 1), (22686, 4859), (22681, 4856), 144, set()),
    "Q4-2024-25-Cancelled-Operations": (date(2025, 1, 1), (21834, 5125), (21820, 5122), 141, {"R1K", "RVR"}),
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_providers_add_up_to_both_rows_of_england_and_the_missing_are_no_zeros(published, name):
    path = published / "cancelled-operations" / f"{name}.xlsx"
    found = elective_cancellations.read(SourceFile(str(path), path.name, path.read_bytes()))
    quarter, together, of_trusts, providers, missing = PUBLISHED[name]
    rows = found.observations
    assert set(rows["period_start"]) == {quarter}
    for breakdown, category, expected in (("", "", together), ("sector", "NHS trusts", of_trusts)):
        part = rows.filter(breakdown=breakdown, category=category)
        for metric, figure in zip(METRICS, expected, strict=True):
            figures = dict(part.filter(metric=metric).select("org_code", "value").iter_rows())
            assert figures.pop("ENG") == figure == sum(value for value in figures.values() if value is not None)
    reported = rows.filter(breakdown="", metric=METRICS[0], status="reported")
    assert reported.height - 1 == providers  # but for England's
    assert set(rows.filter(status="not_submitted")["org_code"]) == missing
    [note] = found.checks
    assert all(code in note for code in missing)


def test_every_quarter_reconciles_with_both_rows_of_england(published, tmp_path):
    store = Store(tmp_path)
    list(ingest([published / "cancelled-operations"], store, retrieved=date(2026, 1, 1)))
    [measure] = [each for each in definitions.load_all() if each.source == "elective_cancellations"]
    found = reconcile.reconcile(measure, store)
    assert found.height == 3 * 2
    assert set(found["verdict"].to_list()) == {"agrees"}
