"""What counts as a file of ours, and what somebody's tools left beside it."""

import pytest

from openmeasures import folders


@pytest.mark.parametrize(
    ("name", "is_litter"),
    [
        ("measure.yml", False), ("a.b~c", False), ("a#b", False), ("__init__.py", False), ("pycache", False),
        (".git", True), (".measure.yml.swp", True), ("#measure.yml#", True), ("measure.yml~", True),
        ("~$counts.xlsx", True), ("__pycache__", True),
    ],
)  # fmt: skip
def test_litter_is_known_by_its_name(name, is_litter):
    assert folders.is_litter(name) == is_litter


def test_files_are_those_below_a_folder_without_litter_at_any_depth(tmp_path):
    for name in ("b.yml", "a/c.yml", "a/c.yml~", ".a/c.yml", "__pycache__/c.pyc", "a/.b/c.yml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")
    assert folders.files(tmp_path) == {"a/c.yml": tmp_path / "a" / "c.yml", "b.yml": tmp_path / "b.yml"}


def test_a_folder_whose_own_name_is_hidden_has_its_files(tmp_path):
    hidden = tmp_path / ".hidden"
    hidden.mkdir()
    (hidden / "a.yml").write_text("", encoding="utf-8")
    assert list(folders.files(hidden)) == ["a.yml"]


def test_a_folder_that_is_not_there_has_none(tmp_path):
    assert folders.files(tmp_path / "nowhere") == {}
