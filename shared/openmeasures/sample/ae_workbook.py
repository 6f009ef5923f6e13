"""A month of A&E as the publication's provider workbook has it since April 2022: what a reader has to tell apart.

Areas stand first; hidden sheets hold a left-over table and a mapping. Three sheets of providers look alike: everybody,
those without and those with a booked appointment. Two rows of headings, England with the code `-`, an empty row, then
the providers; `-` where there is nothing to say, as for a trust that field-tests another standard.

| name | gives |
|---|---|
| `provider_workbook` | the workbook |
| `Counted` | attendances by type of department, and of them those within and over four hours |
"""

import io
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Self

import xlsxwriter
from xlsxwriter.workbook import Workbook

from openmeasures.periods import month_label
from openmeasures.sample.ae_activity import Figures
from openmeasures.sample.diagnostic_waits import published_on
from openmeasures.sample.organisations import Organisation
from openmeasures.sample.workbooks import stored

CREATED = datetime(2026, 5, 14)  # the file's bytes must not depend on the day
TYPES = (
    "Type 1 Departments - Major A&E",
    "Type 2 Departments - Single Specialty",
    "Type 3 Departments - Other A&E/Minor Injury Unit",
)
ARRIVAL = "from arrival to admission, transfer or discharge"
SHARES = tuple(f"Percentage in 4 hours or less ({kind})" for kind in ("all", "type 1", "type 2", "type 3"))
ADMISSIONS = (
    "Emergency Admissions via Type 1 A&E",
    "Emergency Admissions via Type 2 A&E",
    "Emergency Admissions via Type 3 and 4 A&E",
    "Total Emergency Admissions via A&E",
    "Other Emergency admissions (i.e not via A&E)",
    "Total Emergency Admissions",
    "Number of patients spending >4 hours from decision to admit to admission",
    "Number of patients spending >12 hours from decision to admit to admission",
)
GROUPS = {
    "A&E attendances": (*TYPES, "Total attendances"),
    f"A&E attendances less than 4 hours {ARRIVAL}": (*TYPES, "Total Attendances < 4 hours"),
    f"A&E attendances greater than 4 hours {ARRIVAL}": (*TYPES, "Total Attendances > 4 hours"),
    "Percentage of attendances within 4 hours": SHARES,
    "Emergency Admissions": ADMISSIONS,
}
BOOKED_GROUPS = {
    "A&E Booked Appointment attendances": (*TYPES, "Total attendances"),
    f"A&E Booked Appointments attendances greater than 4 hours {ARRIVAL}": (
        *TYPES,
        "Booked Appointment Attendances > 4 hours",
    ),
    "A&E Booked Appointments Performance ": tuple(f"{share} (Booked Appointments Only)" for share in SHARES),
    "": ("",) * 6,  # columns without headings
    f"A&E Booked Appointment attendances less than 4 hours {ARRIVAL}": (*TYPES, "Total Attendances < 4 hours"),
}
BAND_LINE = 14  # counted from 0, as xlsxwriter does
NOTHING = "-"
TITLE = "A&E Attendances & Emergency Admission monthly statistics, synthetic organisations"

Row = Sequence[str | float]


class Counted(NamedTuple):
    """Attendances of types 1 to 3, and those within and over four hours, both without the trusts in a field test."""

    attended: tuple[int, ...]
    within: tuple[int, ...]
    late: tuple[int, ...]

    @classmethod
    def of(cls, attended: Sequence[int], late: Sequence[int], *, testing: bool) -> Self:
        """Return an organisation's; nobody is within or over four hours while it tests another standard."""
        if testing:
            return cls(tuple(attended), (0, 0, 0), (0, 0, 0))
        return cls(tuple(attended), tuple(n - m for n, m in zip(attended, late, strict=True)), tuple(late))

    @classmethod
    def total(cls, parts: Collection[Self]) -> Self:
        """Return the sum."""
        return cls(*(tuple(sum(column) for column in zip(*group, strict=True)) for group in zip(*parts, strict=True)))

    @property
    def shares(self) -> list[str | float]:
        """Return the fractions within four hours: of all, then of each type."""
        pairs = [(sum(self.within), sum(self.late)), *zip(self.within, self.late, strict=True)]
        return [within / (within + late) if within + late else NOTHING for within, late in pairs]


def non_booked(row: Figures, *, testing: bool) -> Counted:
    """Return a row's attendances without an appointment."""
    return Counted.of(row[0:3], row[6:9], testing=testing)


def booked(row: Figures, *, testing: bool) -> Counted:
    """Return a row's booked appointments."""
    return Counted.of(row[3:6], row[9:12], testing=testing)


