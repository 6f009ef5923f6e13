"""Quarterly and annual measures, word for word where it differs from months: nothing may say, or count, months."""

import re
from datetime import date

import polars as pl
import pytest

from openmeasures import (
    counts,
    definitions,
    display,
    parameters,
    quality,
    rebases,
    reliability,
    standards,
    standing,
    words,
)
from openmeasures.charts import deciles as deciles_chart
from openmeasures.charts import output, theme
from openmeasures.charts import spc as spc_chart
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.methods import peers, seasonal, spc
from openmeasures.peer_groups import PeerGroup, alike
from openmeasures.periods import Period
from openmeasures.publishing import summary
from openmeasures.releases import ReleaseStatus
from openmeasures.reviewing import reconcile
from openmeasures.schemas import STATUS_TYPE, Observations, Status
from openmeasures.store import Store

QUARTER, YEAR, ROLLING = Period.QUARTER, Period.YEAR, Period.ROLLING_YEAR
MONTHLY = re.compile(r"\bmonths?\b", re.IGNORECASE)


def starts(period, number, *, last=date(2024, 10, 1)):
    """Return the starts of so many periods, up to the one that `last` is in."""
    found = [period.start(last)]
    while len(found) < number:
        found.insert(0, period.start(date.fromordinal(found[0].toordinal() - 1)))
    return found


def series(period, *values, segments=(0,)):
    """Make charted points of RJ1 that end in Q3 2024/25, or in 2024/25; a value None is not submitted."""
    frame = pl.DataFrame(
        {
            "org_code": "RJ1", "period_start": starts(period, len(values)), "value": values,
            "numerator": [None if value is None else value * 100 for value in values],
            "denominator": [None if value is None else 10_000.0 for value in values],
            "status": ["not_submitted" if value is None else "reported" for value in values],
            "segment": [segments[min(place, len(segments) - 1)] for place in range(len(values))],
        },
        schema_overrides={"status": STATUS_TYPE, "value": pl.Float64, "segment": pl.UInt32},
    )  # fmt: skip
    return spc.xmr(frame, improvement="increase", segment="segment", natural_bounds=(0.0, 100.0))


@pytest.fixture
def of(measure):
    """Give the measure with figures by quarters, or by another period, and other fields changed."""

    def changed(period=QUARTER, **fields):
        return measure.model_copy(update={"period": period} | fields)

    return changed


def plain(text):
    return text.replace("\u00a0", " ")


def say(measure, points, period_to=date(2024, 10, 1)):
    said = plain(words.finding(standards.join(points, measure), measure, period_to=measure.period.start(period_to)))
    assert not MONTHLY.search(said)
    return said


# ---- definition and data


def test_a_measure_is_monthly_unless_it_says_otherwise(measure, measure_yml):
    assert measure.period is Period.MONTH
    (measure.folder / "measure.yml").write_text(f"{measure_yml}period: quarter\n", encoding="utf-8")
    assert definitions.load(measure.folder).period is QUARTER
    (measure.folder / "measure.yml").write_text(f"{measure_yml}period: quarterly\n", encoding="utf-8")
    with pytest.raises(
        DefinitionError, match=r"'period' is 'quarterly': .*'month', 'quarter', 'year' or 'rolling_year'"
    ):
        definitions.load(measure.folder)


def observed(*spans):
    rows = [
        {
            "source": "ae_monthly", "metric": metric, "org_code": "RC9", "breakdown": "", "category": "",
            "period_start": first, "period_end": last, "value": 1.0, "status": "reported", "release": "0" * 64,
        }
        for first, last in spans
        for metric in ("attendances_type_1", "over_four_hours_type_1")
    ]  # fmt: skip
    typed = pl.DataFrame(rows, schema_overrides={"status": STATUS_TYPE})
    return Observations.validate(typed) if rows else Observations.create_empty()


OCTOBER, THIRD = (date(2024, 10, 1), date(2024, 10, 31)), (date(2024, 10, 1), date(2024, 12, 31))
FOURTH, ANNUAL = (date(2025, 1, 1), date(2025, 3, 31)), (date(2024, 4, 1), date(2025, 3, 31))
CALENDAR, HALF = (date(2024, 1, 1), date(2024, 12, 31)), (date(2024, 4, 1), date(2024, 9, 30))


