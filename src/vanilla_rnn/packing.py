"""The memory layout of a batch while it is unrolled: one step after another, each step's rows next to each other.

The user's arrays are batch first, (batch, time, features). The loop over time is fastest if everything it needs for one
step is contiguous. Inside an `RNN`, inputs and outputs therefore have the shape (rows of all steps, features): the rows
of step 0, then those of step 1, and so on. The states begin with one more row for each sequence, its initial state.
``sizes[t]`` is the number of rows in step t. Sequences of different lengths are sorted, the longest first. At step t,
the sequences that are still running are then the first ``sizes[t]``, and padding is neither stored nor computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn._module import freeze

if TYPE_CHECKING:
    from vanilla_rnn._types import Array


class Rectangle:
    """The layout of a batch without lengths: every step is real."""

    lengths = None

    def __init__(self, batch: int, time: int) -> None:
        self.batch, self.time = batch, time
        self.sizes = [batch] * time

    def pack(self, values: Array) -> Array:
        """(batch, time, features) -> (time * batch, features), always a copy."""
        return np.array(values.swapaxes(0, 1), order="C").reshape(-1, values.shape[-1])

    def unpack(self, rows: Array) -> Array:
        """(time * batch, features) -> (batch, time, features), a view."""
        return rows.reshape(self.time, self.batch, rows.shape[-1]).swapaxes(0, 1)

    def flip(self, rows: Array) -> Array:
        """Every sequence reversed in time, as the reverse direction reads it. It is its own inverse."""
        return rows.reshape(self.time, self.batch, rows.shape[-1])[::-1].reshape(rows.shape)

    def sort(self, h: Array) -> Array:
        """Reorder one state for each sequence, (batch, hidden), from the user's order to the internal order."""
        return h

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        return h

    def last(self, states: Array) -> Array:
        """The state of each sequence after its last step, from an array of states that begins with h_0."""
        return states[len(states) - self.batch :]


class Ragged:
    """The layout of a batch with lengths.

    For example, A and C have 2 real steps out of 3, and B has 3:

    >>> layout = Ragged(np.array([2, 3, 2]), time=3)
    >>> layout.order, layout.sizes  # B comes first; all three have steps 0 and 1, only B has step 2
    (array([1, 0, 2]), [3, 3, 1])
    >>> values = np.array([["A0", "A1", ""], ["B0", "B1", "B2"], ["C0", "C1", ""]])[..., None]
    >>> layout.pack(values)[:, 0].tolist()
    ['B0', 'A0', 'C0', 'B1', 'A1', 'C1', 'B2']
    >>> layout.flip(layout.pack(values))[:, 0].tolist()
    ['B2', 'A1', 'C1', 'B1', 'A0', 'C0', 'B0']

    ``_place`` [3, 0, 6, 4, 1, 7, 5] says where each packed row is among the nine rows of ``values``, and ``_mirror``
    [6, 4, 5, 3, 1, 2, 0] says which row takes its place when every sequence is reversed. An array of states begins with
    the initial states of B, A and C, so the packed rows are its rows 3 to 9. ``_last`` [9, 7, 8] gives the rows of the
    last states of B, A and C.
    """

    def __init__(self, lengths: Array, time: int) -> None:
        self.batch, self.time, self.lengths = len(lengths), time, lengths
        self.order = np.argsort(-lengths, kind="stable")  # the user's row numbers, longest sequence first
        sorted_lengths = lengths[self.order]
        running = np.arange(sorted_lengths.max(initial=0))[:, None] < sorted_lengths  # (longest, batch)
        counts = running.sum(axis=1)
        self.sizes: list[int] = counts.tolist()
        # For every packed row: its step, and its sequence's place in ``order``. nonzero lists them step by step.
        step, rank = np.nonzero(running)
        start = np.concatenate([[0], np.cumsum(counts)])  # the first packed row of every step, and the end
        self._place = self.order[rank] * time + step  # where each packed row is in the user's (batch * time) rows
        self._mirror = start[sorted_lengths[rank] - 1 - step] + rank  # step t of a sequence <-> step length - 1 - t
        start_of_state = np.concatenate([[0], self.batch + start])  # the first state after 0, 1, 2, ... steps
        self._last = start_of_state[sorted_lengths] + np.arange(self.batch)  # the state after each sequence's last step
        self._freeze()

    def _freeze(self) -> None:
        """Make every array read-only, as in every run."""
        freeze([self.lengths, self.order, self._place, self._mirror, self._last])

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._freeze()  # copies and unpickled ones too

    def pack(self, values: Array) -> Array:
        """(batch, time, features) -> (real steps, features), always a copy."""
        return values.reshape(self.batch * self.time, values.shape[-1]).take(self._place, axis=0)

    def unpack(self, rows: Array) -> Array:
        """(real steps, features) -> (batch, time, features), a new array with zeros at the padding."""
        values = np.zeros((self.batch * self.time, rows.shape[-1]), rows.dtype)
        values[self._place] = rows
        return values.reshape(self.batch, self.time, rows.shape[-1])

    def flip(self, rows: Array) -> Array:
        """Every sequence reversed in time within its own length. It is its own inverse."""
        return rows.take(self._mirror, axis=0)

    def sort(self, h: Array) -> Array:
        """Reorder one state for each sequence, (batch, hidden), from the user's order to the internal order."""
        return h[self.order]

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        values = np.empty_like(h)
        values[self.order] = h
        return values

    def last(self, states: Array) -> Array:
        """The state of each sequence after its last real step; h_0 where it has none."""
        return states[self._last]
