from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from openmeasures import counts, definitions, display, mergers, mortality, parameters, waiting
from openmeasures.methods import waits
from openmeasures.periods import Period
from openmeasures.sources.hospital_mortality import RATIO
from openmeasures.successions import Link

MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 1)
MERGER = Link("RC1", "RC9", APRIL, 1.0)


@pytest.fixture
def run_of(keep, store, measure, tmp_path):
    """Make a run of RC9 on March and April 2024, into which RC1 merged in April, by one of the choices."""

    def run(org_code="RC9", *, links=(MERGER,), ledger="", **changes):
        keep(("RC9", 1000, 400), ("RC1", 500, 100))
        keep(("RC9", 1500, 450), month="APRIL-2024", name="April-2024.csv")
        if ledger:
            (tmp_path / "rebases.yml").write_text(ledger, encoding="utf-8")
        changed = measure.model_copy(update={"folder": tmp_path} | changes)
        made = parameters.check(changed, org_code=org_code, period_to="", data=str(store.folder))
        return replace(made, links=links)

    return run


LEDGER = """\
- {org_code: RC9, date: 2024-04-01, reason: Merger, author: A. Uthor, reviewed: 2024-05-01}
"""
BEDFORD = "RC1 Hospitals, NHS Trust (RC1)"
UNDECIDED = (
    " Whether limits should start anew in April 2024 is for someone who knows the service to say, in rebases.yml; they "
    "do not by themselves."
)


def test_an_organisation_has_its_links_by_itself(keep, store, measure):
    """Those of the register that the data span."""
    for month in ("SEPTEMBER-2021", "OCTOBER-2021"):
        keep(("RM3", 1000, 400), ("RW6", 500, 100), month=month, name=f"{month.title()}.csv")
    links = {
        period: parameters.check(measure, org_code="RM3", period_to=period, data=str(store.folder)).links
        for period in ("2021-09", "2021-10")
    }
    assert links["2021-09"] == ()
    assert [link[:3] for link in links["2021-10"]] == [("RW6", "RM3", date(2021, 10, 1))]


@pytest.mark.parametrize(
    ("choice", "how"),
    [
        ("alone", "Figures before that are its own alone."),
        ("predecessors", "Figures before that are its own alone; those of the other are drawn beside them."),
        ("restated", "Figures before that are restated: those of both, added up."),
    ],
)
def test_a_merger_is_told_with_the_choice_and_what_is_left_to_decide(run_of, choice, how):
    said = mergers.told(run_of(successions=choice))
    assert said == f"Since April 2024 it has counted the patients of {BEDFORD}. {how}{UNDECIDED}"


def test_what_the_ledger_has_decided_is_said_so(run_of):
    said = mergers.told(run_of(ledger=LEDGER))
    assert said.endswith("its own alone. Limits start anew then, by the reviewed ledger of changes.")


@pytest.mark.parametrize(
    "ledger", [LEDGER.replace("RC9", "RJ1"), LEDGER.replace("2024-04-01", "2024-03-01")], ids=["other", "earlier"]
)
def test_an_entry_for_another_or_another_month_decides_nothing(run_of, ledger):
    assert mergers.told(run_of(ledger=ledger)).endswith(UNDECIDED)


def test_a_part_that_came_is_no_merger_and_nothing_can_be_restated(run_of):
    run = run_of(links=(Link("RW6", "RC9", APRIL, None, "Oldham"),), successions="restated")
    assert mergers.told(run) == (
        "Since April 2024 it has counted a part of the patients of Pennine Acute Hospitals NHS Trust (RW6) (Oldham). "
        f"How large a part is not known, so that figures before that are its own alone.{UNDECIDED}"
    )
    assert mergers.on_chart(run) == "Successor alone: a part of RW6 joined in April 2024."
    assert mergers.marks(run) == {APRIL: "Transfer"}


def test_how_large_a_part_is_is_told_where_it_is_known(run_of):
    said = mergers.told(run_of(links=(Link("RW6", "RC9", APRIL, 0.6),)))
    assert "How large a part is known (60\u00a0%), but not which, so that" in said


def test_of_twelve_months_that_overlap_the_month_of_the_merger_is_told(run_of):
    """The first that have any of it end with April; they begin eleven months before."""
    run = run_of()
    run = replace(run, measure=run.measure.model_copy(update={"period": Period.ROLLING_YEAR}))
    assert mergers.told(run) == (
        f"Since April 2024 it has counted the patients of {BEDFORD}. Twelve months that ended before that are its own "
        "alone."
    )
    assert mergers.on_chart(run) == "Successor alone: RC1 joined in April 2024."
    assert mergers.marks(run) == {date(2023, 5, 1): "Merger"}


