from datetime import date

import pytest

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import cancer_waiting_times
from openmeasures.sources.cancer_waiting_times import provider_workbook

ALL_ROUTES, BY_ROUTE, BY_CANCER = "28-DAY FDS (ALL ROUTES)", "28-DAY FDS (BY ROUTE)", "31-DAY (BY CANCER)"
HEADING_ROW = 9  # of a sheet, counted from 1, under a band in row 8
CODE, NAME, ROUTE, TOTAL, WITHIN = 1, 2, 3, 4, 5  # columns of the sheet of all routes


@pytest.fixture
def read(made):
    def of(sheets, *, name="file.xlsx"):
        return cancer_waiting_times.read(made(sheets, name))

    return of


def _said(read, sheets) -> str:
    with pytest.raises(SourceError) as caught:
        read(sheets)
    return str(caught.value)


def _row(sheets, sheet, code) -> list:
    return next(row for row in sheets[sheet][HEADING_ROW:] if row[1:2] == [code])


def test_a_providers_figures(read, workbook_sheets, values, airedale):
    assert values(read(workbook_sheets), "RCF") == airedale


def test_englands_figures_are_those_of_its_rows_without_a_code(read, workbook_sheets, values, airedale):
    """What Airedale alone has, and the dermatology service's four of the 28-day standard besides."""
    found = values(read(workbook_sheets), "ENG")
    assert found == airedale | {
        ("faster_diagnosis_told", "", ""): 10 + 4,
        ("faster_diagnosis_told_within_28_days", "", ""): 7 + 4,
        ("faster_diagnosis_told", "route", "Urgent Suspected Cancer"): 8 + 4,
        ("faster_diagnosis_told_within_28_days", "route", "Urgent Suspected Cancer"): 6 + 4,
        ("faster_diagnosis_told", "cancer_type", "Suspected skin cancer"): 3 + 4,
        ("faster_diagnosis_told_within_28_days", "cancer_type", "Suspected skin cancer"): 2 + 4,
    }


def test_a_provider_without_a_row_of_a_standard_had_no_such_patients(read, workbook_sheets, values):
    others = ("decision_to_treat_treated", "urgent_referral_treated")
    zeros = [*others, f"{others[0]}_within_31_days", f"{others[1]}_within_62_days"]
    assert values(read(workbook_sheets), "NYG") == {(metric, "", ""): 0 for metric in zeros} | {
        (metric, *part): 4
        for metric in ("faster_diagnosis_told", "faster_diagnosis_told_within_28_days")
        for part in (("", ""), ("route", "Urgent Suspected Cancer"), ("cancer_type", "Suspected skin cancer"))
    }


def test_the_month_stands_alone_below_the_title(read, workbook_sheets):
    found = read(workbook_sheets).observations.select("period_start", "period_end", "source").unique()
    assert found.rows() == [(date(2023, 10, 1), date(2023, 10, 31), "cancer_waiting_times")]


def test_the_month_may_be_a_date(read, workbook_sheets, values, airedale):
    for rows in workbook_sheets.values():
        if rows[1] == ["Oct-23"]:
            rows[1] = [date(2023, 10, 1)]
    assert values(read(workbook_sheets), "RCF") == airedale


def test_providers_have_names_but_no_region_and_england_is_no_provider(read, workbook_sheets):
    organisations = read(workbook_sheets).organisations.select("org_code", "org_name", "parent_name")
    assert organisations.rows() == [
        ("RCF", "AIREDALE NHS FOUNDATION TRUST", ""),
        ("NYG", "SUSSEX COMMUNITY DERMATOLOGY SERVICE", ""),
    ]


@pytest.mark.parametrize(
    ("status", "vintage"),
    [
        ("Status: Final Official Statistics", Vintage(ReleaseStatus.FINAL, None)),
        ("STATUS:  Provisional", Vintage(ReleaseStatus.PROVISIONAL, None)),
        ("Official Statistics", None),
    ],
)
def test_the_front_page_tells_the_vintage(read, workbook_sheets, status, vintage):
    workbook_sheets["Frontpage"][0] = [status]
    assert read(workbook_sheets, name="PROVISIONAL-FINAL.xlsx").vintage == vintage


def test_without_a_front_page_the_files_name_has_to_tell_the_vintage(read, workbook_sheets):
    del workbook_sheets["Frontpage"]
    publication = read(workbook_sheets)
    assert (publication.vintage, publication.checks) == (None, [])


@pytest.mark.parametrize("before", [[], ["", ""]])
def test_what_the_front_page_says_of_the_data_is_a_finding(read, workbook_sheets, before):
    """Up to the next empty line, in whichever column it stands."""
    front = workbook_sheets["Frontpage"]
    front[5:6] = [["RW5 did not make a submission."], ["RAJ submitted   late."]]
    workbook_sheets["Frontpage"] = [[*before, *row] for row in front]
    assert read(workbook_sheets).checks == [
        "the publication says: RW5 did not make a submission.",
        "the publication says: RAJ submitted late.",
    ]


