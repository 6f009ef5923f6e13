"""Where an organisation stands among its peers, in plain English: never a rank.

| function | says |
|---|---|
| `in_funnel` | whether it is unusual among them, and from how many it differs by more than chance in the counts |
| `overdispersion` | how much more organisations differ than chance, and what the limits make of it |
| `over_time` | between which values most of them lie in the latest period |
| `together` | what its own series and the funnel say together |
| `by_quarters` | the same as `in_funnel` where no interval is known, by quarters of the spread |
"""

from typing import Any

import polars as pl

from openmeasures import words
from openmeasures.methods.benchmark import Reading, reading
from openmeasures.methods.funnel import BEYOND, MINIMUM_ORGANISATIONS, Funnel, Position
from openmeasures.methods.overdispersion import by_chance
from openmeasures.methods.peers import Position as Quarter
from openmeasures.methods.peers import Spread, position
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import PeerGroup
from openmeasures.periods import Period

_IN_FUNNEL = {
    Position.ABOVE_99_8: "lies above the funnel's 99.8\u00a0% limit: higher than its size {explains}",
    Position.ABOVE_95: "lies above the funnel's 95\u00a0% limit, and inside 99.8\u00a0%, as some do by chance alone",
    Position.WITHIN_95: "lies within the funnel's 95\u00a0% limits: not unusual among them",
    Position.BELOW_95: "lies below the funnel's 95\u00a0% limit, and inside 99.8\u00a0%, as some do by chance alone",
    Position.BELOW_99_8: "lies below the funnel's 99.8\u00a0% limit: lower than its size {explains}",
}
_TOGETHER = {
    Reading.BOTH: "It is unusual among its peers, and its own series has special cause: both ask for an explanation.",
    Reading.OVER_TIME: "Its own series has special cause, and yet it is not unusual among its peers.",
    Reading.AMONG_PEERS: (
        "It is unusual among its peers, and steadily so: its own series has common-cause variation alone. The "
        "difference is not new; its cause cannot be told from these figures."
    ),
    Reading.NEITHER: "Neither its own series nor the comparison with its peers shows anything unusual.",
}
_CANNOT_TELL = (
    "The organisations differ so much that limits which make room for their usual spread hold every one of them: none "
    "can be called unusual."
)
_BETTER = {"increase": "; higher is better", "decrease": "; lower is better", "neutral": ""}
FEWEST_CASES = 50  # our own choice: of fewer, chance alone moves a figure by a quarter or more
_UNUSUAL = (Reading.BOTH, Reading.AMONG_PEERS)
_PLACES = {
    Quarter.LOWEST_QUARTER: "in the lowest quarter",
    Quarter.MIDDLE_HALF: "in the middle half",
    Quarter.HIGHEST_QUARTER: "in the highest quarter",
}


def in_funnel(run: Parameters, found: Funnel, *, group: PeerGroup) -> str:
    """Say where the run's organisation lies in the funnel of its group in the latest period.

    `found.points` has `org_code` and the columns of `benchmark.rank_intervals`; the run's own organisation may be
    missing from it. England is the target, so for England it is said how many lie beyond the limits. The only
    organisation with a figure is the target, too, and has no place.
    """
    month, measure = run.measure.period.label(run.period_to), run.measure
    if not group.org_codes and run.org_code != ENGLAND:
        return f"{run.org_name} reported nothing in {_year_to(run)}, so it is compared with no one."
    if found.organisations == 0:
        return f"None of the {group.label} has a figure for {month}."
    mine = found.points.filter(pl.col("org_code") == run.org_code).drop_nulls("value")
    if found.organisations == 1 and (run.org_code == ENGLAND or not mine.is_empty()):
        return f"{group.title}: only one of the {group.label} has a figure for {month}, so there is no comparison."
    if run.org_code == ENGLAND:
        together = measure.written(measure.scale * found.target)
        return (
            f"{group.title}: in {month} the {found.organisations} {group.label} together are at {together}. "
            f"{_beyond(found) if found.tells_apart else _CANNOT_TELL}"
        )
    if mine.is_empty():
        return f"{group.title}: {run.org_name} has no figure for {month}."
    row = mine.row(0, named=True)
    place = _IN_FUNNEL[Position(row["position"])].format(explains=_explains(found))
    value = measure.written(measure.scale * row["value"])
    opening = f"{group.title}: in {month} {run.org_name}"
    said = f"{opening}, at {value}, {place}." if found.tells_apart else f"{opening} is at {value}. {_CANNOT_TELL}"
    return f"{said} {_others(row, found, better=_BETTER[measure.improvement])}"