@pytest.fixture
def run_of(keep, store, of, monkeypatch):
    """Make a run whose source holds figures of these spans."""
    keep(("RC9", 1000, 400))

    def run(period, *spans):
        monkeypatch.setattr(Store, "observations", lambda *_, **__: observed(*spans))
        run = parameters.check(of(Period.MONTH), org_code="RC9", period_to="", data=str(store.folder))
        return parameters.Parameters(of(period), run.store, "RC9", date(2025, 1, 1), run.organisations)

    return run


@pytest.mark.parametrize(
    ("period", "spans"),
    [
        (Period.MONTH, [OCTOBER]), (QUARTER, [THIRD, FOURTH]), (YEAR, [ANNUAL]), (ROLLING, [CALENDAR, ANNUAL]),
        (QUARTER, []),
    ],
)  # fmt: skip
def test_figures_that_cover_what_the_measure_says(run_of, period, spans):
    assert run_of(period, *spans).observations().height == 2 * len(spans)


@pytest.mark.parametrize(
    ("period", "spans", "said"),
    [
        (Period.MONTH, [THIRD],
         "'period' is 'month', but ae_monthly has figures from 1 October 2024 to 31 December 2024; "
         "expected each to be of one month. Set 'period' to 'quarter'."),
        (QUARTER, [THIRD, (date(2025, 1, 1), date(2025, 1, 31))],
         "'period' is 'quarter', but ae_monthly has figures from 1 January 2025 to 31 January 2025; "
         "expected each to be of one quarter. Set 'period' to 'month'."),
        (YEAR, [CALENDAR], "'period' is 'year', but ae_monthly has figures from 1 January 2024 to 31 December 2024; "
         "expected each to be of one financial year. Set 'period' to 'rolling_year'."),
        (QUARTER, [ANNUAL], "expected each to be of one quarter. Set 'period' to 'year'."),
        (YEAR, [HALF], "expected each to be of one financial year. Correct the source: a period is one of 'month', "
         "'quarter', 'year', 'rolling_year'."),
        (QUARTER, [(date(2024, 11, 1), date(2025, 1, 31))],
         "expected each to be of one quarter. Correct the source: a period is "
         "one of 'month', 'quarter', 'year', 'rolling_year'."),
    ],
)  # fmt: skip
def test_figures_that_cover_another_length_of_time_are_one_error(run_of, period, spans, said):
    run = run_of(period, *spans)
    with pytest.raises(DefinitionError) as refusal:
        run.observations()
    assert str(refusal.value).startswith(f"{run.measure.folder / 'measure.yml'}: 'period' is {period.value!r}")
    assert str(refusal.value).endswith(said)


def test_a_period_without_release_is_refused_in_its_own_words(keep, store, of, monkeypatch):
    keep(("RC9", 1000, 400))
    [release] = store.releases()
    quarters = dict.fromkeys(starts(QUARTER, 3), release)
    names = store.organisations("ae_monthly")
    monkeypatch.setattr(Store, "organisations", lambda *_: names)
    monkeypatch.setattr(Store, "newest", lambda *_: quarters)

    def check(period_to):
        return parameters.check(of(), org_code="RC9", period_to=period_to, data=str(store.folder)).period_to

    assert [check(text) for text in ("", "Q3 2024/25", "2024-12", "June 2024")] == [
        date(2024, 10, 1), date(2024, 10, 1), date(2024, 10, 1), date(2024, 4, 1)
    ]  # fmt: skip
    with pytest.raises(ParameterError) as refusal:
        check("2025-01")
    assert str(refusal.value) == (
        "parameter 'period_to': no release for Q4 2024/25; the data cover Q1 2024/25 to Q3 2024/25. Ingest that "
        "quarter, or name another."
    )


# ---- counts, peers and quality


@pytest.mark.parametrize(("period", "late"), [(QUARTER, 2), (YEAR, 1)])
@pytest.mark.parametrize("beyond", [0, 1])
def test_the_latest_periods_are_missing_for_half_a_year_at_most(of, period, late, beyond):
    every = starts(period, 6)
    spans = {code: every[: 6 - missing] for code, missing in (("RJ1", 0), ("RC9", late + beyond))}
    seen = pl.concat(
        observed(*((day, period.end(day)) for day in days)).with_columns(org_code=pl.lit(code))
        for code, days in spans.items()
    )
    measure = of(period)
    found = counts.count(seen, numerator=measure.numerator, denominator=measure.denominator, period=period)
    assert found.filter(pl.col("org_code") == "RC9").height == (6 if not beyond else 6 - late - 1)


