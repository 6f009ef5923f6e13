"""Consultant-led referral to treatment (RTT) waiting times: NHS England's monthly full CSV extract.

One row a provider, commissioner, part of the return and treatment function. Providers are summed over commissioners.

| part | metric | given |
|---|---|---|
| 2 | `incomplete_pathways`, `…_within_18_weeks`, `…_over_52_weeks`, `…_over_65_weeks`, `…_over_78_weeks`, `…_over_104_weeks` | whole, by `treatment_function`; the first also by `weeks_waited` |
| 2A | `incomplete_pathways_with_decision_to_admit` | whole, by `treatment_function` |
| 1A, 1B | `completed_admitted_pathways`, `completed_non_admitted_pathways` | whole, by `treatment_function` |
| 3 | `new_rtt_periods` | whole, by `treatment_function` |

**Commissioners.** England's published figures without estimates are those of English commissioners ([1] has them on the
basis "Commissioner"; [2] "for whom English commissioners are responsible"; [4], as relayed, says how to add them up:
`Part_2`, `Total`, commissioner not `NONC`, which providers need not submit), so that the metrics above leave out the
commissioner code `NONC`, "non-English commissioners" ([3], 10.1.8). Those pathways are kept beside them, whole only, as
`…_for_non_english_commissioners`; both together are all that a provider reports. The file has no England row.

**Weeks.** A category such as `017-018` holds waits over 17 and up to 18 weeks, 120 to 126 days ([3], 10.1.7); the last
one, `104+`, has no upper edge. Before April 2021 it is `052+` ([3], 10.1.1.3), and nothing is known of longer waits.
Every provider has every band: a blank one is a zero, as bands add up to `Total All` in every row only if it is.

1. NHS England, RTT Overview Timeseries. https://www.england.nhs.uk/statistics/statistical-work-areas/rtt-waiting-times/
2. Department of Health, Statistical press notice: RTT waiting times data, July 2011.
   https://www.gov.uk/government/news/statistical-press-notice-nhs-referral-to-treatment-rtt-waiting-times-data-july-2011
3. NHS England, Recording and reporting referral to treatment (RTT) waiting times for consultant-led elective care,
   version 5.0, February 2025 (PRN01045).
4. NHS England, RTT statistics user guidance, "Reproducibility and derived measures".
   https://www.england.nhs.uk/statistics/statistical-work-areas/rtt-waiting-times/rtt-statistics-user-guidance/
"""  # noqa: E501 - a table's row

from collections.abc import Iterator

import polars as pl

from openmeasures import tables
from openmeasures.periods import month_end
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.sources.rtt_waiting_times import extract, totals
from openmeasures.sources.rtt_waiting_times.extract import ALL_FUNCTIONS, NON_ENGLISH, PARTS, WAITING, Band

TITLE = "Consultant-led Referral to Treatment Waiting Times"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/rtt-waiting-times/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(files=(r"full.csv.data.file.*\.(zip|csv)$",), pages=(r"rtt-data-\d{4}-\d{2}",))

STANDARD_WEEKS = 18
LONG_WAITS = (52, 65, 78, 104)  # weeks; each in its turn was to be eliminated, and is published every month
SIGNATURE = (*extract.KEYS, "Gt 00 To 01 Weeks SUM 1")  # most of them together are in no other publication


def recognises(file: SourceFile) -> bool:
    """Whether the first line holds most of the headings that only this publication has together."""
    return tables.resembles(pl.DataFrame([extract.headings_of(file) or [""]], orient="row"), SIGNATURE)


