"""The parts of a measure, such as its tests or types of cancer, in the latest period: drawn and put into words.

| function | gives |
|---|---|
| `finding` | which parts differ from the whole by more than chance |
| `chart` | a dot and an interval for each part |
| `table` | the counts and values |

All take `counts.by_category` with `value`, `value_lower` and `value_upper` in the measure's unit, and the breakdown's
id, which names it in `measure.yml`.

Sources:
1. Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the binomial. Biometrika
   1934; 26(4): 404-413.
2. Dunn OJ. Multiple comparisons among means. Journal of the American Statistical Association 1961; 56(293): 52-64.
"""

from typing import NamedTuple

import altair as alt
import polars as pl

from openmeasures import words
from openmeasures.charts import breakdown as breakdown_chart
from openmeasures.definitions import Measure
from openmeasures.display import Markdown, marked, sourced
from openmeasures.display import table as markdown_table
from openmeasures.methods import intervals, mean_change
from openmeasures.parameters import Parameters
from openmeasures.tables import SMALLEST_FIGURE

MOST_NAMED = 6  # in one sentence, or one more rather than leave out one; the table has them all
VERDICTS = ("below", "above", "chance")  # of a part beside the whole; null where it cannot be judged
CONFIDENCE = 0.95  # that no part at all is said to differ which does not


class Whole(NamedTuple):
    """What all parts together come to."""

    numerator: float
    denominator: float
    value: float


def latest(parts: pl.DataFrame, run: Parameters) -> pl.DataFrame:
    """Return the rows of the run's last period, largest denominator first."""
    now = parts.filter(pl.col("period_start") == run.period_to)
    return now.sort(pl.col("denominator").fill_null(-1), "category", descending=[True, False])


def finding(parts: pl.DataFrame, mine: pl.DataFrame, run: Parameters, *, by: str) -> str:
    """Say which parts are above or below the whole by more than chance, however many parts there are to look at.

    The judgement is that of `judged`. Nothing is said of which part is highest.

    - `mine`: the organisation's own points, with `numerator`, `denominator` and `value`. Where its parts do not add up
      to them, that is said.
    """
    title, month = run.measure.breakdown(by).title, run.measure.period.label(run.period_to)
    now, whole = latest(parts, run), _whole(mine, run)
    rows = now.drop_nulls("value")
    if rows.is_empty():
        return f"{title}: no figures for {month}."
    if whole is None:
        return f"{title} in {month}: {_have(rows.height)} a figure, but there is none for all together to compare with."
    unequal = _unequal(now, whole, run.measure)
    if rows.height == 1 and not unequal:
        return f"{title} in {month}: all are in one part, {rows['category'].item()}; its figure is that of the whole."
    verdicts = judged(rows, whole, run.measure).group_by("verdict").agg("category")
    names_of = dict(verdicts.iter_rows())
    below, above, others, unjudged = (names_of.get(verdict, []) for verdict in (*VERDICTS, None))
    differing = ((below, "below"), (above, "above"))
    said = [f"{_named(names)} {side} it by more than chance" for names, side in differing if names]
    if others:
        said.append(f"{words.plural(len(others), 'part')} may differ from it by chance alone")
    if unjudged:
        said.append(f"{words.plural(len(unjudged), 'part')} cannot be judged, for want of an interval")
    if without := now.height - rows.height:
        said.append(f"{_have(without)} no figure")
    allowing = f", allowing for {rows.height} comparisons" if rows.height - len(unjudged) > 1 else ""
    beside = f"beside {run.measure.written(whole.value)} for all together{allowing}"
    return words.together([f"{title} in {month}, {beside}: {'; '.join(said)}.", unequal])


def judged(rows: pl.DataFrame, whole: Whole | None, measure: Measure) -> pl.DataFrame:
    """Return the rows, all with a value, with `verdict`: one of `VERDICTS`, or null.

    Of twenty parts that do not differ, one misses the whole with its 95 % interval by chance. So a part is `below` or
    `above` only where an exact interval does not hold the whole at 1 − (1 − `CONFIDENCE`) ÷ parts, Bonferroni's level
    [1, 2]: of a proportion or of a rate; of a mean with `variance` a Normal one, with room for rounding. Any other has
    no verdict, nor has any part where there is no whole, nor one without an interval of its own, as where days of
    illness are no independent cases. The whole is taken as it is, which only makes the judgement more careful, since
    every part is in it.
    """
    lower, upper = (measure.scale * limit for limit in _limits(rows, measure))
    value = pl.lit(whole.value if whole else None, pl.Float64)
    without = pl.col("value_lower").is_null() | pl.col("value_upper").is_null()
    verdict = pl.when(without).then(None).when(upper < value).then(pl.lit("below"))
    verdict = verdict.when(lower > value).then(pl.lit("above"))
    return rows.with_columns(verdict=verdict.when(lower <= value).then(pl.lit("chance")))


