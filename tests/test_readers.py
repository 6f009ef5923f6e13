import re

from openmeasures import imports, readers
from openmeasures.sources import all_sources
from openmeasures.store import Store


def test_a_fingerprint_is_of_the_reader_and_of_all_that_it_needs(monkeypatch, tmp_path):
    """Not of what it does not need: else a change of any chart would have everything read anew."""
    modules = imports.closure(["openmeasures.sources.ae_monthly"])
    assert {"openmeasures.tables", "openmeasures.sources.ae_monthly.provider_csv"} <= set(modules)
    assert not [name for name in modules if re.search("charts|fetching|methods|publishing|sample", name)]
    before = readers.fingerprint("ae_monthly")
    assert re.fullmatch("[0-9a-f]{16}", before)
    changed = tmp_path / "tables.py"
    changed.write_bytes(modules["openmeasures.tables"].read_bytes() + b"# changed\n")
    monkeypatch.setattr(imports, "closure", lambda _: {**modules, "openmeasures.tables": changed})
    assert readers.fingerprint.__wrapped__("ae_monthly") != before


def test_every_source_has_a_fingerprint_of_its_own():
    assert len({readers.fingerprint(name) for name in all_sources()}) == len(all_sources())


def test_what_another_version_has_read_is_outdated(store, keep, monkeypatch):
    keep(("RC9", 1000, 400))
    assert readers.outdated(store) == []
    monkeypatch.setattr(readers, "fingerprint", lambda _: "another")
    assert [release.file_name for release in readers.outdated(store)] == ["March-2024.csv"]


def test_the_sample_is_never_outdated(sample_folder, monkeypatch):
    """Since `sample` makes it anew where code has changed."""
    monkeypatch.setattr(readers, "fingerprint", lambda _: "another")
    assert readers.outdated(Store(sample_folder)) == []
