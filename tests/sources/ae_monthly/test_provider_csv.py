import csv
import io
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import ae_monthly, recognise

TWO = (("RC9", 1000, 400), ("Y0123", 50, 0))
TYPE_1 = "attendances_type_1"
OVER = "over_four_hours_type_1"


def _values(publication, metric=TYPE_1):
    """Return the figures of one metric by organisation."""
    return dict(publication.observations.filter(pl.col("metric") == metric).select("org_code", "value").iter_rows())


def _line(text, number):
    return text.split("\r\n")[number - 1]


def _refused(file, *parts):
    """The file is refused in one line that has every part, its place first."""
    with pytest.raises(SourceError) as refusal:
        ae_monthly.read(file)
    said = str(refusal.value)
    assert said.startswith(file.place)
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said
    assert "gain" in said or "Split" in said or "publisher" in said  # every refusal ends with what to do


# ---- as published


def test_every_figure_of_every_row_becomes_an_observation(ae_file):
    publication = ae_monthly.read(ae_file(*TWO))
    assert publication.observations.height == 18 * (2 + 1)  # metrics; providers and England
    assert publication.observations["metric"].n_unique() == 18


def test_figures_stay_with_their_organisation_and_metric(ae_file):
    publication = ae_monthly.read(ae_file(*TWO))
    assert _values(publication) == {"RC9": 1000, "Y0123": 50, "ENG": 1000 + 50}
    assert _values(publication, OVER) == {"RC9": 400, "Y0123": 0, "ENG": 400 + 0}


def test_every_heading_has_a_metric_of_its_own(ae_csv, ae_file):
    """Each column gets its own number, so that two swapped headings would show."""
    numbered = ",".join(str(number) for number in range(1, 18 + 1))
    text = ae_csv(("RC9", 0, 0)).replace('NHS TRUST"' + ",0" * 18, f'NHS TRUST",{numbered}')
    read = ae_monthly.read(ae_file(text)).observations.filter(pl.col("org_code") == "RC9")
    assert dict(read.select("metric", "value").iter_rows()) == {
        "attendances_type_1": 1,
        "attendances_type_2": 2,
        "attendances_type_3": 3,
        "booked_attendances_type_1": 4,
        "booked_attendances_type_2": 5,
        "booked_attendances_type_3": 6,
        "over_four_hours_type_1": 7,
        "over_four_hours_type_2": 8,
        "over_four_hours_type_3": 9,
        "booked_over_four_hours_type_1": 10,
        "booked_over_four_hours_type_2": 11,
        "booked_over_four_hours_type_3": 12,
        "dta_waits_four_to_twelve_hours": 13,
        "dta_waits_over_twelve_hours": 14,
        "emergency_admissions_type_1": 15,
        "emergency_admissions_type_2": 16,
        "emergency_admissions_type_3": 17,
        "other_emergency_admissions": 18,
    }


def test_the_period_is_the_whole_month(ae_file):
    publication = ae_monthly.read(ae_file(*TWO, month="FEBRUARY-2024"))
    assert publication.observations.select("period_start", "period_end").unique().rows() == [
        (date(2024, 2, 1), date(2024, 2, 29))
    ]


def test_every_row_names_its_source_and_release(ae_file):
    file = ae_file(*TWO)
    publication = ae_monthly.read(file)
    assert publication.observations.select("source", "release").unique().rows() == [("ae_monthly", file.sha256)]
    assert publication.organisations["release"].unique().to_list() == [file.sha256]


def test_the_frames_follow_their_schemas(ae_file):
    publication = ae_monthly.read(ae_file(*TWO))
    assert Observations.is_valid(publication.observations)
    assert Organisations.is_valid(publication.organisations)


def test_organisations_are_the_providers_as_published(ae_file):
    assert ae_monthly.read(ae_file(*TWO)).organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RC9", "RC9 HOSPITALS, NHS TRUST", "NHS ENGLAND LONDON"),
        ("Y0123", "Y0123 HOSPITALS, NHS TRUST", "NHS ENGLAND LONDON"),
    ]


def test_one_provider_is_enough(ae_file):
    assert _values(ae_monthly.read(ae_file(("RC9", 1, 0)))) == {"RC9": 1, "ENG": 1}


def test_a_zero_is_a_reported_figure(ae_file):
    read = ae_monthly.read(ae_file(("RC9", 0, 0)))
    assert read.observations["status"].unique().to_list() == ["reported"]


# ---- the publication's traps


def test_a_byte_order_mark(ae_csv, ae_file):
    file = ae_file(b"\xef\xbb\xbf" + ae_csv(*TWO).encode())
    assert ae_monthly.recognises(file)
    assert _values(ae_monthly.read(file))["RC9"] == 1000