@pytest.mark.parametrize(
    ("link", "choice", "said"),
    [
        (
            Link("RC9", "RC1", APRIL, 1.0), "alone",
            f"Since April 2024 its patients have been counted by {BEDFORD}.",
        ),
        (
            Link("RC9", "RC1", APRIL, 1.0), "restated",
            f"Since April 2024 its patients have been counted by {BEDFORD}. Figures before that are added to those.",
        ),
        (
            Link("RC9", "RC1", APRIL, None, "Luton"), "alone",
            f"Since April 2024 a part of its patients has been counted by {BEDFORD} (Luton).",
        ),
        (
            Link("RC9", "unknown", APRIL, None), "alone",
            "Since April 2024 it has not counted all of the patients that it did; who counts them is not known.",
        ),
    ],
)  # fmt: skip
def test_a_predecessor_is_told_where_its_patients_are_counted(run_of, link, choice, said):
    run = run_of(links=(link,), successions=choice)
    assert mergers.told(run) == said
    assert (mergers.on_chart(run), mergers.marks(run)) == ("", {})


def test_nobody_else_is_told_anything(run_of):
    run = run_of(links=())
    assert (mergers.told(run), mergers.on_chart(run), mergers.marks(run)) == ("", "", {})
    assert "Mergers" not in display.definition(run).text


def test_the_page_says_it_under_the_definition(run_of):
    assert (
        f"| Mergers | Since April 2024 it has counted the patients of {BEDFORD}." in display.definition(run_of()).text
    )


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("alone", "Successor alone: RC1 joined in April 2024."),
        ("predecessors", "Predecessors apart, as broken lines: RC1 joined in April 2024."),
        ("restated", "Restated, as if together from the start: RC1 joined in April 2024."),
    ],
)
def test_the_choice_is_named_on_the_chart(run_of, choice, words):
    assert mergers.on_chart(run_of(successions=choice)) == words


def test_an_organisation_that_nobody_lists_is_called_by_its_code(run_of):
    assert "patients of RZ9. Figures" in mergers.told(run_of(links=(Link("RZ9", "RC9", APRIL, 1.0),)))


# ---- beside


def test_predecessors_are_drawn_until_they_merged(run_of):
    found = mergers.beside(run_of(successions="predecessors"))
    assert found.rows() == [("RC1", BEDFORD, MARCH, 100 * (500 - 100) / 500)]


@pytest.mark.parametrize(
    "changes",
    [
        {"successions": "alone"},
        {"successions": "restated"},
        {"successions": "predecessors", "links": (Link("RC1", "RC9", APRIL, None),)},
        {"successions": "predecessors", "links": (Link("RC9", "RC1", APRIL, 1.0),)},
        {"successions": "predecessors", "kind": "percentile"},
    ],
)
def test_nothing_is_drawn_beside_otherwise(run_of, changes):
    found = mergers.beside(run_of(**changes))
    assert (found.columns, found.height) == (["org_code", "org_name", "period_start", "value"], 0)


def test_a_series_is_drawn_with_its_own_counts_after_what_is_corrected(run_of, measure, tmp_path, monkeypatch):
    """The corrections name metrics that the series does not have."""
    part = measure.denominator
    series = definitions.Series(id="twice", title="Twice", numerator=part, denominator=part)
    run = run_of(successions="predecessors", series=[series])
    monkeypatch.setattr(definitions, "load", lambda folder: run.measure)
    (tmp_path / "corrections.yml").write_text(
        "- {what: Zeros, reason: Field test, org_codes: [RC9], from: 2024-04-01, to: 2024-04-30, expect: 450,\n"
        "   metrics: [over_four_hours_type_1], status: not_applicable}\n"
    )
    assert mergers.beside(run.of("twice"))["value"].to_list() == [100.0]


@pytest.mark.parametrize(("metric", "share", "is_drawn"), [("over_four_hours_type_1", None, True), (None, None, False)])
def test_a_published_percentile_of_a_predecessor_stands_as_it_is(run_of, monkeypatch, metric, share, is_drawn):
    series = definitions.Series(id="wait", title="Wait", kind="percentile", metric=metric, share=share)
    run = run_of(successions="predecessors", series=[series])
    monkeypatch.setattr(definitions, "load", lambda folder: run.measure)
    of_series = replace(run.of("wait"), links=(MERGER,))
    found = mergers.beside(of_series).select("org_code", "period_start", "value").rows()
    assert found == ([("RC1", MARCH, 100 * run.measure.scale)] if is_drawn else [])


def test_a_percentile_from_bands_of_weeks_is_worked_out_from_the_predecessors_own(sample_folder):
    measure = definitions.find("rtt_18_weeks").model_copy(update={"successions": "predecessors"})
    runs = {
        code: parameters.check(measure, org_code=code, period_to="", data=str(sample_folder))
        for code in ("Z-01", "Z-05")
    }
    months = list(runs["Z-01"].release_of)
    joined = replace(runs["Z-01"], links=(Link("Z-05", "Z-01", months[3], 1.0),))
    bands = waiting.bands(runs["Z-05"])
    for series_id, share in (("median_wait", 0.5), ("ninety_second_percentile_wait", 0.92)):
        found = mergers.beside(joined.of(series_id))
        own = waits.percentile(bands, share=share, by=waiting.BY)["weeks"].head(3)
        assert found["period_start"].to_list() == months[:3]
        assert found["value"].equals(own.alias("value"))
        assert set(found["org_code"]) == {"Z-05"}


