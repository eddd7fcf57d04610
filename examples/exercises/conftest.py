"""Homework that marks itself: options of pytest for the exercises. docs/for-teachers.md describes them.

python -m pytest examples/exercises --score                             # points for each exercise
python -m pytest examples/exercises --student "Ada Lovelace"            # other numbers, always the same for a name
python -m pytest examples/exercises --student "Ada Lovelace" --score    # also writes a report for the teacher
"""

import os
import re
from pathlib import Path

import pytest

from . import check_reports

# The points for each exercise, in the order of the exercises. All tests of an exercise count the same.
POINTS = {
    "step": 4,
    "unroll": 6,
    "step_backward": 12,
    "backward": 18,
    "forward_padded": 12,
    "padded_mean_squared_error": 9,
    "shift": 8,
    "clip": 6,
    "memory_left": 9,
    "flip_padded": 6,
    "LeakyCell": 10,
}


def pytest_addoption(parser):
    group = parser.getgroup("exercises", "homework")
    group.addoption("--score", action="store_true", help="show the points for each exercise")
    group.addoption("--student", metavar="NAME", help="draw other numbers, which depend on this name")
    group.addoption("--report", metavar="FILE", help="write the score to this file, not to homework-NAME.json")


def pytest_configure(config):
    name, file = config.getoption("student"), config.getoption("report")
    if file and name is None:
        raise pytest.UsageError("--report needs --student NAME: a report says whose it is.")
    if file and not Path(file).absolute().parent.is_dir():
        raise pytest.UsageError(f"--report needs a folder that exists, got {file}.")
    if name is not None:
        if not check_reports.plain(name):
            raise pytest.UsageError("--student needs a name.")
        os.environ["EXERCISES_SEED"] = str(check_reports.seed(name))  # test_exercises.py draws its numbers with it
    if config.getoption("score") or file:
        config.pluginmanager.register(Score(name, file))


class Score:
    """Count the tests that pass, print the points, and write the report."""

    def __init__(self, name, file):
        self.name, self.file, self.tests, self.passed = name, file, None, set()

    def pytest_collection_finish(self, session):
        modules = [item.module for item in session.items if item.name.startswith("test_")]
        self.tests = modules[0] if modules else None

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid.rpartition("::")[2])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter):
        """Write after pytest's own summary."""
        yield
        write = terminalreporter.write_line
        if self.tests is None:
            write("There is no score, because no test has run.")
            return
        write(f"\n{'exercise':<30}    tests       points")
        points = {}
        for number, (exercise, most) in enumerate(POINTS.items(), start=1):
            # All of the file's tests, also those that were left out because of -k or -x
            names = {name for name in vars(self.tests) if re.match(rf"test_{number}_", name)}
            passed = len(names & self.passed)
            points[exercise] = round(most * passed / len(names), 1)
            write(f"{number:>2} {exercise:<30} {passed} of {len(names)} {points[exercise]:>6g} of {most:>3}")
        write(f"{'total':<33} {'':>6} {round(sum(points.values()), 1):>6g} of {sum(POINTS.values())}")
        if self.name is not None:
            report = check_reports.create(self.name, points, self.tests.MODULE.__file__, self.tests.__file__)
            file = self.file or "homework-" + re.sub(r"\W+", "-", check_reports.plain(self.name)) + ".json"
            check_reports.save(file, report)
            write(f"\nYour report is {file}.")
