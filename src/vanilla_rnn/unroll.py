"""The loop over time and its reverse, backpropagation through time, for one cell in one direction.

First the plain loop, which works for any cell. Then the same loop for an `RNNCell`, rearranged for speed; a test
compares the two. Both take the rows of all steps in one array: those of step 0, then those of step 1, and so on.
``sizes[t]`` is the number of rows in step t. It never grows, because the longest sequences come first: see
``packing.py``.

Steps are counted from 0. As in PyTorch, ``h_0`` is the initial state before step 0, not the state after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn._module import by_name, quietly
from vanilla_rnn.cell import functions_of
from vanilla_rnn.own_cell import CheckedCell, is_plain

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Callable, Iterable

LINE = 64  # bytes of a cache line
TINY = 2**12  # up to this many numbers, a matrix's start address in memory doesn't affect speed
SMALL = 2**16  # up to this many numbers, computing the slopes of all steps in one call is faster


def unroll_plain(cell: Any, x: Array, h_0: Array, sizes: list[int]) -> list[Any]:
    """``h_t = cell(x_t, h_{t-1})`` for t = 0, 1, ..., starting from the initial state; returns the run of each step."""
    runs, h = [], h_0
    for x_t in _steps(x, sizes):  # (rows of this step, input)
        runs.append(cell.forward(x_t, h[: len(x_t)]))  # sequences that have ended drop out
        h = runs[-1].h  # (rows of this step, hidden)
    return runs


def unroll_plain_backward(
    cell: Any, d_output: Array, d_h_n: Array, runs: list[Any], sizes: list[int]
) -> tuple[list[Array], Array, dict[str, Array]]:
    """Backpropagation through time: ``dL/dh_t`` = the part from step t's own output + the part from step t + 1."""
    d_x: list[Array] = []
    d_parameters = {name: np.zeros_like(values) for name, values in cell.parameters().items()}
    # d_future has a row for each sequence: the part of a state's gradient that doesn't come from its own output. For a
    # sequence's last state, this is its row of d_h_n; for an earlier state, it is what the next step passes back. For
    # lengths 3 and 2, d_future contains [first row, second row]:
    #   when the loop begins      [d_h_n[0], d_h_n[1]]    only the first sequence has a step 2
    #   when step 2 is done       [from step 2, d_h_n[1]]    both have a step 1
    #   when step 1 is done       [from step 1, from step 1]
    #   when step 0 is done       [from step 0, from step 0], which is d_h_0; a sequence without steps keeps its d_h_n
    d_future = d_h_n.copy()  # (batch, hidden)
    for run, d_output_t in zip(reversed(runs), reversed(_steps(d_output, sizes)), strict=True):
        d_h_t = d_output_t + d_future[: len(d_output_t)]
        d_x_t, d_h_prev, d_step = run.backward(d_h_t)
        d_future[: len(d_h_prev)] = d_h_prev
        d_x.append(d_x_t)
        for name, gradient in d_step.items():  # every step uses the same weights, so their gradients are added
            d_parameters[name] += gradient
    return d_x[::-1], d_future, d_parameters


def unroll(
    x: Array, h_0: Array, W_xh: Array, W_hh: Array, b_h: Array | None, f: Callable[..., Array], sizes: list[int]
) -> Array:
    """The states ``h_t = f(W_xh x_t + W_hh h_{t-1} + b_h)``, (batch + rows of all steps, hidden), h_0 first.

    For speed: the inputs' part of the sum needs no state, so one matrix product computes it for all steps. W_hh is
    transposed once, into memory that the product reads quickly. The loop makes no new arrays.
    """
    batch = len(h_0)
    states = np.empty((batch + len(x), len(W_hh)), W_hh.dtype)
    states[:batch] = h_0
    a = states[batch:]  # each a_t is overwritten by its h_t
    W_hh_T = _aligned(W_hh.T)
    h = h_0 if batch != 1 else h_0[0]  # a batch of one is computed with vectors: its steps in _views have no row axis
    W_hh_h = np.empty(h.shape, h.dtype)
    x.dot(W_xh.T, a)  # W_xh x_t of all steps
    if b_h is not None:
        np.add(a, b_h, a)
    add = np.add
    for a_t in _views(a, sizes, batch):
        if len(a_t) != len(h):  # sequences that have ended drop out; vectors always have the same length
            h, W_hh_h = h[: len(a_t)], W_hh_h[: len(a_t)]
        h.dot(W_hh_T, W_hh_h)  # W_hh h_{t-1}
        add(a_t, W_hh_h, a_t)
        h = f(a_t, a_t)
    return states


