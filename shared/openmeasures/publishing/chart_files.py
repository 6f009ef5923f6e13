"""What a page offers of its charts: a file of each one's specification, the table of its figures, a script that draws.

| name | gives |
|---|---|
| `offer` | writes the specifications of a page's charts, and returns what is offered of each |
| `specification` | the Vega-Lite specification of a chart, with limits in its tooltips and what differs on a phone |
| `table` | the figures of a chart, those that its tooltips tell |
| `script` | Vega, for a reader who asks for an interactive chart; it comes from vl-convert, which draws the images |

A page shows images. Only its reader's wish loads the script, and a specification of some 25 KB.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import vl_convert

from openmeasures import results, words
from openmeasures.charts import conversion
from openmeasures.definitions import Measure
from openmeasures.publishing.parts import Figure, Step
from openmeasures.publishing.summary import Table
from openmeasures.publishing.writer import Pages
from openmeasures.store import write_whole

# Other views of a measure's own series, by the cell that draws them; its chart can be exchanged for them.
MAIN_CELL = "variation"
VIEWS = {"seasons": "Seasonally adjusted", "certainty": "Without new limits"}
MOST_ROWS = 100  # of a table: 3 KB of the 60 KB, compressed, that a page may have; longer ones are in the file alone
PEERS = "org_name"  # the field of charts in which each point is an organisation
LICENCE = (
    "Vega, Vega-Lite, vega-embed and vega-tooltip: Copyright University of Washington Interactive Data Lab and "
    "contributors, BSD-3-Clause. Bundled by vl-convert"
)

EXPOSED = "window.vegaEmbed = vegaEmbed;"  # what charts.js calls

Spec = dict[str, Any]  # JSON; what may stand in it is Vega-Lite's to say, not ours


class Offered(NamedTuple):
    """What a page offers of one chart: the address of its file, other views of it (words, address), its table.

    Where an earlier chart of the page has the same table, it stands there alone: `shared_with` is that chart's key.
    """

    address: str
    views: list[tuple[str, str]]
    table: Table | None
    shared_with: str = ""


def offer(
    pages: Pages, steps: list[Step], measure: Measure, tables: dict[str, Table], *, folder: str, name: str
) -> dict[str, Offered]:
    """Write the specification of each chart of a page into `folder`, and return what is offered, by the figure's key.

    `tables` are those of the series, by id; `name` begins the names of the page's downloads. A table that is too long
    for the page is left out.
    """
    figures = [figure for step in steps for figure in step.figures]
    for figure in figures:
        content = json.dumps(specification(figure, _measured(figure, measure)), separators=(",", ":"))
        pages.write(f"{folder}/{_address(name, figure)}", content)
    views = [(VIEWS[figure.cell_id], _address(name, figure)) for figure in figures if figure.cell_id in VIEWS]
    first: dict[str, str] = {}  # the chart of each series that comes first
    offered = {}
    for figure in figures:
        shared_with = first.get(figure.series, "")
        if figure.series:
            first.setdefault(figure.series, figure.key)
        offered[figure.key] = Offered(
            _address(name, figure),
            views if figure.cell_id == MAIN_CELL and figure.place == 0 else [],
            None if shared_with else _table(figure, tables),
            shared_with,
        )
    return offered


def _table(figure: Figure, tables: dict[str, Table]) -> Table | None:
    return tables[figure.series] if figure.series else _fitting(table(figure.specification))


def _address(name: str, figure: Figure) -> str:
    return f"downloads/{name}-{figure.key}.vl.json"


def _measured(figure: Figure, measure: Measure) -> Measure:
    """Return what a chart is of, in whose unit its limits are."""
    return measure if figure.series in ("", results.ALL) else measure.of(figure.series)


def _fitting(found: Table) -> Table | None:
    return found if len(found.rows) <= MOST_ROWS else None


def specification(figure: Figure, measure: Measure) -> Spec:
    """Return the specification of a chart as a file.

    Its tooltips tell the process limits of each period, too; `usermeta.phone` has what replaces the same on a phone:
    keys of the top level, data sets, and layers by their place.
    """
    wide, narrow = figure.specification, figure.narrow_specification
    phone = {key: value for key, value in narrow.items() if key not in ("datasets", "layer") and value != wide[key]}
    phone["datasets"] = {name: rows for name, rows in narrow["datasets"].items() if rows != wide["datasets"][name]}
    phone["layer"] = {
        place: _telling_limits(layer) for place, layer in enumerate(narrow["layer"]) if layer != wide["layer"][place]
    }
    datasets = {name: [_with_limits(row, measure) for row in rows] for name, rows in wide["datasets"].items()}
    return {
        **wide,
        "datasets": datasets,
        "layer": [_telling_limits(layer) for layer in wide["layer"]],
        "usermeta": {**wide.get("usermeta", {}), "phone": phone},
    }


def _with_limits(row: Spec, measure: Measure) -> Spec:
    if "upper_process_limit" not in row:
        return row
    span = words.span(row["lower_process_limit"], row["upper_process_limit"], measure)
    return {**row, "limits": span or "none"}


def _telling_limits(layer: Spec) -> Spec:
    told = layer.get("encoding", {}).get("tooltip", [])
    if not any(each["field"] == "cause" for each in told):  # of an SPC chart
        return layer
    limits = {"field": "limits", "title": "Process limits", "type": "nominal"}
    return {**layer, "encoding": {**layer["encoding"], "tooltip": [*told, limits]}}


def table(spec: Spec) -> Table:
    """Return the figures behind a chart: one row a point, one column for each line of its tooltip.

    Organisations stand by name, periods with the latest first, parts as on the chart.
    """
    layer = next(layer for layer in spec["layer"] if "tooltip" in layer.get("encoding", {}))
    told = {each["field"]: each["title"] for each in layer["encoding"]["tooltip"]}
    rows = spec["datasets"][layer["data"]["name"]]
    if PEERS in told:
        rows = sorted(rows, key=lambda row: row[PEERS].removeprefix("The "))
    elif "month" in told:
        rows = rows[::-1]
    return Table(list(told.values()), [[_written(row.get(field)) for field in told] for row in rows])


def _written(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else words.number(value)


def script(build: Path) -> bytes:
    """Return the script, kept in the build folder: to bundle it takes a second or more.

    It is wrapped, so that none of its names is the page's. It asks no other host for anything, and draws without `eval`
    if told to (`ast`).
    """
    converter = version("vl-convert-python")
    kept = build / f"vega-{conversion.VEGA_LITE_VERSION}-{converter}.js"
    if not kept.is_file():
        bundle = vl_convert.javascript_bundle(EXPOSED, vl_version=conversion.VEGA_LITE_VERSION)
        write_whole(kept, f"/* {LICENCE} {converter}. */\n(() => {{{bundle}\n}})();\n".encode())
    return kept.read_bytes()
