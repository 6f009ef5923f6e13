"""What is under version control: sources, and nothing that was built from them or that is somebody's data."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT = {"_build", "_site", "data"}  # as commands name them, wherever `--out` and `--data` say


def test_nothing_that_was_built_is_tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a checkout of git")  # pragma: no cover - as in a download without history
    assert [name for name in listed.stdout.split("\0") if BUILT & {*Path(name).parts[:-1]}] == []
