"""A head reads the states that it says, and multiplies them by its weights."""

import numpy as np
import pytest
from hypothesis import given

from plain import networks
from vanilla_rnn import RNN, ManyToManyHead, ManyToOneHead

HEADS = [ManyToOneHead, ManyToManyHead]


def random_head(kind, rng, *, bidirectional=False, batched=True, **options):
    """A head, and the results of an RNN of two layers."""
    rnn = RNN(2, 4, num_layers=2, bidirectional=bidirectional, rng=rng)
    output, h_n = rnn(rng.standard_normal((5, 6, 2) if batched else (6, 2)))
    return kind(rnn.directions * 4, 3, rng=rng, **options), output, h_n


@given(networks())
def test_a_head_reads_the_final_states_or_those_of_every_step(case):
    rnn, x, h_0, lengths, rng = (case[name] for name in ("rnn", "x", "h_0", "lengths", "rng"))
    size = rnn.directions * rnn.hidden_size
    run, (output, h_n) = rnn.forward(x, h_0, lengths), rnn(x, h_0, lengths)
    one, many = ManyToOneHead(size, 3, rng=rng), ManyToManyHead(size, 3, bias=False, rng=rng)
    y_one, y_many = one(output, h_n), many(output, h_n)
    assert (y_one.shape, y_many.shape) == ((len(x), 3), (*x.shape[:2], 3))
    np.testing.assert_allclose(y_one, run.last @ one.W_hy.T + one.b_y, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(y_many, output @ many.W_hy.T, rtol=1e-12, atol=1e-14)
    for row in range(len(x)):  # the same without a batch axis
        np.testing.assert_allclose(one(output[row], h_n[:, row]), y_one[row], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(many(output[row], h_n[:, row]), y_many[row], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_backward_is_the_derivative(kind, bidirectional, bias, batched):
    """y is linear in the states and in the weights, so a difference of any size gives the derivative."""
    rng = np.random.default_rng(0)
    head, output, h_n = random_head(kind, rng, bidirectional=bidirectional, batched=batched, bias=bias)
    run = head.forward(output, h_n)
    d_y = rng.standard_normal(run.y.shape)
    d_output, d_h_n, d_parameters = run.backward(d_y)
    assert list(d_parameters) == list(head.parameters())
    read, d_read, d_unread = (h_n, d_h_n, d_output) if kind is ManyToOneHead else (output, d_output, d_h_n)
    assert d_unread is None
    for values, gradient in [(read, d_read), *((head.parameters()[name], d_parameters[name]) for name in d_parameters)]:
        assert gradient.shape == values.shape
        for index in np.ndindex(values.shape):
            values[index] += 1.0
            above = (head(output, h_n) * d_y).sum()
            values[index] -= 2.0
            below = (head(output, h_n) * d_y).sum()
            values[index] += 1.0
            np.testing.assert_allclose(gradient[index], (above - below) / 2, atol=1e-12)


def test_the_initial_weights_are_uniform():
    head, same = ManyToManyHead(400, 3000, rng=0), ManyToManyHead(400, 3000, rng=0)
    for name, values in head.parameters().items():
        assert (values.min(), values.max()) == pytest.approx((-0.05, 0.05), rel=0.01)  # k = 1 / sqrt(400)
        assert abs(values.mean()) < 0.002
        np.testing.assert_array_equal(values, same.parameters()[name])


def test_from_weights_copies_into_one_dtype():
    W_hy = np.ones((3, 4), np.float32)
    head = ManyToManyHead.from_weights(W_hy)
    W_hy += 1.0
    np.testing.assert_array_equal(head.W_hy, np.ones((3, 4), np.float32), strict=True)
    assert head.b_y is None
    np.testing.assert_array_equal(ManyToManyHead.from_weights(W_hy, [1, 2, 4]).b_y, [1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (ManyToManyHead(4, 3, bias=False), "ManyToManyHead(4, 3, bias=False): 12 parameters"),
        (ManyToOneHead(4, 3), "ManyToOneHead(4, 3): 15 parameters"),
    ],
)
def test_repr(head, title):
    assert repr(head).splitlines()[0] == title


def test_outputs_that_overflow_are_refused():
    wave = np.cos(np.pi * np.arange(64))  # 1, -1, 1, -1, ...: the sum of large products is inf or inf - inf
    with pytest.raises(ValueError, match="y must be finite .*, got (nan|-?inf) at index 0. Use smaller weights W_hy"):
        ManyToOneHead.from_weights([1e200 * wave])([1e200 + 0 * wave], [1e200 + 0 * wave])


def test_a_gradient_that_overflows_is_infinite():
    head = ManyToManyHead.from_weights([[1e200, 1.0], [1.0, 2.0]])
    d_output, _, d_parameters = head.forward([[0.5, 1e200]], [[0.5, 0.5]]).backward([[1e200, 1.0]])
    np.testing.assert_array_equal(d_output, [[np.inf, 1e200]])
    np.testing.assert_array_equal(d_parameters["W_hy"], [[5e199, np.inf], [0.5, 1e200]])


def test_a_run_has_a_read_only_copy_of_the_head():
    head = ManyToManyHead(3, 2, rng=0)
    kept = head.forward(np.ones((1, 3)), np.ones((1, 3))).head
    for values, live in zip(kept.parameters().values(), head.parameters().values(), strict=True):
        assert not values.flags.writeable
        assert not np.shares_memory(values, live)