def test_a_byte_order_mark_before_a_quoted_heading(ae_csv, ae_file):
    file = ae_file(b"\xef\xbb\xbf" + ae_csv(*TWO).replace("Period", '"Period"', 1).encode())
    assert _values(ae_monthly.read(file))["RC9"] == 1000


def test_a_byte_order_mark_before_the_organisations_code(ae_csv, ae_file):
    rows = [[cells[1], cells[0], *cells[2:]] for cells in csv.reader(io.StringIO(ae_csv(*TWO), newline=""))]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    assert ae_monthly.recognises(ae_file(b"\xef\xbb\xbf" + text.getvalue().encode()))


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_every_line_ending(ae_csv, ae_file, ending):
    file = ae_file(ae_csv(*TWO).replace("\r\n", ending))
    assert ae_monthly.recognises(file)
    assert _values(ae_monthly.read(file)) == {"RC9": 1000, "Y0123": 50, "ENG": 1050}


def test_without_a_line_ending_at_the_end(ae_csv, ae_file):
    assert _values(ae_monthly.read(ae_file(ae_csv(*TWO).removesuffix("\r\n"))))["ENG"] == 1050


# Every spelling that the publication has had since April 2021, by one of its months.
@pytest.mark.parametrize(
    "total",
    [
        ("TOTAL", "TOTAL", "TOTAL", "TOTAL"),
        ("Total", "Total", "Total", "Total"),
        ("TOTAl", "TOTAl", "TOTAl", "TOTAl"),
        ("TOTAL ", "TOTAL ", "TOTAL ", "TOTAL "),
        ("Total", "Total ", "Total", "Total"),
        ("MSitAE-MARCH-2024", "TOTAL", "TOTAL", "TOTAL"),
    ],
)
def test_the_total_row_becomes_england(ae_file, total):
    assert _values(ae_monthly.read(ae_file(*TWO, total=total)))["ENG"] == 1000 + 50


def test_spaces_around_codes_names_and_figures(ae_csv, ae_file):
    text = ae_csv(*TWO).replace(",RC9,", ", RC9 ,").replace(",1000,", ", 1000 ,")
    publication = ae_monthly.read(ae_file(text))
    assert _values(publication)["RC9"] == 1000
    assert publication.organisations["parent_name"].to_list() == ["NHS ENGLAND LONDON"] * 2


def test_stray_columns_at_the_end(ae_csv, ae_file):
    """September 2024 has five empty columns and one called `a`."""
    header, *lines = ae_csv(*TWO).split("\r\n")
    text = "\r\n".join([header + ",,,,,,a", *(line and line + ",,,,,,7" for line in lines)])
    assert _values(ae_monthly.read(ae_file(text))) == {"RC9": 1000, "Y0123": 50, "ENG": 1050}


def test_columns_in_another_order(ae_csv, ae_file):
    rows = [cells[::-1] for cells in csv.reader(io.StringIO(ae_csv(*TWO), newline=""))]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    file = ae_file(text.getvalue())
    assert ae_monthly.recognises(file)
    assert _values(ae_monthly.read(file), OVER) == {"RC9": 400, "Y0123": 0, "ENG": 400}


@pytest.mark.parametrize(
    "heading",
    ["  A&E attendances Type 1", "A&E  attendances  Type 1 ", "a&e ATTENDANCES type 1", '"A&E attendances Type 1"'],
)
def test_headings_differ_in_spaces_capitals_and_quotes(ae_csv, ae_file, heading):
    file = ae_file(ae_csv(*TWO).replace("A&E attendances Type 1", heading, 1))
    assert ae_monthly.recognises(file)
    assert _values(ae_monthly.read(file))["RC9"] == 1000


@pytest.mark.parametrize("after", ["\r\n", "\r\n\r\n\r\n", "," * 21 + "\r\n", " , ,\r\n" * 3])
def test_blank_lines_at_the_end(ae_csv, ae_file, after):
    assert _values(ae_monthly.read(ae_file(ae_csv(*TWO) + after)))["ENG"] == 1050


def test_a_blank_line_in_the_middle(ae_csv, ae_file):
    header, rest = ae_csv(*TWO).split("\r\n", 1)
    assert _values(ae_monthly.read(ae_file(f"{header}\r\n{',' * 21}\r\n{rest}")))["RC9"] == 1000


