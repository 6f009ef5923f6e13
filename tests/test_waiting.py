"""How long people have waited, as a series and in words."""

from datetime import date

import polars as pl
import pytest

from openmeasures import waiting
from openmeasures.definitions import Part
from openmeasures.parameters import Parameters
from openmeasures.schemas import Observations

FEBRUARY, MARCH = date(2024, 2, 1), date(2024, 3, 1)


@pytest.fixture
def run(measure):
    organisations = pl.DataFrame({"org_code": ["RC9"], "org_name": ["Bedfordshire"], "region_name": ["East"]})
    return Parameters(measure, None, "RC9", MARCH, organisations)


def bands(*waiting_in, month=MARCH, org_code="RC9"):
    """People in each week; the last week is open."""
    weeks = range(len(waiting_in))
    return pl.DataFrame(
        {
            "org_code": org_code, "period_start": month, "weeks_from": list(weeks),
            "weeks_to": [*list(weeks)[1:], None], "waiting": [float(people) for people in waiting_in],
        }
    )  # fmt: skip


def said(run, frame, **options):
    return waiting.finding(run, frame, **options).replace("\u00a0", " ")


# ---- bands


class Published:
    """A store of one list by weeks waited: (organisation, category, people or null)."""

    synthetic = False

    def __init__(self, *rows):
        self.rows = rows

    def observations(self, source, *, metrics, breakdown, counting=None, org_codes=None):
        assert breakdown == waiting.BREAKDOWN
        return pl.DataFrame(
            [
                (source, metric, code, breakdown, category, MARCH, date(2024, 3, 31), people,
                 "not_submitted" if people is None else "reported", "a" * 64)
                for code, category, people in self.rows
                if org_codes is None or code in org_codes
                for metric in metrics
            ],
            schema=Observations.create_empty().schema,
            orient="row",
        )  # fmt: skip


@pytest.fixture
def of_list(measure):
    """Make the run of a measure whose denominator is a list that is published in bands."""
    people = Part(text="All people waiting", label="waiting", add=["waiting_list"])
    measure = measure.model_copy(update={"numerator": people, "denominator": people})

    def run(org_code, *rows):
        return Parameters(measure, Published(*rows), org_code, MARCH, pl.DataFrame())

    return run


def test_bands_are_those_of_the_organisation_with_their_edges(of_list):
    run = of_list(
        "RC9", ("RC9", "000-001", 7.0), ("RC9", "017-018", 5.0), ("RC9", "104+", 1.0), ("RJ1", "000-001", 2.0)
    )
    found = waiting.bands(run).sort("weeks_from")
    assert found.rows() == [("RC9", MARCH, 0, 1, 7.0), ("RC9", MARCH, 17, 18, 5.0), ("RC9", MARCH, 104, None, 1.0)]


def test_englands_bands_are_the_sum_of_the_organisations(of_list):
    run = of_list("ENG", ("RC9", "000-001", 7.0), ("RJ1", "000-001", 2.0), ("RJ1", "104+", 3.0))
    assert waiting.bands(run).sort("weeks_from").rows() == [("ENG", MARCH, 0, 1, 9.0), ("ENG", MARCH, 104, None, 3.0)]


def test_an_organisation_that_did_not_submit_has_no_bands(of_list):
    run = of_list("RC9", ("RC9", "000-001", None), ("RC9", "104+", None), ("RJ1", "000-001", 2.0))
    assert waiting.bands(run).is_empty()


# ---- in words


def test_the_waits_of_a_month(run):
    # 5,000 of 10,000 wait a week and a quarter at most: 4,000 in the first week, 1,000 of 4,000 in the second.
    # 9,200 of 10,000 wait 2.6 weeks: 1,200 of 2,000 in the third. Intervals: 98 people on either side of the 5,000th
    # (1.96 × √(10,000 × 0.5 × 0.5)), and 53 of the 9,200th (1.96 × √(10,000 × 0.92 × 0.08)).
    assert said(run, bands(4000, 4000, 1988, 12), over=(2, 3)) == (
        "At the end of March 2024 there were 10,000 attendances: half of them had lasted 1.2 weeks or less (95 % "
        "interval 1.2 to 1.3) and 92 in 100 2.6 weeks or less (95 % interval 2.6 to 2.6). Of these 2,000 (20.00 %) had "
        "lasted over 2 weeks and 12 (0.12 %) had lasted over 3 weeks."
    )


