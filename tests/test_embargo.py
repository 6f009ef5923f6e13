"""Releases that are not out: held back wherever figures are read, and shown in previews alone, which say so."""

import os
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from openmeasures import embargo, ingest, parameters, project, readers
from openmeasures.errors import ParameterError, StoreError
from openmeasures.ingest import Kept, Origin
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.store import Store

OUT = datetime(2024, 6, 13, 8, 30, tzinfo=UTC)  # 09:30 in London, in summer
SECOND = timedelta(seconds=1)
MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 1)
AGAIN = "March-2024-revised-130624.csv"  # its name says that it is of 13 June 2024
LATER = "2999-12-10T09:30"


@pytest.fixture
def hold(store, tmp_path, ae_csv):
    """Ingest April 2024 under an embargo, or as the origin says; return the outcome."""

    def one(until=LATER, *, rows=(("RC9", 1000, 300), ("RX9", 50, 5)), origin=None, **layout):
        path = tmp_path / "April-2024.csv"
        path.write_text(ae_csv(*rows, month="APRIL-2024", **layout), encoding="utf-8")
        moment = embargo.named(until) if until else None
        [outcome] = ingest.ingest([path], store, retrieved=date(2024, 5, 1), origin=origin, embargoed_until=moment)
        return outcome

    return one


def at(store, moment):
    return Store(store.folder, public_at=moment)


