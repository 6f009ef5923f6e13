"""The real workbooks: five months of providers, one of each layout, and the national time series.

The oracle is the CSV of the same month where there is one, else the workbook's own row and percentage for England.
"""

from datetime import date

import polars as pl
import pytest

from openmeasures import corrections, definitions, parameters, project, tables
from openmeasures.counts import count, roll_up
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.releases import ReleaseStatus
from openmeasures.reviewing.reconcile import Verdict, reconcile
from openmeasures.sources import SourceFile, ae_monthly, ae_time_series, recognise
from openmeasures.store import Store
from openmeasures.tables import Workbook

ANALYSIS = project.root() / "analyses" / "ae_four_hour"
FIELD_TEST_TRUSTS = ["R0D", "RC9", "RDU", "RFR", "RGR", "RGT", "RHU", "RK9", "RNQ", "RQM", "RVW", "RX1", "RXF", "RYJ"]
OVER_FOUR_HOURS = [f"{booked}over_four_hours_type_{kind}" for booked in ("", "booked_") for kind in (1, 2, 3)]
ROUNDS_TO = 1e-9  # cells are read with nine decimals
# What the sheets themselves show: the month, how many providers, and England's percentage within four hours.
WORKBOOKS = {
    "Monthly-AE-April-2019-revised-220720-632O5.xls": (date(2019, 4, 1), 235, 0.851251678),
    "October-2020-AE-by-provider-revised-270421-9U2tp.xls": (date(2020, 10, 1), 217, 0.844280239),
    "June-2022-AE-by-provider-dfTKt-revised-110523.xls": (date(2022, 6, 1), 205, 0.720588175),
    "February-2025-AE-by-provider-WLBzp-revised.xls": (date(2025, 2, 1), 198, 0.734613430),
    "May-26-AE-by-provider-QVPHP.xls": (date(2026, 5, 1), 192, 0.756928670),
}
OLDEST, IN_FIELD_TEST, AFTER_FIELD_TEST, NEWEST = (list(WORKBOOKS)[at] for at in (0, 2, 3, 4))
CSV = {
    IN_FIELD_TEST: "June-2022-revised-110523-ccc333.csv",
    AFTER_FIELD_TEST: "Monthly-AE-February-2025-revised.csv",
}


def _file(path):
    return SourceFile(str(path), path.name, path.read_bytes())


@pytest.fixture(scope="module")
def publications(published):
    return {name: ae_monthly.read(_file(published / "ae-provider-xls" / name)) for name in WORKBOOKS}


@pytest.fixture(scope="module")
def of_csv(published):
    return {name: ae_monthly.read(_file(published / "ae-monthly-csv" / csv)) for name, csv in CSV.items()}


@pytest.fixture(scope="module")
def series(published):
    [path] = (published / "ae-time-series").glob("*.xls")
    return ae_time_series.read(_file(path))


@pytest.fixture(scope="module")
def store(published, tmp_path_factory):
    """A store of every A&E file: CSVs, workbooks and the time series."""
    store = Store(tmp_path_factory.mktemp("published"))
    folders = [published / name for name in ("ae-monthly-csv", "ae-provider-xls", "ae-time-series")]
    assert {outcome.kept for outcome in ingest(folders, store)} == {Kept.ADDED}
    return store


# ---- the provider workbook


def test_each_layout_is_recognised_and_read_whole(published, publications):
    for name, (month, providers, _) in WORKBOOKS.items():
        assert recognise(_file(published / "ae-provider-xls" / name)) == ("ae_monthly", ae_monthly)
        read = publications[name]
        assert read.observations["period_start"].unique().to_list() == [month], name
        assert read.organisations.height == providers, name
        assert read.observations.height == (18 + 4) * (providers + 1), name  # metrics and shares; England


def test_sheets_and_providers_add_up(publications):
    assert {name: read.checks for name, read in publications.items() if read.checks} == {}


@pytest.mark.parametrize("name", list(CSV))
def test_every_figure_is_that_of_the_csv(publications, of_csv, name):
    both = of_csv[name].observations.join(
        publications[name].observations.filter(~pl.col("metric").str.contains("share")),
        on=["org_code", "metric"],
        how="full",
        suffix="_workbook",
    )
    assert both.height == of_csv[name].observations.height
    differing = both.filter(pl.col("value").ne_missing(pl.col("value_workbook")))
    if name == IN_FIELD_TEST:
        assert sorted(differing["org_code"].unique()) == FIELD_TEST_TRUSTS
        assert sorted(differing["metric"].unique()) == sorted(OVER_FOUR_HOURS)
        assert differing.select("value", "status_workbook").unique().rows() == [(0.0, "not_applicable")]
    assert differing.height == (14 * 6 if name == IN_FIELD_TEST else 0)


