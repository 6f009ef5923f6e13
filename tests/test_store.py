import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from openmeasures import store as store_module
from openmeasures.errors import StoreError
from openmeasures.periods import month_end
from openmeasures.releases import Release, vintage_named
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import Publication, SourceFile, ae_monthly
from openmeasures.store import Store

MARCH = (("RC9", 1000, 400), ("RJ1", 500, 100))
MARCH_REVISED = (("RC9", 1000, 390), ("RJ1", 500, 100))
APRIL = (("RC9", 900, 300),)
SAMPLE = (("Z-01", 80, 20),)
RELEASES = "releases/ae_monthly"
MARCH_FIGURES = "observations/ae_monthly/2024-03.parquet"
MARCH_NAMES = "organisations/ae_monthly/2024-03.parquet"


def _add(store, file, *, retrieved=date(2024, 4, 11)):
    """Add a file as `ingest` would, but with errors let through."""
    publication = ae_monthly.read(file)
    vintage = vintage_named(file.name)
    release = Release(
        sha256=file.sha256,
        source="ae_monthly",
        file_name=file.name,
        periods=publication.observations["period_start"].unique().sort().to_list(),
        period_end=publication.observations["period_end"].max(),
        metrics=publication.observations["metric"].unique().sort().to_list(),
        status=vintage.status,
        published=vintage.published,
        retrieved=retrieved,
        url=ae_monthly.URL,
        licence=ae_monthly.LICENCE,
        synthetic=publication.organisations["org_code"][0].startswith("Z-"),
    )
    return store.add(release, file, publication)


def _over(store):
    """What a reader sees: patients over four hours, by organisation and month."""
    rows = store.observations("ae_monthly", metrics=["over_four_hours_type_1"])
    return {
        (code, f"{month:%Y-%m}"): value
        for code, month, value in rows.select("org_code", "period_start", "value").iter_rows()
        if code != "ENG"
    }


def _files(folder):
    """Every file with its bytes; hidden ones (locks, parts) are not the store's content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


# ---- keeping


def test_a_new_release_is_kept_and_read_back(store, ae_file):
    assert _add(store, ae_file(*MARCH)) is True
    assert _over(store) == {("RC9", "2024-03"): 400, ("RJ1", "2024-03"): 100}


def test_the_published_file_is_kept_byte_for_byte(store, ae_file):
    file = ae_file(*MARCH, name="March-2024.CSV")
    _add(store, file)
    assert (store.folder / RELEASES / f"{file.sha256}.csv").read_bytes() == file.content


def test_the_record_says_where_it_is_from(store, ae_file):
    file = ae_file(*MARCH, name="March-2024-revised-130624-x.csv")
    _add(store, file)
    record = json.loads((store.folder / RELEASES / f"{file.sha256}.json").read_text())
    assert {name: record[name] for name in ("sha256", "file_name", "status", "published", "retrieved")} == {
        "sha256": file.sha256,
        "file_name": "March-2024-revised-130624-x.csv",
        "status": "revised",
        "published": "2024-06-13",
        "retrieved": "2024-04-11",
    }


def test_the_same_bytes_again_change_nothing(store, ae_file):
    _add(store, ae_file(*MARCH))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in store.folder.rglob("*")}
    content = _files(store.folder)
    assert _add(store, ae_file(*MARCH, name="another-name.csv"), retrieved=date(2025, 1, 1)) is False
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in store.folder.rglob("*")} == before
    assert _files(store.folder) == content


def test_two_machines_that_read_the_same_files_have_the_same_store(tmp_path, ae_file):
    march, april = ae_file(*MARCH), ae_file(*APRIL, month="APRIL-2024")
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    for store, files in ((one, (march, april)), (other, (april, march))):
        for file in files:
            _add(store, file)
    assert _files(one.folder) == _files(other.folder)


def test_figures_are_sorted_by_organisation_metric_and_period(store, ae_file):
    _add(store, ae_file(*APRIL, month="APRIL-2024"))
    _add(store, ae_file(*MARCH[::-1]))
    rows = store.observations("ae_monthly")
    assert rows.equals(rows.sort("org_code", "metric", "period_start"))


def test_organisations_are_read_back(store, ae_file):
    _add(store, ae_file(*MARCH))
    assert store.organisations("ae_monthly")["org_code"].to_list() == ["RC9", "RJ1"]


def test_what_is_written_can_be_read_by_others(store, ae_file):
    """A data folder may be shared: files get the rights that the user's own files get."""
    _add(store, ae_file(*MARCH))
    (store.folder / "plain").touch()
    usual = (store.folder / "plain").stat().st_mode
    assert {path.stat().st_mode for path in store.folder.rglob("*.json")} == {usual}
    assert {path.stat().st_mode for path in store.folder.rglob("*.parquet")} == {usual}


