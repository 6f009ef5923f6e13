from datetime import date

import polars as pl
import pytest

from openmeasures.organisations import as_written, directory, is_synthetic, region_written, regions_of


@pytest.mark.parametrize(
    ("code", "synthetic"), [("Z-01", True), ("Z-", True), ("Z01", False), ("RC9", False), ("", False)]
)
def test_a_hyphen_marks_a_synthetic_code(code, synthetic):
    assert is_synthetic(code) is synthetic


@pytest.mark.parametrize(
    ("published", "written"),
    [
        ("BARTS HEALTH NHS TRUST", "Barts Health NHS Trust"),
        ("THE ROYAL WOLVERHAMPTON NHS TRUST", "The Royal Wolverhampton NHS Trust"),
        ("ISLE OF WIGHT NHS TRUST", "Isle of Wight NHS Trust"),
        ("ST GEORGE'S UNIVERSITY HOSPITALS", "St George's University Hospitals"),
        ("ST GEORGE’S UNIVERSITY HOSPITALS", "St George’s University Hospitals"),
        ("CLEVEDON MINOR INJURIES UNIT (THE UNIT)", "Clevedon Minor Injuries Unit (The Unit)"),
        ("SITE - THE UNIT", "Site - The Unit"),
        ("IC24", "IC24"),
        ("MID AND SOUTH ESSEX, NHS TRUST", "Mid and South Essex, NHS Trust"),
        ("  TWO   SPACES ", "Two Spaces"),
        ("Barts Health NHS Trust", "Barts Health NHS Trust"),
        ("Barts  HEALTH", "Barts HEALTH"),
        ("", ""),
    ],
)
def test_names_lose_the_publications_capitals(published, written):
    assert as_written(published) == written


@pytest.mark.parametrize(
    ("parent", "region"),
    [
        ("NHS ENGLAND LONDON", "London"),
        ("NHS ENGLAND NORTH EAST AND YORKSHIRE ", "North East and Yorkshire"),
        (" NHS ENGLAND  SOUTH WEST", "South West"),
        ("SUNDREY", "Sundrey"),
        ("LONDON COMMISSIONING REGION ", "London"),
        ("Thornreach Commissioning Region", "Thornreach"),
        ("COMMISSIONING REGION OF LONDON", "Commissioning Region of London"),
        ("", ""),
    ],
)
def test_a_region_is_its_parents_name_without_what_publications_add(parent, region):
    assert region_written(parent) == region


def _named(*rows):
    columns = ["org_code", "org_name", "parent_name", "period_start", "release"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(system_code=pl.lit(None, pl.String))


def test_an_organisation_has_its_latest_name():
    found = directory(
        _named(
            ("RJ1", "NEW NAME", "NHS ENGLAND LONDON", date(2024, 3, 1), "b"),
            ("RC9", "BEDFORD", "NHS ENGLAND EAST OF ENGLAND", date(2024, 3, 1), "b"),
            ("RJ1", "OLD NAME", "NHS ENGLAND LONDON", date(2024, 2, 1), "c"),
        )
    )
    assert found.rows() == [("RC9", "Bedford", "East of England", None), ("RJ1", "New Name", "London", None)]


def test_an_organisation_has_the_system_of_the_latest_release_that_names_one():
    """The workbook of A&E names systems, the CSV of a later month does not; and a name counts before a code."""
    named = _named(
        ("NLX", "NLX", "", date(2024, 4, 1), "d"),
        ("NLX", "SIRONA", "", date(2024, 3, 1), "c"),
        ("NLX", "SIRONA", "", date(2024, 1, 1), "a"),
        ("NLX", "SIRONA", "", date(2024, 2, 1), "b"),
    ).with_columns(system_code=pl.Series([None, None, "QOX", "QUY"]))
    assert directory(named).rows() == [("NLX", "Sirona", "", "QUY")]
    assert (
        directory(named.with_columns(system_code=pl.Series(["QSL", None, "QOX", "QUY"])))["system_code"].item() == "QSL"
    )


def test_one_that_has_gone_keeps_its_last_name():
    found = directory(
        _named(
            ("RJ1", "STILL HERE", "", date(2024, 3, 1), "b"),
            ("RXH", "GONE", "", date(2021, 3, 1), "a"),
        )
    )
    assert found["org_name"].to_list() == ["Still Here", "Gone"]


def test_a_name_counts_before_a_code_that_stands_for_one():
    """The cancer data extract has no names."""
    found = directory(
        _named(
            ("RJ1", "GUY'S AND ST THOMAS'", "", date(2024, 2, 1), "a"),
            ("RJ1", "RJ1", "", date(2024, 3, 1), "b"),
            ("NYG", "NYG", "", date(2024, 3, 1), "b"),
        )
    )
    assert found["org_name"].to_list() == ["NYG", "Guy's and St Thomas'"]


ICB = "North London Integrated Care Board"


@pytest.mark.parametrize(
    ("areas", "regions"),
    [
        ([], {}),
        ([("A", "")], {}),
        ([("A", "London"), ("A", "")], {"A": "London"}),
        # A region holds more organisations than an integrated care board, in whatever order they come.
        ([("A", ICB), ("A", "London"), ("B", "London")], {"A": "London", "B": "London"}),
        ([("B", "London"), ("A", "London"), ("A", ICB)], {"A": "London", "B": "London"}),
        # C is in one publication alone, which gives no region; most of its neighbours are in London.
        (
            [("A", ICB), ("C", ICB), ("A", "London"), ("B", "London"), ("D", "London")],
            {"A": "London", "B": "London", "C": "London", "D": "London"},
        ),
        # Nobody knows better.
        ([("A", ICB)], {"A": ICB}),
        ([("A", "Two"), ("A", "One")], {"A": "One"}),
    ],
)
def test_an_organisation_has_one_region_whatever_its_publications_say(areas, regions):
    assert regions_of(areas) == regions
    assert regions_of(areas[::-1]) == regions


def test_no_organisation_gives_no_row():
    assert directory(_named(("RJ1", "A", "", date(2024, 3, 1), "b")).clear()).is_empty()
