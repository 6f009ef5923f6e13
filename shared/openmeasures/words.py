"""Findings in plain English: the text of pages, the alt text of charts and the summaries all come from here.

| function | says |
|---|---|
| `finding` | what the latest point of a series means, and whether the standard is in reach |
| `quality` | how complete and consistent the figures are |
| `listed`, `together` | `a, b and c`; several sentences |
| `number`, `label`, `reason` | a count; what it counts; why there is none |
| `plural`, `doing` | a number with its noun; with its verb |
| `stretch` | how many figures, and over how long where that is longer |
| `span` | an interval, for a cell |
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import takewhile
from math import isclose
from typing import Any

import polars as pl

from openmeasures.definitions import MINUS, Measure, Part, Standard
from openmeasures.methods import choice, rulesets, stability
from openmeasures.methods.assurance import ROUNDING, Assurance
from openmeasures.methods.signals import SpecialCause, Variation
from openmeasures.periods import Period
from openmeasures.quality import Quality
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import EXCEEDS, Status

_KIND = {
    Variation.IMPROVEMENT_HIGH: "Special-cause improvement",
    Variation.IMPROVEMENT_LOW: "Special-cause improvement",
    Variation.CONCERN_HIGH: "Special-cause concern",
    Variation.CONCERN_LOW: "Special-cause concern",
    Variation.NEUTRAL_HIGH: "Special cause, high",
    Variation.NEUTRAL_LOW: "Special cause, low",
}
_HIGH = {Variation.IMPROVEMENT_HIGH, Variation.CONCERN_HIGH, Variation.NEUTRAL_HIGH}

# What the process, left as it is, will make of the standard.
_OUTLOOKS = {
    Assurance.HIT_OR_MISS: "Left as it is, the process may meet it in some {periods} and miss it in others.",
    Assurance.CONSISTENTLY_FAILING: "Left as it is, the process is not expected to meet it.",
    Assurance.CONSISTENTLY_PASSING: "Left as it is, the process is expected to go on meeting it.",
}

# The reader's sentence for each state; a figure that is missing is never called a zero.
STATUS_WORDS = {
    Status.REPORTED: "reported",
    Status.SUPPRESSED: "suppressed",
    Status.NOT_SUBMITTED: "not submitted",
    Status.NOT_APPLICABLE: "not applicable",
}

NO_ACTIVITY = "no activity"  # of what was reported with nothing to count
NO_ROW = "no row in the publication"  # of an organisation that was in it before
MORE_THAN_WHOLE = "more than the whole"  # of a proportion whose numerator exceeds its denominator

MOST_SPANS = 3  # without a file that one sentence names

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


def together(sentences: Sequence[str]) -> str:
    """Join sentences, those that say nothing left out.

    >>> together(["One.", "", "Two."])
    'One. Two.'
    """
    return " ".join(sentence for sentence in sentences if sentence)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 month` or `2 months`.

    >>> plural(1, "month"), plural(0, "month")
    ('1 month', '0 months')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def doing(number: int, verb: str) -> str:
    """Return a number with its verb.

    >>> doing(1, "differ"), doing(2, "differ")
    ('1 differs', '2 differ')
    """
    return f"{number:,} {verb}{'s' if number == 1 else ''}"


def stretch(number: int, spanned: int, period: Period) -> str:
    """Return how many figures there are: as many periods, or over how many, where some between them have none.

    >>> stretch(12, 12, Period.MONTH), stretch(12, 21, Period.MONTH)
    ('12 months', '12 figures, over 21 months')
    """
    if spanned == number:
        return plural(number, period.noun)
    return f"{plural(number, 'figure')}, over {plural(spanned, period.noun)}"


def continued(title: str) -> str:
    """Return a title as the rest of a sentence or of another title: names within it keep their capitals.

    >>> continued("Mean change in GAD-7")
    'mean change in GAD-7'
    """
    return title[:1].lower() + title[1:]


def number(value: object) -> str:
    """Return a count as a reader writes it; halves, as shared care makes them, keep their half.

    >>> number(12000.0), number(2.5), number(None)
    ('12,000', '2.5', '')
    """
    if not isinstance(value, float | int):
        return ""
    return (f"{value:,.0f}" if float(value).is_integer() else f"{value:z,.1f}").replace("-", MINUS)


def label(part: Part) -> str:
    """Return what a part counts, as the head of a column."""
    return part.heading


def span(lower: object, upper: object, measure: Measure) -> str:
    """Return an interval, or limits, for a cell, which no line breaks; empty where there is none."""
    if not isinstance(lower, float) or not isinstance(upper, float):
        return ""
    return f"{measure.written(lower)} to {measure.written(upper)}".replace(" ", "\u00a0")


def reason(row: Mapping[str, Any]) -> str:
    """Return why a figure is missing, from its row's `status` and `exceeds_whole`, if it has that.

    A reported row without a value had no activity. Without any row, where both are null, nobody knows: an organisation
    may have closed, or had nothing to report.
    """
    status = row["status"]
    if status is None:
        return NO_ROW
    if row.get(EXCEEDS):
        return MORE_THAN_WHOLE
    return NO_ACTIVITY if status == Status.REPORTED else STATUS_WORDS[Status(status)]


def finding(points: pl.DataFrame, measure: Measure, *, period_to: date) -> str:
    """Say what the latest figure of one organisation's series means.

    Takes its points with `segment` and the columns of `methods.spc.xmr` and `standards.join`. A series without a
    figure, with too few since its limits start anew, with too few cases for limits (see `methods.choice`), that its
    limits do not describe (see `methods.stability`), or that ended before `period_to` is said to be so.
    """
    figures = points.sort("period_start").drop_nulls("value")
    if figures.is_empty():
        return f"No figures up to {measure.period.in_full(period_to)}."
    last = figures.row(-1, named=True)
    said = _finding(points, figures, measure, ended=last["period_start"] < period_to)
    label_, in_full = measure.period.label(last["period_start"]), measure.period.in_full(last["period_start"])
    return said.replace(label_, in_full, 1)


def _finding(points: pl.DataFrame, figures: pl.DataFrame, measure: Measure, *, ended: bool) -> str:
    last, period = figures.row(-1, named=True), measure.period
    month, value = period.label(last["period_start"]), measure.written_on(last["value"], last["period_start"])
    opening = f"The last figure is for {month}; later {period.plural} have none. " if ended else ""
    if is_none(figures):
        among = stretch(figures.height, _spanned(figures, period), period)
        return f"{opening}{label(measure.numerator)}: none in {among}, up to {month}."
    if period.overlaps:
        return (
            f"{opening}{value} in {month}. Neighbouring {period.plural} share most of their months, so that no rule of "
            "charts over time applies and no change is claimed here."
        )
    level = figures.filter(pl.col("segment") == last["segment"])  # to which the limits at the last figure apply
    if choice.is_selection(points):
        span = plural(points.height, measure.period.noun)
        why = (
            f"in others there were more {_exceeding(measure)}"
            if _exceed(points)
            else "the others are too small to show"
        )
        return (
            f"{opening}{value} in {month}. Only {figures.height} of {span} have a figure, for {why}: what is left is a "
            "selection, so no change is claimed here."
        )
    if not choice.suits_limits(figures, kind=measure.kind):
        return (
            f"{opening}{value} in {month}. Fewer than {choice.FEWEST_CASES} cases a {period.noun}, on average, make "
            "the difference: too few for process limits to mean much, so no change is claimed here."
        )
    if last["mean"] is None:
        since = "" if level.height == figures.height else f" since {period.label(level['period_start'][0])}"
        few = f"{plural(level.height, period.noun)} of figures{since} {'is' if level.height == 1 else 'are'} too few"
        return (
            f"{opening}{value} in {month}. {few} to tell "
            f"common from special cause, which takes {rulesets.find(measure.rule_set).minimum_points}."
        )
    # What ended has no future to speak of.
    said = [
        _variation(level, measure),
        _fit(level, measure),
        _left_out(points, measure),
        "" if ended else _against_standards(points, level, measure),
    ]
    return f"{opening}{together(said)}"


def is_none(points: pl.DataFrame) -> bool:
    """Whether there are figures, and all of them are 0: then one sentence says it all."""
    values = points["value"].drop_nulls()
    return not values.is_empty() and (values == 0).all()


def _variation(figures: pl.DataFrame, measure: Measure) -> str:
    """Say what the last of the figures means; all of them share the last one's limits."""
    last = figures.row(-1, named=True)
    period, month = measure.period, measure.period.label(last["period_start"])
    variation, cause = Variation(last["variation"]), SpecialCause(last["special_cause"])
    value, mean, low, high = _told_apart(last, measure)
    is_described = stability.is_described(figures)
    if cause == SpecialCause.NONE:
        if low == high:
            return f"Common-cause variation: {value} in {month}; this series hardly ever differs from that."
        if not is_described:
            return f"{value} in {month} is within the limits of {low} to {high}."
        return (
            f"Common-cause variation: {value} in {month} is within the range of {low} to {high} that this series is "
            f"expected to keep to, around an average of {mean}."
        )
    side, limit = ("above", high) if variation in _HIGH else ("below", low)
    rules, run = rulesets.find(measure.rule_set), _run_beside_mean(figures)
    lately = _going_on(f"the last {stretch(run, _spanned(figures.tail(run), period), period)}")
    is_shift = run >= rules.shift_points
    match cause:
        case SpecialCause.ASTRONOMICAL_POINT:
            room = "expected range" if is_described else "limits"
            reason = f"{value} in {month} is {side} the {room} of {low} to {high}"
            if is_shift:
                reason += f", and {lately} are all {side} the average of {mean}"
            reason += "."
        case SpecialCause.SHIFT:
            reason = f"{lately} are {side} the average of {mean}; {month} is at {value}."
        case SpecialCause.TREND:
            direction = "higher" if variation in _HIGH else "lower"
            noun = "figures" if _has_gap(figures.tail(rules.trend_points), period) else period.plural
            reason = f"each of the last {noun} is {direction} than the one before; {month} is at {value}."
        case _:
            noun = "figures" if _has_gap(figures.tail(3), period) else period.plural
            reason = f"two of the last three {noun} are unusually far {side} the average of {mean}"
            if is_shift:  # two months are the least of it
                reason = f"{lately} are all {side} the average of {mean}, two of the last three unusually far from it"
            reason += f", close to the limit of {limit}; {month} is at {value}."
    return f"{_KIND[variation]}: {reason}"


