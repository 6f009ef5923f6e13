"""A synthetic A&E collection with planted truths: the publication's layout, invented places, known answers.

| name | what it does |
|---|---|
| `write_sample` | writes 48 months of CSV files, April 2022 to March 2026, in the exact layout of the publication |
| `read_organisations` | the invented trusts and centres: names, sizes and planted stories |
| `read_successions` | the invented mergers |
| `reference_folder` | where those two tables are |
| `Story` | what is planted, and from when to when |

Nothing here is real: a code such as `Z-07` cannot be an ODS code, which has letters and digits only. Rates and sizes
marked *published* were computed from the monthly provider CSVs of NHS England, April 2022 to March 2026, four-hour
figures without the fourteen trusts that were field-testing other standards.

The files are the same bytes on every run, machine and numpy release. Each organisation has its own random numbers, and
uses as many in every month whatever happens to it, so that adding an organisation or a story changes no other figure.
"""

import csv
import io
import math
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import numpy as np
import polars as pl

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.periods import MONTH_NAMES, months

FIRST_MONTH = date(2022, 4, 1)  # four financial years: enough for a chart, its baseline and a comparison
LAST_MONTH = date(2026, 3, 1)
# Chosen so that all that is planted shows on an XmR chart of 48 months, and the stable trust has no special cause.
SEED = 118


class Story(StrEnum):
    """What is planted in one organisation; the dates and sizes are the constants below."""

    STEP_IMPROVEMENT = "step_improvement"
    SHOCK = "shock"
    SLOW_DECLINE = "slow_decline"
    NOT_SUBMITTED = "not_submitted"
    OTHER_STANDARD = "other_standard"
    REVISED = "revised"
    STABLE = "stable"
    NEAR_STANDARD = "near_standard"  # this one and the next are told by `within_four_hours` alone
    FAR_BELOW = "far_below"
    MERGER_PREDECESSOR = "merger_predecessor"  # this one and the next are told by successions.csv
    MERGER_SUCCESSOR = "merger_successor"


# Sizes are points of the type 1 share: large against the noise of about 2 points, so that a chart cannot miss them.
STEP_FROM = date(2024, 10, 1)  # eighteen months before the end: the last months are still above the overall mean
STEP_POINTS = 8.0  # about four times the noise
SHOCK_MONTH = date(2025, 6, 1)  # early summer, so that no reader takes it for winter
SHOCK_POINTS = -30.0  # a month without records: far below any limit, although the shock itself widens the limits
SHOCK_ATTENDANCES = 0.8  # ambulances diverted
DECLINE_FROM = date(2024, 8, 1)  # twenty months to the end of the series
DECLINE_POINTS_A_MONTH = -0.6  # twelve points in all; no single month looks alarming
NOT_SUBMITTED_MONTHS = (date(2023, 8, 1), date(2023, 10, 1))  # first and last; a hole that a chart must show
OTHER_STANDARD_MONTHS = (date(2022, 9, 1), date(2023, 5, 1))  # first and last; the published field test ended May 2023
REVISED_MONTH = date(2025, 10, 1)  # the publication has this month in two vintages as well
FIRST_PUBLISHED_SHARE = 0.9  # of the patients over four hours that the revised file gives

# Published: England's type 1 share, January to December, in points from its mean.
SEASON_POINTS = (-1.6, -1.0, 2.0, 1.3, 1.5, 1.5, 1.9, 1.7, 0.1, -1.5, -1.9, -3.9)
SEASON_SHARE = 0.6  # of it; the whole swing puts runs of seven months on most charts, and hides what is planted
# Published: England's type 1 attendances, January to December, over their mean; February has the fewest days.
ATTENDANCES_BY_MONTH = (0.98, 0.92, 1.04, 0.96, 1.04, 1.01, 1.02, 0.96, 0.98, 1.04, 1.02, 1.03)
ATTENDANCES_SD = 0.025  # of a month's attendances, once the season is out
NOISE_POINTS = (1.8, 2.6)  # published: about the quartiles of the trusts' month-to-month sigma, season taken out
SHARE_LIMITS = (0.02, 0.995)  # an extreme draw must not leave 0 to 1, nor look like a trust without four-hour figures
OTHER_TYPES_SHARE = (0.94, 0.99)  # published: England has 96 percent within four hours in types 2 and 3
OTHER_TYPES_SD = 0.006  # minor injuries wait evenly

