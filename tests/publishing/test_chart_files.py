import json
import re
from types import SimpleNamespace

import pytest

from openmeasures.charts import conversion, funnel, spc
from openmeasures.publishing import chart_files
from openmeasures.publishing.parts import Figure, Step
from openmeasures.publishing.summary import Table
from openmeasures.publishing.templating import TEMPLATES
from openmeasures.publishing.writer import Pages

MONTHS = {"month": "Month", "written": "Value", "denominator": "Attendances", "cause": "Signal"}
PEERS = {"org_name": "Organisation", "written": "Value", "denominator": "Denominator"}


def layer(data, told, **more):
    tooltip = [{"field": field, "title": title, "type": "nominal"} for field, title in told.items()]
    return {"data": {"name": data}, "mark": "point", "encoding": {"tooltip": tooltip} if tooltip else {}, **more}


def month(start, lower=60.0, upper=70.5):
    return {
        "period_start": start, "month": start[:7], "written": "65.0 %", "denominator": 1200.0, "cause": "none",
        "lower_process_limit": lower, "upper_process_limit": upper,
    }  # fmt: skip


def peer(name, denominator=None):
    return {"org_name": name, "written": "65.0 %", "denominator": denominator}


def figure(cell_id="variation", place=0, *, told=MONTHS, rows=None, series="", phone=None):
    rows = [month("2024-02-01"), month("2024-03-01", None, None)] if rows is None else rows
    wide = {
        "description": "A finding.", "width": 820, "config": {"font": "Arial"}, "usermeta": {"guide": "spc"},
        "datasets": {"rows": rows, "ends": [{"label": ["one line"]}]},
        "layer": [layer("rows", {}), layer("rows", told)],
    }  # fmt: skip
    made = Figure(cell_id, place, "A finding.", "spc", series, "<svg/>", wide)
    vars(made)["narrow_specification"] = {**wide, **(phone or {})}  # as if it had been worked out
    return made


# ---- the specification


def test_a_tooltip_of_an_spc_chart_tells_the_limits_too(measure):
    spec = chart_files.specification(figure(), measure)
    assert [row["limits"] for row in spec["datasets"]["rows"]] == ["60.0\u00a0%\u00a0to\u00a070.5\u00a0%", "none"]
    assert spec["layer"][1]["encoding"]["tooltip"][-1] == {
        "field": "limits", "title": "Process limits", "type": "nominal",
    }  # fmt: skip
    assert spec["layer"][0] == layer("rows", {})


def test_a_chart_without_limits_keeps_its_tooltips(measure):
    drawn = figure(told=PEERS, rows=[peer("A")])
    spec = chart_files.specification(drawn, measure)
    assert (spec["layer"], spec["datasets"]) == (drawn.specification["layer"], drawn.specification["datasets"])


def test_the_figure_itself_is_left_as_it_was(measure):
    drawn = figure()
    before = json.dumps(drawn.specification)
    chart_files.specification(drawn, measure)
    assert json.dumps(drawn.specification) == before


def test_only_what_differs_on_a_phone_stands_beside_the_rest(measure):
    drawn = figure()
    narrow = {
        "width": 340, "datasets": drawn.specification["datasets"] | {"ends": [{"label": ["two", "lines"]}]},
        "layer": [layer("rows", {}), layer("rows", MONTHS, size=4)],
    }  # fmt: skip
    spec = chart_files.specification(figure(phone=narrow), measure)
    assert spec["usermeta"] == {
        "guide": "spc",
        "phone": {
            "width": 340, "datasets": {"ends": [{"label": ["two", "lines"]}]},
            "layer": {1: layer("rows", MONTHS | {"limits": "Process limits"}, size=4)},
        },
    }  # fmt: skip


# ---- the table


def test_a_table_has_the_columns_of_the_tooltip_and_the_latest_month_first():
    rows = [month("2024-02-01"), month("2024-03-01") | {"denominator": None}]
    assert chart_files.table(figure(rows=rows).specification) == Table(
        ["Month", "Value", "Attendances", "Signal"],
        [["2024-03", "65.0 %", "", "none"], ["2024-02", "65.0 %", "1,200", "none"]],
    )


def test_organisations_stand_by_name_and_parts_as_on_the_chart():
    drawn = figure(told=PEERS, rows=[peer("The Bay"), peer("Coast"), peer("Abbey", 5)])
    assert [row[0] for row in chart_files.table(drawn.specification).rows] == ["Abbey", "The Bay", "Coast"]
    parts = figure(told={"category": "Part"}, rows=[{"category": "b"}, {"category": "a"}])
    assert chart_files.table(parts.specification).rows == [["b"], ["a"]]


# ---- what is offered


@pytest.fixture
def offer(tmp_path, measure):
    def one(*figures, folder="organisations/RC9", tables=None, of=measure):
        pages = Pages(tmp_path)
        steps = [Step(each.cell_id, "", "", "", [each]) for each in figures]
        return pages, chart_files.offer(pages, steps, of, tables or {}, folder=folder, name="four_hours-RC9")

    return one


