"""From gradients to new weights: SGD, Adam and clipping. They work on dictionaries of arrays, not on networks."""

from __future__ import annotations

import math
from copy import deepcopy
from operator import setitem
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._calls import explained
from vanilla_rnn._module import call_all, first_paths

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Sequence


BLOCK = 2**15  # how many numbers of a parameter are updated at a time


def sgd_update(gradient: Array, v: Array | float, learning_rate: float, momentum: float) -> tuple[Array, Array]:
    """``v = momentum v + d_W``; returns the change ``learning_rate v`` and v. At the first step v is 0."""
    v = momentum * v + gradient if momentum else gradient
    return learning_rate * v, v


def adam_update(
    gradient: Array,
    m: Array | float,
    s: Array | float,
    t: int,
    learning_rate: float,
    betas: Sequence[float],
    eps: float,
) -> tuple[Array, Array, Array]:
    """``m = b1 m + (1 - b1) d_W`` and ``s = b2 s + (1 - b2) d_W^2``; returns the change, m and s.

    The change is ``learning_rate m_hat / (sqrt(s_hat) + eps)`` with ``m_hat = m / (1 - b1^t)`` and
    ``s_hat = s / (1 - b2^t)``: m and s start at 0, and the divisions make up for that.
    """
    b1, b2 = betas
    m = b1 * m + (1 - b1) * gradient
    s = b2 * s + (1 - b2) * gradient * gradient
    change = learning_rate / (1 - b1**t) * m / (np.sqrt(s) / (1 - b2**t) ** 0.5 + eps)
    return change, m, s


@explained
def clip_grad_norm(d_parameters: dict[str, Array], max_norm: float) -> float:
    """Scale all gradients by one factor, in place, so that their total norm is at most ``max_norm``.

    ``norm = sqrt(sum of g^2 over all numbers g of all gradients)``; if it is larger, ``g = g max_norm / norm``. The
    direction stays the same. Where the loss is as steep as a cliff, this keeps a step from going too far.

    Parameters
    ----------
    d_parameters : dict[str, numpy.ndarray]
        The gradients, which are changed in place. PyTorch's function takes the parameters; don't pass them here.
    max_norm : float
        The largest norm to allow; infinity allows all.

    Returns
    -------
    float
        The norm before clipping.

    Raises
    ------
    ValueError
        If a gradient isn't finite or can't be written to. In that case no gradient has changed.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks",
    https://arxiv.org/abs/1211.5063

    Examples
    --------
    >>> import numpy as np
    >>> gradients = {"W": np.array([3.0, 0.0]), "b": np.array([4.0])}
    >>> clip_grad_norm(gradients, 1.0)
    5.0
    >>> print(gradients["W"], gradients["b"])
    [0.6 0. ] [0.8]
    """
    where = "clip_grad_norm"
    max_norm = _checks.argument(max_norm, "max_norm", where)
    _checks.mapping(d_parameters, "d_parameters", where, _GRADIENTS_FIX)
    for name, gradient in d_parameters.items():
        _checks.writable(gradient, f"d_parameters[{name!r}]", where)
        _checks.finite(gradient, f"d_parameters[{name!r}]", where, _hints.DIVERGED)
    gradients = [np.asarray(gradient) for gradient in d_parameters.values()]
    first = first_paths(d_parameters, where, "d_parameters[{!r}]")
    distinct = [g for g, name in zip(gradients, d_parameters, strict=True) if first[name] == name]
    # A square can overflow. So can ``largest`` when it is converted to float32: float32 gradients then count as 0.
    with np.errstate(**_checks.QUIET):
        largest, squares = 1.0, sum(float(np.vdot(g, g)) for g in gradients)
        if not 1e-30 < squares < 1e30:  # a square may have overflowed or vanished: divide by the largest number first
            largest = max((float(np.abs(g).max()) for g in gradients if g.size), default=0.0)
            scaled = [g / largest for g in gradients] if largest > 0 else []
            squares = sum(float(np.vdot(g, g)) for g in scaled)
        norm = largest * math.sqrt(squares)
        if norm > max_norm:
            scale = max_norm / largest / math.sqrt(squares)  # in this order, because the norm itself may be infinite
            call_all([(np.multiply, gradient, scale, gradient) for gradient in distinct])  # each array once
    return norm


