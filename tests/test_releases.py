from datetime import date

import pytest
from pydantic import ValidationError

from openmeasures.releases import Release, ReleaseStatus, Vintage, vintage_combined, vintage_named, vintage_stated

FIRST = Release(
    sha256="0" * 64,
    source="ae_monthly",
    file_name="March-2024.csv",
    periods=[date(2024, 3, 1)],
    period_end=date(2024, 3, 31),
    metrics=["attendances_type_1"],
    status=ReleaseStatus.PROVISIONAL,
    published=None,
    retrieved=date(2024, 4, 11),
    url="https://www.england.nhs.uk/",
    licence="Open Government Licence v3.0",
    synthetic=False,
)


# The names are the publication's own, one of each pattern since 2021.
@pytest.mark.parametrize(
    ("file_name", "status", "published"),
    [
        ("April-2021-revised-120522-ABC456.csv", "revised", date(2022, 5, 12)),
        ("March-2024-revised-130624-abcdef123.csv", "revised", date(2024, 6, 13)),
        ("Monthly-AE-March-2026-revised-flkg42.csv", "revised", None),
        ("Monthly-AE-April-2024-revised.csv", "revised", None),
        ("April-2025-CSV-revised.csv", "revised", None),
        ("Monthly-AE-June-2024.csv", "provisional", None),
        ("October-2025-CSV-hg6dl.csv", "provisional", None),
        ("March-2024-REVISED_130624.csv", "revised", date(2024, 6, 13)),
        ("March-2024-revised-13062.csv", "revised", None),
        ("March-2024-revised-1306245.csv", "revised", None),
        ("March-2024-revised-310224.csv", "revised", None),  # 31 February: six digits that are no date
        ("CWT-CRS-APRIL-2024-DATA-Final.xlsx", "final", None),
        ("CWT-Provisional.xlsx", "provisional", None),
        ("Finalised-nothing.xlsx", "provisional", None),
        ("", "provisional", None),
    ],
)
def test_the_vintage_that_a_file_name_tells(file_name, status, published):
    assert vintage_named(file_name) == Vintage(ReleaseStatus(status), published)


# Labels as they stand above the tables of A&E, KH03, virtual wards, cancer and diagnostics.
@pytest.mark.parametrize(
    ("labels", "status", "published"),
    [
        ({"published": "12th June 2025", "revised": "", "status": "Published"}, "provisional", date(2025, 6, 12)),
        ({"published": "13th March 2025", "revised": "21st May 2025"}, "revised", date(2025, 5, 21)),
        ({"published": "10th April 2025"}, "provisional", date(2025, 4, 10)),
        ({"published": "1st July 2025", "revised": "-"}, "provisional", date(2025, 7, 1)),
        ({"published": "2nd July 2025", "status": "Final"}, "final", date(2025, 7, 2)),
        ({"published": "3rd July 2025", "status": "Finalised"}, "provisional", date(2025, 7, 3)),
        ({"published": "3rd July 2025", "status": "Final", "revised": "4 Aug 2025"}, "revised", date(2025, 8, 4)),
        ({"published": "2025-06-12 00:00:00"}, "provisional", date(2025, 6, 12)),
        ({"published": "Thursday 12 JUNE 2025, 9.30 am"}, "provisional", date(2025, 6, 12)),
        ({"published": "9 Sept 2024"}, "provisional", date(2024, 9, 9)),
        ({"revised": "21 May 2025"}, "revised", date(2025, 5, 21)),
        ({"published": "21 May 2025", "revised": "21 May 2025"}, "revised", date(2025, 5, 21)),
        # A time series of July whose past was last revised in May.
        ({"published": "10th July 2025", "revised": "15th May 2025"}, "provisional", date(2025, 7, 10)),
    ],
)
def test_the_vintage_that_a_file_states(labels, status, published):
    assert vintage_stated(labels) == Vintage(ReleaseStatus(status), published)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"status": "Final"},
        {"published": "", "revised": ""},
        {"published": "June 2025"},
        {"published": "31 June 2025"},
        {"published": "2025-13-01"},
        {"published": "1 Ju 2025"},  # June or July
        {"published": "1 Brumaire 2025"},
        {"published": "12 06 2025"},
    ],
)
def test_a_file_without_a_date_states_no_vintage(labels):
    assert vintage_stated(labels) is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({}, {"status": "final"}),
        ({"status": "final"}, {"status": "revised"}),
        ({"published": date(2025, 1, 1), "retrieved": date(2025, 1, 1)}, {"status": "revised"}),
        ({}, {"published": date(2024, 4, 11)}),
        ({"published": date(2024, 4, 11)}, {"published": date(2024, 4, 12)}),
        ({"published": date(2024, 4, 11), "retrieved": date(2025, 1, 1)}, {"published": date(2024, 4, 12)}),
        ({}, {"retrieved": date(2024, 4, 12)}),
        ({"retrieved": date(2024, 4, 12)}, {"metrics": ["attendances_type_1", "attendances_type_2"]}),
        ({"metrics": ["attendances_type_1", "attendances_type_2"]}, {"published": date(2024, 4, 11)}),
        ({}, {"sha256": "1" + "0" * 63}),
    ],
)
def test_a_revision_is_newest_then_the_dates_decide_then_the_layout_then_the_hash(older, newer):
    made = [Release.model_validate({**FIRST.model_dump(), **changes}) for changes in (newer, older)]
    assert sorted(made, key=lambda release: release.order) == made[::-1]


