"""Losses computed from logits, each with its gradient, and the functions that turn logits into probabilities.

The functions at the top give the loss ``l`` of each prediction, and its derivative. A public loss function
returns the weighted mean of these losses, ``sum(w l) / sum(w)``, and the gradient of exactly that mean. With
``lengths``, padding has weight 0. A prediction of weight 0 adds nothing to the loss and gets no gradient, whatever the
logits and targets contain there.

A head's output, y in ``heads.py``, is z here (p for the squared loss), and y is the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._calls import explained
from vanilla_rnn._module import quietly

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, ArrayLike, Callable, Loss


def sigmoid_of(z: Array) -> Array:
    """``p = 1 / (1 + exp(-z))``, or ``exp(z) / (1 + exp(z))`` where z < 0, so that exp never overflows.

    Unlike the cell's sigmoid, which is computed with tanh, this is accurate even for p near 0.
    """
    power = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, z.dtype.type(1), power) / (1.0 + power))


def binary_losses(z: Array, y: Array) -> tuple[Array, Array]:
    """``l = -y log p - (1 - y) log(1 - p)`` with p = sigmoid(z), and ``dl/dz = p - y``.

    Since dp/dz = p (1 - p), dl/dz = (-y / p + (1 - y) / (1 - p)) p (1 - p) = -y (1 - p) + (1 - y) p = p - y.
    """
    # -log p = log(1 + exp(-z)) = log(1 + exp(z)) - z, and -log(1 - p) = log(1 + exp(z)), without overflow:
    # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|))
    losses = np.maximum(z, 0.0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return losses, sigmoid_of(z) - y


def class_losses(z: Array, y: Array) -> tuple[Array, Array]:
    """``l = -log p_y`` with p = softmax(z), and ``dl/dz = p - one_hot(y)``.

    The gradient follows from l = log(sum over j of exp(z_j)) - z_y: the derivative of the first part with respect to
    z_k is exp(z_k) / sum = p_k.
    """
    shifted = z - z.max(axis=-1, keepdims=True)  # (..., classes); softmax stays the same, and no exp overflows
    p = np.exp(shifted)
    total = p.sum(axis=-1, keepdims=True)
    p /= total
    true_class = y[..., None]  # (..., 1)
    losses = np.log(total) - np.take_along_axis(shifted, true_class, axis=-1)
    np.put_along_axis(p, true_class, np.take_along_axis(p, true_class, axis=-1) - 1.0, axis=-1)  # p - one_hot(y)
    return losses[..., 0], p


def squared_losses(p: Array, y: Array) -> tuple[Array, Array]:
    """``l = (p - y)^2``, and ``dl/dp = 2 (p - y)``."""
    difference = p - y
    return difference * difference, 2.0 * difference


@explained
def sigmoid(logits: ArrayLike) -> Array:
    """Return the probability of "yes": ``1 / (1 + exp(-z))``.

    Parameters
    ----------
    logits : array_like, any shape
        The scores z.

    Returns
    -------
    numpy.ndarray, of the same shape
        Numbers from 0 to 1.

    Examples
    --------
    >>> print(sigmoid([0.0, 1000.0, -1000.0]))
    [0.5 1.  0. ]
    """
    z = _checks.floats(logits, "logits", "sigmoid")
    _checks.finite(z, "logits", "sigmoid")
    with np.errstate(**_checks.QUIET):
        return sigmoid_of(z)


@explained
def softmax(logits: ArrayLike) -> Array:
    """Return the probability of each class: ``exp(z_k) / sum over j of exp(z_j)``, along the last axis.

    Parameters
    ----------
    logits : array_like, (..., classes)
        The scores z.

    Returns
    -------
    numpy.ndarray, of the same shape
        Numbers from 0 to 1 that add up to 1 along the last axis.

    Examples
    --------
    >>> print(softmax([[0.0, 0.0], [1000.0, 0.0]]))
    [[0.5 0.5]
     [1.  0. ]]
    """
    z = _class_logits(logits, "softmax")
    _checks.finite(z, "logits", "softmax", _hints.for_logits)
    with np.errstate(**_checks.QUIET):
        powers: Array = np.exp(z - z.max(axis=-1, keepdims=True))
        powers /= powers.sum(axis=-1, keepdims=True)
    return powers


@explained
def binary_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, lengths: ArrayLike | None = None, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """Binary cross-entropy from logits: the mean of ``-y log p - (1 - y) log(1 - p)`` with p = sigmoid(z).

    Its gradient is ``w (p - y) / sum(w)``; without weights every w is 1.

    Parameters
    ----------
    logits : array_like, any shape; with lengths (batch, time, ...)
        The scores z, before the sigmoid.
    labels : array_like, of the logits' shape, or without its final axis of length 1
        The targets y: 0 or 1, or a probability between them.
    lengths : array_like of int, (batch,), or None
        The number of steps that count in each sequence.
    weights : array_like, of the labels' shape, or None
        The weight w of each label, at least 0. A label of weight 0 is ignored; it may be any number, even NaN.

    Returns
    -------
    loss : float
        In nats; log 2 = 0.6931 for a model that always gives p = 0.5.
    d_logits : numpy.ndarray, of the logits' shape
        dloss/dz.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ, a label is outside 0..1, or a number that counts isn't finite.

    Examples
    --------
    >>> loss, d_logits = binary_cross_entropy([0.0, 0.0], [1, 0])
    >>> print(round(loss, 4), d_logits)
    0.6931 [-0.25  0.25]
    """
    where = "binary_cross_entropy"
    z, y, w = _paired(logits, labels, ("logits", "labels"), lengths, weights, where)
    outside = (y < 0) | (y > 1)
    if outside.any():
        fix = "Use cross_entropy for classes, or mean_squared_error for other numbers."
        if np.isin(y, (-1, 0, 1)).all():
            fix = "Use 0 and 1 as labels: (labels + 1) / 2."
        _checks.fail(ValueError, where, "labels", "from 0 to 1", f"{y[outside][0]}", fix)
    return _mean(binary_losses, z, y, w, "logits", where)


@explained
def cross_entropy(
    logits: ArrayLike, targets: ArrayLike, *, lengths: ArrayLike | None = None, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """Cross-entropy from logits: the mean of ``-log p_y`` with p = softmax(z) and y the true class.

    Its gradient is ``w (p - one_hot(y)) / sum(w)``; without weights every w is 1.

    Parameters
    ----------
    logits : array_like, (..., classes); with lengths (batch, time, classes)
        The scores z, before the softmax.
    targets : array_like of int, (...) or (..., 1)
        The true classes y, from 0 to classes - 1. With lengths or weights they can be whole numbers in an array of
        floats, in which NaN marks a missing target.
    lengths : array_like of int, (batch,), or None
        The number of steps that count in each sequence.
    weights : array_like, of the targets' shape, or None
        The weight w of each target, at least 0. A target of weight 0 is ignored; it may be any number, such as -100 or
        NaN.

    Returns
    -------
    loss : float
        In nats; log(classes) for a uniform prediction.
    d_logits : numpy.ndarray, of the logits' shape
        dloss/dz.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ, or a number that counts isn't finite.
    IndexError
        If a target that counts is not one of the classes.

    Examples
    --------
    >>> loss, d_logits = cross_entropy([[0.0, 0.0, 0.0, 0.0]], [1])
    >>> print(round(loss, 4), d_logits)
    1.3863 [[ 0.25 -0.75  0.25  0.25]]
    """
    where = "cross_entropy"
    z = _class_logits(logits, where)
    fix = "Pass class ids, one integer for each prediction, not one-hot vectors."
    y = _checks.array(targets, "targets", where)
    # Only floats can mark a missing target with NaN. Floats are also accepted in a batch without missing targets.
    may_be_floats = y.dtype.kind == "f" and (lengths is not None or weights is not None)
    y = y if may_be_floats else _checks.integers(targets, "targets", where, fix)
    y = y[..., 0] if y.shape == (*z.shape[:-1], 1) else y
    if y.shape != z.shape[:-1]:
        expected = f"an array of shape {z.shape[:-1]}, the logits' shape without the classes"
        _checks.fail(ValueError, where, "targets", expected, f"shape {y.shape}", fix)
    w = _term_weights(y.shape, lengths, weights, "targets", where)
    if w is not None:
        y, z = np.where(w > 0, y, 0), np.where(w[..., None] > 0, z, z.dtype.type(0))
        if may_be_floats and (np.abs(y) < 2**53).all() and (y == np.round(y)).all():
            y = y.astype(np.int64)
    y = _checks.ids(y, z.shape[-1], "targets", where, "classes")
    _checks.finite(z, "logits", where, _hints.for_logits)
    return _mean(class_losses, z, y, w, "logits", where)


@explained
def mean_squared_error(
    predictions: ArrayLike, targets: ArrayLike, *, lengths: ArrayLike | None = None, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """Mean squared error: the mean of ``(p - y)^2``.

    Its gradient is ``2 w (p - y) / sum(w)``; without weights every w is 1.

    Parameters
    ----------
    predictions : array_like, any shape; with lengths (batch, time, ...)
        The predictions p, for example a head's outputs.
    targets : array_like, of the predictions' shape, or without its final axis of length 1
        The targets y.
    lengths : array_like of int, (batch,), or None
        The number of steps that count in each sequence.
    weights : array_like, of the targets' shape, or None
        The weight w of each target, at least 0. A target of weight 0 is ignored; it may be any number, even NaN.

    Returns
    -------
    loss : float
        In the targets' units, squared.
    d_predictions : numpy.ndarray, of the predictions' shape
        dloss/dp.

    Raises
    ------
    ValueError
        If nothing counts, shapes differ, or a number that counts isn't finite.

    Examples
    --------
    >>> loss, d_predictions = mean_squared_error([1.0, 4.0], [0.0, 2.0])
    >>> print(loss, d_predictions)
    2.5 [1. 2.]
    """
    where = "mean_squared_error"
    p, y, w = _paired(predictions, targets, ("predictions", "targets"), lengths, weights, where)
    return _mean(squared_losses, p, y, w, "predictions", where)


def evaluate_loss(loss: Loss, logits: Array, targets: Any, where: str, **options: Any) -> tuple[float, Array]:
    """Call a loss function, which may be the caller's own, and check its two results."""
    result: Any = explained(loss)(logits, targets, **options)
    if not isinstance(result, tuple) or len(result) != 2:
        fix = "Return two results: the loss and d_logits."
        _checks.fail(TypeError, where, "the result of loss", "(loss, d_logits)", _checks.shown(result), fix)
    is_sequence = isinstance(result[0], (list, tuple))  # perhaps of unequal rows
    value, d_logits = np.asarray(result[0], dtype=object if is_sequence else None), result[1]
    if value.ndim or value.dtype.kind not in "iuf":
        fix = "Return the mean over the predictions that count, as one number."
        _checks.fail(TypeError, where, "the loss", "a number", _checks.shown(result[0]), fix)
    if d_logits is None:
        _checks.fail(TypeError, where, "d_logits", "the gradient of the loss", "None", "Return it second.")
    return float(value), _checks.shaped_like(d_logits, logits, "d_logits", where)


