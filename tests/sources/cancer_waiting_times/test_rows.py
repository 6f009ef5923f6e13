import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.sources.cancer_waiting_times.rows import (
    has_sheet_like,
    identified,
    noted,
    sheets_with,
    with_standards,
)

IS_ENGLAND = pl.col("org_name") == "ALL"


def _rows(*rows: tuple[str, str], columns: tuple[str, str] = ("org_code", "org_name")) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String), orient="row").with_row_index("line", 16)


# ---- sheets


@pytest.mark.parametrize(
    ("title", "headings", "found"),
    [
        ("Provider Extract", ["STANDARD", "ORG CODE"], ["Provider Extract"]),
        ("EXTRACT  2024", ["a note", " org\ncode ", "Standard"], ["EXTRACT  2024"]),
    ],
)
def test_a_sheet_is_found_by_its_name_and_its_headings(made, title, headings, found):
    workbook = made({"Notes": [["Extract"]], title: [["Title"], headings]}).workbook
    assert sheets_with(workbook, named="Extract", headings={"ORG CODE": "a", "STANDARD": "b"}) == found


@pytest.mark.parametrize(
    ("title", "headings", "said"),
    [
        ("Provider", ["STANDARD", "ORG CODE"], "folder/file.xlsx: no sheet 'Extract' among 2 ('Notes', 'Provider')."),
        (
            "Provider Extract",
            ["STANDARD"],
            "folder/file.xlsx, sheet 'Provider Extract': no row has all 2 headings; the likeliest lacks 1 of them, "
            "first 'ORG CODE'.",
        ),
        ("Provider Extract", [], "folder/file.xlsx, sheet 'Provider Extract': no row has all 2 headings;"),
    ],
)
def test_without_a_sheet_or_a_heading_it_is_said_which(made, title, headings, said):
    workbook = made({"Notes": [["Extracted"]], title: [["Title"], headings]}).workbook
    with pytest.raises(SourceError) as caught:
        sheets_with(workbook, named="Extract", headings={"ORG CODE": "a", "STANDARD": "b"})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("title", "headings", "is_like"),
    [
        ("Provider Extract", ["A", "B"], True),
        ("Provider Extract", ["A"], False),
        ("Provider", ["A", "B", "C"], True),
        ("Provider", ["A", "B"], False),
    ],
)
def test_two_of_three_headings_will_do_under_the_name_and_all_under_another(made, title, headings, is_like):
    workbook = made({"Notes": [["A", "B"]], title: [["Title"], headings]}).workbook
    assert has_sheet_like(workbook, named="Extract", headings={"A": "a", "B": "b", "C": "c"}) is is_like


# ---- standards


def test_standards_have_one_name():
    rows = _rows(("FDS", ""), ("28-day  fds", ""), ("31D", ""), ("62-DAY COMBINED", ""), columns=("standard", "x"))
    found = with_standards(rows, place="here")
    assert found["standard"].to_list() == ["28-day", "28-day", "31-day", "62-day"]
    assert found["line"].to_list() == [16, 17, 18, 19]


@pytest.mark.parametrize("unknown", ["62-day (from urgent GP referral)", ""])
def test_an_unknown_standard_is_named_with_its_row(unknown):
    rows = _rows(("FDS", ""), (unknown, ""), ("104D", ""), columns=("standard", "x"))
    with pytest.raises(SourceError) as caught:
        with_standards(rows, place="file.xlsx, sheet 'S'")
    assert str(caught.value) == (
        f"file.xlsx, sheet 'S', row 17, standard: found {unknown!r}, expected one of '28-day FDS', '31-day Combined', "
        "'62-day Combined', 'FDS', '31D', '62D'. Figures before October 2023 measure other standards; else tell us "
        "that the layout has changed."
    )


# ---- organisations


def test_england_gets_its_code_and_others_keep_theirs():
    rows = _rows(("RCF", "AIREDALE"), ("S3H9L", "CLINIC"), ("", "ALL"))
    found = identified(rows, is_england=IS_ENGLAND, place="here")
    assert found["org_code"].to_list() == ["RCF", "S3H9L", "ENG"]


def test_a_layout_without_england_has_nothing_to_find():
    rows = _rows(("RCF", "RCF"))
    assert identified(rows, is_england=None, place="here").equals(rows)


@pytest.mark.parametrize("incomplete", [("", "AIREDALE"), ("RCF", "")])
@pytest.mark.parametrize("is_england", [IS_ENGLAND, None])
def test_a_row_without_code_or_name_is_said(incomplete, is_england):
    rows = _rows(("RXX", "ELSEWHERE"), incomplete, ("X", "ALL"))
    with pytest.raises(SourceError) as caught:
        identified(rows, is_england=is_england, place="file.xlsx, sheet 'S'")
    assert str(caught.value) == ("file.xlsx, sheet 'S', row 17: no organisation code or name. Download the file again.")


@pytest.mark.parametrize("rows", [[], [("RCF", "AIREDALE"), ("RXX", "ELSEWHERE")]])
def test_a_table_without_england_has_been_cut_off(rows):
    with pytest.raises(SourceError) as caught:
        identified(_rows(*rows), is_england=IS_ENGLAND, place="file.xlsx, sheet 'S'")
    assert str(caught.value) == (
        f"file.xlsx, sheet 'S': no row for England among {len(rows)}; expected one beside the providers' for each "
        "figure. The file looks truncated: download it again."
    )


# ---- notes


def test_notes_are_the_publications_words_on_one_line_each():
    assert noted(["Elsewhere (RXX) did not\nmake a  submission.", "", "  ", "Another."]) == [
        "the publication says: Elsewhere (RXX) did not make a submission.",
        "the publication says: Another.",
    ]


@pytest.mark.parametrize("text", ["No data quality issues were highlighted.", "NO DATA  QUALITY ISSUES"])
def test_that_there_is_nothing_to_say_is_no_note(text):
    assert noted([text]) == []
