"""Packages that a test can't do without: if one is missing the test is skipped, but in CI it fails."""

import importlib
import os

import pytest


def needed(name):
    """The module of this name."""
    return importlib.import_module(name) if "CI" in os.environ else pytest.importorskip(name)
