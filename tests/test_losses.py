import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vanilla_rnn import binary_cross_entropy, cross_entropy, mean_squared_error, sigmoid, softmax

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


LOSSES = {
    "binary": (binary_cross_entropy, (), lambda rng, shape: rng.integers(0, 2, shape)),
    "soft binary": (binary_cross_entropy, (1,), lambda rng, shape: rng.uniform(0, 1, shape)),
    "classes": (cross_entropy, (4,), lambda rng, shape: rng.integers(0, 4, shape)),
    "squares": (mean_squared_error, (1,), lambda rng, shape: rng.standard_normal(shape)),
    "vectors": (mean_squared_error, (), lambda rng, shape: rng.standard_normal(shape)),
}


def by_hand(name, z, y):
    """The mean of the loss of each element that counts, in plain Python."""
    if name == "classes":
        losses = [
            -math.log(math.exp(row[k]) / sum(math.exp(other) for other in row))
            for row, k in zip(z.reshape(-1, 4), y.reshape(-1), strict=True)
        ]
    elif "binary" in name:  # p of the label, as 1 / (1 + exp(-z)), and of its opposite, as 1 / (1 + exp(z))
        pairs = zip(z.reshape(-1), y.reshape(-1), strict=True)
        losses = [q * math.log(1 + math.exp(-one)) + (1 - q) * math.log(1 + math.exp(one)) for one, q in pairs]
    else:
        losses = [(one - q) ** 2 for one, q in zip(z.reshape(-1), y.reshape(-1), strict=True)]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from([(3,), (1, 1), (2, 5), (4, 3, 2)]))
def test_a_loss_is_the_mean_and_its_gradient_is_the_derivative(name, seed, shape):
    loss, tail, draw = LOSSES[name]
    rng = np.random.default_rng(seed)
    z, y = rng.standard_normal((*shape, *tail)) * 3, draw(rng, shape)
    value, d_logits = loss(z, y)
    assert isinstance(value, float)
    assert value == pytest.approx(by_hand(name, z, y), rel=1e-12, abs=1e-14)
    assert d_logits.shape == z.shape
    for index in np.ndindex(z.shape):
        sides = []
        for h in (1e-5, -1e-5):
            moved = z.copy()
            moved[index] += h
            sides.append(loss(moved, y)[0])
        assert d_logits[index] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1))
def test_padding_never_counts(name, seed):
    loss, tail, draw = LOSSES[name]
    rng = np.random.default_rng(seed)
    batch, time = 4, 6
    lengths = rng.integers(0, time + 1, batch)
    lengths[0] = 3
    z, y = rng.standard_normal((batch, time, *tail)), draw(rng, (batch, time))
    real = np.arange(time) < lengths[:, None]
    expected = loss(z[real], y[real])
    z[~real] = rng.choice([np.nan, np.inf, -1e300])
    y[~real] = -99 if y.dtype.kind == "i" else np.nan
    value, d_logits = loss(z, y, lengths=lengths)
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(d_logits[real], expected[1], rtol=1e-12, atol=1e-15)
    assert not d_logits[~real].any()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_has_the_logits_dtype(name, dtype):
    loss, tail, draw = LOSSES[name]
    rng = np.random.default_rng(5)
    z, y = rng.standard_normal((2, 3, *tail)).astype(dtype), draw(rng, (2, 3))
    for lengths in (None, [3, 1]):
        assert loss(z, y, lengths=lengths)[1].dtype == dtype


def test_a_loss_in_float32_is_summed_in_float64():
    predictions = np.array([1e4, 1.0, 1.0], np.float32)  # whose squares' sum float32 has no place for
    assert mean_squared_error(predictions, np.zeros(3))[0] == 100000002 / 3


