"""The rules for valid input, each written once, and the format that all error messages share.

A TypeError means an object of the wrong kind, an IndexError an id or a row number outside its range, and a ValueError
any other bad value.

Shapes are described by the names of their axes, for example "[batch] time input_size". An axis that is already in
``sizes`` must have the length given there. The length of any other axis is added to ``sizes``, so that arrays checked
later must agree with it. An axis in brackets may be missing, and "..." means any number of leading axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from vanilla_rnn import _hints

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, Callable, Collection, Fix, Iterable, Sizes

# NumPy's settings for our computations: no warnings. Checks report an overflow by name; an underflow gives 0.
QUIET: dict[str, Any] = {"over": "ignore", "under": "ignore", "invalid": "ignore"}

# --- messages ---------------------------------------------------------------------------------------------------------

COMPUTATION = "Check the computation that produced it."


def fail(error: type[Exception], where: str, name: str, expected: str, got: str, fix: str) -> NoReturn:
    """Raise ``error`` with a message in the shared format. ``fix`` is an instruction that begins with a verb."""
    # A name can be a dictionary's key: of any type and, as a token can, megabytes long.
    name, got = (text if len(text) <= 1000 else f"{text[:1000]}..." for text in (str(name), got))
    raise error(f"{where}: {name} must be {expected}, got {got}. {fix}".rstrip()) from None


def shown(value: object) -> str:
    """Describe a value for a message: the beginning of its repr, and its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray):
        kind = "an array" if type(value) is np.ndarray else f"a {type(value).__name__}"
        return f"{kind} of shape {value.shape} and dtype {value.dtype}"
    return f"{_hints.brief(value)} ({type(value).__name__})"


def listed(values: Collection[object], limit: int = 20) -> str:
    """The first few of many values, for a message."""
    texts = map(_hints.brief, islice(values, limit))
    return ", ".join(texts) + (f", ... ({len(values)} in all)" if len(values) > limit else "")


def differing(names: Iterable[str], expected: Iterable[str]) -> str:
    """Which names are missing and which are not expected, for a message; "" if the two sets are the same."""
    missing, unknown = sorted(set(expected) - set(names), key=str), sorted(set(names) - set(expected), key=str)
    parts = [f"{word} {listed(group, 5)}" for word, group in (("without", missing), ("with", unknown)) if group]
    return "; ".join(parts)


# --- single values ----------------------------------------------------------------------------------------------------

CHOICES = {
    "level": ("word", "char"),
    "nonlinearity": ("tanh", "relu", "sigmoid", "linear"),
    "recurrent_init": ("uniform", "orthogonal", "identity"),
}
FROM_0_TO_BELOW_1: tuple[str, Callable[[float], bool]] = ("at least 0 and below 1", lambda value: 0 <= value < 1)
BOUNDS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "learning_rate": ("at least 0 and finite", lambda value: 0 <= value < math.inf),
    "momentum": FROM_0_TO_BELOW_1,
    "betas[0]": FROM_0_TO_BELOW_1,
    "betas[1]": FROM_0_TO_BELOW_1,
    "eps": ("above 0 and finite", lambda value: 0 < value < math.inf),
    "clip": ("above 0", lambda value: value > 0),
    "max_norm": ("above 0", lambda value: value > 0),
    "temperature": ("at least 0 and finite", lambda value: 0 <= value < math.inf),
    "threshold": ("above 0 and below 1", lambda value: 0 < value < 1),
}


def arguments(where: str, **given: Any) -> list[Any]:
    """Check each argument against the rule for its name: sizes, flags, choices, bounded numbers, dtype and rng."""
    return [argument(value, name, where) for name, value in given.items()]


def argument(value: Any, name: str, where: str) -> Any:
    """Check one argument against the rule for its name. Any other name is treated as a size."""
    if name == "nonlinearity" and isinstance(value, tuple) and len(value) == 2 and all(map(callable, value)):
        return value  # the function, and its slope computed from its result
    if name == "betas":
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            fail(TypeError, where, name, "two numbers", shown(value), "Pass a pair, such as (0.9, 0.999).")
        return number(value[0], "betas[0]", where), number(value[1], "betas[1]", where)
    if name in CHOICES:
        return choice(value, name, where)
    if name in BOUNDS:
        return number(value, name, where)
    if name in ("bias", "bidirectional", "progress"):
        if not isinstance(value, (bool, np.bool_)):
            fail(TypeError, where, name, "True or False", shown(value), f"Pass {name}=True or {name}=False.")
        return bool(value)
    if name == "dtype":
        return _float_dtype(value, where)
    if name == "rng":
        return _generator(value, where)
    return size(value, name, where)


