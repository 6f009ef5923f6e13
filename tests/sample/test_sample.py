from openmeasures.sample import write_sample
from openmeasures.sources import SourceFile, all_sources, recognise


def test_every_publication_has_files_in_the_sample_that_its_own_reader_recognises(tmp_path):
    written = write_sample(tmp_path)
    by_source = {name: [path for path in written if path.parent.name == name] for name in all_sources()}
    assert all(by_source.values())
    for name, paths in by_source.items():
        file = SourceFile(str(paths[0]), paths[0].name, paths[0].read_bytes())
        assert recognise(file)[0] == name
