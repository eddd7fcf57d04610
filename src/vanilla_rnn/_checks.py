"""Input checks. Every message names the argument, what was expected, what came, and the likely fix.

A TypeError says that a thing is of the wrong kind, an IndexError that an id points outside its table, a ValueError that
everything else is wrong with it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[Any]
    RNG = int | np.integer[Any] | np.random.Generator | None


def refuse(error: type[Exception], where: str, name: str, expected: str, got: str, fix: str = "") -> NoReturn:
    """Raise ``error`` with the one form that all messages have."""
    raise error(f"{where}: {name} must be {expected}, got {got}." + (f" {fix}" if fix else "")) from None


def shown(value: object) -> str:
    """A value for a message: the first line of its repr, cut where it grows long, and its type."""
    text = repr(value).partition("\n")[0]
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def some(values: Iterable[object], limit: int = 20) -> str:
    """The first few of many values, for a message."""
    listed = [repr(value) for value in values]
    return ", ".join(listed[:limit]) + (f", ... ({len(listed)} in all)" if len(listed) > limit else "")


def size(value: object, name: str, where: str) -> int:
    """A whole number of at least 1."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        refuse(TypeError, where, name, "a whole number", shown(value), f"Pass an int, for example {name}=3.")
    if value < 1:
        refuse(ValueError, where, name, "at least 1", str(value))
    return int(value)


def choice(value: object, options: Iterable[str], name: str, where: str) -> None:
    """One of a few words."""
    if not isinstance(value, str) or value not in options:
        refuse(ValueError, where, name, "one of " + some(options), shown(value))


def flag(value: object, name: str, where: str) -> bool:
    """True or False, and not something that merely counts as one of them."""
    if not isinstance(value, (bool, np.bool_)):
        refuse(TypeError, where, name, "True or False", shown(value))
    return bool(value)


def generator(rng: RNG, where: str) -> np.random.Generator:
    """A Generator from a seed, a Generator or None."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
        refuse(TypeError, where, "rng", "a seed, a numpy.random.Generator or None", shown(rng))
    if rng < 0:
        refuse(ValueError, where, "rng", "a seed of at least 0", str(rng))
    return np.random.default_rng(int(rng))


def float_dtype(dtype: DTypeLike, where: str) -> np.dtype[Any]:
    """float32 or float64."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        refuse(TypeError, where, "dtype", "float32 or float64", shown(dtype))
    if found not in (np.float32, np.float64):
        refuse(ValueError, where, "dtype", "float32 or float64", str(found))
    return found


def array(value: object, name: str, where: str) -> Array:
    """Any rectangular array of numbers; the kind of number is for the caller to judge."""
    try:
        found = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        got, fix = f"{type(value).__name__}, which NumPy can't read", "Convert it to a NumPy array first."
        if isinstance(error, ValueError) and isinstance(value, (list, tuple)):
            got, fix = "lists of unequal lengths", "pad_sequences(...) makes one array of them, and their lengths."
        refuse(ValueError, where, name, "a rectangular array of numbers", got, fix)
    if found.dtype.kind not in "biufc":
        refuse(TypeError, where, name, "an array of numbers", f"an array of {found.dtype} ({type(value).__name__})")
    return found


def floats(value: object, name: str, where: str, dtype: np.dtype[Any] | None = None) -> Array:
    """An array of floats of the given dtype; without one, float32 stays and all else becomes float64."""
    if dtype is not None and type(value) is np.ndarray and value.dtype == dtype:
        return value
    found = array(value, name, where)
    if dtype is None:
        dtype = found.dtype if found.dtype == np.float32 else np.dtype(np.float64)
    if found.dtype.kind == "c" and dtype.kind != "c":
        refuse(TypeError, where, name, "real numbers", f"an array of {found.dtype}")
    with np.errstate(over="ignore", invalid="ignore"):  # what a float32 can't hold becomes inf, which `finite` reports
        return found.astype(dtype, copy=False)


def same_dtype(arrays: dict[str, Array]) -> dict[str, Array]:
    """Copies that all have one dtype: float32 where every array has it, else float64."""
    common = np.result_type(*arrays.values())
    return {name: np.array(values, dtype=common) for name, values in arrays.items()}


