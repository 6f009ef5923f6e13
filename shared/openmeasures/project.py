"""Where the project's own folders are, whichever folder a command or a notebook starts in.

The package is useful only beside `analyses/` and `reference/`; both are found from here and nowhere else.
"""

import os
from pathlib import Path

from openmeasures.errors import ParameterError

MARKERS = ("_quarto.yml", "analyses")  # the two things that every fork keeps at its top level


def root(start: Path | None = None) -> Path:
    """Return the project's top folder: the nearest one, upwards from `start`, that holds every marker.

    `start` is the working directory by default. From elsewhere, an editable install leads back to its checkout.
    Raises `ParameterError` where neither leads to a project.
    """
    start = (start or Path.cwd()).resolve()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, checkout):
        if all((folder / marker).exists() for marker in MARKERS):
            return folder
    raise ParameterError(
        f"{start}: no Open Measures project here or above (expected a folder with {' and '.join(MARKERS)}). "
        "Change to your clone of the repository."
    )


def data_folder(given: Path | str | None = None) -> Path:
    """Return the data folder: the one given, else `OPENMEASURES_DATA`, else `data/` at the project's top."""
    chosen = given or os.environ.get("OPENMEASURES_DATA")
    return Path(chosen).resolve() if chosen else root() / "data"
