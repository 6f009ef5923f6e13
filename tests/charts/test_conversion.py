"""Images of charts, drawn here or by processes of their own, which must not differ."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from multiprocessing import Pipe
from pathlib import Path

import pytest

from openmeasures.charts import conversion, drawing


def spec(words="Hello", **changes):
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": [{"a": 1, "b": words}]},
        "mark": "text",
        "encoding": {"text": {"field": "b", "type": "nominal"}, "x": {"field": "a", "type": "quantitative"}},
    } | changes


BROKEN = spec(mark={"type": "no such mark"})


@pytest.fixture(scope="module")
def served():
    """Two processes that draw, for all tests that only ask."""
    with conversion.service(processes=2):
        yield json.loads(os.environ[conversion.ADDRESSES])


@pytest.fixture
def alone(monkeypatch):
    """No service, as in JupyterLab."""
    monkeypatch.delenv(conversion.ADDRESSES, raising=False)
    monkeypatch.delenv(conversion.FOLDER, raising=False)


def test_a_chart_is_drawn_without_a_service(alone):
    image = conversion.svg(spec())
    assert image.startswith("<svg ")
    assert ">Hello</text>" in image


def test_the_service_draws_the_same_bytes(served, monkeypatch):
    asked = [conversion.svg(spec(str(number))) for number in range(6)]
    monkeypatch.delenv(conversion.ADDRESSES)
    assert asked == [conversion.svg(spec(str(number))) for number in range(6)]


def test_several_callers_are_served_at_once(served):
    images = {}

    def call(number):
        images[number] = conversion.svg(spec(f"caller {number}"))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f">caller {number}</text>" in images[number] for number in range(8))


@pytest.mark.parametrize("with_service", [True, False])
def test_what_cannot_be_drawn_is_an_error_and_the_service_goes_on(served, monkeypatch, with_service):
    if not with_service:
        monkeypatch.delenv(conversion.ADDRESSES)
    for _ in range(2):
        with pytest.raises(ValueError, match="conversion failed"):
            conversion.svg(BROKEN)
    assert ">Hello</text>" in conversion.svg(spec())


def test_a_service_that_is_gone_is_done_without(alone):
    with conversion.service(processes=1):
        addresses = os.environ[conversion.ADDRESSES]
    assert conversion.ADDRESSES not in os.environ
    os.environ[conversion.ADDRESSES] = addresses
    try:
        assert ">Hello</text>" in conversion.svg(spec())
    finally:
        del os.environ[conversion.ADDRESSES]


@pytest.fixture
def temporary(monkeypatch):
    """Folders for temporary files, with paths of so many bytes; also of the processes that are started."""
    with tempfile.TemporaryDirectory(dir="/tmp" if os.name == "posix" else None) as own:

        def of_length(bytes_):
            folder = Path(own)
            while len(os.fsencode(folder)) < bytes_ - 1:
                folder /= "a" * min(100, bytes_ - len(os.fsencode(folder)) - 1)
            folder.mkdir(parents=True, exist_ok=True)
            monkeypatch.setenv("TMPDIR", str(folder))
            monkeypatch.setattr(tempfile, "tempdir", None)  # it is asked for once
            return folder

        yield of_length


def test_a_service_leaves_nothing_and_restores_the_one_before(monkeypatch, temporary):
    folder = temporary(30)
    monkeypatch.setenv(conversion.ADDRESSES, "[]")
    with conversion.service(processes=2):
        addresses = json.loads(os.environ[conversion.ADDRESSES])
        assert ">Hello</text>" in conversion.svg(spec())
    assert os.environ[conversion.ADDRESSES] == "[]"
    assert [address for address in addresses if os.path.exists(address)] == []  # noqa: PTH110 - a pipe's name is no path
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="pipes of Windows are in no folder")
@pytest.mark.parametrize(("bytes_", "is_inside"), [(62, True), (63, False), (180, False)])
def test_a_long_path_of_temporary_files_is_no_trouble(temporary, bytes_, is_inside):
    folder = temporary(bytes_)
    assert len(os.fsencode(folder)) == bytes_
    with conversion.service(processes=1):
        [address] = json.loads(os.environ[conversion.ADDRESSES])
        assert address.startswith(f"{folder}/") == is_inside
        assert Path(address).parent.stat().st_mode & 0o777 == 0o700
        assert ">Hello</text>" in conversion.svg(spec())
    assert not Path(address).parent.exists()


def test_a_process_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(conversion, "COMMAND", [sys.executable, "-c", "pass"])
    with pytest.raises(RuntimeError, match="ended before it drew anything"), conversion.service(processes=1):
        pass  # pragma: no cover - never reached


def test_a_process_that_draws_imports_little_else():
    code = "import sys, openmeasures.charts.drawing; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"altair", "polars", "openmeasures.cli"} & {*imported}


def test_it_ends_with_the_process_that_started_it_and_leaves_nothing(temporary):
    folder = temporary(40)
    command = [*conversion.COMMAND, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert not folder.exists()


def test_an_answer_is_the_image_or_the_reason():
    ours, theirs = Pipe()
    for asked, begins in ((spec(), b"<svg"), (BROKEN, drawing.FAILED)):
        ours.send_bytes(json.dumps(asked).encode())
        drawing.answer_to(theirs, vega_lite=conversion.VEGA_LITE_VERSION)
        assert ours.recv_bytes().startswith(begins)


# ---- what is kept


@pytest.fixture
def folder(alone, tmp_path):
    with conversion.keeping(tmp_path / "charts"):
        yield tmp_path / "charts"


def test_an_image_is_kept_and_not_drawn_again(folder):
    drawn = conversion.svg(spec())
    (kept,) = folder.iterdir()
    assert gzip.decompress(kept.read_bytes()).decode() == drawn
    kept.write_bytes(gzip.compress(b"<svg>kept</svg>"))
    assert conversion.svg(spec()) == "<svg>kept</svg>"
    assert conversion.svg(spec("Another")) != "<svg>kept</svg>"


@pytest.fixture
def otherwise(folder, monkeypatch):
    """Draw a chart, change what draws it as a later process would find it, and draw it again; return what is kept."""

    def kept(*change):
        conversion.svg(spec())
        monkeypatch.setattr(*change)
        conversion._drawn_by.cache_clear()
        conversion.svg(spec())
        return len(list(folder.iterdir()))

    yield kept
    monkeypatch.undo()
    conversion._drawn_by.cache_clear()


def test_what_another_version_drew_is_drawn_again(otherwise):
    assert otherwise(conversion, "_converter", lambda: "0.1") == 2


@pytest.mark.parametrize(("name", "file"), [("OWN_FONTS", "fonts.conf"), ("__file__", "drawing.py")])
def test_what_was_drawn_with_other_fonts_or_by_other_code_is_drawn_again(otherwise, tmp_path, name, file):
    before = drawing.OWN_FONTS.with_name(file).read_bytes()
    (tmp_path / file).write_bytes(before)
    assert otherwise(drawing, name, str(tmp_path / file) if name == "__file__" else tmp_path / file) == 1
    (tmp_path / f"changed-{file}").write_bytes(before + b"\n")
    changed = tmp_path / f"changed-{file}"
    assert otherwise(drawing, name, str(changed) if name == "__file__" else changed) == 2


def test_what_cannot_be_drawn_is_not_kept(folder):
    with pytest.raises(ValueError, match="conversion failed"):
        conversion.svg(BROKEN)
    assert not folder.exists()


def test_charts_are_drawn_ahead_and_those_that_are_kept_are_not(folder, monkeypatch):
    specs = [spec(str(number)) for number in range(4)]
    drawn = conversion.drawn_ahead(enumerate(specs), lambda item: [item[1]], processes=2, ahead=2)
    assert next(drawn) == (0, specs[0])
    assert [place for place, _spec in drawn] == [1, 2, 3]
    assert len(list(folder.iterdir())) == 4
    monkeypatch.setattr(conversion, "service", None)  # nothing is started when nothing is lacking
    assert list(conversion.drawn_ahead("ab", lambda _item: specs, processes=2, ahead=8)) == ["a", "b"]


def test_no_more_than_a_few_are_held_at_a_time(folder):
    made = []
    items = (made.append(number) or number for number in range(10))
    assert next(conversion.drawn_ahead(items, lambda _item: [], processes=1, ahead=3)) == 0
    assert made == [0, 1, 2, 3]


def test_a_chart_that_cannot_be_drawn_ahead_is_told_at_its_item(folder):
    drawn = conversion.drawn_ahead([spec(), BROKEN, spec("b")], lambda item: [item], processes=1, ahead=1)
    assert next(drawn) == spec()
    with pytest.raises(ValueError, match="conversion failed"):
        next(drawn)


def test_nothing_is_kept_without_a_folder(alone):
    conversion.svg(spec())
    assert not conversion._is_kept(spec())


# ---- fonts

COUNTED = """
import json, sys
from openmeasures.charts import conversion
conversion.svg(json.loads(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there fonts are found by a configuration file")
def test_no_font_of_this_machine_is_opened(alone, tmp_path):
    """A font that is in a folder of the machine's, under the name that the theme asks for, is not even looked at."""
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    (fonts / "LiberationSans-Regular.ttf").write_bytes(b"no font")
    machine = tmp_path / "fonts.conf"
    machine.write_text(f"<fontconfig><dir>{fonts}</dir></fontconfig>", encoding="utf-8")
    before = (fonts / "LiberationSans-Regular.ttf").stat().st_atime_ns
    os.utime(fonts / "LiberationSans-Regular.ttf", ns=(0, 0))
    environment = {**os.environ, drawing.FONT_CONFIGURATION: str(machine)}
    subprocess.run([sys.executable, "-c", COUNTED, json.dumps(spec())], check=True, env=environment)
    assert (fonts / "LiberationSans-Regular.ttf").stat().st_atime_ns == 0 != before


def test_the_environment_is_left_as_it_was(alone, monkeypatch):
    monkeypatch.setenv(drawing.FONT_CONFIGURATION, "of the machine")
    conversion.svg(spec())
    assert os.environ[drawing.FONT_CONFIGURATION] == "of the machine"
