"""Bad input gets one message that names the argument, what came, what was expected, where, and the likely fix."""

import re
from copy import deepcopy

import numpy as np
import pytest

from vanilla_rnn import (
    RNN,
    Embedding,
    ManyToManyHead,
    ManyToOneHead,
    RNNCell,
    Vocab,
    one_hot,
    pad_sequences,
    sigmoid,
    softmax,
    tokenize,
)

NUMPY_SAYS = ("could not be broadcast", "operands", "setting an array element", "matmul", "inhomogeneous", "aligned")

rnn = RNN(4, 3, rng=0)
stacked = RNN(4, 3, num_layers=2, bidirectional=True, rng=0)
cell = RNNCell(4, 3, rng=0)
embedding = Embedding(10, 4, rng=0)
vocab = Vocab(["I", "love", "this", "movie"], specials=())
x = np.zeros((2, 5, 4))
run, step = rnn.forward(x), cell.forward(np.zeros(4))


def with_bad(values, index, bad):
    changed = np.array(values, dtype=float)
    changed[index] = bad
    return changed


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError


def broken(module, name, value):
    """The module after somebody replaced one of its weights."""
    setattr(module, name, value)
    return module


def broken_rnn(name, value):
    return RNN.from_cells([broken(deepcopy(cell), name, value)])


