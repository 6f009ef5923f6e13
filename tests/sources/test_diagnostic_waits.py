import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import Vintage
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, diagnostic_waits, recognise

# Typed from the publication, not taken from the reader.
KEYS = ["Regional Team Code", "Regional Team Name", "Provider Code", "Provider Name"]
TEST_KEYS = ["Diagnostic ID", "Diagnostic Test Name"]
FIGURES = [
    "Total Waiting List", "Number waiting 6+ Weeks", "Number waiting 13+ Weeks", "Percentage waiting 6+ weeks",
    "0 <01 weeks", "01 <02 weeks", "02 <03 weeks", "03 <04 weeks", "04 <05 weeks", "05 <06 weeks", "06 <07 weeks",
    "07 <08 weeks", "08 <09 weeks", "09 <10 weeks", "10 <11 weeks", "11 <12 weeks", "12 <13 weeks", "13+ weeks", "",
    "Planned tests / procedures", "Unscheduled tests / procedures",
    "Waiting list tests / procedures (excluding planned)",
]  # fmt: skip
LIST, SIX, PLANNED = "diagnostic_waiting_list", "diagnostic_waiting_six_weeks_or_more", "diagnostic_tests_planned"
SPACER = FIGURES.index("")


def _figures(waiting, six=0, *, planned=0):
    """A row's cells: nobody waits 13 weeks, all others less than one week, or exactly six."""
    cells = [0] * len(FIGURES)
    cells[0], cells[1], cells[3] = waiting, six, six / waiting if waiting else 0
    cells[FIGURES.index("0 <01 weeks")], cells[FIGURES.index("06 <07 weeks")] = waiting - six, six
    cells[FIGURES.index("Planned tests / procedures")] = planned
    cells[SPACER] = ""
    return cells


def _provider(code, *figures, **more):
    return ["Y56", "London Commissioning Region", code, f"{code} Hospitals NHS Trust", *_figures(*figures, **more)]


def _test(code, test, *figures, **more):
    row = _provider(code, *figures, **more)
    return [*row[:4], "1", test, *row[4:]]


PROVIDERS = [
    ["", "", "", "Total", *_figures(100, 25, planned=9)],
    [],
    _provider("RF4", 90, 20, planned=7),
    _provider("NT405", 10, 5, planned=2),
]
BY_TEST = [
    ["", "", "", "Total", "", "", *_figures(100, 25, planned=9)],
    [],
    _test("RF4", "Colonoscopy", 60, 15, planned=7),
    _test("RF4", "Pressures & Flows", 30, 5),
    _test("RF4", "Total", 90, 20, planned=7),
    _test("NT405", "Colonoscopy", 10, 5, planned=2),
    _test("NT405", "Total", 10, 5, planned=2),
]


def _sheet(sheet, headings, rows, *, period, heading_row, notes):
    texts = {2: ("Title:", "Monthly Diagnostics"), 5: ("Period:", period), 8: ("Published:", "12th June 2025")}
    for line, cells in (texts | notes).items():
        sheet.write_row(line - 1, 1, cells)
    sheet.write(heading_row - 2, 1, "Provider level data")
    for line, row in enumerate([headings, *rows], start=heading_row):
        sheet.write_row(line - 1, 1, row)


def _file(  # each part of a month's workbook, to be changed by a test
    providers=PROVIDERS, by_test=BY_TEST, *, period="April 2025", by_test_period=None, heading_row=14, headings=FIGURES,
    names=("Provider", "Provider by Test"), notes=None, absent=None, name="a.xls", test_keys=tuple(TEST_KEYS),
):  # fmt: skip
    content, layout = io.BytesIO(), {"heading_row": heading_row, "notes": notes or {}}
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        _sheet(book.add_worksheet(names[0]), [*KEYS, *headings], providers, period=period, **layout)
        tests = [*KEYS, *test_keys, *headings]
        _sheet(book.add_worksheet(names[1]), tests, by_test, period=by_test_period or period, **layout)
        if absent is not None:
            sheet = book.add_worksheet("Notes")
            sheet.hide()
            for line, row in enumerate(absent):
                sheet.write_row(line, 0, row)
    return SourceFile(f"folder/{name}", name, content.getvalue())


