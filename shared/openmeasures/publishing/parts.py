"""An executed notebook as the parts of a page: its steps, each with reason, code and outputs, and its charts.

Charts become inline SVG, which shows with scripts off and prints well, in two sizes of which the style sheet shows
one. Outputs are Markdown or charts; anything else would not show in both renderers and is an error.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from openmeasures import results
from openmeasures.charts import output as chart_output
from openmeasures.errors import DefinitionError
from openmeasures.publishing.code import coloured
from openmeasures.running import notebooks

SVG_TYPE = "image/svg+xml"
# Vega's paths around every group, which have no colour, labels without room, the default opacity, what is there
# for images that answer to a pointer, names but for those of layers, and roles of parts, which would be images
# without words inside the one that has them.
_INERT = re.compile(
    r'<path class="(?:background|foreground)" aria-hidden="true" d="(?:M0,0h0v0h0Z"[^>]*|"[^>]*|[^"]*")/>'
    r'|<text [^>]*opacity="0"[^>]*>.*?</text>'
    r'| class="(?![^"]*_marks")[^"]*"| aria-hidden="true"| opacity="1"| pointer-events="none"'
    r'| role="graphics-(?:symbol|object)"| aria-roledescription="[^"]*"'
)


@dataclass(frozen=True)
class Figure:
    """One chart: its cell's id, its place in the cell, its finding, the page of `site/methods/` that explains it.

    Its image comes in two widths. `series` is the one of the result whose figures are behind it, empty for charts of
    something else.
    """

    cell_id: str
    place: int
    finding: str
    guide: str
    series: str
    wide: str
    specification: dict[str, Any]

    @cached_property
    def narrow_specification(self) -> dict[str, Any]:
        """The same chart for a phone."""
        return chart_output.narrow(self.specification)

    @property
    def key(self) -> str:
        """What names it among the charts of its page, and in the names of its files."""
        return f"{self.cell_id}-{self.place}"

    @cached_property
    def narrow(self) -> str:
        """The image for a phone, drawn when a page needs it, unless it is kept."""
        return inline(chart_output.svg(self.narrow_specification), f"{self.cell_id}-{self.place}n")


@dataclass(frozen=True)
class Step:
    """One code cell of the notebook, with the heading and the sentence before it; `shown` are its outputs in order."""

    cell_id: str
    heading: str
    why: str
    code: str
    shown: list[str | Figure] = field(default_factory=list)

    @property
    def coloured(self) -> str:
        """Its code as HTML."""
        return coloured(self.code)

    @property
    def figures(self) -> list[Figure]:
        """Its charts."""
        return [each for each in self.shown if isinstance(each, Figure)]


def steps(path: Path) -> list[Step]:
    """Return the steps of an executed notebook, its title and papermill's own cell left out.

    Raises `DefinitionError` for an output that is neither Markdown nor a chart nor the result.
    """
    found: list[Step] = []
    heading = why = ""
    for cell in notebooks.cells(path):
        if cell["cell_type"] == "markdown":
            heading, why = _heading(cell["source"])
        elif "injected-parameters" in cell["metadata"].get("tags", []):
            found[-1] = replace(found[-1], code=cell["source"])
        else:
            found.append(_step(path, cell, heading, why))
            heading = why = ""
    return found


def _heading(source: str) -> tuple[str, str]:
    """Split a Markdown cell into its heading, if it has one, and the rest."""
    match = re.match(r"#+ (.+)\n*", source)
    return (match[1], source[match.end() :]) if match else ("", source)


def _step(path: Path, cell: dict[str, Any], heading: str, why: str) -> Step:
    shown: list[str | Figure] = []
    for output in cell["outputs"]:
        data = output["data"]
        if chart_output.SPEC_TYPE in data:
            shown.append(_figure(cell["id"], len(shown), data))
        elif results.MIME_TYPE in data or "text/markdown" in data:
            shown.append(data["text/markdown"])
        else:
            kinds = ", ".join(data) or output["output_type"]
            raise DefinitionError(
                f"{path}, cell {cell['id']!r}: output of type {kinds}; expected Markdown or a chart. "
                "Show it through openmeasures.display."
            )
    return Step(cell["id"], heading, why, cell["source"], shown)


def _figure(cell_id: str, place: int, data: dict[str, Any]) -> Figure:
    specification = data[chart_output.SPEC_TYPE]
    about = specification.get("usermeta", {})
    return Figure(
        cell_id,
        place,
        str(specification["description"]),
        about.get("guide", "spc"),
        about.get("series", ""),
        inline(data[SVG_TYPE], f"{cell_id}-{place}w"),
        specification,
    )


def inline(svg: str, prefix: str) -> str:
    """Return an image for use inside a page: ids made unique, and no blank line, at which Markdown would end it.

    What draws nothing is left out: it is a twentieth of a page that shows a chart of every measure.
    """
    svg = _INERT.sub("", svg)
    for name in set(re.findall(r'\bid="([^"]+)"', svg)):
        unique = f"{prefix}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        svg = svg.replace(f'id="{name}"', f'id="{unique}"')
        svg = re.sub(rf"#{re.escape(name)}(?![\w.:-])", f"#{unique}", svg)  # not `clip10` for `clip1`
    return re.sub(r"\n\s*\n", "\n", svg.strip())