def _year_to(run: Parameters) -> str:
    """Return the time in which an organisation has to have reported anything to have peers."""
    period = run.measure.period
    return period.label(run.period_to) if period.per_year == 1 else f"the year to {period.label(run.period_to)}"


def _beyond(found: Funnel) -> str:
    above, below = (found.points.filter(pl.col("position") == place.value).height for place in BEYOND)
    if not above + below:
        return "None of them lies beyond the funnel's 99.8\u00a0% limits."
    sides = [f"{number} {side}" for number, side in ((above, "above"), (below, "below")) if number]
    first, *second = sides
    lie = "lies" if first.startswith("1 ") else "lie"
    where = words.listed([first.replace(" ", f" {lie} ", 1), *second])
    return f"Of them {where} the funnel's 99.8\u00a0% limits, by more than size {_explains(found)}."


def _explains(found: Funnel) -> str:
    """Say what limits make room for beside size; what is usual is known only where they were adjusted."""
    return "and the usual spread explain" if found.is_adjusted else "and chance alone explain"


def _others(row: dict[str, Any], found: Funnel, *, better: str) -> str:
    """Say from how many others the organisation differs by more than chance in the counts; a rank is never stated."""
    others = found.organisations - 1
    cases = min(row["numerator"], row["denominator"] - row["numerator"]) if found.kind == "proportion" else None
    cases = row["denominator" if found.kind == "mean" else "numerator"] if cases is None else cases
    chance = "chance in single values" if found.kind == "mean" else "chance in the counts"
    if cases < FEWEST_CASES:
        return f"With {words.plural(round(cases), 'case')} it is not set against single others."
    lower_than, higher_than = row["rank_lower"] - 1, found.organisations - row["rank_upper"]
    if not lower_than + higher_than:
        return f"{chance.capitalize()} may explain its distance from each of the other {others}."
    for number, side in ((lower_than, "lower"), (higher_than, "higher")):
        if number == others:
            each = f"each of the other {others}" if others > 1 else "the other one"
            return f"By more than {chance} it is {side} than {each}{better}."
    sides = [f"{side} than {number}" for number, side in ((lower_than, "lower"), (higher_than, "higher")) if number]
    return f"By more than {chance} it is {words.listed(sides)} of the other {others}{better}."


def overdispersion(found: Funnel) -> str:
    """Say how much more the organisations differ than chance would have them, and which limits are drawn."""
    if found.organisations == 0:
        return ""
    if found.estimated_from < MINIMUM_ORGANISATIONS:
        number = (
            f"{words.plural(found.estimated_from, 'organisation')} alone" if found.estimated_from else "no organisation"
        )
        few = "a figure from" if found.estimated_from == found.organisations else "figures large enough from"
        return (
            f"With {few} {number}, how much they usually differ cannot be told; the limits are those of chance alone."
        )
    outside = found.points.filter(pl.col("exact_position").is_in([place.value for place in BEYOND])).height
    organisations = "Apart from the most extreme, the organisations" if outside else "The organisations"
    if found.dispersion <= 1:
        return f"{organisations} differ no more than chance would have them; the limits are those of chance alone."
    room = (
        "The limits therefore make room for the spread that is usual among them (additive overdispersion)."
        if found.is_adjusted and found.tells_apart
        else "Limits with room for such a spread would hold every figure, so the chart shows how the figures lie."
        if found.is_adjusted
        else "The limits are nevertheless those of chance alone."
    )
    if found.dispersion <= by_chance(found.organisations):
        return (
            f"{organisations} differ little more than chance would have them: the variance of their scores is "
            f"{_times(found.dispersion)} times what it would make it (φ), which chance itself can bring about. {room}"
        )
    return (
        f"The organisations differ by more than chance: {outside} of {found.organisations} lie outside 99.8\u00a0% "
        f"limits from chance alone, and the variance of their scores is {_times(found.dispersion)} times what chance "
        f"would make it (φ). {room}"
    )


