"""The sample's time series and its one provider workbook: written as published, and the sums of the sample's CSVs."""

import csv
import io
from datetime import date

import polars as pl
import pytest

from openmeasures.periods import months
from openmeasures.sample import ae_monthly, ae_time_series
from openmeasures.sources import SourceFile, recognise
from openmeasures.sources import ae_monthly as monthly_reader
from openmeasures.sources import ae_time_series as series_reader

TESTING = "Z-15"  # field-tests another standard from September 2022 to May 2023


def _read(path):
    file = SourceFile(str(path), path.name, path.read_bytes())
    _, source = recognise(file)
    return source.read(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    ae_monthly.write(folder / "monthly")
    ae_time_series.write(folder / "series")
    return folder


@pytest.fixture(scope="module")
def series(folder):
    [path] = (folder / "series").iterdir()
    return _read(path)


def _england(series, metric, month):
    [value] = series.observations.filter(metric=metric, period_start=month)["value"]
    return value


def test_two_writes_are_equal_byte_for_byte(folder, tmp_path):
    [again] = ae_time_series.write(tmp_path)
    [before] = (folder / "series").iterdir()
    assert (again.name, again.read_bytes()) == (before.name, before.read_bytes())
    assert again.name == "Monthly-AE-Time-Series-March-2026-synthetic.xlsx"


def test_each_is_read_by_its_own_reader(folder):
    [series] = (folder / "series").iterdir()
    [workbook] = (folder / "monthly").glob("*.xlsx")
    found = [recognise(SourceFile(str(path), path.name, path.read_bytes()))[1] for path in (series, workbook)]
    assert found == [series_reader, monthly_reader]


def test_every_month_of_the_sample_is_there_and_no_estimate(series):
    assert series.observations["period_start"].unique().sort().to_list() == months(date(2022, 4, 1), date(2026, 3, 1))


def test_it_is_nobodys_series(series):
    assert series.organisations.select("org_code", "org_name").unique().rows() == [("ENG", "Synthetic England")]


# December 2022 is in the field test, October 2025 has two vintages.
@pytest.mark.parametrize(("month", "name"), [
    (date(2022, 4, 1), "April-2022-synthetic"), (date(2022, 12, 1), "December-2022-synthetic"),
    (date(2025, 10, 1), "October-2025-synthetic-revised"), (date(2026, 3, 1), "March-2026-synthetic"),
])  # fmt: skip
def test_it_holds_the_sums_of_the_csvs(folder, series, month, name):
    """By plain arithmetic; the trust in the field test counts in the activity and not in the performance."""
    text = (folder / "monthly" / f"{name}.csv").read_bytes().decode("utf-8-sig")
    _, *lines, _ = csv.reader(io.StringIO(text, newline=""))
    figures = {line[1]: [int(cell) for cell in line[4:22]] for line in lines}
    total = [sum(column) for column in zip(*figures.values(), strict=True)]
    is_testing = date(2022, 9, 1) <= month <= date(2023, 5, 1)
    timed = [row for code, row in figures.items() if not (is_testing and code == TESTING)]
    everyone, late = (sum(sum(row[part]) for row in timed) for part in (slice(6), slice(6, 12)))
    assert _england(series, "attendances_with_booked", month) == sum(total[:6])
    assert _england(series, "attendances_with_booked_type_1", month) == total[0] + total[3]
    assert _england(series, "booked_attendances_type_3", month) == total[5]
    assert _england(series, "over_four_hours_with_booked", month) == late
    assert _england(series, "within_four_hours_with_booked", month) == everyone - late
    assert _england(series, "within_four_hours_share", month) == pytest.approx((everyone - late) / everyone, abs=1e-9)
    assert _england(series, "dta_waits_over_four_hours", month) == total[12] + total[13]
    assert _england(series, "dta_waits_over_twelve_hours", month) == total[13]
    assert _england(series, "emergency_admissions", month) == sum(total[14:18])


def test_the_workbook_has_the_figures_of_the_csv_but_for_zeros_that_are_none(folder):
    [workbook] = (folder / "monthly").glob("*.xlsx")
    both = (
        _read(folder / "monthly" / "December-2022-synthetic.csv")
        .observations.join(_read(workbook).observations, on=["org_code", "metric"], how="left", suffix="_workbook")
        .filter(pl.col("value").ne_missing(pl.col("value_workbook")))
    )
    assert both.select("org_code", "value", "status_workbook").unique().rows() == [(TESTING, 0.0, "not_applicable")]
    assert sorted(both["metric"]) == sorted(
        f"{booked}over_four_hours_type_{kind}" for booked in ("", "booked_") for kind in (1, 2, 3)
    )


def test_the_workbook_names_the_organisations_as_the_csv_does(folder):
    [workbook] = (folder / "monthly").glob("*.xlsx")
    named = [_read(path).organisations.drop("release") for path in (
        workbook, folder / "monthly" / "December-2022-synthetic.csv")]  # fmt: skip
    of_workbook, of_csv = (names.with_columns(pl.col("parent_name").str.strip_chars()).rows() for names in named)
    assert of_workbook == of_csv


def test_the_workbook_adds_up(folder):
    [workbook] = (folder / "monthly").glob("*.xlsx")
    assert _read(workbook).checks == []
