"""How far a chart's conclusion can be relied upon, in words: other rules, false alarms, changes of level, seasons.

| function | says |
|---|---|
| `doubts` | the next three together |
| `other_rules` | whether any other tool's rules would have led to another conclusion |
| `other_charts` | whether another kind of chart would suit the figures better |
| `false_alarms` | how often a chart like this one has a mark although nothing has changed |
| `changes` | where limits start anew, from the reviewed ledger, and where a change of level is only suggested |
| `season` | whether the series has a season, and what the chart says without it |
"""

from datetime import date

import polars as pl

from openmeasures import rebases, words
from openmeasures.definitions import Measure
from openmeasures.methods import change_points, choice, laney, rulesets, seasonal, sensitivity, stability
from openmeasures.methods import false_alarms as alarms
from openmeasures.methods.assurance import ROUNDING
from openmeasures.methods.signals import KINDS, Variation

_COUNTED = ["org_code", "period_start", "numerator", "denominator", "segment"]
_KIND_WORDS = {
    "improvement": "special-cause improvement",
    "concern": "special-cause concern",
    "neutral": "special cause",
    "common_cause": "common cause",
}


def doubts(points: pl.DataFrame, measure: Measure) -> str:
    """Say all that bears on the conclusion about the latest point: other rules, other charts, false alarms.

    Where limits do not describe the figures that share them, rules built on them have nothing to add.
    """
    figures = points.sort("period_start").drop_nulls("value")
    if not stability.is_described(figures.filter(pl.col("segment") == pl.col("segment").last())):
        return (
            "Other rules would use the same limits, which do not describe this series, and a rate of false alarms is "
            "known for series that keep to one level: neither says anything here. Look at the line itself."
        )
    said = (other_rules(points, measure), other_charts(points, measure), false_alarms(points, measure))
    return words.together(said)


def other_rules(points: pl.DataFrame, measure: Measure) -> str:
    """Say whether the conclusion on the latest point rests on this rule-set alone.

    Takes one organisation's points with `value` and `segment`. Nothing is said without limits.
    """
    if points["mean"].is_null().all():
        return ""
    chosen = rulesets.find(measure.rule_set)
    frame = points.select("org_code", "period_start", "value", "segment")
    found = sensitivity.sensitivity(
        frame, improvement=measure.improvement, rule_set=chosen, segment="segment",
        natural_bounds=measure.natural_bounds,
    )  # fmt: skip
    if found.is_empty() or found["variation"].item() is None:
        return ""
    row = found.row(0, named=True)
    silent = (
        f" ({words.plural(len(row['without_limits']), 'rule-set')} would draw no limits yet)"
        if row["without_limits"]
        else ""
    )
    if not row["differing"]:
        return f"Every other rule-set that draws limits here comes to the same conclusion{silent}."
    seen: dict[str, list[str]] = {}  # what each kind is seen by; the titles themselves hold commas
    for other in row["differing"]:
        title = rulesets.find(other["rule_set"]).title
        seen.setdefault(_KIND_WORDS[KINDS[Variation(other["variation"])]], []).append(f"“{title}”")
    others = [f"{words.listed(titles)} {'see' if len(titles) > 1 else 'sees'} {kind}" for kind, titles in seen.items()]
    return f"The conclusion depends on the rules: {'; '.join(others)}{silent}."


def other_charts(points: pl.DataFrame, measure: Measure) -> str:
    """Say whether another kind of chart would suit the figures better, or sees the latest month otherwise.

    Takes one organisation's points with `numerator`, `denominator`, `value` and `segment`; `methods.choice` has the
    rules. Nothing is said where an XmR chart is what one would choose and nothing stands beside it, nor without limits
    at the latest figure.
    """
    if points.is_empty():
        return ""
    chosen = choice.choose(points, kind=measure.kind, overlaps=measure.period.overlaps).row(0, named=True)
    if chosen["chart"] not in (None, choice.Chart.XMR):
        return f"These figures hardly suit a chart with limits. {chosen['reason']}"
    if chosen["beside"] != choice.Chart.P_PRIME:
        return ""
    allowed = laney.p_prime(points.select(_COUNTED), scale=measure.scale, segment="segment")
    # The same months have a value here and there; those without limits have no standardised one.
    last = allowed.filter(points["value"].is_not_null()).sort("period_start")["standardised"][-1]
    if last is None:
        return ""
    inside = abs(last) <= laney.SIGMAS * (1 + ROUNDING)
    return (
        f"A P′ chart, which allows for the uneven numbers of {measure.period.plural}, has the latest figure by itself "
        f"{'inside' if inside else 'outside'} its limits."
    )


