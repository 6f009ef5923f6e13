"""The pages of systems and regions: what they come to themselves, and the latest figures of their organisations.

A figure of a system or region is that of a run: the sum of its organisations' counts, or its own where a publication
counts systems. Nothing is added up here, and members stand by name.

| name | what |
|---|---|
| `write` | every system's and region's page, and the page that lists them |
| `Table`, `members` | the latest figures of organisations, a table a domain |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain

from openmeasures.definitions import Measure
from openmeasures.publishing import cards, origins, summary
from openmeasures.publishing.places import Place, Places
from openmeasures.publishing.runs import Run
from openmeasures.publishing.summary import Badge
from openmeasures.publishing.writer import Pages
from openmeasures.register import Level
from openmeasures.words import plural


@dataclass(frozen=True)
class Cell:
    """An organisation's latest figure: its page, its value, its band if it has one, its period, its sign.

    The period is empty where it is the one of the others.
    """

    address: str
    value: str
    band: str
    period: str
    variation: Badge


@dataclass(frozen=True)
class Row:
    """An organisation with a figure of each measure, or None where the publication does not have it."""

    code: str
    name: str
    folder: str
    cells: list[Cell | None]


@dataclass(frozen=True)
class Table:
    """One domain: its measures, each with the latest period of its figures here, and its organisations by name."""

    domain: str
    measures: list[tuple[Measure, str]]
    rows: list[Row]

    @property
    def has_bands(self) -> bool:
        """Whether any figure has a band."""
        return any(cell and cell.band for row in self.rows for cell in row.cells)


def write(
    pages: Pages, places: Places, by_org: Mapping[str, list[Run]], names: Mapping[str, str], *, synthetic: bool,
    pack: str = "",
) -> None:  # fmt: skip
    """Write the pages; `by_org` are the runs of each organisation, `names` what organisations are called.

    `pack` is what the board pack beside each page is called, empty where there are none.
    """
    for place in places.by_code.values():
        runs, of_members = by_org.get(place.code, []), {code: by_org[code] for code in place.members}
        tables = members(of_members, names, places, up="../../")
        pages.render(
            f"{place.folder}/index.qmd", "area.qmd.jinja", up="../../", place=place, synthetic=synthetic,
            parents=places.of(place.code), domains=cards.by_domain(runs, "{}.html"),
            systems=places.systems_of(place), tables=tables,
            has_bands=any(table.has_bands for table in tables),
            comprises=_comprises(place), partly=_partly(place, places), pack=pack,
            origins=origins.of([*runs, *chain.from_iterable(of_members.values())], synthetic=synthetic),
        )  # fmt: skip
    listed = [(each, _comprises(each)) for each in places.at(Level.SYSTEM)]
    regions = places.at(Level.REGION)
    codes = {region.code for region in regions}
    pages.render(
        "systems/index.qmd", "areas.qmd.jinja", up="../", synthetic=synthetic,
        regions=[(region, [each for each in listed if each[0].region_code == region.code]) for region in regions],
        elsewhere=[each for each in listed if each[0].region_code not in codes],
        origins=origins.of(chain.from_iterable(by_org.values()), synthetic=synthetic),
    )  # fmt: skip


def _comprises(place: Place) -> str:
    """Say how many organisations there are in a system or region."""
    return plural(place.organisations, "organisation") if place.organisations else ""


def _partly(place: Place, places: Places) -> str:
    """Say so where not all of them have pages, as in a build of few."""
    shown = len([code for code in place.members if code not in places.by_code])
    return "" if shown == place.organisations else f"{shown} of its {_comprises(place)} have pages here."


def members(by_org: Mapping[str, list[Run]], names: Mapping[str, str], places: Places, *, up: str) -> list[Table]:
    """Return a table of each domain in which any of the organisations has a run that succeeded."""
    runs = [run for of_it in by_org.values() for run in of_it if run.content]
    domains = sorted({run.measure.domain for run in runs})
    return [
        _table(domain, [run for run in runs if run.measure.domain == domain], names, places, up) for domain in domains
    ]


def _table(domain: str, runs: list[Run], names: Mapping[str, str], places: Places, up: str) -> Table:
    measures = {run.measure.id: run.measure for run in sorted(runs, key=lambda run: run.measure.title)}
    latest = {
        id_: max(filter(None, (_last(run) for run in runs if run.measure.id == id_)), default=None) for id_ in measures
    }
    by_run = {(run.org_code, run.measure.id): run for run in runs}
    codes = sorted({run.org_code for run in runs}, key=lambda code: (names[code].removeprefix("The "), code))
    rows = []
    for code in codes:
        mine = [by_run.get((code, id_)) for id_ in measures]
        folder = f"{up}{places.folder(code)}"
        cells = [_cell(run, latest[run.measure.id], folder) if run else None for run in mine]
        rows.append(Row(code, names[code], folder, cells))
    periods = [
        (measure, measure.period.label(day) if (day := latest[id_]) else "") for id_, measure in measures.items()
    ]
    return Table(domain, periods, rows)


def _last(run: Run) -> date | None:
    point = summary.latest_point(run.content)
    return date.fromisoformat(point["period_start"]) if point else None


def _cell(run: Run, latest: date | None, folder: str) -> Cell:
    last, period = _last(run), run.measure.period
    return Cell(
        f"{folder}/{run.measure.id}.html",
        summary.written(summary.latest_point(run.content), run.measure),
        summary.band(run.content),
        period.label(last) if last and last != latest else "",
        summary.variation(run.content, period),
    )
