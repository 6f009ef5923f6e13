import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, ae_monthly, recognise

# Typed from the publication, in its order.
TYPES = [
    "Type 1 Departments - Major A&E",
    "Type 2 Departments - Single Specialty",
    "Type 3 Departments - Other A&E/Minor Injury Unit",
]
ARRIVAL = "hours from arrival to admission, transfer or discharge"
SHARES = [f"Percentage in 4 hours or less ({kind})" for kind in ("all", "type 1", "type 2", "type 3")]
GROUPS = [
    ("A&E attendances", [*TYPES, "Total attendances"]),
    (f"A&E attendances less than 4 {ARRIVAL}", [*TYPES, "Total Attendances < 4 hours"]),
    (f"A&E attendances greater than 4 {ARRIVAL}", [*TYPES, "Total Attendances > 4 hours"]),
    ("Percentage of attendances within 4 hours", SHARES),
    (
        "Emergency Admissions",
        [
            "Emergency Admissions via Type 1 A&E",
            "Emergency Admissions via Type 2 A&E",
            "Emergency Admissions via Type 3 and 4 A&E",
            "Total Emergency Admissions via A&E",
            "Other Emergency admissions (i.e not via A&E)",
            "Total Emergency Admissions",
            "Number of patients spending >4 hours from decision to admit to admission",
            "Number of patients spending >12 hours from decision to admit to admission",
        ],
    ),
]
BOOKED_GROUPS = [
    ("A&E Booked Appointment attendances", [*TYPES, "Total attendances"]),
    (
        f"A&E Booked Appointments attendances greater than 4 {ARRIVAL}",
        [*TYPES, "Booked Appointment Attendances > 4 hours"],
    ),
    ("A&E Booked Appointments Performance ", [f"{share} (Booked Appointments Only)" for share in SHARES]),
    (f"A&E Booked Appointment attendances less than 4 {ARRIVAL}", [*TYPES, "Total Attendances < 4 hours"]),
]
TITLE = "A&E Attendances & Emergency Admission monthly statistics, NHS and independent sector organisations in England"
EVERYBODY, NON_BOOKED, BOOKED = "Provider Level Data", "Non-Booked Data", "Booked Appointments Data"
# A hospital and a centre, attendances within and over four hours by type: walk-in, then by appointment.
HOSPITAL, CENTRE = ("RC9", "London", "Bedfordshire Hospitals"), ("Y0123", "London", "Walk In Centre")
WALKED_IN = {"RC9": ([600, 20, 90], [400, 2, 10]), "Y0123": ([0, 0, 50], [0, 0, 1])}
APPOINTED = {"RC9": ([30, 0, 4], [8, 0, 1]), "Y0123": ([0, 0, 5], [0, 0, 0])}
ADMITTED = {"RC9": [300, 3, 2, 305, 40, 345, 70, 25], "Y0123": [0] * 8}


def _summed(*rows):
    return [sum(column) for column in zip(*rows, strict=True)]


def _all(code):
    """Return within and over four hours of everybody."""
    return [_summed(WALKED_IN[code][at], APPOINTED[code][at]) for at in (0, 1)]


def _whole(within, late, admitted):
    """Return a row's cells in the sheets of everybody and of those without an appointment."""
    pairs = [(sum(within), sum(late)), *zip(within, late, strict=True)]
    shares = [n / (n + m) if n + m else "-" for n, m in pairs]
    groups = [[*cells, sum(cells)] for cells in (_summed(within, late), within, late)]
    return [*groups[0], *groups[1], *groups[2], *shares, *admitted]


def _booked(within, late):
    groups = [[*cells, sum(cells)] for cells in (_summed(within, late), late, within)]
    return [*groups[0], *groups[1], *["-"] * 4, *groups[2]]


