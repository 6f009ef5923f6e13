"""The whole and its parts: from a layout's figures to observations, each divided in one way or not at all.

A layout gives some divisions as they are and crosses others, for example route and type of cancer. Where the whole or
a division is not published, it is what its crossed parts add up to, and only if every one of them is there. What is
published is never replaced by a sum, and each part is counted once: treatment modality is crossed with the stage or
route too, and that second crossing holds the same patients again.

| name | gives |
|---|---|
| `publication` | observations, organisations and checks, from the figures of any layout |
| `part_checks` | where the parts of a division do not add up to the whole, in words |
"""

import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_end, month_label
from openmeasures.releases import Vintage
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.sources.cancer_waiting_times.names import (
    CANCER_TYPE,
    DIMENSIONS,
    STAGE_OR_ROUTE,
    STANDARDS,
    TOTAL,
    TREATMENT_MODALITY,
    WITHIN_STANDARD,
    category_written,
)
from openmeasures.tables import SMALLEST_FIGURE

CODE_IN_NOTE = re.compile(r"\(([0-9A-Z]{3,5})\)")
SOURCE = __name__.rsplit(".", 2)[-2]
FIGURES = [TOTAL, WITHIN_STANDARD]
KEYS = ["standard", "org_code", "org_name", "parent_name", *DIMENSIONS]
IDENTITY = ["standard", "metric", "org_code", "period_start"]
WHOLE = ""
# Which crossed figures add up to the whole, or to the parts of a division, where it is not published.
CROSSED = {
    WHOLE: [STAGE_OR_ROUTE, CANCER_TYPE],
    STAGE_OR_ROUTE: [STAGE_OR_ROUTE, CANCER_TYPE],
    CANCER_TYPE: [STAGE_OR_ROUTE, CANCER_TYPE],
    TREATMENT_MODALITY: [STAGE_OR_ROUTE, TREATMENT_MODALITY],
}
METRICS = {f"{key} {name}": getattr(standard, name) for key, standard in STANDARDS.items() for name in FIGURES}
BREAKDOWNS = {
    f"{key} {division}": standard.stage_or_route if division == STAGE_OR_ROUTE else division
    for key, standard in STANDARDS.items()
    for division in CROSSED
}


def publication(figures: pl.DataFrame, *, file: SourceFile, vintage: Vintage | None, notes: list[str]) -> Publication:
    """Return what a layout's figures say.

    - `figures`: as `tables.figures` gives them, the metrics being `FIGURES` and the keys `KEYS`, the
      categories as published; with `period_start`.
    - `notes`: what the publication itself says of its data, in words.

    An organisation with any row in a month has a zero for each standard that it has no row of.

    Raises `SourceError` for a figure given twice.
    """
    rows = figures.with_columns(_written(dimension, figures) for dimension in DIMENSIONS)
    _refuse_repeated(rows, place=file.place)
    found = pl.concat([_division(rows, division) for division in CROSSED])
    found = pl.concat([found, _without_patients(found, notes)])
    ends = {month: month_end(month) for month in found["period_start"].unique()}
    observations = tables.observations(
        found.with_columns(
            metric=pl.concat_str("standard", "metric", separator=" ").replace_strict(METRICS),
            breakdown=pl.concat_str("standard", "breakdown", separator=" ").replace_strict(BREAKDOWNS),
            period_end=pl.col("period_start").replace_strict(ends, return_dtype=pl.Date),
        ),
        source=SOURCE,
        release=file.sha256,
        place=file.place,
    )
    organisations = tables.organisations(figures.filter(pl.col("org_code") != ENGLAND), release=file.sha256)
    checks = [*notes, *tables.total_checks(observations), *part_checks(observations)]
    return Publication(observations, organisations, checks=checks, vintage=vintage)


