"""What a page says, and draws, of the mergers and splits of its organisation.

| function | gives |
|---|---|
| `told` | everything, in sentences |
| `on_chart` | the choice by which the figures before are shown, in one short sentence for a chart |
| `marks` | when a chart of the series has a mark, and its word |
| `beside` | the predecessors' own figures, where they are drawn |

A merger is a reason to look whether limits should start anew, and never does that itself: only the reviewed ledger,
`rebases.yml`, moves limits.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from openmeasures import corrections, counts, definitions, rebases, words
from openmeasures.methods import waits
from openmeasures.parameters import Parameters
from openmeasures.periods import month_label
from openmeasures.successions import UNKNOWN, Link

Valued = Callable[[pl.DataFrame, pl.DataFrame, Parameters], pl.DataFrame]
CHOICES = {
    "alone": "Successor alone",
    "predecessors": "Predecessors apart, as broken lines",
    "restated": "Restated, as if together from the start",
}


def told(run: Parameters) -> str:
    """Say of each merger or split whose patients went where, how it is shown here, and what is left to decide.

    Nothing is said of an organisation without any.
    """
    return " ".join(
        _of_predecessor(link, run) if _is_gone(link, run) else _of_successor(link, run) for link in run.links
    )


def _is_gone(link: Link, run: Parameters) -> bool:
    return link.predecessor_code == run.org_code


def _of_predecessor(link: Link, run: Parameters) -> str:
    since, note = _month(link.date, run), _note(link)
    if link.successor_code == UNKNOWN:
        return f"Since {since} it has not counted all of the patients that it did; who counts them is not known{note}."
    if not link.is_whole:
        return f"Since {since} a part of its patients has been counted by {_named(link.successor_code, run)}{note}."
    moved = " Figures before that are added to those." if run.measure.successions == "restated" else ""
    return f"Since {since} its patients have been counted by {_named(link.successor_code, run)}{note}.{moved}"


def _of_successor(link: Link, run: Parameters) -> str:
    since, other, note = _month(link.date, run), _named(link.predecessor_code, run), _note(link)
    if not link.is_whole:
        known = "not known" if link.share is None else f"known ({100 * link.share:g}\u00a0%), but not which"
        return (
            f"Since {since} it has counted a part of the patients of {other}{note}. How large a part is {known}, "
            f"so that figures before that are its own alone.{_candidate(link, run)}"
        )
    how = {
        "alone": "Figures before that are its own alone.",
        "predecessors": "Figures before that are its own alone; those of the other are drawn beside them.",
        "restated": "Figures before that are restated: those of both, added up.",
    }[run.measure.successions]
    if run.measure.successions == "restated":
        how += _silence(link, run)
    if run.measure.period.overlaps:
        drawn = "; those of the other are drawn beside them" if run.measure.successions == "predecessors" else ""
        how = f"Twelve months that ended before that are its own alone{drawn}."
    return f"Since {since} it has counted the patients of {other}{note}. {how}{_candidate(link, run)}"


def _silence(link: Link, run: Parameters) -> str:
    """Say from when on a predecessor had no figures before it merged, so that sums of both are without it.

    Of a few months nothing is said: those sums are not submitted, see `counts.count`.
    """
    period = run.measure.period
    expected = [each for each in run.release_of if each < period.start(link.date)]
    observations = run.observations().filter(pl.col("org_code") == link.predecessor_code)
    found = set(observations["period_start"]) & set(expected)
    if not found:
        return " There are no figures of the other here, so that nothing is added."
    last = max(found)
    if sum(each > last for each in expected) <= period.late:
        return ""
    return f" The other has no figures after {period.in_full(last)}, long before that: later sums are without it."


def _candidate(link: Link, run: Parameters) -> str:
    """Say that limits might start anew, unless the ledger has a reviewed entry of that date already."""
    if run.measure.period.overlaps:  # no limits are drawn
        return ""
    start = run.measure.period.start(link.date)
    if any(entry.org_code == run.org_code and entry.date == start for entry in rebases.load(run.measure.folder)):
        return " Limits start anew then, by the reviewed ledger of changes."
    return (
        f" Whether limits should start anew in {_month(link.date, run)} is for someone who knows the service to say, "
        f"in {rebases.FILE_NAME}; they do not by themselves."
    )


def _month(day: date, run: Parameters) -> str:
    """Write when it was: in the period's own words, but of periods that overlap in many, by the month."""
    period = run.measure.period
    return month_label(day) if period.overlaps else period.in_full(period.start(day))


