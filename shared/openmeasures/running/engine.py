"""papermill's engine `openmeasures`: a notebook's cells run in this process, with the outputs that a kernel would give.

To start a kernel costs more than most notebooks. Everything else is papermill's and nbclient's own: parameters, the
order of cells, how messages become outputs, errors.
"""

import platform

import nbformat
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine as PapermillEngine
from papermill.engines import NotebookExecutionManager
from papermill.log import logger

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
        """Run a notebook as papermill's engines do; `steady`: leave nothing in it that differs between two runs."""
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
