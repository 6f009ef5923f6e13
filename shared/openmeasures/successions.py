"""Successions: which organisation counts the patients of which other, and since when; `reference/successions.csv`.

One row is one link, with the address of where it is set down. A merger has a `share` of 1: all that the predecessor did
is done by the successor. Where an organisation was split, or a part of it moved, the share of its patients is given if
it is known, and is empty otherwise; then nothing can be restated. `UNKNOWN` is a successor that is not established.

That an organisation submitted nothing is no succession: links are facts about organisations, never read from data.

| name | gives |
|---|---|
| `load` | every link, by date |
| `of` | those of one organisation, on either side |
| `merged_into` | those that have become part of one organisation |
| `restated` | the code under which each figure counts, once those before a merger are put under the successor |
| `merger_dates` | since when an organisation has been part of another |
"""

import datetime  # not `date` alone: a link has a field of that name
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import polars as pl

from openmeasures import reference

FILE = "successions.csv"
UNKNOWN = "unknown"
WHOLE = 1.0


class Successions(dy.Schema):
    """One row: from `date` on, `share` of what the predecessor did is counted by the successor."""

    predecessor_code = dy.String(nullable=False, primary_key=True)
    successor_code = dy.String(nullable=False, primary_key=True)
    date = dy.Date(nullable=False)
    share = dy.Float64(nullable=True, max=WHOLE)
    note = dy.String(nullable=True)
    source_title = dy.String(nullable=False)
    source_url = dy.String(nullable=False, regex=r"^https://")
    verified = dy.Bool(nullable=False)

    @dy.rule()
    def successor_is_another_organisation(cls) -> pl.Expr:
        return pl.col("successor_code") != pl.col("predecessor_code")

    @dy.rule()
    def share_of_an_unknown_successor_is_empty(cls) -> pl.Expr:
        return (pl.col("successor_code") != UNKNOWN) | pl.col("share").is_null()

    @dy.rule()
    def share_is_more_than_none(cls) -> pl.Expr:
        return pl.col("share").is_null() | (pl.col("share") > 0)

    @dy.rule()
    def shares_add_up_to_one_at_most(cls) -> pl.Expr:
        return pl.col("share").sum().over("predecessor_code") <= WHOLE


class Link(NamedTuple):
    """One succession; `share` is None where it is not known."""

    predecessor_code: str
    successor_code: str
    date: datetime.date
    share: float | None
    note: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all of the predecessor went to this successor."""
        return self.share == WHOLE


def load(*, synthetic: bool = False) -> tuple[Link, ...]:
    """Return every link in order of date, the sample's if `synthetic`.

    Raises `DefinitionError` for a file that is missing or breaks its schema.
    """
    return _load(reference.folder(), synthetic)


@cache  # a notebook asks several times
def _load(folder: Path, synthetic: bool) -> tuple[Link, ...]:
    if synthetic:
        from openmeasures.sample.organisations import read_successions  # noqa: PLC0415 - for the sample alone

        rows = read_successions().select("org_code", "successor_code", "date").iter_rows()
        return tuple(Link(predecessor, successor, date, WHOLE) for predecessor, successor, date in rows)
    table = reference.read_table(folder / FILE, Successions).sort("date", "predecessor_code", "successor_code")
    columns = ("predecessor_code", "successor_code", "date", "share", pl.col("note").fill_null(""))
    return tuple(Link(*row) for row in table.select(columns).iter_rows())


def of(org_code: str, links: Iterable[Link], *, after: datetime.date, until: datetime.date) -> tuple[Link, ...]:
    """Return the links of one organisation, as predecessor or successor, with a date after one day and up to another.

    Of data that begin with a merger, or later, there is nothing to tell.
    """
    return tuple(
        link
        for link in links
        if org_code in (link.predecessor_code, link.successor_code) and after < link.date <= until
    )


def merged_into(org_code: str, links: Iterable[Link]) -> set[str]:
    """Return the organisations that have become part of one, in one merger or a chain of them; not itself.

    >>> from datetime import date
    >>> links = [Link("A", "B", date(2023, 4, 1), 1.0), Link("B", "C", date(2024, 4, 1), 1.0)]
    >>> sorted(merged_into("C", links)), merged_into("A", links)
    (['A', 'B'], set())
    """
    found: set[str] = set()
    for link in sorted(links, key=lambda link: link.date, reverse=True):  # what merged later may have had others in it
        if link.is_whole and link.successor_code in {org_code, *found}:
            found.add(link.predecessor_code)
    return found


def restated(figures: pl.DataFrame, links: Iterable[Link]) -> pl.Series:
    """Return the code under which each figure counts: its own, or the successor's where it is from before a merger.

    Takes `org_code` and `period_start`. Of a chain of mergers the last counts; a split moves nothing. A period belongs
    to the successor from the first that begins on the date or after it.

    >>> from datetime import date
    >>> merger = Link("OLD", "NEW", date(2024, 4, 1), 1.0)
    >>> months = {"org_code": ["OLD", "OLD"], "period_start": [date(2024, 3, 1), date(2024, 4, 1)]}
    >>> restated(pl.DataFrame(months), [merger]).to_list()
    ['NEW', 'OLD']
    """
    counted = figures.select("org_code", "period_start")
    for link in sorted(links, key=lambda link: link.date):
        if link.is_whole:  # one after the other: as one expression, each link would double the work of those before
            is_moved = (pl.col("org_code") == link.predecessor_code) & (pl.col("period_start") < link.date)
            code = pl.when(is_moved).then(pl.lit(link.successor_code)).otherwise("org_code")
            counted = counted.with_columns(org_code=code)
    return counted["org_code"]


def merger_dates(figures: pl.DataFrame, links: Iterable[Link]) -> pl.Series:
    """Return since when the organisation of each figure is part of another; null of one that has not merged.

    >>> from datetime import date
    >>> merger = Link("OLD", "NEW", date(2024, 4, 1), 1.0)
    >>> merger_dates(pl.DataFrame({"org_code": ["OLD", "NEW"]}), [merger]).to_list()
    [datetime.date(2024, 4, 1), None]
    """
    dates = {link.predecessor_code: link.date for link in links if link.is_whole}
    return figures.select(pl.col("org_code").replace_strict(dates, default=None, return_dtype=pl.Date)).to_series()
