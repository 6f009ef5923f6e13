"""Diagnostic waiting times and activity (DM01): NHS England's monthly provider workbook.

| observations | breakdown | from |
|---|---|---|
| each of `METRICS`, England's total too | whole | sheet `Provider` |
| `diagnostic_waiting_list`, England's total too | `weeks_waited` | the same sheet's weekly bands |
| each of `METRICS` | `diagnostic_test` | sheet `Provider by Test`, without its `Total` of each provider |

Sheets and columns are found by name. Waits run from the request for a test to the end of the month [1]; a band such as
`005-006` holds those of five weeks or more and less than six, so that `006-007` onwards are the six weeks or more, and
the last band is open. (Bands of RTT waits look alike and include their upper edge, not their lower.) Someone who waits
for two tests is counted twice [1]. Figures are kept as published; the workbook has no totals by test.

1. Diagnostics waiting times and activity: guidance on completing the monthly data collection, NHS England.
"""

from datetime import date

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import month_end, month_named
from openmeasures.releases import vintage_stated
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.tables import Workbook, folded

TITLE = "Diagnostic Waiting Times and Activity (DM01), monthly provider file"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/diagnostics-waiting-times-and-activity/monthly-diagnostics-waiting-times-and-activity/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(
    files=(r"diagnostics.*provider.*\.xlsx?$",),
    pages=(r"monthly-diagnostics-data-\d{4}-\d{2}",),
)

WAITING_LIST = "diagnostic_waiting_list"
METRICS = {
    "Total Waiting List": WAITING_LIST,
    "Number waiting 6+ Weeks": "diagnostic_waiting_six_weeks_or_more",
    "Number waiting 13+ Weeks": "diagnostic_waiting_13_weeks_or_more",
    "Planned tests / procedures": "diagnostic_tests_planned",
    "Unscheduled tests / procedures": "diagnostic_tests_unscheduled",
    "Waiting list tests / procedures (excluding planned)": "diagnostic_tests_from_waiting_list",
}
OPEN_BAND = 13  # weeks: the last band has no upper edge
BANDS = {
    "0 <01 weeks": "000-001",
    **{f"{week:02} <{week + 1:02} weeks": f"{week:03}-{week + 1:03}" for week in range(1, OPEN_BAND)},
    f"{OPEN_BAND}+ weeks": f"{OPEN_BAND:03}+",
}
KEYS = {"Regional Team Name": "parent_name", "Provider Code": "org_code", "Provider Name": "org_name"}
TEST = {"Diagnostic Test Name": "category"}
PROVIDERS, PROVIDERS_BY_TEST, NOTES = "Provider", "Provider by Test", "Notes"
TOTAL = "total"


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with one of the publication's sheets and most of that sheet's headings."""
    workbook = file.workbook
    headings = {PROVIDERS: KEYS | METRICS, PROVIDERS_BY_TEST: KEYS | TEST | METRICS}
    return workbook is not None and any(
        sheet in workbook.sheets and tables.resembles(workbook.cells(sheet), names) for sheet, names in headings.items()
    )


def read(file: SourceFile) -> Publication:
    """Read one month.

    Raises `SourceError`, which names sheet and row, for: a missing heading, a period that is no month or differs
    between the sheets, no total row or several, a row of figures without code or test, a figure given twice, or a
    cell that is neither a number nor a mark.
    """
    workbook = file.workbook
    if workbook is None:
        raise SourceError(f"{file.place}: not a workbook; expected the monthly provider file (.xls). Check the file.")
    place = {sheet: f"{file.place}, sheet {sheet!r}" for sheet in (PROVIDERS, PROVIDERS_BY_TEST)}
    month = _month(workbook, place)
    providers = _with_england(
        tables.find(workbook.cells(PROVIDERS), KEYS | METRICS | BANDS, place=place[PROVIDERS]), place=place[PROVIDERS]
    )
    whole = tables.figures(providers, [*METRICS.values()], keys=["org_code"], place=place[PROVIDERS])
    bands = tables.figures(providers, [*BANDS.values()], keys=["org_code"], place=place[PROVIDERS]).select(
        "org_code",
        pl.lit(WAITING_LIST).alias("metric"),
        pl.lit("weeks_waited").alias("breakdown"),
        pl.col("metric").alias("category"),
        "value",
        "status",
    )
    tests = _tests(workbook, place=place[PROVIDERS_BY_TEST])
    observations = tables.observations(
        pl.concat([whole, bands, tests], how="diagonal").with_columns(
            pl.col("breakdown", "category").fill_null(""),
            period_start=pl.lit(month),
            period_end=pl.lit(month_end(month)),
        ),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    return Publication(
        observations,
        tables.organisations(providers.filter(pl.col("org_code") != ENGLAND), period_start=month, release=file.sha256),
        checks=[
            *tables.total_checks(observations.filter(pl.col("breakdown") != "diagnostic_test")),
            *_part_checks(observations),
            *_not_submitted(workbook),
        ],
        vintage=vintage_stated(tables.labels(workbook.cells(PROVIDERS))),
    )


def _month(workbook: Workbook, place: dict[str, str]) -> date:
    periods = {sheet: tables.labels(workbook.cells(sheet)).get("period", "") for sheet in place}
    period, other = periods[PROVIDERS], periods[PROVIDERS_BY_TEST]
    if period != other:
        raise SourceError(
            f"{place[PROVIDERS_BY_TEST]}: the period is {other!r}, but {period!r} in sheet {PROVIDERS!r}; expected one "
            "month a file. Download the file again."
        )
    try:
        return month_named(period)
    except ParameterError as error:
        raise SourceError(
            f"{place[PROVIDERS]}: found {period!r} beside 'Period:', expected for example 'April 2025'. "
            "Download the file again, or tell the publisher."
        ) from error


def _with_england(table: pl.DataFrame, *, place: str) -> pl.DataFrame:
    """Give the total row, which has a name alone, England's code; leave out rows of notes."""
    is_total = (pl.col("org_code") == "") & (pl.col("org_name").str.to_lowercase() == TOTAL)
    totals = table.filter(is_total).height
    if totals != 1:
        raise SourceError(
            f"{place}: {totals or 'no'} rows named 'Total' without a code; expected exactly one. "
            "Download the file again, or tell us that its layout has changed."
        )
    return table.with_columns(org_code=pl.when(is_total).then(pl.lit(ENGLAND)).otherwise(pl.col("org_code"))).filter(
        _has_code_or_figures()
    )