def test_the_windows_encoding(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("RC9 HOSPITALS", "QUEEN’S")
    assert "QUEEN’S, NHS TRUST" in ae_monthly.read(ae_file(text.encode("cp1252"))).organisations["org_name"].to_list()


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("-", "not_applicable"),
        ("*", "suppressed"),
        ("", "not_submitted"),
        (" ", "not_submitted"),
        (" - ", "not_applicable"),
    ],
)
def test_a_mark_is_no_figure_and_never_a_zero(ae_file, cell, status):
    read = ae_monthly.read(ae_file(("RC9", cell, 0))).observations
    found = read.filter(pl.col("org_code") == "RC9", pl.col("metric") == TYPE_1)
    assert found.select("value", "status").row(0) == (None, status)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("999", 999),
        ("1,000", 1000),
        ("1,234,567", 1_234_567),
        ("1234567", 1_234_567),
        ("7.0", 7),
        ("7.00", 7),
        ("1,000.0", 1000),
        ("007", 7),
    ],
)
def test_a_whole_number_however_written(ae_file, cell, value):
    assert _values(ae_monthly.read(ae_file(("RC9", cell, 0))))["RC9"] == value


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from(["{}", "{:,}", "{}.0", " {:,} "]))
def test_any_number_of_people_survives_any_spelling(ae_file, people, spelling):
    assert _values(ae_monthly.read(ae_file(("RC9", spelling.format(people), 0))))["RC9"] == people


# ---- what is refused


@pytest.mark.parametrize(
    "cell",
    [
        "1.5",
        "-1",
        "n/a",
        "1,2",
        "12,34",
        "1,2345",
        ",1",
        "1e3",
        "#N/A",
        "٣",
        "½",
        "9" * 400,
        "1 000",
        "nan",
        "inf",
        "0x1",
    ],
)
def test_a_figure_that_is_no_whole_number_is_refused_with_row_and_column(ae_file, cell):
    _refused(
        ae_file(("RC9", 1, 0), ("RJ1", cell, 0)), "row 3, column 'A&E attendances Type 1'", repr(cell), "whole number"
    )


def test_a_bad_figure_in_the_total_row_is_refused_as_well(ae_csv, ae_file):
    text = ae_csv(*TWO).replace(",1050,", ",1050.5,")
    _refused(ae_file(text), "row 4", "'1050.5'")


@pytest.mark.parametrize("heading", ["Period", "Org name", "Attendances over 4hrs Booked Appointments Type 2"])
def test_a_missing_column_is_named(ae_csv, ae_file, heading):
    text = ae_csv(*TWO).replace(f"{heading},", "Something else,", 1)
    _refused(ae_file(text), f"column {heading!r} is missing", "22 columns found, 1 of 22 expected ones absent")