def _sheets(month="June 2022"):
    """Return the workbook's sheets as lists of rows, for a test to change."""
    found = {}
    england = {
        EVERYBODY: _whole(*map(_summed, _all("RC9"), _all("Y0123")), _summed(*ADMITTED.values())),
        NON_BOOKED: _whole(*map(_summed, *WALKED_IN.values()), _summed(*ADMITTED.values())),
        BOOKED: _booked(*map(_summed, *APPOINTED.values())),
    }
    for sheet, groups in ((EVERYBODY, GROUPS), (NON_BOOKED, GROUPS), (BOOKED, BOOKED_GROUPS)):
        rows = [[], ["Title:", TITLE], [], ["Period:", month], ["Published:", "14th July 2022"], ["Revised:"], []]
        rows.append(["", "", "", *(text for title, names in groups for text in (title, *[""] * (len(names) - 1)))])
        rows.append(["Code", "Region", "Name", *(name for _, names in groups for name in names)])
        rows.append(["-", "-", "England", *england[sheet]])
        rows.append([])
        for code, region, name in (HOSPITAL, CENTRE):
            cells = {
                EVERYBODY: lambda code: _whole(*_all(code), ADMITTED[code]),
                NON_BOOKED: lambda code: _whole(*WALKED_IN[code], ADMITTED[code]),
                BOOKED: lambda code: _booked(*APPOINTED[code]),
            }[sheet](code)
            rows.append([code, f"NHS England {region} ", name, *cells])
        found[sheet] = rows
    return found


ENGLAND_ROW, HOSPITAL_ROW, CENTRE_ROW = 9, 11, 12


def _file(sheets=None, *, name="June-2022-AE-by-provider.xls"):
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for title, rows in (_sheets() if sheets is None else sheets).items():
            sheet = book.add_worksheet(title)
            for line, row in enumerate(rows):
                sheet.write_row(line, 0, row)
    return SourceFile(f"folder/{name}", name, content.getvalue())


def _old(month="April 2019"):
    """Return the layout before August 2020: the attendances of the first sheet are all there are."""
    sheets = _sheets(month)
    return {EVERYBODY: sheets[EVERYBODY], "STP Level Data": [["Code", "STP"]]}


def _values(publication, code):
    return dict(publication.observations.filter(org_code=code).select("metric", "value").iter_rows())


def _refused(sheets, *parts):
    with pytest.raises(SourceError) as refusal:
        ae_monthly.read(_file(sheets))
    said = str(refusal.value)
    assert said.startswith("folder/June-2022-AE-by-provider.xls")
    assert [part for part in parts if part not in said] == []
    assert "again" in said or "publisher" in said  # every refusal ends with what to do


# ---- what is read


def test_attendances_are_those_without_an_appointment_and_booked_ones_stand_apart():
    assert _values(ae_monthly.read(_file()), "RC9") == {
        "attendances_type_1": 600 + 400,
        "attendances_type_2": 20 + 2,
        "attendances_type_3": 90 + 10,
        "over_four_hours_type_1": 400,
        "over_four_hours_type_2": 2,
        "over_four_hours_type_3": 10,
        "booked_attendances_type_1": 30 + 8,
        "booked_attendances_type_2": 0,
        "booked_attendances_type_3": 4 + 1,
        "booked_over_four_hours_type_1": 8,
        "booked_over_four_hours_type_2": 0,
        "booked_over_four_hours_type_3": 1,
        "emergency_admissions_type_1": 300,
        "emergency_admissions_type_2": 3,
        "emergency_admissions_type_3": 2,
        "other_emergency_admissions": 40,
        "dta_waits_four_to_twelve_hours": 70 - 25,
        "dta_waits_over_twelve_hours": 25,
        "within_four_hours_share": pytest.approx((600 + 20 + 90 + 34) / (1122 + 43), abs=1e-9),
        "within_four_hours_share_type_1": pytest.approx(630 / 1038, abs=1e-9),
        "within_four_hours_share_type_2": pytest.approx(20 / 22, abs=1e-9),
        "within_four_hours_share_type_3": pytest.approx(94 / 105, abs=1e-9),
    }


def test_the_metrics_are_those_of_the_csv_and_the_published_shares(ae_file):
    metrics, of_csv = (set(ae_monthly.read(file).observations["metric"]) for file in (_file(), ae_file(("RC9", 1, 0))))
    assert of_csv < metrics
    assert all("share" in metric for metric in metrics - of_csv)


