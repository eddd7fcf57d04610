"""Hypothesis: no deadline, because machines are noisy; the same examples each time in CI, and fewer for mutants."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("mutants", deadline=None, derandomize=True, max_examples=25, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
