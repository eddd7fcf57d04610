"""`trace` reads a run: its sums are the run's states, and its parts add up to the run's gradients."""

import html
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import networks
from sample_models import model_and_inputs, row_alone, worked_model
from vanilla_rnn import (
    RNN,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    binary_cross_entropy,
    cross_entropy,
    gradient_flow,
    trace,
    worked_example,
)
from vanilla_rnn.cell import functions_of
from vanilla_rnn.inspection.flow import jacobian_norms_to_end


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def run():
    return worked_model().forward([0, 1, 2, 3])


@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_sequence_without_steps_is_shown_empty(batch):
    for run in (worked_model().forward(np.empty((*batch, 0), int)), worked_model().forward([[1], [2]], [0, 0])):
        steps = trace(run, loss=binary_cross_entropy, targets=np.ones((*run.logits.shape[:-1], 1)))
        assert (len(steps), steps.tokens, steps.output.shape) == (0, [], (0, 3))
        assert "<html" in steps.to_html()
        assert len(steps.table().splitlines()) == 2


def assert_same_flows(one, other):
    assert len(one) == len(other)
    for entries, other_entries in zip(one.steps, other.steps, strict=True):
        for step, other_step in zip(entries, other_entries, strict=True):
            for values, expected in zip(step.gradients, other_step.gradients, strict=True):
                np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-14)


# --- the numbers


