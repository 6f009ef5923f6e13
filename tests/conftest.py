"""What several tests share: A&E files in the publication's layout, a measure, a store, a project, published data."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import filelock
import hypothesis
import nbformat
import pytest

from openmeasures import definitions, ingest
from openmeasures.running import traces
from openmeasures.sources import SourceFile
from openmeasures.store import Store

hypothesis.settings.register_profile("project", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("project")

PROJECT = Path(__file__).resolve().parents[1]
# The measure, the organisations and the one of them that fails in the site that tests look at.
SITE_MEASURE = "ae_four_hour"
SITE_ORGANISATIONS = ("ENG", "Z-04", "Z-15", "Z-17", "Z-21", "Z-10")
SITE_FAILING = "Z-10"
PUBLISHED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "published"

# Typed from the publication, not taken from the reader: a test that used the reader's own list could not fail.
HEADINGS = (
    "Period",
    "Org Code",
    "Parent Org",
    "Org name",
    "A&E attendances Type 1",
    "A&E attendances Type 2",
    "A&E attendances Other A&E Department",
    "A&E attendances Booked Appointments Type 1",
    "A&E attendances Booked Appointments Type 2",
    "A&E attendances Booked Appointments Other Department",
    "Attendances over 4hrs Type 1",
    "Attendances over 4hrs Type 2",
    "Attendances over 4hrs Other Department",
    "Attendances over 4hrs Booked Appointments Type 1",
    "Attendances over 4hrs Booked Appointments Type 2",
    "Attendances over 4hrs Booked Appointments Other Department",
    "Patients who have waited 4-12 hs from DTA to admission",
    "Patients who have waited 12+ hrs from DTA to admission",
    "Emergency admissions via A&E - Type 1",
    "Emergency admissions via A&E - Type 2",
    "Emergency admissions via A&E - Other A&E department",
    "Other emergency admissions",
)
FIGURES = len(HEADINGS) - 4
OVER_FOUR_HOURS = HEADINGS.index("Attendances over 4hrs Type 1") - 4

MEASURE = """\
title: A&E within four hours
short_title: Four hours
question: What share left within four hours?
why_it_matters: Long waits do harm.
domain: Urgent and emergency care
source: ae_monthly
kind: proportion
numerator:
  text: Type 1 attendances of four hours or less
  label: within four hours
  add: [attendances_type_1]
  subtract: [over_four_hours_type_1]
denominator:
  text: All type 1 attendances
  label: attendances
  add: [attendances_type_1]
unit: percent
improvement: increase
peers:
  metric: attendances_type_1
  having: organisations with a type 1 department
  lacking: organisations without one
levels: [provider, england]
references:
  - title: A&E statistics
    url: https://www.england.nhs.uk/statistics/
    verified: true
author: A. Uthor
checked_by: C. Hecker
reviewed: 2024-04-01
next_review: 2025-04-01
status: draft
"""


def pytest_configure(config: pytest.Config) -> None:
    """Give committed notebooks the sample, whatever `data/` holds: nbval runs them with their default parameters."""
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist inherits what its controller set
        return
    folder = tempfile.mkdtemp(prefix="openmeasures-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    ingest.ingest_sample(Store(Path(folder)))
    os.environ["OPENMEASURES_DATA"] = folder


def _ae_csv(*rows: tuple, month: str = "MARCH-2024", total: tuple[str, ...] = ("TOTAL",) * 4) -> str:
    """Write a month as published; a row is code, type 1 attendances, those over four hours, and the rest is 0.

    The total row adds up what is a number; `total=()` leaves it out.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(HEADINGS)
    sums = [0] * FIGURES
    for code, attendances, over in rows:
        figures = [0] * FIGURES
        figures[0], figures[OVER_FOUR_HOURS] = attendances, over
        lines.writerow([f"MSitAE-{month}", code, "NHS ENGLAND LONDON ", f"{code} HOSPITALS, NHS TRUST", *figures])
        sums = [
            before + (figure if isinstance(figure, int) else 0) for before, figure in zip(sums, figures, strict=True)
        ]
    if total:
        lines.writerow([*total, *sums])
    return text.getvalue()


@pytest.fixture(scope="session")
def ae_csv() -> Callable[..., str]:
    return _ae_csv