@pytest.mark.parametrize("name", ["data [2024]", "with space", "dåta", *([] if os.name == "nt" else ["d*ta", "data?"])])
def test_a_folder_of_any_name(tmp_path, ae_file, name):
    store = Store(tmp_path / name)
    _add(store, ae_file(*MARCH))
    _add(store, ae_file(*MARCH_REVISED, name="March-2024-revised.csv"))
    assert _over(store)["RC9", "2024-03"] == 390


# ---- several vintages


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("March-2024.csv", "March-2024-revised.csv"),
        ("March-2024.csv", "March-2024-revised-130624.csv"),
        ("March-2024-revised.csv", "March-2024-revised-130624.csv"),
        ("March-2024-revised-130624.csv", "March-2024-revised-140624.csv"),
    ],
)
def test_the_newest_vintage_is_read_in_whatever_order_they_came(store, ae_file, older, newer, order):
    files = [ae_file(*MARCH, name=older), ae_file(*MARCH_REVISED, name=newer)]
    for place in order:
        _add(store, files[place])
    assert _over(store) == {("RC9", "2024-03"): 390, ("RJ1", "2024-03"): 100}


@pytest.mark.parametrize(("days", "over"), [((11, 12), 390), ((12, 11), 400)])
def test_without_other_dates_the_day_of_retrieval_decides(store, ae_file, days, over):
    for rows, day in zip((MARCH, MARCH_REVISED), days, strict=True):
        _add(store, ae_file(*rows), retrieved=date(2024, 4, day))
    assert _over(store)["RC9", "2024-03"] == over


def test_every_vintage_is_kept(store, ae_file):
    _add(store, ae_file(*MARCH_REVISED, name="March-2024-revised.csv"))
    _add(store, ae_file(*MARCH))
    assert [release.status for release in store.releases("ae_monthly")] == ["provisional", "revised"]
    assert pl.read_parquet(store.folder / MARCH_FIGURES)["release"].n_unique() == 2


def test_the_newest_releases_are_one_a_period(store, ae_file):
    _add(store, ae_file(*APRIL, month="APRIL-2024", name="April-2024.csv"))
    _add(store, ae_file(*MARCH))
    _add(store, ae_file(*MARCH_REVISED, name="March-2024-revised.csv"))
    assert [release.file_name for release in store.newest("ae_monthly").values()] == [
        "March-2024-revised.csv",
        "April-2024.csv",
    ]


def test_an_organisation_that_only_the_older_vintage_has_is_not_read(store, ae_file):
    _add(store, ae_file(*MARCH))
    _add(store, ae_file(MARCH[0], name="March-2024-revised.csv"))
    assert store.organisations("ae_monthly")["org_code"].to_list() == ["RC9"]


# ---- reading


def test_an_empty_store_says_how_to_fill_it(store):
    with pytest.raises(StoreError, match=r"data: no release of 'ae_monthly' here\. Fill it with .*ingest.*sample"):
        store.observations("ae_monthly")


def test_an_empty_store_has_no_release_and_is_not_synthetic(store):
    assert (store.releases(), store.newest("ae_monthly"), store.synthetic) == ([], {}, False)


def test_reading_an_empty_store_makes_no_folder(store):
    store.releases()
    assert not store.folder.exists()


def test_another_source_has_no_release(store, ae_file):
    _add(store, ae_file(*MARCH))
    assert store.releases("rtt_full") == []
    with pytest.raises(StoreError, match="no release of 'rtt_full'"):
        store.observations("rtt_full")


def test_only_the_metrics_asked_for_are_read(store, ae_file):
    _add(store, ae_file(*MARCH))
    assert store.observations("ae_monthly", metrics=["attendances_type_1"])["metric"].unique().to_list() == [
        "attendances_type_1"
    ]


