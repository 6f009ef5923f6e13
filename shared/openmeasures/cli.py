"""The command line: it parses, calls plain functions and prints; nothing is decided here.

Running and publishing are imported where they are used: papermill and its checkers take seconds to load, which
`--help` and `ingest` need not wait for.

Exit codes: 0 done, 1 some runs failed, 2 bad usage or input. A user's mistake prints one line; a bug its traceback.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openmeasures import (
    __version__,
    corrections,
    definitions,
    embargo,
    organisations,
    project,
    readers,
    reference,
    register,
)
from openmeasures.errors import OpenMeasuresError, ParameterError
from openmeasures.ingest import Kept, ingest_sample, reread, sample_is_outdated
from openmeasures.ingest import ingest as ingest_paths
from openmeasures.periods import month_named
from openmeasures.sources import all_sources
from openmeasures.store import Store

if TYPE_CHECKING:
    from openmeasures.running.progress import Events, Lines

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

# Defaults in round brackets: Typer takes square ones for markup, and shows nothing.
Data = Annotated[Path | None, typer.Option("--data", help="Data folder (default: OPENMEASURES_DATA, else data/).")]
Out = Annotated[Path | None, typer.Option("--out", help="Where _build/ and _site/ go (default: the project).")]
Org = Annotated[list[str] | None, typer.Option("--org", help="Organisation code, ENG for England; may be repeated.")]
PeriodTo = Annotated[
    str, typer.Option("--period-to", help="Last month, as 2024-03; also Q3 2024/25 or 2024/25 (default: the latest).")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Runs at a time (default: three for two cores).")]
AsOf = Annotated[
    str, typer.Option("--as-of", metavar="DATE", help="Figures as they were known on a day, as 2025-12-31.")
]
Areas = Annotated[
    bool, typer.Option("--areas", help="Also systems and regions, of every measure whose figures add up.")
]
Preview = Annotated[
    bool, typer.Option("--preview", help="With what is not out yet; marked as such, in a folder of its own: _preview/.")
]
Force = Annotated[bool, typer.Option("--force", help="Run everything anew, done already or not.")]
Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler.")
]
Storage = Annotated[
    str, typer.Option("--storage", metavar="URL", help="Where its machines share files (default: a folder in _build).")
]
Packs = Annotated[bool, typer.Option("--packs", help="Also a board pack (PDF) of each organisation, linked there.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output, for programs.")]
Measures = Annotated[list[str] | None, typer.Argument(metavar="[MEASURE]…", help="Measures (default: all).")]


PREVIEWS = "_preview"  # beside _site, and like it no folder that Quarto reads
TABLES = {".csv", ".xls", ".xlsx"}  # which may be publications that have changed; other files are none


class Renderer(StrEnum):
    """What turns pages into a site."""

    AUTO = "auto"
    QUARTO = "quarto"
    SMALLDOCS = "smalldocs"


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and leave.")] = False,
) -> None:
    """NHS performance and quality measures that anyone can read, check and rerun."""
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command("sample")
def sample_(
    data: Data = None,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Do nothing where there are published data, or this sample.")
    ] = False,
) -> None:
    """Fill the data folder with the synthetic sample: fictional organisations, in the publications' own layout."""
    store = Store(project.data_folder(data))
    if if_empty and store.every_release() and not sample_is_outdated(store):
        return
    outcomes = ingest_sample(store)
    out.print(f"{len(outcomes)} synthetic files in {escape(str(store.folder))}.")


