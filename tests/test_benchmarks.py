"""The benchmark whose notebook is its own, and so could fall behind the results that a run has to have."""

import importlib.util
import sys
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[1] / "benchmarks" / "runs.py"


@pytest.mark.skipif(sys.platform != "linux", reason="CPU seconds of grandchildren can be counted on Linux alone")
def test_the_tiny_notebook_of_the_benchmark_runs(monkeypatch):
    spec = importlib.util.spec_from_file_location("runs", RUNS)
    runs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runs)
    monkeypatch.setattr(runs, "with_orphans", lambda: None)  # of this process, which has others as well
    [counted, *_] = runs.growth((2,)).columns
    assert list(counted.cells) == ["2"]
