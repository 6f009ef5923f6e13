"""Notebooks on their way to a page: run anew in place, checked, written whole, and their result.

| function | what |
|---|---|
| `write` | validate a notebook, write it whole, and return what was written |
| `refresh` | run a committed notebook on the given data and save its outputs in place |
| `check_outputs` | refuse what no page could show |
| `result`, `result_of` | the result that a run left in its last output |
"""

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
    return result_of(nbformat.read(path, as_version=4), place=f"{path}: ")


def result_of(notebook: NotebookNode, *, place: str = "") -> dict[str, Any]:
    """Return the same from a notebook that is not a file yet."""
    found = [
        output.data[results.MIME_TYPE]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if results.MIME_TYPE in output.get("data", {})
    ]
    if len(found) != 1:
        raise DefinitionError(f"{place}{len(found)} results found, expected one; end it with `results.collect(…)`.")
    return dict(found[0])
