"""One command at a time in a build folder, and one clear error where there is no room to write.

Whoever changes what is in a build folder, or needs it to stay as it is, does so in its turn: runs, pages, board packs
and the site that is rendered from them.

| name | what |
|---|---|
| `turn` | wait for any other command that has the folder, then keep it until the end |
| `writing` | turn the system's word for a full disk or a missing right into an error for users |

This module imports next to nothing, since a process that renders needs it too.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from openmeasures.errors import StoreError

LOCK = ".lock"
HOLDER = ".lock-holder"  # who has the lock: its own file, since Windows lets nobody read a locked one
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
_NUMBER = re.compile(r"\[Errno (\d+)\]")


@contextmanager
def turn(build: Path, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Wait for any other command in the folder; the operating system frees the lock of a killed one.

    Yields whether there was one; `waiting` hears which, before the wait. A folder that cannot be written, or a full
    disk, is then or later one clear error. A process that has the folder must not ask for it again, nor wait for
    another one that does.
    """
    lock, holder = FileLock(build / LOCK), build / HOLDER
    with writing(build):
        build.mkdir(parents=True, exist_ok=True)
        waited = False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waited = True
            waiting(holder.read_text(encoding="utf-8") if holder.is_file() else "another process")
            lock.acquire()
        try:
            holder.write_text(f"process {os.getpid()}, since {time.strftime('%H:%M')}", encoding="utf-8")
            yield waited
            holder.unlink(missing_ok=True)
        finally:
            lock.release()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise `StoreError` for a full disk or a missing right; the error names the file, or else the folder."""
    try:
        yield
    except OSError as error:
        number, place = _reason(error)
        if number not in UNWRITABLE:
            raise
        raise StoreError(
            f"{place or folder}: cannot be written ({os.strerror(number)}). Make room or get the right to write "
            "there, or name another folder with --out. What is done already is kept."
        ) from error


def _reason(error: OSError) -> tuple[int, str]:
    """Return the system's number for an error and the file, as far as they are known.

    `shutil.copytree` collects what went wrong as (from, to, words) and passes no number on.
    """
    if isinstance(error, shutil.Error):
        _, place, words = error.args[0][0]
        number = _NUMBER.match(words)
        return int(number[1]) if number else 0, place
    return error.errno or 0, error.filename2 or error.filename or ""
