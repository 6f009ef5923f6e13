"""The sample's virtual wards: their layout, their bytes and what is planted in whom."""

import hashlib
import shutil
from datetime import date
from statistics import mean

import polars as pl
import pytest

from openmeasures.errors import DefinitionError
from openmeasures.methods import spc
from openmeasures.periods import months
from openmeasures.sample import integrated_care_boards as boards
from openmeasures.sample import organisations as sample_organisations
from openmeasures.sample import virtual_wards as sample
from openmeasures.sources import SourceFile, virtual_wards

MONTHS = months(date(2022, 4, 1), date(2026, 3, 1))
# Every byte of all files. A deliberate change belongs in the changelog.
SHA_256 = "eeb546fcf7e6d8986798f49da9162578824cef8c6c71508681cf7d9c58e29995"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    paths = sample.write(tmp_path_factory.mktemp("sample") / "made")
    return dict(zip(MONTHS, (SourceFile(p.name, p.name, p.read_bytes()) for p in paths), strict=True))


@pytest.fixture(scope="module")
def publications(files):
    return {month: virtual_wards.read(file) for month, file in files.items()}


@pytest.fixture(scope="module")
def rows(publications):
    return pl.concat([publication.observations for publication in publications.values()])


@pytest.fixture(scope="module")
def occupancy(rows):
    """Patients over places in per cent of each board and month; None where nobody submitted the patients."""
    wide = rows.pivot("metric", index=["org_code", "period_start"], values="value")
    found = {}
    for code, month, patients, places in wide.select(
        "org_code", "period_start", "virtual_ward_patients", "virtual_ward_capacity"
    ).iter_rows():
        if places is not None:
            found.setdefault(code, {})[month] = None if patients is None else 100 * patients / places
    return found


def test_the_files_are_the_same_bytes_on_every_machine(files):
    every = hashlib.sha256(b"".join(file.content for file in files.values())).hexdigest()
    assert every == SHA_256


def test_providers_have_a_sheet_from_april_2025(files):
    two = [month for month, file in files.items() if len(file.workbook.sheets) == 3]
    assert two == months(date(2025, 4, 1), MONTHS[-1])
    assert files[MONTHS[0]].workbook.sheets == ["Notes", "Virtual Ward Data"]
    assert files[MONTHS[-1]].workbook.sheets[1:] == ["Virtual Ward Data - ICB", "Virtual Ward Data - Provider"]
    assert files[MONTHS[0]].name == "Monthly-Virtual-Ward-April2022-synthetic.xlsx"


def test_headings_stand_in_row_16_and_england_has_a_star_in_earlier_files(files):
    for month, file in files.items():
        cells = file.workbook.cells(file.workbook.sheets[1]).rows()
        assert cells[15][:3] == ("Region", "Region Code", "ICB code")
        assert cells[16][3] == ("ENGLAND*" if month < date(2024, 9, 1) else "England")


def test_boards_and_providers_add_up_to_england(publications, rows):
    assert {month: found.checks for month, found in publications.items() if found.checks} == {
        date(2025, 2, 1): ["patients not submitted: Z-Q3"]
    }
    england = rows.filter(org_code="ENG", period_start=MONTHS[-1])
    both = dict(england.select("metric", "value").iter_rows())
    assert both["virtual_ward_capacity"] == both["virtual_ward_capacity_of_providers"]
    assert both["virtual_ward_patients"] == both["virtual_ward_patients_of_providers"]


def test_a_provider_leads_wards_in_several_regions(files):
    cells = files[MONTHS[-1]].workbook.cells("Virtual Ward Data - Provider").rows()
    assert len([row for row in cells if row[2] == "Z-24"]) == 4


def test_more_patients_than_places_are_a_text(rows, occupancy):
    above = {(code, month) for code, found in occupancy.items() for month, value in found.items() if (value or 0) > 100}
    capped = rows.filter(metric="published_occupied_share", status="suppressed").select("org_code", "period_start")
    assert set(capped.iter_rows()) == above
    assert [code for code, _ in above].count("Z-Q4") > len(above) / 2 >= 5


def test_patients_are_missing_in_one_month(occupancy):
    missing = [(code, month) for code, found in occupancy.items() for month, value in found.items() if value is None]
    assert missing == [("Z-Q3", date(2025, 2, 1))]


def special_causes(values):
    points = pl.DataFrame({"org_code": "Z", "period_start": list(values), "value": list(values.values())})
    marked = spc.xmr(points, improvement="neutral").filter(pl.col("special_cause") != "none")
    return dict(marked.select("period_start", "variation").iter_rows())


def test_what_is_stable_has_no_special_cause(occupancy):
    assert special_causes(occupancy["Z-Q1"]) == {}


def test_a_step_of_fifteen_points_lasts(occupancy):
    before = [value for month, value in occupancy["Z-Q7"].items() if month < date(2024, 10, 1)]
    after = [value for month, value in occupancy["Z-Q7"].items() if month >= date(2024, 10, 1)]
    assert mean(after) - mean(before) == pytest.approx(15, abs=4)
    late = {month: side for month, side in special_causes(occupancy["Z-Q7"]).items() if month >= date(2024, 10, 1)}
    assert set(late.values()) == {"neutral_high"}


def test_twice_the_places_are_half_empty(rows, occupancy):
    places = dict(
        rows.filter(metric="virtual_ward_capacity", org_code="Z-Q11").select("period_start", "value").iter_rows()
    )
    assert places[date(2025, 4, 1)] / places[date(2025, 3, 1)] == pytest.approx(2, abs=0.3)
    assert mean(occupancy["Z-Q11"][month] for month in MONTHS if month >= date(2025, 4, 1)) < 40


def test_people_are_counted_each_april(rows):
    people = rows.filter(metric="gp_registered_population", org_code="Z-Q1").sort("period_start")
    changes = people.filter(pl.col("value") != pl.col("value").shift(1))["period_start"].to_list()
    assert changes == [date(2023, 4, 1), date(2024, 4, 1), date(2025, 4, 1)]


def test_boards_that_are_not_as_described_are_refused(tmp_path, monkeypatch):
    (tmp_path / "_quarto.yml").touch()
    (tmp_path / "analyses").mkdir()
    shutil.copytree(sample_organisations.reference_folder(), tmp_path / "reference" / "sample")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "reference" / "sample" / "integrated_care_boards.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('stable,"Only', ',"Only'), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"\['Z-Q1'\] break \['note_stands_exactly_with_story'\]"):
        boards.read_boards()
