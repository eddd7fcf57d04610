"""What one forward of a recurrent network did, and backpropagation through all of it: directions, layers, lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import add_gradients

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array
    from vanilla_rnn.cell import RNNCell
    from vanilla_rnn.packing import Ragged, Rectangle
    from vanilla_rnn.unroll import UnrolledCell


WHERE = "Unrolled.backward"


class _RNNGradients(NamedTuple):
    d_x: Array  #: dL/dx, (batch, time, input_size)
    d_h_0: Array  #: dL/dh_0, (num_layers * directions, batch, hidden_size)
    d_a: list[Array]  #: of ``cells[i]``, dL/da of the sum before the nonlinearity, (batch, time, hidden_size)
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``rnn.parameters()``


class RNNGradients(_RNNGradients):
    """What `Unrolled.backward` gives: a gradient of all that `RNN.forward` read, and of every sum on the way.

    Unbatched, the arrays have no batch axis. Beside the four it has, as attributes, what it was made from: the caller's
    arrays, where they were of the right dtype already.
    """

    d_output: Array | None  #: dL/d_output, as it came
    d_h_n: Array | None  #: dL/d_h_n, as it came


class CellRow(NamedTuple):
    """What one cell did to one row of a batch, by real step, in the order of the sequence."""

    cell: RNNCell  #: a copy of the cell as it was
    reverse: bool  #: whether it read from the last step to the first
    x: Array  #: (time, input): what it read
    h_prev: Array  #: (time, hidden): the state it had then; of a reverse direction, the state at the step after
    h: Array  #: (time, hidden): the state after reading


class Unrolled:
    """What one forward of an `RNN` did, and the way back through it.

    It keeps its own copies of the inputs and the weights, and its arrays can't be written to: whatever happens to the
    network or to x after it, `backward` gives the gradient of what was computed then.

    Attributes
    ----------
    output : numpy.ndarray, (batch, time, directions * hidden_size)
        The top layer's states at every step; 0 at and after a row's length.
    h_n : numpy.ndarray, (num_layers * directions, batch, hidden_size)
        The state of every cell when it had read all it reads.
    last : numpy.ndarray, (batch, directions * hidden_size)
        Of these the top layer's, side by side.
    batched : bool
        Whether x had a batch axis; without one, none of them has.
    directions : int
        2 if bidirectional, else 1.
    """

    def __init__(
        self,
        paths: dict[str, str],
        layers: list[list[UnrolledCell]],
        h_n: Array,
        layout: Rectangle | Ragged,
        batched: bool,
    ) -> None:
        self._paths, self._layers, self._layout, self.batched = paths, layers, layout, batched
        self.directions = len(layers[0])
        output = layout.unpack(side_by_side(layers[-1], layout))
        last = h_n[-1] if len(layers[-1]) == 1 else np.concatenate(h_n[-2:], axis=-1)
        self.output: Array = output if batched else output[0]
        self.h_n: Array = h_n if batched else h_n[:, 0]
        self.last: Array = last if batched else last[0]
        for values in (
            self.output,
            self.h_n,
            self.last,
            *(array for runs in layers for run in runs for array in (run.states, run.h)),
        ):
            values.flags.writeable = False

    def __repr__(self) -> str:
        return f"<Unrolled: output {self.output.shape}, h_n {self.h_n.shape}>"

    def read(self, row: int) -> list[CellRow]:
        """What every cell did to one row: a `CellRow` for each of ``cells``."""
        layout, length = self._layout, self._layout.length(row)
        cells = []
        for runs in self._layers:
            for direction, run in enumerate(runs):
                turn = layout.flip if direction else _as_it_is
                x, h_prev, h = (layout.unpack(turn(rows))[row, :length] for rows in (run.x, run.h_prev, run.h))
                cells.append(CellRow(run.cell, bool(direction), x, h_prev, h))
        return cells

    def backward(self, d_output: ArrayLike | None = None, d_h_n: ArrayLike | None = None) -> RNNGradients:
        """Backpropagation through time: carry gradients back through every step, direction and layer.

        Parameters
        ----------
        d_output : array_like of output's shape, or None
            dL/d_output; None where the loss doesn't read it. What stands at and after a row's length is ignored.
        d_h_n : array_like of h_n's shape, or None
            dL/d_h_n; None where the loss doesn't read it.

        Returns
        -------
        RNNGradients
            ``(d_x, d_h_0, d_a, d_parameters)``.

        Raises
        ------
        ValueError
            If both are None, a shape doesn't fit, or a number at a real step isn't finite.
        """
        if d_output is None and d_h_n is None:
            got, fix = "None for both", "Pass what a loss or a head's backward gave."
            _checks.refuse(ValueError, WHERE, "d_output or d_h_n", "a gradient to propagate", got, fix)
        layout, batched = self._layout, self.batched
        d_output, d_rows = self._packed(d_output)
        d_h_n = None if d_h_n is None else self._fitting(d_h_n, self.h_n, "d_h_n")
        d_states = np.zeros_like(self.h_n) if d_h_n is None else np.array(d_h_n, order="C")
        if d_h_n is not None:
            _checks.finite(d_h_n, "d_h_n", WHERE)
        if not batched:
            d_states = d_states[:, None]

        number = len(d_states)
        d_h_0 = np.empty_like(d_states)
        d_a: list[Array] = []
        parts: dict[str, dict[str, Array]] = {}
        for runs in reversed(self._layers):  # d_rows: of this layer's output
            d_inputs = []
            for direction, d_h in reversed(list(enumerate(_apart(d_rows, len(runs), layout)))):
                number -= 1
                gradients = runs[direction].backward(d_h, layout.sort(d_states[number]))
                turn = layout.flip if direction else _as_it_is
                d_h_0[number] = layout.unsort(gradients.d_h_0)
                d_a.insert(0, layout.unpack(turn(gradients.d_a)))
                parts = {f"cells.{number}": gradients.d_parameters} | parts
                d_inputs.append(turn(gradients.d_x))
            d_rows = d_inputs[0] if len(runs) == 1 else d_inputs[0] + d_inputs[1]

        d_x, d_parameters = layout.unpack(d_rows), add_gradients(self._paths, parts)
        if batched:
            found = RNNGradients(d_x, d_h_0, d_a, d_parameters)
        else:
            found = RNNGradients(d_x[0], d_h_0[:, 0], [d[0] for d in d_a], d_parameters)
        found.d_output, found.d_h_n = d_output, d_h_n
        return found

    def _packed(self, d_output: ArrayLike | None) -> tuple[Array | None, Array]:
        """d_output, checked, and a copy of it laid out as the loop walks; zeros where there is none."""
        layout, top = self._layout, self._layers[-1]
        if d_output is None:
            return None, np.zeros((len(top[0].x), len(top) * self.h_n.shape[-1]), self.h_n.dtype)
        d_output = self._fitting(d_output, self.output, "d_output")
        d_rows = layout.pack(d_output if self.batched else d_output[None])
        if not _checks.is_finite(d_rows):
            real = layout.unpack(d_rows)  # where the caller has them
            _checks.finite(real if self.batched else real[0], "d_output", WHERE)
        return d_output, d_rows

    def _fitting(self, gradient: ArrayLike, like: Array, name: str) -> Array:
        """A gradient of the dtype and the shape of what it is of."""
        found = _checks.floats(gradient, name, WHERE, like.dtype)
        meaning, fix = f"the shape of {name[2:]}", "A gradient has the shape of what it is of."
        _checks.shape(found, like.shape, meaning, name, WHERE, fix)
        return found


def read_row(run: object, row: object, where: str) -> tuple[Unrolled, int, list[CellRow]]:
    """An RNN's record, or the one within a model's; the row's number, checked; and what every cell did to that row."""
    record = getattr(run, "run", run)
    if not isinstance(record, Unrolled):
        fix = "Pass what forward(...) gave; of an EncoderDecoder run.encoded or run.decoded."
        _checks.refuse(TypeError, where, "run", "the record of a network", _checks.shown(run), fix)
    batch = len(record.output) if record.batched else 1
    row = _checks.index(row, "row", where)
    if not 0 <= row < batch:
        expected = f"from 0 to {batch - 1}" if batch else "one of the batch, which has none"
        _checks.refuse(IndexError, where, "row", expected, str(row), "It counts the rows of the batch.")
    return record, row, record.read(row)


def side_by_side(runs: list[UnrolledCell], layout: Rectangle | Ragged) -> Array:
    """A layer's output: its directions' states, each at the step of the sequence that it had just read."""
    if len(runs) == 1:
        return runs[0].h
    return np.concatenate([runs[0].h, layout.flip(runs[1].h)], axis=1)


def _apart(d_rows: Array, directions: int, layout: Rectangle | Ragged) -> list[Array]:
    """The reverse of `side_by_side`, of gradients: each direction's in memory of its own, as that direction read."""
    if directions == 1:
        return [d_rows]
    hidden = d_rows.shape[1] // 2
    return [np.ascontiguousarray(d_rows[:, :hidden]), np.ascontiguousarray(layout.flip(d_rows[:, hidden:]))]


def _as_it_is(rows: Array) -> Array:
    return rows
