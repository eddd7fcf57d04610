"""The memory layout of a batch while it is unrolled: one step after another, each step's rows next to each other.

The user's arrays are batch first, (batch, time, features). The loop over time is fastest if everything it needs for one
step is contiguous, so inside an `RNN` every array has the shape (rows of all steps, features): the rows of step 0, then
those of step 1, and so on. ``sizes[t]`` is the number of rows in step t. Sequences of different lengths are sorted, the
longest first. At step t, the sequences that are still running are then the first ``sizes[t]``, and padding is neither
stored nor computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vanilla_rnn._types import Array


class Rectangle:
    """The layout of a batch whose sequences all have the same length."""

    lengths = None

    def __init__(self, batch: int, time: int) -> None:
        self.batch, self.time = batch, time
        self.sizes = [batch] * time

    def length(self, row: int) -> int:
        """The number of real steps of one sequence."""
        return self.time

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
        """One state for each sequence, (batch, hidden), from the user's order to the order used inside."""
        return h

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        return h

    def last(self, states: Array) -> Array:
        """The state of each sequence after its last step, from the states that begin with h_0."""
        return states[len(states) - self.batch :]


class Ragged:
    """The layout of a batch whose sequences have different lengths."""

    def __init__(self, lengths: Array, time: int) -> None:
        self.batch, self.time, self.lengths = len(lengths), time, lengths
        self.order = np.argsort(-lengths, kind="stable")
        lengths = lengths[self.order]
        running = np.arange(lengths.max(initial=0))[:, None] < lengths  # (longest, batch): is step t of the row real?
        counts = running.sum(axis=1)
        self.sizes: list[int] = counts.tolist()
        step, row = np.nonzero(running)  # for every packed row, in packed order
        self._place = self.order[row] * time + step  # its index among the user's rows of all sequences
        start = np.concatenate([[0], np.cumsum(counts)])  # the first packed row of every step, and the end
        self._mirror = start[lengths[row] - 1 - step] + row
        start_of_state = np.concatenate([[0], self.batch + start])  # states have h_0's rows before those of step 0
        self._last = start_of_state[lengths] + np.arange(self.batch)

    def length(self, row: int) -> int:
        """The number of real steps of one sequence."""
        return int(self.lengths[row])

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
        """One state for each sequence, (batch, hidden), from the user's order to the order used inside."""
        return h[self.order]

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        values = np.empty_like(h)
        values[self.order] = h
        return values

    def last(self, states: Array) -> Array:
        """The state of each sequence after its last real step; h_0 where it has none."""
        return states[self._last]
