"""Cancelled operations: two rows of England, notes that name who is missing, sheets that move, and what is refused."""

import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import SourceFile, elective_cancellations, recognise
from openmeasures.sources.elective_cancellations import BREACHES, CANCELLATIONS

# Typed from the publication, not taken from the reader.
KEYS = ["Region Code", "Region Name", "Organisation Code", "Organisation Name"]
FIGURES = [
    "Number of last minute elective operations cancelled for non clinical reasons",
    "Number of patients not treated within 28 days of last minute elective cancellation",
]
LONDON = ["Y56", "LONDON COMMISSIONING REGION"]
WITHOUT = ["-", "", "-", "England (Excluding Independent Sector)", 150, 31]
WITH = ["-", "", "-", "England (Including Independent Sector)", 155, 33]
CITY = [*LONDON, "R1H", "CITY HEALTH NHS TRUST", 100, 30]
PORT = [*LONDON, "RHU", "PORT HOSPITALS UNIVERSITY NATIONAL HEALTH SERVICE TRUST", 50, 1]
CLINIC = [*LONDON, "NTP16", "SURGICAL CENTRE", 5, 2]
ROWS = [WITHOUT, WITH, [], CITY, PORT, CLINIC]
PERIOD = "Quarter 2, 2024-25 (July to September 2024)"
MISSING = "R1K London Healthcare NHS Trust did not submit data for Q2 2024-25."


def workbook(
    *rows, period=PERIOD, title="Cancelled Operations (elective only)", headings=(*KEYS, *FIGURES), notes=(), lines=16,
    sheets=("National & Regional", "Provider", "Notes"), revised="-", notes_heading="Notes",
):  # fmt: skip
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        for name in sheets:
            sheet = book.add_worksheet(name)
            for line, cells in enumerate(
                [("Title:", title), (), ("Period:", period), ("Published:", "14th November 2024"),
                 ("Revised:", revised)], start=1,
            ):  # fmt: skip
                sheet.write_row(line, 1, cells)
            if name == "Provider":
                sheet.write_row(lines - 1, 1, headings)
                for line, cells in enumerate(rows or ROWS, start=lines):
                    sheet.write_row(line, 1, cells)
            if name == "Notes":
                for line, text in enumerate([notes_heading, "", *notes], start=15):
                    sheet.write(line, 1, text)
    return SourceFile("folder/a.xlsx", "a.xlsx", content.getvalue())


def values(publication, metric, *, breakdown=""):
    rows = publication.observations.filter(metric=metric, breakdown=breakdown)
    return dict(rows.select("org_code", "value").iter_rows())


def states(publication, org_code):
    rows = publication.observations.filter(pl.col("org_code") == org_code)
    return set(rows.select("breakdown", "category", "value", "status").iter_rows())


def refused(file):
    with pytest.raises(SourceError) as refusal:
        elective_cancellations.read(file)
    said = str(refusal.value)
    assert said.startswith("folder/a.xlsx")
    assert "\n" not in said
    return said


# ---- figures


def test_a_quarter_is_read_whole():
    found = elective_cancellations.read(workbook())
    dates = found.observations.select("period_start", "period_end").unique()
    assert dates.rows() == [(date(2024, 7, 1), date(2024, 9, 30))]
    assert values(found, CANCELLATIONS) == {"ENG": 155, "R1H": 100, "RHU": 50, "NTP16": 5}
    assert values(found, BREACHES) == {"ENG": 33, "R1H": 30, "RHU": 1, "NTP16": 2}
    assert found.checks == []
    assert found.vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2024, 11, 14))


def test_each_provider_is_of_one_sector_and_england_without_the_independent_one_is_that_of_nhs_trusts():
    found = elective_cancellations.read(workbook())
    parts = found.observations.filter(breakdown="sector", metric=CANCELLATIONS)
    assert sorted(parts.select("org_code", "category", "value").rows()) == [
        ("ENG", "NHS trusts", 150), ("NTP16", "independent providers", 5), ("R1H", "NHS trusts", 100),
        ("RHU", "NHS trusts", 50),
    ]  # fmt: skip
    assert values(found, BREACHES, breakdown="sector")["ENG"] == 31


