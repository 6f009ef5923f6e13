from datetime import date

import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.schemas import STATUS_TYPE, Observations, Organisations
from openmeasures.sources import SourceFile
from openmeasures.sources.cancer_waiting_times import divisions
from openmeasures.sources.cancer_waiting_times.names import STANDARDS

OCTOBER, NOVEMBER = date(2023, 10, 1), date(2023, 11, 1)
FILE = SourceFile("folder/file.xlsx", "file.xlsx", b"content")
WHOLE, FIRST, SUBSEQUENT, SKIN, LUNG, SURGERY, OTHER = (
    ("ALL STAGES", "ALL CANCERS", "ALL MODALITIES"),
    ("First Treatment", "ALL CANCERS", "ALL MODALITIES"),
    ("Subsequent Treatment", "ALL CANCERS", "ALL MODALITIES"),
    ("ALL STAGES", "Skin", "ALL MODALITIES"),
    ("ALL STAGES", "Lung", "ALL MODALITIES"),
    ("ALL STAGES", "ALL CANCERS", "Surgery"),
    ("ALL STAGES", "ALL CANCERS", "Other"),
)


def _figures(*rows: tuple, standard="31-day", org_code="RCF", month=OCTOBER, metric="total") -> pl.DataFrame:
    """A row is stage or route, cancer type, treatment modality and a value, or a status in its place."""
    return pl.DataFrame(
        [
            {
                "standard": standard,
                "org_code": org_code,
                "org_name": f"{org_code} HOSPITALS",
                "parent_name": "London",
                **dict(zip(divisions.DIMENSIONS, dimensions, strict=True)),
                "metric": metric,
                "value": None if isinstance(figure, str) else float(figure),
                "status": figure if isinstance(figure, str) else "reported",
                "period_start": month,
            }
            for *dimensions, figure in rows
        ],
        schema_overrides={"status": STATUS_TYPE, "value": pl.Float64},
    )


def _publication(*figures: pl.DataFrame, vintage=None, notes=()):
    return divisions.publication(pl.concat(figures), file=FILE, vintage=vintage, notes=list(notes))


def _found(*figures: pl.DataFrame, columns=("breakdown", "category", "value")) -> list[tuple]:
    return _publication(*figures).observations.select(columns).rows()


def test_frames_are_as_the_schemas_say():
    publication = _publication(_figures((*WHOLE, 6)))
    Observations.validate(publication.observations)
    Organisations.validate(publication.organisations)


@pytest.mark.parametrize("standard", STANDARDS)
def test_metrics_and_divisions_are_the_standards_own(standard):
    rows = (("", "", "", 3), ("A", "", "", 3), ("", "B", "", 3), ("", "", "C", 3))
    found = _found(
        _figures(*rows, standard=standard),
        _figures(*rows, standard=standard, metric="within_standard"),
        columns=("metric", "breakdown"),
    )
    metrics, route = STANDARDS[standard][:2], STANDARDS[standard].stage_or_route
    assert sorted(found) == sorted(
        (metric, part) for metric in metrics for part in ("", route, "cancer_type", "treatment_modality")
    )


def test_a_month_ends_on_its_last_day():
    found = _found(_figures((*WHOLE, 1), month=date(2024, 2, 1)), columns=("period_start", "period_end"))
    assert found == [(date(2024, 2, 1), date(2024, 2, 29))]


def test_the_whole_and_its_parts_as_published():
    rows = [(*WHOLE, 6), (*FIRST, 4), (*SUBSEQUENT, 2), (*SKIN, 1), (*LUNG, 5), (*SURGERY, 6)]
    assert _found(_figures(*rows)) == [
        ("", "", 6),
        ("treatment_stage", "First Treatment", 4),
        ("treatment_stage", "Subsequent Treatment", 2),
        ("cancer_type", "Skin", 1),
        ("cancer_type", "Lung", 5),
        ("treatment_modality", "Surgery", 6),
    ]


CROSSED = [
    ("First Treatment", "Skin", "ALL MODALITIES", 1),
    ("First Treatment", "Lung", "ALL MODALITIES", 3),
    ("Subsequent", "Lung", "ALL MODALITIES", 2.5),
    ("First Treatment", "ALL CANCERS", "Surgery", 4),
    ("Subsequent", "ALL CANCERS", "Surgery", 2),
    ("Subsequent", "ALL CANCERS", "Other", 0.5),
]


def test_what_is_not_published_is_what_its_crossed_parts_add_up_to():
    assert _found(_figures(*CROSSED)) == [
        ("", "", 1 + 3 + 2.5),
        ("treatment_stage", "First Treatment", 1 + 3),
        ("treatment_stage", "Subsequent Treatment", 2.5),
        ("cancer_type", "Skin", 1),
        ("cancer_type", "Lung", 3 + 2.5),
        ("treatment_modality", "Surgery", 4 + 2),
        ("treatment_modality", "Other", 0.5),
    ]


