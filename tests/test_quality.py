from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from openmeasures import parameters, quality, revisions
from openmeasures.counts import count, roll_up
from openmeasures.definitions import Disclosure, Part
from openmeasures.periods import months
from openmeasures.schemas import STATUS_TYPE, Counts, Status

MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 1)
YEAR = months(date(2023, 4, 1), MARCH)


def _published(*rows):
    """Make observations: organisation, month, metric and figure, of which None is not submitted."""
    return pl.DataFrame(
        [(*row, "not_submitted" if row[-1] is None else "reported") for row in rows],
        schema={
            "org_code": pl.String,
            "period_start": pl.Date,
            "metric": pl.String,
            "value": pl.Float64,
            "status": STATUS_TYPE,
        },
        orient="row",
    )


def _counts(*rows):
    """Make counts: organisation, month, denominator (the numerator is half of it) and status."""
    return Counts.validate(
        pl.DataFrame(
            [(code, month, of and of / 2, of, status) for code, month, of, status in rows],
            schema=list(Counts.column_names()),
            orient="row",
        ),
        cast=True,
    )


# ---- completeness


def test_every_status_is_counted():
    counts = _counts(
        ("RC9", date(2024, 1, 1), 10, "reported"),
        ("RC9", date(2024, 2, 1), 0, "reported"),
        ("RC9", MARCH, None, "not_submitted"),
        ("RC9", APRIL, None, "suppressed"),
    )
    assert quality.completeness(counts) == {
        Status.REPORTED: 2,
        Status.SUPPRESSED: 1,
        Status.NOT_SUBMITTED: 1,
        Status.NOT_APPLICABLE: 0,
    }


def test_without_counts_every_status_is_at_zero():
    assert quality.completeness(_counts(("RC9", MARCH, 1, "reported")).clear()) == dict.fromkeys(Status, 0)


@pytest.mark.parametrize(("of", "number"), [((0, 0, 1), 2), ((1, 2, 3), 0), ((0, None, None), 1), ((), 0)])
def test_periods_with_nothing_to_count_are_counted(of, number):
    rows = [("RC9", YEAR[place], each, "suppressed" if each is None else "reported") for place, each in enumerate(of)]
    assert quality.without_activity(_counts(*rows, ("RJ1", MARCH, 1, "reported")).head(len(of))) == number


@pytest.mark.parametrize(
    ("first", "last", "held", "expected"),
    [
        (YEAR[0], YEAR[-1], YEAR, ()),
        (YEAR[0], YEAR[-1], [YEAR[0], *YEAR[3:5], *YEAR[6:]], (*YEAR[1:3], YEAR[5])),
        (YEAR[3], YEAR[-1], [YEAR[0], *YEAR[3:]], ()),  # before it opened
        (YEAR[0], YEAR[3], [*YEAR[:4], YEAR[-1]], ()),  # after it had closed
    ],
)
def test_periods_without_a_file_are_those_between_the_organisations_first_and_last(
    measure, first, last, held, expected
):
    rows = _counts(*(("RC9", month, 10, "reported") for month in held if first <= month <= last))
    run = SimpleNamespace(measure=measure, release_of=dict.fromkeys(held))
    assert quality.without_file(rows, run) == expected


def test_who_has_no_row_lacks_no_file(measure):
    run = SimpleNamespace(measure=measure, release_of=dict.fromkeys(YEAR))
    assert quality.without_file(_counts(("RC9", MARCH, 1, "reported")).clear(), run) == ()


def test_periods_without_a_file_are_expected_but_not_submitted(assess, keep):
    keep(("RC9", 100, 40), ("RJ1", 300, 30), month="JUNE-2024", name="June-2024.csv")
    found = assess("RJ1")
    assert found.without_file == (date(2024, 5, 1),)
    assert (found.content["periods_expected"], found.content["periods_submitted"]) == (4, 3)
    assert (found.content["periods_without_file"], found.periods[Status.NOT_SUBMITTED]) == (1, 0)
    assert assess("RJ1", "2024-04").without_file == ()


# ---- agreement

ROUNDED = Disclosure(
    rounded_to=5, suppressed_below=5, zero_suppressed=True, percentage_decimals=0, england_percentage_decimals=1
)


