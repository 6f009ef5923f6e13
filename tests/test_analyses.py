"""Every promise that a measure's folder makes, held for each folder in analyses/."""

import ast
import csv
import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import altair as alt
import nbformat
import pytest

from openmeasures import corrections, definitions, rebases
from openmeasures.charts.output import SPEC_TYPE
from openmeasures.ingest import Kept, ingest
from openmeasures.methods import rulesets
from openmeasures.parameters import NAMES
from openmeasures.periods import Period
from openmeasures.results import COLUMNS, MIME_TYPE
from openmeasures.running.plan import check_notebook
from openmeasures.store import Store

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path for path in (ROOT / "analyses").iterdir() if path.is_dir())
MAY_HOLD = {"measure.yml", "notebook.ipynb", "corrections.yml", "rebases.yml", "improvements", "example"}
MOST_CELLS = MOST_LINES = 12
FORBIDDEN = {
    "a function": r"\bdef\b|\blambda\b",
    "a loop": r"\bfor\b|\bwhile\b",
    "a magic": r"(?m)^\s*[%!]",
    "a colour": r"#[0-9a-fA-F]{3,8}\b",
}
OUTPUT_TYPES = ({"text/markdown", "text/plain"}, {"image/svg+xml", SPEC_TYPE, "text/plain"})
RESULT_TYPES = {MIME_TYPE, "text/markdown", "text/plain"}

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def notebook(folder):
    return nbformat.read(folder / "notebook.ipynb", as_version=4)


def code_cells(folder):
    return [cell for cell in notebook(folder).cells if cell.cell_type == "code"]


def test_folder_holds_what_is_documented_and_nothing_else(folder):
    found = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert {"measure.yml", "notebook.ipynb", "example"} <= found <= MAY_HOLD


def test_definition_names_a_known_rule_set(folder):
    assert rulesets.find(definitions.load(folder).rule_set).title


def test_ledger_of_changes_can_be_read(folder):
    assert all(entry.reason and entry.author for entry in rebases.load(folder))


def test_definition_is_reviewed_and_due_again_later(folder):
    measure = definitions.load(folder)
    assert measure.reviewed < measure.next_review
    assert measure.checked_by


def test_standards_are_in_order_and_each_says_where_it_is_set_down(folder):
    standards = definitions.load(folder).standards
    starts = [standard.date_from for standard in standards]
    assert starts == sorted(starts)
    assert all(standard.title and standard.url for standard in standards)


