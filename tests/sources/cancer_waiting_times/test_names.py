from datetime import date

import pytest

from openmeasures.errors import SourceError
from openmeasures.sources.cancer_waiting_times.names import (
    PUBLISHED_STANDARDS,
    STANDARDS,
    category_written,
    month_written,
)


@pytest.mark.parametrize("published", ["ALL CANCERS", "ALL ROUTES", "ALL STAGES", "ALL MODALITIES", "All  cancers", ""])
def test_all_categories_together_are_none(published):
    assert category_written(published) == ""


@pytest.mark.parametrize(
    ("published", "written"),
    [
        ("URGENT SUSPECTED CANCER", "Urgent Suspected Cancer"),
        ("Urgent Suspected Cancer", "Urgent Suspected Cancer"),
        ("BREAST SYMPTOMATIC, CANCER NOT SUSPECTED", "Breast Symptomatic, Cancer Not Suspected"),
        ("Subsequent", "Subsequent Treatment"),
        ("Subsequent Treatment", "Subsequent Treatment"),
        ("Other (a)", "Other (a)"),  # the mark tells it from what it would mean without
        ("Urological -  Other (a)", "Urological - Other (a)"),
        ("Allied", "Allied"),  # begins like "all", and is no word for everything
    ],
)
def test_a_category_has_one_spelling(published, written):
    assert category_written(published) == written


@pytest.mark.parametrize(
    ("published", "month"),
    [
        ("Oct-23", date(2023, 10, 1)),
        ("OCT-23", date(2023, 10, 1)),
        ("Jan-00", date(2000, 1, 1)),
        ("Dec-99", date(2099, 12, 1)),
        ("January 2026", date(2026, 1, 1)),
        ("2024-10-01 00:00:00", date(2024, 10, 1)),
        ("2024-10-31", date(2024, 10, 1)),
    ],
)
def test_a_month_is_read_in_every_form(published, month):
    assert month_written(published, place="here") == month


@pytest.mark.parametrize("published", ["", "Okt-23", "Oct-2", "October", "Q3 2023", "2024-13-01", "45200", "²"])
def test_what_is_no_month_is_said(published):
    with pytest.raises(SourceError) as caught:
        month_written(published, place="file.xlsx, sheet '31-DAY'")
    assert str(caught.value) == (
        f"file.xlsx, sheet '31-DAY': found {published!r} as the month, expected for example 'Oct-23', 'October 2023' "
        "or a date. Download the file again, or tell the publisher."
    )


def test_every_standard_has_a_name_in_both_layouts_that_write_it():
    assert sorted(PUBLISHED_STANDARDS.values()) == sorted([*STANDARDS, *STANDARDS])
