"""Where an organisation stands, word for word: it is the page, the alt text and the summary."""

from datetime import date

import polars as pl
import pytest

from openmeasures import standing
from openmeasures.methods import benchmark
from openmeasures.methods.funnel import funnel
from openmeasures.methods.peers import Spread
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import PeerGroup

MARCH = date(2024, 3, 1)
GROUP = PeerGroup(["RC9", "RJ1"], "trusts", "", "Four hours", "attendances")


def run_of(measure, org_code="RC9"):
    organisations = pl.DataFrame(
        {"org_code": ["ENG", "RC9"], "org_name": ["England", "Bedfordshire"], "region_name": ["", "East"]}
    )
    return Parameters(measure, None, org_code, MARCH, organisations)


# ---- in a funnel


def said(text):
    return text.replace("\u00a0", " ")


def funnel_of(*counts, codes=None, **options):
    """Make the funnel of trusts with these numerators and denominators; the first is RC9."""
    codes = codes or ["RC9", *(f"T{number}" for number in range(1, len(counts)))]
    names = [f"{code} Hospital" for code in codes]
    frame = pl.DataFrame(
        {
            "org_code": codes,
            "org_name": names,
            "numerator": [n for n, _ in counts],
            "denominator": [d for _, d in counts],
        },
        schema_overrides={"numerator": pl.Float64, "denominator": pl.Float64},
    )  # fmt: skip
    return funnel(benchmark.rank_intervals(frame, kind="proportion"), kind="proportion", **options)


@pytest.mark.parametrize(
    ("numerator", "place"),
    [
        (600, "lies within the funnel's 95 % limits: not unusual among them"),
        (635, "lies above the funnel's 95 % limit, and inside 99.8 %, as some do by chance alone"),
        (700, "lies above the funnel's 99.8 % limit: higher than its size and chance alone explain"),
        (565, "lies below the funnel's 95 % limit, and inside 99.8 %, as some do by chance alone"),
        (500, "lies below the funnel's 99.8 % limit: lower than its size and chance alone explain"),
    ],
)
def test_a_place_in_the_funnel(measure, numerator, place):
    found = funnel_of((numerator, 1000), *[(600, 1000)] * 4, target=0.6)
    sentence = said(standing.in_funnel(run_of(measure), found, group=GROUP))
    assert sentence.startswith(f"Four hours: in March 2024 Bedfordshire, at {numerator / 10:.1f} %, {place}. ")


def test_limits_that_make_room_for_the_usual_spread_are_said_to(measure):
    """Thirty trusts that differ by a few points each, and the first by forty."""
    found = funnel_of((980, 1000), *[(540 + 5 * number, 1000) for number in range(30)])
    assert found.is_adjusted
    assert "higher than its size and the usual spread explain. " in standing.in_funnel(
        run_of(measure), found, group=GROUP
    )
    assert standing.in_funnel(run_of(measure, "ENG"), found, group=GROUP).endswith(
        "Of them 1 lies above the funnel's 99.8\u00a0% limits, by more than size and the usual spread explain."
    )


@pytest.mark.parametrize(
    ("counts", "others"),
    [
        ([(600, 1000), (601, 1000), (602, 1000)],
         "Chance in the counts may explain its distance from each of the other 2."),
        ([(9000, 10_000), (6000, 10_000)],
         "By more than chance in the counts it is higher than the other one; higher is better."),
        ([(6000, 10_000), *[(9000, 10_000)] * 3],
         "By more than chance in the counts it is lower than each of the other 3; higher is better."),
        ([(600, 1000), (602, 1000), (9900, 10_000)],
         "By more than chance in the counts it is lower than 1 of the other 2; higher is better."),
        ([(600, 1000), (10, 1000), (9900, 10_000), (9900, 10_000)],
         "By more than chance in the counts it is lower than 2 and higher than 1 of the other 3; higher is better."),
        ([(50, 1000), (900, 1000)], "it is lower than the other one; higher is better."),
        ([(49, 1000), (900, 1000)], "With 49 cases it is not set against single others."),
        ([(951, 1000), (100, 1000)], "With 49 cases it is not set against single others."),
    ],
)  # fmt: skip
def test_others_are_counted_and_no_rank_is_stated(measure, counts, others):
    found = said(standing.in_funnel(run_of(measure), funnel_of(*counts), group=GROUP))
    assert found.endswith(f" {others}")
    assert "highest of" not in found


@pytest.mark.parametrize(
    ("improvement", "ending"), [("decrease", "the other one; lower is better."), ("neutral", "the other one.")]
)
def test_which_way_is_better_is_said(measure, improvement, ending):
    found = funnel_of((9000, 10_000), (6000, 10_000))
    run = run_of(measure.model_copy(update={"improvement": improvement}))
    assert standing.in_funnel(run, found, group=GROUP).endswith(ending)


