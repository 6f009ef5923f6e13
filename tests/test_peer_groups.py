from datetime import date

import polars as pl
import pytest

from openmeasures.parameters import Parameters
from openmeasures.peer_groups import alike

MARCH = date(2024, 3, 1)
HAVING, LACKING = "organisations with a type 1 department", "organisations without one"


def months_before(number):
    """Return the month that lies so many before March 2024."""
    return date(2024 - (number + 9) // 12, (2 - number) % 12 + 1, 1)


def observations(*rows):
    """Make observations of organisation, months before March 2024, and a figure of the metric that divides them."""
    return pl.DataFrame(
        [(code, months_before(back), "attendances_type_1", value) for code, back, value in rows],
        schema={"org_code": pl.String, "period_start": pl.Date, "metric": pl.String, "value": pl.Float64},
        orient="row",
    )


@pytest.fixture
def group(measure):
    def of(org_code, published):
        found = alike(Parameters(measure, None, org_code, MARCH, pl.DataFrame()), published)
        return found.org_codes, found.label

    return of


PUBLISHED = observations(("TOWN", 0, 900), ("CITY", 0, 800), ("WALKIN", 0, 0), ("ENG", 0, 1700))


@pytest.mark.parametrize(
    ("org_code", "expected"),
    [
        ("CITY", (["CITY", "TOWN"], HAVING)),
        ("WALKIN", (["WALKIN"], LACKING)),
        ("ENG", (["CITY", "TOWN"], HAVING)),
    ],
)
def test_those_that_report_the_metric_are_apart_from_those_that_do_not(group, org_code, expected):
    assert group(org_code, PUBLISHED) == expected


@pytest.mark.parametrize(("back", "expected"), [(11, ["CITY", "TOWN"]), (12, ["TOWN"])])
def test_only_the_last_twelve_periods_count(group, back, expected):
    every_month = [("TOWN", month, 900) for month in range(14)]
    closed = [("CITY", month, 800 if month == back else 0) for month in range(14)]
    assert group("TOWN", observations(*every_month, *closed)) == (expected, HAVING)


def test_an_organisation_that_reported_nothing_of_late_is_in_no_group(group):
    published = observations(*[("TOWN", month, 900) for month in range(14)], ("GONE", 12, 800), ("SHUT", 13, 0))
    assert group("TOWN", published) == (["TOWN"], HAVING)


def test_the_runs_own_organisation_is_then_with_those_that_lack_the_metric(group):
    published = observations(*[("TOWN", month, 900) for month in range(14)], ("WALKIN", 0, 0), ("GONE", 12, 800))
    assert group("GONE", published) == (["GONE", "WALKIN"], LACKING)


def test_a_missing_figure_is_not_a_figure(group):
    assert group("TOWN", observations(("TOWN", 0, None), ("CITY", 0, 800))) == (["TOWN"], LACKING)


def test_other_metrics_do_not_matter(group):
    published = pl.concat([PUBLISHED, PUBLISHED.with_columns(metric=pl.lit("attendances_type_3"), value=pl.lit(50.0))])
    assert group("WALKIN", published) == (["WALKIN"], LACKING)


def test_england_may_have_nobody_to_show(group):
    assert group("ENG", observations(("WALKIN", 0, 0))) == ([], HAVING)
