import zipfile
from datetime import date
from itertools import pairwise
from statistics import stdev

import polars as pl
import pytest

from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.releases import ReleaseStatus
from openmeasures.sample import cancer_activity, cancer_waiting_times
from openmeasures.sample.organisations import read_organisations
from openmeasures.sample.stories import LAST_MONTH
from openmeasures.sources import SourceFile
from openmeasures.sources import cancer_waiting_times as reader
from openmeasures.sources.cancer_waiting_times import combined_workbook, data_extract, provider_workbook
from openmeasures.store import Store

MONTHS = months(date(2023, 10, 1), date(2026, 3, 1))
OVERLAP = months(date(2025, 4, 1), date(2025, 9, 1))  # in the provisional workbooks and in the final extract
TOLD, TREATED, REFERRED = "faster_diagnosis_told", "decision_to_treat_treated", "urgent_referral_treated"
TREATMENTS = "NUMBER OF PEOPLE RECEIVING TREATMENT FOR CANCER"
WITHIN = {TOLD: "_within_28_days", TREATED: "_within_31_days", REFERRED: "_within_62_days"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return cancer_waiting_times.write(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def files(paths):
    return [SourceFile(str(path), path.name, path.read_bytes()) for path in paths]


@pytest.fixture(scope="module")
def publications(files):
    return [reader.read(file) for file in files]


@pytest.fixture(scope="module")
def observations(publications):
    """The newest vintage of each month: the extract, which comes last, replaces the workbooks of its months."""
    *workbooks, extract = (publication.observations for publication in publications)
    replaced = pl.col("period_start").is_in(OVERLAP)
    return pl.concat([*(each.filter(~replaced) for each in workbooks), extract])


@pytest.fixture(scope="module")
def first_known(publications):
    """The provisional workbooks of the months that the extract has too."""
    every = pl.concat(publication.observations for publication in publications[:-1])
    return every.filter(pl.col("period_start").is_in(OVERLAP))


def _series(observations, org_code, metric, breakdown=""):
    found = observations.filter(org_code=org_code, metric=metric, breakdown=breakdown).sort("period_start")
    return dict(found.select("period_start", "value").iter_rows())


def _share(observations, org_code, metric):
    """Return the percentage within the standard by month."""
    within = _series(observations, org_code, metric + WITHIN[metric])
    return {month: 100 * within[month] / total for month, total in _series(observations, org_code, metric).items()}


def _rows(file, sheet):
    return file.workbook.cells(sheet).rows()


# ---- the files


def test_there_is_a_file_a_month_in_order_and_the_extract(paths):
    assert len(paths) == len(MONTHS) + 1 == 31
    names = [path.name for path in paths]
    assert names[0] == "OCTOBER-2023-CWT-CRS-PROVIDER-WORKBOOK-FINAL-synthetic.xlsx"
    assert names[17] == "MARCH-2025-CWT-CRS-PROVIDER-WORKBOOK-FINAL-synthetic.xlsx"
    assert names[18] == "APRIL-2025-CWT-CRS-PROVIDER-WORKBOOK-PROVISIONAL-synthetic.xlsx"
    assert names[24] == "October-2025-Monthly-Combined-Workbook-Provisional-synthetic.xlsx"
    assert names[-2] == "March-2026-Monthly-Combined-Workbook-Provisional-synthetic.xlsx"
    assert names[-1] == "CWT-CRS-Apr-2025-to-Sep-2025-Data-Extract-Provider-Final-synthetic.xlsx"


def test_all_three_layouts_are_written(files):
    written = [next(layout for layout in reader.LAYOUTS if layout.recognises(file.workbook)) for file in files]
    assert written == [provider_workbook] * 24 + [combined_workbook] * 6 + [data_extract]


def test_two_runs_write_the_same_bytes(paths, tmp_path):
    again = cancer_waiting_times.write(tmp_path / "made if need be")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_the_bytes_depend_on_no_compression_and_no_clock(paths):
    for path in paths:
        with zipfile.ZipFile(path) as parts:
            found = {(part.compress_type, part.date_time[:3], part.create_system) for part in parts.infolist()}
            assert found == {(zipfile.ZIP_STORED, (1980, 1, 1), 3)}
            assert b"2026-05-14T00:00:00Z" in parts.read("docProps/core.xml")


def test_the_figures_are_the_same_everywhere(observations):
    """Numbers typed from a run: they change with what is planted, and with nothing else."""
    whole = observations.filter(pl.col("org_code") != "ENG", pl.col("breakdown") == "")
    assert dict(whole.group_by("metric").agg(pl.col("value").sum()).iter_rows()) == {
        TREATED: 62_759,
        TREATED + WITHIN[TREATED]: 56_966,
        TOLD: 313_587,
        TOLD + WITHIN[TOLD]: 233_202,
        REFERRED: 33_914.5,
        REFERRED + WITHIN[REFERRED]: 22_904,
    }


def test_every_organisation_is_one_of_the_samples(publications):
    known = dict(read_organisations().select(pl.col("org_code"), pl.col("org_name").str.to_uppercase()).iter_rows())
    for publication in publications[:-1]:
        names = dict(publication.organisations.select("org_code", "org_name").iter_rows())
        assert set(names) <= set(cancer_activity.PROVIDERS)
        assert all(known[code] == name for code, name in names.items())
    assert set(publications[-1].organisations["org_code"]) == set(cancer_activity.PROVIDERS)


def test_regions_stand_in_the_combined_workbook_alone(publications):
    regions = dict(read_organisations().select("org_code", "region_name").iter_rows())
    latest = dict(publications[-2].organisations.select("org_code", "parent_name").iter_rows())
    assert latest == {code: regions[code] for code in cancer_activity.PROVIDERS}
    assert publications[0].organisations["parent_name"].unique().to_list() == [""]


def test_vintages_are_told(publications):
    provider, combined = publications[:24], publications[24:30]
    statuses = [publication.vintage.status for publication in provider]
    assert statuses == [ReleaseStatus.FINAL] * 18 + [ReleaseStatus.PROVISIONAL] * 6
    assert {publication.vintage.status for publication in combined} == {ReleaseStatus.PROVISIONAL}
    assert [publication.vintage.published for publication in combined] == [
        *(date(2025, 12, 12), date(2026, 1, 12), date(2026, 2, 12)),
        *(date(2026, 3, 12), date(2026, 4, 12), date(2026, 5, 12)),
    ]
    assert publications[-1].vintage is None  # its name has to tell


def test_every_file_adds_up_and_says_who_is_missing(publications):
    """Providers to England, and parts to wholes, in every month."""
    note = "the publication says: Z-09 did not make a submission of CWT Data for any of the standards."
    assert [publication.checks for publication in publications] == [[]] * 13 + [[note]] * 3 + [[]] * 15


def test_a_provisional_combined_workbook_says_who_is_missing_too(tmp_path, monkeypatch):
    """None of the last six months is missing in the sample; the note stands in merged cells there."""
    monkeypatch.setattr(cancer_activity, "NOT_SUBMITTED_MONTHS", (LAST_MONTH, LAST_MONTH))
    *_, last, _ = cancer_waiting_times.write(tmp_path)
    publication = reader.read(SourceFile(str(last), last.name, last.read_bytes()))
    assert publication.checks == [
        "the publication says: Z-09 did not make a submission of CWT Data for any of the standards."
    ]
    assert "Z-09" not in publication.organisations["org_code"]


# ---- the layouts' irregularities


def test_the_provider_workbook_has_the_publications_layout(files):
    assert files[0].workbook.sheets == [
        "Frontpage", "28-DAY FDS (ALL ROUTES)", "28-DAY FDS (BY ROUTE)",
        "31-DAY (ALL CANCER)", "31-DAY (BY CANCER)", "31-DAY (BY TREATMENT MODALITY)",
        "62-DAY (ALL CANCER)", "62-DAY (BY CANCER)", "62-DAY (BY TREATMENT MODALITY)",
        "USC referral to FOA", "UBS referral to FHA",
    ]  # fmt: skip
    rows = _rows(files[0], "62-DAY (ALL CANCER)")
    assert rows[1][0] == "Oct-23"
    assert [cell for cell in rows[7] if cell] == [TREATMENTS, "PERCENTAGE", TREATMENTS]
    assert rows[8][:10] == (
        "", "ODS CODE (1)", "ACCOUNTABLE PROVIDER", "REFERRAL ROUTE", "CANCER TYPE", "TOTAL", "WITHIN 62 DAYS",
        "AFTER 62 DAYS", "TREATED WITHIN 62 DAYS", "",
    )  # fmt: skip
    england = [row for row in rows if "ALL ENGLISH PROVIDERS" in row]
    assert [row[1] for row in england] == [""] * 5  # parts
    assert {row[9] for row in england} == {""}  # the spacer
    assert len([row for row in rows if "ODS CODE (1)" in row]) == 5

    file = files[24]
    assert file.workbook.sheets == ["System Level Performance", "Provider Level Performance", "Referrals Seen"]
    rows = _rows(file, "Provider Level Performance")
    assert [row[0] for row in rows[:11]] == [
        "", "Title:", "Summary:", "", "Period:", "Source:", "Basis:", "Published:", "Revised:", "Status:", "Contact:",
    ]  # fmt: skip
    assert rows[2][1].startswith("Cancer Waiting Times performance")
    assert rows[3][1].startswith("No data quality issues")
    assert (rows[14][0], len(rows[14])) == ("Org Code", 24)
    assert rows[15][:10] == ("Total", "England", "Total", "FDS", "ALL CANCERS", "ALL ROUTES", "", *rows[15][7:10])


def test_the_extract_has_the_publications_layout(files):
    rows = _rows(files[-1], "CWT CRS Provider Extract")
    assert rows[0] == (
        "PERIOD", "YEAR", "MONTH", "STANDARD", "ORG CODE", "STAGE/ROUTE", "TREATMENT MODALITY", "CANCER TYPE",
        "TOTAL TREATED", "WITHIN STANDARD", "BREACHES",
    )  # fmt: skip
    assert rows[1][:5] == ("2025-04-01 00:00:00", "2025/26", "APR", "28-day FDS", "Z-01")
    assert [float(row[8]) - float(row[9]) - float(row[10]) for row in rows[1:]] == [0] * (len(rows) - 1)


def test_halves_are_counted_for_the_62_day_standard_alone(observations):
    halves = observations.filter(pl.col("value") % 1 == 0.5)["metric"].unique().sort().to_list()
    assert halves == [REFERRED, REFERRED + WITHIN[REFERRED]]


# ---- levels


@pytest.mark.parametrize(("metric", "low", "high"), [(TOLD, 72, 80), (TREATED, 88, 94), (REFERRED, 62, 73)])
def test_levels_are_realistic(observations, metric, low, high):
    """Published, April 2024 to March 2025: 76 percent within 28 days, 91 within 31 and 69 within 62."""
    shares = _share(observations, "ENG", metric)
    assert len(shares) == 24
    assert all(low < share < high for share in shares.values())


def test_nobody_is_within_a_standard_without_being_counted(observations):
    wide = observations.with_columns(
        is_within=pl.col("metric").str.contains("_within_"), metric=pl.col("metric").str.replace("_within_.*", "")
    ).pivot("is_within", index=["metric", "breakdown", "category", "org_code", "period_start"], values="value")
    assert wide.filter(pl.col("true") > pl.col("false")).is_empty()
    assert wide.filter(pl.col("true") < 0).is_empty()
    assert wide.null_count().sum_horizontal().item() == 0


# ---- what is planted


def test_the_step_is_where_it_is_said_to_be(observations):
    share = _share(observations, "Z-05", REFERRED)
    before = [value for month, value in share.items() if month < date(2025, 4, 1)]
    after = [value for month, value in share.items() if month >= date(2025, 4, 1)]
    rise = sum(after) / len(after) - sum(before) / len(before)
    assert rise == pytest.approx(cancer_activity.STEP_POINTS, abs=2)
    assert min(after) > max(before)
    assert rise > 3 * stdev(before)


@pytest.mark.parametrize("metric", [TOLD, TREATED])
def test_the_other_standards_have_no_step(observations, metric):
    share = _share(observations, "Z-05", metric)
    before = [value for month, value in share.items() if month < date(2025, 4, 1)]
    after = [value for month, value in share.items() if month >= date(2025, 4, 1)]
    assert abs(sum(after) / len(after) - sum(before) / len(before)) < 2


def test_no_other_organisation_has_such_a_step(observations):
    for code in ("Z-01", "Z-02", "Z-06"):
        share = list(_share(observations, code, REFERRED).values())
        halves = share[:18], share[18:]
        assert abs(sum(halves[1]) / len(halves[1]) - sum(halves[0]) / len(halves[0])) < 4, code


def test_one_organisation_did_not_submit_for_three_months(observations):
    missing = set(MONTHS) - set(_series(observations, "Z-09", TOLD))
    assert sorted(missing) == [date(2024, 11, 1), date(2024, 12, 1), date(2025, 1, 1)]
    for code in set(cancer_activity.PROVIDERS) - {"Z-09"}:
        assert list(_series(observations, code, TOLD)) == MONTHS, code


def test_random_numbers_do_not_depend_on_what_is_submitted():
    assert list(cancer_activity.activity("Z-09")) == MONTHS


@pytest.mark.parametrize("metric", [TOLD, TREATED, REFERRED])
def test_one_organisation_adds_patients_to_the_final_figures(observations, first_known, metric):
    final, first = (_series(each, "Z-02", metric) for each in (observations, first_known))
    for month in OVERLAP:
        assert first[month] / final[month] == pytest.approx(cancer_activity.LATE_SHARE, abs=0.006), month


@pytest.mark.parametrize("metric", [TOLD, TREATED, REFERRED])
def test_late_patients_wait_like_the_others(observations, first_known, metric):
    final, first = (_share(each, "Z-02", metric) for each in (observations, first_known))
    assert all(first[month] == pytest.approx(final[month], abs=0.4) for month in OVERLAP)


def test_the_other_organisations_figures_are_final_when_first_published(observations, first_known):
    for code in set(cancer_activity.PROVIDERS) - {"Z-02"}:
        keys = ["metric", "breakdown", "category", "period_start"]
        final, first = (
            each.filter(org_code=code).select(*keys, "value").sort(keys) for each in (observations, first_known)
        )
        assert first.equals(final.filter(pl.col("period_start").is_in(OVERLAP))), code


def test_the_small_organisation_has_a_handful_of_treatments(observations):
    treated, referred = (_series(observations, "Z-11", metric) for metric in (TREATED, REFERRED))
    assert 8 < min(treated.values()) <= max(treated.values()) < 16
    assert {value % 0.5 for value in referred.values()} == {0}
    assert 1 <= min(referred.values()) <= max(referred.values()) <= 2


def test_no_month_repeats_the_one_before(observations):
    told = _series(observations, "Z-01", TOLD)
    assert all(told[month] != told[before] for before, month in pairwise(told))


# ---- in the store


def test_the_final_figures_count_whichever_file_is_read_last(paths, observations, tmp_path):
    store = Store(tmp_path)
    outcomes = list(ingest([paths[-1], *paths[17:25]], store))
    assert {outcome.kept for outcome in outcomes} == {Kept.ADDED}
    assert store.synthetic is True
    statuses = [release.status for release in store.newest("cancer_waiting_times").values()]
    assert statuses == [ReleaseStatus.FINAL] * 7 + [ReleaseStatus.PROVISIONAL]
    kept = _series(store.observations("cancer_waiting_times"), "Z-02", REFERRED)
    assert kept == {month: _series(observations, "Z-02", REFERRED)[month] for month in MONTHS[17:25]}
