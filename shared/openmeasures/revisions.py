"""What a publication changed since it first gave a figure, where a period has more than one release.

| function | gives |
|---|---|
| `since_first` | the organisation's figure as first published and as it is now, one row a period |
| `finding` | what changed, in words |
| `latest` | the periods that are shown |
| `chart` | both figures of each of them, drawn |
| `table` | the same in a table, period by period |

Both figures are counted alike and by today's definition; what `corrections.yml` takes away is in neither, so that only
the publisher's own changes show.
"""

from datetime import date

import altair as alt
import polars as pl

from openmeasures import corrections, counts, display, words
from openmeasures.charts import revisions as revisions_chart
from openmeasures.definitions import MINUS, Measure
from openmeasures.display import Markdown
from openmeasures.mergers import Valued
from openmeasures.parameters import Parameters
from openmeasures.periods import day_label
from openmeasures.schemas import Counts

SCHEMA = {"period_start": pl.Date, "first": pl.Float64, "now": pl.Float64, "change": pl.Float64}
POINTS = " percentage points"
LATEST = 12  # rows shown: of a time series every month has been published many times


def since_first(run: Parameters, everyone: pl.DataFrame, *, valued: Valued | None = None) -> pl.DataFrame:
    """Return `period_start, first, now, change` of the run's organisation, in the measure's unit, oldest first.

    One row for each period up to the run's last that has more than one release; null where either release has no figure
    of the organisation. `change` is now − first.

    - `everyone`: the counts of every organisation and of England, after corrections.
    - `valued`: what gives counts their `value` where that is no quotient of theirs, as a ratio whose counts were
      rounded; it takes counts, observations and the run. A proportion of more than the whole is none.
    """
    measure = run.measure
    oldest = run.first_release_of
    again = [period for period, release in run.release_of.items() if oldest[period] != release]
    if not again:
        return pl.DataFrame(schema=SCHEMA)
    found = run.observations(counting={period: oldest[period] for period in again})
    found = found.filter(~corrections.concerned(measure.folder))
    parts = {"numerator": measure.numerator, "denominator": measure.denominator}
    providers = counts.count(found, **parts, period=measure.period)
    before = pl.concat([providers, counts.england(found, providers, measure=measure)])
    if valued:
        before, everyone = valued(before, found, run), valued(everyone, run.observations(), run)
    else:
        before, everyone = _quotients(before, measure), _quotients(everyone, measure)
    mine = pl.col("org_code") == run.org_code
    first, now = (
        each.filter(mine).select("period_start", pl.col("value").alias(name))
        for name, each in (("first", before), ("now", everyone))
    )
    periods = pl.DataFrame({"period_start": again}, schema={"period_start": pl.Date})
    both = periods.join(first, on="period_start", how="left").join(now, on="period_start", how="left")
    return both.with_columns(change=pl.col("now") - pl.col("first")).sort("period_start")


def _quotients(counted: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    if measure.kind == "proportion":
        counted = counts.part_of_whole(counted.select(Counts.column_names()))
    quotient = pl.col("numerator") / pl.col("denominator").replace(0, None)
    return counted.with_columns(value=measure.scale * quotient)


def finding(revised: pl.DataFrame, run: Parameters) -> str:
    """Say what changed since first published: how many figures, by how much, and the largest of the changes.

    A change too small for one decimal more than the measure has is none.
    """
    measure, noun = run.measure, run.measure.period.noun
    both = revised.drop_nulls("change")
    if both.is_empty():
        return (
            f"No {noun} was published more than once with a figure of {run.org_name}, so nothing is known of revisions."
        )
    moved = both.filter(_has_changed(measure))
    again = words.plural(both.height, noun)
    if moved.is_empty():
        return f"Published more than once: {again}; no figure has changed since it was first published."
    row = moved.sort(pl.col("change").abs(), "period_start").row(-1, named=True)
    span = f"from {_written(row['first'], measure)} to {_written(row['now'], measure)}"
    size = f"{written_change(row['change'], measure)}, {span}"
    month = measure.period.label(row["period_start"])
    if both.height == 1:
        return f"Since it was first published {month} has changed by {size}."
    return (
        f"Published more than once: {again}. Of them {moved.height} changed since first published, at most {month}: "
        f"{size}."
    )


def _has_changed(measure: Measure) -> pl.Expr:
    return pl.col("change").abs().round(measure.decimals + 1) > 0


def latest(revised: pl.DataFrame, measure: Measure) -> pl.DataFrame:
    """Return the rows to show, oldest first: with both figures, and of more than `LATEST` the latest that changed.

    Where fewer than that changed, the latest of the others make up the number.
    """
    both = revised.drop_nulls("change")
    return both.sort(_has_changed(measure), "period_start").tail(LATEST).sort("period_start")


def chart(revised: pl.DataFrame, run: Parameters, *, finding: str) -> alt.LayerChart | Markdown:
    """Show the figures of `latest` as first published and as they are now; in words alone where none has changed."""
    measure, rows = run.measure, latest(revised, run.measure)
    if rows.filter(_has_changed(measure)).is_empty():
        return Markdown(finding)
    every = revised.drop_nulls("change").height
    drawn = revisions_chart.chart(
        rows.with_columns(
            first_written=pl.Series([_written(each, measure) for each in rows["first"]]),
            now_written=pl.Series([_written(each, measure) for each in rows["now"]]),
            change_written=pl.when(_has_changed(measure))
            .then(pl.Series([written_change(each, measure) for each in rows["change"]]))
            .otherwise(pl.lit("unchanged")),
        ),
        measure,
        title=display.marked(f"{run.org_name}: {measure.short_title}, since first published", run),
        finding=finding,
        note=f"{rows.height} of {every} {measure.period.plural}, the latest that changed." if every > LATEST else "",
    )
    return display.sourced(drawn, run)


def table(revised: pl.DataFrame, run: Parameters) -> Markdown:
    """Show the figures of `latest` and when they were published; nothing where there is none."""
    measure, oldest = run.measure, run.first_release_of
    rows = [
        (measure.period.label(row["period_start"]), _dated(oldest[row["period_start"]].published),
         _dated(run.release_of[row["period_start"]].published), _written(row["first"], measure),
         _written(row["now"], measure), written_change(row["change"], measure).removesuffix(POINTS))
        for row in latest(revised, measure).iter_rows(named=True)
    ]  # fmt: skip
    change = "Change, points" if measure.unit == "percent" else "Change"  # of percentages: or a phone has no room
    headings = (measure.period.heading, "First dated", "Now dated", "As first published", "As it is now", change)
    return Markdown(display.table(headings, rows, numbers=3) if rows else "")


def _written(value: float, measure: Measure) -> str:
    """Return a value with one decimal more than it is shown with, as two that are subtracted need."""
    return measure.written(value, decimals=measure.decimals + 1)


def _dated(published: date | None) -> str:
    return day_label(published) if published else "no date given"


def written_change(change: float, measure: Measure) -> str:
    """Return a difference of two values with its sign; of percentages, as `−0.26 percentage points`.

    It has one decimal more than values are shown with; one that is 0 then has no sign.
    """
    size = _written(abs(change), measure).replace("\u00a0%", POINTS)
    if not round(abs(change), measure.decimals + 1):
        return size
    return f"{'+' if change > 0 else MINUS}{size}"