def test_no_overflow_and_no_lost_digits_in_a_loss():
    for dtype in (np.float32, np.float64):
        z = np.array([1e4, -1e4, 1e4, -1e4], dtype)
        value, d_logits = binary_cross_entropy(z, [1, 0, 0, 1])
        assert value == 5e3
        assert np.array_equal(d_logits, np.array([0, 0, 0.25, -0.25], dtype))
        value, d_logits = cross_entropy(np.array([[1e4, -1e4], [-1e4, 1e4]], dtype), [0, 0])
        assert value == 1e4
        assert np.array_equal(d_logits, np.array([[0, 0], [-0.5, 0.5]], dtype))
        assert d_logits.dtype == dtype
    for logits in ([1e308, -1e308], [-1e308, 1e308]):  # as far apart as numbers go
        assert cross_entropy([logits], [int(logits[1] > 0)])[0] == 0.0
        assert np.array_equal(softmax(logits), [logits[0] > 0, logits[1] > 0])
    with pytest.raises(ValueError, match="the loss must be a finite number, got inf"):
        mean_squared_error([1e308], [-1e308])
    with pytest.raises(ValueError, match="the loss must be a finite number, got inf"):
        binary_cross_entropy([1e308, -1e308], [0, 1])
    assert binary_cross_entropy([-40.0], [0])[0] == pytest.approx(math.exp(-40), rel=1e-12)