def test_what_gives_values_does_so_for_predecessors(run_of):
    run = run_of(successions="predecessors")
    found = mergers.beside(run, valued=lambda counted, observations, run: counted.with_columns(value=pl.lit(7.0)))
    assert found["value"].to_list() == [7.0]


def test_a_predecessor_of_rolling_years_is_drawn_to_the_last_that_ended_before(sample_folder):
    """It merged in April 2024, so that the twelve months from April 2023 are the last."""
    measure = definitions.find("shmi").model_copy(update={"successions": "predecessors"})
    run = parameters.check(measure, org_code="Z-20", period_to="", data=str(sample_folder))
    found = mergers.beside(run, valued=mortality.with_published)
    assert found["period_start"].max() == date(2023, 4, 1)
    observations = run.observations().filter(pl.col("org_code") == "Z-21", pl.col("metric") == RATIO)
    published = observations.filter(pl.col("period_start") == date(2023, 4, 1))["value"].item()
    assert found.sort("period_start")["value"].to_list()[-1] == published
    assert (
        "Twelve months that ended before that are its own alone; those of the other are drawn beside them."
        in mergers.told(run)
    )


# ---- a predecessor that fell silent


@pytest.mark.parametrize("silent", [0, 6, 7])
def test_a_predecessor_without_figures_for_more_than_half_a_year_before_is_said_to_have_none(
    keep, measure, store, silent
):
    """March to October 2023 come before the merger in November; the last of them are without RC1."""
    for number in range(9):
        month = date(2023, 3 + number, 1)
        rows = [("RC9", 1000 + number, 400), *([("RC1", 500, 100)] if number < 8 - silent else [])]
        keep(*rows, month=f"{month:%B-%Y}".upper(), name=f"{month:%B-%Y}.csv")
    changed = measure.model_copy(update={"successions": "restated"})
    run = parameters.check(changed, org_code="RC9", period_to="", data=str(store.folder))
    told = mergers.told(replace(run, links=(Link("RC1", "RC9", date(2023, 11, 1), 1.0),)))
    said = "The other has no figures after March 2023, long before that: later sums are without it."
    assert (said in told) == (silent > 6)
    assert ("no figures" in told) == (silent > 6)


def test_a_predecessor_without_any_figure_adds_nothing(run_of):
    told = mergers.told(run_of(links=(Link("RZ9", "RC9", APRIL, 1.0),), successions="restated"))
    assert "There are no figures of the other here, so that nothing is added." in told


# ---- restated, end to end


def test_a_run_says_under_which_code_figures_count_if_the_measure_restates(run_of, monkeypatch):
    monkeypatch.setattr("openmeasures.successions.load", lambda *, synthetic: (MERGER,))
    observations = run_of(successions="restated").observations()
    moved = observations.filter(pl.col("org_code") == "RC1")["successor_code"].unique().to_list()
    assert moved == ["RC9"]
    merged_on = observations.select("org_code", "merger_date").unique()
    assert dict(merged_on.iter_rows()) == {"RC1": APRIL, "RC9": None, "ENG": None}
    assert "successor_code" not in run_of(successions="alone").observations().columns


def test_one_that_has_merged_is_late_with_nothing(run_of, monkeypatch):
    """RC1 has March, and no April, in which it merged; without a merger April is not submitted."""

    def states(*links):
        monkeypatch.setattr("openmeasures.successions.load", lambda *, synthetic: links)
        run = run_of(successions="alone")
        found = counts.count(run.observations(), numerator=run.measure.numerator, denominator=run.measure.denominator)
        return found.filter(pl.col("org_code") == "RC1").select("period_start", "status").rows()

    assert states(MERGER) == [(MARCH, "reported")]
    assert states() == [(MARCH, "reported"), (APRIL, "not_submitted")]
    assert states(MERGER._replace(share=None)) == states()


@pytest.fixture(scope="module")
def four_hours():
    return definitions.find("ae_four_hour")


def test_the_samples_merger_is_restated_as_a_sum_and_england_stays(four_hours, sample_folder):
    def counted(choice):
        measure = four_hours.model_copy(update={"successions": choice})
        run = parameters.check(measure, org_code="Z-20", period_to="", data=str(sample_folder))
        return counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)

    alone, restated = counted("alone"), counted("restated")

    def total(frame, *codes):
        mine = frame.filter(pl.col("org_code").is_in(codes))
        return mine.group_by("period_start").agg(pl.col("numerator", "denominator").sum()).sort("period_start")

    before = pl.col("period_start") < APRIL
    assert total(restated, "Z-20").equals(total(alone, "Z-20", "Z-21"))
    assert restated.filter(pl.col("org_code") == "Z-21").is_empty()
    assert alone.filter((pl.col("org_code") == "Z-21") & before).height == 24
    assert counts.roll_up(restated).equals(counts.roll_up(alone))
