"""Overnight beds: both places of the sheet on data quality, headings that stand three times, and what is refused."""

import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import SourceFile, beds_overnight

# Typed from the publication, not taken from the reader.
KEYS = ["Year", "Period End", "Region Code", "Org Code", "Org Name"]
SECTORS = ["Total ", "General & Acute", "Learning Disabilities", "Maternity", "Mental Illness"]
TITLE = "Average daily number of available and occupied beds open overnight by sector"


def row(code, name, available, occupied, *, shares=None, area="Y56", year="2024-25", end="December"):
    """Make a row of five averages each; the shares are their quotients, ` -   ` where there are no beds."""
    shares = shares or [b / a if a else " -   " for a, b in zip(available, occupied, strict=True)]
    return [year, end, area, code, name, *available, "", *occupied, "", *shares]


CITY = row("RC9", "CITY HOSPITALS NHS TRUST", [130.5, 100.5, 0, 20, 10], [109, 90, 0, 10, 9])
TOWN = row("G6V2S", "TOWN HOSPITALS NHS FOUNDATION TRUST", [20, 20, 0, 0, 0], [15, 15, 0, 0, 0], area="Y60")
ENGLAND = row("", "England", [150.5, 120.5, 0, 20, 10], [124, 105, 0, 10, 9], area="")
ROWS = [ENGLAND, [], CITY, TOWN]


def workbook(
    *rows, period="October to December 2024", title=TITLE, keys=KEYS, sectors=SECTORS, bands=True, quality="first",
    named=(), regions=True, lines=14, revised="", spacer=1, region_headings=None,
):  # fmt: skip
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:

        def write_quality():
            sheet = book.add_worksheet("Data Quality")
            sheet.write(0, 0, "Data Quality KH03 Q3 2024-25")
            sheet.write(5, 0, "The following trusts submitted estimated returns this quarter:")
            for line, cells in enumerate(named, start=7):
                sheet.write_row(line, 0, cells)

        if quality == "first":
            write_quality()
        sheet = book.add_worksheet("NHS Trust by Sector")
        texts = [
            ("Title:", title),
            (),
            ("Period:", period),
            ("Published:", "20th February 2025"),
            ("Revised:", revised),
        ]
        for line, cells in enumerate(texts, start=1):
            sheet.write_row(line, 1, cells)
        groups = len(sectors) + spacer
        if bands:
            for place, group in enumerate(("Available", "Occupied", "% Occupied")):
                sheet.write(lines - 2, 1 + len(keys) + place * groups, group)
        gap = [""] * spacer
        sheet.write_row(lines - 1, 1, [*keys, *sectors, *gap, *sectors, *gap, *sectors])
        for line, cells in enumerate(rows or ROWS, start=lines):
            sheet.write_row(line, 1, cells)
        if regions:
            sheet = book.add_worksheet("Region by Sector")
            sheet.write_row(13, 1, region_headings or ["Year", "Period End", keys[2], "AT Name"])
            sheet.write_row(14, 1, ["2024-25", "December", "", "England"])
            sheet.write_row(15, 1, ["2024-25", "December", "Y56", "LONDON"])
        if quality == "last":
            write_quality()
    return SourceFile("folder/beds.xlsx", "Beds-Open-Overnight-Web_File-Q3-2024-25.xlsx", content.getvalue())


def values(found, metric):
    rows = found.observations.filter(pl.col("metric") == metric)
    return dict(rows.select("org_code", "value").iter_rows())


def test_a_quarter_is_read_whole():
    found = beds_overnight.read(workbook())
    assert found.observations.select("period_start", "period_end").unique().row(0) == (
        date(2024, 10, 1), date(2024, 12, 31)
    )  # fmt: skip
    assert found.observations.height == 3 * 5 * 3  # rows, sectors, groups
    assert values(found, "beds_available_general_and_acute") == {"ENG": 120.5, "RC9": 100.5, "G6V2S": 20}
    assert values(found, "beds_occupied_general_and_acute") == {"ENG": 105, "RC9": 90, "G6V2S": 15}
    assert values(found, "beds_occupied_maternity") == {"ENG": 10, "RC9": 10, "G6V2S": 0}
    assert values(found, "beds_available_all_sectors")["RC9"] == 130.5
    assert values(found, "share_occupied_general_and_acute")["G6V2S"] == 15 / 20
    assert found.checks == []
    assert found.vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2025, 2, 20))


