"""What notebooks show, read as a reader sees it: rows and cells of Markdown tables."""

from datetime import date

import altair as alt
import polars as pl
import pytest

from openmeasures import corrections, display, parameters
from openmeasures.definitions import Part, Standard
from openmeasures.ingest import Origin
from openmeasures.methods.spc import ASSURANCE_TYPE
from openmeasures.releases import ReleaseStatus, Vintage
from openmeasures.schemas import STATUS_TYPE, Status

FEBRUARY, MARCH, APRIL = (date(2024, month, 1) for month in (2, 3, 4))


@pytest.fixture
def run_of(keep, store, measure):
    """Make a run on March 2024, with RC9 and RJ1 unless told otherwise, of a measure with some fields changed."""

    def run(org_code="RC9", *, rows=(("RC9", 1000, 400), ("RJ1", 500, 100)), **changes):
        keep(*rows)
        changed = measure.model_copy(update=changes)
        return parameters.check(changed, org_code=org_code, period_to="", data=str(store.folder))

    return run


def cells(markdown):
    """Return the rows of the first table of a Markdown text, the line under its headings left out."""
    lines = [line for line in markdown.text.replace("\u00a0", " ").splitlines() if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return rows[:1] + rows[2:]


# ---- Markdown


def test_markdown_is_an_output_without_html():
    assert display.prose("One *sentence*.")._repr_mimebundle_() == {
        "text/markdown": "One *sentence*.",
        "text/plain": "One *sentence*.",
    }


def test_a_table_sets_its_numbers_to_the_right():
    assert display.table(("Month", "Figure"), [("March", "1"), ("April", "2")], numbers=1) == (
        "| Month | Figure |\n| :-- | --: |\n| March | 1 |\n| April | 2 |"
    )


def test_a_bar_in_a_cell_does_not_make_another_cell():
    assert display.table(("A", "B"), [("x|y", "z")]).splitlines()[-1] == "| x/y | z |"


# ---- definition and sources


def test_definition_says_what_is_measured_for_whom(run_of):
    shown = display.definition(run_of())
    assert cells(shown)[:2] == [
        ("", "A&E within four hours"),
        (
            "Organisation",
            "RC9 Hospitals, NHS Trust (RC9), acute trust, NHS Central East Integrated Care Board, East of England",
        ),
    ]
    assert display.SYNTHETIC_NOTICE not in shown.text


def test_definition_of_the_sample_says_first_that_it_is_made_up(run_of):
    shown = display.definition(run_of("Z-01", rows=(("Z-01", 1000, 400),)))
    assert shown.text.startswith(display.SYNTHETIC_NOTICE)


@pytest.mark.parametrize(
    ("improvement", "words"),
    [
        ("increase", "percent, higher is better"),
        ("decrease", "percent, lower is better"),
        ("neutral", "percent, neither way is better"),
    ],
)
def test_definition_says_which_way_is_better(run_of, improvement, words):
    assert ("Unit", words) in cells(display.definition(run_of(improvement=improvement)))


def test_sources_name_the_latest_file_by_its_hash(run_of, store):
    run = run_of()
    (release,) = store.releases()
    assert cells(display.sources(run))[1:] == [
        ("Months", "March 2024 (1 release)"),
        ("Latest file", "March-2024.csv (provisional)"),
        ("SHA-256", f"`{release.sha256}`"),
        ("Publisher's page", f"<{release.url}>"),
        ("Licence", release.licence),
    ]


def test_sources_give_the_address_of_a_file_that_was_fetched(run_of, keep):
    vintage = Vintage(ReleaseStatus.PROVISIONAL, None)
    origin = Origin("ae_monthly", "https://x.nhs.uk/March-2024.csv", "f" * 64, vintage)
    keep(("RC9", 1000, 400), ("RJ1", 500, 100), origin=origin)
    assert ("File's address", "<https://x.nhs.uk/March-2024.csv>") in cells(display.sources(run_of()))


def test_sources_count_the_releases_that_are_used(run_of, keep):
    keep(("RC9", 900, 300), month="FEBRUARY-2024", name="February-2024.csv")
    keep(("RC9", 1000, 390), name="March-2024-revised.csv")
    shown = cells(display.sources(run_of()))
    assert ("Months", "February 2024 to March 2024 (2 releases)") in shown
    assert ("Latest file", "March-2024-revised.csv (revised)") in shown


def test_sources_of_the_sample_send_nobody_to_the_publisher(run_of):
    shown = cells(display.sources(run_of("Z-01", rows=(("Z-01", 1000, 400),))))
    assert shown[-2:] == [
        ("Publisher's page", "none: made by this project"),
        ("Licence", "MIT, as this project"),
    ]


# ---- corrections


def corrected(run, *org_codes, url="https://example.org/"):
    entry = corrections.Correction(
        what="Zeros", reason="Not asked", url=url, org_codes=org_codes, metrics=["a"], expect=0,
        status="not_applicable", **{"from": FEBRUARY, "to": MARCH},
    )  # fmt: skip
    return display.corrected(corrections.Corrected(pl.DataFrame(), [(entry, 1234)]), run)


@pytest.mark.parametrize(("org_code", "org_codes"), [("RC9", ["RXX", "RC9"]), ("ENG", ["RC9"])])
def test_a_correction_is_shown_with_its_reason_and_extent(run_of, org_code, org_codes):
    assert cells(corrected(run_of(org_code), *org_codes)) == [
        ("Known error", "Zeros"),
        ("Reason", "Not asked [Source](https://example.org/)"),
        ("Whose", " and ".join(org_codes)),
        ("Months", "February 2024 to March 2024"),
        ("Published", "0"),
        ("Treated as", "not applicable"),
        ("Figures changed", "1,234"),
    ]


def test_several_corrections_have_a_table_each(run_of):
    one = corrections.Correction(
        what="Zeros", reason="Not asked", org_codes=["RC9"], metrics=["a"], expect=0, status="not_applicable",
        **{"from": FEBRUARY, "to": MARCH},
    )  # fmt: skip
    other = one.model_copy(update={"what": "Ones"})
    shown = display.corrected(corrections.Corrected(pl.DataFrame(), [(one, 1), (other, 2)]), run_of("RC9")).text
    assert [line for line in shown.splitlines() if "Known error" in line or not line] == [
        "| Known error | Zeros |", "", "| Known error | Ones |",
    ]  # fmt: skip


def test_a_correction_that_nothing_documents_has_no_address(run_of):
    assert cells(corrected(run_of("RC9"), "RC9", url=None))[1][1] == "Not asked"


def test_a_correction_of_another_organisation_is_not_shown(run_of):
    shown = corrected(run_of("RC9"), "RJ1")
    assert shown.text == "No known error concerns the figures of RC9 Hospitals, NHS Trust."


def test_without_corrections_it_says_so(run_of):
    shown = display.corrected(corrections.Corrected(pl.DataFrame(), []), run_of("ENG"))
    assert shown.text == "No known error concerns the figures of England."


# ---- numerator and denominator


def test_arithmetic_adds_up_the_published_figures(run_of):
    run = run_of(rows=(("RC9", 12345, 2345),))
    assert cells(display.arithmetic(run.observations(), run)) == [
        ("", "As published for March 2024", "Figure"),
        ("+", "attendances type 1", "12,345"),
        ("−", "over four hours type 1", "2,345"),
        ("=", "**Numerator** (within four hours)", f"**{12345 - 2345:,}**"),
        ("+", "attendances type 1", "12,345"),
        ("=", "**Denominator** (attendances)", "**12,345**"),
    ]


def test_arithmetic_for_england_is_that_of_the_published_total(run_of):
    run = run_of("ENG")
    figures = [row[2] for row in cells(display.arithmetic(run.observations(), run))[1:]]
    assert figures == ["1,500", "500", f"**{1500 - 500:,}**", "1,500", "**1,500**"]


def test_arithmetic_is_that_of_the_organisations_own_latest_month(run_of, keep):
    keep(("RJ1", 500, 100), month="FEBRUARY-2024", name="February-2024.csv")
    run = run_of("RJ1", rows=(("RC9", 1000, 400),))
    assert cells(display.arithmetic(run.observations(), run))[0][1] == "As published for February 2024"


def test_arithmetic_for_england_without_a_published_total_is_that_of_the_organisations_together(run_of):
    run = run_of("ENG")
    shown = cells(display.arithmetic(run.observations().filter(pl.col("org_code") != "ENG"), run))
    assert shown[0][1] == "Added up over organisations, as published for March 2024"
    assert [row[2] for row in shown[1:]] == ["1,500", "500", f"**{1500 - 500:,}**", "1,500", "**1,500**"]


def test_only_england_is_added_up_over_organisations(run_of):
    run = run_of("RC9")
    shown = cells(display.arithmetic(run.observations().filter(org_code="RJ1"), run))
    assert shown[0][1] == "As published for no month"


def test_arithmetic_has_no_sum_where_a_figure_is_missing(run_of):
    part = Part(text="Everyone", label="people", add=["attendances_type_1", "unheard_of"])
    run = run_of(numerator=part, denominator=part)
    observations = run.observations().with_columns(
        value=pl.lit(None, pl.Float64), status=pl.lit(Status.SUPPRESSED.value, STATUS_TYPE)
    )
    assert [row[2] for row in cells(display.arithmetic(observations, run))[1:4]] == [
        "suppressed",
        "not submitted",
        "**none, since a figure is missing**",
    ]


def test_arithmetic_of_a_percentage_is_of_the_denominator(run_of):
    share = Part(text="Better", label="better", percentage="over_four_hours_type_1")
    run = run_of("RC9", numerator=share)
    shown = cells(display.arithmetic(run.observations(), run))
    assert [row[0] for row in shown[1:3]] == ["%", "="]
    assert [row[2] for row in shown[1:3]] == ["400", f"**{400 / 100 * 1000:,.0f}**"]


@pytest.mark.parametrize("lacking", ["attendances_type_1", "over_four_hours_type_1"])
def test_arithmetic_of_a_percentage_takes_both_figures(run_of, lacking):
    share = Part(text="Better", label="better", percentage="over_four_hours_type_1")
    run = run_of("RC9", numerator=share)
    shown = cells(display.arithmetic(run.observations().filter(pl.col("metric") != lacking), run))
    assert shown[2][2] == "**none, since a figure is missing**"


def test_arithmetic_of_an_organisation_without_rows(run_of):
    run = run_of()
    shown = cells(display.arithmetic(run.observations().clear(), run))
    assert shown[0][1] == "As published for no month"
    assert {row[2] for row in shown[1:]} == {"not submitted", "**none, since a figure is missing**"}


# ---- the latest rows


def points(*rows):
    """Make points of month, numerator, denominator, value and status; the interval is one point either side."""
    schema = {
        "period_start": pl.Date,
        "numerator": pl.Float64,
        "denominator": pl.Float64,
        "value": pl.Float64,
        "status": pl.String,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(value_lower=pl.col("value") - 1, value_upper=pl.col("value") + 1)


def test_figures_show_counts_value_and_interval(run_of):
    shown = display.figures(points((MARCH, 6000.0, 10000.0, 60.0, "reported")), run_of())
    assert cells(shown) == [
        ("Month", "Within four hours", "Attendances", "Four hours", "95 % interval"),
        ("March 2024", "6,000", "10,000", "60.0 %", "59.0 % to 61.0 %"),
    ]


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ((0.0, 0.0, None, "reported"), ("0", "0", "no activity", "")),
        ((0.0, 10.0, 0.0, "reported"), ("0", "10", "0.0 %", "\u22121.0 % to 1.0 %")),
        ((None, None, None, "suppressed"), ("", "", "suppressed", "")),
        ((None, None, None, "not_submitted"), ("", "", "not submitted", "")),
        ((None, None, None, "not_applicable"), ("", "", "not applicable", "")),
    ],
)
def test_a_figure_that_is_not_there_is_never_a_zero(run_of, row, shown):
    assert cells(display.figures(points((MARCH, *row)), run_of()))[1][1:] == shown


