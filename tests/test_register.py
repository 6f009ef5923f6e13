import shutil
from datetime import date

import polars as pl
import pytest

from openmeasures import project, reference, register
from openmeasures.errors import DefinitionError


def _of(org_code, *, synthetic=False):
    return register.organisations(synthetic=synthetic).filter(pl.col("org_code") == org_code).row(0, named=True)


def test_a_trust_has_its_name_type_system_and_region():
    assert _of("RR8") == {
        "org_code": "RR8",
        "org_name": "Leeds Teaching Hospitals NHS Trust",
        "org_type": "acute trust",
        "system_code": "QWO",
        "system_name": "NHS West Yorkshire Integrated Care Board",
        "region_code": "Y63",
        "region_name": "North East and Yorkshire",
        "opened": date(1998, 4, 1),
        "closed": None,
        "town": "Leeds",
    }


def test_a_closed_trust_stays_and_its_type_is_not_guessed():
    assert (_of("RA4")["closed"], _of("RA4")["org_type"]) == (date(2023, 3, 31), "acute trust")
    assert (_of("RWQ")["closed"], _of("RWQ")["org_type"]) == (date(2011, 6, 30), "unknown")


# The sixteen that ERIC calls "ACUTE - SPECIALIST" in 2021/22, typed by name.
SPECIALISTS = {
    "RAN": "Royal National Orthopaedic", "RBQ": "Liverpool Heart and Chest", "RBS": "Alder Hey",
    "RBV": "Christie", "RCU": "Sheffield Children", "REN": "Clatterbridge", "REP": "Liverpool Women",
    "RET": "Walton", "RGM": "Papworth", "RL1": "Agnes Hunt", "RP4": "Great Ormond Street", "RP6": "Moorfields",
    "RPC": "Queen Victoria", "RPY": "Marsden", "RQ3": "Birmingham Women", "RRJ": "Royal Orthopaedic",
}  # fmt: skip


def test_specialist_trusts_are_no_peers_of_general_hospitals():
    known = register.organisations().filter(pl.col("org_type") == "specialist trust", pl.col("closed").is_null())
    named = dict(known.select("org_code", "org_name").iter_rows())
    assert set(named) == set(SPECIALISTS)
    assert [code for code, part in SPECIALISTS.items() if part.lower() not in named[code].lower()] == []


def test_what_was_seen_in_a_copy_alone_is_not_called_verified():
    types = reference.read_table(project.root() / "reference" / register.TYPES, register.Types)
    assert types.filter(pl.col("source_title").str.contains("in a copy") == pl.col("verified")).is_empty()
    assert set(types.filter(pl.col("org_type") == "specialist trust")["verified"]) == {False}


def test_few_trusts_that_figures_can_be_of_have_no_type():
    """Those that closed before 2014, in Wales, not yet open, or that no list calls anything that we have a word for."""
    since = pl.col("closed").is_null() | (pl.col("closed") >= date(2014, 1, 1))
    unknown = register.organisations().filter(since, pl.col("org_type") == register.UNKNOWN)
    assert set(unknown["org_code"]) == {"K0N6A", "R0C", "R1G", "RQF", "RT4", "RYH", "RYT"}


def test_a_care_trust_that_ods_lists_elsewhere_has_a_type_and_no_more():
    known = _of("TAF")
    assert (known["org_type"], known["org_name"], known["system_name"]) == ("mental health trust", None, None)


def test_a_welsh_trust_is_in_no_system():
    assert (_of("RYT")["system_name"], _of("RYT")["region_name"]) == (None, None)


def test_the_sample_has_its_own_organisations_in_its_own_systems():
    known = _of("Z-21", synthetic=True)
    assert (known["org_type"], known["system_code"], known["region_code"]) == ("acute trust", "Z-Q10", "Z-Y3")
    assert known["system_name"] == "NHS Sundrey Integrated Care Board"
    assert set(register.organisations(synthetic=True)["org_code"].str.slice(0, 2)) == {"Z-"}


def test_every_trust_in_england_that_is_open_has_a_system_and_a_region():
    opened = register.organisations().filter(pl.col("closed").is_null() & pl.col("org_name").is_not_null())
    without = opened.filter(pl.col("system_name").is_null() | pl.col("region_name").is_null())
    assert without["org_code"].to_list() == ["RQF", "RT4", "RYT"]  # the three of Wales


def test_the_boards_of_before_and_after_april_2026_are_42_and_36():
    boards = register.systems()
    before = boards.filter(pl.col("opened") < date(2026, 4, 1))
    after = boards.filter(pl.col("closed").is_null())
    assert (before.height, after.height) == (42, 36)
    assert set(boards["closed"].drop_nulls()) == {date(2026, 3, 31)}


@pytest.mark.parametrize(("code", "level"), [("QUY", "system"), ("Y58", "region"), ("RR8", ""), ("ENG", "")])
def test_a_code_is_that_of_a_system_a_region_or_neither(code, level):
    assert register.level_of(code) == level
    assert register.level_of(f"Z-{code}", synthetic=True) == ""
    assert (register.level_of("Z-Q1", synthetic=True), register.level_of("Z-Q1")) == ("system", "")


