import errno
import os
from pathlib import Path

import pytest

from openmeasures.errors import RenderError
from openmeasures.publishing.replacement import replacing, tidy


@pytest.fixture
def site(tmp_path):
    """A folder with one file, among others."""
    folder = tmp_path / "_site"
    folder.mkdir()
    (folder / "old.html").touch()
    (tmp_path / "_site.txt").touch()
    return folder


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_new_folder_takes_the_place_of_the_old_one_at_the_end(site):
    with replacing(site) as fresh:
        assert [*fresh.iterdir()] == []
        (fresh / "new.html").touch()
        assert (site / "old.html").is_file()
    assert files(site.parent) == {"_site/new.html", "_site.txt"}
    assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt"}


def test_without_an_old_one_it_is_there_at_the_end(tmp_path):
    with replacing(tmp_path / "_site") as fresh:
        assert not (tmp_path / "_site").exists()
        (fresh / "new.html").touch()
    assert files(tmp_path) == {"_site/new.html"}


def test_after_an_error_the_old_one_stays_and_nothing_else(site):
    with pytest.raises(FileNotFoundError), replacing(site) as fresh:
        (fresh / "nowhere" / "new.html").touch()
    assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt"}
    assert files(site) == {"old.html"}


def test_whoever_may_read_the_old_one_may_read_the_new_one(site):
    mode = site.stat().st_mode
    with replacing(site):
        pass
    assert site.stat().st_mode == mode


def test_a_link_still_leads_to_the_folder(site):
    link = site.parent / "link"
    try:
        link.symlink_to(site, target_is_directory=True)
    except OSError:  # pragma: no cover - Windows, where links are a privilege
        pytest.skip("no links here")
    with replacing(link) as fresh:
        (fresh / "new.html").touch()
    assert link.is_symlink()
    assert files(site) == {"new.html"}


# ---- what a killed build left


def test_what_was_begun_is_removed(site):
    for name in ("_site.7.part", "_site.8.part", "_site.old"):
        (site.parent / name / "folder").mkdir(parents=True)
        (site.parent / name / "folder" / "page.html").touch()
    with replacing(site) as fresh:
        assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt", fresh.name}
    assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt"}


def test_a_build_killed_between_the_old_and_the_new_loses_neither(site):
    site.rename(site.with_name("_site.old"))
    (site.parent / "_site.7.part").mkdir()
    tidy(site)
    assert files(site.parent) == {"_site/old.html", "_site.txt"}
    assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt"}


# ---- a folder in use


@pytest.mark.parametrize("refused", ["_site", "part"])
def test_a_folder_in_use_stays_and_is_one_clear_error(site, monkeypatch, refused):
    """As on Windows, where an open file holds its folder in place."""
    real = Path.rename

    def rename(self, target):
        if self.name.endswith(refused):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    said = rf"_site: cannot be replaced \({os.strerror(errno.EACCES)}\)\. A program may have .* What was there is as it"
    with pytest.raises(RenderError, match=said), replacing(site) as fresh:
        (fresh / "new.html").touch()
    assert files(site.parent) == {"_site/old.html", "_site.txt"}
    assert {path.name for path in site.parent.iterdir()} == {"_site", "_site.txt"}
