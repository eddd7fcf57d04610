"""The pages: pytest runs their code, and the reference lists every public name and every run and gradient.

`.ci/run` builds the site and allows no warning.
"""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import vanilla_rnn
from needed import needed
from vanilla_rnn.inspection import plot

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
INDEX = (REFERENCE / "index.md").read_text("utf-8")
REFERENCE_PAGES = re.findall(r"^## \[.+\]\((.+\.md)\)$", INDEX, re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def entries(page):
    return re.findall(r"^\.\. auto\w+:: vanilla_rnn\.(\S+)$", (REFERENCE / page).read_text("utf-8"), re.MULTILINE)


DOCUMENTED = [path for page in REFERENCE_PAGES for path in entries(page)]


def documented_object(path):
    module, _, name = f"vanilla_rnn.{path}".rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_public_name_is_in_the_reference():
    functions = inspect.getmembers(plot, inspect.isfunction)
    plots = [
        f"inspection.plot.{name}"
        for name, function in functions
        if function.__module__ == plot.__name__ and name[0] != "_"
    ]
    listed = [path for path in DOCUMENTED if "." not in path or path.startswith("inspection.plot.")]
    assert sorted(listed) == sorted([*vanilla_rnn.__all__, *plots])


def test_what_forward_and_backward_return_is_in_the_reference():
    names, returned = {path.rpartition(".")[2] for path in DOCUMENTED}, set()
    for path in DOCUMENTED:
        for method in ("forward", "backward"):
            if path != "training.Model" and inspect.isclass(kind := documented_object(path)) and hasattr(kind, method):
                returned.add(inspect.signature(getattr(kind, method)).return_annotation)
    assert len(returned) > 10
    assert returned <= names


@pytest.mark.parametrize("page", REFERENCE_PAGES)
def test_the_overview_lists_what_is_on_the_page(page):
    table = INDEX.split(f"]({page})\n")[1].split("\n## ")[0]
    assert re.findall(r"^   ~vanilla_rnn\.(\S+)$", table, re.MULTILINE) == entries(page) != []


def test_the_overview_has_every_page():
    assert sorted(REFERENCE_PAGES) == sorted(path.name for path in REFERENCE.glob("*.md") if path.name != "index.md")


def test_the_citation_names_this_version():
    assert f"\nversion: {vanilla_rnn.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_the_start_page_lists_the_examples_with_links():
    rows = re.findall(
        r"^\| \[`(\d\d_\w+)\.py`\]\(examples/\1\.md\) \|", (ROOT / "docs/index.md").read_text("utf-8"), re.MULTILINE
    )
    scripts = sorted(path.stem for path in (ROOT / "examples").glob("[0-9]*.py"))
    assert rows == [scripts[0], *scripts[4:]]  # the chapters show 01 to 03


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 500


def fences(page):
    """Every fenced block of a page: its language and its text."""
    return re.findall(r"^```(\S*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_code_on_a_page_is_run(page):
    lines = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert set(lines[::2]) <= {"python", "sh", "text", "{toctree}", "{eval-rst}"}
    assert set(lines[1::2]) <= {""}
    code = [text for language, text in fences(page) if language == "python"]
    assert page.name != "CONTRIBUTING.md" or not code  # pytest doesn't read it
    assert [text for text in code if not text.startswith(">>> ")] == []


def test_pytest_reads_the_pages(pytestconfig):
    assert "--doctest-glob=*.md" in pytestconfig.getini("addopts")
    assert {"README.md", "docs"} <= set(pytestconfig.getini("testpaths"))
    assert sum(language == "python" for page in PAGES for language, _ in fences(page)) > 70


def test_a_test_or_the_gate_runs_every_command():
    runs = "".join(path.read_text("utf-8") for path in [*ROOT.glob("tests/*.py"), ROOT / ".ci" / "run"])
    commands = [
        (page.name, line)
        for page in PAGES
        for language, text in fences(page)
        if language == "sh"
        for line in text.splitlines()
    ]
    assert len(commands) > 10
    for page, line in commands:
        for script in re.findall(r"(\S+\.py)\b", line):
            assert (ROOT / script).exists(), (page, line)
            assert Path(script).name in runs, (page, line)
        assert re.match(r"([A-Z_]+=\S+ )?python3? |source |pre-commit |bash \.ci/run", line), (page, line)


@pytest.mark.slow
def test_the_page_that_needs_pytorch():
    needed("torch")
    page = ROOT / "docs" / "tutorials" / "8-the-same-in-pytorch.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 15) == (0, True)


def test_the_readme_s_animation_is_small():
    data = (ROOT / "docs" / "live.gif").read_bytes()
    assert "(docs/live.gif)" in (ROOT / "README.md").read_text("utf-8")
    assert data[:4] == b"GIF8"
    assert int.from_bytes(data[8:10], "little") <= 400  # pixels high
    assert len(data) < 400_000