@pytest.mark.parametrize("metrics", [[], ["not_collected_yet"]])
def test_metrics_that_a_whole_release_lacks_are_no_damage(store, ae_file, metrics):
    _add(store, ae_file(*MARCH))
    assert store.observations("ae_monthly", metrics=metrics).is_empty()


def test_what_an_earlier_version_wrote_lacks_a_column_and_is_read_and_added_to(store, ae_file):
    _add(store, ae_file(*MARCH))
    path = store.folder / "organisations/ae_monthly/2024-03.parquet"
    pl.read_parquet(path).drop("system_code").write_parquet(path)
    assert set(store.organisations("ae_monthly")["system_code"]) == {None}
    _add(store, ae_file(("RJ1", 5, 1), name="March-2024-revised-110724.csv"))
    assert pl.read_parquet(path)["system_code"].to_list() == [None] * (len(MARCH) + 1)
    assert store.organisations("ae_monthly").select("org_code", "system_code").rows() == [("RJ1", None)]


# ---- releases of many periods, and parts of metrics


def _series(name, *rows, status="provisional", retrieved=date(2024, 6, 13)):
    """A release with rows of (organisation, breakdown, category, month of 2024, value)."""
    file = SourceFile(name, name, f"{name} {rows}".encode())
    frame = pl.DataFrame(
        [
            ("ambulance", "incidents", code, breakdown, category, date(2024, month, 1), month_end(date(2024, month, 1)),
             float(value), "reported", file.sha256)
            for code, breakdown, category, month, value in rows
        ],
        schema=Observations.create_empty().schema,
        orient="row",
    )  # fmt: skip
    names = frame.select(
        "org_code", "period_start", "release", org_name="org_code", parent_name=pl.lit(""), system_code=None
    ).unique()
    publication = Publication(Observations.validate(frame), Organisations.validate(names, cast=True))
    release = Release(
        sha256=file.sha256, source="ambulance", file_name=name, periods=sorted(set(frame["period_start"])),
        period_end=frame["period_end"].max(), metrics=["incidents"], status=status, published=None,
        retrieved=retrieved, url="https://example.org", licence="OGL", synthetic=False,
    )  # fmt: skip
    return release, file, publication


def _values(store, **options):
    rows = store.observations("ambulance", **options)
    return rows.select("org_code", "category", pl.col("period_start").dt.month(), "value").rows()


def test_a_later_release_of_a_whole_series_counts_for_the_months_that_it_has(store):
    store.add(*_series("old.csv", *(("RX6", "", "", month, month) for month in (1, 2, 3))))
    store.add(*_series("new.csv", *(("RX6", "", "", month, 10 * month) for month in (2, 3, 4)), status="revised"))
    assert _values(store) == [("RX6", "", 1, 1), ("RX6", "", 2, 20), ("RX6", "", 3, 30), ("RX6", "", 4, 40)]
    assert [(period.month, release.file_name) for period, release in store.newest("ambulance").items()] == [
        (1, "old.csv"), (2, "new.csv"), (3, "new.csv"), (4, "new.csv"),
    ]  # fmt: skip


def test_a_lost_month_of_a_long_release_is_named(store):
    store.add(*_series("old.csv", *(("RX6", "", "", month, month) for month in (1, 2, 3))))
    path = store.folder / "observations/ambulance/2024-02.parquet"
    path.unlink()
    assert _said(lambda: store.observations("ambulance")) == (
        f"{path}: no observations of 'old.csv' (1 of 3 periods have none). Ingest that file again."
    )


def test_only_the_files_of_the_months_that_count_are_read(store):
    store.add(*_series("old.csv", *(("RX6", "", "", month, month) for month in (1, 2, 3))))
    newest = store.newest("ambulance")
    (store.folder / "observations/ambulance/2024-02.parquet").write_bytes(b"damaged")
    counting = {date(2024, month, 1): newest[date(2024, month, 1)] for month in (3, 1)}
    assert _values(store, counting=counting) == [("RX6", "", 1, 1), ("RX6", "", 3, 3)]
    assert "2024-02.parquet: cannot be read" in _said(lambda: store.observations("ambulance"))


