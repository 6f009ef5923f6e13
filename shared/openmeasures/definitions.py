"""What a measure is, as data: `measure.yml`, read and checked.

The folder's name is the measure's id and stands nowhere else. Unknown keys are errors, so a misspelt one is not
quietly ignored. `analyses/README.md` documents the same fields for people who write them.

| function | gives |
|---|---|
| `load` | one measure, from its folder |
| `load_all` | every measure under `analyses/` |
| `find` | one measure by id, with the near miss when there is none |
| `read_yaml`, `faults` | what `corrections` needs as well: a YAML file, and what is wrong with one in words |
"""

from collections.abc import Sequence
from datetime import date
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from openmeasures import project
from openmeasures.errors import DefinitionError, ParameterError, near_miss
from openmeasures.periods import Period

if TYPE_CHECKING or not yaml.__with_libyaml__:  # pragma: no cover - as with a PyYAML that has no C
    from yaml import SafeLoader
else:
    from yaml import CSafeLoader as SafeLoader  # the same in C; a build reads each definition hundreds of times

Improvement = Literal["increase", "decrease", "neutral"]
Kind = Literal["proportion", "rate", "mean", "ratio", "percentile"]
# How a merged organisation's figures from before the merger are shown: its own alone, its own with those of its
# predecessors beside them, or all added up.
SuccessionView = Literal["alone", "predecessors", "restated"]
Unit = Literal[
    "percent", "per 1,000", "per 100,000", "minutes", "weeks", "days", "waits", "operations", "ratio", "points"
]

# What turns numerator / denominator into the unit; units without an entry are used as they are.
SCALES: dict[str, float] = {
    "percent": 100.0,
    "per 1,000": 1000.0,
    "per 100,000": 100_000.0,
    "minutes": 1 / 60,  # times come in seconds
}
# Values outside these cannot happen, so no limit is drawn there.
NATURAL_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "percent": (0.0, 100.0),
    "points": (None, None),  # of a score, whose change may go either way
}
ANY_LOWER_BOUND = (0.0, None)  # every other unit here counts something, so it cannot be negative


EQUAL = 1e-12  # the share by which equal numbers may differ; `methods.assurance`, which builds on this, has the same
MINUS = "\u2212"  # a hyphen may end a line, and is too short to be seen
PART = "{part}"  # in the words for a peer group, where the name of what its organisations share stands
MOST_DECIMALS = 3  # that a value gets so as not to read as what it is only near to


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse_reversed(date_from: date | None, date_to: date | None) -> None:
    """Raise `ValueError`, which pydantic turns into a fault, for a span that ends before it starts."""
    if date_from and date_to and date_to < date_from:
        raise ValueError(f"'to' ({date_to}) is before 'from' ({date_from})")


class Part(_Strict):
    """A numerator or denominator: what it is in words and in brief, and the published metrics that make it up.

    A numerator that is not published itself, but as a percentage of the denominator, has `percentage` instead.
    """

    text: str
    label: str  # for a column or an axis: one to four words that follow a number
    add: list[str] = Field(default=[], min_length=1)  # the default is for a part that has `percentage`
    subtract: list[str] = []
    percentage: str | None = None

    @property
    def metrics(self) -> list[str]:
        """Every metric that the part needs, the added ones first."""
        return [*self.add, *self.subtract] + ([self.percentage] if self.percentage else [])

    @model_validator(mode="after")
    def _is_added_up_or_a_percentage(self) -> Self:
        if bool(self.percentage) == bool(self.add) or (self.percentage and self.subtract):
            raise ValueError("expected 'add', with or without 'subtract', or else 'percentage' alone")
        return self

    @property
    def heading(self) -> str:
        """What the part counts, as the head of a column: its label with a capital."""
        return self.label[:1].upper() + self.label[1:]


