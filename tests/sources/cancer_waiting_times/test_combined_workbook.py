from datetime import date

import pytest

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import cancer_waiting_times
from openmeasures.sources.cancer_waiting_times import combined_workbook

SHEET = "Provider Level Performance"
HEADING_ROW = 12  # of the fixture, counted from 1
REGION = "North East and Yorkshire"


@pytest.fixture
def read(made):
    """Read the rows as a combined workbook's sheet of providers, beside the one of systems."""

    def of(rows, *, name=SHEET, file_name="file.xlsx"):
        systems = [["Org Code", "System", "Standard", "Total", "Within"], ["Total", "Total", "FDS", 999, 999]]
        file = made({"System Level Performance": systems, name: rows, "Referrals Seen": []}, file_name)
        return cancer_waiting_times.read(file)

    return of


def _said(read, rows, **options) -> str:
    with pytest.raises(SourceError) as caught:
        read(rows, **options)
    return str(caught.value)


def test_a_providers_figures(read, combined_rows, values, airedale):
    assert values(read(combined_rows), "RCF") == airedale


def test_englands_figures(read, combined_rows, values, airedale):
    assert values(read(combined_rows), "ENG") == airedale


def test_the_month_is_the_one_stated(read, combined_rows):
    found = read(combined_rows).observations.select("period_start", "period_end", "source").unique()
    assert found.rows() == [(date(2025, 10, 1), date(2025, 10, 31), "cancer_waiting_times")]


def test_providers_have_names_and_regions_and_england_is_no_provider(read, combined_rows):
    organisations = read(combined_rows).organisations.select("org_code", "org_name", "parent_name")
    assert organisations.rows() == [("RCF", "AIREDALE NHS FOUNDATION TRUST", REGION)]


def test_the_vintage_and_its_date_are_stated(read, combined_rows):
    assert read(combined_rows).vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2025, 12, 11))


def test_a_later_vintage_is_told_from_the_first(read, combined_rows, replaced):
    replaced(combined_rows, "Provisional", "Final")
    assert read(combined_rows).vintage == Vintage(ReleaseStatus.FINAL, date(2025, 12, 11))


def test_a_revision_is_told_by_its_day(read, combined_rows):
    combined_rows[6].append("Thursday 12th March 2026")
    assert read(combined_rows).vintage == Vintage(ReleaseStatus.REVISED, date(2026, 3, 12))


def test_who_submitted_nothing_is_a_finding(read, combined_rows):
    assert read(combined_rows).checks == ["the publication says: Elsewhere (RXX) did not make a submission."]


@pytest.mark.parametrize(
    ("at", "row"),
    [
        (2, ["", "No data quality issues were highlighted."]),
        (2, []),
        (2, ["Basis:", "Provider"]),  # another label is no note
        (1, []),  # without a summary there is no telling what a lone text is
    ],
)
def test_other_lines_at_the_top_are_no_findings(read, combined_rows, at, row):
    combined_rows[at] = row
    assert read(combined_rows).checks == []


def test_labels_may_stand_in_a_later_column(read, combined_rows):
    shifted = [["", *row] for row in combined_rows]
    assert read(shifted).checks == read(combined_rows).checks
    assert len(read(combined_rows).checks) == 1


def test_columns_and_rows_may_move(read, combined_rows, values, airedale):
    table = [row[::-1] for row in combined_rows[HEADING_ROW - 1 :]]
    moved = [[], *combined_rows[: HEADING_ROW - 1], [], [], *table]
    assert values(read(moved), "RCF") == airedale


def test_footnotes_below_the_table_are_no_figures(read, combined_rows, values, airedale):
    footnotes = [[], ["Note:"], ["(a) - Other includes brain and central nervous system"]]
    publication = read([*combined_rows, *footnotes])
    assert values(publication, "RCF") == airedale
    assert publication.organisations["org_code"].to_list() == ["RCF"]


@pytest.mark.parametrize("name", ["PROVIDER  LEVEL PERFORMANCE", "Provider Level Performance (2)"])
def test_the_sheets_name_may_vary(read, combined_rows, values, airedale, name):
    assert values(read(combined_rows, name=name), "RCF") == airedale


def test_englands_code_may_have_other_capitals(read, combined_rows, values, airedale):
    for row in combined_rows[HEADING_ROW:]:
        row[0] = row[0].replace("Total", "TOTAL ")
    assert values(read(combined_rows), "ENG") == airedale


def test_what_is_published_is_never_replaced_by_a_sum(read, combined_rows, values):
    """The whole says 11 and its crossed parts 10: the whole stays, and the difference is a finding."""
    whole = next(
        row for row in combined_rows if row[:6] == ["RCF", REGION, *row[2:3], "FDS", "ALL CANCERS", "ALL ROUTES"]
    )
    whole[7] = 11
    publication = read(combined_rows)
    assert values(publication, "RCF")["faster_diagnosis_told", "", ""] == 11
    assert publication.checks[1:] == [
        "faster diagnosis told, October 2025: organisations add up to 11, the published total is 10",
        "faster diagnosis told by route, October 2025: the parts of 'RCF' add up to 10, the whole is 11",
        "faster diagnosis told by cancer type, October 2025: the parts of 'RCF' add up to 10, the whole is 11",
    ]