def _read(**changes):
    return diagnostic_waits.read(_file(**changes)).observations


def _values(observations, metric=LIST, breakdown=""):
    """Return the figures of one metric by organisation, and by category where it is a breakdown's."""
    found = observations.filter(pl.col("metric") == metric, pl.col("breakdown") == breakdown)
    keys = ["org_code", "category"] if breakdown else ["org_code"]
    return {row[0] if len(keys) == 1 else row[:2]: row[-1] for row in found.select(*keys, "value").iter_rows()}


def _said(**changes):
    with pytest.raises(SourceError) as refusal:
        diagnostic_waits.read(_file(**changes))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def _changed(rows, line, column, cell):
    return [[*row[:column], cell, *row[column + 1 :]] if at == line else row for at, row in enumerate(rows)]


# ---- as published


def test_whole_figures_come_from_the_first_sheet_with_englands_total():
    read = _read()
    assert _values(read) == {"ENG": 100, "RF4": 90, "NT405": 10}
    assert _values(read, SIX) == {"ENG": 25, "RF4": 20, "NT405": 5}


def test_every_heading_has_a_metric_or_a_band_of_its_own():
    """Each column gets its own number, so that two swapped headings would show."""
    numbered = [["", "", "", "Total", *_figures(0)], ["", "", "RF4", "RF4 Trust", *range(1, 19), "", 19, 20, 21]]
    read = _read(providers=numbered).filter(pl.col("org_code") == "RF4")
    assert dict(read.filter(pl.col("breakdown") == "").select("metric", "value").iter_rows()) == {
        "diagnostic_waiting_list": 1,
        "diagnostic_waiting_six_weeks_or_more": 2,
        "diagnostic_waiting_13_weeks_or_more": 3,
        "diagnostic_tests_planned": 19,
        "diagnostic_tests_unscheduled": 20,
        "diagnostic_tests_from_waiting_list": 21,
    }
    bands = read.filter(pl.col("breakdown") == "weeks_waited")
    assert dict(bands.select("category", "value").iter_rows()) == {
        "000-001": 5, "001-002": 6, "002-003": 7, "003-004": 8, "004-005": 9, "005-006": 10, "006-007": 11,
        "007-008": 12, "008-009": 13, "009-010": 14, "010-011": 15, "011-012": 16, "012-013": 17, "013+": 18,
    }  # fmt: skip
    assert set(bands["metric"]) == {LIST}


def test_tests_come_from_the_second_sheet_without_the_totals_that_would_count_twice():
    assert _values(_read(), SIX, "diagnostic_test") == {
        ("RF4", "Colonoscopy"): 15,
        ("RF4", "Pressures & Flows"): 5,
        ("NT405", "Colonoscopy"): 5,
    }


def test_every_metric_is_divided_by_test_and_the_list_alone_by_week():
    read = _read()
    divided = read.filter(pl.col("breakdown") != "").group_by("breakdown").agg(pl.col("metric").n_unique())
    assert dict(divided.iter_rows()) == {"diagnostic_test": 6, "weeks_waited": 1}


def test_the_period_is_the_whole_month_and_every_row_names_its_release():
    file = _file(period="February 2024")
    read = diagnostic_waits.read(file).observations
    assert read.select("period_start", "period_end", "source", "release").unique().rows() == [
        (date(2024, 2, 1), date(2024, 2, 29), "diagnostic_waits", file.sha256)
    ]