def read(file: SourceFile) -> Publication:
    """Read one month.

    `checks` say where treatment functions do not add up to the file's own total of all functions, or week bands to
    `Total All`. A provider is `not_submitted` where a commissioner's `Total All` is blank. Raises `SourceError`, which
    names the row or column, for: a missing heading, a gap between bands, a short last row (a truncated file), a period
    that is not a month or differs between rows, a row given twice or without a code, and a cell that is not a whole
    number.
    """
    headings = extract.headings_of(file)
    bands = extract.bands_of(file, headings)
    rows = extract.rows_of(file, headings, bands)
    period = extract.month_of(file, rows)
    sums = _sums(rows, bands)
    found = pl.concat(_figures(sums, bands)).with_columns(
        period_start=pl.lit(period),
        period_end=pl.lit(month_end(period)),
        status=pl.when(pl.col("value").is_null())
        .then(pl.lit(Status.NOT_SUBMITTED.value))
        .otherwise(pl.lit(Status.REPORTED.value))
        .cast(STATUS_TYPE),
    )
    names = rows.select(
        "org_code", "org_name", pl.col("parent_name").fill_null(""), system_code="provider_system"
    ).unique("org_code", keep="first", maintain_order=True)
    return Publication(
        tables.observations(found, source=__name__.rsplit(".", 1)[-1], release=file.sha256, place=file.place),
        tables.organisations(names, period_start=period, release=file.sha256),
        checks=totals.checks(rows, sums, bands),
    )


def _sums(rows: pl.DataFrame, bands: list[Band]) -> pl.DataFrame:
    """Add up each provider's commissioners, English and not; `total` is null where one of them gives none."""
    return (
        rows.filter(pl.col("part").is_in(list(PARTS)))
        .group_by(
            "org_code",
            "part",
            "function_code",
            (pl.col("commissioner") != NON_ENGLISH).alias("is_english"),
        )
        .agg(
            pl.col("function").first(),
            pl.when(pl.col("total").null_count() == 0).then(pl.col("total").sum()).alias("total"),
            pl.col("unknown_start", *(band.category for band in bands)).sum(),
        )
    )


def _figures(sums: pl.DataFrame, bands: list[Band]) -> Iterator[pl.DataFrame]:
    """Return `metric, org_code, breakdown, category, value` of every metric, whole and in parts."""
    is_whole, is_english = pl.col("function_code") == ALL_FUNCTIONS, pl.col("is_english")
    for part, metric in PARTS.items():
        ours = sums.filter(pl.col("part") == part).with_columns(pl.col("total").cast(pl.Float64).alias(metric))
        if part == WAITING:
            ours = ours.with_columns(**_waits(metric, bands))
        metrics = [name for name in ours.columns if name.startswith(metric)]
        yield _long(ours.filter(is_whole, is_english), metrics)
        yield _long(ours.filter(is_whole, ~is_english), metrics).with_columns(
            pl.col("metric") + "_for_non_english_commissioners"
        )
        yield _long(ours.filter(~is_whole, is_english), metrics, breakdown="treatment_function", category="function")
        if part == WAITING:
            by_week = ours.filter(is_whole, is_english).select(
                "org_code", *(pl.when(pl.col("total").is_not_null()).then(band.category) for band in bands)
            )
            yield by_week.unpivot(index="org_code", variable_name="category", value_name="value").select(
                pl.lit(metric).alias("metric"),
                "org_code",
                pl.lit("weeks_waited").alias("breakdown"),
                "category",
                pl.col("value").cast(pl.Float64),
            )


def _waits(metric: str, bands: list[Band]) -> dict[str, pl.Expr]:
    """Return the metrics that are sums of bands, those that this layout can give."""
    chosen = {f"{metric}_within_{STANDARD_WEEKS}_weeks": [b.category for b in bands if b.lower < STANDARD_WEEKS]}
    for weeks in LONG_WAITS:
        if weeks < len(bands):
            chosen[f"{metric}_over_{weeks}_weeks"] = [band.category for band in bands if band.lower >= weeks]
    return {
        name: pl.when(pl.col("total").is_not_null()).then(pl.sum_horizontal(categories).cast(pl.Float64))
        for name, categories in chosen.items()
    }


def _long(rows: pl.DataFrame, metrics: list[str], *, breakdown: str = "", category: str = "") -> pl.DataFrame:
    return (
        rows.with_columns(category=pl.col(category) if category else pl.lit(""))
        .unpivot(metrics, index=["org_code", "category"], variable_name="metric", value_name="value")
        .select("metric", "org_code", pl.lit(breakdown).alias("breakdown"), "category", "value")
    )
