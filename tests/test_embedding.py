import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vanilla_rnn import Embedding, one_hot

shapes = st.sampled_from([(), (0,), (1,), (7,), (3, 5), (2, 0), (2, 3, 4)])


@given(st.integers(0, 2**32 - 1), shapes, st.integers(1, 6), st.integers(1, 4))
def test_a_look_up_is_a_one_hot_vector_times_the_table(seed, shape, count, dim):
    rng = np.random.default_rng(seed)
    embedding, ids = Embedding(count, dim, rng=rng), rng.integers(0, count, shape)
    ones = one_hot(ids, count)
    assert ones.shape == (*shape, count)
    assert (ones.sum(axis=-1) == 1).all()
    run = embedding.forward(ids)
    assert np.array_equal(embedding(ids), ones @ embedding.vectors)
    assert np.array_equal(run.vectors, embedding(ids))
    d_vectors = rng.standard_normal((*shape, dim))
    (d_parameters,) = run.backward(d_vectors)
    d_table = ones.reshape(-1, count).T @ d_vectors.reshape(-1, dim)  # repeated ids add up
    np.testing.assert_allclose(d_parameters["vectors"], d_table, atol=1e-13)


def test_a_look_up_is_proof_against_what_happens_after_it():
    embedding, ids = Embedding(5, 2, rng=0), np.array([1, 1, 4])
    run = embedding.forward(ids)
    before = run.backward(np.ones((3, 2))).d_parameters["vectors"]
    looked_up = run.vectors.copy()
    ids += -1
    embedding.vectors += 1.0
    assert np.array_equal(run.vectors, looked_up)
    assert np.array_equal(run.backward(np.ones((3, 2))).d_parameters["vectors"], before)
    with pytest.raises(ValueError, match="read-only"):
        run.vectors += 1.0
    answer = embedding(ids)
    answer += 1.0
    assert not np.array_equal(embedding(ids), answer)


def test_what_an_id_gets_does_not_depend_on_the_others():
    """Bit for bit: the places of an id are added up in their order, whatever stands between them."""
    rng = np.random.default_rng(1)
    embedding, ids, d_vectors = Embedding(5, 2, rng=rng), rng.integers(0, 5, 300), rng.standard_normal((300, 2))
    d_table = embedding.forward(ids).backward(d_vectors).d_parameters["vectors"]
    for one in range(5):
        alone = embedding.forward(ids[ids == one]).backward(d_vectors[ids == one]).d_parameters["vectors"]
        assert np.array_equal(d_table[one], alone[one])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype(dtype):
    embedding = Embedding(5, 2, dtype=dtype, rng=0)
    run = embedding.forward(np.array([1, 2], np.uint8))
    assert run.vectors.dtype == dtype
    assert run.backward(np.ones((2, 2))).d_parameters["vectors"].dtype == dtype
    assert Embedding.from_vectors(embedding.vectors).vectors.dtype == dtype
    assert one_hot([1], 2).dtype == np.float64


def test_from_vectors_copies_and_the_table_is_drawn_from_a_normal_distribution():
    vectors = np.ones((3, 2))
    embedding = Embedding.from_vectors(vectors)
    vectors += 1.0
    assert (embedding.vectors == 1.0).all()
    drawn = Embedding(200, 100, rng=0).vectors
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    assert np.array_equal(drawn, Embedding(200, 100, rng=0).vectors)
    assert repr(embedding).splitlines() == ["Embedding(3, 2): 6 parameters", "    vectors  (3, 2)"]


def test_no_ids_are_ids_of_any_kind():
    assert Embedding(5, 2)(np.array([])).shape == (0, 2)
    assert one_hot([], 3).shape == (0, 3)
