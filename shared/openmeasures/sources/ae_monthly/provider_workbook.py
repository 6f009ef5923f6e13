"""The provider workbook: a sheet with every attendance, and since August 2020 two that tell booked ones apart.

| months | sheets that are read | attendances in `Provider Level Data` |
|---|---|---|
| to July 2020 | `Provider Level Data` | without booked appointments, which were not collected |
| since August 2020 | `Non-Booked Data`, `Booked Appointments Data` | with them: the sum of the other two sheets |

Seen in five workbooks, April 2019 to May 2026, and compared with the CSV of two of those months (June 2022, February
2025): the CSV's attendances are those of `Non-Booked Data`, not of the first sheet. From there come the published
percentages, which count booked appointments. `Total Attendances < 4 Hours` and other totals are left alone, as are
the figures of areas (a sheet that stands first since April 2022), trusts' footprints and leftovers, hidden or not.
Which system each provider is in is read beside them; see `systems`.

Before August 2020 the booked metrics are `not_applicable`, never zero, since nobody was asked for them. A percentage
that counts them has the same status then; waits from decision to admit have their figures.

The workbook counts waits of more than four hours from decision to admit, those of twelve included; less the latter,
they are the CSV's. A trust that field-tested other standards has `-` (`not_applicable`) where the CSV has zero, and
England's row leaves it out of the waits but not of the attendances. Names come in mixed capitals; they are given as in
the CSV. Every other figure of the two months, and every name, is the same in both.
"""

import re
from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.periods import MONTH_NAMES, month_end, month_named
from openmeasures.releases import vintage_stated
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Publication, SourceFile
from openmeasures.sources.ae_monthly import systems
from openmeasures.sources.ae_monthly.names import (
    ADMISSIONS,
    ATTENDED,
    BOOKED_ATTENDED,
    BOOKED_FROM,
    BOOKED_LATE,
    LATE,
    OVER_FOUR_HOURS_TO_ADMISSION,
    OVER_TWELVE_HOURS_TO_ADMISSION,
    SHARES,
    SOURCE,
    by_department,
)
from openmeasures.sources.ae_monthly.sheets import Sheet
from openmeasures.tables import Workbook, folded

EVERYBODY, NON_BOOKED, BOOKED = "Provider Level Data", "Non-Booked Data", "Booked Appointments Data"
TITLE = "a&e attendances & emergency admission monthly statistics"  # how it begins; organisations follow
ACTIVITY = by_department(ATTENDED, "attendances") | by_department(LATE, "over_four_hours")
BOOKED_ACTIVITY = by_department(BOOKED_ATTENDED, "booked_attendances") | by_department(
    BOOKED_LATE, "booked_over_four_hours"
)
_SHORT = re.compile(r"([A-Za-z]{3,})[\s-]+(\d{2})", re.ASCII)  # May 26


def recognises(workbook: Workbook) -> bool:
    """Whether it has the sheet of every attendance, under this publication's title."""
    sheet = _sheets(workbook).get(EVERYBODY)
    return sheet is not None and folded(tables.labels(workbook.cells(sheet)).get("title", "")).startswith(TITLE)


def read(file: SourceFile, workbook: Workbook) -> Publication:
    """Read one month; see the package's `read` for what is raised."""
    names = _sheets(workbook)
    first = names.get(EVERYBODY, EVERYBODY)  # where it is missing, `cells` says which sheets there are
    stated = tables.labels(workbook.cells(first))
    month = _month(stated.get("period", ""), place=f"{file.place}, sheet {first!r}")

    def sheet(name: str, headings: dict[str, str]) -> Sheet:
        return Sheet(workbook, names.get(name, name), headings, period=stated.get("period", ""))

    everybody = sheet(EVERYBODY, ACTIVITY | ADMISSIONS | SHARES)
    if month < BOOKED_FROM and NON_BOOKED not in names:
        counted = everybody.figures(ACTIVITY | ADMISSIONS)
        booked = _never_asked(everybody)
        checks = []
    else:
        counted = sheet(NON_BOOKED, ACTIVITY | ADMISSIONS).figures(ACTIVITY | ADMISSIONS)
        booked = sheet(BOOKED, BOOKED_ACTIVITY).figures(BOOKED_ACTIVITY)
        checks = _part_checks(everybody.figures(ACTIVITY), counted, booked)
    figures = pl.concat([_without_twelve_hours(counted), booked, everybody.figures(SHARES)])
    observations = tables.observations(
        figures.with_columns(period_start=pl.lit(month), period_end=pl.lit(month_end(month))),
        source=SOURCE,
        release=file.sha256,
        place=file.place,
    )
    organisations = everybody.organisations.join(systems.of_providers(workbook, first), on="org_code", how="left")
    is_share = pl.col("metric").is_in(list(SHARES.values()))
    return Publication(
        observations,
        tables.organisations(organisations, period_start=month, release=file.sha256),
        checks=[*tables.total_checks(observations.filter(~is_share)), *checks],
        vintage=vintage_stated(stated),
    )


