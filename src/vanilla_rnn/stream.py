"""One step at a time through a sequence that may never end, keeping nothing but the states."""

from __future__ import annotations

from operator import setitem
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import call_all, quietly
from vanilla_rnn.cell import functions_of
from vanilla_rnn.own_cell import CheckedCell, is_plain

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, ArrayLike, Callable, Iterable, Iterator

MODERATE = 1e30  # if two arrays have sums of squares below this, their product can't overflow, not even in float32
WHERE = "RNN.stream"


class Stream:
    """The iterator that `RNN.stream` returns: it yields the top layer's state after each step.

    Each cell has one buffer [x_t, h_{t-1}, 1] and one matrix [W_xh, W_hh, b_h], so that a step is one product.

    Attributes
    ----------
    h_n : numpy.ndarray, (num_layers, hidden_size) or (num_layers, batch, hidden_size), or None
        A copy of the state of every layer; None before the first step of a stream without an h_0.
    """

    def __init__(self, cells: list[Any], steps: Iterable[ArrayLike], h_0: Array | None) -> None:
        self._cells, self._steps = cells, enumerate(steps)
        moderate = all(is_plain(cell) and cell.nonlinearity == "tanh" for cell in cells)
        moderate = moderate and all(_is_moderate(values) for cell in cells for values in cell.parameters().values())
        self._bounded = moderate and (h_0 is None or _is_moderate(h_0))
        self._buffers = [] if h_0 is None else _buffers(cells, h_0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Give a copy its own buffers: in a copied buffer, x and h would no longer be views of z."""
        vars(self).update(state)
        states = self.h_n
        self._buffers = [] if states is None else _buffers(self._cells, states)

    def __iter__(self) -> Iterator[Array]:
        return self

    def __next__(self) -> Array:
        number, step = next(self._steps)
        name, dtype, fix = f"steps[{number}]", self._cells[0].dtype, "Pass one step at a time: x[t] or x[:, t]."
        x_t = _checks.floats(step, name, WHERE, dtype)
        if not self._buffers or x_t.shape != self._buffers[0].x.shape:
            _checks.fit(x_t, name, "[batch] input_size", self._sizes(), WHERE, fix)
        bounded = self._bounded and np.vdot(x_t, x_t) < MODERATE  # then no sum can overflow
        if not bounded:
            _checks.finite(x_t, name, WHERE)
        buffers = self._buffers
        if not buffers:
            shape = (len(self._cells), *x_t.shape[:-1], self._cells[0].hidden_size)
            buffers = _buffers(self._cells, np.zeros(shape, dtype))
        states: list[Array] = quietly(_step, buffers, x_t)
        if not bounded:
            for cell, h in enumerate(states):
                hint = "Use smaller weights or inputs: the sum has overflowed."
                _checks.finite(h, f"the hidden state of cells[{cell}] after {name}", WHERE, hint)
        # All states change at once: a refused or interrupted step leaves the stream as it was.
        if len(buffers) == 1:  # one assignment can't be interrupted either, and is faster
            buffers[0].h[...] = states[0]
        else:
            call_all([(setitem, buffer.h, ..., h) for buffer, h in zip(buffers, states, strict=True)])
        self._buffers = buffers
        return states[-1].copy()

    @property
    def h_n(self) -> Array | None:
        """A copy of the state of every layer."""
        return np.stack([buffer.h for buffer in self._buffers]) if self._buffers else None

    def _sizes(self) -> dict[str, Any]:
        """The sizes that a step must have. The first step decides whether there is a batch axis, and its length."""
        sizes = {"input_size": self._cells[0].input_size}
        if not self._buffers:
            return sizes
        batch = self._buffers[0].h.shape[:-1]
        return sizes | {"batch": batch[0] if batch else None}


def _step(buffers: list[_Buffer], x_t: Array) -> list[Array]:
    """The new state of every cell, each in memory that the next step overwrites."""
    h, states = x_t, []
    for cell, z, x, h_prev, W, a, f in buffers:
        if f is None:
            rows = CheckedCell(cell).forward(np.atleast_2d(h), np.atleast_2d(h_prev)).h  # a batch of one is a row
            h = rows.reshape(h_prev.shape)
        else:
            x[...] = h
            z.dot(W, a)
            h = f(a, a)
        states.append(h)
    return states


def _is_moderate(values: Array) -> bool:
    """Whether the array is small enough that its product with another array of this kind can't overflow."""
    return bool(np.vdot(values, values) < MODERATE)


class _Buffer(NamedTuple):
    """One cell of a stream."""

    cell: Any
    z: Array  # ([batch,] input + hidden + 1): [x_t, h_{t-1}, 1]
    x: Array  # the part of z that is x_t, a view
    h: Array  # the part that is h_{t-1}, a view; at the end of a step, h_t is copied into it
    W: Array  # (input + hidden + 1, hidden); not used for a cell of your own
    a: Array  # ([batch,] hidden): the sum, then the new state; also not used for a cell of your own
    f: Callable[..., Array] | None  # None for a cell of your own


def _buffers(cells: list[Any], h_0: Array) -> list[_Buffer]:
    """A buffer for each cell, with its initial state."""
    buffers = []
    for cell, h in zip(cells, h_0, strict=True):
        inputs, hidden = cell.input_size, cell.hidden_size
        z = np.ones((*h.shape[:-1], inputs + hidden + 1), cell.dtype)
        z[..., inputs:-1] = h
        if is_plain(cell):
            b_h = np.zeros(hidden, cell.dtype) if cell.b_h is None else cell.b_h
            W, (f, _) = np.concatenate([cell.W_xh.T, cell.W_hh.T, b_h[None]]), functions_of(cell.nonlinearity)
            buffers.append(_Buffer(cell, z, z[..., :inputs], z[..., inputs:-1], W, np.empty_like(h), f))
        else:
            buffers.append(_Buffer(cell, z, z[..., :inputs], z[..., inputs:-1], z, z, None))
    return buffers
