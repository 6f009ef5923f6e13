"""The data folder: every release ever read, and its observations.

    data/releases/<source>/<sha256>.json        the release's record; a release counts once this is there
    data/releases/<source>/<sha256><suffix>     the published file itself
    data/observations/<source>/<yyyy-mm>.parquet    the figures of one period, every vintage
    data/organisations/<source>/<yyyy-mm>.parquet   the names, every vintage

The record is written last, and every file appears whole or not at all, so a process killed at any moment leaves a
store that reads as before; running it again finishes the work. Writers take turns through a lock. A release whose rows
are lost, because a damaged file was deleted, is filled in by ingesting it again.

| name | what |
|---|---|
| `Store.add` | keep one release and its observations; the same file again changes nothing |
| `Store.releases` | every release of a source whose figures may be read |
| `Store.every_release` | those that are held back, too: for who adds to the store, never for pages |
| `Store.not_out` | those that are not public yet |
| `Store.newest` | for each period of a source, the release whose figures count |
| `Store.oldest` | for each period of a source, its first release |
| `Store.reaches` | how far the data of all sources go |
| `Store.observations`, `Store.organisations` | what the newest releases say |
| `Store.totals` | what a publication says of England itself |
| `Store.fingerprints` | what tells whether the figures of a release are still those that were read |
| `content_without` | a file of the folder, less the rows of some releases |
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from io import BytesIO
from itertools import product
from pathlib import Path

import polars as pl
from filelock import FileLock
from polars.exceptions import PolarsError
from pydantic import ValidationError

from openmeasures import project
from openmeasures.errors import StoreError
from openmeasures.organisations import ENGLAND
from openmeasures.releases import Release
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import Publication, SourceFile

# A figure's identity first, so that one organisation's series lies together.
SORT = {
    "observations": ["org_code", "metric", "breakdown", "category", "period_start", "release"],
    "organisations": ["org_code", "release"],
}
# The same order for what is read: files come by period, each in order, with one release and one breakdown of it wanted.
# To compare six keys of two million rows would take as long as everything else about them.
READ = SORT | {"observations": ["org_code", "metric", "category"]}
# Rows that are read or skipped together. Sorted by organisation, few groups have one organisation's rows: a series of
# 60 RTT months (96,000 rows each) takes two thirds of the time that whole files take, which are a sixth smaller.
ROW_GROUP = 20_000
SCHEMAS = {"observations": Observations, "organisations": Organisations}
FILL = "Fill it with `openmeasures ingest PATH…` (published files) or `openmeasures sample` (synthetic figures)."
REMEDY = "Delete the file and ingest its release again."


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears complete or not at all, whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened plainly: tempfile's files are their owner's alone, and a data folder may be shared.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Store:
    """Releases and observations in one folder; reading takes no lock.

    With `as_of` only the releases that were known on that day are read (`Release.known_from`), as if there were no
    other. A release that is not out at the moment `public_at` is held back in the same way; by default, that of
    `project.public_at`.
    """

    def __init__(self, folder: Path, *, as_of: date | None = None, public_at: datetime | None = None) -> None:
        self.folder = folder
        self.as_of = as_of
        self.public_at = public_at or project.public_at()
        self._fixed: list[Release] | None = None

    def fixed(self) -> "Store":
        """Return this store as it is now: releases that are added later are not in it.

        For whoever asks often, as a run and the pages do: there may be hundreds of records to look at each time.
        """
        store = Store(self.folder, as_of=self.as_of, public_at=self.public_at)
        store._fixed = self._records()
        return store

    def releases(self, source: str | None = None) -> list[Release]:
        """Return the releases of a source (of all, by default), oldest period first, oldest vintage first.

        Those not known on the day, or not out yet, are left out. Synthetic releases do not count beside published
        ones: they are about to be removed. Raises `StoreError` for a record that cannot be read.
        """
        return [release for release in self.every_release(source) if self._is_known(release)]

    def every_release(self, source: str | None = None) -> list[Release]:
        """Return what `releases` does, and what it leaves out."""
        every = self._records()
        published = [release for release in every if not release.synthetic]
        return sorted(
            (release for release in published or every if source in (None, release.source)),
            key=lambda release: (release.source, release.period_start, release.order),
        )

    def not_out(self, moment: datetime) -> list[Release]:
        """Return the releases that are public only after a moment, the last of them last."""
        waiting = [(release.public_from, release) for release in self.every_release()]
        dated = [(public_from, release) for public_from, release in waiting if public_from and public_from > moment]
        return [release for _, release in sorted(dated, key=lambda pair: pair[0])]

    def _is_known(self, release: Release) -> bool:
        is_out = release.public_from is None or release.public_from <= self.public_at
        return is_out and (self.as_of is None or release.known_from <= self.as_of)

    def newest(self, source: str) -> dict[date, Release]:
        """Return, for each period of a source in order, the newest of the releases that have it."""
        return self._by_period(sorted(self.releases(source), key=lambda release: release.order))

    def oldest(self, source: str) -> dict[date, Release]:
        """Return, for each period of a source in order, the first of the releases that have it."""
        return self._by_period(sorted(self.releases(source), key=lambda release: release.order, reverse=True))

    @staticmethod
    def _by_period(releases: list[Release]) -> dict[date, Release]:
        """Return the last of the releases that have each period."""
        return dict(sorted({period: release for release in releases for period in release.periods}.items()))

    def reaches(self) -> date:
        """Return the last day that any release here has figures of, of whichever source: how far the data go.

        Raises `StoreError` for an empty folder.
        """
        releases = self.releases()
        if not releases:
            raise StoreError(f"{self.folder}: no release here{self._known()}. {FILL}")
        return max(release.period_end for release in releases)

    @property
    def synthetic(self) -> bool:
        """Whether what is here is the sample."""
        return any(release.synthetic for release in self.releases())

    def observations(
        self,
        source: str,
        *,
        metrics: list[str] | None = None,
        breakdown: str = "",
        org_codes: list[str] | None = None,
        counting: dict[date, Release] | None = None,
    ) -> pl.DataFrame:
        """Return the observations of each period's newest release, or of those `counting`; see `schemas.Observations`.

        They are those of whole metrics, or of the parts of one `breakdown`. `metrics` and `org_codes` limit what is
        read, which is what makes one organisation's series quick to have. Raises `StoreError` where the source has no
        release yet, or a file is damaged.
        """
        wanted = pl.col("breakdown") == breakdown
        if metrics is not None:
            wanted &= pl.col("metric").is_in(metrics)
        if org_codes is not None:
            wanted &= pl.col("org_code").is_in(org_codes)
        return self._read("observations", source, wanted, counting or self.newest(source))

    def totals(self, source: str, breakdown: str = "") -> pl.DataFrame:
        """Return what a publication itself says of England, from the newest release that says it.

        It is of whole metrics, or of the parts of one `breakdown`. Some editions have no total, as the cancer files'
        tidy extract; then the one before it has the word. Raises `StoreError` as `observations` does.
        """
        order = [release.sha256 for release in sorted(self.releases(source), key=lambda release: release.order)]
        says_it = (pl.col("org_code") == ENGLAND) & (pl.col("breakdown") == breakdown) & pl.col("release").is_in(order)
        place = pl.col("release").replace_strict(order, range(len(order)), default=None, return_dtype=pl.Int64)
        found = self._collect("observations", source, lambda rows: rows.filter(says_it))
        return found.filter(place == place.max().over("period_start")).sort(SORT["observations"])

    def organisations(self, source: str) -> pl.DataFrame:
        """Return the organisations of each period's newest release; see `schemas.Organisations`."""
        return self._read("organisations", source, pl.lit(True), self.newest(source))

    def fingerprints(self, source: str, periods: Iterable[date]) -> dict[tuple[date, str], str]:
        """Return a text for each of some periods and each release, by its SHA-256, that has rows of the period here.

        It is another one where any of these rows is, of observations or organisations; their order does not matter, and
        neither do other releases in the same file. It is the same wherever Polars has the same version. Raises
        `StoreError` as `observations` does.
        """
        wanted, found = list(periods), dict[tuple[date, str], str]()
        for table in SCHEMAS:
            for period, release, sum_ in self._collect(table, source, _fingerprint, periods=wanted).iter_rows():
                found[period, release] = f"{found.get((period, release), '')}{table} {sum_:016x} "
        return found

    def _read(self, table: str, source: str, wanted: pl.Expr, newest: dict[date, Release]) -> pl.DataFrame:
        counting = {period: release.sha256 for period, release in newest.items()}
        is_newest = pl.col("release") == pl.col("period_start").replace_strict(counting, default=None)
        found = self._collect(table, source, lambda rows: rows.filter(wanted & is_newest), periods=newest)
        rows = found.sort(READ[table], maintain_order=True)  # within the query it would take twice as long
        # Looked for twice, because a period may be whole and yet have none of the wanted metrics or organisations.
        if lost := set(newest) - set(rows["period_start"].unique()):
            starts = self._collect(
                table, source, lambda rows: rows.filter(is_newest).select("period_start").unique(), periods=lost
            )
            lost -= set(starts["period_start"])
        if lost:
            first = min(lost)
            raise StoreError(
                f"{self.folder / table / source / f'{first:%Y-%m}.parquet'}: no {table} of "
                f"{newest[first].file_name!r} ({len(lost)} of {len(newest)} periods have none). Ingest that file again."
            )
        return rows

    def _collect(
        self,
        table: str,
        source: str,
        query: Callable[[pl.LazyFrame], pl.LazyFrame],
        *,
        periods: Iterable[date] | None = None,
    ) -> pl.DataFrame:
        """Return what a query finds in the files of a source, every vintage; in those of some periods only."""
        if not self.releases(source):
            raise StoreError(f"{self.folder}: no release of {source!r} here{self._known()}. {FILL}")
        place = self.folder / table / source
        if periods is None:
            files = sorted(place.glob("*.parquet"))
        else:
            files = [path for period in sorted(periods) if (path := place / f"{period:%Y-%m}.parquet").is_file()]
        # As a list, not a pattern: the folder's own name may hold `[` or `*`.
        empty = _empty(table)
        try:
            # What an earlier version wrote lacks the columns that came later: null there, until it is read anew.
            rows = (
                pl.scan_parquet(files, glob=False, schema=empty.schema, missing_columns="insert")
                if files
                else empty.lazy()
            )
            return query(rows).collect()
        except (PolarsError, OSError) as error:
            for file in files:
                _rows(file)  # raises for the damaged one, which the first error does not name
            raise StoreError(f"{place}: the files do not fit together ({_first_line(error)}). {REMEDY}") from error

    def add(self, release: Release, file: SourceFile, publication: Publication) -> bool:
        """Keep a release; return False where the same bytes are here already, and change none of its figures.

        Those that another version of the reader has read are read anew, and an address that was not known is noted in
        the record. The synthetic sample makes way for the first real release. Raises `StoreError` for the sample in a
        folder of real data, a damaged file, or a folder that cannot be written.
        """
        with self._turn():
            present = self._records()
            sample = [known for known in present if known.synthetic]
            if release.synthetic and len(sample) < len(present):
                raise StoreError(
                    f"{self.folder}: holds published data; synthetic figures cannot be put among them. "
                    "Name another folder with --data."
                )
            tables = {"observations": publication.observations, "organisations": publication.organisations}
            known = next((record for record in present if record.sha256 == release.sha256), None)
            is_read = known is not None and known.reader == release.reader
            is_whole = is_read and all(self._holds(table, release.source, rows) for table, rows in tables.items())
            if not is_whole:
                place = self._place(release)
                write_whole(place / f"{release.sha256}{Path(file.name).suffix.lower()}", file.content)
                for table, rows in tables.items():
                    self._put(table, release.source, rows)
            record = release if known is None else known
            if known and not is_read:
                self._take_out(known, set(known.periods) - set(release.periods))
            if known and (not is_read or _tells_more(release, known)):
                record = release.read_again(known)
            if record != known:
                write_whole(self._place(release) / f"{release.sha256}.json", _json(record))
            if not release.synthetic:
                self._forget(sample)
        return not is_whole

    def file_of(self, release: Release) -> Path:
        """Return where a release's published file is kept. Raises `StoreError` where it is gone."""
        place = self._place(release)
        kept = {*place.glob(f"{release.sha256}*")} - {place / f"{release.sha256}.json"}
        if not kept:
            raise StoreError(f"{place}: {release.file_name!r} ({release.sha256}) is gone. Ingest that file again.")
        return min(kept)

    def remove_sample(self) -> None:
        """Remove every synthetic release."""
        with self._turn():
            self._forget([known for known in self._records() if known.synthetic])

    def _holds(self, table: str, source: str, rows: pl.DataFrame) -> bool:
        """Whether the rows of a known release are still there."""
        releases = rows["release"].unique().to_list()
        paths = [self.folder / table / source / f"{month:%Y-%m}.parquet" for month in rows["period_start"].unique()]
        return all(path.exists() and _rows(path)["release"].is_in(releases).any() for path in paths)

    def _put(self, table: str, source: str, rows: pl.DataFrame) -> None:
        """Add rows to their periods' files, in place of any that an interrupted attempt left."""
        for (month,), part in rows.partition_by("period_start", as_dict=True).items():
            path = self.folder / table / source / f"{month:%Y-%m}.parquet"
            kept = [part]
            if path.exists():
                kept.append(_rows(path).filter(~pl.col("release").is_in(part["release"].unique().to_list())))
            _write(path, pl.concat(kept, how="diagonal").sort(SORT[table]))

    def _forget(self, releases: list[Release]) -> None:
        """Remove releases: their records last, so that the next call finishes what was cut short."""
        for release in releases:
            self._take_out(release, release.periods)
            place = self._place(release)
            record = place / f"{release.sha256}.json"
            for path in {*place.glob(f"{release.sha256}.*")} - {record}:
                path.unlink()
            record.unlink()

    def _take_out(self, release: Release, periods: Iterable[date]) -> None:
        """Remove a release's rows of some periods."""
        for table, period in product(SORT, periods):
            path = self.folder / table / release.source / f"{period:%Y-%m}.parquet"
            if path.exists():
                _write(path, _rows(path).filter(pl.col("release") != release.sha256))

    def _known(self) -> str:
        of_day = f" that was known on {self.as_of}" if self.as_of else ""
        return of_day + (" that is out yet" if self.not_out(self.public_at) else "")

    def _place(self, release: Release) -> Path:
        return self.folder / "releases" / release.source

    def _records(self) -> list[Release]:
        """Return every record that is there, a sample about to be removed included."""
        if self._fixed is not None:
            return self._fixed
        place = self.folder / "releases"
        sources = sorted(entry.path for entry in os.scandir(place) if entry.is_dir()) if place.is_dir() else []
        return [
            _record(entry)
            for source in sources
            for entry in sorted(os.scandir(source), key=lambda entry: entry.name)
            if entry.name.endswith(".json") and not entry.name.startswith(".")
        ]

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for any other writer of this folder; the operating system frees the lock of a killed one."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                yield
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written ({error.strerror or error}). Make room or get the right to write "
                "there, or name another folder with --data."
            ) from error


