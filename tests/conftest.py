"""Hypothesis: no deadline, for machines are noisy; in CI the same examples each time, and fewer of them for mutants."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("mutants", deadline=None, derandomize=True, max_examples=25, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
