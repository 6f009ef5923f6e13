from datetime import date

import pytest

from openmeasures import project
from openmeasures.errors import FetchError
from openmeasures.fetching import record
from openmeasures.fetching.record import Entry
from openmeasures.releases import ReleaseStatus

FIRST = Entry(
    "ae_monthly", "April-2024.csv", "https://www.england.nhs.uk/April-2024.csv", None, date(2024, 5, 9), "0" * 64,
    ReleaseStatus.PROVISIONAL,
)  # fmt: skip
HEADINGS = "source,file_name,url,published,retrieved,sha256,status\n"


def but(**changes):
    return Entry(**{**vars(FIRST), **changes})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "reference" / "releases.csv"


def test_without_a_record_there_is_no_row(file):
    assert record.load(file) == []


def test_a_row_is_read_back(file):
    later = but(url="https://x/b,c.csv", published=date(2024, 5, 9), status=ReleaseStatus.REVISED)
    for entry in (later, FIRST):
        record.add(file, entry)
    assert record.load(file) == [FIRST, later]


def test_the_record_is_plain_and_sorted(file):
    record.add(file, but(source="rtt", url="https://x/2"))
    record.add(file, but(source="rtt", url="https://x/1"))
    record.add(file, FIRST)
    assert file.read_bytes().decode() == HEADINGS + "".join(
        f"{source},April-2024.csv,{url},,2024-05-09,{'0' * 64},provisional\n"
        for source, url in (("ae_monthly", FIRST.url), ("rtt", "https://x/1"), ("rtt", "https://x/2"))
    )


def test_the_same_bytes_again_are_one_row_of_the_first_day(file):
    record.add(file, FIRST)
    record.add(file, but(retrieved=date(2025, 1, 1), status=ReleaseStatus.REVISED, published=date(2024, 11, 14)))
    assert record.load(file) == [but(status=ReleaseStatus.REVISED, published=date(2024, 11, 14))]


@pytest.mark.parametrize("day", [date(2024, 5, 9), date(2025, 1, 1)])
def test_other_bytes_are_another_row_and_the_latest(file, day):
    record.add(file, FIRST)
    record.add(file, but(sha256="f" * 64, retrieved=day))
    rows = record.load(file)
    assert [entry.sha256[0] for entry in rows] == ["0", "f"]
    assert record.latest(rows, FIRST.url) == rows[-1]


def test_bytes_that_come_back_are_the_latest_again(file):
    days = (date(2024, 5, 9), date(2024, 6, 9), date(2024, 7, 9))
    for day, digit in zip(days, "0f0", strict=True):
        record.add(file, but(sha256=digit * 64, retrieved=day))
    assert [(entry.sha256[0], entry.retrieved) for entry in record.load(file)] == [("f", days[1]), ("0", days[2])]


def test_an_address_without_a_row_has_no_latest(file):
    assert record.latest([FIRST], "https://x/other") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "row 1: found '', expected 'source,file_name,url,published,retrieved,sha256,status'. Restore"),
        ("<<<<<<< HEAD\n", "row 1: found '<<<<<<< HEAD', expected 'source,"),
        (HEADINGS + "a,b\n", "row 2: not enough values to unpack (expected 7, got 2). Restore"),
        (
            HEADINGS + f"a,b,c,09/05/2024,2024-05-09,{'0' * 64},final\n",
            "row 2: Invalid isoformat string: '09/05/2024'.",
        ),
        (HEADINGS + f"a,b,c,,,{'0' * 64},final\n", "row 2: Invalid isoformat string: ''."),
        (HEADINGS + "a,b,c,,2024-05-09,1e+63,final\n", "row 2, sha256: found '1e+63', expected 64 hexadecimal digits."),
        (HEADINGS + f"a,b,c,,2024-05-09,{'0' * 64},draft\n", "row 2: 'draft' is not a valid ReleaseStatus."),
    ],
)
def test_a_damaged_record_is_named_by_its_row(file, content, said):
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    with pytest.raises(FetchError) as error:
        record.load(file)
    assert str(error.value).startswith(f"{file}, {said}")
    assert str(error.value).endswith("Restore the file from version control.")


def test_a_record_that_a_spreadsheet_saved_is_read(file):
    record.add(file, FIRST)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert record.load(file) == [FIRST]


def test_the_projects_own_record_can_be_read():
    assert record.path() == project.root() / "reference" / "releases.csv"
    assert record.path().is_file()
    assert all(entry.url.startswith("https://") for entry in record.load(record.path()))
