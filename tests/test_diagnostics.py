"""How far back gradients reach: compared with finite differences, plain products and numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plain import networks
from sample_models import model_and_inputs
from vanilla_rnn import RNN, RNNCell, cross_entropy, gradient_flow, memory_span, spectral_radius, trace

SLOPES = {
    "tanh": lambda h: 1 - h**2,
    "relu": lambda h: (h > 0).astype(float),
    "sigmoid": lambda h: h * (1 - h),
    "linear": np.ones_like,
}


def in_reading_order(rnn, number, values):
    return values[::-1] if rnn.bidirectional and number % 2 else values


def one_cell(*weights, **options):
    return RNN.from_cells([RNNCell.from_weights(*weights, **options)])


def constant_run(factor, time, inputs=1e-9):
    """One unit that multiplies its previous state by a factor, near 0, where tanh' is 1."""
    return one_cell([[1.0]], [[factor]]).forward(np.full((time, 1), inputs))


# --- gradient_flow


@given(case=networks(), data=st.data())
def test_the_flow_follows_each_cell_s_own_formula(case, data):
    """The gradient that arrives at a state, its two parts, the step's Jacobian and the product of Jacobians."""
    rnn, x, lengths = case["rnn"], case["x"], case["lengths"]
    assume(len(x))
    row = data.draw(st.integers(0, len(x) - 1))
    run = rnn.forward(x, case["h_0"], lengths)
    d_output, d_h_n = case["rng"].standard_normal(run.output.shape), case["rng"].standard_normal(run.h_n.shape)
    flow = gradient_flow(run, d_output, d_h_n, row=row)
    length = x.shape[1] if lengths is None else lengths[row]
    assert {part.shape for part in flow} == {(len(rnn.cells), length)}
    d_a = run.backward(d_output, d_h_n).d_a

    for number, cell_row in enumerate(run.read(row)):
        W_hh, h = cell_row.cell.W_hh, in_reading_order(rnn, number, cell_row.h)
        slopes = SLOPES[cell_row.cell.nonlinearity](h)
        d_h_prev = in_reading_order(rnn, number, d_a[number][row, :length]) @ W_hh
        d_h, from_output, from_future, jacobian, product = (
            in_reading_order(rnn, number, part[number]) for part in flow
        )
        expected = np.append(np.linalg.norm(d_h_prev[1:], axis=1), 0.0)[:length]
        np.testing.assert_allclose(from_future, expected, atol=1e-12)
        jacobians = np.eye(len(W_hh))
        for t in reversed(range(length)):
            np.testing.assert_allclose(product[t], np.linalg.norm(jacobians, 2), rtol=1e-9)
            J_t = np.diag(slopes[t]) @ W_hh
            np.testing.assert_allclose(jacobian[t], np.linalg.norm(J_t, 2), rtol=1e-9)
            jacobians = jacobians @ J_t
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
    rnn, x, w = RNN(2, 3, rng=rng), rng.standard_normal((7, 2)), rng.standard_normal(3)
    run = rnn.forward(x)
    flow = gradient_flow(run, d_h_n=[w])
    for t in range(7):
        slopes = []
        for move in 1e-6 * np.eye(3):
            ends = [rnn(x[t + 1 :], run.output[t : t + 1] + side * move)[1][0] @ w for side in (1, -1)]
            slopes.append((ends[0] - ends[1]) / 2e-6)
        np.testing.assert_allclose(flow.d_h[0, t], np.linalg.norm(slopes), rtol=1e-6)


def run_of(name):
    model, inputs = model_and_inputs(name, np.random.default_rng(0))
    return model.forward(**inputs)


@pytest.mark.parametrize("name", ["ManyToOne", "Decoder", "OneToMany"])
def test_the_flow_has_the_norms_of_the_trace(name):
    run = run_of(name)
    upstream = {"loss": cross_entropy, "targets": [0, 1, 1] if name == "ManyToOne" else None, "row": 1}
    flow, steps = gradient_flow(run, **upstream), trace(run, **upstream).steps
    for part in ("d_h", "from_output", "from_future"):
        norms = [[np.linalg.norm(getattr(step.gradients, part)) for step in entries] for entries in steps]
        np.testing.assert_allclose(getattr(flow, part), np.transpose(norms), rtol=1e-12)


def test_the_flow_of_a_model_is_that_of_its_rnn():
    run = run_of("ManyToOne")
    _, d_logits = cross_entropy(run.logits, [0, 1, 1])
    d_output, d_h_n, _ = run.head_run.backward(d_logits)
    expected = gradient_flow(run.rnn_run, d_output, d_h_n, row=1)
    for flow in (gradient_flow(run, d_logits=d_logits, row=1), gradient_flow(run, d_output, d_h_n, row=1)):
        for part, expected_part in zip(flow, expected, strict=True):
            np.testing.assert_array_equal(part, expected_part)
    assert memory_span(run, row=1) == memory_span(run.rnn_run, row=1)


