"""Losses from logits, each with its gradient, and the probabilities that logits stand for.

Every loss is a mean over what counts, returned with the gradient of exactly that mean. With ``lengths``, steps at and
after a row's length don't count: they add nothing to the loss, get no gradient, and may hold anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vanilla_rnn import _checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from vanilla_rnn._checks import Array


def sigmoid(logits: ArrayLike) -> Array:
    """The probability of "yes": ``1 / (1 + exp(-z))``.

    Parameters
    ----------
    logits : array_like, any shape
        The scores z.

    Returns
    -------
    numpy.ndarray, of the same shape
        Numbers from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If the logits aren't real numbers, or not finite.

    Examples
    --------
    >>> print(sigmoid([0.0, 1000.0, -1000.0]))
    [0.5 1.  0. ]
    """
    z = _checks.floats(logits, "logits", "sigmoid")
    _checks.finite(z, "logits", "sigmoid")
    # exp(-log(1 + exp(-z))): logaddexp neither overflows at large |z| nor loses the digits of a tiny probability
    return np.asarray(np.exp(-np.logaddexp(z.dtype.type(0), -z)))


def softmax(logits: ArrayLike) -> Array:
    """The probability of each class: ``exp(z_k) / sum over j of exp(z_j)``, along the last axis.

    Parameters
    ----------
    logits : array_like, (..., classes)
        The scores z.

    Returns
    -------
    numpy.ndarray, of the same shape
        Numbers from 0 to 1 that add up to 1 along the last axis.

    Raises
    ------
    TypeError, ValueError
        If the logits aren't real numbers, not finite, or there is no class.

    Examples
    --------
    >>> print(softmax([[0.0, 0.0], [1000.0, 0.0]]))
    [[0.5 0.5]
     [1.  0. ]]
    """
    z = _checks.floats(logits, "logits", "softmax")
    _some_classes(z, "softmax")
    _checks.finite(z, "logits", "softmax")
    with np.errstate(over="ignore"):  # of two logits too far apart to subtract, the lower one's power is 0 all the same
        powers: Array = np.exp(z - z.max(axis=-1, keepdims=True))  # the largest is exp(0) = 1
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def binary_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, lengths: ArrayLike | None = None
) -> tuple[float, Array]:
    """How surprised a yes-or-no answer is by the truth: the mean of ``-y log p - (1 - y) log(1 - p)``, p = sigmoid(z).

    Its gradient is ``(p - y) / count``.

    Parameters
    ----------
    logits : array_like, any shape; with lengths (batch, time, ...)
        The scores z, before the sigmoid.
    labels : array_like, of the logits' shape, or of that without a final axis of 1
        The truth y: 0 or 1, or a probability between them.
    lengths : array_like of int, (batch,), or None
        How many steps of each row count.

    Returns
    -------
    loss : float
        In nats; log 2 = 0.6931 for one who always says p = 0.5.
    d_logits : numpy.ndarray, of the logits' shape
        dloss/dz.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ, a label lies outside 0..1 or a number that counts isn't finite.
    TypeError
        If something isn't an array of real numbers.

    Examples
    --------
    >>> loss, d_logits = binary_cross_entropy([0.0, 0.0], [1, 0])
    >>> print(round(loss, 4), d_logits)
    0.6931 [-0.25  0.25]
    """
    where = "binary_cross_entropy"
    z, y, real = _paired(logits, labels, ("logits", "labels"), lengths, where)
    outside = (y < 0) | (y > 1)
    if outside.any():
        fix = "Of more than two classes, take cross_entropy."
        _checks.refuse(ValueError, where, "labels", "from 0 to 1", f"{y[outside][0]}", fix)
    losses = np.logaddexp(z.dtype.type(0), z) - y * z  # -log p = log(1 + exp(-z)), -log(1 - p) = log(1 + exp(z))
    return _mean(losses, sigmoid(z) - y, real, "logits", where)


def cross_entropy(logits: ArrayLike, targets: ArrayLike, *, lengths: ArrayLike | None = None) -> tuple[float, Array]:
    """How surprised a choice among classes is by the truth: the mean of ``-log p_y``, p = softmax(z), y the true class.

    Its gradient is ``(p - one_hot(y)) / count``.

    Parameters
    ----------
    logits : array_like, (..., classes); with lengths (batch, time, classes)
        The scores z, before the softmax.
    targets : array_like of int, (...)
        The true classes y, from 0 to classes - 1.
    lengths : array_like of int, (batch,), or None
        How many steps of each row count.

    Returns
    -------
    loss : float
        In nats; log(classes) for one who finds all classes equally likely.
    d_logits : numpy.ndarray, of the logits' shape
        dloss/dz.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ, or a number that counts isn't finite.
    TypeError
        If the logits aren't real numbers, or the targets not whole ones.
    IndexError
        If a target that counts is none of the classes.

    Examples
    --------
    >>> loss, d_logits = cross_entropy([[0.0, 0.0, 0.0, 0.0]], [1])
    >>> print(round(loss, 4), d_logits)
    1.3863 [[ 0.25 -0.75  0.25  0.25]]
    """
    where = "cross_entropy"
    z = _checks.floats(logits, "logits", where)
    _some_classes(z, where)
    fix = "Targets are class ids, one for each row of logits, not one-hot vectors."
    ids = _checks.integers(targets, "targets", where, fix)
    _checks.shape(ids, z.shape[:-1], "the logits' shape without classes", "targets", where, fix)
    real = _real(z.shape[:-1], lengths, "logits", where)
    ids = _checks.ids(_blank(ids, real), z.shape[-1], "targets", where, "classes")
    z = _blank(z, None if real is None else real[..., None])
    _checks.finite(z, "logits", where)

    with np.errstate(over="ignore"):  # of two logits too far apart to subtract, the lower one's power is 0 all the same
        shifted = z - z.max(axis=-1, keepdims=True)  # so that no exp overflows
    powers = np.exp(shifted)
    total = powers.sum(axis=-1, keepdims=True)
    true = ids[..., None]
    losses = np.log(total) - np.take_along_axis(shifted, true, axis=-1)  # -log(exp(shifted_y) / total)
    d_logits = powers / total
    np.put_along_axis(d_logits, true, np.take_along_axis(d_logits, true, axis=-1) - 1.0, axis=-1)
    return _mean(losses, d_logits, None if real is None else real[..., None], "logits", where)


def mean_squared_error(
    predictions: ArrayLike, targets: ArrayLike, *, lengths: ArrayLike | None = None
) -> tuple[float, Array]:
    """How far predictions lie from the truth: the mean of ``(p - y)^2``.

    Its gradient is ``2 (p - y) / count``.

    Parameters
    ----------
    predictions : array_like, any shape; with lengths (batch, time, ...)
        The predictions p: a head's outputs as they are.
    targets : array_like, of the predictions' shape, or of that without a final axis of 1
        The truth y.
    lengths : array_like of int, (batch,), or None
        How many steps of each row count.

    Returns
    -------
    loss : float
        In the square of the targets' unit.
    d_predictions : numpy.ndarray, of the predictions' shape
        dloss/dp.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ or a number that counts isn't finite.
    TypeError
        If something isn't an array of real numbers.

    Examples
    --------
    >>> loss, d_predictions = mean_squared_error([1.0, 4.0], [0.0, 2.0])
    >>> print(loss, d_predictions)
    2.5 [1. 2.]
    """
    where = "mean_squared_error"
    p, y, real = _paired(predictions, targets, ("predictions", "targets"), lengths, where)
    with np.errstate(over="ignore"):  # reported with the loss
        difference = p - y
        return _mean(difference * difference, 2.0 * difference, real, "predictions", where)


def _paired(
    answers: ArrayLike, truth: ArrayLike, names: tuple[str, str], lengths: ArrayLike | None, where: str
) -> tuple[Array, Array, Array | None]:
    """Answers and the truth in one shape, 0 where nothing counts; and where something does."""
    name, name_of_truth = names
    z = _checks.floats(answers, name, where)
    y = _checks.floats(truth, name_of_truth, where, z.dtype)
    if z.shape == (*y.shape, 1):
        y = y[..., None]
    meaning, fix = f"the {name}' shape, or that without a final 1", "Nothing is broadcast."
    _checks.shape(y, z.shape, meaning, name_of_truth, where, fix)
    real = _real(z.shape, lengths, name, where)
    z, y = _blank(z, real), _blank(y, real)
    _checks.finite(z, name, where)
    _checks.finite(y, name_of_truth, where)
    return z, y, real


def _real(shape: tuple[int, ...], lengths: ArrayLike | None, name: str, where: str) -> Array | None:
    """Where something counts: an array of that shape, or None for everywhere."""
    if lengths is None:
        return None
    if len(shape) < 2:
        fix = "Leave lengths out where there is no time axis, or no batch axis."
        _checks.refuse(ValueError, where, "lengths", f"None for these {name}", _checks.shown(lengths), fix)
    counts = _checks.lengths(lengths, shape[0], shape[1], "lengths", where)
    steps = np.arange(shape[1]) < counts[:, None]  # (batch, time)
    return np.broadcast_to(steps.reshape(steps.shape + (1,) * (len(shape) - 2)), shape)


def _blank(values: Array, real: Array | None) -> Array:
    """The values with 0 where nothing counts: whatever stands there is never looked at."""
    return values if real is None else np.where(real, values, values.dtype.type(0))


def _mean(losses: Array, d_logits: Array, real: Array | None, name: str, where: str) -> tuple[float, Array]:
    """The mean of what counts, and its gradient."""
    count = losses.size if real is None else int(real.sum())
    if count == 0:
        _checks.refuse(ValueError, where, name, "of at least one step that counts", "none", "There is no mean of it.")
    with np.errstate(over="ignore"):  # reported here
        loss = float(_blank(losses, real).sum(dtype=np.float64)) / count
    if not np.isfinite(loss):
        _checks.refuse(ValueError, where, "the loss", "a finite number", str(loss), "Are the targets in proportion?")
    d_logits = _blank(d_logits, real)
    d_logits /= count
    return loss, d_logits


def _some_classes(z: Array, where: str) -> None:
    if z.ndim == 0 or z.shape[-1] == 0:
        _checks.refuse(
            ValueError,
            where,
            "logits",
            "an array of (..., classes), at least one",
            f"shape {z.shape}",
            "The classes' axis is the last.",
        )
