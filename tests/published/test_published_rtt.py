"""The real files: one month of the full extract, and the national time series.

The oracles are plain CSV arithmetic, written here without the reader, and figures that NHS England printed elsewhere.
"""

import csv
import io
import zipfile
from collections import defaultdict
from datetime import date
from itertools import pairwise

import polars as pl
import pytest

from openmeasures.errors import SourceError
from openmeasures.ingest import Kept, ingest
from openmeasures.periods import months
from openmeasures.sources import SourceFile, recognise, rtt_overview, rtt_waiting_times
from openmeasures.store import Store

WAITING = "incomplete_pathways"
ROUNDS_TO = 1e-9  # cells are read with nine decimals
NON_ENGLISH = "_for_non_english_commissioners"


@pytest.fixture(scope="module")
def extract(published):
    """The extract's bytes, taken out of its zip."""
    [path] = (published / "rtt-full-extract").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        return SourceFile(f"{path}!{name}", name, archive.read(name))


@pytest.fixture(scope="module")
def publication(extract):
    return rtt_waiting_times.read(extract)


@pytest.fixture(scope="module")
def overview(published):
    [path] = (published / "rtt-time-series").glob("*.xlsx")
    return rtt_overview.read(SourceFile(str(path), path.name, path.read_bytes()))


@pytest.fixture(scope="module")
def by_hand(extract):
    """Sums of `Total All` by part, whether of English commissioners, and whether of all functions; and of bands."""
    totals, waits, functions = defaultdict(int), defaultdict(int), defaultdict(int)
    rows = csv.reader(io.StringIO(extract.content.decode()))
    header = next(rows)
    part, commissioner, code = (
        header.index(name) for name in ("RTT Part Type", "Commissioner Org Code", "Treatment Function Code")
    )
    provider, first = header.index("Provider Org Code"), header.index("Gt 00 To 01 Weeks SUM 1")
    for row in rows:
        english = row[commissioner] != "NONC"
        if row[code] == "C_999":
            totals[row[part], english] += int(row[-1])
            if row[part] == "Part_2":
                for week, cell in enumerate(row[first : first + 105]):
                    waits[english, week] += int(cell or 0)
                functions[row[provider], "total", english] += int(row[-1])
        elif row[part] == "Part_2":
            functions[row[provider], row[code], english] += int(row[-1])
    return totals, waits, functions


def _sum(publication, metric, breakdown=""):
    return publication.observations.filter(metric=metric, breakdown=breakdown)["value"].sum()


# ---- the extract


def test_the_zip_is_ingested_as_one_release(published, tmp_path):
    store = Store(tmp_path)
    outcomes = list(ingest([published / "rtt-full-extract", published / "rtt-time-series"], store))
    assert [(outcome.kept, outcome.source, outcome.message) for outcome in outcomes] == [
        (Kept.ADDED, "rtt_waiting_times", ""),
        (Kept.ADDED, "rtt_overview", ""),
    ]
    assert store.synthetic is False
    series = store.observations("rtt_waiting_times", metrics=[WAITING], org_codes=["RTH"])
    assert series["period_start"].to_list() == [date(2026, 4, 1)]


def test_no_other_published_file_is_taken_for_these(published):
    others = [path for path in published.rglob("*") if path.is_file() and not path.parent.name.startswith("rtt")]
    assert len(others) > 17  # collections
    for path in others:
        with path.open("rb") as file:
            start = SourceFile(str(path), path.name, file.read(16384))
        assert not rtt_waiting_times.recognises(start), path
        assert not rtt_overview.recognises(start), path


def test_no_other_published_workbook_is_taken_for_the_overview(published):
    for folder in ("dm01-provider", "kh03-beds-overnight", "virtual-wards", "ae-time-series"):
        for path in (published / folder).iterdir():
            assert not rtt_overview.recognises(SourceFile(str(path), path.name, path.read_bytes())), path


def test_england_is_7_123_980_with_other_countries_patients_and_7_093_502_without(publication):
    english, others = (_sum(publication, WAITING + suffix) for suffix in ("", NON_ENGLISH))
    assert (english, english + others) == (7_093_502, 7_123_980)
    within = [_sum(publication, f"{WAITING}_within_18_weeks{suffix}") for suffix in ("", NON_ENGLISH)]
    assert round(100 * within[0] / english, 3) == 64.949
    assert round(100 * sum(within) / (english + others), 3) == 64.899


