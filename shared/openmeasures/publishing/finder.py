"""The index by which a reader finds an organisation: by name, code, town, or by what it was called before.

It is one script, `organisations.js`, which `finder.js` loads when somebody begins to type: a page that is opened from a
disk may load a script and may not fetch a file, and a strict Content-Security-Policy forbids neither. It has one line
an organisation, so that it grows with their number and pages do not.

| name | what |
|---|---|
| `Findable` | an organisation that has a page |
| `write` | the index of all of them |
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from openmeasures import register, successions
from openmeasures.organisations import as_written
from openmeasures.periods import Period
from openmeasures.publishing.writer import Pages
from openmeasures.store import Store
from openmeasures.successions import Link

FILE = "assets/organisations.js"
_SIGNS = re.compile(r"[^a-z0-9]+")


class Findable(NamedTuple):
    """An organisation that has a page: its code, its name, where it is, and the page's address from the home page."""

    code: str
    name: str
    place: str
    address: str


def write(pages: Pages, found: Sequence[Findable], store: Store) -> None:
    """Write the index of the organisations `found`, with what the store and `reference/` know of their names.

    Each line is code, name, place, address, town, what it was formerly called, whom it took over in part, and a note
    on an organisation that has itself merged into another.
    """
    links = successions.load(synthetic=store.synthetic)
    known = register.organisations(synthetic=store.synthetic).select("org_code", "org_name", "town")
    towns = {code: town for code, _, town in known.drop_nulls("town").iter_rows()}
    names = _names(store)
    for code, name in known.drop_nulls("org_name").select("org_code", "org_name").iter_rows():
        names[code].append(name)
    lines = [
        json.dumps(_line(each, links, names, towns), ensure_ascii=False, separators=(",", ":"))
        for each in sorted(found, key=lambda each: each.code)
    ]
    pages.write(FILE, "omOrganisations([\n" + ",\n".join(lines) + "\n]);\n")


def _line(
    each: Findable, links: Sequence[Link], names: Mapping[str, list[str]], towns: Mapping[str, str]
) -> list[object]:
    whole = predecessors(each.code, [link for link in links if link.is_whole])
    partly = [code for code in predecessors(each.code, links) if code not in whole]
    formerly = _others(each.name, [*names.get(each.code, []), *_called(whole, names)])
    return [
        each.code, each.name, each.place, each.address, towns.get(each.code, ""), formerly,
        _others(each.name, _called(partly, names)), _note(each.code, links, names),
    ]  # fmt: skip


def _called(codes: Iterable[str], names: Mapping[str, list[str]]) -> list[str]:
    return [called for code in codes for called in (*names.get(code, []), code)]


def predecessors(code: str, links: Iterable[Link]) -> list[str]:
    """Return the codes of the organisations that came, by these links, into the one of this code, the nearest first.

    >>> from datetime import date
    >>> chain = [Link("A", "B", date(2020, 4, 1), 1.0), Link("B", "C", date(2022, 4, 1), None)]
    >>> predecessors("C", chain)
    ['B', 'A']
    """
    links, found, open_ = list(links), [code], [code]
    while open_:
        nearest = open_.pop(0)
        new = [link.predecessor_code for link in links if link.successor_code == nearest]
        new = [each for each in dict.fromkeys(new) if each not in found]
        found += new
        open_ += new
    return found[1:]


def _note(code: str, links: Iterable[Link], names: Mapping[str, list[str]]) -> str:
    """Say into which organisation this one went whole, and when; nothing where it did not, or where none is known."""
    for link in links:
        if link.predecessor_code == code and link.is_whole:
            successor = names.get(link.successor_code, [link.successor_code])[-1]
            return f"part of {successor} since {Period.MONTH.label(link.date)}"
    return ""


def _others(name: str, called: Iterable[str]) -> list[str]:
    """Return the names that differ from the present one by more than capitals and signs, each once."""
    by_letters = {_letters(other): other for other in called}
    by_letters.pop(_letters(name), None)
    return list(by_letters.values())


def _letters(name: str) -> str:
    return _SIGNS.sub("", name.casefold())


def _names(store: Store) -> dict[str, list[str]]:
    """Return every name that a publication has given an organisation in any period, by code, the latest last."""
    names: dict[str, list[str]] = defaultdict(list)
    tables = [store.organisations(source) for source in sorted({release.source for release in store.releases()})]
    if not tables:
        return names
    rows = pl.concat([table.select("org_code", "org_name", "period_start") for table in tables])
    named = rows.filter(pl.col("org_name") != pl.col("org_code")).sort("period_start", "org_name", maintain_order=True)
    for code, name in named.select("org_code", "org_name").unique(keep="last", maintain_order=True).iter_rows():
        names[code].append(as_written(name))
    return names
