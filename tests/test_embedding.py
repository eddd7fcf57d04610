"""An embedding is a one-hot vector times a table, without the multiplication."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plain import SEEDS
from vanilla_rnn import Embedding, one_hot

SHAPES = st.sampled_from([(), (0,), (1,), (7,), (3, 5), (2, 0), (2, 3, 4)])


@given(SEEDS, SHAPES, st.integers(1, 6), st.integers(1, 4))
def test_an_embedding_is_a_one_hot_vector_times_the_table(seed, shape, count, dim):
    rng = np.random.default_rng(seed)
    embedding, ids = Embedding(count, dim, rng=rng), rng.integers(0, count, shape)
    ones = one_hot(ids, count)
    assert ones.shape == (*shape, count)
    assert (ones.sum(axis=-1) == 1).all()
    run = embedding.forward(ids)
    np.testing.assert_array_equal(embedding(ids), ones @ embedding.vectors)
    np.testing.assert_array_equal(run.vectors, embedding(ids))
    d_vectors = rng.standard_normal((*shape, dim))
    (d_parameters,) = run.backward(d_vectors)
    expected = ones.reshape(-1, count).T @ d_vectors.reshape(-1, dim)  # the gradients of a repeated id are added
    np.testing.assert_allclose(d_parameters["vectors"], expected, atol=1e-13)


def test_the_gradient_of_an_id_does_not_depend_on_the_others():
    """To the last bit: the gradients of an id are added in their order, whatever is between them."""
    rng = np.random.default_rng(1)
    embedding, ids, d_vectors = Embedding(5, 2, rng=rng), rng.integers(0, 5, 300), rng.standard_normal((300, 2))
    d_table = embedding.forward(ids).backward(d_vectors).d_parameters["vectors"]
    for one in range(5):
        alone = embedding.forward(ids[ids == one]).backward(d_vectors[ids == one]).d_parameters["vectors"]
        np.testing.assert_array_equal(d_table[one], alone[one])


def test_from_vectors_copies():
    vectors = np.ones((3, 2))
    embedding = Embedding.from_vectors(vectors)
    vectors += 1.0
    assert (embedding.vectors == 1.0).all()
    assert repr(embedding).splitlines() == ["Embedding(3, 2): 6 parameters", "    vectors  (3, 2)"]


def test_the_initial_vectors_are_drawn_from_a_normal_distribution():
    vectors = Embedding(200, 100, rng=0).vectors
    assert abs(vectors.mean()) < 0.02
    assert abs(vectors.std() - 1) < 0.02
    np.testing.assert_array_equal(vectors, Embedding(200, 100, rng=0).vectors)


def test_the_dtypes_of_ids_and_vectors():
    assert Embedding.from_vectors(np.ones((3, 2), np.float32))(np.array([1, 2], np.uint8)).dtype == np.float32
    assert one_hot([1], 2).dtype == np.float64


def test_an_empty_array_of_any_dtype_contains_no_ids():
    assert Embedding(5, 2)(np.array([])).shape == (0, 2)
    assert one_hot([], 3).shape == (0, 3)


def test_a_gradient_that_overflows_is_infinite():
    gradients = Embedding.from_vectors([[0.5], [0.7]]).forward([1, 0, 1]).backward([[1e308], [2.0], [1e308]])
    np.testing.assert_array_equal(gradients.d_parameters["vectors"], [[2.0], [np.inf]])