class Standard(_Strict):
    """A value to be met, with the dates in which it was in force and where it is set down.

    One without an end holds for every month. One with an end is a milestone, to be met in its last month, or by its
    months together where `judged` says so; every month before is on the way there, and neither meets nor misses it.
    """

    name: str
    value: float
    date_from: date = Field(alias="from")
    date_to: date | None = Field(default=None, alias="to")
    url: HttpUrl
    title: str
    verified: bool  # False: not confirmed by us in the original
    judged: Literal["each_month", "last_month", "together"] | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        refuse_reversed(self.date_from, self.date_to)
        return self

    @model_validator(mode="after")
    def _ends_if_it_is_judged_then(self) -> Self:
        if self.judged in ("last_month", "together") and self.date_to is None:
            raise ValueError(
                f"judged is {self.judged!r} but there is no `to`; give its last day, or leave `judged` out"
            )
        return self

    @property
    def is_monthly(self) -> bool:
        """Whether each month meets or misses it; a milestone is not for each month."""
        return self.judged == "each_month" or (self.judged is None and self.date_to is None)

    @property
    def due_month(self) -> date | None:
        """The first day of the one month that meets or misses a milestone; None of any other standard."""
        if self.is_monthly or self.judged == "together" or self.date_to is None:
            return None
        return self.date_to.replace(day=1)

    def in_force(self, day: date) -> bool:
        """Whether the standard applies on `day`; both ends are included."""
        return self.date_from <= day and (self.date_to is None or day <= self.date_to)


class Series(_Strict):
    """A second way to look at the same measure: another count, such as one type of department, or another statistic.

    It has a numerator and a denominator, or `metric`, a statistic that is published as it is (a centile, which cannot
    be added up), or neither where the notebook works it out; `share` is then the one of the list that has waited no
    longer, of a percentile from bands of weeks. What it does not say it shares with its measure, but for
    `standards`, which are set for a measure and not for its parts.
    """

    id: str
    title: str
    numerator: Part | None = None
    denominator: Part | None = None
    metric: str | None = None
    squares: str | None = None
    share: float | None = Field(default=None, gt=0, lt=1)
    kind: Kind | None = None
    unit: Unit | None = None
    decimals: int | None = Field(default=None, ge=0, le=3)
    improvement: Improvement | None = None
    standards: list[Standard] = []

    @property
    def metrics(self) -> list[str]:
        """Every published metric that the series needs."""
        parts = [part for part in (self.numerator, self.denominator) if part]
        single = [metric for metric in (self.metric, self.squares) if metric]
        return [metric for part in parts for metric in part.metrics] + single

    @model_validator(mode="after")
    def _has_both_counts_or_none(self) -> Self:
        if (self.numerator is None) != (self.denominator is None):
            raise ValueError("a series has both 'numerator' and 'denominator', or neither")
        return self


class Breakdown(_Strict):
    """A way in which the publication divides the measure, such as by test; `id` is that of the observations."""

    id: str
    title: str


class Difference(_Strict):
    """Months in which our figure and the published one differ, and why."""

    reason: str
    date_from: date = Field(alias="from")
    date_to: date = Field(alias="to")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        refuse_reversed(self.date_from, self.date_to)
        return self


class Published(_Strict):
    """England's figure as it is published, for `openmeasures reconcile`.

    That of the total row of `source`, by default the measure's own; or `metric` of `source`, times `scale`. `decimals`
    are those to which it is rounded; None where it is exact. `series` is the one compared, by default the measure
    itself. With `each_organisation` it is that of every organisation instead of England's, and with `breakdown` and
    `category` that of one part, such as a sector, on both sides.
    """

    title: str
    url: HttpUrl
    series: str | None = None
    source: str | None = None
    metric: str | None = None
    scale: float = 1.0
    decimals: int | None = None
    each_organisation: bool = False
    breakdown: str = ""
    category: str = ""
    differences: list[Difference] = []

    @model_validator(mode="after")
    def _names_the_source_of_its_metric(self) -> Self:
        if self.metric and not self.source:
            raise ValueError("'metric' needs 'source'; without both it is the total row of the same source")
        if self.each_organisation and not self.metric:
            raise ValueError("'each_organisation' needs 'metric', the figure that is published for each")
        return self

    @model_validator(mode="after")
    def _names_a_part_whole(self) -> Self:
        if bool(self.breakdown) != bool(self.category) or (self.breakdown and self.metric):
            raise ValueError("'breakdown' and 'category' need each other, and go without 'metric'")
        return self


