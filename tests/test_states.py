"""No page, chart, table, sentence or download shows a figure that is missing as 0: each measure, each state.

Each state in turn takes the place of one organisation's latest figures in the data of a measure's example. The notebook
runs in this process, its page is written, and all of it is looked through. Images are left out: they are drawn from the
specifications, which are looked at.
"""

import ast
import csv
import hashlib
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import polars as pl
import pytest
from altair.utils.schemapi import debug_mode
from nbformat.v4 import new_output

from openmeasures import definitions, display, results, words
from openmeasures.charts import conversion
from openmeasures.charts.output import SPEC_TYPE, svg
from openmeasures.charts.spc import MISSING_SIGNS
from openmeasures.ingest import ingest
from openmeasures.publishing.built import Built
from openmeasures.publishing.places import Places
from openmeasures.publishing.run_page import write_run_page
from openmeasures.publishing.runs import Run
from openmeasures.publishing.writer import Pages
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.store import Store

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path for path in (ROOT / "analyses").iterdir() if path.is_dir())
NO_ROW = "no row"  # which the publication may mean by not listing an organisation, and is no zero either
STATES = (Status.SUPPRESSED, Status.NOT_SUBMITTED, Status.NOT_APPLICABLE, NO_ROW)
MISSING = "Z-91"  # which every example has
COUNTED = ("value", "numerator", "denominator")
NUMBER = re.compile(r"\d")
WHOLE = {}  # results and notebooks of examples as they are


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    made = {}

    def of(folder):
        if folder not in made:
            made[folder] = tmp_path_factory.mktemp(folder.name)
            files = [path for path in (folder / "example").iterdir() if path.name not in ("README.md", "expected.csv")]
            list(ingest(files, Store(made[folder]), retrieved=date(2026, 1, 1)))
            accompany(Store(made[folder]), definitions.load(folder).source)
        return made[folder]

    return of


def accompany(store, source):
    """Give every organisation that has figures before the last period those of its last one there, too."""
    *_, before, latest = store.newest(source)
    path, earlier = (store.folder / "observations" / source / f"{each:%Y-%m}.parquet" for each in (latest, before))
    rows = pl.read_parquet(path)
    moved = pl.read_parquet(earlier).filter(~pl.col("org_code").is_in(rows["org_code"].unique().implode()))
    as_now = {name: pl.lit(rows[name][0]) for name in ("period_start", "period_end", "release")}
    pl.concat([rows, moved.with_columns(**as_now).cast(rows.schema)]).write_parquet(path)


@pytest.fixture
def planted(examples, tmp_path):
    """Make a copy of an example's data in which a state has taken the place of one organisation's latest figures."""

    def make(folder, state):
        data = tmp_path / "planted"
        shutil.copytree(examples(folder), data)
        measure = definitions.load(folder)
        latest = max(Store(data).newest(measure.source))
        path = data / "observations" / measure.source / f"{latest:%Y-%m}.parquet"
        rows = pl.read_parquet(path)
        theirs = pl.col("org_code") == MISSING
        assert rows.filter(theirs).height
        if state == NO_ROW:
            rows = rows.filter(~theirs)
        else:
            rows = rows.with_columns(
                value=pl.when(~theirs).then("value"),
                status=pl.when(theirs).then(pl.lit(state.value, dtype=STATUS_TYPE)).otherwise("status"),
            )
        rows.write_parquet(path)
        return data

    return make


@pytest.fixture
def run_whole(examples, run_notebook):
    """Run a notebook on its example as it is, once for each organisation."""

    def run(folder, org_code):
        if (folder, org_code) not in WHOLE:
            WHOLE[folder, org_code] = run_notebook(folder, examples(folder), org_code)
        return WHOLE[folder, org_code]

    return run


