import csv
import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, all_sources, ambulance_systems, recognise

# Typed from the publication, in the order of its sheet, with columns among them that are not read (A3, A4, A25…).
INDICATORS = (
    *("A0", "A1", "A2", "A3", "A4", "A111", "A7", "A8", "A9", "A10", "A11", "A12", "A24", "A25", "A26", "A27", "A28"),
    *("A29", "A30", "A31", "A32", "A33", "A34", "A35", "A36", "A37", "A38", "A140"),
)

# A region of two services, which has a row of its own, and one of a single service, which has none.
SERVICES = (
    ("2025-26", "AUGUST", "Y63", "RX6", "NORTH EAST AMBULANCE SERVICE", {"A8": 30, "A10": 200, "A30": 360_000}),
    ("2025-26", "AUGUST", "Y63", "RX8", "YORKSHIRE AMBULANCE SERVICE", {"A8": 70, "A10": 300, "A30": 540_000}),
    ("2025-26", "AUGUST", "Y56", "RRU", "LONDON AMBULANCE SERVICE", {"A8": 100, "A10": 500, "A30": 900_000}),
)
REGION = ("2025-26", "AUGUST", "Y63", "Y63", "", {"A8": 100, "A10": 500, "A30": 900_000})
ENGLAND = ("2025-26", "AUGUST", "", "ENG", "", {"A8": 200, "A10": 1000, "A30": 1_800_000, "A32": 3285})
ROWS = (ENGLAND, REGION, *SERVICES)
REGION_NAMES = (("Y63", "North East and Yorkshire"), ("Y56", "London"))

CSV_SERVICES = (
    (2025, 8, "Y63", "RX6", "NORTH EAST AMBULANCE SERVICE", {"A8": 30, "A10": 200}),
    (2025, 8, "Y56", "RRU", "LONDON AMBULANCE SERVICE", {"A8": 100, "A10": 500}),
)
CSV_ROWS = (
    (2025, 8, "Eng", "Eng", "England", {"A8": 130, "A10": 700}),
    (2025, 8, "North East and Yorkshire", "Y63", "North East and Yorkshire", {"A8": 30, "A10": 200}),
    (2025, 8, "London", "Y56", "London", {"A8": 100, "A10": 500}),
    *CSV_SERVICES,
)


def _figures(given, default=0):
    return [given.get(indicator, default) for indicator in INDICATORS]


