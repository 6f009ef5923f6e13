import csv
import hashlib
import io
import re
import shutil
import time
import zipfile
from datetime import date
from statistics import mean

import fastexcel
import polars as pl
import pytest

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.methods import spc
from openmeasures.periods import MONTH_NAMES, months
from openmeasures.sample import ambulance_services as services
from openmeasures.sample import ambulance_systems as sample
from openmeasures.sample import organisations as sample_organisations
from openmeasures.sample.workbooks import stored
from openmeasures.sources import SourceFile, ambulance_systems

PUBLISHED = project.root().parent / "shared" / "data" / "published"
needs_published_data = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published data in {PUBLISHED}")
WORDS_FOR_ANY_SERVICE = {"NHS", "TRUST", "FOUNDATION", "AMBULANCE", "SERVICE", "AND", "VALE", "ISLAND"}
MONTHS = months(date(2022, 4, 1), date(2026, 3, 1))
SERVICES = ["Z-A1", "Z-A2", "Z-A3", "Z-A4"]
# Every byte of both files. Another numpy, zlib or processor must give the same; a deliberate change belongs in the
# changelog.
SHA_256 = "ce7338a37fd8c6002ffd507c28b234b356abd537d80b7afc9a04ffcbc62d1ddd"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "made"
    sample.write(folder)
    return folder