# Published ratios for England where there is one number; the middle half of the trusts, or wider, where there are two.
BOOKED_SHARES = (0.022, 0.012, 0.062)  # booked appointments over other attendances, types 1 to 3
BOOKED_AT_MOST = 4  # times those; half of the organisations book nobody, and the rest anything up to this
BOOKED_SD = 0.15
BOOKED_BREACH_RATIO = 0.6  # a booked patient's risk of more than four hours, over a walk-in's
ADMITTED_SHARES = (0.285, 0.031, 0.006)  # emergency admissions over attendances, types 1 to 3
ADMITTED_SD = 0.03
DECISION_WAIT_RATIO = (0.11, 0.22)  # 4 to 12 hours from decision to admission, over type 1 attendances over four hours
LONG_WAIT_RATIO = (0.05, 0.85)  # 12 hours and more from decision to admission, over 4 to 12 hours
WAIT_SD = 0.1
OTHER_ADMISSIONS_RATIO = 0.35  # emergency admissions not through A&E, over those through type 1
OTHER_ADMISSIONS_ALONE = 90  # at a specialist hospital without A&E, which is in the files because of them


class Figures(NamedTuple):
    """The figures of one row, in the publication's order."""

    attendances_type_1: int
    attendances_type_2: int
    attendances_type_3: int
    booked_type_1: int
    booked_type_2: int
    booked_type_3: int
    over_4_hours_type_1: int
    over_4_hours_type_2: int
    over_4_hours_type_3: int
    over_4_hours_booked_type_1: int
    over_4_hours_booked_type_2: int
    over_4_hours_booked_type_3: int
    decision_waits_4_to_12_hours: int
    decision_waits_over_12_hours: int
    admissions_type_1: int
    admissions_type_2: int
    admissions_type_3: int
    other_admissions: int


HEADERS = (
    "Period",
    "Org Code",
    "Parent Org",
    "Org name",
    "A&E attendances Type 1",
    "A&E attendances Type 2",
    "A&E attendances Other A&E Department",
    "A&E attendances Booked Appointments Type 1",
    "A&E attendances Booked Appointments Type 2",
    "A&E attendances Booked Appointments Other Department",
    "Attendances over 4hrs Type 1",
    "Attendances over 4hrs Type 2",
    "Attendances over 4hrs Other Department",
    "Attendances over 4hrs Booked Appointments Type 1",
    "Attendances over 4hrs Booked Appointments Type 2",
    "Attendances over 4hrs Booked Appointments Other Department",
    "Patients who have waited 4-12 hs from DTA to admission",
    "Patients who have waited 12+ hrs from DTA to admission",
    "Emergency admissions via A&E - Type 1",
    "Emergency admissions via A&E - Type 2",
    "Emergency admissions via A&E - Other A&E department",
    "Other emergency admissions",
)

# The publication's own irregularities, each in the month in which it has it: a reader must survive them all.
BYTE_ORDER_MARK_MONTHS = (date(2023, 7, 1), date(2023, 8, 1), date(2023, 9, 1))
STRAY_COLUMNS_MONTH = date(2024, 9, 1)
STRAY_HEADERS = ("", "", "", "", "", "a")
TOTAL_CELLS = {
    date(2022, 8, 1): ("TOTAL", "TOTAL ", "TOTAL ", "TOTAL "),
    date(2023, 4, 1): ("TOTAl",) * 4,
    **dict.fromkeys(months(date(2023, 5, 1), date(2024, 3, 1)), ("Total",) * 4),
    date(2023, 9, 1): ("Total ", "Total", "Total", "Total"),
    date(2024, 4, 1): ("Total ",) * 4,
    date(2024, 9, 1): ("Total", "Total ", "Total", "Total"),
    date(2026, 2, 1): ("MSitAE-FEBRUARY-2026", "TOTAL", "TOTAL", "TOTAL"),
}
USUAL_TOTAL_CELLS = ("TOTAL",) * 4
REGION_WITHOUT_TRAILING_SPACE = "Sundrey"  # as London is the one parent without it


