"""Cells of your own in a network: what they must do, and the errors if they do something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import attributes, deep_copy
from vanilla_rnn.cell import RNNCell

if TYPE_CHECKING:
    from vanilla_rnn._types import Array

ATTRIBUTES = ("input_size", "hidden_size", "dtype", "parameters", "forward")  # what every cell must have


def is_plain(cell: Any) -> bool:
    """Whether the cell's forward is that of `RNNCell`, for which there is a fast loop in ``unroll.py``."""
    return type(cell) is RNNCell or getattr(type(cell), "forward", None) is RNNCell.forward


def snapshot(cell: Any) -> Any:
    """A copy of a cell for a run to keep, so that later changes to the weights don't affect the run.

    A cell of your own shares its random generators with its copies, so that no two runs draw the same numbers.
    """
    if is_plain(cell):
        return cell.frozen()
    return deep_copy(cell, {id(generator): generator for generator in generators_of(cell)})


def generators_of(cell: Any) -> list[Any]:
    """The random generators of NumPy that are attributes of a cell."""
    kinds = np.random.Generator, np.random.RandomState
    return [value for value in attributes(cell).values() if isinstance(value, kinds)]


def check_cell(cell: Any, name: str, where: str) -> None:
    """Refuse an object that isn't a cell, or one whose ``parameters()`` aren't its live arrays."""
    check_attributes(cell, name, where)
    if is_plain(cell):
        return
    for size in ("input_size", "hidden_size"):
        _checks.size(getattr(cell, size), f"{name}.{size}", where)
    first, second = cell.parameters(), cell.parameters()
    _checks.mapping(first, f"{name}.parameters()", where, "Return a dictionary of the cell's arrays.")
    for path, values in first.items():
        _checks.writable(values, f"{name}.parameters()[{path!r}]", where)
        if values.size and not np.shares_memory(values, second[path]):
            expected, fix = "the cell's own array", "Return the array itself: training changes it in place."
            _checks.fail(ValueError, where, f"{name}.parameters()[{path!r}]", expected, "a copy", fix)
    copied = snapshot(cell).parameters()
    for path, values in first.items():
        if np.shares_memory(values, copied[path]):
            expected, fix = "an attribute of the cell", "Assign it in __init__: each run works on a copy of the cell."
            got = "an array that copy.deepcopy(cell) shares with it"
            _checks.fail(ValueError, where, f"{name}.parameters()[{path!r}]", expected, got, fix)


def check_attributes(cell: Any, name: str, where: str) -> None:
    """Refuse an object without the attributes of a cell."""
    missing = [attribute for attribute in ATTRIBUTES if not hasattr(cell, attribute)]
    if missing or isinstance(cell, type):
        got = _checks.shown(cell) + (f", without {_checks.listed(missing)}" if missing else "")
        fix = "Pass an RNNCell, or an object of your own with all of these."
        _checks.fail(TypeError, where, name, f"a cell with {', '.join(ATTRIBUTES)}", got, fix)


class CheckedCell:
    """A wrapper for a cell of your own that checks the result of every ``forward`` and ``backward``."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def forward(self, x_t: Array, h_prev: Array) -> CheckedRun:
        """The run of one step."""
        where = f"{type(self.cell).__name__}.forward"
        run = self.cell.forward(x_t.copy(), h_prev.copy())  # it may work in place
        h = getattr(run, "h", None)
        if not isinstance(h, np.ndarray):
            fix = "Return an object with the new state h and the method backward(d_h)."
            _checks.fail(TypeError, where, "its result", "a run with an array h", _checks.shown(run), fix)
        if h.shape != h_prev.shape or h.dtype != h_prev.dtype:
            expected, fix = f"like h_prev, {_checks.shown(h_prev)}", "Return one new state for each row of h_prev."
            if h_prev.dtype.kind == "c":
                fix = "Keep the imaginary part: check_gradients computes the derivative from it."
            _checks.fail(ValueError, where, "h", expected, _checks.shown(h), fix)
        return CheckedRun(self.cell.parameters(), run, x_t)


class CheckedRun:
    """The run of one step of such a cell."""

    def __init__(self, parameters: dict[str, Array], run: Any, x_t: Array) -> None:
        self.parameters, self.run, self.x_t, self.h = parameters, run, x_t, run.h.copy()  # the cell may reuse its array

    def backward(self, d_h: Array) -> tuple[Array, Array, dict[str, Array]]:
        """``(d_x, d_h_prev, d_parameters)``."""
        where = f"{type(self.run).__name__}.backward"
        if not hasattr(self.run, "backward"):
            fix = "Give it the method backward(d_h), which returns (d_x, d_h_prev, d_parameters)."
            _checks.fail(TypeError, where, "the run of your cell", "a run with backward", _checks.shown(self.run), fix)
        result = self.run.backward(d_h)
        if not isinstance(result, tuple) or len(result) != 3 or not isinstance(result[2], dict):
            fix = "Return (d_x, d_h_prev, d_parameters); the last is a dictionary with the keys of cell.parameters()."
            _checks.fail(TypeError, where, "its result", "a tuple of three", _checks.shown(result), fix)
        if differing := _checks.differing(result[2], self.parameters):
            expected, fix = "a dictionary with the keys of cell.parameters()", "Return a gradient for every parameter."
            _checks.fail(ValueError, where, "d_parameters", expected, f"one {differing}", fix)
        d_x = _checks.gradient(result[0], self.x_t, "d_x", where).copy()  # the cell may reuse its arrays
        d_h_prev = _checks.gradient(result[1], self.h, "d_h_prev", where)
        d_parameters = {
            name: _checks.gradient(result[2][name], values, f"d_parameters[{name!r}]", where).copy()
            for name, values in self.parameters.items()
        }
        return d_x, d_h_prev, d_parameters
