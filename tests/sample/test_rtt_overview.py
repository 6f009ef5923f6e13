import hashlib
from datetime import date

import numpy as np
import polars as pl
import pytest

from openmeasures.ingest import Kept, ingest
from openmeasures.sample import rtt_overview, rtt_pathways, rtt_waiting_times
from openmeasures.sources import SourceFile
from openmeasures.sources import rtt_overview as reader
from openmeasures.store import Store

WAITING = "incomplete_pathways"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    [path] = rtt_overview.write(tmp_path_factory.mktemp("sample"))
    return path


@pytest.fixture(scope="module")
def overview(path):
    read = reader.read(SourceFile(str(path), path.name, path.read_bytes())).observations
    return read.select("metric", "period_start", "value")


@pytest.fixture(scope="module")
def providers(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    for path in rtt_waiting_times.write(tmp_path_factory.mktemp("sample")):
        [outcome] = ingest([path], store)
        assert outcome.kept == Kept.ADDED
    return store.observations("rtt_waiting_times")


def test_two_runs_write_the_same_bytes(path, tmp_path):
    [again] = rtt_overview.write(tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_it_is_known_to_be_invented(path, tmp_path):
    """Its one organisation has the code of the real England, so that the name must tell."""
    store = Store(tmp_path)
    [outcome] = ingest([path], store)
    assert (outcome.kept, store.synthetic) == (Kept.ADDED, True)


@pytest.mark.parametrize(
    "metric",
    [
        WAITING,
        *(f"{WAITING}_{name}" for name in ("within_18_weeks", "over_52_weeks", "over_65_weeks", "over_104_weeks")),
        "completed_admitted_pathways",
        "completed_non_admitted_pathways",
        "new_rtt_periods",
    ],
)
def test_england_is_the_sum_of_the_providers(overview, providers, metric):
    added = providers.filter(metric=metric).group_by("period_start").agg(pl.col("value").sum().alias("added"))
    both = overview.filter(metric=metric).join(added, on="period_start")
    assert both.height == 48
    assert both.filter(pl.col("value") != pl.col("added")).is_empty()


def test_estimates_differ_only_while_a_trust_is_missing(overview):
    wide = overview.pivot("metric", index="period_start", values="value").sort("period_start")
    differing = wide.filter(pl.col(f"{WAITING}_with_estimates") != pl.col(WAITING))
    first, last = rtt_pathways.MISSING_MONTHS
    assert differing["period_start"].to_list() == pl.date_range(first, last, "1mo", eager=True).to_list()


@pytest.mark.parametrize(
    ("bands", "share", "expected"),
    [
        ([10, 10], 0.5, 1.0),  # half of them are in the first week
        ([10, 10], 0.25, 10 / 2 / 10),
        ([0, 4, 4], 0.75, 2 + (6 - 4) / 4),
        ([0, 0, 8], 0.92, 2 + 0.92),
    ],
)
def test_percentiles_lie_within_their_band(bands, share, expected):
    assert rtt_overview.percentile(np.array(bands), share) == pytest.approx(expected)


def test_shares_are_of_their_counts(overview):
    wide = overview.pivot("metric", index="period_start", values="value")
    for name in ("within_18_weeks", "over_52_weeks"):
        share = wide[f"{WAITING}_{name}"] / wide[WAITING]
        assert (wide[f"{WAITING}_{name}_share"] - share).abs().max() < 1e-9  # cells are read with nine decimals


def test_months_to_come_have_no_figures(overview):
    assert overview["period_start"].max() == date(2026, 3, 1)
