"""A run's parameters: which organisation, up to which period, from which data; typed and checked before anything runs.

A filter on an unknown organisation is an empty chart; so it is refused here, by the notebook itself and by
`openmeasures run` before it starts. A parameter that a notebook does not have never gets here: see `running.engine`.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import polars as pl

from openmeasures import project, register, successions
from openmeasures.counts import AREA, MERGER, SUCCESSOR
from openmeasures.definitions import Measure
from openmeasures.errors import DefinitionError, ParameterError, near_miss
from openmeasures.organisations import ENGLAND, ENGLAND_NAME, SYNTHETIC_ENGLAND_NAME, directory
from openmeasures.periods import Period, day_label
from openmeasures.releases import Release
from openmeasures.store import Store
from openmeasures.successions import Link

NAMES = ("org_code", "period_to", "data")  # what the cell tagged `parameters` of every notebook sets


@dataclass(frozen=True)
class Parameters:
    """Checked parameters, and what follows from them."""

    measure: Measure
    store: Store
    org_code: str
    period_to: date
    organisations: pl.DataFrame  # org_code, org_name, region_name, org_type, system_name; England first
    series_id: str = ""  # of the series that `measure` stands for; empty for the measure itself
    level: str = ""  # of `register.Level` where the run is of an area, as are all of `organisations` then
    members: tuple[tuple[str, str], ...] = ()  # each organisation of the source with the code of its area
    reporting: frozenset[str] = frozenset()  # the organisations of the source that have a row in `period_to`
    links: tuple[Link, ...] = ()  # the organisation's mergers and splits that the data span, up to `period_to`

    @property
    def org_name(self) -> str:
        """The organisation's name as people write it."""
        return self.name_of(self.org_code)

    @property
    def kind(self) -> str:
        """The organisation's type and where it belongs, as far as that is known, as words after its name."""
        known = self.organisations.filter(pl.col("org_code") == self.org_code).row(0, named=True)
        if self.level:
            number = len(self.reporting.intersection(self.counted))
            return f"{self.level} of {number} organisation{'' if number == 1 else 's'} in these figures, added up"
        parts = (known.get("org_type"), known.get("system_name"), known.get("region_name"))
        return ", ".join(part for part in parts if part and part != register.UNKNOWN)

    def name_of(self, org_code: str) -> str:
        """Return the name of any organisation of the source."""
        return str(self.organisations.filter(pl.col("org_code") == org_code)["org_name"].item())

    @property
    def counted(self) -> list[str]:
        """The organisations whose figures count as the run's own: itself, or the members of its area."""
        return [code for code, area in self.members if area == self.org_code] if self.level else [self.org_code]

    def name_known(self, org_code: str) -> str:
        """Return name and code of an organisation that the source need not have, as far as the register knows it."""
        for known in (self.organisations, register.organisations(synthetic=self.synthetic)):
            found = known.filter(pl.col("org_code") == org_code)["org_name"].drop_nulls()
            if not found.is_empty():
                return f"{found.item()} ({org_code})"
        return org_code

    def of(self, series_id: str) -> "Parameters":
        """Return the same parameters for one of the measure's series; see `Measure.of`."""
        return replace(self, measure=self.measure.of(series_id), series_id=series_id)

    @property
    def title(self) -> str:
        """What a chart of the measure, or of its series, is called."""
        titles = {series.id: series.title for series in self.measure.series}
        return titles.get(self.series_id, self.measure.short_title)

    @property
    def releases(self) -> list[Release]:
        """The releases that the figures come from, oldest period first, each once."""
        return list({release.sha256: release for release in self.release_of.values()}.values())

    @cached_property
    def synthetic(self) -> bool:
        """Whether the figures are the sample's."""
        return self.store.synthetic

    @cached_property
    def release_of(self) -> dict[date, Release]:
        """The release that the figures of each period come from, up to `period_to`."""
        newest = self.store.newest(self.measure.source)
        return {period: release for period, release in newest.items() if period <= self.period_to}

    @cached_property
    def first_release_of(self) -> dict[date, Release]:
        """The release in which the figures of each period first came out, up to `period_to`."""
        oldest = self.store.oldest(self.measure.source)
        return {period: oldest[period] for period in self.release_of}

    def observations(
        self,
        *,
        breakdown: str = "",
        counting: dict[date, Release] | None = None,
        org_codes: list[str] | None = None,
    ) -> pl.DataFrame:
        """Return the published figures of every organisation up to `period_to`; see `schemas.Observations`.

        They are those of whole metrics, or of the parts of one `breakdown`; only what the measure needs, and only of
        some `org_codes`, if given. Of each period the newest release counts, or the one that `counting` names, and then
        no other period. Raises `DefinitionError` where one covers another length of time than the measure says. Where
        figures count under another code, a column of `counts.MOVED` says so; where somebody has merged, `counts.MERGER`
        says when.
        """
        found = self.store.observations(
            self.measure.source,
            metrics=self.measure.metrics,
            breakdown=breakdown,
            org_codes=org_codes,
            counting=counting,
        )
        _check_lengths(found, self.measure)
        found = found.filter(pl.col("period_start") <= self.period_to)
        if self.level:
            codes = pl.col("org_code").replace_strict(dict(self.members), default=None, return_dtype=pl.String)
            return found.with_columns(codes.alias(AREA))
        links = successions.load(synthetic=self.synthetic)
        dates = successions.merger_dates(found, links)
        if dates.null_count() < dates.len():
            found = found.with_columns(dates.alias(MERGER))
        if self.measure.successions == "restated":
            found = found.with_columns(successions.restated(found, links).alias(SUCCESSOR))
        return found

    def parts(self, breakdown: str) -> pl.DataFrame:
        """Return `observations` of the parts of one `breakdown`, of those alone who count as the run's own.

        They are its organisation, or those of its area, and whoever merged into it; of England they are everyone's. A
        publication may have a hundred times as many rows of parts as of whole metrics.
        """
        if self.org_code == ENGLAND:
            return self.observations(breakdown=breakdown)
        codes = {*self.counted}
        if self.measure.successions == "restated" and not self.level:
            codes |= successions.merged_into(self.org_code, successions.load(synthetic=self.synthetic))
        return self.observations(breakdown=breakdown, org_codes=sorted(codes))


