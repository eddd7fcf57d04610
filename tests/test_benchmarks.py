"""The benchmark runs. What it measures is for a quiet machine to say; that the results are right, for the other tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent.parent / "benchmarks" / "run.py"


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    output = tmp_path / "results.json"
    command = [sys.executable, str(RUN), "--small", "--threads", "1", "--output", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    figures = json.loads(output.read_text(encoding="utf-8"))
    assert figures["machine"]["vanilla-rnn"] != "not installed"
    measured = figures["threads 1"]
    assert list(measured) == ["shapes", "lengths", "character_model", "stream", "textbook", "memory", "curves"]
    for row in measured["shapes"]:
        assert row["seconds"]["ours"] > 0
        assert row["least"] > 0
    assert len(measured["shapes"]) == 4
    assert set(measured["curves"]) == {"time", "batch", "hidden"}
