import io
from datetime import date, datetime

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, recognise, rtt_overview

TITLE = "Title: Referral to Treatment (RTT) Waiting Times, England"
EST = " with estimates for missing data"
# Typed from the publication, in its order.
INCOMPLETE = [
    "Median wait (weeks)",
    "92nd percentile (weeks)",
    "No. within 18 weeks",
    "No. within 18 weeks" + EST,
    "% within 18 weeks",
    "No. > 18 weeks",
    "No. > 18 weeks" + EST,
    "No. > 52 weeks",
    "No. > 52 weeks" + EST,
    "% > 52 weeks",
    "No. > 65 weeks",
    "No. > 65 weeks" + EST,
    "No. > 78 weeks",
    "No. > 78 weeks" + EST,
    "No. > 104 weeks",
    "No. > 104 weeks" + EST,
    "Total waiting (mil)",
    "Total waiting (mil)" + EST,
]
COMPLETED = ["Median wait (weeks)", "95th percentile (weeks)", "No. within 18 weeks", "No. > 52 weeks"]
COMPLETED += ["No. of pathways (all)", "No. of pathways (all)" + EST]
NEW = ["No. of new RTT periods", "No. of new RTT periods" + EST]
GROUPS = [
    ("Incomplete RTT pathways", INCOMPLETE),
    ("Admitted (unadjusted) RTT pathways", COMPLETED),
    ("Non-Admitted RTT pathways", COMPLETED),
    ("New RTT periods", [*NEW, ""]),
    ("Admitted (adjusted) RTT pathways", COMPLETED[:5]),
]
UPPER = ["Year", "Month"] + [text for group, names in GROUPS for text in (group, *[""] * (len(names) - 1))]
LOWER = ["", "", *(name for _, names in GROUPS for name in names)]
FIGURES = 18 + 6 + 6 + 2


def _line(year, month, *figures, adjusted="-"):
    """Write a month; without figures each column has its own number."""
    given = figures or tuple(range(1, FIGURES + 1))
    return [year, month, *given, "", *[adjusted] * 5]


def _file(*lines, title=TITLE, sheet="Full Time Series", upper=UPPER, lower=LOWER):
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.add_worksheet("Sheet1").write(0, 0, 0.83)
        page = book.add_worksheet(sheet)
        dates = book.add_format({"num_format": "mmm-yy"})
        page.write(1, 0, title)
        for number, cells in enumerate([upper, lower, *lines], start=8):
            for column, cell in enumerate(cells):
                if isinstance(cell, datetime):
                    page.write_datetime(number, column, cell, dates)
                elif cell != "":
                    page.write(number, column, cell)
    return SourceFile("folder/overview.xlsx", "overview.xlsx", content.getvalue())


MARCH, APRIL = datetime(2023, 3, 1), datetime(2023, 4, 1)


def _values(file):
    read = rtt_overview.read(file).observations
    return dict(read.select("metric", "value").iter_rows())


def _refused(file, message):
    with pytest.raises(SourceError) as refusal:
        rtt_overview.read(file)
    assert str(refusal.value) == f"folder/overview.xlsx{message}"


def test_the_workbook_is_recognised():
    assert recognise(_file())[0] == "rtt_overview"


@pytest.mark.parametrize(
    "file",
    [
        _file(title="Title: Diagnostics, England"),
        _file(sheet="Time Series"),
        SourceFile("x", "x.csv", b"Full Time Series"),
        SourceFile("x", "x.xlsx", b"PK\x03\x04 and no workbook"),
        SourceFile("x", "x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no workbook"),
    ],
)
def test_other_files_are_not(file):
    assert rtt_overview.recognises(file) is False


@pytest.mark.parametrize("file", [_file(sheet="Time Series"), SourceFile("folder/overview.xlsx", "x.csv", b"")])
def test_other_files_are_refused(file):
    _refused(
        file,
        ": no sheet 'full time series' under the title 'Title: Referral to Treatment (RTT) Waiting Times, '; expected "
        "both. Download the file again.",
    )


