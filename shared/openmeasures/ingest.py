"""From paths to releases: find files in folders and zips, recognise them by content, read and keep them.

One unreadable file never stops the others: each has its own `Outcome`, and the command line turns them into words
and an exit code.
"""

import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from io import BytesIO
from itertools import chain, repeat
from multiprocessing import get_context
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from typing import cast

import polars as pl

from openmeasures import imports, readers, sample, sources
from openmeasures.errors import OpenMeasuresError, SourceError, StoreError
from openmeasures.organisations import ENGLAND, SYNTHETIC_ENGLAND_NAME, is_synthetic
from openmeasures.releases import Release, Vintage, vintage_combined, vintage_named
from openmeasures.sample.organisations import reference_folder
from openmeasures.sources import Publication, Source, SourceFile, recognise
from openmeasures.store import Store, write_whole

ZIP_SIGNATURE = b"PK\x03\x04"
# The sample's releases carry one date, so that every machine has the same store.
SAMPLE_RETRIEVED = date(2026, 5, 14)
SAMPLE_MADE_BY = ".sample"  # in the data folder: a hash of the code that made it
# Workbooks are zips too; their readers take them whole.
WORKBOOK_MEMBER = "[Content_Types].xml"
# What zipfile and the decompressors under it raise for a damaged, locked or exotic zip.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
# A month with fewer organisations than that share of the month before, or after, may be cut off; a few come and go.
LEAST_SHARE = 0.8
FEWEST_ORGANISATIONS = 20  # to tell by; a small file, such as an example, may have any number
NEIGHBOURS_WITHIN = timedelta(days=92)  # three months, whichever of them are here
WEB_PAGE = "this is a web page, not a published file. Open the page, and download the file that it links to."
TELL_US = "Tell us that the publisher's page has changed."
UNKNOWN = "no known publication begins like this. See the README for what can be read."
IGNORED_FOLDERS = {"__MACOSX"}  # resource forks that macOS adds to zips


