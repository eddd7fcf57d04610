"""Exercises, their tests and their solutions: see docs/exercises.md."""