def test_names_and_regions_are_those_of_the_file():
    found = elective_cancellations.read(workbook()).organisations
    assert found.select("org_code", "org_name", "parent_name").row(0) == ("R1H", "CITY HEALTH NHS TRUST", LONDON[1])
    assert found.height == 3


def test_sums_that_differ_are_said_of_both_rows_of_england():
    said = elective_cancellations.read(workbook([*WITHOUT[:4], 151, 31], [*WITH[:4], 157, 33], CITY, PORT, CLINIC))
    assert said.checks == [
        "last minute cancellations, July 2024: organisations add up to 155, the published total is 157",
        "last minute cancellations, NHS trusts, July 2024: organisations add up to 150, the published total is 151",
    ]


@pytest.mark.parametrize(
    "layout",
    [{"lines": 20}, {"sheets": ("Notes", "Provider")}, {"sheets": ("Provider",)}, {"headings": "reversed"},
     {"headings": "capitals"}, {"period": "Quarter 2 2024-25 (July to September 2024)"},
     {"period": "quarter 2, 2024-25 (JULY to  September 2024)"}],
)  # fmt: skip
def test_sheets_rows_and_columns_may_move(layout):
    rows, headings = ROWS, [*KEYS, *FIGURES]
    if layout.get("headings") == "reversed":
        rows, layout = [each[::-1] for each in ROWS], layout | {"headings": headings[::-1]}
    if layout.get("headings") == "capitals":
        layout = layout | {"headings": [heading.upper() for heading in headings]}
    found = elective_cancellations.read(workbook(*rows, **layout))
    assert values(found, BREACHES) == {"ENG": 33, "R1H": 30, "RHU": 1, "NTP16": 2}


def test_a_revision_is_known_by_its_date():
    found = elective_cancellations.read(workbook(revised="13th February 2025"))
    assert found.vintage == Vintage(ReleaseStatus.REVISED, date(2025, 2, 13))


# ---- notes

NOT_SUBMITTED = {("", "", None, "not_submitted")}


def test_who_has_no_row_and_is_named_did_not_submit():
    found = elective_cancellations.read(workbook(notes=[MISSING]))
    assert states(found, "R1K") == NOT_SUBMITTED
    assert found.observations.filter(org_code="R1K")["metric"].sort().to_list() == sorted([CANCELLATIONS, BREACHES])
    assert found.checks == [MISSING]
    named = found.organisations.filter(org_code="R1K").select("org_name", "parent_name").rows()
    assert named == [("R1K", "")]  # so that the name that another file has comes first


def test_a_row_of_zeros_of_one_who_is_named_is_no_zero():
    zeros = [*LONDON, "R1K", "LONDON HEALTHCARE NHS TRUST", 0, 0]
    found = elective_cancellations.read(workbook(*ROWS, zeros, notes=[MISSING]))
    assert states(found, "R1K") == NOT_SUBMITTED | {("sector", "NHS trusts", None, "not_submitted")}
    assert found.organisations.filter(org_code="R1K")["org_name"].to_list() == ["LONDON HEALTHCARE NHS TRUST"]


def test_a_row_of_zeros_of_anybody_else_is_a_zero():
    zeros = [*LONDON, "R1K", "LONDON HEALTHCARE NHS TRUST", 0, 0]
    found = elective_cancellations.read(workbook(*ROWS, zeros))
    assert {each[2:] for each in states(found, "R1K")} == {(0, "reported")}


def test_figures_of_one_who_is_named_stand_and_that_is_said():
    found = elective_cancellations.read(workbook(notes=["R1H City Health NHS Trust did not submit data."]))
    assert values(found, CANCELLATIONS)["R1H"] == 100
    assert found.checks[-1] == "R1H has figures, although a note says that it did not submit: they are kept"


