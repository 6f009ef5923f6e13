"""What a run depends on: each thing that could change its outcome, and nothing else."""

import shutil
from datetime import date

import nbformat
import polars as pl
import pytest

from openmeasures import definitions, imports, parameters
from openmeasures.errors import StoreError
from openmeasures.running import dependencies

FEBRUARY = {"month": "FEBRUARY-2024", "name": "February-2024.csv"}
APRIL = {"month": "APRIL-2024", "name": "April-2024.csv"}


@pytest.fixture
def parts(small_project, store, keep):
    """Return the parts of the small project's runs up to March 2024, with the files as they are now."""
    keep(("RC9", 1000, 400))

    def now(period_to="2024-03"):
        measure = definitions.find("four_hours")
        dependencies._environment.cache_clear()
        return dependencies.parts(parameters.check(measure, org_code="ENG", period_to=period_to, data=""))

    return now


@pytest.fixture
def changed_by(parts, small_project):
    """Do something, and return what differs after it."""

    def differing(do):
        before = parts()
        do(small_project)
        return dependencies.changed(before, parts())

    return differing


def _edit(cell, **values):
    def do(project):
        path = project / "analyses" / "four_hours" / "notebook.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[cell].update(values)
        nbformat.write(notebook, path)

    return do


def _write(name, text):
    def do(project):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return do


def _output(project):
    path = project / "analyses" / "four_hours" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("display_data", data={"text/markdown": "Done."})]
    notebook.cells[-1].execution_count = 7
    nbformat.write(notebook, path)


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (_edit(2, source="x = 1"), "cell step-0 changed"),
        (_edit(0, source='org_code = "ENG"\nperiod_to = ""\ndata = "" '), "cell {first} changed"),
        (_output, ""),
        (_write("analyses/four_hours/corrections.yml", "[]"), "four_hours/corrections.yml is new"),
        (_write("analyses/four_hours/example/expected.csv", "a"), ""),
        (_write("analyses/four_hours/README.md", "a"), ""),
        (_write("analyses/four_hours/.ipynb_checkpoints/measure.yml", "a"), ""),
        (_write("analyses/four_hours/measure.yml~", "a"), ""),
        (_write("analyses/four_hours/#measure.yml#", "a"), ""),
        (_write("analyses/four_hours/~$counts.xlsx", "a"), ""),
        (_write("analyses/four_hours/__pycache__/own.pyc", "a"), ""),
        (_write("analyses/four_hours/improvements/RC9.yml", "a"), "four_hours/improvements/RC9.yml is new"),
        (_write("analyses/four_hours/improvements/RC9.yml~", "a"), ""),
        (_write("analyses/another/measure.yml", "a"), ""),
        (_write("reference/rulesets.yml", "a"), "reference/rulesets.yml changed"),
        (_write("reference/sample/new.csv", "a"), ""),
        (_write("reference/.swp/new", "a"), ""),
        (_write("reference/releases.csv", "a"), ""),
        (_write("site/index.qmd", "a"), ""),
        (_write("requirements.lock", "polars==2"), "requirements.lock changed"),
    ],
)
def test_what_counts_and_what_does_not(changed_by, small_project, do, said):
    first = nbformat.read(small_project / "analyses" / "four_hours" / "notebook.ipynb", as_version=4).cells[0].id
    assert changed_by(do) == said.format(first=first)


def test_the_sample_s_tables_count_with_the_sample_s_figures(small_project, sample_folder):
    def now():
        measure = definitions.find("four_hours")
        return dependencies.parts(parameters.check(measure, org_code="ENG", period_to="", data=str(sample_folder)))

    before = now()
    path = small_project / "reference" / "sample" / "successions.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert dependencies.changed(before, now()) == "reference/sample/successions.csv changed"


def test_a_file_of_another_name_is_another_file(changed_by, small_project):
    _write("analyses/four_hours/corrections.yml", "[]")(small_project)
    folder = small_project / "analyses" / "four_hours"
    said = changed_by(lambda _: (folder / "corrections.yml").rename(folder / "corrections.yaml"))
    assert said == "four_hours/corrections.yaml is new, four_hours/corrections.yml is gone"


def test_a_cell_that_changes_places_is_another_cell(changed_by):
    def swap(project):
        path = project / "analyses" / "four_hours" / "notebook.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[1], notebook.cells[2] = notebook.cells[2], notebook.cells[1]
        nbformat.write(notebook, path)

    assert changed_by(swap) == "cell step-0 changed, cell why-0 changed"


# ---- data


REVISED = {"name": "March-2024-revised.csv", "retrieved": date(2024, 5, 9)}
OLDER = {"name": "March-2024-older.csv", "retrieved": date(2024, 3, 9)}


