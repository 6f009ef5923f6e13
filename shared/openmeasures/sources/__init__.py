"""Publications: one module each, which turns a published file into observations.

A source module has the constants `TITLE`, `PUBLISHER`, `URL` (its landing page) and `LICENCE`, and two functions:
`recognises(file)`, which looks at the content and never at the name, and `read(file)`, which returns a `Publication`
or raises `SourceError`. Its id is its module's name. There is nothing to register: modules are found here by name.

A `LISTING` says which links on the landing page, and on the pages below it, lead to files that the module reads; with
one, `openmeasures fetch` finds new releases.
"""

import csv
import hashlib
import io
import pkgutil
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import NamedTuple, Protocol, cast

import polars as pl

from openmeasures.errors import SourceError
from openmeasures.releases import Vintage
from openmeasures.tables import Workbook

# How a file begins that may be a workbook: a zip (xlsx), or an OLE compound file (xls).
ZIP_SIGNATURE, OLE_SIGNATURE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
ZIPPED_WORKBOOK = b"xl/workbook."  # the member's name stands uncompressed; other zips, Word's among them, lack it


@dataclass(frozen=True)
class SourceFile:
    """A file that may be a publication: where it was found, for messages, and its bytes."""

    place: str
    name: str
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """The hash that names the release."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def text(self) -> str:
        """The content as text: UTF-8 with or without a byte-order mark, else Windows' own encoding.

        Raises `SourceError` for bytes that are neither, for example a file that is not text at all.
        """
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                return self.content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise SourceError(f"{self.place}: not a text file (expected UTF-8 or Windows-1252). Download it again.")

    @cached_property
    def csv_cells(self) -> pl.DataFrame:
        """The content as CSV, every cell as text, blank lines kept for their numbers; row 1 comes first.

        What stands right of the first line's cells is left out. Raises `SourceError`, which names the row, for a line
        that is shorter than the first or is no CSV.
        """
        reader = csv.reader(io.StringIO(self.text, newline=""))
        rows: list[list[str]] = []
        try:
            for row in reader:
                width = len(rows[0]) if rows else len(row)
                if row and len(row) < width:
                    raise SourceError(
                        f"{self.place}, row {reader.line_num}: {len(row)} cells found, {width} expected. "
                        "The file looks truncated: download it again."
                    )
                rows.append(row[:width] if row else [""] * width)
        except csv.Error as error:
            raise SourceError(
                f"{self.place}, row {reader.line_num}: not CSV ({error}). Download the file again."
            ) from error
        return pl.DataFrame(
            rows, schema={str(at): pl.String for at in range(len(rows[0]) if rows else 0)}, orient="row"
        )

    @cached_property
    def workbook(self) -> Workbook | None:
        """The content as a workbook, opened once however many sources look at it; None where it begins like none.

        Raises `SourceError` for one that begins like a workbook and cannot be read.
        """
        is_zipped = self.content.startswith(ZIP_SIGNATURE) and ZIPPED_WORKBOOK in self.content
        if not (is_zipped or self.content.startswith(OLE_SIGNATURE)):
            return None
        return Workbook(self.content, place=self.place)


@dataclass(frozen=True)
class Publication:
    """What a source reads from one file; the frames follow `schemas.Observations` and `schemas.Organisations`.

    Whoever has an observation is among the organisations; one that the file names no further has its code for a name.
    `checks` are findings at reading time, in words; `vintage` is what the file states of itself, None where it does
    not, so that its name has to tell.
    """

    observations: pl.DataFrame
    organisations: pl.DataFrame
    checks: list[str] = field(default_factory=list)
    vintage: Vintage | None = None


class Listing(NamedTuple):
    """How a publisher lists a publication's files, as regular expressions that ignore case.

    - `files`: searched in `text of the link | name of the file`. Of several, the first that fits any file of a month
      gives the files of that month.
    - `pages`: searched in the addresses of links, a step each, from the landing page down: the pages of years, or of
      editions. Files are looked for on the landing page and on all of these.
    - `is_series`: whether each file has every month, so that only the newest is wanted.
    """

    files: tuple[str, ...]
    pages: tuple[str, ...] = ()
    is_series: bool = False


class Source(Protocol):
    """What every module here offers."""

    TITLE: str
    PUBLISHER: str
    URL: str
    LICENCE: str

    def recognises(self, file: SourceFile) -> bool:
        """Whether the content, not the name, is this publication's."""

    def read(self, file: SourceFile) -> Publication:
        """Read the file, or raise `SourceError`."""


def all_sources() -> dict[str, Source]:
    """Return every source by its id."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: cast(Source, import_module(f"{__name__}.{name}")) for name in names}


def recognise(file: SourceFile) -> tuple[str, Source] | None:
    """Return the id and the module of the source that a file belongs to; None where no source knows it.

    Raises `SourceError` for what begins like a workbook and cannot be opened: it may be anybody's.
    """
    file.workbook  # noqa: B018 - opened here, so that no source's `recognises` meets a damaged one
    return next(((name, source) for name, source in all_sources().items() if source.recognises(file)), None)