def test_a_figure_that_misses_a_standard_is_not_shown_as_equal_to_it(run_of):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    run = run_of(standards=[Standard(name="Standard", value=65, **{"from": MARCH}, **link)])
    rows = points((FEBRUARY, 6498.0, 10000.0, 64.98, "reported"), (MARCH, 6498.0, 10000.0, 64.98, "reported"))
    assert [row[3] for row in cells(display.figures(rows, run))[1:]] == ["65.0 %", "64.98 %"]


@pytest.mark.parametrize(("latest", "first"), [(1, "April 2024"), (2, "March 2024"), (9, "February 2024")])
def test_only_the_latest_figures_are_shown_in_order_of_time(run_of, latest, first):
    rows = points(*((month, 6.0, 10.0, 60.0, "reported") for month in (APRIL, FEBRUARY, MARCH)))
    shown = cells(display.figures(rows, run_of(), latest=latest))[1:]
    assert (len(shown), shown[0][0], shown[-1][0]) == (min(latest, 3), first, "April 2024")


# ---- standards


def met(
    name="Standard", standard=78.0, *, latest=False, often=(0, 12), over=None, assurance=None, is_changing=False,
    month=MARCH, due=None,
):  # fmt: skip
    schema = {
        "period_start": pl.Date,
        "standard_name": pl.String,
        "standard": pl.Float64,
        "latest": pl.Boolean,
        "periods_met": pl.UInt32,
        "periods": pl.UInt32,
        "periods_spanned": pl.UInt32,
        "due_month": pl.Date,
        "assurance": ASSURANCE_TYPE,
        "is_changing": pl.Boolean,
    }
    row = (month, name, standard, latest, *often, over or often[1], due, assurance, is_changing)
    return pl.DataFrame([row], schema=schema, orient="row")


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (
            met("Operational", 95.0, latest=True, often=(12, 12), assurance="consistently_passing"),
            ("Operational (95 %)", "yes", "12 of 12", "expected to be met"),
        ),
        (
            met(standard=76.5, often=(1, 3), assurance="hit_or_miss"),
            ("Standard (76.5 %)", "no", "1 of 3", "may be met in some months and missed in others"),
        ),
        (met(assurance="consistently_failing"), ("Standard (78 %)", "no", "0 of 12", "not expected to be met")),
        (met(often=(0, 2)), ("Standard (78 %)", "no", "0 of 2", "too few to say")),
        (
            met(assurance="consistently_failing", is_changing=True),
            ("Standard (78 %)", "no", "0 of 12", "cannot be told: the series is changing"),
        ),
        (
            met(assurance="consistently_failing", month=FEBRUARY),
            ("Standard (78 %)", "no", "0 of 12", "the series ended"),
        ),
    ],
)
def test_standing_against_a_standard(run_of, row, shown):
    assert cells(display.standing_against(row, run_of()))[1] == shown


