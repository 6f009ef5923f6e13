"""The traces that a run leaves in a notebook, which differ from one machine or moment to the next.

| name | what |
|---|---|
| `steady` | remove timings, paths and random ids from an executed notebook |

papermill imports this with the engine, before anything else of ours; it must import nothing that starts threads.
"""

import nbformat
from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
INJECTED = "injected-parameters"  # papermill's tag, used as the id of the cell that it adds


def steady(notebook: NotebookNode) -> NotebookNode:
    """Remove timings, paths and random ids; keep sources, outputs, tags and execution counts."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if INJECTED in tags:
            cell.id = INJECTED
        for output in cell.get("outputs", []):
            output.pop("transient", None)
    return notebook