def test_what_is_published_is_not_replaced():
    """Every division is published with another figure than its crossed parts add up to."""
    published = [(*part, 9) for part in (WHOLE, FIRST, SUBSEQUENT, SKIN, LUNG, SURGERY, OTHER)]
    assert {value for *_, value in _found(_figures(*published, *CROSSED))} == {9}


def test_published_for_one_standard_is_not_published_for_another():
    found = _found(
        _figures((*WHOLE, 9), *CROSSED),
        _figures(("A", "B", "", 3), ("A", "C", "", 4), standard="28-day"),
        columns=("metric", "breakdown", "value"),
    )
    assert [(metric, value) for metric, breakdown, value in found if not breakdown] == [
        ("decision_to_treat_treated", 9),
        ("faster_diagnosis_told", 3 + 4),
    ]


def test_sums_are_those_of_each_organisation_month_and_metric():
    row, other = ("A", "B", "", 1), ("A", "C", "", 2)
    found = _found(
        _figures(row, other),
        _figures(row, org_code="RXX"),
        _figures(other, month=NOVEMBER),
        _figures(other, metric="within_standard"),
        columns=("metric", "org_code", "period_start", "breakdown", "value"),
    )
    assert [each for each in found if each[3] == ""] == [
        ("decision_to_treat_treated", "RCF", OCTOBER, "", 1 + 2),
        ("decision_to_treat_treated", "RXX", OCTOBER, "", 1),
        ("decision_to_treat_treated", "RCF", NOVEMBER, "", 2),
        ("decision_to_treat_treated_within_31_days", "RCF", OCTOBER, "", 2),
    ]


@pytest.mark.parametrize("status", ["suppressed", "not_submitted", "not_applicable"])
def test_a_sum_is_there_only_if_every_part_is(status):
    rows = [("A", "Skin", "", 1), ("A", "Lung", "", status), ("B", "Skin", "", 2)]
    assert _found(_figures(*rows), columns=("breakdown", "category", "value", "status")) == [
        ("", "", None, status),
        ("treatment_stage", "A", None, status),
        ("treatment_stage", "B", 2, "reported"),
        ("cancer_type", "Skin", 1 + 2, "reported"),
        ("cancer_type", "Lung", None, status),
    ]


def test_of_two_reasons_for_a_missing_sum_the_first_is_given():
    rows = [("A", "Skin", "", 1), ("A", "Lung", "", "suppressed"), ("A", "Breast", "", "not_submitted")]
    assert _found(_figures(*rows), columns=("value", "status"))[0] == (None, "suppressed")


def test_zeros_add_up_to_zero():
    rows = [("A", "Skin", "", 0), ("A", "Lung", "", 0)]
    assert _found(_figures(*rows), columns=("value", "status"))[0] == (0, "reported")


def test_stage_by_type_by_modality_is_no_crossing_that_is_counted():
    """No layout has it; if one did, its patients would stand in the other crossings already."""
    assert _found(_figures((*WHOLE, 6), ("A", "Skin", "Surgery", 6))) == [("", "", 6)]


ALL = ("ALL STAGES", "ALL CANCERS", "ALL MODALITIES")


def _wholes(*figures, notes=()):
    found = _publication(*figures, notes=notes).observations.filter(breakdown="")
    return {row[:-1]: row[-1] for row in found.select("org_code", "metric", "period_start", "value").rows()}


def test_an_organisation_has_a_zero_for_a_standard_that_others_have_a_row_of():
    """In the months in which it has a row of another standard, and in no others."""
    found = _wholes(
        _figures((*ALL, 5)),
        _figures((*ALL, 7), org_code="RXX"),
        _figures((*ALL, 7), org_code="RXX", month=NOVEMBER),
        _figures((*ALL, 3), standard="62-day", org_code="RXX"),
    )
    assert found == {
        ("RCF", "decision_to_treat_treated", OCTOBER): 5,
        ("RCF", "urgent_referral_treated", OCTOBER): 0,
        ("RXX", "decision_to_treat_treated", OCTOBER): 7,
        ("RXX", "decision_to_treat_treated", NOVEMBER): 7,
        ("RXX", "urgent_referral_treated", OCTOBER): 3,
    }


@pytest.mark.parametrize("missing", ["ENG", "RCF"])
def test_england_and_whom_a_note_names_keep_what_is_missing(missing):
    figures = [_figures((*ALL, 5), org_code=missing), _figures((*ALL, 3), standard="62-day", org_code="RXX")]
    note = "the publication says: Airedale (RCF) did not make a submission for 62 days."
    assert (missing, "urgent_referral_treated", OCTOBER) not in _wholes(*figures, notes=[note])


def test_a_part_without_its_whole_is_no_zero():
    figures = [_figures((*ALL[:1], "Skin", ALL[2], 5)), _figures((*ALL, 3), org_code="RXX")]
    assert ("RCF", "decision_to_treat_treated", OCTOBER) not in _wholes(*figures)


def test_england_is_no_organisation():
    figures = [_figures((*WHOLE, 6), org_code=code) for code in ("RCF", "ENG")]
    publication = _publication(*figures)
    assert publication.organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RCF", "RCF HOSPITALS", "London")
    ]
    assert publication.observations["org_code"].to_list() == ["RCF", "ENG"]


