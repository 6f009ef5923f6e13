"""The virtual wards workbook, with one sheet and with two; figures are typed, not taken from the reader."""

import io
from datetime import date

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, all_sources, recognise, virtual_wards

CAPACITY = "Virtual Ward Capacity \n(see note 1) "
PER_PEOPLE = "Virtual Ward Capacity per 100,000 GP registered population\n(see note 2) "
POPULATION = "GP registered population\n(see note 3) "
PATIENTS, OCCUPANCY = "Patients in a Virtual Ward\n(see notes 1 and 4) ", "Occupancy %\n(see note 5) "
ICB_HEADINGS = ("Region", "Region Code", "ICB code", "Name", CAPACITY, PER_PEOPLE, POPULATION, PATIENTS, OCCUPANCY)
PROVIDER_HEADINGS = ("Region", "Region Code", "Provider code", "Name", CAPACITY, PATIENTS, OCCUPANCY)

ENGLAND = ("-", "-", "-", "ENGLAND*", 250, 20.8, 1_200_000, 190, 0.76)
LUTON = ("East of England", "Y61", "QHG", "NHS Bedfordshire", 100, 20, 500_000, 80, 0.8)
DEVON = ("South West", "Y58", "QJK", "NHS Devon", 150, 21.4, 700_000, 110, 0.733)
BOARDS = (ENGLAND, LUTON, DEVON)
OF_PROVIDERS = (
    ("-", "-", "-", "England", 250, 190, 0.76),
    ("East of England", "Y61", "RV3", "CENTRAL NHS TRUST", 100, 80, 0.8),
    ("South West", "Y58", "RV3", "CENTRAL NHS TRUST", 50, 60, "100%*"),
    ("South West", "Y58", "RK9", "PLYMOUTH NHS TRUST", 100, 50, 0.5),
)


def workbook(
    boards=BOARDS, providers=None, *, month="April 2025", second_month=None, icb=ICB_HEADINGS,
    provider=PROVIDER_HEADINGS, title="Virtual Ward Data", revised="",
):  # fmt: skip
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    notes = book.add_worksheet("Notes")
    notes.write_row(1, 0, ["Title:", "Virtual Ward Capacity and Occupancy monthly statistics in England"])
    for name, headings, rows, said in (
        (title, icb, boards, month),
        (f"{title} - Provider", provider, providers, second_month or month),
    ):
        if rows is None:
            continue
        sheet = book.add_worksheet(name)
        about = {5: ["Month:", said], 10: ["Published:", "15th May 2025"], 11: ["Revised:", revised]}
        for line, cells in (about | {12: ["Status:", "Published"], 15: headings}).items():
            sheet.write_row(line, 0, cells)
        for line, row in enumerate(rows, start=16):
            sheet.write_row(line, 0, row)
    book.close()
    return SourceFile("folder/wards.xlsx", "wards.xlsx", content.getvalue())


def values(publication, metric):
    rows = publication.observations.filter(metric=metric)
    return {code: (value, status) for code, value, status in rows.select("org_code", "value", "status").iter_rows()}


def refused(file, *parts):
    with pytest.raises(SourceError) as refusal:
        virtual_wards.read(file)
    said = str(refusal.value)
    assert said.startswith("folder/wards.xlsx")
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said


def changed(row, **cells):
    """Return a row of a board with some cells changed, by the column's name here."""
    names = ("region", "region_code", "code", "name", "places", "per_people", "people", "patients", "occupancy")
    return tuple(cells.get(name, cell) for name, cell in zip(names, row, strict=True))


# ---- what is read


def test_counts_and_percentages_of_boards_and_england_are_read():
    publication = virtual_wards.read(workbook())
    assert values(publication, "virtual_ward_capacity") == {
        "ENG": (250, "reported"),
        "QHG": (100, "reported"),
        "QJK": (150, "reported"),
    }
    assert values(publication, "virtual_ward_patients")["QJK"] == (110, "reported")
    assert values(publication, "gp_registered_population")["ENG"] == (1_200_000, "reported")
    assert values(publication, "published_capacity_per_100_000")["QJK"] == (21.4, "reported")
    assert values(publication, "published_occupied_share")["QJK"] == (0.733, "reported")
    assert publication.observations.height == 3 * 5
    assert publication.observations.select("period_start", "period_end").unique().rows() == [
        (date(2025, 4, 1), date(2025, 4, 30))
    ]
    Observations.validate(publication.observations)
    Organisations.validate(publication.organisations)
    assert publication.organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("QHG", "NHS Bedfordshire", "East of England"),
        ("QJK", "NHS Devon", "South West"),
    ]
    assert publication.checks == []
    assert publication.vintage == (ReleaseStatus.PROVISIONAL, date(2025, 5, 15))


def test_a_capped_percentage_is_no_figure_and_its_counts_are():
    """160 of 150 places, for which the workbook has a text: read as a number it would be 100 %."""
    full = changed(DEVON, patients=160, occupancy="100%*")
    publication = virtual_wards.read(workbook((changed(ENGLAND, patients=240), LUTON, full)))
    assert values(publication, "published_occupied_share")["QJK"] == (None, "suppressed")
    assert values(publication, "virtual_ward_patients")["QJK"] == (160, "reported")
    assert publication.checks == []


