"""Systems and regions: the sum of their organisations, in a run like any other."""

from datetime import date

import polars as pl
import pytest

from openmeasures import corrections, counts, definitions, display, parameters, peer_groups, rebases, register
from openmeasures.errors import ParameterError
from openmeasures.rebases import Rebase
from openmeasures.running import belonging, plan

MARCH = date(2024, 3, 1)


@pytest.fixture
def filled(keep, store):
    """Two trusts of West Yorkshire, one of London, and a walk-in centre that the register does not have."""
    keep(("RR8", 1000, 400), ("RAE", 500, 100), ("RJ1", 300, 30), ("AXX99", 50, 1))
    return store


@pytest.fixture
def run_of(filled, measure):
    def run(org_code, **changes):
        changed = measure.model_copy(update=changes)
        return parameters.check(changed, org_code=org_code, period_to="", data=str(filled.folder))

    return run


def _counted(run):
    found = counts.count(run.observations(), numerator=run.measure.numerator, denominator=run.measure.denominator)
    return found.drop("period_start", "status").rows()


def test_a_system_is_the_sum_of_its_counts_and_not_of_its_percentages(run_of):
    run = run_of("QWO")
    assert ("QWO", 1000 - 400 + 500 - 100, 1000 + 500) in _counted(run)
    assert (run.level, run.org_name, run.counted) == (
        "system", "NHS West Yorkshire Integrated Care Board", ["RAE", "RR8"],
    )  # fmt: skip
    assert run.kind == "system of 2 organisations in these figures, added up"


def test_the_other_systems_are_its_peers_and_whoever_is_in_none_is_left_out(run_of):
    run = run_of("QWO")
    assert [code for code, *_ in _counted(run)] == ["QKK", "QWO"]
    assert run.organisations["org_code"].to_list() == ["ENG", "QKK", "QWO"]
    group = peer_groups.alike(run, run.observations())
    assert (group.org_codes, group.label) == (["QKK", "QWO"], "systems")


def test_a_region_is_the_registers_or_else_the_publications(run_of):
    """The publication has all four in London."""
    assert [(code, above) for code, above, _ in _counted(run_of("Y56"))] == [
        ("Y56", 300 - 30 + 50 - 1),
        ("Y63", 1000 - 400 + 500 - 100),
    ]
    assert run_of("Y63").kind == "region of 2 organisations in these figures, added up"


def test_a_system_of_one_is_said_to_be_so(run_of):
    assert run_of("QKK").kind == "system of 1 organisation in these figures, added up"


def test_an_area_without_organisations_in_the_data_is_unknown(run_of):
    with pytest.raises(ParameterError, match="organisation 'QOP': not among the 3 of ae_monthly"):
        run_of("QOP")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"disclosure": definitions.Disclosure(rounded_to=5, suppressed_below=5, zero_suppressed=False)}, "rounded"),
        ({"period": definitions.Period.ROLLING_YEAR}, "overlap"),
    ],
)
def test_what_does_not_add_up_has_no_areas(run_of, changes, why):
    with pytest.raises(ParameterError, match=rf"organisation 'QWO': a system or region is the sum .*{why}.*or 'ENG'"):
        run_of("QWO", **changes)


def test_a_publication_whose_organisations_are_systems_has_them_as_such(keep, measure, store):
    keep(("QWO", 100, 10), ("QKK", 10, 1))
    counted = measure.model_copy(update={"levels": ["system", "england"]})
    run = parameters.check(counted, org_code="QWO", period_to="", data=str(store.folder))
    assert (run.level, run.counted) == ("", ["QWO"])
    with pytest.raises(ParameterError, match="organisation 'QOP': not among the 3 of ae_monthly"):
        parameters.check(counted, org_code="QOP", period_to="", data=str(store.folder))


# ---- what a page shows


def test_the_arithmetic_is_that_of_the_members_who_reported(run_of):
    run = run_of("QWO")
    observations = run.observations().with_columns(
        value=pl.when((pl.col("org_code") == "RAE") & (pl.col("metric") == "over_four_hours_type_1"))
        .then(None)
        .otherwise("value")
    )
    text = display.arithmetic(observations, run).text
    assert "Added up over organisations, as published for March 2024" in text
    assert "| = | **Denominator** (attendances) | **1,000** |" in text  # RAE's 500 leave both parts


