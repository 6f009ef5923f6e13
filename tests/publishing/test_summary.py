from datetime import date

import pytest

from openmeasures.definitions import Standard
from openmeasures.methods.spc import Variation
from openmeasures.periods import Period
from openmeasures.publishing import summary
from openmeasures.publishing.summary import Badge, StandardFact
from openmeasures.releases import Release, ReleaseStatus
from openmeasures.results import COLUMNS

RELEASE = Release(
    sha256="0" * 64, source="ae_monthly", file_name="March-2024.csv", periods=[date(2024, 3, 1)],
    metrics=["attendances_type_1"], period_end=date(2024, 3, 31), status=ReleaseStatus.PROVISIONAL, published=None,
    retrieved=date(2024, 4, 11), url="https://www.england.nhs.uk/", licence="OGL", synthetic=False,
)  # fmt: skip


def point(month, value=60.0, *, series="all", **values):
    """Make a point of 600 of 1,000, an interval of one point and limits of ten either side."""
    figures = {"numerator": 600.0, "denominator": 1000.0, "value": value, "status": "reported"}
    around = {"value_lower": 59.0, "value_upper": 61.0, "lower_process_limit": 50.0, "upper_process_limit": 70.0}
    return (
        dict.fromkeys(COLUMNS)
        | figures
        | around
        | {"series": series, "period_start": f"2024-{month:02d}-01", "variation": "common_cause"}
        | values
    )


MISSING = {
    "value": None, "numerator": None, "denominator": None, "value_lower": None, "value_upper": None, "variation": None,
}  # fmt: skip


def standard(name="Operational", value=95.0, *, month=3, latest=True, periods_met=7, periods=12, over=None, **values):
    """Make a row of `standards.met` as a result holds it."""
    return {
        "period_start": f"2024-{month:02d}-01", "standard_name": name, "standard": value, "latest": latest,
        "value": 60.0, "due_month": None,
        "periods_met": periods_met, "periods": periods, "periods_spanned": over or periods, "assurance": None,
        "is_changing": False, **values,
    }  # fmt: skip


MARCH_END = date(2024, 3, 31)
QUALITY = {
    "periods_expected": 4, "periods_submitted": 4, "periods_without_file": 0, "months_to_publication": 1.3,
    "totals_compared": 8, "totals_unequal": 0, "zeros_doubted": 0, "share_of_england": 1.0, "periods_revised": 0,
    "usual_revision": None,
}  # fmt: skip


def content(*points, standards=(), suits_limits=True):
    whole = {
        "points": list(points),
        "period_to": "2024-03-01",
        "standards": list(standards),
        "quality": QUALITY,
        "as_of": "",
    }
    return whole | {"suits_limits": suits_limits}


def test_too_few_cases_have_no_variation():
    found = summary.variation(content(point(3, variation="improvement_high"), suits_limits=False))
    assert found == summary.TOO_FEW_CASES


def plain(text):
    return text.replace("\u00a0", " ")


# ---- the latest figure


def test_the_latest_point_is_the_last_with_a_value_of_the_measure_itself():
    points = point(1), point(2), point(3, status="not_submitted", **MISSING), point(3, series="type_1")
    assert summary.latest_point(content(*points)) == points[1]


@pytest.mark.parametrize("points", [(), (point(3, **MISSING),), (point(3, series="type_1"),)])
def test_there_may_be_no_latest_point(points):
    assert summary.latest_point(content(*points)) is None


def test_a_summary_gives_the_latest_figure(measure):
    found = summary.summarise(content(point(2), point(3, 60.04)), measure, RELEASE, reaches=MARCH_END)
    assert (found.month, plain(found.value), found.counted) == ("March 2024", "60.0 %", "600 of 1,000")
    assert found.vintage == "provisional"


def test_a_figure_that_misses_a_standard_is_not_written_as_equal_to_it(measure):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    milestone = Standard(name="Milestone", value=65, **{"from": date(2024, 3, 1)}, **link)
    held = measure.model_copy(update={"standards": [milestone]})
    points = content(point(2, 64.98), point(3, 64.98))
    assert plain(summary.summarise(points, held, RELEASE, reaches=MARCH_END).value) == "64.98 %"
    assert [plain(row[3]) for row in summary.table(points, held, series="all").rows] == ["64.98 %", "65.0 %"]


