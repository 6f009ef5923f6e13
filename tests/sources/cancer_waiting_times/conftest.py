"""Small workbooks in the three layouts, as lists of rows that a test may spoil before they are written."""

from collections.abc import Callable, Iterable
from datetime import date
from io import BytesIO

import polars as pl
import pytest
import xlsxwriter

from openmeasures.sources import Publication, SourceFile

ENGLAND = "ALL ENGLISH PROVIDERS"
BREAST_SYMPTOMS = "Exhibited (non-cancer) breast symptoms - cancer not initially suspected"
NAMES = {"RCF": "AIREDALE NHS FOUNDATION TRUST", "NYG": "SUSSEX COMMUNITY DERMATOLOGY SERVICE", "": ENGLAND}
SUSPECTED, SYMPTOMATIC = "URGENT SUSPECTED CANCER", "BREAST SYMPTOMATIC, CANCER NOT SUSPECTED"


def _file(sheets: dict[str, list[list]], name: str = "file.xlsx") -> SourceFile:
    content = BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "mmm-yy"})
    for title, rows in sheets.items():
        sheet = workbook.add_worksheet(title)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                (sheet.write_datetime if isinstance(cell, date) else sheet.write)(number, column, cell)
    workbook.close()
    return SourceFile(f"folder/{name}", name, content.getvalue())


@pytest.fixture(scope="session")
def made() -> Callable[..., SourceFile]:
    """Write sheets to a `SourceFile`."""
    return _file


def _sheet(days: int, headings: tuple[str, ...], *parts: tuple[str, list[tuple]]) -> list[list]:
    """A sheet of the provider workbook; a row is code, divisions, total and within; England's has no code."""
    bands = ["WITHIN 31 DAYS", "AFTER 31 DAYS"] if days > 28 else ["WITHIN 14 DAYS", "AFTER 62 DAYS"]
    rows = [["WAIT FOR CANCER"], ["Oct-23"], ["BASIS: PROVIDER BASED"], ["DEFINITIONS:  DCB0147 Amd 16/2019"], [], []]
    for title, figures in parts:
        rows.append([title])
        rows.append([*[""] * (3 + len(headings)), "NUMBER OF PEOPLE", "", "", "PERCENTAGE", "", "NUMBER OF PEOPLE"])
        rows.append(
            ["", "ODS CODE (1)", "ACCOUNTABLE PROVIDER", *headings, "TOTAL", f"WITHIN {days} DAYS",
             f"AFTER {days} DAYS", f"WITHIN {days} DAYS, %", "", *bands]
        )  # fmt: skip
        for code, *divisions, total, within in figures:
            if not code and rows[-1][1]:
                rows.append([])
            after = total - within if isinstance(total, float | int) and isinstance(within, float | int) else ""
            # In the bands other figures than in the totals, so that a reader of the wrong column is found out.
            rows.append(["", code, NAMES[code], *divisions, total, within, after, 0.99, "", 990, 991])
        rows.append([])
    return rows


ROUTE, STAGE, TYPE, MODALITY = "REFERRAL ROUTE", "TREATMENT STAGE", "CANCER TYPE (3)", "TREATMENT MODALITY (4)"
ALL_ROUTES, ALL_STAGES, ALL_CANCERS = "ALL ROUTES", "ALL STAGES", "ALL CANCERS"
FIRST, SUBSEQUENT, UPGRADE, URGENT = (
    "First Treatment",
    "Subsequent Treatment",
    "Consultant Upgrade",
    "Urgent Suspected Cancer",
)
A, B, C = "PART A: ALL", "PART B: ONE", "PART C: THE OTHER"


