"""Blobs in a real folder and in fsspec's own memory; the latter stands for an object store."""

import hashlib
import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest

from openmeasures.errors import StoreError
from openmeasures.running.exchange import Exchange

CONTENT = b"a notebook"
NAME = hashlib.sha256(CONTENT).hexdigest()
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture(params=["folder", "store"])
def exchange(request, tmp_path):
    return Exchange(str(tmp_path / "exchange") if request.param == "folder" else f"memory://{uuid.uuid4()}/exchange")


def test_a_blob_is_what_was_left(exchange):
    assert exchange.put(CONTENT) == NAME
    assert exchange.get(NAME) == CONTENT


def test_the_same_blob_twice_is_one(tmp_path):
    exchange = Exchange(str(tmp_path))
    assert [exchange.put(CONTENT), exchange.put(CONTENT)] == [NAME, NAME]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [NAME]


def test_a_blob_that_is_there_is_not_written_again(tmp_path):
    path = tmp_path / NAME[:2] / NAME
    Exchange(str(tmp_path)).put(CONTENT)
    before = path.stat().st_ino
    Exchange(str(tmp_path)).put(CONTENT)
    assert path.stat().st_ino == before


def test_a_blob_that_was_cut_off_is_written_again(tmp_path):
    exchange = Exchange(str(tmp_path))
    exchange.put(CONTENT)
    (tmp_path / NAME[:2] / NAME).write_bytes(CONTENT[:-1])
    exchange.put(CONTENT)
    assert exchange.get(NAME) == CONTENT


def test_a_blob_that_is_not_there(exchange):
    with pytest.raises(StoreError, match=f"exchange: {NAME} is not there. Name a place that every machine"):
        exchange.get(NAME)


def test_a_damaged_blob(tmp_path):
    exchange = Exchange(str(tmp_path))
    exchange.put(CONTENT)
    (tmp_path / NAME[:2] / NAME).write_bytes(b"a notebooK")
    with pytest.raises(StoreError, match=f"{NAME}: damaged, its content is not that of its name. Delete it"):
        exchange.get(NAME)


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "exchange").write_text("a file")
    exchange = Exchange(str(tmp_path / "exchange"))
    for use in (lambda: exchange.put(CONTENT), lambda: exchange.get(NAME)):
        with pytest.raises(StoreError, match=r"exchange: cannot be used \(.+\)\. Name a place that every machine"):
            use()


@pytest.mark.parametrize("url", ["nothing://bucket/folder", "abfs://container/folder"])
def test_an_address_that_cannot_be_used_here(url):
    with pytest.raises(StoreError, match=f"{url}: cannot be used .+ Name a folder, or install that package."):
        Exchange(url)


def test_a_folder_is_meant_from_where_the_client_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Exchange("exchange").url == str(tmp_path / "exchange")


# ---- the figures of a data folder


def test_what_is_sent_of_a_data_folder(store, keep, exchange):
    keep(("RC9", 1000, 400))
    [release] = store.releases()
    assert sorted(json.loads(exchange.get(exchange.send(store.folder, {"ae_monthly"}, NOW)))) == [
        "observations/ae_monthly/2024-03.parquet",
        "organisations/ae_monthly/2024-03.parquet",
        f"releases/ae_monthly/{release.sha256}.json",
    ]


def test_other_sources_are_not_sent(store, keep, exchange):
    keep(("RC9", 1000, 400))
    assert json.loads(exchange.get(exchange.send(store.folder, {"rtt_waiting_times"}, NOW))) == {}


def test_what_is_not_out_is_not_sent(store, keep, exchange, tmp_path):
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    alone = exchange.send(store.folder, {"ae_monthly"}, NOW)
    keep(("RC9", 1000, 300), ("RQ9", 50, 5), name="March-2024-revised-130624.csv")  # is of 13 June 2024
    keep(("RC9", 1000, 200), month="APRIL-2024", name="April-2024-revised-130624.csv")
    assert exchange.send(store.folder, {"ae_monthly"}, NOW) == alone
    after = json.loads(exchange.get(exchange.send(store.folder, {"ae_monthly"}, datetime(2024, 7, 1, tzinfo=UTC))))
    assert len(after) == 3 + 4
    exchange.receive(alone, tmp_path / "received")
    received = type(store)(tmp_path / "received")
    [release] = received.every_release()
    assert release.file_name == "March-2024.csv"
    assert received.observations("ae_monthly")["release"].unique().to_list() == [release.sha256]
    assert "RQ9" not in received.organisations("ae_monthly")["org_code"]


def test_what_is_received_reads_as_what_was_sent(store, keep, exchange, tmp_path):
    keep(("RC9", 1000, 400))
    exchange.receive(exchange.send(store.folder, ["ae_monthly"], NOW), tmp_path / "received")
    received = type(store)(tmp_path / "received")
    assert received.releases() == store.releases()
    assert received.observations("ae_monthly").equals(store.observations("ae_monthly"))
    assert received.organisations("ae_monthly").equals(store.organisations("ae_monthly"))


def test_only_what_is_missing_is_received(store, keep, exchange, tmp_path):
    keep(("RC9", 1000, 400))
    listing = exchange.send(store.folder, ["ae_monthly"], NOW)
    exchange.receive(listing, tmp_path / "received")
    files = [path for path in sorted((tmp_path / "received").rglob("*")) if path.suffix in (".json", ".parquet")]
    files[0].unlink()
    before = [path.stat().st_ino for path in files[1:]]
    exchange.receive(listing, tmp_path / "received")
    assert files[0].is_file()
    assert [path.stat().st_ino for path in files[1:]] == before


RECEIVE = "import sys; from pathlib import Path; from openmeasures.running.exchange import Exchange; "
RECEIVE += "Exchange(sys.argv[1]).receive(sys.argv[2], Path(sys.argv[3]))"


def test_what_was_changed_is_received_again(store, keep, exchange, tmp_path):
    keep(("RC9", 1000, 400))
    listing = exchange.send(store.folder, ["ae_monthly"], NOW)
    exchange.receive(listing, tmp_path / "received")
    [path] = (tmp_path / "received").rglob("*.json")
    before = path.read_bytes()
    path.write_bytes(b"{}")
    exchange.receive(listing, tmp_path / "received")
    assert path.read_bytes() == before


def test_several_processes_receive_at_once(store, keep, tmp_path):
    keep(("RC9", 1000, 400))
    url = str(tmp_path / "exchange")
    listing = Exchange(url).send(store.folder, ["ae_monthly"], NOW)
    arguments = [sys.executable, "-c", RECEIVE, url, listing, str(tmp_path / "received")]
    processes = [subprocess.Popen(arguments) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    received = type(store)(tmp_path / "received")
    assert received.observations("ae_monthly").equals(store.observations("ae_monthly"))
    assert list((tmp_path / "received").rglob("*.part")) == []
