"""One notebook for two organisations: the first run leaves something in every place that it can, the second looks."""

import nbformat
import pytest

from openmeasures.running import forks, notebooks
from openmeasures.running.execute import execute, notebook_path
from openmeasures.running.plan import Task

# For each place, how something is left there, and whether anything was.
PLACES = {
    "its own names": ("left = 1", "'left' in globals()"),
    "a module": ("pl.left = 1", "hasattr(pl, 'left')"),
    "a module of this project": ("counts.count = None", "counts.count is None"),
    "a class": ("pl.DataFrame.height = 5", "pl.DataFrame.height == 5"),
    "the modules": ("sys.modules['left'] = pl", "'left' in sys.modules"),
    "a new builtin": ("builtins.left_too = 1", "hasattr(builtins, 'left_too')"),
    "an old builtin": ("builtins.sum = max", "sum([1, 2]) == 2"),
    "Polars' settings": ("pl.Config.set_tbl_rows(3)", "pl.Config.state().get('POLARS_FMT_MAX_ROWS') == '3'"),
    "the environment": ("os.environ['LEFT'] = '1'", "'LEFT' in os.environ"),
    "the time zone": ("os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "time.tzname == ('JST', 'JST')"),
    "the working directory": ("os.chdir('/')", "os.getcwd() == '/'"),
    "the mask of new files": ("os.umask(0o027)", "os.umask(0o022) == 0o027"),
    "Python's random numbers": ("random.seed(7)", "random.random() == random.Random(7).random()"),
    "NumPy's random numbers": ("np.random.seed(7)", "np.random.random() == np.random.RandomState(7).random()"),
    "NumPy's settings": ("np.set_printoptions(threshold=5)", "np.get_printoptions()['threshold'] == 5"),
    "open files": ("opened = open('left.txt', 'w')", "any('left.txt' in str(file.resolve()) for file in files())"),
    "Altair's theme": ("alt.theme.enable('dark')", "alt.theme.active == 'dark'"),
    "Altair's renderer": ("alt.renderers.enable('json')", "alt.renderers.active == 'json'"),
    "the filters of warnings": ("warnings.simplefilter('error')", "warnings.filters[0][0] == 'error'"),
    "the import path": ("sys.path.insert(0, '/left')", "'/left' in sys.path"),
    "the locale": ("locale.setlocale(locale.LC_TIME, 'C.UTF-8')", "locale.setlocale(locale.LC_TIME) == 'C.UTF-8'"),
    "signals": ("signal.signal(signal.SIGUSR1, print)", "signal.getsignal(signal.SIGUSR1) is print"),
    "an alarm": ("signal.alarm(600)", "signal.alarm(0) > 0"),
    "the depth of recursion": ("sys.setrecursionlimit(5000)", "sys.getrecursionlimit() == 5000"),
    "a hook": ("sys.unraisablehook = print", "sys.unraisablehook is print"),
    "standard output": ("sys.stdout = sys.stderr", "sys.stdout is sys.stderr"),
    "logging": ("logging.getLogger().setLevel(1)", "logging.getLogger().level == 1"),
    "a thread": ("threading.Thread(target=time.sleep, args=[600], name='left').start()", "'left' in threads()"),
    "the shell": ("get_ipython().left = 1", "hasattr(get_ipython(), 'left')"),
    "the shell's display": ("get_ipython().run_line_magic('precision', '1')", "shown(1.26) == '1.3'"),
    "decimal numbers": ("decimal.getcontext().prec = 3", "decimal.getcontext().prec == 3"),
    "garbage collection": ("gc.disable()", "not gc.isenabled()"),
    "a limit": ("resource.setrlimit(FILES, (77, 77))", "resource.getrlimit(FILES) == (77, 77)"),
}  # fmt: skip

IMPORTS = """\
import builtins, decimal, gc, locale, logging, os, random, resource, signal, sys, threading, time, warnings
from pathlib import Path
import altair as alt, numpy as np, polars as pl
from openmeasures import counts
from IPython.display import display
here, FILES = os.getcwd(), resource.RLIMIT_NOFILE
def files(): return Path("/proc/self/fd").iterdir()
def threads(): return [thread.name for thread in threading.enumerate()]
def shown(number): return get_ipython().display_formatter.format(number)[0]["text/plain"]
"""
LOOK = "found = {place: bool(eval(look)) for place, (_, look) in PLACES.items()}"
LEAVE = 'if org_code in ("ENG", "RC9"):\n    for leave, _ in PLACES.values():\n        exec(leave)'
LEFT = "left_now = {place: bool(eval(look)) for place, (_, look) in PLACES.items()}"
RESULT = """\
content = {"found": found, "left": left_now, "process": os.getpid(), "folder": here}
display({"application/vnd.openmeasures.result+json": content, "text/markdown": "Done."}, raw=True)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory, notebook_of):
    """The results of three runs, one after the other, all from one fork server."""
    if not forks.available():
        pytest.skip("runs are forked on Linux only")
    folder = tmp_path_factory.mktemp("isolation")
    notebook = folder / "notebook.ipynb"
    nbformat.write(notebook_of(IMPORTS, f"PLACES = {PLACES!r}", LOOK, LEAVE, LEFT, RESULT), notebook)
    tasks = [Task("places", notebook, code, "2024-03", folder, "") for code in ("ENG", "RC9", "RJ1")]
    entries = list(execute(tasks, folder / "build", workers=1))
    assert [(entry.org_code, entry.error) for entry in entries] == [("ENG", ""), ("RC9", ""), ("RJ1", "")]
    return [notebooks.result(notebook_path(folder / "build", "places", task.org_code)) for task in tasks]


def test_the_first_run_did_leave_something_everywhere(results):
    assert [place for place, left in results[0]["left"].items() if not left] == []


@pytest.mark.parametrize("place", PLACES)
def test_a_later_run_finds_nothing_in(results, place):
    assert [result["found"][place] for result in results] == [False, False, False]


def test_each_run_has_a_process_of_its_own_in_its_notebooks_folder(results):
    assert len({result["process"] for result in results}) == 3
    assert len({result["folder"] for result in results}) == 1