@pytest.fixture
def workbook_sheets() -> dict[str, list[list]]:
    """A provider workbook for October 2023: Airedale has every standard, the dermatology service only the 28-day one.

    Airedale: 10 told, 7 of them in time; 6 treated after a decision, 5 in time; 3.5 after referral, 2.5 in time.
    """
    front = [
        ["Status: Final Official Statistics"], [], ["October 2023"], [],
        ["Data Quality"], ["No data quality issues were highlighted for the reported set of data."], [],
        ["Contents"], ["Where totals are not whole numbers, patients are shared."],
    ]  # fmt: skip
    referrals = [["ODS CODE (1)", "ACCOUNTABLE PROVIDER", "TOTAL"], ["RCF", NAMES["RCF"], 99]]
    return {
        "Frontpage": front,
        "28-DAY FDS (ALL ROUTES)": _sheet(
            28, (ROUTE,),
            ("", [("RCF", ALL_ROUTES, 10, 7), ("NYG", ALL_ROUTES, 4, 4), ("", ALL_ROUTES, 14, 11)]),
        ),
        "28-DAY FDS (BY ROUTE)": _sheet(
            28, (ROUTE, "SUSPECTED CANCER OR BREAST SYMPTOMATIC (2)"),
            ("", [
                ("RCF", SYMPTOMATIC, BREAST_SYMPTOMS, 2, 1),
                ("RCF", SUSPECTED, "Suspected breast cancer", 5, 4),
                ("RCF", SUSPECTED, "Suspected skin cancer", 3, 2),
                ("NYG", SUSPECTED, "Suspected skin cancer", 4, 4),
                ("", SYMPTOMATIC, BREAST_SYMPTOMS, 2, 1),
                ("", SUSPECTED, "Suspected breast cancer", 5, 4),
                ("", SUSPECTED, "Suspected skin cancer", 7, 6),
            ]),
        ),
        "31-DAY (ALL CANCER)": _sheet(
            31, (STAGE, "CANCER TYPE"),
            (A, [(code, ALL_STAGES, ALL_CANCERS, 6, 5) for code in ("RCF", "")]),
            (B, [(code, FIRST, ALL_CANCERS, 4, 4) for code in ("RCF", "")]),
            (C, [(code, SUBSEQUENT, ALL_CANCERS, 2, 1) for code in ("RCF", "")]),
        ),
        "31-DAY (BY CANCER)": _sheet(
            31, (STAGE, TYPE),
            (A, [(code, ALL_STAGES, *rest) for code in ("RCF", "") for rest in (("Breast", 5, 4), ("Skin", 1, 1))]),
            (B, [(code, FIRST, *rest) for code in ("RCF", "") for rest in (("Breast", 3, 3), ("Skin", 1, 1))]),
            (C, [(code, SUBSEQUENT, "Breast", 2, 1) for code in ("RCF", "")]),
        ),
        "31-DAY (BY TREATMENT MODALITY)": _sheet(
            31, (STAGE, MODALITY),
            (A, [(code, ALL_STAGES, *rest) for code in ("RCF", "") for rest in (("Other", 2, 2), ("Surgery", 4, 3))]),
            (B, [(code, FIRST, *rest) for code in ("RCF", "") for rest in (("Other", 2, 2), ("Surgery", 2, 2))]),
            (C, [(code, SUBSEQUENT, "Surgery", 2, 1) for code in ("RCF", "")]),
        ),
        "62-DAY (ALL CANCER)": _sheet(
            62, (ROUTE, "CANCER TYPE"),
            (A, [(code, ALL_ROUTES, ALL_CANCERS, 3.5, 2.5) for code in ("RCF", "")]),
            (B, [(code, URGENT, ALL_CANCERS, 2, 1.5) for code in ("RCF", "")]),
            (C, [(code, UPGRADE, ALL_CANCERS, 1.5, 1) for code in ("RCF", "")]),
        ),
        "62-DAY (BY CANCER)": _sheet(
            62, (ROUTE, TYPE),
            (A, [(code, ALL_ROUTES, *rest) for code in ("RCF", "") for rest in (("Lung", 0.5, 0), ("Skin", 3, 2.5))]),
            (B, [(code, URGENT, *rest) for code in ("RCF", "") for rest in (("Lung", 0.5, 0), ("Skin", 1.5, 1.5))]),
            (C, [(code, UPGRADE, "Skin", 1.5, 1) for code in ("RCF", "")]),
        ),
        "62-DAY (BY TREATMENT MODALITY)": _sheet(
            62, (ROUTE, MODALITY),
            (A, [(code, ALL_ROUTES, "Surgery", 3.5, 2.5) for code in ("RCF", "")]),
            (B, [(code, URGENT, "Surgery", 2, 1.5) for code in ("RCF", "")]),
            (C, [(code, UPGRADE, "Surgery", 1.5, 1) for code in ("RCF", "")]),
        ),
        "USC referral to FOA": referrals,
        "UBS referral to FHA": referrals,
    }  # fmt: skip


