import hashlib
import re
from datetime import date
from xml.etree import ElementTree

import nbformat
import polars as pl
import pytest
from nbformat.v4 import new_markdown_cell, new_output

from openmeasures import results
from openmeasures.charts import output as chart_output
from openmeasures.charts import spc
from openmeasures.errors import DefinitionError
from openmeasures.publishing import parts
from openmeasures.running.traces import INJECTED

FINDING = 'Two months, of which "one" is < the other.'


@pytest.fixture
def chart(measure):
    """The output of a cell that shows a chart."""
    none = dict.fromkeys(
        ["mean", "lower_process_limit", "upper_process_limit", "standard", "lasting_standard"], pl.lit(None, pl.Float64)
    ) | dict.fromkeys(["variation", "standard_name"], pl.lit(None, pl.String))
    none |= {"is_milestone": pl.lit(None, pl.Boolean)}
    points = pl.DataFrame(
        {
            "period_start": [date(2024, 2, 1), date(2024, 3, 1)],
            "numerator": [6.0, 7.0],
            "denominator": [10.0, 10.0],
            "value": [60.0, 70.0],
            "status": ["reported", "reported"],
            "special_cause": ["none", "none"],
            "segment": [0, 0],
        }
    ).with_columns(**none)
    specification = spc.chart(points, measure, title="Four hours", finding=FINDING).to_dict()
    return {parts.SVG_TYPE: chart_output.svg(specification), chart_output.SPEC_TYPE: specification}


@pytest.fixture
def executed(tmp_path, notebook_of):
    """Write a notebook of one cell after the parameters, with the given outputs, and return its path."""

    def write(*outputs):
        notebook = notebook_of("show()")
        notebook.cells[-1].outputs = [
            out if "output_type" in out else new_output("display_data", data=out) for out in outputs
        ]
        nbformat.write(notebook, tmp_path / "n.ipynb")
        return tmp_path / "n.ipynb"

    return write


def last_step(path):
    return parts.steps(path)[-1]


# ---- steps


def test_a_step_is_a_cell_with_the_heading_and_reason_before_it(executed):
    step = last_step(executed({"text/markdown": "One."}, {"text/markdown": "Two."}))
    assert step == parts.Step("step-1", "Step 1", "Why 1.", "show()", ["One.", "Two."])


def test_the_title_is_no_step(executed):
    assert [step.cell_id for step in parts.steps(executed())] == ["step-0", "step-1"]


def test_the_parameters_shown_are_those_of_the_run(tmp_path, notebook_of):
    notebook = notebook_of("show()")
    injected = nbformat.v4.new_code_cell('org_code = "RC9"', metadata={"tags": [INJECTED]}, id=INJECTED)
    notebook.cells.insert(3, injected)
    nbformat.write(notebook, tmp_path / "n.ipynb")
    assert [(step.cell_id, step.heading, step.code) for step in parts.steps(tmp_path / "n.ipynb")] == [
        ("step-0", "Step 0", 'org_code = "RC9"'),
        ("step-1", "Step 1", "show()"),
    ]


def test_a_heading_belongs_to_one_step_only(tmp_path, notebook_of):
    notebook = notebook_of("first()")
    notebook.cells.append(nbformat.v4.new_code_cell("second()", id="second"))
    nbformat.write(notebook, tmp_path / "n.ipynb")
    assert (last_step(tmp_path / "n.ipynb").heading, last_step(tmp_path / "n.ipynb").why) == ("", "")


@pytest.mark.parametrize(
    ("source", "heading", "why"),
    [
        ("## Why\n\nBecause.\n\n- so", "Why", "Because.\n\n- so"),
        ("### Why", "Why", ""),
        ("Because.", "", "Because."),
        ("#hash", "", "#hash"),
        ("", "", ""),
    ],
)
def test_a_reason_may_lack_its_heading(tmp_path, notebook_of, source, heading, why):
    notebook = notebook_of("show()")
    notebook.cells[-2] = new_markdown_cell(source, id="why-1")
    nbformat.write(notebook, tmp_path / "n.ipynb")
    assert (last_step(tmp_path / "n.ipynb").heading, last_step(tmp_path / "n.ipynb").why) == (heading, why)


def test_the_result_is_shown_as_its_text(executed):
    step = last_step(executed({results.MIME_TYPE: {"points": []}, "text/markdown": "The finding."}))
    assert step.shown == ["The finding."]


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ({"text/html": "<table>", "text/plain": "x"}, "text/html, text/plain"),
        ({"text/plain": "2"}, "text/plain"),
        ({"image/png": "aGk="}, "image/png"),
        ({"image/svg+xml": "<svg/>"}, "image/svg+xml"),
        (new_output("stream", name="stderr", text="UserWarning"), "stream"),
        (new_output("error", ename="ValueError", evalue="no", traceback=[]), "error"),
    ],
)
def test_an_output_that_would_not_show_is_refused(executed, output, kind):
    with pytest.raises(DefinitionError) as refusal:
        parts.steps(executed(output))
    assert f"n.ipynb, cell 'step-1': output of type {kind}; expected Markdown or a chart." in str(refusal.value)


