"""Every entry point refuses bad input, and names the call, the argument and the value that the user wrote."""

import copy
import datetime as dt
import inspect
import re
from collections import Counter
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from plain import GRUCell
from vanilla_rnn import (
    RNN,
    SGD,
    Adam,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToMany,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    Vocab,
    _checks,
    binary_cross_entropy,
    check_gradients,
    clip_grad_norm,
    cross_entropy,
    fit,
    fit_stream,
    gradient_flow,
    load_weights,
    mean_squared_error,
    memory_span,
    one_hot,
    pad_sequences,
    save_weights,
    sigmoid,
    softmax,
    spectral_radius,
    tokenize,
    trace,
)

NUMPY_SAYS = ("could not be broadcast", "operands", "setting an array element", "matmul", "inhomogeneous", "aligned")

rnn, deep, cell = RNN(4, 3, rng=0), RNN(4, 3, num_layers=2, bidirectional=True, rng=0), RNNCell(4, 3, rng=0)
one, many = ManyToOneHead(3, 2, rng=0), ManyToManyHead(3, 2, rng=0)
embedding, vocab = Embedding(10, 4, rng=0), Vocab(["I", "love", "this", "movie"], specials=())
reader, tagger = ManyToOne(rnn, one, embedding=embedding), ManyToMany(rnn, many, embedding=embedding)
series = ManyToOne(rnn, ManyToOneHead(3, 1, rng=0))
writer = Decoder(rnn, ManyToManyHead(3, 10, rng=0), embedding, bos_idx=2, eos_idx=3)
stream_reader = Decoder(rnn, ManyToManyHead(3, 10, rng=0), embedding, bos_idx=None, eos_idx=None)
captioner, translator = OneToMany(5, writer, rng=0), EncoderDecoder(RNN(4, 3, rng=1), writer, embedding=embedding)
x, tokens, context = np.random.default_rng(0).standard_normal((2, 5, 4)), np.full((2, 5), 7), np.ones((2, 5))


class Table:
    """What pandas and polars call a data frame: its items are columns or their names."""

    columns = ("text",)

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.columns)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype)


table = Table([["I love it"]])


def with_state(state):
    optimizer = Adam(0.1)
    optimizer.state = state
    return optimizer


def options(**changes):
    return {"loss": cross_entropy, "optimizer": SGD(0.1), "epochs": 1, "batch_size": 2} | changes


def page(questions):
    return trace(rnn.forward(x[0])).to_html(questions)


def assert_says(caught, words):
    """The parts between " ... " are in the message, in this order; and the message is ours, not NumPy's."""
    text, position = str(caught.value), 0
    for part in words.split(" ... "):
        assert part in text[position:], f"{part!r} isn't in {text[position:]!r}"
        position = text.index(part, position) + len(part)
    assert text.startswith(words.split(" ... ", maxsplit=1)[0])
    assert not any(phrase in text for phrase in NUMPY_SAYS)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def replaced(module, path, value):
    """A copy of a module in which someone has replaced an attribute."""
    changed = copy.deepcopy(module)
    *parents, name = path.split(".")
    part = changed
    for parent in parents:
        part = part[int(parent)] if parent.isdigit() else getattr(part, parent)
    setattr(part, name, value)
    return changed


# --- every argument that is an array

JUNK = {
    "text": "abc",
    "words": [["love"]],
    "ragged": [[1, 2], [3]],
    "dates": np.array(["2020-01-31"], "M8[D]"),
    "a missing value": [1, None],
    "an object": object(),
    "masked": np.ma.array([1, 2], mask=[0, 1]),
}
FLOATS = {  # a shape that fits, and a call with the argument
    "RNN.forward: x": ((2, 5, 4), rnn),
    "RNN.forward: h_0": ((1, 2, 3), lambda h_0: rnn(x, h_0)),
    "RNNRun.backward: d_output": ((2, 5, 3), rnn.forward(x).backward),
    "RNNRun.backward: d_h_n": ((1, 2, 3), lambda d_h_n: rnn.forward(x).backward(None, d_h_n)),
    "RNN.stream: steps[0]": ((2, 4), lambda x_t: next(rnn.stream(iter([x_t])))),
    "RNN.stream: h_0": ((1, 2, 3), lambda h_0: rnn.stream(x[0], h_0)),
    "RNNCell.forward: x_t": ((2, 4), cell),
    "RNNCell.forward: h_prev": ((2, 3), lambda h_prev: cell(x[:, 0], h_prev)),
    "CellRun.backward: d_h": ((2, 3), cell.forward(x[:, 0]).backward),
    "RNNCell.from_weights: W_xh": ((3, 2), lambda W_xh: RNNCell.from_weights(W_xh, np.eye(3))),
    "RNNCell.from_weights: W_hh": ((3, 3), lambda W_hh: RNNCell.from_weights(np.ones((3, 2)), W_hh)),
    "RNNCell.from_weights: b_h": ((3,), lambda b_h: RNNCell.from_weights(np.ones((3, 2)), np.eye(3), b_h)),
    "Embedding.from_vectors: vectors": ((3, 2), Embedding.from_vectors),
    "EmbeddingRun.backward: d_vectors": ((2, 4), embedding.forward([1, 2]).backward),
    "ManyToOneHead.forward: output": ((2, 5, 3), lambda output: one(output, rnn(x)[1])),
    "ManyToManyHead.forward: h_n": ((1, 2, 3), lambda h_n: many(rnn(x)[0], h_n)),
    "ManyToOneHead.from_weights: W_hy": ((2, 3), ManyToOneHead.from_weights),
    "ManyToManyHead.from_weights: b_y": ((2,), lambda b_y: ManyToManyHead.from_weights(np.ones((2, 3)), b_y)),
    "HeadRun.backward: d_y": ((2, 2), one.forward(*rnn(x)).backward),
    "ManyToOne.forward: inputs": ((2, 5, 4), series),
    "ManyToOne.forward: h_0": ((1, 2, 3), lambda h_0: reader(tokens, None, h_0)),
    "ModelRun.backward: d_logits": ((2, 5, 2), tagger.forward(tokens).backward),
    "OneToMany.forward: context": ((2, 5), lambda context: captioner(context, tokens)),
    "OneToMany.generate: context": ((2, 5), lambda context: captioner.generate(context, max_length=2)),
    "OneToManyRun.backward: d_logits": ((2, 6, 10), captioner.forward(context, tokens).backward),
    "EncoderDecoder.forward: source": ((2, 5, 4), lambda source: EncoderDecoder(rnn, writer)(source, tokens)),
    "EncoderDecoderRun.backward: d_logits": ((2, 6, 10), translator.forward(tokens, tokens).backward),
}
LOSSES = {  # their shapes are tested in test_losses.py
    "binary_cross_entropy: logits": ((2,), lambda logits: binary_cross_entropy(logits, [0, 1])),
    "binary_cross_entropy: labels": ((2,), lambda labels: binary_cross_entropy([0.5, 1.5], labels)),
    "mean_squared_error: weights": ((2,), lambda weights: mean_squared_error([0.5, 1.5], [0, 1], weights=weights)),
    "cross_entropy: logits": ((2, 3), lambda logits: cross_entropy(logits, [0, 1])),
}
INTEGERS = {
    "RNN.forward: lengths": ((2,), lambda lengths: rnn(x, lengths=lengths)),
    "cross_entropy: targets": ((2,), lambda targets: cross_entropy(np.ones((2, 3)), targets)),
    "ManyToMany.forward: inputs": ((2, 5), tagger),
    "ManyToMany.forward: lengths": ((2,), lambda lengths: tagger(tokens, lengths)),
    "ManyToOne.forward: lengths": ((2,), lambda lengths: series(x, lengths)),
    "Decoder.forward: tokens": ((2, 5), writer),
    "Decoder.generate: prompt": ((2, 5), lambda prompt: writer.generate(prompt, max_length=2)),
    "OneToMany.forward: tokens": ((2, 5), lambda tokens: captioner(context, tokens)),
    "OneToMany.forward: lengths": ((2,), lambda lengths: captioner(context, tokens, lengths)),
    "EncoderDecoder.forward: source": ((2, 5), lambda source: translator(source, tokens)),
    "EncoderDecoder.forward: source_lengths": ((2,), lambda lengths: translator(tokens, tokens, lengths)),
    "EncoderDecoder.forward: lengths": ((2,), lambda lengths: translator(tokens, tokens, None, lengths)),
    "EncoderDecoder.generate: source": ((2, 5), lambda source: translator.generate(source, max_length=2)),
    "EncoderDecoder.generate: lengths": ((2,), lambda lengths: translator.generate(tokens, lengths, max_length=2)),
    "Vocab.decode: ids": ((2,), vocab.decode),
}
IDS = {  # of any shape
    "Embedding.forward: ids": ((2, 5), embedding),
    "one_hot: ids": ((2, 5), lambda ids: one_hot(ids, 3)),
}


