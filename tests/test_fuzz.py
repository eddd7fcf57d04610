"""Random calls with wrong and odd arguments: each gives the right answer, or an error that names the argument.

An argument either keeps its numbers in another form, which must be accepted, or becomes something else. An answer is
compared with the answer to plain arrays of the same numbers. After an error, and after a call that changes nothing in
place, everything has the same bytes as before. VANILLA_RNN_FUZZ_SEED repeats a run; a failure shows it.
"""

import datetime as dt
import os
import pickle
import re
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sample_calls import CALLS, Scene
from vanilla_rnn._module import Module, Run
from vanilla_rnn.optim import Optimizer

try:
    import pandas as pd
except ImportError:
    pd = None


class Own(np.ndarray):
    """A subclass of NumPy's array."""


class Tensor:
    """An array of another library."""

    def __init__(self, values, error=None):
        self.values, self.error = values, error

    def __array__(self, dtype=None, copy=None):
        if self.error:
            raise self.error
        return np.asarray(self.values, dtype)


# --- the grammar of arguments

FORMS = {  # the same numbers, perhaps rounded
    "Fortran": np.asfortranarray, "list": np.ndarray.tolist, "subclass": lambda a: a.view(Own), "tensor": Tensor,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2], "reversed": lambda a: np.flip(np.flip(a).copy()),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")), "read-only": lambda a: np.broadcast_to(a, a.shape),
    "one row": lambda a: np.broadcast_to(a[:1], a.shape), "masked, but no value is": np.ma.array, "tuple of rows": tuple,
    "narrow": lambda a: a.astype(np.float16 if a.dtype.kind == "f" else np.int8),
    "wide": lambda a: a.astype(np.longdouble if a.dtype.kind == "f" else np.uint64),
    "rows of two kinds": lambda a: [a[0].astype(np.longdouble if a.dtype.kind == "f" else np.uint64), *a[1:]],
    "table": lambda a: a if pd is None else pd.DataFrame(a) if a.ndim == 2 else pd.Series(a) if a.ndim == 1 else a,
}  # fmt: skip
NUMBERS = [np.nan, np.inf, -np.inf, 1.7e308, 1e300, 1e39, 70000.0, -1, 10**6, 2**63 - 1, 5e-324, 0, 0.5]
CHANGES = {  # other numbers, another shape, or no numbers
    **{str(n): lambda a, n=n: with_last(a.astype(float) if isinstance(n, float) else a.copy(), n) for n in NUMBERS},
    "transposed": np.transpose, "an axis more": lambda a: a[None], "an axis less": lambda a: a[0], "empty": lambda a: a[:0],
    "shorter": lambda a: a[..., :-1], "longer": lambda a: np.append(a, a[..., -1:], axis=-1), "complex": lambda a: a + 0j,
    "above 2^63": lambda a: np.flip(with_last(a.astype(np.uint64 if a.dtype.kind == "i" else a.dtype), 2**63 + 1)),
    "bool": lambda a: a > 0, "object": lambda a: a.astype(object), "words": lambda a: a.astype(str),
    "dates": lambda a: a.astype("M8[s]"), "durations": lambda a: a.astype("m8[s]"), "bytes": lambda a: a.astype(bytes),
    "masked": lambda a: np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 0), "ragged": lambda a: [*a.tolist(), [1]],
    "with a bool": lambda a: with_last(a.astype(object), True).tolist(), "with None": lambda a: with_last(a.astype(object), None),
    "structured": lambda a: np.zeros(a.shape, "f8,i4"),
}  # fmt: skip
ODD = [
    None, True, np.True_, -1, 0, 1, 2, 3, 2**31, 2**64, 10**5000, -(10**5000), 0.5, 3.0, 1e-50, 1e300, 1.7e308, np.nan, np.inf,
    -np.inf, 1j, np.float16(0.1), np.longdouble(0.2), np.int8(3), np.uint64(2**63 + 1), Fraction(1, 3), np.array(3),
    np.array([0.1, 0.2]), "", "abc", "3", "\0", b"tanh", [], [3], (0.9, 0.99), (0.9, "x"), {}, {1, 2}, {"W": 1}, object, np.float32,
    dt.date(2020, 1, 1), np.datetime64("NaT", "s"), Tensor(0, RuntimeError("on another device")), Module(), "x" * 10**6,
    [["y" * 100] * 100] * 100,
]  # fmt: skip


def with_last(a, value):
    if a.size:
        a.flat[-1] = value
    return a


