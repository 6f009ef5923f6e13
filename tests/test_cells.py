"""A notebook's cells by their ids, and notebooks of which these are none, or do not last."""

import json

import nbformat
import pytest

from openmeasures import cells
from openmeasures.cells import Cell
from openmeasures.errors import DefinitionError


@pytest.fixture
def content(notebook_of):
    """Return a notebook of five cells as JSON."""
    return json.loads(nbformat.writes(notebook_of("x = 1\ny = 2")))


@pytest.fixture
def read(tmp_path):
    """Write a notebook from JSON, and read its cells."""

    def of(notebook):
        path = tmp_path / "notebook.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return cells.read(path)

    return of


def test_cells_come_in_their_order_with_tags_and_text_in_one_piece(content, read):
    assert read(content)[2:] == [
        Cell("step-0", "code", ["parameters"], 'org_code = "ENG"\nperiod_to = ""\ndata = ""'),
        Cell("why-1", "markdown", [], "## Step 1\n\nWhy 1."),
        Cell("step-1", "code", [], "x = 1\ny = 2"),
    ]


@pytest.mark.parametrize("minor", [5, 6])
def test_formats_with_ids_are_read(content, read, minor):
    assert len(read(content | {"nbformat_minor": minor})) == 5


@pytest.mark.parametrize("version", [(3, 0), (4, 0), (4, 4)])
def test_formats_without_ids_are_refused(content, read, version):
    said = f"notebook.ipynb: a notebook of format {version[0]}.{version[1]}, whose cells have no ids; expected 4.5 or"
    with pytest.raises(DefinitionError, match=f"{said} later. Open it in JupyterLab and save it, which gives it them."):
        read(content | {"nbformat": version[0], "nbformat_minor": version[1]})


def test_a_cell_without_an_id_is_refused(content, read):
    del content["cells"][2]["id"]
    said = (
        "cell 3 has no id; expected one of its own, which stays. Open it in JupyterLab and save it, which gives it one."
    )
    with pytest.raises(DefinitionError, match=said):
        read(content)


def test_a_cell_with_the_id_of_another_is_refused(content, read):
    content["cells"][4]["id"] = "why-0"
    with pytest.raises(
        DefinitionError, match=r"notebook.ipynb: cell 5 has the id 'why-0' of cell 2; expected one of its"
    ):
        read(content)
