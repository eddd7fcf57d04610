"""What a test can't do without: elsewhere it is skipped where that is missing, in CI it fails."""

import importlib
import os

import pytest


def needed(name):
    """The module of this name."""
    return importlib.import_module(name) if "CI" in os.environ else pytest.importorskip(name)
