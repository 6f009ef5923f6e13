"""The real files in all three layouts: every one is read, adds up, and agrees with the others where they overlap.

The oracles are plain arithmetic on the cells, written here without the reader, and the shares that the files print
themselves, which the reader never looks at.
"""

from collections import defaultdict
from datetime import date

import polars as pl
import pytest

from openmeasures.periods import months
from openmeasures.releases import ReleaseStatus, Vintage, vintage_named
from openmeasures.sources import SourceFile, cancer_waiting_times, recognise
from openmeasures.sources.cancer_waiting_times import combined_workbook, data_extract, provider_workbook

KEYS = ["metric", "breakdown", "category", "org_code", "period_start"]
TOLD, TREATED, REFERRED = "faster_diagnosis_told", "decision_to_treat_treated", "urgent_referral_treated"
WITHIN = {TOLD: "_within_28_days", TREATED: "_within_31_days", REFERRED: "_within_62_days"}
METRICS = [name for metric, within in WITHIN.items() for name in (metric, metric + within)]
WHOLES = {"28-DAY FDS (ALL ROUTES)": TOLD, "31-DAY (ALL CANCER)": TREATED, "62-DAY (ALL CANCER)": REFERRED}
WHOLE_WORDS = {"ALL ROUTES", "ALL STAGES", "ALL MODALITIES", ""}
PARTS = {"": 1, "route": 3, "treatment_stage": 2, "treatment_modality": 4}


