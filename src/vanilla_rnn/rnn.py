"""The recurrent network: layers, directions and lengths around the loop over time. Its record is in ``unrolled.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module, own_paths
from vanilla_rnn.cell import RNNCell
from vanilla_rnn.packing import Ragged, Rectangle
from vanilla_rnn.unroll import UnrolledCell, stream, unroll
from vanilla_rnn.unrolled import Unrolled, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, DTypeLike

    from vanilla_rnn._checks import RNG, Array


class RNN(Module):
    r"""A recurrent network: one cell applied at every step, in one or two directions, in one or more layers.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)`` for t = 0, 1, ..., time - 1, with the same weights at every step

    A further layer reads the states of the layer below as its inputs. A reverse direction is a cell of its own that
    reads each row from its last real step to its first; its state at step t stands beside the forward one's.

    Parameters
    ----------
    input_size, hidden_size : int
        How many numbers make x_t, and h_t in each direction.
    num_layers : int
        How many layers are stacked.
    bidirectional : bool
        Whether each layer has a reverse direction too.
    bias, nonlinearity, recurrent_init, dtype, rng
        As in `RNNCell`. There is no dropout: it would need a training mode, and modules here hold weights alone.

    Attributes
    ----------
    cells : list of RNNCell
        ``cells[i]`` produces ``h_n[i]``: layer 0 forward, layer 0 reverse if there is one, layer 1 forward, ...

    Examples
    --------
    >>> import numpy as np
    >>> rnn = RNN(input_size=2, hidden_size=3, rng=0)
    >>> output, h_n = rnn(np.ones((5, 4, 2)))  # 5 rows of 4 steps of 2 numbers
    >>> output.shape, h_n.shape
    ((5, 4, 3), (1, 5, 3))
    >>> bool((output[:, -1] == h_n[0]).all())  # the state at the last step is the final state
    True
    >>> rnn
    RNN(2, 3): 18 parameters
        cells.0.W_xh  (3, 2)
        cells.0.W_hh  (3, 3)
        cells.0.b_h   (3,)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        bias: bool = True,
        nonlinearity: str = "tanh",
        recurrent_init: str = "uniform",
        dtype: DTypeLike = np.float64,
        rng: RNG = None,
    ) -> None:
        input_size = _checks.size(input_size, "input_size", "RNN")
        hidden_size = _checks.size(hidden_size, "hidden_size", "RNN")
        num_layers = _checks.size(num_layers, "num_layers", "RNN")
        self.bidirectional = _checks.flag(bidirectional, "bidirectional", "RNN")
        rng = _checks.generator(rng, "RNN")
        self.cells = [
            RNNCell(
                input_size if layer == 0 else self.directions * hidden_size,
                hidden_size,
                bias=bias,
                nonlinearity=nonlinearity,
                recurrent_init=recurrent_init,
                dtype=dtype,
                rng=rng,
            )
            for layer in range(num_layers)
            for _ in range(self.directions)
        ]

    @classmethod
    def from_cells(cls, cells: list[RNNCell], *, bidirectional: bool = False) -> Self:
        """Make a network of these very cells. It shares their weights.

        Parameters
        ----------
        cells : list of RNNCell
            Layer 0 forward, layer 0 reverse if there is one, layer 1 forward, ...
        bidirectional : bool
            Whether there are two for each layer.

        Returns
        -------
        RNN
            Of as many layers as the cells make.

        Raises
        ------
        ValueError
            If there is no cell, or an odd number for two directions, or their sizes or dtypes don't fit one another.
        TypeError
            If something is no cell.
        """
        where = "RNN.from_cells"
        rnn = cls.__new__(cls)
        rnn.bidirectional = _checks.flag(bidirectional, "bidirectional", where)
        rnn.cells = list(_checks.sequence_of(cells, RNNCell, "cells", where, "For one layer pass [cell]."))
        rnn._check_cells(where)
        return rnn

    def _check_cells(self, where: str) -> None:
        """Refuse cells that don't fit one another, or whose weights were replaced by ones that don't."""
        cells, directions = self.cells, self.directions
        if not cells or len(cells) % directions:
            expected, fix = f"{directions} for each layer", "bidirectional=True takes two a layer: forward, reverse."
            _checks.refuse(ValueError, where, "cells", expected, str(len(cells)), fix)
        for cell in cells:
            cell.check_weights(where)
        for number, cell in enumerate(cells[1:], start=1):
            below = self.input_size if number < directions else directions * self.hidden_size
            right, sizes = (below, self.hidden_size, self.dtype), (cell.input_size, cell.hidden_size, cell.dtype)
            if sizes != right:
                text = "a cell with (input_size, hidden_size, dtype) = ({}, {}, {})"
                fix = "A layer reads the states of all directions of the layer below."
                _checks.refuse(ValueError, where, f"cells[{number}]", text.format(*right), text.format(*sizes), fix)

    def __call__(
        self, x: ArrayLike, h_0: ArrayLike | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, Array]:
        """``(output, h_n)``: see `forward`, which gives the same and remembers what `Unrolled.backward` needs."""
        rows, h_0, layout, batched = self._inputs(x, h_0, lengths)
        h_n = np.empty_like(h_0)
        for runs in self._unroll_layers(self.cells, rows, h_0, h_n, layout):
            top = runs  # of the layers below nothing is kept
        output = layout.unpack(side_by_side(top, layout))
        return (output, h_n) if batched else (output[0], h_n[:, 0])

    def forward(self, x: ArrayLike, h_0: ArrayLike | None = None, lengths: ArrayLike | None = None) -> Unrolled:
        """Run over a batch of sequences and remember it.

        Parameters
        ----------
        x : array_like, (batch, time, input_size) or (time, input_size)
            The inputs; without a batch axis, one sequence. Zero steps and empty batches are legal.
        h_0 : array_like, (num_layers * directions, batch, hidden_size), or None
            The states to begin with, one a cell; None is zeros. Unbatched: without the batch axis.
        lengths : array_like of int, (batch,), or None
            How many steps of each row are real, in any order, 0 included. Steps at and after a row's length leave its
            state alone and output 0, whatever x holds there.

        Returns
        -------
        Unrolled
            ``.output`` (batch, time, directions * hidden_size): the top layer's states at every step.
            ``.h_n`` (num_layers * directions, batch, hidden_size): every cell's state when it had read all it reads.
            ``.last`` (batch, directions * hidden_size): of these, the top layer's.

        Raises
        ------
        ValueError
            If a shape doesn't fit, a length lies outside 0..time, or a number at a real step isn't finite.
        TypeError
            If x or h_0 isn't an array of real numbers, or lengths one of whole numbers.
        """
        rows, h_0, layout, batched = self._inputs(x, h_0, lengths)
        cells = [cell.frozen() for cell in self.cells]
        h_n = np.empty_like(h_0)
        layers = list(self._unroll_layers(cells, rows, h_0, h_n, layout))
        return Unrolled(own_paths(self), layers, h_n, layout, batched)

    def stream(self, steps: Iterable[ArrayLike], h_0: ArrayLike | None = None) -> Iterator[Array]:
        """Run over a sequence that may never end, in constant memory, reading a step only when its state is asked for.

        The weights are those of the moment `stream` is called.

        Parameters
        ----------
        steps : iterable of array_like, (input_size,) or (batch, input_size)
            The inputs, one step at a time.
        h_0 : array_like, (num_layers, hidden_size) or (num_layers, batch, hidden_size), or None
            The states to begin with; None is zeros.

        Returns
        -------
        iterator of numpy.ndarray, (hidden_size,) or (batch, hidden_size)
            The top layer's h_t after each step, every one an array of its own.

        Raises
        ------
        ValueError
            If the network is bidirectional, a shape doesn't fit or a number isn't finite.
        TypeError
            If steps can't be iterated over, or a step isn't an array of real numbers.

        Examples
        --------
        >>> import itertools
        >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
        >>> states = rnn.stream(itertools.repeat([0.5]))  # without end
        >>> [round(float(next(states)[0]), 4) for _ in range(3)]
        [0.4621, 0.6237, 0.6706]
        """
        where = "RNN.stream"
        if self.bidirectional:
            fix = "A reverse direction begins at the end, which a stream doesn't have: use rnn(x) on a whole sequence."
            _checks.refuse(ValueError, where, "rnn", "of one direction", "bidirectional=True", fix)
        self._check_cells(where)
        _checks.iterable(steps, "steps", where, "Pass a list, an array or a generator of steps.")
        if h_0 is not None:
            h_0 = _checks.floats(h_0, "h_0", where, self.dtype)
            _checks.axes(h_0, {2: "(num_layers, hidden_size)", 3: "(num_layers, batch, hidden_size)"}, "h_0", where)
            expected = (len(self.cells), *h_0.shape[1:-1], self.hidden_size)
            fix = "It has a state for each layer."
            _checks.shape(h_0, expected, "(num_layers, [batch,] hidden_size)", "h_0", where, fix)
            _checks.finite(h_0, "h_0", where)
            h_0 = h_0.copy()
        return stream([cell.frozen() for cell in self.cells], steps, h_0)

    def _inputs(
        self, x: ArrayLike, h_0: ArrayLike | None, lengths: ArrayLike | None
    ) -> tuple[Array, Array, Rectangle | Ragged, bool]:
        """X and h_0 checked, copied and laid out for the loop; the layout; whether there was a batch axis."""
        where, cells = "RNN.forward", self.cells
        self._check_cells(where)
        dtype = self.dtype
        x = _checks.floats(x, "x", where, dtype)
        layouts = {3: "(batch, time, input_size)", 2: "(time, input_size)"}
        _checks.axes(x, layouts, "x", where, "Token ids go through an Embedding or one_hot first.")
        fix = "The RNN was made for another input_size, or the axes of x are in another order."
        _checks.last_axis(x, self.input_size, "input_size", "x", where, fix)
        batched = x.ndim == 3
        if not batched:
            x = x[None]
            if lengths is not None:
                fix = "Leave lengths out, or add the batch axis: x[None]."
                _checks.refuse(
                    ValueError, where, "lengths", "None where x has no batch axis", _checks.shown(lengths), fix
                )
        batch, time = x.shape[:2]
        if lengths is None:
            layout: Rectangle | Ragged = Rectangle(batch, time)
        else:
            layout = Ragged(_checks.lengths(lengths, batch, time, "lengths", where), time)
        rows = layout.pack(x)
        if not _checks.is_finite(rows):
            real = layout.unpack(rows)  # where the caller has them
            _checks.finite(real if batched else real[0], "x", where)

        if h_0 is None:
            return rows, np.zeros((len(cells), batch, self.hidden_size), dtype), layout, batched
        h_0 = _checks.floats(h_0, "h_0", where, dtype)
        expected = (len(cells), batch, self.hidden_size) if batched else (len(cells), self.hidden_size)
        meaning = f"(num_layers * directions,{' batch,' if batched else ''} hidden_size)"
        fix = "The states come before the batch, as in h_n; a batch's h_n is the next one's h_0 as it is."
        if h_0.ndim == 1:
            fix = "If these are lengths, name them: lengths=..."
        _checks.shape(h_0, expected, meaning, "h_0", where, fix)
        _checks.finite(h_0, "h_0", where)
        h_0 = h_0 if batched else h_0[:, None]
        # the loop writes into memory laid out like the states', and a product can't write into just any layout
        h_0 = np.ascontiguousarray(np.stack([layout.sort(h) for h in h_0]))
        return rows, h_0, layout, batched

    def _unroll_layers(
        self, cells: list[RNNCell], rows: Array, h_0: Array, h_n: Array, layout: Rectangle | Ragged
    ) -> Iterator[list[UnrolledCell]]:
        """One layer after another, each a list of its directions' runs; h_n is filled on the way."""
        runs: list[UnrolledCell] = []
        for first in range(0, len(cells), self.directions):
            if runs:
                rows = side_by_side(runs, layout)  # a layer reads the states of the one below
            runs = [unroll(cells[first], rows, h_0[first], layout.sizes)]
            if self.bidirectional:
                runs.append(unroll(cells[first + 1], layout.flip(rows), h_0[first + 1], layout.sizes))
            for number, run in enumerate(runs, start=first):
                if not _checks.is_finite(run.states):
                    _report_overflow(run, number)
                h_n[number] = layout.unsort(layout.last(run.states))
            yield runs

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def num_layers(self) -> int:
        """How many layers are stacked."""
        return len(self.cells) // self.directions

    @property
    def input_size(self) -> int:
        """How many numbers make an x_t."""
        return self.cells[0].input_size

    @property
    def hidden_size(self) -> int:
        """How many numbers make an h_t in each direction."""
        return self.cells[0].hidden_size

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """What the weights and all results are."""
        return self.cells[0].dtype

    def _signature(self) -> str:
        layers = f", num_layers={self.num_layers}" if self.num_layers > 1 else ""
        directions = ", bidirectional=True" if self.bidirectional else ""
        return f"RNN({self.input_size}, {self.hidden_size}{layers}{directions}{self.cells[0].options})"


def _report_overflow(run: UnrolledCell, number: int) -> None:
    """Say after which step a cell's states stopped being finite numbers."""
    row = int(np.argmax(~np.isfinite(run.h).all(axis=1)))
    steps = int(np.searchsorted(np.cumsum(run.sizes), row, side="right")) + 1
    got = f"{run.h[row][~np.isfinite(run.h[row])][0]} after reading {steps} steps"
    fix = "relu lets states grow: start with smaller weights or recurrent_init='identity', or use tanh."
    expected = f"finite numbers ({run.h.dtype})"
    _checks.refuse(ValueError, "RNN.forward", f"the hidden state of cells[{number}]", expected, got, fix)