@pytest.mark.parametrize(("published", "difference"), [(30, 0), (25, 0), (24.5, 30 - 24.5), (35.5, 30 - 35.5)])
def test_a_difference_that_rounding_can_make_is_none(published, difference):
    rows = _published(("RC9", MARCH, "all", 10), ("RJ1", MARCH, "all", 20), ("ENG", MARCH, "all", published))
    assert quality.agreement(rows, rounding=ROUNDED)["difference"].to_list() == [difference]  # two of ± 2.5


@pytest.mark.parametrize("published", [29, 30, 31])
def test_the_difference_is_organisations_minus_published(published):
    found = quality.agreement(
        _published(("RC9", MARCH, "all", 10), ("RJ1", MARCH, "all", 20), ("ENG", MARCH, "all", published))
    )
    assert found.rows() == [("all", MARCH, 10 + 20, published, 10 + 20 - published)]


def test_each_metric_and_period_has_its_own_row_in_order():
    found = quality.agreement(
        _published(
            *((code, month, metric, 5) for code in ("RC9", "ENG") for month in (APRIL, MARCH) for metric in ("b", "a"))
        )
    )
    assert found.select("period_start", "metric").rows() == [(MARCH, "a"), (MARCH, "b"), (APRIL, "a"), (APRIL, "b")]


@pytest.mark.parametrize("total", [[], [("ENG", MARCH, "all", None)]])
def test_without_a_published_total_there_is_nothing_to_compare(total):
    assert quality.agreement(_published(("RC9", MARCH, "all", 10), *total)).is_empty()


def test_what_was_not_reported_adds_nothing():
    found = quality.agreement(
        _published(("RC9", MARCH, "all", 10), ("RJ1", MARCH, "all", None), ("ENG", MARCH, "all", 10))
    )
    assert found["difference"].to_list() == [10 + 0 - 10]


# ---- coverage


def _coverage(*counts, published=(("ENG", MARCH, "all", 100),), period=MARCH):
    return quality.coverage(_published(*published), _counts(*counts), denominator=["all"], period=period)


@pytest.mark.parametrize(("of", "share"), [(0, 0), (99, 99 / 100), (100, 1)])
def test_coverage_is_the_share_of_the_published_denominator(of, share):
    assert _coverage(("RC9", MARCH, of, "reported")) == share


def test_who_has_no_counts_is_not_covered():
    assert _coverage(("RC9", MARCH, 70, "reported"), ("RJ1", MARCH, None, "not_applicable")) == 70 / 100


def test_the_denominators_metrics_are_added_up():
    published = (("ENG", MARCH, "type_1", 60), ("ENG", MARCH, "type_2", 40), ("ENG", MARCH, "over", 7))
    found = quality.coverage(
        _published(*published), _counts(("RC9", MARCH, 50, "reported")), denominator=["type_1", "type_2"], period=MARCH
    )
    assert found == 50 / (60 + 40)


def test_other_periods_and_englands_own_row_do_not_matter():
    assert _coverage(("RC9", MARCH, 50, "reported"), ("RC9", APRIL, 9, "reported"), ("ENG", MARCH, 9, "reported")) == (
        50 / 100
    )


@pytest.mark.parametrize(
    "published", [[("RC9", MARCH, "all", 9)], [("ENG", MARCH, "all", 0)], [("ENG", APRIL, "all", 9)]]
)
def test_without_a_published_denominator_there_is_no_coverage(published):
    assert _coverage(("RC9", MARCH, 50, "reported"), published=published) is None


# ---- absent


@pytest.fixture
def absent(measure):
    """Return who is absent in March 2024, beside RJ1, which has figures from February 2023 on."""
    codes = ["ENG", "RC9", "RDU", "RJ1"]
    names = pl.DataFrame({"org_code": codes, "org_name": ["England", "City", "Dene", "Town"]})
    run = parameters.Parameters(measure, None, "ENG", MARCH, names)
    always = [("RJ1", month, 10, "reported") for month in months(date(2023, 2, 1), MARCH)]

    def of(*rows):
        return quality.absent(run, _counts(*always, *rows))

    return of


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (date(2023, 3, 1), []),
        (date(2023, 4, 1), ["City (RC9)"]),
        (date(2024, 2, 1), ["City (RC9)"]),
        (MARCH, []),
    ],
)
def test_who_has_figures_in_the_year_but_not_in_the_latest_period_is_absent(absent, last, expected):
    assert absent(*(("RC9", month, 10, "reported") for month in months(date(2023, 2, 1), last))) == expected


