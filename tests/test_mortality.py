"""A ratio of observed to expected deaths over time: what is published stands, and overlap is no news."""

from datetime import date
from types import SimpleNamespace

import altair as alt
import polars as pl
import pytest

from openmeasures import mortality
from openmeasures.display import Markdown
from openmeasures.parameters import Parameters
from openmeasures.periods import Period
from openmeasures.releases import Release, ReleaseStatus

LATEST = date(2025, 1, 1)  # the twelve months to December 2025
YEAR_BEFORE = date(2024, 1, 1)


@pytest.fixture
def ratio(measure):
    return measure.model_copy(
        update={
            "kind": "ratio", "unit": "ratio", "improvement": "neutral", "decimals": 2, "period": Period.ROLLING_YEAR,
            "short_title": "SHMI",
        }
    )  # fmt: skip


def run_of(measure, org_code="RC9", period_to=LATEST):
    release = Release(
        sha256="0" * 64, source="hospital_mortality", file_name="H.csv", periods=[LATEST], metrics=[],
        period_end=date(2025, 12, 31), status=ReleaseStatus.PROVISIONAL, published=None, retrieved=date(2026, 5, 14),
        url="https://x.uk/", licence="L", synthetic=False,
    )  # fmt: skip
    store = SimpleNamespace(synthetic=False, newest=lambda source: {LATEST: release})
    names = pl.DataFrame({"org_code": ["ENG", "RC9"], "org_name": ["England", "Bedfordshire"], "region_name": ""})
    return Parameters(measure, store, org_code, period_to, names)


def points(*rows, org_code="RC9"):
    """Make points of first day, observed and expected deaths, and the ratio; limits are 0.05 either side of it."""
    frame = pl.DataFrame(
        [(org_code, *row) for row in rows],
        schema={
            "org_code": pl.String, "period_start": pl.Date, "numerator": pl.Float64, "denominator": pl.Float64,
            "value": pl.Float64,
        },
        orient="row",
    )  # fmt: skip
    return frame.with_columns(value_lower=pl.col("value") - 0.05, value_upper=pl.col("value") + 0.05)


def said(frame, run):
    return mortality.over_time(frame, run).replace("\u00a0", " ")


# ---- the value