def test_the_two_networks_of_an_encoder_decoder_have_their_own_flows():
    run = run_of("EncoderDecoder")
    _, d_logits = cross_entropy(run.logits, run.targets, lengths=run.lengths)
    assert gradient_flow(run.decoder_run, d_logits=d_logits, row=1).d_h.shape == (2, 3)
    assert gradient_flow(run.encoder_run, d_h_n=run.decoder_run.backward(d_logits).d_h_0).d_h.shape == (2, 5)
    assert len(memory_span(run.encoder_run)) == len(memory_span(run.decoder_run)) == 2


def test_the_flow_in_text():
    flow = gradient_flow(RNN(1, 2, bidirectional=True, rng=0).forward([[0.5], [0.1]]), d_h_n=np.ones((2, 2)))
    lines = str(flow).splitlines()
    assert lines[0].split() == ["cells[0]", "dL/dh", "own", "output", "future", "Jacobian", "product"]
    assert lines[4].startswith("cells[1]")
    assert lines[2].split() == ["t=1", *(f"{part[0, 1]:.4g}" for part in flow)]
    one = str(gradient_flow(constant_run(0.5, 2), d_h_n=[[1.0]])).splitlines()
    assert one[1].split() == ["t=0", "0.5", "0", "0.5", "0.5", "0.5"]


# --- memory_span


@given(case=networks(), data=st.data(), threshold=st.floats(0.001, 0.9))
def test_the_span_is_where_the_gradient_of_the_last_state_s_norm_fades(case, data, threshold):
    """Backpropagation from ||h_T|| of one cell at a time shows how far back each reaches."""
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
        norms = norms[::-1]  # by the number of steps back
        assume(not np.isclose(norms, threshold).any())
        assert span == np.flatnonzero(np.append(1.0, norms[1:]) > threshold).max()


@pytest.mark.parametrize(
    ("factor", "threshold", "span"),
    [
        (0.5, 0.01, 6),  # 0.5^6 = 0.0156 and 0.5^7 = 0.0078
        (0.8, 0.01, 20),
        (0.9, 0.01, 43),
        (-0.9, 0.01, 43),
        (0.99, 0.01, 199),  # all steps but the last
        (1.1, 0.01, 199),
        (0.5, 0.2, 2),
        (0.5, 0.25 + 1e-9, 1),
        (0.5, 0.5, 0),
        (0.5, 0.6, 0),
    ],
)
def test_one_unit_remembers_while_its_powers_are_above_the_threshold(factor, threshold, span):
    assert memory_span(constant_run(factor, 200), threshold=threshold) == [span]


def test_a_saturated_unit_has_no_span():
    assert memory_span(constant_run(0.9, 50, inputs=5.0)) == [0]


def test_a_latch_remembers_beyond_its_span():
    """At an end of tanh's range the first input decides, and no small change of a state has an effect."""
    x = np.zeros((2, 100, 1))
    x[:, 0, 0] = 1, -1
    run = one_cell([[3.0]], [[3.0]]).forward(x)
    assert run.h_n[0, 0, 0] > 0.99 > -0.99 > run.h_n[0, 1, 0]
    assert memory_span(run) == [1]


def test_a_gradient_that_returns_counts():
    """Every second step passes it on: further back it is above the threshold again."""
    run = one_cell(np.full((2, 1), 1e-9), [[0.0, 30.0], [1 / 31, 0.0]]).forward(np.ones((9, 1)))
    assert memory_span(run, threshold=0.5) == [8]


def test_where_there_is_nothing_to_remember_the_span_is_0():
    rnn = RNN(2, 3, bias=False, num_layers=2, bidirectional=True, rng=0)
    assert memory_span(rnn.forward(np.zeros((5, 2)))) == memory_span(rnn.forward(np.zeros((0, 2)))) == [0] * 4
    run = rnn.forward(np.ones((2, 5, 2)), lengths=[0, 1])
    assert memory_span(run) == memory_span(run, row=1) == [0] * 4
    assert gradient_flow(run, d_h_n=np.ones((4, 2, 3))).d_h.shape == (4, 0)


# --- numbers that overflow or vanish


def test_an_explosion_is_reported_as_infinity():
    flow = gradient_flow(constant_run(30.0, 400, inputs=0.0), d_h_n=[[1.0]])
    assert flow.d_h[0, -3:].tolist() == flow.product[0, -3:].tolist() == [900.0, 30.0, 1.0]
    assert flow.d_h[0, 0] == flow.product[0, 0] == np.inf


def test_an_explosion_in_several_directions_is_infinite_and_counts():
    rnn = one_cell([[1.0], [1.0]], [[20.0, 30.0], [-30.0, 10.0]])
    run = rnn.forward(np.append(np.zeros((399, 1)), [[1e-9]], axis=0))
    assert memory_span(run) == [399]
    d_h = gradient_flow(run, d_h_n=[[1.0, 1.0]]).d_h[0]
    assert d_h[0] == np.inf
    assert not np.isnan(d_h).any()
    assert gradient_flow(run, d_h_n=[[1e300, 1e300]]).d_h[0, -1] == pytest.approx(2**0.5 * 1e300)


