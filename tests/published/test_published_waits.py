"""Waits in the real RTT files: the formula is NHS England's own, and the extract gives its published shares.

The overview time series has percentiles to nine decimals, but no bands. Where a percentile lies beside an edge at which
it also has a count (18 or 52 weeks), the formula leaves one unknown, the number of people in the percentile's own band:
and that has to come out whole.
"""

import zipfile
from math import floor

import fastexcel
import numpy as np
import polars as pl
import pytest

from openmeasures.methods import waits

EDGES = [*range(105), None]
BANDS = [f"Gt {week:02d} To {week + 1:02d} Weeks SUM 1" for week in range(104)] + ["Gt 104 Weeks SUM 1"]
PROVIDER, COMMISSIONER, FUNCTION = "Provider Org Code", "Commissioner Org Code", "Treatment Function Code"
ROUNDS_TO = 0.5e-9  # half a unit of the workbook's last decimal


@pytest.fixture(scope="module")
def months(published):
    """Month, 92nd percentile, its edge beside it, people within that edge, and all people; of incomplete pathways."""
    workbook = fastexcel.read_excel(published / "rtt-time-series" / "RTT-Overview-Timeseries-Aug-2023.xlsx")
    rows = workbook.load_sheet("Full Time Series", header_row=None, dtypes="string").to_polars().rows()
    [heading] = [row for row in rows if "92nd percentile (weeks)" in row]
    # The same headings serve completed pathways further right, so that the first of each is meant.
    places = [
        heading.index(name)
        for name in ("92nd percentile (weeks)", "Total waiting (mil)", "No. > 18 weeks", "No. > 52 weeks")
    ]
    found = []
    for row in rows[rows.index(heading) + 1 :]:
        # "-" is a month without figures, "52+" a percentile in the open band.
        if row[places[0]] in (None, "-", "52+"):
            continue
        percentile, everyone, over_18, over_52 = (float(row[place]) for place in places)
        for edge, over in ((18, over_18), (52, over_52)):
            if edge - 1 <= percentile < edge + 1:
                found.append((row[1][:7], percentile, edge, everyone - over, everyone))
    return found


def people_in_band(percentile, edge, within, target):
    """Solve the formula for the number of people in the percentile's band, which has the edge above or below it."""
    into = percentile - floor(percentile)
    return (within - target) / (1 - into) if percentile < edge else (target - within) / into


def test_published_percentiles_follow_the_formula_and_no_other(months):
    assert len(months) == 38
    assert (months[0][0], months[-1][0]) == ("2008-03", "2016-08")
    whole, others = 0, {"n + 1": 0, "n - 1": 0, "half a person": 0}
    for _, percentile, edge, within, everyone in months:
        into = percentile - floor(percentile)
        tolerance = 1e-3 + 2 * everyone * ROUNDS_TO / min(into, 1 - into)
        targets = {
            "n + 1": 0.92 * (everyone + 1),
            "n - 1": 0.92 * (everyone - 1) + 1,
            "half a person": 0.92 * everyone + 0.5,
        }
        people = people_in_band(percentile, edge, within, 0.92 * everyone)
        whole += abs(people - round(people)) < tolerance
        for name, target in targets.items():
            people = people_in_band(percentile, edge, within, target)
            others[name] += abs(people - round(people)) < tolerance
    assert whole == 38
    assert max(others.values()) < 38 / 4


def test_published_percentiles_come_out_of_the_method(months):
    for month, published, edge, within, everyone in months:
        people = round(people_in_band(published, edge, within, 0.92 * everyone))
        before = within - people if published < edge else within
        week = floor(published)
        bands = pl.DataFrame(
            {
                "month": month,
                "weeks_from": [0, week, week + 1],
                "weeks_to": [week, week + 1, None],
                "waiting": [before, people, everyone - before - people],
            }
        )
        found = waits.percentile(bands, share=0.92, by="month")["weeks"].item()
        assert found == pytest.approx(published, abs=2 * ROUNDS_TO), month