def admissions(row: Figures) -> list[int]:
    """Return the cells of admissions and of waits from decision to admit."""
    via_ae = [row.admissions_type_1, row.admissions_type_2, row.admissions_type_3]
    over_12 = row.decision_waits_over_12_hours
    return [
        *via_ae,
        sum(via_ae),
        row.other_admissions,
        sum(via_ae) + row.other_admissions,
        row.decision_waits_4_to_12_hours + over_12,
        over_12,
    ]


def provider_workbook(
    month: date, figures: Mapping[str, Figures], organisations: Mapping[str, Organisation], *, testing: Collection[str]
) -> bytes:
    """Return the workbook; the organisations in `testing` have no four-hour figures."""
    without = {code: non_booked(row, testing=code in testing) for code, row in figures.items()}
    appointments = {code: booked(row, testing=code in testing) for code, row in figures.items()}
    everybody = {code: Counted.total([without[code], appointments[code]]) for code in figures}
    admitted = {code: admissions(row) for code, row in figures.items()}

    def keyed(rows: Mapping[str, Row]) -> list[Row]:
        """Return England's row, an empty one, and the providers'."""
        keys = {
            code: [code, f"NHS England {organisations[code].region_name} ", organisations[code].org_name]
            for code in figures
        }
        return [
            [NOTHING, NOTHING, "England", *rows["ENG"]],
            [],
            *([*keys[code], *rows[code], organisations[code].system_name] for code in figures),
        ]

    def whole(counted: Mapping[str, Counted]) -> list[Row]:
        england = [*_whole(Counted.total(counted.values()), []), *map(sum, zip(*admitted.values(), strict=True))]
        return keyed(
            {code: [*_whole(each, testing, code), *admitted[code]] for code, each in counted.items()} | {"ENG": england}
        )

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": "Synthetic figures", "created": CREATED})
        everyone = whole(everybody)
        areas = [[NOTHING, NOTHING, *everyone[0][3:]]]
        _table(book, "System Level Data", month, ("Code", "System"), GROUPS, areas)
        left_over = book.add_worksheet("Sheet1")
        left_over.write_row(0, 0, ("Period", "Org Code", "Parent Org", "Org name", "A&E attendances Type 1"))
        left_over.hide()
        keys = ("Code", "Region", "Name")
        _table(book, "Provider Level Data", month, keys, GROUPS, everyone)
        _table(book, "Non-Booked Data", month, keys, GROUPS, whole(without))
        with_appointment = {code: _booked(each, testing, code) for code, each in appointments.items()}
        england = _booked(Counted.total(appointments.values()), [])
        _table(book, "Booked Appointments Data", month, keys, BOOKED_GROUPS, keyed(with_appointment | {"ENG": england}))
        book.add_worksheet("System Mapping").hide()
    return stored(content.getvalue())


def _whole(counted: Counted, testing: Collection[str], code: str = "") -> list[str | float]:
    attended, within, late = ([*group, sum(group)] for group in counted)
    return [*attended, *([NOTHING] * 12 if code in testing else [*within, *late, *counted.shares])]


def _booked(counted: Counted, testing: Collection[str], code: str = "") -> list[str | float]:
    attended, within, late = ([*group, sum(group)] for group in counted)
    if code in testing:
        return [*attended, *[NOTHING] * 8, *[""] * 6, *[NOTHING] * 4]
    return [*attended, *late, *counted.shares, *[""] * 6, *within]


def _table(
    book: Workbook,
    name: str,
    month: date,
    keys: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    rows: Sequence[Row],
) -> None:
    sheet = book.add_worksheet(name)
    above = {
        1: ("Title:", TITLE),
        3: ("Summary:", "SYNTHETIC FIGURES: A&E attendances, performance and emergency admissions"),
        5: ("Period:", month_label(month)),
        6: ("Source:", "The synthetic sample of Open Measures"),
        7: ("Basis:", "Provider"),
        8: ("Published:", published_on(month)),
        9: ("Revised:", ""),
        10: ("Status:", "Published"),
        13: (name, ""),
    }
    for line, cells in above.items():
        sheet.write_row(line, 0, cells)
    sheet.write_row(BAND_LINE + 1, 0, keys)
    column = len(keys)
    for title, headings in groups.items():
        sheet.write(BAND_LINE, column, title)
        sheet.write_row(BAND_LINE + 1, column, headings)
        column += len(headings)
    for line, row in enumerate(rows, start=BAND_LINE + 2):
        sheet.write_row(line, 0, row)