def test_englands_row_is_kept_and_providers_add_up_to_it():
    publication = ae_monthly.read(_file())
    england = _values(publication, "ENG")
    assert (england["attendances_type_3"], england["booked_attendances_type_3"]) == (100 + 51, 5 + 5)
    assert publication.checks == []


def test_the_frames_follow_their_schemas_and_name_their_release():
    file = _file()
    publication = ae_monthly.read(file)
    assert Observations.is_valid(publication.observations)
    assert Organisations.is_valid(publication.organisations)
    assert publication.observations.select("source", "release", "period_start", "period_end").unique().rows() == [
        ("ae_monthly", file.sha256, date(2022, 6, 1), date(2022, 6, 30))
    ]


def test_organisations_are_written_as_in_the_csv():
    sheets = _sheets()
    sheets[EVERYBODY][HOSPITAL_ROW][2] = "Bedfordshire  Hospitals\xa0Trust\xa0"
    assert ae_monthly.read(_file(sheets)).organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RC9", "BEDFORDSHIRE HOSPITALS TRUST", "NHS ENGLAND LONDON"),
        ("Y0123", "WALK IN CENTRE", "NHS ENGLAND LONDON"),
    ]


def _with_systems(sheets, *names, title="System Level Data", heading="System"):
    """Add a sheet of systems, and the name of one at the end of the rows of the hospital and the centre."""
    sheets[title] = [
        ["Title:", TITLE], ["Period:", "June 2022"], [title], ["", "", "A&E attendances"], ["Code", heading, TYPES[0]],
        ["-", "-", 2000], [], ["S1Y5D", "NHS Central East Integrated Care Board", 1000],
        ["QUY", "NHS Bristol And North Somerset Integrated Care Board", 900],
    ]  # fmt: skip
    for line, name in zip((HOSPITAL_ROW, CENTRE_ROW), names, strict=True):
        sheets[EVERYBODY][line].append(name)
    return sheets


def _systems(sheets):
    return dict(ae_monthly.read(_file(sheets)).organisations.select("org_code", "system_code").iter_rows())


CENTRAL_EAST, BRISTOL = (
    "NHS Central East  Integrated Care Board",
    "NHS Bristol and North Somerset INTEGRATED CARE BOARD",
)


def test_a_providers_system_is_the_one_that_its_row_ends_with():
    assert _systems(_with_systems(_sheets(), CENTRAL_EAST, BRISTOL)) == {"RC9": "S1Y5D", "Y0123": "QUY"}


def test_a_provider_whose_row_ends_with_no_system_of_the_workbook_is_in_none():
    assert _systems(_with_systems(_sheets(), BRISTOL, "NHS Frimley Integrated Care Board")) == {
        "RC9": "QUY", "Y0123": None,
    }  # fmt: skip


@pytest.mark.parametrize("title", ["STP Mapping", "SYSTEM MAPPING"])
def test_a_partnership_has_the_code_that_is_right_of_the_mapping(title):
    """The providers' own column is headed as the partnerships' is, and names what they belonged to once."""
    sheets = _with_systems(_sheets(), "Bedfordshire STP", BRISTOL)
    sheets[title] = [
        [], ["Org code", "Region", "Name", "STP", "", "", "STP", "Code"],
        ["RC9", "London", "Bedford", "Essex STP", "", "", "Essex STP", "QH8"],
        ["Y0123", "London", "Centre", "Essex STP", "", "", "BEDFORDSHIRE  STP", "QHG"],
        ["RXX", "London", "Gone", "Bedfordshire STP"],
    ]  # fmt: skip
    assert _systems(sheets) == {"RC9": "QHG", "Y0123": "QUY"}
    sheets[title] = []
    assert _systems(sheets) == {"RC9": None, "Y0123": "QUY"}


