"""One step of a recurrent network, and the gradient of that step.

The two functions at the top are the whole method. `RNNCell` calls them. The fast loop over time in ``unroll.py``
does the same computation, rearranged for speed; so does ``stream.py``, which computes no gradients.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, as_rows, by_name, canonical_paths, merge_gradients, quietly

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, Callable, DTypeLike, Nonlinearity, Sizes


def step(
    x_t: Array, h_prev: Array, W_xh: Array, W_hh: Array, b_h: Array | float, f: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """``a_t = W_xh x_t + W_hh h_{t-1} + b_h`` and ``h_t = f(a_t)``."""
    a_t = x_t @ W_xh.T + h_prev @ W_hh.T + b_h  # (..., hidden)
    return a_t, f(a_t)


def step_backward(
    d_h: Array, x_t: Array, h_prev: Array, h_t: Array, W_xh: Array, W_hh: Array, slope: Callable[[Array], Array]
) -> tuple[Array, ...]:
    """``d_a = d_h f'(a_t)``, then ``d_x = W_xh^T d_a``, ``d_h_prev = W_hh^T d_a``, ``d_W_xh = d_a x_t^T`` and so on.

    Each vector is a row here, so that W^T d_a is written d_a @ W. ``d_name`` is dL/dname, with the shape of name.
    """
    d_a = d_h * slope(h_t)  # (..., hidden)
    d_x = d_a @ W_xh  # (..., input)
    d_h_prev = d_a @ W_hh  # (..., hidden)
    d_W_xh = as_rows(d_a).T @ as_rows(x_t)  # (hidden, input), summed over the leading axes
    d_W_hh = as_rows(d_a).T @ as_rows(h_prev)  # (hidden, hidden)
    d_b_h = as_rows(d_a).sum(axis=0)  # (hidden,)
    return d_x, d_h_prev, d_W_xh, d_W_hh, d_b_h


def relu(a: Array, out: Array | None = None) -> Array:
    """``max(0, a)``."""
    return np.maximum(a, 0.0, out=out)


def tanh_slope(h: Array) -> Array:
    """tanh'(a), computed from the result: h = tanh(a) gives ``tanh'(a) = 1 - h^2``."""
    return 1.0 - h * h


def relu_slope(h: Array) -> Array:
    """relu'(a), computed from the result: 1 where h > 0, otherwise 0."""
    return (h > 0).astype(h.dtype)


def sigmoid(a: Array, out: Array | None = None) -> Array:
    """``1 / (1 + exp(-a))``, as (1 + tanh(a / 2)) / 2, which never overflows."""
    h = np.tanh(0.5 * a, out=out)
    h *= 0.5
    h += 0.5
    return h


def sigmoid_slope(h: Array) -> Array:
    """sigmoid'(a), computed from the result: ``h (1 - h)``."""
    return h * (1.0 - h)


