"""The cells of a notebook as its author wrote them, each known by an id that stays.

| name | what |
|---|---|
| `Cell` | one of them, without what it has put out |
| `read` | those of a notebook, or why they cannot be told apart |
"""

import json
from pathlib import Path
from typing import NamedTuple

from openmeasures.errors import DefinitionError

WITH_IDS = (4, 5)  # the format of notebooks since which cells have ids
REMEDY = "Open it in JupyterLab and save it, which gives"


class Cell(NamedTuple):
    """One cell; `kind` is `code`, `markdown` or `raw`."""

    id: str
    kind: str
    tags: list[str]
    source: str


def read(notebook: Path) -> list[Cell]:
    """Return the cells of a notebook in their order.

    nbformat would check the outputs of all of them as well, which takes ten times as long; see `plan.check_notebook`.
    Raises `DefinitionError` for a format that has no ids, and for a cell without one or with that of another: Jupyter
    gives it one by chance each time that it reads the notebook, which would then be another one each time.
    """
    content = json.loads(notebook.read_bytes())
    found = (content["nbformat"], content["nbformat_minor"])
    if found < WITH_IDS:
        raise DefinitionError(
            f"{notebook}: a notebook of format {found[0]}.{found[1]}, whose cells have no ids; expected "
            f"{WITH_IDS[0]}.{WITH_IDS[1]} or later. {REMEDY} it them."
        )
    ids = [cell.get("id") for cell in content["cells"]]
    for number, id_ in enumerate(ids, start=1):
        if id_ is None or id_ in ids[: number - 1]:
            has = "no id" if id_ is None else f"the id {id_!r} of cell {ids.index(id_) + 1}"
            raise DefinitionError(
                f"{notebook}: cell {number} has {has}; expected one of its own, which stays. {REMEDY} it one."
            )
    return [
        Cell(cell["id"], cell["cell_type"], cell["metadata"].get("tags", []), "".join(cell["source"]))
        for cell in content["cells"]
    ]
