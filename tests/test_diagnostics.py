"""How far back gradients reach: the report against finite differences, plain products and what can be said by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plain import networks
from vanilla_rnn import (
    RNN,
    Decoder,
    Embedding,
    EncoderDecoder,
    ManyToManyHead,
    ManyToOne,
    ManyToOneHead,
    OneToMany,
    RNNCell,
    binary_cross_entropy,
    cross_entropy,
    gradient_flow,
    memory_span,
    spectral_radius,
)


def in_reading_order(rnn, number, values):
    return values[::-1] if rnn.bidirectional and number % 2 else values


@given(case=networks(), data=st.data())
def test_the_flow_is_that_of_every_cell_s_plain_walk(case, data):
    """What reaches a state, its two shares, the step's Jacobian and the product, each from the cell's own formula."""
    rnn, x, lengths = case["rnn"], case["x"], case["lengths"]
    assume(len(x))
    row = data.draw(st.integers(0, len(x) - 1))
    run = rnn.forward(x, case["h_0"], lengths)
    d_output, d_h_n = case["rng"].standard_normal(run.output.shape), case["rng"].standard_normal(run.h_n.shape)
    flow = gradient_flow(run, d_output, d_h_n, row=row)
    length = x.shape[1] if lengths is None else lengths[row]
    assert {part.shape for part in flow} == {(len(rnn.cells), length)}
    d_a = run.backward(d_output, d_h_n).d_a

    for number, read in enumerate(run.read(row)):
        W_hh, h = read.cell.W_hh, in_reading_order(rnn, number, read.h)
        slopes = 1 - h**2 if read.cell.nonlinearity == "tanh" else (h > 0).astype(float)
        came_back = in_reading_order(rnn, number, d_a[number][row, :length]) @ W_hh
        found = [in_reading_order(rnn, number, part[number]) for part in flow]
        d_h, from_output, from_future, jacobian, product = found
        expected = np.append(np.linalg.norm(came_back[1:], axis=1), 0.0)[:length]
        np.testing.assert_allclose(from_future, expected, atol=1e-12)
        left = np.eye(len(W_hh))
        for t in reversed(range(length)):
            np.testing.assert_allclose(product[t], np.linalg.norm(left, 2), rtol=1e-9)
            J_t = np.diag(slopes[t]) @ W_hh
            np.testing.assert_allclose(jacobian[t], np.linalg.norm(J_t, 2), rtol=1e-9)
            left = left @ J_t
            assert d_h[t] <= from_output[t] + from_future[t] + 1e-12
            if t:
                assert from_future[t - 1] <= jacobian[t] * d_h[t] + 1e-12
    if length and rnn.num_layers == 1 and not rnn.bidirectional:
        own = d_output[row, :length].copy()
        own[-1] += d_h_n[0, row]
        np.testing.assert_allclose(flow.from_output[0], np.linalg.norm(own, axis=1), atol=1e-12)


def test_the_norm_is_that_of_the_derivative():
    """dL/dh_t by moving the state at step t and reading on."""
    rng = np.random.default_rng(0)
    rnn, x = RNN(2, 3, rng=rng), rng.standard_normal((7, 2))
    w = rng.standard_normal(3)
    run = rnn.forward(x)
    flow = gradient_flow(run, d_h_n=[w])
    for t in range(7):
        slopes = []
        for move in 1e-6 * np.eye(3):
            ends = [rnn(x[t + 1 :], run.output[t : t + 1] + side * move)[1][0] @ w for side in (1, -1)]
            slopes.append((ends[0] - ends[1]) / 2e-6)
        np.testing.assert_allclose(flow.d_h[0, t], np.linalg.norm(slopes), rtol=1e-6)


@given(case=networks(), data=st.data(), threshold=st.floats(0.001, 0.9))
def test_the_span_is_read_off_the_gradient_of_the_last_state_s_norm(case, data, threshold):
    """Backpropagation from ||h_T|| of one cell at a time says how far back each reaches."""
    assume(len(case["x"]))
    row = data.draw(st.integers(0, len(case["x"]) - 1))
    run = case["rnn"].forward(case["x"], case["h_0"], case["lengths"])
    spans = memory_span(run, threshold=threshold, row=row)
    assert [type(span) for span in spans] == [int] * len(case["rnn"].cells)
    for number, span in enumerate(spans):
        d_h_n = np.zeros(run.h_n.shape)
        h = run.h_n[number, row]
        d_h_n[number, row] = h / (np.linalg.norm(h) or 1.0)
        norms = in_reading_order(case["rnn"], number, gradient_flow(run, d_h_n=d_h_n, row=row).d_h[number])
        norms = norms[::-1]  # by how many steps back
        assume(not np.isclose(norms, threshold).any())
        assert span == np.flatnonzero(np.append(1.0, norms[1:]) > threshold).max()


def constant(factor, time, inputs=1e-9):
    """One unit that multiplies its memory, near 0, where tanh' is 1."""
    rnn = RNN.from_cells([RNNCell.from_weights([[1.0]], [[factor]])])
    return rnn.forward(np.full((time, 1), inputs))