CASES = {
    # inputs of the network
    "four axes": (
        lambda: rnn(np.zeros((2, 3, 4, 5))),
        ValueError,
        "x .*3 axes .*2 axes .*got 4 axes: shape .2, 3, 4, 5",
    ),
    "one axis": (lambda: rnn(np.zeros(4)), ValueError, "x .*got 1 axis: shape .4,."),
    "no axis": (lambda: rnn(3.0), ValueError, "x .*got 0 axes: shape"),
    "features": (lambda: rnn(np.zeros((2, 3, 5))), ValueError, "x .*4 long .input_size., got 5: shape .2, 3, 5"),
    "ragged": (lambda: rnn([[[1, 2, 3, 4]], []]), ValueError, "x .*rectangular.*unequal lengths.*pad_sequences"),
    "text": (lambda: rnn([["a", "b"]]), TypeError, "x .*array of numbers, got an array of <U1"),
    "nothing": (lambda: rnn(None), TypeError, "x .*array of numbers.*NoneType"),
    "complex": (lambda: rnn(np.zeros((5, 4)) * 1j), TypeError, "x .*real numbers, got an array of complex128"),
    "unreadable": (lambda: rnn(Unreadable()), ValueError, "x .*Unreadable, which NumPy can't read.*Convert it"),
    "NaN": (lambda: rnn(with_bad(x, (1, 2, 3), np.nan)), ValueError, r"x .*finite.*got nan at index \(1, 2, 3\)"),
    "infinity": (lambda: rnn(with_bad(x[0], (2, 3), -np.inf)), ValueError, r"x .*finite.*got -inf at index \(2, 3\)"),
    "NaN at a real step": (
        lambda: rnn(with_bad(x, (1, 2, 3), np.nan), lengths=[1, 3]),
        ValueError,
        r"x .*finite.*got nan at index \(1, 2, 3\)",
    ),
    "h_0 of another batch": (
        lambda: rnn(x, np.zeros((1, 3, 3))),
        ValueError,
        "h_0 .*1, 2, 3.*num_layers .*got shape .1, 3, 3",
    ),
    "h_0 batch first": (lambda: stacked(x, np.zeros((2, 4, 3))), ValueError, "h_0 .*4, 2, 3.*got shape .2, 4, 3"),
    "h_0 unbatched": (lambda: rnn(x[0], np.zeros((1, 1, 3))), ValueError, "h_0 .*1, 3.*got 3 axes: shape .1, 1, 3"),
    "h_0 NaN": (lambda: rnn(x, np.full((1, 2, 3), np.nan)), ValueError, "h_0 .*finite.*nan at index .0, 0, 0"),
    "h_0 text": (lambda: rnn(x, "zeros"), TypeError, "h_0 .*array of numbers"),
    # lengths
    "length above time": (lambda: rnn(x, lengths=[5, 6]), ValueError, "lengths .*0 to 5 .*got 6 at row 1"),
    "length below 0": (lambda: rnn(x, lengths=[-1, 6]), ValueError, "lengths .*0 to 5 .*got -1 at row 0"),
    "lengths' count": (lambda: rnn(x, lengths=[5, 5, 5]), ValueError, "lengths .*shape .2,. .*got shape .3,."),
    "one length": (lambda: rnn(x, lengths=5), ValueError, "lengths .*shape .2,. .*got 0 axes: shape .."),
    "lengths not whole": (lambda: rnn(x, lengths=[2.5, 3.0]), TypeError, "lengths .*whole numbers.*float64"),
    "lengths bool": (lambda: rnn(x, lengths=[True, False]), TypeError, "lengths .*whole numbers.*bool.*mask.sum"),
    "a mask": (
        lambda: rnn(x, lengths=np.ones((2, 5), int)),
        ValueError,
        "lengths .*shape .2,. .*got 2 axes: shape .2, 5.*mask.sum",
    ),
    "lengths unbatched": (lambda: rnn(x[0], lengths=[5]), ValueError, "lengths .*None where x has no batch axis"),
    "a bool among lengths": (lambda: rnn(x, lengths=[True, 4]), TypeError, "lengths .*whole numbers.*bool"),
    "lengths in h_0's place": (lambda: rnn(x, [5, 4]), ValueError, "h_0 .*got 1 axis: shape .2,.*lengths=..."),
    # sizes and words
    "size 2^70": (lambda: RNN(4, 2**70), ValueError, "RNN: hidden_size .*below 2.31"),
    "size 0": (lambda: RNN(0, 3), ValueError, "input_size .*at least 1 and below 2.31, got 0"),
    "size -1": (lambda: RNN(4, -1), ValueError, "hidden_size .*at least 1 and below 2.31, got -1"),
    "size True": (lambda: RNN(4, True), TypeError, "hidden_size .*whole number, got True .bool."),
    "size 3.0": (lambda: RNNCell(4, 3.0), TypeError, "hidden_size .*whole number, got 3.0 .float."),
    "layers": (lambda: RNN(4, 3, num_layers=0), ValueError, "num_layers .*at least 1"),
    "bidirectional": (lambda: RNN(4, 3, bidirectional=1), TypeError, "bidirectional .*True or False, got 1"),
    "bias": (lambda: RNN(4, 3, bias="no"), TypeError, "bias .*True or False, got 'no'"),
    "nonlinearity": (lambda: RNN(4, 3, nonlinearity="gelu"), ValueError, "nonlinearity .*'tanh', 'relu', got 'gelu'"),
    "init": (
        lambda: RNN(4, 3, recurrent_init="zero"),
        ValueError,
        "recurrent_init .*'orthogonal', 'identity', got 'zero'",
    ),
    "dtype": (lambda: RNN(4, 3, dtype=np.int32), ValueError, "dtype .*float32 or float64, got int32"),
    "dtype word": (lambda: RNN(4, 3, dtype="float33"), TypeError, "dtype .*float32 or float64, got 'float33'"),
    "rng": (lambda: RNN(4, 3, rng="seed"), TypeError, "rng .*seed.*got 'seed'"),
    "rng below 0": (lambda: RNN(4, 3, rng=-1), ValueError, "rng .*at least 0, got -1"),
    "rng True": (lambda: RNN(4, 3, rng=True), TypeError, "rng .*got True"),
    # networks of given cells
    "no cells": (lambda: RNN.from_cells([]), ValueError, "cells .*at least one RNNCell"),
    "a cell": (lambda: RNN.from_cells(cell), TypeError, r"cells .*list of RNNCell.*\[cell\]"),
    "odd cells": (lambda: RNN.from_cells([cell], bidirectional=True), ValueError, "cells .*2 for each layer.*got 1"),
    "layers that don't fit": (
        lambda: RNN.from_cells([cell, cell]),
        ValueError,
        r"cells\[1\] .*\(3, 3, float64\), got .*\(4, 3",
    ),
    "W_xh axes": (lambda: RNNCell.from_weights([1.0], [[1.0]]), ValueError, "W_xh .*2 axes .hidden_size, input_size"),
    "W_hh shape": (
        lambda: RNNCell.from_weights(np.ones((3, 2)), np.eye(2)),
        ValueError,
        "W_hh .*3, 3.*got shape .2, 2",
    ),
    "b_h shape": (
        lambda: RNNCell.from_weights(np.ones((3, 2)), np.eye(3), [1.0]),
        ValueError,
        "b_h .*3,.*got shape .1,",
    ),
    "W_hh NaN": (lambda: RNNCell.from_weights([[1.0]], [[np.nan]]), ValueError, "W_hh .*finite.*nan at index .0, 0"),
    "no units": (
        lambda: RNNCell.from_weights(np.ones((0, 2)), np.ones((0, 0))),
        ValueError,
        "hidden_size .*at least 1",
    ),
    # weights that were replaced
    "W_hh replaced": (lambda: broken_rnn("W_hh", np.eye(2))(x), ValueError, "W_hh .*3, 3.*got shape .2, 2"),
    "b_h replaced": (lambda: broken_rnn("b_h", np.ones(2)).forward(x), ValueError, "b_h .*3,.*got shape .2,"),
    "W_xh NaN later": (
        lambda: broken_rnn("W_xh", np.full((3, 4), np.nan))(x),
        ValueError,
        "W_xh .*finite.*nan at index .0, 0",
    ),
    "cell's b_h NaN": (
        lambda: broken(deepcopy(cell), "b_h", np.full(3, np.inf))(np.zeros(4)),
        ValueError,
        "b_h .*finite.*inf at index 0",
    ),
    "vectors NaN": (
        lambda: broken(Embedding(3, 2), "vectors", np.full((3, 2), np.nan))([1]),
        ValueError,
        "what the ids stand for .*finite.*nan at index .0, 0",
    ),
    "vectors replaced": (lambda: broken(Embedding(3, 2), "vectors", np.ones(2))([1]), ValueError, "vectors .*2 axes"),
    "a list of weights": (lambda: broken_rnn("W_hh", [[1.0]])(x), TypeError, r"W_hh .*NumPy array.*got \[\[1.0\]\]"),
    "no weights": (lambda: broken_rnn("W_xh", None)(x), TypeError, "W_xh .*NumPy array.*got None"),
    "flat weights": (lambda: broken_rnn("W_xh", np.ones(4))(x), ValueError, "W_xh .*2 axes .*got 1 axis"),
    "another dtype": (lambda: broken_rnn("W_hh", np.eye(3, dtype="f4"))(x), TypeError, "W_hh .*float64, got float32"),
    "a wrong word": (lambda: broken_rnn("nonlinearity", "foo")(x), ValueError, "nonlinearity .*'tanh'.*got 'foo'"),
    "no cells left": (lambda: broken(RNN(4, 3), "cells", [])(x), ValueError, "cells .*1 for each layer, got 0"),
    "a cell too many": (lambda: broken(RNN(4, 3), "cells", [cell, cell])(x), ValueError, r"cells\[1\] .*got a cell"),
    "head's list": (lambda: broken(ManyToOneHead(3, 2), "W_hy", [1.0])(*rnn(x)), TypeError, "W_hy .*NumPy array"),
    "vectors' list": (lambda: broken(Embedding(3, 2), "vectors", [1.0])([1]), TypeError, "vectors .*NumPy array"),
    "head overflows": (
        lambda: ManyToManyHead.from_weights([[1e308, 1e308, 1e308]])(np.ones((1, 3)) * 9, np.ones((1, 3))),
        ValueError,
        "y .*finite.*inf.*overflowed",
    ),
    "cell overflows": (
        lambda: RNNCell.from_weights([[1e308]], [[1.0]], nonlinearity="relu")([9.0]),
        ValueError,
        "h_t .*finite.*inf.*overflowed",
    ),
    "stream overflows": (
        lambda: list(
            RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e200]], nonlinearity="relu")]).stream([[1.0]] * 4)
        ),
        ValueError,
        "state after step 2 .*finite.*inf",
    ),
    # gradients
    "no gradient": (run.backward, ValueError, "d_output or d_h_n .*gradient to propagate, got None"),
    "d_output shape": (lambda: run.backward(np.zeros((2, 5, 4))), ValueError, "d_output .*2, 5, 3.*got shape .2, 5, 4"),
    "d_h_n shape": (
        lambda: run.backward(None, np.zeros((2, 3))),
        ValueError,
        "d_h_n .*1, 2, 3.*got 2 axes: shape .2, 3",
    ),
    "d_output NaN": (
        lambda: run.backward(with_bad(run.output, (1, 0, 2), np.nan)),
        ValueError,
        r"d_output .*finite.*nan at index \(1, 0, 2\)",
    ),
    "d_h_n NaN": (lambda: run.backward(None, run.h_n * np.nan), ValueError, "d_h_n .*finite.*nan"),
    "d_output unbatched NaN": (
        lambda: rnn.forward(x[0]).backward(with_bad(x[0, :, :3], (4, 1), np.inf)),
        ValueError,
        r"d_output .*finite.*inf at index \(4, 1\)",
    ),
    "d_h shape": (lambda: step.backward(np.zeros(4)), ValueError, "d_h .*3,.*got shape .4,"),
    "d_h NaN": (lambda: step.backward([0, 0, np.nan]), ValueError, "d_h .*finite.*nan at index 2"),
    # one step
    "x_t features": (lambda: cell(np.zeros(3)), ValueError, "x_t .*4 long .input_size., got 3: shape .3,"),
    "x_t a number": (lambda: cell(3.0), ValueError, "x_t .*4 long .input_size., got a single number"),
    "x_t NaN": (lambda: cell([0, np.nan, 0, 0]), ValueError, "x_t .*finite.*nan at index 1"),
    "h_prev shape": (lambda: cell(np.zeros((2, 4)), np.zeros(3)), ValueError, "h_prev .*2, 3.*got 1 axis: shape .3,"),
    "h_prev NaN": (lambda: cell(np.zeros(4), [0, 0, np.inf]), ValueError, "h_prev .*finite.*inf at index 2"),
    # streams
    "stream of two directions": (lambda: stacked.stream([]), ValueError, "one direction, got bidirectional=True"),
    "stream of a number": (lambda: rnn.stream(3), TypeError, "steps .*iterable.*got 3 .int."),
    "stream h_0 axes": (lambda: rnn.stream([], np.zeros(3)), ValueError, "h_0 .*2 axes .*3 axes .*got 1 axis"),
    "stream h_0 shape": (lambda: rnn.stream([], np.zeros((2, 3))), ValueError, "h_0 .*1, 3.*got shape .2, 3"),
    "stream h_0 NaN": (lambda: rnn.stream([], np.full((1, 3), np.nan)), ValueError, "h_0 .*finite"),
    "stream features": (lambda: list(rnn.stream([x[0, 0], np.zeros(5)])), ValueError, "step 1 .*4,.*got shape .5,"),
    "stream axes": (lambda: list(rnn.stream([x])), ValueError, "step 0 .*1 axis .*2 axes .*got 3 axes"),
    "stream batch": (
        lambda: list(rnn.stream([x[:, 0], np.zeros((3, 4))])),
        ValueError,
        "step 1 .*2, 4.*got shape .3, 4",
    ),
    "stream NaN": (
        lambda: list(rnn.stream([x[0, 0], x[0, 0] * np.nan])),
        ValueError,
        "step 1 .*finite.*nan at index 0",
    ),
    "stream weights": (lambda: broken_rnn("W_hh", np.full((3, 3), np.nan)).stream([]), ValueError, "W_hh .*finite"),
    # ids
    "id too large": (
        lambda: embedding([[1, 2], [3, 10]]),
        IndexError,
        r"ids .*0 to 9 .num_embeddings=10., got 10 at index \(1, 1\)",
    ),
    "id -1": (lambda: embedding([3, -1]), IndexError, "ids .*0 to 9 .*got -1 at index 1.*don't count from the end"),
    "one id": (lambda: embedding(10), IndexError, "ids .*0 to 9 .*got 10[.]"),
    "float ids": (lambda: embedding([1.0, 2.0]), TypeError, "ids .*whole numbers.*float64.*vocab.encode"),
    "bool ids": (lambda: embedding([True]), TypeError, "ids .*whole numbers.*bool"),
    "a bool among ids": (lambda: embedding([[True, 2]]), TypeError, "ids .*whole numbers.*bool"),
    "words": (lambda: embedding(["love"]), TypeError, "ids .*array of numbers, got an array of <U4"),
    "ragged ids": (lambda: embedding([[1, 2], [3]]), ValueError, "ids .*rectangular.*pad_sequences"),
    "d_vectors shape": (
        lambda: embedding.forward([1]).backward([1.0]),
        ValueError,
        "d_vectors .*1, 4.*got 1 axis: shape .1,",
    ),
    "d_vectors NaN": (
        lambda: embedding.forward([1]).backward([[0, np.nan, 0, 0]]),
        ValueError,
        "d_vectors .*finite.*nan",
    ),
    "vectors axes": (lambda: Embedding.from_vectors([1.0, 2.0]), ValueError, "vectors .*2 axes"),
    "vectors inf": (lambda: Embedding.from_vectors([[np.inf]]), ValueError, "vectors .*finite"),
    "no vectors": (lambda: Embedding.from_vectors(np.ones((0, 2))), ValueError, "num_embeddings .*at least 1"),
    "no dimensions": (lambda: Embedding.from_vectors(np.ones((2, 0))), ValueError, "embedding_dim .*at least 1"),
    "embedding size": (lambda: Embedding(True, 3), TypeError, "num_embeddings .*whole number, got True"),
    "one_hot id": (lambda: one_hot([0, 3], 3), IndexError, "ids .*0 to 2 .num_classes=3., got 3 at index 1"),
    "one_hot classes": (lambda: one_hot([0], 0), ValueError, "num_classes .*at least 1"),
    # heads
    "head's size": (
        lambda: ManyToOneHead(4, 1)(*rnn(x)),
        ValueError,
        "output .*4 long .the head's hidden_size., got 3.*directions",
    ),
    "half a result": (lambda: ManyToManyHead(3, 1)(rnn(x)[0], None), TypeError, "h_n .*array of numbers"),
    "head's axes": (lambda: ManyToManyHead(3, 1)(np.zeros(3), np.zeros(3)), ValueError, "output .*3 axes .*got 1 axis"),
    "h_n's axes": (
        lambda: ManyToManyHead(3, 1)(np.zeros((5, 3)), np.zeros(3)),
        ValueError,
        "h_n .*2 axes .*got 1 axis",
    ),
    "another batch": (
        lambda: ManyToOneHead(3, 1)(np.zeros((2, 5, 3)), np.zeros((1, 4, 3))),
        ValueError,
        "h_n .*2, 3 / directions.*got shape .1, 4, 3.*one call",
    ),
    "three of two directions": (
        lambda: ManyToOneHead(6, 1)(np.zeros((2, 5, 6)), np.zeros((3, 2, 3))),
        ValueError,
        "h_n .*num_layers . directions.*got shape .3, 2, 3",
    ),
    "no final state": (
        lambda: ManyToOneHead(3, 1)(np.zeros((2, 5, 3)), np.zeros((0, 2, 3))),
        ValueError,
        "h_n .*got shape .0, 2, 3",
    ),
    "head's weights": (
        lambda: broken(ManyToOneHead(3, 2), "b_y", np.ones(3))(*rnn(x)),
        ValueError,
        "b_y .*2,.*got shape .3,",
    ),
    "output NaN": (
        lambda: ManyToManyHead(3, 1)(np.full((5, 3), np.nan), np.zeros((1, 3))),
        ValueError,
        "what is read .*finite.*nan",
    ),
    "W_hy axes": (lambda: ManyToOneHead.from_weights([1.0]), ValueError, "W_hy .*2 axes .output_size, hidden_size"),
    "W_hy empty": (lambda: ManyToOneHead.from_weights(np.ones((0, 2))), ValueError, "output_size .*at least 1"),
    "W_hy columns": (lambda: ManyToOneHead.from_weights(np.ones((2, 0))), ValueError, "hidden_size .*at least 1"),
    "b_y shape": (lambda: ManyToOneHead.from_weights([[1.0]], [1.0, 2.0]), ValueError, "b_y .*1,.*got shape .2,"),
    "b_y inf": (lambda: ManyToOneHead.from_weights([[1.0]], [np.inf]), ValueError, "b_y .*finite"),
    "head size": (lambda: ManyToOneHead(3, 0), ValueError, "output_size .*at least 1"),
    "d_y shape": (
        lambda: ManyToOneHead(3, 2).forward(*rnn(x)).backward(np.zeros(2)),
        ValueError,
        "d_y .*2, 2.*got 1 axis: shape .2,",
    ),
    "d_y NaN": (
        lambda: ManyToOneHead(3, 1).forward(*rnn(x)).backward([[0], [np.nan]]),
        ValueError,
        "d_y .*finite.*nan",
    ),
    # probabilities
    "sigmoid of text": (lambda: sigmoid("yes"), TypeError, "logits .*array of numbers"),
    "sigmoid of NaN": (lambda: sigmoid([0, np.nan]), ValueError, "logits .*finite.*nan at index 1"),
    "softmax of a number": (lambda: softmax(1.0), ValueError, r"logits .*classes.*got shape \(\)"),
    "softmax of nothing": (lambda: softmax(np.ones((2, 0))), ValueError, "logits .*at least one.*got shape .2, 0"),
    "softmax of inf": (lambda: softmax([0, np.inf]), ValueError, "logits .*finite.*inf at index 1"),
    # text
    "tokenize a list": (lambda: tokenize(["a b"]), TypeError, "text .*str, got .*list.*one text at a time"),
    "level": (lambda: tokenize("a", level="line"), ValueError, "level .*'word', 'char', got 'line'"),
    "vocab of a text": (lambda: Vocab("I love it"), TypeError, "tokens .*list of str, got 'I love it'.*tokenize"),
    "vocab of ids": (lambda: Vocab([1, 2]), TypeError, r"tokens\[0\] .*str, got 1 .int."),
    "vocab of a number": (lambda: Vocab(7), TypeError, "tokens .*iterable, got 7"),
    "one text": (lambda: Vocab.from_texts("I love it"), TypeError, r"texts .*list of str.*\[text\]"),
    "one special": (lambda: Vocab(["a"], specials="<pad>"), TypeError, 'specials .*list of str.*"<pad>",'),
    "min_freq": (lambda: Vocab(["a"], min_freq=0), ValueError, "min_freq .*at least 1"),
    "specials twice": (lambda: Vocab(["a"], specials=("<x>", "<x>")), ValueError, "specials .*different"),
    "unknown word": (
        lambda: vocab.encode(["I", "hate", "it"]),
        ValueError,
        "token must be one of 'I', 'love', 'this', 'movie', got 'hate' at position 1.*<unk>",
    ),
    "encode a text": (lambda: vocab.encode("I"), TypeError, "tokens .*list of str, got 'I'"),
    "decode too large": (lambda: vocab.decode([0, 4]), IndexError, "ids .*0 to 3 .*got 4 at index 1"),
    "decode -1": (lambda: vocab.decode([-1]), IndexError, "ids .*got -1 at index 0"),
    "decode floats": (lambda: vocab.decode([0.0]), TypeError, "ids .*whole numbers"),
    "decode a batch": (lambda: vocab.decode([[0], [1]]), ValueError, "ids .*1 axis .tokens,.*got 2 axes"),
    # padding
    "nothing to pad": (lambda: pad_sequences([]), ValueError, "sequences .*at least one sequence, got none"),
    "not sequences": (lambda: pad_sequences(3), TypeError, "sequences .*iterable, got 3"),
    "numbers to pad": (lambda: pad_sequences([1, 2]), ValueError, r"sequences\[0\] .*a sequence, got one number, 1"),
    "unequal features": (
        lambda: pad_sequences([np.zeros((2, 3)), np.zeros((1, 4))]),
        ValueError,
        r"sequences\[1\] .*\(time, 3\), got shape \(1, 4\)",
    ),
    "words to pad": (lambda: pad_sequences([["a"]]), TypeError, r"sequences\[0\] .*array of numbers"),
    "half a padding": (
        lambda: pad_sequences([[1]], padding_value=0.5),
        ValueError,
        "padding_value .*fits int64, got 0.5",
    ),
    "padding too large": (
        lambda: pad_sequences([np.ones(1, np.uint8)], padding_value=300),
        ValueError,
        "padding_value .*fits uint8, got 300",
    ),
    "padding text": (lambda: pad_sequences([[1]], padding_value="x"), TypeError, "padding_value .*array of numbers"),
    "padding list": (lambda: pad_sequences([[1]], padding_value=[0]), ValueError, r"padding_value .*got \[0\]"),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, error, message = CASES[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error
    text = str(caught.value)
    assert ": " in text
    assert "must be" in text
    assert re.search(r", got .+\. .{10,}[.?]$", text, re.DOTALL), "what came, and then the likely fix"
    assert not any(words in text for words in NUMPY_SAYS)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_numbers_behind_a_row_s_length_are_never_looked_at():
    hidden = np.random.default_rng(0).standard_normal((2, 5, 4))
    shown = hidden.copy()
    hidden[0, 2:], hidden[1, 4:] = np.nan, np.inf
    for ours, expected in zip(rnn(hidden, lengths=[2, 4]), rnn(shown, lengths=[2, 4]), strict=True):
        assert np.array_equal(ours, expected)
    narrow = RNN(4, 3, dtype=np.float32, rng=0)
    hidden[0, 2:] = 1e300  # which float32 can't hold
    assert np.isfinite(narrow(hidden, lengths=[2, 4])[0]).all()
    d_output = np.ones((2, 5, 3))
    d_output[0, 2:] = np.nan
    assert np.isfinite(rnn.forward(hidden, lengths=[2, 4]).backward(d_output).d_x).all()


def test_large_numbers_are_legal():
    assert np.isfinite(rnn(np.full((2, 3, 4), 1e200))[0]).all()  # the sum of whose squares is not


def test_a_number_too_large_for_float32_is_named():
    with pytest.raises(ValueError, match=r"x must be finite numbers \(float32\), got inf at index \(0, 0\)"):
        RNN(4, 3, dtype=np.float32, rng=0)(np.full((2, 4), 1e300))


def test_relu_states_that_overflow_are_reported_with_the_step():
    growing = RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e100]], nonlinearity="relu")])
    message = r"hidden state of cells\[0\] must be finite numbers \(float64\), got inf after reading 5 steps.*relu lets"
    with pytest.raises(ValueError, match=message):
        growing(np.ones((2, 9, 1)))
    assert growing(np.ones((2, 4, 1)))[1].shape == (1, 2, 1)
    with pytest.raises(ValueError, match="inf after reading 5 steps"):
        growing(np.ones((3, 9, 1)), lengths=[3, 9, 4])


def test_a_refused_call_changes_nothing():
    network = RNN(4, 3, rng=0)
    before = {path: values.copy() for path, values in network.parameters().items()}
    with pytest.raises(ValueError, match="finite"):
        network(np.full((2, 3, 4), np.nan))
    for path, values in network.parameters().items():
        assert np.array_equal(values, before[path])
