"""Weights and models in files and in the layouts of other libraries."""
