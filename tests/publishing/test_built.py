"""What a build folder has to show, read from the site that tests look at."""

import pytest

from openmeasures.errors import RenderError
from openmeasures.publishing import built as built_runs
from openmeasures.store import Store


@pytest.fixture
def of_all(built, sample_folder, monkeypatch):
    project, _ = built
    monkeypatch.chdir(project)
    return built_runs.read(Store(sample_folder).fixed(), project / "_build")


def test_runs_are_told_apart_by_organisation(of_all):
    assert {code for code, runs in of_all.by_org.items() for run in runs if run.org_code == code} == set(of_all.by_org)
    assert sum(len(runs) for runs in of_all.by_org.values()) == len(of_all.runs)
    assert {"ENG", "Z-15"} < set(of_all.by_org)


def test_names_and_regions_are_those_of_the_results(of_all):
    assert of_all.names["Z-15"] == "Thornreach University Hospitals NHS Foundation Trust"
    assert of_all.regions["Z-15"] == "Thornreach"
    assert of_all.synthetic


def test_one_of_which_no_run_succeeded_is_called_by_its_code(of_all):
    [failed] = [run for run in of_all.by_org["Z-10"] if run.failure]
    alone = built_runs.Built(of_all.measures, [failed], of_all.places, synthetic=True)
    assert alone.names == {"Z-10": "Z-10"}
    assert alone.regions == {}


def test_folder_without_runs_is_an_error(sample_folder, tmp_path):
    with pytest.raises(RenderError, match="no run on the present data succeeded"):
        built_runs.read(Store(sample_folder).fixed(), tmp_path)
