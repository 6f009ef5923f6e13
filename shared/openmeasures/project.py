"""Where the project's own folders are, whichever folder a command or a notebook starts in.

The package is useful only beside `analyses/` and `reference/`; both are found from here and nowhere else.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from openmeasures.errors import ParameterError

DATA = "OPENMEASURES_DATA"  # in the environment, which forks, kernels and the notebooks in them inherit
AS_OF = "OPENMEASURES_AS_OF"  # likewise
PUBLIC_AT = "OPENMEASURES_PUBLIC_AT"  # likewise
EVERYTHING = datetime.max.replace(tzinfo=UTC)  # a moment at which every release is out
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
    chosen = given or os.environ.get(DATA)
    return Path(chosen).resolve() if chosen else root() / "data"


def as_of() -> date | None:
    """Return the day whose knowledge is asked for, `OPENMEASURES_AS_OF`; None for all that is known now.

    Raises `ParameterError` for what is no date such as 2025-12-31.
    """
    text = os.environ.get(AS_OF, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"as of {text!r}: not a date. Write it as 2025-12-31.") from None


@contextmanager
def known_on(day: str) -> Iterator[None]:
    """Ask for the figures as they were known on a day; without one, what the environment asks for stays."""
    before = os.environ.get(AS_OF)
    if day:
        os.environ[AS_OF] = day
    try:
        yield
    finally:
        if day:
            os.environ.pop(AS_OF)
        if day and before is not None:
            os.environ[AS_OF] = before


def public_at() -> datetime:
    """Return the moment at which a release has to be out to be used, `OPENMEASURES_PUBLIC_AT`; now, by default.

    Raises `ParameterError` for what is no moment with its zone, such as 2026-12-10T09:30+00:00.
    """
    text = os.environ.get(PUBLIC_AT, "")
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ParameterError(
            f"{PUBLIC_AT} {text!r}: not a moment. Write it as 2026-12-10T09:30+00:00, or leave it out."
        )
    return moment


@contextmanager
def one_moment(*, preview: bool = False) -> Iterator[None]:
    """Hold back, in all that is started meanwhile, what is not out at this moment; in a `preview`, nothing.

    A release that comes out while a build runs would else be in some of its runs and not in others. A moment that the
    environment has already stays, unless for a preview.
    """
    before = os.environ.get(PUBLIC_AT)
    os.environ[PUBLIC_AT] = (EVERYTHING if preview else public_at()).isoformat()
    try:
        yield
    finally:
        os.environ.pop(PUBLIC_AT)
        if before is not None:
            os.environ[PUBLIC_AT] = before
