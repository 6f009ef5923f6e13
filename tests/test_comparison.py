"""What a notebook shows of peers: every figure in the measure's unit, and words where there is nothing to draw."""

from datetime import date

import altair as alt
import polars as pl
import pytest

from openmeasures import comparison
from openmeasures.definitions import Standard
from openmeasures.errors import ParameterError
from openmeasures.methods.funnel import funnel
from openmeasures.methods.peers import spread
from openmeasures.parameters import Parameters
from openmeasures.peer_groups import PeerGroup
from openmeasures.releases import Release, ReleaseStatus

MARCH = date(2024, 3, 1)
FINDING = "What is found."
GROUP = PeerGroup(["RC9", "RJ1", "RD8"], "trusts", "", "Four hours", "attendances")
TYPE_1 = PeerGroup(GROUP.org_codes, "trusts", "type_1", "Four hours, type 1", "attendances")
COUNTS = {"RC9": (700, 1000), "RJ1": (1200, 2000), "RD8": (2500, 4000)}


class NoData:
    """A data folder without anything synthetic in it."""

    synthetic = False

    def newest(self, source):
        """One provisional release, of March 2024."""
        return {
            MARCH: Release(
                sha256="0" * 64, source=source, file_name="March-2024.csv", periods=[MARCH], metrics=[],
                period_end=date(2024, 3, 31), status=ReleaseStatus.PROVISIONAL, published=date(2024, 4, 11),
                retrieved=date(2024, 4, 12), url="https://x.uk/", licence="L", synthetic=False,
            )
        }  # fmt: skip


def standard(value, date_from, date_to=None):
    return Standard.model_validate(
        {
            "name": "S", "value": value, "from": date_from, "to": date_to, "url": "https://x.uk/", "title": "T",
            "verified": True,
        }
    )  # fmt: skip


@pytest.fixture
def run(measure):
    """Bedfordshire in March 2024, with a standard that lasts and England's milestone beside it."""
    standards = [standard(95, date(2024, 1, 1)), standard(76, date(2024, 2, 1), MARCH)]
    return run_of(measure.model_copy(update={"standards": standards}))


def run_of(measure, org_code="RC9"):
    organisations = pl.DataFrame(
        {"org_code": ["ENG", "RC9", "RXX"], "org_name": ["England", "Bedfordshire", "Elsewhere"], "region_name": ""}
    )
    return Parameters(measure, NoData(), org_code, MARCH, organisations)


def funnel_of(counts=COUNTS):
    codes = list(counts)
    frame = pl.DataFrame(
        {
            "org_code": codes, "org_name": [f"{code} Hospital" for code in codes],
            "numerator": [n for n, _ in counts.values()], "denominator": [d for _, d in counts.values()],
        },
        schema_overrides={"numerator": pl.Float64, "denominator": pl.Float64},
    )  # fmt: skip
    return funnel(frame, kind="proportion")


def organisations(chart):
    return {row["org_name"].removesuffix(" Hospital"): row for row in chart.to_dict()["datasets"]["organisations"]}


def said_by(chart):
    title = chart.to_dict()["title"]
    return " ".join([*title["text"], *title["subtitle"]]).replace("\u00a0", " ")


def ends(chart):
    return {" ".join(row["label"]).replace("\u00a0", " ") for row in chart.to_dict()["datasets"]["ends"]}


# ---- every chart


@pytest.mark.parametrize(
    "draw",
    [
        lambda run: comparison.funnel(funnel_of(), run, group=GROUP, finding=FINDING),
        lambda run: comparison.funnel(funnel_of(WIDE), run, group=GROUP, finding=FINDING),
        lambda run: comparison.deciles(deciles_of(), MINE, run, group=GROUP, finding=FINDING),
        lambda run: comparison.strip(
            latest(RC9=70.0, RJ1=60.0), run, group=GROUP, spread=spread(latest(RC9=70.0, RJ1=60.0)), finding=FINDING
        ),
    ],
)
def test_every_chart_ends_with_its_source(run, draw):
    assert draw(run).to_dict()["title"]["subtitle"][-1] == (
        "Source: NHS England, provisional figures of 11 April 2024 for March 2024."
    )


# ---- funnel


def test_a_funnel_is_drawn_in_the_measure_s_unit(run):
    chart = comparison.funnel(funnel_of(), run, group=GROUP, finding=FINDING)
    assert {code: row["value"] for code, row in organisations(chart).items()} == {"RC9": 70, "RJ1": 60, "RD8": 62.5}
    assert "Together 62.9 %" in ends(chart)  # (700 + 1,200 + 2,500) of (1,000 + 2,000 + 4,000)
    assert chart.description == FINDING
    assert said_by(chart).startswith("Four hours, March 2024 ")
    assert "Limits are those of chance alone." in said_by(chart)