def _without_patients(found: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Return zeros for the standards that an organisation of the month has no row of: it had no such patients.

    The publication leaves such rows out, as it does those of a type of cancer without patients. An organisation that
    `notes` name by its code may have sent nothing, so that its figures stay missing; so do those of England.
    """
    whole = found.filter(pl.col("breakdown") == WHOLE)
    named = {code for note in notes for code in CODE_IN_NOTE.findall(note)}
    organisations = (
        whole.filter(~pl.col("org_code").is_in([ENGLAND, *named])).select("org_code", "period_start").unique()
    )
    every = organisations.join(whole.select("period_start", "standard", "metric").unique(), on="period_start")
    return (
        every.join(found, on=["standard", "org_code", "period_start"], how="anti")
        .sort(IDENTITY)
        .select(
            *IDENTITY,
            pl.lit("").alias("category"),
            pl.lit(0.0).alias("value"),
            pl.lit(Status.REPORTED.value, dtype=STATUS_TYPE).alias("status"),
            pl.lit(WHOLE).alias("breakdown"),
        )
        .select(found.columns)
    )


def _written(dimension: str, figures: pl.DataFrame) -> pl.Expr:
    written = {published: category_written(published) for published in figures[dimension].unique()}
    return pl.col(dimension).replace_strict(written, return_dtype=pl.String)


def _refuse_repeated(rows: pl.DataFrame, *, place: str) -> None:
    """Raise `SourceError` for a figure given twice: where it is only added up, nobody would see it afterwards."""
    twice = rows.filter(pl.struct(*IDENTITY, *DIMENSIONS).is_duplicated())
    if not twice.is_empty():
        first = twice.row(0, named=True)
        metric = METRICS[f"{first['standard']} {first['metric']}"].replace("_", " ")
        divided_by = ", ".join(first[name] for name in DIMENSIONS if first[name])
        raise SourceError(
            f"{place}: organisation {first['org_code']!r} has {metric}"
            f"{divided_by and f' ({divided_by})'} twice for {month_label(first['period_start'])}; expected once. "
            "Download the file again."
        )


def _division(rows: pl.DataFrame, division: str) -> pl.DataFrame:
    """Return the figures of one division (of the whole), standard by standard as published or added up."""
    category = (pl.col(division) if division else pl.lit("")).alias("category")
    published = rows.filter(_divided_by([division] if division else [])).with_columns(category)
    is_published = pl.col("standard").is_in(published["standard"].unique().to_list())
    columns = [*IDENTITY, "category", "value", "status"]
    crossed = rows.filter(~is_published, _divided_by(CROSSED[division])).with_columns(category)
    is_there = pl.col("status") == Status.REPORTED
    added = (
        crossed.group_by(*IDENTITY, "category", maintain_order=True)
        .agg(
            value=pl.when(is_there.all()).then(pl.col("value").sum()),
            status=pl.col("status").filter(~is_there).first().fill_null(pl.col("status").first()),
        )
        .select(columns)
    )
    return pl.concat([published.select(columns), added]).with_columns(breakdown=pl.lit(division))


def _divided_by(dimensions: list[str]) -> pl.Expr:
    return pl.all_horizontal((pl.col(name) != "") == (name in dimensions) for name in DIMENSIONS)


def part_checks(observations: pl.DataFrame) -> list[str]:
    """Compare the sum of each division's parts with the whole, one sentence a metric, division and period.

    The first organisation is named and the others are counted. Where a part or the whole is not a figure there is
    nothing to compare; an organisation without any part, or without a whole, is said to differ.
    """
    identity = ["metric", "period_start", "org_code"]
    is_part = pl.col("breakdown") != ""
    is_there = (pl.col("status") == Status.REPORTED).all()
    parts = (
        observations.filter(is_part)
        .group_by("metric", "period_start", "breakdown", "org_code", maintain_order=True)
        .agg(parts=pl.col("value").sum(), parts_are_there=is_there)
    )
    divisions = parts.select("metric", "period_start", "breakdown").unique(maintain_order=True)
    wholes = (
        observations.filter(~is_part)
        .select(*identity, whole="value", whole_is_there=pl.col("status") == Status.REPORTED)
        .join(divisions, on=["metric", "period_start"], maintain_order="left_right")
    )
    differing = (
        wholes.join(parts, on=[*identity, "breakdown"], how="full", coalesce=True, maintain_order="left_right")
        .filter(pl.all_horizontal(pl.col("whole_is_there", "parts_are_there").fill_null(True)))
        .with_columns(pl.col("whole", "parts").fill_null(0))
        .filter((pl.col("whole") - pl.col("parts")).abs() > SMALLEST_FIGURE / 2)
        .group_by("metric", "breakdown", "period_start", maintain_order=True)
        .agg(pl.col("org_code", "whole", "parts").first(), others=pl.len() - 1)
    )
    return [_said(**row) for row in differing.iter_rows(named=True)]


def _said(
    *, metric: str, breakdown: str, period_start: date, org_code: str, whole: float, parts: float, others: int
) -> str:
    said = (
        f"{metric.replace('_', ' ')} by {breakdown.replace('_', ' ')}, {month_label(period_start)}: the parts of "
        f"{org_code!r} add up to {parts:,.10g}, the whole is {whole:,.10g}"
    )
    return f"{said} ({others} more organisations differ)" if others else said