def _workbook(*rows, published="2025-09-11", headings=None, sheet="Raw", region_names=REGION_NAMES, introduction=""):
    """Write a workbook as published: a view, the data under three rows of headings and beside them other tables."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    about = book.add_worksheet("Introduction")
    about.write(0, 0, "About the Ambulance Quality Indicators (AQI)")
    about.write(1, 0, introduction)
    about.write(2, 1, "Published")  # no label: it does not stand first in its row
    about.write(2, 0, "Media contact")
    if published is not None:
        about.write_row(5, 0, ["Published", published] if published else ["Published"])
    book.add_worksheet("Response times").write(0, 1, "Response times")
    raw = book.add_worksheet(sheet)
    raw.hide()
    raw.write_row(0, 15, ["Incidents", "", "Count item", "A1", "A8"])
    raw.write_row(2, 8, ["Calls", "from", "C1", "C1", "C1"])
    raw.write_row(3, 7, ["Contacts", "Count", "Total time", "Mean", "50th"])
    raw.write_row(4, 0, headings or ["Concatenated", "Year", "Month", "Reg", "", "Area", "Trust", *INDICATORS])
    beside = 7 + len(INDICATORS) + 1
    raw.write_row(4, beside, ["Month", "Year", "Days", "50th.Prod"])
    if region_names:
        raw.write_row(4, beside + 5, ["Geography", "Code", "Region", "Region Long"])
    for at, (code, name) in enumerate(region_names, start=6):
        raw.write_row(at, beside + 5, [name, "", code, name])
    line = 5
    for year, month, region, code, name, given in rows:
        raw.write_row(
            line, 0, [f"{year}{month}{code}", year, month, region, "its name", code, name, *_figures(given), 8]
        )
        line += 2 if code in ("ENG", "Y63") else 1  # gaps between the tables, where only the other ones go on
    raw.write(line + 1, 0, "Raw data")
    book.close()
    return content.getvalue()


def _csv(*rows, headings=("Year", "Month", "Region", "Org Code", "Org Name"), missing="."):
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow([*headings, *INDICATORS])
    lines.writerows([*keys, *_figures(given, missing)] for *keys, given in rows)
    return text.getvalue()


def _file(content, name="AmbSYS.xlsx"):
    content = content.encode() if isinstance(content, str) else content
    return SourceFile(f"folder/{name}", name, content)


def _workbook_file(*rows, **layout):
    return _file(_workbook(*(rows or ROWS), **layout))


def _csv_file(*rows, **layout):
    return _file(_csv(*(rows or CSV_ROWS), **layout), name="AmbSYS-to-Aug-2025.csv")


def _values(publication, metric="category_1_incidents"):
    return dict(publication.observations.filter(pl.col("metric") == metric).select("org_code", "value").iter_rows())


def _refused(file, *parts):
    """The file is refused in one line that has every part, its place first and what to do last."""
    with pytest.raises(SourceError) as refusal:
        ambulance_systems.read(file)
    said = str(refusal.value)
    assert said.startswith(file.place)
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said
    assert "gain" in said or "publisher" in said


# ---- both layouts


@pytest.mark.parametrize("file", [_workbook_file(), _csv_file()])
def test_it_is_recognised_by_what_it_holds(file):
    assert recognise(SourceFile("x/y", "y", file.content))[0] == "ambulance_systems"


def test_figures_stay_with_their_service_and_indicator():
    publication = ambulance_systems.read(_workbook_file())
    assert _values(publication) == {"RX6": 30, "RX8": 70, "RRU": 100, "ENG": 200}
    assert _values(publication, "category_2_incidents") == {"RX6": 200, "RX8": 300, "RRU": 500, "ENG": 1000}


def test_the_csv_gives_the_same():
    publication = ambulance_systems.read(_csv_file())
    assert _values(publication) == {"RX6": 30, "RRU": 100, "ENG": 130}


EVERY_METRIC = {
    "contacts": 0,
    "calls_answered": 1,
    "call_answer_time_seconds": 2,
    "incidents": 7,
    "category_1_incidents": 8,
    "category_1_transport_incidents": 9,
    "category_2_incidents": 10,
    "category_3_incidents": 11,
    "category_4_incidents": 12,
    "category_1_response_time_seconds": 24,
    "category_1_90th_centile_seconds": 26,
    "category_1_transport_response_time_seconds": 27,
    "category_1_transport_90th_centile_seconds": 29,
    "category_2_response_time_seconds": 30,
    "category_2_90th_centile_seconds": 32,
    "category_3_response_time_seconds": 33,
    "category_3_90th_centile_seconds": 35,
    "category_4_response_time_seconds": 36,
    "category_4_90th_centile_seconds": 38,
}


@pytest.mark.parametrize("make", [_workbook_file, _csv_file])
def test_every_indicator_has_a_metric_of_its_own(make):
    """Each indicator's figure is its own number, so that two swapped ones would show."""
    numbered = {indicator: int(indicator[1:]) for indicator in INDICATORS}
    given = CSV_ROWS if make is _csv_file else ROWS
    rows = [(*keys, numbered if keys[3] == "RRU" else figures) for *keys, figures in given]
    read = ambulance_systems.read(make(*rows)).observations.filter(pl.col("org_code") == "RRU")
    assert dict(read.select("metric", "value").iter_rows()) == EVERY_METRIC


@pytest.mark.parametrize("file", [_workbook_file(), _csv_file()])
def test_the_frames_follow_their_schemas_and_name_source_and_release(file):
    publication = ambulance_systems.read(file)
    assert Observations.is_valid(publication.observations)
    assert Organisations.is_valid(publication.organisations)
    assert publication.observations.select("source", "release").unique().rows() == [("ambulance_systems", file.sha256)]
    assert publication.organisations["release"].unique().to_list() == [file.sha256]


