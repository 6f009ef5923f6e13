"""What is found on pages of the publishers' structure; the names of files are the publications' own."""

import re
from datetime import date
from types import SimpleNamespace

import pytest

from openmeasures.errors import FetchError
from openmeasures.fetching import finding
from openmeasures.fetching.finding import find, listing_of
from openmeasures.fetching.links import read_page
from openmeasures.releases import ReleaseStatus
from openmeasures.sources import Listing, all_sources

SITE = "https://www.england.nhs.uk/statistics"
AREA = f"{SITE}/statistical-work-areas/"
UPLOADS = f"{SITE}/wp-content/uploads/sites/2"
SERIES_OF_MAY = f"{UPLOADS}/2024/06/Monthly-AE-Time-Series-May-2024.xls"


def html(*links, after=""):
    return "".join(f'<p><a href="{url}">{text}</a> {after}</p>' for text, url in links)


@pytest.fixture
def look():
    """Find in pages given by their addresses; return the offers, and which pages were read, in order."""

    def run(name, pages, **how):
        source = all_sources()[name] if isinstance(name, str) else name
        read = []

        def page(url):
            read.append(url)
            return read_page(url, pages[url])

        offers = find(source, listing_of("source", source), page, **how)
        return [(offer.file_name, offer.month and f"{offer.month:%Y-%m}") for offer in offers], read

    return run


def years(slug, *names):
    return [(f"Data {name}", f"{slug.format(name)}/") for name in names]


# ---- each source


def ae(*extra):
    area = AREA + "ae-waiting-times-and-activity/"
    slug = area + "ae-attendances-and-emergency-admissions-{}"
    named = ("2024-25", "2023-24", "2022-23")
    return {
        area: html(*years(slug, *named)),
        slug.format("2024-25") + "/": html(
            ("Monthly A&amp;E Time Series May 2024 (XLS, 400KB)", SERIES_OF_MAY),
            ("Adjusted Monthly A&amp;E Time Series June 2024", SERIES_OF_MAY.replace("May", "June")),
            ("Statistical commentary May 2024 (PDF)", f"{UPLOADS}/2024/06/Statistical-commentary-May-2024.pdf"),
            ("Monthly A&amp;E May 2024 (XLS)", f"{UPLOADS}/2024/06/May-2024-AE-by-provider-x.xls"),
            ("Monthly A&amp;E May 2024 (CSV)", f"{UPLOADS}/2024/06/Monthly-AE-May-2024.csv"),
            ("Monthly A&amp;E April 2024 (XLS)", f"{UPLOADS}/2024/05/April-2024-AE-by-provider-x.xls"),
            *extra,
        ),
        slug.format("2023-24") + "/": html(
            ("Monthly A&amp;E Time Series March 2024 (XLS, 400KB)", SERIES_OF_MAY.replace("May", "March")),
            ("March 2024 (CSV)", f"{UPLOADS}/2024/06/March-2024-revised-130624-abcdef123.csv"),
        ),
        slug.format("2022-23") + "/": html(("March 2023 (CSV)", f"{UPLOADS}/2023/06/March-2023.csv")),
    }  # fmt: skip


def test_ae_is_a_csv_a_month_or_else_a_workbook_of_the_last_two_years(look):
    offers, read = look("ae_monthly", ae())
    assert offers == [
        ("March-2024-revised-130624-abcdef123.csv", "2024-03"),
        ("April-2024-AE-by-provider-x.xls", "2024-04"),
        ("Monthly-AE-May-2024.csv", "2024-05"),
    ]
    assert [url.rstrip("/")[-7:] for url in read] == ["ctivity", "2024-25", "2023-24"]


@pytest.mark.parametrize(
    ("since", "first", "pages"),
    [((2024, 4), "2024-04", 2), ((2024, 5), "2024-05", 2), ((2023, 3), "2023-03", 4), ((2024, 3), "2024-03", 3)],
)
def test_no_page_of_a_year_before_the_first_month_is_read(look, since, first, pages):
    offers, read = look("ae_monthly", ae(), since=date(*since, 1))
    assert (offers[0][1], len(read)) == (first, pages)


def test_nothing_after_the_last_month_is_found_and_that_is_no_error(look):
    assert look("ae_monthly", ae(), since=date(2026, 4, 1))[0] == []


@pytest.mark.parametrize(("held", "first"), [((2023, 3), "2023-03"), ((2024, 2), "2024-03")])
def test_no_month_is_left_out_between_what_is_here_and_what_is_new(look, held, first):
    assert look("ae_monthly", ae(), held=date(*held, 1))[0][0][1] == first


