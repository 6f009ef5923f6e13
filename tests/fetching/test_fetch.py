"""A fetch from a site's pages to store and record, and everything that can happen on the way."""

import csv
import hashlib
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from filelock import FileLock

from openmeasures import ingest, readers
from openmeasures.errors import FetchError, OfflineError, ParameterError, StoreError
from openmeasures.fetching import fetch as fetching
from openmeasures.fetching import record
from openmeasures.sources import SourceFile, ae_monthly, rtt_waiting_times

from .site import AREA, UPLOADS, YEAR, Answer

MAY = "Monthly-AE-May-2024.csv"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def rows(fetched):
    with fetched.entries.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def over(store):
    """England's waits over four hours by month, from the newest releases."""
    counted = store.observations("ae_monthly", metrics=["over_four_hours_type_1"], org_codes=["ENG"])
    return {f"{row['period_start']:%Y-%m}": row["value"] for row in counted.iter_rows(named=True)}


def downloads(store):
    return sorted(path.name for path in (store.folder / "downloads").glob("*"))


@pytest.fixture
def may(ae_csv):
    return ae_csv(("RC9", 900, 300), ("RJ1", 400, 50), month="MAY-2024").encode()


# ---- what goes well


def test_a_file_is_found_downloaded_read_and_recorded(fetched, listed, store, april):
    [url] = listed("2024-25", ("Monthly A&amp;E April 2024 (CSV, 28KB)", "April-2024.csv", april.first))
    assert fetched() == [("fetched", "April-2024.csv", "")]
    assert over(store) == {"2024-04": 500}
    today = datetime.now(UTC).date()
    assert rows(fetched) == [
        {
            "source": "ae_monthly", "file_name": "April-2024.csv", "url": url, "published": "",
            "retrieved": str(today), "sha256": sha256(april.first), "status": "provisional",
        }
    ]  # fmt: skip
    [release] = store.releases()
    assert (release.file_url, release.url, release.retrieved) == (url, ae_monthly.URL, today)
    assert downloads(store) == []


def test_what_is_here_is_not_asked_for_again(fetched, listed, publisher, april, may):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May 2024", MAY, may))
    assert fetched() == [("already there", "April-2024.csv", ""), ("fetched", MAY, "")]
    assert publisher.asked.count(f"{UPLOADS}/2024/05/April-2024.csv") == 1


def test_new_and_revised_files_side_by_side_are_both_kept_and_the_revised_counts(fetched, listed, store, april):
    listed(
        "2024-25",
        ("April 2024", "Monthly-AE-April-2024-revised.csv", april.revised, "(revised 14 November 2024)"),
        ("April 2024", "April-2024.csv", april.first, "(published on 9 May 2024)"),
    )
    assert [name for _, name, _ in fetched()] == ["April-2024.csv", "Monthly-AE-April-2024-revised.csv"]
    assert over(store) == {"2024-04": 490}
    assert [(release.status, release.published) for release in store.releases()] == [
        ("provisional", date(2024, 5, 9)),
        ("revised", date(2024, 11, 14)),
    ]
    assert [(row["status"], row["published"]) for row in rows(fetched)] == [
        ("provisional", "2024-05-09"),
        ("revised", "2024-11-14"),
    ]


def test_a_zip_in_place_of_a_csv_is_opened_and_recorded_by_its_own_hash(
    fetched, listed, publisher, store, april, monkeypatch
):
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("April-2024.csv", april.first)
        archive.writestr("notes.txt", "Read me.")
    monkeypatch.setattr(ae_monthly, "LISTING", ae_monthly.LISTING._replace(files=(r"csv.*\.zip$",)))
    listed("2024-25", ("April 2024 (CSV, zipped)", "April-2024.zip", content.getvalue()))
    [(result, _, message)] = fetched()
    assert (result, message) == ("fetched", f"notes.txt: {ingest.UNKNOWN}")
    assert [row["sha256"] for row in rows(fetched)] == [sha256(content.getvalue())]
    [release] = store.releases()
    assert (release.sha256, release.file_url[-14:]) == (sha256(april.first), "April-2024.zip")
    assert release.download_sha256 == sha256(content.getvalue())
    assert fetched() == [("already there", "April-2024.zip", "")]


def test_a_file_name_without_a_date_is_read_for_what_it_is(fetched, listed, store, april):
    listed("2024-25", ("Providers (CSV)", "AE-by-provider-CSV.csv", april.first))
    assert fetched() == [("fetched", "AE-by-provider-CSV.csv", "")]
    assert over(store) == {"2024-04": 500}


