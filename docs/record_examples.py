"""Run the examples and write a page for each, with its output, to docs/examples.

`python docs/record_examples.py` runs all of them, in some minutes; `python docs/record_examples.py 04 13` only these.
The build of the site runs no example, so run this again when an example's output has changed. Tests compare the quick
ones with their pages.
"""

import ast
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from chapters import for_both_schemes

DOCS = Path(__file__).parent
EXAMPLES = sorted((DOCS.parent / "examples").glob("[0-9]*.py"))
PICTURES = DOCS / "static" / "examples"

DRAWINGS = {  # for the examples that draw no picture of their own
    "00": ("drawings/windows.svg", "A text in windows: the state is carried, the gradient is cut"),
    "01": ("plots/4-states.svg", "The three units after each of the four words"),
}
DRAWN = {  # what the pictures show that the examples draw
    "03": "The states after each word of two sentences with the same words",
    "04": "Left: the loss and the accuracy by epoch. Right: the answer after each word of two sentences",
    "05": "The states of both directions after each word of: they bank near the bank",
    "06": "Three pictures, each with the caption that the network wrote",
    "07": "When the Saints, as the network wrote it",
    "08": "Left: the loss by epoch. Right: how much of a translation is right, by the sentence's length",
    "09": "The truth and the network's forecast, one step and five steps ahead",
    "10": "Bits per character on held-out text while the network learns, compared with a bigram",
    "13": "The gradient by steps back; with quiet inputs it follows the dotted theory",
    "14": "The accuracy by lag for each initial W_hh",
    "15": "The accuracy by lag for each cell",
}


def page(script: Path, output: str, seconds: float) -> str:
    """The page of an example: what it does, how to run it, a picture and the output."""
    description = ast.get_docstring(ast.parse(script.read_text("utf-8"))) or ""
    prose, commands = re.split(r"\n\n(?=python examples/)", description)
    prose = prose.replace("<", r"\<")
    commands = re.sub(r" +\((.*)\)$", r"  # \1", commands, flags=re.MULTILINE)
    number = script.name[:2]
    place, words = (f"examples/{script.stem}.svg", DRAWN[number]) if number in DRAWN else DRAWINGS.get(number, ("", ""))
    image = f"![{words}](../static/{place})\n\n" if place else ""
    took = "less than a second" if seconds < 1 else f"about {seconds:.0f} seconds"
    versions = f"Python {platform.python_version()} and NumPy {np.__version__}"
    return (
        f"# `{script.name}`\n\n{prose}\n\n{image}```sh\n{commands}\n```\n\n"
        f"[The code](../../examples/{script.name})\n\n## Output\n\n"
        f"Recorded with {versions}, in {took}. On another machine, last digits can differ.\n\n"
        f"```text\n{output.rstrip()}\n```\n"
    )


def run(script: Path, *arguments: str, **environment: str) -> str:
    """What an example prints."""
    command = [sys.executable, str(script), *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
    result = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment)
    return result.stdout


def run_and_draw(script: Path) -> str:
    """What an example prints; its picture has text as text, and is the same file at every run."""
    picture = PICTURES / f"{script.stem}.svg"
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "matplotlibrc"
        settings.write_text("svg.fonttype: none\nsvg.hashsalt: examples\n", "utf-8")
        output = run(script, "--plot", str(picture), MATPLOTLIBRC=str(settings), SOURCE_DATE_EPOCH="0")
    picture.write_text(for_both_schemes(picture.read_text("utf-8")), "utf-8")
    return output.removesuffix(f"\nWrote {picture}\n")


def file_of(script: Path) -> Path:
    """The page that belongs to an example."""
    return DOCS / "examples" / f"{script.stem}.md"


if __name__ == "__main__":
    for folder in (DOCS / "examples", PICTURES):
        folder.mkdir(exist_ok=True)
    for script in EXAMPLES:
        if not sys.argv[1:] or script.name[:2] in sys.argv[1:]:
            start = time.perf_counter()
            output = run_and_draw(script) if script.name[:2] in DRAWN else run(script)
            file_of(script).write_text(page(script, output, time.perf_counter() - start), "utf-8")
            sys.stdout.write(f"{script.name}\n")