def test_the_national_series_is_the_newest_and_not_the_adjusted(look):
    assert look("ae_time_series", ae())[0] == [("Monthly-AE-Time-Series-May-2024.xls", "2024-05")]


def test_a_series_has_every_month_whichever_is_the_first_wanted(look):
    offers, _ = look("ae_time_series", ae(), since=date(2026, 4, 1))
    assert offers == [("Monthly-AE-Time-Series-May-2024.xls", "2024-05")]


def test_an_original_stands_before_its_revision(look):
    revised = ("Monthly A&amp;E May 2024 revised (CSV)", f"{UPLOADS}/2024/05/A-Monthly-AE-May-2024.csv")
    assert [name for name, month in look("ae_monthly", ae(revised))[0] if month == "2024-05"] == [
        "Monthly-AE-May-2024.csv",
        "A-Monthly-AE-May-2024.csv",
    ]


def test_diagnostics(look):
    area = all_sources()["diagnostic_waits"].URL
    slug = area + "monthly-diagnostics-data-{}"
    offers, _ = look("diagnostic_waits", {
        area: html(*years(slug, "2025-26")),
        slug.format("2025-26") + "/": html(
            ("Provider", f"{UPLOADS}/2025/06/Monthly-Diagnostics-Web-File-Provider-April-2025_3EY67.xls"),
            ("Commissioner", f"{UPLOADS}/2025/06/Monthly-Diagnostics-Web-File-Commissioner-April-2025_3EY67-1.xls"),
            ("Provider", f"{UPLOADS}/2025/09/Monthly-Diagnostics-Provider-July-2025.xls"),
        ),
    })  # fmt: skip
    assert offers == [
        ("Monthly-Diagnostics-Web-File-Provider-April-2025_3EY67.xls", "2025-04"),
        ("Monthly-Diagnostics-Provider-July-2025.xls", "2025-07"),
    ]


def test_cancer_is_two_steps_away(look):
    area = all_sources()["cancer_waiting_times"].URL
    monthly = area + "monthly-data-and-summaries/"
    slug = monthly + "{}-monthly-cancer-waiting-times-statistics"
    offers, read = look("cancer_waiting_times", {
        area: html(("Monthly data", monthly), ("Extract", f"{UPLOADS}/x/CWT-CRS-Data-Extract-Provider.xlsx")),
        monthly: html(*years(slug, "2025-26", "2024-25", "2023-24")),
        slug.format("2025-26") + "/": html(
            ("October 2025 Monthly Combined Workbook Provisional",
             f"{UPLOADS}/2025/12/October-2025-Monthly-Combined-Workbook-Provisional.xlsx"),
            ("October 2025 Monthly Combined CSV Provisional",
             f"{UPLOADS}/2025/12/October-2025-Monthly-Combined-CSV-Provisional.csv"),
        ),
        slug.format("2024-25") + "/": html(
            ("Provider workbook, final", f"{UPLOADS}/2025/10/APRIL-2024-CWT-CRS-PROVIDER-WORKBOOK-FINAL.xlsx"),
            ("Commissioner workbook", f"{UPLOADS}/2025/10/APRIL-2024-CWT-CRS-COMMISSIONER-WORKBOOK-FINAL.xlsx"),
        ),
    })  # fmt: skip
    assert offers == [
        ("APRIL-2024-CWT-CRS-PROVIDER-WORKBOOK-FINAL.xlsx", "2024-04"),
        ("October-2025-Monthly-Combined-Workbook-Provisional.xlsx", "2025-10"),
    ]
    assert len(read) == 4


def rtt():
    area = all_sources()["rtt_waiting_times"].URL
    return {
        area: html(*years(area + "rtt-data-{}", "2025-26")),
        area + "rtt-data-2025-26/": html(
            ("Full CSV data file Feb26 (ZIP, 4M)", f"{UPLOADS}/2026/04/Full-CSV-data-file-Feb26-ZIP-4M-9j03fJT.zip"),
            ("Incomplete Provider Feb26 (XLSX, 8M)", f"{UPLOADS}/2026/04/Incomplete-Provider-Feb26-XLSX-8M.xlsx"),
            ("RTT Overview Timeseries Including Estimates for Missing Trusts Feb26 (XLS, 109K)",
             f"{UPLOADS}/2026/04/RTT-Overview-Timeseries-Including-Estimates-for-Missing-Trusts-Feb26-XLS-109K.xlsx"),
        ),
    }  # fmt: skip


def test_rtt(look):
    assert look("rtt_waiting_times", rtt())[0] == [("Full-CSV-data-file-Feb26-ZIP-4M-9j03fJT.zip", "2026-02")]
    [(name, month)] = look("rtt_overview", rtt())[0]
    assert (name[:22], month) == ("RTT-Overview-Timeserie", "2026-02")