@app.command()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH…", help="Files, folders or zips.")] = None,
    data: Data = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read anew what an earlier version of this program has read.")
    ] = False,
    embargo_: Annotated[
        str,
        typer.Option("--embargo", metavar="TIME", help="Hold the files back until then, as 2026-12-10T09:30 (London)."),
    ] = "",
) -> None:
    """Read published files into the data folder, recognised by their content. The same file twice changes nothing."""
    store = Store(project.data_folder(data))
    if not (paths or again):
        raise ParameterError("ingest: nothing to read. Name files, folders or zips; or --again.")
    until = embargo.named(embargo_) if embargo_ else None
    outcomes = chain(reread(store) if again else (), ingest_paths(paths or [], store, embargoed_until=until))
    kept: Counter[Kept] = Counter()
    passed_over: list[str] = []
    with _progress() as progress:
        task = progress.add_task("Reading", total=None)
        for outcome in outcomes:
            kept[outcome.kept] += 1
            progress.advance(task)
            if outcome.kept == Kept.UNREADABLE:
                err.print(f"[red]Error[/] {escape(outcome.place)}: {escape(outcome.message)}")
            elif outcome.message:
                err.print(f"[yellow]Note[/] {escape(outcome.place)}: {escape(outcome.message)}")
            elif outcome.kept == Kept.NOT_RECOGNISED and Path(outcome.place).suffix.lower() in TABLES:
                passed_over.append(outcome.place)
    for place in passed_over:
        err.print(f"[yellow]Not recognised[/] {escape(place)}")
    none = "No file found." if paths else "Everything was read by the present version."
    out.print("; ".join(f"{number} {state.value}" for state, number in kept.items()) or none)
    if kept[Kept.UNREADABLE] or (paths and not (kept[Kept.ADDED] or kept[Kept.KNOWN] or kept[Kept.REREAD])):
        raise typer.Exit(2)


@app.command()
def fetch(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="As `list --sources` names them.")],
    since: Annotated[
        str, typer.Option("--from", metavar="MONTH", help="First month, as 2024-04 (default: the last two years).")
    ] = "",
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Download what is there too, and compare it with the record.")
    ] = False,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take files that have changed, and keep what they were.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="For ods: ODS's report etr.csv, downloaded, in place of its service.")
    ] = None,
) -> None:
    """Fetch new releases from their publishers' pages, and record each in reference/releases.csv.

    Those listed for this financial year and the one before, or since the last that is there; or --from a month. `ods`
    is no publication: it brings reference/organisations.csv up to date.
    """
    from openmeasures.fetching import fetch as fetching
    from openmeasures.fetching import ods, record
    from openmeasures.fetching.web import Web

    chosen = fetching.choose(name for name in sources if name != ods.NAME)
    if file and sources != [ods.NAME]:
        raise ParameterError(f"fetch: --file is for `{ods.NAME}` alone. Read publications with `openmeasures ingest`.")
    if ods.NAME in sources:
        _fetch_register(Store(project.data_folder(data)), file, dry_run=dry_run)
        if not chosen:
            return
    first = month_named(since) if since else None
    found: Counter[fetching.Result] = Counter()
    with closing(Web()) as web, _progress() as progress:
        task = progress.add_task("Looking", total=None)
        for one in fetching.fetch(
            chosen, Store(project.data_folder(data)), web, entries=record.path(), since=first, again=again,
            accept_changed=accept_changed, dry_run=dry_run,
            begun=lambda name: progress.update(task, description=escape(name)),
        ):  # fmt: skip
            found[one.result] += 1
            progress.advance(task)
            if one.result == fetching.Result.FAILED:
                err.print(f"[red]Error[/] {one.source}: {escape(f'{one.place}: {one.message}')}")
            elif one.message:
                err.print(f"[yellow]Note[/] {one.source}: {escape(f'{one.place}: {one.message}')}")
            if one.result in (fetching.Result.FETCHED, fetching.Result.WANTED):
                month = f"{one.month:%Y-%m}" if one.month else "undated"
                progress.stop()  # its line is on the other console, and would not make way
                out.print(f"{one.source}  {month}  {one.result.value}  {escape(one.place)}")
                progress.start()
    out.print(
        "; ".join(f"{number} {result.value}" for result, number in found.items()) or "Nothing is listed since then."
    )
    if found[fetching.Result.FAILED]:
        raise typer.Exit(1)


def _fetch_register(store: Store, file: Path | None, *, dry_run: bool) -> None:
    """Bring the register of organisations up to date, and say what that changes."""
    from openmeasures.fetching import fetch as fetching
    from openmeasures.fetching import ods, record
    from openmeasures.fetching.web import Web

    key = os.environ.get(ods.KEY, "")
    if dry_run:
        origin = file or (ods.SERVICE if key else ods.REPORT)
        out.print(f"{ods.NAME}  {escape(str(origin))}")
        return
    if file:
        if not file.is_file():
            raise ParameterError(f"{file}: no such file. Check the path.")
        found = ods.from_report(file.read_bytes(), place=str(file))
    else:
        named = {measure.source for measure in definitions.load_all()} & {known.source for known in store.releases()}
        wanted = {code for source in named for code in store.organisations(source)["org_code"]}
        with closing(Web(headers={ods.KEY_HEADER: key} if key else None)) as web:
            to = store.folder / fetching.FOLDER / "etr.csv"
            found = ods.fetch(web, has_key=bool(key), wanted=wanted, to=to, entries=record.path())
    changes = ods.write(found, reference.folder())
    for what, codes in changes._asdict().items():
        for code in codes:
            out.print(f"{ods.NAME}  {what}  {code}")
    out.print(f"{ods.NAME}: {found.height} organisations; {sum(map(len, changes))} differ from what was known.")