@pytest.fixture(scope="session")
def ae_file() -> Callable[..., SourceFile]:
    """Make a `SourceFile`, from a text as it stands or from rows for the writer above."""

    def file(*rows: tuple | str | bytes, name: str = "March-2024.csv", **layout) -> SourceFile:
        whole = rows[0] if isinstance(rows[0], str | bytes) else _ae_csv(*rows, **layout)
        return SourceFile(f"folder/{name}", name, whole if isinstance(whole, bytes) else whole.encode())

    return file


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def keep(store: Store, tmp_path: Path) -> Callable[..., ingest.Outcome]:
    """Ingest one month's rows as a file of the given name, one text changed for another; return the outcome."""

    def one(
        *rows: tuple,
        name: str = "March-2024.csv",
        retrieved: date = date(2024, 4, 11),
        change: tuple[str, str] = ("\r\n", "\r\n"),
        origin: ingest.Origin | None = None,
        **layout,
    ) -> ingest.Outcome:
        path = tmp_path / "incoming" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_ae_csv(*rows, **layout).replace(*change).encode())
        [outcome] = ingest.ingest([path], store, retrieved=retrieved, origin=origin)
        return outcome

    return one


@pytest.fixture(scope="session")
def measure_yml() -> str:
    return MEASURE


@pytest.fixture
def measure(tmp_path: Path) -> definitions.Measure:
    folder = tmp_path / "four_hours"
    folder.mkdir()
    (folder / "measure.yml").write_text(MEASURE, encoding="utf-8")
    return definitions.load(folder)


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published files, which the project does not hold; without it the test is skipped."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published files are not in {PUBLISHED} (they are not part of the project)")
    return PUBLISHED.resolve()


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The data folder that holds the whole synthetic sample; only to be read."""
    return Path(os.environ["OPENMEASURES_DATA"])


@pytest.fixture(scope="session")
def built(tmp_path_factory, sample_folder, request) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Build the sample's site of a few organisations; return the project's folder, and what the command said.

    It is a copy of the project whose notebook fails for one organisation, built by the command in a process of its own:
    once for all workers of pytest-xdist, of which those that come later wait for the first.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if hasattr(request.config, "workerinput") else own) / "built"
    said = folder / "said.json"
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not said.is_file():
            done = _build_site(folder / "project", sample_folder)
            said.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]), encoding="utf-8")
    return folder / "project", subprocess.CompletedProcess(*json.loads(said.read_text(encoding="utf-8")))


def _build_site(project: Path, data: Path) -> subprocess.CompletedProcess[str]:
    for name in ("analyses", "reference", "site"):
        shutil.copytree(PROJECT / name, project / name)
    for name in ("_quarto.yml", "CONTRIBUTING.md"):
        shutil.copyfile(PROJECT / name, project / name)
    path = project / "analyses" / SITE_MEASURE / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "definition")
    cell.source = f'if org_code == "{SITE_FAILING}":\n    open(__import__("os").getcwd() + "/<nowhere>")\n{cell.source}'
    nbformat.write(notebook, path)
    named = [f"--org={code}" for code in SITE_ORGANISATIONS]
    command = shutil.which("openmeasures", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        [str(command), "site", "--renderer=smalldocs", *named], cwd=project, capture_output=True, encoding="utf-8",
        check=False, env={**os.environ, "OPENMEASURES_DATA": str(data), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert (project / "_site" / "index.html").is_file(), done.stderr
    return done


@pytest.fixture(scope="session")
def lines_on_screen() -> Callable[[str], list[str]]:
    """Work out what a terminal shows of what was written to it; of its sequences, those that a live line uses."""

    def lines_of(written: str) -> list[str]:
        lines, at = [""], 0
        for kind, text in re.findall(r"\x1b\[([\d;]*[A-Za-z]|\?25[hl])|([^\x1b\r\n]+|[\r\n])", written):
            if kind == "1A":
                at -= 1
            elif kind == "2K":
                lines[at] = ""
            elif text == "\n":
                at += 1
                lines += [""] if at == len(lines) else []
            elif text != "\r":
                lines[at] += text
        return [line for line in lines if line]

    return lines_of


# The last cell of a notebook that imports nothing of ours, so that a test can afford to run it in a kernel: a month's
# result as `results.Result` shows it, taken from the published files themselves.
READING = """\
import csv, os
from pathlib import Path
month = {"01": "JANUARY", "02": "FEBRUARY", "03": "MARCH", "04": "APRIL"}[period_to[-2:]]
files = sorted(Path(os.environ["OPENMEASURES_DATA"]).glob("releases/ae_monthly/*.csv"))
tables = [list(csv.DictReader(file.open(encoding="utf-8-sig"))) for file in files]
[*_, table] = [rows for rows in tables if rows[0]["Period"] == f"MSitAE-{month}-{period_to[:4]}"]
[row] = [row for row in table if row["Org Code"] == ("TOTAL" if org_code == "ENG" else org_code)]
whole = float(row["A&E attendances Type 1"])
part = whole - float(row["Attendances over 4hrs Type 1"])
"""
# The rest of it, for a cell that has the figures from elsewhere.
SHOWING = """\
from IPython.display import display
point = dict.fromkeys(
    ["value_lower", "value_upper", "mean", "lower_process_limit", "upper_process_limit", "special_cause", "variation",
     "standard", "standard_name", "lasting_standard", "assurance", "release"]
)
point |= {"series": "all", "org_code": org_code, "period_start": f"{period_to}-01", "numerator": part,
          "denominator": whole, "value": 100 * part / whole, "segment": 0, "status": "reported"}