@pytest.mark.parametrize(
    ("latest", "due", "shown"),
    [
        (True, MARCH, ("Milestone (78 %)", "yes", "one month counts", "")),
        (False, MARCH, ("Milestone (78 %)", "no", "one month counts", "")),
        (
            None,
            date(2025, 3, 1),
            ("Milestone (78 %)", "not its month", "one month counts", "no figure for March 2025 yet"),
        ),
        (None, None, ("Milestone (78 %)", "no month by itself can", "all count together", "")),
    ],
)
def test_a_milestone_is_met_or_missed_in_its_own_month_alone(run_of, latest, due, shown):
    row = met("Milestone", latest=latest, often=(None, None), due=due)
    assert cells(display.standing_against(row, run_of()))[1] == shown


@pytest.mark.parametrize(
    ("end", "judged", "outlook"),
    [
        (date(2024, 3, 31), "each_month", "ended in March 2024"),
        (date(2024, 4, 30), "each_month", "not expected to be met"),
        (date(2024, 3, 31), None, "ended in March 2024"),
    ],
)
def test_a_standard_that_ends_with_the_latest_month_has_no_future(run_of, end, judged, outlook):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    held = Standard(name="Standard", value=78, judged=judged, **{"from": date(2023, 4, 1), "to": end}, **link)
    row = met(assurance="consistently_failing") if judged else met(often=(None, None), due=MARCH)
    assert cells(display.standing_against(row, run_of(standards=[held])))[1][-1] == outlook


