"""A folder made anew beside the old one, which it replaces once it is whole.

Whatever ends a build, there is then one whole folder in its place: the old one, or the new. There has to be room for
both.

| function | does |
|---|---|
| `replacing` | give a fresh folder to fill, and put it in place of the old one at the end |
| `tidy` | remove what a killed build left beside a folder |
"""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openmeasures.errors import RenderError


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield a fresh, empty folder that takes the place of `folder` at the end; after an error the old one stays.

    A link is followed to the folder that it leads to. Raises `RenderError` where the old folder cannot be moved: on
    Windows as long as a program has anything in it open, elsewhere where it is a volume of its own.
    """
    folder = folder.resolve()
    tidy(folder)
    # Of this process alone: a renderer that outlives its killed build goes on writing into its own.
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        fresh.mkdir()
        yield fresh
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # gone already where all went well


def tidy(folder: Path) -> None:
    """Remove what a killed build left beside a folder; one killed while it changed the two left the old one there.

    What cannot be removed now, as a renderer still writes there, is removed the next time.
    """
    folder = folder.resolve()
    old = _old(folder)
    if old.is_dir() and not folder.exists():
        old.rename(folder)
    for left in (old, *folder.parent.glob(f"{glob.escape(folder.name)}.*.part")):
        shutil.rmtree(left, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


def _swap(fresh: Path, folder: Path) -> None:
    old = _old(folder)
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except OSError as error:
        tidy(folder)
        raise RenderError(
            f"{folder}: cannot be replaced ({error.strerror}). A program may have a file in it open, or it is a volume "
            "of its own. Close that program, or name another folder with --out. What was there is as it was."
        ) from error
    shutil.rmtree(old, ignore_errors=True)