@pytest.mark.parametrize("mark", ["-", " -   "])
def test_a_share_of_no_beds_is_not_applicable_and_the_beds_are_a_true_zero(mark):
    town = row("RJ1", "TOWN", [20, 20, 0, 0, 0], [15, 15, 0, 0, 0], shares=[0.75, 0.75, mark, mark, mark])
    found = beds_overnight.read(workbook(ENGLAND, CITY, town)).observations.filter(pl.col("org_code") == "RJ1")
    states = dict(found.select("metric", "status").iter_rows())
    assert states["share_occupied_maternity"] == "not_applicable"
    assert (states["beds_available_maternity"], states["beds_occupied_maternity"]) == ("reported", "reported")


def test_names_and_regions_are_those_of_the_file():
    found = beds_overnight.read(workbook()).organisations
    assert found.select("org_code", "org_name", "parent_name").rows() == [
        ("RC9", "CITY HOSPITALS NHS TRUST", "London"),
        ("G6V2S", "TOWN HOSPITALS NHS FOUNDATION TRUST", "Y60"),  # which the sheet of regions does not name
    ]


def test_without_a_sheet_of_regions_their_codes_stand():
    assert beds_overnight.read(workbook(regions=False)).organisations["parent_name"].to_list() == ["Y56", "Y60"]


def test_areas_under_an_unknown_heading_are_missed():
    with pytest.raises(SourceError, match=r"no row has all 20 headings; the likeliest lacks 1 of them, first 'Region"):
        beds_overnight.read(workbook(keys=[*KEYS[:2], "Territory", *KEYS[3:]]))


def test_a_sheet_of_regions_with_other_headings_is_left_aside():
    file = workbook(region_headings=["Year", "Period End", "Team", "Its name"])
    assert beds_overnight.read(file).organisations["parent_name"].to_list() == ["Y56", "Y60"]


def test_areas_may_stand_under_an_older_heading():
    file = workbook(keys=[*KEYS[:2], "SHA Code", *KEYS[3:]])
    assert beds_overnight.read(file).organisations["parent_name"].to_list() == ["London", "Y60"]


@pytest.mark.parametrize(
    "layout",
    [{"quality": "last"}, {"quality": "none"}, {"lines": 17}, {"spacer": 2}, {"spacer": 0},
     {"keys": ["Org Name", "Org Code", "AT Code", "Period End", "Year"]},
     {"sectors": [name.upper() for name in SECTORS]}, {"sectors": SECTORS[::-1]}],
)  # fmt: skip
def test_sheets_and_columns_may_move(layout):
    rows = ROWS
    if "keys" in layout:
        rows = [[*each[:5][::-1], *each[5:]] for each in ROWS]
    else:
        gap = [""] * layout.get("spacer", 1)
        order = slice(None, None, -1 if layout.get("sectors") == SECTORS[::-1] else 1)
        rows = [
            [*each[:5], *each[5:10][order], *gap, *each[11:16][order], *gap, *each[17:22][order]] if each else []
            for each in ROWS
        ]
    found = beds_overnight.read(workbook(*rows, **layout))
    assert values(found, "beds_occupied_general_and_acute") == {"ENG": 105, "RC9": 90, "G6V2S": 15}
    assert found.organisations["org_name"].to_list()[0] == "CITY HOSPITALS NHS TRUST"


def test_estimated_returns_are_named_under_their_heading():
    named = [
        ("RC9", "CITY HOSPITALS NHS TRUST"), (), ("The following trusts did not submit and an estimate was used:",),
        ("RJ1", "TOWN"), ("RJ2", "DENE"), ("a note of 2", "words"),
    ]  # fmt: skip
    assert beds_overnight.read(workbook(named=named)).checks == [
        "The following trusts submitted estimated returns this quarter: RC9 CITY HOSPITALS NHS TRUST",
        "The following trusts did not submit and an estimate was used: RJ1 TOWN, RJ2 DENE",
    ]