def _note(link: Link) -> str:
    return f" ({link.note})" if link.note else ""


def _named(org_code: str, run: Parameters) -> str:
    return run.name_known(org_code)


def on_chart(run: Parameters) -> str:
    """Name the choice by which figures before a merger are shown; nothing where there was none."""
    joined = [link for link in run.links if not _is_gone(link, run)]
    if not joined:
        return ""
    whole = [link for link in joined if link.is_whole]
    choice = CHOICES[run.measure.successions if whole else "alone"]
    said = [
        f"{'' if link.is_whole else 'a part of '}{link.predecessor_code} joined in {_month(link.date, run)}"
        for link in joined
    ]
    return f"{choice}: {words.listed(said)}."


def marks(run: Parameters) -> dict[date, str]:
    """Return the first day of each period in which another organisation's patients came, with a word for it."""
    return {
        run.measure.period.ending(link.date): "Merger" if link.is_whole else "Transfer"
        for link in run.links
        if not _is_gone(link, run)
    }


def beside(run: Parameters, *, valued: Valued | None = None) -> pl.DataFrame:
    """Return `org_code, org_name, period_start, value` of the predecessors, until they merged.

    No rows unless the measure asks for them (`successions: predecessors`). What is corrected in the predecessors'
    figures is corrected here. A percentile is theirs as published, or from their own bands of weeks, as the series
    says; of neither there is none.

    - `valued`: what gives counts their `value` where that is no quotient of theirs, as in `revisions.since_first`.
    """
    measure = run.measure
    until = {
        link.predecessor_code: measure.period.ending(link.date)
        for link in run.links
        if link.is_whole and not _is_gone(link, run)
    }
    columns: Sequence[str] = ("org_code", "org_name", "period_start", "value")
    nothing = pl.DataFrame(schema=dict(zip(columns, (pl.String, pl.String, pl.Date, pl.Float64), strict=True)))
    if measure.successions != "predecessors" or not until:
        return nothing
    # A series has fewer metrics than its measure, all of which the corrections may concern.
    whole = replace(run, measure=definitions.load(measure.folder)) if run.series_id else run
    observations = corrections.apply(whole.observations(), measure.folder).observations
    theirs = observations.filter(pl.col("org_code").is_in(list(until)))
    if measure.kind == "percentile":
        figures = _percentiles(run, theirs, list(until))
    else:
        parts = {"numerator": measure.numerator, "denominator": measure.denominator}
        counted = counts.count(theirs, **parts, period=measure.period)
        quotient = measure.scale * pl.col("numerator") / pl.col("denominator").replace(0, None)
        figures = valued(counted, theirs, run) if valued else counted.with_columns(value=quotient)
    if figures is None:
        return nothing
    last = pl.col("org_code").replace_strict(until, return_dtype=pl.Date)
    names = {code: run.name_known(code) for code in until}
    return (
        figures.filter(pl.col("period_start") < last)
        .with_columns(org_name=pl.col("org_code").replace_strict(names, return_dtype=pl.String))
        .select(columns)
        .sort("org_code", "period_start")
    )


def _percentiles(run: Parameters, observations: pl.DataFrame, org_codes: list[str]) -> pl.DataFrame | None:
    """Return `org_code, period_start, value` of a series of percentiles; None where it says not where they are from."""
    from openmeasures import waiting  # noqa: PLC0415 - it shows tables, by a module that asks this one

    measure = run.measure
    series = next((each for each in measure.series if each.id == run.series_id), None)
    if series is not None and series.metric is not None:
        found = counts.published(observations, series.metric, denominator=measure.denominator)
        return found.with_columns(value=measure.scale * pl.col("value"))
    if series is not None and series.share is not None:
        bands = pl.concat([waiting.bands(replace(run, org_code=code)) for code in org_codes])
        return waits.percentile(bands, share=series.share, by=waiting.BY).rename({"weeks": "value"})
    return None
