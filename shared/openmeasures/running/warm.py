"""What the fork server imports once, so that no run has to: all that notebooks import, and what runs them.

Only the fork server imports this module. Nothing here, nor in any module while it is being imported, may run a Polars
query or convert a frame: Polars would start threads, a fork does not copy them, and each child would wait for them
forever. What runs is therefore noted before every fork, for the child to check; see `forks`.
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import openmeasures
from openmeasures import charts, methods

TASKS = Path("/proc/self/task")  # a folder for each thread of this process, on Linux
ALSO = [
    "openmeasures.running.approval", "openmeasures.running.execute", "openmeasures.running.forks",
    # What others import only as they are used: the first shell, the first chart.
    "IPython.core.completer", "IPython.core.completerlib", "IPython.core.logger", "IPython.core.oinspect",
    "narwhals._interchange.dataframe", "polars._utils.udfs",
]  # fmt: skip

threads: list[str] = []  # at the latest fork: the names of all but the main one
path = [folder for folder in sys.path if folder]  # as a kernel has it, which was started by no command of ours


def note_threads() -> None:
    """Note the names of the threads of this process, except the one that forks."""
    others = [task for task in TASKS.iterdir() if task.name != str(os.getpid())]
    threads[:] = [(task / "comm").read_text(encoding="utf-8").strip() for task in others]


def start_anew(environment: dict[str, str]) -> None:
    """Make of a forked process what a new one with this environment would be."""
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    sys.argv[:] = [""]
    import_module("numpy").random.seed()  # from the system, or all children would draw the same; `random` sees to it


os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read as NumPy is imported: a fork would not copy those threads either
for package in (openmeasures, charts, methods):
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
for name in ALSO:
    import_module(name)
nbformat = import_module("nbformat")  # not above, as it imports NumPy
nbformat.validate(nbformat.v4.new_notebook())  # which compiles the schema of notebooks
import_module("narwhals.stable.v1").from_native(None, pass_through=True)  # which looks for its plug-ins
del os.environ["OPENBLAS_NUM_THREADS"]

if hasattr(os, "register_at_fork"):  # pragma: no branch - on Windows only what collects tests imports this
    os.register_at_fork(before=note_threads)
gc.collect()
gc.freeze()  # a child need not look for garbage among all this, which would also copy it