def unroll_backward(
    d_output: Array,
    d_h_n: Array,
    x: Array,
    states: Array,
    W_xh: Array,
    W_hh: Array,
    slope: Callable[[Array], Array],
    sizes: list[int],
) -> tuple[Array, ...]:
    """Backpropagation through time, in place: ``d_output`` becomes d_a, and ``d_h_n`` becomes d_h_0.

    For speed: only the recurrence is in the loop. The gradient of each weight is a sum over all steps, and one matrix
    product after the loop computes it.
    """
    batch = len(d_h_n)
    h = states[batch:]
    W_hh_aligned = _aligned(W_hh)
    d_future = d_h_n if batch != 1 else d_h_n[0]  # a batch of one is computed with vectors, as in unroll
    if h.size <= SMALL:
        slopes: Iterable[Array] = reversed(_views(slope(h), sizes, batch))
    else:
        slopes = map(slope, reversed(_views(h, sizes, batch)))
    add, multiply = np.add, np.multiply
    for d_t, slope_t in zip(reversed(_views(d_output, sizes, batch)), slopes, strict=True):
        # only the rows of the sequences in this step
        d_running = d_future if len(d_t) == len(d_future) else d_future[: len(d_t)]
        add(d_t, d_running, d_t)  # d_t was d_output_t and is now d_h_t = d_output_t + d_future
        multiply(d_t, slope_t, d_t)  # and now d_a_t = d_h_t f'(a_t)
        d_t.dot(W_hh_aligned, d_running)  # d_h_prev = W_hh^T d_a_t
    d_a = d_output
    d_a_T = d_a.T
    d_x = d_a.dot(W_xh)
    d_W_xh = d_a_T.dot(x)
    d_W_hh = d_a_T.dot(previous_states(states, sizes, batch))
    d_b_h = np.add.reduce(d_a, axis=0)
    return d_x, d_W_xh, d_W_hh, d_b_h


def previous_states(states: Array, sizes: list[int], batch: int) -> Array:
    """The state before each step, (rows of all steps, hidden): h_0, then every state that a later step reads."""
    rows = len(states) - batch
    if rows == batch * len(sizes):  # all sequences have the same length
        return states[:rows]
    # For lengths 3 and 2, sizes [2, 2, 1]: both rows of h_0, both rows of step 0, and the first row of step 1.
    before = _steps(states, [batch, *sizes[:-1]])
    return np.concatenate([h[:size] for h, size in zip(before, sizes, strict=True)])


def _aligned(W: Array) -> Array:
    """The matrix, contiguous and starting at a cache line, so that each step's product reads it faster."""
    if W.size <= TINY:
        return np.ascontiguousarray(W)
    memory = np.empty(W.nbytes + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    aligned: Array = memory[start : start + W.nbytes].view(W.dtype).reshape(W.shape)
    aligned[...] = W
    return aligned


def _steps(rows: Array, sizes: list[int]) -> list[Array]:
    """A view of the rows of each step."""
    views, start = [], 0
    for size in sizes:
        views.append(rows[start : start + size])
        start += size
    return views


def _views(rows: Array, sizes: list[int], batch: int) -> list[Array]:
    """Like `_steps`, but faster where possible. For a batch of one it gives vectors, which NumPy handles faster."""
    if batch == 1:
        return list(rows)
    if sizes and sizes[0] == sizes[-1]:  # sizes never increase, so all are equal
        return list(rows.reshape(len(sizes), sizes[0], rows.shape[1]))
    return _steps(rows, sizes)


class UnrolledCell(NamedTuple):
    """What one cell computed over time."""

    cell: Any  #: a read-only copy of an `RNNCell`, or a copy of your own cell
    x: Array  #: (rows of all steps, input)
    states: Array  #: (batch + rows of all steps, hidden): h_0, then the state after each step
    h: Array  #: the states without h_0, a view
    sizes: list[int]  #: the rows in each step
    runs: list[Any]  #: the run of each step, for a cell of your own


class UnrolledGradients(NamedTuple):
    """The gradients of one cell over time. The arrays have the layout of those in `UnrolledCell`.

    ``d_x`` lasts until the layer below is unrolled backward, which overwrites it.
    """

    d_x: Array
    d_h_0: Array
    d_a: Array | None  #: None for a cell of your own
    d_parameters: dict[str, Array]  #: under the keys of the cell's ``parameters()``


def unroll_cell(cell: Any, x: Array, h_0: Array, sizes: list[int]) -> UnrolledCell:
    """All steps of a cell: the fast loop for an `RNNCell`, the plain loop for a cell of your own."""
    if is_plain(cell):
        f, _ = functions_of(cell.nonlinearity)
        states, runs = quietly(unroll, x, h_0, cell.W_xh, cell.W_hh, cell.b_h, f, sizes), []
    else:
        runs = unroll_plain(CheckedCell(cell), x, h_0, sizes)
        states = np.concatenate([h_0, *(run.h for run in runs)])
    return UnrolledCell(cell, x, states, states[len(h_0) :], sizes, runs)


def unroll_cell_backward(unrolled: UnrolledCell, d_output: Array, d_h_n: Array) -> UnrolledGradients:
    """The gradients for all inputs and weights of `unroll_cell`. ``d_output`` and ``d_h_n`` may be overwritten."""
    cell, x, states, _, sizes, runs = unrolled
    if is_plain(cell):
        _, slope = functions_of(cell.nonlinearity)
        d_x, *d_weights = quietly(unroll_backward, d_output, d_h_n, x, states, cell.W_xh, cell.W_hh, slope, sizes)
        d_h_0, d_a = d_h_n, d_output  # the loop has overwritten them
        return UnrolledGradients(d_x, d_h_0, d_a, by_name(cell.weights, d_weights))
    d_x_steps, d_h_0, d_parameters = unroll_plain_backward(cell, d_output, d_h_n, runs, sizes)
    return UnrolledGradients(np.concatenate([x[:0], *d_x_steps]), d_h_0, None, d_parameters)
