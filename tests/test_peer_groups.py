from datetime import date

import polars as pl
import pytest

from openmeasures.definitions import Series
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


@pytest.mark.parametrize(("back", "expected"), [(11, ["GONE", "WALKIN"]), (12, [])])
def test_the_runs_own_organisation_then_has_no_group_at_all(group, back, expected):
    published = observations(*[("TOWN", month, 900) for month in range(14)], ("WALKIN", 0, 0), ("GONE", back, 0))
    assert group("GONE", published) == (expected, LACKING)


def test_a_missing_figure_is_not_a_figure(group):
    published = observations(("TOWN", 0, None), ("CITY", 0, 800), ("WALKIN", 0, 0))
    assert group("TOWN", published) == ([], LACKING)
    assert group("WALKIN", published) == (["WALKIN"], LACKING)


def test_who_reports_other_metrics_only_is_with_those_that_lack_this_one(group):
    others = PUBLISHED.filter(pl.col("org_code") == "WALKIN").with_columns(
        org_code=pl.lit("EYES"), metric=pl.lit("attendances_type_2"), value=pl.lit(50.0)
    )
    assert group("EYES", pl.concat([PUBLISHED, others])) == (["EYES", "WALKIN"], LACKING)


def test_other_metrics_do_not_matter(group):
    published = pl.concat([PUBLISHED, PUBLISHED.with_columns(metric=pl.lit("attendances_type_3"), value=pl.lit(50.0))])
    assert group("WALKIN", published) == (["WALKIN"], LACKING)


def test_england_may_have_nobody_to_show(group):
    assert group("ENG", observations(("WALKIN", 0, 0))) == ([], HAVING)


# ---- in what they are compared


@pytest.mark.parametrize(
    ("org_code", "having_series", "expected"),
    [
        ("TOWN", None, ("", "Four hours")),
        ("TOWN", "type_1", ("type_1", "Four hours, type 1 only")),
        ("ENG", "type_1", ("type_1", "Four hours, type 1 only")),
        ("ENG", None, ("", "Four hours")),
        ("WALKIN", "type_1", ("", "Four hours")),  # it has nothing of that series
        ("NOBODY", "type_1", ("", "Four hours")),
    ],
)
def test_those_that_have_the_metric_may_be_compared_in_a_series_of_it(measure, org_code, having_series, expected):
    series = Series(id="type_1", title="Type 1 only", numerator=measure.numerator, denominator=measure.denominator)
    peers = measure.peers.model_copy(update={"having_series": having_series})
    changed = measure.model_copy(update={"series": [series], "peers": peers})
    found = alike(Parameters(changed, None, org_code, MARCH, pl.DataFrame()), PUBLISHED)
    assert (found.series, found.title) == expected


# ---- of the same type


TYPES = (("TOWN", 0, "Acute"), ("CITY", 0, "Acute"), ("CITY", 2, "Community"), ("999", 0, "Ambulance"))


@pytest.fixture
def of_type(measure):
    """Return the group of an organisation whose measure compares by type: its codes and its label."""
    peers = measure.peers.model_copy(
        update={"breakdown": "type", "having": "of the type “{part}”", "everyone": "organisations of every type"}
    )

    class Run(Parameters):
        def observations(self, *, breakdown=""):
            assert breakdown == "type"
            rows = [(code, months_before(back), "attendances_type_1", 1.0, part) for code, back, part in TYPES]
            others = [("TOWN", MARCH, "attendances_type_1", 0.0, "Others"), ("TOWN", MARCH, "other", 9.0, "Others")]
            columns = ["org_code", "period_start", "metric", "value", "category"]
            return pl.DataFrame([*rows, *others], schema=columns, orient="row")

    def of(org_code):
        published = observations(*((code, back, 1.0) for code, back, _ in TYPES), ("WALKIN", 0, 0))
        compared = measure.model_copy(update={"peers": peers})
        found = alike(Run(compared, None, org_code, MARCH, pl.DataFrame()), published)
        return found.org_codes, found.label

    return of


@pytest.mark.parametrize(
    ("org_code", "expected"),
    [
        ("TOWN", (["CITY", "TOWN"], "of the type “Acute”")),
        ("CITY", (["CITY", "TOWN"], "of the type “Acute”")),  # by its last month
        ("999", (["999"], "of the type “Ambulance”")),
        ("ENG", (["999", "CITY", "TOWN"], "organisations of every type")),
        ("WALKIN", (["WALKIN"], LACKING)),
    ],
)
def test_organisations_may_be_compared_with_those_of_their_type(of_type, org_code, expected):
    assert of_type(org_code) == expected
