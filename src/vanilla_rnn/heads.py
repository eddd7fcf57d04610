"""Which hidden states are read, and how: the difference between many-to-one and many-to-many.

Both heads take what an `RNN` gives, ``head(*rnn(x))``, and each reads one half of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, DTypeLike

    from vanilla_rnn._checks import RNG, Array

    Back = Callable[[Array], tuple[Array | None, Array | None]]

LAYOUTS = {"W_hy": ("output_size", "hidden_size"), "b_y": ("output_size",)}


class _Head(Module):
    """``y = W_hy h + b_y``, for the states that a subclass picks out."""

    W_hy: Array
    b_y: Array | None

    def __init__(
        self, hidden_size: int, output_size: int, *, bias: bool = True, dtype: DTypeLike = np.float64, rng: RNG = None
    ) -> None:
        where = type(self).__name__
        hidden_size = _checks.size(hidden_size, "hidden_size", where)
        output_size = _checks.size(output_size, "output_size", where)
        bias = _checks.flag(bias, "bias", where)
        dtype = _checks.float_dtype(dtype, where)
        rng = _checks.generator(rng, where)
        bound = 1.0 / np.sqrt(hidden_size)
        self.W_hy = rng.uniform(-bound, bound, (output_size, hidden_size)).astype(dtype)
        self.b_y = rng.uniform(-bound, bound, output_size).astype(dtype) if bias else None

    @classmethod
    def from_weights(cls, W_hy: ArrayLike, b_y: ArrayLike | None = None) -> Self:
        """Make a head with copies of these weights.

        Parameters
        ----------
        W_hy : array_like, (output_size, hidden_size)
            The weights.
        b_y : array_like, (output_size,), or None
            The bias; None is no bias.

        Returns
        -------
        ManyToOneHead or ManyToManyHead
            Of float32 if every array is, else of float64.

        Raises
        ------
        ValueError
            If the shapes don't fit one another or a number isn't finite.
        TypeError
            If something isn't an array of real numbers.
        """
        where = f"{cls.__name__}.from_weights"
        named = {"W_hy": W_hy} | ({} if b_y is None else {"b_y": b_y})
        copies = _checks.same_dtype({name: _checks.floats(value, name, where) for name, value in named.items()})
        _checks.axes(copies["W_hy"], {2: "(output_size, hidden_size)"}, "W_hy", where)
        output_size, hidden_size = copies["W_hy"].shape
        _checks.size(output_size, "output_size (rows of W_hy)", where)
        _checks.size(hidden_size, "hidden_size (columns of W_hy)", where)
        if "b_y" in copies:
            _checks.shape(
                copies["b_y"], (output_size,), "(output_size,)", "b_y", where, "W_hy has a row for each output."
            )
        for name, values in copies.items():
            _checks.finite(values, name, where)
        head = cls.__new__(cls)
        head.W_hy, head.b_y = copies["W_hy"], copies.get("b_y")
        return head

    def __call__(self, output: ArrayLike, h_n: ArrayLike) -> Array:
        """The outputs y: see `forward`."""
        return self.forward(output, h_n).y.copy()

    def forward(self, output: ArrayLike, h_n: ArrayLike) -> HeadRun:
        """Read the states that an RNN gave and remember them.

        ``y = W_hy h + b_y``

        Parameters
        ----------
        output : array_like, (batch, time, hidden_size) or, unbatched, (time, hidden_size)
            The top layer's states at every step.
        h_n : array_like, (num_layers * directions, batch, hidden_size / directions) or, unbatched, without batch
            Every cell's final state.

        Returns
        -------
        HeadRun
            ``.y``, (batch, output_size) from a `ManyToOneHead` and (batch, time, output_size) from a
            `ManyToManyHead`, and the way back.

        Raises
        ------
        ValueError
            If a shape doesn't fit or a number isn't finite.
        TypeError
            If something isn't an array of real numbers.
        """
        where = f"{type(self).__name__}.forward"
        _checks.weights({"W_hy": self.W_hy, "b_y": self.b_y}, LAYOUTS, where)
        dtype, hidden_size = self.W_hy.dtype, self.W_hy.shape[1]
        output = _checks.floats(output, "output", where, dtype)
        h_n = _checks.floats(h_n, "h_n", where, dtype)
        fix = "Call it with both that the RNN gave: head(*rnn(x))."
        axes = {3: "(batch, time, hidden_size)", 2: "(time, hidden_size)"}
        _checks.axes(output, axes, "output", where, fix)
        _checks.axes(h_n, {output.ndim: "(num_layers * directions, [batch,] hidden_size)"}, "h_n", where, fix)
        meaning = "the head's hidden_size"
        fix = "A head's hidden_size is directions times the RNN's: 2 * hidden_size after a bidirectional one."
        _checks.last_axis(output, hidden_size, meaning, "output", where, fix)
        directions = 2 if hidden_size == 2 * h_n.shape[-1] else 1
        layers, rest = divmod(h_n.shape[0], directions)
        if rest or not layers or h_n.shape[1:] != (*output.shape[:-2], hidden_size // directions):
            expected = ", ".join(
                map(str, ("num_layers * directions", *output.shape[:-2], f"{hidden_size} / directions"))
            )
            fix = "output and h_n come from one call: head(*rnn(x))."
            _checks.refuse(ValueError, where, "h_n", f"an array of shape ({expected})", f"shape {h_n.shape}", fix)

        h, back = self._read(output, h_n, directions)  # (..., hidden)
        _checks.finite(h, "what is read", where)
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported below
            y = _rows(h) @ self.W_hy.T  # (rows, output); of all rows at once, one product instead of one a sequence
            y = (y if self.b_y is None else y + self.b_y).reshape(*h.shape[:-1], len(self.W_hy))  # (..., output)
        _checks.finite(y, "y", where, "The sum overflowed: W_hy is too large.")
        return HeadRun(self.W_hy.copy(), None if self.b_y is None else self.b_y.copy(), h, y, back)

    def _read(self, output: Array, h_n: Array, directions: int) -> tuple[Array, Back]:
        """A copy of the states that this head reads, and the way from their gradient to (d_output, d_h_n)."""
        raise NotImplementedError

    def _signature(self) -> str:
        bias = "" if self.b_y is not None else ", bias=False"
        return f"{type(self).__name__}({self.W_hy.shape[1]}, {self.W_hy.shape[0]}{bias})"


class ManyToOneHead(_Head):
    """One output for a whole sequence, from the top layer's final states: ``y = W_hy h_T + b_y``.

    Of a bidirectional RNN it reads both final states, the forward direction's after the last step and the reverse
    direction's after the first; that is not ``output[:, -1]``, where the reverse direction has read one step only.

    Parameters
    ----------
    hidden_size : int
        How many numbers are read: directions times the RNN's hidden_size.
    output_size : int
        How many numbers make y.
    bias : bool
        Whether there is a b_y.
    dtype : {numpy.float64, numpy.float32}
        What the weights, and so all results, are.
    rng : int, numpy.random.Generator or None
        For the initial weights, from U(-k, k) with k = 1/sqrt(hidden_size).

    Attributes
    ----------
    W_hy : numpy.ndarray, (output_size, hidden_size)
        The weights.
    b_y : numpy.ndarray, (output_size,), or None
        The bias.

    Examples
    --------
    A final state of (0.5, -0.5) and weights of (2, 1) make 2 * 0.5 - 1 * 0.5 = 0.5.

    >>> head = ManyToOneHead.from_weights([[2.0, 1.0]])
    >>> head(output=[[0.1, 0.2], [0.5, -0.5]], h_n=[[0.5, -0.5]])
    array([0.5])
    """

    def _read(self, output: Array, h_n: Array, directions: int) -> tuple[Array, Back]:
        def back(d_h: Array) -> tuple[None, Array]:
            d_h_n = np.zeros(h_n.shape, d_h.dtype)
            d_h_n[-directions:] = np.split(d_h, directions, axis=-1)
            return None, d_h_n

        return np.concatenate(h_n[-directions:], axis=-1), back


class ManyToManyHead(_Head):
    """One output for every step, from the top layer's states: ``y_t = W_hy h_t + b_y``.

    Parameters
    ----------
    hidden_size, output_size, bias, dtype, rng
        As in `ManyToOneHead`.

    Attributes
    ----------
    W_hy, b_y
        As in `ManyToOneHead`.

    Examples
    --------
    >>> head = ManyToManyHead.from_weights([[2.0, 1.0]])
    >>> print(head(output=[[0.1, 0.2], [0.5, -0.5]], h_n=[[0.5, -0.5]]).round(2))
    [[0.4]
     [0.5]]
    """

    def _read(self, output: Array, h_n: Array, directions: int) -> tuple[Array, Back]:
        return output.copy(), lambda d_h: (d_h, None)


class HeadGradients(NamedTuple):
    """What `HeadRun.backward` gives, ready for ``run.backward(d_output, d_h_n)``: None for the half that isn't read."""

    d_output: Array | None  #: dL/d_output, from a `ManyToManyHead`
    d_h_n: Array | None  #: dL/d_h_n, from a `ManyToOneHead`
    d_parameters: dict[str, Array]  #: dL/dW by the keys of ``head.parameters()``


