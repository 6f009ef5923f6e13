"""From pages to a site: Quarto where it is installed, else smalldocs, from the same `_quarto.yml`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from openmeasures.errors import RenderError
from openmeasures.publishing import smalldocs_site
from openmeasures.publishing.replacement import replacing, tidy

# Set while we call a renderer, so that the pre-render step of _quarto.yml does not make the pages a second time.
RENDERING = "OPENMEASURES_RENDERING"
# Files to which Quarto writes the lists of pages that it otherwise puts into variables of the environment, which no
# system takes of some 3,000 pages. https://quarto.org/docs/projects/scripts.html
LISTS = ("QUARTO_USE_FILE_FOR_PROJECT_INPUT_FILES", "QUARTO_USE_FILE_FOR_PROJECT_OUTPUT_FILES")
SITE = "_site"  # in the folder of the pages: the output-dir of _quarto.yml
LAST_LINES = 15  # of a renderer's output, enough to hold its reason
FOLDERS = ("measures", "organisations", "systems", "regions")
NOTEBOOKS = "downloads/*.ipynb"  # in the folder of each measure, organisation, system or region
IGNORED_WARNINGS = ("html-math-method is ignored",)  # for Quarto alone; our pages have no formulae in TeX


def is_rendering() -> bool:
    """Whether this process was started by a renderer that we called."""
    return RENDERING in os.environ


class Rendered(NamedTuple):
    """Which renderer made the site, and what it warned of: a link that leads nowhere, or a key misspelt."""

    renderer: str
    warnings: list[str]


def render(stage: Path, renderer: str = "auto") -> Rendered:
    """Render the pages in `stage` into `stage/_site`.

    `renderer` is `quarto`, `smalldocs`, or `auto`: Quarto if it is on the PATH. By smalldocs, the site that is there
    stays until the new one is whole; Quarto writes into it. Raises `RenderError`, with the last of what the renderer
    said, where it fails.
    """
    site = stage / SITE
    quarto = choose(renderer)
    if quarto:
        tidy(site)
        warnings = _call("Quarto", [quarto, "render", str(stage)], stage)
        _copy_notebooks(stage, site)
        return Rendered("Quarto", warnings)
    with replacing(site) as fresh:
        command = [sys.executable, "-m", smalldocs_site.__name__, str(stage), str(fresh)]
        warnings = _call("smalldocs", command, stage)
        _copy_notebooks(stage, fresh)
    return Rendered("smalldocs", warnings)


def choose(renderer: str) -> str:
    """Return the path of the Quarto to use, or nothing for smalldocs; `RenderError` for a Quarto that is not there."""
    quarto = "" if renderer == "smalldocs" else shutil.which("quarto", path=_path()) or ""
    if renderer == "quarto" and not quarto:
        raise RenderError("quarto: not on the PATH. Install it (quarto.org), or use --renderer smalldocs.")
    return quarto


def _copy_notebooks(stage: Path, site: Path) -> None:
    """Copy the executed notebooks that pages offer: smalldocs takes any notebook for a page, and copies none."""
    for notebook in [path for folder in FOLDERS for path in stage.glob(f"{folder}/*/{NOTEBOOKS}")]:
        target = site / notebook.relative_to(stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, target)


def _path() -> str:
    """Return the PATH with this environment's own scripts first: they need not be activated to be found."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _call(name: str, command: list[str], stage: Path) -> list[str]:
    environment = {**os.environ, RENDERING: "1", "PATH": _path(), "PYTHONUTF8": "1"}
    with TemporaryDirectory() as folder:
        environment |= {variable: str(Path(folder) / variable.lower()) for variable in LISTS}
        done = subprocess.run(
            command, cwd=stage, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode:
        last = "\n  ".join(said[-LAST_LINES:])
        raise RenderError(f"{name} could not render {stage}:\n  {last}")
    return [line for line in said if "warn" in line.casefold() and not any(w in line for w in IGNORED_WARNINGS)]