@pytest.mark.parametrize("layout", [{"heading": "Partnership"}, {"title": "Areas"}])
def test_other_sheets_have_no_systems(layout):
    assert _systems(_with_systems(_sheets(), CENTRAL_EAST, BRISTOL, **layout)) == {"RC9": None, "Y0123": None}


def test_a_workbook_without_systems_names_none():
    assert _systems(_sheets()) == {"RC9": None, "Y0123": None}


def test_the_csv_names_none(ae_file):
    assert ae_monthly.read(ae_file(("RC9", 1, 0))).organisations["system_code"].to_list() == [None]


def test_the_vintage_is_what_the_workbook_states():
    sheets = _sheets()
    assert ae_monthly.read(_file(sheets)).vintage == ("provisional", date(2022, 7, 14))
    sheets[EVERYBODY][5] = ["Revised:", "11th May 2023"]
    assert ae_monthly.read(_file(sheets)).vintage == ("revised", date(2023, 5, 11))


@pytest.mark.parametrize(
    ("period", "month"),
    [
        ("May 26", date(2026, 5, 1)),
        ("Jun 26", date(2026, 6, 1)),
        ("December-25", date(2025, 12, 1)),
        ("April 2025", date(2025, 4, 1)),
    ],
)
def test_a_month_however_the_workbook_writes_it(period, month):
    assert ae_monthly.read(_file(_sheets(period))).observations["period_start"].unique().to_list() == [month]


def test_a_dash_is_not_applicable_and_no_zero():
    """A trust that field-tests other standards has attendances, and no waits; England's row leaves its waits out."""
    sheets = _sheets()
    for sheet, waits in ((EVERYBODY, slice(7, 19)), (NON_BOOKED, slice(7, 19)), (BOOKED, slice(7, 15))):
        sheets[sheet][HOSPITAL_ROW][waits] = ["-"] * (waits.stop - waits.start)
        for column in range(waits.start, waits.stop):
            sheets[sheet][ENGLAND_ROW][column] = sheets[sheet][CENTRE_ROW][column]
    publication = ae_monthly.read(_file(sheets))
    found = publication.observations.filter(org_code="RC9", status="not_applicable")["metric"].to_list()
    assert sorted(found) == sorted(
        [f"{booked}over_four_hours_type_{kind}" for booked in ("", "booked_") for kind in (1, 2, 3)]
        + ["within_four_hours_share", *(f"within_four_hours_share_type_{kind}" for kind in (1, 2, 3))]
    )
    assert _values(publication, "RC9")["attendances_type_1"] == 1000
    assert publication.checks == []


@pytest.mark.parametrize(
    ("over_four", "over_twelve", "expected"),
    [
        (70, 25, (45.0, "reported")),
        (70, 70, (0.0, "reported")),
        ("-", 25, (None, "not_applicable")),
        (70, "*", (None, "suppressed")),
        ("-", "", (None, "not_applicable")),
    ],
)
def test_waits_of_four_to_twelve_hours_need_both_figures(over_four, over_twelve, expected):
    sheets = _sheets()
    sheets[NON_BOOKED][HOSPITAL_ROW][-2:] = [over_four, over_twelve]
    read = ae_monthly.read(_file(sheets)).observations
    [found] = read.filter(org_code="RC9", metric="dta_waits_four_to_twelve_hours").select("value", "status").rows()
    assert found == expected


# ---- before August 2020


def test_before_august_2020_nobody_was_asked_for_booked_appointments():
    publication = ae_monthly.read(_file(_old()))
    booked = publication.observations.filter(pl.col("metric").str.starts_with("booked_"))
    assert booked.height == 6 * (2 + 1)  # metrics; providers and England
    assert booked.select("value", "status").unique().rows() == [(None, "not_applicable")]
    assert _values(publication, "RC9")["attendances_type_1"] == 600 + 400 + 30 + 8  # of the sheet that there is


@pytest.mark.parametrize(("month", "is_refused"), [("July 2020", False), ("August 2020", True)])
def test_from_august_2020_on_booked_appointments_must_stand_apart(month, is_refused):
    if is_refused:
        _refused(_old(month), "no sheet 'Non-Booked Data' among 2 ('Provider Level Data', 'STP Level Data')")
    else:
        assert ae_monthly.read(_file(_old(month))).checks == []


