"""The badge of data quality beside a figure: five parts, each computed, each with its word and its sign.

| function | gives |
|---|---|
| `parts` | completeness, timeliness, consistency, coverage and revisions of one run |
| `stale` | that the last figure is old beside what else there is, in words |

Nothing depends on the day of the build: what is old is so beside the newest figures of all publications in the store.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from openmeasures import revisions, words
from openmeasures.definitions import Measure
from openmeasures.periods import Period, months

GOOD, WATCH, OPEN = "good", "watch", "open"
SIGNS = {GOOD: "✓", WATCH: "!", OPEN: "–"}  # so that nothing rests on colour
# Our own choices: most of England, and the half-year after which a further period is mostly published.
LEAST_COVERAGE = 0.95
MONTHS_TO_STALE = 6


@dataclass(frozen=True)
class QualityPart:
    """One part: its name, which is also the heading of its method, what was found, and of which kind that is."""

    name: str
    text: str
    kind: str

    @property
    def anchor(self) -> str:
        """The place in `site/methods/data-quality.qmd` that says how it is computed."""
        return self.name.lower()

    @property
    def sign(self) -> str:
        """The kind, without colour."""
        return SIGNS[self.kind]


def parts(content: dict[str, Any], measure: Measure, *, last: date | None, reaches: date) -> list[QualityPart]:
    """Return the parts for a run's result; `last` begins its last period with a figure, `reaches` ends the data."""
    found = content["quality"]
    return [
        _completeness(found),
        _timeliness(found, measure, last=last, reaches=reaches),
        _consistency(found),
        _coverage(found),
        _revisions(found, measure),
    ]


def _completeness(found: dict[str, Any]) -> QualityPart:
    expected, submitted = found["periods_expected"], found["periods_submitted"]
    return QualityPart(
        "Completeness", f"{submitted} of {expected}", OPEN if not expected else GOOD if submitted == expected else WATCH
    )


def _timeliness(found: dict[str, Any], measure: Measure, *, last: date | None, reaches: date) -> QualityPart:
    if said := stale(last, measure.period, reaches=reaches):
        return QualityPart("Timeliness", said, WATCH)
    later = found["months_to_publication"]
    if later is None:
        return QualityPart("Timeliness", "no date given", OPEN)
    return QualityPart("Timeliness", f"{later:.1f} months", GOOD)


def stale(last: date | None, period: Period, *, reaches: date) -> str:
    """Say that the last figure is stale, and beside what; nothing where it is not, or where there is none.

    It is stale where the data of all publications go on for more than half a year, and one further period, after it.
    """
    if last is None:
        return ""
    end = period.end(last)
    behind = len(months(end.replace(day=1), reaches.replace(day=1))) - 1
    if behind <= MONTHS_TO_STALE + period.step:
        return ""
    return f"{words.plural(behind, 'month')} older than the newest figures here"


def _consistency(found: dict[str, Any]) -> QualityPart:
    unequal, compared, doubted = found["totals_unequal"], found["totals_compared"], found["zeros_doubted"]
    said = "no total" if unequal is None else f"{compared - unequal} of {compared}"
    if doubted:
        return QualityPart("Consistency", f"{said}, {words.plural(doubted, 'zero')} in doubt", WATCH)
    return QualityPart("Consistency", said, OPEN if unequal is None else WATCH if unequal else GOOD)


def _coverage(found: dict[str, Any]) -> QualityPart:
    share = found["share_of_england"]
    if share is None:
        return QualityPart("Coverage", "not known", OPEN)
    if share == 0:
        return QualityPart("Coverage", "none", WATCH)
    return QualityPart("Coverage", f"{100 * share:.1f}\u00a0%", GOOD if share >= LEAST_COVERAGE else WATCH)


def _revisions(found: dict[str, Any], measure: Measure) -> QualityPart:
    size = found["usual_revision"]
    if size is None:
        return QualityPart("Revisions", "none known", OPEN)
    moved = revisions.written_change(size, measure).removeprefix("+").replace("percentage points", "points")
    return QualityPart("Revisions", f"±{moved}", OPEN)
