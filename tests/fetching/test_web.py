import hashlib
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import httpx
import pytest

from openmeasures.errors import FetchError, OfflineError
from openmeasures.fetching.answers import ATTEMPTS, is_same_publisher
from openmeasures.fetching.web import Web

from .site import Answer

CONTENT = b"Period,Org Code\r\n" + b"x,y\r\n" * 1000


@pytest.fixture
def to(tmp_path):
    return tmp_path / "data" / "a.csv"


def left(to):
    """What a download left in its folder."""
    return [path.name for path in to.parent.iterdir()]


# ---- what goes well


def test_a_file_is_saved_with_its_hash(publisher, quick, to):
    found = quick().download(publisher.put("/a.csv", Answer(CONTENT)), to)
    assert found == (to, hashlib.sha256(CONTENT).hexdigest())
    assert (to.read_bytes(), left(to)) == (CONTENT, ["a.csv"])


def test_a_page_is_read(publisher, quick):
    page = quick().page(publisher.page("/area/", '<a href="b.csv">B</a>'))
    assert page.address == publisher.url + "/area/"
    assert f"{publisher.url}/area/b.csv" in [link.address for link in page.links]


def test_a_page_may_have_another_encoding(publisher, quick):
    body = '<a href="b.csv">Été</a>'.encode("latin-1")
    url = publisher.put("/", Answer(body, kind="text/html; charset=iso-8859-1"))
    assert [link.text for link in quick().page(url).links] == ["Été"]


def test_the_reader_says_who_it_is_and_wants_the_file_as_it_is(publisher, quick, to):
    quick().download(publisher.put("/a.csv", Answer(CONTENT)), to)
    assert publisher.headers[-1]["User-Agent"].startswith("openmeasures/")
    assert publisher.headers[-1]["Accept-Encoding"] == "identity"


# ---- politeness


def test_between_two_requests_is_a_pause(publisher, to):
    reader = Web(pause=0.2)
    begun = monotonic()
    for _ in range(2):
        reader.download(publisher.put("/a.csv", Answer(CONTENT)), to)
    reader.close()
    assert monotonic() - begun > 0.4  # robots.txt and two files: two pauses
    assert publisher.asked == ["/robots.txt", "/a.csv", "/a.csv"]
    assert publisher.most_at_once == 1


@pytest.mark.parametrize(("delay", "pause"), [("7", 7.0), ("90", 30.0)])
def test_a_longer_pause_in_robots_txt_counts_within_reason(publisher, quick, to, delay, pause):
    publisher.put("/robots.txt", Answer(f"User-agent: *\nCrawl-delay: {delay}\n".encode(), kind="text/plain"))
    reader = quick()
    reader.download(publisher.put("/a.csv", Answer(CONTENT)), to)
    assert reader.rested == [pytest.approx(pause, abs=0.5)]


def test_what_robots_txt_closes_is_not_asked_for(publisher, quick, to):
    publisher.put("/robots.txt", Answer(b"User-agent: *\nDisallow: /closed/\n", kind="text/plain"))
    url = publisher.put("/closed/a.csv", Answer(CONTENT))
    with pytest.raises(FetchError, match=r"a\.csv: the site's robots\.txt closes this address to programs\."):
        quick().download(url, to)
    assert publisher.asked == ["/robots.txt"]


def test_robots_txt_that_cannot_be_read_closes_everything(publisher, quick, to):
    publisher.put("/robots.txt", Answer(status=503))
    with pytest.raises(FetchError, match=r"robots\.txt: cannot be read, so nothing may be fetched from there\."):
        quick().download(publisher.put("/a.csv", Answer(CONTENT)), to)
    assert publisher.asked == ["/robots.txt"] * ATTEMPTS


# ---- what passes


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_site_is_asked_again_after_longer_and_longer(publisher, quick, to, status):
    url = publisher.put("/a.csv", Answer(status=status), Answer(status=status), Answer(CONTENT))
    reader = quick()
    assert reader.download(url, to).path.read_bytes() == CONTENT
    first, second = reader.rested
    assert 2 <= first <= 3  # with up to a second of chance
    assert 4 <= second <= 5  # twice as long


def test_a_site_that_stays_busy_is_an_error(publisher, quick, to):
    url = publisher.put("/a.csv", Answer(status=503))
    with pytest.raises(FetchError, match=r"a\.csv: 503 Service Unavailable, 4 times\. Try again later\."):
        quick().download(url, to)
    assert publisher.asked.count("/a.csv") == ATTEMPTS
    assert left(to) == []