def test_a_missing_quarter_is_not_submitted_and_breaks_no_run(of):
    every = starts(QUARTER, 4)
    both = [observed(*((day, QUARTER.end(day)) for day in days)) for days in (every, [every[0], *every[2:]])]
    seen = pl.concat([both[0].with_columns(org_code=pl.lit("RJ1")), both[1]])
    measure = of()
    found = counts.count(seen, numerator=measure.numerator, denominator=measure.denominator, period=QUARTER)
    assert found.filter(pl.col("org_code") == "RC9")["status"].to_list() == [
        "reported", "not_submitted", "reported", "reported"
    ]  # fmt: skip


ORGANISATIONS = pl.DataFrame(
    {"org_code": ["ENG", "RC9", "RJ1"], "org_name": ["England", "City", "Town"], "region_name": ["", "", ""]}
)


def run_at(measure, org_code="ENG", period_to=date(2024, 10, 1)):
    return parameters.Parameters(measure, None, org_code, measure.period.start(period_to), ORGANISATIONS)


@pytest.mark.parametrize(("period", "window"), [(QUARTER, 4), (YEAR, 2), (ROLLING, 12)])
@pytest.mark.parametrize("beyond", [0, 1])
def test_who_reported_in_the_year_before_is_absent_now(of, period, window, beyond):
    days = starts(period, 14)
    rows = [("RJ1", day, 10.0) for day in days] + [("RC9", days[-window - beyond], 10.0)]
    frame = pl.DataFrame(rows, schema=["org_code", "period_start", "denominator"], orient="row")
    assert quality.absent(run_at(of(period)), frame) == ([] if beyond else ["City (RC9)"])


@pytest.mark.parametrize(
    ("period", "window", "said"),
    [
        (QUARTER, 4, "RC9 reported nothing in the year to Q3 2024/25, so it is compared with no one."),
        (YEAR, 1, "RC9 reported nothing in 2024/25, so it is compared with no one."),
    ],
)
def test_who_reported_nothing_for_a_year_has_no_peers(of, period, window, said):
    days = starts(period, 6)
    rows = [("RJ1", "attendances_type_1", day, 10.0) for day in days]
    rows.append(("RC9", "attendances_type_1", days[-window - 1], 10.0))
    frame = pl.DataFrame(rows, schema=["org_code", "metric", "period_start", "value"], orient="row")
    run = run_at(of(period), "RC9")
    assert alike(run, frame).org_codes == []
    sentence = standing.by_quarters(run, pl.DataFrame(), spread=None, group=PeerGroup([], "trusts", "", "T", "s"))
    assert sentence.replace("City", "RC9") == said
    back = frame.filter(pl.col("period_start") < days[-1])  # where the last one left out, it is within the year
    assert alike(run, back).org_codes == ["RC9", "RJ1"]


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (QUARTER, "2 of 3 quarters have a figure (1 quarter not submitted); nothing after Q2 2024/25; {}; all "
         "organisations together cover 90.0 % of what was published for England in the latest quarter; reported in the "
         "year before, but not in the latest quarter: City; the latest quarter is final; no date of publication is "
         "given for it."),
        (YEAR, "2 of 3 financial years have a figure (1 financial year not submitted); nothing after 2024/25; {}; all "
         "organisations together cover 90.0 % of what was published for England in the latest financial year; reported "
         "in the year before, but not in the latest financial year: City; the latest financial year is final; no "
         "date of publication is given for it."),
    ],
)  # fmt: skip
def test_quality_in_words(period, said):
    states = dict.fromkeys(Status, 0) | {Status.REPORTED: 2, Status.NOT_SUBMITTED: 1}
    found = quality.Quality(
        states, 0, date(2024, 7, 1), date(2024, 10, 1), 0, 0.9, ReleaseStatus.FINAL, ["City"], period
    )
    sums = "as published, before corrections, all organisations add up to the totals"
    assert plain(words.quality(found)) == said.format(sums)


# ---- variation in words


def test_no_figure(of):
    assert say(of(), series(QUARTER, None)) == "No figures up to Q3 2024/25 (October to December 2024)."


