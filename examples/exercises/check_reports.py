"""Check a folder of homework reports, and print a table of them.

python examples/exercises/check_reports.py FOLDER          # what the reports say, and whether they were changed
python examples/exercises/check_reports.py FOLDER --run    # also runs the tests again on the solution in each report

--run executes the students' code. A checksum shows that a report was edited, but not who computed it: a student can
read this file and compute another. With --run, the points in the table are those that your own tests give.
"""

import argparse
import ast
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent
ENTRIES = {"name": str, "points": dict, "total": float | int, "versions": dict, "solution": str, "digest": str,
           "tests_digest": str, "checksum": str}  # fmt: skip
SECONDS = 120  # for the tests of one solution, which may contain an endless loop


def plain(name):
    """The name without differences in capitals and spaces."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def digest(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def seed(name):
    """A number that depends on the name alone: Python's own hash differs from run to run."""
    return int(digest(plain(name))[:16], 16)


def checksum(report):
    rest = {key: value for key, value in report.items() if key != "checksum"}
    return digest(json.dumps(rest, sort_keys=True))


def create(name, points, solution_file, tests_file):
    """A student's report: points by exercise, and the solution itself."""
    solution, tests = (Path(file).read_text("utf-8") for file in (solution_file, tests_file))
    report = {
        "name": " ".join(name.split()),
        "points": points,
        "total": total(points),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("numpy", "vanilla_rnn")},
        "solution": solution,
        "digest": digest(solution),
        "tests_digest": digest(tests),
    }
    return report | {"checksum": checksum(report)}


def total(points):
    return round(sum(points.values()), 1)


def save(file, report):
    Path(file).write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def load(file):
    """The report in a file, or None if there is none in it."""
    try:
        report = json.loads(file.read_text("utf-8"))
        if set(report) != set(ENTRIES) or not all(isinstance(report[key], kind) for key, kind in ENTRIES.items()):
            return None
        total(report["points"])
        digest(report["name"] + report["solution"])
    except (ValueError, TypeError, RecursionError):
        return None
    return report


def remarks(report):
    """What is wrong with a report."""
    tests = (FOLDER / "test_exercises.py").read_text("utf-8")
    checks = {
        "the report was changed after it was written": checksum(report) == report["checksum"],
        "the total isn't the sum of the points": total(report["points"]) == report["total"],
        "the solution isn't the one that was tested": digest(report["solution"]) == report["digest"],
        "it was marked by other tests than yours": digest(tests) == report["tests_digest"],
    }
    return [remark for remark, holds in checks.items() if not holds]


def code(solution):
    """The functions of a solution without comments, docstrings and layout, to compare; None if it isn't Python."""
    try:
        tree = ast.parse(solution)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    definitions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for node in definitions:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return "\n".join(ast.dump(node) for node in tree.body if node in definitions)


def run_again(report):
    """The points by exercise of the solution in a report, by these tests and with the student's numbers."""
    with tempfile.TemporaryDirectory() as folder:
        copy, result = Path(folder) / "exercises", Path(folder) / "report.json"
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "exercises.py").write_text(report["solution"], "utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            FOLDER.parents[1] / "pyproject.toml",
        ]
        command += ["--rootdir", folder, copy / "test_exercises.py", f"--student={report['name']}", "--report", result]
        environment = {name: value for name, value in os.environ.items() if name not in ("EXERCISES", "PYTEST_ADDOPTS")}
        try:
            subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return {}
        return load(result)["points"] if result.exists() else {}


def main():
    parser = argparse.ArgumentParser(description="Check a folder of homework reports.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", action="store_true", help="run the tests again on the solution in each report")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder.")
    files = sorted(options.folder.glob("*.json"))
    if not files:
        parser.error(f"{options.folder} contains no report, NAME.json.")

    seen = {code((FOLDER / "solutions.py").read_text("utf-8")): "solutions.py"}
    clean = True
    print(f"{'student':<24} {'total':>5}  {'solution':<8}  remarks")
    for file in files:
        report = load(file)
        if report is None:
            clean = False
            print(f"{file.name:<24} {'':>5}  {'':<8}  this isn't a report")
            continue
        problems, points = remarks(report), report["total"]
        if options.run:
            points = total(run_again(report))
            if points != report["total"]:
                problems.append(f"the report says {report['total']:g}")
        same = seen.setdefault(code(report["solution"]), report["name"])
        if same != report["name"] and points > 0:
            problems.append(f"the same code as {same}")
        clean = clean and not problems
        print(f"{report['name']:<24} {points:>5g}  {report['digest'][:8]}  {'; '.join(problems)}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
