"""The site's reference: every public name stands there once, and so does what `forward` and `backward` give.

That the site can be built at all, without a warning, is a step of `.ci/run`.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import vanilla_rnn
from vanilla_rnn import plot

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
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