def _check_lengths(observations: pl.DataFrame, measure: Measure) -> None:
    """Refuse figures that are not of the measure's `period`."""
    dates = pl.struct("period_start", "period_end")
    changes = observations.select("period_start", "period_end").filter((dates != dates.shift(1)).fill_null(True))
    for first, last in changes.unique(maintain_order=True).iter_rows():
        if (first, last) != (measure.period.start(first), measure.period.end(first)):
            found = next((each for each in Period if (each.start(first), each.end(first)) == (first, last)), None)
            kinds = ", ".join(f"{each.value!r}" for each in Period)
            raise DefinitionError(
                f"{measure.folder / 'measure.yml'}: 'period' is {measure.period.value!r}, but {measure.source} has "
                f"figures from {day_label(first)} to {day_label(last)}; expected each to be of one "
                f"{measure.period.noun}. "
                + (f"Set 'period' to {found.value!r}." if found else f"Correct the source: a period is one of {kinds}.")
            )


def check(measure: Measure, *, org_code: str, period_to: str, data: str) -> Parameters:
    """Return the parameters, checked against the data.

    `period_to` is a month such as `2024-03` or `March 2024`, of a quarterly measure one in the quarter or `Q3 2024/25`,
    of an annual one one in the financial year or `2024/25`, or empty for the latest; `data` is a folder, or empty
    for `OPENMEASURES_DATA` or the project's own `data/`. With `OPENMEASURES_AS_OF` in the environment, such as
    2025-12-31, figures are those that were known on that day. Raises `ParameterError` for a value of the wrong type, an
    unknown organisation or a period without data, `StoreError` for an empty store.
    """
    for name, value in zip(NAMES, (org_code, period_to, data), strict=True):
        if not isinstance(value, str):
            raise ParameterError(f"parameter {name!r}: found {value!r} ({type(value).__name__}), expected text.")
    store = Store(project.data_folder(data), as_of=project.as_of()).fixed()
    synthetic = store.synthetic
    listed = store.organisations(measure.source)
    known = register.described(directory(listed), synthetic=synthetic)
    name = SYNTHETIC_ENGLAND_NAME if synthetic else ENGLAND_NAME
    england = dict.fromkeys(known.columns, "") | {"org_code": ENGLAND, "org_name": name}
    areas = register.areas(synthetic=synthetic)
    level, members = level_of(measure, org_code, synthetic=synthetic), {}
    if level:
        _refuse_what_does_not_add_up(measure, org_code)
        members = register.members(known, level, synthetic=synthetic)
        inhabited = areas.filter(pl.col("org_code").is_in(list(members.values())))
        blank = pl.lit("").alias("system_name")
        known = inhabited.select("org_code", "org_name", "region_name", blank, org_type="level").select(known.columns)
    organisations = pl.concat([pl.DataFrame([england], schema=known.schema), known])
    codes = organisations["org_code"].to_list()
    if org_code not in codes:
        raise ParameterError(
            f"organisation {org_code!r}: not among the {len(codes)} of {measure.source} in {store.folder}."
            f"{near_miss(org_code, codes) or _named(org_code, organisations)} "
            f"`openmeasures list --organisations` shows them all; {ENGLAND!r} is all of England."
        )
    period = _period(store, measure, period_to)
    first, last = next(iter(store.newest(measure.source))), measure.period.end(period)
    links = () if level else successions.of(org_code, successions.load(synthetic=synthetic), after=first, until=last)
    return Parameters(
        measure, store, org_code, period, organisations, level=level, members=tuple(members.items()),
        reporting=frozenset(listed.filter(period_start=period)["org_code"]), links=links,
    )  # fmt: skip