@given(case=networks())
def test_every_sum_is_the_run_s_state(case):
    run = case["rnn"].forward(case["x"], case["h_0"], case["lengths"])
    for row in range(len(case["x"])):
        steps = trace(run, row=row)
        length = case["x"].shape[1] if case["lengths"] is None else case["lengths"][row]
        assert len(steps) == len(steps.steps) == len(steps.tokens) == length
        np.testing.assert_array_equal(steps.output, run.output[row, :length])
        for entries in steps.steps:
            for step, cell in zip(entries, case["rnn"].cells, strict=True):
                np.testing.assert_allclose(step.W_xh_x + step.W_hh_h + step.b_h, step.a, rtol=0, atol=1e-12)
                f, _ = functions_of(cell.nonlinearity)
                np.testing.assert_allclose(f(step.a), step.h, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(cell.W_xh @ step.x, step.W_xh_x, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(cell.W_hh @ step.h_prev, step.W_hh_h, rtol=1e-12, atol=1e-12)


@given(case=networks(), read=st.sampled_from(["output", "h_n", "both"]))
def test_the_parts_of_the_steps_add_up_to_the_gradients(case, read):
    rnn, rng = case["rnn"], case["rng"]
    run = rnn.forward(case["x"], case["h_0"], case["lengths"])
    d_output = None if read == "h_n" else rng.standard_normal(run.output.shape)
    d_h_n = None if read == "output" else rng.standard_normal(run.h_n.shape)
    gradients = run.backward(d_output, d_h_n)
    total = {path: np.zeros_like(values) for path, values in rnn.parameters().items()}
    for row in range(len(case["x"])):
        for t, entries in enumerate(trace(run, row=row, d_output=d_output, d_h_n=d_h_n).steps):
            for number, step in enumerate(entries):
                flow = step.gradients
                np.testing.assert_array_equal(flow.d_a, gradients.d_a[number][row, t])
                np.testing.assert_array_equal(flow.from_output + flow.from_future, flow.d_h)
                _, slope = functions_of(rnn.cells[number].nonlinearity)
                np.testing.assert_allclose(flow.d_h * slope(step.h), flow.d_a, rtol=1e-9, atol=1e-12)
                total[f"cells.{number}.W_xh"] += flow.d_W_xh
                total[f"cells.{number}.W_hh"] += flow.d_W_hh
                if f"cells.{number}.b_h" in total:
                    total[f"cells.{number}.b_h"] += flow.d_a
    for path, gradient in gradients.d_parameters.items():
        np.testing.assert_allclose(total[path], gradient, rtol=1e-9, atol=1e-9)


def test_d_h_is_the_derivative_with_respect_to_the_state(rng):
    """The part from later steps: by moving the state of one step and reading on."""
    cell = RNNCell(2, 3, rng=rng)
    x, d_output, d_h_n = rng.standard_normal((6, 2)), rng.standard_normal((6, 3)), rng.standard_normal((1, 3))
    steps = trace(RNN.from_cells([cell]).forward(x), d_output=d_output, d_h_n=d_h_n).steps

    def loss_after(h, t):
        loss = 0.0
        for k in range(t + 1, 6):
            h = cell(x[k], h)
            loss += d_output[k] @ h
        return loss + d_h_n[0] @ h if t < 5 else 0.0

    for t, (step,) in enumerate(steps):
        slope = [(loss_after(step.h + move, t) - loss_after(step.h - move, t)) / 2e-6 for move in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(step.gradients.from_future, slope, rtol=1e-6, atol=1e-8)
        at_the_end = d_h_n[0] if t == 5 else 0
        np.testing.assert_allclose(step.gradients.from_output, d_output[t] + at_the_end, rtol=1e-12)


def test_a_layer_s_own_output_is_read_by_the_layer_above(rng):
    rnn = RNN(2, 3, num_layers=2, bidirectional=True, rng=rng)
    for entries in trace(rnn.forward(rng.standard_normal((5, 2))), d_output=rng.standard_normal((5, 6))).steps:
        below = np.concatenate([entries[0].gradients.from_output, entries[1].gradients.from_output])
        above = sum(rnn.cells[n].W_xh.T @ entries[n].gradients.d_a for n in (2, 3))
        np.testing.assert_allclose(below, above, rtol=1e-12)
        np.testing.assert_array_equal(entries[2].x, entries[3].x)


def test_a_gradient_that_relu_stops_is_shown_where_it_arrives():
    cell = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="relu")
    steps = trace(RNN.from_cells([cell]).forward([[-1.0], [-1.0]]), d_output=[[2.0], [3.0]]).steps
    assert [step.gradients.d_h.tolist() for (step,) in steps] == [[2.0], [3.0]]
    assert [step.gradients.d_a.tolist() for (step,) in steps] == [[0.0], [0.0]]


def test_float32_stays_float32(rng):
    run = RNN(20, 30, num_layers=2, bidirectional=True, dtype=np.float32, rng=rng).forward(
        rng.standard_normal((2, 50, 20))
    )
    (step, *_), *_ = trace(run, row=1, d_output=rng.standard_normal(run.output.shape)).steps
    assert step.gradients.d_h.dtype == np.float32


@pytest.mark.parametrize("reverse", [False, True])
def test_the_norms_to_the_end_are_those_of_the_derivatives(reverse, rng):
    """By moving each state that a cell writes."""
    rnn, x = RNN(2, 3, bidirectional=True, rng=rng), rng.standard_normal((5, 2))
    row = rnn.forward(x).read(0)[reverse]
    norms, h, x = (values[::-1] if reverse else values for values in (jacobian_norms_to_end(row), row.h, x))
    for t in range(5):
        columns = []
        for move in 1e-6 * np.eye(3):
            ends = []
            for state in (h[t] + move, h[t] - move):
                for x_t in x[t + 1 :]:
                    state = row.cell(x_t, state)
                ends.append(state)
            columns.append((ends[0] - ends[1]) / 2e-6)
        np.testing.assert_allclose(norms[t], np.linalg.norm(np.array(columns), 2), rtol=1e-6)


def exploding_run():
    """A unit whose gradient grows tenfold at each step while its state stays the same: after 309 steps it overflows."""
    cell = RNNCell.from_weights([[0.0], [0.0]], [[1, 0], [0, 10.0]], [0, -9.0], nonlinearity="relu")
    return RNN.from_cells([cell]).forward(np.zeros((400, 1)), h_0=[[1.0, 1.0]])


def test_norms_that_overflow_are_infinite():
    (row,) = exploding_run().read(0)
    norms = jacobian_norms_to_end(row)[::-1]
    np.testing.assert_allclose(norms[:300], 10.0 ** np.arange(300), rtol=1e-12)
    assert np.isinf(norms[310:]).all()


def test_what_overflowed_is_null_in_the_page_and_inf_in_the_text():
    def refuse(word):
        raise ValueError(word)

    text = trace(exploding_run(), d_output=np.ones((400, 2))).to_html()
    numbers = json.loads(re.search(r'id="numbers">(.*?)</script>', text).group(1), parse_constant=refuse)
    assert numbers["results"]["gradients"]["cells.0.b_h"][1] is None  # of the unit whose gradient explodes

    overflowed = trace(RNN.from_cells([RNNCell.from_weights([[1e308]], [[0.0]])]).forward([[1e3]]))  # tanh(inf) is 1
    assert "= inf" in str(overflowed)


# --- the loss of one row, and other upstream gradients


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("name", ["ManyToOne", "ManyToMany", "Decoder", "OneToMany"])
def test_the_loss_and_its_gradients_are_those_of_the_row_alone(name, row, rng):
    model, inputs = model_and_inputs(name, rng)
    run, alone = model.forward(**inputs), model.forward(**row_alone(inputs, row))
    targets = rng.integers(0, 2, run.logits.shape[:-1]) if run.targets is None else run.targets
    own_targets = targets[row] if name == "ManyToOne" else targets[row, : len(alone.logits)]
    loss, d_logits = cross_entropy(alone.logits, own_targets)
    expected = trace(alone, d_logits=d_logits)
    assert expected.loss is None
    for steps in (
        trace(run, row=row, loss=cross_entropy, targets=targets),
        trace(run, row=row, loss=cross_entropy, targets=None if run.targets is not None else targets),
        trace(alone, loss=lambda *given, lengths: cross_entropy(*given, lengths=lengths), targets=own_targets),
    ):
        assert steps.loss == pytest.approx(loss, rel=1e-12)
        assert_same_flows(steps, expected)


@pytest.mark.parametrize("name", ["ManyToOne", "ManyToMany"])
def test_d_logits_are_those_of_the_whole_batch(name, rng):
    model, inputs = model_and_inputs(name, rng)
    run = model.forward(**inputs)
    d_logits = rng.standard_normal(run.logits.shape)
    if name == "ManyToMany":
        d_logits[1, 2:] = np.nan  # beyond the row's length
    d_output, d_h_n, _ = run.head_run.backward(np.nan_to_num(d_logits))
    assert_same_flows(trace(run, row=1, d_logits=d_logits), trace(run, row=1, d_output=d_output, d_h_n=d_h_n))
    assert_same_flows(trace(run, row=1, d_logits=d_logits), trace(run.rnn_run, row=1, d_output=d_output, d_h_n=d_h_n))


def test_an_encoder_and_its_decoder_are_traced_one_at_a_time(rng):
    model, inputs = model_and_inputs("EncoderDecoder", rng)
    run = model.forward(**inputs)
    d_h_0 = run.decoder_run.backward(rng.standard_normal(run.logits.shape)).d_h_0
    encoder = trace(run.encoder_run, row=1, d_h_n=d_h_0)
    np.testing.assert_array_equal(encoder.steps[-1][1].gradients.from_output, d_h_0[1, 1])
    decoder = trace(run.decoder_run, row=1, loss=cross_entropy)
    np.testing.assert_array_equal(decoder.steps[0][0].h_prev, encoder.steps[-1][0].h)
    assert (len(encoder), len(decoder)) == (1, 3)


def ignoring(logits, targets, *, lengths=None):
    """A loss of your own that changes its arguments, as many do: targets below 0 don't count."""
    weights = targets >= 0
    targets[~weights] = 0
    return cross_entropy(logits, targets, lengths=lengths, weights=weights)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("function", [trace, gradient_flow])
def test_a_loss_may_change_its_arguments(function, batched, rng):
    model, _ = model_and_inputs("ManyToMany", rng)
    inputs, targets = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, -100, 0], [-100, 1, 1]])
    if not batched:
        inputs, targets = inputs[0], targets[0]
    before = targets.copy()
    function(model.forward(inputs), loss=ignoring, targets=targets)
    np.testing.assert_array_equal(targets, before)