@pytest.mark.parametrize("name", list(CSV))
def test_every_name_is_that_of_the_csv(publications, of_csv, name):
    named = [read[name].organisations.sort("org_code") for read in (publications, of_csv)]
    of_workbook, of_the_csv = (
        names.select("org_code", "org_name", pl.col("parent_name").str.strip_chars()).rows() for names in named
    )
    assert of_workbook == of_the_csv


def test_attendances_including_booked_ones_are_those_of_the_first_sheet(publications):
    """February 2025: the first sheet says 2,088,071, and the sheet without appointments 2,008,463."""
    england = publications[AFTER_FIELD_TEST].observations.filter(org_code="ENG")
    found = dict(england.select("metric", "value").iter_rows())
    without, booked = (sum(found[f"{kind}attendances_type_{n}"] for n in (1, 2, 3)) for kind in ("", "booked_"))
    assert (without, booked, without + booked) == (2_008_463, 79_608, 2_088_071)


@pytest.mark.parametrize("name", list(WORKBOOKS)[1:])
def test_england_is_the_percentage_that_the_workbook_prints(publications, name):
    _, _, share = WORKBOOKS[name]
    measure = definitions.find("ae_four_hour")
    rows = corrections.apply(publications[name].observations, ANALYSIS).observations
    [england] = roll_up(count(rows, numerator=measure.numerator, denominator=measure.denominator)).rows(named=True)
    assert england["numerator"] / england["denominator"] == pytest.approx(share, abs=ROUNDS_TO)
    [printed] = rows.filter(org_code="ENG", metric="within_four_hours_share")["value"]
    assert printed == share


def test_before_august_2020_the_measure_has_no_figure_and_says_why(publications):
    """Booked appointments were not collected; the waits from decision to admit were."""
    rows = publications[OLDEST].observations
    for measure_id, status in (("ae_four_hour", "not_applicable"), ("ae_twelve_hour_dta", "reported")):
        measure = definitions.find(measure_id)
        counts = count(rows, numerator=measure.numerator, denominator=measure.denominator)
        assert counts["status"].unique().to_list() == [status]
    [found] = rows.filter(org_code="ENG", metric="within_four_hours_share")["value"]
    assert found == 0.851251678
    [late] = rows.filter(org_code="ENG", metric="dta_waits_over_twelve_hours")["value"]
    assert late == 442


def test_the_vintage_is_the_workbooks_own_date(publications):
    assert {name: read.vintage for name, read in publications.items()} == {
        OLDEST: (ReleaseStatus.REVISED, date(2020, 8, 13)),
        list(WORKBOOKS)[1]: (ReleaseStatus.REVISED, date(2021, 5, 13)),
        IN_FIELD_TEST: (ReleaseStatus.REVISED, date(2023, 5, 11)),
        AFTER_FIELD_TEST: (ReleaseStatus.REVISED, date(2025, 5, 21)),
        NEWEST: (ReleaseStatus.PROVISIONAL, date(2026, 6, 11)),
    }


def test_of_csv_and_workbook_of_one_vintage_the_workbook_counts(store):
    """June 2022 was revised on 11 May 2023 in both: the one with more metrics is used."""
    newest = {month: release.file_name for month, release in store.newest("ae_monthly").items()}
    assert {month: newest[month] for month, _, _ in WORKBOOKS.values()} == {
        month: name for name, (month, _, _) in WORKBOOKS.items()
    }


def test_a_workbook_cut_off_is_refused(published):
    file = _file(published / "ae-provider-xls" / OLDEST)
    for share in (0.1, 0.5, 0.9):
        cut = SourceFile("cut.xls", "cut.xls", file.content[: int(share * len(file.content))])
        with pytest.raises(ae_monthly.SourceError, match=r"^cut\.xls"):
            ae_monthly.read(cut)


# ---- the time series


def test_every_calendar_month_is_read(series):
    every = months(date(2015, 6, 1), date(2025, 6, 1))
    assert series.observations["period_start"].unique().sort().to_list() == every
    assert series.observations.height == 24 * len(every) + 6 * len(months(date(2020, 8, 1), date(2025, 6, 1)))
    assert series.observations["status"].unique().to_list() == ["reported"]
    assert series.checks == []


