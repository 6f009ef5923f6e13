"""Atom feeds of changes of conclusion [1]: one for the site and one for each organisation.

    feed.xml                         what each measure's latest period changed, for everyone
    organisations/<org>/feed.xml     what changed for one organisation in the year up to the latest period

What a change is, `conclusions` says. Nothing here comes from a clock: an entry is dated by the release that first had
its period, and a feed by the newest release behind it, so that the same data make the same feed. Ids are made of what
an entry says and of no address, since they may not change when the site moves [1, 4.2.6].

| name | what |
|---|---|
| `write` | every feed |
| `found` | the changes of some runs |
| `Change` | one of them |

1. RFC 4287, The Atom Syndication Format. https://www.rfc-editor.org/rfc/rfc4287
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import polars as pl

from openmeasures import conclusions, results
from openmeasures.definitions import Measure
from openmeasures.display import ASSURANCE_WORDS
from openmeasures.methods.assurance import Assurance
from openmeasures.methods.signals import Variation
from openmeasures.organisations import ENGLAND
from openmeasures.publishing.head import FEED
from openmeasures.publishing.places import Places
from openmeasures.publishing.runs import Run
from openmeasures.publishing.summary import VARIATIONS
from openmeasures.publishing.website import Website
from openmeasures.publishing.writer import Pages
from openmeasures.releases import Release
from openmeasures.store import Store

ATOM = "http://www.w3.org/2005/Atom"
IDS = uuid.UUID("6f1f6e0c-5a0b-4a55-8a7e-3f0b7a9d2c41")  # the root of all ids: drawn once, and to stay
SYNTHETIC = "synthetic data: "  # before each title, which readers of feeds show without anything around it


class Change(NamedTuple):
    """One organisation's change of conclusion in one measure.

    `address` is that of the page that shows it, from the home page, `published` the day of the release that brought
    it, `state` what makes it another than any other change, `is_latest` whether it is of the measure's last period.
    """

    measure: Measure
    org_code: str
    org_name: str
    address: str
    period: date
    published: date
    state: str
    title: str
    said: str
    is_latest: bool


def write(pages: Pages, runs: list[Run], store: Store, places: Places) -> None:
    """Write the feed of the site, and that of each organisation that has a run; systems and regions have none.

    `places` says where the pages of each are.
    """
    changes, website = found(runs, store, places), pages.website
    dated = max(day_of(release) for run in runs for release in store.newest(run.measure.source).values())
    preview = f"Preview, not to be shared before {website.not_before}. " if website.not_before else ""
    title = f"{preview}{website.title}: changes of conclusion{' (synthetic data)' if store.synthetic else ''}"
    latest = [each for each in changes if each.is_latest]
    pages.write(FEED, _atom(latest, website, title=title, path=FEED, up="", dated=dated))
    of_org: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        of_org[change.org_code].append(change)
    names = {run.org_code: run.content.get("org_name", run.org_code) for run in runs}
    for code, name in names.items():
        if code == ENGLAND or code in places.by_code:
            continue
        path = f"{places.folder(code)}/{FEED}"
        pages.write(path, _atom(of_org[code], website, title=f"{title}, {name}", path=path, up="../../", dated=dated))


def found(runs: Iterable[Run], store: Store, places: Places) -> list[Change]:
    """Return the changes of the year up to each measure's last period, the latest first, then by measure and name.

    Runs that failed have none, and neither have series whose figures suit no limits.
    """
    by_measure: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.content and run.content["suits_limits"]:
            by_measure[run.measure.id].append(run)
    changes = [change for of_measure in by_measure.values() for change in _of_measure(of_measure, store, places)]
    return sorted(changes, key=lambda each: (-each.period.toordinal(), each.measure.id, each.org_name, each.org_code))


def _page(measure: Measure, org_code: str, places: Places) -> str:
    if org_code == ENGLAND:
        return f"measures/{measure.id}/index.html"
    return f"{places.folder(org_code)}/{measure.id}.html"


def day_of(release: Release) -> date:
    """Return the publisher's date of a release, or where it gives none the day on which it was read here."""
    return release.published or release.retrieved


