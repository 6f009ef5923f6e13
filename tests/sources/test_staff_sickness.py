"""The sickness absence CSV, in both layouts, and what is refused; figures are typed, not taken from the reader."""

from datetime import date

import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, all_sources, recognise, staff_sickness

HEADINGS = (
    "DATE,NHSE_REGION_CODE,NHSE_REGION_NAME,ICS_CODE,ICS_NAME,ORG_CODE,ORG_NAME,ORG_TYPE,FTE_DAYS_LOST,"
    "FTE_DAYS_AVAILABLE,SICKNESS_ABSENCE_RATE_PERCENT"
)
OLD_HEADINGS = (
    "Date,HEE_region_code,HEE_region_name,Org Code,Org Name,Org Type,FTE Days Sick,FTE Days Available,SA Rate (%)"
)
TRUST = '30/04/2024,Y62,North West,QOP,NHS Greater Manchester,RM3,"Northern Care, Alliance",Acute,50500.5,1000000,5.05'
BOARD = "30/04/2024,Y58,South West,QT6,NHS Cornwall,QT6,NHS Cornwall,Integrated Care Board,300.0,10000.0,3"
OLD_TRUST = "2009-APR,Q1,North West,RM3,Salford Royal,Acute,4000,100000,4"
APRIL = date(2024, 4, 1)


def file(*rows, headings=HEADINGS, ends="\n"):
    text = ends.join((headings, *rows, ""))
    return SourceFile("folder/sickness.csv", "sickness.csv", text.encode())


def read(*rows, **layout):
    return staff_sickness.read(file(*rows, **layout))


def values(publication, metric, *, breakdown=""):
    rows = publication.observations.filter(metric=metric, breakdown=breakdown)
    return {code: (value, status) for code, value, status in rows.select("org_code", "value", "status").iter_rows()}


def refused(*rows, **layout):
    with pytest.raises(SourceError) as refusal:
        read(*rows, **layout)
    said = str(refusal.value)
    assert said.startswith("folder/sickness.csv")
    assert "\n" not in said
    assert "gain" in said or "publisher" in said
    return said


def test_the_system_is_read_where_the_file_has_it():
    def systems(publication):
        return dict(publication.organisations.select("org_code", "system_code").iter_rows())

    unplaced = BOARD.replace(",QT6,NHS Cornwall,QT6,", ",,,QT6,")
    assert systems(read(TRUST, BOARD)) == {"RM3": "QOP", "QT6": "QT6"}
    assert systems(read(TRUST, unplaced)) == {"RM3": "QOP", "QT6": None}
    assert systems(read(OLD_TRUST, headings=OLD_HEADINGS)) == {"RM3": None}


# ---- both layouts


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_days_and_rate_of_each_organisation_are_read(ends):
    publication = read(TRUST, BOARD, ends=ends)
    assert values(publication, "fte_days_lost") == {"RM3": (50500.5, "reported"), "QT6": (300, "reported")}
    assert values(publication, "fte_days_available") == {"RM3": (1e6, "reported"), "QT6": (1e4, "reported")}
    assert values(publication, "published_sickness_rate") == {"RM3": (5.05, "reported"), "QT6": (3, "reported")}
    assert publication.observations.select("period_start", "period_end").unique().rows() == [(APRIL, date(2024, 4, 30))]
    Observations.validate(publication.observations)
    Organisations.validate(publication.organisations)
    assert publication.organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RM3", "Northern Care, Alliance", "North West"),
        ("QT6", "NHS Cornwall", "South West"),
    ]
    assert publication.checks == []
    assert publication.vintage is None


def test_days_are_those_of_the_organisations_type_as_well():
    publication = read(TRUST, BOARD)
    parts = publication.observations.filter(breakdown="organisation_type", metric="fte_days_lost")
    assert parts.select("org_code", "category", "value").rows() == [
        ("RM3", "Acute", 50500.5),
        ("QT6", "Integrated Care Board", 300.0),
    ]
    assert values(publication, "published_sickness_rate", breakdown="organisation_type") == {}


def test_the_older_layout_holds_many_months():
    may = OLD_TRUST.replace("APR", "May").replace("4000,100000,4", "2000,80000,2.5")
    publication = read(
        OLD_TRUST, OLD_HEADINGS, may, headings=f"\ufeff{OLD_HEADINGS}"
    )  # headings again, in a joined file
    lost = publication.observations.filter(metric="fte_days_lost", breakdown="")
    assert lost.select("period_start", "period_end", "value").rows() == [
        (date(2009, 4, 1), date(2009, 4, 30), 4000),
        (date(2009, 5, 1), date(2009, 5, 31), 2000),
    ]
    assert publication.organisations.height == 2  # a month each


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        ("29/02/2024", date(2024, 2, 1)),
        (" 31/12/2024 ", date(2024, 12, 1)),
        ("2014-dec", date(2014, 12, 1)),
        ("2024-SEP", date(2024, 9, 1)),
    ],
)
def test_a_month_is_written_as_its_last_day_or_by_name(cell, month):
    found = read(TRUST.replace("30/04/2024", cell)).observations["period_start"].unique().to_list()
    assert found == [month]


