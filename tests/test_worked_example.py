"""The twelve printed hidden-state numbers, by every way there is to compute them."""

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


def test_cell_step_by_step(cell, x):
    h = None
    for x_t, printed in zip(x, example.PRINTED_STATES, strict=True):
        h = cell(x_t, h)
        assert np.array_equal(h.round(4), printed)


def test_rnn_unbatched(cell, x):
    output, h_n = RNN.from_cells([cell])(x)
    assert np.array_equal(output.round(4), example.PRINTED_STATES)
    assert np.array_equal(h_n.round(4), example.PRINTED_STATES[-1:])


def test_rnn_batched_among_other_rows(cell, x):
    batch = np.random.default_rng(0).standard_normal((5, 6, 2))
    batch[3, :4] = x
    output, h_n = RNN.from_cells([cell])(batch, lengths=[6, 2, 0, 4, 5])
    assert np.array_equal(output[3, :4].round(4), example.PRINTED_STATES)
    assert np.array_equal(h_n[0, 3].round(4), example.PRINTED_STATES[-1])
    assert np.array_equal(RNN.from_cells([cell])(batch)[0][3, :4].round(4), example.PRINTED_STATES)


def test_stream(cell, x):
    states = np.array(list(RNN.from_cells([cell]).stream(x)))
    assert np.array_equal(states.round(4), example.PRINTED_STATES)


def test_float32(x):
    narrow = RNNCell.from_weights(*(values.astype(np.float32) for values in (example.W_xh, example.W_hh, example.b_h)))
    output, _ = RNN.from_cells([narrow])(x)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, example.PRINTED_STATES, atol=0.5e-4 + 1e-6)


def test_the_step_at_love(cell, x):
    step = cell.forward(x[1], cell(x[0]))
    assert np.array_equal((step.cell.W_xh @ step.x).round(4), [0.01, 0.66, 0.27])
    assert np.array_equal((step.cell.W_hh @ step.h_prev).round(4), [0.1451, -0.1490, 0.1089])
    assert np.array_equal(step.a.round(4), [0.1551, 0.5110, 0.3789])
    assert np.array_equal(step.h.round(4), [0.1539, 0.4707, 0.3618])


def test_probability(cell, x):
    result = RNN.from_cells([cell])(x)
    y = ManyToOneHead.from_weights(example.W_hy, example.b_y)(*result)
    assert sigmoid(y).round(3) == example.PRINTED_PROBABILITY
    assert np.array_equal(ManyToManyHead.from_weights(example.W_hy, example.b_y)(*result)[-1], y)


def test_the_data_can_not_be_changed():
    for values in (
        example.EMBEDDINGS,
        example.W_xh,
        example.W_hh,
        example.b_h,
        example.PRINTED_STATES,
        example.W_hy,
        example.b_y,
    ):
        with pytest.raises(ValueError, match="read-only"):
            values += 1