def test_patients_that_nobody_submitted_are_said():
    absent = changed(DEVON, patients="**", occupancy="**")
    publication = virtual_wards.read(workbook((changed(ENGLAND, patients=80), LUTON, absent)))
    assert values(publication, "virtual_ward_patients")["QJK"] == (None, "not_submitted")
    assert values(publication, "virtual_ward_capacity")["QJK"] == (150, "reported")
    assert publication.checks == ["patients not submitted: QJK"]


def test_providers_have_metrics_of_their_own_and_their_rows_are_added_up():
    publication = virtual_wards.read(workbook(providers=OF_PROVIDERS))
    assert values(publication, "virtual_ward_capacity_of_providers") == {
        "ENG": (250, "reported"),
        "RV3": (150, "reported"),
        "RK9": (100, "reported"),
    }
    assert values(publication, "virtual_ward_patients_of_providers")["RV3"] == (140, "reported")
    assert set(values(publication, "virtual_ward_capacity")) == {"ENG", "QHG", "QJK"}
    assert publication.organisations["org_code"].to_list() == ["QHG", "QJK"]
    assert publication.checks == []


def test_a_provider_with_a_part_missing_has_no_sum():
    rows = (*OF_PROVIDERS[:2], (*OF_PROVIDERS[2][:5], "", ""), OF_PROVIDERS[3])
    publication = virtual_wards.read(workbook(providers=rows))
    assert values(publication, "virtual_ward_patients_of_providers")["RV3"] == (None, "not_submitted")
    assert values(publication, "virtual_ward_capacity_of_providers")["RV3"] == (150, "reported")


def test_a_total_that_is_not_the_sum_is_said_and_percentages_are_not_added():
    publication = virtual_wards.read(workbook((changed(ENGLAND, places=260), LUTON, DEVON)))
    assert publication.checks == [
        "virtual ward capacity, April 2025: organisations add up to 250, the published total is 260"
    ]


@pytest.mark.parametrize("name", ["ENGLAND*", "England", "England **"])
def test_englands_row_may_have_stars(name):
    assert values(virtual_wards.read(workbook((changed(ENGLAND, name=name), LUTON, DEVON))), "virtual_ward_patients")[
        "ENG"
    ] == (190, "reported")


def test_notes_under_the_table_are_no_rows():
    rows = (*BOARDS, ("*England's places include those of the Isle of Man",))
    assert virtual_wards.read(workbook(rows)).organisations.height == 2


def test_headings_may_have_other_notes():
    headings = [heading.replace("note 1)", "notes 7 and 8)") for heading in ICB_HEADINGS]
    assert values(virtual_wards.read(workbook(icb=headings)), "virtual_ward_capacity")["QHG"] == (100, "reported")


def test_a_revision_is_one():
    assert virtual_wards.read(workbook(revised="12th June 2025")).vintage == (ReleaseStatus.REVISED, date(2025, 6, 12))


# ---- what is refused


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"month": "Spring"}, "sheet 'Virtual Ward Data': found 'Spring' beside 'Month:'"),
        (
            {"providers": OF_PROVIDERS, "second_month": "May 2025"},
            "sheet 'Virtual Ward Data - Provider': another month",
        ),
        ({"boards": (LUTON, DEVON)}, "no rows named 'England'; expected exactly one"),
        ({"boards": (*BOARDS, ENGLAND)}, "2 rows named 'England'"),
        ({"boards": (ENGLAND, changed(LUTON, code="-"), DEVON)}, "row 18: figures without an organisation's code"),
        ({"boards": (ENGLAND, changed(LUTON, code=""), DEVON)}, "row 18: figures without an organisation's code"),
        ({"boards": (*BOARDS, DEVON)}, "organisation 'QJK' has virtual ward capacity twice for April 2025"),
        ({"boards": (ENGLAND, LUTON, changed(DEVON, occupancy="112%"))}, "found '112%', expected a number"),
        ({"icb": [*ICB_HEADINGS[:4], "Beds", *ICB_HEADINGS[5:]]}, "first 'Virtual Ward Capacity'"),
        ({"boards": None, "providers": OF_PROVIDERS}, "no sheet with a heading 'ICB code' among 'Notes', "),
    ],
)
def test_what_does_not_fit_is_refused(layout, said):
    refused(workbook(**layout), said)


def test_what_is_no_workbook_is_refused():
    refused(SourceFile("folder/wards.xlsx", "wards.xlsx", b"Region,ICB code"), "not a workbook")


# ---- whose file it is


@pytest.mark.parametrize(
    "layout", [{}, {"providers": OF_PROVIDERS}, {"boards": None, "providers": OF_PROVIDERS}, {"title": "Ward Data"}]
)
def test_it_is_recognised_by_its_headings(layout):
    assert recognise(workbook(**layout)) == ("virtual_wards", virtual_wards)


def test_other_files_are_not_taken_for_it():
    assert not virtual_wards.recognises(workbook(icb=("Region", "Code", "Name", "Available", "Occupied", "%")))
    assert not virtual_wards.recognises(SourceFile("a.csv", "a.csv", b"Region,ICB code,Name"))


def test_the_source_is_found_by_its_name():
    assert all_sources()["virtual_wards"].LICENCE == "Open Government Licence v3.0"


def test_each_figure_is_there_once():
    found = virtual_wards.read(workbook(providers=OF_PROVIDERS)).observations
    assert found.height == 3 * 5 + 3 * 2
    assert found.filter(pl.struct("metric", "org_code").is_duplicated()).is_empty()
