"""Hypothesis: all examples and the same ones each time in CI; fewer here and for mutants; no deadline on any machine.

The fuzz test: another seed in each run, which pytest's first lines show.
"""

import os
import secrets

from hypothesis import settings

settings.register_profile("here", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("mutants", deadline=None, derandomize=True, max_examples=25, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

SEED = os.environ.setdefault("VANILLA_RNN_FUZZ_SEED", str(secrets.randbits(32)))


def pytest_report_header():
    return f"VANILLA_RNN_FUZZ_SEED={SEED}"
