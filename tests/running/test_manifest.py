import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from openmeasures.errors import StoreError
from openmeasures.running import manifest
from openmeasures.running.manifest import Entry, History

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)


def entry(org_code="RC9", *, measure_id="four_hours", **values):
    standard = {"period_to": "2024-03", "digest": "d1", "status": "done", "seconds": 1.5, "sha256": "ab", "ended": NOON}
    return Entry(measure_id=measure_id, org_code=org_code, **(standard | values))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "_build" / "manifest.jsonl"


def test_without_a_manifest_there_is_no_entry(path):
    assert manifest.read(path) == []


def test_an_entry_is_read_as_it_was_written(path):
    failed = entry(status="failed", sha256="", error='cell 3: „Größe“ – "\\" \u2028')
    manifest.append(path, failed)
    assert manifest.read(path) == [failed]


def test_each_run_has_a_line(path):
    for code in ("RC9", "RJ1"):
        manifest.append(path, entry(code))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_entries_are_in_order_of_measure_and_organisation(path):
    for measure_id, code in (("b", "RC9"), ("a", "RJ1"), ("a", "RC9")):
        manifest.append(path, entry(code, measure_id=measure_id))
    assert [(e.measure_id, e.org_code) for e in manifest.read(path)] == [("a", "RC9"), ("a", "RJ1"), ("b", "RC9")]


def test_the_last_line_of_a_run_counts(path):
    manifest.append(path, entry(seconds=1.0))
    manifest.append(path, entry(status="failed", error="broken", sha256=""))
    manifest.append(path, entry("RJ1"))
    manifest.append(path, entry(seconds=2.0))
    assert [(e.org_code, e.status, e.seconds) for e in manifest.read(path)] == [
        ("RC9", "done", 2.0),
        ("RJ1", "done", 1.5),
    ]


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_a_line_that_was_cut_off_does_not_count(path, kept):
    manifest.append(path, entry("RC9"))
    whole = path.read_bytes()
    path.write_bytes(whole + entry("RJ1", error="–").model_dump_json().encode()[:kept])
    assert [e.org_code for e in manifest.read(path)] == ["RC9"]


def test_a_line_that_was_cut_off_within_a_letter_does_not_count(path):
    manifest.append(path, entry("RC9"))
    path.write_bytes(path.read_bytes() + '{"error":"–'.encode()[:-1])
    assert [e.org_code for e in manifest.read(path)] == ["RC9"]


def test_the_next_run_takes_the_place_of_a_line_that_was_cut_off(path):
    manifest.append(path, entry("RC9"))
    path.write_bytes(path.read_bytes() + b'{"measure_id":"four_ho')
    manifest.append(path, entry("RJ1"))
    assert [e.org_code for e in manifest.read(path)] == ["RC9", "RJ1"]


def test_the_next_run_takes_the_place_of_an_only_line_that_was_cut_off(path):
    path.parent.mkdir()
    path.write_bytes(b'{"measure_id":"four_ho')
    manifest.append(path, entry("RJ1"))
    assert [e.org_code for e in manifest.read(path)] == ["RJ1"]


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", "[]", "1", "{}", '{"measure_id": "four_hours"}', entry().model_dump_json()[:-1] + ',"x":1}'],
)
def test_any_other_malformed_line_is_refused(path, line):
    manifest.append(path, entry())
    path.write_text(f"{line}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(StoreError, match=r"manifest.jsonl, line 1: not a run's record. Delete that line and run again"):
        manifest.read(path)


def test_a_malformed_last_line_that_was_not_cut_off_is_refused(path):
    manifest.append(path, entry())
    path.write_text(path.read_text(encoding="utf-8") + "nonsense\n", encoding="utf-8")
    with pytest.raises(StoreError, match="line 2"):
        manifest.read(path)


@pytest.mark.parametrize(
    "values", [{"status": "well"}, {"seconds": "soon"}, {"ended": NOON.replace(tzinfo=None)}, {"unheard_of": ""}]
)
def test_an_entry_has_its_fields_and_no_others(values):
    with pytest.raises(ValidationError):
        entry(**values)


# ---- what is known of a run


def test_a_run_that_never_succeeded_has_no_last_good_one(path):
    first, second = (
        entry(status="failed", error="broken", sha256="", ended=NOON + timedelta(days=day)) for day in (0, 1)
    )
    for each in (first, second):
        manifest.append(path, each)
    assert manifest.histories(path) == {("four_hours", "RC9"): History(second, None, NOON)}


def test_a_failure_leaves_the_last_good_run_and_says_since_when(path):
    good = entry()
    failures = [entry(status="failed", error="broken", sha256="", ended=NOON + timedelta(days=day)) for day in (1, 2)]
    for each in (good, *failures):
        manifest.append(path, each)
    assert manifest.histories(path)["four_hours", "RC9"] == History(failures[1], good, NOON + timedelta(days=1))


def test_a_run_that_succeeds_again_fails_no_more(path):
    again = entry(ended=NOON + timedelta(days=2))
    for each in (entry(), entry(status="failed", error="broken", sha256=""), again):
        manifest.append(path, each)
    assert manifest.histories(path)["four_hours", "RC9"] == History(again, again, None)


def test_where_things_are(tmp_path):
    assert manifest.path(tmp_path) == tmp_path / "manifest.jsonl"
    assert manifest.notebook_path(tmp_path, "four_hours", "RC9") == tmp_path / "notebooks" / "four_hours" / "RC9.ipynb"
    assert manifest.failed_path(tmp_path, "four_hours", "RC9") == tmp_path / "failed" / "four_hours" / "RC9.ipynb"


# ---- the notebook that a run left


def test_a_run_that_succeeded_or_failed_left_its_notebook_each_in_its_place(tmp_path):
    done, failed, killed = entry(), entry(status="failed"), entry(status="failed", sha256="")
    assert manifest.left_by(tmp_path, done) == manifest.notebook_path(tmp_path, "four_hours", "RC9")
    assert manifest.left_by(tmp_path, failed) == manifest.failed_path(tmp_path, "four_hours", "RC9")
    assert manifest.left_by(tmp_path, killed) is None


@pytest.mark.parametrize("status", ["done", "failed"])
def test_it_is_there_only_as_it_was_written(tmp_path, status):
    ended = entry(status=status, sha256=hashlib.sha256(b"as written").hexdigest())
    left = manifest.left_by(tmp_path, ended)
    assert not manifest.is_there(tmp_path, ended)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"as written")
    assert manifest.is_there(tmp_path, ended)
    assert not manifest.is_there(tmp_path, entry(status="failed", sha256=""))
    left.write_bytes(b"edited")
    assert not manifest.is_there(tmp_path, ended)


@pytest.mark.parametrize(
    ("values", "stays"),
    [({}, False), ({"status": "failed", "sha256": ""}, False), ({"status": "failed"}, True)],
)
def test_a_failed_notebook_stays_only_where_the_run_has_left_it(tmp_path, values, stays):
    kept = manifest.failed_path(tmp_path, "four_hours", "RC9")
    kept.parent.mkdir(parents=True)
    kept.touch()
    manifest.record(tmp_path, entry(**values))
    assert kept.exists() == stays
    assert manifest.read(manifest.path(tmp_path)) == [entry(**values)]
