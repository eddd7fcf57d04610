"""Each rule for valid input, with its message: ``where: name must be EXPECTED, got GOT. WHAT TO DO``."""

import datetime as dt
import re
from collections import Counter

import numpy as np
import pytest

from vanilla_rnn import Adam, _checks
from vanilla_rnn._calls import explained
from vanilla_rnn._checks import argument, array, fit, floats, ids, integers, lengths, weights, weights_of

NUMBERS = "f: x must be an array of numbers, got "
RECTANGULAR = "f: x must be a rectangular array of numbers, got "
PAD = "Pad them: padded, lengths = pad_sequences(rows)."
WHOLE = "f: x must be an array of whole numbers (integers), got "
RNG = "Pass rng=0 for numbers that are the same each time."
SIZES = {"batch": 2, "time": 3}
SIGNALLING_NAN = np.array([0x7FF0000000000001], np.uint64).view(float)  # a conversion to float32 would warn about it


class Missing:
    """Like pandas.NA: neither equal nor unequal to anything."""

    def __eq__(self, other):
        return self

    __ne__ = __eq__

    def __hash__(self):
        return 0

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError


def objects(*values):
    column = np.empty(len(values), object)
    column[:] = values
    return column


def float_array(values, dtype=float):
    return np.array(values, dtype)


def read_only(values):
    values.flags.writeable = False
    return values


def check_weights(**arrays):
    return weights(arrays, {"W": "rows columns", "b_y": "rows"}, "f")


def check_new_weights(**arrays):
    return weights_of(arrays, {"W": "rows columns", "b_y": "rows"}, "f")


