"""The real workbook: every figure is read, services add up to England, and means are what its visible sheet shows.

The oracles are the sheet `Raw` by plain arithmetic, without the reader, and the visible sheet `Response times`, whose
formulas show England in the file as published.
"""

from datetime import date, datetime
from itertools import pairwise

import fastexcel
import polars as pl
import pytest

from openmeasures import corrections, project
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import MONTH_NAMES, months
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.sources import SourceFile, ambulance_systems, recognise
from openmeasures.store import Store

SERVICES = ["R1F", "RRU", "RX6", "RX7", "RX8", "RX9", "RYA", "RYC", "RYD", "RYE", "RYF"]
REGIONS = ["Y59", "Y60", "Y63"]  # those of more than one service
EVERY_MONTH = months(date(2017, 8, 1), date(2025, 8, 1))
# Count, total, mean and 90th centile, by the names that our metrics begin with.
CATEGORIES = {
    "category_1": ("A8", "A24", "A25", "A26"),
    "category_1_transport": ("A9", "A27", "A28", "A29"),
    "category_2": ("A10", "A30", "A31", "A32"),
    "category_3": ("A11", "A33", "A34", "A35"),
    "category_4": ("A12", "A36", "A37", "A38"),
}
# The month in which each service began, as the sheet `Introduction` says; until then the workbook has zeros.
BEGAN = {
    "RX9": date(2017, 8, 1),
    "RX7": date(2017, 8, 1),
    "RX8": date(2017, 9, 1),
    "RYA": date(2017, 9, 1),
    "RX6": date(2017, 11, 1),
    "RYC": date(2017, 11, 1),
    "RRU": date(2017, 11, 1),
    "RYE": date(2017, 11, 1),
    "RYF": date(2017, 11, 1),
    "RYD": date(2017, 12, 1),
    "R1F": date(2018, 4, 1),
}
CORRECTED = ("incidents", "response_time_seconds", "90th_centile_seconds")
# Means that differ by more than rounding from total over incidents, in seconds; nothing in the workbook says why.
UNLIKE = {
    ("RYC", date(2017, 11, 1), "category_2"): 1,
    ("RYC", date(2017, 11, 1), "category_3"): 4,
    ("RYC", date(2017, 11, 1), "category_4"): 2,
    ("RYC", date(2017, 12, 1), "category_1_transport"): 1,
    ("RYC", date(2017, 12, 1), "category_2"): 1,
    ("RYC", date(2017, 12, 1), "category_3"): 7,
    ("RYC", date(2017, 12, 1), "category_4"): 2,
    ("RYF", date(2017, 12, 1), "category_1_transport"): 1,
    ("RYF", date(2017, 12, 1), "category_3"): 1,
    ("RYF", date(2017, 12, 1), "category_4"): 1,
}


@pytest.fixture(scope="module")
def path(published):
    [path] = (published / "ambulance-ambsys").glob("*.xlsx")
    return path


@pytest.fixture(scope="module")
def publication(path):
    return ambulance_systems.read(SourceFile(str(path), path.name, path.read_bytes()))


@pytest.fixture(scope="module")
def figures(publication):
    """The reader's figures by area, month and metric."""
    found = {}
    rows = publication.observations.select("org_code", "period_start", "metric", "value").iter_rows()
    for code, month, metric, value in rows:
        found.setdefault((code, month), {})[metric] = value
    return found


@pytest.fixture(scope="module")
def raw(path):
    """The sheet's cells by area, month and indicator, without the reader."""
    sheet = fastexcel.read_excel(path).load_sheet("Raw", header_row=None, dtypes="string").to_polars()
    headings = sheet.row(4)
    area = headings.index("Area")
    names = [name.upper() for name in MONTH_NAMES]
    found = {}
    for row in sheet.rows()[5:]:
        if row[area]:
            year, month = int(row[1][:4]), names.index(row[2]) + 1
            first = date(year + (month < 4), month, 1)
            assert (row[area], first) not in found
            found[row[area], first] = dict(zip(headings, row, strict=True))
    return found


@pytest.fixture(scope="module")
def shown(path):
    """What the visible sheet shows for England: seconds and counts by month and indicator."""
    rows = fastexcel.read_excel(path).load_sheet("Response times", header_row=None, dtypes="string").to_polars().rows()
    [codes] = [row for row in rows if "A31" in row]
    figures = [codes.index(code) for category in CATEGORIES.values() for code in category]
    names = [name.casefold() for name in MONTH_NAMES]
    found = {}
    for row in rows[rows.index(codes) + 1 :]:
        if row[1] and row[3] and row[codes.index("A31")] != "-":
            month = names.index(row[3].casefold()) + 1
            first = date(int(row[1][:4]) + (month < 4), month, 1)
            found[first] = {codes[at]: _seconds(row[at]) for at in figures}
    return found


def _seconds(cell):
    """Return a count as it is, and a time of day, which Excel counts from the last day of 1899, in seconds."""
    if " " not in cell:
        return float(cell)
    return (datetime.fromisoformat(cell) - datetime(1899, 12, 31)).total_seconds()