def is_finite(values: Array) -> bool:
    """Whether there is neither NaN nor infinity. One dot product tells, but for an overflow of its own."""
    return math.isfinite(np.vdot(values, values).real) or bool(np.isfinite(values).all())


def finite(values: Array, name: str, where: str) -> None:
    """Neither NaN nor infinity anywhere."""
    if not is_finite(values):
        index = np.argwhere(~np.isfinite(values))[0]
        got = f"{values[tuple(index)]} at index {_index(index)}"
        refuse(ValueError, where, name, f"finite numbers ({values.dtype})", got)


def axes(values: Array, layouts: dict[int, str], name: str, where: str, fix: str = "") -> None:
    """A number of axes out of ``layouts``, which maps each legal number to the axes' names."""
    if values.ndim not in layouts:
        expected = " or ".join(f"{count} axes {layout}" for count, layout in layouts.items())
        refuse(ValueError, where, name, f"an array of {expected}", f"{values.ndim} axes: shape {values.shape}", fix)


def last_axis(values: Array, expected: int, meaning: str, name: str, where: str, fix: str = "") -> None:
    """The right number of features."""
    if values.ndim == 0 or values.shape[-1] != expected:
        got = f"{values.shape[-1]}: shape {values.shape}" if values.ndim else "a single number: shape ()"
        refuse(ValueError, where, name, f"an array whose last axis is {expected} long ({meaning})", got, fix)


def shape(values: Array, expected: tuple[int, ...], meaning: str, name: str, where: str, fix: str = "") -> None:
    """Exactly one shape."""
    if values.shape != expected:
        refuse(ValueError, where, name, f"an array of shape {expected} = {meaning}", f"shape {values.shape}", fix)


def integers(value: object, name: str, where: str, fix: str) -> Array:
    """An array of whole numbers; an empty one may be of any kind."""
    found = array(value, name, where)
    if found.size == 0:
        return found.astype(np.int64)
    if found.dtype.kind not in "iu":
        refuse(TypeError, where, name, "an array of whole numbers (integers)", f"an array of {found.dtype}", fix)
    return found


def ids(value: object, count: int, name: str, where: str, count_name: str) -> Array:
    """Ids from 0 to ``count`` - 1."""
    found = integers(value, name, where, "Ids are counted, not measured: vocab.encode(...) gives integers.")
    outside = (found < 0) | (found >= count)
    for index in np.argwhere(outside):
        bad, at = found[tuple(index)], f" at index {_index(index)}" if len(index) else ""
        fix = "Negative ids don't count from the end here." if bad < 0 else f"Raise {count_name}, or look at the vocab."
        refuse(IndexError, where, name, f"from 0 to {count - 1} ({count_name}={count})", f"{bad}{at}", fix)
    return found.astype(np.int64, copy=False)


def lengths(value: object, batch: int, time: int, name: str, where: str) -> Array:
    """One whole number from 0 to ``time`` for each row of the batch."""
    fix = f"{name} counts the real steps of each row; of a mask it is mask.sum(axis=1)."
    found = integers(value, name, where, fix)
    shape(found, (batch,), "(batch,)", name, where, fix)
    for row in np.flatnonzero((found < 0) | (found > time)):
        refuse(
            ValueError, where, name, f"from 0 to {time} (the time steps there are)", f"{found[row]} at row {row}", fix
        )
    return found.astype(np.int64, copy=False)


def weights(arrays: dict[str, Array | None], shapes: dict[str, tuple[int, ...]], where: str) -> None:
    """Weights as a module was made with: somebody may have replaced or overwritten them since."""
    for name, values in arrays.items():
        if values is not None:
            if values.shape != shapes[name]:
                shape(values, shapes[name], "the other weights' sizes", name, where)
            finite(values, name, where)


def sequence_of(value: object, kind: type, name: str, where: str, fix: str) -> Sequence[Any]:
    """A list or tuple of things of one kind, not empty."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, kind) for one in value):
        refuse(TypeError, where, name, f"a list of {kind.__name__}", shown(value), fix)
    if not value:
        refuse(ValueError, where, name, f"a list of at least one {kind.__name__}", "an empty one", fix)
    return value


def _index(index: Array) -> str:
    """An index as a reader writes it: 3, or (0, 2, 1)."""
    return str(int(index[0])) if len(index) == 1 else str(tuple(int(i) for i in index))