def _tells_more(release: Release, known: Release) -> bool:
    """Whether a file that is known already comes with an address, or an embargo, that its record does not have."""
    return bool(release.file_url and not known.file_url) or release.embargoed_until not in (None, known.embargoed_until)


def _json(release: Release) -> bytes:
    return (release.model_dump_json(indent=2) + "\n").encode()


def _record(file: os.DirEntry[str]) -> Release:
    """Return a release's record; a notebook asks several times for what may be hundreds."""
    try:
        stat = file.stat()
        return _read_record(file.path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise StoreError(f"{file.path}: cannot be read ({error.strerror}). {REMEDY}") from error


@cache  # by what the file was when it was read
def _read_record(path: str, mtime: int, size: int) -> Release:
    try:
        return Release.model_validate_json(Path(path).read_bytes())
    except ValidationError as error:
        raise StoreError(f"{path}: not a release's record ({error.error_count()} faults). {REMEDY}") from error


def _fingerprint(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return `period_start, release` and the sum of hashes of their rows: five million take a third of a second."""
    keys = ("period_start", "release")
    return rows.group_by(keys).agg(pl.struct(pl.exclude(keys)).hash().sum())


@cache  # it takes as long to make as a file to read
def _empty(table: str) -> pl.DataFrame:
    return SCHEMAS[table].create_empty()


def _rows(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, glob=False)
    except (PolarsError, OSError) as error:
        raise StoreError(f"{path}: cannot be read ({_first_line(error)}). {REMEDY}") from error


def content_without(path: Path, releases: Collection[str]) -> bytes:
    """Return what a file of a data folder holds, less the rows of some releases; nothing, where no other row is there.

    Raises `StoreError` for a damaged file.
    """
    if not releases or path.suffix != ".parquet":
        return path.read_bytes()
    rows = _rows(path)
    kept = rows.filter(~pl.col("release").is_in(list(releases)))
    return path.read_bytes() if kept.height == rows.height else _content(kept)


def _write(path: Path, rows: pl.DataFrame) -> None:
    """Write a table, or remove it where no row is left."""
    if content := _content(rows):
        write_whole(path, content)
    else:
        path.unlink(missing_ok=True)


def _content(rows: pl.DataFrame) -> bytes:
    """Return a table as a file; nothing without a row."""
    content = BytesIO()
    if not rows.is_empty():
        rows.write_parquet(content, row_group_size=ROW_GROUP)
    return content.getvalue()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