def test_parts_are_read_by_their_breakdown_and_never_beside_the_whole(store):
    store.add(*_series("a.csv", ("RX6", "", "", 1, 5), ("RX6", "area", "north", 1, 2), ("RX6", "area", "south", 1, 3)))
    assert _values(store) == [("RX6", "", 1, 5)]
    assert _values(store, breakdown="area") == [("RX6", "north", 1, 2), ("RX6", "south", 1, 3)]
    assert _values(store, breakdown="age") == []


def test_only_the_organisations_asked_for_are_read(store):
    store.add(*_series("a.csv", ("RX6", "", "", 1, 5), ("RX7", "", "", 1, 6)))
    assert _values(store, org_codes=["RX7"]) == [("RX7", "", 1, 6)]


# ---- synthetic and published


def test_a_store_of_the_sample_says_so(store, ae_file):
    _add(store, ae_file(*SAMPLE))
    assert store.synthetic is True


def test_published_data_take_the_samples_place(store, ae_file):
    sample = ae_file(*SAMPLE)
    _add(store, sample)
    _add(store, ae_file(*SAMPLE, month="APRIL-2024"))
    _add(store, ae_file(*MARCH))
    assert (store.synthetic, _over(store)) == (False, {("RC9", "2024-03"): 400, ("RJ1", "2024-03"): 100})
    assert not [name for name in _files(store.folder) if sample.sha256 in name or "2024-04" in name]


def test_the_sample_is_refused_beside_published_data(store, ae_file):
    _add(store, ae_file(*MARCH))
    before = _files(store.folder)
    with pytest.raises(StoreError, match=r"holds published data; synthetic figures cannot.*--data"):
        _add(store, ae_file(*SAMPLE, month="APRIL-2024"))
    assert _files(store.folder) == before


def test_a_second_file_of_the_sample_is_kept_beside_the_first(store, ae_file):
    _add(store, ae_file(*SAMPLE))
    assert _add(store, ae_file(*SAMPLE, month="APRIL-2024")) is True
    assert len(store.releases()) == 2


def test_a_sample_whose_figures_are_gone_still_makes_way(store, ae_file):
    _add(store, ae_file(*SAMPLE, month="APRIL-2024"))
    (store.folder / "observations/ae_monthly/2024-04.parquet").unlink()
    _add(store, ae_file(*MARCH))
    assert store.synthetic is False


# ---- damage


def _said(call):
    with pytest.raises(StoreError) as refusal:
        call()
    return str(refusal.value)


def _read(store):
    return lambda: store.observations("ae_monthly")


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "junk": lambda content: b"junk" * 100,
    "zeros": lambda content: bytes(len(content)),
}


@pytest.fixture
def filled(store, ae_file):
    _add(store, ae_file(*MARCH))
    _add(store, ae_file(*APRIL, month="APRIL-2024", name="April-2024.csv"))
    return store


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_figures_are_named_with_the_remedy(filled, damage):
    path = filled.folder / MARCH_FIGURES
    path.write_bytes(damage(path.read_bytes()))
    said = _said(_read(filled))
    assert said.startswith(f"{path}: cannot be read (")
    assert said.endswith("Delete the file and ingest its release again.")
    assert "\n" not in said


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_adding_to_damaged_figures_is_refused_and_loses_nothing(filled, ae_file, damage):
    path = filled.folder / MARCH_FIGURES
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes(), len(filled.releases())
    said = _said(lambda: _add(filled, ae_file(*MARCH_REVISED, name="March-2024-revised.csv")))
    assert said.startswith(f"{path}: cannot be read (")
    assert (path.read_bytes(), len(filled.releases())) == before


@pytest.mark.parametrize("table", [MARCH_FIGURES, MARCH_NAMES])
def test_the_remedy_for_damage_is_one(filled, ae_file, table):
    whole = _files(filled.folder)
    (filled.folder / table).write_bytes(b"junk")
    (filled.folder / table).unlink()
    assert _add(filled, ae_file(*MARCH)) is True
    assert _files(filled.folder) == whole


def test_the_remedy_keeps_the_day_of_the_first_retrieval(filled, ae_file):
    (filled.folder / MARCH_FIGURES).unlink()
    _add(filled, ae_file(*MARCH), retrieved=date(2025, 1, 1))
    assert {release.retrieved for release in filled.releases()} == {date(2024, 4, 11)}