@pytest.mark.parametrize(("at", "text"), [(4, "Data Quality"), (5, "No data quality issues were highlighted ")])
def test_a_front_page_that_says_nothing_of_the_data(read, workbook_sheets, at, text):
    front = workbook_sheets["Frontpage"]
    assert front[at][0].startswith(text)
    del front[at]
    assert read(workbook_sheets).checks == []


def test_a_total_that_is_not_the_sum_is_a_finding(read, workbook_sheets):
    _row(workbook_sheets, ALL_ROUTES, "NYG")[TOTAL] = 5
    assert read(workbook_sheets).checks == [
        "faster diagnosis told, October 2023: organisations add up to 15, the published total is 14",
        "faster diagnosis told by route, October 2023: the parts of 'NYG' add up to 4, the whole is 5",
        "faster diagnosis told by cancer type, October 2023: the parts of 'NYG' add up to 4, the whole is 5",
    ]


def test_half_a_patient_too_many_is_a_finding(read, workbook_sheets):
    _row(workbook_sheets, "62-DAY (ALL CANCER)", "RCF")[TOTAL + 1] = 4
    assert read(workbook_sheets).checks == [
        "urgent referral treated, October 2023: organisations add up to 4, the published total is 3.5",
        *(
            f"urgent referral treated by {division}, October 2023: the parts of 'RCF' add up to 3.5, the whole is 4"
            for division in ("route", "cancer type", "treatment modality")
        ),
    ]


@pytest.mark.parametrize(("mark", "status"), [("*", "suppressed"), ("-", "not_applicable"), ("", "not_submitted")])
def test_a_mark_is_neither_zero_nor_dropped(read, workbook_sheets, mark, status):
    _row(workbook_sheets, ALL_ROUTES, "RCF")[TOTAL : WITHIN + 1] = [mark, mark]
    found = read(workbook_sheets).observations.filter(org_code="RCF", breakdown="")
    assert found.select("metric", "value", "status").rows()[:2] == [
        ("faster_diagnosis_told", None, status),
        ("faster_diagnosis_told_within_28_days", None, status),
    ]


# ---- what may change from month to month


def test_footnote_marks_may_change(read, workbook_sheets, replaced, values, airedale):
    sheets = [rows for name, rows in workbook_sheets.items() if "-DAY" in name]
    for rows in sheets:
        replaced(rows, "ODS CODE (1)", "ODS CODE  (12)")
        replaced(rows, "TOTAL", "TOTAL (7)")
    replaced(workbook_sheets[BY_CANCER], "CANCER TYPE (3)", "Cancer\ntype")
    assert values(read(workbook_sheets), "RCF") == airedale


@pytest.mark.parametrize(
    ("above", "beside"), [([], [""]), ([[]], []), ([["A note on strikes, of more words than one"], []], ["", ""])]
)
def test_a_table_is_found_wherever_it_stands(read, workbook_sheets, values, airedale, above, beside):
    moved = {
        name: [*above, *([*beside, *row] for row in rows)] if "-DAY" in name else rows
        for name, rows in workbook_sheets.items()
    }
    assert values(read(moved), "RCF") == airedale


def test_the_empty_first_column_may_go(read, workbook_sheets, values, airedale):
    """Titles of parts then stand over the codes, and are no organisations."""
    moved = {
        name: [row[1:] if row[:1] == [""] else row for row in rows] if "-DAY" in name else rows
        for name, rows in workbook_sheets.items()
    }
    publication = read(moved)
    assert values(publication, "RCF") == airedale
    assert publication.organisations["org_code"].to_list() == ["RCF", "NYG"]


def test_sheets_are_known_whatever_their_order_capitals_and_spaces(read, workbook_sheets, values, airedale):
    renamed = {name.title().replace(" (", "  ("): rows for name, rows in reversed(workbook_sheets.items())}
    assert values(read(renamed), "RCF") == airedale


def test_england_may_have_other_capitals(read, workbook_sheets, replaced, values):
    for name, rows in workbook_sheets.items():
        if "-DAY" in name:
            replaced(rows, "ALL ENGLISH PROVIDERS", "All English Providers")
    assert values(read(workbook_sheets), "ENG")["faster_diagnosis_told", "", ""] == 14


# ---- what is not this layout


def test_commissioners_are_not_recognised(made, workbook_sheets, replaced):
    replaced(workbook_sheets[ALL_ROUTES], "ACCOUNTABLE PROVIDER", "ACCOUNTABLE COMMISSIONER")
    assert not provider_workbook.recognises(made(workbook_sheets).workbook)


