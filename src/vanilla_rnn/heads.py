"""From hidden states to outputs: one output at the end of a sequence, or one at every step.

Both heads take what an `RNN` returns, ``head(*rnn(x))``, and each reads one of the two arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, as_rows, by_name, deep_copy, freeze, quietly

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, DTypeLike

LAYOUTS = {"W_hy": "output_size hidden_size", "b_y": "output_size"}


def affine(h: Array, W_hy: Array, b_y: Array | float) -> Array:
    """``y = W_hy h + b_y``."""
    y = as_rows(h) @ W_hy.T + b_y  # (rows, output)
    return y.reshape(*h.shape[:-1], len(W_hy))  # (..., output)


def affine_backward(d_y: Array, h: Array, W_hy: Array) -> tuple[Array, Array, Array]:
    """``d_h = W_hy^T d_y``, ``d_W_hy = d_y h^T`` and ``d_b_y = d_y``, the last two summed over all rows."""
    d_y_rows = as_rows(d_y)  # (rows, output)
    d_h = (d_y_rows @ W_hy).reshape(h.shape)  # (..., hidden)
    return d_h, d_y_rows.T @ as_rows(h), d_y_rows.sum(axis=0)


class Head(Module):
    """``y = W_hy h + b_y``, for the states that a subclass selects."""

    W_hy: Array
    b_y: Array | None
    __slots__ = ("W_hy", "b_y")

    @explained
    def __init__(
        self, hidden_size: int, output_size: int, *, bias: bool = True, dtype: DTypeLike = np.float64, rng: RNG = None
    ) -> None:
        hidden_size, output_size, bias, dtype, generator = _checks.arguments(
            type(self).__name__, hidden_size=hidden_size, output_size=output_size, bias=bias, dtype=dtype, rng=rng
        )
        bound = 1.0 / np.sqrt(hidden_size)
        self.W_hy = generator.uniform(-bound, bound, (output_size, hidden_size)).astype(dtype)
        self.b_y = generator.uniform(-bound, bound, output_size).astype(dtype) if bias else None

    @classmethod
    def from_weights(cls, W_hy: ArrayLike, b_y: ArrayLike | None = None) -> Self:
        """Create a head with copies of these weights.

        Parameters
        ----------
        W_hy : array_like, (output_size, hidden_size)
            The weights.
        b_y : array_like, (output_size,), or None
            The bias; None for no bias.

        Returns
        -------
        ManyToOneHead or ManyToManyHead
            In float32 if every array is float32, else in float64.
        """
        return cls._of(_checks.weights_of({"W_hy": W_hy, "b_y": b_y}, LAYOUTS, f"{cls.__name__}.from_weights"))

    @classmethod
    def _of(cls, weights: dict[str, Array]) -> Self:
        """Create a head that uses these arrays themselves, not copies."""
        head = cls.__new__(cls)
        head.W_hy, head.b_y = weights["W_hy"], weights.get("b_y")
        return head

    @explained
    def __call__(self, output: ArrayLike, h_n: ArrayLike) -> Array:
        """Return the outputs y: see `forward`."""
        return self.forward(output, h_n).y.copy()

    @explained
    def forward(self, output: ArrayLike, h_n: ArrayLike) -> HeadRun:
        """Compute the outputs from what an RNN returned, and keep what backward needs.

        ``y = W_hy h + b_y``

        Parameters
        ----------
        output : array_like, (batch, time, hidden_size) or (time, hidden_size)
            The top layer's states at every step.
        h_n : array_like, (num_layers * directions, batch, hidden_size / directions), without batch for one sequence
            Every cell's final state.

        Returns
        -------
        HeadRun
            ``.y``, (batch, output_size) from a `ManyToOneHead` and (batch, time, output_size) from a
            `ManyToManyHead`, and ``.backward(d_y)``.

        Raises
        ------
        ValueError
            If a shape doesn't fit, or a number isn't finite or becomes too large.
        """
        where = f"{type(self).__name__}.forward"
        sizes = self.check_weights(where)
        fix = "Create the head with hidden_size=rnn.directions * rnn.hidden_size."
        output = _checks.tensor(output, "output", "[batch] time hidden_size", sizes, where, self.W_hy.dtype, fix)
        sizes["hidden_size/directions"] = sizes.pop("hidden_size")
        h_n, fix = _checks.floats(h_n, "h_n", where, self.W_hy.dtype), "Pass both results of one call: head(*rnn(x))."
        if h_n.shape and 2 * h_n.shape[-1] == output.shape[-1] and len(h_n) % 2 == 0:
            sizes["hidden_size/directions"] //= 2  # two directions: joined in output, separate in h_n
        h_n = _checks.tensor(h_n, "h_n", "cells [batch] hidden_size/directions", sizes, where, self.W_hy.dtype, fix)
        _checks.size(len(h_n), "the number of states in h_n", where)
        return self._forward(output, h_n)

    def _forward(self, output: Array, h_n: Array) -> HeadRun:
        """`forward`, for arrays that have been checked."""
        directions = output.shape[-1] // h_n.shape[-1]
        h = self.select(output, h_n, directions).copy()
        y = quietly(affine, h, self.W_hy, 0.0 if self.b_y is None else self.b_y)
        where = f"{type(self).__name__}.forward"
        _checks.finite(y, "y", where, "Use smaller weights W_hy: the sum has overflowed.")
        return HeadRun(self.frozen(), h, y, h_n.shape, directions)

    def select(self, output: Array, h_n: Array, directions: int) -> Array:
        """The states that this head reads."""
        raise NotImplementedError

    def select_backward(
        self, d_h: Array, h_n_shape: tuple[int, ...], directions: int
    ) -> tuple[Array | None, Array | None]:
        """(d_output, d_h_n) from the gradient of the states that were read; None for the array that wasn't."""
        raise NotImplementedError

    def check_weights(self, where: str) -> dict[str, int]:
        """Check the weights and return their sizes. A weight that doesn't fit or isn't finite is an error."""
        return _checks.weights(self.weights, LAYOUTS, where)

    def frozen(self) -> Self:
        """A copy with read-only weights, for a run to keep."""
        if type(self) not in (ManyToOneHead, ManyToManyHead):  # a head of your own may have other attributes
            own: Self = deep_copy(self, {})
            freeze([own, *own.weights.values()])
            return own
        copies = {name: values.copy() for name, values in self.weights.items()}
        for values in copies.values():
            values.flags.writeable = False
        return type(self)._of(copies)

    @property
    def weights(self) -> dict[str, Array]:
        """The weights by name. b_y is left out if it is None."""
        return {"W_hy": self.W_hy} if self.b_y is None else {"W_hy": self.W_hy, "b_y": self.b_y}

    def _signature(self) -> str:
        bias = "" if self.b_y is not None else ", bias=False"
        return f"{type(self).__name__}({self.W_hy.shape[1]}, {self.W_hy.shape[0]}{bias})"