def test_an_early_month_with_the_later_sheets_is_read_from_them():
    assert _values(ae_monthly.read(_file(_sheets("July 2020"))), "RC9")["attendances_type_1"] == 600 + 400


# ---- the publication's traps


def test_other_sheets_before_after_and_alike_are_left_alone():
    sheets = _sheets()
    alike = [list(row) for row in sheets[EVERYBODY]]
    alike[HOSPITAL_ROW][3] = 999
    around = {
        "System Level Data": alike,
        "Sheet1": [["Period", "Org Code"]],
        **sheets,
        "Provider Level Data (2)": alike,
    }
    assert _values(ae_monthly.read(_file(around)), "RC9") == _values(ae_monthly.read(_file(sheets)), "RC9")


def test_sheets_and_headings_differ_in_spaces_and_capitals():
    sheets = {f"{name} ".upper(): rows for name, rows in _sheets().items()}
    for rows in sheets.values():
        rows[8] = [f" {cell.upper()}" for cell in rows[8]]
    assert _values(ae_monthly.read(_file(sheets)), "RC9")["attendances_type_1"] == 1000


def test_numbers_above_and_notes_below_the_table_are_no_rows():
    sheets = _sheets()
    sheets[EVERYBODY][0] = ["", "", "", *range(4, 12)]
    sheets[EVERYBODY] += [[], ["", "", "A note about nothing"]]
    assert ae_monthly.read(_file(sheets)).organisations["org_code"].to_list() == ["RC9", "Y0123"]


def test_columns_that_stand_elsewhere():
    sheets = {name: [*rows[:7], *([7, "", *row] for row in rows[7:])] for name, rows in _sheets().items()}
    for rows in sheets.values():
        rows[8][0] = "Number"
    assert _values(ae_monthly.read(_file(sheets)), "RC9") == _values(ae_monthly.read(_file()), "RC9")


# ---- what does not add up is said, not refused


def test_a_total_that_differs_is_said():
    sheets = _sheets()
    sheets[NON_BOOKED][ENGLAND_ROW][3] += 1
    sheets[EVERYBODY][ENGLAND_ROW][3] += 1
    assert ae_monthly.read(_file(sheets)).checks == [
        "attendances type 1, June 2022: organisations add up to 1,000, the published total is 1,001"
    ]


def test_sheets_that_do_not_add_up_are_said():
    sheets = _sheets()
    sheets[EVERYBODY][HOSPITAL_ROW][3] += 7
    sheets[EVERYBODY][CENTRE_ROW][3] = "-"
    assert ae_monthly.read(_file(sheets)).checks == [
        "attendances type 1: those with and without an appointment do not add up to all of them for 2 organisations, "
        "first RC9: 1,038, and all are 1,045"
    ]


def test_a_provider_that_one_sheet_lacks_is_said():
    sheets = _sheets()
    del sheets[NON_BOOKED][CENTRE_ROW]
    said = ae_monthly.read(_file(sheets)).checks
    assert "attendances type 3, June 2022: organisations add up to 100, the published total is 151" in said
    assert (
        "attendances type 3: those with and without an appointment do not add up to all of them for 1 organisations, "
        "first Y0123: 5, and all are 56"
    ) in said


# ---- what is refused


@pytest.mark.parametrize("sheet", [EVERYBODY, NON_BOOKED, BOOKED])
def test_a_missing_heading_is_named(sheet):
    sheets = _sheets()
    sheets[sheet][8][3] = "Type 1"
    heading = "A&E Booked Appointment attendances" if sheet == BOOKED else "A&E attendances"
    _refused(
        sheets, f"sheet {sheet!r}: no row has all", f"the likeliest lacks 1 of them, first '{heading} | {TYPES[0]}'"
    )