def test_of_a_rate_the_events_are_the_cases(measure):
    frame = pl.DataFrame({"org_code": ["RC9", "T1"], "numerator": [990.0, 100.0], "denominator": [1000.0, 1000.0]})
    found = funnel(benchmark.rank_intervals(frame, kind="rate"), kind="rate")
    assert "higher than the other one" in standing.in_funnel(run_of(measure), found, group=GROUP)


# ---- limits that hold whatever can happen

WIDE = [(number * number + 2, 400) for number in range(20)]  # from 0.5 % to 91 %


def test_where_limits_hold_everybody_nobody_is_called_usual_or_unusual(measure):
    found = funnel_of(*WIDE[::-1])
    assert not found.tells_apart
    cannot = (
        "The organisations differ so much that limits which make room for their usual spread hold every one of them: "
        "none can be called unusual."
    )
    assert said(standing.in_funnel(run_of(measure), found, group=GROUP)).startswith(
        f"Four hours: in March 2024 Bedfordshire is at 90.8 %. {cannot} "
    )
    assert standing.in_funnel(run_of(measure, "ENG"), found, group=GROUP).endswith(cannot)
    assert standing.overdispersion(found).endswith(
        "Limits with room for such a spread would hold every figure, so the chart shows how the figures lie."
    )
    points = pl.DataFrame({"period_start": [MARCH], "variation": ["common_cause"]})
    assert standing.together(run_of(measure), points, found) == ""


@pytest.mark.parametrize("org_code", ["RC9", "ENG"])
def test_the_only_one_with_a_figure_is_compared_with_no_one(measure, org_code):
    found = funnel_of((600, 1000), (None, 10))
    assert standing.in_funnel(run_of(measure, org_code), found, group=GROUP) == (
        "Four hours: only one of the trusts has a figure for March 2024, so there is no comparison."
    )


def test_england_is_the_target(measure):
    found = funnel_of((600, 1000), (600, 1000), (900, 1000), (300, 1000), (200, 1000), is_adjusted=False)
    assert said(standing.in_funnel(run_of(measure, "ENG"), found, group=GROUP)) == (
        "Four hours: in March 2024 the 5 trusts together are at 52.0 %. Of them 3 lie above and 2 below the funnel's "
        "99.8 % limits, by more than size and chance alone explain."
    )


def test_one_beyond_the_limits(measure):
    found = funnel_of((300, 1000), *[(600, 1000)] * 4, target=0.6)
    said_of_it = said(standing.in_funnel(run_of(measure, "ENG"), found, group=GROUP))
    assert said_of_it.endswith(
        "Of them 1 lies below the funnel's 99.8 % limits, by more than size and chance alone explain."
    )


def test_where_none_lies_beyond_the_limits_that_is_said(measure):
    assert said(standing.in_funnel(run_of(measure, "ENG"), funnel_of((600, 1000), (600, 1000)), group=GROUP)).endswith(
        " are at 60.0 %. None of them lies beyond the funnel's 99.8 % limits."
    )


@pytest.mark.parametrize("codes", [["RC9", "T1"], ["T1", "T2"]])
def test_without_a_figure_an_organisation_has_no_place(measure, codes):
    found = funnel_of((None, 10), (600, 1000), codes=codes)
    assert standing.in_funnel(run_of(measure), found, group=GROUP) == (
        "Four hours: Bedfordshire has no figure for March 2024."
    )


def test_without_peers_there_is_no_funnel(measure):
    nobody = PeerGroup([], "trusts", "", "Four hours", "attendances")
    assert standing.in_funnel(run_of(measure), funnel_of((600, 1000)), group=nobody) == (
        "Bedfordshire reported nothing in the year to March 2024, so it is compared with no one."
    )


@pytest.mark.parametrize("org_code", ["RC9", "ENG"])
def test_a_funnel_without_figures(measure, org_code):
    found = funnel_of((None, None))
    said_of_it = standing.in_funnel(run_of(measure, org_code), found, group=GROUP)
    assert said_of_it == "None of the trusts has a figure for March 2024."


# ---- overdispersion


def test_overdispersion_is_put_into_words():
    found = funnel_of(*[(500 + 20 * number, 1000) for number in range(12)])
    outside = sum(found.points["exact_position"].is_in(["above_99_8", "below_99_8"]))
    assert 0 < outside < 12
    assert said(standing.overdispersion(found)) == (
        f"The organisations differ by more than chance: {outside} of 12 lie outside 99.8 % limits from chance alone, "
        f"and the variance of their scores is {found.dispersion:.0f} times what chance would make it (φ). The limits "
        "therefore make room for the spread that is usual among them (additive overdispersion)."
    )


