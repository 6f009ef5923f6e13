"""The sample's SHMI: the historical trust-level file, every twelve months from March 2023 to December 2025.

Counts are rounded to five and the ratio is not, band and limits come from exact figures, bands are written `2.0`, names
in capitals and some with a comma, as public programs find them there. A suppressed trust has `**` in place of its
figures and is left out of the limits. A trust that took over another has both their patients from then on, in all
twelve months, and the other one has no row.

The limits are worked out here as FunnelPlotR's authors describe SHMI's [1], with nothing of `methods`, so that what the
measure's page works out has something to be held against; the tests hold it to FunnelPlotR's own figures.

1. NHS-R Community, FunnelPlotR, https://github.com/nhs-r-community/FunnelPlotR (R/od_adjustment.R, calculate_limits.R)
"""

import csv
import io
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from openmeasures.periods import MONTH_NAMES, months
from openmeasures.sample.hospital_deaths import LAST_MONTH, LEVELS, SUPPRESSED, SUPPRESSED_FROM, Month, activity
from openmeasures.sample.organisations import Organisation, read_organisations, read_successions
from openmeasures.sample.stories import FIRST_MONTH, is_in

HEADINGS = (
    "TIME_PERIOD", "PUBLICATION_MONTH", "PROVIDER_CODE", "PROVIDER_NAME", "SPELLS", "OBSERVED", "EXPECTED",
    "SHMI_VALUE", "SHMI_BANDING", "OD_LL", "OD_UL", "PALLIATIVE_SPELLS", "PALLIATIVE_DEATHS",
)  # fmt: skip
SUPPRESSED_MARK = "**"
TWELVE_MONTHS = 12
PUBLISHED_AFTER = 5  # months
GROUPS = 10  # of trusts in order of their z-score; the lowest and the highest are left out of the estimate
Z_95 = 1.959964


class Trust(NamedTuple):
    """One trust's twelve months."""

    org_code: str
    spells: int
    observed: int
    expected: float
    palliative_spells: int
    palliative_deaths: int


def write(folder: Path) -> list[Path]:
    """Write the synthetic file to `folder`, made if need be, and return its path.

    It is the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    known = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    by_org = {code: activity(known[code]) for code in LEVELS}
    last = _short(LAST_MONTH).capitalize()
    first_of_last = date(LAST_MONTH.year, LAST_MONTH.month - TWELVE_MONTHS + 1, 1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for first in months(FIRST_MONTH, first_of_last):
        writer.writerows(_rows(first, by_org, known))
    folder.mkdir(parents=True, exist_ok=True)
    span = f"{_short(first_of_last).capitalize()}-{last}"
    path = folder / f"Historical_trust_level_SHMI_data_{span}_csv-synthetic.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    return [path]


def _short(month: date) -> str:
    """Return a month as the publication writes it.

    >>> _short(date(2025, 1, 1))
    'JAN25'
    """
    return f"{MONTH_NAMES[month.month - 1][:3].upper()}{month:%y}"


def _later(month: date, by: int) -> date:
    index = month.year * 12 + month.month - 1 + by
    return date(index // 12, index % 12 + 1, 1)


def _rows(
    first: date, by_org: dict[str, dict[date, Month]], known: dict[str, Organisation]
) -> list[tuple[str | int, ...]]:
    """Return the rows of the twelve months from `first`, in order of code."""
    last = _later(first, TWELVE_MONTHS - 1)
    span = months(first, last)
    merged = {
        code: successor for code, successor, day, _ in read_successions().iter_rows() if code in LEVELS and day <= last
    }
    trusts = []
    for code in by_org:
        if code not in merged:
            counted = [code, *(other for other, successor in merged.items() if successor == code)]
            each = [by_org[one][month] for one in counted for month in span]
            spells, observed, expected, *palliative = (sum(column) for column in zip(*each, strict=True))
            trusts.append(Trust(code, spells, observed, round(expected, 2), *palliative))
    suppressed = {SUPPRESSED} if is_in(first, SUPPRESSED_FROM) else set()
    shown = [trust for trust in trusts if trust.org_code not in suppressed]
    variance = between_variance([trust.observed for trust in shown], [trust.expected for trust in shown])
    published = _later(last, PUBLISHED_AFTER)
    keys = (f"{_short(first)}_{_short(last)}", f"{_short(published)[:3]}_{published:%y}")
    return [
        (*keys, trust.org_code, known[trust.org_code].org_name.upper(),
         *([SUPPRESSED_MARK] * 9 if trust.org_code in suppressed else _figures(trust, variance)))
        for trust in trusts
    ]  # fmt: skip


def _figures(trust: Trust, variance: float) -> tuple[str | int, ...]:
    lower, upper = limits(trust.expected, variance)
    ratio = trust.observed / trust.expected
    band = "1.0" if ratio > upper else "3.0" if ratio < lower else "2.0"
    return (
        _fives(trust.spells), _fives(trust.observed), _fives(trust.expected), f"{ratio:.4f}", band, f"{lower:.4f}",
        f"{upper:.4f}", _fives(trust.palliative_spells), _fives(trust.palliative_deaths),
    )  # fmt: skip


def _fives(count: float) -> int:
    return 5 * math.floor(count / 5 + 0.5)


def between_variance(observed: Sequence[float], expected: Sequence[float]) -> float:
    """Return τ², the variance of trusts' own levels on the scale of the logarithm [1].

    Trusts are ordered by z = ln(O ÷ E) × √E, numbered from 1, and put in ten groups, ⌊10 × number ÷ (trusts + 1)⌋; the
    first group and the last are left out. Of the m that stay, with weights E: τ² = max(0, (Σ z² - (m - 1)) ÷ (Σ E -
    Σ E² ÷ Σ E)). No two have the same z here, so that nothing is said of ties.
    """
    scores = sorted((math.log(o / e) * math.sqrt(e), e) for o, e in zip(observed, expected, strict=True))
    groups = [GROUPS * number // (len(scores) + 1) for number in range(1, len(scores) + 1)]
    kept = [score for score, group in zip(scores, groups, strict=True) if 0 < group < GROUPS - 1]
    weights = [e for _, e in kept]
    excess = math.fsum(z * z for z, _ in kept) - (len(kept) - 1)
    return max(0.0, excess / (math.fsum(weights) - math.fsum(e * e for e in weights) / math.fsum(weights)))


def limits(expected: float, variance: float) -> tuple[float, float]:
    """Return the 95 % limits around 1 with room for τ²: exp(± 1.96 × √(1 ÷ E + τ²)) [1]."""
    reach = Z_95 * math.sqrt(1 / expected + variance)
    return math.exp(-reach), math.exp(reach)
