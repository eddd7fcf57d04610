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
        As for ``module.forward``. Arrays of floats are differentiated, integers are not: write 1.0, not 1. What is left
        out isn't checked, so pass an h_0 too.

    Returns
    -------
    float
        The worst error: over all parameters and float inputs, the largest of ``max|backward - derivative| /
        max|derivative|``. In float64 it is about 1e-14 where backward is right; infinity where a gradient isn't finite.

    Raises
    ------
    ValueError
        If a gradient is missing, is of nothing, or has another shape than what it is of.

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

    where, fix = "check_gradients", "What does the record's backward give?"
    record = module.forward(*inputs)
    outputs = [name.removeprefix("d_") for name in inspect.signature(record.backward).parameters]
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(np.shape(getattr(record, name))) for name in outputs}
    gradients = record.backward(**{f"d_{name}": values for name, values in weights.items()})

    parameters = module.parameters()
    for path in parameters.keys() ^ gradients.d_parameters.keys():
        got = "none" if path in parameters else "one of what isn't a parameter"
        _checks.refuse(ValueError, where, f"the gradient of {path}", "there if and only if it is a parameter", got, fix)
    twins = {path: values.astype(np.complex128) for path, values in parameters.items()}
    twin = deepcopy(module, {id(values): twins[path] for path, values in parameters.items()})  # all but the arrays
    arguments = inspect.signature(module.forward).bind(*inputs).arguments
    moved = {name: np.array(value, np.complex128) for name, value in arguments.items() if _is_float(value)}
    pairs = [(path, twins[path], gradients.d_parameters[path]) for path in twins]
    for name, values in moved.items():
        if not hasattr(gradients, f"d_{name.removesuffix('_t')}"):
            _checks.refuse(ValueError, where, f"the gradient of {name}", f"what backward calls d_{name}", "none", fix)
        gradient = getattr(gradients, f"d_{name.removesuffix('_t')}")
        pairs.append((name, values, np.zeros(values.shape) if gradient is None else gradient))  # None: it isn't read

    def derivative(values: Array, index: tuple[int, ...]) -> float:
        values[index] += STEP * 1j
        run = twin.forward(*(arguments | moved).values())
        values[index] -= STEP * 1j
        return float(sum((weights[name] * getattr(run, name)).sum() for name in outputs).imag) / STEP

    errors = [0.0]
    for name, values, gradient in pairs:
        gradient = _checks.array(gradient, f"the gradient of {name}", where)
        _checks.shape(gradient, values.shape, f"the shape of {name}", f"the gradient of {name}", where, fix)
        if values.size:
            true = np.array([derivative(values, index) for index in np.ndindex(values.shape)]).reshape(values.shape)
            error, scale = np.abs(gradient - true).max(), np.abs(true).max()
            wrong = not np.isfinite(error) or (error > 0 and not scale)
            errors.append(float("inf") if wrong else float(error / scale) if scale else 0.0)
    return max(errors)


def _is_float(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind == "f"
