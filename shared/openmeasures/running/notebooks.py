"""Notebooks on their way to a page: run anew in place, checked, written whole, and their result.

| function | what |
|---|---|
| `write` | validate a notebook, write it whole, and return what was written |
| `without_outputs` | a notebook that is to be run, read without what it held before |
| `refresh` | run a committed notebook on the given data and save its outputs in place |
| `check_outputs` | refuse what no page could show |
| `cells` | what an executed notebook holds |
| `result`, `result_of` | the result that a run left in its last output |
"""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from openmeasures import results
from openmeasures.charts.output import SPEC_TYPE
from openmeasures.errors import DefinitionError
from openmeasures.running.traces import steady
from openmeasures.store import write_whole

KERNEL_NAME = "python3"
# ipykernel warns of each kernel on the loopback address; on a machine of one's own that is noise.
KERNEL_ARGUMENTS = ["--IPKernelApp.log_level=50"]
CELL_SECONDS = 120  # no cell of ours takes 10; what takes longer than this hangs
SHOWN = {results.MIME_TYPE, SPEC_TYPE, "text/markdown"}


def write(notebook: NotebookNode, path: Path) -> bytes:
    """Validate a notebook, write it whole, and return what was written."""
    nbformat.validate(notebook)
    content: bytes = (nbformat.writes(notebook) + "\n").encode()
    write_whole(path, content)
    return content


def without_outputs(path: Path) -> NotebookNode:
    """Return a notebook that is to be run; papermill drops outputs as well, once it has read and copied them all."""
    content = json.loads(path.read_bytes())
    for cell in content["cells"]:
        if "outputs" in cell:
            cell["outputs"] = []
    bare: NotebookNode = nbformat.reads(json.dumps(content), as_version=4)
    return bare


def refresh(path: Path, data: Path) -> bool:
    """Run a committed notebook with its default parameters on `data` and save it; return whether it changed."""
    before = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    environment = {**os.environ, "OPENMEASURES_DATA": str(data)}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name=KERNEL_NAME, resources={"metadata": {"path": str(path.parent)}},
        record_timing=False, extra_arguments=KERNEL_ARGUMENTS,
    )  # fmt: skip
    client.execute(env=environment)
    write(steady(notebook), path)
    return path.read_bytes() != before


def check_outputs(notebook: NotebookNode) -> None:
    """Refuse an output that no page could show: anything but Markdown, a chart or the result.

    Raises `DefinitionError`, so that a stray warning fails its own run and not the whole site.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {}))
            if not kinds & SHOWN:
                raise DefinitionError(
                    f"cell {cell.id!r}: output of type {', '.join(sorted(kinds)) or output.output_type}; expected "
                    "Markdown or a chart. Show it through openmeasures.display."
                )


def result(path: Path) -> dict[str, Any]:
    """Return the content of `results.Result` from an executed notebook.

    Raises `DefinitionError` where the notebook's last code cell did not end in one.
    """
    return _result_of(cells(path), place=f"{path}: ")


def result_of(notebook: NotebookNode) -> dict[str, Any]:
    """Return the same from a notebook that is not a file yet."""
    return _result_of(notebook.cells)


def cells(path: Path) -> list[dict[str, Any]]:
    """Return the cells of an executed notebook as JSON, text in one piece each.

    `nbformat.read` would check it again and wrap each of its ten thousand figures: ten times the time, which counts
    where there are thousands of notebooks. Raises `DefinitionError` for what is no notebook.
    """
    try:
        found: list[dict[str, Any]] = json.loads(path.read_bytes())["cells"]
    except (ValueError, KeyError) as error:
        raise DefinitionError(f"{path}: not a notebook ({type(error).__name__}: {error}). Run again.") from error
    for cell in found:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            output["data"] = {kind: "".join(each) if _is_lines(each) else each for kind, each in data.items()}
    return found


def _is_lines(content: Any) -> bool:  # noqa: ANN401 - whatever JSON there is
    """Whether a notebook keeps text as the list of its lines here."""
    return isinstance(content, list) and all(isinstance(line, str) for line in content)


def _result_of(cells_: list[dict[str, Any]], *, place: str = "") -> dict[str, Any]:
    found = [
        output["data"][results.MIME_TYPE]
        for cell in cells_
        for output in cell.get("outputs", [])
        if results.MIME_TYPE in output.get("data", {})
    ]
    if len(found) != 1:
        raise DefinitionError(f"{place}{len(found)} results found, expected one; end it with `results.collect(…)`.")
    return dict(found[0])
