"""The engine beside a real Jupyter kernel: the same sources, execution counts and outputs, to the byte."""

import asyncio
import builtins
import difflib
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import papermill
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

from openmeasures.errors import ParameterError
from openmeasures.running import notebooks, traces
from openmeasures.running.execute import ENGINE, notebook_path, run_one
from openmeasures.running.kernel import Kernel
from openmeasures.running.plan import Task

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="starts bash and echo")
FAILING = {"tags": ["raises-exception"]}  # upon which Jupyter goes on with the next cell


def notebook(*cells, **metadata):
    made = [new_code_cell(code, id=f"cell-{number}", metadata=metadata) for number, code in enumerate(cells)]
    return new_notebook(cells=made, metadata={"kernelspec": traces.KERNEL})


def differences(one, other):
    return "\n".join(difflib.unified_diff(one.splitlines(), other.splitlines(), "kernel", "engine", lineterm="", n=2))


# ---- the project's notebooks


@pytest.mark.parametrize(
    ("measure", "org_code"), [("ae_four_hour", "ENG"), ("rtt_18_weeks", "Z-01"), ("cancer_62_day", "Z-11")]
)
def test_a_measures_notebook_comes_out_the_same(measure, org_code, sample_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENMEASURES_DATA", "")  # restored afterwards, since a run sets it
    task = Task(measure, ROOT / "analyses" / measure / "notebook.ipynb", org_code, "2026-03", sample_folder, "")
    texts = []
    for engine in (None, ENGINE):
        entry = run_one(task, tmp_path, engine)
        assert entry.error == ""
        texts.append(notebook_path(tmp_path, measure, org_code).read_text(encoding="utf-8"))
    assert differences(*texts) == ""
    assert "image/svg+xml" in texts[0]


# ---- cells that are hard to get right


SHOWN = [
    # displays, their updates, and what is cleared
    """from IPython.display import HTML, JSON, Markdown, clear_output, display, update_display
shown = display(Markdown("one"), display_id="shown")
other = display(Markdown("kept"), display_id=True)""",
    """update_display(Markdown("two"), display_id="shown")
shown.update(Markdown("three"))
other.display("once more")
other.update("both")""",
    'print("gone"); display("gone"); clear_output(); print("stays")',
    'print("gone"); clear_output(wait=True); display("instead"); print("after")',
    'display("stays, as nothing follows"); clear_output(wait=True)',
    # results
    "4",
    "5;",
    "6\n7",
    "None",
    """class Rich:
    def _repr_html_(self):
        return "<b>rich</b>"
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": "rich", "application/json": {"a": (1, 2), 3: None}}, {"text/plain": {"m": 1}}
Rich()""",
    'display(Rich(), JSON({"a": [1]}), HTML("<i>x</i>"), {"b": list(range(40))})',
    'display({"image/png": b"\\x89PNG\\r\\n\\x1a\\n", "text/plain": "an image"}, raw=True)',
    "In[3], Out[4], _, __name__, type(get_ipython()).__name__, get_ipython().execution_count",
    "import __main__, sys\n__main__.__dict__ is globals(), sys.modules['__main__'] is __main__",
    "sorted(name for name in globals() if not name.startswith('_i'))",
    # streams
    """print("a"); print("b", file=sys.stderr); print("c")
display(1)
print("d", file=sys.stderr); print("e"); sys.stdout.flush(); print("f")""",
    'print("no newline", end=""); sys.stdout.write("é ☃ \\U0001f600 \\x1b[31mred\\x1b[0m \\r over")',
    'print("x" * 200_000)',
    """try:
    sys.stdout.write(b"x")
except TypeError as error:
    print(error)""",
    """import threading
thread = threading.Thread(target=print, args=["from a thread"])
thread.start(); thread.join()""",
    """import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as kept:
    print("redirected")
kept.getvalue()""",
    '%%capture captured\nprint("captured"); display("too")',
    "captured.stdout, len(captured.outputs)",
    "sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.writable(), sys.stdin.isatty()",
    "import os, subprocess\nos.environ['TERM'], os.environ['PAGER'], os.environ['MPLBACKEND'], '' in sys.path",
    # what started programs write
    'os.system("echo from a shell")',
    'subprocess.run([sys.executable, "-c", "print(5)"]).returncode, os.write(1, b"raw\\n")',
    "!echo piped",
    "%%bash\necho first",
    # warnings and logs
    'import warnings\nwarnings.warn("careful")\nwarnings.warn("old", DeprecationWarning)',
    'import logging\nlogging.warning("logged")\nlogging.getLogger("x").error("again")',
    # what awaits
    """import asyncio
async def later():
    print("in a task")
    await asyncio.sleep(0.01)
    return 5
task = asyncio.ensure_future(later())
await task""",
    "asyncio.get_running_loop().is_running(), task.done()",
    'import contextvars\nkept = contextvars.ContextVar("kept")\n_ = kept.set(1)',
    "kept.get(None), kept.set(2), await asyncio.sleep(0)",
    "kept.get(None)",
    'get_ipython().run_cell("print(1)\\n2").result',
    "",
    "# a comment",
]

RAISED = [
    """def inverse(x):
    return 1 / x
print("before"); print("too", file=__import__("sys").stderr)
inverse(0)""",
    "try:\n    inverse(0)\nexcept ZeroDivisionError as error:\n    raise ValueError('chained') from error",
    "raise SystemExit",
    "raise SystemExit(3)",
    "x ===",
    "  x = 1\n y",
    'input("name? ")',
    "import getpass; getpass.getpass()",
    "raise KeyboardInterrupt",
    "import polars as pl\npl.DataFrame({'a': [1]}).select('b')",
    "from openmeasures.errors import ParameterError\nraise ParameterError('no such organisation')",
    "class Bad:\n    def __repr__(self):\n        raise ValueError('cannot be shown')\nBad()",
    "await nothing",
    "%nosuch",
    "%%bash\nexit 3",
    "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "print('after all that')",
]


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Run a notebook with the papermill command; return what it left as text, and what it said."""

    def run(made, *options):
        folder = tmp_path_factory.mktemp("command")
        nbformat.write(made, folder / "in.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar", *options],
            cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        text = nbformat.writes(traces.steady(nbformat.read(folder / "out.ipynb", as_version=4)))
        # Two kernels differ in this as well: the process's number, in the name that a cell has as a file, and the ids
        # of the cells that papermill adds where one failed.
        return re.sub(r'ipykernel_\d+|"id": "[0-9a-f]{8}"', "…", text), done

    return run


@posix
@pytest.mark.parametrize(("cells", "metadata"), [(SHOWN, {}), (RAISED, FAILING)], ids=["shown", "raised"])
def test_cells_that_are_hard_to_get_right_come_out_the_same(command, cells, metadata):
    of_kernel, _ = command(notebook(*cells, **metadata))
    of_engine, done = command(notebook(*cells, **metadata), "--engine", ENGINE)
    assert differences(of_kernel, of_engine) == ""
    assert cells is SHOWN or "after all that" in of_engine
    assert done.stdout == ""  # what cells write goes into the notebook and nowhere else


def test_parameters_and_timings_are_papermills(tmp_path, here):
    tagged = new_code_cell("org_code = 'ENG'", metadata={"tags": ["parameters"]})
    cells = [tagged, new_code_cell("org_code")]
    made = here(new_notebook(cells=cells, metadata={"kernelspec": traces.KERNEL}), parameters={"org_code": "RC9"})
    assert [cell.execution_count for cell in made.cells] == [1, 2, 3]
    assert made.cells[1].source == '# Parameters\norg_code = "RC9"\n'
    assert made.cells[2].outputs[0].data == {"text/plain": "'RC9'"}
    assert made.metadata.papermill.parameters == {"org_code": "RC9"}
    assert made.cells[2].metadata.papermill.status == "completed"
    assert set(made.cells[2].metadata.execution) == {
        "iopub.status.busy", "iopub.execute_input", "iopub.status.idle", "shell.execute_reply"
    }  # fmt: skip


# ---- in this process


@pytest.fixture
def here(tmp_path):
    """Run a notebook in this process, under pytest's own treatment of warnings and output."""

    def run(made, **options):
        nbformat.write(made, tmp_path / "in.ipynb")
        return papermill.execute_notebook(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", engine_name=ENGINE, kernel_name=notebooks.KERNEL_NAME,
            progress_bar=False, **options,
        )  # fmt: skip

    return run


def test_a_parameter_that_the_notebook_does_not_have_is_refused(here):
    tagged = new_code_cell("org_code: str = 'ENG'\nperiod_to = data = ''", metadata={"tags": ["parameters"]})
    made = new_notebook(cells=[tagged], metadata={"kernelspec": traces.KERNEL})
    with pytest.raises(ParameterError) as refusal:
        here(made, parameters={"data": "here", "org_cod": "RC9"})
    assert str(refusal.value) == (
        "parameter 'org_cod': the notebook has none of that name; expected one of org_code, period_to, data. "
        "Did you mean 'org_code'? Correct it."
    )


def test_a_notebook_without_a_cell_of_parameters_takes_any(here):
    assert here(notebook("org_code"), parameters={"org_code": "RC9"}).cells[1].outputs[0].data["text/plain"] == "'RC9'"


def outputs(made, number=-1):
    return [
        output.get("text") or output.get("data", {}).get("text/plain") or output.ename
        for output in made.cells[number].outputs
    ]


def test_results_streams_and_displays_keep_their_order(here):
    made = here(
        notebook("import sys\nprint(1)\ndisplay(2)\nprint(3, file=sys.stderr)\nprint(4)\n5", "sys.stdout.writable()")
    )
    assert outputs(made, 0) == ["1\n", "2", "4\n", "3\n", "5"]
    assert outputs(made, 1) == ["True"]


def test_text_written_over_a_while_is_one_output(here):
    made = here(notebook("import time\nprint(1)\ntime.sleep(0.3)\nprint(2)"))
    assert outputs(made) == ["1\n2\n"]


@posix
def test_a_started_program_writes_into_the_notebook(here):
    made = here(notebook("import subprocess, sys\n_ = subprocess.run(['echo', 'hi'], stdout=sys.stdout.fileno())"))
    assert outputs(made) == ["hi\n"]


def test_nbclient_finds_the_kernel_alive():
    """It asks each second that an answer takes; what it asks in vain ends a task, which is logged at any later time."""
    client = NotebookClient(new_notebook())
    client.kc = Kernel()
    asyncio.run(client._async_check_alive())  # raises for a kernel that is dead, or cannot be asked


def test_what_awaits_runs_in_the_loop(here):
    made = here(notebook("import asyncio", "await asyncio.sleep(0, 'slept')"))
    assert outputs(made, 1) == ["'slept'"]


@pytest.mark.parametrize(
    ("code", "ename", "evalue"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", "ZeroDivisionError", "division by zero"),
        ("x ===", "SyntaxError", "invalid syntax"),
        ("if True:\n        1\n    2", "IndentationError", "unindent does not match any outer indentation level"),
        ("class Bad:\n    def __repr__(self): raise ValueError('no')\nBad()", "ValueError", "no"),
        ("input()", "StdinNotImplementedError", "raw_input was called, but this frontend does not support input"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("sys.stdout.write(5)", "TypeError", "write() argument must be str, not <class 'int'>"),
    ],
)  # fmt: skip
def test_an_error_ends_the_notebook_as_papermill_has_it(here, tmp_path, monkeypatch, code, ename, evalue):
    monkeypatch.setattr(
        warnings, "filters", [("ignore", None, Warning, None, 0)]
    )  # IPython's, about leaving it, would be an error here
    with pytest.raises(PapermillExecutionError) as raised:
        here(notebook("import sys", code, "'not run'"))
    error = raised.value
    assert (error.ename, error.exec_count, error.cell_index) == (ename, 2, 1)
    assert error.evalue.startswith(evalue)
    left = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert left.cells[-1].execution_count is None
    assert "Traceback" in "".join(left.cells[-2].outputs[-1].traceback) or ename in {
        "SyntaxError",
        "IndentationError",
        "SystemExit",
    }


def test_leaving_with_nothing_to_say_is_no_error(here, monkeypatch):
    monkeypatch.setattr(warnings, "filters", [("ignore", None, Warning, None, 0)])
    made = here(notebook("raise SystemExit", "'not run'"))
    assert made.cells[1].execution_count is None


def test_nothing_runs_after_exit(here):
    with pytest.raises(DeadKernelError, match="Kernel died"):
        here(notebook("exit()", "'not run'"))


def test_an_output_that_no_notebook_may_hold_is_refused(here):
    code = 'get_ipython().display_pub.publish({"text/html": 5})'
    with pytest.raises(nbformat.ValidationError):
        here(notebook(code))


def test_options_about_a_kernels_process_are_ignored_and_streams_are_copied(here, tmp_path):
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        here(
            notebook("print('to both')"), stdout_file=log, start_timeout=1, execution_timeout=1,
            extra_arguments=notebooks.KERNEL_ARGUMENTS,
        )  # fmt: skip
    assert (tmp_path / "log").read_text(encoding="utf-8") == "to both\n"


def state():
    return {
        "streams": (sys.stdout, sys.stderr, sys.stdin, sys.displayhook, sys.excepthook),
        "main": sys.modules["__main__"],
        "path": list(sys.path),
        "environment": dict(os.environ),
        "builtins": {name: value for name, value in vars(builtins).items() if name != "_"},
        "shell": InteractiveShell.initialized(),
        "folder": Path.cwd(),
        "open": len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0,
    }


def test_what_the_engine_replaces_in_this_process_is_put_back(here):
    here(notebook("1"))  # an event loop stays, which nbclient uses again
    before = state()
    here(notebook("import os\nos.environ['LEFT'] = 'x'\n5", "__name__"))
    assert state() == before


def test_descriptors_go_where_they_went(here, capfd):
    here(notebook("print('into the notebook')"))
    os.write(1, b"to the terminal")
    assert capfd.readouterr().out == "to the terminal"


def test_one_shell_a_process(here, tmp_path):
    code = (
        "import papermill\npapermill.execute_notebook('in.ipynb', None, engine_name='openmeasures', progress_bar=False)"
    )
    with pytest.raises(PapermillExecutionError, match="cannot run within IPython, which has one shell a process"):
        here(notebook(code), cwd=str(tmp_path))