def test_the_remedy_brings_older_vintages_back_too(filled, ae_file):
    revised = ae_file(*MARCH_REVISED, name="March-2024-revised.csv")
    _add(filled, revised)
    whole = _files(filled.folder)
    (filled.folder / MARCH_FIGURES).unlink()
    _add(filled, revised)
    _add(filled, ae_file(*MARCH))
    assert _files(filled.folder) == whole


@pytest.mark.parametrize(("table", "noun"), [(MARCH_FIGURES, "observations"), (MARCH_NAMES, "organisations")])
def test_a_missing_table_is_named_with_the_remedy(filled, table, noun):
    (filled.folder / table).unlink()
    read = filled.observations if noun == "observations" else filled.organisations
    assert _said(lambda: read("ae_monthly")) == (
        f"{filled.folder / table}: no {noun} of 'March-2024.csv' (1 of 2 periods have none). Ingest that file again."
    )


def test_all_tables_missing_name_the_first(filled):
    shutil.rmtree(filled.folder / "observations")
    assert _said(_read(filled)).startswith(
        f"{filled.folder / MARCH_FIGURES}: no observations of 'March-2024.csv' (2 of 2"
    )


def test_tables_of_different_shapes_are_named_by_their_folder(filled):
    path = filled.folder / MARCH_FIGURES
    pl.read_parquet(path).rename({"value": "figure"}).write_parquet(path)
    assert _said(_read(filled)).startswith(f"{path.parent}: the files do not fit together (")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_named_with_the_remedy(filled, ae_file, damage):
    path = filled.folder / RELEASES / f"{ae_file(*MARCH).sha256}.json"
    path.write_bytes(damage(path.read_bytes()))
    assert _said(filled.releases) == (
        f"{path}: not a release's record (1 faults). Delete the file and ingest its release again."
    )


def test_the_remedy_for_a_damaged_record_is_one(filled, ae_file):
    whole = _files(filled.folder)
    (filled.folder / RELEASES / f"{ae_file(*MARCH).sha256}.json").unlink()
    assert ("RC9", "2024-03") not in _over(filled)
    assert _add(filled, ae_file(*MARCH)) is True
    assert _files(filled.folder) == whole


def test_a_record_that_cannot_be_opened_is_named(filled):
    (filled.folder / RELEASES / "folder.json").mkdir()
    assert _said(filled.releases).startswith(
        f"{filled.folder / RELEASES / 'folder.json'}: cannot be read (Is a directory)"
    )


def test_a_data_folder_that_is_a_file_is_refused(tmp_path, ae_file):
    (tmp_path / "data").write_text("mine")
    said = _said(lambda: _add(Store(tmp_path / "data"), ae_file(*MARCH)))
    assert said.startswith(f"{tmp_path / 'data'}: cannot be written (File exists)")
    assert said.endswith("name another folder with --data.")
    assert (tmp_path / "data").read_text() == "mine"


def test_a_full_disk_is_said_and_leaves_what_was_there(filled, ae_file, monkeypatch):
    before = _files(filled.folder)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module.os, "fsync", full)
    said = _said(lambda: _add(filled, ae_file(*MARCH_REVISED, name="March-2024-revised.csv")))
    assert said.startswith(f"{filled.folder}: cannot be written (No space left on device)")
    assert _files(filled.folder) == before
    assert not list(filled.folder.rglob("*.part"))


# ---- killed at any moment


class Killed(BaseException):
    """Stands for the process's end: not an `Exception`, so that no `except Exception` survives it."""


@contextlib.contextmanager
def _dying_at(step):
    """Let the process die at the n-th change that it makes on the disk; yield the list of changes made before.

    Nothing more reaches the disk afterwards, so tidying up in `finally` or `except` does not count.
    """
    done = []

    def mortal(change, name):
        def call(*arguments, **keywords):
            writes = name != "open" or "w" in (*arguments[1:], *keywords.values(), "r")[0]
            if writes:
                if len(done) >= step:
                    raise Killed(name)
                done.append(f"{name} {arguments[0]}")
            return change(*arguments, **keywords)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", mortal(os.fsync, "fsync"))
        for name in ("open", "replace", "unlink", "mkdir"):
            patch.setattr(Path, name, mortal(getattr(Path, name), name))
        yield done


def _read_if_any(folder):
    return _over(Store(folder)) if Store(folder).releases() else {}


