"""The benchmark runs, and its bare loops are right. What it measures needs a quiet machine."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vanilla_rnn import RNN

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    output = tmp_path / "results.json"
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--small", "--threads", "1", "--output", str(output)]
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


@pytest.mark.parametrize("batch", [1, 3])
def test_the_bare_loops_compute_the_gradients(batch):
    spec = importlib.util.spec_from_file_location("contestants", BENCHMARKS / "contestants.py")
    contestants = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(contestants)
    x, d_output = contestants.arrays(batch, 6, 5, 4)
    d_x, *d_weights = contestants.bare(batch, 6, 5, 4)["training"]()
    expected = RNN(5, 4, dtype=np.float32, rng=0).forward(x).backward(d_output)
    np.testing.assert_allclose(d_x.reshape(6, batch, 5).swapaxes(0, 1), expected.d_x, rtol=1e-5, atol=1e-6)
    for values, name in zip(d_weights, ("W_xh", "W_hh", "b_h"), strict=True):
        np.testing.assert_allclose(values, expected.d_parameters[f"cells.0.{name}"], rtol=1e-5, atol=1e-5)