def integer(value: object, name: str, where: str) -> int:
    """Check that a value is an integer, and return it as an int."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        fail(TypeError, where, name, "an integer", shown(value), f"Pass an int, for example {name}=3.")
    return int(value)


def size(value: object, name: str, where: str) -> int:
    """Check that a value is an integer from 1 to 2^31 - 1."""
    if not 1 <= (count := integer(value, name, where)) < 2**31:
        fix = "Use a positive integer below 2^31."
        fail(ValueError, where, name, "at least 1 and below 2^31", _hints.brief(count), fix)
    return count


def number(value: object, name: str, where: str) -> float:
    """Check that a value is a number within the bounds for its name, and return it as a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        fail(TypeError, where, name, "a number", shown(value), f"Pass a float, for example {name}=0.1.")
    expected, is_within = BOUNDS[name]
    try:
        checked = float(value)
    except OverflowError:  # a very large int
        checked = math.inf if value > 0 else -math.inf
    if not is_within(checked):
        fail(ValueError, where, name, expected, _hints.brief(value), "")
    return checked


def choice(value: object, name: str, where: str) -> str:
    """Check that a value is one of the words allowed for this argument."""
    options = CHOICES[name]
    if name == "nonlinearity" and (callable(value) or isinstance(value, (tuple, list))):
        fix = "Pass your own function with its slope, computed from its result: (np.tanh, lambda h: 1 - h * h)."
        fail(TypeError, where, name, f"one of {listed(options)}, or a pair of functions", shown(value), fix)
    if not isinstance(value, str) or value not in options:
        from difflib import get_close_matches

        word = value[:20].lower() if isinstance(value, str) else ""
        close = get_close_matches(word, options, n=1)
        fix = f"Did you mean {close[0]!r}?" if close else "Use one of these names."
        if word in ("lstm", "gru"):
            fix = "Write the cell yourself, or use torch.nn: this library has no LSTM or GRU."
        fail(ValueError, where, name, "one of " + listed(options), shown(value), fix)
    return value