class ManyToOneHead(Head):
    """One output for a whole sequence, from the top layer's final states: ``y = W_hy h_T + b_y``.

    After a bidirectional RNN it reads both final states: the forward direction's after the last step and the reverse
    direction's after the first. That is not ``output[:, -1]``: at the last step, the reverse direction has read only
    that step.

    Parameters
    ----------
    hidden_size : int
        The number of values to read: directions times the RNN's hidden_size.
    output_size : int
        The number of values in y.
    bias : bool
        Whether to add b_y.
    dtype : {numpy.float64, numpy.float32}
        The dtype of the weights and of all results.
    rng : int, numpy.random.Generator or None
        A seed or a generator for the initial weights, from U(-k, k) with k = 1/sqrt(hidden_size).

    Attributes
    ----------
    W_hy : numpy.ndarray, (output_size, hidden_size)
        The weights.
    b_y : numpy.ndarray, (output_size,), or None
        The bias.

    Examples
    --------
    A final state of (0.5, -0.5) and weights of (2, 1) give 2 * 0.5 - 1 * 0.5 = 0.5.

    >>> head = ManyToOneHead.from_weights([[2.0, 1.0]])
    >>> head(output=[[0.1, 0.2], [0.5, -0.5]], h_n=[[0.5, -0.5]])
    array([0.5])
    """

    __slots__ = ()

    def select(self, output: Array, h_n: Array, directions: int) -> Array:
        """The top layer's final states, (batch, directions * hidden)."""
        return np.concatenate(h_n[-directions:], axis=-1)

    def select_backward(self, d_h: Array, h_n_shape: tuple[int, ...], directions: int) -> tuple[None, Array]:
        """The gradient of h_n: 0 for the layers below."""
        d_h_n = np.zeros(h_n_shape, d_h.dtype)  # (num_layers * directions, batch, hidden)
        d_h_n[-directions:] = np.split(d_h, directions, axis=-1)
        return None, d_h_n


class ManyToManyHead(Head):
    """One output at every step, from the top layer's states: ``y_t = W_hy h_t + b_y``.

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

    __slots__ = ()

    def select(self, output: Array, h_n: Array, directions: int) -> Array:
        """The top layer's states at every step, (batch, time, directions * hidden)."""
        return output

    def select_backward(self, d_h: Array, h_n_shape: tuple[int, ...], directions: int) -> tuple[Array, None]:
        """The gradient of output, unchanged."""
        return d_h, None


class HeadGradients(NamedTuple):
    """What `HeadRun.backward` returns, ready for ``run.backward(d_output, d_h_n)`` of the RNN's run."""

    d_output: Array | None  #: dL/doutput, from a `ManyToManyHead`
    d_h_n: Array | None  #: dL/dh_n, from a `ManyToOneHead`
    d_parameters: dict[str, Array]  #: dL/dW, under the keys of ``head.parameters()``


class HeadRun(Run):
    """What one forward pass of a head computed, ``y = W_hy h + b_y``.

    Attributes
    ----------
    head : ManyToOneHead or ManyToManyHead
        A copy of the head at the time of the forward pass.
    h : numpy.ndarray, (batch, hidden_size) or (batch, time, hidden_size)
        The states that it read.
    y : numpy.ndarray, (batch, output_size) or (batch, time, output_size)
        The outputs.
    """

    __slots__ = ("_directions", "_h_n_shape", "h", "head", "y")

    def __init__(self, head: Head, h: Array, y: Array, h_n_shape: tuple[int, ...], directions: int) -> None:
        self.head, self.h, self.y, self._h_n_shape, self._directions = head, h, y, h_n_shape, directions
        self._freeze()

    def backward(self, d_y: ArrayLike) -> HeadGradients:
        """Propagate a gradient back to the states that were read.

        ``d_h = W_hy^T d_y``, ``d_W_hy = d_y h^T`` and ``d_b_y = d_y``, the last two summed over rows and steps.

        Parameters
        ----------
        d_y : array_like of y's shape
            dL/dy.

        Returns
        -------
        HeadGradients
            ``(d_output, d_h_n, d_parameters)``.
        """
        d_y = _checks.gradient(d_y, self.y, "d_y", f"{type(self).__name__}.backward")
        d_h, *d_weights = quietly(affine_backward, d_y, self.h, self.head.W_hy)
        d_output, d_h_n = self.head.select_backward(d_h, self._h_n_shape, self._directions)
        return HeadGradients(d_output, d_h_n, by_name(self.head.weights, d_weights))
