"""Published files, served under their own names on pages of the publishers' structure, fetched into an empty folder."""

import hashlib
import http.server
import shutil
import threading
from datetime import date
from functools import partial

import pytest

from openmeasures.fetching import record
from openmeasures.fetching.fetch import choose, fetch
from openmeasures.fetching.web import Web
from openmeasures.sources import all_sources

# Source, the slug of its pages of years, the year, the folder of its files, which of them, and the links' texts.
PUBLISHED = [
    ("ae_monthly", "ae-attendances-and-emergency-admissions-2025-26", "ae-monthly-csv", "*2025*.csv", "{stem}"),
    ("ae_monthly", "ae-attendances-and-emergency-admissions-2026-27", "ae-provider-xls", "May-26*", "Monthly A&amp;E"),
    ("ae_time_series", "ae-attendances-and-emergency-admissions-2025-26", "ae-time-series", "*.xls",
     "Monthly A&amp;E Time Series June 2025 (XLS, 400KB)"),
    ("ambulance_systems", "", "ambulance-ambsys", "*.xlsx",
     "AmbSYS time series to August 2025 (xlsx, 3.1MB)</a> (published on 11 September 2025)<a>"),
    ("cancer_waiting_times", "2025-26-monthly-cancer-waiting-times-statistics", "cancer-combined-workbook", "*.xlsx",
     "January 2026 Monthly Combined Workbook Provisional"),
    ("cancer_waiting_times", "2024-25-monthly-cancer-waiting-times-statistics", "cancer-provider-workbook",
     "MARCH-2025*", "Provider workbook, final"),
    ("diagnostic_waits", "monthly-diagnostics-data-2024-25", "dm01-provider", "*2025*.xls", "Provider (XLS, 2MB)"),
    ("rtt_waiting_times", "rtt-data-2026-27", "rtt-full-extract", "*.zip", "Full CSV data file Apr26 (ZIP, 4M)"),
    ("rtt_overview", "rtt-data-2023-24", "rtt-time-series", "*.xlsx",
     "RTT Overview Timeseries Including Estimates for Missing Trusts Aug23 (XLS, 102K)"),
]  # fmt: skip
JANUARY = date(2025, 1, 1)  # the first month of these files
MONTHLY = "monthly-data-and-summaries"


@pytest.fixture
def site(published, tmp_path, monkeypatch):
    """Serve each source's landing page, its pages of years, and the files; return the files by source."""
    root, files, links, years = tmp_path / "site", {}, {}, {}
    for name, slug, folder, pattern, text in PUBLISHED:
        for file in sorted((published / folder).glob(pattern)):
            files.setdefault(name, []).append(file)
            shutil.copyfile(file, root_of(root, "uploads") / file.name)
            line = f'<p><a href="/uploads/{file.name}">{text.format(stem=file.stem)}</a></p>'
            links.setdefault((name, slug), []).append(line)
        years.setdefault(name, []).append(slug)
    for name, slugs in years.items():
        area = root_of(root, name)
        lead = "".join(links[name, slug][0] if not slug else f'<a href="/{name}/{slug}/">{slug}</a>' for slug in slugs)
        is_cancer = name == "cancer_waiting_times"
        (area / "index.html").write_text(f'<a href="/{name}/{MONTHLY}/">Monthly data</a>' if is_cancer else lead)
        (root_of(area, MONTHLY) / "index.html").write_text(lead)
        for slug in filter(None, slugs):
            (root_of(area, slug) / "index.html").write_text("".join(links[name, slug]))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=root)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in years:
        monkeypatch.setattr(all_sources()[name], "URL", f"http://127.0.0.1:{server.server_port}/{name}/")
    yield files
    server.shutdown()
    server.server_close()


def root_of(folder, name):
    below = folder / name
    below.mkdir(parents=True, exist_ok=True)
    return below


def test_published_files_are_found_read_and_recorded_as_they_are(site, store, tmp_path):
    entries = tmp_path / "releases.csv"
    reader = Web(pause=0.0)
    outcomes = list(fetch(choose(site), store, reader, entries=entries, since=JANUARY))
    assert [(outcome.place, outcome.message) for outcome in outcomes if outcome.result != "fetched"] == []
    assert not [outcome for outcome in outcomes if "the page lists it under" in outcome.message]
    for name, files in site.items():
        hashes = {hashlib.sha256(file.read_bytes()).hexdigest(): file.name for file in files}
        assert {release.download_sha256 for release in store.releases(name)} == set(hashes)
        assert {entry.sha256: entry.file_name for entry in record.load(entries) if entry.source == name} == hashes
    ambulance = next(entry for entry in record.load(entries) if entry.source == "ambulance_systems")
    assert str(ambulance.published) == "2025-09-11"
    again = list(fetch(choose(site), store, reader, entries=entries, since=JANUARY))
    reader.close()
    assert {outcome.result.value for outcome in again} == {"already there"}
