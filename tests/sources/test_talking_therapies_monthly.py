import io
from datetime import date, datetime

import polars as pl
import pytest
import xlsxwriter

from openmeasures.errors import SourceError
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, recognise, talking_therapies_monthly

# Typed from the publication, in its order.
HEADINGS = [
    "CCG Code",
    "CCG Name",
    "Provider Code",
    "Provider Name",
    "Group Type",
    "Month / Year",
    "Referrals Received",
    "First Treatment",
    "Ended Referrals",
    "Finished a Course of Treatment",
    "First Treatment within 6 weeks Finished a Course of Treatment",
    "First Treatment within 18 weeks Finished a Course of Treatment",
    "Recovery rate",
    "Improvement rate",
    "Reliable Recovery rate",
]
EVERYONE, EVERYWHERE = ("all", "all Providers"), ("all", "all CCGs")
OURS = ("RXT", "BIRMINGHAM MENTAL HEALTH TRUST")
MARCH, APRIL = datetime(2019, 3, 1), datetime(2019, 4, 1)
EXACT = (1_202, 902, 1_101, 402, 88.6, 98.8, 53.6, 68.4, 51.1)
ROUNDED = (1_200, 900, 1_100, 400, 89, 99, 54, 68, 51)
ENGLAND = (*EVERYWHERE, *EVERYONE, "England", MARCH, *EXACT)
PROVIDER = (*EVERYWHERE, *OURS, "Provider", MARCH, *ROUNDED)
COMMISSIONER = ("15E", "NHS BIRMINGHAM CCG", *EVERYONE, "CCG", MARCH, *ROUNDED)
PAIR = ("15E", "NHS BIRMINGHAM CCG", *OURS, "CCG/Provider", MARCH, *ROUNDED)


def _file(
    *rows, headings=HEADINGS, title=("IAPT", "", "Publication date: 14 May 2020"), sheet="Table 1", heading_line=7
):
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "mmm-yy"}) as book:
        book.add_worksheet("Title sheet").write_column(0, 0, title)
        table = book.add_worksheet(sheet)
        table.write(0, 0, "Return to Contents")
        table.write_row(heading_line, 0, headings)
        for line, row in enumerate(rows, start=heading_line + 1):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    table.write_datetime(line, column, cell)
                else:
                    table.write(line, column, cell)
    return SourceFile("folder/feb.xlsx", "feb.xlsx", content.getvalue())


def _read(*rows, **layout):
    return talking_therapies_monthly.read(_file(*rows, **layout))


def _changed(row, **cells):
    """Return a row with some cells changed, by heading without spaces."""
    places = {heading.replace(" ", "").replace("/", ""): place for place, heading in enumerate(HEADINGS)}
    changed = list(row)
    for name, cell in cells.items():
        changed[places[name]] = cell
    return changed


def test_it_is_recognised_by_its_headings_wherever_they_stand():
    file = _file(ENGLAND, sheet="Another name", heading_line=3)
    assert recognise(file) == ("talking_therapies_monthly", talking_therapies_monthly)
    other = _file(headings=["Org Code", "Org Name", "Total"])
    assert not talking_therapies_monthly.recognises(other)
    assert not talking_therapies_monthly.recognises(SourceFile("a.csv", "a.csv", ",".join(HEADINGS).encode()))


def test_each_figure_of_england_and_of_providers_is_read_once():
    found = _read(ENGLAND, COMMISSIONER, PROVIDER, PAIR)
    Observations.validate(found.observations)
    Organisations.validate(found.organisations)
    metrics = [*talking_therapies_monthly.METRICS.values()]
    assert found.observations.height == 2 * len(metrics)
    for code, figures in (("ENG", EXACT), ("RXT", ROUNDED)):
        wide = dict(found.observations.filter(org_code=code).select("metric", "value").iter_rows())
        assert [wide[metric] for metric in metrics] == list(figures)
    assert found.observations["period_end"].unique().to_list() == [date(2019, 3, 31)]
    assert found.organisations.select("org_code", "org_name").rows() == [OURS]
    assert found.checks == []


