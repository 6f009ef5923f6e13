import io
from datetime import date, datetime

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, ae_time_series, recognise

TITLE = "A&E Attendances & Emergency Admission statistics, NHS and independent sector organisations in England"
# Typed from the publication, in its order.
TYPES = [
    "Type 1 Departments - Major A&E",
    "Type 2 Departments - Single Specialty",
    "Type 3 Departments - Other A&E/Minor Injury Unit",
]
ARRIVAL = "4 hours from arrival to admission, transfer or discharge"
SHARES = [f"Percentage in 4 hours or less ({kind})" for kind in ("all", "type 1", "type 2", "type 3")]
GROUPS = {
    "Activity": [
        ("A&E attendances", [*TYPES, "Total Attendances"]),
        (
            "Emergency Admissions",
            [
                "Emergency Admissions via Type 1 A&E",
                "Emergency Admissions via Type 2 A&E",
                "Emergency Admissions via Type 3 and 4 A&E",
                "Total Emergency Admissions via A&E",
                "Other Emergency Admissions (i.e not via A&E)",
                "Total Emergency Admissions",
                "Number of patients spending >4 hours from decision to admit to admission",
                "Number of patients spending >12 hours from decision to admit to admission",
            ],
        ),
    ],
    "Performance": [
        (f"A&E attendances less than {ARRIVAL}", [*TYPES, "Total Attendances < 4 hours"]),
        (f"A&E attendances greater than {ARRIVAL}", [*TYPES, "Total Attendances > 4 hours"]),
        ("Percentage of attendances within 4 hours", SHARES),
    ],
    "Booking": [
        ("A&E Booked Appointment attendances", [*TYPES, "Total attendances"]),
        (
            f"A&E Booked Appointment attendances less than or equal to {ARRIVAL}",
            [*TYPES, "Booked Appointment Attendances <= 4 hours"],
        ),
        (
            f"A&E Booked Appointments attendances greater than {ARRIVAL}",
            [*TYPES, "Booked Appointment Attendances > 4 hours"],
        ),
        ("Percentage of attendances within 4 hours", [f"{share} (Booked Appointments Only)" for share in SHARES]),
    ],
}
FIRST = {"Activity": 1, "Performance": 101, "Booking": 201}  # each column has its own number, so that a swap would show
MARCH, APRIL = datetime(2024, 3, 1), datetime(2024, 4, 1)


def _line(sheet, month, *, figure=None):
    width = sum(len(names) for _, names in GROUPS[sheet])
    return [month, *([figure] * width if figure is not None else range(FIRST[sheet], FIRST[sheet] + width))]


def _sheets(*months, title=TITLE):
    """Return the workbook's sheets as lists of rows, for a test to change; by default of March 2024."""
    found = {}
    for sheet, groups in GROUPS.items():
        found[sheet] = [
            [],
            ["Title:", title],
            ["Published:", "10th July 2025"],
            ["Revised:", "15th May 2025"],
            ["", *(text for band, names in groups for text in (band, *[""] * (len(names) - 1)))],
            ["Period", *(name for _, names in groups for name in names)],
            *(_line(sheet, month) for month in months or (MARCH,)),
        ]
    return found


HEADINGS, FIRST_ROW = 5, 6


def _file(sheets=None, *, name="Monthly-AE-Time-Series.xls"):
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "mmm-yy"}) as book:
        for title, rows in (_sheets() if sheets is None else sheets).items():
            sheet = book.add_worksheet(title)
            for line, row in enumerate(rows):
                sheet.write_row(line, 0, row)
    return SourceFile(f"folder/{name}", name, content.getvalue())


def _refused(sheets, said):
    with pytest.raises(SourceError) as refusal:
        ae_time_series.read(_file(sheets))
    assert str(refusal.value).startswith(f"folder/Monthly-AE-Time-Series.xls{said}")
    assert "again" in str(refusal.value) or "publisher" in str(refusal.value)


