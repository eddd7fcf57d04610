"""How a gradient comes to each step: from what reads the state there, and from the steps that came after.

Backpropagation adds the two as it goes. Here they are told apart, from the gradients that it gave; and the Jacobians of
the steps say how much of either can be left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.cell import NONLINEARITIES

if TYPE_CHECKING:
    from vanilla_rnn._checks import Array
    from vanilla_rnn.unrolled import CellRow, RNNGradients, Unrolled


class StepFlow(NamedTuple):
    """What came back to one step of one cell: dL/dh_t = from_output + from_future, and what became of it."""

    from_output: Array  #: (hidden,): the share of what reads h_t itself: the output, the layer above, at the end h_n
    from_future: Array  #: (hidden,): W_hh^T d_a of the step that read h_t as its memory ("dhnext" in many a tutorial)
    d_h: Array  #: (hidden,): their sum, dL/dh_t
    d_a: Array  #: (hidden,): dL/da_t = dL/dh_t * tanh'(a_t)
    d_x: Array  #: (input,): W_xh^T d_a, what this cell passes on to its input
    x: Array  #: (input,): as in the step
    h_prev: Array  #: (hidden,): likewise

    @property
    def d_W_xh(self) -> Array:  # noqa: N802  # its name is its symbol
        """What the step adds to d_W_xh: d_a x^T, (hidden, input)."""
        return np.outer(self.d_a, self.x)

    @property
    def d_W_hh(self) -> Array:  # noqa: N802
        """What the step adds to d_W_hh: d_a h_{t-1}^T, (hidden, hidden)."""
        return np.outer(self.d_a, self.h_prev)


@np.errstate(over="ignore", invalid="ignore")  # what exploded on the way back is shown as it is
def flows(record: Unrolled, rows: list[CellRow], row: int, gradients: RNNGradients) -> list[list[StepFlow]]:
    """The way back through every step of every cell, read off d_a; ``rows`` is ``record.read(row)``."""
    if [d.shape for d in gradients.d_a] != [(*record.output.shape[:-1], len(one.cell.W_hh)) for one in rows]:
        _not_of_this_run()
    length, directions = len(rows[0].x), record.directions

    def of_the_row(values: Array) -> Array:
        """(batch, time, ...) or, without a batch, (time, ...) -> this row's real steps."""
        return (values[row] if record.batched else values)[:length]

    d_a = [of_the_row(d) for d in gradients.d_a]
    above = np.zeros((length, directions * len(rows[-1].cell.W_hh)), record.h_n.dtype)  # dL/d_output, layer by layer
    if gradients.d_output is not None:
        above = of_the_row(gradients.d_output)
    found: list[list[StepFlow]] = []
    for number, (cell, reverse, x, h_prev, h) in reversed(list(enumerate(rows))):
        hidden = len(cell.W_hh)
        from_output = (above[:, hidden:] if reverse else above[:, :hidden]).copy()
        from_future = np.zeros_like(h)
        if length:
            if gradients.d_h_n is not None:
                of_the_end = gradients.d_h_n[number, row] if record.batched else gradients.d_h_n[number]
                from_output[0 if reverse else -1] += of_the_end
            came_back = d_a[number] @ cell.W_hh  # W_hh^T d_a of each step, for the step whose state it read
            if reverse:
                from_future[1:] = came_back[:-1]
            else:
                from_future[:-1] = came_back[1:]
        d_h = from_output + from_future
        _, slope = NONLINEARITIES[cell.nonlinearity]
        largest = np.abs(d_h).max(initial=0.0) + np.abs(d_a[number]).max(initial=0.0)
        if (np.abs(d_h * slope(h) - d_a[number]) > 1e3 * np.finfo(h.dtype).eps * largest).any():
            _not_of_this_run()
        by_step = zip(from_output, from_future, d_h, d_a[number], d_a[number] @ cell.W_xh, x, h_prev, strict=True)
        found.insert(0, [StepFlow(*parts) for parts in by_step])
        if not reverse:  # the layer is done: what reads the one below is this layer's inputs
            above = np.sum([d_a[n] @ rows[n].cell.W_xh for n in range(number, number + directions)], axis=0)
    return found


def _not_of_this_run() -> NoReturn:
    fix = "Pass what this very run's backward gave, and leave the arrays that were given to it as they are."
    _checks.refuse(ValueError, "trace", "gradients", "those of this run", "others", fix)


def as_read(row: CellRow, values: Array) -> Array:
    """What stands by step in the order of the sequence, in the order in which the cell read it; its own inverse."""
    return values[::-1] if row.reverse else values


def slopes(row: CellRow) -> Array:
    """tanh'(a_t) of every step in the order in which the cell read: (time, hidden).

    A small change to the state before becomes ``J_t = dh_t / dh_{t-1} = diag(tanh'(a_t)) W_hh`` times itself.
    """
    _, slope = NONLINEARITIES[row.cell.nonlinearity]
    return as_read(row, slope(row.h))


@np.errstate(over="ignore", invalid="ignore")  # what exploded is infinite
def left_of_the_first(row: CellRow) -> Array:
    """How much of a small change to a cell's first state is left after each step it reads, at most: (time,).

    ``|| J_t J_{t-1} ... J_1 ||_2``
    """
    W_hh, product, left = row.cell.W_hh, np.eye(len(row.cell.W_hh)), []
    for number, slope_t in enumerate(slopes(row)):
        if number:
            product = slope_t[:, None] * (W_hh @ product)
        left.append(_most(product))
    return as_read(row, np.array(left))


@np.errstate(over="ignore", invalid="ignore")
def left_at_the_end(row: CellRow) -> Array:
    """How much of a small change to the state after each step is left after the last, at most: (time,).

    ``|| J_T J_{T-1} ... J_{t+1} ||_2``, which is also the most that is left at step t of a gradient at the last.
    """
    W_hh, product, left = row.cell.W_hh, np.eye(len(row.cell.W_hh)), []
    for slope_t in slopes(row)[::-1]:
        left.append(_most(product))
        product = (product * slope_t) @ W_hh
    return as_read(row, np.array(left[::-1]))


def _most(product: Array) -> float:
    """The most that a product of Jacobians lengthens a vector by, its norm; infinity where it overflowed."""
    return float(np.linalg.norm(product, 2)) if np.isfinite(product).all() else np.inf
