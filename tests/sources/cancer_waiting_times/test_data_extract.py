from datetime import date

import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.sources import cancer_waiting_times
from openmeasures.sources.cancer_waiting_times import data_extract

SHEET = "CWT CRS Provider Extract"


@pytest.fixture
def read(made):
    def of(*sheets, name="file.xlsx"):
        titles = (f"{SHEET}{number or ''}" for number in range(len(sheets)))
        return cancer_waiting_times.read(made(dict(zip(titles, sheets, strict=True)), name))

    return of


def _said(read, rows) -> str:
    with pytest.raises(SourceError) as caught:
        read(rows)
    return str(caught.value)


def test_a_provider_is_what_its_parts_add_up_to(read, extract_rows, values, airedale):
    """Modality is crossed with the stage too: added up, its rows would count everybody twice."""
    assert values(read(extract_rows), "RCF") == airedale


def test_months_are_told_apart(read, extract_rows, values):
    publication = read(extract_rows)
    assert values(publication, "NYG", month=10)["faster_diagnosis_told", "", ""] == 4
    assert values(publication, "NYG", month=11)["faster_diagnosis_told", "", ""] == 9
    assert publication.observations["period_end"].unique().sort().to_list() == [date(2023, 10, 31), date(2023, 11, 30)]


def test_a_month_may_be_text(read, extract_rows, values, airedale):
    for row in extract_rows[1:]:
        row[0] = f"{row[0]:%B %Y}"
    assert values(read(extract_rows), "RCF") == airedale


def test_there_is_no_england(read, extract_rows):
    assert "ENG" not in read(extract_rows).observations["org_code"]


def test_codes_stand_in_for_names(read, extract_rows):
    organisations = read(extract_rows).organisations.sort("period_start", "org_code")
    assert organisations.select("org_code", "org_name", "parent_name", "period_start").rows() == [
        ("NYG", "NYG", "", date(2023, 10, 1)),
        ("RCF", "RCF", "", date(2023, 10, 1)),
        ("NYG", "NYG", "", date(2023, 11, 1)),
    ]


def test_its_divisions_agree(read, extract_rows):
    assert read(extract_rows).checks == []


def test_a_modality_that_lost_a_patient_is_a_finding(read, extract_rows, replaced):
    row = next(row for row in extract_rows if row[3] == "62-day Combined" and row[6] == "Surgery")
    row[8] -= 0.5
    assert read(extract_rows).checks == [
        "urgent referral treated by treatment modality, October 2023: the parts of 'RCF' add up to 3, the whole is 3.5"
    ]


def test_only_the_files_name_tells_the_vintage(read, extract_rows):
    assert read(extract_rows, name="Data-Extract-Provider-Final.xlsx").vintage is None


@pytest.mark.parametrize(("mark", "status"), [("*", "suppressed"), ("-", "not_applicable"), ("", "not_submitted")])
def test_a_sum_with_a_mark_is_no_figure(read, extract_rows, mark, status):
    """Every division that the row is a part of lacks a figure; the other divisions have theirs."""
    row = next(row for row in extract_rows if row[4] == "RCF" and row[7] == "Suspected skin cancer")
    row[8] = mark
    found = read(extract_rows).observations.filter(org_code="RCF", metric="faster_diagnosis_told")
    assert sorted(found.select("breakdown", "category", "value", "status").rows(), key=str) == [
        ("", "", None, status),
        (
            "cancer_type",
            "Exhibited (non-cancer) breast symptoms - cancer not initially suspected",
            2,
            "reported",
        ),
        ("cancer_type", "Suspected breast cancer", 5, "reported"),
        ("cancer_type", "Suspected skin cancer", None, status),
        ("route", "Breast Symptomatic, Cancer Not Suspected", 2, "reported"),
        ("route", "Urgent Suspected Cancer", None, status),
    ]


