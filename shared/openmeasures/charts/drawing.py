"""What draws a chart, and a process that does nothing else; see `conversion`.

Such a process imports this module and no other of ours: to import Altair and Polars would take it longer than to draw
twenty charts.

| name | what |
|---|---|
| `draw` | the image of a specification |
| `serve`, `answer_to` | draw for other processes; one chart for one of them |
| `environment` | set a variable for a while |
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from threading import Thread

import vl_convert

FONT_CONFIGURATION = "FONTCONFIG_FILE"  # fontconfig's own variable
OWN_FONTS = Path(__file__).with_name("fonts.conf")
WAITING = 64  # callers that may queue at one process
FAILED = b"!"  # begins an answer that is an error; an image begins with `<`


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """Set a variable, and restore it afterwards."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def draw(content: bytes, *, vega_lite: str) -> str:
    """Return the image of a specification (JSON) in a version of Vega-Lite such as "6.1".

    It is drawn with the fonts that vl-convert carries, and none of this machine's: vl-convert takes a machine's font of
    the same name first, of whatever version, and opens its file once for each letter that it measures. With Debian's
    Liberation fonts that is two thirds of the time. Linux alone heeds the variable. Nothing is loaded from elsewhere.
    Raises `ValueError` for what cannot be drawn.
    """
    with environment(FONT_CONFIGURATION, str(OWN_FONTS)):  # read at the first chart of a process
        image: str = vl_convert.vegalite_to_svg(content.decode(), vl_version=vega_lite, allowed_base_urls=[])
    return image


def answer_to(connection: Connection, *, vega_lite: str) -> None:
    """Read one specification and send its image, or the reason why there is none."""
    content = connection.recv_bytes()
    try:
        answer = draw(content, vega_lite=vega_lite).encode()
    except ValueError as error:
        answer = FAILED + str(error).encode()
    connection.send_bytes(answer)


def serve(vega_lite: str, folder: str) -> None:  # pragma: no cover - in processes of their own
    """Print an address in a folder, and draw what is asked for there, one chart at a time, until standard input ends.

    Left to itself, multiprocessing would make a folder for the address, and leave it there when this process is killed.
    Windows has named pipes, which are in no folder.
    """
    Thread(target=_end_with_input, args=(folder,), daemon=True).start()
    address = None if os.name == "nt" else str(Path(folder) / str(os.getpid()))
    with Listener(address, backlog=WAITING) as listener:
        sys.stdout.write(f"{listener.address}\n")
        sys.stdout.flush()
        while True:
            with suppress(OSError, EOFError), listener.accept() as connection:  # a caller that went away
                answer_to(connection, vega_lite=vega_lite)


def _end_with_input(folder: str) -> None:  # pragma: no cover - in processes of their own
    """End when the process that started this one does, which holds the other end."""
    sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)  # which that one does, unless it was killed
    os._exit(0)


if __name__ == "__main__":  # pragma: no cover - in processes of their own
    serve(*sys.argv[1:])