def test_areas_are_systems_and_regions_each_once():
    areas = register.areas()
    assert dict(areas.group_by("level").len().iter_rows()) == {"system": 48, "region": 7}
    assert areas.filter(pl.col("org_code") == "Y56").row(0) == ("Y56", "London", "London", "region")
    assert areas["org_code"].is_unique().all()


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A project of one's own, whose reference tables may be changed: `fork(file, old, new)`."""
    shutil.copytree(project.root() / "reference", tmp_path / "reference")
    (tmp_path / "analyses").mkdir()
    (tmp_path / "_quarto.yml").touch()
    monkeypatch.chdir(tmp_path)

    def change(file, old, new):
        path = tmp_path / "reference" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def test_a_system_that_is_not_listed_is_refused(fork):
    fork("organisations.csv", "RO197,QWO", "RO197,QXX")
    with pytest.raises(DefinitionError, match=r"system 'QXX' is not in systems\.csv \(1 are not\)\. Add it there"):
        register.organisations()


def test_an_independent_provider_is_one_by_its_role_and_a_type_that_is_cited_counts_before_it(fork):
    fork("organisations.csv", "RAE,", "NT3,Somewhere Hospital,RO172,QWO,Y63,2010-01-01,\nRAE,")
    fork("organisations.csv", "RJ1,Guy's and St Thomas' NHS Foundation Trust,RO197", "RJ1,Guy's,RO172")
    assert (_of("NT3")["org_type"], _of("RJ1")["org_type"]) == ("independent provider", "acute trust")


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        ("organisation_types.csv", "acute trust", "hospital", "org_type"),
        ("organisation_types.csv", "https://digital", "digital", "source_url"),
        ("organisations.csv", "RO197", "RO198", "role_code"),
        ("systems.csv", "Y63", "", "region_code"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(fork, file, old, new, rule):
    fork(file, old, new)
    with pytest.raises(DefinitionError, match=rf"{file}: rows \[.*\] break \['{rule}\|"):
        register.organisations()


def _directory(*rows):
    columns = dict.fromkeys(["org_code", "org_name", "region_name", "system_code"], pl.String)
    return pl.DataFrame([(*row, None)[:4] for row in rows], schema=columns, orient="row")


def test_a_publications_organisations_are_described_in_their_order():
    found = register.described(
        _directory(
            ("RR8", "Leeds", "West Yorkshire Integrated Care Board"),
            ("AXX99", "A Clinic", "London"),
            ("RQX", "RQX", ""),
            ("QWO", "West Yorkshire", "North East & Yorkshire"),
        )
    )
    assert found.rows() == [
        ("RR8", "Leeds", "North East and Yorkshire", "acute trust", "NHS West Yorkshire Integrated Care Board"),
        ("AXX99", "A Clinic", "London", "unknown", ""),
        ("RQX", "Homerton Healthcare NHS Foundation Trust", "London", "acute trust",
         "NHS North East London Integrated Care Board"),
        ("QWO", "West Yorkshire", "North East and Yorkshire", "integrated care board", ""),
    ]  # fmt: skip


def _placed(org_code, system_code, region="London"):
    found = register.described(_directory((org_code, org_code, region, system_code)))
    return found.select("system_name", "region_name").row(0)


@pytest.mark.parametrize(
    ("org_code", "named", "system", "region"),
    [
        # Whom the register does not have, and a trust that it has in West Yorkshire: the publication's word counts.
        ("NLX", "QUY", "NHS Bristol, North Somerset and South Gloucestershire Integrated Care Board", "South West"),
        ("RR8", "QUY", "NHS Bristol, North Somerset and South Gloucestershire Integrated Care Board", "South West"),
        # A board that is part of another since is that other; one that was split leaves it to the register.
        ("NRR", "QHG", "NHS Central East Integrated Care Board", "East of England"),
        ("RWG", "QM7", "NHS Central East Integrated Care Board", "East of England"),
        ("NQA", "QJG", "", "London"),
        # So does what is no board, and nothing.
        ("RR8", "QZZ", "NHS West Yorkshire Integrated Care Board", "North East and Yorkshire"),
        ("RR8", None, "NHS West Yorkshire Integrated Care Board", "North East and Yorkshire"),
        ("NLX", None, "", "London"),
        # A board is in itself where the publication says so, as an employer.
        ("QUY", "QUY", "NHS Bristol, North Somerset and South Gloucestershire Integrated Care Board", "South West"),
    ],
)
def test_the_system_is_the_one_that_the_publication_names_as_it_is_today(org_code, named, system, region):
    assert _placed(org_code, named) == (system, region)


def test_every_board_that_closed_is_one_of_today_or_was_split():
    """Of 48, 36 are open; 12 closed, of which 3 went to several."""
    today = {code: _placed("NLX", code)[0] for code in register.systems()["system_code"]}
    assert sorted(code for code, name in today.items() if not name) == ["QJG", "QM7", "QNQ"]
    assert len({*today.values()} - {""}) == 36


def test_members_are_those_in_a_known_area_by_its_code():
    found = register.described(
        _directory(("NLX", "A", "London", "QUY"), ("AXX99", "B", "London"), ("AXX98", "C", ""), ("RR8", "D", ""))
    )
    assert register.members(found, "system") == {"NLX": "QUY", "RR8": "QWO"}
    assert register.members(found, "region") == {"NLX": "Y58", "AXX99": "Y56", "RR8": "Y63"}


def test_a_code_that_nobody_knows_keeps_standing_for_a_name():
    assert register.described(_directory(("AXX99", "AXX99", "")))["org_name"].to_list() == ["AXX99"]
