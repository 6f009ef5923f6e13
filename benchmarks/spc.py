"""How long SPC charts take: 200 organisations, 120 months and 12 measures, beside one plain Python loop a series.

The budget is under 1 s for every rule of the default rule-set, limits included. Fails where it is exceeded, or where
the loop and the package mark different points. Seconds depend on the machine; the ratio in one run hardly does.
"""

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import polars as pl

from openmeasures.methods import rulesets
from openmeasures.methods.sensitivity import sensitivity
from openmeasures.methods.spc import SpecialCause, xmr

ORGANISATIONS, MONTHS, MEASURES = 200, 120, 12
BUDGET_SECONDS = 1.0
REPEATS = 5  # the quickest counts: what else the machine does only slows
FACTOR, SCREEN, POINTS = 2.66, 3.267, 7


def measure(seed: int) -> pl.DataFrame:
    """Make one measure: Normal noise on a slow wave, so that every rule has something to mark."""
    noise = np.random.default_rng(seed).normal(size=(ORGANISATIONS, MONTHS))
    values = 75 + 3 * noise + 2 * np.sin(np.arange(MONTHS) / 12)
    codes = [f"R{number:03d}" for number in range(ORGANISATIONS)]
    return pl.DataFrame(
        {
            "org_code": np.repeat(codes, MONTHS),
            "period_start": np.tile(np.arange(MONTHS), ORGANISATIONS),
            "value": values.ravel(),
        }
    )


def looped(values: list[float]) -> list[str]:
    """Return the special cause of each point, one at a time."""
    count = len(values)
    mean = sum(values) / count
    ranges = [abs(after - before) for before, after in pairwise(values)]
    kept = [size for size in ranges if size < SCREEN * sum(ranges) / len(ranges)]
    reach = FACTOR * sum(kept) / len(kept)
    side = [(value > mean) - (value < mean) for value in values]
    close = [2 / 3 * reach < abs(value - mean) <= reach for value in values]
    causes: list[str] = [SpecialCause.NONE] * count
    for start in range(count - POINTS + 1):
        if abs(sum(side[start : start + POINTS])) == POINTS:
            causes[start : start + POINTS] = [SpecialCause.SHIFT] * POINTS
    for start in range(count - 2):
        if abs(sum(side[start : start + 3])) == 3 and sum(close[start : start + 3]) > 1:  # noqa: PLR2004 - two in three
            for place in range(start, start + 3):
                causes[place] = SpecialCause.TWO_IN_THREE if close[place] else causes[place]
    for start in range(count - POINTS + 1):
        steps = [after - before for before, after in pairwise(values[start : start + POINTS])]
        if all(step > 0 for step in steps) or all(step < 0 for step in steps):
            causes[start : start + POINTS] = [SpecialCause.TREND] * POINTS
    return [
        SpecialCause.ASTRONOMICAL_POINT if abs(value - mean) > reach else cause
        for value, cause in zip(values, causes, strict=True)
    ]


def seconds(work: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Return how long the quickest of some repeats takes."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> int:
    """Print what each way takes; return 1 where the budget is exceeded or results differ."""
    measures = [measure(seed) for seed in range(MEASURES)]
    whole = pl.concat([frame.with_columns(measure=pl.lit(number)) for number, frame in enumerate(measures)])
    series = [
        part.to_list()
        for frame in measures
        for part in frame.group_by("org_code", maintain_order=True).agg("value")["value"]
    ]
    ours = xmr(whole, improvement="increase", by=["measure", "org_code"])["special_cause"].to_list()
    if ours != [cause for values in series for cause in looped(values)]:
        print("spc: the loop and the package mark different points", file=sys.stderr)
        return 1
    taken = {
        "12 calls, a measure each": seconds(lambda: [xmr(frame, improvement="increase") for frame in measures]),
        "1 call for all": seconds(lambda: xmr(whole, improvement="increase", by=["measure", "org_code"])),
        f"12 calls, all {len(rulesets.load())} rule-sets compared": seconds(
            lambda: [sensitivity(frame, improvement="increase") for frame in measures]
        ),
        "a plain Python loop": seconds(lambda: [looped(values) for values in series], repeats=2),
    }
    loop = taken["a plain Python loop"]
    print(f"SPC: {ORGANISATIONS} organisations × {MONTHS} months × {MEASURES} measures, budget {BUDGET_SECONDS:g} s")
    for name, time_taken in taken.items():
        print(f"  {name:<40}{time_taken:7.2f} s   {loop / time_taken:5.1f} times as fast as the loop")
    return int(taken["12 calls, a measure each"] > BUDGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
