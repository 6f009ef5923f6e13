"""Where the figures of a page come from, from releases made up by hand."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openmeasures.publishing import origins, provenance
from openmeasures.publishing.runs import Run
from openmeasures.releases import Release, ReleaseStatus

RELEASE = Release(
    sha256="0" * 64, source="ae_monthly", file_name="March-2024.csv", periods=[date(2024, 3, 1)],
    metrics=["attendances_type_1"], period_end=date(2024, 3, 31), status=ReleaseStatus.PROVISIONAL, published=None,
    retrieved=date(2024, 4, 11), url="https://www.england.nhs.uk/", licence="OGL", synthetic=False,
)  # fmt: skip


@pytest.fixture
def run(measure):
    def make(title="Four hours", month=3, *, file_name="March-2024.csv", org_code="RC9", **changes):
        of_it = measure.model_copy(update={"id": title.lower(), "title": title} | changes)
        first, end = date(2024, month, 1), date(2024, month, 28)
        release = RELEASE.model_copy(update={"file_name": file_name, "period_end": end})
        return Run(of_it, org_code, Path(), first, release, datetime(2024, 5, 9, tzinfo=UTC), end)

    return make


def test_each_measure_is_named_once_with_its_latest_release(run):
    found = origins.of([run(month=3), run(month=2, file_name="old.csv"), run("Beds", 2)], synthetic=False)
    assert [(each.measure.title, each.up_to, each.file) for each in found.measures] == [
        ("Beds", "February 2024", "March-2024.csv"),
        ("Four hours", "March 2024", "March-2024.csv"),
    ]


def test_the_newest_period_leads_and_the_same_is_named_once(run):
    found = origins.of([run(month=2), run("Beds", 3), run("Waits", 3)], synthetic=False)
    assert found.up_to == "March 2024, February 2024"


def test_rule_sets_are_named_once(run):
    found = origins.of([run(), run("Beds"), run("Waits", rule_set="abspc")], synthetic=False)
    assert len(found.rule_sets.split(", ")) == len(set(found.rule_sets.split(", "))) > 1


def test_without_runs_there_is_nothing_to_name_but_the_code():
    found = origins.of([], synthetic=True)
    assert (found.measures, found.up_to, found.rule_sets) == ([], "", "")
    assert found.environment == provenance.environment()


def test_a_download_is_linked_to_and_brackets_do_not_end_the_link():
    assert origins.file_link(RELEASE) == "March-2024.csv"
    fetched = RELEASE.model_copy(update={"file_url": "https://x.nhs.uk/a(1).csv"})
    assert origins.file_link(fetched) == "[March-2024.csv](https://x.nhs.uk/a%281%29.csv)"


@pytest.mark.parametrize(
    ("synthetic", "said"), [(True, "Synthetic figures and code: MIT"), (False, "Open Government Licence v3.0")]
)
def test_figures_that_were_made_up_have_another_licence(synthetic, said):
    assert said in origins.licence(synthetic=synthetic)


def test_a_project_without_version_control_says_so(monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda _folder: "")
    assert origins.commit() == "not under version control"