def changed(value, rng):
    """Another value in place of this one or of a part of it, and whether it must be accepted."""
    is_container = isinstance(value, (dict, list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)
    if not is_container or not len(value) or rng.random() < 0.15:
        return ODD[rng.integers(len(ODD))], False
    if isinstance(value, np.ndarray):
        forms = FORMS if rng.random() < 0.5 else CHANGES
        return forms[list(forms)[rng.integers(len(forms))]](value), forms is FORMS
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[rng.integers(len(keys))]
    part, certain = changed(value[key], rng)
    if not isinstance(value, dict):
        return type(value)([*value[:key], part, *value[key + 1 :]]), certain
    if rng.random() < 0.2:  # an entry less, or one more
        return {k: a for k, a in value.items() if k != key} | ({7: part} if rng.random() < 0.5 else {}), False
    return value | {key: part}, certain


class NoNumbersError(Exception):
    """Only an error is right for this value."""


def plain(value):
    """The same numbers in plain arrays of float64 or int64."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if value.dtype.kind == "f" else value.item()
    if isinstance(value, (list, tuple)):
        value = type(value)(map(plain, value))
        if isinstance(value, tuple) or not all(isinstance(part, (int, float)) for part in value):
            return value
    elif not hasattr(value, "__array__") or isinstance(value, (type, np.generic)):
        return value
    if np.ma.is_masked(value):
        raise NoNumbersError
    try:
        array = np.asarray(value)
        whole = array.dtype.kind in "biu"
        if array.dtype.kind == "u":  # what int64 can't hold is out of every range
            array = np.minimum(array, np.array(2**63 - 1, array.dtype) if array.dtype == np.uint64 else array)
        if array.dtype.kind in "biufcO":
            return np.array(array, np.int64 if whole else complex if array.dtype.kind == "c" else float, order="C")
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise NoNumbersError from error
    raise NoNumbersError


MAY_BE_REFUSED = {
    "parameters",
    "d_parameters",
    "W_xh",
    "W_hh",
    "b_h",
    "W_hy",
    "b_y",
    "W_ch",
    "b_c",
    "vectors",
}  # if not plain
MUTATES = re.compile("fit|load_|step|clip|with (weights|vectors|options)")
# What an error may name although it is no argument: a result that is too large, or a weight that no longer fits another.
RESULTS = r"b_h|h_t|y|output|the hidden state of \S+|the loss|\S+ after the step|d_\w+|rnn|cells\S+"


# --- what must hold


def numbers(value):
    """Everything in a result, in one flat list."""
    if isinstance(value, Run):
        names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        value = [getattr(value, name) for name in names if name[0] != "_"]
    if isinstance(value, Module):
        value = value.parameters()
    if isinstance(value, Optimizer):
        value = [repr(value), value.state]
    value = list(value.items()) if isinstance(value, dict) else getattr(value, "steps", value)  # those of a trace
    return [number for part in value for number in numbers(part)] if isinstance(value, (list, tuple)) else [value]


def assert_same(values, expected, tolerance):
    for one, other in zip(numbers(values), numbers(expected), strict=True):
        if isinstance(one, (np.ndarray, float, np.generic)):
            one, other = np.asarray(one), np.asarray(other)
            assert (one.shape, one.dtype.kind) == (other.shape, other.dtype.kind)
            finite = other[np.isfinite(other)] if other.dtype.kind in "fc" else other
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(finite).max(initial=1.0))
        else:
            assert type(one) is type(other)
            assert not isinstance(one, (str, int)) or one == other


def attempt(call, args):
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        try:
            return call(**args), None
        except Exception as error:
            return None, error


def assert_names(error, args):
    """The error has the shared form, and names an argument, or an entry of one, before it says what it got."""
    names = [*args, *(key for value in args.values() if isinstance(value, dict) for key in value)]
    names += [os.fsdecode(args["path"])] if isinstance(args.get("path"), (str, bytes, Path)) else []
    names = "|".join(re.escape(str(name)) for name in names if name)
    assert type(error) in (ValueError, TypeError, IndexError), repr(error)[:500]
    text = str(error)
    assert re.search(rf"^[\w.]+[:,].*?(?<!\w)({names}|{RESULTS})(?!\w).*, got ", text, re.DOTALL), text[:500]
    assert " must be " in text, text[:500]
    assert len(text) < 1000


def check(name, seed):
    """One call with one or two odd arguments."""
    rng, (call, usual), (twin, twin_args) = (
        np.random.default_rng([*seed, 1]),
        *(CALLS[name](Scene(seed)) for _ in range(2)),
    )
    tolerance = 1e-3 if Scene(seed).dtype == np.float32 else 1e-9
    odd = rng.choice(list(usual), size=min(len(usual), rng.integers(1, 3)), replace=False).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what is made here
        odd = {argument: changed(usual[argument], rng) for argument in odd}
        args = usual | {argument: value for argument, (value, _) in odd.items()}
        try:
            twin_args = twin_args | {argument: plain(args[argument]) for argument in odd}
        except NoNumbersError:
            twin = None
    if " with weights" in name or " with vectors" in name:  # they keep their dtype
        twin_args = {
            k: np.asarray(a, args[k].dtype) if isinstance(args[k], np.ndarray) else a for k, a in twin_args.items()
        }
    owner = getattr(call, "__self__", None)
    before = pickle.dumps((owner, args))
    answer, error = attempt(call, args)
    later = {"batch_size", "chunks", "window"} & {*odd} or re.search(r"(epoch|batch|window) (\d\d|[2-9])", str(error))
    if not MUTATES.search(name) or (error is not None and not later):  # later, some steps may have been made
        assert pickle.dumps((owner, args)) == before, "something has changed"
    if (isinstance(error, OSError) and "path" in odd) or ("loss" in odd and callable(args["loss"])):
        return
    if error is not None:
        assert_names(error, usual | args)
        assert MAY_BE_REFUSED & {*odd} or not all(certain for _, certain in odd.values()), error
    else:
        assert twin is not None, "it was accepted"
        expected, refused = attempt(twin, twin_args)
        assert refused is None, f"it was accepted, but plain arrays give {refused!r}"[:500]
        if args.get("rng", 0) is not None:
            assert_same(answer, expected, tolerance)
        if MUTATES.search(name) and args.get("rng", 0) is not None:
            assert_same([owner, plain(args)], [getattr(twin, "__self__", None), plain(twin_args)], tolerance)


@pytest.mark.parametrize("calls", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_call_gives_the_right_answer_or_an_error_that_names_the_argument(calls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seed = int(os.environ["VANILLA_RNN_FUZZ_SEED"])  # conftest.py has chosen one
    for number in range(calls):
        name = list(CALLS)[number % len(CALLS)]
        try:
            check(name, [seed, number])
        except Exception as error:
            error.add_note(f"{name}, call {number} of VANILLA_RNN_FUZZ_SEED={seed}")
            raise
