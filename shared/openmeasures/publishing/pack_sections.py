"""What a board pack says of each measure, as plain data: the cards of the site and, of each run, its leading chart.

| function | gives |
|---|---|
| `domains` | a section a measure, by domain |
| `in_short` | which measures have a signal, or are not as expected, and which standards are out of reach |
| `members` | the latest figures of the organisations of a system or region |
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from openmeasures.methods.bands import Band
from openmeasures.publishing import cards, print_icons
from openmeasures.publishing.area_pages import Cell, Table
from openmeasures.publishing.cards import Card, Figures
from openmeasures.publishing.parts import Figure
from openmeasures.publishing.quality_badge import WATCH
from openmeasures.publishing.run_page import corrected
from openmeasures.publishing.runs import Run

LEAD = "variation"  # the cell of the chart over time
NONE = "none"
_MARKS = re.compile(r"\[([^\]]+)\]\([^)]+\)|`([^`]+)`")  # Markdown's links and code

Content = dict[str, Any]  # JSON for a template


def domains(runs: list[Run]) -> list[Content]:
    """Return the domains in the order of names, each with the sections of its measures."""
    by_measure = {run.measure.id: run for run in runs}
    return [
        {"domain": domain, "measures": [_section(card, by_measure[card.measure.id]) for card in of_it]}
        for domain, of_it in cards.by_domain(runs, "").items()
    ]


def in_short(runs: list[Run]) -> list[tuple[str, str]]:
    """Return what a reader looks for first, and of which measures it is true; what nobody would miss only if it is."""
    of_all = [card for of_it in cards.by_domain(runs, "").values() for card in of_it]
    wanted: list[tuple[str, Callable[[Figures], bool], bool]] = [
        ("Special cause: concern", lambda found: found.summary.variation.kind == "concern", True),
        ("Special cause: improvement", lambda found: found.summary.variation.kind == "improvement", True),
        ("Special cause, neither good nor bad", lambda found: found.summary.variation.kind == "neutral", False),
        (Band.HIGHER.capitalize(), lambda found: found.summary.band == Band.HIGHER.capitalize(), False),
        (Band.LOWER.capitalize(), lambda found: found.summary.band == Band.LOWER.capitalize(), False),
        ("Standard missed, and expected to be", lambda found: _has_outlook(found, "failing"), True),
        ("Standard missed in the latest figure", _misses, True),
        ("Standard met, and expected to be", lambda found: _has_outlook(found, "passing"), True),
        ("Changed since the period before", lambda found: found.since.has_changed, False),
    ]
    lines = [
        (words, _named([card for card in of_all if card.figures and is_so(card.figures)]), always)
        for words, is_so, always in wanted
    ]
    lines.append(("No figures, because the notebook failed", _named([c for c in of_all if not c.figures]), False))
    return [(words, named) for words, named, always in lines if always or named != NONE]


def _misses(found: Figures) -> bool:
    return any(standard.met.kind == "failing" for standard in found.summary.standards)


def _has_outlook(found: Figures, kind: str) -> bool:
    return any(standard.assurance == kind for standard in found.summary.standards)


def _named(found: list[Card]) -> str:
    return "; ".join(card.measure.title for card in found) or NONE


def _section(card: Card, run: Run) -> Content:
    measure, release = run.measure, run.release
    section: Content = {
        "id": measure.id,
        "title": measure.title,
        "question": measure.question,
        "source": {
            "file": release.file_name,
            "url": release.file_url,
            "status": release.status.value,
            "published": f"dated {release.published}" if release.published else "no date given",
            "retrieved": f"{release.retrieved}",
            "sha256": release.sha256,
            "up-to": measure.period.label(run.period_to),
        },
    }
    if card.figures is None or run.failure:
        left = "Its last good figures are on its page of the site, marked as such; they are not repeated here."
        error = run.failure.error if run.failure else ""
        return section | {
            "failed": f"The notebook has failed since {card.failed_since}, so that there are no figures to show. "
            f"The other measures are not affected. {left if card.has_last_good else ''}".strip(),
            "error": error,
        }
    return section | _found(card.figures, run)


def _found(figures: Figures, run: Run) -> Content:
    measure, content, summary = run.measure, run.content, figures.summary
    first = date.fromisoformat(content["points"][0]["period_start"])
    caveats = [each.text for each in measure.caveats_for(first, measure.period.end(run.period_to))]
    lead = _lead(run)
    watched = [part for part in summary.quality if part.kind == WATCH]
    return {
        "failed": "",
        "month": summary.month,
        "value": summary.value,
        "band": summary.band,
        "vintage": summary.vintage,
        "counted": summary.counted,
        "variation": {
            "icon": print_icons.variation(summary.variation.kind, summary.variation.text),
            "text": summary.variation.text,
        },
        "standards": [
            {
                "icon": print_icons.assurance(each.assurance), "name": each.name, "value": each.value,
                "met": each.met.text, "often": each.often,
            }
            for each in summary.standards
        ],
        "finding": content["findings"]["variation"],
        "peers": content["findings"]["peers"],
        "since": figures.since.text,
        "chart": {"svg": lead.wide, "words": lead.finding} if lead else None,
        "watched": ", ".join(f"{part.name.lower()} ({part.text})" for part in watched),
        "quality": [{"name": part.name, "text": part.text, "is-watched": part in watched} for part in summary.quality],
        "caveats": [plain(text) for text in [*caveats, *(each["text"] for each in corrected(run, first))]],
    }  # fmt: skip


def _lead(run: Run) -> Figure | None:
    """Return the chart over time, or else the first chart of the notebook."""
    figures = [(step.cell_id != LEAD, figure) for step in run.steps() for figure in step.figures]
    return min(figures, key=lambda each: each[0])[1] if figures else None


def members(tables: list[Table]) -> list[Content]:
    """Return tables of the latest figures of organisations."""
    return [
        {
            "domain": table.domain,
            "has-bands": table.has_bands,
            "headings": [{"title": measure.short_title, "period": period} for measure, period in table.measures],
            "rows": [
                {"name": row.name, "code": row.code, "cells": [_cell(cell) for cell in row.cells]}
                for row in table.rows
            ],
        }
        for table in tables
    ]  # fmt: skip


def _cell(cell: Cell | None) -> Content | None:
    if cell is None:
        return None
    sign = cell.variation
    return {
        "value": cell.value,
        "band": cell.band,
        "period": cell.period,
        "icon": print_icons.variation(sign.kind, sign.text),
        "text": sign.text,
    }


def plain(text: str) -> str:
    """Return a text without Markdown's links and code, which print does not have.

    >>> plain("See [the guidance](https://example.org), or `openmeasures check`.")
    'See the guidance, or openmeasures check.'
    """
    return _MARKS.sub(lambda found: found[1] or found[2], text)