@pytest.mark.parametrize(
    ("over", "heading", "often"),
    [
        (12, "Months met, of the last", "11 of 12"),
        (13, "Figures that met it, of the last", "11 of 12, over 13 months"),
    ],
)
def test_figures_over_more_than_a_year_are_not_called_its_months(run_of, over, heading, often):
    milestone = met("Milestone", latest=False, often=(None, None), due=MARCH)
    shown = cells(display.standing_against(pl.concat([milestone, met(often=(11, 12), over=over)]), run_of()))
    assert [row[2] for row in shown] == [heading, "one month counts", often]


def test_standing_names_the_month_of_the_latest_figure(run_of):
    assert cells(display.standing_against(met(month=FEBRUARY), run_of()))[0][1] == "Met in February 2024"


@pytest.mark.parametrize(
    ("improvement", "begins", "said"),
    [
        ("increase", None, "No national standard is in force for this measure."),
        ("increase", APRIL, "No national standard is in force for this measure."),
        ("increase", MARCH, "RC9 Hospitals, NHS Trust has no figure to set against the standard in force."),
        ("neutral", MARCH, "Neither way is better, so there is nothing to meet."),
    ],
)
def test_where_nothing_is_met_or_missed_it_says_why(run_of, improvement, begins, said):
    link = {"title": "Guidance", "url": "https://www.england.nhs.uk/", "verified": True}
    standards = [Standard(name="Standard", value=78, **{"from": begins}, **link)] if begins else []
    run = run_of(standards=standards, improvement=improvement)
    assert display.standing_against(met().clear(), run).text == said