def test_every_heading_has_a_metric_of_its_own():
    read = ae_time_series.read(_file()).observations
    assert dict(read.select("metric", "value").iter_rows()) == {
        "attendances_with_booked_type_1": 1,
        "attendances_with_booked_type_2": 2,
        "attendances_with_booked_type_3": 3,
        "attendances_with_booked": 4,
        "emergency_admissions_type_1": 5,
        "emergency_admissions_type_2": 6,
        "emergency_admissions_type_3": 7,
        "emergency_admissions_via_ae": 8,
        "other_emergency_admissions": 9,
        "emergency_admissions": 10,
        "dta_waits_over_four_hours": 11,
        "dta_waits_over_twelve_hours": 12,
        "within_four_hours_with_booked_type_1": 101,
        "within_four_hours_with_booked_type_2": 102,
        "within_four_hours_with_booked_type_3": 103,
        "within_four_hours_with_booked": 104,
        "over_four_hours_with_booked_type_1": 105,
        "over_four_hours_with_booked_type_2": 106,
        "over_four_hours_with_booked_type_3": 107,
        "over_four_hours_with_booked": 108,
        "within_four_hours_share": 109,
        "within_four_hours_share_type_1": 110,
        "within_four_hours_share_type_2": 111,
        "within_four_hours_share_type_3": 112,
        "booked_attendances_type_1": 201,
        "booked_attendances_type_2": 202,
        "booked_attendances_type_3": 203,
        "booked_over_four_hours_type_1": 209,
        "booked_over_four_hours_type_2": 210,
        "booked_over_four_hours_type_3": 211,
    }


def test_the_frames_follow_their_schemas():
    file = _file()
    read = ae_time_series.read(file)
    assert Observations.is_valid(read.observations)
    assert Organisations.is_valid(read.organisations)
    assert read.organisations.rows() == [("ENG", "England", "", None, date(2024, 3, 1), file.sha256)]
    assert read.observations.select("source", "org_code", "period_end", "release").unique().rows() == [
        ("ae_time_series", "ENG", date(2024, 3, 31), file.sha256)
    ]


def test_the_vintage_is_the_day_of_publication_when_only_the_past_was_revised_before():
    assert ae_time_series.read(_file()).vintage == ("provisional", date(2025, 7, 10))


def test_months_before_june_2015_are_estimates_and_left_out():
    sheets = _sheets(datetime(2015, 5, 1), datetime(2015, 6, 1))
    sheets["Activity"][FIRST_ROW] = _line("Activity", datetime(2015, 5, 1), figure=1_138_652 / 7)
    assert ae_time_series.read(_file(sheets)).observations["period_start"].unique().to_list() == [date(2015, 6, 1)]


def test_a_sheet_may_begin_later_than_the_others():
    """Booked appointments have been counted since August 2020."""
    sheets = _sheets(MARCH, APRIL)
    del sheets["Booking"][FIRST_ROW]
    read = ae_time_series.read(_file(sheets))
    booked = read.observations.filter(pl.col("metric").str.starts_with("booked_"))
    assert booked["period_start"].unique().to_list() == [date(2024, 4, 1)]
    assert read.organisations["period_start"].to_list() == [date(2024, 3, 1), date(2024, 4, 1)]


def test_months_to_come_notes_and_what_stands_beside_the_table_are_left_alone():
    sheets = _sheets()
    sheets["Activity"][HEADINGS] += ["", "Operational standard (Performance)", "", 0.95]
    sheets["Activity"] += [[APRIL], [], ["Notes:"]]
    assert ae_time_series.read(_file(sheets)).observations["period_start"].unique().to_list() == [date(2024, 3, 1)]


def test_other_sheets_are_left_alone():
    around = {"Chart Data": [["", "", "Period 1"], [42]], **_sheets(), "Charts": [[42]], "Notes": [["1", "Estimated"]]}
    file = _file(around)  # once, since a workbook holds the moment in which it was made
    assert ae_time_series.read(file).observations.equals(
        ae_time_series.read(_file()).observations.with_columns(release=pl.lit(file.sha256))
    )


