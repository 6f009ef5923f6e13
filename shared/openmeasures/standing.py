"""Where an organisation stands among its peers, in plain English: never a bare rank.

| function | says |
|---|---|
| `in_funnel` | whether it is unusual among them, and which ranks its figures allow |
| `overdispersion` | how much more organisations differ than chance, and what the limits make of it |
| `over_time` | between which values most of them lie in the latest period |
| `together` | what its own series and the funnel say together |
| `by_quarters` | the same as `in_funnel` where no interval is known, by quarters of the spread |
"""

import polars as pl

from openmeasures.methods.benchmark import Reading, reading
from openmeasures.methods.funnel import BEYOND, MINIMUM_ORGANISATIONS, Funnel, Position
from openmeasures.methods.overdispersion import by_chance
from openmeasures.methods.peers import Position as Quarter
from openmeasures.methods.peers import Spread, position
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import PeerGroup
from openmeasures.periods import month_label
from openmeasures.words import plural

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
        "It is unusual among its peers, and steadily so: its own series has common-cause variation alone. What makes "
        "it differ was there before, in its patients or in how its work is set up."
    ),
    Reading.NEITHER: "Neither its own series nor the comparison with its peers shows anything unusual.",
}
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
    month, measure = month_label(run.period_to), run.measure
    if not group.org_codes and run.org_code != ENGLAND:
        return f"{run.org_name} reported nothing in the year to {month}, so it is compared with no one."
    if found.organisations == 0:
        return f"None of the {group.label} has a figure for {month}."
    mine = found.points.filter(pl.col("org_code") == run.org_code).drop_nulls("value")
    if found.organisations == 1 and (run.org_code == ENGLAND or not mine.is_empty()):
        return f"{group.title}: only one of the {group.label} has a figure for {month}, so there is no comparison."
    if run.org_code == ENGLAND:
        together = measure.written(measure.scale * found.target)
        return (
            f"{group.title}: in {month} the {found.organisations} {group.label} together are at {together}. "
            f"{_beyond(found)}"
        )
    if mine.is_empty():
        return f"{group.title}: {run.org_name} has no figure for {month}."
    row = mine.row(0, named=True)
    ranks = _ranks(row["rank_lower"], row["rank_upper"], found.organisations)
    return (
        f"{group.title}: in {month} {run.org_name}, at {measure.written(measure.scale * row['value'])}, "
        f"{_IN_FUNNEL[Position(row['position'])].format(explains=_explains(found))}. {ranks}"
    )


def _beyond(found: Funnel) -> str:
    above, below = (found.points.filter(pl.col("position") == place.value).height for place in BEYOND)
    if not above + below:
        return "None of them lies beyond the funnel's 99.8\u00a0% limits."
    lie = "lies" if above == 1 else "lie"
    return (
        f"{above} of them {lie} above the funnel's 99.8\u00a0% limits and {below} below, by more than size "
        f"{_explains(found)}."
    )


def _explains(found: Funnel) -> str:
    """Say what limits make room for beside size; what is usual is known only where they were adjusted."""
    return "and the usual spread explain" if found.is_adjusted else "and chance alone explain"


def _ranks(lower: int, upper: int, number: int) -> str:
    if (lower, upper) == (1, number):
        return f"Chance in the counts leaves every rank among the {number} open to it."
    if lower == upper:
        return f"Chance in the counts leaves it one rank: {_ordinal(lower)} highest of {number}."
    return f"Chance in the counts leaves it any rank from {_ordinal(lower)} to {_ordinal(upper)} highest of {number}."


def _ordinal(number: int) -> str:
    """Return `1st`, `22nd`, `13th`.

    >>> [_ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd', '111th']
    """
    teens = range(11, 14)
    ending = "th" if number % 100 in teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def overdispersion(found: Funnel) -> str:
    """Say how much more the organisations differ than chance would have them, and which limits are drawn."""
    if found.organisations == 0:
        return ""
    if found.estimated_from < MINIMUM_ORGANISATIONS:
        number = f"{plural(found.estimated_from, 'organisation')} alone" if found.estimated_from else "no organisation"
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
        f"{group.title} over time: in {month_label(run.period_to)} eight in ten of the {row['organisations']} "
        f"{group.label} lie between {measure.written(row['decile_10'])} and {measure.written(row['decile_90'])}, the "
        f"middle one at {measure.written(row['decile_50'])}."
    )


def together(run: Parameters, series: pl.DataFrame, found: Funnel) -> str:
    """Say what the organisation's own series (SPC points) and the funnel come to in the latest period.

    Empty where either has nothing to say: for England, without limits, without a figure in that period, or without
    anyone to compare with; and where it is beyond limits of chance alone, since there are too few organisations to
    tell how much they usually differ.
    """
    if found.organisations == 1:
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
    month, measure = month_label(run.period_to), run.measure
    if not group.org_codes and run.org_code != ENGLAND:
        return f"{run.org_name} reported nothing in the year to {month}, so it is compared with no one."
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
    place = f"is {_PLACES[found]}" if found else "has too few peers to be placed among them"
    return (
        f"{group.title}: in {month} {run.org_name}, at {measure.written(mine['value'].item())}, {place}; {quartiles}."
    )