class Disclosure(_Strict):
    """How the publication keeps people from being recognised: what its rounded and suppressed figures can stand for.

    It concerns organisations; England's counts are exact, and its percentages have `england_percentage_decimals`.
    """

    rounded_to: int = Field(ge=1)  # the nearest multiple of it
    parts: int = Field(default=1, ge=1)  # published figures, each rounded, of which one of an organisation's is the sum
    suppressed_below: int = Field(ge=0)  # the least count above 0 that is shown
    zero_suppressed: bool  # whether 0 is suppressed with the counts below that
    percentage_decimals: int = Field(default=0, ge=0, le=3)
    england_percentage_decimals: int = Field(default=0, ge=0, le=3)
    value_rounding: float = Field(default=0, ge=0)  # by how much a value may be off, England's too; in its own unit


class Peers(_Strict):
    """Whom an organisation is compared with: those that, like it, have any of a metric, or have none.

    With `breakdown`, an organisation that has any is compared with those in the same part of that breakdown, for
    example of the same type; `having` then says `{part}` where its name stands, and `everyone` whom England is set
    against.
    """

    metric: str
    having: str
    lacking: str
    breakdown: str | None = None
    everyone: str | None = None
    having_series: str | None = None  # the series in which those that have it are compared, by default the measure

    @model_validator(mode="after")
    def _says_all_that_a_breakdown_needs(self) -> Self:
        if len({self.breakdown is None, self.everyone is None, PART not in self.having}) > 1:
            raise ValueError(f"'breakdown', 'everyone' and {PART!r} in 'having' need each other; give all or none")
        return self


class Caveat(_Strict):
    """A warning that stands beside the figures it concerns; `url` is where its facts are set down."""

    text: str
    url: HttpUrl | None = None
    date_from: date | None = Field(default=None, alias="from")
    date_to: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        refuse_reversed(self.date_from, self.date_to)
        return self


class Change(_Strict):
    """What changed in the definition or its source, and what that did to the series."""

    date: date
    what: str
    effect_on_history: str


class Reference(_Strict):
    """A document that the definition rests on."""

    title: str
    url: HttpUrl
    verified: bool  # False: not confirmed by us in the original


