"""The charts of the known tools: every case agrees or departs on purpose, and the page says so."""

import shutil
from pathlib import Path

import pytest
import yaml

from openmeasures.errors import DefinitionError
from openmeasures.methods import rulesets
from openmeasures.reviewing import conformance, oracles
from openmeasures.reviewing.conformance import Outcome

ROOT = Path(__file__).parents[2]
ORACLES = ROOT / "tests" / "oracles" / "spc.yml"
OUTCOMES = conformance.conformance()


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: f"{outcome.group}: {outcome.case}")
def test_every_case_agrees_or_departs_on_purpose(outcome):
    assert outcome.agrees == (outcome.departs is None), outcome


def test_every_rule_set_has_every_case():
    charts = oracles.load().charts
    for rules in rulesets.load():
        assert [outcome.case for outcome in OUTCOMES if outcome.group == rules.id] == [chart.title for chart in charts]
    assert len(OUTCOMES) == len(rulesets.load()) * len(charts) + 3 * len(oracles.load().assurance)


def test_rule_sets_whose_tools_were_run_have_limits_for_every_chart():
    run = {"abspc", "power-bi-spc", "nhspy-plotthedots"}
    assert all(each.limits for chart in oracles.load().charts for each in chart.expected if each.rule_set in run)


def test_the_cases_tell_the_rule_sets_apart():
    marks = {
        rules.id: tuple(
            str(each.marks) for chart in oracles.load().charts for each in chart.expected if each.rule_set == rules.id
        )
        for rules in rulesets.load()
    }
    assert len(set(marks.values())) == len(marks)


def test_the_committed_page_is_what_the_comparison_makes():
    committed = conformance.reference_page().read_text(encoding="utf-8")
    assert committed == conformance.page(OUTCOMES), "out of date: make conformance"


def test_the_page_names_cases_sources_and_departures(tmp_path):
    text = conformance.write(tmp_path / "conformance.qmd").read_text(encoding="utf-8")
    departing = sum(outcome.departs is not None for outcome in OUTCOMES)
    assert (
        f"Of {len(OUTCOMES)} comparisons {len(OUTCOMES) - departing} agree, and {departing} depart on purpose." in text
    )
    assert "| Seven in a row above the mean | not known | 5.2593, −14.3838, 24.9023 | 11 to 17 shift | 11 to 17" in text
    assert "no: limits of a constant series equal its mean" in text
    assert "- **Twenty times 100**: 100, 100," in text


def test_a_difference_that_nobody_explained_is_shown():
    outcome = Outcome("abspc", "a case", ("1, 2, 3", "none"), ("1, 2, 4", "none"), False, None, "a tool")
    assert "| a case | 1, 2, 3 | 1, 2, 4 | none | none | no: to be explained | a tool |" in conformance.page([outcome])


@pytest.mark.parametrize(
    ("limits", "marks", "agrees"),
    [
        ([1.5, 1.5 - 2.66, 1.5 + 2.66], {}, True),
        ([1.5, 1.5 - 2.66, 1.5 + 2.661], {}, False),
        ([1.5, None, None], {}, False),
        (None, {}, True),
        (None, {"3": "shift"}, False),
        (None, {"3-4": "marked"}, False),
    ],
)
def test_a_comparison_fails_where_a_limit_or_a_mark_differs(limits, marks, agrees):
    chart = {"id": "a", "title": "A", "values": [1, 2] * 7}
    chart["expected"] = [
        {
            "rule_set": rules.id,
            "limits": limits if rules.id == rulesets.DEFAULT else None,
            "marks": marks,
            "source": "x",
        }
        for rules in rulesets.load()
    ]
    found = conformance.conformance(oracles.Oracles.model_validate({"charts": [chart], "assurance": []}))
    assert found[0].agrees == agrees


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("assurance"), "'assurance' is missing"),
        (lambda content: content["charts"][0]["expected"].pop(), r"chart 'vignette' must have every rule-set once"),
        (lambda content: content["charts"][0]["expected"][0].update(mark={}), "unknown key 'charts.0.expected.0.mark'"),
    ],
)
def test_a_case_that_does_not_fit_is_refused(tmp_path, change, message):
    content = yaml.safe_load(ORACLES.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "spc.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        oracles.load(path)


def test_the_page_is_written_where_the_project_has_it(tmp_path, monkeypatch):
    (tmp_path / "analyses").mkdir()
    (tmp_path / "_quarto.yml").touch()
    for folder in ("reference", "tests/oracles"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "site" / "methods").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert conformance.write() == tmp_path.resolve() / "site" / "methods" / "conformance.qmd"