@pytest.mark.parametrize(("factor", "span"), [(0.5, 6), (0.8, 20), (0.9, 43), (-0.9, 43), (0.99, 199), (1.1, 199)])
def test_one_unit_remembers_as_long_as_its_powers_are_above_the_threshold(factor, span):
    assert memory_span(constant(factor, 200)) == [span]  # 0.5^6 = 0.0156 > 0.01 > 0.5^7, 0.9^43 = 0.0108


def test_a_span_s_threshold_is_a_choice():
    assert memory_span(constant(0.5, 20), threshold=0.2) == [2]
    assert memory_span(constant(0.5, 20), threshold=0.25 + 1e-9) == [1]
    assert memory_span(constant(0.5, 20), threshold=0.6) == [0]


def test_saturated_units_forget_at_once():
    assert memory_span(constant(0.9, 50, inputs=5.0)) == [0]


def test_a_gradient_that_comes_back_counts():
    """A weight that passes every second step on: further back it is above the threshold again."""
    cell = RNNCell.from_weights(np.full((2, 1), 1e-9), [[0.0, 30.0], [1 / 31, 0.0]])
    assert memory_span(RNN.from_cells([cell]).forward(np.ones((9, 1))), threshold=0.5) == [8]


def test_where_there_is_nothing_to_remember_the_span_is_0():
    rnn = RNN(2, 3, bias=False, num_layers=2, bidirectional=True, rng=0)
    assert memory_span(rnn.forward(np.zeros((5, 2)))) == [0] * 4
    assert memory_span(rnn.forward(np.zeros((0, 2)))) == [0] * 4
    run = rnn.forward(np.ones((2, 5, 2)), lengths=[0, 1])
    assert memory_span(run) == memory_span(run, row=1) == [0] * 4
    assert gradient_flow(run, d_h_n=np.ones((4, 2, 3))).d_h.shape == (4, 0)


def test_an_explosion_is_reported_as_it_is():
    flow = gradient_flow(constant(30.0, 400, inputs=0.0), d_h_n=[[1.0]])
    assert flow.d_h[0, -3:].tolist() == [900.0, 30.0, 1.0]
    assert flow.product[0, -3:].tolist() == [900.0, 30.0, 1.0]
    assert flow.d_h[0, 0] == flow.product[0, 0] == np.inf


@pytest.mark.parametrize(("dtype", "steps"), [(np.float32, 120), (np.float64, 1000)])
def test_a_span_is_found_where_lengths_overflow_or_vanish(dtype, steps):
    """States and gradients of 2^steps and of 2^-steps, whose squares are no numbers."""
    one = np.ones((1, 1), dtype)
    growing = RNN.from_cells([RNNCell.from_weights(one, 2 * one, nonlinearity="relu")])
    assert memory_span(growing.forward(np.ones((steps, 1), dtype))) == [steps - 1]
    pulse = np.zeros((steps, 1), dtype)
    pulse[0] = 1e-3
    fading = RNN.from_cells([RNNCell.from_weights(one, one / 2, nonlinearity="relu")]).forward(pulse)
    assert 0 < fading.h_n[0, 0] < 1e-30
    assert memory_span(fading) == [6]
    np.testing.assert_allclose(gradient_flow(fading, d_h_n=np.ones((1, 1), dtype)).d_h[0, -100], 0.5**99)


def test_an_explosion_in_several_directions_is_infinite_and_counts():
    cell = RNNCell.from_weights([[1.0], [1.0]], [[20.0, 30.0], [-30.0, 10.0]])
    run = RNN.from_cells([cell]).forward(np.append(np.zeros((399, 1)), [[1e-9]], axis=0))
    assert memory_span(run) == [399]
    d_h = gradient_flow(run, d_h_n=[[1.0, 1.0]]).d_h[0]
    assert d_h[0] == np.inf
    assert not np.isnan(d_h).any()
    assert gradient_flow(run, d_h_n=[[1e300, 1e300]]).d_h[0, -1] == pytest.approx(2**0.5 * 1e300)


def test_a_latch_remembers_beyond_its_span():
    """A unit at an end of tanh's range: the first input decides, and no small change of a state moves it."""
    rnn = RNN.from_cells([RNNCell.from_weights([[3.0]], [[3.0]])])
    x = np.zeros((2, 100, 1))
    x[:, 0, 0] = 1, -1
    run = rnn.forward(x)
    assert run.h_n[0, 0, 0] > 0.99 > -0.99 > run.h_n[0, 1, 0]
    assert memory_span(run) == [1]


