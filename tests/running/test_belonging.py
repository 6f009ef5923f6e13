"""Whether a mix-up would be seen: in the results of runs, and on their pages."""

import copy

import pytest

from openmeasures.definitions import Part
from openmeasures.errors import StoreError
from openmeasures.running.belonging import check_page, check_results

MARCH = "2024-03-01"


def result(org_code, numerator, denominator, **changes):
    point = {
        "series": "all",
        "org_code": org_code,
        "period_start": MARCH,
        "numerator": numerator,
        "denominator": denominator,
    }
    return {"measure": "four_hours", "org_code": org_code, "points": [point]} | changes


@pytest.fixture
def right(measure, keep, store):
    """Two organisations and England, as their notebooks have them, and a way to check them after a change."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100), ("RXX", "-", "-"))
    contents = {
        "ENG": result("ENG", 1000.0, 1500.0),
        "RC9": result("RC9", 600.0, 1000.0),
        "RJ1": result("RJ1", 400.0, 500.0),
        "RXX": result("RXX", None, None),
    }

    def check(change=None):
        changed = copy.deepcopy(contents)
        if change:
            change(changed)
        check_results(measure, store.folder, changed)

    return check


def test_results_that_are_their_own_pass(right):
    right()


def test_counts_that_are_no_share_are_compared_as_none(measure, keep, store):
    """1000 attendances are no part of 400 over four hours."""
    keep(("RC9", 1000, 400))
    part = {"text": "a", "label": "a"}
    parts = {
        "numerator": Part(**part, add=["attendances_type_1"]),
        "denominator": Part(**part, add=["over_four_hours_type_1"]),
    }
    proportion = measure.model_copy(update=parts)
    check_results(proportion, store.folder, {"RC9": result("RC9", None, None)})
    with pytest.raises(StoreError, match=r"its notebook counts 1000\.0 of 400\.0, the observations None of None"):
        check_results(proportion, store.folder, {"RC9": result("RC9", 1000.0, 400.0)})
    ratio = measure.model_copy(update=parts | {"kind": "ratio"})
    check_results(ratio, store.folder, {"RC9": result("RC9", 1000.0, 400.0)})


def test_no_results_pass(measure, store):
    check_results(measure, store.folder, {})


def _exchange(contents):
    contents["RC9"], contents["RJ1"] = contents["RJ1"], contents["RC9"]


def _set(code, **values):
    return lambda contents: contents[code]["points"][0].update(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_exchange, "four_hours, RC9: its notebook holds the figures of RJ1 (four_hours)"),
        (
            lambda contents: contents["RC9"].update(measure="other"),
            "RC9: its notebook holds the figures of RC9 (other)",
        ),
        (_set("RC9", org_code="RJ1"), "RC9: its notebook holds the figures of RC9, RJ1"),
        (
            _set("RC9", numerator=400.0, denominator=500.0),  # RJ1's figures under RC9's name
            "RC9, March 2024: its notebook counts 400.0 of 500.0, the observations 600.0 of 1000.0",
        ),
        (_set("RC9", numerator=600.001), "its notebook counts 600.001 of 1000.0"),
        (_set("RC9", numerator=None), "its notebook counts None of 1000.0"),
        (
            _set("RXX", numerator=0.0, denominator=0.0),
            "RXX, March 2024: its notebook counts 0.0 of 0.0, the observations None",
        ),
        (_set("ENG", numerator=600.0), "ENG, March 2024"),
        (
            _set("RC9", period_start="2024-04-01"),
            "RC9, April 2024: its notebook counts 600.0 of 1000.0, the observations None",
        ),
    ],
)
def test_a_mix_up_is_seen(right, change, said):
    with pytest.raises(StoreError) as error:
        right(change)
    assert said in str(error.value)
    assert "Do not publish this build." in str(error.value)


def test_another_series_has_counts_of_its_own(right):
    right(_set("RC9", series="type_1", numerator=1.0))


# ---- pages

FINDINGS = ["60.0 % is within what is usual.", 'Like "its" peers & others.']
PAGE = """<p><a href="downloads/four_hours-RC9.csv">figures</a>, <a href="downloads/four_hours-RC9.ipynb">notebook</a>
<a href="downloads/four_hours-reconciliation.csv">comparison</a></p>
<svg role="img" aria-label="60.0 % is within what is usual." width="1"></svg>
<svg role="img" aria-label="60.0 % is within what is usual." width="2"></svg>
<svg role="img" aria-label='Like "its" peers &amp; others.' width="1"></svg>
<svg class="om-icon" role="img" aria-label="an icon"></svg>
"""


@pytest.fixture
def page(tmp_path):
    def check(old="", new=""):
        path = tmp_path / "four_hours.html"
        path.write_text(PAGE.replace(old, new) if old else PAGE, encoding="utf-8")
        check_page(path, name="four_hours-RC9", findings=FINDINGS)

    return check


def test_a_page_of_its_own_run_passes(page):
    page()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("60.0 % is within", "61.0 % is within", "holds what is not of its run: '61.0 % is within what is usual.'"),
        ("four_hours-RC9.csv", "four_hours-RJ1.csv", "holds what is not of its run: 'four_hours-RJ1'"),
        ("four_hours-RC9", "x", "holds what is not of its run: 'x'"),
        ("peers &amp; others.", "peers.", "holds what is not of its run: 'Like \"its\" peers.'"),
        ("""<svg role="img" aria-label='Like""", "<svg role='img' aria-label='Like", "lacks what is of its run: 'Like"),
        ("href=", "x=", "lacks what is of its run: 'four_hours-RC9'"),
    ],
)
def test_a_page_of_another_run_is_seen(page, old, new, said):
    with pytest.raises(StoreError) as error:
        page(old, new)
    assert said in str(error.value)


def test_a_page_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(StoreError, match="no such page, although its run succeeded"):
        check_page(tmp_path / "x.html", name="four_hours-RC9", findings=[])