def test_several_extracts_in_one_file_are_read_as_one(read, extract_rows):
    heading, *rows = extract_rows
    whole = read(extract_rows).observations.drop("release")
    by_month = [[heading, *(row for row in rows if row[2] == month)] for month in ("OCT", "NOV")]
    parts = read(*by_month).observations.drop("release")
    keys = ["metric", "breakdown", "category", "org_code", "period_start"]
    assert parts.sort(keys).equals(whole.sort(keys))


def test_columns_may_move(read, extract_rows, values, airedale):
    moved = [["A title"], [], *(["", *row[::-1]] for row in extract_rows)]
    assert values(read(moved), "RCF") == airedale


# ---- what is not this layout


@pytest.mark.parametrize("heading", list(data_extract.HEADINGS))
def test_every_heading_is_needed(made, extract_rows, replaced, heading):
    assert data_extract.recognises(made({SHEET: extract_rows}).workbook)
    replaced(extract_rows, heading, "OTHER")
    file = made({SHEET: extract_rows})
    assert data_extract.recognises(file.workbook)
    with pytest.raises(SourceError, match=f"sheet '{SHEET}': no row has all 8 headings.* first '{heading}'"):
        data_extract.read(file, file.workbook)


def test_the_sheet_has_to_be_called_an_extract(made, extract_rows):
    file = made({"CWT": extract_rows})
    assert data_extract.recognises(file.workbook)
    with pytest.raises(SourceError, match=r"no sheet 'Extract' among 1 \('CWT'\)"):
        data_extract.read(file, file.workbook)


# ---- errors


@pytest.mark.parametrize("period", ["", "Quarter 3"])
def test_a_missing_month(read, extract_rows, period):
    extract_rows[3][0] = period
    assert _said(read, extract_rows) == (
        f"folder/file.xlsx, sheet 'CWT CRS Provider Extract': found {period!r} as the month, expected for example "
        "'Oct-23', 'October 2023' or a date. Download the file again, or tell the publisher."
    )


def test_an_old_standard(read, extract_rows):
    extract_rows[2][3] = "2 WEEK WAIT"
    assert _said(read, extract_rows).startswith(
        "folder/file.xlsx, sheet 'CWT CRS Provider Extract', row 3, standard: found '2 WEEK WAIT', expected one of "
    )


def test_a_figure_of_nobody(read, extract_rows):
    extract_rows[2][4] = ""
    assert _said(read, extract_rows) == (
        "folder/file.xlsx, sheet 'CWT CRS Provider Extract', row 3: no organisation code or name. Download the file "
        "again."
    )


def test_a_cell_that_is_no_figure(read, extract_rows):
    extract_rows[2][9] = "4 of 5"
    assert _said(read, extract_rows) == (
        "folder/file.xlsx, sheet 'CWT CRS Provider Extract', row 3, within standard: found '4 of 5', expected a "
        "number or one of '', '-', '*'. Download the file again, or tell the publisher."
    )


def test_a_row_given_twice(read, extract_rows):
    """Added up, it would only be wrong."""
    assert _said(read, [*extract_rows, extract_rows[2]]) == (
        "folder/file.xlsx: organisation 'RCF' has faster diagnosis told (Urgent Suspected Cancer, Suspected breast "
        "cancer) twice for October 2023; expected once. Download the file again."
    )


def test_an_extract_without_figures(read, extract_rows):
    assert _said(read, extract_rows[:1]) == (
        "folder/file.xlsx: no figures under the headings. The file looks truncated: download it again."
    )


def test_every_figure_counts_once(read, extract_rows):
    """Whole, parts and modalities each add up to the patients of October and November."""
    found = read(extract_rows).observations.filter(metric="faster_diagnosis_told")
    by_division = found.group_by("breakdown").agg(pl.col("value").sum()).sort("breakdown")
    told = (2 + 5 + 3 + 4) + 9
    assert by_division.rows() == [("", told), ("cancer_type", told), ("route", told)]
