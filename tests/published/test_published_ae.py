"""The real files: each is read, adds up to its own total, and England equals what NHS England published.

The oracles are plain CSV arithmetic, written here without the reader, and NHS England's national time series workbook.
"""

import csv
from datetime import date, datetime
from itertools import pairwise

import fastexcel
import polars as pl
import pytest

from openmeasures import corrections, project
from openmeasures.counts import count, roll_up
from openmeasures.definitions import Part
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.sources import SourceFile, ae_monthly, ae_time_series
from openmeasures.store import Store

TYPES = ("type_1", "type_2", "type_3")
ATTENDANCES = [f"{booked}attendances_{kind}" for booked in ("", "booked_") for kind in TYPES]
OVER_FOUR_HOURS = [f"{booked}over_four_hours_{kind}" for booked in ("", "booked_") for kind in TYPES]
WITHIN = Part(text="within four hours", label="within four hours", add=ATTENDANCES, subtract=OVER_FOUR_HOURS)
ALL = Part(text="all attendances", label="all attendances", add=ATTENDANCES)
FIELD_TEST_TRUSTS = ["R0D", "RC9", "RDU", "RFR", "RGR", "RGT", "RHU", "RK9", "RNQ", "RQM", "RVW", "RX1", "RXF", "RYJ"]
ANALYSIS = project.root() / "analyses" / "ae_four_hour"

# The workbook gives shares with nine decimals, so a percentage is at most half a unit of the seventh away.
WORKBOOK_ROUNDS_TO = 100 * 0.5e-9
# The workbook was published on 10 July 2025; these three months' CSVs here are revisions that came after it.
REVISED_SINCE_THE_WORKBOOK = {date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 1)}


@pytest.fixture(scope="module")
def files(published):
    return sorted((published / "ae-monthly-csv").glob("*.csv"))


@pytest.fixture(scope="module")
def publications(files):
    return {path.name: ae_monthly.read(SourceFile(str(path), path.name, path.read_bytes())) for path in files}


@pytest.fixture(scope="module")
def outcomes_and_store(files, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("published"))
    return list(ingest([files[0].parent], store)), store


@pytest.fixture(scope="module")
def store(outcomes_and_store):
    return outcomes_and_store[1]


@pytest.fixture(scope="module")
def observations(store):
    return store.observations("ae_monthly")


def _percent(observations):
    """Return England's percentage within four hours by month."""
    counts = roll_up(count(observations, numerator=WITHIN, denominator=ALL))
    return {
        month: 100 * within / everyone
        for month, within, everyone in counts.select("period_start", "numerator", "denominator").iter_rows()
    }


@pytest.fixture(scope="module")
def england(observations):
    return _percent(corrections.apply(observations, ANALYSIS).observations)


@pytest.fixture(scope="module")
def workbook(published):
    """England's percentage by month in NHS England's time series, found by the text of the headings."""
    [path] = (published / "ae-time-series").glob("*.xls")
    sheet = fastexcel.read_excel(path).load_sheet("Performance", header_row=None, dtypes="string").to_polars()
    rows = sheet.rows()
    [header] = [row for row in rows if "Period" in row and "Percentage in 4 hours or less (all)" in row]
    month, percent = header.index("Period"), header.index("Percentage in 4 hours or less (all)")
    below = [row for row in rows[rows.index(header) + 1 :] if row[month] and row[percent]]
    return {datetime.fromisoformat(row[month]).date(): 100 * float(row[percent]) for row in below}


# ---- reading


def test_all_62_files_are_read(outcomes_and_store):
    outcomes, _ = outcomes_and_store
    assert [(outcome.kept, outcome.source) for outcome in outcomes] == [(Kept.ADDED, "ae_monthly")] * 62


def test_every_month_from_april_2021_to_march_2026_is_there(observations):
    assert observations["period_start"].unique().sort().to_list() == months(date(2021, 4, 1), date(2026, 3, 1))


def test_every_row_of_every_file_is_kept(files, publications):
    """Each provider and the total, 18 figures each, and as many rows as the file has filled lines below its header."""
    for path in files:
        lines = [line for line in path.read_text("utf-8-sig").splitlines()[1:] if line.strip(", ")]
        read = publications[path.name]
        assert (read.organisations.height, read.observations.height) == (len(lines) - 1, 18 * len(lines)), path.name


def test_every_figure_is_reported(publications):
    """In this publication nothing is suppressed and no cell is empty; the field test's zeros are corrected later."""
    statuses = {status for read in publications.values() for status in read.observations["status"].unique()}
    assert statuses == {"reported"}


def test_no_code_looks_synthetic(store):
    assert store.synthetic is False


def test_no_other_published_file_is_taken_for_these(published):
    """Workbooks are opened whole; of other files the beginning tells."""
    ours = ("ae-monthly-csv", "ae-provider-xls", "ae-time-series")
    others = [path for path in published.rglob("*") if path.is_file() and path.parent.name not in ours]
    assert len(others) > 17  # collections
    for path in others:
        with path.open("rb") as file:
            content = file.read(None if path.suffix in (".xls", ".xlsx") else 4096)
        file = SourceFile(str(path), path.name, content)
        assert not ae_monthly.recognises(file), path
        assert not ae_time_series.recognises(file), path


# ---- adding up


def test_providers_add_up_to_the_files_own_total(publications):
    assert {name: read.checks for name, read in publications.items() if read.checks} == {}