def require_finite_loss(loss: float, where: str) -> None:
    """Refuse a loss that is NaN or infinite."""
    if not np.isfinite(loss):
        fix = "Check the loss function and the targets."
        _checks.fail(ValueError, where, "the loss", "a finite number", str(loss), fix)


def _class_logits(logits: ArrayLike, where: str) -> Array:
    """Logits with an axis of classes."""
    z = _checks.floats(logits, "logits", where)
    if z.ndim == 0 or z.shape[-1] == 0:
        fix = "Put the classes on the last axis."
        _checks.fail(ValueError, where, "logits", "an array of shape (..., classes)", f"shape {z.shape}", fix)
    return z


def _paired(
    predictions: ArrayLike,
    targets: ArrayLike,
    names: tuple[str, str],
    lengths: ArrayLike | None,
    weights: ArrayLike | None,
    where: str,
) -> tuple[Array, Array, Array | None]:
    """Predictions and targets of the same shape, with 0 where nothing counts; and the weight of each term."""
    p_name, y_name = names
    p = _checks.floats(predictions, p_name, where)
    y = _checks.floats(targets, y_name, where, p.dtype)
    if p.shape == (*y.shape, 1):
        y = y[..., None]
    if y.shape != p.shape:
        shapes = f"{p.shape[:-1]} or {p.shape}" if p.shape[-1:] == (1,) else f"{p.shape}"
        fix = f"Reshape the {y_name} to {shapes}."
        if y.size != p.size:
            fix = f"Pass as many {y_name} as {p_name}."
            if y.shape == p.shape[:-1]:
                fix = "Use cross_entropy for class ids, or give the head one output."
        _checks.fail(ValueError, where, y_name, f"an array of shape {shapes}", f"shape {np.shape(targets)}", fix)
    w = _term_weights(p.shape, lengths, weights, y_name, where)
    if w is not None:
        p, y = (np.where(w > 0, values, values.dtype.type(0)) for values in (p, y))
    _checks.finite(p, p_name, where, _hints.for_logits)
    _checks.finite(y, y_name, where, f"Pass weights=... with 0 wherever a {y_name[:-1]} is missing.")
    return p, y, w