def test_ambulance_files_stand_on_the_landing_page_with_their_day(look):
    source = all_sources()["ambulance_systems"]
    content = html(
        ("AmbSYS time series to December 2024 (xlsx, 2.9MB)", f"{UPLOADS}/x/AmbSYS-Time-Series-until-20241231.xlsx"),
        ("AmbCO time series to August 2024 (xlsx, 1.6MB)", f"{UPLOADS}/x/AmbCO-Time-Series-until-20240831.xlsx"),
        ("AmbSYS August 2017 to December 2024 (csv, 1.1MB)", f"{UPLOADS}/x/AmbSYS-until-20241231.csv"),
        after="(published on 9 January 2025): AmbSYS from August 2017 to the latest month, final",
    )
    assert look("ambulance_systems", {source.URL: content})[0] == [
        ("AmbSYS-Time-Series-until-20241231.xlsx", "2024-12")
    ]
    [offer] = find(source, listing_of("a", source), lambda url: read_page(url, content))
    assert offer.vintage == (ReleaseStatus.PROVISIONAL, date(2025, 1, 9))


def test_cancelled_operations_stand_on_the_landing_page_by_quarter(look):
    source = all_sources()["elective_cancellations"]
    content = html(
        ("Cancelled Operations Q4 2024-25", f"{UPLOADS}/2025/05/Q4-2024-25-Cancelled-Operations.xlsx"),
        ("Cancelled Operations Q3 2024-25", f"{UPLOADS}/2025/02/Q3-2024-25-Cancelled-Operations-65554.xlsx"),
        ("Guidance", f"{UPLOADS}/2021/10/Cancelled-Operations-Guidance.docx"),
        ("Time series", f"{UPLOADS}/2025/05/Cancelled-Operations-Timeseries-Q4-2024-25.xlsx"),
    )
    assert look("elective_cancellations", {source.URL: content})[0] == [
        ("Q3-2024-25-Cancelled-Operations-65554.xlsx", "2024-12"),
        ("Q4-2024-25-Cancelled-Operations.xlsx", "2025-03"),
    ]


LISTED = {name: source.LISTING for name, source in all_sources().items() if hasattr(source, "LISTING")}


@pytest.mark.parametrize("name", LISTED)
def test_a_listing_can_be_searched_for(name):
    """And leads somewhere: that its patterns fit what they should is what the tests above are for."""
    assert listing_of(name, all_sources()[name]) is LISTED[name]
    assert LISTED[name].files
    assert all(re.compile(pattern) for pattern in (*LISTED[name].files, *LISTED[name].pages))


# ---- digital.nhs.uk

SERIES = "https://digital.nhs.uk/data-and-information/publications/statistical/nhs-sickness-absence-rates"
CARD = """<div class="nhsd-m-download-card nhsd-!t-margin-bottom-6"><a class="nhsd-a-box-link" href="{url}">
<div class="nhsd-a-box"><p class="nhsd-t-heading-s" itemprop="name">{text}</p>
<span class="nhsd-a-tag nhsd-a-tag--meta">csv</span></div></a></div>"""


@pytest.fixture
def sickness():
    listing = Listing(files=(r"sickness.*\.csv$",), pages=(r"/nhs-sickness-absence-rates/[a-z]+-\d{4}$",))
    editions = [(f"NHS Sickness Absence Rates, {month}", f"{SERIES}/{month}") for month in ("may-2024", "april-2024")]
    files = "https://files.digital.nhs.uk/D2/{}/NHS%20Sickness%20Absence%20rates%20CSV%2C%20{}%202024.csv"
    pages = {
        f"{SERIES}/{month.lower()}-2024": f"<dl><dt>Publication date:</dt><dd>{day} 2024</dd></dl>"
        + CARD.format(url=files.format(month[:1], month), text=f"NHS Sickness Absence rates CSV, {month} 2024")
        for month, day in (("April", "29 Aug"), ("May", "26 Sep"))
    }
    return SimpleNamespace(URL=SERIES, LISTING=listing), {SERIES: html(*editions), **pages}


def test_an_edition_of_a_publication_has_cards(look, sickness):
    source, pages = sickness
    offers, _ = look(source, pages)
    assert offers == [
        ("NHS Sickness Absence rates CSV, April 2024.csv", "2024-04"),
        ("NHS Sickness Absence rates CSV, May 2024.csv", "2024-05"),
    ]
    assert len(look(source, pages, since=date(2024, 5, 1))[1]) == 2


