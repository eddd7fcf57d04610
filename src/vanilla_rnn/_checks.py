"""Input checks. Every message names the argument, what was expected, what came, and the likely fix.

A TypeError says that a thing is of the wrong kind, an IndexError that an id points outside its table, a ValueError that
everything else is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[Any]
    RNG = int | np.integer[Any] | np.random.Generator | None


def refuse(error: type[Exception], where: str, name: str, expected: str, got: str, fix: str) -> NoReturn:
    """Raise ``error`` with the one form that all messages have."""
    raise error(f"{where}: {name} must be {expected}, got {got}. {fix}") from None


def shown(value: object) -> str:
    """A value for a message: the first line of its repr, cut where it grows long, and its type."""
    text = repr(value).partition("\n")[0]
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def some(values: Iterable[object], limit: int = 20) -> str:
    """The first few of many values, for a message."""
    listed = [repr(value) for value in values]
    return ", ".join(listed[:limit]) + (f", ... ({len(listed)} in all)" if len(listed) > limit else "")


def differing(found: Iterable[str], expected: Iterable[str]) -> str:
    """Which names are missing and which are too many, for a message; nothing if they are the same."""
    missing, unknown = sorted(set(expected) - set(found)), sorted(set(found) - set(expected), key=str)
    parts = [f"{word} {some(names, 5)}" for word, names in (("without", missing), ("with", unknown)) if names]
    return "; ".join(parts)


def index(value: object, name: str, where: str) -> int:
    """One whole number, of any sign."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        refuse(TypeError, where, name, "a whole number", shown(value), f"Pass an int, for example {name}=3.")
    return int(value)


def size(value: object, name: str, where: str) -> int:
    """A whole number of at least 1."""
    found = index(value, name, where)
    if not 1 <= found < 2**31:
        refuse(ValueError, where, name, "at least 1 and below 2^31", str(found), "It counts something that is there.")
    return found


def number(
    value: object,
    name: str,
    where: str,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    infinite: bool = False,
) -> float:
    """A number within bounds; infinity only where that has a meaning."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        refuse(TypeError, where, name, "a number", shown(value), f"Pass a float, for example {name}=0.1.")
    if not (above < value and at_least <= value and (value < below or (infinite and value == below))):
        lower = f"above {above}" if above > -math.inf else f"at least {at_least}"
        upper = f" and below {below}" if below < math.inf else "" if infinite else " and finite"
        refuse(ValueError, where, name, lower + upper, str(value), "Other values have no meaning here.")
    return float(value)


def choice(value: object, options: Iterable[str], name: str, where: str) -> None:
    """One of a few words."""
    if not isinstance(value, str) or value not in options:
        refuse(ValueError, where, name, "one of " + some(options), shown(value), "Is it a slip of the pen?")


def flag(value: object, name: str, where: str) -> bool:
    """True or False, and not something that merely counts as one of them."""
    if not isinstance(value, (bool, np.bool_)):
        refuse(TypeError, where, name, "True or False", shown(value), f"Pass {name}=True or {name}=False.")
    return bool(value)


def generator(rng: RNG, where: str) -> np.random.Generator:
    """A Generator from a seed, a Generator or None."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    fix = "Pass rng=0 for numbers that are the same each time."
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
        refuse(TypeError, where, "rng", "a seed, a numpy.random.Generator or None", shown(rng), fix)
    if rng < 0:
        refuse(ValueError, where, "rng", "a seed of at least 0", str(rng), fix)
    return np.random.default_rng(int(rng))


def float_dtype(dtype: DTypeLike, where: str) -> np.dtype[Any]:
    """float32 or float64."""
    fix = "Pass dtype=np.float32 or dtype=np.float64."
    try:
        found = np.dtype(dtype)
    except TypeError:
        refuse(TypeError, where, "dtype", "float32 or float64", shown(dtype), fix)
    if found not in (np.float32, np.float64):
        refuse(ValueError, where, "dtype", "float32 or float64", str(found), fix)
    return found


def array(value: object, name: str, where: str) -> Array:
    """Any rectangular array of numbers; the kind of number is for the caller to judge."""
    try:
        found = np.asarray(value)
    except Exception as error:  # whatever an object's own __array__ raises
        got, fix = f"{type(value).__name__}, which NumPy can't read", "Convert it to a NumPy array first."
        if isinstance(error, ValueError) and isinstance(value, (list, tuple)):
            got, fix = "lists of unequal lengths", "Of sequences, pad_sequences(...) makes one array and their lengths."
        refuse(ValueError, where, name, "a rectangular array of numbers", got, fix)
    if found.dtype.kind not in "biufc":
        got = f"an array of {found.dtype} ({type(value).__name__})"
        refuse(TypeError, where, name, "an array of numbers", got, "Words become numbers by vocab.encode(...).")
    return found