def _number(cell):
    return None if cell == "-" else float(cell)


# ---- reading


def test_it_is_recognised_and_kept(path, tmp_path):
    store = Store(tmp_path)
    [outcome] = ingest([path], store)
    assert (outcome.kept, outcome.source, outcome.message) == (Kept.ADDED, "ambulance_systems", "")
    [release] = store.releases()
    assert release.periods == EVERY_MONTH
    assert (release.period_end, release.synthetic) == (date(2025, 8, 31), False)
    assert store.observations("ambulance_systems").height == 97 * (11 + 1) * 19


def test_no_other_published_file_is_taken_for_this_one(published):
    others = [path for path in published.rglob("*") if path.is_file() and path.parent.name != "ambulance-ambsys"]
    assert len(others) > 17  # collections
    for path in others:
        file = SourceFile(str(path), path.name, path.read_bytes())
        assert ambulance_systems.recognises(file) is False, path


def test_it_is_nobody_elses(path):
    name, _ = recognise(SourceFile(str(path), path.name, path.read_bytes()))
    assert name == "ambulance_systems"


def test_it_was_published_on_11_september_2025(publication):
    assert publication.vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2025, 9, 11))


def test_every_figure_is_the_sheets(figures, raw):
    areas = {key: cells for key, cells in raw.items() if key[0] not in REGIONS}
    assert figures.keys() == areas.keys()
    for key, cells in areas.items():
        expected = {metric: _number(cells[code]) for code, metric in ambulance_systems.METRICS.items()}
        assert figures[key] == expected, key


def test_every_service_has_a_row_in_every_month(figures):
    assert sorted(figures) == sorted((code, month) for code in ("ENG", *SERVICES) for month in EVERY_MONTH)


def test_the_west_midlands_have_had_two_names_and_one_code(publication):
    names = publication.organisations.filter(pl.col("org_code") == "RYA").sort("period_start")
    rows = list(names.select("org_name", "period_start").iter_rows())
    changes = [later for earlier, later in pairwise(rows) if earlier[0] != later[0]]
    assert changes == [("WEST MIDLANDS AMBULANCE SERVICE UNIVERSITY NHS FOUNDATION TRUST", date(2019, 10, 1))]


def test_services_have_their_regions(publication):
    latest = publication.organisations.filter(pl.col("period_start") == EVERY_MONTH[-1])
    assert dict(latest.select("org_code", "parent_name").iter_rows()) == {
        "R1F": "South East",
        "RRU": "London",
        "RX6": "North East and Yorkshire",
        "RX7": "North West",
        "RX8": "North East and Yorkshire",
        "RX9": "Midlands",
        "RYA": "Midlands",
        "RYC": "East of England",
        "RYD": "South East",
        "RYE": "South East",
        "RYF": "South West",
    }


# ---- what is not there


def test_london_has_no_response_times_in_two_months(publication):
    absent = publication.observations.filter(pl.col("status") != "reported")
    assert absent.select("org_code", "status").unique().rows() == [("RRU", "not_submitted")]
    assert absent["period_start"].unique().sort().to_list() == [date(2022, 10, 1), date(2022, 11, 1)]
    assert absent["metric"].n_unique() == absent.height / 2 == 15


@pytest.mark.parametrize("metric", [metric for metric in ambulance_systems.METRICS.values() if metric != "incidents"])
def test_a_service_has_zeros_until_it_begins_and_never_after(figures, metric):
    zeros = {code: [m for m in EVERY_MONTH if figures[code, m][metric] == 0] for code in SERVICES}
    assert zeros == {code: [m for m in EVERY_MONTH if m < began] for code, began in BEGAN.items()}


def test_all_incidents_of_the_north_west_are_zero_for_two_months_more(figures):
    zeros = [month for month in EVERY_MONTH if figures["RX7", month]["incidents"] == 0]
    assert zeros == [date(2017, 8, 1), date(2017, 9, 1)]


# ---- adding up


def test_services_add_up_to_england(publication):
    assert publication.checks == []


def test_services_add_up_to_england_and_regions_by_plain_arithmetic_too(raw):
    summed = [code for code, metric in ambulance_systems.METRICS.items() if "centile" not in metric]
    assert len(summed) == 14
    for month in EVERY_MONTH:
        for code in summed:
            of = {area: _number(raw[area, month][code]) or 0 for area in (*SERVICES, *REGIONS, "ENG")}
            assert sum(of[area] for area in SERVICES) == of["ENG"], (month, code)
            for region in REGIONS:
                assert sum(of[a] for a in SERVICES if raw[a, month]["Reg"] == region) == of[region], (month, code)


# ---- means and centiles


def test_englands_means_are_what_the_visible_sheet_shows(figures, shown):
    """Shown in whole seconds for single months, so at most half a second away."""
    assert sorted(shown) == EVERY_MONTH
    for month, cells in shown.items():
        england = figures["ENG", month]
        for category, (count, total, mean, _) in CATEGORIES.items():
            incidents, seconds = england[f"{category}_incidents"], england[f"{category}_response_time_seconds"]
            assert cells[count] == incidents
            assert cells[total] * 3600 == pytest.approx(seconds, abs=0.01)
            assert abs(seconds / incidents - cells[mean]) <= 0.5, (month, category)