def _spanned(figures: pl.DataFrame, period: Period) -> int:
    """Return how many periods there are from the first figure to the last."""
    return period.number(figures["period_start"][0], figures["period_start"][-1])


def _has_gap(figures: pl.DataFrame, period: Period) -> bool:
    return _spanned(figures, period) > figures.height


def _going_on(words: str) -> str:
    """Close what a comma opened, so that the sentence can go on."""
    return f"{words}," if "," in words else words


def _fit(figures: pl.DataFrame, measure: Measure) -> str:
    """Say that limits do not describe the figures that share them; nothing where they do."""
    if stability.is_described(figures):
        return ""
    within, limited = stability.inside(figures)
    return (
        f"The series keeps to no one level: {within} of {plural(limited, measure.period.noun)} "
        f"{'lies' if within == 1 else 'lie'} inside its limits, which therefore do not describe it."
    )


def _left_out(points: pl.DataFrame, measure: Measure) -> str:
    """Say that limits lack figures whose numerator exceeds the whole; nothing where there are none."""
    number = _exceed(points)
    if not number:
        return ""
    return (
        f"In {number} of {plural(points.height, measure.period.noun)} there were more {_exceeding(measure)}: no share, "
        "and no part of these limits."
    )


def _exceed(points: pl.DataFrame) -> int:
    """Return in how many periods the numerator exceeds the whole; 0 without the flag of `counts.part_of_whole`."""
    return int(points[EXCEEDS].sum()) if EXCEEDS in points.columns else 0