# ---- charts


def charted(*values):
    months = [date(2024, 1 + number, 1) for number in range(len(values))]
    rows = [(month, 6.0, 10.0, value, "reported") for month, value in zip(months, values, strict=True)]
    return points(*rows).with_columns(
        pl.lit(None, pl.Float64).alias("mean"),
        pl.lit(None, pl.Float64).alias("lower_process_limit"),
        pl.lit(None, pl.Float64).alias("upper_process_limit"),
        pl.lit("none").alias("special_cause"),
        pl.lit(0, pl.UInt32).alias("segment"),
        pl.lit(None, pl.String).alias("variation"),
        pl.lit(None, pl.Float64).alias("standard"),
        pl.lit(None, pl.String).alias("standard_name"),
        pl.lit(None, pl.Float64).alias("lasting_standard"),
        pl.lit(False).alias("is_milestone"),
        pl.lit(None, pl.String).alias("assurance"),
    )


def test_a_series_is_drawn_with_its_finding_as_description(run_of):
    chart = display.variation(charted(60.0, 61.0), run_of(), title="Four hours", finding="It rose.")
    assert isinstance(chart, alt.LayerChart)
    specification = chart.to_dict()
    assert specification["description"] == "It rose."
    assert "RC9 Hospitals, NHS Trust: Four hours" in " ".join(specification["title"]["text"])


def test_a_chart_of_the_sample_says_so_wherever_it_is_copied(run_of):
    run = run_of("Z-01", rows=(("Z-01", 1000, 400),))
    chart = display.variation(charted(60.0, 61.0), run, title="Four hours", finding="It rose.")
    assert "(synthetic data)" in " ".join(chart.to_dict()["title"]["text"])


def test_a_chart_of_the_sample_has_no_publisher(run_of):
    run = run_of("Z-01", rows=(("Z-01", 1000, 400),))
    chart = display.variation(charted(60.0, 61.0), run, title="Four hours", finding="It rose.")
    assert chart.to_dict()["title"]["subtitle"][-1] == "Source: made up by this project, no NHS figures."


@pytest.mark.parametrize(
    ("status", "published", "said"),
    [
        ("provisional", None, "Source: NHS England, provisional figures for March 2024."),
        ("revised", date(2024, 6, 13), "Source: NHS England, revised figures of 13 June 2024 for March 2024."),
    ],
)
def test_a_source_says_how_settled_it_is_and_since_when(run_of, store, status, published, said):
    run_of()
    [release] = store.releases()
    of_vintage = release.model_copy(update={"status": ReleaseStatus(status), "published": published})
    assert display.source_of(of_vintage, "March 2024") == said