class SampleOrganisations(dy.Schema):
    """One row: an invented organisation, its size, its baseline and what is planted in it."""

    org_code = dy.String(nullable=False, primary_key=True, regex=r"^Z-\d{2}$")
    org_name = dy.String(nullable=False, unique=True)
    org_type = dy.Enum(
        ["acute trust", "specialist trust", "community trust", "urgent treatment centre", "walk-in centre"],
        nullable=False,
    )
    system_name = dy.String(nullable=False)
    region_name = dy.String(nullable=False)
    monthly_attendances_type_1 = dy.Int64(nullable=False, min=0)
    monthly_attendances_type_2 = dy.Int64(nullable=False, min=0)
    monthly_attendances_type_3 = dy.Int64(nullable=False, min=0)
    within_four_hours = dy.Float64(nullable=True, min=0, max=1)
    story = dy.Enum([story.value for story in Story], nullable=True)
    story_note = dy.String(nullable=True)

    @dy.rule()
    def within_four_hours_stands_exactly_with_type_1(cls) -> pl.Expr:
        return pl.col("within_four_hours").is_not_null() == (pl.col("monthly_attendances_type_1") > 0)

    @dy.rule()
    def note_stands_exactly_with_story(cls) -> pl.Expr:
        return pl.col("story_note").is_not_null() == pl.col("story").is_not_null()

    @dy.rule()
    def trusts_alone_are_named_nhs_trust(cls) -> pl.Expr:
        is_trust = pl.col("org_type").cast(pl.String).str.ends_with("trust")
        return pl.col("org_name").str.contains(r" NHS (Foundation )?Trust$") == is_trust


class Successions(dy.Schema):
    """One row: an organisation whose patients are counted by another from `date` on."""

    org_code = dy.String(nullable=False, primary_key=True)
    successor_code = dy.String(nullable=False)
    date = dy.Date(nullable=False)
    note = dy.String(nullable=False)

    @dy.rule()
    def successor_is_another_organisation(cls) -> pl.Expr:
        return pl.col("successor_code") != pl.col("org_code")


class Organisation(NamedTuple):
    """A row of `SampleOrganisations`."""

    org_code: str
    org_name: str
    org_type: str
    system_name: str
    region_name: str
    monthly_attendances_type_1: int
    monthly_attendances_type_2: int
    monthly_attendances_type_3: int
    within_four_hours: float | None
    story: str | None
    story_note: str | None


def reference_folder() -> Path:
    """Return the folder of the sample's reference tables."""
    return project.root() / "reference" / "sample"


def read_organisations() -> pl.DataFrame:
    """Return the invented organisations, one row each, as `SampleOrganisations` describes.

    Raises `DefinitionError` where the file is missing, or a column or row is not as described.
    """
    return _read(reference_folder() / "organisations.csv", SampleOrganisations)


def read_successions() -> pl.DataFrame:
    """Return the invented mergers in order of date, as `Successions` describes.

    Raises `DefinitionError` where the file is missing, a column or row is not as described, or a code is unknown.
    """
    path = reference_folder() / "successions.csv"
    table = _read(path, Successions).sort("date", "org_code")
    known = read_organisations()["org_code"]
    for column in ("org_code", "successor_code"):
        unknown = sorted(set(table[column]) - set(known))
        if unknown:
            raise DefinitionError(f"{path}: {column} {unknown!r} not in organisations.csv. Add them there, or correct.")
    return table


