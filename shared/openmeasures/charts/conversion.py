"""Images of charts, each made once: by processes of their own, which serve all the others, and kept in a folder.

To start the machine that draws a chart takes half a second, so that a process which draws only a few charts had
better ask one that runs already; and a process that has drawn must not be forked. `service` starts such processes and
tells this process and its children where they are, by the environment. Without it, `svg` draws the chart itself.

| name | what |
|---|---|
| `svg` | the image of a specification |
| `keeping` | the folder in which images are kept, for this process and those that it starts |
| `service`, `is_served` | processes that draw, for the same; whether there are any |
| `processes_for` | how many of them so many runs at a time keep busy |
| `drawn_ahead` | things one by one, the charts of the next ones being drawn meanwhile, so that `svg` finds them kept |
"""

import gzip
import hashlib
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from multiprocessing.connection import Client
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import gettempdir, mkdtemp
from typing import Any, TypeVar

import altair as alt

from openmeasures.charts import drawing
from openmeasures.store import write_whole

ADDRESSES, FOLDER = "OPENMEASURES_CHARTS", "OPENMEASURES_CHARTS_FOLDER"  # in the environment; the first as JSON
VEGA_LITE_VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])  # what Altair writes
# `-P`: nothing in the working directory is taken for a module.
COMMAND = [sys.executable, "-P", "-m", drawing.__name__, VEGA_LITE_VERSION]
# Charts are a quarter of what a run costs, and a process needs some forty of them to get up to speed.
RUNS_A_PROCESS = 3
# Which process draws a chart is left to chance: with so many waiting for each, few have nothing to do.
WAITING = 3
LONGEST_ADDRESS = 92  # bytes: what the least generous systems take of a socket's path; Linux takes 107
ROOM = len("/openmeasures-abcdefgh/4194304")  # of these, for the folder and, by its process, the socket
SHORT = "/tmp"  # POSIX has it; what `mkdtemp` makes there is for its owner alone
QUICKLY = 1  # compression to a sixth; the best would save another fortieth and take as long as drawing

Spec = dict[str, Any]  # JSON; what may stand in it is Vega-Lite's to say, not ours
Item = TypeVar("Item")


def svg(spec: Spec) -> str:
    """Return the image of a specification: kept, or drawn by the service, or drawn here.

    Nothing is loaded from elsewhere. The same specification gives the same bytes whoever draws it. Raises
    `ValueError` for one that cannot be drawn. If the service is gone, the chart is drawn here.
    """
    content = _content(spec)
    kept = _path(content)
    if kept is not None and kept.is_file():
        return gzip.decompress(kept.read_bytes()).decode()
    image = _asked(content) or drawing.draw(content, vega_lite=VEGA_LITE_VERSION)
    if kept is not None:
        write_whole(kept, gzip.compress(image.encode(), QUICKLY, mtime=0))
    return image


def processes_for(runs: int) -> int:
    """Return how many processes should draw for so many runs at a time.

    >>> processes_for(1), processes_for(3), processes_for(4)
    (1, 1, 2)
    """
    return -(-runs // RUNS_A_PROCESS)


def is_served() -> bool:
    """Whether a service draws for this process, as in a build."""
    return ADDRESSES in os.environ


def drawn_ahead(
    items: Iterable[Item], specs: Callable[[Item], Iterable[Spec]], *, processes: int, ahead: int
) -> Generator[Item]:
    """Yield each item as soon as its charts are drawn, while those of the next few are being drawn.

    `keeping` has to say where images are kept; what is kept already is not drawn. Besides the item that is yielded, no
    more than `ahead` and their charts are held, however many there are. Raises `ValueError` at the item of which a
    chart cannot be drawn.
    """
    with ExitStack() as stack:
        pool: ThreadPoolExecutor | None = None
        waiting: deque[tuple[Item, list[Future[str]]]] = deque()
        for item in items:
            lacking = [spec for spec in specs(item) if not _is_kept(spec)]
            if lacking and pool is None:
                stack.enter_context(service(processes=processes))
                pool = stack.enter_context(ThreadPoolExecutor(processes * WAITING))
            waiting.append((item, [pool.submit(svg, spec) for spec in lacking] if pool else []))
            if len(waiting) > ahead:
                yield _drawn(*waiting.popleft())
        while waiting:
            yield _drawn(*waiting.popleft())


def _drawn(item: Item, charts: list[Future[str]]) -> Item:
    for chart in charts:
        chart.result()
    return item


def keeping(folder: Path) -> AbstractContextManager[None]:
    """Keep images in `folder`, under a hash of what they were drawn from and by."""
    return drawing.environment(FOLDER, str(folder.resolve()))


@contextmanager
def service(*, processes: int) -> Iterator[None]:
    """Have so many processes draw the charts of this process and of those that it starts."""
    started: list[Popen[str]] = []
    addresses: list[str] = []
    folder = _folder()
    try:
        for _ in range(processes):
            started.append(Popen([*COMMAND, folder], stdin=PIPE, stdout=PIPE, text=True))
        for process in started:
            assert process.stdout is not None
            addresses.append(process.stdout.readline().rstrip("\n"))
        if not all(addresses):
            raise RuntimeError(f"{' '.join(COMMAND)}: ended before it drew anything; what it said stands above.")
        with drawing.environment(ADDRESSES, json.dumps(addresses)):
            yield
    finally:
        for process in started:
            process.kill()
            with process:  # closes its pipes and waits for its end
                pass
        shutil.rmtree(folder, ignore_errors=True)  # whoever cleans temporary files may have been there before


def _folder() -> str:
    """Make a folder for the processes' sockets: in a short one, where that of temporary files is too long for these."""
    is_too_long = len(os.fsencode(gettempdir())) + ROOM > LONGEST_ADDRESS
    return mkdtemp(prefix="openmeasures-", dir=SHORT if is_too_long and os.name == "posix" else None)


def _content(spec: Spec) -> bytes:
    """Return what is drawn of a specification: not its tooltips, which take a tenth of the time and no image has."""
    layers = [
        layer | {"encoding": {channel: each for channel, each in layer["encoding"].items() if channel != "tooltip"}}
        if "encoding" in layer
        else layer
        for layer in spec.get("layer", [])
    ]
    return json.dumps(spec | {"layer": layers} if layers else spec).encode()


def _is_kept(spec: Spec) -> bool:
    kept = _path(_content(spec))
    return kept is not None and kept.is_file()


def _path(content: bytes) -> Path | None:
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    return Path(folder) / f"{hashlib.sha256(_drawn_by() + content).hexdigest()}.svg.gz"


@cache  # a process keeps to the module that it imported, and to the fonts of its first chart
def _drawn_by() -> bytes:
    """Return what decides, beside a specification, how its image looks."""
    own = b"".join(path.read_bytes() for path in (Path(drawing.__file__), drawing.OWN_FONTS))
    by = (f"vl-convert {_converter()}", f"Vega-Lite {VEGA_LITE_VERSION}", hashlib.sha256(own).hexdigest())
    return f"{', '.join(by)}\n".encode()


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
    if answer.startswith(drawing.FAILED):
        raise ValueError(answer.removeprefix(drawing.FAILED).decode())
    return answer.decode()
