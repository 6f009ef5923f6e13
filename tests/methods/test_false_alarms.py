"""How often charts of stable series have a mark: against the published table, anew, and at the ends of the table."""

from math import sqrt
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.methods import false_alarms, rulesets
from openmeasures.methods.false_alarms import FalseAlarms, probability, simulate

RULE_SETS = [rules.id for rules in rulesets.load()]


def table():
    return pl.read_csv(false_alarms.reference_file())


@pytest.mark.parametrize(
    ("rule_set", "latest", "anywhere"),
    [
        # methods.md, part 1: 4,000 stable Normal series of 36 points, every rule switched on.
        ("making-data-count", 0.016, 0.29),
        ("making-data-count-excel-7", 0.015, 0.25),
        ("making-data-count-excel-6", 0.032, 0.44),
        ("abspc", 0.013, 0.23),
        ("power-bi-spc", 0.036, 0.53),
    ],
)
def test_the_rates_are_those_of_an_independent_simulation(rule_set, latest, anywhere):
    found = probability(rule_set, 36)
    for ours, theirs, rounding in ((found.latest, latest, 0.0005), (found.anywhere, anywhere, 0.005)):
        standard_error = sqrt(theirs * (1 - theirs) * (1 / 4000 + 1 / false_alarms.SERIES))
        assert ours == pytest.approx(theirs, abs=3 * standard_error + rounding)


@pytest.mark.parametrize("points", [13, 24, 36, 60])
def test_other_draws_give_the_same_rates(points):
    series = 4000
    anew = simulate(lengths=[points], series=series, seed=1)
    both = table().join(anew, on=["rule_set", "points"], suffix="_anew")
    assert both.height == len(RULE_SETS) - (points < 15)  # abspc has no limits below 15 points
    for column in ("anywhere", "latest"):
        for before, after in both.select(column, f"{column}_anew").iter_rows():
            standard_error = sqrt(before * (1 - before) * (1 / series + 1 / false_alarms.SERIES))
            assert after == pytest.approx(before, abs=4 * standard_error)


def test_the_table_is_what_the_simulation_writes():
    # Two lengths in place of all: they do not depend on each other.
    anew = simulate(lengths=[13, 16]).write_csv(float_precision=6).splitlines()[1:]
    lines = false_alarms.reference_file().read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.split(",")[1] in {"13", "16"}] == anew


def test_written_as_it_stands(tmp_path, monkeypatch):
    found = table()
    monkeypatch.setattr(false_alarms, "simulate", lambda: found)
    committed = false_alarms.reference_file().read_bytes()
    assert false_alarms.write(tmp_path / "false_alarms.csv").read_bytes() == committed
    monkeypatch.setattr(false_alarms, "reference_file", lambda: tmp_path / "again.csv")
    assert false_alarms.write() == tmp_path / "again.csv"


def test_every_rule_set_and_length_has_its_row():
    assert table().select("rule_set", "points").rows() == [
        (rules.id, points)
        for rules in rulesets.load()
        for points in false_alarms.LENGTHS
        if points >= rules.minimum_points
    ]


def test_standard_errors_stay_below_four_tenths_of_a_point():
    assert sqrt(0.5 * 0.5 / false_alarms.SERIES) < 0.004


@pytest.mark.parametrize("rule_set", RULE_SETS)
def test_longer_charts_have_more_false_alarms(rule_set):
    anywhere = table().filter(rule_set=rule_set)["anywhere"]
    assert anywhere.is_sorted()
    assert 0 < anywhere[0] < anywhere[-1] < 1


def test_between_two_lengths_the_rate_is_on_the_line_that_joins_them():
    rows = {row[1]: row[2:] for row in table().filter(rule_set="abspc").iter_rows()}
    found = probability("abspc", 62)
    assert found == pytest.approx([(4 * a + 2 * b) / 6 for a, b in zip(rows[60], rows[66], strict=True)])
    assert probability("abspc", 60) == FalseAlarms(*rows[60])


@pytest.mark.parametrize(
    ("rule_set", "points", "drawn"),
    [
        ("making-data-count", 0, False),
        ("making-data-count", 12, False),
        ("making-data-count", 13, True),
        ("abspc", 14, False),
        ("abspc", 15, True),
        ("power-bi-spc", 12, False),  # it draws limits, but they are not simulated
        ("power-bi-spc", 13, True),
    ],
)
def test_no_chart_no_false_alarm(rule_set, points, drawn):
    assert (probability(rule_set, points) is not None) == drawn


def test_beyond_the_table_the_last_length_counts():
    assert probability("abspc", 121) == probability("abspc", 1000) == probability("abspc", 120)


def test_a_rule_set_may_be_given_itself():
    assert probability(rulesets.find("abspc"), 36) == probability("abspc", 36)
    assert probability() == probability("making-data-count", 36)


def test_an_unknown_rule_set_is_refused():
    with pytest.raises(ParameterError, match="Did you mean 'abspc'"):
        probability("abscp", 36)


def test_a_table_that_lacks_a_rule_set_says_how_to_make_it(tmp_path, monkeypatch):
    path = tmp_path / "false_alarms.csv"
    monkeypatch.setattr(false_alarms, "reference_file", lambda: path)
    with pytest.raises(DefinitionError, match=r"no such file\. Make it with: make false-alarms"):
        probability("abspc", 36)
    path.write_text("rule_set,points,anywhere,latest\nothers,13,0.1,0.1\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"no rule-set 'abspc'\. Make the table anew with: make false-alarms"):
        probability("abspc", 36)


def test_the_draws_are_standard_normal_and_longer_series_go_on_as_shorter_ones_began():
    draws = false_alarms.stable(20_000, 4, seed=7)
    assert draws.mean() == pytest.approx(0, abs=4 / sqrt(80_000))
    assert draws.std() == pytest.approx(1, abs=4 / sqrt(2 * 80_000))
    assert (abs(draws) > 2).mean() == pytest.approx(2 * NormalDist().cdf(-2), abs=4 * sqrt(0.0455 * 0.9545 / 80_000))
    assert np.array_equal(false_alarms.stable(20_000, 2, seed=7), draws[:, :2])


# ---- charts in segments


def test_a_chart_of_one_segment_has_its_own_probabilities():
    assert false_alarms.of_chart([36]) == pytest.approx(probability(points=36))


def test_segments_are_as_many_charts_and_the_last_has_the_latest_point():
    first, last = probability("abspc", 20), probability("abspc", 30)
    assert false_alarms.of_chart([20, 30], "abspc") == pytest.approx(
        (1 - (1 - first.anywhere) * (1 - last.anywhere), last.latest)
    )
    (rules,) = (rules for rules in rulesets.load() if rules.id == "abspc")
    assert false_alarms.of_chart([20, 30], rules) == false_alarms.of_chart([20, 30], "abspc")


@pytest.mark.parametrize("short", [0, 12])
def test_a_segment_too_short_for_limits_has_no_marks(short):
    assert false_alarms.of_chart([short, 36, short, 24]) == false_alarms.of_chart([36, 24])


@pytest.mark.parametrize("segments", [[], [12], [36, 12], [36, 0]])
def test_without_limits_at_its_end_a_chart_has_no_probabilities(segments):
    assert false_alarms.of_chart(segments) is None


def test_an_unknown_rule_set_of_a_chart_is_refused():
    with pytest.raises(ParameterError, match="Did you mean 'abspc'"):
        false_alarms.of_chart([36], "abscp")