@pytest.mark.parametrize(("mark", "status"), [("*", "suppressed"), ("-", "not_applicable"), ("", "not_submitted")])
def test_a_mark_is_neither_zero_nor_dropped(read, combined_rows, mark, status):
    row = next(row for row in combined_rows if row[:1] == ["RCF"] and row[4] == "Suspected skin cancer")
    row[7:9] = [mark, mark]
    found = read(combined_rows).observations.filter(
        org_code="RCF", category="Suspected skin cancer", breakdown="cancer_type"
    )
    assert found.select("metric", "value", "status").rows() == [
        ("faster_diagnosis_told", None, status),
        ("faster_diagnosis_told_within_28_days", None, status),
    ]


def test_a_row_with_marks_only_in_place_of_figures_is_kept(read, combined_rows):
    """Its standard is what tells it from a footnote."""
    combined_rows.append(["RXX", REGION, "ELSEWHERE", "31D", "ALL CANCERS", "ALL STAGES", "ALL MODALITIES"])
    found = read(combined_rows).observations.filter(org_code="RXX")
    assert found.select("value", "status").unique().rows() == [(None, "not_submitted")]


# ---- what is not this layout


def test_systems_alone_are_not_recognised(made, combined_rows, replaced):
    replaced(combined_rows, "Org Name", "System")
    assert not combined_workbook.recognises(made({"System Level Performance": combined_rows}).workbook)


@pytest.mark.parametrize("heading", list(combined_workbook.HEADINGS))
def test_every_heading_is_needed(made, combined_rows, replaced, heading):
    assert combined_workbook.recognises(made({SHEET: combined_rows}).workbook)
    replaced(combined_rows, heading, "Other")
    file = made({SHEET: combined_rows})
    assert combined_workbook.recognises(file.workbook)
    with pytest.raises(SourceError, match=f"sheet '{SHEET}': no row has all 9 headings.* first '{heading}'"):
        combined_workbook.read(file, file.workbook)


def test_a_renamed_sheet_is_missed_by_its_name(made, combined_rows):
    file = made({"Trusts": combined_rows})
    assert combined_workbook.recognises(file.workbook)
    with pytest.raises(SourceError, match=f"no sheet '{SHEET}' among 1 \\('Trusts'\\)"):
        combined_workbook.read(file, file.workbook)


# ---- errors


@pytest.mark.parametrize("period", [["Period:"], ["Period:", "Quarter 3"], []])
def test_a_missing_month(read, combined_rows, period):
    combined_rows[3] = period
    found = period[1] if len(period) > 1 else ""
    assert _said(read, combined_rows) == (
        f"folder/file.xlsx, sheet 'Provider Level Performance': found {found!r} as the month, expected for example "
        "'Oct-23', 'October 2023' or a date. Download the file again, or tell the publisher."
    )


def test_an_old_standard(read, combined_rows):
    combined_rows[HEADING_ROW + 2][3] = "2WW"
    assert _said(read, combined_rows) == (
        "folder/file.xlsx, sheet 'Provider Level Performance', row 15, standard: found '2WW', expected one of "
        "'28-day FDS', '31-day Combined', '62-day Combined', 'FDS', '31D', '62D'. Figures before October 2023 measure "
        "other standards; else tell us that the layout has changed."
    )


def test_a_figure_without_a_standard(read, combined_rows):
    combined_rows[HEADING_ROW][3] = ""
    assert "row 13, standard: found ''," in _said(read, combined_rows)


@pytest.mark.parametrize("column", [0, 2])
def test_a_figure_of_nobody(read, combined_rows, column):
    combined_rows[-1][column] = ""
    assert _said(read, combined_rows) == (
        f"folder/file.xlsx, sheet 'Provider Level Performance', row {len(combined_rows)}: no organisation code or "
        "name. Download the file again."
    )


def test_no_england(read, combined_rows):
    rows = [row for row in combined_rows if row[:1] != ["Total"]]
    assert _said(read, rows) == (
        "folder/file.xlsx, sheet 'Provider Level Performance': no row for England among 24; expected one beside the "
        "providers' for each figure. The file looks truncated: download it again."
    )


def test_a_cell_that_is_no_figure(read, combined_rows):
    combined_rows[HEADING_ROW][8] = "n/a"
    assert _said(read, combined_rows) == (
        "folder/file.xlsx, sheet 'Provider Level Performance', row 13, within standard: found 'n/a', expected a number "
        "or one of '', '-', '*'. Download the file again, or tell the publisher."
    )


def test_a_figure_given_twice(read, combined_rows):
    assert _said(read, [*combined_rows, combined_rows[-1]]) == (
        "folder/file.xlsx: organisation 'RCF' has urgent referral treated (Consultant Upgrade) twice for "
        "October 2025; expected once. Download the file again."
    )


def test_a_figure_that_is_only_added_up_given_twice(read, combined_rows):
    crossed = next(row for row in combined_rows if row[:1] == ["RCF"] and row[5] == "URGENT SUSPECTED CANCER")
    assert _said(read, [*combined_rows, crossed]) == (
        "folder/file.xlsx: organisation 'RCF' has faster diagnosis told (Urgent Suspected Cancer, Suspected breast "
        "cancer) twice for October 2025; expected once. Download the file again."
    )