def observations(*rows):
    schema = {"org_code": pl.String, "metric": pl.String, "value": pl.Float64, "status": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(
        breakdown=pl.lit(""), category=pl.lit(""), period_start=pl.lit(LATEST),
        status=pl.col("status").cast(pl.Enum(["reported", "suppressed", "not_submitted", "not_applicable"])),
    )  # fmt: skip


def valued(ratio, counted, *published):
    found = mortality.with_published(counted.drop("value"), observations(*published), run_of(ratio))
    return found["value"].to_list()


def test_a_published_ratio_stands_and_england_is_the_quotient(ratio):
    counted = pl.concat([points((LATEST, 1200, 1000, None)), points((LATEST, 2400, 2500, None), org_code="ENG")])
    assert valued(ratio, counted, ("RC9", "mortality_ratio", 1.1986, "reported")) == [1.1986, 2400 / 2500]


def test_without_a_published_ratio_it_is_the_quotient(ratio):
    assert valued(ratio, points((LATEST, 1200, 1000, None))) == [1.2]


def test_a_ratio_without_its_counts_is_none(ratio):
    counted = points((LATEST, None, None, None))
    assert valued(ratio, counted, ("RC9", "mortality_ratio", 1.1986, "reported")) == [None]


def test_nothing_expected_has_no_ratio(ratio):
    assert valued(ratio, points((LATEST, 5, 0, None)), ("RC9", "mortality_ratio", 3.0, "reported")) == [None]


# ---- its interval


def limits(observed, expected):
    lower, upper = mortality.interval(pl.lit(observed, pl.Float64), pl.lit(expected, pl.Float64))
    return pl.select(lower=lower, upper=upper).row(0)


def byar(count, z):
    """Write out Byar's limit."""
    return count * (1 - 1 / (9 * count) + z / (3 * count**0.5)) ** 3


def test_the_interval_is_byars_of_the_outermost_counts_that_come_in_fives():
    """1,200 stands for 1,198 to 1,202, and 1,000 expected for 997.5 to 1,002.5."""
    expected = (byar(1198, -1.959964) / 1002.5, byar(1203, 1.959964) / 997.5)
    assert limits(1200, 1000) == pytest.approx(expected, rel=1e-7)


def test_none_observed_has_a_lower_limit_of_0():
    lower, upper = limits(0, 10)
    assert lower == 0
    assert upper == pytest.approx(7.2247 / 7.5, abs=1e-4)  # exact for two deaths at most: half of 14.4494 (chi-squared)


@pytest.mark.parametrize("counts", [(None, 10), (10, None), (5, 2.5), (5, 0)])
def test_without_counts_or_with_hardly_any_expected_there_is_no_interval(counts):
    assert limits(*counts) == (None, None)


# ---- in words


def test_a_trust_is_set_beside_the_twelve_months_that_share_none_with_the_latest(ratio):
    frame = points((YEAR_BEFORE, 2000, 2000, 1.0), (date(2024, 6, 1), 2100, 2000, 1.05), (LATEST, 2300, 2000, 1.15))
    assert said(frame, run_of(ratio)) == (
        "1.15 in the twelve months from January 2025 to December 2025 (95 % interval 1.10 to 1.20). In the twelve "
        "months before, the latest that share no month with these, it was 1.00: the two differ by more than chance in "
        "the counts."
    )


@pytest.mark.parametrize(
    ("before", "is_more"),
    [(2000, False), (1800, True), (2200, False), (2400, True)],  # of 2,100 observed, Wilson's limits of a half
)
def test_a_difference_that_chance_may_explain_is_said_to_be_so(ratio, before, is_more):
    frame = points((YEAR_BEFORE, before, 2000, before / 2000), (LATEST, 2100, 2000, 1.05))
    ending = (
        "the two differ by more than chance in the counts." if is_more else "chance in the counts may explain that."
    )
    assert said(frame, run_of(ratio)).endswith(ending)


def test_without_the_twelve_months_before_that_is_said(ratio):
    frame = points((date(2024, 2, 1), 2000, 2000, 1.0), (LATEST, 2300, 2000, 1.15))
    assert said(frame, run_of(ratio)).endswith(
        "There is no figure for the twelve months before, the latest that share no month with these."
    )


def test_a_trust_that_ended_says_when(ratio):
    frame = points((YEAR_BEFORE, 2000, 2000, 1.0), (LATEST, None, None, None))
    assert said(frame, run_of(ratio)).startswith(
        "The last figure ended with December 2024. 1.00 in the twelve months from January 2024 to December 2024"
    )


def test_england_says_nothing_of_change(ratio):
    frame = points((YEAR_BEFORE, 2000, 2000, 1.0), (LATEST, 2300, 2000, 1.15), org_code="ENG")
    text = said(frame, run_of(ratio, "ENG"))
    assert "near 1 in every period: it says nothing of whether more people die or fewer." in text
    assert "before" not in text


def test_a_trust_without_any_figure_says_so(ratio):
    assert said(points((LATEST, None, None, None)), run_of(ratio)) == "No figures up to January 2025 to December 2025."


# ---- drawn


def charted(frame):
    nothing = pl.lit(None, pl.Float64)
    return frame.with_columns(
        status=pl.lit("reported"), segment=pl.lit(0, pl.UInt32), mean=nothing, lower_process_limit=nothing,
        upper_process_limit=nothing, special_cause=pl.lit("none"), variation=pl.lit(None, pl.String), standard=nothing,
        standard_name=pl.lit(None, pl.String), lasting_standard=nothing, is_milestone=pl.lit(None, pl.Boolean),
    )  # fmt: skip


def test_the_chart_has_intervals_and_what_is_expected_and_no_limits(ratio):
    frame = charted(points((YEAR_BEFORE, 2000, 2000, 1.0), (LATEST, 2300, 2000, 1.15)))
    drawn = mortality.chart(frame, run_of(ratio), finding="What is found.")
    spec = drawn.to_dict()
    assert spec["description"] == "What is found."
    assert [row["label"] for row in spec["datasets"]["ends"]] == [["As expected 1"]]
    assert "intervals" in {layer.get("name") for layer in spec["layer"]}
    subtitle = " ".join(spec["title"]["subtitle"])
    assert "Neighbours share eleven of them" in subtitle
    assert "Rules" not in subtitle
    assert spec["usermeta"]["series"] == "all"


def test_without_a_figure_the_finding_stands_in_words(ratio):
    shown = mortality.chart(charted(points((LATEST, None, None, None))), run_of(ratio), finding="What is found.")
    assert isinstance(shown, Markdown)
    assert not isinstance(shown, alt.LayerChart)
    assert shown.text == "**SHMI**: What is found."


def test_predecessors_are_drawn_beside_it_if_the_measure_asks_for_them(ratio, monkeypatch):
    theirs = pl.DataFrame({"org_code": "OLD", "org_name": "Old", "period_start": [YEAR_BEFORE], "value": 0.9})
    monkeypatch.setattr(mortality.mergers, "beside", lambda run, *, valued: theirs)
    frame = charted(points((YEAR_BEFORE, 2000, 2000, 1.0), (LATEST, 2300, 2000, 1.15)))
    spec = mortality.chart(frame, run_of(ratio), finding="F").to_dict()
    assert [(row["org_name"], row["value"]) for row in spec["datasets"]["predecessors"]] == [("Old", 0.9)]