def test_a_little_overdispersion_has_a_decimal():
    found = funnel_of(*[(570 + 8 * number, 1000) for number in range(12)])
    assert 2 < found.dispersion < 10
    assert f"is {found.dispersion:.1f} times what chance" in standing.overdispersion(found)


def test_a_dispersion_that_chance_may_have_made_is_no_finding():
    found = funnel_of(*[(572 + 5 * number, 1000) for number in range(12)])
    assert found.is_adjusted
    assert standing.overdispersion(found) == (
        "The organisations differ little more than chance would have them: the variance of their scores is "
        f"{found.dispersion:.1f} times what it would make it (φ), which chance itself can bring about. The limits "
        "therefore make room for the spread that is usual among them (additive overdispersion)."
    )


def test_limits_that_make_no_room_for_overdispersion_are_said_to():
    found = funnel_of(*[(500 + 20 * number, 1000) for number in range(12)], is_adjusted=False)
    assert standing.overdispersion(found).endswith("(φ). The limits are nevertheless those of chance alone.")


def test_no_overdispersion_is_said_as_well():
    assert standing.overdispersion(funnel_of(*[(600, 1000)] * 12)) == (
        "The organisations differ no more than chance would have them; the limits are those of chance alone."
    )


def test_outliers_are_no_usual_spread():
    found = funnel_of(*[(600, 1000)] * 19, (900, 1000), target=0.6)
    assert standing.overdispersion(found).startswith(
        "Apart from the most extreme, the organisations differ no more than chance would have them; "
    )


def test_too_small_to_tell():
    assert standing.overdispersion(funnel_of(*[(6, 10)] * 12, (600, 1000))) == (
        "With figures large enough from 1 organisation alone, how much they usually differ cannot be told; the limits "
        "are those of chance alone."
    )


def test_none_is_large_enough_to_tell():
    assert standing.overdispersion(funnel_of(*[(6, 10)] * 12)).startswith(
        "With figures large enough from no organisation, how much they usually differ cannot be told; "
    )


def test_too_few_to_tell():
    assert standing.overdispersion(funnel_of((600, 1000))) == (
        "With a figure from 1 organisation alone, how much they usually differ cannot be told; the limits are those of "
        "chance alone."
    )
    assert standing.overdispersion(funnel_of((None, None))) == ""


# ---- over time, and both together


def test_deciles_of_the_latest_month(measure):
    frame = pl.DataFrame({"period_start": [MARCH] * 11, "value": [float(n) for n in range(50, 61)]})
    assert said(standing.over_time(run_of(measure), benchmark.deciles(frame), group=GROUP)) == (
        "Four hours over time: in March 2024 eight in ten of the 11 trusts lie between 51.0 % and 59.0 %, the middle "
        "one at 55.0 %."
    )
    assert standing.over_time(run_of(measure), benchmark.deciles(frame.head(9)), group=GROUP) == ""


CHANGED, STEADY = "concern_low", "common_cause"


@pytest.mark.parametrize(
    ("variation", "numerator", "said_of_it"),
    [
        (CHANGED, 500,
         "It is unusual among its peers, and its own series has special cause: both ask for an explanation."),
        (CHANGED, 600, "Its own series has special cause, and yet it is not unusual among its peers."),
        (STEADY, 500,
         "It is unusual among its peers, and steadily so: its own series has common-cause variation alone. The "
         "difference is not new; its cause cannot be told from these figures."),
        (STEADY, 600, "Neither its own series nor the comparison with its peers shows anything unusual."),
        (None, 500, ""),
        (STEADY, None, ""),
    ],
)  # fmt: skip
def test_time_and_peers_together(measure, variation, numerator, said_of_it):
    found = funnel_of((numerator, 1000), *[(600, 1000)] * 10, target=0.6)
    points = pl.DataFrame({"period_start": [date(2024, 2, 1), MARCH], "variation": ["common_cause", variation]})
    assert standing.together(run_of(measure), points, found) == said_of_it


def test_a_series_that_ended_or_england_is_not_read_with_its_peers(measure):
    found = funnel_of((500, 1000), *[(600, 1000)] * 10)
    ended = pl.DataFrame({"period_start": [date(2024, 2, 1)], "variation": ["common_cause"]})
    assert standing.together(run_of(measure), ended, found) == ""
    now = ended.with_columns(period_start=MARCH)
    assert standing.together(run_of(measure, "ENG"), now, found) == ""


