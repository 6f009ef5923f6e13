"""Findings in plain English: the text of pages, the alt text of charts and the summaries all come from here.

| function | says |
|---|---|
| `finding` | what the latest point of a series means, and whether the standard is in reach |
| `standing` | where an organisation lies among its peers |
| `quality` | how complete and consistent the figures are |
| `as_set` | a value that somebody set, such as a standard, in full |
| `listed` | `a, b and c` |
"""

from collections.abc import Sequence
from datetime import date
from itertools import takewhile
from math import isclose

import polars as pl

from openmeasures.definitions import Measure
from openmeasures.methods.peers import Position, Spread, position
from openmeasures.methods.spc import MINIMUM_POINTS, ROUNDING, Assurance, SpecialCause, Variation
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.periods import month_label
from openmeasures.quality import Quality
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Status

_KIND = {
    Variation.IMPROVEMENT_HIGH: "Special-cause improvement",
    Variation.IMPROVEMENT_LOW: "Special-cause improvement",
    Variation.CONCERN_HIGH: "Special-cause concern",
    Variation.CONCERN_LOW: "Special-cause concern",
    Variation.NEUTRAL_HIGH: "Special cause, high",
    Variation.NEUTRAL_LOW: "Special cause, low",
}
_HIGH = {Variation.IMPROVEMENT_HIGH, Variation.CONCERN_HIGH, Variation.NEUTRAL_HIGH}

_PLACES = {
    Position.LOWEST_QUARTER: "in the lowest quarter",
    Position.MIDDLE_HALF: "in the middle half",
    Position.HIGHEST_QUARTER: "in the highest quarter",
}

# The reader's sentence for each state; a figure that is missing is never called a zero.
STATUS_WORDS = {
    Status.REPORTED: "reported",
    Status.SUPPRESSED: "suppressed",
    Status.NOT_SUBMITTED: "not submitted",
    Status.NOT_APPLICABLE: "not applicable",
}

_SETTLED = {
    ReleaseStatus.PROVISIONAL: "is provisional and may be revised",
    ReleaseStatus.FINAL: "is final",
    ReleaseStatus.REVISED: "has been revised",
}


