"""What is to be run: which notebook, for which organisations, up to which month.

Everything that can be wrong with a run is found here, before the first kernel starts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import polars as pl
from papermill import inspect_notebook

from openmeasures import corrections, counts, parameters, project
from openmeasures.definitions import Measure
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.organisations import ENGLAND
from openmeasures.store import Store

NOTEBOOK = "notebook.ipynb"


@dataclass(frozen=True)
class Task:
    """One notebook for one organisation; `data` is the data folder, `digest` is that of `run_digest`."""

    measure_id: str
    notebook: Path
    org_code: str
    period_to: str
    data: Path
    digest: str

    @property
    def parameters(self) -> dict[str, str]:
        """What papermill sets. The data folder goes by the environment, so that no page names a machine's path."""
        return {"org_code": self.org_code, "period_to": self.period_to}


def plan(
    measures: Sequence[Measure], *, data: Path, org_codes: list[str] | None = None, period_to: str = ""
) -> tuple[dict[str, list[Task]], list[str]]:
    """Return the runs of each measure that has any, and what is left out, in words.

    England comes first, then each organisation that ever had activity to measure; `org_codes` limits them.
    Publications differ in organisations and in months, so that one which is in some is left out of others.

    Raises `ParameterError` for an organisation or a month that is in none of them, or an organisation that has no
    figure in any; `StoreError` for an empty store, `DefinitionError` for a notebook whose parameters are not ours.
    """
    planned: dict[str, list[Task]] = {}
    left_out: dict[str, dict[str, ParameterError]] = {}
    for measure in measures:
        try:
            tasks, refused = _planned(measure, data=data, org_codes=org_codes, period_to=period_to)
        except ParameterError as error:
            tasks, refused = [], {"": error}
        if tasks:
            planned[measure.id] = tasks
        if refused:
            left_out[measure.id] = refused
    found = {task.org_code for tasks in planned.values() for task in tasks}
    for refused in left_out.values():
        for org_code, refusal in refused.items():
            if not planned or (org_code and org_code not in found):
                raise refusal
    return planned, [f"{id_}: {error}" for id_, refused in left_out.items() for error in refused.values()]


def _planned(
    measure: Measure, *, data: Path, org_codes: list[str] | None, period_to: str
) -> tuple[list[Task], dict[str, ParameterError]]:
    """Return the runs of one measure, and for each organisation that has none why not."""
    notebook = measure.folder / NOTEBOOK
    check_notebook(notebook)
    run = parameters.check(measure, org_code=ENGLAND, period_to=period_to, data=str(data))
    with_figures = _with_figures(run)
    named = list(dict.fromkeys(org_codes or with_figures))
    refused = {}
    for org_code in set(named) - set(with_figures):
        try:
            parameters.check(measure, org_code=org_code, period_to=period_to, data=str(data))
            refused[org_code] = ParameterError(
                f"organisation {org_code!r} ({run.name_of(org_code)}): no {measure.short_title} figure in any month "
                "up to the one asked for, so there is nothing to show. Name another."
            )
        except ParameterError as error:
            refused[org_code] = error
    month = f"{run.period_to:%Y-%m}"
    digest = run_digest(run.store, measure, month)
    tasks = [Task(measure.id, notebook, code, month, data, digest) for code in named if code not in refused]
    return tasks, {code: refused[code] for code in named if code in refused}


def run_digest(store: Store, measure: Measure, period_to: str) -> str:
    """Return a hash of all that runs depend on: releases, the measure's folder, `reference/`, this package, the month.

    Results with another digest were made from other data, by another method or up to another month; they do not
    belong on one site with these. Raises `ParameterError` for an unknown month, `StoreError` for an empty store.
    """
    run = parameters.check(measure, org_code=ENGLAND, period_to=period_to, data=str(store.folder))
    package = Path(__file__).resolve().parents[1]
    files = [(path, measure.folder) for path in sorted(measure.folder.rglob("*")) if _is_ours(path, measure.folder)]
    files += [(path, package) for path in sorted(package.rglob("*")) if path.suffix == ".py"]
    whole = hashlib.sha256(f"{run.period_to:%Y-%m}".encode())
    for release in store.releases(measure.source):
        whole.update(release.sha256.encode())
    reference = project.root() / "reference"
    files += [(path, reference) for path in sorted(reference.rglob("*")) if _is_ours(path, reference)]
    for path, folder in files:
        whole.update(path.relative_to(folder).as_posix().encode())  # a renamed corrections.yml corrects nothing
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _is_ours(path: Path, folder: Path) -> bool:
    """Whether a file belongs to a measure, and not to an editor's hidden folder."""
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _with_figures(run: parameters.Parameters) -> list[str]:
    observations = corrections.apply(run.observations(), run.measure.folder).observations
    counted = counts.count(observations, numerator=run.measure.numerator, denominator=run.measure.denominator)
    return [ENGLAND, *counted.filter(pl.col("denominator") > 0)["org_code"].unique().sort()]


def check_notebook(notebook: Path) -> None:
    """Refuse a notebook that papermill would run with its own defaults, or not at all."""
    if not notebook.is_file():
        raise DefinitionError(f"{notebook}: no such file (every folder in analyses/ holds one).")
    try:
        nbformat.read(notebook, as_version=4)
    except Exception as error:  # nbformat raises its own, jsonschema's and json's errors alike
        raise DefinitionError(f"{notebook}: not a Jupyter notebook ({str(error).splitlines()[0]}).") from error
    found = set(inspect_notebook(str(notebook)))
    if found != set(parameters.NAMES):
        raise DefinitionError(
            f"{notebook}: the cell tagged `parameters` sets {sorted(found) or 'nothing'}, "
            f"expected exactly {sorted(parameters.NAMES)}."
        )