def floats(value: object, name: str, where: str, dtype: np.dtype[Any] | None = None) -> Array:
    """An array of floats of the given dtype; without one, float32 stays and all else becomes float64."""
    if dtype is not None and type(value) is np.ndarray and value.dtype == dtype:
        return value
    found = array(value, name, where)
    if dtype is None:
        dtype = found.dtype if found.dtype == np.float32 else np.dtype(np.float64)
    if found.dtype.kind == "c" and dtype.kind != "c":
        refuse(TypeError, where, name, "real numbers", f"an array of {found.dtype}", f"Did you mean {name}.real?")
    with np.errstate(over="ignore", invalid="ignore"):  # what a float32 can't hold becomes inf, which `finite` reports
        return found.astype(dtype, copy=False)


def same_dtype(arrays: dict[str, Array]) -> dict[str, Array]:
    """Copies that all have one dtype: float32 where every array has it, else float64."""
    common = np.result_type(*arrays.values())
    return {name: np.array(values, dtype=common) for name, values in arrays.items()}


def is_finite(values: Array) -> bool:
    """Whether there is neither NaN nor infinity. One dot product tells, but for an overflow of its own."""
    return math.isfinite(np.vdot(values, values).real) or bool(np.isfinite(values).all())


def finite(values: Array, name: str, where: str, fix: str = "It came about before: print it where it is made.") -> None:
    """Neither NaN nor infinity anywhere."""
    if not is_finite(values):
        index = np.argwhere(~np.isfinite(values))[0]
        got = f"{values[tuple(index)]} at index {_index(index)}"
        refuse(ValueError, where, name, f"finite numbers ({values.dtype})", got, fix)


def axes(values: Array, layouts: dict[int, str], name: str, where: str, fix: str = "Look at its shape.") -> None:
    """A number of axes out of ``layouts``, which maps each legal number to the axes' names."""
    if values.ndim not in layouts:
        expected = " or ".join(f"{_axes(count)} {layout}" for count, layout in layouts.items())
        refuse(ValueError, where, name, f"an array of {expected}", f"{_axes(values.ndim)}: shape {values.shape}", fix)


def last_axis(values: Array, expected: int, meaning: str, name: str, where: str, fix: str) -> None:
    """The right number of features."""
    if values.ndim == 0 or values.shape[-1] != expected:
        got = f"{values.shape[-1]}: shape {values.shape}" if values.ndim else "a single number: shape ()"
        refuse(ValueError, where, name, f"an array whose last axis is {expected} long ({meaning})", got, fix)


def shape(values: Array, expected: tuple[int, ...], meaning: str, name: str, where: str, fix: str) -> None:
    """Exactly one shape."""
    if values.shape != expected:
        got = f"{_axes(values.ndim)}: shape {values.shape}" if values.ndim != len(expected) else f"shape {values.shape}"
        text = f"an array of {_axes(len(expected))}, of shape {expected} = {meaning}"
        refuse(ValueError, where, name, text, got, fix)


def integers(value: object, name: str, where: str, fix: str) -> Array:
    """An array of whole numbers; an empty one may be of any kind."""
    found = array(value, name, where)
    if found.size == 0:
        return found.astype(np.int64)
    if found.dtype.kind not in "iu" or _holds_a_bool(value):
        kind = "bool" if _holds_a_bool(value) else str(found.dtype)
        first = found.flat[0]
        got = f"an array of {kind}, {first} at index {_index(np.zeros(max(found.ndim, 1), int))}"
        refuse(TypeError, where, name, "an array of whole numbers (integers)", got, fix)
    return found


def ids(value: object, count: int, name: str, where: str, count_name: str) -> Array:
    """Ids from 0 to ``count`` - 1."""
    found = integers(value, name, where, "Ids are counted, not measured: vocab.encode(...) gives integers.")
    outside = (found < 0) | (found >= count)
    if outside.any():
        index = np.argwhere(outside)[0]
        bad, at = found[tuple(index)], f" at index {_index(index)}" if len(index) else ""
        fix = "Negative ids don't count from the end here." if bad < 0 else f"Is {count_name} that of the vocab in use?"
        refuse(IndexError, where, name, f"from 0 to {count - 1} ({count_name}={count})", f"{bad}{at}", fix)
    return found.astype(np.int64, copy=False)