def _generator(rng: RNG, where: str) -> np.random.Generator:
    """A Generator from a seed, a Generator or None."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    fix = "Pass rng=0 to get the same random numbers every time."
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
        fail(TypeError, where, "rng", "an integer seed, a numpy.random.Generator or None", shown(rng), fix)
    if rng < 0:
        fail(ValueError, where, "rng", "a seed of at least 0", _hints.brief(rng), fix)
    return np.random.default_rng(int(rng))


def _float_dtype(dtype: Any, where: str) -> np.dtype[Any]:
    """float32 or float64."""
    fix = "Pass dtype=np.float32 or dtype=np.float64."
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
    except Exception:  # usually a TypeError, but some objects raise others
        fail(TypeError, where, "dtype", "float32 or float64", shown(dtype), fix)
    if checked not in (np.float32, np.float64):
        fail(ValueError, where, "dtype", "float32 or float64", str(checked), fix)
    return checked


def require_type(
    value: object, kind: type, name: str, where: str, fix: str = "Check the type and the order of the arguments."
) -> None:
    """Check that a value is an object of this class."""
    if not isinstance(value, kind):
        if isinstance(value, type) and issubclass(value, kind):
            fix = f"Create it first: {value.__name__}(...)."
        article = "an" if kind.__name__[0] in "AEIOR" else "a"
        fail(TypeError, where, name, f"{article} {kind.__name__}", shown(value), fix)


def iterable(value: object, name: str, where: str, fix: str) -> None:
    """Check that a value can be iterated over, and that its items have an order."""
    if isinstance(value, (set, frozenset, Mapping)):
        fail(TypeError, where, name, "a list or another iterable with an order", shown(value), fix)
    if hasattr(value, "columns") and not isinstance(value, (list, tuple)):  # a table: iter gives its column names
        fail(TypeError, where, name, "a list", shown(value), "Pass one column of the table: table['name'].")
    try:
        iter(value)  # type: ignore[call-overload]  # this call is the check
    except TypeError:
        fail(TypeError, where, name, "an iterable", shown(value), fix)


def mapping(value: object, name: str, where: str, fix: str) -> None:
    """Check that a value is a dictionary or another mapping."""
    if not isinstance(value, Mapping):
        fail(TypeError, where, name, "a dictionary of arrays", shown(value), fix)


# --- arrays -----------------------------------------------------------------------------------------------------------


def array(value: object, name: str, where: str) -> Array:
    """Convert a value to a rectangular array of numbers; the caller decides which kind of number is right."""
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        return value
    if _contains(value, _is_masked):
        fix = "Fill or drop the masked values: a plain array can't mark a value as missing."
        fail(ValueError, where, name, "an array without masked values", "a masked array", fix)
    try:
        values = np.asarray(value)
    except Exception as error:  # whatever an object's own __array__ raises
        fail(ValueError, where, name, "a rectangular array of numbers", *_hints.unreadable(value, error, name))
    if values.dtype.kind not in "biufc":
        fail(TypeError, where, name, "an array of numbers", *_hints.not_numbers(value, values, name))
    if values.dtype.kind == "f" and isinstance(value, (list, tuple)) and (np.floor(values) == values).all():
        exact = np.array(value, dtype=object)
        if exact.size and all(isinstance(number, (int, np.integer)) and number < 2**63 for number in exact.flat):
            return exact.astype(np.int64)  # NumPy converts a mix of int64 and uint64 to floats
    return values


def floats(value: object, name: str, where: str, dtype: np.dtype[Any] | None = None) -> Array:
    """An array of floats of this dtype; without a dtype, float32 stays and everything else becomes float64."""
    if dtype is not None and type(value) is np.ndarray and value.dtype == dtype:
        return value
    values = array(value, name, where)
    if dtype is None:
        dtype = values.dtype if values.dtype == np.float32 else np.dtype(np.float64)
    if values.dtype.kind == "c" and dtype.kind != "c":
        fail(TypeError, where, name, "real numbers", f"an array of {values.dtype}", f"Did you mean {name}.real?")
    with np.errstate(**QUIET):  # what float32 can't hold becomes inf, which `finite` reports
        return values.astype(dtype, copy=False)


def tensor(
    value: object, name: str, axes: str, sizes: Sizes, where: str, dtype: np.dtype[Any] | None = None, fix: Fix = ""
) -> Array:
    """Convert a value to an array of finite floats with these axes. It may share memory with the caller's array."""
    values = floats(value, name, where, dtype)
    fit(values, name, axes, sizes, where, fix)
    finite(values, name, where)
    return values


def fit(values: Array, name: str, axes: str, sizes: Sizes, where: str, fix: Fix = "") -> None:
    """Compare a shape with the names of its axes, and record the lengths in ``sizes``."""
    names, optional = _axis_names(axes)
    lengths: tuple[Any, ...] = values.shape
    if names[0] == "...":
        split = values.ndim - len(names) + 1
        lengths = (lengths[:split], *lengths[split:]) if split >= 0 else ()
    elif optional is not None:
        leave_out = len(lengths) == len(names) - 1
        if names[optional] in sizes:  # an earlier array decides whether the axis exists
            leave_out = sizes[names[optional]] is None
        if leave_out:
            lengths = (*lengths[:optional], None, *lengths[optional:])
    known = dict(sizes)  # for the message: only what was known before this call
    if len(lengths) == len(names) and tuple(map(sizes.setdefault, names, lengths)) == lengths:
        return
    expected = f"an array of shape {_pattern(names, optional, known)}"
    text = fix if isinstance(fix, str) else fix(values, known)
    fail(ValueError, where, name, expected, f"shape {values.shape}", text.replace("{name}", name))


@cache
def _axis_names(axes: str) -> tuple[tuple[str, ...], int | None]:
    """The axis names without brackets, and the position of the name that had brackets."""
    names = axes.split()
    optional = [place for place, axis in enumerate(names) if axis.startswith("[")]
    return tuple(axis.strip("[]") for axis in names), optional[0] if optional else None


def _pattern(names: tuple[str, ...], optional: int | None, sizes: Sizes) -> str:
    """The expected shape for a message, such as "(batch, time, input_size=4) or (time, input_size=4)"."""
    parts: list[str] = []
    for axis in names:
        if axis == "..." and axis in sizes:
            parts += map(str, sizes[axis])
        elif sizes.get(axis, 0) is not None:
            parts.append(f"{axis}={sizes[axis]}" if axis in sizes else axis)
    text = "({}{})".format(", ".join(parts), "," if len(parts) == 1 else "")
    if optional is None or names[optional] in sizes:
        return text
    return f"{text} or {_pattern(names[:optional] + names[optional + 1 :], None, sizes)}"


