"""From gradients to new weights: SGD, Adam and clipping. They work on dictionaries of arrays, not on networks."""

from __future__ import annotations

import math
from operator import setitem
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import call_all

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Sequence


def sgd_update(gradient: Array, v: Array | None, learning_rate: float, momentum: float) -> tuple[Array, Array]:
    """``v = momentum v + d_W``; returns the change ``learning_rate v`` and v."""
    v = gradient if v is None else momentum * v + gradient
    return learning_rate * v, v


def adam_update(
    gradient: Array, m: Array, s: Array, t: int, learning_rate: float, betas: Sequence[float], eps: float
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


def clip_grad_norm(d_parameters: dict[str, Array], max_norm: float) -> float:
    """Scale all gradients by one factor, in place, so that their total norm is at most ``max_norm``.

    ``norm = sqrt(sum of g^2 over all numbers g of all gradients)``; if it is larger, ``g = g max_norm / norm``. The
    direction stays the same. Where the loss is as steep as a cliff, this keeps a step from going too far.

    Parameters
    ----------
    d_parameters : dict[str, numpy.ndarray]
        The gradients.
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
        _checks.finite(gradient, f"d_parameters[{name!r}]", where, _checks.DIVERGED)
    largest = max((float(np.abs(g).max()) for g in d_parameters.values() if g.size), default=0.0)
    scaled = [g / largest for g in d_parameters.values()] if largest > 0 else []  # so that no square overflows
    relative = math.sqrt(sum(float(np.vdot(g, g)) for g in scaled))
    norm = largest * relative
    if norm > max_norm:
        scale = max_norm / largest / relative  # in this order, because largest * relative may overflow
        distinct = {id(gradient): gradient for gradient in d_parameters.values()}.values()  # scale each array once
        call_all([(np.multiply, gradient, scale, gradient) for gradient in distinct])
    return norm


_OPTIONS = "learning_rate", "momentum", "betas", "eps"
_GRADIENTS_FIX = "Pass the gradients by name: run.backward(...).d_parameters."


class Optimizer:
    """What SGD and Adam share: they check everything, then change all parameters or none."""

    kinds: ClassVar[tuple[str, ...]]  # what the state holds for each parameter: state["<kind>.<path>"]
    learning_rate: float
    state: dict[str, Array]
    __slots__ = ("learning_rate", "state")

    def __setattr__(self, name: str, value: Any) -> None:
        """Check an option whenever it is set: options can be changed between two steps."""
        object.__setattr__(
            self, name, _checks.argument(value, name, type(self).__name__) if name in _OPTIONS else value
        )

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate, self.state = learning_rate, {}

    def step(self, parameters: dict[str, Array], d_parameters: dict[str, Array]) -> None:
        """Change every parameter in place, against its gradient.

        Parameters
        ----------
        parameters : dict[str, numpy.ndarray]
            The live arrays: ``model.parameters()``.
        d_parameters : dict[str, numpy.ndarray]
            Their gradients, by the same keys.

        Raises
        ------
        ValueError
            If the keys or a shape differ, a gradient or a result isn't finite, or the state belongs to other
            parameters. The message names the parameter, and no parameter has changed.
        """
        where = f"{type(self).__name__}.step"
        gradients = self._check(parameters, d_parameters, where)
        updated: list[Array] = []
        state: dict[str, Array] = {}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # reported below, by name
            for name, values in parameters.items():
                change, own_state = self._update(name, gradients[name])
                updated.append((values - change).astype(values.dtype))
                state |= {f"{kind}.{name}": array for kind, array in own_state.items()}
        for name, values in zip(parameters, updated, strict=True):
            _checks.finite(values, f"{name} after the step", where, _checks.DIVERGED)
        for name, values in state.items():
            _checks.finite(values, f"state[{name!r}] after the step", where, _checks.DIVERGED)
        writes: list[tuple[Any, ...]] = [
            (setitem, values, ..., new) for values, new in zip(parameters.values(), updated, strict=True)
        ]
        call_all(
            [*writes, (object.__setattr__, self, "state", self.state | state)]
        )  # what isn't part of this step stays

    def _check(self, parameters: dict[str, Array], d_parameters: dict[str, Array], where: str) -> dict[str, Array]:
        """Refuse parameters, gradients and a state that don't fit each other; return the gradients as arrays."""
        _checks.mapping(parameters, "parameters", where, "Pass the live arrays of a module: model.parameters().")
        _checks.mapping(d_parameters, "d_parameters", where, _GRADIENTS_FIX)
        if parameters.keys() != d_parameters.keys():
            got = f"one {_checks.differing(d_parameters, parameters)}"
            fix = "Pass model.parameters() and the d_parameters of the same model's backward."
            _checks.fail(ValueError, where, "d_parameters", "a dictionary with the keys of parameters", got, fix)
        if foreign := sorted(name for name in self.state if name.partition(".")[0] not in self.kinds):
            expected, fix = f"the state of a {type(self).__name__}", "Create a new optimiser for this kind of state."
            _checks.fail(ValueError, where, "state", expected, f"one with {_checks.listed(foreign, 5)}", fix)
        gradients = {}
        for name, values in parameters.items():
            _checks.writable(values, name, where)
            gradients[name] = _checks.gradient(
                d_parameters[name], values, f"d_parameters[{name!r}]", where, fix=_checks.DIVERGED
            )
            for kind in self.kinds:
                array = self.state.get(f"{kind}.{name}")
                if array is not None and kind != "t" and array.shape != values.shape:
                    expected, got = f"an array of shape {values.shape}", f"shape {array.shape}"
                    fix = "Create a new optimiser: this one has the state of another model."
                    _checks.fail(ValueError, where, f"state[{f'{kind}.{name}'!r}]", expected, got, fix)
        return gradients

    def _update(self, name: str, gradient: Array) -> tuple[Array, dict[str, Array]]:
        """The change to subtract from a parameter, and its new state by kind."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._options().items())})"


class SGD(Optimizer):
    """Gradient descent, with or without momentum.

    ``v = momentum v + d_W``, then ``W = W - learning_rate v``; without momentum ``v`` is ``d_W``

    Parameters
    ----------
    learning_rate : float
        How far to go against the gradient.
    momentum : float
        The fraction of v that is kept, from 0, which forgets past gradients, to below 1.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        Everything it remembers: v of each parameter, as ``"v.<path>"``. An optimiser with a copy of another's state
        continues exactly as that one would.

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

    @_checks.explained
    def __init__(self, learning_rate: float, *, momentum: float = 0.0) -> None:
        super().__init__(learning_rate)
        self.momentum = momentum

    def _update(self, name: str, gradient: Array) -> tuple[Array, dict[str, Array]]:
        change, v = sgd_update(gradient, self.state.get(f"v.{name}"), self.learning_rate, self.momentum)
        return change, {"v": v.copy()} if self.momentum else {}

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"momentum": self.momentum}