@pytest.mark.parametrize("file", [_workbook_file(), _csv_file()])
def test_figures_are_of_the_whole(file):
    assert ambulance_systems.read(file).observations.select("breakdown", "category").unique().rows() == [("", "")]


# ---- months


@pytest.mark.parametrize(
    ("year", "month", "first", "last"),
    [
        ("2017-18", "AUGUST", date(2017, 8, 1), date(2017, 8, 31)),
        ("2023-24", "DECEMBER", date(2023, 12, 1), date(2023, 12, 31)),
        ("2023-24", "JANUARY", date(2024, 1, 1), date(2024, 1, 31)),
        ("2023-24", "February", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-24", "MARCH", date(2024, 3, 1), date(2024, 3, 31)),
        ("2024-25", "APRIL", date(2024, 4, 1), date(2024, 4, 30)),
        ("1999-00", "MARCH", date(2000, 3, 1), date(2000, 3, 31)),
    ],
)
def test_a_month_of_a_financial_year(year, month, first, last):
    rows = [(year, month, *rest) for _, _, *rest in ROWS]
    read = ambulance_systems.read(_workbook_file(*rows)).observations
    assert read.select("period_start", "period_end").unique().rows() == [(first, last)]


@pytest.mark.parametrize(
    ("year", "month", "first"),
    [(2025, 1, date(2025, 1, 1)), (2024, 12, date(2024, 12, 1)), ("2025", "08", date(2025, 8, 1))],
)
def test_a_month_of_a_calendar_year(year, month, first):
    rows = [(year, month, *rest) for _, _, *rest in CSV_ROWS]
    assert ambulance_systems.read(_csv_file(*rows)).observations["period_start"].unique().to_list() == [first]


def test_one_file_holds_many_months():
    september = [("2025-26", "SEPTEMBER", *rest) for _, _, *rest in ROWS]
    publication = ambulance_systems.read(_workbook_file(*ROWS, *september))
    assert publication.observations.height == 2 * 19 * (3 + 1)
    assert publication.organisations.group_by("period_start").len().sort("period_start").rows() == [
        (date(2025, 8, 1), 3),
        (date(2025, 9, 1), 3),
    ]


@pytest.mark.parametrize(
    ("year", "month"),
    [("2025-26", "AUGUSTUS"), ("2025-26", ""), ("", "AUGUST"), ("2025/26", "AUGUST"), ("2025-26", "total")],
)
def test_what_is_no_month_is_refused(year, month):
    rows = [*ROWS[:-1], (year, month, *ROWS[-1][2:])]
    _refused(
        _workbook_file(*rows),
        "sheet 'Raw', row 12",
        f"found year {year!r} and month {month!r}",
        "'2025-26' and 'AUGUST'",
    )


@pytest.mark.parametrize("month", ["13", "0", "-1"])
def test_what_is_no_month_of_a_csv_is_refused(month):
    rows = [*CSV_ROWS[:-1], (2025, month, *CSV_ROWS[-1][2:])]
    _refused(_csv_file(*rows), "row 6: found year '2025' and month", repr(month))


# ---- rows that must not be counted twice


def test_rows_of_regions_are_left_out():
    codes = set(ambulance_systems.read(_workbook_file()).observations["org_code"])
    assert codes == {"ENG", "RX6", "RX8", "RRU"}


def test_rows_of_regions_are_left_out_of_the_csv_wherever_their_name_stands():
    assert set(ambulance_systems.read(_csv_file()).observations["org_code"]) == {"ENG", "RX6", "RRU"}


def test_rows_of_regions_are_known_by_name_where_services_give_no_code():
    names = {"Y63": "North East and Yorkshire", "Y56": "London"}
    services = [(year, month, names[region], *rest) for year, month, region, *rest in CSV_SERVICES]
    publication = ambulance_systems.read(_csv_file(*CSV_ROWS[:3], *services))
    assert set(publication.observations["org_code"]) == {"ENG", "RX6", "RRU"}
    assert publication.organisations["parent_name"].to_list() == ["North East and Yorkshire", "London"]


def test_other_tables_beside_and_below_the_data_are_no_rows():
    publication = ambulance_systems.read(_workbook_file())
    assert publication.observations.height == 19 * (3 + 1)


def test_a_service_keeps_the_name_that_it_had_in_each_month():
    renamed = [("2025-26", "SEPTEMBER", *rest) for _, _, *rest in ROWS[:-1]]
    renamed += [("2025-26", "SEPTEMBER", "Y56", "RRU", "LONDON AMBULANCE UNIVERSITY SERVICE", {})]
    names = ambulance_systems.read(_workbook_file(*ROWS, *renamed)).organisations.filter(pl.col("org_code") == "RRU")
    assert names["org_name"].to_list() == ["LONDON AMBULANCE SERVICE", "LONDON AMBULANCE UNIVERSITY SERVICE"]


@pytest.mark.parametrize("file", [_workbook_file(*ROWS, ROWS[-1]), _csv_file(*CSV_ROWS, CSV_ROWS[-1])])
def test_a_service_twice_in_a_month_is_refused(file):
    _refused(file, "organisation 'RRU' has", "twice for August 2025")


# ---- names


def test_services_have_their_names_and_regions():
    organisations = ambulance_systems.read(_workbook_file()).organisations
    assert organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RX6", "NORTH EAST AMBULANCE SERVICE", "North East and Yorkshire"),
        ("RX8", "YORKSHIRE AMBULANCE SERVICE", "North East and Yorkshire"),
        ("RRU", "LONDON AMBULANCE SERVICE", "London"),
    ]