def cases(*tables):
    return [pytest.param(name, shape, call, id=name) for table in tables for name, (shape, call) in table.items()]


def with_last(shape, value):
    """Ones, and one value at the last place."""
    array = np.ones(shape, type(value))
    array[(-1,) * len(shape)] = value
    return array


def last_index(shape):
    return str(tuple(length - 1 for length in shape)) if len(shape) > 1 else str(shape[0] - 1)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize(("argument", "shape", "call"), cases(FLOATS, LOSSES, INTEGERS, IDS))
def test_what_is_not_an_array_of_numbers(argument, shape, call, junk):  # noqa: ARG001
    with pytest.raises((TypeError, ValueError)) as caught:
        call(JUNK[junk])
    assert_says(caught, f"{argument} must be ")
    assert re.fullmatch(r"[\w.]+: [\w\[\] ]+ must be an? .*array.*, got .+\. [A-Z].+[.]", str(caught.value), re.DOTALL)


@pytest.mark.parametrize(("argument", "shape", "call"), cases(FLOATS, LOSSES))
def test_numbers_that_are_not_real_or_not_finite(argument, shape, call):
    with pytest.raises(TypeError) as caught:
        call(np.ones(shape) * 1j)
    assert_says(caught, f"{argument} must be real numbers, got an array of complex128")
    for bad in (np.nan, -np.inf):
        with pytest.raises(ValueError, match="finite") as caught:
            call(with_last(shape, bad))
        assert_says(caught, f"{argument} must be finite (float64), got {bad} at index {last_index(shape)}")


@pytest.mark.parametrize(("argument", "shape", "call"), cases(FLOATS, INTEGERS))
def test_an_axis_too_many(argument, shape, call):
    with pytest.raises(ValueError, match="shape") as caught:
        call(np.ones((*shape, 2), float if argument in FLOATS and "source" not in argument else int))
    assert_says(caught, f"{argument} must be an array of shape ( ... got shape {(*shape, 2)}")


@pytest.mark.parametrize(("argument", "shape", "call"), cases(INTEGERS, IDS))
def test_integers_that_are_not_whole_or_out_of_range(argument, shape, call):
    for numbers in ([0.5, 1.0], [True, False], [1, True]):
        with pytest.raises(TypeError) as caught:
            call(numbers)
        assert_says(caught, f"{argument} must be an array of integers ... got an array of ")
    for bad in (99, -1):
        with pytest.raises((IndexError, ValueError)) as caught:
            call(with_last(shape, bad))
        assert type(caught.value) is (ValueError if "lengths" in argument else IndexError)
        place = f"row {shape[0] - 1}" if "lengths" in argument else f"index {last_index(shape)}"
        assert_says(caught, f"{argument} must be from 0 to  ... got {bad} at {place}")


# --- options

REFUSED_OPTIONS = {
    RNN: {"input_size": 0, "hidden_size": 3.0, "num_layers": -1, "bidirectional": 1, "bias": "no", "rng": "seed"},
    RNNCell: {"input_size": True, "nonlinearity": "gelu", "recurrent_init": 1, "dtype": int, "rng": -1},
    Embedding: {"num_embeddings": True, "embedding_dim": 0, "dtype": "f2", "rng": "seed"},
    ManyToOneHead: {"hidden_size": 0, "output_size": 2**31, "bias": 1, "dtype": int, "rng": 0.5},
    ManyToManyHead: {"hidden_size": "3", "output_size": None, "bias": "no"},
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, options in REFUSED_OPTIONS.items() for name in options]
)
def test_options_of_a_constructor(kind, name):
    value = REFUSED_OPTIONS[kind][name]
    sizes = dict.fromkeys(list(inspect.signature(kind.__init__).parameters)[1:3], 3)
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(**sizes | {name: value})
    shown = {int: "int64", "f2": "float16"}.get(value, repr(value))
    assert_says(caught, f"{kind.__name__}: {name} must be  ... , got {shown}")


# --- other cases