def test_the_wait_that_a_site_asks_for_is_kept(publisher, quick, to):
    url = publisher.put("/a.csv", Answer(status=503, headers={"Retry-After": "17"}), Answer(CONTENT))
    reader = quick()
    reader.download(url, to)
    assert reader.rested == [17.0]


def test_the_wait_may_be_a_date(publisher, quick, to):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    url = publisher.put("/a.csv", Answer(status=429, headers={"Retry-After": then}), Answer(CONTENT))
    reader = quick()
    reader.download(url, to)
    assert reader.rested == [pytest.approx(30, abs=5)]


@pytest.mark.parametrize("header", ["soon", "Fri, 31 Dec 1999 23:59:59 -0000"])
def test_a_wait_that_is_none_is_left_aside(publisher, quick, to, header):
    url = publisher.put("/a.csv", Answer(status=503, headers={"Retry-After": header}), Answer(CONTENT))
    reader = quick()
    reader.download(url, to)
    assert reader.rested == [pytest.approx(2.5, abs=0.5)]


def test_a_wait_that_is_too_long_is_for_the_user(publisher, quick, to):
    url = publisher.put("/a.csv", Answer(status=503, headers={"Retry-After": "3600"}))
    with pytest.raises(FetchError, match=r"503 Service Unavailable; the site asks to come back in 3600 seconds\."):
        quick().download(url, to)
    assert publisher.asked.count("/a.csv") == 1


def test_a_truncated_download_is_begun_again(publisher, quick, to):
    url = publisher.put("/a.csv", Answer(CONTENT[:100], announced=len(CONTENT)), Answer(CONTENT))
    assert quick().download(url, to).sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (to.read_bytes(), left(to)) == (CONTENT, ["a.csv"])


def test_a_download_that_stays_truncated_is_an_error_and_leaves_nothing(publisher, quick, to):
    url = publisher.put("/a.csv", Answer(CONTENT[:100], announced=len(CONTENT)))
    with pytest.raises(FetchError, match=r"a\.csv: cut off or lost 4 times \(.*received 100 bytes, expected 5017\)"):
        quick().download(url, to)
    assert left(to) == []


def test_a_site_that_falls_silent_is_asked_again(publisher, quick, to):
    never = threading.Event()
    url = publisher.put("/a.csv", Answer(CONTENT, after=never), Answer(CONTENT))
    assert quick(timeout=0.3).download(url, to).path.read_bytes() == CONTENT
    never.set()


# ---- what does not


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "404 Not Found. It has moved, or the link to it is wrong: look at the publisher's page."),
        (410, "410 Gone. It has moved"),
        (403, "403 Forbidden. The site refuses programs. Download it with a browser"),
        (418, "418 I'm a Teapot. Download it with a browser"),
    ],
)
def test_what_the_site_refuses_is_said_at_once(publisher, quick, to, status, said):
    with pytest.raises(FetchError) as error:
        quick().download(publisher.put("/a.csv", Answer(status=status)), to)
    assert str(error.value).startswith(f"{publisher.url}/a.csv: {said}")
    assert publisher.asked.count("/a.csv") == 1


def test_a_web_page_in_place_of_a_file_is_refused(publisher, quick, to):
    with pytest.raises(FetchError, match=r"a\.csv: found a web page, expected a file\."):
        quick().download(publisher.put("/a.csv", Answer(b"\r\n<!DOCTYPE html><p>Cookies</p>")), to)
    assert left(to) == []


def test_a_file_in_place_of_a_web_page_is_refused(publisher, quick):
    with pytest.raises(FetchError, match=r"/: found text/csv, expected a web page\."):
        quick().page(publisher.put("/", Answer(CONTENT)))


@pytest.mark.parametrize("announced", [None, 10])
def test_a_file_that_is_too_large_is_refused(publisher, quick, to, announced):
    body = CONTENT if announced is None else CONTENT[:10]
    with pytest.raises(FetchError, match=r"a\.csv: more than 0 MB, larger than any known file\."):
        quick(largest_file=9).download(publisher.put("/a.csv", Answer(body)), to)
    assert left(to) == []