@pytest.mark.parametrize("sheet", [EVERYBODY, NON_BOOKED, BOOKED])
@pytest.mark.parametrize("row", [None, ["Z", "-", "England"], ["-", "-", "Wales"]])
def test_no_row_for_england_is_refused(sheet, row):
    sheets = _sheets()
    if row is None:
        del sheets[sheet][ENGLAND_ROW]
    else:
        sheets[sheet][ENGLAND_ROW][:3] = row
    _refused(sheets, f"sheet {sheet!r}: no rows for England (code '-')", "expected exactly one")


def test_two_rows_for_england_are_refused():
    sheets = _sheets()
    sheets[EVERYBODY].append(sheets[EVERYBODY][ENGLAND_ROW])
    _refused(sheets, "2 rows for England (code '-') among 4; expected exactly one")


def test_england_alone_is_refused():
    sheets = _sheets()
    sheets[BOOKED] = sheets[BOOKED][: ENGLAND_ROW + 1]
    _refused(sheets, "sheet 'Booked Appointments Data': England alone; expected at least one provider")


@pytest.mark.parametrize(("column", "cell"), [(0, ""), (0, "-"), (2, "")])
def test_a_row_without_code_or_name_is_refused(column, cell):
    sheets = _sheets()
    sheets[NON_BOOKED][CENTRE_ROW][column] = cell
    _refused(sheets, "sheet 'Non-Booked Data', row 13: no organisation code or name")


def test_an_organisation_given_twice_is_refused():
    sheets = _sheets()
    sheets[BOOKED][CENTRE_ROW][0] = "RC9"
    _refused(sheets, "organisation 'RC9' has booked attendances type 1 twice for June 2022")


def test_a_cell_that_is_no_number_is_refused():
    sheets = _sheets()
    sheets[NON_BOOKED][HOSPITAL_ROW][3] = "about 1000"
    _refused(sheets, "sheet 'Non-Booked Data', row 12, attendances type 1: found 'about 1000', expected a number")


@pytest.mark.parametrize("period", ["", "2022", "Juni 22", "Ju 22", "Q2 2022"])
def test_a_period_that_is_no_month_is_refused(period):
    _refused(_sheets(period), f"found {period!r} beside 'Period:', expected for example 'April 2025' or 'May 26'")


def test_another_month_in_a_later_sheet_is_refused():
    sheets = _sheets()
    sheets[BOOKED][3] = ["Period:", "May 2022"]
    _refused(sheets, "sheet 'Booked Appointments Data': the period is 'May 2022', but 'June 2022' in the first sheet")


@pytest.mark.parametrize("missing", [NON_BOOKED, BOOKED])
def test_a_missing_sheet_is_named(missing):
    sheets = _sheets()
    del sheets[missing]
    _refused(sheets, f"no sheet {missing!r} among 2")


def test_a_workbook_without_the_first_sheet_is_refused():
    _refused({"Sheet1": [["a"]]}, "no sheet 'Provider Level Data' among 1 ('Sheet1')")


def test_a_file_cut_off_is_refused_and_nobodys():
    whole = _file().content
    for length in (8, 100, len(whole) // 2, len(whole) - 100):
        file = SourceFile("folder/cut.xls", "cut.xls", whole[:length])
        assert ae_monthly.recognises(file) is False
        with pytest.raises(SourceError, match=r"^folder/cut\.xls"):
            ae_monthly.read(file)


# ---- recognition


def test_it_is_recognised_by_sheet_and_title_whatever_its_name():
    assert recognise(_file(name="RTT-April-2026.csv")) == ("ae_monthly", ae_monthly)
    assert recognise(_file(_old())) == ("ae_monthly", ae_monthly)


@pytest.mark.parametrize("title", ["Virtual Ward Capacity", "A&E Attendances & Emergency Admission statistics, NHS"])
def test_another_title_is_another_publication(title):
    sheets = _sheets()
    sheets[EVERYBODY][1][1] = title
    assert ae_monthly.recognises(_file(sheets)) is False


def test_a_workbook_without_its_sheet_is_another_publication():
    sheets = _sheets()
    del sheets[EVERYBODY]
    assert ae_monthly.recognises(_file(sheets)) is False
