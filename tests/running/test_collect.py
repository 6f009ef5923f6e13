import hashlib
from datetime import UTC, date, datetime

import nbformat
import polars as pl
import pytest

from openmeasures import quality, results
from openmeasures.errors import StoreError
from openmeasures.running import collect, manifest, notebooks
from openmeasures.running.manifest import Entry, notebook_path

QUALITY = dict.fromkeys(quality.COLUMNS) | {"periods_expected": 12, "share_of_england": 0.5}
FEBRUARY, MARCH = "2024-02-01", "2024-03-01"


def content(org_code="RC9", *rows, synthetic=False):
    """Make a run's result; a row is series, month and value."""
    points = [
        dict.fromkeys(results.COLUMNS)
        | {"series": series, "org_code": org_code, "period_start": month, "value": value, "status": "reported"}
        for series, month, value in rows
    ]
    return {"measure": "four_hours", "org_code": org_code, "org_name": f"{org_code}, Trust", "region_name": "East",
            "synthetic": synthetic, "points": points, "quality": QUALITY}  # fmt: skip


def entry(org_code="RC9", *, measure_id="four_hours", digest="now", error=""):
    return Entry(
        measure_id=measure_id, org_code=org_code, period_to="2024-03", digest=digest, seconds=1, error=error,
        status="failed" if error else "done", ended=datetime(2024, 5, 9, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def record(tmp_path):
    """Write a manifest of entries, and a notebook for each that succeeded."""

    def write(*entries, value=60.0):
        for each in entries:
            data = {results.MIME_TYPE: content(each.org_code, ("all", MARCH, value))}
            cell = nbformat.v4.new_code_cell(id="a", outputs=[nbformat.v4.new_output("display_data", data=data)])
            path = notebook_path(tmp_path, each.measure_id, each.org_code)
            if not each.error:
                written = notebooks.write(nbformat.v4.new_notebook(cells=[cell]), path)
                each = each.model_copy(update={"sha256": hashlib.sha256(written).hexdigest()})  # noqa: PLW2901
            manifest.append(manifest.path(tmp_path), each)
        return tmp_path

    return write


@pytest.fixture
def again(measure, monkeypatch, tmp_path):
    """Bring the table of a measure up to date, whatever the observations say; test_belonging has the rest."""
    monkeypatch.setattr(collect.belonging, "check_results", lambda *_: None)

    def once(build, measure_id="four_hours"):
        return collect.bring_up_to_date(build, measure.model_copy(update={"id": measure_id}), tmp_path, "now")

    return once


# ---- which runs count


def test_only_runs_of_the_measure_on_the_present_data_count(record):
    build = record(
        entry("RC9"),
        entry("RJ1", digest="before"),
        entry("RC9", measure_id="other"),
        entry("RXX", error="broken"),
        entry("RYY", digest="before"),
        entry("RYY"),
    )
    assert [each.org_code for each in collect.entries(build, "four_hours", "now")] == ["RC9", "RXX", "RYY"]


def test_a_run_on_other_data_takes_the_place_of_the_one_before(record):
    build = record(entry("RC9", digest="before"), entry("RC9"))
    assert collect.entries(build, "four_hours", "before") == []


def test_without_a_manifest_nothing_was_run(tmp_path):
    assert collect.entries(tmp_path, "four_hours", "now") == []


def test_results_are_those_of_the_runs_that_succeeded(record):
    build = record(entry("RC9"), entry("RXX", error="broken"), entry("RJ1"))
    found = collect.contents(build, collect.entries(build, "four_hours", "now"))
    assert [each["org_code"] for each in found] == ["RC9", "RJ1"]


def test_a_notebook_that_was_deleted_is_missed_by_name(record):
    build = record(entry("RC9"))
    notebook_path(build, "four_hours", "RC9").unlink()
    with pytest.raises(
        StoreError, match=r"RC9.ipynb: no such file, although the manifest has this run as done. Run again"
    ):
        collect.contents(build, collect.entries(build, "four_hours", "now"))


# ---- the table


def test_a_table_says_of_each_point_whose_it_is():
    table = collect.table([content("RC9", ("all", MARCH, 60.0))])
    whose = ["measure", "series", "org_code", "org_name", "region_name", "synthetic", "period_start"]
    assert table.columns[:7] == whose
    assert table.row(0)[:7] == ("four_hours", "all", "RC9", "RC9, Trust", "East", False, date(2024, 3, 1))


def test_a_table_of_made_up_figures_says_so_in_every_row():
    table = collect.table([content("Z-01", ("all", FEBRUARY, 1.0), ("all", MARCH, 2.0), synthetic=True)])
    assert table["synthetic"].to_list() == [True, True]


def test_a_table_has_every_column_of_a_result():
    assert set(collect.table([]).columns) == {
        *results.COLUMNS, *quality.COLUMNS, "measure", "org_name", "region_name", "synthetic",
    }  # fmt: skip


def test_every_row_says_how_far_its_series_can_be_trusted():
    table = collect.table([content("RC9", ("all", FEBRUARY, 1.0), ("all", MARCH, 2.0))])
    parts = table.select("periods_expected", "share_of_england", "usual_revision")
    assert parts.rows() == [(12, 0.5, None), (12, 0.5, None)]
    assert table.schema["usual_revision"] == pl.Float64


def test_a_table_is_in_order_of_series_organisation_and_period():
    table = collect.table(
        [
            content("RJ1", ("all", FEBRUARY, 1.0), ("all", MARCH, 2.0)),
            content("RC9", ("type_1", MARCH, 3.0), ("all", MARCH, 4.0)),
        ]
    )
    assert table["value"].to_list() == [4.0, 1.0, 2.0, 3.0]


def test_a_notebook_that_was_edited_is_no_result(record):
    build = record(entry("RC9"))
    path = notebook_path(build, "four_hours", "RC9")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(StoreError, match=r"RC9.ipynb: not the notebook that was written"):
        collect.contents(build, collect.entries(build, "four_hours", "now"))


def test_a_table_has_one_shape_whatever_is_missing():
    whole = collect.table([content("RC9", ("all", MARCH, 60.0)), content("RJ1", ("all", MARCH, None))])
    no_points = collect.table([content("RC9")])
    assert whole.schema == no_points.schema == collect.table([]).schema
    assert whole.schema["value"] == pl.Float64
    assert whole.schema["period_start"] == pl.Date


def test_the_csv_holds_the_runs_that_succeeded_and_no_other(record, again):
    build = record(entry("RC9"), entry("RXX", error="broken"), entry("RJ1", digest="before"))
    path = again(build)
    assert path == build / "results" / "four_hours.csv"
    rows = pl.read_csv(path)
    assert rows.select("org_code", "org_name", "period_start", "value").rows() == [
        ("RC9", "RC9, Trust", "2024-03-01", 60.0)
    ]


def test_the_csv_of_no_results_has_the_same_heading(record, again):
    build = record(entry("RC9"), entry("RXX", measure_id="none", error="broken"))
    some, none = (again(build, id_) for id_ in ("four_hours", "none"))
    assert none.read_text(encoding="utf-8").splitlines() == some.read_text(encoding="utf-8").splitlines()[:1]


@pytest.fixture
def made(record, again):
    """Make a table of one run, and return it with a way to have it brought up to date once its notebook is gone."""
    build = record(entry("RC9"))
    path = again(build)
    notebook_path(build, "four_hours", "RC9").unlink()
    return path, lambda: again(build)


def test_a_table_of_the_same_runs_is_left_as_it_is(made):
    path, once_more = made
    before = path.stat().st_mtime_ns
    assert once_more() == path  # without reading a notebook
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["edited", "gone", "unrecorded"])
def test_a_table_that_is_not_what_was_made_is_made_again(made, damage):
    path, once_more = made
    match damage:
        case "edited":
            path.write_text("edited", encoding="utf-8")
        case "gone":
            path.unlink()
        case "unrecorded":
            (path.parent / ".four_hours.made-from").unlink()
    with pytest.raises(StoreError, match="no such file, although the manifest has this run as done"):
        once_more()


def test_a_table_is_made_anew_when_a_run_ends_otherwise(record, again):
    build = record(entry("RC9"))
    again(build)
    record(entry("RC9"), value=61.0)
    assert pl.read_csv(again(build))["value"].to_list() == [61.0]