def _sheets(workbook: Workbook) -> dict[str, str]:
    """Return the sheets' names as they stand in the file, by the names that are looked for."""
    by_folded = {folded(sheet): sheet for sheet in workbook.sheets}
    return {name: by_folded[folded(name)] for name in (EVERYBODY, NON_BOOKED, BOOKED) if folded(name) in by_folded}


def _month(period: str, *, place: str) -> date:
    match = _SHORT.fullmatch(period)
    if match is None:
        written = period
    else:
        short = match[1].casefold()
        name = next((name for name in MONTH_NAMES if name.casefold().startswith(short)), match[1])
        written = f"{name} 20{match[2]}"
    try:
        return month_named(written)
    except ParameterError as error:
        raise SourceError(
            f"{place}: found {period!r} beside 'Period:', expected for example 'April 2025' or 'May 26'. "
            "Download the file again, or tell the publisher."
        ) from error


def _never_asked(everybody: Sheet) -> pl.DataFrame:
    """Return the booked metrics, of which there is none, for every organisation."""
    metrics = pl.DataFrame({"metric": [*BOOKED_ACTIVITY.values()]})
    return everybody.rows.join(metrics, how="cross").select(
        "org_code",
        "metric",
        value=pl.lit(None, pl.Float64),
        status=pl.lit(Status.NOT_APPLICABLE.value, STATUS_TYPE),
    )


def _without_twelve_hours(figures: pl.DataFrame) -> pl.DataFrame:
    """Put waits of four to twelve hours, as the CSV counts them, in place of all those of more than four."""
    is_over_four = pl.col("metric") == OVER_FOUR_HOURS_TO_ADMISSION
    longest = figures.filter(metric=OVER_TWELVE_HOURS_TO_ADMISSION)
    rest = figures.filter(is_over_four).join(longest, on="org_code", suffix="_longest", maintain_order="left")
    is_reported = pl.col("value_longest").is_not_null()
    return pl.concat(
        [
            figures.filter(~is_over_four),
            rest.select(
                "org_code",
                metric=pl.lit("dta_waits_four_to_twelve_hours"),
                value=pl.col("value") - pl.col("value_longest"),
                status=pl.when((pl.col("status") == Status.REPORTED) & ~is_reported)
                .then("status_longest")
                .otherwise("status"),
            ),
        ]
    )


def _part_checks(everybody: pl.DataFrame, non_booked: pl.DataFrame, booked: pl.DataFrame) -> list[str]:
    """Say where attendances with and without an appointment do not add up to all, one line a metric."""
    with_booked = booked.with_columns(pl.col("metric").str.strip_prefix("booked_"))
    parts = (
        pl.concat([non_booked.filter(pl.col("metric").is_in(ACTIVITY.values())), with_booked])
        .group_by("metric", "org_code", maintain_order=True)
        .agg(parts=pl.when(pl.col("value").is_not_null().all()).then(pl.col("value").sum()))
    )
    differing = (
        everybody.join(parts, on=["metric", "org_code"], how="full", coalesce=True, maintain_order="left_right")
        .filter(pl.col("parts").ne_missing(pl.col("value")))
        .group_by("metric", maintain_order=True)
        .agg(pl.len().alias("count"), pl.all().first())
    )
    return [
        f"{row['metric'].replace('_', ' ')}: those with and without an appointment do not add up to all of them for "
        f"{row['count']} organisations, first {row['org_code']}: {_said(row['parts'])}, and all are "
        f"{_said(row['value'])}"
        for row in differing.iter_rows(named=True)
    ]


def _said(figure: float | None) -> str:
    return "not given" if figure is None else f"{figure:,.0f}"
