"""New releases of a source: found, downloaded, verified, ingested and recorded, one outcome a file, as it happens.

A file counts as here once the data folder has it and the record names it; its address is not asked for again. Where a
recorded address has other bytes than it had, this is an error that names both hashes, unless the publisher's page
explains it (it calls the file revised, or gives a later date, and did not before) or the user accepts it; then both
vintages are kept, and both are recorded.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from openmeasures import definitions
from openmeasures.errors import FetchError, OfflineError, OpenMeasuresError, ParameterError, StoreError, near_miss
from openmeasures.fetching import finding, record
from openmeasures.fetching.finding import Offer
from openmeasures.fetching.record import Entry
from openmeasures.fetching.web import Download, Web
from openmeasures.ingest import UNKNOWN, Kept, Origin, Outcome, ingest
from openmeasures.releases import Release, ReleaseStatus, vintage_combined
from openmeasures.sources import Source, all_sources
from openmeasures.store import Store

FOLDER = "downloads"  # in the data folder: a file on its way; one that could not be read stays, to be looked at
LONGEST_NAME = 120  # characters: paths on Windows end at 260
READ = {Kept.ADDED, Kept.KNOWN, Kept.REREAD}


class Result(StrEnum):
    """What became of a file, or of a source's pages."""

    FETCHED = "fetched"
    KNOWN = "already there"
    WANTED = "to be fetched"
    FAILED = "failed"


@dataclass(frozen=True)
class Fetched:
    """One file's fate, or that of a source whose pages could not be read; `message` says what was noticed."""

    source: str
    place: str
    result: Result
    message: str = ""
    month: date | None = None


def choose(names: Iterable[str]) -> dict[str, Source]:
    """Return the sources of these names. Raises `ParameterError` for an unknown one, a measure's among them."""
    known = all_sources()
    chosen = dict.fromkeys(names)
    for name in chosen:
        if name not in known:
            measures = {measure.id: measure.source for measure in definitions.load_all()}
            hint = (
                f" It is a measure, whose source is {measures[name]!r}." if name in measures else near_miss(name, known)
            )
            raise ParameterError(f"{name!r} is not a source.{hint} The sources are {', '.join(known)}.")
    return {name: known[name] for name in chosen}


def fetch(
    sources: dict[str, Source], store: Store, web: Web, *, entries: Path, since: date | None = None,
    again: bool = False, accept_changed: bool = False, dry_run: bool = False,
    begun: Callable[[str], None] = lambda _: None,
) -> Iterator[Fetched]:  # fmt: skip
    """Fetch what the sources' publishers offer and is not here yet.

    - `entries`: the record, `record.path()`.
    - `since`: the first month wanted; see `finding.find` for the default.
    - `again`: download what is here too, and compare it with the record.
    - `accept_changed`: take files whose content is another than recorded.
    - `dry_run`: read the pages, download nothing.
    - `begun`: is told the name of each file before its download.

    One failure never stops the others. Raises `OfflineError` where no site can be reached, `StoreError` where another
    fetch is at work in the same folder, `FetchError` for a damaged record.
    """
    record.load(entries)
    with _turn(store, needed=not dry_run):
        for name, source in sources.items():
            try:
                offers = _offers(name, source, store, web, since)
            except OfflineError:
                raise
            except FetchError as error:
                yield Fetched(name, source.URL, Result.FAILED, str(error))
                continue
            for offer in offers:
                known = record.latest(record.load(entries), offer.url)
                is_here = known and _releases(name, known.sha256, store)
                if known and is_here and not (again or _is_newer(offer, known)):
                    yield Fetched(name, offer.url, Result.KNOWN, month=offer.month)
                elif dry_run:
                    yield Fetched(name, offer.url, Result.WANTED, month=offer.month)
                else:
                    begun(offer.file_name)
                    yield _fetch_one(name, offer, store, web, entries, accept_changed=accept_changed)


def _offers(name: str, source: Source, store: Store, web: Web, since: date | None) -> list[Offer]:
    listing = finding.listing_of(name, source)
    ends = [release.period_end.replace(day=1) for release in store.every_release(name) if not release.synthetic]
    return finding.find(source, listing, web.page, since=since, held=max(ends, default=None))