def test_the_csv_names_regions_in_their_own_rows():
    organisations = ambulance_systems.read(_csv_file()).organisations
    assert organisations["parent_name"].to_list() == ["North East and Yorkshire", "London"]


def test_a_region_without_a_name_is_its_code():
    organisations = ambulance_systems.read(_workbook_file(region_names=())).organisations
    assert organisations["parent_name"].to_list() == ["Y63", "Y63", "Y56"]


@pytest.mark.parametrize(("code", "name"), [("", "LONDON AMBULANCE SERVICE"), ("RRU", "")])
def test_a_service_without_code_or_name_is_refused(code, name):
    _refused(_workbook_file(*ROWS[:-1], (*ROWS[-1][:3], code, name, {})), "row 12: no organisation code or name")


# ---- marks


@pytest.mark.parametrize("mark", ["-", ".", "", " - "])
def test_a_figure_that_is_not_available_is_never_a_zero(mark):
    rows = [*ROWS[:-1], (*ROWS[-1][:5], {"A8": mark, "A10": 7})]
    read = ambulance_systems.read(_workbook_file(*rows)).observations.filter(pl.col("org_code") == "RRU")
    known = {metric: (value, status) for metric, value, status in read.select("metric", "value", "status").iter_rows()}
    assert known["category_1_incidents"] == (None, "not_submitted")
    assert known["category_2_incidents"] == (7, "reported")


def test_the_csvs_dots_are_not_submitted():
    read = ambulance_systems.read(_csv_file()).observations
    statuses = read.filter(pl.col("metric") == "category_4_incidents")["status"].unique()
    assert statuses.to_list() == ["not_submitted"]


def test_a_published_zero_stays_a_zero():
    """A service that had not begun has zeros in the workbook; corrections tell which."""
    read = ambulance_systems.read(_workbook_file()).observations
    assert read["status"].unique().to_list() == ["reported"]


def test_thousands_may_be_parted():
    rows = [*CSV_ROWS[:-1], (*CSV_ROWS[-1][:5], {"A8": "1,100", "A10": "500"})]
    assert _values(ambulance_systems.read(_csv_file(*rows)))["RRU"] == 1100


