"""A measure's further series, such as another count or another statistic: charted as the measure itself is.

| function | gives |
|---|---|
| `counted` | numerator, denominator and value of every organisation and England |
| `charted` | the organisation's own points with process limits and standards |
| `finding` | what their latest figure means, in words |
| `shown` | their chart |

Each takes the run's parameters for the series, `run.of(series_id)`.
"""

from collections.abc import Iterable

import altair as alt
import polars as pl

from openmeasures import counts, display, rebases, standards, words
from openmeasures.display import Markdown
from openmeasures.methods import choice, spc
from openmeasures.parameters import Parameters
from openmeasures.rebases import Rebase


def counted(run: Parameters, observations: pl.DataFrame, **figures: pl.Expr) -> pl.DataFrame:
    """Return `counts.count` of the series, `counts.england` last, with columns made by `figures`."""
    providers = counts.count(
        observations, numerator=run.measure.numerator, denominator=run.measure.denominator, period=run.measure.period
    )
    england = counts.england(observations, providers, measure=run.measure)
    return pl.concat([providers, england]).with_columns(**figures)


def charted(run: Parameters, points: pl.DataFrame, ledger: Iterable[Rebase]) -> pl.DataFrame:
    """Return the organisation's own points as an XmR chart has them, by the rules and the ledger of the measure.

    `points` have `org_code`, `period_start`, `value`, numerator and denominator. Where limits mean little, as with too
    few cases, there are none; see `methods.choice`.
    """
    measure = run.measure
    own = rebases.segments(points, ledger, period_to=run.period_to).filter(pl.col("org_code") == run.org_code)
    chart = spc.xmr(
        own,
        improvement=measure.improvement,
        rule_set=measure.rule_set,
        segment="segment",
        natural_bounds=measure.natural_bounds,
    )
    return choice.without_unsuited(standards.join(chart, measure), kind=measure.kind, overlaps=measure.period.overlaps)


def finding(run: Parameters, points: pl.DataFrame) -> str:
    """Say what the latest figure of the charted points means."""
    return words.finding(points, run.measure, period_to=run.period_to)


def shown(run: Parameters, points: pl.DataFrame) -> alt.LayerChart | Markdown:
    """Show the charted points under the title of the series, in words alone where there is no figure."""
    return display.variation(points, run, title=run.title, finding=finding(run, points))
