"""Images of charts, each made once: by processes of their own, which serve all the others, and kept in a folder.

To start the machine that draws a chart takes half a second, so that a process which draws only a few charts had
better ask one that runs already; and a process that has drawn must not be forked. `service` starts such processes and
tells this process and its children where they are, by the environment. Without it, `svg` draws the chart itself.

| name | what |
|---|---|
| `svg` | the image of a specification |
| `keeping` | the folder in which images are kept, for this process and those that it starts |
| `service`, `is_served` | processes that draw, for the same; whether there are any |
| `draw_ahead` | draw many charts at once, so that `svg` finds them kept |
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from threading import Thread
from typing import Any

import altair as alt
import vl_convert

from openmeasures.store import write_whole

ADDRESSES, FOLDER = "OPENMEASURES_CHARTS", "OPENMEASURES_CHARTS_FOLDER"  # in the environment; the first as JSON
VEGA_LITE_VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])  # what Altair writes
FONT_CONFIGURATION = "FONTCONFIG_FILE"  # fontconfig's own variable
OWN_FONTS = Path(__file__).with_name("fonts.conf")
WAITING = 64  # callers that may queue at one process
QUICKLY = 1  # compression to a sixth; the best would save another fortieth and take as long as drawing
FAILED = b"!"  # begins an answer that is an error; an image begins with `<`

Spec = dict[str, Any]  # JSON; what may stand in it is Vega-Lite's to say, not ours


def svg(spec: Spec) -> str:
    """Return the image of a specification: kept, or drawn by the service, or drawn here.

    Nothing is loaded from elsewhere. The same specification gives the same bytes whoever draws it. Raises
    `ValueError` for one that cannot be drawn. If the service is gone, the chart is drawn here.
    """
    content = json.dumps(spec).encode()
    kept = _path(content)
    if kept is not None and kept.is_file():
        return gzip.decompress(kept.read_bytes()).decode()
    image = _asked(content) or _drawn(content)
    if kept is not None:
        write_whole(kept, gzip.compress(image.encode(), QUICKLY, mtime=0))
    return image


def is_served() -> bool:
    """Whether a service draws for this process, as in a build."""
    return ADDRESSES in os.environ


def draw_ahead(specs: Sequence[Spec], *, processes: int) -> None:
    """Draw those charts that are not kept yet, so many at a time; `keeping` has to say where."""
    lacking = [spec for spec in specs if not _is_kept(spec)]
    if lacking:
        with service(processes=processes), ThreadPoolExecutor(processes) as pool:
            for _ in pool.map(svg, lacking):
                pass


def keeping(folder: Path) -> AbstractContextManager[None]:
    """Keep images in `folder`, under a hash of what they were drawn from and by."""
    return _environment(FOLDER, str(folder.resolve()))


@contextmanager
def service(*, processes: int) -> Iterator[None]:
    """Have so many processes draw the charts of this process and of those that it starts."""
    context = get_context("spawn")
    started, addresses = [], []
    for _ in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(sender,), daemon=True)
        process.start()
        sender.close()
        started.append((process, receiver))
    try:
        addresses = [receiver.recv() for _, receiver in started]
        with _environment(ADDRESSES, json.dumps(addresses)):
            yield
    finally:
        for process, receiver in started:
            process.kill()
            process.join()
            receiver.close()
        for address in addresses:
            with suppress(OSError):  # a named pipe of Windows is gone with its process
                Path(address).unlink()


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable, and restore it afterwards."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def _is_kept(spec: Spec) -> bool:
    kept = _path(json.dumps(spec).encode())
    return kept is not None and kept.is_file()


def _path(content: bytes) -> Path | None:
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    drawn_by = f"vl-convert {_converter()}, Vega-Lite {VEGA_LITE_VERSION}\n".encode()
    return Path(folder) / f"{hashlib.sha256(drawn_by + content).hexdigest()}.svg.gz"


@cache
def _converter() -> str:
    return version("vl-convert-python")


def _asked(content: bytes) -> str:
    """Return the image that the service draws; nothing where there is no service, or it has gone."""
    addresses = json.loads(os.environ.get(ADDRESSES, "[]"))
    if not addresses:
        return ""
    address = addresses[int.from_bytes(hashlib.sha256(content).digest()[:4]) % len(addresses)]
    try:
        with Client(address) as connection:
            connection.send_bytes(content)
            answer = connection.recv_bytes()
    except (OSError, EOFError):
        return ""
    if answer.startswith(FAILED):
        raise ValueError(answer.removeprefix(FAILED).decode())
    return answer.decode()


def _drawn(content: bytes) -> str:
    """Draw a chart with the fonts that vl-convert carries, and none of this machine's.

    It takes a machine's font of the same name first, of whatever version, and opens its file once for each letter that
    it measures: with Debian's Liberation fonts that is two thirds of the time. Linux alone heeds the variable.
    """
    with _environment(FONT_CONFIGURATION, str(OWN_FONTS)):  # read at the first chart of a process
        image: str = vl_convert.vegalite_to_svg(content.decode(), vl_version=VEGA_LITE_VERSION, allowed_base_urls=[])
    return image


def _serve(told: Connection) -> None:  # pragma: no cover - in processes of their own
    """Draw what is asked for, one chart at a time, until the process that started this one ends."""
    Thread(target=_end_with_parent, daemon=True).start()
    with Listener(backlog=WAITING) as listener:
        told.send(listener.address)
        while True:
            with suppress(OSError, EOFError), listener.accept() as connection:  # a caller that went away
                answer_to(connection)


def answer_to(connection: Connection) -> None:
    """Read one specification and send its image, or the reason why there is none."""
    content = connection.recv_bytes()
    try:
        answer = _drawn(content).encode()
    except ValueError as error:
        answer = FAILED + str(error).encode()
    connection.send_bytes(answer)


def _end_with_parent() -> None:  # pragma: no cover - in processes of their own
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
