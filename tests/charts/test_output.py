"""What leaves a notebook: the same bytes everywhere, a valid notebook, and a chart for a phone."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree

import altair as alt
import nbformat
import polars as pl
import pytest
from altair.utils import schemapi
from IPython.core.interactiveshell import InteractiveShell

from openmeasures.charts import conversion, deciles, distribution, funnel, labels, output, spc, theme
from openmeasures.methods.peers import spread
from openmeasures.methods.spc import xmr
from openmeasures.periods import months
from openmeasures.schemas import STATUS_TYPE

FINDING = 'Performance is "no better" than usual: 74.0 % < 76 % & falling.'
LONG_NAME = "The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def spc_chart(measure):
    """48 months with three missing, limits, the standard that lasts, and two milestones beside it."""
    values = [None if 10 <= month < 13 else 70.0 + month * 7 % 11 for month in range(48)]
    points = pl.DataFrame(
        {
            "org_code": "RJ1",
            "period_start": months(date(2021, 4, 1), date(2025, 3, 1)),
            "value": values,
            "status": pl.Series(
                ["not_submitted" if value is None else "reported" for value in values], dtype=STATUS_TYPE
            ),
            "numerator": [None if value is None else value * 100 for value in values],
            "denominator": [None if value is None else 10_000.0 for value in values],
            "standard": [95.0] * 24 + [76.0] * 12 + [78.0] * 12,
            "standard_name": ["Operational standard"] * 24 + ["Milestone"] * 24,
            "lasting_standard": [None] * 24 + [95.0] * 24,
            "is_milestone": [False] * 24 + [True] * 24,
            "segment": 0,
        }
    )
    points = xmr(points, improvement="increase", natural_bounds=(0.0, 100.0))
    return spc.chart(points, measure, title=f"{LONG_NAME}: four hours", finding=FINDING)


@pytest.fixture
def distribution_chart(measure):
    frame = pl.DataFrame(
        {
            "org_code": [f"R{number:02d}" for number in range(60)],
            "org_name": LONG_NAME,
            "value": [60.0 + number * 7 % 31 for number in range(60)],
            "denominator": 1000.0,
        }
    )
    return distribution.chart(
        frame, measure, org_code="R07", title="Four hours", finding=FINDING, spread=spread(frame), standard=78.0
    )


@pytest.fixture
def funnel_chart(measure):
    """60 organisations, each fifth far above its limits and each seventh far below; the subject within."""
    sizes = [1000.0 + 150 * number for number in range(60)]
    points = pl.DataFrame(
        {
            "org_code": [f"R{number:02d}" for number in range(60)],
            "org_name": LONG_NAME,
            "denominator": sizes,
            "value": [
                92.0 if number % 5 == 0 else 45.0 if number % 7 == 0 else 70 + number % 9 for number in range(60)
            ],
            "position": [
                "above_99_8" if number % 5 == 0 else "below_99_8" if number % 7 == 0 else "within_95"
                for number in range(60)
            ],
        }
    )
    curve = pl.DataFrame({"denominator": sizes}).with_columns(
        lower_95=74 - 400 / pl.col("denominator").sqrt(),
        upper_95=74 + 400 / pl.col("denominator").sqrt(),
        lower_99_8=74 - 630 / pl.col("denominator").sqrt(),
        upper_99_8=74 + 630 / pl.col("denominator").sqrt(),
    )
    return funnel.chart(
        points, curve, measure, org_code="R32", title="Four hours", finding=FINDING, target=74.0,
        size_label="Attendances in the month", standard=78.0,
    )  # fmt: skip


@pytest.fixture
def deciles_chart(measure):
    periods = months(date(2021, 4, 1), date(2025, 3, 1))
    frame = pl.DataFrame({"period_start": periods}).with_columns(
        pl.lit(60 + share / 4).alias(f"decile_{share}") for share in range(10, 100, 10)
    )
    series = pl.DataFrame({"period_start": periods, "value": [70.0 + month * 7 % 11 for month in range(48)]})
    return deciles.chart(frame, series, measure, org_name=LONG_NAME, title="Four hours", finding=FINDING, standard=78.0)


@pytest.fixture(params=["spc_chart", "distribution_chart", "funnel_chart", "deciles_chart"])
def chart(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def renderer():
    """Enable ours, and afterwards what was there before."""
    before = alt.renderers.active
    output.enable()
    yield
    alt.renderers.enable(before)


def test_image_is_labelled_with_the_finding(chart):
    root = ElementTree.fromstring(output.svg(chart.to_dict()))
    assert root.get("role") == "img"
    assert root.get("aria-label") == FINDING


def test_image_needs_nothing_from_elsewhere(chart):
    image = output.svg(chart.to_dict())
    assert not re.search(r"<(script|image|foreignObject|style|use)|href=(?!\"http://www.w3)|url\(", image)
    assert " id=" not in image  # two images on one page could share it


def test_geometry_is_rounded_and_words_are_not(chart, measure):
    image = output.svg(chart.to_dict())
    assert not re.search(r' (?:d|transform|x2|y2)="[^"]*\d\.\d{2}', image)
    assert "78\u00a0%" in image or "76\u00a0%" in image


@pytest.mark.parametrize(
    ("number", "rounded"), [("-0.001234", "0"), ("1234.5678", "1234.6"), ("1.0000", "1"), ("1.5678e-7", "0")]
)
def test_tenths(number, rounded):
    assert output._DECIMALS.sub(output._tenths, number) == rounded


@pytest.mark.parametrize(
    ("path", "drawn"),
    [
        ("M8,5L9,5L9,5L20,5L30,5", "M8,5L30,5"),
        ("M8,5L9,5L9,6L20,6L30,6L31,7", "M8,5L9,5L9,6L30,6L31,7"),
        ("M8,5L9,5", "M8,5L9,5"),
        ("M8,5L9,55L10,5L11,5.5L12,5", "M8,5L9,55L10,5L11,5.5L12,5"),
        ("M0,-5L1,-5L2,-5L2,5L1,5L0,5Z", "M0,-5L2,-5L2,5L0,5Z"),
        ("M1,5L2,5L3,5M4,5L5,5L6,5", "M1,5L3,5M4,5L6,5"),
    ],
)
def test_a_line_that_stays_level_has_its_ends_alone(path, drawn):
    assert output._drawn(f' d="{path}"') == f' d="{drawn}"'


def test_two_runs_give_the_same_bytes(chart):
    assert json.dumps(chart.to_dict()) == json.dumps(chart.to_dict())
    assert output.svg(chart.to_dict()) == output.svg(chart.to_dict())


def test_a_fresh_process_in_another_time_zone_gives_the_same_bytes(spc_chart):
    spec = spc_chart.to_dict()
    program = (
        "import json, sys; from openmeasures.charts import output; "
        "spec = json.loads(sys.stdin.buffer.read()); "
        "sys.stdout.buffer.write((output.svg(spec) + output.svg(output.narrow(spec))).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(spec).encode(),
        capture_output=True,
        check=True,
        env=dict(os.environ) | {"TZ": "America/New_York"},
    )
    assert done.stdout.decode() == output.svg(spec) + output.svg(output.narrow(spec))


def test_text_is_measured_with_the_font_that_vl_convert_carries(chart):
    """On a machine that has an Arial or Helvetica of its own, this fails if either comes first."""
    bundled = "Liberation Sans"
    assert theme.FONT.split(",")[0] == bundled
    spec = chart.to_dict()
    alone = spec | {"config": spec["config"] | {"font": bundled}}
    assert output.svg(spec).replace(theme.FONT, bundled) == output.svg(alone)


def test_specification_is_small_named_and_whole(chart):
    spec = chart.to_dict()
    assert len(json.dumps(spec)) < 30_000
    assert set(spec["datasets"]) in (
        {"points", "ends", "steps"}, {"dots", "labels", "band"}, {"organisations", "curve", "ends", "names"},
        {"points", "ends"},
    )  # fmt: skip
    assert "data-" not in json.dumps(spec)  # Altair's own names for data sets


def test_renderer_gives_image_specification_and_finding(renderer, chart):
    bundle = chart._repr_mimebundle_()
    assert bundle == {
        "image/svg+xml": output.svg(chart.to_dict()),
        "application/vnd.openmeasures.chart+json": chart.to_dict(),
        "text/plain": FINDING,
    }


def test_renderer_and_theme_are_enabled(renderer):
    assert alt.renderers.active == alt.theme.active == "openmeasures"


def test_output_is_valid_in_a_notebook(renderer, chart, tmp_path):
    shown = nbformat.v4.new_output("execute_result", data=chart._repr_mimebundle_(), execution_count=1)
    cell = nbformat.v4.new_code_cell("chart", outputs=[shown], execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    again = nbformat.read(tmp_path / "notebook.ipynb", as_version=4)
    assert again.cells[0].outputs[0].data[output.SPEC_TYPE] == chart.to_dict()


def test_narrow_leaves_the_given_specification_alone(chart):
    spec = chart.to_dict()
    before = json.dumps(spec)
    output.narrow(spec)
    assert json.dumps(spec) == before


def test_narrow_is_a_valid_chart_with_the_same_finding(chart):
    phone = output.narrow(chart.to_dict())
    assert phone["description"] == FINDING
    alt.LayerChart.from_dict(phone)  # validates


@pytest.mark.parametrize(("size", "width"), [("page", 820), ("phone", 340), ("phone", 320)])
def test_images_are_exactly_as_wide_as_asked(chart, size, width):
    spec = chart.to_dict() if size == "page" else output.narrow(chart.to_dict(), width)
    root = ElementTree.fromstring(output.svg(spec))
    assert float(root.get("width")) == width


def test_no_words_are_cut_on_a_phone(chart):
    root = ElementTree.fromstring(output.svg(output.narrow(chart.to_dict())))
    words = " ".join(text.strip() for text in root.itertext() if text.strip())
    for part in labels.shortened(LONG_NAME).split():
        assert part in words
    assert "…" not in words


def test_narrow_figures_stay_the_same(chart):
    spec = chart.to_dict()
    phone = output.narrow(spec)
    for name in ("points", "dots", "band", "organisations", "curve"):
        assert phone["datasets"].get(name) == spec["datasets"].get(name)


@pytest.mark.parametrize(
    ("words", "on_phone"),
    [
        ([["Milestone 76\u00a0%"], ["Milestone 78\u00a0%"]], [["76\u00a0%"], ["78\u00a0%"]]),
        ([["Standard 76\u00a0%"]], [["Standard", "76\u00a0%"]]),
        ([], []),
    ],
)
def test_several_standards_that_were_replaced_have_their_figures_alone_on_a_phone(spc_chart, words, on_phone):
    """Their words would cover each other; the line of the last has them at its end."""
    spec = spc_chart.to_dict()
    spec["datasets"]["steps"] = [
        {"period_start": "2024-03-01", "label": each, "line": 76, "baseline": "bottom"} for each in words
    ]
    assert [row["label"] for row in output.narrow(spec)["datasets"]["steps"]] == on_phone


def test_narrow_has_fewer_months_smaller_points_and_labels_that_do_not_touch(spc_chart):
    spec = spc_chart.to_dict()
    phone = output.narrow(spec)
    page_axis, phone_axis = (each["layer"][0]["encoding"] for each in (spec, phone))
    assert page_axis["x"]["axis"]["tickCount"] == {"interval": "month", "step": 3}
    assert phone_axis["x"]["axis"]["tickCount"] == {"interval": "month", "step": 12}
    page_points, phone_points = (
        next(layer for layer in each["layer"] if layer["name"] == "points")["encoding"]["size"]["scale"]["range"]
        for each in (spec, phone)
    )
    assert phone_points == [area * theme.PHONE.points for area in page_points]
    low, high = page_axis["y"]["scale"]["domain"]
    named = sorted(phone["datasets"]["ends"], key=lambda row: row["at"])
    assert sorted(len(row["label"]) for row in named) == [1, 2, 2, 2, 2]  # only the mean's fits on one line
    line = (high - low) / phone["height"] * theme.LINE_HEIGHT
    for lower, upper in pairwise(named):
        assert upper["at"] - lower["at"] >= line * (len(upper["label"]) + len(lower["label"])) / 2


def test_narrow_uses_the_phone_s_sizes(chart):
    phone = output.narrow(chart.to_dict())
    assert phone["config"] == theme.config(theme.PHONE)
    assert len(phone["title"]["text"]) >= len(chart.to_dict()["title"]["text"])


# ---- in a build


@pytest.fixture
def shell():
    """An IPython shell for a moment, which is left as it was."""
    InteractiveShell.clear_instance()
    with schemapi.debug_mode(True):
        yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("is_served", [True, False])
def test_a_chart_in_a_build_is_not_checked_but_looks_the_same(shell, chart, monkeypatch, is_served):
    monkeypatch.delenv(conversion.ADDRESSES, raising=False)
    if is_served:
        monkeypatch.setenv(conversion.ADDRESSES, "[]")  # nobody draws, so that it is drawn here
    checked = []
    validate = alt.LayerChart.validate.__func__
    monkeypatch.setattr(
        alt.LayerChart, "validate", classmethod(lambda cls, *a, **k: checked.append(cls) or validate(cls, *a, **k))
    )
    output.enable()
    data, _ = shell.display_formatter.format(chart)
    assert bool(checked) != is_served
    assert data[output.SPEC_TYPE] == chart.to_dict()
    assert data["image/svg+xml"] == output.svg(chart.to_dict())
