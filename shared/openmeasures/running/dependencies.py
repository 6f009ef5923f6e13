"""What the runs of a measure depend on, part by part, and which parts changed since another run.

| function | gives |
|---|---|
| `parts` | a hash of each thing that a run's outcome can depend on |
| `digest` | one hash of them all; a run with the same one need not be run again |
| `keep`, `recall` | the parts of a digest, beside the manifest |
| `changed` | what differs between two of them, in words |
| `packages` | those of the parts that are installed packages |

A part is a cell of the notebook's source, a file of the measure's folder, a release, a module of this package that the
notebook imports or a file beside it, a file of `reference/`, or a package of the environment. What a run cannot read is
not among them: the notebook's own outputs, the worked example, releases of later months, the modules of other measures.
"""

import hashlib
import json
import sys
from functools import cache
from importlib.metadata import requires, version
from pathlib import Path

from openmeasures import cells, folders, imports, project
from openmeasures.errors import StoreError
from openmeasures.parameters import Parameters
from openmeasures.releases import Release
from openmeasures.store import write_whole

NOTEBOOK = "notebook.ipynb"
FOLDER = "dependencies"
# Of a measure's folder: what is for people, and the notebook, whose outputs are no part of its source.
NOT_READ = ("example", NOTEBOOK, "README.md")
# Of `reference/`: where releases were downloaded from is in their own records, and the sample's tables are read with
# the sample's figures alone.
NOT_OF_RUNS, SAMPLE = "releases.csv", "sample"
# How cells are run and outputs are kept, whatever the notebook imports.
RUNNERS = ("openmeasures.running.engine", "openmeasures.running.notebooks")
MOST_NAMED = 3  # of the parts that changed, in one line
LOCK = "requirements.lock"

Parts = dict[str, str]


def parts(run: Parameters) -> Parts:
    """Return a hash of each part that the runs of a measure depend on, up to the run's last month.

    They are the same for every organisation, since each is shown among its peers.
    """
    measure, root = run.measure, project.root()
    found = {"month": f"{run.period_to:%Y-%m}", "names": _sha256(run.organisations.write_csv().encode())}
    if run.store.as_of:
        found["as of"] = run.store.as_of.isoformat()
    found |= {f"cell {name}": value for name, value in _cells(measure.folder / NOTEBOOK).items()}
    found |= {f"{measure.id}/{name}": value for name, value in _files(measure.folder, NOT_READ).items()}
    not_read = (NOT_OF_RUNS,) if run.synthetic else (NOT_OF_RUNS, SAMPLE)
    found |= {f"reference/{name}": value for name, value in _files(root / "reference", not_read).items()}
    modules = imports.modules(measure.folder / NOTEBOOK, also=RUNNERS)
    found |= {name: _sha256(path.read_bytes()) for name, path in (modules | imports.data(modules)).items()}
    return found | _releases(run) | _environment(root)


def digest(found: Parts) -> str:
    """Return one hash of all parts, whatever their order."""
    return _sha256(json.dumps(found, sort_keys=True).encode())


def keep(build: Path, found: Parts) -> None:
    """Write the parts of a digest down, so that a later run can say what changed."""
    path = _path(build, digest(found))
    if not path.is_file():
        write_whole(path, json.dumps(found, indent=1, sort_keys=True).encode())


@cache  # a file is named after what is in it
def recall(build: Path, digest_: str) -> Parts | None:
    """Return the parts of a digest; None where nothing is known of it.

    Raises `StoreError` for a file that is not as `keep` wrote it.
    """
    path = _path(build, digest_)
    if not path.is_file():
        return None
    try:
        found: Parts = json.loads(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path}: not the parts of a run ({error}). Delete it.") from error
    if not isinstance(found, dict) or digest(found) != digest_:
        raise StoreError(f"{path}: its content is not that of its name. Delete it.")
    return found


def changed(before: Parts, now: Parts) -> str:
    """Say which parts are others, new or gone, the first few by name.

    >>> changed({"month": "1", "cell a": "1", "polars": "2.1"}, {"month": "1", "cell a": "2", "cell b": "1"})
    'cell a changed, cell b is new, polars is gone'
    """
    named = [
        f"{name} is gone" if name not in now else f"{name} is new" if name not in before else f"{name} changed"
        for name in sorted(before | now)
        if before.get(name) != now.get(name)
    ]
    rest = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _releases(run: Parameters) -> Parts:
    """Return each release whose figures the notebook reads: of every period the newest, and the first if another.

    A record alone would not tell of figures that somebody changed in the store, or that came from elsewhere.
    """
    found = {}
    figures = run.store.fingerprints(run.measure.source, run.release_of)
    for period, release in run.release_of.items():
        first = run.first_release_of[period]
        found[f"release of {period:%Y-%m}"] = _release(release, figures.get((period, release.sha256), ""))
        if first != release:
            found[f"first release of {period:%Y-%m}"] = _release(first, figures.get((period, first.sha256), ""))
    return found


def _release(release: Release, figures: str) -> str:
    # With its status, which the notebook shows, but not the day on which it was read into this store.
    return _sha256(f"{release.model_dump_json(exclude={'retrieved'})} {figures}".encode())


def _path(build: Path, digest_: str) -> Path:
    return build / FOLDER / f"{digest_}.json"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _cells(notebook: Path) -> Parts:
    """Return each cell of a notebook by its id: its source and tags, and its place, but not its outputs."""
    return {
        cell.id: _sha256(json.dumps([place, cell.kind, cell.tags, cell.source]).encode())
        for place, cell in enumerate(cells.read(notebook))
    }


def _files(folder: Path, left_out: tuple[str, ...]) -> Parts:
    """Return each file below a folder by its path; what stands in the folder itself may be left out by its name."""
    found = folders.files(folder).items()
    return {name: _sha256(path.read_bytes()) for name, path in found if name.split("/")[0] not in left_out}


@cache
def _environment(root: Path) -> Parts:
    """Return the lock file, Python and the packages; read once, since no build goes on while they change."""
    lock = root / LOCK
    return {
        LOCK: _sha256(lock.read_bytes()) if lock.is_file() else "none",
        "python": ".".join(map(str, sys.version_info[:3])),
        **packages(),
    }


def packages() -> Parts:
    """Return the installed version of each package that this one asks for, extras left out."""
    asked = [each.split(";")[0] for each in requires(imports.PACKAGE) or [] if "extra ==" not in each]
    return {name: version(name) for name in sorted({_name_of(each) for each in asked})}


def _name_of(requirement: str) -> str:
    """Return the package's name of a requirement such as `polars>=2.1`."""
    end = next((place for place, sign in enumerate(requirement) if sign in " <>=!~[;"), len(requirement))
    return requirement[:end]