@pytest.mark.parametrize(("mark", "status"), [("*", "suppressed"), ("-", "not_applicable"), ("", "not_submitted")])
def test_a_mark_is_no_figure(mark, status):
    found = _read(ENGLAND, _changed(PROVIDER, Improvementrate=mark)).observations
    [row] = found.filter(org_code="RXT", metric="reliable_improvement_percent").select("value", "status").rows()
    assert row == (None, status)


def test_group_types_are_compared_without_regard_to_capitals():
    found = _read(_changed(ENGLAND, GroupType="ENGLAND"), _changed(PROVIDER, GroupType="provider"))
    assert sorted(found.observations["org_code"].unique()) == ["ENG", "RXT"]


@pytest.mark.parametrize(
    ("title", "vintage"),
    [
        (["Publication date: 14 May 2020"], Vintage(ReleaseStatus.PROVISIONAL, date(2020, 5, 14))),
        (["Publication date: soon"], None),
        (["No date"], None),
    ],
)
def test_the_title_sheet_says_when_it_was_published(title, vintage):
    assert _read(ENGLAND, PROVIDER, title=title).vintage == vintage


@pytest.mark.parametrize(
    ("finished", "is_said"),
    [(402, False), (400, False), (399.5, False), (397, True), (407, True), (406.5, False)],  # 400 ± 2.5, and 4 hidden
)
def test_what_rounding_and_suppression_do_not_explain_is_said(finished, is_said):
    hidden = _changed(PROVIDER, ProviderCode="RYY", FinishedaCourseofTreatment="*", ReferralsReceived=0)
    england = _changed(ENGLAND, FinishedaCourseofTreatment=finished, FirstTreatment=1_800, EndedReferrals=2_200)
    expected = [
        f"finished courses, March 2019: providers add up to 400, England has {finished:,.0f}; rounding and suppression "
        "explain less"
    ]
    assert _read(england, PROVIDER, hidden).checks == (expected if is_said else [])


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([ENGLAND, _changed(PROVIDER, GroupType="STP")], "row 10: found group type 'stp' with commissioner 'all'"),
        ([ENGLAND, _changed(PROVIDER, CCGCode="15E")], "row 10: found group type 'provider' with commissioner '15E'"),
        ([PROVIDER], "no row of England for March 2019"),
        ([ENGLAND, PROVIDER, _changed(PROVIDER, MonthYear=APRIL)], "no row of England for April 2019"),
        ([ENGLAND, PROVIDER, PROVIDER], "organisation 'RXT' has"),
        ([ENGLAND, _changed(PROVIDER, Recoveryrate=101)], "'RXT' has 101.0 for recovery percent in March 2019"),
        ([ENGLAND, _changed(PROVIDER, Recoveryrate="?")], "row 10, recovery percent: found '?'"),
        ([ENGLAND, _changed(PROVIDER, MonthYear="March")], "row 10, Month: found 'March'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(rows, named):
    with pytest.raises(SourceError) as raised:
        _read(*rows)
    assert "folder/feb.xlsx" in str(raised.value)
    assert named in str(raised.value)


def test_a_missing_heading_is_named():
    with pytest.raises(SourceError, match="Recovery rate"):
        _read(headings=[heading if heading != "Recovery rate" else "Rate" for heading in HEADINGS])


@pytest.mark.parametrize("content", [b"not a workbook", None])
def test_another_file_is_refused(content):
    file = _file(headings=["Org Code"]) if content is None else SourceFile("folder/a.csv", "a.csv", content)
    with pytest.raises(SourceError, match="no sheet with the headings"):
        talking_therapies_monthly.read(file)


def test_months_stand_beside_each_other():
    found = _read(ENGLAND, _changed(ENGLAND, MonthYear=APRIL), PROVIDER, _changed(PROVIDER, MonthYear=APRIL))
    assert found.observations.group_by("period_start").len().sort("period_start").rows() == [
        (date(2019, 3, 1), 18),
        (date(2019, 4, 1), 18),
    ]
    assert found.organisations.select(pl.col("period_start").n_unique()).item() == 2