def test_every_heading_has_a_metric_of_its_own():
    """Each column has its own number, so that two swapped headings would show."""
    assert _values(_file(_line("2023/24", APRIL))) == {
        "incomplete_pathways_median_wait_weeks": 1,
        "incomplete_pathways_92nd_percentile_wait_weeks": 2,
        "incomplete_pathways_within_18_weeks": 3,
        "incomplete_pathways_within_18_weeks_with_estimates": 4,
        "incomplete_pathways_within_18_weeks_share": 5,
        "incomplete_pathways_over_18_weeks": 6,
        "incomplete_pathways_over_18_weeks_with_estimates": 7,
        "incomplete_pathways_over_52_weeks": 8,
        "incomplete_pathways_over_52_weeks_with_estimates": 9,
        "incomplete_pathways_over_52_weeks_share": 10,
        "incomplete_pathways_over_65_weeks": 11,
        "incomplete_pathways_over_65_weeks_with_estimates": 12,
        "incomplete_pathways_over_78_weeks": 13,
        "incomplete_pathways_over_78_weeks_with_estimates": 14,
        "incomplete_pathways_over_104_weeks": 15,
        "incomplete_pathways_over_104_weeks_with_estimates": 16,
        "incomplete_pathways": 17,
        "incomplete_pathways_with_estimates": 18,
        "completed_admitted_pathways_median_wait_weeks": 19,
        "completed_admitted_pathways_95th_percentile_wait_weeks": 20,
        "completed_admitted_pathways_within_18_weeks": 21,
        "completed_admitted_pathways_over_52_weeks": 22,
        "completed_admitted_pathways": 23,
        "completed_admitted_pathways_with_estimates": 24,
        "completed_non_admitted_pathways_median_wait_weeks": 25,
        "completed_non_admitted_pathways_95th_percentile_wait_weeks": 26,
        "completed_non_admitted_pathways_within_18_weeks": 27,
        "completed_non_admitted_pathways_over_52_weeks": 28,
        "completed_non_admitted_pathways": 29,
        "completed_non_admitted_pathways_with_estimates": 30,
        "new_rtt_periods": 31,
        "new_rtt_periods_with_estimates": 32,
    }


def test_the_year_stands_on_its_first_month_only():
    read = rtt_overview.read(_file(_line("2022/23", MARCH), _line("", APRIL))).observations
    assert read.select("period_start", "period_end").unique(maintain_order=True).sort("period_start").rows() == [
        (date(2023, 3, 1), date(2023, 3, 31)),
        (date(2023, 4, 1), date(2023, 4, 30)),
    ]


def test_marks_are_no_figures_and_zero_is_one():
    file = _file(_line("", APRIL, "52+", "-", "", 0, *["104+"] * (FIGURES - 4)))
    read = rtt_overview.read(file).observations
    found = dict(read.select("metric", pl.struct("value", "status")).iter_rows())
    assert [tuple(found[metric].values()) for metric in list(rtt_overview.METRICS.values())[:2]] == [
        (None, "not_applicable"),
        (None, "not_applicable"),
    ]
    assert tuple(found["incomplete_pathways_within_18_weeks"].values()) == (None, "not_submitted")
    assert tuple(found["incomplete_pathways_within_18_weeks_with_estimates"].values()) == (0.0, "reported")
    assert tuple(found["new_rtt_periods"].values()) == (None, "not_applicable")


def test_months_to_come_and_notes_are_left_alone():
    lines = [_line("", MARCH), _line("", APRIL, *[""] * FIGURES), ["Notes:"], ["1. Median and percentile times"]]
    assert rtt_overview.read(_file(*lines)).observations["period_start"].unique().to_list() == [date(2023, 3, 1)]


def test_the_frames_follow_their_schemas():
    file = _file(_line("", APRIL))
    read = rtt_overview.read(file)
    assert Observations.is_valid(read.observations)
    assert Organisations.is_valid(read.organisations)
    assert read.organisations.rows() == [("ENG", "England", "", None, date(2023, 4, 1), file.sha256)]
    assert read.observations.select("source", "org_code", "breakdown", "release").unique().rows() == [
        ("rtt_overview", "ENG", "", file.sha256)
    ]


def test_a_missing_heading_is_named():
    _refused(
        _file(lower=[name.replace("% within 18 weeks", "% in 18 weeks") for name in LOWER]),
        ", sheet 'Full Time Series': no row has all 33 headings; the likeliest lacks 1 of them, first 'Incomplete RTT "
        "pathways | % within 18 weeks'. Did you mean 'incomplete rtt pathways | no. within 18 weeks'? Download the "
        "file again, or tell us that its layout has changed.",
    )


@pytest.mark.parametrize(("cell", "shown"), [("Apr-23", "Apr-23"), (datetime(2023, 4, 30), "2023-04-30 00:00:00")])
def test_a_month_that_is_none_is_refused(cell, shown):
    _refused(
        _file(_line("", MARCH), _line("", cell)),
        f", sheet 'Full Time Series', row 12, Month: found {shown!r}, expected the first day of a month. Download the "
        "file again, or tell the publisher.",
    )


def test_a_month_given_twice_is_refused():
    _refused(
        _file(_line("", APRIL), _line("", APRIL)),
        ", sheet 'Full Time Series': organisation 'ENG' has incomplete pathways median wait weeks twice for April "
        "2023; expected once. Download the file again.",
    )


def test_a_cell_that_is_no_number_is_refused():
    _refused(
        _file(_line("", APRIL, "about 14", *range(FIGURES - 1))),
        ", sheet 'Full Time Series', row 11, incomplete pathways median wait weeks: found 'about 14', expected a "
        "number or one of '', '-', '*', '52+', '104+'. Download the file again, or tell the publisher.",
    )
