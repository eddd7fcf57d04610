"""Every loss is a weighted mean, its gradient is the derivative, and what doesn't count isn't read."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import SEEDS
from vanilla_rnn import binary_cross_entropy, cross_entropy, mean_squared_error, sigmoid, softmax

# --- probabilities


@given(st.floats(-700, 700))
def test_sigmoid_is_its_formula_to_the_last_digits_even_of_a_tiny_probability(z):
    assert float(sigmoid(z)) == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-12)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6))
def test_softmax_is_its_formula(z):
    p = softmax([z, [0.0] * len(z)])
    assert p[1] == pytest.approx(1 / len(z))
    assert p[0].sum() == pytest.approx(1)
    for k, z_k in enumerate(z):
        expected = 1 / sum(math.exp(min(z_j - z_k, 700.0)) for z_j in z)
        assert p[0, k] == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_large_logits_do_not_overflow(dtype):
    z = np.array([-1e4, 0.0, 1e4], dtype)
    for probabilities, expected in ((sigmoid(z), [0.0, 0.5, 1.0]), (softmax(z), [0.0, 0.0, 1.0])):
        np.testing.assert_array_equal(probabilities, np.array(expected, dtype), strict=True)
    np.testing.assert_array_equal(z, np.array([-1e4, 0.0, 1e4], dtype))  # the logits stay as they are
    assert sigmoid([1, -1]).dtype == np.float64


def test_sigmoid_is_the_softmax_of_two_classes():
    z = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(sigmoid(z), softmax(np.stack([np.zeros(11), z], axis=-1))[:, 1])


# --- losses

LOSSES = {  # the loss, the axes that logits have after the targets', random targets
    "binary": (binary_cross_entropy, (), lambda rng, shape: rng.integers(0, 2, shape)),
    "probabilities": (binary_cross_entropy, (1,), lambda rng, shape: rng.uniform(0, 1, shape)),
    "classes": (cross_entropy, (4,), lambda rng, shape: rng.integers(0, 4, shape)),
    "squares": (mean_squared_error, (1,), lambda rng, shape: rng.standard_normal(shape)),
    "vectors": (mean_squared_error, (), lambda rng, shape: rng.standard_normal(shape)),
}
UNKNOWN = {"classes": -100}  # a target that isn't one; NaN for the others


def random_case(name, rng, shape):
    """A loss, and logits and targets for it."""
    loss, axes, draw = LOSSES[name]
    return loss, 3 * rng.standard_normal((*shape, *axes)), draw(rng, shape)


def one_loss(name, z, y):
    """The loss of one prediction, in plain Python."""
    if name == "classes":
        return -math.log(math.exp(z[y]) / sum(map(math.exp, z)))
    z, y = z.item(), y.item()
    if name in ("squares", "vectors"):
        return (z - y) ** 2
    return y * math.log(1 + math.exp(-z)) + (1 - y) * math.log(1 + math.exp(z))


def plain_loss(name, z, y, w):
    """``sum(w l) / sum(w)``, one prediction after another."""
    losses = [one_loss(name, z[index], y[index]) * w[index] for index in np.ndindex(y.shape)]
    return sum(losses) / w.sum()


def difference_quotient(function, values, h=1e-5):
    quotients = np.empty_like(values)
    for index in np.ndindex(values.shape):
        sides = []
        for step in (h, -h):
            moved = values.copy()
            moved[index] += step
            sides.append(function(moved))
        quotients[index] = (sides[0] - sides[1]) / (2 * h)
    return quotients


@pytest.mark.parametrize("name", LOSSES)
@given(seed=SEEDS, shape=st.sampled_from([(3,), (1, 1), (2, 5), (4, 3, 2)]), weighted=st.booleans())
def test_a_loss_is_a_weighted_mean_and_its_gradient_is_the_derivative(name, seed, shape, weighted):
    rng = np.random.default_rng(seed)
    loss, z, y = random_case(name, rng, shape)
    w = rng.uniform(0.1, 3, shape) if weighted else np.ones(shape)
    options = {"weights": w} if weighted else {}
    value, d_logits = loss(z, y, **options)
    assert isinstance(value, float)
    assert value == pytest.approx(plain_loss(name, z, y, w), rel=1e-12, abs=1e-14)
    assert d_logits.shape == z.shape
    np.testing.assert_allclose(d_logits, difference_quotient(lambda z: loss(z, y, **options)[0], z), atol=1e-8)


@pytest.mark.parametrize("hidden_by", ["lengths", "weights", "both"])
@pytest.mark.parametrize("name", LOSSES)
@given(seed=SEEDS)
def test_what_does_not_count_may_contain_anything(name, hidden_by, seed):
    rng = np.random.default_rng(seed)
    loss, z, y = random_case(name, rng, (4, 6))
    lengths, w = rng.integers(0, 7, 4), rng.integers(0, 3, (4, 6)) * rng.uniform(0.5, 2, (4, 6))
    lengths[0], w[0, 0] = 3, 1.0
    real = np.arange(6) < lengths[:, None]
    options = {"lengths": {"lengths": lengths}, "weights": {"weights": w}}.get(
        hidden_by, {"lengths": lengths, "weights": w}
    )
    counting = {"lengths": 1.0 * real, "weights": w, "both": w * real}[hidden_by]
    counts = counting > 0
    expected, expected_d_logits = loss(z[counts], y[counts], weights=counting[counts])
    y = y.astype(float) if name == "binary" else y
    z[~counts], y[~counts] = rng.choice([np.nan, np.inf, -1e300]), UNKNOWN.get(name, np.nan)
    if hidden_by == "both":
        w[~real] = rng.choice([np.nan, -1.0])  # at the padding not even the weights are read
    value, d_logits = loss(z, y, **options)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(d_logits[counts], expected_d_logits, rtol=1e-12, atol=1e-15)
    assert not d_logits[~counts].any()


@pytest.mark.parametrize("kind", [bool, int, np.float32])
@pytest.mark.parametrize("name", LOSSES)
def test_weights_can_be_a_mask_of_any_dtype(name, kind):
    loss, z, y = random_case(name, np.random.default_rng(1), (2, 3))
    mask = np.array([[True, False, True], [False, False, True]])
    value, d_logits = loss(z, y, weights=mask.astype(kind))
    expected, expected_d_logits = loss(z[mask], y[mask])
    assert value == pytest.approx(expected)
    np.testing.assert_allclose(d_logits[mask], expected_d_logits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"lengths": [3, 1]}, {"weights": np.ones((2, 3))}])
@pytest.mark.parametrize("name", LOSSES)
def test_a_gradient_has_the_dtype_of_the_logits(name, options, dtype):
    loss, z, y = random_case(name, np.random.default_rng(5), (2, 3))
    assert loss(z.astype(dtype), y, **options)[1].dtype == dtype


def test_a_loss_in_float32_is_summed_in_float64():
    predictions = np.array([1e4, 1.0, 1.0, 1.0], np.float32)  # float32 can't hold the sum of their squares
    assert mean_squared_error(predictions, np.zeros(4))[0] == 100000003 / 4


@pytest.mark.parametrize("name", LOSSES)
def test_weights_in_float32_count_in_float64(name):
    rng = np.random.default_rng(7)
    loss, z, y = random_case(name, rng, (3, 2))
    w = rng.uniform(0.1, 3, (3, 2)).astype(np.float32)
    value, d_logits = loss(z, y, weights=w)
    expected, d_expected = loss(z, y, weights=w.astype(np.float64))
    assert value == expected
    np.testing.assert_array_equal(d_logits, d_expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_do_not_overflow_and_lose_no_digits(dtype):
    z = np.array([1e4, -1e4, 1e4, -1e4], dtype)
    value, d_logits = binary_cross_entropy(z, [1, 0, 0, 1])
    assert value == 5e3
    np.testing.assert_array_equal(d_logits, np.array([0, 0, 0.25, -0.25], dtype), strict=True)
    value, d_logits = cross_entropy(np.array([[1e4, -1e4], [-1e4, 1e4]], dtype), [0, 0])
    assert value == 1e4
    np.testing.assert_array_equal(d_logits, np.array([[0, 0], [-0.5, 0.5]], dtype), strict=True)


def test_the_largest_numbers():
    for logits, true_class in (([1e308, -1e308], 0), ([-1e308, 1e308], 1)):
        assert cross_entropy([logits], [true_class])[0] == 0.0
        np.testing.assert_array_equal(softmax(logits), np.eye(2)[true_class])
    assert binary_cross_entropy([-40.0], [0])[0] == pytest.approx(math.exp(-40), rel=1e-12)
    for loss, predictions, targets in (
        (mean_squared_error, [1e308], [-1e308]),
        (binary_cross_entropy, [1e308, -1e308], [0, 1]),
        (cross_entropy, [[1e308, -1e308]], [1]),
    ):
        with pytest.raises(ValueError, match="the loss must be a finite number, got inf. Clip"):
            loss(predictions, targets)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e-50, 1.0, 1e50, 2e307])
@pytest.mark.parametrize("name", LOSSES)
def test_only_the_ratios_of_the_weights_matter(name, scale, dtype):
    loss, z, y = random_case(name, np.random.default_rng(4), (3, 2))
    w = np.random.default_rng(5).integers(1, 9, (3, 2))  # whole, so that even 5e-324 can be multiplied by them
    expected, d_expected = loss(z.astype(dtype), y, weights=w)
    value, d_logits = loss(z.astype(dtype), y, weights=w * scale)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(d_logits, d_expected, rtol=1e-5)


def test_classes_beyond_a_length_may_be_nan():
    z = np.random.default_rng(6).standard_normal((2, 3, 4))
    expected = cross_entropy(z, [[1, 2, 3], [0, 0, 0]], lengths=[3, 1])[0]
    assert cross_entropy(z, [[1, 2, 3], [0, np.nan, np.nan]], lengths=[3, 1])[0] == expected


def test_unknown_classes_may_be_nan():
    z = np.random.default_rng(6).standard_normal((3, 4))
    value, d_logits = cross_entropy(z, [2, np.nan, 0], weights=[1, 0, 3])
    expected, d_expected = cross_entropy(z[[0, 2]], [2, 0], weights=[1, 3])
    assert value == pytest.approx(expected)
    np.testing.assert_allclose(d_logits[[0, 2]], d_expected)
    assert not d_logits[1].any()


@pytest.mark.parametrize("options", [{}, {"weights": 0.3}])
def test_one_prediction_without_axes(options):
    for loss, z, y in ((mean_squared_error, 3.0, 1.0), (binary_cross_entropy, 0.0, 1)):
        d_logits = loss(np.float32(z), y, **options)[1]
        assert isinstance(d_logits, np.ndarray)
        assert d_logits.shape == ()
        assert d_logits.dtype == np.float32


# --- shapes


@pytest.mark.parametrize("name", ["probabilities", "squares"])
def test_targets_and_weights_may_lack_a_final_axis_of_one(name):
    rng = np.random.default_rng(2)
    loss, z, y = random_case(name, rng, (3, 2))
    w = rng.uniform(0.5, 2, (3, 2))
    value, d_logits = loss(z, y, weights=w)
    assert d_logits.shape == z.shape == (3, 2, 1)
    for same_z, same_y, same_w in (
        (z, y[..., None], w),
        (z, y, w[..., None]),
        (z[..., 0], y, w),
        (z, y[..., None], w[..., None]),
    ):
        same_value, same_d_logits = loss(same_z, same_y, weights=same_w)
        assert same_value == value
        np.testing.assert_array_equal(same_d_logits.reshape(z.shape), d_logits)


def test_classes_may_have_a_final_axis_of_one():
    rng = np.random.default_rng(3)
    _, z, y = random_case("classes", rng, (2, 5))
    w = rng.uniform(0.5, 2, (2, 5))
    value, d_logits = cross_entropy(z, y, lengths=[5, 2], weights=w)
    for same_y, same_w in ((y[..., None], w), (y[..., None], w[..., None]), (y, w[..., None])):
        same_value, same_d_logits = cross_entropy(z, same_y, lengths=[5, 2], weights=same_w)
        assert same_value == value
        np.testing.assert_array_equal(same_d_logits, d_logits)
    np.testing.assert_array_equal(cross_entropy(z[:, :1], y[:, :1])[1], cross_entropy(z[:, :1], y[:, :1, None])[1])


def test_a_single_class_is_always_right():
    assert cross_entropy(np.full((1, 2, 1), 3.0), [[0, -100]], lengths=[1])[0] == 0.0


@pytest.mark.parametrize("loss", [binary_cross_entropy, mean_squared_error])
@pytest.mark.parametrize(
    ("shape", "targets", "shapes", "fix"),
    [
        ((3, 1), [[1, 0, 1]], r"\(3,\) or \(3, 1\)", r"Reshape the \w+ to \(3,\) or \(3, 1\)"),
        ((3, 1), np.ones((3, 1, 1)), r"\(3,\) or \(3, 1\)", r"Reshape the \w+ to \(3,\) or \(3, 1\)"),
        ((3, 1), 1, r"\(3,\) or \(3, 1\)", "Pass as many (labels|targets) as"),
        ((3, 1), [1, 0], r"\(3,\) or \(3, 1\)", "Pass as many (labels|targets) as"),
        ((3, 1), np.ones((3, 3)), r"\(3,\) or \(3, 1\)", "Pass as many (labels|targets) as"),
        ((2, 3, 1), np.ones((3, 2)), r"\(2, 3\) or \(2, 3, 1\)", r"Reshape the \w+ to \(2, 3\) or \(2, 3, 1\)"),
        ((3, 2), [1, 0, 1], r"\(3, 2\)", "Use cross_entropy for class ids"),
        ((2, 3, 4), np.ones((2, 3)), r"\(2, 3, 4\)", "Use cross_entropy for class ids"),
    ],
)
def test_targets_are_not_broadcast(loss, shape, targets, shapes, fix):
    with pytest.raises(ValueError, match=rf"(labels|targets) must be an array of shape {shapes}, got shape .*\. {fix}"):
        loss(np.ones(shape), targets)


def test_labels_may_be_bools():
    z = np.array([0.5, -1.0, 2.0])
    assert binary_cross_entropy(z, np.array([True, False, True]))[0] == binary_cross_entropy(z, [1, 0, 1])[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: binary_cross_entropy([], []), ValueError, "binary_cross_entropy: logits must be .*, got none"),
        (lambda: binary_cross_entropy([], [], weights=[]), ValueError, "binary_cross_entropy: logits must be .*, got none"),
        (lambda: cross_entropy(np.zeros((0, 3)), []), ValueError, "cross_entropy: logits must be .*, got none"),
        (lambda: mean_squared_error(np.ones((2, 3)), np.ones((2, 3)), lengths=[0, 0]), ValueError, "mean_squared_error: predictions must be .*, got none. Pass at least one prediction"),
        (lambda: mean_squared_error([1.0], [1.0], weights=[0]), ValueError, "predictions must be .*, got none. .*weight above 0"),
        (lambda: mean_squared_error(np.ones((1, 2)), np.ones((1, 2)), lengths=[1], weights=[[0, 1]]), ValueError, "predictions must be .*, got none"),
        (lambda: binary_cross_entropy([0.0], [1.5]), ValueError, "labels must be from 0 to 1, got 1.5. Use cross_entropy"),
        (lambda: binary_cross_entropy([0.0, 0.0], [2, -1]), ValueError, "labels must be from 0 to 1, got 2.0. Use cross_entropy"),
        (lambda: cross_entropy([[0.0, np.inf]], [1]), ValueError, r"logits must be finite .*, got inf at index \(0, 1\).*learning rate"),
        (lambda: cross_entropy([[0.0, -np.inf]], [0]), ValueError, "logits must be finite .*, got -inf .*-1e9"),
        (lambda: mean_squared_error([1.0], [np.nan]), ValueError, "targets must be finite .*, got nan at index 0.*weights=... with 0"),
        (lambda: binary_cross_entropy([1.0], [np.nan]), ValueError, "labels must be finite .*, got nan at index 0. Pass weights=... with 0"),
        (lambda: cross_entropy([[0.0, 0.0]] * 2, [np.nan, 0.5], weights=[0, 1]), TypeError, "targets must be .*integers.*, got .*float64"),
        (lambda: cross_entropy([[0.0, 0.0]], [1.0]), TypeError, "targets must be .*integers.*, got .*float64.*class ids"),
        (lambda: cross_entropy([[0.0, 0.0]], [[0, 1]]), ValueError, r"targets must be .*\(1,\).*, got shape \(1, 2\).*one-hot"),
        (lambda: cross_entropy(np.zeros((2, 0)), [0, 0]), ValueError, r"logits must be .*classes.*, got shape \(2, 0\)"),
        (lambda: cross_entropy(1.0, 1), ValueError, r"logits must be .*classes.*, got shape \(\)"),
        (lambda: cross_entropy([[0.0, 0.0]], [1], lengths=[1]), ValueError, r"lengths must be None for targets of shape \(1,\), got \[1\]"),
        (lambda: binary_cross_entropy([[0.0]], [[1]], lengths=[2]), ValueError, "binary_cross_entropy: lengths must be from 0 to 1.*, got 2 at row 0"),
        (lambda: mean_squared_error([1.0, 2.0], [0, 1], weights=[1]), ValueError, r"weights must be .*\(2,\), got shape \(1,\).*class_weights\[targets\]"),
        (lambda: binary_cross_entropy([1.0, 2.0], [0, 1], weights=[1, -0.5]), ValueError, "weights must be at least 0, got -0.5"),
        (lambda: softmax(1.0), ValueError, r"softmax: logits must be .*classes.*, got shape \(\)"),
        (lambda: softmax([0, np.inf]), ValueError, "softmax: logits must be finite .*, got inf at index 1"),
        (lambda: sigmoid([0, np.nan]), ValueError, "sigmoid: logits must be finite .*, got nan at index 1"),
        (lambda: sigmoid("yes"), TypeError, "sigmoid: logits must be an array of numbers, got words, such as 'yes'"),
    ],
)  # fmt: skip
def test_what_a_loss_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("targets", [[0.0, 2.0], [0.0, np.nan], [np.nan, 2.0]])
def test_whole_numbers_in_floats_are_classes_wherever_one_may_be_missing(targets):
    """A batch in which no label is missing is treated like the others."""
    z, counts = np.random.default_rng(0).standard_normal((2, 3)), ~np.isnan(targets)
    loss, d_z = cross_entropy(z, targets, weights=counts)
    expected, d_expected = cross_entropy(z[counts], np.array(targets)[counts].astype(int))
    assert loss == pytest.approx(expected)
    np.testing.assert_allclose(d_z[counts], d_expected)
    assert not d_z[~counts].any()
    assert cross_entropy(np.zeros((1, 200)), [150.0], weights=[1.0])[0] == pytest.approx(np.log(200))
    for target in (0.5, 2.0**53, 1.7e308):
        with pytest.raises(TypeError, match="targets must be an array of integers, got an array of float64 with "):
            cross_entropy(z, [target, 1.0], weights=[1, 1])
