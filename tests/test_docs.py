"""The pages: their code is executed, and the reference has every public name, and what `forward` and `backward` give.

That the site can be built at all, without a warning, is a step of `.ci/run`.
"""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import vanilla_rnn
from needed import needed
from vanilla_rnn import plot

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
INDEX = (REFERENCE / "index.md").read_text("utf-8")
PAGES = re.findall(r"^## \[.+\]\((.+\.md)\)$", INDEX, re.MULTILINE)


def entries(page):
    return re.findall(r"^\.\. auto\w+:: vanilla_rnn\.(\S+)$", (REFERENCE / page).read_text("utf-8"), re.MULTILINE)


DOCUMENTED = [path for page in PAGES for path in entries(page)]


def thing(path):
    module, _, name = f"vanilla_rnn.{path}".rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_public_name_is_in_the_reference():
    drawn = [name for name, value in inspect.getmembers(plot, inspect.isfunction) if value.__module__ == plot.__name__]
    pictures = [f"plot.{name}" for name in drawn if not name.startswith("_")]
    named = [path for path in DOCUMENTED if "." not in path or path.startswith("plot.")]
    assert sorted(named) == sorted([*vanilla_rnn.__all__, *pictures])


def test_what_forward_and_backward_give_is_in_the_reference():
    names = {path.rpartition(".")[2] for path in DOCUMENTED}
    found = set()
    for path in DOCUMENTED:
        for method in ("forward", "backward"):
            if inspect.isclass(thing(path)) and hasattr(thing(path), method) and path != "training.Model":
                found.add(inspect.signature(getattr(thing(path), method)).return_annotation)
    assert len(found) > 14
    assert found - names == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_overview_lists_what_is_on_the_page(page):
    table = INDEX.split(f"]({page})\n")[1].split("\n## ")[0]
    assert re.findall(r"^   ~vanilla_rnn\.(\S+)$", table, re.MULTILINE) == entries(page) != []


def test_the_overview_has_every_page():
    assert sorted(PAGES) == sorted(path.name for path in REFERENCE.glob("*.md") if path.name != "index.md")


def test_the_citation_is_of_this_version():
    citation = (REFERENCE.parent.parent / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {vanilla_rnn.__version__}\n" in citation


def test_the_start_page_lists_the_readme_s_examples():
    tables = [
        re.findall(r"^\| `\d\d_\w+\.py` \|.*$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        for page in ("README.md", "docs/index.md")
    ]
    assert tables[0] == tables[1] != []


def blocks(language):
    """Every fenced block of a language on every page, and where it stands."""
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for name, text in re.findall(r"^```(\S*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            if name == language:
                yield page.name, text


def test_pages_have_no_other_kinds_of_code():
    languages = {"python", "sh", "text", "{toctree}", "{eval-rst}"}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        fences = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= languages, page
        assert set(fences[1::2]) <= {""}, page


def test_code_is_written_so_that_pytest_runs_it(pytestconfig):
    assert "--doctest-glob=*.md" in pytestconfig.getini("addopts")
    assert {"README.md", "docs"} <= set(pytestconfig.getini("testpaths"))
    found = list(blocks("python"))
    assert len(found) > 70
    assert [(page, text) for page, text in found if not text.startswith(">>> ") or page == "CONTRIBUTING.md"] == []


def test_commands_are_run_by_a_test_or_by_the_gate():
    runs = "".join(path.read_text("utf-8") for path in [*ROOT.glob("tests/*.py"), ROOT / ".ci" / "run"])
    found = [(page, line) for page, text in blocks("sh") for line in text.splitlines()]
    assert len(found) > 10
    for page, line in found:
        for script in re.findall(r"(\S+\.py)\b", line):
            assert (ROOT / script).exists(), (page, line)
            assert Path(script).name in runs, (page, line)
        assert re.match(r"([A-Z_]+=\S+ )?python3? |source |pre-commit |bash \.ci/run", line), (page, line)


@pytest.mark.slow
def test_the_page_that_needs_pytorch():
    needed("torch")
    page = ROOT / "docs" / "tutorials" / "7-the-same-in-pytorch.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 15) == (0, True)
