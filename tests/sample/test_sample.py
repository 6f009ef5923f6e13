from openmeasures import sample
from openmeasures.sources import SourceFile, all_sources, recognise


def test_every_publication_has_files_in_the_sample_that_its_own_reader_recognises(tmp_path):
    by_source = {name: sample.write(name, tmp_path) for name in sample.names()}
    assert by_source.keys() == all_sources().keys()
    assert all(by_source.values())
    for name, paths in by_source.items():
        file = SourceFile(str(paths[0]), paths[0].name, paths[0].read_bytes())
        assert recognise(file)[0] == name
