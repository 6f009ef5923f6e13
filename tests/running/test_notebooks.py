import hashlib
import json

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from openmeasures import results
from openmeasures.charts.output import SPEC_TYPE
from openmeasures.errors import DefinitionError
from openmeasures.running import notebooks

CONDA = {"name": "conda-env-x", "display_name": "Python (x)"}
RESULT = {results.MIME_TYPE: {"measure": "four_hours"}, "text/markdown": "The result."}


def notebook(*outputs, **metadata):
    cell = new_code_cell("1 + 1", id="sum", execution_count=1, outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), cell], metadata=metadata)


# ---- writing


def test_a_notebook_is_written_and_read_back(tmp_path):
    made = notebook()
    notebooks.write(made, tmp_path / "new" / "n.ipynb")
    assert nbformat.read(tmp_path / "new" / "n.ipynb", as_version=4) == made


def test_a_notebook_ends_in_one_newline(tmp_path):
    notebooks.write(notebook(), tmp_path / "n.ipynb")
    content = (tmp_path / "n.ipynb").read_bytes()
    assert content.endswith(b"}\n")
    assert b"\r" not in content


def test_an_invalid_notebook_is_not_written(tmp_path):
    made = notebook()
    made.cells[0]["cell_type"] = "prose"
    with pytest.raises(nbformat.ValidationError):
        notebooks.write(made, tmp_path / "n.ipynb")
    assert list(tmp_path.iterdir()) == []


# ---- the result


def test_the_result_is_found_wherever_it_is_shown(tmp_path):
    notebooks.write(notebook(new_output("stream", text="x"), new_output("display_data", data=RESULT)), tmp_path / "n")
    assert notebooks.result(tmp_path / "n") == {"measure": "four_hours"}


@pytest.mark.parametrize("number", [0, 2])
def test_a_notebook_has_exactly_one_result(tmp_path, number):
    path = tmp_path / "n.ipynb"
    notebooks.write(notebook(*[new_output("display_data", data=RESULT)] * number), path)
    with pytest.raises(DefinitionError, match=rf"n.ipynb: {number} results found, expected one; end it with `results"):
        notebooks.result(path)


@pytest.mark.parametrize("content", ["", "{", "{}"])
def test_what_is_no_notebook_is_refused_by_name(tmp_path, content):
    path = tmp_path / "n.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"n.ipynb: not a notebook \(.*\). Run again."):
        notebooks.cells(path)


def test_cells_are_those_that_nbformat_reads(tmp_path):
    lines = new_output("display_data", data={"text/markdown": "a\nb\n", "application/x+json": {"rows": ["a", 1]}})
    path = tmp_path / "n.ipynb"
    notebooks.write(notebook(lines, new_output("stream", text="x")), path)
    read = nbformat.read(path, as_version=4).cells
    assert [cell["source"] for cell in notebooks.cells(path)] == [cell.source for cell in read]
    [first, _] = notebooks.cells(path)[-1]["outputs"]
    assert first["data"] == read[-1].outputs[0].data


def test_a_notebook_to_be_run_has_no_outputs_and_is_otherwise_as_it_was(tmp_path):
    path = tmp_path / "n.ipynb"
    notebooks.write(notebook(new_output("stream", text="x")), path)
    before = nbformat.read(path, as_version=4)
    bare = notebooks.without_outputs(path)
    assert all(cell.get("outputs", []) == [] for cell in bare.cells)
    assert [(cell.id, cell.source, cell.metadata) for cell in bare.cells] == [
        (cell.id, cell.source, cell.metadata) for cell in before.cells
    ]


# ---- refreshing a committed notebook


@pytest.fixture
def committed(tmp_path, notebook_of):
    """A measure's notebook that shows the name of its data folder and of its own, from beside it."""
    path = tmp_path / "four_hours" / "notebook.ipynb"
    path.parent.mkdir()
    (path.parent / "beside.txt").write_text("seen", encoding="utf-8")
    code = (
        "import os\nfrom pathlib import Path\n"
        'org_code + Path(os.environ["OPENMEASURES_DATA"]).name + Path("beside.txt").read_text()'
    )
    nbformat.write(notebook_of(code), path)
    return path


def test_refreshing_saves_outputs_once_and_for_all(committed, tmp_path):
    assert notebooks.refresh(committed, tmp_path / "sample") is True
    saved = committed.read_bytes()
    (output,) = json.loads(saved)["cells"][-1]["outputs"]
    assert output["data"]["text/plain"] == ["'ENGsampleseen'"]
    assert notebooks.refresh(committed, tmp_path / "sample") is False
    assert committed.read_bytes() == saved


def test_a_notebook_that_fails_is_left_as_it_was(committed, tmp_path, notebook_of):
    nbformat.write(notebook_of("1 / 0"), committed)
    before = hashlib.sha256(committed.read_bytes()).hexdigest()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.refresh(committed, tmp_path / "sample")
    assert hashlib.sha256(committed.read_bytes()).hexdigest() == before


# ---- what a page could not show


SHOWN = [
    {"text/markdown": "A sentence.", "text/plain": "A sentence."},
    {SPEC_TYPE: {}, "image/svg+xml": "<svg/>", "text/plain": "alt"},
    RESULT,
]


def test_markdown_charts_and_the_result_can_be_shown():
    notebooks.check_outputs(notebook())
    notebooks.check_outputs(notebook(*(new_output("display_data", data=data) for data in SHOWN)))


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (new_output("stream", name="stderr", text="Warning"), "stream"),
        (new_output("display_data", data={"text/html": "<b>", "text/plain": "b"}), "text/html, text/plain"),
        (new_output("execute_result", data={}), "execute_result"),
    ],
)
def test_any_other_output_is_refused_with_its_cell(output, kind):
    with pytest.raises(DefinitionError) as refusal:
        notebooks.check_outputs(notebook(new_output("display_data", data=SHOWN[0]), output))
    assert str(refusal.value) == (
        f"cell 'sum': output of type {kind}; expected Markdown or a chart. Show it through openmeasures.display."
    )