def test_a_correction_of_a_member_concerns_its_area(run_of, tmp_path):
    (tmp_path / "corrections.yml").write_text(
        "- {what: Zeros, reason: Field test, org_codes: [RAE], from: 2024-03-01, to: 2024-03-31, expect: 100,\n"
        "   metrics: [over_four_hours_type_1], status: not_applicable}\n"
    )
    shown = {}
    for code in ("QWO", "QKK"):
        run = run_of(code)
        shown[code] = display.corrected(corrections.apply(run.observations(), tmp_path), run).text
    assert "Zeros" in shown["QWO"]
    assert shown["QKK"].startswith("No known error concerns")
    corrected = corrections.apply(run_of("QWO").observations(), tmp_path).observations
    part = run_of("QWO").measure
    found = counts.count(corrected, numerator=part.numerator, denominator=part.denominator)
    assert found.filter(pl.col("org_code") == "QWO")["denominator"].to_list() == [1000]


@pytest.mark.parametrize("code", ["RR8", "RJ9"])
def test_the_ledgers_entries_for_organisations_do_not_concern_areas(code):
    months = [date(2024, 3, 1), date(2024, 4, 1)]
    points = pl.DataFrame({"org_code": ["QWO", "QWO", "ENG", "ENG"], "period_start": months * 2})
    entry = Rebase(org_code=code, date=months[1], reason="R", author="A", reviewed=months[1])
    assert rebases.segments(points, [entry])["segment"].to_list() == [0, 0, 0, 0]


def test_an_entry_for_an_area_or_for_england_does():
    months = [date(2024, 3, 1), date(2024, 4, 1)]
    points = pl.DataFrame({"org_code": ["QWO", "QWO", "ENG", "ENG"], "period_start": months * 2})
    entries = [
        Rebase(org_code=code, date=months[1], reason="R", author="A", reviewed=months[1]) for code in ("QWO", "ENG")
    ]
    assert rebases.segments(points, entries)["segment"].to_list() == [0, 1, 0, 1]


# ---- planned and checked


@pytest.fixture
def planned(filled, small_project):
    def codes(*org_codes, levels=("provider", "england")):
        measure = definitions.load(small_project / "analyses" / "four_hours").model_copy(
            update={"levels": list(levels)}
        )
        found, notes = plan.plan([measure], data=filled.folder, org_codes=list(org_codes) or None)
        return [task.org_code for each in found.values() for task in each.tasks], notes

    return codes


def test_areas_are_run_if_they_are_named(planned):
    assert planned("QWO", "Y63", "RR8") == (["QWO", "Y63", "RR8"], [])


def test_areas_are_run_with_all_if_the_measure_has_their_level(planned):
    organisations = ["ENG", "AXX99", "RAE", "RJ1", "RR8"]
    assert planned()[0] == organisations
    assert planned(levels=("provider", "system", "england"))[0] == [*organisations, "QKK", "QWO"]
    assert planned(levels=("region",))[0] == [*organisations, "Y56", "Y63"]


def test_an_area_without_figures_is_refused(planned):
    with pytest.raises(ParameterError, match="organisation 'QOP'"):
        planned("QOP")


def test_a_level_that_no_organisation_is_in_has_no_areas(keep, store, small_project):
    keep(("AXX99", 50, 1))
    measure = definitions.load(small_project / "analyses" / "four_hours").model_copy(update={"levels": ["system"]})
    found, _ = plan.plan([measure], data=store.folder)
    assert [task.org_code for task in found["four_hours"].tasks] == ["ENG", "AXX99"]


def test_an_areas_result_is_compared_with_the_sum_of_its_organisations(filled, measure):
    point = {
        "series": "all", "org_code": "QWO", "period_start": "2024-03-01", "numerator": 1000.0, "denominator": 1500.0,
    }  # fmt: skip
    content = {"org_code": "QWO", "measure": measure.id, "points": [point]}
    belonging.check_results(measure, filled.folder, {"QWO": content})
    wrong = {"QWO": content | {"points": [point | {"numerator": 600.0}]}}
    with pytest.raises(belonging.StoreError, match=r"QWO, March 2024: its notebook counts 600\.0 of 1500\.0"):
        belonging.check_results(measure, filled.folder, wrong)


def test_the_samples_regions_add_up_to_its_england(sample_folder):
    measure = definitions.find("ae_four_hour")
    run = parameters.check(measure, org_code="Z-Y1", period_to="", data=str(sample_folder))
    found = counts.count(run.observations(), numerator=measure.numerator, denominator=measure.denominator)
    plain = parameters.check(measure, org_code="ENG", period_to="", data=str(sample_folder))
    alone = counts.count(plain.observations(), numerator=measure.numerator, denominator=measure.denominator)
    assert sorted(found["org_code"].unique()) == ["Z-Y1", "Z-Y2", "Z-Y3", "Z-Y4"]
    assert counts.roll_up(found).equals(counts.roll_up(alone))
    assert run.level == register.Level.REGION
