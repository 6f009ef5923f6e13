import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from openmeasures import ingest, readers
from openmeasures.errors import SourceError, StoreError
from openmeasures.ingest import Kept, Outcome
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import Publication, ae_monthly, all_sources, ambulance_systems
from openmeasures.store import Store

MARCH = (("RC9", 1000, 400),)
APRIL = (("RC9", 900, 300),)


def _ingest(store, *paths):
    """Ingest, and return what became of each file by its name."""
    return {Path(outcome.place.split("!")[-1]).name: outcome.kept.value for outcome in ingest.ingest(paths, store)}


def _zip(path, members, *, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def march(ae_csv):
    return ae_csv(*MARCH).encode()


@pytest.fixture
def april(ae_csv):
    return ae_csv(*APRIL, month="APRIL-2024").encode()


# ---- one file


def test_a_file_is_read_and_kept(store, folder, march):
    (folder / "March-2024.csv").write_bytes(march)
    [outcome] = ingest.ingest([folder / "March-2024.csv"], store)
    assert outcome == Outcome(str(folder / "March-2024.csv"), Kept.ADDED, "", "ae_monthly")
    assert store.observations("ae_monthly").height == 18 * (1 + 1)


def test_the_same_file_again_is_known(store, folder, march):
    (folder / "March-2024.csv").write_bytes(march)
    (folder / "copy.csv").write_bytes(march)
    assert _ingest(store, folder / "March-2024.csv", folder / "copy.csv", folder / "copy.csv") == {
        "March-2024.csv": "added",
        "copy.csv": "already there",
    }


def test_the_release_tells_what_the_name_and_the_content_tell(keep, store):
    keep(*MARCH, name="March-2024-revised-130624-x.csv", retrieved=date(2024, 6, 20))
    [release] = store.releases()
    assert (release.source, release.status, release.published, release.retrieved) == (
        "ae_monthly",
        "revised",
        date(2024, 6, 13),
        date(2024, 6, 20),
    )
    assert (release.period_start, release.period_end) == (date(2024, 3, 1), date(2024, 3, 31))


def test_the_release_quotes_its_source(keep, store):
    keep(*MARCH)
    [release] = store.releases()
    source = all_sources()["ae_monthly"]
    assert (release.url, release.licence) == (source.URL, source.LICENCE)


def test_a_file_is_retrieved_today_unless_said_otherwise(store, folder, march):
    (folder / "March-2024.csv").write_bytes(march)
    before = datetime.now(UTC).date()
    list(ingest.ingest([folder], store))
    assert before <= store.releases()[0].retrieved <= datetime.now(UTC).date()


def test_a_misleading_name_does_not_matter(store, folder, march):
    (folder / "RTT-April-2026.xlsx").write_bytes(march)
    assert _ingest(store, folder / "RTT-April-2026.xlsx") == {"RTT-April-2026.xlsx": "added"}


def test_what_does_not_add_up_is_kept_and_said(store, folder, ae_csv):
    (folder / "a.csv").write_text(ae_csv(*MARCH).replace("TOTAL,1000,", "TOTAL,1001,"), newline="")
    [outcome] = ingest.ingest([folder], store)
    said = "attendances type 1, March 2024: organisations add up to 1,000, the published total is 1,001"
    assert (outcome.kept, outcome.message) == (Kept.ADDED, said)
    assert store.releases()[0].checks == [said]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "March-2024-b.csv",
            "the same month as March-2024.csv, and neither name says which is newer; March-2024-b.csv is used",
        ),
        ("March-2024-revised-130624-x.csv", ""),
    ],
)
def test_two_files_of_a_month_whose_names_do_not_tell_the_newer_are_said(keep, name, said):
    assert keep(*MARCH).message == ""
    outcome = keep(("RC9", 900, 300), name=name, retrieved=date(2024, 5, 9))
    assert (outcome.kept, outcome.message) == (Kept.ADDED, said)


def test_an_unreadable_file_says_where_and_why_without_its_place_twice(store, folder, ae_csv):
    path = folder / "a.csv"
    path.write_text(ae_csv(("RC9", "1.5", 0)), newline="")
    [outcome] = ingest.ingest([path], store)
    assert (outcome.place, outcome.kept, outcome.source) == (str(path), Kept.UNREADABLE, "ae_monthly")
    assert outcome.message.startswith("row 2, column 'A&E attendances Type 1': found '1.5', expected")