def test_limits_are_drawn_in_the_measure_s_unit_at_every_size(run):
    found = funnel_of()
    curve = comparison.funnel(found, run, group=GROUP, finding=FINDING).to_dict()["datasets"]["curve"]
    assert (curve[0]["denominator"], curve[-1]["denominator"]) == (pytest.approx(1000, 0.05), 4000)
    of_code = found.points.row(2, named=True)  # the largest
    assert curve[-1]["upper_95"] == pytest.approx(100 * of_code["upper_95"], abs=0.01)
    assert curve[-1]["lower_99_8"] == pytest.approx(100 * of_code["lower_99_8"], abs=0.01)


def test_limits_that_make_room_say_so(run):
    spread_out = {f"R{number:02d}": (400 + 30 * number, 1000) for number in range(12)} | {"RC9": (500, 1000)}
    chart = comparison.funnel(funnel_of(spread_out), run, group=GROUP, finding=FINDING)
    assert "Limits make room for the usual spread." in said_by(chart)


def test_england_is_the_line_that_limits_are_set_around(measure):
    chart = comparison.funnel(funnel_of(), run_of(measure, "ENG"), group=GROUP, finding=FINDING)
    assert "Together 62.9 %" in ends(chart)  # England itself may have others
    assert set(organisations(chart)) == set(COUNTS)


WIDE = {"RC9": (90, 400)} | {f"R{number:02d}": (number * number + 2, 400) for number in range(20)}


@pytest.mark.parametrize("org_code", ["RC9", "ENG"])
def test_where_limits_tell_nobody_apart_the_distribution_stands_in(measure, org_code):
    chart = comparison.funnel(funnel_of(WIDE), run_of(measure, org_code), group=GROUP, finding=FINDING).to_dict()
    assert len(chart["datasets"]["dots"]) == 21
    lines = {" ".join(row["label"]).replace("\u00a0", " ") for row in chart["datasets"]["labels"]}
    together = 100 * sum(n for n, _ in WIDE.values()) / (400 * 21)
    assert (f"Together {together:.1f} %" if org_code == "ENG" else "RC9 Hospital 22.5 %") in lines
    assert chart["description"] == FINDING


def test_an_organisation_of_no_group_is_said_to_have_no_figure(measure):
    chart = comparison.funnel(funnel_of(), run_of(measure, "RXX"), group=GROUP, finding=FINDING)
    assert "Elsewhere has no figure." in said_by(chart)


def test_of_equal_sizes_limits_are_lines_all_the_same(run):
    equal = {code: (600 + number, 1000) for number, code in enumerate(COUNTS)}
    curve = comparison.funnel(funnel_of(equal), run, group=GROUP, finding=FINDING).to_dict()["datasets"]["curve"]
    # As far to the left as the vertical axis has room for them.
    assert curve[0]["denominator"] < 970 < curve[-1]["denominator"] == 1000


def test_a_funnel_of_one_is_said_in_words(run):
    assert comparison.funnel(funnel_of({"RC9": (70, 100), "RJ1": (None, 100)}), run, group=GROUP, finding=FINDING).text


def test_a_funnel_of_nobody_is_said_in_words(run):
    nobody = funnel_of({"RC9": (None, None), "RJ1": (None, 100)})
    assert comparison.funnel(nobody, run, group=GROUP, finding=FINDING).text == FINDING


# ---- standards


def test_the_standard_that_lasts_is_drawn_and_no_milestone(run):
    chart = comparison.funnel(funnel_of(), run, group=GROUP, finding=FINDING)
    assert not [label for label in ends(chart) if label.startswith("Standard")]  # 95 %, out of reach
    assert "Standard 95 %: above the chart." in said_by(chart)
    assert "76" not in said_by(chart)


def test_a_part_has_no_standard(run):
    chart = comparison.funnel(funnel_of(), run, group=TYPE_1, finding=FINDING)
    assert "Standard" not in said_by(chart)


# ---- deciles over time


def deciles_of(first=date(2024, 1, 1), last=3):
    months = [date(2024, month, 1) for month in range(first.month, last + 1)]
    return pl.DataFrame({"period_start": months}).with_columns(
        pl.lit(80.0 + share / 10).alias(f"decile_{share}") for share in range(10, 100, 10)
    )


MINE = pl.DataFrame({"period_start": [date(2024, 2, 1), MARCH], "value": [91.0, 94.0], "org_code": "RC9"})


def test_deciles_have_the_organisation_s_own_series(run):
    chart = comparison.deciles(deciles_of(), MINE, run, group=GROUP, finding=FINDING)
    points = chart.to_dict()["datasets"]["points"]
    assert [(row["value"], row["decile_50"]) for row in points] == [(None, 85), (91, 85), (94, 85)]
    assert chart.description == FINDING
    assert said_by(chart).startswith("Four hours: deciles of trusts ")
    assert "Bedfordshire 94.0 %" in ends(chart)


def test_a_standard_of_all_these_months_is_drawn(run):
    assert "Standard 95 %" in ends(comparison.deciles(deciles_of(), MINE, run, group=GROUP, finding=FINDING))


def test_a_standard_that_began_later_is_not(run):
    later = run.measure.model_copy(update={"standards": [standard(95, date(2024, 1, 2))]})
    chart = comparison.deciles(deciles_of(), MINE, run_of(later), group=GROUP, finding=FINDING)
    assert "Standard" not in " ".join([*ends(chart), said_by(chart)])


