import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pytest

from openmeasures import definitions, ingest, project
from openmeasures.errors import DefinitionError, ParameterError, StoreError
from openmeasures.running import plan
from openmeasures.running.plan import Task, check_notebook, run_digest
from openmeasures.sample import ambulance_systems, cancer_waiting_times
from openmeasures.store import Store

FEBRUARY = {"month": "FEBRUARY-2024", "name": "February-2024.csv"}


@pytest.fixture
def planned(small_project, store, keep):
    """Plan the small project's measure on March 2024, where RD8 has no attendances."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100), ("RD8", 0, 0))

    def make(**arguments):
        tasks, left_out = plan.plan([definitions.find("four_hours")], data=store.folder, **arguments)
        assert not left_out  # of one measure, nothing: what cannot be run is an error
        return tasks["four_hours"].tasks

    return make


def codes(tasks):
    return [task.org_code for task in tasks]


# ---- what is to be run


def test_england_comes_first_then_everyone_with_activity(planned):
    assert codes(planned()) == ["ENG", "RC9", "RJ1"]


def test_a_task_names_notebook_month_and_data_and_the_moment_of_its_build(planned, small_project, store, monkeypatch):
    moment = datetime(2026, 12, 10, 9, 30, tzinfo=UTC)
    monkeypatch.setenv(project.PUBLIC_AT, moment.isoformat())
    digest = run_digest(store, definitions.find("four_hours"), "2024-03")
    notebook = small_project / "analyses" / "four_hours" / "notebook.ipynb"
    [task] = planned(org_codes=["RC9"])
    assert task == Task("four_hours", notebook, "RC9", "2024-03", store.folder, digest, moment)


def test_a_task_is_of_the_day_that_is_asked_for(planned):
    with project.known_on("2024-12-31"):
        [task] = planned(org_codes=["RC9"])
    assert task.as_of == date(2024, 12, 31)


@pytest.mark.parametrize(
    ("asked", "moment", "day"),
    [
        ((), "", ""),
        ((datetime(2026, 12, 10, 9, 30, tzinfo=UTC), date(2024, 12, 31)), "2026-12-10T09:30:00+00:00", "2024-12-31"),
    ],
)
def test_a_run_has_the_rest_from_its_environment(asked, moment, day):
    task = Task("four_hours", Path("notebook.ipynb"), "RC9", "2024-03", Path("/data"), "", *asked)
    expected = {"OPENMEASURES_DATA": "/data", "OPENMEASURES_PUBLIC_AT": moment, "OPENMEASURES_AS_OF": day}
    assert task.environment == expected | {"OPENMEASURES_DATA": str(Path("/data"))}


def test_papermill_is_not_told_the_data_folder():
    task = Task("four_hours", Path("notebook.ipynb"), "RC9", "2024-03", Path("/secret"), "")
    assert task.parameters == {"org_code": "RC9", "period_to": "2024-03"}


@pytest.mark.parametrize("given", [["RJ1"], ["RJ1", "ENG"], ["ENG"]])
def test_organisations_that_are_named_are_run_in_that_order(planned, given):
    assert codes(planned(org_codes=given)) == given


def test_an_organisation_named_twice_is_run_once(planned):
    assert codes(planned(org_codes=["RJ1", "ENG", "RJ1"])) == ["RJ1", "ENG"]


@pytest.mark.parametrize("written", ["2024-02", "February 2024"])
def test_a_month_is_planned_as_it_is_written_in_results(planned, keep, written):
    keep(("RC9", 900, 300), **FEBRUARY)
    assert {task.period_to for task in planned(period_to=written)} == {"2024-02"}


def test_who_came_later_than_the_month_asked_for_is_left_out(planned, keep):
    keep(("RC9", 900, 300), **FEBRUARY)
    assert codes(planned(period_to="2024-02")) == ["ENG", "RC9"]


def test_who_left_before_the_month_asked_for_still_has_a_page(planned, keep):
    keep(("RQM", 900, 300), **FEBRUARY)
    assert "RQM" in codes(planned())


def test_a_correction_that_takes_every_figure_leaves_nothing_to_run(planned, small_project):
    (small_project / "analyses" / "four_hours" / "corrections.yml").write_text(
        "- what: Zeros\n  reason: Not asked\n  org_codes: [RJ1]\n  from: 2024-03-01\n  to: 2024-03-31\n"
        "  metrics: [over_four_hours_type_1]\n  expect: 100\n  status: not_applicable\n",
        encoding="utf-8",
    )
    assert codes(planned()) == ["ENG", "RC9"]


# ---- several measures


MEASURES = {
    ambulance_systems: ("category_1_incidents", "category_2_incidents"),
    cancer_waiting_times: ("faster_diagnosis_told_within_28_days", "faster_diagnosis_told"),
}


@pytest.fixture(scope="module")
def two_publications(tmp_path_factory):
    """A data folder with two publications of the sample: ambulances since April 2022, cancer since October 2023."""
    data = tmp_path_factory.mktemp("data")
    for number, sample in enumerate(MEASURES):
        folder = tmp_path_factory.mktemp(str(number))
        outcomes = ingest.ingest(sample.write(folder), Store(data), retrieved=date(2026, 4, 9))
        assert {outcome.kept for outcome in outcomes} == {ingest.Kept.ADDED}
    return data


@pytest.fixture
def two_measures(small_project, two_publications):
    """Plan a measure of each of the two publications."""
    analyses = small_project / "analyses"
    text = (analyses / "four_hours" / "measure.yml").read_text(encoding="utf-8")
    for sample, (part, whole) in MEASURES.items():
        source = sample.__name__.rpartition(".")[2]
        shutil.copytree(analyses / "four_hours", analyses / source)
        changed = text.replace("ae_monthly", source).replace("over_four_hours_type_1", part)
        (analyses / source / "measure.yml").write_text(changed.replace("attendances_type_1", whole), encoding="utf-8")
    shutil.rmtree(analyses / "four_hours")
    return lambda **arguments: plan.plan(definitions.load_all(), data=two_publications, **arguments)


def test_each_measure_has_its_own_organisations(two_measures):
    tasks, left_out = two_measures()
    assert codes(tasks["ambulance_systems"].tasks) == ["ENG", "Z-A1", "Z-A2", "Z-A3", "Z-A4"]
    assert {"ENG", "Z-09"} < set(codes(tasks["cancer_waiting_times"].tasks))
    assert left_out == []


def test_an_organisation_of_one_publication_is_left_out_of_the_other(two_measures):
    tasks, left_out = two_measures(org_codes=["ENG", "Z-09", "Z-A1"])
    assert {measure_id: codes(of_it.tasks) for measure_id, of_it in tasks.items()} == {
        "ambulance_systems": ["ENG", "Z-A1"], "cancer_waiting_times": ["ENG", "Z-09"],
    }  # fmt: skip
    assert left_out == ["Z-09: no figures in ambulance_systems", "Z-A1: no figures in cancer_waiting_times"]


def test_a_measure_without_any_of_those_named_is_left_out(two_measures):
    tasks, left_out = two_measures(org_codes=["Z-A2"])
    assert (list(tasks), len(left_out)) == (["ambulance_systems"], 1)


def test_a_month_of_one_publication_is_left_out_of_the_other(two_measures):
    tasks, left_out = two_measures(period_to="2022-05")
    assert list(tasks) == ["ambulance_systems"]
    assert left_out[0].startswith("cancer_waiting_times: ")
    assert "no release for May 2022" in left_out[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"org_codes": ["ENG", "Z-B1"]}, "organisation 'Z-B1': not among the 5 of ambulance_systems"),
        ({"period_to": "2026-04"}, "no release for April 2026"),
        ({"org_codes": ["Z-09"], "period_to": "2022-05"}, "organisation 'Z-09': not among the 5"),
    ],
)
def test_what_is_in_no_publication_is_refused(two_measures, arguments, said):
    with pytest.raises(ParameterError) as refusal:
        two_measures(**arguments)
    assert said in str(refusal.value)


# ---- what cannot be run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"org_codes": ["RC9", "RJl"]}, "Did you mean 'RJ1'?"),
        ({"org_codes": ["rc9"]}, "Did you mean 'RC9'?"),
        ({"org_codes": ["RC9 Hospitals NHS Trust"]}, "Did you mean 'RC9' (RC9 Hospitals, NHS Trust)?"),
        ({"period_to": "2024-04"}, "no release for April 2024"),
        ({"period_to": "Marsh 2024"}, "Did you mean 'March'?"),
        ({"org_codes": ["RD8"]}, "organisation 'RD8' (RD8 Hospitals, NHS Trust): no Four hours figure in any month"),
    ],
)
def test_a_mistaken_parameter_is_refused_before_anything_runs(planned, arguments, said):
    with pytest.raises(ParameterError) as refusal:
        planned(**arguments)
    assert said in str(refusal.value)


def test_an_empty_data_folder_is_refused(small_project, store):
    with pytest.raises(StoreError, match="no release of 'ae_monthly' here"):
        plan.plan([definitions.find("four_hours")], data=store.folder)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ('org_code = "ENG"\nperiod_to = ""', r"sets \['org_code', 'period_to'\], expected exactly"),
        ('org_kode = "ENG"\nperiod_to = ""\ndata = ""', "'org_kode'"),
        ('org_code = "ENG"\nperiod_to = ""\ndata = ""\nworkers = 1', "'workers'"),
        ("1 + 1", "sets nothing, expected exactly"),
    ],
)
def test_a_notebook_with_other_parameters_is_refused(tmp_path, notebook_of, parameters, said):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(notebook_of(parameters=parameters), path)
    with pytest.raises(DefinitionError, match=said):
        check_notebook(path)


def test_a_notebook_without_tagged_parameters_is_refused(tmp_path, notebook_of):
    notebook = notebook_of()
    notebook.cells[2].metadata = {}
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    with pytest.raises(DefinitionError, match="sets nothing"):
        check_notebook(tmp_path / "notebook.ipynb")


def test_a_missing_notebook_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match=r"notebook.ipynb: no such file"):
        check_notebook(tmp_path / "notebook.ipynb")


@pytest.mark.parametrize("content", ["", "<html>", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 5}', "ä"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "notebook.ipynb"
    path.write_text(content, encoding="utf-16" if content == "ä" else "utf-8")
    with pytest.raises(DefinitionError, match=r"notebook.ipynb: not a Jupyter notebook \(.+\)\.") as refusal:
        check_notebook(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("cell", ["%matplotlib inline", "if (:"])
def test_a_notebook_with_a_cell_that_is_no_python_is_refused(tmp_path, notebook_of, cell):
    nbformat.write(notebook_of("x = 1", cell), tmp_path / "notebook.ipynb")
    with pytest.raises(DefinitionError, match=r"notebook.ipynb: code cell 3 \(id 'step-2'\), line 1: .* is not Python"):
        check_notebook(tmp_path / "notebook.ipynb")


@pytest.mark.parametrize("minor", [4, 5])
def test_a_notebook_whose_cells_cannot_be_told_apart_is_refused_without_a_warning(tmp_path, notebook_of, minor):
    path = tmp_path / "notebook.ipynb"
    content = json.loads(nbformat.writes(notebook_of("x = 1"))) | {"nbformat_minor": minor}
    for cell in content["cells"]:
        del cell["id"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"no ids?; expected .* Open it in JupyterLab and save it"):
        check_notebook(path)


def test_a_notebook_of_another_time_is_refused(tmp_path, notebook_of):
    path = tmp_path / "notebook.ipynb"
    cells = [{"cell_type": "code", "input": "x = 1", "language": "python", "metadata": {}, "outputs": []}]
    content = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"a notebook of format 3\.0, whose cells have no ids"):
        check_notebook(path)


def test_the_notebook_is_checked_before_the_data(small_project, store):
    (small_project / "analyses" / "four_hours" / "notebook.ipynb").unlink()
    with pytest.raises(DefinitionError):
        plan.plan([definitions.find("four_hours")], data=store.folder)


# ---- the digest of a run


@pytest.fixture
def digest(small_project, store, keep):
    """Return the digest of the small project's runs up to a month, by default the latest, with the data as they are."""
    keep(("RC9", 1000, 400))
    return lambda period_to="": run_digest(store, definitions.find("four_hours"), period_to)