def test_a_trace_shows_the_targets_of_its_loss_whatever_happens_to_them_later(rng):
    model, _ = model_and_inputs("ManyToMany", rng)
    targets = np.array([1, 0, 1])
    steps = trace(model.forward([1, 2, 3]), loss=cross_entropy, targets=targets)
    page = steps.to_html()
    targets[:] = 0
    assert steps.to_html() == page


@pytest.mark.parametrize("name", ["d_logits", "d_output", "d_h_n"])
def test_a_trace_shows_its_gradients_whatever_happens_to_them_later(name, rng):
    model, inputs = model_and_inputs("ManyToMany", rng)
    run = model.forward(**inputs)
    shapes = {"d_logits": run.logits.shape, "d_output": run.rnn_run.output.shape, "d_h_n": run.h_n.shape}
    gradient = rng.standard_normal(shapes[name])
    steps = trace(run, **{name: gradient})
    page = steps.to_html()
    gradient[...] = 0.0
    assert steps.to_html() == page


def test_bool_targets_are_numbers_in_the_page(rng):
    model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 2, rng=1))
    labels = np.array([[True, False], [False, True]])
    run = model.forward(rng.standard_normal((2, 4, 2)))
    pages = [trace(run, row=1, loss=binary_cross_entropy, targets=y).to_html() for y in (labels, labels.astype(int))]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (0.5, TypeError, r"the result of loss must be \(loss, d_logits\), got 0.5"),
        ((0.5, None), TypeError, "d_logits must be the gradient of the loss, got None"),
        ((0.5, np.ones(2)), ValueError, r"d_logits must be an array of shape \(1, 3, 2\).*, got shape \(2,\)"),
        ((np.nan, np.ones((1, 3, 2))), ValueError, "the loss must be a finite number, got nan"),
        (([[1], [2, 3]], np.ones((1, 3, 2))), TypeError, r"the loss must be a number, got \[\[1\]"),
    ],
)
@pytest.mark.parametrize("function", [trace, gradient_flow])
def test_a_result_of_a_loss_that_can_not_be_used_is_named(function, result, error, message, rng):
    model, _ = model_and_inputs("ManyToMany", rng)
    run = model.forward([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(error, match=f"^{function.__name__}: {message}"):
        function(run, loss=lambda *_, **__: result, targets=np.ones((2, 3), int))
    with pytest.raises(error, match=f"^{function.__name__}: "):
        function(model.forward([1, 2, 3]), loss=lambda *_, **__: result, targets=np.ones(3, int))


# --- tokens and outputs


def test_tokens_are_the_ids_if_none_are_given(run):
    assert trace(run).tokens == ["0", "1", "2", "3"]
    assert trace(run.rnn_run).tokens == [""] * 4
    assert trace(run, worked_example.TOKENS).tokens == list(worked_example.TOKENS)
    model, inputs = model_and_inputs("Decoder", np.random.default_rng(0))
    assert trace(model.forward(**inputs), row=1).tokens[0] == "2"  # <bos>


def test_a_row_ends_at_its_length(rng):
    model, inputs = model_and_inputs("ManyToMany", rng)
    run = model.forward(**inputs)
    steps = trace(run, ["a", "b", "<pad>", "<pad>"], row=1)
    assert steps.tokens == trace(run, ["a", "b"], row=1).tokens == ["a", "b"]
    np.testing.assert_array_equal(steps.y, run.logits[1, :2])
    empty = trace(run, row=2, d_logits=np.ones(run.logits.shape))
    assert len(empty) == 0
    assert empty.table().count("\n") == 1
    assert "empty" in empty.to_html()


def test_y_is_what_the_head_computed(run):
    np.testing.assert_array_equal(trace(run).y, run.logits)
    assert trace(run.rnn_run).y is None
    assert trace(run).steps[0][0].gradients is None


# --- text


def test_the_worked_example_in_text(run):
    text = str(trace(run, worked_example.TOKENS))
    assert text.startswith("h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)")
    assert 't=1 "love"\n  x_1 = (0.5000, 0.8000)   h_0 = (0.4621, 0.1974, -0.0997)' in text
    assert re.search(r"h\[1\] +0\.6600 \+ +-0\.1490 \+ +0\.0000 = +0\.5110 +0\.4707\n", text)
    assert "(W_xh x_1)[1]    = 0.2 * 0.5000 + 0.7 * 0.8000 = 0.6600" in text
    assert "(W_hh h_0)[1]    = -0.3 * 0.4621 + 0.2 * 0.1974 + 0.5 * -0.0997 = -0.1490" in text
    assert "dL/dh" not in text
    assert repr(trace(run)).startswith("<Trace, steps: 4, cells: 1; ")


def test_gradients_in_text(run):
    text = str(trace(run, worked_example.TOKENS, loss=binary_cross_entropy, targets=[1]))
    numbers = re.search(r"dL/da_2\n.*\n  h\[1\] +(\S+) \+ +(\S+) = +(\S+) \* +(\S+) = +(\S+)", text)
    own, future, d_h, slope, d_a = map(float, numbers.groups())
    assert own == 0
    assert future == d_h
    assert d_h * slope == pytest.approx(d_a, abs=1e-6)
    assert slope == pytest.approx(1 - 0.6521**2, abs=1e-4)


def test_table(run):
    lines = trace(run, worked_example.TOKENS).table().split("\n")
    assert lines[0] == "| Timestep | Token   |    h[0] |    h[1] |    h[2] |"
    for line, token, states in zip(lines[2:], worked_example.TOKENS, worked_example.PRINTED_STATES, strict=True):
        assert f'"{token}"' in line
        assert [float(cell) for cell in line.split("|")[3:-1]] == states.tolist()
    escaped = trace(run, ["a|b", "c\nd", "", "e"]).table()
    assert "a\\|b" in escaped
    assert "c\\nd" in escaped


@pytest.mark.parametrize(("size", "written_out"), [(6, True), (7, False)])
def test_only_short_rows_are_written_out(size, written_out):
    text = str(trace(RNN(size, 2, rng=0).forward(np.ones((2, size)))))
    assert (f"+ ... ({size} products) = " not in text) == written_out
    assert (f", ... {size} numbers)" not in text) == written_out


def test_layers_and_directions_are_named():
    text = str(trace(RNN(2, 3, num_layers=2, bidirectional=True, rng=0).forward(np.ones((2, 2)))))
    for name in ("cells[0]: layer 0, forward", "cells[1]: layer 0, reverse", "cells[3]: layer 1, reverse"):
        assert text.count(name) == 2
    assert "h_1 = (" in text.split("layer 0, reverse")[1]  # at t=0 the reverse direction has read the step t=1
    lines = str(trace(RNN(2, 3, num_layers=2, rng=0).forward(np.ones((1, 2))))).splitlines()
    assert [line for line in lines if "layer" in line] == [f't=0 ""   cells[{i}]: layer {i}' for i in (0, 1)]


def test_every_kind_of_cell_has_its_equation():
    below = RNNCell.from_weights([[1.0]], [[0.5]], [0.1])
    relu = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity="relu")
    own = RNNCell.from_weights([[1.0]], [[0.5]], nonlinearity=(np.tanh, lambda h: 1 - h * h))
    text = str(trace(RNN.from_cells([below, below, relu, own]).forward([[1.0]])))
    assert text.startswith(
        "cells[0], cells[1]: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), the same weights at every step\n"
        "cells[2]: h_t = relu(W_xh x_t + W_hh h_{t-1}), the same weights at every step\n"
        "cells[3]: h_t = f(W_xh x_t + W_hh h_{t-1}), the same weights at every step\n\n"
    )
    text = str(trace(RNN(2, 3, bidirectional=True, rng=0).forward(np.ones((2, 2)))))
    assert "cells[1]: h_t = tanh(W_xh x_t + W_hh h_{t+1} + b_h)" in text


def test_the_page_can_be_saved_and_shown_in_a_notebook(run, tmp_path):
    steps = trace(run, ["<script>1", "I", "love", "it"])
    steps.save_html(tmp_path / "steps.html")
    assert (tmp_path / "steps.html").read_text("utf-8") == steps.to_html()
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" .*></iframe>', steps._repr_html_())
    assert html.unescape(frame.group(1)) == steps.to_html()
    assert "<script>1" not in steps.to_html()


# --- what is refused


class OwnCell(RNNCell):
    def forward(self, x_t, h_prev=None):
        return super().forward(x_t, h_prev)


def run_of(name):
    if name == "RNN":
        return worked_model().forward([0, 1, 2, 3]).rnn_run
    if name == "own cell":
        return RNN.from_cells([OwnCell(2, 3, rng=0)]).forward(np.ones((1, 4, 2)))
    if name == "a network":
        return RNN(2, 3, rng=0)
    model, inputs = model_and_inputs(name, np.random.default_rng(0))
    return model.forward(**inputs)


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("EncoderDecoder", {}, TypeError, r"run must be .*, got .*run\.encoder_run or run\.decoder_run"),
        ("own cell", {}, TypeError, r"run must be .*RNNCells, got cells\[0\] of the class OwnCell"),
        ("RNN", {"loss": cross_entropy, "targets": [1]}, TypeError, "run must be a model's run.*, got .*RNNRun"),
        ("RNN", {"d_logits": np.ones((4, 1))}, TypeError, "run must be a model's run.*, got .*RNNRun"),
        ("RNN", {"d_output": np.ones((3, 3))}, ValueError, r"d_output must be .*\(4, 3\).*, got shape \(3, 3\)"),
        ("RNN", {"d_h_n": np.full((1, 3), np.nan)}, ValueError, r"d_h_n must be finite .*, got nan at index \(0, 0\)"),
        ("RNN", {"tokens": ["I", "love", "this"]}, ValueError, "tokens must be 4 tokens.*, got 3"),
        ("RNN", {"row": 1}, IndexError, "row must be from 0 to 0, got 1"),
        ("RNN", {"row": "0"}, TypeError, "row must be an integer, got '0'"),
        ("ManyToOne", {"row": -1}, IndexError, "row must be from 0 to 2, got -1"),
        ("ManyToOne", {"loss": cross_entropy}, ValueError, "targets must be .*, got None"),
        ("ManyToOne", {"loss": cross_entropy, "targets": [1, 2]}, ValueError, r"targets must be an array of 3 rows.*, got shape \(2,\)"),
        ("ManyToMany", {"loss": cross_entropy, "targets": [1, 2, 3]}, ValueError, "targets must be .*, got shape"),
        ("Decoder", {"loss": cross_entropy, "targets": 1}, ValueError, r"targets must be an array of 3 rows.*, got shape \(\)"),
        ("Decoder", {"loss": "cross_entropy"}, TypeError, "loss must be a loss function, got 'cross_entropy'"),
        ("Decoder", {"d_logits": np.ones((3, 4, 7))}, ValueError, r"d_logits must be .*\(3, 5, 7\).*, got shape \(3, 4, 7\)"),
        ("a network", {}, TypeError, r"run must be the run of a network, got RNN\(2, 3\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_run_is_refused(name, arguments, error, message):
    with pytest.raises(error, match=f"^(trace|cross_entropy): {message}"):
        trace(run_of(name), **arguments)


@pytest.mark.parametrize(
    "upstream",
    [
        {"loss": binary_cross_entropy, "targets": [1, 0], "d_logits": np.ones((2, 1))},
        {"d_logits": np.ones((2, 1)), "d_h_n": np.ones((1, 2, 3))},
        {"d_logits": np.ones((2, 1)), "d_output": np.ones((2, 4, 3))},
        {"targets": [1, 0]},
    ],
)
@pytest.mark.parametrize("function", [trace, gradient_flow])
def test_a_second_gradient_is_refused_rather_than_ignored(function, upstream):
    model = ManyToOne(RNN(2, 3, rng=0), ManyToOneHead(3, 1, rng=1))
    with pytest.raises(ValueError, match=f"^{function.__name__}: the gradient must be one of"):
        function(model.forward(np.ones((2, 4, 2))), **upstream)