def test_a_page_that_names_another_month_is_contradicted(fetched, listed, store, april):
    listed("2024-25", ("Monthly A&amp;E May 2024", MAY, april.first))
    said = "the page lists it under 2024-05, and its figures go up to 2024-04; they count as such"
    assert fetched() == [("fetched", MAY, said)]
    assert over(store) == {"2024-04": 500}


def test_what_is_noticed_at_reading_is_said(fetched, listed, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first.replace(b"TOTAL,1500,", b"TOTAL,1501,")))
    [(result, _, message)] = fetched()
    assert (result, message.split(":")[0]) == ("fetched", "attendances type 1, April 2024")


def test_a_dry_run_reads_pages_and_downloads_nothing(fetched, listed, publisher, store, april, may):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May 2024", MAY, may))
    assert fetched(dry_run=True) == [("already there", "April-2024.csv", ""), ("to be fetched", MAY, "")]
    assert publisher.asked.count(f"{UPLOADS}/2024/05/{MAY}") == 0


def test_a_dry_run_makes_no_folder(fetched, listed, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched(dry_run=True)
    assert not store.folder.exists()
    assert not fetched.entries.exists()


def test_the_first_month_wanted_is_given(fetched, listed, april, may):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May 2024", MAY, may))
    assert fetched(since=date(2024, 5, 1)) == [("fetched", MAY, "")]


def test_the_name_of_a_file_is_told_before_it_is_downloaded(fetched, listed, april, may):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first), ("May 2024", MAY, may))
    begun = []
    fetched(begun=begun.append)
    assert begun == ["April-2024.csv", MAY]


def test_a_file_that_was_brought_by_hand_is_given_its_address_and_day(fetched, listed, store, keep, april):
    keep(("RC9", 1000, 400), ("RJ1", 500, 100), month="APRIL-2024", name="downloaded (1).csv")
    [url] = listed("2024-25", ("April 2024", "April-2024.csv", april.first, "(published on 9 May 2024)"))
    assert fetched() == [("fetched", "April-2024.csv", "")]
    [release] = store.releases()
    assert (release.file_url, release.published, release.retrieved) == (url, date(2024, 5, 9), date(2024, 4, 11))
    assert release.file_name == "downloaded (1).csv"


def test_a_name_that_some_system_refuses_is_changed_for_the_download_only(fetched, publisher, listed, store, april):
    url = publisher.file("April%202024%3A%20A%26E.csv", april.first)
    listed("2024-25", ("April 2024", "", url))
    assert [result for result, *_ in fetched()] == ["fetched"]
    assert store.releases()[0].file_name == "April 2024_ A&E.csv"
    assert rows(fetched)[0]["file_name"] == "April 2024: A&E.csv"


def test_the_same_file_at_a_second_address_is_recorded_for_both_and_left_as_it_was(fetched, listed, store, april):
    first, second = (("April 2024", name, april.first) for name in ("April-2024.csv", "April-2024-1.csv"))
    listed("2024-25", first)
    fetched()
    before = store.releases()
    listed("2024-25", first, second)
    assert [result for result, *_ in fetched()] == ["fetched", "already there"]
    assert store.releases() == before
    assert fetched() == [("already there", "April-2024-1.csv", ""), ("already there", "April-2024.csv", "")]


def test_a_recorded_change_that_is_not_here_yet_is_fetched(fetched, listed, publisher, store, april):
    """As by a colleague, whose record came with a pull."""
    [url] = listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    publisher.file("April-2024.csv", april.revised)
    day = date(2090, 1, 1)
    entry = record.Entry("ae_monthly", "April-2024.csv", url, None, day, sha256(april.revised), "provisional")
    record.add(fetched.entries, entry)
    [(result, _, message)] = fetched()
    assert (result, message[:39]) == ("fetched", "the same month as April-2024.csv, and n")
    assert {release.sha256 for release in store.releases()} == {sha256(april.first), sha256(april.revised)}


# ---- what is recorded, and has changed


def test_a_recorded_file_is_verified_in_a_new_data_folder(fetched, listed, store, april):
    [url] = listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    entry = record.Entry(
        "ae_monthly", "April-2024.csv", url, None, date(2024, 5, 9), sha256(april.first), "provisional"
    )
    record.add(fetched.entries, entry)
    assert fetched() == [("fetched", "April-2024.csv", "")]
    assert [row["retrieved"] for row in rows(fetched)] == ["2024-05-09"]