def test_a_file_without_length_is_measured_as_it_comes(publisher, quick, to, monkeypatch):
    """A site that announces nothing sends until it closes."""

    def answer(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(CONTENT)
        request.close_connection = True

    publisher.answer = answer
    monkeypatch.setattr(Web, "_ask_robots", lambda *_: None)
    assert quick().download(publisher.url + "/a.csv", to).path.read_bytes() == CONTENT
    with pytest.raises(FetchError, match="larger than any known file"):
        quick(largest_file=1000).download(publisher.url + "/a.csv", to)


# ---- redirects


def redirect(to, **headers):
    return Answer(status=302, headers={"Location": to, **headers})


def test_a_redirect_on_the_site_is_followed(publisher, quick, to):
    publisher.put("/b.csv", Answer(CONTENT))
    assert quick().download(publisher.put("/a.csv", redirect("/b.csv")), to).path.read_bytes() == CONTENT


def test_a_redirect_to_another_site_is_refused(publisher, quick, to):
    url = publisher.put("/a.csv", redirect("https://example.org/b.csv"))
    with pytest.raises(FetchError, match=r"a\.csv: leads to another site, https://example\.org/b\.csv\."):
        quick().download(url, to)


def test_redirects_without_end_are_an_error(publisher, quick, to):
    with pytest.raises(FetchError, match=r"a\.csv: more than 5 redirects, the last to .*a\.csv\."):
        quick().download(publisher.put("/a.csv", redirect("/a.csv")), to)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.england.nhs.uk/", "https://www.england.nhs.uk/a", True),
        ("https://digital.nhs.uk/", "https://files.digital.nhs.uk/a", True),
        ("http://digital.nhs.uk/", "https://digital.nhs.uk/a", True),
        ("https://digital.nhs.uk/", "http://digital.nhs.uk/a", False),
        ("https://digital.nhs.uk/", "https://nhs.uk.example.org/a", False),
        ("https://digital.nhs.uk/", "https://evilnhs.uk/a", False),
        ("http://127.0.0.1:80/", "http://localhost/a", False),
        ("https://digital.nhs.uk/", "ftp://digital.nhs.uk/a", False),
    ],
)
def test_who_is_the_same_publisher(one, other, same):
    assert is_same_publisher(one, other) is same


# ---- no connection


@pytest.fixture
def nowhere():
    """An address at which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def test_offline_is_said_at_once(publisher, quick, to, nowhere):
    reader = quick()
    with pytest.raises(OfflineError, match=r"127\.0\.0\.1:\d+: cannot be reached \(.*\)\. Connect to the internet"):
        reader.download(nowhere + "/a.csv", to)
    assert (reader.rested, left(to)) == ([], [])


def test_a_second_site_that_cannot_be_reached_is_no_lack_of_a_connection(publisher, quick, to, nowhere):
    reader = quick()
    reader.page(publisher.page("/", ""))
    with pytest.raises(FetchError, match=r"robots\.txt: cannot be read") as error:
        reader.download(nowhere + "/a.csv", to)
    assert not isinstance(error.value, OfflineError)
    assert len(reader.rested) == ATTEMPTS - 1


def test_an_address_that_is_none_is_said(quick, to):
    with pytest.raises(FetchError, match=r"http://127\.0\.0\.1:x/b\.csv: no address \(Invalid port: 'x'\)\."):
        quick().download("http://127.0.0.1:x/b.csv", to)


def test_a_redirect_to_what_is_no_address_is_said(publisher, quick, to):
    with pytest.raises(FetchError, match=r"a\.csv: cut off or lost 4 times \(Invalid URL in location header"):
        quick().download(publisher.put("/a.csv", redirect("http://127.0.0.1:x/b.csv")), to)


# ---- half-written


def test_a_download_that_is_interrupted_leaves_nothing(publisher, quick, to, monkeypatch):
    def interrupted(response):
        yield CONTENT[:100]
        assert left(to) == [".a.csv.part"]
        raise KeyboardInterrupt

    monkeypatch.setattr(httpx.Response, "iter_bytes", interrupted)
    monkeypatch.setattr(Web, "_ask_robots", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        quick().download(publisher.put("/a.csv", Answer(CONTENT)), to)
    assert left(to) == []


def test_a_download_takes_the_place_of_an_older_file_only_when_whole(publisher, quick, to):
    to.parent.mkdir(parents=True)
    to.write_bytes(b"old")
    with pytest.raises(FetchError):
        quick().download(publisher.put("/a.csv", Answer(b"<html>")), to)
    assert to.read_bytes() == b"old"
