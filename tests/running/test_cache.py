"""Which runs are done already, and the reason for each of the others."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openmeasures.errors import StoreError
from openmeasures.running import cache, dependencies, manifest
from openmeasures.running.cache import Step
from openmeasures.running.manifest import Entry, notebook_path
from openmeasures.running.plan import Planned, Task

BEFORE, NOW = {"cell a": "1"}, {"cell a": "2"}
NOTEBOOK = b"an executed notebook"


def task(org_code="RC9", parts=NOW):
    return Task("four_hours", Path("notebook.ipynb"), org_code, "2024-03", Path("data"), dependencies.digest(parts))


@pytest.fixture
def ran(tmp_path):
    """Record a run, with its parts and its notebook."""

    def record(org_code="RC9", *, parts=NOW, error="", keep=True):
        entry = Entry(
            measure_id="four_hours", org_code=org_code, period_to="2024-03", digest=dependencies.digest(parts),
            status="failed" if error else "done", seconds=1, ended=datetime(2024, 5, 9, tzinfo=UTC), error=error,
            sha256="" if error else hashlib.sha256(NOTEBOOK).hexdigest(),
        )  # fmt: skip
        manifest.append(manifest.path(tmp_path), entry)
        if keep:
            dependencies.keep(tmp_path, parts)
        path = notebook_path(tmp_path, "four_hours", org_code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(NOTEBOOK)
        return path

    return record


@pytest.fixture
def reason(tmp_path):
    def of(*tasks, **options):
        found = cache.steps({"four_hours": Planned(list(tasks or [task()]), NOW)}, tmp_path, **options)
        return [step.reason for step in found]

    return of


def test_what_never_ran_is_run(reason):
    assert reason() == ["never run here"]


def test_what_is_done_is_left_alone(reason, ran):
    ran()
    assert reason() == [""]


def test_each_organisation_is_on_its_own(reason, ran, tmp_path):
    ran("RC9")
    ran("RJ1", error="broken")
    tasks = [task("ENG"), task("RC9"), task("RJ1")]
    assert cache.steps({"four_hours": Planned(tasks, NOW)}, tmp_path) == [
        Step(tasks[0], "never run here"), Step(tasks[1], ""), Step(tasks[2], "failed the last time"),
    ]  # fmt: skip


def test_what_depends_on_something_that_changed_is_run_and_told_what(reason, ran):
    ran(parts=BEFORE)
    assert reason() == ["cell a changed"]


def test_without_a_record_of_what_it_depended_on_that_is_the_reason(reason, ran):
    ran(parts=BEFORE, keep=False)
    assert reason() == ["no record of what it depended on"]


def test_force_is_a_reason_of_its_own(reason, ran):
    ran()
    assert reason(force=True) == ["forced"]


@pytest.mark.parametrize("content", [b"", NOTEBOOK[:-1], NOTEBOOK + b"\n", None])
def test_a_notebook_that_is_not_the_one_that_ran_is_made_again(reason, ran, content):
    path = ran()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert reason() == ["its notebook is gone or was changed"]


def test_a_run_that_went_back_to_what_it_was_is_run(reason, ran):
    ran(parts=NOW)
    ran(parts=BEFORE)
    assert reason() == ["cell a changed"]  # the notebook that is there is the later one


def test_a_damaged_manifest_is_an_error(reason, tmp_path):
    manifest.path(tmp_path).write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(StoreError, match="line 1"):
        reason()