def test_providers_add_up_by_plain_arithmetic_too(files, publications):
    """Without the reader: whatever stands in the figures' columns above the last line adds up to the last line."""
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            _, *rows = [row[:22] for row in csv.reader(lines) if "".join(row).strip()]
        *providers, total = [[int(cell) for cell in row[4:]] for row in rows]
        assert [sum(column) for column in zip(*providers, strict=True)] == total, path.name
        read = publications[path.name].observations
        assert sorted(total) == sorted(read.filter(pl.col("org_code") == "ENG")["value"].to_list()), path.name


# ---- England


def test_england_equals_the_national_time_series(england, workbook):
    both = sorted(england.keys() & workbook.keys())
    assert both == months(date(2021, 4, 1), date(2025, 6, 1))
    unequal = {month for month in both if abs(england[month] - workbook[month]) > WORKBOOK_ROUNDS_TO}
    assert unequal == REVISED_SINCE_THE_WORKBOOK


def test_what_was_revised_since_differs_by_less_than_two_hundredths_of_a_point(england, workbook):
    differences = {month: abs(england[month] - workbook[month]) for month in REVISED_SINCE_THE_WORKBOOK}
    assert 0 < min(differences.values()) <= max(differences.values()) < 0.02


@pytest.mark.parametrize(("month", "percent"), [(date(2024, 3, 1), 74.35), (date(2021, 4, 1), 85.36)])
def test_england_equals_the_published_headline(england, month, percent):
    assert round(england[month], 2) == percent


def test_without_booked_appointments_march_2024_would_be_another_figure(observations):
    walked_in = Part(text="without booked", label="without booked", add=ATTENDANCES[:3])
    march = observations.filter(pl.col("period_start") == date(2024, 3, 1))
    within = Part(text="within", label="within", add=ATTENDANCES[:3], subtract=OVER_FOUR_HOURS[:3])
    [row] = roll_up(count(march, numerator=within, denominator=walked_in)).rows(named=True)
    assert round(100 * row["numerator"] / row["denominator"], 2) == 73.81


# ---- the field test


def test_the_field_test_trusts_leave_both_parts(observations):
    april = observations.filter(pl.col("period_start") == date(2021, 4, 1))
    counts = count(corrections.apply(april, ANALYSIS).observations, numerator=WITHIN, denominator=ALL)
    left = counts.filter(pl.col("status") == "not_applicable")
    assert left["org_code"].to_list() == FIELD_TEST_TRUSTS
    assert left.select("numerator", "denominator").unique().rows() == [(None, None)]


def test_without_the_correction_april_2021_is_what_the_files_total_row_gives(observations):
    everyone = 1222784 + 35234 + 529482 + 36482 + 129 + 42121
    over = 231273 + 461 + 7983 + 2982 + 0 + 222
    assert _percent(observations)[date(2021, 4, 1)] == pytest.approx(100 * (everyone - over) / everyone)


def test_without_the_correction_every_month_of_the_field_test_is_too_high(observations, england):
    """Least in April 2021 (86.983 for 85.357), when waits were short; most in December 2022 (68.969 for 65.203)."""
    uncorrected = _percent(observations)
    too_high = {month: uncorrected[month] - england[month] for month in england if month < date(2023, 6, 1)}
    assert (min(too_high, key=too_high.get), max(too_high, key=too_high.get)) == (date(2021, 4, 1), date(2022, 12, 1))
    assert (round(min(too_high.values()), 2), round(max(too_high.values()), 2)) == (1.63, 3.77)


def test_after_the_field_test_every_trust_counts(observations):
    june = observations.filter(pl.col("period_start") == date(2023, 6, 1))
    counts = count(corrections.apply(june, ANALYSIS).observations, numerator=WITHIN, denominator=ALL)
    assert counts["status"].unique().to_list() == ["reported"]


def test_the_correction_is_made_in_each_of_its_months(observations):
    """14 trusts, 6 metrics, April 2021 to May 2023; its own guard has checked that every figure was zero."""
    [(_, changed)] = corrections.apply(observations, ANALYSIS).applied
    assert changed == 14 * 6 * len(months(date(2021, 4, 1), date(2023, 5, 1)))


# ---- vintages


@pytest.mark.parametrize(
    ("first", "revised"),
    [
        ("October-2025-CSV-hg6dl.csv", "Monthly-AE-October-2025-revised-fly02sk.csv"),
        ("December-2025-CSV-K7F4Sp.csv", "Monthly-AE-December-2025-revised-g9Hy6.csv"),
    ],
)
def test_of_two_vintages_the_revised_one_is_used(store, observations, publications, first, revised):
    month = publications[first].observations["period_start"][0]
    releases = [release for release in store.releases("ae_monthly") if release.period_start == month]
    assert [release.file_name for release in releases] == [first, revised]
    used = observations.filter(pl.col("period_start") == month)
    assert used["release"].unique().to_list() == [releases[1].sha256]
    both = used.join(publications[first].observations, on=["org_code", "metric"], how="full", suffix="_first")
    changed = both.filter(pl.col("value").ne_missing(pl.col("value_first")))
    assert changed.height > 0


def test_no_other_month_has_two_vintages(store):
    releases = store.releases("ae_monthly")
    repeated = [old.period_start for old, new in pairwise(releases) if old.period_start == new.period_start]
    assert repeated == [date(2025, 10, 1), date(2025, 12, 1)]