def test_a_mean_rests_on_a_number_and_not_on_its_sum(measure):
    found = summary.summarise(
        content(point(3)), measure.model_copy(update={"kind": "mean"}), RELEASE, reaches=MARCH_END
    )
    assert found.counted == "1,000 attendances"


def test_halves_of_shared_care_are_kept(measure):
    half = point(3) | {"numerator": 2.5, "denominator": 4.0}
    assert summary.summarise(content(half), measure, RELEASE, reaches=MARCH_END).counted == "2.5 of 4"
    assert summary.table(content(half), measure, series="all").rows[0][1] == "2.5"


def test_a_summary_without_a_figure(measure):
    found = summary.summarise(content(), measure, RELEASE, reaches=MARCH_END)
    assert (found.month, found.value, found.counted) == ("No month", "no figure", "")
    assert (found.variation, found.standards) == (Badge("none", "Too few months to say"), [])


@pytest.mark.parametrize("status", ReleaseStatus)
def test_a_summary_says_how_settled_the_data_are(measure, status):
    release = RELEASE.model_copy(update={"status": status})
    assert summary.summarise(content(point(3)), measure, release, reaches=MARCH_END).vintage == status.value


# ---- series that have ended


@pytest.mark.parametrize(
    ("points", "has_ended"),
    [
        ((point(3),), False),
        ((point(2),), True),
        ((point(2), point(3, **MISSING)), True),
        ((point(2), point(3, series="type_1")), True),
        ((point(3, **MISSING),), False),  # what never began cannot end
        ((), False),
    ],
)
def test_a_series_has_ended_where_its_last_figure_is_older_than_the_data(points, has_ended):
    assert summary.has_ended(content(*points)) == has_ended


def test_a_series_that_has_ended_says_so_in_place_of_its_variation():
    ended = content(point(2, variation="concern_low"))
    assert summary.variation(ended) == Badge("none", "No figures after February 2024")


def test_a_summary_of_a_series_that_has_ended_holds_it_to_no_standard(measure):
    found = summary.summarise(content(point(2), standards=[standard(month=2)]), measure, RELEASE, reaches=MARCH_END)
    assert (found.month, found.variation.text, found.standards) == (
        "February 2024",
        "No figures after February 2024",
        [],
    )


# ---- bands


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ((point(2, band="as expected"), point(3, band="higher than expected")), "Higher than expected"),
        ((point(3, band="lower than expected"), point(3, band="as expected", series="type_1")), "Lower than expected"),
        ((point(2, band="higher than expected"), point(3, band=None)), ""),
        ((point(2, band="higher than expected"), point(3, band=None, **MISSING)), ""),  # it has ended
        ((), ""),
    ],
)
def test_the_band_is_that_of_the_latest_figure(measure, points, shown):
    assert summary.band(content(*points)) == shown
    assert summary.summarise(content(*points), measure, RELEASE, reaches=MARCH_END).band == shown


def test_a_measure_without_bands_has_none(measure):
    without = {name: value for name, value in point(3).items() if name != "band"}
    assert summary.band(content(without)) == ""


# ---- badges


@pytest.mark.parametrize(
    ("variation", "badge"),
    [
        ("common_cause", Badge("common", "No change detected (common cause)")),
        ("improvement_high", Badge("improvement", "Special cause: improvement ▲")),
        ("improvement_low", Badge("improvement", "Special cause: improvement ▼")),
        ("concern_high", Badge("concern", "Special cause: concern ▲")),
        ("concern_low", Badge("concern", "Special cause: concern ▼")),
        ("neutral_high", Badge("neutral", "Special cause: high ▲")),
        ("neutral_low", Badge("neutral", "Special cause: low ▼")),
        (None, Badge("none", "Too few months to say")),
    ],
)
def test_variation_has_words_beside_its_colour(variation, badge):
    found = summary.variation(content(point(2, variation="neutral_low"), point(3, variation=variation)))
    assert Badge(found.kind, plain(found.text)) == badge