def level_of(measure: Measure, org_code: str, *, synthetic: bool = False) -> str:
    """Return the `register.Level` of the area that a run of this code is of; empty for England or an organisation.

    A publication's row under a system's code is the system's own figure where the measure has no level `provider`, as
    of virtual wards. Otherwise it is one more organisation of that system: the board itself, as an employer.
    """
    level = register.level_of(org_code, synthetic=synthetic)
    return "" if level == register.Level.SYSTEM and "provider" not in measure.levels else level


def adds_up(measure: Measure) -> bool:
    """Whether an area's figure can be the sum of its organisations': not of rounded ones, and not of rolling years."""
    return not (measure.disclosure or measure.period.overlaps)


def _refuse_what_does_not_add_up(measure: Measure, org_code: str) -> None:
    """Refuse an area of a measure whose figures have no sum."""
    if not adds_up(measure):
        why = "are rounded or suppressed" if measure.disclosure else "overlap"
        raise ParameterError(
            f"organisation {org_code!r}: a system or region is the sum of its organisations, but figures of "
            f"{measure.id} {why}, so that they have none. Name an organisation, or {ENGLAND!r}."
        )


def _named(text: str, organisations: pl.DataFrame) -> str:
    """Suggest the code of the organisation whose name was typed instead."""
    names = dict(organisations.select("org_name", "org_code").iter_rows())
    suggestion = near_miss(text, names)
    name = suggestion.removeprefix(" Did you mean ").removesuffix("?").strip("'\"")
    return f" Did you mean {names[name]!r} ({name})?" if name in names else ""


def _period(store: Store, measure: Measure, period_to: str) -> date:
    available = list(store.newest(measure.source))
    if not period_to:
        return available[-1]
    length = measure.period
    period = length.named(period_to)
    if period not in available:
        raise ParameterError(
            f"parameter 'period_to': no release for {length.label(period)}; the data cover "
            f"{length.span(available[0], available[-1])}. Ingest that {length.noun}, or name another."
        )
    return period
