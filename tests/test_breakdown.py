"""The parts of an organisation's figure, word for word: it is the page, the alt text and the table beneath."""

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest
from scipy import stats

from openmeasures import breakdown
from openmeasures.charts import theme
from openmeasures.definitions import Breakdown, Disclosure, Standard
from openmeasures.errors import ParameterError
from openmeasures.methods.intervals import wilson
from openmeasures.parameters import Parameters
from openmeasures.releases import ReleaseStatus

FEBRUARY, MARCH = date(2024, 2, 1), date(2024, 3, 1)
NONE = (None, None, "suppressed")


@pytest.fixture
def run_of(measure):
    """Make a run on March 2024 of a measure that is divided by test, with some of its fields changed."""

    def run(org_code="RC9", *, synthetic=False, **changes):
        organisations = pl.DataFrame(
            {"org_code": ["ENG", "RC9"], "org_name": ["England", "Bedfordshire"], "region_name": ["", "East"]}
        )
        divided = {"breakdowns": [Breakdown(id="test", title="Diagnostic test")]} | changes
        release = SimpleNamespace(synthetic=synthetic, status=ReleaseStatus.FINAL, published=None)
        store = SimpleNamespace(synthetic=synthetic, newest=lambda _source: {MARCH: release})
        return Parameters(measure.model_copy(update=divided), store, org_code, MARCH, organisations)

    return run


def parts_of(*rows, month=MARCH, scale=100):
    """Make parts of category, numerator, denominator and, unless reported, status; with Wilson's interval."""
    lower, upper = wilson(pl.col("numerator"), pl.col("denominator"))
    frame = pl.DataFrame(
        [(*row, "reported")[:4] for row in rows],
        schema={"category": pl.String, "numerator": pl.Float64, "denominator": pl.Float64, "status": pl.String},
        orient="row",
    )
    return frame.with_columns(
        period_start=pl.lit(month),
        value=scale * pl.col("numerator") / pl.col("denominator").replace(0, None),
        value_lower=scale * lower,
        value_upper=scale * upper,
    )


def whole_of(numerator, denominator, *, month=MARCH, scale=100):
    return parts_of(("all", numerator, denominator), month=month, scale=scale)


def said(text):
    return text.replace("\u00a0", " ")


def say(run, parts, whole):
    return said(breakdown.finding(parts, whole, run, by="test"))


# ---- what differs by more than chance


def test_what_differs_is_named_and_what_does_not_is_counted(run_of):
    parts = parts_of(("MRI", 500, 1000), ("CT", 700, 1000), ("X", 61, 100), ("Y", 59, 100))
    assert say(run_of(), parts, whole_of(500 + 700 + 61 + 59, 2200)) == (
        "Diagnostic test in March 2024, beside 60.0 % for all together, allowing for 4 comparisons: MRI is below "
        "it by more than chance; CT is above it by more than chance; 2 parts may differ from it by chance alone."
    )


def test_several_on_one_side_are_named_the_largest_first(run_of):
    parts = parts_of(("A", 100, 500), ("B", 200, 1000), ("C", 1199, 1500))
    assert ": B and A are below it by more than chance; C is above it by more than chance." in say(
        run_of(), parts, whole_of(1499, 3000)
    )


@pytest.mark.parametrize(
    ("low", "named"),
    [
        (6, "A, B, C, D, E and F are below it"),
        (7, "A, B, C, D, E, F and G are below it"),  # not six of seven
        (8, "8 parts, among them A, B, C, D, E and F, are below it"),
    ],
)
def test_a_sentence_names_six_at_most_or_leaves_out_more_than_one(run_of, low, named):
    parts = parts_of(*((name, 100, 1000 - place) for place, name in enumerate("ABCDEFGH"[:low])), ("Z", 9900, 10_000))
    found = say(run_of(), parts, whole_of(parts["numerator"].sum(), parts["denominator"].sum()))
    assert f": {named} by more than chance; Z is above it by more than chance." in found


def test_a_name_with_a_comma_does_not_read_as_two(run_of):
    parts = parts_of(("Breast, not suspected", 100, 1000), ("Lung", 100, 1000), ("Skin", 1900, 2000))
    found = say(run_of(), parts, whole_of(2100, 4000))
    assert ": “Breast, not suspected” and Lung are below it by more than chance; Skin is" in found


