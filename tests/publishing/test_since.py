"""What is different from one period ago, from results made up by hand."""

from datetime import date

import pytest

from openmeasures.definitions import Standard
from openmeasures.periods import Period
from openmeasures.publishing.since import Since, since

SAME = Since("The same signs as in February 2024.", has_changed=False)


def point(month, value=60.0, *, series="all", variation="common_cause", assurance=None):
    return {
        "series": series, "period_start": f"2024-{month:02d}-01", "value": value, "variation": variation,
        "assurance": assurance,
    }  # fmt: skip


def content(*points, last=3, suits_limits=True):
    return {"points": list(points), "period_to": f"2024-{last:02d}-01", "suits_limits": suits_limits}


@pytest.fixture
def held(measure):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    standard = Standard(name="Operational", value=60, **{"from": date(2024, 1, 1)}, **link)
    return measure.model_copy(update={"standards": [standard]})


def test_nothing_changed(measure):
    assert since(content(point(1, variation="concern_low"), point(2), point(3, 61.0)), measure) == SAME


@pytest.mark.parametrize("points", [(), (point(3, None),)])
def test_without_a_figure_there_is_nothing_to_compare(measure, points):
    assert since(content(*points), measure) == Since("", has_changed=False)


def test_a_series_that_has_ended_changes_no_more(measure):
    assert since(content(point(1), point(2, variation="concern_low")), measure) == Since("", has_changed=False)


@pytest.mark.parametrize(
    "points", [(point(3),), (point(1), point(3)), (point(2, None), point(3)), (point(2, series="type_1"), point(3))]
)
def test_without_the_figure_before_there_is_nothing_to_compare_with(measure, points):
    said = "There is no figure for the month before to compare with."
    assert since(content(*points), measure) == Since(said, has_changed=False)


def test_a_new_signal(measure):
    found = since(content(point(2), point(3, variation="concern_low")), measure)
    assert found == Since(
        "Since February 2024: the signal was “no change detected” and is “concern ▼”.", has_changed=True
    )


def test_a_signal_that_nobody_judges_is_not_compared(measure):
    points = point(2), point(3, variation="concern_low")
    assert since(content(*points, suits_limits=False), measure) == SAME
    rolling = measure.model_copy(update={"period": Period.ROLLING_YEAR})
    found = since(content(*points), rolling)
    assert found == Since("The same signs as in February 2024 to January 2025.", has_changed=False)


@pytest.mark.parametrize(("one", "other"), [(None, "concern_low"), ("concern_low", None)])
def test_without_limits_there_is_no_signal_to_compare(measure, one, other):
    assert since(content(point(2, variation=one), point(3, variation=other)), measure) == SAME


@pytest.mark.parametrize(
    ("before", "latest", "said"),
    [
        (59.9, 60.0, "the standard was missed and is met"),
        (60.0, 59.9, "the standard was met and is missed"),
    ],
)
def test_a_standard_met_or_missed_anew(held, before, latest, said):
    found = since(content(point(2, before), point(3, latest)), held)
    assert found == Since(f"Since February 2024: {said}.", has_changed=True)


def test_a_standard_met_as_before_is_no_news(held):
    assert since(content(point(2, 60.0), point(3, 61.0)), held) == SAME


def test_a_neutral_measure_meets_nothing(held):
    neutral = held.model_copy(update={"improvement": "neutral"})
    assert since(content(point(2, 59.0), point(3, 61.0)), neutral) == SAME


def test_a_standard_that_was_not_in_force_before_is_not_compared(measure, held):
    new = held.standards[0].model_copy(update={"date_from": date(2024, 3, 1)})
    later = measure.model_copy(update={"standards": [new]})
    assert since(content(point(2, 59.0), point(3, 61.0)), later) == SAME


def test_what_limits_say_of_the_standard_may_change_too(measure):
    points = point(2, assurance="hit_or_miss"), point(3, variation="concern_low", assurance="consistently_failing")
    assert since(content(*points), measure) == Since(
        "Since February 2024: the signal was “no change detected” and is “concern ▼”; the standard was met or missed "
        "by chance and is now not expected to be met.",
        has_changed=True,
    )


@pytest.mark.parametrize(
    ("one", "other"), [(None, "hit_or_miss"), ("hit_or_miss", None), ("hit_or_miss", "hit_or_miss")]
)
def test_limits_that_say_nothing_new(measure, one, other):
    assert since(content(point(2, assurance=one), point(3, assurance=other)), measure) == SAME
