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
PICTURE = DOCS / "static" / "examples" / "fading.svg"

PICTURES = {  # what helps to understand an example: its own picture, or a drawing of what it does
    "00": ("drawings/windows.svg", "A text in windows: the state is carried, the gradient is cut"),
    "01": ("plots/4-states.svg", "The three units after each of the four words"),
    "03": ("drawings/unrolled.svg", "One cell, applied to one word after another"),
    "04": ("drawings/tasks.svg", "The four tasks; this is many-to-one"),
    "05": ("drawings/directions.svg", "Two directions: every state knows the words before or after"),
    "06": ("drawings/tasks.svg", "The four tasks; this is one-to-many"),
    "07": ("drawings/teacher-forcing.svg", "In training the true notes are read, in writing the network's own"),
    "08": ("drawings/tasks.svg", "The four tasks; this is an encoder-decoder"),
    "09": ("drawings/tasks.svg", "The four tasks; this is many-to-one"),
    "10": ("drawings/windows.svg", "A text in windows: the state is carried, the gradient is cut"),
    "13": ("examples/fading.svg", "The gradient by steps back; with quiet inputs it follows the dotted theory"),
    "14": ("drawings/initialisations.svg", "The norm of a vector after each product with W_hh, for three starts"),
}


def page(script: Path, output: str, seconds: float) -> str:
    """The page of an example: what it does, how to run it, a picture and the output."""
    description = ast.get_docstring(ast.parse(script.read_text("utf-8"))) or ""
    prose, commands = re.split(r"\n\n(?=python examples/)", description)
    prose = prose.replace("<", r"\<")
    commands = re.sub(r" +\((.*)\)$", r"  # \1", commands, flags=re.MULTILINE)
    number = script.name[:2]
    image = "![{1}](../static/{0})\n\n".format(*PICTURES[number]) if number in PICTURES else ""
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


def draw(script: Path) -> None:
    """Write the picture that an example draws: text as text, and the same file at every run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "matplotlibrc"
        settings.write_text("svg.fonttype: none\nsvg.hashsalt: examples\nfont.size: 11\n", "utf-8")
        run(script, "--plot", str(PICTURE), MATPLOTLIBRC=str(settings), SOURCE_DATE_EPOCH="0")
    PICTURE.write_text(for_both_schemes(PICTURE.read_text("utf-8")), "utf-8")


def file_of(script: Path) -> Path:
    """The page that belongs to an example."""
    return DOCS / "examples" / f"{script.stem}.md"


if __name__ == "__main__":
    for folder in (DOCS / "examples", PICTURE.parent):
        folder.mkdir(exist_ok=True)
    for script in EXAMPLES:
        if not sys.argv[1:] or script.name[:2] in sys.argv[1:]:
            start = time.perf_counter()
            output = run(script)
            file_of(script).write_text(page(script, output, time.perf_counter() - start), "utf-8")
            if script.name.startswith("13"):
                draw(script)
            sys.stdout.write(f"{script.name}\n")