@pytest.mark.parametrize("number", [8, 12])
def test_few_annual_points_have_no_limits_and_say_so(of, number):
    points = series(YEAR, *[60.0 + place % 2 for place in range(number)])
    assert points["mean"].is_null().all()
    assert say(of(YEAR), points).endswith(
        f" in 2024/25 (April 2024 to March 2025). {number} financial years of figures are too few to tell common from "
        "special cause, which takes 13."
    )
    assert summary.variation(
        {"points": [{"series": "all", "value": 60.0, "period_start": "2024-04-01", "variation": None}],
         "period_to": "2024-04-01", "suits_limits": True}, YEAR,
    ).text == "Too few financial years to say"  # fmt: skip


def test_few_quarters_since_limits_start_anew(of):
    points = series(QUARTER, *[60.0, 61.0] * 7, *[70.0, 71.0], segments=[0] * 14 + [1])
    assert say(of(), points) == (
        "71.0 % in Q3 2024/25 (October to December 2024). 2 quarters of figures since Q2 2024/25 are too few to tell "
        "common from special cause, which takes 13."
    )


def test_too_few_cases_a_quarter(of):
    points = series(QUARTER, *[60.0, 61.0] * 7).with_columns(numerator=pl.lit(1.0))
    assert "Fewer than 5 cases a quarter, on average" in say(of(), points)


def test_a_series_that_ended(of):
    assert say(of(), series(QUARTER, *[60.0, 61.0] * 7, None)).startswith(
        "The last figure is for Q2 2024/25 (July to September 2024); later quarters have none. Common-cause variation: "
        "61.0 % in Q2 2024/25 is"
    )


def test_nothing_but_zeros(of):
    assert say(of(), series(QUARTER, 0.0, 0.0)).endswith(
        "none in 2 quarters, up to Q3 2024/25 (October to December 2024)."
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [66.0] * 7,
            "the last 7 quarters are above the average of 62.3 %; Q3 2024/25 (October to December 2024) is at",
        ),
        ([66.0] * 3 + [None] + [66.0] * 4, "the last 7 figures, over 8 quarters, are above the average of 62.3 %"),
    ],
)
def test_a_shift_counts_quarters_a_missing_one_told(of, values, said):
    points = series(QUARTER, *[58.0, 62.6] * 6, *[60.3], *values)
    assert said in say(of(), points)


def test_a_trend_and_two_in_three(of):
    assert "each of the last quarters is higher than the one before" in say(
        of(), series(QUARTER, *[64.0, 61.0, 66.0, 59.0] * 5, 62.0, *[62.1 + 0.1 * step for step in range(7)])
    )
    points = series(QUARTER, *[60.0, 62.0] * 10, 61.9, 65.8, 66.0)
    assert "two of the last three quarters are unusually far above the average" in say(of(), points)


def test_limits_that_do_not_describe_the_series(of):
    assert re.search(r"\d+ of 20 quarters lie inside its limits", say(of(), series(QUARTER, *range(40, 60))))


# ---- standards


def standard(value, *, begin=date(2010, 1, 1), end=None, name="Standard", **judged):
    where = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    return definitions.Standard(name=name, value=value, **{"from": begin, "to": end}, **where, **judged)


