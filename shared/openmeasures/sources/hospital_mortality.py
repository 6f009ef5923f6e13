"""Summary Hospital-level Mortality Indicator (SHMI): NHS England's historical trust-level file.

| observations of a trust and twelve months | from column |
|---|---|
| `provider_spells`, `observed_deaths`, `expected_deaths` | `SPELLS`, `OBSERVED`, `EXPECTED` |
| `mortality_ratio`, `mortality_band` (1 higher than expected, 2 as expected, 3 lower) | `SHMI_VALUE`, `SHMI_BANDING` |
| `mortality_lower_limit`, `mortality_upper_limit`, of the band that is as expected | `OD_LL`, `OD_UL` |
| `palliative_spells`, `palliative_deaths` | `PALLIATIVE_SPELLS`, `PALLIATIVE_DEATHS` |

The CSV stands in the zip of each month's publication ("SHMI data, Jan25-Dec25.zip") and holds every period published:
twelve months each, a month apart, as `JAN25_DEC25`, so that neighbours share eleven months. It has acute trusts alone,
and no row for England. We have seen no original: the headings are those that two public programs look for in it [1, 2];
a column of the last two lines of the table that is not there is passed over. The counts of recent periods come in
fives, the ratio with four decimals that come of exact ones [3], so that it is worth more than their quotient. A trust
whose data mislead is suppressed [4]. Files by site or diagnosis, in the same zip, are not read.

1. TrustPulse, whose pipeline ingests it, https://github.com/larsen-analyst/trustpulse
2. A reader in Go of SHMI's historical trust-level table, found in a public index of code, which names no repository.
3. GeraClinic, Hospital Mortality Index, https://geraclinic.com/hospital-mortality-index/trust/london-north-west-university-healthcare-nhs-trust
   (November 2024 to October 2025: 2,615 observed, 3,115 expected, 106,625 discharges; a ratio of 0.840).
4. https://digital.nhs.uk/data-and-information/publications/statistical/shmi/2024-08 (Royal Surrey County Hospital).
"""

import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.periods import MONTH_NAMES, month_end
from openmeasures.schemas import Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.tables import LINE, MARKS, folded

TITLE = "Summary Hospital-level Mortality Indicator (SHMI): deaths associated with hospitalisation, trust level"
PUBLISHER = "NHS England"
URL = "https://digital.nhs.uk/data-and-information/publications/statistical/shmi"
LICENCE = "Open Government Licence v3.0"

KEYS = {"TIME_PERIOD": "period", "PROVIDER_CODE": "org_code", "PROVIDER_NAME": "org_name"}
RATIO, OBSERVED, EXPECTED = "mortality_ratio", "observed_deaths", "expected_deaths"
BAND, LOWER_LIMIT, UPPER_LIMIT = "mortality_band", "mortality_lower_limit", "mortality_upper_limit"
METRICS = {"OBSERVED": OBSERVED, "EXPECTED": EXPECTED, "SHMI_VALUE": RATIO, "SHMI_BANDING": BAND}
FURTHER = {  # that a file may lack
    "SPELLS": "provider_spells",
    "OD_LL": LOWER_LIMIT,
    "OD_UL": UPPER_LIMIT,
    "PALLIATIVE_SPELLS": "palliative_spells",
    "PALLIATIVE_DEATHS": "palliative_deaths",
}
SIGNATURE = ("PROVIDER_CODE", "SHMI_VALUE", "SHMI_BANDING")  # that no other publication has together
PARTS = ("site", "diagnosis")  # in a heading of the files that divide a trust
BANDS = (1.0, 2.0, 3.0)
TWELVE_MONTHS = 12
ROUNDED_TO = 5
RATIO_DECIMALS = 4

_PERIOD = re.compile(r"([A-Z]{3})(\d{2})_([A-Z]{3})(\d{2})", re.ASCII)
_SHORT_MONTHS = {name[:3].upper(): number for number, name in enumerate(MONTH_NAMES, start=1)}


def recognises(file: SourceFile) -> bool:
    """Whether the first line has the headings that only this publication has, and none of a part of a trust."""
    first_line = file.content[:4096].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if "\0" in first_line:
        return False
    headings = {folded(heading.replace('"', "")) for heading in first_line.split(",")}
    is_of_a_part = any(part in heading for heading in headings for part in PARTS)
    return headings.issuperset(map(folded, SIGNATURE)) and not is_of_a_part


