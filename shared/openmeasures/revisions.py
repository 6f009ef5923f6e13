"""What a publication changed since it first gave a figure, where a period has more than one release.

| function | gives |
|---|---|
| `since_first` | the organisation's figure as first published and as it is now, one row a period |
| `finding` | what changed, in words |
| `table` | the same, period by period |

Both figures are counted alike and by today's definition; what `corrections.yml` takes away is in neither, so that only
the publisher's own changes show.
"""

from collections.abc import Callable
from datetime import date

import polars as pl

from openmeasures import corrections, counts, words
from openmeasures.definitions import MINUS, Measure
from openmeasures.display import Markdown
from openmeasures.display import table as markdown_table
from openmeasures.parameters import Parameters
from openmeasures.periods import day_label
from openmeasures.schemas import Counts

Valued = Callable[[pl.DataFrame, pl.DataFrame, Parameters], pl.DataFrame]
SCHEMA = {"period_start": pl.Date, "first": pl.Float64, "now": pl.Float64, "change": pl.Float64}
LATEST = 12  # rows of the table: of a time series every month has been published many times


def since_first(run: Parameters, everyone: pl.DataFrame, *, valued: Valued | None = None) -> pl.DataFrame:
    """Return `period_start, first, now, change` of the run's organisation, in the measure's unit, oldest first.

    One row for each period up to the run's last that has more than one release; null where either release has no figure
    of the organisation. `change` is now − first.

    - `everyone`: the counts of every organisation and of England, after corrections.
    - `valued`: what gives counts their `value` where that is no quotient of theirs, as a ratio whose counts were
      rounded; it takes counts, observations and the run. A proportion of more than the whole is none.
    """
    measure = run.measure
    oldest = run.store.oldest(measure.source)
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
    moved = both.filter(pl.col("change").abs().round(measure.decimals + 1) > 0)
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


def table(revised: pl.DataFrame, run: Parameters) -> Markdown:
    """Show what changed in the latest periods with more than one release; nothing where there is none."""
    measure = run.measure
    oldest = run.store.oldest(measure.source)
    rows = [
        (measure.period.label(row["period_start"]), _dated(oldest[row["period_start"]].published),
         _dated(run.release_of[row["period_start"]].published), _written(row["first"], measure),
         _written(row["now"], measure), written_change(row["change"], measure))
        for row in revised.drop_nulls("change").tail(LATEST).iter_rows(named=True)
    ]  # fmt: skip
    headings = (measure.period.heading, "First dated", "Now dated", "As first published", "As it is now", "Change")
    return Markdown(markdown_table(headings, rows, numbers=3) if rows else "")


def _written(value: float, measure: Measure) -> str:
    """Return a value with one decimal more than it is shown with, as two that are subtracted need."""
    return measure.written(value, decimals=measure.decimals + 1)


def _dated(published: date | None) -> str:
    return day_label(published) if published else "no date given"


def written_change(change: float, measure: Measure) -> str:
    """Return a difference of two values with its sign; of percentages, as `−0.26 percentage points`.

    It has one decimal more than values are shown with; one that is 0 then has no sign.
    """
    size = _written(abs(change), measure).replace("\u00a0%", " percentage points")
    if not round(abs(change), measure.decimals + 1):
        return size
    return f"{'+' if change > 0 else MINUS}{size}"