def test_each_chart_is_a_file_beside_its_page(offer, tmp_path):
    pages, offered = offer(figure("variation"), figure("peers", 2))
    assert pages.written == [
        "organisations/RC9/downloads/four_hours-RC9-variation-0.vl.json",
        "organisations/RC9/downloads/four_hours-RC9-peers-2.vl.json",
    ]
    assert {key: each.address for key, each in offered.items()} == {
        "variation-0": "downloads/four_hours-RC9-variation-0.vl.json",
        "peers-2": "downloads/four_hours-RC9-peers-2.vl.json",
    }
    content = json.loads((tmp_path / pages.written[0]).read_text(encoding="utf-8"))
    assert content["description"] == "A finding."


def test_the_chart_of_the_measure_is_exchanged_for_its_other_views_and_no_other_chart_is(offer):
    _, offered = offer(figure("variation"), figure("certainty", 1), figure("seasons"), figure("peers"))
    assert offered["variation-0"].views == [
        ("Without new limits", "downloads/four_hours-RC9-certainty-1.vl.json"),
        ("Seasonally adjusted", "downloads/four_hours-RC9-seasons-0.vl.json"),
    ]
    assert [offered[key].views for key in ("certainty-1", "seasons-0", "peers-0")] == [[], [], []]


def test_a_series_has_the_table_of_its_result_and_limits_in_its_own_unit(offer, measure, tmp_path):
    minutes = measure.model_copy(update={"unit": "minutes", "decimals": 0})
    both = SimpleNamespace(of=lambda series: {"wait": minutes}[series], written=measure.written)
    tables = {"all": Table(["Month"], [["May"]]), "wait": Table(["Month"], [["June"]])}
    _, offered = offer(figure(series="all"), figure("waits", series="wait"), tables=tables, of=both)
    assert [offered[key].table for key in ("variation-0", "waits-0")] == list(tables.values())
    written = (tmp_path / "organisations/RC9" / offered["waits-0"].address).read_text(encoding="utf-8")
    assert "minutes" in json.loads(written)["datasets"]["rows"][0]["limits"]


def test_the_table_of_a_series_stands_under_its_first_chart_and_the_others_lead_there(offer):
    tables = {"all": Table(["Month"], [["May"]])}
    peers = figure("peers", told=PEERS, rows=[peer("A")])
    _, offered = offer(figure(series="all"), figure("seasons", series="all"), peers, tables=tables)
    assert offered["variation-0"].table == tables["all"]
    assert (offered["seasons-0"].table, offered["seasons-0"].shared_with) == (None, "variation-0")
    assert [offered[key].shared_with for key in ("variation-0", "peers-0")] == ["", ""]


def test_a_table_that_is_too_long_for_the_page_is_left_out(offer):
    fits = figure("peers", 0, told=PEERS, rows=[peer("A")] * chart_files.MOST_ROWS)
    too_long = figure("peers", 1, told=PEERS, rows=[peer("A")] * (chart_files.MOST_ROWS + 1))
    _, offered = offer(fits, too_long)
    assert len(offered["peers-0"].table.rows) == chart_files.MOST_ROWS
    assert offered["peers-1"].table is None


# ---- the script


def test_the_script_is_bundled_once_and_keeps_its_names_to_itself(tmp_path, monkeypatch):
    content = chart_files.script(tmp_path)
    monkeypatch.setattr(chart_files.vl_convert, "javascript_bundle", lambda *_, **__: pytest.fail("bundled again"))
    assert chart_files.script(tmp_path) == content
    [kept] = tmp_path.iterdir()
    assert conversion.VEGA_LITE_VERSION in kept.name
    text = content.decode()
    assert re.match(r"/\* .*BSD-3-Clause.* \*/\n\(\(\) => \{", text)
    assert re.search(r"window\.vegaEmbed ?= ?[$\w]+;\n\}\)\(\);\n$", text)
    assert "expressionInterpreter" in text  # what `ast` needs, and the policy of pages with it


def test_charts_of_the_notebooks_are_what_this_module_takes_them_for():
    """The names of fields on which tooltips of limits, and peers to highlight, rest."""
    assert {"sign:N", "cause:N"} <= set(spc.JUDGEMENT)
    assert f"{chart_files.PEERS}:N" in funnel.TOOLTIP


# ---- on the page


def shown(offered, *, is_england=False):
    page = '{% import "macros.jinja" as m with context %}{{ m.figure(chart, offered, "") }}'
    chart = {
        "wide": "<svg/>",
        "narrow": "<svg/>",
        "finding": "F.",
        "guide": "spc",
        "key": "peers-0",
        "cell_id": "peers",
    }
    return TEMPLATES.from_string(page).render(
        chart=chart,
        offered=offered,
        up="../../",
        measure={"id": "four_hours"},
        page={"is_england": is_england},
    )


def test_a_table_that_is_left_out_is_said_to_be_on_englands_page():
    offered = chart_files.Offered("x.vl.json", [], None)
    for is_england, where in ((False, "on England's page"), (True, "listed below")):
        page = shown(offered, is_england=is_england)
        assert 'href="../../measures/four_hours/index.html#om-list-organisation"' in page
        assert f"The figures of all these organisations are {where}." in page


def test_a_table_that_stands_under_another_chart_is_led_to():
    page = shown(chart_files.Offered("x.vl.json", [], None, "variation-0"))
    assert 'href="#figures-variation-0"' in page
    assert "<table" not in page


def test_a_table_stands_where_others_can_lead():
    assert 'id="figures-peers-0"' in shown(chart_files.Offered("x.vl.json", [], Table(["Month"], [["May"]])))
