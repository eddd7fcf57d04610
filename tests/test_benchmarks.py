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
    assert all(name.startswith("small ") for name in measured)  # the names of the real cases are others
    assert len(measured) == 9
    for contestants in measured.values():
        assert len(contestants) >= 2
        assert all(times[0] > 0 for times in contestants["ours"].values())
    assert set(measured["small tagger"]["torch"]) == {"step", "peak MiB"}
