"""What a worker does, in this process; `test_distributed` has it done by workers of Dask."""

import errno
import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime

import nbformat
import pytest

from openmeasures import definitions, parameters
from openmeasures.errors import StoreError
from openmeasures.project import AS_OF, PUBLIC_AT, known_on
from openmeasures.running import dependencies, plan, worker
from openmeasures.running.exchange import Exchange
from openmeasures.running.execute import failed
from openmeasures.running.worker import Order

MOMENT = datetime(2024, 6, 1, tzinfo=UTC)
SOURCE = """\
import os
from pathlib import Path
from IPython.display import display
if org_code == "RJ1":
    1 / 0
if org_code == "RCHANGES":
    with open("measure.yml", "a", encoding="utf-8") as file:
        print("# changed", file=file)
content = {"org_code": org_code, "environment": [os.environ[f"OPENMEASURES_{name}"] for name in ("PUBLIC_AT", "AS_OF")],
           "files": [path.suffix for path in Path(os.environ["OPENMEASURES_DATA"]).glob("*/*/*")]}
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


def parts_of(store):
    run = parameters.check(definitions.find("four_hours"), org_code="ENG", period_to="", data=str(store.folder))
    return dependencies.parts(run)


@pytest.fixture
def order(project, store, exchange, monkeypatch):
    """The order of a client that has the same project, on 1 June 2024."""
    parts = parts_of(store)
    return Order(
        "four_hours", "RC9", "2024-03", dependencies.digest(parts), exchange.url,
        exchange.send(store.folder, ["ae_monthly"], MOMENT), exchange.put(json.dumps(parts).encode()), MOMENT, None,
    )  # fmt: skip


@pytest.fixture
def definition(project):
    return project / "analyses" / "four_hours" / "measure.yml"


def change(path):
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")


def result(entry, exchange):
    content = exchange.get(entry.sha256)
    assert hashlib.sha256(content).hexdigest() == entry.sha256
    [found] = [output for cell in nbformat.reads(content, 4).cells for output in cell.get("outputs", [])]
    return found.data["application/vnd.openmeasures.result+json"]


def environment(entry, exchange):
    """Return the moment and the day that a run had in its environment."""
    return result(entry, exchange)["environment"]


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_a_run_leaves_its_notebook_in_the_exchange_and_nothing_here_but_the_data(order, exchange, scratch):
    entry = worker.fulfil(order, scratch)
    assert (entry.org_code, entry.status, entry.digest) == ("RC9", "done", order.digest)
    found = result(entry, exchange)
    assert (found["org_code"], sorted(found["files"])) == ("RC9", [".json", ".parquet", ".parquet"])
    assert [path.name for path in scratch.iterdir()] == [f"openmeasures-{order.data[:16]}"]


def test_a_run_that_fails_is_an_entry_and_leaves_its_notebook_too(order, exchange, scratch):
    entry = worker.fulfil(replace(order, org_code="RJ1"), scratch)
    assert (entry.status, entry.error) == ("failed", "cell 3: ZeroDivisionError: division by zero")
    assert "An Exception was encountered" in nbformat.reads(exchange.get(entry.sha256), 4).cells[0].source


def test_a_run_that_is_ended_leaves_none(order, scratch, monkeypatch):
    monkeypatch.setattr(worker.execute, "execute", lambda tasks, *_, **__: [failed(*tasks, 0.0, "ended")])
    assert worker.fulfil(replace(order, org_code="RJ1"), scratch).sha256 == ""


def test_another_definition_is_refused(order, scratch, definition):
    change(definition)
    refusal = worker.fulfil(order, scratch)
    root = definition.parents[2]
    assert f", {root}: would run something else than asked for: there, four_hours/measure.yml changed." in refusal


def test_what_is_new_there_or_gone_is_named(order, exchange, scratch):
    parts = json.loads(exchange.get(order.parts))
    parts["a module of the client"] = parts.pop("polars")
    other = replace(order, digest=dependencies.digest(parts), parts=exchange.put(json.dumps(parts).encode()))
    assert "there, a module of the client is gone, polars is new." in worker.fulfil(other, scratch)


def test_a_measure_that_is_not_there_is_refused(order, scratch, project):
    refusal = worker.fulfil(replace(order, measure_id="five_hours"), scratch)
    assert f", {project}: " in refusal
    assert "'five_hours'" in refusal


def test_what_was_approved_is_refused_when_it_changed_and_approved_when_it_is_as_it_was(order, scratch, definition):
    before = definition.read_bytes()
    assert worker.fulfil(order, scratch).status == "done"
    change(definition)
    assert "four_hours/measure.yml changed" in worker.fulfil(order, scratch)
    definition.write_bytes(before)
    assert worker.fulfil(order, scratch).status == "done"


def test_what_changes_while_it_runs_is_refused(order, scratch):
    assert "there, four_hours/measure.yml changed." in worker.fulfil(replace(order, org_code="RCHANGES"), scratch)


def test_data_that_are_lost_or_changed_are_received_again(order, exchange, scratch):
    worker.fulfil(order, scratch)
    [data] = scratch.iterdir()
    [figures] = (data / "observations").rglob("*.parquet")
    [record] = data.rglob("*.json")
    before = figures.read_bytes()
    figures.write_bytes(b"no figures")
    record.unlink()
    assert worker.fulfil(order, scratch).status == "done"
    assert (figures.read_bytes(), record.is_file()) == (before, True)


# ---- the moment, and the day


def test_what_came_out_since_the_build_began_is_not_used(order, scratch, store, keep, exchange, monkeypatch):
    keep(("RC9", 1000, 300), name="March-2024-revised-130624.csv")  # out on 13 June 2024
    monkeypatch.setenv(PUBLIC_AT, "2024-07-01T00:00+00:00")  # the worker's, as its clock would be
    everything = exchange.send(store.folder, ["ae_monthly"], datetime(2024, 7, 1, tzinfo=UTC))
    assert environment(worker.fulfil(replace(order, data=everything), scratch), exchange) == [MOMENT.isoformat(), ""]
    later = replace(order, data=everything, moment=datetime(2024, 7, 1, tzinfo=UTC))
    assert "release of 2024-03 changed." in worker.fulfil(later, scratch)


def test_a_run_is_of_the_day_that_the_client_asks_for(order, scratch, exchange, store):
    with known_on("2024-04-30"):
        found = parts_of(store)
    of_a_day = replace(order, digest=dependencies.digest(found), as_of=date(2024, 4, 30))
    assert environment(worker.fulfil(of_a_day, scratch), exchange) == [MOMENT.isoformat(), "2024-04-30"]


def test_a_day_of_the_worker_s_own_does_not_count(order, scratch, exchange, monkeypatch):
    monkeypatch.setenv(AS_OF, "2024-04-30")
    assert environment(worker.fulfil(order, scratch), exchange) == [MOMENT.isoformat(), ""]


# ---- what a machine cannot do


def test_without_room_no_run_is_to_blame(order, scratch, monkeypatch):
    def full(path, _content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(worker, "write_whole", full)
    assert worker.fulfil(order, scratch).status == "done"
    with pytest.raises(OSError, match="No space left on device"):
        worker.fulfil(replace(order, org_code="RJ1"), scratch)


def test_a_place_for_data_that_cannot_be_used(order, tmp_path):
    (tmp_path / "scratch").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="scratch"):
        worker.fulfil(order, tmp_path / "scratch")


def test_data_that_are_not_in_the_exchange_are_an_error_each_time(order, scratch, project):
    without = replace(order, data=hashlib.sha256(b"nothing").hexdigest())
    for _ in range(2):
        with pytest.raises(StoreError, match=f"worker on .+, {project}: .+ {without.data} is not there"):
            worker.fulfil(without, scratch)


def test_the_digest_is_that_of_the_plan(order, store):
    assert order.digest == plan.run_digest(store, definitions.find("four_hours"), "")