@pytest.mark.parametrize(("dtype", "steps"), [(np.float32, 120), (np.float64, 1000)])
def test_a_span_is_right_where_squares_overflow_or_vanish(dtype, steps):
    """States and gradients of 2^steps and of 2^-steps."""
    one = np.ones((1, 1), dtype)
    growing = one_cell(one, 2 * one, nonlinearity="relu")
    assert memory_span(growing.forward(np.ones((steps, 1), dtype))) == [steps - 1]
    pulse = np.zeros((steps, 1), dtype)
    pulse[0] = 1e-3
    fading = one_cell(one, one / 2, nonlinearity="relu").forward(pulse)
    assert 0 < fading.h_n[0, 0] < 1e-30
    assert memory_span(fading) == [6]
    np.testing.assert_allclose(gradient_flow(fading, d_h_n=np.ones((1, 1), dtype)).d_h[0, -100], 0.5**99)


def test_a_factor_too_large_for_a_float_counts_as_remembered():
    largest = one_cell([[1e-310], [1e-310]], np.full((2, 2), 1.7e308), nonlinearity="relu")
    assert memory_span(largest.forward(np.ones((2, 1)))) == [1]


# --- spectral_radius


def test_spectral_radius():
    rng = np.random.default_rng(0)
    assert spectral_radius([[3.0, 100.0], [0.0, -4.0]]) == 4.0
    Q, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    np.testing.assert_allclose(spectral_radius(0.7 * Q), 0.7)
    W_hh = rng.standard_normal((4, 4))
    power = np.linalg.norm(np.linalg.matrix_power(W_hh, 400)) ** (1 / 400)
    np.testing.assert_allclose(spectral_radius(W_hh), power, rtol=0.02)
    np.testing.assert_allclose(spectral_radius(W_hh.astype(np.float32)), spectral_radius(W_hh), rtol=1e-5)


# --- what is refused


class OwnCell(RNNCell):
    def forward(self, x_t, h_prev=None):
        return super().forward(x_t, h_prev)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spectral_radius([1.0, 2.0]), ValueError, r"spectral_radius: W_hh must be .*, got shape \(2,\)"),
        (lambda: spectral_radius(np.ones((3, 2))), ValueError, r"W_hh must be .*, got shape \(3, 2\)"),
        (lambda: spectral_radius([[np.nan]]), ValueError, r"W_hh must be finite .*, got nan at index \(0, 0\)"),
        (lambda: spectral_radius(np.ones((0, 0))), ValueError, "hidden_size must be at least 1.*, got 0"),
        (lambda: spectral_radius("W"), TypeError, "W_hh must be an array of numbers, got words"),
        (lambda: memory_span(constant_run(0.5, 3), threshold=0.0), ValueError, "memory_span: threshold must be .*, got 0.0"),
        (lambda: memory_span(constant_run(0.5, 3), threshold=1.0), ValueError, "threshold must be .*, got 1.0"),
        (lambda: memory_span(constant_run(0.5, 3), threshold="1 %"), TypeError, "threshold must be .*, got '1 %'"),
        (lambda: memory_span(constant_run(0.5, 3), row=1), IndexError, "memory_span: row must be from 0 to 0, got 1"),
        (lambda: memory_span(RNN(2, 3)), TypeError, "memory_span: run must be the run of a network, got RNN"),
        (lambda: memory_span(run_of("EncoderDecoder")), TypeError, r"run must be .*run\.encoder_run or run\.decoder_run"),
        (lambda: memory_span(RNN(2, 3, rng=0).forward(np.ones((0, 4, 2)))), IndexError, "row must be .*empty, got 0"),
        (lambda: gradient_flow(RNN(2, 3)), TypeError, "gradient_flow: run must be the run of a network, got RNN"),
        (lambda: gradient_flow(RNN.from_cells([OwnCell(1, 2)]).forward([[1.0]]), [[1.0, 1.0]]), TypeError, r"run must be .*, got cells\[0\] of the class OwnCell"),
        (lambda: gradient_flow(constant_run(0.5, 3)), ValueError, "d_output, d_h_n, d_logits or loss must be a gradient to follow, got None"),
        (lambda: gradient_flow(constant_run(0.5, 3), d_h_n=[1.0]), ValueError, r"d_h_n must be .*\(1, 1\).*, got shape \(1,\)"),
        (lambda: gradient_flow(constant_run(0.5, 3), d_h_n=[[1.0]], row=-1), IndexError, "row must be from 0 to 0, got -1"),
        (lambda: gradient_flow(constant_run(0.5, 3), loss=cross_entropy), TypeError, "run must be a model's run.*, got .*RNNRun"),
    ],
)  # fmt: skip
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_whatever_d_output_has_beyond_a_length_is_ignored():
    rng = np.random.default_rng(0)
    run = RNN(2, 3, rng=rng).forward(rng.standard_normal((2, 4, 2)), lengths=[2, 4])
    d_output = rng.standard_normal((2, 4, 3))
    expected = str(gradient_flow(run, d_output=d_output))
    d_output[0, 2:] = np.nan
    assert str(gradient_flow(run, d_output=d_output)) == expected