# ---- charts


def test_a_chart_comes_in_two_widths_with_its_finding(executed, chart):
    figure = last_step(executed(chart)).figures[0]
    assert (figure.cell_id, figure.finding) == ("step-1", FINDING)
    wide, narrow = (ElementTree.fromstring(svg) for svg in (figure.wide, figure.narrow))
    assert int(narrow.get("width")) < int(wide.get("width"))
    assert {wide.get("role"), narrow.get("role")} == {"img"}
    assert {wide.get("aria-label"), narrow.get("aria-label")} == {FINDING}


def test_an_image_ends_no_raw_block(executed, chart):
    figure = last_step(executed(chart)).figures[0]
    assert not re.search(r"\n\s*\n", figure.wide + figure.narrow)


SVG = '<svg><clipPath id="clip1"/><clipPath id="clip10"/><g clip-path="url(#clip1)"/><use href="#clip10"/></svg>'


def test_references_within_an_image_lead_where_they_led():
    image = ElementTree.fromstring(parts.inline(SVG, "peers-w"))
    first, tenth = (path.get("id") for path in image.iter("clipPath"))
    assert image.find("g").get("clip-path") == f"url(#{first})"
    assert image.find("use").get("href") == f"#{tenth}"


def test_ids_of_two_images_differ_and_are_the_same_every_time():
    ids = [re.findall(r'id="([^"]+)"', parts.inline(SVG, prefix)) for prefix in ("peers-w", "peers-n", "peers-w")]
    assert len({*ids[0], *ids[1]}) == 4
    assert ids[0] == ids[2]


@pytest.mark.parametrize("blank", ["\n\n", "\n \t\n", "\n\n\n"])
def test_blank_lines_of_an_image_go(blank):
    assert parts.inline(f"\n<svg>{blank}<g/></svg>\n", "p") == "<svg>\n<g/></svg>"


def test_what_draws_nothing_is_left_out_of_an_image_and_nothing_else(chart):
    """Every path that is gone is empty or has no colour; all else stays but for defaults, pointers, names and roles."""
    before = ElementTree.fromstring(chart[parts.SVG_TYPE])
    after = ElementTree.fromstring(parts.inline(chart[parts.SVG_TYPE], "p"))
    is_empty = [
        each.get("class") in ("background", "foreground")
        and (each.get("d", "") in ("", "M0,0h0v0h0Z") or set(each.attrib) <= {"class", "aria-hidden", "d"})
        for each in before.iter()
    ]
    kept = [each for each, empty in zip(before.iter(), is_empty, strict=True) if not empty]
    assert any(is_empty)
    assert [each.tag for each in kept] == [each.tag for each in after.iter()]
    for one, other in zip(kept, after.iter(), strict=True):
        gone = set(one.attrib.items()) - set(other.attrib.items())
        assert {name for name, _ in gone} <= {
            "opacity", "pointer-events", "id", "clip-path", "role", "aria-roledescription", "class", "aria-hidden",
        }  # fmt: skip
        assert {value for name, value in gone if name == "opacity"} <= {"1"}


def test_an_image_has_one_role_and_its_parts_none(chart):
    image = ElementTree.fromstring(parts.inline(chart[parts.SVG_TYPE], "p"))
    roles = [each.get("role") for each in image.iter() if each.get("role")]
    assert roles == ["img"]


def test_outputs_keep_their_order_and_each_chart_its_own_ids(executed, chart):
    step = last_step(executed({"text/markdown": "Before."}, chart, {"text/markdown": "Between."}, chart))
    assert [part if isinstance(part, str) else "chart" for part in step.shown] == [
        "Before.", "chart", "Between.", "chart",
    ]  # fmt: skip


def test_two_charts_of_one_cell_share_no_id(executed, chart):
    with_id = {**chart, parts.SVG_TYPE: '<svg><clipPath id="clip1"/></svg>'}
    first, second = last_step(executed(with_id, with_id)).figures
    assert (first.wide, second.wide) == tuple(
        f'<svg><clipPath id="step-1-{place}w-{hashlib.sha256(b"clip1").hexdigest()[:6]}"/></svg>' for place in (0, 1)
    )


@pytest.mark.parametrize(("usermeta", "guide"), [({}, "spc"), ({"usermeta": {"guide": "funnels"}}, "funnels")])
def test_a_chart_says_which_page_explains_it(executed, chart, usermeta, guide):
    chart[chart_output.SPEC_TYPE] |= usermeta
    assert last_step(executed(chart)).figures[0].guide == guide


def test_a_label_for_which_there_was_no_room_is_left_out():
    image = '<svg><text x="1" opacity="0">Jul</text><text x="2">Oct</text><text opacity="0.5">Half</text></svg>'
    assert parts.inline(image, "p") == '<svg><text x="2">Oct</text><text opacity="0.5">Half</text></svg>'
