"""From logits to probabilities, without overflow at any logit."""

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
    if z.ndim == 0 or z.shape[-1] == 0:
        _checks.refuse(ValueError, "softmax", "logits", "an array of (..., classes), at least one", f"shape {z.shape}")
    _checks.finite(z, "logits", "softmax")
    powers: Array = np.exp(z - z.max(axis=-1, keepdims=True))  # the largest is exp(0) = 1
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers
