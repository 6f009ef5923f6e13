import csv
import shutil
from datetime import date

import polars as pl
import pytest

from openmeasures import project, successions
from openmeasures.errors import DefinitionError
from openmeasures.successions import Link, load, of, restated

APRIL = date(2024, 4, 1)


def _whole(predecessor, successor, day):
    return Link(predecessor, successor, day, 1.0)


# ---- the links


README = """R1J RTQ 2019-10-01; RNL RNN 2019-10-01; RQ6 REM 2019-10-01; RC1 RC9 2020-04-01; RDD RAJ 2020-04-01;
RQ8 RAJ 2020-04-01; RBA RH5 2020-04-01; RD3 R0D 2020-10-01; RDZ R0D 2020-10-01; RT3 RJ1 2021-02-01; RXH RYR 2021-04-01;
RTV RW4 2021-06-01; RW6 RM3 2021-10-01; RW6 R0A 2021-10-01; RBZ RH8 2022-04-01; RA3 RA7 2020-04-01; RA4 RH5 2023-04-01;
RVY RBN 2023-07-01; RY9 RAX 2024-11-01; RAP RAL 2025-01-01; RY2 RWW 2026-04-01"""


@pytest.mark.parametrize("row", README.split(";"))
def test_every_change_that_matters_to_monthly_series_is_a_link(row):
    predecessor, successor, day = row.split()
    assert (predecessor, successor, date.fromisoformat(day)) in {link[:3] for link in load()}


def test_a_split_has_several_successors_and_no_share_that_nobody_knows():
    split = [link for link in load() if link.predecessor_code == "RW6"]
    assert [(link.successor_code, link.share, link.is_whole) for link in split] == [
        ("R0A", None, False),
        ("RM3", None, False),
    ]


def test_who_took_over_from_pennine_care_is_not_known_and_it_exists():
    [link] = [link for link in load() if link.predecessor_code == "RT2"]
    assert (link.successor_code, link.share) == ("unknown", None)
    with (project.root() / "reference" / "organisations.csv").open(encoding="utf-8") as file:
        [trust] = [row for row in csv.DictReader(file) if row["org_code"] == "RT2"]
    assert trust["closed"] == ""


@pytest.mark.parametrize("org_code", ["RNU", "RWX", "RYG", "RAT", "RET", "RYF"])
def test_a_gap_in_submissions_is_no_merger(org_code):
    assert of(org_code, load(), after=date(2010, 1, 1), until=date(2030, 1, 1)) == ()


def test_the_boards_of_april_2026_have_predecessors():
    after = {link.successor_code for link in load() if link.date == date(2026, 4, 1)}
    assert {"D7T5G", "S0E4D", "S1Y5D", "S9B9J", "T6Y0W", "Z9B2Z"} <= after


def test_the_sample_has_its_own():
    assert load(synthetic=True) == (_whole("Z-21", "Z-20", APRIL),)


def test_links_are_in_order_of_date():
    days = [link.date for link in load()]
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("after", "until", "found"),
    [
        (date(2024, 3, 1), date(2024, 3, 31), 0),
        (date(2024, 3, 1), APRIL, 1),
        (date(2024, 3, 31), date(2024, 4, 30), 1),
        (APRIL, date(2024, 4, 30), 0),
    ],
)
@pytest.mark.parametrize("org_code", ["OLD", "NEW"])
def test_an_organisation_has_the_links_that_its_data_span(org_code, after, until, found):
    links = [_whole("OLD", "NEW", APRIL), _whole("A", "B", APRIL)]
    assert len(of(org_code, links, after=after, until=until)) == found


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """Change one row of a project's own successions; read them."""
    shutil.copytree(project.root() / "reference", tmp_path / "reference")
    (tmp_path / "analyses").mkdir()
    (tmp_path / "_quarto.yml").touch()
    monkeypatch.chdir(tmp_path)

    def change(old, new):
        path = tmp_path / "reference" / successions.FILE
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return load()

    return change


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("RBZ,RH8,", "RBZ,RBZ,", "successor_is_another_organisation"),
        ("RT2,unknown,2019-07-01,", "RT2,unknown,2019-07-01,1", "share_of_an_unknown_successor_is_empty"),
        ("RBZ,RH8,2022-04-01,1", "RBZ,RH8,2022-04-01,0", "share_is_more_than_none"),
        ("RBZ,RH8,2022-04-01,1", "RBZ,RH8,2022-04-01,1.1", "share|max"),
        ("RW6,R0A,2021-10-01,", "RAP,R0A,2021-10-01,0.1", "shares_add_up_to_one_at_most"),
        ("RBZ,RH8,2022-04-01", "RBZ,RH8,", "date|nullability"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_its_name(fork, old, new, rule):
    with pytest.raises(DefinitionError, match=r"successions\.csv: rows \[") as refusal:
        fork(old, new)
    assert f"'{rule}'" in str(refusal.value)


def test_known_shares_of_a_split_may_add_up_to_one(fork):
    links = fork("RW6,RM3,2021-10-01,", "RW6,RM3,2021-10-01,0.75")
    assert [link.share for link in links if link.predecessor_code == "RW6"] == [None, 0.75]


# ---- restating


def _codes(links, *rows):
    frame = pl.DataFrame(rows, schema=["org_code", "period_start"], orient="row")
    return restated(frame, links).to_list()


def test_only_what_was_before_the_date_is_put_under_the_successor():
    rows = (("OLD", date(2024, 3, 1)), ("OLD", APRIL), ("NEW", date(2024, 3, 1)), ("ENG", date(2024, 3, 1)))
    assert _codes([_whole("OLD", "NEW", APRIL)], *rows) == ["NEW", "OLD", "NEW", "ENG"]


def test_of_a_chain_the_last_successor_counts_whatever_the_order_of_links():
    links = [_whole("B", "C", APRIL), _whole("A", "B", date(2023, 4, 1))]
    rows = (("A", date(2023, 3, 1)), ("A", date(2023, 4, 1)), ("B", date(2024, 3, 1)), ("B", APRIL))
    assert _codes(links, *rows) == ["C", "A", "C", "B"]


@pytest.mark.parametrize("share", [None, 0.5])
def test_a_part_moves_nothing(share):
    assert _codes([Link("OLD", "NEW", APRIL, share)], ("OLD", date(2024, 3, 1))) == ["OLD"]


def test_many_links_take_no_longer_than_few():
    """As one expression, forty took minutes."""
    chain = [_whole(f"R{number}", f"R{number + 1}", date(1980 + number, 4, 1)) for number in range(40)]
    assert _codes(chain, ("R0", date(1970, 4, 1))) == ["R40"]