def test_what_is_neither_figure_nor_mark_is_refused():
    rows = [*ROWS[:-1], (*ROWS[-1][:5], {"A10": "n/k"})]
    _refused(_workbook_file(*rows), "sheet 'Raw', row 12, category 2 incidents: found 'n/k', expected a number")


# ---- England and the sum of services


def test_services_that_add_up_leave_nothing_to_say():
    assert ambulance_systems.read(_workbook_file()).checks == []


def test_a_total_that_differs_is_said():
    rows = [(*ENGLAND[:5], {"A8": 201, "A10": 1000, "A30": 1_800_000}), *ROWS[1:]]
    assert ambulance_systems.read(_workbook_file(*rows)).checks == [
        "category 1 incidents, August 2025: organisations add up to 200, the published total is 201"
    ]


def test_centiles_are_published_and_never_compared_with_a_sum():
    publication = ambulance_systems.read(_workbook_file())
    assert _values(publication, "category_2_90th_centile_seconds") == {"RX6": 0, "RX8": 0, "RRU": 0, "ENG": 3285}
    assert publication.checks == []


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (_workbook_file(*SERVICES), "found 3 rows of services and 0 of England"),
        (_workbook_file(ENGLAND), "found 0 rows of services and 1 of England"),
        (_workbook_file(ENGLAND, REGION), "found 0 rows of services and 1 of England"),
        (_csv_file(*CSV_SERVICES), "found 2 rows of services and 0 of England"),
    ],
)
def test_england_and_at_least_one_service_are_expected(file, found):
    _refused(file, found, "expected some of each", "looks truncated")


# ---- what it says of itself


@pytest.mark.parametrize("published", ["2025-09-11 00:00:00", "11 September 2025", "11th September 2025"])
def test_the_workbook_says_when_it_was_published(published):
    vintage = ambulance_systems.read(_workbook_file(published=published)).vintage
    assert vintage == (ReleaseStatus.PROVISIONAL, date(2025, 9, 11))


@pytest.mark.parametrize("published", [None, "", "soon"])
def test_without_a_day_the_files_name_has_to_tell(published):
    assert ambulance_systems.read(_workbook_file(published=published)).vintage is None


def test_a_csv_does_not_say_when_it_was_published():
    assert ambulance_systems.read(_csv_file()).vintage is None


def test_a_workbook_without_an_introduction_has_no_vintage():
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    raw = book.add_worksheet("Raw")
    raw.write_row(0, 0, ["Year", "Month", "Reg", "Area", "Trust", *INDICATORS])
    for at, (*keys, given) in enumerate(ROWS, start=1):
        raw.write_row(at, 0, [*keys, *_figures(given)])
    book.close()
    publication = ambulance_systems.read(_file(content.getvalue()))
    assert publication.vintage is None
    assert _values(publication)["ENG"] == 200


# ---- columns


def test_columns_in_another_order():
    reordered = ["Trust", "Area", "", "Reg", "Month", "Year", "Concatenated", *INDICATORS]
    rows = [(name, code, "", region, month) for _, month, region, code, name, _ in ROWS]
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    raw = book.add_worksheet("Raw")
    raw.write_row(4, 0, reordered)
    for at, (row, (year, *_, given)) in enumerate(zip(rows, ROWS, strict=True), start=5):
        raw.write_row(at, 0, [*row, year, "", *_figures(given)])
    book.close()
    assert _values(ambulance_systems.read(_file(content.getvalue()))) == {"RX6": 30, "RX8": 70, "RRU": 100, "ENG": 200}


@pytest.mark.parametrize("lacks", ["A26", "Area"])
def test_a_missing_heading_is_named(lacks):
    headings = ["Concatenated", "Year", "Month", "Reg", "", "Area", "Trust", *INDICATORS]
    headings[headings.index(lacks)] = "Else"
    _refused(_workbook_file(headings=headings), "sheet 'Raw'", f"lacks 1 of them, first {lacks!r}")


def test_a_missing_heading_of_the_csv_is_named():
    headings = ("Year", "Month", "Region", "Organisation Code", "Org Name")
    _refused(_csv_file(headings=headings), "first 'Org Code'", "Did you mean 'organisation code'?")


