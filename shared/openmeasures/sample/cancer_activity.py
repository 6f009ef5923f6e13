"""What happens in the sample's cancer services, month by month: who waits, for what, and how many within each standard.

Shares and levels marked *published* are England's in NHS England's final provider workbooks, April 2024 to March 2025.
Rarer types of cancer are left out, so that the files stay small.

Each organisation has its own random numbers, and uses as many in every month whatever happens to it.
"""

import math
from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import NamedTuple

from openmeasures.periods import months
from openmeasures.sample.draws import Draws
from openmeasures.sample.stories import LAST_MONTH, is_in

FIRST_MONTH = date(2023, 10, 1)  # of the three standards; earlier figures measure something else
# What is planted. The step is three times the spread between the months of a provider of its size.
STEP_ORG, STEP_FROM, STEP_POINTS = "Z-05", date(2025, 4, 1), 10.0  # of the 62-day share
NOT_SUBMITTED_ORG, NOT_SUBMITTED_MONTHS = "Z-09", (date(2024, 11, 1), date(2025, 1, 1))  # first and last
LATE_ORG, LATE_SHARE = "Z-02", 0.94  # of its patients are in the provisional figures; the final ones have all
SMALL_ORG = "Z-11"  # a children's hospital: a handful of treatments a month, some of them shared

FASTER_DIAGNOSIS, DECISION_TO_TREAT, URGENT_REFERRAL = STANDARDS = ("28-day", "31-day", "62-day")
# A 62-day patient is shared by the provider that investigated and the one that treated: halves are counted.
UNITS = {FASTER_DIAGNOSIS: 1, DECISION_TO_TREAT: 1, URGENT_REFERRAL: 2}
PATIENTS_SD = 0.05  # of a month's patients; published: 0.08, calendar and trend included
# Published: the spread between months, less what chance alone gives for the number of patients.
WITHIN_SD_POINTS = {FASTER_DIAGNOSIS: 2.5, DECISION_TO_TREAT: 1.5, URGENT_REFERRAL: 1.0}


class Provider(NamedTuple):
    """Patients in an average month, and the share of them within the standard, in the order of `STANDARDS`."""

    patients: tuple[float, float, float]
    within: tuple[float, float, float]


# Published quartiles of patients: 1,226 to 2,570, 130 to 639, 112 to 260; levels around England's 0.76, 0.91, 0.69.
PROVIDERS = {
    "Z-01": Provider((2600, 640, 300), (0.74, 0.90, 0.65)),
    LATE_ORG: Provider((1700, 250, 170), (0.79, 0.94, 0.71)),
    STEP_ORG: Provider((2900, 700, 340), (0.73, 0.89, 0.62)),
    "Z-06": Provider((1900, 270, 180), (0.78, 0.95, 0.74)),
    NOT_SUBMITTED_ORG: Provider((1600, 240, 160), (0.68, 0.87, 0.58)),
    SMALL_ORG: Provider((20, 12, 1.5), (0.90, 0.97, 0.80)),
}

Cell = tuple[str, str, str]  # stage or route, cancer type, treatment modality: as the publication writes them
_Parts = dict[str, tuple[float, float]]  # a category's share of the patients, and the share of those within

# Published, all of them.
TOLD: dict[Cell, tuple[float, float]] = {
    (
        "BREAST SYMPTOMATIC, CANCER NOT SUSPECTED",
        "Exhibited (non-cancer) breast symptoms - cancer not initially suspected",
        "",
    ): (0.035, 0.90),
    ("NATIONAL SCREENING PROGRAMME", "Missing or Invalid", ""): (0.0005, 0.75),
    ("NATIONAL SCREENING PROGRAMME", "Suspected breast cancer", ""): (0.02, 0.76),
    ("NATIONAL SCREENING PROGRAMME", "Suspected lower gastrointestinal cancer", ""): (0.025, 0.63),
    ("URGENT SUSPECTED CANCER", "Suspected breast cancer", ""): (0.158, 0.90),
    ("URGENT SUSPECTED CANCER", "Suspected gynaecological cancer", ""): (0.098, 0.66),
    ("URGENT SUSPECTED CANCER", "Suspected head & neck cancer", ""): (0.097, 0.75),
    ("URGENT SUSPECTED CANCER", "Suspected lower gastrointestinal cancer", ""): (0.137, 0.63),
    ("URGENT SUSPECTED CANCER", "Suspected skin cancer", ""): (0.22, 0.85),
    ("URGENT SUSPECTED CANCER", "Suspected urological malignancies (excluding testicular)", ""): (0.081, 0.60),
}
TYPES: _Parts = {
    "Breast": (0.213, 0.915),
    "Lower Gastrointestinal": (0.096, 0.910),
    "Lung": (0.085, 0.931),
    "Other (a)": (0.038, 0.949),
    "Skin": (0.139, 0.865),
    "Urological - Prostate": (0.157, 0.908),
}
STAGES: _Parts = {"First Treatment": (0.545, 0.917), "Subsequent Treatment": (0.455, 0.903)}
MODALITIES: _Parts = {
    "Anti-cancer drug regimen": (0.298, 0.982),
    "Other": (0.122, 0.987),
    "Radiotherapy": (0.203, 0.878),
    "Surgery": (0.377, 0.847),
}
REFERRED_TYPES: _Parts = {
    "Breast": (0.153, 0.723),
    "Lower Gastrointestinal": (0.103, 0.572),
    "Lung": (0.107, 0.597),
    "Other (a)": (0.029, 0.776),
    "Skin": (0.172, 0.855),
    "Urological - Prostate": (0.160, 0.635),
}
ROUTES: _Parts = {
    "Urgent Suspected Cancer": (0.591, 0.632),
    "Breast Symptomatic": (0.004, 0.686),
    "Screening": (0.076, 0.656),
    "Consultant Upgrade": (0.329, 0.787),
}
REFERRED_MODALITIES: _Parts = {
    "Anti-cancer drug regimen": (0.226, 0.655),
    "Other": (0.210, 0.781),
    "Radiotherapy": (0.058, 0.386),
    "Surgery": (0.505, 0.693),
}
ONLY = {"Breast Symptomatic": {"Breast"}, "Screening": {"Breast", "Lower Gastrointestinal"}}  # types of these routes


