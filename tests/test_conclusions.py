"""Changes of conclusion, on series of which one can see what their chart says."""

from datetime import date

import polars as pl
import pytest

from openmeasures import conclusions, definitions, results
from openmeasures.running import notebooks

FIRST = date(2022, 1, 1)
USUAL = [60.0, 62.0] * 10  # mean 61, moving ranges of 2: limits 61 ± 2.66 × 2, so 55.7 to 66.3
STANDARD = """
standards:
  - name: Standard
    value: {value}
    from: 2010-01-01
    title: Handbook
    url: https://example.org/
    verified: true
"""


def month(number):
    """Return a month by its number, January 2022 being 1."""
    return date(FIRST.year + (number - 1) // 12, 1 + (number - 1) % 12, 1)


def series(*values, code="RC9", segment=0):
    rows = [
        {"org_code": code, "period_start": month(number), "value": value, "segment": segment}
        for number, value in enumerate(values, start=1)
    ]
    return pl.DataFrame(rows, schema_overrides={"value": pl.Float64})


@pytest.fixture
def with_standard(tmp_path, measure_yml):
    def load(value):
        folder = tmp_path / "with_standard"
        folder.mkdir()
        (folder / "measure.yml").write_text(measure_yml + STANDARD.format(value=value).lstrip("\n"), encoding="utf-8")
        return definitions.load(folder)

    return load


def told(points, measure, *, after):
    columns = ("org_code", "period_start", "variation_before", "variation")
    return conclusions.changes(points, measure, after=after).select(columns).rows()


def test_a_point_beyond_a_limit_is_a_change_and_so_is_the_return(measure):
    points = series(*USUAL, 80.0, 61.0)
    assert told(points, measure, after=month(18)) == [
        ("RC9", month(21), "common_cause", "improvement_high"),
        ("RC9", month(22), "improvement_high", "common_cause"),
    ]


def test_what_goes_on_is_no_change(measure):
    assert told(series(*USUAL), measure, after=month(14)) == []


def test_the_first_period_after_the_day_has_none_before_it(measure):
    points = series(*USUAL, 80.0)
    assert told(points, measure, after=month(19)) == [("RC9", month(21), "common_cause", "improvement_high")]
    assert told(points, measure, after=month(20)) == []


def test_a_period_is_judged_by_no_later_one(measure):
    """Sixteen high months from the 21st: seen from their end, limits would have risen, and the first not stood out."""
    then = told(series(*USUAL, 70.0), measure, after=month(19))
    later = told(series(*USUAL, *[70.0] * 16), measure, after=month(19))
    assert then == later[:1] == [("RC9", month(21), "common_cause", "improvement_high")]


def test_a_gap_is_passed_over(measure):
    points = series(*USUAL, None, None, 80.0)
    [change] = conclusions.changes(points, measure, after=month(18)).rows(named=True)
    assert (change["period_start"], change["period_start_before"]) == (month(23), month(20))


def test_too_short_a_series_concludes_nothing_and_its_first_conclusion_is_no_change(measure):
    points = series(*USUAL[:13])
    found = conclusions.states(points, measure, after=month(10))
    assert found["variation"].to_list() == [None, None, "common_cause"]
    assert told(points, measure, after=month(10)) == []


def test_each_organisation_is_compared_with_itself(measure):
    points = pl.concat([series(*USUAL, 80.0), series(*USUAL, 61.0, code="RJ1"), series(*USUAL, 40.0, code="RR8")])
    assert told(points, measure, after=month(18)) == [
        ("RC9", month(21), "common_cause", "improvement_high"),
        ("RR8", month(21), "common_cause", "concern_low"),
    ]


def test_what_will_become_of_the_standard_is_a_conclusion_too(with_standard):
    """At 66.5 the standard lies above 66.3; limits widen by one great step, 62 to 56, and it comes to lie inside."""
    measure = with_standard(66.5)
    [change] = conclusions.changes(series(*USUAL, 56.0), measure, after=month(19)).rows(named=True)
    assert (change["assurance_before"], change["assurance"]) == ("consistently_failing", "hit_or_miss")
    assert (change["variation_before"], change["variation"]) == ("common_cause", "common_cause")


def test_without_a_figure_after_the_day_there_is_nothing(measure):
    assert conclusions.changes(series(*USUAL), measure, after=month(20)).is_empty()


def test_limits_that_start_anew_conclude_nothing_until_they_rest_on_enough(measure):
    before, after = series(*USUAL), series(*USUAL, 80.0).tail(1).with_columns(segment=pl.lit(1, pl.Int64))
    assert told(pl.concat([before, after]), measure, after=month(18)) == []


RUNS = sorted(definitions.load_all(), key=lambda each: each.id)


@pytest.mark.parametrize("measure", RUNS, ids=lambda each: each.id)
def test_the_latest_conclusion_is_the_one_of_each_committed_notebook(measure):
    content = notebooks.result(measure.folder / "notebook.ipynb")
    points = pl.DataFrame(
        [point for point in content["points"] if point["series"] == results.ALL], infer_schema_length=None
    ).with_columns(pl.col("period_start").str.to_date(), pl.col("value").cast(pl.Float64))
    if not content["suits_limits"]:
        assert points["variation"].null_count() == points.height
        return
    last = points.drop_nulls("value").row(-1, named=True)
    found = conclusions.states(points, measure, after=FIRST).filter(pl.col("period_start") == last["period_start"])
    assert found.select("variation", "assurance").rows() == [(last["variation"], last["assurance"])]
