from datetime import date

import pytest

from openmeasures import counts, definitions, parameters, project
from openmeasures.definitions import Series
from openmeasures.errors import ParameterError, StoreError
from openmeasures.store import Store


@pytest.fixture
def filled(keep, store):
    """Three months, of which April is not there; RJ1 comes in May."""
    keep(("RC9", 1000, 400), name="March-2024.csv")
    keep(("RC9", 1100, 500), ("RJ1", 200, 20), month="MAY-2024", name="May-2024.csv")
    keep(("RC9", 1000, 390), name="March-2024-revised.csv")
    return store


@pytest.fixture
def check(filled, measure):
    """Check parameters, of which only those that matter are given."""

    def checked(org_code="RC9", period_to="", data=str(filled.folder)):
        return parameters.check(measure, org_code=org_code, period_to=period_to, data=data)

    return checked


def _said(call, *arguments, **keywords):
    with pytest.raises(ParameterError) as refusal:
        call(*arguments, **keywords)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# ---- what a run has


def test_an_organisation_has_its_name(check):
    assert check("RC9").org_name == "RC9 Hospitals, NHS Trust"


def test_england_is_an_organisation_and_the_first(check):
    run = check("ENG")
    assert (run.org_name, run.organisations["org_code"].to_list()) == ("England", ["ENG", "RC9", "RJ1"])


def test_the_samples_sum_is_not_mistaken_for_the_country(measure, sample_folder):
    run = parameters.check(measure, org_code="ENG", period_to="", data=str(sample_folder))
    assert (run.org_name, run.name_of("ENG")) == ("Synthetic England", "Synthetic England")
    assert run.organisations["org_code"].to_list().count("ENG") == 1


def test_any_organisation_of_the_source_has_its_name(check):
    assert check("RC9").name_of("RJ1") == "RJ1 Hospitals, NHS Trust"


def test_a_series_is_run_like_its_measure_and_changes_nothing_else(filled, measure):
    median = Series(id="median", title="Median", metric="median_minutes", kind="percentile", unit="minutes")
    divided = measure.model_copy(update={"series": [median]})
    run = parameters.check(divided, org_code="RC9", period_to="2024-03", data=str(filled.folder))
    of_series = run.of("median")
    assert (of_series.measure.kind, of_series.measure.unit, of_series.measure.short_title) == (
        "percentile", "minutes", "Median",
    )  # fmt: skip
    assert (of_series.org_code, of_series.period_to, of_series.store) == (run.org_code, run.period_to, run.store)
    assert run.measure.unit == "percent"
    with pytest.raises(ParameterError, match=r"series 'medain': not one of four_hours's \(median\)\. Did you mean"):
        run.of("medain")


def test_without_a_month_it_is_the_latest(check):
    assert check(period_to="").period_to == date(2024, 5, 1)


@pytest.mark.parametrize("written", ["2024-03", "March 2024", "MARCH-2024"])
def test_a_month_is_read_as_people_write_it(check, written):
    assert check(period_to=written).period_to == date(2024, 3, 1)


def test_figures_end_with_the_month(check):
    assert check(period_to="2024-03").observations()["period_start"].unique().to_list() == [date(2024, 3, 1)]
    assert check().observations()["period_start"].n_unique() == 2


def test_releases_are_the_newest_up_to_the_month(check):
    assert [release.file_name for release in check(period_to="2024-03").releases] == ["March-2024-revised.csv"]
    assert [release.file_name for release in check().releases] == ["March-2024-revised.csv", "May-2024.csv"]


def test_the_environments_data_folder_is_used_where_none_is_given(check, filled, monkeypatch):
    monkeypatch.setenv("OPENMEASURES_DATA", str(filled.folder))
    assert check(data="").store.folder == filled.folder


def test_an_organisation_that_came_later_may_be_asked_for_an_earlier_month(check):
    """Whether it has figures there is for the counts to say."""
    assert check("RJ1", period_to="2024-03").org_name == "RJ1 Hospitals, NHS Trust"


# ---- parts