def test_an_unreadable_file_leaves_the_store_as_it_was(store, folder, ae_csv):
    (folder / "a.csv").write_text(ae_csv(*MARCH, total=()), newline="")
    assert _ingest(store, folder) == {"a.csv": "unreadable"}
    assert not store.folder.exists()


def test_an_unrecognised_file_that_is_named_is_an_error(store, folder):
    (folder / "notes.txt").write_text("to do")
    [outcome] = ingest.ingest([folder / "notes.txt"], store)
    assert outcome.kept is Kept.UNREADABLE
    assert outcome.message == "no known publication begins like this. See the README for what can be read."


def test_an_empty_file_that_is_named_is_an_error(store, folder):
    (folder / "empty.csv").touch()
    assert _ingest(store, folder / "empty.csv") == {"empty.csv": "unreadable"}


def test_an_unrecognised_file_in_a_folder_is_merely_said(store, folder, march):
    (folder / "notes.txt").write_text("to do")
    (folder / "a.csv").write_bytes(march)
    assert _ingest(store, folder) == {"a.csv": "added", "notes.txt": "not recognised"}


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>", b"\xef\xbb\xbf\r\n<HTML>", b"  <html lang='en'>"])
def test_a_web_page_is_said_to_be_one_whatever_its_name(store, folder, page):
    (folder / "March-2024.csv").write_bytes(page)
    said = "this is a web page, not a published file. Open the page, and download the file that it links to."
    for path, kept in ((folder, Kept.NOT_RECOGNISED), (folder / "March-2024.csv", Kept.UNREADABLE)):
        [outcome] = ingest.ingest([path], store)
        assert (outcome.kept, outcome.message) == (kept, said)


# ---- paths


def test_a_path_that_does_not_exist_is_refused_before_anything_is_read(store, folder, march):
    (folder / "a.csv").write_bytes(march)
    with pytest.raises(SourceError, match=r"absent: no such file or folder\. Check the path\."):
        list(ingest.ingest([folder / "a.csv", folder / "absent"], store))
    assert store.releases() == []


def test_no_path_and_an_empty_folder_give_nothing(store, folder):
    assert list(ingest.ingest([], store)) == list(ingest.ingest([folder], store)) == []


def test_folders_are_searched_to_the_bottom(store, folder, march, april):
    (folder / "2024" / "spring").mkdir(parents=True)
    (folder / "2024" / "March.csv").write_bytes(march)
    (folder / "2024" / "spring" / "April.csv").write_bytes(april)
    assert _ingest(store, folder) == {"March.csv": "added", "April.csv": "added"}


@pytest.mark.parametrize("hidden", [".DS_Store", ".cache/a.csv", "__MACOSX/a.csv", "sub/.a.csv"])
def test_hidden_files_are_left_out(store, folder, march, hidden):
    path = folder / hidden
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(march)
    assert _ingest(store, folder) == {}


def test_a_folder_below_a_hidden_one_is_read_when_named(store, tmp_path, march):
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.csv").write_bytes(march)
    assert _ingest(store, tmp_path / ".hidden") == {"a.csv": "added"}


def test_a_hidden_file_is_read_when_named(store, tmp_path, march):
    (tmp_path / ".a.csv").write_bytes(march)
    assert _ingest(store, tmp_path / ".a.csv") == {".a.csv": "added"}


def test_files_come_in_the_order_of_their_names(store, folder, march, april):
    for name, content in (("b.csv", march), ("a.csv", april), ("c.txt", b"")):
        (folder / name).write_bytes(content)
    assert list(_ingest(store, folder)) == ["a.csv", "b.csv", "c.txt"]


def test_outcomes_come_as_they_happen(store, folder, march, april):
    (folder / "a.csv").write_bytes(march)
    (folder / "b.csv").write_bytes(april)
    outcomes = ingest.ingest([folder], store)
    next(outcomes)
    assert len(store.releases()) == 1