@pytest.mark.parametrize(
    ("notes", "codes"),
    [
        (["R1K London Trust and", "RVR Epsom NHS Trust did not submit data for Q2 2024-25."], {"R1K", "RVR"}),
        (["R1K London Trust, RVR Epsom NHS Trust did not", "submit data for Quarter 2, 2024/25."], {"R1K", "RVR"}),
        (["G6V2S North London and TAF Camden have not submitted."], {"G6V2S", "TAF"}),
        (["Z-17 Vannickstead Hospital NHS Trust (Z-22 too) failed to submit for Q2 2024-25"], {"Z-17", "Z-22"}),
        (["R1K London did not submit data for Q1 2024-25."], set()),  # of an earlier quarter
        (["RAE Bradford Trust submission only contains data up to the 24th August 2024."], set()),
        (["RAE Bradford only has July.", "R1K London did not submit data."], {"R1K"}),
        (["RAE Bradford only has July", "R1K London did not submit data"], {"R1K"}),  # without full stops
        (["RAE Bradford only has July. R1K London did not submit data."], {"R1K"}),
        (["After COVID-19 and in Q2 2024-25 the NHS did not submit data of 2019."], set()),  # names no provider
    ],
)
def test_who_the_notes_say_did_not_submit(notes, codes):
    found = elective_cancellations.read(workbook(notes=notes))
    assert set(found.observations.filter(status="not_submitted")["org_code"]) == codes
    assert " ".join(found.checks) == " ".join(notes)


def test_a_sheet_of_notes_without_its_heading_says_nothing():
    assert elective_cancellations.read(workbook(notes=[MISSING], notes_heading="Remarks")).checks == []


# ---- whose file it is


def test_the_file_is_recognised_by_what_is_in_it():
    assert recognise(workbook()) == ("elective_cancellations", elective_cancellations)


@pytest.mark.parametrize("layout", [{"title": "Diagnostic waiting times"}, {"sheets": ("Data",)},
                                    {"headings": ["Code", "Name", *KEYS[2:]]}])  # fmt: skip
def test_another_workbook_is_not_recognised(layout):
    assert not elective_cancellations.recognises(workbook(**layout))


def test_what_is_no_workbook_is_neither_recognised_nor_read():
    text = SourceFile("folder/a.xlsx", "a.xlsx", b"Region Code,Region Name\n")
    assert not elective_cancellations.recognises(text)
    assert "not a workbook; expected the quarterly file" in refused(text)


# ---- what is refused


@pytest.mark.parametrize(
    "period",
    ["", "July to September 2024", "Quarter 5, 2024-25 (July to September 2024)",
     "Quarter 2, 2024-26 (July to September 2024)", "Quarter 3, 2024-25 (July to September 2024)",
     "Quarter 2, 2024-25"],
)  # fmt: skip
def test_a_period_that_is_no_quarter(period):
    said = refused(workbook(period=period))
    assert f"sheet 'Provider', Period: found {period!r}, expected a quarter such as 'Quarter 2, 2024-25" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([WITHOUT, CITY], r"found 0 rows of 'England (Including Independent Sector)' with the code '-', expected one"),
        ([WITH, CITY], r"found 0 rows of 'England (Excluding Independent Sector)'"),
        ([WITHOUT, WITH, WITH, CITY], r"found 2 rows of 'England (Including Independent Sector)'"),
        ([*ROWS, ["-", "", "-", "England", 1, 1]], "found 1 more rows with the code '-', expected none"),
        ([*ROWS, CITY], "organisation 'R1H' has last minute cancellations"),
        ([*ROWS, [*LONDON, "", "NOBODY", 1, 1]], "figures stand in rows without an organisation's code"),
        ([*ROWS, [*LONDON, "RXX", "ODD NHS TRUST", "n/a", 1]], "row 23, last minute cancellations: found 'n/a'"),
    ],
)
def test_rows_that_cannot_be(rows, said):
    assert said in refused(workbook(*rows))


def test_a_heading_that_is_missing_is_named():
    assert "the likeliest lacks 1 of them, first 'Number of patients" in refused(
        workbook(headings=[*KEYS, FIGURES[0], "Breaches"])
    )
