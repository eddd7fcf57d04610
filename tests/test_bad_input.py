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
    """A network one of whose weights was replaced after it was made."""
    network = RNN.from_cells([deepcopy(cell)])
    broken(network.cells[0], name, value)
    return network


CASES = {
    # inputs of the network
    "four axes": (
        lambda: rnn(np.zeros((2, 3, 4, 5))),
        ValueError,
        "RNN.forward: x must be an array of 3 axes (batch, time, input_size) or 2 axes (time, input_size), got 4 axes: shape (2, 3, 4, 5). Token ids go through an Embedding or one_hot first.",
    ),
    "one axis": (
        lambda: rnn(np.zeros(4)),
        ValueError,
        "RNN.forward: x must be an array of 3 axes (batch, time, input_size) or 2 axes (time, input_size), got 1 axis: shape (4,). Token ids go through an Embedding or one_hot first.",
    ),
    "no axis": (
        lambda: rnn(3.0),
        ValueError,
        "RNN.forward: x must be an array of 3 axes (batch, time, input_size) or 2 axes (time, input_size), got 0 axes: shape (). Token ids go through an Embedding or one_hot first.",
    ),
    "features": (
        lambda: rnn(np.zeros((2, 3, 5))),
        ValueError,
        "RNN.forward: x must be an array whose last axis is 4 long (input_size), got 5: shape (2, 3, 5). The RNN was made for another input_size, or the axes of x are in another order.",
    ),
    "ragged": (
        lambda: rnn([[[1, 2, 3, 4]], []]),
        ValueError,
        "RNN.forward: x must be a rectangular array of numbers, got lists of unequal lengths. Of sequences, pad_sequences(...) makes one array and their lengths.",
    ),
    "text": (
        lambda: rnn([["a", "b"]]),
        TypeError,
        "RNN.forward: x must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    "nothing": (
        lambda: rnn(None),
        TypeError,
        "RNN.forward: x must be an array of numbers, got an array of object (NoneType). Words become numbers by vocab.encode(...).",
    ),
    "complex": (
        lambda: rnn(np.zeros((5, 4)) * 1j),
        TypeError,
        "RNN.forward: x must be real numbers, got an array of complex128. Did you mean x.real?",
    ),
    "unreadable": (
        lambda: rnn(Unreadable()),
        ValueError,
        "RNN.forward: x must be a rectangular array of numbers, got Unreadable, which NumPy can't read. Convert it to a NumPy array first.",
    ),
    "NaN": (
        lambda: rnn(with_bad(x, (1, 2, 3), np.nan)),
        ValueError,
        "RNN.forward: x must be finite numbers (float64), got nan at index (1, 2, 3). It came about before: print it where it is made.",
    ),
    "infinity": (
        lambda: rnn(with_bad(x[0], (2, 3), -np.inf)),
        ValueError,
        "RNN.forward: x must be finite numbers (float64), got -inf at index (2, 3). It came about before: print it where it is made.",
    ),
    "NaN at a real step": (
        lambda: rnn(with_bad(x, (1, 2, 3), np.nan), lengths=[1, 3]),
        ValueError,
        "RNN.forward: x must be finite numbers (float64), got nan at index (1, 2, 3). It came about before: print it where it is made.",
    ),
    "h_0 of another batch": (
        lambda: rnn(x, np.zeros((1, 3, 3))),
        ValueError,
        "RNN.forward: h_0 must be an array of 3 axes, of shape (1, 2, 3) = (num_layers * directions, batch, hidden_size), got shape (1, 3, 3). The states come before the batch, as in h_n; a batch's h_n is the next one's h_0 as it is.",
    ),
    "h_0 batch first": (
        lambda: stacked(x, np.zeros((2, 4, 3))),
        ValueError,
        "RNN.forward: h_0 must be an array of 3 axes, of shape (4, 2, 3) = (num_layers * directions, batch, hidden_size), got shape (2, 4, 3). The states come before the batch, as in h_n; a batch's h_n is the next one's h_0 as it is.",
    ),
    "h_0 unbatched": (
        lambda: rnn(x[0], np.zeros((1, 1, 3))),
        ValueError,
        "RNN.forward: h_0 must be an array of 2 axes, of shape (1, 3) = (num_layers * directions, hidden_size), got 3 axes: shape (1, 1, 3). The states come before the batch, as in h_n; a batch's h_n is the next one's h_0 as it is.",
    ),
    "h_0 NaN": (
        lambda: rnn(x, np.full((1, 2, 3), np.nan)),
        ValueError,
        "RNN.forward: h_0 must be finite numbers (float64), got nan at index (0, 0, 0). It came about before: print it where it is made.",
    ),
    "h_0 text": (
        lambda: rnn(x, "zeros"),
        TypeError,
        "RNN.forward: h_0 must be an array of numbers, got an array of <U5 (str). Words become numbers by vocab.encode(...).",
    ),
    # lengths
    "length above time": (
        lambda: rnn(x, lengths=[5, 6]),
        ValueError,
        "RNN.forward: lengths must be from 0 to 5 (the time steps there are), got 6 at row 1. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "length below 0": (
        lambda: rnn(x, lengths=[-1, 6]),
        ValueError,
        "RNN.forward: lengths must be from 0 to 5 (the time steps there are), got -1 at row 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "lengths' count": (
        lambda: rnn(x, lengths=[5, 5, 5]),
        ValueError,
        "RNN.forward: lengths must be an array of 1 axis, of shape (2,) = (batch,), got shape (3,). lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "one length": (
        lambda: rnn(x, lengths=5),
        ValueError,
        "RNN.forward: lengths must be an array of 1 axis, of shape (2,) = (batch,), got 0 axes: shape (). lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "lengths not whole": (
        lambda: rnn(x, lengths=[2.5, 3.0]),
        TypeError,
        "RNN.forward: lengths must be an array of whole numbers (integers), got an array of float64, 2.5 at index 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "lengths bool": (
        lambda: rnn(x, lengths=[True, False]),
        TypeError,
        "RNN.forward: lengths must be an array of whole numbers (integers), got an array of bool, True at index 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "a mask": (
        lambda: rnn(x, lengths=np.ones((2, 5), int)),
        ValueError,
        "RNN.forward: lengths must be an array of 1 axis, of shape (2,) = (batch,), got 2 axes: shape (2, 5). lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "lengths unbatched": (
        lambda: rnn(x[0], lengths=[5]),
        ValueError,
        "RNN.forward: lengths must be None where x has no batch axis, got [5] (list). Leave lengths out, or add the batch axis: x[None].",
    ),
    "a bool among lengths": (
        lambda: rnn(x, lengths=[True, 4]),
        TypeError,
        "RNN.forward: lengths must be an array of whole numbers (integers), got an array of bool, 1 at index 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
    ),
    "lengths in h_0's place": (
        lambda: rnn(x, [5, 4]),
        ValueError,
        "RNN.forward: h_0 must be an array of 3 axes, of shape (1, 2, 3) = (num_layers * directions, batch, hidden_size), got 1 axis: shape (2,). If these are lengths, name them: lengths=...",
    ),
    # sizes and words
    "size 2^70": (
        lambda: RNN(4, 2**70),
        ValueError,
        "RNN: hidden_size must be at least 1 and below 2^31, got 1180591620717411303424. It counts something that is there.",
    ),
    "size 0": (
        lambda: RNN(0, 3),
        ValueError,
        "RNN: input_size must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "size -1": (
        lambda: RNN(4, -1),
        ValueError,
        "RNN: hidden_size must be at least 1 and below 2^31, got -1. It counts something that is there.",
    ),
    "size True": (
        lambda: RNN(4, True),
        TypeError,
        "RNN: hidden_size must be a whole number, got True (bool). Pass an int, for example hidden_size=3.",
    ),
    "size 3.0": (
        lambda: RNNCell(4, 3.0),
        TypeError,
        "RNNCell: hidden_size must be a whole number, got 3.0 (float). Pass an int, for example hidden_size=3.",
    ),
    "layers": (
        lambda: RNN(4, 3, num_layers=0),
        ValueError,
        "RNN: num_layers must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "bidirectional": (
        lambda: RNN(4, 3, bidirectional=1),
        TypeError,
        "RNN: bidirectional must be True or False, got 1 (int). Pass bidirectional=True or bidirectional=False.",
    ),
    "bias": (
        lambda: RNN(4, 3, bias="no"),
        TypeError,
        "RNNCell: bias must be True or False, got 'no' (str). Pass bias=True or bias=False.",
    ),
    "nonlinearity": (
        lambda: RNN(4, 3, nonlinearity="gelu"),
        ValueError,
        "RNNCell: nonlinearity must be one of 'tanh', 'relu', got 'gelu' (str). Is it a slip of the pen?",
    ),
    "init": (
        lambda: RNN(4, 3, recurrent_init="zero"),
        ValueError,
        "RNNCell: recurrent_init must be one of 'uniform', 'orthogonal', 'identity', got 'zero' (str). Is it a slip of the pen?",
    ),
    "dtype": (
        lambda: RNN(4, 3, dtype=np.int32),
        ValueError,
        "RNNCell: dtype must be float32 or float64, got int32. Pass dtype=np.float32 or dtype=np.float64.",
    ),
    "dtype word": (
        lambda: RNN(4, 3, dtype="float33"),
        TypeError,
        "RNNCell: dtype must be float32 or float64, got 'float33' (str). Pass dtype=np.float32 or dtype=np.float64.",
    ),
    "rng": (
        lambda: RNN(4, 3, rng="seed"),
        TypeError,
        "RNN: rng must be a seed, a numpy.random.Generator or None, got 'seed' (str). Pass rng=0 for numbers that are the same each time.",
    ),
    "rng below 0": (
        lambda: RNN(4, 3, rng=-1),
        ValueError,
        "RNN: rng must be a seed of at least 0, got -1. Pass rng=0 for numbers that are the same each time.",
    ),
    "rng True": (
        lambda: RNN(4, 3, rng=True),
        TypeError,
        "RNN: rng must be a seed, a numpy.random.Generator or None, got True (bool). Pass rng=0 for numbers that are the same each time.",
    ),
    "cell's input_size": (
        lambda: RNNCell(0, 3),
        ValueError,
        "RNNCell: input_size must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "cell's hidden_size": (
        lambda: RNNCell(4, 0),
        ValueError,
        "RNNCell: hidden_size must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "cell's rng": (
        lambda: RNNCell(4, 3, rng="seed"),
        TypeError,
        "RNNCell: rng must be a seed, a numpy.random.Generator or None, got 'seed' (str). Pass rng=0 for numbers that are the same each time.",
    ),
    # networks of given cells
    "no cells": (
        lambda: RNN.from_cells([]),
        ValueError,
        "RNN.from_cells: cells must be a list of at least one RNNCell, got an empty one. For one layer pass [cell].",
    ),
    "a cell": (
        lambda: RNN.from_cells(cell),
        TypeError,
        "RNN.from_cells: cells must be a list of RNNCell, got RNNCell(4, 3): 24 parameters (RNNCell). For one layer pass [cell].",
    ),
    "odd cells": (
        lambda: RNN.from_cells([cell], bidirectional=True),
        ValueError,
        "RNN.from_cells: cells must be 2 for each layer, got 1. bidirectional=True takes two a layer: forward, reverse.",
    ),
    "layers that don't fit": (
        lambda: RNN.from_cells([cell, cell]),
        ValueError,
        "RNN.from_cells: cells[1] must be a cell with (input_size, hidden_size, dtype) = (3, 3, float64), got a cell with (input_size, hidden_size, dtype) = (4, 3, float64). A layer reads the states of all directions of the layer below.",
    ),
    "W_xh axes": (
        lambda: RNNCell.from_weights([1.0], [[1.0]]),
        ValueError,
        "RNNCell.from_weights: W_xh must be an array of 2 axes (hidden_size, input_size), got 1 axis: shape (1,). Look at its shape.",
    ),
    "W_hh shape": (
        lambda: RNNCell.from_weights(np.ones((3, 2)), np.eye(2)),
        ValueError,
        "RNNCell.from_weights: W_hh must be an array of 2 axes, of shape (3, 3) = (hidden_size, hidden_size), got shape (2, 2). W_xh's first axis is hidden_size; PyTorch's weight_ih_l0 lies the same way, Keras's kernel is transposed.",
    ),
    "b_h shape": (
        lambda: RNNCell.from_weights(np.ones((3, 2)), np.eye(3), [1.0]),
        ValueError,
        "RNNCell.from_weights: b_h must be an array of 1 axis, of shape (3,) = (hidden_size,), got shape (1,). W_xh's first axis is hidden_size; PyTorch's weight_ih_l0 lies the same way, Keras's kernel is transposed.",
    ),
    "W_hh NaN": (
        lambda: RNNCell.from_weights([[1.0]], [[np.nan]]),
        ValueError,
        "RNNCell.from_weights: W_hh must be finite numbers (float64), got nan at index (0, 0). It came about before: print it where it is made.",
    ),
    "no units": (
        lambda: RNNCell.from_weights(np.ones((0, 2)), np.ones((0, 0))),
        ValueError,
        "RNNCell.from_weights: hidden_size (rows of W_xh) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "cells' directions": (
        lambda: RNN.from_cells([cell], bidirectional=1),
        TypeError,
        "RNN.from_cells: bidirectional must be True or False, got 1 (int). Pass bidirectional=True or bidirectional=False.",
    ),
    "W_xh text": (
        lambda: RNNCell.from_weights([["a"]], [[1.0]]),
        TypeError,
        "RNNCell.from_weights: W_xh must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    "no inputs": (
        lambda: RNNCell.from_weights(np.ones((2, 0)), np.eye(2)),
        ValueError,
        "RNNCell.from_weights: input_size (columns of W_xh) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "cell's nonlinearity": (
        lambda: RNNCell.from_weights([[1.0]], [[1.0]], nonlinearity="gelu"),
        ValueError,
        "RNNCell.from_weights: nonlinearity must be one of 'tanh', 'relu', got 'gelu' (str). Is it a slip of the pen?",
    ),
    # weights that were replaced
    "W_hh replaced": (
        lambda: broken_rnn("W_hh", np.eye(2))(x),
        ValueError,
        "RNN.forward: W_hh must be an array of 2 axes, of shape (3, 3) = (hidden_size, hidden_size), got shape (2, 2). It has to go with the other weights.",
    ),
    "b_h replaced": (
        lambda: broken_rnn("b_h", np.ones(2)).forward(x),
        ValueError,
        "RNN.forward: b_h must be an array of 1 axis, of shape (3,) = (hidden_size,), got shape (2,). It has to go with the other weights.",
    ),
    "W_xh NaN later": (
        lambda: broken_rnn("W_xh", np.full((3, 4), np.nan))(x),
        ValueError,
        "RNN.forward: W_xh must be finite numbers (float64), got nan at index (0, 0). Training may have diverged: take a smaller learning rate, or clip_grad_norm.",
    ),
    "cell's b_h NaN": (
        lambda: broken(deepcopy(cell), "b_h", np.full(3, np.inf))(np.zeros(4)),
        ValueError,
        "RNNCell.forward: b_h must be finite numbers (float64), got inf at index 0. Training may have diverged: take a smaller learning rate, or clip_grad_norm.",
    ),
    "vectors NaN": (
        lambda: broken(Embedding(3, 2), "vectors", np.full((3, 2), np.nan))([1]),
        ValueError,
        "Embedding.forward: what the ids stand for must be finite numbers (float64), got nan at index (0, 0). Training may have diverged: look at embedding.vectors.",
    ),
    "vectors replaced": (
        lambda: broken(Embedding(3, 2), "vectors", np.ones(2))([1]),
        ValueError,
        "Embedding.forward: vectors must be an array of 2 axes (num_embeddings, embedding_dim), got 1 axis: shape (2,). Who replaced it?",
    ),
    "a list of weights": (
        lambda: broken_rnn("W_hh", [[1.0]])(x),
        TypeError,
        "RNN.forward: W_hh must be a NumPy array of float64, got [[1.0]] (list). Change it in place, W_hh[...] = ..., or make a new module from_weights.",
    ),
    "no weights": (
        lambda: broken_rnn("W_xh", None)(x),
        TypeError,
        "RNN.forward: W_xh must be a NumPy array of float32 or float64, got None (NoneType). Change it in place, W_xh[...] = ..., or make a new module from_weights.",
    ),
    "flat weights": (
        lambda: broken_rnn("W_xh", np.ones(4))(x),
        ValueError,
        "RNN.forward: W_xh must be an array of 2 axes (hidden_size, input_size), got 1 axis: shape (4,). Who replaced it?",
    ),
    "as many flat weights": (
        lambda: broken_rnn("W_xh", np.ones(3))(x),
        ValueError,
        "RNN.forward: W_xh must be an array of 2 axes (hidden_size, input_size), got 1 axis: shape (3,). Who replaced it?",
    ),
    "W_hh replaced, without a bias": (
        lambda: RNN.from_cells([broken(RNNCell(4, 3, bias=False), "W_hh", np.eye(2))]),
        ValueError,
        "RNN.from_cells: W_hh must be an array of 2 axes, of shape (3, 3) = (hidden_size, hidden_size), got shape (2, 2). It has to go with the other weights.",
    ),
    "another dtype": (
        lambda: broken_rnn("W_hh", np.eye(3, dtype="f4"))(x),
        TypeError,
        "RNN.forward: W_hh must be a NumPy array of float64, got float32. Change it in place, W_hh[...] = ..., or make a new module from_weights.",
    ),
    "a wrong word": (
        lambda: broken_rnn("nonlinearity", "foo")(x),
        ValueError,
        "RNN.forward: nonlinearity must be one of 'tanh', 'relu', got 'foo' (str). Is it a slip of the pen?",
    ),
    "no cells left": (
        lambda: broken(RNN(4, 3), "cells", [])(x),
        ValueError,
        "RNN.forward: cells must be 1 for each layer, got 0. bidirectional=True takes two a layer: forward, reverse.",
    ),
    "a cell too many": (
        lambda: broken(RNN(4, 3), "cells", [cell, cell])(x),
        ValueError,
        "RNN.forward: cells[1] must be a cell with (input_size, hidden_size, dtype) = (3, 3, float64), got a cell with (input_size, hidden_size, dtype) = (4, 3, float64). A layer reads the states of all directions of the layer below.",
    ),
    "head's list": (
        lambda: broken(ManyToOneHead(3, 2), "W_hy", [1.0])(*rnn(x)),
        TypeError,
        "ManyToOneHead.forward: W_hy must be a NumPy array of float32 or float64, got [1.0] (list). Change it in place, W_hy[...] = ..., or make a new module from_weights.",
    ),
    "vectors' list": (
        lambda: broken(Embedding(3, 2), "vectors", [1.0])([1]),
        TypeError,
        "Embedding.forward: vectors must be a NumPy array of float32 or float64, got [1.0] (list). Change it in place, vectors[...] = ..., or make a new module from_weights.",
    ),
    "head overflows": (
        lambda: ManyToManyHead.from_weights([[1e308, 1e308, 1e308]])(np.ones((1, 3)) * 9, np.ones((1, 3))),
        ValueError,
        "ManyToManyHead.forward: y must be finite numbers (float64), got inf at index (0, 0). The sum overflowed: W_hy is too large.",
    ),
    "cell overflows": (
        lambda: RNNCell.from_weights([[1e308]], [[1.0]], nonlinearity="relu")([9.0]),
        ValueError,
        "RNNCell.forward: h_t must be finite numbers (float64), got inf at index 0. The sum overflowed: smaller weights, or tanh in place of relu.",
    ),
    "cell overflows both ways": (
        lambda: RNNCell.from_weights([[1e200]], [[-1e200]])([1e200], [1e200]),
        ValueError,
        "RNNCell.forward: h_t must be finite numbers (float64), got nan at index 0. The sum overflowed: smaller weights, or tanh in place of relu.",
    ),
    "network overflows both ways": (
        lambda: RNN.from_cells([RNNCell.from_weights([[1e200]], [[-1e200]])])([[1e200]] * 3, [[1e200]]),
        ValueError,
        "RNN.forward: the hidden state of cells[0] must be finite numbers (float64), got nan after reading 1 steps. relu lets states grow: start with smaller weights or recurrent_init='identity', or use tanh.",
    ),
    "stream overflows": (
        lambda: list(
            RNN.from_cells([RNNCell.from_weights([[1.0]], [[1e10]], nonlinearity="relu")]).stream([[1.0]] * 40)
        ),
        ValueError,
        "RNN.stream: the hidden state of cells[0] after step 31 must be finite numbers (float64), got inf at index 0. The sum overflowed: smaller weights or inputs, or tanh in place of relu.",
    ),
    "stream overflows in a layer below": (
        lambda: list(
            RNN.from_cells(
                [
                    RNNCell.from_weights([[1.0]], [[1e200]], nonlinearity="relu"),
                    RNNCell.from_weights([[1.0]], [[0.5]]),
                ]
            ).stream([[1.0]] * 4)
        ),
        ValueError,
        "RNN.stream: the hidden state of cells[0] after step 2 must be finite numbers (float64), got inf at index 0. The sum overflowed: smaller weights or inputs, or tanh in place of relu.",
    ),
    # gradients
    "no gradient": (
        run.backward,
        ValueError,
        "Unrolled.backward: d_output or d_h_n must be a gradient to propagate, got None for both. Pass what a loss or a head's backward gave.",
    ),
    "d_output shape": (
        lambda: run.backward(np.zeros((2, 5, 4))),
        ValueError,
        "Unrolled.backward: d_output must be an array of 3 axes, of shape (2, 5, 3) = the shape of output, got shape (2, 5, 4). A gradient has the shape of what it is of.",
    ),
    "d_h_n shape": (
        lambda: run.backward(None, np.zeros((2, 3))),
        ValueError,
        "Unrolled.backward: d_h_n must be an array of 3 axes, of shape (1, 2, 3) = the shape of h_n, got 2 axes: shape (2, 3). A gradient has the shape of what it is of.",
    ),
    "d_output NaN": (
        lambda: run.backward(with_bad(run.output, (1, 0, 2), np.nan)),
        ValueError,
        "Unrolled.backward: d_output must be finite numbers (float64), got nan at index (1, 0, 2). It came about before: print it where it is made.",
    ),
    "d_h_n NaN": (
        lambda: run.backward(None, run.h_n * np.nan),
        ValueError,
        "Unrolled.backward: d_h_n must be finite numbers (float64), got nan at index (0, 0, 0). It came about before: print it where it is made.",
    ),
    "d_output unbatched NaN": (
        lambda: rnn.forward(x[0]).backward(with_bad(x[0, :, :3], (4, 1), np.inf)),
        ValueError,
        "Unrolled.backward: d_output must be finite numbers (float64), got inf at index (4, 1). It came about before: print it where it is made.",
    ),
    "d_h shape": (
        lambda: step.backward(np.zeros(4)),
        ValueError,
        "Step.backward: d_h must be an array of 1 axis, of shape (3,) = the shape of h, got shape (4,). It is dL/dh, a number for each of h.",
    ),
    "d_h NaN": (
        lambda: step.backward([0, 0, np.nan]),
        ValueError,
        "Step.backward: d_h must be finite numbers (float64), got nan at index 2. It came about before: print it where it is made.",
    ),
    "d_h text": (
        lambda: step.backward("abc"),
        TypeError,
        "Step.backward: d_h must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    # one step
    "x_t features": (
        lambda: cell(np.zeros(3)),
        ValueError,
        "RNNCell.forward: x_t must be an array whose last axis is 4 long (input_size), got 3: shape (3,). The cell was made for another input_size.",
    ),
    "x_t a number": (
        lambda: cell(3.0),
        ValueError,
        "RNNCell.forward: x_t must be an array whose last axis is 4 long (input_size), got a single number: shape (). The cell was made for another input_size.",
    ),
    "x_t NaN": (
        lambda: cell([0, np.nan, 0, 0]),
        ValueError,
        "RNNCell.forward: x_t must be finite numbers (float64), got nan at index 1. It came about before: print it where it is made.",
    ),
    "h_prev shape": (
        lambda: cell(np.zeros((2, 4)), np.zeros(3)),
        ValueError,
        "RNNCell.forward: h_prev must be an array of 2 axes, of shape (2, 3) = x_t's leading axes, then hidden_size, got 1 axis: shape (3,). Pass the h_t of the step before.",
    ),
    "h_prev NaN": (
        lambda: cell(np.zeros(4), [0, 0, np.inf]),
        ValueError,
        "RNNCell.forward: h_prev must be finite numbers (float64), got inf at index 2. It came about before: print it where it is made.",
    ),
    "x_t text": (
        lambda: cell("abcd"),
        TypeError,
        "RNNCell.forward: x_t must be an array of numbers, got an array of <U4 (str). Words become numbers by vocab.encode(...).",
    ),
    "h_prev text": (
        lambda: cell(np.zeros(4), "abc"),
        TypeError,
        "RNNCell.forward: h_prev must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    # streams
    "stream of two directions": (
        lambda: stacked.stream([]),
        ValueError,
        "RNN.stream: rnn must be of one direction, got bidirectional=True. A reverse direction begins at the end, which a stream doesn't have: use rnn(x) on a whole sequence.",
    ),
    "stream of a number": (
        lambda: rnn.stream(3),
        TypeError,
        "RNN.stream: steps must be an iterable, got 3 (int). Pass a list, an array or a generator of steps.",
    ),
    "stream h_0 axes": (
        lambda: rnn.stream([], np.zeros(3)),
        ValueError,
        "RNN.stream: h_0 must be an array of 2 axes (num_layers, hidden_size) or 3 axes (num_layers, batch, hidden_size), got 1 axis: shape (3,). Look at its shape.",
    ),
    "stream h_0 shape": (
        lambda: rnn.stream([], np.zeros((2, 3))),
        ValueError,
        "RNN.stream: h_0 must be an array of 2 axes, of shape (1, 3) = (num_layers, [batch,] hidden_size), got shape (2, 3). It has a state for each layer.",
    ),
    "stream h_0 NaN": (
        lambda: rnn.stream([], np.full((1, 3), np.nan)),
        ValueError,
        "RNN.stream: h_0 must be finite numbers (float64), got nan at index (0, 0). It came about before: print it where it is made.",
    ),
    "stream features": (
        lambda: list(rnn.stream([x[0, 0], np.zeros(5)])),
        ValueError,
        "RNN.stream: step 1 must be an array of 1 axis, of shape (4,) = ([batch,] input_size), got shape (5,). The batch is that of h_0 or of the first step.",
    ),
    "stream axes": (
        lambda: list(rnn.stream([x])),
        ValueError,
        "RNN.stream: step 0 must be an array of 1 axis (input_size,) or 2 axes (batch, input_size), got 3 axes: shape (2, 5, 4). Look at its shape.",
    ),
    "stream batch": (
        lambda: list(rnn.stream([x[:, 0], np.zeros((3, 4))])),
        ValueError,
        "RNN.stream: step 1 must be an array of 2 axes, of shape (2, 4) = ([batch,] input_size), got shape (3, 4). The batch is that of h_0 or of the first step.",
    ),
    "stream NaN": (
        lambda: list(rnn.stream([x[0, 0], x[0, 0] * np.nan])),
        ValueError,
        "RNN.stream: step 1 must be finite numbers (float64), got nan at index 0. It came about before: print it where it is made.",
    ),
    "stream weights": (
        lambda: broken_rnn("W_hh", np.full((3, 3), np.nan)).stream([]),
        ValueError,
        "RNN.stream: W_hh must be finite numbers (float64), got nan at index (0, 0). Training may have diverged: take a smaller learning rate, or clip_grad_norm.",
    ),
    "stream of one cell too many": (
        lambda: broken(RNN(4, 3), "cells", [cell, cell]).stream([]),
        ValueError,
        "RNN.stream: cells[1] must be a cell with (input_size, hidden_size, dtype) = (3, 3, float64), got a cell with (input_size, hidden_size, dtype) = (4, 3, float64). A layer reads the states of all directions of the layer below.",
    ),
    "stream h_0 text": (
        lambda: rnn.stream([], "abc"),
        TypeError,
        "RNN.stream: h_0 must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    "stream of text": (
        lambda: list(rnn.stream(["abcd"])),
        TypeError,
        "RNN.stream: step 0 must be an array of numbers, got an array of <U4 (str). Words become numbers by vocab.encode(...).",
    ),
    "stream too large for float32": (
        lambda: list(RNN(4, 3, dtype=np.float32).stream([np.full(4, 1e300)])),
        ValueError,
        "RNN.stream: step 0 must be finite numbers (float32), got inf at index 0. It came about before: print it where it is made.",
    ),
    # ids
    "id too large": (
        lambda: embedding([[1, 2], [3, 10]]),
        IndexError,
        "Embedding.forward: ids must be from 0 to 9 (num_embeddings=10), got 10 at index (1, 1). Is num_embeddings that of the vocab in use?",
    ),
    "id -1": (
        lambda: embedding([3, -1]),
        IndexError,
        "Embedding.forward: ids must be from 0 to 9 (num_embeddings=10), got -1 at index 1. Negative ids don't count from the end here.",
    ),
    "one id": (
        lambda: embedding(10),
        IndexError,
        "Embedding.forward: ids must be from 0 to 9 (num_embeddings=10), got 10. Is num_embeddings that of the vocab in use?",
    ),
    "float ids": (
        lambda: embedding([1.0, 2.0]),
        TypeError,
        "Embedding.forward: ids must be an array of whole numbers (integers), got an array of float64, 1.0 at index 0. Ids are counted, not measured: vocab.encode(...) gives integers.",
    ),
    "bool ids": (
        lambda: embedding([True]),
        TypeError,
        "Embedding.forward: ids must be an array of whole numbers (integers), got an array of bool, True at index 0. Ids are counted, not measured: vocab.encode(...) gives integers.",
    ),
    "a bool among ids": (
        lambda: embedding([[True, 2]]),
        TypeError,
        "Embedding.forward: ids must be an array of whole numbers (integers), got an array of bool, 1 at index (0, 0). Ids are counted, not measured: vocab.encode(...) gives integers.",
    ),
    "words": (
        lambda: embedding(["love"]),
        TypeError,
        "Embedding.forward: ids must be an array of numbers, got an array of <U4 (list). Words become numbers by vocab.encode(...).",
    ),
    "ragged ids": (
        lambda: embedding([[1, 2], [3]]),
        ValueError,
        "Embedding.forward: ids must be a rectangular array of numbers, got lists of unequal lengths. Of sequences, pad_sequences(...) makes one array and their lengths.",
    ),
    "d_vectors shape": (
        lambda: embedding.forward([1]).backward([1.0]),
        ValueError,
        "Embedded.backward: d_vectors must be an array of 2 axes, of shape (1, 4) = the shape of vectors, got 1 axis: shape (1,). It is dL/d_vectors: the d_x of the RNN that read them.",
    ),
    "d_vectors NaN": (
        lambda: embedding.forward([1]).backward([[0, np.nan, 0, 0]]),
        ValueError,
        "Embedded.backward: d_vectors must be finite numbers (float64), got nan at index (0, 1). It came about before: print it where it is made.",
    ),
    "vectors axes": (
        lambda: Embedding.from_vectors([1.0, 2.0]),
        ValueError,
        "Embedding.from_vectors: vectors must be an array of 2 axes (num_embeddings, embedding_dim), got 1 axis: shape (2,). Look at its shape.",
    ),
    "vectors inf": (
        lambda: Embedding.from_vectors([[np.inf]]),
        ValueError,
        "Embedding.from_vectors: vectors must be finite numbers (float64), got inf at index (0, 0). It came about before: print it where it is made.",
    ),
    "no vectors": (
        lambda: Embedding.from_vectors(np.ones((0, 2))),
        ValueError,
        "Embedding.from_vectors: num_embeddings (rows of vectors) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "no dimensions": (
        lambda: Embedding.from_vectors(np.ones((2, 0))),
        ValueError,
        "Embedding.from_vectors: embedding_dim (columns of vectors) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "embedding size": (
        lambda: Embedding(True, 3),
        TypeError,
        "Embedding: num_embeddings must be a whole number, got True (bool). Pass an int, for example num_embeddings=3.",
    ),
    "one_hot id": (
        lambda: one_hot([0, 3], 3),
        IndexError,
        "one_hot: ids must be from 0 to 2 (num_classes=3), got 3 at index 1. Is num_classes that of the vocab in use?",
    ),
    "one_hot classes": (
        lambda: one_hot([0], 0),
        ValueError,
        "one_hot: num_classes must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "embedding's dimensions": (
        lambda: Embedding(3, 0),
        ValueError,
        "Embedding: embedding_dim must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "embedding's dtype": (
        lambda: Embedding(3, 2, dtype=int),
        ValueError,
        "Embedding: dtype must be float32 or float64, got int64. Pass dtype=np.float32 or dtype=np.float64.",
    ),
    "embedding's rng": (
        lambda: Embedding(3, 2, rng="seed"),
        TypeError,
        "Embedding: rng must be a seed, a numpy.random.Generator or None, got 'seed' (str). Pass rng=0 for numbers that are the same each time.",
    ),
    "vectors text": (
        lambda: Embedding.from_vectors([["a"]]),
        TypeError,
        "Embedding.from_vectors: vectors must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    "d_vectors text": (
        lambda: embedding.forward([1]).backward("abcd"),
        TypeError,
        "Embedded.backward: d_vectors must be an array of numbers, got an array of <U4 (str). Words become numbers by vocab.encode(...).",
    ),
    "one_hot text": (
        lambda: one_hot(["a"], 3),
        TypeError,
        "one_hot: ids must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    # heads
    "head's size": (
        lambda: ManyToOneHead(4, 1)(*rnn(x)),
        ValueError,
        "ManyToOneHead.forward: output must be an array whose last axis is 4 long (the head's hidden_size), got 3: shape (2, 5, 3). A head's hidden_size is directions times the RNN's: 2 * hidden_size after a bidirectional one.",
    ),
    "half a result": (
        lambda: ManyToManyHead(3, 1)(rnn(x)[0], None),
        TypeError,
        "ManyToManyHead.forward: h_n must be an array of numbers, got an array of object (NoneType). Words become numbers by vocab.encode(...).",
    ),
    "head's axes": (
        lambda: ManyToManyHead(3, 1)(np.zeros(3), np.zeros(3)),
        ValueError,
        "ManyToManyHead.forward: output must be an array of 3 axes (batch, time, hidden_size) or 2 axes (time, hidden_size), got 1 axis: shape (3,). Call it with both that the RNN gave: head(*rnn(x)).",
    ),
    "h_n's axes": (
        lambda: ManyToManyHead(3, 1)(np.zeros((5, 3)), np.zeros(3)),
        ValueError,
        "ManyToManyHead.forward: h_n must be an array of 2 axes (num_layers * directions, [batch,] hidden_size), got 1 axis: shape (3,). Call it with both that the RNN gave: head(*rnn(x)).",
    ),
    "another batch": (
        lambda: ManyToOneHead(3, 1)(np.zeros((2, 5, 3)), np.zeros((1, 4, 3))),
        ValueError,
        "ManyToOneHead.forward: h_n must be an array of shape (num_layers * directions, 2, 3 / directions), got shape (1, 4, 3). output and h_n come from one call: head(*rnn(x)).",
    ),
    "three of two directions": (
        lambda: ManyToOneHead(6, 1)(np.zeros((2, 5, 6)), np.zeros((3, 2, 3))),
        ValueError,
        "ManyToOneHead.forward: h_n must be an array of shape (num_layers * directions, 2, 6 / directions), got shape (3, 2, 3). output and h_n come from one call: head(*rnn(x)).",
    ),
    "no final state": (
        lambda: ManyToOneHead(3, 1)(np.zeros((2, 5, 3)), np.zeros((0, 2, 3))),
        ValueError,
        "ManyToOneHead.forward: h_n must be an array of shape (num_layers * directions, 2, 3 / directions), got shape (0, 2, 3). output and h_n come from one call: head(*rnn(x)).",
    ),
    "head's weights": (
        lambda: broken(ManyToOneHead(3, 2), "b_y", np.ones(3))(*rnn(x)),
        ValueError,
        "ManyToOneHead.forward: b_y must be an array of 1 axis, of shape (2,) = (output_size,), got shape (3,). It has to go with the other weights.",
    ),
    "output NaN": (
        lambda: ManyToManyHead(3, 1)(np.full((5, 3), np.nan), np.zeros((1, 3))),
        ValueError,
        "ManyToManyHead.forward: what is read must be finite numbers (float64), got nan at index (0, 0). It came about before: print it where it is made.",
    ),
    "W_hy axes": (
        lambda: ManyToOneHead.from_weights([1.0]),
        ValueError,
        "ManyToOneHead.from_weights: W_hy must be an array of 2 axes (output_size, hidden_size), got 1 axis: shape (1,). Look at its shape.",
    ),
    "W_hy empty": (
        lambda: ManyToOneHead.from_weights(np.ones((0, 2))),
        ValueError,
        "ManyToOneHead.from_weights: output_size (rows of W_hy) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "W_hy columns": (
        lambda: ManyToOneHead.from_weights(np.ones((2, 0))),
        ValueError,
        "ManyToOneHead.from_weights: hidden_size (columns of W_hy) must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "b_y shape": (
        lambda: ManyToOneHead.from_weights([[1.0]], [1.0, 2.0]),
        ValueError,
        "ManyToOneHead.from_weights: b_y must be an array of 1 axis, of shape (1,) = (output_size,), got shape (2,). W_hy has a row for each output.",
    ),
    "b_y inf": (
        lambda: ManyToOneHead.from_weights([[1.0]], [np.inf]),
        ValueError,
        "ManyToOneHead.from_weights: b_y must be finite numbers (float64), got inf at index 0. It came about before: print it where it is made.",
    ),
    "head size": (
        lambda: ManyToOneHead(3, 0),
        ValueError,
        "ManyToOneHead: output_size must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "d_y shape": (
        lambda: ManyToOneHead(3, 2).forward(*rnn(x)).backward(np.zeros(2)),
        ValueError,
        "HeadRun.backward: d_y must be an array of 2 axes, of shape (2, 2) = the shape of y, got 1 axis: shape (2,). It is dL/dy, as a loss gives it.",
    ),
    "d_y NaN": (
        lambda: ManyToOneHead(3, 1).forward(*rnn(x)).backward([[0], [np.nan]]),
        ValueError,
        "HeadRun.backward: d_y must be finite numbers (float64), got nan at index (1, 0). It came about before: print it where it is made.",
    ),
    "head's hidden_size": (
        lambda: ManyToManyHead(0, 3),
        ValueError,
        "ManyToManyHead: hidden_size must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "head's bias": (
        lambda: ManyToOneHead(3, 1, bias="no"),
        TypeError,
        "ManyToOneHead: bias must be True or False, got 'no' (str). Pass bias=True or bias=False.",
    ),
    "head's dtype": (
        lambda: ManyToOneHead(3, 1, dtype=int),
        ValueError,
        "ManyToOneHead: dtype must be float32 or float64, got int64. Pass dtype=np.float32 or dtype=np.float64.",
    ),
    "head's rng": (
        lambda: ManyToOneHead(3, 1, rng="seed"),
        TypeError,
        "ManyToOneHead: rng must be a seed, a numpy.random.Generator or None, got 'seed' (str). Pass rng=0 for numbers that are the same each time.",
    ),
    "W_hy text": (
        lambda: ManyToManyHead.from_weights([["a"]]),
        TypeError,
        "ManyToManyHead.from_weights: W_hy must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    "output text": (
        lambda: ManyToManyHead(3, 1)("abc", np.zeros((1, 3))),
        TypeError,
        "ManyToManyHead.forward: output must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    "h_n NaN": (
        lambda: ManyToOneHead(3, 1)(np.zeros((5, 3)), np.full((1, 3), np.nan)),
        ValueError,
        "ManyToOneHead.forward: what is read must be finite numbers (float64), got nan at index 0. It came about before: print it where it is made.",
    ),
    "d_y text": (
        lambda: ManyToOneHead(3, 1).forward(*rnn(x)).backward("ab"),
        TypeError,
        "HeadRun.backward: d_y must be an array of numbers, got an array of <U2 (str). Words become numbers by vocab.encode(...).",
    ),
    # probabilities
    "sigmoid of text": (
        lambda: sigmoid("yes"),
        TypeError,
        "sigmoid: logits must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    "sigmoid of NaN": (
        lambda: sigmoid([0, np.nan]),
        ValueError,
        "sigmoid: logits must be finite numbers (float64), got nan at index 1. It came about before: print it where it is made.",
    ),
    "softmax of a number": (
        lambda: softmax(1.0),
        ValueError,
        "softmax: logits must be an array of (..., classes), at least one, got shape (). The classes' axis is the last.",
    ),
    "softmax of nothing": (
        lambda: softmax(np.ones((2, 0))),
        ValueError,
        "softmax: logits must be an array of (..., classes), at least one, got shape (2, 0). The classes' axis is the last.",
    ),
    "softmax of inf": (
        lambda: softmax([0, np.inf]),
        ValueError,
        "softmax: logits must be finite numbers (float64), got inf at index 1. It came about before: print it where it is made.",
    ),
    "softmax of text": (
        lambda: softmax("yes"),
        TypeError,
        "softmax: logits must be an array of numbers, got an array of <U3 (str). Words become numbers by vocab.encode(...).",
    ),
    # text
    "tokenize a list": (
        lambda: tokenize(["a b"]),
        TypeError,
        "tokenize: text must be a str, got ['a b'] (list). Tokenise one text at a time.",
    ),
    "level": (
        lambda: tokenize("a", level="line"),
        ValueError,
        "tokenize: level must be one of 'word', 'char', got 'line' (str). Is it a slip of the pen?",
    ),
    "vocab of a text": (
        lambda: Vocab("I love it"),
        TypeError,
        "Vocab: tokens must be a list of str, got 'I love it' (str). Cut it with tokenize(text) first.",
    ),
    "vocab of ids": (lambda: Vocab([1, 2]), TypeError, "Vocab: tokens[0] must be a str, got 1 (int). Tokens are text."),
    "vocab of a number": (
        lambda: Vocab(7),
        TypeError,
        "Vocab: tokens must be an iterable, got 7 (int). Cut it with tokenize(text) first.",
    ),
    "one text": (
        lambda: Vocab.from_texts("I love it"),
        TypeError,
        "Vocab.from_texts: texts must be a list of str, got 'I love it' (str). For one text pass [text].",
    ),
    "one special": (
        lambda: Vocab(["a"], specials="<pad>"),
        TypeError,
        "Vocab: specials must be a list of str, got '<pad>' (str). For one special pass (\"<pad>\",).",
    ),
    "min_freq": (
        lambda: Vocab(["a"], min_freq=0),
        ValueError,
        "Vocab: min_freq must be at least 1 and below 2^31, got 0. It counts something that is there.",
    ),
    "specials twice": (
        lambda: Vocab(["a"], specials=("<x>", "<x>")),
        ValueError,
        "Vocab: specials must be different tokens, got ['<x>', '<x>'] (list). Each gets an id of its own.",
    ),
    "unknown word": (
        lambda: vocab.encode(["I", "hate", "it"]),
        ValueError,
        "Vocab.encode: every token must be one of 'I', 'love', 'this', 'movie', got 'hate' at position 1. To read any word, make the vocabulary with \"<unk>\" among its specials.",
    ),
    "encode a text": (
        lambda: vocab.encode("I"),
        TypeError,
        "Vocab.encode: tokens must be a list of str, got 'I' (str). Cut it with tokenize(text) first.",
    ),
    "decode too large": (
        lambda: vocab.decode([0, 4]),
        IndexError,
        "Vocab.decode: ids must be from 0 to 3 (the vocab's size=4), got 4 at index 1. Is the vocab's size that of the vocab in use?",
    ),
    "decode -1": (
        lambda: vocab.decode([-1]),
        IndexError,
        "Vocab.decode: ids must be from 0 to 3 (the vocab's size=4), got -1 at index 0. Negative ids don't count from the end here.",
    ),
    "decode floats": (
        lambda: vocab.decode([0.0]),
        TypeError,
        "Vocab.decode: ids must be an array of whole numbers (integers), got an array of float64, 0.0 at index 0. Ids are counted, not measured: vocab.encode(...) gives integers.",
    ),
    "decode a batch": (
        lambda: vocab.decode([[0], [1]]),
        ValueError,
        "Vocab.decode: ids must be an array of 1 axis (tokens,), got 2 axes: shape (2, 1). Decode one row at a time, cut at its length.",
    ),
    # padding
    "nothing to pad": (
        lambda: pad_sequences([]),
        ValueError,
        "pad_sequences: sequences must be at least one sequence, got none. What is the batch made of?",
    ),
    "not sequences": (
        lambda: pad_sequences(3),
        TypeError,
        "pad_sequences: sequences must be an iterable, got 3 (int). Pass a list of sequences.",
    ),
    "numbers to pad": (
        lambda: pad_sequences([1, 2]),
        ValueError,
        "pad_sequences: sequences[0] must be a sequence, got one number, 1. All sequences have (time, ...) with the same axes behind time.",
    ),
    "unequal features": (
        lambda: pad_sequences([np.zeros((2, 3)), np.zeros((1, 4))]),
        ValueError,
        "pad_sequences: sequences[1] must be of shape (time, 3), got shape (1, 4). All sequences have (time, ...) with the same axes behind time.",
    ),
    "words to pad": (
        lambda: pad_sequences([["a"]]),
        TypeError,
        "pad_sequences: sequences[0] must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
    ),
    "half a padding": (
        lambda: pad_sequences([[1]], padding_value=0.5),
        ValueError,
        "pad_sequences: padding_value must be one number that fits int64, got 0.5 (float). Whole numbers are padded with a whole number.",
    ),
    "padding too large": (
        lambda: pad_sequences([np.ones(1, np.uint8)], padding_value=300),
        ValueError,
        "pad_sequences: padding_value must be one number that fits uint8, got 300 (int). Whole numbers are padded with a whole number.",
    ),
    "padding text": (
        lambda: pad_sequences([[1]], padding_value="x"),
        TypeError,
        "pad_sequences: padding_value must be an array of numbers, got an array of <U1 (str). Words become numbers by vocab.encode(...).",
    ),
    "padding list": (
        lambda: pad_sequences([[1]], padding_value=[0]),
        ValueError,
        "pad_sequences: padding_value must be one number that fits int64, got [0] (list). Whole numbers are padded with a whole number.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, error, message = CASES[name]
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    text = str(caught.value)
    assert text == message
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


# 1, -1, 1, -1, ...: of large numbers the sum is inf - inf or inf, as the BLAS adds up
WAVE = np.cos(np.pi * np.arange(64))


@pytest.mark.parametrize(
    ("of_weights", "of_inputs", "of_states"),
    [(1e200, 1e200, 0.5), (1e200, 0.5, 1e200), (1e3, 1e307, 0.5), (1e3, 0.5, 1e307), (1e307, 0.5, 0.5)],
)
def test_a_stream_of_tanh_gives_no_nan_whatever_overflows(of_weights, of_inputs, of_states):
    """As the network on the whole sequence: a state within -1..1, without a warning, or a refusal."""
    network = RNN.from_cells([RNNCell.from_weights(np.outer([1, -1], of_weights * WAVE), of_weights * np.eye(2))])
    for x_t in (of_inputs * WAVE, np.full(64, of_inputs)):
        refused = ""
        try:
            for h_t in network.stream([WAVE, x_t, WAVE], np.full((1, 2), of_states)):
                assert (np.abs(h_t) <= 1).all()
        except ValueError as error:
            refused = str(error)
        assert not refused or re.match(
            r"RNN.stream: the hidden state of cells.0. after step \d must be .*got nan", refused
        )


def test_a_head_that_overflows_both_ways_is_refused():
    with pytest.raises(ValueError, match="y must be finite numbers .*, got (nan|-?inf) at index 0. The sum overflowed"):
        ManyToOneHead.from_weights([1e200 * WAVE])([1e200 + 0 * WAVE], [1e200 + 0 * WAVE])


def test_a_refused_call_changes_nothing():
    network = RNN(4, 3, rng=0)
    before = {path: values.copy() for path, values in network.parameters().items()}
    with pytest.raises(ValueError, match="finite"):
        network(np.full((2, 3, 4), np.nan))
    for path, values in network.parameters().items():
        assert np.array_equal(values, before[path])