def _exceeding(measure: Measure) -> str:
    return f"{measure.numerator.label} than {measure.denominator.label}"


def _told_apart(last: dict[str, Any], measure: Measure) -> tuple[str, str, str, str]:
    """Return value, mean and both limits with enough decimals that the value is not written as equal to what it is not.

    Nor as equal to a standard of its month.
    """
    figures = [last[name] for name in ("value", "mean", "lower_process_limit", "upper_process_limit")]
    standards = [standard.value for standard in measure.standards_on(last["period_start"])]
    decimals = measure.decimals_apart(figures[0], [*figures[1:], *standards])
    value, mean, low, high = (measure.written(figure, decimals=decimals) for figure in figures)
    return value, mean, low, high


def _run_beside_mean(figures: pl.DataFrame) -> int:
    """Count the latest points that lie on one side of the mean; a point on it ends the run, as in `spc.xmr`."""
    sides = [
        0 if isclose(value, mean, rel_tol=ROUNDING) else 1 if value > mean else -1
        for value, mean in figures.select("value", "mean").reverse().iter_rows()
    ]
    return sum(1 for _ in takewhile(lambda side: side == sides[0], sides))


def _against_standards(points: pl.DataFrame, level: pl.DataFrame, measure: Measure) -> str:
    """Say what the latest figure is to each standard in force; `level` are those that share its limits."""
    lately = points.sort("period_start").tail(measure.period.lately).drop_nulls("value")  # the same as `standards.met`
    if measure.improvement == "neutral":
        return ""
    standards = measure.standards_on(lately["period_start"][-1])
    monthly = [each for each in standards if each.is_monthly]
    sentences = [_of_milestone(each, lately, measure) for each in standards if not each.is_monthly]
    if monthly:
        sentences.append(_of_standard(monthly[0], lately, measure, is_described=stability.is_described(level)))
    sentences += [
        f"{each.name} ({measure.written_as_set(each.value)}): {_often(each, lately, measure)}." for each in monthly[1:]
    ]
    return together(sentences)