def test_unreadable_files_do_not_stop_the_others(store, folder, ae_csv, march, april):
    files = {
        "1.csv": march,
        "2.csv": ae_csv(*APRIL, total=()).encode(),
        "3.zip": b"PK\x03\x04 cut",
        "4.csv": b"",
        "5.csv": april,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert _ingest(store, folder) == {
        "1.csv": "added",
        "2.csv": "unreadable",
        "3.zip": "unreadable",
        "4.csv": "not recognised",
        "5.csv": "added",
    }


def test_a_file_that_cannot_be_opened_is_said(store, folder, march, monkeypatch):
    (folder / "a.csv").write_bytes(march)
    (folder / "b.csv").write_bytes(march)
    read_bytes = Path.read_bytes

    def locked(path):
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", locked)
    first, second = ingest.ingest([folder], store)
    assert first == Outcome(str(folder / "a.csv"), Kept.UNREADABLE, "cannot be opened (Permission denied).")
    assert second.kept is Kept.ADDED


def test_damage_in_the_store_is_said_with_its_own_place(store, folder, march, keep):
    keep(*MARCH)
    damaged = store.folder / "observations" / "ae_monthly" / "2024-03.parquet"
    damaged.write_bytes(b"junk")
    (folder / "a.csv").write_bytes(march)
    [outcome] = ingest.ingest([folder], store)
    assert outcome.kept is Kept.UNREADABLE
    assert outcome.message.startswith(f"{damaged}: cannot be read")


# ---- zips


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_is_opened_whatever_its_compression(store, folder, march, april, method):
    _zip(folder / "a.zip", {"March.csv": march, "sub/April.csv": april}, method=method)
    assert _ingest(store, folder) == {"March.csv": "added", "April.csv": "added"}


def test_a_member_is_placed_in_its_zip(store, folder, march):
    _zip(folder / "a.zip", {"sub/March.csv": march})
    [outcome] = ingest.ingest([folder], store)
    assert outcome.place == f"{folder / 'a.zip'}!sub/March.csv"
    assert store.releases()[0].file_name == "March.csv"


def test_a_zip_is_known_by_its_content_not_its_name(store, folder, march):
    _zip(folder / "data", {"March.csv": march})
    assert _ingest(store, folder / "data") == {"March.csv": "added"}


@pytest.mark.parametrize("hidden", ["__MACOSX/._March.csv", ".DS_Store", "sub/.hidden/a.csv"])
def test_what_macos_adds_to_a_zip_is_left_out(store, folder, march, hidden):
    _zip(folder / "a.zip", {"March.csv": march, hidden: b"junk"})
    assert _ingest(store, folder / "a.zip") == {"March.csv": "added"}


def test_folders_in_a_zip_are_no_files(store, folder, march):
    _zip(folder / "a.zip", {"sub/": b"", "sub/March.csv": march})
    assert _ingest(store, folder) == {"March.csv": "added"}


@pytest.mark.parametrize("name", ["/abs/March.csv", "../up/March.csv", "./March.csv"])
def test_a_member_with_an_odd_path_is_read_in_memory_and_written_nowhere(store, folder, march, name):
    _zip(folder / "a.zip", {name: march})
    assert _ingest(store, folder) == {"March.csv": "added"}
    assert [path.name for path in folder.parent.rglob("March.csv")] == []


def test_a_cut_zip_is_unreadable(store, folder, march):
    path = _zip(folder / "a.zip", {"March.csv": march})
    path.write_bytes(path.read_bytes()[:-30])
    [outcome] = ingest.ingest([path], store)
    assert (outcome.place, outcome.kept) == (str(path), Kept.UNREADABLE)
    assert outcome.message == "not a whole zip file (File is not a zip file). Download it again."


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_unreadable_and_the_others_are_read(store, folder, march, april, method):
    path = _zip(folder / "a.zip", {"March.csv": march, "April.csv": april}, method=method)
    content = bytearray(path.read_bytes())
    start = content.index(b"March.csv") + len("March.csv")
    content[start + 10 : start + 40] = b"\xff" * 30
    path.write_bytes(content)
    assert _ingest(store, path) == {"March.csv": "unreadable", "April.csv": "added"}


def test_a_locked_member_is_said(store, folder, march):
    path = _zip(folder / "a.zip", {"March.csv": march})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # "encrypted", in the member's own header and in the list at the end
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    [outcome] = ingest.ingest([path], store)
    assert outcome.kept is Kept.UNREADABLE
    assert outcome.message.startswith("cannot be taken out of the zip (")
    assert outcome.message.endswith("is encrypted, password required for extraction). Download it again.")


def test_a_workbook_is_a_zip_that_is_left_whole(store, folder, march):
    _zip(folder / "book.xlsx", {"[Content_Types].xml": "<Types/>", "xl/March.csv": march})
    [outcome] = ingest.ingest([folder], store)
    assert outcome == Outcome(str(folder / "book.xlsx"), Kept.NOT_RECOGNISED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("old.xls", b"\xd0\xcf\x11\xe0" + b"x" * 600),
        ("half.xlsx", None),
    ],
)
def test_a_workbook_that_cannot_be_opened_is_unreadable_and_stops_no_other(store, folder, march, name, content):
    """Whosever it is: no source is asked. A zip must be whole to be opened at all, so this one lacks its parts."""
    (folder / "March-2024.csv").write_bytes(march)
    if content:
        (folder / name).write_bytes(content)
    else:
        _zip(folder / name, {"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook"})
    outcomes = {Path(outcome.place).name: outcome for outcome in ingest.ingest([folder], store)}
    assert outcomes["March-2024.csv"].kept is Kept.ADDED
    assert (outcomes[name].kept, outcomes[name].source) == (Kept.UNREADABLE, "")
    assert outcomes[name].message == "not a workbook that can be read. Download it again."


