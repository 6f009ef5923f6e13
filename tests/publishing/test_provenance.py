"""The commit is asked of a stand-in for git, so that the tests need neither git nor a checkout."""

import sys

import pytest

from openmeasures.publishing import provenance

HEAD = "0123456789ab"


@pytest.fixture(autouse=True)
def _ask_again():
    provenance.commit.cache_clear()
    yield
    provenance.commit.cache_clear()


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Put a git on the PATH that answers as told, and writes down where and what it was asked."""

    def put(head=HEAD, status="", code=0):
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "git"
        script.write_text(
            f"#!{sys.executable}\n"
            "import sys, pathlib\n"
            f"with open({str(tmp_path / 'asked')!r}, 'a') as file:\n"
            "    print(pathlib.Path.cwd(), *sys.argv[1:], file=file)\n"
            f"print({head!r} if sys.argv[1] == 'rev-parse' else {status!r})\n"
            f"sys.exit({code})\n",
            encoding="utf-8",
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return put


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for git is a script with a #! line")


@pytest.mark.parametrize(
    ("status", "expected"),
    [("", HEAD), (" M shared/openmeasures/words.py", f"{HEAD}, with local changes")],
)
def test_the_commit_is_marked_where_files_differ_from_it(git, tmp_path, status, expected):
    git(status=status)
    assert provenance.commit(tmp_path) == expected


def test_git_is_asked_in_the_projects_folder(git, tmp_path):
    git()
    provenance.commit(tmp_path)
    assert (tmp_path / "asked").read_text(encoding="utf-8").splitlines() == [
        f"{tmp_path} rev-parse --short=12 HEAD",
        f"{tmp_path} status --porcelain --untracked-files=no",
    ]


def test_a_site_of_many_pages_asks_once(git, tmp_path):
    git()
    assert provenance.commit(tmp_path) == provenance.commit(tmp_path)
    assert len((tmp_path / "asked").read_text(encoding="utf-8").splitlines()) == 2


def test_a_folder_outside_version_control_has_no_commit(git, tmp_path):
    git(code=128)
    assert provenance.commit(tmp_path) == ""


def test_a_machine_without_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit(tmp_path) == ""


def test_the_environment_names_what_figures_and_charts_rest_on():
    named = [part.split(" ")[0] for part in provenance.environment().split(", ")]
    assert named == ["openmeasures", "polars", "altair", "papermill"]
    assert provenance.environment().split(", ")[0].split(" ")[1][0].isdigit()