def test_a_changed_file_is_an_error_that_names_both_hashes(fetched, listed, publisher, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    publisher.file("April-2024.csv", april.revised)
    [(result, _, message)] = fetched.again()
    assert result == "failed"
    assert message.startswith("the file has changed since ")
    assert f"Found SHA-256 {sha256(april.revised)}, expected {sha256(april.first)}" in message
    assert "--accept-changed" in message
    assert over(store) == {"2024-04": 500}
    assert (len(rows(fetched)), downloads(store)) == (1, [])


def test_a_changed_file_that_is_accepted_keeps_both(fetched, listed, publisher, store, april, monkeypatch):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    publisher.file("April-2024.csv", april.revised)
    assert [result for result, *_ in fetched.again(accept_changed=True)] == ["fetched"]
    assert {release.sha256 for release in store.releases()} == {sha256(april.first), sha256(april.revised)}
    assert [row["sha256"] for row in rows(fetched)] == [sha256(april.first), sha256(april.revised)]
    assert [result for result, *_ in fetched.again()] == ["fetched"]  # it is what is expected now


@pytest.mark.parametrize("beside", ["(revised 14 November 2024)", "(updated 10 May 2024)", "– revised"])
def test_a_change_that_the_page_explains_is_taken_without_asking(fetched, listed, store, april, beside):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first, "(published on 9 May 2024)"))
    fetched()
    listed("2024-25", ("April 2024", "April-2024.csv", april.revised, beside))
    assert [result for result, *_ in fetched()] == ["fetched"]
    assert over(store) == {"2024-04": 490}
    assert len(rows(fetched)) == 2


def test_a_revision_explains_one_change_and_not_the_next(fetched, listed, april):
    listed("2024-25", ("April 2024 revised", "April-2024.csv", april.revised))
    fetched()
    listed("2024-25", ("April 2024 revised", "April-2024.csv", april.first))
    assert [result for result, *_ in fetched.again()] == ["failed"]


def test_a_page_that_gives_the_same_file_a_later_day_is_asked_once(fetched, listed, publisher, april):
    for beside in ("(published on 9 May 2024)", "(updated 10 May 2024)", "(updated 10 May 2024)"):
        listed("2024-25", ("April 2024", "April-2024.csv", april.first, beside))
        fetched()
    assert publisher.asked.count(f"{UPLOADS}/2024/05/April-2024.csv") == 2
    assert [row["published"] for row in rows(fetched)] == ["2024-05-10"]