def test_labels_may_lack_a_final_axis_of_one_and_nothing_else():
    z = np.array([[0.5], [-1.0], [2.0]])
    for loss in (binary_cross_entropy, mean_squared_error):
        value, d_logits = loss(z, [1, 0, 1])
        assert d_logits.shape == (3, 1)
        assert value == loss(z, [[1], [0], [1]])[0] == loss(z[:, 0], [1, 0, 1])[0]
        for wrong in ([[1, 0, 1]], 1, [1, 0], np.ones((3, 3))):
            with pytest.raises(
                ValueError,
                match="(labels|targets) must be .*the (logits|predictions)' shape, or that without a final 1.*broadcast",
            ):
                loss(z, wrong)
    assert binary_cross_entropy(z, np.array([True, False, True]))[0] == binary_cross_entropy(z, [1, 0, 1])[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: binary_cross_entropy([], []),
            ValueError,
            "binary_cross_entropy: logits must be of at least one step that counts, got none. There is no mean of it.",
        ),
        (
            lambda: cross_entropy(np.zeros((0, 3)), []),
            ValueError,
            "cross_entropy: logits must be of at least one step that counts, got none. There is no mean of it.",
        ),
        (
            lambda: mean_squared_error(np.ones((2, 3)), np.ones((2, 3)), lengths=[0, 0]),
            ValueError,
            "mean_squared_error: predictions must be of at least one step that counts, got none. There is no mean of it.",
        ),
        (
            lambda: binary_cross_entropy([0.0], [1.5]),
            ValueError,
            "binary_cross_entropy: labels must be from 0 to 1, got 1.5. Of more than two classes, take cross_entropy.",
        ),
        (
            lambda: binary_cross_entropy([0.0], [-1]),
            ValueError,
            "binary_cross_entropy: labels must be from 0 to 1, got -1.0. Of more than two classes, take cross_entropy.",
        ),
        (
            lambda: binary_cross_entropy([np.nan], [1]),
            ValueError,
            "binary_cross_entropy: logits must be finite numbers (float64), got nan at index 0. It came about before: print it where it is made.",
        ),
        (
            lambda: binary_cross_entropy([0.0], [np.nan]),
            ValueError,
            "binary_cross_entropy: labels must be finite numbers (float64), got nan at index 0. It came about before: print it where it is made.",
        ),
        (
            lambda: cross_entropy([[0.0, np.inf]], [1]),
            ValueError,
            "cross_entropy: logits must be finite numbers (float64), got inf at index (0, 1). It came about before: print it where it is made.",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], [2]),
            IndexError,
            "cross_entropy: targets must be from 0 to 1 (classes=2), got 2 at index 0. Is classes that of the vocab in use?",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], [-1]),
            IndexError,
            "cross_entropy: targets must be from 0 to 1 (classes=2), got -1 at index 0. Negative ids don't count from the end here.",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], [1.0]),
            TypeError,
            "cross_entropy: targets must be an array of whole numbers (integers), got an array of float64, 1.0 at index 0. Targets are class ids, one for each row of logits, not one-hot vectors.",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], [[0, 1]]),
            ValueError,
            "cross_entropy: targets must be an array of 1 axis, of shape (1,) = the logits' shape without classes, got 2 axes: shape (1, 2). Targets are class ids, one for each row of logits, not one-hot vectors.",
        ),
        (
            lambda: cross_entropy(np.zeros((2, 0)), [0, 0]),
            ValueError,
            "cross_entropy: logits must be an array of (..., classes), at least one, got shape (2, 0). The classes' axis is the last.",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], [1], lengths=[1]),
            ValueError,
            "cross_entropy: lengths must be None for these logits, got [1] (list). Leave lengths out where there is no time axis, or no batch axis.",
        ),
        (
            lambda: mean_squared_error([1.0, 2.0], [0, 1], lengths=[1, 1]),
            ValueError,
            "mean_squared_error: lengths must be None for these predictions, got [1, 1] (list). Leave lengths out where there is no time axis, or no batch axis.",
        ),
        (
            lambda: mean_squared_error(np.ones((2, 3)), np.ones((2, 3)), lengths=[4, 1]),
            ValueError,
            "mean_squared_error: lengths must be from 0 to 3 (the time steps there are), got 4 at row 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
        ),
        (
            lambda: mean_squared_error([1e200], [-1e200]),
            ValueError,
            "mean_squared_error: the loss must be a finite number, got inf. Are the targets in proportion?",
        ),
        (
            lambda: mean_squared_error(["a"], [1.0]),
            TypeError,
            "mean_squared_error: predictions must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
        ),
        (
            lambda: binary_cross_entropy(["a"], [1]),
            TypeError,
            "binary_cross_entropy: logits must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
        ),
        (
            lambda: binary_cross_entropy([0.0], ["a"]),
            TypeError,
            "binary_cross_entropy: labels must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
        ),
        (
            lambda: binary_cross_entropy([0.0], [[1, 0]]),
            ValueError,
            "binary_cross_entropy: labels must be an array of 1 axis, of shape (1,) = the logits' shape, or that without a final 1, got 2 axes: shape (1, 2). Nothing is broadcast.",
        ),
        (
            lambda: binary_cross_entropy([[0.0]], [[1]], lengths=[2]),
            ValueError,
            "binary_cross_entropy: lengths must be from 0 to 1 (the time steps there are), got 2 at row 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
        ),
        (
            lambda: cross_entropy(["a"], [1]),
            TypeError,
            "cross_entropy: logits must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
        ),
        (
            lambda: cross_entropy([[0.0, 0.0]], ["a"]),
            TypeError,
            "cross_entropy: targets must be an array of numbers, got an array of <U1 (list). Words become numbers by vocab.encode(...).",
        ),
        (
            lambda: cross_entropy([[[0.0, 0.0]]], [[1]], lengths=[2]),
            ValueError,
            "cross_entropy: lengths must be from 0 to 1 (the time steps there are), got 2 at row 0. lengths counts the real steps of each row; of a mask it is mask.sum(axis=1).",
        ),
        (
            lambda: cross_entropy(1.0, 1),
            ValueError,
            "cross_entropy: logits must be an array of (..., classes), at least one, got shape (). The classes' axis is the last.",
        ),
        (
            lambda: cross_entropy([[1e308, -1e308]], [1]),
            ValueError,
            "cross_entropy: the loss must be a finite number, got inf. Are the targets in proportion?",
        ),
        (
            lambda: mean_squared_error([1.0], [np.nan]),
            ValueError,
            "mean_squared_error: targets must be finite numbers (float64), got nan at index 0. It came about before: print it where it is made.",
        ),
        (
            lambda: mean_squared_error([1.0], [1.0, 2.0]),
            ValueError,
            "mean_squared_error: targets must be an array of 1 axis, of shape (1,) = the predictions' shape, or that without a final 1, got shape (2,). Nothing is broadcast.",
        ),
    ],
)
def test_bad_losses(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