def test_where_the_usual_spread_is_not_known_nobody_is_unusual(measure):
    """Among nine, which differ as much as they do in size or patients, limits of chance alone mark nearly each."""
    points = pl.DataFrame({"period_start": [MARCH], "variation": ["common_cause"]})
    assert standing.together(run_of(measure), points, funnel_of((500, 1000), *[(600, 1000)] * 8)) == ""
    assert "shows anything" in standing.together(run_of(measure), points, funnel_of(*[(600, 1000)] * 2))
    assert standing.together(run_of(measure), points, funnel_of((600, 1000))) == ""
    assert standing.together(run_of(measure), points, funnel_of((500, 1000), *[(600, 1000)] * 9)) != ""


# ---- by quarters


def by_quarters(measure, values, *, org_code="RC9", organisations=None, peers=("RC9",)):
    latest = pl.DataFrame(
        {"org_code": ["RC9", *"ABCDEFG"][: len(values)], "value": values}, schema_overrides={"value": pl.Float64}
    )
    present = [value for value in values if value is not None]
    number = len(present) if organisations is None else organisations
    spread = Spread(number, 50.0, 55.0, 60.0, 65.0, 70.0)
    group = PeerGroup(list(peers), "trusts", "", "Four hours", "attendances")
    said = standing.by_quarters(run_of(measure, org_code), latest, spread=spread, group=group)
    return said.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("mine", "place"),
    [(50, "in the lowest quarter"), (53.5, "in the middle half"), (70, "in the highest quarter")],
)
def test_a_place_among_peers_is_a_quarter_and_never_a_rank(measure, mine, place):
    found = by_quarters(measure, [mine, 51, 52, 53, 54, 55, 56, 57])
    assert found == (
        f"Four hours: in March 2024 Bedfordshire, at {mine:.1f} %, is {place}; "
        "half of the 8 trusts lie between 55.0 % and 65.0 %."
    )


def test_seven_peers_are_too_few_for_a_place(measure):
    assert (
        "Bedfordshire, at 50.0 %, has too few peers to be placed among them; half of the 7 trusts lie"
        in by_quarters(measure, [50, 51, 52, 53, 54, 55, 56])
    )


def test_england_has_no_place_but_the_spread(measure):
    assert by_quarters(measure, [50, 60], org_code="ENG") == (
        "Four hours: in March 2024 half of the 2 trusts lie between 55.0 % and 65.0 %."
    )


@pytest.mark.parametrize("latest", [[None, 60.0, 61.0], []])
def test_an_organisation_without_a_figure_is_told_so(measure, latest):
    found = by_quarters(measure, latest, organisations=2)
    assert found == (
        "Four hours: Bedfordshire has no figure for March 2024; half of the 2 trusts lie between 55.0 % and 65.0 %."
    )


def test_an_organisation_without_peers_is_compared_with_no_one(measure):
    assert by_quarters(measure, [], peers=()) == (
        "Bedfordshire reported nothing in the year to March 2024, so it is compared with no one."
    )


@pytest.mark.parametrize("org_code", ["RC9", "ENG"])
def test_a_group_without_figures(measure, org_code):
    assert by_quarters(measure, [None], org_code=org_code) == "None of the trusts has a figure for March 2024."


# ---- means


def _funnel_of_means(*rows):
    frame = pl.DataFrame(
        [(code, f"{code} Hospital", of * mean, of, 100.0) for code, of, mean in rows],
        schema=["org_code", "org_name", "numerator", "denominator", "variance"],
        orient="row",
    )
    return funnel(benchmark.rank_intervals(frame, kind="mean"), kind="mean")


@pytest.fixture
def of_scores(measure):
    return measure.model_copy(update={"kind": "mean", "unit": "points", "improvement": "decrease"})


def test_a_mean_below_zero_is_better_the_lower_it_is(of_scores):
    found = _funnel_of_means(("RC9", 100, -9.0), ("RJ1", 100, -3.0), ("RD8", 100, -3.0))
    assert said(standing.in_funnel(run_of(of_scores), found, group=GROUP)) == (
        "Four hours: in March 2024 Bedfordshire, at \u22129.0 points, lies below the funnel's 99.8 % limit: lower than "
        "its size and chance alone explain. By more than chance in single values it is lower than each of the other 2; "
        "lower is better."
    )


@pytest.mark.parametrize(
    ("number", "last"),
    [
        (49, "With 49 cases it is not set against single others."),
        (50, "Chance in single values may explain its distance from each of the other 2."),
    ],
)
def test_means_of_few_are_not_set_against_single_others(of_scores, number, last):
    found = _funnel_of_means(("RC9", number, -3.0), ("RJ1", 100, -3.0), ("RD8", 100, -3.0))
    assert said(standing.in_funnel(run_of(of_scores), found, group=GROUP)).endswith(last)