def test_a_dash_is_not_applicable_and_no_zero():
    sheets = _sheets()
    sheets["Performance"][FIRST_ROW][-1] = "-"
    read = ae_time_series.read(_file(sheets)).observations
    [found] = read.filter(metric="within_four_hours_share_type_3").select("value", "status").rows()
    assert found == (None, "not_applicable")


# ---- what is refused


@pytest.mark.parametrize(
    ("sheet", "heading"),
    [
        ("Activity", "A&E attendances | Type 1 Departments - Major A&E"),
        ("Performance", f"A&E attendances less than {ARRIVAL} | Type 1 Departments - Major A&E"),
        ("Booking", "A&E Booked Appointment attendances | Type 1 Departments - Major A&E"),
    ],
)
def test_a_missing_heading_is_named(sheet, heading):
    sheets = _sheets()
    sheets[sheet][HEADINGS][1] = "Type one"
    count = 1 + len(ae_time_series.SHEETS[sheet])
    _refused(
        sheets,
        f", sheet {sheet!r}: no row has all {count} headings; the likeliest lacks 1 of them, first {heading!r}",
    )


@pytest.mark.parametrize("missing", ["Performance", "Booking"])
def test_a_missing_sheet_is_named(missing):
    sheets = _sheets()
    del sheets[missing]
    _refused(sheets, f": no sheet {missing!r} among 2")


@pytest.mark.parametrize(
    ("cell", "shown"), [("Mar-24", "Mar-24"), (datetime(2024, 3, 15), "2024-03-15 00:00:00"), ("", "")]
)
def test_a_month_that_is_none_is_refused(cell, shown):
    sheets = _sheets()
    sheets["Booking"][FIRST_ROW][0] = cell
    _refused(sheets, f", sheet 'Booking', row 7, Period: found {shown!r}, expected the first day of a month")


def test_a_month_given_twice_is_refused():
    _refused(_sheets(MARCH, MARCH), ": organisation 'ENG' has attendances with booked type 1 twice for March 2024")


def test_a_cell_that_is_no_number_is_refused():
    sheets = _sheets()
    sheets["Activity"][FIRST_ROW][1] = "about 14"
    _refused(sheets, ", sheet 'Activity', row 7, attendances with booked type 1: found 'about 14', expected a number")


@pytest.mark.parametrize("months", [(datetime(2015, 5, 1),), (datetime(2010, 8, 1), datetime(2010, 9, 1))])
def test_a_sheet_without_a_calendar_month_is_refused(months):
    sheets = _sheets(MARCH)
    sheets["Performance"] = _sheets(*months)["Performance"]
    _refused(sheets, ", sheet 'Performance': no month since 2015-06 under the headings. The file looks truncated")


def test_a_file_cut_off_is_refused_and_nobodys():
    whole = _file().content
    for length in (8, 100, len(whole) // 2, len(whole) - 100):
        file = SourceFile("folder/cut.xls", "cut.xls", whole[:length])
        assert ae_time_series.recognises(file) is False
        with pytest.raises(SourceError, match=r"^folder/cut\.xls"):
            ae_time_series.read(file)


# ---- recognition


def test_it_is_recognised_by_sheet_and_title_whatever_its_name():
    assert recognise(_file(name="RTT.csv")) == ("ae_time_series", ae_time_series)


@pytest.mark.parametrize(
    "file",
    [
        _file(_sheets(title="A&E Attendances & Emergency Admission monthly statistics, NHS and independent sector")),
        _file({"Performance": _sheets()["Performance"]}),
        SourceFile("x", "x.csv", b"Period,Org Code\r\n"),
        SourceFile("x", "x.xls", b"\xd0\xcf\x11\xe0 and no workbook"),
    ],
)
def test_other_files_are_not(file):
    assert ae_time_series.recognises(file) is False


@pytest.mark.parametrize("file", [_file({"Sheet1": [["a"]]}), SourceFile("folder/x.csv", "x.csv", b"")])
def test_other_files_are_refused(file):
    with pytest.raises(SourceError, match=r": no sheet 'Activity' under the title 'A&E Attendances & Emergency Adm"):
        ae_time_series.read(file)