def test_one_part_that_may_be_chance_is_told_in_the_singular(run_of):
    found = say(run_of(), parts_of(("A", 300, 1000), ("B", 6, 10)), whole_of(306, 1010))
    assert found.endswith(": 2 parts may differ from it by chance alone.")
    found = say(run_of(), parts_of(("A", 100, 1000), ("B", 900, 1000), ("C", 5, 10)), whole_of(1005, 2010))
    assert found.endswith("B is above it by more than chance; 1 part may differ from it by chance alone.")


@pytest.mark.parametrize(("parts", "is_sure"), [(1, True), (2, True), (3, False), (20, False)])
def test_the_more_parts_are_looked_at_the_more_a_difference_takes(run_of, parts, is_sure):
    """49 or fewer of 100, where 61 are expected, are rare enough for two comparisons and not for three."""
    assert 0.05 / 2 / 3 < stats.binom.cdf(49, 100, 0.61) < 0.05 / 2 / 2
    others = [(f"part {number}", 61, 100) for number in range(parts - 1)]
    found = say(run_of(), parts_of(("Low", 49, 100), *others), whole_of(6100, 10_000))
    assert ("Low is below it by more than chance" in found) == is_sure


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("size", [10, 40, 100])
def test_a_part_is_sure_exactly_where_its_binomial_tail_is_small_enough(run_of, size, above):
    run, others = run_of(), [(f"part {number}", 60, 100) for number in range(4)]
    for count in range(size + 1):
        tail = stats.binom.sf(count - 1, size, 0.6) if above else stats.binom.cdf(count, size, 0.6)
        found = say(run, parts_of(("Mine", count, size), *others), whole_of(6000, 10_000))
        assert (f"Mine is {'above' if above else 'below'} it by more than" in found) == (tail < 0.05 / 2 / 5), count


def test_nobody_of_two_is_no_proof(run_of):
    """Where three in four are within four hours, both of two are not in 1 of 4 × 4 months; Wilson's interval misses."""
    parts = parts_of(("MRI", 750, 998), ("CT", 0, 2))
    assert parts["value_upper"][1] < 75
    assert say(run_of(), parts, whole_of(750, 1000)).endswith(": 2 parts may differ from it by chance alone.")


@pytest.mark.parametrize("number", [6, 18])
def test_chance_names_a_part_in_one_of_twenty_organisations_at_most(run_of, number):
    """Worked out, not drawn: a part that does not differ is named if its count is in one of two tails."""
    size, run, others = 50, run_of(), [(f"part {each}", 30, 50) for each in range(number - 1)]
    named = [
        count
        for count in range(size + 1)
        if "more than chance" in say(run, parts_of(("Mine", count, size), *others), whole_of(6000, 10_000))
    ]
    assert 0 < sum(stats.binom.pmf(named, size, 0.6)) <= 0.05 / number


def test_all_alike_are_all_chance(run_of):
    parts = parts_of(*((name, 60, 100) for name in "ABC"))
    assert say(run_of(), parts, whole_of(180, 300)).endswith(": 3 parts may differ from it by chance alone.")


@pytest.mark.parametrize(("count", "share"), [(0, "0.0 %"), (100, "100.0 %")])
def test_a_whole_at_the_end_of_the_scale(run_of, count, share):
    parts = parts_of(("A", count / 2, 50), ("B", count / 2, 50))
    assert say(run_of(), parts, whole_of(count, 100)) == (
        f"Diagnostic test in March 2024, beside {share} for all together, allowing for 2 comparisons: 2 parts may "
        "differ from it by chance alone."
    )


def test_england_is_told_like_anyone(run_of):
    parts = parts_of(("MRI", 500, 1000), ("CT", 700, 1000))
    assert say(run_of("ENG"), parts, whole_of(1200, 2000)).endswith(
        ": MRI is below it by more than chance; CT is above it by more than chance."
    )


def test_nothing_is_called_the_highest_or_the_worst(run_of):
    found = say(run_of(), parts_of(("A", 10, 1000), ("B", 990, 1000), ("C", 5, 10)), whole_of(1005, 2010))
    assert not any(word in found for word in ("highest", "lowest", "best", "worst", "1st"))


# ---- rates, and what has no interval


