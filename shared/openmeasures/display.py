"""What a notebook shows besides charts: prose and tables as Markdown, and the run's result for the publishing step.

Markdown, because Quarto adds scripts from other hosts to any page with an HTML output; never a time, a path or a
random id, because committed notebooks must come out the same on every machine.

| function | shows |
|---|---|
| `definition` | what is measured |
| `sources` | the releases behind the figures |
| `corrected` | the known errors put right |
| `arithmetic` | how the latest numerator and denominator come about |
| `figures` | the latest rows of a series |
| `standing_against` | each standard in force, and how often it is met |
| `variation`, `without_new_limits`, `seasons` | a chart, or words where there is nothing to draw |
| `each` | several of these in one cell |
| `prose` | a sentence |
| `marked` | a chart's title, marked as synthetic where it is |
| `sourced`, `source_of` | a chart with the source of its figures beneath its title; that in words |

What shows an organisation among others is in `comparison`.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl
from IPython.display import display as ipython_display

from openmeasures import gaps, mergers, words
from openmeasures.charts import layout, spc, theme
from openmeasures.corrections import Corrected, Correction
from openmeasures.definitions import Part
from openmeasures.methods import rulesets
from openmeasures.methods.assurance import Assurance
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters
from openmeasures.periods import Period, day_label
from openmeasures.releases import Release
from openmeasures.results import ALL
from openmeasures.schemas import Status

SYNTHETIC_NOTICE = (
    "**Synthetic data.** These organisations and figures are made up to show the method. They describe no real "
    "hospital, system or region."
)
PUBLISHER = "NHS England"  # of every source that there is a reader for
ASSURANCE_WORDS = {
    Assurance.CONSISTENTLY_PASSING: "expected to be met",
    Assurance.HIT_OR_MISS: "may be met in some {periods} and missed in others",
    Assurance.CONSISTENTLY_FAILING: "not expected to be met",
}


class Markdown:
    """Markdown text that a notebook shows; the page takes it over as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/markdown": self.text, "text/plain": self.text}


