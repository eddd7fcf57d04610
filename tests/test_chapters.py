"""The chapters and the pages of the examples: pictures, notebooks and recorded outputs are what the code gives."""

import inspect
import json
import re
import runpy
from pathlib import Path

import pytest

from needed import needed
from vanilla_rnn.inspection import plot

DOCS = Path(__file__).parent.parent / "docs"
CHAPTERS = sorted((DOCS / "tutorials").glob("*.md"))
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(DOCS)
    SCRIPT = runpy.run_path(str(DOCS / "chapters.py"))
    RECORDED = runpy.run_path(str(DOCS / "record_examples.py"))


def coordinates(svg):
    """The numbers of a picture, and the text around them, without the heat maps."""
    svg = re.sub(r'xlink:href="data:[^"]*"|(id|href)="#?\w+"|url\(#\w+\)|<dc:title>.*', "", svg)
    return re.sub(r"-?\d+(\.\d+)?", "#", svg), [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", svg)]


@pytest.mark.slow
def test_the_pictures_are_what_the_chapters_draw():
    needed("matplotlib")
    drawn = {}
    for page in CHAPTERS:
        if "static/plots/" in (text := page.read_text("utf-8")):
            drawn |= SCRIPT["pictures"](text)
    assert sorted(drawn) == sorted(path.name for path in (DOCS / "static" / "plots").glob("*.svg"))
    for name, svg in drawn.items():
        text, numbers = coordinates((DOCS / "static" / "plots" / name).read_text("utf-8"))
        assert (text, pytest.approx(numbers, abs=0.1)) == coordinates(svg), name


def test_every_kind_of_picture_is_in_a_chapter():
    shown = set()
    for page in CHAPTERS:
        blocks = re.findall(r"^```python\n(.*?)^```\n\n(.*?)$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for code, after in blocks:
            if after.startswith("!["):
                shown.update(re.findall(r"plot\.(plot_\w+)\(", code))
    kinds = inspect.getmembers(plot, inspect.isfunction)
    assert shown == {
        name for name, function in kinds if name.startswith("plot_") and function.__module__ == plot.__name__
    }


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_a_chapter_asks_and_ends_with_something_to_do(page):
    text = page.read_text("utf-8")
    title, question = text.split("\n\n")[:2]
    assert title.startswith(f"# {page.stem.split('-')[0]}. ")
    assert re.fullmatch(r"\*\*[^*]+\?\*\*", question)
    assert text.count("<details><summary>") == text.count("</details>") >= 2
    assert "**On the live page**" in text.split("## Try it\n")[1]
    extras = re.findall(r"^>>> (?:import (torch)$|from vanilla_rnn.inspection import (plot)$)", text, re.MULTILINE)
    start = text.split("\n## ")[0]
    assert not extras or re.search(r"^\*.* needs? .*`python -m pip install", start, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_a_notebook_runs_and_shows_its_outputs(page):
    nbclient, nbformat = needed("nbclient"), needed("nbformat")
    needed("ipykernel")
    for name in re.findall(r"^>>> import (torch|matplotlib)", page.read_text("utf-8"), re.MULTILINE):
        needed(name)
    made = SCRIPT["notebook"](page)
    book = nbformat.reads(made, as_version=4)
    nbformat.validate(book)
    nbclient.NotebookClient(book, timeout=120).execute()
    for cell, expected in zip(book.cells, json.loads(made)["cells"], strict=True):
        assert shown(cell) == shown(expected)


def shown(cell):
    """The text of a cell's outputs, and whether it shows a picture."""
    outputs = cell.get("outputs", [])
    texts = [
        output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs if not drawn(output)
    ]
    return "".join(texts).strip(), any(map(drawn, outputs))


def drawn(output):
    return any(kind.startswith("image/") for kind in output.get("data", {}))


@pytest.mark.parametrize("script", RECORDED["EXAMPLES"], ids=lambda script: script.stem)
def test_an_example_has_a_page_that_describes_it(script):
    page = RECORDED["file_of"](script).read_text("utf-8")
    output = page.split("```text\n")[1].removesuffix("```\n")
    assert len(output) > 100
    current = RECORDED["page"](script, output, seconds=1)
    assert current.split("\n## Output\n")[0] == page.split("\n## Output\n")[0]


@pytest.mark.slow
@pytest.mark.parametrize("script", RECORDED["EXAMPLES"][1:4], ids=lambda script: script.stem)
def test_the_page_of_a_quick_example_has_its_output(script):
    assert f"```text\n{RECORDED['run'](script).rstrip()}\n```\n" in RECORDED["file_of"](script).read_text("utf-8")
