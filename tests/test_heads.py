import numpy as np
import pytest
from hypothesis import given

from plain import networks
from vanilla_rnn import RNN, ManyToManyHead, ManyToOneHead


@given(networks())
def test_a_head_reads_what_it_says_of_any_network(case):
    rnn, x = case["rnn"], case["x"]
    size = rnn.directions * rnn.hidden_size
    run = rnn.forward(x, case["h_0"], case["lengths"])
    result = rnn(x, case["h_0"], case["lengths"])
    one, many = ManyToOneHead(size, 3, rng=case["rng"]), ManyToManyHead(size, 3, bias=False, rng=case["rng"])
    y = one(*result)
    assert y.shape == (len(x), 3)
    np.testing.assert_allclose(y, run.last @ one.W_hy.T + one.b_y, rtol=1e-12, atol=1e-14)
    y = many(*result)
    assert y.shape == (*x.shape[:2], 3)
    np.testing.assert_allclose(y, result[0] @ many.W_hy.T, rtol=1e-12, atol=1e-14)
    if len(x):  # the same without a batch axis
        h_0 = None if case["h_0"] is None else case["h_0"][:, 0]
        np.testing.assert_allclose(one(*rnn(x[0], h_0)), one(*rnn(x, case["h_0"]))[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [ManyToOneHead, ManyToManyHead])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_backward_is_the_derivative(kind, bidirectional, bias, batched):
    """y is linear in the states and in the weights, so a difference of any size gives the derivative."""
    rng = np.random.default_rng(0)
    rnn = RNN(2, 4, num_layers=2, bidirectional=bidirectional, rng=rng)
    head = kind(rnn.directions * 4, 3, bias=bias, rng=rng)
    output, h_n = rnn(rng.standard_normal((5, 6, 2) if batched else (6, 2)))
    run = head.forward(output, h_n)
    d_y = rng.standard_normal(run.y.shape)
    d_output, d_h_n, d_parameters = run.backward(d_y)
    assert list(d_parameters) == list(head.parameters())
    read, unread = (d_h_n, d_output) if kind is ManyToOneHead else (d_output, d_h_n)
    assert unread is None
    for values, gradient in [(h_n if kind is ManyToOneHead else output, read)] + [
        (head.parameters()[name], d_parameters[name]) for name in d_parameters
    ]:
        assert gradient.shape == values.shape
        for index in np.ndindex(values.shape):
            values[index] += 1.0
            changed = (head(output, h_n) * d_y).sum()
            values[index] -= 2.0
            difference = (changed - (head(output, h_n) * d_y).sum()) / 2
            values[index] += 1.0
            np.testing.assert_allclose(gradient[index], difference, atol=1e-12)


def test_the_chain_from_head_to_network():
    rng = np.random.default_rng(1)
    rnn, x = RNN(2, 4, rng=rng), rng.standard_normal((5, 6, 2))
    run = rnn.forward(x)
    for head in (ManyToOneHead(4, 3, rng=rng), ManyToManyHead(4, 3, rng=rng)):
        reading = head.forward(run.output, run.h_n)
        d_output, d_h_n, _ = reading.backward(np.ones(reading.y.shape))
        gradients = run.backward(d_output, d_h_n)
        assert np.abs(gradients.d_x).min() > 0


def test_a_reading_is_proof_against_what_happens_after_it():
    rng = np.random.default_rng(2)
    output, h_n = RNN(2, 4, rng=rng)(rng.standard_normal((5, 6, 2)))
    for head in (ManyToOneHead(4, 3, rng=rng), ManyToManyHead(4, 3, rng=rng)):
        d_y = rng.standard_normal(head(output, h_n).shape)
        before, run = head.forward(output, h_n).backward(d_y), head.forward(output, h_n)
        for values in (output, h_n, *head.parameters().values()):
            values += 1.0
        after = run.backward(d_y)
        for one, other in zip(before[:2], after[:2], strict=True):
            assert one is None or np.array_equal(one, other)
        for name, gradient in before.d_parameters.items():
            assert np.array_equal(gradient, after.d_parameters[name])
        for values in (run.W_hy, run.b_y, run.h, run.y):
            with pytest.raises(ValueError, match="read-only"):
                values += 1.0
        answer = head(output, h_n)
        answer += 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [ManyToOneHead, ManyToManyHead])
def test_all_results_have_the_head_s_dtype(kind, dtype):
    rng = np.random.default_rng(3)
    head = kind(4, 3, dtype=dtype, rng=rng)
    run = head.forward(rng.standard_normal((5, 6, 4)), rng.standard_normal((1, 5, 4)))
    d_output, d_h_n, d_parameters = run.backward(rng.standard_normal(run.y.shape))
    arrays = [run.h, run.y, *d_parameters.values(), d_h_n if d_output is None else d_output]
    assert {values.dtype for values in arrays} == {np.dtype(dtype)}


def test_weights_dtype_and_repr():
    head = ManyToOneHead(4, 3, dtype=np.float32, rng=0)
    assert {values.dtype for values in head.parameters().values()} == {np.dtype(np.float32)}
    for values in ManyToManyHead(400, 3000, rng=0).parameters().values():
        assert (values.min(), values.max()) == pytest.approx((-0.05, 0.05), rel=0.01)
        assert abs(values.mean()) < 0.002
    for name, values in ManyToOneHead(4, 3, dtype=np.float32, rng=0).parameters().items():
        assert np.array_equal(values, head.parameters()[name])
    W_hy = np.ones((3, 4), np.float32)
    given = ManyToManyHead.from_weights(W_hy)
    W_hy += 1.0
    assert (given.W_hy == 1.0).all()
    assert given.b_y is None
    assert np.array_equal(ManyToManyHead.from_weights(W_hy, [1, 2, 4]).b_y, [1.0, 2.0, 4.0])
    assert given.W_hy.dtype == np.float32
    assert repr(given).splitlines()[0] == "ManyToManyHead(4, 3, bias=False): 12 parameters"
    assert repr(head).splitlines()[0] == "ManyToOneHead(4, 3): 15 parameters"