CASES = [
    # networks
    (lambda: rnn(np.zeros(4)), ValueError, "RNN.forward: x ... (batch, time, input_size=4) or (time, input_size=4), got shape (4,)"),
    (lambda: rnn(np.zeros((2, 3, 5))), ValueError, "RNN.forward: x ... input_size=4 ... got shape (2, 3, 5)"),
    (lambda: rnn(with_last((2, 5, 4), np.nan), lengths=[0, 5]), ValueError, "RNN.forward: x ... got nan at index (1, 4, 3)"),
    (lambda: RNN(4, 3, dtype=np.float32)(np.full((2, 4), 1e300)), ValueError, "RNN.forward: x ... (float32), got inf at index (0, 0)"),
    (lambda: deep(x, np.zeros((2, 4, 3))), ValueError, "RNN.forward: h_0 ... directions=4 ... got shape (2, 4, 3)"),
    (lambda: rnn(x[0], np.zeros((1, 1, 3))), ValueError, "RNN.forward: h_0 ... got shape (1, 1, 3)"),
    (lambda: rnn(x, [5, 4]), ValueError, "RNN.forward: h_0 ... got shape (2,) ... lengths=..."),
    (lambda: rnn(x, lengths=[5, 5, 5]), ValueError, "RNN.forward: lengths ... batch=2 ... got shape (3,)"),
    (lambda: rnn(x[0], lengths=[5]), ValueError, "RNN.forward: lengths ... None ... got [5]"),
    (lambda: rnn(x, lengths=[[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]), ValueError, "RNN.forward: lengths ... got a mask ... [3, 5]"),
    (lambda: rnn.forward(x).backward(), ValueError, "RNNRun.backward: d_output or d_h_n ... got None for both"),
    (lambda: RNNCell(4, 3, nonlinearity=(np.tanh, 1)), TypeError, "RNNCell: nonlinearity ... got (<ufunc 'tanh'>, 1)"),
    (lambda: RNNCell.from_weights(np.ones((0, 2)), np.ones((0, 0))), ValueError, "RNNCell.from_weights: W_xh ... got shape (0, "),
    (lambda: RNNCell.from_weights(np.ones((3, 2)), np.eye(2)), ValueError, "RNNCell.from_weights: W_hh ... hidden_size=3 ... got shape (2, 2)"),
    (lambda: RNNCell.from_weights([[1.0]], [[1.0]], nonlinearity="gelu"), ValueError, "RNNCell.from_weights: nonlinearity ... got 'gelu'"),
    (lambda: RNN.from_cells([]), ValueError, "RNN.from_cells: cells ... one or more, got 0"),
    (lambda: RNN.from_cells(cell), TypeError, "RNN.from_cells: cells ... got RNNCell(4, 3) ... [cell]"),
    (lambda: RNN.from_cells([cell], bidirectional=True), ValueError, "RNN.from_cells: cells ... two per layer ... got 1"),
    (lambda: RNN.from_cells([cell, cell]), ValueError, "RNN.from_cells: cells[1] ... input_size=3 ... got a cell with input_size=4"),
    (lambda: RNN.from_cells([GRUCell(2, 3, rng=np.random.default_rng(0)), cell]), ValueError, "RNN.from_cells: cells[1] ... input_size=3 ... got a cell with input_size=4"),
    (lambda: RNN.from_cells([cell, "tanh"]), TypeError, "RNN.from_cells: cells[1] ... got 'tanh' (str), without 'input_size'"),
    (lambda: RNN.from_cells([RNNCell]), TypeError, "RNN.from_cells: cells[0] ... got the class RNNCell"),
    # streams
    (lambda: deep.stream([]), ValueError, "RNN.stream: rnn ... got bidirectional=True"),
    (lambda: rnn.stream(3), TypeError, "RNN.stream: steps ... got 3"),
    (lambda: rnn.stream([], np.zeros((2, 3))), ValueError, "RNN.stream: h_0 ... got shape (2, 3)"),
    (lambda: list(rnn.stream([x[0, 0], np.zeros(5)])), ValueError, "RNN.stream: steps[1] ... input_size=4 ... got shape (5,)"),
    (lambda: list(rnn.stream([x[:, 0], np.zeros((3, 4))])), ValueError, "RNN.stream: steps[1] ... batch=2 ... got shape (3, 4)"),
    (lambda: list(rnn.stream([np.zeros(4)], np.zeros((1, 2, 3)))), ValueError, "RNN.stream: steps[0] ... batch=2 ... got shape (4,)"),
    (lambda: list(RNN(4, 3, dtype=np.float32).stream([np.full(4, 1e300)])), ValueError, "RNN.stream: steps[0] ... (float32), got inf at index 0"),
    # embeddings and heads
    (lambda: embedding(10), IndexError, "Embedding.forward: ids ... got 10."),
    (lambda: one_hot([0], 0), ValueError, "one_hot: num_classes ... got 0"),
    (lambda: ManyToOneHead(4, 1)(*rnn(x)), ValueError, "ManyToOneHead.forward: output ... hidden_size=4 ... got shape (2, 5, 3)"),
    (lambda: many(rnn(x)[0], None), TypeError, "ManyToManyHead.forward: h_n ... got None"),
    (lambda: one(np.zeros((2, 5, 3)), np.zeros((1, 4, 3))), ValueError, "ManyToOneHead.forward: h_n ... batch=2 ... got shape (1, 4, 3)"),
    (lambda: ManyToOneHead(6, 1)(np.zeros((2, 5, 6)), np.zeros((3, 2, 3))), ValueError, "ManyToOneHead.forward: h_n ... got shape (3, 2, 3)"),
    (lambda: one(np.zeros((2, 5, 3)), np.zeros((0, 2, 3))), ValueError, "ManyToOneHead.forward: the number of states in h_n ... got 0"),
    # models, whose parts aren't named; more in test_models.py
    (lambda: captioner.generate(np.ones(5), max_length=0), ValueError, "OneToMany.generate: max_length ... got 0"),
    (lambda: translator.generate(tokens, max_length=2, top_k=0), ValueError, "EncoderDecoder.generate: top_k ... got 0"),
    # weights that someone has replaced
    (lambda: replaced(rnn, "cells.0.W_hh", np.eye(2))(x), ValueError, "RNN.forward: W_hh ... hidden_size=3 ... got shape (2, 2)"),
    (lambda: replaced(rnn, "cells.0.b_h", np.ones(2)).forward(x), ValueError, "RNN.forward: b_h ... got shape (2,)"),
    (lambda: replaced(rnn, "cells.0.W_xh", np.full((3, 4), np.nan))(x), ValueError, "RNN.forward: W_xh ... got nan at index (0, 0)"),
    (lambda: replaced(rnn, "cells.0.W_xh", np.ones(3))(x), ValueError, "RNN.forward: W_xh ... got shape (3,)"),
    (lambda: replaced(rnn, "cells.0.W_hh", np.eye(3, dtype="f4"))(x), TypeError, "RNN.forward: W_hh ... float64, got float32"),
    (lambda: replaced(rnn, "cells.0.nonlinearity", "foo")(x), ValueError, "RNN.forward: nonlinearity ... got 'foo'"),
    (lambda: replaced(rnn, "cells.0.nonlinearity", ["tanh"])(x), TypeError, "RNN.forward: nonlinearity ... got ['tanh']"),
    (lambda: replaced(replaced(RNNCell(4, 3, bias=False), "W_xh", np.ones((3, 4), "f2")), "W_hh", np.ones((3, 3), "f2"))(x), TypeError, "RNNCell.forward: W_xh ... float32 or float64, got float16"),
    (lambda: replaced(rnn, "cells", [])(x), ValueError, "RNN.forward: cells ... got 0"),
    (lambda: replaced(rnn, "cells.0.W_hh", np.full((3, 3), np.nan)).stream([]), ValueError, "RNN.stream: W_hh ... got nan"),
    (lambda: RNN.from_cells([replaced(RNNCell(4, 3, bias=False), "W_hh", np.eye(2))]), ValueError, "RNN.from_cells: W_hh ... got shape (2, 2)"),
    (lambda: replaced(cell, "b_h", np.full(3, np.inf))(np.zeros(4)), ValueError, "RNNCell.forward: b_h ... got inf at index 0"),
    (lambda: replaced(one, "b_y", np.ones(3))(*rnn(x)), ValueError, "ManyToOneHead.forward: b_y ... output_size=2 ... got shape (3,)"),
    (lambda: replaced(embedding, "vectors", np.full((3, 2), np.nan))([1]), ValueError, "Embedding.forward: vectors[1] ... got nan at index 0"),
    (lambda: replaced(embedding, "vectors", np.diag([1, 1, np.nan]))([[0, 1], [2, 0]]), ValueError, "Embedding.forward: vectors[2] ... got nan at index 2"),
    (lambda: replaced(embedding, "vectors", [1.0])([1]), TypeError, "Embedding.forward: vectors ... got [1.0]"),
    (lambda: replaced(reader, "head.W_hy", np.full((2, 3), np.nan))(tokens), ValueError, "ManyToOne.forward: W_hy ... got nan at index (0, 0)"),
    (lambda: replaced(reader, "rnn.cells.0.W_hh", np.eye(2))(tokens), ValueError, "ManyToOne.forward: W_hh ... got shape (2, 2)"),
    (lambda: replaced(reader, "embedding.vectors", np.ones(2))(tokens), ValueError, "ManyToOne.forward: vectors ... got shape (2,)"),
    (lambda: replaced(captioner, "b_c", np.ones(4))(context, tokens), ValueError, "OneToMany.forward: b_c ... got shape (4,)"),
    (lambda: replaced(rnn, "cells.0.W_xh", np.ones((3, 4), ">f8"))(x), TypeError, "RNN.forward: W_xh ... float32 or float64, got >f8"),
    (lambda: replaced(rnn, "cells.0.W_hh", np.ma.array(np.eye(3)))(x), TypeError, "RNN.forward: W_hh ... got a MaskedArray"),
    (lambda: replaced(rnn, "cells.0.b_h", np.ones(3, np.longdouble))(x), TypeError, "RNN.forward: b_h ... float64, got "),
    (lambda: replaced(one, "W_hy", np.ones((2, 3), "f2"))(*rnn(x)), TypeError, "ManyToOneHead.forward: W_hy ... float32 or float64, got float16"),
    (lambda: replaced(reader, "embedding.vectors", np.ones((10, 5)))(tokens), ValueError, "ManyToOne.forward: rnn ... input_size=5 ... got a network with input_size=4"),
    (lambda: replaced(writer, "head.W_hy", np.ones((9, 3)))(tokens), ValueError, "Decoder.forward: b_y ... output_size=9"),
    (lambda: replaced(writer, "embedding", None).generate(max_length=2, top_k=3), TypeError, "Decoder.generate: embedding ... an Embedding, got None"),
    (lambda: replaced(writer, "embedding", None)(tokens), TypeError, "Decoder.forward: embedding ... an Embedding, got None"),
    (lambda: replaced(captioner, "decoder.embedding", None)(context, tokens), TypeError, "OneToMany.forward: embedding ... an Embedding, got None"),
    (lambda: replaced(translator, "decoder.embedding", None)(tokens, tokens), TypeError, "EncoderDecoder.forward: embedding ... an Embedding, got None"),
    (lambda: replaced(writer, "embedding.vectors", np.ones((9, 4))).generate(max_length=2), ValueError, "Decoder.generate: head ... output_size=9, got output_size=10"),
    (lambda: replaced(captioner, "W_ch", np.ones((3, 5), "f4"))(context, tokens), TypeError, "OneToMany.forward: b_c ... float32, got float64"),
    (lambda: replaced(replaced(captioner, "W_ch", np.ones((4, 5))), "b_c", np.ones(4))(context, tokens), ValueError, "OneToMany.forward: W_ch ... 3 rows of float64 ... shape (4, 5)"),
    (lambda: replaced(captioner, "b_c", None)(context, tokens), TypeError, "OneToMany.forward: b_c ... got None"),
    (lambda: Decoder(rnn, ManyToManyHead(3, 10), embedding, bos_idx=np.array([1, 2]), eos_idx=3), TypeError, "Decoder: bos_idx ... an integer, got an array"),
    (lambda: Adam().step({"W": np.ma.array([1.0])}, {"W": np.ones(1)}), ValueError, "Adam.step: W ... got a masked array"),
    (lambda: Adam().step({"W": np.ones(1, "f2")}, {"W": np.ones(1)}), ValueError, "Adam.step: W ... got an array of float16"),
    (lambda: SGD(0.1).step({7: np.ones(1), "W": np.ones(1)}, {}), ValueError, "SGD.step: d_parameters ... without 7, 'W'"),
    # other objects
    (lambda: check_gradients(None, x), TypeError, "check_gradients: module ... got None"),
    (lambda: check_gradients(RNN, x), TypeError, "check_gradients: module ... got the class RNN"),
    (lambda: trace(reader.forward(tokens), 3), TypeError, "trace: tokens ... an iterable, got 3"),
    (lambda: trace(reader.forward(tokens), [10**5000] * 5), TypeError, "trace: tokens ... got [10^5000, 10^5000"),
    (lambda: trace(reader.forward(tokens), row=10**5000), IndexError, "trace: row ... got 10^5000"),
    (lambda: RNN(4, 3, nonlinearity=10**5000), ValueError, "RNN: nonlinearity ... got 10^5000"),
    (lambda: RNN(4, 3, dtype=10**5000), TypeError, "RNN: dtype ... got 10^5000"),
    (lambda: RNN(4, 10**5000), ValueError, "RNN: hidden_size ... got 10^5000"),
    (lambda: series.batch([x[0]], 3), TypeError, "ManyToOne.batch: labels ... got 3"),
    (lambda: series.batch(3, [1]), TypeError, "ManyToOne.batch: inputs ... got 3"),
    (lambda: captioner.batch(3, [[1]]), TypeError, "OneToMany.batch: contexts ... got 3"),
    (lambda: tagger.batch([["a"]], [[1]]), TypeError, "ManyToMany.batch: inputs[0] ... got words"),
    (lambda: tagger.batch([[1]], [["a"]]), TypeError, "ManyToMany.batch: labels[0] ... got words"),
    (lambda: writer.batch([["a"]]), TypeError, "Decoder.batch: tokens[0] ... got words"),
    (lambda: captioner.batch([["a"]], [[1]]), TypeError, "OneToMany.batch: contexts ... got words"),
    (lambda: captioner.batch([context[0]], [["a"]]), TypeError, "OneToMany.batch: tokens[0] ... got words"),
    (lambda: translator.batch([["a"]], [[1]]), TypeError, "EncoderDecoder.batch: source[0] ... got words"),
    (lambda: translator.batch([[1]], [["a"]]), TypeError, "EncoderDecoder.batch: tokens[0] ... got words"),
    (lambda: pad_sequences([["a"]]), TypeError, "pad_sequences: sequences[0] ... got words"),
    (lambda: one_hot([3], 3), IndexError, "one_hot: ids ... from 0 to 2 (num_classes=3), got 3"),
    (lambda: vocab.decode([9]), IndexError, "Vocab.decode: ids ... from 0 to 3 (len(vocab)=4), got 9"),
    (lambda: vocab.decode([[0]]), ValueError, "Vocab.decode: ids ... shape (tokens,), got shape (1, 1) ... row"),
    (lambda: list(rnn.stream([np.ones(5)])), ValueError, "RNN.stream: steps[0] ... (input_size=4,), got shape (5,) ... one step"),
    (lambda: list(rnn.stream([np.ones((2, 4)), np.ones((3, 4))])), ValueError, "RNN.stream: steps[1] ... (batch=2, input_size=4), got shape (3, 4)"),
    (lambda: list(rnn.stream([np.ones(4), np.ones((2, 4))])), ValueError, "RNN.stream: steps[1] ... shape (input_size=4,), got shape (2, 4)"),
    (lambda: embedding([10]), IndexError, "Embedding.forward: ids ... from 0 to 9 (num_embeddings=10), got 10"),
    (lambda: RNN.from_cells([cell], bidirectional=3), TypeError, "RNN.from_cells: bidirectional ... got 3"),
    (lambda: SGD(0.1).step(3, {}), TypeError, "SGD.step: parameters ... got 3"),
    (lambda: SGD(0.1).step({}, 3), TypeError, "SGD.step: d_parameters ... got 3"),
    (lambda: replaced(Adam(), "state", 3).step({}, {}), TypeError, "Adam.step: state ... got 3"),
    (lambda: Adam(betas=(2, 0.9)), ValueError, "Adam: betas[0] ... got 2"),
    (lambda: cell(x[:, 0], np.ones((2, 5))), ValueError, "RNNCell.forward: h_prev ... hidden_size=3 ... got shape (2, 5)"),
    (lambda: translator(tokens, tokens + 9), IndexError, "EncoderDecoder.forward: tokens ... got 16"),
    (lambda: EncoderDecoder(RNN(4, 3), writer)(x, tokens, source_lengths=[9, 1]), ValueError, "EncoderDecoder.forward: source_lengths ... got 9"),
    (lambda: replaced(captioner, "decoder.rnn.cells", [])(context, tokens), ValueError, "OneToMany.forward: cells ... got 0"),
    (lambda: replaced(translator, "encoder.cells", [])(tokens, tokens), ValueError, "EncoderDecoder.forward: cells ... got 0"),
    (lambda: replaced(translator, "decoder.rnn.cells", [])(tokens, tokens), ValueError, "EncoderDecoder.forward: cells ... got 0"),
    (lambda: rnn.load_parameters(3), TypeError, "RNN.load_parameters: parameters ... got 3"),
    (lambda: replaced(writer, "rnn.cells", []).generate(max_length=2), ValueError, "Decoder.generate: cells ... got 0"),
    (lambda: RNNCell(4, 3, nonlinearity=(lambda a: a + 1j, np.ones_like))(x[:, 0]), TypeError, "nonlinearity: the result of the function ... got an array of complex128"),
    (lambda: save_weights("w.npz", replaced(cell, "W_xh", np.ones((3, 4), complex))), ValueError, "save_weights: w.npz, entry 'W_xh' ... got complex128"),
    (lambda: spectral_radius(np.ones((0, 0))), ValueError, "spectral_radius: hidden_size ... got 0"),
    (lambda: spectral_radius(np.ones((2, 3))), ValueError, "spectral_radius: W_hh ... got shape (2, 3)"),
    (lambda: trace(reader.forward(tokens), loss=cross_entropy, targets=["a", "b"]), TypeError, "trace: targets ... got words"),
    (lambda: trace(reader.forward(tokens), loss=cross_entropy, d_logits=np.ones((2, 2))), ValueError, "trace: ... loss and d_logits"),
    (lambda: trace(reader.forward(tokens), d_logits=np.ones((2, 2)), d_h_n=np.ones((1, 2, 3))), ValueError, "trace: ... d_logits and d_output or d_h_n"),
    (lambda: cross_entropy(np.zeros((2, 3)), [0, 1], weights=["a", "b"]), TypeError, "cross_entropy: weights ... got words"),
    (lambda: vocab.save(None), TypeError, "Vocab.save: path ... the name of a file, got None"),
    (lambda: Vocab.load(3), TypeError, "Vocab.load: path ... got 3"),
    (lambda: load_weights("a\0b", cell), ValueError, "load_weights: path ... got 'a\\x00b'"),
    (lambda: save_weights("\ud800", cell), ValueError, "save_weights: path ... got '\\ud800'"),
    # results that overflow
    (lambda: ManyToManyHead.from_weights([[1e308] * 3])(np.ones((1, 3)) * 9, np.ones((1, 3))), ValueError, "ManyToManyHead.forward: y ... got inf at index (0, 0)"),
    (lambda: RNNCell.from_weights([[1e308]], [[1.0]], nonlinearity="relu")([9.0]), ValueError, "RNNCell.forward: h_t ... got inf at index 0"),
    (lambda: RNNCell.from_weights([[1e200]], [[-1e200]])([1e200], [1e200]), ValueError, "RNNCell.forward: h_t ... got nan at index 0"),
    (lambda: RNN.from_cells([RNNCell.from_weights([[1e200]], [[-1e200]])])([[1e200]] * 3, [[1e200]]), ValueError, "RNN.forward: the hidden state of cells[0] ... got nan after reading 1 step"),
    (lambda: list(RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e10]], nonlinearity="relu")]).stream([[1.0]] * 40)), ValueError, "RNN.stream: the hidden state of cells[0] after steps[31] ... got inf at index 0"),
    (lambda: list(RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e200]], nonlinearity="relu"), RNNCell.from_weights([[1.0]], [[0.5]])]).stream([[1.0]] * 4)), ValueError, "RNN.stream: the hidden state of cells[0] after steps[2] ... got inf"),
    # text
    (lambda: tokenize(["a b"]), TypeError, "tokenize: text ... got ['a b']"),
    (lambda: tokenize("a", level="line"), ValueError, "tokenize: level ... got 'line'"),
    (lambda: Vocab("I love it"), TypeError, "Vocab: tokens ... got 'I love it' ... tokenize"),
    (lambda: Vocab([1, 2]), TypeError, "Vocab: tokens[0] ... got 1"),
    (lambda: Vocab(7), TypeError, "Vocab: tokens ... got 7"),
    (lambda: Vocab({"b", "a"}), TypeError, "Vocab: tokens ... (set) ... sorted"),
    (lambda: Vocab(["a"], specials={"<pad>"}), TypeError, "Vocab: specials ... (set)"),
    (lambda: Vocab(["a"], specials="<pad>"), TypeError, "Vocab: specials ... got '<pad>'"),
    (lambda: Vocab(["a"], specials=("<x>", "<x>")), ValueError, "Vocab: specials ... got ['<x>', '<x>']"),
    (lambda: Vocab(["a"], min_freq=0), ValueError, "Vocab: min_freq ... got 0"),
    (lambda: Vocab.from_texts("I love it"), TypeError, "Vocab.from_texts: texts ... got 'I love it' ... [text]"),
    (lambda: vocab.encode(["I", "hate", "it"]), ValueError, "Vocab.encode: every token ... 'movie', got 'hate' at position 1 ... <unk>"),
    (lambda: vocab.encode("I"), TypeError, "Vocab.encode: tokens ... got 'I'"),
    (lambda: vocab.decode([[0], [1]]), ValueError, "Vocab.decode: ids ... got shape (2, 1)"),
    (lambda: pad_sequences([]), ValueError, "pad_sequences: sequences ... got none"),
    (lambda: pad_sequences(3), TypeError, "pad_sequences: sequences ... got 3"),
    (lambda: pad_sequences([1, 2]), ValueError, "pad_sequences: sequences[0] ... got one number, 1"),
    (lambda: pad_sequences([np.zeros((2, 3)), np.zeros((0, 4))]), ValueError, "pad_sequences: sequences[1] ... (time, 3), got shape (0, 4)"),
    (lambda: pad_sequences([[1]], padding_value=0.0), ValueError, "pad_sequences: padding_value ... int64, got 0.0"),
    (lambda: pad_sequences([[True]], padding_value=2), ValueError, "pad_sequences: padding_value ... bool, got 2"),
    (lambda: pad_sequences([[1]], padding_value=0.5), ValueError, "pad_sequences: padding_value ... int64, got 0.5"),
    (lambda: pad_sequences([np.ones(1, np.uint8)], padding_value=300), ValueError, "pad_sequences: padding_value ... uint8, got 300"),
    (lambda: pad_sequences([np.ones(1, np.float32)], padding_value=1e39), ValueError, "pad_sequences: padding_value ... float32, got 1e+39"),
    (lambda: pad_sequences([[1.0]], padding_value=1j), ValueError, "pad_sequences: padding_value ... float64, got 1j"),
    (lambda: pad_sequences([[-1], [2**63 + 1]]), ValueError, "pad_sequences: sequences[1] ... below 2^63, got 9223372036854775809"),
    (lambda: pad_sequences([[2**63], [-1]]), ValueError, "pad_sequences: sequences[0] ... below 2^63, got 9223372036854775808"),
    (lambda: pad_sequences([[1]], padding_value="x"), TypeError, "pad_sequences: padding_value ... got words, such as 'x'"),
    (lambda: pad_sequences([[1]], padding_value=[0]), ValueError, "pad_sequences: padding_value ... got [0]"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), CASES, ids=[words for *_, words in CASES])
