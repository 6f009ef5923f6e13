"""A measure's further series, from published figures to chart and words."""

from datetime import date

import polars as pl
import pytest

from openmeasures import further, parameters
from openmeasures.definitions import Part, Series, Standard
from openmeasures.display import Markdown
from openmeasures.rebases import Rebase

MONTHS = [date(2022 + place // 12, 1 + place % 12, 1) for place in range(27)]  # up to March 2024
PEOPLE = Part(text="All people", label="people", add=["attendances_type_1"])
LATE = Part(text="Late people", label="late", add=["over_four_hours_type_1"])
STANDARD = Standard(
    name="Late standard", value=20.0, title="Handbook", url="https://example.org/", verified=True, **{"from": MONTHS[0]}
)
LATE_PEOPLE = Series(
    id="late", title="Late", numerator=LATE, denominator=PEOPLE, kind="proportion", improvement="decrease",
    standards=[STANDARD],
)  # fmt: skip


@pytest.fixture
def run(keep, store, measure):
    """The series `late` of RC9, with a second organisation beside it; the store holds March 2024 alone."""
    keep(("RC9", 100, 54), ("RJ1", 300, 30))
    divided = measure.model_copy(update={"series": [LATE_PEOPLE]})
    return parameters.check(divided, org_code="RC9", period_to="", data=str(store.folder)).of("late")


@pytest.fixture
def points():
    """RC9, of whom 28 to 54 of 100 are late, one more each month, and RJ1, of whom 50 of 100 always are."""
    late = [("RC9", month, 28.0 + place) for place, month in enumerate(MONTHS)] + [
        ("RJ1", month, 50.0) for month in MONTHS
    ]
    frame = pl.DataFrame(late, schema=["org_code", "period_start", "numerator"], orient="row")
    return frame.with_columns(denominator=100.0, value="numerator", status=pl.lit("reported"))


def of(points, org_code):
    return points.filter(pl.col("org_code") == org_code, pl.col("period_start") == MONTHS[-1]).row(0, named=True)


def test_counts_are_those_of_the_series_and_england_is_their_sum(run):
    value = run.measure.scale * pl.col("numerator") / pl.col("denominator")
    points = further.counted(run, run.observations(), value=value)
    assert [(of(points, code)["numerator"], of(points, code)["denominator"]) for code in ("RC9", "RJ1", "ENG")] == [
        (54, 100), (30, 300), (84, 400),
    ]  # fmt: skip
    assert of(points, "ENG")["value"] == pytest.approx(100 * 84 / 400)
    assert points["org_code"].to_list()[-1] == "ENG"


def test_the_chart_is_the_organisations_own_by_the_rules_of_the_series(run, points):
    charted = further.charted(run, points, [])
    assert charted["org_code"].unique().to_list() == ["RC9"]
    assert charted["value"].to_list() == [28 + place for place in range(27)]
    assert charted["mean"].to_list() == pytest.approx([41] * 27)  # of 28 to 54
    # Each month is one more than the last, so the mean moving range is 1, and limits lie 2.66 from the mean.
    assert charted["upper_process_limit"][0] == pytest.approx(41 + 2.66 * 1, abs=0.001)
    assert charted["variation"].to_list()[-1] == "concern_high"  # rising, where less is better
    assert charted["standard"].to_list()[-1] == 20.0


def test_limits_start_anew_where_the_ledger_says_so(run, points):
    entry = Rebase(org_code="RC9", date=MONTHS[13], reason="A new ward.", author="A. Uthor", reviewed=date(2024, 4, 1))
    charted = further.charted(run, points, [entry])
    assert charted["segment"].to_list() == [0] * 13 + [1] * 14
    assert charted["mean"].to_list() == pytest.approx([34] * 13 + [47.5] * 14)


def test_too_few_cases_have_no_limits(run, points):
    few = points.with_columns(pl.col("numerator", "denominator") / 50)
    assert further.charted(run, few, [])["upper_process_limit"].null_count() == 27


def test_it_is_put_into_words_and_shown_under_its_own_title(run, points):
    charted = further.charted(run, points, [])
    said = further.finding(run, charted)
    assert said.startswith("Special-cause concern: 54.0\u00a0% in March 2024 is above the limits of ")
    chart = further.shown(run, charted).to_dict()
    assert chart["description"] == said
    assert "Late" in " ".join(chart["title"]["text"])
    assert chart["usermeta"]["series"] == "late"


def test_without_a_figure_it_is_words(run, points):
    nothing = further.charted(run, points.with_columns(value=pl.lit(None, pl.Float64)), [])
    shown = further.shown(run, nothing)
    assert isinstance(shown, Markdown)
    assert further.finding(run, nothing) == "No figures up to March 2024."
    assert shown.text == "**Late**: No figures up to March 2024."