@pytest.fixture
def extract_rows() -> list[list]:
    """A data extract of October 2023 with the workbook's figures, and one of November for a second provider."""
    october, november = date(2023, 10, 1), date(2023, 11, 1)
    when = {october: ["2023/24", "OCT"], november: ["2023/24", "NOV"]}
    fds, treatment, referral, every = "28-day FDS", "31-day Combined", "62-day Combined", "ALL MODALITIES"
    figures = [
        (october, fds, "RCF", SYMPTOMATIC, "", BREAST_SYMPTOMS, 2, 1),
        (october, fds, "RCF", SUSPECTED, "", "Suspected breast cancer", 5, 4),
        (october, fds, "RCF", SUSPECTED, "", "Suspected skin cancer", 3, 2),
        (october, fds, "NYG", SUSPECTED, "", "Suspected skin cancer", 4, 4),
        (november, fds, "NYG", SUSPECTED, "", "Suspected skin cancer", 9, 8),
        (october, treatment, "RCF", FIRST, every, "Breast", 3, 3),
        (october, treatment, "RCF", FIRST, every, "Skin", 1, 1),
        (october, treatment, "RCF", SUBSEQUENT, every, "Breast", 2, 1),
        (october, treatment, "RCF", FIRST, "Other", ALL_CANCERS, 2, 2),
        (october, treatment, "RCF", FIRST, "Surgery", ALL_CANCERS, 2, 2),
        (october, treatment, "RCF", SUBSEQUENT, "Surgery", ALL_CANCERS, 2, 1),
        (october, referral, "RCF", URGENT, every, "Lung", 0.5, 0),
        (october, referral, "RCF", URGENT, every, "Skin", 1.5, 1.5),
        (october, referral, "RCF", UPGRADE, every, "Skin", 1.5, 1),
        (october, referral, "RCF", URGENT, "Surgery", ALL_CANCERS, 2, 1.5),
        (october, referral, "RCF", UPGRADE, "Surgery", ALL_CANCERS, 1.5, 1),
    ]
    headings = ["PERIOD", "YEAR", "MONTH", "STANDARD", "ORG CODE", "STAGE/ROUTE", "TREATMENT MODALITY", "CANCER TYPE",
                "TOTAL TREATED", "WITHIN STANDARD", "BREACHES"]  # fmt: skip
    return [headings, *([day, *when[day], *rest, rest[-2] - rest[-1]] for day, *rest in figures)]


@pytest.fixture
def combined_rows() -> list[list]:
    """A combined workbook's providers for October 2025, with the figures of the other layouts."""
    region, every = "North East and Yorkshire", "ALL MODALITIES"
    airedale = [
        ("FDS", ALL_CANCERS, ALL_ROUTES, "", 10, 7),
        ("FDS", BREAST_SYMPTOMS, ALL_ROUTES, "", 2, 1),
        ("FDS", "Suspected breast cancer", ALL_ROUTES, "", 5, 4),
        ("FDS", "Suspected skin cancer", ALL_ROUTES, "", 3, 2),
        ("FDS", BREAST_SYMPTOMS, SYMPTOMATIC, "", 2, 1),
        ("FDS", "Suspected breast cancer", SUSPECTED, "", 5, 4),
        ("FDS", "Suspected skin cancer", SUSPECTED, "", 3, 2),
        ("31D", ALL_CANCERS, ALL_STAGES, every, 6, 5),
        ("31D", "Breast", ALL_STAGES, every, 5, 4),
        ("31D", "Skin", ALL_STAGES, every, 1, 1),
        ("31D", ALL_CANCERS, ALL_STAGES, "Other", 2, 2),
        ("31D", ALL_CANCERS, ALL_STAGES, "Surgery", 4, 3),
        ("31D", ALL_CANCERS, FIRST, every, 4, 4),
        ("31D", ALL_CANCERS, "Subsequent", every, 2, 1),
        ("31D", "Breast", FIRST, every, 3, 3),
        ("31D", "Skin", FIRST, every, 1, 1),
        ("31D", "Breast", "Subsequent", every, 2, 1),
        ("31D", ALL_CANCERS, FIRST, "Other", 2, 2),
        ("62D", ALL_CANCERS, ALL_ROUTES, every, 3.5, 2.5),
        ("62D", "Lung", ALL_ROUTES, every, 0.5, 0),
        ("62D", "Skin", ALL_ROUTES, every, 3, 2.5),
        ("62D", ALL_CANCERS, ALL_ROUTES, "Surgery", 3.5, 2.5),
        ("62D", ALL_CANCERS, URGENT, every, 2, 1.5),
        ("62D", ALL_CANCERS, UPGRADE, every, 1.5, 1),
    ]
    headings = ["Org Code", "Region", "Org Name", "Standard", "Cancer Type", "Referral Route/Stage",
                "Treatment Modality", "Total", "Within", "After", "Performance", "Within 31 days"]  # fmt: skip
    return [
        ["Title:", "Cancer Waiting Times monthly statistics"],
        ["Summary:", "Cancer Waiting Times performance for the three standards"],
        ["", "Elsewhere (RXX) did not make\na submission."],
        ["Period:", "October 2025"],
        ["Source:", "SDCS data collection - Cancer Waiting Times"],
        ["Published:", "Thursday 11th December 2025"],
        ["Revised:"],
        ["Status:", "Provisional"],
        [],
        ["Provider Level Performance"],
        ["", "", "", "", "", "", "Applicable to 31D and 62D standards"],
        headings,
        *(["Total", "England", "Total", *row, row[-2] - row[-1], 0.5, 999] for row in airedale),
        *(["RCF", region, NAMES["RCF"], *row, row[-2] - row[-1], 0.5, 999] for row in airedale),
    ]