@pytest.mark.parametrize(("period", "window"), [(QUARTER, "the last 4 quarters"), (YEAR, "the last 5 financial years")])
def test_a_standard_is_met_in_so_many_of_the_latest(of, period, window):
    measure = of(period, standards=[standard(60.5)])
    points = series(period, *[60.0, 61.0] * 8)
    latest = period.lately
    said = say(measure, points)
    assert f"{(latest + 1) // 2} of {window} reach it" in said
    plural = period.plural
    assert f"Left as it is, the process may meet it in some {plural} and miss it in others." in said
    [row] = standards.met(standards.join(points, measure), measure).iter_rows(named=True)
    assert (row["periods_met"], row["periods"]) == ((latest + 1) // 2, latest)


@pytest.mark.parametrize(
    ("period", "end", "due", "said"),
    [
        (QUARTER, date(2024, 12, 31), date(2024, 10, 1), "Milestone: missed in Q3 2024/25 (61.0 % against 78 %)."),
        (QUARTER, date(2024, 10, 1), date(2024, 10, 1), "Milestone: missed in Q3 2024/25 (61.0 % against 78 %)."),
        (
            QUARTER,
            date(2025, 1, 1),
            date(2025, 1, 1),
            "Milestone (78 %), for Q4 2024/25: no figure for that quarter yet; Q3 2024/25 is at 61.0 %.",
        ),
        (YEAR, date(2025, 3, 31), date(2024, 4, 1), "Milestone: missed in 2024/25 (61.0 % against 78 %)."),
        (
            YEAR,
            date(2025, 4, 1),
            date(2025, 4, 1),
            "Milestone (78 %), for 2025/26: no figure for that financial year yet; 2024/25 is at 61.0 %.",
        ),
    ],
)
def test_a_milestone_is_due_in_the_period_that_its_month_is_in(of, period, end, due, said):
    measure = of(period, standards=[standard(78, end=end, name="Milestone")])
    points = series(period, *[60.0, 61.0] * 8)
    assert say(measure, points).endswith(said)
    [row] = standards.met(standards.join(points, measure), measure).iter_rows(named=True)
    assert row["due_month"] == due
    assert row["latest"] is (False if due <= points["period_start"].max() else None)


def test_a_milestone_for_all_its_quarters_together(of):
    together = standard(78, begin=date(2024, 4, 1), end=date(2025, 3, 31), name="Milestone", judged="together")
    measure = of(standards=[together])
    assert say(measure, series(QUARTER, *[60.0, 61.0] * 8)).endswith(
        "Milestone (78 %) is for the quarters from Q1 2024/25 to Q4 2024/25 together, so that none by itself meets or "
        "misses it; Q3 2024/25 is at 61.0 %."
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (standard(60.5), ("Met in Q3 2024/25", "Quarters met, of the last", "yes", "2 of 4")),
        (
            standard(70, end=date(2025, 3, 31)),
            (None, None, "not its quarter", "one quarter counts", "no figure for Q4 2024/25 yet"),
        ),
        (standard(70, end=date(2024, 12, 31)), (None, None, "no", "one quarter counts", "ended in Q3 2024/25")),
        (
            standard(70, begin=date(2024, 4, 1), end=date(2025, 3, 31), judged="together"),
            (None, None, "no quarter by itself can", "all count together", ""),
        ),
    ],
)
def test_the_table_of_standards(of, given, expected):
    measure = of(standards=[given])
    points = standards.join(series(QUARTER, *[60.0, 61.0] * 8), measure)
    text = plain(display.standing_against(standards.met(points, measure), run_at(measure)).text)
    assert not MONTHLY.search(text)
    assert [words_ for words_ in expected if words_ and words_ not in text] == []


@pytest.mark.parametrize(
    ("given", "badge", "often"),
    [
        (
            {"periods": 4, "periods_met": 2, "periods_spanned": 4, "latest": True},
            "Met in Q3 2024/25",
            "Met in 2 of the last 4 quarters",
        ),
        (
            {"periods": 1, "periods_met": 1, "periods_spanned": 1, "latest": True},
            "Met in Q3 2024/25",
            "Met in the only quarter of the last 4 with a figure",
        ),
        ({"latest": None, "due_month": "2025-01-01"}, "No figure for Q4 2024/25 yet", "Q3 2024/25: 61.0 %"),
        ({"latest": None, "due_month": None}, "For all its quarters", "Q3 2024/25: 61.0 %"),
        ({"latest": False, "due_month": "2024-10-01"}, "Missed in Q3 2024/25", "61.0 % against 60 %"),
    ],
)
def test_the_facts_that_lead_a_page(of, store, keep, given, badge, often):
    keep(("RC9", 1000, 400))
    row = {
        "standard_name": "S", "standard": 60.0, "value": 61.0, "period_start": "2024-10-01", "assurance": None,
        "is_changing": False, "periods": None, "periods_met": None, "due_month": None,
    } | given  # fmt: skip
    point = {"series": "all", "value": 61.0, "period_start": "2024-10-01", "numerator": 61.0, "denominator": 100.0}
    content = {"points": [point | {"variation": None}], "period_to": "2024-10-01", "suits_limits": True}
    content |= {"quality": dict.fromkeys(quality.COLUMNS, 0), "as_of": ""}
    found = summary.summarise(content | {"standards": [row]}, of(), store.releases()[0], reaches=date(2024, 12, 31))
    assert found.month == "Q3 2024/25 (October to December 2024)"
    assert found.variation.text == "Too few quarters to say"
    [fact] = found.standards
    assert (plain(fact.met.text), plain(fact.often)) == (badge, often)
    ended = summary.variation(content | {"period_to": "2025-01-01"}, QUARTER)
    assert ended.text == "No figures after Q3 2024/25"


