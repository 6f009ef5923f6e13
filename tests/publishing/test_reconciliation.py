"""The page that sets our figures beside the published ones, read as its Markdown."""

from datetime import date

import polars as pl
import pytest

from openmeasures.definitions import Series
from openmeasures.publishing import origins, reconciliation
from openmeasures.publishing.writer import Pages
from openmeasures.reviewing.reconcile import COLUMNS

JANUARY, FEBRUARY, MARCH = (date(2024, month, 1) for month in (1, 2, 3))


def compared(*rows, series="", title="Total row", org_code="ENG"):
    """Make a comparison of month, ours, theirs and the reason, with the verdict that follows."""
    full = []
    for month, ours, theirs, reason in rows:
        verdict = "agrees" if ours == theirs else "explained" if reason else "unexplained"
        if theirs is None:
            verdict = "unpublished"
        difference = None if theirs is None else ours - theirs
        full.append(("four_hours", series, title, org_code, month, ours, theirs, difference, verdict, reason))
    return pl.DataFrame(full, schema=COLUMNS, orient="row")


@pytest.fixture
def page(measure, tmp_path):
    """Write the page of one measure; return its lines and the table beside it."""

    def written(found, *, synthetic=False, has_england=True, **changes):
        changed = measure.model_copy(update=changes)
        of_england = ["measures/four_hours/index.qmd"] if has_england else []
        pages = Pages(tmp_path / "stage", written=list(of_england))
        reconciliation.write(pages, {measure.id: found}, [changed], origins.of([], synthetic=synthetic))
        csv = "measures/four_hours/downloads/four_hours-reconciliation.csv"
        assert pages.written == [*of_england, csv, "reconciliation.qmd"]
        text = (tmp_path / "stage" / "reconciliation.qmd").read_text(encoding="utf-8")
        return text.replace("\u00a0", " "), pl.read_csv(tmp_path / "stage" / csv)

    return written


def entries(text):
    return [line for line in text.splitlines() if line.startswith("- **")]


def test_months_that_agree_are_counted_and_every_one_is_to_be_had(page):
    text, table = page(compared((FEBRUARY, 60.0, 60.0, ""), (MARCH, 61.0, 61.0, "")))
    row = "| [A&E within four hours](measures/four_hours/index.qmd) |"
    assert f"{row} 2 | 0 | 0 | 0 | February 2024 to March 2024 | Total row |" in text
    assert entries(text) == []
    assert table.select("period_start", "difference").rows() == [("2024-02-01", 0.0), ("2024-03-01", 0.0)]


def test_differences_stand_by_their_reason_with_their_months_and_their_range(page):
    found = compared(
        (JANUARY, 60.0, 60.25, "Revised since."),
        (FEBRUARY, 60.0, 59.5, "Revised since."),
        (MARCH, 61.0, 60.0, ""),
    )
    text, _ = page(found)
    assert "| 0 | 2 | 1 | 0 | January 2024 to March 2024 |" in text
    assert "## A&E within four hours: Total row" in text
    assert entries(text) == [
        "- **January 2024 to February 2024** (2 months), ours − published: −0.250 points to +0.500 points. "
        "Revised since.",
        "- **March 2024** (1 month), ours − published: +1.000 points. Not known. Please tell us if you know it.",
    ]
    assert 'href="measures/four_hours/downloads/four_hours-reconciliation.csv"' in text


def test_each_figure_has_its_own_differences(page):
    found = pl.concat([compared((MARCH, 1.0, 1.0, "")), compared((MARCH, 2.0, 4.0, "Counted later."), title="Annual")])
    text, _ = page(found)
    assert "## A&E within four hours: Annual" in text
    assert "## A&E within four hours: Total row" not in text
    assert entries(text) == ["- **March 2024** (1 month), ours − published: −2.000 points. Counted later."]


def test_a_series_has_its_own_title_and_any_other_unit_is_no_point(page):
    found = compared((MARCH, 12.0, 10.5, "Rounded."), series="type_1")
    text, _ = page(found, series=[Series(id="type_1", title="Type 1")], unit="minutes")
    assert "[A&E within four hours, type 1](measures/four_hours/index.qmd)" in text
    assert entries(text) == ["- **March 2024** (1 month), ours − published: +1.500 minutes. Rounded."]


def test_months_without_a_published_figure_are_counted_and_no_difference(page):
    text, table = page(compared((FEBRUARY, 60.0, 60.0, ""), (MARCH, 61.0, None, "")))
    assert "| 1 | 0 | 0 | 1 | February 2024 |" in text
    assert entries(text) == []
    assert table["published"].to_list() == [60.0, None]


@pytest.mark.parametrize(("synthetic", "is_said"), [(True, True), (False, False)])
def test_made_up_figures_are_said_to_be(page, synthetic, is_said):
    text, _ = page(compared((MARCH, 1.0, 1.0, "")), synthetic=synthetic)
    assert ("ynthetic data" in text) == is_said


def test_a_measure_without_england_s_page_has_no_link_to_it(page):
    text, _ = page(compared((MARCH, 61.0, 61.0, "")), has_england=False)
    assert "| A&E within four hours | 1 | 0 |" in text
    assert "measures/four_hours/index.qmd" not in text


def test_a_measure_without_a_comparison_has_no_row(page):
    text, table = page(compared())
    assert "measures/four_hours/index.qmd" not in text
    assert table.is_empty()


def test_figures_of_each_organisation_are_counted_one_by_one(page):
    found = pl.concat([compared((MARCH, 1.0, theirs, "Cut."), org_code=code) for code, theirs in (("A", 1), ("B", 2))])
    found = found.vstack(compared((JANUARY, 3.0, 1.0, "Cut."), org_code="B"))
    text, _ = page(found)
    assert "| 1 | 2 | 0 | 0 | January 2024 to March 2024 |" in text
    assert entries(text) == [
        "- **January 2024 to March 2024** (2 figures), ours − published: −1.000 points to +2.000 points. Cut."
    ]