def lengths(value: object, batch: int, time: int, name: str, where: str) -> Array:
    """One whole number from 0 to ``time`` for each row of the batch."""
    fix = f"{name} counts the real steps of each row; of a mask it is mask.sum(axis=1)."
    found = integers(value, name, where, fix)
    shape(found, (batch,), "(batch,)", name, where, fix)
    outside = (found < 0) | (found > time)
    if outside.any():
        row = np.argmax(outside)
        refuse(
            ValueError, where, name, f"from 0 to {time} (the time steps there are)", f"{found[row]} at row {row}", fix
        )
    return found.astype(np.int64, copy=False)


def weights(
    arrays: dict[str, Any], layouts: Mapping[str, tuple[str, ...]], where: str, *, numbers: bool = True
) -> None:
    """Weights as a module was made with: somebody may have replaced or overwritten them since. Of biases, None is none.

    ``layouts`` names each array's axes; axes of one name are equally long. ``numbers`` says whether to look at each of
    them.
    """
    sizes: dict[str, int] = {}
    dtype = None
    for name, values in arrays.items():
        if values is None and name.startswith("b_"):
            continue
        if type(values) is not np.ndarray or values.dtype.kind not in "fc" or (dtype or values.dtype) != values.dtype:
            got = str(values.dtype) if isinstance(values, np.ndarray) else shown(values)
            fix = f"Change it in place, {name}[...] = ..., or make a new module from_weights."
            refuse(TypeError, where, name, f"a NumPy array of {dtype or 'float32 or float64'}", got, fix)
        dtype = values.dtype
        layout = layouts[name]
        meaning = str(layout).replace("'", "")  # of one axis, (hidden_size,) as elsewhere
        axes(values, {len(layout): meaning}, name, where, "Who replaced it?")
        expected = tuple(sizes.setdefault(axis, length) for axis, length in zip(layout, values.shape, strict=True))
        shape(values, expected, meaning, name, where, "It has to go with the other weights.")
        if numbers:
            finite(values, name, where, "Training may have diverged: take a smaller learning rate, or clip_grad_norm.")


def writable(arrays: Mapping[str, Array], where: str) -> None:
    """Arrays that can be written to, looked at before any of them is."""
    for name, values in arrays.items():
        if not values.flags.writeable:
            refuse(ValueError, where, name, "an array that can be written to", "one that can't", "Copy it.")


def memory(values: Array) -> tuple[int, int]:
    """Where an array's numbers lie: the same of an array and its transpose."""
    return values.__array_interface__["data"][0], values.nbytes


def none_lost(parameters: Mapping[str, Array], taken: Iterable[Array], name: str, where: str) -> None:
    """Parameters of which each is among those taken elsewhere; a subclass may have some that nobody asks for."""
    places = set(map(memory, taken))
    for path, values in parameters.items():
        if memory(values) not in places:
            expected, fix = "of parameters that all have a counterpart there", "Pass its parts one by one."
            refuse(TypeError, where, name, expected, f"one that has {path} too", fix)


def iterable(value: object, name: str, where: str, fix: str) -> None:
    """Something to go through with ``for``."""
    try:
        iter(value)  # type: ignore[call-overload]  # whether it can is the question
    except TypeError:
        refuse(TypeError, where, name, "an iterable", shown(value), fix)


def mapping(value: object, name: str, where: str, fix: str) -> None:
    """A dictionary or its like."""
    if not isinstance(value, Mapping):
        refuse(TypeError, where, name, "a mapping of names to arrays", shown(value), fix)


def sequence_of(value: object, kind: type, name: str, where: str, fix: str) -> Sequence[Any]:
    """A list or tuple of things of one kind, not empty."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, kind) for one in value):
        refuse(TypeError, where, name, f"a list of {kind.__name__}", shown(value), fix)
    if not value:
        refuse(ValueError, where, name, f"a list of at least one {kind.__name__}", "an empty one", fix)
    return value


def _axes(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes"


def _holds_a_bool(value: object) -> bool:
    """Whether there is a bool in nested lists: among integers, NumPy takes it for 0 or 1."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_a_bool, value))
    return isinstance(value, (bool, np.bool_)) or (isinstance(value, np.ndarray) and value.dtype == bool)


def _index(index: Array) -> str:
    """An index as a reader writes it: 3, or (0, 2, 1)."""
    return str(int(index[0])) if len(index) == 1 else str(tuple(int(i) for i in index))