_OPTIONS = "learning_rate", "momentum", "betas", "eps"
_GRADIENTS_FIX = "Pass the gradients by name: run.backward(...).d_parameters."


class Optimizer:
    """What SGD and Adam share: they check everything, then change all parameters or none."""

    kinds: ClassVar[tuple[str, ...]]  # what the state holds for each parameter: state["<kind>.<path>"]
    learning_rate: float
    state: dict[str, Array]
    _buffers: dict[str, list[Array]]
    __slots__ = ("_buffers", "learning_rate", "state")

    def __setattr__(self, name: str, value: Any) -> None:
        """Check an option whenever it is set: options can be changed between two steps."""
        checked = _checks.argument(value, name, type(self).__name__) if name in _OPTIONS else value
        object.__setattr__(self, name, checked)

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate, self.state, self._buffers = learning_rate, {}, {}

    def step(self, parameters: dict[str, Array], d_parameters: dict[str, Array]) -> None:
        """Move every parameter against its gradient, in place.

        Parameters
        ----------
        parameters : dict[str, numpy.ndarray]
            The live arrays: ``model.parameters()``.
        d_parameters : dict[str, numpy.ndarray]
            Their gradients, under the same keys.

        Raises
        ------
        ValueError
            If the keys or a shape differ, a gradient or a result isn't finite, or the state doesn't fit the parameters.
            The message names the parameter, and no parameter has changed.
        """
        where = f"{type(self).__name__}.step"
        gradients = self._check(parameters, d_parameters, where)
        updated: dict[str, Array] = {}
        state = dict(self.state)  # parameters that aren't part of this step keep theirs
        with np.errstate(**_checks.QUIET):  # an overflow is reported below, by name
            for name, values in parameters.items():
                t = int(self.state.get(f"t.{name}", 0)) + 1
                keys = [f"{kind}.{name}" for kind in self._moments()]
                for kind in self.kinds:  # drop what is no longer needed, such as v when momentum is set to 0
                    state.pop(f"{kind}.{name}", None)
                updated[name], *moments = self._updated(name, values, gradients[name], keys, t)
                state |= zip(keys, moments, strict=False)  # SGD without momentum has no moment to keep
                if "t" in self.kinds:
                    state[f"t.{name}"] = np.array(t)
        for name, values in updated.items():
            _checks.finite(values, f"{name} after the step", where, _hints.DIVERGED)
        for key, values in state.items():
            _checks.finite(values, f"state[{key!r}] after the step", where, _hints.DIVERGED)
        writes: list[tuple[Any, ...]] = [(setitem, parameters[name], ..., values) for name, values in updated.items()]
        call_all([*writes, (object.__setattr__, self, "state", state)])

    def _moments(self) -> tuple[str, ...]:
        """The kinds of state that have the shape of the parameter."""
        return tuple(kind for kind in self.kinds if kind != "t")

    def _updated(self, name: str, values: Array, gradient: Array, keys: list[str], t: int) -> list[Array]:
        """The new values of a parameter and its moments; the old ones are not changed."""
        old = [self.state.get(key) for key in keys]

        def update(rows: Any) -> list[Array]:
            """The new values and moments of some rows, as arrays."""
            moments = (0.0 if array is None else array[rows] for array in old)
            change, *moments_after = self._update(gradient[rows], *moments, t=t)
            return [np.asarray(array) for array in (values[rows] - change, *moments_after)]

        if values.size <= BLOCK:
            return update(...)
        new = [self._buffer(key, values) for key in (f"new.{name}", *keys)]
        rows_per_block = max(1, BLOCK * len(values) // values.size)  # small enough to stay in the cache
        for start in range(0, len(values), rows_per_block):
            rows = slice(start, start + rows_per_block)
            for array, part in zip(new, update(rows), strict=False):
                array[rows] = part
        return new

    def _buffer(self, key: str, like: Array) -> Array:
        """A large array to compute into, made once. v, m and s have two each; the one not in the state is free.

        In this way nothing is overwritten before all results have been checked. Arrays that a user has put into the
        state are never used as buffers, so they stay as they are.
        """
        mine = [array for array in self._buffers.get(key, ()) if (array.shape, array.dtype) == (like.shape, like.dtype)]
        free = next((array for array in mine if array is not self.state.get(key)), None)
        if free is None:
            free = np.empty_like(like, subok=False)  # a plain array even if the parameter is memory-mapped
            self._buffers[key] = [*mine, free]
        return free

    def _check(self, parameters: dict[str, Array], d_parameters: dict[str, Array], where: str) -> dict[str, Array]:
        """Refuse parameters, gradients and a state that don't match; return the gradients as arrays."""
        _checks.mapping(parameters, "parameters", where, "Pass the live arrays of a module: model.parameters().")
        _checks.mapping(d_parameters, "d_parameters", where, _GRADIENTS_FIX)
        if parameters.keys() != d_parameters.keys():
            got = f"one {_checks.differing(d_parameters, parameters)}"
            fix = "Pass model.parameters() and the d_parameters of the same model's backward."
            _checks.fail(ValueError, where, "d_parameters", "a dictionary with the keys of parameters", got, fix)
        names: list[Any] = list(parameters)
        if others := [name for name in names if not isinstance(name, str)]:  # the keys of the state contain the names
            expected, fix = "a dictionary of arrays by name", "Use a str as the name of each array."
            _checks.fail(TypeError, where, "parameters", expected, f"the key {_checks.shown(others[0])}", fix)
        self.check_state(where)
        gradients = {}
        for name, values in parameters.items():
            _checks.writable(values, name, where)
        for name, first in first_paths(parameters, where).items():
            if name != first:
                fix = "Pass model.parameters(), which lists a shared array once, with its gradients added."
                _checks.fail(ValueError, where, name, "an array of its own", f"the array of {first}", fix)
        for name, values in parameters.items():
            label = f"d_parameters[{name!r}]"
            gradients[name] = _checks.gradient(d_parameters[name], values, label, where, fix=_hints.DIVERGED)
            kept = [f"{kind}.{name}" in self.state for kind in self.kinds]
            if any(kept) and not all(kept):
                expected, got = f"all of {', '.join(self.kinds)} for {name}, or none", "only some of them"
                _checks.fail(ValueError, where, "state", expected, got, "Assign a copy of a complete state.")
            for kind in self.kinds:
                key, shape = f"{kind}.{name}", () if kind == "t" else values.shape
                if (array := self.state.get(key)) is None:
                    continue
                given = np.asarray(array)
                real = (
                    given.dtype.kind in "iu" if kind == "t" else type(array) is np.ndarray and given.dtype.kind == "f"
                )
                if given.shape != shape or not real:
                    expected = "a number of steps" if kind == "t" else f"an array of floats of shape {shape}"
                    fix = "Create a new optimiser: this one has the state of another model."
                    _checks.fail(ValueError, where, f"state[{key!r}]", expected, _checks.shown(array), fix)
                if kind == "t" and not 0 <= given < 2**53:
                    fix = "Assign a copy of a state."
                    _checks.fail(ValueError, where, f"state[{key!r}]", "a number of steps", str(array), fix)
        return gradients

    def check_state(self, where: str) -> None:
        """Refuse a state of another kind of optimiser."""
        _checks.mapping(self.state, "state", where, "Assign a copy of another optimiser's state.")
        if foreign := sorted(str(key) for key in self.state if str(key).partition(".")[0] not in self.kinds):
            expected, fix = f"the state of an {type(self).__name__}", "Use the kind of optimiser it came from."
            _checks.fail(ValueError, where, "state", expected, f"one with {_checks.listed(foreign, 5)}", fix)

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        """Give a copy its own arrays: later steps of the original overwrite the arrays that they would share."""
        for attributes in state:
            for name, value in (attributes or {}).items():
                object.__setattr__(self, name, value)
        self.state, self._buffers = deepcopy(self.state), {}

    def _update(self, gradient: Array, *moments: Any, t: int) -> tuple[Array, ...]:
        """The change to subtract from a parameter, and the new moments; t is the number of steps, this one included."""
        raise NotImplementedError

    def __repr__(self) -> str:
        options = [f"{name}={getattr(self, name)!r}" for name in _OPTIONS if hasattr(self, name)]
        return f"{type(self).__name__}({', '.join(options)})"


class SGD(Optimizer):
    """Gradient descent, with or without momentum.

    ``v = momentum v + d_W``, then ``W = W - learning_rate v``; without momentum ``v`` is ``d_W``

    Parameters
    ----------
    learning_rate : float
        How far to go against the gradient.
    momentum : float
        The fraction of v that is kept, at least 0 and below 1. With 0, v isn't kept: past gradients are forgotten.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        Everything it remembers: v of each parameter, as ``"v.<path>"``. An optimiser with a copy of another's state and
        the same options continues exactly as that one would. Later steps reuse the arrays: to keep them, use
        ``copy.deepcopy``.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = {"W": np.array([1.0])}
    >>> optimizer = SGD(0.1, momentum=0.5)
    >>> optimizer.step(parameters, {"W": np.array([2.0])})  # v = 2, W = 1 - 0.1 * 2
    >>> optimizer.step(parameters, {"W": np.array([2.0])})  # v = 0.5 * 2 + 2 = 3, W = 0.8 - 0.1 * 3
    >>> print(parameters["W"])
    [0.5]
    """

    kinds = ("v",)
    momentum: float
    __slots__ = ("momentum",)

    @explained
    def __init__(self, learning_rate: float, *, momentum: float = 0.0) -> None:
        super().__init__(learning_rate)
        self.momentum = momentum

    def _moments(self) -> tuple[str, ...]:
        return self.kinds if self.momentum else ()

    def _update(self, gradient: Array, *moments: Any, t: int) -> tuple[Array, ...]:
        v = moments[0] if moments else 0.0
        return sgd_update(gradient, v, self.learning_rate, self.momentum)


class Adam(Optimizer):
    """Gradient descent in which every weight has its own step size, from the mean and mean square of its gradients.

    ``m = b1 m + (1 - b1) d_W``, ``s = b2 s + (1 - b2) d_W^2``, and after t steps
    ``W = W - learning_rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)``

    Parameters
    ----------
    learning_rate : float
        About how far a weight moves in one step.
    betas : two floats
        b1 and b2: how much of the old means is kept, each at least 0 and below 1.
    eps : float
        Keeps the quotient finite where s is 0.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        Everything it remembers: m, s and the number of steps t of each parameter, as ``"m.<path>"``, ``"s.<path>"`` and
        ``"t.<path>"``. An optimiser with a copy of another's state and the same options continues exactly as that one
        would. A parameter that is left out of a step stays as it is, and so does its state. Later steps reuse the
        arrays: to keep them, use ``copy.deepcopy``.

    References
    ----------
    Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980

    Examples
    --------
    The first step moves every weight by about learning_rate against the sign of its gradient, even if the gradient is
    small:

    >>> import numpy as np
    >>> parameters = {"W": np.array([1.0, 1.0])}
    >>> Adam(0.1).step(parameters, {"W": np.array([0.003, -500.0])})
    >>> print(parameters["W"].round(4))
    [0.9 1.1]
    """

    kinds = ("m", "s", "t")
    betas: Sequence[float]
    eps: float
    __slots__ = ("betas", "eps")

    @explained
    def __init__(
        self, learning_rate: float = 1e-3, *, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        self.betas, self.eps = betas, eps

    def _update(self, gradient: Array, *moments: Any, t: int) -> tuple[Array, ...]:
        m, s = moments
        eps = max(self.eps, float(np.finfo(gradient.dtype).tiny))  # in float32, 1e-50 would be 0
        return adam_update(gradient, m, s, t, self.learning_rate, self.betas, eps)
