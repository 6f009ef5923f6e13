"""The few facts that lead a page or fill a card, from a run's result; formatted here, computed elsewhere."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from openmeasures import results, words
from openmeasures.definitions import Measure
from openmeasures.methods import stability
from openmeasures.methods.assurance import Assurance
from openmeasures.methods.signals import Variation
from openmeasures.periods import Period, day_label
from openmeasures.publishing import quality_badge
from openmeasures.publishing.quality_badge import QualityPart
from openmeasures.releases import Release
from openmeasures.schemas import Status


@dataclass(frozen=True)
class Badge:
    """A word for a state, and its kind for the style sheet; the word is enough without the colour."""

    kind: str
    text: str


@dataclass(frozen=True)
class StandardFact:
    """A standard in force at the latest figure, and whether that figure and those before it met it.

    `assurance` is the kind of its icon, `none` where limits say nothing of what comes next.
    """

    name: str
    value: str
    met: Badge
    often: str
    assurance: str


@dataclass(frozen=True)
class Summary:
    """The latest figure of an organisation and what it means; `band` is empty where it has none."""

    month: str
    value: str
    band: str
    counted: str
    variation: Badge
    standards: list[StandardFact]
    vintage: str
    quality: list[QualityPart]


VARIATIONS = {
    Variation.COMMON_CAUSE: Badge("common", "No change detected (common cause)"),
    Variation.IMPROVEMENT_HIGH: Badge("improvement", "Special cause: improvement ▲"),
    Variation.IMPROVEMENT_LOW: Badge("improvement", "Special cause: improvement ▼"),
    Variation.CONCERN_HIGH: Badge("concern", "Special cause: concern ▲"),
    Variation.CONCERN_LOW: Badge("concern", "Special cause: concern ▼"),
    Variation.NEUTRAL_HIGH: Badge("neutral", "Special cause: high ▲"),
    Variation.NEUTRAL_LOW: Badge("neutral", "Special cause: low ▼"),
}
_ICONS = {
    Assurance.CONSISTENTLY_PASSING: "passing",
    Assurance.HIT_OR_MISS: "hit-or-miss",
    Assurance.CONSISTENTLY_FAILING: "failing",
}
TOO_FEW_CASES = Badge("none", "Too few cases to say")
OVERLAPPING = Badge("none", "Not judged: figures overlap")
NO_ONE_LEVEL = Badge("none", "Keeps to no one level")


_LIMITED = {name: results.COLUMNS[name] for name in ("value", "lower_process_limit", "upper_process_limit")}


def latest_point(content: dict[str, Any]) -> dict[str, Any] | None:
    """Return the last point with a value of the measure itself; None where there is none."""
    points = [point for point in content["points"] if point["series"] == results.ALL and point["value"] is not None]
    return points[-1] if points else None


def has_ended(content: dict[str, Any]) -> bool:
    """Whether the last figure is older than the data: the organisation closed, merged or stopped reporting."""
    point = latest_point(content)
    return point is not None and point["period_start"] < content["period_to"]


def variation(content: dict[str, Any], period: Period = Period.MONTH) -> Badge:
    """Return the badge of the latest figure's variation; a series that has ended has none.

    Where the last figure is common cause, but limits do not describe the series (`methods.stability`), as of a list
    that grew for years, a badge of no change would contradict the finding.
    """
    point = latest_point(content)
    if point and has_ended(content):
        return Badge("none", f"No figures after {period.label(_start(point))}")
    if point and period.overlaps:
        return OVERLAPPING
    if point and not content["suits_limits"]:
        return TOO_FEW_CASES
    too_few = Badge("none", f"Too few {period.plural} to say")
    if not point or not point["variation"]:
        return too_few
    found = Variation(point["variation"])
    return NO_ONE_LEVEL if found == Variation.COMMON_CAUSE and not _is_described(content, point) else VARIATIONS[found]


def band(content: dict[str, Any]) -> str:
    """Return the band of the latest figure, such as "Higher than expected", to stand beside it.

    Empty where the measure has no bands, the figure has none, or the series has ended.
    """
    point = latest_point(content)
    return "" if point is None or has_ended(content) else (point.get("band") or "").capitalize()


def _is_described(content: dict[str, Any], last: dict[str, Any]) -> bool:
    """Whether the limits at the last figure describe those figures of the measure that share them."""
    level = [
        point for point in content["points"] if point["series"] == results.ALL and point["segment"] == last["segment"]
    ]
    return stability.is_described(pl.DataFrame(level, schema=_LIMITED))


def summarise(content: dict[str, Any], measure: Measure, release: Release, *, reaches: date) -> Summary:
    """Return the facts of one run; `release` is the latest behind it, `reaches` the last day of any data."""
    point = latest_point(content)
    return Summary(
        month=measure.period.in_full(_start(point)) if point else f"No {measure.period.noun}",
        value=written(point, measure),
        band=band(content),
        counted=_counted(point, measure) if point else "",
        variation=variation(content, measure.period),
        standards=[] if has_ended(content) else [_standard(row, measure) for row in content["standards"]],
        vintage=f"{release.status.value}{known_on(content)}",
        quality=quality_badge.parts(content, measure, last=_start(point) if point else None, reaches=reaches),
    )


def known_on(content: dict[str, Any]) -> str:
    """Return, after a comma, the day whose knowledge a run shows; nothing where it is the present."""
    as_of = content["as_of"]
    return as_of and f", as known on {day_label(date.fromisoformat(as_of))}"


def written(point: dict[str, Any] | None, measure: Measure) -> str:
    """Return a point's value as a reader writes it, told apart from the standards of its month."""
    if point is None:
        return measure.written(None)
    return measure.written_on(point["value"], date.fromisoformat(point["period_start"]))