SCENES = {
    "first release": ((), (MARCH, "March-2024.csv")),
    "another month": (((APRIL, "April-2024.csv"),), (MARCH, "March-2024.csv")),
    "a revision": (((MARCH, "March-2024.csv"),), (MARCH_REVISED, "March-2024-revised.csv")),
    "an older vintage": (((MARCH_REVISED, "March-2024-revised.csv"),), (MARCH, "March-2024.csv")),
    "published data after the sample": (
        ((SAMPLE, "March-2024.csv"), (SAMPLE, "April-2024.csv")),
        (MARCH, "March-2024.csv"),
    ),
}


@pytest.mark.parametrize(("before", "last"), SCENES.values(), ids=SCENES)
def test_killed_at_any_write_the_store_reads_as_before_or_after_and_a_repeat_completes_it(
    tmp_path, ae_file, before, last
):
    def month(name):
        return "APRIL-2024" if name.startswith("April") else "MARCH-2024"

    base = tmp_path / "base"
    base.mkdir()
    for rows, name in before:
        _add(Store(base), ae_file(*rows, name=name, month=month(name)))
    file = ae_file(*last[0], name=last[1], month=month(last[1]))
    shutil.copytree(base, tmp_path / "whole")
    with _dying_at(10**6) as steps:
        _add(Store(tmp_path / "whole"), file)
    states = [_read_if_any(base), _read_if_any(tmp_path / "whole")]
    commit = next(n for n, step in enumerate(steps) if "replace" in step and ".json." in step)
    for step in range(len(steps)):
        killed = tmp_path / f"killed-{step}"
        shutil.copytree(base, killed)
        with _dying_at(step), pytest.raises(Killed):
            _add(Store(killed), file)
        assert _read_if_any(killed) == states[step > commit], steps[step]
        _add(Store(killed), file)
        assert _files(killed) == _files(tmp_path / "whole"), steps[step]
        shutil.rmtree(killed)
    assert len(steps) > 15  # four files, each opened, flushed and put in place; and folders


INGEST = """
import sys, time
from pathlib import Path
from openmeasures.ingest import ingest
from openmeasures.store import Store

incoming, data, go = map(Path, sys.argv[1:])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.002)
for outcome in ingest([incoming], Store(data)):
    print(outcome.kept.value, flush=True)
"""
MONTHS = [f"{year}-{month:02}" for year in (2021, 2022, 2023) for month in range(1, 12 + 1)]