def test_vintage_and_notes_are_passed_on():
    vintage = Vintage(ReleaseStatus.FINAL, None)
    publication = _publication(_figures((*WHOLE, 6)), vintage=vintage, notes=["the publication says: all well."])
    assert publication.vintage == vintage
    assert publication.checks == ["the publication says: all well."]


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ((*WHOLE, 6), ""),
        ((*FIRST, 4), " (First Treatment)"),
        (("SUBSEQUENT TREATMENT", "Skin", "ALL MODALITIES", 4), " (Subsequent Treatment, Skin)"),
        (("First Treatment", "", "Surgery", 4), " (First Treatment, Surgery)"),
    ],
)
def test_a_figure_given_twice_is_refused_even_where_it_is_only_added_up(row, part):
    with pytest.raises(SourceError) as caught:
        _publication(_figures((*SKIN, 1), row), _figures(row, metric="within_standard"), _figures(row))
    assert str(caught.value) == (
        f"folder/file.xlsx: organisation 'RCF' has decision to treat treated{part} twice for October 2023; expected "
        "once. Download the file again."
    )


def test_one_category_in_two_spellings_is_given_twice():
    with pytest.raises(SourceError, match=r"\(Subsequent Treatment\) twice for October 2023"):
        _publication(_figures(("Subsequent", "", "", 1), ("Subsequent Treatment", "", "", 1)))


# ---- whether parts add up


def _checks(*rows: tuple, **options) -> list[str]:
    return divisions.part_checks(_publication(_figures(*rows, **options)).observations)


def test_parts_that_add_up_are_no_finding():
    assert _checks((*WHOLE, 6), (*FIRST, 4), (*SUBSEQUENT, 2), (*SKIN, 6)) == []


@pytest.mark.parametrize(("whole", "differs"), [(5.5, True), (5.8, False), (6, False), (6.2, False), (6.5, True)])
def test_half_a_patient_is_a_difference_and_less_is_rounding(whole, differs):
    said = (
        f"decision to treat treated by cancer type, October 2023: the parts of 'RCF' add up to 6, the whole is {whole}"
    )
    assert _checks((*WHOLE, whole), (*SKIN, 4), (*LUNG, 2)) == ([said] if differs else [])


def test_each_division_is_compared_with_the_whole():
    assert _checks((*WHOLE, 1_200), (*FIRST, 1_100), (*SKIN, 1_200), (*SURGERY, 1_300)) == [
        "decision to treat treated by treatment stage, October 2023: the parts of 'RCF' add up to 1,100, the whole is "
        "1,200",
        "decision to treat treated by treatment modality, October 2023: the parts of 'RCF' add up to 1,300, the whole "
        "is 1,200",
    ]


def test_a_sum_that_could_not_be_made_is_not_compared():
    assert _checks((*WHOLE, 6), (*SKIN, 1), (*LUNG, "suppressed")) == []


def test_a_whole_that_is_no_figure_is_not_compared():
    assert _checks((*WHOLE, "suppressed"), (*SKIN, 1)) == []


@pytest.mark.parametrize(
    ("others", "more"),
    [
        (["RCF"], ""),
        (["RCF", "RXX"], " (1 more organisations differ)"),
        (["RCF", "RXX", "RYY"], " (2 more organisations differ)"),
    ],
)
def test_the_first_organisation_that_differs_is_named_and_others_are_counted(others, more):
    figures = [_figures((*WHOLE, 6), (*SKIN, 5), org_code=code) for code in others]
    agreeing = _figures((*WHOLE, 6), (*SKIN, 6), org_code="RAA")
    assert divisions.part_checks(_publication(agreeing, *figures).observations) == [
        f"decision to treat treated by cancer type, October 2023: the parts of 'RCF' add up to 5, the whole is 6{more}"
    ]


def test_an_organisation_without_any_part_differs():
    """Only where others have parts: a division that nobody has is not published."""
    figures = [_figures((*WHOLE, 6), (*SKIN, 6), org_code="RXX"), _figures((*WHOLE, 6))]
    assert divisions.part_checks(_publication(*figures).observations) == [
        "decision to treat treated by cancer type, October 2023: the parts of 'RCF' add up to 0, the whole is 6"
    ]


def test_an_organisation_without_a_whole_differs():
    figures = [_figures((*WHOLE, 6), (*SKIN, 6), org_code="RXX"), _figures((*SKIN, 6))]
    assert divisions.part_checks(_publication(*figures).observations) == [
        "decision to treat treated by cancer type, October 2023: the parts of 'RCF' add up to 6, the whole is 0"
    ]


def test_months_are_compared_one_by_one():
    figures = [_figures((*WHOLE, 6), (*SKIN, 7)), _figures((*WHOLE, 7), (*SKIN, 7), month=NOVEMBER)]
    assert divisions.part_checks(_publication(*figures).observations) == [
        "decision to treat treated by cancer type, October 2023: the parts of 'RCF' add up to 7, the whole is 6"
    ]
