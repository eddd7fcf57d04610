"""The loop over time, and the same loop walked backward: one cell, one direction, as fast as NumPy goes.

What it computes is `RNNCell.forward` at every step and `Step.backward` at every step in reverse; a test holds it equal
to both. What it does differently, for speed alone:

- the inputs' share of the sum, W_xh x_t + b_h, needs no state, so one matrix product makes it for all steps at once;
- W_hh is transposed once, into memory that lies as the product reads it;
- the sum, the nonlinearity and the gradient are computed in place, so that a step allocates nothing;
- going backward, only the recurrence itself is left in the loop: the weights' gradients are sums over all steps, and
  each is one matrix product after the loop.

Rows lie one step after another, ``sizes[t]`` of them in step t, never more than in the step before (``packing.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn.cell import NONLINEARITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array
    from vanilla_rnn.cell import RNNCell

SMALL = 2**16  # numbers; of so many or fewer, one call for all steps is cheaper than a call for each while in the cache
MODERATE = 1e30  # a sum of squares; a product of two arrays with less can't overflow, in float32 either


class CellGradients(NamedTuple):
    """What `UnrolledCell.backward` gives; d_x and d_a by step as x is, d_parameters by the keys of the cell's."""

    d_x: Array
    d_h_0: Array
    d_a: Array
    d_parameters: dict[str, Array]


class UnrolledCell(NamedTuple):
    """What one cell did over time: its inputs, and its states from h_0 on."""

    cell: RNNCell
    x: Array  # (rows of all steps, input)
    states: Array  # (batch + rows of all steps, hidden): h_0, then every step's h_t
    h: Array  # the states without h_0: (rows of all steps, hidden)
    sizes: list[int]  # rows in each step

    @property
    def h_prev(self) -> Array:
        """The state that every step began with: (rows of all steps, hidden)."""
        batch = len(self.states) - len(self.x)
        if len(self.x) == batch * len(self.sizes):
            return self.states[: len(self.x)]
        before = _steps(self.states[: len(self.states) - self.sizes[-1]], [batch, *self.sizes[:-1]], batch)
        return np.concatenate([h[:size] for h, size in zip(before, self.sizes, strict=True)])

    def backward(self, d_h: Array, d_h_n: Array) -> CellGradients:
        """Backpropagation through time. Both gradients are used up: they become d_a and d_h_0.

        What reaches h_t is the share of the loss that reads h_t itself, which stands in ``d_h``, and the share of all
        later steps, which comes back through W_hh (``dhnext`` in many a tutorial). A row joins at its last step, and
        what it brings from beyond that is its ``d_h_n``.
        """
        cell, h, sizes, batch = self.cell, self.h, self.sizes, len(d_h_n)
        _, slope = NONLINEARITIES[cell.nonlinearity]
        from_future = d_h_n if batch != 1 else d_h_n[0]  # of the rows not yet reached, it is d_h_n
        with np.errstate(over="ignore", invalid="ignore"):  # an optimiser refuses what overflowed, by name
            d_steps = _steps(d_h, sizes, batch)
            if h.size <= SMALL:
                slopes: Iterable[Array] = reversed(_steps(slope(h), sizes, batch))
            else:
                slopes = map(slope, reversed(_steps(h, sizes, batch)))
            W_hh, add, multiply = cell.W_hh, np.add, np.multiply
            for d_t, slope_t in zip(reversed(d_steps), slopes, strict=True):
                d_next = from_future if len(d_t) == len(from_future) else from_future[: len(d_t)]
                add(d_t, d_next, d_t)  # dL/dh_t
                multiply(d_t, slope_t, d_t)  # dL/da_t
                d_t.dot(W_hh, d_next)  # the share of step t-1: W_hh^T d_a_t, row by row
            d_a, d_h_0 = d_h, d_h_n
            d_x = d_a.dot(cell.W_xh)
            d_a_T = d_a.T
            d_parameters = {"W_xh": d_a_T.dot(self.x), "W_hh": d_a_T.dot(self.h_prev)}
            if cell.b_h is not None:
                d_parameters["b_h"] = np.add.reduce(d_a, axis=0)
        return CellGradients(d_x, d_h_0, d_a, d_parameters)