@pytest.mark.parametrize(
    ("part", "metric"),
    [
        ("Part_1A", "completed_admitted_pathways"),
        ("Part_1B", "completed_non_admitted_pathways"),
        ("Part_2", WAITING),
        ("Part_2A", f"{WAITING}_with_decision_to_admit"),
        ("Part_3", "new_rtt_periods"),
    ],
)
def test_parts_equal_plain_arithmetic(publication, by_hand, part, metric):
    totals, _, _ = by_hand
    assert _sum(publication, metric) == totals[part, True] == _sum(publication, metric, "treatment_function")
    assert _sum(publication, metric + NON_ENGLISH) == totals[part, False]


def test_bands_equal_plain_arithmetic(publication, by_hand):
    _, waits, _ = by_hand
    weeks = publication.observations.filter(metric=WAITING, breakdown="weeks_waited")
    sums = weeks.group_by("category").agg(pl.col("value").sum()).sort("category")["value"].to_list()
    assert sums == [waits[True, week] for week in range(105)]


@pytest.mark.parametrize("over", [52, 65, 78, 104])
@pytest.mark.parametrize("suffix", ["", NON_ENGLISH])
def test_long_waits_equal_plain_arithmetic(publication, by_hand, over, suffix):
    _, waits, _ = by_hand
    expected = sum(waits[not suffix, week] for week in range(over, 105))
    assert _sum(publication, f"{WAITING}_over_{over}_weeks{suffix}") == expected


def test_long_waits_of_april_2026(publication):
    found = [_sum(publication, f"{WAITING}_over_{weeks}_weeks") for weeks in (52, 65, 78, 104)]
    assert found == [97_388, 5_692, 1_136, 191]


def test_every_provider_equals_plain_arithmetic(publication, by_hand):
    _, _, functions = by_hand
    whole = publication.observations.filter(metric=WAITING, breakdown="")
    assert dict(whole.select("org_code", "value").iter_rows()) == {
        provider: total for (provider, code, english), total in functions.items() if code == "total" and english
    }


def test_functions_and_bands_add_up_to_the_files_own_totals(publication, by_hand):
    """Found by the reader, and by plain arithmetic; the latter needs a blank band to be a zero."""
    _, waits, functions = by_hand
    assert publication.checks == []
    whole = {key[::2]: total for key, total in functions.items() if key[1] == "total"}
    added = defaultdict(int)
    for (provider, code, english), total in functions.items():
        if code != "total":
            added[provider, english] += total
    assert added == whole
    assert sum(waits.values()) == sum(whole.values()) == 7_123_980


def test_every_figure_is_reported(publication):
    assert publication.observations["status"].unique().to_list() == ["reported"]


def test_providers_and_functions(publication):
    assert publication.organisations.height == 529
    assert publication.organisations.filter(pl.col("parent_name") == "").is_empty()
    assert publication.observations.filter(breakdown="treatment_function")["category"].n_unique() == 23
    assert publication.observations.filter(breakdown="weeks_waited").height == 528 * 105  # one has new periods only


def test_at_oswestry_other_countries_patients_are_two_fifths_of_the_list(publication):
    """The caveat in figures: 63.6 percent within 18 weeks for English commissioners, 52.8 for everyone."""
    found = {
        metric: publication.observations.filter(org_code="RL1", metric=metric, breakdown="")["value"].item()
        for metric in (WAITING, WAITING + NON_ENGLISH)
    }
    assert list(found.values()) == [13_697, 9_797]


# ---- a file that is cut off


def _cut(extract, content):
    return rtt_waiting_times.read(SourceFile(extract.place, extract.name, content))


