"""What is different from one period ago: whether the latest figure's signal, or a standard that it meets, is another.

Both periods are judged as the present run judges them, with the same limits, so that a change is one of the figures and
not of the method.

| function | says |
|---|---|
| `since` | what changed, in words; that nothing did; or why that cannot be told |
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from openmeasures import results
from openmeasures.definitions import Measure
from openmeasures.methods.assurance import Assurance
from openmeasures.methods.signals import Variation
from openmeasures.publishing import summary

_SIGNALS = {
    Variation.COMMON_CAUSE: "no change detected",
    Variation.IMPROVEMENT_HIGH: "improvement ▲",
    Variation.IMPROVEMENT_LOW: "improvement ▼",
    Variation.CONCERN_HIGH: "concern ▲",
    Variation.CONCERN_LOW: "concern ▼",
    Variation.NEUTRAL_HIGH: "high ▲",
    Variation.NEUTRAL_LOW: "low ▼",
}
_OUTLOOKS = {
    Assurance.CONSISTENTLY_PASSING: "expected to be met",
    Assurance.HIT_OR_MISS: "met or missed by chance",
    Assurance.CONSISTENTLY_FAILING: "not expected to be met",
}


@dataclass(frozen=True)
class Since:
    """What is different from one period ago, in words, and whether anything is."""

    text: str
    has_changed: bool


def since(content: dict[str, Any], measure: Measure) -> Since:
    """Return what is different between the latest figure of a run's result and that of the period before it.

    Compared are the signal of the chart over time, whether the standard for every period is met, and what its icon
    says; the signal only where the page judges it. Nothing is compared where the series has ended, or the period before
    has no figure.
    """
    latest = summary.latest_point(content)
    if latest is None or summary.has_ended(content):
        return Since("", has_changed=False)
    period = measure.period
    day = date.fromisoformat(latest["period_start"])
    before = _before(content, day, measure)
    if before is None or before["value"] is None:
        return Since(f"There is no figure for the {period.noun} before to compare with.", has_changed=False)
    ago = period.label(date.fromisoformat(before["period_start"]))
    is_judged = content["suits_limits"] and not period.overlaps
    said = [_signal(before, latest) if is_judged else "", _met(before, latest, measure), _outlook(before, latest)]
    changes = [each for each in said if each]
    if changes:
        return Since(f"Since {ago}: {'; '.join(changes)}.", has_changed=True)
    return Since(f"The same signs as in {ago}.", has_changed=False)


def _before(content: dict[str, Any], day: date, measure: Measure) -> dict[str, Any] | None:
    of_measure = [point for point in content["points"] if point["series"] == results.ALL]
    earlier = [point for point in of_measure if measure.period.next(date.fromisoformat(point["period_start"])) == day]
    return earlier[0] if earlier else None


def _signal(before: dict[str, Any], latest: dict[str, Any]) -> str:
    one, other = before["variation"], latest["variation"]
    if one is None or other is None or one == other:
        return ""
    return f"the signal was “{_SIGNALS[Variation(one)]}” and is “{_SIGNALS[Variation(other)]}”"


def _met(before: dict[str, Any], latest: dict[str, Any], measure: Measure) -> str:
    standards = [measure.lasting_standard_on(date.fromisoformat(point["period_start"])) for point in (before, latest)]
    if measure.improvement == "neutral" or None in standards:
        return ""
    one, other = (
        measure.meets(point["value"], standard.value)
        for point, standard in zip((before, latest), standards, strict=True)
        if standard is not None
    )
    if one == other:
        return ""
    return "the standard was missed and is met" if other else "the standard was met and is missed"


def _outlook(before: dict[str, Any], latest: dict[str, Any]) -> str:
    one, other = before["assurance"], latest["assurance"]
    if one is None or other is None or one == other:
        return ""
    return f"the standard was {_OUTLOOKS[Assurance(one)]} and is now {_OUTLOOKS[Assurance(other)]}"
