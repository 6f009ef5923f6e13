"""How often a chart of a stable process cries wolf: the probability of a mark where nothing has changed.

| name | gives |
|---|---|
| `probability` | for a rule-set and a number of points: of a mark anywhere, and of one at the latest point |
| `of_chart` | the same, for a chart in segments |
| `simulate` | the same for many lengths, by drawing stable series and charting them |
| `write` | the table of `simulate` as `reference/false_alarms.csv`, the same bytes each time |

The series are independent Normal numbers, charted by `spc.xmr` as any other. No formula is at hand, since limits and
marks rest on the same few points. Real series vary more than that: months resemble their neighbours, seasons recur,
and shares of large numbers spread wider than chance. Most of that makes marks more frequent, so
the figures are rather too low than too high for what a reader meets, and the true rate of a chart is not known.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from math import prod
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import polars as pl

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.methods import rulesets, spc
from openmeasures.methods.rulesets import DEFAULT, RuleSet

SEED = 20240401
# The standard error of a share is √(p (1 - p) / 40000): 0.25 percentage points at most, 0.06 where p is 1.6 %.
SERIES = 40_000
# Each length where rates bend, at the least points of rule-sets; then wider apart, since they are nearly straight.
LENGTHS = (*range(13, 25), *range(26, 61, 2), *range(66, 121, 6))
BATCH = 1_000_000  # points charted at a time, to keep memory in bounds
COLUMNS = {"rule_set": pl.String, "points": pl.Int64, "anywhere": pl.Float64, "latest": pl.Float64}


class FalseAlarms(NamedTuple):
    """Probabilities, from 0 to 1, that a chart of a stable process has a mark."""

    anywhere: float
    latest: float


def probability(rule_set: str | RuleSet = DEFAULT, points: int = 36) -> FalseAlarms | None:
    """Return the probabilities for a chart of so many values, its limits resting on all of them.

    Between two lengths of the table it is on the straight line that joins them. Beyond 120 points it is that of 120,
    which for a mark anywhere is less than the true one. None where no chart is drawn or simulated: below 13 points, or
    below the rule-set's own least number. A chart in segments is as many charts: 1 - Π(1 - p) of them have none.

    - `rule_set`: an id of `reference/rulesets.yml`, or one of those rule-sets.
    - `points`: values in the chart, gaps not counted.

    Raises `ParameterError` for an unknown rule-set.

    >>> alarms = probability("making-data-count", 36)
    >>> f"{alarms.anywhere:.0%} of stable charts have a mark, {alarms.latest:.1%} at their latest point"
    '29% of stable charts have a mark, 1.7% at their latest point'
    """
    known = rulesets.find(rule_set if isinstance(rule_set, str) else rule_set.id).id
    table = _table(reference_file())
    if known not in table:
        raise DefinitionError(f"{reference_file()}: no rule-set {known!r}. Make the table anew with: make false-alarms")
    lengths, anywhere, latest = table[known]
    if points < lengths[0]:
        return None
    return FalseAlarms(float(np.interp(points, lengths, anywhere)), float(np.interp(points, lengths, latest)))


def of_chart(segments: Sequence[int], rule_set: str | RuleSet = DEFAULT) -> FalseAlarms | None:
    """Return the probabilities for a chart whose limits start anew, from the number of values in each segment.

    Segments are independent charts: 1 - Π(1 - p) have a mark anywhere; the latest point is that of the last. Segments
    too short for limits have no marks. None where the last is, since the chart then says nothing of its latest point.

    >>> alone, rebased = of_chart([36]), of_chart([24, 36])
    >>> f"{alone.anywhere:.0%} of one, {rebased.anywhere:.0%} of two; {alone.latest == rebased.latest}"
    '29% of one, 42% of two; True'
    """
    each = [probability(rule_set, points) for points in segments]
    if not each or each[-1] is None:
        return None
    silent = prod(1 - found.anywhere for found in each if found)
    return FalseAlarms(1 - silent, each[-1].latest)


def simulate(
    rule_sets: Iterable[RuleSet] | None = None,
    lengths: Iterable[int] = LENGTHS,
    *,
    series: int = SERIES,
    seed: int = SEED,
) -> pl.DataFrame:
    """Return the shares of stable series that have a mark: `rule_set`, `points`, `anywhere` and `latest`, from 0 to 1.

    Each length takes the first points of the same series, so that neighbouring lengths and all rule-sets differ by
    themselves and not by chance, and a few lengths alone give what they give among all. A length below a rule-set's
    least number of points is left out.

    - `rule_sets`: all of `reference/rulesets.yml` by default.
    - `series`, `seed`: how many are drawn, and from where; standard errors are √(p (1 - p) / `series`).
    """
    lengths = sorted(set(lengths))
    draws = stable(series, lengths[-1], seed=seed)
    rows = []
    for rules in rulesets.load() if rule_sets is None else rule_sets:
        for points in lengths:
            if points >= rules.minimum_points:
                parts = np.array_split(draws[:, :points], -(-series * points // BATCH))
                marked = np.vstack([_marked(part, rules) for part in parts])
                rows.append((rules.id, points, float(marked.any(axis=1).mean()), float(marked[:, -1].mean())))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def stable(series: int, points: int, *, seed: int) -> np.ndarray:
    """Return independent standard Normal numbers, a row a series; more points lengthen the same series.

    From the raw bits of PCG64, which numpy keeps for ever; the Normal numbers of its `Generator` may change (NEP 19).
    """
    uniform = ((np.random.PCG64(seed).random_raw(series * points) >> np.uint64(11)) + 0.5) / 2**53
    normal = NormalDist().inv_cdf
    return np.fromiter((normal(share) for share in uniform), float, series * points).reshape(points, series).T


def write(path: Path | None = None) -> Path:
    """Write the simulated table, by default to `reference/false_alarms.csv`, and return where; it takes two minutes."""
    path = path or reference_file()
    path.write_text(simulate().write_csv(float_precision=6), encoding="utf-8", newline="\n")
    return path


def reference_file() -> Path:
    """Return the file of the simulated table."""
    return project.root() / "reference" / "false_alarms.csv"


def _marked(values: np.ndarray, rules: RuleSet) -> np.ndarray:
    """Return which points of each series are marked."""
    series, points = values.shape
    frame = pl.DataFrame(
        {
            "org_code": np.repeat(np.arange(series), points),
            "period_start": np.tile(np.arange(points), series),
            "value": values.ravel(),
        }
    )
    chart = spc.xmr(frame, improvement="neutral", rule_set=rules)
    return chart.select(pl.col("special_cause") != spc.SpecialCause.NONE).to_series().to_numpy().reshape(values.shape)


@cache
def _table(path: Path) -> dict[str, tuple[list[int], list[float], list[float]]]:
    """Return lengths and both probabilities by rule-set."""
    if not path.is_file():
        raise DefinitionError(f"{path}: no such file. Make it with: make false-alarms")
    table = pl.read_csv(path, schema=COLUMNS)
    return {
        str(name): (part["points"].to_list(), part["anywhere"].to_list(), part["latest"].to_list())
        for (name,), part in table.sort("rule_set", "points").group_by("rule_set", maintain_order=True)
    }
