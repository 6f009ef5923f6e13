"""What a worker does, in this process; `test_distributed` has it done by workers of Dask."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from openmeasures import definitions, parameters
from openmeasures.errors import StoreError
from openmeasures.running import dependencies, plan, worker
from openmeasures.running.exchange import Exchange
from openmeasures.running.execute import failed
from openmeasures.running.worker import Order

SOURCE = """\
import os
from pathlib import Path
from IPython.display import display
if org_code == "RJ1":
    1 / 0
content = {"org_code": org_code, "files": [path.suffix for path in Path(os.environ["OPENMEASURES_DATA"]).glob("*/*/*")]}
display({"application/vnd.openmeasures.result+json": content, "text/markdown": "The result."}, raw=True)
"""


@pytest.fixture
def project(small_project, keep, notebook_of):
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    nbformat.write(notebook_of(SOURCE), small_project / "analyses" / "four_hours" / "notebook.ipynb")
    return small_project


@pytest.fixture
def exchange(tmp_path):
    return Exchange(str(tmp_path / "exchange"))


@pytest.fixture
def order(project, store, exchange):
    """The order of a client that has the same project."""
    run = parameters.check(definitions.find("four_hours"), org_code="ENG", period_to="", data=str(store.folder))
    parts = dependencies.parts(run)
    return Order(
        "four_hours", "RC9", "2024-03", dependencies.digest(parts), exchange.url,
        exchange.send(store.folder, ["ae_monthly"]), exchange.put(json.dumps(parts).encode()),
    )  # fmt: skip


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_a_run_leaves_its_notebook_in_the_exchange_and_nothing_here_but_the_data(order, exchange, scratch):
    entry = worker.fulfil(order, scratch)
    assert (entry.org_code, entry.status, entry.digest) == ("RC9", "done", order.digest)
    content = exchange.get(entry.sha256)
    assert hashlib.sha256(content).hexdigest() == entry.sha256
    [result] = [output for cell in nbformat.reads(content, 4).cells for output in cell.get("outputs", [])]
    found = result.data["application/vnd.openmeasures.result+json"]
    assert (found["org_code"], sorted(found["files"])) == ("RC9", [".json", ".parquet", ".parquet"])
    assert [path.name for path in scratch.iterdir()] == [f"openmeasures-{order.data[:16]}"]


def test_a_run_that_fails_is_an_entry_and_leaves_its_notebook_too(order, exchange, scratch):
    entry = worker.fulfil(replace(order, org_code="RJ1"), scratch)
    assert (entry.status, entry.error) == ("failed", "cell 3: ZeroDivisionError: division by zero")
    assert "An Exception was encountered" in nbformat.reads(exchange.get(entry.sha256), 4).cells[0].source


def test_a_run_that_is_ended_leaves_none(order, scratch, monkeypatch):
    monkeypatch.setattr(worker.execute, "execute", lambda tasks, *_, **__: [failed(*tasks, 0.0, "ended")])
    assert worker.fulfil(replace(order, org_code="RJ1"), scratch).sha256 == ""


def test_another_definition_is_refused(order, scratch, project):
    path = project / "analyses" / "four_hours" / "measure.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("Long waits do harm.", "They do harm."), encoding="utf-8")
    refusal = worker.fulfil(order, scratch)
    assert f", {project}: would run something else than asked for: there, four_hours/measure.yml changed." in refusal


def test_what_is_new_there_or_gone_is_named(order, exchange, scratch):
    parts = json.loads(exchange.get(order.parts))
    parts["a module of the client"] = parts.pop("polars")
    other = replace(order, digest=dependencies.digest(parts), parts=exchange.put(json.dumps(parts).encode()))
    assert "there, a module of the client is gone, polars is new." in worker.fulfil(other, scratch)


def test_a_measure_that_is_not_there_is_refused(order, scratch, project):
    refusal = worker.fulfil(replace(order, measure_id="five_hours"), scratch)
    assert f", {project}: " in refusal
    assert "'five_hours'" in refusal


def test_a_worker_whose_code_was_changed_meanwhile_is_refused(order, scratch, monkeypatch):
    monkeypatch.setitem(worker._AT_START, "counts.py", "of an older one")
    assert ": its code has changed since it started (counts.py changed). Restart the workers." in worker.fulfil(
        order, scratch
    )


def test_the_project_and_its_data_are_looked_at_once(order, scratch, project):
    worker.fulfil(order, scratch)
    path = project / "analyses" / "four_hours" / "measure.yml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed during the build\n", encoding="utf-8")
    assert worker.fulfil(replace(order, org_code="ENG"), scratch).status == "done"


def test_data_that_are_not_in_the_exchange_are_an_error_each_time(order, scratch):
    without = replace(order, data=hashlib.sha256(b"nothing").hexdigest())
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{without.data} is not there"):
            worker.fulfil(without, scratch)


def test_the_digest_is_that_of_the_plan(order, store):
    assert order.digest == plan.run_digest(store, definitions.find("four_hours"), "")


def test_the_modules_are_those_of_the_package_with_what_lies_beside_them():
    name = Path(worker.__file__).relative_to(worker.PACKAGE).as_posix()
    assert "charts/fonts.conf" in worker._modules()
    assert worker._modules()[name] == hashlib.sha256(Path(worker.__file__).read_bytes()).hexdigest()