def test_commissioners_are_known_by_their_titles_too(made, workbook_sheets, replaced):
    replaced(workbook_sheets[ALL_ROUTES], "BASIS: PROVIDER BASED", "BASIS: COMMISSIONER BASED")
    assert not provider_workbook.recognises(made(workbook_sheets).workbook)


@pytest.mark.parametrize(("kept", "is_ours"), [(6, True), (5, False)])
def test_three_quarters_of_the_sheets_will_do_and_the_missing_are_named(made, read, workbook_sheets, kept, is_ours):
    standards = [name for name in workbook_sheets if "-DAY" in name]
    for name in standards[: 8 - kept]:
        del workbook_sheets[name]
    assert provider_workbook.recognises(made(workbook_sheets).workbook) is is_ours
    said = "no sheet '28-DAY FDS (ALL ROUTES)'" if is_ours else "none of the layouts"
    assert said in _said(read, workbook_sheets)


@pytest.mark.parametrize("heading", ["ACCOUNTABLE PROVIDER", "ODS CODE (1)", "TOTAL", "WITHIN 28 DAYS"])
def test_a_renamed_heading_of_the_first_sheet_is_named(made, read, workbook_sheets, replaced, heading):
    replaced(workbook_sheets[ALL_ROUTES], heading, "OTHER")
    assert provider_workbook.recognises(made(workbook_sheets).workbook)
    assert f"first {heading.removesuffix(' (1)')!r}" in _said(read, workbook_sheets)


# ---- errors


def test_missing_sheets(read, workbook_sheets):
    for sheet in (BY_ROUTE, "62-DAY (BY CANCER)"):
        del workbook_sheets[sheet]
    found = ", ".join(repr(sheet) for sheet in workbook_sheets)
    assert _said(read, workbook_sheets) == (
        f"folder/file.xlsx: no sheet '28-DAY FDS (BY ROUTE)' (2 of 8 are missing); found {found}. Download the file "
        "again, or tell us that its layout has changed."
    )


def test_a_missing_heading(read, workbook_sheets, replaced):
    replaced(workbook_sheets[BY_CANCER], "CANCER TYPE (3)", "TUMOUR")
    assert _said(read, workbook_sheets).startswith(
        "folder/file.xlsx, sheet '31-DAY (BY CANCER)': no row has all 6 headings; the likeliest lacks 1 of them, first "
        "'CANCER TYPE'."
    )


def test_a_sheet_of_another_month(read, workbook_sheets):
    workbook_sheets["62-DAY (BY CANCER)"][1] = ["Nov-23"]
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx, sheet '62-DAY (BY CANCER)': month 2023-11, but 2023-10 in sheet '28-DAY FDS (ALL ROUTES)'; "
        "expected one month a file. Download the file again, or tell the publisher."
    )


@pytest.mark.parametrize("row", [[], ["Quarter 3"], ["Oct-23", "provisional"]])
def test_a_sheet_without_a_month(read, workbook_sheets, row):
    workbook_sheets[BY_ROUTE][1] = row
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx, sheet '28-DAY FDS (BY ROUTE)': found '' as the month, expected for example 'Oct-23', "
        "'October 2023' or a date. Download the file again, or tell the publisher."
    )


@pytest.mark.parametrize("column", [CODE, NAME])
def test_a_figure_of_nobody(read, workbook_sheets, column):
    _row(workbook_sheets, ALL_ROUTES, "NYG")[column] = ""
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx, sheet '28-DAY FDS (ALL ROUTES)', row 11: no organisation code or name. Download the file "
        "again."
    )


def test_a_lone_figure_is_no_title(read, workbook_sheets):
    workbook_sheets[ALL_ROUTES].append(["", "", "", "", 14])
    assert ", row 15: no organisation code or name." in _said(read, workbook_sheets)


def test_no_england(read, workbook_sheets):
    workbook_sheets[ALL_ROUTES] = [row for row in workbook_sheets[ALL_ROUTES] if "ALL ENGLISH PROVIDERS" not in row]
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx, sheet '28-DAY FDS (ALL ROUTES)': no row for England among 2; expected one beside the "
        "providers' for each figure. The file looks truncated: download it again."
    )


def test_a_cell_that_is_no_figure(read, workbook_sheets):
    _row(workbook_sheets, ALL_ROUTES, "RCF")[WITHIN] = "seven"
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx, sheet '28-DAY FDS (ALL ROUTES)', row 10, within standard: found 'seven', expected a number "
        "or one of '', '-', '*'. Download the file again, or tell the publisher."
    )


def test_a_figure_given_twice(read, workbook_sheets):
    workbook_sheets[ALL_ROUTES].append(_row(workbook_sheets, ALL_ROUTES, "RCF"))
    assert _said(read, workbook_sheets) == (
        "folder/file.xlsx: organisation 'RCF' has faster diagnosis told twice for October 2023; expected once. "
        "Download the file again."
    )