def test_trusts_that_do_not_add_up_are_said():
    off = row("", "England", [160.5, 130.5, 0, 20, 10], [124, 105, 0, 10, 9], area="")
    said = beds_overnight.read(workbook(off, CITY, TOWN)).checks
    assert said == [
        "beds available all sectors, October 2024: organisations add up to 150.5, the published total is 160.5",
        "beds available general and acute, October 2024: organisations add up to 120.5, the published total is 130.5",
    ]


def test_a_revision_is_known_by_its_date():
    assert beds_overnight.read(workbook(revised="21st May 2025")).vintage == Vintage(
        ReleaseStatus.REVISED, date(2025, 5, 21)
    )


# ---- whose file it is


def test_the_file_is_recognised_and_that_of_beds_by_day_is_not():
    assert beds_overnight.recognises(workbook())
    assert not beds_overnight.recognises(workbook(title=TITLE.replace("overnight", "day only")))


def test_what_is_no_workbook_or_has_no_such_sheet_is_not_recognised():
    text = SourceFile("folder/a.csv", "a.csv", b"Year,Period End\n")
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        book.add_worksheet("Provider")
    other = SourceFile("folder/b.xlsx", "b.xlsx", content.getvalue())
    assert [beds_overnight.recognises(file) for file in (text, other)] == [False, False]
    with pytest.raises(SourceError, match=r"folder/a\.csv: not a workbook; expected the quarterly web file"):
        beds_overnight.read(text)


# ---- what is refused


@pytest.mark.parametrize(
    "period",
    ["October 2024", "", "October to November 2024", "November 2024 to December 2024", "Oct to December 2024",
     "November to January 2025", "July to December 2024"],
)  # fmt: skip
def test_a_period_that_is_no_quarter(period):
    with pytest.raises(SourceError, match=r"sheet 'NHS Trust by Sector', Period: found .*, expected a quarter such as"):
        beds_overnight.read(workbook(period=period))


@pytest.mark.parametrize("changes", [{"year": "2023-24"}, {"end": "September"}])
def test_rows_of_another_quarter(changes):
    other = row("RJ1", "TOWN", [20, 20, 0, 0, 0], [15, 15, 0, 0, 0], **changes)
    with pytest.raises(SourceError, match=r"row 17: found figures of .* above the table Q3 2024/25 \(October to Dec"):
        beds_overnight.read(workbook(ENGLAND, CITY, other))


@pytest.mark.parametrize(("rows", "count"), [([CITY, TOWN], 0), ([ENGLAND, ENGLAND, CITY], 2)])
def test_england_stands_once(rows, count):
    with pytest.raises(SourceError, match=f"found {count} rows of England without a code, expected one"):
        beds_overnight.read(workbook(*rows))


def test_a_heading_that_is_missing_is_named():
    with pytest.raises(SourceError, match=r"lacks 3 of them, first 'Available \| Maternity'"):
        beds_overnight.read(workbook(sectors=[name.replace("Maternity", "Births") for name in SECTORS]))
    with pytest.raises(SourceError, match=r"lacks 15 of them, first 'Available \| Total'"):
        beds_overnight.read(workbook(bands=False))


@pytest.mark.parametrize("cell", ["n/a", "1,5", "?"])
def test_a_cell_that_is_no_figure(cell):
    strange = row("RJ1", "TOWN", [20, cell, 0, 0, 0], [15, 15, 0, 0, 0], shares=[1, 1, "-", "-", "-"])
    with pytest.raises(SourceError, match=r"row 17, beds available general and acute: found .*, expected a number"):
        beds_overnight.read(workbook(ENGLAND, CITY, strange))


def test_a_trust_that_stands_twice():
    with pytest.raises(SourceError, match="organisation 'RC9' has beds available all sectors twice"):
        beds_overnight.read(workbook(ENGLAND, CITY, CITY))


def test_figures_without_a_code():
    with pytest.raises(SourceError, match="15 figures stand in rows without an organisation's code"):
        beds_overnight.read(workbook(ENGLAND, CITY, row("", "TOWN", [20, 20, 0, 0, 0], [15, 15, 0, 0, 0])))
