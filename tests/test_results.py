import json
from dataclasses import replace
from datetime import date

import nbformat
import polars as pl
import pytest

from openmeasures import parameters, results
from openmeasures.methods import spc
from openmeasures.methods.bands import BAND_TYPE
from openmeasures.quality import Quality
from openmeasures.releases import ReleaseStatus
from openmeasures.schemas import Status
from openmeasures.store import Store

FEBRUARY, MARCH = date(2024, 2, 1), date(2024, 3, 1)
ASSESSED = Quality(
    {Status.REPORTED: 7, Status.SUPPRESSED: 1, Status.NOT_SUBMITTED: 2, Status.NOT_APPLICABLE: 4},
    without_activity=0, last_figure=MARCH, latest=MARCH, unequal_totals=1, coverage=2 / 3,
    latest_status=ReleaseStatus.FINAL, absent=[], totals=20, months_later=1.4, revised_periods=3, usual_revision=1 / 7,
    doubted=("May",), without_file=(date(2023, 1, 1), FEBRUARY),
)  # fmt: skip
FINDINGS = {"variation": "It fell.", "peers": "It is in the middle half."}
MET = pl.DataFrame(  # as `standards.met` gives it
    {
        "period_start": [MARCH, MARCH],
        "standard_name": ["Milestone", "Operational"],
        "standard": [78.0, 95.0],
        "latest": [True, False],
        "periods_met": [1, 0],
        "periods": [2, 2],
        "periods_spanned": [2, 3],
        "assurance": ["hit_or_miss", None],
        "is_changing": [False, False],
    },
    schema_overrides={"assurance": spc.ASSURANCE_TYPE},
)


@pytest.fixture
def run(keep, store, measure):
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    return parameters.check(measure, org_code="RC9", period_to="", data=str(store.folder))


def points(*rows):
    """Make points of organisation, month and value, as a notebook has them."""
    made = pl.DataFrame(
        rows, schema={"org_code": pl.String, "period_start": pl.Date, "value": pl.Float64}, orient="row"
    )
    limits = ("value_lower", "value_upper", "mean", "lower_process_limit", "upper_process_limit")
    standards = ("standard", "lasting_standard")
    return made.with_columns(
        pl.lit(600, pl.Int64).alias("numerator"),
        pl.lit(1000.0).alias("denominator"),
        pl.lit(0, pl.UInt32).alias("segment"),  # as `rebases.segments` gives it
        pl.lit("none", spc.SPECIAL_CAUSE_TYPE).alias("special_cause"),
        pl.lit("common_cause", spc.VARIATION_TYPE).alias("variation"),
        pl.lit(None, pl.String).alias("standard_name"),
        pl.lit(None, spc.ASSURANCE_TYPE).alias("assurance"),
        pl.lit("reported").alias("status"),
        pl.lit("left out").alias("note"),
        *(pl.lit(None, pl.Float64).alias(name) for name in (*limits, *standards)),
    )


def test_a_result_holds_the_runs_own_organisation_only(run):
    found = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0), ("RJ1", MARCH, 80.0)))
    assert found.points["org_code"].to_list() == ["RC9"]


@pytest.mark.parametrize("exceeds", [True, False])
def test_a_result_says_whether_limits_suit_the_series_as_the_notebook_had_it(run, exceeds):
    """Its points no longer tell why a figure is not applicable."""
    mine = points(("RC9", FEBRUARY, None), ("RC9", MARCH, 60.0)).with_columns(
        status=pl.Series(["not_applicable", "reported"]), exceeds_whole=pl.Series([exceeds, False])
    )
    assert results.collect(run, FINDINGS, MET, ASSESSED, all=mine).content["suits_limits"] != exceeds


def test_every_result_has_the_same_columns_but_for_those_of_some_measures(run):
    found = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0)))
    assert dict(found.points.schema) == {
        name: kind for name, kind in results.COLUMNS.items() if name not in results.OPTIONAL
    }


def test_a_result_has_the_bands_that_its_points_have(run):
    mine = points(("RC9", FEBRUARY, 50.0), ("RC9", MARCH, 60.0))
    banded = mine.with_columns(band=pl.Series([None, "higher than expected"], dtype=BAND_TYPE))
    found = results.collect(run, FINDINGS, MET, ASSESSED, type_1=mine, all=banded).points
    assert found.schema["band"] == pl.String
    assert found.select("series", "band").rows() == [
        ("all", None), ("all", "higher than expected"), ("type_1", None), ("type_1", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "is_readable"),
    [({}, True), ({"band": None}, True), ({"band": "as expected"}, True), ({"of_old": 1}, False)],
)
def test_points_may_lack_what_only_some_measures_have(run, changed, is_readable):
    content = results.collect(run, FINDINGS, MET.clear(), ASSESSED, all=points(("RC9", MARCH, 60.0))).content
    assert results.is_readable(content | {"points": [row | changed for row in content["points"]]}) == is_readable
    lacking = [{name: row[name] for name in row if name != "mean"} for row in content["points"]]
    assert not results.is_readable(content | {"points": lacking})