def _times(dispersion: float) -> str:
    return f"{dispersion:,.0f}" if dispersion >= 10 else f"{dispersion:.1f}"  # noqa: PLR2004 - two digits either way


def over_time(run: Parameters, deciles: pl.DataFrame, *, group: PeerGroup) -> str:
    """Say between which values the middle eight tenths of the group lie in the latest period, and its median.

    Empty where there are too few organisations for deciles.
    """
    measure = run.measure
    latest = deciles.filter(pl.col("period_start") == run.period_to).drop_nulls("decile_50")
    if latest.is_empty():
        return ""
    row = latest.row(0, named=True)
    return (
        f"{group.title} over time: in {measure.period.label(run.period_to)} eight in ten of the {row['organisations']} "
        f"{group.label} lie between {measure.written(row['decile_10'])} and {measure.written(row['decile_90'])}, the "
        f"middle one at {measure.written(row['decile_50'])}."
    )


def together(run: Parameters, series: pl.DataFrame, found: Funnel) -> str:
    """Say what the organisation's own series (SPC points) and the funnel come to in the latest period.

    Empty where either has nothing to say: for England, without limits, without a figure in that period, or without
    anyone to compare with; and where it is beyond limits of chance alone, since there are too few organisations to
    tell how much they usually differ; and where the funnel tells nobody apart.
    """
    if found.organisations == 1 or not found.tells_apart:
        return ""
    variation = series.filter(pl.col("period_start") == run.period_to)["variation"].to_list()
    place = found.points.filter(pl.col("org_code") == run.org_code)["position"].to_list()
    both = reading(next(iter(variation), None), next(iter(place), None))
    is_usual_unknown = both in _UNUSUAL and found.estimated_from < MINIMUM_ORGANISATIONS
    return _TOGETHER[both] if both and not is_usual_unknown else ""


def by_quarters(run: Parameters, latest: pl.DataFrame, *, spread: Spread, group: PeerGroup) -> str:
    """Say where the run's organisation lies among its peers in the latest period, without a rank.

    `latest` has one row an organisation of the group (`org_code`, `value`); the run's own may be missing from it.
    """
    month, measure = run.measure.period.label(run.period_to), run.measure
    if not group.org_codes and run.org_code != ENGLAND:
        return f"{run.org_name} reported nothing in {_year_to(run)}, so it is compared with no one."
    if spread.organisations == 0:
        return f"None of the {group.label} has a figure for {month}."
    quartiles = (
        f"half of the {spread.organisations} {group.label} lie between {measure.written(spread.lower_quartile)} and "
        f"{measure.written(spread.upper_quartile)}"
    )
    if run.org_code == ENGLAND:
        return f"{group.title}: in {month} {quartiles}."
    mine = latest.filter(pl.col("org_code") == run.org_code).drop_nulls("value")
    if mine.is_empty():
        return f"{group.title}: {run.org_name} has no figure for {month}; {quartiles}."
    found = position(latest, org_code=run.org_code)
    # Where figures are by quarters, another kind of quarter has to be told from theirs.
    among = " of the organisations" if measure.period is Period.QUARTER and found != Quarter.MIDDLE_HALF else ""
    place = f"is {_PLACES[found]}{among}" if found else "has too few peers to be placed among them"
    return (
        f"{group.title}: in {month} {run.org_name}, at {measure.written(mine['value'].item())}, {place}; {quartiles}."
    )
