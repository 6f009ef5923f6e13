"""The page that sets our figures for England beside the published ones."""

from typing import Any

import polars as pl

from openmeasures.definitions import Measure
from openmeasures.publishing.origins import Origins
from openmeasures.publishing.writer import Pages
from openmeasures.reviewing.reconcile import Verdict, noun_of, summarise
from openmeasures.words import continued, plural


def write(pages: Pages, found: dict[str, pl.DataFrame], measures: list[Measure], origins: Origins) -> None:
    """Write the page and each measure's table; `found` is that of `reconcile`, by measure."""
    for measure in measures:
        pages.write(address(measure), found[measure.id].write_csv())
    rows = [row for measure in measures for row in _rows(found[measure.id], measure)]
    pages.render("reconciliation.qmd", "reconciliation.qmd.jinja", rows=rows, origins=origins)


def address(measure: Measure) -> str:
    """Return where the table of all comparisons of a measure is."""
    return f"measures/{measure.id}/downloads/{measure.id}-reconciliation.csv"


def _rows(found: pl.DataFrame, measure: Measure) -> list[dict[str, Any]]:
    """Return one entry a published figure, with its differences grouped by their reason."""
    entries = []
    for summary in summarise(found).iter_rows(named=True):
        titles = {series.id: f"{measure.title}, {continued(series.title)}" for series in measure.series}
        title = titles.get(summary["series"], measure.title)
        mine = found.filter(
            pl.col("series") == summary["series"], pl.col("published_in") == summary["published_in"]
        ).filter(pl.col("verdict").is_in([Verdict.EXPLAINED.value, Verdict.UNEXPLAINED.value]))
        entries.append(
            summary
            | {
                "title": title,
                "measure_id": measure.id,
                "span": measure.period.span(summary["first"], summary["last"]),
                "csv": address(measure),
                "differences": [
                    _difference(part, measure, noun=noun_of(summary, measure.period))
                    for part in mine.sort("period_start").partition_by("reason", maintain_order=True)
                ],
            }
        )
    return entries


def _difference(part: pl.DataFrame, measure: Measure, *, noun: str) -> dict[str, str]:
    least, most = part["difference"].min(), part["difference"].max()
    return {
        "months": measure.period.span(part["period_start"][0], part["period_start"][-1]),
        "number": plural(part.height, noun),
        "range": f"{_signed(least, measure)} to {_signed(most, measure)}"
        if part.height > 1
        else _signed(least, measure),
        "reason": part["reason"][0] or "Not known. Please tell us if you know it.",
    }


def _signed(value: object, measure: Measure) -> str:
    number = float(str(value))
    return f"{'−' if number < 0 else '+'}{abs(number):.3f} {'points' if measure.unit == 'percent' else measure.unit}"
