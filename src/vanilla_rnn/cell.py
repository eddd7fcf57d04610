"""One step of a recurrent network, and beside it the gradient of that step.

This file is the formula. The loop over time, and all that makes it fast, is in ``unroll.py``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, DTypeLike

    from vanilla_rnn._checks import RNG, Array


def relu(a: Array, out: Array | None = None) -> Array:
    """max(0, a), element by element."""
    return np.maximum(a, 0.0, out=out)


def tanh_slope(h: Array) -> Array:
    """tanh'(a), read off its result: h = tanh(a) gives tanh'(a) = 1 - h^2."""
    return 1.0 - h * h


def relu_slope(h: Array) -> Array:
    """relu'(a), read off its result: 1 where the unit is on, 0 where it is off."""
    return (h > 0).astype(h.dtype)


# f(a) or, in place, f(a, a); and f'(a) from f(a)
NONLINEARITIES: dict[str, tuple[Callable[..., Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, tanh_slope),
    "relu": (relu, relu_slope),
}

LAYOUTS = {"W_xh": ("hidden_size", "input_size"), "W_hh": ("hidden_size", "hidden_size"), "b_h": ("hidden_size",)}


class RNNCell(Module):
    r"""One step of a recurrent network: the state after a word from the word and the state before it.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)``

    Parameters
    ----------
    input_size, hidden_size : int
        How many numbers make x_t and h_t.
    bias : bool
        Whether there is a b_h.
    nonlinearity : {"tanh", "relu"}
        What squashes the sum. tanh holds every state within -1..1; relu lets it grow.
    recurrent_init : {"uniform", "orthogonal", "identity"}
        How W_hh starts. "uniform": every weight and bias from U(-k, k), k = 1/sqrt(hidden_size), as PyTorch does.
        "orthogonal": a random rotation, all of whose singular values are 1, so that a product of many neither shrinks
        nor grows a gradient [1]_. "identity": the state is carried on as it is, which is meant for relu [2]_. With
        the last two, b_h starts at 0: a bias that is added at every step would drown what is carried.
    dtype : {numpy.float64, numpy.float32}
        What the weights, and so all results, are.
    rng : int, numpy.random.Generator or None
        A seed or a generator for the initial weights; None draws fresh entropy.

    Attributes
    ----------
    W_xh : numpy.ndarray, (hidden_size, input_size)
        What the input contributes.
    W_hh : numpy.ndarray, (hidden_size, hidden_size)
        What the memory contributes.
    b_h : numpy.ndarray, (hidden_size,), or None
        The bias.

    References
    ----------
    .. [1] Saxe, McClelland and Ganguli (2014), "Exact solutions to the nonlinear dynamics of learning in deep linear
       neural networks", https://arxiv.org/abs/1312.6120
    .. [2] Le, Jaitly and Hinton (2015), "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
       https://arxiv.org/abs/1504.00941

    Examples
    --------
    One unit that halves its memory and adds its input: tanh(1 * 0.5 + 0.5 * 0) = tanh(0.5) = 0.4621, and without an
    input tanh(0.5 * 0.4621) = tanh(0.2311) = 0.2270.

    >>> cell = RNNCell.from_weights(W_xh=[[1.0]], W_hh=[[0.5]])
    >>> h_0 = cell([0.5])
    >>> h_1 = cell([0.0], h_0)
    >>> print(h_0.round(4), h_1.round(4))
    [0.4621] [0.227]
    """

    W_xh: Array
    W_hh: Array
    b_h: Array | None
    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        nonlinearity: str = "tanh",
        recurrent_init: str = "uniform",
        dtype: DTypeLike = np.float64,
        rng: RNG = None,
    ) -> None:
        input_size = _checks.size(input_size, "input_size", "RNNCell")
        hidden_size = _checks.size(hidden_size, "hidden_size", "RNNCell")
        bias = _checks.flag(bias, "bias", "RNNCell")
        _checks.choice(nonlinearity, NONLINEARITIES, "nonlinearity", "RNNCell")
        _checks.choice(recurrent_init, ("uniform", "orthogonal", "identity"), "recurrent_init", "RNNCell")
        dtype = _checks.float_dtype(dtype, "RNNCell")
        rng = _checks.generator(rng, "RNNCell")

        bound = 1.0 / np.sqrt(hidden_size)
        self.W_xh = rng.uniform(-bound, bound, (hidden_size, input_size)).astype(dtype)
        if recurrent_init == "uniform":
            W_hh = rng.uniform(-bound, bound, (hidden_size, hidden_size))
            b_h = rng.uniform(-bound, bound, hidden_size)
        else:
            W_hh = np.eye(hidden_size) if recurrent_init == "identity" else _random_rotation(hidden_size, rng)
            b_h = np.zeros(hidden_size)
        self.W_hh = W_hh.astype(dtype)
        self.b_h = b_h.astype(dtype) if bias else None
        self.nonlinearity = nonlinearity

    @classmethod
    def from_weights(
        cls, W_xh: ArrayLike, W_hh: ArrayLike, b_h: ArrayLike | None = None, *, nonlinearity: str = "tanh"
    ) -> Self:
        """Make a cell with copies of these weights.

        Parameters
        ----------
        W_xh : array_like, (hidden_size, input_size)
            What the input contributes.
        W_hh : array_like, (hidden_size, hidden_size)
            What the memory contributes.
        b_h : array_like, (hidden_size,), or None
            The bias; None is no bias.
        nonlinearity : {"tanh", "relu"}
            What squashes the sum.

        Returns
        -------
        RNNCell
            Of float32 if every array is, else of float64.

        Raises
        ------
        ValueError
            If the shapes don't fit one another or a number isn't finite.
        TypeError
            If something isn't an array of real numbers.
        """
        where = f"{cls.__name__}.from_weights"
        _checks.choice(nonlinearity, NONLINEARITIES, "nonlinearity", where)
        named = {"W_xh": W_xh, "W_hh": W_hh} | ({} if b_h is None else {"b_h": b_h})
        copies = _checks.same_dtype({name: _checks.floats(value, name, where) for name, value in named.items()})
        _checks.axes(copies["W_xh"], {2: "(hidden_size, input_size)"}, "W_xh", where)
        hidden_size, input_size = copies["W_xh"].shape
        _checks.size(hidden_size, "hidden_size (rows of W_xh)", where)
        _checks.size(input_size, "input_size (columns of W_xh)", where)
        fix = (
            "W_xh's first axis is hidden_size; PyTorch's weight_ih_l0 lies the same way, Keras's kernel is transposed."
        )
        _checks.shape(copies["W_hh"], (hidden_size, hidden_size), "(hidden_size, hidden_size)", "W_hh", where, fix)
        if "b_h" in copies:
            _checks.shape(copies["b_h"], (hidden_size,), "(hidden_size,)", "b_h", where, fix)
        for name, values in copies.items():
            _checks.finite(values, name, where)
        cell = cls.__new__(cls)
        cell.W_xh, cell.W_hh, cell.b_h = copies["W_xh"], copies["W_hh"], copies.get("b_h")
        cell.nonlinearity = nonlinearity
        return cell

    def __call__(self, x_t: ArrayLike, h_prev: ArrayLike | None = None) -> Array:
        """The state h_t after reading x_t: see `forward`."""
        return self.forward(x_t, h_prev).h.copy()

    def forward(self, x_t: ArrayLike, h_prev: ArrayLike | None = None) -> Step:
        """Take one step and remember it.

        ``a_t = W_xh x_t + W_hh h_{t-1} + b_h``, then ``h_t = tanh(a_t)``

        Parameters
        ----------
        x_t : array_like, (..., input_size)
            The input at this step, of one sequence or of many side by side.
        h_prev : array_like, (..., hidden_size), or None
            The state before it; None is the state of one who has read nothing: zeros.

        Returns
        -------
        Step
            ``.x``, ``.h_prev``, ``.a`` (the sum before tanh) and ``.h`` (the new state), and the way back through them.

        Raises
        ------
        ValueError
            If a shape doesn't fit or a number isn't finite.
        TypeError
            If something isn't an array of real numbers.
        """
        x_t, h_prev = self._inputs(x_t, h_prev)
        W_xh, W_hh, b_h = self.W_xh, self.W_hh, 0.0 if self.b_h is None else self.b_h
        f, _ = NONLINEARITIES[self.nonlinearity]

        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported below
            a_t = x_t @ W_xh.T + h_prev @ W_hh.T + b_h  # (..., hidden)
            h_t = f(a_t)

        _checks.finite(h_t, "h_t", "RNNCell.forward", "The sum overflowed: smaller weights, or tanh in place of relu.")
        return Step(self.frozen(), x_t, h_prev, a_t, h_t)

    def _inputs(self, x_t: ArrayLike, h_prev: ArrayLike | None) -> tuple[Array, Array]:
        """Copies of both, checked."""
        where = "RNNCell.forward"
        self.check_weights(where)
        x_t = _checks.floats(x_t, "x_t", where, self.dtype).copy()
        _checks.last_axis(x_t, self.input_size, "input_size", "x_t", where, "The cell was made for another input_size.")
        _checks.finite(x_t, "x_t", where)
        expected = (*x_t.shape[:-1], self.hidden_size)
        if h_prev is None:
            return x_t, np.zeros(expected, self.dtype)
        h_prev = _checks.floats(h_prev, "h_prev", where, self.dtype).copy()
        meaning = "x_t's leading axes, then hidden_size"
        _checks.shape(h_prev, expected, meaning, "h_prev", where, "Pass the h_t of the step before.")
        _checks.finite(h_prev, "h_prev", where)
        return x_t, h_prev

    def check_weights(self, where: str) -> None:
        """Refuse weights that were replaced by ones that don't fit, or that aren't finite."""
        if not self._sound():
            _checks.weights({"W_xh": self.W_xh, "W_hh": self.W_hh, "b_h": self.b_h}, LAYOUTS, where)
            _checks.choice(self.nonlinearity, NONLINEARITIES, "nonlinearity", where)

    def _sound(self) -> bool:
        """Whether the weights are as they should be, told quickly; if not, `check_weights` finds out what is wrong."""
        W_xh, W_hh, b_h = self.W_xh, self.W_hh, self.b_h
        try:
            hidden, dtype = len(W_hh), W_hh.dtype
            fits = W_hh.shape == (hidden, hidden) and W_xh.shape[0] == hidden and W_xh.ndim == 2 and W_xh.dtype == dtype
            if b_h is None:
                squares = np.vdot(W_xh, W_xh) + np.vdot(W_hh, W_hh)
            else:
                fits = fits and b_h.shape == (hidden,) and b_h.dtype == dtype
                squares = np.vdot(W_xh, W_xh) + np.vdot(W_hh, W_hh) + np.vdot(b_h, b_h)
            return fits and dtype.kind in "fc" and math.isfinite(squares.real) and self.nonlinearity in NONLINEARITIES
        except (AttributeError, TypeError):  # not even arrays
            return False

    def frozen(self) -> RNNCell:
        """A cell with copies of these weights that can't be written to: what a record keeps."""
        cell = RNNCell.__new__(RNNCell)
        cell.W_xh, cell.W_hh = self.W_xh.copy(), self.W_hh.copy()
        cell.b_h = None if self.b_h is None else self.b_h.copy()
        cell.nonlinearity = self.nonlinearity
        for values in (cell.W_xh, cell.W_hh, cell.b_h):
            if values is not None:
                values.flags.writeable = False
        return cell

    @property
    def input_size(self) -> int:
        """How many numbers make an x_t."""
        return int(self.W_xh.shape[1])

    @property
    def hidden_size(self) -> int:
        """How many numbers make an h_t."""
        return int(self.W_xh.shape[0])

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """What the weights and all results are."""
        return self.W_xh.dtype

    def _signature(self) -> str:
        return f"RNNCell({self.input_size}, {self.hidden_size}{self.options})"

    @property
    def options(self) -> str:
        """Of the constructor's options, those that aren't the usual ones, as they are written in its call."""
        bias = "" if self.b_h is not None else ", bias=False"
        nonlinearity = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity!r}"
        dtype = "" if self.dtype == np.float64 else f", dtype=np.{self.dtype}"
        return bias + nonlinearity + dtype