def _fetch_one(name: str, offer: Offer, store: Store, web: Web, entries: Path, *, accept_changed: bool) -> Fetched:
    path = store.folder / FOLDER / _safe(offer.file_name)
    try:
        download = web.download(offer.url, path)
        known = record.latest(record.load(entries), offer.url)
        if known and known.sha256 != download.sha256 and not (accept_changed or _is_newer(offer, known)):
            path.unlink()
            raise FetchError(
                f"{offer.url}: the file has changed since {known.retrieved}. Found SHA-256 {download.sha256}, expected "
                f"{known.sha256}, and the page does not call it revised. Compare the two, or ask the publisher; then "
                "--accept-changed takes the new one and keeps the old."
            )
        notes = _read(name, offer, download, store)
    except OfflineError:
        raise
    except OpenMeasuresError as error:
        return Fetched(name, offer.url, Result.FAILED, str(error).removeprefix(f"{offer.url}: "), offer.month)
    record.add(entries, _entry(name, offer, download, store))
    path.unlink()
    return Fetched(name, offer.url, Result.FETCHED, "; ".join(notes), offer.month)


def _read(name: str, offer: Offer, download: Download, store: Store) -> list[str]:
    """Ingest a downloaded file; return what was noticed. Raises `FetchError` where it is not what the page says."""
    origin = Origin(name, offer.url, download.sha256, offer.vintage)
    outcomes = list(ingest([download.path], store, origin=origin))
    # Notes that lie beside the figures in a zip are no publication; everything else has to be.
    unreadable = [each.message for each in outcomes if each.kept == Kept.UNREADABLE and each.message != UNKNOWN]
    if unreadable or not any(outcome.kept in READ for outcome in outcomes):
        reason = "; ".join(unreadable) or UNKNOWN
        raise FetchError(f"{offer.url}: downloaded, and cannot be read: {reason} It is kept as {download.path}.")
    months = {release.period_end.replace(day=1) for release in _releases(name, download.sha256, store)}
    notes = [_note(outcome, download.path) for outcome in outcomes if outcome.message]
    if offer.month and offer.month not in months:
        found = ", ".join(f"{month:%Y-%m}" for month in sorted(months))
        notes.append(
            f"the page lists it under {offer.month:%Y-%m}, and its figures go up to {found}; they count as such"
        )
    return notes


def _note(outcome: Outcome, path: Path) -> str:
    """Return what was noticed, with the file's name where it is one in a zip."""
    member = outcome.place.removeprefix(str(path)).removeprefix("!")
    return f"{member}: {outcome.message}" if member else outcome.message


def _entry(name: str, offer: Offer, download: Download, store: Store) -> Entry:
    """Return the row to record: what the page says of the file, or else what the file says of itself."""
    told = vintage_combined(offer.vintage, *(release.vintage for release in _releases(name, download.sha256, store)))
    today = datetime.now(UTC).date()
    return Entry(name, offer.file_name, offer.url, told.published, today, download.sha256, told.status)


def _releases(name: str, sha256: str, store: Store) -> list[Release]:
    """Return the releases that a file of this hash holds: itself, or what is in the zip."""
    return [release for release in store.every_release(name) if sha256 in (release.sha256, release.download_sha256)]


def _is_newer(offer: Offer, known: Entry) -> bool:
    """Whether the page says of a recorded address that its file is another now."""
    is_later = bool(offer.vintage.published and known.published and offer.vintage.published > known.published)
    return is_later or (offer.vintage.status == ReleaseStatus.REVISED != known.status)


def _safe(file_name: str) -> str:
    """Return a file name that every system takes, Windows included."""
    cleaned = re.sub(r"[^\w .()&,+-]", "_", file_name).strip(" .")[-LONGEST_NAME:]
    return cleaned or "download"


@contextmanager
def _turn(store: Store, *, needed: bool) -> Iterator[None]:
    """Let one fetch at a time fill a data folder; the operating system frees the lock of a killed one."""
    if not needed:
        yield
        return
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(store.folder / ".fetch.lock", timeout=0):
            yield
    except Timeout as error:
        raise StoreError(f"{store.folder}: another fetch is at work here. Wait until it is done.") from error
    except OSError as error:
        raise StoreError(
            f"{store.folder}: cannot be written ({error.strerror or error}). Make room or get the right to write "
            "there, or name another folder with --data."
        ) from error