# ---- the CSV as text


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_every_line_ending(ending):
    file = _file(_csv(*CSV_ROWS).replace("\r\n", ending), name="a.csv")
    assert ambulance_systems.recognises(file)
    assert _values(ambulance_systems.read(file))["ENG"] == 130


def test_a_byte_order_mark_and_quoted_headings():
    text = _csv(*CSV_ROWS).replace("Year,Month", '"Year","Month"', 1)
    file = _file(b"\xef\xbb\xbf" + text.encode(), name="a.csv")
    assert ambulance_systems.recognises(file)
    assert _values(ambulance_systems.read(file))["ENG"] == 130


def test_blank_lines_and_stray_columns_at_the_end():
    header, *lines = _csv(*CSV_ROWS).splitlines()
    text = "\r\n".join([header, "", *(f"{line},stray" for line in lines), "", "," * 32, ""])
    assert _values(ambulance_systems.read(_file(text, name="a.csv")))["ENG"] == 130


def test_a_short_row_is_refused():
    text = _csv(*CSV_ROWS).removesuffix(",.\r\n")
    _refused(_file(text, name="a.csv"), "row 6: 32 cells found, 33 expected", "looks truncated")


def test_what_is_not_csv_is_refused():
    header = _csv().splitlines()[0]
    _refused(_file(f'{header}\r\n"{"x" * 200_000}', name="a.csv"), "row 2: not CSV (field larger than field limit")


@pytest.mark.parametrize("content", [b"", b"Period,Org Code\r\n", b"\r\n"])
def test_a_text_without_the_headings_is_refused(content):
    _refused(_file(content, name="a.csv"), "no row has all 24 headings")


# ---- foreign files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Year,Month,A8\r\n",
        b"PK\x03\x04 not a zip at all",
        b"\xd0\xcf\x11\xe0 not a workbook",
        bytes(range(256)) * 20,
        _csv(*CSV_ROWS).replace("Month", "\0Month").encode(),
        _workbook(*ROWS)[:4096],
        _workbook(*ROWS, sheet="Data"),
        _workbook(*ROWS, headings=["Year", "Month", "A8", "A24", "A30"]),
    ],
    ids=[
        "empty",
        "other CSV",
        "false zip",
        "false xls",
        "bytes",
        "zero byte",
        "cut workbook",
        "other sheet",
        "headings",
    ],
)
def test_foreign_files_are_not_recognised(content):
    assert ambulance_systems.recognises(_file(content)) is False


@pytest.mark.parametrize("missing", ["A0", "A8", "A30"])
def test_a_renamed_heading_is_named(missing):
    headings = ["Concatenated", "Year", "Month", "Reg", "", "Area", "Trust", *INDICATORS]
    workbook = _workbook_file(headings=["Other" if heading == missing else heading for heading in headings])
    text = _file(_csv_file().text.replace(f",{missing},", ",Other,", 1), name="a.csv")
    for file in (workbook, text):
        assert ambulance_systems.recognises(file)
        _refused(file, f"first {missing!r}")


def test_a_renamed_sheet_is_missed_where_the_workbook_introduces_itself():
    """With the words of the real introduction; the file of clinical outcomes has these two the other way round."""
    said = "The AQI comprise the Systems Indicators (AmbSYS), in this spreadsheet,"
    other = "The AQI comprise the Clinical Outcomes (AmbCO), in this spreadsheet, and Systems Indicators (AmbSYS)."
    assert not ambulance_systems.recognises(_file(_workbook(*ROWS, sheet="Data", introduction=other)))
    file = _file(_workbook(*ROWS, sheet="Data", introduction=said))
    assert ambulance_systems.recognises(file)
    _refused(file, "no sheet 'Raw' among 3")


def test_its_files_are_nobody_elses():
    for file in (_workbook_file(), _csv_file()):
        assert [name for name, source in all_sources().items() if source.recognises(file)] == ["ambulance_systems"]
