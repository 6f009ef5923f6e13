"""The results as a Data Package: validated by frictionless, and the same in both formats."""

import hashlib
import json
from types import SimpleNamespace

import frictionless
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openmeasures import definitions
from openmeasures.publishing import package
from openmeasures.publishing.website import Website
from openmeasures.publishing.writer import Pages
from openmeasures.running import notebooks
from openmeasures.store import Store


@pytest.fixture(scope="module")
def runs():
    """Give England's run of each measure, from its committed notebook, which is the sample's."""
    return [
        SimpleNamespace(measure=each, org_code="ENG", content=notebooks.result(each.folder / "notebook.ipynb"))
        for each in definitions.load_all()
    ]


def write(folder, runs, store, address=""):
    package.write(Pages(folder, Website("Measures", address)), runs, store)
    return folder / package.FOLDER


@pytest.fixture(scope="module")
def folder(tmp_path_factory, runs, sample_folder):
    return write(tmp_path_factory.mktemp("package"), runs, Store(sample_folder))


@pytest.fixture(scope="module")
def described(folder):
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


def validated(folder, described):
    """Return what frictionless finds wrong; it reads no parquet without another package."""
    tables = [each for each in described["resources"] if each["format"] == "csv"]
    found = frictionless.Package.from_descriptor(described | {"resources": tables}, basepath=str(folder))
    return [error[0] for error in found.validate().flatten(["type", "rowNumber", "fieldName"])]


def test_the_package_is_valid_down_to_each_cell_and_each_release(folder, described):
    assert validated(folder, described) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("ae_four_hour.csv", ",common_cause,", ",usual,", "constraint-error"),
        ("ae_four_hour.csv", "2024-04-01", "April 2024", "type-error"),
        ("releases.csv", "ae_monthly", "other", "hash-count"),
    ],
)
def test_what_is_no_longer_as_described_is_found(tmp_path, runs, sample_folder, file, old, new, fault):
    folder = write(tmp_path, runs[:1], Store(sample_folder))
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    described = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert fault in validated(folder, described)


def test_every_file_is_listed_with_its_size_and_hash(folder, described):
    listed = {each["path"]: each for each in described["resources"]}
    assert {*listed, "schema.json", "datapackage.json"} == {path.name for path in folder.iterdir()}
    for name, each in listed.items():
        content = (folder / name).read_bytes()
        assert (each["bytes"], each["hash"]) == (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_names_of_resources_are_unique(described):
    names = [each["name"] for each in described["resources"]]
    assert len(set(names)) == len(names)


def test_both_formats_hold_the_same(folder, runs):
    for run in runs:
        parquet = pl.read_parquet(folder / f"{run.measure.id}.parquet")
        csv = pl.read_csv(folder / f"{run.measure.id}.csv", schema=parquet.schema)
        empty = pl.col("region_name").replace("", None)  # a text that is empty is none to a CSV's reader
        assert_frame_equal(csv.with_columns(empty), parquet.with_columns(empty))


def test_the_same_results_make_the_same_bytes(tmp_path, folder, runs, sample_folder):
    again = write(tmp_path, runs, Store(sample_folder))
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }


def test_made_up_figures_are_said_to_be_so_and_have_their_own_licence(described):
    assert described["title"] == "Measures: results (synthetic data)"
    assert [each["name"] for each in described["licenses"]] == ["MIT"]
    assert {each["title"] for resource in described["resources"][:-1] for each in resource["sources"]} == {
        "Made up by this project"
    }


def test_published_figures_name_the_publisher_s_page_and_licence(tmp_path, keep, store, measure, runs):
    keep(("RC9", 1000, 400), name="March-2024-revised-130624-abc.csv")
    mine = SimpleNamespace(measure=measure, org_code="ENG", content=runs[0].content)
    folder = write(tmp_path, [mine], store, "https://example.org/")
    described = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert (described["homepage"], described["title"]) == ("https://example.org/", "Measures: results")
    assert [each["name"] for each in described["licenses"]] == ["OGL-UK-3.0"]
    [source] = described["resources"][0]["sources"]
    assert source["path"].startswith("https://www.england.nhs.uk/")
    [row] = pl.read_csv(folder / "releases.csv").rows(named=True)
    assert (row["status"], row["published"], row["retrieved"]) == ("revised", "2024-06-13", "2024-04-11")
    assert (row["sha256"], row["file_url"]) == (store.releases()[0].sha256, None)


def test_without_an_address_there_is_no_homepage(described):
    assert "homepage" not in described


def test_a_run_that_failed_is_in_no_table(tmp_path, runs, sample_folder):
    failed = SimpleNamespace(measure=runs[1].measure, org_code="ENG", content={})
    one = package.write(Pages(tmp_path), [runs[0], failed], Store(sample_folder))
    assert [table.measure.id for table in one.tables] == [runs[0].measure.id]
    assert not (tmp_path / package.FOLDER / f"{runs[1].measure.id}.csv").exists()


def test_the_page_lists_what_was_written(tmp_path, runs, sample_folder):
    other = json.loads(json.dumps(runs[0].content).replace('"ENG"', '"Z-01"'))
    both = [runs[0], SimpleNamespace(measure=runs[0].measure, org_code="Z-01", content=other)]
    found = package.write(Pages(tmp_path), both, Store(sample_folder))
    [table] = found.tables
    path = tmp_path / package.FOLDER / f"{runs[0].measure.id}.csv"
    assert (table.organisations, table.csv) == (1, path.stat().st_size)
    assert table.rows == 2 * len(runs[0].content["points"])
    assert len(found.columns) == len(pl.read_csv(path, n_rows=1).columns)
