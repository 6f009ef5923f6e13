import io
import zipfile
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations, Status
from openmeasures.tables import Workbook

MARCH, APRIL, APRIL_ENDS = date(2025, 3, 1), date(2025, 4, 1), date(2025, 4, 30)
RELEASE = "0" * 64
AGAIN = "Download the file again."


def _workbook(sheets, *, hidden=()):
    """Write a workbook: each sheet's cells by `(row, column)`, both counted from 1."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "d mmm yyyy"}) as book:
        for name, cells in sheets.items():
            sheet = book.add_worksheet(name)
            for (row, column), value in cells.items():
                if isinstance(value, tuple):  # a formula and what it came to
                    sheet.write_formula(row - 1, column - 1, value[0], None, value[1])
                else:
                    sheet.write(row - 1, column - 1, value)
            if name in hidden:
                sheet.hide()
    return content.getvalue()


def _cells(*rows):
    width = max(map(len, rows), default=0)
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    return pl.DataFrame(filled, schema=[f"column_{number}" for number in range(width)], orient="row")


def _said(call, *arguments, **options):
    with pytest.raises(SourceError) as refusal:
        call(*arguments, **options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# ---- a workbook's cells


def test_every_sheet_is_named_hidden_ones_included():
    content = _workbook({"Front": {(1, 1): "a"}, "Raw": {(1, 1): "b"}}, hidden=["Raw"])
    book = Workbook(content, place="a.xlsx")
    assert book.sheets == ["Front", "Raw"]
    assert book.cells("Raw").rows() == [("b",)]


def test_rows_count_from_the_sheets_first_row_even_where_that_is_empty():
    cells = Workbook(_workbook({"S": {(3, 1): "Code"}}), place="a.xlsx").cells("S")
    assert cells.rows() == [("",), ("",), ("Code",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        ("  RC9 ", "RC9"),
        (7, "7"),
        (7.0, "7"),
        (-3, "-3"),
        (1696688, "1696688"),
        (0.5, "0.5"),
        (1 / 3, "0.333333333"),  # nine decimals, as the docstring says
        (date(2025, 4, 1), "2025-04-01 00:00:00"),
        (True, "true"),
        (("=3/4", 0.75), "0.75"),
        (("=NA()", "#N/A"), ""),
        (None, ""),
    ],
)
def test_a_cell_is_text_without_outer_spaces(value, text):
    cells = Workbook(_workbook({"S": {(1, 1): "x", (1, 2): value, (1, 3): "x"}}), place="a.xlsx").cells("S")
    assert cells.rows() == [("x", text, "x")]


def test_an_empty_sheet_has_no_cells():
    assert Workbook(_workbook({"S": {}}), place="a.xlsx").cells("S").shape == (0, 0)


def test_a_sheet_is_read_once():
    book = Workbook(_workbook({"S": {(1, 1): "a"}}), place="a.xlsx")
    assert book.cells("S") is book.cells("S")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0" + b"x" * 600, b"text"])
def test_what_is_no_workbook_is_refused(content):
    assert _said(Workbook, content, place="a.xls") == "a.xls: not a workbook that can be read. Download it again."


def test_half_a_workbook_is_refused():
    content = _workbook({"S": {(row, 1): f"row {row}" for row in range(1, 500)}})
    said = _said(Workbook, content[: len(content) // 2], place="a.xlsx")
    assert said == "a.xlsx: not a workbook that can be read. Download it again."


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are():
    book = Workbook(_workbook({"Provider": {}, "Notes": {}}), place="a.xlsx")
    assert _said(book.cells, "provider ") == (
        "a.xlsx: no sheet 'provider ' among 2 ('Provider', 'Notes'). Did you mean 'Provider'? "
        f"{AGAIN[:-1]}, or tell us that its layout has changed."
    )


def test_a_damaged_sheet_is_refused_by_name():
    whole, damaged = zipfile.ZipFile(io.BytesIO(_workbook({"Provider": {(1, 1): "a"}}))), io.BytesIO()
    with zipfile.ZipFile(damaged, "w") as book:
        for member in whole.namelist():
            content = whole.read(member)
            book.writestr(member, content[: len(content) // 2] if "sheet1" in member else content)
    found = Workbook(damaged.getvalue(), place="a.xlsx")
    assert _said(found.cells, "Provider") == f"a.xlsx, sheet 'Provider': damaged. {AGAIN}"


# ---- headings and labels


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Org Code", "org code"),
        ("  Org\n  Code ", "org code"),
        ("\ufeffPERIOD", "period"),
        ("Number\xa0waiting", "number waiting"),
        ("", ""),
    ],
)
def test_a_heading_without_what_changes_from_month_to_month(heading, expected):
    assert tables.folded(heading) == expected


def test_labels_are_what_stands_beside_the_first_filled_cell_if_that_ends_in_a_colon():
    cells = _cells(
        ("", "Title:", "Monthly  Diagnostics"),
        ("", "Period :", "", "April 2025"),
        ("", "Revised:"),
        ("Note", "Basis:", "Provider"),
        ("", "Period :", "", "March 2025"),
    )
    assert tables.labels(cells) == {"title": "Monthly  Diagnostics", "period": "April 2025", "revised": ""}


def test_no_row_has_no_label():
    assert tables.labels(_cells()) == {}


# ---- find

NAMES = {"Org Code": "org_code", "Total Waiting": "waiting"}
SHEET = _cells(
    ("", "Period:", "April 2025", ""),
    ("", "", "", ""),
    ("", "ORG  code ", "Name", "total\nwaiting"),
    ("", "RC9", "Bedford", " 10 "),
    ("", "", "", ""),
    ("", "RJ1", "Guy's", "5"),
)


def test_a_table_is_found_by_its_headings_with_the_rows_numbers():
    assert tables.find(SHEET, NAMES, place="a.xls").rows(named=True) == [
        {"line": 4, "org_code": "RC9", "waiting": "10"},
        {"line": 6, "org_code": "RJ1", "waiting": "5"},
    ]


def test_a_table_is_found_whatever_the_order_of_its_columns_and_what_stands_between():
    other = SHEET.select(reversed(SHEET.columns))
    assert tables.find(other, NAMES, place="a.xls").equals(tables.find(SHEET, NAMES, place="a.xls"))


def test_an_empty_cell_of_a_text_file_is_empty_text():
    cells = _cells(("Org Code", "Total Waiting"), ("RC9", None), (None, None))
    assert tables.find(cells, NAMES, place="a.csv").rows() == [(2, "RC9", "")]


def test_a_row_is_left_out_if_all_that_was_asked_for_is_empty():
    cells = _cells(("Org Code", "Total Waiting", "Note"), ("", "", "a footnote"))
    assert tables.find(cells, NAMES, place="a.csv").is_empty()


def test_headings_without_rows_are_a_table_without_rows():
    assert tables.find(_cells(("Org Code", "Total Waiting")), NAMES, place="a.csv").shape == (0, 3)


def test_the_first_row_with_all_headings_counts():
    cells = _cells(("Org Code", "Total Waiting"), ("RC9", "1"), ("Org Code", "Total Waiting"), ("RJ1", "2"))
    assert tables.find(cells, NAMES, place="a.csv")["org_code"].to_list() == ["RC9", "Org Code", "RJ1"]


def test_of_a_repeated_heading_the_first_counts():
    cells = _cells(("Org Code", "Total Waiting", "Total Waiting"), ("RC9", "1", "2"))
    assert tables.find(cells, NAMES, place="a.csv")["waiting"].to_list() == ["1"]


BANDED = _cells(
    ("", "", "A&E attendances", "", "Over 4 hours", ""),
    ("Code", "Name", "Type 1", "Type 2", "Type 1", "Type 2"),
    ("RC9", "Bedford", "1", "2", "3", "4"),
)


def test_a_title_above_tells_headings_apart_and_holds_to_the_right():
    names = {
        "Over 4 hours | Type 2": "over_2",
        "Over 4 hours | Type 1": "over_1",
        "a&e ATTENDANCES | type 2": "seen_2",
        "Code": "org_code",
        "| Name": "org_name",
    }
    [row] = tables.find(BANDED, names, place="a.xls", band=True).rows(named=True)
    assert row == {"line": 3, "over_2": "4", "over_1": "3", "seen_2": "2", "org_code": "RC9", "org_name": "Bedford"}


def test_without_a_title_above_the_first_row_can_be_found_too():
    assert tables.find(BANDED[1:], {"Code": "org_code", "Type 1": "seen"}, place="a", band=True).rows() == [
        (2, "RC9", "1")
    ]


def test_titles_are_not_looked_at_unless_asked_for():
    assert _said(tables.find, BANDED, {"Over 4 hours | Type 2": "over"}, place="a.xls").startswith(
        "a.xls: no row has all 1 headings; the likeliest lacks 1 of them, first 'Over 4 hours | Type 2'."
    )


def test_a_missing_heading_is_named_with_the_one_it_may_be():
    said = _said(tables.find, SHEET, {**NAMES, "Total Waiting List": "list", "Beds": "beds"}, place="a.xls, sheet 'P'")
    assert said == (
        "a.xls, sheet 'P': no row has all 4 headings; the likeliest lacks 2 of them, first 'Total Waiting List'. "
        "Did you mean 'total waiting'? Download the file again, or tell us that its layout has changed."
    )


@pytest.mark.parametrize("cells", [_cells(), _cells(("", "")), _cells(("RC9", "10"))])
def test_where_no_heading_is_there_the_first_is_named(cells):
    assert _said(tables.find, cells, NAMES, place="a.csv") == (
        "a.csv: no row has all 2 headings; the likeliest lacks 2 of them, first 'Org Code'. "
        f"{AGAIN[:-1]}, or tell us that its layout has changed."
    )


# ---- figures


def _figures(*cells, **options):
    """Read cells of one column, one a row from row 5 on; return value and status."""
    rows = [(5 + index, f"RC{index}", cell) for index, cell in enumerate(cells)]
    table = pl.DataFrame(rows, schema=["line", "org_code", "over_four_hours"], orient="row")
    found = tables.figures(table, ["over_four_hours"], keys=["org_code"], place="a.xls, sheet 'P'", **options)
    assert found["org_code"].to_list() == [row[1] for row in rows]
    return found.select("value", "status").rows()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0),
        ("10", 10),
        ("1,234", 1234),
        ("1,234,567.5", 1234567.5),
        ("12.5", 12.5),
        ("-3", -3),
        ("+3", 3),
        ("1E3", 1000),
        ("2.5e-05", 0.000025),
        ("007", 7),
    ],
)
def test_a_number_is_reported(cell, value):
    assert _figures(cell) == [(value, "reported")]


@pytest.mark.parametrize(("cell", "status"), [("", "not_submitted"), ("-", "not_applicable"), ("*", "suppressed")])
def test_a_mark_is_a_status_and_no_zero(cell, status):
    assert _figures(cell, "5") == [(None, status), (5, "reported")]


def test_a_reader_may_know_other_marks():
    marks = {".": Status.NOT_SUBMITTED, "0": Status.NOT_APPLICABLE}
    assert _figures(".", "0", "00", marks=marks) == [(None, "not_submitted"), (None, "not_applicable"), (0, "reported")]


@pytest.mark.parametrize(
    "cell", ["n/a", "#REF!", "12%", "1,5", "12,34", "1,2345", "1 000", "1.", ".5", "--", "٣", "1e999", "inf", "nan"]
)
def test_what_is_neither_number_nor_mark_is_refused_with_its_place(cell):
    assert _said(_figures, "1", cell, "x") == (
        f"a.xls, sheet 'P', row 6, over four hours: found {cell!r}, expected a number or one of '', '-', '*'. "
        "Download the file again, or tell the publisher."
    )


def test_a_mark_that_a_reader_does_not_know_is_refused():
    assert "found '*', expected a number or one of '-'. " in _said(_figures, "*", marks={"-": Status.NOT_SUBMITTED})


def test_figures_stay_with_their_keys_and_metrics():
    table = pl.DataFrame({"line": [4, 5], "org_code": ["A", "B"], "seen": ["1", "2"], "over": ["3", "-"]})
    assert tables.figures(table, ["seen", "over"], keys=["org_code"], place="a").sort("org_code", "metric").rows() == [
        ("A", "over", 3.0, "reported"),
        ("A", "seen", 1.0, "reported"),
        ("B", "over", None, "not_applicable"),
        ("B", "seen", 2.0, "reported"),
    ]


# ---- observations and organisations


def _found(*rows, extra=()):
    """Make what `figures` gives: organisation, month, figure; and columns beside them, the same in each row."""
    return pl.DataFrame(
        [(code, month, APRIL_ENDS, "diagnostic_waiting_list", figure, "reported") for code, month, figure in rows],
        schema=["org_code", "period_start", "period_end", "metric", "value", "status"],
        orient="row",
    ).with_columns(pl.lit(value).alias(name) for name, value in extra)


def _observed(found):
    return tables.observations(found, source="diagnostic_waits", release=RELEASE, place="a.xls")


def test_observations_have_source_release_and_no_breakdown_unless_given():
    [row] = _observed(_found(("RC9", APRIL, 5.0))).rows(named=True)
    assert row == {
        "source": "diagnostic_waits",
        "metric": "diagnostic_waiting_list",
        "org_code": "RC9",
        "breakdown": "",
        "category": "",
        "period_start": APRIL,
        "period_end": APRIL_ENDS,
        "value": 5.0,
        "status": "reported",
        "release": RELEASE,
    }


def test_observations_keep_the_breakdown_that_is_given():
    read = _observed(_found(("RC9", APRIL, 5.0), extra=[("breakdown", "test"), ("category", "MRI")]))
    assert read.select("breakdown", "category").rows() == [("test", "MRI")]
    assert Observations.is_valid(read)


def test_the_same_organisation_may_have_a_figure_in_each_month():
    assert _observed(_found(("RC9", MARCH, 5.0), ("RC9", APRIL, 6.0))).height == 2


@pytest.mark.parametrize(
    ("extra", "part"),
    [((), ""), ([("breakdown", "test"), ("category", "MRI")], " (test: MRI)")],
)
def test_a_figure_given_twice_is_refused(extra, part):
    assert _said(_observed, _found(("RJ1", APRIL, 5.0), ("RC9", APRIL, 5.0), ("RC9", APRIL, 5.0), extra=extra)) == (
        f"a.xls: organisation 'RC9' has diagnostic waiting list{part} twice for April 2025; expected once. {AGAIN}"
    )


def test_figures_of_no_organisation_are_refused():
    assert _said(_observed, _found(("", APRIL, 5.0), ("RC9", APRIL, 5.0), ("", MARCH, 5.0))) == (
        f"a.xls: 2 figures stand in rows without an organisation's code. {AGAIN}"
    )


def test_an_organisation_is_named_once_a_period_as_it_stands_first():
    found = pl.DataFrame(
        {
            "org_code": ["RC9", "RC9", "RC9"],
            "org_name": ["Bedford", "Bedfordshire", "Bedford"],
            "parent_name": ["East", "East", ""],
            "period_start": [APRIL, APRIL, MARCH],
        }
    )
    read = tables.organisations(found, release=RELEASE)
    assert read.select("org_code", "org_name", "parent_name", "period_start").rows() == [
        ("RC9", "Bedford", "East", APRIL),
        ("RC9", "Bedford", "", MARCH),
    ]
    assert Organisations.is_valid(read)


def test_organisations_of_one_period_need_no_column_for_it():
    found = pl.DataFrame({"org_code": ["RC9"], "org_name": ["Bedford"], "parent_name": [""]})
    assert tables.organisations(found, period_start=APRIL, release=RELEASE)["period_start"].to_list() == [APRIL]


def test_a_system_that_is_not_named_is_null():
    found = pl.DataFrame({"org_code": ["RC9", "RJ1"], "org_name": ["B", "G"], "parent_name": ["", ""]})
    plain = tables.organisations(found, period_start=APRIL, release=RELEASE)
    assert plain["system_code"].to_list() == [None, None]
    named = found.with_columns(system_code=pl.Series(["S1Y5D", ""]))
    read = tables.organisations(named, period_start=APRIL, release=RELEASE)
    assert read["system_code"].to_list() == ["S1Y5D", None]
    assert Organisations.is_valid(read)


def test_an_organisation_without_a_name_is_refused():
    found = pl.DataFrame({"org_code": ["RJ1", "RC9"], "org_name": ["Guy's", ""], "parent_name": ["", ""]})
    said = _said(tables.organisations, found, period_start=APRIL, release=RELEASE)
    assert said == f"organisation 'RC9' has no name. {AGAIN}"


# ---- totals


def _checks(*figures, extra=()):
    found = pl.concat(
        [
            _found((code, APRIL, value), extra=extra).with_columns(
                value=pl.lit(value, pl.Float64), status=pl.lit("reported" if value is not None else "suppressed")
            )
            for code, value in figures
        ]
    )
    return tables.total_checks(_observed(found))


@pytest.mark.parametrize("total", [3.0, 3.25, 2.75])
def test_organisations_that_add_up_leave_nothing_to_say(total):
    assert _checks(("RC9", 1.0), ("RJ1", 2.0), ("ENG", total)) == []


@pytest.mark.parametrize(("total", "shown"), [(3.5, "3.5"), (2.5, "2.5"), (1234567.0, "1,234,567"), (0.0, "0")])
def test_a_total_that_differs_is_said(total, shown):
    assert _checks(("RC9", 1.0), ("RJ1", 2.0), ("ENG", total)) == [
        f"diagnostic waiting list, April 2025: organisations add up to 3, the published total is {shown}"
    ]


def test_a_part_that_differs_is_said_with_its_category():
    assert _checks(("RC9", 1.0), ("ENG", 2.0), extra=[("breakdown", "test"), ("category", "MRI")]) == [
        "diagnostic waiting list, MRI, April 2025: organisations add up to 1, the published total is 2"
    ]


def test_what_is_suppressed_leaves_a_difference_to_be_said():
    assert _checks(("RC9", 1.0), ("RJ1", None), ("ENG", 4.0)) == [
        "diagnostic waiting list, April 2025: organisations add up to 1, the published total is 4"
    ]


@pytest.mark.parametrize("figures", [[("RC9", 1.0)], [("RC9", 1.0), ("ENG", None)]])
def test_without_a_published_total_there_is_nothing_to_say(figures):
    assert _checks(*figures) == []
