"""Text for error messages: a short description of a value, and advice on what to do about a bad one."""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Sizes

DIVERGED = "Use a smaller learning rate or clip the gradients: training may have diverged."


class _Short(reprlib.Repr):
    """The beginning of a repr. Above 4,300 digits, Python refuses to print an int."""

    def repr_int(self, x: int, level: int) -> str:
        """An int of more than 60 digits as a power of ten."""
        return super().repr_int(x, level) if abs(x) < 10**60 else f"{'-' if x < 0 else ''}10^{math.log10(abs(x)):.0f}"


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 130  # reprlib keeps both ends; `brief` shows only the beginning
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = _SHORT.maxdict = 20


def brief(value: object) -> str:
    """The first line of a value's repr, at most 60 characters. The full repr of a large value is never built."""
    text = _SHORT.repr(value).partition("\n")[0]
    return text if len(text) <= 60 else text[:57] + "..."


def unreadable(value: object, error: Exception, name: str) -> tuple[str, str]:
    """What was given, and what to do about it, if NumPy can't make an array of it."""
    if not isinstance(error, ValueError) or not isinstance(value, (list, tuple)):
        return f"{type(value).__name__}, which NumPy can't read", "Convert it to a NumPy array first."
    if isinstance(value, list) or all(isinstance(part, (list, tuple)) or np.ndim(part) for part in value):
        return "rows of unequal lengths", "Pad them: padded, lengths = pad_sequences(rows)."
    fix = "Unpack it first: loss, d_logits = loss_function(...)." if name.startswith("d_") else "Unpack it."
    return f"a tuple ({', '.join(type(part).__name__ for part in value)})", fix


def not_numbers(value: object, values: Array, name: str) -> tuple[str, str]:
    """Say what a non-numeric array contains, and what to do about it."""
    if value is None:
        return "None", "Pass an array of numbers."
    if not values.size:
        return f"an empty array of {values.dtype}", "Pass numbers."
    first = next((part for part in values.flat if part is not None), None) if values.dtype.kind == "O" else None
    rest = list(values.flat[:1000]) if values.dtype.kind == "O" else []
    if values.dtype.kind in "US" or isinstance(first, str):
        fix = "Pass numbers."
        if name.partition("[")[0] in ("x", "x_t", "ids", "tokens", "inputs", "source", "prompt", "chunks"):
            fix = "Convert words to ids: vocab.encode(words)."
        elif name in ("labels", "targets"):
            fix = "Number the classes from 0, for example with {'neg': 0, 'pos': 1}[label]."
        return f"words, such as {str(first or values.flat[0])[:60]!r}", fix
    if values.dtype.kind in "mM" or hasattr(first, "toordinal"):
        fix = "Convert dates to numbers, such as the days since the first one."
        return f"dates, such as {first or values.flat[0]}", fix
    if isinstance(first, (list, tuple, np.ndarray)) or any(isinstance(part, np.ndarray) for part in rest):
        return "an object array of rows of unequal lengths", "Pad them: padded, lengths = pad_sequences(rows)."
    if any(part is None or part != part for part in map(_comparable, rest)):
        return "an object array with missing values", "Fill or drop them, then convert: np.array(values, dtype=float)."
    return f"an array of {values.dtype} ({type(value).__name__})", "Convert it first: np.asarray(values, dtype=float)."


def _comparable(part: object) -> object:
    """The object itself, or None for one like pandas.NA, whose comparison is neither True nor False."""
    try:
        return part if bool(part == part) or part != part else None
    except TypeError:
        return None


def for_inputs(x: Array, sizes: Sizes) -> str:
    """What to do about inputs of the wrong shape."""
    features = sizes["input_size"]
    if features == 1 and x.ndim in (1, 2):
        return "Add an axis for the features: {name}[..., None] has one number per step."
    if x.dtype.kind in "iu":
        return "Turn token ids into vectors first, with an Embedding or one_hot."
    if x.ndim == 3 and x.shape[1] == features:
        return "Move the features to the last axis: {name}.swapaxes(1, 2)."
    return "Pass input_size numbers per step, or create the network with another input_size."


def for_state(h_0: Array, sizes: Sizes) -> str:
    """What to do about an initial state of the wrong shape."""
    if h_0.ndim == 1:
        return "Write lengths=... if these are lengths."
    if sizes.get("batch") is not None and h_0.ndim == 3 and h_0.shape[1] == sizes.get("time") != sizes["batch"]:
        return "Put the batch axis of the inputs first, with swapaxes(0, 1), if they are (time, batch, input_size)."
    return "Give it the shape of h_n: one state for each cell along the first axis."


def for_logits(z: Array) -> str:
    """What to do about logits that aren't finite."""
    if np.isneginf(z).any():
        return "Use -1e9 instead of -inf to exclude a class."
    return DIVERGED


def for_id(values: Array, bad: int, count: int, count_name: str) -> str:
    """What to do about an id outside its range."""
    if count_name == "len(vocab)":
        return "Use ids from this vocabulary's encode."
    if count_name != "classes" and bad < 0:
        return "Use ids from 0 up: a negative id doesn't count from the end."
    if count_name != "classes":
        return f"Make {count_name} larger than every id: len(vocab) for token ids."
    if bad < 0:
        return "Pass weights=(targets >= 0) if negative targets are to be ignored."
    if count == 1:
        return "Use binary_cross_entropy for one logit, or give the head one output for each class."
    return "Count the classes from 0: targets - 1." if values.min() >= 1 else "Give the head one output for each class."


def for_mask(mask: Array) -> str:
    """How to turn a mask into lengths, if that is possible."""
    real = mask.astype(bool)
    if (real == np.sort(real)[:, ::-1]).all():
        return f"Pass the lengths of its rows instead: {brief(real.sum(axis=1).tolist())}."
    if (real == np.sort(real)).all():
        return "Move the padding to the end of each row, as pad_sequences does: this mask has it at the beginning."
    return "Pass it to the loss as weights=mask: it has gaps, which lengths can't describe."
