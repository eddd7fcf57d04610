"""Eleven exercises with tests and solutions: see docs/exercises.md."""