def _files(folder):
    return [SourceFile(str(path), path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def workbooks(published):
    """The provider workbooks with what is read from them, by month."""
    read = [(file, cancer_waiting_times.read(file)) for file in _files(published / "cancer-provider-workbook")]
    by_month = {publication.observations["period_start"][0]: (file, publication) for file, publication in read}
    return dict(sorted(by_month.items()))


@pytest.fixture(scope="module")
def extracts(published):
    return [(file, cancer_waiting_times.read(file)) for file in _files(published / "cancer-data-extract")]


@pytest.fixture(scope="module")
def combined(published):
    [file] = _files(published / "cancer-combined-workbook")
    return file, cancer_waiting_times.read(file)


def _england(publication):
    found = publication.observations.filter(org_code="ENG", breakdown="")
    return dict(found.select("metric", "value").iter_rows())


def _providers(publication):
    """Return the sum of the providers, by metric."""
    found = publication.observations.filter(pl.col("org_code") != "ENG", pl.col("breakdown") == "")
    return dict(found.group_by("metric").agg(pl.col("value").sum()).iter_rows())


def _by_provider(observations):
    return observations.filter(pl.col("org_code") != "ENG").select(*KEYS, "value").sort(KEYS)


# ---- every file is read


def test_every_file_is_recognised_by_one_layout(workbooks, extracts, combined):
    layouts = [
        *((file, provider_workbook) for file, _ in workbooks.values()),
        *((file, data_extract) for file, _ in extracts),
        (combined[0], combined_workbook),
    ]
    assert len(layouts) == 18 + 2 + 1
    for file, expected in layouts:
        assert recognise(file) == ("cancer_waiting_times", cancer_waiting_times), file.name
        found = [layout for layout in cancer_waiting_times.LAYOUTS if layout.recognises(file.workbook)]
        assert found == [expected], file.name


@pytest.mark.parametrize(
    "folder", ["dm01-provider", "kh03-beds-overnight", "cancelled-operations", "virtual-wards", "rtt-time-series"]
)
def test_no_other_published_workbook_is_taken_for_these(published, folder):
    files = _files(published / folder)
    assert files
    assert [file.name for file in files if cancer_waiting_times.recognises(file)] == []


def test_there_is_a_workbook_for_every_month(workbooks):
    assert list(workbooks) == months(date(2023, 10, 1), date(2025, 3, 1))
    for month, (file, publication) in workbooks.items():
        assert file.name.startswith(f"{month:%B-%Y}".upper())
        assert publication.observations["period_start"].n_unique() == 1


def test_the_extracts_have_six_months_each(extracts):
    found = [publication.observations["period_start"].unique().sort().to_list() for _, publication in extracts]
    assert found == [months(date(2024, 4, 1), date(2024, 9, 1)), months(date(2024, 10, 1), date(2025, 3, 1))]


def test_vintages(workbooks, extracts, combined):
    assert {publication.vintage for _, publication in workbooks.values()} == {Vintage(ReleaseStatus.FINAL, None)}
    assert combined[1].vintage == Vintage(ReleaseStatus.PROVISIONAL, date(2026, 3, 12))
    assert [publication.vintage for _, publication in extracts] == [None, None]
    assert [vintage_named(file.name).status for file, _ in extracts] == [
        ReleaseStatus.FINAL,
        ReleaseStatus.PROVISIONAL,
    ]


def test_every_figure_is_reported(workbooks, extracts, combined):
    for file, publication in (*workbooks.values(), *extracts, combined):
        assert publication.observations["status"].unique().to_list() == ["reported"], file.name


def test_metrics_and_divisions_are_the_same_in_every_layout(workbooks, extracts, combined):
    for file, publication in (*workbooks.values(), *extracts, combined):
        found = publication.observations.group_by("metric", "breakdown").agg(pl.col("category").n_unique())
        categories = {(metric, breakdown): count for metric, breakdown, count in found.iter_rows()}
        assert sorted({metric for metric, _ in categories}) == sorted(METRICS), file.name
        for (metric, breakdown), count in categories.items():
            types = {"cancer_type": 18 if metric.startswith(TOLD) else 13, "route": 3 if metric.startswith(TOLD) else 4}
            assert count == (PARTS | types)[breakdown], (file.name, metric, breakdown)


# ---- the truth to test against


def test_providers_add_up_to_all_english_providers_in_every_month(workbooks):
    for month, (_, publication) in workbooks.items():
        assert _providers(publication) == _england(publication), month
        assert sorted(_england(publication)) == sorted(METRICS), month


def test_every_part_adds_up_to_england_and_every_division_to_its_whole(workbooks):
    assert {month: publication.checks for month, (_, publication) in workbooks.items() if publication.checks} == {}


def test_the_combined_workbook_adds_up_and_says_who_submitted_nothing(combined):
    _, publication = combined
    assert _providers(publication) == _england(publication)
    [note] = publication.checks
    assert note.startswith(
        "the publication says: Mid And South Essex NHS Foundation Trust (RAJ) did not make a submission of CWT Data for"
    )
    assert "(RW5) did not make a submission of CWT Data for any of the standards." in note


def _by_hand(file):
    """Add up what stands under TOTAL and beside it, of providers and of England, of the first part of each sheet."""
    sums = defaultdict(float)
    for sheet, metric in WHOLES.items():
        rows = file.workbook.cells(sheet).rows()
        at = rows[8].index("TOTAL")  # the ninth row has the headings
        for row in rows[9:]:
            if row[2] == "ALL ENGLISH PROVIDERS":
                sums["ENG", metric] += float(row[at])
                sums["ENG", metric + WITHIN[metric]] += float(row[at + 1])
                break
            if row[1]:
                sums["providers", metric] += float(row[at])
                sums["providers", metric + WITHIN[metric]] += float(row[at + 1])
    return sums


def test_england_and_its_providers_equal_plain_arithmetic(workbooks):
    for month, (file, publication) in workbooks.items():
        by_hand = _by_hand(file)
        for metric in METRICS:
            found = _england(publication)[metric], _providers(publication)[metric]
            assert found == (by_hand["ENG", metric], by_hand["providers", metric]), (month, metric)


def test_englands_shares_are_the_printed_ones(workbooks):
    for month, (file, publication) in workbooks.items():
        england = _england(publication)
        for sheet, metric in WHOLES.items():
            rows = file.workbook.cells(sheet).rows()
            row = next(row for row in rows if row[2] == "ALL ENGLISH PROVIDERS")
            printed = float(row[rows[8].index("TOTAL") + 3])
            assert england[metric + WITHIN[metric]] / england[metric] == pytest.approx(printed, abs=1e-9), month


@pytest.mark.parametrize(
    ("month", "figures"),
    [
        (date(2023, 10, 1), (275_198, 195_185, 54_557, 48_819, 25_016.5, 15_812.5)),
        (date(2024, 4, 1), (269_798, 197_882, 55_968, 49_997, 27_199, 18_236)),
        (date(2025, 3, 1), (278_064, 219_578, 56_234, 51_456, 27_537.5, 19_669.5)),
    ],
)
def test_england_to_the_last_digit(workbooks, month, figures):
    assert _england(workbooks[month][1]) == dict(zip(METRICS, figures, strict=True))


def test_england_in_the_combined_workbook_to_the_last_digit(combined):
    file, publication = combined
    england = _england(publication)
    assert england == dict(zip(METRICS, (267_704, 194_784, 59_736, 53_663, 28_742, 19_657), strict=True))
    rows = file.workbook.cells("Provider Level Performance").rows()
    printed = {
        row[3]: row[10] for row in rows if (row[0], row[4]) == ("Total", "ALL CANCERS") and set(row[5:7]) <= WHOLE_WORDS
    }
    assert printed.keys() == {"FDS", "31D", "62D"}
    for standard, metric in zip(("FDS", "31D", "62D"), WITHIN, strict=True):
        share = england[metric + WITHIN[metric]] / england[metric]
        assert share == pytest.approx(float(printed[standard]), abs=1e-9)


# ---- providers without patients of a standard


def test_a_provider_of_other_standards_had_no_patients_of_a_standard_without_a_row(combined):
    """Alder Hey, a children's hospital, in January 2026: 28 and 31 days have rows, 62 days has none."""
    _, publication = combined
    found = publication.observations.filter(org_code="RBS", breakdown="")
    assert dict(found.filter(pl.col("metric").is_in(list(WITHIN))).select("metric", "value").iter_rows()) == {
        TOLD: 19,
        TREATED: 9,
        REFERRED: 0,
    }


def test_who_sent_nothing_at_all_stays_missing(combined):
    """The workbook names RW5 as having made no submission for any of the standards."""
    _, publication = combined
    assert any("(RW5) did not make a submission" in check for check in publication.checks)
    assert publication.observations.filter(org_code="RW5").is_empty()


# ---- layouts beside each other


def test_the_final_extract_is_the_final_workbooks(workbooks, extracts):
    """Every figure of every provider, whole or part: what the extract adds up, the workbooks have printed."""
    of_workbooks = pl.concat(workbooks[month][1].observations for month in months(date(2024, 4, 1), date(2024, 9, 1)))
    of_extract = extracts[0][1].observations
    assert of_extract.height > 88_000
    assert _by_provider(of_extract).equals(_by_provider(of_workbooks))


def test_the_first_published_extract_lacks_patients_that_the_final_workbooks_have(workbooks, extracts):
    """Its name does not say final, and it is not: a percent or two of the patients came later, in every month."""
    for month in months(date(2024, 10, 1), date(2025, 3, 1)):
        found = extracts[1][1].observations.filter(breakdown="", period_start=month)
        first = dict(found.group_by("metric").agg(pl.col("value").sum()).iter_rows())
        final = _england(workbooks[month][1])
        for metric in METRICS:
            assert 0.96 < first[metric] / final[metric] < 1, (month, metric)


def test_the_first_published_extract_to_the_last_digit(extracts):
    found = extracts[1][1].observations.filter(breakdown="", period_start=date(2024, 10, 1))
    sums = dict(found.group_by("metric").agg(pl.col("value").sum()).iter_rows())
    assert sums == dict(zip(METRICS, (289_035, 222_888, 59_694, 54_627, 28_704, 19_564), strict=True))


def test_categories_have_one_spelling_in_all_layouts(workbooks, extracts, combined):
    read = [publication.observations for _, publication in (*workbooks.values(), *extracts, combined)]
    spellings = [set(each.select("metric", "breakdown", "category").unique().iter_rows()) for each in read]
    assert all(each == spellings[0] for each in spellings)


# ---- what the data are like


def test_only_the_62_day_standard_counts_halves(workbooks, extracts, combined):
    every = pl.concat(publication.observations for _, publication in (*workbooks.values(), *extracts, combined))
    assert every.filter(pl.col("value") % 0.5 != 0).is_empty()
    halves = every.filter(pl.col("value") % 1 != 0)
    assert halves["metric"].unique().sort().to_list() == [REFERRED, REFERRED + WITHIN[REFERRED]]


def test_nobody_is_within_a_standard_without_being_counted(workbooks, combined):
    every = pl.concat(publication.observations for _, publication in (*workbooks.values(), combined))
    within = every.filter(pl.col("metric").str.contains("_within_")).with_columns(
        metric=pl.col("metric").str.replace("_within_.*", "")
    )
    both = within.join(every, on=KEYS, how="left", suffix="_total")
    assert both["value_total"].null_count() == 0
    assert both.filter(pl.col("value") > pl.col("value_total")).is_empty()


def test_regions_stand_in_the_combined_workbook_alone(workbooks, combined):
    """An independent provider of several regions has England in place of one."""
    organisations = combined[1].organisations
    assert organisations["parent_name"].unique().sort().to_list() == [
        "East of England", "England", "London", "Midlands", "North East and Yorkshire", "North West", "South East",
        "South West",
    ]  # fmt: skip
    assert organisations.filter(parent_name="England")["org_name"].to_list() == ["RAPID INVESTIGATION SERVICE"]
    for _, publication in workbooks.values():
        assert publication.organisations["parent_name"].unique().to_list() == [""]


def test_providers_of_every_kind_have_codes_and_names(workbooks, combined):
    every = pl.concat(publication.organisations for _, publication in (*workbooks.values(), combined))
    counts = every.group_by("period_start").len()["len"]
    assert (counts.min(), counts.max()) == (145, 153)
    # Trusts and independent providers have three characters, sites of the latter five.
    assert every["org_code"].str.len_chars().unique().sort().to_list() == [3, 5]
    assert "ENG" not in every["org_code"]