def test_a_record_survives_its_own_file():
    assert Release.model_validate_json(FIRST.model_dump_json()) == FIRST


def test_a_record_with_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Release.model_validate({**FIRST.model_dump(), "licens": "OGL"})


def test_a_record_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        FIRST.synthetic = True


@pytest.mark.parametrize(
    ("told", "status", "published"),
    [
        ([("provisional", None)], "provisional", None),
        ([("final", None), ("provisional", (2024, 5, 9))], "final", (2024, 5, 9)),
        ([("revised", (2024, 6, 13)), ("final", (2024, 5, 9))], "revised", (2024, 6, 13)),
    ],
)
def test_what_several_tell_of_a_vintage(told, status, published):
    vintages = [Vintage(ReleaseStatus(each), day and date(*day)) for each, day in told]
    assert vintage_combined(*vintages) == (status, published and date(*published))


FETCHED = {"file_url": "https://x/", "download_sha256": "f" * 64}
REVISED = {"status": ReleaseStatus.REVISED, "published": date(2024, 6, 13)}


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [
        ({}, {}, {}),
        (FETCHED, {}, FETCHED),
        ({}, FETCHED, FETCHED),
        (FETCHED, {"file_url": "https://y/", "download_sha256": "e" * 64}, FETCHED),
        (REVISED, {}, REVISED),
        ({}, REVISED, REVISED),
        (REVISED, {"published": date(2024, 7, 1)}, {"published": date(2024, 7, 1)}),
    ],
)
def test_a_file_that_is_read_again_keeps_its_first_day_and_what_is_known_of_its_origin(known, now, expected):
    again = {"file_name": "another.csv", "retrieved": date(2025, 1, 1), "metrics": ["more"]} | now
    record = FIRST.model_copy(update=again).read_again(FIRST.model_copy(update=known))
    assert record == FIRST.model_copy(update={"metrics": ["more"], **expected})


@pytest.mark.parametrize(
    ("status", "published", "known_from"),
    [
        ("provisional", date(2024, 5, 9), date(2024, 5, 9)),
        ("revised", date(2024, 6, 13), date(2024, 6, 13)),
        ("provisional", None, date(2024, 4, 1)),  # the day after the period
        ("final", None, date(2026, 1, 1)),  # when it was read
        ("revised", None, date(2026, 1, 1)),
    ],
)
def test_a_release_is_known_from_its_date_or_the_first_day_that_is_sure(status, published, known_from):
    release = Release(
        sha256="a", source="s", file_name="f", periods=[date(2024, 3, 1)], period_end=date(2024, 3, 31), metrics=[],
        status=status, published=published, retrieved=date(2026, 1, 1), url="", licence="", synthetic=False,
    )  # fmt: skip
    assert release.known_from == known_from