NONLINEARITIES: dict[str, Nonlinearity] = {  # f(a), or in place f(a, a); and f'(a) computed from f(a)
    "tanh": (np.tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "linear": (np.positive, np.ones_like),
}


def functions_of(nonlinearity: str | Nonlinearity) -> Nonlinearity:
    """A nonlinearity's function and its slope. A function of your own doesn't need the argument ``out``."""
    if isinstance(nonlinearity, str):
        return NONLINEARITIES[nonlinearity]
    f, slope = nonlinearity
    return partial(_apply, f, "the result of the function"), partial(_apply, slope, "the result of the slope")


def _apply(function: Callable[[Array], Array], name: str, values: Array, out: Array | None = None) -> Array:
    """Call a function of your own, and copy its result, into ``out`` if there is one."""
    # The function may change its argument, or return an array that it will use again.
    result = _checks.floats(function(values.copy() if out is None else values), name, "nonlinearity", values.dtype)
    if result.shape != values.shape:
        expected, fix = f"an array of shape {values.shape}", "Return one number for each number in the argument."
        _checks.fail(ValueError, "nonlinearity", name, expected, f"an array of shape {result.shape}", fix)
    if out is None:
        return result.copy()
    out[...] = result
    return out


# The axes of each weight by name, as the checks read them: "hidden_size" must have the same length wherever it appears.
LAYOUTS = {"W_xh": "hidden_size input_size", "W_hh": "hidden_size hidden_size", "b_h": "hidden_size"}


class RNNCell(Module):
    r"""One step of a recurrent network: it computes the new state from the input and the previous state.

    ``h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)``

    Parameters
    ----------
    input_size, hidden_size : int
        The number of values in x_t and in h_t.
    bias : bool
        Whether to add b_h.
    nonlinearity : {"tanh", "relu", "sigmoid", "linear"} or (callable, callable)
        The function applied to the sum. tanh and sigmoid keep every state between -1 and 1; with the others, states can
        grow. To use a function of your own, pass it with its slope computed from its result, such as
        ``(np.tanh, lambda h: 1 - h * h)``. Both get an array of any shape and return one of the same shape.
    recurrent_init : {"uniform", "orthogonal", "identity"}
        The initial W_hh. "uniform": every weight and bias from U(-k, k), k = 1/sqrt(hidden_size), as in PyTorch.
        "orthogonal": a random orthogonal matrix. All its singular values are 1, so multiplying a gradient by it many
        times neither shrinks nor enlarges it [1]_. "identity": the state is passed on unchanged, which suits relu [2]_.
        With the last two, b_h starts at 0, because a bias added at every step would drown out the state.
    dtype : {numpy.float64, numpy.float32}
        The dtype of the weights and of all results.
    rng : int, numpy.random.Generator or None
        A seed or a generator for the initial weights; None gives different weights each time.

    Attributes
    ----------
    W_xh : numpy.ndarray, (hidden_size, input_size)
        The weights of the input.
    W_hh : numpy.ndarray, (hidden_size, hidden_size)
        The weights of the previous state.
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
    One unit that halves its previous state and adds its input: tanh(1 * 0.5 + 0.5 * 0) = tanh(0.5) = 0.4621. Without
    an input the next state is tanh(0.5 * 0.4621) = tanh(0.2311) = 0.2270.

    >>> cell = RNNCell.from_weights(W_xh=[[1.0]], W_hh=[[0.5]])
    >>> h_1 = cell([0.5])
    >>> h_2 = cell([0.0], h_1)
    >>> print(h_1.round(4), h_2.round(4))
    [0.4621] [0.227]
    """

    W_xh: Array
    W_hh: Array
    b_h: Array | None
    nonlinearity: str | Nonlinearity
    __slots__ = ("W_xh", "W_hh", "b_h", "nonlinearity")  # noqa: RUF023  # the order of parameters()

    @explained
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        nonlinearity: str | Nonlinearity = "tanh",
        recurrent_init: str = "uniform",
        dtype: DTypeLike = np.float64,
        rng: RNG = None,
    ) -> None:
        input_size, hidden_size, bias, self.nonlinearity, recurrent_init, dtype, generator = _checks.arguments(
            type(self).__name__, input_size=input_size, hidden_size=hidden_size, bias=bias, nonlinearity=nonlinearity,
            recurrent_init=recurrent_init, dtype=dtype, rng=rng,
        )  # fmt: skip
        bound = 1.0 / np.sqrt(hidden_size)
        self.W_xh = generator.uniform(-bound, bound, (hidden_size, input_size)).astype(dtype)
        if recurrent_init == "uniform":
            W_hh = generator.uniform(-bound, bound, (hidden_size, hidden_size))
            b_h = generator.uniform(-bound, bound, hidden_size)
        else:
            W_hh = np.eye(hidden_size) if recurrent_init == "identity" else _random_orthogonal(hidden_size, generator)
            b_h = np.zeros(hidden_size)
        self.W_hh = W_hh.astype(dtype)
        self.b_h = b_h.astype(dtype) if bias else None

    @classmethod
    def from_weights(
        cls,
        W_xh: ArrayLike,
        W_hh: ArrayLike,
        b_h: ArrayLike | None = None,
        *,
        nonlinearity: str | Nonlinearity = "tanh",
    ) -> Self:
        """Create a cell with copies of these weights.

        Parameters
        ----------
        W_xh : array_like, (hidden_size, input_size)
            The weights of the input.
        W_hh : array_like, (hidden_size, hidden_size)
            The weights of the previous state.
        b_h : array_like, (hidden_size,), or None
            The bias; None for no bias.
        nonlinearity
            The function applied to the sum.

        Returns
        -------
        RNNCell
            In float32 if every array is float32, else in float64.
        """
        where = f"{cls.__name__}.from_weights"
        weights = _checks.weights_of({"W_xh": W_xh, "W_hh": W_hh, "b_h": b_h}, LAYOUTS, where)
        return cls._of(weights, _checks.argument(nonlinearity, "nonlinearity", where))

    @classmethod
    def _of(cls, weights: dict[str, Array], nonlinearity: str | Nonlinearity) -> Self:
        """Create a cell that uses these arrays themselves, not copies."""
        cell = cls.__new__(cls)
        cell.W_xh, cell.W_hh, cell.b_h = weights["W_xh"], weights["W_hh"], weights.get("b_h")
        cell.nonlinearity = nonlinearity
        return cell

    def __call__(self, x_t: ArrayLike, h_prev: ArrayLike | None = None) -> Array:
        """Return the new state h_t: see `forward`."""
        return self.forward(x_t, h_prev).h.copy()

    def forward(self, x_t: ArrayLike, h_prev: ArrayLike | None = None) -> CellRun:
        """Take one step, and keep what its backward needs.

        Parameters
        ----------
        x_t : array_like, (..., input_size)
            The input at this step, for one sequence or for many at once.
        h_prev : array_like, (..., hidden_size), or None
            The state before this step; None means zeros.

        Returns
        -------
        CellRun
            ``.x``, ``.h_prev``, ``.a`` (the sum before tanh), ``.h`` (the new state) and ``.backward(d_h)``.

        Raises
        ------
        ValueError
            If a shape doesn't fit, a number isn't finite or becomes too large, or two weights overlap in part.
        """
        where = f"{type(self).__name__}.forward"
        sizes = self.check_weights(where)
        x_t = _checks.tensor(x_t, "x_t", "... input_size", sizes, where, self.dtype).copy()
        if h_prev is None:
            h_prev = np.zeros((*x_t.shape[:-1], self.hidden_size), self.dtype)
        h_prev = _checks.tensor(h_prev, "h_prev", "... hidden_size", sizes, where, self.dtype).copy()
        f, _ = functions_of(self.nonlinearity)
        a_t, h_t = quietly(step, x_t, h_prev, self.W_xh, self.W_hh, 0.0 if self.b_h is None else self.b_h, f)
        _checks.finite(h_t, "h_t", where, "Use smaller weights or inputs: the sum has overflowed.")
        return CellRun(canonical_paths(self), self.frozen(), x_t, h_prev, a_t, h_t)

    def check_weights(self, where: str) -> Sizes:
        """Check the weights and return their sizes. A weight that doesn't fit or isn't finite is an error."""
        if not self.is_sound():
            _checks.argument(self.nonlinearity, "nonlinearity", where)
            _checks.weights(self.weights, LAYOUTS, where)
        return {"input_size": self.W_xh.shape[1], "hidden_size": self.W_xh.shape[0]}

    def is_sound(self) -> bool:
        """A quick test: if it is true, the weights are valid. If not, `check_weights` finds out whether they are."""
        W_xh, W_hh, b_h = self.W_xh, self.W_hh, self.b_h
        if not type(W_xh) is type(W_hh) is np.ndarray or (b_h is not None and type(b_h) is not np.ndarray):
            return False
        hidden, dtype = W_hh.shape[:1], W_hh.dtype  # hidden is a tuple of one number
        fits = W_hh.shape == hidden + hidden and W_xh.shape[:1] == hidden and W_xh.ndim == 2 and W_xh.dtype == dtype
        fits = fits and (b_h is None or (b_h.shape == hidden and b_h.dtype == dtype))
        if not fits or not _checks.is_weight(dtype) or not isinstance(self.nonlinearity, str):
            return False
        squares = np.vdot(W_xh, W_xh) + np.vdot(W_hh, W_hh) + (0.0 if b_h is None else np.vdot(b_h, b_h))
        return math.isfinite(squares.real) and self.nonlinearity in NONLINEARITIES

    def frozen(self) -> RNNCell:
        """A cell with read-only copies of the weights, for a run to keep."""
        cell = RNNCell.__new__(RNNCell)
        cell.W_xh, cell.W_hh, cell.nonlinearity = self.W_xh.copy(), self.W_hh.copy(), self.nonlinearity
        cell.W_xh.flags.writeable = cell.W_hh.flags.writeable = False
        cell.b_h = None
        if self.b_h is not None:
            cell.b_h = self.b_h.copy()
            cell.b_h.flags.writeable = False
        return cell

    @property
    def weights(self) -> dict[str, Array]:
        """The weights by name. b_h is left out if it is None."""
        weights = {"W_xh": self.W_xh, "W_hh": self.W_hh}
        return weights if self.b_h is None else weights | {"b_h": self.b_h}

    @property
    def input_size(self) -> int:
        """The number of values in x_t."""
        return int(self.W_xh.shape[1])

    @property
    def hidden_size(self) -> int:
        """The number of values in h_t."""
        return int(self.W_xh.shape[0])

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of the weights and of all results."""
        return self.W_xh.dtype

    def _signature(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size}{self.options})"

    @property
    def options(self) -> str:
        """The options that aren't the defaults, as they are written in a call."""
        bias = "" if self.b_h is not None else ", bias=False"
        name = self.nonlinearity if isinstance(self.nonlinearity, str) else None
        nonlinearity = "" if name == "tanh" else f", nonlinearity={name!r}" if name else ", nonlinearity=(f, slope)"
        dtype = "" if self.dtype == np.float64 else f", dtype=np.{self.dtype}"
        return bias + nonlinearity + dtype