def write_sample(folder: Path) -> list[Path]:
    """Write the synthetic files to `folder`, made if need be, and return their paths in order of month.

    One file a month, `April-2022-synthetic.csv` and so on; the revised month has a second one,
    `October-2025-synthetic-revised.csv`, right behind the first. Files of the same name are overwritten.
    Raises `DefinitionError` where the reference tables are malformed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_sample(Path(folder))][:2]
    ['April-2022-synthetic.csv', 'May-2022-synthetic.csv']
    """
    organisations = {row["org_code"]: Organisation(**row) for row in read_organisations().iter_rows(named=True)}
    successions = read_successions()
    activity = {code: _activity(organisation) for code, organisation in organisations.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for month in months(FIRST_MONTH, LAST_MONTH):
        figures = _merged({code: by_month[month] for code, by_month in activity.items()}, successions, month)
        reported = {
            code: _as_reported(row, organisations[code].story, month)
            for code, row in figures.items()
            if not (organisations[code].story == Story.NOT_SUBMITTED and _is_in(month, NOT_SUBMITTED_MONTHS))
        }
        vintages = {"synthetic": reported}
        if month == REVISED_MONTH:
            first = {code: _as_first_published(row, organisations[code].story) for code, row in reported.items()}
            vintages = {"synthetic": first, "synthetic-revised": reported}
        for vintage, rows in vintages.items():
            path = folder / f"{MONTH_NAMES[month.month - 1]}-{month.year}-{vintage}.csv"
            path.write_bytes(_file(month, rows, organisations))
            written.append(path)
    return written


class _Draws:
    """Random numbers of one organisation, from the raw bits of PCG64.

    numpy keeps the raw stream for ever but may change how its `Generator` makes normal numbers of it (NEP 19), and
    logarithms differ between platforms. So: sums of integers and one division, exact everywhere.
    """

    def __init__(self, org_code: str) -> None:
        self._bits = np.random.PCG64([SEED, *org_code.encode()])

    def between(self, limits: tuple[float, float]) -> float:
        low, high = limits
        return low + (high - low) * self._sum(1)

    def normal(self, sd: float) -> float:
        """Return a number with mean 0: twelve uniform numbers less six are as good as normal within 3 sd."""
        return sd * (self._sum(12) - 6)

    def _sum(self, count: int) -> float:
        return sum(int(bits) >> 11 for bits in self._bits.random_raw(count)) / 2**53


def _activity(organisation: Organisation) -> dict[date, Figures]:
    """Return what happened at an organisation in every month, whether or not it was reported."""
    draws = _Draws(organisation.org_code)
    scales = (
        organisation.monthly_attendances_type_1,
        organisation.monthly_attendances_type_2,
        organisation.monthly_attendances_type_3,
    )
    noise = draws.between(NOISE_POINTS)
    base = (organisation.within_four_hours or 0.0, draws.between(OTHER_TYPES_SHARE), draws.between(OTHER_TYPES_SHARE))
    books = draws.between((0, 1)) < 1 / 2
    booked_shares = [books * draws.between((0, BOOKED_AT_MOST * share)) for share in BOOKED_SHARES]
    wait_ratio, long_wait_ratio = draws.between(DECISION_WAIT_RATIO), draws.between(LONG_WAIT_RATIO)

    def around(expected: float, sd: float) -> int:
        return max(0, round(expected * (1 + draws.normal(sd))))

    def month_figures(month: date) -> Figures:
        volume = ATTENDANCES_BY_MONTH[month.month - 1] * _planted_volume(organisation.story, month)
        attended = [around(scale * volume, ATTENDANCES_SD) for scale in scales]
        booked = [around(n * share, BOOKED_SD) for n, share in zip(attended, booked_shares, strict=True)]
        spread = 2 * math.sqrt(base[0] * (1 - base[0]))  # a share varies less near 0 and 1
        points = spread * (_season(organisation.story, month) + draws.normal(noise))
        shares = (
            base[0] + (points + _planted_points(organisation.story, month)) / 100,
            base[1] + draws.normal(OTHER_TYPES_SD),
            base[2] + draws.normal(OTHER_TYPES_SD),
        )
        least, most = SHARE_LIMITS
        breach = [1 - min(max(share, least), most) for share in shares]
        over = [round(n * risk) for n, risk in zip(attended, breach, strict=True)]
        over_booked = [round(n * risk * BOOKED_BREACH_RATIO) for n, risk in zip(booked, breach, strict=True)]
        admitted = [around(n * share, ADMITTED_SD) for n, share in zip(attended, ADMITTED_SHARES, strict=True)]
        # Half at most, so that both waits together never exceed the admissions that they ended in.
        waits = min(around(over[0] * wait_ratio, WAIT_SD), admitted[0] // 2)
        long_waits = min(around(waits * long_wait_ratio, WAIT_SD), waits)
        other = around(admitted[0] * OTHER_ADMISSIONS_RATIO if any(scales) else OTHER_ADMISSIONS_ALONE, ADMITTED_SD)
        return Figures._make([*attended, *booked, *over, *over_booked, waits, long_waits, *admitted, other])

    return {month: month_figures(month) for month in months(FIRST_MONTH, LAST_MONTH)}


def _season(story: str | None, month: date) -> float:
    return 0.0 if story == Story.STABLE else SEASON_SHARE * SEASON_POINTS[month.month - 1]


def _planted_points(story: str | None, month: date) -> float:
    """Return what a story adds to the type 1 share in a month, in points."""
    if story == Story.STEP_IMPROVEMENT and month >= STEP_FROM:
        return STEP_POINTS
    if story == Story.SHOCK and month == SHOCK_MONTH:
        return SHOCK_POINTS
    if story == Story.SLOW_DECLINE:
        return DECLINE_POINTS_A_MONTH * len(months(DECLINE_FROM, month))
    return 0.0


def _planted_volume(story: str | None, month: date) -> float:
    """Return what a story multiplies attendances by in a month."""
    return SHOCK_ATTENDANCES if story == Story.SHOCK and month == SHOCK_MONTH else 1.0


def _merged(figures: Mapping[str, Figures], successions: pl.DataFrame, month: date) -> dict[str, Figures]:
    """Count predecessors' patients with their successors, from the date of each succession on."""
    counted = dict(figures)
    for succession in successions.filter(pl.col("date") <= month).iter_rows(named=True):
        successor = succession["successor_code"]
        counted[successor] = _added([counted[successor], counted.pop(succession["org_code"])])
    return counted


def _as_reported(figures: Figures, story: str | None, month: date) -> Figures:
    """Return a row as submitted: nobody over four hours while the organisation field-tests another standard."""
    is_testing = story == Story.OTHER_STANDARD and _is_in(month, OTHER_STANDARD_MONTHS)
    return _with_over_4_hours_times(0, figures) if is_testing else figures


def _as_first_published(figures: Figures, story: str | None) -> Figures:
    """Return a row of the revised month as it was before its revision."""
    return _with_over_4_hours_times(FIRST_PUBLISHED_SHARE, figures) if story == Story.REVISED else figures


def _with_over_4_hours_times(factor: float, figures: Figures) -> Figures:
    over = {field: n for field, n in figures._asdict().items() if field.startswith("over_4_hours")}
    return figures._replace(**{field: round(n * factor) for field, n in over.items()})


def _is_in(month: date, first_and_last: tuple[date, date]) -> bool:
    first, last = first_and_last
    return first <= month <= last


def _added(rows: list[Figures]) -> Figures:
    return Figures._make(sum(column) for column in zip(*rows, strict=True))


def _file(month: date, figures: Mapping[str, Figures], organisations: Mapping[str, Organisation]) -> bytes:
    """Return a month's file as the publication writes it, with that month's irregularities."""
    period = f"MSitAE-{MONTH_NAMES[month.month - 1].upper()}-{month.year}"
    rows: list[tuple[str | int, ...]] = [
        (period, code, _parent(organisations[code].region_name), organisations[code].org_name.upper(), *row)
        for code, row in figures.items()
    ]
    rows.append((*TOTAL_CELLS.get(month, USUAL_TOTAL_CELLS), *_added(list(figures.values()))))
    stray = STRAY_HEADERS if month == STRAY_COLUMNS_MONTH else ()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*HEADERS, *stray))
    writer.writerows((*row, *("" for _ in stray)) for row in rows)
    return text.getvalue().encode("utf-8-sig" if month in BYTE_ORDER_MARK_MONTHS else "utf-8")


def _parent(region_name: str) -> str:
    return f"NHS ENGLAND {region_name.upper()}" + ("" if region_name == REGION_WITHOUT_TRAILING_SPACE else " ")


def _read(path: Path, schema: type[dy.Schema]) -> pl.DataFrame:
    expected = schema.column_names()
    if not path.is_file():
        raise DefinitionError(f"{path}: no such file, expected columns {expected!r}. Restore it from the repository.")
    try:
        text = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DefinitionError(
            f"{path}: not a table ({error}), expected columns {expected!r}. Correct the file."
        ) from error
    if text.columns != expected:
        raise DefinitionError(f"{path}: columns {text.columns!r}, expected {expected!r}. Correct the header.")
    # polars casts no text to dates; what is not a date becomes null here, and breaks the schema's `nullability` below.
    dates = [name for name, column in schema.columns().items() if isinstance(column, dy.Date)]
    table, failure = schema.filter(text.with_columns(pl.col(dates).str.to_date("%Y-%m-%d", strict=False)), cast=True)
    if len(failure):
        codes = failure.invalid()["org_code"].to_list()
        raise DefinitionError(f"{path}: rows {codes!r} break {sorted(failure.counts())!r}, see {schema.__name__}.")
    return table
