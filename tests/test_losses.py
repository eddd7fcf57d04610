import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vanilla_rnn import sigmoid, softmax

logits = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6)


@given(st.floats(-700, 700))
def test_sigmoid_is_its_formula_to_the_last_digits_even_of_a_tiny_probability(z):
    assert float(sigmoid(z)) == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-12)


@given(logits)
def test_softmax_is_its_formula(z):
    p = softmax([z, [0.0] * len(z)])
    assert p[1] == pytest.approx(1 / len(z))
    assert p[0].sum() == pytest.approx(1)
    for k, one in enumerate(z):
        assert p[0, k] == pytest.approx(1 / sum(math.exp(min(other - one, 700.0)) for other in z), rel=1e-9, abs=1e-300)


def test_no_overflow_at_any_logit():
    for dtype in (np.float32, np.float64):
        z = np.array([-1e4, 0.0, 1e4], dtype)
        assert np.array_equal(sigmoid(z), [0.0, 0.5, 1.0])
        assert np.array_equal(softmax(z), [0.0, 0.0, 1.0])
        assert sigmoid(z).dtype == softmax(z).dtype == dtype
    assert sigmoid([1, -1]).dtype == np.float64


def test_the_logits_are_left_alone():
    z = np.array([1.0, 2.0])
    sigmoid(z), softmax(z)
    assert np.array_equal(z, [1.0, 2.0])


def test_sigmoid_is_the_softmax_of_two_classes():
    z = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(sigmoid(z), softmax(np.stack([np.zeros(11), z], axis=-1))[:, 1])
