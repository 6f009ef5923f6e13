"""What a page tells programs in its head."""

from html.parser import HTMLParser

import pytest
import yaml

from openmeasures.publishing import head, social_card
from openmeasures.publishing.website import Website

PAGE = '---\ntitle: "Four hours"\nsubtitle: "Guy\'s & Co"\n---\n\nText\n\n---\n\nMore\n'
SITE = Website("Measures")
ONLINE = Website("Measures", "https://example.org/x/")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def front_of(page):
    return yaml.safe_load(page.split("---\n")[1])


def tags(page, address="methods/spc.qmd", website=SITE, described=""):
    [*_, own] = front_of(head.put(page, address, website, described=described))["include-in-header"]
    return Tags(own["text"]).found


def card(*arguments, **more):
    every = [attributes for tag, attributes in tags(*arguments, **more) if tag == "meta"]
    return {each["property"].removeprefix("og:"): each["content"] for each in every if "property" in each}


def test_the_rest_of_a_page_stays_as_it_is():
    page = head.put(PAGE, "x.qmd", SITE)
    assert page.startswith('---\ntitle: "Four hours"\nsubtitle: "Guy\'s & Co"\ninclude-in-header:\n  - text: "')
    assert page.endswith("\n---\n\nText\n\n---\n\nMore\n")


@pytest.mark.parametrize("page", ["Text\n", "Text\n\n---\n\nMore\n\n---\n", ""])
def test_without_front_matter_there_is_no_head(page):
    assert head.put(page, "x.qmd", SITE) == page


def test_a_card_has_the_title_and_what_was_found():
    assert card(PAGE, described='"75 %" < 95 %') == {
        "type": "article",
        "site_name": "Measures",
        "title": "Four hours",
        "description": '"75 %" < 95 %',
    }


@pytest.mark.parametrize(
    ("front", "title", "description"),
    [
        ('title: "A"', "A", "Measures"),
        ('title: "A"\nsubtitle: "B"', "A", "B"),
        ('title: "A"\nsubtitle: "B"\ndescription: "C"', "A", "C"),
        ('title: "A"\npagetitle: "D: A"', "D: A", "Measures"),
    ],
)
def test_a_page_without_a_finding_is_described_by_what_it_says_of_itself(front, title, description):
    found = card(f"---\n{front}\n---\n")
    assert (found["title"], found["description"]) == (title, description)


def test_the_description_is_there_once_also_where_the_renderer_writes_it():
    def described(page):
        return [attributes for _, attributes in tags(page) if attributes.get("name") == "description"]

    assert described(PAGE) == [{"name": "description", "content": "Guy's & Co"}]
    assert described('---\ntitle: "A"\ndescription: "C"\n---\n') == []


def test_with_an_address_a_card_has_the_page_s_and_an_image():
    found = card(PAGE, address="organisations/RJ1/four_hours.qmd", website=ONLINE)
    assert found["url"] == "https://example.org/x/organisations/RJ1/four_hours.html"
    assert found["image"] == "https://example.org/x/cards/organisations-RJ1-four_hours.png"
    assert ("meta", {"name": "twitter:card", "content": "summary_large_image"}) in tags(PAGE, website=ONLINE)


def test_without_an_address_nothing_leads_to_another_host():
    assert "://" not in head.put(PAGE, "x.qmd", SITE)


def test_the_image_is_described_and_its_size_is_given():
    found = card(PAGE, website=ONLINE, described="75 %.")
    assert found["image:alt"] == "Four hours. 75 %."
    assert (int(found["image:width"]), int(found["image:height"])) == social_card.SIZE


@pytest.mark.parametrize(
    ("address", "href"),
    [
        ("index.qmd", "feed.xml"),
        ("methods/spc.qmd", "../feed.xml"),
        ("measures/four_hours/index.qmd", "../../feed.xml"),
        ("organisations/index.qmd", "../feed.xml"),
        ("organisations/RJ1/index.qmd", "feed.xml"),
        ("organisations/RJ1/four_hours.qmd", "feed.xml"),
    ],
)
def test_a_page_names_its_feed(address, href):
    [link] = [attributes for tag, attributes in tags(PAGE, address=address) if tag == "link"]
    assert (link["rel"], link["type"], link["href"]) == ("alternate", "application/atom+xml", href)


def test_what_the_project_puts_into_every_head_is_repeated_before_it():
    every = ("head.html", {"text": '<meta name="x" content="é">'})
    found = front_of(head.put(PAGE, "x.qmd", Website("Measures", "", every)))["include-in-header"]
    assert tuple(found[:2]) == every
    assert len(found) == 3


def test_a_page_of_a_preview_says_so_above_all_else_and_has_no_card():
    website = Website("Measures", "https://example.org/", not_before="10 December 2026, 09:30")
    page = head.put(PAGE, "x.qmd", website, described="75 %")
    assert tags(PAGE, website=website) == [("meta", {"name": "robots", "content": "noindex"})]
    body = page.split("---\n", 2)[2]
    assert body.startswith('\n```{=html}\n<p class="om-preview" role="note"><strong>Preview. Do not share.</strong> ')
    assert "not published before 10 December 2026, 09:30.</p>\n```\n\nText\n\n---\n\nMore\n" in body
