from datetime import date

import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, hospital_mortality, recognise

# As two public programs read them; the order is ours.
HEADINGS = (
    "TIME_PERIOD", "PUBLICATION_MONTH", "PROVIDER_CODE", "PROVIDER_NAME", "SPELLS", "OBSERVED", "EXPECTED",
    "SHMI_VALUE", "SHMI_BANDING", "OD_LL", "OD_UL", "PALLIATIVE_SPELLS", "PALLIATIVE_DEATHS",
)  # fmt: skip
ROW = ("JAN25_DEC25", "MAY_26", "RC9", '"BEDFORDSHIRE HOSPITALS, NHS TRUST"', "93000", "2205", "2100", "1.0497", "2.0",
       "0.8894", "1.1243", "1800", "900")  # fmt: skip


def changed(**cells):
    return tuple(cells.get(heading, cell) for heading, cell in zip(HEADINGS, ROW, strict=True))


def file_of(*rows, headings=HEADINGS, start="\ufeff"):
    text = start + "".join(",".join(line) + "\r\n" for line in (headings, *rows))
    return SourceFile("folder/Historical.csv", "Historical.csv", text.encode())


def read(*rows, **layout):
    return hospital_mortality.read(file_of(*rows, **layout))


def figures(publication):
    return {
        (row["org_code"], row["metric"]): (row["value"], row["status"])
        for row in publication.observations.iter_rows(named=True)
    }


def refusal(*rows, **layout):
    with pytest.raises(SourceError) as error:
        read(*rows, **layout)
    return str(error.value)


def test_every_column_is_kept_as_published():
    publication = read(ROW)
    Observations.validate(publication.observations)
    Organisations.validate(publication.organisations)
    assert figures(publication) == {
        ("RC9", "provider_spells"): (93_000, "reported"),
        ("RC9", "observed_deaths"): (2205, "reported"),
        ("RC9", "expected_deaths"): (2100, "reported"),
        ("RC9", "mortality_ratio"): (1.0497, "reported"),
        ("RC9", "mortality_band"): (2, "reported"),
        ("RC9", "mortality_lower_limit"): (0.8894, "reported"),
        ("RC9", "mortality_upper_limit"): (1.1243, "reported"),
        ("RC9", "palliative_spells"): (1800, "reported"),
        ("RC9", "palliative_deaths"): (900, "reported"),
    }
    assert publication.checks == []


def test_names_with_commas_are_whole_and_no_region_is_known():
    named = read(ROW).organisations.select("org_code", "org_name", "parent_name", "period_start").rows()
    assert named == [("RC9", "BEDFORDSHIRE HOSPITALS, NHS TRUST", "", date(2025, 1, 1))]


def test_a_period_is_twelve_months_from_its_first_day_to_its_last():
    rows = (ROW, changed(TIME_PERIOD="FEB25_JAN26"), changed(TIME_PERIOD="mar23_feb24"))
    spans = read(*rows).observations.select("period_start", "period_end").unique().sort("period_start").rows()
    assert spans == [
        (date(2023, 3, 1), date(2024, 2, 29)),
        (date(2025, 1, 1), date(2025, 12, 31)),
        (date(2025, 2, 1), date(2026, 1, 31)),
    ]


@pytest.mark.parametrize("mark", ["*", "**"])
def test_a_suppressed_trust_has_no_figures(mark):
    cells = dict.fromkeys(HEADINGS[4:], mark)
    publication = read(ROW, changed(PROVIDER_CODE="RA2", **cells))
    suppressed = {figure for (code, _), figure in figures(publication).items() if code == "RA2"}
    assert suppressed == {(None, "suppressed")}
    assert publication.checks == []


def test_columns_may_stand_in_any_order_and_others_beside_them():
    headings = (*reversed(HEADINGS), "NOTE")
    assert figures(read((*reversed(ROW), "new"), headings=headings)) == figures(read(ROW))


def test_a_file_without_limits_or_palliative_care_is_read():
    found = figures(read(ROW[:9], headings=HEADINGS[:9]))
    assert {metric for _, metric in found} == {
        "provider_spells", "observed_deaths", "expected_deaths", "mortality_ratio", "mortality_band",
    }  # fmt: skip


# ---- recognised by content


def test_it_is_recognised_by_its_headings_with_and_without_a_byte_order_mark():
    for start in ("\ufeff", ""):
        assert recognise(file_of(ROW, start=start))[0] == "hospital_mortality"


@pytest.mark.parametrize(
    "headings",
    [
        (*HEADINGS, "SITE_CODE"),
        (*HEADINGS, "Diagnosis_Group"),
        tuple(heading for heading in HEADINGS if heading != "SHMI_BANDING"),
        ("Org Code", "A&E attendances Type 1"),
    ],
)
def test_files_of_parts_and_other_publications_are_not(headings):
    assert not hospital_mortality.recognises(file_of(headings=headings))


