"""What the layouts have in common, and what is none of them."""

import pytest

from openmeasures.errors import SourceError
from openmeasures.sources import SourceFile, cancer_waiting_times, recognise
from openmeasures.sources.cancer_waiting_times import combined_workbook, data_extract, provider_workbook

NONE_OF_THEM = (
    "folder/{}: none of the layouts of cancer waiting times that can be read; expected a provider workbook, a provider "
    "data extract or a combined workbook, October 2023 or later. Check the file."
)


@pytest.fixture
def files(made, workbook_sheets, extract_rows, combined_rows):
    """A file of each layout, by the module that reads it."""
    return {
        provider_workbook: made(workbook_sheets),
        data_extract: made({"CWT CRS Provider Extract": extract_rows}),
        combined_workbook: made({"Provider Level Performance": combined_rows}),
    }


def test_each_layout_is_recognised_by_its_own_reader_alone(files):
    for file in files.values():
        recognising = [layout for layout in cancer_waiting_times.LAYOUTS if layout.recognises(file.workbook)]
        assert [files[layout] for layout in recognising] == [file]


def test_each_layout_is_recognised_among_all_sources_whatever_its_name(files):
    for file in files.values():
        assert cancer_waiting_times.recognises(file)
        assert recognise(file) == ("cancer_waiting_times", cancer_waiting_times)


def test_the_layouts_agree_where_they_overlap(files, values):
    read = [cancer_waiting_times.read(file) for file in files.values()]
    first, *others = (values(publication, "RCF") for publication in read)
    assert len(first) == 38
    assert all(other == first for other in others)


def test_a_release_is_known_by_its_bytes(files):
    for file in files.values():
        publication = cancer_waiting_times.read(file)
        assert publication.observations["release"].unique().to_list() == [file.sha256]
        assert publication.organisations["release"].unique().to_list() == [file.sha256]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Period,Org Code\r\nOct-23,RCF\r\n",
        b"PK\x03\x04 a zip of something else",
        b"PK\x03\x04 xl/workbook.xml torn",
    ],
)
def test_what_is_no_workbook_is_not_recognised(content):
    file = SourceFile("folder/file", "file", content)
    assert not cancer_waiting_times.recognises(file)
    with pytest.raises(SourceError) as caught:
        cancer_waiting_times.read(file)
    assert str(caught.value) == NONE_OF_THEM.format("file")


def test_another_workbook_is_not_recognised(made):
    file = made({"Provider": [["Org Code", "Total"], ["RCF", 1]], "Empty": []})
    assert not cancer_waiting_times.recognises(file)
    with pytest.raises(SourceError) as caught:
        cancer_waiting_times.read(file)
    assert str(caught.value) == NONE_OF_THEM.format("file.xlsx")


def test_the_publication_is_described():
    assert cancer_waiting_times.TITLE == "Cancer Waiting Times (monthly, providers)"
    assert cancer_waiting_times.PUBLISHER == "NHS England"
    assert cancer_waiting_times.URL.startswith("https://www.england.nhs.uk/statistics/")
    assert cancer_waiting_times.LICENCE == "Open Government Licence v3.0"