@pytest.fixture
def incoming(tmp_path, ae_csv):
    """Three years of files, in which every month has its own figure."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    for number, month in enumerate(MONTHS):
        rows = [(f"R{place:02}", 100 + number, number) for place in range(40)]
        (folder / f"{month}.csv").write_text(ae_csv(*rows, month=month), newline="")
    return folder


def _start(incoming, data, go):
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(incoming), str(data), str(go)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_real_kill_loses_nothing_that_was_kept(tmp_path, incoming):
    """SIGKILL at random moments, again and again, until a run comes through."""
    chance = random.Random(20240301)
    data, go = tmp_path / "data", tmp_path / "go"
    go.touch()
    kept, ends = 0, []
    for _ in range(3):
        process = _start(incoming, data, go)
        seen = 0
        while seen < kept + 3 and process.stdout.readline():
            seen += 1
        time.sleep(chance.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        ends.append(process.returncode)
        found = _over(Store(data))
        assert found == {(code, month): MONTHS.index(month) for code, month in found}
        assert len(found) >= kept * 40
        kept = len(found) // 40
    assert -signal.SIGKILL in ends  # on a busy machine a later run may come through before the signal
    process = _start(incoming, data, go)
    outcomes = process.communicate(timeout=60)[0].split("\n")[1:-1]
    assert (process.returncode, outcomes.count("already there") >= kept, len(outcomes)) == (0, True, len(MONTHS))
    assert _over(Store(data)) == {
        (f"R{place:02}", month): number for number, month in enumerate(MONTHS) for place in range(40)
    }


def test_two_processes_with_the_same_files_keep_each_once(tmp_path, incoming):
    for month in MONTHS[12:]:
        (incoming / f"{month}.csv").unlink()
    data, go = tmp_path / "data", tmp_path / "go"
    processes = [_start(incoming, data, go) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    go.touch()
    outcomes = [line for process in processes for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0]
    assert (outcomes.count("added"), outcomes.count("already there")) == (12, 12)
    assert _over(Store(data)) == {
        (f"R{place:02}", month): number for number, month in enumerate(MONTHS[:12]) for place in range(40)
    }


# ---- the first vintage, and how far the data go


def test_the_oldest_release_of_a_period_is_the_first_vintage(keep, store):
    keep(("RC9", 100, 50), name="March-2024-revised.csv")
    keep(("RC9", 100, 40), name="March-2024.csv")
    [(month, first)], [(_, newest)] = store.oldest("ae_monthly").items(), store.newest("ae_monthly").items()
    assert (month, first.file_name, newest.file_name) == (
        date(2024, 3, 1),
        "March-2024.csv",
        "March-2024-revised.csv",
    )
    found = store.observations("ae_monthly", metrics=["over_four_hours_type_1"], counting=store.oldest("ae_monthly"))
    assert found.filter(pl.col("org_code") == "RC9")["value"].to_list() == [40]


def test_a_fingerprint_is_of_a_period_and_a_release_and_of_no_other(keep, store):
    march, april = date(2024, 3, 1), date(2024, 4, 1)
    keep(("RC9", 100, 40))
    keep(("RC9", 100, 40), month="APRIL-2024", name="April-2024.csv")
    before = store.fingerprints("ae_monthly", [march, april])
    assert len({*before.values()}) == len(before) == 2
    keep(("RC9", 100, 50), name="March-2024-revised.csv")
    after = store.fingerprints("ae_monthly", [march, april])
    assert {key: after[key] for key in before} == before
    assert (len({*after.values()}), [period for period, _ in after if period == march]) == (3, [march, march])
    assert store.fingerprints("ae_monthly", [april]).keys() == {key for key in before if key[0] == april}


def test_a_damaged_file_has_no_fingerprint(keep, store):
    keep(("RC9", 100, 40))
    path = store.folder / "observations" / "ae_monthly" / "2024-03.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"2024-03\.parquet: cannot be read"):
        store.fingerprints("ae_monthly", [date(2024, 3, 1)])


def test_data_reach_to_the_end_of_the_last_period(keep, store):
    keep(("RC9", 100, 40), month="APRIL-2024", name="April-2024.csv")
    keep(("RC9", 100, 40))
    assert store.reaches() == date(2024, 4, 30)


def test_an_empty_folder_reaches_nowhere(store):
    with pytest.raises(StoreError, match=r"no release here\. Fill it with"):
        store.reaches()


# ---- as known on a day


@pytest.mark.parametrize(
    ("as_of", "names"),
    [
        (None, ["March-2024-revised-130624.csv", "April-2024.csv"]),
        (date(2024, 6, 13), ["March-2024-revised-130624.csv", "April-2024.csv"]),
        (date(2024, 6, 12), ["March-2024.csv", "April-2024.csv"]),
        (date(2024, 4, 30), ["March-2024.csv"]),
    ],
)
def test_the_newest_releases_are_those_known_on_the_day(keep, store, as_of, names):
    keep(("RC9", 100, 40), name="March-2024.csv")
    keep(("RC9", 100, 50), name="March-2024-revised-130624.csv")
    keep(("RC9", 100, 60), month="APRIL-2024", name="April-2024.csv")
    known = Store(store.folder, as_of=as_of)
    assert [release.file_name for release in known.newest("ae_monthly").values()] == names
    found = known.observations("ae_monthly", metrics=["over_four_hours_type_1"], org_codes=["RC9"])
    assert found["value"].to_list() == [50 if "revised" in names[0] else 40, *([60] * (len(names) - 1))]


def test_a_day_on_which_nothing_was_known_is_said(keep, store):
    keep(("RC9", 100, 40))
    with pytest.raises(StoreError, match="no release of 'ae_monthly' here that was known on 2024-03-31"):
        Store(store.folder, as_of=date(2024, 3, 31)).observations("ae_monthly")


def test_a_fixed_store_is_as_it_was(keep, store):
    keep(("RC9", 100, 40))
    fixed = store.fixed()
    keep(("RC9", 100, 50), name="March-2024-revised-130624.csv")
    assert len(fixed.releases()) == 1
    assert len(store.releases()) == 2