def _crossed(first: _Parts, types: _Parts, modalities: _Parts) -> dict[Cell, tuple[float, float]]:
    """Cross three divisions as if they were independent: patients' shares multiply, and so do late patients'."""
    return {
        (one, kind, modality): (a * b * c, 1 - (1 - in_a) * (1 - in_b) * (1 - in_c))
        for (one, (a, in_a)), (kind, (b, in_b)), (modality, (c, in_c)) in product(
            first.items(), types.items(), modalities.items()
        )
        if kind in ONLY.get(one, types)
    }


CELLS = {
    FASTER_DIAGNOSIS: TOLD,
    DECISION_TO_TREAT: _crossed(STAGES, TYPES, MODALITIES),
    URGENT_REFERRAL: _crossed(ROUTES, REFERRED_TYPES, REFERRED_MODALITIES),
}
CHILDRENS_CELLS: dict[str, dict[Cell, tuple[float, float]]] = {
    FASTER_DIAGNOSIS: {("URGENT SUSPECTED CANCER", "Suspected children's cancer", ""): (1.0, 0.9)},
    DECISION_TO_TREAT: _crossed(STAGES, {"Other (a)": (1.0, 0.9)}, MODALITIES),
    URGENT_REFERRAL: {("Urgent Suspected Cancer", "Other (a)", "Anti-cancer drug regimen"): (1.0, 0.8)},
}


class Waits(NamedTuple):
    """The patients of one cell and month: all of them, and those within the standard."""

    total: float
    within: float


Month = dict[str, dict[Cell, Waits]]  # by standard


def activity(org_code: str) -> dict[date, Month]:
    """Return what happens in one of `PROVIDERS`, in every month from `FIRST_MONTH` on, submitted or not."""
    draws = Draws(f"cancer {org_code}")
    provider = PROVIDERS[org_code]
    cells = CHILDRENS_CELLS if org_code == SMALL_ORG else CELLS
    happened = {}
    for month in months(FIRST_MONTH, LAST_MONTH):
        happened[month] = {
            standard: _waits(
                cells[standard],
                patients * (1 + draws.normal(PATIENTS_SD)),
                within + (STEP_POINTS / 100 if _is_after_step(org_code, standard, month) else 0),
                draws.normal(1),
                standard,
            )
            for standard, patients, within in zip(STANDARDS, *provider, strict=True)
        }
    return happened


def submits(org_code: str, month: date) -> bool:
    """Whether an organisation is in the files of a month."""
    return not (org_code == NOT_SUBMITTED_ORG and is_in(month, NOT_SUBMITTED_MONTHS))


def as_first_known(org_code: str, month: Month) -> Month:
    """Return a month as the provisional figures have it: without the patients whom the late organisation adds later."""
    if org_code != LATE_ORG:
        return month
    return {standard: _fewer(cells, UNITS[standard]) for standard, cells in month.items()}


def _fewer(cells: dict[Cell, Waits], unit: int) -> dict[Cell, Waits]:
    """Leave out the same share of patients within the standard and of the others; what has none left has no row."""
    in_time = [round(waits.within * unit) for waits in cells.values()]
    too_late = [round((waits.total - waits.within) * unit) for waits in cells.values()]
    kept = [_spread(round(sum(each) * LATE_SHARE), each, each) for each in (in_time, too_late)]
    return {
        cell: Waits((within + over) / unit, within / unit)
        for cell, within, over in zip(cells, *kept, strict=True)
        if within + over
    }


def _is_after_step(org_code: str, standard: str, month: date) -> bool:
    return org_code == STEP_ORG and standard == URGENT_REFERRAL and month >= STEP_FROM


def _waits(
    cells: dict[Cell, tuple[float, float]], patients: float, within: float, noise: float, standard: str
) -> dict[Cell, Waits]:
    """Spread a month's patients, and those who wait too long, over the cells, in whole or half patients."""
    unit = UNITS[standard]
    sd = math.sqrt(within * (1 - within) / patients + (WITHIN_SD_POINTS[standard] / 100) ** 2)
    late = min(max(1 - within + sd * noise, 0.0), 1.0)
    everybody = round(patients * unit)
    totals = _spread(everybody, [share for share, _ in cells.values()], [everybody] * len(cells))
    too_late = _spread(
        round(everybody * late),
        [total * (1 - in_time) for total, (_, in_time) in zip(totals, cells.values(), strict=True)],
        totals,
    )
    return {
        cell: Waits(total / unit, (total - over) / unit)
        for cell, total, over in zip(cells, totals, too_late, strict=True)
        if total
    }


def _spread(amount: int, weights: Sequence[float], limits: Sequence[int]) -> list[int]:
    """Share out an amount by weight in whole numbers; what one place cannot take goes to the next."""
    whole, running, given = sum(weights), 0.0, 0
    shares = []
    for weight, limit in zip(weights, limits, strict=True):
        running += weight
        due = math.floor(amount * running / whole + 0.5) - given
        shares.append(min(due, limit))
        given += shares[-1]
    return shares
