"""The types that annotations use, in one place. Only type checkers read this file."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "RNG", "Array", "ArrayLike", "Callable", "Collection", "DTypeLike", "Fix", "Iterable", "Iterator", "Loss",
    "Mapping", "Nonlinearity", "Sequence", "Sizes",
]  # fmt: skip

Array = NDArray[Any]
RNG = int | np.integer[Any] | np.random.Generator | None
Nonlinearity = tuple[Callable[..., Array], Callable[[Array], Array]]  # f, and a function that computes f'(a) from f(a)
Loss = Callable[..., tuple[float, Array]]
Sizes = dict[str, Any]  # axis name -> length; a tuple of lengths for "..."; None for an axis that is left out
Fix = str | Callable[..., str]  # what to do about an error; a function chooses it according to the value