def _of_measure(runs: list[Run], store: Store, places: Places) -> list[Change]:
    measure, last = runs[0].measure, runs[0].period_to
    keys = {"org_code": pl.String, "period_start": pl.String, "value": pl.Float64, "segment": pl.Int64}
    every = (point for run in runs for point in run.content["points"] if point["series"] == results.ALL)
    rows = [[point[key] for key in keys] for point in every]
    points = pl.DataFrame(rows, schema=keys, orient="row").with_columns(pl.col("period_start").str.to_date())
    year_before = last.replace(year=last.year - 1)  # periods begin on the first of a month, so never on 29 February
    # From the period before the year on, with which its first one is compared.
    after = max((day for day in points["period_start"] if day < year_before), default=date.min)
    names = {run.org_code: run.content["org_name"] for run in runs}
    first = store.oldest(measure.source)
    prefix = SYNTHETIC if store.synthetic else ""
    return [
        Change(
            measure, code, names[code], _page(measure, code, places), period, day_of(first[period]), _state(row),
            f"{prefix}{names[code]}, {measure.title}, {measure.period.label(period)}: {_now(row, measure)}",
            _said(row, measure), period == last,
        )
        for row in conclusions.changes(points, measure, after=after).iter_rows(named=True)
        for code, period in [(row["org_code"], row["period_start"])]
    ]  # fmt: skip


def _state(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[f"{name}{when}"]) for when in ("_before", "") for name in conclusions.STATE)


def _now(row: Mapping[str, Any], measure: Measure) -> str:
    """Say the new conclusion: of both, the one that is another."""
    if row["variation"] != row["variation_before"]:
        return VARIATIONS[Variation(row["variation"])].text
    return f"standard {_outlook(row['assurance'], measure)}"


def _outlook(assurance: str, measure: Measure) -> str:
    return ASSURANCE_WORDS[Assurance(assurance)].format(periods=measure.period.plural)


def _said(row: Mapping[str, Any], measure: Measure) -> str:
    """Say the figure, and what each of both conclusions is and was."""
    period = measure.period
    said = [f"{period.in_full(row['period_start'])}: {measure.written_on(row['value'], row['period_start'])}."]
    before = period.label(row["period_start_before"])
    said.append(f"Variation over time: {VARIATIONS[Variation(row['variation'])].text}.")
    if row["variation"] != row["variation_before"]:
        said.append(f"In {before}: {VARIATIONS[Variation(row['variation_before'])].text}.")
    if row["assurance"]:  # there need not be a standard
        said.append(f"Standard: {_outlook(row['assurance'], measure)}.")
    if row["assurance_before"] not in (None, row["assurance"]):
        said.append(f"In {before}: {_outlook(row['assurance_before'], measure)}.")
    return " ".join(said)


def _atom(changes: list[Change], website: Website, *, title: str, path: str, up: str, dated: date) -> str:
    """Return one feed as XML; `path` is its own address from the home page, and `up` leads back there."""
    feed = Element("feed", {"xmlns": ATOM, "xml:lang": "en-GB"})
    _put(feed, "title", title)
    _put(feed, "id", _id(website.title, path))
    _put(feed, "updated", _moment(dated))
    SubElement(SubElement(feed, "author"), "name").text = website.title
    _put(feed, "rights", "Code: MIT. Published data: Open Government Licence v3.0.")
    if website.address:
        _link(feed, "self", website.absolute(path), kind="application/atom+xml")
    _link(feed, "alternate", _address(website, path.removesuffix(FEED) + "index.html", path, up), kind="text/html")
    for change in changes:
        entry = SubElement(feed, "entry")
        _put(entry, "title", change.title)
        _put(entry, "id", _id(website.title, change.measure.id, change.org_code, change.period, change.state))
        _put(entry, "updated", _moment(change.published))
        _link(entry, "alternate", _address(website, change.address, path, up), kind="text/html")
        SubElement(entry, "category", {"term": change.measure.id, "label": change.measure.title})
        SubElement(entry, "category", {"term": change.org_code, "label": change.org_name})
        SubElement(entry, "content", {"type": "text"}).text = change.said
    ElementTree.indent(feed)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(feed, encoding="unicode")}\n'


def _address(website: Website, page: str, path: str, up: str) -> str:
    """Return where a page is: in full where the site's address is known, and else from the feed's own place."""
    if website.address:
        return website.absolute(page)
    folder = path.removesuffix(FEED)
    return page.removeprefix(folder) if page.startswith(folder) else up + page


def _put(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _link(parent: Element, relation: str, address: str, *, kind: str) -> None:
    SubElement(parent, "link", {"rel": relation, "type": kind, "href": address})


def _id(*parts: object) -> str:
    return uuid.uuid5(IDS, "\n".join(map(str, parts))).urn


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
