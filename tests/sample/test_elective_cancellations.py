"""The sample's cancelled operations: the same bytes, sums that hold, and what is planted in them."""

from datetime import date

import polars as pl
import pytest

from openmeasures.methods import choice, spc
from openmeasures.sample import elective_cancellations as sample
from openmeasures.sources import SourceFile, elective_cancellations

CANCELLATIONS, BREACHES = "last_minute_cancellations", "not_treated_within_28_days"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cancellations")
    sample.write(folder)
    return folder


@pytest.fixture(scope="module")
def publications(folder):
    files = [SourceFile(str(path), path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return [elective_cancellations.read(file) for file in files]


@pytest.fixture(scope="module")
def counted(publications):
    """Breaches and cancellations by organisation and quarter."""
    rows = pl.concat([each.observations for each in publications]).filter(breakdown="")
    wide = rows.pivot("metric", index=["org_code", "period_start"], values="value").sort("org_code", "period_start")
    return wide.select("org_code", "period_start", numerator=BREACHES, denominator=CANCELLATIONS)


def series(counted, org_code):
    return counted.filter(org_code=org_code).with_columns(
        value=100 * pl.col("numerator") / pl.col("denominator").replace(0, None)
    )


def test_the_same_bytes_on_every_run(folder, tmp_path):
    written = sample.write(tmp_path)
    assert len(written) == 16
    for path in written:
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_only_the_notes_are_remarked_on_so_both_rows_of_england_add_up(publications):
    assert [check for each in publications for check in each.checks] == [
        "Z-17 Vannickstead Hospital NHS Trust and Z-22 Fennimarsh and Ludwyke NHS Trust did not submit data for Q2 "
        "2023-24.",
        "Z-13 Tolverdyke District Hospital NHS Trust submission only contains data up to 24th August 2025 for Q2 "
        "2025-26.",
    ]


def test_two_trusts_did_not_submit(publications):
    rows = pl.concat([each.observations for each in publications]).filter(status="not_submitted")
    assert sorted(rows.select("org_code", "period_start").unique().rows()) == [
        (code, date(2023, 7, 1)) for code in ("Z-17", "Z-22")
    ]


def test_one_quarter_alone_has_more_breaches_than_cancellations(counted):
    over = counted.filter(pl.col("numerator") > pl.col("denominator"))
    assert over.rows() == [("Z-S1", date(2025, 1, 1), 2, 1)]


def test_the_closed_theatre_shows(counted):
    mine = series(counted, "Z-12")
    is_since = pl.col("period_start") >= date(2024, 10, 1)
    before, since = mine.filter(~is_since), mine.filter(is_since)
    assert (before.height, since.height) == (10, 6)
    assert since["value"].min() > before["value"].max()
    assert spc.xmr(mine, improvement="decrease")["variation"].to_list()[-1] == "concern_high"


def test_few_breaches_get_no_limits_and_many_do(counted):
    suited = {code: choice.suits_limits(series(counted, code), kind="proportion") for code in ("Z-18", "Z-23", "Z-01")}
    assert suited == {"Z-18": False, "Z-23": True, "Z-01": True}


@pytest.mark.parametrize(
    ("name", "published"),
    [("Q2-2024-25", date(2024, 11, 14)), ("Q3-2024-25", date(2025, 2, 14)), ("Q4-2024-25", date(2025, 5, 14))],
)
def test_the_day_of_publication_is_in_the_second_month_after(folder, name, published):
    path = folder / f"{name}-Cancelled-Operations-synthetic.xlsx"
    found = elective_cancellations.read(SourceFile(str(path), path.name, path.read_bytes()))
    assert found.vintage.published == published