class HeadRun:
    """What one reading did, ``y = W_hy h + b_y``, and the way back to the states that were read.

    Attributes
    ----------
    h : numpy.ndarray, (batch, hidden_size) or (batch, time, hidden_size)
        The states that were read.
    y : numpy.ndarray, (batch, output_size) or (batch, time, output_size)
        The outputs.
    W_hy, b_y : numpy.ndarray
        Copies of the weights as they were; b_y is None where there is no bias.
    """

    def __init__(self, W_hy: Array, b_y: Array | None, h: Array, y: Array, back: Back) -> None:
        self.W_hy, self.b_y, self.h, self.y, self._back = W_hy, b_y, h, y, back
        for values in (W_hy, b_y, h, y):
            if values is not None:
                values.flags.writeable = False

    def backward(self, d_y: ArrayLike) -> HeadGradients:
        """Carry a gradient back to the states that were read.

        ``d_h = W_hy^T d_y``, ``d_W_hy = d_y h^T`` and ``d_b_y = d_y``, the last two summed over rows and steps.

        Parameters
        ----------
        d_y : array_like of y's shape
            dL/dy.

        Returns
        -------
        HeadGradients
            ``(d_output, d_h_n, d_parameters)``.

        Raises
        ------
        ValueError
            If the shape isn't that of y or a number isn't finite.
        """
        d_y = _checks.floats(d_y, "d_y", "HeadRun.backward", self.W_hy.dtype)
        _checks.shape(
            d_y, self.y.shape, "the shape of y", "d_y", "HeadRun.backward", "It is dL/dy, as a loss gives it."
        )
        _checks.finite(d_y, "d_y", "HeadRun.backward")
        d_h = (_rows(d_y) @ self.W_hy).reshape(self.h.shape)
        d_output, d_h_n = self._back(d_h)
        d_y = _rows(d_y)
        d_parameters = {"W_hy": d_y.T @ _rows(self.h)}
        if self.b_y is not None:
            d_parameters["b_y"] = d_y.sum(axis=0)
        return HeadGradients(d_output, d_h_n, d_parameters)


def _rows(values: Array) -> Array:
    """(..., features) -> (rows, features)."""
    return values.reshape(-1, values.shape[-1])