def is_finite(values: Array) -> bool:
    """Whether all values are finite. One dot product is enough to tell, unless it overflows."""
    return math.isfinite(np.vdot(values, values).real) or bool(np.isfinite(values).all())


def finite(values: Array, name: str, where: str, fix: Fix = COMPUTATION, lengths: Array | None = None) -> None:
    """Check that there is neither NaN nor infinity. With lengths, check only the real steps of (batch, time, ...)."""
    if is_finite(values):
        return
    bad = ~np.isfinite(values)
    if lengths is not None:
        bad &= padding_mask(lengths, values.shape)
    if bad.any():
        index = np.argwhere(bad)[0]
        got = f"{values[tuple(index)]} at index {_index(index)}"
        fail(ValueError, where, name, f"finite ({values.dtype})", got, fix if isinstance(fix, str) else fix(values))


def padding_mask(lengths: Array, shape: tuple[int, ...]) -> Array:
    """True at every real step of an array of shape (batch, time, ...), False at the padding."""
    real = np.arange(shape[1]) < lengths[:, None]  # (batch, time)
    return np.broadcast_to(real.reshape(real.shape + (1,) * (len(shape) - 2)), shape)


def zero_padding(values: Array, lengths: Array | None) -> Array:
    """The values with 0 in place of whatever the padding contains."""
    return values if lengths is None else np.where(padding_mask(lengths, values.shape), values, values.dtype.type(0))


def shaped_like(value: object, like: Array, name: str, where: str) -> Array:
    """Check that a gradient has the shape of the array it belongs to, and convert it to the dtype of that array."""
    values = floats(value, name, where, like.dtype)
    if values.shape != like.shape:
        owner = name.removeprefix("d_")
        fix = f"Pass the gradient of {owner}: it has the same shape." if owner != name else "Check the shape."
        expected = f"an array of shape {like.shape}" + (f", like {owner}" if owner != name else "")
        fail(ValueError, where, name, expected, f"shape {values.shape}", fix)
    return values


def gradient(
    value: object, like: Array, name: str, where: str, lengths: Array | None = None, fix: str = COMPUTATION
) -> Array:
    """Check a gradient: it has the dtype and shape of the array it belongs to, and is finite at the real steps."""
    values = shaped_like(value, like, name, where)
    finite(values, name, where, fix, lengths)
    return values


def writable(values: object, name: str, where: str) -> None:
    """Check that a value is a NumPy array of floats that can be written to."""
    if not isinstance(values, np.ndarray):
        fail(TypeError, where, name, "a NumPy array", shown(values), "Use a NumPy array: it is changed in place.")
    is_real, masked = values.dtype.char in "fd" and values.dtype.isnative, hasattr(values, "mask")
    if masked or not is_real or not values.flags.writeable:  # a masked array's hidden numbers would change too
        got = f"a {'masked' if masked else 'read-only'} array" if is_real else f"an array of {values.dtype}"
        fail(ValueError, where, name, "a writable array of floats", got, "Assign a copy: values.astype(float).")


# --- weights ----------------------------------------------------------------------------------------------------------


def weights(arrays: Mapping[str, Any], layouts: Mapping[str, str], where: str, *, numbers: bool = True) -> Sizes:
    """Check a module's weights, which may have been replaced or overwritten, and return the sizes of their axes.

    ``layouts`` names the axes of each array. ``numbers`` says whether to check that all are finite.
    """
    sizes: Sizes = {}
    dtype = None
    for name, values in arrays.items():
        if type(values) is not np.ndarray or not is_weight(values.dtype) or (dtype or values.dtype) != values.dtype:
            got = str(values.dtype) if type(values) is np.ndarray else shown(values)
            fix = f"Assign weights in place, such as {name}[...] = new."
            fail(TypeError, where, name, f"a NumPy array of {dtype or 'float32 or float64'}", got, fix)
        dtype = values.dtype
        fit(values, name, layouts[name], sizes, where, f"Assign in place, which keeps the shape: {name}[...] = new.")
        if numbers:
            finite(values, name, where, _hints.DIVERGED)
    return sizes


def is_weight(dtype: np.dtype[Any]) -> bool:
    """Whether weights can have this dtype: float32, float64, or complex128 in copies made by `check_gradients`."""
    return dtype.char in "fdD" and dtype.isnative