def unroll(cell: RNNCell, x: Array, h_0: Array, sizes: list[int]) -> UnrolledCell:
    """Take all steps: x (rows of all steps, input), h_0 (batch, hidden)."""
    f, _ = NONLINEARITIES[cell.nonlinearity]
    W_xh, b_h, batch = cell.W_xh, cell.b_h, len(h_0)
    states = np.empty((batch + len(x), len(W_xh)), W_xh.dtype)
    states[:batch] = h_0
    a = states[batch:]
    W_hh_T = cell.W_hh.T.copy()
    h = h_0 if batch != 1 else h_0[0]
    from_memory = np.empty_like(h)
    with np.errstate(over="ignore", invalid="ignore"):  # an RNN looks at the states and says where they overflowed
        x.dot(W_xh.T, a)
        if b_h is not None:
            np.add(a, b_h, a)
        add = np.add
        for a_t in _steps(a, sizes, batch):
            if len(a_t) != len(h):  # rows that have ended drop out
                h, from_memory = h[: len(a_t)], from_memory[: len(a_t)]
            h.dot(W_hh_T, from_memory)
            add(a_t, from_memory, a_t)
            h = f(a_t, a_t)
    return UnrolledCell(cell, x, states, a, sizes)


def stream(cells: list[RNNCell], steps: Iterable[ArrayLike], h_0: Array | None) -> Iterator[Array]:
    """Take one step a time through a stack of cells, and keep nothing but the states.

    Each cell has one buffer [x_t, h_{t-1}, 1] and one matrix [W_xh, W_hh, b_h], so that a step is one product.
    """
    dtype, input_size, where = cells[0].dtype, cells[0].input_size, "RNN.stream"
    bounded = all(cell.nonlinearity == "tanh" and _are_moderate(*cell.parameters().values()) for cell in cells)
    bounded = bounded and (h_0 is None or _are_moderate(h_0))
    buffers = None if h_0 is None else [_buffer(cell, h) for cell, h in zip(cells, h_0, strict=True)]
    for number, step in enumerate(steps):
        x_t = _checks.floats(step, f"step {number}", where, dtype)
        if buffers is None:
            _checks.axes(x_t, {1: "(input_size,)", 2: "(batch, input_size)"}, f"step {number}", where)
            buffers = [_buffer(cell, np.zeros((*x_t.shape[:-1], cell.hidden_size), dtype)) for cell in cells]
        if x_t.shape != buffers[0].x.shape:
            expected, fix = (*buffers[0].x.shape[:-1], input_size), "The batch is that of h_0 or of the first step."
            _checks.shape(x_t, expected, "([batch,] input_size)", f"step {number}", where, fix)
        if bounded and np.vdot(x_t, x_t) < MODERATE:  # so is every sum, and there is nothing to look for
            h_t = _advance(buffers, x_t)
        else:
            _checks.finite(x_t, f"step {number}", where)
            with np.errstate(over="ignore", invalid="ignore"):  # reported here
                h_t = _advance(buffers, x_t)
            for cell, buffer in enumerate(buffers):
                fix = "The sum overflowed: smaller weights or inputs, or tanh in place of relu."
                _checks.finite(buffer.h, f"the hidden state of cells[{cell}] after step {number}", where, fix)
        yield h_t.copy()


def _are_moderate(*arrays: Array) -> bool:
    """Whether a product of two such arrays can't overflow: it is at most |one| |other|."""
    return all(np.vdot(values, values) < MODERATE for values in arrays)


class _Buffer(NamedTuple):
    """One cell of a stream."""

    z: Array  # ([batch,] input + hidden + 1): [x_t, h_{t-1}, 1]
    x: Array  # a view of it
    h: Array  # likewise
    W: Array  # (input + hidden + 1, hidden)
    a: Array  # ([batch,] hidden): the sum before the nonlinearity
    f: Callable[..., Array]


def _buffer(cell: RNNCell, h: Array) -> _Buffer:
    inputs, hidden = cell.input_size, cell.hidden_size
    z = np.ones((*h.shape[:-1], inputs + hidden + 1), cell.dtype)
    z[..., inputs:-1] = h
    b_h = np.zeros(hidden, cell.dtype) if cell.b_h is None else cell.b_h
    W = np.concatenate([cell.W_xh.T, cell.W_hh.T, b_h[None]])
    return _Buffer(z, z[..., :inputs], z[..., inputs:-1], W, np.empty_like(h), NONLINEARITIES[cell.nonlinearity][0])


def _advance(buffers: list[_Buffer], h: Array) -> Array:
    """One step of every cell; the top one's state."""
    for z, x_part, h_part, W, a, f in buffers:
        x_part[...] = h
        z.dot(W, a)
        h = f(a, h_part)
    return h


def _steps(rows: Array, sizes: list[int], batch: int) -> list[Array]:
    """Views of the rows of each step; of a batch of one, vectors, on which NumPy is quicker than on rows."""
    if batch == 1:
        return list(rows)
    if sizes and sizes[0] == sizes[-1]:  # they never rise, so all are equal
        return list(rows.reshape(len(sizes), sizes[0], rows.shape[1]))
    views, start = [], 0
    for size in sizes:
        views.append(rows[start : start + size])
        start += size
    return views