def test_a_revision_is_another_release_and_what_it_revises_is_read_as_the_first(changed_by, keep):
    assert changed_by(lambda _: keep(("RC9", 1000, 390), **REVISED)) == (
        "first release of 2024-03 is new, release of 2024-03 changed"
    )


def test_an_older_release_counts_where_it_becomes_the_first(changed_by, keep):
    assert changed_by(lambda _: keep(("RC9", 1000, 380), **OLDER)) == "first release of 2024-03 is new"
    oldest = {"name": "March-2024-oldest.csv", "retrieved": date(2024, 3, 8)}
    assert changed_by(lambda _: keep(("RC9", 1000, 370), **oldest)) == "first release of 2024-03 changed"


def test_a_first_release_that_is_taken_away_counts(changed_by, keep, store):
    keep(("RC9", 1000, 380), **OLDER)
    [first] = store.oldest("ae_monthly").values()
    record = store.folder / "releases" / "ae_monthly" / f"{first.sha256}.json"
    assert changed_by(lambda _: record.unlink()) == "first release of 2024-03 is gone"


def test_a_release_between_the_first_and_the_newest_changes_nothing(changed_by, keep):
    keep(("RC9", 1000, 390), **REVISED)
    between = {"name": "March-2024-again.csv", "retrieved": date(2024, 4, 30)}
    assert changed_by(lambda _: keep(("RC9", 1000, 380), **between)) == ""


def test_an_older_release_of_a_later_month_changes_nothing(changed_by, keep):
    keep(("RC9", 900, 300), **APRIL)
    older = {"month": "APRIL-2024", "name": "April-2024-older.csv", "retrieved": date(2024, 3, 9)}
    assert changed_by(lambda _: keep(("RC9", 900, 290), **older)) == ""


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("observations", {"value": pl.col("value") + 1}),
        ("observations", {"status": pl.lit("suppressed")}),
        ("organisations", {"org_name": pl.lit("Another")}),
    ],
)
def test_figures_that_somebody_changed_in_the_store_count(changed_by, keep, store, table, changes):
    keep(("RC9", 900, 300), **FEBRUARY)

    def edit(_):
        path = store.folder / table / "ae_monthly" / "2024-02.parquet"
        rows = pl.read_parquet(path)
        (row,) = rows.with_row_index().filter(org_code="RC9")["index"].head(1)
        edited = rows[row].with_columns(**changes).cast(dict(rows.schema))
        pl.concat([rows[:row], edited, rows[row + 1 :]]).write_parquet(path)

    assert "release of 2024-02 changed" in changed_by(edit)


def test_figures_of_a_first_release_that_somebody_took_out_count(changed_by, keep, store):
    keep(("RC9", 1000, 380), **OLDER)
    [first] = store.oldest("ae_monthly").values()

    def take_out(_):
        path = store.folder / "observations" / "ae_monthly" / "2024-03.parquet"
        pl.read_parquet(path).filter(pl.col("release") != first.sha256).write_parquet(path)

    assert changed_by(take_out) == "first release of 2024-03 changed"


def test_a_file_of_figures_that_is_written_anew_with_the_same_is_the_same(changed_by, store):
    def write_anew(_):
        for path in store.folder.glob("o*/ae_monthly/2024-03.parquet"):
            pl.read_parquet(path).reverse().write_parquet(path, compression="uncompressed")

    assert changed_by(write_anew) == ""


def test_the_same_file_on_another_day_changes_nothing(changed_by, keep):
    assert changed_by(lambda _: keep(("RC9", 1000, 400), retrieved=date(2025, 1, 1))) == ""


def test_an_earlier_month_is_another_release_and_a_later_one_is_none(changed_by, keep):
    assert changed_by(lambda _: keep(("RC9", 900, 300), **FEBRUARY)) == "release of 2024-02 is new"
    assert changed_by(lambda _: keep(("RC9", 900, 300), **APRIL)) == ""


def test_a_later_month_may_bring_another_name(changed_by, keep):
    assert changed_by(lambda _: keep(("RC9", 900, 300), ("RJ1", 500, 100), **APRIL)) == "names changed"


def test_another_last_month_is_another_run(parts, keep):
    keep(("RC9", 900, 300), **FEBRUARY)
    assert dependencies.changed(parts(), parts("2024-02")) == "month changed, release of 2024-03 is gone"


def test_releases_of_another_publication_do_not_count(changed_by, store):
    def add(_):
        (release,) = store.releases()
        other = release.model_copy(update={"source": "another", "sha256": "0" * 64})
        record = store.folder / "releases" / "another" / f"{other.sha256}.json"
        record.parent.mkdir()
        record.write_text(other.model_dump_json(), encoding="utf-8")

    assert changed_by(add) == ""


# ---- code