def test_an_edition_gives_its_files_their_day_and_month(sickness):
    source, pages = sickness
    pages = {url: content.replace("%20May%202024", "").replace(", May 2024", "") for url, content in pages.items()}
    _, may = find(source, source.LISTING, lambda url: read_page(url, pages[url]))
    assert (may.month, may.vintage.published) == (date(2024, 5, 1), date(2024, 9, 26))


# ---- what texts tell


@pytest.fixture
def offer():
    """Give what is made of a lone link, or None where it is passed over."""

    def one(text, name, heading="", after="", url=f"{UPLOADS}/2024/06/"):
        source = SimpleNamespace(URL=AREA, LISTING=Listing(files=(r"\.csv$",)))
        content = f'<h3>{heading}</h3><p><a href="{url}{name}">{text}</a> {after}</p>'
        [found] = find(source, source.LISTING, lambda url: read_page(url, content))
        return found

    return one


@pytest.mark.parametrize(
    ("text", "name", "after", "status", "published"),
    [
        ("May 2024", "a.csv", "", "provisional", None),
        ("May 2024 (CSV) – Revised 14.05.26", "a.csv", "", "revised", date(2026, 5, 14)),
        ("May 2024", "a.csv", "(published on 9 June 2024, revised 1 July 2024)", "revised", date(2024, 7, 1)),
        ("May 2024", "May-2024-revised-130624.csv", "", "revised", date(2024, 6, 13)),
        ("May 2024", "May-2024-FINAL.csv", "(updated 9 June 2024)", "final", date(2024, 6, 9)),
        ("May 2024", "a.csv", "This was not revised on a day.", "revised", None),
        ("May 2024", "a.csv", "See 9 June 2024.", "provisional", None),
    ],
)
def test_how_settled_a_file_is_and_since_when(offer, text, name, after, status, published):
    assert offer(text, name, after=after).vintage == (ReleaseStatus(status), published)


@pytest.mark.parametrize(
    ("text", "name", "heading", "month"),
    [
        ("May 2024", "June-2024.csv", "July 2024", (2024, 5)),
        ("Providers", "June-2024.csv", "July 2024", (2024, 6)),
        ("Providers", "providers.csv", "July 2024", (2024, 7)),
        ("Providers", "providers.csv", "Downloads", None),
    ],
)
def test_where_the_month_is_from(offer, text, name, heading, month):
    assert offer(text, name, heading).month == (date(*month, 1) if month else None)


def test_a_file_that_nothing_dates_is_wanted_whatever_the_first_month(look):
    source = SimpleNamespace(URL=AREA, LISTING=Listing(files=(r"\.csv$",)))
    pages = {AREA: html(("Providers", "providers.csv"), ("May 2024", "May-2024.csv"))}
    assert look(source, pages, since=date(2025, 1, 1))[0] == [("providers.csv", None)]
    pages = {AREA: html(("Providers", "providers.csv"))}
    assert look(source, pages)[0] == [("providers.csv", None)]


# ---- pages that have changed


def test_a_landing_page_without_the_years_is_said_with_what_was_sought(look):
    area = all_sources()["rtt_waiting_times"].URL
    with pytest.raises(FetchError) as error:
        look("rtt_waiting_times", {area: html(("New address", "https://data.nhs.uk/rtt/"))})
    assert str(error.value) == (
        f"{area} (links: 1): no link with an address like 'rtt-data-\\\\d{{4}}-\\\\d{{2}}'. {finding.CHANGED}"
    )


def test_pages_without_files_are_said_with_what_was_sought(look):
    pages = {url: content.replace("Full", "Part") for url, content in rtt().items()}
    with pytest.raises(FetchError, match=r"rtt-data-2025-26/ \(links: 3\): no link to a file like 'full\.csv\."):
        look("rtt_waiting_times", pages)


@pytest.mark.parametrize("url", ["https://example.org/", "https://www.england.nhs.uk.example.org/"])
def test_a_link_to_another_site_is_not_followed(offer, url):
    with pytest.raises(FetchError, match="no link to a file"):
        offer("May 2024", "May-2024.csv", url=url)


def test_a_year_on_another_site_is_not_followed(look):
    area = all_sources()["rtt_waiting_times"].URL
    with pytest.raises(FetchError, match="no link with an address"):
        look("rtt_waiting_times", {area: html(*years("https://example.org/rtt-data-{}", "2025-26"))})


def test_a_source_that_does_not_say_how_its_files_are_listed(look):
    with pytest.raises(FetchError, match=r"here: its module does not say .* from https://x/ .*CONTRIBUTING\.md"):
        listing_of("here", SimpleNamespace(URL="https://x/"))