def test_a_zip_in_a_zip_is_not_recognised(store, folder, march):
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("March.csv", march)
    _zip(folder / "a.zip", {"inner.zip": inner.getvalue()})
    assert _ingest(store, folder) == {"inner.zip": "not recognised"}


# ---- synthetic and real


def test_a_file_of_synthetic_codes_is_synthetic(keep, store):
    keep(("Z-01", 5, 1), ("Z-02", 5, 1))
    assert store.releases()[0].synthetic is True


def test_real_and_synthetic_codes_in_one_file_are_refused(keep, store):
    outcome = keep(("RC9", 5, 1), ("RJ1", 5, 1), ("Z-01", 5, 1))
    assert (outcome.kept, store.releases()) == (Kept.UNREADABLE, [])
    assert outcome.message == (
        "1 of 3 organisation codes are the synthetic sample's; expected all or none. "
        "Keep real and synthetic figures in separate files."
    )


def test_the_sample_among_published_data_is_refused_file_by_file(keep, store):
    keep(*MARCH)
    outcome = keep(("Z-01", 5, 1), name="sample.csv")
    assert (outcome.kept, len(store.releases())) == (Kept.UNREADABLE, 1)
    assert "holds published data" in outcome.message


# ---- the sample


@pytest.fixture
def small_sample(monkeypatch, ae_csv):
    """Make the sample one month, so that these tests are about ingesting it."""

    def write(text):
        monkeypatch.setattr(ingest.sample, "names", lambda: ["ae_monthly"])
        monkeypatch.setattr(
            ingest.sample,
            "write",
            lambda _name, folder: (folder / "April-2024-synthetic.csv").write_text(text, newline=""),
        )

    write(ae_csv(("Z-01", 5, 1), month="APRIL-2024"))
    return write


def test_the_sample_is_read_through_the_same_readers(store, small_sample):
    [outcome] = ingest.ingest_sample(store)
    assert (outcome.kept, store.synthetic) == (Kept.ADDED, True)


def test_the_sample_again_changes_nothing(store, small_sample):
    ingest.ingest_sample(store)
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    [outcome] = ingest.ingest_sample(store)
    assert outcome.kept is Kept.KNOWN
    after = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    note, folder = store.folder / ingest.SAMPLE_MADE_BY, store.folder
    assert {path: at for path, at in after.items() if path not in (note, folder)} == {
        path: at for path, at in before.items() if path not in (note, folder)
    }


def test_a_sample_of_other_code_makes_way(store, small_sample, ae_csv, monkeypatch):
    ingest.ingest_sample(store)
    assert not ingest.sample_is_outdated(store)
    (before,) = store.releases()
    monkeypatch.setattr(ingest, "_sample_code", lambda: "of an update")
    assert ingest.sample_is_outdated(store)
    small_sample(ae_csv(("Z-01", 6, 1), month="APRIL-2024"))
    ingest.ingest_sample(store)
    (after,) = store.releases()
    assert after.sha256 != before.sha256
    assert not ingest.sample_is_outdated(store)