class Adam(Optimizer):
    """Gradient descent in which every weight has its own step size, from the mean and mean square of its gradients.

    ``m = b1 m + (1 - b1) d_W``, ``s = b2 s + (1 - b2) d_W^2``, and after t steps
    ``W = W - learning_rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)``

    Parameters
    ----------
    learning_rate : float
        About how far a weight moves in one step.
    betas : two floats
        b1 and b2: how much of the old means is kept, each from 0 to below 1.
    eps : float
        Keeps the quotient finite where s is 0.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        Everything it remembers: m, s and the number of steps t of each parameter, as ``"m.<path>"``, ``"s.<path>"`` and
        ``"t.<path>"``. An optimiser with a copy of another's state continues exactly as that one would. A parameter
        that is left out of a step stays as it is, and so does its state.

    References
    ----------
    Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980

    Examples
    --------
    The first step moves every weight by learning_rate against the sign of its gradient, whatever the gradient's size:

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

    @_checks.explained
    def __init__(
        self, learning_rate: float = 1e-3, *, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        self.betas, self.eps = betas, eps

    def _update(self, name: str, gradient: Array) -> tuple[Array, dict[str, Array]]:
        zeros = np.zeros_like(gradient)
        m, s = self.state.get(f"m.{name}", zeros), self.state.get(f"s.{name}", zeros)
        t = int(self.state.get(f"t.{name}", 0)) + 1
        eps = max(self.eps, float(np.finfo(gradient.dtype).tiny))  # in float32, 1e-50 would be 0
        change, m, s = adam_update(gradient, m, s, t, self.learning_rate, self.betas, eps)
        return change, {"m": m, "s": s, "t": np.array(t)}

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"betas": self.betas, "eps": self.eps}