def test_only_the_last_month_counts(run):
    both = pl.concat([bands(900, 50, 50, month=FEBRUARY), bands(50, 50, 0)])
    assert said(run, both).startswith(
        "At the end of March 2024 there were 100 attendances: half of them had lasted 1.0 weeks"
    )


def test_a_percentile_in_the_open_band_is_more_than_its_edge(run):
    sentence = said(run, bands(600, 100, 300))
    assert "half of them had lasted 0.8 weeks or less" in sentence
    assert sentence.endswith("and 92 in 100 more than 2 weeks.")


def test_an_interval_that_begins_before_the_open_band_is_given(run):
    # The 92nd of 100 is in the open band, behind 91; the 86th, who bounds the interval below, after 80 and 5 of 11.
    assert said(run, bands(40, 40, 11, 9)).endswith(
        "and 92 in 100 more than 3 weeks (95 % interval 2.5 with no upper end)."
    )


@pytest.mark.parametrize("people", [1, 2, 9])
def test_few_people_have_no_percentiles(run, people):
    assert said(run, bands(people, 0, 0), over=(2,)) == (
        f"At the end of March 2024 the number of attendances was {people}, too few for a median or a 92nd percentile. "
        "Of these 0 (0.00 %) had lasted over 2 weeks."
    )
    assert "half of them" in said(run, bands(10, 0, 0))


def test_an_upper_end_in_the_open_band_is_none(run):
    # 18.4 of 20 wait 1.94 weeks: 9, and 9.4 of the 10 in the second week. The 16th, who bounds them below, waits
    # 1.6 weeks at least: after 9 and 6 of the 10.
    assert "92 in 100 1.9 weeks or less (95 % interval 1.6 with no upper end)" in said(run, bands(9, 10, 1))


def test_more_weeks_than_the_open_bands_edge_are_left_out(run):
    frame = bands(40, 40, 20)
    assert said(run, frame, over=(2, 3)).endswith("Of these 20 (20.00 %) had lasted over 2 weeks.")
    assert "Of these" not in said(run, frame, over=(3,))
    assert "Of these" not in said(run, frame)


def test_of_bands_without_an_open_one_nothing_is_said_of_long_waits(run):
    assert "Of these" not in said(run, bands(40, 40, 20).head(2), over=(1,))


@pytest.mark.parametrize("frame", [bands(0, 0, 0), bands(5, 5, 0, month=FEBRUARY)], ids=["nobody", "another month"])
def test_where_nobody_is_known_to_wait_that_is_said(run, frame):
    assert said(run, frame) == "No attendances are known at the end of March 2024."


# ---- what is beside the list


@pytest.fixture
def whole(measure):
    """Make the run of a list with metrics that were published whole: (organisation, month, metric, figure)."""
    people = Part(text="All pathways", label="pathways", add=["waiting_list"])
    measure = measure.model_copy(update={"numerator": people, "denominator": people})

    def run(org_code, *rows):
        class Whole:
            def observations(self, source, *, metrics, org_codes):
                frame = pl.DataFrame(
                    rows, schema=["org_code", "period_start", "metric", "value"], orient="row", infer_schema_length=None
                )
                wanted = pl.col("metric").is_in(metrics)
                return frame.filter(wanted if org_codes is None else wanted & pl.col("org_code").is_in(org_codes))

        return Parameters(measure, Whole(), org_code, MARCH, pl.DataFrame())

    return run


OUTSIDE = "waiting_list_for_non_english_commissioners"
NEAR_WALES = [("RL1", MARCH, "waiting_list", 60.0), ("RL1", MARCH, OUTSIDE, 40.0)]
FAR_OFF = [("RC9", MARCH, "waiting_list", 1900.0), ("RL1", FEBRUARY, OUTSIDE, 7.0)]


