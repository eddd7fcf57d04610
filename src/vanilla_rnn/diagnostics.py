"""Looking into a network: whether its gradients are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks

if TYPE_CHECKING:
    from vanilla_rnn._checks import Array

STEP = 1e-50  # so small that its square vanishes, and nothing is lost by it: no difference is ever taken


def check_gradients(module: Any, *inputs: Any) -> float:
    """Compare a module's backward with the derivative itself, number by number.

    The derivative is the complex step's, ``df/dx = Im f(x + i h) / h``, on a complex copy of the module. Unlike a
    difference quotient it subtracts nothing, so h can be so small that the result is right to the last digits [1]_.
    What is differentiated is a sum of all outputs with random weights; backward is given these weights.

    Parameters
    ----------
    module : Module
        Any of this library's, or one of your own that keeps to two rules: its forward's record has a ``backward`` whose
        arguments are ``d_`` and the name of what the record calls an output, and what that gives has ``d_parameters``
        and a ``d_`` for each float input of forward.
    *inputs
        As for ``module.forward``. Arrays of floats are differentiated, integers are not.

    Returns
    -------
    float
        The worst error: over all parameters and float inputs, the largest of ``max|backward - derivative| /
        max|derivative|``. In float64 it is about 1e-14 where backward is right, and above 0.001 where it is wrong.

    Raises
    ------
    ValueError
        If a gradient is missing or has another shape than what it is of.

    References
    ----------
    .. [1] Squire and Trapp (1998), "Using Complex Variables to Estimate Derivatives of Real Functions",
       https://doi.org/10.1137/S003614459631241X

    Examples
    --------
    >>> import numpy as np
    >>> from vanilla_rnn import RNN
    >>> x = np.random.default_rng(0).standard_normal((2, 5, 3))
    >>> check_gradients(RNN(3, 4, num_layers=2, bidirectional=True, rng=0), x, None, [5, 3]) < 1e-11
    True
    """
    import inspect
    from copy import deepcopy

    where = "check_gradients"
    record = module.forward(*inputs)
    outputs = [name.removeprefix("d_") for name in inspect.signature(record.backward).parameters]
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(np.shape(getattr(record, name))) for name in outputs}
    gradients = record.backward(**{f"d_{name}": values for name, values in weights.items()})

    parameters = module.parameters()
    twins = {path: values.astype(np.complex128) for path, values in parameters.items()}
    twin = deepcopy(module, {id(values): twins[path] for path, values in parameters.items()})  # all but the arrays
    arguments = inspect.signature(module.forward).bind(*inputs).arguments
    moved = {name: np.array(value, np.complex128) for name, value in arguments.items() if _is_float(value)}
    pairs = [(path, twins[path], gradients.d_parameters.get(path)) for path in twins]
    for name, values in moved.items():
        gradient = getattr(gradients, f"d_{name.removesuffix('_t')}", None)
        pairs.append((name, values, np.zeros(values.shape) if gradient is None else gradient))  # None: it isn't read

    def derivative(values: Array, index: tuple[int, ...]) -> float:
        values[index] += STEP * 1j
        run = twin.forward(*(arguments | moved).values())
        values[index] -= STEP * 1j
        return float(sum((weights[name] * getattr(run, name)).sum() for name in outputs).imag) / STEP

    worst = 0.0
    for name, values, gradient in pairs:
        if gradient is None or gradient.shape != values.shape:
            got = "none" if gradient is None else f"shape {gradient.shape}"
            _checks.refuse(
                ValueError,
                where,
                f"the gradient of {name}",
                f"an array of shape {values.shape}",
                got,
                "What does backward give?",
            )
        if values.size:
            true = np.array([derivative(values, index) for index in np.ndindex(values.shape)]).reshape(values.shape)
            error, scale = np.abs(gradient - true).max(), np.abs(true).max()
            worst = max(worst, float(error / scale) if scale else float(np.inf if error else 0.0))
    return worst


def _is_float(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind == "f"