def test_series_and_periods_are_in_order(run):
    both = points(("RC9", MARCH, 60.0), ("RC9", FEBRUARY, 50.0))
    found = results.collect(run, FINDINGS, MET, ASSESSED, type_1=both, all=both)
    assert found.points.select("series", "period_start").rows() == [
        ("all", FEBRUARY),
        ("all", MARCH),
        ("type_1", FEBRUARY),
        ("type_1", MARCH),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(60.1234564, 60.123456), (60.1234566, 60.123457), (0.1 + 0.2, 0.3), (None, None)],
)
def test_figures_are_rounded_to_six_decimals(run, value, expected):
    assert (
        results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, value))).points["value"].item()
        == expected
    )


def test_a_point_names_the_release_of_its_month(run, keep):
    keep(("RC9", 1000, 390), name="March-2024-revised.csv")  # which takes the place of the first
    run = replace(run, store=Store(run.store.folder))  # a run knows what there was as it began
    (revised,) = run.releases
    assert revised.file_name == "March-2024-revised.csv"
    found = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", FEBRUARY, 50.0), ("RC9", MARCH, 60.0)))
    assert found.points.select("period_start", "release").rows() == [(FEBRUARY, None), (MARCH, revised.sha256)]


def test_both_standards_are_beside_a_point(run):
    beside = points(("RC9", MARCH, 60.0)).with_columns(standard=pl.lit(78.0), lasting_standard=pl.lit(95.0))
    found = results.collect(run, FINDINGS, MET, ASSESSED, all=beside)
    assert found.points.select("standard", "lasting_standard").row(0) == (78.0, 95.0)


def test_an_organisation_without_points_gives_none(run):
    assert results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RJ1", MARCH, 80.0))).points.is_empty()


def test_content_says_what_was_run_on_what(run):
    content = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0))).content
    rows = content.pop("points")
    assert content == {
        "measure": "four_hours",
        "org_code": "RC9",
        "org_name": "RC9 Hospitals, NHS Trust",
        "region_name": "East of England",
        "period_to": "2024-03-01",
        "synthetic": False,
        "suits_limits": True,
        "as_of": "",
        "quality": {
            "periods_expected": 7 + 1 + 2 + 2,
            "periods_submitted": 7 + 1,
            "periods_without_file": 2,
            "months_to_publication": 1.4,
            "totals_compared": 20,
            "totals_unequal": 1,
            "zeros_doubted": 1,
            "share_of_england": 0.666667,
            "periods_revised": 3,
            "usual_revision": 0.142857,
        },
        "releases": [run.releases[0].sha256],
        "findings": FINDINGS,
        "standards": [
            {
                "period_start": "2024-03-01", "standard_name": "Milestone", "standard": 78.0, "latest": True,
                "periods_met": 1, "periods": 2, "periods_spanned": 2, "assurance": "hit_or_miss", "is_changing": False,
            },
            {
                "period_start": "2024-03-01", "standard_name": "Operational", "standard": 95.0, "latest": False,
                "periods_met": 0, "periods": 2, "periods_spanned": 3, "assurance": None, "is_changing": False,
            },
        ],
    }  # fmt: skip
    assert len(rows) == 1
    assert {"series": "all", "period_start": "2024-03-01", "numerator": 600.0, "value": 60.0}.items() <= rows[0].items()


def test_without_a_standard_there_are_none_in_the_content(run):
    content = results.collect(run, FINDINGS, MET.clear(), ASSESSED, all=points(("RC9", MARCH, 60.0))).content
    assert content["standards"] == []


def test_content_is_plain_data(run):
    content = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0))).content
    assert json.loads(json.dumps(content)) == content


def test_the_sample_says_that_it_is_synthetic(keep, store, measure):
    keep(("Z-01", 1000, 400))
    run = parameters.check(measure, org_code="Z-01", period_to="", data=str(store.folder))
    assert results.collect(run, FINDINGS, MET, ASSESSED, all=points(("Z-01", MARCH, 60.0))).content["synthetic"] is True


def test_a_notebook_shows_the_findings_and_carries_the_result(run):
    found = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0)))
    bundle = found._repr_mimebundle_()
    text = "**RC9 Hospitals, NHS Trust.** It fell. It is in the middle half."
    assert bundle == {results.MIME_TYPE: found.content, "text/markdown": text, "text/plain": text}


def test_nbformat_takes_the_result_for_an_output(run):
    bundle = results.collect(run, FINDINGS, MET, ASSESSED, all=points(("RC9", MARCH, 60.0)))._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=bundle)])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