def test_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert_says(caught, words)


# --- realistic mistakes: the message leads to the fix

RUN = series.forward(x)
D_PARAMETERS = RUN.backward(np.ones((2, 1))).d_parameters
EXAMPLES = [(x[0], 1), (x[1], 0)]
OPTIONS = {"loss": binary_cross_entropy, "optimizer": SGD(0.1), "epochs": 1, "batch_size": 2}
UNEQUAL = np.empty(2, object)
UNEQUAL[:] = [np.ones((5, 4)), np.ones((3, 4))]


class WideCell(RNNCell):
    def forward(self, x_t, h_prev=None):
        run = super().forward(x_t, h_prev)
        return SimpleNamespace(h=np.concatenate([run.h, run.h], axis=1))


MISTAKES = [
    (lambda: SGD(0.1).step(series, D_PARAMETERS), TypeError, "SGD.step: parameters ... got ManyToOne ... model.parameters()"),
    (lambda: SGD(0.1).step(series.parameters(), RUN.backward(np.ones((2, 1)))), TypeError, "SGD.step: d_parameters ... got ModelGradients ... .d_parameters"),
    (lambda: RUN.backward(binary_cross_entropy(RUN.logits, [1, 0])), ValueError, "ModelRun.backward: d_logits ... got a tuple (float, ndarray) ... loss, d_logits ="),
    (lambda: one(rnn(x)), TypeError, "ManyToOneHead: ... 'h_n' ... head(*rnn(x))"),
    (lambda: fit(series, EXAMPLES, **OPTIONS | {"optimizer": Adam}), TypeError, "fit: optimizer ... got the class Adam ... Create it first: Adam("),
    (lambda: fit(series, x, [1, 0], **OPTIONS), TypeError, "fit: ... list(zip(inputs, labels))"),
    (lambda: trace(RUN, gradients=RUN.backward(np.ones((2, 1)))), TypeError, "trace: ... 'gradients' ... loss and targets"),
    (lambda: RNN.from_cells([WideCell(4, 3)])(x[:, :1]), ValueError, "WideCell.forward: h ... shape (2, 3) ... got an array of shape (2, 6)"),
    (lambda: fit(series, EXAMPLES, **OPTIONS | {"loss": "bce"}), TypeError, "fit: loss ... got 'bce' ... loss=binary_cross_entropy"),
    (lambda: rnn(tokens), ValueError, "RNN.forward: x ... got shape (2, 5) ... Embedding or one_hot"),
    (lambda: series(tokens), ValueError, "ManyToOne.forward: inputs ... got shape (2, 5) ... Embedding or one_hot"),
    (lambda: cross_entropy(series(x), [0, 1]), IndexError, "cross_entropy: targets ... (classes=1), got 1 at index 1 ... binary_cross_entropy ... one output for each class"),
    (lambda: binary_cross_entropy(series(x), [1, -1]), ValueError, "binary_cross_entropy: labels ... got -1.0 ... (labels + 1) / 2"),
    (lambda: rnn(None), TypeError, "RNN.forward: x ... got None"),
    (lambda: rnn(np.array(["2020-01-31", "2020-02-01"], "M8[D]")), TypeError, "RNN.forward: x ... got dates, such as 2020-01-31 ... days since"),
    (lambda: rnn([[dt.date(2020, 1, 31)] * 4]), TypeError, "RNN.forward: x ... got dates, such as 2020-01-31 ... days since"),
    (lambda: rnn([[1, 2, None, 4]]), TypeError, "RNN.forward: x ... got an object array with missing values ... Fill or drop"),
    (lambda: rnn(([[1], [2, 3]], 1)), ValueError, "RNN.forward: x ... got a tuple (list, int) ... Unpack it"),
    (lambda: RNN(2, 3)([np.ma.array([1.0, 5.0], mask=[0, 1])]), ValueError, "RNN.forward: x ... got a masked array"),
    (lambda: RNN(2, 3)([[np.ma.array([1.0, 5.0], mask=[0, 1])]]), ValueError, "RNN.forward: x ... got a masked array"),
    (lambda: softmax([[1.0, [0.5, np.ma.masked]]]), ValueError, "softmax: logits ... got a masked array"),
    (lambda: softmax(np.array([1, np.zeros(2)], dtype=object)), TypeError, "softmax: logits ... got an object array of rows of unequal lengths"),
    (lambda: RNN(2, 3)(np.array([], "M8[D]")), TypeError, "RNN.forward: x ... got an empty array of datetime64"),
    (lambda: tagger.batch([[1, 2], [3]], [[1, 0], [1], [0]]), ValueError, "ManyToMany.batch: labels ... 2 sequences, got 3"),
    (lambda: reader.batch([[1, 2], [3]], {1, 0}), TypeError, "ManyToOne.batch: labels ... with an order, got {0, 1} (set)"),
    (lambda: reader.batch({7: 1, 8: 0}, [1, 0]), TypeError, "ManyToOne.batch: inputs ... with an order, got {7: 1, 8: 0} (dict)"),
    (lambda: Vocab(table), TypeError, "Vocab: tokens ... a list, got ... Pass one column of the table"),
    (lambda: Vocab.from_texts(table), TypeError, "Vocab.from_texts: texts ... a list, got ... Pass one column of the table"),
    (lambda: vocab.encode(table), TypeError, "Vocab.encode: tokens ... a list, got ... Pass one column of the table"),
    (lambda: reader.batch([[1, 2], [3]], table), TypeError, "ManyToOne.batch: labels ... a list, got ... Pass one column of the table"),
    (lambda: fit_stream(stream_reader, Table([[1, 2, 3]]), loss=cross_entropy, optimizer=SGD(0.1), window=2), TypeError, "fit_stream: chunks ... a list or a generator of arrays"),
    (lambda: trace(rnn.forward(x[0]), {"I", "love"}), TypeError, "trace: tokens ... with an order, got {"),
    (lambda: cross_entropy(x[0], tokens[0], ignore_index=0), TypeError, "cross_entropy: ... 'ignore_index' ... weights=(targets != index)"),
    (lambda: cross_entropy(x[0], tokens[0], [1.0]), TypeError, "cross_entropy: takes 2 positional arguments but 3 were given ... by name: lengths="),
    (lambda: Vocab(["a"], max_size=2), TypeError, "Vocab: ... 'max_size' ... min_freq"),
    (lambda: clip_grad_norm({}, max_norm=1.0, norm_type=2), TypeError, "clip_grad_norm: ... 'norm_type' ... Leave it out"),
    (lambda: one_hot([1], depth=3), TypeError, "one_hot: ... 'depth' ... num_classes"),
    (lambda: tokenize("a", lower=True), TypeError, "tokenize: ... 'lower' ... text.lower()"),
    (lambda: save_weights("w.npz"), TypeError, "save_weights: missing ... 'module' ... path, module"),
    (lambda: replaced(writer, "bos_idx", 10**30).forward([[1, 2]]), IndexError, "Decoder.forward: bos_idx ... from 0 to 9 (num_embeddings=10), got 1000"),
    (lambda: replaced(writer, "bos_idx", "a").forward([[1, 2]]), TypeError, "Decoder.forward: bos_idx ... an integer, got 'a'"),
    (lambda: ManyToOne(replaced(rnn, "cells", []), one), ValueError, "ManyToOne: cells ... a list of one or more, got 0"),
    (lambda: Decoder(replaced(rnn, "cells", (1,)), many, embedding, bos_idx=2, eos_idx=3), TypeError, "Decoder: cells ... a list of cells, got (1,)"),
    (lambda: OneToMany(4, replaced(writer, "rnn", 5)), TypeError, "OneToMany: rnn ... an RNN, got 5"),
    (lambda: OneToMany(4, replaced(writer, "rnn.cells", [])), ValueError, "OneToMany: cells ... a list of one or more, got 0"),
    (lambda: gradient_flow(rnn.forward(x), gradients=x), TypeError, "gradient_flow: ... 'gradients' ... Pass loss and targets"),
    (lambda: Vocab(Counter({"a": 1, 7: 2})), TypeError, "Vocab: tokens[1] ... a str, got 7"),
    (lambda: pad_sequences({(1, 2), (3,)}), TypeError, "pad_sequences: sequences ... with an order, got {"),
    (lambda: rnn.stream({1: 2}), TypeError, "RNN.stream: steps ... with an order, got {1: 2} (dict)"),
    (lambda: save_weights("w.npz", with_state(None)), TypeError, "save_weights: state ... a dictionary of arrays, got None"),
    (lambda: save_weights("w.npz", with_state({0: np.ones(2)})), ValueError, "save_weights: state ... the state of an Adam, got one with '0'"),
    (lambda: clip_grad_norm({"W": x, "b": x[:1]}, 1.0), ValueError, "clip_grad_norm: d_parameters['b'] ... overlap W, got a view"),
    (lambda: fit(SimpleNamespace(columns=("a",)), [(1,)], **options()), TypeError, "fit: model ... columns, batch, forward and parameters, got "),
    (lambda: fit(reader, [([1, 2], 1)], **options(weights=lambda _: [[1, 2], [3]])), ValueError, "fit, epoch 1, batch 1 ... the result of weights ... got rows of unequal lengths"),
    (lambda: fit(reader, [([1, 2], 1)], **options(loss=max)), TypeError, "fit, epoch 1, batch 1 ... max: "),
    (lambda: fit(reader, [([1, 2], 1)], **options(loss=lambda: 0)), TypeError, "fit, epoch 1, batch 1 ... <lambda>: ... It takes no arguments"),
    (lambda: page(None), TypeError, "Trace.save_html: questions ... an iterable, got None"),
    (lambda: page([5]), ValueError, "Trace.save_html: questions ... chosen from 'state', got 5"),
    (lambda: page([()]), ValueError, "Trace.save_html: questions ... chosen from 'state', got ()"),
    (lambda: rnn((x, None)), ValueError, "RNN.forward: x ... got a tuple (ndarray, NoneType) ... Unpack it"),
    (lambda: rnn.forward(x).backward(rnn.forward(x).backward(np.ones((2, 5, 3)))), ValueError, "RNNRun.backward: d_output ... got a tuple (ndarray, ndarray, list, dict) ... Unpack it"),
    (lambda: rnn(UNEQUAL), TypeError, "RNN.forward: x ... got an object array of rows of unequal lengths ... pad_sequences"),
    (lambda: cross_entropy(one(*rnn(x)), ["pos", "neg"]), TypeError, "cross_entropy: targets ... got words, such as 'pos' ... from 0"),
    (lambda: cross_entropy(np.zeros((3, 3)), [1, 2, 3]), IndexError, "cross_entropy: targets ... got 3 at index 2 ... targets - 1"),
    (lambda: cross_entropy(np.zeros((2, 3)), [2, -100]), IndexError, "cross_entropy: targets ... got -100 at index 1 ... weights="),
    (lambda: RNN(4, 3, nonlinearity="lstm"), ValueError, "RNN: nonlinearity ... got 'lstm' ... torch.nn"),
    (lambda: RNN(10, 20, 2), TypeError, "RNN: ... num_layers=2"),
    (lambda: RNN(10, 20, batch_first=True), TypeError, "RNN: ... 'batch_first' ... Leave it out: the batch axis always comes first"),
    (lambda: RNN(10, 20, dropout=0.5), TypeError, "RNN: ... 'dropout' ... Leave it out"),
    (lambda: Embedding(10, 4, padding_idx=0), TypeError, "Embedding: ... 'padding_idx' ... Leave it out: pass lengths"),
    (lambda: Adam(lr=0.1), TypeError, "Adam: ... 'lr' ... learning_rate"),
    (lambda: Adam(0.1, weight_decay=0.1), TypeError, "Adam: ... 'weight_decay' ... Leave it out"),
    (lambda: RNN(1, 3)(np.ones(30)), ValueError, "RNN.forward: x ... got shape (30,) ... x[..., None]"),
    (lambda: RNN(1, 3)(np.ones((150, 12))), ValueError, "RNN.forward: x ... got shape (150, 12) ... x[..., None]"),
    (lambda: ManyToOne(RNN(1, 3), ManyToOneHead(3, 1))(np.ones((150, 12))), ValueError, "ManyToOne.forward: inputs ... got shape (150, 12) ... [..., None]"),
    (lambda: rnn(x.swapaxes(1, 2)), ValueError, "RNN.forward: x ... got shape (2, 4, 5) ... swapaxes(1, 2)"),
    (lambda: rnn(x.swapaxes(0, 1), np.zeros((1, 2, 3))), ValueError, "RNN.forward: h_0 ... batch=5 ... got shape (1, 2, 3) ... swapaxes(0, 1)"),
    (lambda: rnn(x.swapaxes(0, 1), lengths=[5, 3]), ValueError, "RNN.forward: lengths ... batch=5 ... got shape (2,) ... swapaxes(0, 1)"),
    (lambda: fit(series, (x, [1, 0]), **OPTIONS), TypeError, "fit: examples[0] ... a tuple (inputs, label) ... shape (2, 5, 4) ... list(zip(inputs, label))"),
    (lambda: ManyToOne(rnn, ManyToOneHead), TypeError, "ManyToOne: head ... got the class ManyToOneHead ... Create it first"),
    (lambda: mean_squared_error(np.ma.array([1.0, 100.0], mask=[0, 1]), [1.0, 1.0]), ValueError, "mean_squared_error: predictions ... got a masked array ... Fill or drop"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), MISTAKES, ids=[words for *_, words in MISTAKES])
