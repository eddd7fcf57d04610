"""The recurrent network: it adds layers, directions and lengths to the loop over time. Forward first, then backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, canonical_paths, merge_gradients, quietly
from vanilla_rnn.cell import RNNCell
from vanilla_rnn.own_cell import check_attributes, check_cell, is_plain, snapshot
from vanilla_rnn.packing import Ragged, Rectangle
from vanilla_rnn.stream import Stream
from vanilla_rnn.unroll import UnrolledCell, previous_states, unroll_cell, unroll_cell_backward

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, DTypeLike, Iterable, Iterator, Nonlinearity, Sequence, Sizes
    from vanilla_rnn.unroll import UnrolledGradients

    Layout = Rectangle | Ragged
    Layer = list[UnrolledCell]


def unroll_layers(cells: list[Any], rows: Array, h_0: Array, directions: int, layout: Layout) -> Iterator[Layer]:
    """Unroll one layer after another. Each reads the states of the layer below; a reverse cell starts at the end."""
    layer: Layer = []
    for first in range(0, len(cells), directions):
        if layer:
            rows = concat_directions(layer, layout)  # (rows of all steps, input)
        layer = [unroll_cell(cells[first], rows, h_0[first], layout.sizes)]
        if directions == 2:
            layer.append(unroll_cell(cells[first + 1], layout.flip(rows), h_0[first + 1], layout.sizes))
        yield layer


def unroll_layers_backward(
    layers: list[Layer], d_output: Array, d_h_n: Array, layout: Layout
) -> tuple[Array, list[UnrolledGradients]]:
    """Compute the gradients for inputs and weights from those of the top layer's output and every cell's final state.

    A layer's inputs are the output of the layer below, so its d_x is the d_output of that layer. ``d_output`` has the
    layout of the loop, ``d_h_n`` the user's order of sequences.
    """
    by_cell: list[UnrolledGradients] = []
    for layer in reversed(layers):
        first = len(d_h_n) - len(by_cell) - len(layer)  # the index of this layer's first cell
        d_outputs = split_directions(d_output, len(layer), layout)
        gradients = [
            unroll_cell_backward(unrolled, d_outputs[i], layout.sort(d_h_n[first + i]))
            for i, unrolled in enumerate(layer)
        ]
        d_x = gradients[0].d_x
        if len(layer) == 2:
            d_x = quietly(np.add, d_x, layout.flip(gradients[1].d_x))  # both directions read the same inputs
        by_cell, d_output = gradients + by_cell, d_x
    return d_x, by_cell


def concat_directions(layer: Layer, layout: Layout) -> Array:
    """The output of a layer, (rows of all steps, directions * hidden).

    The reverse direction's states are flipped back, so that both halves of a row belong to the same step.
    """
    if len(layer) == 1:
        return layer[0].h
    return np.concatenate([layer[0].h, layout.flip(layer[1].h)], axis=1)


def split_directions(d_output: Array, directions: int, layout: Layout) -> list[Array]:
    """The part of d_output for each direction, in the order in which that direction reads the steps."""
    if directions == 1:
        return [d_output]
    hidden = d_output.shape[1] // 2
    return [np.ascontiguousarray(d_output[:, :hidden]), np.ascontiguousarray(layout.flip(d_output[:, hidden:]))]


class RNN(Module):
    r"""A recurrent network: the same cell at every step, in one or two directions, in one or more layers.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)`` for t = 0, 1, ..., time - 1, with the same weights at every step

    A second layer reads the states of the first as its inputs. A reverse direction has a cell of its own, which reads
    each sequence from its last real step to its first. Its state at step t is concatenated with that of the forward
    direction.

    Parameters
    ----------
    input_size, hidden_size : int
        The number of values in x_t, and in h_t for each direction.
    num_layers : int
        The number of layers.
    bidirectional : bool
        Whether each layer also has a reverse direction.
    bias, nonlinearity, recurrent_init, dtype, rng
        As in `RNNCell`. There is no dropout: it would need a training mode, and modules hold nothing but weights.

    Attributes
    ----------
    cells : list of RNNCell
        ``cells[i]`` produces ``h_n[i]``: layer 0 forward, layer 0 reverse if there is one, layer 1 forward, ...
    bidirectional : bool
        Whether each layer also has a reverse direction.

    Examples
    --------
    >>> import numpy as np
    >>> rnn = RNN(input_size=2, hidden_size=3, rng=0)
    >>> output, h_n = rnn(np.ones((5, 4, 2)))  # 5 sequences of 4 steps of 2 numbers
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

    cells: list[Any]
    bidirectional: bool
    __slots__ = ("bidirectional", "cells")

    @explained
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        bias: bool = True,
        nonlinearity: str | Nonlinearity = "tanh",
        recurrent_init: str = "uniform",
        dtype: DTypeLike = np.float64,
        rng: RNG = None,
    ) -> None:
        input_size, hidden_size, num_layers, self.bidirectional, bias, nonlinearity, recurrent_init, dtype, rng = (
            _checks.arguments(
                type(self).__name__, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers,
                bidirectional=bidirectional, bias=bias, nonlinearity=nonlinearity, recurrent_init=recurrent_init,
                dtype=dtype, rng=rng,
            )
        )  # fmt: skip
        self.cells = [
            RNNCell(input_size if layer == 0 else self.directions * hidden_size, hidden_size, bias=bias,
                    nonlinearity=nonlinearity, recurrent_init=recurrent_init, dtype=dtype, rng=rng)
            for layer in range(num_layers)
            for _ in range(self.directions)
        ]  # fmt: skip

    @classmethod
    def from_cells(cls, cells: Sequence[Any], *, bidirectional: bool = False) -> Self:
        """Create a network from existing cells. It shares their weights.

        Parameters
        ----------
        cells : list of RNNCell or of your own cells
            Layer 0 forward, layer 0 reverse if there is one, layer 1 forward, ... A cell of your own is any object with
            ``input_size``, ``hidden_size``, ``dtype``, ``parameters()`` and ``forward(x_t, h_prev)``. The run that
            forward returns has ``.h`` and ``.backward(d_h)``, which returns ``(d_x, d_h_prev, d_parameters)``. Each
            run of the network uses a copy of such a cell, so that later changes to its weights don't affect the run.
            NumPy random generators in the cell's attributes are shared; other state that forward changes is lost.
        bidirectional : bool
            Whether there are two cells for each layer.

        Returns
        -------
        RNN
            With one cell, or two if bidirectional, in each layer.

        Raises
        ------
        ValueError
            If there are no cells, or an odd number of them for two directions, or their sizes or dtypes don't fit.
        """
        where = f"{cls.__name__}.from_cells"
        rnn = cls.__new__(cls)
        rnn.bidirectional = _checks.argument(bidirectional, "bidirectional", where)
        if not isinstance(cells, (list, tuple)):
            fix = "Pass [cell] for one layer."
            _checks.fail(TypeError, where, "cells", "a list of cells", _checks.shown(cells), fix)
        for number, cell in enumerate(cells):
            check_cell(cell, f"cells[{number}]", where)
        rnn.cells = list(cells)
        rnn.check_cells(where)
        return rnn

    def __call__(
        self, x: ArrayLike, h_0: ArrayLike | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, Array]:
        """Return ``(output, h_n)``: see `forward`, which also keeps what its backward needs."""
        if type(self).forward is not RNN.forward:  # a subclass's own
            run = self.forward(x, h_0, lengths)
            return run.output.copy(), run.h_n.copy()
        x, h_0, lengths = self.check_inputs(x, h_0, lengths, f"{type(self).__name__}.forward")
        cells, directions = self.cells, self.directions
        rows, h_0, layout = _packed(x, h_0, lengths, cells)
        h_n = np.empty(h_0.shape, h_0.dtype)
        for number, layer in enumerate(unroll_layers(cells, rows, h_0, directions, layout)):
            _final_states(layer, number * directions, h_n, layout)
        output = layout.unpack(concat_directions(layer, layout))
        return (output, h_n) if x.ndim == 3 else (output[0], h_n[:, 0])

    def forward(self, x: ArrayLike, h_0: ArrayLike | None = None, lengths: ArrayLike | None = None) -> RNNRun:
        """Run the network over a batch of sequences, and keep what its backward needs.

        Parameters
        ----------
        x : array_like, (batch, time, input_size) or (time, input_size)
            The inputs; without a batch axis, one sequence. Zero steps and empty batches are allowed.
        h_0 : array_like, (num_layers * directions, batch, hidden_size), or None
            The initial state of every cell; None means zeros. For one sequence, leave out the batch axis.
        lengths : array_like of int, (batch,), or None
            The number of real steps of each sequence, in any order, 0 included. Steps beyond a sequence's length leave
            its state alone and output 0. Whatever x contains there is ignored.

        Returns
        -------
        RNNRun
            ``.output`` (batch, time, directions * hidden_size): the top layer's states at every step.
            ``.h_n`` (num_layers * directions, batch, hidden_size): every cell's state after all its steps.
            ``.last`` (batch, directions * hidden_size): the top layer's part of h_n.

        Raises
        ------
        ValueError
            If a shape doesn't fit, a length is outside 0..time, or a number at a real step isn't finite.
        """
        return self._forward(*self.check_inputs(x, h_0, lengths, f"{type(self).__name__}.forward"))

    def _forward(self, x: Array, h_0: Array | None, lengths: Array | None) -> RNNRun:
        """`forward`, for inputs that have been checked."""
        rows, h_0, layout = _packed(x, h_0, lengths, self.cells)
        cells = [snapshot(cell) for cell in self.cells]
        h_n, directions = np.empty(h_0.shape, h_0.dtype), self.directions
        layers: list[Layer] = []
        for layer in unroll_layers(cells, rows, h_0, directions, layout):
            _final_states(layer, len(layers) * directions, h_n, layout)
            layers.append(layer)
        return RNNRun(canonical_paths(self), layers, h_n, layout, x.ndim == 3)

    def check_inputs(
        self,
        x: ArrayLike,
        h_0: ArrayLike | None,
        lengths: ArrayLike | None,
        where: str,
        name: str = "x",
        lengths_name: str = "lengths",
    ) -> tuple[Array, Array | None, Array | None]:
        """Check the inputs of `forward`; ``where`` and the names are for error messages."""
        sizes = self.check_cells(where)
        x = _checks.array(x, name, where)
        _checks.fit(x, name, "[batch] time input_size", sizes, where, _hints.for_inputs)
        values = _checks.floats(x, name, where, _dtype_of(self.cells[0]))
        counts = _checks.lengths(lengths, sizes, where, lengths_name)
        _checks.finite(values, name, where, "Fill gaps in the data, or check the computation that produced it.", counts)
        return values, self.check_state(h_0, sizes, where), counts

    def check_state(self, h_0: ArrayLike | None, sizes: Sizes, where: str) -> Array | None:
        """Check an initial state for a batch whose size is in ``sizes``."""
        if h_0 is None:
            return None
        axes = "num_layers*directions [batch] hidden_size"
        return _checks.tensor(h_0, "h_0", axes, sizes, where, self.dtype, _hints.for_state)

    def check_cells(self, where: str) -> Sizes:
        """Check the cells and return their sizes. It is an error if cells or replaced weights don't match."""
        cells, directions = self.cells, self.directions
        if not isinstance(cells, list):
            _checks.fail(TypeError, where, "cells", "a list of cells", _checks.shown(cells), "Assign a list.")
        if not cells or len(cells) % directions:
            expected = "a list of one or more" if directions == 1 else "a list of two per layer, forward and reverse"
            fix = "Pass one cell for each layer and direction."
            _checks.fail(ValueError, where, "cells", expected, str(len(cells)), fix)
        for number, cell in enumerate(cells):
            if is_plain(cell):
                cell.check_weights(where)
            else:  # a cell of your own checks its weights itself
                check_attributes(cell, f"cells[{number}]", where)
        first = cells[0]
        sizes = {"input_size": first.input_size, "hidden_size": first.hidden_size, "num_layers*directions": len(cells)}
        for number in range(1, len(cells)):
            below = sizes["input_size"] if number < directions else directions * sizes["hidden_size"]
            cell, fitting = cells[number], (below, sizes["hidden_size"], _dtype_of(first))
            if (cell.input_size, cell.hidden_size, _dtype_of(cell)) != fitting:
                text = "a cell with input_size={}, hidden_size={}, dtype={}"
                got = text.format(cell.input_size, cell.hidden_size, _dtype_of(cell))
                fix = "Use the same hidden_size and dtype; above layer 0, input_size is directions * hidden_size."
                _checks.fail(ValueError, where, f"cells[{number}]", text.format(*fitting), got, fix)
        return sizes

    def stream(self, steps: Iterable[ArrayLike], h_0: ArrayLike | None = None) -> Stream:
        """Run the network over a sequence that may never end, in constant memory.

        A step is read only when its state is needed. The weights are those at the time of this call.

        Parameters
        ----------
        steps : iterable of array_like, (input_size,) or (batch, input_size)
            The inputs, one step at a time.
        h_0 : array_like, (num_layers, hidden_size) or (num_layers, batch, hidden_size), or None
            The initial states; None means zeros.

        Returns
        -------
        iterator of numpy.ndarray, (hidden_size,) or (batch, hidden_size)
            The top layer's h_t after each step, each in a new array. The iterator's attribute ``h_n`` contains the
            states of all layers. A step that raises an error leaves them unchanged, and the stream can continue.

        Raises
        ------
        ValueError
            If the network is bidirectional, a shape doesn't fit or a number isn't finite.

        Examples
        --------
        >>> import itertools
        >>> rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[0.5]])])
        >>> states = rnn.stream(itertools.repeat([0.5]))  # without end
        >>> [round(float(next(states)[0]), 4) for _ in range(3)]
        [0.4621, 0.6237, 0.6706]
        """
        where = "RNN.stream"
        if type(self).forward is not RNN.forward:
            got, fix = f"a {type(self).__name__} with its own forward", "Override stream in that class too."
            _checks.fail(TypeError, where, "rnn", "a network that uses RNN.forward", got, fix)
        if self.bidirectional:
            fix = "Call rnn(x) on a whole sequence: the reverse direction starts at its end, and a stream has none."
            _checks.fail(ValueError, where, "rnn", "a network with one direction", "bidirectional=True", fix)
        sizes = self.check_cells(where)
        _checks.iterable(steps, "steps", where, "Pass a list, an array or a generator of steps.")
        h_0 = self.check_state(h_0, sizes, where)
        return Stream([snapshot(cell) for cell in self.cells], steps, h_0)

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def num_layers(self) -> int:
        """The number of layers."""
        return len(self.cells) // self.directions

    @property
    def input_size(self) -> int:
        """The number of values in x_t."""
        return int(self.cells[0].input_size)

    @property
    def hidden_size(self) -> int:
        """The number of values in h_t for each direction."""
        return int(self.cells[0].hidden_size)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of the weights and of all results."""
        return _dtype_of(self.cells[0])

    def _signature(self) -> str:
        layers = f", num_layers={self.num_layers}" if self.num_layers > 1 else ""
        directions = ", bidirectional=True" if self.bidirectional else ""
        options = self.cells[0].options if is_plain(self.cells[0]) else f", cell={type(self.cells[0]).__name__}"
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size}{layers}{directions}{options})"


class RNNGradients(NamedTuple):
    """What `RNNRun.backward` returns: the gradient for every input and weight of `RNN.forward`, and for every sum a_t.

    For one sequence the arrays have no batch axis.
    """

    d_x: Array  #: dL/dx, (batch, time, input_size)
    d_h_0: Array  #: dL/dh_0, (num_layers * directions, batch, hidden_size)
    d_a: list[Any]  #: by cell: dL/da for the sum before tanh, (batch, time, hidden_size); None for your own cell
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``rnn.parameters()``


class CellRow(NamedTuple):
    """What one cell computed for one sequence of a batch, at each of its real steps, in the order of the sequence."""

    cell: RNNCell  #: a copy of the cell at the time of the forward pass
    reverse: bool  #: whether it read from the last step to the first
    x: Array  #: (time, input): its inputs
    h_prev: Array  #: (time, hidden): the state before reading a step: h_0, or the state after the previously read step
    h: Array  #: (time, hidden): the state after reading


class RNNRun(Run):
    """What one forward pass of an `RNN` computed.

    It has its own copies of the inputs and the weights. Whatever happens to the network or to x afterwards, `backward`
    gives the gradient of what was computed.

    Attributes
    ----------
    output : numpy.ndarray, (batch, time, directions * hidden_size)
        The top layer's states at every step; 0 beyond a sequence's length.
    h_n : numpy.ndarray, (num_layers * directions, batch, hidden_size)
        The state of every cell after all its steps.
    last : numpy.ndarray, (batch, directions * hidden_size)
        The top layer's part of h_n, its directions concatenated.
    batched : bool
        Whether x had a batch axis; without one, the three arrays have none.
    directions : int
        2 if bidirectional, else 1.
    """

    __slots__ = ("_layers", "_layout", "_paths", "batched", "directions", "h_n", "last", "output")

    def __init__(self, paths: dict[str, str], layers: list[Layer], h_n: Array, layout: Layout, batched: bool) -> None:
        self._paths, self._layers, self._layout, self.batched = paths, layers, layout, batched
        self.directions = len(layers[0])
        output = layout.unpack(concat_directions(layers[-1], layout))
        last = h_n[-1] if self.directions == 1 else np.concatenate(h_n[-2:], axis=-1)
        self.output: Array = output if batched else output[0]
        self.h_n: Array = h_n if batched else h_n[:, 0]
        self.last: Array = last if batched else last[0]
        arrays = [self.output, self.h_n, self.last]
        for layer in layers:
            for unrolled in layer:
                arrays += [unrolled.x, unrolled.states, unrolled.h]
        for values in arrays:
            values.flags.writeable = False

    def backward(self, d_output: ArrayLike | None = None, d_h_n: ArrayLike | None = None) -> RNNGradients:
        """Backpropagation through time: propagate gradients back through every step, direction and layer.

        Parameters
        ----------
        d_output : array_like of output's shape, or None
            dL/doutput; None if the loss doesn't depend on it. Values beyond a sequence's length are ignored.
        d_h_n : array_like of h_n's shape, or None
            dL/dh_n; None if the loss doesn't depend on it. The top layer's final states are in both output and h_n: the
            two gradients are added.

        Returns
        -------
        RNNGradients
            ``(d_x, d_h_0, d_a, d_parameters)``.

        Raises
        ------
        ValueError
            If both are None, a shape doesn't fit, or a number at a real step isn't finite.
        """
        where = f"{type(self).__name__}.backward"
        if d_output is None and d_h_n is None:
            fix = "Pass dL/doutput, dL/dh_n or both, for example from a head's backward."
            _checks.fail(ValueError, where, "d_output or d_h_n", "a gradient to propagate", "None for both", fix)
        if d_output is not None:
            d_output = _checks.gradient(d_output, self.output, "d_output", where, self._layout.lengths)
        if d_h_n is not None:
            d_h_n = _checks.gradient(d_h_n, self.h_n, "d_h_n", where)
        return self._backward(d_output, d_h_n)

    def _backward(self, d_output: ArrayLike | None, d_h_n: ArrayLike | None) -> RNNGradients:
        """`backward`, for gradients that another part of a model computed, which may be infinite."""
        where, layout, batched, top = f"{type(self).__name__}.backward", self._layout, self.batched, self._layers[-1]
        if d_output is None:
            d_output = np.zeros((len(top[0].x), len(top) * self.h_n.shape[-1]), self.h_n.dtype)
        else:
            d_output = _checks.shaped_like(d_output, self.output, "d_output", where)
            d_output = layout.pack(d_output if batched else d_output[None])
        if d_h_n is None:
            d_h_n = np.zeros(self.h_n.shape, self.h_n.dtype)
        else:  # copied, because the loop overwrites it; contiguous, because the loop's products write into it
            d_h_n = np.array(_checks.shaped_like(d_h_n, self.h_n, "d_h_n", where), order="C")
        d_x, by_cell = unroll_layers_backward(self._layers, d_output, d_h_n if batched else d_h_n[:, None], layout)

        d_h_0 = np.empty((len(by_cell), layout.batch, self.h_n.shape[-1]), self.h_n.dtype)
        d_a: list[Any] = []
        parts = {}
        for number, gradients in enumerate(by_cell):
            d_h_0[number] = layout.unsort(gradients.d_h_0)
            parts[f"cells.{number}"] = gradients.d_parameters
            d_a_cell = gradients.d_a
            if d_a_cell is not None:
                d_a_cell = layout.unpack(layout.flip(d_a_cell) if number % self.directions else d_a_cell)
                d_a_cell = d_a_cell if batched else d_a_cell[0]
            d_a.append(d_a_cell)
        d_x, d_parameters = layout.unpack(d_x), merge_gradients(self._paths, parts)
        if not batched:
            d_x, d_h_0 = d_x[0], d_h_0[:, 0]
        return RNNGradients(d_x, d_h_0, d_a, d_parameters)

    @property
    def cells(self) -> list[Any]:
        """Copies of the cells at the time of the forward pass; those of an `RNNCell` are read-only."""
        return [unrolled.cell for layer in self._layers for unrolled in layer]

    @property
    def lengths(self) -> Array | None:
        """The number of real steps of each sequence; None if every step is real."""
        return self._layout.lengths

    def read(self, row: int) -> list[CellRow]:
        """What every cell computed for one sequence: a `CellRow` for each of ``cells``."""
        layout = self._layout
        length = layout.time if layout.lengths is None else int(layout.lengths[row])
        by_cell: list[CellRow] = []
        for unrolled in (unrolled for layer in self._layers for unrolled in layer):
            reverse = bool(len(by_cell) % self.directions)
            h_prev = previous_states(unrolled.states, layout.sizes, layout.batch)
            arrays = [layout.flip(rows) if reverse else rows for rows in (unrolled.x, h_prev, unrolled.h)]
            by_cell.append(CellRow(unrolled.cell, reverse, *(layout.unpack(rows)[row, :length] for rows in arrays)))
        return by_cell


def _dtype_of(cell: Any) -> np.dtype[Any]:
    """The dtype of a cell. For a cell of your own it is that of its weights, which `check_gradients` makes complex."""
    dtype: np.dtype[Any] = cell.dtype
    return dtype if is_plain(cell) else np.result_type(dtype, *cell.parameters().values())


def _packed(x: Array, h_0: Array | None, lengths: Array | None, cells: list[Any]) -> tuple[Array, Array, Layout]:
    """The inputs and initial states in the layout of the loop, as copies; and the layout."""
    if x.ndim == 2:
        x, h_0 = x[None], None if h_0 is None else h_0[:, None]
    batch, time = x.shape[:2]
    layout = Rectangle(batch, time) if lengths is None else Ragged(lengths, time)
    if h_0 is None:
        h_0 = np.zeros((len(cells), batch, cells[0].hidden_size), x.dtype)
    else:
        h_0 = np.stack([layout.sort(h) for h in h_0])
    return layout.pack(x), h_0, layout


def _final_states(layer: Layer, first: int, h_n: Array, layout: Layout) -> None:
    """Write each cell's final states into h_n; an error if a state isn't finite."""
    for number, unrolled in enumerate(layer, start=first):
        if not _checks.is_finite(unrolled.states):
            bad = ~np.isfinite(unrolled.h)
            row = int(np.argmax(bad.any(axis=1)))
            steps = int(np.searchsorted(np.cumsum(unrolled.sizes), row, side="right")) + 1
            got = f"{unrolled.h[row][bad[row]][0]} after reading {steps} step(s)"
            fix = "Use smaller weights or inputs, or a smaller learning rate. With relu, states can grow at every step."
            name = f"the hidden state of cells[{number}]"
            _checks.fail(ValueError, "RNN.forward", name, f"finite ({unrolled.h.dtype})", got, fix)
        h_n[number] = layout.unsort(layout.last(unrolled.states))