def _of_milestone(milestone: Standard, lately: pl.DataFrame, measure: Measure) -> str:
    """Say whether a milestone was met, or that its month has no figure yet; no other month meets or misses it.

    Nothing is said of whether that month has passed: other publications may go further.
    """
    last, standard = lately.row(-1, named=True), measure.written_as_set(milestone.value)
    period, due = measure.period, measure.due(milestone)
    month, value = period.label(last["period_start"]), measure.written_on(last["value"], last["period_start"])
    if due is None:
        span = period.span(milestone.date_from, milestone.date_to or milestone.date_from)
        return (
            f"{milestone.name} ({standard}) is for the {period.plural} from {span} together, so that none by itself "
            f"meets or misses it; {month} is at {value}."
        )
    if last["period_start"] < due:
        own = "" if period.label(due) in milestone.name else f", for {period.label(due)}"  # most are named after it
        return f"{milestone.name} ({standard}){own}: no figure for that {period.noun} yet; {month} is at {value}."
    is_met = measure.meets(last["value"], milestone.value)
    when = "" if month in milestone.name else f" in {month}"
    return f"{milestone.name}: {'met' if is_met else 'missed'}{when} ({value} against {standard})."


def _of_standard(standard: Standard, lately: pl.DataFrame, measure: Measure, *, is_described: bool) -> str:
    """Say where a standard for every month lies against the limits, how often it was met, and whether that goes on."""
    assurance = Assurance(lately["assurance"][-1])  # which knows that a standard on a limit is inside
    is_above = (assurance == Assurance.CONSISTENTLY_FAILING) == (measure.improvement == "increase")
    place = "inside" if assurance == Assurance.HIT_OR_MISS else "above" if is_above else "below"
    is_changing = not is_described or lately["special_cause"][-1] != SpecialCause.NONE
    outlook = (
        "Whether that goes on cannot be told: the series is changing."
        if is_changing
        else _OUTLOOKS[assurance].format(periods=measure.period.plural)
    )
    return (
        f"{standard.name} ({measure.written_as_set(standard.value)}) lies {place} the "
        f"{'expected range' if is_described else 'limits'}; {_going_on(_often(standard, lately, measure))} reach it. "
        f"{outlook}"
    )


