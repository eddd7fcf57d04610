"""The twelve printed hidden-state numbers, in every way in which the library computes them."""

import numpy as np
import pytest

from vanilla_rnn import RNN, Embedding, ManyToManyHead, ManyToOneHead, RNNCell, Vocab, sigmoid, tokenize
from vanilla_rnn import worked_example as example


@pytest.fixture
def x():
    vocab = Vocab(example.TOKENS, specials=())
    return Embedding.from_vectors(example.EMBEDDINGS)(vocab.encode(tokenize("I love this movie")))


@pytest.fixture
def cell():
    return RNNCell.from_weights(example.W_xh, example.W_hh, example.b_h)


@pytest.fixture
def rnn(cell):
    return RNN.from_cells([cell])


def test_cell_step_by_step(cell, x):
    h = None
    for x_t, printed in zip(x, example.PRINTED_STATES, strict=True):
        h = cell(x_t, h)
        np.testing.assert_array_equal(h.round(4), printed)


def test_network(rnn, x):
    output, h_n = rnn(x)
    np.testing.assert_array_equal(output.round(4), example.PRINTED_STATES)
    np.testing.assert_array_equal(h_n.round(4), example.PRINTED_STATES[-1:])


@pytest.mark.parametrize("lengths", [None, [6, 2, 0, 4, 5]])
def test_network_in_a_batch(rnn, x, lengths):
    batch = np.random.default_rng(0).standard_normal((5, 6, 2))
    batch[3, :4] = x
    output, h_n = rnn(batch, lengths=lengths)
    np.testing.assert_array_equal(output[3, :4].round(4), example.PRINTED_STATES)
    if lengths:
        np.testing.assert_array_equal(h_n[0, 3].round(4), example.PRINTED_STATES[-1])


def test_stream(rnn, x):
    np.testing.assert_array_equal(np.array(list(rnn.stream(x))).round(4), example.PRINTED_STATES)


def test_float32(x):
    weights = (values.astype(np.float32) for values in (example.W_xh, example.W_hh, example.b_h))
    output, _ = RNN.from_cells([RNNCell.from_weights(*weights)])(x)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, example.PRINTED_STATES, atol=0.5e-4 + 1e-6)


def test_the_step_at_love(cell, x):
    run = cell.forward(x[1], cell(x[0]))
    np.testing.assert_array_equal((run.cell.W_xh @ run.x).round(4), [0.01, 0.66, 0.27])
    np.testing.assert_array_equal((run.cell.W_hh @ run.h_prev).round(4), [0.1451, -0.1490, 0.1089])
    np.testing.assert_array_equal(run.a.round(4), [0.1551, 0.5110, 0.3789])
    np.testing.assert_array_equal(run.h.round(4), [0.1539, 0.4707, 0.3618])


def test_probability(rnn, x):
    y = ManyToOneHead.from_weights(example.W_hy, example.b_y)(*rnn(x))
    assert sigmoid(y).round(3) == example.PRINTED_PROBABILITY
    np.testing.assert_array_equal(ManyToManyHead.from_weights(example.W_hy, example.b_y)(*rnn(x))[-1], y)


@pytest.mark.parametrize("name", ["EMBEDDINGS", "W_xh", "W_hh", "b_h", "PRINTED_STATES", "W_hy", "b_y"])
def test_the_data_can_not_be_changed(name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(example, name)[...] = 1