def _has_code_or_figures() -> pl.Expr:
    """Tell figures from notes: a note under the table has neither, and figures that lost their code are no note."""
    return (pl.col("org_code") != "") | pl.any_horizontal(pl.col(*METRICS.values()) != "")


def _tests(workbook: Workbook, *, place: str) -> pl.DataFrame:
    """Return the figures of each provider and test, as `tables.observations` takes them.

    The totals that the sheet holds too, of all providers and of each one, are those of the first sheet.
    """
    table = tables.find(workbook.cells(PROVIDERS_BY_TEST), KEYS | TEST | METRICS, place=place)
    is_total = pl.col("category").str.to_lowercase() == TOTAL
    is_grand_total = (pl.col("org_code") == "") & (pl.col("org_name").str.to_lowercase() == TOTAL)
    parts = table.filter(~is_total & ~is_grand_total & _has_code_or_figures())
    nameless = parts.filter(pl.col("category") == "")
    if not nameless.is_empty():
        raise SourceError(
            f"{place}, row {nameless[tables.LINE][0]}: expected the name of a test, found an empty cell. "
            "Download the file again, or tell the publisher."
        )
    return tables.figures(parts, [*METRICS.values()], keys=["org_code", "category"], place=place).with_columns(
        breakdown=pl.lit("diagnostic_test")
    )


def _part_checks(observations: pl.DataFrame) -> list[str]:
    """Say where an organisation's tests or weekly bands do not add up to its own figure, one line a metric."""
    of_providers = observations.filter(pl.col("org_code") != ENGLAND)  # whose totals `total_checks` compares
    parts = (
        of_providers.filter(pl.col("breakdown") != "")
        .group_by("breakdown", "metric", "org_code", maintain_order=True)
        .agg(pl.col("value").sum().alias("parts"))
    )
    # Each whole beside each breakdown of its metric: a provider may have a list in one sheet and no test in the other.
    whole = of_providers.filter(pl.col("breakdown") == "").select("metric", "org_code", "value")
    both = parts.select("breakdown", "metric").unique(maintain_order=True).join(whole, on="metric", how="left")
    differing = (
        both.join(parts, on=["breakdown", "metric", "org_code"], how="full", coalesce=True, maintain_order="left_right")
        .filter(pl.col("parts").fill_null(0) != pl.col("value").fill_null(0))
        .group_by("breakdown", "metric", maintain_order=True)
        .agg(pl.len().alias("count"), pl.all().first())
    )
    return [
        f"{row['metric'].replace('_', ' ')}: {row['breakdown'].replace('_', ' ')} does not add up to the whole for "
        f"{row['count']} organisations, first {row['org_code']}: {row['parts'] or 0:,.0f}, and the whole is "
        + ("not given" if row["value"] is None else f"{row['value']:,.0f}")
        for row in differing.iter_rows(named=True)
    ]


def _not_submitted(workbook: Workbook) -> list[str]:
    """Say whom the notes, a hidden sheet in most months, name as having sent nothing."""
    if NOTES not in workbook.sheets:
        return []
    rows = [[cell for cell in row if cell] for row in workbook.cells(NOTES).iter_rows()]
    heading = next((line for line, row in enumerate(rows) if [folded(cell) for cell in row] == ["code", "name"]), None)
    named = [] if heading is None else [" ".join(row) for row in rows[heading + 1 :] if row]
    return [f"did not submit: {', '.join(named)}"] if named else []