@pytest.fixture
def run_notebook(monkeypatch):
    """Run a notebook's code in this process; return its result and the notebook with its outputs, without images."""

    def run(folder, data, org_code):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("OPENMEASURES_DATA", str(data))
        monkeypatch.setattr(conversion, "svg", lambda spec: "<svg />")
        notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
        values, shown = {}, []
        monkeypatch.setattr(display, "ipython_display", shown.append)
        with debug_mode(False):  # tests/test_analyses.py holds charts to Vega-Lite's schema
            for cell in code_cells(notebook):
                shown.clear()
                last = run_cell(cell.source, values)
                if "parameters" in cell.metadata.get("tags", []):
                    values["org_code"] = org_code
                outputs = [each for each in [*shown, last] if each is not None]
                cell.outputs = [new_output("display_data", data=bundle(each)) for each in outputs]
        return last, notebook

    return run


def run_cell(source, values):
    """Run one cell and return the value of its last line, if that is an expression."""
    *statements, final = ast.parse(source).body
    if not isinstance(final, ast.Expr):
        statements, final = [*statements, final], None
    exec(compile(ast.Module(statements, []), "<cell>", "exec"), values)
    return eval(compile(ast.Expression(final.value), "<last line>", "eval"), values) if final else None


def bundle(shown):
    if hasattr(shown, "_repr_mimebundle_") and not hasattr(shown, "to_dict"):
        return shown._repr_mimebundle_()
    spec = shown.to_dict(validate=False)
    return {"image/svg+xml": svg(spec), SPEC_TYPE: spec, "text/plain": spec["description"]}


