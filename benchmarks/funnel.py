"""How long a funnel with overdispersion takes for 200 organisations, beside a plain loop with scipy's distributions.

The budget is 10 ms. Fails where it is exceeded, or where loop and package disagree on a limit.
"""

import sys

import numpy as np
import polars as pl
from scipy import stats
from spc import seconds

from openmeasures.methods.funnel import LEVELS, funnel

ORGANISATIONS = 200
BUDGET_SECONDS = 0.010


def figures() -> pl.DataFrame:
    """Make organisations that differ by more than chance: about 75 %, 8 points up or down."""
    random = np.random.default_rng(4)
    sizes = random.integers(1_000, 20_000, ORGANISATIONS)
    levels = np.clip(random.normal(0.75, 0.08, ORGANISATIONS), 0, 1)
    return pl.DataFrame({"numerator": random.binomial(sizes, levels), "denominator": sizes})


def looped(frame: pl.DataFrame, target: float) -> list[list[float]]:
    """Return the exact limits of each organisation, one at a time: mid-P, straight between whole counts."""
    rows = []
    for size in frame["denominator"]:
        chance, row = stats.binom(size, target), []
        for level in LEVELS.values():
            for tail in ((1 - level) / 2, (1 + level) / 2):
                count = int(chance.ppf(tail)) - 2
                while chance.cdf(count) - chance.pmf(count) / 2 < tail:
                    count += 1
                above = chance.cdf(count) - chance.pmf(count) / 2
                below = chance.cdf(count - 1) - chance.pmf(count - 1) / 2
                row.append((count - (above - tail) / (above - below)) / size)
        rows.append(row)
    return rows


def main() -> int:
    """Measure, compare and print."""
    frame = figures()
    found = funnel(frame, kind="proportion")
    taken = seconds(lambda: funnel(frame, kind="proportion"))
    exact = funnel(frame, kind="proportion", is_adjusted=False)
    by_loop = looped(frame, exact.target)
    loop = seconds(lambda: looped(frame, exact.target), repeats=1)
    ours = exact.points.select("lower_95", "upper_95", "lower_99_8", "upper_99_8").to_numpy()
    alike = np.allclose(ours, by_loop, rtol=1e-9)
    print(f"{ORGANISATIONS} organisations, φ {found.dispersion:.0f}: {1000 * taken:.1f} ms for limits with and without")
    print(f"overdispersion; a plain loop of the exact limits alone takes {loop / taken:.0f} times as long.")
    if not alike or taken > BUDGET_SECONDS:
        print("Limits differ." if not alike else f"Over the budget of {1000 * BUDGET_SECONDS:.0f} ms.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