class Kept(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REREAD = "read anew"
    KNOWN = "already there"
    NOT_RECOGNISED = "not recognised"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Outcome:
    """One file's fate; `message` says what is wrong, or what was noticed."""

    place: str
    kept: Kept
    message: str = ""
    source: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a file was downloaded, with which hash, and what the publisher's page says of it.

    A file that turns out to be of another source than `source` is refused.
    """

    source: str
    url: str
    sha256: str
    vintage: Vintage


def ingest(
    paths: Iterable[Path], store: Store, *, retrieved: date | None = None, origin: Origin | None = None,
    embargoed_until: datetime | None = None,
) -> Iterator[Outcome]:  # fmt: skip
    """Read every publication under `paths` into `store`, one outcome a file, as it happens.

    A folder is searched to the bottom, hidden files left out; a zip is opened. `retrieved` is today by default;
    `origin` and `embargoed_until` are those of all of them. A file that is known, but was read by another version of
    its reader, is read anew. A file that is named directly and is no known publication is unreadable; inside a folder
    it is merely not recognised. Raises `SourceError` for a path that does not exist, before anything is read.
    """
    paths = list(paths)
    if absent := [path for path in paths if not path.exists()]:
        raise SourceError(f"{absent[0]}: no such file or folder. Check the path.")
    day = retrieved or datetime.now(UTC).date()
    for path in paths:
        for file in _files(path):
            if isinstance(file, Outcome):
                yield file
            else:
                yield _ingest_one(
                    file, store, retrieved=day, named=path.is_file(), origin=origin, embargoed_until=embargoed_until
                )


def reread(store: Store) -> Iterator[Outcome]:
    """Read anew what another version of its reader has read, from the files that the store keeps, one outcome each.

    Where the reader now refuses a file, what was read before stays. Raises `StoreError` for a file that is gone.
    """
    for release in readers.outdated(store):
        kept = store.file_of(release)
        file = SourceFile(str(kept), release.file_name, kept.read_bytes())
        origin = Origin(release.source, release.file_url, release.download_sha256, release.vintage)
        yield _ingest_one(file, store, retrieved=release.retrieved, named=True, origin=origin)


def ingest_sample(store: Store) -> list[Outcome]:
    """Write the synthetic sample in the publications' layout and read it back through the same readers.

    Publications are made side by side, in as many processes as the machine has cores. A sample that other code made or
    read, before an update of the project, makes way first. Raises `SourceError` if the sample cannot be read,
    `StoreError` where the store holds published data.
    """
    if sample_is_outdated(store):
        store.remove_sample()
    names = sample.names()
    if len(names) == 1:
        outcomes = _ingest_sample_of(names[0], store)
    else:
        # Not forked: what runs here may have threads.
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
            outcomes = list(chain.from_iterable(processes.map(_ingest_sample_of, names, repeat(store))))
    for outcome in outcomes:
        if outcome.kept not in (Kept.ADDED, Kept.KNOWN):
            refusal = StoreError if any(not known.synthetic for known in store.every_release()) else SourceError
            raise refusal(outcome.message or f"{Path(outcome.place).name}: {outcome.kept.value}")
    write_whole(store.folder / SAMPLE_MADE_BY, _sample_code().encode())
    return outcomes


def _ingest_sample_of(name: str, store: Store) -> list[Outcome]:
    with TemporaryDirectory() as folder:
        sample.write(name, Path(folder))
        return list(ingest([Path(folder)], store, retrieved=SAMPLE_RETRIEVED))


def sample_is_outdated(store: Store) -> bool:
    """Whether the store holds a sample that other code made or read than there is now."""
    made_by = store.folder / SAMPLE_MADE_BY
    return store.synthetic and not (made_by.is_file() and made_by.read_text(encoding="utf-8") == _sample_code())


def _sample_code() -> str:
    """Return a hash of what makes the sample and reads it: modules, and the sample's reference data."""
    packages = (sample, sources)
    names = [module.name for each in packages for module in iter_modules(each.__path__, f"{each.__name__}.")]
    files = [*imports.closure([*names, __name__]).values(), *sorted(reference_folder().glob("*.csv"))]
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _ingest_one(
    file: SourceFile, store: Store, *, retrieved: date, named: bool, origin: Origin | None = None,
    embargoed_until: datetime | None = None,
) -> Outcome:  # fmt: skip
    try:
        found = recognise(file)
    except SourceError as error:
        return Outcome(file.place, Kept.UNREADABLE, _without_place(error, file))
    if found is None:
        message = WEB_PAGE if is_web_page(file.content) else UNKNOWN if named else ""
        return Outcome(file.place, Kept.UNREADABLE if named else Kept.NOT_RECOGNISED, message)
    name, source = found
    if origin and name != origin.source:
        return Outcome(
            file.place, Kept.UNREADABLE, f"a file of {name!r}; expected one of {origin.source!r}. {TELL_US}", name
        )
    kept = Kept.REREAD if any(known.sha256 == file.sha256 for known in store.every_release(name)) else Kept.ADDED
    try:
        publication = source.read(file)
        release = _release(name, source, file, publication, retrieved, origin)
        release = release.model_copy(update={"embargoed_until": embargoed_until})
        added = store.add(release, file, publication)
        notes = [*publication.checks, *(_beside_others(store, release) if added else [])]
    except OpenMeasuresError as error:
        return Outcome(file.place, Kept.UNREADABLE, _without_place(error, file), name)
    return Outcome(file.place, kept if added else Kept.KNOWN, "; ".join(notes), name)


def is_web_page(content: bytes) -> bool:
    """Whether a file begins as web pages do: what a site sends in place of a file that is gone."""
    return content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def _without_place(error: OpenMeasuresError, file: SourceFile) -> str:
    return str(error).removeprefix(file.place).lstrip(":, ")


def _beside_others(store: Store, release: Release) -> list[str]:
    """Say what a release just added looks like beside those of the same publication."""
    others = [known for known in store.every_release(release.source) if known.sha256 != release.sha256]
    return [*_rivals(others, release), *_much_smaller(others, release)]


def _much_smaller(others: list[Release], release: Release) -> list[str]:
    """Say where a release and the one of the nearest month differ much in how many organisations they name.

    Most publications are sorted by organisation, so that a file cut between two lines lacks the last of them, and
    nothing in the file itself need show it. Releases of other metrics, another layout's, are left aside.
    """
    alike = [
        known
        for known in others
        if known.organisations
        and known.metrics == release.metrics
        and abs(known.period_end - release.period_end) <= NEIGHBOURS_WITHIN
    ]
    nearest = min(alike, key=lambda known: abs(known.period_end - release.period_end), default=None)
    if nearest is None:
        return []
    counts = sorted((each.organisations or 0, each.file_name) for each in (nearest, release))
    (few, smaller), (many, larger) = counts
    if many < FEWEST_ORGANISATIONS or few >= LEAST_SHARE * many:
        return []
    return [
        f"{smaller} has {few} organisations, {larger} of a month close by has {many}: the former may be cut off; "
        "download it again"
    ]


def _rivals(others: list[Release], release: Release) -> list[str]:
    """Say where nothing tells which of two releases of one period is the newer, and which of them is used."""
    rivals = [
        known
        for known in others
        if known.vintage == release.vintage
        and len(known.metrics) == len(release.metrics)
        and set(known.periods) & set(release.periods)
    ]
    if not rivals:
        return []
    used = max(rivals[-1], release, key=lambda each: each.order)
    return [f"the same month as {rivals[-1].file_name}, and neither name says which is newer; {used.file_name} is used"]


def _release(
    name: str, source: Source, file: SourceFile, publication: Publication, retrieved: date, origin: Origin | None
) -> Release:
    codes = set(publication.organisations["org_code"]) - {ENGLAND}
    synthetic = {code for code in codes if is_synthetic(code)}
    if synthetic and synthetic != codes:
        raise SourceError(
            f"{file.place}: {len(synthetic)} of {len(codes)} organisation codes are the synthetic sample's; expected "
            "all or none. Keep real and synthetic figures in separate files."
        )
    # A national series has no other organisation, so that its name has to tell.
    is_invented = bool(synthetic) or SYNTHETIC_ENGLAND_NAME in publication.organisations["org_name"]
    told = [vintage_named(file.name), *([origin.vintage] if origin else [])]
    vintage = publication.vintage or vintage_combined(*told)
    observations = publication.observations
    in_part = pl.when(pl.col("breakdown") == "").then(pl.lit("")).otherwise(" by " + pl.col("breakdown"))
    return Release(
        sha256=file.sha256,
        source=name,
        file_name=file.name,
        periods=observations["period_start"].unique().sort().to_list(),
        period_end=cast("date", observations["period_end"].max()),
        metrics=observations.select(pl.col("metric") + in_part).to_series().unique().sort().to_list(),
        status=vintage.status,
        published=vintage.published,
        retrieved=retrieved,
        url=source.URL,
        licence=source.LICENCE,
        synthetic=is_invented,
        organisations=len(codes),
        checks=publication.checks,
        file_url=origin.url if origin else "",
        download_sha256=origin.sha256 if origin else "",
        reader=readers.fingerprint(name),
    )


def _files(path: Path) -> Iterator[SourceFile | Outcome]:
    """Return every file under a path, zips opened; what cannot be opened is an outcome at once."""
    below = (each for each in path.rglob("*") if each.is_file() and not _hidden(each.relative_to(path)))
    for each in [path] if path.is_file() else sorted(below):
        try:
            content = each.read_bytes()
        except OSError as error:
            yield Outcome(str(each), Kept.UNREADABLE, f"cannot be opened ({error.strerror}).")
            continue
        if content.startswith(ZIP_SIGNATURE):
            yield from _members(each, content)
        else:
            yield SourceFile(str(each), each.name, content)


def _hidden(inner: Path) -> bool:
    return any((part.startswith(".") and part != "..") or part in IGNORED_FOLDERS for part in inner.parts)


def _members(path: Path, content: bytes) -> Iterator[SourceFile | Outcome]:
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except DAMAGES as error:
        yield Outcome(str(path), Kept.UNREADABLE, f"not a whole zip file ({error}). Download it again.")
        return
    with archive:
        if WORKBOOK_MEMBER in archive.namelist():
            yield SourceFile(str(path), path.name, content)
            return
        for member in archive.infolist():
            inner = Path(member.filename)
            if member.is_dir() or _hidden(inner):
                continue
            place = f"{path}!{member.filename}"
            try:
                file = SourceFile(place, inner.name, archive.read(member))
            except DAMAGES as error:
                yield Outcome(place, Kept.UNREADABLE, f"cannot be taken out of the zip ({error}). Download it again.")
            else:
                yield file
