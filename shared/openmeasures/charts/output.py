"""How a chart leaves a notebook, and how the site gets it in two sizes.

| function | gives |
|---|---|
| `enable` | Altair shows a chart as an image, with its specification and its finding beside it |
| `svg` | the image of a specification, the same bytes on every machine |
| `narrow` | the specification of the same chart for a phone |

Of Altair's own renderers, `mimetype` emits a type that nbformat refuses, and the default one HTML that loads scripts
from elsewhere. An image shows in JupyterLab, in VS Code and on GitHub, with no network.
"""

import json
import re
from datetime import date
from typing import Any
from xml.sax.saxutils import quoteattr

import altair as alt
from altair.utils.schemapi import disable_debug_mode
from IPython.core.getipython import get_ipython

from openmeasures.charts import axes, boxes, conversion, labels, layout, theme
from openmeasures.charts.conversion import Spec

SPEC_TYPE = "application/vnd.openmeasures.chart+json"  # "+json", so that nbformat keeps it as JSON

_GEOMETRY = re.compile(r' (?:d|transform|x2|y2)="[^"]*"')
_DECIMALS = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
# Points of a path between two others of the same height: what stays level has one at each month, a limit even two.
_LEVEL = re.compile(r"([ML][-\d.]+,([-\d.]+))(?:L[-\d.]+,\2(?=L))+(?=L[-\d.]+,\2[LMZ\"])")


def enable() -> None:
    """Show every chart of this session as an image in the project's theme, with its specification beside it.

    In a build Altair does not check them against Vega-Lite's schema, which takes longer than all the figures: the
    committed notebooks' charts are checked in tests, and a build draws the same ones of other organisations.
    """
    alt.renderers.register(theme.NAME, _bundle)
    alt.renderers.enable(theme.NAME)
    alt.theme.enable(theme.NAME)
    shell = get_ipython()
    formatter = shell.display_formatter if shell is not None else None
    if formatter is not None and conversion.is_served():
        disable_debug_mode()  # checks each part of a chart as it is made
        formatter.mimebundle_formatter.for_type(alt.LayerChart, _unchecked)


def _unchecked(chart: alt.LayerChart, **_: object) -> dict[str, Any]:
    """Do what Altair does to show a chart, but for the check.

    All charts of ours are layered and name their data sets, which are JSON already: Altair would look at each figure
    for something to convert.
    """
    named = chart.datasets
    chart.datasets = alt.Undefined
    try:
        spec = chart.to_dict(validate=False, context={"pre_transform": False})
    finally:
        chart.datasets = named
    return _bundle(spec | {"datasets": named})


def _bundle(spec: Spec) -> dict[str, Any]:
    return {"image/svg+xml": svg(spec), SPEC_TYPE: spec, "text/plain": spec["description"]}


def svg(spec: Spec) -> str:
    """Return the image of a chart, labelled with its description; nothing is loaded from elsewhere.

    There is no `<title>`, which browsers would show as a tooltip over the whole chart. Geometry is rounded to a
    tenth of a pixel: a third smaller, and floating point may differ in the last digits between processors. A line that
    stays level has its ends alone, which all of ours run through from left to right.
    """
    image = _GEOMETRY.sub(lambda attribute: _drawn(attribute[0]), conversion.svg(spec))
    return image.replace("<svg ", f'<svg role="img" aria-label={quoteattr(spec["description"])} ', 1)


def _drawn(attribute: str) -> str:
    return _LEVEL.sub(r"\1", _DECIMALS.sub(_tenths, attribute))


def _tenths(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 1) + 0.0:g}"  # + 0.0 turns -0.0 into 0


def narrow(spec: Spec, width: int = theme.PHONE.width) -> Spec:
    """Return the chart for a phone: the same marks and words on `width` pixels in all.

    The figures stay as they are. What changes is the theme's size: where lines of words break, how far labels are
    apart, how many months are labelled, how large points are.
    """
    phone: Spec = json.loads(json.dumps(spec))  # a copy in depth, in a third of the time that `copy` takes
    phone["width"] = width
    phone["config"] = theme.config(theme.PHONE)
    title = phone["title"]
    for part, size in (("text", theme.PHONE.title), ("subtitle", theme.PHONE.text)):
        title[part] = layout.wrapped(" ".join(title[part]), width=width, size=size)
    for name, share in theme.LABEL_SHARES.items():
        for row in phone["datasets"].get(name, []):
            row["label"] = layout.wrapped(" ".join(row["label"]), width=width * share, size=theme.PHONE.text)
    _shorten_step_labels(phone)
    _spread_end_labels(phone)
    _thin_axis_and_points(phone)
    if "names" in phone["datasets"]:
        _name_anew(phone)
    if "dots" in phone["datasets"]:
        rows = theme.ROW_HEIGHT * len(phone["datasets"]["labels"])
        phone["height"] = rows + min(phone["height"] - rows, theme.PHONE.piles)
    return phone


def _shorten_step_labels(phone: Spec) -> None:
    """Leave the figures alone of several standards that were replaced, whose words would cover each other."""
    steps = phone["datasets"].get("steps", [])
    if len(steps) > 1:
        for row in steps:
            row["label"] = [" ".join(row["label"]).rpartition(" ")[2]]


def _spread_end_labels(phone: Spec) -> None:
    """Move the labels beside lines apart, now that they take more lines."""
    words = phone["datasets"].get("ends", [])
    if words:
        ends = phone["layer"][0]["encoding"]["y"]["scale"]["domain"]
        lines = [len(row["label"]) for row in words]
        places = layout.apart([row["line"] for row in words], ends=ends, height=phone["height"], lines=lines)
        for row, place in zip(words, places, strict=True):
            row["at"] = place


def _thin_axis_and_points(phone: Spec) -> None:
    """Label fewer periods of a chart over time, and draw smaller points."""
    over_time = phone["datasets"].get("points", [])
    for encoding in (layer["encoding"] for layer in phone["layer"]):
        if over_time and "axis" in encoding.get("x", {}):
            axis = encoding["x"]["axis"]
            if "values" in axis:
                starts = [date.fromisoformat(row["period_start"]) for row in over_time]
                axis["values"] = axes.moments(layout.spaced(starts, theme.PHONE))
            else:
                axis["tickCount"]["step"] = layout.month_step(len(over_time), theme.PHONE)
        if "scale" in encoding.get("size", {}):
            scale = encoding["size"]["scale"]
            scale["range"] = [
                area if area == theme.SUBJECT_AREA else area * theme.PHONE.points for area in scale["range"]
            ]


def _name_anew(phone: Spec) -> None:
    """Find anew which names of a funnel fit, and where."""
    datasets, encoding = phone["datasets"], phone["layer"][0]["encoding"]
    for row in datasets["ends"]:
        row["room"] = labels.end_room(row["label"], theme.PHONE)
    plot = boxes.Plot(
        x_ends=encoding["x"]["scale"]["domain"],
        y_ends=encoding["y"]["scale"]["domain"],
        scale=encoding["x"]["scale"]["type"],
        width=labels.plot_width(phone["width"], datasets["ends"]),
        height=phone["height"],
    )
    datasets["names"] = labels.named(datasets, plot, theme.PHONE)
