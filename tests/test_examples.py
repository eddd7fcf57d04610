"""Every example runs, and what it claims is so. Each runs as a reader would run it, in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, *arguments, ok=True):
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode == 0) == ok, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if ok else result.stderr


def test_every_example_has_a_test():
    tested = set(re.findall(r'run\(\s*"(\w+\.py)"', Path(__file__).read_text("utf-8")))
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested


def test_worked_example():
    printed = run("01_worked_example.py")
    readme = (EXAMPLES.parent / "README.md").read_text("utf-8")
    table = re.search(r"\| Timestep \|.*?\n\n", printed, re.DOTALL).group()
    assert table in readme
    assert table.count("\n") == 7
    assert re.search(r"h\[1\] +0\.6600 \+ +-0\.1490 = +0\.5110 +tanh: +0\.4707", printed)
    assert "positive: 0.558\n" in printed
    assert "chosen" in printed


def test_worked_example_takes_a_sentence():
    printed = run("01_worked_example.py", "movie love I")
    assert re.search(r'\| t=2 +\| "I" ', printed)
    assert "t=3" not in printed
    message = run("01_worked_example.py", "I hate this movie", ok=False)
    assert "doesn't know 'hate'. The words it knows, in any order and number: I love this movie" in message
    assert "I love this movie" in run("01_worked_example.py", "", ok=False)


def test_recover_the_weights():
    printed = run("02_recover_the_weights.py")
    assert "9,261 candidates" in printed
    assert [int(count) for count in re.findall(r"unit \d: (\d+) left", printed)] == [1, 2, 1]
    assert re.findall(r"rank (\d), the largest weight is (\S+)", printed) == [("2", "0.5"), ("3", "1.0")]
    assert re.search(r"love \[0\.01 0\.66 0\.27\]", printed)
    assert [int(count.replace(",", "")) for count in re.findall(r"^ +([\d,]+) left", printed, re.MULTILINE)] == [
        1,
        24,
        24,
        3,
        1,
    ]
    assert "W_xh = [[0.5, -0.3], [0.2, 0.7], [-0.1, 0.4]]" in printed
    assert printed.endswith("All twelve numbers equal the printed ones.\n")


def test_order_matters():
    printed = run("03_order_matters.py")
    sums = re.findall(r"word vectors (\[.*?\])", printed)
    states = re.findall(r"last state (\[.*?\])", printed)
    assert sums[0] == sums[1]
    assert states[0] != states[1]
    assert re.findall(r"(\d+) words: +(\d+) states, (\d+) parameters", printed) == [
        ("4", "4", "18"),
        ("40", "40", "18"),
    ]
    assert "weights are the same" in printed