def listed(items: Sequence[str]) -> str:
    """Join items as a sentence does.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 month` or `2 months`.

    >>> plural(1, "month"), plural(0, "month")
    ('1 month', '0 months')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_set(value: float, measure: Measure) -> str:
    """Return a value that somebody set, with its unit, the decimals that it has and no more: `95 %`, but `99.5 %`."""
    decimals = len(f"{value:.4f}".rstrip("0").partition(".")[2])
    return measure.written(value, decimals=decimals)


def finding(points: pl.DataFrame, measure: Measure, *, period_to: date) -> str:
    """Say what the latest figure of one organisation's series means.

    Takes its points in order of time, with the columns of `methods.spc.xmr` and `standards.join`. A series without
    a figure, with too few, or that ended before `period_to` is said to be so.
    """
    figures = points.sort("period_start").drop_nulls("value")
    if figures.is_empty():
        return f"No figures up to {month_label(period_to)}."
    last = figures.row(-1, named=True)
    month, value = month_label(last["period_start"]), measure.written(last["value"])
    opening = f"The last figure is for {month}; later months have none. " if last["period_start"] < period_to else ""
    if last["mean"] is None:
        return (
            f"{opening}{value} in {month}. {plural(figures.height, 'month')} of figures are too few to tell common "
            f"from special cause, which takes {MINIMUM_POINTS}."
        )
    return f"{opening}{_variation(figures, measure)} {_assurance(last, measure)}".strip()


def _variation(figures: pl.DataFrame, measure: Measure) -> str:
    last = figures.row(-1, named=True)
    month, value = month_label(last["period_start"]), measure.written(last["value"])
    mean = measure.written(last["mean"])
    variation, cause = Variation(last["variation"]), SpecialCause(last["special_cause"])
    low, high = (measure.written(last[limit]) for limit in ("lower_process_limit", "upper_process_limit"))
    if cause == SpecialCause.NONE:
        return (
            f"Common-cause variation: {value} in {month} is within the range of {low} to {high} that this series is "
            f"expected to keep to, around an average of {mean}."
        )
    side, limit = ("above", high) if variation in _HIGH else ("below", low)
    match cause:
        case SpecialCause.ASTRONOMICAL_POINT:
            reason = f"{value} in {month} is {side} the expected range of {low} to {high}."
        case SpecialCause.SHIFT:
            months = _run_beside_mean(figures)
            reason = f"the last {months} months are {side} the average of {mean}; {month} is at {value}."
        case SpecialCause.TREND:
            direction = "higher" if variation in _HIGH else "lower"
            reason = f"each of the last months is {direction} than the one before; {month} is at {value}."
        case _:
            reason = (
                f"two of the last three months are unusually far {side} the average of {mean}, close to the limit of "
                f"{limit}; {month} is at {value}."
            )
    return f"{_KIND[variation]}: {reason}"


def _run_beside_mean(figures: pl.DataFrame) -> int:
    """Count the latest points that lie on one side of the mean; a point on it ends the run, as in `spc.xmr`."""
    sides = [
        0 if isclose(value, mean, rel_tol=ROUNDING) else 1 if value > mean else -1
        for value, mean in figures.select("value", "mean").reverse().iter_rows()
    ]
    return sum(1 for _ in takewhile(lambda side: side == sides[0], sides))


def _assurance(last: dict[str, object], measure: Measure) -> str:
    """Say whether the standard in force is within reach of the process as it is."""
    assurance = last.get("assurance")
    if assurance is None:
        return ""
    standard = as_set(float(str(last["standard"])), measure)
    match Assurance(str(assurance)):
        case Assurance.HIT_OR_MISS:
            return (
                f"The standard of {standard} lies inside the expected range, so it will be met in some months and "
                "not in others."
            )
        case Assurance.CONSISTENTLY_FAILING:
            beyond = "above" if measure.improvement == "increase" else "below"
            return f"The standard of {standard} lies {beyond} the expected range: not met unless something changes."
        case Assurance.CONSISTENTLY_PASSING:
            beyond = "below" if measure.improvement == "increase" else "above"
            return f"The standard of {standard} lies {beyond} the expected range: met every month unless something changes."


def standing(run: Parameters, latest: pl.DataFrame, *, spread: Spread, group: str) -> str:
    """Say where the run's organisation lies among its peers in the latest period, without a rank.

    `latest` has one row an organisation of the group (`org_code`, `value`); the run's own may be missing from it.
    """
    month, measure = month_label(run.period_to), run.measure
    if spread.organisations == 0:
        return f"None of the {group} has a figure for {month}."
    quartiles = (
        f"half of the {spread.organisations} {group} lie between {measure.written(spread.lower_quartile)} and "
        f"{measure.written(spread.upper_quartile)}"
    )
    if run.org_code == ENGLAND:
        return f"In {month} {quartiles}."
    mine = latest.filter(pl.col("org_code") == run.org_code).drop_nulls("value")
    if mine.is_empty():
        return f"{run.org_name} has no figure for {month}; {quartiles}."
    found = position(latest, org_code=run.org_code)
    place = f"is {_PLACES[found]}" if found else "has too few peers to be placed among them"
    return f"In {month} {run.org_name}, at {measure.written(mine['value'].item())}, {place}: {quartiles}."


def quality(found: Quality) -> str:
    """Say how complete, how consistent and how settled one organisation's figures are."""
    expected = sum(found.periods.values())
    gaps = [
        f"{plural(number, 'month')} {STATUS_WORDS[status]}"
        for status, number in found.periods.items()
        if number and status != Status.REPORTED
    ]
    parts = [f"{found.periods[Status.REPORTED]} of {plural(expected, 'month')} reported"]
    if gaps:
        parts[0] += f" ({listed(gaps)})"
    if found.last_reported and found.last_reported < found.latest:
        parts.append(f"nothing after {month_label(found.last_reported)}")
    unequal = found.unequal_totals
    parts.append(
        f"{plural(unequal, 'published total')} differ{'s' * (unequal == 1)} from the sum of organisations"
        if unequal
        else "all organisations add up to the published totals"
    )
    if found.coverage is not None:
        parts.append(f"figures cover {100 * found.coverage:.1f}\u00a0% of England's activity in the latest month")
    parts.append(f"the latest month {_SETTLED[found.latest_status]}")
    return f"{'; '.join(parts)}."
