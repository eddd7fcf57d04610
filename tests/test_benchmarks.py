"""The benchmark runs. Its measurements need a quiet machine, and other tests check that results are right."""

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
    assert len(measured["shapes"]) == 4
    assert all(row["seconds"]["ours"] > 0 and row["least"] > 0 for row in measured["shapes"])
    assert set(measured["curves"]) == {"time", "batch", "hidden"}