def test_organisations_are_the_providers_with_their_regions():
    publication = diagnostic_waits.read(_file())
    assert publication.organisations.select("org_code", "org_name", "parent_name", "period_start").rows() == [
        ("RF4", "RF4 Hospitals NHS Trust", "London Commissioning Region", date(2025, 4, 1)),
        ("NT405", "NT405 Hospitals NHS Trust", "London Commissioning Region", date(2025, 4, 1)),
    ]
    assert Organisations.is_valid(publication.organisations)
    assert Observations.is_valid(publication.observations)


@pytest.mark.parametrize(
    ("notes", "vintage"),
    [
        ({}, Vintage("provisional", date(2025, 6, 12))),
        ({9: ("Revised:", "10th July 2025")}, Vintage("revised", date(2025, 7, 10))),
        ({8: ("Published:", "")}, None),
    ],
)
def test_the_vintage_is_what_the_workbook_states(notes, vintage):
    assert diagnostic_waits.read(_file(notes=notes)).vintage == vintage


def test_a_true_zero_is_reported():
    rows = [*PROVIDERS, _provider("RAN", 0)]
    assert _values(_read(providers=rows))["RAN"] == 0


@pytest.mark.parametrize(("mark", "status"), [("-", "not_applicable"), ("*", "suppressed"), ("", "not_submitted")])
def test_a_mark_is_a_status(mark, status):
    read = _read(providers=_changed(PROVIDERS, 2, 4, mark), by_test=_changed(BY_TEST, 3, 6, mark))
    marked = read.filter(pl.col("value").is_null())
    assert marked.select("org_code", "metric", "breakdown", "category", "status").rows() == [
        ("RF4", LIST, "", "", status),
        ("RF4", LIST, "diagnostic_test", "Pressures & Flows", status),
    ]


# ---- layouts


@pytest.mark.parametrize("heading_row", [13, 14, 20])
def test_the_table_is_found_wherever_it_stands(heading_row):
    assert _values(_read(heading_row=heading_row))["RF4"] == 90


def test_columns_are_found_whatever_their_order():
    turned = [[*row[:4], *reversed(row[4:])] for row in PROVIDERS], [[*r[:6], *reversed(r[6:])] for r in BY_TEST]
    read = _read(providers=turned[0], by_test=turned[1], headings=FIGURES[::-1])
    assert read.sort(read.columns).equals(_read().with_columns(release=pl.lit(read["release"][0])).sort(read.columns))


def test_notes_under_the_tables_are_no_rows():
    note = ["Note", "", "", "", "", "", "Some figures are estimates"]
    assert _values(_read(providers=[*PROVIDERS, note[:4]], by_test=[*BY_TEST, note[:4]]))["ENG"] == 100


def test_a_total_in_capitals_is_a_total():
    rows = [["", "", "", "TOTAL", *PROVIDERS[0][4:]], *PROVIDERS[1:]]
    tests = [[*row[:5], row[5].upper(), *row[6:]] if row and row[5] == "Total" else row for row in BY_TEST]
    read = _read(providers=rows, by_test=tests)
    assert (_values(read)["ENG"], len(_values(read, SIX, "diagnostic_test"))) == (100, 3)


def test_an_organisation_called_total_is_one_if_it_has_a_code():
    rows = [*PROVIDERS, ["Y56", "London", "TTL", "Total", *_figures(1)]]
    assert _values(_read(providers=rows))["TTL"] == 1


@pytest.mark.parametrize("name", ["RTT-April-2026.csv", "x"])
def test_it_is_recognised_by_its_content_whatever_its_name(name):
    assert recognise(_file(name=name)) == ("diagnostic_waits", diagnostic_waits)


