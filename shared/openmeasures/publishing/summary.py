"""The few facts that lead a page or fill a card, from a run's result; formatted here, computed elsewhere."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from openmeasures import results, words
from openmeasures.definitions import Measure
from openmeasures.methods.spc import Assurance, Variation
from openmeasures.periods import month_label
from openmeasures.releases import Release
from openmeasures.schemas import Status


@dataclass(frozen=True)
class Badge:
    """A word for a state, and its kind for the style sheet; the word is enough without the colour."""

    kind: str
    text: str


@dataclass(frozen=True)
class StandardFact:
    """The standard in force at the latest figure, and whether it is in reach."""

    name: str
    value: str
    kind: str
    text: str


@dataclass(frozen=True)
class Summary:
    """The latest figure of an organisation and what it means."""

    month: str
    value: str
    counted: str
    variation: Badge
    standard: StandardFact | None
    data_to: str
    vintage: str


_VARIATIONS = {
    Variation.COMMON_CAUSE: Badge("common", "Common cause: no sign of change"),
    Variation.IMPROVEMENT_HIGH: Badge("improvement", "Special cause: improvement ▲"),
    Variation.IMPROVEMENT_LOW: Badge("improvement", "Special cause: improvement ▼"),
    Variation.CONCERN_HIGH: Badge("concern", "Special cause: concern ▲"),
    Variation.CONCERN_LOW: Badge("concern", "Special cause: concern ▼"),
    Variation.NEUTRAL_HIGH: Badge("neutral", "Special cause: high ▲"),
    Variation.NEUTRAL_LOW: Badge("neutral", "Special cause: low ▼"),
}
TOO_FEW = Badge("none", "Too few months to say")
_ASSURANCES = {
    Assurance.CONSISTENTLY_PASSING: Badge("passing", "Will be met every month"),
    Assurance.HIT_OR_MISS: Badge("hit-or-miss", "Met in some months and not in others"),
    Assurance.CONSISTENTLY_FAILING: Badge("failing", "Will not be met without change"),
}


def latest_point(content: dict[str, Any]) -> dict[str, Any] | None:
    """Return the last point with a value of the measure itself; None where there is none."""
    points = [point for point in content["points"] if point["series"] == results.ALL and point["value"] is not None]
    return points[-1] if points else None


def variation(point: dict[str, Any] | None) -> Badge:
    """Return the badge of a point's variation."""
    return _VARIATIONS[Variation(point["variation"])] if point and point["variation"] else TOO_FEW


def summarise(content: dict[str, Any], measure: Measure, release: Release) -> Summary:
    """Return the facts of one run; `release` is the latest behind it."""
    point = latest_point(content)
    return Summary(
        month=month_label(date.fromisoformat(point["period_start"])) if point else "No month",
        value=measure.written(point["value"] if point else None),
        counted=f"{point['numerator']:,.0f} of {point['denominator']:,.0f}" if point else "",
        variation=variation(point),
        standard=_standard(point, measure),
        data_to=month_label(date.fromisoformat(content["period_to"])),
        vintage=release.status.value,
    )


def _standard(point: dict[str, Any] | None, measure: Measure) -> StandardFact | None:
    if not point or point["standard"] is None:
        return None
    badge = _ASSURANCES[Assurance(point["assurance"])] if point["assurance"] else TOO_FEW
    return StandardFact(point["standard_name"], words.as_set(point["standard"], measure), badge.kind, badge.text)


def rows(content: dict[str, Any], measure: Measure, *, series: str) -> list[dict[str, str]]:
    """Return the table behind a chart, latest month first."""
    return [_row(point, measure) for point in reversed(content["points"]) if point["series"] == series]


def _row(point: dict[str, Any], measure: Measure) -> dict[str, str]:
    def between(lower: str, upper: str) -> str:
        known = point[lower] is not None and point[upper] is not None
        return f"{measure.written(point[lower])} to {measure.written(point[upper])}" if known else ""

    status = Status(point["status"])
    return {
        "month": month_label(date.fromisoformat(point["period_start"])),
        "numerator": "" if point["numerator"] is None else f"{point['numerator']:,.0f}",
        "denominator": "" if point["denominator"] is None else f"{point['denominator']:,.0f}",
        "value": "" if point["value"] is None else measure.written(point["value"]),
        "interval": between("value_lower", "value_upper"),
        "limits": between("lower_process_limit", "upper_process_limit"),
        "status": words.STATUS_WORDS[status],
    }