def test_a_rate_is_judged_by_the_exact_limits_of_its_events(run_of):
    """Where 10 are expected, 19 or more have a probability of 0.0072, 18 or more of 0.0143; 0.05 ÷ 2 ÷ 2 is 0.0125."""
    run = run_of(kind="rate", unit="per 1,000")
    assert stats.poisson.sf(18, 10) < 0.05 / 2 / 2 < stats.poisson.sf(17, 10)
    for count, is_sure in ((19, True), (18, False)):
        parts = parts_of(("A", count, 1000), ("B", 100 - count, 9000), scale=1000)
        found = say(run, parts, whole_of(100, 10_000, scale=1000))
        assert "beside 10.0 per 1,000 for all together" in found
        assert ("A is above it by more than chance" in found) == is_sure


def test_means_are_given_without_a_judgement(run_of):
    run = run_of(kind="mean", unit="days")
    parts = parts_of(("A", 10, 10), ("B", 90, 10), scale=1).with_columns(value_lower=None, value_upper=None)
    assert say(run, parts, whole_of(100, 20, scale=1)) == (
        "Diagnostic test in March 2024, beside 5.0 days for all together: 2 parts cannot be judged, for want of an "
        "interval."
    )


@pytest.mark.parametrize("absent", ["value_lower", "value_upper"])
def test_a_proportion_without_its_own_interval_is_not_judged(run_of, absent):
    """FTE days lost to illness are a share of the days available, and no independent cases."""
    parts = parts_of(("A", 100, 1000), ("B", 900, 1000))
    assert say(run_of(), parts, whole_of(1000, 2000)).endswith(
        "A is below it by more than chance; B is above it by more than chance."
    )
    unknown = parts.with_columns(pl.lit(None, pl.Float64).alias(absent))
    assert say(run_of(), unknown, whole_of(1000, 2000)) == (
        "Diagnostic test in March 2024, beside 50.0 % for all together: 2 parts cannot be judged, for want of an "
        "interval."
    )


def test_counts_that_make_no_proportion_are_not_judged(run_of):
    parts = parts_of(("A", 100, 1000), ("B", 1900, 2000), ("C", 12, 10))
    assert say(run_of(), parts, whole_of(2012, 3010)).endswith(
        "B is above it by more than chance; 1 part cannot be judged, for want of an interval."
    )


# ---- what is missing


def test_parts_without_a_figure_are_counted_and_never_taken_for_like_the_whole(run_of):
    parts = parts_of(("A", 50, 100), ("B", 50, 100), ("C", *NONE), ("D", 0, 0))
    assert say(run_of(), parts, whole_of(100, 200)) == (
        "Diagnostic test in March 2024, beside 50.0 % for all together, allowing for 2 comparisons: 2 parts may differ "
        "from it by chance alone; 2 parts have no figure."
    )
    assert "; 1 part has no figure." in say(run_of(), parts.head(3), whole_of(100, 200))


@pytest.mark.parametrize("rows", [(), (("A", *NONE),), (("A", 0, 0), ("B", *NONE))])
def test_without_a_figure_of_any_part_it_says_so(run_of, rows):
    assert say(run_of(), parts_of(*rows), whole_of(60, 100)) == "Diagnostic test: no figures for March 2024."


@pytest.mark.parametrize(
    "whole", [whole_of(None, None), whole_of(0, 0), whole_of(1, 2).clear(), whole_of(60, 100, month=FEBRUARY)]
)
def test_parts_without_a_whole_are_not_said_to_have_no_figures(run_of, whole):
    assert say(run_of(), parts_of(("A", 5, 10), ("B", 6, 10)), whole) == (
        "Diagnostic test in March 2024: 2 parts have a figure, but there is none for all together to compare with."
    )
    assert "1 part has a figure, but" in say(run_of(), parts_of(("A", 5, 10)), whole)


def test_figures_of_another_month_say_nothing_of_this_one(run_of):
    parts = parts_of(("A", 5, 10), month=FEBRUARY)
    assert say(run_of(), parts, whole_of(5, 10)) == "Diagnostic test: no figures for March 2024."


# ---- how the parts add up


def test_a_part_that_is_the_whole_is_not_compared_with_itself(run_of):
    assert say(run_of(), parts_of(("MRI", 60, 100), ("CT", 0, 0)), whole_of(60, 100)) == (
        "Diagnostic test in March 2024: all are in one part, MRI; its figure is that of the whole."
    )


def test_a_part_that_is_the_whole_is_not_drawn(run_of):
    parts = parts_of(("MRI", 60, 100))
    shown = breakdown.chart(parts, whole_of(60, 100), run_of(), by="test", finding="All are in one part.")
    assert shown.text == "All are in one part."
    drawn = breakdown.chart(parts, whole_of(70, 110), run_of(), by="test", finding="One of two.")
    assert len(drawn.datasets["parts"]) == 1