# ---- seasons


WINTER = [0.0, 1.0, 0.0, 5.0]  # from April on
NOISE = [0.3, -0.2, 0.1, -0.3, 0.2, -0.1]


def seasons(period, number):
    values = [
        60 + WINTER[day.month // 3 - 1 if day.month > 3 else 3] * (period is QUARTER) for day in starts(period, number)
    ]
    return series(period, *[value + NOISE[place % 6] for place, value in enumerate(values)])


def test_a_season_of_quarters_is_taken_out(of):
    points = seasons(QUARTER, 16)
    found = seasonal.seasonality(points, period=QUARTER).row(0, named=True)
    assert (found["is_seasonal"], found["highest_month"]) == (True, 1)
    adjusted = seasonal.adjust(points, segment="segment", period=QUARTER)
    effects = adjusted.group_by(pl.col("period_start").dt.month()).agg(pl.col("month_effect").unique().implode())
    assert effects.height == 4
    assert sum(adjusted["month_effect"].unique().to_list()) == pytest.approx(0)
    adjusted = adjusted.select("org_code", "period_start", "segment", value="adjusted_value")
    charted = spc.xmr(adjusted, improvement="increase", segment="segment")
    said = plain(reliability.season(points, charted, of()))
    assert said.startswith("This series has a season: Q4 (January to March) is highest and Q")
    assert "and the quarter of the year explains" in said
    assert "Without the season the latest quarter is" in said
    assert not MONTHLY.search(said)


@pytest.mark.parametrize(("number", "is_told"), [(11, False), (12, True)])
def test_a_season_of_quarters_takes_three_years(number, is_told):
    found = seasonal.seasonality(seasons(QUARTER, number), period=QUARTER)
    assert found["p_value"].is_null().item() != is_told


@pytest.mark.parametrize("period", [YEAR, ROLLING])
def test_what_covers_a_year_has_no_season(of, period):
    points = seasons(period, 48)
    assert seasonal.seasonality(points, period=period)["p_value"].is_null().all()
    adjusted = seasonal.adjust(points, period=period)
    assert adjusted["adjusted_value"].is_null().all()
    assert reliability.season(points, adjusted, of(period)) == (
        f"A {period.noun} holds every season, so there is none to take out."
    )


def test_two_figures_of_one_quarter_are_refused():
    points = series(QUARTER, 60.0, 61.0).with_columns(period_start=pl.Series([date(2024, 10, 1), date(2024, 12, 1)]))
    with pytest.raises(ParameterError, match="one row an organisation and quarter"):
        seasonal.adjust(points, period=QUARTER)


def test_odd_quarters_are_left_out_only_where_the_rest_can_tell(of):
    """Of 12 quarters with a line of two bends and three effects 5 degrees are left, too few to call one odd."""
    for number, left_out in ((12, 0), (40, 1)):
        points = seasons(QUARTER, number).with_row_index()
        shocked = points.with_columns(value=pl.col("value") + pl.when(pl.col("index") == 5).then(40.0).otherwise(0.0))
        assert seasonal.seasonality(shocked, period=QUARTER)["left_out"].item() == left_out


# ---- how sure


def test_certainty_says_quarters(of):
    alike_ = series(QUARTER, *[60.0 + place // 5 for place in range(20)])
    assert reliability.false_alarms(alike_, of()).startswith("Neighbouring quarters of this series are alike")
    uneven = series(QUARTER, *[60.0, 61.0] * 10).with_columns(
        denominator=pl.Series([1_000.0, 100_000.0] * 10), numerator=pl.Series([600.0, 61_000.0] * 10)
    )
    assert "uneven numbers of quarters" in reliability.other_charts(uneven, of())


def test_changes_of_level_are_named_by_their_quarter(of):
    measure = of()
    entry = {
        "org_code": "RJ1",
        "date": "2021-10-01",
        "reason": "A unit opened.",
        "author": "A",
        "reviewed": "2026-01-01",
    }
    text = "\n".join(f"{'-' if not place else ' '} {key}: {value}" for place, (key, value) in enumerate(entry.items()))
    (measure.folder / "rebases.yml").write_text(text, encoding="utf-8")
    frame = series(QUARTER, *[60.0, 61.0] * 13, *[50.0, 51.0] * 6, *[50.0])
    points = rebases.segments(
        frame.select("org_code", "period_start", "numerator", "denominator", "value"),
        rebases.load(measure.folder),
        period_to=date(2024, 10, 1),
    )
    said = reliability.changes(spc.xmr(points, improvement="increase", segment="segment"), measure)
    assert said == "From Q3 2021/22 the limits start anew. A unit opened."


def test_reconciliation_counts_quarters(of):
    frame = pl.DataFrame(
        {"measure": "m", "series": "", "published_in": "Row of England", "org_code": "ENG",
         "period_start": starts(QUARTER, 3),
         "verdict": ["agrees", "agrees", "unpublished"]}
    )  # fmt: skip
    assert reconcile.lines(frame, QUARTER) == [
        "Row of England: 2 of 2 quarters agree (Q1 2024/25 to Q2 2024/25), 1 quarter without a figure there"
    ]


# ---- charts


@pytest.mark.parametrize(
    ("period", "when", "number"),
    [(QUARTER, "Q3 2024/25 (October to December 2024)", 20), (YEAR, "2024/25 (April 2024 to March 2025)", 8)],
)
def test_an_spc_chart_speaks_of_its_period(of, period, when, number):
    measure = of(period)
    points = standards.join(series(period, *[60.0, 61.0] * (number // 2 - 1), None, 90.0), measure)
    spec = spc_chart.chart(points, measure, title="T", finding="F").to_dict()
    assert spec["datasets"]["points"][-1]["month"] == when
    text = str(spec)
    assert not re.search(r"[Mm]onths?\b(?!'|\()", text.replace("'month'", "").replace("month:N", ""))
    assert period.heading in text
    if period is YEAR:
        assert "Value (no limits: too few years or cases)" in text
        assert theme.no_limits("months") == theme.NO_LIMITS
    phone = output.narrow(spec)
    for each, size in ((spec, theme.PAGE), (phone, theme.PHONE)):
        axis = each["layer"][0]["encoding"]["x"]["axis"]
        assert "tickCount" not in axis
        assert 1 < len(axis["values"]) <= size.years


def test_deciles_speak_of_quarters(of):
    quarters = starts(QUARTER, 6)
    deciles = pl.DataFrame({"period_start": quarters}).with_columns(
        pl.lit(60.0 + share).alias(f"decile_{share}") for share in range(10, 100, 10)
    )
    mine = pl.DataFrame({"period_start": quarters, "value": [60.0] * 4 + [None] * 2})
    spec = deciles_chart.chart(deciles, mine, of(), org_name="City", title="T", finding="F").to_dict()
    assert spec["datasets"]["points"][0]["month"] == "Q2 2023/24 (July to September 2023)"
    assert "in Q1 2024/25" in str(spec["datasets"]["ends"])
    assert "'title': 'Quarter'" in str(spec)
    empty = deciles.with_columns(decile_50=pl.lit(None, pl.Float64))
    with pytest.raises(
        ParameterError, match="found no deciles in 6 quarters, expected one quarter with deciles or more"
    ):
        deciles_chart.chart(empty, mine, of(), org_name="City", title="T", finding="F")


@pytest.mark.parametrize(
    ("period", "value", "said"),
    [
        (QUARTER, 9.0, "is in the highest quarter of the organisations; half"),
        (QUARTER, 0.0, "is in the lowest quarter of the organisations; half"),
        (QUARTER, 4.5, "is in the middle half; half"),
        (YEAR, 9.0, "is in the highest quarter; half"),
    ],
)
def test_a_quarter_of_the_organisations_is_told_from_a_quarter_of_a_year(of, period, value, said):
    codes = ["RC9", *(f"T{number}" for number in range(8))]
    latest = pl.DataFrame({"org_code": codes, "value": [value, *(float(number) for number in range(8))]})
    group = PeerGroup(codes, "trusts", "", "Beds", "beds")
    found = standing.by_quarters(run_at(of(period), "RC9"), latest, spread=peers.spread(latest), group=group)
    assert said in found
