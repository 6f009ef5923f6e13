"""Where the machines of a build leave things for each other: a folder that all of them share, or an object store.

A blob has no name but the SHA-256 of its content: the same content is there once, and what is read is what was
written, or an error. Nothing is ever changed or removed; the whole may be deleted when no build runs.

| name | what |
|---|---|
| `Exchange.put`, `Exchange.get` | leave a blob, and take it |
| `Exchange.send`, `Exchange.receive` | leave the figures of a data folder, and take them |
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from openmeasures.errors import StoreError
from openmeasures.store import Store, content_without, write_whole

SENT = ("releases/{}/*.json", "observations/{}/*.parquet", "organisations/{}/*.parquet")  # for each source
LOCK = ".receiving"


class Exchange:
    """Blobs at an address that fsspec understands, such as `s3://bucket/folder`, or in a folder.

    Raises `StoreError` for an address of a kind that is unknown, or whose package is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url if "://" in url else str(Path(url).resolve())
        try:
            self._files, self._folder = url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"{url}: cannot be used ({error}). Name a folder, or install that package.") from error

    def put(self, content: bytes) -> str:
        """Leave a blob and return its hash; one that is there whole is not written again.

        Raises `StoreError` where it cannot be written.
        """
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        try:
            if not self._files.exists(path) or self._files.size(path) != len(content):
                self._write(path, content)
        except OSError as error:
            raise self._unusable(error) from error
        return name

    def get(self, name: str) -> bytes:
        """Return the blob of a hash.

        Raises `StoreError` where there is none, or where it is damaged.
        """
        path = self._path(name)
        try:
            content: bytes = self._files.cat_file(path)
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.url}: {name} is not there. Name a place that every machine reads and writes with --storage."
            ) from error
        except OSError as error:
            raise self._unusable(error) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise StoreError(f"{path}: damaged, its content is not that of its name. Delete it and run again.")
        return content

    def send(self, data: Path, sources: Collection[str], moment: datetime) -> str:
        """Leave the records and figures of some sources that are out at a moment, and return the hash of their listing.

        The published files themselves stay; no run reads them.
        """
        held = {release.sha256 for release in Store(data).not_out(moment)}
        listing = {
            path.relative_to(data).as_posix(): self.put(content)
            for path in _figures(data, sources)
            if path.stem not in held and (content := content_without(path, held))
        }
        return self.put(json.dumps(listing, sort_keys=True).encode())

    def receive(self, listing: str, data: Path) -> None:
        """Take what a listing names, and is not there already as it was left, into a data folder of its own.

        Of several processes that do so at once, one works and the others wait for it.
        """
        data.mkdir(parents=True, exist_ok=True)
        with FileLock(data / LOCK):
            for place, name in json.loads(self.get(listing)).items():
                path = data / place
                if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != name:
                    write_whole(path, self.get(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name[:2]}/{name}"  # no folder with a hundred thousand files

    def _write(self, path: str, content: bytes) -> None:
        if isinstance(self._files, LocalFileSystem):
            write_whole(Path(path), content)
        else:  # an object store has a whole object or none
            self._files.makedirs(self._files._parent(path), exist_ok=True)
            self._files.pipe_file(path, content)

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.url}: cannot be used ({error.strerror or error}). Name a place that every machine reads and "
            "writes with --storage."
        )


def _figures(data: Path, sources: Collection[str]) -> Iterator[Path]:
    for source in sorted(sources):
        for pattern in SENT:
            yield from sorted(data.glob(pattern.format(source)))
