"""Cancelled elective operations (QMCO): NHS England's quarterly workbook, one row a provider.

| observations | breakdown | from |
|---|---|---|
| each of `METRICS`, England's too, independent sector included | whole | sheet `Provider` |
| the same of each of `SECTORS`; England's of NHS trusts alone | `sector` | the same rows |

England has two rows with the code `-`, with and without the independent sector. Which sector a provider is of is not
published; NHS trusts are those whose name says so, and where they do not add up to England's row without the
independent sector, a check says by how much. The sheet `Notes` names providers that did not submit: they have no row,
or one of zeros, and neither is a zero here. Every note is a check, since some tell of figures of part of a quarter.

1. Cancelled elective operations, NHS England,
   https://www.england.nhs.uk/statistics/statistical-work-areas/cancelled-elective-operations/
"""

import re
from datetime import date
from typing import NamedTuple

import polars as pl

from openmeasures import tables
from openmeasures.errors import ParameterError, SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.periods import Period
from openmeasures.releases import vintage_stated
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Listing, Publication, SourceFile
from openmeasures.tables import Workbook, folded

TITLE = "Cancelled Elective Operations (QMCO), quarterly workbook"
PUBLISHER = "NHS England"
URL = "https://www.england.nhs.uk/statistics/statistical-work-areas/cancelled-elective-operations/cancelled-ops-data/"
LICENCE = "Open Government Licence v3.0"
LISTING = Listing(files=(r"q[1-4]-\d{4}-\d{2}-cancelled-operations.*\.xlsx?$",))

CANCELLATIONS, BREACHES = "last_minute_cancellations", "not_treated_within_28_days"
METRICS = {
    "Number of last minute elective operations cancelled for non clinical reasons": CANCELLATIONS,
    "Number of patients not treated within 28 days of last minute elective cancellation": BREACHES,
}
KEYS = {"Region Name": "parent_name", "Organisation Code": "org_code", "Organisation Name": "org_name"}
PROVIDERS, NOTES = "Provider", "Notes"
SECTOR = "sector"
NHS, INDEPENDENT = SECTORS = ("NHS trusts", "independent providers")
SUBJECT = "cancelled operations"  # in the title above the table
# The two rows of England, which have `NO_CODE` for a code.
NO_CODE, WITHOUT, WITH = "-", "England (Excluding Independent Sector)", "England (Including Independent Sector)"
NAMED_A_TRUST = r"(?i)\b(NHS|NATIONAL HEALTH SERVICE)\b.*\bTRUST\b"
_PERIOD = re.compile(r"Quarter ([1-4]),? (\d{4}-\d{2}) \((.+)\)", re.IGNORECASE)
_QUARTER = re.compile(r"\bQ(?:uarter )?([1-4]),? (\d{4}[-/]\d{2})\b", re.IGNORECASE)
# ODS codes: of trusts R or TA and what makes three characters; of others, and of new trusts, letters and digits.
_CODE = re.compile(r"(?<![\w-])(?:R[A-Z0-9]{2}|TA[A-Z0-9]|(?=[A-Z]+-?\d)[A-Z][A-Z0-9-]{2,5})(?![\w-])")
_NOT_SUBMITTED = re.compile(r"\b(?:not|failed to|unable to) submit", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:,|&|\band)$")  # of a note's line whose sentence ends in the next
_AGAIN = "Download the file again, or tell us that its layout has changed."


class Note(NamedTuple):
    """A sentence of the sheet of notes, and the codes of those that it says did not submit in the file's quarter."""

    text: str
    not_submitted: list[str]


def recognises(file: SourceFile) -> bool:
    """Whether it is a workbook with the sheet, most of its headings, and the subject in the title above them."""
    workbook = file.workbook
    if workbook is None or PROVIDERS not in workbook.sheets:
        return False
    cells = workbook.cells(PROVIDERS)
    is_subject = SUBJECT in folded(tables.labels(cells).get("title", ""))
    return is_subject and tables.resembles(cells, [*KEYS, *METRICS])