# What each layout says of Airedale in October: (metric, breakdown, category) -> value.
AIREDALE = {
    ("faster_diagnosis_told", "", ""): 10,
    ("faster_diagnosis_told_within_28_days", "", ""): 7,
    ("faster_diagnosis_told", "route", "Breast Symptomatic, Cancer Not Suspected"): 2,
    ("faster_diagnosis_told", "route", "Urgent Suspected Cancer"): 5 + 3,
    ("faster_diagnosis_told_within_28_days", "route", "Breast Symptomatic, Cancer Not Suspected"): 1,
    ("faster_diagnosis_told_within_28_days", "route", "Urgent Suspected Cancer"): 4 + 2,
    ("faster_diagnosis_told", "cancer_type", BREAST_SYMPTOMS): 2,
    ("faster_diagnosis_told", "cancer_type", "Suspected breast cancer"): 5,
    ("faster_diagnosis_told", "cancer_type", "Suspected skin cancer"): 3,
    ("faster_diagnosis_told_within_28_days", "cancer_type", BREAST_SYMPTOMS): 1,
    ("faster_diagnosis_told_within_28_days", "cancer_type", "Suspected breast cancer"): 4,
    ("faster_diagnosis_told_within_28_days", "cancer_type", "Suspected skin cancer"): 2,
    ("decision_to_treat_treated", "", ""): 6,
    ("decision_to_treat_treated_within_31_days", "", ""): 5,
    ("decision_to_treat_treated", "treatment_stage", "First Treatment"): 4,
    ("decision_to_treat_treated", "treatment_stage", "Subsequent Treatment"): 2,
    ("decision_to_treat_treated_within_31_days", "treatment_stage", "First Treatment"): 4,
    ("decision_to_treat_treated_within_31_days", "treatment_stage", "Subsequent Treatment"): 1,
    ("decision_to_treat_treated", "cancer_type", "Breast"): 5,
    ("decision_to_treat_treated", "cancer_type", "Skin"): 1,
    ("decision_to_treat_treated_within_31_days", "cancer_type", "Breast"): 4,
    ("decision_to_treat_treated_within_31_days", "cancer_type", "Skin"): 1,
    ("decision_to_treat_treated", "treatment_modality", "Other"): 2,
    ("decision_to_treat_treated", "treatment_modality", "Surgery"): 4,
    ("decision_to_treat_treated_within_31_days", "treatment_modality", "Other"): 2,
    ("decision_to_treat_treated_within_31_days", "treatment_modality", "Surgery"): 3,
    ("urgent_referral_treated", "", ""): 3.5,
    ("urgent_referral_treated_within_62_days", "", ""): 2.5,
    ("urgent_referral_treated", "route", "Urgent Suspected Cancer"): 2,
    ("urgent_referral_treated", "route", "Consultant Upgrade"): 1.5,
    ("urgent_referral_treated_within_62_days", "route", "Urgent Suspected Cancer"): 1.5,
    ("urgent_referral_treated_within_62_days", "route", "Consultant Upgrade"): 1,
    ("urgent_referral_treated", "cancer_type", "Lung"): 0.5,
    ("urgent_referral_treated", "cancer_type", "Skin"): 3,
    ("urgent_referral_treated_within_62_days", "cancer_type", "Lung"): 0,
    ("urgent_referral_treated_within_62_days", "cancer_type", "Skin"): 2.5,
    ("urgent_referral_treated", "treatment_modality", "Surgery"): 3.5,
    ("urgent_referral_treated_within_62_days", "treatment_modality", "Surgery"): 2.5,
}


@pytest.fixture(scope="session")
def airedale() -> dict[tuple[str, str, str], float]:
    """What every layout says of one provider in October, whatever else it has."""
    return AIREDALE


@pytest.fixture(scope="session")
def values() -> Callable[..., dict]:
    """Return an organisation's figures by metric, breakdown and category."""

    def of(publication: Publication, org_code: str, *, month: int = 10) -> dict[tuple[str, str, str], float | None]:
        rows = publication.observations.filter(
            pl.col("org_code") == org_code, pl.col("period_start").dt.month() == month
        )
        return {
            (m, b, c): value for m, b, c, value in rows.select("metric", "breakdown", "category", "value").iter_rows()
        }

    return of


@pytest.fixture(scope="session")
def replaced() -> Callable[..., None]:
    """Change every cell that is equal to `old`, and see that there is one."""

    def change(rows: Iterable[list], old: object, new: object) -> None:
        places = [(row, at) for row in rows for at, cell in enumerate(row) if cell == old and type(cell) is type(old)]
        assert places
        for row, at in places:
            row[at] = new

    return change