def test_the_first_half_of_its_lines_lacks_systems_and_says_so(extract):
    """Cut after a total, so that nothing but the missing systems shows it."""
    lines = extract.content.splitlines(keepends=True)
    half = next(at for at in range(len(lines) // 2, len(lines)) if b"C_999" in lines[at]) + 1
    read = _cut(extract, b"".join(lines[:half]))
    assert _sum(read, WAITING) < 7_093_502 * 0.6
    [check] = [check for check in read.checks if "systems" in check]
    assert check.startswith("no provider of 15 of 36 systems that commission, first ")


def test_a_file_cut_before_a_total_within_a_line_or_within_its_last_figure_is_refused(extract):
    lines = extract.content.splitlines(keepends=True)
    before = next(at for at in range(len(lines) // 2, len(lines)) if b"C_999" in lines[at])
    whole_lines = b"".join(lines[:before])
    for content, said in (
        (whole_lines, "has no row of all functions"),
        (whole_lines + lines[before][:300], "cells found, 121 expected"),
        (extract.content.rstrip(b"\r\n"), "no line break after"),
    ):
        with pytest.raises(SourceError, match=said):
            _cut(extract, content)


# ---- the national time series


def _england(overview, metric):
    found = overview.observations.filter(metric=metric).sort("period_start")
    return dict(found.select("period_start", "value").iter_rows())


def test_the_overview_has_every_month(overview):
    assert list(_england(overview, WAITING)) == months(date(2007, 4, 1), date(2023, 8, 1))
    assert overview.organisations["org_name"].unique().to_list() == ["England"]


def test_the_last_month_is_as_published(overview):
    last = date(2023, 8, 1)
    assert [
        _england(overview, metric)[last]
        for metric in (
            WAITING,
            f"{WAITING}_within_18_weeks",
            f"{WAITING}_over_52_weeks",
            f"{WAITING}_median_wait_weeks",
            f"{WAITING}_92nd_percentile_wait_weeks",
        )
    ] == [7_745_030, 4_492_862, 396_643, 14.510725899, 46.332333462]


@pytest.mark.parametrize(
    ("month", "metric", "printed"),
    [
        # Statistical press notices: October 2012 (gov.uk), July 2019 and February 2021 (NHS England)
        (date(2012, 10, 1), "completed_admitted_pathways", 337_230),
        (date(2012, 10, 1), "completed_non_admitted_pathways", 1_001_586),
        (date(2019, 7, 1), "completed_admitted_pathways", 314_280),
        (date(2019, 7, 1), "completed_non_admitted_pathways", 1_179_146),
        (date(2021, 2, 1), "completed_admitted_pathways", 152_642),
        (date(2021, 2, 1), "completed_non_admitted_pathways", 819_226),
        (date(2021, 2, 1), f"{WAITING}_over_52_weeks", 387_885),
    ],
)
def test_the_overview_is_what_press_notices_print(overview, month, metric, printed):
    assert _england(overview, metric)[month] == printed


def test_the_parts_of_the_overview_fit_together(overview):
    """Within and over 18 weeks are everyone, and the shares are theirs, in every month since August 2007 but one.

    For September 2021 the workbook gives 66.4986 percent beside counts that make 66.4888: only these were revised.
    """
    within, over, everyone, share = (
        _england(overview, f"{WAITING}{name}")
        for name in ("_within_18_weeks", "_over_18_weeks", "", "_within_18_weeks_share")
    )
    known = [month for month, value in everyone.items() if value is not None]
    assert known == months(date(2007, 8, 1), date(2023, 8, 1))
    assert [month for month in known if within[month] + over[month] != everyone[month]] == []
    assert [month for month in known if abs(share[month] - within[month] / everyone[month]) > ROUNDS_TO] == [
        date(2021, 9, 1)
    ]


def test_longer_waits_are_never_more(overview):
    series = [_england(overview, f"{WAITING}_over_{weeks}_weeks") for weeks in (18, 52, 65, 78, 104)]
    for longer in pairwise(series):
        both = [pair for pair in zip(*(each.values() for each in longer), strict=True) if None not in pair]
        assert len(both) >= len(months(date(2021, 4, 1), date(2023, 8, 1)))
        assert all(fewer <= more for more, fewer in both)


def test_marks_have_no_value(overview):
    beyond = overview.observations.filter(metric=f"{WAITING}_92nd_percentile_wait_weeks", period_start=date(2021, 2, 1))
    assert beyond.select("value", "status").rows() == [(None, "not_applicable")]


def test_the_sources_are_told_apart(published):
    for folder, name in (("rtt-full-extract", None), ("rtt-time-series", "rtt_overview")):
        [path] = (published / folder).iterdir()
        found = recognise(SourceFile(str(path), path.name, path.read_bytes()))
        assert (found and found[0]) == name  # a zip is opened before anything is recognised