def test_a_misspelt_column_gets_the_near_miss(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("Parent Org,", "Parents Org,", 1)
    _refused(ae_file(text), "'Parent Org'", "Did you mean 'Parents Org'?")


@pytest.mark.parametrize("cells", [1, 4, 21])
def test_a_short_row_is_refused_with_its_number(ae_csv, ae_file, cells):
    header, first, *rest = ae_csv(("Y0123", 5, 0), *TWO).replace("HOSPITALS, NHS", "NHS").split("\r\n")
    first = ",".join(first.replace('"', "").split(",")[:cells])
    _refused(ae_file("\r\n".join([header, first, *rest])), "row 2", f"{cells} cells found, at least 22 expected")


def test_a_file_cut_short_has_no_total(ae_file):
    _refused(ae_file(*TWO, total=()), "no total row among 2 rows", "expected exactly one, at the end", "truncated")


def test_every_cut_is_refused(ae_csv, ae_file):
    """A download that stops at any byte before the last cell is no whole file; in it, the checks would show."""
    whole = ae_csv(("RC9", 10, 4)).encode()
    for length in range(whole.index(b"\r\n") + 2, len(whole) - len(",0\r\n")):
        with pytest.raises(SourceError):
            ae_monthly.read(ae_file(whole[:length]))


def test_a_total_in_the_middle_is_refused(ae_csv, ae_file):
    header, first, second, total, _ = ae_csv(*TWO).split("\r\n")
    _refused(ae_file("\r\n".join([header, first, total, second])), "1 total rows among 3 rows")


def test_two_totals_are_refused(ae_csv, ae_file):
    text = ae_csv(*TWO)
    _refused(ae_file(text + _line(text, 4) + "\r\n"), "2 total rows among 4 rows", "joined from several")


def test_a_header_alone_is_refused(ae_csv, ae_file):
    _refused(ae_file(ae_csv(total=())), "no total row among 0 rows")


def test_a_total_alone_is_refused(ae_csv, ae_file):
    _refused(ae_file(ae_csv()), "1 total rows among 1 rows", "after at least one provider")


def test_two_months_in_one_file_are_refused_with_both_rows(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("MARCH-2024,Y0123", "APRIL-2024,Y0123")
    _refused(ae_file(text), "row 3: period 'MSitAE-APRIL-2024', but 'MSitAE-MARCH-2024' in row 2", "one month a file")


def test_a_period_that_differs_in_capitals_is_the_same(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("MSitAE-MARCH-2024,Y0123", "MSITAE-March-2024,Y0123")
    assert _values(ae_monthly.read(ae_file(text)))["Y0123"] == 50


@pytest.mark.parametrize("period", ["MARSH-2024", "2023-24", "", "MARCH-0000", "MARCH-20241"])
def test_a_period_that_is_no_month_is_refused(ae_csv, ae_file, period):
    text = ae_csv(*TWO).replace("MSitAE-MARCH-2024", period)
    _refused(ae_file(text), "column 'Period'", repr(period), "expected for example 'MSitAE-MARCH-2024'")


def test_a_repeated_organisation_is_refused_with_both_rows(ae_file):
    _refused(ae_file(*TWO, ("RC9", 7, 0)), "row 4: organisation 'RC9' again (first in row 2)")


def test_a_provider_with_englands_code_is_refused(ae_file):
    _refused(ae_file(("ENG", 7, 0), ("RC9", 7, 0)), "row 4: organisation 'ENG' again (first in row 2)")


@pytest.mark.parametrize(("cell", "blank"), [(",RC9,", ",,"), ('"RC9 HOSPITALS, NHS TRUST"', " ")])
def test_a_row_without_code_or_name_is_refused(ae_csv, ae_file, cell, blank):
    _refused(ae_file(ae_csv(*TWO).replace(cell, blank)), "row 2: no organisation code or name")


def test_an_empty_file_is_refused(ae_file):
    _refused(ae_file(b""), "column 'Period' is missing (0 columns found")


def test_binary_junk_is_refused(ae_file):
    _refused(ae_file(bytes(range(256)) * 20), "not a text file (expected UTF-8 or Windows-1252)")


def test_junk_after_a_good_header_is_refused(ae_csv, ae_file):
    _refused(ae_file(_line(ae_csv(*TWO), 1).encode() + b"\r\n" + b"\x00\xff\x10" * 200), "row 2")


def test_a_cell_without_end_is_refused(ae_csv, ae_file):
    """An opened quote swallows what follows; Python's reader stops at 131,072 characters."""
    _refused(ae_file(_line(ae_csv(*TWO), 1) + '\r\n"' + "x" * 200_000), "row 2: not CSV (field larger than field limit")


# ---- what does not add up is said, not refused


def test_providers_that_add_up_leave_nothing_to_say(ae_file):
    assert ae_monthly.read(ae_file(*TWO)).checks == []


def test_a_total_that_differs_is_said_metric_by_metric(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("TOTAL,1050,", "TOTAL,1051,")
    assert ae_monthly.read(ae_file(text)).checks == [
        "attendances type 1, March 2024: organisations add up to 1,050, the published total is 1,051"
    ]


def test_a_total_without_figure_has_nothing_to_be_compared_with(ae_csv, ae_file):
    text = ae_csv(*TWO).replace("TOTAL,1050,", "TOTAL,-,")
    read = ae_monthly.read(ae_file(text))
    assert (_values(read)["ENG"], read.checks) == (None, [])


# ---- recognition


@pytest.mark.parametrize("name", ["RTT-April-2026.csv", "holiday.jpg", "x", "ae.xlsx"])
def test_it_is_recognised_by_its_content_whatever_its_name(ae_file, name):
    [found, source] = recognise(ae_file(*TWO, name=name))
    assert (found, source) == ("ae_monthly", ae_monthly)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        bytes(range(256)),
        b"PK\x03\x04 a zip",
        "Period,Org Code,Parent Org,Org name\r\n".encode("utf-16"),
        b"Period,Provider Parent Org Code,Provider Org Code,Treatment Function Code,Gt 00 To 01 Weeks SUM 1\r\n",
        b"Period,Org Code,Parent Org,Org name,Total Beds\r\n",
        b"A&E attendances Type 1,Region\r\n",
        b"Title\r\nPeriod,Org Code,A&E attendances Type 1\r\n",
    ],
)
def test_another_publication_is_not_recognised_whatever_its_name(ae_file, content):
    file = ae_file(content, name="March-2024-revised-130624-abcdef123.csv")
    assert not ae_monthly.recognises(file)
    assert recognise(file) is None


def test_a_file_that_is_not_whole_is_still_recognised_so_that_reading_can_say_why(ae_csv, ae_file):
    assert ae_monthly.recognises(ae_file(_line(ae_csv(*TWO), 1)))