@pytest.mark.parametrize("status", ["suppressed", "not_submitted", "not_applicable"])
def test_a_row_without_figure_is_no_figure(absent, status):
    assert absent(("RC9", YEAR[-2], 10, "reported"), ("RC9", MARCH, None, status)) == ["City (RC9)"]
    assert absent(("RC9", YEAR[-2], None, status), ("RC9", MARCH, None, status)) == []


def test_who_reports_nothing_to_count_is_not_lacking(absent):
    assert absent(("RC9", YEAR[-2], 10, "reported"), ("RC9", MARCH, 0, "reported")) == []
    assert absent(("RC9", YEAR[-2], 0, "reported")) == []


def test_the_absent_come_in_the_order_of_their_codes_and_only_once(absent):
    rows = [(code, month, 10, "reported") for month in YEAR[:2] for code in ("RDU", "RC9")]
    assert absent(*rows) == ["City (RC9)", "Dene (RDU)"]


def test_the_year_is_one_of_the_calendar_whichever_files_are_here(measure):
    """With one file a quarter, twelve of them are three years."""
    names = pl.DataFrame({"org_code": ["RC9", "RJ1"], "org_name": ["City", "Town"]})
    run = parameters.Parameters(measure, None, "ENG", MARCH, names)
    quarterly = months(date(2022, 3, 1), MARCH)[::3]
    rows = [("RJ1", month, 10, "reported") for month in quarterly]
    assert quality.absent(run, _counts(*rows, ("RC9", date(2023, 3, 1), 10, "reported"))) == []
    assert quality.absent(run, _counts(*rows, ("RC9", date(2023, 6, 1), 10, "reported"))) == ["City (RC9)"]


def test_england_itself_is_never_absent(absent):
    assert absent(("ENG", YEAR[-2], 20, "reported")) == []


# ---- assess


def _assess(run, published, everyone):
    return quality.assess(run, published, everyone, revisions.since_first(run, everyone))


@pytest.fixture
def assess(keep, store, measure):
    """Two months of two trusts, of which RC9 reports nothing in April; March is a revision, April is not."""
    keep(("RC9", 100, 40), ("RJ1", 300, 30), name="March-2024-revised.csv")
    keep(("RC9", "-", "-"), ("RJ1", 300, 30), month="APRIL-2024", name="April-2024.csv")

    def assessed(org_code, period_to=""):
        run = parameters.check(measure, org_code=org_code, period_to=period_to, data=str(store.folder))
        published = run.observations()
        counts = count(published, numerator=measure.numerator, denominator=measure.denominator)
        return _assess(run, published, pl.concat([counts, roll_up(counts)]))

    return assessed


def test_an_organisations_periods_are_counted_by_status(assess):
    assert assess("RC9").periods == {
        Status.REPORTED: 1,
        Status.SUPPRESSED: 0,
        Status.NOT_SUBMITTED: 0,
        Status.NOT_APPLICABLE: 1,
    }


def test_a_zero_in_doubt_is_told_and_counted(assess, keep):
    """40 of 100 took over four hours in March; of 100 in April nobody did."""
    assert assess("RC9").doubted == ()
    keep(("RC9", 100, 0), ("RJ1", 300, 30), month="APRIL-2024", name="April-2024-revised.csv")
    found = assess("RC9")
    assert found.doubted == (
        "April 2024 (all of 100 attendances within four hours, where 40 or more others were to be expected)",
    )
    assert found.content["zeros_doubted"] == 1


def test_the_last_period_with_a_figure_and_the_latest_one(assess):
    assert (assess("RC9").last_figure, assess("RC9").latest) == (MARCH, APRIL)
    assert (assess("RJ1").last_figure, assess("RJ1").latest) == (APRIL, APRIL)