@pytest.mark.parametrize(
    ("month", "metric", "figure"),
    [
        (date(2024, 3, 1), "within_four_hours_share", 0.743452615),
        (date(2024, 3, 1), "attendances_with_booked", 2_370_221),
        (date(2024, 3, 1), "dta_waits_over_twelve_hours", 42_972),
        (date(2020, 8, 1), "booked_attendances_type_1", 1_401),
        (date(2019, 4, 1), "attendances_with_booked", 2_112_165),
    ],
)
def test_figures_are_those_that_the_sheets_show(series, month, metric, figure):
    [found] = series.observations.filter(period_start=month, metric=metric)["value"]
    assert found == pytest.approx(figure, abs=ROUNDS_TO)


@pytest.mark.parametrize(("month", "percent"), [(date(2024, 3, 1), 74.345), (date(2021, 4, 1), 85.357)])
def test_the_share_is_the_published_headline(series, month, percent):
    [found] = series.observations.filter(period_start=month, metric="within_four_hours_share")["value"]
    assert round(100 * found, 3) == percent


def test_types_add_up_to_the_total_in_every_month(series):
    wide = series.observations.pivot(on="metric", index="period_start", values="value")
    for total in ("attendances_with_booked", "within_four_hours_with_booked", "over_four_hours_with_booked"):
        parts = pl.sum_horizontal(f"{total}_type_{kind}" for kind in (1, 2, 3))
        assert wide.filter((parts - pl.col(total)).abs() > ROUNDS_TO).height == 0


def test_the_workbooks_that_were_not_revised_since_have_its_figures(publications, series):
    """Every figure that both have; and the sum of walk-in and booked attendances."""
    shared = set()
    for name, (month, _, _) in WORKBOOKS.items():
        if name == NEWEST:
            continue
        of_series = series.observations.filter(period_start=month)
        england = publications[name].observations.filter(org_code="ENG")
        both = england.drop_nulls("value").join(of_series, on="metric", suffix="_series")
        shared |= set(both["metric"])
        assert both.filter((pl.col("value") - pl.col("value_series")).abs() > ROUNDS_TO).height == 0, name
        attended = england.filter(pl.col("metric").str.contains("attendances_type"))["value"].sum()
        assert of_series.filter(metric="attendances_with_booked")["value"].to_list() == [attended]
    assert len(shared) == 4 + 1 + 4 + 6  # admissions, twelve-hour waits, shares, booked appointments


# ---- our figures beside both


@pytest.mark.parametrize("measure_id", ["ae_four_hour", "ae_twelve_hour_dta"])
def test_nothing_is_unexplained(store, measure_id):
    found = reconcile(definitions.find(measure_id), store)
    assert found.filter(verdict=Verdict.UNEXPLAINED).height == 0
    differing = found.filter(pl.col("verdict") == Verdict.EXPLAINED, pl.col("published_in").str.contains("time series"))
    assert set(differing["period_start"]) == {date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 1)}


@pytest.mark.parametrize("name", WORKBOOKS)
def test_every_provider_is_in_a_system_of_the_workbook(publications, name):
    named = publications[name].organisations["system_code"]
    assert (named.null_count(), named.n_unique()) == (0, 36 if name == NEWEST else 42)


def test_every_system_has_the_figures_of_the_workbooks_own_sheet(published, store):
    """Attendances, and those within four hours, of all 36 systems in May 2026."""
    cells = Workbook((published / "ae-provider-xls" / NEWEST).read_bytes(), place=NEWEST).cells("System Level Data")
    headings = {"Code": "org_code", "Total Attendances < 4 hours": "within", "Total attendances": "attended"}
    found = tables.find(cells, headings, place=NEWEST).filter(pl.col("org_code") != "-")
    sheet = {code: (float(within), float(of)) for code, within, of in found.select(*headings.values()).iter_rows()}
    measure = definitions.find("ae_four_hour")
    run = parameters.check(measure, org_code="QUY", period_to="2026-05", data=str(store.folder))
    rows = count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)
    latest = rows.filter(period_start=run.period_to).select("org_code", "numerator", "denominator")
    ours = {code: (within, of) for code, within, of in latest.iter_rows()}
    assert (len(ours), ours) == (36, sheet)
    assert ours["QUY"] == (28_935, 38_506)
    assert run.kind == "system of 3 organisations in these figures, added up"


def test_a_month_is_the_same_whether_read_from_csv_or_workbook(publications, of_csv):
    measure = definitions.find("ae_four_hour")
    for name in CSV:
        percent = []
        for read in (publications, of_csv):
            rows = corrections.apply(read[name].observations, ANALYSIS).observations
            counts = count(rows, numerator=measure.numerator, denominator=measure.denominator)
            percent.append(counts.sort("org_code").rows())
        assert percent[0] == percent[1]
