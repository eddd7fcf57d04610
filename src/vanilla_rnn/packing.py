"""How a batch lies in memory while it is unrolled: one step after another, each step's rows side by side.

The user's arrays are batch first, (batch, time, features). The loop over time wants all that it touches in one step to
be together, so inside an `RNN` every array is flat, (steps' rows, features): the rows of step 0, then those of step 1,
and so on. ``sizes[t]`` says how many rows step t has. Rows of unequal length are sorted, the longest first, so that the
rows still running are always the first ``sizes[t]``, and padding is neither stored nor computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vanilla_rnn._checks import Array


class Rectangle:
    """A batch whose rows all have the same length."""

    def __init__(self, batch: int, time: int) -> None:
        self.batch, self.time = batch, time
        self.sizes = [batch] * time

    def length(self, row: int) -> int:
        """How many real steps a row of the user's batch has."""
        return self.time

    def pack(self, values: Array) -> Array:
        """(batch, time, features) -> (time * batch, features), always a copy."""
        return np.array(values.swapaxes(0, 1), order="C").reshape(-1, values.shape[-1])

    def unpack(self, rows: Array) -> Array:
        """(time * batch, features) -> (batch, time, features), a view."""
        return rows.reshape(self.time, self.batch, rows.shape[-1]).swapaxes(0, 1)

    def flip(self, rows: Array) -> Array:
        """Every row backward in time, as a reverse direction reads it. Its own inverse."""
        return rows.reshape(self.time, self.batch, rows.shape[-1])[::-1].reshape(rows.shape)

    def sort(self, h: Array) -> Array:
        """One state a row, (batch, hidden), from the user's order to the order inside."""
        return h

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        return h

    def last(self, states: Array) -> Array:
        """Each row's state after its last step, out of the states from h_0 on."""
        return states[len(states) - self.batch :]


class Ragged:
    """A batch whose rows have lengths of their own."""

    def __init__(self, lengths: Array, time: int) -> None:
        self.batch, self.time, self._lengths = len(lengths), time, lengths
        self.order = np.argsort(-lengths, kind="stable")
        lengths = lengths[self.order]
        running = np.arange(lengths.max(initial=0))[:, None] < lengths  # (longest, batch): step t of row r is real
        counts = running.sum(axis=1)
        self.sizes: list[int] = counts.tolist()
        step, row = np.nonzero(running)  # of every packed row, in packed order
        self._place = self.order[row] * time + step  # where it stands in the user's array, counted row by row
        start = np.concatenate([[0], np.cumsum(counts)])  # of every step, and the end
        self._mirror = start[lengths[row] - 1 - step] + row
        start_of_state = np.concatenate([[0], self.batch + start])  # states hold h_0's rows before those of step 0
        self._last = start_of_state[lengths] + np.arange(self.batch)

    def length(self, row: int) -> int:
        """How many real steps a row of the user's batch has."""
        return int(self._lengths[row])

    def pack(self, values: Array) -> Array:
        """(batch, time, features) -> (real steps, features), always a copy."""
        return values.reshape(self.batch * self.time, values.shape[-1]).take(self._place, axis=0)

    def unpack(self, rows: Array) -> Array:
        """(real steps, features) -> (batch, time, features), a new array with zeros where there is no real step."""
        values = np.zeros((self.batch * self.time, rows.shape[-1]), rows.dtype)
        values[self._place] = rows
        return values.reshape(self.batch, self.time, rows.shape[-1])

    def flip(self, rows: Array) -> Array:
        """Every row backward in time within its own length. Its own inverse."""
        return rows.take(self._mirror, axis=0)

    def sort(self, h: Array) -> Array:
        """One state a row, (batch, hidden), from the user's order to the order inside."""
        return h[self.order]

    def unsort(self, h: Array) -> Array:
        """The inverse of `sort`."""
        values = np.empty_like(h)
        values[self.order] = h
        return values

    def last(self, states: Array) -> Array:
        """Each row's state after its last real step, out of the states from h_0 on; h_0 where it has none."""
        return states[self._last]