def test_a_period_with_nothing_to_count_has_no_figure(assess, keep):
    keep(("RC9", 0, 0), ("RJ1", 300, 30), month="APRIL-2024", name="April-2024-revised.csv")
    found = assess("RC9")
    assert (found.periods[Status.REPORTED], found.without_activity, found.last_figure) == (2, 1, MARCH)


def test_who_never_reported_has_no_last_period(keep, assess):
    keep(("RC9", "-", "-"), ("RJ1", 300, 30), name="March-2024-revised-130624.csv")
    assert assess("RC9").last_figure is None


def test_coverage_is_that_of_the_latest_period(assess):
    """In April RC9's dash leaves both sums, England's own included."""
    assert (assess("RC9", "2024-03").coverage, assess("RC9").coverage) == ((100 + 300) / 400, 300 / 300)


def test_the_status_is_that_of_the_latest_release(assess):
    assert (assess("RC9", "2024-03").latest_status, assess("RC9").latest_status) == ("revised", "provisional")


@pytest.mark.parametrize(
    ("org_code", "month", "expected"),
    [
        ("ENG", "2024-04", ["RC9 Hospitals, NHS Trust (RC9)"]),
        ("ENG", "2024-03", []),
        ("RC9", "2024-04", []),
        ("RJ1", "2024-04", []),
    ],
)
def test_englands_latest_figure_says_whom_it_lacks(assess, org_code, month, expected):
    assert assess(org_code, month).absent == expected


def test_totals_that_agree_are_not_counted(assess):
    assert assess("RC9").unequal_totals == 0


def test_without_a_published_total_nothing_is_compared(assess, keep, store, measure):
    """As in RTT's extract, which has no row of England."""
    keep(("RC9", 100, 40), name="March-2024-revised.csv")
    run = parameters.check(measure, org_code="RC9", period_to="", data=str(store.folder))
    published = run.observations().filter(pl.col("org_code") != "ENG")
    counts = count(published, numerator=measure.numerator, denominator=measure.denominator)
    assert _assess(run, published, pl.concat([counts, roll_up(counts)])).unequal_totals is None


def test_totals_that_differ_are_counted_for_the_measures_own_metrics(assess, keep):
    changed = ("TOTAL,400,0,", "TOTAL,401,9,")
    keep(("RC9", 100, 40), ("RJ1", 300, 30), name="March-2024-revised-130624.csv", change=changed)
    assert assess("RC9").unequal_totals == 1  # type 1 attendances; type 2 are not part of the measure


@pytest.mark.parametrize(("off", "unequal"), [(1e-7, 0), (0.001, 0), (0.002, 1), (0.5, 1), (-0.5, 1)])
def test_sums_that_differ_by_rounding_alone_are_equal(monkeypatch, assess, off, unequal):
    """Beds are averages with nine decimals, whose sum over trusts differs from the published one in the last."""
    frame = pl.DataFrame({"metric": "attendances_type_1", "period_start": MARCH, "difference": off})
    monkeypatch.setattr(quality, "agreement", lambda _, rounding: frame)
    assert assess("RC9").unequal_totals == unequal


def test_a_percentage_is_in_no_sum_and_rounding_is_told(keep, store, measure):
    """England has 402.5 people where organisations have 400, and a percentage that is no sum of theirs."""
    keep(("RC9", 100, 40), ("RJ1", 300, 10))
    share = Part(text="Over", label="over", percentage="over_four_hours_type_1")
    update = {"numerator": share, "disclosure": ROUNDED}
    run = parameters.check(measure.model_copy(update=update), org_code="RC9", period_to="", data=str(store.folder))
    published = run.observations()
    own = pl.col("org_code") == "ENG"
    published = published.with_columns(value=pl.when(own & (pl.col("metric") == "attendances_type_1")).then(402.5)
                                       .when(own).then(13.0).otherwise("value"))  # fmt: skip
    counts = count(published, numerator=share, denominator=measure.denominator)
    found = _assess(run, published, pl.concat([counts, roll_up(counts)]))
    assert (found.unequal_totals, found.is_rounded) == (0, True)