def read(file: SourceFile) -> Publication:
    """Read every period.

    Raises `SourceError`, which names row and column, for: a missing heading, a short row, a period that is no twelve
    months, a row without code or name, a cell that is neither a number nor a mark, a band that is none of the three, a
    trust twice in one period, or no row at all.
    """
    headings = {folded(heading) for heading in next(file.csv_cells.iter_rows(), ())}
    metrics = METRICS | {heading: name for heading, name in FURTHER.items() if folded(heading) in headings}
    table = tables.find(file.csv_cells, KEYS | metrics, place=file.place)
    nameless = table.filter((pl.col("org_code") == "") | (pl.col("org_name") == ""))
    if table.is_empty() or not nameless.is_empty():
        where = "" if table.is_empty() else f", row {nameless[LINE][0]}"
        found = "no row under the headings" if table.is_empty() else "no organisation code or name"
        raise SourceError(f"{file.place}{where}: {found}. The file looks truncated: download it again.")
    table = _dated(table, place=file.place).with_columns(parent_name=pl.lit(""))
    figures = tables.figures(
        table,
        list(metrics.values()),
        keys=["org_code", "period_start", "period_end"],
        place=file.place,
        marks=MARKS | {"**": Status.SUPPRESSED},
    )
    _refuse_other_bands(figures, place=file.place)
    observations = tables.observations(
        figures, source=__name__.rsplit(".", 1)[-1], release=file.sha256, place=file.place
    )
    return Publication(
        observations, tables.organisations(table, release=file.sha256), checks=_ratio_checks(observations)
    )


def _dated(table: pl.DataFrame, *, place: str) -> pl.DataFrame:
    """Return the rows with the first day of their twelve months and the last."""
    periods = table.unique("period", keep="first", maintain_order=True).select(LINE, "period")
    spans = {period: _span(period, place=f"{place}, row {line}") for line, period in periods.iter_rows()}
    return table.with_columns(
        pl.col("period").replace_strict({period: span[place] for period, span in spans.items()}, return_dtype=pl.Date)
        .alias(name)
        for place, name in enumerate(("period_start", "period_end"))
    )  # fmt: skip


def _span(period: str, *, place: str) -> tuple[date, date]:
    """Return the first and the last day of `JAN25_DEC25`; SHMI's years are all of this century."""
    match = _PERIOD.fullmatch(period.upper())
    if match and {match[1], match[3]} <= _SHORT_MONTHS.keys():
        first, last = (date(2000 + int(match[at + 1]), _SHORT_MONTHS[match[at]], 1) for at in (1, 3))
        if (last.year - first.year) * 12 + last.month - first.month + 1 == TWELVE_MONTHS:
            return first, month_end(last)
    raise SourceError(
        f"{place}: found the period {period!r}, expected twelve months, for example 'JAN25_DEC25'. Download the file "
        "again, or tell us that its layout has changed."
    )


def _refuse_other_bands(figures: pl.DataFrame, *, place: str) -> None:
    bands = figures.filter(pl.col("metric") == BAND).drop_nulls("value")
    others = bands.filter(~pl.col("value").is_in(BANDS))
    if not others.is_empty():
        first = others.row(0, named=True)
        raise SourceError(
            f"{place}: organisation {first['org_code']!r} has band {first['value']:g}, expected 1 (higher than "
            "expected), 2 (as expected) or 3 (lower). Download the file again, or tell the publisher."
        )


def _ratio_checks(observations: pl.DataFrame) -> list[str]:
    """Say where a published ratio is not observed ÷ expected, as exactly as either is published.

    Counts that are all multiples of five are taken to be rounded to it.
    """
    wide = observations.pivot("metric", index=["org_code", "period_start"], values="value").drop_nulls(
        [OBSERVED, EXPECTED, RATIO]
    )
    counts = pl.concat([wide[OBSERVED], wide[EXPECTED]])
    off = ROUNDED_TO / 2 if (counts % ROUNDED_TO == 0).all() else 0.0
    half = 0.5 * 10.0**-RATIO_DECIMALS * (1 + 1e-9)  # and the last bit of a division
    least = (pl.col(OBSERVED) - off) / (pl.col(EXPECTED) + off) - half
    most = (pl.col(OBSERVED) + off) / (pl.col(EXPECTED) - off) + half
    # So few are expected that rounding leaves anything possible.
    unlike = wide.filter((pl.col(EXPECTED) > off) & ~pl.col(RATIO).is_between(least, most))
    if unlike.is_empty():
        return []
    row = unlike.sort("period_start", "org_code").row(0, named=True)
    return [
        f"observed ÷ expected is not the published ratio in {unlike.height} of {wide.height} rows, first "
        f"{row['org_code']}: {row[OBSERVED]:,.10g} ÷ {row[EXPECTED]:,.10g}, and {row[RATIO]:.4f} is published"
    ]