def _counted(point: dict[str, Any], measure: Measure) -> str:
    """Say what a figure rests on; of a mean, how many it is the mean of."""
    of_all = words.number(point["denominator"])
    if measure.kind == "mean":
        return f"{of_all} {measure.denominator.label}"
    if measure.unit == "ratio":
        return f"{words.number(point['numerator'])} {measure.numerator.label}, {of_all} {measure.denominator.label}"
    return f"{words.number(point['numerator'])} of {of_all}"


def _start(point: dict[str, Any]) -> date:
    return date.fromisoformat(point["period_start"])


def _month(point: dict[str, Any], measure: Measure) -> str:
    return measure.period.label(_start(point))


def _standard(row: dict[str, Any], measure: Measure) -> StandardFact:
    met, often = _milestone(row, measure) if row["periods"] is None else _monthly(row, measure)
    return StandardFact(
        name=row["standard_name"],
        value=measure.written_as_set(row["standard"]),
        met=met,
        often=often,
        assurance="none" if row["is_changing"] or not row["assurance"] else _ICONS[Assurance(row["assurance"])],
    )


def _monthly(row: dict[str, Any], measure: Measure) -> tuple[Badge, str]:
    period = measure.period
    if row["periods"] == 1:
        only = f"the only {period.noun} of the last {period.lately} with a figure"
        return _verdict(row, measure), f"{'Met' if row['periods_met'] else 'Missed'} in {only}"
    among = words.stretch(row["periods"], row["periods_spanned"], period)
    return _verdict(row, measure), f"Met in {row['periods_met']} of the last {among}"


def _milestone(row: dict[str, Any], measure: Measure) -> tuple[Badge, str]:
    """Return whether a milestone was met, or that its month has no figure yet; no other month says anything of it."""
    if row["latest"] is not None:
        return _verdict(row, measure), f"{written(row, measure)} against {measure.written_as_set(row['standard'])}"
    period = measure.period
    due = f"For all its {period.plural}"
    if row["due_month"]:
        due = f"No figure for {period.label(date.fromisoformat(row['due_month']))} yet"
    return Badge("none", due), f"{_month(row, measure)}: {written(row, measure)}"


def _verdict(row: dict[str, Any], measure: Measure) -> Badge:
    month = _month(row, measure)
    return Badge("passing", f"Met in {month}") if row["latest"] else Badge("failing", f"Missed in {month}")


@dataclass(frozen=True)
class Table:
    """Headings, and rows of as many cells."""

    headings: list[str]
    rows: list[list[str]]


def table(content: dict[str, Any], measure: Measure, *, series: str) -> Table:
    """Return the table behind a chart, latest month first, without the columns in which no month has anything."""
    headings = {
        "month": measure.period.heading,
        "numerator": measure.numerator.heading,
        "denominator": measure.denominator.heading,
        "value": "Value",
        "interval": "95\u00a0% interval",
        "limits": "Process limits",
        "status": "Status",
    }
    rows = [_row(point, measure) for point in reversed(content["points"]) if point["series"] == series]
    kept = [name for name in headings if any(row[name] for row in rows)]
    return Table([headings[name] for name in kept], [[row[name] for name in kept] for row in rows])


def _row(point: dict[str, Any], measure: Measure) -> dict[str, str]:
    # A percentile beyond the last band has no value either, although people were counted.
    is_idle = point["value"] is None and point["denominator"] == 0
    return {
        "month": _month(point, measure),
        "numerator": words.number(point["numerator"]),
        "denominator": words.number(point["denominator"]),
        "value": "" if point["value"] is None else written(point, measure),
        "interval": words.span(point["value_lower"], point["value_upper"], measure),
        "limits": words.span(point["lower_process_limit"], point["upper_process_limit"], measure),
        "status": words.NO_ACTIVITY if is_idle else words.STATUS_WORDS[Status(point["status"])],
    }