@pytest.mark.parametrize(("outside", "badge"), [(2, "No change detected (common cause)"), (3, "Keeps to no one level")])
@pytest.mark.parametrize("variation", ["common_cause", "concern_low"])
def test_limits_that_do_not_describe_a_series_do_not_show_that_nothing_changed(outside, badge, variation):
    """Of five figures two or three are outside their limits; another segment and another series say nothing of it."""
    level = [point(1, 99 if number < outside else 60, segment=1) for number in range(4)]
    others = [point(1, 99, segment=0) for _ in range(9)] + [point(1, 99, segment=1, series="type_1") for _ in range(9)]
    found = summary.variation(content(*others, *level, point(3, 60, segment=1, variation=variation)))
    assert plain(found.text) == (badge if variation == "common_cause" else "Special cause: concern ▼")


def test_no_point_has_no_variation():
    assert summary.variation(content()) == Badge("none", "Too few months to say")


def test_every_label_has_its_badge():
    assert {summary.variation(content(point(3, variation=each.value))).kind for each in Variation} == {
        "common", "improvement", "concern", "neutral",
    }  # fmt: skip


# ---- standards


def standards_of(measure, *rows):
    found = summary.summarise(content(point(3), standards=rows), measure, RELEASE, reaches=MARCH_END).standards
    return [StandardFact(fact.name, plain(fact.value), fact.met, fact.often, fact.assurance) for fact in found]


def test_every_standard_in_force_is_shown_with_what_was_met(measure):
    interim = standard("Interim", 78.0, latest=True, periods_met=7)
    operational = standard("Operational", 95.0, latest=False, periods_met=0)
    assert standards_of(measure, interim, operational) == [
        StandardFact(
            "Interim", "78 %", Badge("passing", "Met in March 2024"), "Met in 7 of the last 12 months", "none"
        ),
        StandardFact(
            "Operational", "95 %", Badge("failing", "Missed in March 2024"), "Met in 0 of the last 12 months", "none"
        ),
    ]


@pytest.mark.parametrize(
    ("value", "latest", "due", "badge", "often"),
    [
        (60.0, True, "2024-03-01", Badge("passing", "Met in March 2024"), "60.0 % against 60 %"),
        (59.96, False, "2024-03-01", Badge("failing", "Missed in March 2024"), "59.96 % against 60 %"),
        (61.0, None, "2025-03-01", Badge("none", "No figure for March 2025 yet"), "March 2024: 61.0 %"),
        (61.0, None, None, Badge("none", "For all its months"), "March 2024: 61.0 %"),
    ],
)
def test_a_milestone_is_never_counted_in_months(measure, value, latest, due, badge, often):
    counts = {"periods_met": None, "periods": None}
    row = standard("Milestone", 60.0, latest=latest, **counts) | {"value": value, "due_month": due}
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    milestone = Standard(name="Milestone", value=60, **{"from": date(2023, 4, 1), "to": date(2025, 3, 31)}, **link)
    (found,) = standards_of(measure.model_copy(update={"standards": [milestone]}), row)
    assert (found.met, plain(found.often), found.assurance) == (badge, often, "none")


@pytest.mark.parametrize(("value", "written"), [(95.0, "95 %"), (99.5, "99.5 %"), (0.25, "0.25 %")])
def test_a_standard_is_written_as_it_was_set(measure, value, written):
    (found,) = standards_of(measure, standard(value=value))
    assert found.value == written


@pytest.mark.parametrize(
    ("met", "periods", "over", "often"),
    [
        (11, 12, 12, "Met in 11 of the last 12 months"),
        (11, 12, 21, "Met in 11 of the last 12 figures, over 21 months"),
        (0, 2, 2, "Met in 0 of the last 2 months"),
        (0, 2, 3, "Met in 0 of the last 2 figures, over 3 months"),
        (1, 1, 1, "Met in the only month of the last 12 with a figure"),
        (0, 1, 1, "Missed in the only month of the last 12 with a figure"),
    ],
)
def test_what_reaches_over_more_months_than_it_has_figures_is_counted_in_figures(measure, met, periods, over, often):
    (found,) = standards_of(measure, standard(periods_met=met, periods=periods, over=over))
    assert found.often == often


@pytest.mark.parametrize(
    ("assurance", "is_changing", "icon"),
    [
        ("consistently_passing", False, "passing"),
        ("hit_or_miss", False, "hit-or-miss"),
        ("consistently_failing", False, "failing"),
        ("consistently_failing", True, "none"),  # which need not go on
        (None, False, "none"),
    ],
)
def test_a_standard_has_the_icon_of_its_assurance(measure, assurance, is_changing, icon):
    (found,) = standards_of(measure, standard(assurance=assurance, is_changing=is_changing))
    assert found.assurance == icon


