"""The structure of the source: imports go downward, formulas are above their gradients, and importing is cheap."""

import ast
import importlib
import io
import math
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import vanilla_rnn

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "vanilla_rnn"
FILES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


def parsed(file):
    return ast.parse((SOURCE / file).read_text("utf-8"))


def layers():
    """The layer of each file, according to the table in docs/design.md."""
    design = (ROOT / "docs" / "design.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (`[\w/]+\.py`(?:, `[\w/]+\.py`)*) \|", design, re.MULTILINE)
    return {file: int(layer) for layer, files in rows for file in re.findall(r"`(.+?)`", files)}


def imported_files(file):
    """The files of this package that a file imports, in whatever way it is written."""
    for node in ast.walk(parsed(file)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, *path = name.split(".")
            if package == "vanilla_rnn":
                candidates = ["/".join(path[:count]) + ".py" for count in (len(path), len(path) - 1)]
                yield next((candidate for candidate in candidates if candidate in FILES), "__init__.py")


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_only_from_lower_layers(file):
    layer = layers()
    package = file.rpartition("/")[0]
    for imported in imported_files(file):
        assert layer[imported] < layer[file] or (package and imported.startswith(f"{package}/")), imported


def test_every_file_has_a_layer():
    assert sorted(layers()) == FILES
    assert sum(len(list(imported_files(file))) for file in FILES) > 50


def functions(file):
    return [node for node in parsed(file).body if isinstance(node, ast.FunctionDef)]


def kernels(file):
    """The functions on arrays at the top of a file, above its first class and its first public function."""
    named = [node for node in parsed(file).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    public = [node for node in named if isinstance(node, ast.ClassDef) or node.name in vanilla_rnn.__all__]
    first = min((node.lineno for node in public), default=math.inf)
    return [node for node in functions(file) if node.lineno < first and node.name[0] != "_"]


GRADIENTS = [file for file in FILES if any(node.name.endswith("_backward") for node in functions(file))]


@pytest.mark.parametrize("file", GRADIENTS)
def test_a_formula_is_directly_above_its_gradient(file):
    names = [node.name for node in functions(file) if node.name[0] != "_"]
    for name, previous in zip(names[1:], names, strict=False):
        assert not name.endswith("_backward") or name == f"{previous}_backward"
    assert not names[0].endswith("_backward")


@pytest.mark.parametrize("file", [*GRADIENTS, "losses.py", "optim.py"])
def test_formulas_are_free_of_checks_and_objects(file):
    assert kernels(file)
    for node in kernels(file):
        assert not {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} & {"_checks", "self"}, node.name


def test_the_gradient_of_a_step_begins_within_15_lines_of_the_step():
    lines = {node.name: node.lineno for node in kernels("cell.py")}
    assert 0 < lines["step_backward"] - lines["step"] <= 15


def lines_of_code(file):
    """The number of lines with something other than white space, comments and docstrings."""
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


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_too_long(file):
    assert lines_of_code(file) <= 330


def test_importing_needs_only_numpy_and_reads_a_file_when_it_is_needed():
    """This doesn't measure time, which differs between machines: an import is slow if it imports much."""
    code = """
import sys, numpy
before = set(sys.modules)
import vanilla_rnn
print(*set(sys.modules) - before)
from vanilla_rnn import *
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    at_first, at_last = result.stdout.splitlines()
    assert {name for name in at_first.split() if name.startswith("vanilla_rnn")} == {"vanilla_rnn"}
    assert {"vanilla_rnn"} == set(at_last.split()) - set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", vanilla_rnn.__all__)
def test_every_public_name_is_documented(name):
    value = getattr(vanilla_rnn, name)
    assert value.__doc__
    for member, attribute in list(vars(value).items()) if isinstance(value, type) else ():
        if not member.startswith("_"):
            assert attribute.__doc__ or re.search(rf"\b{member}\b", value.__doc__), member


def test_every_public_name_is_visible_to_type_checkers():
    block = next(node for node in parsed("__init__.py").body if isinstance(node, ast.If))
    modules = {alias.name: node.module for node in block.body for alias in node.names}
    assert (
        sorted(modules) == sorted(set(vanilla_rnn.__all__)) == sorted(vanilla_rnn.__all__) == sorted(dir(vanilla_rnn))
    )
    for name, module in modules.items():
        value = getattr(vanilla_rnn, name)
        assert value is getattr(importlib.import_module(module), name)
        assert value is vanilla_rnn.__getattr__(name)
    with pytest.raises(AttributeError, match="module 'vanilla_rnn' has no attribute 'LSTM'"):
        vanilla_rnn.LSTM  # noqa: B018


def test_the_quick_start_of_the_readme_is_two_lines():
    section = (ROOT / "README.md").read_text("utf-8").split("## Quick start")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert [block.count("\n") for block in blocks] == [1, 1]