def test_published_data_are_no_outdated_sample(store, keep):
    keep(*MARCH)
    assert not ingest.sample_is_outdated(store)


def test_the_samples_store_is_the_same_on_every_day(tmp_path, small_sample):
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    ingest.ingest_sample(one)
    ingest.ingest_sample(other)
    assert one.releases() == other.releases()
    assert one.releases()[0].retrieved == ingest.SAMPLE_RETRIEVED


def test_the_sample_is_refused_among_published_data(store, small_sample, keep):
    keep(*MARCH)
    with pytest.raises(StoreError, match="holds published data"):
        ingest.ingest_sample(store)


def test_a_sample_that_cannot_be_read_is_an_error(store, small_sample, ae_csv):
    small_sample(ae_csv(("Z-01", 5, 1), total=()))
    with pytest.raises(SourceError, match="no total row"):
        ingest.ingest_sample(store)


def test_a_sample_that_nobody_recognises_is_an_error(store, small_sample):
    small_sample("something else")
    with pytest.raises(SourceError, match=r"^April-2024-synthetic.csv: not recognised"):
        ingest.ingest_sample(store)


# ---- months of different size


def _month(number, count):
    name = ("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST")[number - 1]
    return [(f"R{at:02}", 10, 1) for at in range(count)], {"month": f"{name}-2024", "name": f"{name}.csv"}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((3, 40), (4, 31), "APRIL.csv has 31 organisations, MARCH.csv of a month close by has 40"),
        ((4, 31), (3, 40), "APRIL.csv has 31 organisations, MARCH.csv of a month close by has 40"),
        ((3, 40), (4, 32), ""),
        ((3, 40), (6, 31), "JUNE.csv has 31 organisations, MARCH.csv of a month close by has 40"),
        ((3, 40), (7, 31), ""),
        ((3, 20), (4, 15), "APRIL.csv has 15 organisations, MARCH.csv of a month close by has 20"),
        ((3, 19), (4, 2), ""),
    ],
    ids=["fewer", "more", "four fifths", "three months", "four months", "twenty", "small files"],
)
def test_a_month_with_far_fewer_organisations_than_one_close_by_is_said(keep, first, second, said):
    """Whichever of the two is read first; a file that is cut off between two lines lacks its last organisations."""
    rows, layout = _month(*first)
    assert keep(*rows, **layout).message == ""
    rows, layout = _month(*second)
    message = keep(*rows, **layout).message
    assert message == (said and f"{said}: the former may be cut off; download it again")


def test_the_nearest_month_is_the_one_compared_with(keep):
    for month, count in ((1, 20), (3, 40)):
        rows, layout = _month(month, count)
        keep(*rows, **layout)
    rows, layout = _month(4, 40)
    assert keep(*rows, **layout).message == ""


# ---- rival releases


def test_two_releases_of_a_month_that_nothing_tells_apart_are_named(keep, store):
    keep(*MARCH, name="first.csv")
    outcome = keep(("RC9", 1000, 401), name="second.csv")
    used = next(iter(store.newest("ae_monthly").values())).file_name
    assert outcome.message == f"the same month as first.csv, and neither name says which is newer; {used} is used"


@pytest.mark.parametrize("name", ["second-revised.csv", "second-revised-130624.csv"])
def test_a_revision_rivals_nobody(keep, name):
    keep(*MARCH, name="first.csv")
    assert keep(("RC9", 1000, 401), name=name).message == ""


# ---- read anew


@pytest.fixture
def mended(monkeypatch):
    """Another version of the reader: it doubles every figure, or refuses the file."""

    def mend(*, refuses=False):
        read = ae_monthly.provider_csv.read

        def another(file):
            if refuses:
                raise SourceError(f"{file.place}: refused.")
            publication = read(file)
            return replace(publication, observations=publication.observations.with_columns(pl.col("value") * 2))

        monkeypatch.setattr(ae_monthly.provider_csv, "read", another)
        monkeypatch.setattr(readers, "fingerprint", lambda _: "another")

    return mend


