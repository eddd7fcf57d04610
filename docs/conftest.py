"""The chapters that draw need matplotlib; without it, pytest doesn't read them."""

import importlib.util
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("matplotlib") is None:
    collect_ignore = [
        str(page) for page in Path(__file__).parent.glob("tutorials/*.md") if "import plot\n" in page.read_text("utf-8")
    ]


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    """Draw without a screen, and close the figures of each page."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