@pytest.mark.parametrize("successions", ["alone", "restated"])
@pytest.mark.parametrize("org_code", ["ENG", "Z-05", "Z-20", "Z-21", "Z-Q1", "Z-Y1"])
def test_parts_are_those_that_count_as_the_run_s_own_among_everyone_s(sample_folder, org_code, successions):
    """Z-21 became part of Z-20; a system and a region are the sums of theirs."""
    measure = definitions.find("sickness_absence").model_copy(update={"successions": successions})
    run = parameters.check(measure, org_code=org_code, period_to="", data=str(sample_folder))
    counted = {"numerator": measure.numerator, "denominator": measure.denominator, "org_code": org_code}
    parts, everyone = run.parts("organisation_type"), run.observations(breakdown="organisation_type")
    found = counts.by_category(parts, **counted)
    assert found.is_empty() == ((org_code, successions) == ("Z-21", "restated"))
    assert found.equals(counts.by_category(everyone, **counted))
    assert (parts.height < everyone.height) == (org_code != "ENG")


# ---- what is refused


def test_an_unknown_organisation_gets_the_near_miss(check, filled):
    assert _said(check, "RC8") == (
        f"organisation 'RC8': not among the 3 of ae_monthly in {filled.folder}. Did you mean 'RC9'? "
        "`openmeasures list --organisations` shows them all; 'ENG' is all of England."
    )


@pytest.mark.parametrize(("typed", "code"), [("rc9", "RC9"), ("eng", "ENG"), ("RJ 1", "RJ1")])
def test_a_code_in_other_capitals_or_with_a_space_is_a_near_miss(check, typed, code):
    assert f"Did you mean {code!r}?" in _said(check, typed)


@pytest.mark.parametrize("typed", ["rj1 hospitals nhs trust", "RJ1 Hospitals, NHS Trust", "RJ1 Hospital, NHS Trust"])
def test_a_name_instead_of_a_code_gets_the_code(check, typed):
    assert "Did you mean 'RJ1' (RJ1 Hospitals, NHS Trust)?" in _said(check, typed)


def test_a_name_with_an_apostrophe_gets_its_code(keep, store, measure):
    keep(("RJ7", 5, 1), change=("RJ7 HOSPITALS", "ST GEORGE'S"))
    said = _said(parameters.check, measure, org_code="St Georges, NHS Trust", period_to="", data=str(store.folder))
    assert "Did you mean 'RJ7' (St George's, NHS Trust)?" in said


@pytest.mark.parametrize("typed", ["", "nothing like it"])
def test_what_is_like_nothing_gets_no_suggestion(check, typed):
    assert "Did you mean" not in _said(check, typed)


@pytest.mark.parametrize("month", ["2024-02", "2024-04", "2024-06"])
def test_a_month_without_release_is_refused_with_the_span(check, month):
    said = _said(check, period_to=month)
    assert said.startswith("parameter 'period_to': no release for ")
    assert said.endswith("the data cover March 2024 to May 2024. Ingest that month, or name another.")


def test_what_is_no_month_is_refused(check):
    assert _said(check, period_to="spring") == (
        "'spring' is not a month: expected a month such as 'March 2024' or '2024-03'."
    )


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("org_code", None, "NoneType"),
        ("org_code", 9, "int"),
        ("period_to", 202403, "int"),
        ("period_to", date(2024, 3, 1), "date"),
        ("data", None, "NoneType"),
    ],
)
def test_a_value_that_is_no_text_is_refused(check, name, value, kind):
    assert _said(check, **{name: value}) == f"parameter {name!r}: found {value!r} ({kind}), expected text."


def test_an_empty_store_is_refused(check, tmp_path):
    with pytest.raises(StoreError, match="no release of 'ae_monthly' here"):
        check(data=str(tmp_path / "empty"))


def test_the_names_are_those_that_a_notebook_sets():
    assert parameters.NAMES == ("org_code", "period_to", "data")


def test_parameters_hold_the_store_that_was_checked(check, filled):
    assert isinstance(check().store, Store)
    assert check().store.folder == filled.folder


def test_figures_are_those_known_on_the_day_of_the_environment(keep, store, measure, monkeypatch):
    keep(("RC9", 1000, 400))
    keep(("RC9", 1000, 500), name="March-2024-revised-130624.csv")
    keep(("RC9", 1000, 300), month="JUNE-2024", name="June-2024.csv")
    monkeypatch.setenv(project.AS_OF, "2024-06-12")
    run = parameters.check(measure, org_code="RC9", period_to="", data=str(store.folder))
    assert [release.file_name for release in run.releases] == ["March-2024.csv"]
    assert run.period_to == date(2024, 3, 1)
