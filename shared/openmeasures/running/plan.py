"""What is to be run: which notebook, for which organisations, up to which month.

Everything that can be wrong with a run is found here, before the first kernel starts.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import nbformat
import polars as pl
from papermill import inspect_notebook

from openmeasures import corrections, counts, imports, parameters, project, register
from openmeasures.definitions import Measure
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.organisations import ENGLAND
from openmeasures.running import dependencies
from openmeasures.running.dependencies import NOTEBOOK, Parts
from openmeasures.store import Store

LEVELS = (register.Level.SYSTEM, register.Level.REGION)


@dataclass(frozen=True)
class Task:
    """One notebook for one organisation; `data` is the data folder, `digest` is that of `dependencies`.

    The run uses what was out at the `moment`, now by default, and what was known on the day `as_of`, everything by
    default, whichever process or machine it is in.
    """

    measure_id: str
    notebook: Path
    org_code: str
    period_to: str
    data: Path
    digest: str
    moment: datetime | None = None
    as_of: date | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """What papermill sets. The data folder goes by the environment, so that no page names a machine's path."""
        return {"org_code": self.org_code, "period_to": self.period_to}

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the environment from which the run's notebook has the rest; empty ones ask for nothing."""
        return {
            project.DATA: str(self.data),
            project.PUBLIC_AT: self.moment.isoformat() if self.moment else "",
            project.AS_OF: self.as_of.isoformat() if self.as_of else "",
        }


@dataclass(frozen=True)
class Planned:
    """The runs of one measure, and the parts that they all depend on."""

    tasks: list[Task]
    parts: Parts


def plan(
    measures: Sequence[Measure],
    *,
    data: Path,
    org_codes: list[str] | None = None,
    period_to: str = "",
    areas: bool = False,
) -> tuple[dict[str, Planned], list[str]]:
    """Return the runs of each measure that has any, and what is left out, in words.

    England comes first, then each organisation that ever had activity to measure; `org_codes` limits them. Systems and
    regions follow where the measure's `levels` name them; with `areas`, wherever they add up.
    Publications differ in organisations and in months, so that one which is in some is left out of others.

    Raises `ParameterError` for an organisation or a month that is in none of them, or an organisation that has no
    figure in any; `StoreError` for an empty store, `DefinitionError` for a notebook whose parameters are not ours.
    """
    planned: dict[str, Planned] = {}
    left_out: dict[str, dict[str, ParameterError]] = {}
    for measure in measures:
        try:
            found, refused = _planned(measure, data=data, org_codes=org_codes, period_to=period_to, areas=areas)
        except ParameterError as error:
            found, refused = Planned([], {}), {"": error}
        if found.tasks:
            planned[measure.id] = found
        if refused:
            left_out[measure.id] = refused
    in_some = {task.org_code for each in planned.values() for task in each.tasks}
    for refused in left_out.values():
        for org_code, refusal in refused.items():
            if not planned or (org_code and org_code not in in_some):
                raise refusal
    return planned, _notes(left_out)


def _notes(left_out: dict[str, dict[str, ParameterError]]) -> list[str]:
    """Say in which measures an organisation has nothing to run, and which measures have nothing to run at all."""
    without: dict[str, list[str]] = {}
    for measure_id, refused in left_out.items():
        for org_code in refused:
            without.setdefault(org_code, []).append(measure_id)
    whole = [f"{measure_id}: {left_out[measure_id]['']}" for measure_id in without.pop("", [])]
    return whole + [f"{org_code}: no figures in {', '.join(ids)}" for org_code, ids in without.items()]


def _planned(
    measure: Measure, *, data: Path, org_codes: list[str] | None, period_to: str, areas: bool
) -> tuple[Planned, dict[str, ParameterError]]:
    """Return the runs of one measure, and for each organisation that has none why not."""
    notebook = measure.folder / NOTEBOOK
    check_notebook(notebook)
    run = parameters.check(measure, org_code=ENGLAND, period_to=period_to, data=str(data))
    with_figures = [
        code for code in _with_figures(run) if not parameters.level_of(measure, code, synthetic=run.synthetic)
    ]
    for level in LEVELS:
        in_it = [code for code in org_codes or [] if code in _areas(run, level)]
        is_due = level in measure.levels or (areas and parameters.adds_up(measure))
        wanted = in_it or (is_due and not org_codes)
        if wanted and (first := next(iter(in_it or _areas(run, level)), None)):
            area = parameters.check(measure, org_code=first, period_to=period_to, data=str(data))
            with_figures += [code for code in _with_figures(area) if code != ENGLAND]
    named = list(dict.fromkeys(org_codes or with_figures))
    refused = {}
    for org_code in set(named) - set(with_figures):
        try:
            parameters.check(measure, org_code=org_code, period_to=period_to, data=str(data))
            refused[org_code] = ParameterError(
                f"organisation {org_code!r} ({run.name_of(org_code)}): no {measure.short_title} figure in any "
                f"{measure.period.noun} up to the one asked for, so there is nothing to show. Name another."
            )
        except ParameterError as error:
            refused[org_code] = error
    period = measure.period.key(run.period_to)
    parts = dependencies.parts(run)
    digest = dependencies.digest(parts)
    of_all = (period, data, digest, run.store.public_at, run.store.as_of)
    tasks = [Task(measure.id, notebook, code, *of_all) for code in named if code not in refused]
    return Planned(tasks, parts), {code: refused[code] for code in named if code in refused}


def run_digest(store: Store, measure: Measure, period_to: str) -> str:
    """Return the digest of all that the runs of a measure depend on; see `dependencies`.

    Results with another digest were made from other data, by another method or up to another month; they do not
    belong on one site with these. Raises `ParameterError` for an unknown month, `StoreError` for an empty store.
    """
    run = parameters.check(measure, org_code=ENGLAND, period_to=period_to, data=str(store.folder))
    return dependencies.digest(dependencies.parts(run))


def _areas(run: parameters.Parameters, level: register.Level) -> list[str]:
    """Return the codes of the areas of a level that the source's organisations are in, unless it counts such areas."""
    members = register.members(run.organisations, level, synthetic=run.synthetic)
    codes = sorted({*members.values()})
    return [code for code in codes if parameters.level_of(run.measure, code, synthetic=run.synthetic)]


def _with_figures(run: parameters.Parameters) -> list[str]:
    observations = corrections.apply(run.observations(), run.measure.folder).observations
    counted = counts.count(
        observations, numerator=run.measure.numerator, denominator=run.measure.denominator, period=run.measure.period
    )
    return [ENGLAND, *counted.filter(pl.col("denominator") > 0)["org_code"].unique().sort()]


def check_notebook(notebook: Path) -> None:
    """Refuse a notebook that papermill would run with its own defaults or not at all, or whose cells cannot be told.

    Raises `DefinitionError`, with the cell and what to do.
    """
    if not notebook.is_file():
        raise DefinitionError(
            f"{notebook}: no such file (every folder in analyses/ holds one). analyses/README.md says what is in it."
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of cells without ids, which are refused below
            nbformat.read(notebook, as_version=4)
    except Exception as error:  # nbformat raises its own, jsonschema's and json's errors alike
        raise DefinitionError(f"{notebook}: not a Jupyter notebook ({str(error).splitlines()[0]}).") from error
    imports.modules(notebook)  # for what it refuses: cells that cannot be told apart, or are not Python
    found = set(inspect_notebook(str(notebook)))
    if found != set(parameters.NAMES):
        raise DefinitionError(
            f"{notebook}: the cell tagged `parameters` sets {sorted(found) or 'nothing'}, "
            f"expected exactly {sorted(parameters.NAMES)}."
        )
