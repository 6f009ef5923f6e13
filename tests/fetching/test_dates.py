from datetime import date

import pytest

from openmeasures.fetching.dates import day_in, financial_year_in, month_in, year_start


# Texts and names as they stand on the publishers' pages.
@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("Monthly A&E April 2024 (CSV, 28KB)", (2024, 4)),
        ("Monthly-AE-March-2026-revised-flkg42.csv", (2026, 3)),
        ("May-26-AE-by-provider-QVPHP.xls", (2026, 5)),
        ("March-2024-revised-130624-abcdef123.csv", (2024, 3)),
        ("Monthly A&E Time Series March 2026 – Revised 14.05.26", (2026, 3)),
        ("Full CSV data file Feb26 (ZIP, 4M)", (2026, 2)),
        ("RTT-Overview-Timeseries-Including-Estimates-for-Missing-Trusts-Jul24-XLS-109K-88372.xlsx", (2024, 7)),
        ("20260430-RTT-April-2026-full-extract.csv.zip", (2026, 4)),
        ("AmbSYS time series to December 2024 (xlsx, 2.9MB) (published on 9 January 2025)", (2024, 12)),
        ("AmbSYS-Time-Series-until-20250831.xlsx", (2025, 8)),
        ("APRIL-2024-CWT-CRS-PROVIDER-WORKBOOK-FINAL.xlsx", (2024, 4)),
        ("CWT-CRS-Apr-2024-to-Sep-2024-Data-Extract-Provider-Final.xlsx", (2024, 9)),
        ("Monthly-Virtual-Ward-Sept-2024.xlsx", (2024, 9)),
        ("Beds-Open-Overnight-Web_File-Q1-2024-25-revised.xlsx", (2024, 6)),
        ("Quarter 4 2024-2025", (2025, 3)),
        ("shmi/2025-05", (2025, 5)),
        ("nhs-sickness-absence-rates/february-2024", (2024, 2)),
        ("rtt-data-2024-25", None),
        ("April (CSV, 28KB)", None),
        ("20251331", None),
        ("Marching 2024", None),
        ("9 January 2025", None),
        ("", None),
    ],
)
def test_the_month_that_a_text_tells(text, month):
    assert month_in(text) == (date(*month, 1) if month else None)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2024-25", 2024),
        ("data 2023-2024 and 2024-2025", 2024),
        ("2024-26", None),
        ("2025-05", None),
        ("1999-00", None),
    ],
)
def test_the_financial_year_that_a_text_tells(text, year):
    assert financial_year_in(text) == year


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("(published on 9th Jan 2025, revised 3 February 2025)", (2025, 2, 3)),
        ("Revised 14.05.26", (2026, 5, 14)),
        ("14/05/2026", (2026, 5, 14)),
        ("30 February 2025", None),
        ("April 2025", None),
    ],
)
def test_the_day_that_a_text_tells(text, day):
    assert day_in(text) == (date(*day) if day else None)


@pytest.mark.parametrize(("month", "start"), [((2024, 3), 2023), ((2024, 4), 2024), ((2024, 12), 2024)])
def test_a_financial_year_begins_in_april(month, start):
    assert year_start(date(*month, 1)) == date(start, 4, 1)