def test_a_zip_that_holds_it_uncompressed_is_not():
    assert not hospital_mortality.recognises(SourceFile("a.zip", "a.zip", b"PK\0" + file_of(ROW).content))


# ---- refused


@pytest.mark.parametrize("heading", ["TIME_PERIOD", "OBSERVED", "EXPECTED", "PROVIDER_NAME"])
def test_a_missing_heading_is_named(heading):
    at = HEADINGS.index(heading)
    said = refusal(ROW[:at] + ROW[at + 1 :], headings=HEADINGS[:at] + HEADINGS[at + 1 :])
    assert said.startswith("folder/Historical.csv: no row has all 7 headings".replace("7", "12"))
    assert repr(heading) in said


@pytest.mark.parametrize(
    "period", ["JAN25_JAN26", "JAN25_NOV25", "DEC25_JAN25", "JAX25_DEC25", "2025", "JAN2025_DEC2025"]
)
def test_a_period_that_is_no_twelve_months_is_refused(period):
    assert refusal(ROW, changed(TIME_PERIOD=period)) == (
        f"folder/Historical.csv, row 3: found the period {period!r}, expected twelve months, for example "
        "'JAN25_DEC25'. Download the file again, or tell us that its layout has changed."
    )


@pytest.mark.parametrize("heading", ["PROVIDER_CODE", "PROVIDER_NAME"])
def test_a_row_without_code_or_name_is_refused(heading):
    assert refusal(ROW, changed(**{heading: ""})).startswith(
        "folder/Historical.csv, row 3: no organisation code or name."
    )


def test_a_file_of_headings_alone_is_refused():
    assert refusal().startswith("folder/Historical.csv: no row under the headings. The file looks truncated")


def test_a_short_row_is_refused():
    assert refusal(ROW, ROW[:5]).startswith("folder/Historical.csv, row 3: 5 cells found, 13 expected.")


def test_a_figure_that_is_no_number_is_refused():
    said = refusal(changed(OBSERVED="many"))
    assert said.startswith("folder/Historical.csv, row 2, observed deaths: found 'many', expected a number or one of")


@pytest.mark.parametrize("band", ["0", "4", "1.5"])
def test_a_band_that_is_none_of_the_three_is_refused(band):
    assert f"organisation 'RC9' has band {band}, expected 1 (higher than expected)" in refusal(
        changed(SHMI_BANDING=band)
    )


def test_a_trust_twice_in_one_period_is_refused():
    assert "organisation 'RC9' has observed deaths twice for January 2025" in refusal(ROW, ROW)


# ---- observed ÷ expected beside the published ratio


@pytest.mark.parametrize(
    ("observed", "expected", "ratio", "agrees"),
    [
        ("2205", "2100", "1.0500", True),  # rounded to five: from 2202.5 ÷ 2102.5 to 2207.5 ÷ 2097.5
        ("2205", "2100", "1.0476", True),  # 1.04756
        ("2205", "2100", "1.0475", False),
        ("2205", "2100", "1.0524", True),  # 1.05244
        ("2205", "2100", "1.0526", False),
        ("2207", "2101.75", "1.0501", True),  # exact: 1.05008
        ("2207", "2101.75", "1.0500", False),
        ("2207", "2101.75", "1.0502", False),
    ],
)
def test_the_ratio_is_checked_as_exactly_as_the_counts_are_published(observed, expected, ratio, agrees):
    checks = read(changed(OBSERVED=observed, EXPECTED=expected, SHMI_VALUE=ratio)).checks
    assert bool(checks) != agrees
    assert all(check.startswith("observed ÷ expected is not the published ratio in 1 of 1 rows") for check in checks)


def test_the_first_row_whose_ratio_is_another_is_named():
    other = changed(PROVIDER_CODE="RA2", SHMI_VALUE="1.2000")
    later = changed(TIME_PERIOD="FEB25_JAN26", SHMI_VALUE="1.3000")
    assert read(later, other, ROW).checks == [
        "observed ÷ expected is not the published ratio in 2 of 3 rows, first RA2: 2,205 ÷ 2,100, and 1.2000 is "
        "published"
    ]


def test_of_so_few_expected_that_rounding_leaves_nothing_nothing_is_said():
    assert read(changed(OBSERVED="5", EXPECTED="0", SHMI_VALUE="3.0000")).checks == []


def test_no_ratio_is_checked_where_everything_is_suppressed():
    publication = read(changed(**dict.fromkeys(HEADINGS[4:], "*")))
    assert publication.checks == []
    assert publication.observations["value"].dtype == pl.Float64
