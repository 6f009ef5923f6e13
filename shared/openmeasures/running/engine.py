"""papermill's engine `openmeasures`: a notebook's cells run in this process, with the outputs that a kernel would give.

To start a kernel costs more than most notebooks. Everything else is papermill's and nbclient's own: parameters, the
order of cells, how messages become outputs, errors. One thing is stricter: papermill only warns of a parameter that the
notebook does not have, and would run it for the wrong organisation.
"""

import ast
import platform

import nbformat
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine as PapermillEngine
from papermill.engines import NotebookExecutionManager
from papermill.log import logger
from papermill.utils import find_first_tagged_cell_index

from openmeasures.errors import ParameterError, near_miss
from openmeasures.running import traces
from openmeasures.running.kernel import Kernel

LANGUAGE = {
    "name": "python",
    "version": platform.python_version(),
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "pygments_lexer": "ipython3",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}  # what a kernel says of itself


class Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill carries no types
    """papermill's client of a kernel, with one that needs no process."""

    def execute(self) -> None:
        """Run every cell, up to the first that fails; the notebook takes the outputs."""
        with Kernel() as self.kc:
            self.papermill_execute_cells()
        self.nb.metadata["language_info"] = LANGUAGE
        self.set_widgets_metadata()


class Engine(PapermillEngine):  # type: ignore[misc]
    """What papermill calls for `--engine openmeasures`."""

    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, *, steady: bool = False, **options: object
    ) -> NotebookNode:
        """Run a notebook as papermill's engines do; `steady`: leave nothing in it that differs between two runs.

        Raises `ParameterError` for a parameter that its cell tagged `parameters`, if it has one, does not set.
        """
        _refuse_unknown(nb)
        executed = super().execute_notebook(nb, kernel_name, **options)
        return traces.steady(executed) if steady else executed

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: object) -> None:
        """Run a notebook and leave its outputs in it, from which papermill raises what a cell raised.

        Of papermill's options, those that concern a kernel's process are ignored: how long to wait for it to start,
        how long for a cell, with which arguments to start it. Raises nbformat's `ValidationError` for an output that
        no notebook may hold.
        """
        kept = {name: options.get(name) for name in ("log_output", "stdout_file", "stderr_file")}
        Client(nb_man, kernel_name=kernel_name, log=logger, **kept).execute()
        nbformat.validate(nb_man.nb)


def _refuse_unknown(nb: NotebookNode) -> None:
    """Refuse parameters that a notebook's own cell of parameters does not set."""
    tagged = find_first_tagged_cell_index(nb, "parameters")
    if tagged < 0:
        return
    assigned = (node for node in ast.walk(ast.parse(nb.cells[tagged].source)) if isinstance(node, ast.Name))
    known = [node.id for node in assigned if isinstance(node.ctx, ast.Store)]
    for name in nb.metadata.get("papermill", {}).get("parameters", {}):
        if name not in known:
            raise ParameterError(
                f"parameter {name!r}: the notebook has none of that name; expected one of {', '.join(known)}."
                f"{near_miss(name, known)} Correct it."
            )