def test_a_realistic_mistake(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert_says(caught, words)


# --- each input is checked once, and what is refused changes nothing


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: reader(tokens, [5, 3], np.zeros((1, 2, 3))), {"ids": 1, "lengths": 1, "finite h_0": 1}),
        (lambda: series(x, [5, 3]), {"lengths": 1, "finite inputs": 1}),
        (lambda: writer(tokens, [5, 3], np.zeros((1, 2, 3))), {"ids": 1, "lengths": 1, "finite h_0": 1}),
        (lambda: captioner(context, tokens, [5, 3]), {"ids": 1, "lengths": 1, "finite context": 1, "finite h_0": 1}),
        (lambda: translator(tokens, tokens, [5, 3], [5, 3]), {"ids": 2, "lengths": 2}),
    ],
)
def test_each_input_is_checked_once(call, expected):
    counts = Counter()

    def counted(name):
        check = getattr(_checks, name)

        def counting(values, *arguments, **options):
            counts[f"finite {arguments[0]}" if name == "finite" else name] += 1
            return check(values, *arguments, **options)

        return counting

    with mock.patch.multiple(_checks, **{name: counted(name) for name in ("ids", "lengths", "finite")}):
        call()
    weights_and_results = {"finite W_hy", "finite b_y", "finite W_ch", "finite b_c", "finite y"}
    assert {name: count for name, count in counts.items() if name not in weights_and_results} == expected