def _limits(rows: pl.DataFrame, measure: Measure) -> tuple[pl.Expr, pl.Expr]:
    """Return limits of numerator ÷ denominator that hold for all parts at once."""
    kind, count, size = measure.kind, pl.col("numerator"), pl.col("denominator")
    confidence = 1 - (1 - CONFIDENCE) / rows.height
    if kind == "mean" and "variance" in rows.columns:
        rounding = measure.disclosure.value_rounding / measure.scale if measure.disclosure else 0.0
        squares = pl.col("variance") * size
        return mean_change.interval(count / size, squares, size, rounding=rounding, confidence=confidence)
    if kind == "proportion":
        return intervals.exact_binomial(count, size, confidence=confidence)
    if kind == "rate":
        lower, upper = intervals.exact_poisson(count, confidence=confidence)
        return lower / size, upper / size
    return pl.lit(None, pl.Float64), pl.lit(None, pl.Float64)


def _named(names: list[str]) -> str:
    names = [f"“{name}”" if "," in name else name for name in names]  # or it would read as two parts
    if len(names) > MOST_NAMED + 1:
        return f"{len(names)} parts, among them {words.listed(names[:MOST_NAMED])}, are"
    return f"{words.listed(names)} {'is' if len(names) == 1 else 'are'}"


def _have(number: int) -> str:
    return f"{words.plural(number, 'part')} {'has' if number == 1 else 'have'}"


def _whole(mine: pl.DataFrame, run: Parameters) -> Whole | None:
    """Return the organisation's own figure of the last period; None where there is none."""
    now = mine.filter(pl.col("period_start") == run.period_to).select(Whole._fields).drop_nulls("value")
    return next((Whole(*row) for row in now.iter_rows()), None)


def _unequal(now: pl.DataFrame, whole: Whole, measure: Measure) -> str:
    """Say how far the parts add up, where they do not add up to the whole; of means, whether theirs is its own."""
    numerator, denominator = (float(now[name].sum()) for name in ("numerator", "denominator"))
    missing = abs(denominator - whole.denominator) >= SMALLEST_FIGURE / 2
    if measure.kind == "mean" and not missing:
        together, own = measure.written(measure.scale * numerator / denominator), measure.written(whole.value)
        return "" if together == own else f"The mean of the parts together is {together}, that of the whole {own}."
    if not missing and abs(numerator - whole.numerator) < SMALLEST_FIGURE / 2:
        return ""
    in_all = _counted(whole.numerator, whole.denominator, measure)
    return f"The parts add up to {_counted(numerator, denominator, measure)}, the whole is {in_all}."


def chart(
    parts: pl.DataFrame, mine: pl.DataFrame, run: Parameters, *, by: str, finding: str
) -> alt.LayerChart | Markdown:
    """Show each part of the last period; in words alone where none has a value, or one is the whole."""
    measure, rows, whole = run.measure, latest(parts, run).drop_nulls("value"), _whole(mine, run)
    is_whole = rows.height == 1 and whole is not None and not _unequal(rows, whole, measure)
    if rows.is_empty() or is_whole:
        return Markdown(finding)
    title = measure.breakdown(by).title
    title = f"{measure.short_title}, {words.continued(title)}, {run.measure.period.label(run.period_to)}"
    counted = [_counted(part, of, measure) for part, of in rows.select("numerator", "denominator").iter_rows()]
    lasting = measure.lasting_standard_on(run.period_to)
    drawn = breakdown_chart.chart(
        judged(rows, whole, measure).with_columns(counted=pl.Series(counted)),
        measure,
        title=marked(f"{run.org_name}: {title}", run),
        finding=finding,
        whole=whole.value if whole else None,
        standard=lasting.value if lasting else None,
    )
    return sourced(drawn, run)


def table(parts: pl.DataFrame, run: Parameters, *, by: str) -> Markdown:
    """Show numerator, denominator, value and interval of each part in the last period; nothing without any.

    A mean has no column for its numerator: a total of scores, or of minutes, is no count of anything.
    """
    measure, rows = run.measure, latest(parts, run)
    if rows.is_empty():
        return Markdown("")
    counts = {"numerator": words.label(measure.numerator), "denominator": words.label(measure.denominator)}
    if measure.kind == "mean":
        del counts["numerator"]
    cells = [
        (
            row["category"],
            *("" if row[name] is None else words.number(row[name]) for name in counts),
            measure.written(row["value"]) if row["value"] is not None else words.reason(row),
            words.span(row["value_lower"], row["value_upper"], measure),
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
    headings = (
        measure.breakdown(by).title,
        *counts.values(),
        "Value",
        "95 % interval",
    )
    return Markdown(markdown_table(headings, cells, numbers=len(headings) - 1))


def _counted(numerator: float, denominator: float, measure: Measure) -> str:
    """Say what a figure rests on; of a mean, how many it is the mean of."""
    of_all = f"{words.number(denominator)} {measure.denominator.label}"
    return of_all if measure.kind == "mean" else f"{words.number(numerator)} of {of_all}"