def read(file: SourceFile) -> Publication:
    """Read one quarter.

    Raises `SourceError`, which names sheet and row, for: a missing heading, a period that is no quarter, a row of
    England that is missing or stands twice, a row without a code, a provider that stands twice, or a cell that is
    neither a number nor a mark.
    """
    workbook = file.workbook
    if workbook is None:
        raise SourceError(f"{file.place}: not a workbook; expected the quarterly file (.xlsx). Check the file.")
    place = f"{file.place}, sheet {PROVIDERS!r}"
    cells = workbook.cells(PROVIDERS)
    titles = tables.labels(cells)
    quarter = _quarter(titles.get("period", ""), place=place)
    rows = tables.find(cells, KEYS | METRICS, place=place)
    england = _england(rows, place=place)
    providers = rows.filter(pl.col("org_code") != NO_CODE)
    notes = _notes(workbook, quarter)
    found = tables.figures(
        pl.concat([providers.with_columns(category=_sector()), england]),
        [*METRICS.values()],
        keys=["org_code", "category"],
        place=place,
    )
    found, contradicted = _without_missing(found, [code for note in notes for code in note.not_submitted])
    whole = found.filter(~((pl.col("org_code") == ENGLAND) & (pl.col("category") == NHS)))
    parts = found.filter(pl.col("category") != "").with_columns(breakdown=pl.lit(SECTOR))
    observations = tables.observations(
        pl.concat([whole.with_columns(breakdown=pl.lit(""), category=pl.lit("")), parts]).with_columns(
            period_start=pl.lit(quarter), period_end=pl.lit(Period.QUARTER.end(quarter))
        ),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    return Publication(
        observations,
        tables.organisations(_named(providers, observations), period_start=quarter, release=file.sha256),
        checks=[*tables.total_checks(observations), *(note.text for note in notes), *contradicted],
        vintage=vintage_stated(titles),
    )


def _quarter(text: str, *, place: str) -> date:
    """Return the first day of a quarter written as `Quarter 2, 2024-25 (July to September 2024)`."""
    if match := _PERIOD.fullmatch(text):
        try:
            quarter = Period.QUARTER.named(f"Q{match[1]} {match[2]}")
        except ParameterError:
            quarter = None
        if quarter and folded(Period.QUARTER.in_full(quarter)).endswith(f"({folded(match[3])})"):
            return quarter
    raise SourceError(
        f"{place}, Period: found {text!r}, expected a quarter such as 'Quarter 2, 2024-25 (July to September 2024)'. "
        f"{_AGAIN}"
    )


def _england(rows: pl.DataFrame, *, place: str) -> pl.DataFrame:
    """Return the two rows of England under its code; `category` is empty for that of all providers."""
    found = []
    for name, category in ((WITH, ""), (WITHOUT, NHS)):
        is_it = (pl.col("org_code") == NO_CODE) & (pl.col("org_name").str.to_lowercase() == name.lower())
        row = rows.filter(is_it)
        if row.height != 1:
            raise SourceError(
                f"{place}: found {row.height} rows of {name!r} with the code {NO_CODE!r}, expected one. {_AGAIN}"
            )
        found.append(row.with_columns(org_code=pl.lit(ENGLAND), category=pl.lit(category)))
    others = rows.filter(pl.col("org_code") == NO_CODE).height - len(found)
    if others:
        raise SourceError(f"{place}: found {others} more rows with the code {NO_CODE!r}, expected none. {_AGAIN}")
    return pl.concat(found)


def _sector() -> pl.Expr:
    return pl.when(pl.col("org_name").str.contains(NAMED_A_TRUST)).then(pl.lit(NHS)).otherwise(pl.lit(INDEPENDENT))


def _notes(workbook: Workbook, quarter: date) -> list[Note]:
    """Return the sentences under the heading of the sheet of notes; none where there is no such sheet."""
    if NOTES not in workbook.sheets:
        return []
    lines = [" ".join(cell for cell in row if cell) for row in workbook.cells(NOTES).iter_rows()]
    heading = next((number for number, line in enumerate(lines) if folded(line) == folded(NOTES)), len(lines))
    texts: list[str] = []
    for line in filter(None, lines[heading + 1 :]):
        begins = not texts or texts[-1].endswith(".") or (_CODE.match(line) and not _GOES_ON.search(texts[-1]))
        texts = [*texts, line] if begins else [*texts[:-1], f"{texts[-1]} {line}"]
    return [_note(sentence, quarter) for text in texts for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", text)]


def _note(text: str, quarter: date) -> Note:
    """Read a sentence such as `RVR Epsom and R1K London did not submit data for Q4 2024-25.`; see `Note`."""
    own = Period.QUARTER.label(quarter)
    said = [f"Q{number} {year.replace('-', '/')}" for number, year in _QUARTER.findall(text)]
    is_missing = _NOT_SUBMITTED.search(text) is not None and (not said or own in said)
    return Note(text, _CODE.findall(text) if is_missing else [])


def _without_missing(found: pl.DataFrame, missing: list[str]) -> tuple[pl.DataFrame, list[str]]:
    """Return the figures with those of providers that did not submit as such, and where notes and figures disagree.

    Who has no row is of no known sector.
    """
    active = found.filter(pl.col("org_code").is_in(missing), pl.col("value") > 0)["org_code"].unique().sort().to_list()
    absent = sorted(set(missing) - set(active))
    rows = pl.DataFrame({"org_code": absent, "category": ""}, schema={"org_code": pl.String, "category": pl.String})
    without_row = rows.join(found, on="org_code", how="anti").join(
        pl.DataFrame({"metric": [*METRICS.values()]}), how="cross"
    )
    is_absent = pl.col("org_code").is_in(absent)
    every = pl.concat([found, without_row], how="diagonal").with_columns(
        value=pl.when(~is_absent).then("value"),
        status=pl.when(is_absent).then(pl.lit(Status.NOT_SUBMITTED.value).cast(STATUS_TYPE)).otherwise("status"),
    )
    return every, [f"{code} has figures, although a note says that it did not submit: they are kept" for code in active]


def _named(providers: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Return the providers as the rows name them; who has no row has its code for a name, which other files know."""
    rows = providers.select("org_code", "org_name", "parent_name")
    codes = observations.filter(pl.col("org_code") != ENGLAND).select("org_code").unique(maintain_order=True)
    nameless = codes.join(rows, on="org_code", how="anti").with_columns(org_name="org_code", parent_name=pl.lit(""))
    return pl.concat([rows, nameless])