@pytest.fixture(scope="module")
def incomplete(published):
    """Incomplete pathways of April 2026, one row a provider, commissioner and treatment function, blanks as 0."""
    [path] = (published / "rtt-full-extract").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        text = archive.read(name)
    part, whole = "RTT Part Type", "Total All"
    table = pl.read_csv(text, columns=[PROVIDER, COMMISSIONER, part, FUNCTION, *BANDS, whole], infer_schema=False)
    return table.filter(pl.col(part) == "Part_2").with_columns(pl.col(*BANDS, whole).cast(pl.Int64).fill_null(0))


def banded(table, *by):
    counts = table.group_by(*by).agg(pl.col(*BANDS).sum()).unpivot(on=BANDS, index=by, value_name="waiting")
    edges = pl.DataFrame({"variable": BANDS, "weeks_from": EDGES[:-1], "weeks_to": EDGES[1:]})
    return counts.join(edges, on="variable").drop("variable")


@pytest.fixture(scope="module")
def england(incomplete):
    """England with and without the commissioners that are not English."""
    totals = incomplete.filter(pl.col(FUNCTION) == "C_999")
    english = totals.filter(pl.col(COMMISSIONER) != "NONC")
    return banded(pl.concat([totals.with_columns(of=pl.lit("all")), english.with_columns(of=pl.lit("english"))]), "of")


def test_englands_shares_within_18_weeks(england, incomplete):
    found = waits.share_within(england, weeks=18, by="of")
    assert found.select("of", "denominator", pl.col("share").round(5)).rows() == [
        ("all", 7_123_980, 0.64899),
        ("english", 7_093_502, 0.64949),
    ]
    totals = incomplete.filter(pl.col(FUNCTION) == "C_999")
    assert found["denominator"][0] == totals["Total All"].sum()


def test_englands_median_and_92nd_percentile_by_hand(england):
    # Added up in the file: 3,334,282 wait up to 11 weeks and 237,222 one more; 6,487,493 up to 38 and 54,882 one more.
    # The press notices of the next two months have 12.4 and 11.9 weeks, and 38.6 and 38.3.
    for share, weeks in (
        (0.5, 11 + (0.5 * 7_093_502 - 3_334_282) / 237_222),
        (0.92, 38 + (0.92 * 7_093_502 - 6_487_493) / 54_882),
    ):
        row = waits.percentile(england, share=share, by="of").filter(of="english").row(0, named=True)
        assert row["weeks"] == pytest.approx(weeks, abs=1e-9)
        assert row["weeks_lower"] < weeks < row["weeks_upper"] < row["weeks_lower"] + 0.1


@pytest.mark.parametrize(("share", "printed"), [(0.5, 11.8956547031894), (0.92, 38.7020305382457)])
def test_they_are_those_of_the_published_workbook_of_commissioners(england, share, printed):
    """NHS England's `Incomplete-Commissioner-Apr26` of 11 June 2026, 7,093,502 in all; relayed, not stored here."""
    row = waits.percentile(england, share=share, by="of").filter(of="english").row(0, named=True)
    assert row["weeks"] == pytest.approx(printed, abs=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.92])
def test_every_provider_and_function_against_plain_arithmetic(incomplete, share):
    bands = banded(incomplete, PROVIDER, FUNCTION)
    found = waits.percentile(bands, share=share, by=[PROVIDER, FUNCTION])
    counts = bands.sort(PROVIDER, FUNCTION, "weeks_from")["waiting"].to_numpy().reshape(-1, len(BANDS))
    assert found.height == len(counts) == 4122
    for row, waiting in zip(found.select("weeks", "is_beyond").rows(), counts, strict=True):
        reached = np.concatenate([[0], np.cumsum(waiting)])
        target = share * reached[-1]
        if target == 0:
            assert row == (None, None)
            continue
        week = int(np.argmax(reached[1:] >= target - 1e-6))
        if week == len(BANDS) - 1:
            assert row == (None, True)
        else:
            assert row == (pytest.approx(week + (target - reached[week]) / waiting[week], abs=1e-9), False)