def _term_weights(
    shape: tuple[int, ...], lengths: ArrayLike | None, weights: ArrayLike | None, name: str, where: str
) -> Array | None:
    """The weight of each term of the mean, 0 at the padding; None if each counts once."""
    counts = None
    if lengths is not None:
        if len(shape) < 2:
            fix = "Leave lengths out: there is no time axis, or no batch axis."
            _checks.fail(ValueError, where, "lengths", f"None for {name} of shape {shape}", _checks.shown(lengths), fix)
        counts = _checks.lengths(lengths, {"batch": shape[0], "time": shape[1]}, where)
    if weights is None:
        return None if counts is None else _checks.padding_mask(counts, shape).astype(np.float64)
    w = _checks.floats(weights, "weights", where, np.dtype(np.float64))
    w = w[..., None] if shape == (*w.shape, 1) else w[..., 0] if w.shape == (*shape, 1) else w
    if w.shape != shape:
        fix = f"Pass one weight for each of the {name}. To weight the classes, pass class_weights[{name}]."
        _checks.fail(ValueError, where, "weights", f"an array of shape {shape}", f"shape {w.shape}", fix)
    w = _checks.zero_padding(w, counts)
    _checks.finite(w, "weights", where)
    if (w < 0).any():
        _checks.fail(ValueError, where, "weights", "at least 0", str(w.min()), "Use 0 to ignore a prediction.")
    largest = w.max(initial=0.0)
    # Only their ratios matter; this way no sum or product overflows.
    return np.asarray(quietly(np.divide, w, largest)) if largest > 0 else w


@np.errstate(**_checks.QUIET)
def _mean(
    losses_of: Callable[[Array, Array], tuple[Array, Array]], z: Array, y: Array, w: Array | None, name: str, where: str
) -> tuple[float, Array]:
    """``loss = sum(w l) / sum(w)`` and its gradient; ``losses_of`` computes the losses l and their gradients."""
    losses, d_z = losses_of(z, y)
    total = float(losses.size if w is None else w.sum())
    if total == 0:
        fix = "Pass at least one prediction with a weight above 0, at a real step."
        _checks.fail(ValueError, where, name, "an array of at least one prediction that counts", "none", fix)
    loss = float((losses if w is None else w * losses).sum(dtype=np.float64) / total)
    if not np.isfinite(loss):
        fix = f"Clip the gradients or use a smaller learning rate: the {name} are too large."
        _checks.fail(ValueError, where, "the loss", "a finite number", str(loss), fix)
    if w is None:
        d_z /= total
    else:
        share = (w / total).astype(d_z.dtype)  # each prediction's share of the mean
        d_z *= share if share.ndim == d_z.ndim else share[..., None]  # the same for all classes
    return loss, np.asarray(d_z)  # for 0-d predictions, d_z is a NumPy scalar