def test_numbers_beyond_a_length_may_be_too_large_for_float32():
    inputs, d_output = x.copy(), np.ones((2, 5, 3))
    inputs[0, 2:], inputs[1, 4:], d_output[0, 2:] = 1e300, np.inf, np.nan
    run = RNN(4, 3, dtype=np.float32, rng=0).forward(inputs, lengths=[2, 4])
    assert np.isfinite(run.output).all()
    assert np.isfinite(run.backward(d_output).d_x).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: softmax([[0.0, -1000.0]]),
        lambda: sigmoid([-1000.0]),
        lambda: cross_entropy([[0.0, -1000.0]], [0], weights=[1e-300]),
        lambda: binary_cross_entropy([1000.0], [1], weights=[1e-200]),
        lambda: mean_squared_error([1e-200], [0.0]),
        lambda: Adam(0.1).step({"W": np.ones(2)}, {"W": np.full(2, 1e-200)}),
        lambda: clip_grad_norm({"W": np.array([1.0, 1e-308])}, 0.5),
        lambda: rnn.forward(np.full((3, 4), 1e-300)).backward(np.full((3, 3), 1e-300)),
        lambda: rnn.forward(np.full((3, 4), np.finfo(np.float32).tiny)),
        lambda: RNN(4, 3, dtype=np.float32, rng=0)(np.full((3, 4), 1e-300)),
        lambda: one.forward(np.full((3, 3), 1e-300), np.full((1, 3), 1e-300)).backward(np.full(2, 1e-300)),
        lambda: gradient_flow(rnn.forward(np.zeros((1500, 4))), d_h_n=np.ones((1, 3))),
        lambda: memory_span(rnn.forward(np.zeros((1500, 4)))),
        lambda: list(rnn.stream(np.full((3, 4), 1e-300))),
        lambda: fit(copy.deepcopy(reader), [([1, 2], 1), ([2], 0)], loss=cross_entropy, optimizer=Adam(1e-300), epochs=1, batch_size=2),
    ],
)  # fmt: skip
def test_what_is_too_small_for_a_float_is_0_even_where_numpy_is_told_to_raise(call):
    with np.errstate(all="raise"):
        call()
