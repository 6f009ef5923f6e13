"""Real files with one heading or sheet renamed, as a publisher may: each is recognised, the missing one is named."""

import io
import zipfile

import pytest
import xlsxwriter

from openmeasures.ingest import Kept, ingest
from openmeasures.sources import SourceFile
from openmeasures.store import Store

WORKBOOKS = {
    "ambulance-ambsys": ("Raw", "A30"),
    "cancer-combined-workbook": ("Provider Level Performance", "Referral Route/Stage"),
    "cancer-data-extract": ("CWT CRS Provider Extract", "TOTAL TREATED"),
    "cancer-provider-workbook": ("28-DAY FDS (ALL ROUTES)", "ACCOUNTABLE PROVIDER"),
    "dm01-provider": ("Provider by Test", "Diagnostic Test Name"),
}
TOP = 60  # rows: those with titles and headings, and enough to be read until something is missing


def _rewritten(path, sheet_renamed, heading):
    """Write the top of each sheet anew as text, with one heading or one sheet called something else."""
    workbook = SourceFile(str(path), path.name, path.read_bytes()).workbook
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for name in workbook.sheets:
            sheet = book.add_worksheet("Something else" if name == sheet_renamed else name)
            for line, row in enumerate(workbook.cells(name).head(TOP).iter_rows()):
                sheet.write_row(line, 0, ["Something else" if cell == heading else cell for cell in row])
    return content.getvalue()


def _outcome(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    [outcome] = ingest([tmp_path], Store(tmp_path / "data"))
    return outcome


@pytest.mark.parametrize("folder", WORKBOOKS)
@pytest.mark.parametrize("changed", ["sheet", "heading"])
def test_a_changed_workbook_is_unreadable_and_says_why(published, tmp_path, folder, changed):
    sheet, heading = WORKBOOKS[folder]
    path = sorted((published / folder).iterdir())[0]
    content = _rewritten(path, *((sheet, "") if changed == "sheet" else ("", heading)))
    outcome = _outcome(tmp_path, "changed.xlsx", content)
    assert outcome.kept == Kept.UNREADABLE
    missing = "no sheet 'Extract' among" if (folder, changed) == ("cancer-data-extract", "sheet") else f"{sheet!r}"
    assert (missing if changed == "sheet" else f"first {heading!r}") in outcome.message


def test_a_changed_extract_is_unreadable_and_says_why(published, tmp_path):
    [path] = (published / "rtt-full-extract").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        content = archive.read(name)[:1_000_000]
    outcome = _outcome(tmp_path, "changed.csv", content.replace(b"RTT Part Type", b"Part", 1))
    assert outcome.kept == Kept.UNREADABLE
    assert "column 'RTT Part Type' is missing" in outcome.message
