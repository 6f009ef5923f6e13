import errno
import os
import shutil

import pytest

from openmeasures import turn
from openmeasures.errors import StoreError


@pytest.fixture
def build(tmp_path):
    return tmp_path / "_build"


def nobody(holder):
    pytest.fail(f"waited for {holder}")  # pragma: no cover - nobody is waited for


# ---- one at a time


@pytest.mark.parametrize("is_known", [True, False])
def test_another_command_is_waited_for_and_named(build, monkeypatch, is_known):
    build.mkdir()
    if is_known:
        (build / turn.HOLDER).write_text("process 7, since 12:00", encoding="utf-8")
    told = []

    class Taken:
        def __init__(self, _path):
            self.tries = 0

        def acquire(self, timeout=-1):
            self.tries += 1
            if self.tries == 1:
                raise turn.Timeout("lock")

        def release(self):
            pass

    monkeypatch.setattr(turn, "FileLock", Taken)
    with turn.turn(build, told.append) as waited:
        assert waited
    assert told == ["process 7, since 12:00" if is_known else "another process"]


def test_who_has_the_folder_is_said_there_as_long_as_it_lasts(build):
    with turn.turn(build, nobody) as waited:
        assert not waited
        assert (build / turn.HOLDER).read_text(encoding="utf-8").startswith(f"process {os.getpid()}, since ")
    assert not (build / turn.HOLDER).exists()


def test_a_turn_is_over_after_an_error(build):
    for _ in range(2):
        with pytest.raises(RuntimeError), turn.turn(build, nobody):
            raise RuntimeError


# ---- no room


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_one_clear_error(build, number):
    message = rf"a/b: cannot be written \({os.strerror(number)}\)\. Make room or .* name another folder with --out"
    with pytest.raises(StoreError, match=message), turn.turn(build, nobody):
        raise OSError(number, os.strerror(number), "a/b")


@pytest.mark.parametrize(("files", "named"), [((), "_build"), (("from",), "from"), (("from", None, "to"), "to")])
def test_the_error_names_the_file_that_was_written_as_far_as_it_is_known(build, files, named):
    with pytest.raises(StoreError, match=rf"{named}: cannot be written"), turn.writing(build):
        raise OSError(errno.ENOSPC, "full", *files)


def test_a_disk_that_is_full_while_a_folder_is_copied_is_the_same_error(tmp_path, monkeypatch):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a").touch()

    def full(_from, to, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), to)

    with pytest.raises(StoreError, match=r"to.a: cannot be written \(No space"), turn.writing(tmp_path):
        shutil.copytree(tmp_path / "from", tmp_path / "to", copy_function=full)


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "gone", "a"), OSError("no number"), shutil.Error([("a", "b", "odd")])],
    ids=["number", "none", "words"],
)
def test_any_other_error_is_not_taken_for_one_of_room(tmp_path, error):
    with pytest.raises(type(error)) as same, turn.writing(tmp_path):
        raise error
    assert same.value is error