@pytest.mark.parametrize(
    ("rows", "added"),
    [
        ((("A", 30, 50), ("B", 20, 40)), "50 of 90"),  # some are in no part
        ((("A", 60, 100), ("B", 50, 100)), "110 of 200"),  # some are in two
        ((("A", 30, 50), ("B", 29, 50)), "59 of 100"),  # the numerator alone
        ((("A", 30, 50), ("B", 30, 49.5)), "60 of 99.5"),  # half a case, as shared care counts them
        ((("A", 30, 50), ("B", *NONE)), "30 of 50"),
    ],
)
def test_parts_that_do_not_add_up_to_the_whole_are_said_not_to(run_of, rows, added):
    found = say(run_of(), parts_of(*rows), whole_of(60, 100))
    assert found.endswith(f". The parts add up to {added} attendances, the whole is 60 of 100 attendances.")


def test_one_part_that_is_less_than_the_whole_is_compared_alone(run_of):
    assert say(run_of(), parts_of(("A", 10, 100)), whole_of(600, 1000)) == (
        "Diagnostic test in March 2024, beside 60.0 % for all together: A is below it by more than chance. "
        "The parts add up to 10 of 100 attendances, the whole is 600 of 1,000 attendances."
    )


@pytest.mark.parametrize("noise", [0.2, 1e-9])
def test_sums_that_differ_by_less_than_any_count_add_up(run_of, noise):
    parts = parts_of(("A", 30, 50), ("B", 30, 50 - noise))
    assert "add up" not in say(run_of(), parts, whole_of(60, 100))


def test_a_breakdown_that_is_not_the_measures_is_refused(run_of):
    with pytest.raises(ParameterError, match=r"breakdown 'tests': not one of four_hours's \(test\)\. Did you mean"):
        breakdown.finding(parts_of(), whole_of(1, 2), run_of(), by="tests")


# ---- order


def test_the_largest_comes_first_equals_by_name_and_the_missing_last(run_of):
    parts = parts_of(("None", *NONE), ("Empty", 0, 0), ("B", 1, 5), ("A", 1, 5), ("Large", 1, 9))
    found = breakdown.latest(pl.concat([parts_of(("Old", 1, 99), month=FEBRUARY), parts]), run_of())
    assert found["category"].to_list() == ["Large", "A", "B", "Empty", "None"]


# ---- the chart


def drawn(run, parts, whole, *, finding="All alike."):
    return breakdown.chart(parts, whole, run, by="test", finding=finding)


def test_a_chart_is_headed_by_organisation_measure_and_month_and_described_by_its_finding(run_of):
    spec = drawn(run_of(), parts_of(("A", 6, 10)), whole_of(60, 100)).to_dict()
    assert " ".join(spec["title"]["text"]) == "Bedfordshire: Four hours, diagnostic test, March 2024"
    assert spec["description"] == "All alike."


def test_a_name_of_capitals_keeps_them(run_of):
    run = run_of(breakdowns=[Breakdown(id="test", title="Test (MRI or CT)")])
    spec = drawn(run, parts_of(("A", 6, 10)), whole_of(60, 100)).to_dict()
    assert "test (MRI or CT)" in " ".join(spec["title"]["text"])


def test_made_up_figures_are_marked_as_such(run_of):
    spec = drawn(run_of(synthetic=True), parts_of(("A", 6, 10)), whole_of(60, 100)).to_dict()
    assert " ".join(spec["title"]["text"]).endswith("(synthetic data)")


@pytest.mark.parametrize(
    ("synthetic", "source"),
    [
        (True, "Source: made up by this project, no NHS figures."),
        (False, "Source: NHS England, final figures for March 2024."),
    ],
)
def test_a_chart_says_where_its_figures_are_from(run_of, synthetic, source):
    spec = drawn(run_of(synthetic=synthetic), parts_of(("A", 6, 10)), whole_of(60, 100)).to_dict()
    assert spec["title"]["subtitle"][-1] == source


def test_only_this_months_parts_with_a_figure_are_drawn_with_what_they_rest_on(run_of):
    parts = [parts_of(("A", 6, 10), ("B", 1500.5, 3000), ("C", *NONE)), parts_of(("A", 1, 10), month=FEBRUARY)]
    rows = drawn(run_of(), pl.concat(parts), whole_of(60, 100)).to_dict()["datasets"]["parts"]
    assert [(row["category"], row["counted"]) for row in rows] == [
        ("B", "1,500.5 of 3,000 attendances"),
        ("A", "6 of 10 attendances"),
    ]