content = {"measure": "four_hours", "org_code": org_code, "org_name": f"Hospitals of {org_code}",
           "region_name": "London", "period_to": f"{period_to}-01", "synthetic": False, "releases": [],
           "suits_limits": True, "as_of": "",
           "quality": {"periods_expected": 1, "periods_submitted": 1, "periods_without_file": 0,
                       "months_to_publication": None, "totals_compared": 2, "totals_unequal": 0, "zeros_doubted": 0,
                       "share_of_england": 1.0, "periods_revised": 0, "usual_revision": None},
           "findings": {"variation": "60.0 % in the latest month.", "peers": "Like its peers."}, "standards": [],
           "points": [point]}
display({"application/vnd.openmeasures.result+json": content, "text/markdown": "The result."}, raw=True)
"""
RESULT_CELL = READING + SHOWING


@pytest.fixture(scope="session")
def showing() -> str:
    """Give the code that shows a month's result, from `part`, `whole`, `org_code` and `period_to`."""
    return SHOWING


@pytest.fixture(scope="session")
def notebook_of() -> Callable[..., nbformat.NotebookNode]:
    """Make a notebook of code cells, each under its own heading, after the cell of the parameters."""

    def notebook(*cells: str, parameters: str = 'org_code = "ENG"\nperiod_to = ""\ndata = ""') -> nbformat.NotebookNode:
        made = [nbformat.v4.new_markdown_cell("# Four hours\n\nA title.", id="title")]
        for number, code in enumerate([parameters, *cells]):
            tags = {} if number else {"tags": ["parameters"]}
            made.append(nbformat.v4.new_markdown_cell(f"## Step {number}\n\nWhy {number}.", id=f"why-{number}"))
            made.append(nbformat.v4.new_code_cell(code, metadata=tags, id=f"step-{number}"))
        return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": traces.KERNEL})

    return notebook


@pytest.fixture
def small_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notebook_of: Callable) -> Path:
    """A project of its own as the working directory: pages, reference data and one measure, `four_hours`.

    Its notebook takes a second and fails for RJ1. The data folder is the one of `store`, which `keep` fills.
    """
    folder = tmp_path / "project"
    measure = folder / "analyses" / "four_hours"
    measure.mkdir(parents=True)
    (measure / "measure.yml").write_text(MEASURE, encoding="utf-8")
    nbformat.write(notebook_of('if org_code == "RJ1":\n    1 / 0', RESULT_CELL), measure / "notebook.ipynb")
    for name in ("_quarto.yml", "CONTRIBUTING.md"):
        shutil.copyfile(PROJECT / name, folder / name)
    for name in ("site", "reference"):
        shutil.copytree(PROJECT / name, folder / name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPENMEASURES_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("OPENMEASURES_RENDERING", raising=False)
    return folder
