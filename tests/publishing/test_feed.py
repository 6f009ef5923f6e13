"""Feeds of changes of conclusion, read as a reader of feeds does, and held against RFC 4287."""

import re
from datetime import date
from types import SimpleNamespace
from urllib.parse import urljoin
from xml.etree import ElementTree

import feedparser
import pytest

from openmeasures import definitions
from openmeasures.publishing import feed
from openmeasures.publishing.places import Places
from openmeasures.publishing.website import Website
from openmeasures.publishing.writer import Pages
from openmeasures.releases import ReleaseStatus

ATOM = f"{{{feed.ATOM}}}"
USUAL = [60.0, 62.0] * 12
LAST = date(2024, 2, 1)  # after 24 usual months from January 2022 come January and February 2024
STANDARD = """
standards:
  - name: Standard
    value: 66.3
    from: 2010-01-01
    title: Handbook
    url: https://example.org/
    verified: true
"""


def month(number):
    return date(2022 + (number - 1) // 12, 1 + (number - 1) % 12, 1)


def release(first, published=None, retrieved=date(2024, 5, 9)):
    return SimpleNamespace(periods=[first], published=published, retrieved=retrieved, status=ReleaseStatus.PROVISIONAL)


class Kept:
    """Releases by period, as a store has them."""

    def __init__(self, published=None, *, synthetic=False):
        self.synthetic = synthetic
        days = [month(number) for number in range(1, 27)]
        self.releases = {day: release(day, (published or {}).get(day)) for day in days}

    def oldest(self, source):
        return self.releases

    def newest(self, source):
        return self.releases


@pytest.fixture
def run(measure):
    def made(code, *values, suits=True, failed=False, of=measure):
        points = [
            {"series": "all", "org_code": code, "period_start": month(number).isoformat(), "value": value, "segment": 0}
            for number, value in enumerate([*USUAL, *values], start=1)
        ]
        other = [point | {"series": "type_1", "value": 1.0} for point in points]
        content = {"org_name": f"Trust {code}", "suits_limits": suits, "points": points + other}
        return SimpleNamespace(measure=of, org_code=code, period_to=LAST, content={} if failed else content)

    return made


@pytest.fixture
def write(tmp_path):
    def write(*runs, store=None, address="", not_before="", places=None):
        website = Website("Measures", address, not_before=not_before)
        feed.write(Pages(tmp_path, website), list(runs), store or Kept(), places or Places({}))
        return {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob(feed.FEED)}

    return write


def read(path):
    found = feedparser.parse(path.read_bytes())
    assert not found.bozo, found.get("bozo_exception")
    return found


def test_the_latest_changes_of_everyone_are_in_the_feed_of_the_site_and_a_year_in_each_organisation_s(run, write):
    files = write(run("RC9", 80.0, 61.0), run("RJ1", 61.0, 40.0), run("ENG", 61.0, 80.0))
    assert set(files) == {"feed.xml", "organisations/RC9/feed.xml", "organisations/RJ1/feed.xml"}
    titles = {name: [entry.title for entry in read(path).entries] for name, path in files.items()}
    assert titles == {
        "feed.xml": [
            "Trust ENG, A&E within four hours, February 2024: Special cause: improvement\u00a0▲",
            "Trust RC9, A&E within four hours, February 2024: No change detected (common cause)",
            "Trust RJ1, A&E within four hours, February 2024: Special cause: concern\u00a0▼",
        ],
        "organisations/RC9/feed.xml": [
            "Trust RC9, A&E within four hours, February 2024: No change detected (common cause)",
            "Trust RC9, A&E within four hours, January 2024: Special cause: improvement\u00a0▲",
        ],
        "organisations/RJ1/feed.xml": [
            "Trust RJ1, A&E within four hours, February 2024: Special cause: concern\u00a0▼"
        ],
    }


def test_an_entry_says_the_figure_and_both_conclusions(run, write):
    entry = read(write(run("RC9", 80.0, 61.0))["feed.xml"]).entries[0]
    assert entry.content[0].value == (
        "February 2024: 61.0\u00a0%. Variation over time: No change detected (common cause). "
        "In January 2024: Special cause: improvement\u00a0▲."
    )
    assert [tag.term for tag in entry.tags] == ["four_hours", "RC9"]


def test_a_change_of_what_will_become_of_the_standard_is_said(tmp_path, measure_yml, run, write):
    folder = tmp_path / "with_standard"
    folder.mkdir()
    (folder / "measure.yml").write_text(measure_yml + STANDARD.lstrip("\n"), encoding="utf-8")
    files = write(run("RC9", 62.0, 56.0, of=definitions.load(folder)))
    [entry] = read(files["feed.xml"]).entries
    assert entry.title.endswith(": standard may be met in some months and missed in others")
    assert entry.content[0].value == (
        "February 2024: 56.0\u00a0%. Variation over time: No change detected (common cause). "
        "Standard: may be met in some months and missed in others. In January 2024: not expected to be met."
    )


@pytest.mark.parametrize(
    ("number", "is_told"),
    [(13, False), (14, True)],  # of January 2023, the return falls on the month that the year begins after
)
def test_the_year_is_that_up_to_the_last_period(run, write, number, is_told):
    one = run("RC9", 61.0, 61.0)
    one.content["points"][number - 1]["value"] = 80.0
    titles = [entry.title for entry in read(write(one)["organisations/RC9/feed.xml"]).entries]
    months = {re.search(r"(\w+ \d{4}):", title)[1] for title in titles}
    assert not months & {"January 2023", "February 2023"}
    assert ("March 2023" in months) == is_told


def test_what_suits_no_limits_or_failed_has_no_entry_and_still_a_feed(run, write):
    files = write(run("RC9", 61.0, 80.0, suits=False), run("RJ1", failed=True), run("RR8", 61.0, 61.0))
    assert set(files) == {"feed.xml", *(f"organisations/{code}/feed.xml" for code in ("RC9", "RJ1", "RR8"))}
    assert {len(read(path).entries) for path in files.values()} == {0}


def test_dates_are_those_of_releases_and_not_of_a_clock(run, write):
    published = {month(25): date(2024, 2, 8), LAST: date(2024, 3, 14)}
    found = read(write(run("RC9", 80.0, 61.0), store=Kept(published))["organisations/RC9/feed.xml"])
    assert [entry.updated for entry in found.entries] == ["2024-03-14T00:00:00Z", "2024-02-08T00:00:00Z"]
    assert found.feed.updated == "2024-05-09T00:00:00Z"  # of others only the day of reading is known
    assert read(write(run("RC9", 61.0, 80.0))["feed.xml"]).entries[0].updated == "2024-05-09T00:00:00Z"


def test_ids_are_the_same_again_each_another_and_stay_when_the_site_moves(run, write):
    def ids(**more):
        found = read(write(run("RC9", 80.0, 61.0), run("RJ1", 80.0, 40.0), **more)["feed.xml"])
        return [found.feed.id, *(entry.id for entry in found.entries)]

    first = ids()
    assert first == ids() == ids(address="https://example.org/") == ids(store=Kept({LAST: date(2024, 3, 14)}))
    assert len(set(first)) == len(first) == 3
    assert all(each.startswith("urn:uuid:") for each in first)


def test_another_conclusion_is_another_entry(run, write):
    of = {value: read(write(run("RC9", 61.0, value))["feed.xml"]).entries[0].id for value in (80.0, 40.0)}
    assert of[80.0] != of[40.0]


@pytest.mark.parametrize("address", ["", "https://example.org/measures/"])
def test_links_lead_to_the_page_from_wherever_the_feed_is(run, write, address):
    files = write(run("RC9", 61.0, 80.0), run("ENG", 61.0, 80.0), address=address)
    base = address or "https://elsewhere.example.org/"
    for name, path in files.items():
        root = ElementTree.parse(path).getroot()
        links = [
            urljoin(base + name, link.get("href")) for link in root.iter(f"{ATOM}link") if link.get("rel") != "self"
        ]
        pages = {link.removeprefix(base) for link in links}
        if name == "feed.xml":
            assert pages == {"index.html", "organisations/RC9/four_hours.html", "measures/four_hours/index.html"}
        else:
            assert pages == {"organisations/RC9/index.html", "organisations/RC9/four_hours.html"}


def test_a_feed_names_itself_where_the_site_has_an_address(run, write):
    for address, expected in (("", []), ("https://example.org/", ["https://example.org/organisations/RC9/feed.xml"])):
        root = ElementTree.parse(write(run("RC9", 61.0, 61.0), address=address)["organisations/RC9/feed.xml"]).getroot()
        assert [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"] == expected


def test_each_feed_has_what_the_standard_asks_for(run, write):
    for path in write(run("RC9", 80.0, 40.0)).values():
        root = ElementTree.parse(path).getroot()
        assert root.tag == f"{ATOM}feed"
        assert root.find(f"{ATOM}author/{ATOM}name").text == "Measures"
        entries = root.findall(f"{ATOM}entry")
        assert entries
        for element in (root, *entries):
            for name in ("title", "id", "updated"):
                [only] = element.findall(f"{ATOM}{name}")
                assert only.text
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", element.find(f"{ATOM}updated").text)
            alternate = [each for each in element.findall(f"{ATOM}link") if each.get("rel") == "alternate"]
            assert len(alternate) == 1


def test_made_up_figures_are_said_to_be_so_in_each_title(run, write):
    found = read(write(run("RC9", 61.0, 80.0), store=Kept(synthetic=True))["feed.xml"])
    assert "(synthetic data)" in found.feed.title
    assert found.entries[0].title.startswith("synthetic data: ")


def test_a_name_with_signs_is_written_as_it_is(run, write):
    one = run("RC9", 61.0, 80.0)
    one.content["org_name"] = "<Guy's> & Co"
    assert "<Guy's> & Co, A&E" in ElementTree.parse(write(one)["feed.xml"]).getroot().findtext(
        f"{ATOM}entry/{ATOM}title"
    )


def test_the_feed_of_a_preview_says_what_it_is(run, write):
    files = write(run("RC9", 61.0, 80.0), not_before="10 December 2026, 09:30")
    for path in files.values():
        assert read(path).feed.title.startswith("Preview, not to be shared before 10 December 2026, 09:30. Measures: ")