def test_a_dot_is_filled_exactly_where_the_sentence_says_that_its_part_differs(run_of):
    """C's 95 % interval misses the whole, yet the sentence, which allows for four comparisons, calls it chance."""
    parts = parts_of(("MRI", 500, 1000), ("CT", 700, 1000), ("C", 49, 100), ("D", 6, 10))
    assert parts["value_upper"][2] < 60
    whole = whole_of(500 + 700 + 49 + 6, 2110)
    assert "MRI is below it by more than chance; CT is above it by more than chance; 2 parts may" in say(
        run_of(), parts, whole
    )
    rows = drawn(run_of(), parts, whole).to_dict()["datasets"]["parts"]
    assert {row["category"]: row["fill"] == theme.SUBJECT for row in rows} == {
        "MRI": True, "CT": True, "C": False, "D": False,
    }  # fmt: skip


def test_without_a_whole_no_part_is_judged(run_of):
    rows = breakdown.judged(parts_of(("A", 6, 10)), None, run_of().measure)
    assert rows["verdict"].to_list() == [None]


def marks(run, whole):
    return {line["line"] for line in drawn(run, parts_of(("A", 6, 10)), whole).to_dict()["datasets"]["lines"]}


def standard(value, begin, end=None):
    link = {"title": "T", "url": "https://www.england.nhs.uk/", "verified": True}
    return Standard(name="S", value=value, **{"from": begin, "to": end}, **link)


def test_the_whole_and_the_lasting_standard_are_drawn_and_never_a_milestone(run_of):
    milestone = standard(77, FEBRUARY, date(2024, 3, 31))
    assert marks(run_of(standards=[standard(95, date(2004, 1, 1)), milestone]), whole_of(60, 100)) == {60, 95}
    assert marks(run_of(standards=[milestone]), whole_of(60, 100)) == {60}


@pytest.mark.parametrize(("begin", "is_drawn"), [(MARCH, True), (date(2024, 3, 2), False)])
def test_a_standard_is_drawn_only_once_in_force(run_of, begin, is_drawn):
    assert (95 in marks(run_of(standards=[standard(95, begin)]), whole_of(60, 100))) == is_drawn


def test_without_a_whole_there_is_no_line_for_it(run_of):
    assert marks(run_of(), whole_of(None, None)) == set()


@pytest.mark.parametrize("rows", [(), (("A", *NONE), ("B", 0, 0))])
def test_where_no_part_has_a_figure_it_is_told_and_not_drawn(run_of, rows):
    assert drawn(run_of(), parts_of(*rows), whole_of(60, 100), finding="No figures.").text == "No figures."


# ---- the table


def cells(markdown):
    lines = [said(line) for line in markdown.text.splitlines()]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return rows[:1] + rows[2:]


def test_the_table_has_every_part_and_never_a_zero_for_what_is_not_there(run_of):
    parts = parts_of(
        ("MRI", 8, 10), ("CT", 0, 1000), ("Echo", 0, 0), ("Gut", *NONE), ("Sleep", None, None, "not_submitted"),
        ("Barium", None, None, "not_applicable"),
    )  # fmt: skip
    assert cells(breakdown.table(parts, run_of(), by="test")) == [
        ("Diagnostic test", "Within four hours", "Attendances", "Value", "95 % interval"),
        ("CT", "0", "1,000", "0.0 %", "0.0 % to 0.4 %"),
        ("MRI", "8", "10", "80.0 %", "49.0 % to 94.3 %"),
        ("Echo", "0", "0", "no activity", ""),
        ("Barium", "", "", "not applicable", ""),
        ("Gut", "", "", "suppressed", ""),
        ("Sleep", "", "", "not submitted", ""),
    ]


@pytest.mark.parametrize("absent", ["value_lower", "value_upper"])
def test_half_an_interval_is_none(run_of, absent):
    parts = parts_of(("MRI", 8, 10)).with_columns(pl.lit(None, pl.Float64).alias(absent))
    assert cells(breakdown.table(parts, run_of(), by="test"))[1] == ("MRI", "8", "10", "80.0 %", "")


