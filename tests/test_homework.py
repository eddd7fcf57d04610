"""Homework: points, reports that a teacher can check, and other numbers for every student."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "exercises"
SOLUTIONS = (FOLDER / "solutions.py").read_text("utf-8")


def run(*command, cwd, exercises="exercises"):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("EXERCISES_SEED", "PYTEST_ADDOPTS")
    }
    environment["EXERCISES"] = exercises
    command = [sys.executable, *command]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


def score(*options, **keywords):
    return run("-m", "pytest", "-p", "no:cacheprovider", "--color=no", FOLDER, *options, **keywords)


def check(folder, *options):
    result = run(FOLDER / "check_reports.py", folder, *options, cwd=folder)
    assert result.stderr == ""
    return result.returncode, result.stdout.splitlines()[1:]


@pytest.fixture(scope="module")
def homework():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER.parent))
        patch.delenv("EXERCISES", raising=False)
        yield importlib.import_module("exercises.check_reports")


def saved(homework, folder, student, solution, points=None, changes=None):
    """A report in a folder, with changes that were made after it was written."""
    file = folder / "solution.py"
    file.write_text(solution, "utf-8")
    report = homework.create(student, points or {"step": 4}, file, FOLDER / "test_exercises.py")
    homework.save(folder / f"{student}.json", report | (changes or {}))


@pytest.mark.usefixtures("homework")
def test_the_points_add_up_to_100_for_the_exercises_there_are():
    points = importlib.import_module("exercises.conftest").POINTS
    assert sum(points.values()) == 100
    assert list(points) == re.findall(r"^(?:def|class) (\w+)", SOLUTIONS, re.MULTILINE)
    page = (FOLDER.parent.parent / "docs" / "for-teachers.md").read_text("utf-8")
    table = re.findall(r"^\| (\d+) `(\w+)` \| (\d+) \|$", page, re.MULTILINE)
    assert table == [(str(n), name, str(most)) for n, (name, most) in enumerate(points.items(), start=1)]


def test_a_solution_gets_all_points_and_a_report_named_after_the_student(tmp_path):
    result = score("--student", "Ada  Lovelace", "--score", cwd=tmp_path, exercises="solutions")
    assert result.returncode == 0
    report = json.loads((tmp_path / "homework-ada-lovelace.json").read_text("utf-8"))
    assert (report["name"], report["total"], report["solution"]) == ("Ada Lovelace", 100, SOLUTIONS)
    assert re.search(r"^ 4 backward +6 of 6 +18 of +18$", result.stdout, re.MULTILINE)
    assert re.search(r"^total +100 of 100$", result.stdout, re.MULTILINE)
    assert check(tmp_path) == (
        1,
        [f"Ada Lovelace               100  {report['digest'][:8]}  the same code as solutions.py"],
    )


def test_tests_that_were_left_out_give_no_points(tmp_path):
    result = score("--score", "-k", "test_2_no or test_3", cwd=tmp_path, exercises="solutions")
    assert re.search(r"^total +14 of 100$", result.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--report", "x.json"], "needs --student NAME"), (["--student", " "], "needs a name"),
     (["--student", "Ada", "--report", "missing/x.json"], "a folder that exists, got missing")],
)  # fmt: skip
def test_a_wrong_option_is_an_error_before_any_test_runs(tmp_path, options, words):
    result = score(*options, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (4, "")
    assert words in result.stderr


def test_numbers_depend_on_the_name_alone(monkeypatch, homework):
    assert homework.seed("Ada Lovelace") == 1693219179209757213
    assert homework.seed(" ada  LOVELACE ") == homework.seed("Ada Lovelace") != homework.seed("Ada")

    def drawn(seed):
        monkeypatch.setenv("EXERCISES_SEED", str(seed))
        monkeypatch.delitem(sys.modules, "exercises.test_exercises", raising=False)
        tests = importlib.import_module("exercises.test_exercises")
        return tests.W_hh[0, 0], tests.rows[0, 0, 0], tests.leak[0]

    one, again, other = drawn(1), drawn(1), drawn(2)
    monkeypatch.delitem(sys.modules, "exercises.test_exercises")
    assert one == again
    assert not set(one) & set(other)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"total": 100}, "the report was changed"), ({"total": 100}, "the total isn't the sum"),
     ({"name": "Eve"}, "the report was changed"), ({"solution": "x = 1"}, "the solution isn't the one that was tested"),
     ({"tests_digest": "0"}, "marked by other tests")],
)  # fmt: skip
def test_a_changed_report_is_noticed(homework, tmp_path, changes, words):
    saved(homework, tmp_path, "Ada", "x = 0", changes=changes)
    code, (line,) = check(tmp_path)
    assert code == 1
    assert words in line


def test_equal_solutions_are_noticed_whatever_their_comments(homework, tmp_path):
    saved(homework, tmp_path, "Ada", "def step(x):\n    return x + 1\n")
    saved(homework, tmp_path, "Bob", 'def step(x):\n    """Mine."""\n    # my own\n    return  (x + 1)\n')
    saved(homework, tmp_path, "Cleo", "def step(x):\n    return 1 + x\n")
    code, (ada, bob, cleo) = check(tmp_path)
    assert code == 1
    assert bob.endswith("the same code as Ada")
    assert "same" not in ada + cleo


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", "[" * 100_000])
def test_a_file_that_isn_t_a_report_is_named(tmp_path, text):
    (tmp_path / "ada.json").write_text(text, "utf-8")
    code, (line,) = check(tmp_path)
    assert (code, "ada.json" in line, "isn't a report" in line) == (1, True, True)


def test_a_folder_without_reports_is_an_error(tmp_path):
    result = run(FOLDER / "check_reports.py", tmp_path, cwd=tmp_path)
    assert result.returncode == 2
    assert "contains no report" in result.stderr


def test_marking_again_finds_invented_points(homework, tmp_path):
    wrong = SOLUTIONS.replace("np.outer(d_a, h_prev)", "np.outer(d_a, h_t)").replace("norm <= max_norm", "False")
    points = importlib.import_module("exercises.conftest").POINTS
    saved(homework, tmp_path, "Ada", wrong, points)  # a checksum that a student has computed
    saved(homework, tmp_path, "Bob", "def step(:", points)
    assert [line.split()[1] for line in check(tmp_path)[1]] == ["100", "100"]
    code, (ada, bob) = check(tmp_path, "--run")
    assert code == 1
    assert "the report says 100" in ada
    assert ada.split()[1] == "84"
    assert bob.split()[1] == "0"
