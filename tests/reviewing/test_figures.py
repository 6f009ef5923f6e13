"""Figures that others have published: every one agrees, and each method has a case that would show if it did not."""

import pytest

from openmeasures.errors import DefinitionError
from openmeasures.reviewing import figures
from openmeasures.reviewing.figures import TITLES, Case, Compared

COMPARED = figures.compare()


@pytest.mark.parametrize("each", COMPARED, ids=lambda each: f"{each.case.method} {each.case.inputs[:3]}")
def test_every_figure_agrees(each):
    assert each.agrees, each


def test_every_method_has_a_case():
    assert {each.case.method for each in COMPARED} == set(TITLES)


@pytest.mark.parametrize(
    ("ours", "agrees"), [([0.25534], True), ([0.25525], True), ([0.2551], False), ([0.25536], False)]
)
def test_a_figure_agrees_if_it_rounds_to_what_is_printed(ours, agrees):
    case = Case(method="wilson", inputs=[1], expected=[0.2553], decimals=4, source="by hand")
    assert Compared(case, ours).agrees == agrees


def test_a_figure_that_differs_is_shown_to():
    case = Case(method="wilson", inputs=[81, 263], expected=[0.3, 0.4], decimals=1, source="wrong on purpose")
    text = figures.section([Compared(case, [0.26, 0.41])])
    assert "Of 1 figures 1 agree." in text
    text = figures.section([Compared(case, [0.24, 0.41])])
    assert "| 81, 263 | 0.3, 0.4 | 0.2, 0.4 | no | wrong on purpose |" in text


def test_a_case_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "figures.yml"
    path.write_text("- {method: guess, inputs: [1], expected: [1], decimals: 1, source: S}", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"figures\.yml: '0\.method' is 'guess'"):
        figures.load(path)