def prose(text: str) -> Markdown:
    """Show a sentence."""
    return Markdown(text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> str:
    """Return a Markdown table; the last `numbers` columns are set to the right."""
    left = len(headings) - numbers
    lines = [headings, [":--" if place < left else "--:" for place in range(len(headings))], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def definition(run: Parameters) -> Markdown:
    """Show what is measured, which way is better, and for whom this run counts it."""
    measure = run.measure
    better = {"increase": "higher is better", "decrease": "lower is better", "neutral": "neither way is better"}
    notice = f"{SYNTHETIC_NOTICE}\n\n" if run.synthetic else ""
    rows = [
        ("Organisation", f"{run.org_name} ({run.org_code}){run.kind and f', {run.kind}'}"),
        *([("Mergers", mergers.told(run))] if run.links else []),
        ("Question", measure.question),
        ("Numerator", measure.numerator.text),
        ("Denominator", measure.denominator.text),
        ("Unit", f"{measure.unit}, {better[measure.improvement]}"),
        ("Definition", f"reviewed on {measure.reviewed}, status: {measure.status}, checked by: {measure.checked_by}"),
    ]
    return Markdown(f"{notice}{table(('', measure.title), rows)}")


def sources(run: Parameters) -> Markdown:
    """Show how many releases the figures come from, and the latest."""
    releases, periods = run.releases, list(run.release_of)
    last = run.release_of[run.period_to]
    period = run.measure.period
    span = period.span(periods[0], periods[-1])
    rows = [
        (period.plural.capitalize(), f"{span} ({words.plural(len(releases), 'release')})"),
        *([("As known on", day_label(run.store.as_of))] if run.store.as_of else []),
        ("Latest file", f"{last.file_name} ({last.status.value})"),
        ("SHA-256", f"`{last.sha256}`"),
        ("Publisher's page", "none: made by this project" if last.synthetic else f"<{last.url}>"),
        *([("File's address", f"<{last.file_url}>")] if last.file_url else []),
        ("Licence", "MIT, as this project" if last.synthetic else last.licence),
    ]
    return Markdown(table(("", "Where the figures come from"), rows))


def corrected(corrected_: Corrected, run: Parameters) -> Markdown:
    """Show each known error that was put right in the organisation's figures, for England in anyone's."""
    applied = [
        (entry, changed)
        for entry, changed in corrected_.applied
        if run.org_code == ENGLAND or {*run.counted} & {*entry.org_codes}
    ]
    if not applied:
        return Markdown(f"No known error concerns the figures of {run.org_name}.")
    return Markdown("\n\n".join(_correction(entry, changed, run) for entry, changed in applied))


def _correction(entry: Correction, changed: int, run: Parameters) -> str:
    """Return a table of two columns, since a reason in one of seven would be a word wide on a phone."""
    rows = [
        ("Reason", f"{entry.reason} [Source]({entry.url})" if entry.url else entry.reason),
        ("Whose", words.listed(entry.org_codes)),
        (run.measure.period.plural.capitalize(), run.measure.period.span(entry.date_from, entry.date_to)),
        ("Published", f"{entry.expect:g}"),
        ("Treated as", words.STATUS_WORDS[entry.status]),
        ("Figures changed", f"{changed:,}"),
    ]
    return table(("Known error", entry.what), rows)


def arithmetic(observations: pl.DataFrame, run: Parameters) -> Markdown:
    """Show how the numerator and denominator of the organisation's latest month are added up, metric by metric.

    For England the published total is shown for comparison: organisations that report no figures for the measure
    are in it, and not in ours. Where a publication has none, it is what the organisations reported together.
    """
    mine = observations.filter(pl.col("org_code") == run.org_code)
    given = f"as {'invented' if run.synthetic else 'published'}"
    if run.level or (mine.is_empty() and run.org_code == ENGLAND):
        given = f"added up over organisations, {given}"
        theirs = _reporting(observations, run) if run.level else observations
        everyone = theirs.drop_nulls("value").group_by("metric", "period_start").agg(pl.col("value").sum())
        mine = everyone.with_columns(status=pl.lit(Status.REPORTED.value))
    latest = mine.filter(pl.col("period_start") == pl.col("period_start").max())
    figures = {row["metric"]: row for row in latest.iter_rows(named=True)}
    rows = []
    for name, part in (("Numerator", run.measure.numerator), ("Denominator", run.measure.denominator)):
        rows += [(sign, metric.replace("_", " "), _cell(figures.get(metric))) for sign, metric in _signed(part)]
        added = _share(part, run.measure.denominator, figures) if part.percentage else _sum(part, figures)
        said = "none, since a figure is missing" if added is None else words.number(added)
        rows.append(("=", f"**{name}** ({part.label})", f"**{said}**"))
    period = run.measure.period
    title = period.label(latest["period_start"][0]) if figures else f"no {period.noun}"
    return Markdown(table(("", f"{given[:1].upper()}{given[1:]} for {title}", "Figure"), rows, numbers=1))


def _reporting(observations: pl.DataFrame, run: Parameters) -> pl.DataFrame:
    """Return the observations of those of an area that have all the figures of a period, as they are counted."""
    wanted = {*run.measure.numerator.metrics, *run.measure.denominator.metrics}
    mine = observations.filter(pl.col("org_code").is_in(run.counted), pl.col("metric").is_in(list(wanted)))
    has_all = pl.col("value").is_not_null().sum().over("org_code", "period_start") == len(wanted)
    return mine.filter(has_all)


def _signed(part: Part) -> list[tuple[str, str]]:
    if part.percentage:
        return [("%", part.percentage)]
    return [*(("+", metric) for metric in part.add), *(("−", metric) for metric in part.subtract)]


def _sum(part: Part, figures: dict[str, dict[str, object]]) -> float | None:
    """Add up a part by plain arithmetic, so that the reader can check `counts.count` against it."""
    values = [figures.get(metric, {}).get("value") for metric in [*part.add, *part.subtract]]
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) < len(values):
        return None
    return sum(numbers[: len(part.add)]) - sum(numbers[len(part.add) :])


def _share(part: Part, denominator: Part, figures: dict[str, dict[str, object]]) -> float | None:
    """Return what a published percentage of the denominator comes to, by plain arithmetic, too."""
    percentage, whole = figures.get(part.percentage or "", {}).get("value"), _sum(denominator, figures)
    return percentage / 100 * whole if isinstance(percentage, float) and whole is not None else None


def _cell(figure: dict[str, object] | None) -> str:
    if figure is None:
        return words.STATUS_WORDS[Status.NOT_SUBMITTED]
    value = figure["value"]
    return words.number(value) if isinstance(value, float) else words.STATUS_WORDS[Status(str(figure["status"]))]


def figures(points: pl.DataFrame, run: Parameters, *, latest: int = 13) -> Markdown:
    """Show the latest rows of one organisation's series: counts, value and 95 % interval."""
    measure = run.measure
    rows = [
        (measure.period.label(row["period_start"]), *_counted(row),
         words.reason(row) if row["value"] is None else measure.written_on(row["value"], row["period_start"]),
         words.span(row["value_lower"], row["value_upper"], measure))
        for row in points.sort("period_start").tail(latest).iter_rows(named=True)
    ]  # fmt: skip
    counted = (words.label(measure.numerator), words.label(measure.denominator))
    headings = (measure.period.heading, *counted, measure.short_title, "95 % interval")
    return Markdown(table(headings, rows, numbers=4))


def _counted(row: dict[str, object]) -> tuple[str, str]:
    return words.number(row["numerator"]), words.number(row["denominator"])


def standing_against(met: pl.DataFrame, run: Parameters) -> Markdown:
    """Show each standard in force at the latest figure: whether it was met, how often of late, and whether it will be.

    A series that is changing, or that ended, is given no future, nor is a standard that ends with the latest month. A
    milestone has one month in which it is met or missed, so neither the months before it nor those after.
    """
    if met.is_empty():
        if run.measure.improvement == "neutral":
            return Markdown("Neither way is better, so there is nothing to meet.")
        if not run.measure.standards_on(run.period_to):
            return Markdown("No national standard is in force for this measure.")
        return Markdown(f"{run.org_name} has no figure to set against the standard in force.")
    month, period = met["period_start"][0], run.measure.period
    ended = month < run.period_to
    over = {
        each.name: f"ended in {period.label(period.ending(each.date_to))}"
        for each in run.measure.standards
        if each.date_to and each.date_to <= period.end(month)
    }
    rows = [
        (f"{row['standard_name']} ({run.measure.written_as_set(row['standard'])})", *_standing(row, period),
         "the series ended" if ended else over.get(row["standard_name"]) or _outlook(row, period))
        for row in met.iter_rows(named=True)
    ]  # fmt: skip
    have_gap = (met["periods_spanned"] > met["periods"]).any()
    headings = (
        "Standard",
        f"Met in {period.label(month)}",
        f"{'Figures that met it' if have_gap else f'{period.plural.capitalize()} met'}, of the last",
        "If nothing changes",
    )
    return Markdown(table(headings, rows))


def _standing(row: dict[str, Any], period: Period) -> tuple[str, str]:
    """Return whether the latest figure meets a standard, and how many months do, if that can be said of a month."""
    noun = period.noun
    if row["latest"] is None:
        return (
            (f"not its {noun}", f"one {noun} counts")
            if row["due_month"]
            else (f"no {noun} by itself can", "all count together")
        )
    met = "yes" if row["latest"] else "no"
    if row["due_month"]:
        return met, f"one {noun} counts"
    often = f"{row['periods_met']} of {row['periods']}"
    has_gap = row["periods_spanned"] > row["periods"]
    return met, f"{often}, over {words.plural(row['periods_spanned'], noun)}" if has_gap else often


def _outlook(row: dict[str, Any], period: Period) -> str:
    if row["periods"] is None:
        is_due_later = row["latest"] is None and row["due_month"]
        return f"no figure for {period.label(row['due_month'])} yet" if is_due_later else ""
    if row["assurance"] is None:
        return "too few to say"
    if row["is_changing"]:
        return "cannot be told: the series is changing"
    return ASSURANCE_WORDS[Assurance(str(row["assurance"]))].format(periods=period.plural)


def variation(
    points: pl.DataFrame, run: Parameters, *, title: str, finding: str, note: str = "", is_aside: bool = False
) -> alt.LayerChart | Markdown:
    """Show one organisation's series as an SPC chart; in words alone where it has no figure at all, or zeros alone.

    `note` stands beneath the title, after the name of the rule-set. The page has the figures behind the chart, unless
    it `is_aside`, drawn from the same series in another way.
    """
    if points["value"].is_null().all() or words.is_none(points):
        return Markdown(f"**{title}**: {finding}")
    rules = f"Rules: {rulesets.find(run.measure.rule_set).title}."
    absent = gaps.told(gaps.absent(points["period_start"], run.measure), run.measure)
    note = words.together([rules, note, mergers.on_chart(run), absent])
    chart = spc.chart(
        gaps.filled(points, run.measure), run.measure, title=marked(f"{run.org_name}: {title}", run), finding=finding,
        note=note, joined=mergers.marks(run), beside=None if is_aside else mergers.beside(run),
    )  # fmt: skip
    if not is_aside:
        chart.usermeta = {"series": run.series_id or ALL}
    return sourced(chart, run)


def without_new_limits(points: pl.DataFrame, without: pl.DataFrame, run: Parameters) -> alt.LayerChart | Markdown:
    """Show the chart as it would be without the ledger of changes; nothing where the ledger changes nothing."""
    if points["segment"].n_unique() <= 1:
        return Markdown("")
    finding = words.finding(without, run.measure, period_to=run.period_to)
    title = f"{run.measure.short_title}, limits of all {run.measure.period.plural} together"
    return variation(without, run, title=title, finding=finding, is_aside=True)


def seasons(adjusted: pl.DataFrame, run: Parameters, *, finding: str) -> alt.LayerChart | Markdown:
    """Show the series without its season; in words alone where it has none."""
    if adjusted["value"].is_null().all():
        return Markdown(finding)
    title = f"{run.measure.short_title}, seasonally adjusted"
    note = "The season of the whole series is taken out."
    return variation(adjusted, run, title=title, finding=finding, note=note, is_aside=True)


def each(*shown: object) -> None:
    """Show several things in one cell, one after the other; what says nothing is left out."""
    for one in shown:
        if not (isinstance(one, Markdown) and not one.text):
            ipython_display(one)  # type: ignore[no-untyped-call]


def sourced(chart: alt.LayerChart, run: Parameters) -> alt.LayerChart:
    """Return a chart whose subtitle ends with where its figures are from, for when it is copied away from its page."""
    source = source_of(run.release_of[run.period_to], run.measure.period.label(run.period_to))
    chart.title.subtitle += layout.wrapped(source, width=chart.width, size=theme.PAGE.text)
    return chart


def source_of(release: Release, period: str) -> str:
    """Return, in a sentence, who published the figures of a period, when if that is known, and how settled they are."""
    if release.synthetic:
        return "Source: made up by this project, no NHS figures."
    day = release.published
    when = f" of {day_label(day)}" if day else ""
    return f"Source: {PUBLISHER}, {release.status.value} figures{when} for {period}."


def marked(title: str, run: Parameters) -> str:
    """Mark a chart of made-up figures as such, for when it is copied away from its page."""
    return f"{title} (synthetic data)" if run.synthetic else title
