"""Cards: the latest figure of each measure of one organisation, or of England, side by side and by domain.

| name | what |
|---|---|
| `Card` | what one of them shows |
| `by_domain` | those of an organisation's runs, under the domain of their measure |
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from openmeasures import results
from openmeasures.definitions import Measure
from openmeasures.periods import day_label
from openmeasures.publishing import sparkline, summary
from openmeasures.publishing.runs import Run
from openmeasures.publishing.since import Since, since
from openmeasures.publishing.summary import Summary


@dataclass(frozen=True)
class Figures:
    """What a card shows of a run that succeeded; `reaches` is the first and the last period of its sparkline."""

    summary: Summary
    finding: str
    sparkline: str
    reaches: str
    since: Since


@dataclass(frozen=True)
class Card:
    """One measure's card; without figures where its run failed, since when, and whether older figures are left."""

    measure: Measure
    address: str
    figures: Figures | None
    failed_since: str = ""
    has_last_good: bool = False


def by_domain(runs: list[Run], address: str) -> dict[str, list[Card]]:
    """Return a card for each run, by the domain of its measure, both in the order of names.

    `address` takes the id of the measure in place of `{}`.
    """
    found: dict[str, list[Card]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run.measure.domain, run.measure.title)):
        found[run.measure.domain].append(_card(run, address.format(run.measure.id)))
    return dict(found)


def _card(run: Run, address: str) -> Card:
    if run.failure:
        return Card(run.measure, address, None, day_label(run.failure.since), has_last_good=bool(run.last_good))
    return Card(run.measure, address, _figures(run))


def _figures(run: Run) -> Figures:
    content, measure = run.content, run.measure
    points = [point for point in content["points"] if point["series"] == results.ALL]
    days = [date.fromisoformat(point["period_start"]) for point in points]
    return Figures(
        summary=summary.summarise(content, measure, run.release, reaches=run.reaches),
        finding=content["findings"]["variation"],
        sparkline=sparkline.draw(
            points, kind=summary.variation(content, measure.period).kind, period=measure.period
        ),
        reaches=measure.period.span(days[0], days[-1]) if days else "",
        since=since(content, measure),
    )  # fmt: skip