def _without(publication, month):
    is_other = pl.col("period_start") != month
    frames = (publication.observations.filter(is_other), publication.organisations.filter(is_other))
    return Publication(*frames, vintage=publication.vintage)


def _attendances(store):
    counted = store.observations("ae_monthly", metrics=["attendances_type_1"], org_codes=["RC9"])
    return counted["value"].to_list()


def test_what_another_version_has_read_is_read_anew_from_the_store(store, keep, mended):
    keep(*MARCH, name="March-2024-revised-130624-x.csv")
    [before] = store.releases()
    mended()
    [outcome] = ingest.reread(store)
    assert (outcome.kept, outcome.source) == (Kept.REREAD, "ae_monthly")
    assert outcome.place == str(store.file_of(before))
    assert _attendances(store) == [2000]
    assert store.releases() == [before.model_copy(update={"reader": "another"})]
    assert list(ingest.reread(store)) == []


def test_a_known_file_is_read_anew_where_its_reader_has_changed(store, keep, mended):
    keep(*MARCH)
    mended()
    outcome = keep(*MARCH, retrieved=date(2025, 1, 1))
    assert (outcome.kept, _attendances(store)) == (Kept.REREAD, [2000])
    assert [release.retrieved for release in store.releases()] == [date(2024, 4, 11)]
    assert keep(*MARCH).kept is Kept.KNOWN


def test_a_file_that_the_new_version_refuses_stays_as_it_was_read(store, keep, mended):
    keep(*MARCH)
    before = store.releases()
    mended(refuses=True)
    [outcome] = ingest.reread(store)
    assert (outcome.kept, outcome.message) == (Kept.UNREADABLE, "refused.")
    assert (_attendances(store), store.releases()) == ([1000], before)


def test_a_month_that_the_new_version_does_not_find_is_taken_out(store, sample_folder):
    """A file of many months, of another source; the first is then no more there."""
    example = Store(sample_folder)
    sample_file = example.file_of(example.releases("ambulance_systems")[0])
    list(ingest.ingest([sample_file], store))
    first, *others = store.releases("ambulance_systems")[0].periods
    read = ambulance_systems.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ambulance_systems, "read", lambda file: _without(read(file), first))
        patch.setattr(readers, "fingerprint", lambda _: "another")
        list(ingest.ingest([sample_file], store))
    assert store.releases("ambulance_systems")[0].periods == others
    assert not (store.folder / "observations" / "ambulance_systems" / f"{first:%Y-%m}.parquet").exists()
    assert first not in store.totals("ambulance_systems")["period_start"].to_list()


def test_a_file_that_is_gone_from_the_store_is_named(store, keep, mended):
    keep(*MARCH)
    store.file_of(store.releases()[0]).unlink()
    mended()
    with pytest.raises(StoreError, match=r"ae_monthly: 'March-2024\.csv' \([0-9a-f]{64}\) is gone\. Ingest that file"):
        list(ingest.reread(store))


# ---- from an address


def test_where_a_file_is_from_is_kept_with_what_its_page_tells(store, folder, march):
    (folder / "March-2024.csv").write_bytes(march)
    told = Vintage(ReleaseStatus.REVISED, date(2024, 6, 13))
    list(ingest.ingest([folder], store, origin=ingest.Origin("ae_monthly", "https://x/March-2024.csv", "f" * 64, told)))
    [release] = store.releases()
    assert (release.file_url, release.vintage) == ("https://x/March-2024.csv", told)
    assert release.download_sha256 == "f" * 64
    assert release.url == ae_monthly.URL
    [outcome] = ingest.ingest([folder], store)  # by hand, later: what is known stays
    assert (outcome.kept, store.releases()) == (Kept.KNOWN, [release])


def test_a_file_of_another_source_than_its_page_is_refused(store, folder, march):
    (folder / "March-2024.csv").write_bytes(march)
    told = Vintage(ReleaseStatus.PROVISIONAL, None)
    [outcome] = ingest.ingest([folder], store, origin=ingest.Origin("rtt_overview", "https://x/", "f" * 64, told))
    assert outcome.message.startswith("a file of 'ae_monthly'; expected one of 'rtt_overview'.")
    assert (outcome.kept, store.releases()) == (Kept.UNREADABLE, [])