def page_of(folder, data, org_code, result, notebook, stage):
    """Return the page of a run and its table for download, as the site has them."""
    measure = definitions.load(folder)
    store = Store(data)
    path = stage / "executed.ipynb"
    nbformat.write(notebook, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    latest = max(store.newest(measure.source))
    run = Run(
        measure, org_code, path, latest, store.newest(measure.source)[latest], datetime(2026, 1, 1, tzinfo=UTC),
        store.reaches(), nbformat_content(notebook), sha256=sha256,
    )  # fmt: skip
    pages = Pages(stage)
    write_run_page(pages, run, run.steps(), [run], store, [], Built([measure], [run], Places({}), synthetic=False))
    [page, table] = [next(each for each in pages.written if each.endswith(kind)) for kind in (".qmd", ".csv")]
    with (stage / table).open(encoding="utf-8") as file:
        return (stage / page).read_text(encoding="utf-8"), list(csv.DictReader(file))


def nbformat_content(notebook):
    return code_cells(notebook)[-1].outputs[-1].data[results.MIME_TYPE]


def texts(notebook):
    """Return all words that a notebook shows, one after the other."""
    outputs = [output.data for cell in code_cells(notebook) for output in cell.outputs]
    return [data.get("text/markdown") or data["text/plain"] for data in outputs]


def specifications(notebook):
    outputs = [output.data for cell in code_cells(notebook) for output in cell.outputs]
    return [data[SPEC_TYPE] for data in outputs if SPEC_TYPE in data]


def zeros(text, measure):
    """Return what a text says is 0 of what the measure or its series count; bounds `0 % to 3 %` are no figure."""
    of_all = [measure, *(measure.of(series.id) for series in measure.series)]
    written = {re.escape(each.written(0.0)) for each in of_all}
    labels = {re.escape(part.label) for each in of_all for part in (each.numerator, each.denominator)}
    figures = rf"(?:{'|'.join(sorted(written))})(?!\d)(?! to )"
    return sorted(re.findall(rf"(?<![\d.,−-])(?:{figures}|0(?:\.0)? (?:{'|'.join(sorted(labels))})|0 of 0)", text))


def test_zeros_are_found_and_bounds_are_none():
    measure = definitions.find("ae_four_hour")
    said = "0.0\u00a0% in May; 10.0\u00a0%; 0.0\u00a0% to 3.0\u00a0%; 0 attendances; 20 attendances; 0 of 0; 30 of 0"
    assert zeros(said, measure) == ["0 attendances", "0 of 0", "0.0\u00a0%"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_missing_figure_is_never_shown_as_0(folder, state, planted, run_notebook, run_whole, tmp_path):
    measure = definitions.load(folder)
    data = planted(folder, state)
    _, before = run_whole(folder, MISSING)
    result, notebook = run_notebook(folder, data, MISSING)
    latest = result.run.period_to
    status = Status.NOT_SUBMITTED if state == NO_ROW else state
    mine = result.points.filter(pl.col("period_start") == latest)
    assert mine.filter(pl.col("series") == results.ALL)["status"].to_list() == [status]
    for column in COUNTED:
        assert mine[column].null_count() == mine.height, column
    month = measure.period.label(latest)
    known = "\n".join(texts(before))
    page, table = page_of(folder, data, MISSING, result, notebook, tmp_path)
    for text in [*texts(notebook), page]:
        assert set(zeros(text, measure)) <= set(zeros(known, measure))
    is_bounded = measure.disclosure is not None and status == Status.SUPPRESSED
    of_month = [line for text in texts(notebook) for line in text.splitlines() if line.startswith(f"| {month} |")]
    assert of_month
    for line in of_month:
        cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
        assert words.STATUS_WORDS[status] in cells
        assert not NUMBER.search("".join(cells[:-1] if is_bounded else cells)), line
    rows = re.findall(rf'<tr><th scope="row">{re.escape(month)}</th>(.*?)</tr>', page)
    for row in rows:
        cells = re.findall(r"<td>(.*?)</td>", row)
        assert words.STATUS_WORDS[status] in cells
        assert not [cell for cell in cells if NUMBER.search(cell) and " to " not in cell.replace("\u00a0", " ")], row
    for row in (row for row in table if row["period_start"] == str(latest)):
        assert [row[column] for column in COUNTED] == ["", "", ""]
        assert row["status"] == status
    for spec in specifications(notebook):
        check_chart(spec, latest, result.run.org_name, MISSING_SIGNS[status].words)


def check_chart(spec, latest, name, sign):
    """See that a chart draws nothing of the organisation in its last period but the sign of why there is nothing."""
    about_it = name in " ".join(spec["title"]["text"]) or spec.get("usermeta", {}).get("series")
    for dataset, rows in spec["datasets"].items():
        for row in rows:
            is_its = row.get("org_name") == name or row.get("is_subject")
            is_its = is_its or (about_it and dataset == "points" and row.get("period_start") == str(latest))
            if is_its:
                assert [row.get(column) for column in ("value", "numerator", "place")] == [None] * 3, row
                assert row.get("sign", sign) == sign, row


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_missing_organisation_adds_no_0_to_england_and_is_named(folder, state, planted, run_notebook, run_whole):
    measure = definitions.load(folder)
    result, notebook = run_notebook(folder, planted(folder, state), "ENG")
    (whole, before), (theirs, _) = run_whole(folder, "ENG"), run_whole(folder, MISSING)
    latest = pl.col("period_start") == result.run.period_to, pl.col("series") == results.ALL
    points, had, lost = (each.points.filter(latest).row(0, named=True) for each in (result, whole, theirs))
    everyone = "\n".join(texts(notebook))
    if points["value"] != 0:  # what the others report as 0 is one
        assert set(zeros(everyone, measure)) <= set(zeros("\n".join(texts(before)), measure))
    for spec in specifications(notebook):
        drawn = [row for rows in spec["datasets"].values() for row in rows if row.get("org_name") == name_of(result)]
        assert not [row for row in drawn if row.get("value") is not None or row.get("place") is not None]
    assert f"{name_of(result)} ({MISSING})" in everyone  # England's figure is said to lack it
    if measure.disclosure is None:
        for part in ("numerator", "denominator"):
            left = had[part] - (lost[part] or 0.0) if points["status"] == Status.REPORTED and had[part] else None
            assert points[part] == (left if left is None else pytest.approx(left)), part


def name_of(result):
    return result.run.name_of(MISSING)


def test_the_four_states_look_and_read_differently():
    signs = [MISSING_SIGNS[status] for status in Status if status != Status.REPORTED]
    assert len({sign.shape for sign in signs}) == len({sign.words for sign in signs}) == len(signs)
    assert len({words.STATUS_WORDS[status] for status in Status}) == len(Status)