def test_without_deciles_there_are_words(run):
    none = deciles_of().with_columns(pl.lit(None, pl.Float64).alias(f"decile_{share}") for share in range(10, 100, 10))
    assert comparison.deciles(none, MINE, run, group=GROUP, finding=FINDING).text == FINDING
    assert comparison.deciles(none.clear(), MINE, run, group=GROUP, finding=FINDING).text == FINDING


# ---- strip


def latest(**values):
    return pl.DataFrame(
        {
            "org_code": list(values), "org_name": [f"{code} Hospital" for code in values],
            "value": list(values.values()), "denominator": 100.0,
        },
        schema_overrides={"value": pl.Float64},
    )  # fmt: skip


def test_a_strip_shows_the_group_and_the_organisation(run):
    values = {"RC9": 70.0, "RJ1": 60.0, "RD8": 65.0, "RQM": 99.0}
    found = spread(latest(RC9=70.0, RJ1=60.0, RD8=65.0))
    chart = comparison.strip(latest(**values), run, group=GROUP, spread=found, finding=FINDING)
    assert isinstance(chart, alt.LayerChart)
    drawn = sorted(row["written"] for row in chart.to_dict()["datasets"]["dots"])
    assert drawn == [f"{value}.0\u00a0%" for value in (60, 65, 70)]  # RQM is no peer


def test_a_strip_of_nobody_is_said_in_words(run):
    found = spread(latest(RC9=None))
    assert comparison.strip(latest(RC9=None), run, group=GROUP, spread=found, finding=FINDING).text == FINDING


# ---- who is missing


def test_those_without_a_figure_are_named_with_the_reason(run):
    frame = latest(RC9=70.0, RJ1=None, RD8=None, ENG=None).with_columns(
        status=pl.Series(["reported", "suppressed", None, None])
    )
    assert comparison.without_figure(frame, run).text == (
        "Not in the chart, for want of a figure for March 2024: RD8 Hospital (no row in the publication) and RJ1 "
        "Hospital (suppressed)."
    )


def test_of_a_suppressed_figure_it_is_said_what_it_can_be(run):
    frame = latest(RJ1=None, RD8=None).with_columns(
        status=pl.Series(["suppressed", "not_applicable"]), value_lower=pl.Series([0.0, None]), value_upper=78.4
    )
    assert comparison.without_figure(frame, run).text.replace("\u00a0", " ") == (
        "Not in the chart, for want of a figure for March 2024: RD8 Hospital (not applicable) and RJ1 Hospital "
        "(suppressed: 0.0 % to 78.4 %)."
    )


@pytest.mark.parametrize("exceeds", [True, False])
def test_where_a_numerator_exceeds_the_whole_limits_are_said_to_rest_on_the_others(run, exceeds):
    frame = latest(RC9=70.0, RJ1=None).with_columns(
        status=pl.Series(["reported", "not_applicable"]), exceeds_whole=pl.Series([False, exceeds])
    )
    said = comparison.without_figure(frame, run).text
    assert said.startswith("Not in the chart, for want of a figure for March 2024: RJ1 Hospital (")
    assert ("(more than the whole)" in said) == exceeds
    assert (
        "Where there are more within four hours than attendances there is no share. Limits and deciles rest on the "
        "others, and are lower for it."
    ) in said or not exceeds
    assert ("rest on the others" in said) == exceeds


def test_where_all_have_a_figure_nothing_is_said(run):
    frame = latest(RC9=70.0, ENG=None).with_columns(status=pl.Series(["reported", None]))
    assert comparison.without_figure(frame, run).text == ""


@pytest.mark.parametrize(("unit", "is_refused"), [("percent", True), ("ratio", False)])
def test_a_ratio_of_two_counts_has_no_funnel(measure, unit, is_refused):
    """Its target would be 1, as of observed by expected: of beds, every one of them occupied."""
    run = run_of(measure.model_copy(update={"kind": "ratio", "unit": unit}))
    found = funnel(funnel_of().points.select("org_code", "org_name", "numerator", "denominator"), kind="ratio")
    if is_refused:
        with pytest.raises(
            ParameterError, match=r"four_hours: a funnel of a ratio in 'percent'; expected one of observed"
        ):
            comparison.funnel(found, run, group=GROUP, finding=FINDING)
    else:
        assert isinstance(comparison.funnel(found, run, group=GROUP, finding=FINDING), alt.LayerChart)


def test_the_target_of_a_ratio_is_what_is_expected(measure):
    ratio = measure.model_copy(update={"kind": "ratio", "unit": "ratio", "decimals": 2})
    figures = {"org_code": ["RC9", "RJ1"], "org_name": ["One", "Two"], "numerator": [110.0, 200.0]}
    found = funnel(pl.DataFrame(figures | {"denominator": [100.0, 200.0]}), kind="ratio")
    for org_code in ("RC9", "ENG"):
        assert "As expected 1.00" in ends(
            comparison.funnel(found, run_of(ratio, org_code), group=GROUP, finding=FINDING)
        )