class Measure(_Strict):
    """One measure's definition: everything that a page may quote about it."""

    id: str
    folder: Path
    title: str
    short_title: str
    question: str
    why_it_matters: str
    domain: str
    source: str
    kind: Kind
    numerator: Part
    denominator: Part
    squares: str | None = None  # of single values, summed: the metric that gives a mean its standard error
    unit: Unit
    improvement: Improvement
    period: Period = Period.MONTH
    decimals: int = Field(default=1, ge=0, le=3)
    rule_set: str = "making-data-count"  # of reference/rulesets.yml
    standards: list[Standard] = []
    series: list[Series] = []
    breakdowns: list[Breakdown] = []
    published: list[Published] = []
    disclosure: Disclosure | None = None
    peers: Peers
    successions: SuccessionView = "alone"
    levels: list[Literal["provider", "system", "region", "england"]]
    caveats: list[Caveat] = []
    method_notes: list[str] = []
    references: list[Reference] = Field(min_length=1)
    author: str
    checked_by: str
    reviewed: date
    next_review: date
    status: Literal["draft", "checked", "retired"]
    changes: list[Change] = []

    @model_validator(mode="after")
    def _knows_how_published_percentages_are_rounded(self) -> Self:
        parts = [self.numerator, *(series.numerator for series in self.series if series.numerator)]
        if any(part.percentage for part in parts) and self.disclosure is None:
            raise ValueError("a numerator with 'percentage' needs 'disclosure', which says how it is rounded")
        return self

    @model_validator(mode="after")
    def _restates_only_what_adds_up(self) -> Self:
        reason = "are rounded or suppressed" if self.disclosure else "overlap" if self.period.overlaps else ""
        if self.successions == "restated" and reason:
            raise ValueError(f"'successions' is 'restated', but figures {reason}: adding them up gives no figure")
        return self

    @field_validator("denominator")
    @classmethod
    def _is_no_percentage(cls, denominator: Part) -> Part:
        if denominator.percentage:
            raise ValueError("'percentage' is for a numerator: it is one of the denominator")
        return denominator

    @field_validator("peers")
    @classmethod
    def _compared_in_a_series_that_exists(cls, peers: Peers, info: ValidationInfo) -> Peers:
        series: list[Series] | None = info.data.get("series")  # None where they are at fault themselves
        if series is not None and peers.having_series not in (None, *(each.id for each in series)):
            ids = ", ".join(each.id for each in series) or "none"
            raise ValueError(f"'having_series' is {peers.having_series!r}, expected one of 'series' ({ids})")
        return peers

    @property
    def metrics(self) -> list[str]:
        """Every published metric that the measure, its series and its peer groups need."""
        own = {*self.numerator.metrics, *self.denominator.metrics, self.peers.metric}
        own |= {self.squares} if self.squares else set()
        return sorted(own.union(*(series.metrics for series in self.series)))

    def of(self, series_id: str) -> "Measure":
        """Return one of the series as a measure of its own: what it says of itself, and the rest as here.

        Raises `ParameterError` for an id that is not among `series`.
        """
        ids = [series.id for series in self.series]
        if series_id not in ids:
            raise ParameterError(
                f"series {series_id!r}: not one of {self.id}'s ({', '.join(ids) or 'none'}).{near_miss(series_id, ids)}"
            )
        series = self.series[ids.index(series_id)]
        said = {name: getattr(series, name) for name in ("numerator", "denominator", "kind", "unit", "improvement")}
        said |= {"decimals": series.decimals, "squares": series.squares}
        short_title = series.title if series.kind else self.short_title
        return self.model_copy(
            update={name: value for name, value in said.items() if value is not None}
            | {"standards": series.standards, "short_title": short_title}
        )

    def breakdown(self, breakdown_id: str) -> Breakdown:
        """Return one of the ways in which the measure is divided; `ParameterError` for an id that is not there."""
        ids = [each.id for each in self.breakdowns]
        if breakdown_id not in ids:
            raise ParameterError(
                f"breakdown {breakdown_id!r}: not one of {self.id}'s ({', '.join(ids) or 'none'})."
                f"{near_miss(breakdown_id, ids)}"
            )
        return self.breakdowns[ids.index(breakdown_id)]

    @property
    def scale(self) -> float:
        """What numerator / denominator is multiplied by to be in the measure's unit."""
        return SCALES.get(self.unit, 1.0)

    @property
    def natural_bounds(self) -> tuple[float | None, float | None]:
        """The least and greatest value that can happen, in the measure's unit; None where there is no bound.

        A ratio in per cent, such as the occupancy of places, can be above 100.
        """
        return ANY_LOWER_BOUND if self.kind == "ratio" else NATURAL_BOUNDS.get(self.unit, ANY_LOWER_BOUND)

    @property
    def standard_word(self) -> str:
        """What charts call a standard: of a neutral measure, which none can meet or miss, an ambition."""
        return "Ambition" if self.improvement == "neutral" else "Standard"

    def standards_on(self, day: date) -> list[Standard]:
        """Return the standards in force on `day`, the one that began last first; charts draw that one."""
        in_force = [standard for standard in self.standards if standard.in_force(day)]
        return sorted(in_force, key=lambda standard: standard.date_from, reverse=True)

    def meets(self, value: float, standard: float) -> bool:
        """Whether a value meets a standard; one equal to it does. Of a neutral measure none does."""
        return self.improvement != "neutral" and (
            value >= standard if self.improvement == "increase" else value <= standard
        )

    def due(self, standard: Standard) -> date | None:
        """Return the first day of the one period that meets or misses a milestone; None of any other standard."""
        return None if standard.due_month is None else self.period.ending(standard.due_month)

    def lasting_standard_on(self, day: date) -> Standard | None:
        """Return the standard in force on `day` that holds for every month; milestones are England's alone."""
        return next((standard for standard in self.standards_on(day) if standard.is_monthly), None)

    def written(self, value: float | None, *, decimals: int | None = None) -> str:
        """Return a value with its unit as a reader writes it, a ratio without any; `no figure` for null.

        Percentages carry a no-break space before the sign, so that a line never ends between the two.
        """
        if value is None:
            return "no figure"
        number = f"{value:z,.{self.decimals if decimals is None else decimals}f}".replace("-", MINUS)
        if self.unit == "ratio":
            return number
        return f"{number}\u00a0%" if self.unit == "percent" else f"{number} {self.unit}"

    def decimals_apart(self, value: float, lines: Sequence[float]) -> int:
        """Return how many decimals it takes that a value is written as equal to a line only if it is.

        As many as the measure has, unless more are needed; `MOST_DECIMALS` where even they do not suffice.
        """
        for decimals in range(self.decimals, MOST_DECIMALS):
            written = self.written(value, decimals=decimals)
            # Equal as `spc.xmr` takes it: a constant series differs from its mean by the last bit alone.
            if all(
                (written == self.written(line, decimals=decimals)) == isclose(value, line, rel_tol=EQUAL)
                for line in lines
            ):
                return decimals
        return max(self.decimals, MOST_DECIMALS)

    def written_on(self, value: float | None, day: date) -> str:
        """Return a value of `day` as `written`, with more decimals where it would read as a standard that it is not.

        64.98 % misses 65 %, so it is not written as 65.0 %.
        """
        if value is None:
            return self.written(value)
        standards = [standard.value for standard in self.standards_on(day)]
        return self.written(value, decimals=self.decimals_apart(value, standards))

    def written_as_set(self, value: float) -> str:
        """Return a value that somebody set, with its unit and the decimals that it has: `95 %`, but `99.5 %`."""
        return self.written(value, decimals=len(f"{value:.4f}".rstrip("0").partition(".")[2]))

    def caveats_for(self, first: date, last: date) -> list[Caveat]:
        """Return the caveats that concern any day from `first` to `last`."""
        return [c for c in self.caveats if (c.date_from or first) <= last and (c.date_to or last) >= first]