# ---- the time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-10", datetime(2026, 12, 10, 9, 30, tzinfo=UTC)),
        ("2026-07-09", datetime(2026, 7, 9, 8, 30, tzinfo=UTC)),  # summer time
        ("2026-12-10T14:00", datetime(2026, 12, 10, 14, 0, tzinfo=UTC)),
        ("2026-07-09 00:01", datetime(2026, 7, 8, 23, 1, tzinfo=UTC)),
        ("2026-07-09T09:30Z", datetime(2026, 7, 9, 9, 30, tzinfo=UTC)),
        ("2026-07-09T09:30-05:00", datetime(2026, 7, 9, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_london_s_unless_it_says_its_zone_and_a_day_means_half_past_nine(text, moment):
    assert embargo.named(text) == moment


@pytest.mark.parametrize("text", ["tomorrow", "10 December 2026", "09:30", "2026-13-01", "2026-12-10T25:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ParameterError, match=rf"embargo '{text}': not a time\. Write it as 2026-12-10T09:30"):
        embargo.named(text)


# ---- a release


def test_a_release_of_a_day_is_out_at_half_past_nine_of_it(keep, store):
    keep(("RC9", 100, 40), name=AGAIN)
    [release] = store.every_release()
    assert release.public_from == OUT


def test_a_release_without_a_day_is_taken_to_be_out(keep, store):
    keep(("RC9", 100, 40))
    assert store.releases()[0].public_from is None


def test_an_embargo_goes_before_the_publisher_s_day(hold, store):
    hold("2024-06-20T10:00")
    [release] = store.every_release()
    assert release.public_from == datetime(2024, 6, 20, 9, 0, tzinfo=UTC)


def test_what_was_downloaded_from_its_page_is_out(hold, store):
    vintage = Vintage(ReleaseStatus.PROVISIONAL, date(2999, 1, 1))
    hold(origin=Origin("ae_monthly", "https://example.org/a.csv", "0" * 64, vintage))
    [release] = store.releases()
    assert (release.embargoed_until is None, release.public_from) == (False, None)


def test_the_sample_is_out_unless_it_is_put_under_an_embargo(hold, store):
    hold("", rows=(("Z-01", 1000, 300),))
    assert [release.public_from for release in store.releases()] == [None]
    hold(rows=(("Z-01", 1000, 300),))
    assert store.releases() == []


# ---- the store


@pytest.mark.parametrize(("moment", "is_out"), [(OUT - SECOND, False), (OUT, True), (OUT + SECOND, True)])
def test_a_release_is_held_back_until_its_second(keep, store, moment, is_out):
    keep(("RC9", 100, 40))
    keep(("RC9", 100, 50), name=AGAIN)
    then = at(store, moment)
    assert then.newest("ae_monthly")[MARCH].file_name == (AGAIN if is_out else "March-2024.csv")
    found = then.observations("ae_monthly", metrics=["over_four_hours_type_1"], org_codes=["RC9"])
    assert found["value"].to_list() == [50 if is_out else 40]
    assert (then.totals("ae_monthly").filter(pl.col("value") == 50).height > 0) == is_out
    assert [release.file_name for release in store.not_out(moment)] == ([] if is_out else [AGAIN])
    assert len(then.every_release()) == 2


def test_a_period_and_an_organisation_of_a_release_that_is_held_back_are_not_there(keep, hold, store):
    keep(("RC9", 100, 40))
    hold()
    assert set(store.newest("ae_monthly")) == set(store.oldest("ae_monthly")) == {MARCH}
    assert store.reaches() == date(2024, 3, 31)
    assert set(store.organisations("ae_monthly")["org_code"]) >= {"RC9"}
    assert "RX9" not in store.organisations("ae_monthly")["org_code"]
    assert set(at(store, project.EVERYTHING).newest("ae_monthly")) == {MARCH, APRIL}


def test_a_store_in_which_nothing_is_out_says_so(hold, store):
    hold()
    with pytest.raises(StoreError, match="no release here that is out yet"):
        store.reaches()
    with pytest.raises(StoreError, match="no release of 'ae_monthly' here that is out yet"):
        store.observations("ae_monthly")


def test_those_not_out_come_in_the_order_in_which_they_will_be(keep, hold, store):
    hold("2998-01-01")
    keep(("RC9", 100, 40), name="March-2024-revised-130624.csv")
    assert [release.file_name for release in store.not_out(OUT - SECOND)] == [AGAIN, "April-2024.csv"]


def test_a_held_back_file_is_known_when_it_comes_again_and_its_embargo_can_be_moved(hold, store):
    assert hold().kept == Kept.ADDED
    assert hold("").kept == Kept.KNOWN
    assert store.releases() == []  # without a word about it the embargo stays
    assert hold("2024-05-09").kept == Kept.KNOWN
    [release] = store.releases()
    assert release.public_from == embargo.named("2024-05-09")


def test_a_file_that_is_read_anew_keeps_its_embargo(hold, store, monkeypatch):
    hold()
    monkeypatch.setattr(readers, "fingerprint", lambda source: "another")
    assert [outcome.kept for outcome in ingest.reread(store)] == [Kept.REREAD]
    [release] = store.every_release()
    assert (release.reader, release.embargoed_until) == ("another", embargo.named(LATER))


def test_a_file_that_is_fetched_from_its_page_is_out(hold, store):
    hold()
    hold(
        "", origin=Origin("ae_monthly", "https://example.org/a.csv", "0" * 64, Vintage(ReleaseStatus.PROVISIONAL, None))
    )
    assert len(store.releases()) == 1


# ---- the moment


def test_a_notebook_sees_what_is_out(keep, hold, store, measure, monkeypatch):
    keep(("RC9", 100, 40))
    hold("2024-05-09")
    for moment, last in (("2024-05-09T08:29+00:00", MARCH), ("2024-05-09T08:30+00:00", APRIL)):
        monkeypatch.setenv(project.PUBLIC_AT, moment)
        assert parameters.check(measure, org_code="RC9", period_to="", data=str(store.folder)).period_to == last


def test_by_default_the_moment_is_now(monkeypatch):
    monkeypatch.delenv(project.PUBLIC_AT, raising=False)
    before = datetime.now(UTC)
    assert before <= project.public_at() <= datetime.now(UTC)


def test_a_build_has_one_moment_and_leaves_none_behind(monkeypatch):
    monkeypatch.delenv(project.PUBLIC_AT, raising=False)
    with project.one_moment():
        assert project.public_at() == project.public_at()
    assert project.PUBLIC_AT not in os.environ


@pytest.mark.parametrize(("preview", "inside"), [(False, OUT), (True, project.EVERYTHING)])
def test_a_moment_that_is_given_stays_unless_everything_is_asked_for(monkeypatch, preview, inside):
    monkeypatch.setenv(project.PUBLIC_AT, OUT.isoformat())
    with project.one_moment(preview=preview):
        assert project.public_at() == inside
    assert os.environ[project.PUBLIC_AT] == OUT.isoformat()


@pytest.mark.parametrize("text", ["now", "2026-12-10", "2026-12-10T09:30"])
def test_a_moment_without_its_zone_is_refused(monkeypatch, text):
    monkeypatch.setenv(project.PUBLIC_AT, text)
    with pytest.raises(ParameterError, match=r"not a moment\. Write it as 2026-12-10T09:30\+00:00"):
        project.public_at()