def test_englands_centiles_are_what_the_visible_sheet_shows(figures, shown):
    for month, cells in shown.items():
        for category, (*_, centile) in CATEGORIES.items():
            assert cells[centile] == figures["ENG", month][f"{category}_90th_centile_seconds"], (month, category)


def test_services_means_are_the_published_ones_but_for_ten(figures, raw):
    unlike = {}
    for (code, month), cells in raw.items():
        for category, (_, _, mean, _) in CATEGORIES.items():
            incidents = figures.get((code, month), {}).get(f"{category}_incidents")
            if incidents:
                computed = figures[code, month][f"{category}_response_time_seconds"] / incidents
                if abs(computed - float(cells[mean])) > 0.5:
                    unlike[code, month, category] = round(abs(computed - float(cells[mean])))
    assert unlike == UNLIKE


@pytest.mark.parametrize("category", CATEGORIES)
def test_englands_centile_is_the_mean_of_services_centiles_weighted_by_incidents(figures, category):
    """It is no centile of all responses in England, which nobody could compute from what services send."""
    for month in EVERY_MONTH:
        pairs = [
            (figures[code, month][f"{category}_incidents"], figures[code, month][f"{category}_90th_centile_seconds"])
            for code in SERVICES
        ]
        sent = [(count, centile) for count, centile in pairs if count]
        weighted = sum(count * centile for count, centile in sent) / sum(count for count, _ in sent)
        assert abs(weighted - figures["ENG", month][f"{category}_90th_centile_seconds"]) <= 0.5, month


def _mean(figures, category, of):
    """Return England's mean over some months as minutes and whole seconds."""
    england = [figures["ENG", month] for month in of]
    seconds = sum(month[f"{category}_response_time_seconds"] for month in england)
    return divmod(round(seconds / sum(month[f"{category}_incidents"] for month in england)), 60)


@pytest.mark.parametrize(
    ("category", "first", "last", "quoted"),
    [
        # NHS England, Delivery plan for recovery urgent and emergency care: progress update and next steps (May 2024)
        ("category_2", date(2023, 4, 1), date(2024, 3, 1), (36, 23)),
        # Written answer 72932 to the House of Commons (2025)
        ("category_1", date(2025, 7, 1), date(2025, 7, 1), (7, 56)),
        ("category_2", date(2025, 7, 1), date(2025, 7, 1), (28, 40)),
        ("category_1", date(2024, 7, 1), date(2024, 7, 1), (8, 15)),
        ("category_2", date(2024, 7, 1), date(2024, 7, 1), (33, 24)),
    ],
)
def test_englands_means_are_those_quoted_elsewhere(figures, category, first, last, quoted):
    assert _mean(figures, category, months(first, last)) == quoted


def test_england_in_the_latest_month(figures):
    august = EVERY_MONTH[-1:]
    assert (_mean(figures, "category_1", august), _mean(figures, "category_2", august)) == ((7, 47), (27, 3))
    centiles = [figures["ENG", august[0]][f"category_{which}_90th_centile_seconds"] for which in (1, 2)]
    assert centiles == [13 * 60 + 56, 54 * 60 + 45]


def test_the_18_minutes_of_category_2_were_met_in_a_few_months_of_the_pandemic_only(figures):
    met = [month for month in EVERY_MONTH if _mean(figures, "category_2", [month]) <= (18, 0)]
    assert met == [date(2020, 5, 1), date(2020, 6, 1), date(2020, 7, 1)]


# ---- corrections


@pytest.fixture(scope="module")
def corrected(publication):
    folder = project.root() / "analyses" / "ambulance_category_2"
    return corrections.apply(publication.observations, folder)


def test_no_zero_from_before_a_service_began_is_left(corrected):
    """Of the corrected metrics there is no zero in any month, and those that went are in the months before."""
    metrics = [f"category_{which}_{figure}" for which in (1, 2) for figure in CORRECTED]
    mine = corrected.observations.filter(pl.col("metric").is_in(metrics))
    assert mine.filter(value=0).is_empty()
    gone = mine.filter(status="not_applicable").select("org_code", "period_start", "metric").rows()
    before = [(code, month) for code in SERVICES for month in EVERY_MONTH if month < BEGAN[code]]
    assert len(before) == 29
    assert sorted(gone) == sorted((*each, metric) for each in before for metric in metrics)


def test_england_is_what_it_was(publication, corrected):
    """Zeros added nothing, so that England's sums, and its own row, are the same without them."""
    for observations in (publication.observations, corrected.observations):
        assert observations.filter(pl.col("org_code") != "ENG", metric="category_2_incidents")["value"].sum() == (
            observations.filter(org_code="ENG", metric="category_2_incidents")["value"].sum()
        )