def test_the_source_is_the_last_line_beneath_the_title(run_of):
    chart = display.variation(charted(60.0, 61.0), run_of(), title="Four hours", finding="It rose.")
    assert chart.to_dict()["title"]["subtitle"][-1] == "Source: NHS England, provisional figures for March 2024."


def test_a_chart_of_published_figures_is_not_called_synthetic(run_of):
    chart = display.variation(charted(60.0, 61.0), run_of(), title="Four hours", finding="It rose.")
    assert "synthetic" not in str(chart.to_dict())


@pytest.mark.parametrize("values", [(None, None), ()])
def test_a_series_without_a_figure_is_told_and_not_drawn(run_of, values):
    shown = display.variation(charted(*values), run_of(), title="Type 1 only", finding="No figures up to March 2024.")
    assert shown.text == "**Type 1 only**: No figures up to March 2024."


@pytest.mark.parametrize(("values", "is_drawn"), [((0.0, 0.0), False), ((None, 0.0), False), ((0.0, 0.1), True)])
def test_a_series_of_nothing_but_zeros_is_told_and_not_drawn(run_of, values, is_drawn):
    shown = display.variation(charted(*values), run_of(), title="Long waits", finding="None in 2 months.")
    assert isinstance(shown, alt.LayerChart) == is_drawn
    assert is_drawn or shown.text == "**Long waits**: None in 2 months."


def subtitle(chart):
    return " ".join(chart.to_dict()["title"]["subtitle"]).replace("\u00a0", " ")


def test_a_chart_names_its_rules_and_then_its_note(run_of):
    run, points = run_of(rule_set="abspc"), charted(60.0, 61.0)
    plain = display.variation(points, run, title="Four hours", finding="It rose.")
    noted = display.variation(points, run, title="Four hours", finding="It rose.", note="A note.")
    before, rules, source = subtitle(plain).partition(" Rules: abspc 1.1.0.")
    assert source.startswith(" Source: ")
    assert subtitle(noted) == f"{before}{rules} A note.{source}"


def rebased(*values):
    """Two charts of the same values, their limits too few to be drawn: anew from the second month on, and without."""
    points = charted(*values).with_columns(org_code=pl.lit("RC9"), numerator=pl.lit(600.0), denominator=pl.lit(1000.0))
    new = pl.int_range(pl.len(), dtype=pl.UInt32).clip(upper_bound=1)
    return points.with_columns(segment=new), points


def test_a_chart_stands_beside_it_as_it_would_be_without_new_limits(run_of):
    points, without = rebased(60.0, 61.0, 62.0)
    shown = display.without_new_limits(points, without, run_of()).to_dict()
    assert " ".join(shown["title"]["text"]).endswith("Four hours, limits of all months together")
    assert {row["segment"] for row in shown["datasets"]["points"]} == {0}
    assert shown["description"].replace("\u00a0", " ") == (
        "62.0 % in March 2024. 3 months of figures are too few to tell common from special cause, which takes 13."
    )


@pytest.mark.parametrize("values", [(), (60.0,), (60.0, 61.0)])
def test_without_new_limits_there_is_nothing_to_stand_beside(run_of, values):
    points = charted(*values)
    assert display.without_new_limits(points, points, run_of()).text == ""


def test_a_series_without_its_season_is_drawn_as_such(run_of):
    chart = display.seasons(charted(60.0, 61.0), run_of(), finding="Winter is low.")
    assert chart.to_dict()["description"] == "Winter is low."
    assert " ".join(chart.to_dict()["title"]["text"]).endswith("Four hours, seasonally adjusted")
    assert subtitle(chart).partition(" Source: ")[0].endswith("The season of the whole series is taken out.")


@pytest.mark.parametrize("values", [(None, None), ()])
def test_where_there_is_no_season_it_is_told_and_not_drawn(run_of, values):
    shown = display.seasons(charted(*values), run_of(), finding="No season.")
    assert shown.text == "No season."


def test_each_is_shown_in_order_but_what_says_nothing(run_of, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "ipython_display", shown.append)
    chart = display.variation(charted(60.0), run_of(), title="Four hours", finding="It rose.")
    first, last = display.prose("One."), display.prose("Two.")
    assert display.each(first, display.prose(""), chart, last) is None
    assert shown == [first, chart, last]