def test_records_of_all_models():
    rng = np.random.default_rng(0)
    model = ManyToOne(RNN(2, 3, rng=rng), ManyToOneHead(3, 1, rng=rng), embedding=Embedding(9, 2, rng=rng))
    run = model.forward([[4, 5, 6, 7], [8, 7, 0, 0]], [4, 2])
    _, d_logits = binary_cross_entropy(run.logits, [1, 0])
    d_output, d_h_n, _ = run.reading.backward(d_logits)
    for one, other in zip(
        gradient_flow(run, d_output, d_h_n, row=1), gradient_flow(run.run, d_output, d_h_n, row=1), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert memory_span(run, row=1) == memory_span(run.run, row=1)

    decoder = Decoder(RNN(2, 3, rng=rng), ManyToManyHead(3, 7, rng=rng), Embedding(7, 2, rng=rng))
    run = OneToMany(4, decoder, rng=0).forward(rng.standard_normal((1, 4)), [[4, 5]])
    _, d_logits = cross_entropy(run.logits, run.targets)
    d_output, d_h_n, _ = run.decoded.reading.backward(d_logits)
    assert gradient_flow(run, d_output, d_h_n).d_h.shape == (1, 3)
    assert memory_span(run) == memory_span(run.decoded)

    run = EncoderDecoder(RNN(2, 3, rng=rng), decoder).forward(rng.standard_normal((1, 5, 2)), [[4, 5]])
    assert len(memory_span(run.encoded)) == len(memory_span(run.decoded)) == 1
    with pytest.raises(TypeError, match=r"memory_span: run must be the record of a network.*run\.encoded"):
        memory_span(run)


def test_the_report_in_text():
    rnn = RNN(1, 2, bidirectional=True, rng=0)
    flow = gradient_flow(rnn.forward([[0.5], [0.1]]), d_h_n=np.ones((2, 2)))
    lines = str(flow).splitlines()
    assert lines[0].split() == ["cells[0]", "dL/dh", "own", "output", "future", "Jacobian", "product"]
    assert lines[4].startswith("cells[1]")
    assert lines[2].split() == ["t=1", *(f"{part[0, 1]:.4g}" for part in flow)]
    assert str(gradient_flow(constant(0.5, 2), d_h_n=[[1.0]])).splitlines()[1].split()[1:] == ["0.5", "0", *["0.5"] * 3]


def test_spectral_radius():
    rng = np.random.default_rng(0)
    assert spectral_radius([[3.0, 100.0], [0.0, -4.0]]) == 4.0
    Q, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    np.testing.assert_allclose(spectral_radius(0.7 * Q), 0.7)
    W_hh = rng.standard_normal((4, 4))
    power = np.linalg.norm(np.linalg.matrix_power(W_hh, 400)) ** (1 / 400)
    np.testing.assert_allclose(spectral_radius(W_hh), power, rtol=0.02)
    np.testing.assert_allclose(spectral_radius(W_hh.astype(np.float32)), spectral_radius(W_hh), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spectral_radius([1.0, 2.0]), ValueError, r"W_hh must be an array of 2 axes \(hidden_size, hidden_size\)"),
        (lambda: spectral_radius(np.ones((3, 2))), ValueError, r"W_hh must be .*\(3, 3\).*got shape \(3, 2\).*W_xh has none"),
        (lambda: spectral_radius([[np.nan]]), ValueError, r"W_hh must be finite numbers .*nan at index \(0, 0\)"),
        (lambda: spectral_radius(np.ones((0, 0))), ValueError, r"rows of W_hh\) must be at least 1"),
        (lambda: spectral_radius("W"), TypeError, r"W_hh must be an array of numbers"),
        (lambda: memory_span(constant(0.5, 3), threshold=0.0), ValueError, r"threshold must be above 0.0 and below 1.0"),
        (lambda: memory_span(constant(0.5, 3), threshold=1.0), ValueError, r"threshold must be above 0.0 and below 1.0"),
        (lambda: memory_span(constant(0.5, 3), threshold="1 %"), TypeError, r"memory_span: threshold must be a number"),
        (lambda: memory_span(constant(0.5, 3), row=1), IndexError, r"memory_span: row must be from 0 to 0, got 1"),
        (lambda: memory_span(RNN(2, 3)), TypeError, r"memory_span: run must be the record of a network"),
        (lambda: memory_span(RNN(2, 3, rng=0).forward(np.ones((0, 4, 2)))), IndexError, r"row must be one of the batch, which has none, got 0"),
        (lambda: gradient_flow(RNN(2, 3)), TypeError, r"gradient_flow: run must be the record of a network"),
        (lambda: gradient_flow(constant(0.5, 3)), ValueError, r"d_output or d_h_n must be a gradient .*None for both"),
        (lambda: gradient_flow(constant(0.5, 3), d_h_n=[[1.0]], row=-1), IndexError, r"row must be from 0 to 0, got -1"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