def test_a_fetch_that_ended_between_store_and_record_is_finished(fetched, listed, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    fetched.entries.unlink()
    assert fetched() == [("fetched", "April-2024.csv", "")]
    assert len(rows(fetched)) == 1


def test_a_damaged_record_stops_everything_before_any_request(fetched, listed, publisher, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched.entries.write_text("damaged")
    with pytest.raises(FetchError, match="row 1: found 'damaged'"):
        fetched()
    assert publisher.asked == []


# ---- what goes wrong with one file


def test_one_file_that_fails_stops_no_other_and_is_tried_again_next_time(fetched, listed, publisher, may, april):
    gone = publisher.url + UPLOADS + "/2024/05/April-2024.csv"
    listed("2024-25", ("April 2024", "", gone), ("May 2024", MAY, may))
    first, second = fetched()
    assert first[:2] == ("failed", "April-2024.csv")
    assert first[2].startswith("404 Not Found.")
    assert second == ("fetched", MAY, "")
    publisher.file("April-2024.csv", april.first)
    assert [result for result, *_ in fetched()] == ["fetched", "already there"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"body": b"<!DOCTYPE html><title>Not found</title>"}, "found a web page, expected a file."),
        ({"body": b"Period,Org", "announced": 5000}, "cut off or lost 4 times"),
        ({"status": 503}, "503 Service Unavailable, 4 times."),
        ({"body": b""}, "downloaded, and cannot be read: no known publication begins like this."),
        ({"body": b"PK\x03\x04 cut"}, "downloaded, and cannot be read: not a whole zip file"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_neither_kept_nor_recorded(
    fetched, publisher, listed, store, answer, said
):
    url = publisher.put(f"{UPLOADS}/2024/05/April-2024.csv", Answer(**answer))
    listed("2024-25", ("April 2024", "", url))
    [(result, _, message)] = fetched()
    assert (result, message[: len(said)]) == ("failed", said)
    assert store.releases() == []
    assert not fetched.entries.exists()


def test_a_file_that_cannot_be_read_is_kept_to_be_looked_at(fetched, listed, store, april):
    cut = april.first[: len(april.first) // 2]
    listed("2024-25", ("April 2024", "April-2024.csv", cut))
    [(_, _, message)] = fetched()
    assert message.endswith(f"It is kept as {store.folder / 'downloads' / 'April-2024.csv'}.")
    assert (store.folder / "downloads" / "April-2024.csv").read_bytes() == cut


def test_a_file_of_another_source_is_refused(fetched, listed, store, april, monkeypatch):
    monkeypatch.setattr(rtt_waiting_times, "URL", ae_monthly.URL)
    monkeypatch.setattr(rtt_waiting_times, "LISTING", ae_monthly.LISTING)
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    [(result, _, message)] = fetched("rtt_waiting_times")
    assert result == "failed"
    assert "a file of 'ae_monthly'; expected one of 'rtt_waiting_times'." in message
    assert store.releases() == []


def test_real_figures_take_the_samples_place(fetched, listed, store, ae_csv, april):
    file = store.folder.parent / "sample.csv"
    file.write_text(ae_csv(("Z-01", 5, 1)), newline="")
    list(ingest.ingest([file], store))
    assert store.synthetic
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    assert [release.file_name for release in store.releases()] == ["April-2024.csv"]


# ---- what goes wrong with a source, or with all


def test_one_source_whose_page_has_changed_stops_no_other(fetched, listed, publisher, april, monkeypatch):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    monkeypatch.setattr(rtt_waiting_times, "URL", publisher.page("/rtt/", "<p>We have moved.</p>"))
    first, second = fetched("rtt_waiting_times", "ae_monthly")
    assert first[0] == "failed"
    assert "/rtt/ (links: 2): no link with an address like 'rtt-data-" in first[2]
    assert second[0] == "fetched"


def test_offline_is_said_at_once(fetched, publisher, store, quick):
    publisher.close()
    reader = quick()
    with pytest.raises(OfflineError, match="cannot be reached"):
        fetched(web=reader)
    assert reader.rested == []


def test_a_connection_that_was_never_there_for_files_is_offline_too(fetched, listed, april, quick, monkeypatch):
    """The pages may come from a cache of the network's own."""
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    reader = quick()

    def nowhere(*_):
        raise OfflineError("files: cannot be reached")

    monkeypatch.setattr(reader, "download", nowhere)
    with pytest.raises(OfflineError, match="files: cannot be reached"):
        fetched(web=reader)


def test_two_fetches_into_one_folder_are_refused(fetched, listed, publisher, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    store.folder.mkdir()
    with FileLock(store.folder / ".fetch.lock"), pytest.raises(StoreError, match="another fetch is at work here"):
        fetched()
    assert publisher.asked == []


def test_a_folder_that_cannot_be_written_is_said(fetched, listed, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    store.folder.write_text("a file")
    with pytest.raises(StoreError, match=r"data: cannot be written \(.*\)\. Make room"):
        fetched()


def test_a_year_without_a_file_yet_is_no_error(fetched, listed, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    listed("2025-26")
    assert fetched() == [("fetched", "April-2024.csv", "")]


def test_a_page_that_fails_is_an_error_of_its_source(fetched, publisher):
    publisher.page(AREA, f'<a href="{YEAR.format("2024-25")}">2024-25</a>')
    [(result, _, message)] = fetched()
    assert (result, "2024-25/: 404 Not Found." in message) == ("failed", True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ae_montly", "'ae_montly' is not a source. Did you mean 'ae_monthly'? The sources are ae_monthly, "),
        ("ae_four_hour", "'ae_four_hour' is not a source. It is a measure, whose source is 'ae_monthly'. The sources"),
    ],
)
def test_an_unknown_source_is_refused_with_a_hint(name, said):
    with pytest.raises(ParameterError) as error:
        fetching.choose([name])
    assert str(error.value).startswith(said)


def test_a_source_named_twice_is_fetched_once():
    assert list(fetching.choose(["rtt_overview", "ae_monthly", "rtt_overview"])) == ["rtt_overview", "ae_monthly"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a b.csv", "a b.csv"),
        ('a:b?"c.csv', "a_b__c.csv"),
        ("..", "download"),
        ("x" * 200 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_name_that_every_system_takes(name, safe):
    assert fetching._safe(name) == safe


def test_a_file_that_is_fetched_has_its_readers_fingerprint(fetched, listed, store, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    fetched()
    assert store.releases()[0].reader == readers.fingerprint("ae_monthly")
    assert ae_monthly.recognises(SourceFile("a", "a", april.first))
