"""Whether a machine would run what another one asks for; `test_worker` has it asked before and after runs."""

import hashlib
import os
from pathlib import Path

import pytest

from openmeasures import definitions, parameters
from openmeasures.running import approval, dependencies
from openmeasures.running.plan import Task


@pytest.fixture
def task(small_project, store, keep):
    """A task of a client that has the same project; its parts are those of `expected`."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    notebook = small_project / "analyses" / "four_hours" / "notebook.ipynb"
    return Task("four_hours", notebook, "ENG", "2024-03", store.folder, dependencies.digest(parts(store)))


@pytest.fixture
def expected(task, store):
    return parts(store)


def parts(store):
    run = parameters.check(definitions.find("four_hours"), org_code="ENG", period_to="", data=str(store.folder))
    return dependencies.parts(run)


def refused(task, expected):
    return approval.refusal(task, expected, approval.state(task.data))


@pytest.fixture
def looks(monkeypatch):
    """A list that grows whenever a process looks at what is in the files."""
    found, look = [], approval._in_a_process

    def noted(*arguments):
        found.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(approval, "_in_a_process", noted)
    return found


def test_what_is_in_the_files_is_looked_at_when_one_of_them_changed(task, expected, looks, small_project):
    assert [refused(task, expected) for _ in range(3)] == [""] * 3
    assert len(looks) == 1
    table = small_project / "reference" / "systems.csv"
    before = table.read_bytes()
    table.write_bytes(before.replace(b"North", b"Nord"))
    for _ in range(2):
        assert "there, reference/systems.csv changed." in refused(task, expected)
    assert len(looks) == 2
    table.write_bytes(before)
    assert refused(task, expected) == ""


def test_tables_are_read_anew(task, expected, small_project):
    # RC9's system is in the names of all organisations, which this process read with the old table.
    table = small_project / "reference" / "systems.csv"
    table.write_bytes(table.read_bytes().replace(b"NHS Central East", b"NHS Mid East"))
    found = approval._in_a_process(task, small_project)
    changed = {name for name in found if found[name] != expected[name]}
    assert changed == {"names", "reference/systems.csv"}


def test_a_lock_file_is_read_anew(task, expected, small_project):
    assert refused(task, expected) == ""
    (small_project / "requirements.lock").write_text("polars==0\n", encoding="utf-8")
    assert "there, requirements.lock changed." in refused(task, expected)


def test_code_that_was_changed_since_it_was_imported(task, expected, monkeypatch):
    monkeypatch.setitem(approval._AT_START, "counts.py", "of an older one")
    assert ": its code has changed since it started (counts.py changed). Restart the workers." in refused(
        task, expected
    )


def test_packages_that_were_changed_since_they_were_imported(task, expected, tmp_path, monkeypatch):
    assert refused(task, expected) == ""
    metadata = tmp_path / "packages" / "polars-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: polars\nVersion: 0.0.1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    assert "its code has changed since it started (polars changed). Restart" in refused(task, expected)


def test_where_nothing_can_be_forked_a_new_process_looks(task, expected, monkeypatch):
    monkeypatch.setattr(approval.forks, "available", lambda: False)
    assert approval._in_a_process(task, Path.cwd()) == expected


def test_a_look_that_comes_to_no_end(task, expected, monkeypatch):
    monkeypatch.setattr(approval, "SECONDS", 0)
    with pytest.raises(RuntimeError, match="could not look at its files: the process ran longer than 0 s"):
        refused(task, expected)


@pytest.mark.parametrize("measure_id", ["four_hours", "five_hours"])
def test_what_a_task_depends_on(task, expected, monkeypatch, measure_id):
    for name in task.environment:
        monkeypatch.setenv(name, "")  # restored afterwards
    asked = Task(measure_id, *(getattr(task, name) for name in ("notebook", "org_code", "period_to", "data", "digest")))
    found = approval.parts_here(asked, Path.cwd())
    assert found == expected if measure_id == "four_hours" else "'five_hours'" in found


def test_the_state_of_files(tmp_path):
    for name in ("b", "folder/a", "folder/__pycache__/c", ".hidden", "elsewhere"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = approval.state(tmp_path / "folder", tmp_path / "b", tmp_path / "nowhere")
    assert [(Path(path).name, size) for path, _, _, size in found] == [("a", 8), ("b", 1)]
    (tmp_path / "b").write_text("c", encoding="utf-8")
    assert approval.state(tmp_path / "b") != found[1:]


def test_the_code_is_that_of_the_package_and_of_others():
    name = Path(approval.__file__).relative_to(approval.PACKAGE).as_posix()
    found = approval._code()
    assert found[name] == hashlib.sha256(Path(approval.__file__).read_bytes()).hexdigest()
    assert found.items() >= dependencies.packages().items()
    assert "charts/fonts.conf" in found


def test_a_machine_is_named_with_its_project(small_project):
    assert approval.place().endswith(f", {small_project}")
    assert os.fspath(small_project) in approval.place()
