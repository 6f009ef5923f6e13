import os
from datetime import date
from pathlib import Path

import pytest

from openmeasures import project
from openmeasures.errors import ParameterError


@pytest.fixture
def fork(tmp_path):
    """Someone's own copy of the project."""
    (tmp_path / "fork" / "analyses" / "ae_four_hour").mkdir(parents=True)
    (tmp_path / "fork" / "_quarto.yml").touch()
    return tmp_path / "fork"


@pytest.mark.parametrize("inside", [".", "analyses", "analyses/ae_four_hour"])
def test_the_root_is_found_from_every_folder_inside(fork, inside):
    assert project.root(fork / inside) == fork


def test_the_root_is_looked_for_from_the_working_directory(fork, monkeypatch):
    monkeypatch.chdir(fork / "analyses")
    assert project.root() == fork


def test_a_folder_with_half_the_markers_is_no_root(fork):
    (fork / "analyses" / "_quarto.yml").touch()
    assert project.root(fork / "analyses") == fork


def test_elsewhere_the_checkout_of_the_package_is_the_root(tmp_path):
    assert project.root(tmp_path) == Path(project.__file__).parents[2]


def test_without_any_project_the_error_names_the_folder_and_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "__file__", str(tmp_path / "site-packages" / "openmeasures" / "project.py"))
    with pytest.raises(
        ParameterError, match=r"no Open Measures project.*_quarto.yml and analyses.*Change to your clone"
    ):
        project.root(tmp_path)


def test_the_data_folder_given_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENMEASURES_DATA", str(tmp_path / "other"))
    assert project.data_folder(tmp_path / "given") == tmp_path / "given"


def test_then_the_environments(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENMEASURES_DATA", str(tmp_path / "other"))
    assert project.data_folder("") == tmp_path / "other"


def test_then_the_projects_own(fork, monkeypatch):
    monkeypatch.delenv("OPENMEASURES_DATA", raising=False)
    monkeypatch.chdir(fork)
    assert project.data_folder() == fork / "data"


def test_a_relative_data_folder_is_made_absolute_at_once(fork, monkeypatch):
    monkeypatch.chdir(fork)
    assert project.data_folder("mine") == fork / "mine"


# ---- as known on a day


def test_by_default_all_that_is_known_counts(monkeypatch):
    monkeypatch.delenv(project.AS_OF, raising=False)
    with project.known_on(""):
        assert project.as_of() is None


@pytest.mark.parametrize("before", [None, "2020-01-31"])
def test_a_day_is_asked_for_and_then_no_more(monkeypatch, before):
    monkeypatch.delenv(project.AS_OF, raising=False)
    if before:
        monkeypatch.setenv(project.AS_OF, before)
    with project.known_on("2025-12-31"):
        assert project.as_of() == date(2025, 12, 31)
    assert os.environ.get(project.AS_OF) == before


def test_what_is_no_date_is_refused():
    with project.known_on("December"), pytest.raises(ParameterError, match=r"not a date\. Write it as 2025-12-31"):
        project.as_of()