@pytest.mark.parametrize(
    "cell",
    [
        "28/02/2024",
        "04/30/2024",
        "31/04/2024",
        "2024-04",
        "2024-XYZ",
        "April",
        "",
        "３０/04/2024",
        "30/4/24",
        "1/2/3/4",
    ],
)
def test_any_other_date_is_refused(cell):
    said = refused(BOARD, TRUST.replace("30/04/2024", cell))
    assert f"row 3, DATE: found {cell!r}, expected a month's last day such as '30/04/2024'" in said


# ---- missing figures and checks


@pytest.mark.parametrize(("mark", "status"), [("", "not_submitted"), ("-", "not_applicable"), ("*", "suppressed")])
def test_a_missing_figure_keeps_its_reason(mark, status):
    publication = read(TRUST, BOARD.replace("300.0", mark))
    assert values(publication, "fte_days_lost")["QT6"] == (None, status)
    assert publication.checks == []


def test_a_zero_is_a_figure_and_nothing_over_nothing_no_rate():
    publication = read(BOARD.replace("300.0,10000.0,3", "0,0,"))
    assert values(publication, "fte_days_available") == {"QT6": (0, "reported")}
    assert publication.checks == []


@pytest.mark.parametrize(
    ("rate", "is_said"), [("5.05", False), ("5.055", False), ("5.045", False), ("5.06", True), ("5.04", True)]
)
def test_rates_that_the_days_do_not_give_are_said(rate, is_said):
    """50,500 of a million days are 5.05 %: from there it is half a unit of the last decimal to 5.045 and to 5.055."""
    checks = read(BOARD, TRUST.replace("50500.5", "50500").replace(",5.05", f",{rate}")).checks
    expected = f"1 published rates are not days lost over days available, first RM3: {rate}, the days give 5.0500"
    assert checks == ([expected] if is_said else [])


# ---- what is refused


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((TRUST.replace("RM3", ""),), "row 2: no organisation's org_code"),
        ((TRUST.replace('"Northern Care, Alliance"', ""),), "row 2: no organisation's org_name"),
        ((BOARD, TRUST.replace("Acute", "")), "row 3: no organisation's type"),
        ((TRUST, TRUST), "organisation 'RM3' has fte days lost twice for April 2024"),
        ((TRUST.replace("50500.5", "many"),), "row 2, fte days lost: found 'many', expected a number"),
        ((TRUST, BOARD[:40]), "row 3: 5 cells found, 11 expected. The file looks truncated"),
        ((f"{TRUST},12",), "row 2: 12 cells found, 11 expected"),
        ((f'{TRUST[:60]}"x"y',), "not CSV"),
        ((), "no organisation under the headings"),
    ],
)
def test_what_does_not_fit_is_refused(rows, said):
    assert said in refused(*rows)


def test_empty_lines_and_empty_cells_beyond_the_headings_are_nothing():
    assert read(f"{TRUST},,", "", BOARD).organisations.height == 2


@pytest.mark.parametrize("heading", ["ORG_TYPE", "FTE_DAYS_LOST", "NHSE_REGION_NAME"])
def test_a_missing_heading_is_named(heading):
    said = refused(TRUST, headings=HEADINGS.replace(heading, "X"))
    assert f"the likeliest lacks 1 of them, first {heading!r}" in said


# ---- whose file it is


@pytest.mark.parametrize(
    "headings", [HEADINGS, OLD_HEADINGS, f"\ufeff{HEADINGS}", HEADINGS.replace("ORG_TYPE", "KIND")]
)
def test_both_layouts_are_recognised_and_a_renamed_heading_as_well(headings):
    assert recognise(file(TRUST, headings=headings)) == ("staff_sickness", staff_sickness)


@pytest.mark.parametrize(
    "headings",
    [
        "Period,Org Code,Parent Org,Org name,A&E attendances Type 1",
        HEADINGS.replace("ORG_TYPE", "CLUSTER_GROUP,BENCHMARK_GROUP,STAFF_GROUP"),
        HEADINGS.replace("ORG_TYPE", '"Staff group"'),
        f"{HEADINGS}\0",
        "",
    ],
)
def test_other_files_are_not_taken_for_it(headings):
    assert not staff_sickness.recognises(file(TRUST, headings=headings))


def test_the_source_is_found_by_its_name():
    assert all_sources()["staff_sickness"].LICENCE == "Open Government Licence v3.0"


def test_a_polars_frame_of_the_observations_has_each_figure_once():
    found = read(TRUST, BOARD).observations
    assert found.height == 2 * (3 + 2)
    assert found.filter(pl.struct("metric", "org_code", "breakdown").is_duplicated()).is_empty()