def false_alarms(points: pl.DataFrame, measure: Measure) -> str:
    """Say how often a stable series of this length has a mark, somewhere and at the latest point.

    Nothing is said of a chart without limits, which has no marks. Where neighbouring months are alike, that rate is
    said not to hold.
    """
    if points["mean"].is_null().all():
        return ""
    segments = points.drop_nulls("value").group_by("segment").len().sort("segment")["len"].to_list()
    found = alarms.of_chart(segments, measure.rule_set)
    if found is None:
        return ""
    likeness = stability.likeness(points)
    neighbours = f"Neighbouring {measure.period.plural}"
    if likeness is not None:
        return (
            f"{neighbours} of this series are alike (a correlation of {likeness:.1f}), as where "
            "it drifts, changes its level or has a season. Limits allow for none of that, so that marks are more "
            f"frequent than the {100 * found.latest:.1f} in 100 at the latest figure of independent values."
        )
    return (
        f"Where nothing changes at all, {100 * found.anywhere:.0f} in 100 charts of this length still have a mark "
        f"somewhere, and {100 * found.latest:.1f} in 100 at the latest figure (by simulation of independent Normal "
        "values; seasons and slow drifts mostly make it more)."
    )


def changes(points: pl.DataFrame, measure: Measure) -> str:
    """Say where the limits start anew and why, and what change of level is suggested beyond that.

    Nothing is said where there are too few cases for limits: then there is no change to claim, nor to suggest. A
    suggestion is applied by no one but the authors of `rebases.yml`. One so close to an applied change that a
    calculation could not find both is that change again, and left out.
    """
    if not choice.suits_limits(points, kind=measure.kind, overlaps=measure.period.overlaps):
        return ""
    points = points.sort("period_start")
    starts = points.filter(pl.col("segment") != pl.col("segment").shift(1)).select("org_code", "period_start").rows()
    applied = [
        f"From {measure.period.label(entry.date)} the limits start anew. {entry.reason}"
        for entry in rebases.load(measure.folder)
        if (entry.org_code, entry.date) in starts
    ]
    values = points.select("org_code", "period_start", "value").drop_nulls("value")
    place = values["period_start"].search_sorted  # in figures, as the calculation counts

    def is_applied(day: date) -> bool:
        return any(abs(place(day) - place(start)) < change_points.SHORTEST_SEGMENT for _, start in starts)

    suggested = [
        row for row in change_points.suggest(values).iter_rows(named=True) if not is_applied(row["period_start"])
    ]
    steps = [
        f"{measure.period.label(row['period_start'])} (from about {measure.written(row['mean_before'])} to "
        f"{measure.written(row['mean_after'])})"
        for row in suggested
        if row["is_step"]
    ]
    slopes = [measure.period.label(row["period_start"]) for row in suggested if not row["is_step"]]
    if steps:
        change, they_are = ("a change", "it is") if len(steps) == 1 else ("changes", "they are")
        applied.append(
            f"A calculation suggests {change} of level in {words.listed(steps)}. If {they_are} real, the limits shown "
            "mix what was before and after; whoever knows the reason can enter it in the ledger of changes."
        )
    if slopes:
        applied.append(
            f"The level moves around {words.listed(slopes)}, but a smooth curve fits better there than a step: a slow "
            "drift, for which limits should not start anew."
        )
    return " ".join(applied)


def season(points: pl.DataFrame, adjusted: pl.DataFrame, measure: Measure) -> str:
    """Say whether the series has a season, and whether the latest month looks different without it.

    `adjusted` are the same months without their season, with the columns of `spc.xmr`; all null where there is none.
    """
    period = measure.period
    if period.seasons == 1:
        return f"A {period.noun} holds every season, so there is none to take out."
    frame = points.select("org_code", "period_start", "value", "segment")
    found = seasonal.seasonality(frame, period=period, segment="segment")
    if found["p_value"].is_null().all():
        return "Whether this series has a season cannot be told yet: that takes three full years."
    row = found.row(0, named=True)
    if not row["is_seasonal"]:
        return "No season can be told from chance in this series."
    high, low = (period.part_of_year(row[name]) for name in ("highest_month", "lowest_month"))
    apart = measure.written(row["swing"]).replace("\u00a0%", " percentage points")
    text = (
        f"This series has a season: {high} is highest and {low} lowest, {apart} apart, and the "
        f"{period.noun} of the year explains {100 * row['strength']:.0f}\u00a0% of its variation about the trend."
    )
    plain, without = (_latest_kind(each) for each in (points, adjusted))
    if plain is None or without is None:
        return text
    if plain == without:
        return f"{text} Without the season the latest {period.noun} is {_KIND_WORDS[without]} too."
    return f"{text} Without the season the latest {period.noun} is {_KIND_WORDS[without]}, not {_KIND_WORDS[plain]}."


def _latest_kind(points: pl.DataFrame) -> str | None:
    figures = points.sort("period_start").drop_nulls("value")
    variation = figures["variation"][-1] if figures.height else None
    return None if variation is None else KINDS[Variation(variation)]