CASES = [
    # one value
    (lambda: argument(0, "layers", "f"), ValueError, "f: layers must be at least 1 and below 2^31, got 0. Use a positive integer below 2^31."),
    (lambda: argument(2**31, "layers", "f"), ValueError, "f: layers must be at least 1 and below 2^31, got 2147483648. Use a positive integer below 2^31."),
    (lambda: argument(3.0, "layers", "f"), TypeError, "f: layers must be an integer, got 3.0 (float). Pass an int, for example layers=3."),
    (lambda: argument(True, "layers", "f"), TypeError, "f: layers must be an integer, got True (bool). Pass an int, for example layers=3."),
    (lambda: argument(1, "bias", "f"), TypeError, "f: bias must be True or False, got 1 (int). Pass bias=True or bias=False."),
    (lambda: argument("tahn", "nonlinearity", "f"), ValueError, "f: nonlinearity must be one of 'tanh', 'relu', 'sigmoid', 'linear', got 'tahn' (str). Did you mean 'tanh'?"),
    (lambda: argument("Words", "level", "f"), ValueError, "f: level must be one of 'word', 'char', got 'Words' (str). Did you mean 'word'?"),
    (lambda: argument("zero", "recurrent_init", "f"), ValueError, "f: recurrent_init must be one of 'uniform', 'orthogonal', 'identity', got 'zero' (str). Use one of these names."),
    (lambda: argument("GRU", "nonlinearity", "f"), ValueError, "f: nonlinearity must be one of 'tanh', 'relu', 'sigmoid', 'linear', got 'GRU' (str). Write the cell yourself, or use torch.nn: this library has no LSTM or GRU."),
    (lambda: argument((np.tanh,), "nonlinearity", "f"), TypeError, "f: nonlinearity must be one of 'tanh', 'relu', 'sigmoid', 'linear', or a pair of functions, got (<ufunc 'tanh'>,) (tuple). Pass your own function with its slope, computed from its result: (np.tanh, lambda h: 1 - h * h)."),
    (lambda: argument(np.tanh, "nonlinearity", "f"), TypeError, "f: nonlinearity must be one of 'tanh', 'relu', 'sigmoid', 'linear', or a pair of functions, got <ufunc 'tanh'> (ufunc). Pass your own function with its slope, computed from its result: (np.tanh, lambda h: 1 - h * h)."),
    (lambda: argument((len, len), "level", "f"), ValueError, "f: level must be one of 'word', 'char', got (<built-in function len>, <built-in function len>) (tuple). Use one of these names."),
    (lambda: argument(int, "dtype", "f"), ValueError, "f: dtype must be float32 or float64, got int64. Pass dtype=np.float32 or dtype=np.float64."),
    (lambda: argument("float33", "dtype", "f"), TypeError, "f: dtype must be float32 or float64, got 'float33' (str). Pass dtype=np.float32 or dtype=np.float64."),
    (lambda: argument("seed", "rng", "f"), TypeError, "f: rng must be an integer seed, a numpy.random.Generator or None, got 'seed' (str). Pass rng=0 to get the same random numbers every time."),
    (lambda: argument(True, "rng", "f"), TypeError, "f: rng must be an integer seed, a numpy.random.Generator or None, got True (bool). Pass rng=0 to get the same random numbers every time."),
    (lambda: argument(-1, "rng", "f"), ValueError, "f: rng must be a seed of at least 0, got -1. Pass rng=0 to get the same random numbers every time."),
    (lambda: argument("1", "clip", "f"), TypeError, "f: clip must be a number, got '1' (str). Pass a float, for example clip=0.1."),
    (lambda: argument(1, "momentum", "f"), ValueError, "f: momentum must be at least 0 and below 1, got 1."),
    (lambda: argument(np.inf, "learning_rate", "f"), ValueError, "f: learning_rate must be at least 0 and finite, got inf."),
    (lambda: argument(10**400, "learning_rate", "f"), ValueError, "f: learning_rate must be at least 0 and finite, got 10^400."),
    (lambda: argument(-(10**400), "clip", "f"), ValueError, "f: clip must be above 0, got -10^400."),
    (lambda: _checks.require_type([1], dict, "x", "f"), TypeError, "f: x must be a dict, got [1] (list). Check the type and the order of the arguments."),
    (lambda: _checks.require_type("RNN", dict, "x", "f", "Pass {}."), TypeError, "f: x must be a dict, got 'RNN' (str). Pass {}."),
    (lambda: _checks.require_type(Counter, dict, "x", "f"), TypeError, "f: x must be a dict, got the class Counter. Create it first: Counter(...)."),
    (lambda: _checks.iterable(3, "x", "f", "Pass a list."), TypeError, "f: x must be an iterable, got 3 (int). Pass a list."),
    (lambda: _checks.mapping([1], "x", "f", "Pass a dict."), TypeError, "f: x must be a dictionary of arrays, got [1] (list). Pass a dict."),
    # arrays of something else
    (lambda: array(None, "x", "f"), TypeError, NUMBERS + "None. Pass an array of numbers."),
    (lambda: array(["hi"], "x", "f"), TypeError, NUMBERS + "words, such as 'hi'. Convert words to ids: vocab.encode(words)."),
    (lambda: array(np.array(["hi"]), "x", "f"), TypeError, NUMBERS + "words, such as 'hi'. Convert words to ids: vocab.encode(words)."),
    (lambda: array(objects(None, "hi"), "x", "f"), TypeError, NUMBERS + "words, such as 'hi'. Convert words to ids: vocab.encode(words)."),
    (lambda: array(["hi"], "labels", "f"), TypeError, "f: labels must be an array of numbers, got words, such as 'hi'. Number the classes from 0, for example with {'neg': 0, 'pos': 1}[label]."),
    (lambda: array(np.array(["2020-01-31"], "M8[D]"), "x", "f"), TypeError, NUMBERS + "dates, such as 2020-01-31. Convert dates to numbers, such as the days since the first one."),
    (lambda: array([dt.date(2020, 1, 31)], "x", "f"), TypeError, NUMBERS + "dates, such as 2020-01-31. Convert dates to numbers, such as the days since the first one."),
    (lambda: array([1.0, None], "x", "f"), TypeError, "f: x must be an array of numbers, got an object array with missing values. Fill or drop them, then convert: np.array(values, dtype=float)."),
    (lambda: array(objects(1, Missing()), "x", "f"), TypeError, "f: x must be an array of numbers, got an object array with missing values. Fill or drop them, then convert: np.array(values, dtype=float)."),
    (lambda: array(objects(1, np.nan), "x", "f"), TypeError, "f: x must be an array of numbers, got an object array with missing values. Fill or drop them, then convert: np.array(values, dtype=float)."),
    (lambda: array(objects([1], [2, 3]), "x", "f"), TypeError, NUMBERS + f"an object array of rows of unequal lengths. {PAD}"),
    (lambda: array(objects(1, 2), "x", "f"), TypeError, NUMBERS + "an array of object (ndarray). Convert it first: np.asarray(values, dtype=float)."),
    (lambda: array([[1], [2, 3]], "x", "f"), ValueError, RECTANGULAR + f"rows of unequal lengths. {PAD}"),
    (lambda: array(([1], [2, 3]), "x", "f"), ValueError, RECTANGULAR + f"rows of unequal lengths. {PAD}"),
    (lambda: array([[[1], [2, 3]], [4]], "x", "f"), ValueError, RECTANGULAR + f"rows of unequal lengths. {PAD}"),
    (lambda: array((1.5, np.ones(2)), "x", "f"), ValueError, RECTANGULAR + "a tuple (float, ndarray). Unpack it."),
    (lambda: array((1.5, np.ones(2)), "d_x", "f"), ValueError, "f: d_x must be a rectangular array of numbers, got a tuple (float, ndarray). Unpack it first: loss, d_logits = loss_function(...)."),
    (lambda: array(Unreadable(), "x", "f"), ValueError, RECTANGULAR + "Unreadable, which NumPy can't read. Convert it to a NumPy array first."),
    (lambda: array((Unreadable(),), "x", "f"), ValueError, RECTANGULAR + "tuple, which NumPy can't read. Convert it to a NumPy array first."),
    (lambda: array(np.ma.array([1, 2], mask=[0, 1]), "x", "f"), ValueError, "f: x must be an array without masked values, got a masked array. Fill or drop the masked values: a plain array can't mark a value as missing."),
    (lambda: floats([1j], "x", "f"), TypeError, "f: x must be real numbers, got an array of complex128. Did you mean x.real?"),
    # shapes
    (lambda: fit(np.ones((2, 4)), "x", "rows columns", {"columns": 3}, "f"), ValueError, "f: x must be an array of shape (rows, columns=3), got shape (2, 4)."),
    (lambda: fit(np.ones(3), "x", "rows", {"rows": 2}, "f", lambda x, sizes: f"{len(x)} for {sizes}"), ValueError, "f: x must be an array of shape (rows=2,), got shape (3,). 3 for {'rows': 2}"),
    (lambda: fit(np.ones(4), "x", "[batch] time size", {"size": 4}, "f"), ValueError, "f: x must be an array of shape (batch, time, size=4) or (time, size=4), got shape (4,)."),
    (lambda: fit(np.ones((2, 4)), "x", "[batch] size", {"batch": None}, "f"), ValueError, "f: x must be an array of shape (size,), got shape (2, 4)."),
    (lambda: fit(np.ones(4), "x", "[batch] size", {"batch": 3}, "f"), ValueError, "f: x must be an array of shape (batch=3, size), got shape (4,)."),
    (lambda: fit(np.ones((2, 3)), "x", "... size", {"...": (2, 5), "size": 3}, "f"), ValueError, "f: x must be an array of shape (2, 5, size=3), got shape (2, 3)."),
    (lambda: fit(np.ones(()), "x", "... size", {}, "f"), ValueError, "f: x must be an array of shape (..., size), got shape ()."),
    # finite numbers
    (lambda: _checks.finite(float_array([[1, np.nan]]), "x", "f"), ValueError, "f: x must be finite (float64), got nan at index (0, 1). Check the computation that produced it."),
    (lambda: _checks.finite(float_array([1, -np.inf], "f4"), "x", "f", "Stop."), ValueError, "f: x must be finite (float32), got -inf at index 1. Stop."),
    (lambda: _checks.finite(float_array([[np.nan, np.nan], [1, np.inf]]), "x", "f", lengths=np.array([0, 2])), ValueError, "f: x must be finite (float64), got inf at index (1, 1). Check the computation that produced it."),
    (lambda: _checks.tensor([[1, np.inf]], "x", "rows columns", {}, "f"), ValueError, "f: x must be finite (float64), got inf at index (0, 1). Check the computation that produced it."),
    (lambda: _checks.tensor(SIGNALLING_NAN, "x", "rows", {}, "f", np.dtype("f4")), ValueError, "f: x must be finite (float32), got nan at index 0. Check the computation that produced it."),
    (lambda: _checks.gradient([1, 2], np.ones(3), "d_h", "f"), ValueError, "f: d_h must be an array of shape (3,), like h, got shape (2,). Pass the gradient of h: it has the same shape."),
    (lambda: _checks.gradient([1, np.nan], np.ones(2), "d_h", "f"), ValueError, "f: d_h must be finite (float64), got nan at index 1. Check the computation that produced it."),
    # weights
    (lambda: _checks.writable([1], "W", "f"), TypeError, "f: W must be a NumPy array, got [1] (list). Use a NumPy array: it is changed in place."),
    (lambda: _checks.writable(np.ones(2, int), "W", "f"), ValueError, "f: W must be a writable array of floats, got an array of int64. Assign a copy: values.astype(float)."),
    (lambda: _checks.writable(read_only(np.ones(2)), "W", "f"), ValueError, "f: W must be a writable array of floats, got a read-only array. Assign a copy: values.astype(float)."),
    (lambda: check_weights(W=None), TypeError, "f: W must be a NumPy array of float32 or float64, got None (NoneType). Assign weights in place, such as W[...] = new."),
    (lambda: check_weights(W=np.ones((2, 3)), b_y=np.ones(2, "f4")), TypeError, "f: b_y must be a NumPy array of float64, got float32. Assign weights in place, such as b_y[...] = new."),
    (lambda: check_weights(W=np.ones((2, 3)), b_y=np.ones(3)), ValueError, "f: b_y must be an array of shape (rows=2,), got shape (3,). Assign in place, which keeps the shape: b_y[...] = new."),
    (lambda: check_weights(W=np.full((2, 3), np.inf)), ValueError, "f: W must be finite (float64), got inf at index (0, 0). Use a smaller learning rate or clip the gradients: training may have diverged."),
    (lambda: check_new_weights(W=np.ones((2, 3)), b_y=[1]), ValueError, "f: b_y must be an array of shape (rows=2,), got shape (1,). Check the shapes of all weights: PyTorch weights have this layout; Keras kernels must be transposed."),
    (lambda: check_new_weights(W=np.ones((2, 0)), b_y=None), ValueError, "f: W must be a non-empty array, got shape (2, 0). Pass at least one number."),
    # ids
    (lambda: integers([0.5], "x", "f", "Pass ids."), TypeError, "f: x must be an array of integers, got an array of float64 with 0.5 at index 0. Pass ids."),
    (lambda: integers([[True]], "x", "f", "Pass ids."), TypeError, "f: x must be an array of integers, got an array of bool with True at index (0, 0). Pass ids."),
    (lambda: integers([True, 4], "x", "f", "Pass ids."), TypeError, "f: x must be an array of integers, got an array of bool with 1 at index 0. Pass ids."),
    (lambda: integers([-1, 2**63], "x", "f", "Pass ids."), TypeError, "f: x must be an array of integers, got an array of float64 with -1.0 at index 0. Pass ids."),
    (lambda: ids([0.5], 4, "x", "f", "count"), TypeError, "f: x must be an array of integers, got an array of float64 with 0.5 at index 0. Pass integer ids, such as those from vocab.encode(...)."),
    (lambda: ids([[3, 4]], 4, "x", "f", "count"), IndexError, "f: x must be from 0 to 3 (count=4), got 4 at index (0, 1). Make count larger than every id: len(vocab) for token ids."),
    (lambda: ids(-1, 4, "x", "f", "count"), IndexError, "f: x must be from 0 to 3 (count=4), got -1. Use ids from 0 up: a negative id doesn't count from the end."),
    (lambda: ids([1, 3, 2], 3, "x", "f", "classes"), IndexError, "f: x must be from 0 to 2 (classes=3), got 3 at index 1. Count the classes from 0: targets - 1."),
    (lambda: ids([0, 3], 3, "x", "f", "classes"), IndexError, "f: x must be from 0 to 2 (classes=3), got 3 at index 1. Give the head one output for each class."),
    (lambda: ids([0, 1], 1, "x", "f", "classes"), IndexError, "f: x must be from 0 to 0 (classes=1), got 1 at index 1. Use binary_cross_entropy for one logit, or give the head one output for each class."),
    (lambda: ids([0, -100], 3, "x", "f", "classes"), IndexError, "f: x must be from 0 to 2 (classes=3), got -100 at index 1. Pass weights=(targets >= 0) if negative targets are to be ignored."),
    # lengths
    (lambda: lengths([3], {"batch": None, "time": 3}, "f"), ValueError, "f: lengths must be None for a single sequence, got [3] (list). Leave it out, or add a batch axis to the input, with [None]."),
    (lambda: lengths([[1, 1, 0], [1, 0, 0]], SIZES, "f"), ValueError, "f: lengths must be an array of shape (batch=2,), got a mask. Pass the lengths of its rows instead: [2, 1]."),
    (lambda: lengths(np.tri(6, 3), {"batch": 6, "time": 3}, "f"), ValueError, "f: lengths must be an array of shape (batch=6,), got a mask. Pass the lengths of its rows instead: [1, 2, 3, 3, 3, 3]."),
    (lambda: lengths([[0, 1, 1], [0, 0, 1]], SIZES, "f"), ValueError, "f: lengths must be an array of shape (batch=2,), got a mask. Move the padding to the end of each row, as pad_sequences does: this mask has it at the beginning."),
    (lambda: lengths([[1, 0, 1], [1, 0, 0]], SIZES, "f"), ValueError, "f: lengths must be an array of shape (batch=2,), got a mask. Pass it to the loss as weights=mask: it has gaps, which lengths can't describe."),
    (lambda: lengths(SIGNALLING_NAN, {"batch": 1, "time": 3}, "f"), TypeError, "f: lengths must be an array of integers, got an array of float64 with nan at index 0. Pass the number of real steps of each row: lengths=[3, ...]."),
    (lambda: lengths([2.0, 2.5], SIZES, "f"), TypeError, "f: lengths must be an array of integers, got an array of float64 with 2.5 at index 1. Pass the number of real steps of each row: lengths=[3, ...]."),
    (lambda: lengths([2.5, 3], SIZES, "f", "n"), TypeError, "f: n must be an array of integers, got an array of float64 with 2.5 at index 0. Pass the number of real steps of each row: n=[3, ...]."),
    (lambda: lengths([1, 2, 3], SIZES, "f"), ValueError, "f: lengths must be an array of shape (batch=2,), got shape (3,). Put the batch axis first, with swapaxes(0, 1), if the input is (time, batch, ...)."),
    (lambda: lengths(3, SIZES, "f"), ValueError, "f: lengths must be an array of shape (batch=2,), got shape (). Pass the number of real steps of each row: lengths=[3, ...]."),
    (lambda: lengths([3, 4], SIZES, "f"), ValueError, "f: lengths must be from 0 to 3, the number of time steps, got 4 at row 1. Pass the number of real steps of each row: lengths=[3, ...]."),
    (lambda: lengths([-1, 4], SIZES, "f"), ValueError, "f: lengths must be from 0 to 3, the number of time steps, got -1 at row 0. Pass the number of real steps of each row: lengths=[3, ...]."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_message(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no error of NumPy's above it


# --- what is right


@pytest.mark.parametrize(
    ("name", "legal", "refused"),
    [
        ("learning_rate", [0, 1e9], [-1e-9, np.inf, np.nan, True]),
        ("momentum", [0, 0.999], [-1e-9, 1, np.nan]),
        ("betas[0]", [0, 0.999], [-1e-9, 1]),
        ("betas[1]", [0, 0.999], [-1e-9, 1]),
        ("eps", [1e-9, 1e9], [0, np.inf]),
        ("clip", [1e-9, np.inf], [0, np.nan, False]),
        ("max_norm", [1e-9, np.inf], [0, np.nan]),
        ("temperature", [0, 1e9], [-1e-9, np.inf]),
        ("threshold", [1e-9, 0.999], [0, 1]),
        ("num_layers", [1, 2**31 - 1], [0, 2**31, True]),
    ],
)
def test_bounds(name, legal, refused):
    assert [argument(value, name, "f") for value in legal] == legal
    for value in refused:
        with pytest.raises((ValueError, TypeError), match=re.escape(f"f: {name} must be ")):
            argument(value, name, "f")


def test_valid_values_are_returned():
    rng = np.random.default_rng(0)
    assert _checks.arguments("f", size=2**31 - 1, bias=np.bool_(True), level="char", clip=np.inf, rng=rng) == [
        2**31 - 1, True, "char", np.inf, rng
    ]  # fmt: skip
    assert argument(np.int8(3), "size", "f") == 3
    assert argument(np.float32(0.5), "momentum", "f") == 0.5
    assert argument(10**400, "clip", "f") == np.inf
    assert argument(7, "rng", "f").random() == np.random.default_rng(7).random()
    assert argument("f4", "dtype", "f") == np.float32
    assert argument(pair := (np.tanh, np.cos), "nonlinearity", "f") is pair


@pytest.mark.parametrize(
    ("value", "dtype"),
    [([1, 2], float), ([True], float), (np.ones(2, "f4"), np.float32), (np.ones(2, "f2"), float), (3, float)],
)
def test_float32_stays_and_everything_else_becomes_float64(value, dtype):
    assert floats(value, "x", "f").dtype == dtype
    assert floats(value, "x", "f", np.dtype("f4")).dtype == np.float32


def test_integers_of_two_kinds_stay_integers():
    values = integers([np.uint64(200), np.int64(-2)], "x", "f", "")  # for NumPy, these are floats
    assert (values.tolist(), values.dtype) == ([200, -2], np.int64)


@pytest.mark.parametrize("kind", [np.ma.MaskedArray, np.recarray])
def test_an_array_of_a_subclass_without_masked_values_is_a_plain_array(kind):
    values = floats(np.array([1.5, 2.5]).view(kind), "x", "f")
    assert (type(values), values.tolist()) == (np.ndarray, [1.5, 2.5])


@pytest.mark.parametrize(
    ("axes", "sizes", "shape", "recorded"),
    [
        ("rows columns", {}, (2, 3), {"rows": 2, "columns": 3}),
        ("[batch] time size", {"size": 4}, (2, 3, 4), {"size": 4, "batch": 2, "time": 3}),
        ("[batch] time size", {"size": 4}, (3, 4), {"size": 4, "batch": None, "time": 3}),
        ("layers [batch] size", {"batch": None}, (3, 4), {"batch": None, "layers": 3, "size": 4}),
        ("... size", {"size": 4}, (2, 3, 4), {"size": 4, "...": (2, 3)}),
        ("... size", {"...": ()}, (4,), {"...": (), "size": 4}),
    ],
)
def test_the_lengths_of_new_axes_are_recorded(axes, sizes, shape, recorded):
    fit(np.ones(shape), "x", axes, sizes, "f")
    assert sizes == recorded


def test_large_numbers_are_finite():
    _checks.finite(np.full(3, 1e200), "x", "f")  # although the sum of their squares isn't


def test_lengths_are_a_copy():
    values = np.array([3, 0])
    counts = lengths(values, SIZES, "f")
    values += 1
    assert counts.tolist() == [3, 0]
    assert lengths([0, 1], {"batch": 2, "time": 1}, "f").tolist() == [0, 1]  # not a mask, which has two axes
    assert lengths(None, SIZES, "f") is None


def test_padding_is_set_to_0():
    values = np.arange(12.0).reshape(2, 3, 2) + 1
    zeroed = _checks.zero_padding(values, np.array([2, 0]))
    assert zeroed[0].tolist() == [[1, 2], [3, 4], [0, 0]]
    assert not zeroed[1].any()


def test_values_are_cut_short_in_a_message():
    assert _checks.shown("a" * 58) == f"'{'a' * 58}' (str)"
    assert _checks.shown("a" * 100) == f"'{'a' * 56}... (str)"
    assert _checks.shown(10**9999) == "10^9999 (int)"  # which Python refuses to print
    assert _checks.shown([10**9999]) == "[10^9999] (list)"
    assert len(_checks.shown({"a": [["b" * 10**6] * 10**6]})) < 80
    assert _checks.shown(np.ones((2, 3))) == "an array of shape (2, 3) and dtype float64"
    assert _checks.listed(range(25), 3) == "0, 1, 2, ... (25 in all)"
    assert _checks.listed(["a" * 100]) == f"'{'a' * 56}..."
    assert _checks.differing("ab", "bc") == "without 'c'; with 'a'"
    assert _checks.differing("ab", "ba") == ""
    assert _checks.differing([*range(9), "a"], []) == "with 0, 1, 2, 3, 4, ... (10 in all)"


# --- calls


class Network:
    @explained
    def __init__(self, hidden_size, *, num_layers=1, bias=True):
        pass

    @explained
    def train(self, data, *, learning_rate):
        if data is None:
            raise TypeError("from inside")


@explained
def head(output, h_n):
    pass


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Network(3, 2, False), "Network: takes 2 positional arguments but 4 were given. Pass arguments after hidden_size by name: num_layers=2, bias=False."),
        (lambda: Network(3, dropout=0.5), "Network: got an unexpected keyword argument 'dropout'. Leave it out: this library has no dropout; stop early or use a smaller network."),
        (lambda: Network(3, batch_first=True), "Network: got an unexpected keyword argument 'batch_first'. Leave it out: the batch axis always comes first."),
        (lambda: Network(3, padding_idx=0), "Network: got an unexpected keyword argument 'padding_idx'. Leave it out: pass lengths, and padding gets no gradient."),
        (lambda: Network(3, lr=0.1), "Network: got an unexpected keyword argument 'lr'. Call it learning_rate."),
        (lambda: Network(3, weight_decay=0.1), "Network: got an unexpected keyword argument 'weight_decay'. Leave it out: this library has no weight decay; stop early or use a smaller network."),
        (lambda: Network(3, return_sequences=True), "Network: got an unexpected keyword argument 'return_sequences'. Leave it out: an RNN always returns both output and h_n."),
        (lambda: Network(units=3), "Network: got an unexpected keyword argument 'units'. Call it hidden_size."),
        (lambda: Network(hidden_dim=3), "Network: got an unexpected keyword argument 'hidden_dim'. Call it hidden_size."),
        (lambda: Network(3, layers=2), "Network: got an unexpected keyword argument 'layers'. Its arguments are hidden_size, num_layers, bias."),
        (lambda: Network(3).train([]), "Network.train: missing 1 required keyword-only argument: 'learning_rate'. Its arguments are data, learning_rate."),
        (lambda: Adam({}, 0.1, 0.9), "Adam: takes from 1 to 2 positional arguments but 4 were given. Pass the parameters to each step: optimizer.step(model.parameters(), d_parameters)."),
        (lambda: head(1), "head: missing 1 required positional argument: 'h_n'. Unpack what the RNN returns: head(*rnn(x))."),
        (lambda: Network(3).train(None, learning_rate=1), "from inside"),
    ],
)  # fmt: skip
def test_a_call_that_does_not_fit_the_signature(call, message):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message


def test_a_list_deeper_than_any_array_is_refused():
    deep = [1.0]
    for _ in range(5000):
        deep = [deep, 1.5]
    with pytest.raises(ValueError, match="f: x must be a rectangular array of numbers"):
        array(deep, "x", "f")