def _often(standard: Standard, lately: pl.DataFrame, measure: Measure) -> str:
    met, period = sum(measure.meets(value, standard.value) for value in lately["value"]), measure.period
    spanned, latest = _spanned(lately, period), period.lately
    if lately.height < latest and spanned <= latest:
        return f"{met} of {plural(lately.height, 'figure')} in the last {plural(latest, period.noun)}"
    return f"{met} of the last {stretch(lately.height, spanned, period)}"


def quality(found: Quality) -> str:
    """Say how complete, how consistent and how settled one organisation's figures are."""
    expected, noun = sum(found.periods.values()) + len(found.without_file), found.period.noun
    without = [(f"with {NO_ACTIVITY}", found.without_activity)]
    without += [(STATUS_WORDS[status], number) for status, number in found.periods.items() if status != Status.REPORTED]
    gaps = [f"{plural(number, noun)} {why}" for why, number in without if number]
    have = found.periods[Status.REPORTED] - found.without_activity
    parts = [f"{have} of {plural(expected, noun)} {'has' if expected == 1 else 'have'} a figure"]
    if gaps:
        parts[0] += f" ({listed(gaps)})"
    if found.without_file:
        parts.append(f"there is no file here for {plural(len(found.without_file), noun)}: {_spans_without_file(found)}")
    if found.last_figure and found.last_figure < found.latest:
        parts.append(f"nothing after {found.period.label(found.last_figure)}")
    unequal = found.unequal_totals
    if unequal is None:
        parts.append("the files have no published total to compare the sum of organisations with")
    else:
        sums = (
            f"{plural(unequal, 'total')} differ{'s' * (unequal == 1)} from the sum of organisations"
            if unequal
            else "all organisations add up to the totals"
        )
        sums += " by more than rounding and suppression explain" if unequal and found.is_rounded else ""
        sums += ", as far as rounding and suppression let one see" if found.is_rounded and not unequal else ""
        parts.append(f"as published, before corrections, {sums}")
    if found.coverage == 0:
        parts.append(f"none of what was published for England in the latest {noun} has figures for this measure")
    elif found.coverage is not None:
        share = f"{100 * found.coverage:.1f}\u00a0%"
        everyone = f"all {found.area or 'organisation'}s together"
        parts.append(f"{everyone} cover {share} of what was published for England in the latest {noun}")
    if found.absent:
        parts.append(f"reported in the year before, but not in the latest {noun}: {listed(found.absent)}")
    settled = f"the latest {noun} {_SETTLED[found.latest_status]}"
    settled += (
        "; no date of publication is given for it"
        if found.months_later is None
        else f"; it was published {found.months_later:.1f} months after it ended"
    )
    parts.append(settled)
    doubted = "; ".join(found.doubted)
    doubt = f"Zeros that may be errors at the source, shown as published: {doubted}." if doubted else ""
    outside = (
        f"{plural(found.outside, 'organisation')} with figures in the latest {noun} "
        f"{'is' if found.outside == 1 else 'are'} in no {found.area} here, since neither the publication nor the "
        "register says in which: independent providers, for example, or national bodies."
        if found.outside
        else ""
    )
    return together([f"{'; '.join(parts)}.", outside, doubt])


def _spans_without_file(found: Quality) -> str:
    spans = found.period.spans(found.without_file)
    more = len(spans) - MOST_SPANS
    return listed([*spans[:MOST_SPANS], *([f"{more} more"] if more > 0 else [])])