def test_pathways_of_other_commissioners_are_counted(whole):
    assert waiting.left_out(whole("RL1", *NEAR_WALES, *FAR_OFF)).replace("\u00a0", " ") == (
        "Left out are 40 pathways of commissioners outside England at the end of March 2024, 40.0 % of the 100 that "
        "were reported."
    )


def test_englands_are_those_of_every_organisation(whole):
    assert "Left out are 40 pathways" in (said := waiting.left_out(whole("ENG", *NEAR_WALES, *FAR_OFF)))
    assert said.replace("\u00a0", " ").endswith("2.0 % of the 2,000 that were reported.")


def test_where_there_are_none_nothing_is_said(whole):
    assert waiting.left_out(whole("RC9", *FAR_OFF)) == ""


STARTS, STOPS = ["started"], ["admitted", "not_admitted"]
FLOWS = [
    ("RC9", FEBRUARY, "waiting_list", 1000.0),
    ("RC9", MARCH, "waiting_list", 1010.0),
    ("RC9", FEBRUARY, "started", 999.0),
    ("RC9", MARCH, "started", 300.0),
    ("RC9", MARCH, "admitted", 50.0),
    ("RC9", MARCH, "not_admitted", 220.0),
]
JOINED = [
    ("RJ1", MARCH, "waiting_list", 5000.0),
    ("RJ1", MARCH, "started", 10.0),
    ("RJ1", FEBRUARY, "waiting_list", None),
]


def test_a_lists_change_is_set_beside_what_joined_and_left_it(whole):
    """1,010 − 1,000 = 10, and 300 − 50 − 220 = 30, so that 20 went otherwise."""
    assert waiting.flow(whole("RC9", *FLOWS), starts=STARTS, stops=STOPS).said == (
        "From the end of February 2024 to the end of March 2024 the list went from 1,000 to 1,010 (+10). 300 joined it "
        "and 270 left it as completed (+30). The rest, −20, is explained by nothing that is published: what is removed "
        "without treatment, or found again, is reported nowhere."
    )


def test_the_account_leads_from_the_opening_to_the_closing_list(whole):
    rows = waiting.flow(whole("RC9", *FLOWS), starts=STARTS, stops=STOPS).account.text.splitlines()[2:]
    assert [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows] == [
        ("Opening list, end of February 2024", "1,000"),
        ("+ joined it", "300"),
        ("− left it as completed", f"{50 + 220}"),
        ("= expected", f"{1000 + 300 - 50 - 220:,}"),
        ("Closing list, end of March 2024", "1,010"),
        ("**Unexplained** (closing − expected)", "**−20**"),
    ]


def test_england_leaves_aside_who_has_a_list_in_one_month_only(whole):
    of_england = waiting.flow(whole("ENG", *FLOWS, *JOINED), starts=STARTS, stops=STOPS)
    assert of_england.said == waiting.flow(whole("RC9", *FLOWS), starts=STARTS, stops=STOPS).said


def test_without_the_month_before_there_is_no_change(whole):
    assert waiting.flow(whole("RJ1", *FLOWS, *JOINED), starts=STARTS, stops=STOPS).said == ""
    assert waiting.flow(whole("RJ1", *FLOWS, *JOINED), starts=STARTS, stops=STOPS).account.text == ""


# ---- as a series


def test_a_series_has_the_percentile_as_its_value_and_keeps_gaps():
    months = [date(2024, 1, 1), FEBRUARY, MARCH]
    series = pl.DataFrame(
        {
            "org_code": "RC9", "period_start": months, "numerator": 1.0, "denominator": 2.0,
            "status": ["reported", "not_submitted", "reported"], "value": 50.0,
        }
    )  # fmt: skip
    frame = pl.concat([bands(40, 40, 20, month=months[0]), bands(10, 10, 80, month=MARCH)])
    found = waiting.points(series, frame, share=0.5)
    assert found["value"].to_list() == [1.25, None, None]  # not submitted; in the open band
    assert found["period_start"].to_list() == months
    assert found["status"].to_list() == ["reported", "not_submitted", "reported"]
    assert found["numerator"].null_count() == 3
    assert found["denominator"].to_list() == [2.0] * 3  # how many were waiting, of whom nobody may be known to wait
    assert found["value_lower"][0] < 1.25 < found["value_upper"][0]