def load(folder: Path | None = None) -> Measure:
    """Read `measure.yml` in `folder`, by default the working directory, as notebooks do.

    Raises `DefinitionError` for a missing or malformed file, an unknown key, or a value that does not fit; the
    message names the file and every field at fault.
    """
    folder = (folder or Path.cwd()).resolve()
    path = folder / "measure.yml"
    if not path.is_file():
        raise DefinitionError(f"{path}: no such file (every folder in analyses/ holds one). See analyses/README.md.")
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise DefinitionError(f"{path}: found {type(content).__name__}, expected fields and values.")
    for derived in ("id", "folder"):
        if derived in content:
            raise DefinitionError(f"{path}: {derived!r} is not a field: the folder's name is the measure's id.")
    try:
        return Measure.model_validate({**content, "id": folder.name, "folder": folder})
    except ValidationError as error:
        raise DefinitionError(f"{path}: {faults(error, Measure)} See analyses/README.md for the fields.") from error


class _DatesAsText(SafeLoader):
    """Leaves dates to the field they stand in, so that one that does not exist is refused with the field's name."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class's own attribute
        sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for sign, resolvers in SafeLoader.yaml_implicit_resolvers.items()
    }


def read_yaml(path: Path) -> object:
    """Return what a YAML file holds, dates as text; `DefinitionError` for anything else."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_DatesAsText)
    except yaml.YAMLError as error:
        raise DefinitionError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8.") from error


def faults(error: ValidationError, model: type[BaseModel]) -> str:
    """Say which fields are wrong, what was found and what was expected, in one line."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    said = []
    for fault in error.errors():
        place = ".".join(str(step) for step in fault["loc"]) or "the whole"
        match fault["type"]:
            case "extra_forbidden":
                said.append(f"unknown key {place!r}.{near_miss(str(fault['loc'][-1]), known)}")
            case "missing":
                said.append(f"{place!r} is missing.")
            case _:
                said.append(f"{place!r} is {fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}.")
    return " ".join(said)


def load_all(analyses: Path | None = None) -> list[Measure]:
    """Read every measure under `analyses`, in the order of their ids."""
    analyses = analyses or project.root() / "analyses"
    return [load(path.parent) for path in sorted(analyses.glob("*/measure.yml"))]


def find(measure_id: str, analyses: Path | None = None) -> Measure:
    """Return the measure with this id; `ParameterError`, with the near miss, where there is none."""
    analyses = analyses or project.root() / "analyses"
    ids = [path.parent.name for path in sorted(analyses.glob("*/measure.yml"))]
    if measure_id not in ids:
        raise ParameterError(
            f"measure {measure_id!r}: no such folder in {analyses.name}/.{near_miss(measure_id, ids)} "
            f"Known measures: {', '.join(ids) or 'none'}."
        )
    return load(analyses / measure_id)