class CellGradients(NamedTuple):
    """What `CellRun.backward` returns: the gradient for every input and weight of `RNNCell.forward`."""

    d_x: Array  #: dL/dx_t, (..., input_size)
    d_h_prev: Array  #: dL/dh_{t-1}, (..., hidden_size): the gradient for the step before
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``cell.parameters()``


class CellRun(Run):
    """What one step of an `RNNCell` computed.

    Attributes
    ----------
    cell : RNNCell
        A copy of the cell at the time of the step.
    x : numpy.ndarray, (..., input_size)
        The input.
    h_prev : numpy.ndarray, (..., hidden_size)
        The state before the step.
    a : numpy.ndarray, (..., hidden_size)
        The sum ``W_xh x + W_hh h_prev + b_h``.
    h : numpy.ndarray, (..., hidden_size)
        The new state.
    """

    __slots__ = ("_paths", "a", "cell", "h", "h_prev", "x")

    def __init__(self, paths: dict[str, str], cell: RNNCell, x: Array, h_prev: Array, a: Array, h: Array) -> None:
        self._paths, self.cell, self.x, self.h_prev, self.a, self.h = paths, cell, x, h_prev, a, h
        self._freeze()

    def backward(self, d_h: ArrayLike) -> CellGradients:
        """Propagate a gradient back through the step, by the chain rule.

        ``d_a = d_h * tanh'(a)``, then ``d_x = W_xh^T d_a``, ``d_h_prev = W_hh^T d_a``, ``d_W_xh = d_a x^T``,
        ``d_W_hh = d_a h_prev^T`` and ``d_b_h = d_a``, the last three summed over the leading axes.

        Parameters
        ----------
        d_h : array_like, (..., hidden_size)
            dL/dh_t, with the shape of ``h``.

        Returns
        -------
        CellGradients
            ``(d_x, d_h_prev, d_parameters)``.
        """
        d_h = _checks.gradient(d_h, self.h, "d_h", f"{type(self).__name__}.backward")
        _, slope = functions_of(self.cell.nonlinearity)
        d_x, d_h_prev, *d_weights = quietly(
            step_backward, d_h, self.x, self.h_prev, self.h, self.cell.W_xh, self.cell.W_hh, slope
        )
        # Under the keys of parameters(). If W_xh and W_hh are one array, it has one key, and its gradients are added.
        d_parameters = merge_gradients(self._paths, {"": by_name(self.cell.weights, d_weights)})
        return CellGradients(d_x, d_h_prev, d_parameters)


def _random_orthogonal(size: int, rng: np.random.Generator) -> Array:
    """Draw an orthogonal matrix uniformly: Q of a Gaussian matrix's QR, signed so that R's diagonal is positive."""
    Q, R = np.linalg.qr(rng.standard_normal((size, size)))
    return Q * np.where(np.diag(R) < 0, -1.0, 1.0)