def test_id_stands_nowhere_but_in_the_folders_name(folder):
    files = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "shared").rglob("*.jinja"), ROOT / "_quarto.yml"]
    files += [path for path in folder.iterdir() if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    # The result in the notebook's last output carries it, taken from the folder's name.
    texts[folder / "notebook.ipynb"] = "".join(cell.source for cell in notebook(folder).cells)
    # An address is its publisher's, who may call the measure the same.
    named = {path: re.sub(r"https?://\S+", "", text) for path, text in texts.items()}
    assert [path.name for path, text in named.items() if folder.name in text] == []


def test_notebook_declares_the_parameters(folder):
    check_notebook(folder / "notebook.ipynb")
    (cell,) = (cell for cell in code_cells(folder) if "parameters" in cell.metadata.get("tags", []))
    assert tuple(node.targets[0].id for node in ast.parse(cell.source).body) == NAMES


def test_notebook_is_short(folder):
    cells = code_cells(folder)
    assert len(cells) <= MOST_CELLS
    assert {
        cell.id: len(cell.source.splitlines()) for cell in cells if len(cell.source.splitlines()) > MOST_LINES
    } == {}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_notebook_has_none_of(folder, what):
    assert [cell.id for cell in code_cells(folder) if re.search(FORBIDDEN[what], cell.source)] == []


def test_notebook_names_no_path(folder):
    texts = [
        node.value
        for cell in code_cells(folder)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in texts if "/" in text or "\\" in text] == []


def test_every_step_has_a_heading_and_a_reason(folder):
    cells = notebook(folder).cells
    for before, cell in pairwise(cells):
        if cell.cell_type == "code":
            assert re.match(r"## .+\n\n\w", before.source), cell.id


def test_notebook_ends_in_its_result(folder):
    last = code_cells(folder)[-1]
    assert last.source.splitlines()[-1].startswith("results.collect(")
    assert set(last.outputs[0].data) == RESULT_TYPES


def test_committed_outputs_show_without_a_network_or_a_trusted_script(folder):
    for cell in code_cells(folder)[:-1]:
        for output in cell.outputs:
            assert set(output.data) in OUTPUT_TYPES, cell.id


def test_committed_charts_are_vega_lite_as_its_schema_has_it(folder):
    """Builds draw the same charts of other organisations without this check; see `charts.output.enable`."""
    for cell in code_cells(folder):
        for output in cell.outputs:
            if SPEC_TYPE in output.data:
                alt.LayerChart.from_dict(output.data[SPEC_TYPE])  # raises what Altair would say to an author


def test_committed_outputs_are_those_of_one_run_on_the_sample(folder):
    cells = code_cells(folder)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert cells[-1].outputs[0].data[MIME_TYPE]["synthetic"] is True
    assert {tuple(cell.metadata) for cell in cells} <= {(), ("tags",)}
    text = (folder / "notebook.ipynb").read_text(encoding="utf-8")
    assert "Synthetic data" in text
    assert str(Path.home()) not in text


def expected(folder):
    with (folder / "example" / "expected.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_cells(folder, monkeypatch, *, org_code, data):
    """Run a notebook's code in this process and return the value of its last line."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPENMEASURES_DATA", str(data))
    *cells, last = [cell.source for cell in code_cells(folder)]
    values = {}
    for source in cells:
        exec(source, values)
        if "org_code" in values:
            values["org_code"] = org_code
    *statements, final = ast.parse(last).body
    exec(compile(ast.Module(statements, []), "<last cell>", "exec"), values)
    return eval(compile(ast.Expression(final.value), "<result>", "eval"), values)


@pytest.fixture(scope="module")
def example_data(tmp_path_factory):
    made = {}

    def make(folder):
        if folder not in made:
            made[folder] = tmp_path_factory.mktemp(folder.name)
            files = [path for path in (folder / "example").iterdir() if path.name not in ("README.md", "expected.csv")]
            outcomes = list(ingest(files, Store(made[folder]), retrieved=date(2026, 1, 1)))
            assert {outcome.kept for outcome in outcomes} == {Kept.ADDED}
        return made[folder]

    return make


def test_definition_and_corrections_name_metrics_of_the_source(folder, example_data):
    measure = definitions.load(folder)
    named = {*measure.metrics, *(metric for entry in corrections.load(folder) for metric in entry.metrics)}
    assert named <= set(Store(example_data(folder)).observations(measure.source)["metric"])


def test_definition_names_breakdowns_of_the_source(folder, example_data):
    measure = definitions.load(folder)
    for breakdown in measure.breakdowns:
        parts = Store(example_data(folder)).observations(measure.source, breakdown=breakdown.id)
        assert set(measure.numerator.metrics + measure.denominator.metrics) <= set(parts["metric"]), breakdown.id


def test_notebook_gives_what_was_worked_out_by_hand(folder, example_data, monkeypatch):
    rows = expected(folder)
    assert set(rows[0]) <= set(COLUMNS)
    seen = set()
    for org_code in sorted({row["org_code"] for row in rows}):
        result = run_cells(folder, monkeypatch, org_code=org_code, data=example_data(folder))
        found = {(p["series"], str(p["period_start"])): p for p in result.points.iter_rows(named=True)}
        for row in (row for row in rows if row["org_code"] == org_code):
            point = found[row["series"], row["period_start"]]
            seen.add((org_code, row["series"], row["period_start"]))
            for column in ("numerator", "denominator", "value", "value_lower", "value_upper"):
                if row[column] == "null":
                    assert point[column] is None, (row, column)
                elif row[column]:
                    digits = len(row[column].partition(".")[2])
                    assert round(point[column], digits) == float(row[column]), (row, column)
            assert point["status"] == row["status"], row
        assert {(org_code, *key) for key in found} <= seen


@pytest.mark.parametrize("call", ["counts.count(", "seasonal.adjust("])
def test_a_notebook_of_any_but_months_says_what_its_figures_cover(folder, call):
    """What it does not pass is taken to be months, without a word."""
    if definitions.load(folder).period is Period.MONTH:
        return
    lines = [line for cell in code_cells(folder) for line in cell.source.splitlines() if call in line]
    assert [line for line in lines if "period=measure.period" not in line] == []