@pytest.mark.parametrize("headings", [FIGURES[:2], []])
def test_another_workbook_is_not_recognised(headings):
    """The sheets' names alone will not do, nor will a few headings: two of nine, beside three keys."""
    assert recognise(_file(headings=headings)) is None


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"names": ("Provider", "Tests")}, "no sheet 'Provider by Test' among 2"),
        ({"names": ("Sheet1", "Provider by Test")}, "no sheet 'Provider' among 2"),
        ({"test_keys": ("Diagnostic ID", "Test")}, "first 'Diagnostic Test Name'"),
        ({"headings": ["Waiting", *FIGURES[1:]]}, "first 'Total Waiting List'"),
    ],
)
def test_a_changed_workbook_is_recognised_and_what_is_missing_is_named(changes, missing):
    assert recognise(_file(**changes)) == ("diagnostic_waits", diagnostic_waits)
    assert missing in _said(**changes)


def test_what_is_no_workbook_is_not_recognised():
    assert not diagnostic_waits.recognises(SourceFile("a.csv", "a.csv", b"Provider,Provider by Test\r\n"))


# ---- what cannot be read

DOWNLOAD = "Download the file again, or tell us that its layout has changed."


def test_what_is_no_workbook_is_refused():
    with pytest.raises(SourceError) as refusal:
        diagnostic_waits.read(SourceFile("a.csv", "a.csv", b"Provider"))
    said = "a.csv: not a workbook; expected the monthly provider file (.xls). Check the file."
    assert str(refusal.value) == said


def test_a_missing_sheet_is_refused():
    assert _said(names=("Provider", "Provider by Tests")).startswith(
        "folder/a.xls: no sheet 'Provider by Test' among 2 ('Provider', 'Provider by Tests'). Did you mean"
    )


def test_a_missing_heading_is_refused_with_its_sheet():
    headings = [heading.replace("13+ weeks", "13 weeks or more") for heading in FIGURES]
    assert _said(headings=headings) == (
        "folder/a.xls, sheet 'Provider': no row has all 23 headings; the likeliest lacks 1 of them, first '13+ weeks'. "
        f"Did you mean '13 weeks or more'? {DOWNLOAD}"
    ) or "first '13+ weeks'" in _said(headings=headings)


@pytest.mark.parametrize("period", ["", "2024-25", "Q1 2025", "Aprill 2025"])
def test_a_period_that_is_no_month_is_refused(period):
    assert _said(period=period) == (
        f"folder/a.xls, sheet 'Provider': found {period!r} beside 'Period:', expected for example 'April 2025'. "
        "Download the file again, or tell the publisher."
    )


def test_a_workbook_that_states_no_period_is_refused():
    assert "found '' beside 'Period:'" in _said(notes={5: ("Basis:", "Provider")})


def test_sheets_of_two_months_are_refused():
    assert _said(by_test_period="May 2025") == (
        "folder/a.xls, sheet 'Provider by Test': the period is 'May 2025', but 'April 2025' in sheet 'Provider'; "
        "expected one month a file. Download the file again."
    )


@pytest.mark.parametrize(
    ("rows", "found"), [(PROVIDERS[2:], "no"), ([*PROVIDERS, PROVIDERS[0]], "2")], ids=["none", "two"]
)
def test_a_sheet_without_one_total_is_refused(rows, found):
    assert _said(providers=rows) == (
        f"folder/a.xls, sheet 'Provider': {found} rows named 'Total' without a code; expected exactly one. {DOWNLOAD}"
    )


@pytest.mark.parametrize(
    "changes", [{"providers": _changed(PROVIDERS, 2, 2, "")}, {"by_test": _changed(BY_TEST, 2, 2, "")}]
)
def test_figures_without_a_code_are_refused(changes):
    said = _said(**changes)
    assert said.startswith("folder/a.xls: ")
    assert said.endswith("figures stand in rows without an organisation's code. Download the file again.")


def test_a_test_without_a_name_is_refused():
    assert _said(by_test=_changed(BY_TEST, 3, 5, "")) == (
        "folder/a.xls, sheet 'Provider by Test', row 18: expected the name of a test, found an empty cell. "
        "Download the file again, or tell the publisher."
    )