def test_the_digest_changes_with_the_last_month_however_it_is_written(digest, keep):
    keep(("RC9", 900, 300), **FEBRUARY)
    assert digest() == digest("2024-03") == digest("March 2024")
    assert digest("2024-02") == digest("February 2024") != digest()


def test_a_month_without_data_has_no_digest(digest):
    with pytest.raises(ParameterError, match="no release for April 2024"):
        digest("2024-04")


def test_an_empty_data_folder_has_no_digest(small_project, store):
    with pytest.raises(StoreError, match="no release of 'ae_monthly' here"):
        run_digest(store, definitions.find("four_hours"), "")


# ---- systems and regions


@pytest.fixture
def areas(small_project, store, keep):
    """Plan two trusts of West Yorkshire and one of London, with something changed in the definition."""
    keep(("RR8", 1000, 400), ("RAE", 500, 100), ("RJ1", 300, 30))
    path = small_project / "analyses" / "four_hours" / "measure.yml"

    def make(before="", after="", **arguments):
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
        tasks, _ = plan.plan([definitions.find("four_hours")], data=store.folder, **arguments)
        return codes(tasks["four_hours"].tasks)

    return make


PROVIDERS = ["ENG", "RAE", "RJ1", "RR8"]


def test_areas_are_left_out_unless_somebody_asks_for_them(areas):
    assert areas() == PROVIDERS


@pytest.mark.parametrize(
    ("levels", "more"),
    [("system", ["QKK", "QWO"]), ("region", ["Y56", "Y63"]), ("system, region", ["QKK", "QWO", "Y56", "Y63"])],
)
def test_areas_that_the_levels_name_are_planned(areas, levels, more):
    # The publication has all three in London, the register the first two in North East and Yorkshire.
    assert areas("levels: [provider,", f"levels: [provider, {levels},") == PROVIDERS + more


def test_all_areas_are_planned_where_somebody_asks_for_them(areas):
    assert areas(areas=True) == [*PROVIDERS, "QKK", "QWO", "Y56", "Y63"]


def test_no_area_is_planned_of_what_does_not_add_up(areas):
    rounded = "disclosure: {rounded_to: 5, suppressed_below: 5, zero_suppressed: false}\nunit:"
    assert areas("unit:", rounded, areas=True) == PROVIDERS


def test_who_is_named_is_run_alone_whatever_areas_there_are(areas):
    assert areas(areas=True, org_codes=["RR8"]) == ["RR8"]
