"""What the cells of a notebook, and the programs that they start, write to standard output and standard error."""

import io
import os
import tempfile
import threading
from collections.abc import Callable

DESCRIPTORS = {"stdout": 1, "stderr": 2}  # by POSIX, and on Windows as well


class Stream(io.TextIOBase):
    """Standard output or error of the cells and of whatever they start, in the order in which it was written.

    Both go to a file that has no name, and from there into a message whenever the stream is flushed. A pipe would
    hold only so much, or need a thread that empties it.
    """

    encoding = "UTF-8"

    def __init__(self, name: str, publish: Callable[[str, dict[str, str]], None]) -> None:
        self.name = name
        self._publish = publish
        self._descriptor = DESCRIPTORS[name]
        self._lock = threading.RLock()  # cells may start threads
        self._read = 0
        self._file = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed by `restore`
        self._original = os.dup(self._descriptor)
        os.dup2(self._file.fileno(), self._descriptor)

    def writable(self) -> bool:
        """Return that one can write to it."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, by which a started program writes to the same place."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Write text and return its length; `TypeError` for anything else."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        with self._lock:
            self._file.write(text.encode(errors="replace"))
            self._file.flush()
        return len(text)

    def flush(self) -> None:
        """Make a message of what has been written since the last one."""
        with self._lock:
            self._file.seek(self._read)
            written = self._file.read()
            self._read += len(written)
        if written:
            self._publish("stream", {"name": self.name, "text": written.decode(errors="replace")})

    def restore(self) -> None:
        """Let the descriptor go where it went before."""
        os.dup2(self._original, self._descriptor)
        os.close(self._original)
        self._file.close()
