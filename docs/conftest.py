"""The chapters that draw need matplotlib; without it, they are skipped. Each page's figures are closed after it."""

import importlib.util
import sys

import pytest


def pytest_collection_modifyitems(items):
    """Skip the chapters that can't draw, and say so."""
    if importlib.util.find_spec("matplotlib") is None:
        for item in items:
            if item.path.suffix == ".md" and "import plot\n" in item.path.read_text("utf-8"):
                item.add_marker(pytest.mark.skip(reason="needs matplotlib: python -m pip install matplotlib"))


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    """Draw without a screen, and close the figures of each page."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
