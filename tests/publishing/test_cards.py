"""Cards in the order of their domains; `test_pages.py` has them on their pages."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openmeasures.publishing import cards, summary
from openmeasures.publishing.runs import Failure, Run


@pytest.fixture
def run(measure, monkeypatch):
    monkeypatch.setattr(summary, "summarise", lambda *_, **__: "a summary")

    def make(domain="Cancer", title="Waits", *, values=(60.0,), **changed):
        of_it = measure.model_copy(update={"id": title.lower(), "domain": domain, "title": title})
        points = [
            {"series": name, "period_start": f"2024-0{month}-01", "value": value, "segment": 0, "mean": None,
             "lower_process_limit": None, "upper_process_limit": None, "variation": None, "assurance": None}
            for name in ("all", "type_1")
            for month, value in enumerate(values, start=1)
        ]  # fmt: skip
        content = {
            "points": points, "period_to": f"2024-0{len(values) or 1}-01", "suits_limits": True,
            "findings": {"variation": "Like before."},
        }  # fmt: skip
        ended = datetime(2024, 5, 9, tzinfo=UTC)
        return Run(of_it, "RC9", Path("n.ipynb"), date(2024, 1, 1), None, ended, date(2024, 1, 31), content, **changed)

    return make


def test_cards_stand_by_domain_and_title_whatever_the_order_of_runs(run):
    found = cards.by_domain([run("Urgent"), run("Cancer", "B"), run("Cancer", "A")], "{}.html")
    assert [(domain, [card.address for card in of_it]) for domain, of_it in found.items()] == [
        ("Cancer", ["a.html", "b.html"]),
        ("Urgent", ["waits.html"]),
    ]


def test_a_card_shows_the_measure_itself_and_not_its_series(run):
    [card] = cards.by_domain([run(values=(60.0, 61.0))], "{}.html")["Cancer"]
    assert card.figures.finding == "Like before."
    assert card.figures.sparkline.count("h.1") == 2
    assert card.figures.reaches == "January 2024 to February 2024"
    assert card.figures.since.text == "The same signs as in January 2024."


def test_without_points_there_is_no_sparkline(run):
    [card] = cards.by_domain([run(values=())], "{}.html")["Cancer"]
    assert (card.figures.sparkline, card.figures.reaches) == ("", "")


def test_a_run_that_failed_has_no_figures(run):
    failure = Failure("broken", datetime(2024, 5, 9, tzinfo=UTC))
    [alone] = cards.by_domain([run(failure=failure)], "{}.html")["Cancer"]
    assert (alone.figures, alone.failed_since, alone.has_last_good) == (None, "9 May 2024", False)
    [card] = cards.by_domain([run(failure=failure, last_good=run())], "{}.html")["Cancer"]
    assert card.has_last_good
