"""Which code read a release, so that what an earlier version of a reader has read can be read anew.

| function | gives |
|---|---|
| `fingerprint` | a hash of a source's module and of all that it needs |
| `outdated` | the releases of a store that other code has read |
"""

from functools import cache
from hashlib import sha256

from openmeasures import imports, sources
from openmeasures.releases import Release
from openmeasures.store import Store

DIGITS = 16  # of the hash: to tell versions apart, not to withstand anyone


@cache
def fingerprint(source: str) -> str:
    """Return a hash of the modules that read a source's files; the same on every machine with the same code.

    A comment changes it too: to read a file once too often costs seconds, to miss a correction costs wrong figures.
    """
    modules = imports.closure([f"{sources.__name__}.{source}"])
    return sha256(b"".join(path.read_bytes() for path in modules.values())).hexdigest()[:DIGITS]


def outdated(store: Store) -> list[Release]:
    """Return the published releases that another version of their reader has read, in the store's order.

    The sample is left out: `ingest.ingest_sample` makes it anew where code has changed.
    """
    return [
        release
        for release in store.every_release()
        if not release.synthetic and release.reader != fingerprint(release.source)
    ]