@app.command("list")
def list_(
    data: Data = None,
    orgs: Annotated[bool, typer.Option("--organisations", help="List the organisations in the data.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="List the publications that can be read.")] = False,
) -> None:
    """Show the measures, the organisations in the data folder, or the publications that can be read."""
    if sources:
        table = Table("Source", "Publication", "Fetch")
        for name, module in all_sources().items():
            table.add_row(name, module.TITLE, "yes" if hasattr(module, "LISTING") else "by hand")
        table.add_row("ods", "Organisation Data Service: which organisations there are", "yes")
        out.print(table)
        return
    if not orgs:
        table = Table("Measure", "Title", "Status", "Next review")
        for measure in definitions.load_all():
            table.add_row(measure.id, measure.title, measure.status, str(measure.next_review))
        out.print(table)
        return
    store = Store(project.data_folder(data))
    table = Table("Code", "Organisation", "Type", "Region", "Publication")
    for source in sorted({measure.source for measure in _with_data(None, store)}):
        named = organisations.directory(store.organisations(source))
        known = register.described(named, synthetic=store.synthetic)
        for row in known.select("org_code", "org_name", "org_type", "region_name").iter_rows():
            table.add_row(*row, source)
    out.print(table)


@app.command()
def check() -> None:
    """Validate every measure's folder without running anything."""
    from openmeasures.running import plan
    from openmeasures.running.dependencies import NOTEBOOK

    for measure in definitions.load_all():
        corrections.load(measure.folder)
        plan.check_notebook(measure.folder / NOTEBOOK)
        out.print(f"{measure.id}: fine")


@app.command()
def run(
    measures: Measures = None, org: Org = None, period_to: PeriodTo = "", workers: Workers = None, data: Data = None,
    out_folder: Out = None, force: Force = False, as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run and why, and run nothing.")] = False,
    scheduler: Scheduler = "", storage: Storage = "", as_of: AsOf = "", areas: Areas = False,
    preview: Preview = False,
) -> None:  # fmt: skip
    """Run measures with papermill for every organisation and for England, or for those named; what is done stays."""
    folder, build = project.data_folder(data), _build(out_folder, preview=preview)
    _refuse_elsewhere(scheduler, preview=preview)
    with project.known_on(as_of), project.one_moment(preview=preview):
        _check_embargo(folder, preview=preview)
        if dry_run:
            _list_steps(measures, org, period_to, folder, build, force=force, as_json=as_json, areas=areas)
            return
        with _run(
            measures, org, period_to, workers, folder, build, force=force, as_json=as_json, scheduler=scheduler,
            storage=storage, areas=areas,
        ) as failed:  # fmt: skip
            pass  # nothing is made of them here
    if failed:
        raise typer.Exit(1)


@app.command()
def site(
    measures: Measures = None, org: Org = None, period_to: PeriodTo = "", workers: Workers = None, data: Data = None,
    out_folder: Out = None, renderer: Renderer = Renderer.AUTO, force: Force = False, scheduler: Scheduler = "",
    storage: Storage = "", as_of: AsOf = "", areas: Areas = False, preview: Preview = False, packs: Packs = False,
) -> None:  # fmt: skip
    """Run measures, turn the notebooks into pages, and render the site with Quarto or else smalldocs."""
    from openmeasures.publishing import pages, render
    from openmeasures.running import belonging

    render.choose(renderer.value)  # refused before the runs, which take time
    folder, stage = project.data_folder(data), _out(out_folder, preview=preview)
    build = _build(out_folder, preview=preview)
    _refuse_elsewhere(scheduler, preview=preview)
    with project.known_on(as_of), project.one_moment(preview=preview):
        _check_embargo(folder, preview=preview)
        with _run(
            measures, org, period_to, workers, folder, build, force=force, scheduler=scheduler, storage=storage,
            areas=areas,
        ) as failed:  # fmt: skip
            store = Store(folder, as_of=project.as_of())
            written = pages.publish(store, build, stage, period_to=period_to, packs=packs)
            rendered = render.render(stage, renderer.value)
            for page in written.of_runs:
                address = Path(page.address).with_suffix(".html")
                belonging.check_page(stage / render.SITE / address, name=page.downloads, findings=page.findings)
    for warning in rendered.warnings:
        err.print(f"[yellow]Note[/] {escape(warning)}")
    out.print(f"Site rendered by {rendered.renderer}: open {escape(str(stage / render.SITE / 'index.html'))}")
    if failed:
        raise typer.Exit(1)


@app.command()
def pack(
    org: Org = None, period_to: PeriodTo = "", data: Data = None, out_folder: Out = None, as_of: AsOf = "",
) -> None:  # fmt: skip
    """Make board packs of what was run: a PDF for each organisation, system, region and England, or those named."""
    from openmeasures.publishing import board_pack, built
    from openmeasures.running import progress as watching
    from openmeasures.turn import turn
    from openmeasures.words import plural

    folder, build = project.data_folder(data), _build(out_folder)
    with turn(build, watching.Lines(out, err).waiting):
        with project.known_on(as_of):
            store = Store(folder, as_of=project.as_of()).fixed()
            of_all = built.read(store, build, period_to=period_to)
        codes = board_pack.choose(of_all, org)
        with _progress() as progress:
            paths = board_pack.write(of_all, codes, build / board_pack.FOLDER)
            made = list(progress.track(paths, total=len(codes), description="Setting"))
    out.print(f"{plural(len(made), 'board pack')} in {escape(str(build / board_pack.FOLDER))}.")


@app.command(hidden=True)
def publish(data: Data = None) -> None:
    """Bring the pages up to date before Quarto renders them; `_quarto.yml` calls this."""
    from openmeasures.publishing import render

    if render.is_rendering():
        return
    from openmeasures.publishing import pages

    folder = project.data_folder(data)
    sample_(data=folder, if_empty=True)
    with project.one_moment():
        _check_embargo(folder, preview=False)
        with _run(None, None, "", None, folder, _build(None)):
            pages.publish(Store(folder), _build(None), project.root())
    # A failed run has its page; Quarto would stop at an exit code.


@app.command()
def refresh(measures: Measures = None, data: Data = None) -> None:
    """Rerun the committed notebooks on the sample and save their outputs, for authors of measures."""
    from openmeasures.running import notebooks
    from openmeasures.running.dependencies import NOTEBOOK

    store = Store(project.data_folder(data))
    if not store.synthetic:
        err.print(f"[red]Error[/] {escape(str(store.folder))}: does not hold the sample. Name a folder that does.")
        raise typer.Exit(2)
    for measure in _measures(measures):
        changed = notebooks.refresh(measure.folder / NOTEBOOK, store.folder)
        out.print(f"{measure.id}: {'changed' if changed else 'unchanged'}")


@app.command("reconcile")
def reconcile_(measures: Measures = None, data: Data = None) -> None:
    """Set our figures beside the published ones, month by month; fail where a difference has no reason."""
    from openmeasures.reviewing import reconcile

    store = Store(project.data_folder(data))
    known = _with_data(measures, store)
    periods = {measure.id: measure.period for measure in known}
    found = {measure.id: reconcile.reconcile(measure, store) for measure in known}
    for measure_id, table in found.items():
        for line in reconcile.lines(table, periods[measure_id]):
            out.print(f"{measure_id}: {escape(line)}.")
    unexplained = pl.concat(found.values()).filter(pl.col("verdict") == reconcile.Verdict.UNEXPLAINED.value)
    for row in unexplained.iter_rows(named=True):
        err.print(
            f"[red]Unexplained[/] {row['measure']}, {row['org_code']}, {row['period_start']:%Y-%m}: ours "
            f"{row['ours']:.6f}, {escape(row['published_in'])} {row['published']:.6f}. Find the cause, then mend it or "
            "say it in measure.yml (published, differences)."
        )
    if not unexplained.is_empty():
        raise typer.Exit(1)


def _refuse_elsewhere(scheduler: str, *, preview: bool) -> None:
    """Refuse a preview on other machines, which need not be those of people who may see it."""
    if preview and scheduler:
        raise ParameterError(
            "--preview with --scheduler: figures under embargo would lie on other machines. Run it here, without "
            "--scheduler."
        )


def _check_embargo(data: Path, *, preview: bool) -> None:
    """Say what is held back; refuse a preview of nothing."""
    waiting = Store(data).not_out(datetime.now(UTC))
    if preview and not waiting:
        raise ParameterError(f"--preview: every release in {data} is out. Leave it out.")
    for release in waiting:
        if release.public_from and not preview:
            until = embargo.label(release.public_from)
            err.print(f"[yellow]Held back[/] until {until}: {escape(release.file_name)} ({release.source})")


@contextmanager
def _run(
    measures: list[str] | None, org: list[str] | None, period_to: str, workers: int | None, data: Path, build: Path,
    *, force: bool = False, as_json: bool = False, scheduler: str = "", storage: str = "", areas: bool = False,
) -> Iterator[int]:  # fmt: skip
    """Run and collect; yield how many runs failed, and keep the build folder until the end."""
    from openmeasures.running.build import up_to_date

    if old := readers.outdated(Store(data)):
        err.print(
            f"[yellow]Note[/] {escape(str(data))}: files that another version of this program has read: {len(old)}, "
            f"first {escape(old[0].file_name)}. Read them anew: openmeasures ingest --again"
        )
    store = Store(data, as_of=project.as_of())
    with ExitStack() as until_the_end:
        with closing(_observer(as_json)) as observer:
            failed = until_the_end.enter_context(up_to_date(
                _with_data(measures, store), data=data, build=build, observer=observer, org_codes=org,
                period_to=period_to, workers=workers, force=force, scheduler=scheduler, storage=storage,
                areas=areas,
            ))  # fmt: skip
        observer.finished()
        yield failed


def _list_steps(
    measures: list[str] | None, org: list[str] | None, period_to: str, data: Path, build: Path, *, force: bool,
    as_json: bool, areas: bool,
) -> None:  # fmt: skip
    from openmeasures.running.build import steps

    store = Store(data, as_of=project.as_of())
    with closing(_observer(as_json)) as observer:
        found = steps(
            _with_data(measures, store), data=data, build=build, observer=observer, org_codes=org,
            period_to=period_to, force=force, areas=areas,
        )  # fmt: skip
    observer.listed(found)


def _observer(as_json: bool) -> "Lines | Events":
    from openmeasures.running import progress

    if as_json:
        return progress.Events(out)
    return (progress.Terminal if err.is_terminal else progress.Lines)(out, err)


def _measures(ids: list[str] | None) -> list[definitions.Measure]:
    return [definitions.find(measure_id) for measure_id in ids] if ids else definitions.load_all()


def _with_data(ids: list[str] | None, store: Store) -> list[definitions.Measure]:
    """Return the measures named; or all that the data folder has figures for, saying which it has not."""
    chosen = _measures(ids)
    held = {release.source for release in store.releases()}
    if ids or not held:
        return chosen  # what is missing is then an error, with its remedy
    without = [measure for measure in chosen if measure.source not in held]
    if without:
        named = ", ".join(f"{measure.id} ({measure.source})" for measure in without)
        err.print(f"[yellow]Note[/] left out, for want of their publication in {escape(str(store.folder))}: {named}")
    return [measure for measure in chosen if measure.source in held]


def _out(folder: Path | None, *, preview: bool = False) -> Path:
    """Return where pages go; those of a preview never where the site itself is built."""
    root = project.root()
    chosen = folder.resolve() if folder else root / PREVIEWS if preview else root
    if preview and chosen == root:
        raise ParameterError(f"--out {chosen}: the site itself is built there. Name another folder for the preview.")
    return chosen


def _build(folder: Path | None, *, preview: bool = False) -> Path:
    return _out(folder, preview=preview) / "_build"


def _progress() -> Progress:
    """Return a progress bar that stays silent where nobody watches, as in a log."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def main() -> None:
    """Run the command line; the entry point of `openmeasures`."""
    try:
        app()
    except OpenMeasuresError as error:
        err.print(f"[red]Error[/] {escape(str(error))}")
        sys.exit(error.exit_code)