def test_a_module_counts_where_the_notebook_imports_it(changed_by, small_project, tmp_path, monkeypatch):
    package = tmp_path / "elsewhere" / "openmeasures"
    shutil.copytree(imports._root() / "openmeasures", package)
    monkeypatch.setattr(imports, "_root", lambda: package.parent)
    _edit(2, source="from openmeasures.methods import spc")(small_project)
    spc, funnel = package / "methods" / "spc.py", package / "methods" / "funnel.py"
    assert changed_by(lambda _: spc.write_text(spc.read_text(encoding="utf-8") + "\n", encoding="utf-8")) == (
        "openmeasures.methods.spc changed"
    )
    assert changed_by(lambda _: funnel.write_text("", encoding="utf-8")) == ""
    runner = package / "running" / "notebooks.py"
    assert changed_by(lambda _: runner.write_text(runner.read_text(encoding="utf-8") + "\n", encoding="utf-8")) == (
        "openmeasures.running.notebooks changed"
    )


def test_the_fonts_of_charts_count_and_what_pages_are_made_from_does_not(changed_by, tmp_path, monkeypatch):
    package = tmp_path / "elsewhere" / "openmeasures"
    shutil.copytree(imports._root() / "openmeasures", package)
    monkeypatch.setattr(imports, "_root", lambda: package.parent)
    fonts, template = package / "charts" / "fonts.conf", package / "publishing" / "templates" / "card.jinja"
    assert changed_by(lambda _: fonts.write_text("<fontconfig/>", encoding="utf-8")) == (
        "openmeasures/charts/fonts.conf changed"
    )
    assert changed_by(lambda _: template.write_text("", encoding="utf-8")) == ""


def test_the_environment_counts_by_its_lock_its_python_and_its_packages(parts):
    found = parts()
    assert {"python", "polars", "altair", "numpy", "scipy", "ipython", "vl-convert-python"} <= set(found)
    assert found["requirements.lock"] == "none"  # the small project has none
    assert not {"pytest", "ruff"} & set(found)


def test_where_the_project_is_does_not_count(parts, small_project, tmp_path, monkeypatch):
    before = parts()
    moved = tmp_path / "moved"
    shutil.move(small_project, moved)
    monkeypatch.chdir(moved)
    assert parts() == before


# ---- the digest, and what was kept of it


def test_a_digest_is_that_of_the_parts_in_any_order():
    assert dependencies.digest({"a": "1", "b": "2"}) == dependencies.digest({"b": "2", "a": "1"})
    assert dependencies.digest({"a": "1", "b": "2"}) != dependencies.digest({"a": "2", "b": "1"})


def test_parts_are_kept_once_and_recalled(tmp_path):
    found = {"a": "1"}
    dependencies.keep(tmp_path, found)
    (kept,) = (tmp_path / "dependencies").iterdir()
    before = kept.stat().st_mtime_ns
    dependencies.keep(tmp_path, found)
    assert kept.stat().st_mtime_ns == before
    assert dependencies.recall(tmp_path, dependencies.digest(found)) == found
    assert dependencies.recall(tmp_path, "0" * 64) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": "2"}'])
def test_a_record_that_was_damaged_is_refused(tmp_path, content):
    found = {"a": "1"}
    dependencies.keep(tmp_path, found)
    (kept,) = (tmp_path / "dependencies").iterdir()
    kept.write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"dependencies.*Delete it\."):
        dependencies.recall(tmp_path, dependencies.digest(found))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": "1"}, {"a": "1"}, ""),
        ({"a": "1"}, {"a": "2"}, "a changed"),
        ({}, {"c": "1", "a": "1", "b": "1"}, "a is new, b is new, c is new"),
        ({"d": "1"}, {"c": "1", "a": "1", "b": "1"}, "a is new, b is new, c is new and 1 more"),
    ],
)
def test_what_changed_is_said_by_name(before, now, said):
    assert dependencies.changed(before, now) == said


@pytest.mark.parametrize(
    ("requirement", "name"), [("polars>=2.1", "polars"), ("typer", "typer"), ("a[b]>=1", "a"), ("a ~= 1", "a")]
)
def test_the_name_in_a_requirement(requirement, name):
    assert dependencies._name_of(requirement) == name


def test_the_day_whose_knowledge_is_shown_is_a_part(small_project, store, keep, monkeypatch):
    keep(("RC9", 1000, 400))
    measure = definitions.find("four_hours")
    now = {"org_code": "ENG", "period_to": "", "data": str(store.folder)}
    before = dependencies.parts(parameters.check(measure, **now))
    monkeypatch.setenv("OPENMEASURES_AS_OF", "2024-12-31")
    after = dependencies.parts(parameters.check(measure, **now))
    assert dependencies.changed(before, after) == "as of is new"
