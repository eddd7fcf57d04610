"""The chapters as notebooks, and the pictures that their code draws.

A chapter's Markdown is the only source. The build of the site makes the notebooks: a cell for each output, and the
outputs are the printed ones, which the tests check. `python docs/chapters.py` runs the chapters that draw, and writes
each picture to the file in static/plots that the chapter shows directly after the code.
"""

import ast
import base64
import contextlib
import doctest
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
CHAPTERS = sorted((DOCS / "tutorials").glob("*.md"))
IMAGE = re.compile(r"!\[(?P<words>[^\]]*)\]\(\.\./static/(?P<folder>drawings|plots)/(?P<name>[\w-]+\.svg)\)\n?")
LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]+)\]\((?P<target>[^)]+)\)")

LOOK: dict[str, Any] = {  # of the pictures: text as text, of a size that a phone can show; the same file at every run
    "figure.figsize": (4.4, 3.0),
    "font.size": 11,
    "svg.fonttype": "none",
    "svg.hashsalt": "chapters",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
DARK = {
    "#000000": "#c9d1d9",
    "#ffffff": "#131416",
    "#b35806": "#f0a763",
    "#542788": "#c0a6ea",
    "#0b5c8a": "#79bbe3",
    "#1d6b3a": "#7bc796",
}

Cell = dict[str, Any]


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """A page as pieces of prose and blocks of Python, in order: the language and the text of each."""
    for number, piece in enumerate(re.split(r"^```python\n(.*?)^```\n", text, flags=re.MULTILINE | re.DOTALL)):
        yield ("python" if number % 2 else "markdown"), piece


def pictures(text: str) -> dict[str, str]:
    """Run a chapter; return the text of each picture that its code draws."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from cycler import cycler

    from vanilla_rnn.inspection.plot import COLOURS

    mpl.use("agg")
    look = LOOK | {"axes.prop_cycle": cycler(color=COLOURS)}
    drawn, names = {}, {"__name__": "chapter"}
    with mpl.rc_context(look), contextlib.redirect_stdout(io.StringIO()):
        for language, piece in blocks(text):
            if language == "python":
                for example in doctest.DocTestParser().get_examples(piece):
                    exec(compile(example.source, "chapter", "single"), names)
            elif (image := IMAGE.match(piece.lstrip())) and image["folder"] == "plots":
                picture = io.StringIO()
                plt.gcf().savefig(picture, format="svg", metadata={"Date": None})
                drawn[image["name"]] = for_both_schemes(picture.getvalue())
                plt.close("all")
    return drawn


def for_both_schemes(svg: str) -> str:
    """The picture with colours for a dark page too."""
    rules = [
        f'[style*="{side}: {light}"] {{ {side}: {dark} !important }}'
        for light, dark in DARK.items()
        for side in ("fill", "stroke")
    ]
    style = "@media (prefers-color-scheme: dark) {\ntext { fill: #c9d1d9 }\n" + "\n".join(rules) + "\n}"
    return re.sub(r"<defs>", f"<style>{style}</style>\n<defs>", svg, count=1)


def notebook(page: Path) -> str:
    """A chapter as a Jupyter notebook, with its outputs and pictures."""
    cells: list[Cell] = []
    for language, piece in blocks(page.read_text("utf-8")):
        if language == "python":
            cells += map(_code_cell, _groups(piece))
            continue
        if (image := IMAGE.match(piece.lstrip())) and image["folder"] == "plots":
            data = {"image/svg+xml": (DOCS / "static" / "plots" / image["name"]).read_text("utf-8")}
            cells[-1]["outputs"].append({"output_type": "display_data", "data": data, "metadata": {}})
            piece = piece.lstrip()[image.end() :]
        if piece.strip():
            cells.append(_markdown_cell(piece.strip()))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}, indent=1
    )


def _groups(block: str) -> Iterator[tuple[str, str]]:
    """The statements up to each output, and the output; a cell of a notebook shows no more than one."""
    source = ""
    for example in doctest.DocTestParser().get_examples(block):
        source += example.source
        if example.want:
            yield source, example.want
            source = ""
    if source:
        yield source, ""


def _code_cell(group: tuple[str, str]) -> Cell:
    source, printed = group
    outputs: list[Cell] = []
    if printed and _shows_value(source):
        data = {"text/plain": printed.rstrip("\n")}
        outputs = [{"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}}]
    elif printed:
        outputs = [{"output_type": "stream", "name": "stdout", "text": printed}]
    source = source.rstrip("\n")
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "source": source, "outputs": outputs}


def _shows_value(source: str) -> bool:
    """Whether the output is the value of the last line, and not printed by it."""
    last = ast.parse(source).body[-1]
    return isinstance(last, ast.Expr) and not ast.unparse(last).startswith("print(")


def _markdown_cell(text: str) -> Cell:
    """Prose whose drawings are in the notebook, and whose links lead to the notebooks of other chapters."""
    attachments = {}
    for image in IMAGE.finditer(text):
        data = (DOCS / "static" / image["folder"] / image["name"]).read_bytes()
        attachments[image["name"]] = {"image/svg+xml": base64.b64encode(data).decode()}
    text = IMAGE.sub(lambda image: f"![{image['words']}](attachment:{image['name']})\n", text)
    text = LINK.sub(_link, text)
    cell: Cell = {"cell_type": "markdown", "metadata": {}, "source": text}
    return cell | ({"attachments": attachments} if attachments else {})


def _link(link: re.Match[str]) -> str:
    if link["target"].startswith(("http", "attachment:")):
        return link[0]
    if re.fullmatch(r"\d+-[\w-]+\.md", link["target"]):
        return f"[{link['words']}]({link['target'].removesuffix('.md')}.ipynb)"
    return link["words"]  # other pages aren't next to the notebook


if __name__ == "__main__":
    folder = DOCS / "static" / "plots"
    folder.mkdir(exist_ok=True)
    for chapter in CHAPTERS:
        if "static/plots/" in (page := chapter.read_text("utf-8")):
            for name, svg in pictures(page).items():
                (folder / name).write_text(svg, "utf-8")
                sys.stdout.write(f"{name}\n")
