"""How weights follow gradients: SGD, Adam, and clipping. They see dictionaries of arrays, and nothing of networks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vanilla_rnn import _checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vanilla_rnn._checks import Array


class Optimizer:
    """What SGD and Adam share: checking, then changing all parameters or none."""

    kinds: ClassVar[tuple[str, ...]]  # what is remembered of each parameter: state["<kind>.<path>"]
    counts: ClassVar[tuple[str, ...]] = ()  # what is remembered beside these

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = _checks.number(learning_rate, "learning_rate", type(self).__name__, above=0.0)
        self.state: dict[str, Array] = {}

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
            If the keys or a shape differ, a gradient or a result isn't finite, or the state is of other parameters; the
            message names the parameter, and no parameter has changed. Some may be left out of a step, or join later.
        """
        where = f"{type(self).__name__}.step"
        if parameters.keys() != d_parameters.keys():
            differing = _checks.some(sorted(parameters.keys() ^ d_parameters.keys()))
            fix = "Pass model.parameters() and the d_parameters of the same model's backward."
            _checks.refuse(
                ValueError, where, "d_parameters", "of the same keys as parameters", differing + " in one", fix
            )
        self._check_state(parameters, where)
        for name, gradient in d_parameters.items():
            fix = "Are both of one model?"
            _checks.shape(
                gradient, parameters[name].shape, "the parameter's shape", f"the gradient of {name}", where, fix
            )
            _checks.finite(gradient, f"the gradient of {name}", where)
            if not parameters[name].flags.writeable or parameters[name].dtype.kind != "f":
                got = f"one of {parameters[name].dtype}, writeable={parameters[name].flags.writeable}"
                fix = "Pass model.parameters(), the arrays themselves."
                _checks.refuse(ValueError, where, name, "an array of floats that can be written to", got, fix)
        with np.errstate(over="ignore", invalid="ignore"):  # reported with the parameter's name
            changes, state = self._changes(d_parameters)
            updated = {name: (values - changes[name]).astype(values.dtype) for name, values in parameters.items()}
        for name, values in updated.items():
            if not _checks.is_finite(values):
                self._look_at_state(where)  # which may be to blame where somebody assigned it
                _checks.finite(values, f"{name} after the step", where)
        for name, values in state.items():
            _checks.finite(values, f"state[{name!r}] after the step", where)
        for name, values in updated.items():
            parameters[name][...] = values
        self.state = self.state | state  # of parameters left out this time, what it was

    def _check_state(self, parameters: dict[str, Array], where: str) -> None:
        """Refuse a state that can't be of these: some may be left out, or may join, but not both at once."""
        mine = {f"{kind}.{name}" for kind in self.kinds for name in parameters}
        others = self.state.keys() - mine - set(self.counts)
        foreign = [name for name in others if name.partition(".")[0] not in self.kinds]
        if foreign or (others and mine - self.state.keys()):
            fix = "An optimiser goes with one model: make another one."
            expected = f"what {type(self).__name__} remembers of these parameters"
            _checks.refuse(ValueError, where, "state", expected, f"also {_checks.some(sorted(others), 5)}", fix)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "state")
        return f"{type(self).__name__}({options})"

    def _changes(self, d_parameters: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """What to take away from each parameter, and the new state."""
        raise NotImplementedError

    def _look_at_state(self, where: str) -> None:
        """Refuse a state that no step could have left."""

    def _previous(self, kind: str, name: str, gradient: Array) -> Array | None:
        """What the state holds of a parameter, if anything."""
        found = self.state.get(f"{kind}.{name}")
        if found is not None and found.shape != gradient.shape:
            where, fix = f"{type(self).__name__}.step", "An optimiser goes with one model: make another one."
            _checks.shape(found, gradient.shape, "the parameter's shape", f"state[{f'{kind}.{name}'!r}]", where, fix)
        return found


class SGD(Optimizer):
    """Gradient descent, with or without momentum.

    ``v = momentum v + d_W``, then ``W = W - learning_rate v``; without momentum ``v`` is ``d_W``

    Parameters
    ----------
    learning_rate : float
        How far to go against the gradient.
    momentum : float
        From 0, no memory of past gradients, to below 1.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        All that it remembers: v of each parameter, as ``"v.<path>"``. An optimiser that is given a copy of another's
        state goes on bit for bit as that one would.

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

    def __init__(self, learning_rate: float, *, momentum: float = 0.0) -> None:
        super().__init__(learning_rate)
        self.momentum = _checks.number(momentum, "momentum", "SGD", at_least=0.0, below=1.0)

    def _changes(self, d_parameters: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        changes, state = {}, {}
        for name, gradient in d_parameters.items():
            v = self._previous("v", name, gradient)
            v = gradient if v is None else self.momentum * v + gradient
            if self.momentum:
                state[f"v.{name}"] = v.copy()
            changes[name] = self.learning_rate * v
        return changes, state


class Adam(Optimizer):
    """Gradient descent in which every weight has a step size of its own, from its gradients' mean and mean square.

    ``m = b1 m + (1 - b1) d_W``, ``s = b2 s + (1 - b2) d_W^2``, and after t steps
    ``W = W - learning_rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)``

    Parameters
    ----------
    learning_rate : float
        About how far a weight goes in a step.
    betas : two floats
        b1 and b2, how much of the old means is kept, each from 0 to below 1.
    eps : float
        Keeps the quotient finite where s is 0.

    Attributes
    ----------
    state : dict[str, numpy.ndarray]
        All that it remembers: ``"t"``, and m and s of each parameter as ``"m.<path>"`` and ``"s.<path>"``. An optimiser
        that is given a copy of another's state goes on bit for bit as that one would. Of a parameter that joins at a
        later step, m and s begin as if its gradient had been the same at each step before.

    References
    ----------
    Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980

    Examples
    --------
    The first step goes learning_rate against the gradient's sign, whatever its size:

    >>> import numpy as np
    >>> parameters = {"W": np.array([1.0, 1.0])}
    >>> Adam(0.1).step(parameters, {"W": np.array([0.003, -500.0])})
    >>> print(parameters["W"].round(4))
    [0.9 1.1]
    """

    kinds = ("m", "s")
    counts = ("t",)

    def __init__(
        self, learning_rate: float = 1e-3, *, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            _checks.refuse(TypeError, "Adam", "betas", "two numbers", _checks.shown(betas), "For example (0.9, 0.999).")
        b1, b2 = (_checks.number(beta, f"betas[{i}]", "Adam", at_least=0.0, below=1.0) for i, beta in enumerate(betas))
        self.betas = b1, b2
        self.eps = _checks.number(eps, "eps", "Adam", above=0.0)

    def _changes(self, d_parameters: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        b1, b2 = self.betas
        t = self.state.get("t", np.int64(0)) + 1
        all_m, all_s = float(1 - b1**t), float(1 - b2**t)  # the shares of t gradients in m and s; 1 in the end
        scale, root = self.learning_rate / all_m, all_s**0.5
        changes, state = {}, {"t": np.asarray(t)}
        for name, gradient in d_parameters.items():
            m, s = self._previous("m", name, gradient), self._previous("s", name, gradient)
            m = all_m * gradient if m is None else b1 * m + (1 - b1) * gradient
            s = all_s * gradient * gradient if s is None else b2 * s + (1 - b2) * gradient * gradient
            state[f"m.{name}"], state[f"s.{name}"] = m, s
            changes[name] = scale * m / (np.sqrt(s) / root + self.eps)
        return changes, state

    def _look_at_state(self, where: str) -> None:
        for name, values in self.state.items():
            if name.startswith("s.") and (values < 0.0).any():
                expected, got = "a mean of squares, at least 0", str(values.min())
                _checks.refuse(ValueError, where, f"state[{name!r}]", expected, got, "Was it saved by save_weights?")


def clip_grad_norm(d_parameters: dict[str, Array], max_norm: float) -> float:
    """Scale all gradients by one factor, in place, so that their common norm is at most ``max_norm``.

    ``norm = sqrt(sum of g^2 over all numbers g of all gradients)``; where it is larger, ``g = g max_norm / norm``. The
    direction stays, only the length is cut: a step across a cliff of the loss doesn't end up far away.

    Parameters
    ----------
    d_parameters : dict[str, numpy.ndarray]
        The gradients.
    max_norm : float
        The largest norm to let through; infinity lets all through.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        If a gradient isn't finite; the message names the parameter, and no gradient has changed.

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
    max_norm = _checks.number(max_norm, "max_norm", "clip_grad_norm", above=0.0, infinite=True)
    for name, gradient in d_parameters.items():
        _checks.finite(gradient, f"the gradient of {name}", "clip_grad_norm")
    largest = max((float(np.abs(g).max()) for g in d_parameters.values() if g.size), default=0.0)
    scaled = [g / largest for g in d_parameters.values()] if largest > 0 else []  # whose squares can't overflow
    relative = math.sqrt(sum(float(np.vdot(g, g)) for g in scaled))
    norm = largest * relative
    if norm > max_norm:
        for gradient in d_parameters.values():
            gradient *= max_norm / largest / relative  # one after the other, should their product be out of range
    return norm
