"""Reviewed changes of level, from which a chart's limits start anew: `rebases.yml` beside a measure.

`methods.change_points` suggests where a series may have changed; it changes no chart. Someone who knows the service
gives the reason, puts name and date to it, and only then is the chart rebased; it can always be drawn without.

| name | gives |
|---|---|
| `load` | the entries of a measure's ledger, checked |
| `segments` | a series with the number of reviewed changes behind each of its points |
| `Rebase` | one entry |

A date that is no period of its series is an error. NHSRplotthedots leaves such a date aside without a word, so that a
slip of the pen gives a chart without the rebase that its author believes in.
"""

import datetime  # not `date` alone: an entry has a field of that name
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from openmeasures import register
from openmeasures.definitions import faults, read_yaml
from openmeasures.errors import DefinitionError, near_miss
from openmeasures.organisations import ENGLAND, is_synthetic

FILE_NAME = "rebases.yml"
_SEE = "See analyses/README.md for the fields."


class Rebase(BaseModel):
    """One reviewed change: from `date` on, the first month of the new level, the limits start anew.

    `author` is who made the case and answers for it, `reviewed` the day on which that was last looked at, which cannot
    be before the change itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    org_code: str = Field(min_length=1)
    date: datetime.date
    reason: str = Field(min_length=1)
    author: str = Field(min_length=1)
    reviewed: datetime.date
    url: HttpUrl | None = None  # what happened is often on record nowhere but in a hospital's own minutes

    @model_validator(mode="after")
    def _is_reviewed_once_it_happened(self) -> Self:
        if self.reviewed < self.date:
            raise ValueError(f"'reviewed' ({self.reviewed}) is before 'date' ({self.date})")
        return self

    @property
    def synthetic(self) -> bool:
        """Whether the entry concerns the sample."""
        return is_synthetic(self.org_code)


def load(folder: Path) -> list[Rebase]:
    """Read the ledger in a measure's folder; none where there is no file.

    Raises `DefinitionError` for a file that is not a list of entries with the fields of `Rebase`, and for two entries
    of one organisation and date.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    entries = read_yaml(path)
    if not isinstance(entries, list):
        raise DefinitionError(f"{path}: found {type(entries).__name__}, expected a list of entries. {_SEE}")
    rebases = [_rebase(f"{path}, entry {number}", entry) for number, entry in enumerate(entries, start=1)]
    first: dict[tuple[str, datetime.date], int] = {}
    for number, rebase in enumerate(rebases, start=1):
        earlier = first.setdefault((rebase.org_code, rebase.date), number)
        if earlier != number:
            raise DefinitionError(
                f"{path}, entry {number}: {rebase.org_code} in {rebase.date:%Y-%m-%d} is entry {earlier} already. "
                "Keep one of them, with both reasons."
            )
    return rebases


def _rebase(place: str, entry: object) -> Rebase:
    try:
        return Rebase.model_validate(entry)
    except ValidationError as error:
        raise DefinitionError(f"{place}: {faults(error, Rebase)} {_SEE}") from error


def segments(
    points: pl.DataFrame,
    entries: Iterable[Rebase],
    *,
    by: str = "org_code",
    order: str = "period_start",
    period_to: datetime.date | None = None,
) -> pl.DataFrame:
    """Return the points, rows in the same order, with `segment`: how many reviewed changes each has behind it.

    It is 0 up to an organisation's first change, and everywhere without one. A month without value counts as a period
    of its series, so that a change may begin with a gap.

    - `points`: one row an organisation and period; `order` holds dates.
    - `period_to`: the last period that the points are meant to have. An entry after it is left aside, since a chart as
      it was before the change cannot know of it. None: no entry is.

    An entry for the sample is left aside where there are only real organisations, and the other way round, and one of
    an organisation where there are only areas: a ledger serves all. So is one that is not after the first period of its
    organisation, or of all where it has no points: data may begin later than the change. Raises `DefinitionError` for
    any other organisation without points, with the near miss, and for a date that is no period of its organisation,
    with the nearest that is.

    >>> from datetime import date
    >>> months = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    >>> points = pl.DataFrame({"org_code": "RJ1", "period_start": months})
    >>> opened = Rebase(org_code="RJ1", date=months[1], reason="New unit", author="A. Uthor", reviewed=months[2])
    >>> segments(points, [opened])["segment"].to_list()
    [0, 1, 1]
    """
    periods = dict(points.group_by(by).agg(pl.col(order).sort()).iter_rows())
    starts = [
        (entry.org_code, entry.date)
        for entry in entries
        if not _is_left_aside(entry, periods, period_to) and _is_a_period(entry, periods)
    ]
    schema = {by: points.schema[by], order: points.schema[order]}
    found = pl.DataFrame(starts, schema=schema, orient="row").with_columns(starts=1)
    started = points.select(by, order).join(found, on=[by, order], how="left", maintain_order="left")
    count = pl.col("starts").fill_null(0).cum_sum().over(by, order_by=order).cast(pl.UInt32)
    return points.with_columns(started.select(segment=count).to_series())


def _is_left_aside(entry: Rebase, periods: dict[str, list[datetime.date]], period_to: datetime.date | None) -> bool:
    is_of_other_data = entry.org_code not in periods and all(is_synthetic(code) != entry.synthetic for code in periods)
    codes = {code for code in periods if code != ENGLAND}
    is_of_areas = bool(codes) and codes <= {*register.areas(synthetic=entry.synthetic)["org_code"]}
    if entry.org_code not in periods and is_of_areas and entry.org_code != ENGLAND:
        return True  # an organisation's change, in figures of systems or regions
    # With no level before it there is nothing to part: these data begin with the change, or later.
    first = periods.get(entry.org_code) or [min((each[0] for each in periods.values()), default=entry.date)]
    return is_of_other_data or entry.date <= first[0] or (period_to is not None and entry.date > period_to)


def _is_a_period(entry: Rebase, periods: dict[str, list[datetime.date]]) -> bool:
    """Return True; `DefinitionError` for an entry whose organisation or date the points do not have."""
    place = f"{FILE_NAME}, {entry.org_code} from {entry.date:%Y-%m-%d}"
    known = periods.get(entry.org_code)
    if known is None:
        raise DefinitionError(
            f"{place}: no such organisation among the {len(periods)} with figures."
            f"{near_miss(entry.org_code, periods)} Correct the code or remove the entry."
        )
    if entry.date not in known:
        nearest = min(known, key=lambda period: abs(period - entry.date))
        raise DefinitionError(
            f"{place}: no period of its series, which has {len(known)} from {known[0]} to {known[-1]}. "
            f"The nearest is {nearest}; give the first day of the first month of the new level."
        )
    return True
