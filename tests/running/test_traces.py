"""What a run leaves in a notebook that would differ the next time."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from openmeasures.running.traces import steady

CONDA = {"name": "conda-env-x", "display_name": "Python (x)"}


def notebook(*outputs, **metadata):
    cell = new_code_cell("1 + 1", id="sum", execution_count=1, outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), cell], metadata=metadata)


def test_timings_and_paths_of_papermill_go():
    made = notebook(papermill={"duration": 1.2, "input_path": "/home/a"}, kernelspec=CONDA)
    made.cells[1].metadata = {"papermill": {"duration": 0.1}, "execution": {"iopub.busy": "2024"}}
    text = nbformat.writes(steady(made))
    assert [word for word in ("papermill", "duration", "/home", "conda", "iopub") if word in text] == []


def test_the_kernel_and_language_are_the_same_on_every_machine():
    made = notebook(kernelspec=CONDA, language_info={"name": "python", "version": "3.11.7"})
    assert steady(made).metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_tags_stay():
    made = notebook()
    made.cells[1].metadata = {"tags": ["parameters"], "collapsed": True}
    assert steady(made).cells[1].metadata == {"tags": ["parameters"]}


def test_papermills_own_cell_loses_its_random_id():
    made = notebook()
    made.cells[1].metadata = {"tags": ["injected-parameters"]}
    assert steady(made).cells[1].id == "injected-parameters"


def test_ids_of_displays_go():
    made = notebook(new_output("display_data", data={"text/markdown": "x"}))
    made.cells[1].outputs[0]["transient"] = {"display_id": "b5d1"}
    assert "transient" not in steady(made).cells[1].outputs[0]


def test_sources_outputs_and_counts_stay():
    output = new_output("execute_result", data={"text/plain": "2"}, execution_count=1)
    cell = steady(notebook(output)).cells[1]
    assert (cell.id, cell.source, cell.execution_count, cell.outputs) == ("sum", "1 + 1", 1, [output])