def weights_of(given: Mapping[str, object], layouts: Mapping[str, str], where: str) -> dict[str, Array]:
    """Copy the weights in a common dtype, and check that their shapes agree. A bias may be None."""
    arrays = {k: floats(value, k, where) for k, value in given.items() if value is not None or k[:2] != "b_"}
    dtype = np.result_type(*arrays.values())
    sizes: Sizes = {}
    fix = "Check the shapes of all weights: PyTorch weights have this layout; Keras kernels must be transposed."
    for name, values in arrays.items():
        arrays[name] = np.array(tensor(values, name, layouts[name], sizes, where, dtype, fix))
        if not values.size:
            fail(ValueError, where, name, "a non-empty array", f"shape {values.shape}", "Pass at least one number.")
    return arrays


# --- ids and lengths --------------------------------------------------------------------------------------------------


def integers(value: object, name: str, where: str, fix: str) -> Array:
    """Convert a value to an array of integers. An empty array may have any dtype."""
    values = array(value, name, where)
    if values.size == 0:
        return values.astype(np.int64)
    if values.dtype.kind not in "iu" or _contains(value, _is_bool):
        kind = "bool" if _contains(value, _is_bool) else str(values.dtype)
        with np.errstate(invalid="ignore"):
            place = int(np.argmax(values != np.round(values)))  # the first that isn't a whole number, else the first
        index = np.array(np.unravel_index(place, values.shape or (1,)))
        got = f"an array of {kind} with {values.flat[place]} at index {_index(index)}"
        fail(TypeError, where, name, "an array of integers", got, fix)
    return values


def ids(value: object, count: int, name: str, where: str, count_name: str) -> Array:
    """Ids from 0 to ``count`` - 1, as int64."""
    values = integers(value, name, where, "Pass integer ids, such as those from vocab.encode(...).")
    outside = (values < 0) | (values >= count)
    if outside.any():
        index = np.argwhere(outside)[0]
        bad, at = values[tuple(index)], f" at index {_index(index)}" if len(index) else ""
        expected = f"from 0 to {count - 1} ({count_name}={count})"
        fail(IndexError, where, name, expected, f"{bad}{at}", _hints.for_id(values, int(bad), count, count_name))
    return values.astype(np.int64, copy=False)


def lengths(value: Any, sizes: Sizes, where: str, name: str = "lengths") -> Array | None:
    """A copy of the lengths, one whole number from 0 to time for each row; None if there are none."""
    if value is None:
        return None
    batch, time = sizes["batch"], sizes["time"]
    if batch is None:
        fix = "Leave it out, or add a batch axis to the input, with [None]."
        fail(ValueError, where, name, "None for a single sequence", shown(value), fix)
    mask = array(value, name, where)
    if mask.shape == (batch, time) and np.isin(mask, (0, 1)).all():
        fail(ValueError, where, name, f"an array of shape (batch={batch},)", "a mask", _hints.for_mask(mask))
    fix = f"Pass the number of real steps of each row: {name}=[{time}, ...]."
    counts = integers(value, name, where, fix)
    if counts.shape == (time,) != (batch,):
        fix = "Put the batch axis first, with swapaxes(0, 1), if the input is (time, batch, ...)."
    fit(counts, name, "batch", sizes, where, fix)
    outside = (counts < 0) | (counts > time)
    if outside.any():
        row = int(np.argmax(outside))
        fail(ValueError, where, name, f"from 0 to {time}, the number of time steps", f"{counts[row]} at row {row}", fix)
    return counts.astype(np.int64)


def _contains(value: object, is_one: Callable[[object], bool], depth: int = 64) -> bool:
    """Whether ``is_one`` holds for a value or, in nested lists, for any item; never for an int or a float."""
    if not isinstance(value, (list, tuple)):
        return is_one(value)
    if depth == 0 or set(map(type, value)) <= {int, float}:  # an array has at most 64 axes
        return False
    return any(_contains(part, is_one, depth - 1) for part in value)


def _is_masked(value: object) -> bool:
    """Whether a value is a masked array in which a number is masked."""
    return isinstance(value, np.ma.MaskedArray) and bool(np.ma.is_masked(value))


def _is_bool(value: object) -> bool:
    """Whether a value is a bool or an array of them. In a list of integers, NumPy would convert it to 0 or 1."""
    return isinstance(value, (bool, np.bool_)) or (isinstance(value, np.ndarray) and value.dtype == bool)


def _index(index: Array) -> str:
    """An index in the usual notation: 3, or (0, 2, 1)."""
    return str(int(index[0])) if len(index) == 1 else str(tuple(int(i) for i in index))
