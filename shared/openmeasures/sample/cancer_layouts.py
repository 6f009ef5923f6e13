"""The three layouts of cancer waiting times, as NHS England writes them: what a reader has to find its way through.

| function | writes |
|---|---|
| `provider_workbook` | eleven sheets, with a part for each stage or route, one below another |
| `data_extract` | one table of several months, without names and England |
| `combined_workbook` | every figure of a month in one table, metadata above it |

Of the bands of waiting only two are filled; no reader uses them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import xlsxwriter

from openmeasures.periods import MONTH_NAMES, month_label
from openmeasures.sample.cancer_activity import (
    DECISION_TO_TREAT,
    FASTER_DIAGNOSIS,
    STANDARDS,
    URGENT_REFERRAL,
    Cell,
    Month,
    Waits,
)
from openmeasures.sample.organisations import Organisation
from openmeasures.sample.workbooks import stored

Row = Sequence[str | float | date]
Months = Mapping[str, Month]  # a month of each organisation, by code
STAGE, TYPE, MODALITY = range(3)  # of a cell
CREATED = datetime(2026, 5, 14)  # in each file's properties, so that every run writes the same bytes

PARTS = {
    FASTER_DIAGNOSIS: {"": "ALL ROUTES"},
    DECISION_TO_TREAT: {
        "PART A: ALL STAGES": "ALL STAGES",
        "PART B: FIRST TREATMENTS": "First Treatment",
        "PART C: SUBSEQUENT TREATMENTS": "Subsequent Treatment",
    },
    URGENT_REFERRAL: {
        "PART A: ALL ROUTES": "ALL ROUTES",
        "PART B: URGENT SUSPECTED CANCER": "Urgent Suspected Cancer",
        "PART C: BREAST SYMPTOMATIC": "Breast Symptomatic",
        "PART D: URGENT SCREENING": "Screening",
        "PART E: CONSULTANT UPGRADE": "Consultant Upgrade",
    },
}
BANDS = {
    FASTER_DIAGNOSIS: ("14 DAYS", "15 TO 28 DAYS", "29 TO 42 DAYS", "43 TO 62 DAYS", "62 DAYS"),
    DECISION_TO_TREAT: ("31 DAYS", "32 TO 38 DAYS", "39 TO 48 DAYS", "49 TO 62 DAYS", "62 DAYS"),
    URGENT_REFERRAL: (
        "31 DAYS", "32 TO 38 DAYS", "39 TO 48 DAYS", "49 TO 62 DAYS",
        "63 TO 76 DAYS", "77 TO 90 DAYS", "91 TO 104 DAYS", "104 DAYS",
    ),
}  # fmt: skip
BANDS_WITHIN = {FASTER_DIAGNOSIS: 2, DECISION_TO_TREAT: 1, URGENT_REFERRAL: 4}  # how many of them the standard holds
TOLD, TREATED = "NUMBER OF PEOPLE TOLD CANCER DIAGNOSIS OUTCOME", "NUMBER OF PEOPLE RECEIVING TREATMENT FOR CANCER"
NOTE_CELLS = "B4:X4"  # of the combined workbook


class Sheet(NamedTuple):
    """A sheet of the provider workbook: its standard, the headings of its divisions, and those not added up over."""

    standard: str
    headings: tuple[str, ...]
    kept: tuple[int, ...]


SHEETS = {
    "28-DAY FDS (ALL ROUTES)": Sheet(FASTER_DIAGNOSIS, ("REFERRAL ROUTE",), ()),
    "28-DAY FDS (BY ROUTE)": Sheet(
        FASTER_DIAGNOSIS, ("REFERRAL ROUTE", "SUSPECTED CANCER OR BREAST SYMPTOMATIC (2)"), (STAGE, TYPE)
    ),
    "31-DAY (ALL CANCER)": Sheet(DECISION_TO_TREAT, ("TREATMENT STAGE", "CANCER TYPE"), ()),
    "31-DAY (BY CANCER)": Sheet(DECISION_TO_TREAT, ("TREATMENT STAGE", "CANCER TYPE (3)"), (TYPE,)),
    "31-DAY (BY TREATMENT MODALITY)": Sheet(
        DECISION_TO_TREAT, ("TREATMENT STAGE", "TREATMENT MODALITY (4)"), (MODALITY,)
    ),
    "62-DAY (ALL CANCER)": Sheet(URGENT_REFERRAL, ("REFERRAL ROUTE", "CANCER TYPE"), ()),
    "62-DAY (BY CANCER)": Sheet(URGENT_REFERRAL, ("REFERRAL ROUTE", "CANCER TYPE (3)"), (TYPE,)),
    "62-DAY (BY TREATMENT MODALITY)": Sheet(URGENT_REFERRAL, ("REFERRAL ROUTE", "TREATMENT MODALITY (4)"), (MODALITY,)),
}
REFERRALS = ("WITHIN 14 DAYS", "IN 15 TO 16 DAYS", "IN 17 TO 21 DAYS", "IN 22 TO 28 DAYS", "AFTER 28 DAYS")


def provider_workbook(
    path: Path, month: date, months: Months, organisations: Mapping[str, Organisation], *, status: str, note: str
) -> None:
    """Write one month as the publication did from October 2023 to September 2025.

    `status` and `note`, a word on the quality of the data, stand on the front page.
    """
    everybody = {**months, "": england(months)}
    top = [
        ["SYNTHETIC FIGURES: WAITING TIMES FOR CANCER"],
        [f"{MONTH_NAMES[month.month - 1][:3]}-{month:%y}"],
        ["BASIS: PROVIDER BASED INCLUDING WELSH CROSS-BORDER PATIENTS AND UNKNOWNS"],
        ["DEFINITIONS:  DCB0147 Amd 16/2019"],
        [],
        [],
    ]
    front = [
        [f"Status: {status} Official Statistics"],
        [],
        ["Cancer Waiting Times statistics: Provider Based (synthetic)"],
        [month_label(month)],
        [],
        ["Data Quality"],
        [note],
        [],
        ["(1) - ODS CODE is the unique code to identify the Provider (ODS = Organisational Data Service)"],
    ]
    seen = ["", "ODS CODE (1)", "ACCOUNTABLE PROVIDER", "SUSPECTED TYPE OF CANCER", "TOTAL", *REFERRALS]
    _write(
        path,
        {
            "Frontpage": front,
            **{name: [*top, *_parts(sheet, everybody, organisations)] for name, sheet in SHEETS.items()},
            "USC referral to FOA": [*top, [], [], seen],
            "UBS referral to FHA": [*top, [], [], seen],
        },
    )


def _parts(sheet: Sheet, months: Months, organisations: Mapping[str, Organisation]) -> Iterator[Row]:
    """Return a sheet's rows from the first part's title on: titles, headings, providers, England (without a code)."""
    standard, headings, kept = sheet
    days = standard.removesuffix("-day")
    counted, verb = (TOLD, "TOLD") if standard == FASTER_DIAGNOSIS else (TREATED, "TREATED")
    first, *middle, last = BANDS[standard]
    columns = (kept if STAGE in kept else (STAGE, *(kept or (TYPE,))))[: len(headings)]
    for title, written in PARTS[standard].items():
        yield [title]
        yield [*[""] * (3 + len(headings)), counted, "", "", "PERCENTAGE", "", counted]
        yield [
            "", "ODS CODE (1)", "ACCOUNTABLE PROVIDER", *headings, "TOTAL", f"WITHIN {days} DAYS",
            f"AFTER {days} DAYS", f"{verb} WITHIN {days} DAYS", "",
            f"WITHIN {first}", *(f"IN {band}" for band in middle), f"AFTER {last}",
        ]  # fmt: skip
        for code, month in months.items():
            name = organisations[code].org_name.upper() if code else "ALL ENGLISH PROVIDERS"
            if not code:
                yield []
            for cell, waits in added(_part(month[standard], written), kept).items():
                keys = [cell[dimension] or (written, "ALL CANCERS")[dimension] for dimension in columns]
                yield ["", code, name, *keys, *_figures(waits), "", *_bands(standard, waits)]
        yield []


def data_extract(path: Path, months: Mapping[date, Months]) -> None:
    """Write several months in one table, each stage or route crossed with cancer type and with modality."""
    headings = (
        "PERIOD", "YEAR", "MONTH", "STANDARD", "ORG CODE", "STAGE/ROUTE", "TREATMENT MODALITY", "CANCER TYPE",
        "TOTAL TREATED", "WITHIN STANDARD", "BREACHES",
    )  # fmt: skip
    rows: list[Row] = [headings]
    for standard, published in zip(STANDARDS, ("28-day FDS", "31-day Combined", "62-day Combined"), strict=True):
        for month, by_org in months.items():
            year = month.year - (month.month < 4)  # noqa: PLR2004 - financial years begin in April
            when: list[str | float | date] = [
                month,
                f"{year}/{(year + 1) % 100}",
                MONTH_NAMES[month.month - 1][:3].upper(),
            ]
            for code, happened in by_org.items():
                for (stage, kind, modality), waits in _crossings(standard, happened[standard]):
                    total, within, after, _ = _figures(waits)
                    rows.append([*when, published, code, stage, modality, kind, total, within, after])
    _write(path, {"CWT CRS Provider Extract": rows})


def combined_workbook(
    path: Path, month: date, months: Months, organisations: Mapping[str, Organisation], *, published: str, note: str
) -> None:
    """Write one month as the publication does since October 2025; `note` is its word on the quality of the data."""
    top = [
        [],
        ["Title:", "Cancer Waiting Times monthly statistics (synthetic)"],
        ["Summary:", "Cancer Waiting Times performance for the three standards: FDS, 31D and 62D"],
        [],  # the note's
        ["Period:", month_label(month)],
        ["Source:", "No collection: every figure is invented"],
        ["Basis:", "Provider including Welsh cross-border patients and 'Unknowns'"],
        ["Published:", published],
        ["Revised:"],
        ["Status:", "Provisional"],
        ["Contact:", "none"],
        [],
        ["Provider Level Performance"],
        [*[""] * 6, "Applicable to 31D and 62D standards", "", "", "", "", "Applicable only to FDS"],
    ]
    headings = (
        "Org Code", "Region", "Org Name", "Standard", "Cancer Type", "Referral Route/Stage", "Treatment Modality",
        "Total", "Within", "After", "Performance", "Within 14 days", "In 15 to 28 days", "In 29 to 42 days",
        "In 43 to 62 days", "After 62 days", "Within 31 days", "In 32 to 38 days", "In 39 to 48 days",
        "In 49 to 62 days", "In 63 to 76 days", "In 77 to 90 days", "In 91 to 104 days", "After 104 days",
    )  # fmt: skip
    rows: list[Row] = []
    for code, happened in {"Total": england(months), **months}.items():
        who = [code, "England", "Total"]
        if code != "Total":
            who[1:] = [organisations[code].region_name, organisations[code].org_name.upper()]
        for standard, name in zip(STANDARDS, ("FDS", "31D", "62D"), strict=True):
            for (stage, kind, modality), waits in _all_divisions(standard, happened[standard]):
                stage_written = stage.removesuffix(" Treatment") if stage.startswith("Subsequent") else stage
                rows.append([*who, name, kind, stage_written, modality, *_figures(waits)])
    # The sheet of systems has no region, so every heading after the second stands one column earlier.
    of_systems = [[code, name, *rest] for code, _, name, *rest in rows if code == "Total"]
    _write(
        path,
        {
            "System Level Performance": [*top, ["Org Code", "System", *headings[3:]], *of_systems],
            "Provider Level Performance": [*top, headings, *rows],
            "Referrals Seen": [*top, ["Org Code", "System / Provider", "Basis", "Item", "Cancer Type", "Total"]],
        },
        note=note,
    )


def england(months: Months) -> Month:
    """Return the sum of the organisations."""
    total: Month = {standard: {} for standard in STANDARDS}
    for month in months.values():
        for standard, cells in month.items():
            for cell, waits in cells.items():
                total[standard][cell] = _sum(total[standard].get(cell), waits)
    return total


def added(cells: Mapping[Cell, Waits], kept: tuple[int, ...]) -> dict[Cell, Waits]:
    """Add up over every division that is not kept; the cells that are left have `""` there."""
    left: dict[Cell, Waits] = {}
    for cell, waits in cells.items():
        stage, kind, modality = (name if dimension in kept else "" for dimension, name in enumerate(cell))
        left[stage, kind, modality] = _sum(left.get((stage, kind, modality)), waits)
    return dict(sorted(left.items()))


def _sum(before: Waits | None, waits: Waits) -> Waits:
    return Waits(before.total + waits.total, before.within + waits.within) if before else waits


def _part(cells: Mapping[Cell, Waits], written: str) -> dict[Cell, Waits]:
    return {cell: waits for cell, waits in cells.items() if written.startswith("ALL ") or cell[STAGE] == written}


def _crossings(standard: str, cells: Mapping[Cell, Waits]) -> Iterator[tuple[Cell, Waits]]:
    """Return stage or route by type, and by modality where the standard has any, with the words for all of them."""
    modalities = "" if standard == FASTER_DIAGNOSIS else "ALL MODALITIES"
    for (stage, kind, _), waits in added(cells, (STAGE, TYPE)).items():
        yield (stage, kind, modalities), waits
    if modalities:
        for (stage, _, modality), waits in added(cells, (STAGE, MODALITY)).items():
            yield (stage, "ALL CANCERS", modality), waits


def _all_divisions(standard: str, cells: Mapping[Cell, Waits]) -> Iterator[tuple[Cell, Waits]]:
    """Return what the combined workbook has beside the crossings: the whole, and each division alone."""
    modalities = "" if standard == FASTER_DIAGNOSIS else "ALL MODALITIES"
    whole = ("ALL STAGES" if standard == DECISION_TO_TREAT else "ALL ROUTES", "ALL CANCERS", modalities)
    alone = [(), (TYPE,)] if standard == FASTER_DIAGNOSIS else [(), (TYPE,), (MODALITY,), (STAGE,)]
    for kept in alone:
        for (stage, kind, modality), waits in added(cells, kept).items():
            yield (stage or whole[STAGE], kind or whole[TYPE], modality or whole[MODALITY]), waits
    yield from _crossings(standard, cells)


def _figures(waits: Waits) -> tuple[float, float, float, float]:
    return waits.total, waits.within, waits.total - waits.within, waits.within / waits.total


def _bands(standard: str, waits: Waits) -> list[str | float]:
    """Return the first band within the standard and the first after it; the others stay empty."""
    return [waits.within, *[""] * (BANDS_WITHIN[standard] - 1), waits.total - waits.within]


def _write(path: Path, sheets: Mapping[str, Iterable[Row]], *, note: str = "") -> None:
    """Write a workbook of texts, days and numbers; an empty text leaves its cell empty, and a note has merged ones."""
    content = BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    workbook.set_properties({"title": "Synthetic figures", "created": CREATED})
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell)
                elif isinstance(cell, float | int):
                    sheet.write_number(number, column, cell)
                elif cell:
                    sheet.write_string(number, column, cell)
        if note:
            sheet.merge_range(NOTE_CELLS, note)
    workbook.close()
    path.write_bytes(stored(content.getvalue()))