class StepGradients(NamedTuple):
    """What `Step.backward` gives: a gradient of all that `RNNCell.forward` read."""

    d_x: Array  #: dL/dx_t, (..., input_size)
    d_h_prev: Array  #: dL/dh_{t-1}, (..., hidden_size): for the step before
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``cell.parameters()``


class Step:
    """What one step did.

    Attributes
    ----------
    x : numpy.ndarray, (..., input_size)
        What it read.
    h_prev : numpy.ndarray, (..., hidden_size)
        The state before it.
    a : numpy.ndarray, (..., hidden_size)
        The sum, ``W_xh x + W_hh h_prev + b_h``.
    h : numpy.ndarray, (..., hidden_size)
        The new state.
    cell : RNNCell
        A copy of the cell as it was.
    """

    def __init__(self, cell: RNNCell, x: Array, h_prev: Array, a: Array, h: Array) -> None:
        self.cell, self.x, self.h_prev, self.a, self.h = cell, x, h_prev, a, h
        for values in (x, h_prev, a, h):
            values.flags.writeable = False  # a record that could be changed would lie about the step

    def backward(self, d_h: ArrayLike) -> StepGradients:
        """Carry a gradient back through the step, by the chain rule.

        ``d_a = d_h * tanh'(a)``, then ``d_x = W_xh^T d_a``, ``d_h_prev = W_hh^T d_a``, ``d_W_xh = d_a x^T``,
        ``d_W_hh = d_a h_prev^T`` and ``d_b_h = d_a``, the last three summed over the leading axes.

        Parameters
        ----------
        d_h : array_like, (..., hidden_size)
            dL/dh_t, of the same shape as ``h``.

        Returns
        -------
        StepGradients
            ``(d_x, d_h_prev, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of ``h`` or a number isn't finite.
        """
        cell = self.cell
        d_h = _checks.floats(d_h, "d_h", "Step.backward", cell.dtype)
        _checks.shape(
            d_h, self.h.shape, "the shape of h", "d_h", "Step.backward", "It is dL/dh, a number for each of h."
        )
        _checks.finite(d_h, "d_h", "Step.backward")

        _, slope = NONLINEARITIES[cell.nonlinearity]

        d_a = d_h * slope(self.h)  # (..., hidden)
        d_x = d_a @ cell.W_xh  # (..., input)
        d_h_prev = d_a @ cell.W_hh  # (..., hidden)

        d_a, x, h_prev = (values.reshape(-1, values.shape[-1]) for values in (d_a, self.x, self.h_prev))  # (rows, ...)
        d_parameters = {"W_xh": d_a.T @ x, "W_hh": d_a.T @ h_prev}
        if cell.b_h is not None:
            d_parameters["b_h"] = d_a.sum(axis=0)
        return StepGradients(d_x, d_h_prev, d_parameters)


def _random_rotation(size: int, rng: np.random.Generator) -> Array:
    """An orthogonal matrix, drawn uniformly: Q of a normal matrix, its signs settled by R's diagonal."""
    Q, R = np.linalg.qr(rng.standard_normal((size, size)))
    return Q * np.where(np.diag(R) < 0, -1.0, 1.0)
