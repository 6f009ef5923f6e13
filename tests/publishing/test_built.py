"""What a build folder has to show, read from the site that tests look at."""

from dataclasses import replace

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


NAME_OF_FAILING, REGION_OF_FAILING = "Marlowick, Grenwold and Sedgemarle NHS Foundation Trust", "Estermarch"


def test_one_of_which_a_run_failed_has_the_name_and_region_of_the_last_good_one(of_all):
    [failed] = [run for run in of_all.by_org["Z-10"] if run.failure]
    before = replace(failed, content={"org_name": "As it was", "region_name": "Westmarch"}, failure=None)
    alone = replace(of_all, runs=[replace(failed, last_good=before)])
    assert (alone.names, alone.regions) == ({"Z-10": "As it was"}, {"Z-10": "Westmarch"})
    now = replace(before, content={"org_name": "As it is", "region_name": "Westmarch"})
    assert replace(alone, runs=[now, *alone.runs]).names == {"Z-10": "As it is"}


def test_one_of_which_no_run_ever_succeeded_has_those_of_the_publications(of_all, sample_folder):
    assert of_all.listed == {}  # others of its runs succeeded
    others = {run.org_code: run for run in of_all.runs if run.measure.id == "ae_four_hour"}
    failed = [replace(others[code], content={}) for code in ("Z-10", "Z-15")]
    listed = built_runs._listed(Store(sample_folder).fixed(), [*failed, others["ENG"]])
    alone = replace(of_all, runs=failed, listed=listed)
    assert alone.names == {"Z-10": NAME_OF_FAILING, "Z-15": "Thornreach University Hospitals NHS Foundation Trust"}
    assert alone.regions == {"Z-10": REGION_OF_FAILING, "Z-15": "Thornreach"}


def test_systems_and_england_have_names_too_before_any_run_succeeded(of_all, sample_folder):
    [england] = [run for run in of_all.by_org["ENG"] if run.measure.id == "ae_four_hour"]
    code, place = next(iter(of_all.places.by_code.items()))
    failed = [replace(england, org_code=each, content={}) for each in ("ENG", code)]
    listed = built_runs._listed(Store(sample_folder).fixed(), failed)
    assert listed == {"ENG": ("Synthetic England", ""), code: (place.name, listed[code][1])}


def test_one_that_is_in_no_publication_is_called_by_its_code(of_all, sample_folder):
    failed = replace(of_all.runs[0], org_code="Z-99", content={})
    assert built_runs._listed(Store(sample_folder).fixed(), [failed]) == {"Z-99": ("Z-99", "")}


def test_folder_without_runs_is_an_error(sample_folder, tmp_path):
    with pytest.raises(RenderError, match="no run on the present data succeeded"):
        built_runs.read(Store(sample_folder).fixed(), tmp_path)