def test_where_no_standard_is_in_force_there_is_none(measure):
    assert standards_of(measure) == []


# ---- the rows behind a chart


def test_rows_are_those_of_one_series_latest_first(measure):
    points = content(point(2), point(3), point(3, series="type_1"))
    assert [row[0] for row in summary.table(points, measure, series="all").rows] == ["March 2024", "February 2024"]
    assert [row[0] for row in summary.table(points, measure, series="type_1").rows] == ["March 2024"]


def test_a_row_shows_all_that_the_chart_does_under_what_it_counts(measure):
    found = summary.table(content(point(3, numerator=6000.0, denominator=10000.0)), measure, series="all")
    (row,) = found.rows
    assert {plain(heading): plain(cell) for heading, cell in zip(found.headings, row, strict=True)} == {
        "Month": "March 2024",
        "Within four hours": "6,000",
        "Attendances": "10,000",
        "Value": "60.0 %",
        "95 % interval": "59.0 % to 61.0 %",
        "Process limits": "50.0 % to 70.0 %",
        "Status": "reported",
    }


def test_no_line_breaks_within_an_interval(measure):
    row = summary.table(content(point(3)), measure, series="all").rows[0]
    assert [cell for cell in row if " to " in cell or " %" in cell] == []


def test_a_column_in_which_no_month_has_anything_is_left_out(measure):
    centile = {"numerator": None, "value_lower": None, "value_upper": None}
    points = content(point(2, **centile), point(3, **centile | {"denominator": None}))
    found = summary.table(points, measure, series="all")
    assert found.headings == ["Month", "Attendances", "Value", "Process limits", "Status"]
    assert [row[1] for row in found.rows] == ["", "1,000"]


def test_without_points_there_is_an_empty_table(measure):
    assert summary.table(content(), measure, series="all").rows == []


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (MISSING | {"status": "not_submitted"}, ("", "", "", "", "50.0 % to 70.0 %", "not submitted")),
        (MISSING | {"status": "suppressed"}, ("", "", "", "", "50.0 % to 70.0 %", "suppressed")),
        (MISSING | {"numerator": 0.0, "denominator": 0.0}, ("0", "0", "", "", "50.0 % to 70.0 %", "no activity")),
        (MISSING | {"denominator": 9.0}, ("", "9", "", "", "50.0 % to 70.0 %", "reported")),
        ({"value": 0.0}, ("600", "1,000", "0.0 %", "59.0 % to 61.0 %", "50.0 % to 70.0 %", "reported")),
        ({"lower_process_limit": None}, ("600", "1,000", "60.0 %", "59.0 % to 61.0 %", "", "reported")),
        ({"value_upper": None}, ("600", "1,000", "60.0 %", "", "50.0 % to 70.0 %", "reported")),
    ],
)
def test_a_cell_is_empty_where_there_is_nothing_and_only_there(measure, values, shown):
    # A whole month beside it, so that no column is left out.
    row = summary.table(content(point(2), point(3, **values)), measure, series="all").rows[0]
    assert tuple(plain(cell) for cell in row)[1:] == shown


# ---- figures that overlap, and ratios


def test_figures_that_overlap_are_not_judged():
    overlapping = content(point(3, variation=None), suits_limits=False)
    assert summary.variation(overlapping, Period.ROLLING_YEAR) == Badge("none", "Not judged: figures overlap")


def test_a_ratio_rests_on_both_its_counts(measure):
    ratio = measure.model_copy(update={"unit": "ratio", "kind": "ratio", "decimals": 2})
    found = summary.summarise(content(point(3, 0.6)), ratio, RELEASE, reaches=MARCH_END)
    assert (found.value, found.counted) == ("0.60", "600 within four hours, 1,000 attendances")


def test_figures_as_known_on_a_day_say_so(measure):
    found = summary.summarise(content(point(3)) | {"as_of": "2024-12-31"}, measure, RELEASE, reaches=MARCH_END)
    assert found.vintage == f"{RELEASE.status.value}, as known on 31 December 2024"