def test_an_organisation_without_a_name_is_refused():
    said = _said(providers=_changed(PROVIDERS, 2, 3, ""))
    assert said == "organisation 'RF4' has no name. Download the file again."


def test_a_test_given_twice_is_refused():
    assert _said(by_test=[*BY_TEST, BY_TEST[2]]) == (
        "folder/a.xls: organisation 'RF4' has diagnostic waiting list (diagnostic_test: Colonoscopy) twice for "
        "April 2025; expected once. Download the file again."
    )


def test_a_provider_given_twice_is_refused():
    assert "organisation 'RF4' has diagnostic waiting list twice" in _said(providers=[*PROVIDERS, PROVIDERS[2]])


def test_a_cell_that_is_neither_number_nor_mark_is_refused_with_its_place():
    assert _said(by_test=_changed(BY_TEST, 3, 7, "n/a")) == (
        "folder/a.xls, sheet 'Provider by Test', row 18, diagnostic waiting six weeks or more: found 'n/a', expected "
        "a number or one of '', '-', '*'. Download the file again, or tell the publisher."
    )


# ---- what does not add up is said, not refused


def _checks(**changes):
    return diagnostic_waits.read(_file(**changes)).checks


def test_what_adds_up_leaves_nothing_to_say():
    assert _checks() == []


def test_a_provider_of_zeros_alone_needs_no_test():
    assert _checks(providers=[*PROVIDERS, _provider("RAN", 0)]) == []


def test_providers_that_do_not_add_up_to_the_total_are_said():
    assert _checks(providers=_changed(PROVIDERS, 0, 5, 26)) == [
        "diagnostic waiting six weeks or more, April 2025: organisations add up to 25, the published total is 26"
    ]


def test_bands_that_do_not_add_up_to_the_total_of_a_band_are_said():
    column = 4 + FIGURES.index("13+ weeks")
    assert _checks(providers=_changed(PROVIDERS, 0, column, 1)) == [
        "diagnostic waiting list, 013+, April 2025: organisations add up to 0, the published total is 1"
    ]


def test_tests_that_do_not_add_up_to_their_provider_are_said_once_a_metric():
    tests = _changed(_changed(BY_TEST, 2, 6, 1061), 5, 6, 9)
    assert _checks(by_test=tests) == [
        "diagnostic waiting list: diagnostic test does not add up to the whole for 2 organisations, first RF4: 1,091, "
        "and the whole is 90"
    ]


def test_a_list_without_any_test_is_said():
    assert _checks(by_test=BY_TEST[:5])[0] == (
        "diagnostic waiting list: diagnostic test does not add up to the whole for 1 organisations, first NT405: 0, "
        "and the whole is 10"
    )


def test_tests_of_a_provider_that_the_first_sheet_lacks_are_said():
    assert _checks(by_test=[*BY_TEST, _test("RAN", "Colonoscopy", 3)]) == [
        "diagnostic waiting list: diagnostic test does not add up to the whole for 1 organisations, first RAN: 3, and "
        "the whole is not given"
    ]


def test_weeks_that_do_not_add_up_to_their_providers_list_are_said():
    column = 4 + FIGURES.index("0 <01 weeks")
    rows = _changed(_changed(PROVIDERS, 2, column, 69), 0, column, 74)
    assert _checks(providers=rows) == [
        "diagnostic waiting list: weeks waited does not add up to the whole for 1 organisations, first RF4: 89, and "
        "the whole is 90"
    ]


ABSENT = [["Notes"], [], ["The following organisation did not submit"], [], ["Code", "Name"]]


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ([["Notes"]], []),
        (ABSENT, []),
        ([*ABSENT, ["RDU", "Frimley"]], ["did not submit: RDU Frimley"]),
        ([*ABSENT, ["RDU", "Frimley"], [], ["RX1"]], ["did not submit: RDU Frimley, RX1"]),
    ],
)
def test_whom_the_notes_name_as_missing_is_said(absent, said):
    assert _checks(absent=absent) == said
