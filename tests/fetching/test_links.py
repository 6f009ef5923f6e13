from datetime import date

from openmeasures.fetching.links import Link, read_page

PAGE = "https://www.england.nhs.uk/statistics/area/"


def test_a_link_has_a_whole_address_and_what_stands_around_it():
    html = """<h2>Old</h2><h3>April
        2024</h3><p>See <a href="../a%20b.csv#top">Monthly
        A&amp;E <b>April</b></a> (published on <i>9 May</i> 2024): all <a href="x">next</a> more</p>"""
    first, second = read_page(PAGE, html).links
    address = "https://www.england.nhs.uk/statistics/a%20b.csv"
    assert first == Link(address, "Monthly A&E April", "April 2024", "(published on 9 May 2024): all")
    assert (first.file_name, first.label) == ("a b.csv", "Monthly A&E April | a b.csv")
    assert second.after == "more"


def test_what_is_no_address_of_a_page_or_file_is_left_out():
    html = '<a href="mailto:a@b">m</a><a href="javascript:x()">j</a><a href="http://[x">b</a><a>n</a><a href="y">y</a>'
    assert [link.address for link in read_page(PAGE, html).links] == [PAGE + "y"]


def test_a_link_given_twice_is_one():
    assert len(read_page(PAGE, '<a href="y">y</a><p><a href="y"> y</a></p><a href="y">other</a>').links) == 2


def test_old_links_of_a_secure_page_are_taken_as_secure():
    html = '<a href="http://www.england.nhs.uk/y">y</a>'
    assert read_page(PAGE, html).links[0].address == "https://www.england.nhs.uk/y"
    assert read_page("http://127.0.0.1/", html).links[0].address == "http://www.england.nhs.uk/y"


def test_a_base_changes_where_links_lead():
    html = '<base href="/other/"><a href="y">y</a>'
    assert read_page(PAGE, html).links[0].address == "https://www.england.nhs.uk/other/y"


def test_words_after_a_link_end_with_its_line():
    html = f"""<p><a href="y">y</a> {"long " * 40} <b>and more</b> text</p><p><a href="z">z</a><br>not beside</p>
        <p><a href="w">w</a><span><a href="v">v</a></span></p>"""
    long, z, w, v = read_page(PAGE, html).links
    assert (len(long.after), z.after, w.after, v.after) == (80, "", "", "")


def test_an_edition_says_when_it_was_published():
    html = "<dl><dt>Publication date:</dt><dd>27 Jun 2024</dd></dl>"
    assert read_page(PAGE, html).published == date(2024, 6, 27)
    assert read_page(PAGE, "<p>Nothing.</p>").published is None
