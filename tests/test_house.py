"""The house holds together: imports go downward, importing is cheap, and the pages say what is so."""

import ast
import importlib
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import vanilla_rnn

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "vanilla_rnn"
FILES = sorted(path.name for path in SOURCE.glob("*.py"))


def floors():
    rows = re.findall(r"^\| (\d+) \| `(\w+\.py)` \|", (ROOT / "docs" / "design.md").read_text("utf-8"), re.MULTILINE)
    return {file: int(floor) for floor, file in rows}


def imported_files(file):
    """The files of this package that a file imports, in whatever way it is written."""
    for node in ast.walk(ast.parse((SOURCE / file).read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "vanilla_rnn":
                yield name.split(".")[1] + ".py"


def test_imports_go_to_lower_floors_only():
    floor = floors()
    assert sorted(floor) == FILES
    edges = [(file, imported) for file in FILES for imported in imported_files(file)]
    assert len(edges) > 20
    assert [(file, imported) for file, imported in edges if floor[imported] >= floor[file]] == []


def test_importing_takes_nothing_but_numpy_and_is_quick():
    """No timing, which a noisy machine would spoil: what makes an import slow is what it drags in."""
    code = """
import sys, numpy
before = set(sys.modules)
from vanilla_rnn import *
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(result.stdout.split()) <= {"vanilla_rnn", "__future__", "importlib"}  # the last two are of Python itself


def test_every_public_name_is_documented():
    assert sorted(vanilla_rnn.__all__) == sorted(set(vanilla_rnn.__all__))
    for name in vanilla_rnn.__all__:
        thing = getattr(vanilla_rnn, name)
        assert thing.__doc__, name
        for member, value in list(vars(thing).items()) if isinstance(thing, type) else ():
            if not member.startswith("_"):
                assert member in getattr(thing, "__annotations__", {}) or value.__doc__, f"{name}.{member}"


def test_no_file_grows_too_long():
    assert {file: lines_of_code(file) for file in FILES if lines_of_code(file) > 250} == {}


def lines_of_code(file):
    """Lines that hold something other than white space, comments and docstrings."""
    text = (SOURCE / file).read_text("utf-8")
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_the_readme_counts_the_lines_of_every_file():
    rows = re.findall(r"^\| `(\w+\.py)` \| (\d+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert {file: int(count) for file, count in rows} == {file: lines_of_code(file) for file in FILES}


def test_the_readme_s_quick_start_is_two_lines():
    section = (ROOT / "README.md").read_text("utf-8").split("## Quick start")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    assert all(block.count("\n") == 1 for block in blocks)


def test_every_public_name_is_found_where_type_checkers_see_it():
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    seen = next(node for node in tree.body if isinstance(node, ast.If))
    names = {alias.name: node.module for node in seen.body for alias in node.names}
    assert sorted(names) == sorted(vanilla_rnn.__all__) == sorted(dir(vanilla_rnn))
    for name, module in names.items():
        thing = getattr(vanilla_rnn, name)
        assert thing is getattr(importlib.import_module(module), name)
        assert thing is vanilla_rnn.__getattr__(name)
    with pytest.raises(AttributeError, match="module 'vanilla_rnn' has no attribute 'LSTM'; it has RNN, "):
        vanilla_rnn.LSTM  # noqa: B018
