"""The drawings of the chapters: the files are what the script writes, and a phone can show them."""

import re
import runpy
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).parent.parent / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn():
    """The path and the text of every drawing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(DOCS), *sys.path])
        return runpy.run_path(str(DOCS / "drawings.py"))["FILES"]


def numbers_apart(text):
    """The text without its coordinates, and the coordinates."""
    return re.sub(r"-?[\d.]+", "#", text), [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def test_the_files_are_what_the_script_writes(drawn):
    assert sorted(drawn) == sorted((DOCS / "static" / "drawings").glob("*.svg"))
    assert len(drawn) >= 10
    for path, text in drawn.items():
        shapes, coordinates = numbers_apart(text)
        shapes_there, coordinates_there = numbers_apart(path.read_text("utf-8"))
        assert shapes_there == shapes, path.name
        assert coordinates_there == pytest.approx(coordinates, abs=0.11), path.name  # a rounding may differ


def test_a_drawing_is_legible_and_within_its_frame(drawn):
    for path, text in drawn.items():
        root = ET.fromstring(text)
        width, height = (float(root.get(side)) for side in ("width", "height"))
        assert root.find(f"{SVG}title").text, path.name
        assert len(root.find(f"{SVG}desc").text) > 50, path.name
        sizes = [
            float(shape.get("font-size", 15)) for shape in root.iter() if shape.tag[len(SVG) :] in ("text", "tspan")
        ]
        assert min(sizes) * 335 / width >= 11, path.name  # on a phone
        for shape in root.iter(f"{SVG}text"):
            assert 0 < float(shape.get("x")) < width, (path.name, shape.text)
            assert 0 < float(shape.get("y")) < height, (path.name, shape.text)
        for shape in [*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")]:
            for x, y in (point.split(",") for point in shape.get("points").split()):
                assert 0 <= float(x) <= width, (path.name, x)
                assert 0 <= float(y) <= height, (path.name, y)
