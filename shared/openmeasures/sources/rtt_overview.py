"""Referral to treatment (RTT) in England since 2007: NHS England's overview time series workbook.

These are the published national figures, on the basis of English commissioners, with the names that
`rtt_waiting_times` gives the same figures of providers. They are all of organisation `ENG`. A metric that ends in
`_with_estimates` counts what missing trusts are thought to have; news of the waiting list usually quotes that one.

Headings stand in two rows, groups above names; the year, and rows of months to come, are left alone. Admitted pathways
adjusted for pauses, which ended in September 2015, are left out. A percentile of `52+`, beyond the last band, has no
value (`not_applicable`).
"""

import polars as pl

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.schemas import Status
from openmeasures.sources import Listing, Publication, SourceFile

TITLE = "Consultant-led Referral to Treatment Waiting Times: Overview Timeseries"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/rtt-waiting-times/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(
    files=(r"rtt.overview.time.?series.*\.xlsx?$",),
    pages=(r"rtt-data-\d{4}-\d{2}",),
    is_series=True,
)

SHEET = "full time series"
TITLE_ROWS = 10  # the title stands in the first of them
SHEET_TITLE = "Title: Referral to Treatment (RTT) Waiting Times, "  # the country follows
ESTIMATES = " with estimates for missing data"
# Headings, and what they add to the name of their group's metrics.
_WAITS = {"Median wait (weeks)": "median_wait_weeks"}
_COUNTED = {
    "No. within 18 weeks": "within_18_weeks",
    "No. > 18 weeks": "over_18_weeks",
    "No. > 52 weeks": "over_52_weeks",
    "No. > 65 weeks": "over_65_weeks",
    "No. > 78 weeks": "over_78_weeks",
    "No. > 104 weeks": "over_104_weeks",
    "Total waiting (mil)": "",  # whole numbers, whatever the heading says
}
_COMPLETED = {
    "95th percentile (weeks)": "95th_percentile_wait_weeks",
    "No. within 18 weeks": "within_18_weeks",
    "No. > 52 weeks": "over_52_weeks",
    "No. of pathways (all)": "",  # with those of unknown start, who are in no band
    "No. of pathways (all)" + ESTIMATES: "with_estimates",
}
GROUPS = {
    ("Incomplete RTT pathways", "incomplete_pathways"): {
        **_WAITS,
        "92nd percentile (weeks)": "92nd_percentile_wait_weeks",
        "% within 18 weeks": "within_18_weeks_share",
        "% > 52 weeks": "over_52_weeks_share",
        **_COUNTED,
        **{heading + ESTIMATES: f"{name}_with_estimates".lstrip("_") for heading, name in _COUNTED.items()},
    },
    ("Admitted (unadjusted) RTT pathways", "completed_admitted_pathways"): {**_WAITS, **_COMPLETED},
    ("Non-Admitted RTT pathways", "completed_non_admitted_pathways"): {**_WAITS, **_COMPLETED},
    ("New RTT periods", "new_rtt_periods"): {
        "No. of new RTT periods": "",
        "No. of new RTT periods" + ESTIMATES: "with_estimates",
    },
}
METRICS = {
    f"{group} | {heading}": f"{metric}_{name}".rstrip("_")
    for (group, metric), headings in GROUPS.items()
    for heading, name in headings.items()
}
MONTH = "Month |"  # the heading of a column that has one in the upper row only
MARKS = {**tables.MARKS, "52+": Status.NOT_APPLICABLE, "104+": Status.NOT_APPLICABLE}


def recognises(file: SourceFile) -> bool:
    """Whether the workbook has the sheet of this publication, under its title."""
    try:
        return _series(file) is not None
    except SourceError:  # it begins like a workbook and is none
        return False


def read(file: SourceFile) -> Publication:
    """Read every month that has figures.

    Raises `SourceError`, which names sheet, row and column, for a missing sheet or heading, a month that is no date or
    stands twice, or a cell that is neither a number nor a mark.
    """
    found = _series(file)
    if found is None:
        raise SourceError(
            f"{file.place}: no sheet {SHEET!r} under the title {SHEET_TITLE!r}; expected both. Download the file again."
        )
    sheet, cells, country = found
    place = f"{file.place}, sheet {sheet!r}"
    table = tables.find(cells, {MONTH: "month", **METRICS}, place=place, band=True)
    # Notes stand below, in the column of the years; months to come have a date and nothing else.
    table = table.filter(pl.col("month") != "", pl.any_horizontal(pl.col(*METRICS.values()) != ""))
    table = tables.dated(table, "month", place=place).with_columns(org_code=pl.lit(ENGLAND))
    keys = ["org_code", "period_start", "period_end"]
    figures = tables.figures(table, list(METRICS.values()), keys=keys, place=place, marks=MARKS)
    names = table.select("org_code", "period_start", org_name=pl.lit(country), parent_name=pl.lit(""))
    return Publication(
        tables.observations(figures, source=__name__.rsplit(".", 1)[-1], release=file.sha256, place=place),
        tables.organisations(names, release=file.sha256),
    )


def _series(file: SourceFile) -> tuple[str, pl.DataFrame, str] | None:
    """Return the sheet's name and cells, and the country that its title ends with; None for another workbook."""
    workbook = file.workbook
    if workbook is None:
        return None
    for sheet in workbook.sheets:
        if tables.folded(sheet) == SHEET:
            cells = workbook.cells(sheet)
            for cell, *_ in cells.head(TITLE_ROWS).iter_rows():
                if cell.startswith(SHEET_TITLE):
                    return sheet, cells, cell.removeprefix(SHEET_TITLE).strip()
    return None