def test_without_a_part_there_is_no_table(run_of):
    assert breakdown.table(parts_of(("A", 1, 2), month=FEBRUARY), run_of(), by="test").text == ""


# ---- means


def _of_scores(*rows):
    """Make parts of category, courses, mean change and the variance of single changes."""
    frame = pl.DataFrame(
        [(name, of * mean, of, mean, variance) for name, of, mean, variance in rows],
        schema=["category", "numerator", "denominator", "value", "variance"],
        orient="row",
    )
    return frame.with_columns(
        period_start=pl.lit(MARCH),
        status=pl.lit("reported"),
        value_lower=pl.col("value") - 1,
        value_upper=pl.col("value") + 1,
    )


SCORES = {"kind": "mean", "unit": "points", "scale": 1}


def test_a_mean_rests_on_its_denominator_and_a_total_of_scores_is_shown_nowhere(run_of):
    """A total of −1,098,747.2 points is no part of 233,776 courses of therapy."""
    parts, run = _of_scores(("book", 100, -1.5, 1.0), ("talk", 1200, -7.0, 1.0)), run_of(**SCORES)
    mine = breakdown.Whole(-8550.0, 1300.0, -8550 / 1300)
    whole = pl.DataFrame([mine._asdict()]).with_columns(period_start=pl.lit(MARCH))
    rows = drawn(run, parts, whole).to_dict()["datasets"]["parts"]
    assert [row["counted"] for row in rows] == ["1,200 attendances", "100 attendances"]
    assert cells(breakdown.table(parts, run, by="test")) == [
        ("Diagnostic test", "Attendances", "Value", "95 % interval"),
        ("talk", "1,200", "−7.0 points", "−8.0 points to −6.0 points"),
        ("book", "100", "−1.5 points", "−2.5 points to −0.5 points"),
    ]


@pytest.mark.parametrize(
    ("of_all", "mean", "added"),
    [
        (200, -4.0, ""),
        (200, -4.04, ""),  # the same as written
        (200, -4.2, "The mean of the parts together is −4.0 points, that of the whole −4.2 points."),
        (201, -4.0, "The parts add up to 200 attendances, the whole is 201 attendances."),
    ],
)
def test_parts_of_a_mean_add_up_where_their_denominators_and_their_mean_do(run_of, of_all, mean, added):
    parts = _of_scores(("book", 100, -1.0, 1.0), ("talk", 100, -7.0, 1.0))
    whole = pl.DataFrame([breakdown.Whole(mean * of_all, float(of_all), mean)._asdict()])
    found = say(run_of(**SCORES), parts, whole.with_columns(period_start=pl.lit(MARCH)))
    assert found.endswith(f"by more than chance. {added}" if added else "by more than chance.")


@pytest.mark.parametrize(
    ("rounding", "verdicts"),
    [
        (0, {"book": "above", "talk": "below", "few": "chance"}),
        (0.5, {"book": "chance", "talk": "below", "few": "chance"}),
    ],
)
def test_of_means_with_their_variance_what_differs_is_told(run_of, rounding, verdicts):
    """The errors are 1, 1 and 10; for three parts at once 2.394 of them, and the rounding, are allowed."""
    rule = Disclosure(rounded_to=5, suppressed_below=5, zero_suppressed=True, value_rounding=rounding)
    measure = run_of(kind="mean", unit="points", disclosure=rule).measure
    parts = _of_scores(("book", 100, -1.5, 100.0), ("talk", 100, -7.0, 100.0), ("few", 1, 9.0, 100.0))
    judged = breakdown.judged(parts, breakdown.Whole(-808.0, 202.0, -4.0), measure)
    assert dict(judged.select("category", "verdict").iter_rows()) == verdicts


def test_of_means_without_their_variance_nothing_is_judged(run_of):
    measure = run_of(kind="mean", unit="points").measure
    parts = _of_scores(("book", 100, -1.5, 100.0)).drop("variance")
    assert breakdown.judged(parts, breakdown.Whole(-808.0, 202.0, -4.0), measure)["verdict"].is_null().all()


def test_of_means_that_are_not_rounded_chance_alone_counts(run_of):
    measure = run_of(kind="mean", unit="points").measure
    parts = _of_scores(("book", 100, -1.5, 100.0))  # the whole is 2.5 errors away, of one comparison 1.96 are enough
    assert breakdown.judged(parts, breakdown.Whole(-808.0, 202.0, -4.0), measure)["verdict"].to_list() == ["above"]