@pytest.fixture(scope="module")
def publications(folder):
    files = [SourceFile(str(path), path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return {file.name[-4:]: ambulance_systems.read(file) for file in files}


@pytest.fixture(scope="module")
def series(publications):
    """The workbook's figures by service, metric and month; what is not there is None."""
    found = {}
    for code, metric, month, value in (
        publications["xlsx"].observations.select("org_code", "metric", "period_start", "value").iter_rows()
    ):
        found.setdefault((code, metric), {})[month] = value
    return found


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A project of one's own, with a copy of the reference tables to spoil."""
    (tmp_path / "_quarto.yml").touch()
    (tmp_path / "analyses").mkdir()
    shutil.copytree(sample_organisations.reference_folder(), tmp_path / "reference" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reference" / "sample" / "ambulance_services.csv"


def minutes(series, code, category=2):
    """Mean response time by month, where there were any responses."""
    incidents = series[code, f"category_{category}_incidents"]
    seconds = series[code, f"category_{category}_response_time_seconds"]
    return {month: seconds[month] / count / 60 for month, count in incidents.items() if count}


def special_causes(values):
    """Return the special causes of a series on an XmR chart, by month."""
    points = pl.DataFrame({"org_code": "Z", "period_start": list(values), "value": list(values.values())})
    marked = spc.xmr(points, improvement="decrease").filter(pl.col("special_cause") != "none")
    return dict(marked.select("period_start", "special_cause").iter_rows())


# ---- the files


def test_two_files_the_workbook_first(tmp_path):
    assert [path.name for path in sample.write(tmp_path / "new")] == [
        "AmbSYS-Time-Series-until-20260331-synthetic.xlsx",
        "AmbSYS-to-Mar-2026-synthetic.csv",
    ]


def test_the_same_bytes_on_every_run_and_machine(folder, tmp_path):
    again = sample.write(tmp_path)
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in again)
    assert hashlib.sha256(b"".join(path.read_bytes() for path in again)).hexdigest() == SHA_256


def test_parts_of_a_workbook_are_stored_as_they_are():
    """Deflated bytes differ between zlib's; names, order and content of the parts do not."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr(zipfile.ZipInfo("b.xml", time.localtime()[:6]), "b" * 1000)
        parts.writestr("a.xml", "a")
    with zipfile.ZipFile(io.BytesIO(stored(content.getvalue()))) as whole:
        assert [(part.filename, part.compress_type, part.date_time) for part in whole.infolist()] == [
            ("b.xml", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
            ("a.xml", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
        ]
        assert whole.read("b.xml") == b"b" * 1000


def test_both_files_hold_the_same_figures(publications):
    workbook, text = (publications[kind].observations.drop("release") for kind in ("xlsx", ".csv"))
    keys = ["metric", "org_code", "period_start"]
    assert workbook.sort(keys).equals(text.sort(keys))


def test_every_month_of_four_years_is_there_for_every_service(publications):
    rows = publications["xlsx"].organisations
    assert sorted(rows["org_code"].unique()) == SERVICES
    assert rows.group_by("org_code").len()["len"].unique().to_list() == [len(MONTHS)]
    assert rows["period_start"].unique().sort().to_list() == MONTHS


def test_services_add_up_to_england(publications):
    assert [publication.checks for publication in publications.values()] == [[], []]


def test_names_and_regions_are_the_tables(publications):
    for publication in publications.values():
        latest = publication.organisations.filter(pl.col("period_start") == MONTHS[-1])
        assert latest.sort("org_code").select("org_code", "org_name", "parent_name").rows() == [
            (service.org_code, service.org_name, service.region_name) for service in services.read_services()
        ]


def test_the_workbook_says_when_it_was_published(publications):
    assert publications["xlsx"].vintage.published == date(2026, 4, 9)
    assert publications[".csv"].vintage is None


# ---- the layout


@pytest.fixture(scope="module")
def workbook(folder):
    [path] = folder.glob("*.xlsx")
    return fastexcel.read_excel(path)


@pytest.fixture(scope="module")
def raw(workbook):
    return workbook.load_sheet("Raw", header_row=None, dtypes="string").to_polars().rows()


def test_the_figures_are_in_a_hidden_sheet(workbook):
    visible = {name: workbook.load_sheet(name, header_row=None).visible for name in workbook.sheet_names}
    assert visible == {"Introduction": "visible", "Response times": "visible", "Raw": "hidden"}


def test_the_headings_stand_in_row_five_and_some_of_them_twice(raw):
    assert raw[4][:8] == ("Concatenated", "Year", "Month", "Reg", None, "Area", "Trust", "A0")
    assert [raw[4].count(heading) for heading in ("Year", "Month", "A32")] == [2, 2, 1]


def test_a_region_of_several_services_alone_has_rows_and_repeats_them(raw):
    heading = raw[4]
    area, region, incidents = heading.index("Area"), heading.index("Reg"), heading.index("A8")
    march = [row for row in raw if row[1:3] == ("2025-26", "MARCH")]
    assert [row[area] for row in march] == ["ENG", "Z-Y3", *SERVICES]
    [of_region] = [int(row[incidents]) for row in march if row[area] == "Z-Y3"]
    assert of_region == sum(int(row[incidents]) for row in march if row[region] == "Z-Y3" != row[area])


def test_the_visible_sheet_shows_englands_figures(workbook, series):
    view = workbook.load_sheet("Response times", header_row=None, dtypes="string").to_polars().rows()
    column = view[5].index("A10")
    assert [float(row[column]) for row in view[6:]] == list(series["ENG", "category_2_incidents"].values())


@needs_published_data
def test_the_headings_are_the_publications_in_its_order(raw):
    [path] = (PUBLISHED / "ambulance-ambsys").glob("*.xlsx")
    published = fastexcel.read_excel(path).load_sheet("Raw", header_row=None, dtypes="string").to_polars().row(4)
    ours = [heading for heading in raw[4] if heading]
    remaining = iter(published)
    assert [heading for heading in ours if heading not in remaining] == []


@needs_published_data
def test_no_name_and_no_place_is_a_real_one():
    with (PUBLISHED / "ods" / "etr.csv").open(encoding="latin-1", newline="") as lines:
        real = set(re.findall(r"[A-Z]+", " ".join(cell.upper() for row in csv.reader(lines) for cell in row)))
    assert {"YORKSHIRE", "WIGHT", "LONDON"} <= real
    names = " ".join(f"{service.org_name} {service.region_name}" for service in services.read_services())
    places = set(re.findall(r"[A-Z]+", names.upper())) - WORDS_FOR_ANY_SERVICE
    assert {"NORROWLAND", "SALTHOLM"} <= places
    assert not places & real


def test_the_csv_has_a_row_of_every_region(folder):
    [path] = folder.glob("*.csv")
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    assert [(line["Region"], line["Org Code"]) for line in lines[:8]] == [
        ("Eng", "Eng"),
        ("Norrowland", "Z-Y1"),
        ("Estermarch", "Z-Y2"),
        ("Sundrey", "Z-Y3"),
        ("Z-Y1", "Z-A1"),
        ("Z-Y2", "Z-A2"),
        ("Z-Y3", "Z-A3"),
        ("Z-Y3", "Z-A4"),
    ]
    assert (lines[0]["Year"], lines[0]["Month"]) == ("2022", "4")


# ---- what is planted


def test_one_service_takes_less_time_from_a_month_on(series):
    values = minutes(series, "Z-A1")
    before = mean(value for month, value in values.items() if month < services.STEP_FROM)
    after = mean(value for month, value in values.items() if month >= services.STEP_FROM)
    assert after / before == pytest.approx(0.7, abs=0.05)
    assert max(value for month, value in values.items() if month >= services.STEP_FROM) < before
    assert len(special_causes(values)) > len(values) / 2


def test_its_category_1_does_not_change(series):
    values = minutes(series, "Z-A1", category=1)
    before = mean(value for month, value in values.items() if month < services.STEP_FROM)
    after = mean(value for month, value in values.items() if month >= services.STEP_FROM)
    assert after / before == pytest.approx(1, abs=0.02)


def test_one_service_is_stable(series):
    values = minutes(series, "Z-A2")
    assert mean(values.values()) == pytest.approx(33, rel=0.01)
    assert special_causes(values) == {}
    assert special_causes(minutes(series, "Z-A2", category=1)) == {}


def test_one_service_sends_no_response_times_for_two_months(series, publications):
    for metric in ("incidents", "response_time_seconds", "90th_centile_seconds"):
        missing = [month for month, value in series["Z-A3", f"category_2_{metric}"].items() if value is None]
        assert missing == list(services.NOT_SUBMITTED_MONTHS)
    assert all(series["Z-A3", "calls_answered"].values())
    absent = publications["xlsx"].observations.filter(pl.col("value").is_null())
    assert absent.select("org_code", "status").unique().rows() == [("Z-A3", "not_submitted")]
    assert absent.height == 2 * 5 * 3  # months, categories, figures of each


def test_one_service_has_zeros_until_it_begins(series):
    for (code, metric), by_month in series.items():
        if code == "Z-A4":
            zeros = [month for month, value in by_month.items() if value == 0]
            assert zeros == months(date(2022, 4, 1), date(2022, 6, 1)), metric


def test_one_service_has_small_numbers(series):
    counts = [count for count in series["Z-A4", "category_1_incidents"].values() if count]
    assert 100 < min(counts) < max(counts) < 160


def test_englands_centile_is_the_weighted_mean_of_centiles(series):
    """As in the publication, where it is so within half a second in every month."""
    for month in MONTHS:
        pairs = [
            (series[code, "category_2_incidents"][month], series[code, "category_2_90th_centile_seconds"][month])
            for code in SERVICES
        ]
        sent = [(count, centile) for count, centile in pairs if count is not None]
        weighted = sum(count * centile for count, centile in sent) / sum(count for count, _ in sent)
        assert series["ENG", "category_2_90th_centile_seconds"][month] == pytest.approx(weighted, abs=0.5)


def test_levels_are_like_the_publications(series):
    """England from April 2022 to August 2025: Category 1 within 7.7 to 11.0 minutes, Category 2 within 27 to 93."""
    first, second = minutes(series, "ENG", category=1), minutes(series, "ENG")
    assert all(7.5 < value < 9.5 for value in first.values())
    assert all(25 < value < 45 for value in second.values())


@pytest.mark.parametrize(
    ("story", "planted"),
    [
        (services.AmbulanceStory.STEP_IMPROVEMENT, [services.STEP_FROM]),
        (services.AmbulanceStory.STABLE, []),
        (services.AmbulanceStory.NOT_SUBMITTED, list(services.NOT_SUBMITTED_MONTHS)),
        (services.AmbulanceStory.BEGAN_LATE, [services.BEGAN]),
    ],
)
def test_every_story_is_planted_once_and_its_note_names_its_months(story, planted):
    [service] = [service for service in services.read_services() if service.story == story]
    named = re.findall(r"[A-Z][a-z]+ \d{4}", service.story_note)
    assert named == [f"{MONTH_NAMES[month.month - 1]} {month.year}" for month in planted]


# ---- the reference table


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("Z-A2", "Z-A1", "primary_key"),
        ("Z-A2", "RYA", "org_code|regex"),
        (
            "Z-A4,Saltholm Island NHS Trust,Z-Y3,Sundrey",
            "Z-A4,Saltholm Island NHS Trust,Z-Y3,Sun",
            "a_region_has_one_name",
        ),
        ("130,1300", "0,1300", "monthly_category_1|min"),
        ("stable", "miracle", "story|dtype"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_its_name(fork, old, new, rule):
    text = fork.read_text(encoding="utf-8")
    assert old in text
    fork.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=rf"ambulance_services\.csv: rows \[.*{re.escape(rule)}"):
        services.read_services()
