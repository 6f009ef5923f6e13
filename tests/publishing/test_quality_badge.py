import re
from datetime import date
from pathlib import Path

import pytest

from openmeasures.periods import Period
from openmeasures.publishing import quality_badge

ROOT = Path(__file__).parents[2]
MARCH, MARCH_END = date(2024, 3, 1), date(2024, 3, 31)
FINE = {
    "periods_expected": 48, "periods_submitted": 48, "periods_without_file": 0, "months_to_publication": 1.3,
    "totals_compared": 96, "totals_unequal": 0, "zeros_doubted": 0, "share_of_england": 1.0,
    "periods_revised": 2, "usual_revision": 0.26,
}  # fmt: skip


def part(measure, name, *, last=MARCH, reaches=MARCH_END, **found):
    made = quality_badge.parts({"quality": FINE | found}, measure, last=last, reaches=reaches)
    [one] = [each for each in made if each.name == name]
    return one.kind, one.text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("name", "found", "kind", "text"),
    [
        ("Completeness", {}, "good", "48 of 48"),
        ("Completeness", {"periods_submitted": 47}, "watch", "47 of 48"),
        ("Completeness", {"periods_submitted": 47, "periods_without_file": 1}, "watch", "47 of 48"),
        ("Completeness", {"periods_expected": 0, "periods_submitted": 0}, "open", "0 of 0"),
        ("Timeliness", {}, "good", "1.3 months"),
        ("Timeliness", {"months_to_publication": None}, "open", "no date given"),
        ("Consistency", {}, "good", "96 of 96"),
        ("Consistency", {"totals_compared": 1}, "good", "1 of 1"),
        ("Consistency", {"totals_unequal": 1}, "watch", "95 of 96"),
        ("Consistency", {"totals_unequal": None}, "open", "no total"),
        ("Consistency", {"zeros_doubted": 1}, "watch", "96 of 96, 1 zero in doubt"),
        ("Consistency", {"totals_unequal": None, "zeros_doubted": 2}, "watch", "no total, 2 zeros in doubt"),
        ("Coverage", {}, "good", "100.0 %"),
        ("Coverage", {"share_of_england": 0.95}, "good", "95.0 %"),
        ("Coverage", {"share_of_england": 0.949}, "watch", "94.9 %"),
        ("Coverage", {"share_of_england": 0.0}, "watch", "none"),
        ("Coverage", {"share_of_england": None}, "open", "not known"),
        ("Revisions", {}, "open", "±0.26 points"),
        ("Revisions", {"periods_revised": 0, "usual_revision": None}, "open", "none known"),
    ],
)
def test_each_part_has_its_words_and_kind(measure, name, found, kind, text):
    assert part(measure, name, **found) == (kind, text)


@pytest.mark.parametrize(
    ("period", "last", "fresh", "old"),
    [
        (Period.MONTH, MARCH, date(2024, 10, 31), date(2024, 11, 30)),  # 7 and 8 months after 31 March
        (Period.QUARTER, date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 31)),  # 9 and 10
        (Period.YEAR, date(2023, 4, 1), date(2025, 9, 30), date(2025, 10, 31)),  # 18 and 19
        (Period.ROLLING_YEAR, date(2023, 4, 1), date(2024, 10, 31), date(2024, 11, 30)),
    ],
)
def test_what_is_stale_depends_on_the_data_alone(period, last, fresh, old):
    assert quality_badge.stale(last, period, reaches=fresh) == ""
    assert quality_badge.stale(last, period, reaches=old).endswith(" months older than the newest figures here")


def test_a_series_without_any_figure_is_not_called_stale():
    assert quality_badge.stale(None, Period.MONTH, reaches=date(2030, 1, 31)) == ""


def test_a_stale_figure_is_to_be_watched(measure):
    assert part(measure, "Timeliness", reaches=date(2024, 11, 30)) == (
        "watch",
        "8 months older than the newest figures here",
    )


def test_every_part_leads_to_a_heading_of_the_method_page(measure):
    text = (ROOT / "site" / "methods" / "data-quality.qmd").read_text(encoding="utf-8")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    made = quality_badge.parts({"quality": FINE}, measure, last=MARCH, reaches=MARCH_END)
    assert {one.anchor for one in made} <= headings
    assert {one.sign for one in made} <= {"✓", "!", "–"}
